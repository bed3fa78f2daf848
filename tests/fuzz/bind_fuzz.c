/* Fuzz target of binding: for every node of a graph, before and after fusing, the row that is chosen is the first one of
 * its target that holds, and what holds for all values of the symbols holds for each.  Comments set the run:
 * `# lo=1` and `# hi=256` tokens of the bucket, which `# dim=1` counts (the symbol with that number), `# world=8`,
 * `# units=304`, `# at=7` a value of the symbols. */
#include <stdlib.h>
#include <string.h>

#include "dims.h"
#include "concrete.h"
#include "model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct place { sld_graph *g; sld_node n; const int64_t *symbols; } place;

static bool covers(place p, const sld_kernel_row *row)
{
    char why[300] = "";
    bool held = sld_kernel_covers(p.g, p.n, row, p.symbols, why, sizeof why);
    if (held == (*why != 0))
        fuzz_fail("kernel %s %s, for '%s'", row->name, held ? "covers" : "does not cover", why);
    return held;
}

/* Rows of one target in their order, up to the one that was bound. True: it is among them. */
static bool check_rows(place p, sld_target target, const sld_kernel_row *bound)
{
    const sld_ruleset *r = p.g->rules;
    uint16_t op = p.g->nodes.at[p.n].op;
    for (uint32_t i = r->kernel_index[op]; i < r->kernel_index[op + 1]; i++) {
        const sld_kernel_row *row = &r->kernels[i];
        if (row->target != target)
            continue;
        if (covers(p, row) != (row == bound))
            fuzz_fail("%s: %s is bound, %s%s", r->ops[op].name, bound ? bound->name : "nothing",
                      row == bound ? "but does not cover" : "and before it covers ", row->name);
        if (row == bound)
            return true;
    }
    return false;
}

static const sld_kernel_row *check_bound(place p, sld_target target)
{
    char why[300] = "";
    const sld_kernel_row *bound = sld_bind(p.g, p.n, target, p.symbols, why, sizeof why);
    if (!bound == !*why)
        fuzz_fail("bound %s, for '%s'", bound ? bound->name : "nothing", why);
    bool found = check_rows(p, target, bound);
    found = found || (target == SLD_TARGET_CPU && check_rows(p, SLD_TARGET_REF, bound));
    if (bound && !found)
        fuzz_fail("%s is no row of this op and target", bound->name);
    return bound;
}

/* The symbols at one value, as far as their ranges have it. */
static void fill(const sld_graph *g, int64_t at, int64_t *symbols)
{
    for (uint32_t i = 0; i < sld_dim_n_symbols(g); i++) {
        int64_t lo, hi;
        sld_dim_symbol_range(g, i, &lo, &hi);
        symbols[i] = at < lo ? lo : at > hi ? hi : at;
    }
}

/* What covers a node at all sizes covers it at these, asked of the graph and of its copy with numbers for symbols. */
static void check_at(sld_graph *g, const int64_t *symbols)
{
    sld_value *map = calloc(g->values.n, sizeof *map);
    sld_graph *copy = sld__graph_at(g, symbols, map);
    for (sld_node n = copy ? sld_first_node(g) : 0; n; n = sld_next_node(g, n))
        for (int t = 0; sld_n_results(g, n) && t < SLD_TARGET_COUNT; t++) {
            const sld_kernel_row *all = check_bound((place){g, n, NULL}, (sld_target)t);
            place here = {g, n, symbols}, there = {copy, sld_producer(copy, map[sld_result(g, n, 0)]), NULL};
            check_bound(here, (sld_target)t);
            check_bound(there, (sld_target)t);
            if (all && !(covers(here, all) && covers(there, all)))
                fuzz_fail("%s: kernel %s covers it at all sizes, but not at one", sld_node_op(g, n)->name, all->name);
        }
    sld_graph_free(copy);
    free(map);
}

static void check_table(sld_graph *g, const int64_t *symbols)
{
    sld_bindings *b = sld_bindings_new(g, SLD_TARGET_CPU, symbols);
    for (sld_node n = sld_first_node(g); b && n; n = sld_next_node(g, n))
        if (sld_binding(b, n) != (sld__is_view(g, n) ? NULL : sld_bind(g, n, SLD_TARGET_CPU, symbols, NULL, 0)))
            fuzz_fail("the table has another kernel for a node");
    sld_bindings_free(b);
}

static void check(sld_graph *g, int64_t at)
{
    int64_t symbols[32];
    if (sld_dim_n_symbols(g) > 32)
        return;
    fill(g, at, symbols);
    check_at(g, symbols);
    check_table(g, symbols);
    check_table(g, NULL);
}

static void set_run(sld_graph *g, const char *text)
{
    int64_t dim = fuzz_number(text, "dim", -1);
    g->bucket = (sld_bucket){fuzz_number(text, "lo", 0), fuzz_number(text, "hi", 0)};
    if (g->bucket.lo < 1 || g->bucket.hi < g->bucket.lo)
        g->bucket = (sld_bucket){0};
    if (g->bucket.hi && dim >= 0 && dim < sld_dim_n_symbols(g))
        g->tokens = sld__dim_find(g, sld_dim_symbol_name(g, (uint32_t)dim));
    g->world = fuzz_number(text, "world", 0);
    g->units = fuzz_number(text, "units", 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    sld_ctx *ctx = fuzz_ctx();
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "fuzz", text, strlen(text));
    if (g) {
        int64_t at = fuzz_number(text, "at", 5);
        set_run(g, text);
        check(g, at);
        if (!sld_fuse(g, NULL, NULL)) {
            set_run(g, text);
            check(g, at);
        }
    }
    sld_graph_free(g);
    sld_ctx_free(ctx);
    free(text);
    return 0;
}
