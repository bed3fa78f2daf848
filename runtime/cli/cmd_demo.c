/* solder demo: one model folder, before and after fusing, side by side. */
#include "cli.h"

#include <string.h>

typedef struct side {
    uint32_t nodes;
    sld_plan_info info;
    cli_diff diff;
    double import, fuse, plan, run;
} side;

static int join(char *buf, size_t n, const char *dir, const char *file)
{
    return snprintf(buf, n, "%s/%s", dir, file) < (int)n ? CLI_OK : cli_fail("%s: the path is too long", dir);
}

/* Imports, fuses when asked to, runs and compares. */
static int measure(sld_ctx *ctx, const char *dir, bool fused, side *s)
{
    char model[1000], ids[1000], logits[1000];
    cli_pairs inputs = {.n = 1}, none = {.n = 0};
    cli_run r;
    if (join(model, sizeof model, dir, "model.onnx") || join(ids, sizeof ids, dir, "input_ids.i64") ||
        join(logits, sizeof logits, dir, "logits.f32"))
        return CLI_FAILED;
    s->import = cli_seconds();
    sld_graph *g = sld_import(ctx, sld_ruleset_solder(), model);
    s->import = cli_seconds() - s->import;
    if (!g)
        return cli_fail("%s", sld_error(ctx));
    sld_rule_stats *stats = fused ? cli_fuse(g, SLD_TARGET_CPU, &s->fuse) : NULL;
    int status = fused && !stats ? CLI_FAILED : CLI_OK;
    s->nodes = sld_graph_n_nodes(g);
    if (!status && (!g->inputs.n || !g->outputs.n))
        status = cli_fail("%s: a model without input or output", model);
    if (!status) {
        inputs.at[0].name = sld_value_name(g, g->inputs.at[0]);
        inputs.at[0].value = ids;
        status = cli_run_graph(g, (cli_where){SLD_TARGET_CPU, NULL, &(cli_ranks){0}, 0}, &inputs, &none, 20, &r);
        status = status ? status : cli_compare(ctx, &r.outputs[0], logits, &s->diff);
        if (!status) {
            s->info = sld_plan_get_info(r.plan);
            s->plan = r.plan_seconds;
            s->run = r.run_seconds;
        }
        cli_run_free(g, &r);
    }
    if (!status && fused) {
        printf("%s: rules fired\n", model);
        cli_print_stats(g->rules, stats, stdout);
    }
    sld__free(ctx, stats);
    sld_graph_free(g);
    return status;
}

static void print_table(const side *a, const side *b)
{
    printf("\n%-34s %14s %14s\n", "", "as exported", "fused");
    printf("%-34s %14u %14u\n", "nodes", a->nodes, b->nodes);
    printf("%-34s %14u %14u\n", "launches", a->info.n_launches, b->info.n_launches);
    printf("%-34s %14zu %14zu\n", "planned peak memory, bytes", a->info.arena_bytes, b->info.arena_bytes);
    printf("%-34s %14.3g %14.3g\n", "largest difference to the logits", a->diff.largest, b->diff.largest);
    printf("%-34s %14.3f %14.3f\n", "importing, ms", 1e3 * a->import, 1e3 * b->import);
    printf("%-34s %14s %14.3f\n", "fusing, ms", "-", 1e3 * b->fuse);
    printf("%-34s %14.3f %14.3f\n", "planning, ms", 1e3 * a->plan, 1e3 * b->plan);
    printf("%-34s %14.3f %14.3f\n", "running (best of 20), ms", 1e3 * a->run, 1e3 * b->run);
}

int cmd_demo(int argc, char **argv)
{
    side plain = {0}, fused = {0};
    if (argc != 2)
        return cli_usage("demo", "one folder is wanted");
    sld_ctx *ctx = sld_ctx_new(NULL);
    if (!ctx)
        return cli_fail("out of memory");
    int status = measure(ctx, argv[1], false, &plain);
    status = status ? status : measure(ctx, argv[1], true, &fused);
    sld_ctx_free(ctx);
    if (status)
        return status;
    print_table(&plain, &fused);
    bool ok = plain.diff.largest <= 1e-4 && fused.diff.largest <= 1e-4 && !plain.diff.nan && !fused.diff.nan;
    return ok ? CLI_OK : cli_fail("the outputs do not agree with the stored logits");
}
