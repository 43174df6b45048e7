/* test_gate.c -- the gate's logic without its processes: plans, verdicts, looks, confirmation, environment,
 * thresholds; children that end badly; series and causes. Real builds: tests/test_gate_program.py. */
#include "bench/ab/ab.h"
#include "bench/ab/child.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/asserts.h"

/* ---- the plan -------------------------------------------------------------------------------- */
static void test_plan(void **state)
{
    (void)state;
    char   sides[TRIAL_SLOTS], again[TRIAL_SLOTS];
    size_t abba = 0, v[50], seen[50] = {0};
    for (size_t b = 0; b < 200; b++) {
        trial_order(7, b, sides);
        trial_order(7, b, again);
        assert_memory_equal(sides, again, TRIAL_SLOTS);
        assert_true(!memcmp(sides, "ABBA", 4) || !memcmp(sides, "BAAB", 4));
        abba += !memcmp(sides, "ABBA", 4);
    }
    assert_num(abba, >, 60);
    assert_num(abba, <, 140);
    trial_shuffle(7, 3, v, 50);
    for (int i = 0; i < 50; i++) seen[v[i]]++;
    for (int i = 0; i < 50; i++) assert_int_equal(seen[i], 1);
    size_t w[50], same = 0;
    trial_shuffle(7, 4, w, 50);
    for (int i = 0; i < 50; i++) same += v[i] == w[i];
    assert_true(same < 25);
    trial_shuffle(7, 4, w, 0);
}

/* ---- a played machine ------------------------------------------------------------------------ */
typedef struct {
    ir_rng    g;
    double    slow, noise;    /* of build B; spread of a process */
    double    ref_shift;      /* of the reference beside B */
    size_t    calls, fail_at; /* this process fails; 0: none */
    bool      only_first;     /* the slowdown is there in the first blocks only: bad luck, not a change */
    double    fresh_noise;    /* 0: as noise */
    bool      drop_b, wrong;  /* B does not give point y; gives it wrong */
    ir_status with;
    double    t;
} world;

static ir_status play(ab *a, char side, const size_t *order, size_t n)
{
    static const char *const key[] = {"cpu/x/k:n=1", "cpu/y/k:n=1"};
    world                   *w = a->drive.ctx;
    ir_status                st = IR_OK;
    w->calls++;
    w->t += 1;
    if (w->calls == w->fail_at) return ir_fail(w->with, "killed by signal 9");
    for (size_t i = 0; i < n && st == IR_OK; i++) {
        bool   hit = side == 'B' && order[i] == 0 && !(w->only_first && a->fresh);
        double spread = a->fresh && w->fresh_noise > 0 ? w->fresh_noise : w->noise;
        double t = exp(spread * ir_rng_normal(&w->g)) * (hit ? 1 + w->slow : 1);
        bool   y = order[i] == 1 && side == 'B';
        if (y && w->drop_b) continue;
        st = ab_seen(a, side, key[order[i]], t, y && w->wrong ? "the output is wrong" : NULL);
    }
    return st;
}

static ir_status look_round(ab *a, double out[TRIAL_REFS])
{
    world *w = a->drive.ctx;
    for (int r = 0; r < TRIAL_REFS; r++)
        out[r] = exp(0.002 * ir_rng_normal(&w->g)) * (r == 1 ? 1 + w->ref_shift : 1);
    return IR_OK;
}

static double hours(ab *a) { return ((world *)a->drive.ctx)->t; }
static bool   gives(ab *a, size_t i, const char *key) { return (void)a, key[4] == "xy"[i]; }

static ir_status run_world(world *w, ab *a)
{
    memset(a, 0, sizeof *a);
    ir_rng_seed(&w->g, 5);
    a->drive = (ab_driver){play, look_round, hours, NULL, gives, w};
    trial_init(&a->t, 0.95, log1p(0.02));
    a->seed = 1;
    a->nargs = 2;
    a->blocks = a->blocks ? a->blocks : TRIAL_BLOCKS;
    a->more = a->confirm = true;
    a->max_s = INFINITY;
    return ab_run(a);
}

static trial_verdict of(ab *a, const char *key) { return trial_find(&a->t, key)->verdict; }

