/* Files, phases, options, ops, patterns, rules and kernels, with links between them.  Anchors are
 * <kind>-<name>, such as op-rms_norm. */
#include "doc.h"

#include <ctype.h>
#include <string.h>

#include "checker.h"
#include "comment.h"

/* What a rule or a pattern speaks of. */
typedef struct node {
    pat_names left, right;
} node;

typedef struct doc {
    pat_session *s;
    const pat_program *p;
    FILE *out;
    node *rules, *patterns;
} doc;

/* --------------------------------------------------------------- Markdown -- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A line of a comment: `code` stays, other signs of Markdown are escaped. */
static void prose(doc *d, const char *line)
{
    bool code = false;
    if (strchr("#+->=", *line) && *line)
        fputc('\\', d->out);
    for (; *line; line++) {
        code ^= *line == '`';
        if (!code && strchr("\\*_<>[]|", *line))
            fputc('\\', d->out);
        fputc(*line, d->out);
    }
}

/* Indented lines of a comment are tables and formulas, and stay as they are. */
static void comment(doc *d, pat_lines lines)
{
    bool block = false;
    for (uint32_t i = 0; i < lines.n; i++) {
        bool indented = !strncmp(lines.at[i], "  ", 2);
        if (indented != block)
            fputc('\n', d->out);
        block = indented;
        if (block)
            fprintf(d->out, "    %s", lines.at[i]);
        else
            prose(d, lines.at[i]);
        fputc('\n', d->out);
    }
    if (lines.n)
        fputc('\n', d->out);
}

static void source(doc *d, pat_span span)
{
    size_t n;
    const char *text = pat_span_text(d->s, span, &n);
    fprintf(d->out, "```\n%.*s\n```\n\n", (int)n, text);
}

static void heading(doc *d, const char *kind, pat_name name, pat_span span)
{
    fprintf(d->out, "### <a id=\"%s-%s\"></a>%s\n\n", kind, name, name);
    comment(d, pat_comment_of(d->s, span));
    source(d, span);
}

static void link_to(doc *d, const char *kind, pat_name name)
{
    fprintf(d->out, "[`%s`](#%s-%s)", name, kind, name);
}

static void term_link(doc *d, pat_name name)
{
    link_to(d, pat_find_op(d->p, name) ? "op" : "pattern", name);
}

/* "Title: a, b." over the names of a list. */
static void links(doc *d, const char *title, const pat_names *names)
{
    for (uint32_t i = 0; i < names->n; i++) {
        fputs(i ? ", " : title, d->out);
        term_link(d, names->at[i]);
    }
    if (names->n)
        fputs(".\n\n", d->out);
}

/* ------------------------------------------------------------- references -- */

static void note(doc *d, pat_names *names, pat_name name)
{
    if (!pat_listed(names, name))
        PAT_PUSH(d->s->arena, *names, name);
}

static void collect_term(doc *d, pat_names *names, const pat_term *t)
{
    if (!t || t->kind != PT_APPLY)
        return;
    note(d, names, t->name);
    for (uint32_t i = 0; i < t->operands.n; i++)
        collect_term(d, names, t->operands.at[i]);
}

static void collect(doc *d, pat_names *names, const pat_stmts *stmts)
{
    for (uint32_t i = 0; i < stmts->n; i++)
        collect_term(d, names, stmts->at[i]->value);
}

/* The instances of a family stand in one place of the text. */
static bool is_repeated(const doc *d, uint32_t i)
{
    const pat_span a = d->p->rules.at[i]->span, *b = i ? &d->p->rules.at[i - 1]->span : NULL;
    return b && a.file == b->file && a.begin == b->begin;
}

