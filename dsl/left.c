/* Types of all values of a rule's left side: a match stands in a graph that is valid, so every signature and every
 * condition is something known. See prover.h. */
#include <string.h>

#include "prover.h"
#include "sld_abi.h"

static void apply_annotation(t_env *t, t_value *v, const x_type *x)
{
    s_shape s = {0};
    t_assume_dtype(t, t_named_dtype(t, x->scope, x->type->dtype), v->dtype);
    v->host |= x->type->host;
    for (uint32_t i = 0; i < x->type->elems.n; i++) {
        const pat_expr *e = x->type->elems.at[i];
        s_val e_val = e->kind == PE_WILD  ? t_unknown(t, S_LIST)
                      : e->kind == PE_RANK ? t_add_name(t, x->scope, e->name, S_LIST, NULL)->val
                                           : t_expr(t, e, x->scope, NULL);
        t_bind_name(t, x->scope, e);
        if (e_val.kind == S_NUM)
            s_assume_nonneg(t->c, e_val.num);
        s = s_join(t->c, s, e_val.kind == S_LIST ? e_val.list : s_dims(t->c, 1, &e_val.num));
    }
    s_assume_same(t->c, s, v->shape);
}

static void annotate(t_env *t, const x_val *v)
{
    for (uint32_t i = 0; i < v->types.n; i++)
        apply_annotation(t, &t->vals[v->id], v->types.at[i]);
}

/* An input is anything until an op or an annotation says more. */
static t_value *operand_value(t_env *t, const x_val *v, bool neutral)
{
    t_value *x = &t->vals[v->id];
    bool literal = v->kind == XVAL_NUMBER || v->kind == XVAL_CONST;
    if (x->known || v->kind == XVAL_NONE)
        return x;
    *x = (t_value){.known = true, .literal = literal && neutral, .host = literal, .maybe = v->maybe,
                   .rest = v->kind == XVAL_REST, .dtype = t_new_dtype(t, (1u << SLD_DTYPE_COUNT) - 2, NULL)};
    if (!x->literal)
        x->shape = s_segment(t->c, v->name, true);
    annotate(t, v);
    return x;
}

static s_val fresh_name(t_env *t, const pat_expr *e)
{
    return e->kind == PE_RANK ? (s_val){.kind = S_LIST, .list = s_segment(t->c, e->name, true)}
                              : (s_val){.kind = S_NUM, .num = s_var(t->c, e->name, true, true)};
}

/* Variables of all operands, so that arithmetic in one may speak of another. */
static void name_operands(t_call *k)
{
    for (uint32_t i = 0; i < k->op->operands.n; i++)
        for (uint32_t j = 0; j < k->op->operands.at[i]->type->elems.n; j++) {
            const pat_expr *e = k->op->operands.at[i]->type->elems.at[j];
            if ((e->kind == PE_NAME || e->kind == PE_RANK) && !t_signature_name(k, e->name) &&
                !pat_find_attr(k->op, e->name))
                t_set_signature_name(k, e->name, fresh_name(k->t, e));
        }
}

static s_shape operand_shape(t_call *k, const pat_operand *o, uint32_t i)
{
    s_shape s = {0};
    for (uint32_t j = 0; j < o->type->elems.n; j++) {
        const pat_expr *e = o->type->elems.at[j];
        s_val v = e->kind == PE_WILD || t_free_rank(k, i, e) ? t_unknown(k->t, S_LIST) : t_signature_expr(k, e, 0);
        s = s_join(k->t->c, s, v.kind == S_LIST ? v.list : s_dims(k->t->c, 1, &v.num));
    }
    return s;
}

/* The operand has the type that the signature declares. */
static void assume_operand(t_call *k, t_value *v, const pat_operand *o, uint32_t i)
{
    t_env *t = k->t;
    s_val *d = t_signature_name(k, o->type->dtype);
    if (!d && !pat_dtype_number(o->type->dtype)) {
        t_restrict_dtype(t, v->dtype, t_declared_set(t->p, o->type->dtype));
        t_dtype *root = t->dtypes.at[t_root(t, v->dtype)];
        root->name = root->name ? root->name : o->type->dtype;
        t_set_signature_name(k, o->type->dtype, (s_val){.kind = S_DTYPE, .dtype = v->dtype});
    } else {
        t_assume_dtype(t, d ? d->dtype : t_named_dtype(t, t->v->scope, o->type->dtype), v->dtype);
    }
    v->host |= o->type->host;
    if (v->rest)
        return;
    s_assume_same(t->c, v->shape, operand_shape(k, o, i));
}

/* ------------------------------------------------------------- conditions -- */

typedef s_val eval_fn(void *of, const pat_expr *e);

