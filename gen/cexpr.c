/* Expressions of conditions and attributes as C.  Dims may be symbolic, so arithmetic goes
 * through primitives and a comparison holds only when it holds for all their values. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "gen.h"

static cx fail(gen *g, const pat_expr *e, const char *what)
{
    gen_fault(g, e->span, what);
    return (cx){CX_ERROR, "0", NULL};
}

static const char *value_arg(gen *g, const pat_expr *call, x_scope *s, val_part part)
{
    const pat_expr *a = call->args.n ? call->args.at[0] : NULL;
    x_name *n = a && a->kind == PE_NAME ? pat_scope_find(s, a->name) : NULL;
    const char *c = n && n->val ? g->names.val(g->names.of, n->val, part) : NULL;
    if (c)
        return c;
    fail(g, call, gen_format(g, "'%s' wants the name of a value that is matched before it", call->name));
    return NULL;
}

const char *float_text(gen *g, double v)
{
    if (isinf(v) || isnan(v))
        return isnan(v) ? "NAN" : v < 0 ? "-INFINITY" : "INFINITY";
    const char *text = gen_format(g, "%.17g", v);
    return strpbrk(text, ".e") ? text : gen_format(g, "%s.0", text);
}

static cx attr_var(gen *g, const x_var *v, const char *c)
{
    if (!v->attr)
        return (cx){CX_FLOAT, gen_format(g, "%s.f", c), NULL};
    switch (attr_kind(v->attr)) {
    case SLD_ATTR_FLOAT: return (cx){CX_FLOAT, gen_format(g, "%s.f", c), v->attr};
    case SLD_ATTR_INT:
    case SLD_ATTR_AXIS: return (cx){CX_DIM, gen_format(g, "%s.i", c), v->attr};
    case SLD_ATTR_BOOL: return (cx){CX_BOOL, gen_format(g, "%s.i", c), v->attr};
    case SLD_ATTR_DTYPE: return (cx){CX_DTYPE, gen_format(g, "%s.i", c), v->attr};
    default: return (cx){CX_ATTR, c, v->attr};
    }
}

static cx name_expr(gen *g, const pat_expr *e, x_scope *s)
{
    for (uint32_t i = 0; i < s->names.n; i++) {
        const x_var *v = s->names.at[i]->name == e->name ? s->names.at[i]->var : NULL;
        const char *c = v && v->kind != XV_RANK ? g->names.var(g->names.of, v) : NULL;
        if (c)
            return v->kind == XV_DIM     ? (cx){CX_DIM, c, NULL}
                   : v->kind == XV_DTYPE ? (cx){CX_DTYPE, c, NULL}
                                         : attr_var(g, v, c);
    }
    int t = dtype_by_name(e->name);
    if (t > 0)
        return (cx){CX_DTYPE, dtype_enum(t), NULL};
    if (!strcmp(e->name, "inf") || !strcmp(e->name, "nan"))
        return (cx){CX_FLOAT, float_text(g, *e->name == 'i' ? INFINITY : NAN), NULL};
    return fail(g, e, gen_format(g, "'%s' is not bound by the match", e->name));
}

static cx call_expr(gen *g, const pat_expr *e, x_scope *s)
{
    if (!strcmp(e->name, "identity") || !strcmp(e->name, "ones")) {
        cx a = e->args.n == 1 ? emit_expr(g, e->args.at[0], s) : (cx){0};
        if (a.kind != CX_ATTR)
            return fail(g, e, gen_format(g, "'%s' wants a captured list", e->name));
        return (cx){CX_BOOL, gen_format(g, "sld_list_%s(%s)", e->name, a.c), NULL};
    }
    static const struct { const char *name; cx_kind kind; val_part part; const char *before, *after; } functions[] = {
        {"shape", CX_SHAPE, VAL_ITSELF, "", ""},
        {"dtype", CX_DTYPE, VAL_DTYPE, "", ""},
        {"rank", CX_DIM, VAL_RANK, "(sld_dim)", ""},
        {"const", CX_BOOL, VAL_ITSELF, "SLD_IS_CONST(g, ", ")"},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (!strcmp(e->name, functions[i].name)) {
            const char *v = value_arg(g, e, s, functions[i].part);
            return (cx){v ? functions[i].kind : CX_ERROR,
                        gen_format(g, "%s%s%s", functions[i].before, v ? v : "0", functions[i].after), NULL};
        }
    return fail(g, e, gen_format(g, "unknown function '%s'", e->name));
}

static cx compare(gen *g, const pat_expr *e, cx a, cx b)
{
    bool eq = e->kind == PE_EQ, ne = e->kind == PE_NE;
    if (a.kind == CX_SHAPE && b.kind == CX_SHAPE && (eq || ne))
        return (cx){CX_BOOL, gen_format(g, "%ssld_same_shape(g, %s, %s)", ne ? "!" : "", a.c, b.c), NULL};
    if (a.kind == CX_DIM && b.kind == CX_DIM) {
        switch (e->kind) {
        case PE_EQ: return (cx){CX_BOOL, gen_format(g, "SLD_DIM_EQ(g, %s, %s)", a.c, b.c), NULL};
        case PE_NE: return (cx){CX_BOOL, gen_format(g, "SLD_DIM_NE(g, %s, %s)", a.c, b.c), NULL};
        case PE_LE: return (cx){CX_BOOL, gen_format(g, "SLD_DIM_LE(g, %s, %s)", a.c, b.c), NULL};
        case PE_GE: return (cx){CX_BOOL, gen_format(g, "SLD_DIM_LE(g, %s, %s)", b.c, a.c), NULL};
        case PE_LT: return (cx){CX_BOOL, gen_format(g, "SLD_DIM_LE(g, SLD_DIM_ADD(g, %s, 1), %s)", a.c, b.c), NULL};
        default: return (cx){CX_BOOL, gen_format(g, "SLD_DIM_LE(g, SLD_DIM_ADD(g, %s, 1), %s)", b.c, a.c), NULL};
        }
    }
    static const char *const ops[] = {
        [PE_EQ] = "==", [PE_NE] = "!=", [PE_LT] = "<", [PE_LE] = "<=", [PE_GT] = ">", [PE_GE] = ">=",
    };
    bool numbers = (a.kind == CX_FLOAT || a.kind == CX_DIM) && (b.kind == CX_FLOAT || b.kind == CX_DIM);
    bool equals = (a.kind == b.kind && (a.kind == CX_DTYPE || a.kind == CX_BOOL)) && (eq || ne);
    if (numbers || equals)
        return (cx){CX_BOOL, gen_format(g, "%s %s %s", a.c, ops[e->kind], b.c), NULL};
    return fail(g, e, "the two sides cannot be compared");
}

/* style == neox: the word takes its meaning from the attribute. */
static bool enum_compare(gen *g, const pat_expr *e, x_scope *s, cx *x)
{
    for (int side = 0; side < 2; side++) {
        const pat_expr *name = e->args.at[side], *word = e->args.at[1 - side];
        if (name->kind != PE_NAME || word->kind != PE_NAME)
            continue;
        for (uint32_t i = 0; i < s->names.n; i++) {
            const x_var *v = s->names.at[i]->name == name->name ? s->names.at[i]->var : NULL;
            if (!v || v->kind != XV_ATTR || !v->attr || v->attr->kind)
                continue;
            int w = enum_word(v->attr, word->name);
            if (w < 0)
                return *x = fail(g, word, gen_format(g, "'%s' is not a value of '%s'", word->name, v->attr->name)),
                       true;
            const char *c = g->names.var(g->names.of, v);
            *x = (cx){CX_BOOL, gen_format(g, "%s.i %s %d", c ? c : "0", e->kind == PE_EQ ? "==" : "!=", w), NULL};
            return true;
        }
    }
    return false;
}

