/* See launch.h. Sizes, dtypes, attributes, ranks and units are searched for, those that a row mentions and ones beside
 * them first; what a row asks for is worked out here, from the text of the row. */
#include "launch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "made.h"
#include "prover.h"
#include "run.h"

enum { MAX_VARS = 40, MAX_RANK = 9, MAX_NUMBERS = 160, MAX_COMPARED = 100, RESTARTS = 40, STEPS = 700 };
static const double CLOSE = 1e-4; /* less than any condition counts */
static const double MOST = 1e15;   /* elements */

typedef enum var_kind { DIM, DIMS, DTYPE, ATTR, RUN } var_kind;
typedef struct var {
    var_kind kind;
    pat_name name;
    const pat_attr *attr;
    uint32_t set;            /* DTYPE */
    double at[MAX_RANK];     /* its value; DIMS: those of all */
    uint32_t rank;
} var;

/* What is to come out: left - right has this sign, and is as near to 0 as can be; or a condition without sides holds. */
typedef struct goal { const pat_kernel_row *row; const pat_expr *atom, *left, *right; int side; } goal;

typedef struct launch { var vars[MAX_VARS]; } launch;
typedef struct search {
    near_launches *l;
    const pat_kernel *kernel;
    var vars[MAX_VARS];
    uint32_t n_vars, n_numbers, n_mentioned, seed;
    double numbers[MAX_NUMBERS]; /* those that are mentioned first */
    const pat_expr *compared[MAX_COMPARED]; /* comparisons that the op and its rows ask for */
    uint32_t n_compared;
    PAT_LIST(launch) found;  /* of the row */
    const pat_expr *last;    /* condition that was told */
    const pat_expr *forced;  /* has the value `forced_to` */
    bool forced_to, unknown; /* unknown: a function was called that is not worked out here */
} search;

/* ------------------------------------------------------------------- values -- */

static double eval(search *s, const pat_expr *e);

static var *find_var(search *s, pat_name name)
{
    for (uint32_t i = 0; i < s->n_vars; i++)
        if (s->vars[i].name == name)
            return &s->vars[i];
    return NULL;
}

/* A dtype as its number, a word as its place among those of its attribute. */
static double of_name(search *s, pat_name name)
{
    const var *v = find_var(s, name);
    if (v)
        return v->kind == RUN && !v->at[0] ? NAN : v->at[0];
    if (pat_dtype_number(name))
        return pat_dtype_number(name);
    for (uint32_t i = 0; i < s->kernel->op->attrs.n; i++)
        for (uint32_t j = 0; j < s->kernel->op->attrs.at[i]->words.n; j++)
            if (s->kernel->op->attrs.at[i]->words.at[j]->name == name)
                return j;
    s->unknown = true;
    return NAN;
}

static const pat_operand *operand_named(const search *s, pat_name name)
{
    const pat_op *op = s->kernel->op;
    for (uint32_t i = 0; i < op->operands.n; i++)
        if (op->operands.at[i]->name == name)
            return op->operands.at[i];
    return NULL;
}

/* Of an operand, or of the dims that a name stands for. */
static uint32_t shape_of(search *s, pat_name name, double *dims)
{
    const pat_operand *o = operand_named(s, name);
    const var *v = find_var(s, name);
    uint32_t n = 0;
    for (uint32_t i = 0; v && v->kind == DIMS && i < v->rank; i++)
        dims[n++] = v->at[i];
    for (uint32_t i = 0; o && i < o->type->elems.n; i++)
        if (o->type->elems.at[i]->kind == PE_RANK)
            n += shape_of(s, o->type->elems.at[i]->name, dims + n);
        else
            dims[n++] = eval(s, o->type->elems.at[i]);
    return n;
}

static double dtype_of(search *s, pat_name operand)
{
    const pat_operand *o = operand_named(s, operand);
    return o ? of_name(s, o->type->dtype) : NAN;
}

