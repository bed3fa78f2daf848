/* See verify.h. The emulation of a GPU is one to a process, so that ranks on devices are processes, which reach into each
 * other's windows as those of an engine do. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ranks.h"

typedef struct shared {
    ranks all;
    sld_status status[VF_RANKS];
    char error[200];
    unsigned char bytes[]; /* windows, then the outputs of the rank that is shown */
} shared;

static const sld_tensor *output(const vf_side *s, uint32_t i)
{
    const sld_plan *p = s->plan[s->shown];
    return &p->tensors[p->n_tensors - p->g->outputs.n + i];
}

static size_t bytes_of(const sld_tensor *t) { return (kern_numel(t) * kern_size(t->dtype) + 15) / 16 * 16; }

static shared *share(const vf_side *s, size_t *size)
{
    pthread_mutexattr_t lock;
    pthread_condattr_t cond;
    *size = sizeof(shared) + s->world * (size_t)WINDOW;
    for (uint32_t i = 0; i < s->g[0]->outputs.n; i++)
        *size += bytes_of(output(s, i));
    shared *m = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED)
        return NULL;
    pthread_mutexattr_init(&lock);
    pthread_mutexattr_setpshared(&lock, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&m->all.lock, &lock);
    pthread_condattr_init(&cond);
    pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&m->all.all, &cond);
    m->all.world = s->world;
    for (uint32_t r = 0; r < s->world; r++)
        m->all.windows[r] = m->bytes + r * (size_t)WINDOW;
    return m;
}

static void run_one(vf_side *s, const vf_data *in, shared *m, uint32_t i)
{
    rank r = {.comm = {i, s->world, WINDOW, m->all.windows, vf_meet, NULL, 0}, .all = &m->all, .side = s, .in = in};
    unsigned char *to = m->bytes + s->world * (size_t)WINDOW;
    vf_run_rank(&r);
    m->status[i] = r.status;
    if (r.status)
        snprintf(m->error, sizeof m->error, "%.199s", sld_error(s->ctx[i]));
    for (uint32_t k = 0; !r.status && i == s->shown && k < s->g[0]->outputs.n; k++) {
        size_t n = kern_numel(&r.out[k]) * kern_size(r.out[k].dtype);
        if (n)
            memcpy(to, r.out[k].data, n);
        to += bytes_of(output(s, k));
    }
}

static bool collect(const vf_side *s, shared *m, vf_results *out)
{
    unsigned char *from = m->bytes + s->world * (size_t)WINDOW;
    for (uint32_t i = 0; i < s->world; i++)
        if (m->status[i]) {
            snprintf(out->error, sizeof out->error, "%s", m->error);
            return false;
        }
    for (uint32_t k = 0; k < s->g[0]->outputs.n && k < VF_OUTPUTS - 2; k++) {
        sld_tensor t = *output(s, k);
        t.data = from;
        from += bytes_of(&t);
        vf_keep(out, &t);
    }
    return true;
}

bool vf_run_forked(vf_side *s, const vf_data *in, vf_results *out)
{
    size_t size;
    shared *m = share(s, &size);
    pid_t children[VF_RANKS];
    *out = (vf_results){0};
    if (!m)
        return false;
    fflush(NULL);
    for (uint32_t i = 0; i < s->world; i++) {
        m->status[i] = SLD_ERR_KERNEL;
        if (!(children[i] = fork())) {
            run_one(s, in, m, i);
            _exit(0);
        }
    }
    for (uint32_t i = 0; i < s->world; i++) {
        int status = 0;
        waitpid(children[i], &status, 0);
        if (status) { /* it met nobody any more */
            vf_leave(&m->all);
            snprintf(m->error, sizeof m->error, "rank %u ended with status %d", i, status);
        }
    }
    bool ok = collect(s, m, out);
    munmap(m, size);
    return ok;
}
