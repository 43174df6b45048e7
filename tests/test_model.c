/* Described machines: what a description may say, what it means in seconds, what disturbs it, and that the
 * machines of tests/machines say where each figure comes from. Times are computed by hand beside each case.
 */
#include "bench/commands/zoo.h"
#include "bench/run/described.h"
#include "harness/record/flat.h"
#include "kernels/model/world.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define GOOD \
    "\"name\": \"m\", \"cores\": 4, \"clock\": {\"one_Hz\": 3e9, \"all_Hz\": 2e9}, \"peak\": {\"f64\": 8, " \
    "\"f32\": " \
    "16}, \"launch\": {\"first_s\": 1e-6}, \"memory\": {\"lines\": 10, \"prefetch\": 40}, "
#define L1     "{\"size_B\": 32768, \"cores\": 1, \"latency_s\": 1e-9, \"core_Bps\": 2e11, \"all_Bps\": 2e11}"
#define DRAM   "{\"size_B\": 1e10, \"cores\": 4, \"latency_s\": 1e-7, \"core_Bps\": 1e10, \"all_Bps\": 3e10}"
#define LEVELS "\"level\": [" L1 ", " DRAM "]"

static ir_status described(const char *text, model_machine *m)
{
    return described_machine("x.json", text, m);
}

/* ---- bad input ------------------------------------------------------------------------------- */
static const struct {
    const char *json;
    const char *says[3];
} bad[] = {
    {"{" GOOD "\"wave\": 0}", {"level", "2 to 5"}},
    {"{" GOOD "\"level\": [" L1 "]}", {"level", "2 to 5"}},
    {"{" LEVELS "}", {"name", "missing"}},
    {"{\"name\": \"m\", " LEVELS "}", {"cores", "missing", "from 1 up to 1024"}},
    {"{" GOOD LEVELS ", \"memory.nt\": 9}", {"memory.nt", "from 0 up to 4"}},
    {"{" GOOD LEVELS ", \"colour\": 9}", {"colour", "no such figure"}},
    {"{" GOOD LEVELS ", \"wave\": -1}", {"wave", "-1 is not allowed", "from 0"}},
    {"{" GOOD LEVELS ", \"wave\": 1.5}", {"wave", "whole number"}},
    {"{" GOOD LEVELS ", \"wave\": \"big\"}", {"wave", "a number expected"}},
    {"{" GOOD LEVELS ", \"wave\": true}", {"wave", "a number or a text"}},
    {"{" GOOD LEVELS ", \"disturb\": {\"noise\": 2}}", {"disturb.noise", "up to 1"}},
    {"{" GOOD LEVELS ", \"disturb\": {}}", {"disturb", "empty"}},
    {"{" GOOD LEVELS ", \"disturb\": {\"quota\": 5}}", {"disturb.quota", "at most cores"}},
    {"{" GOOD LEVELS ", \"slow_cores\": 4}", {"slow_cores", "fewer than cores"}},
    {"{" GOOD LEVELS ", \"kernel\": {\"gemms\": {\"data\": 1}}}", {"kernel.gemms.data", "stream, gemm"}},
    {"{" GOOD LEVELS ", \"kernel\": {\"gemm\": {\"speed\": 1}}}", {"kernel.gemm.speed", "data comp overlap"}},
    {"{" GOOD LEVELS ", \"kernel\": {\"gemm\": {\"data\": 0}}}", {"kernel.gemm.data", "above 0"}},
    {"{" GOOD LEVELS ", \"matrix\": {\"f12\": 1}}", {"matrix.f12", "types are"}},
    {"{" GOOD LEVELS ", \"far\": [{\"latency_s\": 2e-7, \"core_Bps\": 1e9}]}", {"far[0].all_Bps", "missing"}},
    {"{" GOOD LEVELS ", \"far\": [{\"latency_s\": 2e-8, \"core_Bps\": 1e9, \"all_Bps\": 1e9}]}",
     {"far[0].latency_s", "at least the 1e-07 of level[1]"}},
    {"{" GOOD LEVELS ", \"far\": [{\"speed\": 2e-8}]}", {"far[0].speed", "latency_s core_Bps"}},
    {"{" GOOD LEVELS ", \"gpu\": 1}", {"link_Bps", "missing", "above 0"}},
    {"{" GOOD "\"level\": [" L1
     ", {\"size_B\": 1e10, \"cores\": 4, \"latency_s\": 1e-7, \"core_Bps\": 0, \"all_Bps\": 3e10}]}",
     {"level[1].core_Bps", "0 is not allowed", "above 0"}},
    {"{" GOOD "\"level\": [" L1
     ", {\"size_B\": 1e10, \"cores\": 4, \"latency_s\": 1e-7, \"core_Bps\": 1e10}]}",
     {"level[1].all_Bps", "missing"}},
    {"{" GOOD "\"level\": [" L1
     ", {\"size_B\": 1e10, \"cores\": 8, \"latency_s\": 1e-7, \"core_Bps\": 1e10, \"all_Bps\": 3e10}]}",
     {"level[1].cores", "the machine has 4"}},
    {"{" GOOD "\"level\": [" DRAM ", " L1 "]}", {"level[1].size_B", "level before it"}},
    {"{" GOOD "\"level\": [" L1
     ", {\"size_B\": 1e10, \"cores\": 4, \"latency_s\": 1e-10, \"core_Bps\": 1e10, \"all_Bps\": 3e10}]}",
     {"level[1].latency_s", "level before it"}},
    {"{" GOOD "\"level\": [" L1 ", " L1 ", " L1 ", " L1 ", " L1 ", " L1 "]}",
     {"level[5]", "level[0] to level[4]"}},
    {"{\"name\": \"m\", \"name\": \"n\"}", {"duplicate"}},
    {"[1]", {"a JSON object expected"}},
    {"{", {"x.json:1"}}};

