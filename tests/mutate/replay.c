/* replay: graphs with what a rule has to do on them, by another compilation of the rule.
 *
 *     replay LIB CASES          the first case that fails is told; exit status 3 a test of the rule, 4 a match or near miss,
 *                               5 an expected text of what a rule makes
 *     replay --holds LIB CASES  prints the cases that hold
 *
 * CASES is what near_check --write wrote, or --holds; cases of a rule are run by it alone. --holds leaves out rules that LIB
 * does not have, and launches of ops that it has no kernels for. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../gen/near/made.h"
#include "sld_primitives.h"
#include "solder.h"

enum { OF_TEST = 3, OF_NEAR = 4, OF_MADE = 5 };

typedef struct item {
    char rule[200], kind[60], options[700], bound[17]; /* bound: which kernels run the result, as a number; "": not known */
    long long fires, tokens, world, units;
    char *head, *graph;      /* as they stand in the file */
} item;

/* ------------------------------------------------------------------ reading -- */

static char *read_all(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t n = 0, got;
    if (!f) {
        perror(path);
        exit(2);
    }
    do {
        text = realloc(text, n + 65536);
        got = fread(text + n, 1, 65535, f);
        n += got;
    } while (got);
    text[n] = 0;
    fclose(f);
    return text;
}

/* The next case; NULL at the end. The text is cut up. */
static char *next_item(char *at, item *c)
{
    char *graph = strchr(at, '\n');
    c->options[0] = 0;
    if (!graph)
        return NULL;
    *graph++ = 0;
    c->head = at;
    if (sscanf(at, "case %199s %lld %lld %lld %lld %59s \"%699[^\"]", c->rule, &c->fires, &c->tokens, &c->world, &c->units,
               c->kind, c->options) < 6)
        exit(2);
    c->bound[0] = 0;
    if (strstr(at, "\" bound="))
        sscanf(strstr(at, "\" bound="), "\" bound=%16s", c->bound);
    c->graph = graph;
    char *end = strstr(graph, "\nend\n");
    end[1] = 0;
    return end + 5;
}

/* ------------------------------------------------------------------ running -- */

static uint32_t rule_index(const sld_ruleset *r, const char *name)
{
    uint32_t i = 0;
    while (i < r->n_rules && strcmp(r->rules[i].name, name))
        i++;
    return i;
}

static sld_settings *settings_of(sld_ctx *ctx, const sld_ruleset *r, item *c)
{
    char text[sizeof c->options], *save = NULL;
    sld_settings *s = sld_settings_new(ctx, r);
    memcpy(text, c->options, sizeof text);
    for (char *one = strtok_r(text, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
        char *value = strchr(one, '=');
        *value++ = 0;
        sld_settings_set(s, one, value, "case");
    }
    sld_settings_resolve(s, SLD_TARGET_CPU, NULL, NULL);
    return s;
}

static uint64_t mixed(uint64_t hash, const char *s)
{
    for (; *s; s++)
        hash = (hash ^ (unsigned char)*s) * 1099511628211u;
    return hash;
}

/* Which rows of kernels run the nodes; of what is an expected text also that. */
static void bind_all(sld_graph *g, bool expected, char *out)
{
    uint64_t hash = 14695981039346656037u;
    char why[200], *made = expected ? near_made(g) : NULL;
    if (made)
        hash = mixed(hash, made);
    free(made);
    for (sld_node n = sld_first_node(g); n; n = sld_next_node(g, n)) {
        const sld_kernel_row *row = sld_bind(g, n, SLD_TARGET_CPU, NULL, why, sizeof why);
        hash = mixed(hash, row ? row->name : "?");
    }
    snprintf(out, 17, "%016llx", (unsigned long long)hash);
}

static bool holds(const sld_ruleset *r, uint32_t rule, item *c, char *bound)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = sld_text_parse(ctx, r, c->rule, c->graph, strlen(c->graph));
    sld_rule_stats *stats = calloc(r->n_rules + 1u, sizeof *stats);
    sld_settings *settings = settings_of(ctx, r, c);
    const sld_fuse_options o = {.target = SLD_TARGET_CPU, .settings = settings, .tokens = {c->tokens, c->tokens},
                                .world = c->world, .units = c->units, .only = rule + 1};
    bool ok = g && sld_fuse(g, &o, stats) == SLD_OK && sld_graph_verify(g) == SLD_OK;
    const sld_rule_stats *s = &stats[rule];
    ok = ok && (c->fires < 0 ? s->fired > 0 : (long long)s->fired == c->fires);
    /* near misses are not even matched */
    if (ok && !c->fires && strcmp(c->kind, "test") && strcmp(c->kind, "run"))
        ok = !(s->refused_cycle + s->refused_split + s->refused_kernel + s->refused_type + s->refused_run);
    if (ok)
        bind_all(g, !strcmp(c->kind, "made"), bound);
    ok = ok && (!*c->bound || !strcmp(c->bound, bound));
    sld_settings_free(settings);
    sld_graph_free(g);
    free(stats);
    sld_ctx_free(ctx);
    return ok;
}

