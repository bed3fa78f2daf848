/* Symbolic sizes and shapes: what the prover computes with. Internal to the front end.
 *
 * A size is a polynomial with integer coefficients over atoms: dim variables and applications of functions that
 * have no polynomial form (H / 2). A shape is a list of sizes and segments, where a segment stands for any
 * number of dims: a rank variable, or the dims that a function gives. What the left side of a rule makes known
 * binds atoms and segments, or becomes an equation or an inequality; a proof normalises and compares. All of it
 * is sound and none of it complete: "not proved" does not mean false. */
#ifndef PAT_SYM_H
#define PAT_SYM_H

#include "source.h"

typedef struct s_ctx s_ctx;

/* coef times the product of atoms, ascending; an atom may repeat. */
typedef struct s_mono { int64_t coef; uint32_t n; const uint32_t *atoms; } s_mono;
/* Sum of monomials in a fixed order; 0 has none. */
typedef struct s_poly { uint32_t n; const s_mono *at; } s_poly;

typedef struct s_elem { bool seg; uint32_t id; s_poly dim; } s_elem;
typedef struct s_shape { uint32_t n; const s_elem *at; } s_shape;

/* An argument or a value: a number, a list of them (a shape), or a dtype. */
typedef enum s_kind { S_NONE, S_NUM, S_LIST, S_DTYPE } s_kind;
typedef struct s_val { s_kind kind; s_poly num; s_shape list; uint32_t dtype; } s_val;

typedef enum s_fn {
    S_FLOORDIV, S_MOD, S_MIN, S_MAX, S_BROADCAST_DIM, S_SLICE_LENGTH, S_NUMEL, S_RANK, S_OTHER_NUMBER,
    S_PERMUTE, S_COMPOSE, S_OTHER_LIST
} s_fn;

/* ---- sym.c: sizes ---- */
s_ctx *s_open(pat_session *s);
void s_close(s_ctx *c);
s_poly s_const(s_ctx *c, int64_t i);
bool s_is_const(s_poly p, int64_t *i);
/* A new variable. fresh: made by the prover, bound rather than one the user named. */
s_poly s_var(s_ctx *c, pat_name name, bool fresh, bool nonneg);
s_poly s_add(s_ctx *c, s_poly a, s_poly b);
s_poly s_sub(s_ctx *c, s_poly a, s_poly b);
s_poly s_mul(s_ctx *c, s_poly a, s_poly b);
/* With everything known put in. */
s_poly s_resolve(s_ctx *c, s_poly p);
s_poly s_apply(s_ctx *c, s_fn fn, pat_name name, uint32_t n, const s_val *args);
s_poly s_apply2(s_ctx *c, s_fn fn, s_poly a, s_poly b);

/* Makes known that p is 0, or not negative, or a multiple of c, or one of a few numbers. */
void s_assume_zero(s_ctx *c, s_poly p);
void s_assume_nonneg(s_ctx *c, s_poly p);
void s_assume_multiple(s_ctx *c, s_poly p, s_poly of);
void s_assume_in(s_ctx *c, s_poly p, uint32_t n, const int64_t *set);

bool s_prove_zero(s_ctx *c, s_poly p);
bool s_prove_nonneg(s_ctx *c, s_poly p);
bool s_prove_multiple(s_ctx *c, s_poly p, s_poly of);
static inline bool s_prove_equal(s_ctx *c, s_poly a, s_poly b) { return s_prove_zero(c, s_sub(c, a, b)); }
/* Tries every value of atoms that are one of a few numbers. */
bool s_by_cases(s_ctx *c, bool (*holds)(void *), void *of);

/* Gives an atom or segment that nothing is known of a value, until it is undone. */
void s_set(s_ctx *c, uint32_t atom, int64_t value);
void s_set_segment(s_ctx *c, uint32_t segment, s_shape value);
/* Everything that was assumed holds for the values that were set; false when something is still open. */
bool s_consistent(s_ctx *c);

/* A fact that would make p zero: "D % 2 == 0"; NULL when none is found. */
const char *s_missing(s_ctx *c, s_poly p);
/* p >= 0 with all signs positive: "A*B >= 1" */
const char *s_missing_bound(s_ctx *c, s_poly p);

