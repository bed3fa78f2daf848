/* Reads the text form.  Names are defined before they are used, so one pass over the text
 * builds the graph; types behind ':' are claims that inference must confirm. */
#include <inttypes.h>
#include <string.h>

#include "dims.h"
#include "names.h"
#include "quote.h"
#include "text.h"

typedef struct written_type { uint8_t dtype; uint32_t first, rank; } written_type;

/* A position with its line. */
typedef struct place { const char *at, *line_begin; uint32_t line; } place;

typedef struct parser {
    sld_graph *g;
    sld_ctx *ctx;
    const char *name;            /* of the text */
    const char *p, *end;
    place start, here;           /* of the statement at hand, and the last that was located */
    sld_table ops;
    /* Of the statement at hand. */
    SLD_ARRAY(char) words;       /* NUL-terminated, found by offset */
    SLD_ARRAY(uint32_t) results; /* offsets of result names */
    SLD_ARRAY(const char *) names;
    SLD_ARRAY(sld_value) in;
    SLD_ARRAY(sld_dim) dims;
    SLD_ARRAY(written_type) types;
    SLD_ARRAY(char) bytes;
    sld_attr attrs[UINT8_MAX];
    char where[256];
} parser;

/* ------------------------------------------------------------------ errors -- */

/* Makes `at` the place that messages name, also those of the functions called from here. */
static void locate(parser *t, const char *at)
{
    if (at < t->here.at)
        t->here = t->start; /* lines are counted again from there only, so that parsing stays linear */
    for (; t->here.at < at; t->here.at++)
        if (*t->here.at == '\n') {
            t->here.line++;
            t->here.line_begin = t->here.at + 1;
        }
    snprintf(t->where, sizeof t->where, "%.200s:%" PRIu32 ":%td", t->name, t->here.line,
             at - t->here.line_begin + 1);
}

#define FAIL_AT(t, at, status, ...) (locate((t), (at)), fail_here((t), (status), __VA_ARGS__))

