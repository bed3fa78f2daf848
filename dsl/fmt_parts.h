/* What the parts of the formatter share: fmt_scan.c finds tokens, fmt.c makes lines, fmt_align.c prints them. */
#ifndef PAT_FMT_PARTS_H
#define PAT_FMT_PARTS_H

#include "source.h"

/* A token or a comment. */
typedef struct fmt_item {
    int type;               /* the scanner's, or FMT_COMMENT; 0: the end of the text */
    const char *text;
    uint32_t len;
    uint32_t newlines;      /* line ends before it */
    bool space;             /* something was between it and the item before */
    bool starts;            /* keyword that begins a declaration */
} fmt_item;
enum { FMT_COMMENT = -1 };
typedef struct fmt_items { fmt_item *at; uint32_t n; } fmt_items; /* at[n] is the end */

/* The tokens and comments of a text without errors. */
fmt_items pat_fmt_scan(pat_session *s, const char *text, uint32_t size);
/* Whether b stands apart from a on one line; unary: a is a sign before its operand; set: braces of a set. */
bool pat_fmt_space(const fmt_item *a, const fmt_item *b, bool unary, bool set);
/* Signs and words that want something behind them on the same level. */
bool pat_fmt_is_open(const fmt_item *a);
/* Signs and words that continue what stands before them. */
bool pat_fmt_continues(const fmt_item *a);

/* A line of output. */
typedef struct fmt_line {
    const char *text;
    uint32_t len;           /* of the code */
    int kind;               /* of a declaration that is whole on this line: its keyword's token; 0: other */
    uint32_t column;        /* of a kind: where the part begins that stands below each other */
    const char *comment;    /* behind the code, NULL: none */
    uint32_t comment_len;
} fmt_line;
typedef struct fmt_lines { fmt_line *at; uint32_t n; } fmt_lines;

/* Prints lines, with the columns of lines that follow each other aligned. */
void pat_fmt_print(pat_session *s, fmt_lines lines, FILE *out);

#endif
