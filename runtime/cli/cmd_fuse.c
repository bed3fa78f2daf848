/* solder fuse: rewrite a model and say what happened. */
#include "how.h"
#include "report.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>

typedef struct options {
    const char *model, *out, *report, *split;
    cli_pairs dims, expect;
    cli_how how;
    uint32_t max_rewrites;
} options;

static const options *of(const cli_bucket *b)
{
    return b->options;
}

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
    sld__forgive(g->ctx); /* a graph that no kernel can run still has a report */
    return f;
}

/* Sizes of a bucket are those of its last number of tokens, unless --dim says otherwise. */
static void size_tokens(sld_graph *g, const cli_bucket *b, int64_t *symbols)
{
    int64_t lo, hi;
    for (uint32_t i = 0; b->tokens.hi && b->fuse.tokens_dim && i < sld_dim_n_symbols(g); i++)
        if (symbols[i] < 0 && !strcmp(sld_dim_symbol_name(g, i), b->fuse.tokens_dim)) {
            sld_dim_symbol_range(g, i, &lo, &hi);
            symbols[i] = b->tokens.hi < hi ? b->tokens.hi : hi;
        }
}

static void print_sizes(const sld_graph *g, const int64_t *symbols)
{
    const char *before = "sizes at           ";
    for (uint32_t i = 0; i < sld_dim_n_symbols(g); i++)
        if (symbols[i] >= 0) {
            printf("%s %s = %" PRId64, before, sld_dim_symbol_name(g, i), symbols[i]);
            before = ",";
        }
    fputs(*before == ',' ? "\n" : "", stdout);
}

static void print_json_sizes(const sld_graph *g, const int64_t *symbols)
{
    const char *before = "\"dims\": {";
    for (uint32_t i = 0; i < sld_dim_n_symbols(g); i++)
        if (symbols[i] >= 0) {
            fputs(before, stdout);
            cli_json_string(sld_dim_symbol_name(g, i), stdout);
            printf(": %" PRId64, symbols[i]);
            before = ", ";
        }
    fputs(*before == ',' ? "}, " : "", stdout);
}

/* A model before and after fusing; symbols: the values that sizes are for. */
typedef struct both {
    const cli_bucket *at;
    report r;
    figures a, b;
    const int64_t *symbols;
    double seconds;
} both;

static void print_text(const sld_graph *g, const both *m)
{
    const char *dim = m->at->fuse.tokens_dim;
    printf("%s", of(m->at)->model);
    if (m->at->tokens.hi)
        printf(", tokens %" PRId64 "..%" PRId64 "%s%s%s", m->at->tokens.lo, m->at->tokens.hi, dim ? " (" : "", dim ? dim : "",
               dim ? ")" : "");
    putchar('\n');
    report_print(&m->r, sld_ruleset_solder(), stdout);
    printf("nodes              %10u -> %u\n", m->a.nodes, m->b.nodes);
    printf("launches           %10u -> %u\n", m->r.before.launches, m->r.after.launches);
    print_sizes(g, m->symbols);
    const char *unknown = m->r.before.sized ? NULL : unknown_symbol(g, m->symbols);
    printf("bytes moved        %10" PRIu64 " -> %" PRIu64 "%s%s%s\n", m->r.before.bytes, m->r.after.bytes,
           unknown ? ", without values of unknown size; give --dim " : "", unknown ? unknown : "", unknown ? "=N" : "");
    if (m->a.planned && m->b.planned)
        printf("planned peak bytes %10zu -> %zu\n", m->a.plan.arena_bytes, m->b.plan.arena_bytes);
    else
        printf("planned peak bytes    unknown: %s\n", m->a.planned ? m->b.why : m->a.why);
    printf("fused in           %10.3f ms\n", 1e3 * m->seconds);
}

