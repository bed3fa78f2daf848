/* Near misses of all rules: for each condition of a left side a graph that breaks it and holds all others, on which the
 * rule does not fire, and of which the explanation names that condition.
 *
 * Usage: near_check [--write CASES] FILE.pat...   NEAR_MADE=FILE: what rules make of their left sides is written there;
 * NEAR_BOUND=FILE: not rules, but the kernels that are bound at the borders of what their rows ask for
 *
 * Linked with the ruleset that these files were compiled to. Prints how many conditions have a near miss, and those
 * that have none with the reason; exits with 1 when a rule fires on one, or does not on its own left side. CASES gets
 * all graphs, for tests/mutate. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/explain.h"
#include "instance.h"
#include "launch.h"
#include "loosen.h"
#include "made.h"
#include "run.h"
#include "solder.h"

enum { DRAWS = 12, IN_SCOPE = 1 /* what follows is not told */ };
static const char other_test[] = "the rule does not fire, and another test fails first: ";

const sld_ruleset *sld_ruleset_solder(void);

typedef struct checker {
    pat_session *s;
    pat_program *p;
    const sld_ruleset *rules;
    FILE *cases, *made;
    sld_ctx *ctx;
    const pat_rule *rule;
    uint32_t index;          /* of the rule in the ruleset */
    uint32_t variant;        /* from 1 */
    near_run run;            /* for which the rule fires on its own left side */
    PAT_LIST(const char) done; /* conditions of the rule that have a near miss */
    PAT_LIST(const char) left; /* and those that have none yet, with the reason */
    PAT_LIST(const char) tried; /* of this variant, everywhere: what is left out in all places was left out in some */
    PAT_LIST(const char) told; /* what was printed: instances of a family have much in common */
    uint32_t n_rules, n_conditions, n_near, n_other, n_edges, n_wrong;
} checker;

/* ------------------------------------------------------------------ running -- */

static sld_graph *parse(checker *c, const char *text)
{
    return sld_text_parse(c->ctx, c->rules, c->rule->name, text, strlen(text));
}

static sld_settings *settings_of(checker *c, const near_run *run)
{
    char text[sizeof run->options], *save = NULL;
    sld_settings *s = sld_settings_new(c->ctx, c->rules);
    memcpy(text, run->options, sizeof text);
    for (char *item = strtok_r(text, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
        char *value = strchr(item, '=');
        *value++ = 0;
        sld_settings_set(s, item, value, "near");
    }
    if (sld_settings_resolve(s, SLD_TARGET_CPU, NULL, NULL) == SLD_OK)
        return s;
    sld_settings_free(s);
    return NULL;
}

/* How the rule, alone, fares on the graph. False: it cannot be tried. */
static bool fuse_to(checker *c, const char *text, const near_run *run, sld_rule_stats *out, char **made)
{
    sld_graph *g = parse(c, text);
    sld_settings *settings = g ? settings_of(c, run) : NULL;
    sld_rule_stats *stats = calloc(c->rules->n_rules + 1u, sizeof *stats);
    sld_fuse_options o = {.target = SLD_TARGET_CPU, .settings = settings, .tokens = {run->tokens, run->tokens},
                          .world = run->world, .units = run->units, .only = c->index + 1};
    bool ok = stats && settings && sld_fuse(g, &o, stats) == SLD_OK && sld_graph_verify(g) == SLD_OK;
    if (ok)
        *out = stats[c->index];
    if (ok && made)
        *made = near_made(g);
    sld_settings_free(settings);
    sld_graph_free(g);
    free(stats);
    return ok;
}

static bool fuse(checker *c, const char *text, const near_run *run, sld_rule_stats *out)
{
    return fuse_to(c, text, run, out, NULL);
}

/* It fires, or something else than its left side refuses it. */
static bool matched(const sld_rule_stats *s)
{
    return s->fired + s->refused_cycle + s->refused_split + s->refused_kernel + s->refused_type + s->refused_run > 0;
}

static const sld_pattern *pattern_of(const checker *c)
{
    const sld_pattern *p = c->rules->patterns;
    while (p->rule != c->index || p->variant != c->variant)
        p++;
    return p;
}

/* The match of the variant that lacks least, anywhere in the graph; valid until the next walk. */
static const sld_partial *best_walk(sld_walker *w, const sld_graph *g, const sld_pattern *p)
{
    uint32_t limit = UINT32_MAX - 1;
    sld_node root = 0;
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
        const sld_partial *m = sld__walk(w, p, n, limit);
        if (!m)
            continue;
        root = n;
        limit = m->cost ? m->cost - 1 : 0;
        if (!m->cost)
            break;
    }
    return root ? sld__walk(w, p, root, UINT32_MAX - 1) : NULL;
}

