/* solder run: a model on input files, fused or as it is, compared with files. */
#include "../names.h"
#include "how.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { OF_RANK = -1 }; /* ranks have devices of their own */

typedef struct options {
    const char *model;
    cli_pairs inputs, outputs, compares, dims;
    cli_how how;
    cli_ranks *ranks;
    bool fused, any_target; /* the device if there is one, otherwise the CPU */
    double tol;
    uint32_t repeat, threads, device; /* the device's number, or OF_RANK */
} options;

static const char *output_name(const sld_graph *g, uint32_t i)
{
    return sld__name_text(g, g->outputs.at[i].name);
}

/* Index of the output, the first when no name is given; -1 after an error. */
static int find_output(const sld_graph *g, const char *name)
{
    for (uint32_t i = 0; i < g->outputs.n; i++)
        if (!name || !strcmp(output_name(g, i), name))
            return (int)i;
    cli_fail("the model has no output '%s'", name ? name : "");
    return -1;
}

static void print_outputs(const sld_graph *g, const sld_tensor *t)
{
    for (uint32_t i = 0; i < g->outputs.n; i++) {
        printf("output %s: %s[", output_name(g, i), sld_dtype_name((sld_dtype)t[i].dtype));
        for (uint32_t k = 0; k < t[i].rank; k++)
            printf("%s%lld", k ? ", " : "", (long long)t[i].dims[k]);
        printf("]\n");
    }
}

/* Several ranks would write one file; the first does. */
static bool writes(const cli_ranks *r, const char *path)
{
    return !r->comm || !r->comm->rank || strstr(path, "%r");
}

static int write_outputs(const sld_graph *g, const sld_tensor *t, const options *o)
{
    int status = CLI_OK;
    for (uint32_t k = 0; k < o->outputs.n && !status; k++) {
        cli_file file;
        char path[4096];
        int i = find_output(g, o->outputs.at[k].name);
        if (i >= 0 && !writes(o->ranks, o->outputs.at[k].value))
            continue;
        if (i < 0 || cli_create(g->ctx, cli_rank_path(o->ranks, o->outputs.at[k].value, path, sizeof path), &file))
            return CLI_FAILED;
        size_t n = cli_tensor_bytes(&t[i]);
        status = cli_finish(g->ctx, &file, fwrite(n ? t[i].data : "", 1, n, file.f) == n);
    }
    return status;
}

static int compare(sld_graph *g, const sld_tensor *t, const options *o)
{
    int status = CLI_OK;
    for (uint32_t k = 0; k < o->compares.n; k++) {
        cli_diff d;
        char path[4096];
        int i = find_output(g, o->compares.at[k].name);
        if (i < 0 || cli_compare(g->ctx, &t[i], cli_rank_path(o->ranks, o->compares.at[k].value, path, sizeof path), &d))
            return CLI_FAILED;
        const char *name = output_name(g, (uint32_t)i);
        printf("compare %s: largest difference %.3g at element %zu of %zu (tolerance %.3g)\n", name,
               d.largest, d.at, d.n, o->tol);
        if (d.nan)
            status = cli_fail("output '%s': NaN or infinity on one side only", name);
        else if (d.largest > o->tol)
            status = cli_fail("output '%s' differs by %.3g, more than %.3g", name, d.largest, o->tol);
    }
    return status;
}

static void print_device(const sld_device *d, const cli_run *r, sld_plan_info info)
{
    printf("device: %s; %.3f ms there", sld_device_text(d), 1e3 * r->device_seconds);
    if (info.n_host)
        printf(", %u launches on the host", info.n_host);
    printf("\n%s\n", *r->uncaptured ? r->uncaptured : "captured: a run is one command");
}

static void print_run(const sld_graph *g, const cli_run *r, const sld_device *d)
{
    sld_plan_info info = sld_plan_get_info(r->plan);
    print_outputs(g, r->outputs);
    printf("ran %u launches in %.3f ms, arena %zu bytes, constants %zu bytes\n", info.n_launches, 1e3 * r->run_seconds,
           info.arena_bytes, info.const_bytes);
    if (d)
        print_device(d, r, info);
    if (info.n_copies)
        printf("%u buffers copied before they are written (%zu bytes): the version before is read later, or is the "
               "caller's\n", info.n_copies, info.copied_bytes);
}

