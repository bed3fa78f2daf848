/* Makes and prints random rules. A side is a chain of ops, each of which is defined for the numbers that the rule is
 * made with, and both sides are of one type for them: what remains open is whether that holds for all numbers. */
#include <stdarg.h>

#include "random_rule.h"

/* Attributes. a: axis; b: bool; d: dtype; i: integer; f: axis of a flatten; c: 2; p: permutation; x: list of an axis;
 * u: list of a place; o: list of a number; s: list of two; q: pads; l: any list of numbers. */
static const op_form forms[] = {
    {"neg", 1, ""}, {"cast", 1, "d"}, {"add", 2, ""}, {"same", 2, ""}, {"like", 2, ""}, {"matmul", 2, ""},
    {"linear", 2, ""}, {"reshape", 1, "l"}, {"reshape", 1, "l"}, {"reshape0", 1, "l"}, {"expand", 1, "l"},
    {"transpose", 1, "p"}, {"swapaxes", 1, "aa"}, {"transposed", 1, "b"}, {"concat", 2, "a"}, {"stack", 2, "a"},
    {"split", 1, "sa"}, {"chunk", 1, "ac"}, {"slice", 1, "xoo"}, {"select", 1, "a"}, {"gather", 2, "a"},
    {"reduce", 1, "xb"}, {"squeeze", 1, "x"}, {"unsqueeze", 1, "u"}, {"flatten", 1, "ff"}, {"resize", 1, "ai"},
    {"topk", 1, "ia"}, {"pad", 1, "q"}, {"halve", 1, ""}, {"half_up", 1, ""}, {"pair", 2, ""}, {"rest", 2, ""},
    {"grow", 1, "i"}, {"parts", 1, "i"}, {"modulo", 1, "i"}, {"tile", 1, "i"}, {"odd", 1, ""}, {"trace", 1, ""},
    {"twice", 2, ""}, {"first", 1, ""}, {"count", 1, ""}, {"ranked", 1, ""}, {"last", 1, "a"}, {"least", 2, ""},
    {"most", 2, ""}, {"cut", 1, "ii"},
};
enum { N_FORMS = sizeof forms / sizeof *forms, FIRST_LEFT = MOST_INPUTS, FIRST_RIGHT = MOST_INPUTS + MOST_STEPS };

typedef struct maker {
    random_rule *r;
    uint64_t *seed;
    sld_graph *g;
    numbers *at;
    sld_value values[MOST_VALUES];
    bool used[MOST_INPUTS];                 /* by the left side */
    bool bound[N_VARS], axis, perm, flag;   /* what the left side binds */
    bool left;
} maker;

uint32_t draw(uint64_t *seed, uint32_t n)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*seed >> 33) % n);
}

static bool chance(maker *m, uint32_t percent)
{
    return draw(m->seed, 100) < percent;
}

/* --------------------------------------------------------------- numbers -- */

static num constant(int i)
{
    return (num){.x = NUMBER + i};
}

/* A bound variable, or any one where it would be bound. */
static int draw_var(maker *m, bool any)
{
    int x = (int)draw(m->seed, N_VARS);
    for (int i = 0; i < N_VARS; i++, x = (x + 1) % N_VARS)
        if (m->bound[x] || (any && x < N_DIMS))
            return x;
    return NUMBER + 1 + (int)draw(m->seed, 3);
}

static num draw_num(maker *m, bool binds)
{
    if (chance(m, 20))
        return constant((int)draw(m->seed, 5));
    if (binds || chance(m, 50))
        return (num){.x = draw_var(m, binds)};
    int x = draw_var(m, false);
    if (x >= N_VARS)
        return (num){.x = x};
    char op = "+-**/%"[draw(m->seed, 6)];
    int y = chance(m, op == '/' || op == '%' ? 80 : 50) ? NUMBER + 1 + (int)draw(m->seed, 3) : draw_var(m, false);
    return (num){op, x, y};
}

static arg draw_list(maker *m, int n, bool minus)
{
    arg a = {.n = n};
    for (int i = 0; i < n; i++)
        a.at[i] = draw_num(m, m->left && chance(m, 50));
    if (minus && !m->left && n && chance(m, 30))
        a.at[draw(m->seed, (uint32_t)n)] = constant(-1);
    return a;
}

