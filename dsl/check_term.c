/* Checks the terms and expressions of patterns and rules: what is applied, what is bound, which value an
 * attribute gets. */
#include <stdio.h>
#include <string.h>

#include "checker.h"
#include "expand.h"

void pat_bind(pat_checker *c, pat_names *names, pat_name name)
{
    if (!pat_listed(names, name))
        PAT_PUSH(c->s->arena, *names, name);
}

void pat_unknown_op(pat_session *s, const pat_program *p, pat_span span, pat_name name, bool patterns_too)
{
    pat_names names = {0};
    for (uint32_t i = 0; pat_hints(s) && i < p->ops.n; i++)
        PAT_PUSH(s->arena, names, p->ops.at[i]->name);
    for (uint32_t i = 0; pat_hints(s) && patterns_too && i < p->patterns.n; i++)
        PAT_PUSH(s->arena, names, p->patterns.at[i]->name);
    pat_unknown(s, span, E_UNKNOWN_OP, name, "unknown op%s '%s'", patterns_too ? " or pattern" : "", name);
    pat_suggest(s, name, names.at, names.n);
}

size_t pat_print_key(char *to, size_t size, const pat_expr *e)
{
    size_t n = (size_t)snprintf(to, size, "%d:%s:%lld:%.17g(", (int)e->kind, e->name ? e->name : "",
                                (long long)e->ival, e->fval);
    for (uint32_t i = 0; i < e->args.n && n < size; i++)
        n += pat_print_key(to + n, size - n, e->args.at[i]);
    return n;
}

/* ------------------------------------------------------------ attributes -- */

bool pat_has_arg(const pat_term *t, pat_name name)
{
    for (uint32_t i = 0; i < t->attrs.n; i++)
        if (t->attrs.at[i]->name == name)
            return true;
    return false;
}

/* Gives arguments without name the names of a declaration's list: a bare name that is in the list is the
 * attribute of that name, another argument the first that is not given yet. */
static bool resolve(pat_session *s, pat_term *t, const pat_names *declared, const char *what)
{
    for (uint32_t i = 0; i < t->attrs.n; i++) {
        pat_arg *a = t->attrs.at[i];
        bool positional = !a->name;
        if (positional && a->value->kind == PE_NAME && pat_listed(declared, a->value->name))
            a->name = a->value->name;
        for (uint32_t j = 0; positional && !a->name && j < declared->n; j++)
            if (!pat_has_arg(t, declared->at[j]))
                a->name = declared->at[j];
        if (!a->name) {
            pat_error(s, a->span, E_TOO_MANY_ATTRS, "%s '%s' has only %u attribute%s", what, t->name,
                      declared->n, declared->n == 1 ? "" : "s");
            return false;
        }
        if (!pat_listed(declared, a->name)) {
            pat_error(s, a->span, E_UNKNOWN_ATTR, "%s '%s' has no attribute '%s'", what, t->name, a->name);
            pat_suggest(s, a->name, declared->at, declared->n);
            return false;
        }
        for (uint32_t j = 0; j < i; j++)
            if (t->attrs.at[j]->name == a->name) {
                pat_error(s, a->span, E_ATTR_TWICE, "attribute '%s' is given twice", a->name);
                return false;
            }
    }
    return true;
}

static pat_names attr_names(pat_session *s, const pat_op *op)
{
    pat_names declared = {0};
    for (uint32_t i = 0; i < op->attrs.n; i++)
        PAT_PUSH(s->arena, declared, op->attrs.at[i]->name);
    return declared;
}

bool pat_resolve_attrs(pat_session *s, pat_term *t, const pat_op *op)
{
    pat_names declared = attr_names(s, op);
    return resolve(s, t, &declared, "op");
}

/* One attribute that `...` takes in. */
static void take(pat_checker *c, pat_term *t, pat_name name)
{
    pat_expr *value = pat_alloc(c->s->arena, sizeof *value);
    pat_arg *a = pat_alloc(c->s->arena, sizeof *a);
    pat_term *taken = pat_alloc(c->s->arena, sizeof *taken);
    *value = (pat_expr){.kind = PE_NAME, .span = t->rest, .name = name, .text = name};
    *a = (pat_arg){.span = t->rest, .name = name, .value = value};
    *taken = (pat_term){.kind = PT_NAME, .span = t->rest, .name = name};
    PAT_PUSH(c->s->arena, t->attrs, a);
    if (c->left)
        PAT_PUSH(c->s->arena, c->b->rest, taken);
}

