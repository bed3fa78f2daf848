/* The acceptance matrix: what the tests of serving engines demand of norms, activations, quantisation, views, collectives
 * and attention, and the edge cases that they leave out. A row holds for all combinations of its parameters: what fires,
 * and why not, is looked at for each; results are compared for combinations that have every value once, and under
 * ACCEPTANCE=1 for each. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"
#include "kern.h"
#include "spell.h"

Suite *acceptance_suite(void);
const sld_ruleset *sld_ruleset_solder(void);

static const table *const tables[] = {&norm_table, &act_table, &view_table, &rank_table, &attention_table};
enum { N_TABLES = sizeof tables / sizeof *tables };

/* One combination of one row. */
typedef struct site {
    const row *r;
    const choice *c;
    const char *text;
    sld_target target;
} site;

#define CHECK(condition, ...) do { if (!(condition)) failed(s, __VA_ARGS__); } while (0)
#define failed(s, ...) (failed_at(s), ck_abort_msg(__VA_ARGS__))

static void failed_at(const site *s)
{
    fprintf(stderr, "%s,%s, by %s\n%s", s->r->name, choice_text(s->c), s->target == SLD_TARGET_REF ? "ref" : "cpu", s->text);
}

/* ---------------------------------------------------------------------- firing -- */

static bool of_family(const char *rule, const char *name, size_t n)
{
    static const char *const others[] = {"_unrounded", "_static", "_group", "_by_rows", "_of_", "_pad"};
    if (strncmp(rule, name, n) || (rule[n] && rule[n] != '_'))
        return false;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strncmp(rule + n, others[i], strlen(others[i])))
            return false;
    return true;
}

static unsigned fired(const sld_rule_stats *stats, const char *name, size_t n)
{
    const sld_ruleset *r = sld_ruleset_solder();
    unsigned k = 0, known = 0;
    for (uint32_t i = 0; i < r->n_rules; i++)
        if (of_family(r->rules[i].name, name, n)) {
            known++;
            k += stats[i].fired;
        }
    ck_assert_msg(known > 0, "no rule %.*s", (int)n, name);
    return k;
}

static unsigned nodes(const sld_graph *g, const char *op, size_t len)
{
    unsigned k = 0;
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n))
        k += strlen(sld_node_op(g, n)->name) == len && !strncmp(sld_node_op(g, n)->name, op, len);
    return k;
}

static void check_counts(const site *s, const sld_graph *g, const sld_rule_stats *stats)
{
    for (const char *c = s->r->counts; *c; c += strcspn(c, " "), c += *c == ' ') {
        size_t n = strcspn(c, "=");
        unsigned want = (unsigned)atoi(c + n + 1), got = *c == '~' ? nodes(g, c + 1, n - 1) : fired(stats, c, n);
        CHECK(got == want, "%.*s: %u, not %u", (int)n, c, got, want);
    }
}

/* What the instances of the first rule of the counts say. */
static void check_why(const site *s, sld_graph *g, const sld_rule_stats *stats)
{
    char *told = NULL;
    size_t len, n = strcspn(s->r->counts, "=");
    FILE *f = open_memstream(&told, &len);
    for (uint32_t i = 0; i < g->rules->n_rules; i++) {
        sld_node matched;
        if (!of_family(g->rules->rules[i].name, s->r->counts, n))
            continue;
        ck_assert_int_eq(sld_explain(g, i, 0, f, &matched), SLD_OK);
        fprintf(f, "%s\n", stats[i].reason);
    }
    fclose(f);
    CHECK(strstr(told, s->r->why) != NULL, "not '%s'\n%s", s->r->why, told);
    free(told);
}

static sld_settings *settings_of(sld_ctx *ctx, const char *options, sld_target target)
{
    char text[200], *save = NULL;
    sld_settings *s = sld_settings_new(ctx, sld_ruleset_solder());
    ck_assert_ptr_nonnull(s);
    snprintf(text, sizeof text, "%s", options ? options : "");
    for (char *item = strtok_r(text, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
        char *value = strchr(item, '=');
        *value++ = 0;
        ck_assert_msg(!sld_settings_set(s, item, value, "test"), "%s", sld_error(ctx));
    }
    ck_assert_msg(!sld_settings_resolve(s, target, NULL, NULL), "%s", sld_error(ctx));
    return s;
}

static sld_graph *parse(const site *s, sld_ctx *ctx)
{
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), s->r->name, s->text, strlen(s->text));
    CHECK(g != NULL, "%s", sld_error(ctx));
    return g;
}

