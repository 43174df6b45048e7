/* stream_body.h -- the stream loops for one element type; included by stream_isa.c once per type with
 *   T element, V vector, VL lanes, N(x) the type's name of x, V_(x) the vector operation x.
 * A block is 8 vectors, from S address streams of 8/S each. Everything is always_inline and all of op, nt and
 * S are literals at the call, so each instance is one straight loop. Accumulators are named scalars: arrays
 * may end up in memory. */
enum { N(STEP) = 8 * VL };

/* Element offset of the block's j-th vector: stream j / (8/S), and its place there. */
#define OFF(j) ((size_t)((j)*S / 8) * len + (size_t)((j) % (8 / S)) * VL)

SIMD_INLINE T N(get)(const T *p)
{
    T x;
    memcpy(&x, p, sizeof x);
    return x;
}
SIMD_INLINE void N(put)(T *p, T x) { memcpy(p, &x, sizeof x); }

SIMD_INLINE V N(op)(wl_stream_code op, const T *b, const T *c, V s, V value)
{
    switch (op) {
    case WL_COPY: return V_(load)(b);
    case WL_SCALE: return V_(load)(b) * s;
    case WL_ADD: return V_(load)(b) + V_(load)(c);
    case WL_TRIAD: return V_(fma)(V_(load)(c), s, V_(load)(b));
    default: return value;
    }
}

SIMD_INLINE void N(op1)(wl_stream_code op, T *a, const T *b, const T *c)
{
    const T s = (T)WL_STREAM_SCALAR;
    switch (op) {
    case WL_COPY: N(put)(a, N(get)(b)); break;
    case WL_SCALE: N(put)(a, N(get)(b) * s); break;
    case WL_ADD: N(put)(a, N(get)(b) + N(get)(c)); break;
    case WL_TRIAD: N(put)(a, N(get)(b) + s * N(get)(c)); break;
    default: N(put)(a, (T)WL_STREAM_VALUE); break;
    }
}

SIMD_INLINE void N(put2)(bool nt, T *p, T *q, V x, V y)
{
    if (!nt) {
        V_(store)(p, x);
        V_(store)(q, y);
    } else if (q == p + VL) {
        V_(stream2)(p, x, y);
    } else {
        V_(stream)(p, x);
        V_(stream)(q, y);
    }
}

SIMD_INLINE void N(write_loop)(wl_stream_code op, bool nt, int S, T *a, const T *b, const T *c, size_t n)
{
    const V      s = V_(set1)((T)WL_STREAM_SCALAR), value = V_(set1)((T)WL_STREAM_VALUE);
    const size_t step = (size_t)(N(STEP) / S), len = n / (size_t)N(STEP) * step;
    size_t       i = len * (size_t)S;
    T *p = a, *const end = a + len;
    const T *x = b, *y = c;
#define PAIR(j, k) \
    { \
        V u = N(op)(op, x + OFF(j), y + OFF(j), s, value); \
        V v = N(op)(op, x + OFF(k), y + OFF(k), s, value); \
        N(put2)(nt, p + OFF(j), p + OFF(k), u, v); \
    }
    while (p != end) {
        PAIR(0, 1) PAIR(2, 3) PAIR(4, 5) PAIR(6, 7) p += step;
        if (op >= WL_COPY) x += step;
        if (op >= WL_ADD) y += step;
        OPAQUE(p);
    }
#undef PAIR
    for (; i + VL <= n; i += VL) {
        V u = N(op)(op, b + i, c + i, s, value);
        if (nt)
            V_(stream)(a + i, u);
        else
            V_(store)(a + i, u);
        OPAQUE(i);
    }
    for (; i < n; i++) {
        N(op1)(op, a + i, b + i, c + i);
        OPAQUE(i);
    }
}

SIMD_INLINE V N(read_loop)(int S, const T *b, size_t n)
{
    const size_t step = (size_t)(N(STEP) / S), len = n / (size_t)N(STEP) * step;
    size_t       i = len * (size_t)S;
    const T *p = b, *const end = b + len;
    V r0 = {0}, r1 = r0, r2 = r0, r3 = r0, r4 = r0, r5 = r0, r6 = r0, r7 = r0;
#define ADD(j) r##j += V_(load)(p + OFF(j));
    while (p != end) {
        ADD(0) ADD(1) ADD(2) ADD(3) ADD(4) ADD(5) ADD(6) ADD(7) p += step;
        OPAQUE(p);
    }
#undef ADD
    for (; i + VL <= n; i += VL) r1 += V_(load)(b + i);
    V rest = {0};
    for (; i < n; i++) rest[0] += N(get)(b + i);
    return ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7)) + rest;
}
#undef OFF

/* Elements before p's first vector boundary. */
SIMD_INLINE size_t N(head)(const T *p, size_t n)
{
    uintptr_t past = (uintptr_t)p % VBYTES;
    size_t    h = past % sizeof(T) || past == 0 ? 0 : (VBYTES - past) / sizeof(T);
    return h < n ? h : n;
}

SIMD_INLINE double N(read_reps)(int S, const T *b, size_t n, uint32_t reps)
{
    size_t h = N(head)(b, n);
    V      sum = {0};
    for (uint32_t r = 0; r < reps; r++) {
        sum = N(read_loop)(S, b + h, n - h);
        for (size_t i = 0; i < h; i++) sum[i % VL] += N(get)(b + i);
        USED(sum);
        ESCAPE(b);
    }
    return (double)V_(sum)(sum);
}

SIMD_INLINE double N(write_reps)(wl_stream_code op, bool nt, int S, T *a, const T *b, const T *c, size_t n,
                                 uint32_t reps)
{
    size_t h = N(head)(a, n);
    for (uint32_t r = 0; r < reps; r++) {
        for (size_t i = 0; i < h; i++) N(op1)(op, a + i, b + i, c + i);
        N(write_loop)(op, nt, S, a + h, b + h, c + h, n - h);
        ESCAPE(a);
    }
    if (nt) v_fence();
    return 0;
}

#define WAY(op, OP, st, NT, S) \
    static double N(op##_##st##_##S)(void *a, const void *b, const void *c, size_t n, uint32_t reps) \
    { \
        if (OP == WL_READ) return N(read_reps)(S, b, n, reps); \
        return N(write_reps)(OP, NT, S, a, b, c, n, reps); \
    }
#define WAYS(op, OP, st, NT) \
    WAY(op, OP, st, NT, 1) WAY(op, OP, st, NT, 2) WAY(op, OP, st, NT, 4) WAY(op, OP, st, NT, 8)
WAYS(read, WL_READ, regular, false)
WAYS(write, WL_WRITE, regular, false)
WAYS(copy, WL_COPY, regular, false)
WAYS(scale, WL_SCALE, regular, false)
WAYS(add, WL_ADD, regular, false)
WAYS(triad, WL_TRIAD, regular, false)
WAYS(write, WL_WRITE, nt, true)
WAYS(copy, WL_COPY, nt, true)
WAYS(scale, WL_SCALE, nt, true)
WAYS(add, WL_ADD, nt, true)
WAYS(triad, WL_TRIAD, nt, true)
#undef WAYS
#undef WAY
