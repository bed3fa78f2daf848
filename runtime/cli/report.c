/* See report.h. */
#include "report.h"

#include <inttypes.h>
#include <string.h>

/* A graph at rest changes no more: fusing it again tells each match that is refused once. */
int report_make(sld_graph *g, const sld_fuse_options *options, const int64_t *symbols, report *r)
{
    sld_fuse_options o = *options;
    watch *w = &r->seen;
    *r = (report){0};
    o.user = w;
    o.told = watch_fusing;
    bool ok = !sld_graph_traffic(g, symbols, &r->before) && !sld_graph_sweep(g) && watch_begin(w, g, symbols);
    r->unread = (watch_rule){.launches = (int64_t)r->before.launches - w->last.launches,
                             .bytes = (int64_t)(r->before.bytes - w->last.bytes)};
    ok = ok && !sld_fuse(g, &o, NULL) && !sld_graph_traffic(g, symbols, &r->after);
    o.told = watch_at_rest;
    ok = ok && (o.max_rewrites || !sld_fuse(g, &o, NULL)) && !sld_near_misses(g, watch_near, w) && !w->failed;
    watch_taken(w);
    return ok ? CLI_OK : cli_fail("%s", sld_error(g->ctx));
}

void report_free(report *r)
{
    watch_end(&r->seen);
}

/* --------------------------------------------------------------------- text -- */

static bool is_listed(const sld_ruleset *rules, uint32_t rule)
{
    return rules->phases[rules->rules[rule].phase].report;
}

/* Refused for want of an option that is off unless asked for: that is no news. */
static bool is_waiting(const sld_ruleset *rules, const watch_group *g)
{
    const sld_rule_info *r = &rules->rules[g->rule];
    for (uint32_t i = 0; i < r->n_enabled && !g->near; i++) {
        const sld_option_info *o = &rules->options[r->enabled[i]];
        char off[200];
        int n = snprintf(off, sizeof off, "option '%s' is off", o->name);
        if (!o->on && !strncmp(g->why, off, (size_t)n))
            return true;
    }
    return false;
}

static bool has_group(const report *r, const sld_ruleset *rules, uint32_t rule)
{
    for (uint32_t i = 0; i < r->seen.groups.n; i++) {
        const watch_group *g = &r->seen.groups.at[i];
        if (g->rule == rule && g->count && !is_waiting(rules, g))
            return true;
    }
    return false;
}

/* The longest name that stands in the report. */
static int name_width(const report *r, const sld_ruleset *rules)
{
    size_t most = strlen("rules fired, saved:") + 5;
    for (uint32_t i = 0; i < rules->n_rules; i++)
        if (is_listed(rules, i) && (r->seen.rules[i].fired || r->seen.rules[i].whole || has_group(r, rules, i)) &&
            strlen(rules->rules[i].name) > most)
            most = strlen(rules->rules[i].name);
    return (int)most;
}

static void print_groups(const report *r, const sld_ruleset *rules, bool near, bool taken, const char *title, FILE *out)
{
    for (uint32_t i = 0; i < r->seen.groups.n; i++) {
        const watch_group *g = &r->seen.groups.at[i];
        if (g->near != near || g->taken != taken || !g->count || !is_listed(rules, g->rule) || is_waiting(rules, g))
            continue;
        fputs(title, out);
        title = "";
        fprintf(out, "  %-*s %6u  %s%s%s", name_width(r, rules), rules->rules[g->rule].name, g->count, g->place,
                *g->place ? ": " : "", g->why);
        fprintf(out, *g->node ? " (node '%s')\n" : "\n", g->node);
    }
}

/* A rule whose op rounds elsewhere than what it replaces is enabled by this option. */
static const char contract_option[] = "allow_contract_change";

static bool changes_contract(const report *r, const sld_ruleset *rules, uint32_t rule)
{
    const sld_rule_info *info = &rules->rules[rule];
    bool found = false;
    for (uint32_t i = 0; i < info->n_enabled; i++)
        found |= !strcmp(rules->options[info->enabled[i]].name, contract_option);
    return found && r->seen.rules[rule].fired;
}

static void print_contracts(const report *r, const sld_ruleset *rules, FILE *out)
{
    const char *title = "rounded elsewhere than by the chain";
    for (uint32_t i = 0; i < rules->n_rules; i++) {
        if (!changes_contract(r, rules, i))
            continue;
        if (*title)
            fprintf(out, "%s, as %s lets it:\n", title, contract_option);
        fprintf(out, "  %-*s %6u\n", name_width(r, rules), rules->rules[i].name, r->seen.rules[i].fired);
        title = "";
    }
}

static void print_saved(const report *r, const char *name, int width, const watch_rule *rule, FILE *out)
{
    fprintf(out, "  %-*s %6u", width, name, rule->fired);
    if (r->split)
        fprintf(out, " of %-6u", rule->whole);
    fprintf(out, "  %10" PRId64, rule->launches);
    fprintf(out, "  %16" PRId64 "\n", rule->bytes);
}

