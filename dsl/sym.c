/* Sizes as polynomials: arithmetic, what is known of them, and proofs. See sym.h. */
#include "sym.h"

#include <string.h>

enum { MAX_DEPTH = 60, MAX_STEPS = 400, MAX_WORK = 1000000 /* rules that people write take up to 120000 */ };

s_ctx *s_open(pat_session *s)
{
    s_ctx *c = pat_alloc(s->arena, sizeof *c);
    *c = (s_ctx){.session = s, .arena = pat_arena_new()};
    return c;
}

void s_close(s_ctx *c)
{
    pat_arena_free(c->arena);
}

/* ------------------------------------------------------------ arithmetic -- */

static int compare_atoms(const s_mono *a, const s_mono *b)
{
    if (a->n != b->n)
        return a->n > b->n ? -1 : 1; /* higher degree first: reads as people write */
    for (uint32_t i = 0; i < a->n; i++)
        if (a->atoms[i] != b->atoms[i])
            return a->atoms[i] < b->atoms[i] ? -1 : 1;
    return 0;
}

s_poly s_const(s_ctx *c, int64_t i)
{
    s_mono *m = pat_alloc(c->arena, sizeof *m);
    *m = (s_mono){.coef = i};
    return (s_poly){i != 0, m};
}

bool s_is_const(s_poly p, int64_t *i)
{
    *i = p.n ? p.at[0].coef : 0;
    return !p.n || (p.n == 1 && !p.at[0].n);
}

static s_poly atom_poly(s_ctx *c, uint32_t id)
{
    s_mono *m = pat_alloc(c->arena, sizeof *m);
    uint32_t *a = pat_alloc(c->arena, sizeof *a);
    *a = id;
    *m = (s_mono){1, 1, a};
    return (s_poly){1, m};
}

static uint32_t new_atom(s_ctx *c, s_atom a)
{
    s_atom *p = pat_alloc(c->arena, sizeof *p);
    *p = a;
    PAT_PUSH(c->arena, c->atoms, p);
    return c->atoms.n - 1;
}

s_poly s_var(s_ctx *c, pat_name name, bool fresh, bool nonneg)
{
    return atom_poly(c, new_atom(c, (s_atom){.name = name, .fresh = fresh, .nonneg = nonneg, .max = INT64_MAX}));
}

/* A sum that leaves 64 bits is a number of its own of which nothing is known. */
static s_poly unknown(s_ctx *c)
{
    return s_var(c, "?", false, false);
}

s_poly s_add(s_ctx *c, s_poly a, s_poly b)
{
    c->work++;
    s_mono *m = pat_alloc(c->arena, (a.n + b.n + 1) * sizeof *m);
    uint32_t i = 0, j = 0, n = 0;
    while (i < a.n || j < b.n) {
        int order = i == a.n ? 1 : j == b.n ? -1 : compare_atoms(&a.at[i], &b.at[j]);
        if (order) {
            m[n++] = order < 0 ? a.at[i++] : b.at[j++];
            continue;
        }
        m[n] = a.at[i];
        if (__builtin_add_overflow(a.at[i++].coef, b.at[j++].coef, &m[n].coef))
            return unknown(c);
        n += m[n].coef != 0;
    }
    return (s_poly){n, m};
}

static bool mono_mul(s_ctx *c, const s_mono *a, const s_mono *b, s_mono *out)
{
    uint32_t *atoms = pat_alloc(c->arena, (a->n + b->n + 1) * sizeof *atoms), i = 0, j = 0, n = 0;
    while (i < a->n || j < b->n)
        atoms[n++] = j == b->n || (i < a->n && a->atoms[i] <= b->atoms[j]) ? a->atoms[i++] : b->atoms[j++];
    *out = (s_mono){0, n, atoms};
    return !__builtin_mul_overflow(a->coef, b->coef, &out->coef) && n <= 32;
}

