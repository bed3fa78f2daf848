/* See net.h. A node is the key of its op, one key for each attribute, and the keys of its operands, in depth first
 * order; what matches anything is a star. Places with few entries are not divided further. */
#include "net.h"

#include <stdio.h>

enum { MOST_KEYS = 48, FEW = 6 };

typedef struct net_node net_node;
struct net_node {
    net_key key;
    PAT_LIST(net_entry) entries; /* that end here, or have not been divided */
    bool divided;
    PAT_LIST(net_node) below;
    pat_map by_key;
};

static const char star[] = "*", absent[] = "none", number[] = "number";

/* ------------------------------------------------------------------- keys -- */

static bool is_literal(const pat_attr *a, const pat_expr *e)
{
    if (e->kind == PE_NAME && !a->kind)
        for (uint32_t i = 0; i < a->words.n; i++)
            if (a->words.at[i]->name == e->name)
                return true;
    if (e->kind == PE_NAME)
        return pat_dtype_number(e->name) != 0;
    if (e->kind != PE_LIST && e->kind != PE_NEG)
        return e->kind <= PE_BOOL;
    for (uint32_t i = 0; i < e->args.n; i++)
        if (!is_literal(a, e->args.at[i]))
            return false;
    return true;
}

const pat_expr *net_literal(const x_attr *a)
{
    const pat_expr *e = a->value ? a->value : a->attr->dflt;
    return e && is_literal(a->attr, e) ? e : NULL;
}

static net_key attr_key(pat_session *s, const x_attr *a)
{
    char text[256];
    const pat_expr *e = net_literal(a);
    size_t n = e ? pat_print_key(text, sizeof text, e) : sizeof text;
    return (net_key){n < sizeof text ? pat_intern(s, text, n) : star, 0};
}

static net_key value_key(pat_session *s, const x_val *v)
{
    char text[300];
    const x_node *n = v->node;
    switch (v->kind) {
    case XVAL_RESULT:
        if (!v->index && n->operands.n == n->op->operands.n)
            return (net_key){n->op, n->attrs.n + n->operands.n};
        return (net_key){pat_intern(s, text, (size_t)snprintf(text, sizeof text, "%.200s.%u/%u", n->op->name, v->index,
                                                             n->operands.n)), n->attrs.n + n->operands.n};
    case XVAL_NONE:
        return (net_key){absent, 0};
    case XVAL_CONST:
        return (net_key){number, 0};
    case XVAL_NUMBER:
        if (v->tol > PAT_TOLERANCE)
            return (net_key){number, 0};
        return (net_key){pat_intern(s, text, (size_t)snprintf(text, sizeof text, "%.17g", v->fval)), 0};
    default:
        return (net_key){star, 0};
    }
}

static void add_keys(pat_session *s, net_key *keys, uint32_t *n, const x_node *node)
{
    for (uint32_t i = 0; i < node->attrs.n && *n < MOST_KEYS; i++)
        keys[(*n)++] = attr_key(s, node->attrs.at[i]);
    for (uint32_t i = 0; i < node->operands.n && *n < MOST_KEYS; i++) {
        const x_val *v = node->operands.at[i];
        keys[(*n)++] = value_key(s, v);
        if (v->kind == XVAL_RESULT)
            add_keys(s, keys, n, v->node);
    }
}

/* ------------------------------------------------------------------ adding -- */

static net_node *below(net *t, net_node *at, net_key key)
{
    net_node *n = pat_map_get(&at->by_key, key.what);
    if (n)
        return n;
    n = pat_alloc(t->s->arena, sizeof *n);
    n->key = key;
    pat_map_add(t->s->arena, &at->by_key, key.what, n);
    PAT_PUSH(t->s->arena, at->below, n);
    return n;
}

static void put(net *t, net_node *at, net_entry *e, uint32_t depth)
{
    for (; at->divided && depth < e->n_keys; depth++)
        at = below(t, at, e->keys[depth]);
    PAT_PUSH(t->s->arena, at->entries, e);
    if (at->divided || at->entries.n <= FEW)
        return;
    net_entry **all = at->entries.at;
    uint32_t n = at->entries.n;
    at->entries.at = NULL;
    at->entries.n = at->entries.cap = 0;
    at->divided = true;
    for (uint32_t i = 0; i < n; i++)
        put(t, at, all[i], depth);
}

/* The op of the node itself is the first key: result 0 of as many operands as it has. */
static net_key first_key(pat_session *s, x_node *node)
{
    return value_key(s, &(x_val){.kind = XVAL_RESULT, .node = node});
}

