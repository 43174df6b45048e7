/* test_law.c -- ceilings and their look-ups, and points into rows. */
#include "harness/law/law_internal.h"
#include "law_machine.h"

/* ---- names ----------------------------------------------------------------------------------- */
static void names(void **state)
{
    (void)state;
    assert_string_equal(ir_what_name(IR_C_BANDWIDTH), "bandwidth");
    assert_string_equal(ir_what_name(IR_C_CLOCK), "clock");
    assert_string_equal(ir_what_name(IR_NC), "?");
    assert_string_equal(ir_source_name(IR_SRC_DATASHEET), "datasheet");
    assert_string_equal(ir_form_name(IR_OVERLAPPED), "overlapped");
    assert_string_equal(ir_how_name(IR_UNIDENTIFIED), "unidentified");
}

/* ---- look-ups -------------------------------------------------------------------------------- */
static void levels_by_footprint_and_threads(void **state)
{
    ir_ceilings c;
    (void)state;
    machine(&c);
    assert_string_equal(ir_level_of(&c, 32768, 1, false), "L1");
    assert_string_equal(ir_level_of(&c, 32769, 1, false), "L2");
    assert_string_equal(ir_level_of(&c, 4 * 32768, 4, false), "L1"); /* private: four times as much */
    assert_string_equal(ir_level_of(&c, 4e6, 4, false), "L2");
    assert_string_equal(ir_level_of(&c, 4.1e6, 4, false), "L3");
    assert_string_equal(ir_level_of(&c, 16e6, 4, false), "L3");
    assert_string_equal(ir_level_of(&c, 17e6, 4, false), "DRAM"); /* shared: no more than it is */
    assert_string_equal(ir_level_of(&c, 4096, 1, true), "DRAM");
    assert_string_equal(ir_level_of(&c, NAN, 1, false), "DRAM");
    assert_string_equal(ir_level_of(&c, 4096, 0, false), "L1");
    c.level_B[0] = c.level_B[1] = c.level_B[2] = NAN;
    assert_string_equal(ir_level_of(&c, 4096, 1, false), "DRAM");
    /* Without capacities, half way between the working sets that stood for the levels: sqrt(1e5 x 1e7) = 1e6.
     */
    for (size_t i = 0; i < c.n; i++) c.v[i].size_B = strcmp(c.v[i].level, "L2") ? 1e7 : 1e5 * c.v[i].threads;
    assert_string_equal(ir_level_of(&c, 0.9e6, 1, false), "L2");
    assert_string_equal(ir_level_of(&c, 1.1e6, 1, false), "DRAM");
    ir_ceilings_free(&c);
    ir_ceilings_free(&c);
}

/* A queued launch is the ceiling, however cheap a graph's node is; the nodes' price is for rows of graphs. */
static void launches_of_a_graph(void **state)
{
    static const struct {
        const char *kernel;
        double      s;
    } launch[] = {{"sync", 9e-6}, {"graph", 1e-6}, {"queue", 4e-6}, {"grid", 0.5e-6}};
    ir_ceilings c = {0};
    ir_row      row;
    ir_point    p = {.status = IR_OK};
    (void)state;
    for (size_t i = 0; i < sizeof launch / sizeof *launch; i++) {
        ir_ceiling x = {.what = IR_C_LAUNCH, .source = IR_SRC_MEASURED, .dtype = IR_NDTYPE};
        snprintf(x.op, sizeof x.op, "forkjoin");
        snprintf(x.kernel, sizeof x.kernel, "%s", launch[i].kernel);
        x.value = launch[i].s;
        assert_int_equal(ir_ceilings_add(&c, &x), IR_OK);
    }
    assert_close(ir_launch_ceiling(&c, 0), 4e-6, 1e-12);
    p.m.cost.launches = 12;
    law_terms(&p, &c, &row);
    assert_close(row.x_launch, 12, 1e-12);
    p.id.kflags = IR_K_GRAPH;
    law_terms(&p, &c, &row);
    assert_close(row.x_launch, 3, 1e-12);
    ir_ceilings_free(&c);
}

