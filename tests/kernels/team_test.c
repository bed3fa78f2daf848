/* Threads that share rows: each row once whatever the number of threads, results and caches with the same bits, and what
 * happens where threads are refused, or lost by fork. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "caches.h"
#include "graph.h"
#include "shared.h"
#include "team.h"

Suite *team_suite(void);
const sld_ruleset *sld_ruleset_solder(void);

enum { ROWS = 5000, LONG = 1 << 20 };

typedef struct count { atomic_int rows[ROWS], calls, strangers; pthread_t caller; } count;

static void count_rows(const void *work, size_t from, size_t to)
{
    count *c = (count *)(uintptr_t)work;
    c->calls++;
    c->strangers += !pthread_equal(pthread_self(), c->caller);
    for (size_t i = from; i < to; i++)
        c->rows[i]++;
}

static void all_once(const sld_team *t, count *c, size_t n, size_t cost)
{
    *c = (count){.caller = pthread_self()};
    t->share(t, n, cost, count_rows, c);
    for (size_t i = 0; i < ROWS; i++)
        if (c->rows[i] != (i < n))
            ck_abort_msg("row %zu of %zu was done %d times", i, n, (int)c->rows[i]);
}

START_TEST(every_row_once)
{
    static const uint32_t threads[] = {1, 2, 3, 16};
    static const size_t rows[] = {1, 2, 3, 7, 100, 4999, 5000};
    static count c;
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_team *t = sld_team_new(ctx, threads[_i]);
    ck_assert_uint_eq(t->n, threads[_i]);
    for (int k = 0; k < 200; k++)
        all_once(t, &c, rows[k % 7], k % 3 ? LONG : 700);
    sld_team_free(t);
    sld_ctx_free(ctx);
}
END_TEST

START_TEST(little_is_done_alone)
{
    static count c;
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_team *t = sld_team_new(ctx, 4);
    all_once(t, &c, 100, 10000);
    ck_assert(c.calls == 1 && !c.strangers);
    all_once(t, &c, 100, 0); /* that costs nothing */
    ck_assert(c.calls == 1 && !c.strangers);
    all_once(t, &c, 100, 20000);
    ck_assert_int_gt(c.calls, 1);
    sld_team_free(t);
    sld_ctx_free(ctx);
}
END_TEST

/* ---- threads that are not there ---- */
static int left;

static int refuse(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    return left-- > 0 ? pthread_create(thread, attr, run, arg) : EAGAIN;
}

START_TEST(refused_threads)
{
    static count c;
    sld_ctx *ctx = sld_ctx_new(NULL);
    left = _i;
    sld_team *t = sld__team_new(ctx, 4, refuse);
    ck_assert_uint_eq(t->n, 1 + (uint32_t)_i);
    all_once(t, &c, 777, LONG);
    ck_assert(_i || !c.strangers);
    sld_team_free(t);
    sld_ctx_free(ctx);
}
END_TEST

START_TEST(child_of_fork)
{
    static count c;
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_team *t = sld_team_new(ctx, 4);
    all_once(t, &c, ROWS, LONG);
    pid_t pid = fork();
    if (!pid) {
        all_once(t, &c, 777, LONG);
        sld_team_free(t);
        _exit(c.strangers != 0);
    }
    int status;
    ck_assert(waitpid(pid, &status, 0) == pid && !status);
    all_once(t, &c, ROWS, LONG);
    sld_team_free(t);
    sld_ctx_free(ctx);
}
END_TEST

static void *no_memory(void *user, void *ptr, size_t size)
{
    if (!size)
        free(ptr);
    return size && !*(bool *)user ? realloc(ptr, size) : NULL;
}

