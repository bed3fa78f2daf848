/* Inference against answers worked out beforehand with NumPy, ONNX's shape inference and torch:
 * shapes with constant and symbolic dims, canonical attributes, contents, errors, conditions,
 * kernels, vocabulary.  A case is one line: op, operands, attributes, and what comes out. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"
#include "infer_ops.h"

/* ------------------------------------------------------ cases written as text -- */

typedef struct run {
    sld_ctx *ctx;
    sld_graph *g;
    sld_ruleset rules;
    uint32_t kernel_index[N_INFER_OPS + 1];
    sld_dim pool[1024];   /* lists of attributes */
    uint32_t n_pool;
    char words[1024];     /* their strings */
    uint32_t n_words;
} run;

/* Symbols of the tests: s and t from 2 on, z from 0 on, u without a lower bound, p a small one. */
static void begin(run *r)
{
    memset(r, 0, sizeof *r);
    r->rules = (sld_ruleset){.abi = SLD_ABI, .name = "infer", .n_ops = N_INFER_OPS, .ops = infer_ops,
                             .n_vocabs = 2, .vocabs = infer_vocabs, .kernels = infer_kernels, .n_kernels = 4,
                             .kernel_index = r->kernel_index};
    r->kernel_index[N_INFER_OPS] = 4;
    r->ctx = sld_ctx_new(NULL);
    r->g = sld_graph_new(r->ctx, &r->rules);
    sld_dim_symbol(r->g, "s", 2, INT64_MAX);
    sld_dim_symbol(r->g, "t", 2, INT64_MAX);
    sld_dim_symbol(r->g, "z", 0, INT64_MAX);
    sld_dim_symbol(r->g, "u", INT64_MIN + 1, INT64_MAX);
    sld_dim_symbol(r->g, "p", 1, 16);
}

static void end(run *r)
{
    sld_graph_free(r->g);
    sld_ctx_free(r->ctx);
}

/* Reads "[a, b]" into the pool and moves *text behind it. */
static uint32_t read_list(run *r, const char **text, sld_dim **out)
{
    const char *p = *text + 1;
    uint32_t n = 0;
    *out = r->pool + r->n_pool;
    while (*p != ']') {
        char buf[64];
        size_t k = 0;
        for (int depth = 0; depth || (p[k] != ',' && p[k] != ']'); k++)
            depth += (p[k] == '(') - (p[k] == ')');
        ck_assert(k < sizeof buf);
        memcpy(buf, p, k);
        buf[k] = '\0';
        sld_dim d = sld_dim_parse(r->g, buf, 0, INT64_MAX);
        ck_assert_msg(d != SLD_SYM_NONE, "bad dim '%s': %s", buf, sld_error(r->ctx));
        r->pool[r->n_pool++] = d;
        n++;
        p += k + (p[k] == ',');
    }
    *text = p + 1;
    return n;
}

static const char *word(run *r, const char *p, size_t n)
{
    char *w = r->words + r->n_words;
    memcpy(w, p, n);
    w[n] = '\0';
    r->n_words += (uint32_t)n + 1;
    return w;
}

/* "f32[2, s] i64{1, -1} -": inputs, an integer constant of rank 1 with its elements ("i64{}3" a scalar),
 * absent. */
static uint32_t read_operands(run *r, const char *p, sld_value *in)
{
    uint32_t n = 0;
    sld_dim *d;
    while (*p) {
        p += *p == ' ';
        if (*p == '-') {
            in[n++] = 0;
            p++;
            continue;
        }
        size_t k = strcspn(p, "[{");
        sld_dtype t = sld_dtype_parse(word(r, p, k));
        ck_assert_msg(t != SLD_DTYPE_NONE, "bad dtype in '%s'", p);
        bool constant = p[k] == '{', scalar = constant && p[k + 1] == '}';
        p += k;
        if (constant) {
            char text[128] = "[";
            size_t m = scalar ? strcspn(p + 2, " ") : strcspn(p + 1, "}");
            strncat(text, p + 1 + scalar, m);
            strcat(text, "]");
            const char *list = text;
            sld_dim count = read_list(r, &list, &d);
            in[n++] = sld_graph_const(r->g, NULL, t, !scalar, &count, d, (size_t)count * sizeof *d);
            p += m + 2;
        } else {
            uint32_t rank = read_list(r, &p, &d);
            in[n++] = sld_graph_input(r->g, NULL, t, rank, d);
        }
        ck_assert_msg(in[n - 1], "%s", sld_error(r->ctx));
    }
    return n;
}

