/* gemm_body.h -- packing and tiles for one element type; included by gemm_isa.c once per type with
 *   T element, V vector, VL lanes, N(x) the type's name of x, V_(x) the vector operation x,
 *   ZIP_LOW(a, b), ZIP_HIGH(a, b) their lower, upper halves interleaved,
 *   WIDEN(p), WIDEN1(p) a vector, one value of bf16 at p.
 * tile() is always_inline and its M (rows) and NV (vectors per row) are literals at every call, so what M and
 * NV exclude vanishes. Accumulators are named scalars: arrays may end up in memory. */
enum { N(NR) = TILE_V * VL, N(NB) = BAND_V * VL };

SIMD_INLINE T N(get)(int wide, const void *p, size_t i)
{
    T x;
    if (wide) return WIDEN1((const char *)p + 2 * i);
    memcpy(&x, (const char *)p + i * sizeof x, sizeof x);
    return x;
}
SIMD_INLINE V N(vec)(int wide, const void *p, size_t i)
{
    if (wide) return WIDEN((const char *)p + 2 * i);
    return V_(load)((const T *)(const void *)((const char *)p + i * sizeof(T)));
}
SIMD_INLINE void N(put)(char *c, V x) { V_(store)((T *)(void *)c, x); }

#define ROWS(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13)
#define ZERO(i) V c##i##0 = {0}, c##i##1 = c##i##0, c##i##2 = c##i##0, c##i##3 = c##i##0;
#define MUL(i) \
    if (i < M) { \
        V x = a[i] - (V){0}; /* broadcast */ \
        c##i##0 = V_(fma)(x, b0, c##i##0); \
        if (NV > 1) c##i##1 = V_(fma)(x, b1, c##i##1); \
        if (NV > 2) c##i##2 = V_(fma)(x, b2, c##i##2); \
        if (NV > 3) c##i##3 = V_(fma)(x, b3, c##i##3); \
    }
#define ADD(i) \
    if (i < M) { \
        char *row = c + i * ldc * sizeof(T); \
        c##i##0 += N(vec)(0, row, 0); \
        if (NV > 1) c##i##1 += N(vec)(0, row, VL); \
        if (NV > 2) c##i##2 += N(vec)(0, row, 2 * VL); \
        if (NV > 3) c##i##3 += N(vec)(0, row, 3 * VL); \
    }
