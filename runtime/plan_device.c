/* Plans for a device: inputs are copied there, launches are put on its stream, outputs are copied back.  What no kernel
 * of the device covers runs on the host in between, which waits for the device; a plan without such launches can be
 * captured: the device then does them all at one command. */
#include "plan.h"

#include <string.h>

bool sld__on_host(const sld_plan *p, const sld_step *s)
{
    return p->device && s->row && s->row->target != SLD_TARGET_HIP;
}

static size_t bytes_of(const sld_tensor *t)
{
    size_t n = sld_dtype_size((sld_dtype)t->dtype);
    for (uint32_t i = 0; i < t->rank; i++)
        n *= (size_t)t->dims[i];
    return t->data ? n : 0;
}

static size_t room_of(const sld_tensor *t)
{
    return (bytes_of(t) + 63) & ~(size_t)63;
}

static size_t stage_size(const sld_step *s)
{
    size_t n = 0;
    for (uint32_t i = 0; i < s->args.n_in; i++)
        n += room_of(&s->args.in[i]);
    for (uint32_t i = 0; i < s->args.n_out; i++)
        n += room_of(&s->args.out[i]);
    return n + s->args.work_bytes + (s->args.n_in + s->args.n_out) * sizeof(sld_tensor) + 63;
}

/* The kernel of a row; copies are the backend's too. */
static sld_status find_kernel(sld_plan *p, sld_step *s)
{
    const char *symbol = s->row ? s->row->name : "sld_hip_copy";
    const sld_device_api *api = sld__device_api(p->device);
    char why[200];
    if (sld__on_host(p, s))
        return SLD_OK;
    s->args.stream = api->stream(sld__device_of(p->device));
    s->fn = sld__device_kernel(p->device, symbol);
    if (s->fn)
        return SLD_OK;
    snprintf(why, sizeof why, "the %s backend has no kernel %s", api->name, symbol);
    return sld__fail_node(p->g, s->node, why);
}

sld_status sld__device_prepare(sld_plan *p)
{
    size_t most = 0;
    for (uint32_t i = 0; i < p->n_steps; i++) {
        sld_status s = find_kernel(p, &p->steps[i]);
        if (s)
            return s;
        size_t n = sld__on_host(p, &p->steps[i]) ? stage_size(&p->steps[i]) : 0;
        p->info.n_host += n != 0;
        most = n > most ? n : most;
    }
    return most && !(p->stage = sld__alloc(p->ctx, most)) ? SLD_ERR_MEMORY : SLD_OK;
}

void sld__device_clear(sld_plan *p)
{
    const sld_device_api *api = sld__device_api(p->device);
    void *d = sld__device_of(p->device);
    if (p->captured)
        api->drop(d, p->captured);
    if (p->memory)
        api->release(d, p->memory);
    if (p->constants)
        api->release(d, p->constants);
    for (uint32_t i = 0; p->ports && i < p->g->outputs.n; i++)
        sld__free(p->ctx, p->ports[p->g->inputs.n + i].host);
    sld__free(p->ctx, p->ports);
    sld__free(p->ctx, p->stage);
}

/* ------------------------------------------------- launches on the host -- */

/* Memory of the host for a tensor: a result that stands where an operand does shares its. Answers what is left. */
static char *stage_tensors(const sld_launch *l, sld_tensor *to, char *at)
{
    uint32_t n = l->n_in + l->n_out;
    for (uint32_t i = 0; i < n; i++) {
        to[i] = i < l->n_in ? l->in[i] : l->out[i - l->n_in];
        size_t bytes = bytes_of(&to[i]);
        if (!bytes)
            continue;
        void *device = to[i].data;
        to[i].data = at;
        for (uint32_t k = 0; i >= l->n_in && k < l->n_in; k++)
            if (l->in[k].data == device && bytes_of(&l->in[k]) == bytes)
                to[i].data = to[k].data;
        at += room_of(&to[i]);
    }
    return at;
}

