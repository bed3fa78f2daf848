/* A graph is compiled for a bucket: gates and conditions of kernels hold for all numbers of tokens in it, for some, or
 * for none, and a rule runs where they hold for all. */
#include <inttypes.h>
#include <string.h>

#include "dims.h"
#include "fuse.h"
#include "gate.h"

static const sld_bucket any = {0, INT64_MAX};

static sld_bucket known(sld_bucket b)
{
    return b.lo || b.hi ? b : any;
}

/* ------------------------------------------------------------------- rules -- */

static bool reads(const sld_rule_info *r, unsigned kind, uint32_t id, uint32_t before)
{
    for (uint32_t i = 0; i < before; i++)
        if (r->gate[i].kind == kind && r->gate[i].id == id)
            return true;
    return false;
}

/* "gate world in {2, 4} (world = 1)": with what it reads besides tokens. */
static size_t say_gate(const sld_ruleset *rules, const sld_rule_info *r, const sld_run *run, char *why, size_t size)
{
    size_t k = (size_t)snprintf(why, size, "gate %s", r->gate_text);
    const char *before = " (";
    for (uint32_t i = 0; i < r->n_gate && k < size; i++) {
        const sld_term *t = &r->gate[i];
        bool option = t->kind == SLD_T_OPTION;
        if (reads(r, t->kind, t->id, i) || (!option && (t->kind != SLD_T_RUN || t->id == SLD_RUN_TOKENS)))
            continue;
        k += (size_t)snprintf(why + k, size - k, "%s%s = %" PRId64, before, option ? rules->options[t->id].name : "world",
                              option ? run->options[t->id] : run->world);
        before = ", ";
    }
    if (*before == ',' && k < size)
        k += (size_t)snprintf(why + k, size - k, ")");
    return k < size ? k : size;
}

/* The parts in which something holds: " 1..256 300". */
static size_t say_ranges(int64_t from, const int64_t *ends, uint32_t n, bool holds, char *why, size_t size)
{
    size_t k = 0;
    for (uint32_t i = 0; i < n && k < size; i++, holds = !holds) {
        if (holds)
            k += (size_t)snprintf(why + k, size - k, from == ends[i] ? " %" PRId64 : " %" PRId64 "..%" PRId64, from, ends[i]);
        from = ends[i] + 1;
    }
    return k < size ? k : size;
}

static void say_parts(const sld_rule_info *r, const sld_run *run, char *why, size_t size)
{
    enum { MOST = 8 };
    int64_t ends[MOST];
    int truth;
    if (run->tokens.hi == any.hi) {
        snprintf(why, size, " holds for only some numbers of tokens, and no bucket is given");
        return;
    }
    uint32_t n = sld__gate_parts(r->gate, r->n_gate, run, MOST, ends, &truth);
    size_t k = (size_t)snprintf(why, size, " holds for only some of tokens %" PRId64 "..%" PRId64 "%s", run->tokens.lo,
                                run->tokens.hi, n ? ":" : "");
    if (k < size)
        say_ranges(run->tokens.lo, ends, n, truth, why + k, size - k);
}

static void say_never(const sld_rule_info *r, const sld_run *run, char *why, size_t size)
{
    if (run->tokens.hi == any.hi || !reads(r, SLD_T_RUN, SLD_RUN_TOKENS, r->n_gate))
        snprintf(why, size, " does not hold");
    else
        snprintf(why, size, " does not hold for tokens %" PRId64 "..%" PRId64, run->tokens.lo, run->tokens.hi);
}

static sld_truth runs(const sld_ruleset *rules, uint32_t rule, const sld_settings *s, const sld_run *run, char *why,
                      size_t size)
{
    const sld_rule_info *r = &rules->rules[rule];
    for (uint32_t i = 0; i < r->n_enabled; i++)
        if (!run->options[r->enabled[i]]) {
            snprintf(why, size, "option '%s' is off: %s", rules->options[r->enabled[i]].name,
                     sld_settings_why(s, r->enabled[i]));
            return SLD_NEVER;
        }
    sld_truth t = r->n_gate ? sld__gate(r->gate, r->n_gate, run) : SLD_ALWAYS;
    size_t said = t == SLD_ALWAYS ? 0 : say_gate(rules, r, run, why, size);
    if (t == SLD_DEPENDS)
        say_parts(r, run, why + said, size - said);
    else if (t == SLD_NEVER)
        say_never(r, run, why + said, size - said);
    return t;
}

sld_truth sld_rule_runs(const sld_ruleset *rules, uint32_t rule, const sld_settings *settings, sld_bucket tokens,
                        int64_t world, char *why, size_t why_len)
{
    char unread[1];
    sld_run run = {known(tokens), world ? world : 1, sld__settings_values(settings)};
    return runs(rules, rule, settings, &run, why ? why : unread, why ? why_len : sizeof unread);
}

/* --------------------------------------------------------------- splitting -- */

