/* mutate_rules: mutants of .pat files, and the C of a few rules of a program.
 *
 *     mutate_rules list FILE.pat...                  operator, owner, place, begin, end, rules to try, what was there,
 *                                                   and what comes instead; by tabs
 *     mutate_rules makers OPS FILE.pat...            rules that make one of these ops, a few of each family (names with
 *                                                   commas)
 *     mutate_rules compile OUT.c RULES FILE.pat...   checks and generates only these rules (names with commas), and for
 *                                                   `=op` all kernels of that op
 *
 * Exit status of compile: 0 made, 10 the checker refuses, 11 the generator does. */
#include <stdlib.h>
#include <string.h>

#include "gen.h"
#include "mutants.h"
#include "source.h"

enum { REFUSED = 10, NOT_GENERATED = 11 };

/* -------------------------------------------------------------------- users -- */

static bool uses(const pat_program *p, const pat_term *t, const char *name);

/* A name that is applied is the wanted one, or a pattern that uses it. Before the check an alternative's term is its last
 * statement. */
static bool leads(const pat_program *p, pat_name applied, const char *name)
{
    const pat_pattern *q = pat_find_pattern(p, applied);
    bool found = !strcmp(applied, name);
    for (uint32_t i = 0; q && i < q->alts.n && !found; i++) {
        found = q->alts.at[i]->value && uses(p, q->alts.at[i]->value, name);
        for (uint32_t j = 0; j < q->alts.at[i]->stmts.n && !found; j++)
            found = uses(p, q->alts.at[i]->stmts.at[j]->value, name);
    }
    return found;
}

static bool uses(const pat_program *p, const pat_term *t, const char *name)
{
    bool found = t->kind == PT_APPLY && leads(p, t->name, name);
    for (uint32_t i = 0; i < t->operands.n && !found; i++)
        found = uses(p, t->operands.at[i], name);
    return found;
}

static bool asks(const mutants *m, const pat_expr *e, const pat_condition *c)
{
    const pat_condition *named = mutants_named(m, e);
    bool found = named && (named == c || asks(m, named->value, c));
    for (uint32_t i = 0; !named && i < e->args.n && !found; i++)
        found = asks(m, e->args.at[i], c);
    return found;
}

static bool one_asks(const mutants *m, const pat_exprs *all, const pat_condition *c)
{
    bool found = false;
    for (uint32_t i = 0; i < all->n && !found; i++)
        found = asks(m, all->at[i], c);
    return found;
}

/* Whether it changes a row of the kernels of an op: ops may share rows, and conditions. */
static bool concerns_kernel(const mutants *m, const mutant *x, const pat_kernel *k)
{
    bool found = false;
    for (uint32_t i = 0; i < k->rows.n && !found; i++) {
        const pat_expr *when = k->rows.at[i]->when;
        if (when)
            found = x->named ? asks(m, when, x->named)
                             : x->kernel && when->span.file == x->span.file && x->span.end > when->span.begin &&
                                   x->span.begin < when->span.end;
    }
    return found;
}

static bool makes(const pat_program *p, const pat_rule *r, const char *op)
{
    bool found = false;
    for (uint32_t i = 0; i < r->replace.n && !found; i++)
        found = uses(p, r->replace.at[i]->value, op);
    return found;
}

static bool concerns(const mutants *m, const mutant *x, const pat_rule *r)
{
    const pat_program *p = m->p;
    bool found = !x->kernel && !x->pattern && !x->named && !strcmp(pat_written_name(r), x->owner);
    for (uint32_t i = 0; x->pattern && i < r->match.n && !found; i++)
        found = uses(p, r->match.at[i]->value, x->owner);
    if (x->named)
        found = one_asks(m, &r->where, x->named) || one_asks(m, &r->gate, x->named);
    for (uint32_t i = 0; (x->kernel || x->named) && i < p->kernels.n && !found; i++)
        found = makes(p, r, p->kernels.at[i]->name) && concerns_kernel(m, x, p->kernels.at[i]);
    return found;
}

/* By their written names, each once; and `=op` for each op whose kernels it changes. */
static void print_rules(const mutants *m, const mutant *x)
{
    const pat_program *p = m->p;
    const char *last = "";
    for (uint32_t i = 0; i < p->rules.n; i++) {
        const char *name = pat_written_name(p->rules.at[i]);
        if (!concerns(m, x, p->rules.at[i]) || !strcmp(name, last))
            continue;
        printf("%s%s", *last ? "," : "", name);
        last = name;
    }
    for (uint32_t i = 0; (x->kernel || x->named) && i < p->kernels.n; i++)
        if (concerns_kernel(m, x, p->kernels.at[i])) {
            printf("%s=%s", *last ? "," : "", p->kernels.at[i]->name);
            last = "=";
        }
}

/* --------------------------------------------------------------------- list -- */

static void print_text(const char *text)
{
    for (; *text; text++)
        putchar(*text == '\n' || *text == '\t' ? ' ' : *text);
}

/* A comment would end with the line that it does not have any more. */
static bool one_line(const char *text)
{
    return !strchr(text, '#');
}

