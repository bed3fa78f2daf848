/* See instance.h. Sizes are drawn until everything that is assumed of them holds; where that is hard to meet, the search
 * for tests finds some. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "instance_parts.h"
#include "memory.h"
#include "sld_abi.h"

enum { TRIES = 40, ATTEMPTS = 8, /* what tries compute stays in an environment: several short ones are quicker */
       USUAL_DTYPES = 1 << SLD_F16 | 1 << SLD_BF16 | 1 << SLD_F32 };
/* What is drawn: see pat_drawn.seed. */
typedef enum mode { EMPTY, ONES, LARGE, MIXED, ROUND } mode;
typedef struct drawer {
    maker m;
    mode mode;
    int64_t most, large, last;
    int64_t least, largest; /* elements of the smallest and the largest value */
    bool one;               /* some value has one row */
    bool few;               /* sizes are one of two, so that many are the same */
    int64_t two[2];
} drawer;

/* -------------------------------------------------------- dtypes and numbers -- */

static uint32_t one_of(maker *m, uint32_t set)
{
    uint32_t k = m_next(m, (uint32_t)__builtin_popcount(set));
    while (k--)
        set &= set - 1;
    return set & -set;
}

/* Where kernels are to be had all dtypes are one, if they can be. */
static void draw_dtypes(maker *m, bool alike)
{
    t_env *t = m->t;
    uint32_t one = m_next(m, 2) ? 1 << SLD_F16 : 1 << SLD_BF16;
    for (uint32_t i = 0; i < t->dtypes.n; i++) {
        uint32_t set = t_dtype_set(t, i), usual = set & USUAL_DTYPES;
        if (t_root(t, i) == i && set & (set - 1))
            t_restrict_dtype(t, i, alike && set & one ? one : one_of(m, usual && m_next(m, 8) ? usual : set));
    }
}

/* The name stands for this number wherever it was captured. */
static void draw_float(maker *m, pat_name name)
{
    static const double numbers[] = {1e-6, 1e-5, 1e-3, 0.125, 0.5, 1, 2};
    if (m_bound_float(m, name))
        return;
    pat_expr *e = pat_alloc(m->t->s->arena, sizeof *e);
    pat_arg *a = pat_alloc(m->t->s->arena, sizeof *a);
    *e = (pat_expr){.kind = PE_FLOAT, .fval = numbers[m_next(m, sizeof numbers / sizeof *numbers)]};
    *a = (pat_arg){.name = name, .value = e};
    PAT_PUSH(m->t->c->arena, m->floats, a);
}

static void draw_floats(maker *m)
{
    for (uint32_t i = 0; i < m->t->v->nodes.n; i++)
        for (uint32_t k = 0; k < m->t->v->nodes.at[i]->attrs.n; k++) {
            const x_attr *a = m->t->v->nodes.at[i]->attrs.at[k];
            if (a->value && a->value->kind == PE_NAME && a->attr->kind && a->attr->kind[0] == 'f')
                draw_float(m, a->value->name);
        }
    for (uint32_t i = 0; i < m->t->v->vals.n; i++)
        if (m->t->v->vals.at[i]->kind == XVAL_CONST)
            draw_float(m, m->t->v->vals.at[i]->capture->name);
}

/* Words and bools that the rule leaves open. */
static void limit_words(t_env *t)
{
    static const int64_t numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    for (uint32_t i = 0; i < t->v->nodes.n; i++) {
        const t_call *k = t->calls[i];
        for (uint32_t j = 0; j < k->op->attrs.n; j++) {
            const pat_attr *a = k->op->attrs.at[j];
            bool flag = a->kind && !strcmp(a->kind, "bool");
            int64_t known;
            if ((flag || !a->kind) && k->attrs[j].kind == S_NUM && !s_is_const(s_resolve(t->c, k->attrs[j].num), &known))
                s_assume_in(t->c, k->attrs[j].num, flag ? 2 : a->words.n < 16 ? a->words.n : 16, numbers);
        }
    }
}

/* --------------------------------------------------------------------- sizes -- */

static void collect_of_kernels(drawer *d, pat_name op)
{
    const pat_kernel *k = pat_map_get(&d->m.t->p->by_name.kernels, op);
    for (uint32_t i = 0; k && i < k->rows.n; i++)
        if (k->rows.at[i]->when)
            m_collect(&d->m, k->rows.at[i]->when, d->most);
}

