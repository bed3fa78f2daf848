/* Checks declarations: names, signatures, kernels, vocabularies, phases. */
#include "check.h"

#include <string.h>

#include "sld_abi.h"

/* ORDER: sld_dtype */
static const char *const dtypes[SLD_DTYPE_COUNT] = {
    "none", "bool", "u8", "i8", "i32", "i64", "f8e4m3fn", "f8e4m3fnuz", "f16", "bf16", "f32", "f64",
};

int pat_dtype_number(const char *name)
{
    for (int i = 1; i < SLD_DTYPE_COUNT; i++)
        if (!strcmp(dtypes[i], name))
            return i;
    return 0;
}

bool pat_is_dtype_var(const pat_program *p, pat_name name)
{
    for (uint32_t i = 0; i < p->dtypes.n; i++)
        for (uint32_t j = 0; j < p->dtypes.at[i]->names.n; j++)
            if (p->dtypes.at[i]->names.at[j]->name == name)
                return true;
    return false;
}

pat_attr *pat_find_attr(const pat_op *op, pat_name name)
{
    for (uint32_t i = 0; i < op->attrs.n; i++)
        if (op->attrs.at[i]->name == name)
            return op->attrs.at[i];
    return NULL;
}

void pat_unknown_op(pat_session *s, const pat_program *p, pat_span span, pat_name name, bool patterns_too)
{
    PAT_LIST(const char) names = {0};
    for (uint32_t i = 0; i < p->ops.n; i++)
        PAT_PUSH(s->arena, names, p->ops.at[i]->name);
    for (uint32_t i = 0; patterns_too && i < p->patterns.n; i++)
        PAT_PUSH(s->arena, names, p->patterns.at[i]->name);
    const char *near = pat_nearest(name, names.at, names.n);
    pat_error(s, span, E_UNKNOWN_OP, "unknown op%s '%s'", patterns_too ? " or pattern" : "", name);
    if (near)
        pat_hint(s, "did you mean '%s'?", near);
}

/* ---------------------------------------------------------------- dtypes -- */

static void check_dtypes(pat_session *s, pat_program *p)
{
    for (uint32_t i = 0; i < p->dtypes.n; i++) {
        pat_dtype_decl *d = p->dtypes.at[i];
        if (d->value->kind == PE_NAME && !strcmp(d->value->name, "any")) {
            d->set = (1u << SLD_DTYPE_COUNT) - 2;
            continue;
        }
        if (d->value->kind != PE_SET || !d->value->args.n)
            pat_error(s, d->value->span, E_DTYPE_SET, "a dtype variable stands for 'any' or a set such as {f16, f32}");
        for (uint32_t j = 0; d->value->kind == PE_SET && j < d->value->args.n; j++) {
            const pat_expr *e = d->value->args.at[j];
            int t = e->kind == PE_NAME ? pat_dtype_number(e->name) : 0;
            if (!t) {
                pat_error(s, e->span, E_UNKNOWN_DTYPE, "unknown dtype");
                const char *near = e->kind == PE_NAME ? pat_nearest(e->name, dtypes + 1, SLD_DTYPE_COUNT - 1) : NULL;
                if (near)
                    pat_hint(s, "did you mean '%s'?", near);
            }
            d->set |= 1u << t;
        }
        d->set &= ~1u;
    }
}

/* ------------------------------------------------------------------- ops -- */

/* Names that operands and attributes of one op bind. */
typedef struct sig { PAT_LIST(const char) dims, ranks, dtypes; } sig;

static bool listed(const char *const *at, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (at[i] == name)
            return true;
    return false;
}

