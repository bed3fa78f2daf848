/* Attacks the prover with random rules: of what it accepts, both sides are computed for many small sizes, and must be
 * defined and of one type.  Of what it refuses, those without a counterexample are counted. */
#include <stdlib.h>

#include "prover/random_rule.h"
#include "source.h"

Suite *prover_suite(void);
const sld_ruleset *sld_ruleset_prover(void);

enum { BATCH = 100, TEXT = 2000, OPS = 8000, WHOLE_PROGRAM = 560, NEVER = 506 };

typedef struct trial {
    random_rule rule;
    numbers made_at, wrong_at;  /* what it was made with; what refutes it */
    char text[TEXT], why[200];
    int code;                   /* of the checker's first error; 0: accepted */
    meaning worst;
    bool matches;
} trial;
typedef struct totals { unsigned made, accepted, refused, unrefuted, other; } totals;

/* -------------------------------------------------------------- the checker -- */

static size_t read_ops(char *text)
{
    FILE *f = fopen("tests/dsl/prover/ops.pat", "rb");
    ck_assert_ptr_nonnull(f);
    size_t n = fread(text, 1, OPS - 1, f);
    fclose(f);
    ck_assert_uint_lt(n, OPS - 1);
    return n;
}

static unsigned lines(const char *text, size_t n)
{
    unsigned count = 0;
    for (size_t i = 0; i < n; i++)
        count += text[i] == '\n';
    return count;
}

/* The first error of each rule, one to a line; 0: accepted. */
static void check_rules(trial *all, unsigned n)
{
    static char text[OPS + BATCH * TEXT];
    size_t size = read_ops(text);
    unsigned first = lines(text, size) + 1;
    for (unsigned i = 0; i < n; i++) {
        memcpy(text + size, all[i].text, strlen(all[i].text));
        size += strlen(all[i].text);
    }
    pat_session *s = pat_open();
    pat_check(s, pat_parse_text(s, "random.pat", text, size));
    for (uint32_t i = 0; i < s->diags.n; i++) {
        const pat_diag *d = s->diags.at[i];
        const char *file;
        unsigned line, col;
        pat_location(s, d->span, &file, &line, &col);
        ck_assert_msg(d->severity != PAT_ERROR || (line >= first && line < first + n), "line %u: %s", line, d->text);
        if (d->severity == PAT_ERROR && d->code < WHOLE_PROGRAM && !all[line - first].code)
            all[line - first].code = d->code;
    }
    pat_close(s);
}

/* ------------------------------------------------------------- the evaluator -- */

static bool uses(const random_rule *r, int var)
{
    bool found = false;
    for (int i = 0; i < r->n_inputs; i++)
        for (int k = 0; k < r->inputs[i].n; k++)
            found |= r->inputs[i].dims[k].x == var || (r->inputs[i].dims[k].op && r->inputs[i].dims[k].y == var);
    for (int i = 0; i < r->left.n; i++)
        for (int k = 0; k < 3; k++)
            for (int j = 0; j < 4; j++)
                found |= r->left.steps[i].args[k].at[j].x == var;
    return found;
}

static void judge(trial *t, sld_graph *g, const numbers *at)
{
    meaning is = rule_means(&t->rule, g, at);
    t->matches |= is != NO_MATCH;
    if ((is == RIGHT_UNDEFINED || is == TYPES_DIFFER) && t->worst == SAME) {
        t->worst = is;
        t->wrong_at = *at;
        snprintf(t->why, sizeof t->why, "%s", is == TYPES_DIFFER ? "of another type" : sld_error(g->ctx));
    }
}

/* What is no size is drawn a few times for each choice of sizes. */
static void judge_sizes(trial *t, sld_graph *g, numbers *at, uint64_t *seed)
{
    static const sld_dtype fs[] = {SLD_F32, SLD_F16}, ts[] = {SLD_F32, SLD_I64, SLD_BF16};
    if (!facts_hold(&t->rule, at))
        return;
    for (int i = 0; i < 12 && t->worst == SAME; i++) {
        at->run = (int)draw(seed, N_RUNS);
        at->open = (int)draw(seed, N_OPEN);
        at->f = (int)fs[draw(seed, 2)];
        at->t = (int)ts[draw(seed, 3)];
        at->axis = (int)draw(seed, N_AXES);
        at->perm = (int)draw(seed, N_PERMS);
        at->flag = (int)draw(seed, 2);
        judge(t, g, at);
    }
}

