/* See spell.h. Nearest means fewest letters to add, drop, change or swap, at most a third of them. */
#include "spell.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST = 80 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned distance(const char *a, size_t n, const char *b, size_t m)
{
    unsigned rows[3][LONGEST + 1]; /* of the last three letters of a */
    for (unsigned i = 0; i <= n; i++)
        for (unsigned k = 0; k <= m; k++) {
            unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
            if (!i || !k) {
                row[k] = i + k;
                continue;
            }
            row[k] = least(least(above[k], row[k - 1]) + 1, above[k - 1] + (a[i - 1] != b[k - 1]));
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                row[k] = least(row[k], before[k - 2] + 1);
        }
    return rows[n % 3][m];
}

void sld__spell(sld_spelling *s, const char *name)
{
    size_t n = strlen(s->wanted), m = strlen(name);
    if (!n || n > LONGEST || m > LONGEST)
        return;
    unsigned d = distance(s->wanted, n, name, m);
    if (d <= (n < 3 ? 1 : n / 3) && (!s->best || d < s->distance)) {
        s->best = name;
        s->distance = d;
    }
}

const char *sld__did_you_mean(sld_spelling *s)
{
    if (s->best)
        snprintf(s->text, sizeof s->text, "; did you mean '%s'?", s->best);
    return s->text;
}
