/* Checks patterns and rules as a whole: order of statements, one root, what is yielded and what is replaced,
 * patterns that contain themselves. */
#include "checker.h"

/* -------------------------------------------------------------- one side -- */

/* Number of results, 0 when the term is not known. */
static uint32_t result_count(const pat_checker *c, const pat_term *t, bool *any)
{
    *any = false;
    if (t->kind != PT_APPLY || pat_find_pattern(c->p, t->name))
        return 1;
    pat_op *op = pat_find_op(c->p, t->name);
    *any = op && op->variadic_results;
    return op ? op->results.n : 0;
}

static void check_results(pat_checker *c, const pat_stmt *st)
{
    bool any;
    uint32_t n = result_count(c, st->value, &any);
    if (!st->results.n)
        pat_error(c->s, st->span, E_STMT_NAME, "the value of this statement needs a name: name = ...");
    else if (n && !any && st->results.n != n)
        pat_error(c->s, st->span, E_RESULT_COUNT, "'%s' has %u result%s, %u name%s given",
                  st->value->name ? st->value->name : "this", n, n == 1 ? "" : "s", st->results.n,
                  st->results.n == 1 ? "" : "s");
    for (uint32_t i = 0; i < st->results.n; i++) {
        const pat_term *r = st->results.at[i];
        if (r->kind != PT_NAME && r->kind != PT_WILD)
            pat_error(c->s, r->span, E_RESULT_TERM, "a result is a name or '_'");
        pat_bind_type(c, r->type);
    }
}

/* Statements of a left side; every result is a new name. */
static void check_left(pat_checker *c, pat_stmts *stmts)
{
    for (uint32_t i = 0; i < stmts->n; i++) {
        pat_stmt *st = stmts->at[i];
        if (st->value->kind != PT_APPLY)
            pat_error(c->s, st->value->span, E_STMT_TERM,
                      "a statement of the match applies an op or a pattern");
        pat_check_term(c, st->value);
        check_results(c, st);
        for (uint32_t r = 0; r < st->results.n; r++) {
            const pat_term *t = st->results.at[r];
            if (t->kind != PT_NAME)
                continue;
            if (pat_listed(&c->b->values, t->name)) {
                pat_error(c->s, t->span, E_BOUND_LATE,
                          "'%s' is bound or read before this statement defines it", t->name);
                pat_hint(c->s, "order statements so that a value is defined before it is used");
            }
            pat_bind(c, &c->b->values, t->name);
        }
    }
}

static bool reads(const pat_term *t, pat_name name)
{
    if (t->kind == PT_NAME && t->name == name)
        return true;
    for (uint32_t i = 0; i < t->operands.n; i++)
        if (reads(t->operands.at[i], name))
            return true;
    return false;
}

/* A later statement, or the value of the alternative, reads a result of statement i. */
static bool is_read(const pat_stmts *stmts, uint32_t i, const pat_term *value)
{
    const pat_stmt *st = stmts->at[i];
    for (uint32_t r = 0; r < st->results.n; r++) {
        pat_name name = st->results.at[r]->name;
        if (value && name && reads(value, name))
            return true;
        for (uint32_t j = i + 1; name && j < stmts->n; j++)
            if (reads(stmts->at[j]->value, name))
                return true;
    }
    return false;
}

/* Everything in an alternative of a pattern leads to its value. */
static void check_leads_to(pat_session *s, const pat_stmts *stmts, const pat_term *value)
{
    for (uint32_t i = 0; i < stmts->n; i++) {
        if (is_read(stmts, i, value))
            continue;
        pat_error(s, stmts->at[i]->span, E_TWO_ROOTS, "no later statement reads what this one defines");
        pat_note(s, value->span, "everything in an alternative leads to its value, which is here");
    }
}

static bool speaks_of(const pat_stmt *st, pat_name name)
{
    for (uint32_t i = 0; i < st->results.n; i++)
        if (st->results.at[i]->name == name)
            return true;
    return reads(st->value, name);
}

static bool shares_name(const pat_stmt *a, const pat_term *t, const pat_stmt *b)
{
    if (t->kind == PT_NAME && speaks_of(b, t->name))
        return true;
    for (uint32_t i = 0; i < t->operands.n; i++)
        if (shares_name(a, t->operands.at[i], b))
            return true;
    return false;
}

static bool touch(const pat_stmt *a, const pat_stmt *b)
{
    for (uint32_t i = 0; i < a->results.n; i++)
        if (a->results.at[i]->name && speaks_of(b, a->results.at[i]->name))
            return true;
    return shares_name(a, a->value, b);
}

