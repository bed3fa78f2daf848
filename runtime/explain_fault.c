/* A test that fails in words: what the pattern expects, in its own text with the values of its variables,
 * and what the graph has. */
#include "explain.h"

#include "infer.h"
#include "text.h"

typedef struct writer { sld_graph *g; const sld_partial *m; const sld_fault *f; FILE *out; } writer;

static void put_place(const writer *w, sld_place p)
{
    fprintf(w->out, "%.*s", p.n, p.line->text + p.at);
}

/* ------------------------------------------------------ values of variables -- */

/* Words of an enum are named by the attribute that is tested. */
static void put_held(const writer *w, const sld_held *h)
{
    static const sld_attr_info plain = {.n_names = 0};
    const sld_pat_attr *tested = w->f->kind == SLD_FAULT_ATTR ? w->f->part : NULL;
    sld_graph *g = w->g;
    char text[120];
    switch ((sld_held_kind)h->kind) {
    case SLD_HELD_DIM:
        sld_dim_print(g, h->dim, text, sizeof text);
        fputs(text, w->out);
        break;
    case SLD_HELD_DTYPE: fputs(sld_dtype_name((sld_dtype)h->dtype), w->out); break;
    case SLD_HELD_DIMS: sld__print_dims(g, sld_shape(g, h->dims.v) + h->dims.at, h->dims.n, w->out); break;
    case SLD_HELD_ATTR:
        if (h->attr.kind == SLD_ATTR_ENUM && !tested)
            fprintf(w->out, "word %d", (int)h->attr.i);
        else
            sld__print_attr(g, tested ? &sld_node_op(g, w->f->node)->attrs[tested->slot] : &plain, &h->attr, w->out);
        break;
    case SLD_HELD_NONE: case SLD_HELD_FLOAT: case SLD_HELD_TRUTH: break;
    }
}

static bool met_before(const sld_term *from, const sld_term *t)
{
    for (; from < t; from++)
        if (from->kind == t->kind && from->id == t->id)
            return true;
    return false;
}

/* "H = 64, x : f32[2, 64]": what the names in an expression stand for. */
static void put_known(const writer *w, const sld_term *terms, uint32_t n, const char *before)
{
    for (const sld_term *t = terms; t < terms + n; t++) {
        bool var = t->kind == SLD_T_DIM || t->kind == SLD_T_RANK;
        if (met_before(terms, t))
            continue;
        if (var && w->m->vars[t->id].kind) {
            fprintf(w->out, "%s%s%s = ", before, t->kind == SLD_T_RANK ? "*" : "", w->m->pattern->vars[t->id]);
            put_held(w, &w->m->vars[t->id]);
            before = ", ";
        } else if (t->kind == SLD_T_OPERAND && w->m->vals[t->id]) {
            fprintf(w->out, "%s%s : ", before, w->m->pattern->vals[t->id].name);
            sld__print_type(w->g, w->m->vals[t->id], w->out);
            before = ", ";
        }
    }
}

static uint32_t count_terms(const sld_term *t, uint32_t n_elems)
{
    const sld_term *end = t;
    while (n_elems--)
        end = sld__next_term(end);
    return (uint32_t)(end - t);
}

/* ---------------------------------------------------------------- expected -- */

static void put_dtype_wanted(const writer *w, const sld_pat_type *t)
{
    put_place(w, t->place);
    if (t->dtype)
        return;
    const sld_held *h = &w->m->vars[t->var];
    const char *name = w->m->pattern->vars[t->var], *before = "";
    fprintf(w->out, " with %s %s", name, h->kind ? "= " : "in {");
    if (h->kind) {
        put_held(w, h);
        return;
    }
    for (int i = 1; i < SLD_DTYPE_COUNT; i++)
        if (t->set >> i & 1) {
            fprintf(w->out, "%s%s", before, sld_dtype_name((sld_dtype)i));
            before = ", ";
        }
    putc('}', w->out);
}

static void put_attr_wanted(const writer *w, const sld_pat_attr *p)
{
    const sld_attr_info *info = &sld_node_op(w->g, w->f->node)->attrs[p->slot];
    fprintf(w->out, "%s = ", info->name);
    if (p->value.n_terms || p->text)
        put_place(w, p->value.place);
    else
        sld__print_attr(w->g, info, &info->dflt, w->out);
    if (p->value.n_terms)
        put_known(w, p->value.terms, p->value.n_terms, " with ");
}

static void put_value_wanted(const writer *w)
{
    const sld_pat_val *p = &w->m->pattern->vals[w->f->val];
    if (p->kind == SLD_PAT_NUMBER)
        fprintf(w->out, "the constant %g", p->number);
    else if (p->kind == SLD_PAT_CONSTANT && w->m->vars[p->var].kind)
        fprintf(w->out, "the constant %g", w->m->vars[p->var].attr.f);
    else if (p->kind == SLD_PAT_CONSTANT)
        fputs("a constant of one element", w->out);
    else
        fputs(p->kind == SLD_PAT_ABSENT ? "no operand" : "an operand", w->out);
}

static const sld_pat_node *node_wanted(const writer *w)
{
    const sld_pattern *p = w->m->pattern;
    for (uint32_t i = 0; i < p->n_nodes; i++)
        if (p->nodes[i].place.line == w->f->place.line && p->nodes[i].place.at == w->f->place.at)
            return &p->nodes[i];
    return &p->nodes[p->root];
}

