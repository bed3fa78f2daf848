/* Families of rules: `for norm in {rms_norm, layer_norm}, G in {64, 128} rule r {...}` stands for one rule for each
 * choice of names. Instances take the family's place before anything else is checked, so that no later pass
 * knows of families. Spans stay, and so a mistake is shown where it was written. */
#include <string.h>

#include "checker.h"
#include "expand.h"

enum { MAX_INSTANCES = 256 };

typedef struct binding { pat_name name; pat_span span; const pat_expr *value; bool used; } binding;

typedef struct family {
    pat_session *s;
    const pat_program *p;
    PAT_LIST(binding) bindings; /* of the current instance */
    bool failed;
} family;

#define COPY(f, from) memcpy(pat_alloc((f)->s->arena, sizeof *(from)), (from), sizeof *(from))

/* --------------------------------------------------------------- copying -- */

static const pat_expr *bound_to(void *context, pat_name name)
{
    family *f = context;
    for (uint32_t i = 0; i < f->bindings.n; i++)
        if (f->bindings.at[i]->name == name) {
            f->bindings.at[i]->used = true;
            return f->bindings.at[i]->value;
        }
    return NULL;
}

static pat_expr *copy_expr(family *f, const pat_expr *e)
{
    return (pat_expr *)pat_replace_names(f->s, e, bound_to, f);
}

static pat_exprs copy_exprs(family *f, pat_exprs from)
{
    pat_exprs to = {0};
    for (uint32_t i = 0; i < from.n; i++)
        PAT_PUSH(f->s->arena, to, copy_expr(f, from.at[i]));
    return to;
}

/* A name of the family stands for something that is no name where only a name can stand. */
static pat_name copy_name(family *f, pat_name name, pat_span span)
{
    const pat_expr *value = name ? bound_to(f, name) : NULL;
    if (!value || value->kind == PE_NAME)
        return value ? value->name : name;
    pat_error(f->s, span, E_FAMILY_VALUE, "'%s' is no name in an instance of this family", name);
    pat_note(f->s, value->span, "it stands for this");
    f->failed = true;
    return name;
}

static pat_type *copy_type(family *f, const pat_type *from)
{
    if (!from)
        return NULL;
    pat_type *to = COPY(f, from);
    to->dtype = copy_name(f, from->dtype, from->dtype_span);
    to->elems = copy_exprs(f, from->elems);
    return to;
}

static bool declares_attr(const family *f, pat_name callee, pat_name name)
{
    const pat_pattern *q = pat_find_pattern(f->p, callee);
    const pat_op *op = q ? NULL : pat_find_op(f->p, callee);
    for (uint32_t i = 0; q && i < q->attrs.n; i++)
        if (q->attrs.at[i]->name == name)
            return true;
    return op && pat_find_attr(op, name);
}

/* `; style` is `style = style`: the attribute's own name stays. */
static pat_arg *copy_arg(family *f, const pat_arg *from, pat_name callee)
{
    pat_arg *to = COPY(f, from);
    to->value = copy_expr(f, from->value);
    if (!from->name && from->value->kind == PE_NAME && declares_attr(f, callee, from->value->name))
        to->name = from->value->name;
    return to;
}

static pat_term *copy_term(family *f, const pat_term *from);

static pat_terms copy_terms(family *f, pat_terms from)
{
    pat_terms to = {0};
    for (uint32_t i = 0; i < from.n; i++)
        PAT_PUSH(f->s->arena, to, copy_term(f, from.at[i]));
    return to;
}

static double number_of(const pat_expr *e)
{
    return e->kind == PE_NEG ? -e->args.at[0]->fval : e->fval;
}

/* An operand that is a number of the family is that literal. */
static pat_term *copy_term(family *f, const pat_term *from)
{
    pat_term *to = COPY(f, from);
    const pat_expr *value = from->kind == PT_NAME && !from->type ? bound_to(f, from->name) : NULL;
    if (value && (value->kind <= PE_FLOAT || value->kind == PE_NEG)) {
        *to = (pat_term){.kind = PT_NUMBER, .span = from->span, .fval = number_of(value), .tol = PAT_TOLERANCE};
        return to;
    }
    to->name = copy_name(f, from->name, from->name_span);
    to->type = copy_type(f, from->type);
    to->operands = copy_terms(f, from->operands);
    to->attrs.n = to->attrs.cap = 0;
    for (uint32_t i = 0; i < from->attrs.n; i++)
        PAT_PUSH(f->s->arena, to->attrs, copy_arg(f, from->attrs.at[i], to->name));
    return to;
}

