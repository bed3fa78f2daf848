/* The file side of the torch FX reader: bytes, gzip, JSON, and the small vocabulary in which
 * the format writes types.  Python writes infinities as bare words that JSON does not have;
 * they are turned into marked strings of the same length, so that places in messages stay. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "fx.h"

#define MARK '\x7f'
#define TEXT_MAX ((size_t)1 << 30)

/* ------------------------------------------------------------------ bytes -- */

static void *z_alloc(void *ctx, unsigned n, unsigned size)
{
    return sld__alloc(ctx, (size_t)n * size);
}

static void z_free(void *ctx, void *p)
{
    sld__free(ctx, p);
}

/* Inflates into a buffer that grows; NULL with an error set. */
static char *inflate_all(sld_ctx *ctx, z_stream *z, const char *path, size_t *size)
{
    size_t cap = (size_t)z->avail_in * 8 + 4096;
    char *text = sld__resize(ctx, NULL, cap);
    int rc = Z_OK;
    *size = 0;
    while (text && rc == Z_OK) {
        z->next_out = (Bytef *)text + *size;
        z->avail_out = cap - *size > UINT_MAX ? UINT_MAX : (unsigned)(cap - *size);
        rc = inflate(z, Z_NO_FLUSH);
        *size = (size_t)((char *)z->next_out - text);
        if (rc == Z_OK && *size == cap) {
            char *more = cap < TEXT_MAX ? sld__resize(ctx, text, cap * 2) : NULL;
            if (!more) {
                sld__fail(ctx, SLD_ERR_LIMIT, "%s: unpacks to more than %zu bytes", path, TEXT_MAX);
                break;
            }
            text = more;
            cap *= 2;
        }
    }
    if (text && rc == Z_STREAM_END)
        return text;
    if (rc != Z_OK)
        sld__fail(ctx, SLD_ERR_FORMAT, "%s: %s", path,
                  rc == Z_BUF_ERROR ? "the gzip data is truncated" : z->msg ? z->msg : "broken gzip data");
    sld__free(ctx, text);
    return NULL;
}

static char *gunzip(sld_ctx *ctx, const char *path, const char *data, size_t n, size_t *size)
{
    z_stream z = {.zalloc = z_alloc, .zfree = z_free, .opaque = ctx};
    if (n > UINT_MAX / 16) {
        sld__fail(ctx, SLD_ERR_LIMIT, "%s: %zu bytes are too many", path, n);
        return NULL;
    }
    z.next_in = (Bytef *)data;
    z.avail_in = (unsigned)n;
    if (inflateInit2(&z, 15 + 16) != Z_OK) {
        sld__fail(ctx, SLD_ERR_MEMORY, "%s: no memory to unpack", path);
        return NULL;
    }
    char *text = inflate_all(ctx, &z, path, size);
    inflateEnd(&z);
    return text;
}

/* ------------------------------------------------------------------- JSON -- */

/* Replaces a bare word of n bytes by a string of the same length. */
static void mark(char *at, size_t n, const char *number)
{
    memset(at, ' ', n);
    at[0] = '"';
    at[1] = MARK;
    memcpy(at + 2, number, strlen(number));
    at[2 + strlen(number)] = '"';
}

static void mark_nonfinite(char *text, size_t n)
{
    static const struct {
        const char *word, *number;
    } words[] = {{"-Infinity", "-inf"}, {"Infinity", "inf"}, {"NaN", ""}};
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"')
            quoted = !quoted;
        else if (quoted)
            i += text[i] == '\\';
        for (size_t w = 0; !quoted && (text[i] == '-' || text[i] == 'I' || text[i] == 'N') && w < 3; w++) {
            size_t k = strlen(words[w].word);
            if (n - i >= k && !memcmp(text + i, words[w].word, k)) {
                mark(text + i, k, words[w].number);
                i += k - 1;
            }
        }
    }
}

bool fx_nonfinite(const char *text, double *out)
{
    if (text[0] != MARK)
        return false;
    *out = text[1] ? strtod(text + 1, NULL) : NAN;
    return true;
}

json_t *fx_load(sld_ctx *ctx, const char *path)
{
    size_t n, m;
    json_error_t at;
    char *data = sld__read_file(ctx, path, &n);
    if (data && n >= 2 && (unsigned char)data[0] == 0x1f && (unsigned char)data[1] == 0x8b) {
        char *text = gunzip(ctx, path, data, n, &m);
        sld__free(ctx, data);
        data = text;
        n = m;
    }
    if (!data)
        return NULL;
    mark_nonfinite(data, n);
    errno = 0;
    json_t *j = json_loadb(data, n, JSON_REJECT_DUPLICATES, &at);
    bool short_of_memory = errno == ENOMEM; /* jansson calls it bad syntax, nothing at all, or drops a character */
    sld__free(ctx, data);
    if (short_of_memory) {
        json_decref(j);
        sld__fail(ctx, SLD_ERR_MEMORY, "%s: out of memory", path);
        return NULL;
    }
    if (!j)
        sld__fail(ctx, SLD_ERR_FORMAT, "%s:%d:%d: %s", path, at.line, at.column, at.text);
    return j;
}

