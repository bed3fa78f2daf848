/* Symbolic dims, as dims.c keeps them and dims_text.c reads and writes them.
 *
 * A dim that is no integer is a polynomial: a sum of terms, each a coefficient times atoms.  An
 * atom is a symbol or an interned quotient, remainder, minimum or maximum of two dims.  The order
 * of terms and atoms follows from what they are, not from when they were made, so that a graph
 * read back from its text has the same normal forms. */
#ifndef SLD_DIMS_H
#define SLD_DIMS_H

#include "table.h"

/* Limits that no shape comes near; beyond them arithmetic answers SLD_SYM_NONE. They bound the time
 * that printing and evaluating can take, whatever a file says. */
enum { SLD_SYM_DEGREE = 12, SLD_SYM_TERMS = 64, SLD_SYM_DEPTH = 32, SLD_SYM_WEIGHT = 4096 };

typedef struct sld_sym_term {
    int64_t c;
    uint32_t n;                 /* number of atoms; 0: the constant */
    uint32_t f[SLD_SYM_DEGREE]; /* ascending */
} sld_sym_term;

typedef enum sld_atom_kind {
    SLD_ATOM_SYMBOL,
    SLD_ATOM_DIV,
    SLD_ATOM_MOD,
    SLD_ATOM_MIN,
    SLD_ATOM_MAX
} sld_atom_kind;

typedef struct sld_atom {
    sld_atom_kind kind;
    uint32_t symbol;            /* SYMBOL: its number */
    char *name;                 /* SYMBOL */
    sld_dim a, b;               /* the others */
    int64_t lo, hi;
    uint32_t depth, weight;     /* nesting, and leaves when written out */
} sld_atom;

typedef struct sld_sym_stored { uint32_t first, n, depth, weight; } sld_sym_stored;

struct sld_symbols {
    SLD_ARRAY(sld_atom) atoms;       /* ids count from 1: atom i is at[i - 1] */
    SLD_ARRAY(sld_sym_stored) polys; /* likewise */
    SLD_ARRAY(sld_sym_term) terms;
    SLD_ARRAY(uint32_t) symbols;     /* atom of each symbol */
    sld_table atom_table, poly_table;
};

/* A polynomial outside the table. */
typedef struct sld_poly { uint32_t n; sld_sym_term t[SLD_SYM_TERMS]; } sld_poly;

#define SLD_UNBOUNDED_LO (INT64_MIN + 1)
#define SLD_UNBOUNDED_HI INT64_MAX

typedef struct sld_range { int64_t lo, hi; } sld_range;

sld_symbols *sld__symbols_new(sld_ctx *ctx);
void sld__symbols_free(sld_ctx *ctx, sld_symbols *s);
/* True for integers and for handles that belong to the graph. */
bool sld__dim_valid(const sld_graph *g, sld_dim d);
/* False for a handle that does not belong to the graph. */
bool sld__dim_load(const sld_graph *g, sld_dim d, sld_poly *p);
/* p += scale * q; false on overflow. */
bool sld__poly_add_scaled(const sld_graph *g, sld_poly *p, const sld_poly *q, int64_t scale);
sld_range sld__poly_bounds(const sld_graph *g, const sld_poly *p);
/* Divides both by what all their coefficients have in common, and answers that. */
int64_t sld__poly_cancel(sld_poly *a, sld_poly *b);
static inline const sld_atom *sld__atom(const sld_graph *g, uint32_t id)
{
    return &g->symbols->atoms.at[id - 1];
}
/* Range of symbol i, as sld_dim_n_symbols counts. */
void sld_dim_symbol_range(const sld_graph *g, uint32_t i, int64_t *lo, int64_t *hi);
/* Gives a symbol another range, and what follows from it: types stay as they were inferred. */
void sld__dim_set_range(sld_graph *g, sld_dim symbol, int64_t lo, int64_t hi);
/* The dim of a symbol that exists, or SLD_SYM_NONE without an error. */
sld_dim sld__dim_find(sld_graph *g, const char *name);
/* Rounds towards minus infinity; b is neither 0 nor -1. */
static inline int64_t sld__floor_div(int64_t a, int64_t b) { return a / b - (a % b && (a < 0) != (b < 0)); }

/* ---- dims_text.c ---- */
/* Reads the longest expression at *text and moves it on. New names become symbols with range [lo, hi]
 * when `fresh`. SLD_SYM_NONE and an error on bad text. */
sld_dim sld__dim_read(sld_graph *g, const char **text, const char *end, bool fresh, int64_t lo, int64_t hi);

#endif
