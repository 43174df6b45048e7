/* peak.h -- the per-ISA tables behind the kernels of "fma" and "clock" and the pair probe. */
#ifndef CPU_PEAK_H
#define CPU_PEAK_H
#include <stdalign.h>
#include "kernels/workloads/workloads_compute.h"
#include "kernels/cpu/cpu.h"
#include <stddef.h>

/* Accumulators of chain c at x + 64*c (one vector of the ISA each), updated n times; coef: see cpu_peak_data.
 */
typedef void (*cpu_peak_fn)(void *x, const void *coef, uint64_t n);
/* One trip: 16 dependent integer operations of the workload "clock" with 0, 12 or 24 vector FMAs beside them.
 */
typedef uint64_t (*cpu_clock_fn)(uint64_t x, uint64_t n, const void *coef);
typedef struct {
    size_t       vector_B;
    cpu_peak_fn  fn[IR_NDTYPE][WL_FMA_NCHAINS]; /* NULL: does not exist or does not fit the registers */
    cpu_clock_fn clock12, clock24;              /* NULL: none */
} cpu_peak_table;
const cpu_peak_table *cpu_peak_of(cpu_isa isa);

/* Start values and coefficients in the form the loops take. Floating: C in every lane of coef[0]. Dot
 * products: A in every pair or quad of coef[0], B in coef[1]. */
typedef struct {
    alignas(64) unsigned char x[WL_FMA_MAX_CHAINS][WL_FMA_VECTOR_B];
    alignas(64) unsigned char coef[2][WL_FMA_VECTOR_B];
} cpu_peak_data;
void cpu_peak_fill(ir_dtype dtype, int chains, cpu_peak_data *out);
/* The 64-byte result of one thread: sums over chains, lane by lane. out must not overlap x. */
void cpu_peak_sum(ir_dtype dtype, int chains, unsigned char (*x)[WL_FMA_VECTOR_B], unsigned char *out);
/* IR_SKIP when this processor lacks the instruction that `isa` needs for dtype. */
ir_status cpu_peak_usable(cpu_isa isa, ir_dtype dtype);
/* What ir_run.self points to: one loop, its data, its share of the 64 bytes. Shared by all vector kernels. */
typedef struct {
    cpu_peak_data d;
    cpu_peak_fn   fn;
    size_t        vector_B;
} cpu_peak_plan;
ir_status cpu_peak_setup(ir_run *, cpu_peak_fn fn, size_t vector_B);
ir_status cpu_peak_run(ir_run *, uint32_t reps);
void      cpu_peak_teardown(ir_run *);
#endif
