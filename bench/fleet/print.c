/* print.c -- a judged fleet as text: the sentence, a line per series, the outliers worst first, what they
 * cost together. */
#include "bench/fleet/fleet_internal.h"
#include "bench/fleet/outliers.h"
#include "harness/record/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 40, CURVE = 8 };

static void print_series(const ir_text *t, const fleet_result *r)
{
    static const ir_col col[] = {{"series", false, 24, 0},   {"group", false, 0, 2},
                                 {"nodes", true, 0, 0},      {"median", true, 0, 0},
                                 {"spread", true, 0, 0},     {"detectable", true, 0, 0},
                                 {"of baseline", true, 0, 1}};
    ir_table            tb;
    char                v[IR_NUM];
    ir_table_begin(&tb, t, col, 7);
    for (size_t s = 0; s < r->nseries; s++)
        for (size_t g = 0; g < r->ngroup; g++) {
            const ir_fleet_series *f = &r->series[s].group[g];
            bool                   rate = !strcmp(r->series[s].point, FLEET_NET_BW);
            ir_table_cell(&tb, TXT_PLAIN, "%s", r->series[s].point);
            ir_table_cell(&tb, TXT_DIM, "%s", r->ngroup > 1 ? r->group[g].key : "");
            ir_table_cell(&tb, TXT_PLAIN, "%zu", f->n);
            if (r->series[s].tail)
                ir_table_cell(&tb, TXT_PLAIN, "%.2f x", exp(-f->centre));
            else
                ir_table_cell(
                    &tb, TXT_PLAIN, "%s",
                    ir_text_scaled(rate ? exp(f->centre) : exp(-f->centre), rate ? "B/s" : "s", v, sizeof v));
            ir_table_cell(&tb, TXT_PLAIN, "%.1f %%", 100 * f->spread);
            if (isfinite(f->detectable))
                ir_table_cell(&tb, TXT_PLAIN, "%.1f %%", 100 * f->detectable);
            else
                ir_table_cell(&tb, TXT_PLAIN, "-");
            if (isfinite(r->series[s].base))
                ir_table_cell(&tb, TXT_PLAIN, "%.2f", exp(r->series[s].base));
            else
                ir_table_cell(&tb, TXT_PLAIN, "%s", "");
            if (f->split)
                ir_table_span(&tb, TXT_YELLOW, "two modes, %.1f %% apart: %s%s",
                              -100 * expm1(f->mode_lo - f->mode_hi),
                              *r->series[s].split_by ? "they differ in " : "no recorded fact separates them",
                              r->series[s].split_by);
        }
    ir_table_end(&tb);
}

static void print_outliers(const ir_text *t, const fleet_result *r)
{
    static const ir_col col[] = {{"node", false, 0, 0}, {"verdict", false, 0, 0},
                                 {"term", false, 0, 0}, {"slower by", true, 0, 0},
                                 {"why", false, 30, 0}, {"likely", false, 12, 1}};
    ir_table            tb;
    ir_table_begin(&tb, t, col, 6);
    for (size_t k = 0; k < r->noutlier && k < MOST_ROWS; k++) {
        const fleet_finding *f = &r->node[r->outlier[k].node];
        ir_table_cell(&tb, TXT_BOLD, "%s", r->data->v[r->outlier[k].node].name);
        ir_table_cell(&tb, f->verdict == FLEET_UNSTABLE ? TXT_YELLOW : TXT_RED, "%s",
                      fleet_verdict_name(f->verdict));
        ir_table_cell(&tb, TXT_PLAIN, "%s", f->word);
        if (f->verdict == FLEET_SLOW)
            ir_table_cell(&tb, TXT_PLAIN, "%.1f %% [%.1f, %.1f]", 50 * (f->lo + f->hi), 100 * f->lo,
                          100 * f->hi);
        else
            ir_table_cell(&tb, TXT_PLAIN, "%s", "");
        ir_table_cell(&tb, TXT_PLAIN, "%s", f->why);
        ir_table_cell(&tb, TXT_DIM, "%s", r->outlier[k].fact);
    }
    ir_table_end(&tb);
    if (r->noutlier > MOST_ROWS) fprintf(t->f, "... and %zu more: see fleet.json\n", r->noutlier - MOST_ROWS);
}

