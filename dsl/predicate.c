/* See predicate.h. Conditions are taken apart into alternatives of linear rows (linear.c), in which a quotient and a
 * remainder by a number are variables: x = 8 q + r. What is not linear is a variable of its own that knows little.
 * A solution counts when the conditions, computed with its values, hold. */
#include "predicate.h"

#include <stdio.h>
#include <string.h>

enum { KEY = 200, MOST_LEAVES = 2000 };

typedef struct solver {
    const p_set *p;
    l_system sys;
    p_var vars[L_VARS];
    p_condition stack[2 * P_MOST_CONDITIONS]; /* what remains to be taken apart */
    uint32_t n_stack, leaves;
    bool unknown;
    int64_t values[L_VARS];
} solver;

p_set p_open(pat_session *s, p_describe *describe, void *of)
{
    p_set p;
    p.s = s;
    p.describe = describe;
    p.of = of;
    p.n = 0;
    return p;
}

void p_assume(p_set *p, const pat_expr *e, bool holds)
{
    if (p->n < P_MOST_CONDITIONS) /* knowing less is sound */
        p->at[p->n++] = (p_condition){e, holds};
}

/* -------------------------------------------------------------- variables -- */

/* Number of the variable of this name; L_VARS when there is no room. */
static uint32_t find_var(solver *v, const p_var *var)
{
    for (uint32_t i = 0; i < v->sys.n_vars; i++)
        if (!strcmp(v->vars[i].name, var->name))
            return i;
    if (v->sys.n_vars == L_VARS)
        return L_VARS;
    v->vars[v->sys.n_vars] = *var;
    v->sys.lo[v->sys.n_vars] = var->lo;
    v->sys.hi[v->sys.n_vars] = var->hi;
    return v->sys.n_vars++;
}

static uint32_t var_of(solver *v, const pat_expr *e)
{
    p_var var = {0};
    for (uint32_t i = 0; e->kind == PE_NAME && i < v->sys.n_vars; i++)
        if (v->vars[i].name == e->name)
            return i;
    return v->p->describe(v->p->of, e, &var) ? find_var(v, &var) : L_VARS;
}

/* A variable for an expression that is no sum, known by its text. */
static uint32_t stand_in(solver *v, const char *what, const pat_expr *e, int64_t lo, int64_t hi)
{
    char key[KEY];
    int n = snprintf(key, sizeof key, "%s ", what);
    pat_print_key(key + n, sizeof key - (size_t)n, e);
    p_var var = {.name = pat_intern(v->p->s, key, strlen(key)), .lo = lo, .hi = hi};
    return strlen(key) + 1 < sizeof key ? find_var(v, &var) : L_VARS;
}

/* ------------------------------------------------------------------- sums -- */

static bool sum_of(solver *v, const pat_expr *e, l_sum *sum);

static bool add_row(solver *v, const l_sum *sum, bool equal)
{
    if (v->sys.n_rows == L_ROWS)
        return false;
    v->sys.rows[v->sys.n_rows++] = (l_row){*sum, equal};
    return true;
}

static bool one_var(uint32_t var, l_sum *sum)
{
    if (var < L_VARS)
        *sum = (l_sum){1, 0, {{var, 1}}};
    return var < L_VARS;
}

/* a = by * quotient + remainder */
static bool divide(solver *v, const pat_expr *e, l_sum *sum, bool remainder)
{
    l_sum a, by, row = {0};
    if (!sum_of(v, e->args.at[0], &a) || !sum_of(v, e->args.at[1], &by) || by.n || by.c <= 0)
        return false;
    pat_expr pair = {.kind = PE_LIST, .args = e->args}; /* the same for both */
    uint32_t q = stand_in(v, "quotient", &pair, L_LEAST, L_MOST), r = stand_in(v, "remainder", &pair, 0, by.c - 1);
    l_sum quotient, rest;
    if (!one_var(q, &quotient) || !one_var(r, &rest) || !l_add(&row, &a, 1) || !l_add(&row, &quotient, -by.c) ||
        !l_add(&row, &rest, -1) || !add_row(v, &row, true))
        return false;
    *sum = remainder ? rest : quotient;
    return true;
}

static bool multiply(solver *v, const pat_expr *e, l_sum *sum)
{
    l_sum a, b;
    if (!sum_of(v, e->args.at[0], &a) || !sum_of(v, e->args.at[1], &b))
        return false;
    const l_sum *constant = a.n ? &b : &a, *other = a.n ? &a : &b;
    if (constant->n)
        return one_var(stand_in(v, "product", e, L_LEAST, L_MOST), sum);
    *sum = (l_sum){0};
    return l_add(sum, other, constant->c);
}

