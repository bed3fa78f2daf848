/* solder fuse: rewrite a model and say what happened. */
#include "cli.h"

#include <getopt.h>
#include <string.h>

typedef struct options { const char *model, *out, *report; cli_pairs dims; sld_fuse_options fuse; } options;

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

static void print_text(const sld_graph *g, const options *o, const figures *a, const figures *b,
                       const sld_rule_stats *stats, double s)
{
    printf("%s\nrules fired:\n", o->model);
    cli_print_stats(g->rules, stats, stdout);
    printf("nodes              %10u -> %u\n", a->nodes, b->nodes);
    if (a->planned && b->planned) {
        printf("launches           %10u -> %u\n", a->plan.n_launches, b->plan.n_launches);
        printf("planned peak bytes %10zu -> %zu\n", a->plan.arena_bytes, b->plan.arena_bytes);
    } else {
        printf("planned peak bytes    unknown: %s\n", a->planned ? b->why : a->why);
    }
    printf("fused in           %10.3f ms\n", 1e3 * s);
}

static void json_string(const char *s)
{
    putchar('"');
    for (; *s; s++)
        if (*s == '"' || *s == '\\')
            printf("\\%c", *s);
        else if ((unsigned char)*s < 32)
            printf("\\u%04x", (unsigned char)*s);
        else
            putchar(*s);
    putchar('"');
}

static void print_json(const sld_graph *g, const options *o, const figures *a, const figures *b,
                       const sld_rule_stats *stats, double s)
{
    bool first = true;
    printf("{\"model\": ");
    json_string(o->model);
    printf(", \"nodes\": [%u, %u], ", a->nodes, b->nodes);
    if (a->planned && b->planned)
        printf("\"launches\": [%u, %u], \"peak_bytes\": [%zu, %zu], ", a->plan.n_launches, b->plan.n_launches,
               a->plan.arena_bytes, b->plan.arena_bytes);
    printf("\"seconds\": %.9f, \"rules\": {", s);
    for (uint32_t i = 0; i < g->rules->n_rules; i++) {
        const sld_rule_stats *r = &stats[i];
        if (!r->fired && !r->reason[0])
            continue;
        printf("%s", first ? "" : ", ");
        json_string(g->rules->rules[i].name);
        printf(": {\"fired\": %u, \"refused\": %u, \"reason\": ", r->fired,
               r->refused_cycle + r->refused_kernel + r->refused_type);
        json_string(r->reason);
        printf("}");
        first = false;
    }
    printf("}}\n");
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

static int fuse(sld_graph *g, const void *opts)
{
    const options *o = opts;
    int status;
    double seconds;
    int64_t *symbols = cli_symbols(g, &o->dims, &status);
    sld_rule_stats *stats = NULL;
    if (!status) {
        figures before = measure(g, o->fuse.target, symbols);
        stats = sld__alloc(g->ctx, (g->rules->n_rules + 1u) * sizeof *stats);
        seconds = cli_seconds();
        if (!stats || sld_fuse(g, &o->fuse, stats) || sld_graph_verify(g))
            status = cli_fail("%s", sld_error(g->ctx));
        seconds = cli_seconds() - seconds;
        if (!status && o->out)
            status = write_model(g, o->out);
        if (!status && (o->report || !o->out)) {
            figures after = measure(g, o->fuse.target, symbols);
            bool json = o->report && !strcmp(o->report, "json");
            (json ? print_json : print_text)(g, o, &before, &after, stats, seconds);
        }
    }
    sld__free(g->ctx, stats);
    sld__free(g->ctx, symbols);
    return status;
}

static int parse(int argc, char **argv, options *o)
{
    static const struct option longs[] = {
        {"output", required_argument, 0, 'o'}, {"report", optional_argument, 0, 'r'},
        {"dim", required_argument, 0, 'd'},    {"target", required_argument, 0, 't'},
        {"max-rewrites", required_argument, 0, 'm'}, {0, 0, 0, 0},
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