/* A match is found by walking along values from its root, so they must join all of its statements. */
static void check_connected(pat_session *s, const pat_stmts *stmts)
{
    uint32_t n = stmts->n, n_reached = 0;
    bool *reached = pat_alloc(s->arena, n + 1);
    uint32_t *stack = pat_alloc(s->arena, (n + 1) * sizeof *stack);
    stack[n_reached++] = n - 1;
    reached[n - 1] = true;
    for (uint32_t k = 0; k < n_reached; k++)
        for (uint32_t i = 0; i < n; i++)
            if (!reached[i] && touch(stmts->at[stack[k]], stmts->at[i])) {
                reached[i] = true;
                stack[n_reached++] = i;
            }
    for (uint32_t i = 0; i < n; i++)
        if (!reached[i]) {
            pat_error(s, stmts->at[i]->span, E_TWO_ROOTS, "this shares no value with the rest of the match");
            pat_note(s, stmts->at[n - 1]->span, "the root is here");
        }
}

/* -------------------------------------------------------------- patterns -- */

enum { NEW, OPEN, DONE, DEEPEST = 100 };

typedef struct walk { pat_session *s; const pat_program *p; uint8_t *state; } walk;

static void visit(walk *w, uint32_t i, unsigned depth);

static void visit_term(walk *w, const pat_term *t, unsigned depth)
{
    for (uint32_t i = 0; i < t->operands.n; i++)
        visit_term(w, t->operands.at[i], depth);
    const pat_pattern *q = t->kind == PT_APPLY ? pat_find_pattern(w->p, t->name) : NULL;
    if (q)
        visit(w, q->id, depth + 1);
}

static void visit(walk *w, uint32_t i, unsigned depth)
{
    const pat_pattern *q = w->p->patterns.at[i];
    if (w->state[i] == OPEN)
        pat_error(w->s, q->name_span, E_PATTERN_LOOP, "pattern '%s' contains itself", q->name);
    if (w->state[i] == NEW && depth > DEEPEST)
        pat_error(w->s, q->name_span, E_DEPTH, "patterns are nested more than %d deep", DEEPEST);
    if (w->state[i] != NEW || depth > DEEPEST) {
        w->state[i] = DONE;
        return;
    }
    w->state[i] = OPEN;
    for (uint32_t j = 0; j < q->alts.n; j++) {
        const pat_alt *a = q->alts.at[j];
        for (uint32_t k = 0; k < a->stmts.n; k++)
            visit_term(w, a->stmts.at[k]->value, depth);
        visit_term(w, a->value, depth);
    }
    w->state[i] = DONE;
}

void pat_check_recursion(pat_session *s, const pat_program *p)
{
    walk w = {s, p, pat_alloc(s->arena, p->patterns.n + 1)};
    for (uint32_t i = 0; i < p->patterns.n; i++)
        visit(&w, i, 0);
}

static void check_params(pat_session *s, const pat_pattern *q)
{
    pat_names seen = {0};
    for (uint32_t i = 0; i < q->params.n + q->attrs.n; i++) {
        const pat_term *t = i < q->params.n ? q->params.at[i] : q->attrs.at[i - q->params.n];
        if (t->kind != PT_NAME)
            pat_error(s, t->span, E_PARAM_NAME, "a parameter is a name");
        else if (pat_listed(&seen, t->name))
            pat_error(s, t->span, E_MEMBER_TWICE, "'%s' is declared twice", t->name);
        else
            PAT_PUSH(s->arena, seen, t->name);
    }
}

static void check_alternative(pat_session *s, const pat_program *p, const pat_pattern *q, pat_alt *a)
{
    pat_bound b = {0};
    pat_checker c = {s, p, &b, true};
    for (uint32_t j = 0; j < q->params.n; j++)
        if (q->params.at[j]->kind == PT_NAME)
            pat_check_term(&c, q->params.at[j]);
    unsigned before = s->n_errors;
    check_left(&c, &a->stmts);
    pat_check_term(&c, a->value);
    if (s->n_errors == before && a->value->kind != PT_WILD)
        check_leads_to(s, &a->stmts, a->value);
    for (uint32_t j = 0; s->n_errors == before && j < q->attrs.n; j++)
        if (!pat_listed(&b.vars, q->attrs.at[j]->name))
            pat_error(s, a->span, E_ALT_ATTR, "this alternative does not bind '%s'", q->attrs.at[j]->name);
    for (uint32_t j = 0; j < a->where.n; j++)
        pat_check_rule_condition(&c, a->where.at[j]);
    if (s->n_errors == before)
        pat_check_rest(s, &b, &q->attrs);
}

