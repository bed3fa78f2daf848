/* A walk over a variant's graph: from its root towards producers, and what no producer path reaches is found among
 * the readers of a value. */
#include <string.h>

#include "walk.h"

/* ----------------------------------------------------------------- tests -- */

const char *read_place(walk *w, place *p)
{
    PAT_PUSH(w->g->arena, w->needs, p);
    return p->c;
}

place *var_place(walk *w, const x_var *v)
{
    return v->id < w->vars.n ? w->vars.at[v->id] : NULL;
}

void bind_var(walk *w, const x_var *v, place *p)
{
    while (w->vars.n <= v->id)
        PAT_PUSH(w->g->arena, w->vars, NULL);
    w->vars.at[v->id] = p;
}

static const char *label(gen *g, const char *text, size_t n)
{
    size_t k = 0;
    while (k < n && k < 60 && text[k] != '\n')
        k++;
    return gen_format(g, "%.*s%s", (int)k, text, k < n ? " ..." : "");
}

const char *span_label(gen *g, pat_span span)
{
    size_t n;
    const char *text = pat_span_text(g->session, span, &n);
    return label(g, text, n);
}

const char *expr_label(gen *g, const pat_expr *e)
{
    size_t n;
    const char *text = pat_expr_text(g->session, e, &n);
    return label(g, text, n);
}

static bool is_guard(const row *r, const place *p)
{
    return p->guarded_in == r;
}

/* The tests that make reading p valid, among those of the row. */
static void require(row *r, uint64_t *after, const place *p)
{
    for (; p; p = p->of)
        if (is_guard(r, p))
            after[p->guard / 64] |= UINT64_C(1) << p->guard % 64;
}

static test *new_test(walk *w, column *col, const char *label, int64_t value, const char *value_c)
{
    test *t = pat_alloc(w->g->arena, sizeof *t);
    *t = (test){.col = col, .value = value, .value_c = value_c, .label = label, .span = w->span};
    return t;
}

static bool reads_in_loop(const walk *w)
{
    for (uint32_t i = 0; i < w->needs.n; i++)
        if (w->needs.at[i]->in_loop)
            return true;
    return false;
}

static step *add_step(walk *w, step_kind kind)
{
    step *s = pat_alloc(w->g->arena, sizeof *s);
    s->kind = kind;
    PAT_PUSH(w->g->arena, w->row->tail, s);
    return s;
}

static uint32_t same_test(const row *r, const test *t)
{
    uint32_t i = 0;
    while (i < r->tests.n && r->tests.at[i]->col != t->col)
        i++;
    return i;
}

static void add_test(walk *w, bool condition, uint8_t cost, const char *label, const char *c, int64_t value,
                     const char *value_c)
{
    row *r = w->row;
    test *t = new_test(w, column_of(w->a, c, condition, cost, &w->needs), label, value, value_c);
    if (reads_in_loop(w)) {
        add_step(w, STEP_TEST)->test = t;
    } else {
        uint32_t i = w->last = same_test(r, t);
        if (i == r->tests.n) {
            t->after = pat_alloc(w->g->arena, (i / 64 + 1) * sizeof *t->after);
            for (uint32_t k = 0; k < w->needs.n; k++)
                require(r, t->after, w->needs.at[k]);
            PAT_PUSH(w->g->arena, r->tests, t);
        } else if (r->tests.at[i]->value != value) {
            w->dead = true;
        }
    }
    w->needs.n = 0;
}

void add_condition(walk *w, uint8_t cost, const char *label, const char *c)
{
    add_test(w, true, cost, label, c, 1, "");
}

void add_equals(walk *w, uint8_t cost, const char *label, const char *c, int64_t value, const char *value_c)
{
    add_test(w, false, cost, label, c, value, value_c);
}

void guard_place(walk *w, place *p)
{
    if (p->in_loop || is_guard(w->row, p))
        return;
    p->guarded_in = w->row;
    p->guard = w->last;
    PAT_PUSH(w->g->arena, w->row->tests.at[w->last]->sure, p);
}

