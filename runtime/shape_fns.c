/* The functions that signatures call, with the meaning they have in NumPy, ONNX and torch.  A
 * function that interprets an attribute writes its canonical form back to the node, so that
 * equal nodes look equal and a reader needs no second interpretation. */
#include "infer.h"

#include <string.h>

sld_dim *sld__new_list(sld_env *e, sld_val *out, uint32_t n)
{
    if (n > SLD_SCRATCH_DIMS - e->n_scratch) {
        sld__infer_fail(e, "its shape takes more than %d dims to compute", SLD_SCRATCH_DIMS);
        return NULL;
    }
    sld_dim *d = e->scratch + e->n_scratch;
    e->n_scratch += n;
    *out = (sld_val){.kind = SLD_VAL_LIST, .slot = -1, .operand = -1, .n = n, .d = d};
    return d;
}

sld_dim *sld__copy_list(sld_env *e, sld_val *out, const sld_val *from)
{
    const sld_dim *d = from->d;
    uint32_t n = from->n;
    sld_dim *copy = sld__new_list(e, out, n);
    if (copy && n)
        memcpy(copy, d, n * sizeof *d);
    return copy;
}

static bool number(sld_val *out, sld_dim d)
{
    out->kind = SLD_VAL_NUM;
    out->num = d;
    return sld__ok(d);
}

bool sld__axis(sld_env *e, sld_dim axis, uint32_t rank, uint32_t *index)
{
    if (sld_dim_is_sym(axis) || axis < -(int64_t)rank || axis >= (int64_t)rank) {
        char text[80];
        sld_dim_print(e->g, axis, text, sizeof text);
        return sld__infer_fail(e, "axis %s is outside rank %u", text, rank);
    }
    *index = (uint32_t)(axis < 0 ? axis + rank : axis);
    return true;
}

bool sld__agree(sld_env *e, const char *what, sld_dim a, sld_dim b)
{
    char text[200];
    if (sld__equal(e, a, b))
        return true;
    sld__differ_text(e, NULL, a, b, text, sizeof text);
    return sld__infer_fail(e, "%s%s", what, text);
}

/* ------------------------------------------------------------ broadcasting -- */

/* A symbolic dim against a number other than 1 is that number, or 1. */
static bool broadcast_dim(sld_env *e, sld_dim a, sld_dim b, sld_dim *out)
{
    if (a == 1 || b == 1 || sld__equal(e, a, b)) { /* in this order: a symbol that can only be 1 stays as it is written */
        *out = b == 1 ? a : a == 1 ? b : a;
        return true;
    }
    sld_dim sym = sld_dim_is_sym(a) ? a : b;
    *out = sld_dim_is_sym(a) ? b : a;
    if (sld_dim_is_sym(sym) && !sld_dim_is_sym(*out) &&
        (sld_dim_eq(e->g, sym, *out) != SLD_NEVER || sld_dim_eq(e->g, sym, 1) != SLD_NEVER))
        return true;
    return sld__agree(e, "broadcasting", a, b);
}

static sld_dim *broadcast(sld_env *e, const sld_val *a, const sld_val *b, sld_val *out)
{
    uint32_t n = a->n > b->n ? a->n : b->n, skip_a = n - a->n, skip_b = n - b->n;
    sld_val x = *a, y = *b;
    sld_dim *d = sld__new_list(e, out, n);
    for (uint32_t i = 0; d && i < n; i++)
        if (!broadcast_dim(e, i < skip_a ? 1 : x.d[i - skip_a], i < skip_b ? 1 : y.d[i - skip_b], &d[i]))
            return NULL;
    return d;
}

/* Absent operands do not take part. */
static bool fn_broadcast(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    if (!sld__new_list(e, out, 0))
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (a[i].kind == SLD_VAL_LIST && !broadcast(e, out, &a[i], out))
            return false;
    return true;
}

