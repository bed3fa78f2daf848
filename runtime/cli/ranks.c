/* Ranks: the processes among which mpirun started this one. */
#include "cli.h"
#include "../ranks.h"

#include <stdlib.h>
#include <string.h>

/* How many processes mpirun started, 0 without it. */
static uint32_t launched(void)
{
    const char *n = getenv("OMPI_COMM_WORLD_SIZE");
    return n ? (uint32_t)strtoul(n, NULL, 10) : 0;
}

#ifdef SLD_HAVE_MPI
static int join(cli_ranks *r)
{
    r->ctx = sld_ctx_new(NULL);
    r->all = r->ctx ? sld_ranks_join(r->ctx, r->patience) : NULL;
    if (!r->all)
        return cli_fail("%s", r->ctx ? sld_error(r->ctx) : "out of memory");
    r->comm = sld_ranks_comm(r->all);
    return CLI_OK;
}

void cli_ranks_leave(cli_ranks *r, bool ok)
{
    sld_ranks_leave(r->all, ok);
    sld_ctx_free(r->ctx);
}

static const char *agree(cli_ranks *r, uint64_t what)
{
    return sld_ranks_agree(r->all, what);
}
#else
static int join(cli_ranks *r)
{
    (void)r;
    return cli_fail("mpirun started this, but this build leaves MPI out: libopenmpi-dev was not there");
}

void cli_ranks_leave(cli_ranks *r, bool ok)
{
    (void)r;
    (void)ok;
}

static const char *agree(cli_ranks *r, uint64_t what)
{
    (void)r;
    (void)what;
    return NULL;
}
#endif

int cli_ranks_join(cli_ranks *r, uint32_t *world)
{
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    uint32_t n = launched();
    int status = CLI_OK;
    if (n)
        cli_fail_as(rank);
    if (n)
        status = join(r);
    if (!status && *world && *world != (n ? n : 1))
        status = cli_fail("--world %u, but this is rank %s of %u (start it by: mpirun -n %u solder run ...)", *world,
                          rank && n ? rank : "0", n ? n : 1, *world);
    *world = n;
    return status;
}

/* The letters of a path in which %r stands for the rank. */
const char *cli_rank_path(const cli_ranks *r, const char *path, char *to, size_t size)
{
    const char *at = strstr(path, "%r");
    if (!at || !r->comm)
        return path;
    int n = snprintf(to, size, "%.*s%u%s", (int)(at - path), path, r->comm->rank, at + 2);
    return n >= 0 && (size_t)n < size ? to : path;
}

/* FNV-1a; as of a stream that is written to. */
static ssize_t mix(void *hash, const char *bytes, size_t n)
{
    uint64_t *h = hash;
    for (size_t i = 0; i < n; i++)
        *h = (*h ^ (unsigned char)bytes[i]) * 1099511628211u;
    return (ssize_t)n;
}

/* Ranks that run different things would wait for each other, or read what means something else. */
int cli_ranks_agree(cli_ranks *r, sld_graph *g, const int64_t *symbols, uint32_t repeat)
{
    uint64_t h = 14695981039346656037u;
    if (!r->comm)
        return CLI_OK;
    mix(&h, (const char *)symbols, sld_dim_n_symbols(g) * sizeof *symbols);
    mix(&h, (const char *)&repeat, sizeof repeat);
    FILE *f = fopencookie(&h, "w", (cookie_io_functions_t){.write = mix});
    bool ok = f && !sld_text_print(g, f, 0);
    ok = f && !fclose(f) && ok;
    const char *why = ok ? agree(r, h) : "out of memory";
    return why ? cli_fail("%s", why) : CLI_OK;
}
