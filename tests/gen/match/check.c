/* Whether generated matchers find what the naive one finds, on random graphs.
 *
 * Usage: check SEED GRAPHS FILE.pat... [MODEL...]
 *
 * Linked with the C that solderc made of the .pat files over recording.h, as ruleset `recorded`. A graph consists of
 * examples, joined and changed at random: the models, the tests that stand in rules, or if there are none the left
 * sides of all rules. Every match counts, with all that the right side would build, also those that an earlier rule
 * hides. */
#include <stdlib.h>
#include <string.h>

#include "dims.h"
#include "instance.h"
#include "naive.h"
#include "prover.h"
#include "recording.h"
#include "users.h"

const sld_ruleset *sld_ruleset_recorded(void);

typedef struct lines { char **at; uint32_t n, cap; } lines;

static void add_line(lines *l, char *text)
{
    if (l->n == l->cap)
        l->at = realloc(l->at, (l->cap = 2 * l->cap + 16) * sizeof *l->at);
    l->at[l->n++] = text;
}

/* -------------------------------------------------------------- recording -- */

static struct { lines *to; sld_node root; FILE *f; char *text; size_t size; uint32_t built; int last_rule; } rec;

void record_begin(int rule, const sld_node *nodes, uint32_t n, uint32_t all)
{
    rec.f = open_memstream(&rec.text, &rec.size);
    rec.built = 0;
    fprintf(rec.f, "%s at n%u, nodes", sld_ruleset_recorded()->rules[rule].name, rec.root);
    for (uint32_t i = 0; i < all; i++)
        fprintf(rec.f, "%s n%u", i == n ? ", beside" : "", nodes[i]);
    if (rule < rec.last_rule) {
        fprintf(stderr, "rule %s is tried after a later one\n", sld_ruleset_recorded()->rules[rule].name);
        exit(1);
    }
    rec.last_rule = rule;
}

#define BUILT 0x80000000u

static void print_value(sld_value v)
{
    if (v & BUILT)
        fprintf(rec.f, " new%u.%u", (v & ~BUILT) >> 8, v & 255);
    else
        fprintf(rec.f, " v%u", v);
}

static void print_attr(const sld_attr *a)
{
    fprintf(rec.f, " %u:", a->kind);
    if (a->kind == SLD_ATTR_FLOAT)
        fprintf(rec.f, "%.17g", a->f);
    else if (a->kind == SLD_ATTR_STRING)
        fprintf(rec.f, "\"%s\"", a->s);
    else if (a->kind != SLD_ATTR_INTS && a->kind != SLD_ATTR_AXES)
        fprintf(rec.f, "%lld", (long long)a->i);
    else
        for (uint32_t i = 0; i < a->n; i++)
            fprintf(rec.f, "%s%lld", i ? "," : "", (long long)a->p[i]);
}

uint32_t record_build(const sld_graph *g, uint16_t op, uint32_t n_in, const sld_value *in, const sld_attr *attrs)
{
    fprintf(rec.f, "; %s", g->rules->ops[op].name);
    for (uint32_t i = 0; i < n_in; i++)
        print_value(in[i]);
    for (uint32_t i = 0; i < g->rules->ops[op].n_attrs; i++)
        print_attr(&attrs[i]);
    return ++rec.built;
}

uint32_t record_result(uint32_t node, uint32_t i)
{
    return BUILT | node << 8 | i;
}

void record_yield(sld_value old, sld_value with)
{
    fprintf(rec.f, "; v%u =", old);
    print_value(with);
}

void record_end(void)
{
    fclose(rec.f);
    add_line(rec.to, rec.text);
}

/* ------------------------------------------------------------------ rules -- */

typedef struct variant { x_variant *v; uint32_t matches; } variant;
typedef struct rules {
    pat_session *session;
    pat_program *program;
    sld_ctx *ctx;
    variant *at;
    uint32_t n, n_examples;
    sld_graph **examples;
} rules;

static void add_example(rules *r, sld_graph *g, const char *what)
{
    if (!g) {
        fprintf(stderr, "%s\n%s\n", sld_error(r->ctx), what);
        exit(1);
    }
    r->examples = realloc(r->examples, (r->n_examples + 1) * sizeof(sld_graph *));
    r->examples[r->n_examples++] = g;
}