static s_poly times(s_ctx *c, s_poly a, const s_mono *b)
{
    s_poly sum = {0};
    for (uint32_t i = 0; i < a.n; i++) {
        s_mono *m = pat_alloc(c->arena, sizeof *m);
        if (!mono_mul(c, &a.at[i], b, m))
            return unknown(c);
        sum = s_add(c, sum, (s_poly){1, m});
    }
    return sum;
}

s_poly s_mul(s_ctx *c, s_poly a, s_poly b)
{
    s_poly sum = {0};
    for (uint32_t j = 0; j < b.n; j++)
        sum = s_add(c, sum, times(c, a, &b.at[j]));
    return sum;
}

s_poly s_sub(s_ctx *c, s_poly a, s_poly b)
{
    return s_add(c, a, times(c, b, &(s_mono){.coef = -1}));
}

/* ----------------------------------------------------------- known facts -- */

s_poly s_resolve(s_ctx *c, s_poly p)
{
    if (c->depth > MAX_DEPTH || c->work > MAX_WORK)
        return p;
    c->depth++;
    s_poly sum = {0};
    bool changed = false;
    for (uint32_t i = 0; i < p.n; i++) {
        s_poly term = s_const(c, p.at[i].coef);
        for (uint32_t k = 0; k < p.at[i].n; k++) {
            uint32_t id = p.at[i].atoms[k];
            const s_atom *a = c->atoms.at[id];
            s_poly x = atom_poly(c, id);
            if (a->bound)
                x = s_resolve(c, a->value);
            else if (a->function)
                x = s_apply(c, a->fn, a->name, a->n_args, a->args);
            changed |= x.n != 1 || x.at[0].n != 1 || x.at[0].coef != 1 || x.at[0].atoms[0] != id;
            term = s_mul(c, term, x);
        }
        sum = s_add(c, sum, term);
    }
    c->depth--;
    return changed ? sum : p;
}

static bool mentions(s_ctx *c, s_poly p, uint32_t id);

static bool shape_mentions(s_ctx *c, s_shape s, uint32_t id)
{
    for (uint32_t i = 0; i < s.n; i++) {
        const s_elem *e = &s.at[i];
        if (!e->seg && mentions(c, e->dim, id))
            return true;
        for (uint32_t k = 0; e->seg && k < c->segs.at[e->id]->n_args; k++) {
            const s_val *v = &c->segs.at[e->id]->args[k];
            if ((v->kind == S_NUM && mentions(c, v->num, id)) || (v->kind == S_LIST && shape_mentions(c, v->list, id)))
                return true;
        }
    }
    return false;
}

static bool mentions(s_ctx *c, s_poly p, uint32_t id)
{
    for (uint32_t i = 0; i < p.n; i++)
        for (uint32_t k = 0; k < p.at[i].n; k++) {
            const s_atom *a = c->atoms.at[p.at[i].atoms[k]];
            if (p.at[i].atoms[k] == id)
                return true;
            for (uint32_t j = 0; j < a->n_args; j++)
                if ((a->args[j].kind == S_NUM && mentions(c, a->args[j].num, id)) ||
                    (a->args[j].kind == S_LIST && shape_mentions(c, a->args[j].list, id)))
                    return true;
        }
    return false;
}

static void bind(s_ctx *c, uint32_t id, s_poly value)
{
    s_atom *a = c->atoms.at[id];
    if (a->nonneg)
        s_assume_nonneg(c, value);
    if (a->min > 0)
        s_assume_nonneg(c, s_sub(c, value, s_const(c, a->min)));
    a->bound = true;
    a->value = value;
    PAT_PUSH(c->arena, c->trail, a);
}

s_mark s_save(s_ctx *c)
{
    return (s_mark){c->trail.n, c->seg_trail.n, c->equations.n, c->inequalities.n};
}

void s_undo(s_ctx *c, s_mark m)
{
    while (c->trail.n > m.trail)
        c->trail.at[--c->trail.n]->bound = false;
    while (c->seg_trail.n > m.seg_trail)
        c->seg_trail.at[--c->seg_trail.n]->bound = false;
    c->equations.n = m.equations;
    c->inequalities.n = m.inequalities;
}

