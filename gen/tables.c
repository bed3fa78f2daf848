/* Emits the constant tables of sld_abi.h: ops with their signatures, vocabularies and
 * kernel rows.  Signature expressions become preorder terms. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"

/* ORDER: sld_dtype */
static const char *const dtype_names[SLD_DTYPE_COUNT] = {
    "none", "bool", "u8", "i8", "i32", "i64", "f8e4m3fn", "f8e4m3fnuz", "f16", "bf16", "f32", "f64",
};
static const char *const dtype_enums[SLD_DTYPE_COUNT] = {
    "SLD_DTYPE_NONE", "SLD_BOOL", "SLD_U8", "SLD_I8", "SLD_I32", "SLD_I64",
    "SLD_F8E4M3FN", "SLD_F8E4M3FNUZ", "SLD_F16", "SLD_BF16", "SLD_F32", "SLD_F64",
};

int dtype_by_name(pat_name name)
{
    for (int i = 1; i < SLD_DTYPE_COUNT; i++)
        if (!strcmp(name, dtype_names[i]))
            return i;
    return -1;
}

const char *dtype_enum(int t)
{
    return dtype_enums[t];
}

sld_attr_kind attr_kind(const pat_attr *a)
{
    static const struct { const char *name; sld_attr_kind kind; } kinds[] = {
        {"int", SLD_ATTR_INT},     {"float", SLD_ATTR_FLOAT}, {"bool", SLD_ATTR_BOOL}, {"string", SLD_ATTR_STRING},
        {"dtype", SLD_ATTR_DTYPE}, {"axis", SLD_ATTR_AXIS},   {"ints", SLD_ATTR_INTS}, {"axes", SLD_ATTR_AXES},
    };
    if (!a->kind)
        return SLD_ATTR_ENUM;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].name, a->kind))
            return kinds[i].kind;
    return SLD_ATTR_NONE;
}

static const char *attr_kind_enum(sld_attr_kind k)
{
    static const char *const names[] = {
        "SLD_ATTR_NONE", "SLD_ATTR_INT", "SLD_ATTR_FLOAT", "SLD_ATTR_BOOL", "SLD_ATTR_STRING",
        "SLD_ATTR_DTYPE", "SLD_ATTR_ENUM", "SLD_ATTR_AXIS", "SLD_ATTR_INTS", "SLD_ATTR_AXES",
    };
    return names[k];
}

int enum_word(const pat_attr *a, pat_name word)
{
    for (uint32_t i = 0; i < a->words.n; i++)
        if (a->words.at[i]->name == word)
            return (int)i;
    return -1;
}

const pat_dtype_decl *find_dtype_var(const gen *g, pat_name name)
{
    for (uint32_t i = 0; i < g->program->dtypes.n; i++)
        for (uint32_t j = 0; j < g->program->dtypes.at[i]->names.n; j++)
            if (g->program->dtypes.at[i]->names.at[j]->name == name)
                return g->program->dtypes.at[i];
    return NULL;
}

/* ------------------------------------------------------------- constants -- */

static void emit_int(out *o, int64_t v)
{
    if (v == INT64_MIN)
        out_f(o, "INT64_MIN");
    else
        out_f(o, "INT64_C(%" PRId64 ")", v);
}

static int64_t literal_int(const pat_expr *e)
{
    return e->kind == PE_NEG ? -e->args.at[0]->ival : e->ival;
}

static double literal_float(const pat_expr *e)
{
    if (e->kind == PE_NEG)
        return -literal_float(e->args.at[0]);
    if (e->kind == PE_NAME)
        return !strcmp(e->name, "inf") ? INFINITY : NAN;
    return e->kind == PE_FLOAT ? e->fval : (double)e->ival;
}

static void emit_list_const(out *o, const char *kind, const pat_expr *e)
{
    out_f(o, "{.kind = %s, .n = %u", kind, e->args.n);
    if (e->args.n) {
        out_f(o, ", .p = (const sld_dim[]){");
        for (uint32_t i = 0; i < e->args.n; i++) {
            out_f(o, i ? ", " : "");
            emit_int(o, literal_int(e->args.at[i]));
        }
        out_f(o, "}");
    }
    out_f(o, "}");
}