typedef struct splitter {
    const sld_run *run;
    sld_bucket *parts;
    uint32_t n, most;
} splitter;

/* The bucket that ends behind a number of tokens, and the one that begins there. */
static void split_at(splitter *s, int64_t end)
{
    uint32_t i = sld_bucket_find(s->parts, s->n, end);
    if (i == s->n || s->parts[i].hi == end || s->n == s->most)
        return;
    memmove(s->parts + i + 1, s->parts + i, (s->n++ - i) * sizeof *s->parts);
    s->parts[i].hi = end;
    s->parts[i + 1].lo = end + 1;
}

static void split_by(splitter *s, const sld_term *t, uint32_t n)
{
    enum { MOST = 64 };
    int64_t ends[MOST];
    int first;
    uint32_t n_ends = sld__gate_parts(t, n, s->run, MOST, ends, &first);
    for (uint32_t i = 0; i + 1 < n_ends; i++)
        split_at(s, ends[i]);
}

static const sld_term *behind(const sld_term *t)
{
    for (uint32_t left = 1; left; t++)
        left += t->nargs - 1u;
    return t;
}

/* Whether an expression speaks of nothing but the run and numbers, of tokens among them. */
static bool of_run(const sld_term *t, const sld_term *end, bool *tokens)
{
    for (*tokens = false; t < end; t++) {
        bool call = t->kind == SLD_T_CALL && (t->id == SLD_FN_MIN || t->id == SLD_FN_MAX || t->id == SLD_FN_CEILDIV);
        bool units = t->kind == SLD_T_RUN && t->id == SLD_RUN_UNITS;
        if (units || (t->kind != SLD_T_INT && t->kind != SLD_T_RUN && t->kind != SLD_T_OPTION && t->kind < SLD_T_NEG && !call))
            return false;
        *tokens |= t->kind == SLD_T_RUN && t->id == SLD_RUN_TOKENS;
    }
    return true;
}

/* Conditions of kernels speak of a node as well; what in them speaks of the run alone splits. */
static void split_by_kernel(splitter *s, const sld_kernel_row *row)
{
    bool tokens;
    for (const sld_term *t = row->when, *end = t + row->n_when; t < end; t++)
        if (t->kind >= SLD_T_EQ && t->kind <= SLD_T_IN && of_run(t, behind(t), &tokens) && tokens)
            split_by(s, t, (uint32_t)(behind(t) - t));
}

uint32_t sld_split_bucket(const sld_ruleset *rules, const sld_settings *settings, sld_bucket whole, int64_t world,
                          sld_bucket *parts, uint32_t most)
{
    sld_run run = {known(whole), world ? world : 1, sld__settings_values(settings)};
    splitter s = {&run, parts, 1, most};
    parts[0] = run.tokens;
    for (uint32_t i = 0; i < rules->n_rules; i++) {
        const sld_rule_info *r = &rules->rules[i];
        bool on = true;
        for (uint32_t k = 0; k < r->n_enabled; k++)
            on &= run.options[r->enabled[k]] != 0;
        if (on && r->n_gate)
            split_by(&s, r->gate, r->n_gate);
    }
    for (uint32_t i = 0; i < rules->n_kernels; i++)
        split_by_kernel(&s, &rules->kernels[i]);
    return s.n;
}

uint32_t sld_bucket_find(const sld_bucket *buckets, uint32_t n, int64_t tokens)
{
    uint32_t lo = 0, hi = n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (tokens > buckets[mid].hi)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && tokens >= buckets[lo].lo ? lo : n;
}

/* ----------------------------------------------------------------- kernels -- */

typedef struct covering {
    sld_graph *g;
    const sld_call *c;
    sld_target target;
    bool which;    /* asks which kernel it is, not only whether there is one */
} covering;

static void narrow(sld_graph *g, sld_bucket b)
{
    g->bucket = b;
    if (g->tokens)
        sld__dim_set_range(g, g->tokens, b.lo, b.hi);
}

static int ask_kernel(void *user, sld_bucket tokens)
{
    const covering *a = user;
    narrow(a->g, tokens);
    return sld__row_of(a->g, a->c, a->target, a->which);
}

/* The tokens that the graph may have, both 0: it does not tell. */
static sld_bucket tokens_of(const sld_graph *g)
{
    sld_bucket b = g->bucket;
    if (g->tokens && b.hi)
        sld_dim_bounds(g, g->tokens, &b.lo, &b.hi);
    return b;
}

static uint32_t kernel_parts(covering a, uint32_t most, int64_t *ends, int *first)
{
    sld_graph *g = a.g;
    sld_bucket had = g->bucket, whole = tokens_of(g);
    if (!whole.hi)
        return 0;
    uint32_t n = sld__parts(whole, ask_kernel, &a, most, ends, first);
    narrow(g, whole);
    g->bucket = had;
    return n;
}

