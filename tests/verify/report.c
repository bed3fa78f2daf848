/* See verify.h. */
#include "verify.h"

uint32_t vf_comparisons(const vf_row *r)
{
    uint32_t n = 0;
    for (int t = 0; t < SLD_TARGET_COUNT; t++)
        n += r->tally.cells[t].cases;
    return n;
}

/* ------------------------------------------------------------ what was compared -- */

static void print_cell(const vf_cell *c)
{
    if (!c->cases)
        printf(" |");
    else if (c->share > 0)
        printf(" %u: %.3g, %.1e, %.2g%% |", c->cases, c->ulp, c->norm, 100 * c->share);
    else if (c->norm > 0 || c->ulp > 0)
        printf(" %u: %.3g, %.1e |", c->cases, c->ulp, c->norm);
    else
        printf(" %u: equal |", c->cases);
}

void vf_print_table(const vf_report *r)
{
    printf("| rule | ref | cpu | hip |\n| --- | --- | --- | --- |\n");
    for (uint32_t i = 0; i < r->n; i++) {
        printf("| `%s` |", r->rows[i].name);
        for (int t = 0; t < SLD_TARGET_COUNT; t++)
            print_cell(&r->rows[i].tally.cells[t]);
        printf("\n");
    }
    for (uint32_t i = 0; i < r->n; i++)
        if (!vf_comparisons(&r->rows[i]))
            printf("not compared: %s: %s\n", r->rows[i].name, r->rows[i].why[0] ? r->rows[i].why : "it never fired");
}

/* ----------------------------------------------------------------------- edges -- */

void vf_print_edges(const vf_report *r)
{
    printf("\n| graphs with | how many | none of these rules |\n| --- | --- | --- |\n");
    for (int e = 0; e < VF_EDGES; e++) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < r->n; i++)
            n += r->rows[i].tally.edges.n[e];
        printf("| %s | %u |", vf_edge_names[e], n);
        for (uint32_t i = 0; i < r->n; i++)
            if (r->rows[i].tally.edges.apply[e] && !r->rows[i].tally.edges.n[e])
                printf(" `%s`", r->rows[i].name);
        printf(" |\n");
    }
}

/* --------------------------------------------------------------------- kernels -- */

static bool is_made(const sld_ruleset *r, uint16_t op)
{
    for (uint32_t i = 0; i < r->n_rules; i++)
        for (uint32_t k = 0; k < r->rules[i].n_made; k++)
            if (r->rules[i].made[k] == op)
                return true;
    return false;
}

bool vf_wanted(const vf_report *r, uint32_t kernel)
{
    const sld_kernel_row *k = &r->rules->kernels[kernel];
    return r->targets >> k->target & 1 && !(r->rules->ops[k->op].flags & SLD_OP_VIEW) && is_made(r->rules, k->op);
}

void vf_print_kernels(const vf_report *r)
{
    uint32_t ran = 0, all = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < r->rules->n_kernels; i++) {
            const sld_kernel_row *k = &r->rules->kernels[i];
            if (!vf_wanted(r, i))
                continue;
            if (pass && !r->launched[i])
                printf(" %s", k->name);
            all += !pass;
            ran += !pass && r->launched[i];
        }
        if (!pass)
            printf("\n%u of %u kernels of ops that rules make ran; these did not:", ran, all);
    }
    printf("\n");
}