static void collect_of_made(drawer *d, const pat_term *t)
{
    if (t->kind == PT_APPLY)
        collect_of_kernels(d, t->name);
    for (uint32_t i = 0; i < t->operands.n; i++)
        collect_of_made(d, t->operands.at[i]);
}

static int64_t draw_any_size(drawer *d)
{
    maker *m = &d->m;
    if (d->mode == EMPTY && !m_next(m, 3))
        return 0;
    if (d->mode == ONES && m_next(m, 3))
        return 1;
    int64_t some = m->candidates[m_next(m, m->n_candidates)];
    if (!m_next(m, 4) && d->last > 0)
        return d->last;
    if (d->mode == ROUND && m_next(m, 4))
        return some >= 16 && m_next(m, 2) ? some : 16 << m_next(m, 4);
    if (d->mode == LARGE && !m_next(m, 4))
        return d->large;
    switch (m_next(m, 8)) {
    case 0: return some + 1 - m_next(m, 3);
    case 1: return some * (2 + m_next(m, 3));
    case 2: return 16 << m_next(m, 5);
    case 3: case 4: return some;
    default: return 1 + m_next(m, 9);
    }
}

static int64_t draw_size(drawer *d)
{
    if (d->few)
        return d->two[m_next(&d->m, 2)];
    return d->last = draw_any_size(d);
}

/* Numbers that are no sizes count from the end, or permute. */
static int64_t draw_number(drawer *d)
{
    return m_next(&d->m, 3) ? (int64_t)m_next(&d->m, 8) - 4 : draw_size(d);
}

/* Dims of some value, the last ones or those before its last, and 1 for some of them: they broadcast to it. */
static s_shape draw_like(drawer *d)
{
    maker *m = &d->m;
    s_ctx *c = m->t->c;
    const t_value *v = &m->t->vals[m_next(m, m->t->v->vals.n)];
    s_shape s = v->known ? s_resolve_shape(c, v->shape) : (s_shape){0};
    uint32_t end = s.n - (s.n && !m_next(m, 3));
    s = s_cut(s, m_next(m, end + 1), end);
    for (uint32_t i = 0; i < s.n; i++) {
        if (s.at[i].seg)
            return (s_shape){0};
        if (m_next(m, 2))
            s = s_with(c, s, i, s_const(c, 1));
    }
    return s;
}

static s_shape draw_list(drawer *d)
{
    maker *m = &d->m;
    s_shape s = {0};
    switch (m_next(m, 6)) {
    case 0: return draw_like(d);
    case 1: case 2: return m_some_list(m, m_next(m, 64));
    }
    for (uint32_t n = m_next(m, 4); n; n--) {
        s_poly dim = s_const(m->t->c, m_next(m, 8) || d->mode == LARGE ? d->mode == EMPTY && !m_next(m, 3) ? 0 : 1 + m_next(m, 4)
                                                                      : draw_size(d));
        s = s_join(m->t->c, s, s_dims(m->t->c, 1, &dim));
    }
    return s;
}

static void fill(drawer *d)
{
    s_ctx *c = d->m.t->c;
    for (uint32_t i = 0; i < c->segs.n; i++)
        if (!c->segs.at[i]->bound && !c->segs.at[i]->function)
            s_set_segment(c, i, draw_list(d));
    m_solve(c);
    for (uint32_t i = 0; i < c->atoms.n; i++) {
        const s_atom *a = c->atoms.at[i];
        if (a->bound || a->function)
            continue;
        int64_t v = a->set ? a->set[m_next(&d->m, a->n_set)] : a->nonneg ? draw_size(d) : draw_number(d);
        s_set(c, i, v < 0 && a->nonneg ? 0 : v);
        m_solve(c);
    }
}

/* The dims of a shape that are numbers multiplied, those of 0 left out: loops over the others run all the same. */
static int64_t span_of(s_ctx *c, s_shape s)
{
    int64_t product = 1, n;
    s = s_resolve_shape(c, s);
    for (uint32_t i = 0; i < s.n; i++)
        if (!s.at[i].seg && s_is_const(s_resolve(c, s.at[i].dim), &n) && n > 0)
            product = product > INT32_MAX ? product : product * n;
    return product;
}

static bool has_one_row(s_ctx *c, s_shape s)
{
    int64_t n;
    s = s_resolve_shape(c, s);
    return s.n > 1 && !s.at[0].seg && s_is_const(s_resolve(c, s.at[0].dim), &n) && n == 1;
}

