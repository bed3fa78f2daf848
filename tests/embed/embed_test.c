/* The same rules on Solder's graph, on a graph of pointers without use lists, and through a table of functions leave
 * the same graph; and the example of EMBEDDING.md does what it says. */
#include <check.h>

#include "../dsl/solderc.h"
#include "embed.h"
#include "engine.h"
#include "graph.h"


Suite *embed_suite(void);
const sld_ruleset *sld_ruleset_embed(void);

/* What is bound to must exist; none of it runs. */
#define KERNEL(op) \
    const char *sld_ref_##op##_stub(const sld_launch *l); \
    const char *sld_ref_##op##_stub(const sld_launch *l) { return l ? "not meant to run" : NULL; }
KERNEL(add)
KERNEL(neg)
KERNEL(quant)
KERNEL(roll)
KERNEL(add_rms_norm)
KERNEL(silu_mul)
KERNEL(norm_quant)
KERNEL(norm_rope)
KERNEL(masked_sum)

enum { RULES = 11, MOST = 400, ROWS = 8, COLUMNS = 128 };

/* One graph of each kind, built alike; values by number. */
typedef struct twins {
    sld_ctx *ctx;
    sld_graph *solder;
    graph pointer, face;
    uint32_t n, n_outputs, seed;
    sld_value a[MOST];
    tensor *b[MOST], *c[MOST], *b_out[MOST], *c_out[MOST];
} twins;

static const tensor_type matrix = {SLD_F32, 2, {ROWS, COLUMNS}}, number = {SLD_F32, 0, {0}};
static const double one = 1, two = 2;

static uint32_t draw(twins *t, uint32_t n)
{
    t->seed = t->seed * 1664525u + 1013904223u;
    return (t->seed >> 8) % n;
}

/* --------------------------------------------------------------- building -- */

static void add_source(twins *t, const double *value)
{
    static const sld_dim dims[2] = {ROWS, COLUMNS};
    const tensor_type *type = value ? &number : &matrix;
    const float f = value ? (float)*value : 0;
    t->a[t->n] = value ? sld_graph_const(t->solder, NULL, SLD_F32, 0, dims, &f, sizeof f)
                       : sld_graph_input(t->solder, NULL, SLD_F32, 2, dims);
    t->b[t->n] = graph_tensor(&t->pointer, type, value);
    t->c[t->n++] = graph_tensor(&t->face, type, value);
}

static tensor *const *add_node(graph *g, int op, uint32_t n, const uint32_t *in, tensor *const *of, const sld_attr *attrs,
                               uint32_t n_out)
{
    static tensor *made[2];
    tensor *src[8];
    for (uint32_t i = 0; i < n; i++)
        src[i] = in[i] ? of[in[i]] : NULL;
    node *m = graph_add(g, op, n, src, attrs, n_out);
    for (uint32_t i = 0; i < n_out; i++)
        made[i] = &m->out[i];
    return made;
}

static void add(twins *t, int op, const char *name, uint32_t n, const uint32_t *in, const sld_attr *attrs, uint32_t n_out)
{
    sld_value src[8];
    const sld_attr *own = keep_attrs(&t->pointer, attrs, engine_n_attrs[op]);
    for (uint32_t i = 0; i < n; i++)
        src[i] = in[i] ? t->a[in[i]] : 0;
    sld_node made = sld_graph_add(t->solder, sld_op_find(sld_ruleset_embed(), name), n, src, attrs, n_out, NULL);
    ck_assert_msg(made != 0, "%s", sld_error(t->ctx));
    tensor *const *b = add_node(&t->pointer, op, n, in, t->b, own, n_out);
    for (uint32_t i = 0; i < n_out; i++)
        t->b[t->n + i] = b[i];
    tensor *const *c = add_node(&t->face, op, n, in, t->c, own, n_out);
    for (uint32_t i = 0; i < n_out; i++) {
        t->c[t->n + i] = c[i];
        t->a[t->n + i] = sld_result(t->solder, made, i);
    }
    t->n += n_out;
}

