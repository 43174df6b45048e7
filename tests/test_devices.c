/* test_devices.c -- the datasheets compiled in are those of bench/devices/devices.json; names, aliases,
 * views. */
#include "bench/devices/devices.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "tests/support/asserts.h"

static void names(void **state)
{
    static const struct {
        const char *given, *name;
    } found[] = {{"a100", "NVIDIA A100 80GB SXM"},
                 {"A100", "NVIDIA A100 80GB SXM"},
                 {"NVIDIA T4", "NVIDIA T4"},
                 {"orin", "NVIDIA Jetson AGX Orin 64GB"},
                 {"jetson-orin", "NVIDIA Jetson AGX Orin 64GB"},
                 {"laptop", "NVIDIA GeForce RTX 4060 Laptop GPU"},
                 {"pi5", "Raspberry Pi 5 (BCM2712)"}};
    (void)state;
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        const device_sheet *s = device_find(found[i].given);
        assert_non_null(s);
        assert_string_equal(s->name, found[i].name);
    }
    assert_null(device_find("a10"));
    assert_non_null(strstr(ir_why(), "did you mean 'a100'?"));
    assert_null(device_find("zzzzzzzz"));
    assert_non_null(strstr(ir_why(), "ironroof list devices"));
}

/* No word names two machines, and every sheet says where its figures are from. */
static void table(void **state)
{
    (void)state;
    assert_true(device_nsheet >= 30);
    for (size_t i = 0; i < device_nsheet; i++) {
        const device_sheet *s = &device_sheets[i];
        assert_non_null(s->alias[0]);
        assert_num(strlen(s->provenance), >, 10);
        assert_true(s->kind[0]);
        assert_true(isnan(s->bandwidth_Bps) || s->bandwidth_Bps > 1e9);
        for (int k = 0; s->alias[k]; k++) assert_ptr_equal(device_find(s->alias[k]), s);
        assert_ptr_equal(device_find(s->name), s);
        for (int k = 0; s->peak[k].name; k++) assert_true(s->peak[k].v > 0);
    }
}

static void figures(void **state)
{
    const device_sheet *a = device_find("a100"), *c = device_find("coral");
    (void)state;
    assert_num(a->bandwidth_Bps, ==, 2039e9);
    assert_num(a->capacity_B, ==, 85899345920.0);
    assert_num(a->tdp_W, ==, 400);
    assert_num(device_peak(a, IR_F16), ==, 312e12);
    assert_num(device_peak(a, IR_F32), ==, 19.5e12);
    assert_num(device_peak(a, IR_I8), ==, 624e12);
    assert_true(isnan(device_peak(a, IR_F8)));
    assert_nan(c->bandwidth_Bps);
    assert_num(device_peak(c, IR_I8), ==, 4e12);
}

static void sheet_view(void **state)
{
    machine_views *s = calloc(1, sizeof *s);
    (void)state;
    assert_int_equal(machine_views_add_list(s, "a100,v100"), IR_OK);
    assert_int_equal(s->n, 2);
    assert_int_equal(s->v[0].source, IR_SRC_DATASHEET);
    assert_true(ir_bw_ceiling(&s->v[0].ceilings, "DRAM", 0, 3, 1) == 2039e9);
    assert_true(ir_peak_ceiling(&s->v[1].ceilings, IR_F16, 0) == 125e12);
    assert_true(isnan(ir_peak_ceiling(&s->v[1].ceilings, IR_BF16, 0)));
    assert_int_equal(s->v[0].better, -1);
    assert_int_equal(machine_views_add_list(s, "a100"), IR_OK); /* the same again is told apart */
    assert_string_equal(s->v[2].name, "a100#2");
    assert_int_equal(machine_views_add_list(s, "a100,,v100"), IR_EINVAL);
    assert_int_equal(machine_views_add_list(s, "nonsense-device"), IR_EINVAL);
    machine_views_free(s);
    machine_views_free(s);
    free(s);
}

static void record_view(void **state)
{
    machine_views *s = calloc(1, sizeof *s);
    ir_status      st = machine_views_add(s, IR_TESTS_DIR "/fixtures/machine_a.jsonl");
    (void)state;
    if (st != IR_SKIP) {
        assert_int_equal(st, IR_OK);
        const machine_view *v = &s->v[0];
        assert_int_equal(s->n, 1);
        assert_string_equal(v->name, "cpuA");
        assert_int_equal(v->source, IR_SRC_MEASURED);
        assert_int_equal(v->npoint, 5);
        assert_true(v->has_fit[0]);
        assert_true(v->has_fit[1]);
        assert_num(v->better, ==, IR_ADDITIVE);
        assert_num(ir_bw_ceiling(&v->ceilings, "DRAM", 1, 1, 0), ==, 40e9);
        assert_num(v->capacity_B, ==, 8e9);
        assert_int_equal(machine_views_add(s, IR_TESTS_DIR "/fixtures/jetson_orin.xml"),
                         IR_EINVAL); /* no record */
    } else {
        assert_non_null(strstr(ir_why(), "jansson"));
    }
    machine_views_free(s);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(table),
                                       cmocka_unit_test(figures), cmocka_unit_test(sheet_view),
                                       cmocka_unit_test(record_view)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
