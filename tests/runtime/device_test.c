/* Plans for a device against the reference kernels: the backend is the emulation of a GPU, loaded as a real one is. */
#include <check.h>
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "graph.h"
#include "plan.h"
#include "sld_device.h"
#include "../kernels/latent.h"

Suite *device_suite(void);
const sld_ruleset *sld_ruleset_solder(void);

static sld_device *open_emulation(sld_ctx *ctx)
{
    const char *library = getenv("SOLDER_EMU");
    ck_assert(library && !setenv("SOLDER_DEVICE", library, 1));
    sld_device *d = sld_device_open(ctx, 0);
    ck_assert_msg(d != NULL, "%s", sld_error(ctx));
    return d;
}

/* ------------------------------------------------------------------ numbers -- */

static size_t bytes_of(const sld_graph *g, sld_value v)
{
    size_t n = sld_dtype_size((sld_dtype)sld_dtype_of(g, v));
    for (uint32_t k = 0; k < sld_rank(g, v); k++)
        n *= (size_t)sld_shape(g, v)[k];
    return n;
}

static double element(const sld_tensor *t, size_t i)
{
    switch (t->dtype) {
    case SLD_BF16: return sld_bf16_to_f32(((uint16_t *)t->data)[i]);
    case SLD_F16: return sld_f16_to_f32(((uint16_t *)t->data)[i]);
    case SLD_F8E4M3FN: return sld_f8e4m3fn_to_f32(((uint8_t *)t->data)[i]);
    case SLD_F8E4M3FNUZ: return sld_f8e4m3fnuz_to_f32(((uint8_t *)t->data)[i]);
    default: return ((float *)t->data)[i];
    }
}

/* Numbers around 0; positive ones of f32, which are scales; positions. */
static void *random_input(const sld_graph *g, sld_value v, uint32_t *seed)
{
    size_t size = bytes_of(g, v), n = size / sld_dtype_size((sld_dtype)sld_dtype_of(g, v));
    void *p = calloc(1, size + 1);
    for (size_t i = 0; i < n; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        float x = (float)(int32_t)*seed * 0x1p-30f;
        switch (sld_dtype_of(g, v)) {
        case SLD_BF16: ((uint16_t *)p)[i] = sld_f32_to_bf16(x); break;
        case SLD_F16: ((uint16_t *)p)[i] = sld_f32_to_f16(x); break;
        case SLD_I64: ((int64_t *)p)[i] = *seed >> 20 & 7; break;
        default: ((float *)p)[i] = 0.01f + fabsf(x) / 8;
        }
    }
    return p;
}

/* Two neighbours of the dtype apart at most; FP8: one code. Where terms cancel, the largest element tells how far. */
static double distance(const sld_tensor *a, const sld_tensor *b)
{
    size_t n = 1;
    double most = 0, top = 1e-30, step = a->dtype == SLD_BF16 ? 0x1p-7 : a->dtype == SLD_F16 ? 0x1p-10 : a->dtype == SLD_F32 ? 0x1p-7 : 0x1p-3;
    for (uint32_t k = 0; k < a->rank; k++)
        n *= (size_t)a->dims[k];
    for (size_t i = 0; i < n; i++)
        top = fmax(top, fabs(element(b, i)));
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(element(a, i) - element(b, i)) / (step * fmax(fabs(element(b, i)), top / 64)));
    return most;
}

/* ------------------------------------------------------------------- caches -- */

/* In memory that both sides reach, as the device's is that of the host here. */
typedef struct layer {
    sld_cache c;
    _Alignas(16) uint16_t keys[4096], values[4096];
    int64_t slots[8];
    int32_t tables[10], lens[5];
    float sinks[8], scales[2];
} layer;

/* Of 16 bits token by token or shuffled, of 8 with scales of the host or of the device. */
enum kind { TOKENS, SHUFFLED, HOST_SCALES, DEVICE_SCALES, KINDS };
static const uint8_t dtypes[KINDS] = {SLD_BF16, SLD_BF16, SLD_F8E4M3FN, SLD_F8E4M3FNUZ};

static const sld_cache *find(void *user, const char *name)
{
    layer *l = user;
    return strcmp(name, "l0") ? NULL : &l->c;
}

