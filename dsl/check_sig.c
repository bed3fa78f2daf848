/* Checks the expressions of signatures: shapes, conditions of ops and of kernels. Each gives a value of some sort, and
 * what is done with it wants one of some sort. */
#include <string.h>

#include "checker.h"
#include "expand.h"
#include "sld_abi.h"

typedef enum sort { UNKNOWN, NUMBER, REAL, FLAG, TRUTH, DIMS, DTYPE, WORD, TEXT } sort; /* UNKNOWN: after an error */

typedef struct reader { pat_session *s; const pat_sig *g; } reader;

pat_sig pat_signature(pat_session *s, const pat_op *op)
{
    pat_sig g = {.op = op};
    for (uint32_t i = 0; i < op->operands.n; i++) {
        const pat_type *t = op->operands.at[i]->type;
        PAT_PUSH(s->arena, g.dtypes, t->dtype);
        for (uint32_t j = 0; j < t->elems.n; j++) {
            const pat_expr *e = t->elems.at[j];
            if (e->kind == PE_RANK)
                PAT_PUSH(s->arena, g.ranks, e->name);
            else if (e->kind == PE_NAME)
                PAT_PUSH(s->arena, g.dims, e->name);
        }
    }
    return g;
}

static const char *sort_text(sort is)
{
    static const char *const texts[] = {
        [UNKNOWN] = "nothing", [NUMBER] = "a number", [REAL] = "a float", [FLAG] = "true or false",
        [TRUTH] = "a condition", [DIMS] = "a list of dims", [DTYPE] = "a dtype", [WORD] = "a word of an enum", [TEXT] = "a string",
    };
    return texts[is];
}

static sort wrong_sort(reader *r, const pat_expr *e, sort is, const char *wanted)
{
    if (is != UNKNOWN)
        pat_error(r->s, e->span, E_SORT, "%s is wanted here, this is %s", wanted, sort_text(is));
    return UNKNOWN;
}

/* ------------------------------------------------------------------ names -- */

static bool is_operand(const pat_op *op, pat_name name)
{
    for (uint32_t i = 0; i < op->operands.n; i++)
        if (op->operands.at[i]->name == name)
            return true;
    return false;
}

static bool has_word(const pat_attr *a, pat_name name)
{
    for (uint32_t i = 0; i < a->words.n; i++)
        if (a->words.at[i]->name == name)
            return true;
    return false;
}

static bool is_any_word(const pat_op *op, pat_name name)
{
    for (uint32_t i = 0; i < op->attrs.n; i++)
        if (has_word(op->attrs.at[i], name))
            return true;
    return false;
}

/* The dtype of an operand for the variable that stands for it. */
static const pat_expr *dtype_of_variable(void *context, pat_name name)
{
    const reader *r = context;
    const pat_op *op = r->g->op;
    bool other = pat_find_attr(op, name) || is_any_word(op, name) || pat_listed(&r->g->dims, name) || pat_dtype_number(name);
    for (uint32_t i = 0; !other && i < op->operands.n; i++) {
        const pat_operand *o = op->operands.at[i];
        if (o->type->dtype != name || o->optional)
            continue;
        pat_expr *call = pat_alloc(r->s->arena, sizeof *call), *operand = pat_alloc(r->s->arena, sizeof *operand);
        *operand = (pat_expr){.kind = PE_NAME, .span = o->span, .name = o->name, .text = o->name};
        *call = (pat_expr){.kind = PE_CALL, .name = pat_intern(r->s, "dtype", 5), .text = name};
        PAT_PUSH(r->s->arena, call->args, operand);
        return call;
    }
    return NULL;
}

pat_expr *pat_read_dtypes(pat_session *s, const pat_op *op, pat_expr *e)
{
    pat_sig g = pat_signature(s, op);
    reader r = {s, &g};
    return e ? (pat_expr *)pat_replace_names(s, e, dtype_of_variable, &r) : NULL;
}

static sort sort_of_attr(const pat_attr *a)
{
    static const struct { const char *kind; sort is; } all[] = {
        {"int", NUMBER}, {"axis", NUMBER}, {"float", REAL}, {"bool", FLAG},
        {"string", TEXT}, {"dtype", DTYPE}, {"ints", DIMS}, {"axes", DIMS},
    };
    for (size_t i = 0; a->kind && i < sizeof all / sizeof *all; i++)
        if (!strcmp(all[i].kind, a->kind))
            return all[i].is;
    return a->kind ? UNKNOWN : WORD; /* an unknown kind was told of */
}

