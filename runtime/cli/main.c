/* The `solder` command: finds the subcommand and its help. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct { const char *name; int (*run)(int, char **); const char *help; } commands[] = {
    {"fuse", cmd_fuse,
     "solder fuse MODEL [-o OUT] [--report[=text|json]] [--dim NAME=N]... [HOW]...\n"
     "            [--expect RULE=N]... [--split-at OP,...] [--max-rewrites N]\n"
     "  Fuses a model. OUT ending in .onnx is written as ONNX, anything else as text; where no rule fires, it is the\n"
     "  input. Several buckets go to several files: OUT with the tokens before its extension.\n"
     "  --report      rules fired, with the launches and bytes that each saved; matches that were refused and near\n"
     "                misses, with reasons; nodes, planned peak memory, time\n"
     "  --expect      a rule that fires another number of times is an error\n"
     "  --split-at    compiles in pieces: ops that stand alone; no rule fires across, and the report tells how often it\n"
     "                would in one piece\n"
     "  --dim         value of a symbolic dim, for the memory figures\n"
     "  --max-rewrites  stops after N rewrites, to find the one that matters\n"},
    {"explain", cmd_explain,
     "solder explain MODEL --rule RULE [--node NAME] [--split-at OP,...] [HOW]...\n"
     "  Fuses a model and shows why a rule did not fire: the match that lacks the least, in the lines of the rule,\n"
     "  and the first test that fails.\n"
     "  --node        a node of the match; otherwise the graph is searched\n"},
    {"run", cmd_run,
     "solder run MODEL --input NAME=FILE... [--fused] [--compare [NAME=]FILE [--tol X]]\n"
     "           [--output NAME=FILE]... [--dim NAME=N]... [HOW]... [--repeat N] [--patience SECONDS]\n"
     "           [--device N] [--threads N]\n"
     "  Runs a model. Files hold the raw little-endian elements. Symbolic dims follow from their sizes. Under\n"
     "  mpirun -n N, collective ops reach the other ranks; %r in a path is the rank, and where there is none only\n"
     "  rank 0 writes. A rank that does not come within --patience (default 30) is an error on all others.\n"
     "  --compare     largest absolute difference to a file; exit status 1 above --tol (default 1e-4)\n"
     "  --target      also auto: the GPU if there is one. On a GPU the launches of a run are captured if they can be\n"
     "  --threads     among which the CPU's kernels share rows; otherwise as many as there are processors, under\n"
     "                mpirun 1. Results have the same bits for any number; small ops run on one\n"},
    {"dump", cmd_dump,
     "solder dump MODEL [--data] [--fused] [HOW]...\n"
     "  Prints the graph as text; --data with the contents of all constants.\n"},
    {"demo", cmd_demo,
     "solder demo FOLDER\n"
     "  Fuses and runs FOLDER/model.onnx on input_ids.i64 and compares with logits.f32.\n"},
    {"ops", cmd_list, "solder ops\n  The ops with their signatures.\n"},
    {"rules", cmd_list, "solder rules\n  The rules with phase, root op and place.\n"},
    {"kernels", cmd_kernels,
     "solder kernels [--for MODEL [--all]] [HOW]...\n"
     "  The kernels with op, target and condition.\n"
     "  --for         what the fused nodes of a model launch, and why no kernel before it; --all: all nodes\n"},
    {"options", cmd_options,
     "solder options [HOW]...\n"
     "  The options of the rules with their values, and why they have them.\n"},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static const char *rank; /* of this process among those that mpirun started */

void cli_fail_as(const char *name)
{
    rank = name;
    setvbuf(stderr, NULL, _IOLBF, BUFSIZ); /* whole lines among those of others */
}

bool cli_tells_all(void)
{
    return !rank || !strcmp(rank, "0");
}

static void begin_line(void)
{
    fprintf(stderr, "solder: %s%s%s", rank ? "rank " : "", rank ? rank : "", rank ? ": " : "");
}

int cli_fail(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    begin_line();
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return CLI_FAILED;
}

int cli_usage(const char *command, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    begin_line();
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

int cli_bad_option(const char *command, int answer, const char *option)
{
    return answer == ':' ? cli_usage(command, "%s wants a value", option)
                         : cli_usage(command, "bad option '%s'", option);
}

int cli_number(const char *command, const char *option, const char *text, uint32_t least, uint32_t *out)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno || end == text || *end || n < least || n > UINT32_MAX)
        return cli_usage(command, "%s wants a whole number from %u on, got '%s'", option, least, text);
    *out = (uint32_t)n;
    return CLI_OK;
}

int cli_target(const char *command, const char *text, sld_target *out)
{
    for (int t = 0; t < SLD_TARGET_COUNT; t++)
        if (!strcmp(sld__target_name((sld_target)t), text)) {
            *out = (sld_target)t;
            return CLI_OK;
        }
    return cli_usage(command, "--target is cpu, ref or hip, not '%s'", text);
}

static int help(const char *name)
{
    bool found = !name, how = !name;
    for (int i = 0; i < N_COMMANDS; i++)
        if (!name || !strcmp(name, commands[i].name)) {
            printf("%s\n", commands[i].help);
            how |= strstr(commands[i].help, "[HOW]") != NULL;
            found = true;
        }
    if (!found)
        return cli_usage("", "unknown command '%s'", name);
    if (how)
        printf("HOW a model is compiled:\n"
               "  -O LEVEL              0 to 3, default 2: which options are on\n"
               "  --opt NAME=VALUE      sets an option; it turns on what it requires and off what it excludes\n"
               "  --config FILE         lines 'name = value' and 'O2'; default $SOLDER_CONFIG. After it come\n"
               "                        $SOLDER_LEVEL, $SOLDER_OPTIONS (name=value,...) and the command line\n"
               "  --tokens LO..HI[,...] compiles once for each bucket: rules and kernels must hold for all of it\n"
               "  --auto-buckets        cuts the buckets where gates and the kernels of what is fused change; default the\n"
               "                        range of the dim\n"
               "  --tokens-dim NAME     the symbolic dim that counts tokens; default the one that most inputs have\n"
               "  --world N             ranks that work together; default 1\n"
               "  --units N             compute units of the device, where kernels ask\n"
               "  --target cpu|ref|hip\n\n");
    if (!name)
        printf("MODEL: .onnx, .json or .json.gz of torch FX (the graph's key after '#'), or the text form.\n"
               "Exit status: 0 success, 1 failure, 2 wrong usage.\n");
    return CLI_OK;
}

static bool is_help(const char *arg)
{
    return !strcmp(arg, "--help") || !strcmp(arg, "-h");
}

/* A report that did not reach its reader is a failure as well. */
static int flushed(int status)
{
    if (fflush(stdout) || ferror(stdout))
        return cli_fail("cannot write to standard output: %s", strerror(errno));
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return cli_usage("", "a command is wanted");
    if (!strcmp(argv[1], "--version")) {
        printf("solder, table version %d\n", SLD_ABI);
        return flushed(CLI_OK);
    }
    if (!strcmp(argv[1], "help") || is_help(argv[1]))
        return flushed(help(argc > 2 ? argv[2] : NULL));
    for (int i = 0; i < N_COMMANDS; i++)
        if (!strcmp(argv[1], commands[i].name))
            return flushed(argc > 2 && is_help(argv[2]) ? help(argv[1]) : commands[i].run(argc - 1, argv + 1));
    return cli_usage("", "unknown command '%s'", argv[1]);
}
