/* What the parts of the torch FX reader share: the file as JSON (fx_json.c), the tensors that
 * names stand for and the memory that they share (fx_memory.c), calls brought to our ops by the
 * vocabulary (fx_call.c), nodes one after the other (fx_import.c). */
#ifndef SLD_FX_H
#define SLD_FX_H

#include <jansson.h>

#include "graph.h"
#include "infer.h"
#include "table.h"

/* A recorded type; dtype SLD_DTYPE_NONE: the graph records no tensor. */
typedef struct fx_type {
    uint8_t dtype, rank;
    sld_dim dims[SLD_RANK_MAX];
} fx_type;

typedef struct fx_types { uint32_t n; bool tuple; fx_type *at; } fx_types; /* at: the caller sld__free()s */

typedef enum fx_memory {
    FX_OWN,   /* memory of its own */
    FX_VIEW,  /* shares the memory of base; writes can be followed */
    FX_MAYBE, /* may share it, or writes cannot be followed */
} fx_memory;

enum { FX_DEPTH_MAX = 64 }; /* views of views that writes are followed through */

/* One torch tensor. Its value changes when the tensor, or one that shares its memory, is written to. */
typedef struct fx_tensor {
    sld_value value;   /* 0: the graph records no tensor */
    uint32_t base;     /* tensor whose memory is shared; 0 for FX_OWN */
    uint32_t root;     /* where the chain of bases ends; 0 for FX_OWN */
    uint32_t depth;    /* length of that chain */
    uint32_t seen;     /* writes to the memory that value knows of */
    uint32_t writes;   /* FX_OWN: writes so far */
    fx_memory memory;
    bool input;
    json_t *call;      /* FX_VIEW: the node that made it */
    const char *name;
} fx_tensor;

/* What a node's name stands for: one tensor, or those of a multi-result node. */
typedef struct fx_name { const char *text; uint32_t first, n; bool tuple; } fx_name;

typedef struct fx_import {
    sld_graph *g;
    const sld_vocab *vocab, *writes;
    const char *file;            /* with its key, for messages */
    char where[512];             /* "file: node 'name'" */
    SLD_ARRAY(fx_tensor) tensors; /* [0] unused */
    SLD_ARRAY(fx_name) names;    /* [0] unused */
    SLD_ARRAY(sld_dim) symbols;  /* that a symbolic input has taken */
    sld_table table;             /* names by text */
} fx_import;

sld_status fx_fail(fx_import *im, sld_status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- fx_json.c ---- */
/* Reads, unpacks and parses a file; NULL with an error set. */
json_t *fx_load(sld_ctx *ctx, const char *path);
/* A number that JSON has no spelling for: true for inf, -inf and nan. */
bool fx_nonfinite(const char *text, double *out);
/* "torch.float32" -> SLD_F32. */
uint8_t fx_dtype(const char *text);
const char *fx_dtype_name(uint8_t dtype); /* "float32" */
/* Parses a recorded `val`; out->at is to be freed even on error. */
sld_status fx_read_types(fx_import *im, json_t *val, fx_types *out);
void fx_print_type(fx_import *im, const fx_type *t, char *buf, size_t n);
/* The name in {"n": NAME}, NULL for anything else; the text in {"s": TEXT} likewise. */
const char *fx_ref(json_t *j);
const char *fx_text(json_t *j);

/* ---- fx_memory.c ---- */
/* The name's record, NULL with an error set. */
const fx_name *fx_find(fx_import *im, const char *name);
/* Declares a name over tensors [first, first + n). */
sld_status fx_declare(fx_import *im, const char *name, uint32_t first, uint32_t n, bool tuple);
/* A new tensor; 0 with an error set. */
uint32_t fx_add_tensor(fx_import *im, fx_tensor t);
/* The value of a tensor or of what a name stands for, with all writes so far; 0 with an error set. */
sld_value fx_current(fx_import *im, uint32_t t);
sld_value fx_operand(fx_import *im, const char *name);
/* From here on the tensor has this value, and so do all that share its memory. */
sld_status fx_write(fx_import *im, uint32_t t, sld_value v);
/* What the caller's memory would hold after writes to inputs becomes outputs: the last version of each. */
sld_status fx_add_written(fx_import *im);
/* A tensor of its own, or one that shares the memory of base as the target says; base 0: nothing to share. */
fx_tensor fx_result(const fx_import *im, const char *target, uint32_t base, sld_value v);
/* Whether a target writes to its first argument: torch ends the names of such ops with "_". */
bool fx_in_place(const char *target);

/* ---- fx_call.c ---- */
typedef struct fx_call {
    const sld_vocab *vocab;
    const char *target, *name; /* name NULL: results are not named */
    json_t *args, *kwargs;     /* of the node */
    uint32_t skip;             /* args that are not operands */
    sld_value src;             /* placed before the arguments; 0: none */
    const fx_types *types;     /* recorded results */
} fx_call;

/* Adds the call as a node. first: its first result, n of them; a call that is left out has none. */
sld_status fx_add_call(fx_import *im, const fx_call *c, sld_value *first, uint32_t *n);
/* The call that an FX node describes; types must outlive it. */
fx_call fx_call_of(fx_import *im, json_t *node, const char *name, const fx_types *types);

/* Results of ours that the foreign op does not have stand last, and nothing need read them. */
static inline uint32_t fx_foreign(const sld_op_info *op, uint32_t n)
{
    while (n > 1 && op->optional_results >> (n - 1) & 1)
        n--;
    return n;
}

#endif
