/* Symbolic dims: polynomials with integer coefficients over atoms.  An atom is a named
 * symbol with a range, or an interned quotient, remainder, minimum or maximum of two dims.
 * Normal forms are interned, so that equal polynomials are the same handle. */
#include "dims.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { DEGREE = 6, TERMS = 32, NO_ATOM = UINT16_MAX };

typedef struct term { int64_t c; uint16_t a[DEGREE]; } term; /* atoms ascending, NO_ATOM behind the last */
typedef struct poly { uint32_t n; term t[TERMS]; } poly;     /* terms descending by atoms: the constant is last */

typedef enum atom_kind { ATOM_SYMBOL, ATOM_DIV, ATOM_MOD, ATOM_MIN, ATOM_MAX } atom_kind;
typedef struct atom { atom_kind kind; char *name; uint32_t symbol; int64_t lo, hi; sld_dim a, b; } atom;
typedef struct stored { uint32_t first, n; } stored;

struct sld_symbols {
    SLD_ARRAY(atom) atoms;
    SLD_ARRAY(stored) polys;
    SLD_ARRAY(term) terms;
    SLD_ARRAY(uint32_t) symbols; /* atom of each named symbol */
};

sld_symbols *sld__symbols_new(sld_ctx *ctx)
{
    return sld__alloc(ctx, sizeof(sld_symbols));
}

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
    sld__free(ctx, s);
}

/* ----------------------------------------------------------- polynomials -- */

static const uint16_t no_atoms[DEGREE] = {NO_ATOM, NO_ATOM, NO_ATOM, NO_ATOM, NO_ATOM, NO_ATOM};

