/* A left side laid over another: its nodes and values on those of the other, its names read there. */
#ifndef PAT_OVERLAY_H
#define PAT_OVERLAY_H

#include "checker.h"
#include "expand.h"

typedef struct o_scope { x_scope *from, *to; } o_scope;

typedef struct o_map {
    pat_arena *arena;
    const x_variant *of;
    x_val **vals;            /* by x_val.id, what it lies on; NULL: nothing yet */
    x_node **nodes;          /* by x_node.id - 1, likewise */
    PAT_LIST(o_scope) scopes;
} o_map;

o_map o_open(pat_arena *arena, const x_variant *of);
/* The scope with the values in it replaced by what they lie on, once all do. */
x_scope *o_scope_of(o_map *m, x_scope *scope);

#endif