static void test_verdicts(void **state)
{
    (void)state;
    ab    a;
    world same = {.noise = 0.005}, slow = {.noise = 0.005, .slow = 0.05},
          fast = {.noise = 0.005, .slow = -0.06};
    assert_int_equal(run_world(&same, &a), IR_OK);
    assert_int_equal(of(&a, "cpu/x/k:n=1"), TRIAL_SAME);
    assert_int_equal(trial_exit(&a.t, true), 0);
    assert_int_equal(same.calls, 4 * TRIAL_BLOCKS);
    trial_free(&a.t);
    assert_int_equal(run_world(&slow, &a), IR_OK);
    trial_point *x = trial_find(&a.t, "cpu/x/k:n=1"), *y = trial_find(&a.t, "cpu/y/k:n=1");
    assert_int_equal(x->verdict, TRIAL_REGRESSED);
    assert_true(x->confirmed);
    assert_num(x->nfresh, ==, TRIAL_BLOCKS);
    assert_num(fabs(x->first.effect - log(1.05)), <, 0.01);
    assert_int_equal(y->verdict, TRIAL_SAME);
    assert_int_equal(y->nfresh, 0); /* only what was flagged is run again */
    assert_int_equal(trial_exit(&a.t, false), 1);
    trial_free(&a.t);
    assert_int_equal(run_world(&fast, &a), IR_OK);
    assert_int_equal(of(&a, "cpu/x/k:n=1"), TRIAL_IMPROVED);
    assert_int_equal(trial_exit(&a.t, true), 0);
    trial_free(&a.t);
}

static void test_confirmation(void **state)
{
    (void)state;
    ab    a;
    world luck = {.noise = 0.005, .slow = 0.08, .only_first = true};
    assert_int_equal(run_world(&luck, &a), IR_OK);
    trial_point *x = trial_find(&a.t, "cpu/x/k:n=1");
    assert_int_equal(x->verdict, TRIAL_INCONCLUSIVE);
    assert_non_null(strstr(x->note, "not again"));
    assert_int_equal(trial_exit(&a.t, false), 0);
    assert_int_equal(trial_exit(&a.t, true), 3);
    trial_free(&a.t);
}

static void test_looks(void **state)
{
    (void)state;
    ab    a;
    world noisy = {.noise = 0.2};
    assert_int_equal(run_world(&noisy, &a), IR_OK);
    trial_point *x = trial_find(&a.t, "cpu/x/k:n=1");
    assert_int_equal(x->verdict, TRIAL_INCONCLUSIVE);
    assert_int_equal(x->first.n, 32); /* the last look */
    assert_true(x->first.mde > 0.02);
    trial_free(&a.t);
    memset(&a, 0, sizeof a);
    world late = {.noise = 0.2};
    ir_rng_seed(&late.g, 5);
    a.drive = (ab_driver){play, NULL, hours, NULL, gives, &late};
    trial_init(&a.t, 0.95, log1p(0.02));
    a.nargs = 2;
    a.blocks = 12;
    a.max_s = 20; /* a process takes 1: five blocks */
    assert_int_equal(ab_run(&a), IR_OK);
    assert_true(a.out_of_time);
    assert_int_equal(of(&a, "cpu/x/k:n=1"), TRIAL_TOO_FEW);
    assert_int_equal(trial_exit(&a.t, false), 3); /* too few blocks are never a pass */
    trial_free(&a.t);
}

static void begin_world(world *w, ab *a)
{
    memset(a, 0, sizeof *a);
    ir_rng_seed(&w->g, 5);
    a->drive = (ab_driver){play, NULL, hours, NULL, gives, w};
    trial_init(&a->t, 0.95, log1p(0.02));
    a->seed = 1;
    a->nargs = 2;
    a->blocks = TRIAL_BLOCKS;
    a->more = a->confirm = true;
    a->max_s = INFINITY;
}

/* What was flagged is not given up while there are blocks to run, and what is undecided is not while there is
 * time: but the confirmation's time is kept back. */
