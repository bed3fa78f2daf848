/* RMS norm and what is joined with it: one pass over a row for the sum of squares, one for the result. */
#include "norm.h"

static char *element(const sld_tensor *t, size_t i)
{
    return (char *)t->data + i * kern_size(t->dtype);
}

/* Row i of x + b into s, and where the sum is stored; the sum of its squares. */
static float norm_add(const norm *n, size_t i, float *s)
{
    chunk rx, rb, rs;
    float sums[WAYS] = {0};
    size_t size = kern_size(n->dtype), row = i * n->width, from = row - n->from * n->width;
    for (size_t at = 0, m; at < n->width; at += m) {
        m = part_size(at, n->width, n->width);
        const char *x = part_in(element(n->x, from + at), size, m, &rx), *b = part_in(element(n->b, row + at), size, m, &rb);
        char *added = n->sum ? element(n->sum, row + at) : NULL;
        sld__loops()->add(n->dtype, x, b, m, s + at, n->sum ? part_out(added, m, &rs) : NULL, sums, n->sum_far);
        if (n->sum)
            part_end(added, size, m, &rs);
    }
    return row_sum(sums);
}

static float norm_squares(const norm *n, size_t i, float *s)
{
    const char *x = element(n->x, (i - n->from) * n->width);
    if (n->b)
        return norm_add(n, i, s);
    if (n->sum)
        memcpy(element(n->sum, i * n->width), x, n->width * kern_size(n->dtype));
    return sld__loops()->squares(n->dtype, x, n->width);
}

/* What rows from i on are multiplied by: as many as fit a span, so that none of their sums waits for another's. Answers how
 * many. */
static size_t norm_scales(const norm *n, size_t i, size_t end, float *s, float *scales)
{
    size_t some = n->b || n->width % CHUNK || n->width > SPAN ? 1 : row_min(end - i, SPAN / n->width);
    for (size_t k = 0; k < some; k++)
        scales[k] = norm_squares(n, i + k, s);
    for (size_t k = 0; k < some; k++) {
        float scale = 1 / sqrtf(scales[k] / (float)n->width + n->eps);
        scales[k] = isnan(scale) ? NAN : scale;
    }
    return some;
}

/* Asks memory for what is read after m elements of rows at hand, where there is more: otherwise each row begins with a wait. */
static void norm_expect(const norm *n, size_t next, size_t at, size_t m)
{
    size_t row = next * n->width + at;
    if (next >= n->n)
        return;
    row_expect(n->x, row - n->from * n->width, m);
    if (n->b)
        row_expect(n->b, row, m);
    if (n->z)
        row_expect(n->z, row, m);
}

/* m elements from `at` on, of row i or of rows from it on. s: the row of the sum, where there is one. */
static void norm_part(const norm *n, size_t i, size_t at, size_t m, const float *s, const float *scales, uint8_t to, char *y,
                      bool far)
{
    chunk room;
    _Alignas(64) float v[SPAN];
    const pair_loops *loops = sld__loops();
    size_t size = kern_size(n->dtype), row = i * n->width, from = row - n->from * n->width;
    size_t width = row_min(n->width, part_whole(m));
    const char *x = n->b ? (const char *)(s + at) : part_in(element(n->x, from + at), size, m, &room);
    loops->scale(n->b ? SLD_F32 : n->dtype, n->z ? SLD_F32 : to, x, scales, n->w + at, width, m, n->z ? (char *)v : y,
                 far && !n->z);
    if (n->z)
        loops->gate(n->dtype, to, part_in(element(n->z, row + at), size, m, &room), m, v, y, far);
}

/* Rows [from, to) of the norm, stored, */
static void norm_store(const norm *n, size_t from, size_t to, const sld_tensor *out, float *s)
{
    float scales[SPAN / CHUNK];
    chunk room;
    size_t size = kern_size(n->dtype), width = (size_t)out->dims[out->rank - 1];
    for (size_t i = from, some; i < to; i += some) {
        some = norm_scales(n, i, to, s, scales); /* one, of sums, as all rows are that are padded */
        for (size_t at = 0, m; at < some * n->width; at += m) {
            m = part_size(at, some * n->width, SPAN);
            char *row = element(out, i * width + at), *part = part_out(row, m, &room);
            norm_expect(n, i + some, at, m);
            norm_part(n, i, at, m, s, scales, n->dtype, part, n->far);
            part_end(row, size, m, &room);
        }
    }
}

/* or quantised. */
static void norm_quantise(const norm *n, size_t from, size_t to, const quantiser *t, float *s)
{
    float scales[SPAN / CHUNK];
    _Alignas(64) char y[(ROW_MAX + CHUNK) * sizeof(float)];
    uint8_t as = quant_from(t);
    for (size_t i = from, some; i < to; i += some) {
        some = norm_scales(n, i, to, s, scales);
        for (size_t at = 0, span; at < some * n->width; at += span) {
            span = row_min(some > 1 ? some * n->width : t->span, some * n->width - at);
            for (size_t done = 0, m; done < span; done += m) {
                m = part_size(done, span, SPAN);
                norm_expect(n, i + some, at + done, m);
                norm_part(n, i, at + done, m, s, scales, as, y + done * kern_size(as), false);
            }
            quant_span(t, i * n->width + at, span, y);
        }
    }
}

typedef struct norm_work {
    const norm *n;
    size_t first; /* row */
    const sld_tensor *out;
    const quantiser *t;
} norm_work;