static void add_text(rules *r, const char *text)
{
    if (text)
        add_example(r, sld_text_parse(r->ctx, sld_ruleset_recorded(), "example", text, strlen(text)), text);
}

static void add_left_sides(rules *r)
{
    for (uint32_t i = 0; i < r->program->rules.n; i++) {
        x_choice choice = {.n = 0};
        do {
            const pat_rule *rule = r->program->rules.at[i];
            t_env *t = t_open(r->session, r->program, rule, pat_expand(r->session, r->program, rule, &choice), NULL);
            const char *text = pat_example(t, NULL);
            sld_graph *g = text ? sld_text_parse(r->ctx, sld_ruleset_recorded(), "", text, strlen(text)) : NULL;
            if (g) /* what the checker leaves open may not fit together */
                add_example(r, g, text);
            t_close(t);
        } while (pat_next_choice(&choice));
    }
}

static void add_examples(rules *r, int n_models, char **models)
{
    pat_instances tests = {0};
    pat_make_instances(r->session, r->program, &tests);
    for (uint32_t i = 0; i < tests.n; i++)
        add_text(r, tests.at[i]->graph);
    for (int i = 0; i < n_models; i++)
        add_example(r, sld_import(r->ctx, sld_ruleset_recorded(), models[i]), models[i]);
    if (!r->n_examples)
        add_left_sides(r);
}

static void add_variants(rules *r)
{
    for (uint32_t i = 0; i < r->program->rules.n; i++) {
        x_choice choice = {.n = 0};
        do {
            r->at = realloc(r->at, (r->n + 1) * sizeof *r->at);
            r->at[r->n++].v = pat_expand(r->session, r->program, r->program->rules.at[i], &choice);
        } while (pat_next_choice(&choice));
    }
    for (uint32_t i = 0; i < r->n; i++)
        r->at[i].matches = 0;
}

static bool is_rules(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && !strcmp(path + n - 4, ".pat");
}

static rules load(int n, char **files)
{
    int n_rules = 0;
    rules r = {.session = pat_open(), .ctx = sld_ctx_new(NULL)};
    while (n_rules < n && is_rules(files[n_rules]))
        n_rules++;
    r.program = pat_parse_files(r.session, n_rules, (const char *const *)files);
    if (!pat_check(r.session, r.program)) {
        pat_print_diags(r.session, stderr);
        exit(1);
    }
    add_variants(&r);
    add_examples(&r, n - n_rules, files + n_rules);
    return r;
}

static void unload(rules *r)
{
    for (uint32_t i = 0; i < r->n_examples; i++)
        sld_graph_free(r->examples[i]);
    free(r->examples);
    free(r->at);
    pat_close(r->session);
    sld_ctx_free(r->ctx);
}

/* ----------------------------------------------------------------- graphs -- */

typedef struct maker { sld_graph *g; uint64_t seed; } maker;

static uint32_t draw(maker *m, uint32_t n)
{
    m->seed = m->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(m->seed >> 33) % n;
}

/* A dim of e, in m->g. */
static sld_dim copy_dim(maker *m, const sld_graph *e, sld_dim d)
{
    char text[400];
    if (!sld_dim_is_sym(d))
        return d;
    sld_dim_print(e, d, text, sizeof text);
    return sld_dim_parse(m->g, text, 0, INT64_MAX);
}

static void copy_symbols(maker *m, const sld_graph *e)
{
    for (uint32_t i = 0; i < sld_dim_n_symbols(e); i++) {
        int64_t lo, hi;
        sld_dim_symbol_range(e, i, &lo, &hi);
        sld_dim_symbol(m->g, sld_dim_symbol_name(e, i), lo, hi);
    }
}

static const sld_dim *copy_dims(maker *m, const sld_graph *e, const sld_dim *dims, uint32_t n)
{
    sld_dim *copy = sld__graph_alloc(m->g, (n + 1) * sizeof *copy);
    for (uint32_t i = 0; i < n; i++)
        copy[i] = copy_dim(m, e, dims[i]);
    return copy;
}

static void copy_attr(maker *m, const sld_graph *e, sld_attr *a)
{
    if (a->kind == SLD_ATTR_INT)
        a->i = copy_dim(m, e, a->i);
    else if (a->kind == SLD_ATTR_INTS)
        a->p = copy_dims(m, e, a->p, a->n);
}