#define OUT(i) \
    if (i < M) { \
        char *row = c + i * ldc * sizeof(T); \
        N(put)(row, c##i##0); \
        if (NV > 1) N(put)(row + VBYTES, c##i##1); \
        if (NV > 2) N(put)(row + 2 * VBYTES, c##i##2); \
        if (NV > 3) N(put)(row + 3 * VBYTES, c##i##3); \
    }
/* b, of `width` bytes an element, has the row to multiply by; a[0..M) its factors. */
#define STEP() \
    do { \
        V b0 = N(vec)(wide, b, 0), b1 = b0, b2 = b0, b3 = b0; \
        if (NV > 1) b1 = N(vec)(wide, b, VL); \
        if (NV > 2) b2 = N(vec)(wide, b, 2 * VL); \
        if (NV > 3) b3 = N(vec)(wide, b, 3 * VL); \
        if (keep) { \
            V_(store)(keep, b0); \
            if (NV > 1) V_(store)(keep + VL, b1); \
            if (NV > 2) V_(store)(keep + 2 * VL, b2); \
            if (NV > 3) V_(store)(keep + 3 * VL, b3); \
            keep += NV * VL; \
        } \
        ROWS(MUL) \
        a += lda; \
        b += step; \
    } while (0)
/* One bit of packing; returns when the next one is due. */
SIMD_INLINE size_t N(side_bit)(cpu_gemm_side *s)
{
    const char  *b = s->b;
    T           *out = s->out;
    const size_t width = s->wide ? 2 : sizeof(T);
    for (size_t i = 0; i < N(NR) * width; i += 64) __builtin_prefetch(b + s->ahead_B + i);
    if (s->wide)
        for (size_t v = 0; v < N(NR); v += VL) V_(store)(out + v, N(vec)(1, b, v));
    else
        for (size_t v = 0; v < N(NR); v += VL) V_(store)(out + v, N(vec)(0, b, v));
    s->b = b + N(NR) * width;
    s->out = out + s->kc * N(NR);
    if (--s->left) return s->every;
    s->left = s->panels;
    s->b = (const char *)s->b + (s->ldb - s->panels * N(NR)) * width;
    s->out = (T *)s->out - (s->panels * s->kc - 1) * N(NR);
    return --s->rows ? s->every : 0;
}
static void N(finish_side)(cpu_gemm_side *s)
{
    while (s->due) s->due = N(side_bit)(s);
}

/* C[M, NV vectors] (+)= a[kc][lda] b[kc][ldb]. keep: rows of b, widened, are also stored there one behind the
 * other, and those `ahead` elements further are fetched. */
SIMD_INLINE void N(tile)(int M, int NV, int wide, size_t kc, const T *a, size_t lda, const void *vb,
                         size_t ldb, size_t ahead, T *keep, char *c, size_t ldc, int add, cpu_gemm_side *side)
{
    size_t            due = side ? side->due : 0;
    const char       *b = vb;
    const size_t      width = wide ? 2 : sizeof(T), step = ldb * width;
    const char *const end = b + kc * step;
    ROWS(ZERO)
    while (b != end) {
        if (keep)
            for (int l = 0; l < NV * VL * (int)width; l += 64)
                __builtin_prefetch(b + ahead * width + l, 0, 2);
        STEP();
        if (side && --due == 0) due = N(side_bit)(side); /* from 0 it does not come back */
    }
    if (side) side->due = side->rows ? due : 0;
    if (add) {
        ROWS(ADD)
    }
    ROWS(OUT)
}

/* A packed tile's rows of C, which are written kc steps later. */
SIMD_INLINE void N(fetch_c)(int M, const char *c, size_t ldc)
{
    for (int i = 0; i < M; i++, c += ldc * sizeof(T)) {
        __builtin_prefetch(c, 1);
        __builtin_prefetch(c + TILE_V * VBYTES - 1, 1);
    }
}

/* The same from packed panels, as many steps at a time as registers allow. With each of these, what lies
 * `pace` bytes further on from `next` is fetched. All of C is loaded before any is stored: a load waits
 * for the store before it where both have the same place in a page. */
SIMD_INLINE void N(packed_tile)(int M, size_t kc, const T *a, const T *panel, const char *next, size_t pace,
                                char *c, size_t ldc, int add)
{
    enum { NV = TILE_V, wide = 0, lda = TILE_M, step = TILE_V * VBYTES };
    T                *keep = NULL;
    const char       *b = (const char *)panel;
    const char *const end = b + kc * step;
    N(fetch_c)(M, c, ldc);
    ROWS(ZERO)
    for (size_t left = kc / TILE_STEPS; left; left--, next += pace) {
        __builtin_prefetch(next, 0, 2);
        STEP();
        if (TILE_STEPS > 1) STEP();
    }
    if (b != end) STEP();
    if (add) {
        ROWS(ADD)
    }
    ROWS(OUT)
}
#undef ROWS
#undef STEP
#undef ZERO
#undef MUL
#undef ADD
#undef OUT

/* ---- the packed way -------------------------------------------------------------------------- */
SIMD_INLINE void N(pack_panel)(int wide, size_t rows, size_t kc, const void *a, size_t lda, T *out,
                               size_t stride)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t p = 0; p < kc; p++) out[p * stride + i] = N(get)(wide, a, i * lda + p);
    for (size_t i = rows; i < stride; i++)
        for (size_t p = 0; p < kc; p++) out[p * stride + i] = 0;
}
/* r[i][j] to r[j][i]: halves of the rows are interleaved until every row has met every other. */
SIMD_INLINE void N(transpose)(V r[VL])
{
    for (int met = 1; met < VL; met *= 2) {
        V t[VL];
        for (int i = 0; i < VL / 2; i++) {
            t[2 * i] = ZIP_LOW(r[i], r[i + VL / 2]);
            t[2 * i + 1] = ZIP_HIGH(r[i], r[i + VL / 2]);
        }
        for (int i = 0; i < VL; i++) r[i] = t[i];
    }
}
/* VL steps of a panel of `width` rows. A vector's lanes beyond the panel fall where the next step's go; at
 * the end there is no next. */
SIMD_INLINE void N(pack_steps)(int width, size_t rows, const char *a, size_t lda, T *out, int last)
{
    enum { MOST = (TILE_M > (int)N(NR) ? TILE_M : (int)N(NR)) / VL + 1, AHEAD_B = 512 };
    const int groups = (width + VL - 1) / VL, rest = width - (groups - 1) * VL;
    V         r[MOST][VL];
    for (size_t i = 0; i < rows; i++) __builtin_prefetch(a + i * lda * sizeof(T) + AHEAD_B);
    for (int g = 0; g < groups; g++) {
        for (int i = 0; i < VL; i++)
            r[g][i] = (size_t)(g * VL + i) < rows ? N(vec)(0, a, (size_t)(g * VL + i) * lda) : (V){0};
        N(transpose)(r[g]);
    }
    for (int p = 0; p < VL; p++, out += width) {
        for (int g = 0; g + 1 < groups; g++) V_(store)(out + g * VL, r[g][p]);
        if (rest == VL || p + 1 < VL || !last)
            V_(store)(out + (groups - 1) * VL, r[groups - 1][p]);
        else
            memcpy(out + (groups - 1) * VL, &r[groups - 1][p], (size_t)rest * sizeof(T));
    }
}
/* One panel from rows that lie along its depth: to out[kc][width], zero-padded. */
SIMD_INLINE void N(pack_along)(int width, size_t rows, size_t kc, const void *a, size_t lda, T *out)
{
    size_t p = 0;
    for (; p + VL <= kc; p += VL, out += VL * width) {
        const char *at = (const char *)a + p * sizeof(T);
        if (rows == (size_t)width)
            N(pack_steps)(width, (size_t)width, at, lda, out, p + VL == kc);
        else
            N(pack_steps)(width, rows, at, lda, out, p + VL == kc);
    }
    N(pack_panel)(0, rows, kc - p, (const char *)a + p * sizeof(T), lda, out, (size_t)width);
}
static void N(pack_a)(int wide, size_t rows, size_t kc, const void *a, size_t lda, void *out)
{
    if (wide)
        N(pack_panel)(1, rows, kc, a, lda, out, TILE_M);
    else
        N(pack_along)(TILE_M, rows, kc, a, lda, out);
}
static void N(pack_bt)(size_t n, size_t kc, const void *bt, size_t ldb, void *out)
{
    N(pack_along)(N(NR), n, kc, bt, ldb, out);
}

/* One row of `panels` panels, each at its own place `apart` elements from the last. */
SIMD_INLINE void N(pack_row)(int wide, size_t panels, const char *row, T *out, size_t apart)
{
    for (size_t i = 0; i < panels; i++, row += N(NR) * (wide ? 2 : sizeof(T)), out += apart) {
        __builtin_prefetch(out + 8 * N(NR), 1);
        for (size_t v = 0; v < N(NR); v += VL) V_(store)(out + v, N(vec)(wide, row, v));
    }
}
/* Some panels at a time: a panel's row is a line or two and far from the next one, memory likes longer runs,
 * and no processor foresees such steps. What is fetched goes to L2: rows a power of two apart share a set of
 * L1. */
SIMD_INLINE void N(pack_columns)(int wide, size_t n, size_t kc, const void *b, size_t ldb, T *out)
{
    enum { TOGETHER_B = 256, AHEAD = 12 }; /* of packed rows; rows */
    const size_t width = wide ? 2 : sizeof(T), whole = n / N(NR), apart = kc * N(NR);
    const size_t together = TOGETHER_B / (N(NR) * sizeof(T));
    for (size_t q = 0; q < whole; q += together) {
        const size_t panels = whole - q < together ? whole - q : together;
        const char  *row = (const char *)b + q * N(NR) * width;
        for (size_t p = 0; p < kc; p++, row += ldb * width) {
            for (size_t l = 0; l < panels * N(NR) * width; l += 64)
                __builtin_prefetch(row + AHEAD * ldb * width + l, 0, 2);
            N(pack_row)(wide, panels, row, out + q * apart + p * N(NR), apart);
        }
    }
    const size_t j = whole * N(NR);
    for (size_t p = 0; j < n && p < kc; p++)
        for (size_t v = 0; v < N(NR); v++)
            out[whole * apart + p * N(NR) + v] = v < n - j ? N(get)(wide, b, p * ldb + j + v) : 0;
}
static void N(pack_b)(int wide, size_t n, size_t kc, const void *b, size_t ldb, void *out)
{
    if (wide)
        N(pack_columns)(1, n, kc, b, ldb, out);
    else
        N(pack_columns)(0, n, kc, b, ldb, out);
}

/* One instance per number of rows, so that a last panel costs what its rows do. */
#define PANEL(M) \
    static __attribute__((noinline)) void N(panel##M)(size_t kc, const T *a, const T *b, const char *next, \
                                                      size_t pace, char *c, size_t ldc, int add) \
    { \
        N(packed_tile)(M, kc, a, b, next, pace, c, ldc, add); \
    } \
    static __attribute__((noinline)) void N(aside##M)(size_t kc, const T *a, const T *b, char *c, \
                                                      size_t ldc, int add, cpu_gemm_side *side) \
    { \
        N(fetch_c)(M, c, ldc); \
        N(tile)(M, TILE_V, 0, kc, a, TILE_M, b, N(NR), 0, NULL, c, ldc, add, side); \
    }
#define LOW_PANELS(F) F(1) F(2) F(3) F(4)
#if TILE_M == 14
#define PANELS(F) LOW_PANELS(F) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14)
#elif TILE_M == 8
#define PANELS(F) LOW_PANELS(F) F(5) F(6) F(7) F(8)
#elif TILE_M == 6
#define PANELS(F) LOW_PANELS(F) F(5) F(6)
#else
#define PANELS(F) LOW_PANELS(F)
#endif
PANELS(PANEL)
#define NAMED(M) N(panel##M),
static void (*const N(panel)[])(size_t, const T *, const T *, const char *, size_t, char *, size_t,
                                int) = {NULL, PANELS(NAMED)};
#undef NAMED
#define NAMED(M) N(aside##M),
static void (*const N(aside)[])(size_t, const T *, const T *, char *, size_t, int,
                                cpu_gemm_side *) = {NULL, PANELS(NAMED)};
_Static_assert(sizeof N(panel) / sizeof *N(panel) == TILE_M + 1, "one instance per number of rows");
#undef PANEL
#undef NAMED
#undef PANELS
#undef LOW_PANELS

/* Where a tile's fetching starts, and how far it goes with every such step. */
typedef struct {
    const char *next;
    size_t      pace;
} N(fetch);

static void N(whole_tile)(size_t m, size_t kc, const T *a, const T *b, N(fetch) f, char *c, size_t ldc,
                          int add, cpu_gemm_side *side)
{
    if (side)
        N(aside)[m](kc, a, b, c, ldc, add, side);
    else
        N(panel)[m](kc, a, b, f.next, f.pace, c, ldc, add);
}

/* Columns beyond n are computed into a copy. */
static void N(edge_tile)(size_t m, size_t n, size_t kc, const T *a, const T *b, N(fetch) f, char *c,
                         size_t ldc, int add, cpu_gemm_side *side)
{
    T t[TILE_M * N(NR)] __attribute__((aligned(64)));
    N(whole_tile)(m, kc, a, b, f, (char *)t, N(NR), 0, side);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            char *p = c + (i * ldc + j) * sizeof(T);
            T     x = t[i * N(NR) + j] + (add ? N(get)(0, p, 0) : 0);
            memcpy(p, &x, sizeof x);
        }
}

/* A's panels stay in L2, B's come from the last-level cache one by one: each is fetched evenly while the one
 * before it is used, behind the last one the first, which the next block of A meets. */
static void N(block)(size_t m, size_t each, size_t n, size_t kc, const void *ap, const void *bp, void *vc,
                     size_t ldc, int add, cpu_gemm_side *side)
{
    char        *c = vc;
    const size_t tiles = (m + each - 1) / each, pace = (TILE_STEPS * N(NR) * sizeof(T) + tiles - 1) / tiles;
    for (size_t j = 0; j < n; j += N(NR)) {
        const T *a = ap, *b = (const T *)bp + j * kc;
        N(fetch) f = {(const char *)(j + N(NR) < n ? b + N(NR) * kc : bp), pace};
        for (size_t i = 0; i < m; i += each, a += TILE_M * kc, f.next += kc / TILE_STEPS * pace) {
            const size_t rows = m - i < each ? m - i : each;
            char        *p = c + (i * ldc + j) * sizeof(T);
            if (n - j >= N(NR))
                N(whole_tile)(rows, kc, a, b, f, p, ldc, add, side);
            else
                N(edge_tile)(rows, n - j, kc, a, b, f, p, ldc, add, side);
        }
    }
}

/* ---- the unpacked way: W streams past row groups of X ---------------------------------------- */
/* Rows of a group: as many in each as can be. */
SIMD_INLINE size_t N(share)(size_t m)
{
    const size_t groups = (m + BAND_M - 1) / BAND_M;
    return (m + groups - 1) / groups;
}
static void N(pack_x)(int wide, size_t m, size_t kb, const void *x, size_t ldx, void *vout)
{
    T           *out = vout;
    const size_t each = N(share)(m);
    for (size_t i = 0; i < m; i += each) {
        size_t      rows = m - i < each ? m - i : each;
        const char *p = (const char *)x + i * ldx * (wide ? 2 : sizeof(T));
        if (wide)
            N(pack_panel)(1, rows, kb, p, ldx, out, rows);
        else
            N(pack_panel)(0, rows, kb, p, ldx, out, rows);
        out += rows * kb;
    }
}

#define GROUP(M) \
    static void N(group##M)(int wide, size_t kb, const T *x, const void *w, size_t ldw, size_t ahead, \
                            T *keep, char *c, size_t ldc, int add) \
    { \
        if (wide && keep) \
            N(tile)(M, BAND_V, 1, kb, x, M, w, ldw, ahead, keep, c, ldc, add, NULL); \
        else if (wide) \
            N(tile)(M, BAND_V, 1, kb, x, M, w, ldw, 0, NULL, c, ldc, add, NULL); \
        else if (keep) \
            N(tile)(M, BAND_V, 0, kb, x, M, w, ldw, ahead, keep, c, ldc, add, NULL); \
        else \
            N(tile)(M, BAND_V, 0, kb, x, M, w, ldw, 0, NULL, c, ldc, add, NULL); \
    }
GROUP(1)
GROUP(2)
GROUP(3)
GROUP(4)
#if BAND_M > 4
GROUP(5)
GROUP(6)
#endif
#undef GROUP

/* All row groups over one column tile of W: the first fetches what comes `ahead` and keeps what it reads, the
 * others read that: rows of W may all fall into one set of a cache. */
static void N(groups)(int wide, size_t m, size_t kb, const T *x, const void *w, size_t ldw, size_t ahead,
                      T *keep, char *c, size_t ldc, int add)
{
    typedef void (*group_fn)(int, size_t, const T *, const void *, size_t, size_t, T *, char *, size_t, int);
    static const group_fn fn[] = {
        NULL,
        N(group1),
        N(group2),
        N(group3),
        N(group4),
#if BAND_M > 4
        N(group5),
        N(group6)
#endif
    };
    const size_t each = N(share)(m);
    for (size_t i = 0; i < m; i += each) {
        size_t rows = m - i < each ? m - i : each;
        if (i && keep)
            fn[rows](0, kb, x, keep, N(NB), 0, NULL, c + i * ldc * sizeof(T), ldc, add);
        else
            fn[rows](wide, kb, x, w, ldw, ahead, keep, c + i * ldc * sizeof(T), ldc, add);
        x += rows * kb;
    }
}

/* The last, narrower column tile goes through zero-padded copies. */
static void N(band_tail)(int wide, size_t m, size_t n, size_t kb, const T *x, const char *w, size_t ldw,
                         char *c, size_t ldc, int add, T *tail)
{
    for (size_t p = 0; p < kb; p++)
        for (size_t j = 0; j < N(NB); j++) tail[p * N(NB) + j] = j < n ? N(get)(wide, w, p * ldw + j) : 0;
    const size_t each = N(share)(m);
    for (size_t i = 0; i < m; i += each, x += each * kb) {
        T      t[BAND_M * N(NB)] __attribute__((aligned(64)));
        size_t rows = m - i < each ? m - i : each;
        N(groups)(0, rows, kb, x, tail, N(NB), 0, NULL, (char *)t, N(NB), 0);
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < n; j++) {
                char *p = c + ((i + r) * ldc + j) * sizeof(T);
                T     y = t[r * N(NB) + j] + (add ? N(get)(0, p, 0) : 0);
                memcpy(p, &y, sizeof y);
            }
    }
}

