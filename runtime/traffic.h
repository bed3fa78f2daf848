/* What running a graph moves, while rewrites change it. */
#ifndef SLD_TRAFFIC_H
#define SLD_TRAFFIC_H

#include "graph.h"

typedef struct sld_meter sld_meter;

/* symbols: values as sld_dim_eval takes them; they must outlive the meter. NULL when memory is short. */
sld_meter *sld__meter_new(sld_graph *g, const int64_t *symbols);
void sld__meter_free(sld_meter *m);
/* Told of each rewrite, looks at the nodes around it only. False when memory is short. */
bool sld__meter_follow(sld_meter *m, const sld_fuse_event *e);
sld_traffic sld__meter_read(const sld_meter *m);

#endif
