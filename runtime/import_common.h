/* What readers of foreign formats share: a call with bound parameters becomes a node by a
 * vocabulary entry. */
#ifndef SLD_IMPORT_COMMON_H
#define SLD_IMPORT_COMMON_H

#include "graph.h"

typedef enum sld_bound_kind { SLD_BOUND_ABSENT, SLD_BOUND_VALUE, SLD_BOUND_LIST, SLD_BOUND_ATTR } sld_bound_kind;

/* What a call gives for one parameter. */
typedef struct sld_bound {
    sld_bound_kind kind;
    sld_value value;     /* VALUE */
    uint32_t n;          /* LIST: n values */
    sld_value *list;
    sld_attr attr;       /* ATTR */
} sld_bound;

typedef enum sld_applied { SLD_APPLIED, SLD_APPLY_OTHER, SLD_APPLY_FAILED } sld_applied;

/* Adds the node that the entry describes; *node is 0 for a dropped one. SLD_APPLY_OTHER: a guard does not hold or
 * a parameter is missing, so that another entry may apply. names as in sld_graph_add. */
sld_applied sld_vocab_apply(sld_graph *g, const sld_vocab_entry *e, const sld_bound *params, uint32_t n_out,
                            const char *const *names, sld_node *node);

/* Element types by their number in TensorProto.DataType of ONNX, and back; SLD_DTYPE_NONE / 0 when there is none. */
sld_dtype sld_onnx_dtype(int32_t number);
int32_t sld_onnx_dtype_number(sld_dtype t);

#endif
