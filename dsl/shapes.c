/* Shapes as lists of sizes and segments. See sym.h. */
#include "sym.h"

#include <stdio.h>
#include <string.h>

/* ----------------------------------------------------------------- lists -- */

static uint32_t new_seg(s_ctx *c, s_seg s)
{
    s_seg *p = pat_alloc(c->arena, sizeof *p);
    *p = s;
    PAT_PUSH(c->arena, c->segs, p);
    return c->segs.n - 1;
}

static s_shape one_segment(s_ctx *c, uint32_t id)
{
    s_elem *e = pat_alloc(c->arena, sizeof *e);
    *e = (s_elem){.seg = true, .id = id};
    return (s_shape){1, e};
}

s_shape s_segment(s_ctx *c, pat_name name, bool fresh)
{
    return one_segment(c, new_seg(c, (s_seg){.name = name, .fresh = fresh}));
}

s_shape s_dims(s_ctx *c, uint32_t n, const s_poly *dims)
{
    s_elem *e = pat_alloc(c->arena, (n + 1) * sizeof *e);
    for (uint32_t i = 0; i < n; i++)
        e[i] = (s_elem){.dim = dims[i]};
    return (s_shape){n, e};
}

s_shape s_join(s_ctx *c, s_shape a, s_shape b)
{
    s_elem *e = pat_alloc(c->arena, (a.n + b.n + 1) * sizeof *e);
    if (a.n)
        memcpy(e, a.at, a.n * sizeof *e);
    if (b.n)
        memcpy(e + a.n, b.at, b.n * sizeof *e);
    return (s_shape){a.n + b.n, e};
}

s_shape s_cut(s_shape s, uint32_t from, uint32_t to)
{
    return (s_shape){to - from, from ? s.at + from : s.at};
}

s_shape s_with(s_ctx *c, s_shape s, uint32_t at, s_poly dim)
{
    return s_join(c, s_join(c, s_cut(s, 0, at), s_dims(c, 1, &dim)), s_cut(s, at + 1, s.n));
}

/* What a call gives now that more may be known of its arguments. */
static s_shape again(s_ctx *c, const s_seg *g)
{
    s_val *args = pat_alloc(c->arena, (g->n_args + 1) * sizeof *args);
    bool changed = false;
    for (uint32_t i = 0; i < g->n_args; i++) {
        args[i] = s_resolve_val(c, g->args[i]);
        changed |= !s_same_val(args[i], g->args[i]);
    }
    if (changed && g->fn == S_OTHER_LIST)
        return s_call(c, g->name, g->n_args, args, (s_part){0}, false, NULL).list;
    return s_apply_list(c, g->fn, g->name, g->n_args, args);
}

s_shape s_resolve_shape(s_ctx *c, s_shape s)
{
    s_shape out = {0};
    if (c->depth > 60)
        return s;
    c->depth++;
    for (uint32_t i = 0; i < s.n; i++) {
        const s_seg *g = s.at[i].seg ? c->segs.at[s.at[i].id] : NULL;
        s_shape part = s_cut(s, i, i + 1);
        if (!g) {
            s_poly dim = s_resolve(c, s.at[i].dim);
            part = s_dims(c, 1, &dim);
        } else if (g->bound) {
            part = s_resolve_shape(c, g->value);
        } else if (g->function) {
            part = again(c, g);
            if (part.n == 1 && part.at[0].seg && c->segs.at[part.at[0].id]->bound)
                part = s_resolve_shape(c, part);
        }
        out = s_join(c, out, part);
    }
    c->depth--;
    return out;
}

s_val s_resolve_val(s_ctx *c, s_val v)
{
    if (v.kind == S_NUM)
        v.num = s_resolve(c, v.num);
    if (v.kind == S_LIST)
        v.list = s_resolve_shape(c, v.list);
    return v;
}

static bool same_poly(s_poly a, s_poly b)
{
    if (a.n != b.n)
        return false;
    for (uint32_t i = 0; i < a.n; i++)
        if (a.at[i].coef != b.at[i].coef || a.at[i].n != b.at[i].n ||
            (a.at[i].n && memcmp(a.at[i].atoms, b.at[i].atoms, a.at[i].n * sizeof *a.at[i].atoms)))
            return false;
    return true;
}