static sort sort_of_name(reader *r, const pat_expr *e)
{
    const pat_sig *g = r->g;
    const pat_attr *a = pat_find_attr(g->op, e->name);
    if (a)
        return sort_of_attr(a);
    if (pat_listed(&g->ranks, e->name) || is_operand(g->op, e->name))
        return DIMS;
    if (pat_listed(&g->dims, e->name) || (g->run && pat_is_graph_name(e->name)))
        return NUMBER;
    if (pat_dtype_number(e->name))
        return DTYPE;
    if (is_any_word(g->op, e->name)) {
        pat_error(r->s, e->span, E_SORT, "a word of an enum is compared with its attribute");
        return UNKNOWN;
    }
    if (!g->wrong)
        pat_error(r->s, e->span, E_FREE_NAME, "'%s' is not bound by an operand or attribute of '%s'", e->name,
                  g->op->name);
    return UNKNOWN;
}

static sort sort_of_rank(reader *r, const pat_expr *e)
{
    if (!pat_listed(&r->g->ranks, e->name) && !r->g->wrong)
        pat_error(r->s, e->span, E_FREE_NAME, "'*%s' is not bound by an operand of '%s'", e->name, r->g->op->name);
    return DIMS;
}

/* ------------------------------------------------------------------ calls -- */

static const char *const functions[] = {
#define X(id, name, args, gives) #name,
    SLD_FN_LIST(X)
#undef X
};
static const struct { const char *args; char gives; } forms[] = {
#define X(id, name, args, gives) {args, gives},
    SLD_FN_LIST(X)
#undef X
};

