/* Types of the values of a rule, as the prover knows them. */
#include <string.h>

#include "lsp_parts.h"
#include "prover.h"

/* In one variant of the rule; NULL when nothing is known. */
static pat_name type_in(const lsp_doc *doc, const pat_rule *rule, x_variant *v, pat_name value)
{
    const char *text = NULL;
    t_env *t = t_open(doc->session, doc->program, rule, v, NULL);
    if (!t->c->contradiction && pat_type_right(t)) {
        const t_value *val = t_find_value(t, v->scope, value);
        text = val && val->known ? t_type_text(t, val) : NULL;
    }
    text = text ? pat_intern(doc->session, text, strlen(text)) : NULL;
    t_close(t);
    return text;
}

void lsp_print_types(FILE *out, const lsp_doc *doc, const pat_rule *rule, pat_name value)
{
    x_choice choice = {.n = 0};
    pat_names types = {0};
    if (pat_error_count(doc->session)) /* what is wrong is not typed */
        return;
    do {
        x_variant *v = pat_expand(doc->session, doc->program, rule, &choice);
        pat_name type = v ? type_in(doc, rule, v, value) : NULL;
        if (type && !pat_listed(&types, type))
            PAT_PUSH(doc->session->arena, types, type);
    } while (pat_next_choice(&choice));
    for (uint32_t i = 0; i < types.n; i++)
        fprintf(out, "%s `%s`", i ? " or" : "", types.at[i]);
}