static sld_attr read_attr(run *r, const char **text)
{
    const char *p = *text;
    sld_attr a = {.kind = SLD_ATTR_INTS};
    if (*p == '[') {
        sld_dim *d;
        a.n = read_list(r, text, &d);
        a.p = d;
        return a;
    }
    size_t k = strcspn(p, " ");
    const char *w = word(r, p, k);
    char *rest;
    *text = p + k;
    if (!strcmp(w, "true") || !strcmp(w, "false"))
        return (sld_attr){.kind = SLD_ATTR_BOOL, .i = *w == 't'};
    if (sld_dtype_parse(w))
        return (sld_attr){.kind = SLD_ATTR_DTYPE, .i = sld_dtype_parse(w)};
    if (*w == '"')
        return (sld_attr){.kind = SLD_ATTR_STRING, .s = word(r, w + 1, k - 2)};
    double f = strtod(w, &rest);
    if (!*rest && strchr(w, '.'))
        return (sld_attr){.kind = SLD_ATTR_FLOAT, .f = f};
    sld_dim d = sld_dim_parse(r->g, w, 0, INT64_MAX);
    ck_assert_msg(d != SLD_SYM_NONE, "bad number '%s'", w);
    return (sld_attr){.kind = SLD_ATTR_INT, .i = d};
}

/* "axis=1 shape=[2, s] to=f32 mode=\"edge\"" */
static void read_attrs(run *r, const sld_op_info *op, const char *p, sld_attr *attrs)
{
    while (*p) {
        p += *p == ' ';
        size_t k = strcspn(p, "=");
        uint32_t slot = 0;
        while (slot < op->n_attrs && (strncmp(op->attrs[slot].name, p, k) || op->attrs[slot].name[k]))
            slot++;
        ck_assert_msg(slot < op->n_attrs, "%s has no attribute '%s'", op->name, p);
        p += k + 1;
        attrs[slot] = read_attr(r, &p);
    }
}

static void print_dims(run *r, char *out, uint32_t n, const sld_dim *d)
{
    strcat(out, "[");
    for (uint32_t i = 0; i < n; i++) {
        strcat(out, i ? ", " : "");
        sld_dim_print(r->g, d[i], out + strlen(out), 100);
    }
    strcat(out, "]");
}

/* "f32[2, s] i64[3]{1, s, 2}": results with their known elements. */
static void print_results(run *r, sld_node node, char *out)
{
    *out = '\0';
    for (uint32_t i = 0; i < sld_n_results(r->g, node); i++) {
        sld_value v = sld_result(r->g, node, i);
        uint32_t n, rank = sld_rank(r->g, v);
        sprintf(out + strlen(out), "%s%s", i ? " " : "", sld_dtype_name((sld_dtype)sld_dtype_of(r->g, v)));
        print_dims(r, out, rank, sld_shape(r->g, v));
        const sld_dim *d = sld_value_contents(r->g, v, &n);
        if (!d)
            continue;
        char *open = out + strlen(out);
        print_dims(r, out, n, d);
        *open = '{';
        out[strlen(out) - 1] = '}';
    }
}

static void print_attrs(run *r, sld_node node, char *out)
{
    const sld_op_info *op = sld_node_op(r->g, node);
    *out = '\0';
    for (uint32_t i = 0; i < op->n_attrs; i++) {
        const sld_attr *a = &sld_node_attrs(r->g, node)[i];
        ck_assert_int_eq(a->kind, op->attrs[i].kind);
        sprintf(out + strlen(out), "%s%s=", i ? " " : "", op->attrs[i].name);
        if (a->kind == SLD_ATTR_INTS || a->kind == SLD_ATTR_AXES)
            print_dims(r, out, a->n, a->p);
        else if (a->kind == SLD_ATTR_FLOAT)
            sprintf(out + strlen(out), "%g", a->f);
        else if (a->kind == SLD_ATTR_STRING)
            sprintf(out + strlen(out), "\"%s\"", a->s);
        else if (a->kind == SLD_ATTR_BOOL || a->kind == SLD_ATTR_ENUM)
            sprintf(out + strlen(out), "%d", (int)a->i);
        else if (a->kind == SLD_ATTR_DTYPE)
            strcat(out, sld_dtype_name((sld_dtype)a->i));
        else
            sld_dim_print(r->g, a->i, out + strlen(out), 100);
    }
}