static cx membership(gen *g, const pat_expr *e, x_scope *s)
{
    const char *all = "false";
    for (uint32_t i = 0; i < e->args.at[1]->args.n; i++) {
        pat_expr *pair[2] = {e->args.at[0], e->args.at[1]->args.at[i]};
        pat_expr eq = {.kind = PE_EQ, .span = e->span, .args = {pair, 2, 2}};
        cx x = emit_expr(g, &eq, s);
        if (x.kind == CX_ERROR)
            return x;
        all = i ? gen_format(g, "%s || %s", all, x.c) : x.c;
    }
    return (cx){CX_BOOL, gen_format(g, "(%s)", all), NULL};
}

static cx arithmetic(gen *g, const pat_expr *e, cx a, cx b)
{
    static const char *const dims[] = {
        [PE_ADD] = "SLD_DIM_ADD", [PE_SUB] = "SLD_DIM_SUB", [PE_MUL] = "SLD_DIM_MUL",
        [PE_DIV] = "SLD_DIM_DIV", [PE_MOD] = "SLD_DIM_MOD",
    };
    static const char ops[] = {[PE_ADD] = '+', [PE_SUB] = '-', [PE_MUL] = '*', [PE_DIV] = '/'};
    if (a.kind == CX_DIM && b.kind == CX_DIM)
        return (cx){CX_DIM, gen_format(g, "%s(g, %s, %s)", dims[e->kind], a.c, b.c), NULL};
    bool numbers = (a.kind == CX_FLOAT || a.kind == CX_DIM) && (b.kind == CX_FLOAT || b.kind == CX_DIM);
    if (numbers && e->kind != PE_MOD)
        return (cx){CX_FLOAT, gen_format(g, "((double)%s %c (double)%s)", a.c, ops[e->kind], b.c), NULL};
    return fail(g, e, "arithmetic wants numbers");
}

