/* Prints a graph as text that sld_text_parse reads back to the same graph: symbols, inputs,
 * constants, nodes in order, outputs.  Attributes that have their default are left out. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "dims.h"
#include "names.h"
#include "quote.h"
#include "text.h"

typedef struct printer { sld_graph *g; FILE *out; sld_status status; } printer;

/* Prints what a function with the manners of snprintf writes. */
#define PRINT_SIZED(p, call_with_buf_n)                                     \
    do {                                                                    \
        char small[256], *buf = small;                                      \
        size_t n = sizeof small, need = (size_t)(call_with_buf_n);          \
        if (need >= n && (buf = sld__alloc((p)->g->ctx, n = need + 1)))     \
            (void)(call_with_buf_n);                                        \
        if (buf)                                                            \
            fputs(buf, (p)->out);                                           \
        else                                                                \
            (p)->status = SLD_ERR_MEMORY;                                   \
        if (buf != small)                                                   \
            sld__free((p)->g->ctx, buf);                                    \
    } while (0)

static void print_quoted(printer *p, const char *s) { PRINT_SIZED(p, sld__quote(buf, n, s)); }

static void print_dim(printer *p, sld_dim d)
{
    if (sld_dim_is_sym(d))
        PRINT_SIZED(p, sld_dim_print(p->g, d, buf, n));
    else
        fprintf(p->out, "%" PRId64, d);
}

static void print_name(printer *p, const char *name)
{
    const char *c = name;
    while (sld__is_name_char(*c))
        c++;
    if (*c || !*name)
        print_quoted(p, name);
    else
        fputs(name, p->out);
}

static void print_value(printer *p, sld_value v)
{
    if (!v) {
        putc('_', p->out);
        return;
    }
    putc('%', p->out);
    print_name(p, sld_value_name(p->g, v));
}

static void print_dims(printer *p, const sld_dim *dims, uint32_t n)
{
    putc('[', p->out);
    for (uint32_t i = 0; i < n; i++) {
        fputs(i ? ", " : "", p->out);
        print_dim(p, dims[i]);
    }
    putc(']', p->out);
}

static void print_type(printer *p, sld_value v)
{
    fputs(sld_dtype_name(sld_dtype_of(p->g, v)), p->out);
    print_dims(p, sld_shape(p->g, v), sld_rank(p->g, v));
}

/* --------------------------------------------------------------- constants -- */

static void print_bits(printer *p, const void *data, size_t size)
{
    uint64_t bits = 0;
    memcpy(&bits, data, size);
    fprintf(p->out, "0x%0*" PRIx64, (int)size * 2, bits);
}

static void print_element(printer *p, const void *data, sld_dtype t, uint32_t i)
{
    const char *at = (const char *)data + i * sld_dtype_size(t);
    char text[40];
    int64_t x = 0;
    switch (t) {
    case SLD_BOOL:
        if ((unsigned char)*at > 1)
            print_bits(p, at, 1);
        else
            fputs(*at ? "true" : "false", p->out);
        return;
    case SLD_U8: x = *(const uint8_t *)at; break;
    case SLD_I8: x = *(const int8_t *)at; break;
    case SLD_I32: x = *(const int32_t *)at; break;
    case SLD_I64: x = *(const int64_t *)at; break;
    default:
        if (sld__format_float(sld__element_float(data, t, i), t, text, sizeof text))
            fputs(text, p->out);
        else
            print_bits(p, at, sld_dtype_size(t));
        return;
    }
    fprintf(p->out, "%" PRId64, x);
}

static void print_elements(printer *p, sld_value v, const sld_const *c)
{
    const sld_type_rec *r = sld_type_of(p->g, v);
    uint32_t n = (uint32_t)(c->nbytes / sld_dtype_size(r->dtype));
    fputs(r->rank ? "[" : "", p->out);
    for (uint32_t i = 0; i < n; i++) {
        fputs(i ? ", " : "", p->out);
        print_element(p, c->data, r->dtype, i);
    }
    fputs(r->rank ? "]" : "", p->out);
}

static void print_base64(printer *p, const unsigned char *data, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    fputs("base64 \"", p->out);
    for (size_t i = 0; i < n; i += 3) {
        uint32_t b = (uint32_t)data[i] << 16;
        b |= i + 1 < n ? (uint32_t)data[i + 1] << 8 : 0;
        b |= i + 2 < n ? data[i + 2] : 0;
        char q[4] = {digits[b >> 18], digits[b >> 12 & 63], i + 1 < n ? digits[b >> 6 & 63] : '=',
                     i + 2 < n ? digits[b & 63] : '='};
        fwrite(q, 1, 4, p->out);
    }
    putc('"', p->out);
}

static void print_const(printer *p, sld_value v, unsigned flags)
{
    const sld_const *c = sld_const_of(p->g, v);
    fputs("const ", p->out);
    print_value(p, v);
    fputs(" : ", p->out);
    print_type(p, v);
    fputs(" = ", p->out);
    if (c->data && c->nbytes <= SLD_TEXT_SMALL * sld_dtype_size(sld_dtype_of(p->g, v)))
        print_elements(p, v, c);
    else if (c->data && (flags & SLD_TEXT_DATA))
        print_base64(p, c->data, c->nbytes);
    else
        fputs("...", p->out);
    putc('\n', p->out);
}

/* ------------------------------------------------------------------- nodes -- */

static void print_float(printer *p, double x)
{
    char text[40];
    if (sld__format_float(x, SLD_F64, text, sizeof text))
        fputs(text, p->out);
    else
        print_bits(p, &x, sizeof x);
}

