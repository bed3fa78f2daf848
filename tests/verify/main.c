/* verify: whether what rules make computes what they match.
 *
 * Draws graphs that each variant of each rule matches, and compares the right side, as each target computes it, with the
 * left side on the reference kernels.  Exit status: 0 all agree, 1 some do not, 2 wrong usage or no rules. */
#include <dlfcn.h>
#include <getopt.h>
#include <stdlib.h>

#include "expand.h"
#include "verify.h"

const sld_ruleset *sld_ruleset_solder(void);

enum { WRONG_OF_RULE = 2, /* more tell nothing new */
       TEST_DATA = 4 };   /* how often a test gets numbers */
typedef struct session {
    pat_session *s;
    pat_program *p;
    vf_report r;
    bool quiet, list;
    uint32_t wrong, most_wrong;
    int64_t most;
} session;

static const char usage[] =
    "usage: verify [options] FILE.pat...\n"
    "  --rule A,B       only these rules, or all instances of these families\n"
    "  --cases N        graphs of each variant; default 24\n"
    "  --seed S         others\n"
    "  --targets A,B    of ref, cpu, hip; default ref,cpu and hip where there is a device\n"
    "  --elements N     of the largest value; default 65536\n"
    "  --ruleset LIB    the rules as a shared library that exports sld_ruleset_solder; default those linked in\n"
    "  --failures N     stop after so many; default 10\n"
    "  --quiet          no table\n";

/* ------------------------------------------------------------------ failures -- */

/* A smaller graph on which the same target is wrong, drawn until none is found. */
static vf_outcome shrink(const session *s, pat_drawn *d, vf_outcome worst)
{
    vf_tally unused = {.launched = calloc(s->r.rules->n_kernels + 1u, sizeof(uint32_t))};
    for (uint32_t k = 0, tries = 60; k < tries; k++) {
        pat_drawn smaller = *d;
        smaller.seed = d->seed + 128 * k + k % 5;
        if (!pat_draw(s->s, s->p, d->elements > 4 ? d->elements / 2 : 2, &smaller) || smaller.elements >= d->elements)
            continue;
        vf_outcome o = vf_check(s->r.rules, &smaller, NULL, s->most, 1u << worst.target, &unused);
        if (!o.wrong)
            continue;
        vf_run_free(&worst.run);
        worst = o;
        *d = smaller;
        k = 0, tries = tries > 20 ? tries - 20 : 0;
    }
    free(unused.launched);
    return worst;
}

static void tell(session *s, pat_drawn d, const pat_instance *test, vf_outcome o)
{
    static const char *const targets[] = {"ref", "cpu", "hip"};
    const char *name = d.rule->name;
    fprintf(stderr, "%s, variant %u, on %s: wrong with seed %u%s%s%s\n", name, d.variant, targets[o.target], d.seed,
            test ? ", test \"" : "", test ? test->test->title : "", test ? "\"" : "");
    if (!test)
        o = shrink(s, &d, o);
    fprintf(stderr, "  %s\n  where %s\n", o.what, o.inputs);
    if (!test)
        fprintf(stderr, "  test \"verify %u\" { %s%s%s%stokens = %lld, world = %lld, units = %lld; fires 1 }\n", d.seed, d.binds,
                *d.binds && *o.run.options ? ", " : "", o.run.options, *d.binds || *o.run.options ? ", " : "",
                (long long)o.run.tokens.lo, (long long)o.run.world, (long long)o.run.units);
    if (s->list)
        fprintf(stderr, "%s", d.graph);
    vf_run_free(&o.run);
}

/* -------------------------------------------------------------------- cases -- */

static vf_row *row_of(session *s, const pat_rule *r)
{
    const char *name = pat_written_name(r);
    for (uint32_t i = 0; i < s->r.n; i++)
        if (!strcmp(s->r.rows[i].name, name))
            return &s->r.rows[i];
    s->r.rows = realloc(s->r.rows, (s->r.n + 1) * sizeof *s->r.rows);
    s->r.rows[s->r.n] = (vf_row){.name = name, .tally.launched = s->r.launched};
    return &s->r.rows[s->r.n++];
}