static s_poly *keep(s_ctx *c, s_poly p)
{
    s_poly *k = pat_alloc(c->arena, sizeof *k);
    *k = p;
    return k;
}

/* The monomial by which a variable can be expressed: the variable alone, with coefficient 1 or -1, and nowhere
 * else in p. Variables of the prover's own come first, then later ones: they were named after the others. */
static bool solvable(s_ctx *c, s_poly p, uint32_t *at)
{
    int best = -1, best_rank = 0;
    for (uint32_t i = 0; i < p.n; i++) {
        const s_mono *m = &p.at[i];
        if (m->n != 1 || (m->coef != 1 && m->coef != -1))
            continue;
        const s_atom *a = c->atoms.at[m->atoms[0]];
        s_poly rest = s_sub(c, p, (s_poly){1, m});
        if (a->function || a->set || mentions(c, rest, m->atoms[0]))
            continue;
        int rank = a->fresh ? 3 : !a->nonneg ? 2 : 1;
        if (best < 0 || rank > best_rank || (rank == best_rank && m->atoms[0] > p.at[best].atoms[0])) {
            best = (int)i;
            best_rank = rank;
        }
    }
    *at = (uint32_t)best;
    return best >= 0;
}

/* Without a number that divides all coefficients. */
static s_poly without_content(s_ctx *c, s_poly p)
{
    int64_t all = 0;
    for (uint32_t i = 0; i < p.n; i++) {
        if (p.at[i].coef == INT64_MIN)
            return p;
        for (int64_t b = p.at[i].coef, r; b; b = r) {
            r = all % b;
            all = b;
        }
    }
    s_mono *m = pat_alloc(c->arena, (p.n + 1) * sizeof *m);
    for (uint32_t i = 0; i < p.n; i++)
        m[i] = (s_mono){p.at[i].coef / all, p.at[i].n, p.at[i].atoms};
    return (s_poly){p.n, m};
}

void s_assume_zero(s_ctx *c, s_poly p)
{
    uint32_t at;
    p = s_resolve(c, p);
    int64_t number;
    if (s_is_const(p, &number)) {
        c->contradiction |= number != 0;
        return;
    }
    p = without_content(c, p);
    if (!solvable(c, p, &at)) {
        PAT_PUSH(c->arena, c->equations, keep(c, p));
        return;
    }
    const s_mono m = p.at[at];
    s_poly rest = s_sub(c, (s_poly){1, &m}, p); /* coef * atom = rest */
    bind(c, m.atoms[0], m.coef == 1 ? rest : s_sub(c, s_const(c, 0), rest));
}

void s_assume_nonneg(s_ctx *c, s_poly p)
{
    p = s_resolve(c, p);
    if (s_prove_nonneg(c, p))
        return;
    /* a - n >= 0 for a variable a is a bound of it. */
    int64_t low = 0;
    if (p.n == 2 && p.at[0].n == 1 && p.at[0].coef == 1 && !p.at[1].n)
        low = -p.at[1].coef;
    s_atom *a = p.n && p.at[0].n == 1 ? c->atoms.at[p.at[0].atoms[0]] : NULL;
    if (a && p.at[0].coef == 1 && (p.n == 1 || low > 0)) {
        a->nonneg = true;
        a->min = low > a->min ? low : a->min;
    } else if (a && p.n == 2 && p.at[0].coef == -1 && !p.at[1].n) {
        a->max = p.at[1].coef < a->max ? p.at[1].coef : a->max;
    } else {
        PAT_PUSH(c->arena, c->inequalities, keep(c, p));
    }
}