typedef struct infer_case {
    const char *op, *in, *attrs;
    const char *want;  /* results, or "!" and the error */
    const char *canon; /* attributes afterwards; NULL: of no interest */
    uint32_t n_out;    /* 0: as many as declared */
} infer_case;

#define IS(op, in, attrs, want) {op, in, attrs, want, NULL, 0}
#define AS(op, in, attrs, want, canon) {op, in, attrs, want, canon, 0}
#define OUT(op, in, attrs, want, canon, n) {op, in, attrs, want, canon, n}

static sld_node add(run *r, const infer_case *c)
{
    uint16_t op = sld_op_find(&r->rules, c->op);
    ck_assert_msg(op, "no op '%s'", c->op);
    sld_value in[16];
    sld_attr attrs[8] = {{0}};
    uint32_t n = read_operands(r, c->in, in);
    read_attrs(r, &infer_ops[op], c->attrs, attrs);
    return sld_graph_add(r->g, op, n, in, attrs, c->n_out ? c->n_out : infer_ops[op].n_results, NULL);
}

static void check_case(const infer_case *c)
{
    run r;
    char got[2048];
    begin(&r);
    sld_node n = add(&r, c);
    if (*c->want == '!') {
        ck_assert_msg(!n, "%s(%s; %s) is accepted", c->op, c->in, c->attrs);
        ck_assert_str_eq(sld_error(r.ctx), c->want + 1);
        end(&r);
        return;
    }
    ck_assert_msg(n, "%s(%s; %s): %s", c->op, c->in, c->attrs, sld_error(r.ctx));
    print_results(&r, n, got);
    ck_assert_msg(!strcmp(got, c->want), "%s(%s; %s) is %s, not %s", c->op, c->in, c->attrs, got, c->want);
    print_attrs(&r, n, got);
    ck_assert_msg(!c->canon || !strcmp(got, c->canon), "%s(%s; %s) has %s, not %s", c->op, c->in, c->attrs,
                  got, c->canon);
    /* Inferring again from the canonical attributes gives the same. */
    ck_assert_msg(!sld_graph_verify(r.g), "%s(%s; %s): %s", c->op, c->in, c->attrs, sld_error(r.ctx));
    end(&r);
}

/* -------------------------------------------------------------------- tables -- */

#include "infer_cases.h"

#define ALL(table) for (size_t i = 0; i < sizeof table / sizeof *table; i++) check_case(&table[i])

START_TEST(shapes) { ALL(shape_cases); } END_TEST
START_TEST(symbolic) { ALL(symbolic_cases); } END_TEST
START_TEST(canonical) { ALL(canonical_cases); } END_TEST
START_TEST(contents) { ALL(contents_cases); } END_TEST
START_TEST(errors) { ALL(error_cases); } END_TEST

/* ---------------------------------------------------------- single behaviours -- */

START_TEST(where_prefixes_messages)
{
    run r;
    begin(&r);
    r.g->where = "model.onnx: node 'n1'";
    const infer_case c = IS("add", "f32[2] f32[3]", "", NULL);
    ck_assert(!add(&r, &c));
    ck_assert_str_eq(sld_error(r.ctx), "model.onnx: node 'n1': add: broadcasting: 2 and 3 differ");
    end(&r);
}
END_TEST

START_TEST(lists_and_strings_are_copied)
{
    run r;
    char got[256];
    begin(&r);
    const infer_case c = IS("reshape", "f32[6]", "shape=[2, 3]", NULL);
    sld_node n = add(&r, &c);
    memset(r.pool, 0, sizeof r.pool);
    print_attrs(&r, n, got);
    ck_assert_str_eq(got, "shape=[2, 3] allowzero=1");
    const infer_case k = IS("kernel", "f32[6]", "label=\"abc\"", NULL);
    n = add(&r, &k);
    memset(r.words, 'x', sizeof r.words - 1);
    print_attrs(&r, n, got);
    ck_assert_str_eq(got, "mode=0 scale=1 label=\"abc\"");
    end(&r);
}
END_TEST

