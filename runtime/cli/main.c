/* The `solder` command: finds the subcommand and its help. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct { const char *name; int (*run)(int, char **); const char *help; } commands[] = {
    {"fuse", cmd_fuse,
     "solder fuse MODEL [-o OUT] [--report[=text|json]] [--dim NAME=N]... [--target cpu|ref] [--max-rewrites N]\n"
     "  Fuses a model. OUT ending in .onnx is written as ONNX, anything else as text.\n"
     "  --report      rules fired and refused, nodes, planned peak memory, time\n"
     "  --dim         value of a symbolic dim, for the memory figures\n"
     "  --max-rewrites  stops after N rewrites, to find the one that matters\n"},
    {"run", cmd_run,
     "solder run MODEL --input NAME=FILE... [--fused] [--compare [NAME=]FILE [--tol X]] [--output NAME=FILE]...\n"
     "           [--dim NAME=N]... [--target cpu|ref] [--repeat N]\n"
     "  Runs a model. Files hold the raw little-endian elements. Symbolic dims follow from their sizes.\n"
     "  --compare     largest absolute difference to a file; exit status 1 above --tol (default 1e-4)\n"},
    {"dump", cmd_dump, "solder dump MODEL [--data] [--fused]\n  Prints the graph as text; --data with the contents of all constants.\n"},
    {"demo", cmd_demo, "solder demo FOLDER\n  Fuses and runs FOLDER/model.onnx on input_ids.i64 and compares with logits.f32.\n"},
    {"ops", cmd_list, "solder ops\n  The ops with their signatures.\n"},
    {"rules", cmd_list, "solder rules\n  The rules with phase, root op and place.\n"},
    {"kernels", cmd_list, "solder kernels\n  The kernels with op, target and condition.\n"},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

int cli_fail(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("solder: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return CLI_FAILED;
}

int cli_usage(const char *command, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("solder: ", stderr);
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, " (see: solder help%s%s)\n", *command ? " " : "", command);
    va_end(ap);
    return CLI_USAGE;
}

double cli_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bool cli_pair(cli_pairs *p, char *arg)
{
    if (p->n == sizeof p->at / sizeof *p->at)
        return false;
    char *eq = strchr(arg, '=');
    if (eq)
        *eq = 0;
    p->at[p->n].name = eq ? arg : NULL;
    p->at[p->n++].value = eq ? eq + 1 : arg;
    return true;
}

static int help(const char *name)
{
    for (int i = 0; i < N_COMMANDS; i++)
        if (!name || !strcmp(name, commands[i].name))
            printf("%s%s", commands[i].help, name ? "" : "\n");
    if (!name)
        printf("MODEL: .onnx, .json or .json.gz of torch FX (the graph's key after '#'), or the text form.\n");
    return CLI_OK;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return cli_usage("", "a command is wanted");
    if (!strcmp(argv[1], "--version"))
        return printf("solder, table version %d\n", SLD_ABI) > 0 ? CLI_OK : CLI_FAILED;
    if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        return help(argc > 2 ? argv[2] : NULL);
    for (int i = 0; i < N_COMMANDS; i++)
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    return cli_usage("", "unknown command '%s'", argv[1]);
}
