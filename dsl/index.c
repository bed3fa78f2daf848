/* Finds declarations by their names. */
#include "source.h"

#define INDEX(list) \
    for (uint32_t i = 0; i < p->list.n; i++) \
        pat_map_add(s->arena, &p->by_name.list, p->list.at[i]->name, p->list.at[i])

pat_program *pat_index_names(pat_session *s, pat_program *p)
{
    INDEX(enums);
    INDEX(options);
    INDEX(ops);
    INDEX(conditions);
    INDEX(kernels);
    INDEX(phases);
    INDEX(patterns);
    for (uint32_t i = 0; i < p->dtypes.n; i++)
        for (uint32_t j = 0; j < p->dtypes.at[i]->names.n; j++)
            pat_map_add(s->arena, &p->by_name.dtypes, p->dtypes.at[i]->names.at[j]->name, p->dtypes.at[i]);
    return p;
}

pat_op *pat_find_op(const pat_program *p, pat_name name)
{
    return pat_map_get(&p->by_name.ops, name);
}

pat_condition *pat_find_condition(const pat_program *p, pat_name name)
{
    return pat_map_get(&p->by_name.conditions, name);
}

pat_pattern *pat_find_pattern(const pat_program *p, pat_name name)
{
    return pat_map_get(&p->by_name.patterns, name);
}

pat_phase *pat_find_phase(const pat_program *p, pat_name name)
{
    return pat_map_get(&p->by_name.phases, name);
}

pat_enum *pat_find_enum(const pat_program *p, pat_name name)
{
    return pat_map_get(&p->by_name.enums, name);
}

pat_option *pat_find_option(const pat_program *p, pat_name name)
{
    return pat_map_get(&p->by_name.options, name);
}

pat_dtype_decl *pat_find_dtype(const pat_program *p, pat_name name)
{
    return pat_map_get(&p->by_name.dtypes, name);
}