static double call(search *s, const pat_expr *e)
{
    double dims[2 * MAX_RANK], all = 1, most = 1;
    const pat_name of = e->args.n ? e->args.at[0]->name : NULL;
    uint32_t rank = of ? shape_of(s, of, dims) : 0;
    for (uint32_t i = 0; i < rank; i++) {
        all *= dims[i];
        most *= dims[i] ? dims[i] : 1;
    }
    all = most < MOST ? all : NAN;
    if (!strcmp(e->name, "dtype"))
        return dtype_of(s, of);
    if (!strcmp(e->name, "rank"))
        return rank;
    if (!strcmp(e->name, "numel"))
        return all;
    if (!strcmp(e->name, "bytes"))
        return all * (double)sld_dtype_size((sld_dtype)dtype_of(s, of));
    if (!strcmp(e->name, "size")) {
        double axis = eval(s, e->args.at[1]);
        axis += axis < 0 ? rank : 0;
        return axis >= 0 && axis < rank ? dims[(int)axis] : NAN;
    }
    if (!strcmp(e->name, "ceildiv"))
        return ceil(eval(s, e->args.at[0]) / eval(s, e->args.at[1]));
    s->unknown = true;
    return NAN;
}

static double eval(search *s, const pat_expr *e)
{
    if (e == s->forced)
        return s->forced_to;
    switch (e->kind) {
    case PE_INT: case PE_BOOL: return (double)e->ival;
    case PE_FLOAT: return e->fval;
    case PE_NAME: return of_name(s, e->name);
    case PE_NEG: return -eval(s, e->args.at[0]);
    case PE_NOT: return !eval(s, e->args.at[0]);
    case PE_CALL: return call(s, e);
    case PE_IN:
        for (uint32_t i = 0; i < e->args.at[1]->args.n; i++)
            if (eval(s, e->args.at[0]) == eval(s, e->args.at[1]->args.at[i]))
                return 1;
        return 0;
    default:
        return near_binary(e->kind, eval(s, e->args.at[0]), eval(s, e->args.at[1]));
    }
}

static bool holds(search *s, const pat_expr *e)
{
    return !e || eval(s, e) > 0;
}

static bool covers(search *s, const pat_kernel_row *row)
{
    return holds(s, row->when) && holds(s, row->supports);
}

/* --------------------------------------------------------------------- goals -- */

/* How much of a condition is as wanted, 0 to 1. */
static double share(search *s, const pat_expr *e, bool wanted)
{
    if (!e)
        return wanted;
    if (e->kind != PE_AND && e->kind != PE_OR)
        return holds(s, e) == wanted;
    double a = share(s, e->args.at[0], wanted), b = share(s, e->args.at[1], wanted);
    return (e->kind == PE_AND) == wanted ? (a + b) / 2 : a > b ? a : b;
}

static double row_share(search *s, const pat_kernel_row *row, bool wanted)
{
    double a = share(s, row->when, wanted), b = share(s, row->supports, wanted);
    return wanted ? (a + b) / 2 : a > b ? a : b;
}

/* What the op itself asks for; what is not worked out here the runtime will tell. */
static double op_share(search *s)
{
    const pat_exprs *where = &s->kernel->op->where;
    double sum = 0;
    for (uint32_t i = 0; i < where->n; i++) {
        s->unknown = false;
        double share_of = share(s, where->at[i], true);
        sum += s->unknown ? 1 : share_of;
    }
    return where->n ? sum / where->n : 1;
}

static double gap_of(search *s, const goal *g)
{
    return !g->right ? eval(s, g->left) - g->side : eval(s, g->left) - eval(s, g->right);
}

static bool met(const goal *g, double gap)
{
    return !g->right || !g->side ? gap == 0 : g->side < 0 ? gap < 0 : gap > 0;
}

/* How near this is. full: all that is asked for holds; then only how small the gap is makes a difference. */
static double score(search *s, const goal *g, bool *full)
{
    bool beside = g->atom->kind != PE_IN || !g->side || !holds(s, g->atom);
    double gap = gap_of(s, g), sum = op_share(s) + (met(g, gap) && beside), all = 4;
    s->forced = g->atom;
    s->forced_to = true;
    sum += row_share(s, g->row, true);
    s->forced_to = false;
    sum += row_share(s, g->row, false);
    s->forced = NULL;
    for (uint32_t i = 0; s->kernel->rows.at[i] != g->row; i++)
        if (s->kernel->rows.at[i]->target == g->row->target) {
            sum += row_share(s, s->kernel->rows.at[i], false);
            all++;
        }
    *full = sum == all;
    return sum + (isnan(gap) ? 0 : CLOSE / (1 + fabs(gap)));
}

/* -------------------------------------------------------------------- search -- */

