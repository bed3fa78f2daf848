/* Checks dtype variables and the signatures of ops. */
#include <stdio.h>
#include <string.h>

#include "checker.h"
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

const char *pat_dtype_name(int number)
{
    return dtypes[number];
}

bool pat_is_dtype_var(const pat_program *p, pat_name name)
{
    return pat_find_dtype(p, name) != NULL;
}

void pat_unknown_dtype(pat_session *s, const pat_program *p, pat_span span, pat_name name)
{
    pat_names names = {0};
    for (int i = 1; i < SLD_DTYPE_COUNT; i++)
        PAT_PUSH(s->arena, names, dtypes[i]);
    for (uint32_t i = 0; pat_hints(s) && i < p->dtypes.n; i++)
        for (uint32_t j = 0; j < p->dtypes.at[i]->names.n; j++)
            PAT_PUSH(s->arena, names, p->dtypes.at[i]->names.at[j]->name);
    pat_unknown(s, span, E_UNKNOWN_DTYPE, name, "unknown dtype '%s'", name);
    pat_suggest(s, name, names.at, names.n);
}

pat_attr *pat_find_attr(const pat_op *op, pat_name name)
{
    for (uint32_t i = 0; i < op->attrs.n; i++)
        if (op->attrs.at[i]->name == name)
            return op->attrs.at[i];
    return NULL;
}

/* ---------------------------------------------------------------- dtypes -- */

static void check_dtype_set(pat_session *s, const pat_program *p, pat_dtype_decl *d)
{
    if (d->value->kind == PE_NAME && !strcmp(d->value->name, "any")) {
        d->set = (1u << SLD_DTYPE_COUNT) - 2;
        return;
    }
    if (d->value->kind != PE_SET || !d->value->args.n) {
        pat_error(s, d->value->span, E_DTYPE_SET,
                  "a dtype variable stands for 'any' or a set such as {f16, f32}");
        return;
    }
    for (uint32_t j = 0; j < d->value->args.n; j++) {
        const pat_expr *e = d->value->args.at[j];
        int t = e->kind == PE_NAME ? pat_dtype_number(e->name) : 0;
        if (!t && e->kind == PE_NAME)
            pat_unknown_dtype(s, p, e->span, e->name);
        else if (!t)
            pat_error(s, e->span, E_DTYPE_SET, "the set holds names of dtypes");
        else
            d->set |= 1u << t;
    }
}

static void check_dtype_name(pat_session *s, const pat_program *p, const pat_term *name)
{
    const pat_dtype_decl *first = pat_find_dtype(p, name->name);
    if (pat_dtype_number(name->name)) {
        pat_error(s, name->span, E_DTYPE_TWICE, "'%s' is the name of a dtype", name->name);
        return;
    }
    for (uint32_t j = 0; j < first->names.n; j++)
        if (first->names.at[j]->name == name->name) {
            if (first->names.at[j] == name)
                return;
            pat_error(s, name->span, E_DTYPE_TWICE, "dtype '%s' is declared twice", name->name);
            pat_note(s, first->names.at[j]->span, "the first one is here");
            return;
        }
}

static void mark_used(const pat_program *p, pat_name name)
{
    pat_dtype_decl *d = name ? pat_find_dtype(p, name) : NULL;
    if (d)
        d->used = true;
}

static void mark_term(const pat_program *p, const pat_term *t)
{
    if (t->type)
        mark_used(p, t->type->dtype);
    for (uint32_t i = 0; i < t->operands.n; i++)
        mark_term(p, t->operands.at[i]);
}

static void mark_used_dtypes(const pat_program *p)
{
    for (uint32_t i = 0; i < p->rules.n; i++)
        for (uint32_t j = 0; j < p->rules.at[i]->match.n; j++)
            mark_term(p, p->rules.at[i]->match.at[j]->value);
    for (uint32_t i = 0; i < p->ops.n; i++) {
        for (uint32_t j = 0; j < p->ops.at[i]->operands.n; j++)
            mark_used(p, p->ops.at[i]->operands.at[j]->type->dtype);
        for (uint32_t j = 0; j < p->ops.at[i]->attrs.n; j++)
            mark_used(p, p->ops.at[i]->attrs.at[j]->kind);
    }
}

