/* Sums over ranks in emulation: each rank is a process, their windows are memory that all share. Results must have the
 * same bits on all ranks and agree with sums in float and norms in double; windows must be empty again after each run. */
#include "ranks.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "dtype.h"
#include "gpu.h"
#include "reduce.h"

namespace {

int failures, checks, dtype, format;

void check(bool ok, const std::string &what)
{
    checks++;
    failures += !ok;
    if (!ok)
        printf("hipemu: ranks: %s\n", what.c_str());
}

struct step {
    int rows, width, two_stage, quant;
    bool res = false, norm = false, centred = false;
    int columns = 0; /* rows of a matrix, whose scales for a group stand together */
    bool unrounded = false, alone = false;
};

float from16(uint16_t u) { return dtype == GPU_BF16 ? sld_bf16_to_f32(u) : sld_f16_to_f32(u); }
uint16_t to16(float f) { return dtype == GPU_BF16 ? sld_f32_to_bf16(f) : sld_f32_to_f16(f); }
/* That of E4M3FNUZ as some engines have it, below its own largest. */
double top() { return format == GPU_E4M3FN ? 448 : 224; }
double from8(uint8_t u) { return format == GPU_E4M3FN ? sld_f8e4m3fn_to_f32(u) : sld_f8e4m3fnuz_to_f32(u); }

/* Numbers in [-2, 2), the same wherever they are asked for. */
std::vector<uint16_t> numbers(uint32_t seed, size_t n)
{
    std::vector<uint16_t> v(n);
    seed = seed * 2654435761u + 12345;
    for (uint16_t &x : v) {
        seed = seed * 1664525u + 1013904223u;
        x = to16((float)(int32_t)seed * 0x1p-30f);
    }
    return v;
}
enum tensor { X, RES = 8, WEIGHT };
std::vector<uint16_t> operand(int turn, int which, size_t n) { return numbers((uint32_t)(turn * 16 + which), n); }

void *device(const std::vector<uint16_t> &v) { return memcpy(hipemu_alloc(v.size() * 2, 0), v.data(), v.size() * 2); }

/* Where the results of a step lie. */
struct results {
    size_t n, groups;
    explicit results(const step &s) : n((size_t)s.rows * s.width), groups(s.quant == GPU_GROUP ? n / 128 : s.rows) {}
    size_t sum() const { return 0; }
    size_t y() const { return 2 * n; }
    size_t norm() const { return 4 * n; }
    size_t scales() const { return 6 * n; }
    size_t end() const { return (6 * n + 4 * groups + 15) / 16 * 16; }
};

/* What all ranks of a run share; device memory that ends where a page does. */
struct shared {
    int world;
    size_t window, result;
    uint8_t *windows[GPU_RANKS], *all;
    gpu_rank_state *states;
    size_t bytes;

    shared(int ranks, const std::vector<step> &steps) : world(ranks), window(0), result(0)
    {
        for (const step &s : steps) {
            gpu_reduce a = {};
            a.rows = s.rows, a.width = s.width, a.two_stage = s.two_stage;
            window = std::max(window, (size_t)gpu_reduce_window(&a, world));
            result += results(s).end();
        }
        const size_t page = 4096, pages = (window + page - 1) / page * page;
        bytes = world * (pages + page + sizeof(gpu_rank_state) + result);
        all = (uint8_t *)mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        for (int r = 0; r < world; r++) {
            uint8_t *end = all + (r + 1) * (pages + page) - page;
            mprotect(end, page, PROT_NONE);
            windows[r] = (uint8_t *)memset(end - window, 0xff, window);
        }
        states = (gpu_rank_state *)(all + world * (pages + page));
    }
    ~shared() { munmap(all, bytes); }
    uint8_t *results_of(int rank) { return (uint8_t *)(states + world) + rank * result; }