static sld_caches cache_of(layer *l, enum kind kind)
{
    *l = (layer){.c = {.layout = kind == SHUFFLED ? SLD_CACHE_SHUFFLE : SLD_CACHE_NHD, .dtype = dtypes[kind], .blocks = 2,
                       .block_size = 16, .heads = 2, .head_size = 64, .strides = {{2048, 128, 64}, {2048, 128, 64}}, .n_slots = 5},
                 .scales = {0.5f, 0.25f}};
    const int64_t slots[] = {17, -1, 3, 4, 31};
    memcpy(l->slots, slots, sizeof slots);
    const int32_t tables[] = {1, 0, -1, -1, 0, 1, 1, -1, 0, -1}, lens[] = {18, 0, 32, 7, 1};
    memcpy(l->tables, tables, sizeof tables);
    memcpy(l->lens, lens, sizeof lens);
    sld_tensor keys = {.dtype = dtypes[kind], .data = l->keys}, values = {.dtype = dtypes[kind], .data = l->values};
    for (size_t i = 0; i < 4096; i++) {
        kern_put(&keys, i, (double)(i * 37 % 101) / 50 - 1);
        kern_put(&values, i, (double)(i * 53 % 97) / 48 - 1);
    }
    l->c.data[0] = l->keys, l->c.data[1] = l->values, l->c.slots = l->slots;
    l->c.sequences = 5, l->c.table_width = 2, l->c.tables = l->tables, l->c.lens = l->lens;
    for (int k = 0; k < 2 && kind >= HOST_SCALES; k++)
        l->c.scale[k] = &l->scales[k];
    l->c.scales_on_device = kind == DEVICE_SCALES;
    return (sld_caches){find, l};
}

/* -------------------------------------------------------------------- graphs -- */