/* Values 1 and 2 are the numbers 1 and 2, then come matrices; those that were made last are read most. */
static uint32_t any_matrix(twins *t)
{
    uint32_t last = t->n - 3;
    return 3 + (draw(t, 4) ? last - 1 - draw(t, last < 4 ? last : 4) : draw(t, last));
}

static void add_random(twins *t)
{
    const sld_attr eps = {.kind = SLD_ATTR_FLOAT, .f = draw(t, 4) ? 1e-5 : 1e-6};
    const sld_attr quant[2] = {{.kind = SLD_ATTR_INT, .i = draw(t, 2) ? 128 : 96}, {.kind = SLD_ATTR_ENUM, .i = draw(t, 2)}};
    const sld_dim shifts[2] = {draw(t, 3), draw(t, 3)};
    const sld_attr list = {.kind = SLD_ATTR_INTS, .n = 2, .p = shifts};
    uint32_t in[4] = {any_matrix(t), any_matrix(t), any_matrix(t), any_matrix(t)};
    switch (draw(t, 14)) {
    case 0: case 12: case 13: add(t, ENGINE_NEG, "neg", 1, in, NULL, 1); break;
    case 1: add(t, ENGINE_SILU, "silu", 1, in, NULL, 1); break;
    case 2: in[draw(t, 2)] = draw(t, 3) ? 1 : 2; /* fallthrough */
    case 3: add(t, ENGINE_MUL, "mul", 2, in, NULL, 1); break;
    case 4: case 5: add(t, ENGINE_ADD, "add", 2, in, NULL, 1); break;
    case 6: case 7: add(t, ENGINE_RMS_NORM, "rms_norm", 1, in, &eps, 1); break;
    case 8: add(t, ENGINE_QUANT, "quant", 1, in, quant, 1); break;
    case 9: add(t, ENGINE_ROLL, "roll", 1, in, &list, 1); break;
    case 10:
        in[1] = draw(t, 3) ? in[1] : 0;
        add(t, ENGINE_MASK, "mask", in[1] ? 2 : 1 + draw(t, 2), in, NULL, 1);
        break;
    default:
        for (uint32_t i = 0; i < 2 && draw(t, 4); i++) {
            add(t, ENGINE_RMS_NORM, "rms_norm", 1, &in[i], &eps, 1);
            in[i] = t->n - 1;
        }
        if (draw(t, 2))
            add(t, ENGINE_ROPE, "rope", 2, in, NULL, 2);
        else
            add(t, ENGINE_SUM, "sum", 1 + draw(t, 4), in, NULL, 1);
    }
}

static void add_outputs(twins *t)
{
    for (uint32_t i = 3; i < t->n; i++)
        if (!t->b[i]->uses || !draw(t, 12)) {
            sld_graph_output(t->solder, NULL, t->a[i]);
            t->b_out[t->n_outputs] = t->b[i];
            t->c_out[t->n_outputs++] = t->c[i];
            t->b[i]->uses++;
            t->c[i]->uses++;
        }
}

/* ----------------------------------------------------------- fingerprints -- */

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static uint64_t hash_text(const char *text)
{
    uint64_t h = 7;
    while (*text)
        h = mix(h, (unsigned char)*text++);
    return h;
}

static uint64_t hash_attr(uint64_t h, const sld_attr *a)
{
    uint64_t bits;
    memcpy(&bits, &a->f, sizeof bits);
    if (a->kind != SLD_ATTR_INTS)
        return mix(h, bits);
    for (uint32_t i = 0; i < a->n; i++)
        h = mix(h, (uint64_t)a->p[i]);
    return h;
}

/* What a value is computed from: independent of the order of nodes. */
static uint64_t hash_source(uint32_t index)
{
    return mix(99, index);
}

