/* Proves that the right side of every rule fits the left: each op on the right gets operands that its signature
 * takes, and each value that is replaced keeps its dtype and shape, for all sizes that the match allows and
 * for every choice of alternatives. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "prover.h"

/* ------------------------------------------------------------- diagnostics -- */

static void variant_note(t_env *t)
{
    if (t->count > 1)
        pat_note(t->s, t->rule->name_span, "in variant %u of %u of rule '%s'; solderc --explain %s prints it",
                 t->number, t->count, t->rule->name, t->rule->name);
}

static void needs(t_env *t, s_poly zero)
{
    int64_t number;
    if (!s_is_const(s_resolve(t->c, zero), &number))
        pat_hint(t->s, "needs %s", s_missing(t->c, zero));
}

static void needs_nonneg(t_env *t, s_poly p)
{
    int64_t number;
    if (!s_is_const(s_resolve(t->c, p), &number))
        pat_hint(t->s, "needs %s", s_missing_bound(t->c, p));
}

/* ----------------------------------------------------------------- equality -- */

typedef struct pair { t_env *t; s_shape a, b; } pair;

static bool same_shape(void *of)
{
    pair *p = of;
    return s_prove_same(p->t->c, p->a, p->b);
}

static bool equal_shapes(t_env *t, s_shape a, s_shape b)
{
    pair p = {t, a, b};
    return s_by_cases(t->c, same_shape, &p);
}

/* What is missing for two shapes to be the same: their first dims that differ. */
static void needs_same(t_env *t, s_shape a, s_shape b)
{
    a = s_resolve_shape(t->c, a);
    b = s_resolve_shape(t->c, b);
    for (uint32_t i = 0; a.n == b.n && i < a.n; i++)
        if (!a.at[i].seg && !b.at[i].seg && !s_prove_equal(t->c, a.at[i].dim, b.at[i].dim)) {
            needs(t, s_sub(t->c, a.at[i].dim, b.at[i].dim));
            return;
        }
}

static bool check_result(t_env *t, const pat_term *name, const t_value *right)
{
    const x_name *n = pat_scope_find(t->v->scope, name->name);
    if (!n || !n->val || n->val->kind != XVAL_RESULT || !right->known)
        return true;
    const t_value *left = &t->vals[n->val->id];
    bool dtype = t_same_dtype(t, left->dtype, right->dtype);
    if (dtype && equal_shapes(t, left->shape, right->shape))
        return true;
    pat_error(t->s, name->span, E_RESULT_TYPE, "'%s' is %s on the left and %s on the right", name->name,
              t_type_text(t, left), t_type_text(t, right));
    pat_note(t->s, n->val->span, "the left side gives it here");
    if (dtype)
        needs_same(t, left->shape, right->shape);
    else
        pat_hint(t->s, "needs the dtypes %s and %s to be equal", t_dtype_text(t, left->dtype),
                 t_dtype_text(t, right->dtype));
    variant_note(t);
    return false;
}

/* ---------------------------------------------------------------- operands -- */

typedef struct operand_use {
    t_call *k;
    uint32_t i;
    const pat_term *term;
    const pat_operand *o;
    const t_value *v;
    bool arithmetic;         /* second pass: elements that are no variables or numbers */
} operand_use;

static bool wrong_operand(operand_use *u, s_poly zero)
{
    t_env *t = u->k->t;
    size_t n;
    const char *type = pat_span_text(t->s, u->o->type->span, &n);
    pat_error(t->s, u->term->span, E_OPERAND_TYPE, "operand '%s' of '%s' is %.*s; this is %s", u->o->name,
              u->k->op->name, (int)n, type, t_type_text(t, u->v));
    pat_note(t->s, u->o->span, "declared here");
    needs(t, zero);
    variant_note(t);
    return false;
}