/* Elements of all values, or -1 when one has too many. */
static int64_t count(drawer *d)
{
    int64_t sum = 0, n = 0;
    d->least = INT64_MAX, d->largest = 0, d->one = false;
    for (uint32_t i = 0; i < d->m.t->v->vals.n; i++) {
        const t_value *v = &d->m.t->vals[i];
        if (!v->known || !s_is_const(s_resolve(d->m.t->c, s_numel(d->m.t->c, v->shape)), &n))
            continue;
        if (n > d->most || span_of(d->m.t->c, v->shape) > d->most)
            return -1;
        sum += n;
        d->least = n < d->least ? n : d->least;
        d->largest = n > d->largest ? n : d->largest;
        d->one |= has_one_row(d->m.t->c, v->shape);
    }
    return sum;
}

/* Whether the sizes are of the kind that is wanted; after many tries others will do. */
static bool suits(const drawer *d, uint32_t tries)
{
    if (tries > TRIES / 2)
        return true;
    return d->mode == EMPTY ? d->least == 0 : d->mode == ONES ? d->one : d->mode != LARGE || d->largest >= d->most / 4;
}

/* Of five sizes the largest, or as large as fits beside other dims, and just below. */
static int64_t draw_large(drawer *d)
{
    int64_t large = 0;
    for (int k = 0; k < 5; k++) {
        int64_t some = d->m.candidates[m_next(&d->m, d->m.n_candidates)];
        large = some > large ? some : large;
    }
    return m_next(&d->m, 2) ? large : (d->most >> m_next(&d->m, 7)) - m_next(&d->m, 2);
}

static bool find(drawer *d)
{
    s_ctx *c = d->m.t->c;
    for (uint32_t i = 0; i < TRIES && !c->contradiction; i++) {
        s_mark mark = s_save(c);
        d->large = draw_large(d);
        for (uint32_t k = 0; k < 2 && d->few; k++)
            d->two[k] = draw_any_size(d);
        c->work = 0;
        fill(d);
        if (count(d) >= 0 && suits(d, i) && m_fits(&d->m, true))
            return true;
        s_undo(c, mark);
    }
    return false;
}

/* --------------------------------------------------------------------- a test -- */

static void put_list(maker *m, s_shape s)
{
    int64_t v = 0;
    s = s_resolve_shape(m->t->c, s);
    fputc('[', m->f);
    for (uint32_t i = 0; i < s.n; i++) {
        m->open |= !s_is_const(s.at[i].dim, &v);
        fprintf(m->f, "%s%" PRId64, i ? ", " : "", v);
    }
    fputc(']', m->f);
}

static void put_number(maker *m, const pat_attr *a, s_poly p)
{
    int64_t v = 0;
    s_is_const(s_resolve(m->t->c, p), &v);
    if (a && !a->kind && a->words.n)
        fputs(a->words.at[(uint64_t)v % a->words.n]->name, m->f);
    else if (a && a->kind && a->kind[0] == 'b')
        fputs(v ? "true" : "false", m->f);
    else
        fprintf(m->f, "%" PRId64, v);
}

static void put_bind(maker *m, const t_name *n, const char **before)
{
    int64_t v;
    bool number = n->val.kind == S_NUM && s_is_const(s_resolve(m->t->c, n->val.num), &v);
    bool text = n->attr && n->attr->kind && strchr("fs", n->attr->kind[0]);
    if (text || (!number && n->val.kind != S_LIST && n->val.kind != S_DTYPE) || pat_dtype_number(n->name))
        return;
    fprintf(m->f, "%s%s = ", *before, n->name);
    *before = ", ";
    if (number)
        put_number(m, n->attr, n->val.num);
    else if (n->val.kind == S_LIST)
        put_list(m, n->val.list);
    else
        fputs(pat_dtype_name((int)m_dtype_of(m, n->val.dtype)), m->f);
}

static const char *print_binds(maker *m)
{
    const char *before = "";
    pat_printed text;
    m->f = pat_print(&text);
    for (uint32_t i = 0; i < m->t->names.n; i++)
        if (m->t->names.at[i]->scope == m->t->v->scope)
            put_bind(m, m->t->names.at[i], &before);
    for (uint32_t i = 0; i < m->floats.n; i++)
        if (pat_scope_find(m->t->v->scope, m->floats.at[i]->name)) {
            fprintf(m->f, "%s%s = ", before, m->floats.at[i]->name);
            m_put_float(m->f, m->floats.at[i]->value->fval);
            before = ", ";
        }
    return pat_print_kept(&text, m->t->s->arena);
}

