/* Buffers and order. An `inout` operand is a version of a buffer, and the op's last results are its next
 * versions, so what must not be lost or swapped is data flow: every buffer that the left side writes is written
 * on the right, nothing else is, each read sees the version that it saw, and no value of the right side waits
 * for itself. */
#include <string.h>

#include "prover.h"

/* Version `step` of the buffer that left value `root` first holds; root -1: no buffer of the match. */
typedef struct version { int64_t root; uint32_t step; } version;
typedef struct left_read { const pat_op *op; version at; } left_read;
typedef struct named { pat_name name; version at; PAT_LIST(const x_val) from; } named;

typedef struct effects {
    t_env *t;
    PAT_LIST(named) right;   /* values that the right side has defined */
    PAT_LIST(left_read) left_reads;
    PAT_LIST(version) right_writes;
    bool left_effect, right_effect;
    pat_span left_effect_at;
    bool failed;
} effects;

/* ------------------------------------------------------------------ versions -- */

static uint32_t count_inout(const pat_op *op)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < op->operands.n; i++)
        n += op->operands.at[i]->inout;
    return n;
}

/* Operand whose next version result i is; -1 when it is none. */
static int64_t versioned(const pat_op *op, uint32_t i)
{
    uint32_t n = count_inout(op);
    if (op->variadic_results || i + n < op->results.n || i >= op->results.n)
        return -1;
    uint32_t k = i - (op->results.n - n);
    for (uint32_t j = 0; j < op->operands.n; j++)
        if (op->operands.at[j]->inout && !k--)
            return j;
    return -1;
}

static version left_version(const x_val *v)
{
    int64_t j = v->kind == XVAL_RESULT ? versioned(v->node->op, v->index) : -1;
    if (j < 0 || j >= v->node->operands.n)
        return (version){v->id, 0};
    version before = left_version(v->node->operands.at[j]);
    return (version){before.root, before.step + 1};
}

static bool same(version a, version b)
{
    return a.root == b.root && a.step == b.step;
}

static void push(effects *e, void *list_of_version, version v)
{
    PAT_LIST(version) *list = list_of_version;
    version *kept = pat_alloc(e->t->c->arena, sizeof *kept);
    *kept = v;
    PAT_PUSH(e->t->c->arena, *list, kept);
}

static void push_read(effects *e, const pat_op *op, version at)
{
    left_read *r = pat_alloc(e->t->c->arena, sizeof *r);
    *r = (left_read){op, at};
    PAT_PUSH(e->t->c->arena, e->left_reads, r);
}

/* A node all of whose results are kept stays where it is. */
static bool stays(const x_node *n)
{
    for (uint32_t i = 0; i < n->results.n; i++)
        if (!n->results.at[i]->kept)
            return false;
    return n->results.n > 0;
}

static const char *value_name(const effects *e, int64_t root)
{
    const x_val *v = root >= 0 ? e->t->v->vals.at[root] : NULL;
    return v && v->name ? v->name : "the buffer";
}

/* ------------------------------------------------------------------ the left -- */

static void look_left(effects *e)
{
    const x_variant *v = e->t->v;
    for (uint32_t i = 0; i < v->nodes.n; i++) {
        const x_node *n = v->nodes.at[i];
        for (uint32_t j = 0; j < n->operands.n; j++) {
            const pat_operand *o = t_operand(n->op, j);
            if (o && !o->inout && n->operands.at[j]->kind != XVAL_NONE)
                push_read(e, n->op, left_version(n->operands.at[j]));
        }
        if (n->op->effect && !stays(n)) {
            e->left_effect = true;
            e->left_effect_at = n->span;
        }
    }
}

static uint32_t left_writes(const effects *e, int64_t root)
{
    uint32_t last = 0;
    for (uint32_t i = 0; i < e->t->v->vals.n; i++) {
        version at = left_version(e->t->v->vals.at[i]);
        last = at.root == root && at.step > last ? at.step : last;
    }
    return last;
}