/* Of all outputs in their order. */
static uint64_t hash_solder(const sld_graph *g)
{
    uint64_t *all = calloc(g->values.n + 1, sizeof *all), sum = 0;
    double d;
    for (sld_value v = 1; v < g->values.n; v++)
        if (sld_kind(g, v) == SLD_VALUE_CONST && sld_value_scalar(g, v, &d))
            all[v] = hash_source((uint32_t)d);
    for (uint32_t i = 0; i < g->inputs.n; i++)
        all[g->inputs.at[i]] = hash_source(3 + i);
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
        const sld_call c = sld__call_of(g, n);
        uint64_t h = hash_text(sld_node_op(g, n)->name);
        for (uint32_t i = 0; i < c.n_in; i++)
            h = c.in[i] ? mix(h, all[c.in[i]]) : h;
        for (uint32_t i = 0; i < sld_node_op(g, n)->n_attrs; i++)
            h = hash_attr(h, &c.attrs[i]);
        for (uint32_t i = 0; i < c.n_out; i++)
            all[sld_result(g, n, i)] = mix(h, i);
    }
    for (uint32_t i = 0; i < g->outputs.n; i++)
        sum = mix(sum, all[g->outputs.at[i].value]);
    free(all);
    return sum;
}

static uint64_t hash_pointers(graph *g, tensor *const *outputs, uint32_t n_outputs)
{
    static const char *const names[ENGINE_N_OPS] = {"",
#define X(own, name, n_attrs) #name,
        ENGINE_OPS(X)
#undef X
    };
    uint64_t sum = 0;
    for (node *n = g->ends.next; n != &g->ends; n = n->next) {
        uint64_t h = hash_text(names[n->op]);
        for (uint32_t i = 0; i < n->n_src; i++)
            h = node_src(n, i) ? mix(h, node_src(n, i)->note) : h;
        for (uint32_t i = 0; i < engine_n_attrs[n->op]; i++)
            h = hash_attr(h, &n->attrs[i]);
        for (uint32_t i = 0; i < n->n_out; i++)
            n->out[i].note = mix(h, i);
    }
    for (uint32_t i = 0; i < n_outputs; i++)
        sum = mix(sum, tensor_now(outputs[i])->note);
    return sum;
}

/* -------------------------------------------------------------------- tests -- */

/* Two numbers and three inputs, values 1 to 5. */
static void make_sources(twins *t, uint32_t seed)
{
    *t = (twins){.ctx = sld_ctx_new(NULL), .n = 1, .seed = seed};
    t->solder = sld_graph_new(t->ctx, sld_ruleset_embed());
    graph_init(&t->pointer);
    graph_init(&t->face);
    add_source(t, &one);
    add_source(t, &two);
    for (uint32_t i = 3; i < 6; i++)
        add_source(t, NULL);
    for (uint32_t i = 1; i < 6; i++)
        t->b[i]->note = t->c[i]->note = hash_source(i);
}

static void make_twins(twins *t, uint32_t seed)
{
    make_sources(t, seed);
    for (uint32_t n = 5 + draw(t, 60); n-- > 0;)
        add_random(t);
    add_outputs(t);
}

static void free_twins(twins *t)
{
    graph_free(&t->pointer);
    graph_free(&t->face);
    sld_graph_free(t->solder);
    sld_ctx_free(t->ctx);
}

START_TEST(same_on_all_graphs)
{
    uint32_t fired[RULES] = {0};
    const char *path = getenv("EMBED_FACE");
    ck_assert_ptr_nonnull(path);
    ck_assert_uint_eq(sld_ruleset_embed()->n_rules, RULES);
    for (uint32_t seed = 1; seed <= 3000; seed++) {
        twins t;
        make_twins(&t, seed);
        t.pointer.fired = fired;
        ck_assert_uint_eq(hash_solder(t.solder), hash_pointers(&t.pointer, t.b_out, t.n_outputs));
        ck_assert_int_eq(sld_fuse(t.solder, NULL, NULL), SLD_OK);
        pointer_fuse(&t.pointer);
        ck_assert_msg(face_fuse(&t.face, path), "cannot load %s", path);
        ck_assert_msg(hash_solder(t.solder) == hash_pointers(&t.pointer, t.b_out, t.n_outputs), "seed %u", seed);
        ck_assert_msg(hash_solder(t.solder) == hash_pointers(&t.face, t.c_out, t.n_outputs), "seed %u", seed);
        ck_assert_uint_eq(sld_graph_n_nodes(t.solder), t.pointer.n_nodes);
        ck_assert_uint_eq(t.face.n_nodes, t.pointer.n_nodes);
        free_twins(&t);
    }
    for (uint32_t i = 0; i + 1 < RULES; i++) /* the last is that of the test below */
        ck_assert_msg(fired[i] >= 20, "%s fired %u times", sld_ruleset_embed()->rules[i].name, fired[i]);
}
END_TEST

