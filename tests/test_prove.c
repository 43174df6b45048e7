/* test_prove.c -- proof by intervention: elasticities and the rule on times made from a known law,
 * contradictions included; then the whole phase on a device that obeys the law, and on one whose kernel does
 * not do what its cost says. */
#include "bench/ablation/ablation.h"
#include "bench/ablation/elasticity.h"
#include "kernels/workloads/workloads_compute.h"
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/workloads/workloads_memory.h"
#include "kernels/workloads/workloads_nets.h"
#include "harness/ideal.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const ir_workload *const ir_workloads[] = {
    &wl_read,       &wl_copy, &wl_fma,         &wl_gemm,     &wl_batchmm,         &wl_gemv,
    &wl_gemv_twice, &wl_gpt2, &wl_gpt2_shared, &wl_resnet50, &wl_resnet50_shared, NULL};

/* ---- the whole phase ------------------------------------------------------------------------- */
/* Asks the honest kernel how long some other work takes: one that reads nothing, and computes so much that a
 * batch of 4 takes what the true cost of a memory-bound one would; or one that does so beside reading. */
static double  lie_flops;
static bool    lie_reads;
static ir_cost lie(IR_SELF, const ir_params *p)
{
    ir_cost c = lie_reads ? wl_batchmm.cost(&wl_batchmm, p) : (ir_cost){.launches = 1};
    c.flops = lie_flops * (double)(p->v[0] * p->v[1] * p->v[2]);
    return c;
}
static ir_status liar_run(ir_run *r, uint32_t reps)
{
    ir_workload w = *r->workload;
    ir_run      other = *r;
    w.cost = lie;
    other.workload = &w;
    other.p.dtype = IR_F32; /* at one rate whatever the weights */
    return ir_ideal_backend.kernels[0]->run(&other, reps);
}
static const ir_kernel        liar = {.family = "gemm", .name = "liar", .flags = IR_K_IDEAL, .run = liar_run};
static const ir_kernel *const liars[] = {&liar, NULL};
static ir_backend             crooked;
static ir_status              crooked_open(ir_dev *d, const ir_open_options *o)
{
    ir_status st = ir_ideal_backend.open(d, o);
    d->be = &crooked;
    return st;
}

static void begin_with(measure_context *s, const ir_backend *be, double noise, double L_lat)
{
    ir_ideal_options own;
    ir_ideal_defaults(&own);
    own.noise = noise;
    if (L_lat > 0) own.L_lat = L_lat;
    const ir_open_options asked = {.own = &own};
    assert_int_equal(context_open(s, be, 0, &asked), IR_OK);
    assert_int_equal(ir_ideal_ceilings(&s->dev, &s->ceilings), IR_OK);
}

static void begin(measure_context *s, const ir_backend *be, double noise) { begin_with(s, be, noise, 0); }

static void measure(measure_context *s, const ir_workload *w, ir_params p)
{
    p.threads = 1;
    assert_int_equal(context_measure(s, w, backend_kernel(s->dev.be, w, 0), &p, false, NULL), IR_OK);
    ir_point *o = &s->point[s->npoint - 1];
    ir_point_judge(o, &s->ceilings, NULL);
    o->law.bound_p = 1; /* a fit would say so */
}

static void proved(measure_context *s, ablation_set *set)
{
    assert_int_equal(ablation_choose(s, NULL, set), IR_OK);
    assert_int_equal(ablation_measure(s, set), IR_OK);
}

static void honest_labels_are_confirmed(void **state)
{
    (void)state;
    measure_context s;
    ablation_set    set;
    begin(&s, &ir_ideal_backend, .02);
    measure(&s, &wl_copy, (ir_params){{1 << 26, 1}, IR_F64, 0});
    measure(&s, &wl_gemv, (ir_params){{8192, 8192}, IR_F32, 0});
    measure(&s, &wl_gemm, (ir_params){{1024, 1024, 1024}, IR_F32, 0});
    measure(&s, &wl_batchmm, (ir_params){{1, 4096, 4096}, IR_F32, 0});
    measure(&s, &wl_batchmm, (ir_params){{256, 4096, 4096}, IR_F32, 0});
    measure(&s, &wl_fma, (ir_params){{12, 1 << 15, 1}, IR_F32, 0});
    proved(&s, &set);
    assert_int_equal(set.n, 6);
    for (size_t i = 0; i < set.n; i++) {
        const ir_point *p = &s.point[set.v[i].point];
        if (set.v[i].outcome != ABL_CONFIRMED)
            fail_msg("%s %s: %s %s", p->id.workload, ir_bound_name(p->law.bound),
                     ablation_outcome_name(set.v[i].outcome), set.v[i].why);
        assert_string_equal(p->law.ablation, "confirmed");
        assert_true(set.v[i].n > 0);
    }
    ablation_free(&set);
    context_close(&s);
}

