/* How ranks of one host, a process and a device each, come to write into each other's windows: handles of device memory
 * travel through the windows that the processes share on the host. */
#include "gpu.h"
#include "comm.h"
#include "nccl.h"

#include <stdio.h>

namespace {

/* What the ranks of a run need is bounded by the conditions of the rows `hip` in the patterns: sums of 32 MiB take four
 * times that, and a little more where rows do not divide among ranks. Past it large sums are made in parts. */
#if defined(__CUDACC__) || defined(__HIPCC__)
const size_t WINDOW = (size_t)136 << 20;
const uint32_t LOOKS_A_SECOND = 1 << 20;
#else
const size_t WINDOW = 1 << 20;
const uint32_t LOOKS_A_SECOND = 1 << 13; /* on a busy machine more of them pass before a process gets its turn */
#endif

/* What a rank tells the others when it joins. */
struct hello {
    hipError_t status;
    int has_nccl;
    nccl_id id;
    hipIpcMemHandle_t handle;
};

struct member : gpu_comm {
    void *windows[GPU_RANKS];
    char why[120];
};

/* Visible to kernels of other devices while they run. */
hipError_t alloc_window(void **at)
{
#if defined(__HIPCC__) && !defined(__CUDACC__)
    return hipExtMallocWithFlags(at, WINDOW, hipDeviceMallocFinegrained);
#else
    return hipMalloc(at, WINDOW);
#endif
}

hipError_t own_window(member *r, hello *h)
{
    void **at = &r->windows[r->comm.rank];
    hipError_t e = alloc_window(at);
    e = e == hipSuccess ? hipMemset(*at, 0xff, WINDOW) : e;
    e = e == hipSuccess ? hipMalloc((void **)&r->ranks.state, sizeof *r->ranks.state) : e;
    e = e == hipSuccess ? hipMemset(r->ranks.state, 0, sizeof *r->ranks.state) : e;
    e = e == hipSuccess ? hipDeviceSynchronize() : e;
    return e == hipSuccess ? hipIpcGetMemHandle(&h->handle, *at) : e;
}

/* What all ranks tell, in their order. */
const char *exchange(const sld_comm *host, const hello *mine, hello *all)
{
    memcpy(host->windows[host->rank], mine, sizeof *mine);
    const char *why = host->meet(host);
    for (uint32_t k = 0; k < host->world && !why; k++)
        memcpy(&all[k], host->windows[k], sizeof *all);
    return why ? why : host->meet(host);
}

const char *tell(member *r, uint32_t rank, const char *what)
{
    snprintf(r->why, sizeof r->why, "rank %u of %u: %s", rank, r->comm.world, what);
    return r->why;
}

const char *open_windows(member *r, const hello *all)
{
    for (uint32_t k = 0; k < r->comm.world; k++) {
        if (all[k].status != hipSuccess)
            return tell(r, k, hipGetErrorString(all[k].status));
        hipError_t e = k == r->comm.rank ? hipSuccess
                                         : hipIpcOpenMemHandle(&r->windows[k], all[k].handle, hipIpcMemLazyEnablePeerAccess);
        if (e != hipSuccess)
            return tell(r, k, hipGetErrorString(e));
    }
    return NULL;
}

const char *meet_ranks(member *r, const sld_comm *host)
{
    hello mine = {}, all[GPU_RANKS];
    mine.status = own_window(r, &mine);
    mine.has_nccl = nccl_begin(&mine.id);
    const char *why = exchange(host, &mine, all);
    why = why ? why : open_windows(r, all);
    const char *late = host->meet(host); /* nobody writes before all have opened */
    bool has_nccl = !why && !late;
    for (uint32_t k = 0; k < r->comm.world && has_nccl; k++)
        has_nccl = all[k].has_nccl;
    if (has_nccl)
        r->nccl = nccl_join(&all[0].id, r->comm.rank, r->comm.world);
    return why ? why : late;
}

} // namespace

void ranks_leave(sld_comm *comm)
{
    member *r = (member *)(gpu_comm *)comm;
    nccl_leave(r->nccl);
    for (uint32_t k = 0; k < r->comm.world; k++)
        if (r->windows[k])
            (void)(k == r->comm.rank ? hipFree(r->windows[k]) : hipIpcCloseMemHandle(r->windows[k]));
    if (r->ranks.state)
        (void)hipFree(r->ranks.state);
    delete r;
}

const char *ranks_join(const sld_comm *host, sld_comm **comm)
{
    static thread_local char kept[sizeof member::why];
    if (host->world > GPU_RANKS || host->bytes < sizeof(hello))
        return "at most 8 ranks can share the memory of their devices";
    member *r = new member();
    r->comm = *host;
    r->comm.windows = r->windows;
    r->comm.bytes = WINDOW;
    r->comm.meet = NULL, r->comm.gather = NULL;
    const char *why = meet_ranks(r, host);
    memcpy(r->ranks.windows, r->windows, sizeof r->ranks.windows);
    r->ranks.bytes = (int64_t)WINDOW;
    r->ranks.rank = (int32_t)host->rank;
    r->ranks.world = (int32_t)host->world;
    r->ranks.patience = host->patience && host->patience < 4000 ? host->patience * LOOKS_A_SECOND : 0;
    *comm = &r->comm;
    if (!why)
        return NULL;
    snprintf(kept, sizeof kept, "%s", why);
    ranks_leave(&r->comm);
    return kept;
}

const char *ranks_missing(sld_comm *comm)
{
    member *r = (member *)(gpu_comm *)comm;
    gpu_rank_state state;
    hipError_t e = hipMemcpy(&state, r->ranks.state, sizeof state, hipMemcpyDeviceToHost);
    if (e != hipSuccess)
        return text_of(e);
    return state.missing ? tell(r, state.missing - 1, "it did not come to a sum") : NULL;
}
