/* Tests of the reference that solderc writes, and of its dependency files. */
#include "solderc.h"

Suite *doc_suite(void);

/* -------------------------------------------------------------- reference -- */

/* The part of the text between the heading of one anchor and the next. */
static char *entry(const char *text, const char *anchor)
{
    char mark[128];
    snprintf(mark, sizeof mark, "<a id=\"%s\"></a>", anchor);
    const char *at = strstr(text, mark), *end;
    ck_assert_msg(at != NULL, "no anchor %s", anchor);
    end = strstr(at, "\n#");
    return strndup(at, end ? (size_t)(end - at) : strlen(at));
}

static const char small[] =
    "# Head of the file,\n#   as it stands\n# with *stars* and `c*de`.\n\n"
    "dtype T = any\n"
    "op neg(x: T[*A]) -> T[*A]   # minus x\n"
    "# A product\n# of two.\n"
    "op mul(a: T[*A],\n       b: T[*A]) -> T[*A] commutative\n"
    "# ---- rules ----\n"
    "phase fuse # the one\n"
    "pattern twice(x) = neg(neg(x))\n"
    "# None remain.\n"
    "rule none_of_two in fuse {\n  match   { y = mul(a, twice(x)) }\n  replace { y = mul(a, x) }\n}\n"
    "vocab onnx {\n  \"Neg\"@13(x) -> neg(x)\n}\n"
    "condition wide(n) = n > 64  # Many.\n"
    "kernel neg, mul { cpu when wide(numel(A)); ref }\n";

START_TEST(reference)
{
    write_path(in_folder("small.pat"), small);
    char *text = sh_ok("\"$SOLDERC_BIN\" --doc \"$D/small.pat\" 2>&1", 0), *part;
    ASSERT_HAS(text, "### small.pat\n\nHead of the file,\n\n      as it stands\n\nwith \\*stars\\* and `c*de`.\n\n");
    part = entry(text, "op-neg");
    ck_assert_str_eq(part, "<a id=\"op-neg\"></a>neg\n\nminus x\n\n```\nop neg(x: T[*A]) -> T[*A]\n```\n\n"
                           "[Kernels](#kernel-neg).\n\nPart of patterns [`twice`](#pattern-twice).\n\n"
                           "Spelled `Neg` (onnx, since 13).\n");
    free(part);
    part = entry(text, "op-mul");
    ASSERT_HAS(part, "\n\nA product\nof two.\n\n```\nop mul(a: T[*A],\n       b: T[*A]) -> T[*A] commutative\n```\n");
    ASSERT_HAS(part, "Matched by [`none_of_two`](#rule-none_of_two).");
    free(part);
    part = entry(text, "condition-wide");
    ck_assert_str_eq(part, "<a id=\"condition-wide\"></a>wide\n\nMany.\n\n```\ncondition wide(n) = n > 64\n```\n");
    free(part);
    part = entry(text, "kernel-mul");
    ASSERT_HAS(part, "kernel neg, mul { cpu when wide(numel(A)); ref }\n```\n\nOf [`mul`](#op-mul).");
    free(part);
    part = entry(text, "rule-none_of_two");
    ASSERT_HAS(part, "In phase [`fuse`](#phase-fuse).");
    ASSERT_HAS(part, "Matches [`mul`](#op-mul), [`twice`](#pattern-twice).\n\nBuilds [`mul`](#op-mul).");
    free(part);
    part = entry(text, "phase-fuse");
    ASSERT_HAS(part, "the one\n");
    ck_assert_ptr_null(strstr(part, "----"));
    free(part);
    free(text);
}
END_TEST

/* Every link of the reference of all shipped files leads somewhere. */
START_TEST(links_lead_somewhere)
{
    free(sh_ok("\"$SOLDERC_BIN\" --doc -o \"$D/all.md\" patterns/*.pat 2>&1", 0));
    char *text = read_path(in_folder("all.md"));
    unsigned links = 0;
    for (const char *c = text; (c = strstr(c, "](#")); links++) {
        char anchor[200] = "";
        ck_assert_int_eq(sscanf(c += 3, "%180[^)]", anchor), 1);
        free(entry(text, anchor));
    }
    ck_assert_uint_gt(links, 300);
    free(text);
}
END_TEST

