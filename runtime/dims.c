/* Arithmetic on symbolic dims.  Every result is brought to one normal form and interned, so
 * that equal polynomials are the same handle and shapes compare as integers do.  What cannot
 * be divided or compared exactly becomes an atom of its own. */
#include "dims.h"

#include <string.h>

sld_symbols *sld__symbols_new(sld_ctx *ctx) { return sld__alloc(ctx, sizeof(sld_symbols)); }

void sld__symbols_free(sld_ctx *ctx, sld_symbols *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->atoms.n; i++)
        sld__free(ctx, s->atoms.at[i].name);
    sld__free(ctx, s->atoms.at);
    sld__free(ctx, s->polys.at);
    sld__free(ctx, s->terms.at);
    sld__free(ctx, s->symbols.at);
    sld__free(ctx, s->atom_table.at);
    sld__free(ctx, s->poly_table.at);
    sld__free(ctx, s);
}

static sld_dim fail(sld_graph *g, sld_status status, const char *what)
{
    sld__fail(g->ctx, status, "%s%s%s", g->where ? g->where : "", g->where ? ": " : "", what);
    return SLD_SYM_NONE;
}

static sld_dim too_large(sld_graph *g) { return fail(g, SLD_ERR_LIMIT, "arithmetic on dims overflows"); }

bool sld__dim_valid(const sld_graph *g, sld_dim d)
{
    return !sld_dim_is_sym(d) || (d != SLD_SYM_NONE && d - INT64_MIN <= g->symbols->polys.n);
}

bool sld__dim_load(const sld_graph *g, sld_dim d, sld_poly *p)
{
    p->n = 0;
    if (!sld__dim_valid(g, d))
        return false;
    if (sld_dim_is_sym(d)) {
        const sld_sym_stored *st = &g->symbols->polys.at[d - INT64_MIN - 1];
        memcpy(p->t, g->symbols->terms.at + st->first, st->n * sizeof *p->t);
        p->n = st->n;
    } else if (d) {
        p->t[0] = (sld_sym_term){.c = d};
        p->n = 1;
    }
    return true;
}

/* ------------------------------------------------------------------- order -- */

static int compare_dims(const sld_graph *g, sld_dim a, sld_dim b);

static int compare_atoms(const sld_graph *g, uint32_t x, uint32_t y)
{
    if (x == y)
        return 0;
    const sld_atom *a = sld__atom(g, x), *b = sld__atom(g, y);
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->kind == SLD_ATOM_SYMBOL)
        return a->symbol < b->symbol ? -1 : 1;
    int c = compare_dims(g, a->a, b->a);
    return c ? c : compare_dims(g, a->b, b->b);
}

/* Higher degrees first, the constant last: a monomial order, as exact division needs. */
static int compare_monomials(const sld_graph *g, const sld_sym_term *x, const sld_sym_term *y)
{
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    int c = 0;
    for (uint32_t i = 0; i < x->n && !c; i++)
        c = compare_atoms(g, x->f[i], y->f[i]);
    return c;
}

static int compare_dims(const sld_graph *g, sld_dim a, sld_dim b)
{
    if (a == b)
        return 0;
    if (!sld_dim_is_sym(a) || !sld_dim_is_sym(b)) /* integers stand behind symbols */
        return sld_dim_is_sym(a) ? -1 : sld_dim_is_sym(b) || a > b ? 1 : -1;
    const sld_sym_stored *p = &g->symbols->polys.at[a - INT64_MIN - 1],
                         *q = &g->symbols->polys.at[b - INT64_MIN - 1];
    for (uint32_t i = 0; i < p->n && i < q->n; i++) {
        const sld_sym_term *x = &g->symbols->terms.at[p->first + i], *y = &g->symbols->terms.at[q->first + i];
        int c = compare_monomials(g, x, y);
        if (c || x->c != y->c)
            return c ? c : x->c < y->c ? -1 : 1;
    }
    return p->n > q->n ? -1 : 1;
}

/* ------------------------------------------------------------- polynomials -- */

/* Coefficients keep out of the range of handles, so that each can be written as a number. */
static bool fits(int64_t c) { return !sld_dim_is_sym(c); }

