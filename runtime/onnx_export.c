/* Writes ONNX (opset 18).  An op that the vocabulary spells becomes a standard node, by
 * reading its entry backwards; any other goes to the domain "solder" with its attributes
 * under their own names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dims.h"
#include "names.h"
#include "onnx_types.h"

enum { OPSET = 18 };

typedef SLD_ARRAY(Onnx__NodeProto *) node_list;
typedef SLD_ARRAY(Onnx__TensorProto *) tensor_list;
typedef SLD_ARRAY(Onnx__ValueInfoProto *) info_list;

typedef struct exporter {
    sld_graph *g;
    const sld_vocab *vocab;
    char **names;           /* by value */
    node_list nodes;
    tensor_list tensors;
    info_list infos;
    SLD_ARRAY(struct { sld_dim dim; char *name; }) dims; /* tensors that hold dims, each made once */
    bool *read;             /* by value: some node reads it */
    uint32_t n_made;        /* counts names of helper values */
    bool own_domain;        /* a node of the domain "solder" was written */
    bool failed;
} exporter;

/* Everything is made in the graph's memory. */
static void *make(exporter *x, size_t size)
{
    void *p = sld__graph_alloc(x->g, size);
    x->failed |= !p;
    return p;
}

static char *copy_text(exporter *x, const char *s)
{
    char *p = make(x, strlen(s) + 1);
    return p ? strcpy(p, s) : NULL;
}

#define PUSH(x, list, item) \
    do { \
        void *item_ = (item); \
        if (!item_ || !SLD_RESERVE((x)->g->ctx, (list), (list).n + 1)) \
            (x)->failed = true; \
        else \
            (list).at[(list).n++] = item_; \
    } while (0)

static void refuse(exporter *x, sld_node n, const char *why)
{
    const sld_graph *g = x->g;
    sld__fail(g->ctx, SLD_ERR_TYPE, "node '%s' (%s): %s",
              sld_n_results(g, n) ? sld_value_name(g, sld_result(g, n, 0)) : "", sld_node_op(g, n)->name, why);
    x->failed = true;
}

/* ------------------------------------------------------------------ names -- */

/* An output's value carries the output's name; another value of that name steps aside. */
static void choose_names(exporter *x)
{
    sld_graph *g = x->g;
    x->names = make(x, g->values.n * sizeof *x->names);
    x->read = make(x, g->values.n * sizeof *x->read);
    for (uint32_t i = 0; x->names && i < g->outputs.n; i++) {
        sld_value v = g->outputs.at[i].value;
        if (sld_kind(g, v) == SLD_VALUE_RESULT && !x->names[v])
            x->names[v] = copy_text(x, sld__name_text(g, g->outputs.at[i].name));
    }
    for (sld_value v = 1; x->names && v < g->values.n; v++) {
        if (sld_kind(g, v) == SLD_VALUE_FREE || x->names[v])
            continue;
        char name[320];
        const char *own = sld_value_name(g, v);
        snprintf(name, sizeof name, "%s", own);
        while (sld__name_owner(g, SLD_NAME_OUTPUT, name) && strlen(name) + 3 < sizeof name)
            strcat(name, "_v");
        x->names[v] = copy_text(x, strlen(own) < 300 ? name : own);
    }
    x->failed |= *sld_error(g->ctx) != 0;
}

static char *fresh_name(exporter *x)
{
    char name[40];
    do
        snprintf(name, sizeof name, "solder_%u", ++x->n_made);
    while (sld_value_find(x->g, name) || sld__name_owner(x->g, SLD_NAME_OUTPUT, name));
    return copy_text(x, name);
}

/* ---------------------------------------------------------------- pieces -- */

