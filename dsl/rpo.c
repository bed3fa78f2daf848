/* A recursive path order (Dershowitz 1982) with multiset status: f(s...) > g(t...) when some s is at least g(t...);
 * or f precedes g and f(s...) > every t; or f is g and the s are a greater multiset than the t. It is closed under
 * contexts and substitution, so that rules whose values all become smaller in it cannot be applied for ever.
 * The precedence is found on the way: what a comparison needs is added, and taken back when it does not lead
 * anywhere.
 *
 * The order does not look at attributes. Rules that leave terms as they are up to attributes are ordered after
 * it, by the literals that they replace, which are put in the same precedence as ops: the literals of all nodes
 * become a smaller multiset. */
#include <stdio.h>
#include <string.h>

#include "whole.h"

typedef struct term term;
struct term {
    const pat_op *op; /* NULL: a leaf */
    const x_val *var; /* of a leaf: which value; NULL: a constant, less than all others */
    const x_node *matched; /* what it was made from, for its attributes */
    const pat_term *made;
    PAT_LIST(term) args;
};

/* Ops and literals have places in the precedence. */
typedef struct edge { uint32_t to; const w_case *by; } edge; /* precedes */
typedef PAT_LIST(edge) edges;

typedef struct orderer {
    w_program *w;
    edges *after;                 /* for each place, those that it precedes */
    uint32_t *stamp, now;         /* of the search along them */
    uint32_t n_places;
    pat_map literals;             /* text of "op attribute literal" to its place */
    PAT_LIST(edges) trail;        /* whose last edge is to be taken back */
    const w_case *current;
    unsigned steps;               /* that remain: terms that share parts can be large */
} orderer;

/* ------------------------------------------------------------- precedence -- */

/* The first edge of a path; NULL when there is none. */
static const edge *path(orderer *o, uint32_t from, uint32_t to)
{
    o->stamp[from] = o->now;
    for (uint32_t i = 0; i < o->after[from].n; i++) {
        const edge *e = o->after[from].at[i];
        if (e->to == to || (o->stamp[e->to] != o->now && path(o, e->to, to)))
            return e;
    }
    return NULL;
}

static const edge *precedes(orderer *o, uint32_t f, uint32_t g)
{
    o->now++;
    return path(o, f, g);
}

static void put_before(orderer *o, uint32_t f, uint32_t g)
{
    edge *e = pat_alloc(o->w->s->arena, sizeof *e);
    *e = (edge){g, o->current};
    PAT_PUSH(o->w->s->arena, o->after[f], e);
    PAT_PUSH(o->w->s->arena, o->trail, &o->after[f]);
}

static bool can_precede(orderer *o, uint32_t f, uint32_t g)
{
    if (f == g || precedes(o, g, f))
        return false;
    if (!precedes(o, f, g))
        put_before(o, f, g);
    return true;
}

static void take_back(orderer *o, uint32_t n)
{
    while (o->trail.n > n)
        o->trail.at[--o->trail.n]->n--;
}

/* ------------------------------------------------------------------ order -- */

static bool same(orderer *o, const term *a, const term *b);

/* Whether every one of b's arguments but those marked has one of a's for itself that is the same; marks both. */
static void pair_up(orderer *o, const term *a, const term *b, uint64_t *in_a, uint64_t *in_b)
{
    for (uint32_t j = 0; j < b->args.n && j < 64; j++)
        for (uint32_t i = 0; i < a->args.n && i < 64; i++)
            if (!(*in_a >> i & 1) && same(o, a->args.at[i], b->args.at[j])) {
                *in_a |= UINT64_C(1) << i;
                *in_b |= UINT64_C(1) << j;
                break;
            }
}

static uint64_t all_of(const term *t)
{
    return t->args.n < 64 ? (UINT64_C(1) << t->args.n) - 1 : UINT64_MAX;
}

/* Equal up to the order of arguments. */
static bool same(orderer *o, const term *a, const term *b)
{
    if (a == b)
        return true;
    if (a->op != b->op || a->var != b->var || a->args.n != b->args.n || a->args.n > 64 || !o->steps)
        return false;
    o->steps--;
    uint64_t in_a = 0, in_b = 0;
    pair_up(o, a, b, &in_a, &in_b);
    return in_b == all_of(b);
}