static int list(pat_session *s, pat_program *p)
{
    mutants m = {.s = s, .p = p};
    find_mutants(&m);
    for (uint32_t i = 0; i < m.all.n; i++) {
        const mutant *x = m.all.at[i];
        const char *file;
        unsigned line, col;
        size_t n;
        const char *at = pat_span_text(s, x->span, &n), *was = pat_intern(s, at, n);
        if (!one_line(x->text))
            continue;
        pat_location(s, x->span, &file, &line, &col);
        printf("%s\t%s\t%s:%u\t%u\t%u\t", x->op, x->kernel ? x->kernel->name : x->owner, file, line, x->span.begin,
               x->span.end);
        print_rules(&m, x);
        putchar('\t');
        print_text(was);
        putchar('\t');
        print_text(x->text);
        putchar('\n');
    }
    return 0;
}

/* ------------------------------------------------------------------- makers -- */

static bool makes_one(const pat_program *p, const pat_rule *r, const char *ops)
{
    for (uint32_t i = 0; i < p->ops.n; i++)
        if (pat_named_in(ops, p->ops.at[i]->name) && makes(p, r, p->ops.at[i]->name))
            return true;
    return false;
}

/* Of a large family every seventh, so that each of its lists is gone through. */
static int list_makers(const pat_program *p, const char *ops)
{
    const char *sep = "";
    for (uint32_t i = 0, instance = 0; i < p->rules.n; i++) {
        const pat_rule *r = p->rules.at[i];
        instance = r->family_of && i && p->rules.at[i - 1]->family_of == r->family_of ? instance + 1 : 0;
        if ((instance < 7 || instance % 7 == 0) && makes_one(p, r, ops))
            printf("%s%s", sep, r->name), sep = ",";
    }
    printf("\n");
    return 0;
}

/* ------------------------------------------------------------------ compile -- */

static bool in_choice(const pat_program *p, const pat_expr *e, const char *op)
{
    bool found = e->kind == PE_NAME && leads(p, e->name, op);
    for (uint32_t i = 0; i < e->args.n && !found; i++)
        found = in_choice(p, e->args.at[i], op);
    return found;
}

/* An op stands on a side of a rule that is kept, or is among the choices of a family. */
static bool concerned(const pat_program *p, const char *op)
{
    bool found = false;
    for (uint32_t i = 0; i < p->rules.n && !found; i++) {
        const pat_rule *r = p->rules.at[i];
        for (uint32_t j = 0; j < r->match.n && !found; j++)
            found = uses(p, r->match.at[j]->value, op);
        for (uint32_t j = 0; j < r->replace.n && !found; j++)
            found = uses(p, r->replace.at[j]->value, op);
        for (uint32_t j = 0; j < r->family.n && !found; j++)
            found = in_choice(p, r->family.at[j], op);
    }
    return found;
}

/* Of kernels only those that graphs of these tests may run, or that are asked for. */
static void leave_rows(const pat_program *p, pat_kernel *k, const char *names)
{
    char asked[200];
    uint32_t n = 0;
    snprintf(asked, sizeof asked, "=%s", k->name);
    bool all = pat_named_in(names, asked), any = all || concerned(p, k->name);
    for (uint32_t i = 0; i < k->rows.n; i++)
        if (all || (any && strcmp(k->rows.at[i]->target, "hip")))
            k->rows.at[n++] = k->rows.at[i];
    k->rows.n = n;
}

/* Before families become rules. */
static void keep(pat_program *p, const char *names)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->rules.n; i++)
        if (pat_named_in(names, p->rules.at[i]->name))
            p->rules.at[n++] = p->rules.at[i];
    p->rules.n = n;
    p->vocabs.n = 0;
    for (uint32_t i = 0; i < p->kernels.n; i++)
        leave_rows(p, p->kernels.at[i], names);
    for (uint32_t i = 0; i < p->ops.n; i++)
        if (!concerned(p, p->ops.at[i]->name))
            p->ops.at[i]->where.n = 0; /* what takes longest to check */
}

static int compile(pat_session *s, pat_program *p, const char *out, const char *names)
{
    keep(p, names);
    if (!pat_check(s, p)) {
        pat_print_diags(s, stderr);
        return REFUSED;
    }
    const gen_options options = {.name = "solder", .output = out};
    return gen_compile(s, p, &options, 0, NULL) ? NOT_GENERATED : 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    int first = !strcmp(what, "list") ? 2 : !strcmp(what, "makers") ? 3 : !strcmp(what, "compile") ? 4 : argc;
    if (first >= argc) {
        fprintf(stderr, "usage: mutate_rules list FILE.pat... | makers OPS FILE.pat... | compile OUT.c RULES FILE.pat...\n");
        return 2;
    }
    pat_session *s = pat_open();
    pat_program *p = pat_parse_files(s, argc - first, (const char *const *)argv + first);
    int status = first == 4 ? compile(s, p, argv[2], argv[3])
               : !pat_check(s, p) ? 2 : first == 2 ? list(s, p) : list_makers(p, argv[2]);
    pat_close(s);
    return status;
}
