/* Steps that commands share: symbols, fusing with statistics, running on files, comparing. */
#include "cli.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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
        int64_t x = dims->at[k].name ? strtoll(dims->at[k].value, &end, 10) : -1;
        uint32_t i = 0;
        if (!dims->at[k].name || *end || end == dims->at[k].value || x < 0) {
            *status = cli_usage("", "--dim wants NAME=N, got '%s'", dims->at[k].value);
            break;
        }
        while (i < n && strcmp(sld_dim_symbol_name(g, i), dims->at[k].name))
            i++;
        if (i == n) {
            *status = cli_fail("the model has no symbolic dim '%s'", dims->at[k].name);
            break;
        }
        v[i] = x;
    }
    return v;
}

const char *cli_unknown_symbol(const sld_graph *g, const int64_t *symbols)
{
    for (uint32_t i = 0; i < sld_dim_n_symbols(g); i++)
        if (symbols[i] < 0)
            return sld_dim_symbol_name(g, i);
    return NULL;
}

/* ----------------------------------------------------------------- fusing -- */

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
        uint32_t refused = s->refused_cycle + s->refused_kernel + s->refused_type;
        bool listed = r->phases[r->rules[i].phase].report;
        if (listed && s->fired)
            fprintf(out, "  %-24s %6u\n", r->rules[i].name, s->fired);
        if (listed && refused)
            fprintf(out, "  %-24s refused %u times: %s\n", r->rules[i].name, refused, s->reason);
    }
}

/* ------------------------------------------------------------------ files -- */

static size_t tensor_bytes(const sld_tensor *t)
{
    size_t n = sld_dtype_size((sld_dtype)t->dtype);
    for (uint32_t i = 0; i < t->rank; i++)
        n *= (size_t)t->dims[i];
    return n;
}

static void print_inputs(const sld_graph *g)
{
    fprintf(stderr, "solder: the model wants:\n");
    for (uint32_t i = 0; i < g->inputs.n; i++) {
        sld_value v = g->inputs.at[i];
        fprintf(stderr, "  --input %s=FILE   %s[", sld_value_name(g, v), sld_dtype_name((sld_dtype)g->values.at[v].dtype));
        for (uint32_t k = 0; k < g->values.at[v].rank; k++) {
            char dim[80];
            sld_dim_print(g, sld_shape(g, v)[k], dim, sizeof dim);
            fprintf(stderr, "%s%s", k ? ", " : "", dim);
        }
        fprintf(stderr, "]\n");
    }
}

/* A symbol that stands alone as a dim, when it is the only one of the input without a value, follows from
 * the size of the file. */
static int solve_symbol(sld_graph *g, sld_value v, size_t size, int64_t *symbols)
{
    size_t known = sld_dtype_size((sld_dtype)g->values.at[v].dtype);
    uint32_t open = UINT32_MAX, count = 0;
    for (uint32_t k = 0; k < g->values.at[v].rank; k++) {
        sld_dim d = sld_shape(g, v)[k];
        int64_t x;
        if (sld_dim_eval(g, d, symbols, &x)) {
            if (x < 0 || __builtin_mul_overflow(known, (size_t)x, &known))
                return cli_fail("input '%s': its dims are impossible", sld_value_name(g, v));
            continue;
        }
        for (uint32_t i = 0; i < sld_dim_n_symbols(g); i++)
            if (symbols[i] < 0 && sld__dim_find(g, sld_dim_symbol_name(g, i)) == d)
                open = i;
        count++;
    }
    if (count == 1 && open != UINT32_MAX && known && size % known == 0)
        symbols[open] = (int64_t)(size / known);
    return CLI_OK;
}

static int check_size(sld_graph *g, sld_value v, size_t size, const int64_t *symbols, const char *path)
{
    size_t want = sld_dtype_size((sld_dtype)g->values.at[v].dtype);
    for (uint32_t k = 0; k < g->values.at[v].rank; k++) {
        int64_t x;
        if (!sld_dim_eval(g, sld_shape(g, v)[k], symbols, &x) || x < 0 || __builtin_mul_overflow(want, (size_t)x, &want)) {
            print_inputs(g);
            return cli_fail("input '%s': its size does not follow from %s (%zu bytes); give --dim", sld_value_name(g, v), path, size);
        }
    }
    if (want == size)
        return CLI_OK;
    print_inputs(g);
    return cli_fail("input '%s': %s has %zu bytes where %zu are wanted", sld_value_name(g, v), path, size, want);
}

