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
    uint32_t world;
} cli_how;

/* Lines of a command's table of long options, and the cases that take them; -O2 is the short option 'O'. */
#define CLI_HOW_OPTIONS                                                                                      \
    {"opt", required_argument, 0, 'p'}, {"config", required_argument, 0, 'C'},                               \
    {"tokens", required_argument, 0, 'k'}, {"auto-buckets", no_argument, 0, 'b'},                            \
    {"tokens-dim", required_argument, 0, 'K'}, {"world", required_argument, 0, 'w'},                         \
    {"target", required_argument, 0, 't'}
int cli_how_option(const char *command, cli_how *h, int c, const char *arg);

/* The ruleset's options as the command line, the environment and a file set them; changes that nobody asked for are told
 * on stderr. NULL and a report on error. */
sld_settings *cli_settings(sld_ctx *ctx, const cli_how *h);
/* The buckets that the command asks for; one of both 0 when it asks for none. g: the model, for the dim that counts
 * tokens and its range. */
int cli_buckets(sld_graph *g, const cli_how *h, const sld_settings *s, sld_bucket *buckets, uint32_t *n);
/* Options of fusing for one bucket. */
sld_fuse_options cli_fuse_options(const sld_graph *g, const cli_how *h, const sld_settings *s, sld_bucket b);

#endif