/* 60000 results of one split take no quadratic time. */
START_TEST(many_results)
{
    run r;
    begin(&r);
    sld_dim n = 60000;
    sld_value x = sld_graph_input(r.g, NULL, SLD_F32, 1, &n);
    sld_attr attrs[3] = {{0}, {.kind = SLD_ATTR_INT, .i = 0}, {0}};
    sld_node split = sld_graph_add(r.g, sld_op_find(&r.rules, "split"), 1, &x, attrs, 60000, NULL);
    ck_assert_msg(split, "%s", sld_error(r.ctx));
    ck_assert_int_eq(sld_shape(r.g, sld_result(r.g, split, 59999))[0], 1);
    end(&r);
}
END_TEST

START_TEST(handles_of_other_graphs_are_refused)
{
    run r;
    begin(&r);
    sld_dim wild[2] = {INT64_MIN + 1000, 2};
    sld_dim six = 6;
    sld_value x = sld_graph_input(r.g, NULL, SLD_F32, 1, &six);
    sld_attr attrs[2] = {{.kind = SLD_ATTR_INTS, .n = 2, .p = wild}, {0}};
    ck_assert(!sld_graph_add(r.g, sld_op_find(&r.rules, "reshape"), 1, &x, attrs, 1, NULL));
    ck_assert_str_eq(sld_error(r.ctx), "reshape: attribute shape: a number is out of range");
    end(&r);
}
END_TEST

START_TEST(attributes_compare)
{
    const sld_dim p[] = {1, 2}, q[] = {1, 2}, w[] = {1, 3};
    const sld_attr a = {.kind = SLD_ATTR_INTS, .n = 2, .p = p}, b = {.kind = SLD_ATTR_INTS, .n = 2, .p = q};
    const sld_attr c = {.kind = SLD_ATTR_INTS, .n = 2, .p = w}, d = {.kind = SLD_ATTR_AXES, .n = 2, .p = p};
    ck_assert(sld_attr_equal(&a, &b) && !sld_attr_equal(&a, &c) && !sld_attr_equal(&a, &d));
    const sld_attr s = {.kind = SLD_ATTR_STRING, .s = "x"}, t = {.kind = SLD_ATTR_STRING, .s = (char[]){"x"}};
    ck_assert(sld_attr_equal(&s, &t));
    const sld_attr f = {.kind = SLD_ATTR_FLOAT, .f = 1}, i = {.kind = SLD_ATTR_INT, .i = 1};
    ck_assert(sld_attr_equal(&f, &f) && sld_attr_equal(&i, &i) && !sld_attr_equal(&f, &i));
}
END_TEST

/* ------------------------------------------------------------- random nodes -- */

/* What is inferred for symbolic dims is what is inferred when the symbols have values, and inferring again
 * from the canonical attributes changes nothing. */

static uint32_t draw(uint64_t *seed, uint32_t n)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % n;
}

static sld_dim draw_dim(run *r, uint64_t *seed, bool attr)
{
    static const char *const dims[] = {"0",
                                       "1",
                                       "2",
                                       "3",
                                       "4",
                                       "6",
                                       "8",
                                       "s",
                                       "t",
                                       "z",
                                       "p",
                                       "2*s",
                                       "s + 1",
                                       "s*t",
                                       "s - 1",
                                       "p + t",
                                       "6*z",
                                       /* attributes only: */ "-1",
                                       "-2",
                                       "-3",
                                       "-s",
                                       "-s - 1",
                                       "9223372036854775807",
                                       "2147483647",
                                       "min(s, t)",
                                       "12"};
    return sld_dim_parse(r->g, dims[draw(seed, attr ? 26 : 17)], 0, INT64_MAX);
}

typedef struct node { uint16_t op; uint32_t n_in, n_out; sld_value in[8]; sld_attr attrs[8]; } node;