static arg draw_arg(maker *m, char kind)
{
    arg a = {.n = 1};
    switch (kind) {
    case 'a': a.captured = m->left ? chance(m, 15) : m->axis && chance(m, 60); break;
    case 'b': a.captured = m->left ? chance(m, 20) : m->flag && chance(m, 60); break;
    case 'p': a.captured = m->left ? chance(m, 30) : m->perm && chance(m, 60); break;
    default: break;
    }
    switch (kind) {
    case 'a': case 'x': a.at[0] = constant(-1 - (int)draw(m->seed, 2)); break;
    case 'b': a.at[0] = constant((int)draw(m->seed, 2)); break;
    case 'd': a.at[0] = constant((int)draw(m->seed, 4)); break;
    case 'f': a.at[0] = constant((int)draw(m->seed, 4) - 2); break;
    case 'c': a.at[0] = constant(2); break;
    case 'u': a.at[0] = constant(m->left ? (int)draw(m->seed, 3) : (int)draw(m->seed, 5) - 2); break;
    case 'i': a.at[0] = m->left && chance(m, 40) ? (num){.x = VAR_N} : draw_num(m, false); break;
    case 'o': return draw_list(m, 1, false);
    case 's': return draw_list(m, 2, false);
    case 'q': return draw_list(m, 2 + 2 * (int)draw(m->seed, 2), false);
    case 'p':
        a.n = 2 + (int)draw(m->seed, 2);
        for (int i = 0; i < a.n; i++)
            a.at[i] = constant((int)draw(m->seed, (uint32_t)a.n));
        break;
    case 'l':
        a = draw_list(m, (int)draw(m->seed, 4), true);
        a.run = chance(m, 25) ? (int)draw(m->seed, (uint32_t)a.n + 1) : -1;
    }
    return a;
}

/* ----------------------------------------------------------------- sides -- */

static void bind_num(maker *m, num n)
{
    if (!n.op && n.x < N_VARS)
        m->bound[n.x] = true;
}

/* What a step of the left side binds. */
static void bind_step(maker *m, const step *s)
{
    for (int i = 0; i < s->op->operands; i++)
        if (s->in[i] < MOST_INPUTS)
            m->used[s->in[i]] = true;
    for (size_t i = 0; i < strlen(s->op->attrs); i++) {
        const arg *a = &s->args[i];
        m->axis |= a->captured && s->op->attrs[i] == 'a';
        m->flag |= a->captured && s->op->attrs[i] == 'b';
        m->perm |= a->captured && s->op->attrs[i] == 'p';
        for (int k = 0; strchr("ilsoq", s->op->attrs[i]) && k < a->n; k++)
            bind_num(m, a->at[k]);
    }
}

static int draw_input(maker *m)
{
    int i = (int)draw(m->seed, (uint32_t)m->r->n_inputs);
    while (!m->left && !m->used[i])
        i = (i + 1) % m->r->n_inputs;
    return i;
}

static step draw_step(maker *m, int of, int out)
{
    step s = {.op = &forms[draw(m->seed, N_FORMS)], .out = out, .part = -1};
    for (int i = 0; i < s.op->operands; i++)
        s.in[i] = chance(m, 20) ? of : draw_input(m);
    s.in[s.op->operands > 1 ? draw(m->seed, (uint32_t)s.op->operands) : 0] = of;
    for (size_t i = 0; i < strlen(s.op->attrs); i++)
        s.args[i] = draw_arg(m, s.op->attrs[i]);
    if (!strcmp(s.op->name, "split") || !strcmp(s.op->name, "chunk"))
        s.part = (int)draw(m->seed, 2);
    return s;
}

static bool append(maker *m, side *to, step s)
{
    if (to->n == MOST_STEPS || !add_step(m->g, &s, m->at, m->values, m->left))
        return false;
    to->steps[to->n++] = s;
    to->result = s.out;
    return true;
}

static void draw_chain(maker *m, side *to, int steps, int first)
{
    to->result = draw_input(m);
    for (int tries = 0; to->n < steps && tries < 60; tries++)
        append(m, to, draw_step(m, to->result, first + to->n));
}