static void bad_descriptions(void **state)
{
    (void)state;
    model_machine m;
    if (described("{" GOOD LEVELS "}", &m) != IR_OK) fail_msg("%s", ir_why());
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(described(bad[i].json, &m), IR_EINVAL);
        if (strncmp(ir_why(), "x.json", 6) != 0) fail_msg("no file in '%s'", ir_why());
        for (int k = 0; k < 3 && bad[i].says[k]; k++)
            if (!strstr(ir_why(), bad[i].says[k]))
                fail_msg("case %zu: no '%s' in '%s'", i, bad[i].says[k], ir_why());
    }
    assert_int_equal(described_machine("/nonexistent.json", NULL, &m), IR_EIO);
    assert_non_null(strstr(ir_why(), "/nonexistent.json"));
}

static void bad_words(void **state)
{
    (void)state;
    static const struct {
        const char *pairs, *says;
    } word[] = {{"noise", "key=value"},         {"=1", "key=value"},          {"noise=x", "no number"},
                {"noise=2", "disturb.noise"},   {"s=0", "above 0"},           {"eta=1.5", "up to 1"},
                {"vary=1.5", "whole number"},   {"nose=1", "no such figure"}, {"noise=.1,", NULL},
                {"s=.9,eta=.8,noise=.02", NULL}};
    for (size_t i = 0; i < sizeof word / sizeof *word; i++) {
        model_machine m;
        model_smallest(&m);
        ir_status st = model_set_all(&m, word[i].pairs);
        assert_int_equal(st, word[i].says ? IR_EINVAL : IR_OK);
        if (word[i].says && !strstr(ir_why(), word[i].says))
            fail_msg("'%s': no '%s' in '%s'", word[i].pairs, word[i].says, ir_why());
    }
    model_machine m;
    model_smallest(&m);
    assert_int_equal(model_set_all(&m, "s=.5,eta=.25,noise=.02,level[1].latency_s=1e-7"), IR_OK);
    assert_true(m.kernel[MODEL_GEMM].data == 0.5 && m.kernel[MODEL_NET].comp == 0.25 &&
                m.disturb.noise == 0.02 && m.level[1].latency_s == 1e-7);
}

/* ---- seconds --------------------------------------------------------------------------------- */
static const model_scale as_is = {1, 1, 1, 1, 1};