static bool check_one(session *s, const pat_drawn *d, const pat_instance *test)
{
    vf_row *r = row_of(s, d->rule);
    uint32_t before = vf_comparisons(r);
    if (s->wrong >= s->most_wrong || r->wrong >= WRONG_OF_RULE)
        return true;
    vf_outcome o = vf_check(s->r.rules, d, test, s->most, s->r.targets, &r->tally);
    if (!o.wrong && o.what[0])
        snprintf(r->why, sizeof r->why, "%.299s", o.what);
    if (o.wrong) {
        s->wrong++;
        r->wrong++;
        tell(s, *d, test, o);
    }
    return o.wrong || vf_comparisons(r) > before;
}

static bool check(void *of, const pat_drawn *d)
{
    return check_one(of, d, NULL);
}

/* ---- kernels that no graph reached: graphs of which they say what is asked ---- */

typedef struct hunt { session *s; uint32_t kernel; } hunt;

static bool check_for_kernel(void *of, const pat_drawn *d)
{
    hunt *h = of;
    if (!h->s->r.launched[h->kernel])
        check_one(h->s, d, NULL);
    return h->s->r.launched[h->kernel];
}

/* Rows of kernels stand in the order of the text. */
static const pat_kernel *kernel_of(const session *s, uint32_t k)
{
    const pat_program *p = s->p;
    const char *op = s->r.rules->ops[s->r.rules->kernels[k].op].name;
    for (uint32_t i = 0; i < p->kernels.n; i++)
        if (!strcmp(p->kernels.at[i]->name, op))
            return p->kernels.at[i];
    return NULL;
}

static bool asked_for(const session *s, const char *name, const char *rules)
{
    for (uint32_t i = 0; i < s->p->rules.n; i++)
        if (!strcmp(s->p->rules.at[i]->name, name))
            return pat_rule_asked(s->p->rules.at[i], rules);
    return false;
}

static void hunt_kernels(session *s, const pat_draws *o)
{
    const sld_ruleset *r = s->r.rules;
    for (uint32_t k = 0; k < r->n_kernels; k++)
        for (uint32_t i = 0; i < r->n_rules && vf_wanted(&s->r, k); i++)
            for (uint32_t j = 0; j < r->rules[i].n_made && !s->r.launched[k]; j++) {
                hunt h = {s, k};
                const pat_draws more = {.rules = r->rules[i].name, .n = 4, .seed = o->seed + 1000, .most = o->most,
                                        .kernel = kernel_of(s, k), .row = k - r->kernel_index[r->kernels[k].op],
                                        .each = check_for_kernel, .user = &h};
                if (r->rules[i].made[j] == r->kernels[k].op && asked_for(s, r->rules[i].name, o->rules))
                    pat_draw_all(s->s, s->p, &more);
            }
}

static void none(void *of, const pat_drawn *d)
{
    vf_row *r = row_of(of, d->rule);
    snprintf(r->why, sizeof r->why, "no graph was found for variant %u of %s", d->variant, d->rule->name);
}

/* The graphs of tests that stand in the rules. One that was pasted from here has its seed in its name. */
static void check_tests(session *s, const char *rules)
{
    pat_instances tests = {0};
    pat_make_instances(s->s, s->p, &tests);
    for (uint32_t i = 0; i < tests.n; i++) {
        const pat_instance *t = tests.at[i];
        pat_drawn d = {.rule = t->rule, .variant = t->variant, .graph = t->graph, .binds = ""};
        unsigned seed = 0;
        if (!t->test->fires || !pat_rule_asked(t->rule, rules))
            continue;
        sscanf(t->test->title, "verify %u", &seed);
        for (unsigned k = 0; k < TEST_DATA; k++) {
            d.seed = seed + 128 * k + (seed ? 0 : k);
            check_one(s, &d, t);
        }
    }
}

