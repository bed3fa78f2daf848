/* Files of tensors: written whole or not at all, and compared with what a run gave. */
#include "cli.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int cli_create(sld_ctx *ctx, const char *path, cli_file *file)
{
    struct stat st;
    size_t n = strlen(path) + 16;
    *file = (cli_file){.path = path};
    if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
        file->f = fopen(path, "wb");
    } else if ((file->tmp = sld__alloc(ctx, n))) {
        snprintf(file->tmp, n, "%s.XXXXXX", path);
        int fd = mkstemp(file->tmp);
        file->f = fd >= 0 ? fdopen(fd, "wb") : NULL;
        if (fd >= 0 && !file->f) {
            unlink(file->tmp);
            close(fd);
        }
    }
    if (file->f)
        return CLI_OK;
    int status = cli_fail("cannot write %s: %s", path, strerror(errno));
    sld__free(ctx, file->tmp);
    return status;
}

/* As a file that fopen() made would have. */
static int give_usual_mode(int fd)
{
    mode_t mask = umask(0);
    umask(mask);
    return fchmod(fd, 0666 & ~mask);
}

int cli_finish(sld_ctx *ctx, cli_file *file, bool ok)
{
    bool kept = ok && !fflush(file->f) && (!file->tmp || !give_usual_mode(fileno(file->f)));
    kept = !fclose(file->f) && kept;
    kept = kept && (!file->tmp || !rename(file->tmp, file->path));
    int status = kept ? CLI_OK : cli_fail("cannot write %s: %s", file->path, strerror(errno));
    if (!kept && file->tmp)
        unlink(file->tmp);
    sld__free(ctx, file->tmp);
    return status;
}

size_t cli_tensor_bytes(const sld_tensor *t)
{
    size_t n = sld_dtype_size((sld_dtype)t->dtype);
    for (uint32_t i = 0; i < t->rank; i++)
        n *= (size_t)t->dims[i];
    return n;
}

int cli_compare(sld_ctx *ctx, const sld_tensor *t, const char *path, cli_diff *diff)
{
    size_t size, want = cli_tensor_bytes(t);
    *diff = (cli_diff){0};
    char *bytes = sld__read_file(ctx, path, &size);
    if (!bytes)
        return cli_fail("%s", sld_error(ctx));
    if (size != want) {
        sld__free(ctx, bytes);
        return cli_fail("%s has %zu bytes, the output has %zu", path, size, want);
    }
    diff->n = want / sld_dtype_size((sld_dtype)t->dtype);
    for (size_t i = 0; i < diff->n; i++) {
        double a = sld__element_float(t->data, (sld_dtype)t->dtype, i);
        double b = sld__element_float(bytes, (sld_dtype)t->dtype, i);
        double d = a == b || (a != a && b != b) ? 0 : fabs(a - b);
        diff->nan |= !(d <= DBL_MAX);
        if (d > diff->largest) {
            diff->largest = d;
            diff->at = i;
        }
    }
    sld__free(ctx, bytes);
    return CLI_OK;
}
