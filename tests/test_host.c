/* test_host.c -- memory of the host as it is asked for and as it is given; the clock. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"
#include "tests/tree.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "tests/support/asserts.h"

/* ---- memory ---------------------------------------------------------------------------------- */
static void alloc_sizes(void **state)
{
    (void)state;
    static const size_t   size[] = {1, 4096, (1u << 21) - 1, 1u << 21, (1u << 21) + 1, 5u << 20};
    static const ir_pages pages[] = {IR_PAGES_DEFAULT, IR_PAGES_HUGE, IR_PAGES_SMALL};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        for (size_t k = 0; k < 3; k++) {
            void *p = NULL;
            assert_int_equal(ir_host_alloc(size[i], pages[k], &p), IR_OK);
            assert_int_equal((uintptr_t)p % (1u << 21), 0);
            assert_int_equal(((unsigned char *)p)[size[i] - 1], 0);
            memset(p, 0xA5, size[i]);
            ir_host_free(p, size[i]);
        }
    ir_host_free(NULL, 1);
}

static void alloc_refusals(void **state)
{
    (void)state;
    void *p = &p;
    assert_int_equal(ir_host_alloc(0, IR_PAGES_DEFAULT, &p), IR_EINVAL);
    assert_null(p);
    assert_int_equal(ir_host_alloc(SIZE_MAX, IR_PAGES_HUGE, &p), IR_EINVAL);
    assert_int_equal(ir_host_alloc(SIZE_MAX - 4096, IR_PAGES_HUGE, &p), IR_EINVAL);
    assert_int_equal(ir_host_alloc(SIZE_MAX / 4, IR_PAGES_HUGE, &p), IR_ENOMEM);
    assert_null(p);
    assert_true(strlen(ir_why()) > 0);
}

/* The share as the kernel tells it, read again and in another way; a kernel that tells nothing makes it NAN.
 */
static void expect_share(const void *p, double share)
{
    FILE         *f = fopen("/proc/self/smaps", "r");
    char          line[512];
    unsigned long lo, hi, kB, rss = 0, huge = 0;
    bool          inside = false, told = false;
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "%lx-%lx ", &lo, &hi) == 2) inside = (uintptr_t)p >= lo && (uintptr_t)p < hi;
        if (inside && sscanf(line, "Rss: %lu kB", &kB) == 1) rss = kB;
        if (inside && sscanf(line, "AnonHugePages: %lu kB", &kB) == 1) huge = kB, told = true;
    }
    if (f) fclose(f);
    print_message("smaps: %lu of %lu kB in huge pages%s\n", huge, rss, told ? "" : " (not told)");
    if (told && rss)
        assert_close(share, (double)huge / (double)rss, 1e-9);
    else
        assert_nan(share);
}

static void huge_share(void **state)
{
    (void)state;
    size_t size = 8u << 20;
    void  *p = NULL, *q = NULL;
    assert_int_equal(ir_host_alloc(size, IR_PAGES_SMALL, &p), IR_OK);
    assert_int_equal(ir_host_alloc(size, IR_PAGES_HUGE, &q), IR_OK);
    assert_true(isnan(ir_host_huge_share(p))); /* nothing touched yet */
    memset(p, 1, size);
    memset(q, 1, size);
    double small = ir_host_huge_share(p), huge = ir_host_huge_share(q);
    expect_share(p, small);
    expect_share(q, huge);
    if (!isnan(small)) assert_num(small, ==, 0);
    print_message("huge share: %g with IR_PAGES_HUGE, %g with IR_PAGES_SMALL\n", huge, small);
    ir_host_free(p, size);
    ir_host_free(q, size);
    assert_true(isnan(ir_host_huge_share((void *)16)));
}

static void memory_left(void **state)
{
    (void)state;
    tree t;
    tree_init(&t);
    assert_true(isnan(ir_host_available_at(t.root)));
    tree_put(&t, "/proc/meminfo", "MemTotal: 4000 kB\nMemFree: 1000 kB\nMemAvailable: 3000 kB\n");
    assert_true(ir_host_available_at(t.root) == 3000 * 1024.0);
    tree_put(&t, "/proc/self/cgroup", "0::/user.slice/job\n");
    tree_put(&t, "/sys/fs/cgroup/user.slice/job/memory.max", "max\n");
    tree_put(&t, "/sys/fs/cgroup/user.slice/memory.max", "2000000\n");
    tree_put(&t, "/sys/fs/cgroup/user.slice/memory.current", "900000\n");
    tree_put(&t, "/sys/fs/cgroup/user.slice/memory.stat", "anon 500000\ninactive_file 400000\n");
    assert_true(ir_host_available_at(t.root) == 1500000);
    tree_free(&t);
    assert_true(ir_host_available_B() > 0);
    assert_true(ir_host_peak_rss_B() > 4096);
}

/* ---- clock ----------------------------------------------------------------------------------- */
static void clock_is_sane(void **state)
{
    (void)state;
    double last = ir_now();
    for (int i = 0; i < 10000; i++) {
        double now = ir_now();
        assert_true(now >= last);
        last = now;
    }
    struct timespec pause = {0, 2000000};
    double          t0 = ir_now();
    nanosleep(&pause, NULL);
    assert_true(ir_now() - t0 > 1.9e-3);
    assert_num(ir_clock_resolution(), >, 0);
    assert_num(ir_clock_cost(), >, 0);
    print_message("clock: step %.3g ns, cost %.3g ns\n", ir_clock_resolution() * 1e9, ir_clock_cost() * 1e9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(alloc_sizes), cmocka_unit_test(alloc_refusals),
                                       cmocka_unit_test(huge_share), cmocka_unit_test(memory_left),
                                       cmocka_unit_test(clock_is_sane)};
    return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