/* Whether another variant of the rule takes the graph. */
static bool another_takes(checker *c, sld_walker *w, const sld_graph *g)
{
    bool taken = false;
    for (uint32_t i = 0; i < c->rules->n_patterns && !taken; i++) {
        const sld_partial *m = c->rules->patterns[i].rule == c->index ? best_walk(w, g, &c->rules->patterns[i]) : NULL;
        taken = m && !m->cost;
    }
    return taken;
}

/* ---------------------------------------------------------------- the fault -- */

static bool stands_at(checker *c, pat_span span, sld_place p)
{
    const char *file;
    unsigned line, col;
    pat_location(c->s, span, &file, &line, &col);
    const char *slash = strrchr(file, '/'), *name = strrchr(p.line->file, '/');
    return !strcmp(slash ? slash + 1 : file, name ? name + 1 : p.line->file) && line == p.line->number && col - 1 == p.at;
}

/* Whether the test speaks of a name that the condition speaks of: one that stood in several places is missed where it
 * stands again. */
static bool shares_name(const near *n, sld_place p)
{
    bool found = n->was && near_share_name(n->was, p.line->text + p.at, p.n);
    for (uint32_t i = 0; !n->was && n->type && !found && i < n->type->elems.n; i++)
        found = near_share_name(n->type->elems.at[i], p.line->text + p.at, p.n);
    return found;
}

static bool names(checker *c, const near *n, const sld_partial *m)
{
    const sld_fault *f = &m->first;
    static const sld_fault_kind kinds[NEAR_KINDS] = {
        [NEAR_WHERE] = SLD_FAULT_CONDITION, [NEAR_DTYPE] = SLD_FAULT_DTYPE, [NEAR_SHAPE] = SLD_FAULT_SHAPE,
        [NEAR_ATTR] = SLD_FAULT_ATTR, [NEAR_NUMBER] = SLD_FAULT_NUMBER, [NEAR_RANK] = SLD_FAULT_RANK,
        [NEAR_SAME] = SLD_FAULT_SAME, [NEAR_READERS] = SLD_FAULT_READERS, [NEAR_PRESENCE] = SLD_FAULT_PRESENCE,
        [NEAR_OP] = SLD_FAULT_OP};
    bool sizes = f->kind == SLD_FAULT_SHAPE || f->kind == SLD_FAULT_ATTR || f->kind == SLD_FAULT_CONDITION;
    switch (n->kind) {
    case NEAR_COUNT: return f->kind == SLD_FAULT_OPERANDS || f->kind == SLD_FAULT_RESULTS;
    case NEAR_DTYPE: return f->kind == SLD_FAULT_DTYPE && (n->elsewhere || stands_at(c, n->span, f->place));
    case NEAR_SHAPE: case NEAR_ATTR:
        return (sizes && shares_name(n, f->place)) || (f->kind == kinds[n->kind] && stands_at(c, n->span, f->place));
    case NEAR_SAME: /* what stands there instead is of no op */
        if (f->kind == SLD_FAULT_READERS ||
            (n->val->node && f->kind == SLD_FAULT_OP && stands_at(c, n->val->node->span, f->place)))
            return true;
        return f->kind == SLD_FAULT_SAME;
    case NEAR_READERS: case NEAR_PRESENCE: return f->kind == kinds[n->kind];
    default: return f->kind == kinds[n->kind] && stands_at(c, n->span, f->place);
    }
}