static void print_attr(printer *p, const sld_attr_info *info, const sld_attr *a)
{
    switch (a->kind) {
    case SLD_ATTR_FLOAT: print_float(p, a->f); break;
    case SLD_ATTR_BOOL: fputs(a->i ? "true" : "false", p->out); break;
    case SLD_ATTR_STRING: print_quoted(p, a->s); break;
    case SLD_ATTR_DTYPE: fputs(sld_dtype_name((sld_dtype)a->i), p->out); break;
    case SLD_ATTR_ENUM:
        if (sld__is_word(info->names[a->i]))
            fputs(info->names[a->i], p->out);
        else
            print_quoted(p, info->names[a->i]);
        break;
    case SLD_ATTR_INTS:
    case SLD_ATTR_AXES: print_dims(p, a->p, a->n); break;
    default: print_dim(p, a->i);
    }
}

static void print_attrs(printer *p, sld_node n)
{
    const sld_op_info *op = sld_node_op(p->g, n);
    const char *before = "; ";
    for (uint32_t i = 0; i < op->n_attrs; i++) {
        const sld_attr *a = &sld_node_attrs(p->g, n)[i];
        if (a->kind == SLD_ATTR_NONE || (op->attrs[i].has_default && sld_attr_equal(a, &op->attrs[i].dflt)))
            continue;
        fprintf(p->out, "%s%s = ", before, op->attrs[i].name);
        print_attr(p, &op->attrs[i], a);
        before = ", ";
    }
}

static void print_node(printer *p, sld_node n)
{
    const sld_call c = sld__call_of(p->g, n);
    for (uint32_t i = 0; i < c.n_out; i++) {
        print_value(p, sld_result(p->g, n, i));
        fputs(i + 1 < c.n_out ? ", " : " = ", p->out);
    }
    fprintf(p->out, "%s(", sld_node_op(p->g, n)->name);
    for (uint32_t i = 0; i < c.n_in; i++) {
        fputs(i ? ", " : "", p->out);
        print_value(p, c.in[i]);
    }
    print_attrs(p, n);
    putc(')', p->out);
    for (uint32_t i = 0; i < c.n_out; i++) {
        fputs(i ? ", " : " : ", p->out);
        print_type(p, sld_result(p->g, n, i));
    }
}

/* ------------------------------------------------------------------- graph -- */

static void print_bound(printer *p, int64_t x)
{
    if (x == SLD_UNBOUNDED_LO || x == SLD_UNBOUNDED_HI)
        fputs(x < 0 ? "-inf" : "inf", p->out);
    else
        fprintf(p->out, "%" PRId64, x);
}

static void print_symbol(printer *p, uint32_t i)
{
    int64_t lo, hi;
    const char *name = sld_dim_symbol_name(p->g, i);
    sld_dim_symbol_range(p->g, i, &lo, &hi);
    fputs("symbol ", p->out);
    if (sld__is_word(name))
        fputs(name, p->out);
    else
        print_quoted(p, name);
    fputs(" in [", p->out);
    print_bound(p, lo);
    fputs(", ", p->out);
    print_bound(p, hi);
    fputs("]\n", p->out);
}

static void print_graph(printer *p, unsigned flags)
{
    sld_graph *g = p->g;
    fprintf(p->out, "solder %d\n", SLD_TEXT_VERSION);
    for (uint32_t i = 0; i < sld_dim_n_symbols(g); i++)
        print_symbol(p, i);
    for (uint32_t i = 0; i < g->inputs.n; i++) {
        fputs("input ", p->out);
        print_value(p, g->inputs.at[i]);
        fputs(" : ", p->out);
        print_type(p, g->inputs.at[i]);
        putc('\n', p->out);
    }
    for (sld_value v = 1; v < g->values.n; v++)
        if (sld_kind(g, v) == SLD_VALUE_CONST)
            print_const(p, v, flags);
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
        print_node(p, n);
        if (sld__partition(g, n))
            fprintf(p->out, " @%u", sld__partition(g, n));
        putc('\n', p->out);
    }
    for (uint32_t i = 0; i < g->outputs.n; i++) {
        fputs("output ", p->out);
        print_name(p, sld__name_text(g, g->outputs.at[i].name));
        fputs(" = ", p->out);
        print_value(p, g->outputs.at[i].value);
        putc('\n', p->out);
    }
}

sld_status sld_text_print(sld_graph *g, FILE *out, unsigned flags)
{
    sld__clear(g->ctx);
    printer p = {g, out, SLD_OK};
    print_graph(&p, flags);
    if (!p.status && *sld_error(g->ctx))
        p.status = SLD_ERR_MEMORY; /* a value could not be named */
    if (!p.status && (fflush(out) || ferror(out)))
        p.status = sld__fail(g->ctx, SLD_ERR_IO, "cannot write the graph's text: %s", strerror(errno));
    return p.status;
}

/* ---------------------------------------------------------- parts of a graph -- */

void sld__print_node(sld_graph *g, sld_node n, FILE *out) { print_node(&(printer){g, out, SLD_OK}, n); }
void sld__print_value(sld_graph *g, sld_value v, FILE *out) { print_value(&(printer){g, out, SLD_OK}, v); }
void sld__print_type(sld_graph *g, sld_value v, FILE *out) { print_type(&(printer){g, out, SLD_OK}, v); }
void sld__print_dims(sld_graph *g, const sld_dim *dims, uint32_t n, FILE *out)
{
    print_dims(&(printer){g, out, SLD_OK}, dims, n);
}
void sld__print_attr(sld_graph *g, const sld_attr_info *info, const sld_attr *a, FILE *out)
{
    print_attr(&(printer){g, out, SLD_OK}, info, a);
}
