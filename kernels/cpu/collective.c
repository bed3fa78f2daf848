/* Sums over ranks and the norms that read them. Ranks see each other's windows: the first half of one holds what its
 * rank contributes, the second what was summed. Sums run in the order of ranks, so that all ranks get the same bits. */
#include "norm.h"

/* A piece of the tensor, small enough for half a window. */
typedef struct piece {
    const sld_launch *l;
    const sld_comm *c;
    const sld_tensor *x;
    size_t first, n; /* elements */
    bool gathered;   /* what all ranks contribute stands in the own window */
} piece;

static uint8_t *half(const piece *p, uint32_t rank, int which)
{
    return (uint8_t *)p->c->windows[rank] + (size_t)which * (p->c->bytes / 128 * 64);
}

static void *contribution(const piece *p, uint32_t rank)
{
    size_t bytes = p->n * kern_size(p->x->dtype);
    return p->gathered ? (uint8_t *)p->c->windows[p->c->rank] + rank * bytes : half(p, rank, 0);
}

/* Elements [from, to) of a piece, into result. */
typedef struct summing { const piece *p; size_t from, to; void *result; } summing;

ROW_WIDE static void sum_blocks(const void *work, size_t first, size_t last)
{
    const summing *s = work;
    const piece *p = s->p;
    float sum[PIECE], buffer[PIECE];
    sld_tensor out = {.dtype = p->x->dtype, .data = s->result};
    for (size_t at = s->from + first * PIECE, to = row_min(s->to, s->from + last * PIECE); at < to; at += PIECE) {
        size_t n = row_min(to - at, PIECE);
        memset(sum, 0, n * sizeof *sum);
        for (uint32_t r = 0; r < p->c->world; r++) {
            sld_tensor in = {.dtype = p->x->dtype, .data = contribution(p, r)};
            const float *x = row_load(&in, at, n, buffer);
            for (size_t i = 0; i < n; i++)
                sum[i] += x[i];
        }
        if (out.dtype == SLD_F32)
            memcpy((float *)out.data + at - s->from, sum, n * sizeof *sum);
        row_end(&out, at - s->from, n, sum);
    }
}

static void sum_ranks(const piece *p, size_t from, size_t to, void *result)
{
    size_t cost = (p->c->world + 1) * PIECE * kern_size(p->x->dtype);
    row_share(p->l, row_parts(to - from, PIECE), cost, sum_blocks, &(summing){p, from, to, result});
}

/* Each rank sums its part, and takes the others'. */
static const char *sum_part(const piece *p)
{
    uint32_t world = p->c->world, rank = p->c->rank;
    size_t size = kern_size(p->x->dtype);
    size_t mine = p->n * rank / world;
    sum_ranks(p, mine, p->n * (rank + 1) / world, half(p, rank, 1) + mine * size);
    const char *why = p->c->meet(p->c);
    for (uint32_t r = 0; r < world && !why; r++) {
        size_t from = p->n * r / world, to = p->n * (r + 1) / world;
        if (r != rank)
            memcpy(half(p, rank, 1) + from * size, half(p, r, 1) + from * size, (to - from) * size);
    }
    return why;
}

/* Where the summed piece stands, or why not. No rank touches the windows of others any more then. */
static const char *reduce(const piece *p, bool two_stage, sld_tensor *out)
{
    size_t size = kern_size(p->x->dtype);
    *out = (sld_tensor){.dtype = p->x->dtype, .data = (uint8_t *)p->x->data + p->first * size};
    if (!p->c)
        return NULL;
    memcpy(half(p, p->c->rank, 0), out->data, p->n * size);
    out->data = half(p, p->c->rank, 1);
    const char *why = p->c->meet(p->c);
    if (!why && two_stage)
        why = sum_part(p);
    else if (!why)
        sum_ranks(p, 0, p->n, out->data);
    return why ? why : p->c->meet(p->c);
}