/* ---------------------------------------------------------------- orders -- */

static const char *op_id(gen *g, uint32_t id)
{
    return id ? gen_format(g, "OP_%s", g->program->ops.at[id - 1]->name) : "0";
}

/* The next choice among two. */
static uint32_t choose(walk *w)
{
    uint32_t i = w->n_orders++;
    if (i == X_MAX_CHOICES) {
        gen_fault(w->g, w->span, "too many operands with a choice");
        w->n_orders--;
        return 0;
    }
    if (i >= w->orders->n) {
        w->orders->at[i] = 0;
        w->orders->n = i + 1;
    }
    w->orders->radix[i] = 2;
    return w->orders->at[i];
}

static bool single(const x_val *v)
{
    return v->kind != XVAL_REST;
}

/* Exchanging equal operands tries the same thing twice. */
static bool both_orders(const x_node *n)
{
    return n->op->commutative && n->operands.n >= 2 && n->operands.at[0] != n->operands.at[1] &&
           single(n->operands.at[0]) && single(n->operands.at[1]);
}

/* The op that must have produced a value: 0 none, as for a constant; -1 any. */
static int64_t producing_op(const x_val *v)
{
    if (v->kind == XVAL_RESULT)
        return v->node->op->id;
    return v->kind == XVAL_NUMBER || v->kind == XVAL_CONST ? 0 : -1;
}

/* Operands of different ops are told apart by these, whatever their order. At the root orders are rows all the same,
 * because rules share the tests of its operands. */
static bool pick_operands(walk *w, const x_node *n, place **at)
{
    gen *g = w->g;
    place *node = w->nodes[n->id];
    int64_t a = producing_op(n->operands.at[0]), b = producing_op(n->operands.at[1]);
    if (a < 0 || b < 0 || a == b || node == w->a->root)
        return false;
    uint32_t low = a > b, ids[2] = {(uint32_t)a, (uint32_t)b};
    for (uint32_t i = 0; i < 2; i++)
        at[i] = place_at(w->a, PL_PICKED, node, ids[i], ids[1 - i]);
    const place *first = at[low], *second = at[1 - low];
    w->needs.n = 0;
    const char *c = gen_format(g, "sld_pick(g, %s, %s, %s, &%s, &%s)", read_place(w, node), op_id(g, ids[low]),
                               op_id(g, ids[1 - low]), first->c, second->c);
    read_place(w, at[0]);
    read_place(w, at[1]);
    add_condition(w, COST_OP, span_label(g, n->span), c);
    for (uint32_t i = 0; i < 2; i++) {
        guard_place(w, at[i]);
        guard_place(w, place_at(w->a, PL_PRODUCER, at[i], 0, 0));
    }
    return true;
}

/* An operand that is known tells which one the other is. */
static bool pick_known(walk *w, const x_node *n, place **at)
{
    place *node = w->nodes[n->id];
    for (uint32_t i = 0; i < 2; i++) {
        place *known = w->vals[n->operands.at[i]->id];
        if (!known || node == w->a->root)
            continue;
        at[i] = known;
        at[1 - i] = place_at(w->a, PL_OTHER, node, 0, known->id);
        w->needs.n = 0;
        const char *c = read_place(w, node), *x = read_place(w, known), *other = read_place(w, at[1 - i]);
        add_condition(w, COST_SAME, span_label(w->g, n->span),
                      gen_format(w->g, "sld_pick_other(g, %s, %s, &%s)", c, x, other));
        guard_place(w, at[1 - i]);
        return true;
    }
    return false;
}

static bool may_be_absent(const pat_op *op, uint32_t i)
{
    return i >= op->operands.n || op->operands.at[i]->optional || op->operands.at[i]->variadic;
}