/* LAYOUT in a text stands for that of the cache, and CACHED for its dtype. */
typedef struct graph { const char *name, *text; int steps; } graph; /* neighbours of the dtype that results may be apart */
enum { ON_HOST, USUAL = 2, WEIGHTS = 8 }; /* some launch is the host's; scores and weights are rounded on their way */
#define IN(name, type) "input %" name " : " type "\n"
#define OUT(name) "output " name " = %" name "\n"
static const graph graphs[] = {
    {"rms_norm", IN("x", "bf16[5, 4096]") IN("w", "bf16[4096]") "%y = rms_norm(%x, %w; eps = 1e-05)\n" OUT("y"), USUAL},
    {"add_rms_norm", IN("x", "f16[3, 2080]") IN("r", "f16[3, 2080]") IN("w", "f16[2080]")
     "%y, %s = add_rms_norm(%x, %r, %w; eps = 1e-05)\n" OUT("y") OUT("s"), USUAL},
    {"add_rms_norm_static_quant", IN("x", "bf16[3, 256]") IN("r", "bf16[3, 256]") IN("w", "bf16[256]") IN("scale", "f32[]")
     "%q, %y, %s = add_rms_norm_static_quant(%x, %r, %w, %scale; eps = 1e-05, to = f8e4m3fnuz)\n" OUT("q") OUT("s"), USUAL},
    {"rms_norm_group_quant", IN("x", "bf16[3, 512]") IN("w", "bf16[512]")
     "%q, %s, %y = rms_norm_group_quant(%x, %w; eps = 1e-05, centred = true, group = 128, to = f8e4m3fn)\n" OUT("q") OUT("s") OUT("y"),
     USUAL},
    {"rms_norm_token_quant", IN("x", "bf16[3, 528]") IN("w", "bf16[528]")
     "%q, %s, %y = rms_norm_group_quant(%x, %w; eps = 1e-05, group = 528, to = f8e4m3fn)\n" OUT("q") OUT("s"), USUAL},
    {"gated", IN("x", "bf16[5, 3, 128]") IN("w", "bf16[128]") IN("z", "bf16[5, 3, 128]")
     "%q, %s, %y = gated_rms_norm_group_quant(%x, %w, %z; eps = 1e-05, to = f8e4m3fn)\n" OUT("q") OUT("s") OUT("y"), USUAL},
    {"act", IN("x", "bf16[5, 512]") "%q, %s, %y = act_and_mul_group_quant(%x; act = silu, group = 128, to = f8e4m3fn)\n"
     OUT("q") OUT("s") OUT("y"), USUAL},
    {"act and quantiser", IN("x", "f16[5, 512]") IN("scale", "f32[]") "%y = silu_and_mul(%x)\n"
     "%q = static_quant(%y, %scale; to = f8e4m3fnuz)\n%p, %s = group_quant(%y; group = 128, to = f8e4m3fn)\n"
     OUT("q") OUT("p") OUT("s"), USUAL},
    {"moves", IN("x", "bf16[6, 40]") IN("y", "bf16[6, 8]") "%a, %b = split(%x; sizes = [16, 24], axis = -1)\n"
     "%c = concat(%b, %y, %a; axis = -1)\n%d = transpose(%c; perm = [1, 0])\n"
     "%e = slice(%d; axes = [-2, -1], starts = [3, 0], ends = [33, 6], steps = [2, 3])\n"
     "%f = slice(%x; axes = [0], starts = [1], ends = [5])\n%g, %h = split(%f; sizes = [1, 3], axis = 0)\n"
     "%i = concat(%h, %g, %h; axis = 0)\n%j, %k = split(%x; sizes = [0, 40], axis = -1)\n" OUT("k") OUT("c") OUT("d") OUT("e") OUT("g") OUT("i"), USUAL},
    {"moves of as many dims as there may be", IN("x", "bf16[1, 2, 1, 1, 3, 1, 2, 4]") "%a, %b = split(%x; sizes = [1, 3], axis = 7)\n"
     "%c = concat(%b, %a; axis = -1)\n" OUT("b") OUT("c"), USUAL},
    {"product of many rows", IN("x", "bf16[2, 5, 48]") IN("m", "bf16[48, 8]") "%y = matmul(%x, %m)\n" OUT("y"), USUAL},
    {"products", IN("x", "bf16[5, 64]") IN("w", "bf16[48, 64]") IN("bias", "bf16[48]") IN("m", "bf16[48, 8]")
     "%y = linear(%x, %w, %bias)\n%z = matmul(%y, %m)\n%t = add(%z, %z)\n" OUT("y") OUT("t"), USUAL},
    {"batched product", IN("x", "f16[3, 5, 16]") IN("w", "f16[3, 16, 8]") "%y = matmul(%x, %w)\n" OUT("y"), USUAL},
    {"rotation", IN("p", "i64[5]") IN("q", "bf16[5, 512]") IN("k", "bf16[5, 128]") IN("t", "bf16[9, 32]")
     "%q1, %k1 = rotary_embedding(%p, %q, %k, %t; head_size = 64, neox = false)\n" OUT("q1") OUT("k1"), USUAL},
    {"qk norm", IN("x", "bf16[5, 768]") IN("wq", "bf16[64]") IN("wk", "bf16[64]") IN("p", "i64[5]") IN("t", "bf16[9, 64]")
     "%q, %k, %v = qk_norm_rotary(%x, %wq, %wk, %p, %t; kv_heads = 2, eps = 1e-06, eps_k = 1e-05, centred = true, neox = true)\n"
     OUT("q") OUT("k") OUT("v"), USUAL},
    {"qk norm and cache", IN("x", "bf16[5, 768]") IN("wq", "bf16[64]") IN("wk", "bf16[64]") IN("p", "i64[5]") IN("t", "bf16[9, 64]")
     "%q, %k, %v, %d, %c = qk_norm_rope_cache(%x, %wq, %wk, %p, %t; kv_heads = 2, eps = 1e-06, eps_k = 1e-05, neox = true, "
     "layer = \"l0\")\n" OUT("q") OUT("k") OUT("v"), USUAL},
    {"cache alone", IN("k", "bf16[5, 2, 64]") IN("v", "bf16[5, 2, 64]") "%d, %c = kv_cache_update(%k, %v; layer = \"l0\")\n"
     "%y = add(%k, %v)\n" OUT("y"), USUAL},
    {"rotation and cache", IN("x", "bf16[5, 768]") IN("p", "i64[5]") IN("t", "bf16[9, 64]")
     "%q, %k, %v, %d, %c = rope_cache(%x, %p, %t; kv_heads = 2, head_size = 64, neox = true, layer = \"l0\")\n" OUT("q") OUT("k"), USUAL},
    {"attention", IN("k", "bf16[5, 2, 64]") IN("v", "bf16[5, 2, 64]") IN("q", "bf16[5, 8, 64]")
     "%d, %c = kv_cache_update(%k, %v; layer = \"l0\", layout = LAYOUT, block = 16, to = CACHED)\n"
     "%o = decode_attention(%q, %c; layer = \"l0\", layout = LAYOUT)\n" OUT("o"), WEIGHTS},
    {"on the host in between", IN("x", "bf16[5, 64]") "%a = add(%x, %x)\n%b = softmax(%a; axis = -1)\n%c = add(%b, %b)\n" OUT("c"),
     ON_HOST},
    {"nothing", IN("x", "bf16[0, 64]") "%a = add(%x, %x)\n" OUT("a"), USUAL},
};
enum { N_GRAPHS = sizeof graphs / sizeof *graphs };

