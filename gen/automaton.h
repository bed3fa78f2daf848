/* The decision automaton of one phase: what rows.c writes down of the rules, decide.c joins and print.c prints.
 *
 *   place   something that the matcher reads once and keeps in a C variable, named by its path from the root:
 *           v0_1 is operand 1 of n0, the producer of operand 0 of the root n
 *   column  a C expression over places that decides: a condition, or a number compared with constants
 *   row     one way to match a rule: a variant with the orders of its commutative operands chosen
 *   state   a decision, or a row found */
#ifndef GEN_AUTOMATON_H
#define GEN_AUTOMATON_H

#include "gen.h"
#include "byte_map.h"

typedef enum place_kind {
    PL_ROOT,
    PL_OPERAND,  /* i of a node; j: it may be absent */
    PL_ORDERED,  /* operand 0 or 1 of a node in the order of loop j */
    PL_PICKED,   /* operand of a node that op i produced, beside one of op j: set by the test that they are so */
    PL_OTHER,    /* operand 0 or 1 of a node, the one that is not place j: set by the test that the other one is it */
    PL_REST,     /* operands of a node from i on */
    PL_PRODUCER, /* of a value */
    PL_READER,   /* of a value, found by loop j */
    PL_RESULT,   /* of a node */
    PL_ATTR,     /* slot i of a node */
    PL_INT,      /* .i of an attribute */
    PL_ELEM,     /* element i of a list */
    PL_ELEM_END, /* element i from the end */
    PL_DTYPE,    /* of a value */
    PL_RANK,     /* of a value */
    PL_DIM,      /* dim i of a rank */
    PL_DIM_END,  /* dim i from the end, of a rank */
    PL_RUN,      /* dims from i on of a rank, all but j */
    PL_NUMBER,   /* of a value: set by the test that it is a constant of one element */
    PL_CAPTURE   /* a number as an attribute */
} place_kind;

typedef struct place place;
struct place {
    place_kind kind;
    place *of;
    uint32_t i, j, id;
    bool in_loop;          /* read inside a loop at the end of a row */
    const char *c;         /* the variable */
    const char *path;
    place *children, *sibling;
    const void *guarded_in; /* rows.c: the row in which `guard` holds */
    uint32_t guard;        /* index of the test that makes reading it valid */
};

typedef PAT_LIST(place) places;

typedef struct column {
    uint32_t id;
    const char *c;
    bool condition;        /* true or false; otherwise compared with constants */
    uint8_t cost;
    places needs;
    uint32_t count, stamp; /* decide.c: rows that it constrains */
} column;

/* What a test costs, and so which comes first. */
enum { COST_OP, COST_COUNT, COST_SAME, COST_TYPE, COST_DIM, COST_WHERE };

typedef struct test {
    column *col;
    int64_t value;         /* 1 for a condition */
    const char *value_c;
    const char *label;     /* what it asks, in the rule's words */
    pat_span span;
    uint64_t *after;       /* bits of the tests that must have held before */
    places sure;           /* places that are set, or valid to read from, once it has held */
} test;

/* The end of a row that cannot share: tests inside loops. */
typedef enum step_kind { STEP_TEST, STEP_ORDERS, STEP_READERS } step_kind;
typedef struct step {
    step_kind kind;
    test *test;
    place *at;             /* the reader */
    places from;           /* STEP_READERS: values it reads; the one with the fewest uses is walked */
    uint32_t loop;
    const char *label;     /* STEP_ORDERS: the op */
} step;

typedef struct row {
    uint32_t id;
    const pat_rule *rule;
    const pat_op *root;
    pat_span span;
    uint32_t variant;      /* from 1 */
    PAT_LIST(test) tests;
    PAT_LIST(step) tail;
    const char *apply;     /* C function that rewrites */
    const char *args;      /* what follows the rule: nodes, their number, what the right side reads */
    const char *values;    /* "x = v0_0, w = v1" */
    places needs;
} row;

typedef struct state state;
/* Where to go; rule: what to put into `rule` on the way. to NULL: no rule matches. */
typedef struct edge { state *to; const pat_rule *rule; } edge;
typedef struct branch { const test *test; edge to; } branch;

struct state {
    uint32_t id;           /* greater than those of all states that it leads to */
    column *col;           /* NULL: a row is found */
    const row *row;
    uint32_t n;
    branch *branches;
    edge other;            /* no branch is taken; the row's rewrite is refused */
    bool entry;            /* of a group that is tried on its own */
    /* print.c */
    uint32_t seen_by;      /* number of the matcher */
    uint32_t refs, label;
    bool open;             /* the rule that it finds is told on the way to it */
    const pat_rule *rule;  /* that rule, */
    bool many;             /* or several: it is in a variable */
    uint64_t *live, *bound, *bound_any, *sure;
};

typedef struct automaton {
    gen *g;
    uint32_t phase;
    place *root;
    PAT_LIST(place) places;
    PAT_LIST(column) columns;
    PAT_LIST(row) rows;
    PAT_LIST(state) states;
    byte_map names, column_map, state_map;
    uint32_t n_matchers, stamp;
    uint32_t most_orders;  /* commutative nodes of a variant whose orders are rows; those of further ones are loops */
} automaton;

/* ---- place.c ---- */
place *place_at(automaton *a, place_kind kind, place *of, uint32_t i, uint32_t j);
const char *place_type(const place *p);        /* C type */
const char *place_read(gen *g, const place *p); /* C expression that reads it; NULL: a test or loop sets it */
column *column_of(automaton *a, const char *c, bool condition, uint8_t cost, const places *needs);

/* ---- rows.c ---- */
/* Adds the rows of a rule and prints its rewriter; answers the number of variants. */
uint32_t rule_rows(automaton *a, const pat_rule *rule);
bool row_needs_readers(const row *r);

/* ---- decide.c ---- */
typedef struct decision { edge start; uint32_t states, shared, fallbacks; } decision;
/* One automaton for rows of one root op, in order of precedence. */
decision decide(automaton *a, row *const *rows, uint32_t n);

/* ---- print.c ---- */
/* Prints the function that tries what `start` leads to. for_rule: it is told the rule that `start` finds. */
void print_matcher(automaton *a, const char *name, const char *title, edge start, bool for_rule);

#endif
