/* The shape functions of LANGUAGE.md over symbolic shapes. What cannot be worked out is a segment or a size that
 * stands for the call itself: two equal calls are still equal. */
#include <string.h>

#include "sym.h"

typedef struct call {
    s_ctx *c;
    const char *name;
    uint32_t n;
    s_part part;
    const s_val *a;
    bool left;
    s_need *need;
} call;

static s_val list_val(s_shape s) { return (s_val){.kind = S_LIST, .list = s}; }
static s_val num_val(s_poly p) { return (s_val){.kind = S_NUM, .num = p}; }

static void undefined(call *k, s_val what)
{
    if (!k->left && k->need && !k->need->why && !k->need->numbers)
        *k->need = (s_need){.undefined = what, .why = "the op is defined for these shapes"};
}

/* A list that stands for a call. */
static s_val list_call(call *k, s_fn fn, const char *name, uint32_t n, const s_val *args)
{
    uint32_t known = k->c->segs.n;
    s_shape s = s_apply_list(k->c, fn, name, n, args);
    if (s.n == 1 && s.at[0].seg && s.at[0].id >= known)
        undefined(k, list_val(s));
    return list_val(s);
}

static s_val number_call(call *k, s_fn fn, const char *name, uint32_t n, const s_val *args)
{
    uint32_t known = k->c->atoms.n;
    s_poly p = s_apply(k->c, fn, name, n, args);
    if (p.n == 1 && p.at[0].n == 1 && p.at[0].atoms[0] >= known)
        undefined(k, num_val(p));
    return num_val(p);
}

/* The call itself. Results of one split differ. */
static s_val opaque(call *k)
{
    if (!k->part.index)
        return list_call(k, S_OTHER_LIST, k->name, k->n, k->a);
    s_val *args = pat_alloc(k->c->arena, (k->n + 1) * sizeof *args);
    memcpy(args, k->a, k->n * sizeof *args);
    args[k->n] = num_val(s_const(k->c, k->part.index));
    return list_call(k, S_OTHER_LIST, "part", k->n + 1, args);
}

/* zero must be 0 for the call to be valid: known on the left, to be proved on the right. */
static void must_be_zero(call *k, s_poly zero, const char *why)
{
    if (k->left)
        s_assume_zero(k->c, zero);
    else if (k->need && !k->need->why && !s_prove_zero(k->c, zero))
        *k->need = (s_need){.zero = zero, .why = why};
}

static void must_equal(call *k, s_poly a, s_poly b, const char *why)
{
    must_be_zero(k, s_sub(k->c, a, b), why);
}

static void must_be_nonneg(call *k, s_poly p, const char *why)
{
    if (k->left)
        s_assume_nonneg(k->c, p);
    else if (k->need && !k->need->why && !s_prove_nonneg(k->c, p))
        *k->need = (s_need){.nonneg = s_resolve(k->c, p), .why = why};
}

/* An axis that is counted from the end, as the distance of its dim from the end: -1 gives 1. */
static bool axis_of(s_poly p, uint32_t *from_end)
{
    int64_t i;
    if (!s_is_const(p, &i) || i >= 0 || i < -64)
        return false;
    *from_end = (uint32_t)-i;
    return true;
}

/* Dim `from_end` of shape *s, opened if need be; its position in *at. */
static bool dim_at(call *k, s_shape *s, uint32_t from_end, uint32_t *at)
{
    if (s_trailing(k->c, s, from_end, k->left) < from_end)
        return false;
    *at = s->n - from_end;
    return true;
}

static bool all_dims(s_shape s)
{
    for (uint32_t i = 0; i < s.n; i++)
        if (s.at[i].seg)
            return false;
    return true;
}

static bool flag(s_val v, bool *set)
{
    int64_t i = 0;
    bool known = v.kind == S_NUM && s_is_const(v.num, &i);
    *set = i != 0;
    return known;
}

/* ------------------------------------------------------------- broadcasts -- */

