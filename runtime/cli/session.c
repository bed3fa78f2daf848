/* Steps that commands share: symbols from --dim and from the sizes of files, fusing, running. */
#include "../spell.h"
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int cli_with_model(const char *path, int (*act)(sld_graph *g, const void *options), const void *options)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    if (!ctx)
        return cli_fail("out of memory");
    sld_graph *g = sld_import(ctx, sld_ruleset_solder(), path);
    int status = g ? act(g, options) : cli_fail("%s", sld_error(ctx));
    if (!status && sld__starved(ctx))
        status = cli_fail("%s", sld_error(ctx));
    sld_graph_free(g);
    sld_ctx_free(ctx);
    return status;
}

/* ---------------------------------------------------------------- symbols -- */

int64_t *cli_symbols(sld_graph *g, const cli_pairs *dims, int *status)
{
    uint32_t n = sld_dim_n_symbols(g);
    int64_t *v = sld__alloc(g->ctx, (n + 1) * sizeof *v);
    *status = v ? CLI_OK : cli_fail("%s", sld_error(g->ctx));
    for (uint32_t i = 0; v && i < n; i++)
        v[i] = -1;
    for (uint32_t k = 0; v && k < dims->n; k++) {
        char *end = NULL;
        errno = 0;
        int64_t x = dims->at[k].name ? strtoll(dims->at[k].value, &end, 10) : -1;
        uint32_t i = 0;
        if (!dims->at[k].name || *end || end == dims->at[k].value || x < 0 || errno) {
            *status = cli_usage("", "--dim wants NAME=N, got '%s'", dims->at[k].value);
            break;
        }
        while (i < n && strcmp(sld_dim_symbol_name(g, i), dims->at[k].name))
            i++;
        if (i == n || v[i] >= 0) {
            *status = i == n ? cli_fail("the model has no symbolic dim '%s'", dims->at[k].name)
                             : cli_usage("", "dim '%s' is given twice", dims->at[k].name);
            break;
        }
        v[i] = x;
    }
    return v;
}

/* ----------------------------------------------------------------- fusing -- */

static int no_op(const sld_ruleset *r, const char *name)
{
    sld_spelling s = {.wanted = name};
    for (uint32_t i = 1; i < r->n_ops; i++)
        sld__spell(&s, r->ops[i].name);
    return cli_fail("--split-at: there is no op '%s'%s (see: solder ops)", name, sld__did_you_mean(&s));
}

int cli_split(sld_graph *g, const char *ops)
{
    enum { OPS_MAX = 64 };
    uint16_t at[OPS_MAX];
    uint32_t n = 0;
    for (const char *p = ops; p && *p;) {
        char name[128];
        size_t len = strcspn(p, ",");
        snprintf(name, sizeof name, "%.*s", (int)len, p);
        if (n == OPS_MAX)
            return cli_usage("fuse", "--split-at takes at most %d ops", OPS_MAX);
        if (!(at[n++] = sld_op_find(g->rules, name)))
            return no_op(g->rules, name);
        p += len + (p[len] == ',');
    }
    return ops && sld_graph_split(g, n, at) ? cli_fail("%s", sld_error(g->ctx)) : CLI_OK;
}

sld_rule_stats *cli_fuse(sld_graph *g, sld_target target, double *seconds)
{
    sld_rule_stats *stats = sld__alloc(g->ctx, (g->rules->n_rules + 1u) * sizeof *stats);
    sld_fuse_options options = {.target = target};
    *seconds = cli_seconds();
    if (!stats || sld_fuse(g, &options, stats)) {
        cli_fail("%s", sld_error(g->ctx));
        sld__free(g->ctx, stats);
        return NULL;
    }
    *seconds = cli_seconds() - *seconds;
    return stats;
}

void cli_print_stats(const sld_ruleset *r, const sld_rule_stats *stats, FILE *out)
{
    for (uint32_t i = 0; i < r->n_rules; i++) {
        const sld_rule_stats *s = &stats[i];
        uint32_t refused = s->refused_cycle + s->refused_split + s->refused_kernel + s->refused_type;
        bool listed = r->phases[r->rules[i].phase].report;
        if (listed && s->fired)
            fprintf(out, "  %-24s %6u\n", r->rules[i].name, s->fired);
        if (listed && refused)
            fprintf(out, "  %-24s refused %u times: %s\n", r->rules[i].name, refused, s->reason);
    }
}

