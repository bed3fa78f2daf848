/* One round of the property, here or in a process of its own, and the search for a smaller one that fails. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dims.h"
#include "partial.h"
#include "property.h"

static char said[600];

static const char *fails(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(said, sizeof said, fmt, ap);
    va_end(ap);
    return said;
}

static sld_graph *parse(sld_ctx *ctx, const property_round *r)
{
    return sld_text_parse(ctx, sld_ruleset_sound(), "round", r->text, strlen(r->text));
}

/* ------------------------------------------------------------------ refusals -- */

typedef struct refused { uint32_t rule; sld_node nodes[16]; uint32_t n; } refused;
typedef struct refusals { refused at[512]; uint32_t n, fired; int rule; } refusals;

static void note(void *user, const sld_fuse_event *e)
{
    refusals *all = user;
    if (!e->refused) {
        all->fired++;
        all->rule = (int)e->rule;
    } else if (all->n < 512 && e->n <= 16) {
        all->at[all->n] = (refused){.rule = e->rule, .n = e->n};
        memcpy(all->at[all->n++].nodes, e->nodes, e->n * sizeof *e->nodes);
    }
}

static bool was_refused(const refusals *all, const sld_partial *m)
{
    for (uint32_t i = 0; i < all->n; i++) {
        uint32_t same = 0;
        for (uint32_t k = 0; k < all->at[i].n; k++)
            for (uint32_t j = 0; j < m->pattern->n_nodes; j++)
                same += m->nodes[j] == all->at[i].nodes[k];
        if (all->at[i].rule == m->pattern->rule && same == all->at[i].n)
            return true;
    }
    return false;
}

/* What matches a graph at rest has been refused. */
static const char *check_rest(sld_graph *g, const property_round *r, const refusals *all)
{
    const sld_ruleset *rules = g->rules;
    const char *wrong = NULL;
    sld_walker *w = sld__walker_new(g);
    for (uint32_t i = 0; i < rules->n_patterns && !wrong && all->n < 512; i++)
        for (sld_node n = r->off >> rules->patterns[i].rule & 1 ? 0 : sld_first_node(g); n && !wrong;
             n = sld_next_node(g, n)) {
            const sld_partial *m = sld__walk(w, &rules->patterns[i], n, 0);
            if (m && !was_refused(all, m))
                wrong = fails("rule %s still matches at %s", rules->rules[rules->patterns[i].rule].name,
                              sld_value_name(g, sld_result(g, n, 0)));
        }
    sld__walker_free(w);
    return wrong;
}

/* --------------------------------------------------------------------- round -- */

/* Every other graph is fused for a bucket around the tokens that it will run with, often for these alone. */
static void choose_bucket(sld_graph *g, const property_round *r, sld_fuse_options *o)
{
    char *results = NULL;
    size_t n;
    if (r->seed % 2 || sld__dim_find(g, "T") == SLD_SYM_NONE || sound_run(g, &r->tokens, r->seed, &results, &n))
        return; /* it has no such dim, or cannot have that size */
    free(results);
    o->tokens_dim = "T";
    o->tokens.lo = r->seed / 2 % 2 ? 1 : r->tokens;
    o->tokens.hi = r->tokens + (int64_t)(r->seed / 4 % 3);
}

static const char *check_fused(sld_graph *g, const property_round *r)
{
    refusals all = {.rule = -1}, unheard = {0};
    /* Who is told makes the driver keep readers at all times. */
    sld_fuse_options first = {.target = SLD_TARGET_CPU, .told = r->seed % 3 ? NULL : note, .user = &unheard};
    choose_bucket(g, r, &first);
    sld_fuse_options again = first;
    again.told = note;
    again.user = &all;
    sound_rules_off = r->off;
    if (sld_fuse(g, &first, NULL))
        return fails("fuse: %s", sld_error(g->ctx));
    if (sld_graph_verify(g))
        return fails("verify: %s", sld_error(g->ctx));
    if (sld_fuse(g, &again, NULL))
        return fails("again: %s", sld_error(g->ctx));
    return all.fired ? fails("rule %s fires again", g->rules->rules[all.rule].name) : check_rest(g, r, &all);
}

static const char *check_same(sld_graph *before, sld_graph *after, const property_round *r)
{
    const int64_t symbols[1] = {r->tokens};
    char *want = NULL, *got = NULL, *planned = NULL;
    size_t n, m, k;
    if (sound_run(before, symbols, r->seed, &want, &n))
        return NULL; /* shapes that these sizes do not allow */
    const char *wrong = sound_run(after, symbols, r->seed, &got, &m);
    wrong = wrong ? wrong : sound_run_plan(after, SLD_TARGET_CPU, symbols, r->seed, &planned, &k, NULL);
    if (!wrong && (n != m || (n && memcmp(want, got, n))))
        wrong = "the fused graph computes something else";
    if (!wrong && (n != k || (n && memcmp(want, planned, n))))
        wrong = "the plan of the fused graph computes something else";
    free(want);
    free(got);
    free(planned);
    return wrong;
}