static s_shape broadcast2(call *k, s_shape a, s_shape b)
{
    s_ctx *c = k->c;
    s_shape tail = {0};
    a = s_resolve_shape(c, a);
    b = s_resolve_shape(c, b);
    if (s_prove_same(c, a, b))
        return a;
    while (a.n && b.n && !a.at[a.n - 1].seg && !b.at[b.n - 1].seg) {
        s_val dims[2] = {num_val(a.at[a.n - 1].dim), num_val(b.at[b.n - 1].dim)};
        s_poly d = number_call(k, S_BROADCAST_DIM, NULL, 2, dims).num;
        tail = s_join(c, s_dims(c, 1, &d), tail);
        a = s_cut(a, 0, a.n - 1);
        b = s_cut(b, 0, b.n - 1);
    }
    if (!a.n || !b.n)
        return s_join(c, a.n ? a : b, tail);
    if (s_prove_same(c, a, b))
        return s_join(c, a, tail);
    s_val pair[2] = {list_val(a), list_val(b)};
    return s_join(c, list_call(k, S_OTHER_LIST, "broadcast", 2, pair).list, tail);
}

static s_val broadcast(call *k)
{
    s_shape all = {0};
    for (uint32_t i = 0; i < k->n; i++)
        all = broadcast2(k, all, k->a[i].list);
    return list_val(all);
}

static s_val matmul(call *k)
{
    s_ctx *c = k->c;
    s_shape a = k->a[0].list, b = k->a[1].list;
    const char *why = "the inner dims of the product must agree";
    uint32_t da = s_trailing(c, &a, 1, k->left), db = s_trailing(c, &b, 1, false);
    if (!da || db < 2)
        return opaque(k);
    must_equal(k, a.at[a.n - 1].dim, b.at[b.n - 2].dim, why);
    s_shape n = s_cut(b, b.n - 1, b.n);
    if (b.n == 2)
        return list_val(s_join(c, s_cut(a, 0, a.n - 1), n));
    if (da < 2)
        return opaque(k);
    s_shape batch = broadcast2(k, s_cut(a, 0, a.n - 2), s_cut(b, 0, b.n - 2));
    return list_val(s_join(c, s_join(c, batch, s_cut(a, a.n - 2, a.n - 1)), n));
}

/* ---------------------------------------------------------------- regroup -- */

/* Element i of the new shape is written as a 0 where the dim of the operand at its place is meant. */
static s_shape copied_dims(call *k, s_shape to)
{
    s_shape a = s_resolve_shape(k->c, k->a[0].list);
    int64_t v;
    for (uint32_t i = 0; i < to.n; i++) {
        bool there = i < a.n && !a.at[i].seg && !to.at[i].seg;
        if (there && s_is_const(to.at[i].dim, &v) && v == 0)
            to = s_with(k->c, to, i, a.at[i].dim);
        else if (there && s_prove_equal(k->c, to.at[i].dim, a.at[i].dim))
            continue;
        else if (to.at[i].seg || !(s_is_const(to.at[i].dim, &v) && v == -1))
            must_be_nonneg(k, to.at[i].seg ? s_const(k->c, -1) : s_sub(k->c, to.at[i].dim, s_const(k->c, 1)),
                           "no dim of the new shape is 0, which would copy one");
        if (to.at[i].seg)
            break;
    }
    return to;
}

static s_val reshape(call *k)
{
    s_ctx *c = k->c;
    s_shape to = s_resolve_shape(c, k->a[1].list);
    s_poly others = s_const(c, 1), all = s_numel(c, k->a[0].list);
    int inferred = -1;
    bool zero = true, known = k->n < 3 || flag(k->a[2], &zero);
    if (!k->left && (!known || !zero)) /* in a graph the shape is complete */
        to = copied_dims(k, to);
    for (uint32_t i = 0; i < to.n; i++) {
        int64_t v;
        if (!to.at[i].seg && s_is_const(to.at[i].dim, &v) && v == -1) {
            inferred = (int)i;
            continue;
        }
        if (!to.at[i].seg)
            must_be_nonneg(k, to.at[i].dim, "no dim of the new shape is negative");
        others = s_mul(c, others, s_numel(c, s_cut(to, i, i + 1)));
    }
    if (inferred >= 0) {
        must_be_nonneg(k, s_sub(c, others, s_const(c, 1)), "-1 is determined when no other dim is 0");
        to = s_with(c, to, (uint32_t)inferred, s_apply2(c, S_FLOORDIV, all, others));
    }
    must_equal(k, all, s_numel(c, to), "a reshape keeps the number of elements");
    return list_val(to);
}

