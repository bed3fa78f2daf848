/* Conditions that cannot hold, or cannot fail: of ops, kernels, gates and rules. */
#include <string.h>

#include "predicate.h"
#include "prover.h"
#include "whole.h"

/* --------------------------------------------------------- what names are -- */

typedef struct reading {
    pat_session *s;
    const pat_program *p;
    const pat_op *op;        /* of its signature */
    x_variant *rule;         /* or of a rule's left side; NULL both: of a gate */
} reading;

static bool is_number(p_var *var, int64_t lo, int64_t hi)
{
    var->free = true;
    var->lo = lo;
    var->hi = hi;
    return true;
}

static bool is_word(p_var *var, const pat_name *words, uint32_t n)
{
    var->words = words;
    var->n_words = n;
    return n && is_number(var, 0, (int64_t)n - 1);
}

static bool is_dtype(pat_session *s, p_var *var, uint32_t set)
{
    pat_name *words = pat_alloc(s->arena, (size_t)__builtin_popcount(set) * sizeof *words);
    uint32_t n = 0;
    for (int i = 1; i < 32; i++)
        if (set >> i & 1) {
            const char *name = pat_dtype_name(i);
            words[n++] = pat_intern(s, name, strlen(name));
        }
    return is_word(var, words, n);
}

static bool is_attr(const reading *r, const pat_attr *a, p_var *var)
{
    if (!a->kind) {
        pat_name *words = pat_alloc(r->s->arena, (a->words.n + 1) * sizeof *words);
        for (uint32_t i = 0; i < a->words.n; i++)
            words[i] = a->words.at[i]->name;
        return is_word(var, words, a->words.n);
    }
    if (!strcmp(a->kind, "dtype"))
        return is_dtype(r->s, var, t_declared_set(r->p, a->kind));
    if (!strcmp(a->kind, "bool"))
        return is_number(var, 0, 1);
    return (!strcmp(a->kind, "int") || !strcmp(a->kind, "axis")) && is_number(var, L_LEAST, L_MOST);
}

static bool is_run(pat_name name, p_var *var)
{
    return pat_is_graph_name(name) && is_number(var, !strcmp(name, "world"), L_MOST);
}

static bool name_of_signature(const reading *r, pat_name name, p_var *var)
{
    const pat_attr *a = pat_find_attr(r->op, name);
    for (uint32_t i = 0; i < r->op->operands.n; i++) {
        const pat_type *t = r->op->operands.at[i]->type;
        for (uint32_t k = 0; k < t->elems.n; k++)
            if (t->elems.at[k]->kind == PE_NAME && t->elems.at[k]->name == name)
                return is_number(var, 0, L_MOST);
    }
    return a ? is_attr(r, a, var) : is_run(name, var);
}

static bool is_dim_of_type(const x_type *t, const x_scope *scope, pat_name name)
{
    for (uint32_t i = 0; t->scope == scope && i < t->type->elems.n; i++)
        if (t->type->elems.at[i]->kind == PE_NAME && t->type->elems.at[i]->name == name)
            return true;
    return false;
}

/* Dims are those of annotations, attributes those that are captured by their own op. */
static bool name_of_rule(const reading *r, pat_name name, p_var *var)
{
    const x_variant *v = r->rule;
    for (uint32_t i = 0; i < v->vals.n; i++)
        for (uint32_t k = 0; k < v->vals.at[i]->types.n; k++)
            if (is_dim_of_type(v->vals.at[i]->types.at[k], v->scope, name))
                return is_number(var, 0, L_MOST);
    for (uint32_t i = 0; i < v->nodes.n; i++)
        for (uint32_t k = 0; k < v->nodes.at[i]->attrs.n; k++) {
            const x_attr *a = v->nodes.at[i]->attrs.at[k];
            if (a->scope == v->scope && a->value && a->value->kind == PE_NAME && a->value->name == name)
                return is_attr(r, a->attr, var);
        }
    return false;
}

static bool name_of_gate(const reading *r, pat_name name, p_var *var)
{
    const pat_option *o = pat_find_option(r->p, name);
    if (!strcmp(name, "on") || !strcmp(name, "off"))
        return is_number(var, name[1] == 'n', name[1] == 'n');
    return o ? is_number(var, o->is_int ? L_LEAST : 0, o->is_int ? L_MOST : 1) : is_run(name, var);
}

/* Operands of one dtype variable have one dtype: the first of them speaks for it. */
static bool dtype_of_operand(const reading *r, pat_name operand, p_var *var)
{
    const pat_op *op = r->op;
    uint32_t i = 0, first = 0;
    while (i < op->operands.n && op->operands.at[i]->name != operand)
        i++;
    if (i == op->operands.n)
        return false;
    while (op->operands.at[first]->type->dtype != op->operands.at[i]->type->dtype)
        first++;
    const char *parts[] = {"dtype(", op->operands.at[first]->name, ")"};
    char text[128] = "";
    for (int k = 0; k < 3; k++)
        strncat(text, parts[k], sizeof text - strlen(text) - 1);
    var->name = pat_intern(r->s, text, strlen(text));
    return is_dtype(r->s, var, t_declared_set(r->p, op->operands.at[i]->type->dtype));
}

/* What follows from operands is not negative, and not free. */
static bool call_of_signature(const reading *r, const pat_expr *e, p_var *var)
{
    static const char *const sizes[] = {"rank", "numel", "bytes", "size", "cut"};
    if (!strcmp(e->name, "dtype") && e->args.n == 1 && e->args.at[0]->kind == PE_NAME)
        return dtype_of_operand(r, e->args.at[0]->name, var);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (!strcmp(sizes[i], e->name)) {
            char key[128];
            pat_print_key(key, sizeof key, e);
            *var = (p_var){.name = pat_intern(r->s, key, strlen(key)), .hi = L_MOST};
            return strlen(key) + 1 < sizeof key;
        }
    return false;
}

static bool describe(void *of, const pat_expr *e, p_var *var)
{
    const reading *r = of;
    if (e->kind == PE_CALL)
        return r->op && call_of_signature(r, e, var);
    var->name = e->name;
    if (r->op)
        return name_of_signature(r, e->name, var);
    return r->rule ? name_of_rule(r, e->name, var) : name_of_gate(r, e->name, var);
}

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
    reading r = {s, p, op, NULL};
    p_set none = p_open(s, describe, &r);
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
    reading r = {w->s, w->p, NULL, NULL};
    p_set known = p_open(w->s, describe, &r);
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
    reading r = {w->s, w->p, NULL, NULL};
    p_set both = p_open(w->s, describe, &r);
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
    reading r = {s, p, NULL, NULL};
    p_set none = p_open(s, describe, &r);
    pat_exprs gate = split_all(s, rule->gate), enabled = {0};
    options_of(s, p, &rule, 1, &enabled);
    if (check_possible(&none, &enabled, &gate) && !rule->family_of)
        warn_always(&none, &(pat_exprs){0}, &gate);
}

/* What never holds in a rule is the prover's to tell. An instance of a family may well be told what it knows. */
static void check_where(pat_session *s, const pat_program *p, const w_case *c)
{
    reading r = {s, p, NULL, c->v};
    p_set none = p_open(s, describe, &r);
    pat_exprs where = split_all(s, c->rule->where);
    if (!c->rule->family_of)
        warn_always(&none, &(pat_exprs){0}, &where);
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