bool s_same_val(s_val a, s_val b)
{
    if (a.kind != b.kind || a.dtype != b.dtype)
        return false;
    if (a.kind == S_NUM)
        return same_poly(a.num, b.num);
    if (a.list.n != b.list.n)
        return false;
    for (uint32_t i = 0; i < a.list.n; i++) {
        const s_elem *x = &a.list.at[i], *y = &b.list.at[i];
        if (x->seg != y->seg || (x->seg ? x->id != y->id : !same_poly(x->dim, y->dim)))
            return false;
    }
    return true;
}

/* -------------------------------------------------------- known of shapes -- */

static void bind(s_ctx *c, uint32_t seg, s_shape value)
{
    c->segs.at[seg]->bound = true;
    c->segs.at[seg]->value = value;
    PAT_PUSH(c->arena, c->seg_trail, c->segs.at[seg]);
}

void s_set_segment(s_ctx *c, uint32_t segment, s_shape value)
{
    bind(c, segment, value);
}

static bool is_open(s_ctx *c, s_elem e)
{
    return e.seg && !c->segs.at[e.id]->function && !c->segs.at[e.id]->bound;
}

/* A dim of segment *x that became known, the from_end-th from its end: x[-1]. */
static s_shape fresh_dim(s_ctx *c, pat_name name, uint32_t from_end)
{
    char text[80];
    int n = snprintf(text, sizeof text, "%.60s[-%u]", name ? name : "", from_end);
    s_poly dim = s_var(c, name ? pat_intern(c->session, text, (size_t)n) : NULL, true, true);
    return s_dims(c, 1, &dim);
}

uint32_t s_trailing(s_ctx *c, s_shape *s, uint32_t want, bool left)
{
    *s = s_resolve_shape(c, *s);
    uint32_t n = 0, before = 0;
    while (n < s->n && !s->at[s->n - 1 - n].seg)
        n++;
    if (n >= want || n == s->n || !left || !is_open(c, s->at[s->n - 1 - n]))
        return n;
    /* The graph is valid, so the segment holds what dims before it may not be. */
    for (uint32_t i = 0; i + n + 1 < s->n; i++) {
        if (s->at[i].seg)
            return n;
        before++;
    }
    pat_name name = c->segs.at[s->at[s->n - 1 - n].id]->name;
    s_shape open = s_segment(c, name, true);
    for (uint32_t i = want; i > n + before; i--)
        open = s_join(c, open, fresh_dim(c, name, i - n - before));
    if (want <= n + before)
        return n;
    bind(c, s->at[s->n - 1 - n].id, open);
    return s_trailing(c, s, want, false);
}

s_poly s_numel(s_ctx *c, s_shape s)
{
    s_poly product = s_const(c, 1);
    s = s_resolve_shape(c, s);
    for (uint32_t i = 0; i < s.n; i++) {
        s_shape one = s_cut(s, i, i + 1);
        const s_seg *g = s.at[i].seg ? c->segs.at[s.at[i].id] : NULL;
        s_poly factor = s.at[i].dim;
        /* The functions that only regroup or reorder keep the number of elements. */
        if (g && g->function && (g->fn == S_PERMUTE || (g->name && strstr("squeeze unsqueeze flatten", g->name))))
            factor = s_numel(c, g->args[0].list);
        else if (g)
            factor = s_apply(c, S_NUMEL, NULL, 1, &(s_val){.kind = S_LIST, .list = one});
        product = s_mul(c, product, factor);
    }
    return product;
}

s_poly s_rank(s_ctx *c, s_shape s)
{
    s_poly sum = {0};
    s = s_resolve_shape(c, s);
    for (uint32_t i = 0; i < s.n; i++) {
        const s_seg *g = s.at[i].seg ? c->segs.at[s.at[i].id] : NULL;
        s_shape one = s_cut(s, i, i + 1);
        if (g && g->function && g->fn == S_PERMUTE)
            sum = s_add(c, sum, s_rank(c, g->args[0].list));
        else
            sum = s_add(c, sum, g ? s_apply(c, S_RANK, NULL, 1, &(s_val){.kind = S_LIST, .list = one}) : s_const(c, 1));
    }
    return sum;
}