/* What `...` stands for: on the left every attribute that is not given, under its own name; on the right every one whose
 * name an attribute of the left is bound to. */
static void take_rest(pat_checker *c, pat_term *t, const pat_names *declared)
{
    for (uint32_t i = 0; t->rest.end && i < declared->n; i++) {
        pat_name name = declared->at[i];
        if (pat_has_arg(t, name) || (!c->left && !pat_listed(&c->b->attrs, name)))
            continue;
        if (c->left && (pat_listed(&c->b->vars, name) || pat_listed(&c->b->values, name))) {
            pat_error(c->s, t->rest, E_REST_BOUND, "'...' takes in '%s', which is bound already", name);
            pat_hint(c->s, "write '%s' where both must be equal, otherwise '%s = another_name'", name, name);
        }
        take(c, t, name);
    }
    t->rest.end = 0;
}

void pat_check_rest(pat_session *s, const pat_bound *b, const pat_terms *outside)
{
    for (uint32_t i = 0; i < b->rest.n; i++) {
        const pat_term *t = b->rest.at[i];
        bool read = pat_listed(&b->read, t->name);
        for (uint32_t k = 0; !read && k < outside->n; k++)
            read = outside->at[k]->name == t->name;
        if (read)
            continue;
        pat_error(s, t->span, E_REST_UNREAD, "'...' takes in '%s', which nothing reads", t->name);
        pat_hint(s, "give it a value, or write '%s = _' where any will do", t->name);
    }
}

/* Captures: every name in the value of an attribute that is no literal. */
static void bind_names(pat_checker *c, const pat_expr *e)
{
    if ((e->kind == PE_NAME || e->kind == PE_RANK) && !pat_dtype_number(e->name))
        pat_bind(c, pat_listed(&c->b->vars, e->name) ? &c->b->read : &c->b->vars, e->name);
    for (uint32_t i = 0; e->kind != PE_CALL && i < e->args.n; i++)
        bind_names(c, e->args.at[i]);
}

/* After an error in a term, what it was meant to capture is not reported as missing. */
static void bind_all(pat_checker *c, const pat_term *t)
{
    for (uint32_t i = 0; c->left && i < t->attrs.n; i++)
        bind_names(c, t->attrs.at[i]->value);
}

static void check_operands(pat_checker *c, pat_term *t)
{
    for (uint32_t i = 0; i < t->operands.n; i++)
        pat_check_term(c, t->operands.at[i]);
}

static void missing_attr(pat_checker *c, const pat_term *t, pat_name name)
{
    pat_error(c->s, t->span, E_ATTR_MISSING, "attribute '%s' of '%s' is not given and has no default", name,
              t->name);
    if (c->left)
        pat_hint(c->s, "write '%s' to capture it, or '%s = _' to ignore it", name, name);
}

/* Whether the form of an expression alone rules it out as the attribute's value. */
static bool form_fits(const pat_attr *a, const pat_expr *e)
{
    bool list = a->kind && (!strcmp(a->kind, "ints") || !strcmp(a->kind, "axes"));
    switch (e->kind) {
    case PE_INT: case PE_FLOAT: case PE_STRING: case PE_BOOL: return pat_literal_fits(a, e);
    case PE_NEG: return e->args.at[0]->kind == PE_FLOAT ? pat_literal_fits(a, e) : !list && a->kind;
    case PE_LIST: return list;
    case PE_SET: case PE_RANK: return false;
    default: return true;
    }
}

static const char *const list_functions[] = {
    "shape", "dtype", "rank", "const", "identity", "ones", "compose", "swap_perm",
};
enum { N_FUNCTIONS = sizeof list_functions / sizeof *list_functions };

bool pat_is_rule_function(pat_name name)
{
    for (int i = 0; i < N_FUNCTIONS; i++)
        if (!strcmp(list_functions[i], name))
            return true;
    return false;
}

