/* See verify.h. Options, tokens, ranks and compute units are drawn from what the rule's gate and the kernels of the ops
 * that it makes mention, until the rule runs. */
#include <stdlib.h>

#include "gate.h"
#include "verify.h"

enum { CANDIDATES = 64 };

/* Numbers that may decide, with those beside them. */
typedef struct numbers { int64_t at[CANDIDATES]; uint32_t n; } numbers;

static void mention(numbers *s, const sld_term *t, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        for (int64_t k = -1; k <= 1 && t[i].kind == SLD_T_INT && s->n < CANDIDATES; k++)
            if (t[i].ival + k > 0)
                s->at[s->n++] = t[i].ival + k;
}

static bool reads(const sld_term *t, uint32_t n, sld_run_name name)
{
    bool found = false;
    for (uint32_t i = 0; i < n; i++)
        found |= t[i].kind == SLD_T_RUN && t[i].id == name;
    return found;
}

/* Of the gate, and of conditions of kernels that read the tokens. */
static numbers numbers_of(const sld_ruleset *rules, const sld_rule_info *r)
{
    numbers s = {.at = {1, 8}, .n = 2};
    mention(&s, r->gate, r->n_gate);
    for (uint32_t k = 0; k < r->n_made; k++)
        for (uint32_t i = 0; i < rules->n_kernels; i++)
            if (rules->kernels[i].op == r->made[k] && reads(rules->kernels[i].when, rules->kernels[i].n_when, SLD_RUN_TOKENS))
                mention(&s, rules->kernels[i].when, rules->kernels[i].n_when);
    return s;
}

/* How many ranks a graph is for: the number that an op states, 0: any, 1: no op is for ranks. */
static int64_t ranks_of(const sld_graph *g)
{
    int64_t ranks = 1;
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
        const sld_op_info *op = sld_node_op(g, n);
        if (!vf_collective(op))
            continue;
        ranks = ranks == 1 ? 0 : ranks;
        for (uint32_t i = 0; i < op->n_attrs; i++)
            if (!strcmp(op->attrs[i].name, "ranks") && op->attrs[i].kind == SLD_ATTR_INT)
                ranks = sld__call_of(g, n).attrs[i].i;
    }
    return ranks;
}

static bool begin(vf_run *r, const sld_ruleset *rules, uint32_t rule, const char *text, int64_t *ranks)
{
    *r = (vf_run){.rules = rules, .rule = rule, .units = 2, .ctx = sld_ctx_new(NULL)};
    sld_graph *g = sld_text_parse(r->ctx, rules, "graph", text, strlen(text));
    *ranks = g ? ranks_of(g) : 1;
    sld_graph_free(g);
    return g != NULL;
}

static void set(vf_run *r, const char *name, const char *value)
{
    size_t n = strlen(r->options), len = strlen(name);
    for (const char *c = r->options; (c = strstr(c, name)); c += len)
        if (!strncmp(c + len, " = ", 3) && (c == r->options || c[-1] == ' '))
            return; /* has its value already */
    snprintf(r->options + n, sizeof r->options - n, "%s%s = %s", n ? ", " : "", name, value);
    sld_settings_set(r->settings, name, value, "verify");
}

/* Options that the gate reads get a number, those that the rule needs are on. */
static bool draw_options(vf_run *r, vf_rng *rng, const numbers *s)
{
    const sld_rule_info *rule = &r->rules->rules[r->rule];
    sld_settings_free(r->settings);
    r->settings = sld_settings_new(r->ctx, r->rules);
    r->options[0] = 0;
    for (uint32_t i = 0; i < rule->n_enabled; i++)
        set(r, r->rules->options[rule->enabled[i]].name, "on");
    for (uint32_t i = 0; i < rule->n_gate; i++) {
        char value[24];
        const sld_option_info *o = &r->rules->options[rule->gate[i].id];
        snprintf(value, sizeof value, "%lld", (long long)s->at[vf_below(rng, s->n)]);
        if (rule->gate[i].kind == SLD_T_OPTION && o->is_int && !strstr(r->options, o->name) && vf_below(rng, 2))
            set(r, o->name, value);
    }
    return sld_settings_resolve(r->settings, SLD_TARGET_CPU, NULL, NULL) == SLD_OK;
}

static bool runs(const vf_run *r)
{
    return sld_rule_runs(r->rules, r->rule, r->settings, r->tokens, r->world, NULL, 0) == SLD_ALWAYS;
}

bool vf_run_find(vf_run *r, const sld_ruleset *rules, uint32_t rule, const char *graph, uint32_t seed)
{
    static const int64_t worlds[] = {2, 4, 8, 3, 1, 5, 6, 7}, units[] = {2, 1, 3, 304};
    numbers s = numbers_of(rules, &rules->rules[rule]);
    vf_rng rng = {seed};
    int64_t ranks;
    bool found = false;
    if (!begin(r, rules, rule, graph, &ranks) || ranks < 0 || ranks > VF_RANKS)
        return false;
    for (uint32_t i = 0; i < 400 && !found; i++) {
        bool drawn = !ranks || i >= 20; /* a gate may ask for ranks, whatever the graph */
        r->world = drawn ? worlds[vf_below(&rng, vf_below(&rng, 4) ? 3 : 8)] : ranks;
        r->units = units[vf_below(&rng, 4)];
        r->tokens.lo = r->tokens.hi = s.at[vf_below(&rng, s.n)];
        if (!vf_below(&rng, 4))
            r->tokens.hi += s.at[vf_below(&rng, s.n)];
        found = draw_options(r, &rng, &s) && runs(r);
    }
    return found;
}

bool vf_run_of(vf_run *r, const sld_ruleset *rules, uint32_t rule, const char *graph, const pat_instance *test)
{
    int64_t ranks;
    if (!begin(r, rules, rule, graph, &ranks))
        return false;
    r->settings = sld_settings_new(r->ctx, rules);
    for (uint32_t i = 0; i < rules->rules[rule].n_enabled; i++)
        set(r, rules->options[rules->rules[rule].enabled[i]].name, "on");
    char options[400], *rest = options;
    snprintf(options, sizeof options, "%s", test->options);
    for (char *one; (one = strtok_r(rest, ",", &rest));) {
        char *value = strchr(one, '=');
        *value++ = 0;
        set(r, one, value);
    }
    r->tokens.lo = r->tokens.hi = test->tokens ? test->tokens : 1;
    r->world = test->world ? test->world : ranks ? ranks : 2;
    r->units = test->units ? test->units : 2;
    return r->world <= VF_RANKS && sld_settings_resolve(r->settings, SLD_TARGET_CPU, NULL, NULL) == SLD_OK && runs(r);
}

void vf_run_free(vf_run *r)
{
    sld_settings_free(r->settings);
    if (r->ctx)
        sld_ctx_free(r->ctx);
    *r = (vf_run){0};
}