/* -------------------------------------------------------------- command line -- */

static const sld_ruleset *open_ruleset(const char *path)
{
    const sld_ruleset *(*get)(void) = NULL;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library)
        *(void **)&get = dlsym(library, "sld_ruleset_solder");
    if (!get)
        fprintf(stderr, "verify: %s\n", dlerror());
    return get ? get() : NULL;
}

static bool device_there(void)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_device *d = sld_device_open(ctx, 0);
    sld_device_close(d);
    sld_ctx_free(ctx);
    return d != NULL;
}

static unsigned targets_of(const char *text)
{
    if (!text)
        return 3u | (device_there() ? 4u : 0);
    return (strstr(text, "ref") ? 1u : 0) | (strstr(text, "cpu") ? 2u : 0) | (strstr(text, "hip") ? 4u : 0);
}

static uint32_t comparisons_of_all(const vf_report *r)
{
    uint32_t cases = 0;
    for (uint32_t i = 0; i < r->n; i++)
        cases += vf_comparisons(&r->rows[i]);
    return cases;
}

static void print_all(const session *s, bool one)
{
    if (!s->quiet)
        vf_print_table(&s->r);
    if (!s->quiet && !one)
        vf_print_kernels(&s->r);
    if (!s->quiet)
        vf_print_edges(&s->r);
    printf("verify: %u comparisons of %u rules, %u wrong\n", comparisons_of_all(&s->r), s->r.n, s->wrong);
}

static int run(session *s, pat_draws *o, int n, char **files)
{
    s->s = pat_open();
    s->r.launched = calloc(s->r.rules->n_kernels + 1u, sizeof *s->r.launched);
    s->p = pat_parse_files(s->s, n, (const char *const *)files);
    bool ok = pat_check(s->s, s->p);
    int status = 2;
    if (!ok)
        pat_print_diags(s->s, stderr);
    else if (!pat_draw_all(s->s, s->p, o))
        fprintf(stderr, "verify: there is no rule '%s'\n", o->rules ? o->rules : "");
    else {
        check_tests(s, o->rules);
        hunt_kernels(s, o);
        print_all(s, o->rules);
        status = s->wrong != 0;
    }
    pat_close(s->s);
    free(s->r.launched);
    free(s->r.rows);
    return status;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"rule", required_argument, 0, 'r'}, {"cases", required_argument, 0, 'n'}, {"seed", required_argument, 0, 's'},
        {"targets", required_argument, 0, 't'}, {"elements", required_argument, 0, 'e'}, {"quiet", no_argument, 0, 'q'},
        {"ruleset", required_argument, 0, 'l'}, {"failures", required_argument, 0, 'f'}, {"graph", no_argument, 0, 'g'},
        {0, 0, 0, 0}};
    session s = {.r.rules = sld_ruleset_solder(), .most_wrong = 10};
    pat_draws draws = {.n = 24, .seed = 1, .most = PAT_DRAW_MOST, .each = check, .none = none, .user = &s};
    const char *targets = NULL;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (c) {
        case 'r': draws.rules = optarg; break;
        case 'n': draws.n = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 's': draws.seed = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 'e': draws.most = strtol(optarg, NULL, 10); break;
        case 'f': s.most_wrong = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 't': targets = optarg; break;
        case 'q': s.quiet = true; break;
        case 'g': s.list = true; break;
        case 'l': s.r.rules = open_ruleset(optarg); break;
        default: fputs(usage, stderr); return 2;
        }
    if (optind == argc || !s.r.rules) {
        fputs(usage, stderr);
        return 2;
    }
    s.r.targets = targets_of(targets);
    s.most = draws.most;
    return run(&s, &draws, argc - optind, argv + optind);
}
