/* gemm.cl -- C[m,n] = A[m,k] B[k,n], row-major. Built with T (accumulators, output), IN 0: inputs are T, 1:
 * bf16, 2: i8, 3: f16; TB: B is given transposed, [n][k]; EPI: bias, int8 scale, residual and activation
 * follow the last addition.
 *
 * CPU: both inputs are packed into panels (MR rows, NR = NV vectors of columns), zero-padded; an item
 * computes a block of mc x nc in steps of KC with an MR x NV tile of vectors in registers. With few rows B is
 * read where it lies (gemm_slim). Other devices: groups of 256 items, tiles of A and B in local memory, MR x
 * NV results per item. */
#if IN_B == 1
typedef ushort b_t;
#define LOAD_B(p) BF16(p)
#elif IN_B == 2
typedef char b_t;
#define LOAD_B(p) ((T)(*(p)))
#elif IN_B == 3
typedef half b_t;
#define LOAD_B(p) vload_half(0, p)
#else
typedef T b_t;
#define LOAD_B(p) (*(p))
#endif
#if IN_A == 1
typedef ushort a_t;
#define LOAD_A(p) BF16(p)
#else
typedef T    a_t;
#define LOAD_A(p) (*(p))
#endif
#if TB
#define B_AT(kk, j) ((size_t)(j)*k + (kk))
#else
#define B_AT(kk, j) ((size_t)(kk)*n + (j))
#endif
#define A_AT(i, kk) ((size_t)(i)*k + (kk))

#ifndef EPI
#define EPI 0
#endif
#if EPI
#define EPI_PARAMS \
    , __global const T *restrict V, long b_at, long s_at, __global const T *restrict add, int has_add, int act
#define FINISH(x, i, j) finished(x, V, b_at, s_at, add, has_add, act, (size_t)(i)*n + (j), j)
#if OCL_CPU
DEFINE_ACTIVATED(TV, activated_vector)
static TV finish_vector(TV x, __global const float *V, long b_at, long s_at, __global const float *add,
                        int has_add, int act, uint i, uint j, uint n)
{
    if (s_at >= 0) x *= VLOAD(0, V + s_at + j);
    if (b_at >= 0) x += VLOAD(0, V + b_at + j);
    if (has_add == 1) x += VLOAD(0, add + (size_t)i * n + j);
    x = activated_vector(x, act);
    return has_add == 2 ? x * VLOAD(0, add + (size_t)i * n + j) : x;
}
#endif
#else
#define EPI_PARAMS
#define FINISH(x, i, j) (x)
#endif

#ifdef NAIVE
__kernel void gemm_naive(__global const a_t *restrict A, __global const b_t *restrict B,
                         __global T *restrict C, uint m, uint n, uint k)
{
    size_t g = get_global_id(0), items = get_global_size(0), all = (size_t)m * n;
#if OCL_CPU /* neighbours in a row share the lines of B */
    size_t at = all * g / items, end = all * (g + 1) / items, step = 1;
#else
    size_t at = g, end = all, step = items;
#endif
    for (; at < end; at += step) {
        uint i = (uint)(at / n), j = (uint)(at % n);
        T    s = 0;
        for (uint kk = 0; kk < k; kk++) s += LOAD_A(A + A_AT(i, kk)) * LOAD_B(B + B_AT(kk, j));
        C[at] = s;
    }
}
#endif

#ifdef TILED
/* One result per item, square tiles of TS x TS in local memory; group: TS * TS items. */
__kernel void gemm_tiled(__global const a_t *restrict A, __global const b_t *restrict B,
                         __global T *restrict C, uint m, uint n, uint k)
{
    __local T a[TS][TS], b[TS][TS];
    uint      x = get_local_id(0) % TS, y = get_local_id(0) / TS, tiles = (n + TS - 1) / TS;
    uint      i = (uint)(get_group_id(0) / tiles) * TS + y, j = (uint)(get_group_id(0) % tiles) * TS + x;
    T         s = 0;
    for (uint k0 = 0; k0 < k; k0 += TS) {
        a[y][x] = i < m && k0 + x < k ? LOAD_A(A + A_AT(i, k0 + x)) : (T)0;
        b[y][x] = j < n && k0 + y < k ? LOAD_B(B + B_AT(k0 + y, j)) : (T)0;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint kk = 0; kk < TS; kk++) s += a[y][kk] * b[kk][x];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (i < m && j < n) C[(size_t)i * n + j] = s;
}
#endif