static void put_expected(const writer *w)
{
    const sld_fault *f = w->f;
    const sld_pat_node *n = node_wanted(w);
    const sld_pat_val *val = &w->m->pattern->vals[f->val];
    switch (f->kind) {
    case SLD_FAULT_OP: fputs(w->g->rules->ops[n->op].name, w->out); break;
    case SLD_FAULT_OPERANDS: fprintf(w->out, "%u operands", n->n_operands); break;
    case SLD_FAULT_RESULTS: fprintf(w->out, "%u results", n->n_results); break;
    case SLD_FAULT_TWICE: fputs("another node than elsewhere in the match", w->out); break;
    case SLD_FAULT_READERS: fputs("no reader outside the match", w->out); break;
    case SLD_FAULT_SAME:
        fprintf(w->out, "%s%s", val->name, *val->name ? " = " : "");
        sld__print_value(w->g, w->m->vals[f->val], w->out);
        break;
    case SLD_FAULT_DTYPE: put_dtype_wanted(w, f->part); break;
    case SLD_FAULT_SHAPE: {
        const sld_pat_type *t = f->part;
        put_place(w, t->place);
        put_known(w, t->elems, count_terms(t->elems, t->n_elems), " with ");
        break;
    }
    case SLD_FAULT_ATTR: put_attr_wanted(w, f->part); break;
    case SLD_FAULT_NUMBER: case SLD_FAULT_PRESENCE: put_value_wanted(w); break;
    case SLD_FAULT_RANK: fputs("a constant that does not raise the rank", w->out); break;
    case SLD_FAULT_CONDITION: put_place(w, f->place); break;
    }
}

/* ------------------------------------------------------------------- found -- */

static void put_value_found(const writer *w)
{
    sld_graph *g = w->g;
    sld_value v = w->f->value;
    sld_node n = v ? sld_producer(g, v) : 0;
    double d;
    if (!v) {
        fputs("nothing", w->out);
    } else if (n) {
        sld__print_node(g, n, w->out);
    } else {
        fputs(sld_kind(g, v) == SLD_VALUE_CONST ? "constant " : "input ", w->out);
        sld__print_value(g, v, w->out);
        fputs(" : ", w->out);
        sld__print_type(g, v, w->out);
        if (sld_value_scalar(g, v, &d))
            fprintf(w->out, " = %g", d);
    }
}

static bool in_match(const sld_partial *m, uint32_t user)
{
    for (uint32_t i = 0; i < m->pattern->n_nodes; i++)
        if (m->nodes[i] == user)
            return true;
    return false;
}

static void put_reader(const writer *w, uint32_t user)
{
    if (user & SLD_USER_OUTPUT)
        fprintf(w->out, "an output");
    else
        sld__print_node(w->g, user, w->out);
}

static void put_readers(const writer *w)
{
    sld_graph *g = w->g;
    sld_value v = w->f->value;
    uint32_t n, others = 0, one = 0;
    const uint32_t *users = sld__users(g, v, &n);
    for (uint32_t i = 0; i < n; i++)
        if (sld__reads(g, users[i], v) && !in_match(w->m, users[i]) && (!others || users[i] != one)) {
            one = others++ ? one : users[i];
        }
    sld__print_value(g, v, w->out);
    if (!others) {
        fprintf(w->out, " read %u times by the match, not %u", g->values.at[v].n_uses,
                w->m->pattern->vals[w->f->val].n_uses);
        return;
    }
    fputs(" read by ", w->out);
    put_reader(w, one);
    if (others > 1)
        fprintf(w->out, " and %u more", others - 1);
}

static void put_found(const writer *w)
{
    sld_graph *g = w->g;
    const sld_fault *f = w->f;
    const sld_pat_attr *a = f->part;
    const sld_pat_expr *e = f->part;
    switch (f->kind) {
    case SLD_FAULT_OPERANDS: fprintf(w->out, "%u", g->nodes.at[f->node].n_in); break;
    case SLD_FAULT_RESULTS: fprintf(w->out, "%u", sld_n_results(g, f->node)); break;
    case SLD_FAULT_TWICE: sld__print_node(g, f->node, w->out); break;
    case SLD_FAULT_READERS: put_readers(w); break;
    case SLD_FAULT_DTYPE: case SLD_FAULT_SHAPE:
        sld__print_value(g, f->value, w->out);
        fputs(" : ", w->out);
        sld__print_type(g, f->value, w->out);
        break;
    case SLD_FAULT_ATTR: {
        const sld_attr_info *info = &sld_node_op(g, f->node)->attrs[a->slot];
        fprintf(w->out, "%s = ", info->name);
        sld__print_attr(g, info, &sld_node_attrs(g, f->node)[a->slot], w->out);
        fputs(" in ", w->out);
        sld__print_value(g, sld_result(g, f->node, 0), w->out);
        break;
    }
    case SLD_FAULT_CONDITION: put_known(w, e->terms, e->n_terms, ""); break;
    case SLD_FAULT_OP: case SLD_FAULT_SAME: case SLD_FAULT_NUMBER: case SLD_FAULT_RANK: case SLD_FAULT_PRESENCE:
        put_value_found(w);
    }
}

void sld__print_fault(sld_graph *g, const sld_partial *m, FILE *out)
{
    const writer w = {g, m, &m->first, out};
    fputs("expected ", out);
    put_expected(&w);
    fputs(", found ", out);
    put_found(&w);
}