static int run_on(sld_graph *g, const options *o, sld_device *d)
{
    if (o->fused && cli_fuse_one(g, &o->how))
        return CLI_FAILED;
    if (!g->world)
        g->world = o->how.world;
    cli_run r;
    int status = cli_run_graph(g, (cli_where){o->how.target, d, o->ranks, o->threads}, &o->inputs, &o->dims, o->repeat, &r);
    if (!status) {
        if (writes(o->ranks, ""))
            print_run(g, &r, d);
        status = write_outputs(g, r.outputs, o);
        status = status ? status : compare(g, r.outputs, o);
    }
    cli_run_free(g, &r);
    return status;
}

static int run(sld_graph *g, const void *opts)
{
    options o = *(const options *)opts;
    uint32_t rank = o.ranks->comm ? o.ranks->comm->rank : 0;
    bool wanted = o.any_target || o.how.target == SLD_TARGET_HIP;
    sld_device *d = wanted ? sld_device_open(g->ctx, (int)(o.device == (uint32_t)OF_RANK ? rank : o.device)) : NULL;
    if (wanted && !d && !o.any_target)
        return cli_fail("%s", sld_error(g->ctx));
    if (wanted && !d)
        fprintf(stderr, "solder: on the CPU: %s\n", sld_error(g->ctx));
    o.how.target = d ? SLD_TARGET_HIP : wanted ? SLD_TARGET_CPU : o.how.target;
    int status = run_on(g, &o, d);
    sld_device_close(d);
    return status;
}

static int parse_tolerance(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    bool ok = end != text && !*end && *out >= 0;
    return ok ? CLI_OK : cli_usage("run", "--tol wants a number, got '%s'", text);
}

static int parse(int argc, char **argv, cli_ranks *ranks, options *o)
{
    static const struct option longs[] = {
        {"input", required_argument, 0, 'i'},   {"output", required_argument, 0, 'o'},
        {"compare", required_argument, 0, 'c'}, {"tol", required_argument, 0, 'T'},
        {"dim", required_argument, 0, 'd'},     {"repeat", required_argument, 0, 'r'},
        {"fused", no_argument, 0, 'f'},         {"patience", required_argument, 0, 'P'},
        {"device", required_argument, 0, 'D'},  {"threads", required_argument, 0, 'n'},
        CLI_HOW_OPTIONS,
        {0, 0, 0, 0},
    };
    *o = (options){.how.target = SLD_TARGET_CPU, .ranks = ranks, .tol = 1e-4, .repeat = 1, .device = (uint32_t)OF_RANK};
    int status = CLI_OK;
    bool room = true;
    optind = 1;
    opterr = 0;
    for (int c; !status && room && (c = getopt_long(argc, argv, ":O:", longs, NULL)) != -1;) {
        switch (c) {
        case 'i': room = cli_pair(&o->inputs, optarg); break;
        case 'o': room = cli_pair(&o->outputs, optarg); break;
        case 'c': room = cli_pair(&o->compares, optarg); break;
        case 'd': room = cli_pair(&o->dims, optarg); break;
        case 'P': status = cli_number("run", "--patience", optarg, 1, &ranks->patience); break;
        case 'f': o->fused = true; break;
        case 'T': status = parse_tolerance(optarg, &o->tol); break;
        case 'n': status = cli_number("run", "--threads", optarg, 1, &o->threads); break;
        case 'D': status = cli_number("run", "--device", optarg, 0, &o->device); break;
        case 't':
            o->any_target = !strcmp(optarg, "auto");
            status = o->any_target ? CLI_OK : cli_target("run", optarg, &o->how.target);
            break;
        case 'r': status = cli_number("run", "--repeat", optarg, 1, &o->repeat); break;
        default: status = cli_how_option("run", &o->how, c, c == '?' || c == ':' ? argv[optind - 1] : optarg);
        }
    }
    if (!room)
        return cli_usage("run", "too many files");
    status = status || o->fused ? status : cli_how_idle("run", &o->how, "with --fused");
    if (!status && optind + 1 != argc)
        return cli_usage("run", "one model is wanted");
    o->model = argv[optind];
    return status;
}

int cmd_run(int argc, char **argv)
{
    options o;
    cli_ranks ranks = {.patience = 30};
    int status = parse(argc, argv, &ranks, &o);
    status = status ? status : cli_ranks_join(&ranks, &o.how.world);
    status = status ? status : cli_with_model(o.model, run, &o);
    fflush(stdout);
    cli_ranks_leave(&ranks, status == CLI_OK);
    return status;
}
