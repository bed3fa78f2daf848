/* solder explain: why a rule did not fire, in its own lines. */
#include "../spell.h"
#include "how.h"
#include "watch.h"

#include <getopt.h>
#include <string.h>

typedef struct options {
    const char *model, *rule, *node, *split;
    cli_how how;
    sld_fuse_options fuse; /* of the bucket */
} options;

int cli_find_rule(const sld_ruleset *r, const char *name, uint32_t *rule)
{
    sld_spelling s = {.wanted = name};
    for (*rule = 0; *rule < r->n_rules; ++*rule) {
        if (!strcmp(r->rules[*rule].name, name))
            return CLI_OK;
        sld__spell(&s, r->rules[*rule].name);
    }
    return cli_fail("there is no rule '%s'%s (see: solder rules)", name, sld__did_you_mean(&s));
}

static sld_node find_node(const sld_graph *g, const char *name)
{
    sld_value v = sld_value_find(g, name);
    return v ? sld_producer(g, v) : 0;
}

/* ------------------------------------------------------------ where a node went -- */

/* Fuses a fresh copy by at most n rewrites. fired: by each rule; freed by the caller. NULL after a report. */
static uint32_t *fuse_some(sld_ctx *ctx, const options *o, uint32_t n, bool *there)
{
    sld_graph *g = sld_import(ctx, sld_ruleset_solder(), o->model);
    uint32_t n_rules = sld_ruleset_solder()->n_rules, *fired = sld__alloc(ctx, (n_rules + 1u) * sizeof *fired);
    sld_rule_stats *stats = sld__alloc(ctx, (n_rules + 1u) * sizeof *stats);
    sld_fuse_options some = o->fuse;
    some.max_rewrites = n;
    bool ok = g && fired && stats && !cli_split(g, o->split) && (!n || !sld_fuse(g, &some, stats));
    *there = ok && find_node(g, o->node);
    for (uint32_t i = 0; ok && i < n_rules; i++)
        fired[i] = stats[i].fired;
    if (!ok) {
        cli_fail("%s", sld_error(ctx));
        sld__free(ctx, fired);
        fired = NULL;
    }
    sld__free(ctx, stats);
    sld_graph_free(g);
    return fired;
}

/* The rewrite that took the node is found by halving: it is there after `with` of them, and not after `without`. */
static int tell_who_took(sld_ctx *ctx, const options *o, uint32_t n_rewrites)
{
    uint32_t with = 0, without = n_rewrites;
    bool there = true;
    while (without - with > 1) {
        uint32_t middle = with + (without - with) / 2, *fired = fuse_some(ctx, o, middle, &there);
        if (!fired)
            return CLI_FAILED;
        *(there ? &with : &without) = middle;
        sld__free(ctx, fired);
    }
    uint32_t *before = fuse_some(ctx, o, with, &there), *after = fuse_some(ctx, o, without, &there);
    const sld_ruleset *r = sld_ruleset_solder();
    for (uint32_t i = 0; before && after && i < r->n_rules; i++)
        if (after[i] > before[i])
            printf("node '%s' went with a match of rule %s\n", o->node, r->rules[i].name);
    int status = before && after ? CLI_OK : CLI_FAILED;
    sld__free(ctx, before);
    sld__free(ctx, after);
    return status;
}

/* ---------------------------------------------------------------- why not -- */

typedef struct refusal { uint32_t rule; sld_node root; char why[400]; } refusal;

static void note_refusal(void *user, const sld_fuse_event *e)
{
    refusal *r = user;
    for (uint32_t i = 0; i < e->n; i++)
        if (e->rule == r->rule && e->nodes[i] == r->root && e->refused)
            snprintf(r->why, sizeof r->why, "%s", e->refused);
}