/* The left side again, with changes. Answers how many. */
static int draw_changed(maker *m, side *to)
{
    const side *left = &m->r->left;
    int now[MOST_VALUES];
    for (int i = 0; i < MOST_VALUES; i++)
        now[i] = i;
    int changes = 0;
    uint32_t percent = 100 / (uint32_t)(left->n + 1);
    for (int i = 0; i < left->n; i++) {
        step s = left->steps[i];
        int from = s.out;
        for (int k = 0; k < s.op->operands; k++) {
            bool other = chance(m, percent / 3);
            s.in[k] = other ? draw_input(m) : now[s.in[k]];
            changes += other;
        }
        for (size_t k = 0; k < strlen(s.op->attrs); k++)
            if (chance(m, percent / 2)) {
                s.args[k] = draw_arg(m, s.op->attrs[k]);
                changes++;
            }
        s.out = FIRST_RIGHT + to->n;
        bool leave = chance(m, percent) || !append(m, to, s);
        to->result = now[from] = leave ? s.in[0] : s.out;
        changes += leave;
        if (chance(m, percent) && append(m, to, draw_step(m, now[from], FIRST_RIGHT + to->n))) {
            now[from] = to->result;
            changes++;
        }
    }
    return changes;
}

/* ------------------------------------------------------------- whole rules -- */

static void draw_inputs(maker *m)
{
    random_rule *r = m->r;
    r->n_inputs = 1 + (int)draw(m->seed, MOST_INPUTS);
    for (int i = 0; i < r->n_inputs; i++) {
        input *in = &r->inputs[i];
        *in = (input){.dtype = (dtype_kind[]){DT_F, DT_F, DT_F, DT_F32, DT_I64, DT_T, DT_OPEN}[draw(m->seed, 7)]};
        in->n = chance(m, 10) ? 0 : 1 + (int)draw(m->seed, 3);
        in->run = chance(m, 25) ? (int)draw(m->seed, (uint32_t)in->n + 1) : -1;
        for (int k = 0; k < in->n; k++) {
            in->dims[k] = draw_num(m, chance(m, 85));
            bind_num(m, in->dims[k]);
        }
    }
}

static bool is_bound(const maker *m, num n)
{
    return (n.x >= N_VARS || m->bound[n.x]) && (!n.op || n.y >= N_VARS || m->bound[n.y]);
}

/* Inputs that the left side does not read bind nothing. */
static bool rebind(maker *m)
{
    bool all = true;
    memset(m->bound, 0, sizeof m->bound);
    for (int i = 0; i < m->r->n_inputs; i++)
        for (int k = 0; m->used[i] && m->r->inputs[i].dtype != DT_OPEN && k < m->r->inputs[i].n; k++)
            bind_num(m, m->r->inputs[i].dims[k]);
    for (int i = 0; i < m->r->left.n; i++)
        bind_step(m, &m->r->left.steps[i]);
    for (int i = 0; i < m->r->n_inputs; i++)
        for (int k = 0; m->used[i] && m->r->inputs[i].dtype != DT_OPEN && k < m->r->inputs[i].n; k++)
            all &= is_bound(m, m->r->inputs[i].dims[k]);
    for (int i = 0; i < m->r->left.n; i++)
        for (size_t k = 0; k < strlen(m->r->left.steps[i].op->attrs); k++)
            for (int j = 0; j < m->r->left.steps[i].args[k].n; j++)
                all &= m->r->left.steps[i].args[k].captured || is_bound(m, m->r->left.steps[i].args[k].at[j]);
    return all;
}

static void draw_facts(maker *m)
{
    random_rule *r = m->r;
    int wanted = (int)draw(m->seed, MOST_FACTS + 1);
    for (int tries = 0; r->n_facts < wanted && tries < 30; tries++) {
        fact f = {.kind = chance(m, 70) ? draw(m->seed, 3) : draw(m->seed, N_FACTS), .a = draw_num(m, false),
                  .b = draw_num(m, false), .op = "==<>l"[draw(m->seed, 5)], .u = draw_input(m), .v = draw_input(m)};
        if (f.kind == FACT_IN || f.kind == FACT_RANK)
            f.b = constant((f.kind == FACT_IN) + 1 + (int)draw(m->seed, 3));
        bool odd = f.kind == FACT_IDENTITY ? !m->perm : f.kind == FACT_SHAPES ? f.u == f.v
                   : f.kind < FACT_IDENTITY && (f.a.x >= N_VARS || !memcmp(&f.a, &f.b, sizeof f.a));
        r->facts[r->n_facts++] = f;
        r->n_facts -= odd || !facts_hold(r, m->at) || !inputs_agree(r, m->g, m->values);
    }
}