/* Dim `e` of a signature's type against a size. */
static bool match_dim(operand_use *u, const pat_expr *e, s_poly dim)
{
    t_call *k = u->k;
    bool plain = e->kind == PE_NAME || e->kind == PE_INT;
    if (e->kind == PE_WILD || plain == u->arithmetic)
        return true;
    if (e->kind == PE_NAME && !t_signature_name(k, e->name) && !pat_find_attr(k->op, e->name)) {
        t_set_signature_name(k, e->name, (s_val){.kind = S_NUM, .num = dim});
        return true;
    }
    s_val want = t_signature_expr(k, e, 0);
    s_poly zero = want.kind == S_NUM ? s_sub(k->t->c, dim, want.num) : s_const(k->t->c, 1);
    if (s_prove_zero(k->t->c, zero))
        return true;
    return wrong_operand(u, zero);
}

static bool match_segment(operand_use *u, const pat_expr *e, s_shape middle)
{
    s_val *bound = t_signature_name(u->k, e->name);
    if (u->arithmetic || t_free_rank(u->k, u->i, e))
        return true;
    if (!bound) {
        t_set_signature_name(u->k, e->name, (s_val){.kind = S_LIST, .list = middle});
        return true;
    }
    if (bound->kind == S_LIST && equal_shapes(u->k->t, bound->list, middle))
        return true;
    return wrong_operand(u, s_const(u->k->t->c, 1));
}

static bool match_shape(operand_use *u)
{
    const pat_exprs *e = &u->o->type->elems;
    s_shape s = s_resolve_shape(u->k->t->c, u->v->shape);
    uint32_t seg = 0;
    if (e->n == 1 && e->at[0]->kind == PE_WILD)
        return true;
    while (seg < e->n && e->at[seg]->kind != PE_RANK)
        seg++;
    uint32_t head = seg, tail = seg < e->n ? e->n - seg - 1 : 0;
    bool fits = seg < e->n ? s.n >= head + tail : s.n == e->n;
    for (uint32_t i = 0; fits && i < s.n; i++)
        fits = !s.at[i].seg || (seg < e->n && i >= head && i < s.n - tail);
    if (!fits)
        return wrong_operand(u, s_const(u->k->t->c, 1));
    for (uint32_t i = 0; i < head; i++)
        if (!match_dim(u, e->at[i], s.at[i].dim))
            return false;
    if (seg < e->n && !match_segment(u, e->at[seg], s_cut(s, head, s.n - tail)))
        return false;
    for (uint32_t i = 0; i < tail; i++)
        if (!match_dim(u, e->at[seg + 1 + i], s.at[s.n - tail + i].dim))
            return false;
    return true;
}

static bool match_dtype(operand_use *u)
{
    t_env *t = u->k->t;
    pat_name name = u->o->type->dtype;
    s_val *bound = t_signature_name(u->k, name);
    if (bound ? t_same_dtype(t, bound->dtype, u->v->dtype)
              : !(t_dtype_set(t, u->v->dtype) & ~t_declared_set(t->p, name))) {
        if (!bound)
            t_set_signature_name(u->k, name, (s_val){.kind = S_DTYPE, .dtype = u->v->dtype});
        return true;
    }
    if (!bound) {
        uint32_t more = t_dtype_set(t, u->v->dtype) & ~t_declared_set(t->p, name);
        pat_error(t->s, u->term->span, E_OPERAND_TYPE, "operand '%s' of '%s' may be %s here, which '%s' is not",
                  u->o->name, u->k->op->name, pat_dtype_name(__builtin_ctz(more)), name);
        bool named = u->term->kind == PT_NAME && !strchr(u->term->name, '.'); /* which a value of a rest is not */
        pat_hint(t->s, "annotate the value on the left: %s: %s[...]", named ? u->term->name : "x", name);
    } else {
        pat_error(t->s, u->term->span, E_OPERAND_TYPE, "operand '%s' of '%s' is %s; an operand before it made '%s' %s",
                  u->o->name, u->k->op->name, t_type_text(t, u->v), name, t_dtype_text(t, bound->dtype));
    }
    pat_note(t->s, u->o->span, "declared here");
    variant_note(t);
    return false;
}