static Onnx__NodeProto *new_node(exporter *x, const char *type, const char *domain, uint32_t n_in, uint32_t n_out)
{
    Onnx__NodeProto *n = make(x, sizeof *n);
    if (!n)
        return NULL;
    onnx__node_proto__init(n);
    n->op_type = copy_text(x, type);
    n->domain = *domain ? copy_text(x, domain) : NULL;
    n->input = make(x, (n_in + 1) * sizeof *n->input);
    n->output = make(x, (n_out + 1) * sizeof *n->output);
    n->attribute = make(x, 64 * sizeof *n->attribute);
    return x->failed ? NULL : n;
}

static Onnx__TensorProto *new_tensor(exporter *x, char *name, sld_dtype t, uint32_t rank, const int64_t *dims,
                                     const void *data, size_t size)
{
    Onnx__TensorProto *p = make(x, sizeof *p);
    if (!p)
        return NULL;
    onnx__tensor_proto__init(p);
    p->name = name;
    p->has_data_type = 1;
    p->data_type = sld_onnx_dtype_number(t);
    p->n_dims = rank;
    p->dims = make(x, (rank + 1) * sizeof *p->dims);
    if (p->dims && rank)
        memcpy(p->dims, dims, rank * sizeof *dims);
    p->has_raw_data = 1;
    p->raw_data.len = size;
    p->raw_data.data = (uint8_t *)(uintptr_t)data;
    return p;
}

/* An integer initialiser; rank 0 takes one element. */
static char *int_tensor(exporter *x, uint32_t rank, uint32_t n, const int64_t *values)
{
    int64_t dims[1] = {n}, *copy = make(x, (n + 1) * sizeof *copy);
    char *name = fresh_name(x);
    if (!copy || !name)
        return NULL;
    if (n)
        memcpy(copy, values, n * sizeof *copy);
    PUSH(x, x->tensors, new_tensor(x, name, SLD_I64, rank, dims, copy, n * sizeof *copy));
    return name;
}

static Onnx__AttributeProto *new_attr(exporter *x, Onnx__NodeProto *n, const char *name)
{
    Onnx__AttributeProto *a = make(x, sizeof *a);
    if (!a || n->n_attribute == 64)
        return NULL;
    onnx__attribute_proto__init(a);
    a->name = copy_text(x, name);
    a->has_type = 1;
    n->attribute[n->n_attribute++] = a;
    return a;
}

static void add_int(exporter *x, Onnx__NodeProto *n, const char *name, int64_t i)
{
    Onnx__AttributeProto *a = new_attr(x, n, name);
    if (a) {
        a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        a->has_i = 1;
        a->i = i;
    }
}

static void add_text(exporter *x, Onnx__NodeProto *n, const char *name, const char *text)
{
    Onnx__AttributeProto *a = new_attr(x, n, name);
    if (a) {
        a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        a->has_s = 1;
        a->s.data = (uint8_t *)copy_text(x, text);
        a->s.len = strlen(text);
    }
}

static bool symbolic(const sld_attr *a)
{
    bool list = a->kind == SLD_ATTR_INTS || a->kind == SLD_ATTR_AXES;
    for (uint32_t i = 0; list && i < a->n; i++)
        if (sld_dim_is_sym(a->p[i]))
            return true;
    return a->kind == SLD_ATTR_INT && sld_dim_is_sym(a->i);
}

/* An attribute of a node under `name`; false when ONNX cannot hold it. own: the domain of ours, where dtypes are
 * words. */
static bool add_attr(exporter *x, Onnx__NodeProto *n, const char *name, const sld_attr_info *info, const sld_attr *a,
                     bool own)
{
    Onnx__AttributeProto *p;
    if (symbolic(a))
        return false;
    switch (a->kind) {
    case SLD_ATTR_FLOAT:
        if ((p = new_attr(x, n, name))) {
            p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
            p->has_f = 1;
            p->f = (float)a->f;
        }
        return true;
    case SLD_ATTR_STRING:
        add_text(x, n, name, a->s);
        return true;
    case SLD_ATTR_ENUM:
        add_text(x, n, name, info->names[a->i]);
        return true;
    case SLD_ATTR_DTYPE:
        if (own)
            add_text(x, n, name, sld_dtype_name((sld_dtype)a->i));
        else
            add_int(x, n, name, sld_onnx_dtype_number((sld_dtype)a->i));
        return true;
    case SLD_ATTR_INTS:
    case SLD_ATTR_AXES:
        if ((p = new_attr(x, n, name))) {
            p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
            p->n_ints = a->n;
            p->ints = (int64_t *)(uintptr_t)a->p;
        }
        return true;
    default:
        add_int(x, n, name, a->i);
        return true;
    }
}