static void test_budget(void **state)
{
    (void)state;
    ab    a;
    world slow = {.noise = 0.01, .slow = 0.1, .fresh_noise = 0.15}, open = {.noise = 0.2},
          both = {.noise = 0.2, .slow = 2};
    begin_world(&slow, &a);
    assert_int_equal(ab_run(&a), IR_OK);
    trial_point *x = trial_find(&a.t, "cpu/x/k:n=1");
    assert_true(trial_flagged(x));
    assert_num(x->nfresh, >, TRIAL_BLOCKS);
    assert_true(x->confirmed || x->nfresh == IR_AB_USUAL_BLOCKS);
    trial_free(&a.t);
    begin_world(&open, &a);
    a.max_s = 4 * 60; /* blocks of 4 s: the look at 64 would end later, and is begun */
    a.most = IR_AB_MOST_BLOCKS;
    assert_int_equal(ab_run(&a), IR_OK);
    assert_num(trial_find(&a.t, "cpu/x/k:n=1")->first.n, ==, 60);
    assert_true(a.out_of_time);
    trial_free(&a.t);
    begin_world(&both, &a);
    a.max_s = 4 * 40;
    a.most = IR_AB_MOST_BLOCKS;
    assert_int_equal(ab_run(&a), IR_OK);
    x = trial_find(&a.t, "cpu/x/k:n=1");
    assert_true(x->confirmed); /* y was undecided to the end, and took none of x's time */
    assert_true(a.out_of_time);
    trial_free(&a.t);
}

static void test_not_slower(void **state)
{
    (void)state;
    ab    a;
    world fast = {.noise = 0.03, .slow = -0.02};
    begin_world(&fast, &a);
    assert_int_equal(ab_run(&a), IR_OK);
    assert_int_equal(of(&a, "cpu/x/k:n=1"), TRIAL_NOT_SLOWER);
    assert_int_equal(trial_exit(&a.t, true), 0);
    trial_free(&a.t);
}

static void test_bad_processes(void **state)
{
    (void)state;
    ab    a;
    world killed = {.noise = 0.005, .fail_at = 11, .with = IR_ECHECK},
          first = {.fail_at = 1, .with = IR_ECHECK};
    assert_int_equal(run_world(&killed, &a), IR_OK);
    assert_int_equal(of(&a, "cpu/x/k:n=1"), TRIAL_MISSING);
    assert_non_null(strstr(trial_find(&a.t, "cpu/x/k:n=1")->note, "signal 9"));
    assert_int_equal(trial_exit(&a.t, false), 2);
    assert_int_equal(killed.calls, 11); /* nothing more is run */
    trial_free(&a.t);
    assert_int_equal(run_world(&first, &a), IR_OK);
    assert_int_equal(trial_exit(&a.t, false), 2); /* nothing measured */
    trial_free(&a.t);
    world renamed = {.noise = 0.005, .drop_b = true}, wrong = {.noise = 0.005, .wrong = true},
          stop = {.fail_at = 5, .with = IR_EINTR};
    assert_int_equal(run_world(&renamed, &a), IR_OK);
    assert_int_equal(of(&a, "cpu/y/k:n=1"), TRIAL_MISSING);
    assert_int_equal(trial_exit(&a.t, false), 2);
    trial_free(&a.t);
    assert_int_equal(run_world(&wrong, &a), IR_OK);
    assert_int_equal(of(&a, "cpu/y/k:n=1"), TRIAL_INCORRECT);
    assert_int_equal(trial_exit(&a.t, false), 2);
    trial_free(&a.t);
    assert_int_equal(run_world(&stop, &a), IR_EINTR);
    trial_free(&a.t);
}

/* The reference moves beside B only: whatever the points say, it is the environment. */
static ir_status beside_b(ab *a, double out[TRIAL_REFS])
{
    world *w = a->drive.ctx;
    for (int r = 0; r < TRIAL_REFS; r++) out[r] = 1;
    char   sides[TRIAL_SLOTS];
    size_t k = w->calls % TRIAL_SLOTS;
    trial_order(a->seed, w->calls / TRIAL_SLOTS, sides);
    bool b = (w->calls && sides[(k + 3) % 4] == 'B') || sides[k] == 'B';
    out[1] = b ? 1 + w->ref_shift : 1;
    return IR_OK;
}

/* It moves in many blocks after the first look, when y is decided and x is not. */
static ir_status late_noise(ab *a, double out[TRIAL_REFS])
{
    world *w = a->drive.ctx;
    size_t block = w->calls / TRIAL_SLOTS;
    bool   moved = block >= TRIAL_BLOCKS && block % 3 == 0;
    for (int r = 0; r < TRIAL_REFS; r++) out[r] = moved ? exp(ir_rng_normal(&w->g)) : 1;
    return IR_OK;
}

