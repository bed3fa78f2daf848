/* The formatter: one layout for all .pat files.  It works on tokens, so that what the author wrote stays. */
#ifndef PAT_FMT_H
#define PAT_FMT_H

#include "dsl.h"

/* Prints a file of the session in the standard layout; same: it has that already. Comments, line breaks and single
 * blank lines stay; lines over 110 columns are broken at their outermost commas. False, and nothing printed, when
 * the file has errors (the session knows them), or when reading the result gives other words, signs or comments (it
 * does not). */
bool pat_format(pat_session *s, uint32_t file, FILE *out, bool *same);

#endif
