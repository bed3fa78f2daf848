/* What the parts of the generator share. */
#ifndef GEN_GEN_H
#define GEN_GEN_H

#include "expand.h"
#include "byte_map.h"
#include "out.h"
#include "sld_abi.h"

/* How expressions name what a match binds: places of the matcher, or parameters of the rewriter. NULL: not bound. */
typedef enum val_part { VAL_ITSELF, VAL_DTYPE, VAL_RANK } val_part;
typedef struct names {
    void *of;
    const char *(*val)(void *of, const x_val *v, val_part part);
    const char *(*var)(void *of, const x_var *v);
} names;

/* What the matchers of a rule and of a phase are like, for the tables. */
typedef struct rule_facts { const pat_op *root; uint32_t n_variants; } rule_facts;
typedef struct phase_facts {
    uint32_t radius, reads; /* see sld_phase_info */
    bool readers;
} phase_facts;

typedef struct gen {
    pat_session *session;
    const pat_program *program;
    pat_arena *arena;
    out *o;
    const struct gen_options *options;
    const pat_rule *rule;         /* at work */
    byte_map rewriters;           /* text to rewriter_fn */
    names names;
    rule_facts *rules;
    phase_facts *phases;
} gen;

const char *gen_format(gen *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- compile.c ---- */
typedef struct gen_options {
    const char *name, *output; /* of the ruleset; NULL: standard output */
    bool lines;                /* #line directives back to the rules */
    bool stats;                /* say on stderr what the automata are like */
} gen_options;
/* An error that the checker should have told: a fault of the compiler. */
void gen_fault(gen *g, pat_span span, const char *what);
/* Prints a checked program as C. Answers an exit status. */
int gen_compile(pat_session *session, const pat_program *program, const gen_options *o, int n, char *const *files);

/* ---- tables.c: ops, vocabularies, kernels ---- */
void emit_op_ids(gen *g);
void emit_ops(gen *g);
void emit_vocabs(gen *g);
void emit_kernels(gen *g);
/* Attribute constant as a C initialiser. expr NULL: SLD_ATTR_NONE. attr gives the kind, NULL: by the literal. */
void emit_attr_const(gen *g, const pat_attr *attr, const pat_expr *e);
int dtype_by_name(pat_name name);            /* sld_dtype or -1 */
const char *dtype_enum(int t);               /* "SLD_F32" */
sld_attr_kind attr_kind(const pat_attr *a);
int enum_word(const pat_attr *a, pat_name word); /* index or -1 */
const pat_dtype_decl *find_dtype_var(const gen *g, pat_name name);

/* ---- options.c ---- */
void emit_options(gen *g);
/* Members of a rule's row that tell when it runs. */
void emit_rule_run(gen *g, const pat_rule *r);
const char *run_name(pat_name name);         /* "SLD_RUN_TOKENS"; NULL: the run has no such name */

/* ---- cexpr.c: expressions as C ---- */
typedef enum cx_kind { CX_ERROR, CX_DIM, CX_FLOAT, CX_BOOL, CX_DTYPE, CX_SHAPE, CX_ATTR } cx_kind;
typedef struct cx { cx_kind kind; const char *c; const pat_attr *attr; } cx;
const char *float_text(gen *g, double v); /* as a C expression */
cx emit_expr(gen *g, const pat_expr *e, x_scope *s);
/* A condition as a C truth value. */
const char *emit_condition(gen *g, const pat_expr *e, x_scope *s);

/* Conditions that must hold one by one: what `and` joins is taken apart. */
void split_condition(gen *g, const pat_expr *e, void each(void *of, const pat_expr *e), void *of);

/* ---- rewrite.c: right sides ---- */
/* What a rewriter takes beside the matched nodes: values and variables of the left side by name. */
typedef enum param_kind { PARAM_VAL, PARAM_REST, PARAM_DIM, PARAM_RANK, PARAM_ATTR, PARAM_DTYPE } param_kind;
typedef struct param {
    param_kind kind;
    pat_name name;
    pat_span span;          /* where it is read first */
    const pat_attr *attr;   /* PARAM_ATTR: captured from; NULL: a constant */
} param;
typedef struct rewriter_fn {
    const char *name;
    bool by_one;            /* all of the match goes for one node; otherwise nodes may stay, and it takes their count */
    PAT_LIST(param) params;
} rewriter_fn;
/* Prints the function that does a rule's right side for one of its variants, or finds one printed before that does the
 * same. The variant has been walked, so that its variables know their attributes. */
rewriter_fn *emit_rewriter(gen *g, x_variant *v, uint32_t number);

/* ---- rules.c ---- */
/* With --line: what follows in o up to line_end comes from this place. */
void line_directive(gen *g, out *o, pat_span span);
void line_end(gen *g, out *o);
#define LINE_END "#line of the output\n" /* the whole file has been printed before its lines are numbered */
void emit_rule_ids(gen *g);
/* Rewriters, matchers and the tables of both; fills in what is known of rules and phases then. */
void emit_rules(gen *g);
/* The function that other engines call at each node. */
void emit_dispatch(gen *g);
void emit_rule_table(gen *g);

/* ---- pattern.c: left sides as data ---- */
/* Answers how many. */
uint32_t emit_patterns(gen *g);

/* ---- tests.c ---- */
/* Prints the tests of its rules likewise. */
int gen_tests(pat_session *session, const pat_program *program, const char *name, const char *path);

#endif
