/* A walk over one variant of a rule from its root: it gives every pattern node, value and variable its place, and
 * writes down the tests between them. walk.c follows the graph, asks.c the types and attributes. */
#ifndef GEN_WALK_H
#define GEN_WALK_H

#include "automaton.h"

/* A dim or attribute whose expression speaks of what is bound later. */
typedef struct pending { place *at; const pat_expr *e; x_scope *scope; const x_attr *attr; pat_span span; } pending;

typedef struct walk {
    automaton *a;
    gen *g;
    x_variant *v;
    row *row;
    x_choice *orders;        /* of commutative operands, and of operands present or absent */
    uint32_t n_orders, n_compiled;
    place **nodes, **vals;   /* by id; NULL: not reached yet */
    PAT_LIST(place) vars;    /* by id */
    PAT_LIST(pending) pending;
    PAT_LIST(const x_node) deferred; /* commutative nodes whose operands are told apart once more is bound */
    places needs;            /* what the text under construction reads */
    pat_span span;           /* of what is tested */
    uint32_t last;           /* index of the test that was added last */
    uint32_t n_loops;
    bool forced;             /* nothing is put off any more */
    bool dead;               /* two tests contradict each other */
} walk;

/* The variable of a place, which the text under construction reads from now on. */
const char *read_place(walk *w, place *p);
place *var_place(walk *w, const x_var *v);
void bind_var(walk *w, const x_var *v, place *p);
/* Adds a test of the text under construction: that it holds, or that it is a certain number. */
void add_condition(walk *w, uint8_t cost, const char *label, const char *c);
void add_equals(walk *w, uint8_t cost, const char *label, const char *c, int64_t value, const char *value_c);
/* Reading p is valid once the test that was added last has held. */
void guard_place(walk *w, place *p);
/* Start of the text that a span covers, for labels. */
const char *span_label(gen *g, pat_span span);
const char *expr_label(gen *g, const pat_expr *e);

/* Walks all nodes of the variant: those that the root reads, and those that read what is reached then. */
void walk_from(walk *w, const x_node *root);

/* ---- asks.c ---- */
place *number_of_value(walk *w, place *v, const char *label); /* after a test that it is a constant of one element */
void test_type(walk *w, place *v, const char *name, const x_type *t);
void test_attr(walk *w, place *node, const x_attr *a);
/* Tests what was pending; without `force` only what can be. True if there was progress. */
bool test_pending(walk *w, bool force);
/* A text over two places in one order only, so that equal tests are one. */
const char *symmetric(walk *w, const char *before, const char *between, const char *after, place *a, place *b);
/* Whether an attribute can be tested before the operands: lists and expressions may speak of dims and values that
 * the operands bind. */
bool stands_alone(const x_attr *a);

#endif