static void bind_type(pat_session *s, const pat_program *p, const pat_op *op, sig *g, const pat_type *t, bool result)
{
    const pat_attr *by_attr = result ? pat_find_attr(op, t->dtype) : NULL;
    if (!pat_dtype_number(t->dtype) && !pat_is_dtype_var(p, t->dtype) && !by_attr) {
        const char *near = pat_nearest(t->dtype, dtypes + 1, SLD_DTYPE_COUNT - 1);
        pat_error(s, t->dtype_span, E_UNKNOWN_DTYPE, "unknown dtype '%s'", t->dtype);
        if (near)
            pat_hint(s, "did you mean '%s'?", near);
    }
    if (!result)
        PAT_PUSH(s->arena, g->dtypes, t->dtype);
    else if (!pat_dtype_number(t->dtype) && !by_attr && pat_is_dtype_var(p, t->dtype) &&
             !listed(g->dtypes.at, g->dtypes.n, t->dtype))
        pat_error(s, t->dtype_span, E_FREE_DTYPE, "dtype '%s' of the result is not bound by an operand", t->dtype);
    unsigned ranks = 0;
    for (uint32_t i = 0; i < t->elems.n; i++) {
        const pat_expr *e = t->elems.at[i];
        ranks += e->kind == PE_RANK || e->kind == PE_WILD;
        if (e->kind == PE_RANK && !result)
            PAT_PUSH(s->arena, g->ranks, e->name);
        if (e->kind == PE_NAME && !result)
            PAT_PUSH(s->arena, g->dims, e->name);
    }
    if (ranks > 1)
        pat_error(s, t->span, E_RANK_TWICE, "a type has at most one rank variable");
}

static int function_number(const char *name)
{
    static const char *const names[] = {
#define X(id, n) #n,
        SLD_FN_LIST(X)
#undef X
    };
    for (int i = 0; i < SLD_FN_COUNT; i++)
        if (!strcmp(names[i], name))
            return i;
    return -1;
}

static bool is_operand(const pat_op *op, pat_name name)
{
    for (uint32_t i = 0; i < op->operands.n; i++)
        if (op->operands.at[i]->name == name)
            return true;
    return false;
}

/* Words of enum attributes stand free in conditions. */
static bool is_word(const pat_op *op, pat_name name)
{
    for (uint32_t i = 0; i < op->attrs.n; i++)
        for (uint32_t j = 0; j < op->attrs.at[i]->words.n; j++)
            if (op->attrs.at[i]->words.at[j]->name == name)
                return true;
    return false;
}

static void check_sig_expr(pat_session *s, const pat_op *op, const sig *g, const pat_expr *e)
{
    bool known = e->kind != PE_NAME || listed(g->dims.at, g->dims.n, e->name) || listed(g->ranks.at, g->ranks.n, e->name) ||
                 pat_find_attr(op, e->name) || is_operand(op, e->name) || is_word(op, e->name) || pat_dtype_number(e->name);
    if (!known)
        pat_error(s, e->span, E_FREE_NAME, "'%s' is not bound by an operand or attribute of '%s'", e->name, op->name);
    if (e->kind == PE_RANK && !listed(g->ranks.at, g->ranks.n, e->name))
        pat_error(s, e->span, E_FREE_NAME, "'*%s' is not bound by an operand of '%s'", e->name, op->name);
    if (e->kind == PE_CALL && function_number(e->name) < 0)
        pat_error(s, e->span, E_UNKNOWN_FUNCTION, "unknown shape function '%s'", e->name);
    if (e->kind == PE_STRING)
        pat_error(s, e->span, E_STRING_IN_SIGNATURE, "a string cannot stand in a signature");
    for (uint32_t i = 0; i < e->args.n; i++)
        check_sig_expr(s, op, g, e->args.at[i]);
}

static void check_attr_decl(pat_session *s, pat_attr *a)
{
    static const char *const kinds[] = {"int", "float", "bool", "string", "dtype", "axis", "ints", "axes"};
    bool known = !a->kind;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        known |= a->kind && !strcmp(kinds[i], a->kind);
    if (!known) {
        const char *near = pat_nearest(a->kind, kinds, 8);
        pat_error(s, a->span, E_ATTR_KIND, "unknown attribute kind '%s'", a->kind);
        if (near)
            pat_hint(s, "did you mean '%s'?", near);
        a->kind = pat_intern(s, "int", 3);
        a->dflt = NULL;
    }
    for (uint32_t i = 0; i < a->words.n; i++)
        if (a->words.at[i]->kind != PE_NAME)
            pat_error(s, a->words.at[i]->span, E_ENUM_WORD, "an enum holds words");
}

