/* Conditions that cannot hold, or cannot fail: of ops, kernels, gates and rules. */
#include <string.h>

#include "reading.h"
#include "whole.h"

/* ------------------------------------------------------------------ parts -- */

/* Conditions that must all hold; `and` is taken apart. */
static void split(pat_session *s, pat_exprs *to, pat_expr *e)
{
    if (e->kind == PE_AND) {
        split(s, to, e->args.at[0]);
        split(s, to, e->args.at[1]);
        return;
    }
    PAT_PUSH(s->arena, *to, e);
}

static pat_exprs split_all(pat_session *s, pat_exprs from)
{
    pat_exprs to = {0};
    for (uint32_t i = 0; i < from.n; i++)
        split(s, &to, from.at[i]);
    return to;
}

static void assume_all(p_set *set, const pat_exprs *es)
{
    for (uint32_t i = 0; i < es->n; i++)
        p_assume(set, es->at[i], true);
}

static bool impossible(const p_set *base, const pat_expr *a, const pat_expr *b)
{
    p_set set = *base;
    p_assume(&set, a, true);
    if (b)
        p_assume(&set, b, true);
    return p_possible(&set, NULL) == P_NEVER;
}

/* The fewest conditions that contradict each other: one, two, or all. The first of them are known before. */
static void report_never(const p_set *none, const pat_exprs *known, const pat_exprs *es)
{
    pat_exprs all = {0};
    pat_session *s = none->s;
    for (uint32_t i = 0; i < known->n; i++)
        PAT_PUSH(s->arena, all, known->at[i]);
    for (uint32_t i = 0; i < es->n; i++)
        PAT_PUSH(s->arena, all, es->at[i]);
    for (uint32_t i = known->n; i < all.n; i++)
        if (impossible(none, all.at[i], NULL)) {
            pat_error(s, all.at[i]->span, E_NEVER, "this never holds");
            return;
        }
    for (uint32_t i = known->n; i < all.n; i++)
        for (uint32_t j = 0; j < i; j++)
            if (impossible(none, all.at[i], all.at[j])) {
                pat_error(s, all.at[i]->span, E_NEVER, "this never holds together with another condition");
                pat_note(s, all.at[j]->span, "which is here");
                return;
            }
    pat_error(s, es->at[es->n - 1]->span, E_NEVER, "this never holds together with the other conditions");
}

/* False after an error: the conditions, with what is known before them, can never hold. */
static bool check_possible(const p_set *none, const pat_exprs *known, const pat_exprs *es)
{
    p_set all = *none;
    assume_all(&all, known);
    assume_all(&all, es);
    if (!es->n || p_possible(&all, NULL) != P_NEVER)
        return true;
    report_never(none, known, es);
    return false;
}

static void warn_always(const p_set *none, const pat_exprs *known, const pat_exprs *es)
{
    p_set with = *none;
    assume_all(&with, known);
    for (uint32_t i = 0; i < es->n; i++) {
        if (p_can_fail(none, es->at[i], NULL) == P_NEVER)
            pat_warn(none->s, es->at[i]->span, E_ALWAYS, "this always holds");
        else if (known->n && p_can_fail(&with, es->at[i], NULL) == P_NEVER)
            pat_warn(none->s, es->at[i]->span, E_ALWAYS, "the op's declaration says this already");
    }
}

/* ---------------------------------------------------------------- kernels -- */

/* Takes in that no earlier row of the target is taken; false when one always is. */
static bool assume_not_earlier(p_set *set, const pat_kernel *k, uint32_t row, const pat_kernel_row **last)
{
    for (uint32_t i = 0; i < row; i++) {
        const pat_kernel_row *r = k->rows.at[i];
        if (r->target != k->rows.at[row]->target)
            continue;
        *last = r;
        if (!r->when)
            return false;
        p_assume(set, r->when, false);
    }
    return true;
}

static void check_row(const p_set *none, const pat_exprs *known, const pat_kernel *k, uint32_t row)
{
    pat_session *s = none->s;
    const pat_kernel_row *r = k->rows.at[row], *earlier = NULL;
    pat_exprs when = {0};
    if (r->when)
        split(s, &when, r->when);
    if (!check_possible(none, known, &when))
        return;
    warn_always(none, known, &when);
    p_set taken = *none;
    assume_all(&taken, known);
    assume_all(&taken, &when);
    if (!assume_not_earlier(&taken, k, row, &earlier) || (earlier && p_possible(&taken, NULL) == P_NEVER)) {
        pat_warn(s, r->span, E_ROW_UNREACHED, "this row is never reached: earlier ones are always taken");
        pat_note(s, earlier->span, "the last of them is here");
        return;
    }
    const char *example;
    if (!r->supports || p_can_fail(&taken, r->supports, &example) != P_POSSIBLE)
        return;
    pat_error(s, r->span, E_UNSUPPORTED, "this row is taken for %s, which it does not support",
              *example ? example : "everything");
    pat_note(s, r->supports->span, "it supports what is said here");
}

