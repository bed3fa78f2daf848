/* solder kernels: the table of kernels, or what the nodes of a model launch and why nothing before it. */
#include "how.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>

typedef struct options { const char *model; cli_how how; bool all; } options;

/* Nodes that launch the same for the same reasons. */
typedef struct group {
    uint32_t op, count;
    const sld_kernel_row *row; /* NULL: none covers it */
    char why[700];             /* lines about the rows before */
    char node[100];
} group;
typedef struct groups { sld_graph *g; SLD_ARRAY(group) all; bool failed; } groups;

static void print_table(const sld_ruleset *r)
{
    for (uint32_t i = 0; i < r->n_kernels; i++) {
        const sld_kernel_row *k = &r->kernels[i];
        bool always = !k->n_when;
        printf("%-18s %-4s %-*s%s%s\n", r->ops[k->op].name, sld__target_name((sld_target)k->target), always ? 0 : 28, k->name,
               always ? "" : " when ", k->when_text);
    }
}

/* ------------------------------------------------------------------ a model -- */

/* Rows before the one that is taken, with what they want. */
static void say_rejected(sld_graph *g, sld_node n, sld_target target, const sld_kernel_row *taken, char *to, size_t size)
{
    const sld_ruleset *r = g->rules;
    uint16_t op = g->nodes.at[n].op;
    size_t k = 0;
    for (int pass = 0; pass < 2; pass++) {
        sld_target t = pass ? SLD_TARGET_REF : target;
        if (pass && target != SLD_TARGET_CPU)
            return;
        for (uint32_t i = r->kernel_index[op]; i < r->kernel_index[op + 1]; i++) {
            char why[300];
            if (r->kernels[i].target != t)
                continue;
            if (&r->kernels[i] == taken)
                return;
            if (k < size && !sld_kernel_covers(g, n, &r->kernels[i], NULL, why, sizeof why))
                k += (size_t)snprintf(to + k, size - k, "      not %s\n", why);
        }
    }
}

static void add_node(groups *gs, sld_node n, const sld_kernel_row *row, sld_target target)
{
    sld_graph *g = gs->g;
    group at = {.op = g->nodes.at[n].op, .count = 1, .row = row};
    say_rejected(g, n, target, row, at.why, sizeof at.why);
    for (uint32_t i = 0; i < gs->all.n; i++) {
        group *old = &gs->all.at[i];
        if (old->op == at.op && old->row == row && !strcmp(old->why, at.why)) {
            old->count++;
            return;
        }
    }
    if (sld_n_results(g, n))
        snprintf(at.node, sizeof at.node, "%s", sld_value_name(g, sld_result(g, n, 0)));
    if (!SLD_RESERVE(g->ctx, gs->all, gs->all.n + 1))
        gs->failed = true;
    else
        gs->all.at[gs->all.n++] = at;
}

/* Ops that rules of reported phases make. */
static bool is_fused(const sld_ruleset *r, uint16_t op)
{
    for (uint32_t i = 0; i < r->n_rules; i++)
        for (uint32_t k = 0; r->phases[r->rules[i].phase].report && k < r->rules[i].n_made; k++)
            if (r->rules[i].made[k] == op)
                return true;
    return false;
}

static int print_launches(sld_graph *g, const options *o, sld_target target)
{
    groups gs = {.g = g};
    sld_bindings *b = sld_bindings_new(g, target, NULL);
    for (sld_node n = b ? sld_first_node(g) : 0; n; n = sld_next_node(g, n))
        if (!sld__is_view(g, n) && (o->all || is_fused(g->rules, g->nodes.at[n].op)))
            add_node(&gs, n, sld_binding(b, n), target);
    for (uint32_t i = 0; i < gs.all.n; i++) {
        const group *at = &gs.all.at[i];
        printf("%6u  %-18s %s (node '%s')\n%s", at->count, g->rules->ops[at->op].name, at->row ? at->row->name : "no kernel",
               at->node, at->why);
    }
    int status = !b || gs.failed ? cli_fail("%s", sld_error(g->ctx)) : CLI_OK;
    sld_bindings_free(b);
    sld__free(g->ctx, gs.all.at);
    return status;
}

static int for_bucket(sld_graph *g, const void *data)
{
    const cli_bucket *b = data;
    const options *o = b->options;
    if (sld_fuse(g, &b->fuse, NULL))
        return cli_fail("%s", sld_error(g->ctx));
    printf("%s", o->model);
    if (b->tokens.hi)
        printf(", tokens %" PRId64 "..%" PRId64, b->tokens.lo, b->tokens.hi);
    printf(", target %s\n", sld__target_name(o->how.target));
    return print_launches(g, o, o->how.target);
}

static int for_model(sld_graph *g, const void *data)
{
    const options *o = data;
    return cli_for_buckets(g, o->model, &o->how, o, NULL, for_bucket);
}

int cmd_kernels(int argc, char **argv)
{
    static const struct option longs[] = {
        CLI_HOW_OPTIONS, {"for", required_argument, 0, 'f'}, {"all", no_argument, 0, 'a'}, {0, 0, 0, 0}};
    options o = {.how.target = SLD_TARGET_CPU};
    int status = CLI_OK;
    optind = 1;
    opterr = 0;
    for (int c; !status && (c = getopt_long(argc, argv, ":O:", longs, NULL)) != -1;)
        if (c == 'f')
            o.model = optarg;
        else if (c == 'a')
            o.all = true;
        else
            status = cli_how_option("kernels", &o.how, c, c == '?' || c == ':' ? argv[optind - 1] : optarg);
    if (!status && optind != argc)
        status = cli_usage("kernels", "no argument is wanted; --for MODEL names a model");
    if (!status && !o.model)
        status = o.all ? cli_usage("kernels", "--all wants --for MODEL") : cli_how_idle("kernels", &o.how, "with --for MODEL");
    if (!status && o.model)
        return cli_with_model(o.model, for_model, &o);
    if (!status)
        print_table(sld_ruleset_solder());
    return status;
}