static bool fn_expand(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    sld_val want;
    sld_dim *d = sld__copy_list(e, &want, &a[1]);
    for (uint32_t i = 0; d && i < want.n; i++) {
        if (d[i] == -1 && i + a[0].n < want.n)
            return sld__infer_fail(e, "-1 at %u of the new shape stands for a dim that the operand lacks", i);
        if (d[i] == -1)
            d[i] = a[0].d[i + a[0].n - want.n];
    }
    return d && broadcast(e, &a[0], &want, out) && sld__set_list(e, &a[1], out->n, out->d);
}

static bool fn_matmul(sld_env *e, uint32_t n, const sld_val *v, sld_val *out)
{
    (void)n;
    sld_val a = v[0], b = v[1];
    if (!a.n || !b.n)
        return sld__infer_fail(e, "a matrix product takes no scalars");
    uint32_t rows = a.n > 1, columns = b.n > 1;
    sld_dim inner_a = a.d[a.n - 1], inner_b = b.d[b.n - 1 - columns];
    sld_dim m = rows ? a.d[a.n - 2] : 1, k = b.d[b.n - 1];
    a.n -= 1 + rows;
    b.n -= 1 + columns;
    sld_val batch;
    if (!sld__agree(e, "the dims that a product sums over", inner_a, inner_b) ||
        !broadcast(e, &a, &b, &batch))
        return false;
    sld_dim *d = sld__new_list(e, out, batch.n + rows + columns);
    if (!d)
        return false;
    memcpy(d, batch.d, batch.n * sizeof *d);
    if (rows)
        d[batch.n] = m;
    if (columns)
        d[batch.n + rows] = k;
    return true;
}

/* -------------------------------------------------------------- rank, order -- */

/* Marks the axes of a list, or of one number. */
static bool mark_axes(sld_env *e, const sld_val *axes, uint32_t rank, bool *marked)
{
    memset(marked, 0, rank * sizeof *marked);
    for (uint32_t i = 0; i < (axes->kind == SLD_VAL_LIST ? axes->n : 1); i++) {
        uint32_t k;
        if (!sld__axis(e, axes->kind == SLD_VAL_LIST ? axes->d[i] : axes->num, rank, &k))
            return false;
        if (marked[k])
            return sld__infer_fail(e, "axis %u is named twice", k);
        marked[k] = true;
    }
    return true;
}

static bool fn_reduce(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    bool gone[UINT8_MAX], keep = n < 3 || a[2].num;
    bool all = a[1].kind == SLD_VAL_LIST && !a[1].n;
    sld_val x = a[0];
    sld_dim *d = sld__new_list(e, out, x.n);
    if (!d || !mark_axes(e, &a[1], x.n, gone))
        return false;
    out->n = 0;
    for (uint32_t i = 0; i < x.n; i++)
        if (!all && !gone[i])
            d[out->n++] = x.d[i];
        else if (keep)
            d[out->n++] = 1;
    return true;
}

static bool fn_squeeze(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    bool gone[UINT8_MAX];
    sld_val x = a[0];
    sld_dim *d = sld__new_list(e, out, x.n);
    if (!d || !mark_axes(e, &a[1], x.n, gone))
        return false;
    bool all = a[1].kind == SLD_VAL_LIST && !a[1].n;
    out->n = 0;
    for (uint32_t i = 0; i < x.n; i++) {
        bool drop = gone[i] || (all && sld_dim_eq(e->g, x.d[i], 1) != SLD_NEVER);
        if (drop && !sld__agree(e, "a dim is dropped that must be 1", x.d[i], 1))
            return false;
        if (!drop)
            d[out->n++] = x.d[i];
    }
    return true;
}

