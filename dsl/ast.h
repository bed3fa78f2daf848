/* The syntax tree of .pat files, and the checked program that the generator reads.
 * Everything lives in one arena for the whole run; nothing is freed singly. */
#ifndef PAT_AST_H
#define PAT_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "arena.h"
#include "map.h"

typedef struct pat_span { uint32_t file, begin, end; } pat_span; /* byte offsets, end exclusive */

/* Identifiers are interned: equal names are equal pointers. */
typedef const char *pat_name;

/* A growing list of pointers in the arena: PAT_LIST(pat_expr) es; es.n; es.at[i]. */
#define PAT_LIST(T) struct { T **at; uint32_t n, cap; }

/* ------------------------------------------------------------ expressions -- */
/* Used for shape elements, attribute values, conditions and sets. */

typedef enum pat_expr_kind {
    PE_INT,     /* ival */
    PE_FLOAT,   /* fval */
    PE_STRING,  /* name */
    PE_BOOL,    /* ival */
    PE_NAME,    /* name: dim, attribute, value, dtype or enum word */
    PE_RANK,    /* *name: rank variable */
    PE_WILD,    /* _ */
    PE_LIST,    /* [args] */
    PE_SET,     /* {args} */
    PE_CALL,    /* name(args) */
    PE_NEG, PE_NOT,                                    /* args[0] */
    PE_ADD, PE_SUB, PE_MUL, PE_DIV, PE_MOD,            /* args[0], args[1] */
    PE_EQ, PE_NE, PE_LT, PE_LE, PE_GT, PE_GE, PE_IN,   /* IN: args[1] is a PE_SET */
    PE_AND, PE_OR
} pat_expr_kind;

typedef struct pat_expr pat_expr;
typedef PAT_LIST(pat_expr) pat_exprs;
struct pat_expr {
    pat_expr_kind kind;
    pat_span span;
    pat_name name;
    int64_t ival;
    double fval;
    pat_exprs args;
    const char *text;   /* where it is not what the source has at its place; NULL */
};

/* A type: dtype "[" elements "]".  dtype is a fixed dtype name (f32), a dtype variable, or
 * in a result the name of a dtype attribute. */
typedef struct pat_type {
    pat_span span;
    bool host;            /* known on the host when the op is launched */
    pat_name dtype;
    pat_span dtype_span;
    pat_exprs elems; /* PE_INT, PE_NAME, PE_RANK, arithmetic, PE_CALL; one PE_WILD alone: any shape */
} pat_type;

/* ---------------------------------------------------------- terms (graphs) -- */

typedef enum pat_term_kind {
    PT_NAME,    /* value; type may annotate it */
    PT_APPLY,   /* op or pattern applied */
    PT_NUMBER,  /* literal: matches a constant whose one element (or all equal) is fval, within tol */
    PT_CONST,   /* const name: matches a constant of one element and captures it as a float attribute */
    PT_WILD,    /* _: any value */
    PT_NONE,    /* none: an absent optional operand */
    PT_SPLICE   /* xs...: all remaining operands of a variadic operand */
} pat_term_kind;

/* The tolerance of a number that states none. */
#define PAT_TOLERANCE 1e-6

typedef struct pat_arg { pat_span span; pat_name name; /* NULL: positional */ pat_expr *value; } pat_arg;

typedef struct pat_term pat_term;
typedef PAT_LIST(pat_term) pat_terms;
struct pat_term {
    pat_term_kind kind;
    pat_span span;
    pat_name name;        /* PT_NAME, PT_CONST, PT_SPLICE; PT_APPLY: callee */
    pat_span name_span;
    bool maybe;           /* PT_NAME: name?, a value or its absence */
    pat_type *type;       /* annotation, may be NULL */
    double fval, tol;     /* PT_NUMBER; tol is relative */
    pat_terms operands;   /* PT_APPLY */
    PAT_LIST(pat_arg) attrs;
    pat_span rest;        /* `...` behind them: all others by their own names; end 0: none */
};

/* names = term */
typedef struct pat_stmt {
    pat_span span;
    pat_terms results;    /* PT_NAME (may carry a type) or PT_WILD */
    pat_term *value;
} pat_stmt;
typedef PAT_LIST(pat_stmt) pat_stmts;

/* ----------------------------------------------------------- declarations -- */

typedef struct pat_dtype_decl { /* dtype F, G = {f16, bf16, f32} */
    pat_span span;
    pat_terms names;      /* PT_NAME */
    uint32_t set;         /* bit i: dtype number i of sld_dtype order (checker fills) */
    bool used;
    pat_expr *value;      /* PE_SET or the name any */
} pat_dtype_decl;

typedef struct pat_operand {
    pat_span span;
    pat_name name;
    pat_type *type;
    bool optional, variadic, inout;
} pat_operand;

/* enum NAME = {a, b}: words that several ops share */
typedef struct pat_enum { pat_span span, name_span; pat_name name; pat_exprs words; bool used; } pat_enum;

typedef struct pat_attr {
    pat_span span;
    pat_name of;          /* until checked: all attributes of this op stand here; NULL */
    pat_name name;
    pat_name kind;        /* int float bool string dtype axis ints axes; NULL: enum; until checked, name of an enum or of a dtype variable */
    PAT_LIST(pat_expr) words; /* enum words, PE_NAME */
    pat_expr *dflt;       /* may be NULL */
} pat_attr;

typedef struct pat_result {
    pat_span span;
    pat_name name;           /* NULL: unnamed */
    pat_type *type;
    bool optional;           /* kernels do without it where nothing reads it */
} pat_result;