/* min and max are bounded by both; that they are one of them is left to computing. */
static bool extreme(solver *v, const pat_expr *e, l_sum *sum, int64_t sign)
{
    if (!one_var(stand_in(v, "extreme", e, L_LEAST, L_MOST), sum))
        return false;
    for (uint32_t i = 0; i < e->args.n; i++) {
        l_sum a, row = {0};
        if (!sum_of(v, e->args.at[i], &a) || !l_add(&row, sum, sign) || !l_add(&row, &a, -sign) ||
            !add_row(v, &row, false))
            return false;
    }
    return true;
}

static bool call(solver *v, const pat_expr *e, l_sum *sum)
{
    uint32_t var = var_of(v, e);
    if (var < L_VARS)
        return !v->vars[var].words && one_var(var, sum);
    if (e->args.n == 2 && !strcmp(e->name, "min"))
        return extreme(v, e, sum, 1);
    if (e->args.n == 2 && !strcmp(e->name, "max"))
        return extreme(v, e, sum, -1);
    return one_var(stand_in(v, "call", e, L_LEAST, L_MOST), sum);
}

static bool sum_of(solver *v, const pat_expr *e, l_sum *sum)
{
    l_sum b;
    uint32_t var;
    switch (e->kind) {
    case PE_INT: case PE_BOOL:
        *sum = (l_sum){.c = e->ival};
        return true;
    case PE_NAME:
        var = var_of(v, e);
        return var < L_VARS && !v->vars[var].words && one_var(var, sum);
    case PE_NEG:
        *sum = (l_sum){0};
        return sum_of(v, e->args.at[0], &b) && l_add(sum, &b, -1);
    case PE_ADD: case PE_SUB:
        return sum_of(v, e->args.at[0], sum) && sum_of(v, e->args.at[1], &b) &&
               l_add(sum, &b, e->kind == PE_ADD ? 1 : -1);
    case PE_MUL: return multiply(v, e, sum);
    case PE_DIV: case PE_MOD: return divide(v, e, sum, e->kind == PE_MOD);
    case PE_CALL: return call(v, e, sum);
    default: return false;
    }
}

/* -------------------------------------------------------------- computing -- */

typedef enum truth { FALSE, TRUE, UNSURE } truth;

static bool number(solver *v, const pat_expr *e, int64_t *out)
{
    int64_t a, b;
    uint32_t var;
    switch (e->kind) {
    case PE_INT: case PE_BOOL: *out = e->ival; return true;
    case PE_NAME: case PE_CALL:
        var = var_of(v, e);
        if (var < L_VARS && v->vars[var].free && !v->vars[var].words)
            return *out = v->values[var], true;
        if (e->kind == PE_NAME || e->args.n != 2 || (strcmp(e->name, "min") && strcmp(e->name, "max")) ||
            !number(v, e->args.at[0], &a) || !number(v, e->args.at[1], &b))
            return false;
        return *out = !strcmp(e->name, "min") == (a < b) ? a : b, true;
    case PE_NEG: return number(v, e->args.at[0], &a) && !__builtin_sub_overflow((int64_t)0, a, out);
    default: break;
    }
    if (e->kind < PE_ADD || e->kind > PE_MOD || !number(v, e->args.at[0], &a) || !number(v, e->args.at[1], &b))
        return false;
    switch (e->kind) {
    case PE_ADD: return !__builtin_add_overflow(a, b, out);
    case PE_SUB: return !__builtin_sub_overflow(a, b, out);
    case PE_MUL: return !__builtin_mul_overflow(a, b, out);
    default:
        if (b <= 0)
            return false;
        *out = e->kind == PE_MOD ? (a % b + b) % b : (a - (a % b + b) % b) / b;
        return true;
    }
}

/* The word that an expression is with the values of the solution. */
static pat_name word(solver *v, const pat_expr *e)
{
    uint32_t var = e->kind == PE_NAME || e->kind == PE_CALL ? var_of(v, e) : L_VARS;
    if (var < L_VARS)
        return v->vars[var].words && v->vars[var].free ? v->vars[var].words[v->values[var]] : NULL;
    return e->kind == PE_NAME ? e->name : NULL;
}

static truth compare(solver *v, pat_expr_kind kind, const pat_expr *a, const pat_expr *b)
{
    int64_t x, y;
    if (number(v, a, &x) && number(v, b, &y))
        switch (kind) {
        case PE_EQ: return x == y;
        case PE_NE: return x != y;
        case PE_LT: return x < y;
        case PE_LE: return x <= y;
        case PE_GT: return x > y;
        default: return x >= y;
        }
    pat_name s = word(v, a), t = word(v, b);
    return !s || !t || (kind != PE_EQ && kind != PE_NE) ? UNSURE : (truth)((s == t) == (kind == PE_EQ));
}

static truth both(truth a, truth b)
{
    return a == FALSE || b == FALSE ? FALSE : a == UNSURE || b == UNSURE ? UNSURE : TRUE;
}

