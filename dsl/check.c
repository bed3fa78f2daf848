/* Drives the checker over a program, and checks kernels and vocabularies. */
#include "checker.h"
#include "instance.h"

#include <string.h>

bool pat_listed(const pat_names *names, pat_name name)
{
    for (uint32_t i = 0; i < names->n; i++)
        if (names->at[i] == name)
            return true;
    return false;
}

void pat_suggest(pat_session *s, const char *name, const char *const *names, uint32_t n)
{
    const char *near = pat_hints(s) ? pat_nearest(name, names, n) : NULL;
    if (near)
        pat_hint(s, "did you mean '%s'?", near);
}

/* --------------------------------------------------------------- kernels -- */

static bool is_target(const char *name)
{
    return !strcmp(name, "ref") || !strcmp(name, "cpu") || !strcmp(name, "hip");
}

static void check_kernel(pat_session *s, const pat_program *p, pat_kernel *k)
{
    k->op = pat_find_op(p, k->name);
    if (!k->op) {
        pat_unknown_op(s, p, k->name_span, k->name, false);
        return;
    }
    for (uint32_t i = 0; i < k->rows.n; i++) {
        pat_kernel_row *r = k->rows.at[i];
        r->when = pat_read_dtypes(s, k->op, r->when);
        r->supports = pat_read_dtypes(s, k->op, r->supports);
        if (!is_target(r->target)) {
            pat_error(s, r->span, E_TARGET, "unknown target '%s'", r->target);
            pat_hint(s, "targets are ref, cpu and hip");
        }
        for (uint32_t j = 0; j < i; j++)
            if (k->rows.at[j]->target == r->target && k->rows.at[j]->variant == r->variant) {
                pat_error(s, r->span, E_KERNEL_TWICE, "this kernel is declared twice");
                pat_note(s, k->rows.at[j]->span, "the first one is here");
                break;
            }
        if (r->when)
            pat_check_condition(s, k->op, r->when);
        if (r->supports)
            pat_check_condition(s, k->op, r->supports);
        if (r->workspace)
            pat_check_bytes(s, k->op, r->workspace);
    }
}

/* ---------------------------------------------------------- vocabularies -- */

static bool is_param(const pat_vocab_entry *e, pat_name name)
{
    for (uint32_t i = 0; i < e->params.n; i++)
        if (e->params.at[i]->name == name)
            return true;
    return false;
}

static void not_a_param(pat_session *s, const pat_vocab_entry *e, pat_span span, pat_name name)
{
    pat_names names = {0};
    for (uint32_t i = 0; i < e->params.n; i++)
        PAT_PUSH(s->arena, names, e->params.at[i]->name);
    pat_error(s, span, E_ENTRY_PARAM, "'%s' is not a parameter of \"%s\"", name, e->foreign);
    pat_suggest(s, name, names.at, names.n);
}

static bool is_literal(const pat_expr *e)
{
    const pat_expr *v = e->kind == PE_NEG ? e->args.at[0] : e;
    if (e->kind == PE_LIST) {
        for (uint32_t i = 0; i < e->args.n; i++)
            if (!is_literal(e->args.at[i]) || e->args.at[i]->kind == PE_LIST)
                return false;
        return true;
    }
    return v->kind == PE_INT || v->kind == PE_FLOAT || (v == e && (e->kind <= PE_NAME));
}

static void check_params(pat_session *s, const pat_vocab_entry *e)
{
    for (uint32_t i = 0; i < e->params.n; i++) {
        const pat_param *a = e->params.at[i];
        for (uint32_t j = 0; j < i; j++)
            if (e->params.at[j]->name == a->name)
                pat_error(s, a->span, E_MEMBER_TWICE, "parameter '%s' is declared twice", a->name);
        if (a->dflt && !is_literal(a->dflt))
            pat_error(s, a->dflt->span, E_ENTRY_VALUE, "the default of a parameter is a literal");
    }
}

static void check_guards(pat_session *s, const pat_vocab_entry *e)
{
    for (uint32_t i = 0; i < e->where.n; i++) {
        const pat_expr *c = e->where.at[i];
        if (c->kind != PE_EQ || c->args.at[0]->kind != PE_NAME || !is_literal(c->args.at[1]))
            pat_error(s, c->span, E_ENTRY_WHERE,
                      "a condition here compares a parameter with a literal: name == value");
        else if (!is_param(e, c->args.at[0]->name))
            not_a_param(s, e, c->args.at[0]->span, c->args.at[0]->name);
    }
}

static void check_entry_operands(pat_session *s, const pat_vocab_entry *e)
{
    pat_check_operand_count(s, e->target, e->op, E_ENTRY_OPERANDS);
    for (uint32_t i = 0; i < e->target->operands.n; i++) {
        const pat_term *t = e->target->operands.at[i];
        bool name = (t->kind == PT_NAME && !t->type) || t->kind == PT_SPLICE;
        if (name && !is_param(e, t->name))
            not_a_param(s, e, t->span, t->name);
        else if (!name && t->kind != PT_NUMBER && t->kind != PT_NONE)
            pat_error(s, t->span, E_ENTRY_TERM, "an operand here is a parameter, a number or 'none'");
    }
}

