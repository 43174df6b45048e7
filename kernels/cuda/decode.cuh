/* decode.cuh -- see decode.h: phases of a step of at most DC_ROWS token rows, for one type of weights;
 * decode_*.cu have one each. What one phase wrote another reads, possibly inside one kernel, so activations
 * are loaded through L2 (cu_ldcg, cu_ld8, cu_ld16), never from L1, which does not see other blocks' writes.
 * Phases are passed by value: a loop must not read them from memory again.
 *
 * A product: the block brings its few rows of x to shared memory, normed or joined on the way, then streams
 * weights: a warp or several an output row, 16 bytes a lane. x lies so that lanes read neighbouring 16 bytes
 * whatever the width of a weight. Shared memory is dynamic throughout. K is a multiple of 16 and heads have
 * an even width of at most DC_MAX_DH. */
#ifndef CUDA_DECODE_CUH
#define CUDA_DECODE_CUH
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

/* What each share of a query's keys weighs in its sum, to w[row][head][share]: half a warp a row and head. */
CU_FN void join_weights(const dc_args &a, const dc_phase &p, int rows, float *w)
{
    int tid = (int)threadIdx.x, z = tid % DC_SPLIT, width = p.dh + 2, items = rows * p.heads;
    CU_UNROLL_BY(1) for (int i0 = 0; i0 < items; i0 += DC_THREADS / DC_SPLIT)
    {
        int    i = i0 + tid / DC_SPLIT;
        bool   in = i < items && z < p.split;
        float2 part =
            in ? cu_ld8(a.parts + (size_t)(i * p.split + z) * (size_t)width) : make_float2(-INFINITY, 0);
        float most = part.x, sum;
        for (int m = DC_SPLIT / 2; m > 0; m /= 2) most = fmaxf(most, cu_shfl_xor(most, m));
        float f = part.y > 0 ? cu_exp(part.x - most) : 0.0f; /* a share without keys has none */
        sum = f * part.y;
        for (int m = DC_SPLIT / 2; m > 0; m /= 2) sum += cu_shfl_xor(sum, m);
        if (in) w[i * p.split + z] = f / sum;
    }
    cu_sync();
}

/* Columns c, c + 1 of row m of an attention, from its parts; several are on their way at a time. */
CU_FN float2 joined(const dc_args &a, const dc_phase &p, const float *w, int m, int c)
{
    constexpr int AT_ONCE = 4;
    int           width = p.dh + 2, h = c / p.dh, item = (m * p.heads + h) * p.split;
    const float  *part = a.parts + (size_t)item * (size_t)width + (size_t)(2 + c - h * p.dh);
    float2        o = make_float2(0, 0);
    CU_UNROLL_BY(1) for (int z0 = 0; z0 < p.split; z0 += AT_ONCE)
    {
        float2 v[AT_ONCE];
        CU_UNROLL for (int u = 0; u < AT_ONCE; u++) v[u] =
            cu_ld8(part + (size_t)(z0 + u < p.split ? z0 + u : z0) * (size_t)width);
        CU_UNROLL for (int u = 0; u < AT_ONCE; u++)
        {
            float f = z0 + u < p.split ? w[item + z0 + u] : 0.0f;
            o.x = fmaf(f, v[u].x, o.x), o.y = fmaf(f, v[u].y, o.y);
        }
    }
    return o;
}

