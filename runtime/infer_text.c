/* The messages of inference: what a signature asks for, in the words of its declaration, with
 * the values that its variables have, and what an operand is instead. */
#include <inttypes.h>
#include <string.h>

#include "infer.h"

/* A text that is cut off where the buffer ends. */
typedef struct text { size_t n; char at[400]; } text;

static void put(text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(t->at + t->n, sizeof t->at - t->n, fmt, ap);
    va_end(ap);
    t->n = n < 0 || t->n + (size_t)n >= sizeof t->at ? sizeof t->at - 1 : t->n + (size_t)n;
}

static void put_dim(const sld_env *e, text *t, sld_dim d)
{
    char buf[120];
    sld_dim_print(e->g, d, buf, sizeof buf);
    put(t, "%s", buf);
}

static void put_dims(const sld_env *e, text *t, uint32_t n, const sld_dim *d)
{
    put(t, "[");
    for (uint32_t i = 0; i < n; i++) {
        put(t, i ? ", " : "");
        put_dim(e, t, d[i]);
    }
    put(t, "]");
}

/* ------------------------------------------------------------- expressions -- */

static const struct { const char *text; int binds;
} operators[SLD_T_NOT + 1] = {
    [SLD_T_OR] = {" or ", 1},  [SLD_T_AND] = {" and ", 2}, [SLD_T_NOT] = {"not ", 3},
    [SLD_T_IN] = {" in {", 4}, [SLD_T_EQ] = {" == ", 4},   [SLD_T_NE] = {" != ", 4},
    [SLD_T_LT] = {" < ", 4},   [SLD_T_LE] = {" <= ", 4},   [SLD_T_GT] = {" > ", 4},
    [SLD_T_GE] = {" >= ", 4},  [SLD_T_ADD] = {" + ", 5},   [SLD_T_SUB] = {" - ", 5},
    [SLD_T_MUL] = {" * ", 6},  [SLD_T_DIV] = {" / ", 6},   [SLD_T_MOD] = {" % ", 6},
    [SLD_T_NEG] = {"-", 7},
};

static const char *function_name(unsigned fn)
{
    static const char *const names[] = {
#define X(id, name, args, gives) #name,
        SLD_FN_LIST(X)
#undef X
    };
    return fn < SLD_FN_COUNT ? names[fn] : "?";
}

static const sld_term *put_term(const sld_env *e, text *out, const sld_term *t, const sld_attr_info *words,
                                int binds);

static const sld_term *put_list(const sld_env *e, text *out, const sld_term *t, uint32_t n,
                                const sld_attr_info *words)
{
    for (uint32_t i = 0; i < n; i++) {
        put(out, i ? ", " : "");
        t = put_term(e, out, t, words, 0);
    }
    return t;
}

/* An attribute of words gives their names to the numbers that it is compared with. */
static const sld_attr_info *words_of(const sld_env *e, const sld_term *t)
{
    const sld_attr_info *info = t->kind == SLD_T_ATTR ? &e->op->attrs[t->id] : NULL;
    return info && info->kind == SLD_ATTR_ENUM ? info : NULL;
}

static bool is_bytes(const sld_term *t)
{
    return t->kind == SLD_T_CALL && t->id == SLD_FN_BYTES;
}

/* A number of bytes as one would write it. */
static void put_size(text *out, int64_t n)
{
    bool mib = n % (1 << 20) == 0, kib = n % 1024 == 0;
    put(out, "%" PRId64 "%s", n >> (mib ? 20 : kib ? 10 : 0), mib ? " MiB" : kib ? " KiB" : "");
}

static const sld_term *put_operator(const sld_env *e, text *out, const sld_term *op, int binds)
{
    const char *name = operators[op->kind].text;
    int own = operators[op->kind].binds;
    const sld_term *t = op + 1;
    const sld_attr_info *words = words_of(e, t);
    put(out, own < binds ? "(" : "");
    if (op->kind == SLD_T_NEG || op->kind == SLD_T_NOT) {
        put(out, "%s", name);
        t = put_term(e, out, t, NULL, own);
    } else {
        bool bytes = is_bytes(t);
        t = put_term(e, out, t, NULL, own);
        put(out, "%s", name);
        if (bytes && t->kind == SLD_T_INT && t->ival > 0)
            put_size(out, t++->ival);
        else
            t = op->kind == SLD_T_IN ? put_list(e, out, t, op->nargs - 1u, words)
                                     : put_term(e, out, t, words, own + 1);
        put(out, op->kind == SLD_T_IN ? "}" : "");
    }
    put(out, own < binds ? ")" : "");
    return t;
}