static void bandwidth_of_a_mix(void **state)
{
    ir_ceilings c;
    (void)state;
    machine(&c);
    assert_close(ir_bw_ceiling(&c, "DRAM", 4, 1e6, 0), 40e9, 1e-12);
    assert_close(ir_bw_ceiling(&c, "DRAM", 4, 0, 5), 20e9, 1e-12);
    assert_close(ir_bw_ceiling(&c, "DRAM", 4, 1, 1), 44e9, 1e-12);
    /* Three quarters reads: half way from copy to read, in time per byte. */
    assert_close(ir_bw_ceiling(&c, "DRAM", 4, 3, 1), 2 / (1 / 44e9 + 1 / 40e9), 1e-12);
    assert_close(ir_bw_ceiling(&c, "DRAM", 4, 1, 3), 2 / (1 / 44e9 + 1 / 20e9), 1e-12);
    assert_close(ir_bw_ceiling(&c, "DRAM", 0, 1, 0), 40e9, 1e-12); /* 0 threads: all of them */
    stream(&c, "DRAM", "scale", .5, 4, 50e9); /* the same mix, faster: the ceiling of the mix */
    assert_close(ir_bw_ceiling(&c, "DRAM", 4, 1, 1), 50e9, 1e-12);
    ir_ceilings_free(&c);
}

static void bandwidth_falls_back(void **state)
{
    ir_ceilings c;
    (void)state;
    machine(&c);
    assert_close(ir_bw_ceiling(&c, "DRAM", 2, 1, 0), 30e9, 1e-12);
    /* Copies were not measured at 2 threads: those of 1 thread, along the curve of reads (30/20). */
    assert_close(ir_bw_ceiling(&c, "DRAM", 2, 1, 1), 15e9 * 1.5, 1e-12);
    assert_close(ir_bw_ceiling(&c, "DRAM", 3, 1, 0), 40e9, 1e-12); /* 4 is nearer to 3 than 2, as a ratio */
    assert_close(ir_bw_ceiling(&c, "DRAM", 64, 1, 0), 40e9, 1e-12);
    assert_close(ir_bw_ceiling(&c, "L2", 4, 1, 3), 400e9, 1e-12); /* only reads known at this level */
    assert_close(ir_bw_ceiling(&c, "L3", 4, 1, 0), 40e9, 1e-12);  /* no such rows: DRAM */
    assert_close(ir_bw_ceiling(&c, "", 4, 1, 0), 40e9, 1e-12);
    assert_close(ir_bw_ceiling(&c, NULL, 4, 1, 0), 40e9, 1e-12);
    assert_true(isnan(ir_bw_ceiling(&c, "DRAM", 4, 0, 0)));
    assert_true(isnan(ir_bw_ceiling(&c, "DRAM", 4, NAN, 1)));
    ir_ceilings_free(&c);
    assert_true(isnan(ir_bw_ceiling(&c, "DRAM", 4, 1, 0)));
    assert_nan(ir_peak_ceiling(&c, IR_F32, 4));
    assert_nan(ir_launch_ceiling(&c, 1));
    assert_null(ir_ceiling_find(&c, IR_C_CLOCK, NULL, NULL, IR_NDTYPE, 1));
}

static void peaks_launches_and_find(void **state)
{
    ir_ceilings c;
    (void)state;
    machine(&c);
    assert_close(ir_peak_ceiling(&c, IR_F32, 1), 50e9, 1e-12);
    assert_close(ir_peak_ceiling(&c, IR_F32, 0), 200e9, 1e-12);
    assert_close(ir_peak_ceiling(&c, IR_F64, 1), 100e9, 1e-12); /* the nearest thread count there is */
    assert_true(isnan(ir_peak_ceiling(&c, IR_F16, 4)));
    assert_close(ir_launch_ceiling(&c, 1), 1e-8, 1e-12);
    assert_close(ir_launch_ceiling(&c, 0), 2e-6, 1e-12);
    assert_string_equal(ir_ceiling_find(&c, IR_C_BANDWIDTH, "DRAM", NULL, IR_NDTYPE, 4)->op, "copy");
    assert_close(ir_ceiling_find(&c, IR_C_BANDWIDTH, NULL, "gather", IR_NDTYPE, 4)->value, 4e9, 1e-12);
    assert_null(ir_ceiling_find(&c, IR_C_BANDWIDTH, "L3", NULL, IR_NDTYPE, 4));
    assert_null(ir_ceiling_find(&c, IR_C_BANDWIDTH, "DRAM", "read", IR_F32, 4));
    put(&c, IR_C_FLOPS, "", "fma", IR_F32, 4, 300e9)->source =
        IR_SRC_DATASHEET; /* never before a measurement */
    put(&c, IR_C_FLOPS, "", "fma", IR_F32, 4, 250e9)->flags = IR_FLAG_SUSPECT; /* nor a suspect one */
    assert_close(ir_peak_ceiling(&c, IR_F32, 4), 200e9, 1e-12);
    put(&c, IR_C_FLOPS, "", "fma", IR_I8, 4, 800e9)->source = IR_SRC_DATASHEET;
    assert_close(ir_peak_ceiling(&c, IR_I8, 4), 800e9, 1e-12); /* better than none */
    assert_true(isnan(ir_peak_ceiling(&c, IR_F8, 4)));
    assert_close(ir_product_ceiling(&c, IR_F8, 4), 200e9, 1e-12); /* no narrow unit at all: in f32 */
    assert_close(ir_product_ceiling(&c, IR_F16, 4), 200e9, 1e-12);
    assert_true(isnan(ir_product_ceiling(&c, IR_TF32, 4)));
    put(&c, IR_C_FLOPS, "", "fma", IR_BF16, 4, 600e9);
    assert_true(isnan(ir_peak_ceiling(&c, IR_F8, 4)));
    assert_close(ir_product_ceiling(&c, IR_F8, 4), 600e9, 1e-12); /* weights widened first */
    put(&c, IR_C_FLOPS, "", "fma", IR_F8, 4, 900e9);
    assert_close(ir_product_ceiling(&c, IR_F8, 4), 900e9, 1e-12);
    put(&c, IR_C_LAUNCH, "", "forkjoin", IR_NDTYPE, 4, NAN);
    assert_close(ir_launch_ceiling(&c, 4), 2e-6, 1e-12);
    ir_ceilings_free(&c);
}