typedef struct side { sld_plan *plan; layer *layer; sld_tensor out[8]; } side;

static void compare(const sld_graph *g, const graph *t, side *a, side *b, const void *const *inputs)
{
    const char *name = t->name;
    ck_assert_msg(!sld_plan_run(a->plan, inputs, a->out), "%s: %s", name, sld_error(g->ctx));
    ck_assert_msg(!sld_plan_run(b->plan, inputs, b->out), "%s: %s", name, sld_error(g->ctx));
    for (uint32_t i = 0; i < g->outputs.n; i++) {
        double d = distance(&a->out[i], &b->out[i]);
        ck_assert_msg(d <= (t->steps ? t->steps : USUAL), "%s: output %u is %g steps away", name, i, d);
    }
    for (size_t i = 0; i < 4096; i++) {
        const uint8_t dtype = a->layer->c.dtype;
        sld_tensor x = {.dtype = dtype, .data = a->layer->keys}, y = {.dtype = dtype, .data = b->layer->keys};
        double most = dtype == SLD_BF16 ? 0x1p-5 : fmax(fabs(element(&y, i)), 0x1p-6) / 8;
        ck_assert_msg(fabs(element(&x, i) - element(&y, i)) <= most, "%s: key %zu", name, i);
    }
    ck_assert_mem_eq(a->layer->values, b->layer->values, sizeof a->layer->values);
}

static void write_text(char *out, size_t size, const char *text, enum kind kind)
{
    size_t n = (size_t)snprintf(out, size, "solder 1\n");
    while (*text) {
        bool layout = !strncmp(text, "LAYOUT", 6), cached = !strncmp(text, "CACHED", 6);
        n += (size_t)snprintf(out + n, size - n, "%.*s", layout || cached ? 10 : 1,
                              layout ? kind == SHUFFLED ? "shuffle" : "nhd" : cached ? sld_dtype_name(dtypes[kind]) : text);
        text += layout || cached ? 6 : 1;
    }
}