static uint32_t next(search *s, uint32_t n)
{
    s->seed = s->seed * 1664525u + 1013904223u;
    return (s->seed >> 8) % n;
}

/* 0 is a multiple of everything, and tells little. */
static double number(search *s)
{
    return !next(s, 64) ? 0 : s->numbers[next(s, next(s, 2) ? s->n_mentioned : s->n_numbers)];
}

/* A list is of zeros, its value their number. */
static bool is_list(const pat_attr *a)
{
    return a->kind && (!strcmp(a->kind, "ints") || !strcmp(a->kind, "axes"));
}

static void draw_attr(search *s, var *v)
{
    const pat_attr *a = v->attr;
    uint32_t dtypes = (1u << SLD_DTYPE_COUNT) - 2;
    if (is_list(a))
        v->at[0] = a->dflt ? a->dflt->args.n : 2 * next(s, 4);
    else if (a->dflt && next(s, 2))
        v->at[0] = eval(s, a->dflt);
    else if (a->words.n)
        v->at[0] = next(s, a->words.n);
    else if (!strcmp(a->kind, "bool"))
        v->at[0] = next(s, 2);
    else if (!strcmp(a->kind, "dtype"))
        for (v->at[0] = 0; !(dtypes >> (int)v->at[0] & 1);)
            v->at[0] = next(s, SLD_DTYPE_COUNT);
    else if (!strcmp(a->kind, "axis"))
        v->at[0] = -1 - (double)next(s, 2);
    else
        v->at[0] = !strcmp(a->kind, "float") && next(s, 2) ? 0 : number(s);
}

static void draw(search *s, var *v)
{
    if (v->kind == DTYPE) {
        do
            v->at[0] = next(s, SLD_DTYPE_COUNT);
        while (!(v->set >> (int)v->at[0] & 1));
    } else if (v->kind == ATTR) {
        draw_attr(s, v);
    } else if (v->kind == DIMS) {
        v->rank = next(s, 3) ? 1 + next(s, 3) : next(s, MAX_RANK + 1);
        for (uint32_t i = 0; i < v->rank; i++)
            v->at[i] = next(s, 2) ? number(s) : 1;
    } else {
        v->at[0] = number(s);
    }
}

/* Moves one size to where both sides of the goal are as near as can be, if they grow with it. */
static void solve(search *s, const goal *g, double *at)
{
    double lo = 1, hi = 1 << 22, was = *at;
    bool below = (*at = lo, gap_of(s, g) < 0);
    while (hi - lo > 1) {
        *at = floor((lo + hi) / 2);
        if ((gap_of(s, g) < 0) == below && gap_of(s, g) != 0)
            lo = *at;
        else
            hi = *at;
    }
    for (*at = hi - 1; *at < hi + 1 && !met(g, gap_of(s, g));)
        ++*at;
    *at = met(g, gap_of(s, g)) ? *at : was;
}

static void step(search *s, const goal *g)
{
    var *v = &s->vars[next(s, s->n_vars)];
    bool number_of = v->kind == ATTR && v->attr->kind && !strcmp(v->attr->kind, "int");
    bool size = v->kind == DIM || number_of || (v->kind == DIMS && v->rank);
    const pat_expr *other = s->n_compared ? s->compared[next(s, s->n_compared)] : g->atom;
    const goal at = {.left = other->args.at[0], .right = other->args.at[1]};
    if (size && s->n_compared && next(s, 2)) {
        double *moved = &v->at[v->kind == DIMS ? next(s, v->rank) : 0]; /* one draw after the other, for every compiler */
        solve(s, g->right && next(s, 2) ? g : &at, moved);
    } else {
        draw(s, v);
    }
}

/* ---------------------------------------------------------------------- text -- */

static void print_type(search *s, const pat_operand *o, FILE *f)
{
    double dims[2 * MAX_RANK];
    uint32_t rank = shape_of(s, o->name, dims);
    fprintf(f, "%s[", sld_dtype_name((sld_dtype)of_name(s, o->type->dtype)));
    for (uint32_t i = 0; i < rank; i++)
        fprintf(f, "%s%.0f", i ? "," : "", dims[i]);
    fprintf(f, "]");
}

static void print_list(int n, FILE *f)
{
    fprintf(f, "[");
    for (int i = 0; i < n; i++)
        fprintf(f, i ? ", 0" : "0");
    fprintf(f, "]");
}