/* ---- rows ------------------------------------------------------------------------------------ */
static void rows_of_points(void **state)
{
    ir_ceilings c;
    ir_row      r;
    (void)state;
    machine(&c);
    ir_point p = point(3e8, 1e8, 1e9, 4e8, 0.02);
    assert_true(ir_row_of(&p, &c, &r));
    assert_close(r.x_data_s, 4e8 / (2 / (1 / 44e9 + 1 / 40e9)), 1e-12);
    assert_close(r.x_comp_s, 1e9 / 200e9, 1e-12);
    assert_close(r.x_launch, 1, 1e-12);
    assert_close(r.T_hi, 0.0202, 1e-12);
    p.m.bw_now = 0.5; /* half the bandwidth at that time: the data term is twice as long */
    double full = r.x_data_s;
    assert_true(ir_row_of(&p, &c, &r));
    assert_close(r.x_data_s, 2 * full, 1e-12);
    p.m.bw_now = NAN;
    p.m.launch_now = 3; /* a launch cost three times its least price at that time */
    assert_true(ir_row_of(&p, &c, &r));
    assert_close(r.x_launch, 3, 1e-12);
    p.m.launch_now = NAN;
    p.id.p.threads = 1; /* a launch of one thread, in units of one of all */
    assert_true(ir_row_of(&p, &c, &r));
    assert_close(r.x_launch, 1e-8 / 2e-6, 1e-12);
    p.id.p.dtype = IR_TF32;
    assert_false(ir_row_of(&p, &c, &r)); /* no peak for it */
    p.m.cost.flops = 0;
    assert_true(ir_row_of(&p, &c, &r)); /* nor is one needed */
    p.m.dev.n = 5;                      /* the device's own clock counts where there is one */
    p.m.dev.median = 0.5;
    assert_true(ir_row_of(&p, &c, &r));
    assert_num(r.T_s, ==, 0.5);
    assert_nan(r.T_lo);
    p.status = IR_SKIP;
    assert_false(ir_row_of(&p, &c, &r));
    p = point(0, 0, 0, 0, 1e-6);
    p.m.cost.launches = 0;
    assert_false(ir_row_of(&p, &c, &r)); /* no work at all */
    ir_ceilings_free(&c);
    p = point(1e8, 0, 0, 1e8, 1e-2);
    assert_false(ir_row_of(&p, &c, &r));
}