/* ----------------------------------------------------------------- the right -- */

static named *find_right(const effects *e, pat_name name)
{
    for (uint32_t i = e->right.n; i-- > 0;)
        if (e->right.at[i]->name == name)
            return e->right.at[i];
    return NULL;
}

/* Left value v is computed from left value `on`. */
static bool depends_on(const x_val *v, const x_val *on, bool *seen)
{
    if (v == on)
        return true;
    if (v->kind != XVAL_RESULT || seen[v->id])
        return false;
    seen[v->id] = true;
    for (uint32_t i = 0; i < v->node->operands.n; i++)
        if (depends_on(v->node->operands.at[i], on, seen))
            return true;
    return false;
}

static version read_name(effects *e, const pat_term *term, named *into)
{
    t_env *t = e->t;
    const named *own = find_right(e, term->name);
    const x_name *n = pat_scope_find(t->v->scope, term->name);
    if (own) {
        for (uint32_t i = 0; i < own->from.n; i++)
            PAT_PUSH(t->c->arena, into->from, own->from.at[i]);
        return own->at;
    }
    if (!n || !n->val)
        return (version){-1, 0};
    if (n->val->kind == XVAL_RESULT && !n->val->kept) {
        if (!e->failed) {
            pat_error(t->s, term->span, E_INTERIOR, "'%s' is inside the match and goes with it", term->name);
            pat_hint(t->s, "keep it with '%s = %s', or compute it again", term->name, term->name);
        }
        e->failed = true;
    }
    PAT_PUSH(t->c->arena, into->from, n->val);
    return left_version(n->val);
}

/* An op that reads the buffer on both sides sees the same version; another one, one that is read on the left. */
static void check_read(effects *e, const pat_term *term, const pat_op *op, version at)
{
    uint32_t last = at.root < 0 ? 0 : left_writes(e, at.root);
    if (!last || e->failed)
        return;
    /* The right side may merge writes: its last version is the left's last. */
    version on_left = {at.root, at.step ? last : 0};
    bool by_any = false, by_this = false, reads = false;
    for (uint32_t i = 0; i < e->left_reads.n; i++) {
        const left_read *r = e->left_reads.at[i];
        by_any |= same(r->at, on_left);
        by_this |= same(r->at, on_left) && r->op == op;
        reads |= r->at.root == at.root && r->op == op;
    }
    if (reads ? by_this : by_any)
        return;
    pat_error(e->t->s, term->span, E_READ_ORDER, "'%s' reads '%s' %s it is written; the left side does not", op->name,
              value_name(e, at.root), at.step ? "after" : "before");
    e->failed = true;
}

static void check_write(effects *e, const pat_term *term, const pat_op *op, version at)
{
    t_env *t = e->t;
    if (at.root >= 0 && !left_writes(e, at.root)) {
        pat_error(t->s, term->span, E_NEW_WRITE, "'%s' writes '%s', which the left side only reads", op->name,
                  value_name(e, at.root));
        e->failed = true;
        return;
    }
    for (uint32_t i = 0; i < e->right_writes.n; i++)
        if (at.root >= 0 && same(*e->right_writes.at[i], at)) {
            pat_error(t->s, term->span, E_WRITE_TWICE, "this version of '%s' is written twice", value_name(e, at.root));
            pat_hint(t->s, "pass the version that the first write returned");
            e->failed = true;
        }
    push(e, &e->right_writes, at);
}

