/* See verify.h. What is counted is what stands in the graph, its inputs and its cache, whatever was meant to be drawn. */
#include "verify.h"

const char *const vf_edge_names[VF_EDGES] = {
    "no elements", "one row", "large values", "odd rows", "zeros alone", "denormals", "tiny numbers", "huge numbers",
    "infinities", "NaN", "indices below 0", "slots of -1", "a slot twice", "nhd", "hnd", "packed", "shuffle"};

static void look_at_sizes(bool *found, const sld_graph *g, int64_t most)
{
    for (sld_value v = 1; v < g->values.n; v++) {
        const int64_t *dims = sld_shape(g, v);
        uint32_t rank = sld_rank(g, v);
        int64_t n = 1;
        for (uint32_t k = 0; k < rank; k++)
            n *= dims[k];
        found[VF_EMPTY] |= n == 0;
        found[VF_ONE_ROW] |= rank > 1 && dims[0] == 1;
        found[VF_LARGE] |= n >= most / 4;
        found[VF_ODD] |= rank && dims[rank - 1] % 16 && kern_is_float((uint8_t)sld_dtype_of(g, v));
    }
}

static void look_at_number(bool *found, uint8_t dtype, double x)
{
    double size = fabs(x), least = vf_least(dtype);
    found[VF_DENORMAL] |= size > 0 && size < least;
    found[VF_TINY] |= size >= least && size < least * 256;
    found[VF_HUGE] |= isfinite(x) && size >= vf_largest(dtype) / 64;
    found[VF_INFINITE] |= isinf(x) != 0;
    found[VF_NOT_A_NUMBER] |= isnan(x) != 0;
}

static void look_at_input(bool *found, bool *apply, const vf_side *s, const vf_data *d, uint32_t i)
{
    const sld_graph *g = s->plan[0]->g;
    sld_tensor t = vf_input(s, d, s->shown, i);
    bool zeros = true, real = t.dtype >= SLD_F16;
    for (size_t k = 0; k < kern_numel(&t); k++) {
        if (real)
            look_at_number(found, t.dtype, kern_get(&t, k));
        zeros &= real && kern_get(&t, k) == 0;
    }
    found[VF_ZEROS] |= zeros && kern_numel(&t);
    for (int e = VF_ZEROS; e <= VF_NOT_A_NUMBER && real; e++)
        apply[e] |= (e < VF_INFINITE || !vf_only_finite(g, g->inputs.at[i])) && (e != VF_HUGE || !vf_has_scores(g));
}

static void look_at_cache(bool *found, bool *apply, const sld_cache *c)
{
    for (int64_t i = 0; i < c->n_slots; i++) {
        found[VF_NO_SLOT] |= c->slots[i] < 0;
        for (int64_t k = 0; k < i && c->slots[i] >= 0; k++)
            found[VF_SAME_SLOT] |= c->slots[i] == c->slots[k];
    }
    bool latent = c->layout == SLD_CACHE_LATENT;
    for (int e = VF_NO_SLOT; e < VF_EDGES; e++)
        apply[e] |= e < VF_NHD || !latent;
    if (!latent)
        found[VF_NHD + c->layout] = true;
}

void vf_edges_add(vf_edges *e, const vf_side *left, const vf_data *d, int64_t most)
{
    bool found[VF_EDGES] = {0};
    for (int k = VF_EMPTY; k <= VF_ODD; k++)
        e->apply[k] = true;
    look_at_sizes(found, left->plan[0]->g, most);
    for (uint32_t i = 0; i < d->n; i++)
        look_at_input(found, e->apply, left, d, i);
    found[VF_BELOW_0] = d->negative;
    if (vf_lent_cache(left->lent))
        look_at_cache(found, e->apply, vf_lent_cache(left->lent));
    for (int k = 0; k < VF_EDGES; k++)
        e->n[k] += found[k];
}