/* A value of the graph with the type of v of e, 0 if none is met. */
static sld_value draw_same(maker *m, const sld_graph *e, sld_value v)
{
    const sld_type_rec *t = sld_type_of(e, v);
    uint32_t type = sld__type(m->g, (sld_dtype)t->dtype, t->rank, copy_dims(m, e, sld_shape(e, v), t->rank));
    for (int tries = 0; tries < 20 && m->g->values.n > 1; tries++) {
        sld_value x = 1 + draw(m, m->g->values.n - 1);
        if (m->g->values.at[x].type == type)
            return x;
    }
    return 0;
}

static sld_value copy_source(maker *m, const sld_graph *e, sld_value v)
{
    const sld_type_rec *t = sld_type_of(e, v);
    const sld_dim *shape = copy_dims(m, e, sld_shape(e, v), t->rank);
    if (sld_kind(e, v) == SLD_VALUE_CONST)
        return sld_graph_const(m->g, NULL, (sld_dtype)t->dtype, t->rank, shape, sld_const_of(e, v)->data,
                               sld_const_of(e, v)->nbytes);
    sld_value x = draw(m, 3) ? 0 : draw_same(m, e, v);
    return x ? x : sld_graph_input(m->g, NULL, (sld_dtype)t->dtype, t->rank, shape);
}

static void change_operands(maker *m, const sld_graph *e, sld_node n, sld_value *in)
{
    uint32_t n_in = e->nodes.at[n].n_in, i = n_in ? draw(m, n_in) : 0;
    sld_value other = n_in && !draw(m, 6) && sld_operand(e, n, i) ? draw_same(m, e, sld_operand(e, n, i)) : 0;
    if (n_in >= 2 && draw(m, 2)) {
        sld_value first = in[0];
        in[0] = in[1];
        in[1] = first;
    }
    if (other)
        in[i] = other;
}

static void change_attrs(maker *m, sld_attr *attrs, uint32_t n)
{
    sld_attr *a = n && !draw(m, 12) ? &attrs[draw(m, n)] : NULL;
    if (!a)
        return;
    if (a->kind == SLD_ATTR_FLOAT)
        a->f *= 2;
    else if (a->kind == SLD_ATTR_BOOL)
        a->i = !a->i;
    else if (a->kind == SLD_ATTR_INT || a->kind == SLD_ATTR_AXIS || a->kind == SLD_ATTR_ENUM)
        a->i = draw(m, 3) - (a->kind == SLD_ATTR_AXIS ? 2 : 0);
}

/* The node as it is, or changed where that is allowed; now and then twice. */
static sld_node copy_node(maker *m, const sld_graph *e, sld_node n, const sld_value *map)
{
    const sld_call c = sld__call_of(e, n);
    uint32_t n_attrs = sld_node_op(e, n)->n_attrs;
    sld_value in[512], plain[512];
    sld_attr attrs[64], plain_attrs[64];
    for (uint32_t i = 0; i < n_attrs; i++) {
        attrs[i] = c.attrs[i];
        copy_attr(m, e, &attrs[i]);
        plain_attrs[i] = attrs[i];
    }
    for (uint32_t i = 0; i < c.n_in; i++) {
        in[i] = plain[i] = map[c.in[i]];
        if (c.in[i] && !in[i])
            return 0;
    }
    change_operands(m, e, n, in);
    change_attrs(m, attrs, n_attrs);
    sld_node made = sld_graph_add(m->g, c.op, c.n_in, in, attrs, c.n_out, NULL);
    if (!made)
        made = sld_graph_add(m->g, c.op, c.n_in, plain, plain_attrs, c.n_out, NULL);
    if (made && !draw(m, 12))
        sld_graph_add(m->g, c.op, c.n_in, in, attrs, c.n_out, NULL);
    return made;
}

static void join(maker *m, const sld_graph *e)
{
    copy_symbols(m, e);
    sld_value *map = calloc(e->values.n, sizeof *map);
    for (sld_value v = 1; v < e->values.n; v++)
        if (sld_kind(e, v) == SLD_VALUE_INPUT || sld_kind(e, v) == SLD_VALUE_CONST)
            map[v] = copy_source(m, e, v);
    for (sld_node n = sld_first_node(e); n; n = sld_next_node(e, n)) {
        sld_node made = copy_node(m, e, n, map);
        for (uint32_t i = 0; made && i < sld_n_results(e, n); i++)
            map[sld_result(e, n, i)] = sld_result(m->g, made, i);
    }
    free(map);
}

