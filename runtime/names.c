/* Makes names unique without searching: each text knows the number to try next, so that a
 * million values called "add" cost a constant time each. */
#include "names.h"

#include <string.h>

#include "table.h"

typedef struct name_rec {
    const char *text;
    uint32_t owner[SLD_NAME_SPACES];
    uint32_t next;           /* number of the next variant */
} name_rec;

struct sld_names {
    SLD_ARRAY(name_rec) recs; /* [0] unused */
    sld_table table;
};

static uint32_t lookup(const sld_names *s, const char *text, uint32_t hash)
{
    uint32_t step = 0, id;
    while ((id = sld__table_next(&s->table, hash, &step)) && strcmp(s->recs.at[id].text, text))
        continue;
    return id;
}

static uint32_t intern(sld_graph *g, const char *text)
{
    uint32_t hash = sld__hash(SLD_HASH_SEED, text, strlen(text));
    if (!g->names && !(g->names = sld__alloc(g->ctx, sizeof *g->names)))
        return 0;
    sld_names *s = g->names;
    uint32_t id = lookup(s, text, hash);
    if (id)
        return id;
    id = s->recs.n ? s->recs.n : 1;
    if (!SLD_RESERVE(g->ctx, s->recs, id + 1) || !sld__table_reserve(g->ctx, &s->table))
        return 0;
    const char *copy = sld__graph_str(g, text);
    if (!copy)
        return 0;
    s->recs.at[id] = (name_rec){.text = copy, .next = 1};
    s->recs.n = id + 1;
    sld__table_add(&s->table, hash, id);
    return id;
}

uint32_t sld__name_claim(sld_graph *g, sld_name_space space, const char *wanted, uint32_t owner)
{
    uint32_t base = intern(g, wanted), id = base;
    size_t size = strlen(wanted) + 12;
    char *variant = NULL;
    while (id && g->names->recs.at[id].owner[space]) {
        if (!variant && !(variant = sld__alloc(g->ctx, size)))
            return 0;
        snprintf(variant, size, "%s_%u", wanted, g->names->recs.at[base].next++);
        id = intern(g, variant);
    }
    sld__free(g->ctx, variant);
    if (id)
        g->names->recs.at[id].owner[space] = owner;
    return id;
}

void sld__name_set_owner(sld_graph *g, sld_name_space space, uint32_t name, uint32_t owner)
{
    if (name)
        g->names->recs.at[name].owner[space] = owner;
}

uint32_t sld__name_owner(const sld_graph *g, sld_name_space space, const char *text)
{
    if (!g->names)
        return 0;
    uint32_t id = lookup(g->names, text, sld__hash(SLD_HASH_SEED, text, strlen(text)));
    return id ? g->names->recs.at[id].owner[space] : 0;
}

const char *sld__name_text(const sld_graph *g, uint32_t name)
{
    return name ? g->names->recs.at[name].text : "";
}

void sld__names_free(sld_graph *g)
{
    if (!g->names)
        return;
    sld__free(g->ctx, g->names->recs.at);
    sld__free(g->ctx, g->names->table.at);
    sld__free(g->ctx, g->names);
}
