/* What the commands of `solder` share. */
#ifndef SLD_CLI_H
#define SLD_CLI_H

#include "../graph.h"
#include "../dims.h"

const sld_ruleset *sld_ruleset_solder(void);

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* "solder: text" on stderr; answers CLI_FAILED. */
int cli_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same with a hint at the command's help; answers CLI_USAGE. */
int cli_usage(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What getopt_long's answers '?' and ':' (a value is missing) mean. */
int cli_bad_option(const char *command, int answer, const char *option);
/* A whole number of an option, at least `least`. */
int cli_number(const char *command, const char *option, const char *text, uint32_t least, uint32_t *out);
/* All further reports name a rank. */
void cli_fail_as(const char *rank);
/* Whether this process tells what all ranks would tell. */
bool cli_tells_all(void);
int cli_target(const char *command, const char *text, sld_target *out);

/* NAME=VALUE arguments in the order given. */
typedef struct cli_pairs { struct { const char *name, *value; } at[64]; uint32_t n; } cli_pairs;
/* Splits at the first '='; a missing one gives the name NULL. False when there are too many. */
bool cli_pair(cli_pairs *p, char *arg);

/* Imports a model, does one thing with it, and frees it; answers the exit status. */
int cli_with_model(const char *path, int (*act)(sld_graph *g, const void *options), const void *options);

double cli_seconds(void);

/* A file that appears under its path when it is complete; devices and pipes are written directly. */
typedef struct cli_file { FILE *f; const char *path; char *tmp; } cli_file;
int cli_create(sld_ctx *ctx, const char *path, cli_file *file);
/* Keeps the file when ok, else leaves nothing of it; reports what failed. */
int cli_finish(sld_ctx *ctx, cli_file *file, bool ok);

/* Values of the graph's symbols, -1 where unknown; freed with sld__free. */
int64_t *cli_symbols(sld_graph *g, const cli_pairs *dims, int *status);

/* Cuts the graph at the ops of a list with commas; NULL: not at all. */
int cli_split(sld_graph *g, const char *ops);

/* Fuses with statistics for each rule; the array is freed with sld__free. NULL and a report on error. */
sld_rule_stats *cli_fuse(sld_graph *g, sld_target target, double *seconds);
/* One line for each rule of a reported phase that fired or was refused. */
void cli_print_stats(const sld_ruleset *r, const sld_rule_stats *stats, FILE *out);

/* The processes that mpirun started with this one; comm is NULL without it. */
typedef struct cli_ranks {
    uint32_t patience; /* seconds to wait for one that does not come */
    sld_ctx *ctx;
    struct sld_ranks *all;
    const sld_comm *comm;
} cli_ranks;
/* world: how many are wanted, 0: as many as there are; becomes how many there are, 0 without mpirun. */
int cli_ranks_join(cli_ranks *r, uint32_t *world);
void cli_ranks_leave(cli_ranks *r, bool ok);
/* That all ranks run the same graph, on the same sizes. */
int cli_ranks_agree(cli_ranks *r, sld_graph *g, const int64_t *symbols, uint32_t repeat);
/* A path with the rank for its %r. */
const char *cli_rank_path(const cli_ranks *r, const char *path, char *to, size_t size);

/* One graph bound to memory and inputs. */
typedef struct cli_run {
    sld_plan *plan;
    sld_team *team;
    sld_tensor *outputs;
    const void **inputs;
    char **files;
    double plan_seconds, run_seconds;
    double device_seconds;     /* of the launches alone */
    char uncaptured[300];      /* why launches are made one after another; "": they are not */
} cli_run;
/* Where a model runs. */
typedef struct cli_where {
    sld_target target;
    sld_device *device;        /* of target hip; otherwise NULL */
    cli_ranks *ranks;
    uint32_t threads;          /* 0: as many as there are processors; of several ranks 1 each */
} cli_where;
/* Reads inputs (name=file), solves symbols from their sizes, plans and runs `repeat` times, with the other ranks. */
int cli_run_graph(sld_graph *g, cli_where where, const cli_pairs *inputs, const cli_pairs *dims, uint32_t repeat,
                  cli_run *run);
size_t cli_tensor_bytes(const sld_tensor *t);
void cli_run_free(sld_graph *g, cli_run *run);

/* Largest absolute difference of a tensor to a file of the same bytes; `nan` when there is none because NaN
 * or an infinity stands on one side only. */
typedef struct cli_diff { double largest; size_t at, n; bool nan; } cli_diff;
int cli_compare(sld_ctx *ctx, const sld_tensor *t, const char *path, cli_diff *diff);

/* The index of a rule by its name. */
int cli_find_rule(const sld_ruleset *r, const char *name, uint32_t *rule);

int cmd_fuse(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_dump(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_kernels(int argc, char **argv);
int cmd_options(int argc, char **argv);

#endif