/* Three runs: launch by launch, captured, and once more with other inputs. */
static void run_graph(const graph *t, enum kind kind)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_device *d = open_emulation(ctx);
    char text[2000];
    write_text(text, sizeof text, t->text, kind);
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), t->name, text, strlen(text));
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    static layer layers[2];
    side a = {.plan = sld_plan_new_on(g, d, NULL), .layer = &layers[0]};
    ck_assert_msg(a.plan != NULL, "%s: %s", t->name, sld_error(ctx));
    side b = {.plan = sld_plan_new(g, SLD_TARGET_REF, NULL), .layer = &layers[1]};
    ck_assert_msg(b.plan != NULL, "%s: %s", t->name, sld_error(ctx));
    ck_assert_uint_eq(sld_plan_get_info(a.plan).n_host, t->steps == ON_HOST);
    sld_plan_set_caches(a.plan, cache_of(a.layer, kind));
    sld_plan_set_caches(b.plan, cache_of(b.layer, kind));
    void *inputs[8] = {NULL};
    uint32_t seed = 7;
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < g->inputs.n; i++) {
            free(inputs[i]);
            inputs[i] = random_input(g, g->inputs.at[i], &seed);
        }
        compare(g, t, &a, &b, (const void *const *)inputs);
        if (!round)
            ck_assert_msg((sld_plan_capture(a.plan) == SLD_OK) == (t->steps != ON_HOST) && !a.plan->captured == (t->steps == ON_HOST),
                          "%s: %s", t->name, sld_error(ctx));
        if (!round && t->steps == ON_HOST)
            ck_assert_str_eq(sld_error(ctx), "node 'b' (softmax): sld_cpu_softmax runs on the host, so the plan cannot be captured");
    }
    /* What is not given stands where it was left. */
    const void *none[8] = {NULL};
    ck_assert_int_eq(sld_plan_run(a.plan, none, a.out), SLD_OK);
    for (uint32_t i = 0; i < g->outputs.n; i++)
        ck_assert(distance(&a.out[i], &b.out[i]) <= (t->steps ? t->steps : USUAL));
    for (uint32_t i = 0; i < g->inputs.n; i++)
        free(inputs[i]);
    sld_plan_free(a.plan);
    sld_plan_free(b.plan);
    sld_graph_free(g);
    sld_device_close(d);
    sld_ctx_free(ctx);
}

START_TEST(like_the_reference)
{
    for (enum kind kind = 0; kind < KINDS; kind++)
        run_graph(&graphs[_i], kind);
}
END_TEST

/* The cache lies otherwise than the graph says. */
START_TEST(another_layout)
{
    const graph *t = graphs;
    while (strcmp(t->name, "attention"))
        t++;
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_device *d = open_emulation(ctx);
    char text[2000];
    static layer lent;
    write_text(text, sizeof text, t->text, TOKENS);
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), t->name, text, strlen(text));
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    sld_plan *p = sld_plan_new_on(g, d, NULL);
    ck_assert_msg(p != NULL, "%s", sld_error(ctx));
    void *inputs[8] = {NULL};
    uint32_t seed = 7;
    for (uint32_t i = 0; i < g->inputs.n; i++)
        inputs[i] = random_input(g, g->inputs.at[i], &seed);
    sld_tensor out[8];
    for (enum kind kind = TOKENS; kind < KINDS; kind++) {
        sld_plan_set_caches(p, cache_of(&lent, kind));
        ck_assert_int_eq(sld_plan_run(p, (const void *const *)inputs, out) == SLD_OK, kind == TOKENS);
        ck_assert_msg(kind == TOKENS || strstr(sld_error(ctx), "the cache has another"), "%s", sld_error(ctx));
    }
    for (uint32_t i = 0; i < g->inputs.n; i++)
        free(inputs[i]);
    sld_plan_free(p);
    sld_graph_free(g);
    sld_device_close(d);
    sld_ctx_free(ctx);
}
END_TEST

/* What is infinite becomes the largest that the format has. */
START_TEST(infinities_are_quantised)
{
    static const char text[] = "solder 1\ninput %x : bf16[128]\nconst %s : f32[] = 0.03\n"
                               "%q = static_quant(%x, %s; to = f8e4m3fn)\noutput q = %q\n";
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_device *d = open_emulation(ctx);
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "infinities", text, sizeof text - 1);
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    sld_plan *p = sld_plan_new_on(g, d, NULL);
    uint16_t x[128];
    sld_tensor in = {.dtype = SLD_BF16, .data = x}, out;
    for (size_t i = 0; i < 128; i++)
        kern_put(&in, i, i % 3 == 0 ? INFINITY : i % 3 == 1 ? -INFINITY : NAN);
    ck_assert_msg(p && sld_plan_get_info(p).n_host == 0 && !sld_plan_run(p, (const void *const[]){x}, &out), "%s", sld_error(ctx));
    for (size_t i = 0; i < 128; i++)
        ck_assert_uint_eq(((uint8_t *)out.data)[i], i % 3 == 0 ? 0x7e : i % 3 == 1 ? 0xfe : 0x7f);
    sld_plan_free(p);
    sld_graph_free(g);
    sld_device_close(d);
    sld_ctx_free(ctx);
}
END_TEST