static void collect_all(doc *d)
{
    d->rules = pat_alloc(d->s->arena, (d->p->rules.n + 1) * sizeof *d->rules);
    d->patterns = pat_alloc(d->s->arena, (d->p->patterns.n + 1) * sizeof *d->patterns);
    for (uint32_t i = 0, first = 0; i < d->p->rules.n; i++) {
        first = is_repeated(d, i) ? first : i;
        collect(d, &d->rules[first].left, &d->p->rules.at[i]->match);
        collect(d, &d->rules[first].right, &d->p->rules.at[i]->replace);
    }
    for (uint32_t i = 0; i < d->p->patterns.n; i++)
        for (uint32_t j = 0; j < d->p->patterns.at[i]->alts.n; j++) {
            const pat_alt *a = d->p->patterns.at[i]->alts.at[j];
            collect(d, &d->patterns[i].left, &a->stmts);
            collect_term(d, &d->patterns[i].left, a->value);
        }
}

/* The rules that have a name on their left or right side. */
static void rules_with(doc *d, const char *title, pat_name name, bool right)
{
    const char *before = title;
    for (uint32_t i = 0; i < d->p->rules.n; i++)
        if (!is_repeated(d, i) && pat_listed(right ? &d->rules[i].right : &d->rules[i].left, name)) {
            fputs(before, d->out);
            link_to(d, "rule", pat_written_name(d->p->rules.at[i]));
            before = ", ";
        }
    if (before != title)
        fputs(".\n\n", d->out);
}

static void patterns_with(doc *d, pat_name name)
{
    pat_names users = {0};
    for (uint32_t i = 0; i < d->p->patterns.n; i++)
        if (pat_listed(&d->patterns[i].left, name))
            note(d, &users, d->p->patterns.at[i]->name);
    links(d, "Part of patterns ", &users);
}

/* --------------------------------------------------------------- sections -- */

static void files(doc *d)
{
    fputs("## Files\n\n", d->out);
    for (uint32_t i = 0; i < d->s->files.n; i++) {
        fprintf(d->out, "### %s\n\n", base_name(d->s->files.at[i]->path));
        comment(d, pat_comment_of_file(d->s, i));
    }
}

static void phases(doc *d)
{
    fputs("## Phases\n\nIn the order in which they run.\n\n", d->out);
    for (uint32_t i = 0; i < d->p->phases.n; i++) {
        const pat_phase *ph = d->p->phases.at[i];
        const char *before = "Rules: ";
        heading(d, "phase", ph->name, ph->span);
        for (uint32_t j = 0; j < d->p->rules.n; j++)
            if (d->p->rules.at[j]->phase == ph && !is_repeated(d, j)) {
                fputs(before, d->out);
                link_to(d, "rule", pat_written_name(d->p->rules.at[j]));
                before = ", ";
            }
        fputs(*before == ',' ? ".\n\n" : "No rules.\n\n", d->out);
    }
}

static bool enables(const pat_rule *r, pat_name option)
{
    for (uint32_t i = 0; i < r->enabled.n; i++)
        if (r->enabled.at[i]->name == option)
            return true;
    return false;
}

static void option_list(doc *d, const char *title, const pat_terms *names)
{
    for (uint32_t i = 0; i < names->n; i++) {
        fputs(i ? ", " : title, d->out);
        link_to(d, "option", names->at[i]->name);
    }
    if (names->n)
        fputs(".\n\n", d->out);
}

static void options(doc *d)
{
    if (d->p->options.n)
        fputs("## Options\n\n", d->out);
    for (uint32_t i = 0; i < d->p->options.n; i++) {
        const pat_option *o = d->p->options.at[i];
        const char *before = "Enables ";
        heading(d, "option", o->name, o->span);
        option_list(d, "Requires ", &o->requires);
        option_list(d, "Excludes ", &o->excludes);
        for (uint32_t j = 0; j < d->p->rules.n; j++)
            if (enables(d->p->rules.at[j], o->name) && !is_repeated(d, j)) {
                fputs(before, d->out);
                link_to(d, "rule", pat_written_name(d->p->rules.at[j]));
                before = ", ";
            }
        fputs(*before == ',' ? ".\n\n" : "", d->out);
    }
}

static void words(doc *d)
{
    fputs("## Dtypes and enums\n\n", d->out);
    for (uint32_t i = 0; i < d->p->dtypes.n; i++)
        source(d, d->p->dtypes.at[i]->span);
    for (uint32_t i = 0; i < d->p->enums.n; i++)
        heading(d, "enum", d->p->enums.at[i]->name, d->p->enums.at[i]->span);
}

