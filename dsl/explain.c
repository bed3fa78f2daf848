/* Prints what the compiler makes of a rule: each variant of its match with the types that are known of every
 * value, the conditions, the right side with the types that were proved, and the kernels of its ops. */
#include "explain.h"

#include <string.h>

#include "prover.h"

static void put_text(FILE *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) { /* on one line */
        bool blank = text[i] == '\n' || text[i] == ' ';
        if (!blank || (i && text[i - 1] != '\n' && text[i - 1] != ' '))
            fputc(blank ? ' ' : text[i], out);
    }
}

static void put_source(pat_session *s, FILE *out, pat_span span)
{
    size_t n;
    const char *text = pat_span_text(s, span, &n);
    put_text(out, text, n);
}

static void put_expr(pat_session *s, FILE *out, const pat_expr *e)
{
    size_t n;
    const char *text = pat_expr_text(s, e, &n);
    put_text(out, text, n);
}

/* ------------------------------------------------------------------ the match -- */

static void put_value(const x_val *v, FILE *out)
{
    switch (v->kind) {
    case XVAL_NUMBER: fprintf(out, "%g", v->fval); break;
    case XVAL_CONST: fprintf(out, "const %s", v->capture->name); break;
    case XVAL_ANY: fputc('_', out); break;
    case XVAL_NONE: fputs("none", out); break;
    case XVAL_REST: fprintf(out, "%s...", v->name); break;
    default:
        if (v->name)
            fprintf(out, "%s%s%s", v->scope->rule_level ? "" : v->scope->prefix, v->name, v->maybe ? "?" : "");
        else
            fprintf(out, "v%u", v->id);
    }
}

static void put_attrs(t_env *t, const x_node *n, FILE *out)
{
    const char *before = "; ";
    for (uint32_t i = 0; i < n->attrs.n; i++) {
        const x_attr *a = n->attrs.at[i];
        if (!a->value)
            continue;
        fprintf(out, "%s%s = ", before, a->attr->name);
        put_expr(t->s, out, a->value);
        before = ", ";
    }
}

static void put_node(t_env *t, const x_node *n, FILE *out)
{
    fputs("    ", out);
    for (uint32_t i = 0; i < n->results.n; i++) {
        const x_val *r = n->results.at[i];
        fputs(i ? ", " : "", out);
        put_value(r, out);
        fprintf(out, ": %s", t_type_text(t, &t->vals[r->id]));
    }
    fprintf(out, " = %s(", n->op->name);
    for (uint32_t i = 0; i < n->operands.n; i++) {
        fputs(i ? ", " : "", out);
        put_value(n->operands.at[i], out);
    }
    put_attrs(t, n, out);
    fputc(')', out);
    for (uint32_t i = 0; i < n->results.n; i++) {
        const x_val *r = n->results.at[i];
        if (r->yielded)
            fprintf(out, "  # %s is %s", r->name, r->kept ? "kept" : "replaced");
    }
    fputs(n == t->v->root ? "  # root\n" : "\n", out);
}

static void put_match(t_env *t, FILE *out)
{
    fputs("  match\n", out);
    for (uint32_t i = 0; i < t->v->vals.n; i++) {
        const x_val *v = t->v->vals.at[i];
        if (v->kind != XVAL_INPUT && v->kind != XVAL_REST)
            continue;
        fputs("    ", out);
        put_value(v, out);
        fprintf(out, ": %s\n", t_type_text(t, &t->vals[v->id]));
    }
    for (uint32_t i = 0; i < t->v->nodes.n; i++)
        put_node(t, t->v->nodes.at[i], out);
    for (uint32_t i = 0; i < t->v->where.n; i++) {
        fputs(i ? "    " : "  where\n    ", out);
        put_expr(t->s, out, t->v->where.at[i]->expr);
        fputc('\n', out);
    }
}

/* ------------------------------------------------------------------ the right -- */

static const t_value *right_type(const t_env *t, pat_name name)
{
    for (uint32_t i = t->right.n; i-- > 0;)
        if (t->right.at[i]->name == name)
            return &t->right.at[i]->val;
    return NULL;
}

