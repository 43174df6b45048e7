/* The whole pipeline on described machines at fixed seeds: no score falls below what it has reached, and a
 * rule that is broken on purpose does fall. `ironroof selftest machines --seeds 50` prints the same over all
 * machines. */
#include "bench/commands/zoo.h"
#include "bench/run/described.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *const subset[] = {"epyc_zen4_guest", "raspberry_pi5", "ryzen_7840u", "epyc_genoa_192",
                                     "grace",           "a100",          "mi300x",      "noisy_vm"};
enum { MACHINES = sizeof subset / sizeof *subset, SEEDS = 2 };

static void machine(const char *name, model_machine *m)
{
    if (described_machine(name, zoo_text(name), m) != IR_OK) fail_msg("%s", ir_why());
}

/* Scores that the issue asks for and that are not reached yet have the floor they keep; the others their bar.
 */
static const struct {
    const char *what;
    double      least;
} floors[] = {{"level capacities", 0.98},   {"ceilings within 3 %", 0.98}, {"rows without a false", 0.999},
              {"true disturbances", 0.95},  {"label = truth", 0.975},      {"crossover", 0.8},
              {"claim about", 0.9},         {"ab: identical", 0.997},      {"ab: planted", 0.95},
              {"labels with P in [.9", 0.9}};

static void scores_hold(void **state)
{
    (void)state;
    static zoo_result v[MACHINES * SEEDS];
    zoo_row           row[ZOO_ROWS];
    size_t            n = 0, found = 0;
    for (int i = 0; i < MACHINES; i++)
        for (uint64_t seed = 0; seed < SEEDS; seed++, n++) {
            model_machine m;
            machine(subset[i], &m);
            v[n].machine = i;
            zoo_variant(&m, 101 + seed, NULL, &v[n]);
            if (v[n].failed) fail_msg("%s: %s", subset[i], v[n].why);
        }
    size_t k = zoo_table(v, n, MACHINES, row);
    for (size_t i = 0; i < k; i++)
        for (size_t f = 0; f < sizeof floors / sizeof *floors; f++) {
            if (strncmp(row[i].what, floors[f].what, strlen(floors[f].what)) != 0) continue;
            found++;
            if (row[i].n && row[i].value < floors[f].least)
                fail_msg("%s: %s, the floor is %g", row[i].what, row[i].got, floors[f].least);
        }
    assert_int_equal(found, sizeof floors / sizeof *floors);
}

/* ---- broken rules ---------------------------------------------------------------------------- */
static double share(const zoo_tally *t) { return t->n ? (double)t->right / t->n : NAN; }

static void levels_shifted(zoo_run *r)
{
    for (int l = 0; l < 3; l++) r->s.ceilings.level_B[l] *= 2;
}
static void   level_lost(zoo_run *r) { r->s.ceilings.level_B[1] = NAN; }
static double of_levels(const zoo_result *o) { return share(&o->levels); }
static void   ceilings_high(zoo_run *r)
{
    for (size_t i = 0; i < r->s.ceilings.n; i++) r->s.ceilings.v[i].value *= 1.05;
}
static double of_ceilings(const zoo_result *o) { return share(&o->ceilings); }
static void   judge_again(zoo_run *r)
{
    fit_points(r->s.point, r->s.npoint, &r->s.ceilings, r->s.policy.seed, &r->law);
}
static void guard_too_fine(zoo_run *r) /* as if every ceiling were known to be a tenth lower */
{
    for (size_t i = 0; i < r->s.ceilings.n; i++) {
        r->s.ceilings.v[i].value *= 0.9;
        r->s.ceilings.v[i].hi *= 0.9;
    }
    judge_again(r);
}
static double of_quiet(const zoo_result *o) { return share(&o->quiet); }
static void   labels_swapped(zoo_run *r)
{
    for (size_t i = 0; i < r->s.npoint; i++) {
        ir_bound *b = &r->s.point[i].law.bound;
        *b = *b == IR_BOUND_MEMORY ? IR_BOUND_COMPUTE : *b == IR_BOUND_COMPUTE ? IR_BOUND_MEMORY : *b;
    }
}
static void one_level(zoo_run *r) /* the law before levels: everything in memory */
{
    for (int l = 0; l < IR_NLEVEL; l++) r->s.ceilings.level_B[l] = 1;
    judge_again(r);
}
static double of_labels(const zoo_result *o) { return share(&o->labels); }
static void   nothing_flagged(zoo_run *r)
{
    for (size_t i = 0; i < r->s.npoint; i++) r->s.point[i].flags = 0;
    for (size_t i = 0; i < r->s.ceilings.n; i++)
        r->s.ceilings.v[i].flags = 0, r->s.ceilings.v[i].alt_Bps = NAN;
}
static double of_named(const zoo_result *o) { return share(&o->named); }

