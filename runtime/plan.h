/* A plan as the files that build and run it see it. */
#ifndef SLD_PLAN_H
#define SLD_PLAN_H

#include "graph.h"
#include "sld_device.h"

/* One launch of a plan. */
typedef struct sld_step {
    sld_kernel_fn fn;
    const sld_kernel_row *row;   /* NULL: a copy */
    sld_node node;
    uint32_t copy_of;     /* 1 + the operand of the node whose next version this copy starts; 0: the node's launch */
    uint32_t work;        /* 1 + the buffer that it works in; 0: none of the arena */
    sld_launch args;
} sld_step;

/* A tensor that shows an input. */
typedef struct sld_patch { uint32_t tensor, input; } sld_patch;

/* Where an input or output of a plan for a device lies there; outputs have a copy on the host. */
typedef struct sld_port { void *at, *host; size_t size; } sld_port;

struct sld_plan {
    sld_ctx *ctx;
    sld_graph *g;         /* concrete, the plan's own: shapes, attributes and names */
    sld_plan_info info;
    sld_caches caches;
    uint32_t n_patches, n_tensors, n_steps;
    sld_step *steps;
    sld_tensor *tensors;  /* operands and results of each launch, then the outputs */
    sld_patch *patches;

    sld_device *device;   /* NULL: the host; then what follows is unused */
    void *memory;         /* of the device: the arena with the inputs */
    void *constants;      /* of the device */
    void *captured;       /* NULL: launches are made one after another */
    sld_port *ports;      /* of inputs, then of outputs */
    char *stage;          /* memory of the host for launches that run there */
};

/* "node 'x' (op): text" */
sld_status sld__fail_node(const sld_graph *g, sld_node n, const char *text);

/* ---- device.c ---- */
const sld_device_api *sld__device_api(const sld_device *d);
void *sld__device_of(const sld_device *d); /* the first argument of the api's functions */
/* The same ranks as the device's kernels reach them; those of a device are joined once. */
sld_status sld__device_join(sld_device *d, const sld_comm *comm, const sld_comm **out);
/* A rank that the device waited for in vain, or NULL. */
const char *sld__device_missing(const sld_device *d);
/* NULL: the backend has none of that name. */
sld_kernel_fn sld__device_kernel(const sld_device *d, const char *symbol);
/* Whether a text was answered; it becomes the error. */
bool sld__device_failed(sld_ctx *ctx, const sld_device *d, const char *why);

/* ---- plan_device.c ---- */
/* Whether a launch runs on the host, in between. */
bool sld__on_host(const sld_plan *p, const sld_step *s);
/* Kernels of the steps, memory of the host for those without one. */
sld_status sld__device_prepare(sld_plan *p);
sld_status sld__device_run(sld_plan *p, const void *const *inputs, sld_tensor *outputs);
void sld__device_clear(sld_plan *p);

#endif
