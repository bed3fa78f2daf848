/* Emits the left sides of rules as the tables of sld_pattern.h, with the places of their parts in the text. They
 * follow the order in which a matcher tests, because what a name means depends on what was bound before. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "walk.h"

/* What a variant binds: a rank variable, a dtype variable, or a dim or attribute. */
typedef enum slot_class { SLOT_RANK, SLOT_DTYPE, SLOT_NUMBER } slot_class;
typedef struct slot { uint32_t id; const x_scope *scope; pat_name name; slot_class class; const pat_attr *attr; } slot;

typedef struct line { const char *file, *text; uint32_t number; } line;

typedef struct tables {
    gen *g;
    const x_variant *v;
    out body;                   /* the patterns; their lines are printed before */
    pat_map *lines;             /* by file: from the number of a line to its index + 1 */
    uint32_t n_files;
    PAT_LIST(line) used;
    PAT_LIST(slot) slots;       /* of the variant */
    out terms;
    uint32_t n_terms;
    out arrays;                 /* that patterns share; printed before them too */
    byte_map known;             /* those, by their text */
} tables;

/* ---------------------------------------------------------------- places -- */

static pat_map *lines_of(tables *t, uint32_t file)
{
    if (file >= t->n_files) {
        pat_map *more = pat_alloc(t->g->arena, (file + 1) * sizeof *more);
        for (uint32_t i = 0; i < t->n_files; i++)
            more[i] = t->lines[i];
        t->lines = more;
        t->n_files = file + 1;
    }
    return &t->lines[file];
}

/* Of the line that a span begins in; its index in the table. */
static uint32_t use_line(tables *t, pat_span span, line found)
{
    pat_map *known = lines_of(t, span.file);
    const void *key = (const void *)(uintptr_t)found.number;
    uintptr_t at = (uintptr_t)pat_map_get(known, key);
    if (!at) {
        line *l = pat_alloc(t->g->arena, sizeof *l);
        *l = found;
        PAT_PUSH(t->g->arena, t->used, l);
        at = t->used.n;
        pat_map_add(t->g->arena, known, key, (const void *)at);
    }
    return (uint32_t)at - 1;
}

/* What goes on in the next line is left out. */
static void emit_place(tables *t, pat_span span)
{
    size_t n;
    unsigned number, col;
    line l;
    pat_location(t->g->session, span, &l.file, &number, &col);
    const char *text = pat_span_text(t->g->session, span, &n);
    l.text = text - (col - 1);
    l.number = number;
    size_t rest = strcspn(text, "\r\n");
    out_f(&t->body, "{lines + %u, %u, %zu}", use_line(t, span, l), col - 1, n < rest ? n : rest);
}

/* Of the name that a span begins with. */
static void emit_name_place(tables *t, pat_span span)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t n;
    span.end = span.begin + (uint32_t)strspn(pat_span_text(t->g->session, span, &n), letters);
    emit_place(t, span);
}

static void emit_lines(const tables *t, out *o)
{
    if (!t->used.n)
        return;
    out_line(o, "static const sld_line lines[] = {");
    for (uint32_t i = 0; i < t->used.n; i++) {
        const line *l = t->used.at[i];
        const char *slash = strrchr(l->file, '/');
        out_f(o, "    {\"%s\", %u, ", slash ? slash + 1 : l->file, l->number);
        out_string(o, l->text, strcspn(l->text, "\r\n"));
        out_f(o, "},\n");
    }
    out_line(o, "    {0}\n};\n");
}

/* ----------------------------------------------------------- expressions -- */

static slot *find_slot(const tables *t, const x_scope *scope, pat_name name, slot_class class)
{
    for (uint32_t i = 0; i < t->slots.n; i++) {
        slot *s = t->slots.at[i];
        if (s->scope == scope && s->name == name && s->class == class)
            return s;
    }
    return NULL;
}