static s_val expand(call *k)
{
    s_ctx *c = k->c;
    s_shape to = s_resolve_shape(c, k->a[1].list), a = s_resolve_shape(c, k->a[0].list);
    if (k->left)
        return list_val(to); /* the attribute of a valid graph is the shape of the result */
    if (s_prove_same(c, a, to))
        return list_val(to);
    bool fits = a.n <= to.n, open = true;
    for (uint32_t i = 1; i <= to.n && fits && open; i++) {
        s_elem t = to.at[to.n - i];
        int64_t v;
        bool minus = !t.seg && s_is_const(t.dim, &v) && v == -1;
        if (i > a.n) {
            fits = !minus;
            continue;
        }
        s_elem e = a.at[a.n - i];
        open = !t.seg && !e.seg;
        if (!open)
            fits = s_prove_same(c, s_cut(a, 0, a.n - i + 1), s_cut(to, 0, to.n - i + 1));
        else if (minus)
            to = s_with(c, to, to.n - i, e.dim);
        else if (!(s_is_const(e.dim, &v) && v == 1))
            must_equal(k, t.dim, e.dim, "a dim that is expanded is 1");
    }
    return fits ? list_val(to) : opaque(k);
}

/* Axes as distances from the end, descending list order kept; false when one is not known. */
static bool axes_of(s_shape list, uint32_t *at, uint32_t *most)
{
    *most = 0;
    for (uint32_t i = 0; i < list.n; i++) {
        if (i >= 32 || list.at[i].seg || !axis_of(list.at[i].dim, &at[i]))
            return false;
        for (uint32_t j = 0; j < i; j++)
            if (at[j] == at[i])
                return false;
        *most = at[i] > *most ? at[i] : *most;
    }
    return true;
}

static s_val reduce(call *k)
{
    s_ctx *c = k->c;
    s_shape a = k->a[0].list, axes = s_resolve_shape(c, k->a[1].list), out;
    uint32_t at[32], most;
    bool keep, known = axes_of(axes, at, &most);
    if (!flag(k->a[2], &keep) || !known)
        return opaque(k);
    if (!axes.n) { /* all of them */
        a = s_resolve_shape(c, a);
        if (!keep)
            return list_val((s_shape){0});
        if (!all_dims(a))
            return opaque(k);
    }
    if (s_trailing(c, &a, most, k->left) < most)
        return opaque(k);
    out = (s_shape){0};
    for (uint32_t i = 0; i < a.n; i++) {
        bool reduced = !axes.n;
        for (uint32_t j = 0; j < axes.n; j++)
            reduced |= at[j] == a.n - i;
        s_poly one = s_const(c, 1);
        if (!reduced)
            out = s_join(c, out, s_cut(a, i, i + 1));
        else if (keep)
            out = s_join(c, out, s_dims(c, 1, &one));
    }
    return list_val(out);
}

static s_val squeeze(call *k)
{
    s_ctx *c = k->c;
    s_shape a = k->a[0].list, out = {0};
    uint32_t at[32], most;
    s_shape axes = s_resolve_shape(c, k->a[1].list);
    if (!axes.n && all_dims(a = s_resolve_shape(c, a))) { /* every 1 */
        int64_t v;
        for (uint32_t i = 0; i < a.n; i++)
            if (!s_is_const(a.at[i].dim, &v))
                return opaque(k);
            else if (v != 1)
                out = s_join(c, out, s_cut(a, i, i + 1));
        return list_val(out);
    }
    if (!axes.n || !axes_of(axes, at, &most) || s_trailing(c, &a, most, k->left) < most)
        return opaque(k);
    for (uint32_t i = 0; i < a.n; i++) {
        bool gone = false;
        for (uint32_t j = 0; j < axes.n; j++)
            gone |= at[j] == a.n - i;
        if (gone)
            must_equal(k, a.at[i].dim, s_const(c, 1), "a dim that is squeezed is 1");
        else
            out = s_join(c, out, s_cut(a, i, i + 1));
    }
    return list_val(out);
}

