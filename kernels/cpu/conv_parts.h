/* conv_parts.h -- what the sources behind conv.h share among themselves. */
#ifndef CPU_CONV_PARTS_H
#define CPU_CONV_PARTS_H
#include "kernels/cpu/conv.h"

/* A row of tiles shares a place `at`, whose b, bias and next_b are set here, and whose add and y point to
 * channel 0. `nth` counts the tiles since k_lo changed: the first of them fetch the weights of the next
 * blocks. k_end: where this thread's blocks end. */
typedef struct {
    size_t       k_lo, k_hi, k_end, nth;
    const float *packed;
    char        *tmp;
} cpu_conv_group;
void cpu_conv_tiles(const cpu_conv_plan *, size_t m, bool pair, cpu_conv_at at, cpu_conv_group *);

/* Each sets the plan's tile, weight_n and thread_B; units: what the threads share. */
void cpu_wino_plan(cpu_conv_plan *, size_t l2_B, size_t *units);
void cpu_wino_pack(const cpu_conv_plan *, const char *W, size_t kb, float *packed);
void cpu_wino_part(const cpu_conv_plan *, const char *x, const float *packed, const char *add, char *y,
                   char *work, int tid);
void cpu_dw_plan(cpu_conv_plan *);
void cpu_dw_pack(const cpu_conv_plan *, const char *W, float *packed);
void cpu_dw_part(const cpu_conv_plan *, const char *x, const float *packed, const char *add, char *y,
                 int tid);
#endif
