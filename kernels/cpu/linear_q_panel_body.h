/* linear_q_panel_body.h -- many rows of X past weights in groups, in whole numbers; included by
 * linear_q_isa.c where the ISA has vpdpbusd on 64 bytes. Q_ROWS rows of W become a panel: a lane a row, four
 * elements a step, so that sums over a block need no shuffling and a scale serves a vector. Weights are made
 * unsigned (i4 as it is, i8 plus 128); the sums of x that are packed with it take the offset off again:
 * y[m][r] = sum over blocks of  d_m (s_r sum(q x) - z_r s_r sum(x)) Panel: per block 8 steps of Q_ROWS x 4
 * bytes, s[Q_ROWS], z s[Q_ROWS]. */
enum { Q_LANES = 16, Q_VECTORS = 2, Q_ROWS = Q_LANES * Q_VECTORS, Q_STEPS = BLOCK / 4, Q_MOST = 6 };
enum { PANEL_BLOCK_B = Q_ROWS * BLOCK + 2 * Q_ROWS * (int)sizeof(float) };

static size_t q_panel_B(size_t c) { return q_blocks(c) * PANEL_BLOCK_B; }

/* Block b of row j, 32 unsigned bytes, and its scale and offset. */
SIMD_INLINE void q_unpack(cpu_q_kind kind, const cpu_q_matrix *w, size_t j, size_t b, uint32_t to[Q_STEPS],
                          float *scale, float *offset)
{
    const size_t g = b * BLOCK / w->group, in = b - g * (w->group / BLOCK);
    const char *p = w->w + j * w->row_B + g * w->block_B, *v = p + 2 + in * (kind == CPU_Q_I4 ? HALF : BLOCK);
    __m256i     q = q_values(kind, v);
    if (kind == CPU_Q_I8) q = _mm256_xor_si256(q, _mm256_set1_epi8((char)0x80));
    memcpy(to, &q, BLOCK);
    *scale = q_half(p);
    *offset = *scale * (kind == CPU_Q_I4 ? q_zero(w, q_zero_at(w, j) + g) : 128);
}

/* Rows [j, j+n) of W, the others zeros. */
static void q_panel(const cpu_q_matrix *w, size_t j, size_t n, void *vout)
{
    char *out = vout;
    for (size_t b = 0; b < q_blocks(w->c); b++, out += PANEL_BLOCK_B) {
        uint32_t *q = (uint32_t *)(void *)out;
        float    *scale = (float *)(void *)(out + Q_ROWS * BLOCK), *offset = scale + Q_ROWS;
        for (size_t r = 0; r < Q_ROWS; r++) {
            uint32_t four[Q_STEPS] = {0};
            scale[r] = offset[r] = 0;
            if (r < n && w->kind == CPU_Q_I4)
                q_unpack(CPU_Q_I4, w, j + r, b, four, &scale[r], &offset[r]);
            else if (r < n)
                q_unpack(CPU_Q_I8, w, j + r, b, four, &scale[r], &offset[r]);
            for (size_t k = 0; k < Q_STEPS; k++) q[k * Q_ROWS + r] = four[k];
        }
    }
}

SIMD_INLINE __m512i q_four(__m512i sum, __m512i w, const char *x)
{
    __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(w), "m"(*(const int32_t *)(const void *)x));
    return sum;
}
#define EACH_M(F) F(0) F(1) F(2) F(3) F(4) F(5)
#define QP_BEGIN(m) \
    const char  *x##m = x + (m < M ? (size_t)m * xs : 0); \
    const float *d##m = (const float *)(const void *)(x##m + at), *t##m = d##m + blocks; \
    __m512       a##m##0 = _mm512_setzero_ps(), a##m##1 = a##m##0;
#define QP_ZERO(m) __m512i n##m##0 = _mm512_setzero_si512(), n##m##1 = n##m##0;
#define QP_FOUR(m) \
    if (m < M) { \
        n##m##0 = q_four(n##m##0, w0, x##m + b * BLOCK + 4 * k); \
        n##m##1 = q_four(n##m##1, w1, x##m + b * BLOCK + 4 * k); \
    }
#define QP_SUM(m) \
    if (m < M) { \
        const __m512 d = _mm512_set1_ps(d##m[b]), t = _mm512_set1_ps(t##m[b]); \
        a##m##0 = _mm512_fmadd_ps(_mm512_cvtepi32_ps(n##m##0), _mm512_mul_ps(s0, d), a##m##0); \
        a##m##1 = _mm512_fmadd_ps(_mm512_cvtepi32_ps(n##m##1), _mm512_mul_ps(s1, d), a##m##1); \
        a##m##0 = _mm512_fnmadd_ps(z0, t, a##m##0); \
        a##m##1 = _mm512_fnmadd_ps(z1, t, a##m##1); \
    }
#define QP_END(m) \
    if (m < M) { \
        __m512 pair[2] = {a##m##0, a##m##1}; \
        memcpy(y + m * ys * sizeof(float), pair, n * sizeof(float)); \
    }
SIMD_INLINE void q_under(int M, size_t c, const char *p, const char *x, size_t xs, size_t n, char *y,
                         size_t ys)
{
    const size_t blocks = q_blocks(c), at = values_B(CPU_Q_VNNI512, c);
    EACH_M(QP_BEGIN)
    for (size_t b = 0; b < blocks; b++, p += PANEL_BLOCK_B) {
        EACH_M(QP_ZERO)
        for (int k = 0; k < Q_STEPS; k++) {
            const __m512i w0 = _mm512_loadu_si512(p + k * Q_ROWS * 4),
                          w1 = _mm512_loadu_si512(p + k * Q_ROWS * 4 + 64);
            EACH_M(QP_FOUR)
        }
        const char  *e = p + Q_ROWS * BLOCK;
        const __m512 s0 = _mm512_loadu_ps(e), s1 = _mm512_loadu_ps(e + 64), z0 = _mm512_loadu_ps(e + 128),
                     z1 = _mm512_loadu_ps(e + 192);
        EACH_M(QP_SUM)
    }
    EACH_M(QP_END)
}
#define UNDER(M) \
    static void q_under##M(size_t c, const char *p, const char *x, size_t xs, size_t n, char *y, size_t ys) \
    { \
        q_under(M, c, p, x, xs, n, y, ys); \
    }
UNDER(1)
UNDER(2)
UNDER(3)
UNDER(4)
UNDER(5)
UNDER(6)

/* y[m][0..n) = the panel's first n rows times rows of X; ys in floats. */
static void q_panel_dot(size_t c, const void *panel, const char *x, size_t xs, size_t rows, size_t n, char *y,
                        size_t ys)
{
    static void (*const under[])(size_t, const char *, const char *, size_t, size_t, char *,
                                 size_t) = {NULL, q_under1, q_under2, q_under3, q_under4, q_under5, q_under6};
    const size_t groups = (rows + Q_MOST - 1) / Q_MOST;
    for (size_t g = 0; g < groups; g++) {
        const size_t lo = rows * g / groups, hi = rows * (g + 1) / groups;
        under[hi - lo](c, panel, x + lo * xs, xs, n, y + lo * ys * sizeof(float), ys);
    }
}
