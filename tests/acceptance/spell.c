#include "spell.h"

#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void read_parameter(parameter *p, const char *text, size_t len, bool large)
{
    size_t name = strcspn(text, "=");
    ck_assert_msg(name < len && name < sizeof p->name, "%.*s", (int)len, text);
    memcpy(p->name, text, name);
    for (size_t at = name + 1, n; at < len; at += n + 1) {
        n = strcspn(text + at, ", ");
        bool big = text[at + n - 1] == '!';
        ck_assert_msg(p->n < VALUES && n < sizeof p->values[0], "%.*s", (int)len, text);
        if (!big || large)
            memcpy(p->values[p->n++], text + at, n - big);
    }
}

choice choice_first(const table *t, const char *over, bool large)
{
    choice c = {.table = t};
    for (size_t at = strspn(over, " "), n; over[at]; at += n, at += strspn(over + at, " ")) {
        n = strcspn(over + at, " ");
        ck_assert_int_lt(c.n, PARAMETERS);
        read_parameter(&c.p[c.n++], over + at, n, large);
    }
    return c;
}

bool choice_next(choice *c)
{
    for (int i = c->n; i--;) {
        if (++c->p[i].at < c->p[i].n)
            return true;
        c->p[i].at = 0;
    }
    return false;
}

const char *choice_text(const choice *c)
{
    static char text[300];
    size_t n = 0;
    text[0] = 0;
    for (int i = 0; i < c->n; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, " %s=%s", c->p[i].name, c->p[i].values[c->p[i].at]);
    return text;
}

/* ------------------------------------------------------------------- spelling -- */

static const char *value_of(const choice *c, const char *name, size_t n)
{
    for (int i = 0; i < c->n; i++)
        if (strlen(c->p[i].name) == n && !memcmp(c->p[i].name, name, n))
            return c->p[i].values[c->p[i].at];
    return NULL;
}

static const char *fragment_named(const choice *c, const char *name)
{
    for (int i = 0; i < c->table->n_fragments; i++)
        if (!strcmp(c->table->fragments[i].name, name))
            return c->table->fragments[i].text;
    return NULL;
}

static void put(FILE *f, const choice *c, const char *text, const char *arg);

/* 2*N, N/2 */
static bool put_number(FILE *f, const choice *c, const char *word)
{
    size_t n = strcspn(word, "*/");
    if (!word[n])
        return false;
    bool times = word[n] == '*';
    const char *name = times ? word + n + 1 : word, *value = value_of(c, name, times ? strlen(name) : n);
    ck_assert_msg(value != NULL, "no parameter in {%s}", word);
    int64_t v = atoll(value), by = atoll(times ? word : word + n + 1);
    fprintf(f, "%lld", (long long)(times ? v * by : v / by));
    return true;
}

/* A parameter, a number made of one, or a fragment. */
static void put_word(FILE *f, const choice *c, char *word, const char *arg)
{
    char full[60], *colon = strchr(word, ':');
    if (put_number(f, c, word))
        return;
    if (colon) {
        *colon = 0;
        arg = strcmp(colon + 1, "#") ? colon + 1 : arg;
    }
    const char *value = value_of(c, word, strlen(word)), *text = NULL;
    snprintf(full, sizeof full, value ? "%s.%s" : "%s", word, value);
    text = fragment_named(c, full);
    ck_assert_msg(text || value, "no parameter or fragment '%s'", full);
    put(f, c, text ? text : value, arg);
}

static void put(FILE *f, const choice *c, const char *text, const char *arg)
{
    for (; *text; text++) {
        char word[40];
        size_t n = strcspn(text, "}");
        if (*text == '#' && arg)
            fputs(arg, f);
        if (*text != '{' || !text[n]) {
            if (*text != '#')
                fputc(*text, f);
            continue;
        }
        ck_assert_uint_lt(n, sizeof word);
        snprintf(word, sizeof word, "%.*s", (int)n - 1, text + 1);
        put_word(f, c, word, arg);
        text += n;
    }
}

char *spell(const choice *c, const char *text)
{
    char *out = NULL;
    size_t size;
    FILE *f = open_memstream(&out, &size);
    put(f, c, text, NULL);
    fclose(f);
    return out;
}
