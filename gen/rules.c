/* Emits rules: enumerations, match structures, matchers, rewriters and the dispatch by
 * phase and root op. */
#include <string.h>

#include "gen.h"

typedef struct emitted { const pat_rule *rule; const pat_op *roots[64]; uint32_t n_variants, phase, height, reads; } emitted;

static void emit_struct(gen *g, out *body, uint32_t max_nodes)
{
    out_line(g->o, "struct match_%s {", g->rule->name);
    out_line(g->o, "    SLD_NODE nodes[%u];", max_nodes);
    out_line(g->o, "    uint32_t n_nodes;");
    for (uint32_t i = 0; i < g->fields.n; i++)
        out_line(g->o, "    %s", g->fields.at[i]);
    out_line(g->o, "};\n");
    out_f(g->o, "%s", body->text ? body->text : "");
}

/* Nodes on the longest path from the root to a producer. */
static uint32_t height(gen *g, const x_variant *v)
{
    uint32_t *of = pat_alloc(g->arena, (v->nodes.n + 1) * sizeof *of), max = 0;
    for (uint32_t i = 0; i < v->nodes.n; i++) {
        const x_node *n = v->nodes.at[i];
        of[n->id] = 1;
        for (uint32_t k = 0; k < n->operands.n; k++) {
            const x_val *x = n->operands.at[k];
            if (x->kind == XVAL_RESULT && of[x->node->id] >= of[n->id])
                of[n->id] = of[x->node->id] + 1;
        }
        max = of[n->id] > max ? of[n->id] : max;
    }
    return max;
}

static uint32_t most_reads(const x_variant *v)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < v->vals.n; i++)
        if (v->vals.at[i]->kind == XVAL_RESULT && v->vals.at[i]->n_uses > most)
            most = v->vals.at[i]->n_uses;
    return most;
}

static uint32_t count_variants(gen *g)
{
    x_choice choice = {.n = 0};
    uint32_t n = 0;
    do {
        if (!expand_rule(g, &choice))
            return 0;
        g->locals.n = 0;
        n++;
    } while (pat_next_choice(&choice));
    return n;
}

static bool emit_rule(gen *g, const pat_rule *rule, emitted *e)
{
    out *real = g->o, body = {0};
    x_choice choice = {.n = 0};
    x_variant *v = NULL;
    uint32_t max_nodes = 0;
    g->rule = rule;
    g->fields.n = g->locals.n = 0;
    uint32_t count = count_variants(g);
    if (!count || count > 64) {
        if (count)
            pat_error(g->session, rule->name_span, 417, "rule '%s' expands to %u variants, at most 64 are allowed",
                      rule->name, count);
        return false;
    }
    *e = (emitted){.rule = rule, .phase = rule->phase ? rule->phase->id : 0};
    g->o = &body;
    do {
        v = expand_rule(g, &choice);
        e->roots[e->n_variants++] = v->root->op;
        emit_matcher(g, v, e->n_variants, count);
        max_nodes = v->nodes.n > max_nodes ? v->nodes.n : max_nodes;
        e->height = height(g, v) > e->height ? height(g, v) : e->height;
        e->reads = most_reads(v) > e->reads ? most_reads(v) : e->reads;
    } while (pat_next_choice(&choice));
    emit_rewriter(g, v);
    g->o = real;
    emit_struct(g, &body, max_nodes);
    out_free(&body);
    return true;
}

/* How far a change in a graph reaches, for the driver: see sld_phase_info. */
static void reach(const emitted *all, uint32_t n, uint32_t phase, uint32_t *radius, uint32_t *reads)
{
    *radius = *reads = 1;
    for (uint32_t i = 0; i < n; i++) {
        if (all[i].phase != phase)
            continue;
        *radius = all[i].height > *radius ? all[i].height : *radius;
        *reads = all[i].reads > *reads ? all[i].reads : *reads;
    }
}

static void emit_rule_table(gen *g, const emitted *all, uint32_t n)
{
    out *o = g->o;
    out_line(o, "static const sld_rule_info rules[] = {");
    for (uint32_t i = 0; i < n; i++) {
        const char *file;
        unsigned line, col;
        pat_location(g->session, all[i].rule->name_span, &file, &line, &col);
        const char *slash = strrchr(file, '/');
        out_line(o, "    {\"%s\", \"%s\", %u, %u, OP_%s, %u},", all[i].rule->name, slash ? slash + 1 : file, line,
                 all[i].phase, all[i].roots[0]->name, all[i].n_variants);
    }
    out_line(o, "    {0}\n};\n");
    out_line(o, "static const sld_phase_info phases[] = {");
    for (uint32_t i = 0; i < g->program->phases.n; i++) {
        uint32_t radius, reads;
        reach(all, n, i, &radius, &reads);
        out_line(o, "    {\"%s\", %s, %u, %u},", g->program->phases.at[i]->name,
                 g->program->phases.at[i]->quiet ? "false" : "true", radius, reads);
    }
    out_line(o, "    {0}\n};\n");
}

