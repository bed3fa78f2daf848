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

enum { WRONG_OF_RULE = 2 }; /* more tell nothing new */
typedef struct row { const char *name; uint32_t wrong; vf_tally tally; char why[300]; } row;

typedef struct session {
    pat_session *s;
    pat_program *p;
    const sld_ruleset *rules;
    unsigned targets;
    bool quiet, list;
    uint32_t n_rows, wrong, most_wrong;
    row *rows;
    uint32_t *launched; /* by kernel */
} session;

static const char usage[] =
    "usage: verify [options] FILE.pat...\n"
    "  --rule NAME      only this rule, or all instances of this family\n"
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
    vf_tally unused = {.launched = calloc(s->rules->n_kernels + 1u, sizeof(uint32_t))};
    for (uint32_t k = 0, tries = 60; k < tries; k++) {
        pat_drawn smaller = *d;
        smaller.seed = d->seed + 8 * k + k % 5;
        if (!pat_draw(s->s, s->p, d->elements > 4 ? d->elements / 2 : 2, &smaller) || smaller.elements >= d->elements)
            continue;
        vf_outcome o = vf_check(s->rules, &smaller, 1u << worst.target, &unused);
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

static void tell(session *s, pat_drawn d, vf_outcome o)
{
    static const char *const targets[] = {"ref", "cpu", "hip"};
    const char *name = d.rule->name;
    fprintf(stderr, "%s, variant %u, on %s: wrong with seed %u\n", name, d.variant, targets[o.target], d.seed);
    o = shrink(s, &d, o);
    fprintf(stderr, "  %s\n  where %s\n  test \"verify %u\" { %s%s%s", o.what, o.inputs, d.seed, d.binds, *d.binds && *o.run.options ? ", " : "",
            o.run.options);
    fprintf(stderr, "%stokens = %lld, world = %lld; fires 1 }\n", *d.binds || *o.run.options ? ", " : "",
            (long long)o.run.tokens, (long long)o.run.world);
    if (s->list)
        fprintf(stderr, "%s", d.graph);
    vf_run_free(&o.run);
}

/* -------------------------------------------------------------------- cases -- */

static row *row_of(session *s, const pat_rule *r)
{
    const char *name = pat_written_name(r);
    for (uint32_t i = 0; i < s->n_rows; i++)
        if (!strcmp(s->rows[i].name, name))
            return &s->rows[i];
    s->rows = realloc(s->rows, (s->n_rows + 1) * sizeof *s->rows);
    s->rows[s->n_rows] = (row){.name = name, .tally.launched = s->launched};
    return &s->rows[s->n_rows++];
}

static uint32_t comparisons(const row *r)
{
    uint32_t n = 0;
    for (int t = 0; t < SLD_TARGET_COUNT; t++)
        n += r->tally.cells[t].cases;
    return n;
}

static bool check(void *of, const pat_drawn *d)
{
    session *s = of;
    row *r = row_of(s, d->rule);
    uint32_t before = comparisons(r);
    if (s->wrong >= s->most_wrong || r->wrong >= WRONG_OF_RULE)
        return true;
    vf_outcome o = vf_check(s->rules, d, s->targets, &r->tally);
    if (!o.wrong && o.what[0])
        snprintf(r->why, sizeof r->why, "%.299s", o.what);
    if (o.wrong) {
        s->wrong++;
        r->wrong++;
        tell(s, *d, o);
    }
    return o.wrong || comparisons(r) > before;
}

static void none(void *of, const pat_drawn *d)
{
    row *r = row_of(of, d->rule);
    snprintf(r->why, sizeof r->why, "no graph was found for variant %u of %s", d->variant, d->rule->name);
}

/* -------------------------------------------------------------------- table -- */

static void print_cell(const vf_cell *c)
{
    if (!c->cases)
        printf(" |");
    else if (c->share > 0)
        printf(" %u: %.3g, %.1e, %.2g%% |", c->cases, c->ulp, c->norm, 100 * c->share);
    else if (c->norm > 0 || c->ulp > 0)
        printf(" %u: %.3g, %.1e |", c->cases, c->ulp, c->norm);
    else
        printf(" %u: equal |", c->cases);
}

static uint32_t comparisons_of_all(const session *s)
{
    uint32_t cases = 0;
    for (uint32_t i = 0; i < s->n_rows; i++)
        cases += comparisons(&s->rows[i]);
    return cases;
}

static uint32_t print_table(const session *s)
{
    printf("| rule | ref | cpu | hip | |\n| --- | --- | --- | --- | --- |\n");
    for (uint32_t i = 0; i < s->n_rows; i++) {
        const row *r = &s->rows[i];
        uint32_t n = comparisons(r);
        printf("| `%s` |", r->name);
        for (int t = 0; t < SLD_TARGET_COUNT; t++)
            print_cell(&r->tally.cells[t]);
        printf(" %s |\n", n ? "" : r->why[0] ? r->why : "it never fired");
    }
    return comparisons_of_all(s);
}

/* Ops that rules make. */
static bool is_made(const sld_ruleset *r, uint16_t op)
{
    for (uint32_t i = 0; i < r->n_rules; i++)
        for (uint32_t k = 0; k < r->rules[i].n_made; k++)
            if (r->rules[i].made[k] == op)
                return true;
    return false;
}

static void print_kernels(const session *s)
{
    uint32_t ran = 0, all = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < s->rules->n_kernels; i++) {
            const sld_kernel_row *k = &s->rules->kernels[i];
            bool asked = s->targets >> k->target & 1 && is_made(s->rules, k->op);
            if (pass && asked && !s->launched[i])
                printf(" %s", k->name);
            all += !pass && asked;
            ran += !pass && asked && s->launched[i];
        }
        if (!pass)
            printf("\n%u of %u kernels of ops that rules make ran; these did not:", ran, all);
    }
    printf("\n");
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

