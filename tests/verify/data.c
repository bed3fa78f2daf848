/* See verify.h. Inputs hold numbers of a usual size, and in every other graph, in turn, zeros, denormals, infinities, NaN,
 * huge and tiny numbers. What integers index, the reference kernels tell: the largest one that they take is a size of the graph. */
#include <stdlib.h>

#include "verify.h"

typedef enum kind { PLAIN, ZEROS, DENORMAL, TINY, HUGE_ONES, INFINITE, NOT_NUMBERS, MIXTURE } kind;
/* By the seed of a graph, whose kind of sizes is seed % 8: each kind of sizes meets each of these in 128 graphs. */
static const kind kinds[16] = {PLAIN, MIXTURE, PLAIN, ZEROS, PLAIN, NOT_NUMBERS, PLAIN, INFINITE, PLAIN, TINY,
                               NOT_NUMBERS, DENORMAL, PLAIN, HUGE_ONES, PLAIN, MIXTURE};

static double gauss(vf_rng *r)
{
    double sum = 0;
    for (int i = 0; i < 6; i++)
        sum += vf_unit(r);
    return (sum - 3) * 1.4142135623730951;
}

/* Scores of attention that no node holds, as sums of products in f32, are off by a part of themselves; weights change by as
 * much as scores do. Of numbers up to here they stay small. */
enum { LARGEST_SCORED = 8 };

/* Kernels sum squares in f32: up to here these are finite. */
double vf_largest(uint8_t dtype) { return dtype == SLD_F16 ? 65504 : 0x1p56; }

/* No zeros below 0: rules need not keep the sign of zero. Nothing is so small beside an infinity that f32 makes it 0 on the
 * way: the two multiplied are infinite or not a number, as it happens. */
static double special(vf_rng *r, kind k, double top, uint8_t dtype)
{
    double step = vf_step(dtype, 0);
    const double all[] = {INFINITY, -INFINITY, NAN, 0.0, top, -top, 1, -1};
    switch (k) {
    case INFINITE: return all[vf_below(r, 2)];
    case NOT_NUMBERS: return NAN;
    case DENORMAL: return (double)(1 + vf_below(r, 100)) * (vf_below(r, 2) ? step : -step);
    default: return all[vf_below(r, sizeof all / sizeof *all)];
    }
}

/* The dtype's smallest normal number, and how far up its exponents go. */
double vf_least(uint8_t dtype) { return vf_step(dtype, 0) / vf_step(dtype, 1); }

static void fill_floats(sld_tensor *t, kind k, bool scores, vf_rng *r)
{
    double top = scores ? LARGEST_SCORED : vf_largest(t->dtype);
    double size = k == TINY ? vf_least(t->dtype) * 4 : k == HUGE_ONES ? top / 8 : ldexp(1, (int)vf_below(r, 4) - 2);
    bool sprinkled = k == DENORMAL || k >= INFINITE;
    size_t n = kern_numel(t), always = n ? vf_next(r) % n : 0;
    for (size_t i = 0; i < n; i++) {
        double x = k == ZEROS ? 0 : size * gauss(r);
        kern_put(t, i, sprinkled && (i == always || !vf_below(r, k == DENORMAL ? 2 : 16)) ? special(r, k, top, t->dtype) : x);
    }
}

static void fill(sld_tensor *t, kind k, bool scores, int64_t below, bool negative, vf_rng *r)
{
    for (size_t i = 0, n = kern_numel(t); i < n && t->dtype < SLD_F8E4M3FN; i++) {
        int64_t v = (int64_t)vf_below(r, (uint32_t)below);
        kern_puti(t, i, t->dtype == SLD_BOOL ? v & 1 : negative && !vf_below(r, 4) ? v - below : v);
    }
    if (t->dtype >= SLD_F8E4M3FN)
        fill_floats(t, k, scores, r);
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

bool vf_collective(const sld_op_info *op)
{
    bool found = false;
    for (uint32_t i = 0; i < op->n_attrs; i++)
        found |= op->attrs[i].kind == SLD_ATTR_STRING && (!strcmp(op->attrs[i].name, "group") || !strcmp(op->attrs[i].name, "ranks"));
    return found;
}

/* Whether each rank has its own: what goes into a collective op, but not the rows that all have alike. */
static bool differs(const sld_graph *g, sld_value v)
{
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
        const sld_op_info *op = sld_node_op(g, n);
        if (vf_collective(op) && strcmp(op->name, "own_rows") && sld_operand(g, n, 0) == v)
            return true;
    }
    return false;
}