static model_machine four_cores(void)
{
    model_machine m;
    model_smallest(&m); /* 32 KiB at 200 GB/s, memory at 40 GB/s and 80 ns, 64 flop a cycle at 3 GHz, 2 us */
    m.cores = m.level[1].cores = 4;
    m.level[1].core_Bps = 10e9;
    m.memory.evade = 0;
    m.memory.nt = 1;
    return m;
}

static double seconds(const model_machine *m, const char *workload, const char *key, double value,
                      int threads, uint32_t flags)
{
    const ir_workload *w = ir_workload_named(workload);
    ir_params          p = w->defaults;
    model_plan         o;
    p.threads = threads;
    if (key) p.v[ir_workload_param(w, key)] = (int64_t)value;
    model_plan_of(m, w, flags, &p, &o);
    o.launches = 0;
    return model_batch_s(&o, &as_is, 1);
}

static void near_to(double got, double want, double rel)
{
    if (!(fabs(got / want - 1) <= rel)) fail_msg("got %.6g, want %.6g", got, want);
}

static void times_by_hand(void **state)
{
    (void)state;
    model_machine m = four_cores();
    near_to(seconds(&m, "read", "bytes", 1e9, 1, 0), 1e9 / 10e9,
            0.02); /* one core asks for 10 GB/s; and adds */
    near_to(seconds(&m, "read", "bytes", 1e9, 2, 0), 1e9 / 20e9, 0.02);
    near_to(seconds(&m, "read", "bytes", 1e9, 4, 0), 1e9 / 40e9,
            0.1); /* both limits meet: up to 2^(1/10) slower */
    near_to(seconds(&m, "write", "bytes", 8192, 1, 0), 8192 / 200e9,
            0.1); /* the cache's: both limits are the same */
    near_to(seconds(&m, "write", "bytes", 65536, 4, 0), 65536 / 800e9, 0.1); /* four caches */
    near_to(seconds(&m, "copy", "bytes", 1e9, 1, 0), 1.5e9 / 10e9,
            1e-3); /* half is written, and read before it is */
    near_to(seconds(&m, "copy", "bytes", 1e9, 1, IR_K_NT), 1e9 / 10e9, 1e-3);
    near_to(seconds(&m, "copy", "bytes", 8192, 1, IR_K_NT), 4096 / 200e9 + 4096 / 10e9,
            0.1); /* stores go to memory all the same */
    m.memory.evade = 0.5;
    near_to(seconds(&m, "write", "bytes", 1e9, 1, 0), 1.5e9 / 10e9, 1e-3);
    m.level[1].write = 0.5;
    m.level[1].mix = 0.25; /* of half and half, all of it: 1 + 4 x .25 x .25 */
    near_to(seconds(&m, "copy", "bytes", 1e9, 1, IR_K_NT), (0.5e9 / 10e9 + 0.5e9 / 5e9) / 1.25, 1e-3);
    m.memory.prefetch = 5; /* 5 lines of 64 B every 80 ns */
    near_to(seconds(&m, "read", "bytes", 1e9, 1, 0), 1e9 / (5 * 64 / 80e-9), 0.02);
    near_to(seconds(&m, "chase", "bytes", 1e9, 1, 0) / 65536, 80e-9, 1e-3);
    near_to(seconds(&m, "chase", "bytes", 4096, 1, 0) / 65536, 1e-9, 1e-3);
    m.disturb.clock_lag = 0.1;
    near_to(seconds(&m, "clock", "adds", 3e6, 1, 0), 1e-3 / 0.9, 1e-9);
}

/* Memory on a node: one instance of it, and far memory at its own figures. */
static void nodes_by_hand(void **state)
{
    (void)state;
    model_machine      m = four_cores();
    const ir_workload *w = ir_workload_named("read"), *chase = ir_workload_named("chase");
    ir_params          p = w->defaults, q = chase->defaults;
    model_plan         o;
    m.level[1].cores = 2; /* two nodes of 40 GB/s */
    m.far[0] = (model_far){200e-9, 2e9, 5e9};
    m.nfar = 1;
    p.threads = 4;
    p.v[ir_workload_param(w, "bytes")] = 1000000000;
    q.threads = 1;
    q.v[ir_workload_param(chase, "bytes")] = 1000000000;
    const double want[] = {40e9, 40e9, 5e9}, hop[] = {80e-9, 80e-9, 200e-9};
    for (int node = 0; node < 3; node++) {
        p.node = q.node = node;
        model_plan_of(&m, w, 0, &p, &o);
        near_to(o.memory_s, 1e9 / want[node], 0.1);
        model_plan_of(&m, chase, 0, &q, &o);
        near_to(o.wait_s / 65536, hop[node], 1e-3);
    }
    p.threads = 1;
    p.node = 2;
    model_plan_of(&m, w, 0, &p, &o);
    near_to(o.memory_s, 1e9 / 2e9, 1e-3);
}

