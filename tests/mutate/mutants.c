/* See mutants.h. Operators work on the tree, and change the text by its spans. */
#include "mutants.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expand.h"

typedef struct finder {
    mutants *m;
    const char *owner;
    const pat_pattern *pattern;
    const pat_op *kernel;
    const pat_condition *named;
    bool left;
    pat_span whole;          /* declaration */
} finder;

static const char *text_of(const finder *f, pat_span span, size_t *n)
{
    return pat_span_text(f->m->s, span, n);
}

static const char *copy(const finder *f, const char *text, size_t n)
{
    return pat_intern(f->m->s, text, n);
}

static void add(const finder *f, const char *op, pat_span span, const char *text)
{
    pat_arena *a = pat_arena_of(f->m->s);
    mutant *x = pat_alloc(a, sizeof *x);
    size_t n;
    const char *was = text_of(f, span, &n);
    if (strlen(text) == n && !memcmp(was, text, n))
        return;
    *x = (mutant){op, f->owner, f->pattern, f->kernel, f->named, span, text};
    PAT_PUSH(a, f->m->all, x);
}

/* Takes an item out of a list in the text, with the comma before or behind it, or with the word that opens the list. */
static void drop(const finder *f, const char *op, pat_span span)
{
    size_t n;
    const char *at = text_of(f, span, &n), *from = at, *to = at + n;
    while (span.begin && isspace((unsigned char)from[-1]))
        from--, span.begin--;
    if (from[-1] == ',') {
        span.begin--;
        add(f, op, span, "");
        return;
    }
    while (isspace((unsigned char)*to))
        to++, span.end++;
    if (*to == ',') {
        span.end++;
        add(f, op, span, " ");
        return;
    }
    while (isalpha((unsigned char)from[-1]))
        from--, span.begin--;
    add(f, op, span, " ");
}

static void add_number(const finder *f, const char *op, pat_span span, double v, bool whole)
{
    char text[40];
    if (whole)
        snprintf(text, sizeof text, "%" PRId64, (int64_t)v);
    else
        snprintf(text, sizeof text, "%.17g%s", v, v == (double)(int64_t)v ? ".0" : "");
    add(f, op, span, copy(f, text, strlen(text)));
}

static const char *spelt(const finder *f, pat_span span)
{
    size_t n;
    const char *t = text_of(f, span, &n);
    return copy(f, t, n);
}

static void exchange(const finder *f, const char *op, pat_span a, pat_span b)
{
    pat_span all = {a.file, a.begin, b.end}, between = {a.file, a.end, b.begin};
    char text[2000];
    int n = snprintf(text, sizeof text, "%s%s%s", spelt(f, b), spelt(f, between), spelt(f, a));
    if (a.file == b.file && a.end <= b.begin && n > 0 && (size_t)n < sizeof text)
        add(f, op, all, copy(f, text, (size_t)n));
}

/* -------------------------------------------------------------- expressions -- */

static void relation(const finder *f, const pat_expr *e)
{
    static const char *const other[] = {[PE_EQ - PE_EQ] = " != ", [PE_NE - PE_EQ] = " == ", [PE_LT - PE_EQ] = " <= ",
                                        [PE_LE - PE_EQ] = " < ", [PE_GT - PE_EQ] = " >= ", [PE_GE - PE_EQ] = " > "};
    char text[1000];
    int n = snprintf(text, sizeof text, "%s%s%s", spelt(f, e->args.at[0]->span), other[e->kind - PE_EQ],
                     spelt(f, e->args.at[1]->span));
    if (e->kind >= PE_EQ && e->kind <= PE_GE && n > 0 && (size_t)n < sizeof text)
        add(f, "relation", e->span, copy(f, text, (size_t)n));
}

/* Of what it counts: 32 MiB become 33 MiB. */
static void one_more(const finder *f, const pat_expr *e)
{
    char unit[4] = "", text[40];
    long long n = 0;
    if (sscanf(spelt(f, e->span), "%lld %3s", &n, unit) < 2) {
        add_number(f, "number", e->span, (double)e->ival + 1, true);
        return;
    }
    snprintf(text, sizeof text, "%lld %s", n + 1, unit);
    add(f, "number", e->span, copy(f, text, strlen(text)));
}

const pat_condition *mutants_named(const mutants *m, const pat_expr *e)
{
    size_t n, name = 0, depth = 1, i;
    const char *at = pat_span_text(m->s, e->span, &n);
    while (name < n && (isalnum((unsigned char)at[name]) || at[name] == '_'))
        name++;
    for (i = name + 1; i < n && depth; i++)
        depth += at[i] == '(' ? 1 : at[i] == ')' ? (size_t)-1 : 0;
    return at[name] == '(' && i == n ? pat_find_condition(m->p, pat_intern(m->s, at, name)) : NULL;
}