/* ---------------------------------------------------------- latent attention -- */

/* From a projection to attention, in one op for queries and cache, and in steps. */
typedef struct chain { const char *name, *ops; uint8_t cache; } chain;
#define FRONT \
    IN("x", "bf16[5, 672]") IN("wq", "bf16[96]") IN("wk", "bf16[512]") IN("up", "bf16[96, 384]") IN("p", "i64[5]") IN("t", "bf16[40, 64]") \
    IN("s", "f32[1]") IN("b", "bf16[5, 64]") "%q0, %kv, %e = mla_dual_rms_norm(%x, %wq, %wk; eps = 1e-06, eps_kv = 1e-05)\n" \
    "%q1 = matmul(%q0, %up)\n%q = reshape(%q1; shape = [5, 2, 192])\n%pe = reshape(%e; shape = [5, 1, 64])\n"
static const chain chains[] = {
    {"joined", FRONT "%r, %d = mla_decode_queries(%q, %kv, %pe, %p, %t, %s; neox = true, layer = \"l0\", cache = \"auto\", to = bf16)\n"
     "%o = paged_latent_attention(%r, %b, %d; layer = \"l0\")\n" OUT("o"), SLD_BF16},
    {"joined, f8", FRONT "%r, %d = mla_decode_queries(%q, %kv, %pe, %p, %t, %s; neox = false, layer = \"l0\", cache = \"fp8\", "
     "to = f8e4m3fn)\n%o = paged_latent_attention(%r, %b, %d; layer = \"l0\")\n" OUT("o"), SLD_U8},
    {"rotation and cache", FRONT "%qt, %pt, %d = mla_rope_cache(%q, %kv, %pe, %p, %t, %s; neox = false, layer = \"l0\", cache = \"auto\")\n"
     "%o = paged_mla_attention(%qt, %kv, %pt, %b, %d; layer = \"l0\")\n" OUT("qt") OUT("pt") OUT("o"), SLD_BF16},
    {"cache alone, f8", FRONT "%d = mla_kv_cache_update(%kv, %pe, %s; layer = \"l0\", cache = \"fp8\")\n"
     "%r = mla_latent_queries(%q; layer = \"l0\", latent = 512, rope = 64, to = f8e4m3fn)\n"
     "%o = paged_latent_attention(%r, %b, %d; layer = \"l0\")\n" OUT("o"), SLD_U8},
};
enum { N_CHAINS = sizeof chains / sizeof *chains };

/* Of all elements, relative to the norm. */
static double apart(const sld_tensor *a, const sld_tensor *b)
{
    double off = 0, size = 1e-30;
    for (size_t i = 0; i < kern_numel(a); i++)
        off += pow(element(a, i) - element(b, i), 2), size += pow(element(b, i), 2);
    return sqrt(off / size);
}

