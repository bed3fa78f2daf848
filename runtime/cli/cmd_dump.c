/* solder dump: a model as text; solder ops, rules: what the ruleset knows. */
#include "how.h"

#include <getopt.h>
#include <string.h>

typedef struct options { bool fused, data; cli_how how; } options;

static int dump(sld_graph *g, const void *opts)
{
    const options *o = opts;
    if (o->fused && cli_fuse_one(g, &o->how))
        return CLI_FAILED;
    return sld_text_print(g, stdout, o->data ? SLD_TEXT_DATA : 0) ? cli_fail("%s", sld_error(g->ctx)) : CLI_OK;
}

int cmd_dump(int argc, char **argv)
{
    static const struct option longs[] = {
        {"data", no_argument, 0, 'd'}, {"fused", no_argument, 0, 'f'}, CLI_HOW_OPTIONS, {0, 0, 0, 0}};
    options o = {.how.target = SLD_TARGET_CPU};
    int status = CLI_OK;
    optind = 1;
    opterr = 0;
    for (int c; !status && (c = getopt_long(argc, argv, ":O:", longs, NULL)) != -1;)
        if (c == 'd' || c == 'f')
            *(c == 'd' ? &o.data : &o.fused) = true;
        else
            status = cli_how_option("dump", &o.how, c, c == '?' || c == ':' ? argv[optind - 1] : optarg);
    status = status || o.fused ? status : cli_how_idle("dump", &o.how, "with --fused");
    if (status)
        return status;
    if (optind + 1 != argc)
        return cli_usage("dump", "one model is wanted");
    return cli_with_model(argv[optind], dump, &o);
}

static void list_rules(const sld_ruleset *r)
{
    for (uint32_t i = 0; i < r->n_rules; i++)
        printf("%-24s %-10s root %-12s %s:%u\n", r->rules[i].name, r->phases[r->rules[i].phase].name,
               r->ops[r->rules[i].root_op].name, r->rules[i].file, r->rules[i].line);
}

int cmd_list(int argc, char **argv)
{
    const sld_ruleset *r = sld_ruleset_solder();
    if (argc != 1)
        return cli_usage(argv[0], "no argument is wanted");
    if (!strcmp(argv[0], "rules"))
        list_rules(r);
    else
        for (uint32_t i = 1; i < r->n_ops; i++)
            printf("%s\n", r->ops[i].decl);
    return CLI_OK;
}