/* Prints one expression and answers the term behind it; binds: how strongly its surroundings do. */
static const sld_term *put_term(const sld_env *e, text *out, const sld_term *t, const sld_attr_info *words,
                                int binds)
{
    const sld_op_info *op = e->op;
    switch ((sld_term_kind)t->kind) {
    case SLD_T_INT:
        if (words && t->ival >= 0 && t->ival < words->n_names)
            put(out, "%s", words->names[t->ival]);
        else
            put(out, "%" PRId64, t->ival);
        return t + 1;
    case SLD_T_FLOAT: put(out, "%g", t->fval); return t + 1;
    case SLD_T_DIM: put(out, "%s", op->dim_vars[t->id]); return t + 1;
    case SLD_T_RANK: put(out, "%s%s", binds < 0 ? "*" : "", op->rank_vars[t->id]); return t + 1;
    case SLD_T_ATTR: put(out, "%s", op->attrs[t->id].name); return t + 1;
    case SLD_T_OPERAND: put(out, "%s", op->operands[t->id].name); return t + 1;
    case SLD_T_RUN:
        put(out, t->id == SLD_RUN_TOKENS ? "tokens" : t->id == SLD_RUN_WORLD ? "world" : "units");
        return t + 1;
    case SLD_T_DTYPE: put(out, "%s", sld_dtype_name((sld_dtype)t->ival)); return t + 1;
    case SLD_T_CALL:
    case SLD_T_LIST: {
        bool call = t->kind == SLD_T_CALL;
        put(out, "%s%s", call ? function_name(t->id) : "", call ? "(" : "[");
        const sld_term *end = put_list(e, out, t + 1, t->nargs, NULL);
        put(out, call ? ")" : "]");
        return end;
    }
    default: return put_operator(e, out, t, binds);
    }
}

/* --------------------------------------------------------------- variables -- */

static void put_attr(const sld_env *e, text *out, uint32_t slot)
{
    const sld_attr_info *info = &e->op->attrs[slot];
    const sld_attr *a = &e->attrs[slot];
    put(out, "%s = ", info->name);
    switch (a->kind) {
    case SLD_ATTR_FLOAT: put(out, "%g", a->f); break;
    case SLD_ATTR_BOOL: put(out, a->i ? "true" : "false"); break;
    case SLD_ATTR_STRING: put(out, "\"%s\"", a->s); break;
    case SLD_ATTR_DTYPE: put(out, "%s", sld_dtype_name((sld_dtype)a->i)); break;
    case SLD_ATTR_ENUM: put(out, "%s", info->names[a->i]); break;
    case SLD_ATTR_INTS:
    case SLD_ATTR_AXES: put_dims(e, out, a->n, a->p); break;
    default: put_dim(e, out, a->i);
    }
}

static bool bound(const sld_env *e, const sld_term *t)
{
    return t->kind == SLD_T_DIM    ? e->dims[t->id] != SLD_SYM_NONE
           : t->kind == SLD_T_RANK ? e->ranks[t->id].operand >= 0
           : t->kind == SLD_T_RUN  ? t->id != SLD_RUN_TOKENS || e->g->tokens || e->g->bucket.hi
                                   : t->kind == SLD_T_ATTR || t->kind == SLD_T_OPERAND;
}

static void put_run(const sld_env *e, text *out, unsigned name)
{
    int64_t lo = e->g->bucket.lo, hi = e->g->bucket.hi;
    if (name == SLD_RUN_WORLD) {
        put(out, "world = %" PRId64, e->g->world);
        return;
    }
    if (name == SLD_RUN_UNITS) {
        put(out, e->g->units ? "units = %" PRId64 : "units not known", e->g->units);
        return;
    }
    if (e->g->tokens)
        sld_dim_bounds(e->g, e->g->tokens, &lo, &hi);
    put(out, lo == hi ? "tokens = %" PRId64 : "tokens = %" PRId64 "..%" PRId64, lo, hi);
}

/* x: bf16[2, 3], and how many bytes that is, if it is known. */
static void put_operand(const sld_env *e, text *out, uint32_t i, bool bytes)
{
    const sld_type_rec *v = sld_type_of(e->g, e->in[i]);
    const sld_dim *dims = sld_shape(e->g, e->in[i]);
    double n = (double)sld_dtype_size((sld_dtype)v->dtype);
    put(out, "%s: %s", e->op->operands[i].name, sld_dtype_name((sld_dtype)v->dtype));
    put_dims(e, out, v->rank, dims);
    for (uint32_t k = 0; k < v->rank; k++) {
        int64_t lo, hi;
        sld_dim_bounds(e->g, dims[k], &lo, &hi);
        bytes &= lo == hi;
        n *= (double)lo;
    }
    if (bytes)
        put(out, " of %.0f bytes", n);
}

