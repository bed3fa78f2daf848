/* Parts of the checker. */
#ifndef PAT_CHECK_H
#define PAT_CHECK_H

#include "source.h"

/* check_rule.c: terms of patterns and rules. */
void pat_check_pattern(pat_session *s, const pat_program *p, pat_pattern *pattern);
void pat_check_rule(pat_session *s, const pat_program *p, pat_rule *rule);
/* Gives positional attributes their names; reports unknown and repeated ones. left: a pattern, where the name of
 * an attribute alone captures it. */
bool pat_resolve_attrs(pat_session *s, pat_term *t, const pat_op *op);

/* check.c */
/* Number of a built-in dtype (the order of sld_dtype), 0 when it is none. */
int pat_dtype_number(const char *name);
bool pat_is_dtype_var(const pat_program *p, pat_name name);
void pat_unknown_op(pat_session *s, const pat_program *p, pat_span span, pat_name name, bool patterns_too);
pat_attr *pat_find_attr(const pat_op *op, pat_name name);

#endif
