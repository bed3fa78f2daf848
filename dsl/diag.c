/* Collects diagnostics, and finds the name that was meant. */
#include <stdarg.h>
#include <string.h>

#include "source.h"

const char *pat_code_title(int code)
{
    switch (code) {
#define X(number, id, title) case number: return title;
#include "diag.def"
#undef X
    default: return NULL;
    }
}

void pat_within(pat_session *s, const pat_rule *rule)
{
    s->rule = rule && rule->family_of ? rule : NULL;
}

/* Those of one family lie together at the end: all instances go through a pass one after the other. */
static bool repeats(const pat_session *s, pat_span span, int code)
{
    for (uint32_t i = s->diags.n; i-- > 0;) {
        const pat_diag *d = s->diags.at[i];
        if (d->family != s->rule->family_of)
            return false;
        if (d->code == code && d->span.file == span.file && d->span.begin == span.begin && d->span.end == span.end)
            return true;
    }
    return false;
}

/* silent: the error counts, and is not told. */
static void add(pat_session *s, pat_severity severity, bool silent, pat_span span, int code, const char *fmt,
                va_list ap)
{
    if (severity <= PAT_WARNING) {
        s->muted = silent || (s->rule && repeats(s, span, code));
        s->n_repeated += s->muted && (severity == PAT_ERROR || s->options.werror);
        s->n_errors += s->muted && (severity == PAT_ERROR || s->options.werror);
    }
    if (s->muted)
        return;
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    char *text = pat_alloc(s->arena, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, fmt, ap);
    pat_diag *d = pat_alloc(s->arena, sizeof *d);
    bool own = severity <= PAT_WARNING || !s->diags.n;
    bool promoted = severity == PAT_WARNING && s->options.werror;
    if (promoted)
        severity = PAT_ERROR;
    *d = (pat_diag){severity, span, code, text, own ? s->diags.n : s->diags.at[s->diags.n - 1]->owner, promoted,
                    s->rule ? s->rule->family_of : NULL};
    PAT_PUSH(s->arena, s->diags, d);
    s->n_errors += severity == PAT_ERROR;
    if (own && s->rule)
        pat_note(s, s->rule->name_span, "in the instance with %s", s->rule->instance);
}

#define FORWARD(severity, silent, span, code) \
    va_list ap; \
    va_start(ap, fmt); \
    add(s, severity, silent, span, code, fmt, ap); \
    va_end(ap)

void pat_error(pat_session *s, pat_span span, int code, const char *fmt, ...)
{
    FORWARD(PAT_ERROR, false, span, code);
}

void pat_unknown(pat_session *s, pat_span span, int code, pat_name name, const char *fmt, ...)
{
    bool told = pat_map_add(s->arena, &s->told, name, name);
    FORWARD(PAT_ERROR, told, span, code);
}

void pat_warn(pat_session *s, pat_span span, int code, const char *fmt, ...)
{
    FORWARD(PAT_WARNING, false, span, code);
}

void pat_note(pat_session *s, pat_span span, const char *fmt, ...)
{
    FORWARD(PAT_NOTE, false, span, 0);
}

void pat_hint(pat_session *s, const char *fmt, ...)
{
    FORWARD(PAT_HINT, false, ((pat_span){0}), 0);
}

unsigned pat_error_count(const pat_session *s)
{
    return s->n_errors - s->n_repeated;
}

/* Levenshtein distance, for names of at most 63 bytes. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[64], n = (unsigned)strlen(a), m = (unsigned)strlen(b);
    if (n > 63 || m > 63)
        return 64;
    for (unsigned j = 0; j <= m; j++)
        row[j] = j;
    for (unsigned i = 1; i <= n; i++) {
        unsigned left = row[0]++;
        for (unsigned j = 1; j <= m; j++) {
            unsigned best = left + (a[i - 1] != b[j - 1]);
            left = row[j];
            best = best < row[j] + 1 ? best : row[j] + 1;
            row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
        }
    }
    return row[m];
}

bool pat_named_in(const char *names, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = names; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (!strncmp(at, name, n) && (at[n] == ',' || !at[n]))
            return true;
    return false;
}

const char *pat_nearest(const char *name, const char *const *names, uint32_t n)
{
    const char *best = NULL;
    unsigned n_bytes = (unsigned)strlen(name), limit = n_bytes / 3 + 2;
    limit = limit < n_bytes ? limit : n_bytes; /* something must remain of the name */
    for (uint32_t i = 0; i < n; i++) {
        unsigned d = distance(name, names[i]);
        if (d < limit) {
            limit = d;
            best = names[i];
        }
    }
    return best;
}