/* A parameter of a pattern is a variable of whoever uses it. */
static slot *slot_of(tables *t, x_scope *scope, pat_name name, slot_class class)
{
    x_name *n = class == SLOT_NUMBER ? pat_scope_find(scope, name) : NULL;
    const x_var *v = n ? n->var : NULL;
    slot *s = find_slot(t, v ? v->scope : scope, v ? v->name : name, class);
    if (!s) {
        s = pat_alloc(t->g->arena, sizeof *s);
        *s = (slot){t->slots.n, v ? v->scope : scope, v ? v->name : name, class, NULL};
        PAT_PUSH(t->g->arena, t->slots, s);
    }
    return s;
}

static void term(tables *t, const char *kind, uint32_t nargs, uint32_t id, const char *value)
{
    out_f(&t->terms, "{%s, %u, %u, {%s}}, ", kind, nargs, id, value);
    t->n_terms++;
}

static void emit_term(tables *t, const pat_expr *e, x_scope *s, const pat_attr *words);

static void emit_name(tables *t, const pat_expr *e, x_scope *s, const pat_attr *words)
{
    int word = words && !words->kind ? enum_word(words, e->name) : -1, dtype = dtype_by_name(e->name);
    const slot *dtype_var = find_slot(t, s, e->name, SLOT_DTYPE);
    if (word >= 0)
        term(t, "SLD_T_INT", 0, 0, gen_format(t->g, ".ival = %d", word));
    else if (dtype > 0)
        term(t, "SLD_T_DTYPE", 0, 0, gen_format(t->g, ".ival = %s", dtype_enum(dtype)));
    else
        term(t, "SLD_T_DIM", 0, (dtype_var ? dtype_var : slot_of(t, s, e->name, SLOT_NUMBER))->id, "0");
}

static void emit_call(tables *t, const pat_expr *e, x_scope *s)
{
    static const char *const names[] = {"shape", "dtype", "rank", "const", "identity", "ones"};
    x_name *n = e->args.n && e->args.at[0]->kind == PE_NAME ? pat_scope_find(s, e->args.at[0]->name) : NULL;
    uint32_t fn = 0;
    while (fn < 5 && strcmp(names[fn], e->name))
        fn++;
    term(t, "SLD_T_CALL", 1, fn, "0");
    if (n && n->val)
        term(t, "SLD_T_OPERAND", 0, n->val->id, "0");
    else
        emit_term(t, e->args.at[0], s, NULL);
}

/* The attribute whose words the other side of a comparison names. */
static const pat_attr *words_of(tables *t, const pat_expr *e, x_scope *s)
{
    return e->kind == PE_NAME ? slot_of(t, s, e->name, SLOT_NUMBER)->attr : NULL;
}

static void emit_args(tables *t, const pat_exprs *args, x_scope *s, const pat_attr *words)
{
    for (uint32_t i = 0; i < args->n; i++)
        emit_term(t, args->at[i], s, words);
}

static void emit_operator(tables *t, const pat_expr *e, x_scope *s)
{
    static const char *const names[] = {
        [PE_NEG] = "SLD_T_NEG", [PE_NOT] = "SLD_T_NOT", [PE_ADD] = "SLD_T_ADD", [PE_SUB] = "SLD_T_SUB",
        [PE_MUL] = "SLD_T_MUL", [PE_DIV] = "SLD_T_DIV", [PE_MOD] = "SLD_T_MOD", [PE_EQ] = "SLD_T_EQ",
        [PE_NE] = "SLD_T_NE",   [PE_LT] = "SLD_T_LT",   [PE_LE] = "SLD_T_LE",   [PE_GT] = "SLD_T_GT",
        [PE_GE] = "SLD_T_GE",   [PE_AND] = "SLD_T_AND", [PE_OR] = "SLD_T_OR",
    };
    bool equality = e->kind == PE_EQ || e->kind == PE_NE;
    const pat_attr *a = equality ? words_of(t, e->args.at[0], s) : NULL,
                   *b = equality ? words_of(t, e->args.at[1], s) : NULL;
    term(t, names[e->kind], e->args.n, 0, "0");
    for (uint32_t i = 0; i < e->args.n; i++)
        emit_term(t, e->args.at[i], s, i ? a : b);
}