static void draw_operands(run *r, uint64_t *seed, node *n)
{
    const sld_op_info *op = &infer_ops[n->op];
    bool variadic = op->n_operands && op->operands[op->n_operands - 1].flags & SLD_OPERAND_VARIADIC;
    n->n_in = op->n_operands - variadic + (variadic ? draw(seed, 4) : 0);
    sld_dim d[4], same = draw(seed, 2);
    uint32_t rank = 0;
    for (uint32_t i = 0; i < n->n_in; i++) {
        const sld_type *t = &op->operands[i < op->n_operands ? i : op->n_operands - 1u].type;
        bool index = op->dtype_vars == any_set && t->from == SLD_DT_VAR && t->dtype == 1;
        if (!i || !same || !draw(seed, 3)) {
            rank = draw(seed, 5);
            for (uint32_t k = 0; k < rank; k++)
                d[k] = draw_dim(r, seed, false);
        }
        n->in[i] = i && !draw(seed, 12) ? 0 : sld_graph_input(r->g, NULL, index ? SLD_I64 : SLD_F32, rank, d);
    }
}

static void draw_attrs(run *r, uint64_t *seed, node *n)
{
    const sld_op_info *op = &infer_ops[n->op];
    for (uint32_t i = 0; i < op->n_attrs; i++) {
        sld_attr *a = &n->attrs[i];
        const sld_attr_info *info = &op->attrs[i];
        bool small = info->kind == SLD_ATTR_AXIS || info->kind == SLD_ATTR_AXES ||
                     !strcmp(info->name, "steps") || !strcmp(info->name, "step") ||
                     !strcmp(info->name, "axes") || !strcmp(info->name, "perm");
        if (info->has_default && !draw(seed, 3))
            continue;
        *a = (sld_attr){.kind = SLD_ATTR_INT, .i = small ? (int)draw(seed, 7) - 3 : draw_dim(r, seed, true)};
        if (info->kind == SLD_ATTR_BOOL)
            a->i = draw(seed, 2);
        if (info->kind == SLD_ATTR_DTYPE || info->kind == SLD_ATTR_ENUM)
            *a = (sld_attr){.kind = info->kind, .i = 1 + draw(seed, 2)};
        if (info->kind != SLD_ATTR_INTS && info->kind != SLD_ATTR_AXES)
            continue;
        *a = (sld_attr){.kind = SLD_ATTR_INTS, .n = draw(seed, 4), .p = r->pool + r->n_pool};
        for (uint32_t k = 0; k < a->n; k++)
            r->pool[r->n_pool++] = small ? (int)draw(seed, 6) - 3 : draw_dim(r, seed, true);
    }
}

static bool same_dims(run *r, uint32_t n, const sld_dim *symbolic, const int64_t *symbols,
                      const sld_dim *numbers)
{
    int64_t v;
    for (uint32_t i = 0; i < n; i++)
        if (!sld_dim_eval(r->g, symbolic[i], symbols, &v) || v != numbers[i])
            return false;
    return true;
}

/* The node over numbers in place of symbols; what is refused then says nothing. */
static sld_node add_numbers(run *r, const node *n, const int64_t *symbols, run *q)
{
    node m = *n;
    sld_dim d[4];
    for (uint32_t i = 0; i < n->n_in; i++) {
        if (!n->in[i])
            continue;
        const sld_type_rec *v = sld_type_of(r->g, n->in[i]);
        for (uint32_t k = 0; k < v->rank; k++)
            ck_assert(sld_dim_eval(r->g, sld_shape(r->g, n->in[i])[k], symbols, &d[k]));
        m.in[i] = sld_graph_input(q->g, NULL, (sld_dtype)v->dtype, v->rank, d);
    }
    for (uint32_t i = 0; i < infer_ops[n->op].n_attrs; i++) {
        sld_attr *a = &m.attrs[i];
        if (a->kind == SLD_ATTR_INT)
            ck_assert(sld_dim_eval(r->g, n->attrs[i].i, symbols, &a->i));
        if (a->kind != SLD_ATTR_INTS)
            continue;
        a->p = q->pool + q->n_pool;
        for (uint32_t k = 0; k < a->n; k++)
            ck_assert(sld_dim_eval(r->g, n->attrs[i].p[k], symbols, &q->pool[q->n_pool++]));
    }
    return sld_graph_add(q->g, m.op, m.n_in, m.in, m.attrs, m.n_out, NULL);
}