static int compare_atoms(const uint16_t *a, const uint16_t *b)
{
    for (int i = 0; i < DEGREE; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

static bool load(const sld_graph *g, sld_dim d, poly *p)
{
    const sld_symbols *s = g->symbols;
    p->n = 0;
    if (d == SLD_SYM_NONE)
        return false;
    if (!sld_dim_is_sym(d)) {
        if (d) {
            p->t[0].c = d;
            memcpy(p->t[0].a, no_atoms, sizeof no_atoms);
            p->n = 1;
        }
        return true;
    }
    const stored *st = &s->polys.at[d - INT64_MIN - 1];
    memcpy(p->t, s->terms.at + st->first, st->n * sizeof(term));
    p->n = st->n;
    return true;
}

static bool add_term(poly *p, const term *t)
{
    uint32_t i = 0;
    int c = 1;
    while (i < p->n && (c = compare_atoms(p->t[i].a, t->a)) < 0)
        i++;
    if (i < p->n && c == 0) {
        if (__builtin_add_overflow(p->t[i].c, t->c, &p->t[i].c))
            return false;
        if (!p->t[i].c)
            memmove(&p->t[i], &p->t[i + 1], (--p->n - i) * sizeof(term));
        return true;
    }
    if (p->n == TERMS)
        return false;
    memmove(&p->t[i + 1], &p->t[i], (p->n++ - i) * sizeof(term));
    p->t[i] = *t;
    return true;
}

static sld_dim too_large(sld_graph *g)
{
    sld__fail(g->ctx, SLD_ERR_LIMIT, "%s%sa symbolic dim is too large", g->where ? g->where : "", g->where ? ": " : "");
    return SLD_SYM_NONE;
}

/* The handle of a polynomial: found among those interned, or new. */
static sld_dim store(sld_graph *g, const poly *p)
{
    sld_symbols *s = g->symbols;
    if (!p->n)
        return 0;
    if (p->n == 1 && p->t[0].a[0] == NO_ATOM)
        return sld_dim_is_sym(p->t[0].c) ? too_large(g) : p->t[0].c;
    for (uint32_t i = 0; i < s->polys.n; i++) {
        const term *q = s->terms.at + s->polys.at[i].first;
        bool same = s->polys.at[i].n == p->n;
        for (uint32_t k = 0; same && k < p->n; k++)
            same = q[k].c == p->t[k].c && !compare_atoms(q[k].a, p->t[k].a);
        if (same)
            return INT64_MIN + 1 + i;
    }
    if (!SLD_RESERVE(g->ctx, s->polys, s->polys.n + 1) || !SLD_RESERVE(g->ctx, s->terms, s->terms.n + p->n))
        return SLD_SYM_NONE;
    memcpy(s->terms.at + s->terms.n, p->t, p->n * sizeof(term));
    s->polys.at[s->polys.n] = (stored){s->terms.n, p->n};
    s->terms.n += p->n;
    return INT64_MIN + 1 + s->polys.n++;
}

static sld_dim atom_dim(sld_graph *g, uint32_t index)
{
    poly p = {.n = 1, .t = {{.c = 1}}};
    memcpy(p.t[0].a, no_atoms, sizeof no_atoms);
    p.t[0].a[0] = (uint16_t)index;
    return store(g, &p);
}

static sld_dim new_atom(sld_graph *g, const atom *a)
{
    sld_symbols *s = g->symbols;
    if (s->atoms.n >= NO_ATOM - 1)
        return too_large(g);
    if (!SLD_RESERVE(g->ctx, s->atoms, s->atoms.n + 1))
        return SLD_SYM_NONE;
    s->atoms.at[s->atoms.n] = *a;
    return atom_dim(g, s->atoms.n++);
}

static sld_dim pair_atom(sld_graph *g, atom_kind kind, sld_dim a, sld_dim b)
{
    sld_symbols *s = g->symbols;
    for (uint32_t i = 0; i < s->atoms.n; i++)
        if (s->atoms.at[i].kind == kind && s->atoms.at[i].a == a && s->atoms.at[i].b == b)
            return atom_dim(g, i);
    return new_atom(g, &(atom){.kind = kind, .a = a, .b = b});
}

sld_dim sld_dim_symbol(sld_graph *g, const char *name, int64_t lo, int64_t hi)
{
    sld_symbols *s = g->symbols;
    for (uint32_t i = 0; i < s->symbols.n; i++)
        if (!strcmp(s->atoms.at[s->symbols.at[i]].name, name))
            return atom_dim(g, s->symbols.at[i]);
    size_t n = strlen(name) + 1;
    char *copy = sld__alloc(g->ctx, n);
    if (!copy || !SLD_RESERVE(g->ctx, s->symbols, s->symbols.n + 1)) {
        sld__free(g->ctx, copy);
        return SLD_SYM_NONE;
    }
    memcpy(copy, name, n);
    uint32_t before = s->atoms.n;
    sld_dim d = new_atom(g, &(atom){.kind = ATOM_SYMBOL, .name = copy, .symbol = s->symbols.n, .lo = lo, .hi = hi});
    if (s->atoms.n == before)
        sld__free(g->ctx, copy);
    else
        s->symbols.at[s->symbols.n++] = before;
    return d;
}

/* ------------------------------------------------------------ arithmetic -- */

static sld_dim add_scaled(sld_graph *g, sld_dim a, sld_dim b, int64_t scale)
{
    poly p, q;
    int64_t r;
    if (!sld_dim_is_sym(a) && !sld_dim_is_sym(b) && !__builtin_mul_overflow(b, scale, &r) &&
        !__builtin_add_overflow(a, r, &r) && !sld_dim_is_sym(r))
        return r;
    if (!load(g, a, &p) || !load(g, b, &q))
        return SLD_SYM_NONE;
    for (uint32_t i = 0; i < q.n; i++) {
        term t = q.t[i];
        if (__builtin_mul_overflow(t.c, scale, &t.c) || !add_term(&p, &t))
            return too_large(g);
    }
    return store(g, &p);
}

sld_dim sld_dim_add(sld_graph *g, sld_dim a, sld_dim b)
{
    return add_scaled(g, a, b, 1);
}

sld_dim sld_dim_sub(sld_graph *g, sld_dim a, sld_dim b)
{
    return add_scaled(g, a, b, -1);
}

static bool multiply_terms(const term *a, const term *b, term *t)
{
    uint32_t i = 0, j = 0, n = 0;
    if (__builtin_mul_overflow(a->c, b->c, &t->c))
        return false;
    memcpy(t->a, no_atoms, sizeof no_atoms);
    while ((i < DEGREE && a->a[i] != NO_ATOM) || (j < DEGREE && b->a[j] != NO_ATOM)) {
        if (n == DEGREE)
            return false;
        uint16_t x = i < DEGREE ? a->a[i] : NO_ATOM, y = j < DEGREE ? b->a[j] : NO_ATOM;
        t->a[n++] = x <= y ? x : y;
        *(x <= y ? &i : &j) += 1;
    }
    return true;
}

sld_dim sld_dim_mul(sld_graph *g, sld_dim a, sld_dim b)
{
    poly p, q, r = {.n = 0};
    int64_t c;
    if (!sld_dim_is_sym(a) && !sld_dim_is_sym(b))
        return __builtin_mul_overflow(a, b, &c) || sld_dim_is_sym(c) ? too_large(g) : c;
    if (!load(g, a, &p) || !load(g, b, &q))
        return SLD_SYM_NONE;
    for (uint32_t i = 0; i < p.n; i++)
        for (uint32_t j = 0; j < q.n; j++) {
            term t;
            if (!multiply_terms(&p.t[i], &q.t[j], &t) || !add_term(&r, &t))
                return too_large(g);
        }
    return store(g, &r);
}

/* t / m for a monomial m, when it is exact. */
static bool divide_term(const term *t, const term *m, term *out)
{
    uint32_t n = 0, j = 0;
    if (t->c % m->c)
        return false;
    out->c = t->c / m->c;
    memcpy(out->a, no_atoms, sizeof no_atoms);
    for (uint32_t i = 0; i < DEGREE && t->a[i] != NO_ATOM; i++) {
        if (j < DEGREE && m->a[j] == t->a[i])
            j++;
        else
            out->a[n++] = t->a[i];
    }
    return j == DEGREE || m->a[j] == NO_ATOM;
}

/* a = quotient * b + rest by leading terms; exact when the rest is 0. */
static bool long_division(poly *a, const poly *b, poly *quotient)
{
    quotient->n = 0;
    for (int steps = 0; a->n && steps < TERMS; steps++) {
        term t;
        if (!divide_term(&a->t[0], &b->t[0], &t) || !add_term(quotient, &t))
            return false;
        for (uint32_t j = 0; j < b->n; j++) {
            term s;
            if (!multiply_terms(&t, &b->t[j], &s))
                return false;
            s.c = -s.c;
            /* Both point into different polynomials; a shrinks by its leading term. */
            if (!add_term(a, &s))
                return false;
        }
    }
    return a->n == 0;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b && (a < 0) != (b < 0));
}

/* Splits a into terms divisible by the constant b and the rest. */
static void split_divisible(const poly *a, int64_t b, poly *whole, poly *rest)
{
    whole->n = rest->n = 0;
    for (uint32_t i = 0; i < a->n; i++)
        if (a->t[i].c % b == 0) {
            whole->t[whole->n] = a->t[i];
            whole->t[whole->n++].c /= b;
        } else {
            rest->t[rest->n++] = a->t[i];
        }
}

sld_dim sld_dim_div(sld_graph *g, sld_dim a, sld_dim b)
{
    poly p, q, whole, rest;
    if (b == 0) {
        sld__fail(g->ctx, SLD_ERR_TYPE, "%s%sdivision of a dim by zero", g->where ? g->where : "", g->where ? ": " : "");
        return SLD_SYM_NONE;
    }
    if (!sld_dim_is_sym(a) && !sld_dim_is_sym(b))
        return b == -1 ? -a : floor_div(a, b);
    if (!load(g, a, &p) || !load(g, b, &q))
        return SLD_SYM_NONE;
    if (sld_dim_is_sym(b)) {
        poly copy = p;
        if (long_division(&copy, &q, &whole))
            return store(g, &whole);
        return pair_atom(g, ATOM_DIV, a, b);
    }
    split_divisible(&p, b, &whole, &rest);
    sld_dim w = store(g, &whole), r = store(g, &rest);
    if (w == SLD_SYM_NONE || r == SLD_SYM_NONE)
        return SLD_SYM_NONE;
    return sld_dim_add(g, w, sld_dim_is_sym(r) ? pair_atom(g, ATOM_DIV, r, b) : floor_div(r, b));
}

sld_dim sld_dim_mod(sld_graph *g, sld_dim a, sld_dim b)
{
    poly p, whole, rest;
    if (b == 0)
        return sld_dim_div(g, a, b);
    if (sld_dim_is_sym(b)) {
        sld_dim q = sld_dim_div(g, a, b), back = q == SLD_SYM_NONE ? q : sld_dim_mul(g, q, b);
        return back == a && a != SLD_SYM_NONE ? 0 : pair_atom(g, ATOM_MOD, a, b);
    }
    if (!load(g, a, &p))
        return SLD_SYM_NONE;
    split_divisible(&p, b, &whole, &rest);
    sld_dim r = store(g, &rest);
    if (r == SLD_SYM_NONE)
        return r;
    return sld_dim_is_sym(r) ? pair_atom(g, ATOM_MOD, r, b) : r - b * floor_div(r, b);
}

sld_dim sld_dim_min(sld_graph *g, sld_dim a, sld_dim b)
{
    if (sld_dim_le(g, a, b) == SLD_ALWAYS)
        return a;
    return sld_dim_le(g, b, a) == SLD_ALWAYS ? b : pair_atom(g, ATOM_MIN, a, b);
}

sld_dim sld_dim_max(sld_graph *g, sld_dim a, sld_dim b)
{
    if (sld_dim_le(g, a, b) == SLD_ALWAYS)
        return b;
    return sld_dim_le(g, b, a) == SLD_ALWAYS ? a : pair_atom(g, ATOM_MAX, a, b);
}

/* ---------------------------------------------------------------- bounds -- */

#define UNBOUNDED_LO (INT64_MIN + 1)
#define UNBOUNDED_HI INT64_MAX

static int64_t saturate(__int128 x)
{
    return x >= UNBOUNDED_HI ? UNBOUNDED_HI : x <= UNBOUNDED_LO ? UNBOUNDED_LO : (int64_t)x;
}

static int64_t times(int64_t a, int64_t b)
{
    return saturate((__int128)a * b);
}

static void atom_bounds(const sld_graph *g, const atom *t, int64_t *lo, int64_t *hi)
{
    int64_t al, ah, bl, bh;
    *lo = t->lo;
    *hi = t->hi;
    if (t->kind == ATOM_SYMBOL)
        return;
    sld_dim_bounds(g, t->a, &al, &ah);
    sld_dim_bounds(g, t->b, &bl, &bh);
    *lo = UNBOUNDED_LO;
    *hi = UNBOUNDED_HI;
    if (t->kind == ATOM_MIN) {
        *lo = al < bl ? al : bl;
        *hi = ah < bh ? ah : bh;
    } else if (t->kind == ATOM_MAX) {
        *lo = al > bl ? al : bl;
        *hi = ah > bh ? ah : bh;
    } else if (t->kind == ATOM_MOD && bl > 0) {
        *lo = 0;
        *hi = bh - 1;
    } else if (t->kind == ATOM_DIV && bl > 0 && al >= 0) {
        *lo = al / bh;
        *hi = ah == UNBOUNDED_HI ? ah : ah / bl;
    }
}

void sld_dim_bounds(const sld_graph *g, sld_dim d, int64_t *lo, int64_t *hi)
{
    poly p;
    *lo = UNBOUNDED_LO;
    *hi = UNBOUNDED_HI;
    if (!load(g, d, &p))
        return;
    __int128 l = 0, h = 0;
    for (uint32_t i = 0; i < p.n; i++) {
        int64_t tl = p.t[i].c, th = tl;
        for (uint32_t k = 0; k < DEGREE && p.t[i].a[k] != NO_ATOM; k++) {
            int64_t al, ah;
            atom_bounds(g, &g->symbols->atoms.at[p.t[i].a[k]], &al, &ah);
            int64_t c[4] = {times(tl, al), times(tl, ah), times(th, al), times(th, ah)};
            tl = th = c[0];
            for (int m = 1; m < 4; m++) {
                tl = c[m] < tl ? c[m] : tl;
                th = c[m] > th ? c[m] : th;
            }
        }
        l = tl == UNBOUNDED_LO || l <= UNBOUNDED_LO ? UNBOUNDED_LO : saturate(l + tl);
        h = th == UNBOUNDED_HI || h >= UNBOUNDED_HI ? UNBOUNDED_HI : saturate(h + th);
    }
    *lo = saturate(l);
    *hi = saturate(h);
}

sld_truth sld_dim_le(sld_graph *g, sld_dim a, sld_dim b)
{
    int64_t lo, hi;
    if (!sld_dim_is_sym(a) && !sld_dim_is_sym(b))
        return a <= b ? SLD_ALWAYS : SLD_NEVER;
    sld_dim d = sld_dim_sub(g, b, a);
    sld_dim_bounds(g, d, &lo, &hi);
    return lo >= 0 ? SLD_ALWAYS : hi < 0 ? SLD_NEVER : SLD_DEPENDS;
}

sld_truth sld_dim_eq(sld_graph *g, sld_dim a, sld_dim b)
{
    int64_t lo, hi;
    if (a == b)
        return a == SLD_SYM_NONE ? SLD_DEPENDS : SLD_ALWAYS;
    if (!sld_dim_is_sym(a) && !sld_dim_is_sym(b))
        return SLD_NEVER;
    sld_dim d = sld_dim_sub(g, a, b);
    sld_dim_bounds(g, d, &lo, &hi);
    return lo > 0 || hi < 0 ? SLD_NEVER : SLD_DEPENDS;
}

/* ------------------------------------------------------------------ text -- */

typedef struct text { char *buf; size_t n, cap; } text;

static void put(text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(t->n < t->cap ? t->buf + t->n : NULL, t->n < t->cap ? t->cap - t->n : 0, fmt, ap);
    va_end(ap);
    t->n += (size_t)n;
}

static void print_dim(const sld_graph *g, sld_dim d, text *t, unsigned depth);

static void print_atom(const sld_graph *g, const atom *a, text *t, unsigned depth)
{
    static const char *const names[] = {"", "div", "mod", "min", "max"};
    if (a->kind == ATOM_SYMBOL) {
        put(t, "%s", a->name);
        return;
    }
    put(t, "%s(", names[a->kind]);
    print_dim(g, a->a, t, depth + 1);
    put(t, ", ");
    print_dim(g, a->b, t, depth + 1);
    put(t, ")");
}

static void print_dim(const sld_graph *g, sld_dim d, text *t, unsigned depth)
{
    poly p;
    if (!load(g, d, &p) || depth > 50) {
        put(t, "?");
        return;
    }
    if (!p.n)
        put(t, "0");
    for (uint32_t i = 0; i < p.n; i++) {
        int64_t c = p.t[i].c;
        bool atoms = p.t[i].a[0] != NO_ATOM;
        if (i) {
            put(t, c < 0 ? " - " : " + ");
            c = c < 0 && c != INT64_MIN ? -c : c;
        }
        if (!atoms || c != 1)
            put(t, "%" PRId64, c);
        for (uint32_t k = 0; k < DEGREE && p.t[i].a[k] != NO_ATOM; k++) {
            put(t, "%s", k || c != 1 ? "*" : "");
            print_atom(g, &g->symbols->atoms.at[p.t[i].a[k]], t, depth);
        }
    }
}

int sld_dim_print(const sld_graph *g, sld_dim d, char *buf, size_t n)
{
    text t = {buf, 0, n};
    if (n)
        buf[0] = 0;
    print_dim(g, d, &t, 0);
    return (int)t.n;
}

typedef struct parser { sld_graph *g; const char *p; int64_t lo, hi; unsigned depth; } parser;

static void skip(parser *s)
{
    while (*s->p == ' ' || *s->p == '\t')
        s->p++;
}

static bool accept(parser *s, const char *token)
{
    skip(s);
    size_t n = strlen(token);
    if (strncmp(s->p, token, n))
        return false;
    s->p += n;
    return true;
}

static sld_dim parse_sum(parser *s);

static sld_dim parse_call(parser *s, const char *name)
{
    static const struct { const char *name; sld_dim (*fn)(sld_graph *, sld_dim, sld_dim); } fns[] = {
        {"div", sld_dim_div}, {"FloorDiv", sld_dim_div}, {"mod", sld_dim_mod}, {"Mod", sld_dim_mod},
        {"min", sld_dim_min}, {"Min", sld_dim_min},      {"max", sld_dim_max}, {"Max", sld_dim_max},
    };
    sld_dim a = parse_sum(s), b;
    if (a == SLD_SYM_NONE || !accept(s, ",") || (b = parse_sum(s)) == SLD_SYM_NONE || !accept(s, ")"))
        return SLD_SYM_NONE;
    for (size_t i = 0; i < sizeof fns / sizeof *fns; i++)
        if (!strcmp(fns[i].name, name))
            return fns[i].fn(s->g, a, b);
    return SLD_SYM_NONE;
}

static sld_dim parse_factor(parser *s)
{
    skip(s);
    if (s->depth > 100)
        return SLD_SYM_NONE;
    if (accept(s, "(")) {
        sld_dim d = parse_sum(s);
        return accept(s, ")") ? d : SLD_SYM_NONE;
    }
    if (accept(s, "-")) {
        s->depth++;
        sld_dim d = parse_factor(s);
        s->depth--;
        return d == SLD_SYM_NONE ? d : sld_dim_sub(s->g, 0, d);
    }
    if (isdigit((unsigned char)*s->p)) {
        int64_t v = 0;
        for (; isdigit((unsigned char)*s->p); s->p++)
            if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *s->p - '0', &v))
                return SLD_SYM_NONE;
        return v;
    }
    char name[128];
    size_t n = 0;
    for (; isalnum((unsigned char)*s->p) || *s->p == '_' || *s->p == '.'; s->p++)
        if (n + 1 < sizeof name)
            name[n++] = *s->p;
    name[n] = 0;
    if (!n)
        return SLD_SYM_NONE;
    return accept(s, "(") ? parse_call(s, name) : sld_dim_symbol(s->g, name, s->lo, s->hi);
}