static void emit_term(tables *t, const pat_expr *e, x_scope *s, const pat_attr *words)
{
    switch (e->kind) {
    case PE_INT: case PE_BOOL:
        term(t, "SLD_T_INT", 0, 0, gen_format(t->g, ".ival = INT64_C(%" PRId64 ")", e->ival));
        break;
    case PE_FLOAT:
        term(t, "SLD_T_FLOAT", 0, 0, gen_format(t->g, ".fval = %s", float_text(t->g, e->fval)));
        break;
    case PE_NAME:
        emit_name(t, e, s, words);
        break;
    case PE_RANK:
        term(t, "SLD_T_RANK", 0, slot_of(t, s, e->name, SLOT_RANK)->id, "0");
        break;
    case PE_CALL:
        emit_call(t, e, s);
        break;
    case PE_LIST:
        term(t, "SLD_T_LIST", e->args.n, 0, "0");
        emit_args(t, &e->args, s, NULL);
        break;
    case PE_IN:
        term(t, "SLD_T_IN", 1 + e->args.at[1]->args.n, 0, "0");
        emit_term(t, e->args.at[0], s, NULL);
        emit_args(t, &e->args.at[1]->args, s, words_of(t, e->args.at[0], s));
        break;
    case PE_WILD: case PE_STRING: case PE_SET:
        term(t, "SLD_T_ANY", 0, 0, "0");
        break;
    default:
        emit_operator(t, e, s);
    }
}

static void emit_terms(tables *t)
{
    out_f(&t->body, "(const sld_term[]){%.*s}", (int)t->terms.n - 2, t->terms.text);
    t->terms.n = t->n_terms = 0;
}

static void emit_pattern_expr(tables *t, const pat_expr *e, x_scope *s, const pat_attr *words)
{
    out_f(&t->body, "{");
    emit_place(t, e->span);
    emit_term(t, e, s, words);
    out_f(&t->body, ", %u, ", t->n_terms);
    emit_terms(t);
    out_f(&t->body, "}");
}

/* ---------------------------------------------------------------- values -- */

static void emit_pattern_type(tables *t, const x_type *x)
{
    const pat_type *type = x->type;
    int fixed = dtype_by_name(type->dtype);
    const pat_dtype_decl *d = fixed > 0 ? NULL : find_dtype_var(t->g, type->dtype);
    uint32_t var = fixed > 0 ? 0 : slot_of(t, x->scope, type->dtype, SLOT_DTYPE)->id;
    out_f(&t->body, "{");
    emit_place(t, type->span);
    emit_args(t, &type->elems, x->scope, NULL);
    out_f(&t->body, ", %s, %u, 0x%x, %u, ", dtype_enum(fixed > 0 ? fixed : 0), var, d ? d->set : ~0u, type->elems.n);
    if (t->n_terms)
        emit_terms(t);
    else
        out_f(&t->body, "NULL");
    out_f(&t->body, "}, ");
}

static void emit_val(tables *t, const x_val *v)
{
    static const char *const kinds[] = {
        [XVAL_RESULT] = "SLD_PAT_RESULT", [XVAL_INPUT] = "SLD_PAT_INPUT", [XVAL_REST] = "SLD_PAT_REST",
        [XVAL_NUMBER] = "SLD_PAT_NUMBER", [XVAL_CONST] = "SLD_PAT_CONSTANT", [XVAL_ANY] = "SLD_PAT_ANY",
        [XVAL_NONE] = "SLD_PAT_ABSENT",
    };
    out *o = &t->body;
    bool result = v->kind == XVAL_RESULT;
    uint32_t var = v->kind == XVAL_CONST
                       ? slot_of(t, v->capture->scope, v->capture->name, SLOT_NUMBER)->id : 0;
    out_f(o, "        {%s, %d, %d, %u, %u, %u, %u, %u, %.17g, %.17g, \"%s\", ", kinds[v->kind], v->maybe, v->yielded,
          v->types.n, result ? v->node->id - 1 : 0, result ? v->index : 0, var, v->n_uses, v->fval, v->tol,
          v->name ? v->name : "");
    out_f(o, v->types.n ? "(const sld_pat_type[]){" : "NULL");
    for (uint32_t i = 0; i < v->types.n; i++)
        emit_pattern_type(t, v->types.at[i]);
    out_f(o, "%s},\n", v->types.n ? "}" : "");
}