static void check_numbers(run *r, const node *n, sld_node symbolic, const int64_t *symbols,
                          uint32_t *compared)
{
    run q;
    begin(&q);
    sld_node numbers = add_numbers(r, n, symbols, &q);
    for (uint32_t i = 0; numbers && i < n->n_out; i++, (*compared)++) {
        sld_value a = sld_result(r->g, symbolic, i), b = sld_result(q.g, numbers, i);
        uint32_t rank = sld_rank(r->g, a), n_a, n_b;
        ck_assert_msg(rank == sld_rank(q.g, b) &&
                          same_dims(r, rank, sld_shape(r->g, a), symbols, sld_shape(q.g, b)),
                      "%s: symbols give another shape than numbers", infer_ops[n->op].name);
        const sld_dim *x = sld_value_contents(r->g, a, &n_a), *y = sld_value_contents(q.g, b, &n_b);
        ck_assert_msg(!x || (y && n_a == n_b && same_dims(r, n_a, x, symbols, y)),
                      "%s: symbols give other contents than numbers", infer_ops[n->op].name);
    }
    end(&q);
}

START_TEST(symbols_agree_with_numbers)
{
    uint64_t seed = 7;
    uint32_t compared = 0;
    for (uint32_t i = 0; i < 4000; i++) {
        run r;
        node n = {.op = (uint16_t)(1 + draw(&seed, N_INFER_OPS - 1))};
        const sld_op_info *op = &infer_ops[n.op];
        begin(&r);
        n.n_out = op->flags & SLD_OP_VARIADIC ? 1 + draw(&seed, 4) : op->n_results;
        draw_operands(&r, &seed, &n);
        draw_attrs(&r, &seed, &n);
        sld_node id = sld_graph_add(r.g, n.op, n.n_in, n.in, n.attrs, n.n_out, NULL);
        ck_assert_msg(id || !strncmp(sld_error(r.ctx), op->name, strlen(op->name)), "%s: %s", op->name,
                      sld_error(r.ctx));
        ck_assert_msg(!id || !sld_graph_verify(r.g), "%s: %s", op->name, sld_error(r.ctx));
        for (uint32_t k = 0; id && k < 3; k++) {
            const int64_t symbols[] = {2 + draw(&seed, 4), 2 + draw(&seed, 4), draw(&seed, 4), 1,
                                       1 + draw(&seed, 7)};
            check_numbers(&r, &n, id, symbols, &compared);
        }
        end(&r);
    }
    ck_assert_uint_gt(compared, 2000);
}
END_TEST

/* ------------------------------------------------------- conditions, kernels -- */

static const struct bind_case {
    const char *in, *attrs;
    sld_target target;
    const char *row, *why; /* row NULL: none */
} bind_cases[] = {
    {"f32[100, 16]", "", SLD_TARGET_CPU, "cpu_fast", NULL},
    {"f32[2, 8*s]", "", SLD_TARGET_CPU, "cpu_fast", NULL},
    {"f16[2, 8]", "", SLD_TARGET_CPU, "cpu_small", NULL},
    {"f16[p, 8]", "mode=\"edge\"", SLD_TARGET_CPU, "cpu_small", NULL},
    {"f16[s, 8]", "", SLD_TARGET_CPU, "ref_any", NULL}, /* s has no bound above */
    {"f16[2, 8]", "mode=\"reflect\"", SLD_TARGET_CPU, NULL,
     "kernel: kernel cpu_fast wants dtype(x) == f32, which does not hold with x: f16[2, 8]"},
    {"f32[s]", "mode=\"reflect\"", SLD_TARGET_CPU, NULL,
     "kernel: kernel cpu_fast wants H % 8 == 0, which depends on symbolic dims with H = s"},
    {"f32[16]", "", SLD_TARGET_REF, "ref_any", NULL},
    {"f16[16] f16[16]", "", SLD_TARGET_HIP, "hip_bias", NULL},
    {"f32[16] f32[16]", "", SLD_TARGET_HIP, NULL,
     "kernel: kernel hip_bias wants dtype(bias) == f16, which does not hold with bias: f32[16]"},
    {"f32[16]", "", SLD_TARGET_HIP, NULL,
     "kernel: kernel hip_bias wants dtype(bias) == f16, which depends on symbolic dims here"},
};