static bool fn_unsqueeze(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    bool fresh[UINT8_MAX];
    sld_val x = a[0], sorted;
    uint32_t rank = x.n + a[1].n, from = 0;
    if (a[1].n > SLD_RANK_MAX || rank > SLD_RANK_MAX)
        return sld__infer_fail(e, "a result of more than %d dims", SLD_RANK_MAX);
    sld_dim *axes = sld__new_list(e, &sorted, a[1].n), *d = sld__new_list(e, out, rank);
    if (!axes || !d || !mark_axes(e, &a[1], rank, fresh))
        return false;
    for (uint32_t i = 0; i < rank; i++) {
        if (fresh[i])
            *axes++ = i;
        d[i] = fresh[i] ? 1 : x.d[from++];
    }
    return sld__set_list(e, &a[1], sorted.n, sorted.d);
}

static bool fn_flatten(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    sld_val x = a[0];
    uint32_t rank = x.n ? x.n : 1, first = 0, last = 0; /* a scalar becomes a list of one */
    sld_dim *d = sld__new_list(e, out, rank);
    if (!d || !sld__axis(e, a[1].num, rank, &first) || !sld__axis(e, a[2].num, rank, &last))
        return false;
    if (first > last)
        return sld__infer_fail(e, "the first axis, %u, lies behind the last, %u", first, last);
    out->n = x.n ? 0 : 1;
    d[0] = 1;
    for (uint32_t i = 0; i < x.n; i++) {
        if (i <= first || i > last)
            d[out->n++] = x.d[i];
        else if (!sld__ok(d[first] = sld_dim_mul(e->g, d[first], x.d[i])))
            return false;
    }
    return true;
}

static bool fn_permute(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    bool seen[UINT8_MAX] = {false};
    sld_val x = a[0], perm = a[1], full;
    if (perm.n && perm.n != x.n)
        return sld__infer_fail(e, "a permutation of %u axes for rank %u", perm.n, x.n);
    sld_dim *p = sld__new_list(e, &full, x.n), *d = sld__new_list(e, out, x.n);
    for (uint32_t i = 0; p && d && i < x.n; i++) {
        uint32_t k = x.n - 1 - i;
        if (perm.n && !sld__axis(e, perm.d[i], x.n, &k))
            return false;
        if (seen[k])
            return sld__infer_fail(e, "axis %u is named twice", k);
        seen[k] = true;
        p[i] = k;
        d[i] = x.d[k];
    }
    return p && d && sld__set_list(e, &perm, full.n, full.d);
}

static bool swap(sld_env *e, const sld_val *x, sld_dim axis_a, sld_dim axis_b, sld_val *out)
{
    uint32_t i = 0, j = 0;
    sld_dim *d = sld__copy_list(e, out, x);
    if (!d || !sld__axis(e, axis_a, out->n, &i) || !sld__axis(e, axis_b, out->n, &j))
        return false;
    sld_dim t = d[i];
    d[i] = d[j];
    d[j] = t;
    return true;
}

static bool fn_swap(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    return swap(e, &a[0], a[1].num, a[2].num, out);
}

static bool fn_transpose_if(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    return a[1].num ? swap(e, &a[0], -2, -1, out) : sld__copy_list(e, out, &a[0]) != NULL;
}

/* -------------------------------------------------------- one axis, indexing -- */

/* The shape with one axis replaced by m dims. */
static bool replace_axis(sld_env *e, const sld_val *x, sld_dim axis, uint32_t m, const sld_dim *with,
                         sld_val *out)
{
    uint32_t at = 0, rank = x->n;
    const sld_dim *from = x->d;
    if (!sld__axis(e, axis, rank, &at))
        return false;
    sld_dim *d = sld__new_list(e, out, rank - 1 + m);
    if (!d)
        return false;
    memcpy(d, from, at * sizeof *d);
    if (m)
        memcpy(d + at, with, m * sizeof *d);
    memcpy(d + at + m, from + at + 1, (rank - at - 1) * sizeof *d);
    return true;
}

static bool fn_select(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    return replace_axis(e, &a[0], a[1].num, 0, NULL, out);
}

