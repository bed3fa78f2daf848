/* See verify.h. */
#include <stdlib.h>

#include "ranks.h"

/* -------------------------------------------------------------------- making -- */

static bool failed(vf_side *s, const char *what, const char *why)
{
    snprintf(s->error, sizeof s->error, "%s: %s", what, why);
    return false;
}

bool vf_side_parse(vf_side *s, const vf_run *run, const char *text)
{
    *s = (vf_side){.world = (uint32_t)run->world};
    for (uint32_t r = 0; r < s->world; r++) {
        s->ctx[r] = sld_ctx_new(NULL);
        s->g[r] = sld_text_parse(s->ctx[r], run->rules, "graph", text, strlen(text));
        if (!s->g[r])
            return failed(s, "parse", sld_error(s->ctx[r]));
        s->g[r]->world = run->world;
        s->g[r]->units = run->units;
    }
    return true;
}

bool vf_side_plan(vf_side *s, sld_target target)
{
    if (target == SLD_TARGET_HIP && !(s->device = sld_device_open(s->ctx[0], 0)))
        return failed(s, "device", sld_error(s->ctx[0]));
    for (uint32_t r = 0; r < s->world; r++) {
        s->plan[r] = s->device ? sld_plan_new_on(s->g[r], s->device, NULL) : sld_plan_new(s->g[r], target, NULL);
        if (!s->plan[r])
            return failed(s, "plan", sld_error(s->ctx[r]));
    }
    return true;
}

void vf_side_free(vf_side *s)
{
    for (uint32_t r = 0; r < s->world; r++) {
        sld_plan_free(s->plan[r]);
        sld_graph_free(s->g[r]);
    }
    sld_device_close(s->device);
    for (uint32_t r = 0; r < s->world; r++)
        if (s->ctx[r])
            sld_ctx_free(s->ctx[r]);
}

/* ------------------------------------------------------------------- running -- */

const char *vf_meet(const sld_comm *c)
{
    ranks *a = ((const rank *)(const void *)c)->all;
    pthread_mutex_lock(&a->lock);
    uint32_t turn = a->turn;
    if (++a->here == a->world) {
        a->here = 0;
        a->turn++;
        pthread_cond_broadcast(&a->all);
    }
    while (a->turn == turn && !a->broken)
        pthread_cond_wait(&a->all, &a->lock);
    bool broken = a->turn == turn;
    pthread_mutex_unlock(&a->lock);
    return broken ? "another rank is refused" : NULL;
}

void vf_leave(ranks *a)
{
    pthread_mutex_lock(&a->lock);
    a->broken = true;
    pthread_cond_broadcast(&a->all);
    pthread_mutex_unlock(&a->lock);
}

/* What sld_plan_run does on the host, with noise behind each launch. */
static sld_status run_noisy(sld_plan *p, const vf_lent *lent, const void *const *in, sld_tensor *out, vf_noise *z)
{
    for (uint32_t i = 0; i < p->n_patches; i++)
        p->tensors[p->patches[i].tensor].data = (void *)(uintptr_t)in[p->patches[i].input];
    for (uint32_t i = 0; i < p->n_steps; i++) {
        const char *why = vf_noise_launch(z, i, p->steps[i].fn, &p->steps[i].args, lent);
        if (why)
            return sld__fail_node(p->g, p->steps[i].node, why);
    }
    for (uint32_t i = 0; i < p->g->outputs.n; i++)
        out[i] = p->tensors[p->n_tensors - p->g->outputs.n + i];
    return SLD_OK;
}

void *vf_run_rank(void *of)
{
    rank *r = of;
    vf_side *s = r->side;
    sld_plan *p = s->plan[r->comm.rank];
    const void *const *in = (const void *const *)r->in->at[r->comm.rank];
    sld_plan_join(p, s->world > 1 ? &r->comm : NULL);
    r->status = r->noise && !p->device ? run_noisy(p, s->lent, in, r->out, r->noise) : sld_plan_run(p, in, r->out);
    if (r->status)
        vf_leave(r->all);
    return NULL;
}

