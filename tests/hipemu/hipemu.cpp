#include "hipemu.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <memory>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#else /* nothing to tell */
static void __sanitizer_start_switch_fiber(void **, const void *, size_t) {}
static void __sanitizer_finish_switch_fiber(void *, const void **, size_t *) {}
#endif

dim3 blockIdx, blockDim, gridDim, threadIdx;
hipemu_order hipemu_order_now;

namespace {

const unsigned STACK = 256 << 10, LANES = 32;
enum state { READY, AT_BARRIER, AT_SHUFFLE, ENDED };
struct fibre { ucontext_t context; std::unique_ptr<char[]> stack; void *fake; state at; uint64_t x, got, *all; int from; };

std::vector<fibre> fibres;
ucontext_t scheduler;
void *scheduler_fake;
const void *scheduler_stack;
size_t scheduler_size;
fibre *running;
const std::function<void()> *work;
const char *fault;
int pending_error;

/* Hands over to the scheduler until what the fibre waits for has come. */
void wait_as(state s)
{
    fibre *f = running;
    f->at = s;
    __sanitizer_start_switch_fiber(s == ENDED ? NULL : &f->fake, scheduler_stack, scheduler_size);
    swapcontext(&f->context, &scheduler);
    __sanitizer_finish_switch_fiber(f->fake, NULL, NULL);
}

void body()
{
    __sanitizer_finish_switch_fiber(NULL, &scheduler_stack, &scheduler_size);
    (*work)();
    wait_as(ENDED);
}

void run(unsigned i)
{
    running = &fibres[i];
    threadIdx = dim3(i, 0, 0);
    __sanitizer_start_switch_fiber(&scheduler_fake, running->stack.get(), STACK);
    swapcontext(&scheduler, &running->context);
    __sanitizer_finish_switch_fiber(scheduler_fake, NULL, NULL);
}

bool warp_ready(unsigned first)
{
    unsigned waiting = 0, ended = 0, n = blockDim.x - first < LANES ? blockDim.x - first : LANES;
    for (unsigned i = first; i < first + n; i++) {
        waiting += fibres[i].at == AT_SHUFFLE;
        ended += fibres[i].at == ENDED;
    }
    if (waiting && waiting + ended == n && ended)
        fault = "a lane that has ended is to take part in a shuffle";
    return waiting == n;
}

void exchange(unsigned first)
{
    for (unsigned i = first; i < first + LANES && i < blockDim.x; i++)
        if (fibres[i].all)
            for (unsigned k = 0; k < LANES; k++)
                fibres[i].all[k] = fibres[first + k].x;
        else
            fibres[i].got = fibres[first + (unsigned)fibres[i].from % LANES].x;
    for (unsigned i = first; i < first + LANES && i < blockDim.x; i++)
        fibres[i].at = READY;
}

/* What waits goes on when all whom it waits for have come; false when nothing can. */
bool release()
{
    bool some = false;
    unsigned barrier = 0, ended = 0;
    for (unsigned i = 0; i < blockDim.x; i += LANES)
        if (warp_ready(i)) {
            exchange(i);
            some = true;
        }
    for (unsigned i = 0; i < blockDim.x; i++) {
        barrier += fibres[i].at == AT_BARRIER;
        ended += fibres[i].at == ENDED;
    }
    if (barrier && barrier + ended == blockDim.x && !some) {
        for (unsigned i = 0; i < blockDim.x; i++)
            fibres[i].at = fibres[i].at == AT_BARRIER ? READY : fibres[i].at;
        some = true;
    }
    return some;
}

unsigned pick(unsigned k)
{
    unsigned n = blockDim.x;
    return hipemu_order_now == HIPEMU_UP ? k : hipemu_order_now == HIPEMU_DOWN ? n - 1 - k : (k * 2654435761u >> 7) % n;
}

void run_block()
{
    fibres.resize(fibres.size() < blockDim.x ? blockDim.x : fibres.size());
    for (unsigned i = 0; i < blockDim.x; i++) {
        fibre &f = fibres[i];
        if (!f.stack)
            f.stack.reset(new char[STACK]);
        f.at = READY;
        getcontext(&f.context);
        f.context.uc_stack.ss_sp = f.stack.get();
        f.context.uc_stack.ss_size = STACK;
        makecontext(&f.context, body, 0);
    }
    for (;;) {
        bool some = false;
        for (unsigned k = 0; k < blockDim.x; k++) {
            unsigned i = pick(k);
            if (fibres[i].at == READY) {
                run(i);
                some = true;
            }
        }
        for (unsigned i = 0; i < blockDim.x; i++) /* the mixed order may miss some */
            if (fibres[i].at == READY) {
                run(i);
                some = true;
            }
        bool all = true;
        for (unsigned i = 0; i < blockDim.x; i++)
            all = all && fibres[i].at == ENDED;
        if (all)
            return;
        if (!release() && !some && !fault)
            fault = "threads wait for each other for ever";
        if (fault)
            return;
    }
}

struct mapping { void *at; size_t size; };
std::vector<mapping> mappings;

} // namespace

void __syncthreads(void) { wait_as(AT_BARRIER); }

void hipemu_yield(void)
{
    sched_yield();
    wait_as(READY);
}

uint64_t hipemu_shuffle(uint64_t x, int from)
{
    running->x = x;
    running->from = from;
    running->all = NULL;
    wait_as(AT_SHUFFLE);
    return running->got;
}

void hipemu_gather(uint64_t x, uint64_t *all)
{
    running->x = x;
    running->all = all;
    wait_as(AT_SHUFFLE);
}

/* threadIdx is the running fibre's again after a switch. */
void hipemu_launch(dim3 grid, dim3 block, const std::function<void()> &thread)
{
    gridDim = grid;
    blockDim = block;
    work = &thread;
    fault = NULL;
    for (unsigned z = 0; z < grid.z; z++)
        for (unsigned y = 0; y < grid.y; y++)
            for (unsigned x = 0; x < grid.x && !fault; x++) {
                blockIdx = dim3(x, y, z);
                run_block();
            }
    pending_error = fault != NULL;
}

hipError_t hipGetLastError(void)
{
    int e = pending_error;
    pending_error = 0;
    return e;
}

const char *hipGetErrorString(hipError_t error)
{
    return error == 2   ? "what waits may not be captured"
           : error == 3 ? "there is no device"
           : error == 4 ? "out of memory"
           : error      ? fault
                        : "no error";
}

void *hipemu_alloc(size_t bytes, uint8_t fill)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (bytes + page - 1) / page * page;
    char *at = (char *)mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || mprotect(at + size, page, PROT_NONE)) {
        perror("hipemu_alloc");
        abort();
    }
    mappings.push_back({at, size + page});
    memset(at, fill, size);
    return at + size - bytes;
}

void hipemu_free_all(void)
{
    for (const mapping &m : mappings)
        munmap(m.at, m.size);
    mappings.clear();
    fibres.clear();
}
