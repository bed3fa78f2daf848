/* solder options: what the options are, and why. */
#include "how.h"

#include <getopt.h>
#include <inttypes.h>

static void print_names(const char *what, const sld_ruleset *r, const uint16_t *ids, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        printf("%s%s", i ? ", " : what, r->options[ids[i]].name);
}

static void print_option(const sld_ruleset *r, const sld_settings *s, uint32_t i)
{
    const sld_option_info *o = &r->options[i];
    int64_t value = sld_settings_value(s, i);
    if (o->is_int)
        printf("%-28s %8" PRId64 "  ", o->name, value);
    else
        printf("%-28s %8s  ", o->name, value ? "on" : "off");
    printf("%s", sld_settings_why(s, i));
    print_names("; requires ", r, o->requires, o->n_requires);
    print_names("; excludes ", r, o->excludes, o->n_excludes);
    putchar('\n');
}

int cmd_options(int argc, char **argv)
{
    static const struct option longs[] = {CLI_HOW_OPTIONS, {0, 0, 0, 0}};
    cli_how h = {.target = SLD_TARGET_CPU};
    int status = CLI_OK;
    optind = 1;
    opterr = 0;
    for (int c; !status && (c = getopt_long(argc, argv, ":O:", longs, NULL)) != -1;)
        status = cli_how_option("options", &h, c, c == '?' || c == ':' ? argv[optind - 1] : optarg);
    if (!status && (h.tokens || h.auto_buckets || h.tokens_dim || h.world))
        status = cli_usage("options", "tokens and ranks change no option");
    if (!status && optind != argc)
        status = cli_usage("options", "no model is wanted");
    sld_ctx *ctx = status ? NULL : sld_ctx_new(NULL);
    sld_settings *s = ctx ? cli_settings(ctx, &h) : NULL;
    if (s) {
        printf("level O%d, target %s\n", sld_settings_get_level(s), sld__target_name(h.target));
        for (uint32_t i = 0; i < sld_ruleset_solder()->n_options; i++)
            print_option(sld_ruleset_solder(), s, i);
    }
    if (!status && !s)
        status = ctx ? CLI_FAILED : cli_fail("out of memory");
    sld_settings_free(s);
    sld_ctx_free(ctx);
    return status;
}