static void print_json(const sld_graph *g, const both *m)
{
    const cli_bucket *at = m->at;
    printf("%s{\"model\": ", at->n > 1 && !at->i ? "[" : "");
    cli_json_string(of(at)->model, stdout);
    if (at->tokens.hi)
        printf(", \"tokens\": [%" PRId64 ", %" PRId64 "]", at->tokens.lo, at->tokens.hi);
    printf(", \"nodes\": [%u, %u], ", m->a.nodes, m->b.nodes);
    print_json_sizes(g, m->symbols);
    if (m->a.planned && m->b.planned)
        printf("\"peak_bytes\": [%zu, %zu], ", m->a.plan.arena_bytes, m->b.plan.arena_bytes);
    printf("\"seconds\": %.9f, ", m->seconds);
    report_print_json(&m->r, sld_ruleset_solder(), stdout);
    printf(at->n < 2 ? "}\n" : at->i + 1 < at->n ? "},\n" : "}]\n");
}

static int write_text(sld_graph *g, const char *path)
{
    cli_file file;
    int status = cli_create(g->ctx, path, &file);
    return status ? status : cli_finish(g->ctx, &file, !sld_text_print(g, file.f, SLD_TEXT_DATA));
}

static bool is_onnx(const char *path)
{
    size_t n = strlen(path);
    return n >= 5 && !strcmp(path + n - 5, ".onnx");
}

static int write_model(sld_graph *g, const char *path)
{
    if (!is_onnx(path))
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
static int fuse_whole(sld_ctx *ctx, const cli_bucket *b, report *r)
{
    sld_graph *g = sld_import(ctx, sld_ruleset_solder(), of(b)->model);
    sld_rule_stats *stats = g ? sld__alloc(ctx, (g->rules->n_rules + 1u) * sizeof *stats) : NULL;
    int status = !stats || sld_fuse(g, &b->fuse, stats) ? cli_fail("%s", sld_error(ctx)) : CLI_OK;
    for (uint32_t i = 0; !status && i < g->rules->n_rules; i++)
        r->seen.rules[i].whole = stats[i].fired;
    r->split = true;
    sld__free(ctx, stats);
    sld_graph_free(g);
    return status;
}

/* A report is made of a fresh copy, because asking takes time that fusing does not. */
static int print_report(sld_graph *g, const cli_bucket *b, const int64_t *symbols, double seconds)
{
    const options *o = b->options;
    sld_graph *copy = sld_import(g->ctx, g->rules, o->model);
    if (!copy)
        return cli_fail("%s", sld_error(g->ctx));
    both m = {.at = b, .symbols = symbols, .seconds = seconds, .a = measure(copy, o->how.target, symbols)};
    int status = cli_split(copy, o->split);
    status = status ? status : report_make(copy, &b->fuse, symbols, &m.r);
    status = status || !o->split ? status : fuse_whole(g->ctx, b, &m.r);
    m.b = measure(g, o->how.target, symbols);
    if (!status && sld__starved(g->ctx))
        status = cli_fail("%s", sld_error(g->ctx));
    if (!status)
        (o->report && !strcmp(o->report, "json") ? print_json : print_text)(g, &m);
    report_free(&m.r);
    sld_graph_free(copy);
    return status;
}

/* Whether a rule of a reported phase fired. */
static bool any_fired(const sld_ruleset *r, const sld_rule_stats *stats)
{
    for (uint32_t i = 0; i < r->n_rules; i++)
        if (stats[i].fired && r->phases[r->rules[i].phase].report)
            return true;
    return false;
}

static bool is_text(const char *path)
{
    static const char *const others[] = {".onnx", ".json", ".gz"};
    size_t n = strlen(path);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strchr(path, '#') || (n > strlen(others[i]) && !strcmp(path + n - strlen(others[i]), others[i])))
            return false;
    return true;
}

/* Where nothing fires, the output is the input: its bytes when it has the form that is wanted, else as it was read. */
static int write_input(sld_ctx *ctx, const char *model, const char *path)
{
    size_t size;
    cli_file file;
    if (is_onnx(model) != is_onnx(path) || (!is_onnx(model) && !is_text(model))) {
        sld_graph *g = sld_import(ctx, sld_ruleset_solder(), model);
        int status = g ? write_model(g, path) : cli_fail("%s", sld_error(ctx));
        sld_graph_free(g);
        return status;
    }
    char *bytes = sld__read_file(ctx, model, &size);
    int status = bytes ? cli_create(ctx, path, &file) : cli_fail("%s", sld_error(ctx));
    status = status ? status : cli_finish(ctx, &file, fwrite(bytes, 1, size, file.f) == size);
    sld__free(ctx, bytes);
    return status;
}