static s_val unsqueeze(call *k)
{
    s_ctx *c = k->c;
    s_shape a = s_resolve_shape(c, k->a[0].list), axes = s_resolve_shape(c, k->a[1].list);
    uint32_t at[32], most;
    s_poly one = s_const(c, 1);
    if (axes_of(axes, at, &most) && axes.n == 1 && s_trailing(c, &a, most - 1, k->left) >= most - 1)
        return list_val(s_join(c, s_join(c, s_cut(a, 0, a.n - (most - 1)), s_dims(c, 1, &one)),
                               s_cut(a, a.n - (most - 1), a.n)));
    int64_t i;
    bool front = axes.n == 1 && !axes.at[0].seg && s_is_const(axes.at[0].dim, &i) && i >= 0 && i <= a.n &&
                 all_dims(s_cut(a, 0, (uint32_t)i));
    if (!front)
        return opaque(k);
    return list_val(s_join(c, s_join(c, s_cut(a, 0, (uint32_t)i), s_dims(c, 1, &one)), s_cut(a, (uint32_t)i, a.n)));
}

static s_val flatten(call *k)
{
    s_ctx *c = k->c;
    s_shape a = s_resolve_shape(c, k->a[0].list);
    int64_t first, last;
    if (!all_dims(a) || !s_is_const(k->a[1].num, &first) || !s_is_const(k->a[2].num, &last))
        return opaque(k);
    first += first < 0 ? a.n : 0;
    last += last < 0 ? a.n : 0;
    if (first < 0 || last >= a.n || first > last)
        return opaque(k);
    s_poly merged = s_numel(c, s_cut(a, (uint32_t)first, (uint32_t)last + 1));
    return list_val(s_join(c, s_join(c, s_cut(a, 0, (uint32_t)first), s_dims(c, 1, &merged)),
                           s_cut(a, (uint32_t)last + 1, a.n)));
}

/* ----------------------------------------------------------- permutations -- */

static s_val permute(call *k)
{
    s_ctx *c = k->c;
    s_shape a = s_resolve_shape(c, k->a[0].list), perm = s_resolve_shape(c, k->a[1].list);
    const char *why = "a permutation names every axis once";
    if (perm.n && all_dims(perm) && k->left)
        s_assume_rank(c, a, perm.n, true);
    else if (perm.n && (k->left || all_dims(perm) || s_is_identity(c, perm)))
        must_equal(k, s_rank(c, a), s_rank(c, perm), why);
    if (!perm.n) { /* reversed */
        s_shape out = {0};
        if (!all_dims(a))
            return opaque(k);
        for (uint32_t i = a.n; i-- > 0;)
            out = s_join(c, out, s_cut(a, i, i + 1));
        return list_val(out);
    }
    s_val args[2] = {list_val(a), list_val(perm)};
    return list_call(k, S_PERMUTE, "permute", 2, args);
}

static s_val swap_axes(call *k, s_shape a, s_val i, s_val j)
{
    s_ctx *c = k->c;
    uint32_t at[2], p, q;
    if (axis_of(i.num, &at[0]) && axis_of(j.num, &at[1]) && dim_at(k, &a, at[0], &p) && dim_at(k, &a, at[1], &q)) {
        p = a.n - at[0];
        s_poly x = a.at[p].dim, y = a.at[q].dim;
        return list_val(s_with(c, s_with(c, a, p, y), q, x));
    }
    s_val perm = list_val(s_apply_list(c, S_OTHER_LIST, "swap_perm", 3, (s_val[]){num_val(s_rank(c, a)), i, j}));
    return list_call(k, S_PERMUTE, "permute", 2, (s_val[]){list_val(a), perm});
}

static s_val swap_perm(call *k)
{
    int64_t rank, i, j;
    s_shape out = {0};
    if (!s_is_const(k->a[0].num, &rank) || !s_is_const(k->a[1].num, &i) || !s_is_const(k->a[2].num, &j) || rank > 64)
        return opaque(k);
    i += i < 0 ? rank : 0;
    j += j < 0 ? rank : 0;
    for (int64_t n = 0; n < rank; n++) {
        s_poly at = s_const(k->c, n == i ? j : n == j ? i : n);
        out = s_join(k->c, out, s_dims(k->c, 1, &at));
    }
    return list_val(out);
}

