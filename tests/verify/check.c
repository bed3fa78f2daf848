/* See verify.h. */
#include <stdlib.h>

#include "verify.h"

/* ----------------------------------------------------------------- both sides -- */

typedef struct oracle {
    const char *text;
    vf_side left;
    vf_data data;
    vf_results want;
    vf_spread spread;
    vf_rng rng;
    double length;
} oracle;

/* The rule is applied to the graph of every rank, by itself. */
static bool fuse(vf_side *s, const vf_run *run, sld_target target)
{
    for (uint32_t r = 0; r < s->world; r++) {
        sld_rule_stats *stats = calloc(run->rules->n_rules + 1u, sizeof *stats);
        const sld_fuse_options options = {.target = target, .settings = run->settings, .tokens = run->tokens,
                                          .world = run->world, .units = run->units, .only = run->rule + 1};
        bool ok = sld_fuse(s->g[r], &options, stats) == SLD_OK && sld_graph_verify(s->g[r]) == SLD_OK;
        if (!ok)
            snprintf(s->error, sizeof s->error, "fuse: %s", sld_error(s->ctx[r]));
        ok = ok && stats[run->rule].fired;
        free(stats);
        if (!ok)
            return false;
    }
    return true;
}

static double longest_sum(const sld_graph *g)
{
    double most = 1;
    for (sld_value v = 1; v < g->values.n; v++)
        for (uint32_t k = 0; k < sld_rank(g, v); k++)
            most = fmax(most, (double)sld_shape(g, v)[k]);
    return most;
}

static bool lend(oracle *o, const vf_run *run, const char *text, vf_rng *rng)
{
    vf_side right;
    const char *bad = NULL;
    if (vf_side_parse(&right, run, text) && fuse(&right, run, SLD_TARGET_CPU))
        o->left.lent = vf_lent_make(o->left.plan[0]->g, right.g[0], rng, &bad);
    vf_side_free(&right);
    snprintf(o->left.error, sizeof o->left.error, "%s", bad ? bad : "");
    return !bad;
}

/* Runs the left side as it stands. */
static bool oracle_make(oracle *o, const vf_run *run, const char *text, uint32_t seed)
{
    vf_rng rng = {seed};
    o->text = text;
    if (!vf_side_parse(&o->left, run, text))
        return false;
    if (!vf_side_plan(&o->left, SLD_TARGET_REF) && !vf_side_plan(&o->left, SLD_TARGET_CPU)) /* an op may have no other */
        return false;
    if (!lend(o, run, text, &rng))
        return false;
    o->left.shown = vf_below(&rng, o->left.world);
    if (!vf_data_make(&o->data, &o->left, seed, &rng))
        return false;
    if (!vf_side_run(&o->left, &o->data, NULL, &o->want)) {
        snprintf(o->left.error, sizeof o->left.error, "%s", o->want.error);
        return false;
    }
    o->length = longest_sum(o->left.plan[0]->g);
    o->rng = rng;
    return true;
}

static void oracle_free(oracle *o)
{
    vf_lent_free(o->left.lent);
    vf_side_free(&o->left);
    vf_data_free(&o->data);
    vf_results_free(&o->want);
    vf_spread_free(&o->spread);
}

/* n samples of what rounding elsewhere does to a side whose results are `base`. */
static void sample(oracle *o, vf_side *s, sld_target target, const vf_results *base, uint32_t n)
{
    vf_noise z = {.rng = {vf_next(&o->rng)}, .learn = true, .n = s->plan[0]->n_steps, .device = target == SLD_TARGET_HIP};
    vf_results r;
    z.moves = calloc(z.n + 1, 1);
    vf_side_run(s, &o->data, &z, &r);
    vf_results_free(&r);
    z.learn = false;
    for (uint32_t i = 0; i < z.n; i++)
        z.rounds |= !z.moves[i];
    o->spread.rounds |= z.rounds;
    o->spread.overflow |= z.overflow;
    for (; n; n--) {
        if (vf_side_run(s, &o->data, &z, &r))
            vf_spread_add(&o->spread, base, &r);
        vf_results_free(&r);
        vf_next(&z.rng);
    }
    free(z.moves);
}