static void operand_places(walk *w, const x_node *n, place **at)
{
    place *node = w->nodes[n->id];
    for (uint32_t i = 0; i < n->operands.n; i++)
        at[i] = n->operands.at[i]->kind == XVAL_REST
                    ? place_at(w->a, PL_REST, node, i, 0)
                    : place_at(w->a, PL_OPERAND, node, i, may_be_absent(n->op, i));
    if (!both_orders(n) || pick_known(w, n, at) || pick_operands(w, n, at))
        return;
    if (w->n_compiled == w->a->most_orders) {
        step *s = add_step(w, STEP_ORDERS);
        s->loop = w->n_loops++;
        s->label = n->op->name;
        for (uint32_t i = 0; i < 2; i++)
            at[i] = place_at(w->a, PL_ORDERED, node, i, s->loop);
    } else if (w->n_compiled++, choose(w)) {
        place *first = at[0];
        at[0] = at[1];
        at[1] = first;
    }
}

/* ---------------------------------------------------------------- values -- */

static void walk_node(walk *w, const x_node *n, place *at);

static place *result_place(walk *w, const x_node *n, uint32_t i)
{
    place **known = &w->vals[n->results.at[i]->id];
    if (!*known)
        *known = place_at(w->a, PL_RESULT, w->nodes[n->id], i, 0);
    return *known;
}

static const char *val_label(walk *w, const x_val *v)
{
    return v->name ? v->name : gen_format(w->g, "result %u of %s", v->index, v->node ? v->node->op->name : "");
}

static void same_value(walk *w, const char *label, place *a, place *b)
{
    if (a == b)
        return;
    add_condition(w, COST_SAME, gen_format(w->g, "%s again", label), symmetric(w, "", " == ", "", a, b));
}

/* The op of a node; n NULL: there is no node, as where a constant is wanted. That tells constants from results
 * before their numbers are looked at. */
static void test_op(walk *w, const x_node *n, place *at, const char *label)
{
    if (at->kind == PL_PRODUCER && at->of->kind == PL_PICKED)
        return;
    const char *c = gen_format(w->g, "SLD_OP_OR_0(g, %s)", read_place(w, at));
    add_equals(w, COST_OP, label, c, n ? n->op->id : 0, op_id(w->g, n ? n->op->id : 0));
    if (n)
        guard_place(w, at);
}

static bool has_results(const pat_op *op)
{
    return op->results.n > 1 || op->variadic_results;
}

static void walk_produced(walk *w, const x_val *val, place *at)
{
    const x_node *p = val->node;
    gen *g = w->g;
    w->span = p->span;
    if (w->nodes[p->id]) {
        same_value(w, val_label(w, val), result_place(w, p, val->index), at);
        return;
    }
    place *node = place_at(w->a, PL_PRODUCER, at, 0, 0);
    test_op(w, p, node, span_label(g, p->span));
    if (has_results(p->op)) {
        const char *c = gen_format(g, "SLD_RESULT_INDEX(g, %s)", read_place(w, at));
        read_place(w, node);
        add_equals(w, COST_COUNT, gen_format(g, "result %u", val->index), c, val->index,
                   gen_format(g, "%u", val->index));
    }
    w->vals[val->id] = at;
    walk_node(w, p, node);
}

static void test_types(walk *w, const x_val *v, place *at)
{
    for (uint32_t i = 0; i < v->types.n; i++) {
        w->span = v->types.at[i]->type->span;
        test_type(w, at, v->name, v->types.at[i]);
    }
}

static void test_present(walk *w, const char *label, place *at, bool present)
{
    const char *c = read_place(w, at);
    add_equals(w, COST_COUNT, gen_format(w->g, "%s is %s", label, present ? "there" : "absent"),
               gen_format(w->g, "(%s ? 1 : 0)", c), present, present ? "1" : "0");
    if (present)
        guard_place(w, at);
}

