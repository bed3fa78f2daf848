/* See how.h. */
#include "how.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int cli_how_option(const char *command, cli_how *h, int c, const char *arg)
{
    switch (c) {
    case 'O': h->level = arg; return CLI_OK;
    case 'C': h->config = arg; return CLI_OK;
    case 'k': h->tokens = arg; return CLI_OK;
    case 'K': h->tokens_dim = arg; return CLI_OK;
    case 'b': h->auto_buckets = true; return CLI_OK;
    case 'w': return cli_number(command, "--world", arg, 1, &h->world);
    case 'U': return cli_number(command, "--units", arg, 1, &h->units);
    case 't': return cli_target(command, arg, &h->target);
    case 'p':
        if (!strchr(arg, '='))
            return cli_usage(command, "--opt wants NAME=VALUE, got '%s'", arg);
        return cli_pair(&h->opts, (char *)arg) ? CLI_OK : cli_usage(command, "too many options");
    default: return cli_bad_option(command, c, arg);
    }
}

int cli_how_idle(const char *command, const cli_how *h, const char *what)
{
    const char *set = h->tokens         ? "--tokens"
                      : h->auto_buckets ? "--auto-buckets"
                      : h->tokens_dim   ? "--tokens-dim"
                      : h->level        ? "-O"
                      : h->opts.n       ? "--opt"
                      : h->config       ? "--config"
                                        : NULL;
    return set ? cli_usage(command, "%s means something only %s", set, what) : CLI_OK;
}

/* ---------------------------------------------------------------- options -- */

static char *environment(const char *name)
{
    return getenv(name);
}

static char *environment_without_file(const char *name)
{
    return strcmp(name, "SOLDER_CONFIG") ? getenv(name) : NULL;
}

static void told(void *user, const char *line)
{
    (void)user;
    if (cli_tells_all())
        fprintf(stderr, "solder: %s\n", line);
}

static sld_status set_level(sld_settings *s, const char *text)
{
    int level = text[0] >= '0' && text[0] <= '9' && !text[1] ? text[0] - '0' : -1;
    return sld_settings_level(s, level, "-O");
}

/* A file, then the environment, then the command line. */
static sld_status set_all(sld_settings *s, const cli_how *h)
{
    sld_status status = h->config ? sld_settings_read(s, h->config) : SLD_OK;
    status = status ? status : sld_settings_environment(s, h->config ? environment_without_file : environment);
    if (!status && h->level)
        status = set_level(s, h->level);
    for (uint32_t i = 0; i < h->opts.n && !status; i++)
        status = sld_settings_set(s, h->opts.at[i].name, h->opts.at[i].value, "command line");
    return status ? status : sld_settings_resolve(s, h->target, told, NULL);
}

sld_settings *cli_settings(sld_ctx *ctx, const cli_how *h)
{
    sld_settings *s = sld_settings_new(ctx, sld_ruleset_solder());
    if (s && !set_all(s, h))
        return s;
    cli_fail("%s", sld_error(ctx));
    sld_settings_free(s);
    return NULL;
}

/* ---------------------------------------------------------------- buckets -- */

/* Inputs that a symbol is a dim of by itself. */
static uint32_t count_inputs(const sld_graph *g, sld_dim d)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->inputs.n; i++)
        for (uint32_t k = 0; k < sld_rank(g, g->inputs.at[i]); k++)
            if (sld_shape(g, g->inputs.at[i])[k] == d) {
                n++;
                break;
            }
    return n;
}

/* The dim that is said to count tokens, or the symbol that most inputs have; NULL when there is none. */
static const char *tokens_dim(const sld_graph *g, const cli_how *h)
{
    const char *best = h->tokens_dim;
    uint32_t most = 0;
    for (uint32_t i = 0; !h->tokens_dim && i < sld_dim_n_symbols(g); i++) {
        const char *name = sld_dim_symbol_name(g, i);
        uint32_t n = count_inputs(g, sld__dim_find((sld_graph *)g, name));
        if (n > most) {
            most = n;
            best = name;
        }
    }
    return best;
}

