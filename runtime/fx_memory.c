/* Torch tensors share memory and are written to; our values do neither.  Each FX name stands
 * for a tensor whose value follows the writes: a write to a view goes on to what it is a view
 * of, and whatever else shares the memory is read afresh by repeating the call that made it.
 * Which targets share memory, and how a write travels, is the vocabulary fx_write. */
#include <string.h>

#include "fx.h"

const fx_name *fx_find(fx_import *im, const char *name)
{
    uint32_t hash = sld__hash(SLD_HASH_SEED, name, strlen(name)), step = 0, id;
    while ((id = sld__table_next(&im->table, hash, &step)) != 0)
        if (!strcmp(im->names.at[id].text, name))
            return &im->names.at[id];
    return NULL;
}

sld_status fx_declare(fx_import *im, const char *name, uint32_t first, uint32_t n, bool tuple)
{
    sld_ctx *ctx = im->g->ctx;
    if (fx_find(im, name))
        return fx_fail(im, SLD_ERR_GRAPH, "the name is defined twice");
    if (!SLD_RESERVE(ctx, im->names, im->names.n + 1) || !sld__table_reserve(ctx, &im->table))
        return SLD_ERR_MEMORY;
    sld__table_add(&im->table, sld__hash(SLD_HASH_SEED, name, strlen(name)), im->names.n);
    im->names.at[im->names.n++] = (fx_name){name, first, n, tuple};
    return SLD_OK;
}

uint32_t fx_add_tensor(fx_import *im, fx_tensor t)
{
    if (!SLD_RESERVE(im->g->ctx, im->tensors, im->tensors.n + 1))
        return 0;
    im->tensors.at[im->tensors.n] = t;
    return im->tensors.n++;
}

/* A result of another dtype than its base cannot be its memory. */
fx_tensor fx_result(const fx_import *im, const char *target, uint32_t base, sld_value v)
{
    const sld_vocab_entry *e = im->writes ? sld_vocab_next(im->writes, target, 0, NULL) : NULL;
    const fx_tensor *b = &im->tensors.at[base];
    fx_tensor t = {.value = v};
    if (!e || !base || !v || sld_dtype_of(im->g, v) != sld_dtype_of(im->g, b->value))
        return t;
    t.base = base;
    t.root = b->root ? b->root : base;
    t.depth = b->depth + 1;
    t.seen = im->tensors.at[t.root].writes;
    t.memory = e->op == SLD_VOCAB_DROP || t.depth > FX_DEPTH_MAX ? FX_MAYBE : FX_VIEW;
    return t;
}

/* "aten.copy_.default": the part before the overload ends with an underscore, "__and__" aside. */
bool fx_in_place(const char *target)
{
    const char *dot = strrchr(target, '.'), *name = dot;
    if (!dot || dot - target < 2 || dot[-1] != '_' || dot[-2] == '_')
        return false;
    while (name > target && name[-1] != '.')
        name--;
    return *name != '_';
}

/* ---------------------------------------------------------------- reading -- */

sld_value fx_current(fx_import *im, uint32_t t)
{
    fx_tensor *x = &im->tensors.at[t];
    uint32_t writes = im->tensors.at[x->root].writes, n;
    if (!x->base || x->seen == writes)
        return x->value;
    if (x->memory == FX_MAYBE) {
        fx_fail(im, SLD_ERR_GRAPH, "reads '%s' after a write to '%s', whose memory it may share", x->name,
                im->tensors.at[x->root].name);
        return 0;
    }
    fx_types types = {0};
    sld_value v = 0;
    if (!fx_read_types(im, json_object_get(x->call, "val"), &types)) {
        fx_call c = fx_call_of(im, x->call, NULL, &types);
        if (fx_add_call(im, &c, &v, &n))
            v = 0;
    }
    sld__free(im->g->ctx, types.at);
    x = &im->tensors.at[t];
    if (v) {
        x->value = v;
        x->seen = writes;
    }
    return v;
}

sld_value fx_operand(fx_import *im, const char *name)
{
    const fx_name *f = fx_find(im, name);
    if (!f)
        fx_fail(im, SLD_ERR_GRAPH, "reads '%s', which no earlier node defines", name);
    else if (f->tuple)
        fx_fail(im, SLD_ERR_FORMAT, "reads '%s', which has several results", name);
    else if (!f->n || !im->tensors.at[f->first].value)
        fx_fail(im, SLD_ERR_GRAPH, "reads '%s', which has no value", name);
    else
        return fx_current(im, f->first);
    return 0;
}

/* ---------------------------------------------------------------- writing -- */

static sld_status check_writable(fx_import *im, uint32_t t)
{
    const fx_tensor *x = &im->tensors.at[t];
    for (uint32_t b = t; b; b = im->tensors.at[b].base) {
        const fx_tensor *y = &im->tensors.at[b];
        if (y->memory == FX_MAYBE)
            return fx_fail(im, SLD_ERR_GRAPH,
                           "writes to '%s', which may share the memory of '%s'; this cannot be followed",
                           x->name, im->tensors.at[y->base].name);
    }
    return SLD_OK;
}

/* The new value of base when its view x has been written: v. */
static sld_status write_through(fx_import *im, uint32_t t, sld_value v, sld_value *base)
{
    const fx_tensor *x = &im->tensors.at[t];
    uint32_t n;
    fx_call c = fx_call_of(im, x->call, NULL, NULL);
    c.vocab = im->writes;
    c.src = v;
    sld_status s = fx_add_call(im, &c, base, &n);
    if (!s && n != 1)
        s = fx_fail(im, SLD_ERR_GRAPH, "a write to '%s' cannot be followed", x->name);
    return s;
}

sld_status fx_write(fx_import *im, uint32_t t, sld_value v)
{
    sld_status s = check_writable(im, t);
    uint32_t root = im->tensors.at[t].root ? im->tensors.at[t].root : t;
    uint32_t writes = im->tensors.at[root].writes + 1;
    for (uint32_t b = t; !s && b;) {
        uint32_t base = im->tensors.at[b].base;
        sld_value whole = 0;
        if (base) /* reads the base as it was before this write */
            s = write_through(im, b, v, &whole);
        im->tensors.at[b].value = v;
        im->tensors.at[b].seen = writes;
        v = whole;
        b = base;
    }
    im->tensors.at[root].writes = writes;
    return s;
}

sld_status fx_add_written(fx_import *im)
{
    sld_status s = SLD_OK;
    for (uint32_t t = 1; t < im->tensors.n && !s; t++) {
        const fx_tensor *x = &im->tensors.at[t];
        char name[300];
        if (!x->input || !x->writes)
            continue;
        snprintf(name, sizeof name, "%s.written", x->name);
        s = sld_graph_output(im->g, name, x->value);
    }
    return s;
}