static bool shape_call(const pat_expr *e)
{
    return e->kind == PE_CALL && !strcmp(e->name, "shape") && e->args.n == 1 && e->args.at[0]->kind == PE_NAME;
}

/* What a comparison of two numbers tells. */
static void assume_numbers(t_env *t, pat_expr_kind kind, s_poly a, s_poly b)
{
    s_ctx *c = t->c;
    s_poly one = s_const(c, 1);
    switch (kind) {
    case PE_EQ: s_assume_zero(c, s_sub(c, a, b)); break;
    case PE_LE: s_assume_nonneg(c, s_sub(c, b, a)); break;
    case PE_GE: s_assume_nonneg(c, s_sub(c, a, b)); break;
    case PE_LT: s_assume_nonneg(c, s_sub(c, s_sub(c, b, a), one)); break;
    case PE_GT: s_assume_nonneg(c, s_sub(c, s_sub(c, a, b), one)); break;
    default: break;
    }
}

static bool is_zero(const pat_expr *e)
{
    return e->kind == PE_INT && !e->ival;
}

static void assume_in(t_env *t, const pat_expr *e, eval_fn *eval, void *of)
{
    const pat_exprs *set = &e->args.at[1]->args;
    s_val a = eval(of, e->args.at[0]);
    if (a.kind == S_DTYPE) {
        uint32_t mask = 0;
        for (uint32_t i = 0; i < set->n; i++)
            mask |= set->at[i]->kind == PE_NAME ? t_declared_set(t->p, set->at[i]->name) : 0;
        t_restrict_dtype(t, a.dtype, mask);
        return;
    }
    int64_t *numbers = pat_alloc(t->c->arena, (set->n + 1) * sizeof *numbers);
    for (uint32_t i = 0; i < set->n; i++)
        if (a.kind != S_NUM || !s_is_const(eval(of, set->at[i]).num, &numbers[i]))
            return;
    s_assume_in(t->c, a.num, set->n, numbers);
}

/* rank(x) == n, > n, >= n opens the segment in the shape of x. */
static bool assume_rank_of(t_env *t, const pat_expr *e, x_scope *scope)
{
    const pat_expr *call = e->args.at[0], *n = e->args.at[1];
    if (call->kind != PE_CALL || strcmp(call->name, "rank") || n->kind != PE_INT || !call->args.n)
        return false;
    const t_value *v = t_find_value(t, scope, call->args.at[0]->name);
    if (!v || !v->known || n->ival < 0 || n->ival > 32)
        return false;
    if (e->kind == PE_EQ || e->kind == PE_GE || e->kind == PE_GT)
        s_assume_rank(t->c, v->shape, (uint32_t)n->ival + (e->kind == PE_GT), e->kind == PE_EQ);
    return true;
}

static void assume(t_env *t, const pat_expr *e, eval_fn *eval, void *of)
{
    const pat_expr *x = e->args.n ? e->args.at[0] : NULL;
    switch (e->kind) {
    case PE_AND:
        assume(t, x, eval, of);
        assume(t, e->args.at[1], eval, of);
        return;
    case PE_IN:
        assume_in(t, e, eval, of);
        return;
    case PE_CALL:
        if (!strcmp(e->name, "identity") && e->args.n == 1 && eval(of, x).kind == S_LIST)
            s_assume_identity(t->c, eval(of, x).list);
        return;
    case PE_EQ: case PE_LT: case PE_LE: case PE_GT: case PE_GE:
        break;
    default:
        return;
    }
    if (e->kind == PE_EQ && x->kind == PE_MOD && is_zero(e->args.at[1])) {
        s_val p = eval(of, x->args.at[0]), n = eval(of, x->args.at[1]);
        if (p.kind == S_NUM && n.kind == S_NUM)
            s_assume_multiple(t->c, p.num, n.num);
        return;
    }
    s_val a = eval(of, x), b = eval(of, e->args.at[1]);
    if (a.kind == S_DTYPE && b.kind == S_DTYPE && e->kind == PE_EQ)
        t_assume_dtype(t, a.dtype, b.dtype);
    else if (a.kind == S_NUM && b.kind == S_NUM)
        assume_numbers(t, e->kind, a.num, b.num);
    else if (a.kind == S_LIST && b.kind == S_LIST && e->kind == PE_EQ)
        s_assume_same(t->c, a.list, b.list);
}

typedef struct rule_eval { t_env *t; x_scope *scope; } rule_eval;

/* A word takes its meaning from what it is compared with. */
static s_val eval_rule(void *of, const pat_expr *e)
{
    rule_eval *r = of;
    return t_expr(r->t, e, r->scope, NULL);
}

static s_val eval_signature(void *of, const pat_expr *e)
{
    return t_signature_expr(of, e, 0);
}