const char *fx_ref(json_t *j)
{
    return json_string_value(json_object_get(j, "n"));
}

const char *fx_text(json_t *j)
{
    return json_string_value(json_object_get(j, "s"));
}

/* ------------------------------------------------------------------ types -- */

/* ORDER: sld_dtype */
static const char *const torch_names[SLD_DTYPE_COUNT] = {
    "",        "bool",     "uint8",   "int8",    "int32", "int64", "float8_e4m3fn", "float8_e4m3fnuz",
    "float16", "bfloat16", "float32", "float64",
};

uint8_t fx_dtype(const char *text)
{
    if (!strncmp(text, "torch.", 6))
        text += 6;
    for (uint8_t t = 1; t < SLD_DTYPE_COUNT; t++)
        if (!strcmp(torch_names[t], text))
            return t;
    return SLD_DTYPE_NONE;
}

const char *fx_dtype_name(uint8_t dtype)
{
    return dtype < SLD_DTYPE_COUNT ? torch_names[dtype] : "?";
}

void fx_print_type(fx_import *im, const fx_type *t, char *buf, size_t n)
{
    size_t k = (size_t)snprintf(buf, n, "%s[", fx_dtype_name(t->dtype));
    for (uint32_t i = 0; i < t->rank && k < n; i++) {
        k += (size_t)snprintf(buf + k, n - k, "%s", i ? ", " : "");
        if (k < n)
            k += (size_t)sld_dim_print(im->g, t->dims[i], buf + k, n - k);
    }
    if (k < n)
        snprintf(buf + k, n - k, "]");
}

/* Symbols are sizes of batches and sequences: torch.export does not tell their ranges. */
static sld_status read_dim(fx_import *im, json_t *j, sld_dim *out)
{
    if (json_is_string(j)) {
        *out = sld_dim_parse(im->g, json_string_value(j), 1, 1 << 20);
        if (*out != SLD_SYM_NONE)
            return SLD_OK;
        return fx_fail(im, SLD_ERR_FORMAT, "'%s' is no size", json_string_value(j));
    }
    *out = json_integer_value(j);
    if (!json_is_integer(j) || *out < 0)
        return fx_fail(im, SLD_ERR_FORMAT, "a size in 'val' is neither a count nor the name of one");
    return SLD_OK;
}

static sld_status read_type(fx_import *im, json_t *j, fx_type *out)
{
    json_t *shape = json_object_get(j, "shape");
    const char *dtype = json_string_value(json_object_get(j, "dtype"));
    if (json_is_null(j))
        return SLD_OK;
    if (!dtype || !json_is_array(shape))
        return fx_fail(im, SLD_ERR_FORMAT, "'val' has no dtype and shape");
    out->dtype = fx_dtype(dtype);
    if (!out->dtype)
        return fx_fail(im, SLD_ERR_TYPE, "unknown dtype '%s'", dtype);
    if (json_array_size(shape) > SLD_RANK_MAX)
        return fx_fail(im, SLD_ERR_LIMIT, "rank %zu is above %d", json_array_size(shape), SLD_RANK_MAX);
    out->rank = (uint8_t)json_array_size(shape);
    for (uint32_t i = 0; i < out->rank; i++) {
        sld_status s = read_dim(im, json_array_get(shape, i), &out->dims[i]);
        if (s)
            return s;
    }
    return SLD_OK;
}

sld_status fx_read_types(fx_import *im, json_t *val, fx_types *out)
{
    out->tuple = json_is_array(val);
    size_t n = out->tuple ? json_array_size(val) : 1;
    if (n > UINT16_MAX)
        return fx_fail(im, SLD_ERR_LIMIT, "%zu results are too many", n);
    out->n = (uint32_t)n;
    out->at = sld__alloc(im->g->ctx, n * sizeof *out->at);
    if (!out->at)
        return SLD_ERR_MEMORY;
    for (uint32_t i = 0; i < out->n; i++) {
        sld_status s = read_type(im, out->tuple ? json_array_get(val, i) : val, &out->at[i]);
        if (s)
            return s;
    }
    return SLD_OK;
}