static int parse_buckets(const char *text, sld_bucket *buckets, uint32_t *n)
{
    const char *at = text;
    for (*n = 0; *at; ++*n) {
        char *end;
        if (*n == CLI_BUCKETS_MAX)
            return cli_usage("fuse", "--tokens: at most %d buckets", CLI_BUCKETS_MAX);
        sld_bucket *b = &buckets[*n];
        errno = 0;
        b->lo = strtoll(at, &end, 10);
        bool ok = end != at && end[0] == '.' && end[1] == '.';
        at = ok ? end + 2 : at;
        b->hi = ok ? strtoll(at, &end, 10) : 0;
        if (!ok || end == at || errno || (*end && (*end != ',' || !end[1])) || b->lo < 1 || b->hi < b->lo)
            return cli_usage("fuse", "--tokens wants LO..HI[,LO..HI...] with 1 <= LO <= HI, got '%s'", text);
        if (*n && b->lo <= b[-1].hi)
            return cli_usage("fuse", "--tokens: %" PRId64 "..%" PRId64 " does not come after %" PRId64 "..%" PRId64, b->lo,
                             b->hi, b[-1].lo, b[-1].hi);
        at = end + (*end == ',');
    }
    return *n ? CLI_OK : cli_usage("fuse", "--tokens wants LO..HI[,LO..HI...]");
}

/* Without --tokens the whole range of the dim that counts them. */
static sld_bucket whole_range(sld_graph *g, const cli_how *h)
{
    sld_bucket b = {1, 1 << 20};
    const char *name = tokens_dim(g, h);
    sld_dim d = name ? sld__dim_find(g, name) : SLD_SYM_NONE;
    if (d != SLD_SYM_NONE)
        sld_dim_bounds(g, d, &b.lo, &b.hi);
    b.lo = b.lo < 1 ? 1 : b.lo;
    return b;
}

/* A bucket has tokens that the dim can count. */
static int check_ranges(sld_graph *g, const cli_how *h, const sld_bucket *buckets, uint32_t n)
{
    const char *name = tokens_dim(g, h);
    sld_dim d = name ? sld__dim_find(g, name) : SLD_SYM_NONE;
    int64_t lo, hi;
    if (h->tokens_dim && !h->tokens && !h->auto_buckets)
        return cli_usage("", "--tokens-dim wants --tokens or --auto-buckets");
    if (h->tokens_dim && d == SLD_SYM_NONE)
        return cli_fail("there is no symbolic dim '%s' to count tokens", name);
    if (d == SLD_SYM_NONE)
        return CLI_OK;
    sld_dim_bounds(g, d, &lo, &hi);
    for (uint32_t i = 0; i < n; i++)
        if (buckets[i].hi && (buckets[i].lo > hi || buckets[i].hi < lo))
            return cli_fail("tokens %" PRId64 "..%" PRId64 " lie outside %" PRId64 "..%" PRId64 ", the range of '%s'",
                            buckets[i].lo, buckets[i].hi, lo, hi, name);
    return CLI_OK;
}

static sld_fuse_options fuse_options(const sld_graph *g, const cli_how *h, const sld_settings *s, sld_bucket b)
{
    return (sld_fuse_options){.target = h->target, .settings = s, .tokens = b, .tokens_dim = tokens_dim(g, h),
                              .world = h->world, .units = h->units};
}

typedef struct job {
    const cli_how *how;
    const sld_settings *settings;
    cli_bucket at;
    int (*act)(sld_graph *, const void *);
} job;

typedef struct cuts { int64_t at[CLI_BUCKETS_MAX]; uint32_t n; } cuts;

static void note_cut(void *user, int64_t end)
{
    cuts *c = user;
    uint32_t i = 0;
    while (i < c->n && c->at[i] < end)
        i++;
    if (c->n == CLI_BUCKETS_MAX || (i < c->n && c->at[i] == end))
        return;
    memmove(c->at + i + 1, c->at + i, (c->n++ - i) * sizeof *c->at);
    c->at[i] = end;
}

typedef struct probe { const job *job; sld_bucket bucket; cuts *cuts; } probe;