static bool fn_with(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    return replace_axis(e, &a[0], a[1].num, 1, &a[2].num, out);
}

static bool fn_topk(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    uint32_t at = 0;
    if (!sld__axis(e, a[2].num, a[0].n, &at))
        return false;
    if (sld_dim_le(e->g, a[1].num, a[0].d[at]) == SLD_NEVER)
        return sld__infer_fail(e, "more elements are taken than axis %u has", at);
    return replace_axis(e, &a[0], a[2].num, 1, &a[1].num, out);
}

static bool fn_gather(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    return replace_axis(e, &a[0], a[2].num, a[1].n, a[1].d, out);
}

/* The last dim of the indices says how many axes behind the batch axes one index names. */
static bool fn_gather_nd(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    sld_val x = a[0], i = a[1];
    int64_t batch = a[2].num, depth = i.n ? i.d[i.n - 1] : 0;
    if (sld_dim_is_sym(batch) || batch < 0 || batch >= i.n || batch >= x.n)
        return sld__infer_fail(e, "batch_dims is outside the ranks %u and %u", x.n, i.n);
    if (depth < 1 || depth > x.n - batch)
        return sld__infer_fail(e, "the last dim of the indices does not fit rank %u", x.n);
    for (uint32_t k = 0; k < batch; k++)
        if (!sld__agree(e, "batch dims", x.d[k], i.d[k]))
            return false;
    uint32_t from = (uint32_t)(batch + depth), head = i.n - 1;
    sld_dim *d = sld__new_list(e, out, head + x.n - from);
    if (!d)
        return false;
    memcpy(d, i.d, head * sizeof *d);
    memcpy(d + head, x.d + from, (x.n - from) * sizeof *d);
    return true;
}

/* torch's advanced indexing. Index k takes the place of axis k and an absent one keeps the axis; the dims of
 * all indices, broadcast, stand where the first index does, or in front when the indices are not adjacent. */
static bool fn_index(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    sld_val x = a[0], block;
    uint32_t first_operand = a[1].operand < 0 ? e->n_in : (uint32_t)a[1].operand;
    uint32_t n_indices = e->n_in > first_operand ? e->n_in - first_operand : 0;
    const sld_value *index = e->in + first_operand;
    uint32_t first = 0, last = 0, count = 0;
    if (n_indices > x.n)
        return sld__infer_fail(e, "%u indices for rank %u", n_indices, x.n);
    bool ok = sld__new_list(e, &block, 0) != NULL;
    for (uint32_t k = 0; ok && k < n_indices; k++) {
        if (!index[k])
            continue;
        sld_val one = {
            .kind = SLD_VAL_LIST, .n = sld_rank(e->g, index[k]), .d = sld_shape(e->g, index[k])};
        ok = broadcast(e, &block, &one, &block) != NULL;
        first = count++ ? first : k;
        last = k;
    }
    sld_dim *d = ok ? sld__new_list(e, out, block.n + x.n - count) : NULL;
    if (!d)
        return false;
    uint32_t place = count == last - first + 1 ? first : 0, at = 0;
    for (uint32_t k = 0; k < x.n; k++)
        if (k >= n_indices || !index[k]) {
            at += at == place ? block.n : 0;
            d[at++] = x.d[k];
        }
    memcpy(d + place, block.d, block.n * sizeof *d);
    return true;
}

/* -------------------------------------------------------------------- sizes -- */

static bool fn_pad(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    sld_val pads = a[1];
    if (pads.n != 2 * a[0].n)
        return sld__infer_fail(e, "%u pads for rank %u", pads.n, a[0].n);
    sld_dim *d = sld__copy_list(e, out, &a[0]);
    for (uint32_t i = 0; d && i < out->n; i++) {
        d[i] = sld_dim_add(e->g, sld_dim_add(e->g, d[i], pads.d[i]), pads.d[i + out->n]);
        if (!sld__ok(d[i]))
            return false;
    }
    return d != NULL;
}

