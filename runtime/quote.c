/* Quoting for the text form: the escapes are those of C, \xNN for what has no letter. */
#include "quote.h"

#include <stdio.h>
#include <string.h>

bool sld__is_word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

bool sld__is_word_char(char c) { return sld__is_word_start(c) || (c >= '0' && c <= '9') || c == '.'; }

bool sld__is_word(const char *s)
{
    if (!sld__is_word_start(*s))
        return false;
    while (sld__is_word_char(*s))
        s++;
    return !*s;
}

static const char escaped[] = "\"\\\n\t\r", letters[] = "\"\\ntr";

size_t sld__quote(char *buf, size_t n, const char *s)
{
    size_t len = 0;
    char piece[5];
    for (size_t i = 0;; i++) {
        bool edge = i == 0 || !s[i - 1];
        char c = i ? s[i - 1] : '"';
        const char *e = edge ? NULL : strchr(escaped, c);
        if (edge)
            snprintf(piece, sizeof piece, "\"");
        else if (e)
            snprintf(piece, sizeof piece, "\\%c", letters[e - escaped]);
        else
            snprintf(piece, sizeof piece, (unsigned char)c < ' ' || c == 0x7f ? "\\x%02x" : "%c",
                     (unsigned char)c);
        for (const char *p = piece; *p; p++, len++)
            if (len + 1 < n)
                buf[len] = *p;
        if (i && edge)
            break;
    }
    if (n)
        buf[len < n ? len : n - 1] = '\0';
    return len;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The character of an escape behind its backslash; 0 when there is none such. */
static char unescape(const char **p, const char *end)
{
    if (*p == end)
        return 0;
    char c = *(*p)++;
    if (c == 'x') {
        int hi = end - *p < 2 ? -1 : hex_digit((*p)[0]), lo = hi < 0 ? -1 : hex_digit((*p)[1]);
        *p += lo < 0 ? 0 : 2;
        return (char)(lo < 0 ? 0 : hi * 16 + lo);
    }
    const char *l = c ? strchr(letters, c) : NULL;
    return l ? escaped[l - letters] : 0;
}

bool sld__unquote(const char **p, const char *end, char *out)
{
    if (*p == end || **p != '"')
        return false;
    for (++*p; *p < end && **p != '"';) {
        char raw = *(*p)++, c = raw == '\\' ? unescape(p, end) : raw;
        if (!c || raw == '\n')
            return false;
        *out++ = c;
    }
    *out = '\0';
    return *p < end && *(*p)++ == '"';
}