/* Copies were measured while reads got half of their ceiling; a later copy, while they got a quarter. */
static void terms_at_the_moment(void **state)
{
    ir_ceilings c;
    ir_row      r;
    (void)state;
    machine(&c);
    for (size_t i = 0; i < c.n; i++)
        if (!strcmp(c.v[i].op, "copy")) c.v[i].ref_read_Bps = 20e9;
    ir_point p = point(1e8, 1e8, 0, 4e8, 1e-2);
    p.m.bw_now = 0.25;
    assert_true(ir_row_of(&p, &c, &r));
    assert_close(r.x_data_s, 2e8 / (44e9 * 2 * 0.25), 1e-12);
    /* 2.2 x reads where those got 20 GB/s, and 1.1 x where 10: a ratio of its own at each, geometrically
     * between, and no further out */
    static const struct {
        double now, ratio;
    } at[] = {{0.5, 2.2}, {0.25, 1.1}, {0.35355339059327373, 1.5556349186104046}, {0.1, 1.1}, {1, 2.2}};
    for (size_t i = 0; i < c.n; i++)
        if (!strcmp(c.v[i].op, "copy")) {
            c.v[i].alt_Bps = 11e9;
            c.v[i].alt_read_Bps = 10e9;
        }
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        p.m.bw_now = at[i].now;
        assert_true(ir_row_of(&p, &c, &r));
        assert_close(r.x_data_s, 2e8 / (40e9 * at[i].now * at[i].ratio), 1e-12);
    }
    for (size_t i = 0; i < c.n; i++) c.v[i].alt_Bps = NAN;
    assert_close(ir_bw_ceiling(&c, "DRAM", 4, 1, 1), 44e9, 1e-12); /* the ceiling stays what was measured */
    p.m.bw_now = NAN;
    assert_true(ir_row_of(&p, &c, &r));
    assert_close(r.x_data_s, 2e8 / 44e9, 1e-12);
    for (size_t i = 0; i < c.n; i++) c.v[i].ref_read_Bps = 20e9; /* of reads themselves it says nothing */
    p = point(2e8, 0, 0, 4e8, 1e-2);
    p.m.bw_now = 0.5;
    assert_true(ir_row_of(&p, &c, &r));
    assert_close(r.x_data_s, 2e8 / 20e9, 1e-12);
    p.m.cost.flops = 4e9;
    p.m.cost.spare_flops = 1e9;
    assert_true(ir_row_of(&p, &c, &r));
    assert_close(r.x_comp_s, 3e9 / 200e9, 1e-12);
    ir_ceilings_free(&c);
}

/* Of a network at DRAM what its rows hand on lives in L2, and cold inputs do not change that; where L2 was
 * not measured, DRAM answers, and scales with it. */
static void parts_live_apart(void **state)
{
    ir_ceilings c;
    ir_row      r;
    (void)state;
    machine(&c);
    ir_point p = point(3e8, 1e8, 0, 4e8, 1e-2);
    p.m.cost.part[IR_OF_WEIGHTS].read_B = 2e8;
    p.m.cost.part[IR_OF_REST] = (ir_traffic){0};
    p.m.cost.part[IR_OF_IN] = (ir_traffic){.read_B = 1e8, .footprint_B = 1e6};
    p.m.cost.part[IR_OF_OUT] = (ir_traffic){.write_B = 1e8, .footprint_B = 1e6};
    for (int cold = 0; cold < 2; cold++) {
        p.id.cold = cold;
        assert_true(ir_row_of(&p, &c, &r));
        assert_close(r.x_data_s, 2e8 / 40e9 + 2e8 / 400e9, 1e-12);
    }
    p.m.bw_now = 0.5;
    assert_true(ir_row_of(&p, &c, &r));
    assert_close(r.x_data_s, 2e8 / 20e9 + 2e8 / 400e9, 1e-12);
    p.m.cost.part[IR_OF_IN].footprint_B = p.m.cost.part[IR_OF_OUT].footprint_B =
        1e4; /* no ceiling of L1 in this machine: by DRAM's copy */
    assert_close(ir_cost_bw(&c, &p.m.cost, 4, false, false, 0.5), 4e8 / (2e8 / 20e9 + 2e8 / 22e9), 1e-12);
    p.m.cost.part[IR_OF_IN].footprint_B = p.m.cost.part[IR_OF_OUT].footprint_B = 0;
    c.level_B[IR_DRAM] =
        1600e6; /* a cache of 16 MB serves half of what lies half way, in ratio, to where it serves nothing */
    p.m.cost.footprint_B = sqrt(c.level_B[2] * 1600e6);
    stream(&c, "L3", "read", 1, 4, 100e9);
    double blend = 1 / (.5 / 100e9 + .5 / ir_bw_ceiling(&c, "DRAM", 4, 3, 1));
    assert_close(ir_cost_bw(&c, &p.m.cost, 4, false, false, 1), blend, 1e-12);
    assert_close(ir_cost_bw(&c, &p.m.cost, 4, true, false, 1), ir_bw_ceiling(&c, "DRAM", 4, 3, 1), 1e-12);
    assert_close(ir_cost_bw(&c, &p.m.cost, 4, false, true, 3), 3 * ir_bw_ceiling(&c, "DRAM", 4, 3, 1),
                 1e-12); /* reads of it knew the cache */
    c.level_B[IR_DRAM] = NAN;
    assert_close(ir_cost_bw(&c, &p.m.cost, 4, false, false, 1), ir_bw_ceiling(&c, "DRAM", 4, 3, 1), 1e-12);
    for (int i = 0; i < IR_NPART; i++) p.m.cost.part[i].access = IR_RANDOM;
    assert_close(ir_cost_bw(&c, &p.m.cost, 4, false, false, 0.5), 2e9, 1e-12);
    assert_close(ir_cost_bw(&c, &p.m.cost, 4, false, true, 0.5), 4e9, 1e-12);
    assert_close(ir_cost_bw(&c, &p.m.cost, 1, false, false, 1), ir_bw_ceiling(&c, "DRAM", 1, 3, 1),
                 1e-12); /* no gathers at 1 thread */
    p.m.cost = (ir_cost){.flops = 1};
    assert_true(isnan(ir_cost_bw(&c, &p.m.cost, 4, false, false, 1)));
    ir_ceilings_free(&c);
}