void pat_check_dtypes(pat_session *s, pat_program *p)
{
    mark_used_dtypes(p);
    for (uint32_t i = 0; i < p->dtypes.n; i++) {
        pat_dtype_decl *d = p->dtypes.at[i];
        check_dtype_set(s, p, d);
        for (uint32_t j = 0; j < d->names.n; j++) {
            check_dtype_name(s, p, d->names.at[j]);
            d->used |= pat_find_dtype(p, d->names.at[j]->name) != d;
        }
        if (p->ops.n && !d->used && !s->n_errors)
            pat_warn(s, d->span, E_UNUSED_DTYPE, "no op uses dtype '%s'", d->names.at[0]->name);
    }
}

/* ------------------------------------------------------------ signatures -- */

const char *const pat_graph_names[PAT_N_GRAPH_NAMES] = {"tokens", "world", "units"};

bool pat_is_graph_name(const char *name)
{
    for (int i = 0; i < PAT_N_GRAPH_NAMES; i++)
        if (!strcmp(name, pat_graph_names[i]))
            return true;
    return false;
}

bool pat_check_shape_element(pat_session *s, const pat_type *t, const pat_expr *e)
{
    bool ok = e->kind == PE_INT
                  ? e->ival >= 0
                  : e->kind == PE_NAME || e->kind == PE_CALL || e->kind == PE_RANK ||
                        (e->kind >= PE_ADD && e->kind <= PE_MOD) || (e->kind == PE_WILD && t->elems.n == 1);
    if (!ok)
        pat_error(s, e->span, E_SHAPE_ELEMENT, "a shape holds sizes, names, *names, arithmetic and calls; "
                                               "'_' stands alone");
    return ok;
}

static void check_type(pat_session *s, const pat_program *p, const pat_op *op, const pat_sig *g,
                       const pat_type *t, bool result)
{
    const pat_attr *by_attr = result ? pat_find_attr(op, t->dtype) : NULL;
    bool variable = !pat_dtype_number(t->dtype) && pat_is_dtype_var(p, t->dtype);
    if (!pat_dtype_number(t->dtype) && !variable && !by_attr)
        pat_unknown_dtype(s, p, t->dtype_span, t->dtype);
    if (result && variable && !g->wrong && !pat_listed(&g->dtypes, t->dtype))
        pat_error(s, t->dtype_span, E_FREE_DTYPE, "dtype '%s' of the result is not bound by an operand",
                  t->dtype);
    if (by_attr && (!by_attr->kind || strcmp(by_attr->kind, "dtype")))
        pat_error(s, t->dtype_span, E_FREE_DTYPE, "attribute '%s' is no dtype", t->dtype);
    unsigned ranks = 0;
    for (uint32_t i = 0; i < t->elems.n; i++) {
        const pat_expr *e = t->elems.at[i];
        ranks += e->kind == PE_RANK;
        if (pat_check_shape_element(s, t, e))
            pat_check_element(s, g, e);
    }
    if (ranks > 1)
        pat_error(s, t->span, E_RANK_TWICE, "a type has at most one rank variable");
}

/* ------------------------------------------------------------ attributes -- */

static const char *const kinds[] = {"int", "float", "bool", "string", "dtype", "axis", "ints", "axes"};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

bool pat_is_attr_kind(const char *name)
{
    for (int i = 0; i < N_KINDS; i++)
        if (!strcmp(kinds[i], name))
            return true;
    return false;
}

static bool is_integer(const pat_expr *e)
{
    return e->kind == PE_INT || (e->kind == PE_NEG && e->args.at[0]->kind == PE_INT);
}