/* p += t; false on overflow. */
static bool add_term(const sld_graph *g, sld_poly *p, const sld_sym_term *t)
{
    uint32_t i = 0;
    int c = 1;
    while (i < p->n && (c = compare_monomials(g, &p->t[i], t)) < 0)
        i++;
    if (i < p->n && c == 0) {
        if (__builtin_add_overflow(p->t[i].c, t->c, &p->t[i].c) || !fits(p->t[i].c))
            return false;
        if (!p->t[i].c)
            memmove(&p->t[i], &p->t[i + 1], (--p->n - i) * sizeof *t);
        return true;
    }
    if (p->n == SLD_SYM_TERMS)
        return false;
    memmove(&p->t[i + 1], &p->t[i], (p->n++ - i) * sizeof *t);
    p->t[i] = *t;
    return true;
}

bool sld__poly_add_scaled(const sld_graph *g, sld_poly *p, const sld_poly *q, int64_t scale)
{
    for (uint32_t i = 0; i < q->n; i++) {
        sld_sym_term t = q->t[i];
        if (__builtin_mul_overflow(t.c, scale, &t.c) || !fits(t.c) || !add_term(g, p, &t))
            return false;
    }
    return true;
}

static bool multiply_terms(const sld_graph *g, const sld_sym_term *a, const sld_sym_term *b, sld_sym_term *t)
{
    if (__builtin_mul_overflow(a->c, b->c, &t->c) || !fits(t->c) || a->n + b->n > SLD_SYM_DEGREE)
        return false;
    uint32_t i = 0, j = 0;
    for (t->n = 0; i < a->n || j < b->n; t->n++)
        t->f[t->n] =
            j == b->n || (i < a->n && compare_atoms(g, a->f[i], b->f[j]) <= 0) ? a->f[i++] : b->f[j++];
    return true;
}

/* p += t * q, with t's sign changed when negative. */
static bool add_product(const sld_graph *g, sld_poly *p, const sld_sym_term *t, const sld_poly *q,
                        bool negative)
{
    for (uint32_t j = 0; j < q->n; j++) {
        sld_sym_term x;
        if (!multiply_terms(g, t, &q->t[j], &x))
            return false;
        x.c = negative ? -x.c : x.c;
        if (!fits(x.c) || !add_term(g, p, &x))
            return false;
    }
    return true;
}

/* What writing the polynomial out takes; atoms are counted as often as they appear. */
static bool measure(const sld_graph *g, const sld_poly *p, sld_sym_stored *st)
{
    st->depth = st->weight = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        st->weight++;
        for (uint32_t k = 0; k < p->t[i].n; k++) {
            const sld_atom *a = sld__atom(g, p->t[i].f[k]);
            st->weight += a->weight;
            st->depth = a->depth > st->depth ? a->depth : st->depth;
        }
    }
    return st->weight <= SLD_SYM_WEIGHT;
}

static uint32_t hash_poly(const sld_poly *p)
{
    uint32_t h = SLD_HASH_SEED;
    for (uint32_t i = 0; i < p->n; i++) {
        h = sld__hash(h, &p->t[i].c, sizeof p->t[i].c);
        h = sld__hash(h, p->t[i].f, p->t[i].n * sizeof *p->t[i].f);
    }
    return h;
}

static bool equal_terms(const sld_sym_term *a, const sld_sym_term *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (a[i].c != b[i].c || a[i].n != b[i].n || memcmp(a[i].f, b[i].f, a[i].n * sizeof *a[i].f))
            return false;
    return true;
}

/* The handle of a polynomial: found among those interned, or new. */
static sld_dim store(sld_graph *g, const sld_poly *p)
{
    sld_symbols *s = g->symbols;
    if (!p->n || (p->n == 1 && !p->t[0].n))
        return p->n ? p->t[0].c : 0;
    uint32_t hash = hash_poly(p), step = 0, id;
    while ((id = sld__table_next(&s->poly_table, hash, &step)))
        if (s->polys.at[id - 1].n == p->n && equal_terms(s->terms.at + s->polys.at[id - 1].first, p->t, p->n))
            return INT64_MIN + id;
    sld_sym_stored st = {s->terms.n, p->n, 0, 0};
    if (!measure(g, p, &st))
        return too_large(g);
    if (!SLD_RESERVE(g->ctx, s->polys, s->polys.n + 1) || !SLD_RESERVE(g->ctx, s->terms, s->terms.n + p->n) ||
        !sld__table_reserve(g->ctx, &s->poly_table))
        return SLD_SYM_NONE;
    memcpy(s->terms.at + s->terms.n, p->t, p->n * sizeof *p->t);
    s->terms.n += p->n;
    s->polys.at[s->polys.n++] = st;
    sld__table_add(&s->poly_table, hash, s->polys.n);
    return INT64_MIN + s->polys.n;
}

