/* solder fuse: rewrite a model and say what happened. */
#include "report.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>

typedef struct options {
    const char *model, *out, *report, *split;
    cli_pairs dims, expect;
    sld_fuse_options fuse;
} options;

/* Nodes, and memory where a plan can be made; else why not. */
typedef struct figures { uint32_t nodes; bool planned; sld_plan_info plan; char why[300]; } figures;

/* The first symbol without a value, or NULL. */
static const char *unknown_symbol(const sld_graph *g, const int64_t *symbols)
{
    for (uint32_t i = 0; i < sld_dim_n_symbols(g); i++)
        if (symbols[i] < 0)
            return sld_dim_symbol_name(g, i);
    return NULL;
}

static figures measure(sld_graph *g, sld_target target, const int64_t *symbols)
{
    figures f = {.nodes = sld_graph_n_nodes(g)};
    const char *unknown = unknown_symbol(g, symbols);
    sld_plan *p = unknown ? NULL : sld_plan_new(g, target, symbols);
    if (p) {
        f.planned = true;
        f.plan = sld_plan_get_info(p);
    } else if (unknown) {
        snprintf(f.why, sizeof f.why, "give --dim %s=N", unknown);
    } else {
        snprintf(f.why, sizeof f.why, "%s", sld_error(g->ctx));
    }
    sld_plan_free(p);
    sld__clear(g->ctx); /* a graph that no kernel can run still has a report */
    return f;
}

static void print_text(const report *r, const options *o, const figures *a, const figures *b, double s)
{
    printf("%s\n", o->model);
    report_print(r, sld_ruleset_solder(), stdout);
    printf("nodes              %10u -> %u\n", a->nodes, b->nodes);
    printf("launches           %10u -> %u\n", r->before.launches, r->after.launches);
    if (r->before.sized)
        printf("bytes moved        %10" PRIu64 " -> %" PRIu64 "\n", r->before.bytes, r->after.bytes);
    if (a->planned && b->planned)
        printf("planned peak bytes %10zu -> %zu\n", a->plan.arena_bytes, b->plan.arena_bytes);
    else
        printf("planned peak bytes    unknown: %s\n", a->planned ? b->why : a->why);
    printf("fused in           %10.3f ms\n", 1e3 * s);
}

static void print_json(const report *r, const options *o, const figures *a, const figures *b, double s)
{
    printf("{\"model\": ");
    cli_json_string(o->model, stdout);
    printf(", \"nodes\": [%u, %u], ", a->nodes, b->nodes);
    if (a->planned && b->planned)
        printf("\"peak_bytes\": [%zu, %zu], ", a->plan.arena_bytes, b->plan.arena_bytes);
    printf("\"seconds\": %.9f, ", s);
    report_print_json(r, sld_ruleset_solder(), stdout);
    printf("}\n");
}

static int write_text(sld_graph *g, const char *path)
{
    cli_file file;
    int status = cli_create(g->ctx, path, &file);
    return status ? status : cli_finish(g->ctx, &file, !sld_text_print(g, file.f, SLD_TEXT_DATA));
}

static int write_model(sld_graph *g, const char *path)
{
    size_t n = strlen(path);
    if (n < 5 || strcmp(path + n - 5, ".onnx"))
        return write_text(g, path);
    return sld_export_onnx(g, path) ? cli_fail("%s", sld_error(g->ctx)) : CLI_OK;
}

/* All rules of --expect that fired another number of times are told. */
static int check_expected(const sld_ruleset *rules, const options *o, const sld_rule_stats *stats)
{
    int status = CLI_OK;
    for (uint32_t i = 0; i < o->expect.n; i++) {
        uint32_t rule, n;
        int wrong = cli_number("fuse", "--expect RULE=N", o->expect.at[i].value, 0, &n);
        wrong = wrong ? wrong : cli_find_rule(rules, o->expect.at[i].name, &rule);
        if (!wrong && stats[rule].fired != n)
            wrong = cli_fail("%s: rule %s fired %u times, not %u%s%s", o->model, rules->rules[rule].name,
                             stats[rule].fired, n, *stats[rule].reason ? "; refused: " : "", stats[rule].reason);
        status = wrong ? wrong : status;
    }
    return status;
}

