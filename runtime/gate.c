/* See gate.h. An expression is worked out for all tokens of a bucket at once, as the interval of its values; a condition
 * is 0, 1, or both. What an interval leaves open is halved until it is decided, which one number of tokens always is. */
#include "gate.h"

typedef struct span { int64_t lo, hi; } span;
typedef struct reader { const sld_run *run; bool failed; } reader;

static const span either = {0, 1};

static int64_t clamp(__int128 x)
{
    return x < INT64_MIN ? INT64_MIN : x > INT64_MAX ? INT64_MAX : (int64_t)x;
}

static span exactly(bool b)
{
    return (span){b, b};
}

/* --------------------------------------------------------------- arithmetic -- */

static span multiply(span a, span b)
{
    __int128 at[] = {(__int128)a.lo * b.lo, (__int128)a.lo * b.hi, (__int128)a.hi * b.lo, (__int128)a.hi * b.hi};
    span s = {clamp(at[0]), clamp(at[0])};
    for (int i = 1; i < 4; i++) {
        s.lo = clamp(at[i]) < s.lo ? clamp(at[i]) : s.lo;
        s.hi = clamp(at[i]) > s.hi ? clamp(at[i]) : s.hi;
    }
    return s;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b && (a < 0) != (b < 0));
}

static span divide(reader *r, span a, span b)
{
    if (b.lo <= 0) {
        r->failed = true;
        return (span){INT64_MIN, INT64_MAX};
    }
    int64_t at[] = {floor_div(a.lo, b.lo), floor_div(a.lo, b.hi), floor_div(a.hi, b.lo), floor_div(a.hi, b.hi)};
    return (span){at[0] < at[1] ? at[0] : at[1], at[2] > at[3] ? at[2] : at[3]};
}

static span remainder_of(reader *r, span a, span b)
{
    span q = divide(r, a, b);
    if (b.lo == b.hi && q.lo == q.hi)
        return (span){a.lo - q.lo * b.lo, a.hi - q.lo * b.lo};
    return (span){0, b.hi > 0 ? b.hi - 1 : INT64_MAX};
}

static span arithmetic(reader *r, unsigned kind, span a, span b)
{
    switch (kind) {
    case SLD_T_ADD: return (span){clamp((__int128)a.lo + b.lo), clamp((__int128)a.hi + b.hi)};
    case SLD_T_SUB: return (span){clamp((__int128)a.lo - b.hi), clamp((__int128)a.hi - b.lo)};
    case SLD_T_MUL: return multiply(a, b);
    case SLD_T_DIV: return divide(r, a, b);
    default: return remainder_of(r, a, b);
    }
}

static span call(reader *r, unsigned fn, span a, span b)
{
    switch (fn) {
    case SLD_FN_MIN: return (span){a.lo < b.lo ? a.lo : b.lo, a.hi < b.hi ? a.hi : b.hi};
    case SLD_FN_MAX: return (span){a.lo > b.lo ? a.lo : b.lo, a.hi > b.hi ? a.hi : b.hi};
    default: /* ceildiv(a, b) = -floor(-a / b) */
        b = divide(r, (span){clamp(-(__int128)a.hi), clamp(-(__int128)a.lo)}, b);
        return (span){clamp(-(__int128)b.hi), clamp(-(__int128)b.lo)};
    }
}

/* ---------------------------------------------------------------- conditions -- */

static span equal(span a, span b)
{
    if (a.hi < b.lo || b.hi < a.lo)
        return exactly(false);
    return a.lo == a.hi && b.lo == b.hi ? exactly(true) : either;
}

static span at_most(span a, span b)
{
    return a.hi <= b.lo ? exactly(true) : a.lo > b.hi ? exactly(false) : either;
}

static span negated(span a)
{
    return (span){1 - a.hi, 1 - a.lo};
}

/* A number stands for "it is not 0". */
static span truth_of(span a)
{
    return negated(equal(a, (span){0, 0}));
}

static span compare(unsigned kind, span a, span b)
{
    switch (kind) {
    case SLD_T_EQ: return equal(a, b);
    case SLD_T_NE: return negated(equal(a, b));
    case SLD_T_LE: return at_most(a, b);
    case SLD_T_GE: return at_most(b, a);
    case SLD_T_LT: return negated(at_most(b, a));
    default: return negated(at_most(a, b));
    }
}