/* ------------------------------------------------------------------ bounds -- */

static int64_t saturate(__int128 x)
{
    return x >= SLD_UNBOUNDED_HI ? SLD_UNBOUNDED_HI : x <= SLD_UNBOUNDED_LO ? SLD_UNBOUNDED_LO : (int64_t)x;
}

/* The smallest and the largest of f(x, y) over the corners, for f that is monotonic in each. */
static sld_range over_corners(sld_range x, sld_range y, int64_t (*f)(int64_t, int64_t))
{
    int64_t c[4] = {f(x.lo, y.lo), f(x.lo, y.hi), f(x.hi, y.lo), f(x.hi, y.hi)};
    sld_range r = {c[0], c[0]};
    for (int i = 1; i < 4; i++) {
        r.lo = c[i] < r.lo ? c[i] : r.lo;
        r.hi = c[i] > r.hi ? c[i] : r.hi;
    }
    return r;
}

static int64_t times(int64_t a, int64_t b) { return saturate((__int128)a * b); }

/* For b > 0. */
static int64_t over(int64_t a, int64_t b)
{
    if (a == SLD_UNBOUNDED_LO || a == SLD_UNBOUNDED_HI)
        return a;
    return sld__floor_div(a, b);
}

sld_range sld__poly_bounds(const sld_graph *g, const sld_poly *p)
{
    sld_range r = {0, 0};
    for (uint32_t i = 0; i < p->n; i++) {
        sld_range t = {p->t[i].c, p->t[i].c};
        for (uint32_t k = 0; k < p->t[i].n; k++) {
            const sld_atom *a = sld__atom(g, p->t[i].f[k]);
            t = over_corners(t, (sld_range){a->lo, a->hi}, times);
        }
        r.lo = r.lo == SLD_UNBOUNDED_LO || t.lo == SLD_UNBOUNDED_LO ? SLD_UNBOUNDED_LO
                                                                    : saturate((__int128)r.lo + t.lo);
        r.hi = r.hi == SLD_UNBOUNDED_HI || t.hi == SLD_UNBOUNDED_HI ? SLD_UNBOUNDED_HI
                                                                    : saturate((__int128)r.hi + t.hi);
    }
    return r;
}

void sld_dim_bounds(const sld_graph *g, sld_dim d, int64_t *lo, int64_t *hi)
{
    sld_poly p;
    sld_range r = {SLD_UNBOUNDED_LO, SLD_UNBOUNDED_HI};
    if (sld__dim_load(g, d, &p))
        r = sld__poly_bounds(g, &p);
    *lo = r.lo;
    *hi = r.hi;
}

static sld_range bounds_of_atom(const sld_graph *g, sld_atom_kind kind, sld_dim da, sld_dim db)
{
    sld_range a, b, r = {SLD_UNBOUNDED_LO, SLD_UNBOUNDED_HI};
    sld_dim_bounds(g, da, &a.lo, &a.hi);
    sld_dim_bounds(g, db, &b.lo, &b.hi);
    if (kind == SLD_ATOM_MIN)
        r = (sld_range){a.lo < b.lo ? a.lo : b.lo, a.hi < b.hi ? a.hi : b.hi};
    else if (kind == SLD_ATOM_MAX)
        r = (sld_range){a.lo > b.lo ? a.lo : b.lo, a.hi > b.hi ? a.hi : b.hi};
    else if (kind == SLD_ATOM_DIV && b.lo > 0)
        r = over_corners(a, b, over);
    else if (kind == SLD_ATOM_MOD && b.lo > 0)
        r = (sld_range){0, a.lo >= 0 && a.hi < b.hi ? a.hi : b.hi == SLD_UNBOUNDED_HI ? b.hi : b.hi - 1};
    return r;
}

/* ------------------------------------------------------------------- atoms -- */

static sld_dim dim_of_atom(sld_graph *g, uint32_t id)
{
    sld_poly p;
    p.n = 1;
    p.t[0] = (sld_sym_term){.c = 1, .n = 1, .f = {id}};
    return store(g, &p);
}