/* The kind of a literal that stands alone, as the default of a vocabulary parameter. */
static sld_attr_kind literal_kind(const pat_expr *e)
{
    switch (e->kind) {
    case PE_NEG: return literal_kind(e->args.at[0]);
    case PE_FLOAT: return SLD_ATTR_FLOAT;
    case PE_BOOL: return SLD_ATTR_BOOL;
    case PE_STRING: return SLD_ATTR_STRING;
    case PE_LIST: return SLD_ATTR_INTS;
    case PE_NAME:
        if (!strcmp(e->name, "inf") || !strcmp(e->name, "nan"))
            return SLD_ATTR_FLOAT;
        if (!strcmp(e->name, "none"))
            return SLD_ATTR_NONE;
        return dtype_by_name(e->name) > 0 ? SLD_ATTR_DTYPE : SLD_ATTR_STRING;
    default: return SLD_ATTR_INT;
    }
}

void emit_attr_const(gen *g, const pat_attr *attr, const pat_expr *e)
{
    out *o = g->o;
    sld_attr_kind kind = !e ? SLD_ATTR_NONE : attr ? attr_kind(attr) : literal_kind(e);
    /* A bare word for an enum attribute is its word; a number for it is kept as it is. */
    switch (kind) {
    case SLD_ATTR_NONE:
        out_f(o, "{0}");
        break;
    case SLD_ATTR_FLOAT:
        out_f(o, "{.kind = SLD_ATTR_FLOAT, .f = %s}", float_text(g, literal_float(e)));
        break;
    case SLD_ATTR_STRING:
        out_f(o, "{.kind = SLD_ATTR_STRING, .s = ");
        out_string(o, e->name, strlen(e->name));
        out_f(o, "}");
        break;
    case SLD_ATTR_DTYPE:
        out_f(o, "{.kind = SLD_ATTR_DTYPE, .i = %s}", dtype_enum(dtype_by_name(e->name)));
        break;
    case SLD_ATTR_ENUM:
        out_f(o, "{.kind = SLD_ATTR_ENUM, .i = %d}", enum_word(attr, e->name));
        break;
    case SLD_ATTR_INTS:
    case SLD_ATTR_AXES:
        emit_list_const(o, attr_kind_enum(kind), e);
        break;
    default:
        out_f(o, "{.kind = %s, .i = ", attr_kind_enum(kind));
        emit_int(o, literal_int(e));
        out_f(o, "}");
    }
}

/* ----------------------------------------------------------------- terms -- */

/* Variables of one signature, numbered by first occurrence. */
typedef struct sig {
    gen *g;
    const pat_op *op;
    pat_name dims[PAT_SIG_DIMS], ranks[PAT_SIG_RANKS], dtypes[PAT_SIG_DTYPES]; /* the checker lets no more through */
    uint32_t n_dims, n_ranks, n_dtypes;
    out terms;          /* C text of terms */
    uint32_t n_terms;
} sig;

static uint32_t number_of(pat_name *at, uint32_t *n, pat_name name, bool fresh)
{
    for (uint32_t i = 0; i < *n && !fresh; i++)
        if (at[i] == name)
            return i;
    at[*n] = name;
    return (*n)++;
}

static int operand_slot(const pat_op *op, pat_name name)
{
    for (uint32_t i = 0; i < op->operands.n; i++)
        if (op->operands.at[i]->name == name)
            return (int)i;
    return -1;
}

static int attr_slot(const pat_op *op, pat_name name)
{
    for (uint32_t i = 0; i < op->attrs.n; i++)
        if (op->attrs.at[i]->name == name)
            return (int)i;
    return -1;
}

static const char *fn_enum(pat_name name)
{
    static const char *const names[] = {
#define X(id, name, args, gives) #name, "SLD_FN_" #id,
        SLD_FN_LIST(X)
#undef X
    };
    for (int i = 0; i < SLD_FN_COUNT; i++)
        if (!strcmp(names[2 * i], name))
            return names[2 * i + 1];
    return "SLD_FN_COUNT";
}