static int read_inputs(sld_graph *g, const cli_pairs *inputs, int64_t *symbols, cli_run *run)
{
    size_t sizes[64];
    const char *paths[64] = {NULL};
    if (g->inputs.n > 64)
        return cli_fail("the model has %u inputs, at most 64 can be given as files", g->inputs.n);
    for (uint32_t k = 0; k < inputs->n; k++) {
        uint32_t i = 0;
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
        if (!(run->files[i] = sld__read_file(g->ctx, paths[i], &sizes[i])))
            return cli_fail("%s", sld_error(g->ctx));
        run->inputs[i] = run->files[i];
    }
    int status = CLI_OK;
    for (uint32_t i = 0; i < g->inputs.n && !status; i++) {
        if (!paths[i]) {
            print_inputs(g);
            return cli_fail("input '%s' is not given", sld_value_name(g, g->inputs.at[i]));
        }
        status = solve_symbol(g, g->inputs.at[i], sizes[i], symbols);
    }
    for (uint32_t i = 0; i < g->inputs.n && !status; i++)
        status = check_size(g, g->inputs.at[i], sizes[i], symbols, paths[i]);
    return status;
}

/* ---------------------------------------------------------------- running -- */

static int plan_and_run(sld_graph *g, sld_target target, const int64_t *symbols, unsigned repeat, cli_run *run)
{
    run->plan_seconds = cli_seconds();
    run->plan = sld_plan_new(g, target, symbols);
    run->plan_seconds = cli_seconds() - run->plan_seconds;
    if (!run->plan)
        return cli_fail("%s", sld_error(g->ctx));
    run->run_seconds = INFINITY;
    for (unsigned i = 0; i < repeat; i++) {
        double t = cli_seconds();
        if (sld_plan_run(run->plan, run->inputs, run->outputs))
            return cli_fail("%s", sld_error(g->ctx));
        t = cli_seconds() - t;
        run->run_seconds = t < run->run_seconds ? t : run->run_seconds;
    }
    return CLI_OK;
}

int cli_run_graph(sld_graph *g, sld_target target, const cli_pairs *inputs, const cli_pairs *dims, unsigned repeat, cli_run *run)
{
    int status;
    *run = (cli_run){0};
    int64_t *symbols = cli_symbols(g, dims, &status);
    run->files = sld__alloc(g->ctx, (g->inputs.n + 1) * sizeof *run->files);
    run->inputs = sld__alloc(g->ctx, (g->inputs.n + 1) * sizeof *run->inputs);
    run->outputs = sld__alloc(g->ctx, (g->outputs.n + 1) * sizeof *run->outputs);
    if (!status && (!run->files || !run->inputs || !run->outputs))
        status = cli_fail("%s", sld_error(g->ctx));
    status = status ? status : read_inputs(g, inputs, symbols, run);
    status = status ? status : plan_and_run(g, target, symbols, repeat, run);
    sld__free(g->ctx, symbols);
    return status;
}

void cli_run_free(sld_graph *g, cli_run *run)
{
    sld_plan_free(run->plan);
    for (uint32_t i = 0; run->files && i < g->inputs.n; i++)
        sld__free(g->ctx, run->files[i]);
    sld__free(g->ctx, run->files);
    sld__free(g->ctx, run->inputs);
    sld__free(g->ctx, run->outputs);
    *run = (cli_run){0};
}

int cli_compare(sld_ctx *ctx, const sld_tensor *t, const char *path, cli_diff *diff)
{
    size_t size, want = tensor_bytes(t);
    *diff = (cli_diff){0};
    char *bytes = sld__read_file(ctx, path, &size);
    if (!bytes)
        return cli_fail("%s", sld_error(ctx));
    if (size != want) {
        sld__free(ctx, bytes);
        return cli_fail("%s has %zu bytes, the output has %zu", path, size, want);
    }
    diff->n = want / sld_dtype_size((sld_dtype)t->dtype);
    for (size_t i = 0; i < diff->n; i++) {
        double a = sld__element_float(t->data, (sld_dtype)t->dtype, i), b = sld__element_float(bytes, (sld_dtype)t->dtype, i);
        double d = fabs(a - b);
        diff->nan |= (a != a) != (b != b) || (a == a && b == b && d != d);
        if (d > diff->largest) {
            diff->largest = d;
            diff->at = i;
        }
    }
    sld__free(ctx, bytes);
    return CLI_OK;
}
