/* Dims as text: "2*s77", "(T + 1)//2", "min(a, b)".  What is printed reads back as the same
 * dim; reading also takes the spellings of torch FX and ONNX files. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "dims.h"
#include "quote.h"

/* ---------------------------------------------------------------- printing -- */

typedef struct writer { const sld_graph *g; char *buf; size_t n, len; } writer;

static void put(writer *w, const char *s)
{
    for (; *s; s++, w->len++)
        if (w->len + 1 < w->n)
            w->buf[w->len] = *s;
}

static void put_number(writer *w, int64_t x)
{
    char s[24];
    snprintf(s, sizeof s, "%" PRId64, x);
    put(w, s);
}

static void put_dim(writer *w, sld_dim d);

static void put_symbol(writer *w, const char *name)
{
    if (sld__is_word(name)) {
        put(w, name);
        return;
    }
    size_t at = w->len < w->n ? w->len : w->n;
    w->len += sld__quote(w->buf + at, w->n - at, name);
}

/* A dim as an operand of // or %: in brackets unless it is one symbol or number. */
static void put_operand(writer *w, sld_dim d)
{
    sld_poly p;
    const sld_atom *a = NULL;
    if (sld_dim_is_sym(d) && sld__dim_load(w->g, d, &p) && p.n == 1 && p.t[0].c == 1 && p.t[0].n == 1)
        a = sld__atom(w->g, p.t[0].f[0]);
    bool plain = sld_dim_is_sym(d) ? a && a->kind != SLD_ATOM_DIV && a->kind != SLD_ATOM_MOD : d >= 0;
    put(w, plain ? "" : "(");
    put_dim(w, d);
    put(w, plain ? "" : ")");
}

static void put_atom(writer *w, const sld_atom *a, bool alone)
{
    switch (a->kind) {
    case SLD_ATOM_SYMBOL:
        put_symbol(w, a->name);
        break;
    case SLD_ATOM_MIN:
    case SLD_ATOM_MAX:
        put(w, a->kind == SLD_ATOM_MIN ? "min(" : "max(");
        put_dim(w, a->a);
        put(w, ", ");
        put_dim(w, a->b);
        put(w, ")");
        break;
    default:
        put(w, alone ? "" : "(");
        put_operand(w, a->a);
        put(w, a->kind == SLD_ATOM_DIV ? "//" : " % ");
        put_operand(w, a->b);
        put(w, alone ? "" : ")");
    }
}

static void put_term(writer *w, const sld_sym_term *t, int64_t c)
{
    if (c == -1 && t->n)
        put(w, "-");
    else if (c != 1 || !t->n)
        put_number(w, c);
    for (uint32_t k = 0; k < t->n; k++) {
        put(w, k || (c != 1 && c != -1) ? "*" : "");
        put_atom(w, sld__atom(w->g, t->f[k]), t->c == 1 && t->n == 1);
    }
}

static void put_dim(writer *w, sld_dim d)
{
    sld_poly p;
    if (!sld_dim_is_sym(d) || !sld__dim_load(w->g, d, &p)) {
        if (sld_dim_is_sym(d))
            put(w, "?");
        else
            put_number(w, d);
        return;
    }
    for (uint32_t i = 0; i < p.n; i++) {
        bool minus = i && p.t[i].c < 0;
        put(w, !i ? "" : minus ? " - " : " + ");
        put_term(w, &p.t[i], minus ? -p.t[i].c : p.t[i].c);
    }
}

int sld_dim_print(const sld_graph *g, sld_dim d, char *buf, size_t n)
{
    writer w = {g, buf, n, 0};
    put_dim(&w, d);
    if (n)
        buf[w.len < n ? w.len : n - 1] = '\0';
    return (int)w.len;
}

/* ----------------------------------------------------------------- reading -- */

enum { NESTING = 64 };

typedef struct reader {
    sld_graph *g;
    const char *p, *end;
    bool fresh;
    int64_t lo, hi;
    unsigned depth;
} reader;

static sld_dim bad(reader *r, const char *what)
{
    const char *where = r->g->where;
    sld__fail(r->g->ctx, SLD_ERR_FORMAT, "%s%sbad dim: %s", where ? where : "", where ? ": " : "", what);
    return SLD_SYM_NONE;
}

static bool accept(reader *r, const char *token)
{
    size_t n = strlen(token);
    while (r->p < r->end && strchr(" \t\r\n", *r->p) && *r->p)
        r->p++;
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, token, n))
        return false;
    r->p += n;
    return true;
}

static sld_dim read_sum(reader *r);

static sld_dim read_number(reader *r)
{
    int64_t v = 0;
    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *r->p - '0', &v))
            return bad(r, "the number is too large");
    return v;
}

typedef sld_dim (*dim_fn)(sld_graph *g, sld_dim a, sld_dim b);