/* Numbers that a named condition is given: its body stands elsewhere. */
static void arguments(const finder *f, const pat_expr *e)
{
    size_t n;
    const char *at = text_of(f, e->span, &n);
    for (size_t i = 1, end; i < n; i = end + 1) {
        for (end = i; end < n && isdigit((unsigned char)at[end]); end++) {}
        pat_span span = {e->span.file, e->span.begin + (uint32_t)i, e->span.begin + (uint32_t)end};
        if (end > i && !isalnum((unsigned char)at[i - 1]) && at[i - 1] != '_')
            add_number(f, "number", span, strtod(at + i, NULL) + 1, true);
    }
}

/* A condition, and the numbers in it. */
static void condition(const finder *f, const pat_expr *e)
{
    if (mutants_named(f->m, e)) {
        arguments(f, e);
        return;
    }
    if (e->kind >= PE_EQ && e->kind <= PE_GE)
        relation(f, e);
    if (e->kind == PE_INT)
        one_more(f, e);
    if (e->kind == PE_NOT)
        add(f, "drop-not", e->span, spelt(f, e->args.at[0]->span));
    if (e->kind == PE_AND || e->kind == PE_OR) {
        add(f, e->kind == PE_AND ? "drop-and" : "drop-or", e->span, spelt(f, e->args.at[0]->span));
        add(f, e->kind == PE_AND ? "drop-and" : "drop-or", e->span, spelt(f, e->args.at[1]->span));
    }
    if (e->kind == PE_SET && e->args.n > 1)
        drop(f, "drop-of-set", e->args.at[0]->span);
    if (e->kind == PE_SET && e->args.n > 1)
        drop(f, "drop-of-set", e->args.at[e->args.n - 1]->span);
    for (uint32_t i = 0; i < e->args.n; i++)
        condition(f, e->args.at[i]);
}

static void conditions(const finder *f, const char *op, const pat_exprs *all)
{
    for (uint32_t i = 0; i < all->n; i++) {
        drop(f, op, all->at[i]->span);
        condition(f, all->at[i]);
    }
}

/* --------------------------------------------------------------------- terms -- */

static const pat_attr *attr_of(const pat_op *op, pat_name name)
{
    for (uint32_t i = 0; op && i < op->attrs.n; i++)
        if (op->attrs.at[i]->name == name)
            return op->attrs.at[i];
    return NULL;
}

static const char *other_word(const pat_attr *a, const char *word)
{
    for (uint32_t i = 0; i < a->words.n; i++)
        if (strcmp(a->words.at[i]->name, word))
            return a->words.at[i]->name;
    return word;
}

/* Another value of an attribute's kind, in text. */
static const char *other_value(const finder *f, const pat_attr *a, const pat_expr *e)
{
    char kind = a->kind ? a->kind[0] : 'e', text[60];
    if (kind == 'e')
        return other_word(a, e->kind == PE_NAME ? e->name : "");
    if (kind == 'b')
        return e->kind == PE_BOOL && e->ival ? "false" : "true";
    if (kind == 'f')
        return e->kind == PE_FLOAT && e->fval == 0.5 ? "0.25" : "0.5";
    if (kind == 'd')
        return e->kind == PE_NAME && !strcmp(e->name, "f32") ? "bf16" : "f32";
    if (kind == 's')
        return "\"elsewhere\"";
    if (!strcmp(a->kind, "axis"))
        return e->kind == PE_NEG && e->args.at[0]->ival == 1 ? "-2" : "-1";
    if (e->kind != PE_INT)
        return NULL;
    int n = snprintf(text, sizeof text, "%" PRId64, e->ival + 1);
    return copy(f, text, (size_t)n);
}

/* Mentioned by name or by place: the value, with the name where that stands alone. */
static void give(const finder *f, const char *op, const pat_arg *a, const char *text)
{
    char named[300];
    size_t n;
    const char *was = text_of(f, a->span, &n);
    bool has_name = memchr(was, '=', n) != NULL;
    bool alone = !has_name && a->value->kind == PE_NAME && a->value->name == a->name;
    bool rest = a->value->text != NULL; /* one of those that `...` takes in */
    if (!text)
        return;
    int len = snprintf(named, sizeof named, rest ? "%s = %s, ..." : alone ? "%s = %s" : "%.0s%s", a->name, text);
    add(f, op, has_name ? a->value->span : a->span, copy(f, named, (size_t)len));
}

