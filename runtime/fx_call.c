/* One call of a torch graph becomes one of our ops: the arguments are bound to the parameters
 * of a vocabulary entry, the entry says which of them are operands and attributes, and torch's
 * type promotion is made explicit with casts.  No op is known here by name but `cast`. */
#include <string.h>

#include "dtype.h"
#include "fx.h"

typedef enum bound_kind { BOUND_NONE, BOUND_ATTR, BOUND_VALUE, BOUND_VALUES } bound_kind;

/* What a parameter got. */
typedef struct bound {
    bound_kind kind;
    sld_attr attr;
    sld_value value;
    uint32_t n;
    const sld_value *values; /* 0: absent */
} bound;

/* An operand of our op before types are settled: a value, a number, or nothing. */
typedef struct item { sld_value v; sld_attr number; } item;

typedef struct binding {
    fx_import *im;
    const fx_call *call;
    const sld_vocab_entry *e;
    const sld_op_info *op;
    bound params[UINT8_MAX];
    SLD_ARRAY(item) items;
    sld_attr attrs[UINT8_MAX];
    uint8_t dtype;           /* what the operands are to be cast to; 0: nothing is said */
} binding;

/* --------------------------------------------------- arguments to parameters -- */

/* Arguments that say where a tensor lives, not what it holds. */
static bool is_placement(const char *name)
{
    static const char *const names[] = {"device",        "layout",       "pin_memory",
                                        "memory_format", "non_blocking", "copy"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

/* The one number that a symbolic integer holds. */
static sld_status read_symbol(fx_import *im, const char *name, sld_dim *out)
{
    uint32_t n = 0;
    sld_value v = fx_operand(im, name);
    const sld_dim *p = v ? sld_value_contents(im->g, v, &n) : NULL;
    if (!v)
        return SLD_ERR_GRAPH;
    if (!p || n != 1)
        return fx_fail(im, SLD_ERR_TYPE,
                       "'%s' stands where an integer is wanted, but its contents are unknown", name);
    *out = p[0];
    return SLD_OK;
}

static sld_status bind_int(fx_import *im, json_t *j, sld_dim *out)
{
    *out = json_integer_value(j);
    if (fx_ref(j))
        return read_symbol(im, fx_ref(j), out);
    if (!json_is_integer(j) || sld_dim_is_sym(*out))
        return fx_fail(im, SLD_ERR_TYPE, "a list of integers is wanted");
    return SLD_OK;
}

static sld_status bind_ints(fx_import *im, json_t *j, bound *b)
{
    size_t n = json_array_size(j);
    if (n > SLD_LIST_MAX)
        return fx_fail(im, SLD_ERR_LIMIT, "a list of %zu elements is too long", n);
    sld_dim *p = sld__graph_alloc(im->g, (n + 1) * sizeof *p);
    sld_status s = p ? SLD_OK : SLD_ERR_MEMORY;
    for (size_t i = 0; i < n && !s; i++)
        s = bind_int(im, json_array_get(j, i), &p[i]);
    b->kind = BOUND_ATTR;
    b->attr = (sld_attr){.kind = SLD_ATTR_INTS, .n = (uint32_t)n, .p = p};
    return s;
}

static sld_status bind_values(fx_import *im, json_t *j, bound *b)
{
    size_t n = json_array_size(j);
    if (!json_is_array(j) || n > UINT16_MAX)
        return fx_fail(im, SLD_ERR_TYPE, "a list of tensors is wanted");
    sld_value *p = sld__graph_alloc(im->g, (n + 1) * sizeof *p);
    if (!p)
        return SLD_ERR_MEMORY;
    for (size_t i = 0; i < n; i++) {
        json_t *e = json_array_get(j, i);
        p[i] = fx_ref(e) ? fx_operand(im, fx_ref(e)) : 0;
        if (!p[i] && !json_is_null(e))
            return fx_ref(e) ? SLD_ERR_GRAPH : fx_fail(im, SLD_ERR_TYPE, "a list of tensors is wanted");
    }
    *b = (bound){.kind = BOUND_VALUES, .n = (uint32_t)n, .values = p};
    return SLD_OK;
}

static sld_status bind_text(const char *text, bound *b)
{
    uint8_t t = fx_dtype(text);
    b->kind = BOUND_ATTR;
    b->attr = !strncmp(text, "torch.", 6) && t ? (sld_attr){.kind = SLD_ATTR_DTYPE, .i = t}
                                               : (sld_attr){.kind = SLD_ATTR_STRING, .s = text};
    return SLD_OK;
}

/* Null leaves a parameter as if it were not given. */
static sld_status bind_json(fx_import *im, const sld_vocab_param *p, json_t *j, bound *b)
{
    double f;
    if (json_is_null(j))
        return SLD_OK;
    if (p->flags & SLD_PARAM_VARIADIC)
        return bind_values(im, j, b);
    if (fx_ref(j)) {
        *b = (bound){.kind = BOUND_VALUE, .value = fx_operand(im, fx_ref(j))};
        return b->value ? SLD_OK : SLD_ERR_GRAPH;
    }
    if (json_is_array(j))
        return bind_ints(im, j, b);
    if (fx_text(j))
        return bind_text(fx_text(j), b);
    b->kind = BOUND_ATTR;
    switch (json_typeof(j)) {
    case JSON_INTEGER:
        b->attr = (sld_attr){.kind = SLD_ATTR_INT, .i = json_integer_value(j)};
        return sld_dim_is_sym(b->attr.i) ? fx_fail(im, SLD_ERR_LIMIT, "'%s' is out of range", p->name)
                                         : SLD_OK;
    case JSON_REAL: b->attr = (sld_attr){.kind = SLD_ATTR_FLOAT, .f = json_real_value(j)}; return SLD_OK;
    case JSON_TRUE:
    case JSON_FALSE: b->attr = (sld_attr){.kind = SLD_ATTR_BOOL, .i = json_is_true(j)}; return SLD_OK;
    case JSON_STRING:
        b->attr = (sld_attr){.kind = SLD_ATTR_STRING, .s = json_string_value(j)};
        if (fx_nonfinite(b->attr.s, &f))
            b->attr = (sld_attr){.kind = SLD_ATTR_FLOAT, .f = f};
        return SLD_OK;
    default: return fx_fail(im, SLD_ERR_FORMAT, "argument '%s' is of no known form", p->name);
    }
}

static int param_index(const sld_vocab_entry *e, const char *name)
{
    for (int i = 0; i < e->n_params; i++)
        if (!strcmp(e->params[i].name, name))
            return i;
    return -1;
}

static sld_status bind_positional(binding *b)
{
    const fx_call *c = b->call;
    uint32_t at = c->src ? 1 : 0;
    if (c->src)
        b->params[0] = (bound){.kind = BOUND_VALUE, .value = c->src};
    for (size_t i = c->skip; i < json_array_size(c->args); i++, at++) {
        if (at >= b->e->n_params || b->e->params[at].flags & SLD_PARAM_KEYWORD)
            return fx_fail(b->im, SLD_ERR_TYPE, "%s: more than %u arguments", c->target, at);
        sld_status s = bind_json(b->im, &b->e->params[at], json_array_get(c->args, i), &b->params[at]);
        if (s)
            return s;
    }
    return SLD_OK;
}

static sld_status bind_keywords(binding *b)
{
    const char *name;
    json_t *value;
    json_object_foreach(b->call->kwargs, name, value) {
        int at = param_index(b->e, name);
        if (at < 0 && is_placement(name))
            continue;
        if (at < 0)
            return fx_fail(b->im, SLD_ERR_TYPE, "%s: unknown argument '%s'", b->call->target, name);
        if (b->params[at].kind)
            return fx_fail(b->im, SLD_ERR_TYPE, "%s: argument '%s' is given twice", b->call->target, name);
        sld_status s = bind_json(b->im, &b->e->params[at], value, &b->params[at]);
        if (s)
            return s;
    }
    return SLD_OK;
}

/* The first tensor that the graph records as a result. */
static const fx_type *recorded(const binding *b)
{
    const fx_types *t = b->call->types;
    for (uint32_t i = 0; t && i < t->n; i++)
        if (t->at[i].dtype)
            return &t->at[i];
    return NULL;
}

/* val_dtype, val_shape, and the defaults of what was not given. */
static sld_status bind_rest(binding *b)
{
    const fx_type *t = recorded(b);
    for (uint32_t i = 0; i < b->e->n_params; i++) {
        const sld_vocab_param *p = &b->e->params[i];
        bound *x = &b->params[i];
        if (x->kind)
            continue;
        if (t && !strcmp(p->name, "val_dtype"))
            *x = (bound){.kind = BOUND_ATTR, .attr = {.kind = SLD_ATTR_DTYPE, .i = t->dtype}};
        else if (t && !strcmp(p->name, "val_shape"))
            *x = (bound){.kind = BOUND_ATTR, .attr = {.kind = SLD_ATTR_INTS, .n = t->rank, .p = t->dims}};
        else if (p->dflt.kind)
            *x = (bound){.kind = BOUND_ATTR, .attr = p->dflt};
        else if (!(p->flags & (SLD_PARAM_OPTIONAL | SLD_PARAM_VARIADIC)))
            return fx_fail(b->im, SLD_ERR_TYPE, "%s: argument '%s' is missing", b->call->target, p->name);
    }
    return SLD_OK;
}

static bool number_of(const sld_attr *a, double *out)
{
    if (a->kind == SLD_ATTR_FLOAT)
        *out = a->f;
    else if (a->kind == SLD_ATTR_INT || a->kind == SLD_ATTR_BOOL)
        *out = (double)a->i;
    else
        return false;
    return true;
}

/* The guard that does not hold, or NULL. */
static const sld_vocab_guard *failing_guard(const binding *b)
{
    for (uint32_t i = 0; i < b->e->n_guards; i++) {
        const sld_vocab_guard *g = &b->e->guards[i];
        const bound *x = &b->params[g->param];
        double want, have;
        bool same = g->lit.kind == SLD_ATTR_NONE ? x->kind == BOUND_NONE
                    : x->kind != BOUND_ATTR      ? false
                    : number_of(&g->lit, &want) && number_of(&x->attr, &have)
                        ? want == have
                        : sld_attr_equal(&g->lit, &x->attr);
        if (!same)
            return g;
    }
    return NULL;
}

/* --------------------------------------------------- parameters to our op's -- */

static sld_status push_item(binding *b, item x)
{
    if (!SLD_RESERVE(b->im->g->ctx, b->items, b->items.n + 1))
        return SLD_ERR_MEMORY;
    b->items.at[b->items.n++] = x;
    return SLD_OK;
}

static sld_status collect_operand(binding *b, const sld_vocab_arg *a)
{
    const bound *x = a->param >= 0 ? &b->params[a->param] : NULL;
    sld_status s = SLD_OK;
    double f;
    if (x && x->kind == BOUND_VALUES) {
        for (uint32_t i = 0; i < x->n && !s; i++)
            s = push_item(b, (item){.v = x->values[i]});
        return s;
    }
    if (x && x->kind == BOUND_VALUE)
        return push_item(b, (item){.v = x->value});
    const sld_attr *number = x ? &x->attr : &a->lit;
    if (a->param == -2 || (x && x->kind == BOUND_NONE))
        return push_item(b, (item){0});
    if (!number_of(number, &f))
        return fx_fail(b->im, SLD_ERR_TYPE, "%s: argument '%s' is neither a tensor nor a number",
                       b->call->target, x ? b->e->params[a->param].name : "");
    return push_item(b, (item){.number = *number});
}

/* A tensor's contents where an integer or a list is wanted. */
static sld_status contents_attr(binding *b, const char *name, sld_value v, sld_attr *out)
{
    uint32_t n;
    const sld_dim *p = sld_value_contents(b->im->g, v, &n);
    if (!p)
        return fx_fail(b->im, SLD_ERR_TYPE, "%s: '%s' is a tensor whose contents are unknown",
                       b->call->target, name);
    if (sld_rank(b->im->g, v) == 0) {
        *out = (sld_attr){.kind = SLD_ATTR_INT, .i = p[0]};
        return SLD_OK;
    }
    sld_dim *copy = sld__graph_alloc(b->im->g, (n + 1) * sizeof *copy);
    if (!copy)
        return SLD_ERR_MEMORY;
    memcpy(copy, p, n * sizeof *copy);
    *out = (sld_attr){.kind = SLD_ATTR_INTS, .n = n, .p = copy};
    return SLD_OK;
}

static sld_status collect_attr(binding *b, uint32_t i)
{
    const sld_vocab_arg *a = &b->e->attrs[i];
    sld_attr *out = &b->attrs[i];
    if (a->param == -1)
        *out = a->lit;
    if (a->param < 0)
        return SLD_OK;
    const bound *x = &b->params[a->param];
    if (x->kind == BOUND_VALUE)
        return contents_attr(b, b->e->params[a->param].name, x->value, out);
    if (x->kind == BOUND_ATTR)
        *out = x->attr;
    uint8_t kind = b->op->attrs[i].kind; /* torch writes one number for all spatial axes as a list of one */
    if (out->kind == SLD_ATTR_INTS && out->n == 1 && (kind == SLD_ATTR_INT || kind == SLD_ATTR_AXIS))
        *out = (sld_attr){.kind = SLD_ATTR_INT, .i = out->p[0]};
    return SLD_OK;
}

static bool feeds_attr(const binding *b, int param)
{
    for (uint32_t i = 0; i < b->op->n_attrs; i++)
        if (b->e->attrs[i].param == param)
            return true;
    return false;
}

/* A `dtype` or `val_dtype` that feeds no attribute is what the operands are cast to. */
static void find_dtype(binding *b)
{
    static const char *const names[] = {"dtype", "val_dtype"};
    for (size_t i = 0; i < 2 && b->op->n_results && b->op->results[0].type.from == SLD_DT_VAR; i++) {
        int at = param_index(b->e, names[i]);
        const bound *x = at >= 0 ? &b->params[at] : NULL;
        if (x && x->kind == BOUND_ATTR && x->attr.kind == SLD_ATTR_DTYPE && !feeds_attr(b, at))
            b->dtype = (uint8_t)x->attr.i;
    }
}

static sld_status collect(binding *b)
{
    sld_status s = SLD_OK;
    for (uint32_t i = 0; i < b->e->n_operands && !s; i++)
        s = collect_operand(b, &b->e->operands[i]);
    for (uint32_t i = 0; i < b->op->n_attrs && !s; i++)
        s = collect_attr(b, i);
    find_dtype(b);
    while (b->items.n && !b->items.at[b->items.n - 1].v && !b->items.at[b->items.n - 1].number.kind)
        b->items.n--; /* absent operands at the end */
    return s;
}

/* ------------------------------------------------------------------ dtypes -- */

static bool is_integer(uint8_t t)
{
    return t >= SLD_BOOL && t <= SLD_I64;
}

/* torch.promote_types, for the types that we have. */
static uint8_t promote(uint8_t a, uint8_t b)
{
    if (a == b || !b)
        return a;
    if (!a)
        return b;
    if ((a == SLD_F16 && b == SLD_BF16) || (a == SLD_BF16 && b == SLD_F16))
        return SLD_F32;
    return a > b ? a : b;
}

static const sld_type *operand_type(const binding *b, uint32_t i)
{
    return &b->op->operands[i < b->op->n_operands ? i : b->op->n_operands - 1u].type;
}

static bool has_var(const sld_type *t, uint8_t var)
{
    return t->from == SLD_DT_VAR && t->dtype == var;
}

/* The dtype that numbers alone would have. */
static uint8_t number_dtype(const sld_attr *a)
{
    return a->kind == SLD_ATTR_FLOAT ? SLD_F32 : a->kind == SLD_ATTR_BOOL ? SLD_BOOL : SLD_I64;
}

/* The dtype that the tensors of one dtype variable agree on; a number counts only where it is of a
 * higher kind than all tensors. */
static uint8_t tensors_dtype(const binding *b, uint8_t var)
{
    uint8_t t = 0;
    for (uint32_t i = 0; i < b->items.n; i++)
        if (b->items.at[i].v && has_var(operand_type(b, i), var))
            t = promote(t, sld_dtype_of(b->im->g, b->items.at[i].v));
    for (uint32_t i = 0; t && i < b->items.n; i++) {
        const item *x = &b->items.at[i];
        if (x->v || !x->number.kind || !has_var(operand_type(b, i), var))
            continue;
        uint8_t n = number_dtype(&x->number);
        if (is_integer(t) && (n == SLD_F32 || t == SLD_BOOL))
            t = promote(t, n);
    }
    return t;
}

/* The dtype that a variable of the op stands for in this call. */
static uint8_t var_dtype(const binding *b, uint8_t var, const sld_attr *number)
{
    uint8_t t = tensors_dtype(b, var);
    const fx_type *r = recorded(b);
    if (b->op->n_results && has_var(&b->op->results[0].type, var)) {
        if (b->dtype)
            return b->dtype;
        if (!t && r)
            return r->dtype;
        /* Sums count in int64, and what is true division of integers is float32. */
        bool widens = r && !(b->op->flags & SLD_OP_VIEW) && is_integer(t) &&
                      (r->dtype == SLD_F32 || (r->dtype == SLD_I64 && t < SLD_I64));
        return widens ? r->dtype : t;
    }
    if (t || !number)
        return t;
    sld_value first = b->items.n ? b->items.at[0].v : 0;
    uint8_t like = first ? sld_dtype_of(b->im->g, first) : 0;
    return like && b->op->dtype_vars[var].set >> like & 1 ? like : number_dtype(number);
}

static sld_value make_cast(binding *b, sld_value v, uint8_t to)
{
    sld_graph *g = b->im->g;
    uint16_t op = sld_op_find(g->rules, "cast");
    sld_attr attr = {.kind = SLD_ATTR_DTYPE, .i = to};
    if (!op || g->rules->ops[op].n_attrs != 1) {
        fx_fail(b->im, SLD_ERR_OP, "%s: the ruleset has no cast for %s", b->call->target, fx_dtype_name(to));
        return 0;
    }
    sld_node n = sld__add(g, op, 1, &v, &attr, 1, NULL);
    return n ? sld_result(g, n, 0) : 0;
}

/* A number as one element. */
typedef union element { uint8_t b; int8_t c; uint16_t h; int32_t i; int64_t l; float f; double d; } element;

static element encode(const sld_attr *a, uint8_t t)
{
    double f = a->kind == SLD_ATTR_FLOAT ? a->f : (double)a->i;
    int64_t i = a->kind != SLD_ATTR_FLOAT ? a->i : f >= -0x1p62 && f <= 0x1p62 ? (int64_t)f : 0;
    switch (t) {
    case SLD_BOOL: return (element){.b = f != 0};
    case SLD_U8: return (element){.b = (uint8_t)i};
    case SLD_I8: return (element){.c = (int8_t)i};
    case SLD_I32: return (element){.i = (int32_t)i};
    case SLD_I64: return (element){.l = i};
    case SLD_F8E4M3FN: return (element){.b = sld_f32_to_f8e4m3fn((float)f)};
    case SLD_F8E4M3FNUZ: return (element){.b = sld_f32_to_f8e4m3fnuz((float)f)};
    case SLD_F16: return (element){.h = sld_f32_to_f16((float)f)};
    case SLD_BF16: return (element){.h = sld_f32_to_bf16((float)f)};
    case SLD_F32: return (element){.f = (float)f};
    default: return (element){.d = f};
    }
}

static sld_value make_number(binding *b, const sld_attr *a, uint8_t t)
{
    if (a->kind == SLD_ATTR_INT && sld_dim_is_sym(a->i)) {
        fx_fail(b->im, SLD_ERR_TYPE, "%s: a symbolic size stands where a number is wanted", b->call->target);
        return 0;
    }
    element bytes = encode(a, t);
    return sld_graph_const(b->im->g, NULL, (sld_dtype)t, 0, NULL, &bytes, sld_dtype_size((sld_dtype)t));
}

/* Numbers become constants, and tensors are cast where torch promotes them. */
static sld_status settle(binding *b, sld_value *in)
{
    for (uint32_t i = 0; i < b->items.n; i++) {
        item *x = &b->items.at[i];
        const sld_type *type = operand_type(b, i);
        in[i] = x->v;
        if (!x->v && !x->number.kind)
            continue;
        uint8_t have = x->v ? sld_dtype_of(b->im->g, x->v) : 0;
        uint8_t want = type->from == SLD_DT_VAR ? var_dtype(b, type->dtype, x->v ? NULL : &x->number)
                                                : type->dtype;
        if (!x->v)
            in[i] = make_number(b, &x->number, want);
        else if (type->from == SLD_DT_VAR && want != have)
            in[i] = make_cast(b, x->v, want);
        if (!in[i])
            return SLD_ERR_TYPE;
    }
    return SLD_OK;
}

/* ---------------------------------------------------------------- the node -- */

static sld_status add_node(binding *b, sld_value *first, uint32_t *n)
{
    sld_graph *g = b->im->g;
    const fx_types *t = b->call->types;
    *n = b->op->flags & SLD_OP_VARIADIC && t ? t->n : b->op->n_results;
    sld_value *in = sld__alloc(g->ctx, (b->items.n + 1) * sizeof *in);
    const char **names = sld__alloc(g->ctx, (*n + 1) * sizeof *names);
    char text[300];
    sld_status s = in && names ? settle(b, in) : SLD_ERR_MEMORY;
    if (!s) {
        names[0] = b->call->name;
        if (fx_foreign(b->op, *n) > 1 && names[0]) {
            snprintf(text, sizeof text, "%s.0", names[0]);
            names[0] = text;
        }
        sld_node node = sld__add(g, b->e->op, b->items.n, in, b->attrs, *n, names);
        *first = node && *n ? sld_result(g, node, 0) : 0;
        s = node ? SLD_OK : SLD_ERR_TYPE;
    }
    sld__free(g->ctx, in);
    sld__free(g->ctx, names);
    return s;
}

static sld_status try_entry(binding *b, const fx_call *c, const sld_vocab_entry *e,
                            const sld_vocab_guard **guard, sld_value *first, uint32_t *n)
{
    sld_graph *g = b->im->g;
    *b = (binding){.im = b->im, .call = c, .e = e, .items = {b->items.at, 0, b->items.cap}};
    *guard = NULL;
    *n = 0;
    if (e->op == SLD_VOCAB_DROP && !e->n_guards)
        return SLD_OK;
    sld_status s = bind_positional(b);
    s = s ? s : bind_keywords(b);
    s = s ? s : bind_rest(b);
    if (s || (*guard = failing_guard(b)) != NULL || e->op == SLD_VOCAB_DROP)
        return s;
    b->op = &g->rules->ops[e->op];
    s = collect(b);
    return s ? s : add_node(b, first, n);
}

sld_status fx_add_call(fx_import *im, const fx_call *c, sld_value *first, uint32_t *n)
{
    const sld_vocab_entry *e = sld_vocab_next(c->vocab, c->target, 0, NULL), *last = NULL;
    const sld_vocab_guard *guard = NULL;
    *first = *n = 0;
    if (!e)
        return fx_fail(im, SLD_ERR_OP, "'%s' is not in the vocabulary", c->target);
    binding *b = sld__alloc(im->g->ctx, sizeof *b);
    if (!b)
        return SLD_ERR_MEMORY;
    b->im = im;
    sld_status s = SLD_OK;
    for (; e && !s; e = sld_vocab_next(c->vocab, c->target, 0, e)) {
        last = e;
        s = try_entry(b, c, e, &guard, first, n);
        if (!guard)
            break;
    }
    if (!s && guard)
        s = fx_fail(im, SLD_ERR_OP, "%s: no entry of the vocabulary takes this '%s'", c->target,
                    last->params[guard->param].name);
    sld__free(im->g->ctx, b->items.at);
    sld__free(im->g->ctx, b);
    return s;
}

fx_call fx_call_of(fx_import *im, json_t *node, const char *name, const fx_types *types)
{
    fx_call c = {.vocab = im->vocab,
                 .target = json_string_value(json_object_get(node, "target")),
                 .name = name,
                 .types = types};
    c.args = json_object_get(node, "args");
    c.kwargs = json_object_get(node, "kwargs");
    const char *inner = !strncmp(c.target, "auto_functionalized", 19) ? fx_text(json_array_get(c.args, 0))
                                                                      : NULL;
    if (inner) {
        c.target = inner;
        c.skip = 1;
    }
    return c;
}
