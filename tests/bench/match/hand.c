/* The same five fusions as an engine writes them by hand over bare arrays, without types, attributes or use
 * lists: op, number of inputs, first input, use counts, inputs.  And the floor: every array read once.
 *
 *   in place  matches through producers, leaves tombstones and aliases of one step
 *   compact   the same, then moves the survivors together
 *   can_fuse  matches consecutive nodes by op and use count, fuses and compacts in one pass
 *
 * Usage: hand LAYERS RUNS IRREGULAR */
#include "decoder.h"

enum { ALIAS = D_N_OPS, DEAD };

#define NODE(v) ((v) >> 2)
#define V(n, r) ((uint32_t)(n) * 4 + (r))
#define NONE UINT32_MAX
/* Inlined into a pass that holds the arrays in locals, which stores of bytes cannot reach. */
#define INLINE static inline __attribute__((always_inline))

typedef struct graph {
    uint32_t n, pool;  /* nodes, inputs */
    uint8_t *op, *nin;
    uint32_t *off;     /* first input */
    uint32_t *uses;    /* four use counts of 8 bits, one for each result */
    uint32_t *in;      /* D_ARG | index, or V(node, result) */
    uint32_t *value;   /* while building: number of a result -> V */
    uint32_t results, out[2];
} graph;

static void add(void *to, int op, uint32_t n_in, const uint32_t *in, uint32_t n_out)
{
    graph *g = to;
    uint32_t n = g->n++;
    g->op[n] = (uint8_t)op;
    g->nin[n] = (uint8_t)n_in;
    g->off[n] = g->pool;
    g->uses[n] = 0;
    for (uint32_t i = 0; i < n_in; i++) {
        uint32_t v = in[i] & D_ARG ? in[i] : g->value[in[i]];
        g->in[g->pool++] = v;
        if (!(v & D_ARG))
            ((uint8_t *)g->uses)[v]++;
    }
    for (uint32_t i = 0; i < n_out; i++)
        g->value[g->results++] = V(n, i);
}

INLINE uint8_t uses(const graph *g, uint32_t v) { return ((const uint8_t *)g->uses)[v]; }
INLINE bool once(const graph *g, uint32_t v) { return uses(g, v) == 1; }

/* The node that computes v if it is `op`. */
INLINE uint32_t def(const graph *g, uint32_t v, int op)
{
    if (v & D_ARG)
        return NONE;
    return g->op[NODE(v)] == op ? NODE(v) : NONE;
}

INLINE void kill(graph *g, uint32_t n)
{
    g->op[n] = DEAD;
    g->uses[n] = 0;
}

/* Node i becomes the fused op. */
INLINE void become(graph *g, uint32_t i, int op, uint32_t n, const uint32_t *in)
{
    memcpy(g->in + g->pool, in, n * sizeof *in);
    g->off[i] = g->pool;
    g->pool += n;
    g->nin[i] = (uint8_t)n;
    g->op[i] = (uint8_t)op;
}

INLINE void alias(graph *g, uint32_t n, uint32_t to)
{
    ((uint8_t *)g->uses)[to] = uses(g, V(n, 0));
    g->op[n] = ALIAS;
    g->in[g->off[n]] = to;
    g->uses[n] = 0;
}

INLINE bool fuse_ar_add_norm(graph *g, uint32_t i)
{
    const uint32_t *p = g->in + g->off[i];
    uint32_t sum = def(g, p[0], D_add);
    if (sum == NONE)
        return false;
    const uint32_t *q = g->in + g->off[sum];
    uint32_t ar = def(g, q[0], D_allreduce);
    if (ar == NONE || !once(g, q[0]))
        return false;
    become(g, i, D_ar_add_norm, 3, (uint32_t[]){g->in[g->off[ar]], q[1], p[1]});
    alias(g, sum, V(i, 1));
    ((uint8_t *)g->uses)[V(i, 1)]--; /* the norm read it too */
    kill(g, ar);
    return true;
}

INLINE bool fuse_norm_quant(graph *g, uint32_t i)
{
    const uint32_t *p = g->in + g->off[i];
    uint32_t norm = def(g, p[0], D_rms_norm);
    if (norm == NONE || !once(g, p[0]))
        return false;
    const uint32_t *q = g->in + g->off[norm];
    become(g, i, D_norm_quant, 3, (uint32_t[]){q[0], q[1], p[1]});
    kill(g, norm);
    return true;
}