/* ----------------------------------------------------------------- inputs -- */

static void print_inputs(const sld_graph *g)
{
    fprintf(stderr, "solder: the model wants:\n");
    for (uint32_t i = 0; i < g->inputs.n; i++) {
        sld_value v = g->inputs.at[i];
        fprintf(stderr, "  --input %s=FILE   %s[", sld_value_name(g, v),
                sld_dtype_name((sld_dtype)sld_dtype_of(g, v)));
        for (uint32_t k = 0; k < sld_rank(g, v); k++) {
            char dim[80];
            sld_dim_print(g, sld_shape(g, v)[k], dim, sizeof dim);
            fprintf(stderr, "%s%s", k ? ", " : "", dim);
        }
        fprintf(stderr, "]\n");
    }
}

/* A symbol that stands alone as a dim, when no other dim of the input is without a value, follows from the
 * size of the file. True when one was solved. Other sizes are check_size()'s to judge. */
static bool solve_symbol(sld_graph *g, sld_value v, size_t size, int64_t *symbols)
{
    size_t known = sld_dtype_size((sld_dtype)sld_dtype_of(g, v));
    uint32_t open = UINT32_MAX, count = 0;
    for (uint32_t k = 0; k < sld_rank(g, v); k++) {
        sld_dim d = sld_shape(g, v)[k];
        int64_t x;
        if (sld_dim_eval(g, d, symbols, &x)) {
            if (x < 0 || __builtin_mul_overflow(known, (size_t)x, &known))
                return false;
            continue;
        }
        for (uint32_t i = 0; i < sld_dim_n_symbols(g); i++)
            if (symbols[i] < 0 && sld__dim_find(g, sld_dim_symbol_name(g, i)) == d)
                open = i;
        count++;
    }
    if (count != 1 || open == UINT32_MAX || !known || size % known)
        return false;
    symbols[open] = (int64_t)(size / known);
    return true;
}

/* What one input tells can be what another one lacks. */
static void solve_symbols(sld_graph *g, const size_t *sizes, int64_t *symbols)
{
    bool again = true;
    while (again) {
        again = false;
        for (uint32_t i = 0; i < g->inputs.n; i++)
            again |= solve_symbol(g, g->inputs.at[i], sizes[i], symbols);
    }
}

static int check_size(sld_graph *g, sld_value v, size_t size, const int64_t *symbols, const char *path)
{
    size_t want = sld_dtype_size((sld_dtype)sld_dtype_of(g, v));
    for (uint32_t k = 0; k < sld_rank(g, v); k++) {
        int64_t x;
        if (!sld_dim_eval(g, sld_shape(g, v)[k], symbols, &x) || x < 0 ||
            __builtin_mul_overflow(want, (size_t)x, &want)) {
            print_inputs(g);
            return cli_fail("input '%s': its dims do not follow from %s (%zu bytes); give --dim",
                            sld_value_name(g, v), path, size);
        }
    }
    if (want == size)
        return CLI_OK;
    print_inputs(g);
    return cli_fail("input '%s': %s has %zu bytes where %zu are wanted", sld_value_name(g, v), path, size,
                    want);
}

enum { INPUTS_MAX = sizeof ((cli_pairs *)0)->at / sizeof *((cli_pairs *)0)->at };

/* Reads the files; sizes and paths by input. */
static int read_files(sld_graph *g, const cli_pairs *inputs, const cli_ranks *ranks, cli_run *run, size_t *sizes, const char **paths)
{
    for (uint32_t k = 0; k < inputs->n; k++) {
        uint32_t i = 0;
        char path[4096];
        if (!inputs->at[k].name)
            return cli_usage("run", "--input wants NAME=FILE, got '%s'", inputs->at[k].value);
        while (i < g->inputs.n && strcmp(sld_value_name(g, g->inputs.at[i]), inputs->at[k].name))
            i++;
        if (i == g->inputs.n) {
            print_inputs(g);
            return cli_fail("the model has no input '%s'", inputs->at[k].name);
        }
        if (paths[i])
            return cli_usage("run", "input '%s' is given twice", inputs->at[k].name);
        paths[i] = inputs->at[k].value;
        if (!(run->files[i] = sld__read_file(g->ctx, cli_rank_path(ranks, paths[i], path, sizeof path), &sizes[i])))
            return cli_fail("%s", sld_error(g->ctx));
        run->inputs[i] = run->files[i];
    }
    for (uint32_t i = 0; i < g->inputs.n; i++)
        if (!paths[i]) {
            print_inputs(g);
            return cli_fail("input '%s' is not given", sld_value_name(g, g->inputs.at[i]));
        }
    return CLI_OK;
}

