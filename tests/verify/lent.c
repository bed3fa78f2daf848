/* See verify.h. The cache of a layer, as an engine lends it: what it must hold follows from the names of operands,
 * results and attributes of the ops that name a layer. Tokens of the batch have slots in no order, some none, now and
 * then one slot together; sequences have blocks in no order. */
#include <stdlib.h>

#include "cache.h"
#include "verify.h"

enum { POOL = 1 << 23 };

typedef struct needs {
    bool any, latent, rows_said;
    uint8_t batch, to, queries; /* dtypes: of the batch, of the cache (0: not said), of latent queries (0: of the batch) */
    int64_t tokens, heads, dim, layout, block;
    int64_t each;               /* rows of a sequence, at most; 0: not said */
    int64_t q_heads, plain, rope, rows, value;
    int64_t width;              /* of rows of latent and turned dims together; 0: not said */
    const char *contents;
    double scale, soft_cap;     /* what the layer's attention is */
    int64_t window;
    bool sinks, by_token;
} needs;

struct vf_lent {
    sld_cache c, view;          /* on the host; as the kernels of a side see it */
    sld_latent latent;
    unsigned char *initial, *memory;
    size_t bytes, between;      /* between: where values begin */
    float scale[2], query_scale;
    int32_t starts[2];
    char *pool;                 /* slots, tables and weights */
    size_t used;
    void *device[16];
    uint32_t n_device;
    size_t tokens, sinks, weights[2]; /* how many; of both latent weights, in bytes */
    sld_latent there;           /* as kernels of a device see it */
    bool repeated;
};

/* ---------------------------------------------------------------------- needs -- */

static const int64_t *operand(const sld_graph *g, sld_node n, const char *name, uint32_t rank)
{
    const sld_op_info *op = sld_node_op(g, n);
    for (uint32_t i = 0; i < op->n_operands && i < g->nodes.at[n].n_in; i++)
        if (!strcmp(op->operands[i].name, name) && sld_operand(g, n, i) && sld_rank(g, sld_operand(g, n, i)) == rank)
            return sld_shape(g, sld_operand(g, n, i));
    return NULL;
}

static const int64_t *result(const sld_graph *g, sld_node n, const char *name, uint32_t rank)
{
    const sld_op_info *op = sld_node_op(g, n);
    for (uint32_t i = 0; i < op->n_results && i < sld_n_results(g, n); i++)
        if (!strcmp(op->results[i].name, name) && sld_rank(g, sld_result(g, n, i)) == rank)
            return sld_shape(g, sld_result(g, n, i));
    return NULL;
}

static const sld_attr *attr(const sld_graph *g, sld_node n, const char *name)
{
    const sld_op_info *op = sld_node_op(g, n);
    for (uint32_t i = 0; i < op->n_attrs; i++)
        if (!strcmp(op->attrs[i].name, name))
            return &sld__call_of(g, n).attrs[i];
    return NULL;
}

/* Attention over rows that say nothing of their parts. */
static void need_ready(needs *k, const sld_graph *g, sld_node n, const int64_t *queries)
{
    k->tokens = queries[0];
    k->q_heads = queries[1];
    k->width = queries[2];
    k->queries = (uint8_t)sld_dtype_of(g, sld_operand(g, n, 0));
}

static void need_latent(needs *k, const sld_graph *g, sld_node n)
{
    const int64_t *kv = operand(g, n, "kv", 2), *pe = operand(g, n, "pe", 3), *q = operand(g, n, "q", 3), *out = operand(g, n, "out", 2);
    const int64_t *ready = operand(g, n, "queries", 3);
    const sld_attr *to = attr(g, n, "to"), *latent = attr(g, n, "latent"), *rope = attr(g, n, "rope"), *contents = attr(g, n, "cache");
    k->latent = true;
    if (ready)
        need_ready(k, g, n, ready);
    k->rows = kv ? kv[1] : latent ? latent->i : k->rows;
    k->rows_said = k->rows_said || kv || latent;
    k->rope = pe ? pe[2] : rope ? rope->i : k->rope;
    k->q_heads = q ? q[1] : k->q_heads;
    k->plain = q ? q[2] - k->rope : k->plain;
    k->value = out && k->q_heads && out[1] % k->q_heads == 0 ? out[1] / k->q_heads : k->value;
    k->queries = to && !out ? (uint8_t)to->i : k->queries; /* of attention it is the dtype of codes */
    k->contents = contents ? contents->s : k->contents;
    k->tokens = kv ? kv[0] : q ? q[0] : k->tokens;
}