static truth negated(truth a)
{
    return a == UNSURE ? UNSURE : (truth)!a;
}

static truth compute(solver *v, const pat_expr *e)
{
    int64_t x;
    truth some = FALSE;
    switch (e->kind) {
    case PE_NOT: return negated(compute(v, e->args.at[0]));
    case PE_AND: return both(compute(v, e->args.at[0]), compute(v, e->args.at[1]));
    case PE_OR: return negated(both(negated(compute(v, e->args.at[0])), negated(compute(v, e->args.at[1]))));
    case PE_IN:
        for (uint32_t i = 0; i < e->args.at[1]->args.n; i++) {
            truth is = compare(v, PE_EQ, e->args.at[0], e->args.at[1]->args.at[i]);
            some = negated(both(negated(some), negated(is)));
        }
        return some;
    case PE_EQ: case PE_NE: case PE_LT: case PE_LE: case PE_GT: case PE_GE:
        return compare(v, e->kind, e->args.at[0], e->args.at[1]);
    default: return number(v, e, &x) ? (truth)(x != 0) : UNSURE;
    }
}

/* Whether the solution is one of the conditions as they stand. */
static bool accept(void *of, const int64_t *values)
{
    solver *v = of;
    memcpy(v->values, values, v->sys.n_vars * sizeof *values);
    for (uint32_t i = 0; i < v->p->n; i++) {
        truth is = compute(v, v->p->at[i].e);
        if (is == UNSURE || (is == TRUE) != v->p->at[i].holds)
            return false;
    }
    return true;
}

/* ----------------------------------------------------------- taking apart -- */

static bool explore(solver *v);

static bool leaf(solver *v)
{
    if (++v->leaves > MOST_LEAVES) {
        v->unknown = true;
        return false;
    }
    int64_t values[L_VARS];
    l_answer answer = l_solve(&v->sys, accept, v, values);
    v->unknown |= answer == L_UNKNOWN;
    return answer == L_FOUND;
}

/* Explores with a row more; what the row brought is taken back. */
static bool with_row(solver *v, const l_sum *sum, bool equal)
{
    uint32_t n_rows = v->sys.n_rows;
    if (!add_row(v, sum, equal))
        v->unknown = true;
    bool found = explore(v);
    v->sys.n_rows = n_rows;
    return found;
}

/* a - b compared with 0 */
static bool with_difference(solver *v, pat_expr_kind kind, const l_sum *d)
{
    l_sum row = {0};
    bool ok = true;
    switch (kind) {
    case PE_EQ: return with_row(v, d, true);
    case PE_NE: return with_difference(v, PE_LT, d) || with_difference(v, PE_GT, d);
    case PE_LT: case PE_LE:
        row = *d;
        row.c += kind == PE_LT;
        break;
    default:
        ok = l_add(&row, d, -1);
        row.c += kind == PE_GT;
    }
    return ok ? with_row(v, &row, false) : (v->unknown = true, explore(v));
}

static bool with_word(solver *v, uint32_t var, pat_name name, bool is)
{
    l_sum d = {1, 0, {{var, 1}}};
    for (uint32_t i = 0; i < v->vars[var].n_words; i++)
        if (v->vars[var].words[i] == name) {
            d.c = -(int64_t)i;
            return with_difference(v, is ? PE_EQ : PE_NE, &d);
        }
    return !is && explore(v);
}

static bool with_comparison(solver *v, pat_expr_kind kind, const pat_expr *a, const pat_expr *b)
{
    uint32_t n_rows = v->sys.n_rows, n_vars = v->sys.n_vars;
    l_sum x, y;
    bool found;
    if (a->kind == PE_NAME && var_of(v, a) == L_VARS && (kind == PE_EQ || kind == PE_NE)) { /* word == name */
        const pat_expr *first = b;
        b = a;
        a = first;
    }
    if (sum_of(v, a, &x) && sum_of(v, b, &y) && l_add(&x, &y, -1)) {
        found = with_difference(v, kind, &x);
    } else {
        uint32_t var = a->kind == PE_NAME || a->kind == PE_CALL ? var_of(v, a) : L_VARS;
        bool equality = kind == PE_EQ || kind == PE_NE;
        /* Other comparisons say nothing here; computing them still decides whether an example counts. */
        found = equality && var < L_VARS && v->vars[var].words && b->kind == PE_NAME && var_of(v, b) == L_VARS
                    ? with_word(v, var, b->name, kind == PE_EQ)
                    : explore(v);
    }
    v->sys.n_rows = n_rows;
    v->sys.n_vars = n_vars;
    return found;
}

static pat_expr_kind opposite(pat_expr_kind kind)
{
    static const pat_expr_kind to[] = {PE_NE, PE_EQ, PE_GE, PE_GT, PE_LE, PE_LT};
    return to[kind - PE_EQ];
}