static bool is_number(const pat_expr *e)
{
    const pat_expr *v = e->kind == PE_NEG ? e->args.at[0] : e;
    bool word = v->kind == PE_NAME && (!strcmp(v->name, "inf") || !strcmp(v->name, "nan"));
    return v->kind == PE_INT || v->kind == PE_FLOAT || word;
}

bool pat_literal_fits(const pat_attr *a, const pat_expr *e)
{
    if (!a->kind) {
        for (uint32_t i = 0; i < a->words.n; i++)
            if (e->kind == PE_NAME && a->words.at[i]->name == e->name)
                return true;
        return false;
    }
    if (!strcmp(a->kind, "float"))
        return is_number(e);
    if (!strcmp(a->kind, "bool"))
        return e->kind == PE_BOOL || (e->kind == PE_INT && (e->ival == 0 || e->ival == 1));
    if (!strcmp(a->kind, "string"))
        return e->kind == PE_STRING;
    if (!strcmp(a->kind, "dtype"))
        return e->kind == PE_NAME && pat_dtype_number(e->name);
    if (!strcmp(a->kind, "ints") || !strcmp(a->kind, "axes")) {
        bool ok = e->kind == PE_LIST;
        for (uint32_t i = 0; ok && i < e->args.n; i++)
            ok = is_integer(e->args.at[i]);
        return ok;
    }
    return is_integer(e);
}

static void unknown_kind(pat_session *s, const pat_program *p, const pat_attr *a)
{
    pat_names names = {0};
    for (int i = 0; i < N_KINDS; i++)
        PAT_PUSH(s->arena, names, kinds[i]);
    for (uint32_t i = 0; pat_hints(s) && i < p->enums.n; i++)
        PAT_PUSH(s->arena, names, p->enums.at[i]->name);
    pat_unknown(s, a->span, E_ATTR_KIND, a->kind, "unknown attribute kind '%s'", a->kind);
    pat_suggest(s, a->kind, names.at, names.n);
}

/* An attribute of the kind of a dtype variable: a dtype, and the condition that it is one of these. */
static void limit_dtype(pat_session *s, pat_op *op, pat_attr *a, const pat_dtype_decl *d)
{
    size_t n;
    const char *set = pat_span_text(s, d->value->span, &n);
    pat_expr *name = pat_alloc(s->arena, sizeof *name), *in = pat_alloc(s->arena, sizeof *in);
    char *text = pat_alloc(s->arena, strlen(a->name) + n + sizeof " in ");
    sprintf(text, "%s in %.*s", a->name, (int)n, set);
    *name = (pat_expr){.kind = PE_NAME, .span = a->span, .name = a->name, .text = a->name};
    *in = (pat_expr){.kind = PE_IN, .span = a->span, .text = text};
    PAT_PUSH(s->arena, in->args, name);
    PAT_PUSH(s->arena, in->args, d->value);
    a->kind = pat_intern(s, "dtype", 5);
    if (d->value->kind == PE_SET && !s->n_errors)
        PAT_PUSH(s->arena, op->where, in);
    if (a->dflt && !(a->dflt->kind == PE_NAME && d->set >> pat_dtype_number(a->dflt->name) & 1))
        pat_error(s, a->dflt->span, E_DEFAULT, "this is no value for attribute '%s'", a->name);
}

static void check_attr(pat_session *s, pat_program *p, pat_op *op, pat_attr *a)
{
    const pat_dtype_decl *d = a->kind && !pat_is_attr_kind(a->kind) ? pat_find_dtype(p, a->kind) : NULL;
    if (d) {
        limit_dtype(s, op, a, d);
        return;
    }
    pat_enum *words = a->kind && !pat_is_attr_kind(a->kind) ? pat_find_enum(p, a->kind) : NULL;
    if (words) {
        words->used = true;
        a->words.at = words->words.at;
        a->words.n = words->words.n;
        a->kind = NULL;
    } else if (!a->kind) {
        pat_check_words(s, p, (pat_exprs){a->words.at, a->words.n, a->words.n});
    } else if (!pat_is_attr_kind(a->kind)) {
        unknown_kind(s, p, a);
        a->kind = pat_intern(s, "int", 3);
        a->dflt = NULL;
    }
    if (a->dflt && !pat_literal_fits(a, a->dflt))
        pat_error(s, a->dflt->span, E_DEFAULT, "this is no value for attribute '%s'", a->name);
}

