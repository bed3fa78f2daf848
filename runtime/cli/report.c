/* See report.h. */
#include "report.h"

#include <inttypes.h>
#include <string.h>

typedef struct maker {
    sld_graph *g;
    report *r;
    const int64_t *symbols;
    sld_traffic last;       /* as the last rewrite left the graph */
    bool failed;
} maker;

/* What a node is called: by its first result. */
static void name_node(const sld_graph *g, sld_node n, char *to, size_t size)
{
    snprintf(to, size, "%s", sld_n_results(g, n) ? sld_value_name(g, sld_result(g, n, 0)) : "");
}

static report_group *new_group(maker *m)
{
    report *r = m->r;
    if (!SLD_RESERVE(m->g->ctx, r->groups, r->groups.n + 1)) {
        m->failed = true;
        return NULL;
    }
    return memset(&r->groups.at[r->groups.n++], 0, sizeof *r->groups.at);
}

/* ------------------------------------------------------------------- making -- */

static void count_saved(void *user, const sld_fuse_event *e)
{
    maker *m = user;
    report_rule *rule = &m->r->rules[e->rule];
    sld_traffic now;
    if (e->refused)
        return;
    rule->fired++;
    if (sld_graph_traffic(m->g, m->symbols, &now))
        m->failed = true;
    rule->launches += (int64_t)m->last.launches - now.launches;
    rule->bytes += (int64_t)(m->last.bytes - now.bytes);
    m->last = now;
}

static void count_refused(void *user, const sld_fuse_event *e)
{
    maker *m = user;
    for (uint32_t i = 0; i < m->r->groups.n; i++) {
        report_group *g = &m->r->groups.at[i];
        if (g->rule == e->rule && e->refused && !strncmp(g->why, e->refused, sizeof g->why - 1)) {
            g->count++;
            return;
        }
    }
    report_group *g = e->refused ? new_group(m) : NULL;
    if (!g)
        return;
    g->rule = e->rule;
    g->count = 1;
    snprintf(g->why, sizeof g->why, "%s", e->refused);
    if (e->n)
        name_node(m->g, e->nodes[e->n - 1], g->node, sizeof g->node);
}

static void count_near(void *user, const sld_miss *miss)
{
    maker *m = user;
    report_group *g = new_group(m);
    if (!g)
        return;
    g->rule = miss->rule;
    g->count = miss->count;
    g->near = true;
    snprintf(g->place, sizeof g->place, "%s:%u", miss->file, miss->line);
    snprintf(g->why, sizeof g->why, "%s", miss->why);
    name_node(m->g, miss->example, g->node, sizeof g->node);
}

/* A graph at rest changes no more: fusing it again tells each match that is refused once. */
int report_make(sld_graph *g, const sld_fuse_options *options, const int64_t *symbols, report *r)
{
    *r = (report){.rules = sld__alloc(g->ctx, (g->rules->n_rules + 1u) * sizeof *r->rules)};
    maker m = {.g = g, .r = r, .symbols = symbols};
    sld_fuse_options o = *options;
    o.user = &m;
    o.told = count_saved;
    bool ok = r->rules && !sld_graph_traffic(g, symbols, &r->before);
    m.last = r->before;
    ok = ok && !sld_fuse(g, &o, NULL) && !sld_graph_traffic(g, symbols, &r->after);
    o.told = count_refused;
    ok = ok && (o.max_rewrites || !sld_fuse(g, &o, NULL)) && !sld_near_misses(g, count_near, &m) && !m.failed;
    return ok ? CLI_OK : cli_fail("%s", sld_error(g->ctx));
}

void report_free(sld_ctx *ctx, report *r)
{
    sld__free(ctx, r->rules);
    sld__free(ctx, r->groups.at);
    *r = (report){0};
}

/* --------------------------------------------------------------------- text -- */

static bool is_listed(const sld_ruleset *rules, uint32_t rule)
{
    return rules->phases[rules->rules[rule].phase].report;
}

static void print_groups(const report *r, const sld_ruleset *rules, bool near, const char *title, FILE *out)
{
    for (uint32_t i = 0; i < r->groups.n; i++) {
        const report_group *g = &r->groups.at[i];
        if (g->near != near || !is_listed(rules, g->rule))
            continue;
        fputs(title, out);
        title = "";
        fprintf(out, "  %-24s %6u  %s%s%s", rules->rules[g->rule].name, g->count, g->place, *g->place ? ": " : "", g->why);
        fprintf(out, *g->node ? " (node '%s')\n" : "\n", g->node);
    }
}

