/* Memory outside the arena. Its lack ends the program, as that of the arena does. */
#ifndef PAT_MEMORY_H
#define PAT_MEMORY_H

#include <stdio.h>

#include "arena.h"

/* p; the end of the program when it is NULL. */
void *pat_must(void *p);
/* The path of an existing file without links and dots, any other as it is. To be freed. */
char *pat_real_path(const char *path);

/* A stream into memory; open_memstream() drops what it has no room for, and tells nobody. */
typedef struct pat_printed { FILE *f; char *text; size_t n, cap; } pat_printed;
FILE *pat_print(pat_printed *p);
/* The text, with a zero behind its n bytes, is p->text then, and to be freed. */
void pat_print_end(pat_printed *p);
/* The same, kept in an arena. */
const char *pat_print_kept(pat_printed *p, pat_arena *a);

#endif