/* Number of places of a window along one axis. */
static bool window_places(sld_env *e, sld_dim x, sld_dim w, sld_dim pad, sld_dim stride, sld_dim dilation,
                          sld_dim *out)
{
    sld_graph *g = e->g;
    if (sld_dim_le(g, 1, stride) == SLD_NEVER || sld_dim_le(g, 1, dilation) == SLD_NEVER)
        return sld__infer_fail(e, "strides and dilations must be positive");
    sld_dim window = sld_dim_add(g, sld_dim_mul(g, dilation, sld_dim_sub(g, w, 1)), 1);
    sld_dim room = sld_dim_sub(g, sld_dim_add(g, x, pad), window);
    if (sld__ok(room) && sld_dim_le(g, 0, room) == SLD_NEVER)
        return sld__infer_fail(e, "the window is larger than the padded input");
    return sld__ok(*out = sld_dim_add(g, sld_dim_div(g, room, stride), 1));
}

static bool fn_conv(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    sld_val x = a[0], w = a[1];
    const sld_val *strides = &a[2], *pads = &a[3], *dilations = &a[4];
    uint32_t m = x.n - 2;
    if (x.n < 3 || w.n != x.n)
        return sld__infer_fail(e, "input of rank %u and weight of rank %u", x.n, w.n);
    if ((strides->n && strides->n != m) || (pads->n && pads->n != 2 * m) ||
        (dilations->n && dilations->n != m))
        return sld__infer_fail(e, "strides, pads or dilations do not fit %u axes", m);
    sld_dim *d = sld__copy_list(e, out, &x);
    if (!d)
        return false;
    d[1] = w.d[0];
    for (uint32_t i = 0; i < m; i++) {
        sld_dim pad = pads->n ? sld_dim_add(e->g, pads->d[i], pads->d[i + m]) : 0;
        if (!window_places(e, x.d[i + 2], w.d[i + 2], pad, strides->n ? strides->d[i] : 1,
                           dilations->n ? dilations->d[i] : 1, &d[i + 2]))
            return false;
    }
    return true;
}

static bool fn_rank(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)e, (void)n;
    return number(out, a[0].n);
}

static bool fn_size(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    uint32_t at = 0;
    return sld__axis(e, a[1].num, a[0].n, &at) && number(out, a[0].d[at]);
}

static bool fn_numel(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    sld_dim p = 1;
    for (uint32_t i = 0; i < a[0].n && sld__ok(p); i++)
        p = sld_dim_mul(e->g, p, a[0].d[i]);
    return number(out, p);
}

static uint8_t operand_dtype(const sld_env *e, const sld_val *a)
{
    return sld_dtype_of(e->g, e->in[a->operand]);
}

static bool fn_bytes(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    return fn_numel(e, n, a, out) &&
           number(out, sld_dim_mul(e->g, out->num, (int64_t)sld_dtype_size((sld_dtype)operand_dtype(e, a))));
}

static bool fn_dtype(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    out->kind = SLD_VAL_DTYPE;
    out->num = operand_dtype(e, a);
    return true;
}

static bool fn_ceildiv(sld_env *e, uint32_t n, const sld_val *v, sld_val *out)
{
    (void)n;
    sld_graph *g = e->g;
    sld_dim a = v[0].num, b = v[1].num;
    if (sld_dim_le(g, b, -1) == SLD_ALWAYS) {
        a = sld_dim_sub(g, 0, a);
        b = sld_dim_sub(g, 0, b);
    }
    return number(out, sld_dim_div(g, sld_dim_add(g, a, sld_dim_sub(g, b, 1)), b));
}

static bool fn_min(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    return number(out, sld_dim_min(e->g, a[0].num, a[1].num));
}

static bool fn_max(sld_env *e, uint32_t n, const sld_val *a, sld_val *out)
{
    (void)n;
    return number(out, sld_dim_max(e->g, a[0].num, a[1].num));
}