static bool has_kernels(const sld_ruleset *r, const char *op)
{
    uint32_t i = 1;
    while (i < r->n_ops && strcmp(r->ops[i].name, op))
        i++;
    return i < r->n_ops && r->kernel_index[i] < r->kernel_index[i + 1];
}

/* A launch: the same kernel is bound. What is told where there is none names a condition, changed or not. */
static bool binds(const sld_ruleset *r, item *c, char *bound)
{
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *g = sld_text_parse(ctx, r, "launch", c->graph, strlen(c->graph));
    char *got = g ? near_bound(g, c->options, c->world, c->units) : NULL;
    snprintf(bound, 17, "%016llx", (unsigned long long)mixed(14695981039346656037u, got && !strstr(got, " wants ") ? got : ""));
    bool ok = got && (!*c->bound || !strcmp(c->bound, bound));
    free(got);
    sld_graph_free(g);
    sld_ctx_free(ctx);
    return ok;
}

static bool is_launch(const item *c)
{
    return !strcmp(c->kind, "launch");
}

static int kind_of(const item *c)
{
    return !strcmp(c->kind, "test") ? OF_TEST : !strcmp(c->kind, "made") ? OF_MADE : OF_NEAR;
}

static int pass(const sld_ruleset *r, const char *path, int kind, bool list)
{
    char *text = read_all(path);
    item c;
    for (char *at = text; (at = next_item(at, &c));) {
        uint32_t rule = rule_index(r, c.rule);
        bool there = is_launch(&c) ? has_kernels(r, c.rule) : rule < r->n_rules;
        if (kind_of(&c) != kind || (list && !there))
            continue;
        char bound[17];
        bool ok = there && (is_launch(&c) ? binds(r, &c, bound) : holds(r, rule, &c, bound));
        if (list && ok)
            printf("%s bound=%s\n%send\n", c.head, bound, c.graph);
        if (list || ok)
            continue;
        printf("%s\n", c.head);
        free(text);
        return kind;
    }
    free(text);
    return 0;
}

int main(int argc, char **argv)
{
    bool list = argc == 4 && !strcmp(argv[1], "--holds");
    const sld_ruleset *(*get)(void) = NULL;
    void *lib = argc > 2 ? dlopen(argv[argc - 2], RTLD_NOW) : NULL;
    if (lib)
        *(void **)&get = dlsym(lib, "sld_ruleset_solder");
    if (!get) {
        fprintf(stderr, "usage: replay [--holds] LIB CASES: %s\n", argc > 2 ? dlerror() : "");
        return 2;
    }
    int status = pass(get(), argv[argc - 1], OF_TEST, list); /* they stand in the rules, and tell more */
    for (int kind = OF_NEAR; kind <= OF_MADE && !status; kind++)
        status = pass(get(), argv[argc - 1], kind, list);
    return status;
}