void sld__tell_cuts(sld_graph *g, const sld_call *c, sld_target target)
{
    enum { MOST = 16 };
    int64_t ends[MOST];
    int first;
    uint32_t n = kernel_parts((covering){g, c, target, true}, MOST, ends, &first);
    for (uint32_t i = 0; i + 1 < n; i++)
        g->fuse->options.cut(g->fuse->options.user, ends[i]);
}

size_t sld__say_covered(sld_graph *g, const sld_call *c, sld_target target, char *why, size_t size)
{
    enum { MOST = 8 };
    int64_t ends[MOST];
    int first;
    uint32_t n = kernel_parts((covering){g, c, target, false}, MOST, ends, &first);
    if (n < 2)
        return 0;
    sld_bucket whole = tokens_of(g);
    size_t k = (size_t)snprintf(why, size, "kernels cover only tokens");
    k += say_ranges(whole.lo, ends, n, first, why + k, size - k);
    k += (size_t)snprintf(why + k, size - k, " of %" PRId64 "..%" PRId64 "; ", whole.lo, whole.hi);
    return k < size ? k : size;
}

/* ------------------------------------------------------------------ fusing -- */

/* The symbol that counts tokens gets the bucket's range. */
static sld_status bind_tokens(sld_graph *g, sld_fuse_state *s)
{
    const char *symbol = s->options.tokens_dim;
    sld_bucket b = s->options.tokens, had;
    sld_dim d = symbol ? sld__dim_find(g, symbol) : SLD_SYM_NONE;
    if (b.lo < 0 || b.lo > b.hi)
        return sld__fail(g->ctx, SLD_ERR_INPUT, "tokens %" PRId64 "..%" PRId64 " are no range", b.lo, b.hi);
    if (symbol && d == SLD_SYM_NONE)
        return sld__fail(g->ctx, SLD_ERR_INPUT, "there is no symbolic dim '%s' to count tokens", symbol);
    g->bucket = b;
    sld__forget_calls(g);
    if (!symbol)
        return SLD_OK;
    sld_dim_bounds(g, d, &had.lo, &had.hi);
    if (b.lo > had.hi || b.hi < had.lo)
        return sld__fail(g->ctx, SLD_ERR_INPUT, "tokens %" PRId64 "..%" PRId64 " lie outside %" PRId64 "..%" PRId64
                         ", the range of '%s'", b.lo, b.hi, had.lo, had.hi, symbol);
    g->tokens = d;
    s->range = had;
    sld__dim_set_range(g, d, b.lo > had.lo ? b.lo : had.lo, b.hi < had.hi ? b.hi : had.hi);
    sld__forget_calls(g);
    return SLD_OK;
}

/* Rules whose options are off, whose gate does not hold, or that are not the only one to fire, are refused wherever
 * they match. */
static sld_status mark_off(sld_graph *g, sld_fuse_state *s, const sld_settings *settings)
{
    const sld_run run = {known(s->options.tokens), g->world, sld__settings_values(settings)};
    char why[sizeof s->stats->reason];
    if (s->options.only && !(s->off = sld__alloc(g->ctx, g->rules->n_rules * sizeof *s->off)))
        return SLD_ERR_MEMORY;
    for (uint32_t i = 0; s->options.only && i < g->rules->n_rules; i++)
        s->off[i] = i + 1 == s->options.only ? NULL : "another rule fires alone";
    for (uint32_t k = 0; k < g->rules->n_conditional; k++) {
        uint32_t i = g->rules->conditional[k];
        if (runs(g->rules, i, settings, &run, why, sizeof why) == SLD_ALWAYS)
            continue;
        if (!s->off && !(s->off = sld__alloc(g->ctx, g->rules->n_rules * sizeof *s->off)))
            return SLD_ERR_MEMORY;
        if (!(s->off[i] = sld__graph_str(g, why)))
            return SLD_ERR_MEMORY;
    }
    return SLD_OK;
}

sld_status sld__begin_run(sld_graph *g, sld_fuse_state *s)
{
    const sld_fuse_options *o = &s->options;
    int64_t world = o->world ? o->world : 1;
    sld_settings *defaults = NULL;
    if (g->world && g->world != world)
        return sld__fail(g->ctx, SLD_ERR_INPUT, "the graph was fused for %" PRId64 " ranks, not %" PRId64, g->world, world);
    g->world = world;
    g->units = o->units ? o->units : g->units;
    sld_status status = o->tokens.lo || o->tokens.hi ? bind_tokens(g, s) : SLD_OK;
    if (!status && !o->settings) {
        defaults = sld_settings_new(g->ctx, g->rules);
        status = defaults ? sld_settings_resolve(defaults, o->target, NULL, NULL) : SLD_ERR_MEMORY;
    }
    status = status ? status : mark_off(g, s, o->settings ? o->settings : defaults);
    sld_settings_free(defaults);
    return status;
}

void sld__end_run(sld_graph *g, const sld_fuse_state *s)
{
    if (s->changed || !s->range.hi)
        return;
    sld__dim_set_range(g, g->tokens, s->range.lo, s->range.hi);
    sld__forget_calls(g);
}
