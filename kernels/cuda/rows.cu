/* rows.cu -- see rows.h. Norm and softmax: a block a row, the row kept in shared memory where it fits.
 * Attention is in attention.cu. */
#include "kernels/cuda/rows.h"
#include "kernels/cuda/block.cuh"
#include "kernels/cuda/epilogue.cuh"

enum { THREADS = 256, ROW_LIMIT = 40 << 10 };

/* V neighbouring elements of any type as f32, and back; V is 4 where rows come in whole fours. */
template <int V> struct some {
    float e[V];
};
CU_FN some<1> rw_load(const void *p, int t, size_t i, some<1>) { return {{ep_load(p, t, i)}}; }
CU_FN some<4> rw_load(const void *p, int t, size_t i, some<4>)
{
    float4 v = ep_load4(p, t, i);
    return {{v.x, v.y, v.z, v.w}};
}
CU_FN void rw_store(void *p, int t, size_t i, const some<1> &v) { ep_store(p, t, i, v.e[0]); }
CU_FN void rw_store(void *p, int t, size_t i, const some<4> &v)
{
    ep_store4(p, t, i, make_float4(v.e[0], v.e[1], v.e[2], v.e[3]));
}

/* A row as f32: from shared memory once it is there. */
template <int V> struct row_in {
    const void *p;
    int         t;
    size_t      at;
    float      *kept;
    CU_MEMBER some<V> first(int i) const
    {
        some<V> v = rw_load(p, t, at + (size_t)i, some<V>());
        if (kept) rw_store(kept, PR_F32, (size_t)i, v);
        return v;
    }
    CU_MEMBER some<V> again(int i) const
    {
        return kept ? rw_load(kept, PR_F32, (size_t)i, some<V>()) : rw_load(p, t, at + (size_t)i, some<V>());
    }
};

template <int V>
CU_KERNEL(THREADS, 4)
norm_kernel(const void *x, int xt, void *y, int yt, const float *gain, const float *offset, float eps, int c,
            int every, int skip, bool keep)
{
    CU_SMEM(smem);
    row_in<V> in = {x, xt, ((size_t)blockIdx.x * (size_t)every + (size_t)skip) * (size_t)c,
                    keep ? (float *)smem : nullptr};
    float     sum = 0, var = 0;
    for (int i = V * (int)threadIdx.x; i < c; i += V * THREADS) {
        some<V> v = in.first(i);
        CU_UNROLL for (int e = 0; e < V; e++) sum += v.e[e];
    }
    float mean = block_sum<THREADS>(sum) / (float)c;
    if (!offset) mean = 0;
    for (int i = V * (int)threadIdx.x; i < c; i += V * THREADS) {
        some<V> v = in.again(i);
        CU_UNROLL for (int e = 0; e < V; e++) var += (v.e[e] - mean) * (v.e[e] - mean);
    }
    float scale = 1.0f / sqrtf(block_sum<THREADS>(var) / (float)c + eps);
    for (int i = V * (int)threadIdx.x; i < c; i += V * THREADS) {
        some<V> v = in.again(i), g = rw_load(gain, PR_F32, (size_t)i, some<V>()),
                o = rw_load(offset ? offset : gain, PR_F32, (size_t)i, some<V>());
        CU_UNROLL for (int e = 0; e < V; e++) v.e[e] =
            (v.e[e] - mean) * scale * g.e[e] + (offset ? o.e[e] : 0.0f);
        rw_store(y, yt, (size_t)blockIdx.x * (size_t)c + (size_t)i, v);
    }
}

template <int V>
CU_KERNEL(THREADS, 4)
softmax_kernel(const void *x, int xt, void *y, int yt, int c, bool keep)
{
    CU_SMEM(smem);
    row_in<V> in = {x, xt, (size_t)blockIdx.x * (size_t)c, keep ? (float *)smem : nullptr};
    float     most = -INFINITY, sum = 0;
    for (int i = V * (int)threadIdx.x; i < c; i += V * THREADS) {
        some<V> v = in.first(i);
        CU_UNROLL for (int e = 0; e < V; e++) most = fmaxf(most, v.e[e]);
    }
    most = block_max<THREADS>(most);
    for (int i = V * (int)threadIdx.x; i < c; i += V * THREADS) {
        some<V> v = in.again(i);
        CU_UNROLL for (int e = 0; e < V; e++) sum += expf(v.e[e] - most);
    }
    float scale = 1.0f / block_sum<THREADS>(sum);
    for (int i = V * (int)threadIdx.x; i < c; i += V * THREADS) {
        some<V> v = in.again(i);
        CU_UNROLL for (int e = 0; e < V; e++) v.e[e] = expf(v.e[e] - most) * scale;
        rw_store(y, yt, (size_t)blockIdx.x * (size_t)c + (size_t)i, v);
    }
}

