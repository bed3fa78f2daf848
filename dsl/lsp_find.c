/* What the word at a place of a document speaks of, found by the tokens around it and the declarations. */
#include <string.h>

#include "checker.h"
#include "fmt_parts.h"
#include "lsp_parts.h"
#include "parse.h"

typedef struct finder {
    lsp_doc *doc;
    const pat_program *p;
    pat_session *scratch;   /* for tokens */
    fmt_items items;
    uint32_t i;             /* the item at the place */
    pat_name name;
    pat_span token;
} finder;

/* In the document, which is file 0. */
static bool holds(pat_span span, const finder *f)
{
    return !span.file && span.begin <= f->token.begin && f->token.end <= span.end;
}

static lsp_found found(const finder *f, const char *what, pat_span name, pat_span decl)
{
    return (lsp_found){.found = true, .token = f->token, .name = name, .decl = decl, .what = what};
}

static lsp_found owned(const finder *f, const char *what, pat_span span, pat_span owner)
{
    lsp_found r = found(f, what, span, span);
    r.owner = owner;
    return r;
}

static const lsp_found nothing = {0};

/* ------------------------------------------------------ of the whole program -- */

#define FIND_NAMED(list, what)                                                                            \
    for (uint32_t i = 0; i < f->p->list.n; i++)                                                           \
        if (f->p->list.at[i]->name == f->name)                                                            \
            return found(f, what, f->p->list.at[i]->name_span, f->p->list.at[i]->span)

static lsp_found find_callable(const finder *f)
{
    FIND_NAMED(ops, "op");
    FIND_NAMED(patterns, "pattern");
    FIND_NAMED(conditions, "condition");
    return nothing;
}

static lsp_found find_phase(const finder *f)
{
    const pat_phase *ph = pat_find_phase(f->p, f->name);
    return ph ? found(f, "phase", ph->span, ph->span) : nothing;
}

static lsp_found find_dtype(const finder *f)
{
    for (uint32_t i = 0; i < f->p->dtypes.n; i++)
        for (uint32_t j = 0; j < f->p->dtypes.at[i]->names.n; j++)
            if (f->p->dtypes.at[i]->names.at[j]->name == f->name)
                return found(f, "dtype variable", f->p->dtypes.at[i]->names.at[j]->span,
                             f->p->dtypes.at[i]->span);
    return nothing;
}

static lsp_found find_option(const finder *f)
{
    FIND_NAMED(options, "option");
    return nothing;
}

static lsp_found find_global(const finder *f)
{
    lsp_found r = find_dtype(f);
    r = r.found ? r : find_phase(f);
    r = r.found ? r : find_option(f);
    if (r.found)
        return r;
    FIND_NAMED(enums, "enum");
    FIND_NAMED(rules, "rule");
    return find_callable(f);
}

/* The file that a `use` names. */
static lsp_found find_used(const finder *f)
{
    const fmt_item *t = &f->items.at[f->i];
    pat_session *s = f->doc->session;
    pat_name path = pat_intern(s, t->text + 1, t->len - 2);
    return (lsp_found){.found = true, .token = f->token, .file = pat_beside(s, f->doc->path, path)};
}

/* ---------------------------------------------------------- of one declaration -- */

/* The innermost application around the word. */
static const pat_term *apply_around(const finder *f, const pat_term *t)
{
    if (!t || t->kind != PT_APPLY || !holds(t->span, f))
        return NULL;
    for (uint32_t i = 0; i < t->operands.n; i++) {
        const pat_term *inner = apply_around(f, t->operands.at[i]);
        if (inner)
            return inner;
    }
    return t;
}

static const pat_term *apply_in(const finder *f, const pat_stmts *stmts)
{
    const pat_term *t = NULL;
    for (uint32_t i = 0; !t && i < stmts->n; i++)
        t = apply_around(f, stmts->at[i]->value);
    return t;
}