static void the_classic_roofline(void **state)
{
    ir_ceilings c;
    double      median, p90;
    ir_point    p[3];
    size_t      index[3] = {0, 1, 2};
    (void)state;
    machine(&c);
    p[0] = point(44e6, 44e6, 1, 4e8, 4e-3);      /* one bandwidth, the copies': 2 ms against 4 */
    p[1] = point(4096, 0, 200e6, 4096, 1.25e-3); /* the measured peak: 1 ms against 1.25 */
    p[2] = point(0, 0, 0, 0, 1e-6);              /* a launch: not its subject */
    assert_close(law_roofline_s(&p[0], &c), 2e-3, 1e-12);
    assert_close(law_roofline_s(&p[1], &c), 1e-3, 1e-12);
    assert_int_equal(law_roofline_errors(p, index, 3, &c, &median, &p90), IR_OK);
    assert_close(median, 0.35, 1e-9);
    for (size_t i = 0; i < c.n; i++) c.v[i].theory = c.v[i].what == IR_C_FLOPS ? 400e9 : NAN;
    assert_close(law_roofline_s(&p[1], &c), 0.5e-3, 1e-12);
    assert_int_equal(law_roofline_errors(p, index, 0, &c, &median, &p90), IR_OK);
    assert_nan(median);
    assert_nan(p90);
    ir_ceilings_free(&c);
}

static void the_fastest_kernel_of_a_question_enters(void **state)
{
    ir_ceilings c;
    ir_point    p[7];
    ir_row      r[7];
    size_t      index[7];
    (void)state;
    machine(&c);
    for (int i = 0; i < 7; i++) p[i] = point(1e8, 0, 0, 1e8, 5e-3);
    p[1].m.wall.median = 4e-3; /* the same question, faster */
    p[2].m.wall.median = 6e-3;
    p[3].id.p.v[0] = 1;
    p[4].id.cold = true;
    snprintf(p[4].id.family, sizeof p[4].id.family, "stream");
    p[5].m.wall.median = 4.5e-3; /* suspect, but not what stands for its question */
    p[5].flags = IR_FLAG_SUSPECT;
    p[6].status = IR_ECHECK;
    assert_int_equal(ir_rows_select(p, 7, &c, r, index), 3);
    assert_int_equal(index[0], 1);
    assert_int_equal(index[1], 3);
    assert_int_equal(index[2], 4);
    assert_close(r[0].T_s, 4e-3, 1e-12);
    assert_int_equal(r[0].family, 0);
    assert_int_equal(r[1].family, 0);
    assert_int_equal(r[2].family, 1);
    p[5].m.wall.median = 1e-9; /* the fastest: its slower rivals do not stand in for it */
    assert_int_equal(ir_rows_select(p, 7, &c, r, index), 2);
    assert_int_equal(index[0], 3);
    assert_int_equal(index[1], 4);
    assert_int_equal(ir_rows_select(p, 0, &c, r, index), 0);
    ir_ceilings_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(levels_by_footprint_and_threads),
        cmocka_unit_test(bandwidth_of_a_mix),
        cmocka_unit_test(bandwidth_falls_back),
        cmocka_unit_test(peaks_launches_and_find),
        cmocka_unit_test(launches_of_a_graph),
        cmocka_unit_test(rows_of_points),
        cmocka_unit_test(terms_at_the_moment),
        cmocka_unit_test(parts_live_apart),
        cmocka_unit_test(the_classic_roofline),
        cmocka_unit_test(the_fastest_kernel_of_a_question_enters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
