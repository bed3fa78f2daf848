/* Explanations of the codes of diagnostics. */
#ifndef PAT_WHY_H
#define PAT_WHY_H

#include <stdbool.h>
#include <stdio.h>

typedef struct pat_why {
    int code;
    const char *text;
    const char *wrong, *right; /* examples; NULL where the text says why there are none */
} pat_why;

/* Declarations before every example. */
extern const char pat_why_prelude[];
/* NULL for an unknown code. */
const pat_why *pat_find_why(int code);
/* Explains a code, written E0312 or 312; false when there is no such code. */
bool pat_explain_code(const char *code, FILE *out);

#endif
