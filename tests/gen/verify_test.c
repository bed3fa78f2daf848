/* Verification finds what is planted: a wrong rule and a wrong kernel; what it prints can be pasted into the rule, where it
 * shows the fault again.  And the graphs that solderc draws. */
#include "../dsl/solderc.h"

Suite *verify_suite(void);

#define HEAD \
    "dtype F = {f16, bf16, f32}\n" \
    "phase p\n" \
    "option swift : bool = off\n" \
    "op neg(x: F[*A]) -> F[*A]\n" \
    "op abs(x: F[*A]) -> F[*A]\n" \
    "op relu(x: F[*A]) -> F[*A]\n" \
    "kernel neg { ref }\n" \
    "kernel abs { ref }\n"

static const char wrong_rule[] =
    HEAD "kernel relu { ref }\n"
    "rule right in p {\n"
    "  match   { y = neg(neg(relu(x: F[*A, H]))) }\n"
    "  replace { y = relu(x) }\n"
    "}\n"
    "rule wrong in p enabled swift {\n"
    "  match   { y = relu(abs(x: F[*A, H])) }\n"
    "  where   H > 2\n"
    "  gate    tokens >= 32, world == 1\n"
    "  replace { y = relu(x) }\n"
    "  #\n"
    "}\n";

static const char wrong_kernel[] =
    HEAD "kernel relu { cpu; ref }\n"
    "rule wrong in p enabled swift {\n"
    "  match   { y = neg(neg(relu(x: F[*A, H]))) }\n"
    "  where   H > 2\n"
    "  replace { y = relu(x) }\n"
    "  #\n"
    "}\n";

/* It leaves the last element out. */
static const char kernel[] =
    "#include \"kern.h\"\n"
    "const char *sld_cpu_relu(const sld_launch *l);\n"
    "const char *sld_cpu_relu(const sld_launch *l)\n"
    "{\n"
    "    for (size_t i = 0, n = kern_numel(&l->in[0]); i + 1 <= n; i++)\n"
    "        kern_put(&l->out[0], i, i + 1 == n || kern_get(&l->in[0], i) < 0 ? 0 : kern_get(&l->in[0], i));\n"
    "    return 0;\n"
    "}\n";

static char *verify(const char *rules, const char *options, int status)
{
    char command[500];
    write_path(in_folder("r.pat"), rules);
    write_path(in_folder("k.c"), kernel);
    snprintf(command, sizeof command, "$SOLDERC_BIN -o $D/r.c $D/r.pat && $VERIFY_CC -o $D/r.so $D/r.c $D/k.c && "
             "$VERIFY --ruleset $D/r.so %s $D/r.pat 2>&1", options);
    return sh_ok(command, status);
}

/* The rules with the test of a report in the place of the comment. */
static char *pasted(const char *rules, const char *report)
{
    const char *from = strstr(report, "test \"verify"), *place = strstr(rules, "#\n");
    ck_assert_msg(from != NULL, "no test in:\n%s", report);
    char *text = malloc(strlen(rules) + strlen(report) + 1);
    sprintf(text, "%.*s%.*s%s", (int)(place - rules), rules, (int)strcspn(from, "\n"), from, place + 1);
    return text;
}

static const struct { const char *rules, *target; } planted[] = {{wrong_rule, "ref"}, {wrong_kernel, "cpu"}};

START_TEST(faults_are_found)
{
    char head[100];
    snprintf(head, sizeof head, "wrong, variant 1, on %s: wrong with seed ", planted[_i].target);
    char *report = verify(planted[_i].rules, "--cases 8 --targets ref,cpu", 1);
    ASSERT_HAS(report, head);
    ASSERT_HAS(report, " steps of the dtype, and ");
    ASSERT_HAS(report, " in norm, off");
    ASSERT_HAS(report, "where x[");
    const char *h = strstr(report, "H = ");
    ck_assert_msg(h && atoi(h + 4) <= 8, "not small:\n%s", report);
    char *with_test = pasted(planted[_i].rules, report);
    char *again = verify(with_test, "--cases 0 --targets ref,cpu", 1);
    ASSERT_HAS(again, head);
    ASSERT_HAS(again, "test \"verify ");
    free(again);
    free(sh_ok("$SOLDERC_BIN --check $D/r.pat 2>&1", 0));
    free(sh_ok("$SOLDERC_BIN --tests $D/r.pat >$D/t.c", 0));
    free(with_test);
    free(report);
}
END_TEST