static pat_stmts copy_stmts(family *f, pat_stmts from)
{
    pat_stmts to = {0};
    for (uint32_t i = 0; i < from.n; i++) {
        pat_stmt *st = COPY(f, from.at[i]);
        st->results = copy_terms(f, st->results);
        st->value = copy_term(f, st->value);
        PAT_PUSH(f->s->arena, to, st);
    }
    return to;
}

static pat_test *copy_test(family *f, const pat_test *from)
{
    pat_test *to = COPY(f, from);
    to->binds.n = to->binds.cap = 0;
    for (uint32_t i = 0; i < from->binds.n; i++) {
        pat_arg *a = copy_arg(f, from->binds.at[i], NULL);
        const pat_expr *option = bound_to(f, a->name);
        if (option && option->kind == PE_NAME && pat_find_option(f->p, option->name))
            a->name = option->name;
        PAT_PUSH(f->s->arena, to->binds, a);
    }
    return to;
}

static pat_rule *copy_rule(family *f, const pat_rule *from)
{
    pat_rule *to = COPY(f, from);
    to->family = (pat_exprs){0};
    to->family_of = from;
    to->phase_name = copy_name(f, from->phase_name, from->phase_span);
    to->enabled = copy_terms(f, from->enabled);
    to->match = copy_stmts(f, from->match);
    to->yield = copy_terms(f, from->yield);
    to->where = copy_exprs(f, from->where);
    to->gate = copy_exprs(f, from->gate);
    to->replace = copy_stmts(f, from->replace);
    to->tests.n = to->tests.cap = 0;
    for (uint32_t i = 0; i < from->tests.n; i++)
        PAT_PUSH(f->s->arena, to->tests, copy_test(f, from->tests.at[i]));
    return to;
}

/* ------------------------------------------------------------- instances -- */

static const char *text_of(family *f, const pat_expr *e)
{
    size_t n;
    const char *text = pat_span_text(f->s, e->span, &n);
    return pat_intern(f->s, text, n);
}

static const char *join(family *f, const char *a, const char *between, const char *b)
{
    size_t n = strlen(a) + strlen(between) + strlen(b);
    char *text = pat_alloc(f->s->arena, n + 1);
    strcat(strcat(strcpy(text, a), between), b);
    return text;
}