/* Undoes what was assumed since the mark. */
typedef struct s_mark { uint32_t trail, seg_trail, equations, inequalities; } s_mark;
s_mark s_save(s_ctx *c);
void s_undo(s_ctx *c, s_mark m);

/* ---- shapes.c ---- */
s_shape s_segment(s_ctx *c, pat_name name, bool fresh);
s_shape s_dims(s_ctx *c, uint32_t n, const s_poly *dims);
s_shape s_join(s_ctx *c, s_shape a, s_shape b);
s_shape s_cut(s_shape s, uint32_t from, uint32_t to);
s_shape s_with(s_ctx *c, s_shape s, uint32_t at, s_poly dim);
s_shape s_resolve_shape(s_ctx *c, s_shape s);
s_val s_resolve_val(s_ctx *c, s_val v);
bool s_same_val(s_val a, s_val b);
/* Number of dims at the end of s; on the left a segment there is opened so that there are `want`. */
uint32_t s_trailing(s_ctx *c, s_shape *s, uint32_t want, bool left);
s_poly s_numel(s_ctx *c, s_shape s);
s_poly s_rank(s_ctx *c, s_shape s);
void s_assume_same(s_ctx *c, s_shape a, s_shape b);
bool s_prove_same(s_ctx *c, s_shape a, s_shape b);
void s_assume_identity(s_ctx *c, s_shape list); /* a permutation that changes nothing */
bool s_is_identity(s_ctx *c, s_shape list);
void s_assume_rank(s_ctx *c, s_shape s, uint32_t least, bool exactly);
s_shape s_apply_list(s_ctx *c, s_fn fn, pat_name name, uint32_t n, const s_val *args);

/* ---- shape_calls.c: the shape functions of LANGUAGE.md ---- */
/* left: the call stands in a graph that is valid, so that what it needs may be assumed. Otherwise what it needs
 * and cannot be proved is left in *unproved: the reason in words, a size that must be 0 or one that must not be
 * negative, or a call that may be undefined. A call that cannot be worked out is defined when the left side makes it as
 * well; numbers: all sizes are known, and what is not worked out is not asked. part: of the results, for split. */
typedef struct s_need { s_poly zero, nonneg; s_val undefined; const char *why; bool numbers; } s_need;
typedef struct s_part { uint32_t index, of; } s_part;
/* One that is equal only to the same call. */
s_val s_call_itself(s_ctx *c, const char *name, uint32_t n, const s_val *args, bool left, s_need *unproved);
s_val s_call(s_ctx *c, const char *name, uint32_t n, const s_val *args, s_part part, bool left, s_need *unproved);

/* ---- sym_text.c ---- */
const char *s_text(s_ctx *c, s_poly p);
const char *s_shape_text(s_ctx *c, s_shape s); /* "T, H*D" */

/* ---- inside ---- */
typedef struct s_atom {
    pat_name name;
    bool fresh, bound, nonneg, function;
    int64_t min, max;        /* max INT64_MAX: none */
    s_poly value;            /* bound */
    s_fn fn;
    uint32_t n_args;
    const s_val *args;
    uint32_t n_set;
    const int64_t *set;      /* NULL: any number */
    s_poly base, divisor;    /* a quotient that stands for base / divisor: how to print it */
} s_atom;
typedef struct s_seg {
    pat_name name;
    bool fresh, bound, identity, function;
    s_shape value;
    s_fn fn;
    uint32_t n_args;
    const s_val *args;
} s_seg;

struct s_ctx {
    pat_session *session;
    pat_arena *arena;        /* freed with the context */
    PAT_LIST(s_atom) atoms;
    PAT_LIST(s_seg) segs;
    PAT_LIST(s_poly) equations, inequalities; /* = 0, >= 0 */
    PAT_LIST(s_atom) trail;                   /* atoms that were bound, in order */
    PAT_LIST(s_seg) seg_trail;                /* segments likewise */
    bool contradiction;      /* what is assumed can never hold */
    uint32_t work;           /* additions so far: proofs give up at some number */
    uint32_t depth;          /* of resolving: definitions do not nest deeper */
    bool reducing;           /* equations are being used */
};

#endif
