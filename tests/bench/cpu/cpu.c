/* Fused ops beside two chains that they replace, and beside memcpy of as many bytes as the fused op moves, all in turns in
 * one run on as many threads: the chain of elementary ops, as a framework's graph has it, and that of an engine, whose sums
 * and products are joined with norm and activation already. Prints a table; times are the best of all rounds.
 *
 * Usage: cpu THREADS [WORD]   only the rows whose name holds WORD */
#include "turns.h"

/* T: tokens. "": the engine's chain is one of elementary ops. */
typedef struct row { const char *name, *elementary, *engine; } row;

#define X "input %x : bf16[T, 4096]\ninput %w : bf16[4096]\nconst %s : f32[] = 0.02\n"
#define NORM X "%n = rms_norm(%x, %w; eps = 1e-06)\n"
#define SUM X "input %b : bf16[T, 4096]\n%n, %t = add_rms_norm(%x, %b, %w; eps = 1e-06)\noutput t = %t\n"
#define SUM_1 X "input %b : bf16[T, 4096]\n%t = add(%x, %b)\n%n = rms_norm(%t, %w; eps = 1e-06)\noutput t = %t\n"
#define STATIC "%q = static_quant(%n, %s; to = f8e4m3fn)\noutput q = %q\n"
#define GROUPS "%q, %c = group_quant(%n; group = 128, to = f8e4m3fn)\noutput q = %q\noutput c = %c\n"
#define TOKENS "%q, %c = token_quant(%n; to = f8e4m3fn)\noutput q = %q\noutput c = %c\n"
#define HEADS "input %x : bf16[T, 32, 128]\ninput %z : bf16[T, 32, 128]\ninput %w : bf16[128]\n"
#define GATED HEADS "%f = gated_rms_norm(%x, %w, %z; eps = 1e-06)\n%n = reshape(%f; shape = [T, 4096])\n"
#define GATED_1 HEADS "%m = rms_norm(%x, %w; eps = 1e-06)\n%g = silu(%z)\n%f = mul(%m, %g)\n%n = reshape(%f; shape = [T, 4096])\n"
#define ACT "input %x : bf16[T, 8192]\nconst %s : f32[] = 0.02\n%n = silu_and_mul(%x)\n"
#define ACT_1 "input %x : bf16[T, 4096]\ninput %u : bf16[T, 4096]\nconst %s : f32[] = 0.02\n%g = silu(%x)\n%n = mul(%g, %u)\n"

static const row rows[] = {
    {"RMSNorm, one scale", "", NORM STATIC},
    {"RMSNorm, groups of 128", "", NORM GROUPS},
    {"add, RMSNorm, one scale", SUM_1 STATIC, SUM STATIC},
    {"add, RMSNorm, a scale for each token", SUM_1 TOKENS, SUM TOKENS},
    {"add, RMSNorm, groups of 128", SUM_1 GROUPS, SUM GROUPS},
    {"gated RMSNorm of 32 heads, groups of 128", GATED_1 GROUPS, GATED GROUPS},
    {"SiLU and product, one scale", ACT_1 STATIC, ACT STATIC},
    {"SiLU and product, groups of 128", ACT_1 GROUPS, ACT GROUPS},
};

static const int tokens[] = {1024, 4096};

/* A plan with inputs of its own. */
typedef struct side {
    sld_graph *g;
    sld_plan *plan;
    sld_traffic traffic;
    void *inputs[4];
    sld_tensor out[8];
    double best;
} side;

static void open_side(side *s, sld_ctx *ctx, const sld_team *team, const char *chain, int n, bool fused)
{
    char *text = spell(chain, n);
    *s = (side){.best = 1e9};
    s->plan = make(ctx, team, text, fused, &s->g, &s->traffic);
    need(s->traffic.sized && fused == (s->traffic.launches == 1), "the fused chain is not one op, or the other is");
    for (uint32_t i = 0; i < s->g->inputs.n; i++)
        s->inputs[i] = input(s->g, s->g->inputs.at[i]).data;
    free(text);
}

static void close_side(side *s)
{
    for (uint32_t i = 0; i < s->g->inputs.n; i++)
        free(s->inputs[i]);
    sld_plan_free(s->plan);
    sld_graph_free(s->g);
}

enum { FUSED, ENGINE, ELEMENTARY, SIDES };

static void print_row(const row *r, int n, const side *s, int sides, double copied)
{
    double bytes = (double)s[FUSED].traffic.bytes, fused = s[FUSED].best;
    printf("| %s | %d |", r->name, n);
    for (int k = SIDES; k-- > 0;)
        if (k < sides)
            printf(" %.0f |", 1e6 * s[k].best);
        else
            printf(" |");
    for (int k = SIDES; k-- > ENGINE;)
        if (k < sides)
            printf(" %.2f of %.2f |", s[k].best / fused, (double)s[k].traffic.bytes / bytes);
        else
            printf(" |");
    printf(" %.1f | %.1f | %.0f %% |\n", 1e-9 * bytes / fused, 1e-9 * bytes / copied, 100 * copied / fused);
    fflush(stdout);
}

static void measure(sld_ctx *ctx, const sld_team *team, const row *r, int n)
{
    enum { ROUNDS = 15 };
    side s[SIDES];
    int sides = *r->elementary ? SIDES : ELEMENTARY;
    for (int k = 0; k < sides; k++)
        open_side(&s[k], ctx, team, k == ELEMENTARY ? r->elementary : r->engine, n, k == FUSED);
    size_t half = s[FUSED].traffic.bytes / 2;
    char *from = block(half), *to = block(half);
    double copied = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        int repeat = 1 + 2048 / n;
        for (int k = 0; k < sides; k++)
            run(team, s[k].plan, s[k].inputs, s[k].out, repeat, &s[k].best);
        copy(team, to, from, half, repeat, &copied);
    }
    print_row(r, n, s, sides, copied);
    for (int k = 0; k < sides; k++)
        close_side(&s[k]);
    free(from);
    free(to);
}

int main(int argc, char **argv)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_team *team = team_of(ctx, argc, argv);
    printf("| chain | tokens | elementary, us | engine's, us | fused, us | elementary / fused | engine's / fused | fused, GB/s | "
           "copy, GB/s | share |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < sizeof tokens / sizeof *tokens && (argc < 3 || strstr(rows[i].name, argv[2])); k++)
            measure(ctx, team, &rows[i], tokens[k]);
    sld_team_free(team);
    sld_ctx_free(ctx);
    return 0;
}
