/* What the names and calls in conditions stand for, for predicate.h. */
#ifndef PAT_READING_H
#define PAT_READING_H

#include "expand.h"
#include "predicate.h"

typedef struct c_reading {
    pat_session *s;
    const pat_program *p;
    const pat_op *op;        /* of its signature */
    x_variant *rule;         /* or of a rule's left side; NULL both: of a gate */
} c_reading;

/* The p_describe of a c_reading. */
bool c_describe(void *of, const pat_expr *e, p_var *var);

/* Parts of it. */
bool c_is_number(p_var *var, int64_t lo, int64_t hi);
bool c_is_dtype(pat_session *s, p_var *var, uint32_t set);
bool c_is_attr(const c_reading *r, const pat_attr *a, p_var *var);
bool c_name_of_rule(const c_reading *r, pat_name name, p_var *var);
bool c_name_of_gate(const c_reading *r, pat_name name, p_var *var);

#endif
