/* See instance.h. What the left side leaves open is searched: small numbers and those that the rule's conditions
 * mention, so that everything that is assumed holds and, if possible, every condition of `where`. */
#include "instance_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sld_abi.h"

enum { MAX_TRIES = 600, SIZE_MOST = (1 << 14) - 1 };
typedef enum truth { FALSE, TRUE, OPEN } truth;

/* ------------------------------------------------------------------ the binds -- */

static void bind_dtype_variable(maker *m, const t_name *n, const pat_arg *b)
{
    t_restrict_dtype(m->t, n->val.dtype, 1u << pat_dtype_number(b->value->name));
}

static void take_bind(maker *m, const pat_arg *b)
{
    t_env *t = m->t;
    const t_name *n = t_find_name(t, t->v->scope, b->name);
    const x_name *x = pat_scope_find(t->v->scope, b->name);
    if (t_is_dtype_of_all(t, b)) {
        m->dtypes = 1u << pat_dtype_number(b->value->name);
        return;
    }
    if (pat_is_graph_name(b->name) || pat_find_option(t->p, b->name)) {
        PAT_PUSH(t->c->arena, m->outside, b);
        return;
    }
    if ((x && x->var && !n) || (n && n->attr && n->attr->kind && strchr("fs", n->attr->kind[0]))) {
        PAT_PUSH(t->c->arena, m->floats, b);
        return;
    }
    if (!n)
        return; /* this alternative does not speak of it */
    s_val v = t_expr(t, b->value, t->v->scope, n->attr);
    if (n->val.kind == S_DTYPE)
        bind_dtype_variable(m, n, b);
    else if (n->val.kind == S_LIST && v.kind == S_LIST)
        s_assume_same(t->c, n->val.list, v.list);
    else if (n->val.kind == S_NUM && v.kind == S_NUM)
        s_assume_zero(t->c, s_sub(t->c, n->val.num, v.num));
}

/* ----------------------------------------------------------------- conditions -- */

static truth both(truth a, truth b)
{
    return a == FALSE || b == FALSE ? FALSE : a == OPEN || b == OPEN ? OPEN : TRUE;
}

static truth opposite(truth a)
{
    return a == OPEN ? OPEN : a == TRUE ? FALSE : TRUE;
}

static truth compare(pat_expr_kind kind, int64_t a, int64_t b)
{
    switch (kind) {
    case PE_EQ: return a == b;
    case PE_NE: return a != b;
    case PE_LT: return a < b;
    case PE_LE: return a <= b;
    case PE_GT: return a > b;
    default: return a >= b;
    }
}

static truth compare_vals(maker *m, const pat_expr *e, s_val a, s_val b)
{
    t_env *t = m->t;
    int64_t x, y;
    bool eq = e->kind == PE_EQ || e->kind == PE_NE;
    truth same = OPEN;
    if (a.kind == S_NUM && b.kind == S_NUM)
        return s_is_const(s_resolve(t->c, a.num), &x) && s_is_const(s_resolve(t->c, b.num), &y)
                   ? compare(e->kind, x, y) : OPEN;
    if (a.kind == S_DTYPE && b.kind == S_DTYPE && eq)
        same = m_dtype_of(m, a.dtype) == m_dtype_of(m, b.dtype);
    if (a.kind == S_LIST && b.kind == S_LIST && eq)
        same = s_prove_same(t->c, a.list, b.list);
    return e->kind == PE_NE ? opposite(same) : same;
}

/* The words of an enum take their meaning from the name they are compared with. */
static const pat_attr *attr_of(maker *m, const pat_expr *e, x_scope *scope)
{
    const t_name *n = e->kind == PE_NAME ? t_find_name(m->t, scope, e->name) : NULL;
    return n ? n->attr : NULL;
}

static truth holds(maker *m, const pat_expr *e, x_scope *scope)
{
    truth any = FALSE;
    if (e->kind == PE_AND)
        return both(holds(m, e->args.at[0], scope), holds(m, e->args.at[1], scope));
    if (e->kind == PE_OR)
        return opposite(both(opposite(holds(m, e->args.at[0], scope)), opposite(holds(m, e->args.at[1], scope))));
    if (e->kind == PE_NOT)
        return opposite(holds(m, e->args.at[0], scope));
    const pat_attr *attr = e->args.n ? attr_of(m, e->args.at[0], scope) : NULL;
    if (e->kind == PE_IN) {
        pat_expr eq = *e;
        eq.kind = PE_EQ;
        s_val a = t_expr(m->t, e->args.at[0], scope, attr);
        for (uint32_t i = 0; any == FALSE && i < e->args.at[1]->args.n; i++)
            any = compare_vals(m, &eq, a, t_expr(m->t, e->args.at[1]->args.at[i], scope, attr));
        return any;
    }
    if (e->kind < PE_EQ || e->kind > PE_GE)
        return OPEN;
    return compare_vals(m, e, t_expr(m->t, e->args.at[0], scope, attr), t_expr(m->t, e->args.at[1], scope, attr));
}