void pat_check_pattern(pat_session *s, const pat_program *p, pat_pattern *pattern)
{
    check_params(s, pattern);
    for (uint32_t i = 0; i < pattern->alts.n; i++)
        check_alternative(s, p, pattern, pattern->alts.at[i]);
}

/* ----------------------------------------------------------------- rules -- */

static bool defines(const pat_stmts *stmts, pat_name name)
{
    for (uint32_t i = 0; i < stmts->n; i++)
        for (uint32_t j = 0; j < stmts->at[i]->results.n; j++)
            if (stmts->at[i]->results.at[j]->name == name)
                return true;
    return false;
}

static void define(pat_checker *c, const pat_rule *rule, pat_names *defined, const pat_term *r)
{
    if (r->kind != PT_NAME)
        return;
    if (pat_listed(defined, r->name))
        pat_error(c->s, r->span, E_DEFINED_TWICE, "'%s' is defined twice", r->name);
    else if (pat_listed(&c->b->values, r->name) && !defines(&rule->match, r->name) && !c->b->wrong)
        pat_error(c->s, r->span, E_INPUT_REPLACED, "'%s' is an input of the match and cannot be replaced",
                  r->name);
    pat_bind(c, defined, r->name);
    pat_bind(c, &c->b->values, r->name);
}

static bool check_right(pat_checker *c, pat_rule *rule)
{
    pat_names defined = {0};
    bool replaces = false;
    c->left = false;
    for (uint32_t i = 0; i < rule->replace.n; i++) {
        pat_stmt *st = rule->replace.at[i];
        pat_check_term(c, st->value);
        check_results(c, st);
        for (uint32_t r = 0; r < st->results.n; r++) {
            define(c, rule, &defined, st->results.at[r]);
            const pat_term *name = st->results.at[r];
            bool kept = st->value->kind == PT_NAME && st->value->name == name->name;
            replaces |= !kept && name->name && defines(&rule->match, name->name);
        }
    }
    return replaces;
}

/* right: the right side has no error. */
static void check_yields(pat_session *s, const pat_rule *rule, bool right)
{
    for (uint32_t i = 0; i < rule->yield.n; i++) {
        const pat_term *y = rule->yield.at[i];
        if (!defines(&rule->match, y->name))
            pat_error(s, y->span, E_YIELD_NO_RESULT, "'%s' is not a result of the match", y->name);
        else if (right && !defines(&rule->replace, y->name))
            pat_error(s, y->span, E_YIELD_UNDEFINED, "the right side does not define the yielded '%s'",
                      y->name);
    }
}

static void find_phase(pat_session *s, const pat_program *p, pat_rule *rule)
{
    rule->phase = rule->phase_name ? pat_find_phase(p, rule->phase_name)
                  : p->phases.n    ? p->phases.at[0]
                                   : NULL;
    if (rule->phase)
        return;
    pat_names names = {0};
    for (uint32_t i = 0; i < p->phases.n; i++)
        PAT_PUSH(s->arena, names, p->phases.at[i]->name);
    if (rule->phase_name) {
        pat_unknown(s, rule->phase_span, E_PHASE, rule->phase_name, "unknown phase '%s'", rule->phase_name);
        pat_suggest(s, rule->phase_name, names.at, names.n);
    } else {
        pat_error(s, rule->name_span, E_PHASE, "no phase is declared for rule '%s'", rule->name);
    }
}

void pat_check_rule(pat_session *s, const pat_program *p, pat_rule *rule)
{
    pat_bound b = {0};
    pat_checker c = {s, p, &b, true};
    find_phase(s, p, rule);
    pat_check_enabled(s, p, rule);
    for (uint32_t i = 0; i < rule->gate.n; i++)
        pat_check_gate(s, p, rule->gate.at[i]);
    if (!rule->match.n) {
        pat_error(s, rule->name_span, E_EMPTY_MATCH, "the match of rule '%s' is empty", rule->name);
        return;
    }
    unsigned before = s->n_errors;
    check_left(&c, &rule->match);
    if (s->n_errors == before)
        check_connected(s, &rule->match);
    b.wrong = s->n_errors != before;
    for (uint32_t i = 0; i < rule->where.n; i++)
        pat_check_rule_condition(&c, rule->where.at[i]);
    unsigned left = s->n_errors;
    bool replaces = check_right(&c, rule);
    if (!b.wrong)
        check_yields(s, rule, s->n_errors == left);
    if (s->n_errors == before)
        pat_check_rest(s, &b, &(pat_terms){0});
    if (!replaces && s->n_errors == before)
        pat_error(s, rule->name_span, E_NOTHING_REPLACED,
                  "the right side of rule '%s' replaces no result of the match", rule->name);
}