static bool match_host(operand_use *u)
{
    if (!u->o->type->host || u->v->host)
        return true;
    pat_error(u->k->t->s, u->term->span, E_HOST, "operand '%s' of '%s' must be known on the host, and this may be computed "
              "on the device", u->o->name, u->k->op->name);
    pat_note(u->k->t->s, u->o->span, "declared here");
    if (u->term->kind == PT_NAME)
        pat_hint(u->k->t->s, "declare the operand that it comes from 'host' as well, or require const(%s)",
                 u->term->name);
    else
        pat_hint(u->k->t->s, "what an op on the right computes is not known when the next one is launched");
    variant_note(u->k->t);
    return false;
}

static bool match_operand(operand_use *u)
{
    if (u->v->maybe && !u->o->optional) {
        pat_error(u->k->t->s, u->term->span, E_NOT_OPTIONAL, "'%s' may be absent, and operand '%s' of '%s' may not",
                  u->term->name, u->o->name, u->k->op->name);
        return false;
    }
    return match_dtype(u) && (u->v->rest || match_shape(u)) && match_host(u);
}

/* --------------------------------------------------------------- conditions -- */

/* The condition in the rule's own terms, when it compares sizes. */
static void condition_hint(t_call *k, const pat_expr *e)
{
    static const char *const signs[] = {
        [PE_EQ] = "==", [PE_NE] = "!=", [PE_LT] = "<", [PE_LE] = "<=", [PE_GT] = ">", [PE_GE] = ">=",
    };
    if (e->kind < PE_EQ || e->kind > PE_GE)
        return;
    s_val a = t_signature_expr(k, e->args.at[0], 0), b = t_signature_expr(k, e->args.at[1], 0);
    if (a.kind == S_NUM && b.kind == S_NUM)
        pat_hint(k->t->s, "needs %s %s %s", s_text(k->t->c, a.num), signs[e->kind], s_text(k->t->c, b.num));
}

static bool check_conditions(t_call *k, const pat_term *term)
{
    for (uint32_t i = 0; i < k->op->where.n; i++) {
        const pat_expr *e = k->op->where.at[i];
        if (t_proves(&(t_reading){k->t, k, NULL}, e))
            continue;
        size_t n;
        const char *text = pat_expr_text(k->t->s, e, &n);
        pat_error(k->t->s, term->span, E_OP_CONDITION, "'%s' is only defined where %.*s", k->op->name, (int)n, text);
        pat_note(k->t->s, e->span, "declared here");
        condition_hint(k, e);
        variant_note(k->t);
        return false;
    }
    return true;
}

/* -------------------------------------------------------------- attributes -- */

static const char *kind_text(const pat_attr *a)
{
    return a->kind ? a->kind : "enum";
}

/* A captured attribute goes to one of the same kind, and an enum to one of the same words. */
static bool check_attr_kind(t_env *t, const pat_arg *arg, const pat_attr *to)
{
    const t_name *n = arg->value->kind == PE_NAME ? t_find_name(t, t->v->scope, arg->value->name) : NULL;
    const pat_attr *from = n ? n->attr : NULL;
    if (!from || t_same_attr_kind(from, to))
        return true;
    if (!from->kind && !to->kind) {
        pat_error(t->s, arg->span, E_ATTR_WORDS, "'%s' was captured from an enum with other words than '%s' has",
                  arg->value->name, to->name);
        pat_hint(t->s, "declare the words once, with 'enum', and use it in both ops");
    } else {
        pat_error(t->s, arg->span, E_ATTR_VALUE, "'%s' was captured as %s; attribute '%s' is %s", arg->value->name,
                  kind_text(from), to->name, kind_text(to));
    }
    pat_note(t->s, from->span, "it was captured from this attribute");
    return false;
}

/* ---------------------------------------------------------------- the right -- */

static bool type_term(t_env *t, const pat_term *term, t_value *out);

/* What the signature computes is a size. */
static void need_sizes(t_call *k, uint32_t n, const t_value *out)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < out[i].shape.n && !k->need.why; j++) {
            const s_elem *e = &out[i].shape.at[j];
            if (!e->seg && !s_prove_nonneg(k->t->c, e->dim))
                k->need = (s_need){.nonneg = e->dim, .why = "no dim of a result is negative"};
        }
}