/* Several buckets go to several files: out.1-256.onnx. */
static bool name_output(const cli_bucket *b, char *to, size_t size)
{
    const char *out = of(b)->out, *slash = strrchr(out, '/'), *dot = strrchr(slash ? slash : out, '.');
    int stem = dot ? (int)(dot - out) : (int)strlen(out), n = snprintf(to, size, "%s", out);
    if (b->n > 1)
        n = snprintf(to, size, "%.*s.%" PRId64 "-%" PRId64 "%s", stem, out, b->tokens.lo, b->tokens.hi, dot ? dot : "");
    return n >= 0 && (size_t)n < size;
}

static int write_output(sld_graph *g, const cli_bucket *b, const sld_rule_stats *stats)
{
    char path[4096];
    if (!name_output(b, path, sizeof path))
        return cli_fail("%s: the name is too long", of(b)->out);
    return any_fired(g->rules, stats) || of(b)->split ? write_model(g, path) : write_input(g->ctx, of(b)->model, path);
}

/* Counts must be as expected in all buckets before anything is written. */
static int check(sld_graph *g, const void *data)
{
    const cli_bucket *b = data;
    if (!of(b)->expect.n)
        return CLI_OK;
    sld_rule_stats *stats = sld__alloc(g->ctx, (g->rules->n_rules + 1u) * sizeof *stats);
    int status = cli_split(g, of(b)->split);
    if (!status && (!stats || sld_fuse(g, &b->fuse, stats)))
        status = cli_fail("%s", sld_error(g->ctx));
    status = status ? status : check_expected(g->rules, of(b), stats);
    sld__free(g->ctx, stats);
    return status;
}

static int fuse(sld_graph *g, const void *data)
{
    cli_bucket b = *(const cli_bucket *)data;
    const options *o = b.options;
    int status;
    int64_t *symbols = cli_symbols(g, &o->dims, &status);
    status = status ? status : cli_split(g, o->split);
    sld_rule_stats *stats = sld__alloc(g->ctx, (g->rules->n_rules + 1u) * sizeof *stats);
    b.fuse.max_rewrites = o->max_rewrites;
    double seconds = cli_seconds();
    if (!status && (!stats || sld_fuse(g, &b.fuse, stats)))
        status = cli_fail("%s", sld_error(g->ctx));
    seconds = cli_seconds() - seconds;
    if (!status && sld_graph_verify(g))
        status = cli_fail("%s", sld_error(g->ctx));
    status = status ? status : check_expected(g->rules, o, stats);
    if (!status)
        size_tokens(g, &b, symbols);
    if (!status && o->out)
        status = write_output(g, &b, stats);
    if (!status && (o->report || (!o->out && !o->expect.n)))
        status = print_report(g, &b, symbols, seconds);
    sld__free(g->ctx, stats);
    sld__free(g->ctx, symbols);
    return status;
}

static int fuse_buckets(sld_graph *g, const void *opts)
{
    const options *o = opts;
    return cli_for_buckets(g, o->model, &o->how, o, check, fuse);
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
        {"dim", required_argument, 0, 'd'},    {"max-rewrites", required_argument, 0, 'm'},
        {"expect", required_argument, 0, 'e'}, {"split-at", required_argument, 0, 's'},
        CLI_HOW_OPTIONS,                       {0, 0, 0, 0},
    };
    int status = CLI_OK;
    *o = (options){.how.target = SLD_TARGET_CPU};
    optind = 1;
    opterr = 0;
    for (int c; !status && (c = getopt_long(argc, argv, ":o:O:", longs, NULL)) != -1;) {
        switch (c) {
        case 'o': o->out = optarg; break;
        case 'r': o->report = optarg ? optarg : "text"; break;
        case 'd': status = cli_pair(&o->dims, optarg) ? CLI_OK : cli_usage("fuse", "too many dims"); break;
        case 's': o->split = optarg; break;
        case 'e': status = add_expected(&o->expect, optarg); break;
        case 'm': status = cli_number("fuse", "--max-rewrites", optarg, 1, &o->max_rewrites); break;
        default: status = cli_how_option("fuse", &o->how, c, c == '?' || c == ':' ? argv[optind - 1] : optarg);
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
    return status ? status : cli_with_model(o.model, fuse_buckets, &o);
}