/* Of both sides; the right one on the host, where it can be. */
static void sample_both(oracle *o, const vf_run *run, sld_target target, uint32_t n)
{
    vf_side right;
    vf_results base = {0};
    sample(o, &o->left, target, &o->want, n);
    bool ready = vf_side_parse(&right, run, o->text) && fuse(&right, run, SLD_TARGET_CPU) && vf_side_plan(&right, SLD_TARGET_CPU);
    right.shown = o->left.shown;
    right.lent = o->left.lent;
    if (ready && vf_side_run(&right, &o->data, NULL, &base))
        sample(o, &right, target, &base, n);
    vf_results_free(&base);
    vf_side_free(&right);
}

/* The option that lets rules leave what is not a number out of scales. */
static bool leaves_out(const vf_run *run)
{
    const sld_rule_info *r = &run->rules->rules[run->rule];
    bool found = false;
    for (uint32_t i = 0; i < r->n_enabled; i++)
        found |= !strcmp(run->rules->options[r->enabled[i]].name, "allow_contract_change");
    return found;
}

/* Seldom is more than equality asked; what noise does is sampled the more thoroughly the worse it looks. */
static vf_error compare(oracle *o, const vf_run *run, sld_target target, const vf_results *got)
{
    static const uint32_t samples[] = {8, 56};
    vf_results exact;
    const vf_case c = {&o->left, &o->data, o->length, leaves_out(run)};
    vf_error e = vf_compare(got, &o->want, NULL, NULL, &c);
    for (uint32_t i = 0; e.wrong && i < 2; i++) {
        sample_both(o, run, target, samples[i]);
        e = vf_compare(got, &o->want, &o->spread, NULL, &c);
        if (e.wrong && !i && vf_exact(run, o->text, &o->left, &o->data, &exact)) {
            e = vf_compare(got, &o->want, &o->spread, &exact, &c);
            vf_results_free(&exact);
        }
    }
    return e;
}

/* Whether a kernel of the target itself runs anything. */
static bool own_kernels(const vf_side *s, sld_target target)
{
    bool own = false, any = false;
    for (uint32_t i = 0; i < s->plan[0]->n_steps; i++) {
        any |= s->plan[0]->steps[i].row != NULL;
        own |= s->plan[0]->steps[i].row && s->plan[0]->steps[i].row->target == target;
    }
    return own || (target == SLD_TARGET_REF && !any);
}

static void count(vf_cell *c, const vf_error *e)
{
    c->cases++;
    c->ulp = fmax(c->ulp, e->ulp);
    c->norm = fmax(c->norm, e->norm);
    c->share = fmax(c->share, e->share);
}

/* What the inputs hold where a result is wrong: the element at the same place, or in the same column, or all there is. */
static void say_inputs(const oracle *o, const vf_error *e, char *to, size_t size)
{
    const sld_tensor *out = &o->want.at[e->output];
    size_t width = out->rank ? (size_t)out->dims[out->rank - 1] : 1, used = 0;
    for (uint32_t i = 0; i < o->data.n && used < size; i++) {
        sld_tensor t = vf_input(&o->left, &o->data, o->left.shown, i);
        size_t n = kern_numel(&t), at = n == kern_numel(out) ? e->element : n == width ? e->element % width : 0;
        if (n)
            used += (size_t)snprintf(to + used, size - used, "%s%s[%zu of %zu] = %.9g", i ? ", " : "",
                                     sld_value_name(o->left.g[0], o->left.g[0]->inputs.at[i]), at, n, kern_get(&t, at));
    }
}

static void count_launches(const vf_side *s, uint32_t *launched)
{
    for (uint32_t i = 0; i < s->plan[0]->n_steps; i++)
        if (s->plan[0]->steps[i].row)
            launched[s->plan[0]->steps[i].row - s->g[0]->rules->kernels]++;
}

