/* decode.cu -- see decode.h: phases of a step of at most DC_ROWS token rows. What one phase wrote another
 * reads, possibly inside one kernel, so activations are loaded through L2 (cu_ldcg, cu_ld16), never from L1,
 * which does not see other blocks' writes.
 *
 * A product: the block brings its few rows of x to shared memory, normed or joined on the way, then streams
 * weights: a warp or several an output row, 16 bytes a lane. x lies so that lanes read neighbouring 16 bytes
 * whatever the width of a weight. Shared memory is dynamic throughout. K is a multiple of 16 and heads have
 * an even width of at most DC_MAX_DH. */
#include "kernels/cuda/decode.h"
#include "kernels/cuda/epilogue.cuh"
#include "kernels/cuda/weights.cuh"

template <class W> struct kv_of {
    typedef __nv_bfloat16 T;
};
template <> struct kv_of<w_f32> {
    typedef float T;
};
template <> struct kv_of<w_f16> {
    typedef __half T;
};

CU_FN float *buffer(const dc_args &a, int b) { return b == LY_OUTPUT ? a.out : a.buf[b]; }
/* Float4 number k4 of a row of x in shared memory. */
template <class W> CU_FN int slot(int k4, int K) { return k4 % (W::N / 4) * (K / W::N) + k4 / (W::N / 4); }

/* ---- rows of x ------------------------------------------------------------------------------- */
/* Sums of B values over the block; red: DC_WARPS * B floats. Ends with every thread past its reads. */
template <int B> CU_FN void block_sums(float (&v)[B], float *red)
{
    int tid = (int)threadIdx.x;
    CU_UNROLL for (int b = 0; b < B; b++)
    {
        float s = cu_warp_sum(v[b]);
        if (tid % 32 == 0) red[tid / 32 * B + b] = s;
    }
    cu_sync();
    CU_UNROLL for (int b = 0; b < B; b++)
    {
        v[b] = 0;
        for (int w = 0; w < DC_WARPS; w++) v[b] += red[w * B + b];
    }
    cu_sync();
}

/* Column c of row m of an attention, from its parts. */
CU_FN float joined(const dc_args &a, const dc_phase &p, int m, int c)
{
    int          width = p.dh + 2, d = c % p.dh;
    const float *part = a.parts + (size_t)(m * p.heads + c / p.dh) * (size_t)(p.split * width);
    float        most = -INFINITY, sum = 0, o = 0;
    for (int z = 0; z < p.split; z++) most = fmaxf(most, cu_ldcg(part + z * width));
    for (int z = 0; z < p.split; z++) {
        float s = cu_ldcg(part + z * width + 1),
              f = s > 0 ? cu_exp(cu_ldcg(part + z * width) - most) : 0.0f; /* a share without keys */
        sum += f * s;
        o += f * cu_ldcg(part + z * width + 2 + d);
    }
    return o / sum;
}

