#include "hipemu.h"

#include <sched.h>
#include <setjmp.h>
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
int hipemu_units = 12;
bool hipemu_last_block_first;

namespace {

const unsigned STACK = 256 << 10, LANES = 32;
enum state { READY, AT_BARRIER, AT_SHUFFLE, ENDED };
/* Contexts only begin a fibre: they ask the kernel for the mask of signals at each switch, jumps do not. ASan takes a jump for
 * the end of a stack. */
#if defined(__SANITIZE_ADDRESS__)
typedef ucontext_t place;
void enter(place *from, const ucontext_t *to) { swapcontext(from, to); }
void change(place *from, place *to) { swapcontext(from, to); }
#else
struct place { jmp_buf at; };
void enter(place *from, const ucontext_t *to)
{
    if (!_setjmp(from->at))
        setcontext(to);
}
void change(place *from, place *to)
{
    if (!_setjmp(from->at))
        _longjmp(to->at, 1);
}
#endif
struct fibre {
    place there;
    std::unique_ptr<char[]> stack; /* since it began */
    void *fake;
    state at;
    const void *x; /* what it gives */
    size_t size;
    void *got;     /* and where goes what it takes: of lane `from`, or of all */
    int from;
};

std::vector<fibre> fibres;
place scheduler;
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
    __sanitizer_start_switch_fiber(&f->fake, scheduler_stack, scheduler_size);
    change(&f->there, &scheduler);
    __sanitizer_finish_switch_fiber(f->fake, NULL, NULL);
}

/* A thread of one block, and then of the next. */
void body()
{
    __sanitizer_finish_switch_fiber(NULL, &scheduler_stack, &scheduler_size);
    for (;;) {
        (*work)();
        wait_as(ENDED);
    }
}

void begin(fibre *f)
{
    ucontext_t c;
    getcontext(&c);
    c.uc_stack.ss_sp = f->stack.get();
    c.uc_stack.ss_size = STACK;
    makecontext(&c, body, 0);
    enter(&scheduler, &c);
}

void run(unsigned i)
{
    running = &fibres[i];
    threadIdx = dim3(i, 0, 0);
    const bool begun = running->stack != nullptr;
    if (!begun)
        running->stack.reset(new char[STACK]);
    __sanitizer_start_switch_fiber(&scheduler_fake, running->stack.get(), STACK);
    if (begun)
        change(&scheduler, &running->there);
    else
        begin(running);
    __sanitizer_finish_switch_fiber(scheduler_fake, NULL, NULL);
}

/* Whether all lanes of a warp have come to a shuffle. */
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

const int ALL = -1;

/* Lanes of a warp exchange what they give, if all have come. */
bool meet(unsigned first)
{
    if (!warp_ready(first))
        return false;
    for (unsigned i = first; i < first + LANES && i < blockDim.x; i++) {
        const fibre &f = fibres[i];
        for (unsigned k = 0; k < (f.from == ALL ? LANES : 1); k++)
            memcpy((char *)f.got + k * f.size, fibres[first + (f.from == ALL ? k : (unsigned)f.from)].x, f.size);
    }
    for (unsigned i = first; i < first + LANES && i < blockDim.x; i++)
        fibres[i].at = READY;
    return true;
}

/* What waits goes on when all whom it waits for have come; false when nothing can. */
bool release()
{
    bool some = false;
    unsigned barrier = 0, ended = 0;
    for (unsigned i = 0; i < blockDim.x; i += LANES)
        some |= meet(i);
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

bool run_ready(unsigned i)
{
    const bool ready = i < blockDim.x && fibres[i].at == READY;
    if (ready)
        run(i);
    return ready;
}

/* One warp after the other, each as far as it goes alone. */
bool run_warps(bool down)
{
    bool some = false;
    const unsigned warps = (blockDim.x + LANES - 1) / LANES;
    for (unsigned w = 0; w < warps; w++) {
        const unsigned first = (down ? warps - 1 - w : w) * LANES;
        do {
            for (unsigned k = 0; k < LANES; k++)
                some |= run_ready(first + (down ? LANES - 1 - k : k));
        } while (meet(first));
    }
    return some;
}

/* All warps at once, lanes of all in turn. */
bool run_mixed()
{
    bool some = false;
    for (unsigned k = 0; k < blockDim.x; k++)
        some |= run_ready((k * 2654435761u >> 7) % blockDim.x);
    for (unsigned i = 0; i < blockDim.x; i++) /* some were missed */
        some |= run_ready(i);
    return some;
}

void run_block()
{
    fibres.reserve(1024); /* contexts stay where they are */
    fibres.resize(fibres.size() < blockDim.x ? blockDim.x : fibres.size());
    for (unsigned i = 0; i < blockDim.x; i++)
        fibres[i].at = READY;
    for (;;) {
        const bool some = hipemu_order_now == HIPEMU_MIXED ? run_mixed() : run_warps(hipemu_order_now == HIPEMU_DOWN);
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

static void take(const void *x, size_t size, void *got, int from)
{
    running->x = x;
    running->size = size;
    running->got = got;
    running->from = from;
    wait_as(AT_SHUFFLE);
}

uint64_t hipemu_shuffle(uint64_t x, int from)
{
    uint64_t got;
    take(&x, sizeof x, &got, (int)((unsigned)from % LANES));
    return got;
}

void hipemu_gather(const void *x, size_t size, void *all) { take(x, size, all, ALL); }

/* A grid that devices take. */
static bool taken(dim3 grid, dim3 block)
{
    const uint64_t threads = (uint64_t)block.x * block.y * block.z;
    return grid.x && grid.x <= INT32_MAX && grid.y && grid.y <= 65535 && grid.z && grid.z <= 65535 && threads && threads <= 1024;
}

/* threadIdx is the running fibre's again after a switch. */
void hipemu_launch(dim3 grid, dim3 block, const std::function<void()> &thread)
{
    gridDim = grid;
    blockDim = block;
    work = &thread;
    fault = taken(grid, block) ? NULL : "no device has such a grid";
    const uint64_t n = (uint64_t)grid.x * grid.y * grid.z;
    for (uint64_t k = 0; k < n && !fault; k++) {
        const uint64_t i = hipemu_last_block_first ? n - 1 - k : k;
        blockIdx = dim3((unsigned)(i % grid.x), (unsigned)(i / grid.x % grid.y), (unsigned)(i / grid.x / grid.y));
        run_block();
    }
    pending_error = fault != NULL;
    if (fault) /* they stand somewhere within */
        fibres.clear();
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
}
