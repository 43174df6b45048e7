/* linear.cl -- y[rows][n] = x[rows][k] W' for few rows: each weight is read once and meets ROWS inputs. W is
 * [n][k]. Built with: T; WT 0 T, 1 bf16, 2 i8, 3 f16; XT 0 T, 1 bf16; V (vector), R (weight rows at a time),
 * U (vectors of a row at a time, LS = 1), LS (group), EPI (as gemm.cl). Groups of one item finish 16 results
 * together, and fetch W ahead in the order in which it is read: the end of a short row would else stop a
 * CPU's own prefetching. */
#define TV    CAT(T, V)
#define VLOAD CAT(vload, V)
#if WT == 1
typedef ushort w_t;
#define W1(p) BF16(p)
#define WV(p) BF16V(V, VLOAD(0, p))
#elif WT == 2
typedef char  w_t;
#define W1(p) ((T)(*(p)))
#define WV(p) CAT(convert_float, V)(VLOAD(0, p))
#elif WT == 3
typedef half w_t;
#define W1(p) vload_half(0, p)
#define WV(p) CAT(vload_half, V)(0, p)
#else
typedef T w_t;
#define W1(p) (*(p))
#define WV(p) VLOAD(0, p)
#endif
#if XT == 1
typedef ushort x_t;
#define X1(p) BF16(p)
#define XV(p) BF16V(V, VLOAD(0, p))
#else
typedef T     x_t;
#define X1(p) (*(p))
#define XV(p) VLOAD(0, p)
#endif
#define SUM(v) CAT(SUM, V)(v)
#if EPI
#define EPI_PARAMS \
    , __global const float *restrict P, long b_at, long s_at, __global const float *add, int has_add, int act
#define FINISH(x, at, j) finished(x, P, b_at, s_at, add, has_add, act, at, j)
#else
#define EPI_PARAMS
#define FINISH(x, at, j) (x)
#endif

#if LS == 1
enum { TURN = 16, AHEAD_B = 8192 };
#if EPI
DEFINE_ACTIVATED(float16, activated16)
#endif
#if OCL_CPU && defined(__has_builtin)
#if __has_builtin(__builtin_prefetch)
/* A CPU's address spaces are one. */
#define PREFETCH(p) __builtin_prefetch((const void *)(size_t)(p))
#endif
#endif

