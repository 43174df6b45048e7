/* smt_probe.h -- are two threads two cores? */
#ifndef CPU_SMT_PROBE_H
#define CPU_SMT_PROBE_H
#include "kernels/cpu/cpu.h"
/* FMA throughput of the pool's first two threads together over that of one, medians of interleaved rounds of
 * about 10 ms in all. 2: two cores; about 1: one core behind two CPU numbers, as a virtual machine may hide
 * it, and then for minutes only: probe at the start and at the end of a run. Below CPU_SMT_SHARED, rows with
 * several threads carry smt-shared. IR_SKIP: the device has one thread. */
#define CPU_SMT_SHARED 1.6
ir_status cpu_smt_probe(ir_dev *, double *ratio);
#endif