static void check_entry_attrs(pat_session *s, const pat_vocab_entry *e)
{
    if (!pat_resolve_attrs(s, e->target, e->op))
        return;
    for (uint32_t i = 0; i < e->target->attrs.n; i++) {
        const pat_arg *a = e->target->attrs.at[i];
        bool param = a->value->kind == PE_NAME && is_param(e, a->value->name);
        if (!param && !pat_literal_fits(pat_find_attr(e->op, a->name), a->value))
            pat_error(s, a->value->span, E_ENTRY_VALUE,
                      "this is neither a parameter nor a value for attribute '%s'", a->name);
    }
    for (uint32_t i = 0; i < e->op->attrs.n; i++)
        if (!e->op->attrs.at[i]->dflt && !pat_has_arg(e->target, e->op->attrs.at[i]->name))
            pat_error(s, e->target->span, E_ENTRY_ATTR,
                      "attribute '%s' of '%s' has no default and is not given", e->op->attrs.at[i]->name,
                      e->op->name);
}

static void check_entry(pat_session *s, const pat_program *p, pat_vocab_entry *e)
{
    check_params(s, e);
    check_guards(s, e);
    if (!e->target)
        return;
    e->op = pat_find_op(p, e->target->name);
    if (!e->op) {
        pat_unknown_op(s, p, e->target->name_span, e->target->name, false);
        return;
    }
    e->op->used = e->op->imported = true;
    if (e->target->rest.end)
        pat_error(s, e->target->rest, E_REST_PLACE, "an entry names the attributes that it gives");
    check_entry_operands(s, e);
    check_entry_attrs(s, e);
}

/* An earlier entry of the same name, version and parameters that has no condition is always taken first. */
static void check_reached(pat_session *s, const pat_vocab_entry *e)
{
    for (const pat_vocab_entry *f = e->before; f; f = f->before) {
        if (f->since != e->since || f->where.n || f->params.n != e->params.n)
            continue;
        pat_error(s, e->span, E_ENTRY_TWICE, "an earlier entry for \"%s\" is always taken before this one",
                  e->foreign);
        pat_note(s, f->span, "it is here");
        return;
    }
}

static void check_vocab(pat_session *s, const pat_program *p, const pat_vocab *v)
{
    pat_map lasts = {0}; /* to the place of the last entry of a foreign name */
    for (uint32_t i = 0; i < v->entries.n; i++) {
        pat_vocab_entry *e = v->entries.at[i], **last = pat_map_get(&lasts, e->foreign);
        if (!last) {
            last = pat_alloc(s->arena, sizeof *last);
            pat_map_add(s->arena, &lasts, e->foreign, last);
        }
        e->before = *last;
        *last = e;
        check_entry(s, p, e);
        check_reached(s, e);
    }
}

/* ------------------------------------------------------------- the whole -- */

/* Reports the second of two declarations of one name. */
#define NO_TWICE(list, what, place)                                                                          \
    seen = (pat_map){0};                                                                                     \
    for (uint32_t i = 0; i < p->list.n; i++) {                                                               \
        const pat_span *first = pat_map_add(s->arena, &seen, p->list.at[i]->name, &p->list.at[i]->place);    \
        if (first) {                                                                                         \
            pat_error(s, p->list.at[i]->place, E_TWICE, what " '%s' is declared twice", p->list.at[i]->name);\
            pat_note(s, *first, "the first one is here");                                                    \
        }                                                                                                    \
    }

/* The last statement of a block is the term that stands for the result of the alternative. */
static void split_alternative(pat_session *s, pat_alt *a)
{
    if (a->value)
        return;
    if (a->stmts.n && !a->stmts.at[a->stmts.n - 1]->results.n) {
        a->value = a->stmts.at[--a->stmts.n]->value;
        return;
    }
    pat_error(s, a->span, E_NO_RESULT_TERM, "an alternative ends with the term that stands for its result");
    a->value = pat_alloc(s->arena, sizeof *a->value);
    *a->value = (pat_term){.kind = PT_WILD, .span = a->span};
}

static void check_duplicates(pat_session *s, const pat_program *p)
{
    pat_map seen;
    NO_TWICE(enums, "enum", name_span)
    NO_TWICE(options, "option", name_span)
    NO_TWICE(ops, "op", name_span)
    NO_TWICE(conditions, "condition", name_span)
    NO_TWICE(patterns, "pattern", name_span)
    NO_TWICE(rules, "rule", name_span)
    NO_TWICE(kernels, "kernel of", name_span)
    NO_TWICE(phases, "phase", span)
    for (uint32_t i = 0; i < p->patterns.n; i++)
        if (pat_find_op(p, p->patterns.at[i]->name))
            pat_error(s, p->patterns.at[i]->name_span, E_PATTERN_IS_OP, "pattern '%s' has the name of an op",
                      p->patterns.at[i]->name);
}

static void number_ops(pat_program *p)
{
    for (uint32_t i = 0; i < p->ops.n; i++)
        p->ops.at[i]->id = i + 1;
}

