/* Rules that are loaded at run time see the graph through a table of functions. */
#include <dlfcn.h>

#include "embed.h"
#include "engine.h"

#define SLD_PRIMITIVES "sld_face.h"
#include "sld_match.h"

/* By the names of the ops, when the rules are loaded. */
static int op_of_engine[ENGINE_N_OPS], engine_of_op[256];
static const sld_matcher *rules;

static int op(void *g, void *n) { (void)g; return op_of_engine[((node *)n)->op]; }
static uint32_t n_operands(void *g, void *n) { (void)g; return ((node *)n)->n_src; }
static void *operand(void *g, void *n, uint32_t i) { (void)g; return node_src(n, i); }
static uint32_t n_results(void *g, void *n) { (void)g; return ((node *)n)->n_out; }
static void *result(void *g, void *n, uint32_t i) { (void)g; return &((node *)n)->out[i]; }
static sld_attr attr(void *g, void *n, uint32_t i) { (void)g; return ((node *)n)->attrs[i]; }
static void *producer(void *g, void *v) { (void)g; return v ? ((tensor *)v)->producer : NULL; }
static uint32_t result_index(void *g, void *v) { (void)g; return ((tensor *)v)->index; }
static uint32_t uses(void *g, void *v) { (void)g; return ((tensor *)v)->uses; }
static int dtype(void *g, void *v) { (void)g; return ((tensor *)v)->type->dtype; }
static uint32_t rank(void *g, void *v) { (void)g; return ((tensor *)v)->type->rank; }
static sld_dim dim(void *g, void *v, uint32_t i) { (void)g; return ((tensor *)v)->type->dims[i]; }
static bool is_const(void *g, void *v) { (void)g; return ((tensor *)v)->number != NULL; }
static void *built(void *g, void *n, uint32_t i) { (void)g; return n ? &((node *)n)->out[i] : NULL; }
static void yield(void *g, void *old, void *with) { rewrite_yield(g, old, with); }
static bool commit(void *g) { return rewrite_commit(g); }

static bool scalar(void *g, void *v, double *number)
{
    const double *d = ((tensor *)v)->number;
    (void)g;
    if (d)
        *number = *d;
    return d != NULL;
}

static bool begin(void *g, int rule, void *const *nodes, uint32_t n, uint32_t all)
{
    (void)all;
    return rewrite_begin(g, rule, (node *const *)nodes, n);
}

static void *build(void *g, int op, uint32_t n_in, void *const *in, const sld_attr *attrs, uint32_t n_out)
{
    int own = engine_of_op[op];
    return rewrite_build(g, own, n_in, (tensor *const *)in, attrs, engine_n_attrs[own], n_out);
}

static const sld_face face = {
    .op = op, .n_operands = n_operands, .operand = operand, .n_results = n_results, .result = result, .attr = attr,
    .producer = producer, .result_index = result_index, .uses = uses, .dtype = dtype, .rank = rank, .dim = dim,
    .is_const = is_const, .scalar = scalar, .begin = begin, .build = build, .built = built, .yield = yield,
    .commit = commit,
};

static void map_ops(void)
{
    static const char *const names[ENGINE_N_OPS] = {"",
#define X(own, name, n_attrs) #name,
        ENGINE_OPS(X)
#undef X
    };
    for (uint32_t id = 1; id < rules->n_ops; id++)
        for (int own = 1; own < ENGINE_N_OPS; own++)
            if (!strcmp(rules->ops[id], names[own])) {
                op_of_engine[own] = (int)id;
                engine_of_op[id] = own;
            }
}

static int rewrite(graph *g, node *n, uint32_t phase)
{
    const sld_engine engine = {&face, g};
    return rules->rewrite(&engine, n, phase);
}

bool face_fuse(graph *g, const char *path)
{
    void *library = dlopen(path, RTLD_NOW);
    rules = library ? dlsym(library, "sld_matcher_embed") : NULL;
    if (rules) {
        map_ops();
        graph_fuse(g, rules->n_phases, rewrite);
    }
    if (library)
        dlclose(library);
    return rules != NULL;
}