static bool greater(orderer *o, const term *a, const term *b);

static bool greater_than_args(orderer *o, const term *a, const term *b)
{
    for (uint32_t i = 0; i < b->args.n; i++)
        if (!greater(o, a, b->args.at[i]))
            return false;
    return true;
}

/* What a has more than b is not nothing, and greater than all that b has more. */
static bool greater_multiset(orderer *o, const term *a, const term *b)
{
    uint64_t in_a = 0, in_b = 0;
    if (a->args.n > 64 || b->args.n > 64)
        return false;
    pair_up(o, a, b, &in_a, &in_b);
    for (uint32_t j = 0; j < b->args.n; j++) {
        bool found = in_b >> j & 1;
        for (uint32_t i = 0; !found && i < a->args.n; i++)
            found = !(in_a >> i & 1) && greater(o, a->args.at[i], b->args.at[j]);
        if (!found)
            return false;
    }
    return in_a != all_of(a);
}

static bool greater_by_head(orderer *o, const term *a, const term *b)
{
    if (a->op == b->op)
        return greater_multiset(o, a, b);
    return can_precede(o, a->op->id, b->op->id) && greater_than_args(o, a, b);
}

static bool greater(orderer *o, const term *a, const term *b)
{
    if (!a->op || !o->steps)
        return false;
    o->steps--;
    uint32_t before = o->trail.n;
    for (uint32_t i = 0; i < a->args.n; i++) {
        if (same(o, a->args.at[i], b) || greater(o, a->args.at[i], b))
            return true;
        take_back(o, before);
    }
    if (!b->op)
        return !b->var;
    if (greater_by_head(o, a, b))
        return true;
    take_back(o, before);
    return false;
}

/* ------------------------------------------------------------------ terms -- */

typedef struct builder {
    w_program *w;
    const w_case *c;
    term **nodes;      /* by id - 1 */
    term **vals;       /* leaves, by id */
    pat_map defined;   /* name to what the right side has made of it */
} builder;

static term *new_term(builder *b, const pat_op *op, const x_val *var)
{
    term *t = pat_alloc(b->w->s->arena, sizeof *t);
    *t = (term){.op = op, .var = var};
    return t;
}

static term *left_term(builder *b, const x_val *v)
{
    bool constant = v->kind == XVAL_NUMBER || v->kind == XVAL_CONST || v->kind == XVAL_NONE;
    term **at = v->node ? &b->nodes[v->node->id - 1] : &b->vals[v->id];
    if (*at)
        return *at;
    *at = new_term(b, v->node ? v->node->op : NULL, v->node || constant ? NULL : v);
    (*at)->matched = v->node;
    for (uint32_t i = 0; v->node && i < v->node->operands.n; i++)
        PAT_PUSH(b->w->s->arena, (*at)->args, left_term(b, v->node->operands.at[i]));
    return *at;
}

static term *right_term(builder *b, const pat_term *t)
{
    if (t->kind == PT_NAME || t->kind == PT_SPLICE) {
        term *made = pat_map_get(&b->defined, t->name);
        x_name *n = made ? NULL : pat_scope_find(b->c->v->scope, t->name);
        return made ? made : n && n->val ? left_term(b, n->val) : new_term(b, NULL, NULL);
    }
    term *to = new_term(b, t->kind == PT_APPLY ? pat_find_op(b->w->p, t->name) : NULL, NULL);
    to->made = t;
    for (uint32_t i = 0; i < t->operands.n; i++)
        PAT_PUSH(b->w->s->arena, to->args, right_term(b, t->operands.at[i]));
    return to;
}

static builder new_builder(w_program *w, const w_case *c)
{
    return (builder){.w = w, .c = c, .nodes = pat_alloc(w->s->arena, c->v->nodes.n * sizeof(term *)),
                     .vals = pat_alloc(w->s->arena, c->v->vals.n * sizeof(term *))};
}

