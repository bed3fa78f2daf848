/* Which kernel runs a node: the first row of its target whose condition holds for all values
 * of the symbols.  The reference kernels back those of the CPU.  A table answers it for all nodes at once. */
#include "fuse.h"
#include "gate.h"

struct sld_bindings {
    sld_ctx *ctx;
    uint32_t n;
    const sld_kernel_row *rows[]; /* by node */
};

const char *sld__target_name(sld_target t)
{
    static const char *const names[SLD_TARGET_COUNT] = {
        [SLD_TARGET_REF] = "ref", [SLD_TARGET_CPU] = "cpu", [SLD_TARGET_HIP] = "hip"};
    return t < SLD_TARGET_COUNT ? names[t] : "unknown";
}

/* A row that does not hold, for the message: one that depends before one that never does, then the one of which the
 * fewest conditions fail. */
typedef struct nearest { const sld_kernel_row *row; sld_truth holds; uint32_t failing; } nearest;

/* The first row that holds. */
static const sld_kernel_row *find_row(sld_graph *g, const sld_call *c, sld_target target, const int64_t *symbols,
                                      nearest *near)
{
    const sld_ruleset *r = g->rules;
    for (uint32_t i = r->kernel_index[c->op]; i < r->kernel_index[c->op + 1]; i++) {
        const sld_kernel_row *row = &r->kernels[i];
        if (row->target != target)
            continue;
        sld_truth t = row->n_when ? sld_conditions(g, c, row->when, row->n_when, symbols) : SLD_ALWAYS;
        if (t == SLD_ALWAYS)
            return row;
        uint32_t n = near ? sld__failing(g, c, row->when, row->n_when, symbols, NULL, 0).n : 0;
        if (near && (!near->row || t > near->holds || (t == near->holds && n < near->failing)))
            *near = (nearest){row, t, n};
    }
    return NULL;
}

int sld__row_of(sld_graph *g, const sld_call *c, sld_target target, bool which)
{
    const sld_ruleset *r = g->rules;
    bool open = false;
    for (int pass = 0; pass < 1 + (target == SLD_TARGET_CPU); pass++)
        for (uint32_t i = r->kernel_index[c->op]; i < r->kernel_index[c->op + 1]; i++) {
            const sld_kernel_row *row = &r->kernels[i];
            if (row->target != (pass ? SLD_TARGET_REF : target))
                continue;
            sld_truth t = row->n_when ? sld_conditions(g, c, row->when, row->n_when, NULL) : SLD_ALWAYS;
            open |= t == SLD_DEPENDS;
            if (t == SLD_ALWAYS)
                return !which ? 1 : open ? -1 : (int)(1 + i - r->kernel_index[c->op]);
        }
    return open ? -1 : 0;
}

void sld__say_uncovered(sld_graph *g, const sld_call *c, const sld_kernel_row *row, const int64_t *symbols, char *why, size_t n)
{
    char wanted[400];
    sld__failing(g, c, row->when, row->n_when, symbols, wanted, sizeof wanted);
    snprintf(why, n, "%s wants %s", row->name, *wanted ? wanted : row->when_text);
}

const sld_kernel_row *sld__bind_call(sld_graph *g, const sld_call *c, sld_target target, const int64_t *symbols,
                                     char *why, size_t why_len)
{
    nearest near = {0};
    const sld_kernel_row *row = find_row(g, c, target, symbols, why_len ? &near : NULL);
    if (!row && target == SLD_TARGET_CPU)
        row = find_row(g, c, SLD_TARGET_REF, symbols, why_len ? &near : NULL);
    if (row || !why_len)
        return row;
    const char *op = g->rules->ops[c->op].name;
    size_t n = (size_t)snprintf(why, why_len, near.row ? "%s: " : "%s: no kernel for target %s", op, sld__target_name(target));
    if (near.row && n < why_len && g->fuse && g->fuse->options.told)
        n += sld__say_covered(g, c, target, why + n, why_len - n);
    if (near.row && n < why_len)
        n += (size_t)snprintf(why + n, why_len - n, "kernel ");
    if (near.row && n < why_len)
        sld__say_uncovered(g, c, near.row, symbols, why + n, why_len - n);
    return NULL;
}

const sld_kernel_row *sld_bind(sld_graph *g, sld_node n, sld_target target, const int64_t *symbols, char *why,
                              size_t why_len)
{
    const sld_call c = sld__call_of(g, n);
    return sld__bind_call(g, &c, target, symbols, why, why_len);
}

bool sld_kernel_covers(sld_graph *g, sld_node n, const sld_kernel_row *row, const int64_t *symbols, char *why, size_t why_len)
{
    const sld_call c = sld__call_of(g, n);
    sld_truth t = row->n_when ? sld_conditions(g, &c, row->when, row->n_when, symbols) : SLD_ALWAYS;
    if (t != SLD_ALWAYS && why_len)
        sld__say_uncovered(g, &c, row, symbols, why, why_len);
    return t == SLD_ALWAYS;
}

/* ------------------------------------------------------------------- table -- */

sld_bindings *sld_bindings_new(sld_graph *g, sld_target target, const int64_t *symbols)
{
    sld__clear(g->ctx);
    sld_bindings *b = sld__alloc(g->ctx, sizeof *b + (g->nodes.n + 1u) * sizeof *b->rows);
    for (sld_node n = sld_first_node(g); b && n; n = sld_next_node(g, n))
        b->rows[n] = sld__is_view(g, n) ? NULL : sld_bind(g, n, target, symbols, NULL, 0);
    if (b) {
        b->ctx = g->ctx;
        b->n = g->nodes.n;
    }
    if (!sld__starved(g->ctx))
        return b;
    sld_bindings_free(b);
    return NULL;
}

void sld_bindings_free(sld_bindings *b)
{
    if (b)
        sld__free(b->ctx, b);
}

const sld_kernel_row *sld_binding(const sld_bindings *b, sld_node n)
{
    return n < b->n ? b->rows[n] : NULL;
}