    gpu_ranks seen_by(int rank) const
    {
        gpu_ranks r = {};
        memcpy(r.windows, windows, sizeof r.windows);
        r.state = states + rank, r.bytes = (int64_t)window, r.rank = rank, r.world = world;
        return r;
    }
};

const float SCALE = 0.05f;

/* One rank does a step; its results go to `to`. */
const char *work(const gpu_ranks &r, const step &s, int turn, uint8_t *to)
{
    const results at(s);
    float scale = SCALE;
    gpu_reduce a = {};
    void *sum = hipemu_alloc(2 * at.n, 0xa5), *norm = hipemu_alloc(2 * at.n, 0xa5);
    void *y = hipemu_alloc(s.quant ? at.n : 2 * at.n, 0xa5), *scales = hipemu_alloc(4 * at.groups, 0xa5);
    a.x = device(operand(turn, X + r.rank, at.n));
    a.res = s.res ? device(operand(turn, RES, at.n)) : NULL;
    a.w = s.alone ? NULL : device(operand(turn, WEIGHT, s.width));
    a.scale = &scale, a.sum = sum, a.y = y, a.norm = s.norm ? norm : NULL, a.scales = (float *)scales;
    a.range = {1e-10f, (float)top(), 0};
    a.eps = 0.25f, a.rows = s.rows, a.width = s.width, a.dtype = dtype, a.fp8 = format, a.quant = s.quant;
    a.two_stage = s.two_stage, a.offset = s.centred, a.unrounded = s.unrounded, a.columns = s.columns;
    const char *error = gpu_all_reduce(&r, &a, NULL);
    memcpy(to + at.sum(), sum, 2 * at.n);
    memcpy(to + at.y(), y, s.quant ? at.n : 2 * at.n);
    memcpy(to + at.norm(), norm, 2 * at.n);
    memcpy(to + at.scales(), scales, 4 * at.groups);
    hipemu_free_all();
    return error;
}

/* Forks the ranks but `absent`; with `one_by_one` each begins when the last has ended. How many failed. */
int run(int world, int absent, bool one_by_one, const std::function<bool(int)> &rank)
{
    std::vector<pid_t> children;
    int failed = 0;
    fflush(stdout);
    for (int r = 0; r < world; r++) {
        if (r == absent)
            continue;
        pid_t child = fork();
        if (!child)
            _exit(!rank(r));
        children.push_back(child);
        siginfo_t end;
        if (one_by_one)
            waitid(P_PID, (id_t)child, &end, WEXITED | WNOWAIT);
    }
    for (pid_t child : children) {
        int status = 1;
        waitpid(child, &status, 0);
        failed += status != 0;
    }
    return failed;
}

bool close_to(double got, double want, double relative) { return fabs(got - want) <= relative * fabs(want) + 1e-5; }

double scale_of(const step &s, const results &at, const uint8_t *from, size_t i)
{
    const size_t row = i / s.width, group = i % s.width / 128, groups = s.width / 128, m = s.columns;
    const float *scales = (const float *)(from + at.scales());
    return s.quant == GPU_STATIC ? SCALE : s.quant == GPU_TOKEN ? scales[row] :
           scales[m ? (row / m * groups + group) * m + row % m : row * groups + group];
}

/* Whether element i of a step's results is right; y: the norm in double. */
bool right(const step &s, const results &at, const uint8_t *from, size_t i, double y)
{
    const double eps = dtype == GPU_BF16 ? 0x1p-8 : 0x1p-11;
    const uint16_t *norm = (const uint16_t *)(from + (s.quant ? at.norm() : at.y()));
    if ((!s.quant || s.norm) && !close_to(from16(norm[i]), y, eps * 1.01))
        return false;
    if (!s.quant)
        return true;
    const double want = fmin(fmax(y / scale_of(s, at, from, i), -top()), top());
    return fabs(from8(from[at.y() + i]) - want) <= fabs(want) * (0x1p-4 + 0x1.2p-7) + 0x1p-9;
}

bool right_row(const step &s, int turn, int world, int row, const uint8_t *from)
{
    const results at(s);
    std::vector<float> z(s.width);
    const std::vector<uint16_t> res = operand(turn, RES, at.n), w = operand(turn, WEIGHT, s.width);
    double square = 0;
    for (int r = 0; r < world; r++) {
        const std::vector<uint16_t> x = operand(turn, X + r, at.n);
        for (int k = 0; k < s.width; k++)
            z[k] += from16(x[(size_t)row * s.width + k]);
    }
    for (int k = 0; k < s.width; k++) {
        const size_t i = (size_t)row * s.width + k;
        const uint16_t reduced = to16(z[k]);
        z[k] = from16(reduced) + (s.res ? from16(res[i]) : 0);
        square += (double)z[k] * z[k];
        if (((const uint16_t *)(from + (s.alone ? at.y() : at.sum())))[i] != (s.alone ? reduced : to16(z[k])))
            return false;
    }
    const int group = s.quant == GPU_GROUP ? 128 : s.width;
    double most = 1e-10;
    for (int k = 0; k < s.width && !s.alone; k++) {
        const size_t i = (size_t)row * s.width + k;
        const double y = z[k] / sqrt(square / s.width + 0.25) * (from16(w[k]) + (s.centred ? 1 : 0));
        if (!right(s, at, from, i, y))
            return false;
        most = k % group ? fmax(most, fabs(y)) : fabs(y);
        if (s.quant > GPU_STATIC && k % group == group - 1 && fabs(scale_of(s, at, from, i) * top() - most) > 0x1.1p-8 * most)
            return false;
    }
    return true;
}

/* "" or what is wrong with what the ranks left. */
std::string verdict(shared &m, const std::vector<step> &steps)
{
    for (int r = 0; r < m.world; r++) {
        if (m.states[r].missing || m.states[r].blocks_begun || m.states[r].launches != steps.size())
            return "the count of launches is wrong, or a rank is missing";
        if (memcmp(m.results_of(r), m.results_of(0), m.result))
            return "rank " + std::to_string(r) + " has other bits than rank 0";
        for (size_t i = 0; i < m.window; i++)
            if (m.windows[r][i] != 0xff)
                return "a window is not empty in the end";
    }
    const uint8_t *from = m.results_of(0);
    for (size_t t = 0; t < steps.size(); from += results(steps[t++]).end())
        for (int row = 0; row < steps[t].rows; row++)
            if (!right_row(steps[t], (int)t, m.world, row, from))
                return "wrong numbers in row " + std::to_string(row) + " of step " + std::to_string(t);
    return "";
}

typedef const char *work_fn(const gpu_ranks &r, const step &s, int turn, uint8_t *to);

std::string outcome(int world, const std::vector<step> &steps, bool one_by_one, work_fn *go)
{
    shared m(world, steps);
    int failed = run(world, -1, one_by_one, [&](int rank) {
        uint8_t *to = m.results_of(rank);
        hipemu_order_now = (hipemu_order)(rank % HIPEMU_ORDERS);
        hipemu_last_block_first = false;
        for (size_t t = 0; t < steps.size(); to += results(steps[t++]).end()) {
            const char *error = go(m.seen_by(rank), steps[t], (int)t, to);
            if (error)
                return printf("hipemu: ranks: %s\n", error), false;
        }
        return true;
    });
    return failed ? std::to_string(failed) + " ranks failed" : verdict(m, steps);
}

void sums(int world, const std::vector<step> &steps)
{
    const std::string what = outcome(world, steps, false, work);
    check(what.empty(), std::to_string(world) + " ranks, " + (dtype == GPU_BF16 ? "bf16: " : "f16: ") + what);
}

/* A rank that is not there ends the wait of the other, which learns its number. */
void missing(int two_stage)
{
    const step s = {2, 128, two_stage, GPU_NONE, true};
    shared m(2, {s});
    run(2, 1, false, [&](int rank) {
        gpu_ranks r = m.seen_by(rank);
        r.patience = 2048;
        return !work(r, s, 0, m.results_of(rank));
    });
    check(m.states[0].missing == 2, "a rank that does not come is not told");
}

void refusals()
{
    gpu_reduce a = {};
    gpu_ranks r = {};
    a.rows = 1, a.width = 64, r.world = 2, r.bytes = gpu_reduce_window(&a, 2) - 1;
    check(gpu_all_reduce(&r, &a, NULL) != NULL, "a window that is too small is accepted");
    r.bytes++, r.world = 9;
    check(gpu_all_reduce(&r, &a, NULL) != NULL, "nine ranks are accepted");
    r.world = 2, a.width = 68;
    check(gpu_all_reduce(&r, &a, NULL) != NULL, "a width of 68 is accepted");
    a.width = 0;
    check(gpu_all_reduce(&r, &a, NULL) == NULL, "rows of no elements are refused");
}

/* ------------------------------------------------------------- planted bug -- */

/* Takes what is in the window, whether it has come or not. */
__global__ void do_not_wait(gpu_ranks r, gpu_reduce a)
{
    words *mine = (words *)r.windows[r.rank], *other = (words *)r.windows[1 - r.rank];
    const words x = load((const words *)a.x + threadIdx.x);
    other[threadIdx.x] = x;
    float v[8], u[8];
    widen<bf16>(x, v);
    widen<bf16>(mine[threadIdx.x], u);
    for (int i = 0; i < 8; i++)
        v[i] += u[i];
    store((words *)a.y + threadIdx.x, narrow<bf16>(v));
    memset(&mine[threadIdx.x], 0xff, 16);
    if (threadIdx.x == 0)
        r.state->launches++;
}

const char *work_without_waiting(const gpu_ranks &r, const step &s, int turn, uint8_t *to)
{
    gpu_reduce a = {};
    const results at(s);
    a.x = device(operand(turn, X + r.rank, at.n));
    a.y = to + at.y();
    LAUNCH((do_not_wait), 1, s.width / 8, NULL, r, a);
    hipemu_free_all();
    return NULL;
}

void planted()
{
    const std::vector<step> one = {{1, 256, false, GPU_NONE, false, false, false, false, false, true}};
    dtype = GPU_BF16;
    const std::string what = outcome(2, one, true, work_without_waiting);
    check(what == "a window is not empty in the end", "a rank that does not wait for the others is not found, but " + what);
}

} // namespace