/* Whether a literal can be the value of an attribute. */
static bool literal_fits(const pat_attr *a, const pat_expr *e)
{
    const pat_expr *v = e->kind == PE_NEG ? e->args.at[0] : e;
    bool integer = v->kind == PE_INT;
    if (!a->kind) {
        for (uint32_t i = 0; i < a->words.n; i++)
            if (e->kind == PE_NAME && a->words.at[i]->name == e->name)
                return true;
        return false;
    }
    if (!strcmp(a->kind, "float"))
        return integer || v->kind == PE_FLOAT || (v->kind == PE_NAME && (!strcmp(v->name, "inf") || !strcmp(v->name, "nan")));
    if (!strcmp(a->kind, "bool"))
        return e->kind == PE_BOOL || (integer && (v->ival == 0 || v->ival == 1));
    if (!strcmp(a->kind, "string"))
        return e->kind == PE_STRING;
    if (!strcmp(a->kind, "dtype"))
        return e->kind == PE_NAME && pat_dtype_number(e->name);
    if (!strcmp(a->kind, "ints") || !strcmp(a->kind, "axes")) {
        bool ok = e->kind == PE_LIST;
        for (uint32_t i = 0; ok && i < e->args.n; i++)
            ok = e->args.at[i]->kind == PE_INT || (e->args.at[i]->kind == PE_NEG && e->args.at[i]->args.at[0]->kind == PE_INT);
        return ok;
    }
    return integer;
}

static void check_op(pat_session *s, const pat_program *p, pat_op *op)
{
    sig g = {0};
    for (uint32_t i = 0; i < op->operands.n; i++) {
        const pat_operand *o = op->operands.at[i];
        bind_type(s, p, op, &g, o->type, false);
        if (o->variadic && i + 1 < op->operands.n)
            pat_error(s, o->span, E_VARIADIC_PLACE, "only the last operand can be variadic");
        for (uint32_t j = 0; j < i; j++)
            if (op->operands.at[j]->name == o->name)
                pat_error(s, o->span, E_MEMBER_TWICE, "operand '%s' is declared twice", o->name);
    }
    for (uint32_t i = 0; i < op->attrs.n; i++) {
        check_attr_decl(s, op->attrs.at[i]);
        if (op->attrs.at[i]->dflt && !literal_fits(op->attrs.at[i], op->attrs.at[i]->dflt))
            pat_error(s, op->attrs.at[i]->dflt->span, E_DEFAULT, "this is no value for attribute '%s'", op->attrs.at[i]->name);
        for (uint32_t j = 0; j < i; j++)
            if (op->attrs.at[j]->name == op->attrs.at[i]->name)
                pat_error(s, op->attrs.at[i]->span, E_MEMBER_TWICE, "attribute '%s' is declared twice", op->attrs.at[i]->name);
    }
    for (uint32_t i = 0; i < op->results.n; i++) {
        bind_type(s, p, op, &g, op->results.at[i]->type, true);
        for (uint32_t j = 0; j < op->results.at[i]->type->elems.n; j++)
            check_sig_expr(s, op, &g, op->results.at[i]->type->elems.at[j]);
    }
    for (uint32_t i = 0; i < op->operands.n; i++)
        for (uint32_t j = 0; j < op->operands.at[i]->type->elems.n; j++)
            check_sig_expr(s, op, &g, op->operands.at[i]->type->elems.at[j]);
    for (uint32_t i = 0; i < op->where.n; i++)
        check_sig_expr(s, op, &g, op->where.at[i]);
    if (op->commutative && op->operands.n < 2)
        pat_error(s, op->name_span, E_COMMUTATIVE, "a commutative op has two operands");
    static const char *const contents[] = {
#define X(id, name) #name,
        SLD_CONTENTS_LIST(X)
#undef X
    };
    bool known = !op->contents;
    for (int i = 1; i < SLD_CONTENTS_COUNT; i++)
        known |= op->contents && !strcmp(contents[i], op->contents);
    if (!known)
        pat_error(s, op->span, E_CONTENTS, "unknown contents function '%s'", op->contents);
}

