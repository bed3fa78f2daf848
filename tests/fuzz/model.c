/* See model.h. */
#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fuzz_fail(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    abort();
}

static void *limited(void *user, void *p, size_t size)
{
    (void)user;
    if (size)
        return size > 64u << 20 ? NULL : realloc(p, size);
    free(p);
    return NULL;
}

sld_ctx *fuzz_ctx(void)
{
    return sld_ctx_new(&(sld_allocator){.realloc = limited});
}

/* ------------------------------------------------------------------ files -- */

static char folder[64];

static void remove_folder(void)
{
    static const char *const names[] = {"m.json", "m.onnx", "out.onnx"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(fuzz_path(names[i]));
    rmdir(folder);
}

const char *fuzz_path(const char *name)
{
    static char path[128];
    if (!*folder) {
        strcpy(folder, P_tmpdir "/solder-fuzz-XXXXXX");
        if (!mkdtemp(folder) || atexit(remove_folder))
            fuzz_fail("cannot make a folder");
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

const char *fuzz_write(const char *name, const uint8_t *data, size_t size)
{
    const char *path = fuzz_path(name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f))
        fuzz_fail("cannot write %s", path);
    return path;
}

/* ------------------------------------------------------------------- texts -- */

char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        fuzz_fail("out of memory");
    memcpy(text, data, size);
    text[size] = 0;
    return text;
}

int64_t fuzz_number(const char *text, const char *name, int64_t otherwise)
{
    char mark[32];
    snprintf(mark, sizeof mark, "# %s=", name);
    const char *at = strstr(text, mark);
    return at ? strtoll(at + strlen(mark), NULL, 10) : otherwise;
}

static char *print(sld_graph *g)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    if (!f || sld_text_print(g, f, SLD_TEXT_DATA) || fclose(f))
        fuzz_fail("print: %s", sld_error(g->ctx));
    return text;
}

/* ------------------------------------------------------------------ graphs -- */

static void check_text(sld_graph *g)
{
    char *text = print(g);
    sld_graph *copy = sld_text_parse(g->ctx, g->rules, "printed", text, strlen(text));
    if (!copy)
        fuzz_fail("printed text does not read back: %s\n%s", sld_error(g->ctx), text);
    char *again = print(copy);
    if (strcmp(text, again))
        fuzz_fail("another text from what was printed:\n%s\n%s", text, again);
    sld_graph_free(copy);
    free(text);
    free(again);
}

static void told(void *user, const sld_fuse_event *e)
{
    if (!e->refused)
        *(const sld_fuse_event **)user = e;
}

void fuzz_check(sld_ctx *ctx, sld_graph *g)
{
    const sld_fuse_event *fired = NULL;
    if (!g) {
        if (!*sld_error(ctx) || strchr(sld_error(ctx), '\n'))
            fuzz_fail("no error of one line: '%s'", sld_error(ctx));
        return;
    }
    if (sld_graph_verify(g))
        fuzz_fail("verify: %s", sld_error(ctx));
    check_text(g);
    if (sld_fuse(g, NULL, NULL))
        fuzz_fail("fuse: %s", sld_error(ctx));
    if (sld_graph_verify(g))
        fuzz_fail("verify after fusing: %s", sld_error(ctx));
    check_text(g);
    if (sld_fuse(g, &(sld_fuse_options){.target = SLD_TARGET_CPU, .told = told, .user = &fired}, NULL))
        fuzz_fail("fuse again: %s", sld_error(ctx));
    if (fired)
        fuzz_fail("rule %s fires again", g->rules->rules[fired->rule].name);
}
