/* solderc: compiles .pat files into one C file.  `solderc --help` lists what it does.
 *
 * Exit status: 0 success, 1 a rule is wrong or a file cannot be read or written, 2 wrong
 * usage.  The output appears whole or not at all. */
#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doc.h"
#include "explain.h"
#include "fmt.h"
#include "gen.h"
#include "instance.h"
#include "lsp.h"
#include "memory.h"
#include "why.h"

typedef enum job { COMPILE, CHECK, TESTS, DOC, EXPLAIN, FORMAT, FORMAT_CHECK, WHY, SERVE, DRAW } job;

typedef struct options {
    job job;
    const char *depfile, *why, *rule;
    unsigned cases, seed;
    gen_options gen;
    pat_diag_options diags;
} options;

static const char usage_text[] =
    "usage: solderc [-o OUT.c] [-n NAME] FILE.pat...      compile rules to C\n"
    "       solderc --check FILE.pat...                   only report errors\n"
    "       solderc --tests [-o OUT.c] [-n NAME] FILE.pat...  the tests of the rules as Check cases\n"
    "       solderc --emit-verify [-o OUT] FILE.pat...    random graphs that the rules match, as text\n"
    "       solderc --doc [-o OUT.md] FILE.pat...         reference of all declarations as Markdown\n"
    "       solderc --explain RULE FILE.pat...            a rule's variants, the types of all values, its kernels\n"
    "       solderc --fmt[=check] FILE.pat...             format in place; check: name files that would change\n"
    "       solderc --why CODE                            explain a diagnostic\n"
    "       solderc --lsp                                 language server for editors, on stdin and stdout\n"
    "  -o, --output OUT     write there instead of standard output\n"
    "  -n, --name NAME      export sld_ruleset_NAME(); default solder\n"
    "      --depfile FILE   write rules for make: OUT depends on all files that were read\n"
    "      --line           #line directives lead from the C back to the rules\n"
    "      --stats          tell the size of each automaton on standard error\n"
    "      --cases N        draw N graphs of each variant of a rule; default 8\n"
    "      --seed N         draw others\n"
    "      --max-errors N   print at most N errors, 0: all; default 20\n"
    "  -Werror              warnings are errors\n"
    "      --format FORM    of diagnostics: text, or json (an object a line)\n";

static int usage(FILE *f, int status)
{
    fputs(usage_text, f);
    return status;
}

static bool wrong(const char *option, const char *value)
{
    fprintf(stderr, "solderc: %s cannot be '%s'\n", option, value);
    return false;
}

static bool set_number(const char *option, const char *text, unsigned *number)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || n > 1000000)
        return wrong(option, text);
    *number = (unsigned)n;
    return true;
}

static bool set_format(const char *text, bool *json)
{
    *json = !strcmp(text, "json");
    return *json || !strcmp(text, "text") || wrong("--format", text);
}

/* One option of the command line. */
static bool set(options *o, int c)
{
    switch (c) {
    case 'o': o->gen.output = optarg; return true;
    case 'n': o->gen.name = optarg; return true;
    case 'l': o->gen.lines = true; return true;
    case 's': o->gen.stats = true; return true;
    case 'c': o->job = CHECK; return true;
    case 'd': o->job = DOC; return true;
    case 'F':
        o->job = optarg ? FORMAT_CHECK : FORMAT;
        return !optarg || !strcmp(optarg, "check") || wrong("--fmt", optarg);
    case 'L': o->job = SERVE; return true;
    case 'D': o->depfile = optarg; return true;
    case 't': o->job = TESTS; return true;
    case 'V': o->job = DRAW; return true;
    case 'C': return set_number("--cases", optarg, &o->cases);
    case 'S': return set_number("--seed", optarg, &o->seed);
    case 'e': o->job = EXPLAIN; o->rule = optarg; return true;
    case 'y': o->job = WHY; o->why = optarg; return true;
    case 'm': return set_number("--max-errors", optarg, &o->diags.max_errors);
    case 'f': return set_format(optarg, &o->diags.json);
    case 'W': return (o->diags.werror = !strcmp(optarg, "error")) || wrong("-W", optarg);
    default: return false;
    }
}

static int explain(const char *code)
{
    if (pat_explain_code(code, stdout))
        return 0;
    fprintf(stderr, "solderc: no diagnostic has the code '%s'; codes look like E0312\n", code);
    return 1;
}

/* What `print` prints, written to a file as a whole. */
static int write_printed(const char *path, void *data, void print(void *data, FILE *out))
{
    pat_printed text;
    print(data, pat_print(&text));
    pat_print_end(&text);
    int status = out_write(path, text.text, text.n);
    free(text.text);
    return status;
}

typedef struct run { const options *o; pat_session *session; pat_program *program; } run;

static void print_doc(void *data, FILE *out)
{
    const run *r = data;
    pat_write_doc(r->session, r->program, out);
}

static void print_deps(void *data, FILE *out)
{
    const run *r = data;
    pat_write_deps(r->session, r->o->gen.output, out);
}

static void print_rule(void *data, FILE *out)
{
    const run *r = data;
    pat_explain(r->session, r->program, r->o->rule, out);
}