static void arithmetic_by_hand(void **state)
{
    (void)state;
    model_machine m = four_cores();
    near_to(model_flops(&m, 1, IR_F32, false), 64 * 3e9, 1e-12);
    m.clock.all_Hz = 2e9;
    near_to(model_flops(&m, 4, IR_F32, false), 4 * 64 * 2e9, 1e-12);
    near_to(model_clock_Hz(&m, 2.5), 2.5e9, 1e-12);
    m.slow_cores = 2;
    m.slow_share = 0.5;
    near_to(model_flops(&m, 4, IR_F32, false), 3 * 64 * 2e9, 1e-12);
    near_to(model_flops(&m, 2, IR_BF16, true), 2 * 64 * model_clock_Hz(&m, 2),
            1e-12); /* no unit for it: widened */
    m.matrix[IR_BF16] = 1000;
    near_to(model_flops(&m, 2, IR_BF16, true), 2 * 1000 * model_clock_Hz(&m, 2), 1e-12);
    m.slow_cores = 0;
    m.disturb.pair = 1.2; /* two threads of one core */
    near_to(model_flops(&m, 2, IR_F32, false), 1.2 * 64 * model_clock_Hz(&m, 2), 1e-12);
    near_to(model_flops(&m, 1, IR_F32, false), 64 * 3e9, 1e-12);
    m.launch.thread_s = 1e-6;
    near_to(model_launch_s(&m, 4, 0), 2e-6 + 2 * 1e-6, 1e-12);
}

/* Data and arithmetic of 3 and 4 s by the norm; launches beside, once a batch or once a call. */
static void terms_combine(void **state)
{
    (void)state;
    static const struct {
        double overlap, want;
    } by[] = {{1, 7}, {2, 5}, {64, 4}};
    model_plan o = {.memory_s = 2, .cache_s = 1, .compute_s = 4, .launch_s = 0.5, .launches = 1};
    for (size_t i = 0; i < 3; i++) {
        o.overlap = by[i].overlap;
        near_to(model_batch_s(&o, &as_is, 1), by[i].want + 0.5, 1e-6);
        near_to(model_batch_s(&o, &as_is, 10), 10 * by[i].want + 5, 1e-6);
    }
    o.once = true;
    near_to(model_batch_s(&o, &as_is, 10), 40.5, 1e-6);
    near_to(model_batch_s(&o, &(model_scale){1, 1, 2, 0.5, 1}, 1), 3 + 1,
            1e-6); /* the larger is now data's 3 s */
}

static void truth_is_the_largest_elasticity(void **state)
{
    (void)state;
    static const struct {
        model_plan o;
        ir_bound   is;
        double     share;
    } by[] = {{{.memory_s = 3, .compute_s = 1, .overlap = 1}, IR_BOUND_MEMORY, 0.75},
              {{.cache_s = 3, .memory_s = 1, .overlap = 1}, IR_BOUND_CACHE, 0.75},
              {{.memory_s = 3, .compute_s = 4, .overlap = 64}, IR_BOUND_COMPUTE, 1},
              {{.memory_s = 1, .launch_s = 4, .launches = 1, .overlap = 1}, IR_BOUND_LATENCY, 0.8},
              {{.wait_s = 9, .memory_s = 1, .overlap = 1}, IR_BOUND_LATENCY, 0.9}};
    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        double           share;
        model_elasticity e = model_elasticity_of(&by[i].o, 1);
        assert_int_equal(model_bound_of(&e, &share), by[i].is);
        near_to(share, by[i].share, 0.01);
    }
}

