/* Sizes and shapes as people write them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "memory.h"
#include "sym.h"

static void put_poly(s_ctx *c, FILE *f, s_poly p);
static void put_shape(s_ctx *c, FILE *f, s_shape s);

static void put_args(s_ctx *c, FILE *f, const char *name, uint32_t n, const s_val *args)
{
    fprintf(f, "%s(", name);
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            fputs(", ", f);
        if (args[i].kind == S_NUM)
            put_poly(c, f, args[i].num);
        else if (args[i].kind == S_LIST && args[i].list.n == 1)
            put_shape(c, f, args[i].list);
        else {
            fputc('[', f);
            put_shape(c, f, args[i].list);
            fputc(']', f);
        }
    }
    fputc(')', f);
}

/* A quotient that is rounded down, or a remainder: what is multiplied with it stands outside of it. */
static bool is_rounded(const s_ctx *c, uint32_t atom)
{
    const s_atom *a = c->atoms.at[atom];
    return !a->base.n && a->function && (a->fn == S_FLOORDIV || a->fn == S_MOD);
}

static void put_factor(s_ctx *c, FILE *f, s_poly p)
{
    bool simple = p.n == 1 && p.at[0].n + (p.at[0].coef != 1) <= 1 && !(p.at[0].n && is_rounded(c, p.at[0].atoms[0]));
    if (!simple)
        fputc('(', f);
    put_poly(c, f, p);
    if (!simple)
        fputc(')', f);
}

static void put_atom(s_ctx *c, FILE *f, uint32_t id)
{
    static const char *const names[] = {
        [S_MIN] = "min", [S_MAX] = "max", [S_BROADCAST_DIM] = "broadcast", [S_SLICE_LENGTH] = "slice_length",
        [S_NUMEL] = "numel", [S_RANK] = "rank",
    };
    const s_atom *a = c->atoms.at[id];
    if (a->base.n) {
        put_factor(c, f, a->base);
        fputc('/', f);
        put_factor(c, f, a->divisor);
    } else if (!a->function && a->name) {
        fputs(a->name, f);
    } else if (!a->function) {
        fprintf(f, "?%" PRIu32, id);
    } else if (a->fn == S_FLOORDIV || a->fn == S_MOD) {
        put_factor(c, f, a->args[0].num);
        fputs(a->fn == S_MOD ? " % " : " / ", f);
        put_factor(c, f, a->args[1].num);
    } else {
        put_args(c, f, a->name ? a->name : names[a->fn], a->n_args, a->args);
    }
}

/* A quotient D/2 times 2 is D again. */
static s_poly undivided(s_ctx *c, s_poly p)
{
    for (uint32_t i = 0; i < p.n; i++)
        for (uint32_t k = 0; k < p.at[i].n; k++) {
            const s_atom *a = c->atoms.at[p.at[i].atoms[k]];
            if (!a->base.n || a->divisor.n != 1)
                continue;
            const s_mono *d = &a->divisor.at[0];
            if (p.at[i].coef % d->coef)
                continue;
            s_poly rest = s_const(c, p.at[i].coef / d->coef), others = s_sub(c, p, (s_poly){1, &p.at[i]});
            uint32_t used = 0;
            for (uint32_t j = 0; j < p.at[i].n; j++) {
                if (j == k)
                    continue;
                if (used < d->n && p.at[i].atoms[j] == d->atoms[used])
                    used++;
                else
                    rest = s_mul(c, rest, (s_poly){1, &(s_mono){1, 1, &p.at[i].atoms[j]}});
            }
            if (used == d->n)
                return undivided(c, s_add(c, others, s_mul(c, rest, a->base)));
        }
    return p;
}

static void put_poly(s_ctx *c, FILE *f, s_poly p)
{
    p = undivided(c, p);
    if (!p.n)
        fputc('0', f);
    for (uint32_t i = 0; i < p.n; i++) {
        const s_mono *m = &p.at[i];
        int64_t coef = m->coef;
        if (i)
            fputs(coef < 0 ? " - " : " + ", f);
        else if (coef < 0)
            fputc('-', f);
        coef = coef < 0 && coef != INT64_MIN ? -coef : coef;
        if (coef != 1 || !m->n)
            fprintf(f, "%" PRId64 "%s", coef, m->n ? "*" : "");
        for (uint32_t k = 0; k < m->n; k++) {
            bool inside = is_rounded(c, m->atoms[k]) && (m->n > 1 || coef != 1);
            fprintf(f, "%s%s", k ? "*" : "", inside ? "(" : "");
            put_atom(c, f, m->atoms[k]);
            fputs(inside ? ")" : "", f);
        }
    }
}

static void put_shape(s_ctx *c, FILE *f, s_shape s)
{
    for (uint32_t i = 0; i < s.n; i++) {
        if (i)
            fputs(", ", f);
        const s_seg *g = s.at[i].seg ? c->segs.at[s.at[i].id] : NULL;
        if (!g)
            put_poly(c, f, s.at[i].dim);
        else if (g->function)
            put_args(c, f, g->name, g->n_args, g->args);
        else if (g->name)
            fprintf(f, "*%s", g->name);
        else
            fprintf(f, "*?%" PRIu32, s.at[i].id);
    }
}

const char *s_text(s_ctx *c, s_poly p)
{
    pat_printed text;
    put_poly(c, pat_print(&text), s_resolve(c, p));
    return pat_print_kept(&text, c->session->arena);
}

const char *s_shape_text(s_ctx *c, s_shape s)
{
    pat_printed text;
    put_shape(c, pat_print(&text), s_resolve_shape(c, s));
    return pat_print_kept(&text, c->session->arena);
}