static cx binary(gen *g, const pat_expr *e, x_scope *s)
{
    cx x;
    if ((e->kind == PE_EQ || e->kind == PE_NE) && enum_compare(g, e, s, &x))
        return x;
    cx a = emit_expr(g, e->args.at[0], s), b = emit_expr(g, e->args.at[1], s);
    if (a.kind == CX_ERROR || b.kind == CX_ERROR)
        return (cx){CX_ERROR, "0", NULL};
    if (e->kind == PE_AND || e->kind == PE_OR)
        return a.kind == CX_BOOL && b.kind == CX_BOOL
                   ? (cx){CX_BOOL, gen_format(g, "(%s %s %s)", a.c, e->kind == PE_AND ? "&&" : "||", b.c), NULL}
                   : fail(g, e, "'and' and 'or' want conditions");
    return e->kind >= PE_EQ && e->kind <= PE_GE ? compare(g, e, a, b) : arithmetic(g, e, a, b);
}

cx emit_expr(gen *g, const pat_expr *e, x_scope *s)
{
    cx a;
    switch (e->kind) {
    case PE_INT:
        return (cx){CX_DIM, gen_format(g, "INT64_C(%" PRId64 ")", e->ival), NULL};
    case PE_FLOAT:
        return (cx){CX_FLOAT, float_text(g, e->fval), NULL};
    case PE_BOOL:
        return (cx){CX_BOOL, e->ival ? "true" : "false", NULL};
    case PE_NAME:
        return name_expr(g, e, s);
    case PE_CALL:
        return call_expr(g, e, s);
    case PE_NEG:
        if (e->args.at[0]->kind == PE_INT)
            return (cx){CX_DIM, gen_format(g, "INT64_C(-%" PRId64 ")", e->args.at[0]->ival), NULL};
        a = emit_expr(g, e->args.at[0], s);
        if (a.kind == CX_DIM)
            return (cx){CX_DIM, gen_format(g, "SLD_DIM_SUB(g, 0, %s)", a.c), NULL};
        return a.kind == CX_FLOAT ? (cx){CX_FLOAT, gen_format(g, "-%s", a.c), NULL}
                                  : fail(g, e, "'-' wants a number");
    case PE_NOT:
        a = emit_expr(g, e->args.at[0], s);
        return a.kind == CX_BOOL ? (cx){CX_BOOL, gen_format(g, "!(%s)", a.c), NULL}
                                 : fail(g, e, "'not' wants a condition");
    case PE_IN:
        return membership(g, e, s);
    case PE_STRING: case PE_RANK: case PE_WILD: case PE_LIST: case PE_SET:
        return fail(g, e, "this cannot stand in an expression");
    default:
        return binary(g, e, s);
    }
}

const char *emit_condition(gen *g, const pat_expr *e, x_scope *s)
{
    cx x = emit_expr(g, e, s);
    if (x.kind != CX_BOOL && x.kind != CX_ERROR)
        fail(g, e, "a condition is wanted here");
    return x.c;
}

void split_condition(gen *g, const pat_expr *e, void each(void *of, const pat_expr *e), void *of)
{
    if (e->kind != PE_AND) {
        each(of, e);
        return;
    }
    for (uint32_t i = 0; i < e->args.n; i++)
        split_condition(g, e->args.at[i], each, of);
}
