/* values.h -- elements of the networks' tensors, whatever their dtype, at any address: filling them from a
 * seed and reading them back as float. f64 is no weight type here; tf32 is stored as f32. */
#ifndef NETS_VALUES_H
#define NETS_VALUES_H
#include "harness/ironroof.h"
typedef float    any_f32 __attribute__((aligned(1), may_alias)); /* tensors may start at any byte */
typedef uint16_t any_u16 __attribute__((aligned(1), may_alias));
typedef int32_t  any_i32 __attribute__((aligned(1), may_alias));

/* IEEE binary16, round to nearest even; beyond its range infinity; NaN stays NaN. */
float    ly_f16_to_f32(uint16_t h);
uint16_t ly_f32_to_f16(float f);
/* e4m3 as the OCP 8-bit specification has it: exponent bias 7, subnormals of 2^-9, no infinity, NaN 0x7F.
 * Round to nearest even; beyond 448 the largest number; NaN stays NaN. */
float   ly_f8_to_f32(uint8_t q);
uint8_t ly_f32_to_f8(float f);

/* Elements [at, at + n) of a tensor of dtype t: amp times uniform [-1, 1), from `seed` and the element's
 * index. Of a tensor of bytes the whole range, int8 -127..127 and e4m3 -448..448: amp is the business of its
 * row scales. */
void ly_fill(ir_dtype t, void *tensor, int64_t at, int64_t n, float amp, uint64_t seed);
/* The same elements at out[0], out[1] ... */
void ly_make(ir_dtype t, void *out, int64_t at, int64_t n, float amp, uint64_t seed);
/* ly_fill() in f32, around `mean`. */
void ly_fill_f32(void *tensor, int64_t at, int64_t n, float mean, float amp, uint64_t seed);
/* Every one of n elements from `at` = v; not for bytes. */
void ly_fill_const(ir_dtype t, void *tensor, int64_t at, int64_t n, float v);
/* n token numbers below vocab. */
void ly_fill_tokens(void *tensor, int64_t n, int64_t vocab, uint64_t seed);
/* n elements from `at` as float (bytes unscaled). */
void ly_load(ir_dtype t, const void *tensor, int64_t at, int64_t n, float *out);
/* n floats as elements from `at`; not for bytes. What ly_round() gives comes back as it was. */
void ly_store(ir_dtype t, void *tensor, int64_t at, int64_t n, const float *v);
/* v as a tensor of dtype t would hold it. */
float ly_round(ir_dtype t, float v);
/* What a row scale of one-byte weights of half-width amp is near: amp over the largest value. */
static inline float  ly_scale_of(ir_dtype t, float amp) { return amp / (t == IR_F8 ? 448 : 127); }
static inline size_t ly_width(ir_dtype t)
{
    return t == IR_I8 || t == IR_F8 ? 1 : t == IR_F16 || t == IR_BF16 ? 2 : 4;
}
#endif