/* What a graph was compiled for stands in the type of the cache and in attributes. */
static void need_declared(needs *k, const sld_graph *g, sld_node n, const int64_t *cache)
{
    k->tokens = sld_shape(g, sld_operand(g, n, 0))[0];
    k->q_heads = sld_shape(g, sld_operand(g, n, 0))[1];
    k->layout = cache[1], k->block = cache[2], k->heads = cache[3], k->dim = cache[4];
    k->to = (uint8_t)sld_dtype_of(g, sld_operand(g, n, 1));
    k->scale = attr(g, n, "scale")->f, k->soft_cap = attr(g, n, "soft_cap")->f;
    k->window = attr(g, n, "window")->i, k->sinks = attr(g, n, "sinks")->i, k->by_token = attr(g, n, "scales")->i;
}

static void need_paged(needs *k, const sld_graph *g, sld_node n)
{
    const int64_t *keys = result(g, n, "k", 3), *cache = operand(g, n, "cache", 5);
    if (cache) {
        need_declared(k, g, n, cache);
        return;
    }
    const sld_attr *layout = attr(g, n, "layout"), *block = attr(g, n, "block"), *to = attr(g, n, "to");
    keys = keys ? keys : operand(g, n, "k", 3);
    if (keys)
        k->tokens = keys[0], k->heads = keys[1], k->dim = keys[2];
    if (layout && layout->i && block && to)
        k->layout = layout->i, k->block = block->i, k->to = (uint8_t)to->i;
}

static void look(needs *k, const sld_graph *g)
{
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
        if (!attr(g, n, "layer"))
            continue;
        const sld_attr *each = attr(g, n, "queries");
        k->each = each && (!k->each || each->i < k->each) ? each->i : k->each;
        k->any = true;
        sld_value like = operand(g, n, "out", 2) ? sld_result(g, n, 0) : sld_operand(g, n, 0);
        k->batch = sld_dtype_of(g, like) >= SLD_F16 ? (uint8_t)sld_dtype_of(g, like) : k->batch;
        if (operand(g, n, "kv", 2) || operand(g, n, "queries", 3) || attr(g, n, "latent"))
            need_latent(k, g, n);
        else if (!k->latent)
            need_paged(k, g, n);
    }
}

/* --------------------------------------------------------------------- making -- */

static void *take(vf_lent *t, size_t bytes)
{
    size_t at = (t->used + 15) & ~(size_t)15;
    t->used = at + bytes;
    t->pool = t->pool ? t->pool : calloc(1, POOL);
    return bytes <= POOL && t->used <= POOL ? t->pool + at : NULL;
}

static double number(vf_rng *r) { return vf_unit(r) * 4 - 2; }

static void fill(uint8_t dtype, void *data, size_t n, double size, vf_rng *r)
{
    const sld_tensor t = {.dtype = dtype, .data = data};
    for (size_t i = 0; i < n; i++)
        kern_put(&t, i, size * number(r));
}

static uint8_t cache_dtype(const needs *k, vf_rng *r)
{
    if (k->to)
        return k->to;
    if (k->latent && k->contents)
        return strcmp(k->contents, "auto") ? SLD_F8E4M3FN + (uint8_t)vf_below(r, 2) : k->batch;
    return vf_below(r, 3) ? k->batch : SLD_F8E4M3FN;
}

static void lay_out(vf_lent *t, const needs *k, vf_rng *r)
{
    sld_cache *c = &t->c;
    int64_t layout = k->layout ? k->layout - 1 : vf_below(r, 4), b, h = k->latent ? 1 : k->heads;
    c->dtype = cache_dtype(k, r);
    c->softmax_scale = (float)k->scale, c->soft_cap = (float)k->soft_cap, c->window = k->window;
    c->layout = k->latent ? SLD_CACHE_LATENT : (uint8_t)layout;
    c->block_size = b = k->layout ? k->block : c->layout == SLD_CACHE_SHUFFLE ? 16 : 1 << vf_below(r, 5);
    c->heads = h;
    c->head_size = k->latent ? k->rows + k->rope : k->dim;
    c->blocks = b > 0 ? (k->tokens + b - 1) / b + 2 : 1;
    int64_t d = c->head_size, packed = c->layout == SLD_CACHE_PACKED ? 2 : 1;
    bool first = c->layout == SLD_CACHE_NHD || c->layout == SLD_CACHE_LATENT;
    for (int i = 0; i < 2; i++) {
        c->strides[i][0] = b * h * d * packed;
        c->strides[i][1] = first ? h * d : d * packed;
        c->strides[i][2] = first ? d : b * d * packed;
    }
    size_t half = (size_t)(c->blocks * b * h * d) * kern_size(c->dtype);
    t->bytes = k->latent ? half : 2 * half;
    t->between = packed == 2 ? (size_t)d * kern_size(c->dtype) : half;
}