/* First condition of the rule that does not hold; NULL when all hold or are open. */
static const pat_expr *broken_condition(maker *m)
{
    for (uint32_t i = 0; i < m->t->v->where.n; i++)
        if (holds(m, m->t->v->where.at[i]->expr, m->t->v->where.at[i]->scope) == FALSE)
            return m->t->v->where.at[i]->expr;
    return NULL;
}

/* ----------------------------------------------------------------- the search -- */

/* What an example is to break does not hold; a condition that cannot be decided may do either. */
static bool wished(maker *m)
{
    return !m->wish.broken || holds(m, m->wish.broken->expr, m->wish.broken->scope) != TRUE;
}

void m_add_candidate(maker *m, int64_t v)
{
    for (uint32_t i = 0; i < m->n_candidates; i++)
        if (m->candidates[i] == v)
            return;
    if (m->n_candidates < M_MAX_CANDIDATES)
        m->candidates[m->n_candidates++] = v;
}

void m_collect(maker *m, const pat_expr *e, int64_t most)
{
    if (e->kind == PE_INT && e->ival > 0 && e->ival <= most)
        m_add_candidate(m, e->ival);
    for (uint32_t i = 0; i < e->args.n; i++)
        m_collect(m, e->args.at[i], most);
}

/* On both sides of the numbers that a condition mentions. */
static void collect_around(maker *m, const pat_expr *e)
{
    for (int64_t i = -1; i <= 1 && e->kind == PE_INT; i++)
        m_add_candidate(m, e->ival + i);
    for (uint32_t i = 0; i < e->args.n; i++)
        collect_around(m, e->args.at[i]);
}

/* What kernels of the right side ask for. */
static void collect_kernels(maker *m)
{
    for (uint32_t i = 0; i < m->t->rule->replace.n; i++) {
        const pat_kernel *k = pat_map_get(&m->t->p->by_name.kernels, m->t->rule->replace.at[i]->value->name);
        for (uint32_t j = 0; k && j < k->rows.n; j++)
            if (k->rows.at[j]->when)
                m_collect(m, k->rows.at[j]->when, SIZE_MOST);
    }
}

