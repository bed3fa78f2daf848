/* Looks foreign op names up; entries are sorted by name, then by version, newest first. */
#include <string.h>

#include "graph.h"

const sld_vocab *sld_vocab_find(const sld_ruleset *r, const char *name)
{
    for (uint32_t i = 0; i < r->n_vocabs; i++)
        if (!strcmp(r->vocabs[i].name, name))
            return &r->vocabs[i];
    return NULL;
}

static uint32_t lower_bound(const sld_vocab *v, const char *foreign)
{
    uint32_t lo = 0, hi = v->n_entries;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (strcmp(v->entries[mid].foreign, foreign) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const sld_vocab_entry *sld_vocab_next(const sld_vocab *v, const char *foreign, uint32_t version,
                                      const sld_vocab_entry *after)
{
    uint32_t i = after ? (uint32_t)(after - v->entries) + 1 : lower_bound(v, foreign);
    for (; i < v->n_entries && !strcmp(v->entries[i].foreign, foreign); i++)
        if (v->entries[i].since <= version)
            return &v->entries[i];
    return NULL;
}