/* --------------------------------------------------- kernels, vocabularies -- */

static void check_kernel(pat_session *s, const pat_program *p, pat_kernel *k)
{
    k->op = pat_find_op(p, k->name);
    if (!k->op) {
        pat_unknown_op(s, p, k->name_span, k->name, false);
        return;
    }
    sig g = {0};
    for (uint32_t i = 0; i < k->op->operands.n; i++)
        bind_type(s, p, k->op, &g, k->op->operands.at[i]->type, false);
    for (uint32_t i = 0; i < k->rows.n; i++) {
        const pat_kernel_row *r = k->rows.at[i];
        if (strcmp(r->target, "ref") && strcmp(r->target, "cpu") && strcmp(r->target, "hip")) {
            pat_error(s, r->span, E_TARGET, "unknown target '%s'", r->target);
            pat_hint(s, "targets are ref, cpu and hip");
        }
        for (uint32_t j = 0; j < i; j++)
            if (k->rows.at[j]->target == r->target && k->rows.at[j]->variant == r->variant)
                pat_error(s, r->span, E_KERNEL_TWICE, "this kernel stands twice");
        if (r->when)
            check_sig_expr(s, k->op, &g, r->when);
    }
}

static bool is_param(const pat_vocab_entry *e, pat_name name)
{
    for (uint32_t i = 0; i < e->params.n; i++)
        if (e->params.at[i]->name == name)
            return true;
    return false;
}

static void check_entry_operands(pat_session *s, const pat_vocab_entry *e)
{
    const pat_op *op = e->op;
    bool variadic = op->operands.n && op->operands.at[op->operands.n - 1]->variadic;
    uint32_t least = 0;
    for (uint32_t i = 0; i < op->operands.n; i++)
        least += !op->operands.at[i]->optional && !op->operands.at[i]->variadic;
    if (e->target->operands.n < least || (e->target->operands.n > op->operands.n && !variadic))
        pat_error(s, e->target->span, E_ENTRY_OPERANDS, "op '%s' has %u operands, %u are given", op->name, op->operands.n, e->target->operands.n);
    for (uint32_t i = 0; i < e->target->operands.n; i++) {
        const pat_term *t = e->target->operands.at[i];
        if ((t->kind == PT_NAME || t->kind == PT_SPLICE) && !is_param(e, t->name))
            pat_error(s, t->span, E_ENTRY_PARAM, "'%s' is not a parameter of the foreign op", t->name);
        else if (t->kind != PT_NAME && t->kind != PT_SPLICE && t->kind != PT_NUMBER && t->kind != PT_NONE)
            pat_error(s, t->span, E_ENTRY_TERM, "an operand here is a parameter, a number or 'none'");
    }
}

static void check_entry(pat_session *s, const pat_program *p, pat_vocab_entry *e)
{
    for (uint32_t i = 0; i < e->where.n; i++) {
        const pat_expr *c = e->where.at[i];
        if (c->kind != PE_EQ || c->args.at[0]->kind != PE_NAME || !is_param(e, c->args.at[0]->name))
            pat_error(s, c->span, E_ENTRY_WHERE, "a condition here compares a parameter with a literal: name == value");
    }
    if (!e->target)
        return;
    e->op = pat_find_op(p, e->target->name);
    if (!e->op) {
        pat_unknown_op(s, p, e->target->name_span, e->target->name, false);
        return;
    }
    check_entry_operands(s, e);
    pat_resolve_attrs(s, e->target, e->op);
    for (uint32_t i = 0; i < e->target->attrs.n; i++) {
        const pat_arg *a = e->target->attrs.at[i];
        const pat_attr *decl = a->name ? pat_find_attr(e->op, a->name) : NULL;
        bool param = a->value->kind == PE_NAME && is_param(e, a->value->name);
        if (decl && !param && !literal_fits(decl, a->value))
            pat_error(s, a->value->span, E_ENTRY_VALUE, "this is neither a parameter nor a value for attribute '%s'", decl->name);
    }
    for (uint32_t i = 0; i < e->op->attrs.n; i++) {
        bool given = e->op->attrs.at[i]->dflt != NULL;
        for (uint32_t j = 0; j < e->target->attrs.n; j++)
            given |= e->target->attrs.at[j]->name == e->op->attrs.at[i]->name;
        if (!given)
            pat_error(s, e->target->span, E_ENTRY_ATTR, "attribute '%s' of '%s' has no default and is not given", e->op->attrs.at[i]->name,
                      e->op->name);
    }
}

