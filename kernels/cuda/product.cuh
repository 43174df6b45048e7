/* product.cuh -- what the product kernels share: operands fetched by 16-byte chunks, images read as matrices,
 * tiles dealt to blocks, the permutation of chunks in shared memory, and parts of k joined. */
#ifndef CUDA_PRODUCT_CUH
#define CUDA_PRODUCT_CUH
#include "kernels/cuda/epilogue.cuh"

/* ---- a 16-byte chunk of an operand ----------------------------------------------------------- */
/* Row `row` of `rows`, elements k.. of K, leading dimension ld, to dst. */
template <class T>
CU_FN void fetch_dense(void *dst, const void *base, int row, int rows, int k, int K, size_t ld, bool fast)
{
    const int per = 16 / (int)sizeof(T);
    const T  *src = (const T *)base + (size_t)row * ld + (size_t)k;
    if (fast) {
        bool in = row < rows && k < K;
        cu_cp16(dst, in ? src : (const T *)base, in);
        return;
    }
    CU_UNROLL_BY(1)
    for (int e = 0; e < per; e++) ((T *)dst)[e] = row < rows && k + e < K ? src[e] : cu_from<T>(0.0f);
}

/* Where an output pixel's window begins. */
struct pixel {
    size_t image;
    int    h, w;
    bool   in;
};
CU_FN pixel pixel_of(const pr_args &p, int m)
{
    pixel x;
    x.in = m < p.M;
    int ow = m % p.OW, rest = m / p.OW, oh = rest % p.OH;
    x.image = (size_t)(rest / p.OH) * (size_t)p.H * (size_t)p.W * (size_t)p.C;
    x.h = oh * p.stride - p.pad;
    x.w = ow * p.stride - p.pad_w;
    return x;
}
template <class T> CU_FN const T *image_at(const pr_args &p, const pixel &x, int k, bool *in)
{
    int rs = k / p.C, c = k - rs * p.C, r = rs / p.S, s = rs - r * p.S, h = x.h + r, w = x.w + s;
    *in = x.in && k < p.K && h >= 0 && h < p.H && w >= 0 && w < p.W;
    return (const T *)p.a +
           (*in ? x.image + ((size_t)h * (size_t)p.W + (size_t)w) * (size_t)p.C + (size_t)c : 0);
}
template <class T> CU_FN void fetch_image(void *dst, const pr_args &p, const pixel &x, int k)
{
    const int per = 16 / (int)sizeof(T);
    bool      in;
    if (p.fast_a) { /* channels come in whole chunks */
        const T *src = image_at<T>(p, x, k, &in);
        cu_cp16(dst, src, in);
        return;
    }
    CU_UNROLL_BY(1) for (int e = 0; e < per; e++)
    {
        const T *src = image_at<T>(p, x, k + e, &in);
        ((T *)dst)[e] = in ? *src : cu_from<T>(0.0f);
    }
}

/* Tile i of those of bm x bn, in groups of `height` rows of tiles, so that what runs at once shares operands
 * in L2. */
CU_FN void tile_at(const pr_args &p, int i, int height, int bm, int bn, int *m0, int *n0)
{
    int tm = (p.M + bm - 1) / bm, tn = (p.N + bn - 1) / bn, group = height * tn, g = i / group;
    int first = height * g, rows = tm - first < height ? tm - first : height, in = i - g * group;
    *m0 = (first + in % rows) * bm;
    *n0 = in / rows * bn;
}
CU_FN void tile_of(const pr_args &p, int bm, int bn, int *m0, int *n0)
{
    tile_at(p, (int)blockIdx.x, 8, bm, bn, m0, n0);
}

enum { ROW_B = 128 };
CU_BOTH int chunk_at(int row, int c) { return row * ROW_B + ((c ^ (row & 7)) << 4); } /* rows of 8 chunks */
template <int BN> CU_FN int chunk_at_n(int row, int c)
{
    return row * BN * 2 + ((c ^ (row & 7)) << 4);
} /* [k][n], 16-bit */

/* Floats between rows of a tile of sums in shared memory: 8 more, so that the rows a fragment writes meet no
 * bank twice. */
template <int BN> constexpr int sums_stride() { return BN + 8; }
/* Sums of a matrix instruction's fragment, 8 columns from `col` on: rows lane / 4 and 8 below, two
 * neighbouring columns each. */
template <int BN> CU_FN void keep_fragment(float *tile, int row, int col, float a, float b, float c, float d)
{
    float *at = tile + (row + (int)threadIdx.x % 32 / 4) * sums_stride<BN>() + col + (int)threadIdx.x % 4 * 2;
    *(float2 *)at = make_float2(a, b);
    *(float2 *)(at + 8 * sums_stride<BN>()) = make_float2(c, d);
}

/* The last of a tile's blocks to arrive adds all parts in order; the others are done. True: go on with the
 * epilogue. smem: the tiles, which nobody needs any more once all have stored their part. */
template <int COUNT, int THREADS> CU_FN bool join_splits(const pr_args &p, float *acc, unsigned char *smem)
{
    unsigned *arrived = (unsigned *)smem;
    size_t    part = (size_t)COUNT * THREADS;
    float    *mine = p.partial + ((size_t)blockIdx.x * (size_t)p.splits + blockIdx.z) * part + threadIdx.x;
    for (int i = 0; i < COUNT; i++) mine[(size_t)i * THREADS] = acc[i];
    cu_fence();
    cu_sync();
    if (threadIdx.x == 0) arrived[0] = cu_ticket(&p.tickets[blockIdx.x]);
    cu_sync();
    if (arrived[0] != (unsigned)p.splits - 1) return false;
    cu_fence();
    for (int i = 0; i < COUNT; i++) acc[i] = 0;
    CU_UNROLL_BY(1) for (int z = 0; z < p.splits; z++)
    {
        const float *part_z =
            p.partial + ((size_t)blockIdx.x * (size_t)p.splits + (size_t)z) * part + threadIdx.x;
        for (int i = 0; i < COUNT; i++) acc[i] += part_z[(size_t)i * THREADS];
    }
    if (threadIdx.x == 0) p.tickets[blockIdx.x] = 0;
    return true;
}
#endif