static int read_inputs(sld_graph *g, const cli_pairs *inputs, const cli_ranks *ranks, int64_t *symbols, cli_run *run)
{
    size_t sizes[INPUTS_MAX];
    const char *paths[INPUTS_MAX] = {NULL};
    if (g->inputs.n > INPUTS_MAX)
        return cli_fail("the model has %u inputs, at most %d can be given as files", g->inputs.n, INPUTS_MAX);
    int status = read_files(g, inputs, ranks, run, sizes, paths);
    if (!status)
        solve_symbols(g, sizes, symbols);
    for (uint32_t i = 0; i < g->inputs.n && !status; i++)
        status = check_size(g, g->inputs.at[i], sizes[i], symbols, paths[i]);
    return status;
}

/* ---------------------------------------------------------------- running -- */

/* A first run makes ready what may not be while launches are captured. */
static int capture(sld_graph *g, cli_run *run)
{
    if (sld_plan_run(run->plan, run->inputs, run->outputs))
        return cli_fail("%s", sld_error(g->ctx));
    if (sld_plan_capture(run->plan))
        snprintf(run->uncaptured, sizeof run->uncaptured, "not captured: %s", sld_error(g->ctx));
    return CLI_OK;
}

static int plan_and_run(sld_graph *g, cli_where where, const int64_t *symbols, uint32_t repeat,
                        cli_run *run)
{
    run->plan_seconds = cli_seconds();
    run->plan = where.device ? sld_plan_new_on(g, where.device, symbols) : sld_plan_new(g, where.target, symbols);
    run->plan_seconds = cli_seconds() - run->plan_seconds;
    if (!run->plan)
        return cli_fail("%s", sld_error(g->ctx));
    if (cli_ranks_agree(where.ranks, g, symbols, repeat))
        return CLI_FAILED;
    run->team = sld_team_new(g->ctx, where.threads ? where.threads : where.ranks->comm ? 1 : 0);
    if (!run->team || sld_plan_join(run->plan, where.ranks->comm))
        return cli_fail("%s", sld_error(g->ctx));
    sld_plan_set_team(run->plan, run->team);
    if (where.device && capture(g, run))
        return CLI_FAILED;
    run->run_seconds = run->device_seconds = INFINITY;
    for (uint32_t i = 0; i < repeat; i++) {
        double t = cli_seconds();
        if (sld_plan_run(run->plan, run->inputs, run->outputs))
            return cli_fail("%s", sld_error(g->ctx));
        t = cli_seconds() - t;
        run->run_seconds = t < run->run_seconds ? t : run->run_seconds;
        run->device_seconds = fmin(run->device_seconds, sld_plan_get_info(run->plan).seconds);
    }
    return CLI_OK;
}

int cli_run_graph(sld_graph *g, cli_where where, const cli_pairs *inputs, const cli_pairs *dims, uint32_t repeat,
                  cli_run *run)
{
    int status;
    *run = (cli_run){0};
    int64_t *symbols = cli_symbols(g, dims, &status);
    run->files = sld__alloc(g->ctx, (g->inputs.n + 1) * sizeof *run->files);
    run->inputs = sld__alloc(g->ctx, (g->inputs.n + 1) * sizeof *run->inputs);
    run->outputs = sld__alloc(g->ctx, (g->outputs.n + 1) * sizeof *run->outputs);
    if (!status && (!run->files || !run->inputs || !run->outputs))
        status = cli_fail("%s", sld_error(g->ctx));
    status = status ? status : read_inputs(g, inputs, where.ranks, symbols, run);
    status = status ? status : plan_and_run(g, where, symbols, repeat, run);
    sld__free(g->ctx, symbols);
    return status;
}

void cli_run_free(sld_graph *g, cli_run *run)
{
    sld_plan_free(run->plan);
    sld_team_free(run->team);
    for (uint32_t i = 0; run->files && i < g->inputs.n; i++)
        sld__free(g->ctx, run->files[i]);
    sld__free(g->ctx, run->files);
    sld__free(g->ctx, run->inputs);
    sld__free(g->ctx, run->outputs);
    *run = (cli_run){0};
}