static bool fail_here(parser *t, sld_status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static bool fail_here(parser *t, sld_status status, const char *fmt, ...)
{
    char what[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    sld__fail(t->ctx, status, "%s: %s", t->where, what);
    return false;
}

/* ----------------------------------------------------------------- scanning -- */

static void skip(parser *t)
{
    while (t->p < t->end) {
        if (*t->p == '#')
            while (t->p < t->end && *t->p != '\n')
                t->p++;
        else if (*t->p == ' ' || *t->p == '\t' || *t->p == '\r' || *t->p == '\n')
            t->p++;
        else
            break;
    }
}

static bool accept(parser *t, const char *token)
{
    size_t n = strlen(token);
    skip(t);
    if ((size_t)(t->end - t->p) < n || memcmp(t->p, token, n))
        return false;
    t->p += n;
    return true;
}

static bool expect(parser *t, const char *token)
{
    return accept(t, token) || FAIL_AT(t, t->p, SLD_ERR_FORMAT, "expected '%s'", token);
}

/* Appends n bytes of the text as a word; UINT32_MAX when memory is short. */
static uint32_t keep(parser *t, const char *from, size_t n)
{
    uint32_t at = t->words.n;
    if (n > UINT32_MAX / 2 - at) {
        FAIL_AT(t, from, SLD_ERR_LIMIT, "this is too long");
        return UINT32_MAX;
    }
    if (!SLD_RESERVE(t->ctx, t->words, at + (uint32_t)n + 1))
        return UINT32_MAX;
    memcpy(t->words.at + at, from, n);
    t->words.at[at + n] = '\0';
    t->words.n += (uint32_t)n + 1;
    return at;
}

/* A quoted string at the cursor. */
static uint32_t read_quoted(parser *t)
{
    const char *from = t->p, *q = t->p + 1;
    while (q < t->end && *q != '"' && *q != '\n')
        q += *q == '\\' && t->end - q > 1 ? 2 : 1;
    uint32_t at = keep(t, from, (size_t)(q - from));
    if (at != UINT32_MAX && !sld__unquote(&t->p, t->end, t->words.at + at)) {
        FAIL_AT(t, from, SLD_ERR_FORMAT, "malformed string in quotes");
        return UINT32_MAX;
    }
    return at;
}

/* A run of characters of one kind, or a quoted string; what names it in messages. */
static uint32_t read_word(parser *t, bool (*of)(char), const char *what)
{
    skip(t);
    const char *from = t->p;
    if (t->p < t->end && *t->p == '"')
        return read_quoted(t);
    while (t->p < t->end && of(*t->p))
        t->p++;
    if (t->p == from) {
        FAIL_AT(t, from, SLD_ERR_FORMAT, "expected %s", what);
        return UINT32_MAX;
    }
    return keep(t, from, (size_t)(t->p - from));
}

static bool name_char(char c) { return sld__is_name_char(c); }

/* Names are not empty. */
static uint32_t read_name(parser *t)
{
    skip(t);
    const char *from = t->p;
    uint32_t at = read_word(t, name_char, "a name");
    if (at == UINT32_MAX || t->words.at[at])
        return at;
    FAIL_AT(t, from, SLD_ERR_FORMAT, "a name is empty");
    return UINT32_MAX;
}

/* %name that is new. */
static uint32_t read_new_name(parser *t)
{
    if (!expect(t, "%"))
        return UINT32_MAX;
    const char *from = t->p;
    uint32_t at = read_name(t);
    if (at != UINT32_MAX && sld_value_find(t->g, t->words.at + at)) {
        FAIL_AT(t, from - 1, SLD_ERR_GRAPH, "%%%s is defined twice", t->words.at + at);
        return UINT32_MAX;
    }
    return at;
}

/* %name that is defined, or _ where that is allowed. */
static bool read_value(parser *t, bool optional, sld_value *v)
{
    *v = 0;
    if (optional && accept(t, "_"))
        return true;
    if (!expect(t, "%"))
        return false;
    const char *from = t->p - 1;
    uint32_t at = read_name(t);
    if (at == UINT32_MAX)
        return false;
    *v = sld_value_find(t->g, t->words.at + at);
    return *v || FAIL_AT(t, from, SLD_ERR_GRAPH, "%%%s is not defined before this use", t->words.at + at);
}

/* ------------------------------------------------------------ dims and types -- */

static bool read_dim(parser *t, sld_dim *d)
{
    skip(t);
    const char *p = t->p;
    for (*d = 0; p < t->end && *p >= '0' && *p <= '9' && *d < 1 << 24; p++)
        *d = *d * 10 + (*p - '0');
    if (p > t->p && p < t->end && (*p == ',' || *p == ']')) { /* nearly all dims */
        t->p = p;
        return true;
    }
    locate(t, t->p);
    *d = sld__dim_read(t->g, &t->p, t->end, false, 0, 0);
    return *d != SLD_SYM_NONE;
}

/* [a, b, ...], appended to t->dims. */
static bool read_dims(parser *t, uint32_t *first, uint32_t *n)
{
    sld_dim d;
    *first = t->dims.n;
    *n = 0;
    if (!expect(t, "["))
        return false;
    if (accept(t, "]"))
        return true;
    do {
        if (!read_dim(t, &d) || !SLD_RESERVE(t->ctx, t->dims, t->dims.n + 1))
            return false;
        t->dims.at[t->dims.n++] = d;
        ++*n;
    } while (accept(t, ","));
    return expect(t, "]");
}

static bool read_dtype(parser *t, sld_dtype *dtype)
{
    skip(t);
    const char *from = t->p;
    uint32_t at = read_word(t, sld__is_word_char, "an element type");
    if (at == UINT32_MAX)
        return false;
    *dtype = sld_dtype_parse(t->words.at + at);
    return *dtype || FAIL_AT(t, from, SLD_ERR_FORMAT, "unknown element type '%s'", t->words.at + at);
}

static bool read_type(parser *t, written_type *type)
{
    sld_dtype dtype;
    if (!read_dtype(t, &dtype) || !read_dims(t, &type->first, &type->rank))
        return false;
    type->dtype = (uint8_t)dtype;
    return true;
}

/* ---------------------------------------------------------------- constants -- */

/* The bits of an element, or of a float attribute, after 0x. */
static bool read_bits(parser *t, size_t size, uint64_t *bits)
{
    const char *from = t->p;
    unsigned digits = 0;
    for (*bits = 0, t->p += 2; t->p < t->end; t->p++, digits++) {
        char c = *t->p;
        unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                                            : 16;
        if (d == 16 || digits == 16)
            break;
        *bits = *bits << 4 | d;
    }
    return digits == size * 2 || FAIL_AT(t, from, SLD_ERR_FORMAT, "expected %zu digits after 0x", size * 2);
}

static bool number_char(char c)
{
    return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E';
}

static bool read_float(parser *t, double *x)
{
    skip(t);
    const char *from = t->p;
    uint32_t at = read_word(t, number_char, "a number");
    if (at == UINT32_MAX)
        return false;
    bool ok = sld__read_float(t->words.at + at, x) || FAIL_AT(t, from, SLD_ERR_FORMAT, "malformed number");
    t->words.n = at;
    return ok;
}

static bool read_integer(parser *t, int64_t lo, int64_t hi, int64_t *x)
{
    skip(t);
    const char *from = t->p;
    bool minus = accept(t, "-"), digits = false;
    /* Counted downwards, because INT64_MIN has no positive counterpart. */
    for (*x = 0; t->p < t->end && *t->p >= '0' && *t->p <= '9'; t->p++, digits = true)
        if (__builtin_mul_overflow(*x, 10, x) || __builtin_sub_overflow(*x, *t->p - '0', x))
            return FAIL_AT(t, from, SLD_ERR_FORMAT, "the number is too large");
    if (!digits)
        return FAIL_AT(t, from, SLD_ERR_FORMAT, "expected a number");
    if ((!minus && __builtin_sub_overflow(0, *x, x)) || *x < lo || *x > hi)
        return FAIL_AT(t, from, SLD_ERR_FORMAT, "the number is out of range");
    return true;
}

/* One element of type dtype. */
static bool read_element(parser *t, sld_dtype dtype, sld_element *e)
{
    size_t size = sld_dtype_size(dtype);
    int64_t lo = dtype == SLD_U8 ? 0 : -1 - (int64_t)(UINT64_MAX >> (65 - size * 8)),
            hi = dtype == SLD_U8 ? 255 : -1 - lo;
    int64_t i;
    double x;
    skip(t);
    e->bits = 0;
    if (t->end - t->p > 1 && t->p[0] == '0' && t->p[1] == 'x')
        return read_bits(t, size, &e->bits);
    switch (dtype) {
    case SLD_BOOL:
        e->bits = accept(t, "true");
        return e->bits || accept(t, "false") || FAIL_AT(t, t->p, SLD_ERR_FORMAT, "expected true or false");
    case SLD_U8:
    case SLD_I8:
    case SLD_I32:
    case SLD_I64:
        if (!read_integer(t, lo, hi, &i))
            return false;
        e->bits = (uint64_t)i; /* the low bytes: machines we run on are little-endian */
        return true;
    default:
        if (!read_float(t, &x))
            return false;
        sld__set_element_float(e, dtype, 0, x);
        return true;
    }
}

/* Elements of a constant into t->bytes: one alone, or a list in brackets. */
static bool read_elements(parser *t, sld_dtype dtype)
{
    uint32_t size = (uint32_t)sld_dtype_size(dtype);
    bool list = accept(t, "[");
    if (list && accept(t, "]"))
        return SLD_RESERVE(t->ctx, t->bytes, 1);
    do {
        sld_element e;
        if (!read_element(t, dtype, &e) || !SLD_RESERVE(t->ctx, t->bytes, t->bytes.n + size))
            return false;
        memcpy(t->bytes.at + t->bytes.n, &e, size);
        t->bytes.n += size;
    } while (list && accept(t, ","));
    return !list || expect(t, "]");
}

static int base64_digit(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* Decodes n characters, of which the last may be '=' paddings; false when they are malformed. */
static bool decode_base64(const char *s, size_t n, unsigned char *out, size_t *size)
{
    *size = n / 4 * 3;
    if (n % 4)
        return false;
    for (size_t i = 0; i < n; i += 4) {
        size_t pad = i + 4 < n || s[i + 3] != '=' ? 0 : s[i + 2] == '=' ? 2 : 1;
        uint32_t b = 0;
        for (size_t k = 0; k < 4; k++) {
            int d = k >= 4 - pad ? 0 : base64_digit(s[i + k]);
            if (d < 0)
                return false;
            b = b << 6 | (uint32_t)d;
        }
        for (size_t k = 0; k < 3 - pad; k++)
            *out++ = (unsigned char)(b >> (16 - 8 * k));
        *size -= pad;
    }
    return true;
}

static bool read_base64_const(parser *t, const char *name, const written_type *type)
{
    if (!expect(t, "\""))
        return false;
    const char *from = t->p, *close = memchr(from, '"', (size_t)(t->end - from));
    size_t n = close ? (size_t)(close - from) : 0, size = 0;
    unsigned char *data = sld__alloc(t->ctx, n / 4 * 3);
    if (!data)
        return false;
    bool ok = (close && decode_base64(from, n, data, &size)) ||
              FAIL_AT(t, from, SLD_ERR_FORMAT, "malformed base64");
    ok = ok && sld_graph_const(t->g, name, type->dtype, type->rank, t->dims.at + type->first, data, size);
    sld__free(t->ctx, data);
    t->p = close ? close + 1 : from;
    return ok;
}

static bool parse_const(parser *t)
{
    written_type type;
    skip(t);
    const char *from = t->p;
    uint32_t at = read_new_name(t);
    if (at == UINT32_MAX || !expect(t, ":") || !read_type(t, &type) || !expect(t, "="))
        return false;
    if (!SLD_RESERVE(t->ctx, t->dims, 1))
        return false;
    bool elided = accept(t, "..."), base64 = !elided && accept(t, "base64");
    if (!elided && !base64 && !read_elements(t, type.dtype))
        return false;
    locate(t, from);
    const char *name = t->words.at + at;
    if (base64)
        return read_base64_const(t, name, &type);
    return sld_graph_const(t->g, name, type.dtype, type.rank, t->dims.at + type.first,
                           elided ? NULL : t->bytes.at, t->bytes.n) != 0;
}

/* -------------------------------------------------------------------- nodes -- */

static bool read_float_attr(parser *t, double *f)
{
    uint64_t bits;
    skip(t);
    if (t->end - t->p < 2 || t->p[0] != '0' || t->p[1] != 'x')
        return read_float(t, f);
    if (!read_bits(t, sizeof *f, &bits))
        return false;
    memcpy(f, &bits, sizeof *f);
    return true;
}

static bool read_enum(parser *t, const sld_attr_info *info, int64_t *value)
{
    skip(t);
    const char *from = t->p;
    uint32_t at = read_word(t, sld__is_word_char, "a word");
    if (at == UINT32_MAX)
        return false;
    for (*value = 0; *value < info->n_names; ++*value)
        if (!strcmp(info->names[*value], t->words.at + at))
            return true;
    return FAIL_AT(t, from, SLD_ERR_FORMAT, "'%s' is no value of %s", t->words.at + at, info->name);
}

static bool read_list(parser *t, sld_attr *a)
{
    uint32_t first, n;
    if (!read_dims(t, &first, &n))
        return false;
    sld_dim *list = sld__graph_alloc(t->g, n * sizeof *list);
    if (!list)
        return false;
    if (n)
        memcpy(list, t->dims.at + first, n * sizeof *list);
    a->p = list;
    a->n = n;
    return true;
}

static bool read_string(parser *t, sld_attr *a)
{
    skip(t);
    if (t->p == t->end || *t->p != '"')
        return FAIL_AT(t, t->p, SLD_ERR_FORMAT, "expected a string in quotes");
    uint32_t at = read_quoted(t);
    return at != UINT32_MAX && (a->s = sld__graph_str(t->g, t->words.at + at));
}

static bool read_attr_value(parser *t, const sld_attr_info *info, sld_attr *a)
{
    sld_dtype dtype;
    *a = (sld_attr){.kind = info->kind};
    switch (info->kind) {
    case SLD_ATTR_FLOAT: return read_float_attr(t, &a->f);
    case SLD_ATTR_BOOL:
        a->i = accept(t, "true");
        return a->i || accept(t, "false") || FAIL_AT(t, t->p, SLD_ERR_FORMAT, "expected true or false");
    case SLD_ATTR_STRING: return read_string(t, a);
    case SLD_ATTR_DTYPE:
        if (!read_dtype(t, &dtype))
            return false;
        a->i = dtype;
        return true;
    case SLD_ATTR_ENUM: return read_enum(t, info, &a->i);
    case SLD_ATTR_INTS:
    case SLD_ATTR_AXES: return read_list(t, a);
    default: return read_dim(t, &a->i);
    }
}

/* name = value, ... up to the closing bracket. */
static bool read_attrs(parser *t, const sld_op_info *op)
{
    do {
        skip(t);
        const char *from = t->p;
        uint32_t at = read_word(t, sld__is_word_char, "an attribute"), i = 0;
        if (at == UINT32_MAX)
            return false;
        while (i < op->n_attrs && strcmp(op->attrs[i].name, t->words.at + at))
            i++;
        if (i == op->n_attrs)
            return FAIL_AT(t, from, SLD_ERR_FORMAT, "%s has no attribute '%s'", op->name, t->words.at + at);
        if (t->attrs[i].kind)
            return FAIL_AT(t, from, SLD_ERR_FORMAT, "attribute '%s' is given twice", t->words.at + at);
        if (!expect(t, "=") || !read_attr_value(t, &op->attrs[i], &t->attrs[i]))
            return false;
    } while (accept(t, ","));
    return true;
}

static bool read_operands(parser *t)
{
    skip(t);
    if (t->p < t->end && (*t->p == ')' || *t->p == ';'))
        return true;
    do {
        sld_value v;
        if (!read_value(t, true, &v) || !SLD_RESERVE(t->ctx, t->in, t->in.n + 1))
            return false;
        t->in.at[t->in.n++] = v;
    } while (accept(t, ","));
    return true;
}

static uint16_t find_op(parser *t, const char *name)
{
    uint32_t hash = sld__hash(SLD_HASH_SEED, name, strlen(name)), step = 0, id;
    while ((id = sld__table_next(&t->ops, hash, &step)) && strcmp(t->g->rules->ops[id].name, name))
        continue;
    return (uint16_t)id;
}

static bool read_results(parser *t)
{
    do {
        uint32_t at = read_new_name(t);
        if (at == UINT32_MAX || !SLD_RESERVE(t->ctx, t->results, t->results.n + 1))
            return false;
        t->results.at[t->results.n++] = at;
    } while (accept(t, ","));
    return expect(t, "=");
}

/* A type that is the same in other words is taken as it is written. */
static bool take_type(parser *t, sld_value v, const written_type *w)
{
    uint32_t type = sld__type(t->g, w->dtype, w->rank, t->dims.at + w->first);
    bool same = type && sld__types_agree(t->g, t->g->values.at[v].type, type);
    if (same)
        t->g->values.at[v].type = type;
    return same;
}

static void type_text(const sld_graph *g, sld_value v, char *buf, size_t n)
{
    const sld_type_rec *r = sld_type_of(g, v);
    size_t len = (size_t)snprintf(buf, n, "%s[", sld_dtype_name(r->dtype));
    for (uint32_t i = 0; i < r->rank && len < n; i++) {
        len += (size_t)snprintf(buf + len, n - len, i ? ", " : "");
        len += len < n ? (size_t)sld_dim_print(g, sld_shape(g, v)[i], buf + len, n - len) : 0;
    }
    if (len < n)
        snprintf(buf + len, n - len, "]");
}

/* What was written about the results against what they are. */
static bool check_results(parser *t, sld_node n, const char *types_at)
{
    for (uint32_t i = 0; i < t->results.n; i++) {
        sld_value v = sld_result(t->g, n, i);
        const char *wanted = t->words.at + t->results.at[i];
        char type[160];
        if (strcmp(sld_value_name(t->g, v), wanted))
            return FAIL_AT(t, t->start.at, SLD_ERR_GRAPH, "%%%s is defined twice", wanted);
        if (!t->types.n || take_type(t, v, &t->types.at[i]))
            continue;
        type_text(t->g, v, type, sizeof type);
        return FAIL_AT(t, types_at, SLD_ERR_TYPE, "%%%s is %s, not of the type written", wanted, type);
    }
    return true;
}

static bool read_types(parser *t)
{
    do {
        written_type w;
        if (!read_type(t, &w) || !SLD_RESERVE(t->ctx, t->types, t->types.n + 1))
            return false;
        t->types.at[t->types.n++] = w;
    } while (accept(t, ","));
    return true;
}

static bool read_partition(parser *t, sld_node n)
{
    int64_t partition = 0;
    bool written = accept(t, "@");
    if (written && !read_integer(t, 0, UINT32_MAX, &partition))
        return false;
    if ((written || t->g->partitions.n) && !sld__reserve_partitions(t->g))
        return false;
    if (t->g->partitions.n)
        sld__set_partition(t->g, n, (uint32_t)partition);
    return true;
}

/* The rest of a node, from the op's name on. */
static bool parse_node(parser *t)
{
    skip(t);
    const char *from = t->p;
    uint32_t at = read_word(t, sld__is_word_char, "an op");
    uint16_t op = at == UINT32_MAX ? 0 : find_op(t, t->words.at + at);
    if (!op)
        return at == UINT32_MAX ? false : FAIL_AT(t, from, SLD_ERR_OP, "unknown op '%s'", t->words.at + at);
    const sld_op_info *info = &t->g->rules->ops[op];
    memset(t->attrs, 0, info->n_attrs * sizeof *t->attrs);
    if (!expect(t, "(") || !read_operands(t) || (accept(t, ";") && !read_attrs(t, info)) || !expect(t, ")"))
        return false;
    skip(t);
    const char *types_at = t->p;
    if (accept(t, ":") && !read_types(t))
        return false;
    if (t->types.n && t->types.n != t->results.n)
        return FAIL_AT(t, types_at, SLD_ERR_FORMAT, "%u types for %u results", t->types.n, t->results.n);
    if (!SLD_RESERVE(t->ctx, t->names, t->results.n))
        return false;
    for (uint32_t i = 0; i < t->results.n; i++)
        t->names.at[i] = t->words.at + t->results.at[i];
    locate(t, from);
    sld_node n = sld_graph_add(t->g, op, t->in.n, t->in.at, t->attrs, t->results.n, t->names.at);
    return n && check_results(t, n, types_at) && read_partition(t, n);
}

/* --------------------------------------------------------------- statements -- */

static bool parse_version(parser *t)
{
    int64_t version;
    return read_integer(t, SLD_TEXT_VERSION, SLD_TEXT_VERSION, &version);
}

static bool read_bound(parser *t, int64_t *x)
{
    if (accept(t, "inf"))
        *x = SLD_UNBOUNDED_HI;
    else if (accept(t, "-inf"))
        *x = SLD_UNBOUNDED_LO;
    else
        return read_integer(t, SLD_UNBOUNDED_LO, SLD_UNBOUNDED_HI, x);
    return true;
}

static bool parse_symbol(parser *t)
{
    int64_t lo, hi;
    skip(t);
    const char *from = t->p;
    uint32_t at = read_word(t, sld__is_word_char, "a name");
    if (at == UINT32_MAX || !expect(t, "in") || !expect(t, "[") || !read_bound(t, &lo) || !expect(t, ",") ||
        !read_bound(t, &hi) || !expect(t, "]"))
        return false;
    locate(t, from);
    if (sld__dim_find(t->g, t->words.at + at) != SLD_SYM_NONE)
        return fail_here(t, SLD_ERR_GRAPH, "symbol '%s' is declared twice", t->words.at + at);
    return sld_dim_symbol(t->g, t->words.at + at, lo, hi) != SLD_SYM_NONE;
}

static bool parse_input(parser *t)
{
    written_type type;
    skip(t);
    const char *from = t->p;
    uint32_t at = read_new_name(t);
    if (at == UINT32_MAX || !expect(t, ":") || !read_type(t, &type) || !SLD_RESERVE(t->ctx, t->dims, 1))
        return false;
    locate(t, from);
    return sld_graph_input(t->g, t->words.at + at, type.dtype, type.rank, t->dims.at + type.first) != 0;
}

static bool parse_output(parser *t)
{
    sld_value v;
    skip(t);
    const char *from = t->p;
    uint32_t at = read_name(t);
    if (at == UINT32_MAX || !expect(t, "=") || !read_value(t, false, &v))
        return false;
    if (sld__name_owner(t->g, SLD_NAME_OUTPUT, t->words.at + at))
        return FAIL_AT(t, from, SLD_ERR_GRAPH, "output '%s' is defined twice", t->words.at + at);
    locate(t, from);
    return !sld_graph_output(t->g, t->words.at + at, v);
}

static bool parse_statement(parser *t)
{
    static const struct { const char *word; bool (*parse)(parser *); } statements[] = {
        {"solder", parse_version}, {"symbol", parse_symbol}, {"input", parse_input},
        {"const", parse_const},    {"output", parse_output}};
    t->words.n = t->results.n = t->in.n = t->dims.n = t->types.n = t->bytes.n = 0;
    locate(t, t->p);
    t->start = t->here;
    if (*t->p == '%')
        return read_results(t) && parse_node(t);
    uint32_t at = read_word(t, sld__is_word_char, "a statement");
    if (at == UINT32_MAX)
        return false;
    skip(t);
    /* An op without results may have the name of a statement; its bracket tells them apart. */
    for (size_t i = 0; i < sizeof statements / sizeof *statements && (t->p == t->end || *t->p != '('); i++)
        if (!strcmp(t->words.at + at, statements[i].word))
            return statements[i].parse(t);
    t->p = t->start.at;
    return parse_node(t);
}

static bool index_ops(parser *t)
{
    const sld_ruleset *r = t->g->rules;
    for (uint32_t i = 1; i < r->n_ops; i++) {
        if (!sld__table_reserve(t->ctx, &t->ops))
            return false;
        sld__table_add(&t->ops, sld__hash(SLD_HASH_SEED, r->ops[i].name, strlen(r->ops[i].name)), i);
    }
    return true;
}

static bool parse_text(parser *t)
{
    if (!index_ops(t))
        return false;
    for (skip(t); t->p < t->end; skip(t))
        if (!parse_statement(t))
            return false;
    return true;
}

sld_graph *sld_text_parse(sld_ctx *ctx, const sld_ruleset *rules, const char *name, const char *text,
                          size_t len)
{
    sld_graph *g = sld_graph_new(ctx, rules);
    parser *t = g ? sld__alloc(ctx, sizeof *t) : NULL;
    bool ok = false;
    if (t) {
        *t = (parser){.g = g, .ctx = ctx, .name = name, .p = text, .end = text + len};
        t->start = t->here = (place){text, text, 1};
        g->where = t->where;
        ok = parse_text(t);
        g->where = NULL;
        void *arrays[] = {t->ops.at,  t->words.at, t->results.at, t->names.at,
                          t->in.at,   t->dims.at,  t->types.at,   t->bytes.at, t};
        for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
            sld__free(ctx, arrays[i]);
    }
    if (ok && !sld__starved(ctx))
        return g;
    sld_graph_free(g);
    return NULL;
}
