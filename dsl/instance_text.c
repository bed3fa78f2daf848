/* See instance_parts.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "instance_parts.h"
#include "memory.h"
#include "sld_abi.h"

uint32_t m_dtype_of(maker *m, uint32_t dtype)
{
    static const int usual[] = {SLD_F32, SLD_F16, SLD_BF16, SLD_I64, SLD_BOOL};
    uint32_t set = t_dtype_set(m->t, dtype);
    if (set & m->dtypes)
        return (uint32_t)__builtin_ctz(m->dtypes);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (set >> usual[i] & 1)
            return (uint32_t)usual[i];
    return set ? (uint32_t)__builtin_ctz(set) : SLD_F32;
}

static void put_name(maker *m, const x_val *v)
{
    if (v->name && v->kind != XVAL_NUMBER)
        fprintf(m->f, "%%%s%s", v->scope->rule_level ? "" : v->scope->prefix, v->name);
    else
        fprintf(m->f, "%%t%" PRIu32, v->id);
}

static bool is_absent(const maker *m, const x_val *v)
{
    return v->kind == XVAL_NONE || (v->maybe && m->wish.absent);
}

static void put_shape(maker *m, s_shape s, bool list)
{
    int64_t v = 0;
    s = s_resolve_shape(m->t->c, s);
    fputc('[', m->f);
    for (uint32_t i = 0; i < s.n; i++) {
        m->open |= s.at[i].seg || !s_is_const(s.at[i].dim, &v) || (!list && v < 0);
        fprintf(m->f, "%s%" PRId64, i ? ", " : "", v);
    }
    fputc(']', m->f);
}

static void put_type(maker *m, const t_value *v)
{
    fprintf(m->f, " : %s", pat_dtype_name((int)m_dtype_of(m, v->dtype)));
    put_shape(m, v->shape, false);
}

const pat_expr *m_bound_float(const maker *m, pat_name name)
{
    for (uint32_t i = 0; i < m->floats.n; i++)
        if (m->floats.at[i]->name == name)
            return m->floats.at[i]->value;
    return NULL;
}

double m_number_of(const pat_expr *e, double otherwise)
{
    if (!e)
        return otherwise;
    if (e->kind == PE_NEG)
        return -m_number_of(e->args.at[0], otherwise);
    return e->kind == PE_INT || e->kind == PE_FLOAT ? e->fval : otherwise;
}

static void put_literal(maker *m, const x_val *v)
{
    bool number = v->kind == XVAL_NUMBER, raised = m->wish.raised == v;
    double d = number ? v->fval : m_number_of(m_bound_float(m, v->capture->name), 0.5);
    uint32_t dtype = m_dtype_of(m, m->t->vals[v->id].dtype);
    fputs("const ", m->f);
    put_name(m, v);
    fprintf(m->f, " : %s%s = %s", pat_dtype_name((int)dtype), raised ? "[1, 1, 1, 1, 1, 1]" : "[]", raised ? "[" : "");
    if (dtype == SLD_BOOL)
        fputs(d != 0 ? "true" : "false", m->f);
    else if (dtype < SLD_F8E4M3FN)
        fprintf(m->f, "%" PRId64, (int64_t)d);
    else
        fprintf(m->f, "%.9g", d);
    fputs(raised ? "]\n" : "\n", m->f);
}

/* Values that a condition wants to be constants are: const(v). */
static bool wants_const(const maker *m, const x_val *v)
{
    for (uint32_t i = 0; i < m->t->v->where.n; i++) {
        const pat_expr *e = m->t->v->where.at[i]->expr;
        if (e->kind == PE_CALL && !strcmp(e->name, "const") && e->args.n == 1 && v->name == e->args.at[0]->name)
            return true;
    }
    return false;
}

static void put_constant(maker *m, const x_val *v)
{
    int64_t n = 0;
    const t_value *x = &m->t->vals[v->id];
    fputs("const ", m->f);
    put_name(m, v);
    put_type(m, x);
    s_is_const(s_numel(m->t->c, x->shape), &n);
    fputs(" = [", m->f);
    for (int64_t i = 0; i < n && i < 1 << 16; i++)
        fputs(i ? ", 1" : "1", m->f);
    fputs("]\n", m->f);
}

