/* Sums over GPUs through the runtime: a chain of all-reduce, residual and RMSNorm at the width of DeepSeek-V3 in bf16, as it
 * is and fused, captured; one process and one GPU for each rank. Ranks must have the same bits, which are compared with
 * those of the CPU's kernels. Prints microseconds for one sum and norm, of the slowest rank.
 *
 * Usage: ranks WORLD [TOKENS...]   default 1 16 64 256 2048; --check WORLD leaves the times out and takes a narrow chain */
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

const sld_ruleset *sld_ruleset_solder(void);

enum { RANKS_MAX = 8, WINDOW = 4 << 20, PATIENCE = 60, LAYERS = 24 };

/* What the processes share. */
static struct shared {
    atomic_uint met[RANKS_MAX];
    uint64_t bits[RANKS_MAX];
    double times[RANKS_MAX];
    char windows[RANKS_MAX][WINDOW];
} *shared;
static void *windows[RANKS_MAX];

static const char *meet(const sld_comm *c)
{
    time_t since = time(NULL);
    unsigned mine = atomic_fetch_add(&shared->met[c->rank], 1) + 1;
    for (uint32_t k = 0; k < c->world; k++)
        while ((int)(atomic_load(&shared->met[k]) - mine) < 0) {
            if (time(NULL) - since > PATIENCE)
                return "a rank did not come";
            sched_yield();
        }
    return NULL;
}

static void together(const sld_comm *c)
{
    const char *why = meet(c);
    if (why)
        die("ranks: rank %u: %s\n", c->rank, why);
}

/* ------------------------------------------------------------------- graphs -- */

static char *chain(int tokens, int width, int layers)
{
    char *text;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    fprintf(f, "solder 1\ninput %%h0 : bf16[%d, %d]\ninput %%r0 : bf16[%d, %d]\ninput %%w : bf16[%d]\n", tokens, width, tokens,
            width, width);
    for (int i = 0; i < layers; i++)
        fprintf(f, "%%a%d = all_reduce(%%h%d; group = \"tp\")\n%%h%d, %%r%d = add_rms_norm(%%a%d, %%r%d, %%w; eps = 1e-06)\n", i,
                i, i + 1, i + 1, i, i);
    fprintf(f, "output h = %%h%d\noutput r = %%r%d\n", layers, layers);
    fclose(f);
    return text;
}

static sld_plan *plan(sld_ctx *ctx, const sld_comm *c, sld_device *d, const char *text, bool fused)
{
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "chain", text, strlen(text));
    const sld_fuse_options options = {.target = SLD_TARGET_HIP, .world = c->world};
    if (!g || (fused && sld_fuse(g, &options, NULL)))
        die("ranks: %s\n", sld_error(ctx));
    g->world = c->world;
    sld_plan *p = d ? sld_plan_new_on(g, d, NULL) : sld_plan_new(g, SLD_TARGET_CPU, NULL);
    if (!p || sld_plan_join(p, c))
        die("ranks: rank %u: %s\n", c->rank, sld_error(ctx));
    return p; /* the graph is left to the end of the process */
}

/* Numbers in [-1, 1); those of ranks differ in the first tensor alone. */
static uint16_t *numbers(size_t n, uint32_t seed, float offset)
{
    uint16_t *p = malloc(n * 2);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = sld_f32_to_bf16((float)(int32_t)seed * 0x1p-31f + offset);
    }
    return p;
}

static void run(sld_ctx *ctx, sld_plan *p, void *const *inputs, sld_tensor *out)
{
    if (sld_plan_run(p, (const void *const *)inputs, out))
        die("ranks: %s\n", sld_error(ctx));
}

/* ------------------------------------------------------------------- answers -- */

static void same_bits(const sld_comm *c, const sld_tensor *out, size_t n)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < 2 * n; i++)
        h = (h ^ ((uint16_t *)out[i / n].data)[i % n]) * 1099511628211u; /* FNV-1a */
    shared->bits[c->rank] = h;
    together(c);
    for (uint32_t k = 0; k < c->world; k++)
        if (shared->bits[k] != h)
            die("ranks: ranks %u and %u have other bits\n", c->rank, k);
    together(c);
}

static double distance(const sld_tensor *a, const sld_tensor *b, size_t n)
{
    double diff = 0, norm = 0;
    for (int i = 0; i < 2; i++)
        add_squares(a[i].data, b[i].data, n, &diff, &norm);
    return sqrt(diff / norm);
}

