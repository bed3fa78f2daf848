/* Floats as text that reads back exactly, with a '.' whatever the locale says. */
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* The value that x has when it is stored as t. */
static double as_stored(double x, sld_dtype t)
{
    sld_element room;
    sld__set_element_float(&room, t, 0, x);
    return sld__element_float(&room, t, 0);
}

static void exchange(char *s, char from, char to)
{
    for (s = strchr(s, from); s && from != to; s = strchr(s, from))
        *s = to;
}

bool sld__read_float(const char *s, double *x)
{
    char copy[64], *end;
    if (!*s || strlen(s) >= sizeof copy || s[strspn(s, "+-.0123456789eE")])
        return false;
    strcpy(copy, s);
    exchange(copy, '.', *localeconv()->decimal_point);
    *x = strtod(copy, &end);
    return !*end && end != copy;
}

bool sld__format_float(double x, sld_dtype t, char *buf, size_t n)
{
    double back = 0;
    if (!isfinite(x))
        return false;
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(buf, n, "%.*g", digits, x);
        exchange(buf, *localeconv()->decimal_point, '.');
        if (sld__read_float(buf, &back) && as_stored(back, t) == x)
            break;
    }
    if (!strpbrk(buf, ".e"))
        strncat(buf, ".0", n - strlen(buf) - 1);
    return true;
}