static void print_saved(const report *r, const char *name, const report_rule *rule, FILE *out)
{
    fprintf(out, "  %-24s %6u", name, rule->fired);
    if (r->split)
        fprintf(out, " of %-6u", rule->whole);
    fprintf(out, "  %10" PRId64, rule->launches);
    if (r->before.sized)
        fprintf(out, "  %16" PRId64, rule->bytes);
    putc('\n', out);
}

void report_print(const report *r, const sld_ruleset *rules, FILE *out)
{
    report_rule others = {0};
    fprintf(out, r->split ? "rules fired, of those without cuts, saved:     launches"
                          : "rules fired, saved:                  launches");
    fprintf(out, r->before.sized ? "       bytes moved\n" : "\n");
    for (uint32_t i = 0; i < rules->n_rules; i++) {
        const report_rule *rule = &r->rules[i];
        if (is_listed(rules, i) && (rule->fired || rule->whole))
            print_saved(r, rules->rules[i].name, rule, out);
        if (is_listed(rules, i))
            continue;
        others.fired += rule->fired;
        others.whole += rule->whole;
        others.launches += rule->launches;
        others.bytes += rule->bytes;
    }
    if (others.fired)
        print_saved(r, "(quiet phases)", &others, out);
    print_groups(r, rules, false, "matches that were refused:\n", out);
    print_groups(r, rules, true, "near misses, by the first test that fails:\n", out);
}

/* --------------------------------------------------------------------- JSON -- */

void cli_json_string(const char *s, FILE *out)
{
    putc('"', out);
    for (; *s; s++)
        if (*s == '"' || *s == '\\')
            fprintf(out, "\\%c", *s);
        else if ((unsigned char)*s < 32)
            fprintf(out, "\\u%04x", (unsigned char)*s);
        else
            putc(*s, out);
    putc('"', out);
}

static void print_json_groups(const report *r, uint32_t rule, bool near, const char *name, FILE *out)
{
    const char *before = "";
    fprintf(out, ", \"%s\": [", name);
    for (uint32_t i = 0; i < r->groups.n; i++) {
        const report_group *g = &r->groups.at[i];
        if (g->rule != rule || g->near != near)
            continue;
        fprintf(out, "%s{\"count\": %u, \"why\": ", before, g->count);
        cli_json_string(g->why, out);
        fputs(", \"node\": ", out);
        cli_json_string(g->node, out);
        if (near) {
            fputs(", \"place\": ", out);
            cli_json_string(g->place, out);
        }
        putc('}', out);
        before = ", ";
    }
    putc(']', out);
}

static bool has_group(const report *r, uint32_t rule)
{
    for (uint32_t i = 0; i < r->groups.n; i++)
        if (r->groups.at[i].rule == rule)
            return true;
    return false;
}

void report_print_json(const report *r, const sld_ruleset *rules, FILE *out)
{
    const char *before = "";
    fprintf(out, "\"launches\": [%u, %u], ", r->before.launches, r->after.launches);
    if (r->before.sized)
        fprintf(out, "\"bytes_moved\": [%" PRIu64 ", %" PRIu64 "], ", r->before.bytes, r->after.bytes);
    fputs("\"rules\": {", out);
    for (uint32_t i = 0; i < rules->n_rules; i++) {
        const report_rule *rule = &r->rules[i];
        if (!rule->fired && !rule->whole && !has_group(r, i))
            continue;
        fputs(before, out);
        before = ", ";
        cli_json_string(rules->rules[i].name, out);
        fprintf(out, ": {\"fired\": %u, \"launches_saved\": %" PRId64, rule->fired, rule->launches);
        if (r->split)
            fprintf(out, ", \"fired_in_one_piece\": %u", rule->whole);
        if (r->before.sized)
            fprintf(out, ", \"bytes_saved\": %" PRId64, rule->bytes);
        print_json_groups(r, i, false, "refused", out);
        print_json_groups(r, i, true, "near_misses", out);
        putc('}', out);
    }
    putc('}', out);
}
