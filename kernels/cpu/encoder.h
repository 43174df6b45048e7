/* encoder.h -- the first rows of encoders: patches of images, class tokens, token types. */
#ifndef CPU_ENCODER_H
#define CPU_ENCODER_H
#include "kernels/cpu/ops.h"
bool cpu_encoder_has(const ly_row *); /* LY_PATCHES, LY_TOKENS */
/* Thread tid's share. W, V: the whole tensors. */
void cpu_encoder_part(const cpu_ops *, ir_dtype, const ly_row *, const char *x, const char *W, const char *V,
                      char *y, int tid, int nthreads);
/* Adds the token types' rows to rows [lo, hi) of a LY_EMBED; nothing where it has none. */
void cpu_encoder_types(const cpu_ops *, ir_dtype, const ly_row *, const char *W, const char *V, char *y,
                       size_t lo, size_t hi);
#endif