void s_assume_multiple(s_ctx *c, s_poly p, s_poly of)
{
    p = s_resolve(c, p);
    of = s_resolve(c, of);
    bool variable = p.n == 1 && p.at[0].n == 1 && p.at[0].coef == 1;
    s_atom *a = variable ? c->atoms.at[p.at[0].atoms[0]] : NULL;
    if (!a || a->function || a->set || mentions(c, of, p.at[0].atoms[0])) {
        s_poly mod = s_apply2(c, S_MOD, p, of);
        if (mod.n)
            PAT_PUSH(c->arena, c->equations, keep(c, mod));
        return;
    }
    s_poly q = s_var(c, a->name, false, a->nonneg);
    s_atom *quotient = c->atoms.at[q.at[0].atoms[0]];
    quotient->base = p;
    quotient->divisor = of;
    bind(c, p.at[0].atoms[0], s_mul(c, of, q));
}

void s_assume_in(s_ctx *c, s_poly p, uint32_t n, const int64_t *set)
{
    p = s_resolve(c, p);
    if (n == 1)
        s_assume_zero(c, s_sub(c, p, s_const(c, set[0])));
    if (n <= 1 || p.n != 1 || p.at[0].n != 1 || p.at[0].coef != 1)
        return;
    s_atom *a = c->atoms.at[p.at[0].atoms[0]];
    int64_t low = set[0], high = set[0];
    for (uint32_t i = 1; i < n; i++) {
        low = set[i] < low ? set[i] : low;
        high = set[i] > high ? set[i] : high;
    }
    a->nonneg |= low >= 0;
    a->min = low > a->min ? low : a->min;
    a->max = high < a->max ? high : a->max;
    a->set = set;
    a->n_set = n;
}

void s_set(s_ctx *c, uint32_t atom, int64_t value)
{
    s_atom *a = c->atoms.at[atom];
    a->bound = true;
    a->value = s_const(c, value);
    PAT_PUSH(c->arena, c->trail, a);
}

static bool in_set(const s_atom *a, int64_t v)
{
    for (uint32_t i = 0; i < a->n_set; i++)
        if (a->set[i] == v)
            return true;
    return !a->set;
}