static void broken_rules_show(void **state)
{
    (void)state;
    static const struct {
        const char *what, *machine;
        void (*broken)(zoo_run *);
        double (*score)(const zoo_result *);
        double bar;
    } rule[] = {{"levels shifted", "ryzen_7840u", levels_shifted, of_levels, 0.98},
                {"a level lost", "ryzen_7840u", level_lost, of_levels, 0.98},
                {"ceilings 5 % high", "ryzen_7840u", ceilings_high, of_ceilings, 0.98},
                {"guard too fine", "ryzen_7840u", guard_too_fine, of_quiet, 1},
                {"labels swapped", "ryzen_7840u", labels_swapped, of_labels, 0.95},
                {"one level", "rtx4090", one_level, of_labels, 0.95},
                {"flags off", "noisy_vm", nothing_flagged, of_named, 0.95}};
    for (size_t i = 0; i < sizeof rule / sizeof *rule; i++)
        for (int broken = 0; broken < 2; broken++) {
            model_machine m;
            zoo_run       r;
            zoo_result    o = {0};
            machine(rule[i].machine, &m);
            model_vary(&m, 7);
            if (zoo_measure(&m, false, &r) != IR_OK) fail_msg("%s", ir_why());
            if (broken) rule[i].broken(&r);
            zoo_score_ceilings(&r, &m, NULL, &o);
            zoo_score_flags(&r, &m, NULL, &o);
            zoo_score_labels(&r, &m, NULL, &o);
            double got = rule[i].score(&o);
            if ((got >= rule[i].bar) == broken)
                fail_msg("%s, %s: the score is %g, the bar %g", rule[i].what, broken ? "broken" : "as it is",
                         got, rule[i].bar);
            zoo_free(&r);
        }
}

/* What regular stores cost matters: without their ceiling the law takes their bytes for half of what they
 * are. */
static void stores_are_priced(void **state)
{
    (void)state;
    model_machine m;
    zoo_run       r;
    double        worst[2] = {0, 0};
    machine("epyc_zen4_guest", &m);
    if (zoo_measure(&m, false, &r) != IR_OK) fail_msg("%s", ir_why());
    for (int without = 0; without < 2; without++) {
        for (size_t i = 0; without && i < r.s.ceilings.n; i++)
            if (!strcmp(r.s.ceilings.v[i].op, "store")) r.s.ceilings.v[i].value = NAN;
        for (size_t i = 0; i < r.s.npoint; i++) {
            ir_point *p = &r.s.point[i];
            if (p->id.for_ceiling || p->status != IR_OK || strcmp(p->id.family, "stream") != 0) continue;
            ir_point_judge(p, &r.s.ceilings, NULL);
            worst[without] = fmax(worst[without], fabs(p->law.T_law_s / ir_point_time(p) - 1));
        }
    }
    if (!(worst[0] < 0.08) || !(worst[1] > 0.25))
        fail_msg("streams are off by %.2f with the ceiling of stores, %.2f without", worst[0], worst[1]);
    zoo_free(&r);
}

static double reads_of(const zoo_run *r, ir_level l)
{
    const ir_ceiling *c =
        ir_ceiling_find(&r->s.ceilings, IR_C_BANDWIDTH, ir_level_names[l], "read", IR_NDTYPE, 1);
    return c && !strcmp(c->level, ir_level_names[l]) ? c->value : NAN;
}

/* A fourth cache is a level of its own, found where the machine has it; its points are of that level. */
static void a_fourth_cache(void **state)
{
    (void)state;
    model_machine m;
    zoo_run       r;
    size_t        in_it = 0;
    machine("broadwell_edram", &m);
    if (zoo_measure(&m, false, &r) != IR_OK) fail_msg("%s", ir_why());
    const double is = m.level[IR_L4].size_B;
    assert_true(r.s.ceilings.level_B[IR_L4] > is / 1.5 && r.s.ceilings.level_B[IR_L4] < is * 1.5);
    assert_true(reads_of(&r, IR_L4) < 0.9 * reads_of(&r, IR_L3) &&
                reads_of(&r, IR_DRAM) < 0.9 * reads_of(&r, IR_L4));
    for (size_t i = 0; i < r.s.npoint; i++) in_it += !strcmp(r.s.point[i].law.level, ir_level_names[IR_L4]);
    assert_true(in_it > 3);
    zoo_free(&r);
    machine("icelake_laptop", &m);
    if (zoo_measure(&m, false, &r) != IR_OK) fail_msg("%s", ir_why());
    assert_true(isnan(r.s.ceilings.level_B[IR_L4]) && isnan(reads_of(&r, IR_L4)));
    zoo_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(scores_hold), cmocka_unit_test(broken_rules_show),
                                       cmocka_unit_test(stores_are_priced), cmocka_unit_test(a_fourth_cache)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