/* ----------------------------------------------------------------- dispatch -- */

typedef bool shape_fn(sld_env *e, uint32_t n, const sld_val *a, sld_val *out);
static shape_fn *const functions[SLD_FN_COUNT] = {
    [SLD_FN_BROADCAST] = fn_broadcast,
    [SLD_FN_REDUCE] = fn_reduce,
    [SLD_FN_PERMUTE] = fn_permute,
    [SLD_FN_SWAP] = fn_swap,
    [SLD_FN_RESHAPE] = sld__fn_reshape,
    [SLD_FN_EXPAND] = fn_expand,
    [SLD_FN_SQUEEZE] = fn_squeeze,
    [SLD_FN_UNSQUEEZE] = fn_unsqueeze,
    [SLD_FN_FLATTEN] = fn_flatten,
    [SLD_FN_MATMUL] = fn_matmul,
    [SLD_FN_CONCAT] = sld__fn_concat,
    [SLD_FN_STACK] = sld__fn_stack,
    [SLD_FN_SLICE] = sld__fn_slice,
    [SLD_FN_SPLIT] = sld__fn_split,
    [SLD_FN_GATHER] = fn_gather,
    [SLD_FN_GATHER_ND] = fn_gather_nd,
    [SLD_FN_SELECT] = fn_select,
    [SLD_FN_PAD] = fn_pad,
    [SLD_FN_CONV] = fn_conv,
    [SLD_FN_INDEX] = fn_index,
    [SLD_FN_WITH] = fn_with,
    [SLD_FN_RANK] = fn_rank,
    [SLD_FN_SIZE] = fn_size,
    [SLD_FN_NUMEL] = fn_numel,
    [SLD_FN_BYTES] = fn_bytes,
    [SLD_FN_CEILDIV] = fn_ceildiv,
    [SLD_FN_MIN] = fn_min,
    [SLD_FN_MAX] = fn_max,
    [SLD_FN_CUT] = sld__fn_cut,
    [SLD_FN_DTYPE] = fn_dtype,
    [SLD_FN_TRANSPOSE_IF] = fn_transpose_if,
    [SLD_FN_TOPK] = fn_topk,
};
static const char *const arguments[SLD_FN_COUNT] = {
#define X(id, name, args, gives) args,
    SLD_FN_LIST(X)
#undef X
};

static bool fits(char kind, const sld_val *v)
{
    switch (kind | 0x20) {
    case 'l': return v->kind == SLD_VAL_LIST;
    case 'n': return v->kind == SLD_VAL_NUM;
    case 'a': return v->kind == SLD_VAL_LIST || v->kind == SLD_VAL_NUM;
    case 'o': return v->kind == SLD_VAL_LIST && v->operand >= 0;
    default: return v->kind == SLD_VAL_LIST || v->kind == SLD_VAL_NONE;
    }
}

/* A call on an absent operand has no value, which is no error. */
bool sld__shape_fn(sld_env *e, unsigned fn, uint32_t n, const sld_val *args, sld_val *out)
{
    if (fn >= SLD_FN_COUNT)
        return sld__infer_fail(e, "its declaration calls function %u, which is unknown", fn);
    const char *want = arguments[fn];
    for (uint32_t i = 0; i < n; i++) {
        if (*want && args[i].kind == SLD_VAL_NONE && *want != 'x')
            return true;
        if (!*want || !fits(*want, &args[i]))
            return sld__infer_fail(e, "argument %u of a function of its declaration is of the wrong kind", i);
        if (*want == 'l' && i == 0 && args[i].n > UINT8_MAX)
            return sld__infer_fail(e, "a shape of %u dims", args[i].n);
        want += want[1] != '+';
    }
    if (*want && want[1] != '+' && *want >= 'a')
        return sld__infer_fail(e, "a function of its declaration wants more arguments than %u", n);
    return functions[fn](e, n, args, out);
}
