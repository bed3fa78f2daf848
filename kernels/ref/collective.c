/* What ranks exchange: all of an operand lies in the windows before anything is computed. */
#include "kern.h"

static const char *share(const sld_launch *l)
{
    size_t n = kern_numel(&l->in[0]) * kern_size(l->in[0].dtype);
    if (!l->comm)
        return NULL;
    if (n > l->comm->bytes)
        return "the tensor does not fit the window that ranks share";
    if (n)
        memcpy(l->comm->windows[l->comm->rank], l->in[0].data, n);
    return l->comm->meet(l->comm);
}

static const char *leave(const sld_launch *l)
{
    return l->comm ? l->comm->meet(l->comm) : NULL;
}

static sld_tensor window(const sld_launch *l, uint32_t rank)
{
    return (sld_tensor){.dtype = l->in[0].dtype, .data = l->comm ? l->comm->windows[rank] : l->in[0].data};
}

static double sum(const sld_launch *l, size_t i)
{
    double sum = 0;
    for (uint32_t r = 0; r < (l->comm ? l->comm->world : 1); r++) {
        sld_tensor t = window(l, r);
        sum += kern_get(&t, i);
    }
    return sum;
}

/* Elements of the result of this rank begin at this one of the whole. */
static size_t first(const sld_launch *l)
{
    return l->comm ? l->comm->rank * kern_numel(&l->out[0]) : 0;
}

static const char *joined(const sld_launch *l)
{
    int64_t ranks = kern_attr(l, "ranks")->i;
    return ranks == (l->comm ? l->comm->world : 1) ? NULL : "the ranks that it is for have not joined";
}

const char *sld_ref_all_reduce(const sld_launch *l);
const char *sld_ref_all_reduce(const sld_launch *l)
{
    const char *why = share(l);
    for (size_t i = 0, n = kern_numel(&l->out[0]); i < n && !why; i++)
        kern_put(&l->out[0], i, sum(l, i));
    return why ? why : leave(l);
}

const char *sld_ref_reduce_scatter(const sld_launch *l);
const char *sld_ref_reduce_scatter(const sld_launch *l)
{
    const char *why = joined(l);
    why = why ? why : share(l);
    for (size_t i = 0, n = kern_numel(&l->out[0]); i < n && !why; i++)
        kern_put(&l->out[0], i, first(l) + i < kern_numel(&l->in[0]) ? sum(l, first(l) + i) : 0);
    return why ? why : leave(l);
}

const char *sld_ref_own_rows(const sld_launch *l);
const char *sld_ref_own_rows(const sld_launch *l)
{
    const char *why = joined(l);
    for (size_t i = 0, n = kern_numel(&l->out[0]); i < n && !why; i++)
        kern_put(&l->out[0], i, first(l) + i < kern_numel(&l->in[0]) ? kern_get(&l->in[0], first(l) + i) : 0);
    return why;
}

const char *sld_ref_all_gather(const sld_launch *l);
const char *sld_ref_all_gather(const sld_launch *l)
{
    size_t each = kern_numel(&l->in[0]);
    const char *why = joined(l);
    why = why ? why : share(l);
    for (size_t i = 0, n = kern_numel(&l->out[0]); i < n && !why; i++) {
        sld_tensor t = window(l, (uint32_t)(i / each));
        kern_copy_element(&l->out[0], i, &t, i % each);
    }
    return why ? why : leave(l);
}
