/* Element-wise ops on f16, bf16 and f32, in float. The result is walked in runs: the longest inner part over
 * which each operand is either dense or one repeated element. */
#include "fused.h"

typedef struct run_operand {
    const sld_tensor *t;
    sld_tensor lead; /* the dims outside the run */
    bool dense, one; /* over the run */
} run_operand;

typedef struct runs {
    run_operand a, b;
    sld_tensor lead; /* of the result */
    size_t n, length;
} runs;

/* Whether the run may grow by dim k from the right, and how the operand then stands over it. */
static bool may_grow(const run_operand *r, const sld_tensor *o, uint32_t k, bool *dense, bool *one)
{
    int64_t mine = k < r->t->rank ? r->t->dims[r->t->rank - 1 - k] : 1;
    *dense = r->dense && mine == o->dims[o->rank - 1 - k];
    *one = r->one && mine == 1;
    return *dense || *one;
}

static void cut_lead(sld_tensor *lead, uint32_t inner)
{
    lead->rank = (uint8_t)(lead->rank > inner ? lead->rank - inner : 0);
}

static runs runs_of(const sld_tensor *a, const sld_tensor *b, const sld_tensor *o)
{
    runs r = {.a = {a, *a, true, true}, .b = {b, *b, true, true}, .lead = *o, .length = 1};
    uint32_t inner = 0;
    for (bool da, oa, db, ob; inner < o->rank; inner++) {
        if (!may_grow(&r.a, o, inner, &da, &oa) || !may_grow(&r.b, o, inner, &db, &ob))
            break;
        r.a.dense = da, r.a.one = oa, r.b.dense = db, r.b.one = ob;
        r.length *= (size_t)o->dims[o->rank - 1 - inner];
    }
    cut_lead(&r.a.lead, inner);
    cut_lead(&r.b.lead, inner);
    cut_lead(&r.lead, inner);
    r.n = kern_numel(&r.lead);
    return r;
}

/* m elements of an operand, `from` the start of run i. */
ROW_PART const float *run_load(const run_operand *r, const runs *all, size_t i, size_t from, size_t m,
                             float *buffer)
{
    size_t start = kern_broadcast(&r->lead, &all->lead, i);
    if (r->dense)
        return row_load(r->t, start * all->length + from, m, buffer);
    float v = (float)kern_get(r->t, start);
    for (size_t k = 0; k < m; k++)
        buffer[k] = v;
    return buffer;
}

typedef void (*binary_fn)(const float *a, const float *b, float *y, size_t n);

typedef struct binary_work { const runs *r; const sld_tensor *out; binary_fn f; } binary_work;

/* Pieces [from, to), counted through all runs. */
ROW_WIDE static void binary_pieces(const void *work, size_t from, size_t to)
{
    const binary_work *w = work;
    const runs *r = w->r;
    float ba[PIECE], bb[PIECE], by[PIECE];
    for (size_t k = from, per = row_parts(r->length, PIECE); k < to; k++) {
        size_t i = k / per, first = k % per * PIECE, m = row_min(r->length - first, PIECE), at = i * r->length + first;
        float *y = row_begin(w->out, at, by);
        w->f(run_load(&r->a, r, i, first, m, ba), run_load(&r->b, r, i, first, m, bb), y, m);
        row_end(w->out, at, m, y);
    }
}

static const char *binary(const sld_launch *l, binary_fn f)
{
    runs r = runs_of(&l->in[0], &l->in[1], &l->out[0]);
    size_t cost = 3 * row_min(r.length, PIECE) * kern_size(l->out[0].dtype);
    row_share(l, r.n * row_parts(r.length, PIECE), cost, binary_pieces, &(binary_work){&r, &l->out[0], f});
    return NULL;
}

#define BINARY(name, e) \
    ROW_WIDE static void name##_run(const float *a, const float *b, float *y, size_t n) \
    { \
        for (size_t i = 0; i < n; i++) \
            y[i] = (e); \
    } \
    const char *sld_cpu_##name(const sld_launch *l); \
    const char *sld_cpu_##name(const sld_launch *l) { return binary(l, name##_run); }

BINARY(add, a[i] + b[i])
BINARY(sub, a[i] - b[i])
BINARY(mul, a[i] * b[i])
BINARY(div, a[i] / b[i])

typedef void (*unary_fn)(const float *x, float *y, size_t n);
typedef struct unary_work { const sld_tensor *x, *out; size_t n; unary_fn f; } unary_work;

ROW_WIDE static void unary_pieces(const void *work, size_t from, size_t to)
{
    const unary_work *w = work;
    float bx[PIECE], by[PIECE];
    for (size_t at = from * PIECE, end = row_min(to * PIECE, w->n); at < end; at += PIECE) {
        size_t m = row_min(end - at, PIECE);
        float *y = row_begin(w->out, at, by);
        w->f(row_load(w->x, at, m, bx), y, m);
        row_end(w->out, at, m, y);
    }
}

static const char *unary(const sld_launch *l, unary_fn f)
{
    size_t n = kern_numel(&l->out[0]);
    row_share(l, row_parts(n, PIECE), 4 * PIECE * kern_size(l->out[0].dtype), unary_pieces, &(unary_work){&l->in[0], &l->out[0], n, f});
    return NULL;
}

#define UNARY_RUN(name, e) \
    ROW_WIDE static void name##_run(const float *x, float *y, size_t n) \
    { \
        for (size_t i = 0; i < n; i++) \
            y[i] = (e); \
    }
#define UNARY(name, e) \
    UNARY_RUN(name, e) \
    const char *sld_cpu_##name(const sld_launch *l); \
    const char *sld_cpu_##name(const sld_launch *l) { return unary(l, name##_run); }

UNARY(neg, -x[i])
UNARY(sqrt, sqrtf(x[i]))
UNARY(rsqrt, 1 / sqrtf(x[i]))
UNARY(exp, expf(x[i]))
UNARY(sigmoid, 1 / (1 + expf(-x[i])))
UNARY(silu, row_silu(x[i]))
UNARY_RUN(gelu, row_gelu(x[i]))
UNARY_RUN(gelu_tanh, row_gelu_tanh(x[i]))

const char *sld_cpu_gelu(const sld_launch *l);
const char *sld_cpu_gelu(const sld_launch *l)
{
    return unary(l, kern_attr(l, "approximate")->i == 1 ? gelu_tanh_run : gelu_run);
}

/* Along the last axis, rows up to ROW_MAX. */
static void softmax_rows(const void *work, size_t from, size_t to)
{
    const sld_launch *l = work;
    const sld_tensor *x = &l->in[0], *o = &l->out[0];
    float bx[ROW_MAX], by[ROW_MAX];
    size_t width = (size_t)x->dims[x->rank - 1];
    for (size_t at = from * width; at < to * width; at += width) {
        const float *row = row_load(x, at, width, bx);
        float *y = row_begin(o, at, by), max = row[0], sum = 0;
        for (size_t i = 1; i < width; i++)
            max = row[i] > max ? row[i] : max; /* a NaN shows in the sum */
        for (size_t i = 0; i < width; i++)
            sum += y[i] = expf(row[i] - max);
        for (size_t i = 0; i < width; i++)
            y[i] /= sum;
        row_end(o, at, width, y);
    }
}

const char *sld_cpu_softmax(const sld_launch *l);
const char *sld_cpu_softmax(const sld_launch *l)
{
    size_t n = kern_numel(&l->in[0]), width = (size_t)l->in[0].dims[l->in[0].rank - 1];
    row_share(l, n ? n / width : 0, 16 * width * sizeof(float), softmax_rows, l);
    return NULL;
}