/* A word that names an attribute of the op that it is given to. */
static lsp_found find_given(const finder *f, const pat_term *t)
{
    const pat_op *op = t ? pat_find_op(f->p, t->name) : NULL;
    bool named = op && f->items.at[f->i + 1].type == '=';
    for (uint32_t i = 0; op && i < t->attrs.n; i++) {
        const pat_arg *a = t->attrs.at[i];
        if (a->name != f->name || a->span.begin != f->token.begin || !(named || a->value->kind == PE_NAME))
            continue;
        const pat_attr *attr = pat_find_attr(op, f->name);
        if (attr)
            return owned(f, "attribute of", attr->span, op->name_span);
    }
    return nothing;
}

#define FIND_MEMBER(list, what)                                                                           \
    for (uint32_t i = 0; i < op->list.n; i++)                                                             \
        if (op->list.at[i]->name == f->name)                                                              \
            return owned(f, what, op->list.at[i]->span, op->name_span)

static lsp_found find_member(const finder *f, const pat_op *op)
{
    FIND_MEMBER(operands, "operand of");
    FIND_MEMBER(attrs, "attribute of");
    FIND_MEMBER(results, "result of");
    return nothing;
}

static lsp_found find_result(const finder *f, const pat_stmts *stmts)
{
    for (uint32_t i = 0; i < stmts->n; i++)
        for (uint32_t j = 0; j < stmts->at[i]->results.n; j++)
            if (stmts->at[i]->results.at[j]->name == f->name)
                return found(f, "value", stmts->at[i]->results.at[j]->name_span, stmts->at[i]->span);
    return nothing;
}

/* An input where it is named first, or better where it has a type. */
static void find_input(const finder *f, const pat_term *t, const pat_term **best)
{
    if (!t)
        return;
    if ((t->kind == PT_NAME || t->kind == PT_CONST) && t->name == f->name && (!*best || (t->type && !(*best)->type)))
        *best = t;
    for (uint32_t i = 0; i < t->operands.n; i++)
        find_input(f, t->operands.at[i], best);
}

static lsp_found find_inputs(const finder *f, const pat_stmts *stmts, const pat_term *value)
{
    const pat_term *best = NULL;
    for (uint32_t i = 0; i < stmts->n; i++)
        find_input(f, stmts->at[i]->value, &best);
    find_input(f, value, &best);
    return best ? found(f, best->kind == PT_CONST ? "constant" : "input", best->name_span, best->span) : nothing;
}

static lsp_found find_listed(const finder *f, const pat_terms *names, const char *what, pat_span decl)
{
    for (uint32_t i = 0; i < names->n; i++)
        if (names->at[i]->name == f->name)
            return found(f, what, names->at[i]->span, decl);
    return nothing;
}

/* Dims and what else a declaration binds: where its text has the word first, shown with the line. */
static lsp_found find_first(const finder *f, pat_span decl)
{
    const pat_file *file = f->doc->session->files.at[decl.file];
    const char *text = file->text;
    fmt_items items = decl.file ? pat_fmt_scan(f->scratch, text, file->size) : f->items;
    const fmt_item *me = &f->items.at[f->i];
    for (uint32_t i = 0; i < items.n; i++) {
        const fmt_item *t = &items.at[i];
        uint32_t at = (uint32_t)(t->text - text), begin = at, end = at + t->len;
        if (at < decl.begin || end > decl.end || t->len != me->len || memcmp(t->text, me->text, t->len))
            continue;
        while (begin > decl.begin && text[begin - 1] != '\n')
            begin--;
        begin += (uint32_t)strspn(text + begin, " \t");
        end = begin + (uint32_t)strcspn(text + begin, "\r\n");
        return found(f, "first named here", (pat_span){decl.file, at, at + t->len},
                     (pat_span){decl.file, begin, end < decl.end ? end : decl.end});
    }
    return nothing;
}

/* A name or a keyword. */
static bool is_word(const fmt_item *t)
{
    return t->type == T_NAME || (t->type > 255 && *t->text >= 'a' && *t->text <= 'z');
}

static lsp_found find_value(const finder *f, const pat_rule *r)
{
    lsp_found it = find_result(f, &r->match);
    it = it.found ? it : find_inputs(f, &r->match, NULL);
    it = it.found ? it : find_result(f, &r->replace);
    it.rule = r;
    it.value = f->name;
    return it;
}