static bool print_case(void *out, const pat_drawn *d)
{
    fprintf(out, "# rule %s, variant %u: test \"verify %u\" { %s%sfires 1 }\n%s\n", d->rule->name, d->variant, d->seed, d->binds,
            *d->binds ? "; " : "", d->graph);
    return true;
}

static void print_none(void *out, const pat_drawn *d)
{
    fprintf(out, "# rule %s, variant %u: no graph was found\n\n", d->rule->name, d->variant);
}

static void print_cases(void *data, FILE *out)
{
    const run *r = data;
    const pat_draws all = {.n = r->o->cases, .seed = r->o->seed, .most = PAT_DRAW_MOST, .each = print_case,
                           .none = print_none, .user = out};
    pat_draw_all(r->session, r->program, &all);
}

static int explain_rule(run *r)
{
    for (uint32_t i = 0; i < r->program->rules.n; i++)
        if (!strcmp(r->program->rules.at[i]->name, r->o->rule))
            return write_printed(r->o->gen.output, r, print_rule);
    fprintf(stderr, "solderc: there is no rule '%s' in these files\n", r->o->rule);
    return 1;
}

/* Does the job with files that were parsed. */
static int finish(run *r, int n, char *const *files)
{
    const options *o = r->o;
    bool ok = pat_check(r->session, r->program);
    if (!ok || (o->job != COMPILE && o->job != TESTS))
        pat_print_diags(r->session, stderr);
    if (!ok || o->job == CHECK)
        return !ok;
    if (o->job == TESTS)
        return gen_tests(r->session, r->program, o->gen.name, o->gen.output);
    if (o->job == DRAW)
        return write_printed(o->gen.output, r, print_cases);
    if (o->job == EXPLAIN)
        return explain_rule(r);
    if (o->job == DOC)
        return write_printed(o->gen.output, r, print_doc);
    int status = gen_compile(r->session, r->program, &o->gen, n, files);
    return status || !o->depfile ? status : write_printed(o->depfile, r, print_deps);
}

static int compile(const options *o, int n, char *const *files)
{
    run r = {o, pat_open(), NULL};
    pat_set_diag_options(r.session, o->diags);
    r.program = pat_parse_files(r.session, n, (const char *const *)files);
    int status = finish(&r, n, files);
    pat_close(r.session);
    return status;
}

/* Formats a file of the session into itself, standard input to standard output; or says whether it would. */
static int format_file(pat_session *s, uint32_t file, const char *path, bool check)
{
    pat_printed text;
    bool same = false, ok = pat_format(s, file, pat_print(&text), &same);
    int status = !ok;
    pat_print_end(&text);
    if (!ok && !pat_error_count(s))
        fprintf(stderr, "solderc: %s cannot be formatted without changing it\n", path);
    else if (!status && check && !same)
        status = printf("%s\n", path) < 0 || 1;
    else if (!status && !check && (!same || !strcmp(path, "-")))
        status = out_write(strcmp(path, "-") ? path : NULL, text.text, text.n);
    free(text.text);
    return status;
}

/* Each file is looked at on its own: one with errors stays, the others are formatted. */
static int format(const options *o, int n, char *const *files)
{
    int status = 0;
    for (int i = 0; i < n; i++) {
        pat_session *s = pat_open();
        pat_set_diag_options(s, o->diags);
        uint32_t file = pat_read_source(s, files[i], (pat_span){UINT32_MAX, 0, 0});
        status |= file == UINT32_MAX || format_file(s, file, files[i], o->job == FORMAT_CHECK);
        pat_print_diags(s, stderr);
        pat_close(s);
    }
    return status;
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"output", required_argument, 0, 'o'},     {"name", required_argument, 0, 'n'},
        {"check", no_argument, 0, 'c'},            {"doc", no_argument, 0, 'd'},
        {"fmt", optional_argument, 0, 'F'},        {"lsp", no_argument, 0, 'L'},
        {"depfile", required_argument, 0, 'D'},    {"why", required_argument, 0, 'y'},
        {"max-errors", required_argument, 0, 'm'}, {"format", required_argument, 0, 'f'},
        {"explain", required_argument, 0, 'e'},    {"tests", no_argument, 0, 't'},
        {"emit-verify", no_argument, 0, 'V'},      {"cases", required_argument, 0, 'C'},
        {"seed", required_argument, 0, 'S'},
        {"line", no_argument, 0, 'l'},             {"stats", no_argument, 0, 's'},
        {"help", no_argument, 0, 'h'},             {0, 0, 0, 0},
    };
    options o = {.gen.name = "solder", .diags.max_errors = 20, .cases = 8};
    for (int c; (c = getopt_long(argc, argv, "o:n:W:h", long_options, NULL)) != -1;)
        if (c == 'h')
            return usage(stdout, 0);
        else if (!set(&o, c))
            return usage(stderr, 2);
    if (o.job == WHY)
        return explain(o.why);
    if (o.job == SERVE)
        return pat_lsp(stdin, stdout);
    if (optind == argc || (o.depfile && (!o.gen.output || o.job != COMPILE)))
        return usage(stderr, 2);
    if (o.job == FORMAT || o.job == FORMAT_CHECK)
        return format(&o, argc - optind, argv + optind);
    return compile(&o, argc - optind, argv + optind);
}
