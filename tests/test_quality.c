/* test_quality.c -- was the machine quiet enough: tables of situations and what is said of each; and rows
 * whose time is not the machine's own carry no bound. */
#include "law_machine.h"

#include <stdlib.h>
#include <string.h>

/* A machine on which everything was looked at and nothing was found. */
static ir_situation quiet(void)
{
    ir_situation s;
    ir_situation_init(&s);
    s.others = s.steal = s.pressure = 0;
    s.pair_start = s.pair_end = 1.97;
    s.read_lo = 39e9;
    s.read_hi = 41e9;
    s.n = s.known = 40;
    s.worst_share = 0.995;
    return s;
}

enum { GOOD = IR_QUALITY_GOOD, NOISY = IR_QUALITY_NOISY, UNUSABLE = IR_QUALITY_UNUSABLE };
#define AT(field) offsetof(ir_situation, field)
/* One quantity changed (count: it is a size_t): value, the cause it must name, words in its text. */
static const struct {
    const char *what;
    size_t      off;
    double      v;
    bool        count;
    int         value;
    const char *words;
} changes[] = {{"", AT(others), 0.04, false, GOOD, ""},
               {"others", AT(others), 0.06, false, NOISY, "6 %"},
               {"others", AT(others), 0.90, false, NOISY, "90 %"},
               {"", AT(others), NAN, false, GOOD, ""},
               {"", AT(steal), 0.005, false, GOOD, ""},
               {"steal", AT(steal), 0.05, false, NOISY, "hypervisor took 5 %"},
               {"steal", AT(steal), 0.40, false, UNUSABLE, "40 %"},
               {"", AT(pressure), 0.05, false, GOOD, ""},
               {"pressure", AT(pressure), 0.30, false, NOISY, "waited for a CPU 30 %"},
               {"", AT(quota), 0.005, false, GOOD, ""},
               {"quota", AT(quota), 0.10, false, NOISY, "10 % of the periods"},
               {"quota", AT(quota), 0.50, false, UNUSABLE, "50 % of the periods"},
               {"", AT(pair_start), 1.80, false, GOOD, ""},
               {"pair", AT(pair_start), 1.30, false, NOISY, "at the start"},
               {"pair", AT(pair_start), 2.21, false, UNUSABLE, "2.21 x one"},
               {"pair", AT(pair_end), 0.70, false, UNUSABLE, "0.70 x one"},
               {"", AT(pair_end), NAN, false, GOOD, ""},
               {"", AT(pair_start), NAN, false, GOOD, ""},
               {"", AT(read_lo), 36e9, false, GOOD, ""},
               {"memory", AT(read_lo), 30e9, false, NOISY, "30 and 41 GB/s"},
               {"memory", AT(read_lo), 10e9, false, UNUSABLE, "neighbours"},
               {"", AT(read_lo), NAN, false, GOOD, ""},
               {"preempted", AT(preempted), 1, true, NOISY, "1 of 40 points"},
               {"preempted", AT(preempted), 20, true, NOISY, "20 of 40"},
               {"preempted", AT(preempted), 21, true, UNUSABLE, "21 of 40"},
               {"intervals", AT(wide), 1, true, NOISY, "1 of 40"},
               {"intervals", AT(wide), 30, true, UNUSABLE, "30 of 40"},
               {"", AT(noisy), 10, true, GOOD, ""},
               {"intervals", AT(noisy), 11, true, NOISY, "11 of 40 points are noisy"},
               {"clock", AT(slowed), 1, true, NOISY, "1 of 40"},
               {"stall", AT(stall_s), 1.2, false, NOISY, "1.2 s"}};

static void each_cause_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        ir_situation s = quiet();
        ir_quality   q;
        s.quota_cpus = 1.5;
        s.stall_among_s = 3e-4;
        if (changes[i].count)
            *(size_t *)(void *)((char *)&s + changes[i].off) = (size_t)changes[i].v;
        else
            *(double *)(void *)((char *)&s + changes[i].off) = changes[i].v;
        ir_quality_judge(&s, &q);
        if ((int)q.value != changes[i].value) fail_msg("row %zu: %s", i, ir_quality_name(q.value));
        assert_int_equal(q.ncause, changes[i].value != GOOD);
        if (changes[i].value == GOOD) continue;
        assert_string_equal(q.cause[0].what, changes[i].what);
        if (!strstr(q.cause[0].text, changes[i].words))
            fail_msg("'%s' does not say '%s'", q.cause[0].text, changes[i].words);
    }
}

