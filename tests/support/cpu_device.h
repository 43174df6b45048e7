/* cpu_device.h -- a CPU device for tests of kernels: any ISA this processor runs, any number of unpinned
 * threads, topology empty unless the test fills it. Include after <cmocka.h>. */
#ifndef TESTS_CPU_DEVICE_H
#define TESTS_CPU_DEVICE_H
#include "harness/measure/measure.h"
#include "kernels/cpu/cpu.h"
#include "tests/support/asserts.h"
#include "tests/support/kernels.h"
#include "tests/support/thin.h"

#include <string.h>

enum { MOST_CPU_KERNELS = 256 };
/* right: how often each kernel of the backend's table was verified on this device. */
typedef struct {
    ir_dev   dev;
    cpu_dev  cpu;
    unsigned right[MOST_CPU_KERNELS], tried[MOST_CPU_KERNELS];
} device;
/* The CPU device on `threads` threads, unpinned: the machine may have fewer processors. */
static inline void open_device(device *d, cpu_isa isa, int threads)
{
    memset(d, 0, sizeof *d);
    d->dev.be = &cpu_backend;
    d->dev.self = &d->cpu;
    d->cpu.isa = isa;
    d->cpu.nthreads = threads;
    d->cpu.pages = IR_PAGES_SMALL;
    assert_int_equal(ir_pool_new(NULL, threads, &d->cpu.pool), IR_OK);
}

static inline bool isa_runs(cpu_isa isa)
{
    cpu_isa best = cpu_isa_best();
    return isa == CPU_PORTABLE || isa == best || (isa == CPU_AVX2 && best == CPU_AVX512);
}

/* Verify kernel number k of the table; fails unless it is right or says why it cannot run (IR_SKIP). */
static inline ir_status verify_kernel(device *d, const ir_workload *w, size_t k, const ir_params *p,
                                      size_t misalign)
{
    ir_check  c;
    ir_status s = ir_verify(&d->dev, w, cpu_backend.kernels[k], p, 42, misalign, &c);
    assert_num(k, <, MOST_CPU_KERNELS);
    d->right[k] += s == IR_OK;
    if (s == IR_OK) return s;
    if (s == IR_SKIP) {
        assert_reason(ir_why());
        return s;
    }
    char shape[256] = "";
    for (size_t i = 0; i < sizeof p->v / sizeof *p->v && w->param[i]; i++)
        snprintf(shape + strlen(shape), sizeof shape - strlen(shape), " %s=%lld", w->param[i],
                 (long long)p->v[i]);
    fail_msg("%s/%s%s %s isa=%s threads=%d of %d misalign=%zu: %s", w->name, cpu_backend.kernels[k]->name,
             shape, ir_dtype_name(p->dtype), cpu_isa_name(d->cpu.isa), p->threads, d->cpu.nthreads, misalign,
             ir_why());
    return s;
}

/* Every kernel of the workload's family. Kernels with one of the flags `few` do not change with the ISA or do
 * not promise to work at any byte: they are verified aligned and on the best ISA only. Returns how many were
 * right; one that was right before on this device may be thinned out, and counts. */
static inline int verify_kernels(device *d, const ir_workload *w, const ir_params *p, size_t misalign,
                                 unsigned few)
{
    int right = 0;
    for (size_t k = 0; cpu_backend.kernels[k]; k++) {
        const ir_kernel *it = cpu_backend.kernels[k];
        if (strcmp(it->family, w->family) ||
            (it->flags & few && (misalign % 8 || d->cpu.isa != cpu_isa_best())))
            continue;
        if (d->right[k] && thin_skips(it->name, d->tried[k]++))
            right++;
        else
            right += verify_kernel(d, w, k, p, misalign) == IR_OK;
    }
    return right;
}

/* Every kernel of the workload's family without one of the flags `few` was right at least once on this
 * device. */
static inline void each_kernel_ran(const device *d, const ir_workload *w, unsigned few)
{
    int n = 0;
    for (size_t k = 0; cpu_backend.kernels[k]; k++) {
        const ir_kernel *it = cpu_backend.kernels[k];
        if (strcmp(it->family, w->family) || it->flags & few) continue;
        if (!d->right[k]) fail_msg("%s/%s never ran on %s", w->name, it->name, cpu_isa_name(d->cpu.isa));
        n++;
    }
    assert_num(n, >, 0);
}

/* Caches of an imaginary machine: `levels` of them, the first of first_B bytes, each next one `times` as
 * large; small ones bring every dimension of a small point into several blocks. */
static inline void pretend_caches(device *d, int levels, double first_B, double times)
{
    d->cpu.topo.ncache = levels;
    for (int l = 0; l < levels; l++, first_B *= times)
        d->cpu.topo.cache[l] = (ir_cache){.level = l + 1, .size_B = first_B};
}

static inline void close_device(device *d)
{
    ir_measure_release(&d->dev);
    ir_pool_free(&d->cpu.pool);
}
#endif