/* Results that nobody reads; one at least is read. */
static uint64_t draw_left_out(maker *m)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->t->v->vals.n; i++)
        n += m->t->v->vals.at[i]->kind == XVAL_RESULT && m->t->v->vals.at[i]->yielded;
    uint64_t kept = 1ull << m_next(m, n ? n : 1);
    return m_next(m, 4) ? 0 : m_next(m, 1 << 16) * 0x1000100010001ull & ~kept;
}

/* The last ones draw sizes that are often the same, and of every eighth graph what is found by search will do. */
static bool attempt(pat_session *s, const pat_program *p, int64_t most, pat_drawn *out, uint32_t i)
{
    static const mode modes[] = {MIXED, EMPTY, MIXED, ONES, MIXED, LARGE, ROUND, ROUND};
    t_env *t = t_open(s, p, out->rule, out->v, NULL);
    drawer d = {.m = {.t = t, .seed = out->seed * 2654435761u + i}, .mode = modes[out->seed % 8], .most = most,
                .few = i >= ATTEMPTS / 2};
    bool last = !(out->seed % 8) && i + 1 == ATTEMPTS;
    if (out->kernel)
        m_aim(&d.m, out->kernel, out->row);
    draw_dtypes(&d.m, d.mode == ROUND);
    draw_floats(&d.m);
    limit_words(t);
    m_choose_axes(&d.m);
    m_find_candidates(&d.m);
    for (uint32_t i = 0; i < out->rule->replace.n; i++)
        collect_of_made(&d, out->rule->replace.at[i]->value);
    for (uint32_t i = 0; i < t->v->nodes.n; i++)
        collect_of_kernels(&d, t->calls[i]->op->name);
    bool found = !t->c->contradiction && (find(&d) || (last && m_search(&d.m, true) && count(&d) >= 0));
    if (found) {
        d.m.left_out = draw_left_out(&d.m);
        d.m.wish.absent = !m_next(&d.m, 4);
        out->graph = m_print_graph(&d.m);
        out->binds = print_binds(&d.m);
        out->elements = count(&d);
    }
    t_close(t);
    return found && out->graph && out->binds && !d.m.open;
}

bool pat_draw(pat_session *s, const pat_program *p, int64_t most, pat_drawn *out)
{
    for (uint32_t i = 0; i < ATTEMPTS; i++)
        if (attempt(s, p, most, out, i))
            return true;
    return false;
}

/* ------------------------------------------------------------------ all rules -- */

/* The same for a rule whatever others there are. */
static uint32_t seed_of(const pat_rule *r, uint32_t variant, uint32_t seed, uint32_t k)
{
    uint32_t h = seed * 0x9e3779b9u + variant * 0x85ebca6bu + k / 128 * 0xc2b2ae35u;
    for (const char *c = r->name; *c; c++)
        h = (h ^ (unsigned char)*c) * 16777619u;
    return h / 128 * 128 + k % 128;
}

static void draw_variant(pat_session *s, const pat_program *p, pat_drawn d, const pat_draws *o)
{
    uint32_t found = 0, used = 0;
    for (uint32_t k = 0; k < 16 * o->n && used < o->n && (found || k < 8); k++) {
        d.seed = seed_of(d.rule, d.variant, o->seed, k);
        if (!pat_draw(s, p, o->most, &d))
            continue;
        found++;
        used += o->each(o->user, &d);
    }
    if (!found && o->none)
        o->none(o->user, &d);
}

bool pat_rule_asked(const pat_rule *r, const char *rules)
{
    return !rules || pat_named_in(rules, r->name) || pat_named_in(rules, pat_written_name(r));
}

bool pat_draw_all(pat_session *s, const pat_program *p, const pat_draws *o)
{
    bool any = false;
    for (uint32_t i = 0; i < p->rules.n; i++) {
        const pat_rule *r = p->rules.at[i];
        if (!pat_rule_asked(r, o->rules))
            continue;
        x_choice choice = {.n = 0};
        pat_drawn d = {.rule = r, .kernel = o->kernel, .row = o->row};
        any = true;
        do {
            d.v = pat_expand(s, p, r, &choice);
            d.variant++;
            draw_variant(s, p, d, o);
        } while (pat_next_choice(&choice));
    }
    return any;
}
