/* What conditions say together: whether they can hold at all, and whether one follows from others. Sound and not
 * complete: an answer other than P_UNKNOWN is certain. */
#ifndef PAT_PREDICATE_H
#define PAT_PREDICATE_H

#include "checker.h"
#include "linear.h"

/* A variable: what a name, or a call that is not computed with, stands for. */
typedef struct p_var {
    const char *name;        /* as it is shown, and by which it is known */
    bool free;               /* may have any of its values whatever the others have */
    int64_t lo, hi;
    const pat_name *words;   /* n of them: dtypes or words instead of numbers; NULL: a number */
    uint32_t n_words;
} p_var;

/* Describes a name or a call; false when it is nothing that conditions are decided with. */
typedef bool p_describe(void *of, const pat_expr *e, p_var *var);

enum { P_MOST_CONDITIONS = 64 };
typedef struct p_condition { const pat_expr *e; bool holds; } p_condition;

typedef struct p_set {
    pat_session *s;
    p_describe *describe;
    void *of;
    p_condition at[P_MOST_CONDITIONS]; /* assumed */
    uint32_t n;
} p_set;

p_set p_open(pat_session *s, p_describe *describe, void *of);
/* Makes known that a condition holds, or that it does not. */
void p_assume(p_set *p, const pat_expr *e, bool holds);

typedef enum p_answer { P_NEVER, P_POSSIBLE, P_UNKNOWN } p_answer;
/* Whether all of it can hold at once. example: where it does, as text "H = 72, dtype(x) = f16"; may be NULL. */
p_answer p_possible(const p_set *p, const char **example);
/* Whether e follows: P_NEVER means that it cannot fail, P_POSSIBLE that it fails for the example. */
p_answer p_can_fail(const p_set *p, const pat_expr *e, const char **example);

#endif
