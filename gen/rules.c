/* Rules: their table, the automaton of each phase, and the dispatch by phase and root op. */
#include <stdio.h>
#include <string.h>

#include "automaton.h"

/* What is tried at nodes of one op; look: the last members of its sld_root. */
typedef struct entry { const pat_op *op; PAT_LIST(row) rows; decision d; const char *name, *look; bool for_rule; } entry;

static uint32_t phase_of(const pat_rule *rule)
{
    return rule->phase ? rule->phase->id : 0;
}

void line_directive(gen *g, out *o, pat_span span)
{
    const char *file;
    unsigned line, col;
    if (!g->options->lines)
        return;
    pat_location(g->session, span, &file, &line, &col);
    out_f(o, "#line %u ", line);
    out_string(o, file, strlen(file));
    out_f(o, "\n");
}

void emit_rule_ids(gen *g)
{
    out_open(g->o, "enum");
    for (uint32_t i = 0; i < g->program->rules.n; i++)
        out_line(g->o, "RULE_%s = %u,", g->program->rules.at[i]->name, i);
    out_line(g->o, "N_RULES = %u", g->program->rules.n);
    out_close(g->o, ";\n");
}

void line_end(gen *g, out *o)
{
    if (g->options->lines)
        out_f(o, LINE_END);
}

static void emit_rule_info(gen *g, const pat_rule *rule, rule_facts facts)
{
    const char *file;
    unsigned line, col;
    pat_location(g->session, rule->name_span, &file, &line, &col);
    const char *slash = strrchr(file, '/');
    out_f(g->o, "    {\"%s\", \"%s\", %u, %u, OP_%s, %u, ", rule->name, slash ? slash + 1 : file, line, phase_of(rule),
          facts.root->name, facts.n_variants);
    emit_rule_run(g, rule);
    out_f(g->o, "},\n");
}

void emit_rule_table(gen *g)
{
    out *o = g->o;
    const pat_program *p = g->program;
    out_line(o, "static const sld_rule_info rules[] = {");
    for (uint32_t i = 0; i < p->rules.n; i++)
        emit_rule_info(g, p->rules.at[i], g->rules[i]);
    out_line(o, "    {0}\n};\n");
    out_f(o, "static const uint16_t conditional[] = {");
    for (uint32_t i = 0; i < p->rules.n; i++)
        if (p->rules.at[i]->enabled.n || p->rules.at[i]->gate.n)
            out_f(o, "%u, ", i);
    out_line(o, "0};\n");
    out_line(o, "static const sld_phase_info phases[] = {");
    for (uint32_t i = 0; i < p->phases.n; i++)
        out_line(o, "    {\"%s\", %s, %u, %u, %s},", p->phases.at[i]->name, p->phases.at[i]->quiet ? "false" : "true",
                 g->phases[i].radius, g->phases[i].reads, g->phases[i].readers ? "true" : "false");
    out_line(o, "    {0}\n};\n");
}

/* ---------------------------------------------------------------- phases -- */

/* Rows by root op, ops in order of declaration, rows in order of precedence. */
static entry *group_rows(automaton *a, uint32_t *n)
{
    gen *g = a->g;
    uint32_t n_ops = g->program->ops.n;
    entry *by_op = pat_alloc(g->arena, (n_ops + 1) * sizeof *by_op);
    for (uint32_t i = 0; i < a->rows.n; i++)
        PAT_PUSH(g->arena, by_op[a->rows.at[i]->root->id].rows, a->rows.at[i]);
    *n = 0;
    for (uint32_t i = 0; i <= n_ops; i++)
        if (by_op[i].rows.n) {
            by_op[*n] = by_op[i];
            by_op[*n].op = by_op[i].rows.at[0]->root;
            ++*n;
        }
    return by_op;
}

static const char *entry_title(gen *g, const entry *e)
{
    const char *title = gen_format(g, "%s:", e->op->name);
    const pat_rule *last = NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->rows.n; i++) {
        const pat_rule *rule = e->rows.at[i]->rule;
        if (rule != last && n++ < 8)
            title = gen_format(g, "%s %s", title, rule->name);
        last = rule;
    }
    return n > 8 ? gen_format(g, "%s ... %u rules", title, n) : title;
}

/* The operand of the root whose producer decides first, where an op that is not asked for leads nowhere; or NULL. */
static const place *first_look(const state *s)
{
    if (!s->col || s->col->condition || s->col->cost != COST_OP || s->col->needs.n != 1 || s->other.to)
        return NULL;
    const place *p = s->col->needs.at[0];
    return p->kind == PL_PRODUCER && p->of->kind == PL_OPERAND && p->of->of->kind == PL_ROOT ? p->of : NULL;
}

/* Ops in a bit set from the least one on; without the set where it has all of them, or would be long for the few it has. */
static const char *emit_look(gen *g, const char *name, const state *s)
{
    const place *operand = first_look(s);
    uint32_t first = UINT32_MAX, last = 0;
    for (uint32_t i = 0; operand && i < s->n; i++) {
        uint32_t op = (uint32_t)s->branches[i].test->value;
        first = op < first ? op : first;
        last = op > last ? op : last;
    }
    if (!operand)
        return "{0}";
    uint32_t n = last - first + 1, words = (n + 31) / 32;
    if (n == s->n || words > s->n + 8)
        return gen_format(g, "{%u, %u, %u, NULL}", operand->i + 1, first, n);
    uint32_t *bits = pat_alloc(g->arena, words * sizeof *bits);
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t at = (uint32_t)s->branches[i].test->value - first;
        bits[at / 32] |= UINT32_C(1) << at % 32;
    }
    out_f(g->o, "static const uint32_t %s_after[] = {", name);
    for (uint32_t i = 0; i < words; i++)
        out_f(g->o, "0x%x%s", bits[i], i + 1 < words ? ", " : "};\n\n");
    return gen_format(g, "{%u, %u, %u, %s_after}", operand->i + 1, first, n, name);
}

