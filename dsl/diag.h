/* Codes of the diagnostics.  They are stable: a code is never given to another message. */
#ifndef PAT_DIAG_H
#define PAT_DIAG_H

typedef enum pat_code {
#define X(code, id, title) E_##id = code,
#include "diag.def"
#undef X
} pat_code;

/* Short title of a code, NULL when there is none. */
const char *pat_code_title(int code);

#endif