/* -------------------------------------------------------------- the whole -- */

/* Reports the second of two declarations of one name. */
#define NO_TWICE(list, what, place) \
    for (uint32_t i = 0; i < p->list.n; i++) \
        for (uint32_t j = 0; j < i; j++) \
            if (p->list.at[i]->name == p->list.at[j]->name) { \
                pat_error(s, p->list.at[i]->place, E_TWICE, what " '%s' is declared twice", p->list.at[i]->name); \
                pat_note(s, p->list.at[j]->place, "the first one is here"); \
            }

static void split_alternative(pat_session *s, pat_alt *a)
{
    if (a->value)
        return;
    if (!a->stmts.n || a->stmts.at[a->stmts.n - 1]->results.n) {
        pat_error(s, a->span, E_NO_RESULT_TERM, "an alternative ends with the term that stands for its result");
        a->value = pat_alloc(s->arena, sizeof *a->value);
        *a->value = (pat_term){.kind = PT_WILD, .span = a->span};
        return;
    }
    a->value = a->stmts.at[--a->stmts.n]->value;
}

bool pat_check(pat_session *s, pat_program *p)
{
    NO_TWICE(ops, "op", name_span);
    NO_TWICE(patterns, "pattern", name_span);
    NO_TWICE(rules, "rule", name_span);
    NO_TWICE(kernels, "kernel of", name_span);
    NO_TWICE(phases, "phase", span);
    check_dtypes(s, p);
    for (uint32_t i = 0; i < p->ops.n; i++) {
        p->ops.at[i]->id = i + 1;
        check_op(s, p, p->ops.at[i]);
        if (pat_find_pattern(p, p->ops.at[i]->name))
            pat_error(s, pat_find_pattern(p, p->ops.at[i]->name)->name_span, E_PATTERN_IS_OP, "pattern '%s' has the name of an op",
                      p->ops.at[i]->name);
    }
    for (uint32_t i = 0; i < p->phases.n; i++)
        p->phases.at[i]->id = i;
    for (uint32_t i = 0; i < p->kernels.n; i++)
        check_kernel(s, p, p->kernels.at[i]);
    for (uint32_t i = 0; i < p->vocabs.n; i++)
        for (uint32_t j = 0; j < p->vocabs.at[i]->entries.n; j++)
            check_entry(s, p, p->vocabs.at[i]->entries.at[j]);
    for (uint32_t i = 0; i < p->patterns.n; i++)
        for (uint32_t j = 0; j < p->patterns.at[i]->alts.n; j++)
            split_alternative(s, p->patterns.at[i]->alts.at[j]);
    for (uint32_t i = 0; i < p->patterns.n; i++)
        pat_check_pattern(s, p, p->patterns.at[i]);
    for (uint32_t i = 0; i < p->rules.n; i++) {
        p->rules.at[i]->id = i;
        pat_check_rule(s, p, p->rules.at[i]);
    }
    for (uint32_t i = 0; i < p->patterns.n; i++)
        if (!p->patterns.at[i]->used && p->rules.n)
            pat_warn(s, p->patterns.at[i]->name_span, E_UNUSED_PATTERN, "pattern '%s' is not used", p->patterns.at[i]->name);
    return !s->n_errors;
}