static void print_var(const var *v, FILE *f)
{
    const pat_attr *a = v->attr;
    fprintf(f, "%s = ", v->name);
    if (a && a->words.n)
        fprintf(f, "%s", a->words.at[(int)v->at[0]]->name);
    else if (a && is_list(a))
        print_list((int)v->at[0], f);
    else if (a && !strcmp(a->kind, "bool"))
        fprintf(f, v->at[0] ? "true" : "false");
    else if (a && !strcmp(a->kind, "dtype"))
        fprintf(f, "%s", sld_dtype_name((sld_dtype)v->at[0]));
    else
        fprintf(f, a && !strcmp(a->kind, "float") ? "%.1f" : "%.0f", v->at[0]);
}

static void print_attr(search *s, const pat_attr *a, FILE *f)
{
    const var *v = find_var(s, a->name);
    if (v)
        print_var(v, f);
    else
        fprintf(f, "%s = \"x\"", a->name);
}

/* With no more results than there must be. */
static char *graph_text(search *s)
{
    const pat_op *op = s->kernel->op;
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    for (uint32_t i = 0; i < op->operands.n; i++)
        if (!op->operands.at[i]->optional) {
            fprintf(f, "input %%%s : ", op->operands.at[i]->name);
            print_type(s, op->operands.at[i], f);
            fprintf(f, "\n");
        }
    const uint32_t n_out = op->results.n + op->variadic_results;
    for (uint32_t i = 0; i < n_out; i++)
        fprintf(f, "%s%%out%u", i ? ", " : "", i);
    fprintf(f, "%s%s(", n_out ? " = " : "", op->name);
    for (uint32_t i = 0; i < op->operands.n; i++)
        fprintf(f, op->operands.at[i]->optional ? "%s_" : "%s%%%s", i ? ", " : "", op->operands.at[i]->name);
    for (uint32_t i = 0; i < op->attrs.n; i++) {
        fprintf(f, i ? ", " : "; ");
        print_attr(s, op->attrs.at[i], f);
    }
    fprintf(f, ")\noutput out0 = %%out0\n");
    fclose(f);
    return text;
}

/* ---------------------------------------------------------------------- judge -- */

static double run_value(search *s, const char *name)
{
    for (uint32_t i = 0; i < s->n_vars; i++)
        if (s->vars[i].kind == RUN && !strcmp(s->vars[i].name, name))
            return s->vars[i].at[0];
    return 0;
}

/* Which row ought to be bound, by the text of the rows. */
static const pat_kernel_row *expected(search *s, const char *target)
{
    for (uint32_t i = 0; i < s->kernel->rows.n; i++)
        if (!strcmp(s->kernel->rows.at[i]->target, target) && covers(s, s->kernel->rows.at[i]))
            return s->kernel->rows.at[i];
    return !strcmp(target, "cpu") ? expected(s, "ref") : NULL;
}

static const char *spelt(search *s, const pat_expr *e)
{
    size_t n;
    const char *at = pat_expr_text(s->l->s, e, &n);
    char text[2000], *to = text;
    for (size_t i = 0; i < n && to < text + sizeof text - 1; i++)
        if (at[i] != '\n' && at[i] != ' ')
            *to++ = at[i];
        else if (to[-1] != ' ')
            *to++ = ' ';
    return pat_intern(s->l->s, text, (size_t)(to - text));
}

static pat_name of_dtype(const search *s, pat_name variable)
{
    for (uint32_t i = 0; i < s->kernel->op->operands.n; i++)
        if (s->kernel->op->operands.at[i]->type->dtype == variable && !s->kernel->op->operands.at[i]->optional)
            return s->kernel->op->operands.at[i]->name;
    return NULL;
}

/* As a message says it: with the dtype of an operand for a dtype variable. */
static const char *told(search *s, const pat_expr *e)
{
    char text[2000];
    size_t n = 0;
    for (const char *at = spelt(s, e); *at && n < sizeof text - 200;) {
        size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        pat_name of = len ? of_dtype(s, pat_intern(s->l->s, at, len)) : NULL;
        len = len ? len : 1;
        n += of ? (size_t)snprintf(text + n, sizeof text - n, "dtype(%s)", of)
                : (size_t)snprintf(text + n, sizeof text - n, "%.*s", (int)len, at);
        at += len;
    }
    return pat_intern(s->l->s, text, n);
}

