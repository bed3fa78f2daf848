/* Ops that move elements of any dtype: each is a copy whose source advances by a stride for each dim of the
 * result. Inner dims that are dense in the source too are copied in one piece. */
#include "fused.h"

typedef struct walk {
    const sld_tensor *x, *o;
    ptrdiff_t at;                      /* first element */
    ptrdiff_t strides[KERN_RANK_MAX];  /* in elements of x, one for each dim of o */
} walk;

/* Distance of neighbours along each dim of t. */
static void dense_strides(const sld_tensor *t, ptrdiff_t *strides)
{
    ptrdiff_t s = 1;
    for (uint32_t k = t->rank; k-- > 0; s *= t->dims[k])
        strides[k] = s;
}

/* n elements of `size` bytes, `stride` elements apart in the source. */
static void copy_line(char *restrict to, const char *restrict from, size_t n, ptrdiff_t stride, size_t size)
{
#define COPY(bytes) \
    for (size_t i = 0; i < n; i++) \
        memcpy(to + i * (bytes), from + (ptrdiff_t)i * stride * (bytes), bytes)
    if (stride == 1)
        memcpy(to, from, n * size);
    else if (size == 4)
        COPY(4);
    else if (size == 2)
        COPY(2);
    else if (size == 8)
        COPY(8);
    else
        COPY(1);
#undef COPY
}

/* Lines of a result: n elements, `stride` apart in the source, below the first `rank` dims. */
typedef struct lines { const walk *w; uint32_t rank; size_t n; ptrdiff_t stride; } lines;

static void copy_lines(const void *work, size_t first, size_t to)
{
    const lines *l = work;
    const walk *w = l->w;
    size_t size = kern_size(w->o->dtype), line = first;
    int64_t index[KERN_RANK_MAX] = {0};
    ptrdiff_t at = w->at;
    for (uint32_t k = l->rank; k-- > 0; line /= (size_t)w->o->dims[k]) {
        index[k] = (int64_t)(line % (size_t)w->o->dims[k]);
        at += (ptrdiff_t)index[k] * w->strides[k];
    }
    for (line = first; line < to; line++) {
        copy_line((char *)w->o->data + line * l->n * size, (const char *)w->x->data + at * (ptrdiff_t)size, l->n, l->stride,
                  size);
        for (uint32_t k = l->rank; k-- > 0; index[k] = 0) {
            at += w->strides[k];
            if (++index[k] < w->o->dims[k])
                break;
            at -= w->strides[k] * w->o->dims[k];
        }
    }
}

static const char *copy_walk(const sld_launch *l, const walk *w)
{
    uint32_t rank = w->o->rank;
    size_t line = 1, n = kern_numel(w->o), size = kern_size(w->o->dtype);
    ptrdiff_t stride = 1;
    /* Dims that the source holds side by side join the line. */
    while (rank > 0 && (w->o->dims[rank - 1] == 1 || w->strides[rank - 1] == (ptrdiff_t)line))
        line *= (size_t)w->o->dims[--rank];
    if (line == 1 && rank > 0) {
        stride = w->strides[--rank];
        line = (size_t)w->o->dims[rank];
    }
    row_share(l, n ? n / line : 0, 2 * line * size, copy_lines, &(lines){w, rank, line, stride});
    return NULL;
}

const char *sld_cpu_transpose(const sld_launch *l);
const char *sld_cpu_transpose(const sld_launch *l)
{
    walk w = {.x = &l->in[0], .o = &l->out[0]};
    ptrdiff_t dense[KERN_RANK_MAX];
    dense_strides(w.x, dense);
    for (uint32_t k = 0; k < w.o->rank; k++)
        w.strides[k] = dense[kern_attr(l, "perm")->p[k]];
    return copy_walk(l, &w);
}

const char *sld_cpu_swapaxes(const sld_launch *l);
const char *sld_cpu_swapaxes(const sld_launch *l)
{
    walk w = {.x = &l->in[0], .o = &l->out[0]};
    uint32_t a = kern_axis(l, "a", w.x), b = kern_axis(l, "b", w.x);
    dense_strides(w.x, w.strides);
    ptrdiff_t s = w.strides[a];
    w.strides[a] = w.strides[b];
    w.strides[b] = s;
    return copy_walk(l, &w);
}

const char *sld_cpu_expand(const sld_launch *l);
const char *sld_cpu_expand(const sld_launch *l)
{
    walk w = {.x = &l->in[0], .o = &l->out[0]};
    ptrdiff_t dense[KERN_RANK_MAX];
    uint32_t added = (uint32_t)w.o->rank - w.x->rank;
    dense_strides(w.x, dense);
    for (uint32_t k = 0; k < w.o->rank; k++)
        w.strides[k] = k < added || w.x->dims[k - added] == 1 ? 0 : dense[k - added];
    return copy_walk(l, &w);
}

const char *sld_cpu_slice(const sld_launch *l);
const char *sld_cpu_slice(const sld_launch *l)
{
    walk w = {.x = &l->in[0], .o = &l->out[0]};
    const sld_attr *axes = kern_attr(l, "axes");
    const sld_attr *starts = kern_attr(l, "starts"), *steps = kern_attr(l, "steps");
    dense_strides(w.x, w.strides);
    for (uint32_t i = 0; i < axes->n; i++) {
        int64_t k = axes->p[i] + w.x->rank;
        w.at += starts->p[i] * w.strides[k];
        w.strides[k] *= steps->p[i];
    }
    return copy_walk(l, &w);
}
