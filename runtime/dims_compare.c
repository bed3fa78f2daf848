/* What can be said about dims without knowing their symbols: comparison over ranges; and their
 * value once the symbols are known. */
#include "dims.h"

/* -------------------------------------------------------------- comparison -- */

/* The atom that a dim consists of, or NULL. */
static const sld_atom *only_atom(const sld_graph *g, sld_dim d)
{
    if (!sld_dim_is_sym(d))
        return NULL;
    const sld_sym_stored *st = &g->symbols->polys.at[d - INT64_MIN - 1];
    const sld_sym_term *t = &g->symbols->terms.at[st->first];
    return st->n == 1 && t->c == 1 && t->n == 1 ? sld__atom(g, t->f[0]) : NULL;
}

static bool always_le(const sld_graph *g, sld_dim a, sld_dim b, unsigned depth);

/* What a minimum, maximum, quotient or remainder says about a <= b where ranges do not decide. */
static bool le_by_atoms(const sld_graph *g, sld_dim a, sld_dim b, unsigned depth)
{
    const sld_atom *x = only_atom(g, a), *y = only_atom(g, b);
    if (x && x->kind == SLD_ATOM_MIN && (always_le(g, x->a, b, depth) || always_le(g, x->b, b, depth)))
        return true;
    if (x && x->kind == SLD_ATOM_MAX && always_le(g, x->a, b, depth) && always_le(g, x->b, b, depth))
        return true;
    if (y && y->kind == SLD_ATOM_MAX && (always_le(g, a, y->a, depth) || always_le(g, a, y->b, depth)))
        return true;
    if (y && y->kind == SLD_ATOM_MIN && always_le(g, a, y->a, depth) && always_le(g, a, y->b, depth))
        return true;
    /* n // d and n % d are at most n when n >= 0 and d > 0. */
    if (x && (x->kind == SLD_ATOM_DIV || x->kind == SLD_ATOM_MOD)) {
        int64_t n, d, hi;
        sld_dim_bounds(g, x->a, &n, &hi);
        sld_dim_bounds(g, x->b, &d, &hi);
        return n >= 0 && d > 0 && always_le(g, x->a, b, depth);
    }
    return false;
}

/* a - b over the ranges; everything when that overflows. */
static sld_range difference(const sld_graph *g, sld_dim a, sld_dim b, sld_poly *p)
{
    sld_poly q;
    if (!sld__dim_load(g, a, p) || !sld__dim_load(g, b, &q) || !sld__poly_add_scaled(g, p, &q, -1)) {
        p->n = 0;
        return (sld_range){SLD_UNBOUNDED_LO, SLD_UNBOUNDED_HI};
    }
    return sld__poly_bounds(g, p);
}

static bool always_le(const sld_graph *g, sld_dim a, sld_dim b, unsigned depth)
{
    sld_poly p;
    if (!sld_dim_is_sym(a) && !sld_dim_is_sym(b))
        return a <= b;
    return difference(g, a, b, &p).hi <= 0 || (depth && le_by_atoms(g, a, b, depth - 1));
}

sld_truth sld_dim_le(sld_graph *g, sld_dim a, sld_dim b)
{
    sld_poly p;
    if (!sld_dim_is_sym(a) && !sld_dim_is_sym(b))
        return a <= b ? SLD_ALWAYS : SLD_NEVER;
    if (!sld__dim_valid(g, a) || !sld__dim_valid(g, b))
        return SLD_DEPENDS;
    sld_range r = difference(g, a, b, &p);
    if (r.lo > 0)
        return SLD_NEVER;
    return r.hi <= 0 || le_by_atoms(g, a, b, 4) ? SLD_ALWAYS : SLD_DEPENDS;
}

/* True when c0 + c1*x + ... is never 0 because the ci have a divisor that c0 does not have. */
static bool never_zero(const sld_poly *p)
{
    if (!p->n || p->t[p->n - 1].n)
        return false;
    sld_poly head = *p, none = {.n = 0};
    head.n--;
    return head.n && p->t[p->n - 1].c % sld__poly_cancel(&head, &none);
}

sld_truth sld_dim_eq(sld_graph *g, sld_dim a, sld_dim b)
{
    sld_poly p;
    if (!sld__dim_valid(g, a) || !sld__dim_valid(g, b))
        return SLD_DEPENDS;
    if (a == b)
        return SLD_ALWAYS;
    if (!sld_dim_is_sym(a) && !sld_dim_is_sym(b))
        return SLD_NEVER;
    sld_range r = difference(g, a, b, &p);
    if (r.lo == 0 && r.hi == 0)
        return SLD_ALWAYS;
    return r.lo > 0 || r.hi < 0 || never_zero(&p) ? SLD_NEVER : SLD_DEPENDS;
}

/* -------------------------------------------------------------- evaluation -- */

static bool eval_atom(const sld_graph *g, const sld_atom *t, const int64_t *symbols, int64_t *out)
{
    int64_t a, b;
    if (t->kind == SLD_ATOM_SYMBOL) {
        *out = symbols ? symbols[t->symbol] : -1;
        return *out >= 0;
    }
    if (!sld_dim_eval(g, t->a, symbols, &a) || !sld_dim_eval(g, t->b, symbols, &b))
        return false;
    if (t->kind == SLD_ATOM_MIN || t->kind == SLD_ATOM_MAX) {
        *out = (t->kind == SLD_ATOM_MIN) == (a < b) ? a : b;
        return true;
    }
    if (b == 0 || b == -1) { /* -1 apart: INT64_MIN / -1 overflows */
        *out = 0;
        return b && (t->kind == SLD_ATOM_MOD || !__builtin_sub_overflow(0, a, out));
    }
    int64_t q = sld__floor_div(a, b);
    *out = t->kind == SLD_ATOM_DIV ? q : a - q * b;
    return true;
}

bool sld_dim_eval(const sld_graph *g, sld_dim d, const int64_t *symbols, int64_t *out)
{
    *out = sld_dim_is_sym(d) ? 0 : d;
    if (!sld_dim_is_sym(d) || !sld__dim_valid(g, d))
        return !sld_dim_is_sym(d);
    const sld_sym_stored *st = &g->symbols->polys.at[d - INT64_MIN - 1];
    for (uint32_t i = 0; i < st->n; i++) {
        const sld_sym_term *t = &g->symbols->terms.at[st->first + i];
        int64_t v = t->c, x;
        for (uint32_t k = 0; k < t->n; k++)
            if (!eval_atom(g, sld__atom(g, t->f[k]), symbols, &x) || __builtin_mul_overflow(v, x, &v))
                return false;
        if (__builtin_add_overflow(*out, v, out))
            return false;
    }
    return true;
}

uint32_t sld_dim_n_symbols(const sld_graph *g) { return g->symbols->symbols.n; }

const char *sld_dim_symbol_name(const sld_graph *g, uint32_t i)
{
    return sld__atom(g, g->symbols->symbols.at[i])->name;
}

void sld_dim_symbol_range(const sld_graph *g, uint32_t i, int64_t *lo, int64_t *hi)
{
    const sld_atom *a = sld__atom(g, g->symbols->symbols.at[i]);
    *lo = a->lo;
    *hi = a->hi;
}