#if defined(BLOCKED) && !OCL_CPU
#define BM (16 * MR)
#define BN (16 * NV)
__kernel __attribute__((reqd_work_group_size(256, 1, 1))) void gemm_blocked(__global const a_t *restrict A,
                                                                            __global const b_t *restrict B,
                                                                            __global T *restrict C, uint m,
                                                                            uint n, uint k,
                                                                            ulong B_at EPI_PARAMS)
{
    __local T a[KC][BM + 1], b[KC][BN + 1];
    uint      l = get_local_id(0), x = l % 16, y = l / 16, tiles = (n + BN - 1) / BN;
    uint      i0 = (uint)(get_group_id(0) / tiles) * BM, j0 = (uint)(get_group_id(0) % tiles) * BN;
    T         acc[MR][NV];
    B += B_at;
#pragma unroll
    for (int r = 0; r < MR; r++)
#pragma unroll
        for (int v = 0; v < NV; v++) acc[r][v] = 0;
    for (uint k0 = 0; k0 < k; k0 += KC) {
        for (uint e = l; e < BM * KC; e += 256) {
            uint i = e / KC, kk = e % KC;
            a[kk][i] = i0 + i < m && k0 + kk < k ? LOAD_A(A + A_AT(i0 + i, k0 + kk)) : (T)0;
        }
        for (uint e = l; e < BN * KC; e += 256) {
#if TB
            uint j = e / KC, kk = e % KC;
#else
            uint j = e % BN, kk = e / BN;
#endif
            b[kk][j] = j0 + j < n && k0 + kk < k ? LOAD_B(B + B_AT(k0 + kk, j0 + j)) : (T)0;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint kk = 0; kk < KC; kk++) {
            T ra[MR], rb[NV];
#pragma unroll
            for (int r = 0; r < MR; r++) ra[r] = a[kk][y + 16 * r];
#pragma unroll
            for (int v = 0; v < NV; v++) rb[v] = b[kk][x + 16 * v];
#pragma unroll
            for (int r = 0; r < MR; r++)
#pragma unroll
                for (int v = 0; v < NV; v++) acc[r][v] = fma(ra[r], rb[v], acc[r][v]);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#pragma unroll
    for (int r = 0; r < MR; r++)
#pragma unroll
        for (int v = 0; v < NV; v++) {
            uint i = i0 + y + 16 * r, j = j0 + x + 16 * v;
            if (i < m && j < n) C[(size_t)i * n + j] = FINISH(acc[r][v], i, j);
        }
}
#endif

#if defined(BLOCKED) && OCL_CPU
#define NR (NV * W)
__kernel void pack_a(__global const a_t *restrict A, __global T *restrict out, uint m, uint k)
{
    for (uint p = get_global_id(0); p < (m + MR - 1) / MR; p += get_global_size(0)) {
        __global T *o = out + (size_t)p * MR * k;
        if (p * MR + MR <= m) {
            __global const a_t *row = A + (size_t)p * MR * k;
            for (uint kk = 0; kk < k; kk++, o += MR, row++) {
#pragma unroll
                for (int r = 0; r < MR; r++) o[r] = LOAD_A(row + (size_t)r * k);
            }
            continue;
        }
        for (uint kk = 0; kk < k; kk++, o += MR) {
#pragma unroll
            for (int r = 0; r < MR; r++) o[r] = p * MR + r < m ? LOAD_A(A + A_AT(p * MR + r, kk)) : (T)0;
        }
    }
}

__kernel void pack_b(__global const b_t *restrict B, __global T *restrict out, uint n, uint k, ulong B_at,
                     ulong out_at)
{
    B += B_at;
    out += out_at;
    for (uint p = get_global_id(0); p < (n + NR - 1) / NR; p += get_global_size(0)) {
        __global T *o = out + (size_t)p * NR * k;
        uint        j0 = p * NR, full = j0 + NR <= n;
        for (uint kk = 0; kk < k; kk++, o += NR) {
            if (full)
                for (uint j = 0; j < NR; j++) o[j] = LOAD_B(B + B_AT(kk, j0 + j));
            else
                for (uint j = 0; j < NR; j++) o[j] = j0 + j < n ? LOAD_B(B + B_AT(kk, j0 + j)) : (T)0;
        }
    }
}

/* The same panels straight from an NHWC image: row i of A is output pixel i, its columns the window
 * [r][s][c]. */
__kernel void pack_image(__global const T *restrict X, __global T *restrict out, uint m, uint h, uint w,
                         uint c, uint R_, uint S_, uint stride, uint pad, uint oh, uint ow, uint pad_w)
{
    size_t k = (size_t)R_ * S_ * c;
    for (uint p = get_global_id(0); p < (m + MR - 1) / MR; p += get_global_size(0)) {
        __global T *o = out + (size_t)p * MR * k;
        for (uint r = 0; r < R_; r++)
            for (uint s = 0; s < S_; s++) {
                __global const T *from[MR];
                bool              inside[MR];
#pragma unroll
                for (int q = 0; q < MR; q++) {
                    uint i = p * MR + q, image = i / (oh * ow), pixel = i % (oh * ow);
                    int  y = (int)(pixel / ow * stride + r) - (int)pad,
                        x = (int)(pixel % ow * stride + s) - (int)pad_w;
                    inside[q] = i < m && y >= 0 && y < (int)h && x >= 0 && x < (int)w;
                    from[q] = X + (inside[q] ? ((size_t)(image * h + y) * w + x) * c : 0);
                }
                for (uint e = 0; e < c; e++, o += MR) {
#pragma unroll
                    for (int q = 0; q < MR; q++) o[q] = inside[q] ? from[q][e] : (T)0;
                }
            }
    }
}

static void tile(__global const T *restrict a, __global const T *restrict b, __global T *restrict C, uint i,
                 uint j, uint kc, bool first, bool last, uint m, uint n EPI_PARAMS)
{
    TV          acc[MR][NV];
    bool        whole = i + MR <= m && j + NR <= n;
    __global T *c = C + (size_t)i * n + j;
#pragma unroll
    for (int r = 0; r < MR; r++)
#pragma unroll
        for (int v = 0; v < NV; v++) acc[r][v] = (TV)(0);
    for (uint kk = 0; kk < kc; kk++, a += MR, b += NR) {
        TV bv[NV];
#pragma unroll
        for (int v = 0; v < NV; v++) bv[v] = ((__global const TV *)b)[v];
#pragma unroll
        for (int r = 0; r < MR; r++) {
            TV av = (TV)(a[r]);
#pragma unroll
            for (int v = 0; v < NV; v++) acc[r][v] = fma(av, bv[v], acc[r][v]);
        }
    }
#pragma unroll
    for (int r = 0; r < MR; r++)
#pragma unroll
        for (int v = 0; v < NV; v++) {
            __global T *to = c + (size_t)r * n + v * W;
            TV          x = acc[r][v];
            if (whole || (i + r < m && j + (v + 1) * W <= n)) {
                if (!first) x += VLOAD(0, to);
#if EPI
                if (last) x = finish_vector(x, V, b_at, s_at, add, has_add, act, i + r, j + v * W, n);
#endif
                VSTORE(x, 0, to);
            } else if (i + r < m) {
                T spill[W];
                VSTORE(x, 0, spill);
                for (uint q = 0; q < W && j + v * W + q < n; q++) {
                    T y = (first ? (T)0 : to[q]) + spill[q];
                    to[q] = last ? FINISH(y, i + r, j + v * W + q) : y;
                }
            }
        }
}

__kernel void gemm_blocked(__global const T *restrict A, __global const T *restrict B, __global T *restrict C,
                           uint m, uint n, uint k, ulong B_at, uint mc, uint nc EPI_PARAMS)
{
    uint rows = (m + mc - 1) / mc, id = get_global_id(0), i0 = id % rows * mc, j0 = id / rows * nc;
    uint i1 = min(i0 + mc, m), j1 = min(j0 + nc, n);
    for (uint k0 = 0; k0 < k; k0 += KC) {
        uint kc = min((uint)KC, k - k0);
        for (uint j = j0; j < j1; j += NR)
            for (uint i = i0; i < i1; i += MR)
                tile(A + (size_t)i * k + (size_t)k0 * MR, B + B_at + (size_t)j * k + (size_t)k0 * NR, C, i, j,
                     kc, k0 == 0, k0 + kc == k, m, n
#if EPI
                     ,
                     V, b_at, s_at, add, has_add, act
#endif
                );
    }
}
#endif

#ifdef SLIM
/* Few rows: B is streamed once where it lies. An item takes NR columns, MR rows at a time; IN_B 0 or 1, not
 * transposed. */
#define NR (NV * W)
#if IN_B == 1
#define LOAD_BV(p) AS_TV(CONVERT_UINT(VLOAD(0, p)) << 16)
#else
#define LOAD_BV(p) VLOAD(0, p)
#endif
__kernel void gemm_slim(__global const a_t *restrict A, __global const b_t *restrict B,
                        __global T *restrict C, uint m, uint n, uint k)
{
    for (uint p = get_global_id(0); p < (n + NR - 1) / NR; p += get_global_size(0)) {
        uint j = p * NR;
        if (j + NR > n) {
            for (uint i = 0; i < m; i++)
                for (uint q = j; q < n; q++) {
                    T s = 0;
                    for (uint kk = 0; kk < k; kk++) s += LOAD_A(A + A_AT(i, kk)) * LOAD_B(B + B_AT(kk, q));
                    C[(size_t)i * n + q] = s;
                }
            continue;
        }
        for (uint i = 0; i < m; i += MR) {
            TV   acc[MR][NV];
            uint row[MR];
#pragma unroll
            for (int r = 0; r < MR; r++) {
                row[r] = min(i + r, m - 1);
#pragma unroll
                for (int v = 0; v < NV; v++) acc[r][v] = (TV)(0);
            }
            for (uint kk = 0; kk < k; kk++) {
                TV bv[NV];
#pragma unroll
                for (int v = 0; v < NV; v++) bv[v] = LOAD_BV(B + (size_t)kk * n + j + v * W);
#pragma unroll
                for (int r = 0; r < MR; r++) {
                    TV av = (TV)(LOAD_A(A + A_AT(row[r], kk)));
#pragma unroll
                    for (int v = 0; v < NV; v++) acc[r][v] = fma(av, bv[v], acc[r][v]);
                }
            }
#pragma unroll
            for (int r = 0; r < MR; r++)
#pragma unroll
                for (int v = 0; v < NV; v++) VSTORE(acc[r][v], 0, C + (size_t)row[r] * n + j + v * W);
        }
    }
}
#endif
