#include "comment.h"

#include <string.h>

static const char *line_text(const pat_file *f, uint32_t line)
{
    const char *text = f->text + f->lines[line];
    return text + strspn(text, " \t");
}

static bool is_heading(const char *text)
{
    return !strncmp(text, "# --", 4);
}

static void add_line(pat_session *s, pat_lines *lines, const char *hash)
{
    const char *text = hash + 1 + (hash[1] == ' ');
    size_t n = strcspn(text, "\r\n");
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        n--;
    PAT_PUSH(s->arena, *lines, pat_intern(s, text, n));
}

pat_lines pat_comment_of(pat_session *s, pat_span span)
{
    pat_lines lines = {0};
    const pat_file *f = s->files.at[span.file];
    pat_place from, to;
    pat_places(s, span, &from, &to);
    uint32_t decl = from.line - 1, first = decl;
    while (first && *line_text(f, first - 1) == '#' && !is_heading(line_text(f, first - 1)))
        first--;
    for (uint32_t i = first; i < decl; i++)
        add_line(s, &lines, line_text(f, i));
    const char *behind = f->text + span.end + strspn(f->text + span.end, " \t");
    if (!lines.n && *behind == '#')
        add_line(s, &lines, behind);
    return lines;
}

pat_lines pat_comment_of_file(pat_session *s, uint32_t file)
{
    pat_lines lines = {0};
    const pat_file *f = s->files.at[file];
    for (uint32_t i = 0; i < f->n_lines && *line_text(f, i) == '#'; i++)
        add_line(s, &lines, line_text(f, i));
    return lines;
}
