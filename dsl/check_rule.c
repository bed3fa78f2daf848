/* Checks the terms of patterns and rules: what is applied, what is bound, what is defined. */
#include <string.h>

#include "check.h"

/* Names bound so far on the left side of one rule or alternative. */
typedef struct bound { PAT_LIST(const char) values, attrs; } bound;

typedef struct checker { pat_session *s; const pat_program *p; bound *b; bool left; } checker;

static bool has(const char *const *at, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (at[i] == name)
            return true;
    return false;
}

static void note(pat_session *s, bound *b, pat_name name)
{
    if (!has(b->values.at, b->values.n, name))
        PAT_PUSH(s->arena, b->values, name);
}

/* The first declared attribute that no argument names. */
static const pat_attr *next_attr(const pat_term *t, const pat_op *op)
{
    for (uint32_t i = 0; i < op->attrs.n; i++) {
        bool taken = false;
        for (uint32_t j = 0; j < t->attrs.n; j++)
            taken |= t->attrs.at[j]->name == op->attrs.at[i]->name;
        if (!taken)
            return op->attrs.at[i];
    }
    return NULL;
}

static bool unknown_attr(pat_session *s, const pat_arg *a, const pat_op *op)
{
    PAT_LIST(const char) names = {0};
    for (uint32_t i = 0; i < op->attrs.n; i++)
        PAT_PUSH(s->arena, names, op->attrs.at[i]->name);
    const char *near = pat_nearest(a->name, names.at, names.n);
    pat_error(s, a->span, E_UNKNOWN_ATTR, "op '%s' has no attribute '%s'", op->name, a->name);
    if (near)
        pat_hint(s, "did you mean '%s'?", near);
    return false;
}

bool pat_resolve_attrs(pat_session *s, pat_term *t, const pat_op *op)
{
    for (uint32_t i = 0; i < t->attrs.n; i++) {
        pat_arg *a = t->attrs.at[i];
        if (!a->name && a->value->kind == PE_NAME && pat_find_attr(op, a->value->name))
            a->name = a->value->name;
        const pat_attr *next = a->name ? NULL : next_attr(t, op);
        if (!a->name && !next) {
            pat_error(s, a->span, E_TOO_MANY_ATTRS, "op '%s' has only %u attributes", op->name, op->attrs.n);
            return false;
        }
        if (next)
            a->name = next->name;
        if (!pat_find_attr(op, a->name))
            return unknown_attr(s, a, op);
        for (uint32_t j = 0; j < i; j++)
            if (t->attrs.at[j]->name == a->name) {
                pat_error(s, a->span, E_ATTR_TWICE, "attribute '%s' is given twice", a->name);
                return false;
            }
    }
    return true;
}

static void check_term(checker *c, pat_term *t);

static void check_operand_count(checker *c, const pat_term *t, const pat_op *op)
{
    uint32_t least = 0;
    bool variadic = op->operands.n && op->operands.at[op->operands.n - 1]->variadic;
    for (uint32_t i = 0; i < op->operands.n; i++)
        least += !op->operands.at[i]->optional && !op->operands.at[i]->variadic;
    if (t->operands.n >= least && (t->operands.n <= op->operands.n || variadic))
        return;
    pat_error(c->s, t->span, E_OPERAND_COUNT, "op '%s' has %u operand%s, %u given", op->name, op->operands.n, op->operands.n == 1 ? "" : "s",
              t->operands.n);
    pat_note(c->s, op->name_span, "declared here");
}

/* On the left an attribute without default is mentioned, or ignored in so many words. */
static void check_mentioned(checker *c, const pat_term *t, const pat_op *op)
{
    for (uint32_t i = 0; i < op->attrs.n; i++) {
        const pat_attr *a = op->attrs.at[i];
        bool given = a->dflt != NULL;
        for (uint32_t j = 0; j < t->attrs.n; j++)
            given |= t->attrs.at[j]->name == a->name;
        if (given)
            continue;
        pat_error(c->s, t->span, E_ATTR_MISSING, "attribute '%s' of '%s' is not given and has no default", a->name, op->name);
        if (c->left)
            pat_hint(c->s, "write '%s' to capture it, or '%s = _' to ignore it", a->name, a->name);
    }
}