static void unproved(t_env *t, const pat_term *term, const s_need *need)
{
    const s_val *call = &need->undefined;
    pat_error(t->s, term->span, E_OP_CONDITION, "%s, which is not proved here", need->why);
    if (call->kind != S_NONE)
        pat_hint(t->s, "needs %s to be defined: tell more of these shapes on the left",
                 call->kind == S_NUM ? s_text(t->c, call->num) : s_shape_text(t->c, call->list));
    else if (need->nonneg.n)
        needs_nonneg(t, need->nonneg);
    else
        needs(t, need->zero);
    variant_note(t);
}

/* Sizes that attribute `to` is made of are not divided by 0. */
static bool check_divisors(t_env *t, const pat_attr *to, const pat_expr *e)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < e->args.n; i++)
        ok = check_divisors(t, to, e->args.at[i]);
    if (!ok || (e->kind != PE_DIV && e->kind != PE_MOD) || (to->kind && !strcmp(to->kind, "float")))
        return ok;
    s_val by = t_expr(t, e->args.at[1], t->v->scope, NULL);
    if (by.kind != S_NUM || s_prove_nonneg(t->c, by.num = s_sub(t->c, by.num, s_const(t->c, 1))))
        return true;
    pat_error(t->s, e->args.at[1]->span, E_OP_CONDITION, "what is divided by is positive, which is not proved here");
    needs_nonneg(t, by.num);
    variant_note(t);
    return false;
}

static bool type_call(t_env *t, const pat_term *term, uint32_t n_results, t_value *out)
{
    t_call k = {.t = t, .op = pat_find_op(t->p, term->name), .n = term->operands.n};
    t_value *vals = pat_alloc(t->c->arena, (k.n + 1) * sizeof *vals);
    k.operands = pat_alloc(t->c->arena, (k.n + 1) * sizeof *k.operands);
    k.attrs = pat_alloc(t->c->arena, (k.op->attrs.n + 1) * sizeof *k.attrs);
    for (uint32_t i = 0; i < k.op->attrs.n; i++)
        k.attrs[i] = t_default(t, k.op->attrs.at[i]);
    for (uint32_t j = 0; j < term->attrs.n; j++)
        for (uint32_t i = 0; i < k.op->attrs.n; i++)
            if (k.op->attrs.at[i]->name == term->attrs.at[j]->name) {
                k.attrs[i] = t_expr(t, term->attrs.at[j]->value, t->v->scope, k.op->attrs.at[i]);
                if (!check_attr_kind(t, term->attrs.at[j], k.op->attrs.at[i]) ||
                    !check_divisors(t, k.op->attrs.at[i], term->attrs.at[j]->value))
                    return false;
            }
    for (uint32_t i = 0; i < k.n; i++) {
        const pat_operand *o = t_operand(k.op, i);
        if (!type_term(t, term->operands.at[i], &vals[i]))
            return false;
        k.operands[i] = vals[i].known ? &vals[i] : NULL;
        operand_use u = {&k, i, term->operands.at[i], o, &vals[i], false};
        if (o && vals[i].known && !match_operand(&u))
            return false;
    }
    for (uint32_t i = 0; i < k.n; i++) {
        operand_use u = {&k, i, term->operands.at[i], t_operand(k.op, i), &vals[i], true};
        if (u.o && u.v->known && !u.v->rest && !match_shape(&u))
            return false;
    }
    if (!check_conditions(&k, term))
        return false;
    PAT_PUSH(t->c->arena, t->made, memcpy(pat_alloc(t->c->arena, sizeof k), &k, sizeof k));
    t_results(&k, n_results, out);
    need_sizes(&k, n_results, out);
    if (!k.need.why)
        return true;
    unproved(t, term, &k.need);
    return false;
}