static void test_late_environment(void **state)
{
    (void)state;
    ab    a;
    world w = {.noise = 0.005, .slow = 0.0195, .ref_shift = 0.2};
    memset(&a, 0, sizeof a);
    ir_rng_seed(&w.g, 5);
    a.drive = (ab_driver){play, late_noise, hours, NULL, gives, &w};
    trial_init(&a.t, 0.95, log1p(0.02));
    a.seed = 1;
    a.nargs = 2;
    a.blocks = TRIAL_BLOCKS;
    a.more = true;
    a.max_s = INFINITY;
    assert_int_equal(ab_run(&a), IR_OK);
    assert_num(trial_find(&a.t, "cpu/x/k:n=1")->nq, >=, 24);
    assert_num(trial_find(&a.t, "cpu/y/k:n=1")->nq, ==, TRIAL_BLOCKS);
    assert_int_equal(of(&a, "cpu/x/k:n=1"), TRIAL_ENVIRONMENT);
    assert_int_equal(of(&a, "cpu/y/k:n=1"), TRIAL_ENVIRONMENT); /* and not missing */
    assert_int_equal(trial_exit(&a.t, false), 3);
    trial_free(&a.t);
}

/* A fork-join of a microsecond that costs half as much again beside B is no matter of a millisecond with one
 * of them, and is one of a call with a hundred. */
static void test_launches_moved(void **state)
{
    (void)state;
    static const char *const keys[] = {"cpu/one/k:n=1", "cpu/many/k:n=1", "cpu/short/k:n=1"};
    static const double      time_s[] = {1e-3, 1e-3, 5e-6};
    trial                    t;
    trial_init(&t, 0.95, log1p(0.02));
    for (size_t b = 0; b < 12; b++) {
        for (int r = 0; r < TRIAL_REFS; r++) {
            t.ref[r][b] = (trial_quad){{1e-6, 1e-6}, {1e-6, 1e-6}};
            if (r == TRIAL_LAUNCH) t.ref[r][b].b[0] = t.ref[r][b].b[1] = 1.5e-6;
        }
        for (int k = 0; k < 3; k++)
            for (int i = 0; i < 4; i++)
                assert_int_equal(trial_put(&t, keys[k], false, b, i < 2 ? 'A' : 'B', i % 2, time_s[k]),
                                 IR_OK);
    }
    t.nblock = 12;
    trial_starts(&t, keys[1], 100);
    trial_judge(&t);
    assert_false(t.drifted);
    assert_int_equal(trial_find(&t, keys[0])->verdict, TRIAL_SAME);
    assert_int_equal(trial_find(&t, keys[1])->verdict, TRIAL_ENVIRONMENT);
    assert_non_null(strstr(trial_find(&t, keys[1])->note, "forkjoin moved by +50.0 %"));
    assert_int_equal(trial_find(&t, keys[2])->verdict, TRIAL_ENVIRONMENT);
    trial_free(&t);
}

static void test_environment(void **state)
{
    (void)state;
    trial_quad q[12];
    double     worst;
    for (int i = 0; i < 12; i++) q[i] = (trial_quad){{1, 1}, {1 + 0.001 * (i % 3), 1}};
    assert_false(trial_drift(q, 12, 0.95, log1p(0.02), &worst));
    for (int i = 0; i < 4; i++) q[i].b[0] = q[i].b[1] = 1.3;
    /* more than a quarter beyond */
    assert_true(trial_drift(q, 12, 0.95, log1p(0.02), &worst));
    assert_num(fabs(worst - log(1.3)), <, 1e-9);
    for (int i = 0; i < 12; i++) q[i].b[0] = q[i].b[1] = 1.05;
    assert_true(trial_drift(q, 12, 0.95, log1p(0.02), &worst)); /* all moved: the contrast itself */
    assert_false(trial_drift(q, 3, 0.95, log1p(0.02), &worst));
    ab    a;
    world w = {.noise = 0.005, .slow = 0.10, .ref_shift = 0.2};
    memset(&a, 0, sizeof a);
    ir_rng_seed(&w.g, 5);
    a.drive = (ab_driver){play, beside_b, hours, NULL, gives, &w};
    trial_init(&a.t, 0.95, log1p(0.02));
    a.seed = 1;
    a.nargs = 2;
    a.blocks = 12;
    a.confirm = true;
    a.max_s = INFINITY;
    assert_int_equal(ab_run(&a), IR_OK);
    assert_int_equal(of(&a, "cpu/x/k:n=1"), TRIAL_ENVIRONMENT);
    assert_int_equal(of(&a, "cpu/y/k:n=1"), TRIAL_ENVIRONMENT);
    assert_int_equal(trial_exit(&a.t, false), 3);
    assert_non_null(strstr(a.t.cause, "fma"));
    trial_free(&a.t);
}