static void evaluate(trial *t, uint64_t *seed)
{
    static const int64_t sizes[] = {0, 1, 2, 3, 4, 6, -1}; /* the last for n alone */
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = sld_graph_new(ctx, sld_ruleset_prover());
    numbers at = t->made_at;
    int most[N_VARS];
    for (int i = 0; i < N_VARS; i++)
        most[i] = !uses(&t->rule, i) ? 1 : i == VAR_N ? 7 : 6;
    t->worst = SAME;
    judge(t, g, &at);
    ck_assert(t->matches && t->worst == SAME);
    for (int a = 0; a < most[0]; a++)
        for (int b = 0; b < most[1]; b++)
            for (int c = 0; c < most[2]; c++)
                for (int n = 0; n < most[VAR_N] && t->worst == SAME; n++) {
                    memcpy(at.vars, (int64_t[]){sizes[a], sizes[b], sizes[c], sizes[n]}, sizeof at.vars);
                    judge_sizes(t, g, &at, seed);
                }
    sld_graph_free(g);
    sld_ctx_free(ctx);
}

/* ----------------------------------------------------------------- the test -- */

static void make(trial *t, uint64_t *seed, unsigned number)
{
    bool made = false;
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = sld_graph_new(ctx, sld_ruleset_prover());
    *t = (trial){.worst = SAME};
    while (!made) {
        char name[16];
        made = make_rule(&t->rule, seed, g, &t->made_at);
        snprintf(name, sizeof name, "r%u", number);
        if (made)
            print_rule(&t->rule, name, t->text, sizeof t->text);
    }
    sld_graph_free(g);
    sld_ctx_free(ctx);
}

static void count(totals *sum, const trial *t)
{
    char numbers[200];
    print_numbers(&t->wrong_at, numbers, sizeof numbers);
    ck_assert_msg(t->code || t->worst == SAME, "accepted, but the right side is wrong for %s: %s\n%s", numbers, t->why,
                  t->text);
    ck_assert_msg(t->code != NEVER, "said to match never, but it does:\n%s", t->text);
    sum->made++;
    sum->accepted += !t->code;
    sum->refused += t->code > 500;
    sum->unrefuted += t->code > 500 && t->worst == SAME;
    sum->other += t->code && t->code < 500;
}

/* PROVER_RULES and PROVER_SEED: how many rules, and which. */
START_TEST(what_is_accepted_is_right)
{
    const char *number = getenv("PROVER_RULES"), *start = getenv("PROVER_SEED");
    unsigned wanted = number ? (unsigned)atoi(number) : 2000;
    uint64_t seed = start ? (uint64_t)atoll(start) : 1;
    totals sum = {0};
    trial *all = calloc(BATCH, sizeof *all);
    ck_assert_ptr_nonnull(all);
    while (sum.made < wanted) {
        for (unsigned i = 0; i < BATCH; i++)
            make(&all[i], &seed, sum.made + i);
        check_rules(all, BATCH);
        for (unsigned i = 0; i < BATCH; i++) {
            evaluate(&all[i], &seed);
            count(&sum, &all[i]);
        }
    }
    free(all);
    printf("prover: of %u random rules %u are accepted and right, %u refused; of these %u (%u%%) have no "
           "counterexample in the sizes tried\n", sum.made, sum.accepted, sum.refused, sum.unrefuted,
           100 * sum.unrefuted / (sum.refused + !sum.refused));
    ck_assert_uint_gt(sum.accepted, sum.made / 10);
    ck_assert_uint_lt(sum.other, sum.made / 10);
}
END_TEST

Suite *prover_suite(void)
{
    Suite *s = suite_create("prover");
    TCase *t = tcase_create("random rules");
    tcase_set_timeout(t, 600);
    tcase_add_test(t, what_is_accepted_is_right);
    suite_add_tcase(s, t);
    return s;
}