static void N(band)(int wide, size_t m, size_t n, size_t kb, const void *xp, const void *w, size_t ldw,
                    void *c, size_t ldc, int add, void *tail)
{
    const size_t width = wide ? 2 : sizeof(T);
    size_t       j = 0;
    for (; j + N(NB) <= n; j += N(NB)) {
        size_t ahead =
            j + 2 * N(NB) <= n ? N(NB) : kb * ldw - j; /* the next tile, or the next band's first */
        N(groups)
        (wide, m, kb, xp, (const char *)w + j * width, ldw, ahead, tail, (char *)c + j * sizeof(T), ldc, add);
    }
    if (j < n) N(band_tail)
    (wide, m, n - j, kb, xp, (const char *)w + j * width, ldw, (char *)c + j * sizeof(T), ldc, add, tail);
}

/* ---- very few rows: runs of W's rows, in the order they lie ---------------------------------- */
/* c[M][pitch] += X[M, R] W[R, n], c in L1. The processor's own prefetch follows whole rows; of shorter runs
 * the next R rows' are fetched. */
enum { N(R) = CPU_GEMM_RUN_ROWS };
SIMD_INLINE void N(run)(int M, int wide, int ahead, size_t n, const T *x, const char *w, size_t ldw, T *c,
                        size_t pitch)
{
    const size_t width = wide ? 2 : sizeof(T), ldw_B = ldw * width;
    V            k[BAND_M][N(R)];
    size_t       j = 0;
    for (int i = 0; i < M; i++)
        for (int r = 0; r < N(R); r++) k[i][r] = x[i * N(R) + r] - (V){0};
    for (; j + VL <= n; j += VL) {
        V b[N(R)];
        for (int r = 0; r < N(R); r++) {
            const char *at = w + (size_t)r * ldw_B + j * width;
            b[r] = N(vec)(wide, at, 0);
            if (ahead) __builtin_prefetch(at + N(R) * ldw_B);
        }
        for (int i = 0; i < M; i++) {
            T *at = c + (size_t)i * pitch + j;
            V  y = V_(load)(at);
            for (int r = 0; r < N(R); r++) y = V_(fma)(k[i][r], b[r], y);
            V_(store)(at, y);
        }
    }
    for (; j < n; j++)
        for (int i = 0; i < M; i++)
            for (int r = 0; r < N(R); r++)
                c[(size_t)i * pitch + j] += x[i * N(R) + r] * N(get)(wide, w, (size_t)r * ldw + j);
}
#define RUN(M) \
    static void N(run##M)(int wide, int ahead, size_t n, const T *x, const char *w, size_t ldw, T *c, \
                          size_t pitch) \
    { \
        if (wide && ahead) \
            N(run)(M, 1, 1, n, x, w, ldw, c, pitch); \
        else if (wide) \
            N(run)(M, 1, 0, n, x, w, ldw, c, pitch); \
        else if (ahead) \
            N(run)(M, 0, 1, n, x, w, ldw, c, pitch); \
        else \
            N(run)(M, 0, 0, n, x, w, ldw, c, pitch); \
    }