static void elements(const finder *f, const pat_arg *a)
{
    const pat_expr *e = a->value;
    for (uint32_t i = 0; i < e->args.n; i++) {
        const pat_expr *x = e->args.at[i];
        if (x->kind == PE_INT)
            add_number(f, "list-element", x->span, (double)x->ival + 1, true);
        if (f->left && x->kind != PE_WILD && x->kind != PE_RANK)
            add(f, "any-element", x->span, "_");
    }
    if (e->args.n > 1)
        exchange(f, "swap-elements", e->args.at[0]->span, e->args.at[1]->span);
    if (e->args.n > 2)
        exchange(f, "swap-elements", e->args.at[e->args.n - 2]->span, e->args.at[e->args.n - 1]->span);
}

static void attribute(const finder *f, const pat_op *op, const pat_arg *a)
{
    const pat_attr *attr = attr_of(op, a->name);
    if (a->value->kind == PE_LIST) {
        elements(f, a);
        if (f->left)
            give(f, "any-attribute", a, "_");
        return;
    }
    if (f->left && a->value->kind != PE_WILD)
        give(f, "any-attribute", a, "_");
    if (attr && (!f->left || a->value->kind != PE_NAME || (attr->words.n && other_word(attr, a->value->name) != a->value->name)))
        give(f, f->left ? "literal" : "other-attribute", a, other_value(f, attr, a->value));
    if (!f->left && attr && attr->dflt && a->value->text)
        give(f, "drop-attribute", a, spelt(f, attr->dflt->span));
    else if (!f->left && attr && attr->dflt)
        drop(f, "drop-attribute", a->span);
}

static bool same_signature(const pat_op *a, const pat_op *b)
{
    bool same = a != b && a->operands.n == b->operands.n && a->results.n == b->results.n && a->attrs.n == b->attrs.n &&
                a->variadic_results == b->variadic_results;
    for (uint32_t i = 0; same && i < a->attrs.n; i++)
        same = a->attrs.at[i]->name == b->attrs.at[i]->name;
    for (uint32_t i = 0; same && i < a->operands.n; i++)
        same = a->operands.at[i]->type->elems.n == b->operands.at[i]->type->elems.n;
    return same;
}

static void other_op(const finder *f, const pat_op *op, const pat_term *t)
{
    for (uint32_t i = 0; i < f->m->p->ops.n; i++)
        if (same_signature(op, f->m->p->ops.at[i])) {
            add(f, f->left ? "other-op" : "other-op-made", t->name_span, f->m->p->ops.at[i]->name);
            return;
        }
}

/* A name that stands once is as good as another. */
static bool stands_again(const finder *f, const char *name)
{
    size_t n, len = strlen(name);
    const char *text = text_of(f, f->whole, &n);
    uint32_t found = 0;
    for (size_t i = 1; i + len < n; i++)
        found += !memcmp(text + i, name, len) && !isalnum((unsigned char)text[i - 1]) && text[i - 1] != '_' &&
                 !isalnum((unsigned char)text[i + len]) && text[i + len] != '_';
    return found > 1;
}

static void type(const finder *f, const pat_type *t)
{
    pat_span colon = t->span;
    size_t n;
    const char *at = text_of(f, t->span, &n);
    while (*at != ':')
        at--, colon.begin--;
    add(f, "drop-type", colon, "");
    for (uint32_t i = 0; i < t->elems.n; i++)
        if (t->elems.at[i]->kind == PE_INT)
            add_number(f, "size", t->elems.at[i]->span, (double)t->elems.at[i]->ival + 1, true);
        else if (t->elems.at[i]->kind == PE_NAME && stands_again(f, t->elems.at[i]->name))
            add(f, "other-size", t->elems.at[i]->span, "OTHER");
        else if (t->elems.at[i]->kind == PE_RANK && t->elems.n > 1)
            drop(f, "drop-rank", t->elems.at[i]->span);
}

static void number(const finder *f, const pat_term *t)
{
    bool whole = t->fval == (double)(int64_t)t->fval;
    add_number(f, "literal", t->span, t->fval + (whole ? 1 : t->fval / 16), false);
    if (f->left)
        add(f, "any-constant", t->span, "_");
    if (f->left && t->tol != PAT_TOLERANCE) {
        char text[60];
        int n = snprintf(text, sizeof text, "%.17g ~ %.17g", t->fval, t->tol * 25);
        add(f, "tolerance", t->span, copy(f, text, (size_t)n));
    }
}