/* All tests hold: the graph is at rest, so fusing it again changes nothing and says what refused the match. */
static int tell_refusal(sld_graph *g, const options *o, uint32_t rule, sld_node root)
{
    refusal r = {.rule = rule, .root = root};
    sld_fuse_options again = o->fuse;
    again.told = note_refusal;
    again.user = &r;
    if (sld_fuse(g, &again, NULL))
        return cli_fail("%s", sld_error(g->ctx));
    printf("  REFUSED   %s\n", *r.why ? r.why : "other rules come first");
    return CLI_OK;
}

/* Matches that other rules took after they were refused; with a node of theirs when one is asked for. */
static void tell_taken(watch *w, uint32_t rule)
{
    watch_taken(w);
    for (uint32_t i = 0; i < w->groups.n; i++) {
        const watch_group *at = &w->groups.at[i];
        if (at->rule == rule && at->count)
            printf("rule %s: matches that were refused, and that other rules took: %u (node '%s')\n  REFUSED   %s\n",
                   w->g->rules->rules[rule].name, at->count, at->node, at->why);
    }
}

static int explain_rest(sld_graph *g, const options *o, uint32_t rule, const sld_rule_stats *stats)
{
    uint32_t n_rewrites = 0;
    sld_node n = o->node ? find_node(g, o->node) : 0, matched;
    for (uint32_t i = 0; i < g->rules->n_rules; i++)
        n_rewrites += stats[i].fired;
    if (stats[rule].fired)
        printf("rule %s fired %u times\n", o->rule, stats[rule].fired);
    if (o->node && !n)
        return tell_who_took(g->ctx, o, n_rewrites);
    if (sld_explain(g, rule, n, stdout, &matched))
        return cli_fail("%s", sld_error(g->ctx));
    return matched ? tell_refusal(g, o, rule, matched) : CLI_OK;
}

static int explain(sld_graph *g, const void *bucket)
{
    const cli_bucket *b = bucket;
    options all = *(const options *)b->options, *o = &all;
    uint32_t rule;
    o->fuse = b->fuse;
    int status = cli_find_rule(g->rules, o->rule, &rule);
    if (!status && o->node && !find_node(g, o->node))
        status = cli_fail("the model has no node '%s'", o->node);
    status = status ? status : cli_split(g, o->split);
    if (status)
        return status;
    sld_rule_stats *stats = sld__alloc(g->ctx, (g->rules->n_rules + 1u) * sizeof *stats);
    watch seen = {.node = o->node};
    sld_fuse_options watched = o->fuse;
    watched.told = watch_fusing;
    watched.user = &seen;
    if (!stats || !watch_begin(&seen, g, NULL) || sld_fuse(g, &watched, stats) || seen.failed) {
        status = cli_fail("%s", sld_error(g->ctx));
    } else {
        tell_taken(&seen, rule);
        status = explain_rest(g, o, rule, stats);
    }
    watch_end(&seen);
    sld__free(g->ctx, stats);
    return status;
}

static int explain_buckets(sld_graph *g, const void *opts)
{
    const options *o = opts;
    return cli_for_buckets(g, o->model, &o->how, o, NULL, explain);
}

int cmd_explain(int argc, char **argv)
{
    static const struct option longs[] = {
        {"rule", required_argument, 0, 'r'}, {"node", required_argument, 0, 'n'},
        {"split-at", required_argument, 0, 's'}, CLI_HOW_OPTIONS, {0, 0, 0, 0},
    };
    options o = {.how.target = SLD_TARGET_CPU};
    int status = CLI_OK;
    optind = 1;
    opterr = 0;
    for (int c; !status && (c = getopt_long(argc, argv, ":O:", longs, NULL)) != -1;) {
        switch (c) {
        case 'r': o.rule = optarg; break;
        case 'n': o.node = optarg; break;
        case 's': o.split = optarg; break;
        default: status = cli_how_option("explain", &o.how, c, c == '?' || c == ':' ? argv[optind - 1] : optarg);
        }
    }
    if (status)
        return status;
    if (optind + 1 != argc || !o.rule)
        return cli_usage("explain", o.rule ? "one model is wanted" : "--rule is wanted");
    o.model = argv[optind];
    return cli_with_model(o.model, explain_buckets, &o);
}
