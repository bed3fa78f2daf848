/* See made.h. What a rule makes of a graph is text without inputs and constants. */
#include "made.h"

#include <stdlib.h>
#include <string.h>

#include "graph.h"

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

char *near_bound(sld_graph *g, const char *target, int64_t world, int64_t units)
{
    static const char *const names[] = {[SLD_TARGET_REF] = "ref", [SLD_TARGET_CPU] = "cpu", [SLD_TARGET_HIP] = "hip"};
    char why[400];
    sld_target t = SLD_TARGET_REF;
    while (strcmp(names[t], target))
        t++;
    g->world = world;
    g->units = units;
    const sld_kernel_row *row = sld_bind(g, sld_first_node(g), t, NULL, why, sizeof why);
    return strdup(row ? row->name : why);
}