static void raw_term(sig *s, const char *kind, uint32_t nargs, const char *id, const char *value)
{
    out_f(&s->terms, "{%s, %u, %s, {%s}}, ", kind, nargs, id, value);
    s->n_terms++;
}

static void term(sig *s, const char *kind, uint32_t nargs, uint32_t id, const char *value)
{
    raw_term(s, kind, nargs, gen_format(s->g, "%u", id), value);
}

static void emit_term(sig *s, const pat_expr *e, const pat_attr *words);

static bool known(const pat_name *at, uint32_t n, pat_name name)
{
    for (uint32_t i = 0; i < n; i++)
        if (at[i] == name)
            return true;
    return false;
}

static void emit_name_term(sig *s, const pat_expr *e, const pat_attr *words)
{
    int slot, word;
    if (words && (word = enum_word(words, e->name)) >= 0) {
        term(s, "SLD_T_INT", 0, 0, gen_format(s->g, ".ival = %d", word));
    } else if ((slot = attr_slot(s->op, e->name)) >= 0) {
        term(s, "SLD_T_ATTR", 0, (uint32_t)slot, "0");
    } else if (known(s->ranks, s->n_ranks, e->name)) {
        term(s, "SLD_T_RANK", 0, number_of(s->ranks, &s->n_ranks, e->name, false), "0");
    } else if ((slot = operand_slot(s->op, e->name)) >= 0) {
        term(s, "SLD_T_OPERAND", 0, (uint32_t)slot, "0");
    } else if (run_name(e->name) && !known(s->dims, s->n_dims, e->name)) {
        raw_term(s, "SLD_T_RUN", 0, run_name(e->name), "0");
    } else if (dtype_by_name(e->name) > 0) {
        term(s, "SLD_T_DTYPE", 0, 0, gen_format(s->g, ".ival = %s", dtype_enum(dtype_by_name(e->name))));
    } else {
        term(s, "SLD_T_DIM", 0, number_of(s->dims, &s->n_dims, e->name, false), "0");
    }
}

/* Enum words on one side of a comparison take their meaning from the attribute on the other. */
static const pat_attr *words_of(const sig *s, const pat_expr *e)
{
    int slot = e->kind == PE_NAME ? attr_slot(s->op, e->name) : -1;
    return slot >= 0 && !s->op->attrs.at[slot]->kind ? s->op->attrs.at[slot] : NULL;
}

static void emit_args(sig *s, const pat_exprs *args, const pat_attr *words)
{
    for (uint32_t i = 0; i < args->n; i++)
        emit_term(s, args->at[i], words);
}

static void emit_operator(sig *s, const pat_expr *e)
{
    static const char *const names[] = {
        [PE_NEG] = "SLD_T_NEG", [PE_NOT] = "SLD_T_NOT", [PE_ADD] = "SLD_T_ADD", [PE_SUB] = "SLD_T_SUB",
        [PE_MUL] = "SLD_T_MUL", [PE_DIV] = "SLD_T_DIV", [PE_MOD] = "SLD_T_MOD", [PE_EQ] = "SLD_T_EQ",
        [PE_NE] = "SLD_T_NE",   [PE_LT] = "SLD_T_LT",   [PE_LE] = "SLD_T_LE",   [PE_GT] = "SLD_T_GT",
        [PE_GE] = "SLD_T_GE",   [PE_AND] = "SLD_T_AND", [PE_OR] = "SLD_T_OR",
    };
    const pat_attr *words = NULL;
    if (e->kind == PE_EQ || e->kind == PE_NE) {
        words = words_of(s, e->args.at[0]);
        if (!words)
            words = words_of(s, e->args.at[1]);
    }
    term(s, names[e->kind], e->args.n, 0, "0");
    emit_args(s, &e->args, words);
}

