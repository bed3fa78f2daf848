/* Prints random rules that the checker accepts: random_rules SEED N. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsl.h"

static const char head[] =
    "dtype F = {f16, f32}\n"
    "phase first\n"
    "phase second\n"
    "op neg(x: F[*A]) -> F[*A]\n"
    "op exp(x: F[*A]) -> F[*A]\n"
    "op abs(x: F[*A]) -> F[*A]\n"
    "op add(a: F[*A], b: F[*B]) -> F[broadcast(A, B)]  commutative\n"
    "op mul(a: F[*A], b: F[*B]) -> F[broadcast(A, B)]  commutative\n"
    "op sub(a: F[*A], b: F[*B]) -> F[broadcast(A, B)]\n"
    "op max(a: F[*A], b: F[*A]) -> F[*A]  commutative\n"
    "op scale(x: F[*A]; by: int, style: {plain, wide} = plain) -> F[*A]\n"
    "op norm(x: F[*A, H], w: F[H]; eps: float) -> F[*A, H]\n"
    "op biased(x: F[*A], bias: F[*A]?) -> F[*A]\n"
    "op sum(xs: F[*A]...) -> F[*A]\n"
    "op pair(x: F[*A]) -> (a: F[*A], b: F[*A])\n"
    "op rope(q: F[*A], k: F[*A]) -> (q2: F[*A], k2: F[*A])\n"
    "op roll(x: F[*A]; shifts: ints) -> F[*A]\n"
    "pattern soft(x) = neg(x) | exp(x)\n"
    "pattern gated(x, y; by) = mul(scale(x; by), y) | add(y, scale(x; by, style = wide))\n"
    "pattern square(x) = mul(x, x)\n";

static uint64_t state;

static uint32_t draw(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

/* A rule under construction: inputs x0.., results of statements v0.. */
typedef struct maker {
    FILE *match;
    uint32_t n_inputs, n_results, n_captures;
    bool read[64], norm, constant, rest;
} maker;

static void value(maker *m, int depth);

static void input(maker *m)
{
    uint32_t i = m->n_inputs && draw(2) ? draw(m->n_inputs) : m->n_inputs < 6 ? m->n_inputs++ : 0;
    fprintf(m->match, draw(4) ? "x%u: F[*A, H]" : "x%u: F[*A, H]", i);
}

static void attributes(maker *m)
{
    if (draw(2))
        fprintf(m->match, "; by = %u", draw(4));
    else if (draw(3))
        fprintf(m->match, "; by = c%u", draw(2) ? 0 : m->n_captures % 4);
    else
        fprintf(m->match, "; by = _");
    fprintf(m->match, "%s", draw(3) ? "" : draw(2) ? ", style = wide" : ", style = _");
}

static void binary(maker *m, const char *op, int depth)
{
    fprintf(m->match, "%s(", op);
    value(m, depth - 1);
    fprintf(m->match, ", ");
    uint32_t kind = strcmp(op, "max") ? draw(6) : 5;
    if (kind == 0)
        fprintf(m->match, "%u.0", 1 + draw(3));
    else if (kind == 1 && !m->constant && (m->constant = true))
        fprintf(m->match, "const number");
    else
        value(m, depth - 1);
    fprintf(m->match, ")");
}

static void call(maker *m, const char *op, int depth, const char *after)
{
    fprintf(m->match, "%s(", op);
    value(m, depth - 1);
    fprintf(m->match, "%s)", after);
}

static void optional(maker *m, int depth)
{
    fprintf(m->match, "biased(");
    value(m, depth - 1);
    if (draw(3)) {
        fprintf(m->match, ", ");
        if (draw(3))
            value(m, depth - 1);
        else
            fprintf(m->match, "none");
    }
    fprintf(m->match, ")");
}

static void variadic(maker *m, int depth)
{
    fprintf(m->match, "sum(");
    for (uint32_t i = draw(3); i-- > 0;) {
        value(m, depth - 1);
        fprintf(m->match, ", ");
    }
    if (draw(2) && !m->rest && (m->rest = true))
        fprintf(m->match, "rest...");
    else
        value(m, depth - 1);
    fprintf(m->match, ")");
}

static void gated(maker *m, int depth)
{
    fprintf(m->match, "gated(");
    value(m, depth - 1);
    fprintf(m->match, ", ");
    value(m, depth - 1);
    fprintf(m->match, "; by = %s)", draw(2) ? "_" : "c0");
}

static void scale(maker *m, int depth)
{
    fprintf(m->match, "scale(");
    value(m, depth - 1);
    attributes(m);
    fprintf(m->match, ")");
}