static void test_arguments(void **state)
{
    (void)state;
    static const char               arg[4][AB_ARG] = {"forkjoin:dtype=f64", "forkjoin:dtype=f64,threads=1",
                                                      "gemm:m=64,dtype=f32", "gemm:m=6,dtype=f32"};
    static const char *const        one = "cpu/forkjoin/pool:dtype=f64,threads=1,cache=hot",
                             *const two = "cpu/forkjoin/pool:dtype=f64,threads=2,cache=hot";
    static const char *const        gemm = "cpu/gemm/blocked:m=64,dtype=f32,threads=2,cache=hot";
    /* asked for by number */
    assert_true(ab_text_gives(arg, 4, 1, one));
    assert_true(!ab_text_gives(arg, 4, 0, one));
    assert_true(ab_text_gives(arg, 4, 0, two));
    assert_true(!ab_text_gives(arg, 4, 1, two));
    assert_true(ab_text_gives(arg, 4, 2, gemm));
    assert_true(!ab_text_gives(arg, 4, 3, gemm));
    assert_true(!ab_text_gives(arg, 4, 0, gemm));
    assert_false(ab_text_gives(arg, 4, 2, "cpu/batchgemm/x:m=64,dtype=f32,threads=2,cache=hot"));
    assert_false(ab_text_gives(arg, 4, 2, "nonsense"));
}

/* ---- children -------------------------------------------------------------------------------- */
static void test_words(void **state)
{
    (void)state;
    child_words w;
    assert_int_equal(child_split("  a 'b c' \"d \\\" e\"f g\\ h '' ", &w), IR_OK);
    assert_int_equal(w.n, 5);
    assert_string_equal(w.v[1], "b c");
    assert_string_equal(w.v[2], "d \" ef");
    assert_string_equal(w.v[3], "g h");
    assert_string_equal(w.v[4], "");
    assert_null(w.v[5]);
    child_words_free(&w);
    assert_int_equal(child_split("a 'b", &w), IR_EINVAL);
    assert_int_equal(child_split("   ", &w), IR_EINVAL);
    assert_int_equal(child_split("", &w), IR_EINVAL);
}

static const char *ends(const char *script, double timeout_s, child_result *r, char buf[400])
{
    char *argv[] = {"/bin/sh", "-c", (char *)script, NULL};
    assert_int_equal(child_run(argv, timeout_s, NULL, r), IR_OK);
    return child_failure(r, timeout_s, buf, 400);
}

static void test_children(void **state)
{
    (void)state;
    child_result r;
    char         buf[400];
    assert_null(ends("echo one; echo two >&2", 20, &r, buf));
    assert_string_equal(r.out, "one\n");
    assert_string_equal(r.err, "two ");
    child_free(&r);
    assert_non_null(strstr(ends("echo reason >&2; exit 3", 20, &r, buf), "exit code 3: reason"));
    child_free(&r);
    assert_non_null(strstr(ends("kill -9 $$", 20, &r, buf), "signal 9"));
    child_free(&r);
    assert_non_null(strstr(ends("sleep 100", 0.3, &r, buf), "still running"));
    child_free(&r);
    assert_non_null(
        strstr(ends("exec >&- 2>&-; sleep 100", 0.3, &r, buf), "still running")); /* silent, and hangs */
    child_free(&r);
    assert_non_null(strstr(ends("trap '' TERM INT; sleep 100 & wait", 0.3, &r, buf),
                           "still running")); /* with a child of its own */
    child_free(&r);
    volatile int stop = 1;
    char        *argv[] = {"/bin/sh", "-c", "sleep 100", NULL}, *none[] = {"/no/such/program", NULL};
    assert_int_equal(child_run(argv, 20, &stop, &r), IR_EINTR);
    assert_int_equal(child_run(none, 20, NULL, &r), IR_OK);
    assert_int_equal(r.code, 127);
    assert_non_null(strstr(r.err, "No such file"));
    child_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),          cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_confirmation),  cmocka_unit_test(test_looks),
        cmocka_unit_test(test_budget),        cmocka_unit_test(test_not_slower),
        cmocka_unit_test(test_bad_processes), cmocka_unit_test(test_launches_moved),
        cmocka_unit_test(test_environment),   cmocka_unit_test(test_late_environment),
        cmocka_unit_test(test_arguments),     cmocka_unit_test(test_words),
        cmocka_unit_test(test_children)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