static void emit_term(sig *s, const pat_expr *e, const pat_attr *words)
{
    switch (e->kind) {
    case PE_INT:
    case PE_BOOL:
        term(s, "SLD_T_INT", 0, 0, gen_format(s->g, ".ival = INT64_C(%" PRId64 ")", e->ival));
        break;
    case PE_FLOAT:
        term(s, "SLD_T_FLOAT", 0, 0, gen_format(s->g, ".fval = %s", float_text(s->g, e->fval)));
        break;
    case PE_NAME:
        emit_name_term(s, e, words);
        break;
    case PE_RANK:
        term(s, "SLD_T_RANK", 0, number_of(s->ranks, &s->n_ranks, e->name, false), "0");
        break;
    case PE_WILD:
        term(s, "SLD_T_RANK", 0, number_of(s->ranks, &s->n_ranks, "_", true), "0");
        break;
    case PE_LIST:
        term(s, "SLD_T_LIST", e->args.n, 0, "0");
        emit_args(s, &e->args, words);
        break;
    case PE_CALL:
        raw_term(s, "SLD_T_CALL", e->args.n, fn_enum(e->name), "0");
        emit_args(s, &e->args, NULL);
        break;
    case PE_IN:
        words = words_of(s, e->args.at[0]);
        term(s, "SLD_T_IN", 1 + e->args.at[1]->args.n, 0, "0");
        emit_term(s, e->args.at[0], NULL);
        emit_args(s, &e->args.at[1]->args, words);
        break;
    default:
        emit_operator(s, e);
    }
}

/* Prints ", n_terms, (terms)" for a list of expressions. */
static void emit_terms(sig *s, const pat_exprs *es)
{
    s->terms.n = 0;
    s->n_terms = 0;
    emit_args(s, es, NULL);
    if (!s->n_terms)
        out_f(s->g->o, "0, NULL");
    else
        out_f(s->g->o, "%u, (const sld_term[]){%.*s}", s->n_terms, (int)s->terms.n - 2, s->terms.text);
}

static void emit_type(sig *s, const pat_type *t)
{
    out *o = s->g->o;
    int fixed = dtype_by_name(t->dtype), slot = attr_slot(s->op, t->dtype);
    if (fixed > 0)
        out_f(o, "{SLD_DT_FIXED, %s, ", dtype_enum(fixed));
    else if (slot >= 0)
        out_f(o, "{SLD_DT_ATTR, %d, ", slot);
    else
        out_f(o, "{SLD_DT_VAR, %u, ", number_of(s->dtypes, &s->n_dtypes, t->dtype, false));
    out_f(o, "%u, ", t->elems.n);
    emit_terms(s, &t->elems);
    out_f(o, "}");
}

static void emit_op_operands(sig *s)
{
    out *o = s->g->o;
    out_line(o, ".operands = (const sld_operand_info[]){");
    for (uint32_t i = 0; i < s->op->operands.n; i++) {
        const pat_operand *p = s->op->operands.at[i];
        out_f(o, "        {\"%s\", %d, ", p->name,
              p->optional * SLD_OPERAND_OPTIONAL + p->variadic * SLD_OPERAND_VARIADIC + p->inout * SLD_OPERAND_INOUT);
        emit_type(s, p->type);
        out_f(o, "},\n");
    }
    out_line(o, "},");
}

static void emit_op_attrs(sig *s)
{
    out *o = s->g->o;
    out_line(o, ".attrs = (const sld_attr_info[]){");
    for (uint32_t i = 0; i < s->op->attrs.n; i++) {
        const pat_attr *a = s->op->attrs.at[i];
        out_f(o, "        {\"%s\", %s, %s, ", a->name, attr_kind_enum(attr_kind(a)), a->dflt ? "true" : "false");
        emit_attr_const(s->g, a, a->dflt);
        out_f(o, ", %u, ", a->words.n);
        if (!a->words.n)
            out_f(o, "NULL");
        else
            out_f(o, "(const char *const[]){");
        for (uint32_t w = 0; w < a->words.n; w++)
            out_f(o, "%s\"%s\"", w ? ", " : "", a->words.at[w]->name);
        out_f(o, "%s},\n", a->words.n ? "}" : "");
    }
    out_line(o, "},");
}