/* NULL: it is a near miss; otherwise why it is none. missed: the variant does not match, whatever the explanation says. */
static const char *examine(checker *c, const near *n, const char *text, bool *missed)
{
    static char why[500];
    *missed = false;
    sld_graph *g = parse(c, text);
    if (!g) {
        snprintf(why, sizeof why, "no valid graph was found: %.300s", sld_error(c->ctx));
        return why;
    }
    sld_walker *w = sld__walker_new(g);
    const sld_partial *m = best_walk(w, g, pattern_of(c));
    const char *verdict = NULL;
    if (m && !m->cost)
        verdict = "it holds in every graph that was found";
    if (m && m->cost && !names(c, n, m)) {
        FILE *f = fmemopen(why, sizeof why, "w");
        fputs(other_test, f);
        sld__print_fault(g, m, f);
        fclose(f);
        why[sizeof why - 1] = 0;
        verdict = why;
    }
    if ((*missed = !verdict || verdict == why) && another_takes(c, w, g)) {
        verdict = "another alternative takes what was found";
        *missed = false;
    }
    sld__walker_free(w);
    sld_graph_free(g);
    return verdict;
}

/* -------------------------------------------------------------------- cases -- */

static void write_case(checker *c, const char *kind, bool fires, const near_run *run, const char *graph)
{
    if (c->cases)
        fprintf(c->cases, "case %s %d %lld %lld %lld %.4s \"%s\"\n%send\n", c->rule->name, fires ? -1 : 0,
                (long long)run->tokens, (long long)run->world, (long long)run->units, kind, run->options, graph);
}

/* The tests that stand in the rules. */
static void write_tests(checker *c)
{
    pat_instances tests = {0};
    pat_make_instances(c->s, c->p, &tests);
    for (uint32_t i = 0; i < tests.n; i++) {
        const pat_instance *t = tests.at[i];
        fprintf(c->cases, "case %s %lld %lld %lld %lld test \"%s\"\n%send\n", t->rule->name, (long long)t->test->fires,
                (long long)t->tokens, (long long)t->world, (long long)t->units, t->options, t->graph);
    }
}

static void wrong(checker *c, const char *what, const char *text)
{
    c->n_wrong++;
    printf("WRONG: rule %s, variant %u: %.*s\n%s", c->rule->name, c->variant, (int)strcspn(what, "\1"), what, text);
}

/* Up to a bracket or the end of the line. */
static size_t first_of(const char *text, size_t len)
{
    size_t n = strcspn(text, "(\n");
    return n < len ? n : len;
}

static const char *described(checker *c, const near *n)
{
    const char *file;
    unsigned line, col;
    size_t len, was = 0;
    char text[400];
    pat_location(c->s, n->span, &file, &line, &col);
    const char *slash = strrchr(file, '/'), *of = pat_span_text(c->s, n->span, &len);
    const char *part = n->was && n->was->span.end ? pat_expr_text(c->s, n->was, &was) : "";
    len = n->kind == NEAR_NUMBER || n->kind == NEAR_RANK || n->kind >= NEAR_SAME || (n->attr && n->was == n->attr->dflt) ? first_of(of, len) : len;
    int k = snprintf(text, sizeof text, "%s:%u:%u: %s: %s%s%s of %.*s", slash ? slash + 1 : file, line, col,
                     pat_written_name(c->rule), near_names[n->kind], n->attr ? " " : "", n->attr ? n->attr->name : "",
                     (int)len, of);
    if (was && was != len)
        k += snprintf(text + k, sizeof text - (size_t)k, ", %.*s", (int)was, part);
    if (n->val && n->val->name)
        k += snprintf(text + k, sizeof text - (size_t)k, ", %s", n->val->name);
    if (n->operand)
        k += snprintf(text + k, sizeof text - (size_t)k, ", operand %u", n->operand);
    if (n->how)
        k += snprintf(text + k, sizeof text - (size_t)k, " (%s)", n->how);
    if (n->uses > 1)
        k += snprintf(text + k, sizeof text - (size_t)k, ", everywhere");
    for (char *t = text; *t; t++)
        *t = *t == '\n' ? ' ' : *t;
    if (n->scope && n->uses == 1) /* a pattern has its conditions once in each place */
        k += snprintf(text + k, sizeof text - (size_t)k, "%c%s", IN_SCOPE, n->scope->prefix);
    return pat_intern(c->s, text, strlen(text));
}

