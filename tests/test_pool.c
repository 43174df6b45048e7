/* test_pool.c -- the thread pool: every thread runs once per region, barriers hold, sizes change, the
 * caller's affinity comes back, regions follow each other with and without sleep. Also run under
 * ThreadSanitizer. */
#define _GNU_SOURCE
#include "harness/machine/machine.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

enum { MOST = 9 };
typedef struct {
    ir_pool *pool;
    long     ran[MOST], sum[MOST], shared;
    int      nthreads;
} work;

static void count(void *arg, int tid, int nthreads)
{
    work *w = arg;
    w->ran[tid]++; /* each its own: a second thread with this number would be a race */
    if (tid == 0) w->nthreads = nthreads;
}

static void test_every_thread_once(void **state)
{
    (void)state;
    for (int n = 1; n <= MOST; n++) {
        work w = {0};
        assert_int_equal(ir_pool_new(NULL, n, &w.pool), IR_OK);
        assert_int_equal(ir_pool_size(w.pool), n);
        for (int r = 0; r < 200; r++) ir_pool_run(w.pool, 1 + r % n, count, &w);
        for (int t = 0; t < n; t++) {
            long want = 0;
            for (int r = 0; r < 200; r++) want += t < 1 + r % n;
            assert_int_equal(w.ran[t], want);
        }
        for (int t = n; t < MOST; t++) assert_int_equal(w.ran[t], 0);
        ir_pool_free(&w.pool);
        assert_null(w.pool);
        ir_pool_free(&w.pool); /* idempotent */
    }
}

/* What every thread wrote before a barrier, every thread reads after it. */
static void ring(void *arg, int tid, int nthreads)
{
    work *w = arg;
    for (long step = 1; step <= 50; step++) {
        w->ran[tid] = step;
        ir_pool_barrier(w->pool, nthreads);
        long sum = 0;
        for (int t = 0; t < nthreads; t++) sum += w->ran[t];
        w->sum[tid] += sum == step * nthreads;
        ir_pool_barrier(w->pool, nthreads);
    }
}

static void test_barrier(void **state)
{
    (void)state;
    for (int n = 1; n <= 5; n++) {
        work w = {0};
        assert_int_equal(ir_pool_new(NULL, 5, &w.pool), IR_OK);
        for (int r = 0; r < 10; r++) ir_pool_run(w.pool, n, ring, &w);
        for (int t = 0; t < n; t++) assert_int_equal(w.sum[t], 500);
        ir_pool_free(&w.pool);
    }
}

static void test_wakes_from_sleep(void **state)
{
    (void)state;
    work w = {0};
    assert_int_equal(ir_pool_new(NULL, 3, &w.pool), IR_OK);
    for (int r = 0; r < 20; r++) {
        struct timespec pause = {0, r % 2 ? 2000000 : 20000};
        ir_pool_run(w.pool, 3, count, &w);
        nanosleep(&pause, NULL);
    }
    for (int t = 0; t < 3; t++) assert_int_equal(w.ran[t], 20);
    ir_pool_free(&w.pool);
}

typedef struct {
    int cpu[2];
} places;
static void where(void *arg, int tid, int nthreads)
{
    (void)nthreads;
    ((places *)arg)->cpu[tid] = sched_getcpu();
}

static void test_pins_and_restores(void **state)
{
    (void)state;
    cpu_set_t    before, after;
    ir_topology *topo = calloc(1, sizeof *topo);
    int          order[2];
    assert_non_null(topo);
    assert_int_equal(ir_topology_load(NULL, topo), IR_OK);
    int n = ir_topology_order(topo, order, 2);
    free(topo);
    if (n < 2) skip();
    ir_pool *pool = NULL;
    places   p = {{-1, -1}};
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_int_equal(ir_pool_new(order, 2, &pool), IR_OK);
    ir_pool_run(pool, 2, where, &p);
    assert_int_equal(p.cpu[0], order[0]);
    assert_int_equal(p.cpu[1], order[1]);
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_memory_equal(&before, &after, sizeof before); /* a library's threads must not inherit the pin */
    ir_pool_enter(pool);
    ir_pool_run(pool, 2, where, &p);
    ir_pool_leave(pool);
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_memory_equal(&before, &after, sizeof before);
    ir_pool_free(&pool);
}

static void test_refusals(void **state)
{
    (void)state;
    ir_pool *pool = NULL;
    assert_int_not_equal(ir_pool_new(NULL, 0, &pool), IR_OK);
    assert_int_not_equal(ir_pool_new(NULL, -3, &pool), IR_OK);
    assert_int_not_equal(ir_pool_new((int[]){100000}, 1, &pool), IR_OK); /* no such processor */
    assert_true(strlen(ir_why()) > 8);
    assert_null(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_thread_once), cmocka_unit_test(test_barrier),
        cmocka_unit_test(test_wakes_from_sleep), cmocka_unit_test(test_pins_and_restores),
        cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