/* A family is one rule of the text, and speaks of what its instances speak of. */
START_TEST(reference_of_options_and_families)
{
    char *text = sh_ok("\"$SOLDERC_BIN\" --doc tests/dsl/good/options.pat 2>&1", 0), *part;
    part = entry(text, "rule-quant");
    ASSERT_HAS(part, "\nfor [width, outer] in {");
    ASSERT_HAS(part, "Enabled by [`fuse_quant`](#option-fuse_quant).");
    ASSERT_HAS(part, "Matches [`neg`](#op-neg), [`norm`](#op-norm), [`gelu`](#op-gelu).");
    free(part);
    part = entry(text, "option-fuse_norm");
    ASSERT_HAS(part, "Enables [`turned`](#rule-turned).");
    free(part);
    part = entry(text, "option-fuse_quant");
    ASSERT_HAS(part, "Requires [`fuse_norm`](#option-fuse_norm).");
    free(part);
    free(text);
}
END_TEST

START_TEST(no_reference_of_wrong_rules)
{
    char *text = sh_ok("\"$SOLDERC_BIN\" --doc -o \"$D/no.md\" tests/dsl/bad/phase.pat 2>&1", 1);
    ASSERT_HAS(text, "E0322");
    free(text);
    free(sh_ok("test ! -e \"$D/no.md\"", 0));
}
END_TEST

/* ----------------------------------------------------------- dependencies -- */

START_TEST(depfile)
{
    write_path(in_folder("a b.pat"), "use \"c#$.pat\"\nphase q\n");
    write_path(in_folder("c#$.pat"), "phase p\n");
    free(sh_ok("cd \"$D\" && \"$OLDPWD/$SOLDERC_BIN\" -o out.c --depfile out.d 'a b.pat' 2>&1", 0));
    char *text = read_path(in_folder("out.d"));
    ck_assert_str_eq(text, "out.c: \\\n  a\\ b.pat \\\n  c\\#$$.pat\na\\ b.pat:\nc\\#$$.pat:\n");
    free(text);
    /* make agrees: nothing to do, then something, and a file that is gone is no error */
    write_path(in_folder("Makefile"), "out.c: ; touch out.c\ninclude out.d\n");
    free(sh_ok("cd \"$D\" && touch -d '1 hour ago' *.pat && ${MAKE:-make} -q out.c 2>&1", 0));
    free(sh_ok("cd \"$D\" && touch -d '1 hour' 'c#$.pat' && ${MAKE:-make} -q out.c 2>&1", 1));
    free(sh_ok("cd \"$D\" && rm 'c#$.pat' && ${MAKE:-make} out.c 2>&1", 0));
}
END_TEST

START_TEST(depfile_needs_an_output)
{
    free(sh_ok("\"$SOLDERC_BIN\" --depfile \"$D/out.d\" patterns/ops.pat 2>&1", 2));
    free(sh_ok("\"$SOLDERC_BIN\" -o \"$D/o.c\" --depfile \"$D/out.d\" tests/dsl/bad/phase.pat 2>&1", 1));
    free(sh_ok("test ! -e \"$D/out.d\"", 0));
}
END_TEST

/* What is no plain file is written as it is, and a file keeps its mode. */
START_TEST(kinds_of_output)
{
    free(sh_ok("\"$SOLDERC_BIN\" -o /dev/null patterns/ops.pat && test -c /dev/null", 0));
    free(sh_ok("cd \"$D\" && touch f && chmod 640 f && ln -s f l", 0));
    free(sh_ok("\"$SOLDERC_BIN\" -o \"$D/l\" patterns/ops.pat", 0));
    char *text = sh_ok("cd \"$D\" && test -h l && test -s f && stat -c %a f", 0);
    ck_assert_str_eq(text, "640\n");
    free(text);
}
END_TEST

Suite *doc_suite(void)
{
    Suite *s = suite_create("doc");
    TCase *t = tcase_create("reference and dependencies");
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, reference);
    tcase_add_test(t, links_lead_somewhere);
    tcase_add_test(t, reference_of_options_and_families);
    tcase_add_test(t, no_reference_of_wrong_rules);
    tcase_add_test(t, depfile);
    tcase_add_test(t, depfile_needs_an_output);
    tcase_add_test(t, kinds_of_output);
    suite_add_tcase(s, t);
    return s;
}
