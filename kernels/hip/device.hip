/* The backend that the runtime opens: memory, one stream, captured graphs, time. */
#include "gpu.h"
#include "comm.h"
#include "sld_device.h"

#include <stdio.h>

extern "C" {
#include "blas.h"
}

#if defined(__CUDACC__)
#define BACKEND "CUDA"
#elif defined(__HIPCC__)
#define BACKEND "HIP"
#else
#define BACKEND "emulation"
#endif

namespace {

struct device {
    int index, units;
    hipStream_t stream;
    hipEvent_t marks[2];
    char text[300];
};

/* Every thread has a device of its own that is at work. */
device *chosen(void *d)
{
    device *it = (device *)d;
    (void)hipSetDevice(it->index);
    return it;
}

void close_device(void *d)
{
    device *it = chosen(d);
    blas_close((void *)it->stream);
    for (hipEvent_t &m : it->marks)
        if (m)
            (void)hipEventDestroy(m);
    if (it->stream)
        (void)hipStreamDestroy(it->stream);
    delete it;
}

const char *start(device *it)
{
    hipDeviceProp_t p;
    hipError_t e = hipSetDevice(it->index);
    e = e == hipSuccess ? hipGetDeviceProperties(&p, it->index) : e;
    e = e == hipSuccess ? hipDeviceGetAttribute(&it->units, hipDeviceAttributeMultiprocessorCount, it->index) : e;
    e = e == hipSuccess ? hipStreamCreate(&it->stream) : e;
    for (hipEvent_t &m : it->marks)
        e = e == hipSuccess ? hipEventCreate(&m) : e;
    if (e == hipSuccess)
        snprintf(it->text, sizeof it->text, "%s, %.1f GiB", p.name, (double)p.totalGlobalMem / (1 << 30));
    return text_of(e);
}

const char *open_device(int index, void **out)
{
    int n = 0;
    hipError_t e = hipGetDeviceCount(&n);
    if (e != hipSuccess)
        return hipGetErrorString(e);
    if (index < 0 || index >= n)
        return n ? "there is no device of this number" : "there is no device";
    device *it = new device();
    it->index = index;
    const char *bad = start(it);
    if (bad) {
        close_device(it);
        return bad;
    }
    blas_open((void *)it->stream);
    *out = it;
    return NULL;
}

const char *describe(void *d) { return ((device *)d)->text; }
int units(void *d) { return ((device *)d)->units; }
void *stream(void *d) { return (void *)((device *)d)->stream; }

const char *alloc(void *d, size_t bytes, void **at) { chosen(d); return text_of(hipMalloc(at, bytes)); }
void release(void *d, void *at) { chosen(d); (void)hipFree(at); }

const char *transfer(void *d, void *to, const void *from, size_t bytes, hipMemcpyKind kind)
{
    device *it = chosen(d);
    hipError_t e = hipMemcpyAsync(to, from, bytes, kind, it->stream);
    return text_of(e == hipSuccess ? hipStreamSynchronize(it->stream) : e);
}
const char *upload(void *d, void *to, const void *from, size_t n) { return transfer(d, to, from, n, hipMemcpyHostToDevice); }
const char *download(void *d, void *to, const void *from, size_t n) { return transfer(d, to, from, n, hipMemcpyDeviceToHost); }
const char *wait(void *d) { return text_of(hipStreamSynchronize(chosen(d)->stream)); }

const char *begin_capture(void *d)
{
    return text_of(hipStreamBeginCapture(chosen(d)->stream, hipStreamCaptureModeThreadLocal));
}

const char *end_capture(void *d, void **graph)
{
    hipGraph_t g = NULL;
    hipGraphExec_t ready = NULL;
    hipError_t e = hipStreamEndCapture(chosen(d)->stream, &g);
    if (e == hipSuccess)
        e = hipGraphInstantiate(&ready, g, NULL, NULL, 0);
    if (g)
        (void)hipGraphDestroy(g);
    *graph = (void *)ready;
    return text_of(e);
}

const char *replay(void *d, void *graph) { return text_of(hipGraphLaunch((hipGraphExec_t)graph, chosen(d)->stream)); }
void drop(void *d, void *graph) { chosen(d); (void)hipGraphExecDestroy((hipGraphExec_t)graph); }

const char *mark(void *d, int which)
{
    device *it = chosen(d);
    return text_of(hipEventRecord(it->marks[which], it->stream));
}

const char *elapsed(void *d, double *seconds)
{
    device *it = chosen(d);
    float ms = 0;
    hipError_t e = hipEventSynchronize(it->marks[1]);
    e = e == hipSuccess ? hipEventElapsedTime(&ms, it->marks[0], it->marks[1]) : e;
    *seconds = ms * 1e-3;
    return text_of(e);
}

const char *join(void *d, const sld_comm *host, sld_comm **comm) { chosen(d); return ranks_join(host, comm); }
void leave(void *d, sld_comm *comm) { chosen(d); ranks_leave(comm); }
const char *missing(void *d, sld_comm *comm) { chosen(d); return ranks_missing(comm); }

} // namespace

extern "C" const char *gpu_copy(void *to, const void *from, size_t bytes, void *stream)
{
    return text_of(hipMemcpyAsync(to, from, bytes, hipMemcpyDeviceToDevice, (hipStream_t)stream));
}

extern "C" const sld_device_api *sld_device_entry(void)
{
    static const sld_device_api api = {
        SLD_DEVICE_ABI, BACKEND, open_device, close_device, describe, units, stream, alloc, release, upload, download, wait,
        begin_capture, end_capture, replay, drop, mark, elapsed, join, leave, missing,
    };
    return &api;
}
