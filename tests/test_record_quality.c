/* test_record_quality.c -- what the text report says of a run that was not quiet: its quality, the rows
 * without a bound, and state that is easily overlooked. */
#define _GNU_SOURCE
#include "harness/record/record.h"
#include "harness/record/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_width(const char *text, size_t width)
{
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        if (strcspn(line, "\n") > width) fail_msg("wider than %zu: %s", width, line);
}

static char *one_line(char *text)
{
    for (char *c = text; *c; c++)
        if (*c == '\n') *c = ' ';
    return text;
}

static void quality_first(void **state)
{
    static const struct {
        ir_quality  q;
        const char *says;
    } row[] = {
        {{.value = IR_QUALITY_GOOD}, "quality: good: nothing disturbed this run "},
        {{.value = IR_QUALITY_NOISY,
          .ncause = 1,
          .cause = {{"steal", "the hypervisor took 5 % of the time"}}},
         "! quality: NOISY. the hypervisor took 5 % of the time. What to do: ironroof doctor "},
        {{.value = IR_QUALITY_UNUSABLE,
          .ncause = 2,
          .cause = {{"pair", "two threads ran 2.21 x one"},
                    {"others", "other processes took 48 % of the CPUs"}}},
         "! quality: UNUSABLE. two threads ran 2.21 x one; other processes took 48 % of the CPUs. What to "
         "do: ironroof doctor "},
        {{.value = IR_QUALITY_NOISY}, "! quality: NOISY. No cause is known. What to do: ironroof doctor "}};
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char   *text = NULL;
        size_t  n = 0;
        ir_text t = {.f = open_memstream(&text, &n), .width = 80};
        ir_text_quality(&t, &row[i].q, IR_MAX_CAUSES);
        fclose(t.f);
        check_width(text, 80);
        assert_string_equal(one_line(text), row[i].says);
        free(text);
    }
}

/* Rows without a bound are counted, and the first of them named with the reason. */
static void withheld_rows(void **state)
{
    static ir_point p[5];
    (void)state;
    for (int i = 0; i < 5; i++) {
        ir_point_init(&p[i]);
        snprintf(p[i].id.backend, sizeof p[i].id.backend, "cpu");
        snprintf(p[i].id.workload, sizeof p[i].id.workload, "copy");
        snprintf(p[i].id.family, sizeof p[i].id.family, "stream");
        snprintf(p[i].id.kernel, sizeof p[i].id.kernel, "nt");
        snprintf(p[i].id.pname[0], sizeof p[i].id.pname[0], "bytes");
        p[i].id.p.v[0] = 1000 + i;
        p[i].id.np = 1;
        p[i].m.cost.part[IR_OF_IN].read_B = 1e6;
        p[i].m.wall = (ir_stats){.median = 1e-3, .ci_lo = 0.99e-3, .ci_hi = 1.01e-3, .n = 30};
        p[i].flags = IR_FLAG_PREEMPTED;
        if (i == 4) continue;
        snprintf(p[i].law.withheld, sizeof p[i].law.withheld, "a thread got %d %% of the CPU time it wanted",
                 20 + i);
    }
    char   *text = NULL;
    size_t  n = 0;
    ir_text t = {.f = open_memstream(&text, &n), .width = 100};
    ir_text_points(&t, p, 5);
    fclose(t.f);
    one_line(text);
    assert_non_null(strstr(text, "no bound is given for 4 points"));
    assert_non_null(strstr(text, "bytes=1000"));
    assert_non_null(strstr(text, "a thread got 20 %"));
    assert_non_null(strstr(text, "and 1 more"));
    assert_non_null(strstr(text, "p preempted"));
    assert_null(strstr(text, "a thread got 23 %"));
    free(text);
}

/* Limits and variables stand in the state line; what does not limit does not. */
static void state_that_is_overlooked(void **state)
{
    static const struct {
        const char *key, *text;
        double      num;
        const char *says;
    } row[] = {
        {"cgroup_cpu_quota", NULL, 1.5, "CPU quota 1.5 CPUs"},
        {"cgroup_mem_limit_B", NULL, 4e9, "memory limit 4 GB"},
        {"cgroup_mem_limit_B", NULL, 64e9, NULL},
        {"clocksource", "hpet", 0, "clock source hpet (slow)"},
        {"clocksource", "tsc", 0, NULL},
        {"variables", "OPENBLAS_CORETYPE=Haswell", 0, "variables: OPENBLAS_CORETYPE=Haswell"},
        {"variables", "", 0, NULL},
        {"affinity_taken_by", "OMP_PROC_BIND=true", 0, "taken back: OMP_PROC_BIND=true"},
        {"pages", "small (huge asked for, not granted)", 0, "pages: small (huge asked for, not granted)"}};
    const ir_device_info d = {.id = "cpu0", .name = "a CPU"};
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        ir_env  e;
        char   *text = NULL;
        size_t  n = 0;
        ir_text t = {.f = open_memstream(&text, &n), .width = 200};
        ir_env_init(&e);
        ir_env_num(&e, "mem_B", 32e9, false);
        if (row[i].text)
            ir_env_text(&e, row[i].key, row[i].text, true);
        else
            ir_env_num(&e, row[i].key, row[i].num, true);
        ir_text_machine(&t, &d, &e);
        fclose(t.f);
        if (row[i].says && !strstr(text, row[i].says)) fail_msg("'%s' does not say '%s'", text, row[i].says);
        if (!row[i].says && strstr(text, "  state"))
            fail_msg("row %zu: there is nothing to say: %s", i, text);
        ir_env_free(&e);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quality_first), cmocka_unit_test(withheld_rows),
                                       cmocka_unit_test(state_that_is_overlooked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