static void put_right(t_env *t, FILE *out)
{
    fputs("  replace\n", out);
    for (uint32_t i = 0; i < t->rule->replace.n; i++) {
        const pat_stmt *st = t->rule->replace.at[i];
        fputs("    ", out);
        for (uint32_t r = 0; r < st->results.n; r++) {
            const pat_term *name = st->results.at[r];
            const t_value *v = name->kind == PT_NAME ? right_type(t, name->name) : NULL;
            fprintf(out, "%s%s", r ? ", " : "", name->kind == PT_NAME ? name->name : "_");
            if (v && v->known)
                fprintf(out, ": %s", t_type_text(t, v));
        }
        fputs(" = ", out);
        put_source(t->s, out, st->value->span);
        fputc('\n', out);
    }
}

static void put_kernel_rows(pat_session *s, const pat_kernel *k, FILE *out)
{
    fprintf(out, "    %s:", k->name);
    for (uint32_t i = 0; i < k->rows.n; i++) {
        fputs(i ? "; " : " ", out);
        put_source(s, out, k->rows.at[i]->span);
    }
    fputc('\n', out);
}

/* Of every op of the right side, once. */
static void put_kernels(pat_session *s, const pat_program *p, const pat_term *term, pat_names *seen, FILE *out)
{
    bool found = false;
    for (uint32_t i = 0; i < term->operands.n; i++)
        put_kernels(s, p, term->operands.at[i], seen, out);
    if (term->kind != PT_APPLY || pat_listed(seen, term->name))
        return;
    PAT_PUSH(s->arena, *seen, term->name);
    for (uint32_t i = 0; i < p->kernels.n; i++)
        if (p->kernels.at[i]->name == term->name) {
            put_kernel_rows(s, p->kernels.at[i], out);
            found = true;
        }
    if (!found)
        fprintf(out, "    %s: none, so the rule never fires\n", term->name);
}

/* ------------------------------------------------------------------- the rule -- */

static void put_head(pat_session *s, const pat_rule *rule, uint32_t count, FILE *out)
{
    const char *file;
    unsigned line, col;
    pat_location(s, rule->name_span, &file, &line, &col);
    fprintf(out, "rule %s in %s, %s:%u, %u variant%s\n", rule->name, rule->phase ? rule->phase->name : "?", file, line,
            count, count == 1 ? "" : "s");
    for (uint32_t i = 0; i < rule->enabled.n; i++)
        fprintf(out, "%s%s%s", i ? ", " : "  enabled ", rule->enabled.at[i]->name, i + 1 < rule->enabled.n ? "" : "\n");
    for (uint32_t i = 0; i < rule->gate.n; i++) {
        fputs("  gate ", out);
        put_source(s, out, rule->gate.at[i]->span);
        fputc('\n', out);
    }
}

static const pat_rule *find_rule(const pat_program *p, const char *name)
{
    for (uint32_t i = 0; i < p->rules.n; i++)
        if (!strcmp(p->rules.at[i]->name, name))
            return p->rules.at[i];
    return NULL;
}

bool pat_explain(pat_session *s, const pat_program *p, const char *name, FILE *out)
{
    const pat_rule *rule = find_rule(p, name);
    if (!rule)
        return false;
    x_choice choice = {.n = 0};
    uint32_t count = pat_count_variants(s, p, rule), number = 0;
    put_head(s, rule, count, out);
    do {
        t_env *t = t_open(s, p, rule, pat_expand(s, p, rule, &choice), NULL);
        if (count > 1)
            fprintf(out, "variant %u\n", ++number);
        put_match(t, out);
        if (t->c->contradiction)
            fputs("  this variant can never match\n", out);
        else
            pat_type_right(t);
        put_right(t, out);
        t_close(t);
    } while (pat_next_choice(&choice));
    fputs("  kernels\n", out);
    pat_names seen = {0};
    for (uint32_t i = 0; i < rule->replace.n; i++)
        put_kernels(s, p, rule->replace.at[i]->value, &seen, out);
    return true;
}