static void emit_op_results(sig *s)
{
    out *o = s->g->o;
    out_line(o, ".results = (const sld_result_info[]){");
    for (uint32_t i = 0; i < s->op->results.n; i++) {
        const pat_result *r = s->op->results.at[i];
        out_f(o, "        {\"%s\", ", r->name ? r->name : "");
        emit_type(s, r->type);
        out_f(o, "},\n");
    }
    out_line(o, "},");
}

static void emit_names(out *o, const char *field, const pat_name *at, uint32_t n)
{
    if (!n)
        return;
    out_f(o, "    .n_%s = %u, .%s = (const char *const[]){", field, n, field);
    for (uint32_t i = 0; i < n; i++)
        out_f(o, "%s\"%s\"", i ? ", " : "", at[i]);
    out_f(o, "},\n");
}

static void emit_dtype_vars(sig *s)
{
    out *o = s->g->o;
    if (!s->n_dtypes)
        return;
    out_f(o, "    .n_dtype_vars = %u, .dtype_vars = (const sld_dtype_var[]){", s->n_dtypes);
    for (uint32_t i = 0; i < s->n_dtypes; i++) {
        const pat_dtype_decl *d = find_dtype_var(s->g, s->dtypes[i]);
        out_f(o, "%s{\"%s\", 0x%x}", i ? ", " : "", s->dtypes[i], d ? d->set : 0);
    }
    out_f(o, "},\n");
}

/* The declaration's text on one line, without its comments. */
static void emit_decl_text(gen *g, const char *text, size_t n)
{
    char *line = pat_alloc(g->arena, n + 1);
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '#')
            while (i < n && text[i] != '\n')
                i++;
        bool space = i >= n || text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r';
        if (!space)
            line[k++] = text[i];
        else if (k && line[k - 1] != ' ')
            line[k++] = ' ';
    }
    while (k && line[k - 1] == ' ')
        k--;
    out_string(g->o, line, k);
}

/* Every variable of the signature gets its number before anything is printed. */
static void number_vars(sig *s)
{
    out scratch = {0}, *real = s->g->o;
    s->g->o = &scratch;
    for (uint32_t i = 0; i < s->op->operands.n; i++)
        emit_type(s, s->op->operands.at[i]->type);
    for (uint32_t i = 0; i < s->op->results.n; i++)
        emit_type(s, s->op->results.at[i]->type);
    s->g->o = real;
    out_free(&scratch);
    /* Anonymous shapes are numbered afresh when they are printed. */
    uint32_t k = 0;
    for (uint32_t i = 0; i < s->n_ranks; i++)
        if (strcmp(s->ranks[i], "_"))
            s->ranks[k++] = s->ranks[i];
    s->n_ranks = k;
}

static void emit_op(gen *g, const pat_op *op)
{
    out *o = g->o;
    sig s = {.g = g, .op = op};
    number_vars(&s);
    out_open(o, "[OP_%s] =", op->name);
    out_f(o, "    .name = \"%s\",\n    .decl = ", op->name);
    size_t n;
    const char *text = pat_span_text(g->session, op->span, &n);
    emit_decl_text(g, text, n);
    out_f(o, ",\n");
    out_line(o, ".flags = %d,", op->commutative * SLD_OP_COMMUTATIVE + op->view * SLD_OP_VIEW +
                                    op->effect * SLD_OP_EFFECT + op->variadic_results * SLD_OP_VARIADIC);
    static const char *const contents[] = {
#define X(id, name) #name, "SLD_CONTENTS_" #id,
        SLD_CONTENTS_LIST(X)
#undef X
    };
    for (int i = 0; op->contents && i < SLD_CONTENTS_COUNT; i++)
        if (!strcmp(contents[2 * i], op->contents))
            out_line(o, ".contents = %s,", contents[2 * i + 1]);
    out_line(o, ".n_operands = %u, .n_attrs = %u, .n_results = %u,", op->operands.n, op->attrs.n, op->results.n);
    if (op->operands.n)
        emit_op_operands(&s);
    if (op->attrs.n)
        emit_op_attrs(&s);
    uint32_t optional = 0;
    for (uint32_t i = 0; i < op->results.n && i < 32; i++)
        optional |= (uint32_t)op->results.at[i]->optional << i;
    if (optional)
        out_line(o, ".optional_results = %u,", optional);
    if (op->results.n)
        emit_op_results(&s);
    if (op->where.n) {
        s.terms.n = 0;
        s.n_terms = 0;
        emit_args(&s, &op->where, NULL);
        out_line(o, ".n_where = %u, .where = (const sld_term[]){%.*s},", s.n_terms, (int)s.terms.n - 2, s.terms.text);
    }
    emit_dtype_vars(&s);
    emit_names(o, "dim_vars", s.dims, s.n_dims);
    emit_names(o, "rank_vars", s.ranks, s.n_ranks);
    out_close(o, ",");
    out_free(&s.terms);
}