static ir_status two_threads(ir_dev *d, ir_device_info *out)
{
    ir_status st = ir_ideal_backend.describe(d, out);
    out->threads = 2;
    return st;
}

/* Ceilings of a moment when a second thread doubled everything; by now it adds nothing. Fewer threads then
 * take nothing away. */
static void threads_that_share_what_one_had(void **state)
{
    (void)state;
    measure_context s;
    ablation_set    set;
    const ir_params p = {{1 << 26, 1}, IR_F64, 2};
    bool            seen = false;
    crooked = ir_ideal_backend;
    crooked.open = crooked_open;
    crooked.describe = two_threads;
    begin(&s, &crooked, .02);
    for (size_t i = 0, n = s.ceilings.n; i < n; i++) {
        ir_ceiling c = s.ceilings.v[i];
        c.threads = 2;
        c.value *= 2;
        c.size_B = 1 << 26;
        snprintf(c.kernel, sizeof c.kernel, "%s", backend_kernel(s.dev.be, &wl_read, 0)->name);
        assert_int_equal(ir_ceilings_add(&s.ceilings, &c), IR_OK);
    }
    assert_int_equal(context_measure(&s, &wl_copy, backend_kernel(s.dev.be, &wl_copy, 0), &p, false, NULL),
                     IR_OK);
    ir_point_judge(&s.point[0], &s.ceilings, NULL);
    s.point[0].law.bound = IR_BOUND_MEMORY;
    s.point[0].law.bound_p = 1;
    proved(&s, &set);
    assert_int_equal(set.n, 1);
    assert_int_equal(set.v[0].outcome, ABL_CONFIRMED);
    for (size_t i = 0; i < set.v[0].n; i++)
        if (strstr(set.v[0].line[i].what, "of 2 threads"))
            seen = true, assert_true(fabs(set.v[0].line[i].d[ABL_DATA]) < .1);
    assert_true(seen);
    ablation_free(&set);
    context_close(&s);
}

/* A product that by its cost is memory-bound, and computes for `share` of that time; instead of reading, or
 * beside it. */
static void ablate_a_lie(measure_context *s, double share, bool reads, ablation_set *set)
{
    const ir_params p = {{4, 4096, 4096}, IR_F32, 1};
    ir_cost         c = wl_batchmm.cost(&wl_batchmm, &p);
    crooked = ir_ideal_backend;
    crooked.kernels = liars;
    crooked.open = crooked_open;
    begin(s, &crooked, .02);
    lie_reads = reads;
    lie_flops = share * (ir_cost_B(&c)) / 40e9 * 200e9 / (4 * 4096.0 * 4096.0);
    measure(s, &wl_batchmm, p);
    assert_int_equal(s->point[0].law.bound, IR_BOUND_MEMORY);
    proved(s, set);
}

static void a_lie_is_contradicted(void **state)
{
    (void)state;
    measure_context s;
    ablation_set    set;
    char           *text = NULL;
    size_t          size;
    ablate_a_lie(&s, 1, false, &set);
    assert_int_equal(set.n, 1);
    assert_int_equal(set.v[0].outcome, ABL_CONTRADICTED);
    assert_string_equal(s.point[0].law.ablation, "corrected");
    assert_true(set.v[0].label == IR_BOUND_MEMORY && s.point[0].law.bound == set.v[0].corrected &&
                s.point[0].law.bound != IR_BOUND_MEMORY);
    assert_int_equal(s.point[0].law.bound, IR_BOUND_COMPUTE);
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    ablation_print(f, &s, &set);
    fclose(f);
    assert_non_null(strstr(text, "memory: contradicted, now compute"));
    assert_non_null(strstr(text, "1 contradicted"));
    free(text);
    ablation_free(&set);
    ablation_free(&set);
    context_close(&s);
}

/* Nearly as much arithmetic as bytes, and the cost counts none: the variants show T following data by .55,
 * which is no proof of memory. */
static void an_undecided_label_is_mixed(void **state)
{
    (void)state;
    measure_context s;
    ablation_set    set;
    ablate_a_lie(&s, .8, true, &set);
    assert_int_equal(set.v[0].outcome, ABL_UNDECIDED);
    assert_string_equal(s.point[0].law.ablation, "undecided");
    assert_true(s.point[0].law.bound == IR_BOUND_MIXED && s.point[0].law.bound_p < .95 &&
                set.v[0].corrected == IR_BOUND_MIXED);
    ablation_free(&set);
    context_close(&s);
}

