/* clock.c -- the running clock from a chain of dependent one-cycle integer operations. "chain": nothing else
 * runs, the clock of scalar code. "vector": f32 FMAs of the device's ISA run beside the chain, at most three
 * quarters of what fits, so that the chain still sets the time: the clock under that ISA's load, lower where
 * a wide-vector licence or a power limit costs frequency. Both are lower bounds: a chain that stalls shows
 * less, never more. */
#include "kernels/cpu/peak.h"
#include "kernels/cpu/ports.h"

#include <stdlib.h>
#include <string.h>

/* Opaque to the compiler, so that neither pairs nor the loop are folded. */
#define HIDE(x) __asm__ volatile("" : "+r"(x))
#define PAIR(x) \
    (x) += add; \
    HIDE(x); \
    (x) ^= mix; \
    HIDE(x);
#define PAIR4(x) PAIR(x) PAIR(x) PAIR(x) PAIR(x)
enum { TRIP = 64, MIXED_TRIP = 16 };

static uint64_t clock_chain(uint64_t x, uint64_t n)
{
    uint64_t add = WL_CLOCK_ADD, mix = WL_CLOCK_XOR;
    HIDE(add);
    HIDE(mix);
    for (uint64_t i = n / TRIP; i; i--) {
        PAIR4(x) PAIR4(x) PAIR4(x) PAIR4(x) PAIR4(x) PAIR4(x) PAIR4(x) PAIR4(x)
    }
    for (uint64_t i = 0; i < n % TRIP; i++) {
        x = i % 2 ? x ^ mix : x + add;
        HIDE(x);
    }
    return x;
}

typedef struct {
    const ir_run *run;
    uint32_t      reps;
    cpu_clock_fn  mixed;
    const void   *coef;
} job;

static void clock_region(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    uint64_t   n = (uint64_t)j->run->p.v[0], x = 0;
    (void)nthreads;
    for (uint32_t i = 0; i < j->reps; i++) {
        uint64_t trips = j->mixed ? n / MIXED_TRIP : 0;
        x = WL_CLOCK_START;
        if (trips) x = j->mixed(x, trips, j->coef);
        x = clock_chain(x, n - trips * MIXED_TRIP);
    }
    memcpy((char *)j->run->mem[0].host + sizeof x * (size_t)tid, &x, sizeof x);
}

static ir_status run_chain(ir_run *r, uint32_t reps)
{
    job j = {.run = r, .reps = reps};
    ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, clock_region, &j);
    return IR_OK;
}

static ir_status can_mix(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    const cpu_peak_table *t = cpu_peak_of(cpu_of(dev)->isa);
    (void)w, (void)p;
    return t && t->clock12 ? IR_OK
                           : ir_fail(IR_SKIP, "no vector FMAs in the ISA %s", cpu_isa_name(cpu_of(dev)->isa));
}

static ir_status clock_setup(ir_run *r)
{
    r->self = aligned_alloc(64, sizeof(cpu_peak_data));
    if (!r->self)
        return ir_fail(IR_ENOMEM, "clock: no memory for %zu bytes of coefficients", sizeof(cpu_peak_data));
    cpu_peak_fill(IR_F32, 1, r->self);
    return IR_OK;
}

static ir_status run_vector(ir_run *r, uint32_t reps)
{
    cpu_isa               isa = cpu_of(r->dev)->isa;
    const cpu_peak_table *t = cpu_peak_of(isa);
    const cpu_peak_data  *d = r->self;
    bool                  two = cpu_fma_per_cycle(isa, IR_F32) >= 2; /* unknown: the smaller load */
    job                   j = {r, reps, two ? t->clock24 : t->clock12, d->coef[0]};
    ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, clock_region, &j);
    return IR_OK;
}

const ir_kernel cpu_clock_chain = {.family = "clock",
                                   .name = "chain",
                                   .doc = "dependent integer operations alone",
                                   .flags = IR_K_FUSED,
                                   .run = run_chain};

static const ir_plan_ops clock_plan_ops = {.destroy = cpu_peak_teardown};

const ir_kernel cpu_clock_vector = {.family = "clock",
                                    .name = "vector",
                                    .doc =
                                        "dependent integer operations beside vector FMAs of the device's ISA",
                                    .flags = IR_K_FUSED,
                                    .can_run = can_mix,
                                    .plan = clock_setup,
                                    .run = run_vector,
                                    .ops = &clock_plan_ops};
