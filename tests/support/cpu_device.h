/* cpu_device.h -- a CPU device for tests of kernels: any ISA this processor runs, any number of unpinned
 * threads, topology empty unless the test fills it. Include after <cmocka.h>. */
#ifndef TESTS_CPU_DEVICE_H
#define TESTS_CPU_DEVICE_H
#include "harness/measure/measure.h"
#include "kernels/cpu/cpu.h"

#include <string.h>

/* The CPU device on `threads` threads, unpinned: the machine may have fewer processors. */
typedef struct {
    ir_dev  dev;
    cpu_dev cpu;
} device;
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

static inline void close_device(device *d)
{
    ir_measure_release(&d->dev);
    ir_pool_free(&d->cpu.pool);
}
#endif
