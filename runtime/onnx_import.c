/* Reads ONNX models.  Which foreign op is which of ours, with which operands and attributes,
 * is the vocabulary's knowledge; this file knows the container: tensors, attributes, types. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dtype.h"
#include "graph.h"
#include "onnx_types.h"

typedef struct importer {
    sld_graph *g;
    sld_ctx *ctx;
    const sld_vocab *vocab;
    const char *path;
    uint32_t opset;
    char where[300];
    SLD_ARRAY(struct { const char *name; sld_value value; }) names; /* open addressing; n: slots in use, cap: all */
} importer;

/* --------------------------------------------------------------- allocator -- */

static void *pb_alloc(void *ctx, size_t size)
{
    return sld__resize(ctx, NULL, size);
}

static void pb_free(void *ctx, void *p)
{
    sld__free(ctx, p);
}

/* ------------------------------------------------------------------ names -- */

static uint32_t hash(const char *s)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return h;
}

static uint32_t slot_of(const importer *im, const char *name)
{
    uint32_t i = hash(name) & (im->names.cap - 1);
    while (im->names.at[i].name && strcmp(im->names.at[i].name, name))
        i = (i + 1) & (im->names.cap - 1);
    return i;
}

static bool reserve_names(importer *im, size_t n)
{
    uint32_t cap = 64;
    if (n > 1u << 28)
        return sld__fail(im->ctx, SLD_ERR_LIMIT, "%s: too many values", im->path), false;
    while (cap < 2 * n)
        cap *= 2;
    im->names.cap = cap;
    return (im->names.at = sld__alloc(im->ctx, cap * sizeof *im->names.at)) != NULL;
}

static bool define(importer *im, const char *name, sld_value v)
{
    uint32_t i = slot_of(im, name);
    if (im->names.at[i].name)
        return sld__fail(im->ctx, SLD_ERR_GRAPH, "%s: value '%s' is defined twice", im->where, name), false;
    im->names.at[i].name = name;
    im->names.at[i].value = v;
    return true;
}

static bool lookup(importer *im, const char *name, sld_value *v)
{
    uint32_t i = slot_of(im, name);
    if (!im->names.at[i].name)
        return sld__fail(im->ctx, SLD_ERR_GRAPH,
                         "%s: input '%s' is not defined before this node (undefined, out of order, or a cycle)",
                         im->where, name),
               false;
    *v = im->names.at[i].value;
    return true;
}

/* ---------------------------------------------------------------- tensors -- */

static bool bad_tensor(importer *im, const Onnx__TensorProto *t, const char *why)
{
    sld__fail(im->ctx, SLD_ERR_FORMAT, "%s: tensor '%s': %s", im->where, t->name ? t->name : "", why);
    return false;
}

/* Elements that stand in typed fields instead of raw bytes; narrow types are widened to 32 bits there. */
static bool typed_elements(importer *im, const Onnx__TensorProto *t, sld_dtype dtype, size_t n, void *out)
{
    size_t have = dtype == SLD_F32 ? t->n_float_data : dtype == SLD_F64 ? t->n_double_data
                  : dtype == SLD_I64 ? t->n_int64_data : t->n_int32_data;
    if (have != n)
        return bad_tensor(im, t, "its data has another number of elements than its dims");
    if (!n)
        return true;
    switch (dtype) {
    case SLD_F32: memcpy(out, t->float_data, n * 4); break;
    case SLD_F64: memcpy(out, t->double_data, n * 8); break;
    case SLD_I64: memcpy(out, t->int64_data, n * 8); break;
    case SLD_I32: memcpy(out, t->int32_data, n * 4); break;
    default:
        for (size_t i = 0; i < n; i++)
            if (sld_dtype_size(dtype) == 2)
                ((uint16_t *)out)[i] = (uint16_t)t->int32_data[i];
            else
                ((uint8_t *)out)[i] = (uint8_t)t->int32_data[i];
    }
    return true;
}

