/* ports.h -- what the core's execution ports allow per cycle, by microarchitecture. */
#ifndef CPU_PORTS_H
#define CPU_PORTS_H
#include "kernels/cpu/cpu.h"
/* Name of the core this thread runs on ("Zen 4"), NULL when it is not in the table. */
const char *cpu_core_name(void);
/* Multiply-accumulate instructions of the ISA's full width (portable: multiply and add, together) one core
 * starts per cycle; NAN: unknown core, or the ISA has none. */
double cpu_fma_per_cycle(cpu_isa isa, ir_dtype dtype);
/* Peak of one core at a clock, the best over the kernels of "fma" on that ISA (AMX included); NAN unknown. */
double cpu_fma_theory_flops(cpu_isa isa, ir_dtype dtype, double clock_Hz);
#endif
