/* See verify.h. Inputs hold numbers of a usual size, and now and then zeros, denormals, infinities, NaN, huge and tiny
 * numbers. What integers index, the reference kernels tell: the largest one that they take is a size of the graph. */
#include <stdlib.h>

#include "verify.h"

typedef enum kind { PLAIN, ZEROS, TINY, HUGE_ONES, SPECIAL } kind;

static double gauss(vf_rng *r)
{
    double sum = 0;
    for (int i = 0; i < 6; i++)
        sum += vf_unit(r);
    return (sum - 3) * 1.4142135623730951;
}

/* Kernels sum squares in f32: up to here these are finite. */
static double largest(uint8_t dtype) { return dtype == SLD_F16 ? 65504 : 0x1p56; }

/* No zeros below 0: rules need not keep the sign of zero. */
static double special(vf_rng *r, uint8_t dtype)
{
    double step = vf_step(dtype, 0), top = largest(dtype);
    const double all[] = {0.0, step, -step, step * 3, NAN, INFINITY, -INFINITY, top, -top, 1e-30, 1};
    return all[vf_below(r, sizeof all / sizeof *all)];
}

/* The dtype's smallest normal number, and how far up its exponents go. */
static double least_of(uint8_t dtype) { return vf_step(dtype, 0) / vf_step(dtype, 1); }

static void fill_floats(sld_tensor *t, kind k, vf_rng *r)
{
    double size = k == TINY ? least_of(t->dtype) * 4 : k == HUGE_ONES ? largest(t->dtype) / 8 : ldexp(1, (int)vf_below(r, 4) - 2);
    for (size_t i = 0, n = kern_numel(t); i < n; i++) {
        double x = k == ZEROS ? 0 : size * gauss(r);
        kern_put(t, i, k == SPECIAL && !vf_below(r, 16) ? special(r, t->dtype) : x);
    }
}

static void fill(sld_tensor *t, kind k, int64_t below, bool negative, vf_rng *r)
{
    for (size_t i = 0, n = kern_numel(t); i < n && t->dtype < SLD_F8E4M3FN; i++) {
        int64_t v = (int64_t)vf_below(r, (uint32_t)below);
        kern_puti(t, i, t->dtype == SLD_BOOL ? v & 1 : negative && !vf_below(r, 4) ? v - below : v);
    }
    if (t->dtype >= SLD_F8E4M3FN)
        fill_floats(t, k, r);
}

static sld_tensor input(const vf_side *s, uint32_t i)
{
    const sld_graph *g = s->plan[0]->g;
    sld_value v = g->inputs.at[i];
    return (sld_tensor){.dtype = (uint8_t)sld_dtype_of(g, v), .rank = (uint8_t)sld_rank(g, v), .dims = sld_shape(g, v)};
}

sld_tensor vf_input(const vf_side *s, const vf_data *d, uint32_t rank, uint32_t i)
{
    sld_tensor t = input(s, i);
    t.data = d->at[rank][i];
    return t;
}

/* ---------------------------------------------------------------- integers -- */

static bool taken(vf_side *s, const vf_data *d)
{
    vf_results r;
    bool ok = vf_side_run(s, d, NULL, &r);
    vf_results_free(&r);
    return ok;
}

static int descending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

static uint32_t sizes_of(const sld_graph *g, int64_t *sizes, uint32_t most)
{
    uint32_t n = 0;
    for (sld_value v = 1; v < g->values.n; v++)
        for (uint32_t k = 0; k < sld_rank(g, v) && n < most; k++)
            sizes[n++] = sld_shape(g, v)[k];
    qsort(sizes, n, sizeof *sizes, descending);
    return n;
}

static void put_all(vf_side *s, vf_data *d, uint32_t i, int64_t v)
{
    for (uint32_t r = 0; r < d->world; r++) {
        sld_tensor t = vf_input(s, d, r, i);
        for (size_t k = 0; k < kern_numel(&t); k++)
            kern_puti(&t, k, v);
    }
}

/* The largest size for which the kernels take the number below it, with all other integers 0; and whether they take
 * negative ones. */