/* An operand that may be absent has a type only when it is there. */
static void walk_input(walk *w, const x_val *v, place *at, bool optional)
{
    uint32_t absent = 0;
    if (w->vals[v->id]) {
        same_value(w, v->name, w->vals[v->id], at);
        return;
    }
    w->vals[v->id] = at;
    if (optional && !v->maybe) {
        test_present(w, v->name, at, true);
    } else if (v->maybe && v->types.n) {
        absent = choose(w);
        test_present(w, v->name, at, !absent);
    }
    if (!absent)
        test_types(w, v, at);
}

static void walk_rest(walk *w, const x_val *v, place *at)
{
    if (!w->vals[v->id]) {
        w->vals[v->id] = at;
        return;
    }
    const char *a = read_place(w, w->vals[v->id]), *b = read_place(w, at);
    add_condition(w, COST_SAME, gen_format(w->g, "%s... again", v->name),
                  gen_format(w->g, "sld_same_rest(g, %s, %s)", a, b));
}

static void walk_number(walk *w, const x_val *v, place *at)
{
    gen *g = w->g;
    const char *label = span_label(g, v->span);
    w->span = v->span;
    w->needs.n = 0;
    test_op(w, NULL, place_at(w->a, PL_PRODUCER, at, 0, 0), label);
    place *f = number_of_value(w, at, gen_format(g, "%s is one number", label));
    if (v->kind == XVAL_NUMBER) {
        add_condition(w, COST_DIM, label,
                      gen_format(g, "sld_close(%s, %.17g, %.17g)", read_place(w, f), v->fval, v->tol));
        return;
    }
    place *bound = var_place(w, v->capture);
    if (!bound) {
        bind_var(w, v->capture, place_at(w->a, PL_CAPTURE, f, 0, 0));
        return;
    }
    const char *a = read_place(w, f), *b = read_place(w, bound);
    add_condition(w, COST_DIM, label, gen_format(g, "%s == %s.f", a, b));
}

static void walk_operand(walk *w, const x_node *n, uint32_t i, place *at)
{
    const x_val *v = n->operands.at[i];
    w->needs.n = 0;
    w->span = v->span;
    switch (v->kind) {
    case XVAL_RESULT:
        walk_produced(w, v, at);
        break;
    case XVAL_INPUT:
        walk_input(w, v, at, i < n->op->operands.n && n->op->operands.at[i]->optional);
        break;
    case XVAL_NUMBER:
    case XVAL_CONST:
        walk_number(w, v, at);
        break;
    case XVAL_NONE:
        test_present(w, gen_format(w->g, "operand %u", i), at, false);
        break;
    case XVAL_REST:
        walk_rest(w, v, at);
        break;
    case XVAL_ANY:
        break;
    }
}

/* --------------------------------------------------------------- literals -- */

static const pat_operand *declared_operand(const pat_op *op, uint32_t i)
{
    return i < op->operands.n ? op->operands.at[i] : NULL;
}

/* Whether the type of the result is the broadcast of this operand and others. */
static bool broadcasts(const pat_op *op, uint32_t i)
{
    const pat_operand *o = declared_operand(op, i);
    const pat_exprs *r = op->results.n ? &op->results.at[0]->type->elems : NULL;
    if (!o || o->type->elems.n != 1 || o->type->elems.at[0]->kind != PE_RANK || !r || r->n != 1 ||
        r->at[0]->kind != PE_CALL || strcmp(r->at[0]->name, "broadcast"))
        return false;
    for (uint32_t k = 0; k < r->at[0]->args.n; k++)
        if (r->at[0]->args.at[k]->name == o->type->elems.at[0]->name)
            return true;
    return false;
}

static bool literal(const x_val *v)
{
    return v->kind == XVAL_NUMBER || v->kind == XVAL_CONST;
}

