/* values.c -- see values.h. The loops run over up to 1.6e9 weights: they are written to vectorise. */
#include "kernels/nets/values.h"
#include "kernels/nets/clones.h"

#include <math.h>
#include <string.h>

static inline uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static inline float float_of(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* Adding a power of two makes the adder round at the right bit: 2^-24 is f16's smallest step. */
static inline uint16_t to_f16(float f)
{
    uint32_t sign = bits_of(f) & 0x80000000u, a = bits_of(f) ^ sign, h;
    uint32_t normal = (a + 0xFFFu + ((a >> 13) & 1u) - (112u << 23)) >> 13;
    uint32_t tiny = bits_of(float_of(a) + 0.5f) - bits_of(0.5f);
    h = a < (113u << 23) ? tiny : normal;
    h = a >= 0x477FF000u ? 0x7C00u : h;
    h = a > 0x7F800000u ? 0x7E00u : h;
    return (uint16_t)(h | sign >> 16);
}

static inline float from_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, a = (uint32_t)(h & 0x7FFFu) << 13;
    float    f = float_of(a) * float_of((254u - 15u) << 23);
    return float_of(bits_of(a >= 0x7C00u << 13 ? float_of(a | 0x7F800000u) : f) | sign);
}

/* Finite values only: that is all that is filled. */
static inline uint16_t to_bf16(float f)
{
    uint32_t u = bits_of(f);
    return (uint16_t)((u + 0x7FFFu + ((u >> 16) & 1u)) >> 16);
}

/* 2^-9 is e4m3's smallest step. */
static inline uint8_t to_f8(float f)
{
    uint32_t sign = bits_of(f) & 0x80000000u, a = bits_of(f) ^ sign, q;
    uint32_t normal = (a + 0x7FFFFu + ((a >> 20) & 1u) - (120u << 23)) >> 20;
    uint32_t tiny = bits_of(float_of(a) + 16384.0f) - bits_of(16384.0f);
    q = a < (121u << 23) ? tiny : normal;
    q = a >= 0x43E00000u ? 0x7Eu : q;
    q = a > 0x7F800000u ? 0x7Fu : q;
    return (uint8_t)(q | sign >> 24);
}

static inline float from_f8(uint8_t q)
{
    uint32_t sign = (uint32_t)(q & 0x80u) << 24, a = (uint32_t)(q & 0x7Fu) << 20;
    float    f = float_of(a) * float_of((254u - 7u) << 23);
    return float_of(bits_of(a == 0x7Fu << 20 ? float_of(a | 0x7FC00000u) : f) | sign);
}

float    ly_f8_to_f32(uint8_t q) { return from_f8(q); }
uint8_t  ly_f32_to_f8(float f) { return to_f8(f); }
uint16_t ly_f32_to_f16(float f) { return to_f16(f); }
float    ly_f16_to_f32(uint16_t h) { return from_f16(h); }

float ly_round(ir_dtype t, float v)
{
    return t == IR_F8     ? from_f8(to_f8(v))
           : t == IR_F16  ? from_f16(to_f16(v))
           : t == IR_BF16 ? ir_bf16_to_f32(ir_f32_to_bf16(v))
                          : v;
}

LY_CLONES
static void values_fill_f32(any_f32 *p, int64_t at, int64_t n, float mean, float amp, uint64_t seed)
{
    for (int64_t i = 0; i < n; i++) p[i] = mean + amp * ir_rand_f32(seed, (uint64_t)(at + i));
}

LY_CLONES
static void fill_f16(any_u16 *p, int64_t at, int64_t n, float amp, uint64_t seed)
{
    for (int64_t i = 0; i < n; i++) p[i] = to_f16(amp * ir_rand_f32(seed, (uint64_t)(at + i)));
}

LY_CLONES
static void fill_bf16(any_u16 *p, int64_t at, int64_t n, float amp, uint64_t seed)
{
    for (int64_t i = 0; i < n; i++) p[i] = to_bf16(amp * ir_rand_f32(seed, (uint64_t)(at + i)));
}