static bool type_term(t_env *t, const pat_term *term, t_value *out)
{
    *out = (t_value){0};
    if (term->kind == PT_APPLY)
        return type_call(t, term, 1, out);
    const t_value *v = term->kind == PT_NAME || term->kind == PT_SPLICE ? t_find_value(t, t->v->scope, term->name) : NULL;
    if (v)
        *out = *v;
    return true;
}

static void define(t_env *t, pat_name name, t_value v)
{
    t_right *r = pat_alloc(t->c->arena, sizeof *r);
    *r = (t_right){name, v};
    PAT_PUSH(t->c->arena, t->right, r);
}

static bool type_stmt(t_env *t, const pat_stmt *st)
{
    uint32_t n = st->results.n;
    t_value *out = pat_alloc(t->c->arena, (n + 1) * sizeof *out);
    if (st->value->kind == PT_APPLY ? !type_call(t, st->value, n, out) : !type_term(t, st->value, out))
        return false;
    bool kept = st->value->kind == PT_NAME && n == 1 && st->value->name == st->results.at[0]->name;
    for (uint32_t i = 0; i < n && !kept; i++) {
        const pat_term *r = st->results.at[i];
        if (r->kind != PT_NAME)
            continue;
        if (!check_result(t, r, &out[i]))
            return false;
        define(t, r->name, out[i]);
    }
    return true;
}

bool pat_type_right(t_env *t)
{
    for (uint32_t i = 0; i < t->rule->replace.n; i++)
        if (!type_stmt(t, t->rule->replace.at[i]))
            return false;
    return true;
}

/* ------------------------------------------------------------------- rules -- */

uint32_t pat_count_variants(pat_session *s, const pat_program *p, const pat_rule *rule)
{
    x_choice choice = {.n = 0};
    uint32_t n = 0;
    do {
        if (!pat_expand(s, p, rule, &choice))
            return 0;
        n++;
    } while (n <= X_MAX_VARIANTS && pat_next_choice(&choice));
    return n;
}

/* An op of the right side none of whose kernels can be taken. */
static const pat_op *op_without_kernel(t_env *t)
{
    const pat_op *without = NULL;
    for (uint32_t i = 0; i < t->made.n; i++)
        if (!pat_check_cover(t, t->made.at[i]))
            without = t->made.at[i]->op;
    return without;
}

static void report_uncovered(pat_session *s, const pat_program *p, const pat_rule *rule, const pat_op *op)
{
    const pat_kernel *k = pat_map_get(&p->by_name.kernels, op->name);
    pat_error(s, rule->name_span, E_UNCOVERED, "rule '%s' never fires: it lets through nothing that a kernel of '%s' covers",
              rule->name, op->name);
    pat_note(s, k->name_span, "its kernels are here");
}

void pat_prove_rule(pat_session *s, const pat_program *p, const pat_rule *rule)
{
    x_choice choice = {.n = 0};
    uint32_t count = pat_count_variants(s, p, rule), number = 0, impossible = 0, uncovered = 0;
    const pat_op *lacking = NULL;
    if (count > X_MAX_VARIANTS)
        pat_error(s, rule->name_span, E_VARIANTS, "rule '%s' expands to more than %d variants", rule->name,
                  X_MAX_VARIANTS);
    if (!count || count > X_MAX_VARIANTS)
        return;
    bool ok;
    t_captures seen = {0};
    do {
        t_env *t = t_open(s, p, rule, pat_expand(s, p, rule, &choice), NULL);
        t->number = ++number;
        t->count = count;
        impossible += t->c->contradiction;
        ok = pat_kinds_fit(t, &seen) && (t->c->contradiction || (pat_effects_kept(t) && pat_type_right(t)));
        const pat_op *without = ok && !t->c->contradiction ? op_without_kernel(t) : NULL;
        lacking = lacking ? lacking : without;
        uncovered += without != NULL;
        t_close(t);
    } while (ok && pat_next_choice(&choice));
    if (impossible == count)
        pat_error(s, rule->name_span, E_NEVER_MATCHES, "what rule '%s' asks of its match can never hold", rule->name);
    else if (ok && lacking && uncovered + impossible == count)
        report_uncovered(s, p, rule, lacking);
}
