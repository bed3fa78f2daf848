/* The reference kernels against results that were computed beforehand (ref_cases.txt). They accumulate in
 * double and round once, so f16, bf16 and f32 must agree to the bit; f64 within sixteen units of the last
 * place, for sums in another order. */
#include "launch.h"

Suite *ref_suite(void);

static const char path[] = "tests/kernels/ref_cases.txt";
enum { CASES_MAX = 1000 };

/* The file, cut into blocks. */
static char *file;
static const char *cases[CASES_MAX];
static int n_cases;

static void read_cases(void)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    size_t size;
    char *text = sld__read_file(ctx, path, &size);
    file = text ? strdup(text) : NULL;
    sld__free(ctx, text);
    sld_ctx_free(ctx);
    n_cases = 0;
    for (char *p = file; p && n_cases < CASES_MAX;) {
        char *end = strstr(p, "\n\n");
        if (*p != '#')
            cases[n_cases++] = p;
        if (end)
            *end = '\0';
        p = end ? end + 2 : NULL;
    }
}

static void check_result(const launched *l, uint32_t i)
{
    char name[16];
    snprintf(name, sizeof name, "want%u", i);
    sld_value v = sld_value_find(l->g, name);
    ck_assert_msg(v != 0, "no %s\n%s", name, l->text);
    sld_tensor want = launch_tensor(l->g, v);
    want.data = sld_const_of(l->g, v)->data;
    const sld_tensor *got = &l->out[i];
    ck_assert_msg(got->dtype == want.dtype && got->rank == want.rank &&
                      !memcmp(got->dims, want.dims, want.rank * sizeof *want.dims),
                  "result %u has another type\n%s", i, l->text);
    double rel = got->dtype == SLD_F64 ? 16 * launch_eps(SLD_F64) : 0;
    for (size_t k = 0, n = kern_numel(&want); k < n; k++)
        ck_assert_msg(launch_agree(got, &want, k, rel, rel),
                      "result %u, element %zu: %.17g, expected %.17g\n%s", i, k, kern_get(got, k),
                      kern_get(&want, k), l->text);
}

START_TEST(ref_case)
{
    const char *text = cases[_i], *error = NULL;
    char refused[100] = "";
    if (*text == '!') {
        sscanf(text, "! %99[^\n]", refused);
        error = refused;
        text = strchr(text, '\n') + 1;
    }
    launched l = launch_parse(text);
    launch_prepare(&l);
    launch_run(&l, SLD_TARGET_REF);
    if (error)
        ck_assert_msg(l.error && !strcmp(l.error, error), "answer \"%s\", not \"%s\"\n%s", l.error, error, text);
    else
        ck_assert_msg(!l.error, "%s\n%s", l.error, text);
    for (uint32_t i = 0; !error && i < l.args.n_out; i++)
        check_result(&l, i);
    launch_free_results(&l);
    launch_free(&l);
}
END_TEST

/* Every op that has a reference kernel has a case; qkv_test.c and mla_test.c test those that reach a cache by the name of
 * a layer. */
START_TEST(ref_covered)
{
    const sld_ruleset *r = sld_ruleset_solder();
    ck_assert_int_gt(n_cases, 300);
    for (uint32_t op = 1; op < r->n_ops; op++) {
        bool has_ref = false, found = false;
        for (uint32_t i = r->kernel_index[op]; i < r->kernel_index[op + 1]; i++)
            has_ref |= r->kernels[i].target == SLD_TARGET_REF;
        char call[80];
        snprintf(call, sizeof call, " = %s(", r->ops[op].name);
        for (int i = 0; i < n_cases && has_ref && !found; i++)
            found = *cases[i] != '!' && strstr(cases[i], call);
        for (uint32_t i = 0; i < r->ops[op].n_attrs; i++)
            found |= !strcmp(r->ops[op].attrs[i].name, "layer");
        ck_assert_msg(!has_ref || found, "%s has no case in %s", r->ops[op].name, path);
    }
}
END_TEST

static void free_cases(void)
{
    free(file);
    file = NULL;
}

Suite *ref_suite(void)
{
    Suite *s = suite_create("ref");
    TCase *t = tcase_create("cases");
    if (!file) {
        read_cases();
        atexit(free_cases);
    }
    tcase_add_test(t, ref_covered);
    tcase_add_loop_test(t, ref_case, 0, n_cases);
    suite_add_tcase(s, t);
    return s;
}