/* Ops that lead to the same state share a function, which is told what rule to look for. */
static void name_entries(automaton *a, entry *all, uint32_t n)
{
    gen *g = a->g;
    byte_map known = {0};
    for (uint32_t i = 0; i < n; i++) {
        state *start = all[i].d.start.to;
        entry **at = (entry **)byte_map_at(g->arena, &known, &start, sizeof start);
        if (!*at) {
            *at = &all[i];
            all[i].name = gen_format(g, "%s_%s", g->program->phases.at[a->phase]->name, all[i].op->name);
        } else if ((*at)->d.start.rule != all[i].d.start.rule) {
            (*at)->for_rule = true;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        entry *shared = *(entry **)byte_map_at(g->arena, &known, &all[i].d.start.to, sizeof all[i].d.start.to);
        all[i].for_rule = shared->for_rule;
        if (shared == &all[i]) {
            print_matcher(a, all[i].name, entry_title(g, &all[i]), all[i].d.start, all[i].for_rule);
            all[i].look = emit_look(g, all[i].name, all[i].d.start.to);
        }
        all[i].name = shared->name;
        all[i].look = shared->look;
    }
}

static void emit_roots(gen *g, uint32_t phase, const entry *all, uint32_t n)
{
    out_line(g->o, "static const sld_root roots_%s[N_OPS] = {", g->program->phases.at[phase]->name);
    for (uint32_t i = 0; i < n; i++)
        out_line(g->o, "    [OP_%s] = {%s, %s%s, %s},", all[i].op->name, all[i].name, all[i].for_rule ? "RULE_" : "",
                 all[i].for_rule ? all[i].d.start.rule->name : "-1", all[i].look);
    out_line(g->o, "    [0] = {NULL, -1, {0}}\n};\n");
}

void emit_dispatch(gen *g)
{
    out_line(g->o, "static int rewrite(SLD_GRAPH g, SLD_NODE n, uint32_t phase)\n{");
    out_line(g->o, "    const sld_root *r = phase < %u ? &roots[phase][SLD_OP(g, n)] : NULL;", g->program->phases.n);
    out_line(g->o, "    return r && r->rewrite && SLD_MAY_MATCH(g, n, r) ? r->rewrite(g, n, r->rule) : -1;\n}\n");
}

/* Rules that walk readers are left out where the engine cannot. */
static void note_readers(gen *g, automaton *a)
{
    for (uint32_t i = 0; i < a->rows.n; i++)
        if (row_needs_readers(a->rows.at[i])) {
            g->phases[a->phase].readers = true;
            out_line(g->o, "#if !defined SLD_FIRST_READER && !defined __clang__");
            out_line(g->o, "#pragma message \"rule %s is left out: it needs SLD_FIRST_READER\"",
                     a->rows.at[i]->rule->name);
            out_line(g->o, "#endif");
            while (i + 1 < a->rows.n && a->rows.at[i + 1]->rule == a->rows.at[i]->rule)
                i++;
        }
}

/* ----------------------------------------------------------------- stats -- */

static uint32_t count_loops(const entry *e)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->rows.n; i++)
        for (uint32_t k = 0; k < e->rows.at[i]->tail.n; k++)
            n += e->rows.at[i]->tail.at[k]->kind != STEP_TEST;
    return n;
}

static void tell(gen *g, const automaton *a, const entry *all, uint32_t n)
{
    for (uint32_t i = 0; g->options->stats && i < n; i++)
        fprintf(stderr, "%-12s %-20s %6u rows %6u states %6u shared %4u fallbacks %4u loops\n",
                g->program->phases.at[a->phase]->name, all[i].op->name, all[i].rows.n, all[i].d.states,
                all[i].d.shared, all[i].d.fallbacks, count_loops(&all[i]));
}

static void emit_automaton(gen *g, uint32_t phase)
{
    automaton *a = pat_alloc(g->arena, sizeof *a);
    uint32_t n, errors = pat_error_count(g->session);
    *a = (automaton){.g = g, .phase = phase};
    g->phases[phase] = (phase_facts){1, 1, false};
    a->root = place_at(a, PL_ROOT, NULL, 0, 0);
    for (uint32_t i = 0; i < g->program->rules.n; i++) {
        const pat_rule *rule = g->program->rules.at[i];
        if (phase_of(rule) != phase)
            continue;
        uint32_t first = a->rows.n, variants = rule_rows(a, rule);
        g->rules[i] = (rule_facts){a->rows.n > first ? a->rows.at[first]->root : NULL, variants};
    }
    if (pat_error_count(g->session) > errors)
        return;
    note_readers(g, a);
    entry *all = group_rows(a, &n);
    for (uint32_t i = 0; i < n; i++)
        all[i].d = decide(a, all[i].rows.at, all[i].rows.n);
    name_entries(a, all, n);
    emit_roots(g, phase, all, n);
    tell(g, a, all, n);
}

void emit_rules(gen *g)
{
    const pat_program *p = g->program;
    g->rules = pat_alloc(g->arena, (p->rules.n + 1) * sizeof *g->rules);
    g->phases = pat_alloc(g->arena, (p->phases.n + 1) * sizeof *g->phases);
    out_line(g->o, "/* ---- rules ---- */");
    for (uint32_t i = 0; i < p->phases.n; i++)
        emit_automaton(g, i);
    out_line(g->o, "static const sld_root *const roots[] = {");
    for (uint32_t i = 0; i < p->phases.n; i++)
        out_line(g->o, "    roots_%s,", p->phases.at[i]->name);
    out_line(g->o, "    NULL\n};\n");
}
