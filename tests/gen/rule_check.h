/* One test of a rule, as solderc --tests writes them: the left side as a graph is fused with all rules, and the
 * rule fires as often as the test says. */
#ifndef TESTS_RULE_CHECK_H
#define TESTS_RULE_CHECK_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "solder.h"

typedef struct rule_test {
    const char *rule, *place, *title;
    unsigned variant;        /* of the rule's left side, from 1 */
    long long fires;
    bool by_kernel;          /* all conditions hold; a kernel or a gate says no */
    long long tokens, world, units; /* 0: not given */
    const char *options;     /* "name=value,..." */
    const char *graph;       /* text form */
} rule_test;

static inline uint32_t rule_index(const sld_ruleset *rules, const char *name)
{
    for (uint32_t i = 0; i < rules->n_rules; i++)
        if (!strcmp(rules->rules[i].name, name))
            return i;
    ck_abort_msg("no rule %s", name);
    return 0;
}

/* Options as the test gives them, "name=value,...". */
static inline sld_settings *test_settings(sld_ctx *ctx, const sld_ruleset *rules, const rule_test *t)
{
    char text[400], *save = NULL;
    sld_settings *s = sld_settings_new(ctx, rules);
    ck_assert_ptr_nonnull(s);
    snprintf(text, sizeof text, "%s", t->options);
    for (char *item = strtok_r(text, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
        char *value = strchr(item, '=');
        ck_assert_ptr_nonnull(value);
        *value++ = 0;
        ck_assert_msg(sld_settings_set(s, item, value, t->place) == SLD_OK, "%s", sld_error(ctx));
    }
    ck_assert_msg(sld_settings_resolve(s, SLD_TARGET_CPU, NULL, NULL) == SLD_OK, "%s", sld_error(ctx));
    return s;
}

static inline void check_rule(const sld_ruleset *rules, const rule_test *t)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = sld_text_parse(ctx, rules, t->place, t->graph, strlen(t->graph));
    ck_assert_msg(g != NULL, "%s \"%s\", variant %u: %s\n%s", t->place, t->title, t->variant, sld_error(ctx), t->graph);
    sld_rule_stats *stats = calloc(rules->n_rules + 1u, sizeof *stats);
    sld_settings *settings = test_settings(ctx, rules, t);
    sld_fuse_options options = {.target = SLD_TARGET_CPU, .settings = settings, .tokens = {t->tokens, t->tokens},
                                .world = t->world, .units = t->units};
    ck_assert_ptr_nonnull(stats);
    ck_assert_msg(sld_fuse(g, &options, stats) == SLD_OK, "%s: %s", t->place, sld_error(ctx));
    ck_assert_msg(sld_graph_verify(g) == SLD_OK, "%s: %s", t->place, sld_error(ctx));
    const sld_rule_stats *s = &stats[rule_index(rules, t->rule)];
    ck_assert_msg(s->fired == t->fires, "%s: %s \"%s\", variant %u, fired %u times, not %lld; %s\n%s", t->place, t->rule,
                  t->title, t->variant, s->fired, t->fires, s->reason, t->graph);
    free(stats);
    sld_settings_free(settings);
    sld_graph_free(g);
    sld_ctx_free(ctx);
}

#endif