void t_assume(t_call *k, const pat_expr *e)
{
    assume(k->t, e, eval_signature, k);
}

/* style == neox. */
static bool assume_word(t_env *t, const pat_expr *e, x_scope *scope)
{
    if (e->kind != PE_EQ || e->args.at[0]->kind != PE_NAME || e->args.at[1]->kind != PE_NAME)
        return false;
    const t_name *n = t_find_name(t, scope, e->args.at[0]->name);
    if (!n || !n->attr || n->attr->kind)
        return false;
    for (uint32_t i = 0; i < n->attr->words.n; i++)
        if (n->attr->words.at[i]->name == e->args.at[1]->name)
            s_assume_zero(t->c, s_sub(t->c, n->val.num, s_const(t->c, i)));
    return true;
}

static void assume_condition(t_env *t, const x_cond *x)
{
    rule_eval r = {t, x->scope};
    const pat_expr *e = x->expr;
    bool compares = e->kind >= PE_EQ && e->kind <= PE_GE;
    if (e->kind == PE_CALL && !strcmp(e->name, "const") && e->args.n == 1 && e->args.at[0]->kind == PE_NAME) {
        t_value *v = (t_value *)t_find_value(t, x->scope, e->args.at[0]->name);
        if (v)
            v->host = true;
    } else if (!assume_word(t, e, x->scope) && !(compares && assume_rank_of(t, e, x->scope))) {
        assume(t, e, eval_rule, &r);
    }
}

/* Two values of one shape: the later takes the form of the earlier, so that what is computed from it is in
 * these terms as well. */
static bool assume_shapes(t_env *t, const x_cond *x)
{
    const pat_expr *e = x->expr;
    if (e->kind != PE_EQ || !shape_call(e->args.at[0]) || !shape_call(e->args.at[1]))
        return false;
    t_value *a = (t_value *)t_find_value(t, x->scope, e->args.at[0]->args.at[0]->name);
    t_value *b = (t_value *)t_find_value(t, x->scope, e->args.at[1]->args.at[0]->name);
    if (!a || !b || !a->known || !b->known)
        return false;
    s_assume_same(t->c, a->shape, b->shape);
    t_value *later = a > b ? a : b, *earlier = a > b ? b : a;
    later->shape = earlier->shape;
    return true;
}

static void take_shape_conditions(t_env *t)
{
    for (uint32_t i = 0; i < t->v->where.n; i++)
        if (!t->used[i])
            t->used[i] = assume_shapes(t, t->v->where.at[i]);
}

/* ------------------------------------------------------------------ nodes -- */

/* A split whose sizes are not known still cuts the dim into parts that add up. */
static void parts_add_up(t_call *k, uint32_t n, const t_value *out)
{
    const pat_expr *e = k->op->results.n ? k->op->results.at[0]->type->elems.n == 1
                                               ? k->op->results.at[0]->type->elems.at[0] : NULL : NULL;
    int64_t axis;
    if (!k->op->variadic_results || !e || e->kind != PE_CALL || strcmp(e->name, "split") || e->args.n < 3)
        return;
    s_val at = t_signature_expr(k, e->args.at[2], 0), whole = t_signature_expr(k, e->args.at[0], 0);
    if (!s_is_const(at.num, &axis) || axis >= 0)
        return;
    s_shape w = s_resolve_shape(k->t->c, whole.list);
    s_poly sum = {0};
    for (uint32_t i = 0; i <= n; i++) {
        s_shape s = i < n ? s_resolve_shape(k->t->c, out[i].shape) : w;
        if (s.n < (uint64_t)-axis || s.at[s.n + (uint64_t)axis].seg)
            return;
        s_poly dim = s.at[s.n + (uint64_t)axis].dim;
        sum = i < n ? s_add(k->t->c, sum, dim) : s_sub(k->t->c, sum, dim);
    }
    s_assume_zero(k->t->c, sum);
}

/* The graph is valid. */
static void assume_sizes(t_env *t, uint32_t n, const t_value *out)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < out[i].shape.n; k++)
            if (!out[i].shape.at[k].seg)
                s_assume_nonneg(t->c, out[i].shape.at[k].dim);
}

/* Constants alone make no shape known. */
static bool only_literals(const x_node *n)
{
    for (uint32_t i = 0; i < n->operands.n; i++)
        if (n->operands.at[i]->kind != XVAL_NUMBER && n->operands.at[i]->kind != XVAL_CONST)
            return false;
    return true;
}

