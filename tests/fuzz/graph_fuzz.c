/* Fuzz target of the text form: any bytes are an error, or a graph that prints, reads and fuses. */
#include "model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sld_ctx *ctx = fuzz_ctx();
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "fuzz", (const char *)data, size);
    fuzz_check(ctx, g);
    sld_graph_free(g);
    sld_ctx_free(ctx);
    return 0;
}