INLINE bool fuse_silu_mul_quant(graph *g, uint32_t i)
{
    const uint32_t *p = g->in + g->off[i];
    uint32_t mul = def(g, p[0], D_mul);
    if (mul == NONE || !once(g, p[0]))
        return false;
    const uint32_t *q = g->in + g->off[mul];
    uint32_t silu = def(g, q[0], D_silu);
    if (silu == NONE || !once(g, q[0]))
        return false;
    become(g, i, D_silu_mul_quant, 3, (uint32_t[]){g->in[g->off[silu]], q[1], p[1]});
    kill(g, mul);
    kill(g, silu);
    return true;
}

/* Result 0 of the fused node is the cache, so that its readers need no change; 1 is q. */
INLINE bool fuse_qk(graph *g, uint32_t i)
{
    const uint32_t *p = g->in + g->off[i];
    uint32_t rope = def(g, p[0], D_rope);
    if (rope == NONE || p[0] != V(rope, 1) || !once(g, p[0]))
        return false;
    const uint32_t *r = g->in + g->off[rope];
    uint32_t nq = def(g, r[0], D_rms_norm), nk = def(g, r[1], D_rms_norm);
    if (nq == NONE || nk == NONE || !once(g, r[0]) || !once(g, r[1]))
        return false;
    uint32_t qv = g->in[g->off[nq]], kv = g->in[g->off[nk]];
    uint32_t vq = def(g, qv, D_heads), vk = def(g, kv, D_heads);
    if (vq == NONE || vk == NONE || !once(g, qv) || !once(g, kv))
        return false;
    uint32_t s = g->in[g->off[vq]], split = def(g, s, D_split3);
    if (split == NONE || s != V(split, 0) || g->in[g->off[vk]] != V(split, 1) || p[1] != V(split, 2) ||
        (g->uses[split] & 0xffffff) != 0x010101)
        return false;
    become(g, i, D_qk_norm_rope_kv, 7, (uint32_t[]){g->in[g->off[split]], g->in[g->off[nq] + 1], g->in[g->off[nk] + 1],
                                                    r[2], r[3], p[2], p[3]});
    alias(g, rope, V(i, 1));
    kill(g, nq), kill(g, nk), kill(g, vq), kill(g, vk), kill(g, split);
    return true;
}

INLINE bool fold_reshape(graph *g, uint32_t i)
{
    uint32_t *p = g->in + g->off[i], first = def(g, p[0], D_reshape);
    if (first == NONE || !once(g, p[0]))
        return false;
    p[0] = g->in[g->off[first]];
    kill(g, first);
    return true;
}

static void in_place(graph *whole)
{
    graph w = *whole, *g = &w;
    for (uint32_t i = 0, n = g->n; i < n; i++) {
        uint32_t *p = g->in + g->off[i];
        for (uint32_t j = 0; j < g->nin[i]; j++)
            if (!(p[j] & D_ARG) && g->op[NODE(p[j])] == ALIAS)
                p[j] = g->in[g->off[NODE(p[j])]];
        switch (g->op[i]) {
        case D_rms_norm: fuse_ar_add_norm(g, i); break;
        case D_quant: (void)(fuse_norm_quant(g, i) || fuse_silu_mul_quant(g, i)); break;
        case D_kv_update: fuse_qk(g, i); break;
        case D_reshape: fold_reshape(g, i); break;
        }
    }
    for (uint32_t k = 0; k < 2; k++)
        if (g->op[NODE(g->out[k])] == ALIAS)
            g->out[k] = g->in[g->off[NODE(g->out[k])]];
    *whole = w;
}

/* Where a node went; its results keep their number behind V. */
static uint32_t *moved, *packed;
#define MOVED(v) ((v) & D_ARG ? (v) : moved[NODE(v)] + ((v) & 3))

static void compact(graph *whole)
{
    graph w = *whole, *g = &w;
    uint32_t to = 0, pool = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        if (g->op[i] >= ALIAS)
            continue;
        uint32_t o = g->off[i], k = g->nin[i];
        for (uint32_t j = 0; j < k; j++)
            packed[pool + j] = MOVED(g->in[o + j]);
        moved[i] = V(to, 0);
        g->op[to] = g->op[i], g->nin[to] = (uint8_t)k, g->off[to] = pool, g->uses[to] = g->uses[i];
        pool += k;
        to++;
    }
    memcpy(g->in, packed, pool * sizeof *packed);
    g->out[0] = MOVED(g->out[0]), g->out[1] = MOVED(g->out[1]);
    g->n = to, g->pool = pool;
    *whole = w;
}

static void both(graph *g)
{
    in_place(g);
    compact(g);
}