static void check_op_conditions(pat_session *s, const pat_program *p, const pat_op *op)
{
    c_reading r = {s, p, op, NULL};
    p_set none = p_open(s, c_describe, &r);
    pat_exprs where = split_all(s, op->where), nothing = {0};
    const pat_kernel *k = pat_map_get(&p->by_name.kernels, op->name);
    if (check_possible(&none, &nothing, &where)) {
        warn_always(&none, &nothing, &where);
        for (uint32_t i = 0; k && i < k->rows.n; i++)
            check_row(&none, &where, k, i);
    }
}

/* ------------------------------------------------------------------ rules -- */

/* The options that a rule needs, and those that they require, as conditions. False when they are never on together. */
static bool options_of(pat_session *s, const pat_program *p, const pat_rule *const *rules, uint32_t n, pat_exprs *on)
{
    pat_options all = {0};
    bool possible = pat_enabled_options(s, p, rules, n, &all);
    for (uint32_t i = 0; i < all.n; i++) {
        const pat_terms *named = &rules[0]->enabled;
        pat_expr *e = pat_alloc(s->arena, sizeof *e);
        *e = (pat_expr){.kind = PE_NAME, .name = all.at[i]->name, .span = all.at[i]->name_span};
        for (uint32_t k = 0; k < named->n; k++)
            if (named->at[k]->name == e->name)
                e->span = named->at[k]->span;
        PAT_PUSH(s->arena, *on, e);
    }
    return possible;
}

bool w_gate_follows(const w_program *w, const pat_rule *a, const pat_rule *b)
{
    c_reading r = {w->s, w->p, NULL, NULL};
    p_set known = p_open(w->s, c_describe, &r);
    pat_exprs of_a = {0}, of_b = {0};
    options_of(w->s, w->p, &a, 1, &of_a);
    options_of(w->s, w->p, &b, 1, &of_b);
    assume_all(&known, &of_b);
    assume_all(&known, &b->gate);
    for (uint32_t i = 0; i < of_a.n + a->gate.n; i++)
        if (p_can_fail(&known, i < of_a.n ? of_a.at[i] : a->gate.at[i - of_a.n], NULL) != P_NEVER)
            return false;
    return true;
}

bool w_may_both_run(const w_program *w, const pat_rule *a, const pat_rule *b)
{
    c_reading r = {w->s, w->p, NULL, NULL};
    p_set both = p_open(w->s, c_describe, &r);
    pat_exprs on = {0};
    if (!options_of(w->s, w->p, (const pat_rule *const[]){a, b}, 2, &on))
        return false;
    assume_all(&both, &on);
    assume_all(&both, &a->gate);
    assume_all(&both, &b->gate);
    return p_possible(&both, NULL) != P_NEVER;
}

static void check_gate(pat_session *s, const pat_program *p, const pat_rule *rule)
{
    c_reading r = {s, p, NULL, NULL};
    p_set none = p_open(s, c_describe, &r);
    pat_exprs gate = split_all(s, rule->gate), enabled = {0};
    options_of(s, p, &rule, 1, &enabled);
    if (check_possible(&none, &enabled, &gate) && !rule->family_of)
        warn_always(&none, &(pat_exprs){0}, &gate);
}

/* An instance of a family may well be told what it knows, or be one of those that the conditions leave out. */
static void check_where(pat_session *s, const pat_program *p, const w_case *c)
{
    c_reading r = {s, p, NULL, c->v};
    p_set none = p_open(s, c_describe, &r);
    pat_exprs where = split_all(s, c->rule->where), nothing = {0};
    if (!c->rule->family_of && check_possible(&none, &nothing, &where))
        warn_always(&none, &nothing, &where);
}

void pat_check_conditions(w_program *w)
{
    const pat_rule *last = NULL;
    for (uint32_t i = 0; i < w->p->ops.n; i++)
        check_op_conditions(w->s, w->p, w->p->ops.at[i]);
    for (uint32_t i = 0; i < w->cases.n; i++) {
        const w_case *c = w->cases.at[i];
        if (c->rule == last)
            continue;
        last = c->rule;
        pat_within(w->s, c->rule);
        check_gate(w->s, w->p, c->rule);
        check_where(w->s, w->p, c);
    }
    pat_within(w->s, NULL);
}