RUN(1)
RUN(2)
RUN(3)
RUN(4)
#if BAND_M > 4
RUN(5)
RUN(6)
#endif
#undef RUN

static void N(runs)(int wide, size_t m, size_t n, size_t k, const void *a, size_t lda, const void *w,
                    size_t ldw, void *c, size_t ldc)
{
    typedef void (*run_fn)(int, int, size_t, const T *, const char *, size_t, T *, size_t);
    static const run_fn fn[] = {
        NULL,
        N(run1),
        N(run2),
        N(run3),
        N(run4),
#if BAND_M > 4
        N(run5),
        N(run6)
#endif
    };
    /* W's R rows and the strip's m pass through L1 between two uses of the strip. One row is read as it lies,
     * whatever the strip costs. The strip's rows must not fall into the same sets, nor a store before the
     * next row's load at the same 4 kB offset. */
    T            strip[BAND_M * (RUN_B / sizeof(T) + (size_t)VL)] __attribute__((aligned(64)));
    const size_t width = wide ? 2 : sizeof(T), most = (m == 1 ? BAND_M : 1u) * RUN_B / sizeof(T),
                 pitch = most + VL;
    for (size_t j = 0; j < n; j += most) {
        const size_t cols = n - j < most ? n - j : most;
        memset(strip, 0, m * pitch * sizeof(T));
        for (size_t p = 0; p < k; p += N(R)) {
            T x[BAND_M * N(R)];
            for (size_t i = 0; i < m; i++)
                for (size_t r = 0; r < N(R); r++) x[i * N(R) + r] = N(get)(wide, a, i * lda + p + r);
            fn[m](wide, n > most, cols, x, (const char *)w + (p * ldw + j) * width, ldw, strip, pitch);
        }
        for (size_t i = 0; i < m; i++)
            memcpy((char *)c + (i * ldc + j) * sizeof(T), strip + i * pitch, cols * sizeof(T));
    }
}

static void N(sum)(size_t n, void *vc, const void *part)
{
    char  *c = vc;
    size_t i = 0;
    for (; i + VL <= n; i += VL) N(put)(c + i * sizeof(T), N(vec)(0, c, i) + N(vec)(0, part, i));
    for (; i < n; i++) {
        T x = N(get)(0, c, i) + N(get)(0, part, i);
        memcpy(c + i * sizeof x, &x, sizeof x);
    }
}
