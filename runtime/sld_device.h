/* What a GPU backend offers the runtime: a shared library, found when it is asked for, so that
 * neither libsolder nor what links it needs HIP or CUDA.
 *
 * Functions that can fail answer NULL or a constant text that says what went wrong. Work is put on the device's one
 * stream in the order of the calls. Pointers to memory are the device's unless a comment says otherwise. */
#ifndef SLD_DEVICE_H
#define SLD_DEVICE_H

#include <stddef.h>

#include "sld_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLD_DEVICE_ABI 3

typedef struct sld_device_api {
    uint32_t abi;           /* SLD_DEVICE_ABI */
    const char *name;       /* "HIP", "CUDA", "emulation" */

    /* Device `index`, counted from 0, with a stream of its own. */
    const char *(*open)(int index, void **device);
    void (*close)(void *device);
    const char *(*describe)(void *device); /* its name and memory; lives as long as the device */
    int (*units)(void *device);            /* its compute units */
    void *(*stream)(void *device);

    const char *(*alloc)(void *device, size_t bytes, void **at); /* 256-byte aligned */
    void (*release)(void *device, void *at);
    /* From and to memory of the host. upload may return before the bytes are there; the host's may be changed then.
     * download waits. */
    const char *(*upload)(void *device, void *to, const void *from, size_t bytes);
    const char *(*download)(void *device, void *to, const void *from, size_t bytes);
    const char *(*wait)(void *device);

    /* Between the two, launches are written down instead of done; nothing else may be called. A graph is done again by
     * each replay. */
    const char *(*begin_capture)(void *device);
    const char *(*end_capture)(void *device, void **graph);
    const char *(*replay)(void *device, void *graph);
    void (*drop)(void *device, void *graph);

    /* Time between two marks on the stream, in seconds; waits for the second. which: 0, 1. */
    const char *(*mark)(void *device, int which);
    const char *(*elapsed)(void *device, double *seconds);

    /* The ranks of `host` as kernels here reach them, over the memory of their devices: for launches. All ranks call it
     * at the same time, each a process with a device of its own, and leave before their device is closed. */
    const char *(*join)(void *device, const sld_comm *host, sld_comm **comm);
    void (*leave)(void *device, sld_comm *comm);
    /* The work on the stream being done: a rank for which it waited in vain, or NULL. Results are undefined then, and
     * those of all later sums. */
    const char *(*missing)(void *device, sld_comm *comm);
} sld_device_api;

/* What the library exports beside kernels under the symbols of the generated tables, such as sld_hip_rms_norm. Their
 * launches hold pointers to the device's memory, and its stream, and they do not wait; sld_hip_copy copies operand 0 to
 * result 0. */
const sld_device_api *sld_device_entry(void);

#ifdef __cplusplus
}
#endif
#endif