static bool listed(const char *const *at, uint32_t n, const char *text)
{
    for (uint32_t i = 0; i < n; i++)
        if (at[i] == text)
            return true;
    return false;
}

/* The reason of the last variant that was tried stays. */
static void no_near_miss(checker *c, const char *what, const char *why)
{
    for (uint32_t i = 0; i < c->left.n; i += 2)
        if (c->left.at[i] == what)
            return;
    PAT_PUSH(c->s->arena, c->left, what);
    PAT_PUSH(c->s->arena, c->left, pat_intern(c->s, why, strlen(why)));
}

/* What the rule makes of its left side, as an expected text; once more with flags that are off. */
static void write_made(checker *c, const char *text)
{
    sld_rule_stats stats;
    char *made = NULL;
    if (!c->made || !text || !fuse_to(c, text, &c->run, &stats, &made) || !stats.fired) {
        free(made);
        return;
    }
    fprintf(c->made, "%s, variant %u\n%s", c->rule->name, c->variant, made);
    write_case(c, "made", true, &c->run, text);
    free(made);
}

/* ----------------------------------------------------------------- per rule -- */

/* Tells whether the condition is settled: near misses are drawn with the values of a test of the rule, or with any. */
static bool draw_near(checker *c, t_env *t, const near *n, const pat_test *test, const char *what, const char **why)
{
    for (uint32_t seed = 0; seed < DRAWS; seed++) {
        const pat_wish wish = {.broken = n->broken, .escapes = n->kind == NEAR_READERS ? n->val : NULL,
                               .raised = n->kind == NEAR_RANK ? n->val : NULL, .test = test, .seed = seed};
        const char *text = pat_example(t, &wish);
        sld_rule_stats stats;
        bool missed;
        if (!text) {
            *why = *why ? *why : "no graph was found";
            return false;
        }
        const char *verdict = examine(c, n, text, &missed);
        if (missed) {
            if (!fuse(c, text, &c->run, &stats) || matched(&stats))
                wrong(c, what, text);
            write_case(c, near_names[n->kind], false, &c->run, text);
        }
        if (!verdict) {
            PAT_PUSH(c->s->arena, c->done, what);
            return true;
        }
        *why = pat_intern(c->s, verdict, strlen(verdict));
        if (test)
            return false;
    }
    return false;
}

/* False: the variant has no condition of this number. */
static bool try_near(checker *c, x_choice *choice, uint32_t k, bool everywhere)
{
    const char *why = NULL, *what = NULL;
    for (uint32_t test = 0; test <= c->rule->tests.n; test++) {
        x_variant *v = pat_expand(c->s, c->p, c->rule, choice);
        const pat_test *given = test < c->rule->tests.n ? c->rule->tests.at[test] : NULL;
        near n;
        if (!near_loosen(v, k, everywhere, &n))
            return false;
        what = described(c, &n);
        if ((everywhere && n.uses == 1) || listed(c->tried.at, c->tried.n, what) || listed(c->done.at, c->done.n, what))
            return true;
        if (given && !given->fires)
            continue;
        t_env *t = t_open(c->s, c->p, c->rule, v, given);
        bool settled = false;
        if (!given && near_follows(t, &n))
            why = "it follows from what else the match asks for";
        else if (!near_differs(t, &n) || t->c->contradiction)
            why = "the ops of the match let through nothing else";
        else
            settled = draw_near(c, t, &n, given, what, &why);
        t_close(t);
        if (settled)
            return true;
    }
    no_near_miss(c, what, why);
    if (everywhere)
        PAT_PUSH(c->s->arena, c->tried, what);
    return true;
}