START_TEST(numbers)
{
    bool starved = false;
    sld_ctx *ctx = sld_ctx_new(&(sld_allocator){no_memory, &starved});
    sld_team *t = sld_team_new(ctx, 0);
    ck_assert(t && t->n >= 1 && t->n <= SLD_TEAM_MAX);
    sld_team_free(t);
    ck_assert_ptr_null(sld_team_new(ctx, SLD_TEAM_MAX + 1));
    ck_assert_str_eq(sld_error(ctx), "1025 threads are more than 1024");
    starved = true;
    ck_assert_ptr_null(sld_team_new(ctx, 2));
    ck_assert_ptr_nonnull(strstr(sld_error(ctx), "memory"));
    sld_team_free(NULL);
    sld_ctx_free(ctx);
}
END_TEST

/* ---- graphs, with enough rows to be worth it ---- */
static sld_graph *parse(sld_ctx *ctx, const char *text)
{
    char all[1000];
    int n = snprintf(all, sizeof all, "solder 1\n%s", text);
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_solder(), "team", all, (size_t)n);
    ck_assert_msg(g != NULL, "%s", sld_error(ctx));
    return g;
}

static void *input(const sld_graph *g, uint32_t i)
{
    sld_value v = g->inputs.at[i];
    sld_tensor t = {.dtype = (uint8_t)sld_dtype_of(g, v), .rank = (uint8_t)sld_rank(g, v), .dims = sld_shape(g, v)};
    uint32_t seed = 77 * i + 5;
    size_t n = kern_numel(&t);
    t.data = malloc(n * kern_size(t.dtype));
    for (size_t k = 0; k < n; k++) {
        seed = seed * 1664525 + 1013904223;
        kern_put(&t, k, t.dtype == SLD_I64 ? seed >> 26 : (seed >> 8) / 8388608.0 - 1);
    }
    return t.data;
}

#define ROWS_OF "input %x : bf16[900, 2048]\ninput %b : bf16[900, 2048]\ninput %w : bf16[2048]\n"
static const char *const graphs[] = {
    ROWS_OF "%y, %s = add_rms_norm(%x, %b, %w; eps = 1e-06)\noutput y = %y\noutput s = %s\n",
    ROWS_OF "%y, %s, %n = rms_norm_group_quant(%x, %w; eps = 1e-06, group = 128, to = f8e4m3fn)\noutput y = %y\noutput s = %s\n",
    ROWS_OF "%y = silu_mul(%x, %b)\n%z = add(%y, %x)\n%s = softmax(%z; axis = -1)\noutput y = %s\n",
    ROWS_OF "%y, %s = group_quant(%x; group = 128, to = f8e4m3fn, columns = true)\noutput y = %y\noutput s = %s\n",
    ROWS_OF "%t = transpose(%x; perm = [1, 0])\n%s = sigmoid(%t)\noutput y = %s\n",
    "input %x : bf16[300, 2000]\ninput %y : bf16[2000, 300]\n%z = matmul(%x, %y)\noutput z = %z\n",
    "input %q : bf16[1, 8, 333, 64]\ninput %k : bf16[1, 2, 333, 64]\ninput %v : bf16[1, 2, 333, 64]\n"
    "%r = sdpa(%q, %k, %v; scale = 0.25)\noutput r = %r\n",
    "input %p : i64[700]\ninput %q : bf16[700, 4096]\ninput %k : bf16[700, 512]\ninput %t : bf16[64, 128]\n"
    "%r, %u = rotary_embedding(%p, %q, %k, %t; head_size = 128, neox = true)\noutput r = %r\noutput u = %u\n",
};
enum { N_GRAPHS = sizeof graphs / sizeof *graphs };

/* The results of a graph by some threads, one behind the other. */
static char *results(const char *text, uint32_t threads, size_t *n)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = parse(ctx, text);
    void *inputs[4];
    sld_tensor out[4];
    char *all = NULL;
    for (uint32_t i = 0; i < g->inputs.n; i++)
        inputs[i] = input(g, i);
    sld_plan *p = sld_plan_new(g, SLD_TARGET_CPU, NULL);
    sld_team *t = sld_team_new(ctx, threads);
    sld_plan_set_team(p, t);
    FILE *f = open_memstream(&all, n);
    for (int round = 0; round < 2; round++)
        ck_assert_msg(sld_plan_run(p, (const void *const *)inputs, out) == SLD_OK, "%s", sld_error(ctx));
    for (uint32_t i = 0; i < g->outputs.n; i++)
        fwrite(out[i].data, kern_size(out[i].dtype), kern_numel(&out[i]), f);
    fclose(f);
    for (uint32_t i = 0; i < g->inputs.n; i++)
        free(inputs[i]);
    sld_team_free(t);
    sld_plan_free(p);
    sld_graph_free(g);
    sld_ctx_free(ctx);
    return all;
}

