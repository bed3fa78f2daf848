/* Why a rule did not fire: the partial match that lacks the least, shown in the lines of the pattern;
 * and how often which test was the first to fail. */
#include "explain.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

/* ------------------------------------------------------------- best matches -- */

static bool holds(const sld_partial *m, sld_node n)
{
    bool there = !n || m->root == n;
    for (uint32_t i = 0; i < m->pattern->n_nodes; i++)
        there |= m->nodes[i] == n;
    return there;
}

/* Patterns stand in the order of their rules. */
static uint32_t first_pattern(const sld_ruleset *r, uint32_t rule)
{
    uint32_t lo = 0, hi = r->n_patterns;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (r->patterns[mid].rule < rule)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The best match of a rule over all its variants, at one root and with node n in it (0: any). */
static const sld_partial *best_at(sld_walker *w, const sld_ruleset *r, uint32_t rule, sld_node root, sld_node n,
                                  uint32_t limit)
{
    const sld_pattern *best = NULL;
    for (uint32_t i = first_pattern(r, rule); i < r->n_patterns && r->patterns[i].rule == rule; i++) {
        const sld_partial *m = sld__walk(w, &r->patterns[i], root, limit);
        if (!m || !m->n_met || !holds(m, n))
            continue;
        best = m->pattern;
        if (!m->cost)
            break;
        limit = m->cost - 1;
    }
    return best ? sld__walk(w, best, root, UINT32_MAX) : NULL;
}

/* Anywhere in the graph: limits grow until something costs no more. */
static const sld_partial *best_of(sld_graph *g, sld_walker *w, uint32_t rule, sld_node n)
{
    for (uint32_t limit = 0; limit < 65536; limit = 2 * limit + 1) {
        sld_node root = 0;
        uint32_t least = limit + 1;
        const sld_partial *m = NULL;
        for (sld_node i = sld_first_node(g); i && least; i = sld_next_node(g, i))
            if ((m = best_at(w, g->rules, rule, i, n, least - 1))) {
                root = i;
                least = m->cost;
            }
        if (root)
            return best_at(w, g->rules, rule, root, n, UINT32_MAX);
    }
    return NULL;
}

/* ------------------------------------------------------------------- lines -- */

typedef struct shown { const sld_line *line; bool own; } shown; /* own: of the rule, not of a pattern in it */

static int by_place(const void *a, const void *b)
{
    const shown *x = a, *y = b;
    int files = strcmp(x->line->file, y->line->file);
    return x->own != y->own ? y->own - x->own
           : files          ? files
                            : (x->line->number > y->line->number) - (x->line->number < y->line->number);
}

static void show(shown *at, uint32_t *n, const sld_line *line, const sld_rule_info *rule)
{
    for (uint32_t i = 0; i < *n; i++)
        if (at[i].line == line)
            return;
    at[(*n)++] = (shown){line, !strcmp(line->file, rule->file) && line->number >= rule->line};
}

/* A line that counts columns as `text` does: tabs stay. */
static void put_marks(FILE *out, const sld_partial *m, const sld_line *line)
{
    char marks[512];
    size_t n = strlen(line->text), last = 0;
    n = n < sizeof marks ? n : sizeof marks;
    for (size_t i = 0; i < n; i++)
        marks[i] = line->text[i] == '\t' ? '\t' : ' ';
    for (uint32_t i = 0; i <= m->pattern->n_nodes; i++) {
        bool fault = i == m->pattern->n_nodes;
        const sld_place p = fault ? m->first.place : m->pattern->nodes[i].place;
        if ((fault ? !m->cost : !m->nodes[i]) || p.line != line)
            continue;
        for (size_t k = p.at; k < (size_t)p.at + p.n && k < n; k++) {
            marks[k] = fault ? '^' : '~';
            last = k + 1 > last ? k + 1 : last;
        }
    }
    if (last)
        fprintf(out, "%*s%.*s\n", 22, "", (int)last, marks);
}

static void put_line(sld_graph *g, const sld_partial *m, const sld_line *line, FILE *out)
{
    char place[40];
    snprintf(place, sizeof place, "%s:%u", line->file, line->number);
    fprintf(out, "%-20s  %s\n", place, line->text);
    put_marks(out, m, line);
    for (uint32_t i = m->pattern->n_nodes; i-- > 0;)
        if (m->nodes[i] && m->pattern->nodes[i].place.line == line) {
            fputs("  matched   ", out);
            sld__print_node(g, m->nodes[i], out);
            putc('\n', out);
        }
    if (m->cost && m->first.place.line == line) {
        fputs("  FAILS     ", out);
        sld__print_fault(g, m, out);
        putc('\n', out);
    }
}

static sld_status put_lines(sld_graph *g, const sld_partial *m, FILE *out)
{
    const sld_pattern *p = m->pattern;
    const sld_rule_info *rule = &g->rules->rules[p->rule];
    shown *at = sld__alloc(g->ctx, (p->n_nodes + p->n_where + 1u) * sizeof *at);
    uint32_t n = 0;
    if (!at)
        return SLD_ERR_MEMORY;
    for (uint32_t i = 0; i < p->n_nodes; i++)
        show(at, &n, p->nodes[i].place.line, rule);
    for (uint32_t i = 0; i < p->n_where; i++)
        show(at, &n, p->where[i].place.line, rule);
    if (m->cost)
        show(at, &n, m->first.place.line, rule);
    qsort(at, n, sizeof *at, by_place);
    for (uint32_t i = 0; i < n; i++)
        put_line(g, m, at[i].line, out);
    sld__free(g->ctx, at);
    return SLD_OK;
}

/* --------------------------------------------------------------- interface -- */

sld_status sld_explain(sld_graph *g, uint32_t rule, sld_node n, FILE *out, sld_node *matched)
{
    sld__clear(g->ctx);
    sld_walker *w = sld__walker_new(g);
    if (!w)
        return SLD_ERR_MEMORY;
    const sld_partial *m = best_of(g, w, rule, n);
    const sld_rule_info *r = &g->rules->rules[rule];
    sld_status status = SLD_OK;
    *matched = m && !m->cost ? m->root : 0;
    fprintf(out, "rule %s (%s:%u)", r->name, r->file, r->line);
    if (m) {
        fprintf(out, " at node '%s': %u of %u nodes are there", sld_value_name(g, sld_result(g, m->root, 0)), m->n_met,
                m->pattern->n_nodes);
        if (m->pattern->n_variants > 1)
            fprintf(out, " in variant %u of %u", m->pattern->variant, m->pattern->n_variants);
        putc('\n', out);
        status = put_lines(g, m, out);
    } else if (n) {
        fputs(": no part of it is around ", out);
        sld__print_node(g, n, out);
        putc('\n', out);
    } else {
        fputs(": no part of it is in the graph\n", out);
    }
    sld__walker_free(w);
    return status || !sld__starved(g->ctx) ? status : SLD_ERR_MEMORY;
}

/* A third of the nodes may be missing, and a few tests may fail. */
static uint32_t near(const sld_pattern *p) { return p->n_nodes / 3 * SLD_COST_NODE + 3; }

static const sld_partial *near_miss(sld_walker *w, const sld_ruleset *r, uint32_t rule, sld_node n)
{
    uint32_t limit = 0;
    for (uint32_t i = first_pattern(r, rule); i < r->n_patterns && r->patterns[i].rule == rule; i++)
        if (near(&r->patterns[i]) > limit)
            limit = near(&r->patterns[i]);
    const sld_partial *m = best_at(w, r, rule, n, n, limit);
    return m && m->cost && m->cost <= near(m->pattern) && m->cost % SLD_COST_NODE <= 3 ? m : NULL;
}

typedef struct miss { sld_miss said; sld_fault_kind kind; sld_place place; } miss;
typedef SLD_ARRAY(miss) misses;

static bool count_miss(sld_graph *g, misses *all, const sld_partial *m)
{
    const sld_fault *f = &m->first;
    for (uint32_t i = 0; i < all->n; i++) {
        miss *x = &all->at[i];
        if (x->said.rule == m->pattern->rule && x->kind == f->kind && x->place.line == f->place.line &&
            x->place.at == f->place.at) {
            x->said.count++;
            return true;
        }
    }
    if (!SLD_RESERVE(g->ctx, *all, all->n + 1))
        return false;
    miss *x = &all->at[all->n++];
    *x = (miss){{.rule = m->pattern->rule, .count = 1, .example = m->root, .file = f->place.line->file,
                 .line = f->place.line->number}, f->kind, f->place};
    FILE *out = fmemopen(x->said.why, sizeof x->said.why, "w");
    if (!out) {
        sld__fail(g->ctx, SLD_ERR_MEMORY, "out of memory");
        return false;
    }
    sld__print_fault(g, m, out);
    fclose(out);
    x->said.why[sizeof x->said.why - 1] = 0;
    return true;
}

sld_status sld_near_misses(sld_graph *g, void (*each)(void *user, const sld_miss *miss), void *user)
{
    sld__clear(g->ctx);
    sld_walker *w = sld__walker_new(g);
    misses all = {0};
    bool ok = w != NULL;
    for (uint32_t rule = 0; ok && rule < g->rules->n_rules; rule++) {
        if (!g->rules->phases[g->rules->rules[rule].phase].report)
            continue;
        for (sld_node n = sld_first_node(g); ok && n; n = sld_next_node(g, n)) {
            const sld_partial *m = near_miss(w, g->rules, rule, n);
            ok = !m || count_miss(g, &all, m);
        }
    }
    ok = ok && !sld__starved(g->ctx);
    for (uint32_t i = 0; ok && i < all.n; i++)
        each(user, &all.at[i].said);
    sld__free(g->ctx, all.at);
    sld__walker_free(w);
    return ok ? SLD_OK : SLD_ERR_MEMORY;
}
