/* A reference of a program's declarations as Markdown. */
#ifndef PAT_DOC_H
#define PAT_DOC_H

#include "dsl.h"

/* The program is checked. Texts are the comments beside the declarations. */
void pat_write_doc(pat_session *s, const pat_program *p, FILE *out);

#endif