/* The segment stands in s, or in what a function in it is applied to. */
static bool holds_seg(s_ctx *c, s_shape s, uint32_t id)
{
    for (uint32_t i = 0; i < s.n; i++) {
        const s_seg *g = s.at[i].seg ? c->segs.at[s.at[i].id] : NULL;
        if (g && s.at[i].id == id)
            return true;
        for (uint32_t k = 0; g && k < g->n_args; k++)
            if (g->args[k].kind == S_LIST && holds_seg(c, g->args[k].list, id))
                return true;
    }
    return false;
}

static bool same_elem(s_ctx *c, s_elem a, s_elem b)
{
    return a.seg == b.seg && (a.seg ? a.id == b.id : s_prove_equal(c, a.dim, b.dim));
}

/* Strips what is equal at both ends. dims: pairs of dims at the ends are made equal (assumed). */
static void strip(s_ctx *c, s_shape *a, s_shape *b, bool assume)
{
    for (int end = 0; end < 2; end++)
        while (a->n && b->n) {
            s_elem x = end ? a->at[a->n - 1] : a->at[0], y = end ? b->at[b->n - 1] : b->at[0];
            if (assume && !x.seg && !y.seg)
                s_assume_zero(c, s_sub(c, x.dim, y.dim));
            else if (!same_elem(c, x, y))
                break;
            *a = end ? s_cut(*a, 0, a->n - 1) : s_cut(*a, 1, a->n);
            *b = end ? s_cut(*b, 0, b->n - 1) : s_cut(*b, 1, b->n);
        }
}

/* The rest of one side is a single open segment. A segment of the prover's own is bound rather than a named one. */
static bool bind_segment(s_ctx *c, s_shape a, s_shape b)
{
    if (a.n != 1 || !is_open(c, a.at[0]) || holds_seg(c, b, a.at[0].id))
        return false;
    bool other = b.n == 1 && is_open(c, b.at[0]);
    if (other && c->segs.at[b.at[0].id]->fresh && !c->segs.at[a.at[0].id]->fresh)
        bind(c, b.at[0].id, a);
    else
        bind(c, a.at[0].id, b);
    return true;
}

/* What a function gives has another name now. */
static bool bind_call(s_ctx *c, s_shape a, s_shape b)
{
    if (a.n != 1 || !a.at[0].seg || holds_seg(c, b, a.at[0].id))
        return false;
    bind(c, a.at[0].id, b);
    return true;
}

static void close_all(s_ctx *c, s_shape s)
{
    for (uint32_t i = 0; i < s.n; i++)
        if (is_open(c, s.at[i]))
            bind(c, s.at[i].id, (s_shape){0});
        else if (!s.at[i].seg)
            c->contradiction = true;
}

static uint32_t count_dims(s_shape s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s.n; i++)
        n += !s.at[i].seg;
    return n;
}

void s_assume_same(s_ctx *c, s_shape a, s_shape b)
{
    a = s_resolve_shape(c, a);
    b = s_resolve_shape(c, b);
    strip(c, &a, &b, true);
    if (!a.n && !b.n)
        return;
    if (!a.n || !b.n) {
        close_all(c, a.n ? a : b);
        return;
    }
    if (bind_segment(c, a, b) || bind_segment(c, b, a) || bind_call(c, a, b) || bind_call(c, b, a))
        return;
    /* [*A, d] = [*B, ...]: one side has dims at its end where the other has an open segment. */
    for (int side = 0; side < 2; side++) {
        s_shape *x = side ? &b : &a, *y = side ? &a : &b;
        if (!y->at[y->n - 1].seg && is_open(c, x->at[x->n - 1]) && !holds_seg(c, *y, x->at[x->n - 1].id) &&
            s_trailing(c, x, count_dims(*y), true)) {
            s_assume_same(c, *x, *y);
            return;
        }
    }
}

bool s_prove_same(s_ctx *c, s_shape a, s_shape b)
{
    a = s_resolve_shape(c, a);
    b = s_resolve_shape(c, b);
    strip(c, &a, &b, false);
    return !a.n && !b.n;
}

void s_assume_identity(s_ctx *c, s_shape list)
{
    list = s_resolve_shape(c, list);
    if (list.n == 1 && list.at[0].seg)
        c->segs.at[list.at[0].id]->identity = true;
}