/* A literal leaves the shape of the result alone: its rank is at most that of another operand. */
static void test_literal_rank(walk *w, const x_node *n, uint32_t i, place **at)
{
    gen *g = w->g;
    const char *any = NULL, *mine = NULL;
    w->needs.n = 0;
    for (uint32_t k = 0; k < n->operands.n; k++)
        if (!literal(n->operands.at[k]) && n->operands.at[k]->kind != XVAL_NONE && broadcasts(n->op, k)) {
            mine = mine ? mine : read_place(w, place_at(w->a, PL_RANK, at[i], 0, 0));
            const char *c = gen_format(g, "%s <= %s", mine, read_place(w, place_at(w->a, PL_RANK, at[k], 0, 0)));
            any = any ? gen_format(g, "%s || %s", any, c) : c;
        }
    w->span = n->operands.at[i]->span;
    if (any)
        add_condition(w, COST_DIM, gen_format(g, "%s does not raise the rank", span_label(g, w->span)), any);
}

static void test_literals(walk *w, const x_node *n, place **at)
{
    for (uint32_t i = 0; i < n->operands.n; i++)
        if (literal(n->operands.at[i]) && broadcasts(n->op, i))
            test_literal_rank(w, n, i, at);
}

/* ----------------------------------------------------------------- nodes -- */

/* A graph has no cycles, so a node is none of those from which it is reached by operands alone, or by readers alone. */
static bool depends(const place *p, const place *on)
{
    bool up = false, down = false;
    for (; p && p != on; p = p->of) {
        down |= p->kind == PL_READER;
        up |= p->kind == PL_OPERAND || p->kind == PL_ORDERED || p->kind == PL_PICKED || p->kind == PL_OTHER;
    }
    return p && !(up && down);
}

static void test_distinct(walk *w, const x_node *n, place *at)
{
    for (uint32_t i = 0; i < w->v->nodes.n; i++) {
        const x_node *other = w->v->nodes.at[i];
        place *p = w->nodes[other->id];
        if (other == n || other->op != n->op || !p || depends(at, p))
            continue;
        add_condition(w, COST_SAME, gen_format(w->g, "another %s", n->op->name), symmetric(w, "", " != ", "", at, p));
    }
}

/* Values that die with the match must have no other reader. */
static void test_uses(walk *w, const x_node *n)
{
    gen *g = w->g;
    if (n->op->variadic_results)
        add_equals(w, COST_COUNT, gen_format(g, "%u results", n->results.n),
                   gen_format(g, "SLD_N_RESULTS(g, %s)", read_place(w, w->nodes[n->id])), n->results.n,
                   gen_format(g, "%u", n->results.n));
    for (uint32_t i = 0; i < n->results.n; i++) {
        const x_val *r = n->results.at[i];
        if (r->yielded)
            continue;
        const char *c = gen_format(g, "SLD_USES(g, %s)", read_place(w, result_place(w, n, i)));
        read_place(w, w->nodes[n->id]);
        add_equals(w, COST_COUNT, gen_format(g, "%s has no other reader", val_label(w, r)), c, r->n_uses,
                   gen_format(g, "%u", r->n_uses));
    }
}

static void test_operand_count(walk *w, const x_node *n)
{
    uint32_t declared = n->op->operands.n, k = n->operands.n;
    if (!declared || !n->op->operands.at[declared - 1]->variadic)
        return;
    const char *c = gen_format(w->g, "SLD_N_OPERANDS(g, %s)", read_place(w, w->nodes[n->id]));
    if (!k || n->operands.at[k - 1]->kind != XVAL_REST)
        add_equals(w, COST_COUNT, gen_format(w->g, "%u operands", k), c, k, gen_format(w->g, "%u", k));
    else
        add_condition(w, COST_COUNT, gen_format(w->g, "%u operands and more", k - 1),
                      gen_format(w->g, "%s - %uu <= SLD_MAX_REST", c, k - 1));
}

/* How many of a node's operands have places. */
static uint32_t known_operands(const walk *w, const x_node *n)
{
    uint32_t known = 0;
    for (uint32_t i = 0; i < n->operands.n; i++)
        known += n->operands.at[i]->kind != XVAL_REST && w->vals[n->operands.at[i]->id] != NULL;
    return known;
}