/* Median of captured runs, of the slowest rank; they begin together. */
static double measure(sld_ctx *ctx, const sld_comm *c, sld_plan *p, int layers)
{
    enum { ROUNDS = 31 };
    double times[ROUNDS], slowest = 0;
    sld_tensor out[2];
    void *kept[3] = {NULL};
    if (sld_plan_capture(p))
        die("ranks: %s\n", sld_error(ctx));
    for (int i = 0; i < ROUNDS; i++) {
        together(c);
        run(ctx, p, kept, out);
        times[i] = 1e6 * sld_plan_get_info(p).seconds / layers;
    }
    shared->times[c->rank] = median(times, ROUNDS);
    together(c);
    for (uint32_t k = 0; k < c->world; k++)
        slowest = fmax(slowest, shared->times[k]);
    together(c);
    return slowest;
}

static void one(sld_ctx *ctx, const sld_comm *c, sld_device *d, int tokens, int width, bool timed)
{
    size_t n = (size_t)tokens * (size_t)width;
    char *small = chain(tokens, width, 2), *text = chain(tokens, width, LAYERS);
    void *inputs[3] = {numbers(n, 7 + c->rank, 0), numbers(n, 99, 0), numbers((size_t)width, 5, 1)};
    sld_tensor a[2], b[2], o[2];
    sld_plan *plain = plan(ctx, c, d, small, false), *fused = plan(ctx, c, d, small, true), *host = plan(ctx, c, NULL, small, false);
    run(ctx, plain, inputs, a), run(ctx, fused, inputs, b), run(ctx, host, inputs, o);
    same_bits(c, a, n), same_bits(c, b, n), same_bits(c, o, n);
    if (!c->rank)
        printf("%6d %9u %9u %9.1e %9.1e", tokens, sld_plan_get_info(plain).n_launches / 2, sld_plan_get_info(fused).n_launches / 2,
               distance(a, o, n), distance(b, o, n));
    sld_plan_free(plain), sld_plan_free(fused), sld_plan_free(host);
    if (timed) {
        sld_plan *p = plan(ctx, c, d, text, false), *q = plan(ctx, c, d, text, true);
        run(ctx, p, inputs, a), run(ctx, q, inputs, b);
        double before = measure(ctx, c, p, LAYERS), after = measure(ctx, c, q, LAYERS);
        if (!c->rank)
            printf(" %9.2f %9.2f %9.2f", before, after, before / after);
        sld_plan_free(p), sld_plan_free(q);
    }
    if (!c->rank)
        puts("");
    fflush(stdout);
    for (int i = 0; i < 3; i++)
        free(inputs[i]);
    free(small), free(text);
}

static int rank(const sld_comm *c, int n, char **tokens, bool check)
{
    static const int usual[] = {1, 16, 64, 256, 2048};
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_device *d = sld_device_open(ctx, (int)c->rank);
    if (!d)
        die("ranks: rank %u: %s\n", c->rank, sld_error(ctx));
    if (!c->rank)
        printf("%u x %s\n%6s %9s %9s %9s %9s %9s %9s %9s\n", c->world, sld_device_text(d), "tokens", "launches", "fused", "distance",
               "fused", "us", "us fused", "times");
    for (int i = 0; i < (n ? n : check ? 2 : 5); i++)
        one(ctx, c, d, n ? atoi(tokens[i]) : usual[i], check ? 512 : 7168, !check);
    together(c);
    sld_device_close(d);
    return 0;
}

int main(int argc, char **argv)
{
    bool check = argc > 1 && !strcmp(argv[1], "--check");
    int world = argc > 1 + check ? atoi(argv[1 + check]) : 0, status = 0;
    if (world < 2 || world > RANKS_MAX)
        die("usage: ranks [--check] WORLD [TOKENS...]\n");
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        die("ranks: out of memory\n");
    for (int r = 0; r < world; r++)
        windows[r] = shared->windows[r];
    for (int r = 1; r <= world; r++) { /* the first rank is this process */
        sld_comm c = {.rank = (uint32_t)(r % world), .world = (uint32_t)world, .bytes = WINDOW, .windows = windows, .meet = meet,
                      .patience = PATIENCE};
        if (r == world)
            status = rank(&c, argc - 2 - check, argv + 2 + check, check);
        else if (!fork())
            return rank(&c, argc - 2 - check, argv + 2 + check, check);
    }
    for (int failed; wait(&failed) > 0;)
        status |= failed != 0;
    return status;
}