static uint32_t count_effects(const sld_graph *g)
{
    uint32_t count = 0;
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n))
        count += (sld_node_op(g, n)->flags & SLD_OP_EFFECT) != 0;
    return count;
}

const char *property_check(const property_round *r)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *before = parse(ctx, r), *after = before ? parse(ctx, r) : NULL;
    const char *wrong = after ? check_fused(after, r) : fails("%s", sld_error(ctx));
    wrong = wrong ? wrong : check_same(before, after, r);
    if (!wrong && count_effects(before) != count_effects(after))
        wrong = "a node with an effect is gone";
    if (wrong && wrong != said)
        fails("%s", wrong); /* what says it goes with the context */
    sld_graph_free(before);
    sld_graph_free(after);
    sld_ctx_free(ctx);
    return wrong ? said : NULL;
}

const char *property_check_apart(const property_round *r)
{
    static char text[sizeof said];
    int ends[2], status;
    if (pipe(ends))
        return "no pipe";
    pid_t child = fork();
    if (!child) {
        alarm(20);
        const char *wrong = property_check(r);
        _exit(wrong ? (write(ends[1], wrong, strlen(wrong)) < 0) + 1 : 0);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    waitpid(child, &status, 0);
    text[n > 0 ? n : 0] = 0;
    if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "signal %d", WTERMSIG(status));
    return WIFEXITED(status) && !WEXITSTATUS(status) ? NULL : text;
}

/* ------------------------------------------------------------------- smaller -- */

/* Without what nobody reads; NULL when the text is no graph. */
static char *swept(const char *text)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = sld_text_parse(ctx, sld_ruleset_sound(), "smaller", text, strlen(text));
    char *out = NULL;
    size_t n;
    if (g && !sld_graph_sweep(g)) {
        FILE *f = open_memstream(&out, &n);
        sld_text_print(g, f, SLD_TEXT_DATA);
        fclose(f);
    }
    sld_graph_free(g);
    sld_ctx_free(ctx);
    return out;
}

/* Takes the text if it is smaller and still fails; frees it otherwise. */
static bool take(property_round *r, char *text)
{
    char *clean = text ? swept(text) : NULL;
    property_round smaller = *r;
    free(text);
    smaller.text = clean;
    if (!clean || strlen(clean) >= strlen(r->text) || !property_check_apart(&smaller)) {
        free(clean);
        return false;
    }
    free(r->text);
    r->text = clean;
    return true;
}

static char *without_line(const char *text, const char *line)
{
    char *out = malloc(strlen(text) + 1);
    const char *end = strchr(line, '\n');
    sprintf(out, "%.*s%s", (int)(line - text), text, end ? end + 1 : "");
    return out;
}

/* The text with one name for another wherever it is read behind `line`. */
static char *with_name(const char *text, const char *line, const char *from, const char *to)
{
    char *out = malloc(strlen(text) * 2 + 100);
    size_t n = (size_t)(line - text), len = strlen(from);
    memcpy(out, text, n);
    for (const char *p = line; *p;) {
        bool name = *p == '%' && !strncmp(p + 1, from, len) && !strchr("abcdefghijklmnopqrstuvwxyz0123456789_.", p[1 + len]);
        n += name ? (size_t)sprintf(out + n, "%%%s", to) : 1;
        if (!name)
            out[n - 1] = *p;
        p += name ? 1 + len : 1;
    }
    out[n] = 0;
    return out;
}

static void name_at(const char *p, char *name, size_t size)
{
    size_t n = strspn(p + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
    snprintf(name, size, "%.*s", (int)n, p + 1);
}

/* Lets readers of what a line defines read something else that was defined before. */
static bool bypass(property_round *r, const char *line)
{
    char from[80], to[80];
    const char *end = strchr(line, '\n') + 1;
    name_at(line, from, sizeof from);
    for (const char *p = r->text; p < line;) {
        bool input = !strncmp(p, "input ", 6);
        if (*p == '%' || input) {
            name_at(p + (input ? 6 : 0), to, sizeof to);
            if (take(r, with_name(r->text, end, from, to)))
                return true;
        }
        p = strchr(p, '\n') + 1;
    }
    return false;
}

static bool shrink_once(property_round *r)
{
    for (uint32_t i = 0; i < sld_ruleset_sound()->n_rules; i++) {
        property_round fewer = *r;
        fewer.off |= UINT64_C(1) << i;
        if (fewer.off != r->off && property_check_apart(&fewer)) {
            r->off = fewer.off;
            return true;
        }
    }
    for (const char *line = r->text; *line; line = strchr(line, '\n') + 1) {
        if (!strncmp(line, "output ", 7) && take(r, without_line(r->text, line)))
            return true;
        if (!strncmp(line, "input ", 6) && take(r, without_line(r->text, line)))
            return true;
        if (*line == '%' && bypass(r, line))
            return true;
    }
    return false;
}

void property_shrink(property_round *r)
{
    for (int steps = 0; steps < 400 && shrink_once(r); steps++)
        continue;
}
