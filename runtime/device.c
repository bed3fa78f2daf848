/* Devices: the backend is a shared library, looked for where SOLDER_DEVICE says, where the loader looks, and in lib/
 * beside the folder of the program. */
#include "plan.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libsolder_hip.so"

struct sld_device {
    sld_ctx *ctx;
    void *library, *device;
    const sld_device_api *api;
    const sld_comm *host;   /* ranks that were joined, and */
    sld_comm *comm;         /* as the device has them; or NULL */
};

const sld_device_api *sld__device_api(const sld_device *d) { return d->api; }
void *sld__device_of(const sld_device *d) { return d->device; }

bool sld__device_failed(sld_ctx *ctx, const sld_device *d, const char *why)
{
    if (why)
        sld__fail(ctx, SLD_ERR_KERNEL, "%s: %s", d->api->name, why);
    return why != NULL;
}

static void *beside_program(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - sizeof "/../lib/" LIBRARY);
    char *slash = n > 0 ? (path[n] = 0, strrchr(path, '/')) : NULL;
    if (!slash)
        return NULL;
    strcpy(slash, "/../lib/" LIBRARY);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static void *find_library(sld_ctx *ctx)
{
    const char *named = getenv("SOLDER_DEVICE");
    void *library = named && *named ? dlopen(named, RTLD_NOW | RTLD_LOCAL) : dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (library)
        return library;
    const char *why = dlerror();
    char text[300];
    snprintf(text, sizeof text, "%s", why ? why : "");
    if (named && *named)
        sld__fail(ctx, SLD_ERR_IO, "SOLDER_DEVICE: %s", text);
    else if (!(library = beside_program()))
        sld__fail(ctx, SLD_ERR_IO, "no GPU backend: " LIBRARY " was not found (make hip builds it)");
    return library;
}

/* Answers whether the library speaks this version and has the device. */
static bool open_device(sld_device *d, int index)
{
    const sld_device_api *(*entry)(void) = NULL;
    *(void **)&entry = dlsym(d->library, "sld_device_entry");
    d->api = entry ? entry() : NULL;
    if (!d->api || d->api->abi != SLD_DEVICE_ABI) {
        sld__fail(d->ctx, SLD_ERR_ABI, "the GPU backend was built for another version of Solder");
        return false;
    }
    return !sld__device_failed(d->ctx, d, d->api->open(index, &d->device));
}

sld_device *sld_device_open(sld_ctx *ctx, int index)
{
    sld__clear(ctx);
    sld_device *d = sld__alloc(ctx, sizeof *d);
    if (!d)
        return NULL;
    *d = (sld_device){.ctx = ctx, .library = find_library(ctx)};
    if (d->library && open_device(d, index))
        return d;
    sld_device_close(d);
    return NULL;
}

void sld_device_close(sld_device *d)
{
    if (!d)
        return;
    if (d->comm)
        d->api->leave(d->device, d->comm);
    if (d->device)
        d->api->close(d->device);
    if (d->library)
        dlclose(d->library);
    sld__free(d->ctx, d);
}

sld_status sld__device_join(sld_device *d, const sld_comm *comm, const sld_comm **out)
{
    *out = NULL;
    if (!comm || comm->world < 2)
        return SLD_OK;
    if (d->comm && d->host != comm)
        return sld__fail(d->ctx, SLD_ERR_KERNEL, "the device has joined other ranks");
    if (!d->comm && sld__device_failed(d->ctx, d, d->api->join(d->device, comm, &d->comm))) {
        d->comm = NULL;
        return SLD_ERR_KERNEL;
    }
    d->host = comm;
    *out = d->comm;
    return SLD_OK;
}

const char *sld__device_missing(const sld_device *d) { return d->comm ? d->api->missing(d->device, d->comm) : NULL; }

sld_kernel_fn sld__device_kernel(const sld_device *d, const char *symbol)
{
    sld_kernel_fn fn;
    *(void **)&fn = dlsym(d->library, symbol);
    return fn;
}

const char *sld_device_text(const sld_device *d) { return d->api->describe(d->device); }
