/* Gives what a match binds its C variables: fields of the match structure for the names of the rule, locals of
 * the matcher for those inside patterns. */
#include <string.h>

#include "gen.h"

static void declare(gen *g, const x_scope *s, const char *decl)
{
    if (!s->rule_level) {
        PAT_PUSH(g->arena, g->locals, decl);
        return;
    }
    for (uint32_t i = 0; i < g->fields.n; i++)
        if (!strcmp(g->fields.at[i], decl))
            return;
    PAT_PUSH(g->arena, g->fields, decl);
}

static const char *place(gen *g, const x_scope *s, const char *type, char letter, pat_name name)
{
    const char *plain = gen_format(g, "%c_%s%s", letter, s->prefix, name);
    declare(g, s, gen_format(g, "%s %s;", type, plain));
    return s->rule_level ? gen_format(g, "m->%s", plain) : plain;
}

static void place_var(gen *g, x_var *v)
{
    static const char letters[] = {[XV_DIM] = 'd', [XV_RANK] = 'r', [XV_ATTR] = 'a', [XV_DTYPE] = 't'};
    static const char *const types[] = {
        [XV_DIM] = "sld_dim", [XV_RANK] = "sld_dims", [XV_ATTR] = "sld_attr", [XV_DTYPE] = "int",
    };
    if (!v->c)
        v->c = place(g, v->scope, types[v->kind], letters[v->kind], v->name);
}

x_var *scope_var(gen *g, x_scope *s, x_var_kind kind, pat_name name)
{
    x_var *v = pat_scope_var(g->variant, s, kind, name);
    place_var(g, v);
    return v;
}

x_variant *expand_rule(gen *g, x_choice *choice)
{
    x_variant *v = g->variant = pat_expand(g->session, g->program, g->rule, choice);
    for (uint32_t i = 0; v && i < v->vals.n; i++)
        if (v->vals.at[i]->name)
            v->vals.at[i]->c = place(g, v->vals.at[i]->scope, "SLD_VALUE", 'v', v->vals.at[i]->name);
    for (uint32_t i = 0; v && i < v->vars.n; i++)
        place_var(g, v->vars.at[i]);
    return v;
}