bool s_consistent(s_ctx *c)
{
    int64_t v;
    for (uint32_t i = 0; i < c->equations.n; i++)
        if (!s_is_const(s_resolve(c, *c->equations.at[i]), &v) || v)
            return false;
    for (uint32_t i = 0; i < c->inequalities.n; i++)
        if (!s_is_const(s_resolve(c, *c->inequalities.at[i]), &v) || v < 0)
            return false;
    for (uint32_t i = 0; i < c->atoms.n; i++) {
        const s_atom *a = c->atoms.at[i];
        if (!a->bound)
            continue;
        if (!s_is_const(s_resolve(c, a->value), &v) || (a->nonneg && v < a->min) || v > a->max || !in_set(a, v))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------- proofs -- */

/* m / by as monomials; false when by does not divide m. */
static bool mono_div(s_ctx *c, const s_mono *m, const s_mono *by, s_mono *out)
{
    uint32_t *atoms = pat_alloc(c->arena, (m->n + 1) * sizeof *atoms), n = 0, j = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        if (j < by->n && m->atoms[i] == by->atoms[j])
            j++;
        else
            atoms[n++] = m->atoms[i];
    }
    if (j < by->n || !by->coef || m->coef % by->coef)
        return false;
    *out = (s_mono){m->coef / by->coef, n, atoms};
    return true;
}

/* Divides an equation by a factor of all its terms that is known not to be 0. */
static s_poly without_factor(s_ctx *c, s_poly e)
{
    for (uint32_t k = 0; e.n && k < e.at[0].n; k++) {
        uint32_t id = e.at[0].atoms[k];
        if (c->atoms.at[id]->min < 1)
            continue;
        s_mono by = {1, 1, &id};
        s_mono *m = pat_alloc(c->arena, e.n * sizeof *m);
        uint32_t n = 0;
        while (n < e.n && mono_div(c, &e.at[n], &by, &m[n]))
            n++;
        if (n == e.n)
            return without_factor(c, s_add(c, (s_poly){n, m}, (s_poly){0}));
    }
    return e;
}

/* Uses equations to rewrite p to 0: a monomial of p that a monomial of an equation divides is replaced by the
 * rest of the equation. */
static bool reduces(s_ctx *c, s_poly p, unsigned depth, unsigned *steps)
{
    if (!p.n)
        return true;
    if (!depth || p.n > 8 || c->work > MAX_WORK)
        return false;
    for (uint32_t k = 0; k < c->equations.n; k++) {
        s_poly e = without_factor(c, s_resolve(c, *c->equations.at[k]));
        for (uint32_t j = 0; j < e.n; j++)
            for (uint32_t i = 0; i < p.n; i++) {
                s_mono q;
                if (++*steps > MAX_STEPS || !mono_div(c, &p.at[i], &e.at[j], &q))
                    continue;
                if (reduces(c, s_sub(c, p, times(c, e, &q)), depth - 1, steps))
                    return true;
            }
    }
    return false;
}

/* Equations hold calls whose evaluation asks in turn whether something is 0: then they are not used once more, or the
 * work would grow beyond all bounds. */
bool s_prove_zero(s_ctx *c, s_poly p)
{
    unsigned steps = 0;
    p = s_resolve(c, p);
    if (!p.n || c->reducing)
        return !p.n;
    c->reducing = true;
    bool zero = reduces(c, p, 4, &steps);
    c->reducing = false;
    return zero;
}

/* Least value of p over the ranges of its atoms; false when there is none. */
static bool least(s_ctx *c, s_poly p, int64_t *low)
{
    *low = 0;
    for (uint32_t i = 0; i < p.n; i++) {
        int64_t t = p.at[i].coef;
        for (uint32_t k = 0; k < p.at[i].n; k++) {
            const s_atom *a = c->atoms.at[p.at[i].atoms[k]];
            int64_t bound = p.at[i].coef > 0 ? a->min : a->max;
            if (!a->nonneg || bound == INT64_MAX || __builtin_mul_overflow(t, bound, &t))
                return false;
        }
        if (__builtin_add_overflow(*low, t, low))
            return false;
    }
    return true;
}

/* p is not negative by the ranges of its atoms, or because it exceeds the sum of a few inequalities. */
static bool bounded(s_ctx *c, s_poly p, uint32_t from, unsigned most)
{
    int64_t low;
    if (least(c, p, &low) && low >= 0)
        return true;
    for (uint32_t i = from; most && i < c->inequalities.n && c->work <= MAX_WORK; i++)
        if (bounded(c, s_sub(c, p, s_resolve(c, *c->inequalities.at[i])), i, most - 1))
            return true;
    return false;
}

bool s_prove_nonneg(s_ctx *c, s_poly p)
{
    return bounded(c, s_resolve(c, p), 0, 2);
}

bool s_prove_multiple(s_ctx *c, s_poly p, s_poly of)
{
    s_poly mod = s_apply2(c, S_MOD, s_resolve(c, p), s_resolve(c, of));
    return s_prove_zero(c, mod);
}

bool s_by_cases(s_ctx *c, bool (*holds)(void *), void *of)
{
    if (holds(of))
        return true;
    for (uint32_t i = 0; i < c->atoms.n; i++) {
        s_atom *a = c->atoms.at[i];
        if (!a->set || a->bound || a->n_set > 32)
            continue;
        bool all = true;
        for (uint32_t k = 0; all && k < a->n_set; k++) {
            s_mark m = s_save(c);
            bind(c, i, s_const(c, a->set[k]));
            all = s_by_cases(c, holds, of);
            s_undo(c, m);
        }
        return all;
    }
    return false;
}

/* ------------------------------------------------------------- functions -- */

static bool all_nonneg(s_ctx *c, s_poly p)
{
    int64_t low;
    return least(c, p, &low) && low >= 0;
}

/* p = of * quotient + remainder, term by term. */
static void divide(s_ctx *c, s_poly p, s_poly of, s_poly *quotient, s_poly *remainder)
{
    *quotient = *remainder = (s_poly){0};
    for (uint32_t i = 0; i < p.n; i++) {
        s_mono *q = pat_alloc(c->arena, sizeof *q);
        if (of.n == 1 && mono_div(c, &p.at[i], &of.at[0], q))
            *quotient = s_add(c, *quotient, (s_poly){1, q});
        else
            *remainder = s_add(c, *remainder, (s_poly){1, &p.at[i]});
    }
}

static bool division(s_ctx *c, s_fn fn, s_poly p, s_poly of, s_poly *out)
{
    s_poly q, r;
    int64_t rest, by;
    if (!of.n)
        return false;
    divide(c, p, of, &q, &r);
    if (of.n > 1 && !s_sub(c, p, of).n) {
        q = s_const(c, 1);
        r = (s_poly){0};
    }
    bool number = s_is_const(r, &rest);
    if (number && rest && s_is_const(of, &by) && by > 0) {
        int64_t down = rest >= 0 ? rest / by : -((-rest + by - 1) / by);
        q = s_add(c, q, s_const(c, down));
        r = s_const(c, rest - down * by);
    } else if (!number || rest) {
        return false;
    }
    *out = fn == S_MOD ? r : q;
    return true;
}

/* The value where it is a polynomial. */
static bool evaluate(s_ctx *c, s_fn fn, const s_val *a, s_poly *out)
{
    switch (fn) {
    case S_FLOORDIV: case S_MOD:
        return division(c, fn, a[0].num, a[1].num, out);
    case S_MIN: case S_MAX:
        if (s_prove_nonneg(c, s_sub(c, a[1].num, a[0].num)))
            return *out = a[fn == S_MAX].num, true;
        if (s_prove_nonneg(c, s_sub(c, a[0].num, a[1].num)))
            return *out = a[fn == S_MIN].num, true;
        return false;
    case S_BROADCAST_DIM: {
        int64_t i;
        if (s_is_const(a[0].num, &i) && i == 1)
            return *out = a[1].num, true;
        if (s_is_const(a[1].num, &i) && i == 1)
            return *out = a[0].num, true;
        return *out = a[0].num, s_prove_equal(c, a[0].num, a[1].num);
    }
    case S_SLICE_LENGTH: { /* start, end, step; bounds lie within the dim */
        int64_t step;
        if (!s_is_const(a[2].num, &step) || step < 1)
            return false;
        s_poly n = s_sub(c, a[1].num, a[0].num);
        if (!s_prove_nonneg(c, n))
            return false;
        *out = step == 1 ? n : s_apply2(c, S_FLOORDIV, s_add(c, n, s_const(c, step - 1)), a[2].num);
        return true;
    }
    case S_NUMEL:
        *out = s_numel(c, a[0].list);
        return true;
    case S_RANK:
        *out = s_rank(c, a[0].list);
        return true;
    default:
        return false;
    }
}

static bool symmetric(s_fn fn)
{
    return fn == S_MIN || fn == S_MAX || fn == S_BROADCAST_DIM;
}

static bool same_call(const s_atom *a, s_fn fn, pat_name name, uint32_t n, const s_val *args)
{
    if (!a->function || a->fn != fn || a->name != name || a->n_args != n)
        return false;
    bool same = true, crossed = n == 2 && symmetric(fn);
    for (uint32_t i = 0; i < n; i++) {
        same &= s_same_val(a->args[i], args[i]);
        crossed &= s_same_val(a->args[i], args[n - 1 - i]);
    }
    return same || crossed;
}

s_poly s_apply(s_ctx *c, s_fn fn, pat_name name, uint32_t n, const s_val *args)
{
    s_val *a = pat_alloc(c->arena, (n + 1) * sizeof *a);
    s_poly out;
    bool nonneg = true;
    for (uint32_t i = 0; i < n; i++) {
        a[i] = s_resolve_val(c, args[i]);
        nonneg &= a[i].kind != S_NUM || all_nonneg(c, a[i].num);
    }
    nonneg |= fn == S_SLICE_LENGTH || fn == S_OTHER_NUMBER;
    /* The functions of one segment are atoms: numel(*A). */
    bool of_segment = (fn == S_NUMEL || fn == S_RANK) && a[0].list.n == 1 && a[0].list.at[0].seg;
    if (!of_segment && evaluate(c, fn, a, &out))
        return out;
    for (uint32_t i = 0; i < c->atoms.n; i++)
        if (same_call(c->atoms.at[i], fn, name, n, a))
            return atom_poly(c, i);
    return atom_poly(c, new_atom(c, (s_atom){.name = name, .function = true, .nonneg = nonneg,
                                             .max = INT64_MAX, .fn = fn, .n_args = n, .args = a}));
}

s_poly s_apply2(s_ctx *c, s_fn fn, s_poly x, s_poly y)
{
    return s_apply(c, fn, NULL, 2, (s_val[]){{.kind = S_NUM, .num = x}, {.kind = S_NUM, .num = y}});
}

/* ---------------------------------------------------------- missing facts -- */

static const char *format(s_ctx *c, const char *a, const char *b, const char *d)
{
    size_t n = strlen(a) + strlen(b) + strlen(d) + 1;
    char *text = pat_alloc(c->session->arena, n);
    strcat(strcat(strcpy(text, a), b), d);
    return text;
}

/* Would p be zero if this were known? */
static bool helps(s_ctx *c, s_poly p, void (*assume)(s_ctx *, const void *), const void *of)
{
    s_mark m = s_save(c);
    assume(c, of);
    bool ok = s_prove_zero(c, p);
    s_undo(c, m);
    return ok;
}

static void assume_divides(s_ctx *c, const void *of)
{
    const s_atom *a = of;
    s_assume_multiple(c, a->args[0].num, a->args[1].num);
}

/* p as a difference of sums without minus signs. */
static void by_sign(s_ctx *c, s_poly p, s_poly *left, s_poly *right)
{
    *left = *right = (s_poly){0};
    for (uint32_t i = 0; i < p.n; i++)
        if (p.at[i].coef > 0)
            *left = s_add(c, *left, (s_poly){1, &p.at[i]});
        else
            *right = s_sub(c, *right, (s_poly){1, &p.at[i]});
}

const char *s_missing(s_ctx *c, s_poly p)
{
    p = s_resolve(c, p);
    uint32_t n = c->atoms.n;
    for (uint32_t i = 0; i < n; i++) {
        s_atom *a = c->atoms.at[i];
        if (a->function && (a->fn == S_FLOORDIV || a->fn == S_MOD) && helps(c, p, assume_divides, a))
            return format(c, s_text(c, a->args[0].num), " % ", format(c, s_text(c, a->args[1].num), " == 0", ""));
    }
    for (uint32_t i = 0; i < n; i++) {
        s_atom *a = c->atoms.at[i];
        if (a->bound || a->function || a->min > 0 || a->fresh)
            continue;
        int64_t min = a->min;
        a->min = 1;
        bool ok = s_prove_zero(c, p);
        a->min = min;
        if (ok)
            return format(c, s_text(c, atom_poly(c, i)), " > 0", "");
    }
    s_poly left, right;
    by_sign(c, p, &left, &right);
    return format(c, s_text(c, left), " == ", s_text(c, right));
}

const char *s_missing_bound(s_ctx *c, s_poly p)
{
    s_poly more, less;
    int64_t number;
    by_sign(c, s_resolve(c, p), &more, &less);
    if (s_is_const(less, &number) && number == 1)
        return format(c, s_text(c, more), " > 0", "");
    if (s_is_const(more, &number))
        return format(c, s_text(c, less), " <= ", s_text(c, more));
    return format(c, s_text(c, more), " >= ", s_text(c, less));
}