static void term(const finder *f, const pat_term *t)
{
    const pat_op *op = t->kind == PT_APPLY ? pat_find_op(f->m->p, t->name) : NULL;
    if (t->type)
        type(f, t->type);
    if (t->kind == PT_NUMBER)
        number(f, t);
    if (t->kind == PT_NAME && t->maybe && f->left)
        add(f, "must-operand", t->span, t->name);
    if (t->kind == PT_NONE)
        add(f, "any-operand", t->span, f->left ? "_" : "none");
    for (uint32_t i = 1; t->kind == PT_APPLY && i < t->operands.n; i++)
        if (i > 1 || !op || !op->commutative)
            exchange(f, f->left ? "swap-operands" : "swap-operands-made", t->operands.at[i - 1]->span, t->operands.at[i]->span);
    if (op)
        other_op(f, op, t);
    for (uint32_t i = 0; i < t->operands.n; i++)
        term(f, t->operands.at[i]);
    for (uint32_t i = 0; i < t->attrs.n; i++)
        attribute(f, op, t->attrs.at[i]);
}

/* ---------------------------------------------------------------- statements -- */

typedef struct reads { pat_name name; uint32_t n; const pat_term *last; } reads;

static void count_reads(reads *r, const pat_term *t)
{
    if (t->kind == PT_NAME && t->name == r->name) {
        r->n++;
        r->last = t;
    }
    for (uint32_t i = 0; i < t->operands.n; i++)
        count_reads(r, t->operands.at[i]);
}

/* A value that stands twice is another the second time. */
static void rename_reads(const finder *f, const pat_stmts *stmts, const pat_term *t)
{
    if (t->kind == PT_NAME) {
        reads r = {.name = t->name};
        bool made = false;
        for (uint32_t i = 0; i < stmts->n; i++) {
            count_reads(&r, stmts->at[i]->value);
            for (uint32_t j = 0; j < stmts->at[i]->results.n; j++)
                made |= stmts->at[i]->results.at[j]->name == t->name;
        }
        if (r.n > 1 && r.last == t && !made) {
            pat_span name = t->name_span.end ? t->name_span : t->span;
            add(f, "other-value", name, "another");
        }
    }
    for (uint32_t i = 0; i < t->operands.n; i++)
        rename_reads(f, stmts, t->operands.at[i]);
}

static void left_side(finder *f, const pat_stmts *stmts, const pat_term *value)
{
    f->left = true;
    for (uint32_t i = 0; i < stmts->n; i++) {
        const pat_stmt *s = stmts->at[i];
        for (uint32_t j = 0; j < s->results.n; j++)
            if (s->results.at[j]->type)
                type(f, s->results.at[j]->type);
        if (s->results.n > 1)
            exchange(f, "swap-results", s->results.at[0]->span, s->results.at[1]->span);
        term(f, s->value);
        rename_reads(f, stmts, s->value);
    }
    if (value)
        term(f, value);
}

static void right_side(finder *f, const pat_rule *r)
{
    f->left = false;
    for (uint32_t i = 0; i < r->replace.n; i++) {
        const pat_stmt *s = r->replace.at[i];
        add(f, "drop-statement", s->span, "");
        for (uint32_t j = 1; j < s->results.n; j++)
            exchange(f, "swap-results-made", s->results.at[j - 1]->span, s->results.at[j]->span);
        term(f, s->value);
    }
}

static const pat_term *result_named(const pat_rule *r, pat_name name)
{
    for (uint32_t i = 0; i < r->replace.n; i++)
        for (uint32_t j = 0; r->replace.at[i]->results.n > 1 && j < r->replace.at[i]->results.n; j++)
            if (r->replace.at[i]->results.at[j]->name == name)
                return r->replace.at[i]->results.at[j];
    return NULL;
}

/* A value is not replaced any more: both the name in `yield` and the result go, and all between them stays. */
static void drop_yield(finder *f, const pat_rule *r, uint32_t i)
{
    const pat_term *y = r->yield.at[i], *made = result_named(r, y->name);
    uint32_t first = f->m->all.n;
    drop(f, "drop-yield", y->span);
    mutant *x = first < f->m->all.n ? f->m->all.at[first] : NULL;
    if (!made || !x || made->span.begin < x->span.end) {
        f->m->all.n = first;
        return;
    }
    pat_span between = {x->span.file, x->span.end, made->span.begin};
    char text[4000];
    size_t n;
    const char *kept = text_of(f, between, &n);
    int len = snprintf(text, sizeof text, "%s%.*s_", x->text, (int)n, kept);
    x->span.end = made->span.end;
    x->text = copy(f, text, (size_t)len);
}

