/* The part of HIP's runtime that a backend needs, on the CPU: memory with guard pages, work done at once or, between the
 * ends of a capture, written down. */
#include "hipemu.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <map>
#include <vector>

struct hipemu_graph { std::vector<std::function<void()>> work; };
struct hipemu_event { timespec at; };

namespace {
const hipError_t WAITS = 2, NO_DEVICE = 3, NO_MEMORY = 4, DONE = hipSuccess;
hipemu_graph *capture;
bool spoilt; /* something waited during the capture */
std::map<void *, std::pair<void *, size_t>> blocks;

hipError_t waits(void)
{
    spoilt = spoilt || capture;
    return capture ? WAITS : DONE;
}
} // namespace

void hipemu_submit(const std::function<void()> &work)
{
    if (capture)
        capture->work.push_back(work);
    else
        work();
}

hipError_t hipGetDeviceCount(int *n)
{
    *n = getenv("HIPEMU_NONE") == NULL;
    return *n ? DONE : NO_DEVICE;
}
hipError_t hipSetDevice(int index) { return index ? NO_DEVICE : DONE; }
hipError_t hipGetDevice(int *index) { return *index = DONE; }
hipError_t hipDeviceGetAttribute(int *value, int, int)
{
    *value = 3;
    return DONE;
}
hipError_t hipGetDeviceProperties(hipDeviceProp_t *p, int)
{
    strcpy(p->name, "emulated GPU");
    p->totalGlobalMem = (size_t)1 << 30;
    return DONE;
}

/* Filled with what no result is, and ending where a page does. */
hipError_t hipMalloc(void **at, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), kept = (bytes + 255) & ~(size_t)255;
    size_t size = (kept + page - 1) / page * page;
    char *p = (char *)mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NO_MEMORY;
    mprotect(p + size, page, PROT_NONE);
    memset(p, 0xa5, size);
    *at = p + size - kept;
    blocks[*at] = {p, size + page};
    return DONE;
}
hipError_t hipFree(void *at)
{
    auto b = blocks.find(at);
    if (b == blocks.end())
        abort();
    munmap(b->second.first, b->second.second);
    blocks.erase(b);
    return waits();
}
hipError_t hipMemcpyAsync(void *to, const void *from, size_t bytes, hipMemcpyKind kind, hipStream_t)
{
    if (kind != hipMemcpyDeviceToDevice && capture)
        return waits();
    hipemu_submit([=] { memcpy(to, from, bytes); });
    return DONE;
}

hipError_t hipStreamCreate(hipStream_t *s)
{
    *s = malloc(1);
    return *s ? DONE : NO_MEMORY;
}
hipError_t hipStreamDestroy(hipStream_t s) { free(s); return DONE; }
hipError_t hipStreamSynchronize(hipStream_t) { return waits(); }
hipError_t hipStreamBeginCapture(hipStream_t, int)
{
    capture = new hipemu_graph;
    spoilt = false;
    return DONE;
}
hipError_t hipStreamEndCapture(hipStream_t, hipGraph_t *g)
{
    *g = spoilt ? NULL : capture;
    if (spoilt)
        delete capture;
    capture = NULL;
    return spoilt ? WAITS : DONE;
}
hipError_t hipGraphInstantiate(hipGraphExec_t *ready, hipGraph_t g, void *, char *, size_t)
{
    *ready = new hipemu_graph(*g);
    return DONE;
}
hipError_t hipGraphLaunch(hipGraphExec_t g, hipStream_t)
{
    hipError_t e = DONE;
    for (size_t i = 0; i < g->work.size() && e == DONE; i++) {
        g->work[i]();
        e = hipGetLastError();
    }
    return e;
}
hipError_t hipGraphDestroy(hipGraph_t g) { delete g; return DONE; }
hipError_t hipGraphExecDestroy(hipGraphExec_t g) { delete g; return DONE; }

hipError_t hipEventCreate(hipEvent_t *e) { *e = new hipemu_event(); return DONE; }
hipError_t hipEventDestroy(hipEvent_t e) { delete e; return DONE; }
hipError_t hipEventRecord(hipEvent_t e, hipStream_t) { clock_gettime(CLOCK_MONOTONIC, &e->at); return DONE; }
hipError_t hipEventSynchronize(hipEvent_t) { return waits(); }
hipError_t hipEventElapsedTime(float *ms, hipEvent_t a, hipEvent_t b)
{
    *ms = (float)(1e3 * (double)(b->at.tv_sec - a->at.tv_sec) + 1e-6 * (double)(b->at.tv_nsec - a->at.tv_nsec));
    return DONE;
}