/* Rows in whole fours, at multiples of 16 bytes. */
static bool in_fours(size_t c, const void *a, const void *b, const void *d, const void *e)
{
    return c % 4 == 0 && ((uintptr_t)a | (uintptr_t)b | (uintptr_t)d | (uintptr_t)e) % 16 == 0;
}
static size_t kept_B(int64_t c) { return c * 4 <= ROW_LIMIT ? (size_t)c * 4 : 0; }

ir_status rw_norm(cuda_dev *c, const ly_row *r, rw_buf in, rw_buf out, const float *gain, const float *offset)
{
    int  every = r->tokens > 1 ? (int)r->tokens : 1;
    auto fn = in_fours((size_t)r->c, in.p, out.p, gain, offset) ? norm_kernel<4> : norm_kernel<1>;
    return cuda_launch(c, fn, dim3((unsigned)r->rows), dim3(THREADS), kept_B(r->c), (const void *)in.p,
                       (int)in.t, out.p, (int)out.t, gain, r->rms ? (const float *)nullptr : offset,
                       (float)ly_eps(r), (int)r->c, every, r->first ? 0 : every - 1, kept_B(r->c) > 0);
}
ir_status rw_softmax(cuda_dev *c, int64_t rows, int64_t width, rw_buf in, rw_buf out)
{
    auto fn = in_fours((size_t)width, in.p, out.p, nullptr, nullptr) ? softmax_kernel<4> : softmax_kernel<1>;
    return cuda_launch(c, fn, dim3((unsigned)rows), dim3(THREADS), kept_B(width), (const void *)in.p,
                       (int)in.t, out.p, (int)out.t, (int)width, kept_B(width) > 0);
}

/* ---- element by element ---------------------------------------------------------------------- */
/* Two reads of four elements are on their way before the first is used. One by one, reads wait: twice the
 * code for each activation and type is more than an instruction cache holds. */
