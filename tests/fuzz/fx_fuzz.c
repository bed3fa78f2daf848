/* Fuzz target of the torch FX reader: any bytes are an error, or a graph that prints, reads and fuses. */
#include "model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sld_ctx *ctx = fuzz_ctx();
    sld_graph *g = sld_import_fx(ctx, sld_ruleset_solder(), fuzz_write("m.json", data, size), NULL);
    fuzz_check(ctx, g);
    sld_graph_free(g);
    sld_ctx_free(ctx);
    return 0;
}