__kernel void linear(__global const w_t *restrict W, __global const x_t *restrict x, __global T *restrict y,
                     uint n, uint k, uint rows, ulong W_at EPI_PARAMS)
{
    size_t g = get_group_id(0), G = get_num_groups(0);
    uint   blocks = (n + TURN - 1) / TURN, lo = (uint)((ulong)blocks * g / G),
         hi = (uint)((ulong)blocks * (g + 1) / G);
    W += W_at;
    for (uint b = lo; b < hi; b++) {
        T out[ROWS][TURN];
        for (uint t = 0; t < TURN; t += R) {
            __global const w_t *w[R];
            TV                  acc[R][ROWS][U];
#pragma unroll
            for (int r = 0; r < R; r++) {
                w[r] = W + (size_t)min(b * TURN + t + r, n - 1) * k;
#pragma unroll
                for (int q = 0; q < ROWS; q++)
#pragma unroll
                    for (int u = 0; u < U; u++) acc[r][q][u] = (TV)(0);
            }
            uint i = 0;
            for (; i + U * V <= k; i += U * V) {
#ifdef PREFETCH
                __global const char *ahead =
                    (__global const char *)(w[0] + (size_t)R * i) + max((size_t)AHEAD_B, R * k * sizeof(w_t));
#pragma unroll
                for (int line = 0; line < (int)(R * U * V * sizeof(w_t)); line += 64) PREFETCH(ahead + line);
#endif
#pragma unroll
                for (int u = 0; u < U; u++) {
                    TV xv[ROWS];
#pragma unroll
                    for (int q = 0; q < ROWS; q++) xv[q] = XV(x + (size_t)q * k + i + u * V);
#pragma unroll
                    for (int r = 0; r < R; r++) {
                        TV wv = WV(w[r] + i + u * V);
#pragma unroll
                        for (int q = 0; q < ROWS; q++) acc[r][q][u] = fma(wv, xv[q], acc[r][q][u]);
                    }
                }
            }
#pragma unroll
            for (int r = 0; r < R; r++)
#pragma unroll
                for (int q = 0; q < ROWS; q++) {
                    TV a = acc[r][q][0];
#pragma unroll
                    for (int u = 1; u < U; u++) a += acc[r][q][u];
                    T s = SUM(a);
                    for (uint e = i; e < k; e++) s += W1(w[r] + e) * X1(x + (size_t)q * k + e);
                    out[q][t + r] = s;
                }
        }
        uint j = b * TURN;
        for (int q = 0; q < ROWS; q++) {
            size_t at = (size_t)q * n + j;
#if EPI
            if (j + TURN <= n) {
                float16 v = vload16(0, out[q]);
                if (s_at >= 0) v *= vload16(0, P + s_at + j);
                if (b_at >= 0) v += vload16(0, P + b_at + j);
                if (has_add == 1) v += vload16(0, add + at);
                v = activated16(v, act);
                if (has_add == 2) v *= vload16(0, add + at);
                vstore16(v, 0, y + at);
                continue;
            }
#endif
            for (uint r = 0; r < TURN && j + r < n; r++) y[at + r] = FINISH(out[q][r], at + r, j + r);
        }
    }
}
#else
__kernel void linear(__global const w_t *restrict W, __global const x_t *restrict x, __global T *restrict y,
                     uint n, uint k, uint rows, ulong W_at EPI_PARAMS)
{
    __local T part[R * ROWS * LS];
    uint      l = get_local_id(0);
    size_t    g = get_group_id(0), G = get_num_groups(0);
    uint      blocks = (n + R - 1) / R, lo = (uint)((ulong)blocks * g / G),
         hi = (uint)((ulong)blocks * (g + 1) / G);
    W += W_at;
    for (uint b = lo; b < hi; b++) {
        __global const w_t *w[R];
        TV                  acc[R][ROWS];
#pragma unroll
        for (int r = 0; r < R; r++) {
            w[r] = W + (size_t)min(b * R + r, n - 1) * k;
#pragma unroll
            for (int q = 0; q < ROWS; q++) acc[r][q] = (TV)(0);
        }
        uint i = l * V;
        for (; i + V <= k; i += LS * V) {
            TV xv[ROWS];
#pragma unroll
            for (int q = 0; q < ROWS; q++) xv[q] = XV(x + (size_t)q * k + i);
#pragma unroll
            for (int r = 0; r < R; r++) {
                TV wv = WV(w[r] + i);
#pragma unroll
                for (int q = 0; q < ROWS; q++) acc[r][q] = fma(wv, xv[q], acc[r][q]);
            }
        }
#pragma unroll
        for (int r = 0; r < R; r++)
#pragma unroll
            for (int q = 0; q < ROWS; q++) {
                T s = SUM(acc[r][q]);
                for (uint e = k / V * V + l; e < k; e += LS) s += W1(w[r] + e) * X1(x + (size_t)q * k + e);
                part[(r * ROWS + q) * LS + l] = s;
            }
        for (uint h = LS / 2; h > 0; h /= 2) {
            barrier(CLK_LOCAL_MEM_FENCE);
            if (l < h)
                for (int e = 0; e < R * ROWS; e++) part[e * LS + l] += part[e * LS + l + h];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        if (l == 0)
            for (int r = 0; r < R; r++)
                for (int q = 0; q < ROWS; q++)
                    if (b * R + r < n)
                        y[(size_t)q * n + b * R + r] =
                            FINISH(part[(r * ROWS + q) * LS], (size_t)q * n + b * R + r, b * R + r);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
#endif
