/* Columns of lines that follow each other: short declarations of one kind, and comments behind code. */
#include <string.h>

#include "fmt_parts.h"

enum { WIDEST_COLUMN = 40, WIDEST_LINE = 118, APART = 2 };

static uint32_t width(const char *text, uint32_t len)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < len; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

/* Moves what stands at the line's column to a column further right. */
static void move(pat_session *s, fmt_line *line, uint32_t column)
{
    uint32_t by = column - line->column, from = 0;
    for (uint32_t at = 0; at < line->column; at++)
        do
            from++;
        while (((unsigned char)line->text[from] & 0xc0) == 0x80);
    char *text = pat_alloc(s->arena, line->len + by + 1);
    memcpy(text, line->text, from);
    memset(text + from, ' ', by);
    memcpy(text + from + by, line->text + from, line->len - from);
    line->text = text;
    line->len += by;
}

static void align_columns(pat_session *s, fmt_lines lines)
{
    for (uint32_t i = 0, j; i < lines.n; i = j) {
        uint32_t column = 0;
        for (j = i; j < lines.n && lines.at[j].kind == lines.at[i].kind; j++)
            if (lines.at[j].column <= WIDEST_COLUMN && lines.at[j].column > column)
                column = lines.at[j].column;
        for (uint32_t k = i; k < j && lines.at[i].kind; k++)
            if (lines.at[k].column < column)
                move(s, &lines.at[k], column);
    }
}

static void print_line(const fmt_line *line, uint32_t comments_at, FILE *out)
{
    uint32_t at = width(line->text, line->len);
    fprintf(out, "%.*s", (int)line->len, line->text);
    if (line->comment)
        fprintf(out, "%*s%.*s", (int)(comments_at > at + APART ? comments_at - at : APART), "",
                (int)line->comment_len, line->comment);
    fputc('\n', out);
}

/* The column of the comments of the lines from i to before j; 0 when they do not fit in one. */
static uint32_t comment_column(fmt_lines lines, uint32_t i, uint32_t j)
{
    uint32_t column = 0, widest = 0;
    for (; i < j; i++) {
        uint32_t code = width(lines.at[i].text, lines.at[i].len);
        uint32_t comment = width(lines.at[i].comment, lines.at[i].comment_len);
        column = code + APART > column ? code + APART : column;
        widest = comment > widest ? comment : widest;
    }
    return column + widest <= WIDEST_LINE ? column : 0;
}

void pat_fmt_print(pat_session *s, fmt_lines lines, FILE *out)
{
    align_columns(s, lines);
    for (uint32_t i = 0, j; i < lines.n; i = j) {
        for (j = i; j < lines.n && lines.at[j].comment; j++)
            continue;
        uint32_t column = comment_column(lines, i, j);
        for (; i < j; i++)
            print_line(&lines.at[i], column, out);
        for (; j < lines.n && !lines.at[j].comment; j++)
            print_line(&lines.at[j], 0, out);
    }
}