/* ------------------------------------------------------------------- ops -- */

/* An op declared above, so that nothing goes round in a circle. */
static const pat_op *find_above(pat_session *s, const pat_program *p, const pat_op *op, const pat_attr *a)
{
    const pat_op *from = pat_find_op(p, a->of);
    if (!from)
        pat_unknown_op(s, p, a->span, a->of, false);
    else if (from->id >= op->id)
        pat_error(s, a->span, E_SPREAD_LATER, "op '%s' is not declared before this one", a->of);
    else
        return from;
    return NULL;
}

/* The attributes of `from` that stand in place of a; what is declared twice is told of by the first of them. */
static void spread(pat_session *s, const pat_op *from, const pat_attr *a, pat_op *to)
{
    for (uint32_t i = 0; i < from->attrs.n; i++) {
        pat_attr *copy = pat_alloc(s->arena, sizeof *copy);
        *copy = *from->attrs.at[i];
        copy->span = a->span;
        if (pat_find_attr(to, copy->name)) {
            pat_error(s, a->span, E_MEMBER_TWICE, "'%s' is declared twice", copy->name);
            pat_note(s, from->attrs.at[i]->span, "it is an attribute of '%s'", from->name);
            return;
        }
        PAT_PUSH(s->arena, to->attrs, copy);
    }
}

static void spread_op(pat_session *s, const pat_program *p, pat_op *op)
{
    pat_op whole = {0};
    bool any = false;
    for (uint32_t i = 0; i < op->attrs.n; i++) {
        pat_attr *a = op->attrs.at[i];
        const pat_op *from = a->of ? find_above(s, p, op, a) : NULL;
        if (from)
            spread(s, from, a, &whole);
        else if (!a->of)
            PAT_PUSH(s->arena, whole.attrs, a);
        any |= a->of != NULL;
    }
    if (any) {
        op->attrs.at = whole.attrs.at;
        op->attrs.n = whole.attrs.n;
        op->attrs.cap = whole.attrs.cap;
    }
}

void pat_spread_attrs(pat_session *s, pat_program *p)
{
    for (uint32_t i = 0; i < p->ops.n; i++)
        spread_op(s, p, p->ops.at[i]);
}

static void check_member(pat_session *s, pat_names *seen, pat_span span, pat_name name)
{
    if (name && pat_listed(seen, name))
        pat_error(s, span, E_MEMBER_TWICE, "'%s' is declared twice", name);
    if (name)
        PAT_PUSH(s->arena, *seen, name);
}

static bool same_type(const pat_type *a, const pat_type *b)
{
    if (a->dtype != b->dtype || a->elems.n != b->elems.n)
        return false;
    for (uint32_t i = 0; i < a->elems.n; i++) {
        const pat_expr *x = a->elems.at[i], *y = b->elems.at[i];
        bool rank = x->kind == PE_RANK || y->kind == PE_RANK;
        if (x->name != y->name || (rank && x->kind != y->kind) || x->ival != y->ival)
            return false;
    }
    return true;
}

/* The last results are the versions of the inout operands, in order. */
static void check_versions(pat_session *s, const pat_op *op)
{
    uint32_t n = 0, k = 0;
    for (uint32_t i = 0; i < op->operands.n; i++)
        n += op->operands.at[i]->inout;
    for (uint32_t i = 0; i < op->operands.n; i++) {
        const pat_operand *o = op->operands.at[i];
        if (!o->inout)
            continue;
        const pat_result *r = op->results.n >= n ? op->results.at[op->results.n - n + k++] : NULL;
        if (r && !op->variadic_results && !r->optional && same_type(r->type, o->type))
            continue;
        pat_error(s, o->span, E_INOUT_RESULT, "no result of '%s' is the next version of '%s'", op->name, o->name);
        pat_hint(s, "the last results of an op have the types of its inout operands, in their order");
    }
}