static int run(session *s, pat_draws *o, int n, char **files)
{
    s->s = pat_open();
    s->launched = calloc(s->rules->n_kernels + 1u, sizeof *s->launched);
    s->p = pat_parse_files(s->s, n, (const char *const *)files);
    bool ok = pat_check(s->s, s->p);
    int status = 2;
    if (!ok)
        pat_print_diags(s->s, stderr);
    else if (!pat_draw_all(s->s, s->p, o))
        fprintf(stderr, "verify: there is no rule '%s'\n", o->rule ? o->rule : "");
    else
        status = s->wrong != 0;
    if (ok)
        printf("verify: %u comparisons of %u rules, %u wrong\n", s->quiet ? comparisons_of_all(s) : print_table(s), s->n_rows, s->wrong);
    if (ok && !s->quiet && !o->rule)
        print_kernels(s);
    pat_close(s->s);
    free(s->launched);
    free(s->rows);
    return status;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"rule", required_argument, 0, 'r'}, {"cases", required_argument, 0, 'n'}, {"seed", required_argument, 0, 's'},
        {"targets", required_argument, 0, 't'}, {"elements", required_argument, 0, 'e'}, {"quiet", no_argument, 0, 'q'},
        {"ruleset", required_argument, 0, 'l'}, {"failures", required_argument, 0, 'f'}, {"graph", no_argument, 0, 'g'},
        {0, 0, 0, 0}};
    session s = {.rules = sld_ruleset_solder(), .most_wrong = 10};
    pat_draws draws = {.n = 24, .seed = 1, .most = PAT_DRAW_MOST, .each = check, .none = none, .user = &s};
    const char *targets = NULL;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (c) {
        case 'r': draws.rule = optarg; break;
        case 'n': draws.n = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 's': draws.seed = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 'e': draws.most = strtol(optarg, NULL, 10); break;
        case 'f': s.most_wrong = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 't': targets = optarg; break;
        case 'q': s.quiet = true; break;
        case 'g': s.list = true; break;
        case 'l': s.rules = open_ruleset(optarg); break;
        default: fputs(usage, stderr); return 2;
        }
    if (optind == argc || !s.rules) {
        fputs(usage, stderr);
        return 2;
    }
    s.targets = targets_of(targets);
    return run(&s, &draws, argc - optind, argv + optind);
}
