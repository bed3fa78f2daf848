/* Ranks of one host, a process and a device each, as collective kernels reach them; see ranks.hip. */
#ifndef SLD_HIP_COMM_H
#define SLD_HIP_COMM_H

#include "reduce.h"
#include "sld_abi.h"

typedef struct gpu_comm {
    sld_comm comm;      /* the first member: launches hand it over */
    gpu_ranks ranks;
    void *nccl;         /* NULL: the library was not found */
} gpu_comm;

#ifdef __cplusplus
/* What the backend offers by these names in sld_device.h, the device being chosen. */
const char *ranks_join(const sld_comm *host, sld_comm **comm);
void ranks_leave(sld_comm *comm);
const char *ranks_missing(sld_comm *comm);
#endif

#endif
