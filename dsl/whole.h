/* Checks of the whole program: what rules do to each other. */
#ifndef PAT_WHOLE_H
#define PAT_WHOLE_H

#include "checker.h"
#include "expand.h"

/* One way to match a rule. */
typedef struct w_case {
    pat_rule *rule;
    x_variant *v;
    bool *stays; /* for each node by id - 1: a value of it is needed after the rewrite */
} w_case;

typedef struct w_program {
    pat_session *s;
    const pat_program *p;
    PAT_LIST(w_case) cases; /* in order of the rules */
    bool *before;           /* n_files by n_files: the rules of a file are to stand before those of another */
    uint32_t n_files;
} w_program;

/* Whether the files give an order between the two: one file, a file that uses the other, or one that uses both. */
bool w_ordered(const w_program *w, const pat_rule *a, const pat_rule *b);

/* ---- condition.c: conditions that cannot hold, or cannot fail ---- */
void pat_check_conditions(w_program *w);
/* Whether `a` is enabled and its gate holds on every run on which `b` is and its does. */
bool w_gate_follows(const w_program *w, const pat_rule *a, const pat_rule *b);
bool w_may_both_run(const w_program *w, const pat_rule *a, const pat_rule *b);

/* ---- overlap.c: rules that match together and have no order ---- */
void pat_check_overlaps(w_program *w);

/* ---- shadow.c: rules that never fire because of another ---- */
void pat_check_shadows(w_program *w);

/* ---- terminate.c: that rewriting comes to an end ---- */
void pat_check_termination(w_program *w);

/* ---- rpo.c: left sides are greater than right sides in an order of terms ---- */
/* Gives the ops a precedence in which each of these rules makes its terms smaller; reports the rules that have none
 * together with the others. */
void pat_order_terms(w_program *w, w_case *const *cases, uint32_t n);

#endif