static bool right_wrong(oracle *o, const vf_run *run, sld_target target, vf_tally *t, vf_outcome *out)
{
    vf_cell *cell = &t->cells[target];
    vf_side right;
    vf_results got = {0};
    bool ready = vf_side_parse(&right, run, o->text) && fuse(&right, run, target);
    right.shown = o->left.shown;
    right.lent = o->left.lent;
    if (!ready && !right.error[0])
        cell->unfired++;
    ready = ready && vf_side_plan(&right, target);
    ready = ready && (run->world == 1 || !right.device || vf_side_emulated(&right)); /* a real one is one to a process */
    if (ready && own_kernels(&right, target)) {
        if (vf_side_run(&right, &o->data, NULL, &got)) {
            out->error = compare(o, run, target, &got);
            count(cell, &out->error);
            count_launches(&right, t->launched);
            out->wrong = out->error.wrong;
            snprintf(out->what, sizeof out->what, "output %u: %s; all are at most %.3g steps of the dtype, and %.1e in norm, off",
                     out->error.output, out->error.why, out->error.ulp, out->error.norm);
            say_inputs(o, &out->error, out->inputs, sizeof out->inputs);
        } else if (o->data.negative) {
            cell->refused++; /* fused ops need not count indices from the end */
        } else {
            out->wrong = true;
            snprintf(out->what, sizeof out->what, "the left side runs, the right one is refused: %s", got.error);
        }
    } else if (right.error[0]) {
        out->wrong = true;
        snprintf(out->what, sizeof out->what, "%s", right.error);
    }
    vf_results_free(&got);
    vf_side_free(&right);
    return out->wrong;
}

/* A scale so small that f32 does not hold its inverse, by which kernels of a device multiply. */
static bool has_tiny_scale(const oracle *o)
{
    bool found = false;
    for (uint32_t i = 0; i < o->data.n; i++) {
        sld_tensor t = vf_input(&o->left, &o->data, 0, i);
        double x = t.dtype == SLD_F32 && kern_numel(&t) == 1 ? fabs(kern_get(&t, 0)) : 1;
        found |= x > 0 && x < 0x1p-126;
    }
    return found;
}

/* Kernels of a device check no indices, and write in no order. */
static bool fit_for_device(const oracle *o)
{
    return !o->data.negative && !vf_lent_races(o->left.lent) && !has_tiny_scale(o);
}

static bool fits(const sld_graph *g, int64_t most)
{
    int64_t largest = 0;
    for (sld_value v = 1; v < g->values.n; v++) {
        int64_t n = 1;
        for (uint32_t k = 0; k < sld_rank(g, v); k++)
            n *= sld_shape(g, v)[k];
        largest = n > largest ? n : largest;
    }
    return largest <= most;
}

/* Every target's kernels against the oracle. */
static void compare_all(oracle *o, const vf_run *run, unsigned targets, int64_t most, vf_tally *tally, vf_outcome *out)
{
    uint32_t before[SLD_TARGET_COUNT], compared = 0;
    for (sld_target t = SLD_TARGET_REF; t < SLD_TARGET_COUNT && !out->wrong; t++) {
        before[t] = tally->cells[t].cases;
        if (targets >> t & 1 && (t != SLD_TARGET_HIP || fit_for_device(o)) && right_wrong(o, run, t, tally, out))
            out->target = t;
        compared += tally->cells[t].cases - before[t];
    }
    if (compared)
        vf_edges_add(&tally->edges, &o->left, &o->data, most);
}

vf_outcome vf_check(const sld_ruleset *rules, const pat_drawn *d, const pat_instance *test, int64_t most, unsigned targets,
                    vf_tally *tally)
{
    vf_outcome out = {0};
    vf_run run = {0};
    oracle o = {0};
    uint32_t rule = 0;
    while (rule < rules->n_rules && strcmp(rules->rules[rule].name, d->rule->name))
        rule++;
    bool found = rule < rules->n_rules && (test ? vf_run_of(&run, rules, rule, d->graph, test)
                                                : vf_run_find(&run, rules, rule, d->graph, d->seed));
    if (!found)
        snprintf(out.what, sizeof out.what, "no options, tokens and ranks were found with which it runs");
    else if (!oracle_make(&o, &run, d->graph, d->seed))
        snprintf(out.what, sizeof out.what, "%s", o.left.error);
    else if (!fits(o.left.plan[0]->g, most))
        snprintf(out.what, sizeof out.what, "a value is too large");
    else
        compare_all(&o, &run, targets, most, tally, &out);
    oracle_free(&o);
    if (out.wrong)
        out.run = run;
    else
        vf_run_free(&run);
    return out;
}