static void ceilings_of_a_bad_run(void **state)
{
    (void)state;
    ir_situation s = quiet();
    ir_quality   q;
    s.recalled_unusable = true;
    ir_quality_judge(&s, &q);
    assert_int_equal(q.value, UNUSABLE);
    assert_int_equal(q.ncause, 1);
    assert_string_equal(q.cause[0].what, "ceilings");
}

static void nothing_known_is_not_bad(void **state)
{
    ir_situation s;
    ir_quality   q;
    (void)state;
    ir_situation_init(&s);
    ir_quality_judge(&s, &q);
    assert_int_equal(q.value, GOOD);
    assert_int_equal(q.ncause, 0);
}

/* Several at once: the gravest first, every one once; where it is not known what our threads got, others are
 * graver. */
static void causes_together(void **state)
{
    ir_situation s = quiet();
    ir_quality   q;
    (void)state;
    s.others = 0.8;
    snprintf(s.who, sizeof s.who, "spinner (pid 7) 99 %% of a CPU");
    s.preempted = 40;
    s.worst_share = 0.21;
    s.pair_start = 2.21;
    s.steal = 0.02;
    ir_quality_judge(&s, &q);
    assert_int_equal(q.value, UNUSABLE);
    assert_int_equal(q.ncause, 4);
    assert_string_equal(q.cause[0].what, "pair");
    assert_string_equal(q.cause[1].what, "preempted");
    assert_non_null(strstr(q.cause[1].text, "21 % at worst"));
    assert_string_equal(q.cause[2].what, "others");
    assert_non_null(strstr(q.cause[2].text, "spinner (pid 7)"));
    assert_string_equal(q.cause[3].what, "steal");
    s = quiet(); /* reads of threads that wait are slow: no word of neighbours on the memory */
    s.others = 0.3;
    s.preempted = 25;
    s.read_lo = 10e9;
    ir_quality_judge(&s, &q);
    assert_int_equal(q.ncause, 3);
    assert_string_equal(q.cause[1].what, "others");
    assert_string_equal(q.cause[2].what, "memory");
    assert_null(strstr(q.cause[2].text, "neighbours"));
    s = quiet();
    s.others = 0.8;
    s.known = 0;
    ir_quality_judge(&s, &q);
    assert_int_equal(q.value, UNUSABLE);
}

static void values_have_names(void **state)
{
    (void)state;
    assert_string_equal(ir_quality_name(IR_QUALITY_GOOD), "good");
    assert_string_equal(ir_quality_name(IR_QUALITY_NOISY), "noisy");
    assert_string_equal(ir_quality_name(IR_QUALITY_UNUSABLE), "unusable");
    assert_string_equal(ir_quality_name(IR_NQUALITY), "?");
}

/* ---- points counted -------------------------------------------------------------------------- */
static void points_are_counted(void **state)
{
    ir_situation s;
    ir_point     p[6];
    (void)state;
    for (int i = 0; i < 6; i++) {
        p[i] = point(8e8, 0, 2e9, 8e8, 0.04);
        p[i].m.wall.max = 0.041;
        p[i].m.reps = 1;
        p[i].m.cpu_share = 1;
        p[i].m.bw_now = 0.9 + 0.02 * i;
    }
    p[0].flags = IR_FLAG_PREEMPTED | IR_FLAG_NOISY;
    p[0].m.cpu_share = 0.3;
    p[1].flags = IR_FLAG_THROTTLED;
    p[1].m.cpu_share = NAN;
    p[2].m.wall.ci_hi = 0.07;
    p[3].status = IR_SKIP;
    p[3].flags = IR_FLAG_PREEMPTED;
    p[4].m.wall.median = 3e-4; /* a suspension: 1 s among 0.3 ms */
    p[4].m.wall.ci_hi = p[4].m.wall.ci_lo = 3e-4;
    p[4].m.wall.max = 1;
    ir_situation_init(&s);
    ir_situation_points(&s, p, 6, 40e9);
    assert_int_equal(s.n, 5);
    assert_int_equal(s.known, 4);
    assert_int_equal(s.preempted, 1);
    assert_int_equal(s.noisy, 1);
    assert_int_equal(s.slowed, 1);
    assert_int_equal(s.wide, 1);
    assert_close(s.worst_share, 0.3, 1e-12);
    assert_close(s.stall_s, 1, 1e-12);
    assert_close(s.stall_among_s, 3e-4, 1e-12);
    assert_true(s.read_lo >= 36e9 && s.read_lo <= s.read_hi && s.read_hi <= 40e9);
    p[4].m.wall.max = 0.004; /* a long one, but no stall */
    ir_situation_init(&s);
    ir_situation_points(&s, p, 6, NAN);
    assert_true(isnan(s.stall_s) && !(s.read_hi > s.read_lo));
}

