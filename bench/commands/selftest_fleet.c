/* selftest_fleet.c -- `ironroof selftest fleet`: the judge on synthetic fleets whose truth is known. Healthy
 * fleets give the rate of false alarms, faulty ones how many faults are found and whether the right term is
 * named. */
#include "bench/commands/fleet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *what;
    fleet_synth o;
    int         sweeps;
    bool        count_split;       /* a sweep counts when it says SPLIT */
    bool        count_terms;       /* of the nodes found, those with the right term */
    double      at_least, at_most; /* share that passes; NAN: no bound */
} trial;

static const trial table[] = {
    {"healthy, 1024 nodes, spread 1.5 %, 5 % of rounds disturbed: sweeps with a false node",
     {.n = 1024, .spread = .015, .noise = .01, .disturbed = .05},
     1000,
     false,
     false,
     NAN,
     .02},
    {"healthy, 64 nodes, spread 0.5 %: sweeps with a false node",
     {.n = 64, .spread = .005, .noise = .01, .disturbed = .05},
     1000,
     false,
     false,
     NAN,
     .02},
    {"healthy, 4 nodes, spread 0.5 %: sweeps with a false node",
     {.n = 4, .spread = .005, .noise = .01, .disturbed = .05},
     1000,
     false,
     false,
     NAN,
     .02},
    {"64 nodes, one 10 % lower in BW: found",
     {.n = 64, .spread = .005, .noise = .01, .disturbed = .02, .faulty = 1, .slower = .10},
     300,
     false,
     false,
     .8,
     NAN},
    {"64 nodes, one 8 % lower in eta: found",
     {.n = 64,
      .spread = .005,
      .noise = .01,
      .disturbed = .02,
      .faulty = 1,
      .slower = .08,
      .term = IR_TERM_ETA},
     300,
     false,
     false,
     .8,
     NAN},
    {"4 nodes, one 10 % lower in BW: found",
     {.n = 4, .spread = .005, .noise = .01, .disturbed = .02, .faulty = 1, .slower = .10},
     300,
     false,
     false,
     NAN,
     NAN},
    {"4 nodes, one 15 % lower in BW: found",
     {.n = 4, .spread = .005, .noise = .01, .disturbed = .02, .faulty = 1, .slower = .15},
     300,
     false,
     false,
     .95,
     NAN},
    {"4 nodes, one 15 % lower in L_lat: found",
     {.n = 4,
      .spread = .005,
      .noise = .01,
      .disturbed = .02,
      .faulty = 1,
      .slower = .15,
      .term = IR_TERM_LAT},
     300,
     false,
     false,
     .95,
     NAN},
    {"64 nodes, 30 % of them 15 % lower in BW: found",
     {.n = 64, .spread = .005, .noise = .01, .disturbed = .02, .faulty = 19, .slower = .15},
     100,
     false,
     false,
     .95,
     NAN},
    {"64 nodes, 40 % of them 15 % lower in BW: sweeps that say SPLIT",
     {.n = 64, .spread = .005, .noise = .01, .disturbed = .02, .faulty = 26, .slower = .15},
     100,
     true,
     false,
     .99,
     NAN},
    {"64 nodes, the slow samples of one 15 % slower still: found as TAIL",
     {.n = 64,
      .spread = .005,
      .noise = .01,
      .disturbed = .02,
      .faulty = 1,
      .slower = .15,
      .term = FLEET_TAIL_TERM},
     300,
     false,
     false,
     .95,
     NAN},
    {"256 nodes, one 5 % lower in BW: right term where found",
     {.n = 256, .spread = .005, .noise = .01, .disturbed = .02, .faulty = 1, .slower = .05, .delta = .03},
     300,
     false,
     true,
     .99,
     NAN},
    {"256 nodes, one 5 % lower in eta: right term where found",
     {.n = 256,
      .spread = .005,
      .noise = .01,
      .disturbed = .02,
      .faulty = 1,
      .slower = .05,
      .delta = .03,
      .term = IR_TERM_ETA},
     300,
     false,
     true,
     .99,
     NAN},
    {"256 nodes, one 5 % lower in L_lat: right term where found",
     {.n = 256,
      .spread = .005,
      .noise = .01,
      .disturbed = .02,
      .faulty = 1,
      .slower = .05,
      .delta = .03,
      .term = IR_TERM_LAT},
     300,
     false,
     true,
     .99,
     NAN}};

typedef struct {
    size_t n, hit, false_sweeps;
} tally;

