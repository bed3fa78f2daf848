/* Drives the checks of the whole program. */
#include <string.h>

#include "whole.h"

/* A name that the right side reads but does not define is the value that was matched. */
static void read_after(w_case *c, const pat_term *t)
{
    x_name *n = t->kind == PT_NAME ? pat_scope_find(c->v->scope, t->name) : NULL;
    if (n && n->val && n->val->node && (!n->val->yielded || n->val->kept))
        c->stays[n->val->node->id - 1] = true;
    for (uint32_t i = 0; i < t->operands.n; i++)
        read_after(c, t->operands.at[i]);
}

/* Nodes are numbered behind their producers. */
static void mark_staying(w_case *c, pat_arena *arena)
{
    c->stays = pat_alloc(arena, c->v->nodes.n * sizeof *c->stays);
    for (uint32_t i = 0; i < c->rule->replace.n; i++)
        read_after(c, c->rule->replace.at[i]->value);
    for (uint32_t i = c->v->nodes.n; i-- > 0;)
        for (uint32_t j = 0; c->stays[i] && j < c->v->nodes.at[i]->operands.n; j++)
            if (c->v->nodes.at[i]->operands.at[j]->node)
                c->stays[c->v->nodes.at[i]->operands.at[j]->node->id - 1] = true;
}

static void add_cases(w_program *w, pat_rule *rule)
{
    x_choice choice = {0};
    uint32_t n = 0;
    do {
        x_variant *v = pat_expand(w->s, w->p, rule, &choice);
        if (!v)
            return;
        w_case *c = pat_alloc(w->s->arena, sizeof *c);
        *c = (w_case){.rule = rule, .v = v};
        mark_staying(c, w->s->arena);
        PAT_PUSH(w->s->arena, w->cases, c);
    } while (++n < X_MAX_VARIANTS && pat_next_choice(&choice));
}

/* -------------------------------------------------------------- the files -- */

static void reach(const w_program *w, bool *from, const pat_file *f)
{
    for (uint32_t i = 0; i < w->n_files; i++)
        if (w->s->files.at[i] == f && !from[i]) {
            from[i] = true;
            for (uint32_t k = 0; k < f->uses.n; k++)
                reach(w, from, f->uses.at[k]);
        }
}

static void order_files(w_program *w)
{
    uint32_t n = w->n_files = w->s->files.n;
    bool *used = pat_alloc(w->s->arena, (size_t)n * n + 1), *one = pat_alloc(w->s->arena, 2 * n + 1), *two = one + n;
    w->before = pat_alloc(w->s->arena, (size_t)n * n + 1);
    for (uint32_t i = 0; i < n; i++)
        reach(w, used + (size_t)i * n, w->s->files.at[i]);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < n; k++)
            w->before[k * n + i] |= used[i * n + k];
    for (uint32_t f = 0; f < n; f++) {
        const pat_file *file = w->s->files.at[f];
        for (uint32_t u = 1; u < file->uses.n; u++) {
            memset(one, 0, 2 * n);
            for (uint32_t v = 0; v < u; v++)
                reach(w, one, file->uses.at[v]);
            reach(w, two, file->uses.at[u]);
            for (uint32_t i = 0; i < n; i++)
                for (uint32_t k = 0; one[i] && k < n; k++)
                    w->before[i * n + k] |= two[k];
        }
    }
}

bool w_ordered(const w_program *w, const pat_rule *a, const pat_rule *b)
{
    const pat_rule *first = a->id < b->id ? a : b, *second = first == a ? b : a;
    return w->before[first->name_span.file * w->n_files + second->name_span.file];
}

void pat_check_whole(pat_session *s, const pat_program *p)
{
    w_program w = {.s = s, .p = p};
    for (uint32_t i = 0; i < p->rules.n; i++) {
        pat_within(s, p->rules.at[i]);
        add_cases(&w, p->rules.at[i]);
    }
    pat_within(s, NULL);
    if (s->n_errors)
        return;
    order_files(&w);
    pat_check_conditions(&w);
    pat_check_termination(&w);
    pat_check_shadows(&w);
    pat_check_overlaps(&w);
}