static const char *sum_to(const piece *p, void *to)
{
    sld_tensor sum;
    size_t size = kern_size(p->x->dtype);
    const char *why = p->gathered ? p->c->gather(p->c, (const uint8_t *)p->x->data + p->first * size,
                                                 p->c->windows[p->c->rank], p->n * size)
                                  : reduce(p, true, &sum);
    if (!why && p->gathered)
        sum_ranks(p, 0, p->n, to);
    else if (!why)
        memcpy(to, sum.data, p->n * size);
    return why;
}

/* Rows, of the width given, that fit half a window. */
static size_t rows_at_once(const sld_launch *l, size_t width)
{
    if (!width)
        return 0;
    size_t n = kern_numel(&l->in[0]) / width;
    return l->comm ? row_min(n, l->comm->bytes / 128 * 64 / (width * kern_size(l->in[0].dtype))) : n;
}

static const char too_wide[] = "a row does not fit the window that ranks share";

const char *sld_cpu_all_reduce(const sld_launch *l);
const char *sld_cpu_all_reduce(const sld_launch *l)
{
    const sld_comm *c = l->comm;
    bool gathered = c && c->gather;
    size_t n = kern_numel(&l->in[0]), size = kern_size(l->in[0].dtype);
    size_t some = gathered ? c->bytes / (c->world * size) : rows_at_once(l, n ? 1 : 0);
    const char *why = NULL;
    for (size_t at = 0; at < n && !why; at += some) {
        piece p = {l, c, &l->in[0], at, row_min(n - at, some), gathered};
        why = sum_to(&p, (uint8_t *)l->out[0].data + at * size);
    }
    return why;
}

/* ---- rows of ranks ---- */
static const char *joined(const sld_launch *l)
{
    int64_t ranks = kern_attr(l, "ranks")->i;
    return ranks == (l->comm ? l->comm->world : 1) ? NULL : "the ranks that it is for have not joined";
}

/* One rank has all rows. */
static const char *copy_rows(const sld_launch *l)
{
    size_t n = kern_numel(&l->in[0]) * kern_size(l->in[0].dtype);
    if (n)
        memcpy(l->out[0].data, l->in[0].data, n);
    return NULL;
}

/* Elements [first, first + n) of the rows of a rank, as far as there are so many. */
static size_t share_of(const sld_tensor *x, size_t each, uint32_t rank, size_t first, size_t n)
{
    size_t all = kern_numel(x), from = rank * each + first;
    return from >= all ? 0 : row_min(n, all - from);
}

const char *sld_cpu_reduce_scatter(const sld_launch *l);
const char *sld_cpu_reduce_scatter(const sld_launch *l)
{
    const sld_comm *c = l->comm;
    const sld_tensor *x = &l->in[0];
    size_t each = kern_numel(&l->out[0]), size = kern_size(x->dtype);
    const char *why = joined(l);
    if (!why && !c)
        return copy_rows(l);
    size_t some = why ? 0 : c->bytes / 128 * 64 / (c->world * size);
    for (size_t at = 0; at < each && !why; at += some) {
        size_t n = row_min(some, each - at);
        piece p = {l, c, x, 0, n * c->world, false};
        for (uint32_t r = 0; r < c->world; r++) {
            size_t m = share_of(x, each, r, at, n);
            uint8_t *to = half(&p, c->rank, 0) + r * n * size;
            if (m)
                memcpy(to, (const uint8_t *)x->data + (r * each + at) * size, m * size);
            memset(to + m * size, 0, (n - m) * size);
        }
        why = c->meet(c);
        if (!why)
            sum_ranks(&p, c->rank * n, (c->rank + 1) * n, (uint8_t *)l->out[0].data + at * size);
        why = why ? why : c->meet(c);
    }
    return why;
}