/* --------------------------------------------------------------- literals -- */

/* The place of a literal of an attribute. Very long ones of the same beginning are taken for one. */
static uint32_t place_of(orderer *o, const pat_op *op, const pat_attr *a, const pat_expr *e)
{
    pat_session *s = o->w->s;
    char key[512];
    int n = snprintf(key, sizeof key, "%.100s %.100s ", op->name, a->name);
    pat_print_key(key + n, sizeof key - (size_t)n, e);
    const char *name = pat_intern(s, key, strlen(key));
    uint32_t *at = pat_map_get(&o->literals, name);
    if (at)
        return *at;
    at = pat_alloc(s->arena, sizeof *at);
    *at = o->n_places++;
    pat_map_add(s->arena, &o->literals, name, at);
    return *at;
}

static bool same_literal(const pat_expr *a, const pat_expr *b)
{
    bool equal = a->kind == b->kind && a->name == b->name && a->args.n == b->args.n &&
                 (a->args.n || (a->ival == b->ival && a->fval == b->fval));
    for (uint32_t i = 0; equal && i < a->args.n; i++)
        equal = same_literal(a->args.at[i], b->args.at[i]);
    return equal;
}

/* Nothing is told of an attribute that is not the same on both sides, unless both are literals. */
static bool order_attr(orderer *o, const x_attr *left, const pat_term *made, const pat_op *op, bool *less)
{
    const pat_expr *a = left->value ? left->value : left->attr->dflt, *b = left->attr->dflt;
    for (uint32_t i = 0; i < made->attrs.n; i++)
        if (made->attrs.at[i]->name == left->attr->name)
            b = made->attrs.at[i]->value;
    if (!a || !b || a->kind == PE_WILD)
        return false;
    bool literals = pat_literal_fits(left->attr, a) && pat_literal_fits(left->attr, b);
    if (same_literal(a, b))
        return literals || left->scope->rule_level;
    *less = true;
    return literals && can_precede(o, place_of(o, op, left->attr, a), place_of(o, op, left->attr, b));
}

/* Whether the terms are the same up to literals; less: and one is put before that in the other's place. */
static bool order_literals(orderer *o, const term *a, const term *b, bool *less)
{
    if (a == b)
        return true;
    if (a->op != b->op || !a->op || a->args.n != b->args.n || !a->matched || !b->made)
        return false;
    for (uint32_t i = 0; i < a->matched->attrs.n; i++)
        if (!order_attr(o, a->matched->attrs.at[i], b->made, a->op, less))
            return false;
    for (uint32_t i = 0; i < a->args.n; i++)
        if (!order_literals(o, a->args.at[i], b->args.at[i], less))
            return false;
    return true;
}

static bool fewer_literals(orderer *o, const term *a, const term *b)
{
    bool less = false;
    return order_literals(o, a, b, &less) && less;
}

/* ------------------------------------------------------------------ rules -- */

/* A value that does not become smaller, and the terms. */
typedef struct failure { const pat_term *name; term *left, *right; } failure;

static bool order_results(orderer *o, builder *b, const pat_stmt *st, failure *f)
{
    term *right = right_term(b, st->value);
    for (uint32_t i = 0; i < st->results.n; i++) {
        const pat_term *r = st->results.at[i];
        x_name *n = r->kind == PT_NAME ? pat_scope_find(b->c->v->scope, r->name) : NULL;
        if (r->kind != PT_NAME || (n && n->val && n->val->kept))
            continue;
        if (n && n->val && n->val->yielded) {
            *f = (failure){r, left_term(b, n->val), right};
            if (!greater(o, f->left, right) && !fewer_literals(o, f->left, right))
                return false;
        }
        pat_map_add(o->w->s->arena, &b->defined, r->name, right);
    }
    return true;
}

/* False when a value of the rule does not become smaller; the precedence is then as before. */
static bool order_case(orderer *o, const w_case *c, failure *f)
{
    builder b = new_builder(o->w, c);
    o->current = c;
    o->steps = 100000;
    o->trail.n = 0;
    for (uint32_t i = 0; i < c->rule->replace.n; i++)
        if (!order_results(o, &b, c->rule->replace.at[i], f)) {
            take_back(o, 0);
            return false;
        }
    return true;
}

