/* rows.cu -- see rows.h. Norm and softmax: a block a row, the row kept in shared memory where it fits.
 * Attention is in attention.cu. */
#include "kernels/cuda/rows.h"
#include "kernels/cuda/block.cuh"
#include "kernels/cuda/epilogue.cuh"

enum { THREADS = 256, ROW_LIMIT = 40 << 10 };

/* A row as f32: from shared memory once it is there. */
struct row_in {
    const void     *p;
    int             t;
    size_t          at;
    float          *kept;
    CU_MEMBER float first(int i)
    {
        float v = ep_load(p, t, at + (size_t)i);
        if (kept) kept[i] = v;
        return v;
    }
    CU_MEMBER float again(int i) const { return kept ? kept[i] : ep_load(p, t, at + (size_t)i); }
};

CU_KERNEL(THREADS, 4)
norm_kernel(const void *x, int xt, void *y, int yt, const float *gain, const float *offset, int c, int every,
            int skip, bool keep)
{
    CU_SMEM(smem);
    row_in in = {x, xt, ((size_t)blockIdx.x * (size_t)every + (size_t)skip) * (size_t)c,
                 keep ? (float *)smem : nullptr};
    float  sum = 0, var = 0;
    for (int i = (int)threadIdx.x; i < c; i += THREADS) sum += in.first(i);
    float mean = block_sum<THREADS>(sum) / (float)c;
    for (int i = (int)threadIdx.x; i < c; i += THREADS) {
        float d = in.again(i) - mean;
        var += d * d;
    }
    float scale = 1.0f / sqrtf(block_sum<THREADS>(var) / (float)c + 1e-5f);
    for (int i = (int)threadIdx.x; i < c; i += THREADS)
        ep_store(y, yt, (size_t)blockIdx.x * (size_t)c + (size_t)i,
                 (in.again(i) - mean) * scale * gain[i] + offset[i]);
}

CU_KERNEL(THREADS, 4) softmax_kernel(const void *x, int xt, void *y, int yt, int c, bool keep)
{
    CU_SMEM(smem);
    row_in in = {x, xt, (size_t)blockIdx.x * (size_t)c, keep ? (float *)smem : nullptr};
    float  most = -INFINITY, sum = 0;
    for (int i = (int)threadIdx.x; i < c; i += THREADS) most = fmaxf(most, in.first(i));
    most = block_max<THREADS>(most);
    for (int i = (int)threadIdx.x; i < c; i += THREADS) sum += expf(in.again(i) - most);
    float scale = 1.0f / block_sum<THREADS>(sum);
    for (int i = (int)threadIdx.x; i < c; i += THREADS)
        ep_store(y, yt, (size_t)blockIdx.x * (size_t)c + (size_t)i, expf(in.again(i) - most) * scale);
}

static size_t kept_B(int64_t c) { return c * 4 <= ROW_LIMIT ? (size_t)c * 4 : 0; }

ir_status rw_norm(cuda_dev *c, const ly_row *r, rw_buf in, rw_buf out, const float *gain, const float *offset)
{
    int every = r->tokens > 1 ? (int)r->tokens : 1;
    return cuda_launch(c, norm_kernel, dim3((unsigned)r->rows), dim3(THREADS), kept_B(r->c),
                       (const void *)in.p, (int)in.t, out.p, (int)out.t, gain, offset, (int)r->c, every,
                       every - 1, kept_B(r->c) > 0);
}
ir_status rw_softmax(cuda_dev *c, int64_t rows, int64_t width, rw_buf in, rw_buf out)
{
    return cuda_launch(c, softmax_kernel, dim3((unsigned)rows), dim3(THREADS), kept_B(width),
                       (const void *)in.p, (int)in.t, out.p, (int)out.t, (int)width, kept_B(width) > 0);
}