static sld_dim parse_product(parser *s)
{
    sld_dim a = parse_factor(s);
    while (a != SLD_SYM_NONE) {
        sld_dim (*fn)(sld_graph *, sld_dim, sld_dim) = accept(s, "*") ? sld_dim_mul
                                                       : accept(s, "//") || accept(s, "/") ? sld_dim_div
                                                       : accept(s, "%") ? sld_dim_mod : NULL;
        if (!fn)
            break;
        sld_dim b = parse_factor(s);
        a = b == SLD_SYM_NONE ? b : fn(s->g, a, b);
    }
    return a;
}

static sld_dim parse_sum(parser *s)
{
    if (++s->depth > 100)
        return SLD_SYM_NONE;
    sld_dim a = parse_product(s);
    while (a != SLD_SYM_NONE) {
        bool plus = accept(s, "+");
        if (!plus && !accept(s, "-"))
            break;
        sld_dim b = parse_product(s);
        a = b == SLD_SYM_NONE ? b : plus ? sld_dim_add(s->g, a, b) : sld_dim_sub(s->g, a, b);
    }
    s->depth--;
    return a;
}

sld_dim sld_dim_parse(sld_graph *g, const char *text, int64_t lo, int64_t hi)
{
    parser s = {g, text, lo, hi, 0};
    sld_dim d = parse_sum(&s);
    skip(&s);
    return *s.p ? SLD_SYM_NONE : d;
}