static void clear(orderer *o)
{
    for (uint32_t i = 0; i < o->n_places; i++)
        o->after[i].n = 0;
}

/* --------------------------------------------------------------- messages -- */

static size_t print_term(char *to, size_t size, const term *t, unsigned depth)
{
    const char *leaf = !t->var ? "constant" : t->var->name ? t->var->name : "_";
    size_t n = (size_t)snprintf(to, size, "%s%s", t->op ? t->op->name : leaf, t->op ? "(" : "");
    for (uint32_t i = 0; i < t->args.n && n < size; i++) {
        n += (size_t)snprintf(to + n, size - n, "%s", i ? ", " : "");
        if (n < size)
            n += depth ? print_term(to + n, size - n, t->args.at[i], depth - 1)
                       : (size_t)snprintf(to + n, size - n, "...");
    }
    if (t->op && n < size)
        n += (size_t)snprintf(to + n, size - n, ")");
    return n;
}

/* The rules that want the precedence the other way round. */
static void note_opponents(orderer *o, uint32_t from, uint32_t to)
{
    const w_case *last = NULL;
    while (from != to) {
        const edge *e = precedes(o, from, to);
        if (!e)
            return;
        if (e->by != last)
            pat_note(o->w->s, e->by->rule->name_span, "rule '%s' leads the other way", e->by->rule->name);
        last = e->by;
        from = e->to;
    }
}

static void report(orderer *o, const w_case *c, const failure *f)
{
    enum { DEPTH = 4 };
    char left[200], right[200];
    print_term(left, sizeof left, f->left, DEPTH);
    print_term(right, sizeof right, f->right, DEPTH);
    pat_within(o->w->s, c->rule);
    pat_error(o->w->s, c->rule->name_span, E_ENDLESS, "nothing shows that rule '%s' is not applied for ever",
              c->rule->name);
    pat_note(o->w->s, f->name->span, "'%s' is %s, and becomes %s, which is not smaller", f->name->name, left, right);
    if (f->left->op && f->right->op)
        note_opponents(o, f->right->op->id, f->left->op->id);
    pat_within(o->w->s, NULL);
}

/* At most: each attribute that the left sides match has one, and the right sides give as many. */
static uint32_t n_literals(w_case *const *cases, uint32_t n)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < cases[i]->v->nodes.n; k++)
            most += 2 * cases[i]->v->nodes.at[k]->attrs.n;
    return most;
}

/* A rule that fails goes first the next time, where it is free to choose. One that fails there, or has been first
 * before, cannot be ordered together with the others. */
void pat_order_terms(w_program *w, w_case *const *cases, uint32_t n)
{
    enum { MOST_ROUNDS = 64 };
    uint32_t n_places = w->p->ops.n + 1 + n_literals(cases, n), rounds = 0;
    orderer o = {.w = w, .n_places = w->p->ops.n + 1, .after = pat_alloc(w->s->arena, n_places * sizeof *o.after),
                 .stamp = pat_alloc(w->s->arena, n_places * sizeof *o.stamp)};
    w_case **queue = pat_alloc(w->s->arena, (n + 1) * sizeof *queue);
    pat_map moved = {0}, told = {0};
    memcpy(queue, cases, n * sizeof *queue);
    for (uint32_t i = 0; i < n; i++) {
        failure f = {0};
        w_case *c = queue[i];
        if (pat_map_get(&told, c->rule) || order_case(&o, c, &f))
            continue;
        if (i && rounds < MOST_ROUNDS && !pat_map_add(w->s->arena, &moved, c, c)) {
            memmove(&queue[1], &queue[0], i * sizeof *queue);
            queue[0] = c;
            rounds++;
            clear(&o);
            i = UINT32_MAX;
            continue;
        }
        report(&o, c, &f);
        pat_map_add(w->s->arena, &told, c->rule, c);
    }
}