template <class W, int B> CU_FN void stage_rows(const dc_args &a, const dc_phase &p, float *x, float *red)
{
    const float *in = buffer(a, p.in);
    int          tid = (int)threadIdx.x, quads = p.K / 4;
    float        sum[B];
    CU_UNROLL for (int b = 0; b < B; b++) sum[b] = 0;
    CU_UNROLL for (int b = 0; b < B; b++)
    {
        int m = b < p.M ? b : 0;
        CU_UNROLL_BY(2) for (int k = tid; k < quads; k += DC_THREADS)
        {
            float4 v;
            if (p.split) {
                v = make_float4(joined(a, p, m, 4 * k), joined(a, p, m, 4 * k + 1),
                                joined(a, p, m, 4 * k + 2), joined(a, p, m, 4 * k + 3));
            } else {
                uint4 u = cu_ld16(in + ((size_t)m * (size_t)p.every + (size_t)p.skip) * (size_t)p.K +
                                  (size_t)(4 * k));
                v = make_float4(__uint_as_float(u.x), __uint_as_float(u.y), __uint_as_float(u.z),
                                __uint_as_float(u.w));
            }
            ((float4 *)(x + b * p.K))[slot<W>(k, p.K)] = v;
            sum[b] += (v.x + v.y) + (v.z + v.w);
        }
    }
    if (p.g_at >= 0) { /* every thread norms what it stored itself */
        float var[B];
        block_sums<B>(sum, red);
        CU_UNROLL for (int b = 0; b < B; b++)
        {
            var[b] = 0;
            sum[b] /= (float)p.K;
            CU_UNROLL_BY(1) for (int k = tid; k < quads; k += DC_THREADS)
            {
                float4 v = ((const float4 *)(x + b * p.K))[slot<W>(k, p.K)];
                v.x -= sum[b], v.y -= sum[b], v.z -= sum[b], v.w -= sum[b];
                var[b] += (v.x * v.x + v.y * v.y) + (v.z * v.z + v.w * v.w);
            }
        }
        block_sums<B>(var, red);
        CU_UNROLL for (int b = 0; b < B; b++)
        {
            float scale = 1.0f / sqrtf(var[b] / (float)p.K + 1e-5f);
            CU_UNROLL_BY(1) for (int k = tid; k < quads; k += DC_THREADS)
            {
                float4 *at = (float4 *)(x + b * p.K) + slot<W>(k, p.K), v = *at;
                float4  g = *(const float4 *)(a.V + p.g_at + 4 * k),
                       o = *(const float4 *)(a.V + p.o_at + 4 * k);
                *at = make_float4((v.x - sum[b]) * scale * g.x + o.x, (v.y - sum[b]) * scale * g.y + o.y,
                                  (v.z - sum[b]) * scale * g.z + o.z, (v.w - sum[b]) * scale * g.w + o.w);
            }
        }
    }
    cu_sync();
}

/* ---- product --------------------------------------------------------------------------------- */
CU_FN void put_sum(const dc_args &a, const dc_phase &p, int m, int n, float v)
{
    if (m >= p.M || n >= p.N) return;
    size_t at = (size_t)m * (size_t)p.N + (size_t)n;
    if (p.s_at >= 0) v *= a.V[p.s_at + n];
    if (p.b_at >= 0) v += a.V[p.b_at + n];
    if (p.add != LY_NONE) v += cu_ldcg(buffer(a, p.add) + at);
    buffer(a, p.out)[at] = ep_act(p.act, v);
}

template <class W, int B> CU_FN void product_phase(const dc_args &a, const dc_phase &p, float *x)
{
    constexpr int N = W::N, AHEAD = 4, QUADS = B >= 4 ? 1 : N / 4;
    float        *red = x + B * p.K;
    int           tid = (int)threadIdx.x, lane = tid % 32, warp = tid / 32, rows = DC_WARPS / p.warps,
        part = warp % p.warps, chunks = p.K / N;
    int stride = 32 * p.warps;
    stage_rows<W, B>(a, p, x, red);
    for (int n0 = (int)blockIdx.x * rows; n0 < p.N; n0 += (int)gridDim.x * rows) {
        int                  n = n0 + warp / p.warps;
        const typename W::T *row =
            (const typename W::T *)a.W + p.W_at + (int64_t)(n < p.N ? n : p.N - 1) * p.K;
        float acc[B];
        CU_UNROLL for (int b = 0; b < B; b++) acc[b] = 0;
        CU_UNROLL_BY(1) for (int q0 = part * 32 + lane; q0 < chunks; q0 += AHEAD * stride)
        {
            uint4 w[AHEAD];
            CU_UNROLL for (int u = 0; u < AHEAD; u++)
            {
                int q = q0 + u * stride;
                w[u] = q < chunks ? cu_ldnc16(row + (size_t)q * N) : make_uint4(0, 0, 0, 0);
            }
            CU_UNROLL for (int u = 0; u < AHEAD; u++)
            {
                int q = q0 + u * stride < chunks ? q0 + u * stride : q0; /* zeros times something finite */
                CU_UNROLL_BY(QUADS) for (int i = 0; i < N / 4; i++)
                {
                    float f[4];
                    W::open(w[u], i, f);
                    CU_UNROLL for (int b = 0; b < B; b++)
                    {
                        float4 v = ((const float4 *)(x + b * p.K))[i * chunks + q];
                        acc[b] = fmaf(f[3], v.w, fmaf(f[2], v.z, fmaf(f[1], v.y, fmaf(f[0], v.x, acc[b]))));
                    }
                }
            }
        }
        CU_UNROLL for (int b = 0; b < B; b++) acc[b] = cu_warp_sum(acc[b]);
        if (p.warps == 1) {
            CU_UNROLL for (int b = 0; b < B; b++) if (lane == b) put_sum(a, p, b, n, acc[b]);
            continue;
        }
        if (lane == 0) CU_UNROLL for (int b = 0; b < B; b++) red[warp * B + b] = acc[b];
        cu_sync();
        if (tid < rows * B) {
            float s = 0;
            for (int w = 0; w < p.warps; w++) s += red[(tid / B * p.warps + w) * B + tid % B];
            put_sum(a, p, tid % B, n0 + tid / B, s);
        }
        cu_sync();
    }
}