void net_add(net *t, const w_case *c, x_node *at)
{
    net_key keys[MOST_KEYS] = {first_key(t->s, at)};
    uint32_t n = 1;
    add_keys(t->s, keys, &n, at);
    net_entry *e = pat_alloc(t->s->arena, sizeof *e);
    *e = (net_entry){.c = c, .at = at, .keys = pat_alloc(t->s->arena, n * sizeof *keys), .n_keys = n};
    for (uint32_t i = 0; i < n; i++)
        e->keys[i] = keys[i];
    put(t, t->root, e, 0);
}

net net_open(pat_session *s)
{
    return (net){.s = s, .root = pat_alloc(s->arena, sizeof(net_node))};
}

/* --------------------------------------------------------------- searching -- */

typedef struct search { net *t; x_node *node; bool general; net_found *found; void *of; } search;

/* What remains to be looked at: arguments of a node from a place on, then those of nodes around it. */
typedef struct cursor {
    const x_node *n;
    uint32_t at;
    bool swapped;            /* the first two operands */
    const struct cursor *next;
} cursor;

static void walk(search *s, net_node *at, const cursor *c);

/* Leaves out this many values of what is in the net. */
static void leave_out(search *s, net_node *at, uint32_t n, const cursor *c)
{
    if (!n)
        walk(s, at, c);
    for (uint32_t i = 0; n && i < at->below.n; i++)
        leave_out(s, at->below.at[i], n - 1 + at->below.at[i]->key.arity, c);
}

static void follow(search *s, net_node *at, const void *key, const cursor *c)
{
    net_node *n = pat_map_get(&at->by_key, key);
    if (n)
        walk(s, n, c);
}

static void walk_arguments(search *s, net_node *at, const x_node *n, const cursor *next)
{
    walk(s, at, &(cursor){n, 0, false, next});
    if (n->op->commutative && n->operands.at[0] != n->operands.at[1])
        walk(s, at, &(cursor){n, 0, true, next});
}

static void walk_value(search *s, net_node *at, const x_val *v, const cursor *c)
{
    net_key key = value_key(s->t->s, v);
    follow(s, at, star, c);
    if (key.what == star) {
        for (uint32_t i = 0; !s->general && i < at->below.n; i++)
            if (at->below.at[i]->key.what != star)
                leave_out(s, at->below.at[i], at->below.at[i]->key.arity, c);
        return;
    }
    if (v->kind == XVAL_NUMBER && key.what != number)
        follow(s, at, number, c);
    net_node *n = pat_map_get(&at->by_key, key.what);
    if (n && v->kind == XVAL_RESULT)
        walk_arguments(s, n, v->node, c);
    else if (n)
        walk(s, n, c);
    /* A number that is captured, or close to others, may be any. */
    for (uint32_t i = 0; !s->general && key.what == number && i < at->below.n; i++)
        if (at->below.at[i]->key.what != number && at->below.at[i]->key.what != star)
            leave_out(s, at->below.at[i], at->below.at[i]->key.arity, c);
}

static void walk_attr(search *s, net_node *at, const x_attr *a, const cursor *c)
{
    const void *key = attr_key(s->t->s, a).what;
    follow(s, at, star, c);
    if (key != star)
        follow(s, at, key, c);
    for (uint32_t i = 0; key == star && !s->general && i < at->below.n; i++)
        if (at->below.at[i]->key.what != star)
            walk(s, at->below.at[i], c);
}

static void walk(search *s, net_node *at, const cursor *c)
{
    for (uint32_t i = 0; i < at->entries.n; i++) {
        net_entry *e = at->entries.at[i];
        if (e->stamp != s->t->now)
            s->found(s->of, e, s->node);
        e->stamp = s->t->now;
    }
    while (c && c->at == c->n->attrs.n + c->n->operands.n)
        c = c->next;
    if (!c || !at->divided)
        return;
    cursor rest = *c;
    uint32_t i = rest.at++;
    if (i < c->n->attrs.n) {
        walk_attr(s, at, c->n->attrs.at[i], &rest);
        return;
    }
    i -= c->n->attrs.n;
    walk_value(s, at, c->n->operands.at[c->swapped && i < 2 ? 1 - i : i], &rest);
}

void net_search(net *t, x_node *node, bool general, net_found *found, void *of)
{
    search s = {t, node, general, found, of};
    t->now++;
    if (!t->root->divided) {
        walk(&s, t->root, NULL);
        return;
    }
    net_node *n = pat_map_get(&t->root->by_key, first_key(t->s, node).what);
    if (n)
        walk_arguments(&s, n, node, NULL);
}