/* The name of an array with this text, which patterns share. Frees the text. */
static const char *shared(tables *t, const char *type, out *body)
{
    const char **name = (const char **)byte_map_at(t->g->arena, &t->known, body->text, body->n);
    if (!*name) {
        *name = gen_format(t->g, "shared_%u", t->known.n);
        out_f(&t->arrays, "static const %s %s[] = {%s};\n", type, *name, body->text);
    }
    out_free(body);
    return *name;
}

static const char *vals_of(tables *t)
{
    out body = t->body, text;
    t->body = (out){0};
    out_f(&t->body, "\n");
    for (uint32_t i = 0; i < t->v->vals.n; i++)
        emit_val(t, t->v->vals.at[i]);
    text = t->body;
    t->body = body;
    return shared(t, "sld_pat_val", &text);
}

/* Operands, then results. */
static const char *ids_of(tables *t, const x_node *n)
{
    out text = {0};
    for (uint32_t i = 0; i < n->operands.n; i++)
        out_f(&text, "%u, ", n->operands.at[i]->id);
    for (uint32_t i = 0; i < n->results.n; i++)
        out_f(&text, "%u, ", n->results.at[i]->id);
    return text.n ? shared(t, "uint16_t", &text) : "NULL";
}

/* ----------------------------------------------------------------- nodes -- */

static void emit_attr(tables *t, const x_node *n, const x_attr *a)
{
    const pat_expr *e = a->value;
    out_f(&t->body, "{%u, ", a->slot);
    if (!e || e->kind == PE_STRING) {
        out_f(&t->body, "{");
        if (e)
            emit_place(t, e->span);
        else
            emit_name_place(t, n->span);
        out_f(&t->body, ", 0, NULL}, ");
        if (e)
            out_string(&t->body, e->name, strlen(e->name));
        out_f(&t->body, e ? "}, " : "NULL}, ");
        return;
    }
    if (e->kind == PE_NAME && enum_word(a->attr, e->name) < 0 && dtype_by_name(e->name) <= 0) {
        slot *s = slot_of(t, a->scope, e->name, SLOT_NUMBER);
        s->attr = s->attr ? s->attr : a->attr;
    }
    emit_pattern_expr(t, e, a->scope, a->attr);
    out_f(&t->body, ", NULL}, ");
}

/* One for each attribute that is tested; answers how many before the operands. */
typedef PAT_LIST(const x_attr) attr_list;
static uint32_t order_attrs(tables *t, const x_node *n, attr_list *list)
{
    uint32_t n_early = 0;
    for (int early = 1; early >= 0; early--)
        for (uint32_t i = 0; i < n->attrs.n; i++) {
            const x_attr *a = n->attrs.at[i];
            if (stands_alone(a) != early || (a->value && a->value->kind == PE_WILD))
                continue;
            PAT_PUSH(t->g->arena, *list, a);
            n_early += (uint32_t)early;
        }
    return n_early;
}

static bool depends(const x_node *n, const x_node *on)
{
    bool found = n == on;
    for (uint32_t i = 0; i < n->operands.n && !found; i++)
        found = n->operands.at[i]->kind == XVAL_RESULT && depends(n->operands.at[i]->node, on);
    return found;
}