/* ---- variants that are another workload or kernel -------------------------------------------- */
/* A device of networks: launches cost as the kernel's name says. */
static const double QUEUE_S = 8e-6, GRAPH_S = 1e-6;
static ir_status launches_run(ir_run *r, uint32_t reps) { return ir_ideal_backend.kernels[0]->run(r, reps); }
static double    replay_share;
static ir_cost   replayed_cost(IR_SELF, const ir_params *p)
{
    ir_cost c = wl_gpt2.cost(&wl_gpt2, p);
    c.launches *= replay_share;
    return c;
}
static ir_status graph_run(ir_run *r, uint32_t reps)
{
    ir_workload w = *r->workload;
    ir_run      other = *r;
    w.cost = replayed_cost;
    other.workload = &w;
    return ir_ideal_backend.kernels[0]->run(&other, reps);
}
static const ir_kernel
    launcher = {.family = "gpt", .name = "launches", .flags = IR_K_IDEAL, .run = launches_run},
    grapher = {.family = "gpt", .name = "graph", .flags = IR_K_IDEAL, .run = graph_run},
    streamer = {.family = "gpt", .name = "stream", .flags = IR_K_IDEAL, .run = launches_run},
    gemver = {.family = "gemv", .name = "stream", .flags = IR_K_IDEAL, .run = launches_run},
    twicer = {.family = "gemv_twice", .name = "stream", .flags = IR_K_IDEAL, .run = launches_run};
static const ir_kernel *const several[] = {&launcher, &grapher, &streamer, &gemver, &twicer, NULL};

static void begin_several(measure_context *s, double L_lat)
{
    crooked = ir_ideal_backend;
    crooked.kernels = several;
    crooked.open = crooked_open;
    begin_with(s, &crooked, .02, L_lat);
}

static const ablation_line *line_with(const ablation_entry *e, const char *part)
{
    for (size_t i = 0; i < e->n; i++)
        if (strstr(e->line[i].what, part)) return &e->line[i];
    return NULL;
}

static void add_launch(measure_context *s, const char *kernel, double value)
{
    ir_ceiling c = {.what = IR_C_LAUNCH,
                    .dtype = IR_NDTYPE,
                    .threads = 1,
                    .value = value,
                    .lo = value,
                    .hi = value,
                    .theory = NAN,
                    .read_frac = NAN,
                    .size_B = NAN,
                    .op = "forkjoin"};
    snprintf(c.device, sizeof c.device, "ideal0");
    snprintf(c.kernel, sizeof c.kernel, "%s", kernel);
    assert_int_equal(ir_ceilings_add(&s->ceilings, &c), IR_OK);
}

/* A step of a small model on a device of slow launches waits for them: a graph shows it. replay: what a
 * replayed node really costs. */
static ablation_outcome replay(double share, const char **agrees)
{
    measure_context s;
    ablation_set    set;
    begin_several(&s, QUEUE_S);
    replay_share = share;
    measure(&s, &wl_gpt2, (ir_params){{LY_TINY, 1, 1, 5}, IR_F32, 0});
    assert_int_equal(s.point[0].law.bound, IR_BOUND_LATENCY);
    add_launch(&s, "queue", QUEUE_S);
    add_launch(&s, "graph", GRAPH_S);
    proved(&s, &set);
    assert_int_equal(set.n, 1);
    const ablation_line *l = line_with(&set.v[0], "one graph");
    assert_non_null(l);
    assert_true(fabs(l->d[ABL_LAT] - log(GRAPH_S / QUEUE_S)) < 1e-9 && fabs(l->d[ABL_DATA]) < 1e-9);
    assert_non_null(strstr(l->key, "/gpt2/graph:"));
    *agrees = l->agrees ? "agrees" : "disagrees";
    ablation_outcome o = set.v[0].outcome;
    ablation_free(&set);
    context_close(&s);
    return o;
}

static void a_graph_for_launches(void **state)
{
    const char *agrees;
    (void)state;
    assert_int_equal(replay(GRAPH_S / QUEUE_S, &agrees), ABL_CONFIRMED);
    assert_string_equal(agrees, "agrees");
    assert_int_not_equal(replay(1, &agrees),
                         ABL_CONFIRMED); /* the graph saves nothing: T does not follow the launches */
    assert_string_equal(agrees, "disagrees");
}

static void work_done_twice(void **state)
{
    (void)state;
    measure_context s;
    ablation_set    set;
    begin_several(&s, 0);
    s.info.threads = 1;
    const ir_params p = {{8192, 8192}, IR_F32, 1};
    assert_int_equal(context_measure(&s, &wl_gemv, &gemver, &p, false, NULL), IR_OK);
    ir_point_judge(&s.point[0], &s.ceilings, NULL);
    s.point[0].law.bound_p = 1;
    proved(&s, &set);
    assert_int_equal(set.v[0].outcome, ABL_CONFIRMED);
    const ablation_line *l = line_with(&set.v[0], "twice");
    assert_non_null(l);
    assert_true(fabs(l->d[ABL_COMP] - log(2)) < 1e-9 && fabs(l->d[ABL_DATA]) < 1e-9 && fabs(l->y) < .2 &&
                l->agrees);
    ablation_free(&set);
    context_close(&s);
}

