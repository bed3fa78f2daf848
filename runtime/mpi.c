/* See ranks.h. The windows are memory that MPI shares; a page in front of each tells how far its rank is, so that a
 * rendezvous can end without those who do not come, which MPI's own barriers cannot. */
#include "ranks.h"
#include "graph.h"

#include <limits.h>
#include <mpi.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RANKS_MAX = 64, WINDOW = 4 << 20, PAGE = 4096 };

/* The page in front of a window. */
typedef struct state {
    atomic_uint met;          /* how often the rank came to a rendezvous */
    atomic_uint left;         /* 1 + whether it has done what it should */
    _Atomic double seen;      /* when it last gave a sign of life while it waited */
    _Atomic uint64_t brought; /* what ranks agree on */
} state;

struct sld_ranks {
    sld_comm comm;            /* the first member: kernels hand it back */
    sld_ctx *ctx;
    uint32_t patience;
    MPI_Comm all;
    MPI_Win win;
    bool pending;             /* a transfer was given up */
    void *windows[RANKS_MAX];
    char why[160];
};

static state *state_of(const sld_ranks *r, uint32_t rank)
{
    return (state *)((char *)r->windows[rank] - PAGE);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- ends that are not ours to choose ---- */
static char line_alarm[120], line_term[120];

static void end_with(int signal)
{
    const char *line = signal == SIGALRM ? line_alarm : line_term;
    ssize_t n = write(STDERR_FILENO, line, strlen(line));
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL); /* mpirun drops what it has not read when a rank is gone */
    _exit(n < 0 ? 2 : 1);
}

/* MPI itself waits without end: SIGALRM bounds that. mpirun ends ranks by SIGTERM when another has died. */
static void watch(uint32_t patience)
{
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    rank = rank ? rank : "?";
    snprintf(line_alarm, sizeof line_alarm, "solder: rank %.8s: the other ranks did not come within %u s\n", rank, patience);
    snprintf(line_term, sizeof line_term, "solder: rank %.8s: ended from outside, as mpirun does when another rank has died\n",
             rank);
    signal(SIGALRM, end_with);
    signal(SIGTERM, end_with);
}

/* ---- rendezvous ---- */
static const char *tell(sld_ranks *r, uint32_t rank, const char *what)
{
    snprintf(r->why, sizeof r->why, "rank %u of %u %s", rank, r->comm.world, what);
    return r->why;
}

/* Whoever waits gives signs of life, so that the rank that keeps all waiting is told from those that wait for it. */
static const char *late(sld_ranks *r, double now, uint32_t rank)
{
    char what[60];
    for (uint32_t k = 0; k < r->comm.world; k++)
        if (now - atomic_load(&state_of(r, k)->seen) > r->patience / 2.0)
            rank = k;
    snprintf(what, sizeof what, "did not come within %u s", r->patience);
    return tell(r, rank, what);
}

/* Why to wait no longer for a rank, or NULL. */
static const char *absent(sld_ranks *r, uint32_t rank, double since)
{
    double now = seconds();
    unsigned left = atomic_load(&state_of(r, rank)->left);
    atomic_store(&state_of(r, r->comm.rank)->seen, now);
    if (left)
        return tell(r, rank, left == 2 ? "was done before this one" : "gave up");
    return now - since > r->patience ? late(r, now, rank) : NULL;
}

static unsigned come(const sld_ranks *r)
{
    return atomic_fetch_add(&state_of(r, r->comm.rank)->met, 1) + 1;
}

static bool is_here(const sld_ranks *r, uint32_t rank, unsigned mine)
{
    return (int)(atomic_load(&state_of(r, rank)->met) - mine) >= 0;
}

static const char *meet(const sld_comm *c)
{
    enum { SPINS = 256 }; /* looks between two at the clock */
    sld_ranks *r = (sld_ranks *)c;
    unsigned mine = come(r);
    double since = seconds();
    for (uint32_t k = 0; k < c->world; k++)
        for (unsigned i = 1; !is_here(r, k, mine); i++) {
            const char *why = i % SPINS ? NULL : absent(r, k, since);
            if (why && !is_here(r, k, mine)) /* it may have come and left */
                return why;
            sched_yield();
        }
    return NULL;
}

/* Why not to wait for the end of a transfer, or NULL. Ranks that have their share may be done. */
static const char *missing(sld_ranks *r, unsigned mine, double since)
{
    for (uint32_t k = 0; k < r->comm.world; k++) {
        const char *why = absent(r, k, since);
        if (why && (atomic_load(&state_of(r, k)->left) != 2 || !is_here(r, k, mine)))
            return why;
    }
    return NULL;
}

