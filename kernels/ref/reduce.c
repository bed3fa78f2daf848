/* Reductions and what runs along an axis; sums in double. */
#include "kern.h"

/* The first element of x that goes to result r: reduced axes at 0, the others in their order. */
static void first_element(const sld_tensor *x, const bool *gone, size_t r, int64_t *index)
{
    for (uint32_t k = x->rank; k-- > 0;) {
        index[k] = gone[k] ? 0 : (int64_t)(r % (size_t)x->dims[k]);
        r /= gone[k] ? 1 : (size_t)x->dims[k];
    }
}

/* Steps to the next element of the same result; false behind the last. */
static bool next_element(const sld_tensor *x, const bool *gone, int64_t *index)
{
    for (uint32_t k = x->rank; k-- > 0;) {
        if (!gone[k])
            continue;
        if (++index[k] < x->dims[k])
            return true;
        index[k] = 0;
    }
    return false;
}

/* Marks the axes of the attribute, all when it is empty; answers how many elements one result takes. */
static double reduced_axes(const sld_launch *l, bool *gone)
{
    const sld_tensor *x = &l->in[0];
    const sld_attr *axes = kern_attr(l, "axes");
    double n = 1;
    for (uint32_t k = 0; k < x->rank; k++)
        gone[k] = axes->n == 0;
    for (uint32_t i = 0; i < axes->n; i++)
        gone[axes->p[i] < 0 ? axes->p[i] + x->rank : axes->p[i]] = true;
    for (uint32_t k = 0; k < x->rank; k++)
        n *= gone[k] ? (double)x->dims[k] : 1;
    return n;
}

static const char *sum_up(const sld_launch *l, bool mean)
{
    const sld_tensor *x = &l->in[0], *o = &l->out[0];
    bool gone[KERN_RANK_MAX];
    double n = reduced_axes(l, gone);
    for (size_t r = 0; r < kern_numel(o); r++) {
        double sum = 0;
        uint64_t whole = 0;
        int64_t index[KERN_RANK_MAX];
        first_element(x, gone, r, index);
        for (bool more = n > 0; more; more = next_element(x, gone, index)) {
            size_t i = kern_ravel(x, index);
            sum += kern_get(x, i);
            whole += kern_is_float(x->dtype) ? 0 : (uint64_t)kern_geti(x, i);
        }
        if (kern_is_float(x->dtype))
            kern_put(o, r, mean ? sum / n : sum);
        else
            kern_puti(o, r, (int64_t)whole);
    }
    return NULL;
}

const char *sld_ref_mean(const sld_launch *l);
const char *sld_ref_mean(const sld_launch *l)
{
    return sum_up(l, true);
}

const char *sld_ref_sum(const sld_launch *l);
const char *sld_ref_sum(const sld_launch *l)
{
    return sum_up(l, false);
}

/* NaN wins in both directions. */
static const char *extreme(const sld_launch *l, bool max)
{
    const sld_tensor *x = &l->in[0], *o = &l->out[0];
    bool gone[KERN_RANK_MAX];
    if (reduced_axes(l, gone) == 0)
        return kern_numel(o) ? "the extreme of no elements" : NULL;
    for (size_t r = 0; r < kern_numel(o); r++) {
        int64_t index[KERN_RANK_MAX];
        first_element(x, gone, r, index);
        size_t best = kern_ravel(x, index);
        while (next_element(x, gone, index)) {
            size_t i = kern_ravel(x, index);
            if (kern_is_nan(x, best))
                break;
            if (max ? kern_above(x, i, best) : kern_is_nan(x, i) || kern_above(x, best, i))
                best = i;
        }
        kern_copy_element(o, r, x, best);
    }
    return NULL;
}

const char *sld_ref_reduce_max(const sld_launch *l);
const char *sld_ref_reduce_max(const sld_launch *l)
{
    return extreme(l, true);
}

const char *sld_ref_reduce_min(const sld_launch *l);
const char *sld_ref_reduce_min(const sld_launch *l)
{
    return extreme(l, false);
}

