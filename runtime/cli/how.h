/* How a model is compiled: options, numbers of tokens, ranks. */
#ifndef SLD_CLI_HOW_H
#define SLD_CLI_HOW_H

#include "cli.h"

enum { CLI_BUCKETS_MAX = 64 };

typedef struct cli_how {
    sld_target target;
    const char *level, *config, *tokens, *tokens_dim;
    cli_pairs opts;
    bool auto_buckets;
    uint32_t world, units;
} cli_how;

/* Lines of a command's table of long options, and the cases that take them; -O2 is the short option 'O'. */
#define CLI_HOW_OPTIONS                                                                                      \
    {"opt", required_argument, 0, 'p'}, {"config", required_argument, 0, 'C'},                               \
    {"tokens", required_argument, 0, 'k'}, {"auto-buckets", no_argument, 0, 'b'},                            \
    {"tokens-dim", required_argument, 0, 'K'}, {"world", required_argument, 0, 'w'},                         \
    {"units", required_argument, 0, 'U'},                                                                    \
    {"target", required_argument, 0, 't'}
int cli_how_option(const char *command, cli_how *h, int c, const char *arg);

/* An error when what fuses was told how, and nothing is to be fused; what: "with --fused". */
int cli_how_idle(const char *command, const cli_how *h, const char *what);

/* The ruleset's options as the command line, the environment and a file set them; changes that nobody asked for are told
 * on stderr. NULL and a report on error. */
sld_settings *cli_settings(sld_ctx *ctx, const cli_how *h);
/* A model for one of its buckets. */
typedef struct cli_bucket {
    const void *options;     /* of the command */
    sld_bucket tokens;
    uint32_t i, n;           /* this is number i of n */
    sld_fuse_options fuse;
} cli_bucket;
/* Does something with the model for each bucket that the command asks for, read anew for all but an only one. check: what
 * must go well for each of several before that begins; may be NULL. */
int cli_for_buckets(sld_graph *g, const char *model, const cli_how *h, const void *options,
                    int (*check)(sld_graph *g, const void *bucket), int (*act)(sld_graph *g, const void *bucket));
/* Fuses for the only bucket. */
int cli_fuse_one(sld_graph *g, const cli_how *h);

#endif
