/* Gated activations, of two tensors or of the halves of each row of one. */
#include "quant.h"

/* Rows of a product: u is the second half of the rows of g, or a tensor of its own. */
typedef struct product {
    const char *g, *u;
    int64_t act;
    uint8_t dtype;
    size_t width, step, n; /* of a row, from one to the next, rows */
    size_t end;            /* of all elements of the result: a last row may be shorter */
} product;

static product product_open(const sld_launch *l, const sld_tensor *u, int64_t act)
{
    const sld_tensor *g = &l->in[0];
    product p = {.g = g->data, .u = u ? u->data : NULL, .act = act, .dtype = g->dtype};
    p.width = l->out[0].rank ? (size_t)l->out[0].dims[l->out[0].rank - 1] : 1;
    p.step = u ? p.width : 2 * p.width;
    p.end = kern_numel(&l->out[0]);
    p.n = p.width ? p.end / p.width : 0;
    if (!u && p.n)
        p.u = p.g + p.width * kern_size(g->dtype);
    return p;
}

/* m elements from `at` on of row i. */
static void product_part(const product *p, size_t i, size_t at, size_t m, uint8_t to, char *y, bool far)
{
    chunk rg, ru;
    size_t size = kern_size(p->dtype), from = (i * p->step + at) * size;
    if (i + 1 < p->n) {
        row_ask(p->g + from + p->step * size, m * size);
        row_ask(p->u + from + p->step * size, m * size);
    }
    const char *g = part_in(p->g + from, size, m, &rg), *u = part_in(p->u + from, size, m, &ru);
    sld__loops()->product(p->dtype, to, p->act, g, u, m, y, far);
}

typedef struct product_work { const product *p; const sld_tensor *out; const quantiser *t; } product_work;

/* Rows stored, */
static void store_rows(const void *work, size_t from, size_t to)
{
    const product *p = ((const product_work *)work)->p;
    char *out = ((const product_work *)work)->out->data;
    chunk room;
    size_t size = kern_size(p->dtype);
    bool far = row_is_far(p->end * size, false);
    for (size_t i = from; i < to; i++) {
        size_t width = row_min(p->width, p->end - i * p->width);
        for (size_t at = 0, m; at < width; at += m) {
            m = part_size(at, width, SPAN);
            char *row = out + (i * p->width + at) * size, *part = part_out(row, m, &room);
            product_part(p, i, at, m, p->dtype, part, far);
            part_end(row, size, m, &room);
        }
    }
    row_settle();
}

/* or quantised. */
static void quantise_rows(const void *work, size_t from, size_t to)
{
    const product *p = ((const product_work *)work)->p;
    const quantiser *t = ((const product_work *)work)->t;
    _Alignas(64) char y[(ROW_MAX + CHUNK) * sizeof(float)];
    uint8_t as = quant_from(t);
    for (size_t i = from; i < to; i++)
        for (size_t at = 0, span; at < p->width; at += span) {
            span = row_min(t->span, p->width - at);
            for (size_t done = 0, m; done < span; done += m) {
                m = part_size(done, span, span);
                product_part(p, i, at + done, m, as, y + done * kern_size(as), false);
            }
            quant_span(t, i * p->width + at, span, y);
        }
    row_settle();
}

/* A product takes as long as two more operands. */
static void share(const sld_launch *l, const product *p, sld_rows *rows, const quantiser *t)
{
    row_share(l, p->n, 5 * p->width * kern_size(p->dtype), rows, &(product_work){p, &l->out[0], t});
}

static const char *gated(const sld_launch *l, const sld_tensor *u, int64_t act)
{
    product p = product_open(l, u, act);
    if (u) /* all is one row, in parts */
        p.width = p.step = SPAN, p.n = row_parts(p.end, SPAN);
    share(l, &p, store_rows, NULL);
    return NULL;
}

const char *sld_cpu_silu_mul(const sld_launch *l);
const char *sld_cpu_silu_mul(const sld_launch *l)
{
    return gated(l, &l->in[1], 0);
}

const char *sld_cpu_gelu_mul(const sld_launch *l);
const char *sld_cpu_gelu_mul(const sld_launch *l)
{
    return gated(l, &l->in[1], kern_attr(l, "approximate")->i == 1 ? 2 : 1);
}

const char *sld_cpu_silu_and_mul(const sld_launch *l);
const char *sld_cpu_silu_and_mul(const sld_launch *l)
{
    return gated(l, NULL, 0);
}

const char *sld_cpu_gelu_and_mul(const sld_launch *l);
const char *sld_cpu_gelu_and_mul(const sld_launch *l)
{
    return gated(l, NULL, kern_attr(l, "approximate")->i == 1 ? 2 : 1);
}

static const char *by_scale(const sld_launch *l, const sld_tensor *u, const sld_tensor *scale)
{
    product p = product_open(l, u, kern_attr(l, "act")->i);
    quantiser t = quant_open(l, 1, 0);
    t.scale = *(const float *)scale->data;
    share(l, &p, quantise_rows, &t);
    return NULL;
}

static const char *by_group(const sld_launch *l, const sld_tensor *u)
{
    product p = product_open(l, u, kern_attr(l, "act")->i);
    quantiser t = quant_open(l, 2, (size_t)kern_attr(l, "group")->i);
    share(l, &p, quantise_rows, &t);
    return NULL;
}

const char *sld_cpu_act_mul_static_quant(const sld_launch *l);
const char *sld_cpu_act_mul_static_quant(const sld_launch *l)
{
    return by_scale(l, &l->in[1], &l->in[2]);
}

const char *sld_cpu_act_mul_group_quant(const sld_launch *l);
const char *sld_cpu_act_mul_group_quant(const sld_launch *l)
{
    return by_group(l, &l->in[1]);
}

const char *sld_cpu_act_and_mul_static_quant(const sld_launch *l);
const char *sld_cpu_act_and_mul_static_quant(const sld_launch *l)
{
    return by_scale(l, NULL, &l->in[1]);
}

const char *sld_cpu_act_and_mul_group_quant(const sld_launch *l);
const char *sld_cpu_act_and_mul_group_quant(const sld_launch *l)
{
    return by_group(l, NULL);
}