/* Once from memory, again from the cache that holds it. */
static void shared_matrices(void **state)
{
    (void)state;
    measure_context  s;
    ablation_variant t[ABL_MAX_VARIANTS];
    double           terms[ABL_NTERM];
    const ir_params  p = {{LY_SMALL, 1, 1, 128}, IR_F32, 1};
    begin_several(&s, 0);
    ir_ceiling l3 = {.what = IR_C_BANDWIDTH,
                     .dtype = IR_NDTYPE,
                     .threads = 1,
                     .value = 160e9,
                     .lo = 160e9,
                     .hi = 160e9,
                     .theory = NAN,
                     .read_frac = 1,
                     .size_B = NAN,
                     .level = "L3",
                     .op = "read",
                     .kernel = "ideal",
                     .device = "ideal0"};
    assert_int_equal(ir_ceilings_add(&s.ceilings, &l3), IR_OK);
    s.ceilings.level_B[2] = 64e6;
    assert_int_equal(context_measure(&s, &wl_gpt2, &streamer, &p, false, NULL), IR_OK);
    ir_point_judge(&s.point[0], &s.ceilings, NULL);
    size_t n = find_variants(&s, &wl_gpt2, &streamer, &s.point[0], t);
    assert_true(n > 0 && t[0].workload == &wl_gpt2_shared && t[0].kernel == &streamer);
    ir_cost own = wl_gpt2.cost(&wl_gpt2, &p), shared = wl_gpt2_shared.cost(&wl_gpt2_shared, &p);
    double  again = ir_cost_read_B(&own) - ir_cost_read_B(&shared);
    assert_true(shared.flops == own.flops && again > .6 * ir_cost_read_B(&own) &&
                shared.footprint_B < .5 * own.footprint_B);
    assert_true(fabs(t[0].reread_s / (again / 160e9) - 1) < 1e-9);
    ir_point like = s.point[0];
    like.m.cost = shared;
    variant_terms(&s, &t[0], &like, terms);
    assert_true(fabs(terms[ABL_DATA] / ((ir_cost_B(&shared)) / 40e9 + again / 160e9) - 1) < .02);
    s.ceilings.level_B[2] = 4e6; /* no level holds a matrix: sharing changes nothing, and is no variant */
    n = find_variants(&s, &wl_gpt2, &streamer, &s.point[0], t);
    for (size_t i = 0; i < n; i++) assert_null(t[i].workload);
    context_close(&s);
}

static void choice(void **state)
{
    (void)state;
    measure_context s;
    ablation_set    set;
    regex_t         only;
    begin(&s, &ir_ideal_backend, 0);
    for (int i = 0; i < 14; i++)
        measure(&s, &wl_copy, (ir_params){{1 << (20 + i % 7), 1 + i / 7}, IR_F64, 0});
    measure(&s, &wl_gemm, (ir_params){{1024, 1024, 1024}, IR_F32, 0});
    s.point[0].law.bound_p = .9;
    s.point[1].law.bound_p = NAN;
    assert_int_equal(ablation_choose(&s, NULL, &set), IR_OK);
    assert_true(set.n < 13 && set.n + set.left_out == 13);
    assert_int_equal(s.point[set.v[1].point].id.family[0], 'g'); /* every workload has its turn */
    ablation_free(&set);
    assert_int_equal(regcomp(&only, "copy.*bytes=2097152,streams=1", REG_EXTENDED | REG_NOSUB), 0);
    assert_int_equal(ablation_choose(&s, &only, &set), IR_OK);
    assert_int_equal(set.n, 1);
    assert_int_equal(set.v[0].point, 1); /* asked for by name: a label without a known P counts */
    ablation_free(&set);
    regfree(&only);
    assert_int_equal(regcomp(&only, "bytes=1048576,streams=1", REG_EXTENDED | REG_NOSUB), 0);
    assert_int_equal(ablation_choose(&s, &only, &set), IR_OK);
    assert_true(set.n == 0 && set.unlabelled == 1);
    ablation_free(&set);
    regfree(&only);
    context_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(honest_labels_are_confirmed),
                                       cmocka_unit_test(threads_that_share_what_one_had),
                                       cmocka_unit_test(a_lie_is_contradicted),
                                       cmocka_unit_test(an_undecided_label_is_mixed),
                                       cmocka_unit_test(a_graph_for_launches),
                                       cmocka_unit_test(work_done_twice),
                                       cmocka_unit_test(shared_matrices),
                                       cmocka_unit_test(choice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