/* ---------------------------------------------------------- symbolic dims -- */

static char *two(exporter *x, const char *type, char *a, char *b)
{
    Onnx__NodeProto *n = a && b ? new_node(x, type, "", 2, 1) : NULL;
    if (!n)
        return NULL;
    n->n_input = 2;
    n->input[0] = a;
    n->input[1] = b;
    n->n_output = 1;
    n->output[0] = fresh_name(x);
    PUSH(x, x->nodes, n);
    return n->output[0];
}

static char *remembered(const exporter *x, sld_dim d)
{
    for (uint32_t i = 0; i < x->dims.n; i++)
        if (x->dims.at[i].dim == d)
            return x->dims.at[i].name;
    return NULL;
}

static char *remember(exporter *x, sld_dim d, char *name)
{
    if (!name || !SLD_RESERVE(x->g->ctx, x->dims, x->dims.n + 1))
        return NULL;
    x->dims.at[x->dims.n].dim = d;
    x->dims.at[x->dims.n++].name = name;
    return name;
}

/* Name of a one-element tensor that holds the symbol: a dim of an input. */
static char *symbol_tensor(exporter *x, sld_dim symbol)
{
    sld_graph *g = x->g;
    if (remembered(x, symbol))
        return remembered(x, symbol);
    for (uint32_t i = 0; i < g->inputs.n; i++)
        for (uint32_t k = 0; k < sld_rank(g, g->inputs.at[i]); k++) {
            if (sld_shape(g, g->inputs.at[i])[k] != symbol)
                continue;
            Onnx__NodeProto *n = new_node(x, "Shape", "", 1, 1);
            if (!n)
                return NULL;
            n->n_input = n->n_output = 1;
            n->input[0] = x->names[g->inputs.at[i]];
            n->output[0] = fresh_name(x);
            add_int(x, n, "start", k);
            add_int(x, n, "end", k + 1);
            PUSH(x, x->nodes, n);
            return remember(x, symbol, n->output[0]);
        }
    return NULL;
}

/* Name of a one-element tensor that holds the dim, NULL when it needs more than sums and products of input dims. */
static char *dim_tensor(exporter *x, sld_dim d)
{
    sld_poly p;
    char *sum = NULL;
    if (remembered(x, d))
        return remembered(x, d);
    if (!sld_dim_is_sym(d))
        return remember(x, d, int_tensor(x, 1, 1, &d));
    if (!sld__dim_load(x->g, d, &p))
        return NULL;
    for (uint32_t i = 0; i < p.n; i++) {
        char *product = p.t[i].c == 1 && p.t[i].n ? NULL : int_tensor(x, 1, 1, &p.t[i].c);
        for (uint32_t k = 0; k < p.t[i].n; k++) {
            const sld_atom *atom = sld__atom(x->g, p.t[i].f[k]);
            char *s = atom->kind == SLD_ATOM_SYMBOL ? symbol_tensor(x, sld__dim_find(x->g, atom->name)) : NULL;
            product = product ? two(x, "Mul", product, s) : s;
            if (!product)
                return NULL;
        }
        sum = sum ? two(x, "Add", sum, product) : product;
    }
    return remembered(x, d) ? sum : remember(x, d, sum);
}

