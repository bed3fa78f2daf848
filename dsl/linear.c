/* See linear.h. Equations are used to eliminate variables and fail when their coefficients have a divisor that their
 * constant has not; inequalities are added in pairs (Fourier and Motzkin); then values are tried from the smallest
 * on, with bounds narrowed after each. */
#include "linear.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* The most negative number counts as too large: it has no opposite. */
static bool mul_overflows(int64_t a, int64_t b, int64_t *to)
{
    return __builtin_mul_overflow(a, b, to) || *to == INT64_MIN;
}

static bool add_overflows(int64_t a, int64_t b, int64_t *to)
{
    return __builtin_add_overflow(a, b, to) || *to == INT64_MIN;
}

bool l_add(l_sum *a, const l_sum *b, int64_t by)
{
    l_sum sum = *a;
    int64_t part;
    bool bad = mul_overflows(b->c, by, &part) || add_overflows(sum.c, part, &sum.c);
    for (uint32_t i = 0; i < b->n && !bad; i++) {
        uint32_t k = 0;
        while (k < sum.n && sum.at[k].var != b->at[i].var)
            k++;
        if (k == sum.n) {
            if (sum.n == L_TERMS)
                return false;
            sum.at[sum.n++] = (l_term){b->at[i].var, 0};
        }
        bad = mul_overflows(b->at[i].coef, by, &part) || add_overflows(sum.at[k].coef, part, &sum.at[k].coef);
    }
    if (bad)
        return false;
    a->n = 0;
    a->c = sum.c;
    for (uint32_t i = 0; i < sum.n; i++)
        if (sum.at[i].coef)
            a->at[a->n++] = sum.at[i];
    return true;
}

/* ------------------------------------------------------------ eliminating -- */

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a < 0 ? -a : a;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b && (a < 0) != (b < 0));
}

static const l_term *term_of(const l_sum *s, uint32_t var)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (s->at[i].var == var)
            return &s->at[i];
    return NULL;
}

/* Divides a row by what its coefficients have in common; false when no integers fulfil it. */
static bool reduce(l_row *r)
{
    int64_t g = 0;
    for (uint32_t i = 0; i < r->sum.n; i++)
        g = gcd(g, r->sum.at[i].coef);
    if (!g)
        return r->equal ? r->sum.c == 0 : r->sum.c <= 0;
    if (r->equal && r->sum.c % g)
        return false;
    for (uint32_t i = 0; i < r->sum.n; i++)
        r->sum.at[i].coef /= g;
    r->sum.c = -floor_div(-r->sum.c, g);
    return true;
}

/* Puts what an equation says of a variable into the other rows. */
static void substitute(l_system *s, uint32_t row, l_term t)
{
    for (uint32_t i = 0; i < s->n_rows; i++) {
        const l_term *u = i == row ? NULL : term_of(&s->rows[i].sum, t.var);
        if (u) /* t.coef is 1 or -1; a sum that is too large leaves the row as it is */
            l_add(&s->rows[i].sum, &s->rows[row].sum, -u->coef * t.coef);
    }
}

/* False when there is no solution. */
static bool eliminate(l_system *s)
{
    bool used[L_ROWS] = {false};
    for (uint32_t i = 0; i < s->n_rows; i++) {
        if (!reduce(&s->rows[i]))
            return false;
        const l_sum *sum = &s->rows[i].sum;
        for (uint32_t k = 0; s->rows[i].equal && !used[i] && k < sum->n; k++)
            if (sum->at[k].coef == 1 || sum->at[k].coef == -1) {
                used[i] = true;
                substitute(s, i, sum->at[k]);
                i = UINT32_MAX; /* rows before it have changed */
                break;
            }
    }
    return true;
}

