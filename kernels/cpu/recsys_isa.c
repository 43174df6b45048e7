/* recsys_isa.c -- embedding bags and pairwise interaction for one ISA. A bag's sum stays in registers, up to
 * WIDE vectors at a time; the rows of later look-ups are asked for meanwhile, because neither their order nor
 * their number lets the hardware guess. */
#include "kernels/cpu/recsys.h"
#include "kernels/cpu/simd.h"

typedef uint32_t word_v __attribute__((vector_size(VBYTES), may_alias));
typedef uint16_t half_v __attribute__((vector_size(VBYTES / 2), may_alias));
enum { WIDE = 8, LINE = 64, FIRST_LINES = 8 };

SIMD_INLINE int32_t number_at(const char *p, size_t i)
{
    int32_t n;
    memcpy(&n, p + i * sizeof n, sizeof n);
    return n;
}

SIMD_INLINE vf recsys_load(ir_dtype t, const char *p)
{
    if (t == IR_F32) return vf_load((const float *)(const void *)p);
    half_v h;
    memcpy(&h, p, sizeof h);
    return (vf)(__builtin_convertvector(h, word_v) << 16);
}

SIMD_INLINE float recsys_one(ir_dtype t, const char *p)
{
    float    f;
    uint16_t h;
    if (t == IR_F32) {
        memcpy(&f, p, sizeof f);
        return f;
    }
    memcpy(&h, p, sizeof h);
    return ir_bf16_to_f32(h);
}

/* Vectors of one bag, n at most WIDE, from byte `at` of its rows. */
SIMD_INLINE void some(ir_dtype t, size_t n, const char *table, size_t row_B, const char *index, size_t from,
                      size_t to, size_t last, size_t ahead, char *y)
{
    const size_t step = VF * (t == IR_F32 ? 4 : 2);
    vf           s[WIDE];
    for (size_t v = 0; v < n; v++) s[v] = vf_set1(0);
    for (size_t i = from; i < to; i++) {
        if (ahead && i + ahead < last) {
            const char *next = table + (size_t)number_at(index, i + ahead) * row_B;
            for (size_t b = 0; b < row_B && b < FIRST_LINES * LINE; b += LINE) __builtin_prefetch(next + b);
            __builtin_prefetch(next + row_B - 1);
        }
        const char *row = table + (size_t)number_at(index, i) * row_B;
        for (size_t v = 0; v < n; v++) s[v] += recsys_load(t, row + v * step);
    }
    for (size_t v = 0; v < n; v++) vf_store((float *)(void *)(y + v * VF * 4), s[v]);
}

SIMD_INLINE void one_bag(ir_dtype t, size_t c, const char *table, const char *index, size_t from, size_t to,
                         size_t last, size_t ahead, char *y)
{
    const size_t width = t == IR_F32 ? 4 : 2, row_B = c * width;
    size_t       j = 0;
    for (; j + WIDE * VF <= c; j += WIDE * VF)
        some(t, WIDE, table + j * width, row_B, index, from, to, last, j ? 0 : ahead, y + j * 4);
    for (; j + 4 * VF <= c; j += 4 * VF)
        some(t, 4, table + j * width, row_B, index, from, to, last, j ? 0 : ahead, y + j * 4);
    for (; j + VF <= c; j += VF)
        some(t, 1, table + j * width, row_B, index, from, to, last, j ? 0 : ahead, y + j * 4);
    for (; j < c; j++) {
        float s = 0;
        for (size_t i = from; i < to; i++)
            s += recsys_one(t, table + (size_t)number_at(index, i) * row_B + j * width);
        memcpy(y + j * 4, &s, sizeof s);
    }
}

SIMD_INLINE void bags_of(ir_dtype t, size_t c, const char *table, const char *begin, const char *index,
                         size_t lo, size_t hi, char *y)
{
    const size_t row_B = c * (t == IR_F32 ? 4 : 2),
                 ahead = CPU_BAG_AHEAD_B / (row_B < LINE ? LINE : row_B) + 1;
    const size_t last = (size_t)number_at(begin, hi);
    for (size_t b = lo; b < hi; b++)
        one_bag(t, c, table, index, (size_t)number_at(begin, b), (size_t)number_at(begin, b + 1), last, ahead,
                y + b * c * 4);
}

static void recsys_bags(ir_dtype t, size_t c, const char *table, const char *begin, const char *index,
                        size_t lo, size_t hi, char *y)
{
    if (t == IR_F32)
        bags_of(IR_F32, c, table, begin, index, lo, hi, y);
    else
        bags_of(IR_BF16, c, table, begin, index, lo, hi, y);
}

/* ---- interaction ----------------------------------------------------------------------------- */
/* Four dot products of u with neighbouring vectors. */
SIMD_INLINE void four_dots(size_t c, const char *u, const char *v, size_t row_B, char *y)
{
    vf     s[4] = {{0}, {0}, {0}, {0}};
    float  out[4];
    size_t j = 0;
    for (; j + VF <= c; j += VF) {
        const vf x = recsys_load(IR_F32, u + j * 4);
        for (size_t k = 0; k < 4; k++) s[k] = vf_fma(x, recsys_load(IR_F32, v + k * row_B + j * 4), s[k]);
    }
    for (size_t k = 0; k < 4; k++) out[k] = vf_sum(s[k]);
    for (; j < c; j++)
        for (size_t k = 0; k < 4; k++)
            out[k] += recsys_one(IR_F32, u + j * 4) * recsys_one(IR_F32, v + k * row_B + j * 4);
    memcpy(y, out, sizeof out);
}

SIMD_INLINE void one_dot(size_t c, const char *u, const char *v, char *y)
{
    vf     s = {0};
    size_t j = 0;
    for (; j + VF <= c; j += VF)
        s = vf_fma(recsys_load(IR_F32, u + j * 4), recsys_load(IR_F32, v + j * 4), s);
    float out = vf_sum(s);
    for (; j < c; j++) out += recsys_one(IR_F32, u + j * 4) * recsys_one(IR_F32, v + j * 4);
    memcpy(y, &out, sizeof out);
}

static void recsys_pairs(size_t n, size_t c, const char *first, const char *rest, char *y)
{
    const size_t row_B = c * 4;
    for (size_t a = 1; a < n; a++) {
        const char *u = rest + (a - 1) * row_B;
        size_t      b = 1;
        one_dot(c, u, first, y);
        y += 4;
        for (; b + 4 <= a; b += 4, y += 16) four_dots(c, u, rest + (b - 1) * row_B, row_B, y);
        for (; b < a; b++, y += 4) one_dot(c, u, rest + (b - 1) * row_B, y);
    }
}

const cpu_recsys_ops CPU_SYM(cpu_recsys) = {.bags = recsys_bags, .pairs = recsys_pairs};
