/* Parts of the checker.  check.c drives it and holds kernels and vocabularies, named.c writes conditions out, family.c
 * makes rules of families, rests.c writes rests out, check_option.c holds enums and options, check_op.c dtypes and ops,
 * check_sig.c expressions of signatures, check_term.c the terms and expressions of rules, check_rule.c patterns and
 * rules. */
#ifndef PAT_CHECKER_H
#define PAT_CHECKER_H

#include "source.h"

typedef PAT_LIST(const char) pat_names;

bool pat_listed(const pat_names *names, pat_name name);
/* Looking for the name that was meant takes as long as there are names: only the first errors are worth it. */
static inline bool pat_hints(const pat_session *s)
{
    enum { MOST = 100 };
    return s->n_errors <= MOST;
}
/* Adds "did you mean" when a name of the list is near. */
void pat_suggest(pat_session *s, const char *name, const char *const *names, uint32_t n);

/* ---- family.c ---- */
void pat_expand_families(pat_session *s, pat_program *p);

/* ---- rests.c ---- */
void pat_write_out_rests(pat_session *s, pat_program *p);

/* ---- named.c ---- */
void pat_write_out_conditions(pat_session *s, pat_program *p);

/* ---- check_option.c ---- */
void pat_check_enums(pat_session *s, pat_program *p);
/* The words of an enum, which are known to rules from here on. */
void pat_check_words(pat_session *s, pat_program *p, pat_exprs words);
/* on, off, true or false */
bool pat_is_switch(const pat_expr *e);
void pat_check_options(pat_session *s, const pat_program *p);
void pat_check_enabled(pat_session *s, const pat_program *p, const pat_rule *rule);
/* The options that are on whenever these rules are enabled; false when that is never. */
typedef PAT_LIST(pat_option) pat_options;
bool pat_enabled_options(pat_session *s, const pat_program *p, const pat_rule *const *rules, uint32_t n, pat_options *on);
void pat_check_gate(pat_session *s, const pat_program *p, const pat_expr *e);

/* ---- check_op.c ---- */
/* What gates and kernels read of the run: the tokens of a batch, the ranks that work together. */
extern const char *const pat_graph_names[];
enum { PAT_N_GRAPH_NAMES = 3, PAT_N_GATE_NAMES = 2 }; /* gates read the first two */
bool pat_is_graph_name(const char *name);
bool pat_is_attr_kind(const char *name);
/* Number of a built-in dtype (the order of sld_dtype), 0 when it is none. */
int pat_dtype_number(const char *name);
const char *pat_dtype_name(int number);
bool pat_is_dtype_var(const pat_program *p, pat_name name);
void pat_unknown_dtype(pat_session *s, const pat_program *p, pat_span span, pat_name name);
pat_attr *pat_find_attr(const pat_op *op, pat_name name);
/* Whether a literal can be the value of an attribute. */
bool pat_literal_fits(const pat_attr *a, const pat_expr *e);
/* Reports what cannot be an element of a shape. */
bool pat_check_shape_element(pat_session *s, const pat_type *t, const pat_expr *e);
void pat_check_dtypes(pat_session *s, pat_program *p);
void pat_check_op(pat_session *s, pat_program *p, pat_op *op);
/* `rms_norm...` among the attributes of an op becomes those of rms_norm. */
void pat_spread_attrs(pat_session *s, pat_program *p);

/* ---- check_sig.c ---- */
/* What the operands of an op bind. */
typedef struct pat_sig {
    const pat_op *op;
    pat_names dims, ranks, dtypes;
    bool run;   /* the run is known as well */
    bool wrong; /* an operand is wrong: what it was meant to bind is not known */
} pat_sig;
pat_sig pat_signature(pat_session *s, const pat_op *op);
/* The expression with the dtype of an operand for each dtype variable; NULL stays. */
pat_expr *pat_read_dtypes(pat_session *s, const pat_op *op, pat_expr *e);
/* An element of a shape: a number or dims. */
void pat_check_element(pat_session *s, const pat_sig *g, const pat_expr *e);
void pat_check_truth(pat_session *s, const pat_sig *g, const pat_expr *e);
/* A condition of one of the op's kernels, which reads the run as well. */
void pat_check_condition(pat_session *s, const pat_op *op, const pat_expr *e);
/* The size of memory that it works in. */
void pat_check_bytes(pat_session *s, const pat_op *op, const pat_expr *e);

/* The name of a function that conditions call. */
bool pat_is_signature_function(pat_name name);

/* ---- check_term.c ---- */
bool pat_is_rule_function(pat_name name);
/* What the left side of a rule, or an alternative of a pattern, binds. */
typedef struct pat_bound {
    pat_names values;
    pat_names vars; /* dims, rank variables, dtype variables, attributes */
    pat_names attrs; /* of these those that attributes are bound to */
    pat_terms rest; /* names that `...` took in, with its place */
    pat_names read; /* of vars, on the right and in conditions */
    bool wrong;     /* the left side has errors: what seems not bound is not told of */
} pat_bound;
typedef struct pat_checker { pat_session *s; const pat_program *p; pat_bound *b; bool left; } pat_checker;

void pat_unknown_op(pat_session *s, const pat_program *p, pat_span span, pat_name name, bool patterns_too);
/* The operands that a term gives are as many as the op takes; code is what to report. */
bool pat_check_operand_count(pat_session *s, const pat_term *t, const pat_op *op, int code);
/* Gives positional attributes their names; reports unknown and repeated ones. */
bool pat_resolve_attrs(pat_session *s, pat_term *t, const pat_op *op);
bool pat_has_arg(const pat_term *t, pat_name name);
/* What `...` takes in on the left is read elsewhere, or known outside. */
void pat_check_rest(pat_session *s, const pat_bound *b, const pat_terms *outside);
void pat_bind_type(pat_checker *c, const pat_type *type);
void pat_check_term(pat_checker *c, pat_term *t);
void pat_check_rule_condition(pat_checker *c, const pat_expr *e);
void pat_bind(pat_checker *c, pat_names *names, pat_name name);

/* A text that equal expressions share, cut at size. The span would not do: it may be that of a name of a family. */
size_t pat_print_key(char *to, size_t size, const pat_expr *e);

/* A word of some op's enum attribute. */
bool pat_is_any_word(const pat_program *p, pat_name name);

/* ---- whole.c ---- */
/* What rules do to each other, in a program without errors. */
void pat_check_whole(pat_session *s, const pat_program *p);

/* ---- check_rule.c ---- */
void pat_check_recursion(pat_session *s, const pat_program *p);
void pat_check_pattern(pat_session *s, const pat_program *p, pat_pattern *pattern);
void pat_check_rule(pat_session *s, const pat_program *p, pat_rule *rule);

/* ---- prove.c ---- */
void pat_prove_rule(pat_session *s, const pat_program *p, const pat_rule *rule);

#endif