void m_find_candidates(maker *m)
{
    static const int64_t usual[] = {4, 2, 8, -1, 1, 0, 3, 16, 64};
    if (m->wish.broken) {
        collect_around(m, m->wish.broken->expr);
        for (uint32_t i = 0; i < m->t->v->where.n; i++)
            collect_around(m, m->t->v->where.at[i]->expr);
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        m_add_candidate(m, usual[i]);
    for (uint32_t i = 0; i < m->t->v->where.n; i++)
        m_collect(m, m->t->v->where.at[i]->expr, SIZE_MOST);
    for (uint32_t i = 0; i < m->t->v->nodes.n; i++)
        for (uint32_t j = 0; j < m->t->v->nodes.at[i]->op->where.n; j++)
            m_collect(m, m->t->v->nodes.at[i]->op->where.at[j], SIZE_MOST);
    if (m->wish.seed)
        collect_kernels(m);
}

uint32_t m_next(maker *m, uint32_t n)
{
    m->seed = m->seed * 1664525u + 1013904223u;
    return (m->seed >> 8) % n;
}

s_shape m_some_list(maker *m, uint32_t k)
{
    static const int64_t lists[][5] = {{1, 2}, {0}, {2, 2, 3}, {1, -1}, {1, 0}, {2, 1, 0}, {1, 1}, {2, 0, 1},
                                       {3, 2, 3, 4}, {3, 2, 0, 1}, {4, 0, 1, 3, 2}, {4, 0, 2, 1, 3}, {4, 2, 1, 4, 3}, {1, 3}};
    s_shape s = {0};
    k %= sizeof lists / sizeof *lists;
    for (int64_t i = 0; i < lists[k][0]; i++) {
        s_poly dim = s_const(m->t->c, lists[k][i + 1]);
        s = s_join(m->t->c, s, s_dims(m->t->c, 1, &dim));
    }
    return s;
}

void m_solve(s_ctx *c)
{
    int64_t rest = 0;
    for (uint32_t i = 0; i < c->equations.n; i++) {
        s_poly p = s_resolve(c, *c->equations.at[i]);
        if (!p.n || p.n > 2 || p.at[0].n != 1 || !s_is_const((s_poly){p.n - 1, p.at + 1}, &rest) || rest % p.at[0].coef)
            continue;
        if (!c->atoms.at[p.at[0].atoms[0]]->function)
            s_set(c, p.at[0].atoms[0], -rest / p.at[0].coef);
    }
}

/* The first tries give all open dims one size and all lists one value; later ones draw each. */
static void fill(maker *m, uint32_t try)
{
    s_ctx *c = m->t->c;
    bool draw = try >= 3 * m->n_candidates;
    for (uint32_t i = 0; i < c->segs.n; i++)
        if (!c->segs.at[i]->bound && !c->segs.at[i]->function)
            s_set_segment(c, i, m_some_list(m, draw ? m_next(m, 64) : try % 3));
    m_solve(c);
    for (uint32_t i = 0; i < c->atoms.n; i++) {
        const s_atom *a = c->atoms.at[i];
        uint32_t k = draw ? m_next(m, m->n_candidates) : try / 3;
        if (a->bound || a->function)
            continue;
        int64_t v = a->set ? a->set[k % a->n_set] : m->candidates[k];
        s_set(c, i, v < 0 || (!v && !m->wish.broken && !m->wish.zeros) ? a->nonneg ? 5 : v : v);
        m_solve(c);
    }
}

static bool all_known(maker *m)
{
    s_ctx *c = m->t->c;
    int64_t v;
    for (uint32_t i = 0; i < m->t->v->vals.n; i++) {
        const t_value *x = &m->t->vals[i];
        bool found_later = m->t->v->vals.at[i]->kind == XVAL_RESULT && x->known && t_left_open(m->t, x->shape);
        s_shape s = x->known && !found_later ? s_resolve_shape(c, x->shape) : (s_shape){0};
        for (uint32_t k = 0; k < s.n; k++)
            if (s.at[k].seg || !s_is_const(s.at[k].dim, &v) || v < 0)
                return false;
    }
    return true;
}

bool m_fits(maker *m, bool where)
{
    return s_consistent(m->t->c) && all_known(m) && t_recheck(m->t) && (!where || !broken_condition(m)) && wished(m);
}

bool m_search(maker *m, bool where)
{
    s_ctx *c = m->t->c;
    for (uint32_t i = m->wish.seed ? 3 * m->n_candidates : 0; i < MAX_TRIES && !c->contradiction; i++) {
        s_mark mark = s_save(c);
        fill(m, i);
        if (m_fits(m, where))
            return true;
        s_undo(c, mark);
    }
    return false;
}

/* -------------------------------------------------------------------- verdicts -- */

/* A name that a gate or the kernels of the right side decide by, not `where`. */
static bool decided_later(maker *m, pat_name name)
{
    for (uint32_t i = 0; i < m->t->rule->gate.n; i++)
        if (t_mentions(m->t->rule->gate.at[i], name))
            return true;
    return pat_find_option(m->t->p, name) || pat_is_graph_name(name);
}

static bool sensible(maker *m, bool *by_kernel)
{
    const pat_test *test = m->test;
    const pat_expr *broken = broken_condition(m);
    size_t n;
    const char *text = broken ? pat_expr_text(m->t->s, broken, &n) : NULL;
    *by_kernel = false;
    if (broken && test->fires) {
        pat_error(m->t->s, test->span, E_TEST_WHERE, "this test cannot fire: %.*s does not hold", (int)n, text);
        pat_note(m->t->s, broken->span, "the condition is here");
        return false;
    }
    if (!test->because || (broken && t_mentions(broken, test->because)))
        return true;
    *by_kernel = !broken;
    if (!broken || decided_later(m, test->because))
        return true;
    pat_error(m->t->s, test->because_span, E_TEST_REASON, "the first condition that does not hold is %.*s, which does "
              "not speak of '%s'", (int)n, text, test->because);
    pat_note(m->t->s, broken->span, "the condition is here");
    return false;
}

static void take_outside(maker *m, pat_instance *out)
{
    char text[400];
    size_t n = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < m->outside.n; i++) {
        const pat_arg *b = m->outside.at[i];
        size_t len;
        const char *value = pat_span_text(m->t->s, b->value->span, &len);
        char number[24]; /* a choice of the family stands for it */
        if (b->value->kind == PE_INT) {
            len = (size_t)snprintf(number, sizeof number, "%lld", (long long)b->value->ival);
            value = number;
        }
        if (!strcmp(b->name, "tokens"))
            out->tokens = b->value->ival;
        else if (!strcmp(b->name, "world"))
            out->world = b->value->ival;
        else if (!strcmp(b->name, "units"))
            out->units = b->value->ival;
        else if (n < sizeof text)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s=%.*s", n ? "," : "", b->name, (int)len, value);
    }
    out->options = pat_intern(m->t->s, text, n < sizeof text ? n : sizeof text - 1);
}