/* Scales are the host's, or the device's. */
START_TEST(latent_attention)
{
    const chain *t = &chains[_i / 2];
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_device *d = open_emulation(ctx);
    char text[2000];
    snprintf(text, sizeof text, "solder 1\n%s", t->ops);
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), t->name, text, strlen(text));
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    sld_plan *plans[2] = {sld_plan_new_on(g, d, NULL), sld_plan_new(g, SLD_TARGET_REF, NULL)};
    latent_batch batches[2];
    sld_tensor out[2][4];
    for (int i = 0; i < 2; i++) {
        ck_assert_msg(plans[i] != NULL, "%s: %s", t->name, sld_error(ctx));
        batches[i] = latent_new((latent_dims){5, 2, 128, 64, 512, 32, 16, SLD_BF16, t->cache,
                                              t->cache == SLD_U8 ? SLD_F8E4M3FN : SLD_BF16, 0.03125f, 0.125f}, 2, 4);
        sld_plan_set_caches(plans[i], latent_lend(&batches[i]));
    }
    batches[0].cache.c.scales_on_device = _i % 2;
    ck_assert_uint_eq(sld_plan_get_info(plans[0]).n_host, 0);
    void *inputs[8];
    uint32_t seed = 7;
    for (uint32_t i = 0; i < g->inputs.n; i++)
        inputs[i] = random_input(g, g->inputs.at[i], &seed);
    *(float *)inputs[6] = 0.03125f;
    const sld_latent *lent = batches[0].cache.c.latent;
    batches[0].cache.c.latent = NULL;
    ck_assert_int_eq(sld_plan_run(plans[0], (const void *const *)inputs, out[0]), SLD_ERR_KERNEL);
    ck_assert_msg(strstr(sld_error(ctx), "lends") != NULL, "%s: %s", t->name, sld_error(ctx));
    batches[0].cache.c.latent = lent;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 2; i++)
            ck_assert_msg(!sld_plan_run(plans[i], (const void *const *)inputs, out[i]), "%s: %s", t->name, sld_error(ctx));
        for (uint32_t i = 0; i < g->outputs.n; i++)
            ck_assert_msg(apart(&out[0][i], &out[1][i]) < 1e-2, "%s: output %u is %g away", t->name, i, apart(&out[0][i], &out[1][i]));
        ck_assert_msg(!sld_plan_capture(plans[0]), "%s: %s", t->name, sld_error(ctx));
    }
    const sld_cache *c = &batches[0].cache.c;
    size_t n = (size_t)(c->blocks * c->block_size * 576);
    sld_tensor cells[2] = {{.dtype = latent_contents(t->cache), .rank = 1, .dims = (int64_t[]){(int64_t)n}, .data = c->data[0]}, {0}};
    cells[1] = cells[0], cells[1].data = batches[1].cache.c.data[0];
    ck_assert_msg(apart(&cells[0], &cells[1]) < 2e-3, "%s: the cache is %g away", t->name, apart(&cells[0], &cells[1]));
    for (uint32_t i = 0; i < g->inputs.n; i++)
        free(inputs[i]);
    for (int i = 0; i < 2; i++) {
        sld_plan_free(plans[i]);
        latent_free(&batches[i]);
    }
    sld_graph_free(g);
    sld_device_close(d);
    sld_ctx_free(ctx);
}
END_TEST

/* ------------------------------------------------------------------- refusals -- */

START_TEST(no_backend)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    setenv("SOLDER_DEVICE", "tests/no such library.so", 1);
    ck_assert_ptr_null(sld_device_open(ctx, 0));
    ck_assert_msg(strstr(sld_error(ctx), "SOLDER_DEVICE: tests/no such library.so: cannot open"), "%s", sld_error(ctx));
    sld_ctx_free(ctx);
}
END_TEST

START_TEST(no_device)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    setenv("SOLDER_DEVICE", getenv("SOLDER_EMU"), 1);
    ck_assert_ptr_null(sld_device_open(ctx, 4));
    ck_assert_str_eq(sld_error(ctx), "emulation: there is no device of this number");
    setenv("HIPEMU_NONE", "1", 1);
    ck_assert_ptr_null(sld_device_open(ctx, 0));
    ck_assert_str_eq(sld_error(ctx), "emulation: there is no device");
    unsetenv("HIPEMU_NONE");
    sld_ctx_free(ctx);
}
END_TEST

START_TEST(plan_without_device)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = sld_graph_new(ctx, sld_ruleset_solder());
    ck_assert_ptr_null(sld_plan_new(g, SLD_TARGET_HIP, NULL));
    ck_assert_str_eq(sld_error(ctx), "a plan for target hip needs a device");
    sld_graph_free(g);
    sld_ctx_free(ctx);
}
END_TEST

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

START_TEST(what_a_device_tells)
{
    void *library = dlopen(getenv("SOLDER_EMU"), RTLD_NOW), *d = NULL;
    ck_assert(library != NULL);
    const sld_device_api *(*entry)(void) = (const sld_device_api *(*)(void))dlsym(library, "sld_device_entry");
    const sld_device_api *api = entry();
    ck_assert_ptr_null(api->open(3, &d));
    ck_assert_str_eq(api->describe(d), "emulated GPU, 1.0 GiB");
    ck_assert_int_eq(api->units(d), 12);
    double t[4], seconds = 0;
    const struct timespec some = {.tv_nsec = 50000000};
    t[0] = now();
    ck_assert_ptr_null(api->mark(d, 0));
    t[1] = now();
    nanosleep(&some, NULL);
    t[2] = now();
    ck_assert_ptr_null(api->mark(d, 1));
    t[3] = now();
    ck_assert_ptr_null(api->elapsed(d, &seconds));
    ck_assert(seconds >= (t[2] - t[1]) * 0.9999 && seconds <= (t[3] - t[0]) * 1.0001); /* a float of milliseconds */
    api->close(d);
    dlclose(library);
}
END_TEST