/* NULL: no such graph. */
static char *bound(search *s, const goal *g, const char *text)
{
    char *out = NULL;
    sld_ctx *ctx = sld_ctx_new(NULL);
    sld_graph *graph = sld_text_parse(ctx, s->l->rules, "launch", text, strlen(text));
    if (graph)
        out = near_bound(graph, g->row->target, (int64_t)run_value(s, "world"), (int64_t)run_value(s, "units"));
    sld_graph_free(graph);
    sld_ctx_free(ctx);
    return out;
}

/* Whether no other row of the target could be the nearest. */
static bool alone(const search *s, const pat_kernel_row *row)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->kernel->rows.n; i++)
        n += s->kernel->rows.at[i]->target == row->target;
    return n == 1;
}

/* The row that is bound, and where none is, the condition that is named. */
static bool as_expected(search *s, const goal *g, const char *got)
{
    char name[200];
    const pat_kernel_row *row = expected(s, g->row->target);
    bool flag = g->right && g->right->kind == PE_BOOL; /* told as a number */
    if (!row)
        return strstr(got, " wants ") && (!alone(s, g->row) || strstr(got, told(s, flag ? g->left : g->atom)));
    snprintf(name, sizeof name, "sld_%s_%s%s%s", row->target, s->kernel->name, row->variant ? "_" : "",
             row->variant ? row->variant : "");
    return !strcmp(got, name);
}

/* Attributes that are not their default, ranks and units that are known. */
static bool is_worth_telling(search *s, const var *v)
{
    if (v->kind == RUN)
        return v->at[0];
    return v->kind == ATTR && !(v->attr->dflt && (is_list(v->attr) || v->at[0] == eval(s, v->attr->dflt)));
}

static void tell(search *s, const goal *g, const char *text, const char *got)
{
    near_launches *l = s->l;
    double world = run_value(s, "world"), units = run_value(s, "units");
    l->n++;
    if (!as_expected(s, g, got)) {
        l->n_wrong++;
        printf("WRONG: kernel %s, %s: %s is bound (ranks %.0f, units %.0f)\n%s", s->kernel->name, spelt(s, g->atom), got,
               world, units, text);
    }
    if (l->cases)
        fprintf(l->cases, "case %s 0 0 %.0f %.0f launch \"%s\"\n%send\n", s->kernel->name, world, units, g->row->target, text);
    if (!l->told)
        return;
    if (s->last != g->atom)
        fprintf(l->told, "  %s\n", spelt(s, g->atom));
    s->last = g->atom;
    fprintf(l->told, "   ");
    for (uint32_t i = 0; i < s->kernel->op->operands.n; i++)
        if (!s->kernel->op->operands.at[i]->optional) {
            fputc(' ', l->told);
            print_type(s, s->kernel->op->operands.at[i], l->told);
        }
    for (uint32_t i = 0; i < s->n_vars; i++)
        if (is_worth_telling(s, &s->vars[i])) {
            fprintf(l->told, ", ");
            print_var(&s->vars[i], l->told);
        }
    const char *variant = strstr(got, s->kernel->name) + strlen(s->kernel->name);
    if (strstr(got, " wants "))
        fprintf(l->told, " -> none\n");
    else
        fprintf(l->told, " -> %.3s%s\n", got + strlen("sld_"), variant); /* targets have three letters */
}

/* Whether all is as wanted, as near as before, and the op takes it; then text and got are what it is and what came out. */
static bool accepted(search *s, const goal *g, double best, char **text, char **got)
{
    bool full;
    if (score(s, g, &full) < best || !full)
        return false;
    char *new_text = graph_text(s), *new_got = bound(s, g, new_text);
    if (new_got) {
        free(*text), free(*got);
        *text = new_text, *got = new_got;
        return true;
    }
    free(new_text);
    return false;
}