static int find_cuts(sld_graph *g, const void *data)
{
    const probe *p = data;
    sld_fuse_options o = fuse_options(g, p->job->how, p->job->settings, p->bucket);
    o.cut = note_cut;
    o.user = p->cuts;
    return sld_fuse(g, &o, NULL) ? cli_fail("%s", sld_error(g->ctx)) : CLI_OK;
}

/* What fusing makes of the model has kernels with conditions of their own: buckets are cut there too. What is made of the
 * parts may have others, so these are looked at again. */
static int cut_by_kernels(const job *j, const char *model, sld_bucket *buckets, uint32_t *n)
{
    int status = CLI_OK;
    for (uint32_t i = 0; i < *n && !status; i++) {
        cuts c = {.n = 0};
        status = cli_with_model(model, find_cuts, &(probe){j, buckets[i], &c});
        for (uint32_t k = c.n; k-- > 0 && *n < CLI_BUCKETS_MAX;) {
            memmove(buckets + i + 1, buckets + i, (*n - i) * sizeof *buckets);
            buckets[i + 1].lo = c.at[k] + 1;
            buckets[i].hi = c.at[k];
            ++*n;
        }
        i -= c.n && *n < CLI_BUCKETS_MAX;
    }
    return status;
}

static int find_buckets(sld_graph *g, const job *j, const char *model, sld_bucket *buckets, uint32_t *n)
{
    const cli_how *h = j->how;
    sld_bucket given[CLI_BUCKETS_MAX] = {{0, 0}};
    uint32_t n_given = 1;
    int status = h->tokens ? parse_buckets(h->tokens, given, &n_given) : CLI_OK;
    if (!h->tokens && h->auto_buckets)
        given[0] = whole_range(g, h);
    status = status ? status : check_ranges(g, h, given, n_given);
    *n = 0;
    for (uint32_t i = 0; i < n_given && !status; i++)
        if (h->auto_buckets)
            *n += sld_split_bucket(g->rules, j->settings, given[i], h->world, buckets + *n,
                                   CLI_BUCKETS_MAX - *n - (n_given - 1 - i));
        else
            buckets[(*n)++] = given[i];
    return status || !h->auto_buckets || !model ? status : cut_by_kernels(j, model, buckets, n);
}

static int do_bucket(sld_graph *g, const void *data)
{
    job j = *(const job *)data;
    j.at.fuse = fuse_options(g, j.how, j.settings, j.at.tokens);
    return j.act(g, &j.at);
}

static int do_buckets(sld_graph *g, const char *model, job j, const sld_bucket *buckets)
{
    int status = CLI_OK;
    for (; j.at.i < j.at.n && !status; j.at.i++) {
        j.at.tokens = buckets[j.at.i];
        status = j.at.n == 1 || !model ? do_bucket(g, &j) : cli_with_model(model, do_bucket, &j);
    }
    return status;
}

int cli_for_buckets(sld_graph *g, const char *model, const cli_how *h, const void *options,
                    int (*check)(sld_graph *g, const void *bucket), int (*act)(sld_graph *g, const void *bucket))
{
    sld_bucket buckets[CLI_BUCKETS_MAX];
    sld_settings *s = cli_settings(g->ctx, h);
    job j = {.how = h, .settings = s, .act = check, .at.options = options};
    int status = s ? find_buckets(g, &j, model, buckets, &j.at.n) : CLI_FAILED;
    if (!status && check && j.at.n > 1)
        status = do_buckets(g, model, j, buckets);
    j.act = act;
    status = status ? status : do_buckets(g, model, j, buckets);
    sld_settings_free(s);
    return status;
}

static int fuse_bucket(sld_graph *g, const void *bucket)
{
    const cli_bucket *b = bucket;
    if (b->n > 1)
        return cli_usage("fuse", "one bucket is enough here");
    return sld_fuse(g, &b->fuse, NULL) ? cli_fail("%s", sld_error(g->ctx)) : CLI_OK;
}

int cli_fuse_one(sld_graph *g, const cli_how *h)
{
    return cli_for_buckets(g, NULL, h, NULL, NULL, fuse_bucket);
}