static void draw_numbers(maker *m)
{
    numbers *at = m->at;
    int64_t *v = at->vars;
    *at = (numbers){.run = (int)draw(m->seed, 2), .open = (int)draw(m->seed, N_OPEN), .f = SLD_F32, .t = SLD_F32,
                    .axis = (int)draw(m->seed, 2), .perm = (int)draw(m->seed, N_PERMS), .flag = (int)draw(m->seed, 2)};
    v[0] = 1 + draw(m->seed, 4);
    v[1] = chance(m, 40) ? v[0] : 1 + draw(m->seed, 4);
    v[2] = (int64_t[]){v[0] * v[1], v[0] + v[1], 2 * v[0], v[1], 1 + draw(m->seed, 4)}[draw(m->seed, 5)];
    v[VAR_N] = chance(m, 50) ? v[draw(m->seed, 3)] : 1 + draw(m->seed, 3);
}

bool make_rule(random_rule *r, uint64_t *seed, sld_graph *g, numbers *at)
{
    maker m = {.r = r, .seed = seed, .g = g, .at = at, .left = true};
    *r = (random_rule){0};
    draw_numbers(&m);
    draw_inputs(&m);
    for (int i = 0; i < r->n_inputs; i++)
        if (!(m.values[i] = add_input(g, &r->inputs[i], at)))
            return false;
    int steps = 1 + (int)draw(seed, 3);
    draw_chain(&m, &r->left, steps, FIRST_LEFT);
    for (int i = 0; i < r->left.n; i++)
        bind_step(&m, &r->left.steps[i]);
    if (!r->left.n || !rebind(&m))
        return false;
    m.left = false;
    draw_facts(&m);
    for (int tries = 0; tries < 40; tries++) {
        r->right = (side){0};
        if (chance(&m, 50))
            draw_chain(&m, &r->right, (int)draw(seed, 4), FIRST_RIGHT);
        else if (!draw_changed(&m, &r->right))
            continue;
        if (same_type(g, m.values[r->left.result], m.values[r->right.result]))
            return true;
    }
    return false;
}

/* ------------------------------------------------------------------- text -- */

