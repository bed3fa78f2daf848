/* What a rule makes of a graph, as text without inputs and constants. */
#include "made.h"

#include <stdlib.h>
#include <string.h>

static bool is_node(const char *line)
{
    return *line == '%' || !strncmp(line, "output", 6);
}

char *near_made(sld_graph *g)
{
    char *text = NULL, *to;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return NULL;
    sld_text_print(g, f, 0);
    fclose(f);
    to = text;
    for (char *line = text, *next; *line; line = next) {
        size_t len = strcspn(line, "\n");
        next = line + len + (line[len] == '\n');
        if (!is_node(line))
            continue;
        memmove(to, line, (size_t)(next - line));
        to += next - line;
    }
    *to = 0;
    return text;
}