START_TEST(what_is_right_stays_so)
{
    char *report = verify(wrong_rule, "--cases 16 --rule right --targets ref", 0);
    ASSERT_HAS(report, "| `right` | 16: equal |");
    ASSERT_HAS(report, " 0 wrong");
    free(report);
    report = verify(wrong_rule, "--cases 8 --rule absent", 2);
    ASSERT_HAS(report, "there is no rule 'absent'");
    free(report);
}
END_TEST

/* Each kind of sizes and of numbers is there in 32 graphs. */
START_TEST(edges_are_counted)
{
    static const char rule[] =
        HEAD "kernel relu { ref }\n"
        "rule any in p {\n  match   { y = neg(neg(x: F[*A, H])) }\n  replace { y = x }\n}\n"
        "rule other in p enabled swift {\n  match   { y = abs(neg(relu(x: F[*A, H]))) }\n  replace { y = relu(x) }\n}\n";
    char *report = verify(rule, "--cases 32 --rule any --targets ref", 0);
    static const char *const edges[] = {"no elements", "one row", "large values", "odd rows", "zeros alone", "denormals",
                                        "tiny numbers", "huge numbers", "infinities", "NaN"};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        char row[100];
        snprintf(row, sizeof row, "| %s | ", edges[i]);
        ASSERT_HAS(report, row);
        ck_assert_msg(atoi(strstr(report, row) + strlen(row)) > 0, "%s: %s", edges[i], report);
    }
    free(report);
}
END_TEST

/* ------------------------------------------------------------- drawn by solderc -- */

START_TEST(the_same_seed_draws_the_same)
{
    free(sh_ok("for s in 1 1 2; do i=$((i + 1)); $SOLDERC_BIN --emit-verify --cases 5 --seed $s -o $D/$i patterns/quant.pat; done; "
               "cmp $D/1 $D/2 && ! cmp $D/1 $D/3 2>&1", 0));
    char *count = sh_ok("grep -c '^# rule scaled_quant_by_one, variant 1: test \"verify [0-9]*\" {.*fires 1 }' $D/1", 0);
    ck_assert_int_eq(atoi(count), 5);
    free(count);
    free(sh_ok("$SOLDERC_BIN --emit-verify --cases none patterns/quant.pat 2>&1", 2));
    free(sh_ok("$SOLDERC_BIN --emit-verify $D/absent.pat 2>&1", 1));
}
END_TEST

/* Every graph of two rules is one that they fire on, and each test compiles where it belongs. */
START_TEST(drawn_graphs_are_matched)
{
    static const char *const rules[] = {"scaled_quant_by_one", "group_quant_by_columns"};
    for (int i = 0; i < 2; i++) {
        char command[900];
        snprintf(command, sizeof command,
                 "rm -f $D/*.sld; $SOLDERC_BIN --emit-verify --cases 6 patterns/quant.pat >$D/all && "
                 "awk -v d=$D '/^# rule/ { f = $3 == \"%s,\" ? d \"/\" ++n \".sld\" : \"/dev/null\" } { print > f }' $D/all && "
                 "for f in $D/*.sld; do $SOLDER_BIN fuse $f --expect %s=1 >/dev/null || exit 1; done; ls $D/*.sld | wc -l",
                 rules[i], rules[i]);
        char *count = sh_ok(command, 0);
        ck_assert_int_eq(atoi(count), 6);
        free(count);
        snprintf(command, sizeof command,
                 "for t in $(seq 6); do sed -n '1s/^[^:]*: //p' $D/$t.sld; done >$D/tests; cp -r patterns $D/p; "
                 "awk -v r=%s -v d=$D '{ print } $1 == \"rule\" && $2 == r { in_rule = 1 } "
                 "in_rule && /replace/ { while ((getline t < (d \"/tests\")) > 0) later = later t \"\\n\" } "
                 "in_rule && /fires/ { printf \"%%s\", later; later = \"\"; in_rule = 0 }' patterns/quant.pat >$D/p/quant.pat && "
                 "$SOLDERC_BIN --check $D/p/*.pat 2>&1 && grep -c 'verify [0-9]' $D/p/quant.pat", rules[i]);
        count = sh_ok(command, 0);
        ck_assert_int_eq(atoi(count), 6);
        free(count);
        free(sh_ok("rm -r $D/p", 0));
    }
}
END_TEST

Suite *verify_suite(void)
{
    Suite *s = suite_create("verify");
    TCase *t = tcase_create("verification");
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, faults_are_found, 0, 2);
    tcase_add_test(t, what_is_right_stays_so);
    tcase_add_test(t, edges_are_counted);
    tcase_add_test(t, the_same_seed_draws_the_same);
    tcase_add_test(t, drawn_graphs_are_matched);
    suite_add_tcase(s, t);
    return s;
}
