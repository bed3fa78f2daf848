/* Rules as rows of tests: each variant is walked from its roots, once for every choice of the orders of commutative
 * operands. */
#include <string.h>

#include "diag.h"
#include "walk.h"

enum { ROW_TESTS = 600 }; /* of one rule; rather than more, orders become loops */

/* ----------------------------------------------------------------- roots -- */

typedef PAT_LIST(const x_node) nodes;

/* Nodes that no other one reads, the last of the text first. A match is found from each of them, because a change in
 * a graph makes the driver try only what reads it. */
static nodes find_roots(gen *g, const x_variant *v)
{
    nodes roots = {0};
    for (uint32_t i = v->nodes.n; i-- > 0;) {
        uint32_t reads = 0;
        for (uint32_t k = 0; k < v->nodes.at[i]->results.n; k++)
            reads += v->nodes.at[i]->results.at[k]->n_uses;
        if (!reads)
            PAT_PUSH(g->arena, roots, v->nodes.at[i]);
    }
    return roots;
}

/* How far a change in a graph reaches: nodes on the longest path of a match, and reads of one value in it. */
static void find_reach(automaton *a, const x_variant *v)
{
    phase_facts *f = &a->g->phases[a->phase];
    uint32_t *height = pat_alloc(a->g->arena, (v->nodes.n + 1) * sizeof *height);
    for (uint32_t i = 0; i < v->nodes.n; i++) {
        const x_node *n = v->nodes.at[i];
        for (uint32_t k = 0; k < n->operands.n; k++) {
            const x_val *x = n->operands.at[k];
            if (x->kind == XVAL_RESULT && height[x->node->id] > height[n->id])
                height[n->id] = height[x->node->id];
        }
        f->radius = ++height[n->id] > f->radius ? height[n->id] : f->radius;
    }
    for (uint32_t i = 0; i < v->vals.n; i++)
        if (v->vals.at[i]->kind == XVAL_RESULT && v->vals.at[i]->n_uses > f->reads)
            f->reads = v->vals.at[i]->n_uses;
}

/* ------------------------------------------------------------------ rows -- */

static const char *name_val(void *of, const x_val *v, val_part part)
{
    walk *w = of;
    place *p = w->vals[v->id];
    if (p && part != VAL_ITSELF)
        p = place_at(w->a, part == VAL_DTYPE ? PL_DTYPE : PL_RANK, p, 0, 0);
    return p ? read_place(w, p) : NULL;
}

static const char *name_var(void *of, const x_var *v)
{
    walk *w = of;
    place *p = var_place(w, v);
    return p ? read_place(w, p) : NULL;
}

typedef struct where { walk *w; x_scope *scope; } where;

static void test_where(void *of, const pat_expr *e)
{
    where *c = of;
    c->w->span = e->span;
    c->w->needs.n = 0;
    add_condition(c->w, COST_WHERE, expr_label(c->w->g, e), emit_condition(c->w->g, e, c->scope));
}

/* A node all of whose results are kept is context, not part of what is replaced. */
static bool is_context(const x_node *n)
{
    for (uint32_t i = 0; i < n->results.n; i++)
        if (!n->results.at[i]->kept)
            return false;
    return true;
}

/* Results of the match that nobody reads any more, as "array, count". */
static const char *gone_values(walk *w)
{
    const char *list = "";
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->v->vals.n; i++) {
        const x_val *v = w->v->vals.at[i];
        if (v->kind == XVAL_RESULT && !v->yielded)
            list = gen_format(w->g, "%s%s%s", list, n++ ? ", " : "", read_place(w, w->vals[v->id]));
    }
    return n ? gen_format(w->g, "(const SLD_VALUE[]){%s}, %u", list, n) : "NULL, 0";
}

/* Those that go stand before those that stay. all_go: there are none that stay, and what they computed is told too. */
static const char *matched_nodes(walk *w, bool all_go)
{
    const char *list = "";
    uint32_t counts[2] = {0, 0}, n = 0;
    for (int context = 0; context < 2; context++)
        for (uint32_t i = 0; i < w->v->nodes.n; i++) {
            const x_node *node = w->v->nodes.at[i];
            if (is_context(node) != context)
                continue;
            counts[context]++;
            list = gen_format(w->g, "%s%s%s", list, n++ ? ", " : "", read_place(w, w->nodes[node->id]));
        }
    list = gen_format(w->g, "(const SLD_NODE[]){%s}, %u", list, counts[0]);
    return all_go ? gen_format(w->g, "%s, %s", list, gone_values(w)) : gen_format(w->g, "%s, %u", list, n);
}

static const x_var *find_var(const x_scope *s, x_var_kind kind, pat_name name)
{
    for (uint32_t i = 0; i < s->names.n; i++)
        if (s->names.at[i]->name == name && s->names.at[i]->var && s->names.at[i]->var->kind == kind)
            return s->names.at[i]->var;
    return NULL;
}