static bool rooted(const emitted *e, uint32_t phase, const pat_op *op)
{
    for (uint32_t i = 0; i < e->n_variants; i++)
        if (e->phase == phase && e->roots[i] == op)
            return true;
    return false;
}

static void emit_case(gen *g, const emitted *all, uint32_t n, uint32_t phase, const pat_op *op)
{
    out *o = g->o;
    out_line(o, "case OP_%s:", op->name);
    o->indent++;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; rooted(&all[i], phase, op) && j < all[i].n_variants; j++)
            if (all[i].roots[j] == op) {
                const char *name = all[i].rule->name;
                out_line(o, "if (match_%s_%u(g, n, &m.%s) && apply_%s(g, &m.%s))", name, j + 1, name, name, name);
                out_line(o, "    return RULE_%s;", name);
            }
    out_line(o, "return -1;");
    o->indent--;
}

/* One function for each phase that switches on the root op; rules in order of declaration. */
static void emit_phase(gen *g, const emitted *all, uint32_t n, uint32_t phase)
{
    out *o = g->o;
    const pat_program *p = g->program;
    out_line(o, "static const uint8_t roots_%u[N_OPS] = {", phase);
    for (uint32_t k = 0; k < p->ops.n; k++)
        for (uint32_t i = 0; i < n; i++)
            if (rooted(&all[i], phase, p->ops.at[k])) {
                out_line(o, "    [OP_%s] = 1,", p->ops.at[k]->name);
                break;
            }
    out_line(o, "    [0] = 0\n};\n");
    out_line(o, "static int phase_%s(SLD_GRAPH g, SLD_NODE n)\n{", p->phases.at[phase]->name);
    o->indent = 1;
    out_line(o, "union {");
    bool any = false;
    for (uint32_t i = 0; i < n; i++)
        if (all[i].phase == phase) {
            out_line(o, "    struct match_%s %s;", all[i].rule->name, all[i].rule->name);
            any = true;
        }
    out_line(o, "%s} m;", any ? "" : "    int none;\n");
    out_line(o, "(void)m;");
    out_line(o, "switch (SLD_OP(g, n)) {");
    for (uint32_t k = 0; k < p->ops.n; k++)
        for (uint32_t i = 0; i < n; i++)
            if (rooted(&all[i], phase, p->ops.at[k])) {
                emit_case(g, all, n, phase, p->ops.at[k]);
                break;
            }
    out_line(o, "default:\n        return -1;\n    }");
    o->indent = 0;
    out_line(o, "}\n");
}

static void emit_dispatch(gen *g)
{
    out *o = g->o;
    const pat_program *p = g->program;
    out_line(o, "static int rewrite(SLD_GRAPH g, SLD_NODE n, uint32_t phase)\n{");
    out_line(o, "    switch (phase) {");
    for (uint32_t i = 0; i < p->phases.n; i++)
        out_line(o, "    case %u:\n        return phase_%s(g, n);", i, p->phases.at[i]->name);
    out_line(o, "    default:\n        (void)g, (void)n;\n        return -1;\n    }\n}\n");
    out_line(o, "static const uint8_t *const roots[] = {");
    for (uint32_t i = 0; i < p->phases.n; i++)
        out_line(o, "    roots_%u,", i);
    out_line(o, "    NULL\n};\n");
}

void emit_rules(gen *g)
{
    out *o = g->o;
    const pat_program *p = g->program;
    emitted *all = pat_alloc(g->arena, (p->rules.n + 1) * sizeof *all);
    uint32_t n = 0;
    out_line(o, "/* ---- rules ---- */");
    out_open(o, "enum");
    for (uint32_t i = 0; i < p->rules.n; i++)
        out_line(o, "RULE_%s = %u,", p->rules.at[i]->name, i);
    out_line(o, "N_RULES = %u", p->rules.n);
    out_close(o, ";\n");
    for (uint32_t i = 0; i < p->rules.n; i++)
        if (emit_rule(g, p->rules.at[i], &all[n]))
            n++;
    if (pat_error_count(g->session))
        return;
    emit_rule_table(g, all, n);
    for (uint32_t i = 0; i < p->phases.n; i++)
        emit_phase(g, all, n, i);
    emit_dispatch(g);
}