/* The first of the largest; NaN counts as largest. */
const char *sld_ref_argmax(const sld_launch *l);
const char *sld_ref_argmax(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0];
    kern_span s = kern_split(x, kern_axis(l, "axis", x));
    if (!s.n && s.before && s.behind)
        return "the largest of no elements";
    for (size_t b = 0; b < s.before; b++)
        for (size_t r = 0; r < s.behind; r++) {
            size_t best = 0;
            for (size_t k = 1; k < s.n; k++)
                if (kern_above(x, (b * s.n + k) * s.behind + r, (b * s.n + best) * s.behind + r))
                    best = k;
            kern_puti(&l->out[0], b * s.behind + r, (int64_t)best);
        }
    return NULL;
}

/* exp(x - max) / sum; a row of -inf alone gives NaN. */
const char *sld_ref_softmax(const sld_launch *l);
const char *sld_ref_softmax(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *o = &l->out[0];
    kern_span s = kern_split(x, kern_axis(l, "axis", x));
    for (size_t b = 0; b < s.before; b++)
        for (size_t r = 0; r < s.behind; r++) {
            double max = -INFINITY, sum = 0;
            for (size_t k = 0; k < s.n; k++) {
                double v = kern_get(x, (b * s.n + k) * s.behind + r);
                max = v > max || v != v ? v : max;
            }
            for (size_t k = 0; k < s.n; k++)
                sum += exp(kern_get(x, (b * s.n + k) * s.behind + r) - max);
            for (size_t k = 0; k < s.n; k++) {
                size_t i = (b * s.n + k) * s.behind + r;
                kern_put(o, i, exp(kern_get(x, i) - max) / sum);
            }
        }
    return NULL;
}

const char *sld_ref_cumsum(const sld_launch *l);
const char *sld_ref_cumsum(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *o = &l->out[0];
    kern_span s = kern_split(x, kern_axis(l, "axis", x));
    bool exclusive = kern_attr(l, "exclusive")->i, reverse = kern_attr(l, "reverse")->i;
    for (size_t b = 0; b < s.before; b++)
        for (size_t r = 0; r < s.behind; r++) {
            double sum = 0;
            uint64_t whole = 0;
            for (size_t k = 0; k < s.n; k++) {
                size_t i = (b * s.n + (reverse ? s.n - 1 - k : k)) * s.behind + r;
                double sum_before = sum;
                uint64_t whole_before = whole;
                if (kern_is_float(x->dtype)) {
                    sum += kern_get(x, i);
                    kern_put(o, i, exclusive ? sum_before : sum);
                } else {
                    whole += (uint64_t)kern_geti(x, i);
                    kern_puti(o, i, (int64_t)(exclusive ? whole_before : whole));
                }
            }
        }
    return NULL;
}

/* The best element of one line of an axis that is not among the j taken ones. */
static size_t best_left(const sld_tensor *x, kern_span s, size_t line, bool largest, const sld_tensor *taken,
                        size_t at, size_t j)
{
    size_t best = SIZE_MAX;
    for (size_t c = 0; c < s.n; c++) {
        bool used = false;
        for (size_t t = 0; t < j && !used; t++)
            used = kern_geti(taken, at + t * s.behind) == (int64_t)c;
        if (used)
            continue;
        size_t i = line + c * s.behind, k = line + best * s.behind;
        if (best == SIZE_MAX || (largest ? kern_above(x, i, k) : kern_above(x, k, i)))
            best = c;
    }
    return best;
}

/* The k largest (or smallest) in order; among equals the lower index first. */
const char *sld_ref_topk(const sld_launch *l);
const char *sld_ref_topk(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *values = &l->out[0], *indices = &l->out[1];
    kern_span s = kern_split(x, kern_axis(l, "axis", x));
    int64_t k = kern_attr(l, "k")->i;
    bool largest = kern_attr(l, "largest")->i;
    if (k < 0 || (size_t)k > s.n)
        return "k is larger than the axis";
    for (size_t b = 0; b < s.before; b++)
        for (size_t r = 0; r < s.behind; r++)
            for (size_t j = 0; j < (size_t)k; j++) {
                size_t line = b * s.n * s.behind + r, at = b * (size_t)k * s.behind + r;
                size_t best = best_left(x, s, line, largest, indices, at, j);
                kern_copy_element(values, at + j * s.behind, x, line + best * s.behind);
                kern_puti(indices, at + j * s.behind, (int64_t)best);
            }
    return NULL;
}