static bool with_member(solver *v, const pat_expr *e, bool holds, uint32_t from)
{
    const pat_exprs *set = &e->args.at[1]->args;
    if (holds) {
        for (uint32_t i = 0; i < set->n; i++)
            if (with_comparison(v, PE_EQ, e->args.at[0], set->at[i]))
                return true;
        return false;
    }
    if (from == set->n)
        return explore(v);
    /* Every element is excluded: as conditions of their own, which `stack` takes by kind. */
    pat_expr *ne = pat_alloc(v->p->s->arena, sizeof *ne);
    *ne = (pat_expr){.kind = PE_NE, .span = e->span};
    PAT_PUSH(v->p->s->arena, ne->args, e->args.at[0]);
    PAT_PUSH(v->p->s->arena, ne->args, set->at[from]);
    if (v->n_stack == sizeof v->stack / sizeof *v->stack)
        return v->unknown = true, explore(v);
    v->stack[v->n_stack++] = (p_condition){ne, true};
    return with_member(v, e, false, from + 1);
}

static bool with_condition(solver *v, const pat_expr *e, bool holds)
{
    bool all = (e->kind == PE_AND) == holds;
    l_sum sum;
    switch (e->kind) {
    case PE_NOT: return with_condition(v, e->args.at[0], !holds);
    case PE_AND: case PE_OR:
        if (!all) {
            uint32_t n = v->n_stack; /* what the first alternative puts there is not the second's */
            bool found = with_condition(v, e->args.at[0], holds);
            v->n_stack = n;
            return found || with_condition(v, e->args.at[1], holds);
        }
        if (v->n_stack == sizeof v->stack / sizeof *v->stack)
            return v->unknown = true, explore(v);
        v->stack[v->n_stack++] = (p_condition){e->args.at[1], holds};
        return with_condition(v, e->args.at[0], holds);
    case PE_IN: return e->args.at[1]->kind == PE_SET ? with_member(v, e, holds, 0) : explore(v);
    case PE_EQ: case PE_NE: case PE_LT: case PE_LE: case PE_GT: case PE_GE:
        return with_comparison(v, holds ? e->kind : opposite(e->kind), e->args.at[0], e->args.at[1]);
    default: /* a truth value */
        return sum_of(v, e, &sum) ? with_difference(v, holds ? PE_NE : PE_EQ, &sum) : explore(v);
    }
}

/* Goes on with what remains; the stack is as before afterwards. */
static bool explore(solver *v)
{
    if (v->unknown) /* the answer, whatever remains; there may be very much */
        return false;
    if (!v->n_stack)
        return leaf(v);
    uint32_t n = v->n_stack;
    p_condition kept[2 * P_MOST_CONDITIONS];
    memcpy(kept, v->stack, n * sizeof *kept);
    p_condition next = v->stack[--v->n_stack];
    bool found = with_condition(v, next.e, next.holds);
    memcpy(v->stack, kept, n * sizeof *kept);
    v->n_stack = n;
    return found;
}

/* --------------------------------------------------------------- the whole -- */

static const char *example_of(solver *v)
{
    char text[400] = "";
    size_t n = 0;
    for (uint32_t i = 0; i < v->sys.n_vars && n < sizeof text; i++) {
        const p_var *var = &v->vars[i];
        if (!var->free || var->lo == var->hi)
            continue;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s = ", n ? ", " : "", var->name);
        if (n < sizeof text && var->words)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s", var->words[v->values[i]]);
        else if (n < sizeof text)
            n += (size_t)snprintf(text + n, sizeof text - n, "%lld", (long long)v->values[i]);
    }
    return pat_intern(v->p->s, text, strlen(text));
}

/* All named variables are there from the start. */
static void name_vars(solver *v, const pat_expr *e)
{
    if (e->kind == PE_NAME || e->kind == PE_CALL)
        var_of(v, e);
    for (uint32_t i = 0; i < e->args.n; i++)
        name_vars(v, e->args.at[i]);
}

p_answer p_possible(const p_set *p, const char **example)
{
    solver v; /* large, and mostly unused */
    v.p = p;
    v.sys.n_vars = v.sys.n_rows = v.leaves = 0;
    v.unknown = false;
    v.n_stack = 0;
    for (uint32_t i = p->n; i-- > 0;) {
        v.stack[v.n_stack++] = p->at[i];
        name_vars(&v, p->at[i].e);
    }
    bool found = explore(&v);
    if (found && example)
        *example = example_of(&v);
    return found ? P_POSSIBLE : v.unknown ? P_UNKNOWN : P_NEVER;
}

p_answer p_can_fail(const p_set *p, const pat_expr *e, const char **example)
{
    p_set with = *p;
    if (with.n == P_MOST_CONDITIONS)
        return P_UNKNOWN;
    p_assume(&with, e, false);
    return p_possible(&with, example);
}
