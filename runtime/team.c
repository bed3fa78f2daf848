/* Threads that share the rows of launches. Each takes the next part until there is none, the caller like the others, and
 * nothing waits for a thread that took none: work that is done before they wake costs little more than alone. */
#include "team.h"
#include "graph.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum {
    STACK = 4 << 20,
    WORTH = 1 << 20,      /* bytes of a launch that is shared, */
    LEAST = WORTH / 4,    /* and of a part: less is done before a thread is awake */
    PARTS = 4             /* for each thread, so that a slow one holds up little */
};

typedef struct job {
    sld_rows *rows;
    const void *work;
    size_t n, step;
} job;

typedef struct team {
    sld_team face;          /* the first member: kernels hand it back */
    sld_ctx *ctx;
    pid_t owner;            /* a child of fork has this memory but not the threads */
    pthread_mutex_t lock;   /* of all that follows but `next` */
    pthread_cond_t called, done;
    bool over, open;        /* open: there may be parts left */
    uint32_t busy;          /* threads at parts, without the caller */
    job job;
    atomic_size_t next;     /* the first row that nobody took */
    pthread_t threads[];
} team;

static void take_parts(team *t)
{
    const job *j = &t->job;
    for (size_t from; (from = atomic_fetch_add(&t->next, j->step)) < j->n;)
        j->rows(j->work, from, j->n - from < j->step ? j->n : from + j->step);
}

static void *serve(void *arg)
{
    team *t = arg;
    pthread_mutex_lock(&t->lock);
    while (!t->over) {
        if (!t->open) {
            pthread_cond_wait(&t->called, &t->lock);
            continue;
        }
        t->busy++;
        pthread_mutex_unlock(&t->lock);
        take_parts(t);
        pthread_mutex_lock(&t->lock);
        t->open = false;
        if (!--t->busy)
            pthread_cond_signal(&t->done);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* Rows of a part; all of them when there is too little to do. */
static size_t step_of(size_t n, size_t cost, uint32_t threads)
{
    size_t bytes, even = n / ((size_t)threads * PARTS), least = cost ? (LEAST + cost - 1) / cost : n;
    if (!__builtin_mul_overflow(n, cost, &bytes) && bytes < WORTH)
        return n;
    return even > least ? even : least;
}

static void call(team *t, job j)
{
    size_t parts = (j.n + j.step - 1) / j.step, wanted = parts - 1;
    pthread_mutex_lock(&t->lock);
    t->job = j;
    atomic_store(&t->next, 0);
    t->open = true;
    for (uint32_t i = 1; i < t->face.n && wanted; i++, wanted--)
        pthread_cond_signal(&t->called);
    pthread_mutex_unlock(&t->lock);
}

static void wait_for_others(team *t)
{
    pthread_mutex_lock(&t->lock);
    t->open = false;
    while (t->busy)
        pthread_cond_wait(&t->done, &t->lock);
    pthread_mutex_unlock(&t->lock);
}

static void share(const sld_team *face, size_t n, size_t cost, sld_rows *rows, const void *work)
{
    team *t = (team *)(uintptr_t)face;
    size_t step = step_of(n, cost, face->n);
    if (face->n == 1 || n <= step || t->owner != getpid()) {
        rows(work, 0, n);
        return;
    }
    call(t, (job){rows, work, n, step});
    take_parts(t);
    wait_for_others(t);
}

static uint32_t processors(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    return n < SLD_TEAM_MAX ? (uint32_t)n : SLD_TEAM_MAX;
}

/* Signals stay with the threads that the caller has. */
static void start_threads(team *t, uint32_t n, sld_start_fn start)
{
    sigset_t all, old;
    pthread_attr_t attr;
    if (pthread_attr_init(&attr))
        return;
    pthread_attr_setstacksize(&attr, STACK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (t->face.n < n && !start(&t->threads[t->face.n - 1], &attr, serve, t))
        t->face.n++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
}

sld_team *sld__team_new(sld_ctx *ctx, uint32_t n, sld_start_fn start)
{
    sld__clear(ctx);
    n = n ? n : processors();
    if (n > SLD_TEAM_MAX) {
        sld__fail(ctx, SLD_ERR_LIMIT, "%u threads are more than %d", n, SLD_TEAM_MAX);
        return NULL;
    }
    team *t = sld__alloc(ctx, sizeof *t + (n - 1) * sizeof *t->threads);
    if (!t)
        return NULL;
    *t = (team){.face = {.n = 1, .share = share}, .ctx = ctx, .owner = getpid(), .lock = PTHREAD_MUTEX_INITIALIZER,
                .called = PTHREAD_COND_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
    start_threads(t, n, start);
    return &t->face;
}

sld_team *sld_team_new(sld_ctx *ctx, uint32_t n)
{
    return sld__team_new(ctx, n, pthread_create);
}

void sld_team_free(sld_team *face)
{
    team *t = (team *)face;
    if (!t)
        return;
    if (t->owner == getpid()) {
        pthread_mutex_lock(&t->lock);
        t->over = true;
        pthread_cond_broadcast(&t->called);
        pthread_mutex_unlock(&t->lock);
        for (uint32_t i = 1; i < t->face.n; i++)
            pthread_join(t->threads[i - 1], NULL);
        pthread_cond_destroy(&t->called);
        pthread_cond_destroy(&t->done);
        pthread_mutex_destroy(&t->lock);
    }
    sld__free(t->ctx, t);
}