static bool lend_slots(vf_lent *t, const needs *k, vf_rng *r)
{
    int64_t n = k->tokens, all = t->c.blocks * t->c.block_size, *slots = take(t, (size_t)(n + 1) * 8);
    if (!slots || all < n)
        return false;
    int64_t step = all; /* coprime, so that no slot is met twice */
    while (step > 1 && (all % step == 0 || (step % 2 == 0 && all % 2 == 0) || (step % 3 == 0 && all % 3 == 0)))
        step--;
    int64_t at = vf_below(r, (uint32_t)all);
    for (int64_t i = 0; i < n; i++)
        slots[i] = vf_below(r, 8) ? (at + i * step) % all : -1;
    t->repeated = n > 1 && !vf_below(r, 4);
    if (t->repeated)
        slots[n - 1] = slots[0];
    t->c.slots = slots;
    t->c.n_slots = n && !vf_below(r, 6) ? n - 1 : n;
    return true;
}

/* Every row is a sequence of its own, or all are one. */
static bool lend_sequences(vf_lent *t, const needs *k, vf_rng *r)
{
    sld_cache *c = &t->c;
    bool one = k->tokens && (!k->each || k->tokens <= k->each) && !vf_below(r, 3);
    int64_t n = one ? 1 : k->tokens, width = c->blocks, room = c->blocks * c->block_size;
    int32_t *tables = take(t, (size_t)(n * width + 1) * 4), *lens = take(t, (size_t)(n + 1) * 4);
    if (!tables || !lens)
        return false;
    for (int64_t i = 0; i < n * width; i++)
        tables[i] = (int32_t)vf_below(r, (uint32_t)c->blocks);
    for (int64_t i = 0; i < n; i++)
        lens[i] = (int32_t)(one ? k->tokens + vf_below(r, (uint32_t)(room - k->tokens + 1)) : vf_below(r, (uint32_t)room + 1));
    t->starts[1] = (int32_t)k->tokens;
    c->tables = tables, c->lens = lens, c->sequences = n, c->table_width = width;
    c->starts = one ? t->starts : NULL;
    return true;
}

/* What the layer's attention has besides. */
static bool lend_layer(vf_lent *t, const needs *k, vf_rng *r)
{
    size_t rows = (size_t)(t->c.blocks * t->c.block_size * t->c.heads);
    float *sinks = k->sinks ? take(t, (size_t)(k->q_heads + 1) * sizeof *sinks) : NULL;
    if (sinks)
        fill(SLD_F32, sinks, (size_t)k->q_heads, 1, r);
    t->c.sinks = sinks;
    for (int i = 0; i < 2 && k->by_token; i++) {
        float *by = take(t, (rows + 1) * sizeof *by);
        for (size_t n = 0; by && n < rows; n++)
            by[n] = (float)ldexp(1 + vf_unit(r), -2);
        t->c.token_scales[i] = by;
    }
    return (!k->sinks || sinks) && (!k->by_token || t->c.token_scales[1]);
}

static bool lend_latent(vf_lent *t, const needs *k, vf_rng *r)
{
    sld_latent *l = &t->latent;
    size_t size = kern_size(k->batch), keys = (size_t)(k->q_heads * k->plain * k->rows), values = (size_t)(k->q_heads * k->rows * k->value);
    int32_t *sequence = take(t, (size_t)(k->tokens + 1) * 4), *length = take(t, (size_t)(k->tokens + 1) * 4);
    void *wk = take(t, keys * size), *wv = take(t, values * size);
    if (!sequence || !length || !wk || !wv || k->plain < 0)
        return false; /* or heads are narrower than their turned part */
    fill(k->batch, wk, keys, 0.25, r);
    fill(k->batch, wv, values, 0.25, r);
    for (int64_t i = 0; i < k->tokens; i++) {
        sequence[i] = t->c.starts ? 0 : (int32_t)i;
        length[i] = vf_below(r, 6) ? (int32_t)vf_below(r, (uint32_t)(t->c.blocks * t->c.block_size)) + 1 : 0;
    }
    t->query_scale = 0.5f;
    *l = (sld_latent){.query_dtype = k->queries ? k->queries : k->batch, .heads = k->q_heads, .plain = k->plain,
                      .latent = k->rows, .value = k->value, .keys = wk, .values = wv, .query_scale = &t->query_scale,
                      .softmax_scale = 0.125, .blocks = t->c.tables, .sequences = t->c.sequences, .width = t->c.table_width,
                      .sequence = sequence, .length = length, .n_tokens = k->tokens && !vf_below(r, 6) ? k->tokens - 1 : k->tokens};
    t->weights[0] = keys * size, t->weights[1] = values * size;
    t->c.latent = l;
    return true;
}

