/* See reading.h. */
#include "reading.h"

#include <string.h>

#include "prover.h"

bool c_is_number(p_var *var, int64_t lo, int64_t hi)
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
    return n && c_is_number(var, 0, (int64_t)n - 1);
}

bool c_is_dtype(pat_session *s, p_var *var, uint32_t set)
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

bool c_is_attr(const c_reading *r, const pat_attr *a, p_var *var)
{
    if (!a->kind) {
        pat_name *words = pat_alloc(r->s->arena, (a->words.n + 1) * sizeof *words);
        for (uint32_t i = 0; i < a->words.n; i++)
            words[i] = a->words.at[i]->name;
        return is_word(var, words, a->words.n);
    }
    if (!strcmp(a->kind, "dtype"))
        return c_is_dtype(r->s, var, t_declared_set(r->p, a->kind));
    if (!strcmp(a->kind, "bool"))
        return c_is_number(var, 0, 1);
    return (!strcmp(a->kind, "int") || !strcmp(a->kind, "axis")) && c_is_number(var, L_LEAST, L_MOST);
}

static bool is_run(pat_name name, p_var *var)
{
    return pat_is_graph_name(name) && c_is_number(var, strcmp(name, "tokens") != 0, L_MOST);
}

static bool name_of_signature(const c_reading *r, pat_name name, p_var *var)
{
    const pat_attr *a = pat_find_attr(r->op, name);
    for (uint32_t i = 0; i < r->op->operands.n; i++) {
        const pat_type *t = r->op->operands.at[i]->type;
        for (uint32_t k = 0; k < t->elems.n; k++)
            if (t->elems.at[k]->kind == PE_NAME && t->elems.at[k]->name == name)
                return c_is_number(var, 0, L_MOST);
    }
    return a ? c_is_attr(r, a, var) : is_run(name, var);
}

static bool is_dim_of_type(const x_type *t, const x_scope *scope, pat_name name)
{
    for (uint32_t i = 0; t->scope == scope && i < t->type->elems.n; i++)
        if (t->type->elems.at[i]->kind == PE_NAME && t->type->elems.at[i]->name == name)
            return true;
    return false;
}

/* Dims are those of annotations, attributes those that are captured by their own op. */
bool c_name_of_rule(const c_reading *r, pat_name name, p_var *var)
{
    const x_variant *v = r->rule;
    for (uint32_t i = 0; i < v->vals.n; i++)
        for (uint32_t k = 0; k < v->vals.at[i]->types.n; k++)
            if (is_dim_of_type(v->vals.at[i]->types.at[k], v->scope, name))
                return c_is_number(var, 0, L_MOST);
    for (uint32_t i = 0; i < v->nodes.n; i++)
        for (uint32_t k = 0; k < v->nodes.at[i]->attrs.n; k++) {
            const x_attr *a = v->nodes.at[i]->attrs.at[k];
            if (a->scope == v->scope && a->value && a->value->kind == PE_NAME && a->value->name == name)
                return c_is_attr(r, a->attr, var);
        }
    return false;
}

bool c_name_of_gate(const c_reading *r, pat_name name, p_var *var)
{
    const pat_option *o = pat_find_option(r->p, name);
    if (!strcmp(name, "on") || !strcmp(name, "off"))
        return c_is_number(var, name[1] == 'n', name[1] == 'n');
    return o ? c_is_number(var, o->is_int ? L_LEAST : 0, o->is_int ? L_MOST : 1) : is_run(name, var);
}

/* Operands of one dtype variable have one dtype: the first of them speaks for it. */
static bool dtype_of_operand(const c_reading *r, pat_name operand, p_var *var)
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
    return c_is_dtype(r->s, var, t_declared_set(r->p, op->operands.at[i]->type->dtype));
}

/* What follows from operands is not negative, and not free. */
static bool call_of_signature(const c_reading *r, const pat_expr *e, p_var *var)
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

bool c_describe(void *of, const pat_expr *e, p_var *var)
{
    const c_reading *r = of;
    if (e->kind == PE_CALL)
        return r->op && call_of_signature(r, e, var);
    var->name = e->name;
    if (r->op)
        return name_of_signature(r, e->name, var);
    return r->rule ? c_name_of_rule(r, e->name, var) : c_name_of_gate(r, e->name, var);
}

