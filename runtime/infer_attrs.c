/* Attributes as inference wants them: defaults filled in, numbers of the kind that the op
 * declares, axes counted from the end, lists and strings in memory that lives as long as the
 * graph. */
#include <inttypes.h>
#include <string.h>

#include "dims.h"
#include "infer.h"

static bool bad(sld_env *e, const sld_attr_info *info, const char *what)
{
    return sld__infer_fail(e, "attribute %s: %s", info->name, what);
}

bool sld_attr_equal(const sld_attr *a, const sld_attr *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case SLD_ATTR_NONE:
        return true;
    case SLD_ATTR_FLOAT: /* NaN is itself here */
        return a->f == b->f || (a->f != a->f && b->f != b->f);
    case SLD_ATTR_STRING:
        return !strcmp(a->s, b->s);
    case SLD_ATTR_INTS:
    case SLD_ATTR_AXES:
        return a->n == b->n && (!a->n || !memcmp(a->p, b->p, a->n * sizeof *a->p));
    default:
        return a->i == b->i;
    }
}

/* ------------------------------------------------------------------- kinds -- */

/* One integer where a list is wanted stands for a list of one. */
static bool make_list(sld_env *e, sld_attr *a)
{
    sld_dim *p = sld__graph_alloc(e->g, sizeof *p);
    if (!p)
        return false;
    *p = a->i;
    a->p = p;
    a->n = 1;
    return true;
}

static bool find_word(sld_env *e, const sld_attr_info *info, sld_attr *a)
{
    char words[200] = "";
    for (uint32_t i = 0, k = 0; i < info->n_names; i++) {
        if (a->kind == SLD_ATTR_STRING && !strcmp(info->names[i], a->s)) {
            a->i = i;
            return true;
        }
        if (k < sizeof words)
            k += (uint32_t)snprintf(words + k, sizeof words - k, "%s%s", i ? ", " : "", info->names[i]);
    }
    return sld__infer_fail(e, "attribute %s: one of %s is wanted", info->name, words);
}

static bool convert(sld_env *e, const sld_attr_info *info, sld_attr *a)
{
    bool integer = a->kind == SLD_ATTR_INT || a->kind == SLD_ATTR_BOOL || a->kind == SLD_ATTR_AXIS;
    bool list = a->kind == SLD_ATTR_INTS || a->kind == SLD_ATTR_AXES;
    bool ok = a->kind == info->kind;
    switch ((sld_attr_kind)info->kind) {
    case SLD_ATTR_INT:
    case SLD_ATTR_AXIS:
        if (!integer)
            return bad(e, info, "an integer is wanted");
        break;
    case SLD_ATTR_BOOL:
        if (!integer || (a->i != 0 && a->i != 1))
            return bad(e, info, "a boolean is wanted");
        break;
    case SLD_ATTR_FLOAT:
        if (!ok && (!integer || sld_dim_is_sym(a->i)))
            return bad(e, info, "a number is wanted");
        if (!ok)
            a->f = (double)a->i;
        break;
    case SLD_ATTR_INTS:
    case SLD_ATTR_AXES:
        if (!integer && !list)
            return bad(e, info, "a list of integers is wanted");
        if (integer && !make_list(e, a))
            return false;
        break;
    case SLD_ATTR_STRING:
        if (!ok)
            return bad(e, info, "a string is wanted");
        break;
    case SLD_ATTR_DTYPE:
        if (!ok || a->i <= SLD_DTYPE_NONE || a->i >= SLD_DTYPE_COUNT)
            return bad(e, info, "a dtype is wanted");
        break;
    case SLD_ATTR_ENUM:
        if ((!ok || a->i < 0 || a->i >= info->n_names) && !find_word(e, info, a))
            return false;
        break;
    case SLD_ATTR_NONE:
        break;
    }
    a->kind = info->kind;
    return true;
}

/* -------------------------------------------------------------------- axes -- */

/* Whether a result type hands the attribute to this function. */
static bool is_argument(const sld_op_info *op, uint32_t slot, sld_fn fn)
{
    for (uint32_t r = 0; r < op->n_results; r++) {
        const sld_type *type = &op->results[r].type;
        for (uint32_t k = 0; k < type->n_terms; k++) {
            const sld_term *t = &type->shape[k], *arg = t + 1;
            if (t->kind != SLD_T_CALL || t->id != fn)
                continue;
            for (uint32_t i = 0; i < t->nargs; i++, arg = sld__next_term(arg))
                if (arg->kind == SLD_T_ATTR && arg->id == slot)
                    return true;
        }
    }
    return false;
}