static s_val transpose_if(call *k)
{
    bool yes;
    if (!flag(k->a[1], &yes))
        return opaque(k);
    s_poly last = s_const(k->c, -1), before = s_const(k->c, -2);
    return yes ? swap_axes(k, k->a[0].list, num_val(before), num_val(last)) : k->a[0];
}

/* ----------------------------------------------------------- along an axis -- */

static s_val concat(call *k)
{
    s_ctx *c = k->c;
    uint32_t axis, at;
    uint32_t n = k->n - 1;
    s_poly sum = {0};
    s_shape first = n ? k->a[0].list : (s_shape){0};
    if (!n || !axis_of(k->a[n].num, &axis))
        return n == 1 && k->left ? k->a[0] : opaque(k);
    for (uint32_t i = 0; i < n; i++) {
        s_shape s = k->a[i].list;
        if (!dim_at(k, &s, axis, &at))
            return opaque(k);
        sum = s_add(c, sum, s.at[at].dim);
        if (!i) {
            first = s;
            continue;
        }
        /* All dims but this one agree. */
        s_shape other = s_with(c, s, at, s_resolve_shape(c, first).at[s_resolve_shape(c, first).n - axis].dim);
        if (k->left)
            s_assume_same(c, first, other);
        else if (k->need && !k->need->why && !s_prove_same(c, first, other))
            *k->need = (s_need){.zero = s_const(c, 1), .why = "joined values agree in all dims but one"};
    }
    dim_at(k, &first, axis, &at);
    return list_val(s_with(c, first, at, sum));
}

static s_val replace_dim(call *k, s_val axis, s_poly dim)
{
    uint32_t from_end, at;
    s_shape a = k->a[0].list;
    if (!axis_of(axis.num, &from_end) || !dim_at(k, &a, from_end, &at))
        return opaque(k);
    return list_val(s_with(k->c, a, at, dim));
}

static s_val topk(call *k)
{
    uint32_t from_end, at;
    s_shape a = k->a[0].list;
    if (axis_of(k->a[2].num, &from_end) && dim_at(k, &a, from_end, &at))
        must_be_nonneg(k, s_sub(k->c, a.at[at].dim, k->a[1].num), "no more elements are taken than there are");
    return replace_dim(k, k->a[2], k->a[1].num);
}

/* All begins, then all ends. */
static s_val pad(call *k)
{
    s_shape a = s_resolve_shape(k->c, k->a[0].list), by = s_resolve_shape(k->c, k->a[1].list);
    if (!all_dims(a) || !all_dims(by) || by.n != 2 * a.n)
        return opaque(k);
    for (uint32_t i = 0, rank = a.n; i < rank; i++) {
        s_poly size = s_add(k->c, a.at[i].dim, s_add(k->c, by.at[i].dim, by.at[rank + i].dim));
        must_be_nonneg(k, size, "no more is cut off than there is");
        a = s_with(k->c, a, i, size);
    }
    return list_val(a);
}

static s_val slice(call *k)
{
    s_ctx *c = k->c;
    s_shape a = k->a[0].list, lists[4];
    for (int i = 0; i < 4; i++)
        lists[i] = k->n > (uint32_t)i + 1 ? s_resolve_shape(c, k->a[i + 1].list) : (s_shape){0};
    uint32_t n = lists[1].n, axis, at;
    if (lists[0].n != n || lists[2].n != n || !all_dims(lists[1]) || !all_dims(lists[2]) || !all_dims(lists[0]) ||
        (lists[3].n && (lists[3].n != n || !all_dims(lists[3]))))
        return opaque(k);
    for (uint32_t i = 0; i < n; i++) {
        if (!axis_of(lists[0].at[i].dim, &axis) || !dim_at(k, &a, axis, &at))
            return opaque(k);
        s_poly from = lists[1].at[i].dim, to = lists[2].at[i].dim, size = a.at[at].dim;
        s_val step = num_val(lists[3].n ? lists[3].at[i].dim : s_const(c, 1));
        if (k->left) { /* the bounds in a valid graph lie within the dim and in this order */
            s_assume_nonneg(c, from);
            s_assume_nonneg(c, s_sub(c, to, from));
            s_assume_nonneg(c, s_sub(c, size, to));
        } else if (!s_prove_nonneg(c, from) || !s_prove_nonneg(c, s_sub(c, to, from)) ||
                   !s_prove_nonneg(c, s_sub(c, size, to))) {
            /* It is cut to what is there. */
            return list_val(s_apply_list(c, S_OTHER_LIST, k->name, k->n, k->a));
        }
        a = s_with(c, a, at, s_apply(c, S_SLICE_LENGTH, NULL, 3, (s_val[]){num_val(from), num_val(to), step}));
    }
    return list_val(a);
}