static void check_pattern_use(checker *c, const pat_term *t, pat_pattern *q)
{
    q->used = true;
    if (!c->left)
        pat_error(c->s, t->span, E_PATTERN_RIGHT, "pattern '%s' cannot stand on the right of a rule", q->name);
    if (t->operands.n != q->params.n)
        pat_error(c->s, t->span, E_OPERAND_COUNT, "pattern '%s' has %u parameters, %u given", q->name, q->params.n, t->operands.n);
    for (uint32_t i = 0; i < t->attrs.n; i++) {
        pat_arg *a = t->attrs.at[i];
        if (!a->name && i < q->attrs.n) {
            a->name = q->attrs.at[i]->name;
            if (a->value->kind == PE_NAME)
                for (uint32_t j = 0; j < q->attrs.n; j++)
                    if (q->attrs.at[j]->name == a->value->name)
                        a->name = a->value->name;
        }
        bool known = false;
        for (uint32_t j = 0; j < q->attrs.n; j++)
            known |= q->attrs.at[j]->name == a->name;
        if (!known)
            pat_error(c->s, a->span, E_UNKNOWN_ATTR, "pattern '%s' has no attribute '%s'", q->name, a->name ? a->name : "that is not named");
    }
}

static void capture_attrs(checker *c, const pat_term *t)
{
    for (uint32_t i = 0; i < t->attrs.n; i++)
        if (t->attrs.at[i]->value->kind == PE_NAME && c->left)
            PAT_PUSH(c->s->arena, c->b->attrs, t->attrs.at[i]->value->name);
}

static void check_apply(checker *c, pat_term *t)
{
    pat_pattern *q = pat_find_pattern(c->p, t->name);
    pat_op *op = q ? NULL : pat_find_op(c->p, t->name);
    for (uint32_t i = 0; i < t->operands.n; i++)
        check_term(c, t->operands.at[i]);
    if (!q && !op) {
        pat_unknown_op(c->s, c->p, t->name_span, t->name, c->left);
        return;
    }
    if (q)
        check_pattern_use(c, t, q);
    else {
        op->used = true;
        check_operand_count(c, t, op);
        if (pat_resolve_attrs(c->s, t, op))
            check_mentioned(c, t, op);
    }
    capture_attrs(c, t);
}

static void check_annotation(checker *c, const pat_type *type)
{
    if (!type)
        return;
    if (!pat_dtype_number(type->dtype) && !pat_is_dtype_var(c->p, type->dtype))
        pat_error(c->s, type->dtype_span, E_UNKNOWN_DTYPE, "unknown dtype '%s'", type->dtype);
    unsigned ranks = 0;
    for (uint32_t i = 0; i < type->elems.n; i++)
        ranks += type->elems.at[i]->kind == PE_RANK;
    if (ranks > 1)
        pat_error(c->s, type->span, E_RANK_TWICE, "a type has at most one rank variable");
    if (!c->left)
        pat_error(c->s, type->span, E_TYPE_RIGHT, "types are given on the left of a rule");
}

static void check_term(checker *c, pat_term *t)
{
    check_annotation(c, t->type);
    switch (t->kind) {
    case PT_NAME:
        if (c->left)
            note(c->s, c->b, t->name);
        else if (!has(c->b->values.at, c->b->values.n, t->name))
            pat_error(c->s, t->span, E_FREE_VALUE, "'%s' is not bound by the match", t->name);
        break;
    case PT_CONST:
        PAT_PUSH(c->s->arena, c->b->attrs, t->name);
        /* fall through */
    case PT_NUMBER:
    case PT_WILD:
        if (!c->left)
            pat_error(c->s, t->span, E_LEFT_ONLY, "this can stand only on the left of a rule");
        break;
    case PT_SPLICE:
        pat_error(c->s, t->span, E_SPLICE, "'%s...' can stand only in a vocabulary", t->name);
        break;
    case PT_NONE:
        break;
    case PT_APPLY:
        check_apply(c, t);
    }
}

