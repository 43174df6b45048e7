/* test_launch_gap.c -- what is said of a network measured as separate launches and as one graph. */
#include "bench/analysis/launch_gap.h"
#include "kernels/workloads/workloads_nets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const ir_workload *const ir_workloads[] = {&wl_gpt2, NULL};

static ir_stats around(double s)
{
    return (ir_stats){.median = s, .ci_lo = s - 4e-6, .ci_hi = s + 4e-6, .n = 30};
}

static void point(ir_point *p, const char *kernel, int64_t batch, double dev_s, double wall_s)
{
    const ir_params at = {{LY_SMALL, batch, 1, 128}, IR_BF16, 0};
    ir_point_init(p);
    snprintf(p->id.backend, sizeof p->id.backend, "cuda");
    snprintf(p->id.workload, sizeof p->id.workload, "gpt2");
    snprintf(p->id.family, sizeof p->id.family, "gpt");
    snprintf(p->id.kernel, sizeof p->id.kernel, "%s", kernel);
    ir_point_params(p, &wl_gpt2, &at);
    p->status = IR_OK;
    p->m.cost = wl_gpt2.cost(&wl_gpt2, &at);
    if (dev_s > 0) p->m.dev = around(dev_s);
    p->m.wall = around(wall_s);
}

static char *printed(const measure_context *s)
{
    char  *text = NULL;
    size_t size;
    FILE  *f = open_memstream(&text, &size);
    assert_non_null(f);
    launch_gap_print(f, s);
    fclose(f);
    return text;
}

static void says(const measure_context *s, const char *words)
{
    char *text = printed(s);
    if (!strstr(text, words)) fail_msg("'%s' does not say '%s'", text, words);
    free(text);
}

/* 87 kernels: 435 us between them are 5 us for each. */
static void one_pair(void **state)
{
    (void)state;
    ir_point        pt[4];
    measure_context s = {.point = pt, .npoint = 2};
    point(&pt[0], "launches", 1, 0, 935e-6);
    point(&pt[1], "graph", 1, 0, 500e-6);
    says(&s,
         "gpt2:size=small,batch=1,tokens=1,past=128,dtype=bf16: launch latency = T(launches) - T(graph) = "
         "935 us - 500 us = 435 us, 5 us per kernel of 87 (+-65 ns)\n");
    point(&pt[0], "launches", 1, 587e-6, 935e-6); /* the device's own clock first */
    point(&pt[1], "graph", 1, 500e-6, 500e-6);
    says(&s, "587 us - 500 us = 87 us, 1 us per kernel of 87 (+-65 ns); 5 us by the host's clock\n");
    point(&pt[2], "few", 1, 562e-6, 700e-6);
    point(&pt[3], "few_graph", 1, 500e-6, 500e-6);
    pt[2].m.cost.launches = pt[3].m.cost.launches = 62;
    s.npoint = 4;
    says(&s, "T(few) - T(few_graph) = 562 us - 500 us = 62 us, 1 us per kernel of 62");
    says(&s, "T(launches)");
}

/* No pair: another batch, another cache state, a failed half, a ceiling's row. */
static void no_pair(void **state)
{
    (void)state;
    ir_point        pt[2];
    measure_context s = {.point = pt, .npoint = 2};
    for (int i = 0; i < 5; i++) {
        point(&pt[0], "launches", 1, 0, 935e-6);
        point(&pt[1], i == 0 ? "resident" : "graph", i == 1 ? 2 : 1, 0, 500e-6);
        pt[1].id.cold = i == 2;
        if (i == 3) pt[1].status = IR_EDEVICE;
        pt[0].id.for_ceiling = i == 4;
        char *text = printed(&s);
        assert_string_equal(text, "");
        free(text);
    }
}

/* The record has the sentence, the number and both points; a difference inside its interval is none. */
static void recorded(void **state)
{
    (void)state;
    ir_point        pt[2];
    measure_context s = {.point = pt, .npoint = 2};
    ir_journal     *j = NULL;
    char            path[] = "/tmp/launch_gap_XXXXXX", line[4096];
    int             fd = mkstemp(path);
    assert_true(fd >= 0);
    snprintf(s.info.id, sizeof s.info.id, "cuda0");
    point(&pt[0], "launches", 1, 0, 935e-6);
    point(&pt[1], "graph", 1, 0, 500e-6);
    assert_int_equal(ir_journal_open(path, false, &j), IR_OK);
    assert_int_equal(launch_gap_journal(j, &s), IR_OK);
    pt[1].m.wall = around(931e-6);
    assert_int_equal(launch_gap_journal(j, &s), IR_OK);
    assert_int_equal(ir_journal_close(&j), IR_OK);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    assert_non_null(strstr(line, "\"question\":\"launch latency\""));
    assert_non_null(strstr(line, "\"device\":\"cuda0\""));
    assert_non_null(strstr(line, "\"verdict\":\"5 us\""));
    assert_non_null(strstr(line, "cuda/gpt2/launches:size=small,batch=1"));
    assert_non_null(strstr(line, "cuda/gpt2/graph:size=small,batch=1"));
    assert_non_null(fgets(line, sizeof line, f));
    assert_non_null(strstr(line, "\"verdict\":\"not resolved\""));
    fclose(f);
    remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_pair), cmocka_unit_test(no_pair),
                                       cmocka_unit_test(recorded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
