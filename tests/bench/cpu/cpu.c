/* Fused ops beside the chains of ops that they replace, and beside memcpy of as many bytes as the fused graph moves,
 * all in turns in one run on one thread. Prints a table; times are the best of all rounds.
 *
 * Usage: cpu [WORD]   only the rows whose name holds WORD */
#include "turns.h"

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

static void measure(const row *r, int n)
{
    enum { ROUNDS = 15 };
    sld_ctx *ctx = sld_ctx_new(NULL);
    char *text = spell(r->text, n);
    sld_graph *g, *f;
    sld_traffic apart, joined;
    sld_plan *a = make(ctx, text, false, &g, &apart), *b = make(ctx, text, true, &f, &joined);
    sld_tensor out[8];
    void *inputs[4] = {0};
    need(joined.sized && joined.launches == 1, "the chain is not one op");
    for (uint32_t i = 0; i < g->inputs.n; i++)
        inputs[i] = input(g, g->inputs.at[i]).data;
    size_t bytes = joined.bytes;
    char *from = block(bytes / 2), *to = block(bytes / 2);
    double unfused = 1e9, fused = 1e9, copied = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        int repeat = 1 + 2048 / n;
        run(g, a, inputs, out, repeat, &unfused);
        run(f, b, inputs, out, repeat, &fused);
        copy(to, from, bytes / 2, repeat, &copied);
    }
    printf("| %s | %d | %.0f | %.0f | %.2f | %.2f | %.1f | %.1f | %.0f %% |\n", r->name, n, 1e6 * unfused, 1e6 * fused,
           unfused / fused, (double)apart.bytes / (double)bytes, 1e-9 * (double)bytes / fused, 1e-9 * (double)bytes / copied,
           100 * copied / fused);
    fflush(stdout);
    for (uint32_t i = 0; i < g->inputs.n; i++)
        free(inputs[i]);
    free(from);
    free(to);
    free(text);
    sld_plan_free(a);
    sld_plan_free(b);
    sld_graph_free(g);
    sld_graph_free(f);
    sld_ctx_free(ctx);
}

int main(int argc, char **argv)
{
    printf("| chain | tokens | unfused, us | fused, us | ratio | of bytes | fused, GB/s | copy, GB/s | share |\n"
           "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < sizeof tokens / sizeof *tokens && (argc < 2 || strstr(rows[i].name, argv[1])); k++)
            measure(&rows[i], tokens[k]);
    return 0;
}