static span eval(reader *r, const sld_term **t)
{
    const sld_term *op = (*t)++;
    span a = {0}, b = {0};
    switch (op->kind) {
    case SLD_T_INT: return (span){op->ival, op->ival};
    case SLD_T_OPTION: return (span){r->run->options[op->id], r->run->options[op->id]};
    case SLD_T_RUN:
        return op->id == SLD_RUN_TOKENS ? (span){r->run->tokens.lo, r->run->tokens.hi}
                                        : (span){r->run->world, r->run->world};
    default: break;
    }
    if (op->nargs > 0)
        a = eval(r, t);
    if (op->kind == SLD_T_IN) {
        span any = exactly(false);
        for (uint32_t i = 1; i < op->nargs; i++)
            any = call(r, SLD_FN_MAX, any, equal(a, eval(r, t)));
        return any;
    }
    if (op->nargs > 1)
        b = eval(r, t);
    switch (op->kind) {
    case SLD_T_NEG: return arithmetic(r, SLD_T_SUB, (span){0}, a);
    case SLD_T_NOT: return negated(truth_of(a));
    case SLD_T_AND: return call(r, SLD_FN_MIN, truth_of(a), truth_of(b));
    case SLD_T_OR: return call(r, SLD_FN_MAX, truth_of(a), truth_of(b));
    case SLD_T_CALL: return call(r, op->id, a, b);
    case SLD_T_ADD: case SLD_T_SUB: case SLD_T_MUL: case SLD_T_DIV: case SLD_T_MOD: return arithmetic(r, op->kind, a, b);
    default: return compare(op->kind, a, b);
    }
}

/* All conditions for one bucket. */
static span holds(const sld_term *t, uint32_t n, const sld_run *run)
{
    reader r = {run, false};
    span all = exactly(true);
    for (const sld_term *end = t + n; t < end;)
        all = call(&r, SLD_FN_MIN, all, truth_of(eval(&r, &t)));
    return r.failed ? either : all;
}

bool sld__option_value(const sld_term *t, uint32_t n, const int64_t *options, int64_t *out)
{
    sld_run run = {.options = options};
    reader r = {&run, false};
    span s = n ? eval(&r, &t) : (span){0};
    *out = s.lo;
    return !r.failed && s.lo == s.hi && s.lo != INT64_MIN && s.lo != INT64_MAX;
}

/* -------------------------------------------------------------------- parts -- */

enum { MOST_STEPS = 1 << 16 };

typedef struct cutter {
    int (*ask)(void *user, sld_bucket tokens);
    void *user;
    uint32_t n, most, steps;
    int64_t *ends;
    int first, last;
    bool failed;
} cutter;

static void add_part(cutter *c, int answer, int64_t end)
{
    if (c->n && c->last == answer) {
        c->ends[c->n - 1] = end;
        return;
    }
    if (c->n == c->most) {
        c->failed = true;
        return;
    }
    c->first = c->n ? c->first : answer;
    c->last = answer;
    c->ends[c->n++] = end;
}

static void cut(cutter *c, sld_bucket b)
{
    if (c->failed)
        return;
    int answer = c->ask(c->user, b);
    if (answer >= 0) {
        add_part(c, answer, b.hi);
        return;
    }
    if (b.lo == b.hi || !--c->steps) { /* divided by 0, or cut up too finely */
        c->failed = true;
        return;
    }
    int64_t middle = b.lo + (b.hi - b.lo) / 2;
    cut(c, (sld_bucket){b.lo, middle});
    cut(c, (sld_bucket){middle + 1, b.hi});
}

uint32_t sld__parts(sld_bucket whole, int (*ask)(void *user, sld_bucket tokens), void *user, uint32_t most, int64_t *ends,
                    int *first)
{
    cutter c = {.ask = ask, .user = user, .most = most, .steps = MOST_STEPS, .ends = ends};
    cut(&c, whole);
    *first = c.first;
    return c.failed ? 0 : c.n;
}

typedef struct gate { const sld_term *t; uint32_t n; sld_run run; } gate;

static int ask_gate(void *user, sld_bucket tokens)
{
    gate *g = user;
    g->run.tokens = tokens;
    span s = holds(g->t, g->n, &g->run);
    return s.lo == s.hi ? (int)s.lo : -1;
}

uint32_t sld__gate_parts(const sld_term *t, uint32_t n_terms, const sld_run *run, uint32_t most, int64_t *ends, int *first)
{
    gate g = {t, n_terms, *run};
    return sld__parts(run->tokens, ask_gate, &g, most, ends, first);
}

sld_truth sld__gate(const sld_term *t, uint32_t n, const sld_run *run)
{
    int64_t end;
    int truth;
    span s = holds(t, n, run);
    if (s.lo == s.hi)
        return s.lo ? SLD_ALWAYS : SLD_NEVER;
    if (sld__gate_parts(t, n, run, 1, &end, &truth) != 1)
        return SLD_DEPENDS;
    return truth ? SLD_ALWAYS : SLD_NEVER;
}