static sld_dim read_call(reader *r, const char *name)
{
    static const struct { const char *name; dim_fn fn; } fns[] = {
        {"min", sld_dim_min}, {"max", sld_dim_max}, {"mod", sld_dim_mod}, {"floordiv", sld_dim_div}};
    dim_fn fn = NULL;
    for (size_t i = 0; i < sizeof fns / sizeof *fns; i++)
        if (!strcasecmp(fns[i].name, name))
            fn = fns[i].fn;
    if (!fn)
        return bad(r, "unknown function");
    sld_dim a = read_sum(r);
    while (a != SLD_SYM_NONE && accept(r, ",")) {
        sld_dim b = read_sum(r);
        a = b == SLD_SYM_NONE ? b : fn(r->g, a, b);
    }
    return a == SLD_SYM_NONE || accept(r, ")") ? a : bad(r, "expected ')'");
}

static sld_dim symbol(reader *r, const char *name)
{
    if (r->fresh)
        return sld_dim_symbol(r->g, name, r->lo, r->hi);
    sld_dim d = sld__dim_find(r->g, name);
    return d == SLD_SYM_NONE ? bad(r, "a symbol is not declared") : d;
}

static sld_dim read_name(reader *r)
{
    const char *from = r->p;
    bool quoted = *from == '"';
    if (quoted)
        for (r->p++; r->p < r->end && *r->p != '"'; r->p++)
            r->p += *r->p == '\\' && r->end - r->p > 1;
    else
        while (r->p < r->end && sld__is_word_char(*r->p))
            r->p++;
    r->p += quoted && r->p < r->end;
    size_t n = (size_t)(r->p - from);
    char *name = sld__alloc(r->g->ctx, n + 1);
    if (!name)
        return SLD_SYM_NONE;
    sld_dim d;
    if (!quoted) {
        memcpy(name, from, n);
        d = accept(r, "(") ? read_call(r, name) : symbol(r, name);
    } else {
        d = sld__unquote(&from, r->p, name) ? symbol(r, name) : bad(r, "malformed name in quotes");
    }
    sld__free(r->g->ctx, name);
    return d;
}

static sld_dim read_primary(reader *r)
{
    if (accept(r, "(")) {
        sld_dim d = read_sum(r);
        return d == SLD_SYM_NONE || accept(r, ")") ? d : bad(r, "expected ')'");
    }
    if (r->p == r->end)
        return bad(r, "it ends too early");
    if (*r->p >= '0' && *r->p <= '9')
        return read_number(r);
    return sld__is_word_start(*r->p) || *r->p == '"' ? read_name(r) : bad(r, "expected a number or a name");
}

static sld_dim read_factor(reader *r)
{
    unsigned minus = 0;
    while (accept(r, "-"))
        minus ^= 1;
    sld_dim base = read_primary(r), d = base;
    if (d != SLD_SYM_NONE && accept(r, "**")) {
        accept(r, "");
        sld_dim n = read_number(r);
        if (n < 1 || n > SLD_SYM_DEGREE)
            return bad(r, "a power is out of range");
        while (d != SLD_SYM_NONE && n-- > 1)
            d = sld_dim_mul(r->g, d, base);
    }
    return minus && d != SLD_SYM_NONE ? sld_dim_sub(r->g, 0, d) : d;
}

static sld_dim read_product(reader *r)
{
    sld_dim a = read_factor(r);
    while (a != SLD_SYM_NONE) {
        dim_fn fn = accept(r, "//") || accept(r, "/") ? sld_dim_div
                    : accept(r, "*")                  ? sld_dim_mul
                    : accept(r, "%")                  ? sld_dim_mod
                                                      : NULL;
        if (!fn)
            break;
        sld_dim b = read_factor(r);
        a = b == SLD_SYM_NONE ? b : fn(r->g, a, b);
    }
    return a;
}

static sld_dim read_sum(reader *r)
{
    if (r->depth == NESTING)
        return bad(r, "brackets are nested too deeply");
    r->depth++;
    sld_dim a = read_product(r);
    while (a != SLD_SYM_NONE) {
        dim_fn fn = accept(r, "+") ? sld_dim_add : accept(r, "-") ? sld_dim_sub : NULL;
        if (!fn)
            break;
        sld_dim b = read_product(r);
        a = b == SLD_SYM_NONE ? b : fn(r->g, a, b);
    }
    r->depth--;
    return a;
}

sld_dim sld__dim_read(sld_graph *g, const char **text, const char *end, bool fresh, int64_t lo, int64_t hi)
{
    reader r = {g, *text, end, fresh, lo, hi, 0};
    sld_dim d = read_sum(&r);
    *text = r.p;
    return d;
}

sld_dim sld_dim_parse(sld_graph *g, const char *text, int64_t lo, int64_t hi)
{
    reader r = {g, text, text + strlen(text), true, lo, hi, 0};
    sld_dim d = read_sum(&r);
    accept(&r, "");
    return d == SLD_SYM_NONE || r.p == r.end ? d : bad(&r, "something follows it");
}