static void check_function(pat_session *s, const pat_expr *e)
{
    if (pat_is_rule_function(e->name))
        return;
    pat_error(s, e->span, E_UNKNOWN_FUNCTION, "unknown function '%s'", e->name);
    pat_suggest(s, e->name, list_functions, N_FUNCTIONS);
}

bool pat_is_any_word(const pat_program *p, pat_name name)
{
    return pat_map_get(&p->by_name.words, name) != NULL;
}

static bool is_bound(const pat_checker *c, const pat_expr *e)
{
    return pat_listed(&c->b->vars, e->name) || (e->kind == PE_NAME && pat_dtype_number(e->name));
}

static void free_variable(pat_checker *c, const pat_expr *e)
{
    bool value = pat_listed(&c->b->values, e->name);
    if (c->b->wrong)
        return;
    pat_error(c->s, e->span, E_FREE_VARIABLE,
              value ? "'%s' is a value, not a number" : "'%s' is not bound by the match", e->name);
    if (!value && pat_is_graph_name(e->name))
        pat_hint(c->s, "conditions on the run stand behind 'gate'");
    else if (!value)
        pat_suggest(c->s, e->name, c->b->vars.at, c->b->vars.n);
}

/* An expression that reads what the match has bound. words: names of enum values are known as well. */
static void check_reading(pat_checker *c, const pat_expr *e, bool words)
{
    if (e->kind == PE_NAME)
        pat_bind(c, &c->b->read, e->name);
    bool call = e->kind == PE_CALL,
         compares = e->kind == PE_EQ || e->kind == PE_NE || e->kind == PE_IN || e->kind == PE_SET;
    if ((e->kind == PE_NAME || e->kind == PE_RANK) && !is_bound(c, e) &&
        !(words && pat_is_any_word(c->p, e->name)))
        free_variable(c, e);
    if (call)
        check_function(c->s, e);
    if (e->kind == PE_IN && e->args.at[1]->kind != PE_SET)
        pat_error(c->s, e->args.at[1]->span, E_IN_SET, "'in' wants a set such as {64, 128}");
    for (uint32_t i = 0; i < e->args.n; i++) {
        const pat_expr *a = e->args.at[i];
        if (!(call && a->kind == PE_NAME && pat_listed(&c->b->values, a->name)))
            check_reading(c, a, compares);
    }
}

void pat_check_rule_condition(pat_checker *c, const pat_expr *e)
{
    check_reading(c, e, false);
}

static void check_left_calls(pat_checker *c, const pat_expr *e)
{
    if (e->kind == PE_CALL)
        check_reading(c, e, false);
    for (uint32_t i = 0; e->kind != PE_CALL && i < e->args.n; i++)
        check_left_calls(c, e->args.at[i]);
}

static void check_value(pat_checker *c, const pat_attr *a, const pat_expr *e)
{
    if (e->kind == PE_WILD && c->left)
        return;
    for (uint32_t i = 0; i < e->args.n + 1 && !c->left; i++) {
        const pat_expr *at = i < e->args.n ? e->args.at[i] : e;
        if (at->kind == PE_WILD) {
            pat_error(c->s, at->span, E_LEFT_ONLY, "'_' can stand only on the left of a rule");
            return;
        }
    }
    for (uint32_t i = 0; e->kind == PE_LIST && i < e->args.n; i++)
        if (e->args.at[i]->kind == PE_FLOAT || e->args.at[i]->kind == PE_STRING || e->args.at[i]->kind == PE_BOOL) {
            pat_error(c->s, e->args.at[i]->span, E_ATTR_VALUE, "a list holds dims and integers");
            return;
        }
    if (!form_fits(a, e)) {
        pat_error(c->s, e->span, E_ATTR_VALUE, "this is no value for attribute '%s'", a->name);
        return;
    }
    if (pat_literal_fits(a, e))
        return;
    if (c->left && e->kind == PE_NAME)
        pat_bind(c, &c->b->attrs, e->name);
    if (c->left) {
        check_left_calls(c, e);
        bind_names(c, e);
    } else {
        check_reading(c, e, false);
    }
}

/* ----------------------------------------------------------------- terms -- */