const char *fleet_step_text(const fleet_result *r, const ir_fleet_step *s, char *buf, size_t n)
{
    char   V[IR_NUM], alone[IR_NUM], whole[IR_NUM], law[IR_NUM], said[120] = "";
    double by_law = fleet_step_law_s(r, s);
    if (isfinite(by_law))
        snprintf(said, sizeof said, ", by the law %s (%+.0f %%)",
                 ir_text_scaled(by_law, "s", law, sizeof law), 100 * (by_law / s->step_s - 1));
    snprintf(buf, n, "%s on %d nodes: %s, of it %s to compute; %s are summed%s: bound by %s", s->point,
             s->nodes, ir_text_scaled(s->step_s, "s", whole, sizeof whole),
             ir_text_scaled(s->compute_s, "s", alone, sizeof alone),
             ir_text_scaled(s->size_B, "B", V, sizeof V), said,
             s->compute_s < 0.5 * s->step_s ? "the network" : "the nodes");
    return buf;
}

static void print_network(const ir_text *t, const fleet_result *r)
{
    char line[IR_ID + 240];
    char a[IR_NUM], b[IR_NUM];
    if (!isfinite(r->BW_net)) return;
    fprintf(t->f, "\nNetwork: %s and %s between two nodes", ir_text_scaled(r->BW_net, "B/s", a, sizeof a),
            ir_text_scaled(r->L_net, "s", b, sizeof b));
    if (isfinite(r->contention)) fprintf(t->f, "; %.2f of it while all pairs talk", r->contention);
    fprintf(t->f, "\n");
    if (isfinite(r->law.BW_net))
        fprintf(t->f, "Sums over nodes: T = 2(n-1)/n V / %s + 2(n-1) %s, off by %.0f %% (median)\n",
                ir_text_scaled(r->law.BW_net, "B/s", a, sizeof a),
                ir_text_scaled(r->law.L_net, "s", b, sizeof b), 100 * r->law_err);
    for (size_t k = 0; k < r->data->pairs.nstep; k++)
        fprintf(t->f, "Step of %s\n", fleet_step_text(r, &r->data->pairs.step[k], line, sizeof line));
    for (size_t k = 0; k < r->nlink; k++)
        fprintf(t->f, "LINK %s-%s: %.1f %% slower than what either gets elsewhere%s\n", r->link[k].a,
                r->link[k].b, -100 * expm1(r->link[k].e), r->link[k].confirmed ? "" : " (not confirmed)");
}

static void print_cost(const ir_text *t, const fleet_result *r)
{
    const double *cost = r->cost;
    size_t        n = r->ncost < CURVE ? r->ncost : CURVE;
    if (n < 2 || cost[0] < 0.01) return;
    fprintf(t->f, "\nA job that waits for its slowest node loses");
    for (size_t k = 0; k < n; k++)
        fprintf(t->f, "%s %.1f %%%s", k ? "," : "", 100 * cost[k],
                k == 0   ? " with all nodes"
                : k == 1 ? " without the worst"
                         : "");
    fprintf(t->f, " ... as more are drained.\n");
}

static void print_drain(const ir_text *t, const fleet_result *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->data->n; i++) {
        const fleet_finding *f = &r->node[i];
        if (f->verdict != FLEET_SLOW && f->verdict != FLEET_HUNG && f->verdict != FLEET_INCORRECT &&
            f->verdict != FLEET_CLOCK)
            continue;
        if (n++ == 0) fprintf(t->f, "\nTo take them out (nothing was changed):\n");
        fprintf(t->f, "  scontrol update nodename=%s state=drain reason=\"ironroof: %s%s%s\"\n",
                r->data->v[i].name, fleet_verdict_name(f->verdict), *f->word ? " " : "", f->word);
    }
}

void fleet_print(const ir_text *t, const fleet_result *r)
{
    print_series(t, r);
    if (r->noutlier) {
        fputc('\n', t->f);
        print_outliers(t, r);
    }
    print_network(t, r);
    print_cost(t, r);
    print_drain(t, r);
    fprintf(t->f, "\n%s\n", r->sentence);
}