/* With the slots of its attributes. */
static void emit_op_id(gen *g, const pat_op *op)
{
    out_f(g->o, "    OP_%s = %u,", op->name, op->id);
    for (uint32_t i = 0; i < op->attrs.n; i++)
        out_f(g->o, "%s %s%s", i ? "," : " /*", op->attrs.at[i]->name, i + 1 == op->attrs.n ? " */" : "");
    out_f(g->o, "\n");
}

void emit_op_ids(gen *g)
{
    out *o = g->o;
    const pat_program *p = g->program;
    out_line(o, "/* ---- ops: dense ids in order of declaration, with their attributes ---- */");
    out_open(o, "enum");
    for (uint32_t i = 0; i < p->ops.n; i++)
        emit_op_id(g, p->ops.at[i]);
    out_line(o, "N_OPS = %u", p->ops.n + 1);
    out_close(o, ";\n");
}

void emit_ops(gen *g)
{
    out *o = g->o;
    const pat_program *p = g->program;
    out_line(o, "/* ---- ops ---- */");
    out_line(o, "static const sld_op_info ops[N_OPS] = {");
    out_line(o, "[0] = {.name = \"\", .decl = \"\"},");
    for (uint32_t i = 0; i < p->ops.n; i++)
        emit_op(g, p->ops.at[i]);
    out_line(o, "};\n");
}

/* ---------------------------------------------------------- vocabularies -- */

static int param_index(const pat_vocab_entry *e, pat_name name)
{
    for (uint32_t i = 0; i < e->params.n; i++)
        if (e->params.at[i]->name == name)
            return (int)i;
    return -1;
}

static void emit_vocab_arg(gen *g, const pat_vocab_entry *e, const pat_attr *attr, const pat_expr *value)
{
    int param = value && value->kind == PE_NAME ? param_index(e, value->name) : -1;
    if (!value) {
        out_f(g->o, "{-2, {0}}");
    } else if (param >= 0) {
        out_f(g->o, "{%d, {0}}", param);
    } else {
        out_f(g->o, "{-1, ");
        emit_attr_const(g, attr, value);
        out_f(g->o, "}");
    }
}

static void emit_entry_operands(gen *g, const pat_vocab_entry *e)
{
    out *o = g->o;
    out_f(o, "(const sld_vocab_arg[]){");
    for (uint32_t i = 0; i < e->target->operands.n; i++) {
        const pat_term *t = e->target->operands.at[i];
        out_f(o, i ? ", " : "");
        if (t->kind == PT_NUMBER)
            out_f(o, "{-1, {.kind = SLD_ATTR_FLOAT, .f = %.17g}}", t->fval);
        else if (t->kind == PT_NONE)
            out_f(o, "{-2, {0}}");
        else
            out_f(o, "{%d, {0}}", param_index(e, t->name));
    }
    out_f(o, "%s}", e->target->operands.n ? "" : "{0}");
}