/* " with H = 64, A = [2, 3]": the variables among the terms that have values, each once. */
static void put_values(const sld_env *e, text *out, const sld_term *terms, uint32_t n)
{
    const char *before = " with ";
    for (uint32_t i = 0; i < n; i++) {
        const sld_term *t = &terms[i], *first = terms;
        while (first->kind != t->kind || first->id != t->id)
            first++;
        if (first < t || !bound(e, t) || (t->kind == SLD_T_OPERAND && (t->id >= e->n_in || !e->in[t->id])))
            continue;
        put(out, "%s", before);
        before = ", ";
        if (t->kind == SLD_T_ATTR) {
            put_attr(e, out, t->id);
        } else if (t->kind == SLD_T_RUN) {
            put_run(e, out, t->id);
        } else if (t->kind == SLD_T_DIM) {
            put(out, "%s = ", e->op->dim_vars[t->id]);
            put_dim(e, out, e->dims[t->id]);
        } else if (t->kind == SLD_T_RANK) {
            const sld_rank_binding *r = &e->ranks[t->id];
            put(out, "%s = ", e->op->rank_vars[t->id]);
            put_dims(e, out, r->n, sld_shape(e->g, e->in[r->operand]) + r->at);
        } else {
            put_operand(e, out, t->id, i && is_bytes(t - 1));
        }
    }
}

/* ---------------------------------------------------------------- operands -- */

static void put_dtype(const sld_env *e, text *out, const sld_type *t)
{
    put(out, "%s", t->from == SLD_DT_VAR     ? e->op->dtype_vars[t->dtype].name
                   : t->from == SLD_DT_FIXED ? sld_dtype_name((sld_dtype)t->dtype)
                                             : e->op->attrs[t->dtype].name);
}

static void put_expected(const sld_env *e, text *out, const sld_type *type)
{
    const sld_term *t = type->shape;
    put(out, "expected ");
    put_dtype(e, out, type);
    put(out, "[");
    for (uint32_t i = 0; i < type->n_elems; i++) {
        put(out, i ? ", " : "");
        t = put_term(e, out, t, NULL, t->kind == SLD_T_RANK ? -1 : 0);
    }
    put(out, "]");
}

static bool bad_operand(sld_env *e, uint32_t i, text *expected, const char *more)
{
    const sld_type_rec *v = sld_type_of(e->g, e->in[i]);
    put(expected, ", got %s", sld_dtype_name((sld_dtype)v->dtype));
    put_dims(e, expected, v->rank, sld_shape(e->g, e->in[i]));
    return sld__infer_fail(e, "operand %s: %s%s", sld__operand_info(e, i)->name, expected->at, more);
}

bool sld__bad_dtype(sld_env *e, uint32_t i)
{
    const sld_type *type = &sld__operand_info(e, i)->type;
    text out = {0};
    put_expected(e, &out, type);
    if (type->from == SLD_DT_ATTR) {
        put(&out, " with ");
        put_attr(e, &out, type->dtype);
    } else if (type->from == SLD_DT_VAR) {
        const sld_dtype_var *var = &e->op->dtype_vars[type->dtype];
        uint8_t is = e->dtypes[type->dtype];
        put(&out, " with %s %s", var->name, is ? "= " : "in {");
        const char *before = "";
        for (unsigned t = 1; t < SLD_DTYPE_COUNT; t++)
            if (is ? t == is : var->set >> t & 1) {
                put(&out, "%s%s", before, sld_dtype_name((sld_dtype)t));
                before = ", ";
            }
        put(&out, is ? "" : "}");
    }
    return bad_operand(e, i, &out, "");
}

bool sld__bad_shape(sld_env *e, uint32_t i, const char *more)
{
    const sld_type *type = &sld__operand_info(e, i)->type;
    text out = {0};
    put_expected(e, &out, type);
    put_values(e, &out, type->shape, type->n_terms);
    return bad_operand(e, i, &out, more);
}

bool sld__bad_condition(sld_env *e, const sld_term *t)
{
    text out = {0};
    const sld_term *end = put_term(e, &out, t, NULL, 0);
    put(&out, " does not hold");
    put_values(e, &out, t, (uint32_t)(end - t));
    return sld__infer_fail(e, "the condition %s", out.at);
}

void sld__wanted_text(sld_env *e, const sld_term *t, sld_truth holds, char *buf, size_t size)
{
    text out = {0}, values = {0};
    const sld_term *end = put_term(e, &out, t, NULL, 0);
    put_values(e, &values, t, (uint32_t)(end - t));
    snprintf(buf, size, "%s, which %s%s", out.at, holds == SLD_DEPENDS ? "depends on symbolic dims" : "does not hold",
             *values.at ? values.at : " here");
}

/* A dim that stands for a word of an attribute. */
static void put_word(const sld_env *e, text *out, const sld_attr_info *words, sld_dim d)
{
    if (words && d >= 0 && d < words->n_names)
        put(out, "%s %s", words->name, words->names[d]);
    else
        put_dim(e, out, d);
}

void sld__differ_text(sld_env *e, const sld_term *of, sld_dim a, sld_dim b, char *buf, size_t n)
{
    text out = {0};
    const sld_attr_info *words = of ? words_of(e, of) : NULL;
    bool never = sld_dim_eq(e->g, a, b) == SLD_NEVER;
    put(&out, ": ");
    put_word(e, &out, words, a);
    put(&out, " and ");
    put_word(e, &out, words, b);
    put(&out, never ? " differ" : " cannot be shown equal");
    snprintf(buf, n, "%s", out.at);
}