void m_choose_axes(maker *m)
{
    int64_t known;
    for (uint32_t i = 0; i < m->t->v->nodes.n; i++) {
        const t_call *k = m->t->calls[i];
        for (uint32_t j = 0; j < k->op->attrs.n; j++) {
            const pat_attr *a = k->op->attrs.at[j];
            if (a->kind && !strcmp(a->kind, "axis") && !s_is_const(s_resolve(m->t->c, k->attrs[j].num), &known))
                s_assume_zero(m->t->c, s_sub(m->t->c, k->attrs[j].num, s_const(m->t->c, m->wish.axis ? m->wish.axis : -1)));
        }
    }
}

typedef enum outcome { MADE, NOT_HERE, FAILED } outcome;

/* The instance of one variant; NOT_HERE when the test's values do not fit it. */
static outcome make(t_env *t, const pat_test *test, pat_instances *out)
{
    maker m = {.t = t, .test = test, .seed = 1};
    for (uint32_t i = 0; i < test->binds.n; i++)
        take_bind(&m, test->binds.at[i]);
    m_choose_axes(&m);
    m_find_candidates(&m);
    if (t->c->contradiction || (!m_search(&m, true) && !m_search(&m, false)))
        return NOT_HERE;
    pat_instance *made = pat_alloc(t->s->arena, sizeof *made);
    *made = (pat_instance){.rule = t->rule, .test = test, .variant = t->number};
    if (!sensible(&m, &made->by_kernel))
        return FAILED;
    take_outside(&m, made);
    made->graph = m_print_graph(&m);
    if (!made->graph || m.open)
        return NOT_HERE;
    PAT_PUSH(t->s->arena, *out, made);
    return MADE;
}

const char *pat_example(t_env *t, const pat_wish *wish)
{
    maker m = {.t = t, .wish = wish ? *wish : (pat_wish){0}, .dtypes = wish ? wish->dtypes : 0};
    s_mark before = s_save(t->c);
    m.seed = m.wish.seed + 1;
    for (uint32_t i = 0; m.wish.test && i < m.wish.test->binds.n; i++)
        take_bind(&m, m.wish.test->binds.at[i]);
    m_choose_axes(&m);
    m_find_candidates(&m);
    const char *text = !t->c->contradiction && m_search(&m, true) ? m_print_graph(&m) : NULL;
    s_undo(t->c, before);
    return m.open ? NULL : text;
}

static bool make_test(pat_session *s, const pat_program *p, const pat_rule *rule, const pat_test *test, pat_instances *out)
{
    x_choice choice = {.n = 0};
    uint32_t number = 0, made = 0;
    outcome o = MADE;
    do {
        t_env *t = t_open(s, p, rule, pat_expand(s, p, rule, &choice), NULL);
        o = t_check_binds(t, test) ? NOT_HERE : FAILED;
        t_close(t);
        if (o == FAILED)
            return false;
        t = t_open(s, p, rule, pat_expand(s, p, rule, &choice), test);
        t->number = ++number;
        o = make(t, test, out);
        made += o == MADE;
        t_close(t);
    } while (o != FAILED && pat_next_choice(&choice));
    if (o == FAILED)
        return false;
    if (!made) {
        pat_error(s, test->span, E_TEST_OPEN, "no graph was found for this test: its values fit no variant of the rule, "
                  "or leave too much open");
        pat_hint(s, "give values to more dims and attributes; solderc --explain %s lists them", rule->name);
    }
    return made;
}

bool pat_make_instances(pat_session *s, const pat_program *p, pat_instances *out)
{
    bool ok = true;
    for (uint32_t i = 0; i < p->rules.n; i++)
        for (uint32_t j = 0; j < p->rules.at[i]->tests.n; j++)
            ok &= make_test(s, p, p->rules.at[i], p->rules.at[i]->tests.at[j], out);
    return ok;
}