/* What a choice has in one place, in text; NULL: it is no list. */
static const pat_expr *choice_at(const pat_expr *set, uint32_t i, uint32_t place)
{
    const pat_expr *e = set->args.at[i];
    return e->kind == PE_LIST ? place < e->args.n ? e->args.at[place] : NULL : place ? NULL : e;
}

/* A family without its first or last instances, and with two choices that exchange what they have in the last place. */
static void family(const finder *f, const pat_rule *r)
{
    for (uint32_t i = 0; i < r->family.n; i++) {
        const pat_expr *set = r->family.at[i]->args.at[1], *one = set->args.at[0];
        if (set->args.n < 2)
            continue;
        drop(f, "drop-choice", one->span);
        drop(f, "drop-choice", set->args.at[set->args.n - 1]->span);
        for (uint32_t j = 0; j < set->args.n; j++)
            for (uint32_t k = 0; choice_at(set, j, k); k++)
                if (choice_at(set, j, k)->kind == PE_INT)
                    one_more(f, choice_at(set, j, k));
        if (one->kind == PE_LIST && one->args.n > 1)
            exchange(f, "swap-choices", one->args.at[one->args.n - 1]->span, choice_at(set, 1, one->args.n - 1)->span);
    }
}

static void rule(finder *f, const pat_rule *r)
{
    if (r->family_of)
        family(f, r->family_of);
    left_side(f, &r->match, NULL);
    conditions(f, "drop-where", &r->where);
    conditions(f, "drop-gate", &r->gate);
    for (uint32_t i = 0; i < r->enabled.n; i++)
        drop(f, "drop-option", r->enabled.at[i]->span);
    for (uint32_t i = 0; i < r->yield.n; i++)
        drop_yield(f, r, i);
    right_side(f, r);
}

static void pattern(finder *f, const pat_pattern *q)
{
    for (uint32_t i = 0; i < q->params.n; i++)
        if (q->params.at[i]->type)
            type(f, q->params.at[i]->type);
    for (uint32_t i = 0; i < q->alts.n; i++) {
        left_side(f, &q->alts.at[i]->stmts, q->alts.at[i]->value);
        conditions(f, "drop-where", &q->alts.at[i]->where);
    }
}

static void kernel(finder *f, const pat_kernel *k)
{
    for (uint32_t i = 0; i < k->rows.n; i++)
        if (k->rows.at[i]->when) {
            drop(f, "drop-kernel-condition", k->rows.at[i]->when->span);
            condition(f, k->rows.at[i]->when);
        }
}

/* Names of a family's choices are replaced in its instances: the text that stands is changed once. */
static bool known(const mutants *m, uint32_t first)
{
    const mutant *x = m->all.at[m->all.n - 1];
    for (uint32_t i = first; i + 1 < m->all.n; i++) {
        const mutant *y = m->all.at[i];
        if (y->span.file == x->span.file && y->span.begin == x->span.begin && y->span.end == x->span.end && y->text == x->text)
            return true;
    }
    return false;
}

static void unique(mutants *m, uint32_t first)
{
    uint32_t n = m->all.n;
    for (uint32_t i = m->all.n = first; i < n; i++) {
        m->all.at[m->all.n++] = m->all.at[i];
        m->all.n -= known(m, first);
    }
}

void find_mutants(mutants *m)
{
    const pat_program *p = m->p;
    uint32_t first = 0;
    for (uint32_t i = 0; i < p->rules.n; i++) {
        finder f = {.m = m, .owner = pat_written_name(p->rules.at[i]), .whole = p->rules.at[i]->span};
        if (!i || pat_written_name(p->rules.at[i - 1]) != f.owner)
            first = m->all.n;
        rule(&f, p->rules.at[i]);
        unique(m, first);
    }
    for (uint32_t i = 0; i < p->patterns.n; i++) {
        finder f = {.m = m, .owner = p->patterns.at[i]->name, .pattern = p->patterns.at[i],
                    .whole = p->patterns.at[i]->span};
        first = m->all.n;
        pattern(&f, p->patterns.at[i]);
        unique(m, first);
    }
    first = m->all.n;
    for (uint32_t i = 0; i < p->kernels.n; i++) {
        finder f = {.m = m, .kernel = p->kernels.at[i]->op};
        if (f.kernel)
            kernel(&f, p->kernels.at[i]);
        unique(m, first); /* rows that ops share */
    }
    for (uint32_t i = 0; i < p->conditions.n; i++) {
        const pat_condition *c = p->conditions.at[i];
        finder f = {.m = m, .owner = c->name, .named = c};
        condition(&f, c->value);
    }
}
