/* The part of HIP's runtime that a backend needs, on the CPU: memory with guard pages, work done at once or, between the
 * ends of a capture, written down; what goes to the host arrives as late as it may. */
#include "hipemu.h"

#include <fcntl.h>
#include <stdio.h>
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
const int DEVICES = 4;
int chosen;
hipemu_graph *capture;
bool spoilt; /* something waited during the capture */
std::map<void *, std::pair<void *, size_t>> blocks;
std::map<void *, int> files; /* of memory that is shared */

std::vector<std::function<void()>> late; /* copies to the host that nothing has waited for */

void settle(void)
{
    for (const std::function<void()> &copy : late)
        copy();
    late.clear();
}

hipError_t waits(void)
{
    settle();
    spoilt = spoilt || capture;
    return capture ? WAITS : DONE;
}
} // namespace

void hipemu_submit(const std::function<void()> &work)
{
    if (capture)
        capture->work.push_back(work);
    else {
        settle();
        work();
    }
}

hipError_t hipGetDeviceCount(int *n)
{
    *n = getenv("HIPEMU_NONE") ? 0 : DEVICES;
    return *n ? DONE : NO_DEVICE;
}
hipError_t hipSetDevice(int index) { return (chosen = index) < DEVICES ? DONE : NO_DEVICE; }
hipError_t hipGetDevice(int *index) { *index = chosen; return DONE; }
hipError_t hipDeviceGetAttribute(int *value, int, int)
{
    *value = hipemu_units;
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
    auto f = files.find(at);
    if (f != files.end()) {
        close(f->second);
        files.erase(f);
    }
    return waits();
}
hipError_t hipMemcpyAsync(void *to, const void *from, size_t bytes, hipMemcpyKind kind, hipStream_t)
{
    if (kind != hipMemcpyDeviceToDevice && capture)
        return waits();
    const std::function<void()> copy = [=] { memcpy(to, from, bytes); };
    if (kind == hipMemcpyDeviceToHost)
        late.push_back(copy);
    else
        hipemu_submit(copy);
    return DONE;
}

hipError_t hipMemcpy(void *to, const void *from, size_t bytes, hipMemcpyKind)
{
    memcpy(to, from, bytes);
    return waits();
}
hipError_t hipMemset(void *at, int byte, size_t bytes)
{
    hipemu_submit([=] { memset(at, byte, bytes); });
    return DONE;
}
hipError_t hipDeviceSynchronize(void) { return waits(); }

/* The pages in front of the guard become those of a file without a name, with what they held. */
hipError_t hipIpcGetMemHandle(hipIpcMemHandle_t *h, void *at)
{
    auto b = blocks.find(at);
    char *begin = b == blocks.end() ? NULL : (char *)b->second.first;
    size_t bytes = begin ? b->second.second - (size_t)sysconf(_SC_PAGESIZE) : 0;
    int file = begin ? memfd_create("hipemu", 0) : -1;
    if (file < 0 || write(file, begin, bytes) != (ssize_t)bytes ||
        mmap(begin, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) == MAP_FAILED)
        return NO_MEMORY;
    files[at] = file;
    *h = {getpid(), file, bytes, (size_t)((char *)at - begin)};
    return DONE;
}
hipError_t hipIpcOpenMemHandle(void **at, hipIpcMemHandle_t h, unsigned)
{
    char path[60];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", h.process, h.file);
    int file = open(path, O_RDWR);
    void *p = file < 0 ? MAP_FAILED : mmap(NULL, h.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file >= 0)
        close(file);
    if (p == MAP_FAILED)
        return NO_MEMORY;
    *at = (char *)p + h.offset;
    blocks[*at] = {p, h.bytes};
    return DONE;
}
hipError_t hipIpcCloseMemHandle(void *at) { return hipFree(at); }

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