/* What this block will read of the weights of a product to come, at most AHEAD_B of it. */
template <class W> CU_FN void fetch_ahead(const dc_args &a, const dc_phase &p)
{
    constexpr int AHEAD_B = 48 << 10, LINE = 128;
    int warp = (int)threadIdx.x / 32, rows = DC_WARPS / p.warps, bytes = p.K * (int)sizeof(typename W::T),
        taken = 0;
    for (int n0 = (int)blockIdx.x * rows; n0 < p.N && taken < AHEAD_B;
         n0 += (int)gridDim.x * rows, taken += rows * bytes) {
        int n = n0 + warp / p.warps;
        if (n >= p.N) continue;
        const char *row = (const char *)a.W + (p.W_at + (int64_t)n * p.K) * (int64_t)sizeof(typename W::T);
        for (int at = (warp % p.warps * 32 + (int)threadIdx.x % 32) * LINE; at < bytes;
             at += 32 * p.warps * LINE)
            cu_prefetch_l2(row + at);
    }
}

/* ---- attention ------------------------------------------------------------------------------- */
CU_FN float2 two_of(const float *p) { return *(const float2 *)p; }
CU_FN float2 two_of(const __half *p) { return __half22float2(*(const __half2 *)p); }
CU_FN float2 two_of(const __nv_bfloat16 *p) { return make_float2(cu_f32(p[0]), cu_f32(p[1])); }

/* Columns d, d + 1 of key (which 0) or value (1) j: cached, or new and rounded as the cache would. */
template <class T>
CU_FN float2 key_pair(const dc_phase &p, const T *cache, const float *fresh, int which, int j, int d)
{
    if (j < p.past) return two_of(cache + (size_t)j * (size_t)p.dh + (size_t)d);
    const float *f = fresh + (size_t)(j - p.past) * (size_t)(3 * p.heads * p.dh) +
                     (size_t)((1 + which) * p.heads * p.dh + d);
    return make_float2(cu_f32(cu_from<T>(cu_ldcg(f))), cu_f32(cu_from<T>(cu_ldcg(f + 1))));
}

/* One share of the keys of one query and head. s: dh for the query, then DC_WARPS times (maximum, sum, dh
 * columns). */