static bool fires_in_some_world(checker *c, const char *text)
{
    static const int64_t worlds[] = {0, 2, 4, 8};
    near_run run = c->run;
    sld_rule_stats stats;
    for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++) {
        run.world = worlds[i] ? worlds[i] : c->run.world;
        if (!fuse(c, text, &run, &stats) || !stats.fired)
            continue;
        c->run = run;
        return true;
    }
    return false;
}

/* A left side on which the rule fires, with what may be absent or without; NULL when none is found. */
static const char *find_match(checker *c, x_choice *choice, bool absent)
{
    const char *found = NULL;
    for (uint32_t test = 0; test <= c->rule->tests.n && !found; test++) {
        const pat_test *given = test < c->rule->tests.n ? c->rule->tests.at[test] : NULL;
        if (given && !given->fires)
            continue;
        t_env *t = t_open(c->s, c->p, c->rule, pat_expand(c->s, c->p, c->rule, choice), given);
        for (uint32_t seed = 0; seed < DRAWS && !found; seed++) {
            const pat_wish wish = {.seed = seed, .test = given, .absent = absent};
            const char *text = pat_example(t, &wish);
            if (!text)
                break;
            found = fires_in_some_world(c, text) ? text : NULL;
        }
        t_close(t);
    }
    return found;
}

/* ---------------------------------------------------------------- at the edge -- */

static pat_expr *edge_of(checker *c, const pat_expr *e, const pat_expr *value, int64_t off)
{
    pat_expr *eq = pat_alloc(c->s->arena, sizeof *eq), *sum = pat_alloc(c->s->arena, sizeof *sum),
             *one = pat_alloc(c->s->arena, sizeof *one);
    *one = (pat_expr){.kind = PE_INT, .span = e->span, .ival = off};
    *sum = (pat_expr){.kind = PE_ADD, .span = e->span};
    PAT_PUSH(c->s->arena, sum->args, e->args.at[0]);
    PAT_PUSH(c->s->arena, sum->args, one);
    *eq = (pat_expr){.kind = PE_EQ, .span = e->span};
    PAT_PUSH(c->s->arena, eq->args, off ? sum : e->args.at[0]);
    PAT_PUSH(c->s->arena, eq->args, (pat_expr *)value);
    return eq;
}

/* Graphs for which a condition just holds, on which the rule fires as well, unless something else than its left side
 * refuses them. */
static void try_edge(checker *c, x_choice *choice, uint32_t of, const pat_expr *edge)
{
    x_variant *v = pat_expand(c->s, c->p, c->rule, choice);
    x_cond cond = {edge, v->where.at[of]->scope};
    sld_rule_stats stats;
    PAT_PUSH(c->s->arena, v->where, &cond);
    t_env *t = t_open(c->s, c->p, c->rule, v, NULL);
    for (uint32_t seed = 0; seed < 6; seed++) { /* the last ones with sizes of 0 */
        const pat_wish wish = {.seed = seed % 3, .zeros = seed >= 3};
        const char *text = pat_example(t, &wish);
        if (!text || !fuse(c, text, &c->run, &stats))
            continue;
        if (!matched(&stats))
            wrong(c, "it does not match where a condition just holds", text);
        if (!stats.fired)
            continue;
        write_case(c, "match", true, &c->run, text);
        c->n_edges++;
        break;
    }
    t_close(t);
}

static void try_edges(checker *c, x_choice *choice, uint32_t of, const pat_expr *e)
{
    if (e->kind == PE_AND) {
        try_edges(c, choice, of, e->args.at[0]);
        try_edges(c, choice, of, e->args.at[1]);
    } else if (e->kind == PE_IN) {
        for (uint32_t i = 0; i < e->args.at[1]->args.n; i++)
            try_edge(c, choice, of, edge_of(c, e, e->args.at[1]->args.at[i], 0));
    } else if (e->kind >= PE_LT && e->kind <= PE_GE) {
        try_edge(c, choice, of, edge_of(c, e, e->args.at[1], e->kind == PE_LT ? 1 : e->kind == PE_GT ? -1 : 0));
    }
}

