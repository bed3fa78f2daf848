/* Fuzz target of the rewriter: a graph over the ops of sound.pat keeps its meaning under the rules that are on, bit for
 * bit by the oracle.  Comments say which are off, the tokens that it runs with, and what seeds its data:
 * `# off=3`, `# tokens=5`, `# seed=1`. */
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "../runtime/property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The oracle holds every value in memory of its own. */
static bool is_small(const sld_graph *g, int64_t tokens)
{
    int64_t symbols[16], all = 0;
    for (int i = 0; i < 16; i++)
        symbols[i] = tokens;
    for (sld_value v = 1; v < g->values.n && sld_dim_n_symbols(g) <= 1; v++) {
        int64_t n = 1, d;
        for (uint32_t i = 0; sld_kind(g, v) != SLD_VALUE_FREE && i < sld_rank(g, v); i++)
            if (!sld_dim_eval(g, sld_shape(g, v)[i], symbols, &d) || d < 0 || __builtin_mul_overflow(n, d, &n) || n > 4096)
                return false;
        all += n;
    }
    return sld_dim_n_symbols(g) <= 1 && all < 65536;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    property_round r = {.text = text, .off = (uint64_t)fuzz_number(text, "off", 0),
                        .seed = (uint64_t)fuzz_number(text, "seed", 1) % 1000, .tokens = fuzz_number(text, "tokens", 5)};
    sld_ctx *ctx = fuzz_ctx();
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_sound(), "fuzz", text, strlen(text));
    bool fits = g && r.tokens > 0 && is_small(g, r.tokens);
    sld_graph_free(g);
    sld_ctx_free(ctx);
    const char *wrong = fits ? property_check(&r) : NULL;
    if (wrong)
        fuzz_fail("%s", wrong);
    free(text);
    return 0;
}