/* Adds bounds as rows, and what two inequalities say without a variable that they bound from both sides. */
static bool combine(const l_system *s)
{
    static const uint32_t MOST = L_ROWS;
    l_system *t = pat_must(malloc(sizeof *t));
    bool possible = true;
    memcpy(t, s, offsetof(l_system, rows) + s->n_rows * sizeof *s->rows);
    for (uint32_t v = 0; v < t->n_vars && t->n_rows + 2 < MOST; v++) {
        if (t->lo[v] != L_LEAST && t->lo[v] != -L_MOST)
            t->rows[t->n_rows++] = (l_row){{1, t->lo[v], {{v, -1}}}, false};
        if (t->hi[v] != L_MOST)
            t->rows[t->n_rows++] = (l_row){{1, -t->hi[v], {{v, 1}}}, false};
    }
    for (uint32_t i = 0; i < t->n_rows && possible; i++)
        for (uint32_t j = 0; j < i && possible && t->n_rows < MOST; j++)
            for (uint32_t k = 0; k < t->rows[i].sum.n && possible && t->n_rows < MOST; k++) {
                l_term a = t->rows[i].sum.at[k];
                const l_term *b = term_of(&t->rows[j].sum, a.var);
                if (t->rows[i].equal || t->rows[j].equal || !b || (a.coef < 0) == (b->coef < 0))
                    continue;
                l_row sum = {.sum = {0}};
                if (l_add(&sum.sum, &t->rows[i].sum, llabs(b->coef)) &&
                    l_add(&sum.sum, &t->rows[j].sum, llabs(a.coef)))
                    possible = reduce(&sum);
                if (sum.sum.n && sum.sum.n < 4)
                    t->rows[t->n_rows++] = sum;
            }
    free(t);
    return possible;
}

/* -------------------------------------------------------------- narrowing -- */

typedef struct bounds { int64_t lo[L_VARS], hi[L_VARS]; } bounds;

/* The least that a term can be; false: there is none. */
static bool least(const bounds *b, l_term t, __int128 *sum)
{
    int64_t at = t.coef > 0 ? b->lo[t.var] : b->hi[t.var];
    if (at == (t.coef > 0 ? L_LEAST : L_MOST))
        return false;
    *sum += (__int128)t.coef * at;
    return true;
}

/* From sum <= 0 for its k-th term, with sign -1 for -sum <= 0; false: impossible. */
static bool narrow_term(bounds *b, const l_sum *s, int sign, uint32_t k, bool *changed)
{
    __int128 rest = (__int128)sign * s->c;
    for (uint32_t i = 0; i < s->n; i++)
        if (i != k && !least(b, (l_term){s->at[i].var, sign * s->at[i].coef}, &rest))
            return true;
    int64_t coef = sign * s->at[k].coef;
    uint32_t var = s->at[k].var;
    __int128 most = -rest; /* coef * var <= most */
    if (most > INT64_MAX / 2 || most < INT64_MIN / 2)
        return true;
    int64_t bound = coef > 0 ? floor_div((int64_t)most, coef) : -floor_div((int64_t)most, -coef);
    if (coef > 0 && bound < b->hi[var]) {
        b->hi[var] = bound;
        *changed = true;
    } else if (coef < 0 && bound > b->lo[var]) {
        b->lo[var] = bound;
        *changed = true;
    }
    return b->lo[var] <= b->hi[var];
}

/* A variable that stands once in an equation, the others a multiple of g times: it has one remainder by g. */
static bool narrow_residue(bounds *b, const l_sum *s, uint32_t k)
{
    int64_t g = 0, coef = s->at[k].coef;
    uint32_t var = s->at[k].var;
    for (uint32_t i = 0; i < s->n; i++)
        g = i == k ? g : gcd(g, s->at[i].coef);
    if (g < 2 || g > INT32_MAX || (coef != 1 && coef != -1))
        return true;
    int64_t rest = (coef > 0 ? -(s->c % g) : s->c % g), lo = b->lo[var], hi = b->hi[var];
    if (lo > -INT64_MAX / 2)
        b->lo[var] += ((rest - lo % g) % g + g) % g;
    if (hi < INT64_MAX / 2)
        b->hi[var] -= ((hi % g - rest) % g + g) % g;
    return b->lo[var] <= b->hi[var];
}