static void norm_rows(const void *work, size_t from, size_t to)
{
    const norm_work *k = work;
    _Alignas(64) float s[ROW_MAX];
    if (k->t)
        norm_quantise(k->n, k->first + from, k->first + to, k->t, s);
    else
        norm_store(k->n, k->first + from, k->first + to, k->out, s);
    row_settle();
}

void sld__norm_rows(const sld_launch *l, const norm *n, size_t from, size_t to, const sld_tensor *out, const quantiser *t)
{
    size_t tensors = 2 + (n->b != NULL) + (n->z != NULL) + (n->sum != NULL);
    row_share(l, to - from, tensors * n->width * kern_size(n->dtype), norm_rows, &(norm_work){n, from, out, t});
}

static const char *store(const sld_launch *l, const norm *n, const sld_tensor *out)
{
    sld__norm_rows(l, n, 0, n->n, out, NULL);
    return NULL;
}

static const char *quantise(const sld_launch *l, const norm *n, const quantiser *t)
{
    sld__norm_rows(l, n, 0, n->n, NULL, t);
    return NULL;
}

/* b: the residual, whose sum with x goes to the last result when something reads that. */
static void add_open(norm *n, const sld_launch *l)
{
    norm_open(n, l, 2);
    n->b = &l->in[1];
    n->sum = l->out[l->n_out - 1].data ? &l->out[l->n_out - 1] : NULL;
}

static void gate_open(norm *n, const sld_launch *l)
{
    norm_open(n, l, 1);
    n->z = &l->in[2];
}

const char *sld_cpu_rms_norm(const sld_launch *l);
const char *sld_cpu_rms_norm(const sld_launch *l)
{
    norm n;
    norm_open(&n, l, 1);
    return store(l, &n, &l->out[0]);
}

const char *sld_cpu_add_rms_norm(const sld_launch *l);
const char *sld_cpu_add_rms_norm(const sld_launch *l)
{
    norm n;
    add_open(&n, l);
    return store(l, &n, &l->out[0]);
}

typedef struct padded_rows { const norm *n; const sld_tensor *padded, *y; } padded_rows;

/* Zeros behind the rows of the padded norm, and the norm once more without them where something reads it. */
static void finish_rows(const void *work, size_t from, size_t to)
{
    const padded_rows *k = work;
    size_t size = kern_size(k->n->dtype), width = (size_t)k->padded->dims[k->padded->rank - 1], bytes = k->n->width * size;
    for (size_t i = from; i < to; i++) {
        char *row = (char *)k->padded->data + i * width * size;
        memset(row + bytes, 0, width * size - bytes);
        if (k->y->data)
            memcpy((char *)k->y->data + i * bytes, row, bytes);
    }
}

const char *sld_cpu_add_rms_norm_pad(const sld_launch *l);
const char *sld_cpu_add_rms_norm_pad(const sld_launch *l)
{
    norm n;
    const char *why = kern_pads_rows(l);
    if (why)
        return why;
    add_open(&n, l);
    store(l, &n, &l->out[0]);
    row_share(l, n.n, 2 * n.width * kern_size(n.dtype), finish_rows, &(padded_rows){&n, &l->out[0], &l->out[1]});
    return NULL;
}

const char *sld_cpu_gated_rms_norm(const sld_launch *l);
const char *sld_cpu_gated_rms_norm(const sld_launch *l)
{
    norm n;
    gate_open(&n, l);
    return store(l, &n, &l->out[0]);
}

/* ---- quantised at once ---- */
static quantiser by_scale(const sld_launch *l, const sld_tensor *scale)
{
    quantiser t = quant_open(l, 1, 0);
    t.scale = *(const float *)scale->data;
    return t;
}

static quantiser by_group(const sld_launch *l)
{
    return quant_open(l, 2, (size_t)kern_attr(l, "group")->i);
}

const char *sld_cpu_rms_norm_static_quant(const sld_launch *l);
const char *sld_cpu_rms_norm_static_quant(const sld_launch *l)
{
    norm n;
    quantiser t = by_scale(l, &l->in[2]);
    norm_open(&n, l, 1);
    return quantise(l, &n, &t);
}

const char *sld_cpu_rms_norm_group_quant(const sld_launch *l);
const char *sld_cpu_rms_norm_group_quant(const sld_launch *l)
{
    norm n;
    quantiser t = by_group(l);
    norm_open(&n, l, 1);
    return quantise(l, &n, &t);
}

const char *sld_cpu_add_rms_norm_static_quant(const sld_launch *l);
const char *sld_cpu_add_rms_norm_static_quant(const sld_launch *l)
{
    norm n;
    quantiser t = by_scale(l, &l->in[3]);
    add_open(&n, l);
    return quantise(l, &n, &t);
}

const char *sld_cpu_add_rms_norm_group_quant(const sld_launch *l);
const char *sld_cpu_add_rms_norm_group_quant(const sld_launch *l)
{
    norm n;
    quantiser t = by_group(l);
    add_open(&n, l);
    return quantise(l, &n, &t);
}

const char *sld_cpu_gated_rms_norm_group_quant(const sld_launch *l);
const char *sld_cpu_gated_rms_norm_group_quant(const sld_launch *l)
{
    norm n;
    gate_open(&n, l);
    quantiser t = quant_open(l, 2, n.width);
    return quantise(l, &n, &t);
}