static void put_input(maker *m, const x_val *v)
{
    const t_value *x = &m->t->vals[v->id];
    if (v->kind == XVAL_NUMBER || v->kind == XVAL_CONST) {
        put_literal(m, v);
    } else if (wants_const(m, v)) {
        put_constant(m, v);
    } else if (v->kind != XVAL_RESULT && !is_absent(m, v) && x->known) {
        fputs("input ", m->f);
        put_name(m, v);
        put_type(m, x);
        fputc('\n', m->f);
    }
}

/* Short where that is exact. */
void m_put_float(FILE *f, double d)
{
    char text[40];
    snprintf(text, sizeof text, "%.15g", d);
    if (strtod(text, NULL) != d)
        snprintf(text, sizeof text, "%.17g", d);
    fputs(text, f);
}

static void put_attr_value(maker *m, const x_attr *a, s_val v)
{
    const pat_expr *e = a->value;
    char kind = a->attr->kind ? a->attr->kind[0] : 'e';
    int64_t i = 0;
    bool known = v.kind == S_NUM && s_is_const(s_resolve(m->t->c, v.num), &i);
    if (kind == 'f') {
        const pat_expr *given = e->kind == PE_NAME ? m_bound_float(m, e->name) : e;
        m->open |= e->kind != PE_NAME && e->kind != PE_FLOAT && e->kind != PE_INT && e->kind != PE_NEG && e->kind != PE_WILD;
        m_put_float(m->f, m_number_of(given, 1e-5));
    } else if (kind == 's') {
        const pat_expr *given = e->kind == PE_NAME ? m_bound_float(m, e->name) : e;
        fprintf(m->f, "\"%s\"", given && given->kind == PE_STRING ? given->name : "text");
    } else if (kind == 'd') {
        fputs(pat_dtype_name((int)m_dtype_of(m, v.dtype)), m->f);
    } else if (v.kind == S_LIST) {
        put_shape(m, v.list, true);
    } else if (kind == 'b') {
        fputs(i ? "true" : "false", m->f);
    } else if (kind == 'e') {
        m->open |= !known || i < 0;
        fputs(a->attr->words.at[(uint64_t)i % a->attr->words.n]->name, m->f);
    } else {
        m->open |= !known;
        fprintf(m->f, "%" PRId64, i);
    }
}

static void put_node(maker *m, const x_node *n)
{
    for (uint32_t i = 0; i < n->results.n; i++) {
        fputs(i ? ", " : "", m->f);
        put_name(m, n->results.at[i]);
    }
    fprintf(m->f, " = %s(", n->op->name);
    for (uint32_t i = 0; i < n->operands.n; i++) {
        fputs(i ? ", " : "", m->f);
        if (is_absent(m, n->operands.at[i]))
            fputc('_', m->f);
        else
            put_name(m, n->operands.at[i]);
    }
    const char *before = "; ";
    for (uint32_t i = 0; i < n->attrs.n; i++) {
        if (!n->attrs.at[i]->value)
            continue;
        fprintf(m->f, "%s%s = ", before, n->attrs.at[i]->attr->name);
        put_attr_value(m, n->attrs.at[i], m->t->calls[n->id - 1]->attrs[i]);
        before = ", ";
    }
    fputs(")\n", m->f);
}

/* Values that the rule replaces are outputs; without any, those of the root. */
static void put_outputs(maker *m)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->t->v->vals.n; i++) {
        const x_val *v = m->t->v->vals.at[i];
        if (v->kind != XVAL_RESULT || !v->yielded || m->left_out >> (n & 63) & 1) {
            n += v->kind == XVAL_RESULT && v->yielded;
            continue;
        }
        fprintf(m->f, "output out%" PRIu32 " = ", n++);
        put_name(m, v);
        fputc('\n', m->f);
    }
    if (m->wish.escapes) {
        fputs("output escaped = ", m->f);
        put_name(m, m->wish.escapes);
        fputc('\n', m->f);
    }
}

const char *m_print_graph(maker *m)
{
    pat_printed text;
    m->f = pat_print(&text);
    for (uint32_t i = 0; i < m->t->v->vals.n; i++)
        put_input(m, m->t->v->vals.at[i]);
    for (uint32_t i = 0; i < m->t->v->nodes.n; i++)
        put_node(m, m->t->v->nodes.at[i]);
    put_outputs(m);
    return pat_print_kept(&text, m->t->s->arena);
}