static void check_contents(pat_session *s, const pat_op *op)
{
    static const char *const contents[] = {
#define X(id, name) #name,
        SLD_CONTENTS_LIST(X)
#undef X
    };
    for (int i = 1; i < SLD_CONTENTS_COUNT; i++)
        if (!op->contents || !strcmp(contents[i], op->contents))
            return;
    pat_error(s, op->span, E_CONTENTS, "unknown contents function '%s'", op->contents);
    pat_suggest(s, op->contents, contents + 1, SLD_CONTENTS_COUNT - 1);
}

/* How many names there are, each counted once, leaving out those of attributes. */
static uint32_t distinct(const pat_op *op, const pat_names *names)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < names->n; i++) {
        const pat_names before = {.at = names->at, .n = i};
        n += !pat_listed(&before, names->at[i]) && !pat_find_attr(op, names->at[i]);
    }
    return n;
}

static bool is_any(const pat_type *t) { return t->elems.n == 1 && t->elems.at[0]->kind == PE_WILD; }

/* The generator numbers the variables of a signature; each `_` is one. */
static void check_size(pat_session *s, const pat_op *op, const pat_sig *g)
{
    uint32_t any = 0;
    for (uint32_t i = 0; i < op->operands.n; i++)
        any += is_any(op->operands.at[i]->type);
    for (uint32_t i = 0; i < op->results.n; i++)
        any += is_any(op->results.at[i]->type);
    const struct { const char *kind; uint32_t n, most; } counts[] = {
        {"dim", distinct(op, &g->dims), PAT_SIG_DIMS},
        {"rank", distinct(op, &g->ranks) + any, PAT_SIG_RANKS},
        {"dtype", distinct(op, &g->dtypes), PAT_SIG_DTYPES}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i].n > counts[i].most)
            pat_error(s, op->name_span, E_SIGNATURE_SIZE, "the signature of '%s' has %u %s variables, more than %u", op->name,
                      counts[i].n, counts[i].kind, counts[i].most);
}

void pat_check_op(pat_session *s, pat_program *p, pat_op *op)
{
    pat_sig g = pat_signature(s, op);
    pat_names seen = {0}, results = {0};
    unsigned before = s->n_errors;
    for (uint32_t i = 0; i < op->operands.n; i++) {
        const pat_operand *o = op->operands.at[i];
        check_member(s, &seen, o->span, o->name);
        check_type(s, p, op, &g, o->type, false);
        if (o->variadic && i + 1 < op->operands.n)
            pat_error(s, o->span, E_VARIADIC_PLACE, "only the last operand can be variadic");
    }
    g.wrong = s->n_errors != before;
    for (uint32_t i = 0; i < op->attrs.n; i++) {
        check_member(s, &seen, op->attrs.at[i]->span, op->attrs.at[i]->name);
        check_attr(s, p, op, op->attrs.at[i]);
    }
    for (uint32_t i = 0; i < op->results.n; i++) {
        check_member(s, &results, op->results.at[i]->span, op->results.at[i]->name);
        check_type(s, p, op, &g, op->results.at[i]->type, true);
    }
    for (uint32_t i = 0; i < op->where.n; i++) {
        op->where.at[i] = pat_read_dtypes(s, op, op->where.at[i]);
        pat_check_truth(s, &g, op->where.at[i]);
    }
    if (op->commutative && op->operands.n < 2)
        pat_error(s, op->name_span, E_COMMUTATIVE, "a commutative op has two operands");
    check_contents(s, op);
    check_versions(s, op);
    check_size(s, op, &g);
}