/* The transfer is nonblocking, so that its end can be waited for with patience. */
static const char *gather(const sld_comm *c, const void *from, void *to, size_t bytes)
{
    sld_ranks *r = (sld_ranks *)c;
    MPI_Request request;
    int done = 0;
    unsigned mine = come(r);
    double since = seconds();
    if (MPI_Iallgather(from, (int)bytes, MPI_BYTE, to, (int)bytes, MPI_BYTE, r->all, &request))
        return "MPI failed";
    for (;;) {
        if (MPI_Test(&request, &done, MPI_STATUS_IGNORE))
            return "MPI failed";
        const char *why = done ? NULL : missing(r, mine, since);
        r->pending |= why != NULL;
        if (done || why)
            return why;
        sched_yield();
    }
}

const char *sld_ranks_agree(sld_ranks *r, uint64_t what)
{
    atomic_store(&state_of(r, r->comm.rank)->brought, what);
    const char *why = meet(&r->comm);
    for (uint32_t k = 0; k < r->comm.world && !why; k++)
        if (atomic_load(&state_of(r, k)->brought) != what)
            why = tell(r, k, "runs another graph, or on other sizes");
    const char *after = meet(&r->comm); /* before anyone brings the next number */
    return why ? why : after;
}

/* ---- joining and leaving ---- */
static const char *share_windows(sld_ranks *r)
{
    char *base;
    MPI_Comm here;
    int size = 0;
    if (MPI_Comm_split_type(r->all, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here) || MPI_Comm_size(here, &size))
        return "MPI failed";
    if ((uint32_t)size != r->comm.world)
        return "the ranks are on several machines, and share no memory";
    if (MPI_Win_allocate_shared(PAGE + WINDOW, 1, MPI_INFO_NULL, here, &base, &r->win))
        return "MPI shares no memory";
    for (uint32_t k = 0; k < r->comm.world; k++) {
        MPI_Aint bytes;
        int unit;
        if (MPI_Win_shared_query(r->win, (int)k, &bytes, &unit, &base))
            return "MPI shares no memory";
        r->windows[k] = base + PAGE;
    }
    memset(state_of(r, r->comm.rank), 0, sizeof(state));
    return MPI_Barrier(here) ? "MPI failed" : NULL;
}

static const char *join(sld_ranks *r)
{
    int rank = 0, world = 0;
    /* Otherwise MPI copies from the memory of others by itself, and aborts when they are gone. */
    setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
    if (MPI_Init(NULL, NULL) || MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN) ||
        MPI_Comm_rank(MPI_COMM_WORLD, &rank) || MPI_Comm_size(MPI_COMM_WORLD, &world))
        return "MPI does not start";
    if (world > RANKS_MAX)
        return "there are more than 64 ranks";
    r->all = MPI_COMM_WORLD;
    r->comm = (sld_comm){.rank = (uint32_t)rank, .world = (uint32_t)world, .bytes = WINDOW, .windows = r->windows,
                         .meet = meet, .gather = gather, .patience = r->patience};
    return share_windows(r);
}

sld_ranks *sld_ranks_join(sld_ctx *ctx, uint32_t patience)
{
    sld_ranks *r = sld__alloc(ctx, sizeof *r);
    if (!r)
        return NULL;
    *r = (sld_ranks){.ctx = ctx, .patience = patience};
    watch(patience);
    alarm(patience);
    const char *why = join(r);
    alarm(0);
    if (!why)
        return r;
    sld__fail(ctx, SLD_ERR_INPUT, "%s", why);
    sld__free(ctx, r);
    return NULL;
}

const sld_comm *sld_ranks_comm(const sld_ranks *r)
{
    return &r->comm;
}

/* Whether all ranks have left, given some time for it. */
static bool all_left(const sld_ranks *r)
{
    double since = seconds();
    for (uint32_t k = 0; k < r->comm.world; k++)
        while (!atomic_load(&state_of(r, k)->left)) {
            if (seconds() - since > r->patience)
                return false;
            sched_yield();
        }
    return true;
}

/* MPI ends orderly only together. */
void sld_ranks_leave(sld_ranks *r, bool ok)
{
    if (!r)
        return;
    signal(SIGTERM, SIG_DFL); /* what there was to tell has been told */
    atomic_store(&state_of(r, r->comm.rank)->left, 1u + ok);
    alarm(r->patience + 1);
    if (all_left(r) && !r->pending) {
        MPI_Win_free(&r->win);
        MPI_Finalize();
    }
    alarm(0);
    sld__free(r->ctx, r);
}