/* Simpler values where they do; small and different ones rather than the same. */
static void simplify(search *s, const goal *g, char **text, char **got)
{
    bool full;
    for (uint32_t i = 0; i < s->n_vars; i++) {
        var *v = &s->vars[i];
        for (uint32_t j = 0; j < (v->kind == ATTR ? 1 : v->kind == DTYPE ? 0 : v->kind == DIMS ? v->rank + 1 : 1); j++) {
            const var was = *v;
            double best = score(s, g, &full);
            if (v->kind == DIMS && j == v->rank)
                v->rank = v->rank > 1;
            else if (v->kind == ATTR && v->attr->dflt)
                v->at[0] = is_list(v->attr) ? v->attr->dflt->args.n : eval(s, v->attr->dflt);
            else
                v->at[j] = v->kind == ATTR ? 1 : v->kind == RUN ? 0 : 2 + i + j;
            if (!accepted(s, g, best, text, got))
                *v = was;
        }
    }
}

/* One that was found for another condition. */
static bool known(search *s, const goal *g)
{
    bool full = false;
    for (uint32_t i = 0; i < s->found.n && !full; i++) {
        memcpy(s->vars, s->found.at[i]->vars, sizeof s->vars);
        score(s, g, &full);
        full = full && fabs(gap_of(s, g)) <= (g->side != 0);
    }
    return full;
}

static void keep(search *s, const goal *g, char **text, char **got)
{
    simplify(s, g, text, got);
    tell(s, g, *text, *got);
    launch *one = pat_alloc(s->l->s->arena, sizeof *one);
    memcpy(one->vars, s->vars, sizeof one->vars);
    PAT_PUSH(s->l->s->arena, s->found, one);
}

/* False: there is none. */
static bool reach(search *s, const goal *g)
{
    double best = 0;
    char *text = NULL, *got = NULL;
    launch found;
    bool full;
    if (known(s, g))
        return true;
    for (uint32_t try = 0, last = 0; try < RESTARTS && !(text && (fabs(gap_of(s, g)) <= 1 || try > last + 4)); try++) {
        for (uint32_t i = 0; i < s->n_vars; i++)
            draw(s, &s->vars[i]);
        double now = score(s, g, &full);
        for (uint32_t k = 0; k < STEPS; k++) {
            launch before;
            memcpy(before.vars, s->vars, sizeof before.vars);
            step(s, g);
            double then = score(s, g, &full);
            if (!(then >= now)) {
                memcpy(s->vars, before.vars, sizeof before.vars);
                continue;
            }
            now = then;
            if (full && now > best && accepted(s, g, now, &text, &got)) {
                best = now;
                last = try;
                memcpy(found.vars, s->vars, sizeof found.vars);
            }
        }
        if (text)
            memcpy(s->vars, found.vars, sizeof found.vars);
    }
    if (text)
        keep(s, g, &text, &got);
    free(text), free(got);
    return text != NULL;
}

/* ---------------------------------------------------------------------- atoms -- */

static bool try_side(search *s, goal *g, int side)
{
    g->side = side;
    return reach(s, g);
}

static void missing(search *s, const goal *g, bool there, const char *what)
{
    if (!there && s->l->told)
        fprintf(s->l->told, "  %s: no launch%s%s\n", spelt(s, g->atom), what, g->right ? spelt(s, g->right) : "");
}

static void decide_member(search *s, goal *g, const pat_exprs *set)
{
    bool beside = false;
    for (uint32_t i = 0; i < set->n; i++) {
        g->right = set->at[i];
        missing(s, g, try_side(s, g, 0), " at ");
        bool below = try_side(s, g, -1), above = try_side(s, g, 1);
        beside |= below || above;
    }
    missing(s, g, beside, " beside ");
}

/* Launches for which the condition holds and does not; what is not found is told. */
static void decide(search *s, const pat_kernel_row *row, const pat_expr *e)
{
    goal g = {.row = row, .atom = e, .left = e};
    bool compares = e->kind >= PE_EQ && e->kind <= PE_GE;
    if (e->kind == PE_AND || e->kind == PE_OR) {
        decide(s, row, e->args.at[0]);
        decide(s, row, e->args.at[1]);
        return;
    }
    s->l->n_conditions++;
    if (compares || e->kind == PE_IN)
        g.left = e->args.at[0];
    if (e->kind == PE_IN) {
        decide_member(s, &g, &e->args.at[1]->args);
        return;
    }
    g.right = compares ? e->args.at[1] : NULL;
    missing(s, &g, try_side(s, &g, 0), compares ? " at " : " without it");
    bool up = !compares || e->kind == PE_LE || e->kind == PE_GT, down = e->kind == PE_LT || e->kind == PE_GE;
    bool below = !up && try_side(s, &g, -1), above = !down && try_side(s, &g, 1);
    missing(s, &g, below || above, compares ? " beside " : " with it");
}

