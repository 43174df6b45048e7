/* stream.cl -- one streaming operation. Built with: T (element), TV and W (vector, its elements), OP (0 read
 * .. 5 triad), S (independent streams per item), U (accumulators of a read in turn: one alone waits for its
 * own additions), LS (group size), NT (non-temporal stores), OCL_CPU (contiguous blocks). `still` is 0: it
 * keeps passes over the same data from being folded into one. */
#if NT && defined(__has_builtin)
#if __has_builtin(__builtin_nontemporal_store)
#define STORE(i, v) __builtin_nontemporal_store(v, &av[i])
#endif
#endif
#ifndef STORE
#define STORE(i, v) av[i] = (v)
#endif
#if OP == 0
#define ELEMENT(s, a, b, c, i) s += b[i]
#define VECTOR(s, i)           acc[s] += bv[i]
#elif OP == 1
#define EXPR(b, c, i, t) (t)(VALUE)
#elif OP == 2
#define EXPR(b, c, i, t) b[i]
#elif OP == 3
#define EXPR(b, c, i, t) (t)(SCALAR) * b[i]
#elif OP == 4
#define EXPR(b, c, i, t) b[i] + c[i]
#else
#define EXPR(b, c, i, t) b[i] + (t)(SCALAR)*c[i]
#endif
#ifndef VECTOR
#define ELEMENT(s, a, b, c, i) a[i] = EXPR(b, c, i, T)
#define VECTOR(s, i)           STORE(i, EXPR(bv, cv, i, TV))
#endif
#define SUM(v) CAT(SUM, W)(v)

__kernel void stream(__global T *restrict a0, __global const T *restrict b0, __global const T *restrict c0,
                     ulong n, uint passes, uint still)
{
    size_t g = get_global_id(0), items = get_global_size(0);
    ulong  nv = n / W;
#if OCL_CPU
    ulong lo = nv * g / items, hi = nv * (g + 1) / items, span = (hi - lo) / S, first = lo, step = 1,
          count = span;
    ulong rest = lo + span * S, rest_step = 1;
#else
    ulong span = nv / S, first = g, step = items, count = g < span ? (span - g + items - 1) / items : 0,
          hi = nv;
    ulong rest = span * S + g, rest_step = items;
#endif
    T sum = 0;
    for (uint p = 0; p < passes; p++) {
        __global T        *a = a0 + (p & still);
        __global const T  *b = b0 + (p & still), *c = c0 + (p & still);
        __global TV       *av = (__global TV *)a;
        __global const TV *bv = (__global const TV *)b, *cv = (__global const TV *)c;
        TV                 acc[S];
#pragma unroll
        for (int s = 0; s < S; s++) acc[s] = (TV)(0);
        ulong i = first, k = 0;
#if U > 1
        TV more[U];
#pragma unroll
        for (int u = 0; u < U; u++) more[u] = (TV)(0);
        for (; k + U <= count; k += U, i += U * step) {
#pragma unroll
            for (int u = 0; u < U; u++) more[u] += bv[i + u * step];
        }
#pragma unroll
        for (int u = 0; u < U; u++) acc[0] += more[u];
#endif
        for (; k < count; k++, i += step) {
#pragma unroll
            for (int s = 0; s < S; s++) VECTOR(s, i + s * span);
        }
        for (i = rest; i < hi; i += rest_step) VECTOR(0, i);
        sum = 0;
#pragma unroll
        for (int s = 0; s < S; s++) sum += SUM(acc[s]);
        if (g == 0)
            for (i = nv * W; i < n; i++) ELEMENT(sum, a, b, c, i);
    }
#if OP == 0
    __local T part[LS];
    size_t    l = get_local_id(0), group = get_group_id(0), groups = get_num_groups(0);
    part[l] = sum;
    for (size_t half_ = LS / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (l < half_) part[l] += part[l + half_];
    }
    if (l == 0)
        for (size_t k = group; k < PARTIALS; k += groups) a0[k] = k == group ? part[0] : 0;
#endif
}