/* ---- disturbances ---------------------------------------------------------------------------- */
static double elapsed(const char *pairs, int batches, model_world *w)
{
    static model_machine m;
    m = four_cores();
    assert_int_equal(model_set_all(&m, pairs), IR_OK);
    model_world_begin(w, &m);
    model_plan o = {.memory_s = 1e-3, .compute_s = 1e-3, .overlap = 1, .threads = 4};
    for (int i = 0; i < batches; i++) model_world_pass(w, &o, 1);
    return w->now_s;
}

static void disturbances_by_hand(void **state)
{
    (void)state;
    static const struct {
        const char *pairs;
        double      want, rel;
    } by[] = {{"seed=3", 2, 1e-9},
              {"noise=.1", 2 * 1.005, 0.02}, /* mean of a log-normal */
              {"steal=.2", 2 / 0.8, 1e-9},
              {"throttle=.5,disturb.throttle_s=1", 1 + 0.5 * 3,
               0.01},               /* after a second of 2 ms calls each takes 3 */
              {"quota=2", 4, 0.05}, /* half of four threads' time */
              {"neighbour=.5,disturb.neighbour_s=.001", 2 + 0.5,
               0.1}, /* memory's half takes twice as long half of the time */
              {"state=.5,disturb.state_s=.001", 2 + 0.5, 0.1},
              {"disturb.preempt_Hz=25,disturb.preempt_s=.01", 2 * (1 + 4 * 25 * .01 * .9), 0.2}};
    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        model_world w, again;
        double      t = elapsed(by[i].pairs, 1000, &w);
        near_to(t, by[i].want, by[i].rel);
        assert_true(t == elapsed(by[i].pairs, 1000, &again)); /* seeded */
    }
    model_world w;
    elapsed("steal=.2", 10, &w);
    near_to(w.steal_s / (w.steal_s + w.busy_s), 0.2, 1e-9);
    elapsed("throttle=.5,disturb.throttle_s=1", 1000, &w);
    assert_true(w.throttles == 1);
    model_world other;
    assert_true(elapsed("noise=.1,seed=1", 10, &w) != elapsed("noise=.1,seed=2", 10, &other));
}

/* ---- the files ------------------------------------------------------------------------------- */
typedef struct {
    const model_machine *m;
    const char          *name;
} sourced;

static ir_status has_source(void *arg, const char *path, double v, const char *text)
{
    const sourced *s = arg;
    (void)v;
    if (text) return IR_OK;
    for (int i = 0; i < s->m->nsource; i++)
        if (!strncmp(path, s->m->source[i].path, strlen(s->m->source[i].path)) && *s->m->source[i].from)
            return IR_OK;
    fail_msg("%s: %s has no source", s->name, path);
    return IR_OK;
}

static void machines_are_sourced(void **state)
{
    (void)state;
    const char *name;
    unsigned    n = 0;
    for (; (name = zoo_text_name(n)); n++) {
        model_machine m, v, same;
        const char   *text = zoo_text(name);
        if (described_machine(name, text, &m) != IR_OK) fail_msg("%s", ir_why());
        sourced s = {&m, name};
        assert_int_equal(ir_flat_text(name, text, strlen(text), has_source, &s), IR_OK);
        v = m;
        model_vary(&v, 0);
        assert_memory_equal(&v, &m, sizeof v);
        for (uint64_t seed = 1; seed <= 50; seed++) {
            v = same = m;
            model_vary(&v, seed);
            model_vary(&same, seed);
            if (model_check(&v) != IR_OK)
                fail_msg("%s, seed %llu: %s", name, (unsigned long long)seed, ir_why());
            assert_memory_equal(&v, &same, sizeof v);
            assert_true(v.level[0].size_B != m.level[0].size_B);
        }
    }
    assert_true(n >= 20);
    assert_null(zoo_text("no such machine"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bad_descriptions),
                                       cmocka_unit_test(bad_words),
                                       cmocka_unit_test(times_by_hand),
                                       cmocka_unit_test(nodes_by_hand),
                                       cmocka_unit_test(arithmetic_by_hand),
                                       cmocka_unit_test(terms_combine),
                                       cmocka_unit_test(truth_is_the_largest_elasticity),
                                       cmocka_unit_test(disturbances_by_hand),
                                       cmocka_unit_test(machines_are_sourced)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
