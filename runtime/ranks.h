/* Processes that mpirun starts on one machine, as the ranks of collective ops. Built where OpenMPI is found
 * (SLD_HAVE_MPI); nothing else in the library calls this. */
#ifndef SLD_RANKS_H
#define SLD_RANKS_H

#include "solder.h"

typedef struct sld_ranks sld_ranks;

/* Joins the other processes. patience: seconds after which a rank that does not come is an error, here and in every
 * rendezvous. NULL and an error of the context otherwise. The process hears SIGALRM and SIGTERM from then on. */
sld_ranks *sld_ranks_join(sld_ctx *ctx, uint32_t patience);
/* For sld_plan_join. */
const sld_comm *sld_ranks_comm(const sld_ranks *r);
/* NULL when all ranks bring the same number, else who does not. */
const char *sld_ranks_agree(sld_ranks *r, uint64_t what);
/* ok: this rank has done what it should; otherwise the others stop waiting for it. */
void sld_ranks_leave(sld_ranks *r, bool ok);

#endif