static void emit_entry_attrs(gen *g, const pat_vocab_entry *e)
{
    out *o = g->o;
    out_f(o, "(const sld_vocab_arg[]){");
    for (uint32_t i = 0; i < e->op->attrs.n; i++) {
        const pat_expr *value = NULL;
        for (uint32_t j = 0; j < e->target->attrs.n; j++)
            if (e->target->attrs.at[j]->name == e->op->attrs.at[i]->name)
                value = e->target->attrs.at[j]->value;
        out_f(o, i ? ", " : "");
        emit_vocab_arg(g, e, e->op->attrs.at[i], value);
    }
    out_f(o, "%s}", e->op->attrs.n ? "" : "{0}");
}

static void emit_entry_params(gen *g, const pat_vocab_entry *e)
{
    out *o = g->o;
    out_f(o, "(const sld_vocab_param[]){");
    for (uint32_t i = 0; i < e->params.n; i++) {
        const pat_param *p = e->params.at[i];
        out_f(o, "%s{\"%s\", %d, ", i ? ", " : "", p->name,
              p->optional * SLD_PARAM_OPTIONAL + p->variadic * SLD_PARAM_VARIADIC + p->keyword * SLD_PARAM_KEYWORD);
        emit_attr_const(g, NULL, p->dflt);
        out_f(o, "}");
    }
    out_f(o, "%s}", e->params.n ? "" : "{0}");
}

static void emit_entry_guards(gen *g, const pat_vocab_entry *e)
{
    out *o = g->o;
    out_f(o, "(const sld_vocab_guard[]){");
    for (uint32_t i = 0; i < e->where.n; i++) {
        const pat_expr *c = e->where.at[i];
        out_f(o, "%s{%d, ", i ? ", " : "", param_index(e, c->args.at[0]->name));
        emit_attr_const(g, NULL, c->args.at[1]);
        out_f(o, "}");
    }
    out_f(o, "%s}", e->where.n ? "" : "{0}");
}

static int by_foreign(const void *pa, const void *pb)
{
    const pat_vocab_entry *a = *(const pat_vocab_entry *const *)pa, *b = *(const pat_vocab_entry *const *)pb;
    int c = strcmp(a->foreign, b->foreign);
    if (c)
        return c;
    if (a->since != b->since)
        return a->since > b->since ? -1 : 1;
    if (a->span.file != b->span.file)
        return a->span.file < b->span.file ? -1 : 1;
    return (a->span.begin > b->span.begin) - (a->span.begin < b->span.begin);
}

static void emit_entry(gen *g, const pat_vocab_entry *e)
{
    out *o = g->o;
    out_f(o, "    {\"%s\", %u, ", e->foreign, e->since);
    if (e->op)
        out_f(o, "OP_%s, ", e->op->name);
    else
        out_f(o, "SLD_VOCAB_DROP, ");
    out_f(o, "%u, %u, %u, ", e->params.n, e->op ? e->target->operands.n : 0, e->where.n);
    emit_entry_params(g, e);
    out_f(o, ", ");
    if (e->op) {
        emit_entry_operands(g, e);
        out_f(o, ", ");
        emit_entry_attrs(g, e);
    } else {
        out_f(o, "NULL, NULL");
    }
    out_f(o, ", ");
    emit_entry_guards(g, e);
    out_f(o, "},\n");
}

/* Vocabularies of one name over several declarations are one. */
void emit_vocabs(gen *g)
{
    out *o = g->o;
    const pat_program *p = g->program;
    out tail = {0};
    uint32_t n_vocabs = 0;
    out_line(o, "/* ---- vocabularies, sorted by foreign name ---- */");
    for (uint32_t i = 0; i < p->vocabs.n; i++) {
        PAT_LIST(pat_vocab_entry) all = {0};
        bool seen = false;
        for (uint32_t j = 0; j < p->vocabs.n; j++) {
            if (p->vocabs.at[j]->name != p->vocabs.at[i]->name)
                continue;
            seen |= j < i;
            for (uint32_t k = 0; k < p->vocabs.at[j]->entries.n; k++)
                PAT_PUSH(g->arena, all, p->vocabs.at[j]->entries.at[k]);
        }
        if (seen)
            continue;
        if (all.n)
            qsort(all.at, all.n, sizeof *all.at, by_foreign);
        out_line(o, "static const sld_vocab_entry vocab_%s[] = {", p->vocabs.at[i]->name);
        for (uint32_t k = 0; k < all.n; k++)
            emit_entry(g, all.at[k]);
        out_line(o, "    {0}\n};\n");
        out_f(&tail, "    {\"%s\", %u, vocab_%s},\n", p->vocabs.at[i]->name, all.n, p->vocabs.at[i]->name);
        n_vocabs++;
    }
    out_line(o, "enum { N_VOCABS = %u };", n_vocabs);
    out_line(o, "static const sld_vocab vocabs[] = {\n%s    {0}\n};\n", tail.text ? tail.text : "");
    out_free(&tail);
}