static void number(pat_program *p)
{
    for (uint32_t i = 0; i < p->phases.n; i++)
        p->phases.at[i]->id = i;
    for (uint32_t i = 0; i < p->patterns.n; i++)
        p->patterns.at[i]->id = i;
    for (uint32_t i = 0; i < p->rules.n; i++)
        p->rules.at[i]->id = i;
}

static void check_patterns(pat_session *s, const pat_program *p)
{
    for (uint32_t i = 0; i < p->patterns.n; i++)
        for (uint32_t j = 0; j < p->patterns.at[i]->alts.n; j++)
            split_alternative(s, p->patterns.at[i]->alts.at[j]);
    pat_check_recursion(s, p);
    for (uint32_t i = 0; i < p->patterns.n; i++)
        pat_check_pattern(s, p, p->patterns.at[i]);
}

/* A file that the command names and no other uses: what it declares is not for others. */
static bool is_private(const pat_session *s, pat_span at)
{
    const pat_file *f = s->files.at[at.file];
    if (f->used_at.file < s->files.n)
        return false;
    for (uint32_t i = 0; i < s->files.n; i++)
        for (uint32_t k = 0; k < s->files.at[i]->uses.n; k++)
            if (s->files.at[i]->uses.at[k] == f)
                return false;
    return true;
}

static void warn_unwanted_rows(pat_session *s, const pat_kernel *k)
{
    for (uint32_t i = 0; i < k->rows.n && k->op->made && !k->op->imported; i++) {
        if (k->rows.at[i]->reached)
            continue;
        pat_warn(s, k->rows.at[i]->span, E_ROW_UNWANTED, "no rule that makes '%s' lets through what this row is for", k->name);
        pat_note(s, k->op->name_span, "no vocabulary makes it either");
    }
}

/* Who only declares may leave the rest to others: what could read a kind of thing must be there. */
static void warn_unused(pat_session *s, const pat_program *p)
{
#define WARN_UNUSED(list, readers, unused, code, what)                                                       \
    for (uint32_t i = 0; i < p->list.n && (readers); i++)                                                    \
        if ((unused) && is_private(s, p->list.at[i]->name_span))                                             \
            pat_warn(s, p->list.at[i]->name_span, code, what " '%s' is not used", p->list.at[i]->name);
    if (s->n_errors)
        return;
    bool rules = p->rules.n, graphs = p->vocabs.n, whole = rules && graphs && p->kernels.n;
    WARN_UNUSED(patterns, rules, !p->patterns.at[i]->used, E_UNUSED_PATTERN, "pattern")
    WARN_UNUSED(conditions, p->kernels.n || rules, !p->conditions.at[i]->used, E_UNUSED_CONDITION, "condition")
    WARN_UNUSED(enums, p->ops.n, !p->enums.at[i]->used, E_UNUSED_ENUM, "enum")
    WARN_UNUSED(options, rules, !p->options.at[i]->used && !p->options.at[i]->requires.n && !p->options.at[i]->excludes.n,
                E_UNUSED_OPTION, "option")
    WARN_UNUSED(ops, whole, !p->ops.at[i]->used && !pat_map_get(&p->by_name.kernels, p->ops.at[i]->name), E_UNUSED_OP, "op")
    WARN_UNUSED(kernels, rules && graphs, p->kernels.at[i]->op && !p->kernels.at[i]->op->used, E_UNUSED_KERNEL, "kernel of")
#undef WARN_UNUSED
    for (uint32_t i = 0; i < p->kernels.n; i++)
        if (is_private(s, p->kernels.at[i]->name_span))
            warn_unwanted_rows(s, p->kernels.at[i]);
}

bool pat_check(pat_session *s, pat_program *p)
{
    pat_write_out_conditions(s, p);
    number_ops(p);
    pat_spread_attrs(s, p);
    pat_expand_families(s, p);
    pat_write_out_rests(s, p);
    number(p);
    check_duplicates(s, p);
    pat_check_dtypes(s, p);
    pat_check_enums(s, p);
    pat_check_options(s, p);
    for (uint32_t i = 0; i < p->ops.n; i++)
        pat_check_op(s, p, p->ops.at[i]);
    for (uint32_t i = 0; i < p->kernels.n; i++)
        check_kernel(s, p, p->kernels.at[i]);
    for (uint32_t i = 0; i < p->vocabs.n; i++)
        check_vocab(s, p, p->vocabs.at[i]);
    check_patterns(s, p);
    bool provable = !s->n_errors;
    for (uint32_t i = 0; i < p->rules.n; i++) {
        unsigned before = s->n_errors;
        pat_within(s, p->rules.at[i]);
        pat_check_rule(s, p, p->rules.at[i]);
        if (provable && s->n_errors == before)
            pat_prove_rule(s, p, p->rules.at[i]);
    }
    pat_within(s, NULL);
    warn_unused(s, p);
    if (!s->n_errors) /* their values are checked like the rest */
        pat_make_instances(s, p, &(pat_instances){0});
    if (!s->n_errors)
        pat_check_whole(s, p);
    return !s->n_errors;
}
