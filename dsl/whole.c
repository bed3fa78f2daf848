/* Drives the checks of the whole program. */
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
    pat_check_conditions(&w);
    pat_check_termination(&w);
}