static void run_ranks(vf_side *s, rank *r, ranks *all)
{
    pthread_t threads[VF_RANKS];
    for (uint32_t i = 1; i < s->world; i++)
        pthread_create(&threads[i], NULL, vf_run_rank, &r[i]);
    vf_run_rank(&r[0]);
    for (uint32_t i = 1; i < s->world; i++)
        pthread_join(threads[i], NULL);
    for (uint32_t i = 0; i < s->world; i++)
        free(all->windows[i]);
}

void vf_keep(vf_results *to, const sld_tensor *t)
{
    size_t bytes = kern_numel(t) * kern_size(t->dtype);
    sld_dim *dims = malloc((t->rank + 1u) * sizeof *dims);
    memcpy(dims, t->dims, t->rank * sizeof *dims);
    sld_tensor *k = &to->at[to->n++];
    *k = (sld_tensor){.dtype = t->dtype, .rank = t->rank, .dims = dims, .data = malloc(bytes + 1)};
    if (bytes)
        memcpy(k->data, t->data, bytes);
}

void vf_results_free(vf_results *r)
{
    for (uint32_t i = 0; i < r->n; i++) {
        free((void *)(uintptr_t)r->at[i].dims);
        free(r->at[i].data);
    }
    r->n = 0;
}

static bool run_with_data(vf_side *s, const vf_data *in, vf_noise *noise, vf_results *out)
{
    ranks all = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, s->world, 0, 0, false, {0}};
    rank r[VF_RANKS] = {0};
    vf_noise quiet[VF_RANKS];
    bool ok = true;
    *out = (vf_results){0};
    for (uint32_t i = 0; i < s->world; i++) {
        all.windows[i] = s->world > 1 ? calloc(1, WINDOW) : NULL;
        if (noise) /* each rank has its own */
            quiet[i] = *noise, quiet[i].rng.state += i * 7919u;
        r[i] = (rank){.comm = {i, s->world, WINDOW, all.windows, vf_meet, NULL, 0}, .all = &all, .side = s, .in = in,
                      .noise = noise && !(noise->learn && i) ? &quiet[i] : NULL};
    }
    if (s->lent)
        vf_lent_place(s->lent, s->plan[0]);
    run_ranks(s, r, &all);
    if (noise)
        noise->overflow |= quiet[0].overflow;
    for (uint32_t i = 0; i < s->world && ok; i++)
        if (r[i].status) {
            snprintf(out->error, sizeof out->error, "%s", sld_error(s->ctx[i]));
            ok = false;
        }
    for (uint32_t i = 0; ok && i < s->g[0]->outputs.n && i < VF_OUTPUTS - 2; i++)
        vf_keep(out, &r[s->shown].out[i]);
    vf_results contents = {0};
    if (s->lent)
        vf_lent_take(s->lent, s->plan[0], ok ? out : &contents);
    vf_results_free(&contents);
    return ok;
}

bool vf_side_emulated(const vf_side *s) { return s->device && strstr(sld_device_text(s->device), "emulated"); }

/* Inputs of f32 take part in the noise: what kernels compute of them has such errors. */
bool vf_side_run(vf_side *s, const vf_data *in, vf_noise *noise, vf_results *out)
{
    if (s->device && s->world > 1)
        return vf_run_forked(s, in, out);
    if (!noise || noise->learn || !noise->rounds)
        return run_with_data(s, in, noise, out);
    vf_data moved = *in;
    for (uint32_t r = 0; r < in->world; r++)
        for (uint32_t i = 0; i < in->n; i++) {
            sld_tensor t = vf_input(s, in, r, i);
            size_t bytes = kern_numel(&t) * kern_size(t.dtype);
            moved.at[r][i] = memcpy(malloc(bytes + 1), t.data, bytes);
            t.data = moved.at[r][i];
            vf_rng all = noise->rng; /* the same on all ranks */
            if (t.dtype == SLD_F32)
                vf_noise_of(&all, &t);
        }
    bool ok = run_with_data(s, &moved, noise, out);
    vf_data_free(&moved);
    return ok;
}