static bool count_elements(const Onnx__TensorProto *t, sld_dtype dtype, size_t *n)
{
    *n = 1;
    for (size_t i = 0; i < t->n_dims; i++)
        if (t->dims[i] < 0 || (t->dims[i] && __builtin_mul_overflow(*n, (size_t)t->dims[i], n)))
            return false;
    for (size_t i = 0; i < t->n_dims; i++)
        if (t->dims[i] == 0)
            *n = 0;
    return *n <= ((size_t)1 << 40) / sld_dtype_size(dtype);
}

/* ---- data in a file beside the model, as models above 2 GiB have it ---- */

static const char *external_entry(const Onnx__TensorProto *t, const char *key)
{
    for (size_t i = 0; i < t->n_external_data; i++) {
        const Onnx__StringStringEntryProto *e = t->external_data[i];
        if (e->key && e->value && !strcmp(e->key, key))
            return e->value;
    }
    return NULL;
}

/* The file must lie in the model's folder or below: the specification allows no other, and a model must not
 * make its reader open files elsewhere. */
static bool location_stays(const char *location)
{
    if (!location || !*location || *location == '/')
        return false;
    for (const char *p = location; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
        if (!strncmp(p, "..", 2) && (p[2] == '/' || !p[2]))
            return false;
    return true;
}

static bool read_number(const char *text, uint64_t dflt, uint64_t *out)
{
    char *end = NULL;
    *out = text ? strtoull(text, &end, 10) : dflt;
    return !text || (end != text && !*end && *text != '-' && *out <= INT64_MAX);
}

static bool read_external(importer *im, const Onnx__TensorProto *t, const char *location, uint64_t offset, size_t size,
                          void *data)
{
    const char *slash = strrchr(im->path, '/');
    size_t dir = slash ? (size_t)(slash - im->path) + 1 : 0, n = dir + strlen(location) + 1;
    char *file = sld__alloc(im->ctx, n);
    if (!file)
        return false;
    memcpy(file, im->path, dir);
    memcpy(file + dir, location, n - dir);
    FILE *f = fopen(file, "rb");
    bool ok = f && !fseeko(f, (off_t)offset, SEEK_SET) && fread(data, 1, size, f) == size;
    if (f)
        fclose(f);
    sld__free(im->ctx, file);
    return ok || bad_tensor(im, t, "the file beside the model that holds its data cannot be read, or is too short");
}

static sld_value external_tensor(importer *im, const Onnx__TensorProto *t, const char *name, sld_dtype dtype, size_t size)
{
    uint64_t offset, length;
    const char *location = external_entry(t, "location");
    if (!location_stays(location))
        return bad_tensor(im, t, "its data must lie in a file in the model's folder");
    if (!read_number(external_entry(t, "offset"), 0, &offset) || !read_number(external_entry(t, "length"), size, &length) ||
        length != size)
        return bad_tensor(im, t, "its external data has another size than its dims");
    void *data = sld__resize(im->ctx, NULL, size + 1);
    sld_value v = data && read_external(im, t, location, offset, size, data)
                      ? sld_graph_const(im->g, name, dtype, (uint32_t)t->n_dims, t->dims, data, size)
                      : 0;
    sld__free(im->ctx, data);
    return v;
}

/* A constant with the tensor's contents; 0 on error. */
static sld_value import_tensor(importer *im, const Onnx__TensorProto *t, const char *name)
{
    sld_dtype dtype = sld_onnx_dtype(t->has_data_type ? t->data_type : 0);
    size_t n, size;
    if (t->n_dims > 16 || !dtype || !count_elements(t, dtype, &n)) {
        bad_tensor(im, t, !dtype ? "its element type is not supported" : "its dims are impossible");
        return 0;
    }
    size = n * sld_dtype_size(dtype);
    if (t->has_data_location && t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        return external_tensor(im, t, name, dtype, size);
    if (t->has_raw_data && t->raw_data.len != size) {
        bad_tensor(im, t, "its data has another size than its dims");
        return 0;
    }
    if (t->has_raw_data)
        return sld_graph_const(im->g, name, dtype, (uint32_t)t->n_dims, t->dims,
                               t->raw_data.data ? (void *)t->raw_data.data : "", size);
    size_t typed = t->n_float_data + t->n_double_data + t->n_int64_data + t->n_int32_data;
    void *data = typed == n ? sld__alloc(im->ctx, size + 1) : NULL;
    if (typed != n)
        bad_tensor(im, t, "its data has another number of elements than its dims");
    sld_value v = data && typed_elements(im, t, dtype, n, data)
                      ? sld_graph_const(im->g, name, dtype, (uint32_t)t->n_dims, t->dims, data, size) : 0;
    sld__free(im->ctx, data);
    return v;
}

/* ------------------------------------------------------------- attributes -- */

static const char *bytes_text(importer *im, const ProtobufCBinaryData *s)
{
    char *text = sld__graph_alloc(im->g, s->len + 1);
    if (text && s->len)
        memcpy(text, s->data, s->len);
    return text;
}

/* Integers far below zero would be taken for symbolic dims. */
static bool integers_fit(importer *im, const Onnx__AttributeProto *a, size_t n, const int64_t *p)
{
    for (size_t i = 0; i < n; i++)
        if (sld_dim_is_sym(p[i]))
            return sld__fail(im->ctx, SLD_ERR_FORMAT, "%s: attribute '%s' holds an impossible number", im->where,
                             a->name ? a->name : ""),
                   false;
    return true;
}

static bool import_attr(importer *im, const Onnx__AttributeProto *a, sld_bound *b)
{
    *b = (sld_bound){.kind = SLD_BOUND_ATTR};
    switch (a->has_type ? a->type : ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED) {
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
        b->attr = (sld_attr){.kind = SLD_ATTR_INT, .i = a->i};
        return integers_fit(im, a, 1, &a->i);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
        b->attr = (sld_attr){.kind = SLD_ATTR_FLOAT, .f = a->f};
        return true;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
        b->attr = (sld_attr){.kind = SLD_ATTR_STRING, .s = bytes_text(im, &a->s)};
        return b->attr.s != NULL;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
        b->attr = (sld_attr){.kind = SLD_ATTR_INTS, .n = (uint32_t)a->n_ints, .p = a->ints};
        if (a->n_ints < UINT32_MAX)
            return integers_fit(im, a, a->n_ints, a->ints);
        break;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
        if (a->t) {
            b->kind = SLD_BOUND_VALUE;
            b->value = import_tensor(im, a->t, NULL);
            return b->value != 0;
        }
        break;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH:
        sld__fail(im->ctx, SLD_ERR_OP, "%s: holds a subgraph, which is not supported", im->where);
        return false;
    default:
        break;
    }
    sld__fail(im->ctx, SLD_ERR_FORMAT, "%s: attribute '%s' has a type that is not supported", im->where,
              a->name ? a->name : "");
    return false;
}

static const Onnx__AttributeProto *find_attr(const Onnx__NodeProto *n, const char *name)
{
    for (size_t i = 0; i < n->n_attribute; i++)
        if (n->attribute[i]->name && !strcmp(n->attribute[i]->name, name))
            return n->attribute[i];
    return NULL;
}

/* ------------------------------------------------------------------ nodes -- */

enum { MAX_PARAMS = 32 };

static bool bind_variadic(importer *im, const Onnx__NodeProto *n, size_t from, sld_bound *b)
{
    size_t count = n->n_input > from ? n->n_input - from : 0;
    b->kind = SLD_BOUND_LIST;
    b->n = (uint32_t)count;
    b->list = sld__graph_alloc(im->g, (count + 1) * sizeof *b->list);
    if (!b->list)
        return false;
    for (size_t i = 0; i < count; i++) {
        b->list[i] = 0;
        if (n->input[from + i][0] && !lookup(im, n->input[from + i], &b->list[i]))
            return false;
    }
    return true;
}

static bool bind_params(importer *im, const Onnx__NodeProto *n, const sld_vocab_entry *e, sld_bound *params)
{
    size_t at = 0;
    for (uint32_t i = 0; i < e->n_params; i++) {
        const sld_vocab_param *p = &e->params[i];
        params[i] = (sld_bound){.kind = SLD_BOUND_ABSENT};
        if (p->flags & SLD_PARAM_KEYWORD) {
            const Onnx__AttributeProto *a = find_attr(n, p->name);
            if (a && !import_attr(im, a, &params[i]))
                return false;
        } else if (p->flags & SLD_PARAM_VARIADIC) {
            if (!bind_variadic(im, n, at, &params[i]))
                return false;
            at = n->n_input;
        } else if (at < n->n_input && n->input[at][0]) {
            params[i].kind = SLD_BOUND_VALUE;
            if (!lookup(im, n->input[at++], &params[i].value))
                return false;
        } else {
            at++;
        }
    }
    return true;
}

/* Everything that the file gives must be something that the entry knows. */
static bool entry_takes(const Onnx__NodeProto *n, const sld_vocab_entry *e, const char **unknown)
{
    size_t positional = 0;
    bool variadic = false;
    for (uint32_t i = 0; i < e->n_params; i++) {
        positional += !(e->params[i].flags & SLD_PARAM_KEYWORD);
        variadic |= (e->params[i].flags & SLD_PARAM_VARIADIC) != 0;
    }
    *unknown = "too many inputs";
    if (n->n_input > positional && !variadic)
        return false;
    for (size_t k = 0; k < n->n_attribute; k++) {
        bool known = false;
        for (uint32_t i = 0; i < e->n_params; i++)
            known |= e->params[i].flags & SLD_PARAM_KEYWORD && n->attribute[k]->name &&
                     !strcmp(e->params[i].name, n->attribute[k]->name);
        *unknown = n->attribute[k]->name ? n->attribute[k]->name : "";
        if (!known)
            return false;
    }
    return true;
}

static bool name_results(importer *im, const Onnx__NodeProto *n, sld_node node)
{
    for (size_t i = 0; i < n->n_output; i++)
        if (n->output[i][0] && !define(im, n->output[i], sld_result(im->g, node, (uint32_t)i)))
            return false;
    return true;
}

/* A node of the domain of fused ops: operands in order, attributes by name. */
static bool import_own(importer *im, const Onnx__NodeProto *n)
{
    const sld_ruleset *rules = im->g->rules;
    uint16_t op = sld_op_find(rules, n->op_type);
    sld_attr attrs[256] = {{0}};
    sld_value in[256];
    if (!op || n->n_input > 256)
        return sld__fail(im->ctx, SLD_ERR_OP, "%s: unknown op 'solder::%s'", im->where, n->op_type), false;
    for (size_t i = 0; i < n->n_input; i++) {
        in[i] = 0;
        if (n->input[i][0] && !lookup(im, n->input[i], &in[i]))
            return false;
    }
    for (size_t k = 0; k < n->n_attribute; k++) {
        sld_bound b;
        uint32_t i = 0;
        while (i < rules->ops[op].n_attrs &&
               (!n->attribute[k]->name || strcmp(rules->ops[op].attrs[i].name, n->attribute[k]->name)))
            i++;
        if (i == rules->ops[op].n_attrs || !import_attr(im, n->attribute[k], &b) || b.kind != SLD_BOUND_ATTR)
            return sld__fail(im->ctx, SLD_ERR_FORMAT, "%s: unknown attribute '%s'", im->where,
                             n->attribute[k]->name ? n->attribute[k]->name : ""),
                   false;
        attrs[i] = b.attr;
        if (rules->ops[op].attrs[i].kind == SLD_ATTR_DTYPE && attrs[i].kind == SLD_ATTR_STRING)
            attrs[i] = (sld_attr){.kind = SLD_ATTR_DTYPE, .i = sld_dtype_parse(attrs[i].s)};
    }
    sld_node node = sld_graph_add(im->g, op, (uint32_t)n->n_input, in, attrs, (uint32_t)n->n_output,
                                  (const char *const *)n->output);
    return node && name_results(im, n, node);
}

/* A node whose only content is a tensor. */
static bool import_constant(importer *im, const Onnx__NodeProto *n)
{
    const Onnx__AttributeProto *a = find_attr(n, "value");
    sld_bound b;
    if (!a || n->n_output != 1 || !import_attr(im, a, &b) || b.kind != SLD_BOUND_VALUE)
        return sld__fail(im->ctx, SLD_ERR_FORMAT, "%s: a constant without a tensor", im->where), false;
    return define(im, n->output[0], b.value);
}

static bool import_node(importer *im, const Onnx__NodeProto *n, size_t index)
{
    const char *type = n->op_type ? n->op_type : "", *domain = n->domain ? n->domain : "", *unknown = NULL;
    char foreign[200];
    snprintf(im->where, sizeof im->where, "%s: node '%.80s' (%.60s)", im->path,
             n->name && *n->name ? n->name
             : n->n_output       ? n->output[0]
                                 : "",
             type);
    if (!n->name && !n->n_output)
        snprintf(im->where, sizeof im->where, "%s: node %zu (%.60s)", im->path, index, type);
    if (!*type)
        return sld__fail(im->ctx, SLD_ERR_FORMAT, "%s: a node without an op", im->where), false;
    bool standard = !*domain || !strcmp(domain, "ai.onnx");
    if (!strcmp(domain, "solder"))
        return import_own(im, n);
    if (standard && !strcmp(type, "Constant"))
        return import_constant(im, n);
    snprintf(foreign, sizeof foreign, "%.100s%s%.90s", standard ? "" : domain, standard ? "" : "::", type);
    const sld_vocab_entry *e = NULL;
    bool seen = false;
    while ((e = sld_vocab_next(im->vocab, foreign, im->opset, e))) {
        sld_bound params[MAX_PARAMS];
        sld_node node;
        seen = true;
        if (e->n_params > MAX_PARAMS || !entry_takes(n, e, &unknown))
            continue;
        if (!bind_params(im, n, e, params))
            return false;
        sld_applied r =
            sld_vocab_apply(im->g, e, params, (uint32_t)n->n_output, (const char *const *)n->output, &node);
        if (r == SLD_APPLIED)
            return e->op == SLD_VOCAB_DROP || name_results(im, n, node);
        if (r == SLD_APPLY_FAILED)
            return false;
        unknown = NULL;
    }
    if (!seen)
        sld__fail(im->ctx, SLD_ERR_OP, "%s: unknown op '%s' (opset %u)", im->where, foreign, im->opset);
    else if (unknown)
        sld__fail(im->ctx, SLD_ERR_OP, "%s: '%s' is not known of this op", im->where, unknown);
    else
        sld__fail(im->ctx, SLD_ERR_OP, "%s: this use of the op is not supported", im->where);
    return false;
}

/* ------------------------------------------------------------------ types -- */

/* The declared type; rank 255: no shape stated; a dim SLD_SYM_NONE: not stated. */
static bool read_type(importer *im, const Onnx__ValueInfoProto *v, uint8_t *dtype, uint8_t *rank, sld_dim *dims)
{
    const Onnx__TypeProto__Tensor *t =
        v->type && v->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ? v->type->tensor_type : NULL;
    *dtype = t && t->has_elem_type ? (uint8_t)sld_onnx_dtype(t->elem_type) : 0;
    *rank = 255;
    if (!t || !*dtype) {
        sld__fail(im->ctx, SLD_ERR_TYPE, "%s: value '%s' has no tensor type that is supported", im->path,
                  v->name ? v->name : "");
        return false;
    }
    if (!t->shape)
        return true;
    if (t->shape->n_dim > 16) {
        sld__fail(im->ctx, SLD_ERR_LIMIT, "%s: value '%s' has more than 16 dims", im->path, v->name ? v->name : "");
        return false;
    }
    *rank = (uint8_t)t->shape->n_dim;
    for (size_t i = 0; i < t->shape->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *d = t->shape->dim[i];
        dims[i] = SLD_SYM_NONE;
        if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE)
            dims[i] = d->dim_value;
        else if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM && d->dim_param &&
                 *d->dim_param)
            dims[i] = sld_dim_parse(im->g, d->dim_param, 1, 1 << 20);
        if (!sld_dim_is_sym(dims[i]) && dims[i] < 0) {
            sld__fail(im->ctx, SLD_ERR_TYPE, "%s: value '%s' has a negative dim", im->path, v->name ? v->name : "");
            return false;
        }
    }
    return sld__forgive(im->ctx); /* a dim_param that is no expression stands for an unknown dim */
}