/* ---- element by element ---------------------------------------------------------------------- */
CU_KERNEL(THREADS, 4)
map_kernel(const void *x, int xt, const void *add, int at, const float *bias, void *y, int yt, size_t n,
           int c, int act)
{
    for (size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x; i < n; i += (size_t)gridDim.x * THREADS) {
        float v = ep_load(x, xt, i);
        if (bias) v += bias[i % (size_t)c];
        if (add) v += ep_load(add, at, i);
        ep_store(y, yt, i, ep_act(act, v));
    }
}
/* All f32, four at a time. */
CU_KERNEL(THREADS, 4) map4_kernel(const float4 *x, const float4 *add, float4 *y, size_t n4, int act)
{
    for (size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x; i < n4; i += (size_t)gridDim.x * THREADS) {
        float4 v = x[i];
        if (add) {
            float4 a = add[i];
            v.x += a.x, v.y += a.y, v.z += a.z, v.w += a.w;
        }
        y[i] = make_float4(ep_act(act, v.x), ep_act(act, v.y), ep_act(act, v.z), ep_act(act, v.w));
    }
}

static unsigned spread(const cuda_dev *c, size_t n)
{
    size_t want = (n + 4 * THREADS - 1) / (4 * THREADS), most = (size_t)c->sms * 32;
    return (unsigned)(want < 1 ? 1 : want < most ? want : most);
}

ir_status rw_map(cuda_dev *c, size_t n, int width, int act, rw_buf in, rw_buf add, const float *bias,
                 rw_buf out)
{
    bool f32 = in.t == PR_F32 && out.t == PR_F32 && (!add.p || add.t == PR_F32);
    bool aligned = ((uintptr_t)in.p | (uintptr_t)add.p | (uintptr_t)out.p) % 16 == 0;
    if (f32 && aligned && !bias && n % 4 == 0)
        return cuda_launch(c, map4_kernel, dim3(spread(c, n)), dim3(THREADS), 0, (const float4 *)in.p,
                           (const float4 *)add.p, (float4 *)out.p, n / 4, act);
    return cuda_launch(c, map_kernel, dim3(spread(c, n)), dim3(THREADS), 0, (const void *)in.p, (int)in.t,
                       (const void *)add.p, (int)add.t, bias, out.p, (int)out.t, n, width, act);
}

/* ---- pools ----------------------------------------------------------------------------------- */
struct image_shape {
    int H, W, C, K, R, S, stride, pad, OH, OW, per_group, k_group;
};
static image_shape shape_of(const ly_row *r)
{
    image_shape s = {(int)r->h,      (int)r->w,   (int)r->c,  (int)r->k,  (int)r->r, (int)r->s,
                     (int)r->stride, (int)r->pad, (int)r->oh, (int)r->ow, 0,         0};
    int         groups = r->groups > 0 ? (int)r->groups : 1;
    s.per_group = s.C / groups;
    s.k_group = s.K / groups;
    return s;
}

CU_KERNEL(THREADS, 4) maxpool_kernel(const void *x, int xt, void *y, int yt, image_shape s, size_t n)
{
    for (size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x; i < n; i += (size_t)gridDim.x * THREADS) {
        int c = (int)(i % (size_t)s.C), ow = (int)(i / (size_t)s.C % (size_t)s.OW),
            oh = (int)(i / (size_t)s.C / (size_t)s.OW % (size_t)s.OH);
        size_t image = i / (size_t)s.C / (size_t)s.OW / (size_t)s.OH;
        float  m = -INFINITY;
        for (int q = 0; q < s.R * s.S; q++) {
            int h = oh * s.stride - s.pad + q / s.S, w = ow * s.stride - s.pad + q % s.S;
            if (h >= 0 && h < s.H && w >= 0 && w < s.W)
                m = fmaxf(
                    m, ep_load(x, xt,
                               ((image * (size_t)s.H + (size_t)h) * (size_t)s.W + (size_t)w) * (size_t)s.C +
                                   (size_t)c));
        }
        ep_store(y, yt, i, m);
    }
}
CU_KERNEL(THREADS, 4) avgpool_kernel(const void *x, int xt, void *y, int yt, image_shape s, size_t n)
{
    size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x;
    if (i >= n) return;
    size_t image = i / (size_t)s.C, c = i % (size_t)s.C, pixels = (size_t)s.H * (size_t)s.W;
    float  sum = 0;
    for (size_t q = 0; q < pixels; q++) sum += ep_load(x, xt, (image * pixels + q) * (size_t)s.C + c);
    ep_store(y, yt, i, sum / (float)pixels);
}