/* Other left sides, and those at the edge of each condition. */
static void more_matches(checker *c, x_choice *choice)
{
    sld_rule_stats stats;
    const x_variant *v = pat_expand(c->s, c->p, c->rule, choice);
    for (uint32_t i = 0; i < v->where.n; i++)
        try_edges(c, choice, i, v->where.at[i]->expr);
    static const sld_dtype dtypes[] = {SLD_F32, SLD_F16, SLD_I64, SLD_BF16, SLD_F64};
    for (uint32_t seed = 1; seed < 5; seed++) {
        t_env *t = t_open(c->s, c->p, c->rule, pat_expand(c->s, c->p, c->rule, choice), NULL);
        const pat_wish wish = {.seed = seed, .axis = -(int64_t)(seed % 3) - 1, .dtypes = 1u << dtypes[seed]};
        const char *text = pat_example(t, &wish);
        if (text && fuse(c, text, &c->run, &stats) && stats.fired)
            write_case(c, "match", true, &c->run, text);
        t_close(t);
    }
}

/* With as many flags off as the rule lets be off. */
static void write_made_twice(checker *c, const char *match)
{
    size_t room = 2 * strlen(match) + 1;
    char *text = memcpy(calloc(1, room), match, room / 2), *before = malloc(room);
    bool changed = false;
    write_made(c, match);
    for (char *at = text; c->made && at && (at = strstr(at, "= true")); at++) {
        sld_rule_stats stats;
        strcpy(before, text);
        memmove(at + 7, at + 6, strlen(at + 6) + 1);
        memcpy(at + 2, "false", 5);
        if (fuse(c, text, &c->run, &stats) && stats.fired)
            changed = true;
        else
            strcpy(text, before);
    }
    if (changed)
        write_made(c, text);
    free(before);
    free(text);
}

static void check_variant(checker *c, x_choice *choice)
{
    const char *match = find_match(c, choice, false), *without = find_match(c, choice, true);
    if (!match) {
        near n = {.kind = NEAR_RUN, .span = c->rule->name_span};
        no_near_miss(c, described(c, &n), "no graph was found on which the rule fires");
        return;
    }
    write_case(c, "match", true, &c->run, match);
    if (without && strcmp(without, match))
        write_case(c, "match", true, &c->run, without);
    write_made_twice(c, match);
    more_matches(c, choice);
    c->tried.n = 0;
    for (int everywhere = 0; everywhere < 2; everywhere++)
        for (uint32_t k = 0; try_near(c, choice, k, everywhere); k++) {}
}

/* With one option off, or one condition of the gate that does not hold, the left side stays. */
static void check_run(checker *c, x_choice *choice)
{
    const near_run fires = c->run;
    const char *match = find_match(c, choice, false);
    bool more;
    for (uint32_t i = 0; match && i < near_run_conditions(c->rule); i++) {
        near n = {.kind = NEAR_RUN, .span = near_run_span(c->rule, i)};
        near_run run;
        sld_rule_stats stats;
        const char *what = described(c, &n);
        if (!near_find_run(c->p, c->rule, i, &run)) {
            no_near_miss(c, what, "no run was found that breaks it alone");
            continue;
        }
        run.world = i < c->rule->enabled.n ? c->run.world : run.world;
        if (!fuse(c, match, &run, &stats))
            no_near_miss(c, what, "the run cannot be had");
        else if (stats.fired || !stats.refused_run)
            wrong(c, what, match);
        else
            PAT_PUSH(c->s->arena, c->done, what);
        write_case(c, "run", false, &run, match);
    }
    for (uint32_t i = 0; match && near_find_edge(c->p, c->rule, i, &c->run, &more); i++) {
        near_run run;
        sld_rule_stats stats;
        if (!more)
            continue;
        run = c->run;
        if (!fuse(c, match, &run, &stats) || !(stats.fired + stats.refused_kernel))
            wrong(c, "it does not fire where its gate just holds", match);
        else if (stats.fired)
            write_case(c, "run", true, &run, match), c->n_edges++;
    }
    c->run = fires;
}