static s_val split(call *k)
{
    s_ctx *c = k->c;
    s_shape sizes = s_resolve_shape(c, k->a[1].list), a = k->a[0].list;
    int64_t parts;
    uint32_t axis, at;
    if (!axis_of(k->a[2].num, &axis) || !dim_at(k, &a, axis, &at))
        return opaque(k);
    s_poly size = a.at[at].dim, sum = {0};
    if (sizes.n && all_dims(sizes)) {
        for (uint32_t i = 0; i < sizes.n; i++) {
            must_be_nonneg(k, sizes.at[i].dim, "no size of a split is negative");
            sum = s_add(c, sum, sizes.at[i].dim);
        }
        must_equal(k, sum, size, "the sizes of a split add up to the dim");
        if (k->part.of && !k->left)
            must_equal(k, s_const(c, k->part.of), s_const(c, sizes.n), "a split has as many results as sizes");
        if (k->part.index < sizes.n)
            return list_val(s_with(c, a, at, sizes.at[k->part.index].dim));
    }
    bool equal = !sizes.n && s_is_const(k->a[3].num, &parts) && parts >= 0;
    if (equal && !parts && !k->left && (parts = k->part.of)) /* as many as there are results */
        must_be_zero(k, s_apply2(c, S_MOD, size, s_const(c, parts)), "a dim is split into equal parts");
    if (equal && parts && (!k->part.of || parts == k->part.of) && s_prove_multiple(c, size, s_const(c, parts)))
        return list_val(s_with(c, a, at, s_apply2(c, S_FLOORDIV, size, s_const(c, parts))));
    if (k->left) {
        s_poly part = s_var(c, NULL, true, true);
        return list_val(s_with(c, a, at, part));
    }
    s_val args[3] = {k->a[1], num_val(size), num_val(s_const(c, k->part.index))};
    return list_val(s_with(c, a, at, number_call(k, S_OTHER_NUMBER, "split", 3, args).num));
}

static s_val gather(call *k)
{
    uint32_t axis, at;
    s_shape a = k->a[0].list;
    if (!axis_of(k->a[2].num, &axis) || !dim_at(k, &a, axis, &at))
        return opaque(k);
    return list_val(s_join(k->c, s_join(k->c, s_cut(a, 0, at), k->a[1].list), s_cut(a, at + 1, a.n)));
}

static s_val drop_axis(call *k)
{
    uint32_t axis, at;
    s_shape a = k->a[0].list;
    if (!axis_of(k->a[1].num, &axis) || !dim_at(k, &a, axis, &at))
        return opaque(k);
    return list_val(s_join(k->c, s_cut(a, 0, at), s_cut(a, at + 1, a.n)));
}

/* Element i of a list that may be empty. */
static s_poly or_else(s_ctx *c, s_shape list, uint32_t i, int64_t dflt)
{
    return i < list.n ? list.at[i].dim : s_const(c, dflt);
}

static s_val conv(call *k)
{
    s_ctx *c = k->c;
    s_shape l[5];
    for (int i = 0; i < 5; i++)
        if (!all_dims(l[i] = s_resolve_shape(c, k->a[i].list)))
            return opaque(k);
    uint32_t n = l[0].n - 2;
    if (l[0].n < 3 || l[1].n != l[0].n || (l[2].n && l[2].n != n) || (l[3].n && l[3].n != 2 * n) || (l[4].n && l[4].n != n))
        return opaque(k);
    s_shape out = s_join(c, s_cut(l[0], 0, 1), s_cut(l[1], 0, 1));
    s_poly one = s_const(c, 1);
    for (uint32_t i = 0; i < n; i++) {
        s_poly pads = s_add(c, or_else(c, l[3], i, 0), or_else(c, l[3], i + n, 0));
        s_poly window = s_mul(c, or_else(c, l[4], i, 1), s_sub(c, l[1].at[i + 2].dim, one));
        s_poly room = s_sub(c, s_sub(c, s_add(c, l[0].at[i + 2].dim, pads), window), one);
        must_be_nonneg(k, room, "the window of a convolution fits the input");
        must_be_nonneg(k, s_sub(c, or_else(c, l[2], i, 1), one), "strides are positive");
        must_be_nonneg(k, s_sub(c, or_else(c, l[4], i, 1), one), "dilations are positive");
        s_poly dim = s_add(c, s_apply2(c, S_FLOORDIV, room, or_else(c, l[2], i, 1)), one);
        out = s_join(c, out, s_dims(c, 1, &dim));
    }
    return list_val(out);
}