/* Versions of the results, `n` of them, and what they are computed from. */
static void look_term(effects *e, const pat_term *term, uint32_t n, version *out, named *into)
{
    const pat_op *op = term->kind == PT_APPLY ? pat_find_op(e->t->p, term->name) : NULL;
    version *operands = pat_alloc(e->t->c->arena, (term->operands.n + 1) * sizeof *operands);
    for (uint32_t i = 0; i < n; i++)
        out[i] = (version){-1, 0};
    if (term->kind == PT_NAME)
        out[0] = read_name(e, term, into);
    if (!op)
        return;
    e->right_effect |= op->effect;
    for (uint32_t i = 0; i < term->operands.n; i++) {
        const pat_operand *o = t_operand(op, i);
        look_term(e, term->operands.at[i], 1, &operands[i], into);
        if (o && o->inout)
            check_write(e, term->operands.at[i], op, operands[i]);
        else if (o)
            check_read(e, term->operands.at[i], op, operands[i]);
    }
    for (uint32_t i = 0; i < n; i++) {
        int64_t j = versioned(op, i);
        if (j >= 0 && j < term->operands.n && operands[j].root >= 0)
            out[i] = (version){operands[j].root, operands[j].step + 1};
    }
}

/* A kept value that reads what is replaced may not feed its replacement. */
static void check_cycle(effects *e, const pat_term *name, const named *def)
{
    const x_name *n = pat_scope_find(e->t->v->scope, name->name);
    for (uint32_t i = 0; n && n->val && n->val->kind == XVAL_RESULT && i < def->from.n; i++) {
        const x_val *u = def->from.at[i];
        bool *seen = pat_alloc(e->t->c->arena, e->t->v->vals.n + 1);
        if (e->failed || u == n->val || !depends_on(u, n->val, seen))
            continue;
        pat_error(e->t->s, name->span, E_RIGHT_CYCLE, "'%s' would wait for itself: it is computed from '%s', which reads it",
                  name->name, u->name ? u->name : "a kept value");
        pat_note(e->t->s, u->span, "'%s' is kept and reads '%s' here", u->name ? u->name : "it", name->name);
        e->failed = true;
    }
}

static void look_right(effects *e)
{
    const pat_rule *rule = e->t->rule;
    for (uint32_t i = 0; i < rule->replace.n && !e->failed; i++) {
        const pat_stmt *st = rule->replace.at[i];
        version *out = pat_alloc(e->t->c->arena, (st->results.n + 1) * sizeof *out);
        named from = {0};
        bool kept = st->value->kind == PT_NAME && st->results.n == 1 && st->value->name == st->results.at[0]->name;
        if (kept)
            continue;
        look_term(e, st->value, st->results.n, out, &from);
        for (uint32_t r = 0; r < st->results.n && !e->failed; r++) {
            named *def = pat_alloc(e->t->c->arena, sizeof *def);
            *def = from;
            def->name = st->results.at[r]->name;
            def->at = out[r];
            if (!def->name)
                continue;
            check_cycle(e, st->results.at[r], def);
            PAT_PUSH(e->t->c->arena, e->right, def);
        }
    }
}

/* -------------------------------------------------------------------- both -- */

static void check_kept_writes(effects *e)
{
    t_env *t = e->t;
    for (uint32_t i = 0; i < t->v->vals.n && !e->failed; i++) {
        const x_val *v = t->v->vals.at[i];
        version at = left_version(v);
        if (!at.step || at.step < left_writes(e, at.root) || stays(v->node))
            continue;
        const named *def = v->yielded && v->name ? find_right(e, v->name) : NULL;
        if (def && def->at.root == at.root && def->at.step)
            continue;
        pat_error(t->s, v->node->span, E_DROPPED_WRITE, "the right side drops this write to '%s'",
                  value_name(e, at.root));
        if (!def)
            pat_hint(t->s, "%s%s%s must be replaced by a version that an op on the right returns",
                     v->name ? "'" : "", v->name ? v->name : "the version that it returns", v->name ? "'" : "");
        e->failed = true;
    }
    if (e->left_effect && !e->right_effect && !e->failed) {
        pat_error(t->s, e->left_effect_at, E_DROPPED_WRITE, "the right side drops the effect of this op");
        pat_hint(t->s, "apply an op that is declared 'effect' as well");
        e->failed = true;
    }
}

bool pat_effects_kept(t_env *t)
{
    effects e = {.t = t};
    look_left(&e);
    look_right(&e);
    check_kept_writes(&e);
    return !e.failed;
}