static void term(maker *m, int depth)
{
    static const char *const unary[] = {"neg", "exp", "abs", "soft", "square"}, *const binaries[] = {"add", "mul", "sub", "max"};
    switch (draw(9)) {
    case 0: case 1: call(m, unary[draw(5)], depth, ""); break;
    case 2: case 3: binary(m, binaries[draw(4)], depth); break;
    case 4: scale(m, depth); break;
    case 5: optional(m, depth); break;
    case 6: variadic(m, depth); break;
    case 7: gated(m, depth); break;
    default:
        if (draw(2)) {
            call(m, "norm", depth, draw(2) ? ", w; eps" : ", w; eps = 1e-5");
            m->norm = true;
        } else {
            call(m, "roll", depth, draw(2) ? "; shifts = [_, 1]" : "; shifts = [2, 1]");
        }
    }
}

static void value(maker *m, int depth)
{
    if (m->n_results && draw(2)) {
        uint32_t i = draw(m->n_results);
        m->read[i] = true;
        fprintf(m->match, "v%u", i);
    } else if (depth > 0 && draw(2)) {
        term(m, depth);
    } else {
        input(m);
    }
}

static void statement(maker *m)
{
    uint32_t n = m->n_results;
    if (draw(4)) {
        fprintf(m->match, "v%u = ", n);
        term(m, 2);
        n++;
    } else {
        fprintf(m->match, "v%u, v%u = ", n, n + 1);
        if (draw(2)) {
            call(m, "pair", 2, "");
        } else {
            fprintf(m->match, "rope(");
            value(m, 1);
            fprintf(m->match, ", ");
            value(m, 1);
            fprintf(m->match, ")");
        }
        n += 2;
    }
    m->n_results = n;
    fprintf(m->match, "\n    ");
}

static void where(FILE *out, const maker *m)
{
    static const char *const texts[] = {"H % 8 == 0", "H in {64, 128}", "rank(x0) == 2", "dtype(x0) == f32", "H > 16"};
    if (m->n_inputs && !draw(3))
        fprintf(out, "  where %s\n", texts[draw(5)]);
}

/* The results that nothing in the rule reads, and some others, are kept. */
static uint32_t yields(maker *m, bool *kept)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->n_results; i++)
        n += kept[i] = !m->read[i] || !draw(4);
    return n;
}

static void list(FILE *out, const bool *kept, uint32_t n, const char *type)
{
    const char *between = "";
    for (uint32_t i = 0; i < n; i++)
        if (kept[i]) {
            fprintf(out, "%sv%u%s", between, i, type);
            between = ", ";
        }
}

static char *rule(uint32_t number)
{
    char *match, *text;
    size_t size;
    maker m = {.match = open_memstream(&match, &size)};
    bool kept[64];
    for (uint32_t i = 1 + draw(3); i-- > 0;)
        statement(&m);
    fclose(m.match);
    FILE *out = open_memstream(&text, &size);
    yields(&m, kept);
    fprintf(out, "op fused_%u(%s", number, m.norm ? "w: F[H]" : "w: F[H]?");
    for (uint32_t i = 0; i < m.n_inputs; i++)
        fprintf(out, ", x%u: F[*A, H]", i);
    fprintf(out, "%s%s) -> (", m.rest ? ", rest: F[*A, H]..." : "", m.constant ? "; number: float" : "");
    list(out, kept, m.n_results, ": F[*A, H]");
    fprintf(out, ")\nrule random_%u in %s {\n  match {\n    %s", number, draw(3) ? "first" : "second", match);
    fprintf(out, "yield ");
    list(out, kept, m.n_results, "");
    fprintf(out, "\n  }\n");
    where(out, &m);
    fprintf(out, "  replace { ");
    list(out, kept, m.n_results, "");
    fprintf(out, " = fused_%u(%s", number, m.norm ? "w" : "none");
    for (uint32_t i = 0; i < m.n_inputs; i++)
        fprintf(out, ", x%u", i);
    fprintf(out, "%s%s) }\n}\n", m.rest ? ", rest..." : "", m.constant ? "; number" : "");
    fclose(out);
    free(match);
    return text;
}

static bool accepted(const char *text)
{
    pat_session *s = pat_open();
    pat_program *p = pat_parse_text(s, "random.pat", text, strlen(text));
    bool ok = pat_check(s, p);
    if (getenv("VERBOSE"))
        pat_print_diags(s, stderr);
    pat_close(s);
    return ok;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return fprintf(stderr, "usage: random_rules SEED N\n"), 2;
    state = (uint64_t)atoll(argv[1]) * 2654435761u;
    char *all = strdup(head);
    uint32_t wanted = (uint32_t)atoi(argv[2]), made = 0;
    for (uint32_t tries = 0; made < wanted && tries < 100 * wanted; tries++) {
        char *text = rule(made), *more = malloc(strlen(all) + strlen(text) + 1);
        strcat(strcpy(more, all), text);
        free(text);
        if (accepted(more)) {
            free(all);
            all = more;
            made++;
        } else {
            free(more);
        }
    }
    fputs(all, stdout);
    free(all);
    return made < wanted;
}