static sld_dim add_atom(sld_graph *g, const sld_atom *a, uint32_t hash)
{
    sld_symbols *s = g->symbols;
    if (!SLD_RESERVE(g->ctx, s->atoms, s->atoms.n + 1) || !sld__table_reserve(g->ctx, &s->atom_table))
        return SLD_SYM_NONE;
    s->atoms.at[s->atoms.n++] = *a;
    sld__table_add(&s->atom_table, hash, s->atoms.n);
    return dim_of_atom(g, s->atoms.n);
}

static uint32_t find_symbol(const sld_graph *g, const char *name, uint32_t hash)
{
    uint32_t step = 0, id;
    while ((id = sld__table_next(&g->symbols->atom_table, hash, &step)))
        if (sld__atom(g, id)->kind == SLD_ATOM_SYMBOL && !strcmp(sld__atom(g, id)->name, name))
            break;
    return id;
}

sld_dim sld_dim_symbol(sld_graph *g, const char *name, int64_t lo, int64_t hi)
{
    sld_symbols *s = g->symbols;
    size_t size = strlen(name) + 1;
    uint32_t hash = sld__hash(SLD_HASH_SEED, name, size - 1), id = find_symbol(g, name, hash);
    if (id)
        return dim_of_atom(g, id);
    if (lo > hi)
        return fail(g, SLD_ERR_TYPE, "the range of a symbolic dim is empty");
    lo = lo < SLD_UNBOUNDED_LO ? SLD_UNBOUNDED_LO : lo;
    char *copy = SLD_RESERVE(g->ctx, s->symbols, s->symbols.n + 1) ? sld__alloc(g->ctx, size) : NULL;
    if (!copy)
        return SLD_SYM_NONE;
    memcpy(copy, name, size);
    uint32_t before = s->atoms.n;
    sld_atom a = {
        .kind = SLD_ATOM_SYMBOL, .symbol = s->symbols.n, .name = copy, .lo = lo, .hi = hi, .weight = 1};
    sld_dim d = add_atom(g, &a, hash);
    if (s->atoms.n == before)
        sld__free(g->ctx, copy);
    else
        s->symbols.at[s->symbols.n++] = s->atoms.n;
    return d;
}

sld_dim sld__dim_find(sld_graph *g, const char *name)
{
    uint32_t id = find_symbol(g, name, sld__hash(SLD_HASH_SEED, name, strlen(name)));
    return id ? dim_of_atom(g, id) : SLD_SYM_NONE;
}

void sld__dim_set_range(sld_graph *g, sld_dim symbol, int64_t lo, int64_t hi)
{
    for (uint32_t id = 1; id <= g->symbols->atoms.n; id++) {
        sld_atom *a = &g->symbols->atoms.at[id - 1];
        sld_range r = {a->lo, a->hi};
        if (a->kind != SLD_ATOM_SYMBOL)
            r = bounds_of_atom(g, a->kind, a->a, a->b); /* of atoms before it */
        else if (dim_of_atom(g, id) == symbol)
            r = (sld_range){lo, hi};
        a = &g->symbols->atoms.at[id - 1];
        a->lo = r.lo;
        a->hi = r.hi;
    }
}

/* Depth and weight of a dim that stands inside an atom. */
static void measure_dim(const sld_graph *g, sld_dim d, sld_atom *a)
{
    a->weight++;
    if (!sld_dim_is_sym(d))
        return;
    const sld_sym_stored *st = &g->symbols->polys.at[d - INT64_MIN - 1];
    a->weight += st->weight;
    a->depth = st->depth + 1 > a->depth ? st->depth + 1 : a->depth;
}

static sld_dim pair(sld_graph *g, sld_atom_kind kind, sld_dim a, sld_dim b)
{
    if (a == SLD_SYM_NONE || b == SLD_SYM_NONE)
        return SLD_SYM_NONE;
    sld_range r = bounds_of_atom(g, kind, a, b);
    if (r.lo == r.hi && fits(r.lo))
        return r.lo;
    sld_atom atom = {.kind = kind, .a = a, .b = b, .lo = r.lo, .hi = r.hi};
    int64_t key[3] = {kind, a, b};
    uint32_t hash = sld__hash(SLD_HASH_SEED, key, sizeof key), step = 0, id;
    while ((id = sld__table_next(&g->symbols->atom_table, hash, &step))) {
        const sld_atom *x = sld__atom(g, id);
        if (x->kind == kind && x->a == a && x->b == b)
            return dim_of_atom(g, id);
    }
    measure_dim(g, a, &atom);
    measure_dim(g, b, &atom);
    if (atom.depth > SLD_SYM_DEPTH || atom.weight > SLD_SYM_WEIGHT)
        return fail(g, SLD_ERR_LIMIT, "a symbolic dim is nested too deeply");
    return add_atom(g, &atom, hash);
}