int ranks_failures(int *n_checks)
{
    for (format = GPU_E4M3FN; format <= GPU_E4M3FNUZ; format++) {
        dtype = format == GPU_E4M3FN ? GPU_BF16 : GPU_F16;
        for (int two = 0; two < 2; two++) {
            /* Sizes change from launch to launch; blocks have one row and several, parts may be ragged. */
            sums(2, {{1, 64, two, GPU_NONE, true}, {7, 256, two, GPU_GROUP, true, true},
                     {1, 8208, two, GPU_TOKEN, false}, {1, 8192, two, GPU_TOKEN, true}, {3, 128, two, GPU_STATIC, true, false, true},
                     {1, 16384, two, GPU_NONE, false, false, false, false, false, true}, {26, 520, two, GPU_NONE, true}}); /* 12 blocks, of more than a warp */
            sums(3, {{5, 136, two, GPU_NONE, false}, {4, 384, two, GPU_GROUP, true, false, false, 2, true},
                     {2, 64, two, GPU_NONE, false, false, false, false, false, true}});
            sums(4, {{20, 64, two, GPU_NONE, true}, {2, 128, !two, GPU_STATIC, true, true},
                     {3, 128, two, GPU_TOKEN, true}});
        }
        sums(8, {{2, 128, format, GPU_NONE, true}, {4, 80, !format, GPU_NONE, true}});
    }
    missing(false);
    missing(true);
    refusals();
    planted();
    *n_checks += checks;
    return failures;
}