/* A list with symbolic elements as one tensor. */
static char *list_tensor(exporter *x, const sld_attr *a)
{
    Onnx__NodeProto *n = new_node(x, "Concat", "", a->n, 1);
    for (uint32_t i = 0; n && i < a->n; i++)
        if (!(n->input[n->n_input++] = dim_tensor(x, a->p[i])))
            return NULL;
    if (!n)
        return NULL;
    n->n_output = 1;
    n->output[0] = fresh_name(x);
    add_int(x, n, "axis", 0);
    PUSH(x, x->nodes, n);
    return n->output[0];
}

/* An attribute of ours that is an input in ONNX. */
static char *attr_tensor(exporter *x, const sld_attr *a)
{
    bool list = a->kind == SLD_ATTR_INTS || a->kind == SLD_ATTR_AXES;
    if (!symbolic(a))
        return list ? int_tensor(x, 1, a->n, a->p) : int_tensor(x, 0, 1, &a->i);
    if (list)
        return list_tensor(x, a);
    return two(x, "Reshape", dim_tensor(x, a->i), int_tensor(x, 1, 0, NULL));
}

/* ------------------------------------------------------------------ nodes -- */

/* Where the entry takes a parameter to: an operand (0..), an attribute (1000..), or nowhere (-1). */
static int destination(const sld_graph *g, const sld_vocab_entry *e, uint32_t param)
{
    for (uint32_t i = 0; i < e->n_operands; i++)
        if (e->operands[i].param == (int)param)
            return (int)i;
    for (uint32_t i = 0; i < g->rules->ops[e->op].n_attrs; i++)
        if (e->attrs[i].param == (int)param)
            return 1000 + (int)i;
    return -1;
}

static const sld_attr *guard_literal(const sld_vocab_entry *e, uint32_t param)
{
    for (uint32_t i = 0; i < e->n_guards; i++)
        if (e->guards[i].param == param)
            return &e->guards[i].lit;
    return NULL;
}

/* Whether the entry, read backwards, says all that the node holds. */
static bool invertible(const sld_graph *g, const sld_vocab_entry *e, sld_node n)
{
    const sld_op_info *op = &g->rules->ops[e->op];
    for (uint32_t i = 0; i < e->n_operands; i++)
        if (e->operands[i].param == -1 ||
            (e->operands[i].param == -2 && i < g->nodes.at[n].n_in && sld_operand(g, n, i)))
            return false;
    for (uint32_t i = 0; i < op->n_attrs; i++) {
        const sld_attr *a = &sld_node_attrs(g, n)[i];
        int param = e->attrs[i].param;
        const sld_attr *fixed = param == -1 ? &e->attrs[i].lit : param == -2 ? &op->attrs[i].dflt : NULL;
        if (fixed && !sld_attr_equal(a, fixed) &&
            !(fixed->kind == SLD_ATTR_INTS && fixed->n == 0 && a->kind == SLD_ATTR_INTS))
            return false;
        const sld_attr *guard = param >= 0 ? guard_literal(e, (uint32_t)param) : NULL;
        if (guard && a->kind <= SLD_ATTR_BOOL && a->i != guard->i)
            return false;
    }
    return true;
}

static const sld_vocab_entry *find_entry(const exporter *x, sld_node n)
{
    for (uint32_t i = 0; x->vocab && i < x->vocab->n_entries; i++) {
        const sld_vocab_entry *e = &x->vocab->entries[i];
        bool newest = !i || strcmp(x->vocab->entries[i - 1].foreign, e->foreign) ||
                      x->vocab->entries[i - 1].since > OPSET || x->vocab->entries[i - 1].n_guards;
        if (e->op == x->g->nodes.at[n].op && e->since <= OPSET && newest && invertible(x->g, e, n))
            return e;
    }
    return NULL;
}

/* The name of a value that a node reads. */
static char *read_name(exporter *x, sld_value v)
{
    if (v)
        x->read[v] = true;
    return v ? x->names[v] : "";
}