bool pat_check_operand_count(pat_session *s, const pat_term *t, const pat_op *op, int code)
{
    uint32_t least = 0, most = op->operands.n;
    bool variadic = most && op->operands.at[most - 1]->variadic;
    if (op->associative && most == 2 && t->operands.n > 2 && t->operands.n <= X_MAX_CHAIN)
        return true;
    for (uint32_t i = 0; i < most; i++)
        if (!op->operands.at[i]->optional && !op->operands.at[i]->variadic)
            least = i + 1;
    if (t->operands.n >= least && (t->operands.n <= most || variadic))
        return true;
    bool few = t->operands.n < least, exact = least == most && !variadic;
    uint32_t limit = few ? least : most;
    pat_error(s, t->span, code, "op '%s' takes %s%u operand%s, %u given", op->name,
              exact ? "" : few ? "at least " : "at most ", limit, limit == 1 ? "" : "s", t->operands.n);
    pat_note(s, op->name_span, "declared here");
    return false;
}

/* Operands that may be absent, and rests, stand where the op takes them. */
static void check_special_operands(pat_checker *c, const pat_term *t, const pat_op *op)
{
    for (uint32_t i = 0; i < t->operands.n; i++) {
        const pat_term *a = t->operands.at[i];
        const pat_operand *o = i < op->operands.n ? op->operands.at[i] : NULL;
        if (a->kind == PT_NAME && a->maybe && c->left && !(o && o->optional)) {
            pat_error(c->s, a->span, E_NOT_OPTIONAL, "'%s?' stands for an operand that '%s' always has", a->name,
                      op->name);
            pat_note(c->s, op->name_span, "declared here");
        }
        if (a->kind == PT_NONE && !(o && o->optional))
            pat_error(c->s, a->span, E_NOT_OPTIONAL, "'none' stands for an operand that '%s' always has", op->name);
        if (a->kind == PT_SPLICE && (!op->operands.n || !op->operands.at[op->operands.n - 1]->variadic))
            pat_error(c->s, a->span, E_SPLICE, "'%s...' stands for the rest of a variadic operand, which '%s' has not",
                      a->name, op->name);
        else if (a->kind == PT_SPLICE && c->left && (i + 1 < t->operands.n || i + 1 < op->operands.n))
            pat_error(c->s, a->span, E_SPLICE, "'%s...' stands last", a->name);
    }
    if (!c->left && op->associative && t->operands.n > 2)
        pat_error(c->s, t->span, E_CHAIN_RIGHT, "the right side says in which order '%s' is applied", op->name);
}

static void check_op_use(pat_checker *c, pat_term *t, pat_op *op)
{
    op->used = true;
    op->made |= !c->left;
    if (!pat_check_operand_count(c->s, t, op, E_OPERAND_COUNT)) {
        bind_all(c, t);
        return;
    }
    check_operands(c, t);
    check_special_operands(c, t, op);
    if (!pat_resolve_attrs(c->s, t, op)) {
        bind_all(c, t);
        return;
    }
    pat_names declared = attr_names(c->s, op);
    take_rest(c, t, &declared);
    for (uint32_t i = 0; i < op->attrs.n; i++)
        if (!op->attrs.at[i]->dflt && !pat_has_arg(t, op->attrs.at[i]->name))
            missing_attr(c, t, op->attrs.at[i]->name);
    for (uint32_t i = 0; i < t->attrs.n; i++)
        check_value(c, pat_find_attr(op, t->attrs.at[i]->name), t->attrs.at[i]->value);
}

static bool is_literal_list(const pat_expr *e)
{
    if (e->kind == PE_NEG)
        return e->args.at[0]->kind <= PE_FLOAT;
    for (uint32_t i = 0; e->kind == PE_LIST && i < e->args.n; i++)
        if (e->args.at[i]->kind > PE_FLOAT && !is_literal_list(e->args.at[i]))
            return false;
    return e->kind == PE_LIST;
}