START_TEST(same_bits)
{
    size_t n, m;
    char *alone = results(graphs[_i], 1, &n);
    for (uint32_t threads = 2; threads <= 5; threads += 3) {
        char *shared = results(graphs[_i], threads, &m);
        ck_assert_uint_eq(n, m);
        shared_same(shared, alone, n, graphs[_i]);
    }
    free(alone);
}
END_TEST

/* The worst of all orders: one row at a time, the last one first. */
static void backwards_rows(const sld_team *t, size_t n, size_t cost, sld_rows *rows, const void *work)
{
    (void)t, (void)cost;
    while (n--)
        rows(work, n, n + 1);
}

static const sld_team backwards = {2, backwards_rows};

/* Tokens [0, n), of which several take the same slot, also tokens that are looked at one after another: the last one's
 * heads are what stays. */
static void last_token_wins(int64_t n, int64_t slots)
{
    char text[300];
    snprintf(text, sizeof text, "input %%k : bf16[%d, 2, 64]\ninput %%v : bf16[%d, 2, 64]\n"
             "%%done, %%cache = kv_cache_update(%%k, %%v; layer = \"l0\")\noutput done = %%done\n", (int)n, (int)n);
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = parse(ctx, text);
    test_cache c = test_cache_new(SLD_CACHE_NHD, SLD_BF16, (slots + 15) / 16, 16, 2, 64);
    int64_t *slot = malloc((size_t)n * sizeof *slot);
    void *inputs[2] = {input(g, 0), input(g, 1)};
    sld_tensor out[1];
    for (int64_t i = 0; i < n; i++)
        slot[i] = i * 7 % slots;
    test_cache_slots(&c, slot, n);
    sld_plan *p = sld_plan_new(g, SLD_TARGET_CPU, NULL);
    sld_plan_set_caches(p, (sld_caches){test_cache_find, &c.c});
    ck_assert_int_eq(shared_run(ctx, p, (const void *const *)inputs, out, 1, c.memory, c.bytes), SLD_OK);
    memset(c.memory, 0, c.bytes);
    sld_plan_set_team(p, &backwards);
    ck_assert_int_eq(sld_plan_run(p, (const void *const *)inputs, out), SLD_OK);
    for (int64_t i = n - slots; i < n; i++)
        for (int which = 0; which < 2; which++)
            ck_assert_mem_eq((char *)c.c.data[which] + slot[i] * 256, (char *)inputs[which] + i * 256, 256);
    free(inputs[0]);
    free(inputs[1]);
    free(slot);
    free(c.memory);
    sld_plan_free(p);
    sld_graph_free(g);
    sld_ctx_free(ctx);
}

START_TEST(repeated_slots)
{
    last_token_wins(600, 5);
    last_token_wins(600, 599);
    last_token_wins(600, 600);
    last_token_wins(9001, 4099);
}
END_TEST

Suite *team_suite(void)
{
    Suite *s = suite_create("team");
    TCase *t = tcase_create("threads");
    tcase_add_loop_test(t, every_row_once, 0, 4);
    tcase_add_test(t, little_is_done_alone);
    tcase_add_loop_test(t, refused_threads, 0, 3);
    tcase_add_test(t, child_of_fork);
    tcase_add_test(t, numbers);
    tcase_add_loop_test(t, same_bits, 0, N_GRAPHS);
    tcase_add_test(t, repeated_slots);
    suite_add_tcase(s, t);
    return s;
}