static const char *nobody(const sld_comm *c) { (void)c; return "nobody comes"; }

static long pages_mapped(void)
{
    long n = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    ck_assert(f && fscanf(f, "%ld", &n) == 1);
    fclose(f);
    return n;
}

/* A rank that finds no other gives back the memory that it wanted to share. */
START_TEST(nobody_to_join)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_device *d = open_emulation(ctx);
    static const char text[] = "solder 1\ninput %x : bf16[1, 16]\n%y = silu(%x)\noutput y = %y\n";
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "one", text, sizeof text - 1);
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    sld_plan *p = sld_plan_new_on(g, d, NULL);
    ck_assert_msg(p != NULL, "%s", sld_error(ctx));
    long before = 0;
    char window[2][4096];
    void *windows[2] = {window[0], window[1]};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sld_plan_join(p, &(sld_comm){0, 2, sizeof window[0], windows, nobody, NULL, 0}), SLD_ERR_KERNEL);
        ck_assert_msg(strstr(sld_error(ctx), "nobody comes") != NULL, "%s", sld_error(ctx));
        before = i ? before : pages_mapped();
    }
    ck_assert_int_lt(pages_mapped() - before, 200);
    sld_plan_free(p);
    sld_graph_free(g);
    sld_device_close(d);
    sld_ctx_free(ctx);
}
END_TEST

/* A kernel that says it waits for the device is run, but not captured. */
START_TEST(kernel_that_syncs)
{
    static sld_kernel_row rows[2000];
    sld_ruleset r = *sld_ruleset_solder();
    ck_assert_uint_lt(r.n_kernels, 2000);
    memcpy(rows, r.kernels, r.n_kernels * sizeof *rows);
    for (uint32_t i = 0; i < r.n_kernels; i++)
        rows[i].syncs = !strcmp(rows[i].name, "sld_hip_rms_norm");
    r.kernels = rows;
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_device *d = open_emulation(ctx);
    char text[400];
    snprintf(text, sizeof text, "solder 1\n%s", graphs[0].text);
    sld_graph *g = sld_text_parse(ctx, &r, "syncs", text, strlen(text));
    sld_plan *p = sld_plan_new_on(g, d, NULL);
    ck_assert_msg(p != NULL, "%s", sld_error(ctx));
    ck_assert_int_eq(sld_plan_capture(p), SLD_ERR_KERNEL);
    ck_assert_str_eq(sld_error(ctx), "node 'y' (rms_norm): sld_hip_rms_norm waits for the device, so the plan cannot be captured");
    sld_plan_free(p);
    sld_graph_free(g);
    sld_device_close(d);
    sld_ctx_free(ctx);
}
END_TEST

Suite *device_suite(void)
{
    Suite *s = suite_create("device");
    TCase *c = tcase_create("device");
    if (getenv("SOLDER_EMU")) {
        tcase_add_loop_test(c, like_the_reference, 0, N_GRAPHS);
        tcase_add_test(c, another_layout);
        tcase_add_test(c, infinities_are_quantised);
        tcase_add_loop_test(c, latent_attention, 0, 2 * N_CHAINS);
        tcase_add_test(c, no_device);
        tcase_add_test(c, what_a_device_tells);
        tcase_add_test(c, nobody_to_join);
        tcase_add_test(c, kernel_that_syncs);
    } else {
        puts("skipped: tests of devices want the emulation of a GPU, which a C++ compiler builds");
    }
    tcase_add_test(c, no_backend);
    tcase_add_test(c, plan_without_device);
    suite_add_tcase(s, c);
    return s;
}