/* Rows of a rank behind the last of all are zeros in what is gathered, as the ops leave them that share rows out. */
static void clear_padding(const sld_graph *g, sld_value v, uint32_t rank, const sld_tensor *t)
{
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
        if (strcmp(sld_node_op(g, n)->name, "all_gather") || sld_operand(g, n, 0) != v || !t->rank)
            continue;
        int64_t each = t->dims[0], live = sld_shape(g, sld_result(g, n, 0))[0] - rank * each;
        size_t row = each ? kern_numel(t) / (size_t)each * kern_size(t->dtype) : 0;
        live = live < 0 ? 0 : live;
        if (live < each)
            memset((char *)t->data + (size_t)live * row, 0, (size_t)(each - live) * row);
    }
}

/* Whether v is the second factor of a product, or the values that attention weighs, through views. Kernels may leave out
 * what is multiplied by 0, and what is tiny may be 0 in f32, so that is finite. */
bool vf_only_finite(const sld_graph *g, sld_value v)
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
            found = vf_only_finite(g, sld_result(g, n, 0));
    }
    return found;
}

static kind draw_kind(vf_rng *r, kind of_graph, bool finite, bool sure)
{
    if (!vf_below(r, 3) && !sure)
        return PLAIN;
    return finite && of_graph >= INFINITE ? HUGE_ONES - vf_below(r, 4) : of_graph;
}

bool vf_has_scores(const sld_graph *g)
{
    bool found = false;
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n))
        found |= strstr(sld_node_op(g, n)->name, "attention") || !strcmp(sld_node_op(g, n)->name, "sdpa");
    return found;
}

/* An input that numbers of the graph's kind are put into, at least: one that may be infinite, if they are. */
static uint32_t some_float(const vf_side *s, bool infinite, vf_rng *r)
{
    const sld_graph *g = s->plan[0]->g;
    uint32_t found = UINT32_MAX, n = 0;
    for (uint32_t i = 0; i < g->inputs.n; i++) {
        bool fits = input(s, i).dtype >= SLD_F16 && !(infinite && vf_only_finite(g, g->inputs.at[i]));
        found = fits && !vf_below(r, ++n) ? i : found;
    }
    return found;
}

bool vf_data_make(vf_data *d, vf_side *s, uint32_t seed, vf_rng *rng)
{
    const sld_graph *g = s->plan[0]->g;
    bool scores = vf_has_scores(g);
    kind of_graph = kinds[(seed + seed / 16 % 8 * 5) % 16];
    *d = (vf_data){.n = g->inputs.n, .world = s->world};
    if (d->n > 64)
        return false;
    for (uint32_t r = 0; r < d->world; r++)
        for (uint32_t i = 0; i < d->n; i++) {
            sld_tensor t = input(s, i);
            d->at[r][i] = calloc(1, kern_numel(&t) * kern_size(t.dtype) + !kern_numel(&t));
        }
    bool ok = taken(s, d);
    uint32_t sure = some_float(s, of_graph >= INFINITE, rng);
    for (uint32_t i = 0; i < d->n; i++) {
        bool negative = false, integer = input(s, i).dtype < SLD_F8E4M3FN && input(s, i).dtype != SLD_BOOL;
        int64_t below = integer && ok ? bound_of(s, d, i, &negative) : 2;
        d->negative |= negative &= vf_below(rng, 2);
        uint64_t seed = vf_next(rng);
        kind k = draw_kind(rng, of_graph, vf_only_finite(g, g->inputs.at[i]), i == sure);
        for (uint32_t r = 0; r < d->world; r++) {
            vf_rng own = {seed + (differs(g, g->inputs.at[i]) ? r : 0)};
            sld_tensor t = vf_input(s, d, r, i);
            if (!integer || ok)
                fill(&t, k, scores, below, negative, &own);
            clear_padding(g, g->inputs.at[i], r, &t);
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