/* An input that is found elsewhere too tells operands apart that nothing else does. */
static bool may_defer(const walk *w, const x_node *n)
{
    bool elsewhere = false;
    if (!both_orders(n) || n->operands.n > 2)
        return false;
    for (uint32_t i = 0; i < 2; i++) {
        const x_val *v = n->operands.at[i];
        if (v->kind == XVAL_RESULT || w->vals[v->id])
            return false;
        elsewhere |= v->kind == XVAL_INPUT && v->n_uses > 1;
    }
    return elsewhere;
}

static void walk_operands(walk *w, const x_node *n)
{
    place **at = pat_alloc(w->g->arena, (n->operands.n + 1) * sizeof *at);
    operand_places(w, n, at);
    for (uint32_t i = 0; i < n->operands.n; i++)
        walk_operand(w, n, i, at[i]);
    test_literals(w, n, at);
}

/* Those of which an operand is known come first. */
static void walk_deferred(walk *w)
{
    while (w->deferred.n) {
        uint32_t best = 0;
        for (uint32_t i = w->deferred.n; i-- > 0;)
            if (known_operands(w, w->deferred.at[i]))
                best = i;
        const x_node *n = w->deferred.at[best];
        for (uint32_t i = best + 1; i < w->deferred.n; i++)
            w->deferred.at[i - 1] = w->deferred.at[i];
        w->deferred.n--;
        w->span = n->span;
        walk_operands(w, n);
    }
}

static void walk_node(walk *w, const x_node *n, place *node)
{
    w->nodes[n->id] = node;
    w->span = n->span;
    w->needs.n = 0;
    test_operand_count(w, n);
    test_distinct(w, n, node);
    test_uses(w, n);
    for (uint32_t i = 0; i < n->results.n; i++)
        test_types(w, n->results.at[i], result_place(w, n, i));
    for (uint32_t i = 0; i < n->attrs.n; i++) {
        w->span = n->span;
        if (stands_alone(n->attrs.at[i]))
            test_attr(w, node, n->attrs.at[i]);
    }
    if (may_defer(w, n))
        PAT_PUSH(w->g->arena, w->deferred, n);
    else
        walk_operands(w, n);
    for (uint32_t i = 0; i < n->attrs.n; i++) {
        w->span = n->span;
        if (!stands_alone(n->attrs.at[i]))
            test_attr(w, node, n->attrs.at[i]);
    }
}

/* ---------------------------------------------------------------- readers -- */

/* The node not yet reached that reads most of what is. */
static const x_node *next_reader(const walk *w)
{
    const x_node *best = NULL;
    uint32_t most = 0;
    for (uint32_t i = 0; i < w->v->nodes.n; i++) {
        const x_node *n = w->v->nodes.at[i];
        uint32_t known = w->nodes[n->id] ? 0 : known_operands(w, n);
        if (known > most) {
            most = known;
            best = n;
        }
    }
    return best;
}

static void walk_reader(walk *w, const x_node *n)
{
    step *s = add_step(w, STEP_READERS);
    s->loop = w->n_loops++;
    for (uint32_t i = 0; i < n->operands.n; i++) {
        place *p = w->vals[n->operands.at[i]->id];
        uint32_t k = 0;
        while (k < s->from.n && s->from.at[k] != p)
            k++;
        if (p && k == s->from.n && n->operands.at[i]->kind != XVAL_REST)
            PAT_PUSH(w->g->arena, s->from, p);
    }
    s->at = place_at(w->a, PL_READER, s->from.at[0], 0, s->loop);
    w->span = n->span;
    test_op(w, n, s->at, span_label(w->g, n->span));
    walk_node(w, n, s->at);
}

void walk_from(walk *w, const x_node *root)
{
    walk_node(w, root, w->a->root);
    walk_deferred(w);
    for (const x_node *n; (n = next_reader(w));) {
        walk_reader(w, n);
        walk_deferred(w);
    }
    while (test_pending(w, false))
        ;
    test_pending(w, true);
}
