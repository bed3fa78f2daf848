/* See overlay.h. */
#include "overlay.h"

o_map o_open(pat_arena *arena, const x_variant *of)
{
    return (o_map){.arena = arena, .of = of, .vals = pat_alloc(arena, (of->vals.n + 1) * sizeof(x_val *)),
                   .nodes = pat_alloc(arena, (of->nodes.n + 1) * sizeof(x_node *))};
}

x_scope *o_scope_of(o_map *m, x_scope *scope)
{
    for (uint32_t i = 0; i < m->scopes.n; i++)
        if (m->scopes.at[i]->from == scope)
            return m->scopes.at[i]->to;
    o_scope *s = pat_alloc(m->arena, sizeof *s);
    *s = (o_scope){scope, pat_alloc(m->arena, sizeof *s->to)};
    PAT_PUSH(m->arena, m->scopes, s);
    *s->to = (x_scope){.prefix = scope->prefix, .rule_level = scope->rule_level};
    for (uint32_t i = 0; i < scope->names.n; i++) {
        x_name *n = pat_alloc(m->arena, sizeof *n);
        *n = *scope->names.at[i];
        n->val = n->val ? m->vals[n->val->id] : NULL;
        if (n->var) {
            x_var *v = pat_alloc(m->arena, sizeof *v);
            *v = *n->var;
            v->scope = o_scope_of(m, v->scope);
            n->var = v;
        }
        PAT_PUSH(m->arena, s->to->names, n);
    }
    return s->to;
}
