/* ops.h -- element-wise operators and row reductions: the per-ISA parts. Pointers may start at any byte and
 * are f32 unless said otherwise; output may equal input. NaN stays NaN. */
#ifndef CPU_OPS_H
#define CPU_OPS_H
#include "kernels/workloads/workloads_nets.h"
#include "kernels/cpu/cpu.h"

/* Layer norm, dropout and ReLU on rows of c: what of it to do (CPU_NORM is the first of the three), and with
 * what. */
enum { CPU_NORM = 1, CPU_DROP = 2, CPU_RELU = 4 };
typedef struct {
    unsigned    steps;
    bool        nt; /* non-temporal stores, where the row's elements are aligned, and x fetched ahead */
    size_t      c;
    const void *gain, *offset; /* f32 [c] */
    float       eps, scale;    /* scale: of what dropout leaves */
    int32_t     limit;         /* hashes below it are left out */
} cpu_row_steps;

typedef struct {
    /* y = act(scale * y + bias + add); scale, bias, add NULL: none. */
    void (*finish)(size_t n, void *y, const void *scale, const void *bias, const void *add, ly_act act);
    void (*act)(size_t n, const void *x, void *y, ly_act act);
    void (*add)(size_t n, const void *x, const void *add, void *y);
    void (*mul)(size_t n, const void *x, const void *by, void *y);
    /* y = (x - mean) / sqrt(variance + eps) * gain + offset */
    void (*norm)(size_t n, const void *x, const void *gain, const void *offset, float eps, void *y);
    /* y = x / sqrt(mean of squares + eps) * gain */
    void (*rms)(size_t n, const void *x, const void *gain, float eps, void *y);
    void (*softmax)(size_t n, const void *x, void *y);
    float (*max)(size_t n, const void *x);
    float (*exp_sum)(size_t n, const void *x, float minus, void *y); /* y = exp(x - minus); their sum */
    void (*scale)(size_t n, float by, const void *x, void *y);
    /* k times x <- a[j] x + b[j]; f32 [k]. nt: non-temporal stores, where the elements of y are aligned, and
     * x fetched ahead */
    void (*chain)(bool nt, size_t n, const void *x, size_t k, const void *a, const void *b, void *y);
    /* Rows [lo, hi) of a tensor x into y; dropout's seed of row i is wl_drop_row(i) */
    void (*row_steps)(const cpu_row_steps *, size_t lo, size_t hi, const void *x, void *y);
    bool has_nt; /* non-temporal stores are */
    /* As above, for tensors in memory: non-temporal stores, where the elements of y are aligned, and input
     * fetched ahead, of softmax the row behind this one */
    void (*act_nt)(size_t n, const void *x, void *y, ly_act act);
    void (*add_nt)(size_t n, const void *x, const void *add, void *y);
    void (*softmax_nt)(size_t n, const void *x, void *y);
    void (*embed_nt)(ir_dtype, size_t n, const void *table, float ts, const void *position, float ps,
                     void *y);
    /* y = table * ts + position * ps: rows of weights in f32, bf16 or i8 */
    void (*embed)(ir_dtype, size_t n, const void *table, float ts, const void *position, float ps, void *y);
    /* f32 to the cache's dtype, f32 or bf16 */
    void (*narrow)(ir_dtype, size_t n, const void *x, void *y);
    void (*fence)(void); /* after the last of those with non-temporal stores, before others read y */
} cpu_ops;
const cpu_ops *cpu_ops_of(const ir_dev *);
/* Rows [lo, hi) of a LY_EMBED row: tokens i32, W and V of its network (V: int8 scales only). IR_EINVAL:
 * never; a token outside the table is taken as row 0. */
size_t cpu_token_of(const ly_row *, const char *tokens, size_t i);
void   cpu_embed_rows(const cpu_ops *, ir_dtype, const ly_row *, const char *tokens, const char *W,
                      const char *V, char *y, size_t lo, size_t hi);
#endif