static void emit_node(tables *t, const x_node *n)
{
    out *o = &t->body;
    attr_list attrs = {0};
    uint32_t early = order_attrs(t, n, &attrs);
    bool commutes = n->op->commutative && n->operands.n >= 2 && n->operands.at[0] != n->operands.at[1] &&
                    n->operands.at[0]->kind != XVAL_REST && n->operands.at[1]->kind != XVAL_REST;
    out_f(o, "        {");
    emit_name_place(t, n->span);
    out_f(o, ", OP_%s, %d, %d, %u, %u, %u, %u, %s", n->op->name, commutes, !depends(t->v->root, n), n->results.n,
          attrs.n, early, n->operands.n, ids_of(t, n));
    out_f(o, attrs.n ? ", (const sld_pat_attr[]){" : ", NULL");
    for (uint32_t i = 0; i < attrs.n; i++)
        emit_attr(t, n, attrs.at[i]);
    out_f(o, "%s},\n", attrs.n ? "}" : "");
}

static void emit_vars(tables *t)
{
    if (t->slots.n)
        out_f(&t->body, "    .n_vars = %u, .vars = (const char *const[]){", t->slots.n);
    for (uint32_t i = 0; i < t->slots.n; i++)
        out_f(&t->body, "%s\"%s\"", i ? ", " : "", t->slots.at[i]->name);
    out_f(&t->body, t->slots.n ? "},\n" : "");
}

/* Conditions come last, because the words in them belong to the attributes that nodes capture. */
static void emit_variant(tables *t, const pat_rule *rule, uint32_t number, uint32_t count)
{
    const x_variant *v = t->v;
    out *o = &t->body;
    t->slots.n = 0;
    out_f(o, "{\n    .rule = RULE_%s, .variant = %u, .n_variants = %u, .root = %u,\n", rule->name, number, count,
          v->root->id - 1);
    out_f(o, "    .n_vals = %u, .vals = %s,\n", v->vals.n, vals_of(t));
    out_f(o, "    .n_nodes = %u, .nodes = (const sld_pat_node[]){\n", v->nodes.n);
    for (uint32_t i = 0; i < v->nodes.n; i++)
        emit_node(t, v->nodes.at[i]);
    out_f(o, "    },\n");
    if (v->where.n) {
        out_f(o, "    .n_where = %u, .where = (const sld_pat_expr[]){\n        ", v->where.n);
        for (uint32_t i = 0; i < v->where.n; i++) {
            emit_pattern_expr(t, v->where.at[i]->expr, v->where.at[i]->scope, NULL);
            out_f(o, i + 1 < v->where.n ? ", " : "");
        }
        out_f(o, "},\n");
    }
    emit_vars(t);
    out_f(o, "},\n");
}

static uint32_t count_variants(gen *g, const pat_rule *rule)
{
    x_choice choice = {.n = 0};
    uint32_t n = 0;
    do
        n += pat_expand(g->session, g->program, rule, &choice) != NULL;
    while (pat_next_choice(&choice));
    return n;
}

uint32_t emit_patterns(gen *g)
{
    tables t = {.g = g};
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->program->rules.n; i++) {
        const pat_rule *rule = g->program->rules.at[i];
        uint32_t count = count_variants(g, rule), number = 0;
        x_choice choice = {.n = 0};
        do {
            t.v = pat_expand(g->session, g->program, rule, &choice);
            emit_variant(&t, rule, ++number, count);
        } while (pat_next_choice(&choice));
        n += count;
    }
    out_line(g->o, "/* ---- left sides of the rules as data, and the lines that they stand in ---- */");
    emit_lines(&t, g->o);
    out_f(g->o, "%sstatic const sld_pattern patterns[] = {\n%s{0}\n};\n\n", t.arrays.text ? t.arrays.text : "",
          t.body.text ? t.body.text : "");
    out_free(&t.arrays);
    out_free(&t.body);
    out_free(&t.terms);
    return n;
}
