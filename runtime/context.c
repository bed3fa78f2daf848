/* One context per thread: the allocator behind everything the runtime owns, and the one line
 * that says what went wrong.  The first error of a call is kept, because what follows it is
 * usually its consequence; public entry points clear it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"

struct sld_ctx {
    sld_allocator allocator;
    bool starved; /* since the error was cleared */
    char error[1024];
};

static void *realloc_default(void *user, void *p, size_t size)
{
    (void)user;
    if (size)
        return realloc(p, size);
    free(p);
    return NULL;
}

sld_ctx *sld_ctx_new(const sld_allocator *allocator)
{
    sld_allocator a = allocator ? *allocator : (sld_allocator){.realloc = realloc_default};
    sld_ctx *ctx = a.realloc(a.user, NULL, sizeof *ctx);
    if (!ctx)
        return NULL;
    memset(ctx, 0, sizeof *ctx);
    ctx->allocator = a;
    return ctx;
}

void sld_ctx_free(sld_ctx *ctx)
{
    if (ctx)
        ctx->allocator.realloc(ctx->allocator.user, ctx, 0);
}

const char *sld_error(const sld_ctx *ctx) { return ctx->error; }

void sld__clear(sld_ctx *ctx)
{
    ctx->error[0] = '\0';
    ctx->starved = false;
}

bool sld__starved(const sld_ctx *ctx) { return ctx->starved; }

bool sld__forgive(sld_ctx *ctx)
{
    if (!ctx->starved)
        sld__clear(ctx);
    return !ctx->starved;
}

sld_status sld__fail(sld_ctx *ctx, sld_status status, const char *fmt, ...)
{
    if (ctx->error[0])
        return status;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(ctx->error, sizeof ctx->error, fmt, ap);
    va_end(ap);
    /* Names come from files; the promise of one line holds for any of them. */
    for (char *p = ctx->error; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
    return status;
}

void *sld__resize(sld_ctx *ctx, void *p, size_t size)
{
    /* Size 0 would ask the allocator to free. */
    void *q = ctx->allocator.realloc(ctx->allocator.user, p, size ? size : 1);
    if (!q) {
        sld__fail(ctx, SLD_ERR_MEMORY, "out of memory for %zu bytes", size);
        ctx->starved = true;
    }
    return q;
}

void *sld__alloc(sld_ctx *ctx, size_t size)
{
    void *p = sld__resize(ctx, NULL, size);
    if (p)
        memset(p, 0, size);
    return p;
}

void sld__free(sld_ctx *ctx, void *p)
{
    if (p)
        ctx->allocator.realloc(ctx->allocator.user, p, 0);
}

bool sld__grow(sld_ctx *ctx, void **at, uint32_t *cap, uint32_t n, size_t size)
{
    if (n <= *cap)
        return true;
    uint64_t want = *cap < UINT32_MAX / 2 ? *cap * 2ull : UINT32_MAX;
    if (*cap >= 1u << 16)
        want = *cap + (uint64_t)*cap / 8; /* of what is large, little is to lie idle */
    want = want < n ? n : want;
    want = want < 8 ? 8 : want;
    if (want > SIZE_MAX / size) {
        sld__fail(ctx, SLD_ERR_LIMIT, "a table of %u elements is too large", n);
        return false;
    }
    void *p = sld__resize(ctx, *at, (size_t)want * size);
    if (!p)
        return false;
    *at = p;
    *cap = (uint32_t)want;
    return true;
}

/* Reads to the end rather than trusting a size, so that pipes work as well. */
static char *read_all(sld_ctx *ctx, FILE *f, const char *path, size_t *size)
{
    size_t n = 0, cap = 1 << 16;
    char *buf = sld__resize(ctx, NULL, cap);
    while (buf) {
        n += fread(buf + n, 1, cap - n - 1, f);
        if (ferror(f)) {
            sld__fail(ctx, SLD_ERR_IO, "%s: cannot read: %s", path, strerror(errno));
            break;
        }
        if (n < cap - 1) {
            buf[n] = '\0';
            *size = n;
            return buf;
        }
        char *more = cap <= SIZE_MAX / 2 ? sld__resize(ctx, buf, cap * 2) : NULL;
        if (!more)
            break;
        buf = more;
        cap *= 2;
    }
    sld__free(ctx, buf);
    return NULL;
}

char *sld__read_file(sld_ctx *ctx, const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        sld__fail(ctx, SLD_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
        return NULL;
    }
    char *text = read_all(ctx, f, path, size);
    fclose(f);
    return text;
}