static place *find_param(walk *w, const param *p)
{
    static const x_var_kind kinds[] = {
        [PARAM_DIM] = XV_DIM, [PARAM_RANK] = XV_RANK, [PARAM_ATTR] = XV_ATTR, [PARAM_DTYPE] = XV_DTYPE,
    };
    if (p->kind == PARAM_VAL || p->kind == PARAM_REST) {
        const x_name *n = pat_scope_find(w->v->scope, p->name);
        return n && n->val ? w->vals[n->val->id] : NULL;
    }
    const x_var *v = find_var(w->v->scope, kinds[p->kind], p->name);
    return v ? var_place(w, v) : NULL;
}

/* The call that rewrites: what the right side reads, in the places where this row has it. */
static void finish_row(walk *w, const rewriter_fn *fn)
{
    w->needs.n = 0;
    w->row->apply = fn->name;
    w->row->values = "";
    w->row->args = matched_nodes(w, fn->by_one);
    for (uint32_t i = 0; i < fn->params.n; i++) {
        const param *p = fn->params.at[i];
        place *at = find_param(w, p);
        if (!at)
            gen_fault(w->g, p->span, "the match does not bind this");
        else
            w->row->args = gen_format(w->g, "%s, %s", w->row->args, read_place(w, at));
        if (at)
            w->row->values = gen_format(w->g, "%s%s%s = %s", w->row->values, *w->row->values ? ", " : "", p->name, at->c);
    }
    w->row->needs = w->needs;
}

/* Without fn only the attributes of the variables are found out. */
static row *walk_variant(automaton *a, x_variant *v, const x_node *root, x_choice *orders, const rewriter_fn *fn)
{
    gen *g = a->g;
    row *r = pat_alloc(g->arena, sizeof *r);
    walk w = {.a = a, .g = g, .v = v, .row = r, .orders = orders};
    w.nodes = pat_alloc(g->arena, (v->nodes.n + 1) * sizeof *w.nodes);
    w.vals = pat_alloc(g->arena, (v->vals.n + 1) * sizeof *w.vals);
    g->names = (names){&w, name_val, name_var};
    *r = (row){.rule = g->rule, .root = root->op, .span = root->span};
    walk_from(&w, root);
    for (uint32_t i = 0; i < v->where.n; i++)
        split_condition(g, v->where.at[i]->expr, test_where, &(where){&w, v->where.at[i]->scope});
    if (fn)
        finish_row(&w, fn);
    return w.dead ? NULL : r;
}

static uint32_t add_row(automaton *a, row *r, uint32_t variant)
{
    r->id = a->rows.n;
    r->variant = variant;
    PAT_PUSH(a->g->arena, a->rows, r);
    return r->tests.n;
}

/* Rows of one variant: for each of its roots and orders. Answers the number of their tests. */
static uint32_t variant_rows(automaton *a, x_variant *v, const rewriter_fn *fn, uint32_t number)
{
    uint32_t tests = 0, errors = pat_error_count(a->g->session);
    nodes roots = find_roots(a->g, v);
    for (uint32_t i = 0; i < roots.n; i++) {
        x_choice orders = {.n = 0};
        do {
            row *r = walk_variant(a, v, roots.at[i], &orders, fn);
            tests += r ? add_row(a, r, number) : 0;
        } while (pat_error_count(a->g->session) == errors && pat_next_choice(&orders));
    }
    find_reach(a, v);
    return tests;
}

/* Rows of all variants; answers the number of their tests. */
static uint32_t all_rows(automaton *a, const pat_rule *rule, uint32_t *n_variants)
{
    gen *g = a->g;
    x_choice choice = {.n = 0};
    uint32_t tests = 0, errors = pat_error_count(g->session);
    *n_variants = 0;
    do {
        x_variant *v = pat_expand(g->session, g->program, rule, &choice);
        if (!v || ++*n_variants > X_MAX_VARIANTS)
            break;
        walk_variant(a, v, v->root, &(x_choice){.n = 0}, NULL);
        if (pat_error_count(g->session) == errors)
            tests += variant_rows(a, v, emit_rewriter(g, v, *n_variants), *n_variants);
    } while (pat_error_count(g->session) == errors && pat_next_choice(&choice));
    return tests;
}

uint32_t rule_rows(automaton *a, const pat_rule *rule)
{
    gen *g = a->g;
    uint32_t n, first = a->rows.n, errors = pat_error_count(g->session);
    g->rule = rule;
    for (a->most_orders = 6; all_rows(a, rule, &n) > ROW_TESTS && a->most_orders; a->most_orders--)
        a->rows.n = first;
    if (n > X_MAX_VARIANTS && pat_error_count(g->session) == errors)
        gen_fault(g, rule->name_span, "too many variants");
    return n;
}

bool row_needs_readers(const row *r)
{
    for (uint32_t i = 0; i < r->tail.n; i++)
        if (r->tail.at[i]->kind == STEP_READERS)
            return true;
    return false;
}
