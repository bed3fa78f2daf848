/* See verify.h. What is allowed follows from the dtype of a result, the noise that roundings elsewhere make, and the
 * length of sums. */
#include <stdlib.h>

#include "verify.h"

static bool is_code(uint8_t dtype) { return dtype == SLD_F8E4M3FN || dtype == SLD_F8E4M3FNUZ; }

/* Codes of f8 as numbers in order. */
static double value(const sld_tensor *t, size_t i)
{
    if (!is_code(t->dtype))
        return t->dtype == SLD_I64 ? (double)kern_geti(t, i) : kern_get(t, i);
    uint8_t b = ((const uint8_t *)t->data)[i];
    double x = kern_get(t, i);
    return isnan(x) ? x : b & 0x80 && x != 0 ? -(double)(b & 0x7f) : b & 0x7f;
}

/* Numbers, infinities and NaN in their kinds; both zeros are one. */
static bool equal(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static double apart(double a, double b)
{
    return equal(a, b) ? 0 : isfinite(a) && isfinite(b) ? fabs(a - b) : INFINITY;
}

/* ---------------------------------------------------------------------- spread -- */

void vf_spread_add(vf_spread *s, const vf_results *base, const vf_results *moved)
{
    for (uint32_t k = 0; k < base->n; k++) {
        size_t n = kern_numel(&base->at[k]), differ = 0;
        if (!s->at[k])
            s->at[k] = calloc(n + 1, sizeof(double));
        for (size_t i = 0; i < n; i++) {
            double d = apart(value(&moved->at[k], i), value(&base->at[k], i));
            s->at[k][i] = fmax(s->at[k][i], d);
            differ += d > 0;
        }
        s->share[k] = fmax(s->share[k], n ? (double)differ / (double)n : 0);
    }
}

void vf_spread_free(vf_spread *s)
{
    for (uint32_t k = 0; k < VF_OUTPUTS; k++)
        free(s->at[k]);
}

/* -------------------------------------------------------------------- tolerance -- */

/* Of elements from `from` on. */
static double largest(const sld_tensor *t, size_t from, size_t n)
{
    double most = 0;
    for (size_t k = from; k < from + n; k++)
        most = isfinite(kern_get(t, k)) ? fmax(most, fabs(kern_get(t, k))) : most;
    return most;
}

/* Of the row that an element stands in, along the last dim, also of inputs of as many elements. */
static double largest_of_row(const sld_tensor *t, size_t i, const vf_side *s, const vf_data *d)
{
    size_t n = t->rank ? (size_t)t->dims[t->rank - 1] : 1, from = i / n * n;
    double most = largest(t, from, n);
    for (uint32_t r = 0; r < d->world; r++)
        for (uint32_t k = 0; k < d->n; k++) {
            sld_tensor x = vf_input(s, d, r, k);
            if (kern_numel(&x) == kern_numel(t) && kern_is_float(x.dtype))
                most = fmax(most, largest(&x, from, n));
        }
    return most;
}

/* f8: one code. Others: twice what noise did, a step of the dtype, and what a sum of `length` terms in f32 loses with
 * near certainty (Higham and Mary 2019: 8 sqrt(n) u). What only moves elements must be exact. */
static double allowed(const sld_tensor *want, uint32_t k, size_t i, const vf_spread *s, const vf_case *c)
{
    if (!s || !s->rounds || !kern_is_float(want->dtype))
        return s && s->at[k] ? s->at[k][i] : 0;
    if (is_code(want->dtype))
        return 1 + s->at[k][i];
    double x = kern_get(want, i);
    return 2 * s->at[k][i] + (isfinite(x) ? vf_step(want->dtype, x) : 0) +
           8 * sqrt(c->length) * 0x1p-24 * largest_of_row(want, i, c->side, c->data);
}

/* Whether an input of as many elements holds no number at i. */
static bool no_number(const sld_tensor *t, size_t i, const vf_case *c)
{
    bool found = false;
    for (uint32_t k = 0; k < c->data->n; k++) {
        sld_tensor x = vf_input(c->side, c->data, c->side->shown, k);
        found |= kern_numel(&x) == kern_numel(t) && kern_is_float(x.dtype) && isnan(kern_get(&x, i));
    }
    return found;
}

static void judge(vf_error *e, uint32_t k, size_t i, double got, double want, double most)
{
    double d = apart(got, want), of = d == 0 ? 0 : most > 0 ? d / most : INFINITY;
    if (isnan(of) || of < e->of_tolerance || (of == 0 && e->of_tolerance == 0))
        return;
    *e = (vf_error){e->ulp, e->norm, e->share, of, k, i, got, want, most, of > 1, ""};
    if (e->wrong)
        snprintf(e->why, sizeof e->why, "element %zu is %.9g, not %.9g; they may be %.3g apart", i, got, want, most);
}

static void compare_one(vf_error *e, const sld_tensor *a, const sld_tensor *b, uint32_t k, const vf_spread *s,
                        const sld_tensor *exact, const vf_case *c)
{
    double diff = 0, sum = 0;
    size_t n = kern_numel(b), off = 0;
    for (size_t i = 0; i < n; i++) {
        double x = value(a, i), y = value(b, i), d = apart(x, y);
        if (s && s->overflow && (isinf(d) || (is_code(b->dtype) && y == 0)))
            continue; /* one side or the other was beyond f16 on the way: so may be a scale, by which codes are divided */
        if (c->scales && isnan(y) && !isnan(x) && !(is_code(b->dtype) && no_number(b, i, c)))
            continue;
        if (exact && d > 0 && apart(x, value(exact, i)) <= apart(y, value(exact, i)))
            continue;
        off += d > 0;
        if (d > 0 && isfinite(d))
            e->ulp = fmax(e->ulp, is_code(b->dtype) ? d : d / vf_step(b->dtype, y));
        if (isfinite(x) && isfinite(y)) {
            diff += (x - y) * (x - y);
            sum += y * y;
        }
        judge(e, k, i, x, y, d > 0 ? allowed(b, k, i, s, c) : 1);
    }
    e->norm = fmax(e->norm, sum > 0 ? sqrt(diff / sum) : 0);
    if (!is_code(b->dtype) || !n)
        return;
    double share = (double)off / (double)n, most = s ? 2 * s->share[k] + 1.0 / 64 : 0;
    e->share = fmax(e->share, share);
    if (share > most && off > 1 && !e->wrong) {
        size_t i = 0;
        while (apart(value(a, i), value(b, i)) == 0)
            i++;
        *e = (vf_error){e->ulp, e->norm, share, INFINITY, k, i, value(a, i), value(b, i), 1, true, ""};
        snprintf(e->why, sizeof e->why, "%zu of %zu codes differ, more than %.2g%%; element %zu is code %.9g, not %.9g", off, n,
                 100 * most, i, e->got, e->want);
    }
}

vf_error vf_compare(const vf_results *got, const vf_results *want, const vf_spread *spread, const vf_results *exact,
                    const vf_case *c)
{
    vf_error e = {0};
    for (uint32_t k = 0; k < want->n; k++)
        compare_one(&e, &got->at[k], &want->at[k], k, spread, exact ? &exact->at[k] : NULL, c);
    return e;
}