static bool import_input(importer *im, const Onnx__ValueInfoProto *v)
{
    uint8_t dtype, rank;
    sld_dim dims[16];
    const char *name = v->name ? v->name : "";
    char fresh[300];
    if (im->names.at[slot_of(im, name)].name)
        return true; /* an initialiser that is listed as an input as well */
    if (!read_type(im, v, &dtype, &rank, dims))
        return false;
    if (rank == 255)
        return sld__fail(im->ctx, SLD_ERR_TYPE, "%s: input '%s' has no shape", im->path, name), false;
    for (uint32_t i = 0; i < rank; i++)
        if (dims[i] == SLD_SYM_NONE) {
            snprintf(fresh, sizeof fresh, "%.200s_dim%u", name, i);
            dims[i] = sld_dim_symbol(im->g, fresh, 1, 1 << 20);
        }
    sld_value in = sld_graph_input(im->g, name, (sld_dtype)dtype, rank, dims);
    return in && define(im, name, in);
}

/* A stated type must be the inferred one, as far as it states anything. */
static bool check_type(importer *im, const Onnx__ValueInfoProto *v, sld_value value)
{
    uint8_t dtype, rank;
    sld_dim dims[16];
    if (!v->type || v->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
        return true;
    if (!read_type(im, v, &dtype, &rank, dims))
        return false;
    const sld_type_rec *r = sld_type_of(im->g, value);
    bool ok = dtype == r->dtype && (rank == 255 || rank == r->rank);
    for (uint32_t i = 0; ok && rank != 255 && i < rank; i++)
        ok = dims[i] == SLD_SYM_NONE || sld_dim_eq(im->g, dims[i], sld_shape(im->g, value)[i]) != SLD_NEVER;
    if (!ok && sld__forgive(im->ctx))
        sld__fail(im->ctx, SLD_ERR_TYPE,
                  "%s: value '%s' is declared as %s of rank %d, which is not what its node gives (%s of rank %u)",
                  im->path, v->name, sld_dtype_name((sld_dtype)dtype), rank == 255 ? -1 : rank,
                  sld_dtype_name((sld_dtype)r->dtype), r->rank);
    return ok;
}

/* ------------------------------------------------------------------ model -- */

static bool read_opset(importer *im, const Onnx__ModelProto *m)
{
    for (size_t i = 0; i < m->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *o = m->opset_import[i];
        if (!o->domain || !*o->domain || !strcmp(o->domain, "ai.onnx"))
            im->opset = o->has_version && o->version > 0 && o->version < 1000 ? (uint32_t)o->version : 0;
    }
    if (im->opset < 13 || im->opset > 23)
        return sld__fail(im->ctx, SLD_ERR_FORMAT, "%s: opset %u is not supported, only 13 to 23", im->path,
                         im->opset),
               false;
    return true;
}

static bool import_graph(importer *im, const Onnx__GraphProto *p)
{
    size_t n = p->n_initializer + p->n_input;
    for (size_t i = 0; i < p->n_node; i++)
        n += p->node[i]->n_output;
    if (!reserve_names(im, n))
        return false;
    snprintf(im->where, sizeof im->where, "%s: initializer", im->path);
    for (size_t i = 0; i < p->n_initializer; i++) {
        const char *name = p->initializer[i]->name ? p->initializer[i]->name : "";
        sld_value v = import_tensor(im, p->initializer[i], name);
        if (!v || !define(im, name, v))
            return false;
    }
    for (size_t i = 0; i < p->n_input; i++)
        if (!import_input(im, p->input[i]))
            return false;
    for (size_t i = 0; i < p->n_node; i++)
        if (!import_node(im, p->node[i], i))
            return false;
    for (size_t i = 0; i < p->n_value_info; i++) {
        const char *name = p->value_info[i]->name ? p->value_info[i]->name : "";
        uint32_t k = slot_of(im, name);
        if (im->names.at[k].name && !check_type(im, p->value_info[i], im->names.at[k].value))
            return false;
    }
    snprintf(im->where, sizeof im->where, "%s: graph output", im->path);
    for (size_t i = 0; i < p->n_output; i++) {
        sld_value v;
        if (!lookup(im, p->output[i]->name ? p->output[i]->name : "", &v) || !check_type(im, p->output[i], v) ||
            sld_graph_output(im->g, p->output[i]->name, v))
            return false;
    }
    return p->n_output > 0 || (sld__fail(im->ctx, SLD_ERR_FORMAT, "%s: the model has no output", im->path), false);
}

static bool import_model(importer *im, const Onnx__ModelProto *m)
{
    if (!m->graph)
        return sld__fail(im->ctx, SLD_ERR_FORMAT, "%s: the model has no graph", im->path), false;
    if (!im->vocab)
        return sld__fail(im->ctx, SLD_ERR_OP, "%s: the ruleset has no vocabulary 'onnx'", im->path), false;
    if (m->n_functions)
        return sld__fail(im->ctx, SLD_ERR_FORMAT, "%s: model-local functions are not supported", im->path), false;
    im->g->where = im->where;
    bool ok = read_opset(im, m) && import_graph(im, m->graph) && !sld_graph_sweep(im->g);
    im->g->where = NULL;
    return ok;
}

sld_graph *sld_import_onnx(sld_ctx *ctx, const sld_ruleset *rules, const char *path)
{
    size_t size;
    sld__clear(ctx);
    char *bytes = sld__read_file(ctx, path, &size);
    if (!bytes)
        return NULL;
    ProtobufCAllocator pb = {pb_alloc, pb_free, ctx};
    Onnx__ModelProto *m = onnx__model_proto__unpack(&pb, size, (uint8_t *)bytes);
    sld__free(ctx, bytes);
    if (!m) {
        sld__fail(ctx, SLD_ERR_FORMAT, "%s: not an ONNX model, or a damaged one", path);
        return NULL;
    }
    importer im = {.ctx = ctx, .path = path, .vocab = sld_vocab_find(rules, "onnx"), .g = sld_graph_new(ctx, rules)};
    bool ok = im.g && import_model(&im, m);
    onnx__model_proto__free_unpacked(m, &pb);
    sld__free(ctx, im.names.at);
    if (ok && !sld__starved(ctx))
        return im.g;
    if (!*sld_error(ctx))
        sld__fail(ctx, SLD_ERR_FORMAT, "%s: cannot be imported", path);
    sld_graph_free(im.g);
    return NULL;
}