template <class T> CU_FN void attention_share(const dc_args &a, const dc_phase &p, int item, float *s)
{
    constexpr int AHEAD = 4, PAIRS = DC_MAX_DH / 64;
    int           tid = (int)threadIdx.x, lane = tid % 32, warp = tid / 32, z = item % p.split,
        h = item / p.split % p.heads, m = item / p.split / p.heads;
    int b = m / p.tokens, t = m % p.tokens, n = p.past + t + 1, per = (n + p.split - 1) / p.split,
        j0 = z * per, j1 = j0 + per < n ? j0 + per : n;
    int          wide = p.heads * p.dh;
    const float *qkv = buffer(a, p.in),
                *fresh = qkv + (size_t)(b * p.tokens) * (size_t)(3 * wide) + (size_t)(h * p.dh);
    size_t plane = (size_t)a.cap * (size_t)p.dh,
           key = (size_t)p.plane + ((size_t)b * (size_t)p.heads + (size_t)h) * plane;
    T     *kc = (T *)a.kv + key, *vc = kc + (size_t)a.batch * (size_t)p.heads * plane;
    float *q = s, *mine = s + p.dh + warp * (p.dh + 2), scale = 1.0f / sqrtf((float)p.dh);
    for (int d = tid; d < p.dh; d += DC_THREADS)
        q[d] = cu_ldcg(fresh + (size_t)t * (size_t)(3 * wide) + (size_t)d) * scale;
    if (z == 0)
        for (int d = tid; d < 2 * p.dh; d += DC_THREADS) {
            int which = d / p.dh, c = d % p.dh;
            (which ? vc : kc)[(size_t)(p.past + t) * (size_t)p.dh + (size_t)c] = cu_from<T>(
                cu_ldcg(fresh + (size_t)t * (size_t)(3 * wide) + (size_t)((1 + which) * wide + c)));
        }
    cu_sync();
    float  most = -INFINITY, sum = 0;
    float2 o[PAIRS];
    CU_UNROLL for (int i = 0; i < PAIRS; i++) o[i] = make_float2(0, 0);
    CU_UNROLL_BY(1) for (int j = j0 + warp; j < j1; j += AHEAD * DC_WARPS)
    {
        float  w[AHEAD], m2 = most;
        float2 v[AHEAD][PAIRS];
        CU_UNROLL for (int u = 0; u < AHEAD; u++)
        {
            int ju = j + u * DC_WARPS < j1 ? j + u * DC_WARPS : j;
            w[u] = 0;
            CU_UNROLL for (int i = 0; i < PAIRS; i++)
            {
                int d = 2 * lane + 64 * i;
                v[u][i] = make_float2(0, 0);
                if (d >= p.dh) continue;
                float2 k = key_pair<T>(p, kc, fresh, 0, ju, d);
                v[u][i] = key_pair<T>(p, vc, fresh, 1, ju, d);
                w[u] = fmaf(q[d + 1], k.y, fmaf(q[d], k.x, w[u]));
            }
        }
        CU_UNROLL for (int u = 0; u < AHEAD; u++)
        {
            w[u] = cu_warp_sum(w[u]);
            if (j + u * DC_WARPS >= j1) w[u] = -INFINITY;
            m2 = fmaxf(m2, w[u]);
        }
        float keep = cu_exp(most - m2);
        most = m2;
        sum *= keep;
        CU_UNROLL for (int i = 0; i < PAIRS; i++) o[i].x *= keep, o[i].y *= keep;
        CU_UNROLL for (int u = 0; u < AHEAD; u++)
        {
            w[u] = cu_exp(w[u] - m2);
            sum += w[u];
            CU_UNROLL for (int i = 0; i < PAIRS; i++) o[i].x = fmaf(w[u], v[u][i].x, o[i].x),
                                                      o[i].y = fmaf(w[u], v[u][i].y, o[i].y);
        }
    }
    if (lane == 0) mine[0] = most, mine[1] = sum;
    CU_UNROLL for (int i = 0; i < PAIRS; i++)
    {
        int d = 2 * lane + 64 * i;
        if (d < p.dh) mine[2 + d] = o[i].x, mine[3 + d] = o[i].y;
    }
    cu_sync();
    float *part = a.parts + (size_t)item * (size_t)(p.dh + 2), all = -INFINITY, total = 0;
    for (int w = 0; w < DC_WARPS; w++) all = fmaxf(all, s[p.dh + w * (p.dh + 2)]);
    for (int d = tid; d < p.dh; d += DC_THREADS) {
        float c = 0;
        total = 0;
        for (int w = 0; w < DC_WARPS; w++) {
            const float *x = s + p.dh + w * (p.dh + 2);
            float        f = x[1] > 0 ? cu_exp(x[0] - all) : 0.0f;
            total += f * x[1];
            c += f * x[2 + d];
        }
        part[2 + d] = c;
    }
    if (tid == 0) part[0] = all, part[1] = total;
    cu_sync();
}

/* ---- phases ---------------------------------------------------------------------------------- */
template <class W> CU_FN void embed_phase(const dc_args &a, const dc_phase &p)
{
    const typename W::T *w = (const typename W::T *)a.W;
    for (int i = (int)(blockIdx.x * DC_THREADS + threadIdx.x); i < p.M * p.K;
         i += (int)gridDim.x * DC_THREADS) {
        int   m = i / p.K, c = i % p.K, word = a.token[m], pos = p.past + m % p.tokens;
        float f = p.s_at >= 0 ? a.V[p.s_at + word] : 1.0f,
              g = p.s_at >= 0 ? a.V[p.s_at + p.vocab + pos] : 1.0f;
        buffer(a, p.out)[i] =
            f * cu_f32(w[p.W_at + (int64_t)word * p.K + c]) + g * cu_f32(w[p.P_at + (int64_t)pos * p.K + c]);
    }
}