/* --------------------------------------------------------------- kernels -- */

static const char *kernel_symbol(gen *g, const pat_kernel *k, const pat_kernel_row *r)
{
    return gen_format(g, "sld_%s_%s%s%s", r->target, k->name, r->variant ? "_" : "", r->variant ? r->variant : "");
}

static void emit_kernel_row(gen *g, const pat_kernel *k, const pat_kernel_row *r)
{
    out *o = g->o;
    sig s = {.g = g, .op = k->op};
    number_vars(&s);
    const char *symbol = kernel_symbol(g, k, r);
    char target[16];
    snprintf(target, sizeof target, "%s", r->target);
    for (char *c = target; *c; c++)
        *c = (char)(*c - 'a' + 'A');
    /* A backend finds its kernels by their names when it is opened. */
    bool linked = strcmp(r->target, "hip") != 0;
    out_f(o, "    {OP_%s, SLD_TARGET_%s, %s, \"%s\", %s, ", k->name, target, r->syncs ? "true" : "false", symbol,
          linked ? symbol : "NULL");
    pat_expr *const both[] = {r->when, r->supports};
    pat_exprs when = {.at = (pat_expr **)&both[!r->when], .n = !!r->when + !!r->supports};
    if (when.n) {
        for (uint32_t i = 0; i < when.n; i++) {
            size_t n;
            const char *text = pat_expr_text(g->session, when.at[i], &n);
            emit_decl_text(g, text, n);
            out_f(o, i + 1 < when.n ? " \", \" " : ", ");
        }
        emit_terms(&s, &when);
    } else {
        out_f(o, "\"\", 0, NULL");
    }
    const pat_exprs workspace = {.at = (pat_expr **)&r->workspace, .n = r->workspace != NULL};
    out_f(o, ", ");
    emit_terms(&s, &workspace);
    out_f(o, "},\n");
    out_free(&s.terms);
}

static const pat_kernel *kernel_of(const gen *g, const pat_op *op)
{
    for (uint32_t i = 0; i < g->program->kernels.n; i++)
        if (g->program->kernels.at[i]->op == op)
            return g->program->kernels.at[i];
    return NULL;
}

void emit_kernels(gen *g)
{
    out *o = g->o;
    const pat_program *p = g->program;
    out_line(o, "/* ---- kernels: rows grouped by op, in order of preference ---- */");
    for (uint32_t i = 0; i < p->kernels.n; i++)
        for (uint32_t j = 0; j < p->kernels.at[i]->rows.n; j++)
            if (strcmp(p->kernels.at[i]->rows.at[j]->target, "hip"))
                out_line(o, "extern const char *%s(const sld_launch *l);",
                         kernel_symbol(g, p->kernels.at[i], p->kernels.at[i]->rows.at[j]));
    out_line(o, "\nstatic const sld_kernel_row kernels[] = {");
    out index = {0};
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->ops.n; i++) {
        const pat_kernel *k = kernel_of(g, p->ops.at[i]);
        out_f(&index, "%u, ", n);
        for (uint32_t j = 0; k && j < k->rows.n; j++, n++)
            emit_kernel_row(g, k, k->rows.at[j]);
    }
    out_line(o, "    {0}\n};\n");
    out_line(o, "static const uint32_t kernel_index[N_OPS + 1] = {0, %s%u};\n", index.text ? index.text : "", n);
    out_line(o, "enum { N_KERNELS = %u };\n", n);
    out_free(&index);
}