bool pat_is_signature_function(pat_name name)
{
    for (uint32_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (!strcmp(functions[i], name))
            return true;
    return false;
}

static sort sort_of(reader *r, const pat_expr *e);

static bool is_number(sort is)
{
    return is == NUMBER || is == REAL || is == FLAG;
}

static void check_argument(reader *r, const pat_expr *e, char kind)
{
    sort is = sort_of(r, e);
    bool list = is == DIMS, number = is == NUMBER || is == FLAG;
    switch (kind | 0x20) {
    case 'n':
        if (!number)
            wrong_sort(r, e, is, "a number");
        break;
    case 'a':
        if (!list && !number)
            wrong_sort(r, e, is, "an axis or a list of them");
        break;
    case 'o':
        if (e->kind != PE_NAME || !is_operand(r->g->op, e->name))
            wrong_sort(r, e, is, "an operand");
        break;
    default:
        if (!list)
            wrong_sort(r, e, is, "a list of dims");
    }
}

static sort sort_of_call(reader *r, const pat_expr *e)
{
    int fn = 0;
    while (fn < SLD_FN_COUNT && strcmp(functions[fn], e->name))
        fn++;
    if (fn == SLD_FN_COUNT) {
        pat_error(r->s, e->span, E_UNKNOWN_FUNCTION, "unknown shape function '%s'", e->name);
        pat_suggest(r->s, e->name, functions, SLD_FN_COUNT);
        return UNKNOWN;
    }
    const char *want = forms[fn].args;
    bool more = strchr(want, '+');
    uint32_t least = 0, most = (uint32_t)strlen(want) - more;
    while (want[least] >= 'a')
        least++;
    if (e->args.n < least || (e->args.n > most && !more)) {
        pat_error(r->s, e->span, E_SORT, "'%s' takes %s%u argument%s, %u given", e->name,
                  more || (least < most && e->args.n < least) ? "at least " : least < most ? "at most " : "",
                  e->args.n < least ? least : most, (e->args.n < least ? least : most) == 1 ? "" : "s", e->args.n);
        return UNKNOWN;
    }
    for (uint32_t i = 0; i < e->args.n; i++)
        check_argument(r, e->args.at[i], want[i < most ? i : most - 1]);
    return forms[fn].gives == 'l' ? DIMS : forms[fn].gives == 'd' ? DTYPE : NUMBER;
}

/* -------------------------------------------------------------- operators -- */

static sort arithmetic(reader *r, const pat_expr *e)
{
    sort out = NUMBER;
    for (uint32_t i = 0; i < e->args.n; i++) {
        sort is = sort_of(r, e->args.at[i]);
        if (!is_number(is) || (is == REAL && e->kind == PE_MOD))
            return wrong_sort(r, e->args.at[i], is, e->kind == PE_MOD ? "a whole number" : "a number");
        out = is == REAL ? REAL : out;
    }
    return out;
}

static const pat_attr *words_of(reader *r, const pat_expr *e)
{
    const pat_attr *a = e->kind == PE_NAME ? pat_find_attr(r->g->op, e->name) : NULL;
    return a && !a->kind ? a : NULL;
}

static void check_word(reader *r, const pat_attr *a, const pat_expr *e)
{
    pat_names words = {0};
    if (e->kind == PE_NAME && (has_word(a, e->name) || words_of(r, e)))
        return;
    for (uint32_t i = 0; i < a->words.n; i++)
        if (a->words.at[i]->name) /* a number is told of elsewhere */
            PAT_PUSH(r->s->arena, words, a->words.at[i]->name);
    pat_error(r->s, e->span, E_SORT, "this is no word of '%s'", a->name);
    if (e->kind == PE_NAME)
        pat_suggest(r->s, e->name, words.at, words.n);
}

/* a can equal each of these. */
static void check_equal(reader *r, const pat_expr *a, const pat_expr *const *b, uint32_t n)
{
    const pat_attr *words = words_of(r, a);
    const pat_attr *other = n == 1 && !words ? words_of(r, b[0]) : NULL;
    if (other) {
        check_word(r, other, a);
        return;
    }
    sort x = words ? WORD : sort_of(r, a);
    for (uint32_t i = 0; i < n; i++) {
        sort y = words ? WORD : sort_of(r, b[i]);
        if (words)
            check_word(r, words, b[i]);
        else if (x != y && x != UNKNOWN && !(is_number(x) && is_number(y)))
            wrong_sort(r, b[i], y, sort_text(x));
    }
}

static sort comparison(reader *r, const pat_expr *e)
{
    const pat_expr *b = e->args.at[1];
    if (e->kind == PE_IN && b->kind != PE_SET) {
        pat_error(r->s, b->span, E_IN_SET, "'in' wants a set such as {64, 128}");
        return UNKNOWN;
    }
    if (e->kind == PE_IN)
        check_equal(r, e->args.at[0], (const pat_expr *const *)b->args.at, b->args.n);
    if (e->kind == PE_EQ || e->kind == PE_NE)
        check_equal(r, e->args.at[0], &b, 1);
    for (uint32_t i = 0; e->kind > PE_NE && e->kind < PE_IN && i < 2; i++) {
        sort is = sort_of(r, e->args.at[i]);
        if (!is_number(is))
            wrong_sort(r, e->args.at[i], is, "a number");
    }
    return TRUTH;
}

static void want_truth(reader *r, const pat_expr *e)
{
    sort is = sort_of(r, e);
    if (is != TRUTH && is != FLAG)
        wrong_sort(r, e, is, "a condition");
}

static sort list(reader *r, const pat_expr *e)
{
    for (uint32_t i = 0; i < e->args.n; i++) {
        sort is = sort_of(r, e->args.at[i]);
        if (is != NUMBER)
            wrong_sort(r, e->args.at[i], is, "a number");
    }
    return DIMS;
}

static sort sort_of(reader *r, const pat_expr *e)
{
    switch (e->kind) {
    case PE_INT: return NUMBER;
    case PE_FLOAT: return REAL;
    case PE_BOOL: return FLAG;
    case PE_STRING:
        pat_error(r->s, e->span, E_STRING_IN_SIGNATURE, "a string cannot stand in a signature");
        return UNKNOWN;
    case PE_NAME: return sort_of_name(r, e);
    case PE_RANK: return sort_of_rank(r, e);
    case PE_LIST: return list(r, e);
    case PE_CALL: return sort_of_call(r, e);
    case PE_NEG: case PE_ADD: case PE_SUB: case PE_MUL: case PE_DIV: case PE_MOD: return arithmetic(r, e);
    case PE_EQ: case PE_NE: case PE_LT: case PE_LE: case PE_GT: case PE_GE: case PE_IN: return comparison(r, e);
    case PE_NOT: case PE_AND: case PE_OR:
        for (uint32_t i = 0; i < e->args.n; i++)
            want_truth(r, e->args.at[i]);
        return TRUTH;
    default:
        if (!r->s->n_errors) /* '_' also stands for what is nested too deeply */
            pat_error(r->s, e->span, E_SORT, "this has no value");
        return UNKNOWN;
    }
}

/* -------------------------------------------------------------- the whole -- */

void pat_check_element(pat_session *s, const pat_sig *g, const pat_expr *e)
{
    reader r = {s, g};
    if (e->kind == PE_NAME && pat_listed(&g->ranks, e->name)) {
        pat_error(s, e->span, E_SORT, "'%s' stands for any number of dims", e->name);
        pat_hint(s, "write '*%s'", e->name);
        return;
    }
    sort is = e->kind == PE_WILD ? DIMS : sort_of(&r, e);
    bool word = is == WORD && e->kind == PE_NAME; /* of an attribute: its number */
    if (is != NUMBER && is != DIMS && !word)
        wrong_sort(&r, e, is, "a size");
    else if (is == DIMS && e->kind == PE_NAME && is_operand(g->op, e->name))
        wrong_sort(&r, e, is, "a size");
}

void pat_check_truth(pat_session *s, const pat_sig *g, const pat_expr *e)
{
    reader r = {s, g};
    want_truth(&r, e);
}

void pat_check_bytes(pat_session *s, const pat_op *op, const pat_expr *e)
{
    pat_sig g = pat_signature(s, op);
    reader r = {s, &g};
    g.run = true;
    sort is = sort_of(&r, e);
    if (is != NUMBER)
        wrong_sort(&r, e, is, "a number of bytes");
}

void pat_check_condition(pat_session *s, const pat_op *op, const pat_expr *e)
{
    pat_sig g = pat_signature(s, op);
    g.run = true;
    pat_check_truth(s, &g, e);
}