/* What would fire if the graph were not cut. */
static int fuse_whole(sld_ctx *ctx, const options *o, report *r)
{
    sld_graph *g = sld_import(ctx, sld_ruleset_solder(), o->model);
    sld_rule_stats *stats = g ? sld__alloc(ctx, (g->rules->n_rules + 1u) * sizeof *stats) : NULL;
    int status = !stats || sld_fuse(g, &o->fuse, stats) ? cli_fail("%s", sld_error(ctx)) : CLI_OK;
    for (uint32_t i = 0; !status && i < g->rules->n_rules; i++)
        r->rules[i].whole = stats[i].fired;
    r->split = true;
    sld__free(ctx, stats);
    sld_graph_free(g);
    return status;
}

/* A report is made of a fresh copy, because asking takes time that fusing does not. */
static int print_report(sld_graph *g, const options *o, const int64_t *symbols, double seconds)
{
    sld_graph *copy = sld_import(g->ctx, g->rules, o->model);
    if (!copy)
        return cli_fail("%s", sld_error(g->ctx));
    report r = {0};
    figures before = measure(copy, o->fuse.target, symbols);
    int status = cli_split(copy, o->split);
    status = status ? status : report_make(copy, &o->fuse, symbols, &r);
    status = status || !o->split ? status : fuse_whole(g->ctx, o, &r);
    figures after = measure(g, o->fuse.target, symbols);
    if (!status)
        (o->report && !strcmp(o->report, "json") ? print_json : print_text)(&r, o, &before, &after, seconds);
    report_free(g->ctx, &r);
    sld_graph_free(copy);
    return status;
}

static int fuse(sld_graph *g, const void *opts)
{
    const options *o = opts;
    int status;
    int64_t *symbols = cli_symbols(g, &o->dims, &status);
    status = status ? status : cli_split(g, o->split);
    sld_rule_stats *stats = sld__alloc(g->ctx, (g->rules->n_rules + 1u) * sizeof *stats);
    double seconds = cli_seconds();
    if (!status && (!stats || sld_fuse(g, &o->fuse, stats)))
        status = cli_fail("%s", sld_error(g->ctx));
    seconds = cli_seconds() - seconds;
    if (!status && sld_graph_verify(g))
        status = cli_fail("%s", sld_error(g->ctx));
    status = status ? status : check_expected(g->rules, o, stats);
    if (!status && o->out)
        status = write_model(g, o->out);
    if (!status && (o->report || (!o->out && !o->expect.n)))
        status = print_report(g, o, symbols, seconds);
    sld__free(g->ctx, stats);
    sld__free(g->ctx, symbols);
    return status;
}

static int add_expected(cli_pairs *p, char *arg)
{
    if (!strchr(arg, '='))
        return cli_usage("fuse", "--expect wants RULE=N, got '%s'", arg);
    return cli_pair(p, arg) ? CLI_OK : cli_usage("fuse", "too many rules");
}

static int parse(int argc, char **argv, options *o)
{
    static const struct option longs[] = {
        {"output", required_argument, 0, 'o'}, {"report", optional_argument, 0, 'r'},
        {"dim", required_argument, 0, 'd'},    {"target", required_argument, 0, 't'},
        {"max-rewrites", required_argument, 0, 'm'}, {"expect", required_argument, 0, 'e'},
        {"split-at", required_argument, 0, 's'}, {0, 0, 0, 0},
    };
    int status = CLI_OK;
    *o = (options){.fuse.target = SLD_TARGET_CPU};
    optind = 1;
    opterr = 0;
    for (int c; !status && (c = getopt_long(argc, argv, ":o:", longs, NULL)) != -1;) {
        switch (c) {
        case 'o': o->out = optarg; break;
        case 'r': o->report = optarg ? optarg : "text"; break;
        case 'd': status = cli_pair(&o->dims, optarg) ? CLI_OK : cli_usage("fuse", "too many dims"); break;
        case 's': o->split = optarg; break;
        case 'e': status = add_expected(&o->expect, optarg); break;
        case 'm': status = cli_number("fuse", "--max-rewrites", optarg, 1, &o->fuse.max_rewrites); break;
        case 't': status = cli_target("fuse", optarg, &o->fuse.target); break;
        default: status = cli_bad_option("fuse", c, argv[optind - 1]);
        }
    }
    if (status)
        return status;
    if (o->report && strcmp(o->report, "text") && strcmp(o->report, "json"))
        return cli_usage("fuse", "--report is text or json, not '%s'", o->report);
    if (optind + 1 != argc)
        return cli_usage("fuse", "one model is wanted");
    o->model = argv[optind];
    return CLI_OK;
}

int cmd_fuse(int argc, char **argv)
{
    options o;
    int status = parse(argc, argv, &o);
    return status ? status : cli_with_model(o.model, fuse, &o);
}