vf_lent *vf_lent_make(const sld_graph *left, const sld_graph *right, vf_rng *r, const char **bad)
{
    needs k = {0};
    look(&k, left);
    look(&k, right);
    *bad = NULL;
    if (!k.any)
        return NULL;
    if (!k.rows_said && k.width)
        k.rope = k.width > 64 ? 64 : k.width / 2, k.rows = k.width - k.rope, k.plain = 1 + vf_below(r, 8);
    vf_lent *t = calloc(1, sizeof *t);
    lay_out(t, &k, r);
    t->tokens = (size_t)k.tokens, t->sinks = (size_t)k.q_heads;
    t->scale[0] = 0.5f, t->scale[1] = 0.25f;
    t->c.scale[0] = &t->scale[0], t->c.scale[1] = &t->scale[1];
    bool pieces = t->c.layout != SLD_CACHE_SHUFFLE ||
                  (t->c.head_size % cache_piece(&t->c) == 0 && t->c.block_size % cache_piece(&t->c) == 0);
    bool fits = pieces && t->c.block_size > 0 && t->bytes < 1 << 26 && kern_size(t->c.dtype) && t->c.dtype >= SLD_F8E4M3FN;
    if (fits) {
        t->initial = malloc(t->bytes + 1);
        t->memory = malloc(t->bytes + 1);
        fill(t->c.dtype, t->initial, t->bytes / kern_size(t->c.dtype), 1, r);
    }
    if (!fits || !lend_slots(t, &k, r) || !lend_sequences(t, &k, r) || !lend_layer(t, &k, r) || (k.latent && k.q_heads && !lend_latent(t, &k, r))) {
        *bad = "there can be no such cache";
        vf_lent_free(t);
        return NULL;
    }
    return t;
}

bool vf_lent_races(const vf_lent *t) { return t && t->repeated; }
const sld_cache *vf_lent_cache(const vf_lent *t) { return t ? &t->c : NULL; }

void vf_lent_free(vf_lent *t)
{
    if (!t)
        return;
    free(t->initial);
    free(t->memory);
    free(t->pool);
    free(t);
}

/* The largest value of a head of keys and values, which scales multiply. */
static double largest_value(const vf_lent *t, size_t head)
{
    const sld_cache *c = &t->c;
    int which = c->latent ? CACHE_KEY : CACHE_VALUE;
    const sld_tensor cells = {.dtype = c->dtype, .data = t->memory + (which ? t->between : 0)};
    double most = 0;
    for (int64_t slot = 0; slot < c->blocks * c->block_size; slot++)
        for (size_t i = 0; i < (size_t)c->head_size; i++) {
            double x = fabs(kern_get(&cells, cache_at(c, which, slot, head, i)));
            x *= c->token_scales[1] ? c->token_scales[1][slot * c->heads] : cache_scale(c, which);
            most = isfinite(x) ? fmax(most, x) : most;
        }
    return most;
}

/* What latent rows whose elements are off by one lose in values, sums of which grow as their root. */
static double norm_of_weights(const vf_lent *t, size_t head, uint8_t dtype)
{
    const sld_latent *l = &t->latent;
    const sld_tensor w = {.dtype = dtype, .data = (void *)(uintptr_t)l->values};
    double most = 0;
    for (int64_t v = 0; v < l->value; v++) {
        double sum = 0;
        for (int64_t k = 0; k < l->latent; k++)
            sum += pow(kern_get(&w, (head * (size_t)l->latent + (size_t)k) * (size_t)l->value + (size_t)v), 2);
        most = fmax(most, sqrt(sum));
    }
    return most;
}