/* -------------------------------------------------------------- arithmetic -- */

static bool load2(sld_graph *g, sld_dim a, sld_dim b, sld_poly *p, sld_poly *q)
{
    if (sld__dim_load(g, a, p) && sld__dim_load(g, b, q))
        return true;
    fail(g, SLD_ERR_TYPE, "an operand of dim arithmetic is undefined");
    return false;
}

static sld_dim sum(sld_graph *g, sld_dim a, sld_dim b, int64_t scale)
{
    sld_poly p, q;
    if (!load2(g, a, b, &p, &q))
        return SLD_SYM_NONE;
    return sld__poly_add_scaled(g, &p, &q, scale) ? store(g, &p) : too_large(g);
}

sld_dim sld_dim_add(sld_graph *g, sld_dim a, sld_dim b) { return sum(g, a, b, 1); }
sld_dim sld_dim_sub(sld_graph *g, sld_dim a, sld_dim b) { return sum(g, a, b, -1); }

sld_dim sld_dim_mul(sld_graph *g, sld_dim a, sld_dim b)
{
    sld_poly p, q, r = {.n = 0};
    if (!load2(g, a, b, &p, &q))
        return SLD_SYM_NONE;
    for (uint32_t i = 0; i < p.n; i++)
        if (!add_product(g, &r, &p.t[i], &q, false))
            return too_large(g);
    return store(g, &r);
}

/* t / m when it is exact. */
static bool divide_term(const sld_sym_term *t, const sld_sym_term *m, sld_sym_term *out)
{
    if (t->c % m->c)
        return false;
    uint32_t j = 0;
    out->c = t->c / m->c;
    out->n = 0;
    for (uint32_t i = 0; i < t->n; i++)
        if (j < m->n && m->f[j] == t->f[i])
            j++;
        else
            out->f[out->n++] = t->f[i];
    return j == m->n;
}

/* a / b by leading terms; false when something is left over. */
static bool divide_exactly(const sld_graph *g, const sld_poly *a, const sld_poly *b, sld_poly *quotient)
{
    sld_poly rest = *a;
    quotient->n = 0;
    for (int steps = 0; rest.n && steps < SLD_SYM_TERMS; steps++) {
        sld_sym_term t;
        if (!divide_term(&rest.t[0], &b->t[0], &t) || !add_term(g, quotient, &t) ||
            !add_product(g, &rest, &t, b, true))
            return false;
    }
    return !rest.n;
}

/* a = whole * b + rest, where rest holds what no term-wise division takes out: for an integer b > 0 the
 * coefficients of rest lie in [0, b). */
static bool split(const sld_graph *g, const sld_poly *a, const sld_poly *b, sld_poly *whole, sld_poly *rest)
{
    whole->n = rest->n = 0;
    if (divide_exactly(g, a, b, whole))
        return true;
    whole->n = 0;
    bool number = b->n == 1 && !b->t[0].n;
    for (uint32_t i = 0; i < a->n; i++) {
        sld_sym_term t = a->t[i], q = t;
        if (number) {
            q.c = sld__floor_div(t.c, b->t[0].c);
            t.c -= q.c * b->t[0].c;
        } else if (b->n == 1 && divide_term(&a->t[i], &b->t[0], &q)) {
            t.c = 0;
        } else {
            q.c = 0;
        }
        if ((q.c && !add_term(g, whole, &q)) || (t.c && !add_term(g, rest, &t)))
            return false;
    }
    return true;
}

int64_t sld__poly_cancel(sld_poly *a, sld_poly *b)
{
    int64_t common = 0;
    for (uint32_t i = 0; i < a->n + b->n; i++) {
        int64_t x = common, y = i < a->n ? a->t[i].c : b->t[i - a->n].c;
        for (int64_t r; y; x = y, y = r)
            r = x % y;
        common = x < 0 ? -x : x;
    }
    for (uint32_t i = 0; i < a->n; i++)
        a->t[i].c /= common;
    for (uint32_t i = 0; i < b->n; i++)
        b->t[i].c /= common;
    return common;
}