/* ------------------------------------------------------------------- variables -- */

static void add_number(search *s, double v)
{
    for (uint32_t i = 0; i < s->n_numbers; i++)
        if (s->numbers[i] == v)
            return;
    if (v > 0 && s->n_numbers < MAX_NUMBERS)
        s->numbers[s->n_numbers++] = v;
}

static void collect(search *s, const pat_expr *e)
{
    if (e && e->kind == PE_INT)
        add_number(s, (double)e->ival);
    if (e && e->kind >= PE_EQ && e->kind <= PE_GE && s->n_compared < MAX_COMPARED)
        s->compared[s->n_compared++] = e;
    for (uint32_t i = 0; e && i < e->args.n; i++)
        collect(s, e->args.at[i]);
}

static void add_neighbours(search *s)
{
    s->n_mentioned = s->n_numbers;
    for (uint32_t i = 0; i < s->n_mentioned; i++)
        for (int off = -1; off <= 1; off++)
            add_number(s, s->numbers[i] + off), add_number(s, 2 * s->numbers[i] + off);
}

static var *add_var(search *s, var_kind kind, pat_name name)
{
    var *v = find_var(s, name);
    if (!v && s->n_vars < MAX_VARS) {
        v = &s->vars[s->n_vars++];
        *v = (var){.kind = kind, .name = name};
    }
    return v;
}

/* The names of a shape, attributes first. */
static void add_names(search *s, const pat_expr *e)
{
    if (e->kind == PE_NAME || e->kind == PE_RANK)
        add_var(s, e->kind == PE_RANK ? DIMS : DIM, e->name);
    for (uint32_t i = 0; i < e->args.n; i++)
        add_names(s, e->args.at[i]);
}

static void add_run(search *s, const pat_expr *e)
{
    if (e && e->kind == PE_NAME && (!strcmp(e->name, "world") || !strcmp(e->name, "units")))
        add_var(s, RUN, e->name);
    for (uint32_t i = 0; e && i < e->args.n; i++)
        add_run(s, e->args.at[i]);
}

static void open_search(search *s)
{
    const pat_op *op = s->kernel->op;
    static const double usual[] = {1, 2, 3, 8, 16, 64};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        add_number(s, usual[i]);
    for (uint32_t i = 0; i < op->attrs.n; i++) {
        const char *kind = op->attrs.at[i]->kind;
        if (!kind || strcmp(kind, "string"))
            add_var(s, ATTR, op->attrs.at[i]->name)->attr = op->attrs.at[i];
    }
    for (uint32_t i = 0; i < op->operands.n; i++) {
        const pat_type *t = op->operands.at[i]->type;
        if (!pat_dtype_number(t->dtype))
            add_var(s, DTYPE, t->dtype)->set = t_declared_set(s->l->p, t->dtype);
        for (uint32_t j = 0; j < t->elems.n; j++)
            add_names(s, t->elems.at[j]);
    }
    for (uint32_t i = 0; i < op->where.n; i++)
        collect(s, op->where.at[i]);
    for (uint32_t i = 0; i < s->kernel->rows.n; i++) {
        collect(s, s->kernel->rows.at[i]->when);
        add_run(s, s->kernel->rows.at[i]->when);
    }
    add_neighbours(s);
}

void near_launch_all(near_launches *l)
{
    const char *only = getenv("NEAR_KERNEL");
    for (uint32_t i = 0; i < l->p->kernels.n; i++) {
        const pat_kernel *k = l->p->kernels.at[i];
        search s = {.l = l, .kernel = k, .seed = 1};
        if (only && strcmp(only, k->name))
            continue;
        open_search(&s);
        for (uint32_t j = 0; j < k->rows.n; j++) {
            const pat_kernel_row *row = k->rows.at[j];
            s.found.n = 0;
            if (l->told && row->when)
                fprintf(l->told, "%s: %s%s%s\n", k->name, row->target, row->variant ? " " : "", row->variant ? row->variant : "");
            if (row->when)
                decide(&s, row, row->when);
            if (row->supports)
                decide(&s, row, row->supports);
        }
    }
}
