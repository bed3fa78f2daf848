/* JSON: strings written, texts read. */
#ifndef PAT_JSON_H
#define PAT_JSON_H

#include <stdio.h>

/* Writes s as a JSON string; bytes that are no UTF-8 become U+FFFD. */
void pat_json_string(FILE *out, const char *s);

#endif