static lsp_found find_in_rule(const finder *f, const pat_rule *r)
{
    if (r->phase_name && holds(r->phase_span, f))
        return find_phase(f);
    if (holds(r->name_span, f))
        return found(f, "rule", r->name_span, r->span);
    if (find_listed(f, &r->enabled, "", r->span).found)
        return find_global(f);
    const pat_term *around = apply_in(f, &r->match);
    lsp_found it = find_given(f, around ? around : apply_in(f, &r->replace));
    it = it.found ? it : find_value(f, r);
    it = it.found ? it : find_dtype(f);
    it = it.found ? it : find_option(f);
    return it.found ? it : find_first(f, r->span);
}

static lsp_found find_in_pattern(const finder *f, const pat_pattern *p)
{
    if (holds(p->name_span, f))
        return find_global(f);
    for (uint32_t i = 0; i < p->alts.n; i++) {
        const pat_alt *a = p->alts.at[i];
        const pat_term *around = apply_in(f, &a->stmts);
        lsp_found r = find_given(f, around ? around : apply_around(f, a->value));
        r = r.found || !holds(a->span, f) ? r : find_result(f, &a->stmts);
        if (r.found)
            return r;
    }
    lsp_found r = find_listed(f, &p->params, "parameter", p->span);
    r = r.found ? r : find_listed(f, &p->attrs, "parameter", p->span);
    for (uint32_t i = 0; !r.found && i < p->alts.n; i++)
        if (holds(p->alts.at[i]->span, f))
            r = find_inputs(f, &p->alts.at[i]->stmts, p->alts.at[i]->value);
    r = r.found ? r : find_dtype(f);
    return r.found ? r : find_first(f, p->span);
}

static lsp_found find_in_condition(const finder *f, const pat_condition *c)
{
    if (holds(c->name_span, f))
        return find_global(f);
    lsp_found r = find_listed(f, &c->params, "parameter", c->span);
    r = r.found ? r : find_option(f);
    return r.found ? r : find_first(f, c->span);
}

static lsp_found find_in_op(const finder *f, const pat_op *op)
{
    if (holds(op->name_span, f))
        return found(f, "op", op->name_span, op->span);
    lsp_found r = find_member(f, op);
    r = r.found ? r : find_global(f);
    return r.found ? r : find_first(f, op->span);
}

static lsp_found find_in_kernel(const finder *f, const pat_kernel *k)
{
    const pat_op *op = pat_find_op(f->p, k->name);
    if (!op)
        return nothing;
    lsp_found r = find_member(f, op);
    r = r.found ? r : find_option(f);
    return r.found ? r : find_first(f, op->span);
}

static lsp_found find_in_entry(const finder *f, const pat_vocab_entry *e)
{
    lsp_found r = find_given(f, apply_around(f, e->target));
    for (uint32_t i = 0; !r.found && i < e->params.n; i++)
        if (e->params.at[i]->name == f->name)
            r = found(f, "parameter", e->params.at[i]->span, e->span);
    return r;
}

#define FIND_IN(list, find_in)                                \
    for (uint32_t i = 0; i < f->p->list.n; i++)               \
        if (holds(f->p->list.at[i]->span, f))                 \
            return find_in(f, f->p->list.at[i])

static lsp_found find_word(const finder *f)
{
    int next = f->items.at[f->i + 1].type;
    lsp_found r = next == '(' ? find_callable(f) : next == '[' ? find_dtype(f) : nothing;
    if (r.found)
        return r;
    FIND_IN(rules, find_in_rule);
    FIND_IN(patterns, find_in_pattern);
    FIND_IN(conditions, find_in_condition);
    FIND_IN(ops, find_in_op);
    for (uint32_t i = 0; i < f->p->kernels.n; i++) /* several may share their rows */
        if (holds(f->p->kernels.at[i]->name_span, f))
            return find_callable(f);
    FIND_IN(kernels, find_in_kernel);
    for (uint32_t i = 0; i < f->p->vocabs.n; i++)
        for (uint32_t j = 0; j < f->p->vocabs.at[i]->entries.n; j++)
            if (holds(f->p->vocabs.at[i]->entries.at[j]->span, f))
                return find_in_entry(f, f->p->vocabs.at[i]->entries.at[j]);
    return find_global(f);
}