ir_status rw_pool(cuda_dev *c, const ly_row *r, rw_buf in, rw_buf out)
{
    size_t n = (size_t)(r->batch * r->oh * r->ow * r->c);
    if (r->op == LY_AVGPOOL)
        return cuda_launch(c, avgpool_kernel, dim3(cuda_ceil(n, THREADS)), dim3(THREADS), 0,
                           (const void *)in.p, (int)in.t, out.p, (int)out.t, shape_of(r), n);
    return cuda_launch(c, maxpool_kernel, dim3(spread(c, n)), dim3(THREADS), 0, (const void *)in.p, (int)in.t,
                       out.p, (int)out.t, shape_of(r), n);
}

/* ---- embedding ------------------------------------------------------------------------------- */
CU_KERNEL(THREADS, 4)
embed_kernel(const int32_t *token, const void *W, int wt, size_t table, size_t positions, const float *scale,
             int vocab, int c, int tokens, int past, void *y, int yt)
{
    int    row = token[blockIdx.x], pos = past + (int)blockIdx.x % tokens;
    float  a = scale ? scale[row] : 1.0f, b = scale ? scale[vocab + pos] : 1.0f;
    size_t ta = table + (size_t)row * (size_t)c, pa = positions + (size_t)pos * (size_t)c;
    for (int j = (int)threadIdx.x; j < c; j += THREADS)
        ep_store(y, yt, (size_t)blockIdx.x * (size_t)c + (size_t)j,
                 a * ep_load(W, wt, ta + (size_t)j) + b * ep_load(W, wt, pa + (size_t)j));
}
ir_status rw_embed(cuda_dev *c, const ly_row *r, const int32_t *token, const void *W, pr_type wt,
                   const float *scale, rw_buf out)
{
    return cuda_launch(c, embed_kernel, dim3((unsigned)r->rows), dim3(THREADS), 0, token, W, (int)wt,
                       (size_t)r->W_at, (size_t)r->P_at, scale, (int)r->vocab, (int)r->c,
                       (int)(r->tokens > 0 ? r->tokens : 1), (int)r->past, out.p, (int)out.t);
}

/* ---- convolution, a thread an output element; the weights of a window are contiguous over its channels ----
 */
CU_KERNEL(THREADS, 4)
conv_kernel(const void *x, int xt, const void *W, int wt, const float *bias, const void *add, int at, void *y,
            int yt, image_shape s, int act, size_t n)
{
    for (size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x; i < n; i += (size_t)gridDim.x * THREADS) {
        int k = (int)(i % (size_t)s.K), ow = (int)(i / (size_t)s.K % (size_t)s.OW),
            oh = (int)(i / (size_t)s.K / (size_t)s.OW % (size_t)s.OH);
        size_t image = i / (size_t)s.K / (size_t)s.OW / (size_t)s.OH,
               first = (size_t)(k / s.k_group * s.per_group);
        float sum = 0;
        for (int r = 0; r < s.R; r++)
            for (int q = 0; q < s.S; q++) {
                int h = oh * s.stride - s.pad + r, w = ow * s.stride - s.pad + q;
                if (h < 0 || h >= s.H || w < 0 || w >= s.W) continue;
                size_t xa =
                    ((image * (size_t)s.H + (size_t)h) * (size_t)s.W + (size_t)w) * (size_t)s.C + first;
                size_t wa =
                    (((size_t)k * (size_t)s.R + (size_t)r) * (size_t)s.S + (size_t)q) * (size_t)s.per_group;
                for (int c = 0; c < s.per_group; c++)
                    sum = fmaf(ep_load(x, xt, xa + (size_t)c), ep_load(W, wt, wa + (size_t)c), sum);
            }
        if (bias) sum += bias[k];
        if (add) sum += ep_load(add, at, i);
        ep_store(y, yt, i, ep_act(act, sum));
    }
}
ir_status rw_conv_direct(cuda_dev *c, const ly_row *r, rw_buf in, const void *W, pr_type wt,
                         const float *bias, rw_buf add, rw_buf out)
{
    size_t n = (size_t)(r->batch * r->oh * r->ow * r->k);
    return cuda_launch(c, conv_kernel, dim3(spread(c, 4 * n)), dim3(THREADS), 0, (const void *)in.p,
                       (int)in.t, W, (int)wt, bias, (const void *)add.p, (int)add.t, out.p, (int)out.t,
                       shape_of(r), (int)r->act, n);
}
