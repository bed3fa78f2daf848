/* Places and columns: see automaton.h. Equal ones are one. */
#include <string.h>

#include "automaton.h"

static const struct { char letter; const char *type; } kinds[] = {
    [PL_ROOT] = {'n', "SLD_NODE"},     [PL_OPERAND] = {'v', "SLD_VALUE"},  [PL_ORDERED] = {'v', "SLD_VALUE"},
    [PL_PICKED] = {'v', "SLD_VALUE"},  [PL_OTHER] = {'v', "SLD_VALUE"},    [PL_REST] = {'x', "sld_rest"},
    [PL_PRODUCER] = {'n', "SLD_NODE"}, [PL_READER] = {'n', "SLD_NODE"},    [PL_RESULT] = {'v', "SLD_VALUE"},
    [PL_ATTR] = {'a', "sld_attr"},     [PL_INT] = {'i', "sld_dim"},        [PL_ELEM] = {'e', "sld_dim"},
    [PL_ELEM_END] = {'e', "sld_dim"},  [PL_DTYPE] = {'t', "int"},          [PL_RANK] = {'k', "uint32_t"},
    [PL_DIM] = {'d', "sld_dim"},       [PL_DIM_END] = {'d', "sld_dim"},    [PL_RUN] = {'r', "sld_dims"},
    [PL_NUMBER] = {'f', "double"},     [PL_CAPTURE] = {'c', "sld_attr"},
};

static const char *op_name(gen *g, uint32_t id)
{
    return id ? g->program->ops.at[id - 1]->name : "const";
}

/* A producer stands where the value stands that it produces. */
static const char *path_of(automaton *a, place_kind kind, const place *of, uint32_t i, uint32_t j)
{
    gen *g = a->g;
    const char *p = of ? of->path : "", *join = *p ? "_" : "";
    switch (kind) {
    case PL_OPERAND: return gen_format(g, "%s%s%u%s", p, join, i, j ? "o" : "");
    case PL_ATTR: case PL_ELEM: case PL_DIM: return gen_format(g, "%s%s%u", p, join, i);
    case PL_ORDERED: return gen_format(g, "%s%s%uc%u", p, join, i, j);
    case PL_PICKED: return gen_format(g, "%s_%s_%s", p, op_name(g, i), op_name(g, j));
    case PL_OTHER: return gen_format(g, "%s_beside_%s", p, a->places.at[j]->path);
    case PL_READER: return gen_format(g, "%su%u", p, j);
    case PL_RESULT: return gen_format(g, "%sr%u", p, i);
    case PL_REST: return gen_format(g, "%s%s%u", p, join, i);
    case PL_ELEM_END: case PL_DIM_END: return gen_format(g, "%se%u", p, i);
    case PL_RUN: return gen_format(g, "%sr%u_%u", p, i, j);
    default: return p;
    }
}

/* Its path, and a number where names of ops make two paths the same text. */
static const char *name_place(automaton *a, const place *p)
{
    const char *c = gen_format(a->g, "%c%s", kinds[p->kind].letter, p->path);
    const place **first = (const place **)byte_map_at(a->g->arena, &a->names, c, strlen(c));
    *first = *first ? *first : p;
    return *first == p ? c : gen_format(a->g, "%s_at%u", c, p->id);
}

place *place_at(automaton *a, place_kind kind, place *of, uint32_t i, uint32_t j)
{
    for (place *p = of ? of->children : NULL; p; p = p->sibling)
        if (p->kind == kind && p->i == i && p->j == j)
            return p;
    gen *g = a->g;
    place *p = pat_alloc(g->arena, sizeof *p);
    *p = (place){.kind = kind, .of = of, .i = i, .j = j, .id = a->places.n, .path = path_of(a, kind, of, i, j)};
    p->in_loop = kind == PL_ORDERED || kind == PL_READER || (of && of->in_loop) ||
                 (kind == PL_OTHER && a->places.at[j]->in_loop);
    p->c = name_place(a, p);
    if (of) {
        p->sibling = of->children;
        of->children = p;
    }
    PAT_PUSH(g->arena, a->places, p);
    return p;
}

const char *place_type(const place *p)
{
    return kinds[p->kind].type;
}

const char *place_read(gen *g, const place *p)
{
    const char *c = p->of ? p->of->c : "";
    switch (p->kind) {
    case PL_OPERAND: return gen_format(g, "SLD_OPERAND%s(g, %s, %u)", p->j ? "_OR_0" : "", c, p->i);
    case PL_ORDERED: return gen_format(g, "SLD_OPERAND(g, %s, %so%u)", c, p->i ? "1 - " : "", p->j);
    case PL_REST: return gen_format(g, "(sld_rest){%s, %u}", c, p->i);
    case PL_PRODUCER: return gen_format(g, "SLD_PRODUCER(g, %s)", c);
    case PL_RESULT: return gen_format(g, "SLD_RESULT(g, %s, %u)", c, p->i);
    case PL_ATTR: return gen_format(g, "SLD_ATTR(g, %s, %u)", c, p->i);
    case PL_INT: return gen_format(g, "%s.i", c);
    case PL_ELEM: return gen_format(g, "%s.p[%u]", c, p->i);
    case PL_ELEM_END: return gen_format(g, "%s.p[%s.n - %u]", c, c, p->i);
    case PL_DTYPE: return gen_format(g, "SLD_DTYPE(g, %s)", c);
    case PL_RANK: return gen_format(g, "SLD_RANK(g, %s)", c);
    case PL_DIM: return gen_format(g, "SLD_DIM(g, %s, %u)", p->of->of->c, p->i);
    case PL_DIM_END: return gen_format(g, "SLD_DIM(g, %s, %s - %u)", p->of->of->c, c, p->i);
    case PL_RUN: return gen_format(g, "(sld_dims){%s, %u, %s - %u}", p->of->of->c, p->i, c, p->j);
    case PL_CAPTURE: return gen_format(g, "(sld_attr){.kind = SLD_ATTR_FLOAT, .f = %s}", c);
    case PL_ROOT: case PL_READER: case PL_NUMBER: case PL_PICKED: case PL_OTHER: break;
    }
    return NULL;
}

column *column_of(automaton *a, const char *c, bool condition, uint8_t cost, const places *needs)
{
    column **at = (column **)byte_map_at(a->g->arena, &a->column_map, c, strlen(c));
    if (!*at) {
        *at = pat_alloc(a->g->arena, sizeof **at);
        **at = (column){.id = a->columns.n, .c = c, .condition = condition, .cost = cost};
        for (uint32_t i = 0; i < needs->n; i++)
            PAT_PUSH(a->g->arena, (*at)->needs, needs->at[i]);
        PAT_PUSH(a->g->arena, a->columns, *at);
    }
    return *at;
}