static s_val type_attr(t_env *t, const x_attr *a)
{
    if (!a->value)
        return t_default(t, a->attr);
    s_val v = t_expr(t, a->value, a->scope, a->attr);
    t_bind_name(t, a->scope, a->value);
    for (uint32_t i = 0; a->value->kind == PE_LIST && i < a->value->args.n; i++)
        if (a->value->args.at[i]->kind == PE_NAME)
            t_bind_name(t, a->scope, a->value->args.at[i]);
    return v;
}

static void type_node(t_env *t, const x_node *n)
{
    bool literals = only_literals(n);
    t_call *k = t->calls[n->id - 1] = NEW(t, t_call, .t = t, .op = n->op, .left = true, .n = n->operands.n);
    k->operands = pat_alloc(t->c->arena, (k->n + 1) * sizeof *k->operands);
    k->attrs = pat_alloc(t->c->arena, (n->attrs.n + 1) * sizeof *k->attrs);
    for (uint32_t i = 0; i < n->attrs.n; i++)
        k->attrs[i] = type_attr(t, n->attrs.at[i]);
    name_operands(k);
    for (uint32_t i = 0; i < k->n; i++) {
        t_value *v = operand_value(t, n->operands.at[i], !literals && t_is_neutral(n->op, i));
        const pat_operand *o = t_operand(n->op, i);
        k->operands[i] = v->known ? v : NULL;
        if (v->known && o)
            assume_operand(k, v, o, i);
    }
    for (uint32_t i = 0; i < n->op->where.n; i++)
        assume(t, n->op->where.at[i], eval_signature, k);
    t_value *out = pat_alloc(t->c->arena, (n->results.n + 1) * sizeof *out);
    t_results(k, n->results.n, out);
    assume_sizes(t, n->results.n, out);
    parts_add_up(k, n->results.n, out);
    for (uint32_t i = 0; i < n->results.n; i++) {
        t->vals[n->results.at[i]->id] = out[i];
        annotate(t, n->results.at[i]);
    }
}

bool t_left_open(t_env *t, s_shape s)
{
    s = s_resolve_shape(t->c, s);
    for (uint32_t i = 0; i < s.n; i++)
        if (s.at[i].seg && t->c->segs.at[s.at[i].id]->function)
            return true;
    return false;
}

bool t_recheck(t_env *t)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < t->v->nodes.n; i++) {
        const x_node *n = t->v->nodes.at[i];
        t_call k = *t->calls[i];
        t_value *out = pat_alloc(t->c->arena, (n->results.n + 1) * sizeof *out);
        k.left = false;
        k.need = (s_need){.numbers = true};
        t_results(&k, n->results.n, out);
        ok = !k.need.why;
        for (uint32_t r = 0; ok && r < n->results.n; r++)
            ok = t_left_open(t, t->vals[n->results.at[r]->id].shape)
                     ? !t_left_open(t, out[r].shape)
                     : s_prove_same(t->c, out[r].shape, t->vals[n->results.at[r]->id].shape);
    }
    return ok;
}

/* Numbers and lists that a test gives; what its words and dtypes mean, the match must tell first. */
static void take_values(t_env *t, const pat_test *test)
{
    for (uint32_t i = 0; i < test->binds.n; i++) {
        const pat_expr *e = test->binds.at[i]->value;
        if (e->kind != PE_INT && e->kind != PE_LIST)
            continue;
        s_val v = t_expr(t, e, t->v->scope, NULL);
        const t_name *n = t_add_name(t, t->v->scope, test->binds.at[i]->name, v.kind, NULL);
        if (v.kind == S_NUM)
            s_assume_zero(t->c, s_sub(t->c, n->val.num, v.num));
        else
            s_assume_same(t->c, n->val.list, v.list);
    }
}

t_env *t_open(pat_session *s, const pat_program *p, const pat_rule *rule, x_variant *v, const pat_test *test)
{
    s_ctx *c = s_open(s);
    t_env *t = pat_alloc(c->arena, sizeof *t);
    *t = (t_env){.s = s, .p = p, .rule = rule, .v = v, .c = c};
    t->vals = pat_alloc(c->arena, (v->vals.n + 1) * sizeof *t->vals);
    t->calls = pat_alloc(c->arena, (v->nodes.n + 1) * sizeof *t->calls);
    t->used = pat_alloc(c->arena, v->where.n + 1);
    for (uint32_t i = 0; i < v->where.n; i++)
        t->used[i] = test && v->where.at[i]->scope->rule_level;
    if (test)
        take_values(t, test);
    for (uint32_t i = 0; i < v->nodes.n; i++) {
        type_node(t, v->nodes.at[i]);
        take_shape_conditions(t);
    }
    for (uint32_t i = 0; i < v->where.n; i++)
        if (!t->used[i])
            assume_condition(t, v->where.at[i]);
    return t;
}

void t_close(t_env *t)
{
    s_close(t->c);
}
