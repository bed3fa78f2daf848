/* Ranks of one run: threads on the host, processes on an emulated device. */
#ifndef VERIFY_RANKS_H
#define VERIFY_RANKS_H

#include <pthread.h>

#include "verify.h"

/* Ranks are threads that wait for each other; one that is refused ends the wait of all. */
typedef struct ranks {
    pthread_mutex_t lock;
    pthread_cond_t all;
    uint32_t world, here, turn;
    bool broken;
    void *windows[VF_RANKS];
} ranks;
enum { WINDOW = 1 << 18 };

typedef struct rank {
    sld_comm comm; /* first: kernels hand it back */
    ranks *all;
    vf_side *side;
    const vf_data *in;
    vf_noise *noise;
    sld_tensor out[VF_OUTPUTS];
    sld_status status;
} rank;

const char *vf_meet(const sld_comm *c);
void vf_leave(ranks *a);
void *vf_run_rank(void *of); /* a rank */
void vf_keep(vf_results *to, const sld_tensor *t);
/* ---- forked.c ---- */
bool vf_run_forked(vf_side *s, const vf_data *in, vf_results *out);

#endif