static int64_t bound_of(vf_side *s, vf_data *d, uint32_t i, bool *negative)
{
    int64_t sizes[256], found = 1;
    uint32_t n = sizes_of(s->plan[0]->g, sizes, 256);
    for (uint32_t k = 0; k < n && found == 1; k++) {
        if (sizes[k] < 2 || (k && sizes[k] == sizes[k - 1]))
            continue;
        put_all(s, d, i, sizes[k] - 1);
        found = taken(s, d) ? sizes[k] : 1;
    }
    put_all(s, d, i, -found);
    *negative = taken(s, d);
    put_all(s, d, i, 0);
    return found;
}

/* ------------------------------------------------------------------ all of it -- */

/* Whether each rank has its own: what goes into a collective op, but not the rows that all have alike. */
static bool differs(const sld_graph *g, sld_value v)
{
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
        const sld_op_info *op = sld_node_op(g, n);
        bool ranks = false;
        for (uint32_t i = 0; i < op->n_attrs; i++)
            ranks |= !strcmp(op->attrs[i].name, "group") && op->attrs[i].kind == SLD_ATTR_STRING;
        if (ranks && strcmp(op->name, "own_rows") && sld_operand(g, n, 0) == v)
            return true;
    }
    return false;
}

/* Whether v is the second factor of a product, or the values that attention weighs, through views. Kernels may leave out
 * what is multiplied by 0, and what is tiny may be 0 in f32, so that is finite. */
static bool is_factor(const sld_graph *g, sld_value v)
{
    bool found = false;
    for (sld_node n = sld_first_node(g); n && !found; n = sld_next_node(g, n)) {
        const sld_op_info *op = sld_node_op(g, n);
        bool product = !strcmp(op->name, "matmul");
        if (product && sld_operand(g, n, 1) == v)
            return true;
        for (uint32_t i = 0; i < op->n_operands && i < g->nodes.at[n].n_in; i++)
            found |= sld_operand(g, n, i) == v && !strcmp(op->operands[i].name, "v");
        if (!product && g->nodes.at[n].n_in && sld_operand(g, n, 0) == v && sld_n_results(g, n) == 1)
            found = is_factor(g, sld_result(g, n, 0));
    }
    return found;
}

static kind draw_kind(vf_rng *r, bool finite)
{
    static const kind kinds[] = {ZEROS, TINY, HUGE_ONES, SPECIAL, SPECIAL};
    return kinds[vf_below(r, finite ? 3 : 5)];
}

bool vf_data_make(vf_data *d, vf_side *s, vf_rng *rng)
{
    const sld_graph *g = s->plan[0]->g;
    bool odd = !vf_below(rng, 2);
    *d = (vf_data){.n = g->inputs.n, .world = s->world};
    if (d->n > 64)
        return false;
    for (uint32_t r = 0; r < d->world; r++)
        for (uint32_t i = 0; i < d->n; i++) {
            sld_tensor t = input(s, i);
            d->at[r][i] = calloc(1, kern_numel(&t) * kern_size(t.dtype) + !kern_numel(&t));
        }
    bool ok = taken(s, d);
    for (uint32_t i = 0; i < d->n; i++) {
        bool negative = false, integer = input(s, i).dtype < SLD_F8E4M3FN && input(s, i).dtype != SLD_BOOL;
        int64_t below = integer && ok ? bound_of(s, d, i, &negative) : 2;
        d->negative |= negative &= vf_below(rng, 2);
        uint64_t seed = vf_next(rng);
        kind k = odd && !vf_below(rng, 2) ? draw_kind(rng, is_factor(g, g->inputs.at[i])) : PLAIN;
        for (uint32_t r = 0; r < d->world; r++) {
            vf_rng own = {seed + (differs(g, g->inputs.at[i]) ? r : 0)};
            sld_tensor t = vf_input(s, d, r, i);
            if (!integer || ok)
                fill(&t, k, below, negative, &own);
        }
    }
    return true;
}

void vf_data_free(vf_data *d)
{
    for (uint32_t r = 0; r < d->world; r++)
        for (uint32_t i = 0; i < d->n; i++)
            free(d->at[r][i]);
}