/* ---------------------------------------------------------------- numbers -- */

static s_val size_of(call *k)
{
    uint32_t axis, at;
    s_shape a = k->a[0].list;
    if (axis_of(k->a[1].num, &axis) && dim_at(k, &a, axis, &at))
        return num_val(a.at[at].dim);
    return number_call(k, S_OTHER_NUMBER, "size", k->n, k->a);
}

static s_val number(call *k)
{
    s_ctx *c = k->c;
    if (!strcmp(k->name, "rank"))
        return num_val(s_rank(c, k->a[0].list));
    if (!strcmp(k->name, "numel"))
        return num_val(s_numel(c, k->a[0].list));
    if (!strcmp(k->name, "min") || !strcmp(k->name, "max"))
        return num_val(s_apply2(c, k->name[1] == 'i' ? S_MIN : S_MAX, k->a[0].num, k->a[1].num));
    if (!strcmp(k->name, "ceildiv") && !k->left)
        must_be_nonneg(k, s_sub(c, k->a[1].num, s_const(c, 1)), "no size is divided by 0");
    if (!strcmp(k->name, "ceildiv"))
        return num_val(s_apply2(c, S_FLOORDIV, s_add(c, k->a[0].num, s_sub(c, k->a[1].num, s_const(c, 1))), k->a[1].num));
    return num_val(s_apply(c, S_OTHER_NUMBER, k->name, k->n, k->a));
}

/* ------------------------------------------------------------------- all -- */

typedef s_val shape_fn(call *k);
static s_val select_with(call *k) { return replace_dim(k, k->a[1], k->a[2].num); }
static s_val swap_fn(call *k) { return swap_axes(k, k->a[0].list, k->a[1], k->a[2]); }

static const struct { const char *name; uint32_t least; shape_fn *fn; } functions[] = {
    {"broadcast", 1, broadcast}, {"matmul", 2, matmul}, {"reshape", 2, reshape}, {"expand", 2, expand},
    {"reduce", 3, reduce}, {"squeeze", 2, squeeze}, {"unsqueeze", 2, unsqueeze}, {"flatten", 3, flatten},
    {"permute", 2, permute}, {"swap", 3, swap_fn}, {"swap_perm", 3, swap_perm}, {"transpose_if", 2, transpose_if},
    {"concat", 1, concat}, {"slice", 4, slice}, {"split", 4, split}, {"gather", 3, gather}, {"select", 2, drop_axis},
    {"conv", 5, conv}, {"with", 3, select_with}, {"topk", 3, topk}, {"pad", 2, pad}, {"size", 2, size_of}, {"rank", 1, number}, {"numel", 1, number},
    {"bytes", 1, number}, {"ceildiv", 2, number}, {"min", 2, number}, {"max", 2, number}, {"cut", 3, number},
};

s_val s_call_itself(s_ctx *c, const char *name, uint32_t n, const s_val *args, bool left, s_need *unproved)
{
    call k = {.c = c, .left = left, .need = unproved};
    return list_call(&k, S_OTHER_LIST, name, n, args);
}

s_val s_call(s_ctx *c, const char *name, uint32_t n, const s_val *args, s_part part, bool left, s_need *unproved)
{
    s_val *a = pat_alloc(c->arena, (n + 1) * sizeof *a);
    for (uint32_t i = 0; i < n; i++)
        a[i] = s_resolve_val(c, args[i]);
    call k = {c, name, n, part, a, left, unproved};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (!strcmp(functions[i].name, name) && n >= functions[i].least)
            return functions[i].fn(&k);
    return opaque(&k);
}