START_TEST(kernels_are_bound)
{
    for (size_t i = 0; i < sizeof bind_cases / sizeof *bind_cases; i++) {
        const struct bind_case *b = &bind_cases[i];
        run r;
        char why[200] = "";
        begin(&r);
        const infer_case c = IS("kernel", b->in, b->attrs, NULL);
        sld_node n = add(&r, &c);
        ck_assert_msg(n, "%s", sld_error(r.ctx));
        const sld_kernel_row *row = sld_bind(r.g, n, b->target, NULL, why, sizeof why);
        ck_assert_msg(!row == !b->row && (!row || !strcmp(row->name, b->row)), "%s: %s", b->in,
                      row ? row->name : why);
        if (b->why)
            ck_assert_str_eq(why, b->why);
        ck_assert_str_eq(sld_error(r.ctx), "");
        end(&r);
    }
}
END_TEST

/* What depends on symbols is decided when they have values. */
START_TEST(kernels_are_bound_for_symbol_values)
{
    run r;
    begin(&r);
    const infer_case c = IS("kernel", "f32[s]", "", NULL);
    sld_node n = add(&r, &c);
    int64_t symbols[8] = {16, 2, 2, 2, 2};
    ck_assert_str_eq(sld_bind(r.g, n, SLD_TARGET_CPU, symbols, NULL, 0)->name, "cpu_fast");
    symbols[0] = 12;
    ck_assert_str_eq(sld_bind(r.g, n, SLD_TARGET_CPU, symbols, NULL, 0)->name, "cpu_small");
    symbols[0] = 1234567;
    ck_assert_str_eq(sld_bind(r.g, n, SLD_TARGET_CPU, symbols, NULL, 0)->name, "ref_any");
    const infer_case none = IS("add", "f32[2] f32[2]", "", NULL);
    char why[80];
    ck_assert(!sld_bind(r.g, add(&r, &none), SLD_TARGET_CPU, NULL, why, sizeof why));
    ck_assert_str_eq(why, "add: no kernel for target cpu");
    end(&r);
}
END_TEST

static sld_truth holds(const char *in, const sld_term *terms, uint32_t n)
{
    run r;
    begin(&r);
    const infer_case c = IS("kernel", in, "", NULL);
    sld_node node = add(&r, &c);
    ck_assert_msg(node, "%s", sld_error(r.ctx));
    const sld_call call = sld__call_of(r.g, node);
    sld_truth t = sld_conditions(r.g, &call, terms, n, NULL);
    ck_assert_str_eq(sld_error(r.ctx), "");
    end(&r);
    return t;
}

#define HOLDS(in, ...) holds(in, (const sld_term[]){__VA_ARGS__}, COUNT(__VA_ARGS__))

