/* test_cost.c -- a cost is its parts: sums over them, what is of no order, what lives apart; and every
 * workload's cost survives the record's form, which has sums and no direction by class. */
#include "harness/record/fields.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/support/asserts.h"

static void parts_add_up(void **state)
{
    (void)state;
    ir_cost c = {.footprint_B = 100};
    assert_num(ir_cost_B(&c), ==, 0);
    assert_false(ir_cost_all_random(&c)); /* nothing is reached in any way */
    c.part[IR_OF_WEIGHTS].read_B = 1;
    c.part[IR_OF_ROWS] = (ir_traffic){.read_B = 2, .access = IR_RANDOM, .accesses = 5};
    c.part[IR_OF_IN] = (ir_traffic){.read_B = 4, .footprint_B = 10};
    c.part[IR_OF_OUT] = (ir_traffic){.write_B = 8, .wa_B = 7, .footprint_B = 10};
    c.part[IR_OF_KV] = (ir_traffic){.read_B = 16, .write_B = 32, .wa_B = 32};
    c.part[IR_OF_REST].read_B = 64;
    assert_num(ir_cost_read_B(&c), ==, 87);
    assert_num(ir_cost_write_B(&c), ==, 40);
    assert_num(ir_cost_B(&c), ==, 127);
    assert_num(ir_cost_wa_B(&c), ==, 39);
    assert_num(ir_cost_weights_B(&c), ==, 3);
    assert_num(ir_cost_apart_B(&c), ==, 12);
    assert_num(ir_cost_random_B(&c), ==, 2);
    assert_num(ir_cost_accesses(&c, IR_RANDOM), ==, 5);
    assert_num(ir_cost_accesses(&c, IR_DEPENDENT), ==, 0);
    ir_cost_past_caches(&c);
    assert_num(ir_cost_wa_B(&c), ==, 0);
    for (int i = 0; i < IR_NPART; i++) c.part[i].access = IR_RANDOM;
    assert_true(ir_cost_all_random(&c));
    assert_num(ir_cost_random_B(&c), ==, 0); /* beside streams: there are none */
}

static void same_part(const char *name, int i, const ir_traffic *got, const ir_traffic *want)
{
    if (got->read_B != want->read_B || got->write_B != want->write_B || got->wa_B != want->wa_B ||
        got->footprint_B != want->footprint_B || got->accesses != want->accesses ||
        (ir_cost_B(&(ir_cost){.part[0] = *want}) > 0 && got->access != want->access))
        fail_msg("%s, part %d: read %.17g not %.17g, written %.17g not %.17g", name, i, got->read_B,
                 want->read_B, got->write_B, want->write_B);
}

/* Of every workload's small shapes. Fractions of bytes (experts as they are expected) may end in the rest. */
static void the_record_keeps_parts(void **state)
{
    int shapes = 0;
    (void)state;
    for (size_t w = 0; ir_workloads[w]; w++)
        for (size_t i = 0; i < ir_workloads[w]->nodd; i++) {
            const ir_workload *x = ir_workloads[w];
            ir_params          p = x->odd[i];
            if (x->complete) x->complete(x, &p);
            if (x->valid && x->valid(x, &p) != IR_OK) continue;
            const ir_cost c = x->cost(x, &p);
            ir_rec_cost   flat, again;
            ir_cost       back;
            if (c.part[IR_OF_OUT].read_B > 0)
                continue; /* a chain of passes: read and written, as one class */
            ir_rec_cost_of(&c, &flat);
            ir_rec_cost_parts(&flat, &back);
            ir_rec_cost_of(&back, &again);
            assert_num(again.read_B, ==, flat.read_B);
            assert_num(again.write_B, ==, flat.write_B);
            assert_true(fabs(back.part[IR_OF_REST].read_B) <= 1e-12 * ir_cost_B(&c));
            for (int k = 0; k < IR_OF_REST; k++) same_part(x->name, k, &back.part[k], &c.part[k]);
            shapes++;
        }
    assert_num(shapes, >, 100);
}

/* A record of sums alone, or with less than them by class, keeps its sums: what is left is of no class. */
static void sums_without_classes(void **state)
{
    (void)state;
    ir_rec_cost f = {.read_B = 30, .write_B = 10, .wa_B = 10, .out_B = 4, .hops = 3, .near_footprint_B = 2};
    ir_cost     c;
    ir_rec_cost_parts(&f, &c);
    assert_num(ir_cost_read_B(&c), ==, 30);
    assert_num(ir_cost_write_B(&c), ==, 10);
    assert_num(c.part[IR_OF_OUT].write_B, ==, 4);
    assert_num(c.part[IR_OF_OUT].wa_B, ==, 4);
    assert_num(c.part[IR_OF_REST].write_B, ==, 6);
    assert_num(c.part[IR_OF_REST].wa_B, ==, 6);
    assert_num(ir_cost_accesses(&c, IR_DEPENDENT), ==, 3);
    assert_num(c.part[IR_OF_IN].footprint_B, ==, 2);
    f.out_B = 0;
    ir_rec_cost again;
    ir_rec_cost_parts(&f, &c);
    ir_rec_cost_of(&c, &again);
    assert_num(again.read_B, ==, 30);
    assert_true(isnan(again.weights_B) && isnan(again.out_B)); /* not 0: null in a file */
    f.read_B = f.weights_B = NAN; /* unknown stays unknown, and makes nothing else so */
    ir_rec_cost_parts(&f, &c);
    assert_true(isnan(ir_cost_read_B(&c)));
    assert_num(ir_cost_write_B(&c), ==, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parts_add_up),
                                       cmocka_unit_test(the_record_keeps_parts),
                                       cmocka_unit_test(sums_without_classes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