const char *sld_cpu_own_rows(const sld_launch *l);
const char *sld_cpu_own_rows(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0];
    size_t each = kern_numel(&l->out[0]), size = kern_size(x->dtype);
    const char *why = joined(l);
    if (!why && !l->comm)
        return copy_rows(l);
    size_t m = why ? 0 : share_of(x, each, l->comm->rank, 0, each);
    if (m)
        memcpy(l->out[0].data, (const uint8_t *)x->data + l->comm->rank * each * size, m * size);
    if (!why && each > m)
        memset((uint8_t *)l->out[0].data + m * size, 0, (each - m) * size);
    return why;
}

const char *sld_cpu_all_gather(const sld_launch *l);
const char *sld_cpu_all_gather(const sld_launch *l)
{
    const sld_comm *c = l->comm;
    size_t each = kern_numel(&l->in[0]), size = kern_size(l->in[0].dtype);
    const char *why = joined(l);
    if (!why && !c)
        return copy_rows(l);
    size_t some = why ? 0 : c->bytes / size;
    for (size_t at = 0; at < each && !why; at += some) {
        size_t n = row_min(some, each - at);
        memcpy(c->windows[c->rank], (const uint8_t *)l->in[0].data + at * size, n * size);
        why = c->meet(c);
        for (uint32_t r = 0; r < c->world && !why; r++) {
            size_t m = share_of(&l->out[0], each, r, at, n);
            if (m)
                memcpy((uint8_t *)l->out[0].data + (r * each + at) * size, c->windows[r], m * size);
        }
        why = why ? why : c->meet(c);
    }
    return why;
}

/* b: operand of the residual; t: what quantises the norm, or NULL. */
static const char *norm_over_ranks(const sld_launch *l, uint32_t b, const quantiser *t, bool two_stage)
{
    norm n;
    norm_open(&n, l, 1);
    n.b = kern_present(l, b) ? &l->in[b] : NULL;
    n.sum = l->out[l->n_out - 1].data ? &l->out[l->n_out - 1] : NULL;
    size_t rows = rows_at_once(l, n.width);
    const char *why = n.n && !rows ? too_wide : NULL;
    sld_tensor sum;
    n.x = &sum;
    for (n.from = 0; n.from < n.n && !why; n.from += rows) {
        size_t end = row_min(n.n, n.from + rows);
        piece p = {l, l->comm, &l->in[0], n.from * n.width, (end - n.from) * n.width, false};
        why = reduce(&p, two_stage, &sum);
        if (!why)
            sld__norm_rows(l, &n, n.from, end, &l->out[0], t);
    }
    return why;
}

#define STAGES(op)                                                                                                  \
    const char *sld_cpu_##op##_one_stage(const sld_launch *l);                                                      \
    const char *sld_cpu_##op##_one_stage(const sld_launch *l)                                                       \
    {                                                                                                               \
        return op(l, false);                                                                                        \
    }                                                                                                               \
    const char *sld_cpu_##op##_two_stage(const sld_launch *l);                                                      \
    const char *sld_cpu_##op##_two_stage(const sld_launch *l)                                                       \
    {                                                                                                               \
        return op(l, true);                                                                                         \
    }

static const char *all_reduce_rms_norm(const sld_launch *l, bool two_stage)
{
    return norm_over_ranks(l, 2, NULL, two_stage);
}

static const char *all_reduce_rms_norm_static_quant(const sld_launch *l, bool two_stage)
{
    quantiser t = quant_open(l, 1, 0);
    t.scale = *(const float *)l->in[2].data;
    return norm_over_ranks(l, 3, &t, two_stage);
}

static const char *all_reduce_rms_norm_group_quant(const sld_launch *l, bool two_stage)
{
    quantiser t = quant_open(l, 2, (size_t)kern_attr(l, "group")->i);
    return norm_over_ranks(l, 2, &t, two_stage);
}

STAGES(all_reduce_rms_norm)
STAGES(all_reduce_rms_norm_static_quant)
STAGES(all_reduce_rms_norm_group_quant)