LY_CLONES
static void fill_i8(int8_t *p, int64_t at, int64_t n, uint64_t seed)
{
    for (int64_t i = 0; i < n; i++) p[i] = (int8_t)(int32_t)(127.99f * ir_rand_f32(seed, (uint64_t)(at + i)));
}

LY_CLONES
static void fill_f8(uint8_t *p, int64_t at, int64_t n, uint64_t seed)
{
    for (int64_t i = 0; i < n; i++) p[i] = to_f8(448 * ir_rand_f32(seed, (uint64_t)(at + i)));
}

void ly_fill_f32(void *tensor, int64_t at, int64_t n, float mean, float amp, uint64_t seed)
{
    values_fill_f32((any_f32 *)tensor + at, at, n, mean, amp, seed);
}

void ly_make(ir_dtype t, void *out, int64_t at, int64_t n, float amp, uint64_t seed)
{
    if (t == IR_F16)
        fill_f16(out, at, n, amp, seed);
    else if (t == IR_BF16)
        fill_bf16(out, at, n, amp, seed);
    else if (t == IR_I8)
        fill_i8(out, at, n, seed);
    else if (t == IR_F8)
        fill_f8(out, at, n, seed);
    else
        values_fill_f32(out, at, n, 0, amp, seed);
}

void ly_fill(ir_dtype t, void *tensor, int64_t at, int64_t n, float amp, uint64_t seed)
{
    ly_make(t, (char *)tensor + at * (int64_t)ly_width(t), at, n, amp, seed);
}

void ly_fill_const(ir_dtype t, void *tensor, int64_t at, int64_t n, float v)
{
    any_f32 *f = (any_f32 *)tensor + at;
    any_u16 *h = (any_u16 *)tensor + at;
    uint16_t u = t == IR_F16 ? to_f16(v) : ir_f32_to_bf16(v);
    if (ly_width(t) == 2)
        for (int64_t i = 0; i < n; i++) h[i] = u;
    else
        for (int64_t i = 0; i < n; i++) f[i] = v;
}

void ly_fill_tokens(void *tensor, int64_t n, int64_t vocab, uint64_t seed)
{
    any_i32 *p = tensor;
    for (int64_t i = 0; i < n; i++)
        p[i] = (int32_t)((uint64_t)ir_hash32(seed, (uint64_t)i) * (uint64_t)vocab >> 32);
}

LY_CLONES
void ly_load(ir_dtype t, const void *tensor, int64_t at, int64_t n, float *out)
{
    const any_f32 *f = (const any_f32 *)tensor + at;
    const any_u16 *h = (const any_u16 *)tensor + at;
    const int8_t  *q = (const int8_t *)tensor + at;
    const uint8_t *u = (const uint8_t *)tensor + at;
    if (t == IR_I8)
        for (int64_t i = 0; i < n; i++) out[i] = (float)q[i];
    else if (t == IR_F8)
        for (int64_t i = 0; i < n; i++) out[i] = from_f8(u[i]);
    else if (t == IR_F16)
        for (int64_t i = 0; i < n; i++) out[i] = from_f16(h[i]);
    else if (t == IR_BF16)
        for (int64_t i = 0; i < n; i++) out[i] = float_of((uint32_t)h[i] << 16);
    else
        for (int64_t i = 0; i < n; i++) out[i] = f[i];
}

void ly_store(ir_dtype t, void *tensor, int64_t at, int64_t n, const float *v)
{
    any_u16 *h = (any_u16 *)tensor + at;
    if (ly_width(t) == 2)
        for (int64_t i = 0; i < n; i++) h[i] = t == IR_F16 ? to_f16(v[i]) : ir_f32_to_bf16(v[i]);
    else
        memcpy((any_f32 *)tensor + at, v, sizeof *v * (size_t)n);
}