void s_assume_rank(s_ctx *c, s_shape s, uint32_t least, bool exactly)
{
    s = s_resolve_shape(c, s);
    uint32_t dims = 0, open = 0, at = 0;
    for (uint32_t i = 0; i < s.n; i++) {
        dims += !s.at[i].seg;
        open += s.at[i].seg;
        at = s.at[i].seg ? i : at;
    }
    if (exactly ? dims > least || (!open && dims < least) : !open && dims < least)
        c->contradiction = true;
    if (open != 1 || !is_open(c, s.at[at]) || dims > least || least > 64)
        return;
    s_shape value = exactly ? (s_shape){0} : s_segment(c, c->segs.at[s.at[at].id]->name, true);
    for (uint32_t i = least; i > dims; i--)
        value = s_join(c, value, fresh_dim(c, c->segs.at[s.at[at].id]->name, i - dims));
    bind(c, s.at[at].id, value);
}

/* ---------------------------------------------------- lists from functions -- */

/* Numbers of a list that is known whole. */
static bool numbers(s_shape s, uint32_t most, int64_t *out)
{
    for (uint32_t i = 0; i < s.n; i++)
        if (i >= most || s.at[i].seg || !s_is_const(s.at[i].dim, &out[i]))
            return false;
    return true;
}

bool s_is_identity(s_ctx *c, s_shape perm)
{
    int64_t at[64];
    if (perm.n == 1 && perm.at[0].seg)
        return c->segs.at[perm.at[0].id]->identity;
    if (!perm.n || !numbers(perm, 64, at))
        return false;
    for (uint32_t i = 0; i < perm.n; i++)
        if (at[i] != i)
            return false;
    return true;
}

/* Element i of the result is a[perm[i]]. */
static bool pick(s_ctx *c, s_shape a, s_shape perm, s_shape *out)
{
    int64_t at[64];
    if (!numbers(perm, 64, at))
        return false;
    for (uint32_t i = 0; i < a.n; i++)
        if (a.at[i].seg)
            return false;
    if (perm.n != a.n)
        return false;
    *out = (s_shape){0};
    for (uint32_t i = 0; i < perm.n; i++) {
        if (at[i] < 0 || at[i] >= a.n)
            return false;
        for (uint32_t k = 0; k < i; k++)
            if (at[k] == at[i])
                return false;
        *out = s_join(c, *out, s_cut(a, (uint32_t)at[i], (uint32_t)at[i] + 1));
    }
    return true;
}

static bool evaluate(s_ctx *c, s_fn fn, const s_val *a, s_shape *out)
{
    if (fn == S_COMPOSE)
        return pick(c, a[0].list, a[1].list, out);
    if (fn != S_PERMUTE)
        return false;
    if (s_is_identity(c, a[1].list))
        return *out = a[0].list, true;
    if (pick(c, a[0].list, a[1].list, out))
        return true;
    const s_seg *inner = a[0].list.n == 1 && a[0].list.at[0].seg ? c->segs.at[a[0].list.at[0].id] : NULL;
    if (!inner || !inner->function || inner->fn != S_PERMUTE)
        return false;
    s_val composed = {.kind = S_LIST,
                      .list = s_apply_list(c, S_COMPOSE, "compose", 2, (s_val[]){inner->args[1], a[1]})};
    *out = s_apply_list(c, S_PERMUTE, "permute", 2, (s_val[]){inner->args[0], composed});
    return true;
}

s_shape s_apply_list(s_ctx *c, s_fn fn, pat_name name, uint32_t n, const s_val *args)
{
    s_val *a = pat_alloc(c->arena, (n + 1) * sizeof *a);
    s_shape out;
    for (uint32_t i = 0; i < n; i++)
        a[i] = s_resolve_val(c, args[i]);
    if (evaluate(c, fn, a, &out))
        return out;
    for (uint32_t i = 0; i < c->segs.n; i++) {
        const s_seg *g = c->segs.at[i];
        if (!g->function || g->fn != fn || strcmp(g->name, name) || g->n_args != n)
            continue;
        uint32_t k = 0;
        while (k < n && s_same_val(g->args[k], a[k]))
            k++;
        bool crossed = n == 2 && !strcmp(name, "broadcast") && s_same_val(g->args[0], a[1]) &&
                       s_same_val(g->args[1], a[0]);
        if (k == n || crossed)
            return one_segment(c, i);
    }
    return one_segment(c, new_seg(c, (s_seg){.name = name, .function = true, .fn = fn, .n_args = n, .args = a}));
}