static bool narrow(const l_system *s, bounds *b)
{
    enum { ROUNDS = 24 };
    bool changed = true;
    for (int round = 0; round < ROUNDS && changed; round++) {
        changed = false;
        for (uint32_t i = 0; i < s->n_rows; i++) {
            const l_row *r = &s->rows[i];
            for (uint32_t k = 0; k < r->sum.n; k++)
                if (!narrow_term(b, &r->sum, 1, k, &changed) ||
                    (r->equal && (!narrow_term(b, &r->sum, -1, k, &changed) || !narrow_residue(b, &r->sum, k))))
                    return false;
        }
    }
    return true;
}

/* -------------------------------------------------------------- searching -- */

typedef struct search {
    const l_system *s;
    bool (*accept)(void *, const int64_t *);
    void *of;
    int64_t *values;
    unsigned steps;
    bool complete; /* nothing was left out */
} search;

static bool fulfils(const l_system *s, const int64_t *values)
{
    for (uint32_t i = 0; i < s->n_rows; i++) {
        __int128 sum = s->rows[i].sum.c;
        for (uint32_t k = 0; k < s->rows[i].sum.n; k++)
            sum += (__int128)s->rows[i].sum.at[k].coef * values[s->rows[i].sum.at[k].var];
        if (s->rows[i].equal ? sum != 0 : sum > 0)
            return false;
    }
    return true;
}

static uint64_t width(const bounds *b, uint32_t v)
{
    return b->lo[v] == L_LEAST || b->hi[v] == L_MOST ? UINT64_MAX : (uint64_t)b->hi[v] - (uint64_t)b->lo[v];
}

static bool try_values(search *q, const bounds *b)
{
    enum { TRIED = 40 };
    uint32_t var = UINT32_MAX;
    for (uint32_t v = 0; v < q->s->n_vars; v++)
        if (b->lo[v] != b->hi[v] && (var == UINT32_MAX || width(b, v) < width(b, var)))
            var = v;
    if (var == UINT32_MAX) {
        memcpy(q->values, b->lo, q->s->n_vars * sizeof *q->values);
        bool ok = fulfils(q->s, q->values);
        bool accepted = ok && q->accept(q->of, q->values);
        q->complete &= !ok || accepted;
        return accepted;
    }
    bool up = b->lo[var] != L_LEAST, down = !up && b->hi[var] != L_MOST;
    for (uint64_t k = 0; k <= width(b, var); k++) {
        if (k > TRIED || !q->steps) {
            q->complete = false;
            return false;
        }
        q->steps--;
        bounds inner = *b;
        int64_t either = k % 2 ? (int64_t)(k / 2) + 1 : -(int64_t)(k / 2);
        inner.lo[var] = inner.hi[var] = up ? b->lo[var] + (int64_t)k : down ? b->hi[var] - (int64_t)k : either;
        if (narrow(q->s, &inner) && try_values(q, &inner))
            return true;
    }
    return false;
}

l_answer l_solve(const l_system *s, bool (*accept)(void *, const int64_t *), void *of, int64_t *values)
{
    l_system *t = pat_must(malloc(sizeof *t));
    memcpy(t, s, offsetof(l_system, rows) + s->n_rows * sizeof *s->rows);
    bounds b;
    memcpy(b.lo, s->lo, s->n_vars * sizeof *b.lo);
    memcpy(b.hi, s->hi, s->n_vars * sizeof *b.hi);
    l_answer answer = L_NONE;
    if (eliminate(t) && narrow(s, &b) && narrow(t, &b) && combine(t)) {
        search q = {s, accept, of, values, 3000, true};
        answer = try_values(&q, &b) ? L_FOUND : q.complete ? L_NONE : L_UNKNOWN;
    }
    free(t);
    return answer;
}