static bool add_variadic(exporter *x, Onnx__NodeProto *p, sld_node n, uint32_t from)
{
    for (uint32_t i = from; i < x->g->nodes.at[n].n_in; i++)
        p->input[p->n_input++] = read_name(x, sld_operand(x->g, n, i));
    return true;
}

static bool add_input(exporter *x, Onnx__NodeProto *p, const sld_vocab_entry *e, sld_node n, uint32_t param)
{
    const sld_graph *g = x->g;
    int to = destination(g, e, param);
    const sld_attr *guard = guard_literal(e, param);
    if (e->params[param].flags & SLD_PARAM_VARIADIC)
        return add_variadic(x, p, n, (uint32_t)to);
    char *name = "";
    if (to >= 1000)
        name = attr_tensor(x, &sld_node_attrs(g, n)[(uint32_t)to - 1000]);
    else if (to >= 0 && (uint32_t)to < g->nodes.at[n].n_in && sld_operand(g, n, (uint32_t)to))
        name = read_name(x, sld_operand(g, n, (uint32_t)to));
    else if (guard && guard->kind)
        name = attr_tensor(x, guard);
    p->input[p->n_input++] = name;
    return name != NULL;
}

/* A constant operand that is a tensor attribute in ONNX. */
static bool add_tensor_attr(exporter *x, Onnx__NodeProto *p, const char *name, sld_value v)
{
    const sld_graph *g = x->g;
    const sld_type_rec *r = sld_type_of(g, v);
    int64_t one = 1;
    if (sld_kind(g, v) != SLD_VALUE_CONST || !sld_const_of(g, v)->data)
        return false;
    Onnx__AttributeProto *a = new_attr(x, p, name);
    if (!a)
        return false;
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
    const sld_const *c = sld_const_of(g, v);
    a->t = new_tensor(x, NULL, (sld_dtype)r->dtype, 1, &one, c->data, c->nbytes);
    return a->t != NULL && c->nbytes == sld_dtype_size((sld_dtype)r->dtype);
}

static bool add_keyword(exporter *x, Onnx__NodeProto *p, const sld_vocab_entry *e, sld_node n, uint32_t param)
{
    const sld_graph *g = x->g;
    const char *name = e->params[param].name;
    int to = destination(g, e, param);
    const sld_attr *guard = guard_literal(e, param);
    if (to >= 1000) {
        const sld_attr_info *info = &g->rules->ops[e->op].attrs[to - 1000];
        const sld_attr *a = &sld_node_attrs(g, n)[(uint32_t)to - 1000];
        bool zero_parts = a->kind == SLD_ATTR_INT && a->i == 0 && e->params[param].dflt.kind == SLD_ATTR_INT &&
                          e->params[param].dflt.i == 0;
        return zero_parts || add_attr(x, p, name, info, a, false);
    }
    if (to >= 0)
        return add_tensor_attr(x, p, name, sld_operand(g, n, (uint32_t)to));
    return !guard || !guard->kind || sld_attr_equal(guard, &e->params[param].dflt) ||
           add_attr(x, p, name, NULL, guard, false);
}

static bool standard_node(exporter *x, Onnx__NodeProto *p, const sld_vocab_entry *e, sld_node n)
{
    for (uint32_t i = 0; i < e->n_params; i++) {
        bool keyword = e->params[i].flags & SLD_PARAM_KEYWORD;
        if (keyword ? !add_keyword(x, p, e, n, i) : !add_input(x, p, e, n, i))
            return false;
    }
    while (p->n_input && !*p->input[p->n_input - 1])
        p->n_input--;
    return true;
}

static bool own_node(exporter *x, Onnx__NodeProto *p, sld_node n)
{
    const sld_op_info *op = sld_node_op(x->g, n);
    x->own_domain = true;
    for (uint32_t i = 0; i < x->g->nodes.at[n].n_in; i++)
        p->input[p->n_input++] = read_name(x, sld_operand(x->g, n, i));
    for (uint32_t i = 0; i < op->n_attrs; i++) {
        const sld_attr *a = &sld_node_attrs(x->g, n)[i];
        bool given = !op->attrs[i].has_default || !sld_attr_equal(a, &op->attrs[i].dflt);
        if (given && !add_attr(x, p, op->attrs[i].name, &op->attrs[i], a, true))
            return false;
    }
    return true;
}

