/* The comments that belong to a declaration. */
#ifndef PAT_COMMENT_H
#define PAT_COMMENT_H

#include "source.h"

typedef PAT_LIST(const char) pat_lines;

/* Lines of the comment right above a declaration, or else of the one behind it on its last line, without '#' and
 * the space after it. Headings such as `# ---- shape ----` are none. */
pat_lines pat_comment_of(pat_session *s, pat_span span);
/* Lines of the comment at the head of a file. */
pat_lines pat_comment_of_file(pat_session *s, uint32_t file);

#endif