/* A match takes a reader from what nodes before it read, and so lets these match: within the one phase. */
START_TEST(fewer_readers_let_match)
{
    const sld_attr quant[2] = {{.kind = SLD_ATTR_INT, .i = 7}, {.kind = SLD_ATTR_ENUM}};
    twins t;
    make_sources(&t, 1);
    add(&t, ENGINE_NEG, "neg", 1, (uint32_t[]){3}, NULL, 1);
    add(&t, ENGINE_NEG, "neg", 1, (uint32_t[]){6}, NULL, 1);
    add(&t, ENGINE_QUANT, "quant", 1, (uint32_t[]){4}, quant, 1);
    add(&t, ENGINE_MASK, "mask", 2, (uint32_t[]){8, 6}, NULL, 1);
    t.seed = 2; /* outputs are what nobody reads, also the third input */
    add_outputs(&t);
    ck_assert_uint_eq(t.n_outputs, 3);
    ck_assert(pointer_rests(&t.pointer));
    ck_assert_uint_eq(t.pointer.n_nodes, 1);
    ck_assert_int_eq(sld_fuse(t.solder, NULL, NULL), SLD_OK);
    ck_assert_uint_eq(hash_solder(t.solder), hash_pointers(&t.pointer, t.b_out, t.n_outputs));
    free_twins(&t);
}
END_TEST

/* EMBEDDING.md's example: one block of rules, two of C, and what it prints. */
START_TEST(example_of_the_manual)
{
    static const char block[] = "awk '/^```/ { on = 0 } on { print } /^```%s/ && ++n == %d { on = 1 }' gen/EMBEDDING.md >$D/%s";
    static const struct { const char *language, *file; int number; } blocks[] = {
        {"pat", "fusions.pat", 1}, {"c", "my_graph.h", 1}, {"c", "main.c", 2}};
    char command[300];
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        snprintf(command, sizeof command, block, blocks[i].language, blocks[i].number, blocks[i].file);
        free(sh_ok(command, 0));
    }
    free(sh_ok("test $(cat $D/* | wc -l) -lt 150 && $SOLDERC_BIN -n fusions -o $D/fusions.c $D/fusions.pat", 0));
    free(sh_ok("${CC:-gcc} -std=c11 -Wall -Wextra -Werror -I$D -Iruntime -o $D/example $D/main.c -lm 2>&1", 0));
    char *said = sh_ok("sed -n '/a.out/,/^$/{/a.out/!p}' gen/EMBEDDING.md | grep . | sed 's/^    //'", 0);
    char *text = sh_ok("$D/example", 0);
    ck_assert_str_eq(text, said);
    free(text);
    free(said);
    free(sh_ok("${CC:-gcc} -std=c11 -Wall -Wextra -Werror -DSLD_TRACE -I$D -Iruntime -o $D/traced $D/main.c -lm 2>&1", 0));
    char *traced = sh_ok("$D/traced 2>&1 >$D/said | sed '3,9d'", 0);
    ck_assert_str_eq(traced, "fuse_rms_norm \n  add(a: F[*A, H], b: F[*A, H]): yes\n  H % 64 == 0: yes\n"
                             "  rewrite add_rms_norm: yes\n");
    free(traced);
}
END_TEST

Suite *embed_suite(void)
{
    Suite *s = suite_create("embed");
    TCase *t = tcase_create("other engines");
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, example_of_the_manual);
    tcase_add_test(t, same_on_all_graphs);
    tcase_add_test(t, fewer_readers_let_match);
    suite_add_tcase(s, t);
    return s;
}
