/* A team whose threads are started by a function of pthread_create's kind. */
#ifndef SLD_TEAM_H
#define SLD_TEAM_H

#include <pthread.h>

#include "solder.h"

typedef int (*sld_start_fn)(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);

sld_team *sld__team_new(sld_ctx *ctx, uint32_t n, sld_start_fn start);

#endif