template <int V>
CU_KERNEL(THREADS, 4)
map_kernel(const void *x, int xt, const void *add, int at, const float *bias, void *y, int yt, size_t n,
           int c, int act)
{
    constexpr int U = V == 4 ? 2 : 1;
    const size_t  step = (size_t)gridDim.x * THREADS * V, none = n;
    for (size_t i = ((size_t)blockIdx.x * THREADS + threadIdx.x) * V; i < n; i += U * step) {
        size_t  k[U];
        some<V> v[U] = {}, a[U] = {};
        CU_UNROLL for (int u = 0; u < U; u++) k[u] = i + (size_t)u * step < n ? i + (size_t)u * step : none;
        CU_UNROLL for (int u = 0; u < U; u++) if (k[u] != none) v[u] = rw_load(x, xt, k[u], some<V>());
        CU_UNROLL for (int u = 0; u < U; u++) if (k[u] != none && add) a[u] =
            rw_load(add, at, k[u], some<V>());
        CU_UNROLL for (int u = 0; u < U; u++)
        {
            if (k[u] == none) break;
            CU_UNROLL for (int e = 0; e < V; e++)
            {
                if (bias) v[u].e[e] += bias[(k[u] + (size_t)e) % (size_t)c];
                if (add) v[u].e[e] += a[u].e[e];
                v[u].e[e] = ep_act(act, v[u].e[e]);
            }
            rw_store(y, yt, k[u], v[u]);
        }
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
    auto fn = in_fours(n, in.p, add.p, out.p, nullptr) ? map_kernel<4> : map_kernel<1>;
    return cuda_launch(c, fn, dim3(spread(c, n)), dim3(THREADS), 0, (const void *)in.p, (int)in.t,
                       (const void *)add.p, (int)add.t, bias, out.p, (int)out.t, n, width, act);
}

/* ---- pools ----------------------------------------------------------------------------------- */
struct image_shape {
    int H, W, C, K, R, S, stride, pad, OH, OW, per_group, k_group, pad_w;
};
static image_shape shape_of(const ly_row *r)
{
    image_shape s = {(int)r->h,   (int)r->w,  (int)r->c,  (int)r->k, (int)r->r, (int)r->s,    (int)r->stride,
                     (int)r->pad, (int)r->oh, (int)r->ow, 0,         0,         (int)r->pad_w};
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
            int h = oh * s.stride - s.pad + q / s.S, w = ow * s.stride - s.pad_w + q % s.S;
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
    size_t image = i / (size_t)s.C, c = i % (size_t)s.C, pixels = (size_t)s.R * (size_t)s.S;
    float  sum = 0;
    for (size_t q = 0; q < pixels; q++) {
        size_t h = q / (size_t)s.S, w = q % (size_t)s.S;
        sum += ep_load(x, xt, ((image * (size_t)s.H + h) * (size_t)s.W + w) * (size_t)s.C + c);
    }
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
embed_kernel(const int32_t *token, const void *W, int wt, size_t table, bool places, size_t positions,
             const float *scale, int vocab, int c, int tokens, int past, void *y, int yt)
{
    int    row = token[blockIdx.x], pos = past + (int)blockIdx.x % tokens;
    float  a = scale ? scale[row] : 1.0f, b = scale && places ? scale[vocab + pos] : 1.0f;
    size_t ta = table + (size_t)row * (size_t)c, pa = positions + (size_t)pos * (size_t)c;
    for (int j = (int)threadIdx.x; j < c; j += THREADS)
        ep_store(y, yt, (size_t)blockIdx.x * (size_t)c + (size_t)j,
                 a * ep_load(W, wt, ta + (size_t)j) + (places ? b * ep_load(W, wt, pa + (size_t)j) : 0.0f));
}
ir_status rw_embed(cuda_dev *c, const ly_row *r, const int32_t *token, const void *W, pr_type wt,
                   const float *scale, rw_buf out)
{
    return cuda_launch(c, embed_kernel, dim3((unsigned)r->rows), dim3(THREADS), 0, token, W, (int)wt,
                       (size_t)r->W_at, r->P_at >= 0, (size_t)(r->P_at >= 0 ? r->P_at : 0), scale,
                       (int)r->vocab, (int)r->c, (int)(r->tokens > 0 ? r->tokens : 1), (int)r->past, out.p,
                       (int)out.t);
}

/* ---- rotary positions ------------------------------------------------------------------------ */
/* A thread a pair. even: neighbours, else halves. */
CU_KERNEL(THREADS, 4)
turn_kernel(void *qkv, int t, const float *turn, size_t n, int heads, int dh, int tokens, int width,
            bool even)
{
    int pairs = dh / 2;
    for (size_t at = (size_t)blockIdx.x * THREADS + threadIdx.x; at < n; at += (size_t)gridDim.x * THREADS) {
        int          i = (int)(at % (size_t)pairs), h = (int)(at / (size_t)pairs % (size_t)heads);
        size_t       row = at / (size_t)pairs / (size_t)heads;
        const float *c = turn + row % (size_t)tokens * (size_t)dh;
        size_t       a = row * (size_t)width + (size_t)(h * dh + (even ? 2 * i : i)),
               b = a + (size_t)(even ? 1 : pairs);
        float u = ep_load(qkv, t, a), v = ep_load(qkv, t, b), co = c[i], si = c[pairs + i];
        ep_store(qkv, t, a, u * co - v * si);
        ep_store(qkv, t, b, u * si + v * co);
    }
}
ir_status rw_turn(cuda_dev *c, const ly_row *r, rw_buf qkv, const float *turn)
{
    int    heads = (int)(r->heads + ly_kv_heads(r));
    size_t n = (size_t)r->rows * (size_t)heads * (size_t)(r->dh / 2);
    return cuda_launch(c, turn_kernel, dim3(spread(c, n)), dim3(THREADS), 0, qkv.p, (int)qkv.t, turn, n,
                       heads, (int)r->dh, (int)r->tokens, (int)ly_qkv_width(r),
                       r->rope.pairs == LY_ROPE_EVEN);
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
                int h = oh * s.stride - s.pad + r, w = ow * s.stride - s.pad_w + q;
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