static const char *run_on_host(sld_plan *p, const sld_step *s)
{
    const sld_device_api *api = sld__device_api(p->device);
    void *d = sld__device_of(p->device);
    sld_tensor *t = (sld_tensor *)p->stage;
    sld_launch l = s->args;
    uint32_t n = l.n_in + l.n_out;
    const char *why = NULL;
    l.work = stage_tensors(&s->args, t, p->stage + n * sizeof *t);
    for (uint32_t i = 0; i < l.n_in && !why; i++)
        if (l.in[i].data)
            why = api->download(d, t[i].data, l.in[i].data, bytes_of(&l.in[i]));
    l.in = t, l.out = t + l.n_in;
    why = why ? why : s->fn(&l);
    for (uint32_t i = 0; i < l.n_out && !why; i++)
        if (s->args.out[i].data)
            why = api->upload(d, s->args.out[i].data, l.out[i].data, bytes_of(&s->args.out[i]));
    return why;
}

/* ------------------------------------------------------------------- runs -- */

static sld_status launch_all(sld_plan *p)
{
    for (uint32_t i = 0; i < p->n_steps; i++) {
        const sld_step *s = &p->steps[i];
        const char *why = sld__on_host(p, s) ? run_on_host(p, s) : s->fn(&s->args);
        if (why)
            return sld__fail_node(p->g, s->node, why);
    }
    return SLD_OK;
}

sld_status sld_plan_capture(sld_plan *p)
{
    char why[200];
    sld__clear(p->ctx);
    if (!p->device || p->captured)
        return SLD_OK;
    for (uint32_t i = 0; i < p->n_steps; i++) {
        const sld_step *s = &p->steps[i];
        bool host = sld__on_host(p, s);
        snprintf(why, sizeof why, "%s %s, so the plan cannot be captured", s->row ? s->row->name : "",
                 host ? "runs on the host" : "waits for the device");
        if (host || (s->row && s->row->syncs))
            return sld__fail_node(p->g, s->node, why);
    }
    const sld_device_api *api = sld__device_api(p->device);
    void *d = sld__device_of(p->device);
    if (sld__device_failed(p->ctx, p->device, api->begin_capture(d)))
        return SLD_ERR_KERNEL;
    sld_status status = launch_all(p);
    const char *bad = api->end_capture(d, &p->captured);
    if (!status && sld__device_failed(p->ctx, p->device, bad))
        status = SLD_ERR_KERNEL;
    if (status && p->captured) {
        api->drop(d, p->captured);
        p->captured = NULL;
    }
    return status;
}

static sld_status upload_inputs(sld_plan *p, const void *const *inputs)
{
    const sld_graph *g = p->g;
    for (uint32_t i = 0; i < g->inputs.n; i++) {
        const sld_port *port = &p->ports[i];
        if (!inputs || !inputs[i] || !port->size)
            continue;
        const sld_device_api *api = sld__device_api(p->device);
        if (sld__device_failed(p->ctx, p->device,
                               api->upload(sld__device_of(p->device), port->at, inputs[i], port->size)))
            return SLD_ERR_KERNEL;
    }
    return SLD_OK;
}

static sld_status download_outputs(sld_plan *p, sld_tensor *outputs)
{
    const sld_device_api *api = sld__device_api(p->device);
    for (uint32_t i = 0; i < p->g->outputs.n; i++) {
        const sld_port *port = &p->ports[p->g->inputs.n + i];
        outputs[i] = p->tensors[p->n_tensors - p->g->outputs.n + i];
        outputs[i].data = port->host;
        if (port->size && sld__device_failed(p->ctx, p->device, api->download(sld__device_of(p->device), port->host,
                                                                               port->at, port->size)))
            return SLD_ERR_KERNEL;
    }
    return SLD_OK;
}

sld_status sld__device_run(sld_plan *p, const void *const *inputs, sld_tensor *outputs)
{
    const sld_device_api *api = sld__device_api(p->device);
    void *d = sld__device_of(p->device);
    sld_status s = upload_inputs(p, inputs);
    const char *why = s ? NULL : api->mark(d, 0);
    if (!s && !why && p->captured)
        why = api->replay(d, p->captured);
    else if (!s && !why)
        s = launch_all(p);
    if (!s && !why)
        why = api->mark(d, 1);
    if (!s && !why)
        why = api->elapsed(d, &p->info.seconds);
    if (!s && !why)
        why = sld__device_missing(p->device);
    if (s || sld__device_failed(p->ctx, p->device, why))
        return s ? s : SLD_ERR_KERNEL;
    return download_outputs(p, outputs);
}

void *sld_plan_input(const sld_plan *p, uint32_t i)
{
    return p->device && i < p->g->inputs.n ? p->ports[i].at : NULL;
}