enum { PAT_SIG_DIMS = 64, PAT_SIG_RANKS = 32, PAT_SIG_DTYPES = 16 }; /* variables of one signature, at most */
typedef struct pat_op {
    pat_span span, name_span;
    pat_name name;
    PAT_LIST(pat_operand) operands;
    PAT_LIST(pat_attr) attrs;
    PAT_LIST(pat_result) results;
    bool variadic_results;   /* -> T[...]... */
    pat_exprs where;
    bool commutative, associative, view, effect;
    pat_name contents;       /* contents add; NULL: none */
    uint32_t id;             /* 1.., in order of declaration (checker) */
    bool used;
    bool made, imported;     /* by a rule, by a vocabulary (checker) */
} pat_op;

typedef struct pat_kernel_row {
    pat_span span;
    pat_name target;
    pat_name variant; /* NULL: none */
    pat_expr *when;     /* bound where this holds; NULL: always */
    pat_expr *supports; /* what the implementation can compute; NULL: all that `when` allows */
    pat_expr *workspace; /* bytes of memory that a launch works in; NULL: none */
    bool syncs;         /* it makes the host wait for the device: no part of a captured graph */
    bool reached;       /* by a rule (prover) */
} pat_kernel_row;
typedef struct pat_kernel {
    pat_span span, name_span;
    pat_name name;
    PAT_LIST(pat_kernel_row) rows;
    pat_op *op;
} pat_kernel;

typedef struct pat_param {
    pat_span span;
    pat_name name;
    bool optional, variadic, keyword;
    pat_expr *dflt;
} pat_param;
typedef struct pat_vocab_entry {
    pat_span span;
    pat_name foreign;        /* the string's text */
    uint32_t since;          /* @18; 0 without */
    PAT_LIST(pat_param) params;
    pat_exprs where;         /* name == literal */
    struct pat_vocab_entry *before; /* the last one of the same foreign name (checker) */
    pat_term *target;        /* PT_APPLY with PT_NAME / PT_NUMBER / PT_NONE / PT_SPLICE operands; NULL: drop */
    pat_op *op;              /* checker */
} pat_vocab_entry;
typedef struct pat_vocab { pat_span span; pat_name name; PAT_LIST(pat_vocab_entry) entries; } pat_vocab;

/* condition NAME(params) = expression: written out wherever NAME(...) stands in a condition */
typedef struct pat_condition {
    pat_span span, name_span;
    pat_name name;
    pat_terms params;     /* PT_NAME */
    pat_expr *value;
    bool used;
} pat_condition;

typedef struct pat_phase { pat_span span; pat_name name; bool quiet; uint32_t id; } pat_phase;

/* option NAME : bool = on at O1 requires a excludes b */
typedef struct pat_option {
    pat_span span, name_span;
    pat_name name;
    bool is_int;
    pat_expr *dflt;          /* on, off, true, false; an expression over int options; NULL: off or 0 */
    int level;               /* on from this optimisation level; 0: always */
    pat_terms requires, excludes; /* PT_NAME */
    uint32_t id;             /* order of declaration (checker) */
    bool used;
} pat_option;

/* pattern NAME(params; attrs) = alternative | alternative.  An alternative is a block of
 * statements and the term that stands for the result. */
typedef struct pat_alt { pat_span span; pat_stmts stmts; pat_term *value; pat_exprs where; } pat_alt;
typedef struct pat_pattern {
    pat_span span, name_span;
    pat_name name;
    pat_terms params;        /* PT_NAME with optional type */
    pat_terms attrs;         /* PT_NAME: captured attributes */
    PAT_LIST(pat_alt) alts;
    uint32_t id;             /* order of declaration (checker) */
    bool used;
} pat_pattern;

/* test "title" { D = 80; fires 0 because D }: the left side as a graph with these dims, attributes and dtypes */
typedef struct pat_test {
    pat_span span;
    pat_name title;
    PAT_LIST(pat_arg) binds;
    int64_t fires;
    pat_name because; pat_span because_span; /* NULL: no reason stated */
} pat_test;

typedef struct pat_rule {
    pat_span span, name_span;
    pat_exprs family;        /* for a in {x, y}: PE_IN; instances have none */
    pat_terms enabled;       /* PT_NAME: options */
    pat_exprs gate;          /* over tokens, world and options */
    PAT_LIST(pat_test) tests;
    const struct pat_rule *family_of; /* what this is an instance of; NULL */
    const char *instance;    /* its names: "norm = rms_norm, G = 64" */
    pat_name name;
    pat_name phase_name; pat_span phase_span; /* NULL: the first phase */
    pat_stmts match;
    pat_terms yield;         /* PT_NAME; names of the left side's results */
    pat_exprs where;
    pat_stmts replace;       /* defines every yielded name; y = x renames */
    pat_phase *phase;        /* checker */
    uint32_t id;             /* order of declaration (checker) */
} pat_rule;

/* The whole program, declarations in order over all files. */
typedef struct pat_program {
    PAT_LIST(pat_dtype_decl) dtypes;
    PAT_LIST(pat_enum) enums;
    PAT_LIST(pat_option) options;
    PAT_LIST(pat_op) ops;
    PAT_LIST(pat_condition) conditions;
    PAT_LIST(pat_kernel) kernels;
    PAT_LIST(pat_vocab) vocabs;
    PAT_LIST(pat_phase) phases;
    PAT_LIST(pat_pattern) patterns;
    PAT_LIST(pat_rule) rules;

    /* First declaration of each name (pat_index); words of enums (checker). */
    struct {
        pat_map dtypes, enums, options, ops, conditions, kernels, phases, patterns, words;
    } by_name;
} pat_program;

#endif