void report_print(const report *r, const sld_ruleset *rules, FILE *out)
{
    watch_rule others = {0};
    int width = name_width(r, rules);
    fprintf(out, "%-*s %s  %10s  %16s\n", width + 2, "rules fired, saved:", r->split ? "       of whole " : "      ",
            "launches", "bytes moved");
    for (uint32_t i = 0; i < rules->n_rules; i++) {
        const watch_rule *rule = &r->seen.rules[i];
        if (is_listed(rules, i) && (rule->fired || rule->whole))
            print_saved(r, rules->rules[i].name, width, rule, out);
        if (is_listed(rules, i))
            continue;
        others.fired += rule->fired;
        others.whole += rule->whole;
        others.launches += rule->launches;
        others.bytes += rule->bytes;
    }
    if (others.fired)
        print_saved(r, "(quiet phases)", width, &others, out);
    if (r->unread.launches)
        print_saved(r, "(nobody reads them)", width, &r->unread, out);
    print_contracts(r, rules, out);
    print_groups(r, rules, false, false, "matches that were refused:\n", out);
    print_groups(r, rules, false, true, "matches that were refused, and that other rules took:\n", out);
    print_groups(r, rules, true, false, "near misses, by the first test that fails:\n", out);
}

/* --------------------------------------------------------------------- JSON -- */

/* Length of the character at s, 0 when it is no UTF-8. */
static int utf8_length(const unsigned char *s)
{
    int n = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 : *s >= 0xe0 && *s < 0xf0 ? 3 : *s >= 0xf0 && *s < 0xf5 ? 4 : 0;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool bad = n && ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) || (*s == 0xf0 && s[1] < 0x90) ||
                     (*s == 0xf4 && s[1] > 0x8f)); /* too long a form, a surrogate, or beyond the last */
    return bad ? 0 : n;
}

void cli_json_string(const char *s, FILE *out)
{
    putc('"', out);
    for (int n; *s; s += n ? n : 1) {
        n = utf8_length((const unsigned char *)s);
        if (*s == '"' || *s == '\\')
            fprintf(out, "\\%c", *s);
        else if (!n)
            fputs("\\ufffd", out);
        else if ((unsigned char)*s < 32)
            fprintf(out, "\\u%04x", (unsigned char)*s);
        else
            fwrite(s, 1, (size_t)n, out);
    }
    putc('"', out);
}

static void print_json_groups(const report *r, uint32_t rule, bool near, const char *name, FILE *out)
{
    const char *before = "";
    fprintf(out, ", \"%s\": [", name);
    for (uint32_t i = 0; i < r->seen.groups.n; i++) {
        const watch_group *g = &r->seen.groups.at[i];
        if (g->rule != rule || g->near != near || !g->count)
            continue;
        fprintf(out, "%s{\"count\": %u, \"why\": ", before, g->count);
        cli_json_string(g->why, out);
        fputs(", \"node\": ", out);
        cli_json_string(g->node, out);
        if (near) {
            fputs(", \"place\": ", out);
            cli_json_string(g->place, out);
        } else {
            fprintf(out, ", \"taken\": %s", g->taken ? "true" : "false");
        }
        putc('}', out);
        before = ", ";
    }
    putc(']', out);
}

void report_print_json(const report *r, const sld_ruleset *rules, FILE *out)
{
    const char *before = "";
    fprintf(out, "\"launches\": [%u, %u], ", r->before.launches, r->after.launches);
    fprintf(out, "\"bytes_moved\": [%" PRIu64 ", %" PRIu64 "], \"all_sizes_known\": %s, ", r->before.bytes, r->after.bytes,
            r->before.sized ? "true" : "false");
    fprintf(out, "\"unread\": {\"launches_saved\": %" PRId64 ", \"bytes_saved\": %" PRId64 "}, ", r->unread.launches,
            r->unread.bytes);
    fputs("\"rules\": {", out);
    for (uint32_t i = 0; i < rules->n_rules; i++) {
        const watch_rule *rule = &r->seen.rules[i];
        if (!rule->fired && !rule->whole && !has_group(r, rules, i))
            continue;
        fputs(before, out);
        before = ", ";
        cli_json_string(rules->rules[i].name, out);
        fprintf(out, ": {\"fired\": %u", rule->fired);
        if (r->split)
            fprintf(out, ", \"fired_in_one_piece\": %u", rule->whole);
        fprintf(out, ", \"launches_saved\": %" PRId64 ", \"bytes_saved\": %" PRId64, rule->launches, rule->bytes);
        if (changes_contract(r, rules, i))
            fprintf(out, ", \"contract_changed\": true");
        print_json_groups(r, i, false, "refused", out);
        print_json_groups(r, i, true, "near_misses", out);
        putc('}', out);
    }
    putc('}', out);
}
