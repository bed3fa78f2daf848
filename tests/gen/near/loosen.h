/* The conditions of a rule's left side, each of which can be taken out of it: what the left side then matches and did not
 * before is a near miss. */
#ifndef NEAR_LOOSEN_H
#define NEAR_LOOSEN_H

#include "prover.h"

typedef enum near_kind {
    NEAR_WHERE, NEAR_DTYPE, NEAR_SHAPE, NEAR_ATTR, NEAR_NUMBER, NEAR_RANK, NEAR_SAME, NEAR_READERS, NEAR_PRESENCE, NEAR_COUNT,
    NEAR_OP, NEAR_RUN, NEAR_KINDS
} near_kind;
extern const char *const near_names[NEAR_KINDS];

typedef struct near {
    near_kind kind;
    pat_span span;           /* where the condition stands */
    const pat_expr *was;     /* WHERE, SHAPE, ATTR: what is not asked any more; NULL: all of it */
    const pat_type *type;    /* SHAPE: that was asked */
    const pat_attr *attr;    /* ATTR */
    const pat_expr *now;     /* ATTR, SHAPE: what stands there instead */
    const x_cond *broken;    /* WHERE */
    const x_val *val;        /* DTYPE, SHAPE, NUMBER, SAME, READERS, PRESENCE: of what */
    x_scope *scope;          /* WHERE, DTYPE, SHAPE, ATTR: of the names in it */
    pat_name dtype, other;   /* DTYPE: that was asked; ATTR of a dtype: the name that stands there now */
    uint32_t operand;        /* NUMBER, RANK: which of a node's, where another number stands before it; 0 */
    const char *how;         /* it is broken, where there are several ways; NULL: in any */
    bool elsewhere;          /* DTYPE: others are asked to be the same */
    uint32_t uses;           /* of its pattern, in which it is taken out */
} near;

/* Takes condition k out of the variant; everywhere: in all uses of the pattern that it stands in. False: it has no more. */
bool near_loosen(x_variant *v, uint32_t k, bool everywhere, near *out);
/* Of the loosened variant, opened: what was asked for a dtype is not so; false when nothing else is left. */
bool near_differs(t_env *t, const near *n);
/* Of the loosened variant, opened: what was asked follows from the rest. */
bool near_follows(t_env *t, const near *n);
/* Whether a name of the expression stands in a text. */
bool near_share_name(const pat_expr *a, const char *text, size_t n);

#endif
