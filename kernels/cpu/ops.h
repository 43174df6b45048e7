/* ops.h -- element-wise operators and row reductions: the per-ISA parts. Pointers may start at any byte and are
 * f32 unless said otherwise; output may equal input. NaN stays NaN. */
#ifndef CPU_OPS_H
#define CPU_OPS_H
#include "bench/nets/layer.h"
#include "kernels/cpu/cpu.h"

typedef struct {
    /* y = act(scale * y + bias + add); scale, bias, add NULL: none. */
    void (*finish)(size_t n, void *y, const void *scale, const void *bias, const void *add, ly_act act);
    void (*act)(size_t n, const void *x, void *y, ly_act act);
    void (*add)(size_t n, const void *x, const void *add, void *y);
    /* y = (x - mean) / sqrt(variance + eps) * gain + offset */
    void (*norm)(size_t n, const void *x, const void *gain, const void *offset, float eps, void *y);
    void (*softmax)(size_t n, const void *x, void *y);
    float (*max)(size_t n, const void *x);
    float (*exp_sum)(size_t n, const void *x, float minus, void *y); /* y = exp(x - minus); their sum */
    void (*scale)(size_t n, float by, const void *x, void *y);
    void (*chain)(size_t n, const void *x, size_t k, const void *a, const void *b, void *y); /* k times x <- a[j] x + b[j]; f32 [k] */
    /* y = table * ts + position * ps: rows of weights in f32, bf16 or i8 */
    void (*embed)(ir_dtype, size_t n, const void *table, float ts, const void *position, float ps, void *y);
    /* f32 to the cache's dtype, f32 or bf16 */
    void (*narrow)(ir_dtype, size_t n, const void *x, void *y);
} cpu_ops;
const cpu_ops *cpu_ops_of(const ir_dev *);
/* Rows [lo, hi) of a LY_EMBED row: tokens i32, W and V of its network (V: int8 scales only). IR_EINVAL: never; a token
 * outside the table is taken as row 0. */
void cpu_embed_rows(const cpu_ops *, ir_dtype, const ly_row *, const char *tokens, const char *W, const char *V, char *y,
                    size_t lo, size_t hi);
#endif
