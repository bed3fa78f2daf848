/* What a random rule means for given numbers: both sides as graphs of plain sizes. */
#include "random_rule.h"

static const int64_t runs[N_RUNS][2] = {{0}, {2}, {0, 3}};
static const uint32_t run_ranks[N_RUNS] = {0, 1, 2};
static const int64_t open_shapes[N_OPEN][3] = {{0}, {3}, {2, 3}, {1, 3}, {2, 1, 3}, {4, 6}};
static const uint32_t open_ranks[N_OPEN] = {0, 1, 2, 2, 3, 2};
static const int64_t perms[N_PERMS][3] = {{0, 1},    {1, 0},    {0, 1, 2}, {0, 2, 1},
                                          {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

static int64_t atom(const numbers *at, int x)
{
    return x >= NUMBER - 2 ? x - NUMBER : at->vars[x];
}

/* Of what cannot be computed. */
static const int64_t UNDEFINED = INT64_MIN / 4;

/* Rounds down. */
static int64_t quotient(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static int64_t value_of(const numbers *at, num n)
{
    int64_t a = atom(at, n.x), b = n.op ? atom(at, n.y) : 0;
    if ((n.op == '/' || n.op == '%') && b == 0)
        return UNDEFINED;
    switch (n.op) {
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    case '/': return quotient(a, b);
    case '%': return a - b * quotient(a, b);
    default: return a;
    }
}

bool facts_hold(const random_rule *r, const numbers *at)
{
    bool hold = true;
    for (int i = 0; hold && i < r->n_facts; i++) {
        const fact *f = &r->facts[i];
        int64_t a = value_of(at, f->a), b = value_of(at, f->b);
        if (a == UNDEFINED || b == UNDEFINED)
            hold = false;
        else if (f->kind == FACT_IDENTITY)
            hold = at->perm == 0 || at->perm == 2;
        else if (f->kind == FACT_IN)
            hold = a == 1 || a == b || a == 2 * b;
        else if (f->kind == FACT_DIVIDES)
            hold = b > 0 && a % b == 0;
        else if (f->kind == FACT_COMPARE)
            hold = f->op == '=' ? a == b : f->op == '<' ? a < b : f->op == '>' ? a > b : a <= b;
    }
    return hold;
}

static bool same_shape(const sld_graph *g, sld_value a, sld_value b)
{
    uint32_t rank = sld_rank(g, a);
    return rank == sld_rank(g, b) &&
           (!rank || !memcmp(sld_shape(g, a), sld_shape(g, b), rank * sizeof *sld_shape(g, a)));
}

bool inputs_agree(const random_rule *r, const sld_graph *g, const sld_value *values)
{
    bool hold = true;
    for (int i = 0; hold && i < r->n_facts; i++) {
        const fact *f = &r->facts[i];
        sld_value u = values[f->u], v = values[f->v];
        uint32_t rank = sld_rank(g, u);
        if (f->kind == FACT_RANK)
            hold = f->op == '=' ? rank == (uint32_t)(f->b.x - NUMBER) : rank > (uint32_t)(f->b.x - NUMBER);
        else if (f->kind == FACT_SHAPES)
            hold = same_shape(g, u, v);
        else if (f->kind == FACT_DTYPE)
            hold = sld_dtype_of(g, u) == SLD_F32 || sld_dtype_of(g, u) == SLD_I64;
    }
    return hold;
}

/* Numbers, with the dims of *S before number `run`. */
static uint32_t put_list(int n, const num *list, int run, const numbers *at, int64_t *out)
{
    uint32_t k = 0;
    for (int i = 0; i <= n; i++) {
        for (uint32_t j = 0; i == run && j < run_ranks[at->run]; j++)
            out[k++] = runs[at->run][j];
        if (i < n)
            out[k++] = value_of(at, list[i]);
    }
    return k;
}

sld_value add_input(sld_graph *g, const input *in, const numbers *at)
{
    int64_t dims[8];
    if (in->dtype == DT_OPEN)
        return sld_graph_input(g, NULL, SLD_F32, open_ranks[at->open], open_shapes[at->open]);
    uint32_t n = put_list(in->n, in->dims, in->run, at, dims);
    for (uint32_t i = 0; i < n; i++)
        if (dims[i] < 0)
            return 0;
    sld_dtype t = in->dtype == DT_F ? (sld_dtype)at->f : in->dtype == DT_T ? (sld_dtype)at->t
                  : in->dtype == DT_I64 ? SLD_I64 : SLD_F32;
    return sld_graph_input(g, NULL, t, n, dims);
}

/* dims: room for the elements of a list. */
static sld_attr attr_of(const arg *a, char kind, const numbers *at, int64_t *dims)
{
    static const int dtypes[] = {SLD_F32, SLD_F16, SLD_I64};
    sld_attr out = {.kind = SLD_ATTR_INTS, .p = dims};
    int64_t i = value_of(at, a->at[0]);
    int which = a->at[0].x - NUMBER;
    switch (kind) {
    case 'a': return (sld_attr){.kind = SLD_ATTR_AXIS, .i = a->captured ? -1 - at->axis : i};
    case 'b': return (sld_attr){.kind = SLD_ATTR_BOOL, .i = a->captured ? at->flag : which};
    case 'd': return (sld_attr){.kind = SLD_ATTR_DTYPE, .i = which == 3 ? at->f : dtypes[which]};
    case 'i': case 'f': case 'c': return (sld_attr){.kind = SLD_ATTR_INT, .i = i};
    default:
        out.kind = kind == 'x' ? SLD_ATTR_AXES : SLD_ATTR_INTS;
        if (a->captured)
            memcpy(dims, perms[at->perm], sizeof perms[0]);
        out.n = a->captured ? (at->perm < 2 ? 2 : 3) : put_list(a->n, a->at, kind == 'l' ? a->run : -1, at, dims);
        return out;
    }
}

static bool undefined(const arg *a, const numbers *at)
{
    bool found = false;
    for (int i = 0; i < a->n; i++)
        found |= !a->captured && value_of(at, a->at[i]) == UNDEFINED;
    return found;
}

static bool as_given(sld_attr is, sld_attr given)
{
    if (is.kind != given.kind)
        return false;
    if (given.kind != SLD_ATTR_INTS && given.kind != SLD_ATTR_AXES)
        return is.i == given.i;
    return is.n == given.n && (!is.n || !memcmp(is.p, given.p, is.n * sizeof *is.p));
}

sld_value add_step(sld_graph *g, const step *s, const numbers *at, sld_value *values, bool left)
{
    sld_value in[MOST_INPUTS];
    sld_attr attrs[3];
    int64_t dims[3][8];
    uint32_t n_attrs = (uint32_t)strlen(s->op->attrs);
    for (int i = 0; i < s->op->operands; i++)
        in[i] = values[s->in[i]];
    for (uint32_t i = 0; i < n_attrs; i++) {
        if (undefined(&s->args[i], at))
            return 0;
        attrs[i] = attr_of(&s->args[i], s->op->attrs[i], at, dims[i]);
    }
    uint16_t op = sld_op_find(g->rules, s->op->name);
    ck_assert_msg(op, "no op %s", s->op->name);
    sld_node node = sld_graph_add(g, op, (uint32_t)s->op->operands, in, attrs, s->part >= 0 ? 2 : 1, NULL);
    for (uint32_t i = 0; node && left && i < n_attrs; i++)
        if (!as_given(sld_node_attrs(g, node)[i], attrs[i]))
            return 0;
    return values[s->out] = node ? sld_result(g, node, s->part > 0) : 0;
}

bool same_type(const sld_graph *g, sld_value a, sld_value b)
{
    return sld_dtype_of(g, a) == sld_dtype_of(g, b) && same_shape(g, a, b);
}

meaning rule_means(const random_rule *r, sld_graph *g, const numbers *at)
{
    sld_value values[MOST_VALUES] = {0};
    if (!facts_hold(r, at))
        return NO_MATCH;
    for (int i = 0; i < r->n_inputs; i++)
        if (!(values[i] = add_input(g, &r->inputs[i], at)))
            return NO_MATCH;
    if (!inputs_agree(r, g, values))
        return NO_MATCH;
    for (int i = 0; i < r->left.n; i++)
        if (!add_step(g, &r->left.steps[i], at, values, true))
            return NO_MATCH;
    for (int i = 0; i < r->right.n; i++)
        if (!add_step(g, &r->right.steps[i], at, values, false))
            return RIGHT_UNDEFINED;
    return same_type(g, values[r->left.result], values[r->right.result]) ? SAME : TYPES_DIFFER;
}