static void fuse(const site *s, sld_graph *g, sld_rule_stats *stats)
{
    sld_settings *settings = settings_of(g->ctx, s->r->options, s->target);
    const sld_fuse_options o = {.target = s->target, .settings = settings, .world = s->r->world, .tokens = s->r->tokens};
    CHECK(!sld_fuse(g, &o, stats) && !sld_graph_verify(g), "%s", sld_error(g->ctx));
    sld_settings_free(settings);
}

static void check_firing(const site *s)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = parse(s, ctx);
    sld_rule_stats *stats = calloc(g->rules->n_rules + 1u, sizeof *stats);
    fuse(s, g, stats);
    check_counts(s, g, stats);
    if (s->r->why)
        check_why(s, g, stats);
    free(stats);
    sld_graph_free(g);
    sld_ctx_free(ctx);
}

/* --------------------------------------------------------------------- results -- */

/* Numbers of very different size; a row of zeros, and one that overflows what 8 bits hold. */
static void *random_input(const sld_graph *g, sld_value v, uint32_t seed)
{
    sld_tensor t = {.dtype = (uint8_t)sld_dtype_of(g, v), .rank = (uint8_t)sld_rank(g, v), .dims = sld_shape(g, v)};
    size_t n = kern_numel(&t), width = t.rank && t.dims[t.rank - 1] ? (size_t)t.dims[t.rank - 1] : 1;
    t.data = malloc(n * kern_size(t.dtype) + 1);
    for (size_t k = 0; k < n; k++) {
        seed = seed * 1664525 + 1013904223;
        double u = (seed >> 8) / 8388608.0 - 1;
        bool first = t.rank > 1 && k / width == 0;
        kern_put(&t, k, t.rank > 1 && k / width == 1 ? 0 : first && k % 91 == 7 ? 90 * u : k % 37 == 5 ? 40 * u : u);
    }
    return t.data;
}

static void make_inputs(const sld_graph *g, void **inputs)
{
    for (uint32_t i = 0; i < g->inputs.n; i++)
        inputs[i] = random_input(g, g->inputs.at[i], 17 * i + 3);
}

static void free_inputs(const sld_graph *g, void **inputs)
{
    for (uint32_t i = 0; i < g->inputs.n; i++)
        free(inputs[i]);
}

typedef struct ran { sld_plan *plan; sld_tensor out[12]; } ran;

static ran run(const site *s, sld_graph *g, void *const *inputs)
{
    ran r = {.plan = sld_plan_new(g, s->target, NULL)};
    ck_assert_uint_le(g->outputs.n, sizeof r.out / sizeof *r.out);
    CHECK(r.plan != NULL, "%s", sld_error(g->ctx));
    CHECK(sld_plan_run(r.plan, (const void *const *)inputs, r.out) == SLD_OK, "%s", sld_error(g->ctx));
    return r;
}

/* A result of 8 bits may be a neighbour; scales differ as far as what they are made of. */
static double tolerance(const sld_tensor *t)
{
    return kern_size(t->dtype) == 1 ? 0.125 : t->dtype == SLD_F16 ? 2e-3 : 1e-2;
}

static void compare(const site *s, const sld_tensor *got, const sld_tensor *want, bool same)
{
    size_t n = kern_numel(want), set = 0;
    double tol = same ? 0 : tolerance(want), least = tol < 0.1 ? tol : 1e-2;
    ck_assert(got->dtype == want->dtype && kern_numel(got) == n);
    for (size_t k = 0; k < n; k++) {
        double a = kern_get(got, k), b = kern_get(want, k);
        CHECK(a == b || (!same && fabs(a - b) <= tol * fabs(b) + least), "element %zu: %g, not %g", k, a, b);
        set += b != 0;
    }
    CHECK(set * 4 >= n, "nearly all results are 0");
}

static void check_results(const site *s)
{
    void *inputs[8] = {0};
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = parse(s, ctx), *fused = parse(s, ctx);
    fuse(s, fused, NULL);
    make_inputs(g, inputs);
    ran want = run(s, g, inputs), got = run(s, fused, inputs);
    bool same = s->r->results == SAME || (s->r->results == SAME_BY_REF && s->target == SLD_TARGET_REF);
    for (uint32_t i = 0; i < g->outputs.n; i++)
        compare(s, &got.out[i], &want.out[i], same);
    free_inputs(g, inputs);
    sld_plan_free(want.plan);
    sld_plan_free(got.plan);
    sld_graph_free(g);
    sld_graph_free(fused);
    sld_ctx_free(ctx);
}

