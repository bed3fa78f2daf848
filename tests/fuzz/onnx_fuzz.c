/* Fuzz target of the ONNX reader: any bytes are an error, or a graph that prints, reads and fuses.  What was read is
 * written as ONNX, before and after fusing, and read again. */
#include "model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_export(sld_ctx *ctx, sld_graph *g)
{
    const char *path = fuzz_path("out.onnx");
    if (sld_export_onnx(g, path)) { /* not every graph has a spelling */
        if (!*sld_error(ctx))
            fuzz_fail("export: no error");
        return;
    }
    sld_graph *again = sld_import_onnx(ctx, g->rules, path);
    if (!again || sld_graph_verify(again))
        fuzz_fail("exported, but: %s", sld_error(ctx));
    if (again->outputs.n != g->outputs.n || again->inputs.n != g->inputs.n)
        fuzz_fail("exported with other inputs or outputs");
    sld_graph_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sld_ctx *ctx = fuzz_ctx();
    sld_graph *g = sld_import_onnx(ctx, sld_ruleset_solder(), fuzz_write("m.onnx", data, size));
    if (g)
        check_export(ctx, g);
    fuzz_check(ctx, g);
    if (g)
        check_export(ctx, g);
    sld_graph_free(g);
    sld_ctx_free(ctx);
    return 0;
}
