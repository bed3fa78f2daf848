/* Fused ops beside the chains of ops that they replace, and beside memcpy of as many bytes as the fused graph moves,
 * all in turns in one run on one thread. Prints a table; times are the best of all rounds.
 *
 * Usage: cpu [WORD]   only the rows whose name holds WORD */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "graph.h"
#include "kern.h"

const sld_ruleset *sld_ruleset_solder(void);

/* T: tokens. The chain as a serving engine writes it. */
typedef struct row { const char *name, *text; } row;

#define X "input %x : bf16[T, 4096]\ninput %w : bf16[4096]\nconst %s : f32[] = 0.02\n"
#define NORM X "%n = rms_norm(%x, %w; eps = 1e-06)\n"
#define SUM X "input %b : bf16[T, 4096]\n%n, %t = add_rms_norm(%x, %b, %w; eps = 1e-06)\noutput t = %t\n"
#define STATIC "%q = static_quant(%n, %s; to = f8e4m3fn)\noutput q = %q\n"
#define GROUPS "%q, %c = group_quant(%n; group = 128, to = f8e4m3fn)\noutput q = %q\noutput c = %c\n"
#define TOKENS "%q, %c = token_quant(%n; to = f8e4m3fn)\noutput q = %q\noutput c = %c\n"
#define GATED "input %x : bf16[T, 32, 128]\ninput %z : bf16[T, 32, 128]\ninput %w : bf16[128]\n" \
              "%f = gated_rms_norm(%x, %w, %z; eps = 1e-06)\n%n = reshape(%f; shape = [T, 4096])\n"
#define ACT "input %x : bf16[T, 8192]\nconst %s : f32[] = 0.02\n%n = silu_and_mul(%x)\n"

static const row rows[] = {
    {"RMSNorm, one scale", NORM STATIC},
    {"RMSNorm, groups of 128", NORM GROUPS},
    {"add, RMSNorm, one scale", SUM STATIC},
    {"add, RMSNorm, a scale for each token", SUM TOKENS},
    {"add, RMSNorm, groups of 128", SUM GROUPS},
    {"gated RMSNorm of 32 heads, groups of 128", GATED GROUPS},
    {"SiLU and product, one scale", ACT STATIC},
    {"SiLU and product, groups of 128", ACT GROUPS},
};

static const int tokens[] = {16, 256, 1024, 4096};

typedef struct side { sld_graph *g; sld_plan *plan; double best; } side;

/* Of this thread, so that other work on the machine costs less. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void need(bool ok, const char *why)
{
    if (!ok)
        fprintf(stderr, "cpu: %s\n", why);
    if (!ok)
        exit(1);
}

/* Ends of words: T stands for a number. */
static char *spell(const row *r, int n)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    fputs("solder 1\n", f);
    for (const char *c = r->text; *c; c++)
        if (*c == 'T' && (c[-1] == '[' || c[-1] == ' '))
            fprintf(f, "%d", n);
        else
            fputc(*c, f);
    fclose(f);
    return text;
}

/* Both sides are normalised; only one is fused. */
static side make(sld_ctx *ctx, const char *text, bool fused)
{
    side s = {.g = sld_text_parse(ctx, sld_ruleset_solder(), "row", text, strlen(text)), .best = 1e9};
    need(s.g != NULL, sld_error(ctx));
    sld_settings *settings = sld_settings_new(ctx, sld_ruleset_solder());
    need(!sld_settings_level(settings, fused ? 2 : 0, "bench") && !sld_settings_resolve(settings, SLD_TARGET_CPU, NULL, NULL),
         sld_error(ctx));
    need(!sld_fuse(s.g, &(sld_fuse_options){.target = SLD_TARGET_CPU, .settings = settings}, NULL), sld_error(ctx));
    s.plan = sld_plan_new(s.g, SLD_TARGET_CPU, NULL);
    need(s.plan != NULL, sld_error(ctx));
    sld_settings_free(settings);
    return s;
}

static void *input(const sld_graph *g, sld_value v)
{
    sld_tensor t = {.dtype = (uint8_t)sld_dtype_of(g, v), .rank = (uint8_t)sld_rank(g, v), .dims = sld_shape(g, v)};
    uint32_t seed = 7;
    size_t n = kern_numel(&t);
    t.data = malloc(n * kern_size(t.dtype));
    for (size_t k = 0; k < n; k++) {
        seed = seed * 1664525 + 1013904223;
        kern_put(&t, k, (seed >> 8) / 8388608.0 - 1);
    }
    return t.data;
}

static void run(side *s, void *const *inputs, int repeat)
{
    sld_tensor out[8];
    double t = seconds();
    for (int i = 0; i < repeat; i++)
        need(!sld_plan_run(s->plan, (const void *const *)inputs, out), sld_error(s->g->ctx));
    t = (seconds() - t) / repeat;
    s->best = t < s->best ? t : s->best;
}

/* Reads and writes `bytes` altogether. */
static double copy(char *to, const char *from, size_t bytes, int repeat)
{
    double t = seconds();
    for (int i = 0; i < repeat; i++) {
        memcpy(to, from, bytes / 2);
        __asm__ volatile("" ::"r"(to) : "memory");
    }
    return (seconds() - t) / repeat;
}

static void measure(const row *r, int n)
{
    enum { ROUNDS = 15 };
    sld_ctx *ctx = sld_ctx_new(NULL);
    char *text = spell(r, n);
    side a = make(ctx, text, false), b = make(ctx, text, true);
    sld_traffic traffic;
    void *inputs[4] = {0};
    need(!sld_graph_traffic(b.g, NULL, &traffic) && traffic.sized && traffic.launches == 1, "the chain is not one op");
    for (uint32_t i = 0; i < a.g->inputs.n; i++)
        inputs[i] = input(a.g, a.g->inputs.at[i]);
    size_t bytes = traffic.bytes;
    char *from = aligned_alloc(4096, (bytes / 2 + 4095) / 4096 * 4096), *to = aligned_alloc(4096, (bytes / 2 + 4095) / 4096 * 4096);
    memset(from, 1, bytes / 2);
    memset(to, 1, bytes / 2);
    double best = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        int repeat = 1 + 2048 / n;
        run(&a, inputs, repeat);
        run(&b, inputs, repeat);
        double t = copy(to, from, bytes, repeat);
        best = t < best ? t : best;
    }
    printf("| %s | %d | %.0f | %.0f | %.2f | %.1f | %.1f | %.0f %% |\n", r->name, n, 1e6 * a.best, 1e6 * b.best, a.best / b.best,
           1e-9 * (double)bytes / b.best, 1e-9 * (double)bytes / best, 100 * best / b.best);
    fflush(stdout);
    for (uint32_t i = 0; i < a.g->inputs.n; i++)
        free(inputs[i]);
    free(from);
    free(to);
    free(text);
    sld_plan_free(a.plan);
    sld_plan_free(b.plan);
    sld_graph_free(a.g);
    sld_graph_free(b.g);
    sld_ctx_free(ctx);
}

int main(int argc, char **argv)
{
    printf("| chain | tokens | unfused, us | fused, us | ratio | fused, GB/s | copy, GB/s | share |\n"
           "| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < sizeof tokens / sizeof *tokens && (argc < 2 || strstr(rows[i].name, argv[1])); k++)
            measure(&rows[i], tokens[k]);
    return 0;
}