static void check_pattern_use(pat_checker *c, pat_term *t, pat_pattern *q)
{
    q->used = true;
    if (!c->left) {
        pat_error(c->s, t->span, E_PATTERN_RIGHT, "pattern '%s' cannot stand on the right of a rule",
                  q->name);
        return;
    }
    if (t->operands.n != q->params.n) {
        pat_error(c->s, t->span, E_OPERAND_COUNT, "pattern '%s' takes %u operand%s, %u given", q->name,
                  q->params.n, q->params.n == 1 ? "" : "s", t->operands.n);
        bind_all(c, t);
        return;
    }
    check_operands(c, t);
    pat_names declared = {0};
    for (uint32_t i = 0; i < q->attrs.n; i++)
        PAT_PUSH(c->s->arena, declared, q->attrs.at[i]->name);
    if (!resolve(c->s, t, &declared, "pattern")) {
        bind_all(c, t);
        return;
    }
    take_rest(c, t, &declared);
    for (uint32_t i = 0; i < declared.n; i++)
        if (!pat_has_arg(t, declared.at[i]))
            missing_attr(c, t, declared.at[i]);
    for (uint32_t i = 0; i < t->attrs.n; i++) {
        const pat_expr *e = t->attrs.at[i]->value;
        bool name = e->kind == PE_NAME && !pat_dtype_number(e->name) && !pat_is_any_word(c->p, e->name);
        if (name) {
            pat_bind(c, &c->b->attrs, e->name);
            bind_names(c, e);
        } else if (e->kind > PE_NAME && e->kind != PE_WILD && !is_literal_list(e))
            pat_error(c->s, e->span, E_PATTERN_ATTR,
                      "a parameter of a pattern is a name, a literal, or '_' to ignore it");
    }
}

static void check_apply(pat_checker *c, pat_term *t)
{
    pat_pattern *q = pat_find_pattern(c->p, t->name);
    pat_op *op = q ? NULL : pat_find_op(c->p, t->name);
    if (q)
        check_pattern_use(c, t, q);
    else if (op)
        check_op_use(c, t, op);
    else {
        pat_unknown_op(c->s, c->p, t->name_span, t->name, c->left);
        bind_all(c, t);
        check_operands(c, t);
    }
}

void pat_bind_type(pat_checker *c, const pat_type *type)
{
    unsigned ranks = 0;
    if (!type)
        return;
    if (!c->left) {
        pat_error(c->s, type->span, E_TYPE_RIGHT, "types are given on the left of a rule");
        return;
    }
    if (!pat_dtype_number(type->dtype) && !pat_is_dtype_var(c->p, type->dtype))
        pat_unknown_dtype(c->s, c->p, type->dtype_span, type->dtype);
    pat_bind(c, &c->b->vars, type->dtype);
    for (uint32_t i = 0; i < type->elems.n; i++) {
        ranks += type->elems.at[i]->kind == PE_RANK;
        if (pat_check_shape_element(c->s, type, type->elems.at[i]))
            bind_names(c, type->elems.at[i]);
    }
    if (ranks > 1)
        pat_error(c->s, type->span, E_RANK_TWICE, "a type has at most one rank variable");
}

static void check_name(pat_checker *c, const pat_term *t)
{
    if (c->left) {
        pat_bind(c, &c->b->values, t->name);
    } else if (!c->b->wrong && !pat_listed(&c->b->values, t->name)) {
        pat_error(c->s, t->span, E_FREE_VALUE, "'%s' is not bound by the match", t->name);
        pat_suggest(c->s, t->name, c->b->values.at, c->b->values.n);
    }
}

void pat_check_term(pat_checker *c, pat_term *t)
{
    pat_bind_type(c, t->type);
    switch (t->kind) {
    case PT_NAME:
    case PT_SPLICE:
        check_name(c, t);
        break;
    case PT_CONST:
        if (c->left) {
            pat_bind(c, &c->b->vars, t->name);
            pat_bind(c, &c->b->attrs, t->name);
        }
        /* fall through */
    case PT_NUMBER:
        if (t->kind == PT_NUMBER && !(t->tol >= 0))
            pat_error(c->s, t->span, E_FLOAT, "a tolerance is not negative");
        /* fall through */
    case PT_WILD:
        if (!c->left)
            pat_error(c->s, t->span, E_LEFT_ONLY, "this can stand only on the left of a rule");
        break;
    case PT_NONE:
        break;
    case PT_APPLY:
        check_apply(c, t);
    }
}
