/* Reads a model by its file name, and stands in for the readers that a build leaves out. */
#include <string.h>

#include "graph.h"

static bool ends_with(const char *s, size_t n, const char *end)
{
    size_t k = strlen(end);
    return n >= k && !memcmp(s + n - k, end, k);
}

static bool is_fx(const char *path, size_t n)
{
    return ends_with(path, n, ".json") || ends_with(path, n, ".json.gz");
}

static sld_graph *import_text(sld_ctx *ctx, const sld_ruleset *rules, const char *path)
{
    size_t n;
    char *text = sld__read_file(ctx, path, &n);
    sld_graph *g = text ? sld_text_parse(ctx, rules, path, text, n) : NULL;
    sld__free(ctx, text);
    return g;
}

/* "m.fx.json.gz#core_aten": the key follows the last '#'. */
static sld_graph *import_fx_key(sld_ctx *ctx, const sld_ruleset *rules, const char *path, const char *key)
{
    size_t n = (size_t)(key - path);
    char *file = sld__alloc(ctx, n + 1);
    if (!file)
        return NULL;
    memcpy(file, path, n);
    sld_graph *g = sld_import_fx(ctx, rules, file, key + 1);
    sld__free(ctx, file);
    return g;
}

sld_graph *sld_import(sld_ctx *ctx, const sld_ruleset *rules, const char *path)
{
    sld__clear(ctx);
    size_t n = strlen(path);
    const char *key = strrchr(path, '#');
    if (ends_with(path, n, ".onnx"))
        return sld_import_onnx(ctx, rules, path);
    if (is_fx(path, n))
        return sld_import_fx(ctx, rules, path, NULL);
    if (key && is_fx(path, (size_t)(key - path)))
        return import_fx_key(ctx, rules, path, key);
    return import_text(ctx, rules, path);
}

#ifndef SLD_HAVE_FX
sld_graph *sld_import_fx(sld_ctx *ctx, const sld_ruleset *rules, const char *path, const char *key)
{
    (void)rules;
    (void)key;
    sld__clear(ctx);
    sld__fail(ctx, SLD_ERR_IO, "%s: this build reads no torch FX files: jansson and zlib were not there",
              path);
    return NULL;
}
#endif

#ifndef SLD_HAVE_ONNX
sld_graph *sld_import_onnx(sld_ctx *ctx, const sld_ruleset *rules, const char *path)
{
    (void)rules;
    sld__clear(ctx);
    sld__fail(ctx, SLD_ERR_IO, "%s: this build reads no ONNX files: protobuf-c was not there", path);
    return NULL;
}

sld_status sld_export_onnx(sld_graph *g, const char *path)
{
    sld__clear(g->ctx);
    return sld__fail(g->ctx, SLD_ERR_IO, "%s: this build writes no ONNX files: protobuf-c was not there",
                     path);
}
#endif