/* One fused node at the end of what is written so far. */
INLINE uint32_t emit(graph *g, uint32_t at, int op, uint32_t use, uint32_t n, const uint32_t *in, uint32_t *pool)
{
    g->op[at] = (uint8_t)op, g->nin[at] = (uint8_t)n, g->off[at] = *pool, g->uses[at] = use;
    memcpy(g->in + *pool, in, n * sizeof *in);
    *pool += n;
    return at + 1;
}

#define IN(n) (in + off[n])
#define USE(n, r) (us[n] >> 8 * (r) & 255)

static void can_fuse(graph *whole)
{
    graph w = *whole, *g = &w;
    const uint8_t *op = g->op;
    uint32_t *in = g->in, *off = g->off, *us = g->uses, to = 0, pool = 0, n = g->n;
    for (uint32_t i = 0; i < n;) {
        const uint32_t *p = IN(i);
        switch (op[i]) {
        case D_allreduce:
            if (i + 2 < n && op[i + 1] == D_add && op[i + 2] == D_rms_norm && USE(i, 0) == 1 && IN(i + 1)[0] == V(i, 0) &&
                IN(i + 2)[0] == V(i + 1, 0)) {
                uint32_t t[3] = {MOVED(p[0]), MOVED(IN(i + 1)[1]), MOVED(IN(i + 2)[1])};
                uint32_t use = USE(i + 2, 0) | (USE(i + 1, 0) - 1) << 8;
                moved[i + 1] = V(to, 1), moved[i + 2] = V(to, 0);
                to = emit(g, to, D_ar_add_norm, use, 3, t, &pool);
                i += 3;
                continue;
            }
            break;
        case D_rms_norm:
            if (i + 1 < n && op[i + 1] == D_quant && USE(i, 0) == 1 && IN(i + 1)[0] == V(i, 0)) {
                uint32_t t[3] = {MOVED(p[0]), MOVED(p[1]), MOVED(IN(i + 1)[1])};
                moved[i + 1] = V(to, 0);
                to = emit(g, to, D_norm_quant, us[i + 1], 3, t, &pool);
                i += 2;
                continue;
            }
            break;
        case D_split3:
            if (i + 6 < n && op[i + 1] == D_heads && op[i + 2] == D_heads && op[i + 3] == D_rms_norm &&
                op[i + 4] == D_rms_norm && op[i + 5] == D_rope && op[i + 6] == D_kv_update &&
                (us[i] & 0xffffff) == 0x010101 && USE(i + 1, 0) == 1 && USE(i + 2, 0) == 1 && USE(i + 3, 0) == 1 &&
                USE(i + 4, 0) == 1 && USE(i + 5, 1) == 1 && IN(i + 1)[0] == V(i, 0) && IN(i + 2)[0] == V(i, 1) &&
                IN(i + 3)[0] == V(i + 1, 0) && IN(i + 4)[0] == V(i + 2, 0) && IN(i + 5)[0] == V(i + 3, 0) &&
                IN(i + 5)[1] == V(i + 4, 0) && IN(i + 6)[0] == V(i + 5, 1) && IN(i + 6)[1] == V(i, 2)) {
                const uint32_t *r = IN(i + 5), *c = IN(i + 6);
                uint32_t t[7] = {MOVED(p[0]), MOVED(IN(i + 3)[1]), MOVED(IN(i + 4)[1]), MOVED(r[2]), MOVED(r[3]),
                                 MOVED(c[2]), MOVED(c[3])};
                uint32_t use = USE(i + 6, 0) | USE(i + 5, 0) << 8;
                moved[i + 6] = V(to, 0), moved[i + 5] = V(to, 1);
                to = emit(g, to, D_qk_norm_rope_kv, use, 7, t, &pool);
                i += 7;
                continue;
            }
            break;
        case D_silu:
            if (i + 2 < n && op[i + 1] == D_mul && op[i + 2] == D_quant && USE(i, 0) == 1 && USE(i + 1, 0) == 1 &&
                IN(i + 1)[0] == V(i, 0) && IN(i + 2)[0] == V(i + 1, 0)) {
                uint32_t t[3] = {MOVED(p[0]), MOVED(IN(i + 1)[1]), MOVED(IN(i + 2)[1])};
                moved[i + 2] = V(to, 0);
                to = emit(g, to, D_silu_mul_quant, us[i + 2], 3, t, &pool);
                i += 3;
                continue;
            }
            break;
        case D_reshape: {
            uint32_t j = i;
            while (j + 1 < n && op[j + 1] == D_reshape && USE(j, 0) == 1 && IN(j + 1)[0] == V(j, 0))
                j++;
            uint32_t t = MOVED(p[0]);
            moved[j] = V(to, 0);
            to = emit(g, to, D_reshape, us[j], 1, &t, &pool);
            i = j + 1;
            continue;
        }
        }
        uint32_t k = g->nin[i], o = off[i];
        for (uint32_t j = 0; j < k; j++)
            in[pool + j] = MOVED(in[o + j]);
        moved[i] = V(to, 0);
        g->op[to] = op[i], g->nin[to] = (uint8_t)k, off[to] = pool, us[to] = us[i];
        pool += k;
        to++, i++;
    }
    g->out[0] = MOVED(g->out[0]), g->out[1] = MOVED(g->out[1]);
    g->n = to, g->pool = pool;
    *whole = w;
}