/* Rows of x that are an attention's output. No norm reads one. */
template <class W> CU_FN void stage_joined(const dc_args &a, const dc_phase &p, float *x, float *shares)
{
    int quads = p.K / 4;
    join_weights(a, p, p.M, shares);
    CU_UNROLL_BY(1) for (int i = (int)threadIdx.x; i < p.M * quads; i += DC_THREADS)
    {
        int    m = i / quads, k = i - m * quads;
        float2 lo = joined(a, p, shares, m, 4 * k), hi = joined(a, p, shares, m, 4 * k + 2);
        ((float4 *)(x + m * p.K))[slot<W>(k, p.K)] = make_float4(lo.x, lo.y, hi.x, hi.y);
    }
    cu_sync();
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
            uint4 u =
                cu_ld16(in + ((size_t)m * (size_t)p.every + (size_t)p.skip) * (size_t)p.K + (size_t)(4 * k));
            float4 v = make_float4(__uint_as_float(u.x), __uint_as_float(u.y), __uint_as_float(u.z),
                                   __uint_as_float(u.w));
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
/* One output of a thread: what is added to its sum is fetched before the weights, so that nobody waits for it
 * at the end. */
struct result {
    float *at;
    float  scale, plus;
};
CU_FN result result_of(const dc_args &a, const dc_phase &p, bool mine, int m, int n)
{
    result r = {nullptr, 1, 0};
    if (!mine || m >= p.M || n >= p.N) return r;
    size_t at = (size_t)m * (size_t)p.N + (size_t)n;
    r.at = buffer(a, p.out) + at;
    if (p.s_at >= 0) r.scale = a.V[p.s_at + n];
    if (p.b_at >= 0) r.plus = a.V[p.b_at + n];
    if (p.add != LY_NONE) r.plus += cu_ldcg(buffer(a, p.add) + at);
    return r;
}
CU_FN void put_sum(const dc_phase &p, const result &r, float v)
{
    if (r.at) *r.at = ep_act(p.act, fmaf(v, r.scale, r.plus));
}

template <class W, int B> CU_FN void product_phase(const dc_args &a, const dc_phase &p, float *x)
{
    constexpr int N = W::N, AHEAD = 4, QUADS = B >= 4 ? 1 : N / 4;
    float        *red = x + B * p.K;
    int           tid = (int)threadIdx.x, lane = tid % 32, warp = tid / 32, rows = DC_WARPS / p.warps,
        part = warp % p.warps, chunks = p.K / N;
    int stride = 32 * p.warps;
    if (p.split)
        stage_joined<W>(a, p, x, red + DC_WARPS * B);
    else
        stage_rows<W, B>(a, p, x, red);
    CU_UNROLL_BY(1) for (int n0 = (int)blockIdx.x * rows; n0 < p.N; n0 += (int)gridDim.x * rows)
    {
        int                  n = n0 + warp / p.warps;
        const typename W::T *row =
            (const typename W::T *)a.W + p.W_at + (int64_t)(n < p.N ? n : p.N - 1) * p.K;
        result mine = p.warps == 1 ? result_of(a, p, lane < B, lane, n)
                                   : result_of(a, p, tid < rows * B, tid % B, n0 + tid / B);
        float  acc[B];
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
            float s = acc[0];
            CU_UNROLL for (int b = 1; b < B; b++) s = lane == b ? acc[b] : s;
            put_sum(p, mine, s);
            continue;
        }
        if (lane == 0) CU_UNROLL for (int b = 0; b < B; b++) red[warp * B + b] = acc[b];
        cu_sync();
        if (tid < rows * B) {
            float s = 0;
            CU_UNROLL_BY(1) for (int w = 0; w < p.warps; w++) s += red[(tid / B * p.warps + w) * B + tid % B];
            put_sum(p, mine, s);
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
    CU_UNROLL_BY(1)
    for (int n0 = (int)blockIdx.x * rows; n0 < p.N && taken < AHEAD_B;
         n0 += (int)gridDim.x * rows, taken += rows * bytes) {
        int n = n0 + warp / p.warps;
        if (n >= p.N) continue;
        const char *row = (const char *)a.W + (p.W_at + (int64_t)n * p.K) * (int64_t)sizeof(typename W::T);
        CU_UNROLL_BY(1)
        for (int at = (warp % p.warps * 32 + (int)threadIdx.x % 32) * LINE; at < bytes;
             at += 32 * p.warps * LINE)
            cu_prefetch_l2(row + at);
    }
}

/* ---- attention ------------------------------------------------------------------------------- */
/* Two neighbouring columns of a cached row, in one load. */
template <class T> struct pair_of {
    typedef unsigned raw;
};
template <> struct pair_of<float> {
    typedef uint2 raw;
};
CU_FN void   load_pair(const void *p, unsigned &r) { r = cu_ldnc4(p); }
CU_FN void   load_pair(const void *p, uint2 &r) { r = cu_ldnc8(p); }
CU_FN float2 open_pair(float, uint2 r) { return make_float2(__uint_as_float(r.x), __uint_as_float(r.y)); }
CU_FN float2 open_pair(__nv_bfloat16, unsigned r)
{
    return make_float2(__uint_as_float(r << 16), __uint_as_float(r & 0xFFFF0000u));
}
CU_FN float2 open_pair(__half, unsigned r)
{
    float f[2];
    cu_open_half2(r, f);
    return make_float2(f[0], f[1]);
}

/* What a warp has seen of a query's keys. */
enum { DC_PAIRS = DC_MAX_DH / 64 }; /* of columns a lane: 2 lane + 64 i */
struct share {
    float  most, sum;
    float2 o[DC_PAIRS];
};
/* N more keys with scores w (this lane's part of them; -inf: none) and values v. */
template <int N>
CU_FN void share_keys(share &s, float (&w)[N], const bool (&in)[N], const float2 (&v)[N][DC_PAIRS])
{
    float most = s.most;
    CU_UNROLL for (int u = 0; u < N; u++)
    {
        w[u] = cu_warp_sum(w[u]);
        if (!in[u]) w[u] = -INFINITY;
        most = fmaxf(most, w[u]);
    }
    float keep = cu_exp(s.most - most);
    s.most = most;
    s.sum *= keep;
    CU_UNROLL for (int i = 0; i < DC_PAIRS; i++) s.o[i].x *= keep, s.o[i].y *= keep;
    CU_UNROLL for (int u = 0; u < N; u++)
    {
        float f = cu_exp(w[u] - most);
        s.sum += f;
        CU_UNROLL for (int i = 0; i < DC_PAIRS; i++) s.o[i].x = fmaf(f, v[u][i].x, s.o[i].x),
                                                     s.o[i].y = fmaf(f, v[u][i].y, s.o[i].y);
    }
}

/* One share of the keys of one query and head. s: DC_WARPS times (maximum, sum, dh columns). */
template <class T> CU_FN void attention_share(const dc_args &a, const dc_phase &p, int item, float *s)
{
    constexpr int                    AHEAD = 4;
    typedef typename pair_of<T>::raw raw;
    int tid = (int)threadIdx.x, lane = tid % 32, warp = tid / 32, z = item % p.split,
        h = item / p.split % p.heads, m = item / p.split / p.heads;
    int b = m / p.tokens, t = m % p.tokens, n = p.past + t + 1, per = (n + p.split - 1) / p.split,
        j0 = z * per, j1 = j0 + per < n ? j0 + per : n;
    int          wide = p.heads * p.dh, cached = j1 < p.past ? j1 : p.past;
    const float *qkv = buffer(a, p.in),
                *fresh = qkv + (size_t)(b * p.tokens) * (size_t)(3 * wide) + (size_t)(h * p.dh);
    size_t plane = (size_t)a.cap * (size_t)p.dh,
           key = (size_t)p.plane + ((size_t)b * (size_t)p.heads + (size_t)h) * plane;
    T     *kc = (T *)a.kv + key, *vc = kc + (size_t)a.batch * (size_t)p.heads * plane;
    float *mine = s + warp * (p.dh + 2), scale = 1.0f / sqrtf((float)p.dh);
    int col[DC_PAIRS]; /* this lane's columns; those beyond the last are the first ones, with a query of zeros
                        */
    float2 q[DC_PAIRS];
    share  r;
    r.most = -INFINITY, r.sum = 0;
    CU_UNROLL for (int i = 0; i < DC_PAIRS; i++)
    {
        bool in = 2 * lane + 64 * i < p.dh;
        col[i] = in ? 2 * lane + 64 * i : 0;
        q[i] = cu_ld8(fresh + (size_t)t * (size_t)(3 * wide) + (size_t)col[i]);
        q[i].x *= in ? scale : 0.0f, q[i].y *= in ? scale : 0.0f;
        r.o[i] = make_float2(0, 0);
    }
    if (z == 0) CU_UNROLL_BY(1) for (int d = tid; d < 2 * p.dh; d += DC_THREADS)
        {
            int which = d / p.dh, c = d % p.dh;
            (which ? vc : kc)[(size_t)(p.past + t) * (size_t)p.dh + (size_t)c] = cu_from<T>(
                cu_ldcg(fresh + (size_t)t * (size_t)(3 * wide) + (size_t)((1 + which) * wide + c)));
        }
    CU_UNROLL_BY(1) for (int j = j0 + warp; j < cached; j += AHEAD * DC_WARPS)
    {
        raw    k[AHEAD][DC_PAIRS], x[AHEAD][DC_PAIRS]; /* all on their way before the first is used */
        float  w[AHEAD];
        bool   in[AHEAD];
        float2 v[AHEAD][DC_PAIRS];
        CU_UNROLL for (int u = 0; u < AHEAD; u++)
        {
            in[u] = j + u * DC_WARPS < cached;
            size_t row = (size_t)(in[u] ? j + u * DC_WARPS : j) * (size_t)p.dh;
            CU_UNROLL for (int i = 0; i < DC_PAIRS; i++) load_pair(kc + row + (size_t)col[i], k[u][i]);
            CU_UNROLL for (int i = 0; i < DC_PAIRS; i++) load_pair(vc + row + (size_t)col[i], x[u][i]);
        }
        CU_UNROLL for (int u = 0; u < AHEAD; u++)
        {
            w[u] = 0;
            CU_UNROLL for (int i = 0; i < DC_PAIRS; i++)
            {
                float2 f = open_pair(T(), k[u][i]);
                w[u] = fmaf(q[i].y, f.y, fmaf(q[i].x, f.x, w[u]));
                v[u][i] = open_pair(T(), x[u][i]);
            }
        }
        share_keys<AHEAD>(r, w, in, v);
    }
    /* New keys, rounded as the cache rounds them. */
    CU_UNROLL_BY(1) for (int j = (j0 > p.past ? j0 : p.past) + warp; j < j1; j += DC_WARPS)
    {
        const float *f = fresh + (size_t)(j - p.past) * (size_t)(3 * wide) + (size_t)wide;
        float        w[1] = {0};
        const bool   in[1] = {true};
        float2       v[1][DC_PAIRS];
        CU_UNROLL for (int i = 0; i < DC_PAIRS; i++)
        {
            float2 k = cu_ld8(f + col[i]), x = cu_ld8(f + wide + col[i]);
            w[0] = fmaf(q[i].y, cu_f32(cu_from<T>(k.y)), fmaf(q[i].x, cu_f32(cu_from<T>(k.x)), w[0]));
            v[0][i] = make_float2(cu_f32(cu_from<T>(x.x)), cu_f32(cu_from<T>(x.y)));
        }
        share_keys<1>(r, w, in, v);
    }
    if (lane == 0) mine[0] = r.most, mine[1] = r.sum;
    CU_UNROLL for (int i = 0; i < DC_PAIRS; i++)
    {
        int d = 2 * lane + 64 * i;
        if (d < p.dh) mine[2 + d] = r.o[i].x, mine[3 + d] = r.o[i].y;
    }
    cu_sync();
    float *part = a.parts + (size_t)item * (size_t)(p.dh + 2), all = -INFINITY, total = 0;
    CU_UNROLL_BY(1) for (int w = 0; w < DC_WARPS; w++) all = fmaxf(all, s[w * (p.dh + 2)]);
    CU_UNROLL_BY(1) for (int d = tid; d < p.dh; d += DC_THREADS)
    {
        float c = 0;
        total = 0;
        CU_UNROLL_BY(1) for (int w = 0; w < DC_WARPS; w++)
        {
            const float *x = s + w * (p.dh + 2);
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
    CU_UNROLL_BY(1)
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
    else if (p.op == DC_ATTENTION) {
        CU_UNROLL_BY(1)
        for (int i = (int)blockIdx.x; i < p.M * p.heads * p.split; i += (int)gridDim.x)
            attention_share<typename kv_of<W>::T>(a, p, i, shared);
    } else
        embed_phase<W>(a, p);
}

template <class W, int B> CU_KERNEL(DC_THREADS, 2) phase_kernel(dc_args a, dc_phase p)
{
    CU_SMEM(smem);
    cu_let_next_start();
    if (p.early) fetch_ahead<W>(a, p); /* the weights change with no phase */
    cu_wait_for_last();
    run_phase<W, B>(a, p, (float *)smem);
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
template <class W, int B>
static ir_status phase_rows(cuda_dev *c, const dc_args *a, const dc_phase *p, int blocks, size_t smem)
{
    ir_status st = cuda_allow_smem(c, (const void *)phase_kernel<W, B>, smem);
    cuda_way  way = p->early ? CUDA_EARLY : CUDA_PLAIN;
    return st == IR_OK ? cuda_launch_as(way, c, phase_kernel<W, B>, dim3((unsigned)blocks), dim3(DC_THREADS),
                                        smem, *a, *p)
                       : st;
}
template <class W>
static ir_status phase_of(cuda_dev *c, const dc_args *a, const dc_phase *p, int rows, int blocks, size_t smem)
{
    auto go = rows == 1 ? phase_rows<W, 1> : rows == 2 ? phase_rows<W, 2> : phase_rows<W, 4>;
    return go(c, a, p, blocks, smem);
}
template <class W>
static ir_status resident_of(cuda_dev *c, const dc_args *a, int rows, int blocks, size_t smem)
{
    auto fn = rows == 1 ? resident_kernel<W, 1> : rows == 2 ? resident_kernel<W, 2> : resident_kernel<W, 4>;
    return cuda_launch_cooperative(c, fn, dim3((unsigned)blocks), dim3(DC_THREADS), smem, *a);
}
template <class W> static ir_status blocks_of(cuda_dev *c, int rows, bool resident, size_t smem, int *blocks)
{
    auto stay = rows == 1 ? resident_kernel<W, 1> : rows == 2 ? resident_kernel<W, 2> : resident_kernel<W, 4>;
    auto phase = rows == 1 ? phase_kernel<W, 1> : rows == 2 ? phase_kernel<W, 2> : phase_kernel<W, 4>;
    const void *fn = resident ? (const void *)stay : (const void *)phase;
    ir_status   st = cuda_allow_smem(c, fn, smem);
    return st == IR_OK ? cuda_resident(c, fn, DC_THREADS, smem, blocks) : st;
}
#define DC_KERNELS(id, W) const dc_kernels id = {phase_of<W>, resident_of<W>, blocks_of<W>}
#endif
