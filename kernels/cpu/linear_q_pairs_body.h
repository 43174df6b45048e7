/* linear_q_pairs_body.h -- few rows of X past groups of 32 without zero points, in whole numbers; included by
 * linear_q_isa.c where the ISA has vpdpbusd on 64 bytes. Two blocks make one vector, their scales one
 * permutation: with one row of X there is as much to do for a group as for its weights. Weights are unsigned
 * as in linear_q_panel_body.h; the offset, the same for all, comes off at the end. */
SIMD_INLINE __m128i pair_128(const char *p) { return _mm_loadu_si128((const __m128i *)(const void *)p); }
SIMD_INLINE __m256i pair_256(const char *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }

/* 64 unsigned bytes of the blocks at p and q. i4: the halves of one between those of the other. */
SIMD_INLINE __m512i pair_values(cpu_q_kind kind, const char *p, const char *q)
{
    if (kind == CPU_Q_I8)
        return _mm512_xor_si512(_mm512_inserti64x4(_mm512_castsi256_si512(pair_256(p)), pair_256(q), 1),
                                _mm512_set1_epi8((char)0x80));
    const __m256i v = _mm256_inserti128_si256(_mm256_castsi128_si256(pair_128(p)), pair_128(q), 1);
    return _mm512_and_si512(_mm512_inserti64x4(_mm512_castsi256_si512(v), _mm256_srli_epi16(v, 4), 1),
                            _mm512_set1_epi8(15));
}
/* Two blocks of x in the same order. */
SIMD_INLINE __m512i pair_x(cpu_q_kind kind, const char *x)
{
    const __m512i v = _mm512_load_si512(x);
    return kind == CPU_Q_I8 ? v : _mm512_shuffle_i64x2(v, v, 0xD8);
}
/* The scales of both in the first two lanes, then zeros. */
SIMD_INLINE __m128 pair_scales(const char *p, const char *q)
{
    uint16_t a, b;
    memcpy(&a, p, sizeof a);
    memcpy(&b, q, sizeof b);
    return _mm_cvtph_ps(_mm_cvtsi32_si128((int)((uint32_t)a | (uint32_t)b << 16)));
}
SIMD_INLINE __m128 pair_floats(const float *p)
{
    return _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)(const void *)p));
}

#define PAIR_BEGIN(m) \
    const char  *x##m = x + (m < M ? (size_t)m * xs : 0); \
    const float *d##m = (const float *)(const void *)(x##m + at), *t##m = d##m + blocks; \
    __m512       a##m = _mm512_setzero_ps(); \
    __m128       z##m = _mm_setzero_ps();
#define PAIR_ADD(m) \
    if (m < M) { \
        __m512i n = _mm512_setzero_si512(); \
        __asm__("vpdpbusd %2, %1, %0" : "+v"(n) : "v"(v), "v"(pair_x(kind, x##m + b * BLOCK))); \
        const __m128 by = _mm_mul_ps(s, pair_floats(d##m + b)); \
        a##m = _mm512_fmadd_ps(_mm512_cvtepi32_ps(n), \
                               _mm512_permutexvar_ps(lanes, _mm512_castps128_ps512(by)), a##m); \
        z##m = _mm_fmadd_ps(s, pair_floats(t##m + b), z##m); \
    }
#define PAIR_END(m) \
    if (m < M) { \
        float sum = _mm512_reduce_add_ps(a##m) - offset * (z##m[0] + z##m[1]); \
        if (blocks % 2) sum += pair_last(kind, p, x##m + b * BLOCK, d##m[b], t##m[b]); \
        memcpy(y + m * ys * sizeof(float), &sum, sizeof sum); \
    }
/* A last block alone. */
SIMD_INLINE float pair_last(cpu_q_kind kind, const char *p, const char *x, float d, float t)
{
    const float scale = q_half(p);
    const q_sum s = q_add(kind, CPU_Q_VNNI512, p + 2, x, scale * d, q_none());
    return q_total(s, q_none()) - (kind == CPU_Q_I4 ? 8 * scale * t : 0);
}
SIMD_INLINE void dot_pairs(cpu_q_kind kind, int M, const cpu_q_matrix *w, size_t j, const char *x, size_t xs,
                           char *y, size_t ys)
{
    const size_t blocks = w->c / BLOCK, at = values_B(CPU_Q_VNNI512, w->c),
                 B = kind == CPU_Q_I4 ? HALF : BLOCK;
    const float   offset = kind == CPU_Q_I4 ? 8 : 128;
    const __m512i lanes = kind == CPU_Q_I4
                              ? _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1)
                              : _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
    const char   *p = w->w + j * w->row_B;
    size_t        b = 0;
    EACH(PAIR_BEGIN)
    for (; b + 2 <= blocks; b += 2, p += 2 * (B + 2)) {
        const char   *q = p + B + 2;
        const __m512i v = pair_values(kind, p + 2, q + 2);
        const __m128  s = pair_scales(p, q);
        EACH(PAIR_ADD)
    }
    EACH(PAIR_END)
}