/* The foreign names of an op. */
static void spellings(doc *d, pat_name op)
{
    const char *before = "Spelled ";
    for (uint32_t i = 0; i < d->p->vocabs.n; i++)
        for (uint32_t j = 0; j < d->p->vocabs.at[i]->entries.n; j++) {
            const pat_vocab_entry *e = d->p->vocabs.at[i]->entries.at[j];
            if (!e->target || e->target->name != op)
                continue;
            fprintf(d->out, "%s`%s` (%s%s", before, e->foreign, d->p->vocabs.at[i]->name,
                    e->since ? ", since " : ")");
            if (e->since)
                fprintf(d->out, "%u)", e->since);
            before = ", ";
        }
    fputs(*before == ',' ? ".\n\n" : "", d->out);
}

static const pat_kernel *kernel_of(const doc *d, pat_name op)
{
    for (uint32_t i = 0; i < d->p->kernels.n; i++)
        if (d->p->kernels.at[i]->name == op)
            return d->p->kernels.at[i];
    return NULL;
}

static void ops(doc *d)
{
    fputs("## Ops\n\n", d->out);
    for (uint32_t i = 0; i < d->p->ops.n; i++) {
        const pat_op *op = d->p->ops.at[i];
        heading(d, "op", op->name, op->span);
        if (kernel_of(d, op->name))
            fprintf(d->out, "[Kernels](#kernel-%s).\n\n", op->name);
        patterns_with(d, op->name);
        rules_with(d, "Matched by ", op->name, false);
        rules_with(d, "Built by ", op->name, true);
        spellings(d, op->name);
    }
}

static void conditions(doc *d)
{
    if (d->p->conditions.n)
        fputs("## Conditions\n\n", d->out);
    for (uint32_t i = 0; i < d->p->conditions.n; i++)
        heading(d, "condition", d->p->conditions.at[i]->name, d->p->conditions.at[i]->span);
}

static void patterns(doc *d)
{
    if (d->p->patterns.n)
        fputs("## Patterns\n\n", d->out);
    for (uint32_t i = 0; i < d->p->patterns.n; i++) {
        const pat_pattern *p = d->p->patterns.at[i];
        heading(d, "pattern", p->name, p->span);
        links(d, "Made of ", &d->patterns[i].left);
        patterns_with(d, p->name);
        rules_with(d, "Used by ", p->name, false);
    }
}

static void rules(doc *d)
{
    if (d->p->rules.n)
        fputs("## Rules\n\n", d->out);
    for (uint32_t i = 0; i < d->p->rules.n; i++) {
        const pat_rule *r = d->p->rules.at[i];
        if (is_repeated(d, i))
            continue;
        heading(d, "rule", pat_written_name(r), r->span);
        if (r->phase) {
            fputs("In phase ", d->out);
            link_to(d, "phase", r->phase->name);
            fputs(".\n\n", d->out);
        }
        option_list(d, "Enabled by ", &r->enabled);
        links(d, "Matches ", &d->rules[i].left);
        links(d, "Builds ", &d->rules[i].right);
    }
}

static void kernels(doc *d)
{
    if (d->p->kernels.n)
        fputs("## Kernels\n\n", d->out);
    for (uint32_t i = 0; i < d->p->kernels.n; i++) {
        const pat_kernel *k = d->p->kernels.at[i];
        heading(d, "kernel", k->name, k->span);
        fputs("Of ", d->out);
        link_to(d, "op", k->name);
        fputs(".\n\n", d->out);
    }
}

void pat_write_doc(pat_session *s, const pat_program *p, FILE *out)
{
    doc d = {.s = s, .p = p, .out = out};
    collect_all(&d);
    fputs("# Reference\n\n", out);
    files(&d);
    phases(&d);
    options(&d);
    words(&d);
    ops(&d);
    conditions(&d);
    patterns(&d);
    rules(&d);
    kernels(&d);
}
