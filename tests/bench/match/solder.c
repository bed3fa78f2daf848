/* Solder over its own graph: builds the stack through the public interface and times sld_fuse.
 *
 * Usage: solder LAYERS RUNS IRREGULAR [NAME]
 * NAME stands in the report; other rulesets than decoder.pat's are linked for the growth with the number of rules. */
#include "decoder.h"
#include "users.h"

const sld_ruleset *sld_ruleset_decoder(void);

/* The fused ops need a kernel to be taken; none of them runs here. */
#define KERNEL(op) \
    const char *sld_ref_##op##_bench_kernel(const sld_launch *l); \
    const char *sld_ref_##op##_bench_kernel(const sld_launch *l) { return l ? "not meant to run" : NULL; }
KERNEL(ar_add_norm)
KERNEL(norm_quant)
KERNEL(qk_norm_rope_kv)
KERNEL(silu_mul_quant)
KERNEL(reshape)

/* Counts what is allocated, block headers of malloc left out. */
static size_t live;

static void *counted(void *user, void *p, size_t size)
{
    (void)user;
    size_t *head = p ? (size_t *)p - 2 : NULL;
    live += size - (head ? *head : 0);
    if (!size) {
        free(head);
        return NULL;
    }
    head = realloc(head, size + 2 * sizeof *head);
    *head = size;
    return head + 2;
}

typedef struct build { sld_graph *g; sld_value *args, *results; uint32_t n_results; } build;

static void add(void *to, int op, uint32_t n_in, const uint32_t *in, uint32_t n_out)
{
    build *b = to;
    sld_value v[8];
    for (uint32_t i = 0; i < n_in; i++)
        v[i] = in[i] & D_ARG ? b->args[in[i] & ~D_ARG] : b->results[in[i]];
    sld_node n = sld_graph_add(b->g, (uint16_t)op, n_in, v, NULL, n_out, NULL);
    if (!n) {
        fprintf(stderr, "solder: %s\n", sld_error(b->g->ctx));
        exit(1);
    }
    for (uint32_t i = 0; i < n_out; i++)
        b->results[b->n_results++] = sld_result(b->g, n, i);
}

static sld_graph *new_graph(sld_ctx *ctx, uint32_t layers, bool irregular, decoder_counts *c)
{
    sld_graph *g = sld_graph_new(ctx, sld_ruleset_decoder());
    uint32_t n_args = decoder_n_args(layers), out[2];
    build b = {g, calloc(n_args, sizeof *b.args), calloc(31ull * layers + 8, sizeof *b.results), 0};
    sld_dim shape[2] = {sld_dim_symbol(g, "T", 1, 1 << 20), 5120};
    for (uint32_t i = 0; i < n_args; i++)
        b.args[i] = sld_graph_input(g, NULL, SLD_BF16, 2, shape);
    *c = decoder_build(&b, add, layers, irregular, out);
    for (uint32_t i = 0; i < 2; i++)
        sld_graph_output(g, i ? "residual" : "y", b.results[out[i]]);
    free(b.args);
    free(b.results);
    return g;
}

/* What the graph takes for each op; listed: with the readers of all values written down. */
static double bytes_per_op(sld_ctx *ctx, uint32_t layers, bool irregular, bool listed)
{
    decoder_counts c;
    size_t empty = live;
    sld_graph *g = new_graph(ctx, layers, irregular, &c);
    if (listed && !sld__users_make(g))
        exit(1);
    double bytes = (double)(live - empty) / c.ops;
    sld_graph_free(g);
    return bytes;
}

static uint64_t print(const sld_graph *g)
{
    uint64_t *prints = calloc(g->values.n, sizeof *prints), sum = 0, in[8];
    for (uint32_t i = 0; i < g->inputs.n; i++)
        prints[g->inputs.at[i]] = print_arg(i);
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
        const sld_call c = sld__call_of(g, n);
        for (uint32_t i = 0; i < c.n_in; i++)
            in[i] = prints[c.in[i]];
        uint64_t p = print_node(c.op, c.n_in, in);
        for (uint32_t i = 0; i < c.n_out; i++)
            prints[sld_result(g, n, i)] = print_result(p, i);
        sum += p;
    }
    for (uint32_t k = 0; k < 2; k++)
        in[k] = prints[g->outputs.at[k].value];
    free(prints);
    return sum + print_node(D_N_OPS, 2, in);
}

static bool fired_as_expected(const sld_rule_stats *s, const decoder_counts *c)
{
    static const char *const names[] = {"ar_add_norm", "norm_quant", "qk_norm_rope_kv", "silu_mul_quant", "fold_reshape"};
    const uint32_t want[] = {c->ar_add_norm, c->norm_quant, c->qk, c->silu, c->reshape};
    const sld_ruleset *r = sld_ruleset_decoder();
    bool ok = true;
    for (uint32_t k = 0; k < 5; k++)
        for (uint32_t i = 0; i < r->n_rules; i++)
            if (!strcmp(r->rules[i].name, names[k]) && s[i].fired != want[k]) {
                fprintf(stderr, "solder: %s fired %u times, %u expected %s\n", names[k], s[i].fired, want[k], s[i].reason);
                ok = false;
            }
    return ok;
}

int main(int argc, char **argv)
{
    uint32_t layers = argc > 1 ? (uint32_t)atoi(argv[1]) : 94, runs = argc > 2 ? (uint32_t)atoi(argv[2]) : 9;
    bool irregular = argc > 3 && atoi(argv[3]);
    const sld_allocator allocator = {counted, NULL};
    sld_ctx *ctx = sld_ctx_new(&allocator);
    double *seconds = calloc(runs, sizeof *seconds), *building = calloc(runs, sizeof *building);
    decoder_counts c = {0};
    uint64_t p = 0;
    uint32_t left = 0;
    for (uint32_t r = 0; r < runs; r++) {
        sld_rule_stats *stats = calloc(sld_ruleset_decoder()->n_rules, sizeof *stats);
        double start = bench_now();
        sld_graph *g = new_graph(ctx, layers, irregular, &c);
        building[r] = bench_now() - start;
        start = bench_now();
        sld_status status = sld_fuse(g, NULL, stats);
        seconds[r] = bench_now() - start;
        if (status || !fired_as_expected(stats, &c)) {
            fprintf(stderr, "solder: %s\n", sld_error(ctx));
            return 1;
        }
        left = sld_graph_n_nodes(g);
        p = r ? p : print(g);
        free(stats);
        sld_graph_free(g);
    }
    bench_report(argc > 4 ? argv[4] : "Solder, its own graph", layers, irregular, c.ops, seconds, runs, left, p,
                 bytes_per_op(ctx, layers, irregular, true));
    bench_report("Solder, building", layers, irregular, c.ops, building, runs, left, p,
                 bytes_per_op(ctx, layers, irregular, false));
    sld_ctx_free(ctx);
    return 0;
}