static void put(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void put(char *out, size_t size, const char *fmt, ...)
{
    size_t n = strlen(out);
    va_list ap;
    va_start(ap, fmt);
    ck_assert_int_lt(vsnprintf(out + n, size - n, fmt, ap), (int)(size - n));
    va_end(ap);
}

static void put_atom(char *out, size_t size, int x)
{
    if (x >= NUMBER - 2)
        put(out, size, "%d", x - NUMBER);
    else
        put(out, size, "%c", "ABCn"[x]);
}

static void put_num(char *out, size_t size, num n)
{
    put_atom(out, size, n.x);
    if (!n.op)
        return;
    put(out, size, " %c ", n.op);
    put_atom(out, size, n.y);
}

static void put_nums(char *out, size_t size, int run, int n, const num *at)
{
    put(out, size, "[");
    for (int i = 0; i <= n; i++) {
        if (i == run)
            put(out, size, i < n ? "*S, " : i ? ", *S" : "*S");
        if (i == n)
            break;
        put_num(out, size, at[i]);
        put(out, size, i + 1 < n ? ", " : "");
    }
    put(out, size, "]");
}

static void put_arg(char *out, size_t size, const arg *a, char kind)
{
    if (a->captured)
        put(out, size, kind == 'a' ? "ax" : kind == 'b' ? "flag" : "p");
    else if (kind == 'b')
        put(out, size, a->at[0].x > NUMBER ? "true" : "false");
    else if (kind == 'd')
        put(out, size, "%s", (const char *[]){"f32", "f16", "i64", "F"}[a->at[0].x - NUMBER]);
    else if (strchr("aifc", kind))
        put_num(out, size, a->at[0]);
    else
        put_nums(out, size, kind == 'l' ? a->run : -1, a->n, a->at);
}

/* The type of an input stands where it is read first. */
static void put_value(char *out, size_t size, const random_rule *r, int v, bool *typed)
{
    static const char *const dtypes[] = {[DT_F] = "F", [DT_F32] = "f32", [DT_I64] = "i64", [DT_T] = "T"};
    if (v >= FIRST_RIGHT)
        put(out, size, "r%d", v - FIRST_RIGHT);
    else if (v >= FIRST_LEFT)
        put(out, size, "l%d", v - FIRST_LEFT);
    else
        put(out, size, "%c", "uvw"[v]);
    if (v >= FIRST_LEFT || !typed || typed[v] || r->inputs[v].dtype == DT_OPEN)
        return;
    typed[v] = true;
    put(out, size, ": %s", dtypes[r->inputs[v].dtype]);
    put_nums(out, size, r->inputs[v].run, r->inputs[v].n, r->inputs[v].dims);
}

static void put_step(char *out, size_t size, const random_rule *r, const step *s, const char *name, bool *typed)
{
    put(out, size, s->part < 0 ? " %s = %s(" : s->part ? " _, %s = %s(" : " %s, _ = %s(", name, s->op->name);
    for (int i = 0; i < s->op->operands; i++) {
        put(out, size, i ? ", " : "");
        put_value(out, size, r, s->in[i], typed);
    }
    for (size_t i = 0; i < strlen(s->op->attrs); i++) {
        put(out, size, i ? ", " : "; ");
        put_arg(out, size, &s->args[i], s->op->attrs[i]);
    }
    put(out, size, ")");
}

static void put_side(char *out, size_t size, const random_rule *r, const side *s, char letter, bool *typed)
{
    for (int i = 0; i < s->n; i++) {
        char name[16];
        snprintf(name, sizeof name, "%c%d", letter, i);
        put_step(out, size, r, &s->steps[i], s->steps[i].out == s->result ? "y" : name, typed);
    }
    if (!s->n || s->steps[s->n - 1].out != s->result) {
        put(out, size, " y = ");
        put_value(out, size, r, s->result, NULL);
    }
}

static void put_fact(char *out, size_t size, const fact *f)
{
    switch (f->kind) {
    case FACT_IDENTITY: put(out, size, "identity(p)"); return;
    case FACT_RANK: put(out, size, "rank(%c) %s %d", "uvw"[f->u], f->op == '=' ? "==" : ">", f->b.x - NUMBER); return;
    case FACT_SHAPES: put(out, size, "shape(%c) == shape(%c)", "uvw"[f->u], "uvw"[f->v]); return;
    case FACT_DTYPE: put(out, size, "dtype(%c) in {f32, i64}", "uvw"[f->u]); return;
    default: break;
    }
    put(out, size, f->kind == FACT_DIVIDES ? "(" : "");
    put_num(out, size, f->a);
    if (f->kind == FACT_IN) {
        put(out, size, " in {1, %d, %d}", f->b.x - NUMBER, 2 * (f->b.x - NUMBER));
        return;
    }
    put(out, size, f->kind == FACT_DIVIDES ? ") %% (" : f->op == '=' ? " == " : f->op == 'l' ? " <= " : " %c ", f->op);
    put_num(out, size, f->b);
    put(out, size, f->kind == FACT_DIVIDES ? ") == 0" : "");
}

void print_rule(const random_rule *r, const char *name, char *out, size_t size)
{
    bool typed[MOST_INPUTS] = {false};
    *out = 0;
    put(out, size, "rule %s { match {", name);
    put_side(out, size, r, &r->left, 'l', typed);
    put(out, size, " }");
    for (int i = 0; i < r->n_facts; i++) {
        put(out, size, i ? ", " : " where ");
        put_fact(out, size, &r->facts[i]);
    }
    put(out, size, " replace {");
    put_side(out, size, r, &r->right, 'r', NULL);
    put(out, size, " } }\n");
}

void print_numbers(const numbers *at, char *out, size_t size)
{
    *out = 0;
    for (int i = 0; i < N_VARS; i++)
        put(out, size, "%c = %d, ", "ABCn"[i], (int)at->vars[i]);
    put(out, size, "*S %d, open %d, F = %s, T = %s, ax = %d, p %d, flag = %d", at->run, at->open,
        sld_dtype_name((sld_dtype)at->f), sld_dtype_name((sld_dtype)at->t), -1 - at->axis, at->perm, at->flag);
}
