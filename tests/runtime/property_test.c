/* Random graphs under random rules keep their meaning. PROPERTY_N rounds, from PROPERTY_SEED on; a failure prints its
 * seed and leaves a small case in the file that it names. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "property.h"
#include "traffic.h"

Suite *property_suite(void);

enum { BATCH = 500 };

static sld_graph *metered;

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

/* Rounds of one batch in a process of its own, which says where it is. Answers the first seed that fails, or `to`. */
static uint64_t run_batch(uint64_t from, uint64_t to, volatile uint64_t *at)
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (!child) {
        for (*at = from; *at < to; ++*at) {
            property_round r = property_make(*at);
            alarm(20);
            bool wrong = property_check(&r) != NULL;
            property_free(&r);
            if (wrong)
                _exit(1);
        }
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) && !WEXITSTATUS(status) ? to : *at;
}

static void tell(uint64_t seed)
{
    char path[200];
    const char *dir = getenv("PROPERTY_DIR");
    property_round r = property_make(seed);
    const char *why = property_check_apart(&r);
    char first[300];
    snprintf(first, sizeof first, "%s", why ? why : "it holds in a process of its own");
    if (why)
        property_shrink(&r);
    snprintf(path, sizeof path, "%s/property-%llu.txt", dir ? dir : "build", (unsigned long long)seed);
    why = property_check_apart(&r);
    FILE *f = fopen(path, "w");
    if (f) {
        fprintf(f, "# seed %llu: %s\n# small: %s\n# T = %lld, rules:", (unsigned long long)seed, first, why ? why : "",
                (long long)r.tokens);
        for (uint32_t i = 0; i < sld_ruleset_sound()->n_rules; i++)
            if (!(r.off >> i & 1))
                fprintf(f, " %s", sld_ruleset_sound()->rules[i].name);
        fprintf(f, "\n%s", r.text);
        fclose(f);
    }
    fprintf(stderr, "seed %llu: %s\n%s: %s\n%s", (unsigned long long)seed, first, path, why ? why : "", r.text);
    property_free(&r);
}

START_TEST(fusing_keeps_the_meaning)
{
    uint64_t *at = mmap(NULL, sizeof *at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t from = number("PROPERTY_SEED", 1), to = from + number("PROPERTY_N", 2000), failed = 0;
    ck_assert_ptr_ne(at, MAP_FAILED);
    for (uint64_t seed = from; seed < to && failed < 5;) {
        uint64_t end = to - seed < BATCH ? to : seed + BATCH, reached = run_batch(seed, end, at);
        if (reached < end) {
            tell(reached);
            failed++;
            reached++;
        }
        seed = reached;
    }
    munmap(at, sizeof *at);
    ck_assert_msg(!failed, "%llu rounds failed", (unsigned long long)failed);
}
END_TEST

/* The rounds are no empty exercise: each rule fires, and each kind of refusal is met. */
START_TEST(rules_fire)
{
    const sld_ruleset *rules = sld_ruleset_sound();
    sld_rule_stats *stats = calloc(rules->n_rules, sizeof *stats), all = {0};
    sld_ctx *ctx = sld_ctx_new(NULL);
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        property_round r = property_make(seed);
        sld_graph *g = sld_text_parse(ctx, rules, "round", r.text, strlen(r.text));
        ck_assert_msg(g != NULL, "%s\n%s", sld_error(ctx), r.text);
        sound_rules_off = r.off;
        ck_assert_int_eq(sld_fuse(g, NULL, stats), SLD_OK);
        sld_graph_free(g);
        property_free(&r);
    }
    for (uint32_t i = 0; i < rules->n_rules; i++) {
        ck_assert_msg(stats[i].fired || !strcmp(rules->rules[i].name, "reduce_and_norm"), "%s never fires",
                      rules->rules[i].name);
        all.refused_cycle += stats[i].refused_cycle;
        all.refused_split += stats[i].refused_split;
        all.refused_kernel += stats[i].refused_kernel;
    }
    ck_assert_uint_gt(all.refused_cycle, 0);
    ck_assert_uint_gt(all.refused_split, 0);
    ck_assert_uint_gt(all.refused_kernel, 0);
    sld_ctx_free(ctx);
    free(stats);
}
END_TEST

/* What a meter reads after each rewrite is what counting the whole graph gives. */
static void compare_meter(void *user, const sld_fuse_event *e)
{
    static const int64_t symbols[8] = {5, 5, 5, 5, 5, 5, 5, 5};
    sld_meter *m = user;
    sld_traffic now, whole;
    if (e->refused)
        return;
    ck_assert(sld__meter_follow(m, e));
    now = sld__meter_read(m);
    ck_assert_int_eq(sld_graph_traffic(metered, symbols, &whole), SLD_OK);
    ck_assert_uint_eq(now.launches, whole.launches);
    ck_assert_uint_eq(now.bytes, whole.bytes);
    ck_assert_int_eq(now.sized, whole.sized);
}

static sld_graph *read_round(sld_ctx *ctx, const property_round *r)
{
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_sound(), "round", r->text, strlen(r->text));
    ck_assert(g && !sld_graph_sweep(g));
    return g;
}

static char *print(sld_graph *g)
{
    char *text;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    ck_assert_int_eq(sld_text_print(g, f, 0), SLD_OK);
    fclose(f);
    return text;
}

/* And who is told of rewrites sees those that are made when nobody is. */
START_TEST(a_meter_follows_rewrites)
{
    static const int64_t symbols[8] = {5, 5, 5, 5, 5, 5, 5, 5};
    sld_ctx *ctx = sld_ctx_new(NULL);
    for (uint64_t seed = 1; seed <= 500; seed++) {
        property_round r = property_make(seed);
        sld_graph *alone = read_round(ctx, &r);
        metered = read_round(ctx, &r);
        sound_rules_off = r.off;
        sld_meter *m = sld__meter_new(metered, symbols);
        const sld_fuse_options told = {.target = SLD_TARGET_CPU, .told = compare_meter, .user = m};
        ck_assert(!sld_fuse(metered, &told, NULL) && !sld_fuse(alone, NULL, NULL));
        char *a = print(alone), *b = print(metered);
        ck_assert_msg(!strcmp(a, b), "seed %llu: %s\n%s", (unsigned long long)seed, a, b);
        free(a);
        free(b);
        sld__meter_free(m);
        sld_graph_free(metered);
        sld_graph_free(alone);
        property_free(&r);
    }
    sld_ctx_free(ctx);
}
END_TEST

Suite *property_suite(void)
{
    Suite *s = suite_create("property");
    TCase *t = tcase_create("property");
    tcase_set_timeout(t, 0);
    tcase_add_test(t, rules_fire);
    tcase_add_test(t, a_meter_follows_rewrites);
    tcase_add_test(t, fusing_keeps_the_meaning);
    suite_add_tcase(s, t);
    return s;
}