/* ---- no bound on a time that is not the machine's own ---------------------------------------- */
static void rows_without_a_bound(void **state)
{
    static const struct {
        uint32_t    flags, kflags;
        double      wide, T;
        const char *why;
    } row[] = {{0, 0, 1.01, 0.04, NULL},
               {IR_FLAG_NOISY | IR_FLAG_STEAL | IR_FLAG_SUSPECT, 0, 1.01, 0.04, NULL},
               {0, 0, 1.49, 0.04, NULL},
               {0, 0, NAN, 0.04, NULL}, /* too few samples for an interval */
               {IR_FLAG_PREEMPTED, 0, 1.01, 0.04, "21 %"},
               {0, 0, 1.51, 0.04, "+-51 %"},
               {0, 0, 100.99, 0.04, "+-9999 %"},
               {0, 0, 1.01, 0.5, "MBU 4 %, MFU 2 %"},
               {0, IR_K_NAIVE, 1.01, 0.5, NULL}, /* a bottom rung is meant to be slow */
               {0, IR_K_HALF, 1.01, 0.5, NULL}};
    ir_ceilings c;
    (void)state;
    machine(&c);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        ir_point p = point(8e8, 0, 2e9, 8e8, row[i].T); /* data 20 ms, compute 10 ms */
        p.flags = row[i].flags;
        p.id.kflags = row[i].kflags;
        p.m.cpu_share = 0.21;
        p.m.wall.ci_hi = p.m.wall.median * row[i].wide;
        ir_point_judge(&p, &c, NULL);
        assert_true(isfinite(p.law.mbu) && isfinite(p.law.T_law_s)); /* terms and efficiencies stay */
        assert_int_equal(p.law.bound == IR_BOUND_UNKNOWN, row[i].why != NULL);
        if (!row[i].why && *p.law.withheld) fail_msg("row %zu: '%s'", i, p.law.withheld);
        if (row[i].why && !strstr(p.law.withheld, row[i].why))
            fail_msg("row %zu: '%s' does not say '%s'", i, p.law.withheld, row[i].why);
    }
    ir_point again = point(8e8, 0, 2e9, 8e8, 0.04); /* judged anew, the reason goes with the cause */
    again.flags = IR_FLAG_PREEMPTED;
    ir_point_judge(&again, &c, NULL);
    again.flags = 0;
    ir_point_judge(&again, &c, NULL);
    assert_string_equal(again.law.withheld, "");
    assert_int_equal(again.law.bound, IR_BOUND_MEMORY);
    ir_ceilings_free(&c);
}

/* A launch is far from bandwidth and peak, and its bound is latency all the same. */
static void launches_are_not_far(void **state)
{
    ir_ceilings c;
    (void)state;
    machine(&c);
    ir_point p = point(64, 0, 128, 64, 2.1e-6);
    ir_point_judge(&p, &c, NULL);
    assert_int_equal(p.law.bound, IR_BOUND_LATENCY);
    assert_string_equal(p.law.withheld, "");
    ir_ceilings_free(&c);
}

static void pairs_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        double ratio;
        bool   no;
    } pair[] = {{0.5, true},   {0.89, true}, {0.95, false}, {1, false},  {1.6, false},
                {2.05, false}, {2.11, true}, {7, true},     {NAN, false}};
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++)
        assert_int_equal(ir_pair_impossible(pair[i].ratio), pair[i].no);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_cause_alone),      cmocka_unit_test(nothing_known_is_not_bad),
        cmocka_unit_test(ceilings_of_a_bad_run), cmocka_unit_test(causes_together),
        cmocka_unit_test(values_have_names),     cmocka_unit_test(points_are_counted),
        cmocka_unit_test(rows_without_a_bound),  cmocka_unit_test(launches_are_not_far),
        cmocka_unit_test(pairs_that_cannot_be)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