static void add_outputs(maker *m)
{
    for (sld_value v = 1; v < m->g->values.n; v++)
        if (sld_kind(m->g, v) == SLD_VALUE_RESULT && (!m->g->values.at[v].n_uses ? draw(m, 8) != 0 : !draw(m, 30)))
            sld_graph_output(m->g, NULL, v);
}

static sld_graph *make_graph(const rules *r, uint64_t seed)
{
    maker m = {sld_graph_new(r->ctx, sld_ruleset_recorded()), seed * 2654435761u};
    for (uint32_t left = 2 + draw(&m, 5); left && m.g->n_nodes < 150; left--)
        join(&m, r->examples[draw(&m, r->n_examples)]);
    add_outputs(&m);
    return m.g;
}

/* ---------------------------------------------------------------- the test -- */

static void found(void *of, naive_match *m)
{
    ((variant *)of)->matches++;
    for (uint32_t i = 0; i < m->v->nodes.n; i++) {
        const x_node *p = m->v->nodes.at[i];
        uint32_t reads = 0;
        for (uint32_t k = 0; k < p->results.n; k++)
            reads += p->results.at[k]->n_uses;
        if (reads)
            continue;
        rec.root = m->nodes[p->id];
        rec.last_rule = 0;
        naive_apply(m);
    }
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* A match that is found in two ways counts once. */
static void sort_lines(lines *l)
{
    uint32_t n = 0;
    if (l->n)
        qsort(l->at, l->n, sizeof *l->at, by_text);
    for (uint32_t i = 0; i < l->n; i++)
        if (n && !strcmp(l->at[n - 1], l->at[i]))
            free(l->at[i]);
        else
            l->at[n++] = l->at[i];
    l->n = n;
}

static bool compare(const lines *naive, const lines *generated)
{
    uint32_t i = 0, k = 0, wrong = 0;
    while (i < naive->n || k < generated->n) {
        int c = i == naive->n ? 1 : k == generated->n ? -1 : strcmp(naive->at[i], generated->at[k]);
        if (c)
            fprintf(stderr, "%s: %s\n", c < 0 ? "missed" : "found wrongly", c < 0 ? naive->at[i] : generated->at[k]);
        wrong += c != 0;
        i += c <= 0;
        k += c >= 0;
    }
    return !wrong;
}

static bool check_graph(sld_graph *g, rules *r)
{
    lines naive = {0}, generated = {0};
    if (!sld__users_make(g))
        exit(1);
    rec.to = &generated;
    for (uint32_t phase = 0; phase < g->rules->n_phases; phase++)
        for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
            rec.root = n;
            rec.last_rule = 0;
            const sld_root *root = &g->rules->roots[phase][g->nodes.at[n].op];
            if (sld__may_match(g, n, root))
                root->rewrite(g, n, root->rule);
        }
    rec.to = &naive;
    for (uint32_t i = 0; i < r->n; i++)
        naive_find(g, r->program, r->at[i].v, found, &r->at[i]);
    sort_lines(&naive);
    sort_lines(&generated);
    bool same = compare(&naive, &generated);
    for (uint32_t i = 0; i < naive.n; i++)
        free(naive.at[i]);
    for (uint32_t i = 0; i < generated.n; i++)
        free(generated.at[i]);
    free(naive.at);
    free(generated.at);
    return same;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return fprintf(stderr, "usage: check SEED GRAPHS FILE.pat... [MODEL...]\n"), 2;
    rules r = load(argc - 3, argv + 3);
    uint32_t seed = (uint32_t)atoi(argv[1]), matched = 0, matches = 0;
    bool ok = true;
    for (uint32_t i = 0; i < (uint32_t)atoi(argv[2]) && ok; i++) {
        sld_graph *g = make_graph(&r, seed + i);
        ok = check_graph(g, &r);
        if (!ok) {
            fprintf(stderr, "in the graph of seed %u:\n", seed + i);
            sld_text_print(g, stderr, 0);
        }
        sld_graph_free(g);
    }
    for (uint32_t i = 0; i < r.n; i++) {
        matched += r.at[i].matches > 0;
        matches += r.at[i].matches;
    }
    printf("%u of %u variants matched, %u matches\n", matched, r.n, matches);
    unload(&r);
    return !ok;
}