/* Axes are those of operand 0, and those of the result when operands are stacked along a new one. */
static int64_t axes_rank(const sld_env *e, uint32_t slot)
{
    int64_t rank = e->n_in && e->in[0] ? sld_rank(e->g, e->in[0]) : 0;
    return rank + is_argument(e->op, slot, SLD_FN_STACK);
}

static bool from_end(sld_env *e, const sld_attr_info *info, int64_t rank, int64_t *axis)
{
    if (sld_dim_is_sym(*axis))
        return bad(e, info, "an axis must be a number");
    if (*axis < -rank || *axis >= rank)
        return sld__infer_fail(e, "attribute %s: axis %" PRId64 " is outside rank %" PRId64, info->name,
                               *axis, rank);
    *axis -= *axis >= 0 ? rank : 0;
    return true;
}

static bool normalise_axes(sld_env *e, const sld_attr_info *info, int64_t rank, uint32_t n, sld_dim *p)
{
    if (n > rank)
        return sld__infer_fail(e, "attribute %s: %u axes of rank %" PRId64, info->name, n, rank);
    for (uint32_t i = 0; i < n; i++) {
        int64_t axis = p[i];
        uint32_t k = i;
        if (!from_end(e, info, rank, &axis))
            return false;
        for (; k > 0 && p[k - 1] >= axis; k--) {
            if (p[k - 1] == axis)
                return sld__infer_fail(e, "attribute %s: axis %" PRId64 " is named twice", info->name, axis);
            p[k] = p[k - 1];
        }
        p[k] = axis;
    }
    return true;
}

/* ------------------------------------------------------------------- lists -- */

static bool own_list(sld_env *e, uint32_t slot)
{
    const sld_attr_info *info = &e->op->attrs[slot];
    sld_attr *a = &e->attrs[slot];
    if (a->n > SLD_LIST_MAX)
        return sld__infer_fail(e, "attribute %s: %u elements; at most %d are taken", info->name, a->n,
                               SLD_LIST_MAX);
    sld_dim *p = sld__graph_alloc(e->g, a->n * sizeof *p);
    if (!p)
        return false;
    for (uint32_t i = 0; i < a->n; i++) {
        if (!sld__dim_valid(e->g, a->p[i]))
            return bad(e, info, "a number is out of range");
        p[i] = a->p[i];
    }
    a->p = p;
    /* The axes of a slice stand beside its bounds, which slice() sorts with them. */
    return a->kind != SLD_ATTR_AXES || is_argument(e->op, slot, SLD_FN_SLICE) ||
           normalise_axes(e, info, axes_rank(e, slot), a->n, p);
}

static bool normalise(sld_env *e, uint32_t slot)
{
    const sld_attr_info *info = &e->op->attrs[slot];
    sld_attr *a = &e->attrs[slot];
    switch (a->kind) {
    case SLD_ATTR_INT:
        return sld__dim_valid(e->g, a->i) || bad(e, info, "the number is out of range");
    case SLD_ATTR_AXIS:
        return from_end(e, info, axes_rank(e, slot), &a->i);
    case SLD_ATTR_STRING:
        return a->s == info->dflt.s || (a->s = sld__graph_str(e->g, a->s)) != NULL;
    case SLD_ATTR_INTS:
    case SLD_ATTR_AXES:
        return (a->p == info->dflt.p && !a->n) || own_list(e, slot);
    default:
        return true;
    }
}

bool sld__normalise_attrs(sld_env *e)
{
    for (uint32_t i = 0; i < e->op->n_attrs; i++) {
        const sld_attr_info *info = &e->op->attrs[i];
        if (e->attrs[i].kind == SLD_ATTR_NONE && !info->has_default)
            return sld__infer_fail(e, "attribute %s is missing and has no default", info->name);
        if (e->attrs[i].kind == SLD_ATTR_NONE)
            e->attrs[i] = info->dflt;
        if (!convert(e, info, &e->attrs[i]) || !normalise(e, i))
            return false;
    }
    return true;
}

bool sld__set_list(sld_env *e, const sld_val *from, uint32_t n, const sld_dim *d)
{
    sld_attr *a = from->slot >= 0 ? &e->attrs[from->slot] : NULL;
    if (!a || (a->n == n && (!n || !memcmp(a->p, d, n * sizeof *d))))
        return true;
    sld_dim *p = sld__graph_alloc(e->g, n * sizeof *p);
    if (!p)
        return false;
    memcpy(p, d, n * sizeof *d);
    a->p = p;
    a->n = n;
    return true;
}

void sld__set_int(sld_env *e, const sld_val *from, int64_t i)
{
    if (from->slot >= 0)
        e->attrs[from->slot].i = i;
}
