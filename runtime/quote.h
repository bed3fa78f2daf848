/* Names and strings in text: plain where they read as one word, else quoted with escapes. */
#ifndef SLD_QUOTE_H
#define SLD_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

/* Letters, digits, '_' and '.', bytes from 0x80; not first a digit or '.'. */
bool sld__is_word_start(char c);
bool sld__is_word_char(char c);
/* A word of these, as symbols of dims and enum values are written. */
bool sld__is_word(const char *s);
/* Writes s in quotes, at most n bytes like snprintf. */
size_t sld__quote(char *buf, size_t n, const char *s);
/* Reads a quoted string at *p, moves *p behind it and writes the text with its NUL to out, which has room
 * for as many bytes as the quoted form. False on a bad escape or a missing quote. */
bool sld__unquote(const char **p, const char *end, char *out);

#endif