/* What of a value can stand in a name. */
static const char *as_name(family *f, const pat_expr *e)
{
    const char *text = text_of(f, e);
    char *name = pat_alloc(f->s->arena, strlen(text) + 1);
    strcpy(name, text);
    for (char *c = name; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", *c))
            *c = '_';
    return name;
}

static void bind(family *f, const pat_expr *name, const pat_expr *value)
{
    binding *b = pat_alloc(f->s->arena, sizeof *b);
    *b = (binding){name->name, name->span, value, false};
    PAT_PUSH(f->s->arena, f->bindings, b);
}

static const pat_expr *component(const pat_expr *e, uint32_t i)
{
    return e->kind == PE_LIST ? e->args.at[i] : e;
}

/* The instance that takes element at[i] of the set of binder i. */
static pat_rule *instance(family *f, const pat_rule *rule, const uint32_t *at, bool *used)
{
    const char *name = rule->name, *told = "";
    f->bindings.n = 0;
    for (uint32_t i = 0; i < rule->family.n; i++) {
        const pat_expr *left = rule->family.at[i]->args.at[0],
                       *value = rule->family.at[i]->args.at[1]->args.at[at[i]];
        for (uint32_t k = 0; k < (left->kind == PE_LIST ? left->args.n : 1); k++) {
            bind(f, component(left, k), component(value, k));
            told = join(f, *told ? join(f, told, "", ", ") : "",
                        join(f, component(left, k)->name, "", " = "), text_of(f, component(value, k)));
        }
        name = join(f, name, "_", as_name(f, component(value, 0)));
    }
    if (bound_to(f, rule->name))
        name = copy_name(f, rule->name, rule->name_span);
    pat_rule *copy = copy_rule(f, rule);
    copy->name = pat_intern(f->s, name, strlen(name));
    copy->instance = told;
    for (uint32_t i = 0; i < f->bindings.n; i++)
        used[i] |= f->bindings.at[i]->used;
    return copy;
}

static void expand_family(family *f, const pat_rule *rule, pat_program *to)
{
    uint32_t *at = pat_alloc(f->s->arena, rule->family.n * sizeof *at), i = 0;
    pat_map names = {0};
    bool *used = pat_alloc(f->s->arena, MAX_INSTANCES * sizeof *used);
    do {
        pat_rule *r = instance(f, rule, at, used);
        if (f->failed)
            return;
        if (pat_map_add(f->s->arena, &names, r->name, r)) {
            pat_error(f->s, rule->name_span, E_FAMILY_NAME, "two instances of this family are called '%s'", r->name);
            pat_hint(f->s, "an instance is called after the first name of each choice, or as the rule's name stands for");
            return;
        }
        PAT_PUSH(f->s->arena, to->rules, r);
        for (i = rule->family.n; i-- > 0 && ++at[i] == rule->family.at[i]->args.at[1]->args.n;)
            at[i] = 0;
    } while (i != UINT32_MAX);
    for (i = 0; i < f->bindings.n; i++)
        if (!used[i])
            pat_warn(f->s, f->bindings.at[i]->span, E_UNUSED_BINDER, "the family's rule does not use '%s'",
                     f->bindings.at[i]->name);
}

/* ---------------------------------------------------------------- checks -- */

static bool is_value(const pat_expr *e)
{
    return e->kind <= PE_NAME || (e->kind == PE_NEG && e->args.at[0]->kind <= PE_FLOAT) ||
           (e->kind == PE_CALL && !strcmp(e->name, "dtype") && e->args.n == 1 && e->args.at[0]->kind == PE_NAME);
}

/* The left side of a binder: a name, or several that are chosen together. */
static bool check_names(family *f, const pat_expr *left, pat_names *seen)
{
    bool ok = left->kind == PE_NAME || (left->kind == PE_LIST && left->args.n);
    for (uint32_t i = 0; ok && i < (left->kind == PE_LIST ? left->args.n : 1); i++) {
        const pat_expr *name = component(left, i);
        ok = name->kind == PE_NAME;
        if (ok && pat_listed(seen, name->name)) {
            pat_error(f->s, name->span, E_MEMBER_TWICE, "'%s' is declared twice", name->name);
            return false;
        }
        PAT_PUSH(f->s->arena, *seen, name->name);
    }
    if (!ok)
        pat_error(f->s, left->span, E_FAMILY_BINDER, "a family chooses for a name, or for a list of names");
    return ok;
}

static bool check_element(family *f, const pat_expr *left, const pat_expr *e)
{
    uint32_t n = left->kind == PE_LIST ? left->args.n : 0;
    bool ok = n ? e->kind == PE_LIST && e->args.n == n : is_value(e);
    for (uint32_t i = 0; ok && i < n; i++)
        ok = is_value(e->args.at[i]);
    if (ok)
        return true;
    if (n)
        pat_error(f->s, e->span, E_FAMILY_BINDER, "a list of %u names or literals is wanted here", n);
    else
        pat_error(f->s, e->span, E_FAMILY_BINDER, "a name or a literal is wanted here");
    pat_note(f->s, left->span, "it is chosen for this");
    return false;
}

static bool check_binder(family *f, const pat_expr *e, pat_names *seen)
{
    if (e->kind != PE_IN || e->args.at[1]->kind != PE_SET || !e->args.at[1]->args.n) {
        pat_error(f->s, e->span, E_FAMILY_BINDER, "a family is written: for name in {a, b}");
        return false;
    }
    bool ok = check_names(f, e->args.at[0], seen);
    for (uint32_t i = 0; ok && i < e->args.at[1]->args.n; i++)
        ok = check_element(f, e->args.at[0], e->args.at[1]->args.at[i]);
    return ok;
}

static bool check_family(family *f, const pat_rule *rule)
{
    pat_names seen = {0};
    uint64_t n = 1;
    bool ok = true;
    for (uint32_t i = 0; i < rule->family.n; i++) {
        ok &= check_binder(f, rule->family.at[i], &seen);
        if (ok && n <= MAX_INSTANCES)
            n *= rule->family.at[i]->args.at[1]->args.n;
    }
    if (ok && (n > MAX_INSTANCES || seen.n > MAX_INSTANCES)) {
        pat_error(f->s, rule->name_span, E_FAMILY_SIZE, "family '%s' has more than %d instances", rule->name,
                  MAX_INSTANCES);
        return false;
    }
    return ok;
}

void pat_expand_families(pat_session *s, pat_program *p)
{
    pat_program to = {0};
    for (uint32_t i = 0; i < p->rules.n; i++) {
        pat_rule *rule = p->rules.at[i];
        family f = {.s = s, .p = p};
        if (!rule->family.n)
            PAT_PUSH(s->arena, to.rules, rule);
        else if (check_family(&f, rule))
            expand_family(&f, rule, &to);
    }
    p->rules.at = to.rules.at;
    p->rules.n = to.rules.n;
    p->rules.cap = to.rules.cap;
}