static void sum_up(checker *c)
{
    char text[1000];
    c->n_near += c->done.n;
    c->n_conditions += c->done.n;
    for (uint32_t i = 0; i < c->left.n; i += 2) {
        if (listed(c->done.at, c->done.n, c->left.at[i]))
            continue;
        c->n_conditions++;
        c->n_other += !strncmp(c->left.at[i + 1], other_test, strlen(other_test));
        snprintf(text, sizeof text, "%.*s: %s", (int)strcspn(c->left.at[i], "\1"), c->left.at[i], c->left.at[i + 1]);
        const char *line = pat_intern(c->s, text, strlen(text));
        if (listed(c->told.at, c->told.n, line))
            continue;
        PAT_PUSH(c->s->arena, c->told, line);
        printf("%s\n", line);
    }
    c->done.n = c->left.n = 0;
}

static void check_rule(checker *c, const pat_rule *rule)
{
    x_choice choice = {.n = 0};
    c->rule = rule;
    c->ctx = sld_ctx_new(NULL);
    for (c->index = 0; strcmp(c->rules->rules[c->index].name, rule->name); c->index++) {}
    if (!near_find_run(c->p, rule, UINT32_MAX, &c->run))
        wrong(c, "there is no run for it", "");
    c->variant = 1;
    check_run(c, &choice);
    choice = (x_choice){.n = 0};
    do {
        check_variant(c, &choice);
        c->variant++;
    } while (pat_next_choice(&choice));
    c->n_rules++;
    sum_up(c);
    sld_ctx_free(c->ctx);
}

/* What is bound at the borders of kernels' conditions; the number of those that are wrong. */
static uint32_t launches(checker *c, const char *path)
{
    near_launches l = {.s = c->s, .p = c->p, .rules = c->rules, .cases = c->cases, .told = path ? fopen(path, "w") : NULL};
    if (path && !l.told) {
        perror(path);
        return 1;
    }
    near_launch_all(&l);
    printf("%u launches at the border of %u conditions of kernels; %u wrong\n", l.n, l.n_conditions, l.n_wrong);
    return l.n_wrong + (l.told && fclose(l.told));
}

int main(int argc, char **argv)
{
    checker c = {.s = pat_open(), .rules = sld_ruleset_solder()};
    int first = argc > 2 && !strcmp(argv[1], "--write") ? 3 : 1;
    if (first == 3 && !(c.cases = fopen(argv[2], "w"))) {
        perror(argv[2]);
        return 2;
    }
    c.p = pat_parse_files(c.s, argc - first, (const char *const *)argv + first);
    if (!pat_check(c.s, c.p)) {
        pat_print_diags(c.s, stderr);
        return 2;
    }
    const char *only = getenv("NEAR_RULE"), *made = getenv("NEAR_MADE"), *bound = getenv("NEAR_BOUND");
    if (made && !(c.made = fopen(made, "w"))) {
        perror(made);
        return 2;
    }
    for (uint32_t i = 0; i < c.p->rules.n && !bound; i++)
        if (!only || !strcmp(only, c.p->rules.at[i]->name))
            check_rule(&c, c.p->rules.at[i]);
    if (!bound)
        printf("%u rules, %u conditions, %u with a near miss, %u with one that is explained otherwise; %u fire at an edge; "
               "%u wrong\n", c.n_rules, c.n_conditions, c.n_near, c.n_other, c.n_edges, c.n_wrong);
    if (c.cases)
        write_tests(&c);
    if (c.cases || bound)
        c.n_wrong += launches(&c, bound);
    if ((c.cases && fclose(c.cases)) || (c.made && fclose(c.made))) {
        perror("near_check");
        return 2;
    }
    pat_close(c.s);
    return c.n_wrong > 0;
}