static volatile uint64_t sink;

static void read_all(graph *g)
{
    uint64_t s = 0;
    for (uint32_t i = 0; i < g->n; i++)
        s += g->op[i];
    for (uint32_t i = 0; i < g->n; i++)
        s += g->nin[i];
    for (uint32_t i = 0; i < g->n; i++)
        s += g->off[i];
    for (uint32_t i = 0; i < g->n; i++)
        s += g->uses[i];
    for (uint32_t i = 0; i < g->pool; i++)
        s += g->in[i];
    sink = s;
}

/* The fused node of the cache has its results the other way round. */
static uint64_t value_print(const graph *g, const uint64_t *prints, uint32_t v)
{
    if (v & D_ARG)
        return print_arg(v & ~D_ARG);
    return print_result(prints[NODE(v)], (v & 3) ^ (g->op[NODE(v)] == D_qk_norm_rope_kv));
}

static uint64_t print(const graph *g, uint32_t *left)
{
    uint64_t *prints = calloc(g->n + 1, sizeof *prints), sum = 0, in[8];
    *left = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        if (g->op[i] >= ALIAS)
            continue;
        ++*left;
        for (uint32_t j = 0; j < g->nin[i]; j++)
            in[j] = value_print(g, prints, g->in[g->off[i] + j]);
        sum += prints[i] = print_node(g->op[i], g->nin[i], in);
    }
    for (uint32_t k = 0; k < 2; k++)
        in[k] = value_print(g, prints, g->out[k]);
    free(prints);
    return sum + print_node(D_N_OPS, 2, in);
}

static graph new_graph(uint32_t layers)
{
    uint32_t n = 26 * layers + 4, pool = 68 * layers + 32;
    graph g = {.op = calloc(n, 1), .nin = calloc(n, 1), .off = calloc(n, 4), .uses = calloc(n, 4),
               .in = calloc(pool, 4), .value = calloc(n + 4 * layers, 4)};
    return g;
}

static void copy(graph *to, const graph *from)
{
    memcpy(to->op, from->op, from->n);
    memcpy(to->nin, from->nin, from->n);
    memcpy(to->off, from->off, 4ull * from->n);
    memcpy(to->uses, from->uses, 4ull * from->n);
    memcpy(to->in, from->in, 4ull * from->pool);
    memcpy(to->out, from->out, sizeof to->out);
    to->n = from->n, to->pool = from->pool;
}

int main(int argc, char **argv)
{
    uint32_t layers = argc > 1 ? (uint32_t)atoi(argv[1]) : 94, runs = argc > 2 ? (uint32_t)atoi(argv[2]) : 21;
    bool irregular = argc > 3 && atoi(argv[3]);
    static const struct {
        const char *name;
        void (*run)(graph *g);
    } ways[] = {{"C by hand, in place", in_place}, {"C by hand, in place + compact", both},
                {"C by hand, can_fuse", can_fuse}, {"C, reads every node", read_all}};
    graph source = new_graph(layers), work = new_graph(layers);
    decoder_counts c = decoder_build(&source, add, layers, irregular, source.out);
    source.out[0] = source.value[source.out[0]], source.out[1] = source.value[source.out[1]];
    ((uint8_t *)source.uses)[source.out[0]]++, ((uint8_t *)source.uses)[source.out[1]]++;
    moved = calloc(source.n, sizeof *moved);
    packed = calloc(source.pool, sizeof *packed);
    double *seconds = calloc(runs, sizeof *seconds);
    for (uint32_t k = 0; k < 4; k++) {
        uint32_t left = 0;
        for (uint32_t r = 0; r < runs; r++) {
            copy(&work, &source);
            double start = bench_now();
            ways[k].run(&work);
            seconds[r] = bench_now() - start;
        }
        uint64_t p = print(&work, &left);
        if (k < 3 && left != decoder_left(&c)) {
            fprintf(stderr, "hand: %u nodes left, %u expected\n", left, decoder_left(&c));
            return 1;
        }
        bench_report(ways[k].name, layers, irregular, c.ops, seconds, runs, left, p, 10 + 4.0 * source.pool / c.ops);
    }
    return 0;
}