static void export_node(exporter *x, sld_node n)
{
    const sld_call c = sld__call_of(x->g, n);
    const sld_vocab_entry *e = find_entry(x, n);
    Onnx__NodeProto *p =
        new_node(x, e ? e->foreign : sld_node_op(x->g, n)->name, e ? "" : "solder", c.n_in + 16, c.n_out);
    if (!p)
        return;
    bool ok = e ? standard_node(x, p, e, n) : own_node(x, p, n);
    if (!ok && !x->failed)
        refuse(x, n, "its symbolic attributes cannot be written as ONNX");
    for (uint32_t i = 0; i < c.n_out; i++)
        p->output[p->n_output++] = x->names[sld_result(x->g, n, i)];
    PUSH(x, x->nodes, p);
}

/* ------------------------------------------------------------------ types -- */

static Onnx__ValueInfoProto *value_info(exporter *x, sld_value v, char *name)
{
    const sld_type_rec *r = sld_type_of(x->g, v);
    Onnx__ValueInfoProto *info = make(x, sizeof *info);
    Onnx__TypeProto *type = make(x, sizeof *type);
    Onnx__TypeProto__Tensor *t = make(x, sizeof *t);
    Onnx__TensorShapeProto *shape = make(x, sizeof *shape);
    if (x->failed)
        return NULL;
    onnx__value_info_proto__init(info);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(t);
    onnx__tensor_shape_proto__init(shape);
    info->name = name;
    info->type = type;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = t;
    t->has_elem_type = 1;
    t->elem_type = sld_onnx_dtype_number((sld_dtype)r->dtype);
    t->shape = shape;
    shape->dim = make(x, (r->rank + 1u) * sizeof *shape->dim);
    for (uint32_t i = 0; !x->failed && i < r->rank; i++) {
        Onnx__TensorShapeProto__Dimension *d = make(x, sizeof *d);
        char text[400];
        if (!d)
            return NULL;
        onnx__tensor_shape_proto__dimension__init(d);
        sld_dim dim = sld_shape(x->g, v)[i];
        sld_dim_print(x->g, dim, text, sizeof text);
        if (sld_dim_is_sym(dim)) {
            d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            d->dim_param = copy_text(x, text);
        } else {
            d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            d->dim_value = dim;
        }
        shape->dim[shape->n_dim++] = d;
    }
    return info;
}

static void export_constants(exporter *x)
{
    sld_graph *g = x->g;
    for (sld_value v = 1; v < g->values.n && !x->failed; v++) {
        const sld_type_rec *r = sld_type_of(g, v);
        if (sld_kind(g, v) != SLD_VALUE_CONST || !x->read[v])
            continue;
        const sld_const *c = sld_const_of(g, v);
        if (!c->data && c->nbytes) {
            sld__fail(g->ctx, SLD_ERR_INPUT, "constant '%s' was read without its contents", sld_value_name(g, v));
            x->failed = true;
            return;
        }
        PUSH(x, x->tensors,
             new_tensor(x, x->names[v], (sld_dtype)r->dtype, r->rank, sld_shape(g, v), c->data, c->nbytes));
    }
}

/* An output whose value has another name is a copy of it. */
static Onnx__ValueInfoProto *export_output(exporter *x, uint32_t i)
{
    sld_graph *g = x->g;
    sld_value v = g->outputs.at[i].value;
    char *name = copy_text(x, sld__name_text(g, g->outputs.at[i].name));
    if (name && strcmp(name, x->names[v])) {
        Onnx__NodeProto *n = new_node(x, "Identity", "", 1, 1);
        if (!n)
            return NULL;
        n->n_input = n->n_output = 1;
        n->input[0] = read_name(x, v);
        n->output[0] = name;
        PUSH(x, x->nodes, n);
    }
    return name ? value_info(x, v, name) : NULL;
}