static bool negate(sld_poly *p)
{
    bool ok = true;
    for (uint32_t i = 0; i < p->n; i++) {
        p->t[i].c = -p->t[i].c;
        ok &= fits(p->t[i].c);
    }
    return ok;
}

/* Loads a and b for a division, both negated when b leads with a minus. */
static bool load_division(sld_graph *g, sld_dim a, sld_dim b, sld_poly *p, sld_poly *q, bool *negated)
{
    if (b == 0) {
        fail(g, SLD_ERR_TYPE, "a dim is divided by zero");
        return false;
    }
    if (!load2(g, a, b, p, q))
        return false;
    *negated = q->t[0].c < 0;
    if (!*negated || (negate(p) && negate(q)))
        return true;
    too_large(g);
    return false;
}

/* rest // b, where rest has been reduced. */
static sld_dim quotient_of_rest(sld_graph *g, sld_poly *rest, sld_poly *b)
{
    if (!rest->n)
        return 0;
    sld__poly_cancel(rest, b);
    sld_dim r = store(g, rest), d = store(g, b);
    /* (x // m) // n is x // (m*n) for positive integers. */
    if (r != SLD_SYM_NONE && !sld_dim_is_sym(d) && rest->n == 1 && rest->t[0].c == 1 && rest->t[0].n == 1) {
        const sld_atom *x = sld__atom(g, rest->t[0].f[0]);
        int64_t m;
        if (x->kind == SLD_ATOM_DIV && !sld_dim_is_sym(x->b) && !__builtin_mul_overflow(x->b, d, &m))
            return sld_dim_div(g, x->a, m);
    }
    return pair(g, SLD_ATOM_DIV, r, d);
}

sld_dim sld_dim_div(sld_graph *g, sld_dim a, sld_dim b)
{
    sld_poly p, q, whole, rest;
    bool negated;
    if (!load_division(g, a, b, &p, &q, &negated))
        return SLD_SYM_NONE;
    if (!split(g, &p, &q, &whole, &rest))
        return too_large(g);
    sld_dim w = store(g, &whole), r = quotient_of_rest(g, &rest, &q);
    return w == SLD_SYM_NONE || r == SLD_SYM_NONE ? SLD_SYM_NONE : sld_dim_add(g, w, r);
}

sld_dim sld_dim_mod(sld_graph *g, sld_dim a, sld_dim b)
{
    sld_poly p, q, whole, rest;
    bool negated;
    if (!load_division(g, a, b, &p, &q, &negated))
        return SLD_SYM_NONE;
    if (!split(g, &p, &q, &whole, &rest))
        return too_large(g);
    if (!rest.n)
        return 0;
    sld_range r = sld__poly_bounds(g, &rest), d = sld__poly_bounds(g, &q);
    bool within = d.lo > 0 && r.lo >= 0 && r.hi < d.lo;
    int64_t common = within ? 1 : sld__poly_cancel(&rest, &q);
    sld_dim m = store(g, &rest);
    if (!within)
        m = pair(g, SLD_ATOM_MOD, m, store(g, &q));
    return m == SLD_SYM_NONE ? m : sld_dim_mul(g, m, negated ? -common : common);
}

static sld_dim extreme(sld_graph *g, sld_atom_kind kind, sld_dim a, sld_dim b)
{
    if (!sld__dim_valid(g, a) || !sld__dim_valid(g, b))
        return fail(g, SLD_ERR_TYPE, "an operand of dim arithmetic is undefined");
    bool max = kind == SLD_ATOM_MAX;
    if (sld_dim_le(g, a, b) == SLD_ALWAYS)
        return max ? b : a;
    if (sld_dim_le(g, b, a) == SLD_ALWAYS)
        return max ? a : b;
    return compare_dims(g, a, b) < 0 ? pair(g, kind, a, b) : pair(g, kind, b, a);
}

sld_dim sld_dim_min(sld_graph *g, sld_dim a, sld_dim b) { return extreme(g, SLD_ATOM_MIN, a, b); }
sld_dim sld_dim_max(sld_graph *g, sld_dim a, sld_dim b) { return extreme(g, SLD_ATOM_MAX, a, b); }
