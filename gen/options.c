/* Emits what the run decides: options with their defaults, and for each rule the options that it needs, its gate, and
 * the ops that it makes. */
#include <inttypes.h>
#include <string.h>

#include "gen.h"

typedef struct terms { gen *g; out text; uint32_t n; } terms;

static void term(terms *t, const char *kind, uint32_t nargs, uint32_t id, int64_t value)
{
    out_f(&t->text, "%s{%s, %u, %u, {%" PRId64 "}}", t->n++ ? ", " : "", kind, nargs, id, value);
}

const char *run_name(pat_name name)
{
    return !strcmp(name, "tokens") ? "SLD_RUN_TOKENS" : !strcmp(name, "world") ? "SLD_RUN_WORLD"
           : !strcmp(name, "units") ? "SLD_RUN_UNITS" : NULL;
}

static void emit_name(terms *t, pat_name name)
{
    const pat_option *o = pat_find_option(t->g->program, name);
    if (run_name(name))
        out_f(&t->text, "%s{SLD_T_RUN, 0, %s, {0}}", t->n++ ? ", " : "", run_name(name));
    else if (o)
        term(t, "SLD_T_OPTION", 0, o->id, 0);
    else
        term(t, "SLD_T_INT", 0, 0, !strcmp(name, "on"));
}

static void emit_gate_term(terms *t, const pat_expr *e)
{
    static const char *const operators[] = {
        [PE_NEG] = "SLD_T_NEG", [PE_NOT] = "SLD_T_NOT", [PE_ADD] = "SLD_T_ADD", [PE_SUB] = "SLD_T_SUB",
        [PE_MUL] = "SLD_T_MUL", [PE_DIV] = "SLD_T_DIV", [PE_MOD] = "SLD_T_MOD", [PE_EQ] = "SLD_T_EQ",
        [PE_NE] = "SLD_T_NE",   [PE_LT] = "SLD_T_LT",   [PE_LE] = "SLD_T_LE",   [PE_GT] = "SLD_T_GT",
        [PE_GE] = "SLD_T_GE",   [PE_AND] = "SLD_T_AND", [PE_OR] = "SLD_T_OR",
    };
    const pat_exprs *args = &e->args;
    switch (e->kind) {
    case PE_INT: case PE_BOOL:
        term(t, "SLD_T_INT", 0, 0, e->ival);
        return;
    case PE_NAME:
        emit_name(t, e->name);
        return;
    case PE_CALL:
        term(t, "SLD_T_CALL", args->n, !strcmp(e->name, "min") ? SLD_FN_MIN : !strcmp(e->name, "max") ? SLD_FN_MAX
                                                                                                       : SLD_FN_CEILDIV, 0);
        break;
    case PE_IN:
        term(t, "SLD_T_IN", 1 + args->at[1]->args.n, 0, 0);
        emit_gate_term(t, args->at[0]);
        args = &args->at[1]->args;
        break;
    default:
        term(t, operators[e->kind], args->n, 0, 0);
    }
    for (uint32_t i = 0; i < args->n; i++)
        emit_gate_term(t, args->at[i]);
}

/* ".n_X = 3, .X = (const sld_term[]){...}, .X_text = "...", " */
static void emit_conditions(gen *g, const char *name, pat_expr *const *es, uint32_t n)
{
    terms t = {.g = g};
    out texts = {0};
    for (uint32_t i = 0; i < n; i++) {
        size_t len;
        const char *text = pat_expr_text(g->session, es[i], &len);
        emit_gate_term(&t, es[i]);
        out_f(&texts, "%s%.*s", i ? ", " : "", (int)len, text);
    }
    out_f(g->o, ".%s_text = ", name);
    out_string(g->o, texts.text ? texts.text : "", texts.n);
    if (n)
        out_f(g->o, ", .n_%s = %u, .%s = (const sld_term[]){%s}", name, t.n, name, t.text.text);
    out_free(&t.text);
    out_free(&texts);
}

static void emit_option_ids(gen *g, const char *name, const pat_terms *names)
{
    if (!names->n)
        return;
    out_f(g->o, ", .n_%s = %u, .%s = (const uint16_t[]){", name, names->n, name);
    for (uint32_t i = 0; i < names->n; i++)
        out_f(g->o, "%s%u", i ? ", " : "", pat_find_option(g->program, names->at[i]->name)->id);
    out_f(g->o, "}");
}

void emit_options(gen *g)
{
    const pat_program *p = g->program;
    out_line(g->o, "/* ---- options ---- */");
    out_line(g->o, "static const sld_option_info options[] = {");
    for (uint32_t i = 0; i < p->options.n; i++) {
        const pat_option *o = p->options.at[i];
        out_f(g->o, "    {.name = \"%s\", .is_int = %d, .on = %d, .level = %d, ", o->name, o->is_int,
              pat_option_is_on(o, 3), o->level);
        emit_conditions(g, "dflt", &o->dflt, o->dflt != NULL);
        emit_option_ids(g, "requires", &o->requires);
        emit_option_ids(g, "excludes", &o->excludes);
        out_f(g->o, "},\n");
    }
    out_line(g->o, "    {0}\n};\n");
}

typedef PAT_LIST(const pat_op) ops;

static void collect_made(gen *g, const pat_term *t, ops *made)
{
    pat_op *op = t->kind == PT_APPLY ? pat_find_op(g->program, t->name) : NULL;
    bool known = !op;
    for (uint32_t i = 0; i < made->n; i++)
        known |= made->at[i] == op;
    if (!known)
        PAT_PUSH(g->arena, *made, op);
    for (uint32_t i = 0; i < t->operands.n; i++)
        collect_made(g, t->operands.at[i], made);
}

void emit_rule_run(gen *g, const pat_rule *r)
{
    ops made = {0};
    for (uint32_t i = 0; i < r->replace.n; i++)
        collect_made(g, r->replace.at[i]->value, &made);
    emit_conditions(g, "gate", r->gate.at, r->gate.n);
    emit_option_ids(g, "enabled", &r->enabled);
    if (!made.n)
        return;
    out_f(g->o, ", .n_made = %u, .made = (const uint16_t[]){", made.n);
    for (uint32_t i = 0; i < made.n; i++)
        out_f(g->o, "%sOP_%s", i ? ", " : "", made.at[i]->name);
    out_f(g->o, "}");
}