static void export_graph(exporter *x, Onnx__GraphProto *p)
{
    sld_graph *g = x->g;
    choose_names(x);
    for (sld_node n = sld_first_node(g); n && !x->failed; n = sld_next_node(g, n)) {
        export_node(x, n);
        for (uint32_t i = 0; i < sld_n_results(g, n) && !x->failed; i++)
            if (!sld__name_owner(g, SLD_NAME_OUTPUT, x->names[sld_result(g, n, i)]))
                PUSH(x, x->infos, value_info(x, sld_result(g, n, i), x->names[sld_result(g, n, i)]));
    }
    p->input = make(x, (g->inputs.n + 1) * sizeof *p->input);
    p->output = make(x, (g->outputs.n + 1) * sizeof *p->output);
    for (uint32_t i = 0; i < g->inputs.n && !x->failed; i++)
        p->input[p->n_input++] = value_info(x, g->inputs.at[i], x->names[g->inputs.at[i]]);
    for (uint32_t i = 0; i < g->outputs.n && !x->failed; i++)
        p->output[p->n_output++] = export_output(x, i);
    if (!x->failed)
        export_constants(x);
    p->name = "solder";
    p->n_node = x->nodes.n;
    p->node = x->nodes.at;
    p->n_initializer = x->tensors.n;
    p->initializer = x->tensors.at;
    p->n_value_info = x->infos.n;
    p->value_info = x->infos.at;
}

static sld_status write_file(sld_ctx *ctx, const Onnx__ModelProto *m, const char *path)
{
    size_t size = onnx__model_proto__get_packed_size(m), n = strlen(path) + 5;
    uint8_t *bytes = sld__resize(ctx, NULL, size + n);
    if (!bytes)
        return SLD_ERR_MEMORY;
    char *tmp = (char *)bytes + size;
    snprintf(tmp, n, "%s.tmp", path);
    onnx__model_proto__pack(m, bytes);
    FILE *f = fopen(tmp, "wb");
    bool ok = f && fwrite(bytes, 1, size, f) == size;
    if (f)
        ok = !fclose(f) && ok;
    ok = ok && !rename(tmp, path);
    sld_status s = ok ? SLD_OK : sld__fail(ctx, SLD_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    if (!ok && f)
        unlink(tmp);
    sld__free(ctx, bytes);
    return s;
}

sld_status sld_export_onnx(sld_graph *g, const char *path)
{
    sld__clear(g->ctx);
    exporter x = {.g = g, .vocab = sld_vocab_find(g->rules, "onnx")};
    Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
    Onnx__OperatorSetIdProto sets[2] = {ONNX__OPERATOR_SET_ID_PROTO__INIT, ONNX__OPERATOR_SET_ID_PROTO__INIT},
                             *list[2] = {&sets[0], &sets[1]};
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    export_graph(&x, &graph);
    sets[0].has_version = sets[1].has_version = 1;
    sets[0].version = OPSET;
    sets[1].version = 1;
    sets[1].domain = "solder";
    model.has_ir_version = 1;
    model.ir_version = 8; /* the one that came with opset 18 */
    model.producer_name = "solder";
    model.n_opset_import = x.own_domain ? 2 : 1;
    model.opset_import = list;
    model.graph = &graph;
    x.failed |= sld__starved(g->ctx); /* a value without a name */
    sld_status s = x.failed ? SLD_ERR_TYPE : write_file(g->ctx, &model, path);
    if (x.failed)
        sld__fail(g->ctx, SLD_ERR_MEMORY, "%s: out of memory", path);
    sld__free(g->ctx, x.dims.at);
    sld__free(g->ctx, x.nodes.at);
    sld__free(g->ctx, x.tensors.at);
    sld__free(g->ctx, x.infos.at);
    return s;
}