START_TEST(conditions_have_three_values)
{
    ck_assert_int_eq(HOLDS("f32[s]", DO(LT, 2), N(1), D(0)), SLD_ALWAYS);
    ck_assert_int_eq(HOLDS("f32[s]", DO(GE, 2), N(1), D(0)), SLD_NEVER);
    ck_assert_int_eq(HOLDS("f32[s]", DO(GT, 2), D(0), N(8)), SLD_DEPENDS);
    ck_assert_int_eq(HOLDS("f32[s]", DO(NOT, 1), DO(GT, 2), D(0), N(1)), SLD_NEVER);
    ck_assert_int_eq(HOLDS("f32[s]", DO(AND, 2), DO(GT, 2), D(0), N(8), DO(GT, 2), D(0), N(1)), SLD_DEPENDS);
    ck_assert_int_eq(HOLDS("f32[s]", DO(OR, 2), DO(GT, 2), D(0), N(8), DO(GT, 2), D(0), N(1)), SLD_ALWAYS);
    ck_assert_int_eq(HOLDS("f32[s]", DO(EQ, 2), DO(MOD, 2), D(0), DO(SUB, 2), D(0), D(0), N(0)), SLD_NEVER);
    ck_assert_int_eq(HOLDS("f32[p]", DO(IN, 3), D(0), N(17), N(0)), SLD_NEVER);
    ck_assert_int_eq(HOLDS("f32[p]", DO(IN, 3), D(0), N(16), N(0)), SLD_DEPENDS);
    ck_assert_int_eq(HOLDS("f32[2, 3, 4]", DO(EQ, 2), FN(RANK, 1), R(0), N(2)), SLD_ALWAYS);
    ck_assert_int_eq(HOLDS("f32[2]", DO(EQ, 2), A(1), {SLD_T_FLOAT, 0, 0, {.fval = 1}}), SLD_ALWAYS);
    ck_assert_int_eq(HOLDS("f32[2]", DO(EQ, 2), FN(DTYPE, 1), X(1), TYPE_OF(SLD_F32)),
                     SLD_DEPENDS); /* absent */
    /* The left side keeps a division by zero from being tried. */
    ck_assert_int_eq(
        HOLDS("f32[0]", DO(OR, 2), DO(EQ, 2), D(0), N(0), DO(EQ, 2), DO(MOD, 2), N(8), D(0), N(0)),
        SLD_ALWAYS);
    /* Several conditions stand for their conjunction. */
    ck_assert_int_eq(HOLDS("f32[s]", DO(GT, 2), D(0), N(8), DO(LT, 2), D(0), N(1)), SLD_NEVER);
}
END_TEST

/* ------------------------------------------------------------------ vocabulary -- */

START_TEST(vocabulary)
{
    run r;
    begin(&r);
    const sld_vocab *v = sld_vocab_find(&r.rules, "onnx");
    ck_assert_ptr_eq(v, &infer_vocabs[1]);
    ck_assert_ptr_null(sld_vocab_find(&r.rules, "nnx"));
    ck_assert_ptr_eq(sld_vocab_next(v, "Add", 14, NULL), &infer_entries[0]);
    ck_assert_ptr_eq(sld_vocab_next(v, "Add", 13, NULL), &infer_entries[0]);
    ck_assert_ptr_eq(sld_vocab_next(v, "Add", 12, NULL), &infer_entries[1]);
    ck_assert_ptr_eq(sld_vocab_next(v, "Add", 12, &infer_entries[1]), &infer_entries[2]);
    ck_assert_ptr_null(sld_vocab_next(v, "Add", 12, &infer_entries[2]));
    ck_assert_ptr_null(sld_vocab_next(v, "Mul", 13, NULL));
    ck_assert_ptr_eq(sld_vocab_next(v, "Sub", 1, NULL), &infer_entries[4]);
    ck_assert_ptr_eq(sld_vocab_next(v, "Sub", 1, &infer_entries[4]), &infer_entries[5]);
    ck_assert_ptr_null(sld_vocab_next(v, "Sub", 1, &infer_entries[5]));
    ck_assert_ptr_null(sld_vocab_next(v, "Aardvark", 1, NULL));
    ck_assert_ptr_null(sld_vocab_next(v, "Zebra", 1, NULL));
    ck_assert_ptr_null(sld_vocab_next(&infer_vocabs[0], "Add", 1, NULL));
    end(&r);
}
END_TEST

Suite *infer_suite(void)
{
    Suite *s = suite_create("infer");
    TCase *t = tcase_create("infer");
    tcase_add_test(t, shapes);
    tcase_add_test(t, symbolic);
    tcase_add_test(t, canonical);
    tcase_add_test(t, contents);
    tcase_add_test(t, errors);
    tcase_add_test(t, where_prefixes_messages);
    tcase_add_test(t, lists_and_strings_are_copied);
    tcase_add_test(t, many_results);
    tcase_add_test(t, handles_of_other_graphs_are_refused);
    tcase_add_test(t, attributes_compare);
    tcase_add_test(t, symbols_agree_with_numbers);
    tcase_add_test(t, kernels_are_bound);
    tcase_add_test(t, kernels_are_bound_for_symbol_values);
    tcase_add_test(t, conditions_have_three_values);
    tcase_add_test(t, vocabulary);
    suite_add_tcase(s, t);
    return s;
}