/* ------------------------------------------------------------ evaluation -- */

static bool eval(const sld_graph *g, sld_dim d, const int64_t *symbols, int64_t *out, unsigned depth);

static bool eval_atom(const sld_graph *g, const atom *t, const int64_t *symbols, int64_t *out, unsigned depth)
{
    int64_t a, b;
    if (t->kind == ATOM_SYMBOL) {
        *out = symbols ? symbols[t->symbol] : -1;
        return *out >= 0;
    }
    if (depth > 50 || !eval(g, t->a, symbols, &a, depth + 1) || !eval(g, t->b, symbols, &b, depth + 1))
        return false;
    if (t->kind <= ATOM_MOD && (b == 0 || (b == -1 && a == INT64_MIN)))
        return false;
    *out = t->kind == ATOM_DIV   ? floor_div(a, b)
           : t->kind == ATOM_MOD ? a - b * floor_div(a, b)
           : (t->kind == ATOM_MIN) == (a < b) ? a : b;
    return true;
}

static bool eval(const sld_graph *g, sld_dim d, const int64_t *symbols, int64_t *out, unsigned depth)
{
    poly p;
    *out = 0;
    if (!load(g, d, &p))
        return false;
    for (uint32_t i = 0; i < p.n; i++) {
        int64_t v = p.t[i].c, x;
        for (uint32_t k = 0; k < DEGREE && p.t[i].a[k] != NO_ATOM; k++)
            if (!eval_atom(g, &g->symbols->atoms.at[p.t[i].a[k]], symbols, &x, depth) || __builtin_mul_overflow(v, x, &v))
                return false;
        if (__builtin_add_overflow(*out, v, out))
            return false;
    }
    return true;
}

bool sld_dim_eval(const sld_graph *g, sld_dim d, const int64_t *symbols, int64_t *out)
{
    if (!sld_dim_is_sym(d)) {
        *out = d;
        return true;
    }
    return eval(g, d, symbols, out, 0);
}

uint32_t sld_dim_n_symbols(const sld_graph *g)
{
    return g->symbols->symbols.n;
}

const char *sld_dim_symbol_name(const sld_graph *g, uint32_t i)
{
    return g->symbols->atoms.at[g->symbols->symbols.at[i]].name;
}

void sld_dim_symbol_range(const sld_graph *g, uint32_t i, int64_t *lo, int64_t *hi)
{
    const atom *a = &g->symbols->atoms.at[g->symbols->symbols.at[i]];
    *lo = a->lo;
    *hi = a->hi;
}
