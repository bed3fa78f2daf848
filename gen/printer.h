/* Printing one matcher: flow.c finds what holds in each state, print.c writes the C. */
#ifndef GEN_PRINTER_H
#define GEN_PRINTER_H

#include "automaton.h"

typedef struct printer {
    automaton *a;
    gen *g;
    out body;
    uint32_t number;          /* of the matcher in its automaton, from 1 */
    uint32_t words, n_labels; /* words of a set of places */
    uint64_t *nothing, *used; /* places: only the root; those that need a variable */
    uint64_t *sure;           /* flow.c: places, under construction */
    bool rule_used;
    PAT_LIST(state) states;   /* that are reached, the first ones first */
    PAT_LIST(state) queue;    /* that have a label and wait to be printed */
} printer;

bool has_bit(const uint64_t *set, uint32_t i);
/* Adds a place and what it is read from. */
void add_place(uint64_t *set, const place *p);
/* Adds the places that must have been read before what a state does. */
void add_needs(uint64_t *set, const state *s);
/* Fills in what automaton.h lists for print.c. In `bound` are the places that are read on all ways to a state, or
 * read on some and worth reading on the others before they join; `bound_any` becomes what is bound behind it. */
void find_flow(printer *p, edge start);

#endif