double vf_lent_weighed(const vf_lent *t, size_t head, size_t heads, uint8_t dtype)
{
    size_t kv = (size_t)t->c.heads;
    if (t->c.latent)
        return largest_value(t, 0) * norm_of_weights(t, head, dtype);
    return largest_value(t, heads >= kv && kv ? head / (heads / kv) : 0);
}

/* ------------------------------------------------------------ for one run -- */

/* A copy where kernels run. */
static const void *move(vf_lent *t, sld_device *d, const void *from, size_t bytes)
{
    void *at = NULL;
    if (!from || sld__device_api(d)->alloc(sld__device_of(d), bytes + 1, &at))
        return NULL;
    t->device[t->n_device++] = at;
    sld__device_api(d)->upload(sld__device_of(d), at, from, bytes);
    return at;
}

static void move_latent(vf_lent *t, sld_device *d)
{
    const sld_latent *l = &t->latent;
    size_t tokens = t->tokens * 4;
    t->there = *l;
    t->there.keys = move(t, d, l->keys, t->weights[0]);
    t->there.values = move(t, d, l->values, t->weights[1]);
    t->there.query_scale = move(t, d, l->query_scale, sizeof(float));
    t->there.blocks = t->view.tables;
    t->there.sequence = move(t, d, l->sequence, tokens);
    t->there.length = move(t, d, l->length, tokens);
    t->view.latent = &t->there;
}

/* What kernels read stands where they run. */
static void move_all(vf_lent *t, sld_device *d)
{
    const sld_cache *c = &t->c;
    size_t scales = (size_t)(c->blocks * c->block_size * c->heads) * sizeof(float);
    t->view.slots = move(t, d, c->slots, (size_t)c->n_slots * 8);
    t->view.scale[0] = move(t, d, t->scale, sizeof t->scale);
    t->view.scale[1] = t->view.scale[0] + 1;
    t->view.scales_on_device = true;
    t->view.tables = move(t, d, c->tables, (size_t)(c->sequences * c->table_width) * 4);
    t->view.lens = move(t, d, c->lens, (size_t)c->sequences * 4);
    t->view.starts = move(t, d, c->starts, sizeof t->starts);
    t->view.sinks = move(t, d, c->sinks, t->sinks * sizeof(float));
    for (int i = 0; i < 2; i++)
        t->view.token_scales[i] = move(t, d, c->token_scales[i], scales);
    if (c->latent)
        move_latent(t, d);
}

static const sld_cache *find(void *of, const char *layer)
{
    (void)layer;
    return &((vf_lent *)of)->view;
}

void vf_lent_place(vf_lent *t, sld_plan *p)
{
    sld_device *d = p->device;
    memcpy(t->memory, t->initial, t->bytes);
    t->view = t->c;
    unsigned char *memory = d ? (unsigned char *)(uintptr_t)move(t, d, t->memory, t->bytes) : t->memory;
    t->view.data[0] = memory;
    t->view.data[1] = memory + t->between;
    if (d)
        move_all(t, d);
    sld_plan_set_caches(p, (sld_caches){find, t});
}

/* What the cache holds, in the order of slots whatever its layout. */
void vf_lent_take(vf_lent *t, sld_plan *p, vf_results *out)
{
    const sld_cache *c = &t->c;
    sld_device *d = p->device;
    int64_t slots = c->blocks * c->block_size, kinds = c->layout == SLD_CACHE_LATENT ? 1 : 2;
    size_t size = kern_size(c->dtype), at = 0;
    if (d)
        sld__device_api(d)->download(sld__device_of(d), t->memory, t->view.data[0], t->bytes);
    for (; d && t->n_device; t->n_device--)
        sld__device_api(d)->release(sld__device_of(d), t->device[t->n_device - 1]);
    sld_dim *dims = malloc(4 * sizeof *dims);
    memcpy(dims, (sld_dim[]){kinds, slots, c->heads, c->head_size}, 4 * sizeof *dims);
    unsigned char *data = malloc((size_t)(kinds * slots * c->heads * c->head_size) * size + 1);
    for (int which = 0; which < kinds; which++)
        for (int64_t s = 0; s < slots; s++)
            for (int64_t i = 0; i < c->heads * c->head_size; i++, at += size)
                memcpy(data + at, t->memory + (which ? t->between : 0) +
                       cache_at(c, which, s, (size_t)(i / c->head_size), (size_t)(i % c->head_size)) * size, size);
    out->at[out->n++] = (sld_tensor){.dtype = c->dtype, .rank = 4, .dims = dims, .data = data};
}
