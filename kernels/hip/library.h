/* Libraries that are looked for when they are asked for. */
#ifndef SLD_HIP_LIBRARY_H
#define SLD_HIP_LIBRARY_H

#include <dlfcn.h>
#include <stddef.h>

/* names: ended by NULL. NULL: none is there. */
static inline void *first_of(const char *const *names)
{
    void *found = NULL;
    for (; *names && !found; names++)
        found = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
    return found;
}

#endif