template <class W, int B> CU_FN void run_phase(const dc_args &a, const dc_phase &p, float *shared)
{
    if (p.op == DC_PRODUCT)
        product_phase<W, B>(a, p, shared);
    else if (p.op == DC_ATTENTION)
        for (int i = (int)blockIdx.x; i < p.M * p.heads * p.split; i += (int)gridDim.x)
            attention_share<typename kv_of<W>::T>(a, p, i, shared);
    else
        embed_phase<W>(a, p);
}

template <class W, int B> CU_KERNEL(DC_THREADS, 2) phase_kernel(dc_args a, int i)
{
    CU_SMEM(smem);
    run_phase<W, B>(a, a.phase[i], (float *)smem);
}

/* Blocks meet after every phase; the counter grows through the whole step, so no meeting has to reset it. */
template <class W, int B> CU_KERNEL(DC_THREADS, 2) resident_kernel(dc_args a)
{
    CU_SMEM(smem);
    unsigned goal = 0;
    for (int i = 0; i < a.n; i++) {
        dc_phase p = a.phase[i];
        run_phase<W, B>(a, p, (float *)smem);
        if (i + 1 == a.n) return;
        goal += gridDim.x;
        cu_sync();
        if (threadIdx.x == 0) cu_add_release(a.arrived, 1);
        if (p.ahead >= 0) fetch_ahead<W>(a, a.phase[p.ahead]);
        if (threadIdx.x == 0)
            while (cu_ld_acquire(a.arrived) < goal) cu_pause();
        cu_sync();
    }
}

/* ---- launching ------------------------------------------------------------------------------- */
/* f.template with<W, B>() for the kernel of these weights and rows. */
template <class F> static ir_status for_kernel(int rows, pr_type wt, F f)
{
#define ROWS(W) \
    return rows == 1 ? f.template with<W, 1>() : rows == 2 ? f.template with<W, 2>() : f.template with<W, 4>()
    switch (wt) {
    case PR_F32: ROWS(w_f32);
    case PR_F16: ROWS(w_f16);
    case PR_BF16: ROWS(w_bf16);
    case PR_I8: ROWS(w_i8);
    default: ROWS(w_f8);
    }
#undef ROWS
}

struct phase_launch {
    cuda_dev                           *c;
    const dc_args                      *a;
    int                                 phase, blocks;
    size_t                              smem;
    template <class W, int B> ir_status with() const
    {
        ir_status st = cuda_allow_smem(c, (const void *)phase_kernel<W, B>, smem);
        return st == IR_OK ? cuda_launch(c, phase_kernel<W, B>, dim3((unsigned)blocks), dim3(DC_THREADS),
                                         smem, *a, phase)
                           : st;
    }
};
struct resident_launch {
    cuda_dev                           *c;
    const dc_args                      *a;
    int                                 blocks;
    size_t                              smem;
    template <class W, int B> ir_status with() const
    {
        return cuda_launch_cooperative(c, resident_kernel<W, B>, dim3((unsigned)blocks), dim3(DC_THREADS),
                                       smem, *a);
    }
};
struct resident_count {
    cuda_dev                           *c;
    size_t                              smem;
    int                                *blocks;
    template <class W, int B> ir_status with() const
    {
        ir_status st = cuda_allow_smem(c, (const void *)resident_kernel<W, B>, smem);
        return st == IR_OK ? cuda_resident(c, (const void *)resident_kernel<W, B>, DC_THREADS, smem, blocks)
                           : st;
    }
};

ir_status dc_run_phase(cuda_dev *c, const dc_args *a, int phase, int rows, pr_type wt, int blocks,
                       size_t smem)
{
    return for_kernel(rows, wt, phase_launch{c, a, phase, blocks, smem});
}
ir_status dc_run_resident(cuda_dev *c, const dc_args *a, int rows, pr_type wt, int blocks, size_t smem)
{
    return for_kernel(rows, wt, resident_launch{c, a, blocks, smem});
}
ir_status dc_resident(cuda_dev *c, int rows, pr_type wt, size_t smem, int *blocks)
{
    return for_kernel(rows, wt, resident_count{c, smem, blocks});
}
