/* See memory.h. */
#include "memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

void *pat_must(void *p)
{
    if (!p) {
        fprintf(stderr, "solderc: out of memory\n");
        exit(1);
    }
    return p;
}

char *pat_real_path(const char *path)
{
    char *real = realpath(path, NULL);
    return real || errno == ENOMEM ? pat_must(real) : pat_must(strdup(path));
}

static ssize_t append(void *to, const char *bytes, size_t n)
{
    pat_printed *p = to;
    if (p->cap - p->n <= n)
        p->text = pat_must(realloc(p->text, p->cap = (p->cap + n) * 2));
    memcpy(p->text + p->n, bytes, n);
    p->n += n;
    return (ssize_t)n;
}

FILE *pat_print(pat_printed *p)
{
    *p = (pat_printed){.text = pat_must(malloc(256)), .cap = 256};
    return p->f = pat_must(fopencookie(p, "w", (cookie_io_functions_t){.write = append}));
}

void pat_print_end(pat_printed *p)
{
    fclose(p->f);
    p->text[p->n] = 0;
}

const char *pat_print_kept(pat_printed *p, pat_arena *a)
{
    pat_print_end(p);
    const char *kept = pat_intern_in(a, p->text, p->n);
    free(p->text);
    return kept;
}