static void selftest_fleet_count(const trial *t, const fleet_result *r, const bool *truth, tally *sum)
{
    bool          false_node = false, split = false;
    fleet_verdict right = t->o.term == FLEET_TAIL_TERM ? FLEET_TAIL : FLEET_SLOW;
    for (size_t i = 0; i < r->data->n; i++) {
        fleet_verdict v = r->node[i].verdict;
        bool          slow = v == right;
        split = split || v == FLEET_SPLIT;
        false_node = false_node || ((v == FLEET_SLOW || v == FLEET_TAIL) && !truth[i]);
        if (t->o.faulty && truth[i] && !t->count_split) {
            sum->n += !t->count_terms || slow;
            sum->hit += slow && (!t->count_terms || r->node[i].term.term == t->o.term);
        }
    }
    sum->false_sweeps += false_node;
    if (t->count_split || !t->o.faulty) {
        sum->n++;
        sum->hit += t->count_split ? split : false_node;
    }
}

static ir_status sweep(const trial *t, uint64_t seed, tally *sum)
{
    fleet_synth  o = t->o;
    fleet_data   d;
    fleet_result r;
    bool        *truth = NULL;
    o.seed = seed;
    ir_status st = fleet_synthesize(&o, &d, &truth);
    if (st != IR_OK) return st;
    st = fleet_judge(&d, NULL, &r);
    if (st == IR_OK) {
        selftest_fleet_count(t, &r, truth, sum);
        fleet_result_free(&r);
    }
    free(truth);
    fleet_free(&d);
    return st;
}

/* few: fewer sweeps than the bound is meant for; then the interval must lie beyond it. */
static bool say(FILE *f, const trial *t, const tally *s, bool few)
{
    double share = s->n ? (double)s->hit / (double)s->n : NAN, lo, hi;
    char   bound[40] = "";
    ir_binom_ci(s->hit, s->n, 0.95, &lo, &hi);
    bool bad = !s->n || (few ? hi : share) < t->at_least || (few ? lo : share) > t->at_most;
    if (isfinite(t->at_least)) snprintf(bound, sizeof bound, ", at least %g %%", 100 * t->at_least);
    if (isfinite(t->at_most)) snprintf(bound, sizeof bound, ", at most %g %%", 100 * t->at_most);
    fprintf(f, "%-4s %s: %zu of %zu, %.1f %% [%.1f, %.1f]%s", bad ? "FAIL" : "ok", t->what, s->hit, s->n,
            100 * share, 100 * lo, 100 * hi, bound);
    if (t->o.faulty) fprintf(f, "; sweeps with a false node %zu", s->false_sweeps);
    fprintf(f, "\n");
    fflush(f);
    return !bad;
}

static int selftest_fleet_write_one(FILE *f, const cli_options *o, int64_t nodes)
{
    fleet_synth s = {.n = (size_t)nodes,
                     .spread = .015,
                     .noise = .01,
                     .disturbed = .05,
                     .faulty = (size_t)nodes / 500 + 1,
                     .slower = .14,
                     .seed = o->seed >= 0 ? (uint64_t)o->seed : 1};
    fleet_data  d;
    bool       *truth = NULL;
    if (!o->output)
        return ir_fail(IR_EINVAL, "selftest fleet --nodes N writes a folder: give -o DIR"), complain();
    if (fleet_synthesize(&s, &d, &truth) != IR_OK) return complain();
    int code = fleet_write_folder(&d, o->output) == IR_OK ? EXIT_FINE : complain();
    for (size_t i = 0; code == EXIT_FINE && i < d.n; i++)
        if (truth[i]) fprintf(f, "%s is %.0f %% lower in BW\n", d.v[i].name, 100 * s.slower);
    free(truth);
    fleet_free(&d);
    return code;
}

int selftest_fleet(FILE *f, const cli_options *o, int64_t nodes)
{
    int      bad = 0;
    uint64_t seed = o->seed >= 0 ? (uint64_t)o->seed : 1;
    if (nodes > 0) return selftest_fleet_write_one(f, o, nodes);
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        tally sum = {0};
        int   n = o->samples > 0 && o->samples < table[k].sweeps ? (int)o->samples : table[k].sweeps;
        for (int i = 0; i < n; i++)
            if (sweep(&table[k], seed * 1000003 + (uint64_t)k * 10007 + (uint64_t)i, &sum) != IR_OK)
                return complain();
        bad += !say(f, &table[k], &sum, n < table[k].sweeps);
    }
    fprintf(f, "%d of %zu failed\n", bad, sizeof table / sizeof *table);
    return bad ? EXIT_BAD : EXIT_FINE;
}