/* What is not finite in one row of %x shows in no other row of the fused graph's results. */
static void check_isolation(const site *s)
{
    enum { BAD = 2 };
    void *inputs[8] = {0};
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = parse(s, ctx);
    fuse(s, g, NULL);
    sld_value x = g->inputs.at[0];
    sld_tensor t = {.dtype = (uint8_t)sld_dtype_of(g, x), .rank = (uint8_t)sld_rank(g, x), .dims = sld_shape(g, x)};
    make_inputs(g, inputs);
    ran clean = run(s, g, inputs), spoiled;
    size_t width = t.dims[0] > BAD ? kern_numel(&t) / (size_t)t.dims[0] : 0;
    t.data = inputs[0];
    for (size_t i = 0; i < width; i++)
        kern_put(&t, BAD * width + i, i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : 1);
    spoiled = run(s, g, inputs);
    for (uint32_t i = 0; width && i < g->outputs.n; i++) {
        const sld_tensor *a = &clean.out[i], *b = &spoiled.out[i];
        size_t row = a->dims[0] == t.dims[0] ? kern_numel(a) / (size_t)a->dims[0] : 0;
        for (size_t k = 0; k < row * (size_t)t.dims[0]; k++)
            CHECK(k / row == BAD || kern_get(a, k) == kern_get(b, k), "result %u, element %zu of another row", i, k);
    }
    free_inputs(g, inputs);
    sld_plan_free(clean.plan);
    sld_plan_free(spoiled.plan);
    sld_graph_free(g);
    sld_ctx_free(ctx);
}

/* ----------------------------------------------------------------------- suite -- */

/* Every value of every parameter is in one of these combinations: those on the diagonal. */
static bool on_diagonal(const choice *c)
{
    int most = 0;
    for (int i = 0; i < c->n; i++)
        most = c->p[i].at > most ? c->p[i].at : most;
    for (int i = 0; i < c->n; i++)
        if (c->p[i].at != most % c->p[i].n)
            return false;
    return true;
}

static void check_row(const table *t, const row *r)
{
    bool all = getenv("ACCEPTANCE") != NULL;
    choice c = choice_first(t, r->over, all);
    char *body = NULL, text[12000];
    do {
        body = spell(&c, r->text);
        ck_assert_int_lt(snprintf(text, sizeof text, "solder 1\n%s", body), sizeof text);
        site s = {r, &c, text, SLD_TARGET_CPU};
        check_firing(&s);
        for (s.target = SLD_TARGET_REF; r->results != NOT_RUN && s.target <= SLD_TARGET_CPU; s.target++)
            if (all || on_diagonal(&c)) {
                check_results(&s);
                if (t == &norm_table || t == &act_table)
                    check_isolation(&s);
            }
        free(body);
    } while (choice_next(&c));
}

static int n_rows(void)
{
    int n = 0;
    for (int i = 0; i < N_TABLES; i++)
        n += tables[i]->n;
    return n;
}

START_TEST(matrix)
{
    int i = _i, t = 0;
    while (i >= tables[t]->n)
        i -= tables[t++]->n;
    check_row(tables[t], &tables[t]->rows[i]);
}
END_TEST

/* As often as it is there; all share one weight, and their literals are equal. */
START_TEST(occurrences)
{
    static const unsigned counts[] = {1, 2, 4};
    char *text = NULL, want[60], before[16] = "x";
    size_t size;
    FILE *f = open_memstream(&text, &size);
    fputs("input %x : bf16[5, 256]\ninput %w : bf16[256]\nconst %s : f32[] = 0.02\n", f);
    for (unsigned i = 0; i < counts[_i]; i++) {
        fprintf(f, "%%v%u = neg(%%%s)\n%%n%u = rms_norm(%%v%u, %%w; eps = 1e-06)\n%%q%u = static_quant(%%n%u, %%s; to = f8e4m3fn)\n"
                   "output q%u = %%q%u\n", i, before, i, i, i, i, i, i);
        snprintf(before, sizeof before, "v%u", i);
    }
    fclose(f);
    snprintf(want, sizeof want, "rms_norm_static_quant=%u ~rms_norm=0", counts[_i]);
    check_row(&norm_table, &(row){"occurrences", "", text, want, .results = SAME});
    free(text);
}
END_TEST

Suite *acceptance_suite(void)
{
    Suite *s = suite_create("acceptance");
    TCase *t = tcase_create("graphs of an engine");
    tcase_set_timeout(t, getenv("ACCEPTANCE") ? 600 : 60);
    tcase_add_loop_test(t, matrix, 0, n_rows());
    tcase_add_loop_test(t, occurrences, 0, 3);
    suite_add_tcase(s, t);
    return s;
}