/* Number of results, 0 when the term is not known. */
static uint32_t result_count(const checker *c, const pat_term *t, bool *any)
{
    *any = false;
    if (t->kind != PT_APPLY || pat_find_pattern(c->p, t->name))
        return 1;
    pat_op *op = pat_find_op(c->p, t->name);
    *any = op && op->variadic_results;
    return op ? op->results.n : 0;
}

static void check_results(checker *c, const pat_stmt *st)
{
    bool any;
    uint32_t n = result_count(c, st->value, &any);
    if (n && !any && st->results.n != n)
        pat_error(c->s, st->span, E_RESULT_COUNT, "'%s' has %u result%s, %u name%s given", st->value->name ? st->value->name : "this", n,
                  n == 1 ? "" : "s", st->results.n, st->results.n == 1 ? "" : "s");
    for (uint32_t i = 0; i < st->results.n; i++) {
        const pat_term *r = st->results.at[i];
        if (r->kind != PT_NAME && r->kind != PT_WILD)
            pat_error(c->s, r->span, E_RESULT_TERM, "a result is a name or '_'");
        check_annotation(c, r->type);
    }
}

/* Statements of a left side; every result is a new name. */
static void check_left(checker *c, pat_stmts *stmts)
{
    for (uint32_t i = 0; i < stmts->n; i++) {
        pat_stmt *st = stmts->at[i];
        if (!st->results.n)
            pat_error(c->s, st->span, E_STMT_NAME, "the value of this statement needs a name: name = ...");
        if (st->value->kind != PT_APPLY)
            pat_error(c->s, st->value->span, E_STMT_TERM, "a statement of the match applies an op or a pattern");
        check_term(c, st->value);
        check_results(c, st);
        for (uint32_t r = 0; r < st->results.n; r++) {
            const pat_term *t = st->results.at[r];
            if (t->kind != PT_NAME)
                continue;
            if (has(c->b->values.at, c->b->values.n, t->name)) {
                pat_error(c->s, t->span, E_BOUND_LATE, "'%s' is bound or read before this statement defines it", t->name);
                pat_hint(c->s, "order statements so that a value is defined before it is used");
            }
            note(c->s, c->b, t->name);
        }
    }
}

static bool calls(const pat_program *p, const pat_term *t, const pat_pattern *goal, unsigned depth);

static bool pattern_calls(const pat_program *p, const pat_pattern *q, const pat_pattern *goal, unsigned depth)
{
    for (uint32_t i = 0; i < q->alts.n; i++) {
        for (uint32_t j = 0; j < q->alts.at[i]->stmts.n; j++)
            if (calls(p, q->alts.at[i]->stmts.at[j]->value, goal, depth))
                return true;
        if (calls(p, q->alts.at[i]->value, goal, depth))
            return true;
    }
    return false;
}

static bool calls(const pat_program *p, const pat_term *t, const pat_pattern *goal, unsigned depth)
{
    if (t->kind != PT_APPLY || depth > 32)
        return depth > 32;
    for (uint32_t i = 0; i < t->operands.n; i++)
        if (calls(p, t->operands.at[i], goal, depth))
            return true;
    const pat_pattern *q = pat_find_pattern(p, t->name);
    return q && (q == goal || pattern_calls(p, q, goal, depth + 1));
}