/* The word or string at or right before a byte of the text. */
static bool find_item(finder *f, const pat_file *file, uint32_t offset)
{
    for (f->i = 0; f->i < f->items.n; f->i++) {
        const fmt_item *t = &f->items.at[f->i];
        uint32_t begin = (uint32_t)(t->text - file->text);
        f->token = (pat_span){0, begin, begin + t->len};
        if (begin <= offset && offset <= f->token.end && (t->type == T_STRING || is_word(t)))
            return true;
    }
    return false;
}

lsp_found lsp_find(lsp_doc *doc, uint32_t offset)
{
    const pat_file *file = doc->session->files.at[0];
    pat_session *scratch = pat_open();
    finder f = {.doc = doc, .p = doc->program, .scratch = scratch};
    f.items = pat_fmt_scan(scratch, file->text, file->size);
    lsp_found r = nothing;
    if (find_item(&f, file, offset)) {
        const fmt_item *t = &f.items.at[f.i];
        f.name = pat_intern(doc->session, t->text, t->len);
        if (t->type != T_STRING)
            r = find_word(&f);
        else if (f.i && t[-1].type == T_USE)
            r = find_used(&f);
    }
    pat_close(scratch);
    return r;
}

/* ---------------------------------------------------------------- symbols -- */

/* Kinds of symbols of the protocol. */
enum { NAMESPACE = 3, PACKAGE = 4, CLASS = 5, CONSTRUCTOR = 9, ENUM = 10, INTERFACE = 11, FUNCTION = 12 };
enum { BOOLEAN = 17, TYPE_PARAMETER = 26 };

typedef struct symbols { FILE *out; const pat_session *s; uint32_t n, last; } symbols;

/* The instances of a family, and the names of one declaration, stand in one place. */
static void symbol(symbols *y, const char *name, const char *what, int kind, pat_span name_span, pat_span span)
{
    if (span.file || (y->n && y->last == name_span.begin))
        return;
    y->last = name_span.begin;
    fputs(y->n++ ? ",{\"name\":" : "{\"name\":", y->out);
    pat_json_string(y->out, name);
    fprintf(y->out, ",\"detail\":\"%s\",\"kind\":%d,\"range\":", what, kind);
    lsp_print_range(y->out, y->s, span);
    fputs(",\"selectionRange\":", y->out);
    lsp_print_range(y->out, y->s, name_span);
    fputc('}', y->out);
}

#define SYMBOLS(list, what, kind, place)                                                                  \
    for (uint32_t i = 0; i < p->list.n; i++)                                                              \
        symbol(&y, p->list.at[i]->name, what, kind, p->list.at[i]->place, p->list.at[i]->span)

void lsp_print_symbols(FILE *out, const lsp_doc *doc)
{
    const pat_program *p = doc->program;
    symbols y = {.out = out, .s = doc->session};
    fputc('[', out);
    for (uint32_t i = 0; i < p->dtypes.n; i++)
        for (uint32_t j = 0; j < p->dtypes.at[i]->names.n; j++) {
            const pat_term *t = p->dtypes.at[i]->names.at[j];
            symbol(&y, t->name, "dtype", TYPE_PARAMETER, t->span, p->dtypes.at[i]->span);
        }
    SYMBOLS(enums, "enum", ENUM, name_span);
    SYMBOLS(options, "option", BOOLEAN, name_span);
    SYMBOLS(phases, "phase", NAMESPACE, span);
    SYMBOLS(ops, "op", FUNCTION, name_span);
    SYMBOLS(conditions, "condition", FUNCTION, name_span);
    SYMBOLS(patterns, "pattern", INTERFACE, name_span);
    for (uint32_t i = 0; i < p->rules.n; i++)
        symbol(&y, pat_written_name(p->rules.at[i]), "rule", CLASS, p->rules.at[i]->name_span, p->rules.at[i]->span);
    SYMBOLS(kernels, "kernel", CONSTRUCTOR, name_span);
    SYMBOLS(vocabs, "vocab", PACKAGE, span);
    fputc(']', out);
}
