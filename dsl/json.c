#include "json.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- writing -- */

unsigned pat_utf8_length(const char *text, const char *end)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *s = (const unsigned char *)text;
    unsigned n = *s < 0x80 ? 1 : *s < 0xc0 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : *s < 0xf8 ? 4 : 0;
    if (n < 2 || end - text < (ptrdiff_t)n)
        return n < 2 ? n : 0;
    uint32_t c = *s & (0xffu >> (n + 1));
    for (unsigned i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    return c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : n;
}

void pat_json_text(FILE *out, const char *s, size_t size)
{
    const char *end = s + size;
    fputc('"', out);
    while (s < end) {
        unsigned n = pat_utf8_length(s, end);
        if (n == 1 && (*s == '"' || *s == '\\'))
            fprintf(out, "\\%c", *s);
        else if (n == 1 && (unsigned char)*s < 0x20)
            fprintf(out, "\\u%04x", (unsigned)*s);
        else if (n)
            fwrite(s, 1, n, out);
        else
            fputs("\\ufffd", out);
        s += n ? n : 1;
    }
    fputc('"', out);
}

void pat_json_string(FILE *out, const char *s)
{
    pat_json_text(out, s, strlen(s));
}

/* ---------------------------------------------------------------- reading -- */

typedef struct reader { pat_arena *arena; const char *at, *end; unsigned depth; } reader;

static pat_json *read_value(reader *r);

static void skip_blanks(reader *r)
{
    while (r->at < r->end && memchr(" \t\r\n", *r->at, 4))
        r->at++;
}

static bool take(reader *r, char c)
{
    skip_blanks(r);
    bool found = r->at < r->end && *r->at == c;
    r->at += found;
    return found;
}

static bool take_word(reader *r, const char *word)
{
    size_t n = strlen(word);
    bool found = (size_t)(r->end - r->at) >= n && !memcmp(r->at, word, n);
    r->at += found ? n : 0;
    return found;
}

/* Four hexadecimal digits. */
static bool read_unit(reader *r, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        const char *digits = "0123456789abcdef", *d = NULL;
        if (r->at < r->end && *r->at)
            d = strchr(digits, *r->at >= 'A' && *r->at <= 'F' ? *r->at + 32 : *r->at);
        if (!d)
            return false;
        *unit = *unit << 4 | (uint32_t)(d - digits);
    }
    return true;
}

/* A character as UTF-8; half of a surrogate pair becomes U+FFFD. */
static char *put_utf8(char *to, uint32_t c)
{
    if (c >= 0xd800 && c < 0xe000)
        c = 0xfffd;
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    *to++ = (char)((0xf0 << (3 - more) & 0xff) | c >> (6 * more));
    while (more--)
        *to++ = (char)(0x80 | (c >> (6 * more) & 0x3f));
    return to;
}

static char *read_escape(reader *r, char *to)
{
    static const char signs[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (r->at == r->end)
        return NULL;
    char c = *r->at++;
    const char *sign = c ? strchr(signs, c) : NULL;
    if (sign) {
        *to++ = meant[sign - signs];
        return to;
    }
    uint32_t unit, low;
    if (c != 'u' || !read_unit(r, &unit))
        return NULL;
    if (unit >= 0xd800 && unit < 0xdc00 && take_word(r, "\\u")) {
        if (!read_unit(r, &low))
            return NULL;
        if (low >= 0xdc00 && low < 0xe000)
            unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        else
            return put_utf8(put_utf8(to, unit), low);
    }
    return put_utf8(to, unit);
}

/* Behind the opening quote; a string grows by no escape. */
static bool read_string(reader *r, const char **text, size_t *len)
{
    const char *end = r->at;
    while (end < r->end && *end != '"')
        end += *end == '\\' && end + 1 < r->end ? 2 : 1;
    char *to = pat_alloc(r->arena, (size_t)(end - r->at) + 1), *start = to;
    while (r->at < r->end && *r->at != '"') {
        if ((unsigned char)*r->at < 0x20)
            return false;
        if (*r->at != '\\') {
            *to++ = *r->at++;
            continue;
        }
        r->at++;
        if (!(to = read_escape(r, to)))
            return false;
    }
    *text = start;
    *len = (size_t)(to - start);
    return r->at < r->end && *r->at++ == '"';
}

static bool read_number(reader *r, double *number)
{
    char text[64] = "", *end;
    size_t n = 0;
    while (r->at + n < r->end && n + 1 < sizeof text && memchr("0123456789+-.eE", r->at[n], 15))
        n++;
    memcpy(text, r->at, n);
    *number = strtod(text, &end);
    r->at += n;
    return n && end == text + n;
}

static bool read_items(reader *r, pat_json *v, char close)
{
    if (take(r, close))
        return true;
    do {
        const char *key = "";
        size_t n;
        if (close == '}' && (!take(r, '"') || !read_string(r, &key, &n) || !take(r, ':')))
            return false;
        pat_json *item = read_value(r);
        if (!item)
            return false;
        PAT_PUSH(r->arena, v->items, item);
        PAT_PUSH(r->arena, v->keys, key);
    } while (take(r, ','));
    return take(r, close);
}

static bool read_kind(reader *r, pat_json *v)
{
    switch (*r->at) {
    case '{': r->at++; v->kind = PJ_OBJECT; return read_items(r, v, '}');
    case '[': r->at++; v->kind = PJ_ARRAY; return read_items(r, v, ']');
    case '"': r->at++; v->kind = PJ_STRING; return read_string(r, &v->text, &v->len);
    case 'n': return take_word(r, "null");
    case 'f': v->kind = PJ_FALSE; return take_word(r, "false");
    case 't': v->kind = PJ_TRUE; return take_word(r, "true");
    default: v->kind = PJ_NUMBER; return read_number(r, &v->number);
    }
}

static pat_json *read_value(reader *r)
{
    pat_json *v = pat_alloc(r->arena, sizeof *v);
    skip_blanks(r);
    v->source = r->at;
    if (r->at == r->end || r->depth == 100)
        return NULL;
    r->depth++;
    bool ok = read_kind(r, v);
    r->depth--;
    v->source_len = (size_t)(r->at - v->source);
    return ok ? v : NULL;
}

pat_json *pat_json_read(pat_arena *a, const char *text, size_t n)
{
    reader r = {.arena = a, .at = text, .end = text + n};
    pat_json *v = read_value(&r);
    skip_blanks(&r);
    return v && r.at == r.end ? v : NULL;
}

const pat_json *pat_json_get(const pat_json *v, const char *path)
{
    while (v && *path) {
        size_t n = strcspn(path, ".");
        const pat_json *found = NULL;
        for (uint32_t i = 0; v->kind == PJ_OBJECT && i < v->items.n; i++)
            if (strlen(v->keys.at[i]) == n && !memcmp(v->keys.at[i], path, n))
                found = v->items.at[i];
        v = found;
        path += n + (path[n] == '.');
    }
    return v;
}

const char *pat_json_get_text(const pat_json *v, const char *path)
{
    v = pat_json_get(v, path);
    return v && v->kind == PJ_STRING ? v->text : NULL;
}

uint32_t pat_json_get_size(const pat_json *v, const char *path)
{
    v = pat_json_get(v, path);
    return v && v->kind == PJ_NUMBER && v->number >= 0 && v->number <= UINT32_MAX ? (uint32_t)v->number : 0;
}