void pat_check_pattern(pat_session *s, const pat_program *p, pat_pattern *pattern)
{
    if (pattern_calls(p, pattern, pattern, 0)) {
        pat_error(s, pattern->name_span, E_PATTERN_LOOP, "pattern '%s' contains itself", pattern->name);
        return;
    }
    for (uint32_t i = 0; i < pattern->params.n; i++)
        if (pattern->params.at[i]->kind != PT_NAME)
            pat_error(s, pattern->params.at[i]->span, E_PARAM_NAME, "a parameter is a name");
    for (uint32_t i = 0; i < pattern->alts.n; i++) {
        bound b = {0};
        checker c = {s, p, &b, true};
        pat_alt *a = pattern->alts.at[i];
        for (uint32_t j = 0; j < pattern->params.n; j++) {
            note(s, &b, pattern->params.at[j]->name);
            check_annotation(&c, pattern->params.at[j]->type);
        }
        check_left(&c, &a->stmts);
        check_term(&c, a->value);
        for (uint32_t j = 0; j < pattern->attrs.n; j++)
            if (!has(b.attrs.at, b.attrs.n, pattern->attrs.at[j]->name))
                pat_error(s, a->span, E_ALT_ATTR, "this alternative does not bind '%s'", pattern->attrs.at[j]->name);
    }
}

static bool defines(const pat_stmts *stmts, pat_name name)
{
    for (uint32_t i = 0; i < stmts->n; i++)
        for (uint32_t j = 0; j < stmts->at[i]->results.n; j++)
            if (stmts->at[i]->results.at[j]->name == name)
                return true;
    return false;
}

static void check_right(checker *c, pat_rule *rule)
{
    bound defined = {0};
    c->left = false;
    for (uint32_t i = 0; i < rule->replace.n; i++) {
        pat_stmt *st = rule->replace.at[i];
        if (!st->results.n)
            pat_error(c->s, st->span, E_STMT_NAME, "the value of this statement needs a name: name = ...");
        check_term(c, st->value);
        check_results(c, st);
        for (uint32_t r = 0; r < st->results.n; r++) {
            pat_name name = st->results.at[r]->name;
            if (!name)
                continue;
            if (has(defined.values.at, defined.values.n, name))
                pat_error(c->s, st->results.at[r]->span, E_DEFINED_TWICE, "'%s' is defined twice", name);
            else if (has(c->b->values.at, c->b->values.n, name) && !defines(&rule->match, name))
                pat_error(c->s, st->results.at[r]->span, E_INPUT_REPLACED, "'%s' is an input of the match and cannot be replaced", name);
            note(c->s, &defined, name);
            note(c->s, c->b, name);
        }
    }
    for (uint32_t i = 0; i < rule->yield.n; i++)
        if (!defines(&rule->replace, rule->yield.at[i]->name))
            pat_error(c->s, rule->yield.at[i]->span, E_YIELD_UNDEFINED, "the right side does not define the yielded '%s'", rule->yield.at[i]->name);
}

void pat_check_rule(pat_session *s, const pat_program *p, pat_rule *rule)
{
    bound b = {0};
    checker c = {s, p, &b, true};
    rule->phase = rule->phase_name ? pat_find_phase(p, rule->phase_name) : p->phases.n ? p->phases.at[0] : NULL;
    if (!rule->phase) {
        pat_error(s, rule->phase_name ? rule->phase_span : rule->name_span, E_PHASE, rule->phase_name ? "unknown phase '%s'" : "no phase is declared for rule '%s'",
                  rule->phase_name ? rule->phase_name : rule->name);
    }
    check_left(&c, &rule->match);
    if (!rule->match.n)
        pat_error(s, rule->name_span, E_EMPTY_MATCH, "the match of rule '%s' is empty", rule->name);
    bool yields = false;
    for (uint32_t i = 0; i < rule->yield.n; i++)
        if (!defines(&rule->match, rule->yield.at[i]->name))
            pat_error(s, rule->yield.at[i]->span, E_YIELD_NO_RESULT, "'%s' is not a result of the match", rule->yield.at[i]->name);
    check_right(&c, rule);
    for (uint32_t i = 0; i < rule->replace.n; i++)
        for (uint32_t j = 0; j < rule->replace.at[i]->results.n; j++)
            yields |= rule->replace.at[i]->results.at[j]->name && defines(&rule->match, rule->replace.at[i]->results.at[j]->name);
    if (!yields)
        pat_error(s, rule->name_span, E_NOTHING_REPLACED, "the right side of rule '%s' replaces no result of the match", rule->name);
}
