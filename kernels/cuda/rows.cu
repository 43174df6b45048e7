/* rows.cu -- see rows.h. Norm and softmax: a block a row, the row kept in shared memory where it fits. Attention: blocks of
 * 128 keys, scores one key a thread, values one pair of columns a lane, softmax online, so that scores never
 * leave the chip; keys and values of new tokens are read from qkv (rounded as the cache stores them), so that one launch
 * both appends and attends. */
#include "kernels/cuda/rows.h"
#include "kernels/cuda/epilogue.cuh"

enum { THREADS = 256, ROW_LIMIT = 40 << 10 };

template <int N> CU_FN float block_sum(float v)
{
    CU_SHARED(float, part[N / 32]);
    v = cu_warp_sum(v);
    cu_sync();
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = v;
    cu_sync();
    v = 0;
    for (int w = 0; w < N / 32; w++) v += part[w];
    return v;
}
template <int N> CU_FN float block_max(float v)
{
    CU_SHARED(float, part[N / 32]);
    v = cu_warp_max(v);
    cu_sync();
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = v;
    cu_sync();
    v = part[0];
    for (int w = 1; w < N / 32; w++) v = fmaxf(v, part[w]);
    return v;
}

/* A row as f32: from shared memory once it is there. */
struct row_in {
    const void *p; int t; size_t at; float *kept;
    CU_MEMBER float first(int i) { float v = ep_load(p, t, at + (size_t)i); if (kept) kept[i] = v; return v; }
    CU_MEMBER float again(int i) const { return kept ? kept[i] : ep_load(p, t, at + (size_t)i); }
};

CU_KERNEL(THREADS, 4) norm_kernel(const void *x, int xt, void *y, int yt, const float *gain, const float *offset, int c, int every, int skip, bool keep)
{
    CU_SMEM(smem);
    row_in in = {x, xt, ((size_t)blockIdx.x * (size_t)every + (size_t)skip) * (size_t)c, keep ? (float *)smem : nullptr};
    float  sum = 0, var = 0;
    for (int i = (int)threadIdx.x; i < c; i += THREADS) sum += in.first(i);
    float mean = block_sum<THREADS>(sum) / (float)c;
    for (int i = (int)threadIdx.x; i < c; i += THREADS) {
        float d = in.again(i) - mean;
        var += d * d;
    }
    float scale = 1.0f / sqrtf(block_sum<THREADS>(var) / (float)c + 1e-5f);
    for (int i = (int)threadIdx.x; i < c; i += THREADS)
        ep_store(y, yt, (size_t)blockIdx.x * (size_t)c + (size_t)i, (in.again(i) - mean) * scale * gain[i] + offset[i]);
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
    return cuda_launch(c, norm_kernel, dim3((unsigned)r->rows), dim3(THREADS), kept_B(r->c), (const void *)in.p, (int)in.t, out.p, (int)out.t, gain,
                       offset, (int)r->c, every, every - 1, kept_B(r->c) > 0);
}
ir_status rw_softmax(cuda_dev *c, int64_t rows, int64_t width, rw_buf in, rw_buf out)
{
    return cuda_launch(c, softmax_kernel, dim3((unsigned)rows), dim3(THREADS), kept_B(width), (const void *)in.p, (int)in.t, out.p, (int)out.t, (int)width,
                       kept_B(width) > 0);
}

/* ---- element by element ------------------------------------------------------------------------------------------ */
CU_KERNEL(THREADS, 4) map_kernel(const void *x, int xt, const void *add, int at, const float *bias, void *y, int yt, size_t n, int c, int act)
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

ir_status rw_map(cuda_dev *c, size_t n, int width, int act, rw_buf in, rw_buf add, const float *bias, rw_buf out)
{
    bool f32 = in.t == PR_F32 && out.t == PR_F32 && (!add.p || add.t == PR_F32);
    bool aligned = ((uintptr_t)in.p | (uintptr_t)add.p | (uintptr_t)out.p) % 16 == 0;
    if (f32 && aligned && !bias && n % 4 == 0)
        return cuda_launch(c, map4_kernel, dim3(spread(c, n)), dim3(THREADS), 0, (const float4 *)in.p, (const float4 *)add.p, (float4 *)out.p, n / 4, act);
    return cuda_launch(c, map_kernel, dim3(spread(c, n)), dim3(THREADS), 0, (const void *)in.p, (int)in.t, (const void *)add.p, (int)add.t, bias, out.p,
                       (int)out.t, n, width, act);
}

/* ---- pools ---------------------------------------------------------------------------------------------------------- */
struct image_shape { int H, W, C, K, R, S, stride, pad, OH, OW, per_group, k_group; };
static image_shape shape_of(const ly_row *r)
{
    image_shape s = {(int)r->h, (int)r->w, (int)r->c, (int)r->k, (int)r->r, (int)r->s, (int)r->stride, (int)r->pad, (int)r->oh, (int)r->ow, 0, 0};
    int groups = r->groups > 0 ? (int)r->groups : 1;
    s.per_group = s.C / groups;
    s.k_group = s.K / groups;
    return s;
}

CU_KERNEL(THREADS, 4) maxpool_kernel(const void *x, int xt, void *y, int yt, image_shape s, size_t n)
{
    for (size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x; i < n; i += (size_t)gridDim.x * THREADS) {
        int    c = (int)(i % (size_t)s.C), ow = (int)(i / (size_t)s.C % (size_t)s.OW), oh = (int)(i / (size_t)s.C / (size_t)s.OW % (size_t)s.OH);
        size_t image = i / (size_t)s.C / (size_t)s.OW / (size_t)s.OH;
        float  m = -INFINITY;
        for (int q = 0; q < s.R * s.S; q++) {
            int h = oh * s.stride - s.pad + q / s.S, w = ow * s.stride - s.pad + q % s.S;
            if (h >= 0 && h < s.H && w >= 0 && w < s.W)
                m = fmaxf(m, ep_load(x, xt, ((image * (size_t)s.H + (size_t)h) * (size_t)s.W + (size_t)w) * (size_t)s.C + (size_t)c));
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
        return cuda_launch(c, avgpool_kernel, dim3(cuda_ceil(n, THREADS)), dim3(THREADS), 0, (const void *)in.p, (int)in.t, out.p, (int)out.t, shape_of(r), n);
    return cuda_launch(c, maxpool_kernel, dim3(spread(c, n)), dim3(THREADS), 0, (const void *)in.p, (int)in.t, out.p, (int)out.t, shape_of(r), n);
}

/* ---- embedding -------------------------------------------------------------------------------------------------------- */
CU_KERNEL(THREADS, 4) embed_kernel(const int32_t *token, const void *W, int wt, size_t table, size_t positions, const float *scale, int vocab, int c,
                                   int tokens, int past, void *y, int yt)
{
    int    row = token[blockIdx.x], pos = past + (int)blockIdx.x % tokens;
    float  a = scale ? scale[row] : 1.0f, b = scale ? scale[vocab + pos] : 1.0f;
    size_t ta = table + (size_t)row * (size_t)c, pa = positions + (size_t)pos * (size_t)c;
    for (int j = (int)threadIdx.x; j < c; j += THREADS)
        ep_store(y, yt, (size_t)blockIdx.x * (size_t)c + (size_t)j, a * ep_load(W, wt, ta + (size_t)j) + b * ep_load(W, wt, pa + (size_t)j));
}
ir_status rw_embed(cuda_dev *c, const ly_row *r, const int32_t *token, const void *W, pr_type wt, const float *scale, rw_buf out)
{
    return cuda_launch(c, embed_kernel, dim3((unsigned)r->rows), dim3(THREADS), 0, token, W, (int)wt, (size_t)r->W_at, (size_t)r->P_at, scale, (int)r->vocab,
                       (int)r->c, (int)(r->tokens > 0 ? r->tokens : 1), (int)r->past, out.p, (int)out.t);
}

/* ---- convolution, a thread an output element; the weights of a window are contiguous over its channels ----------------- */
CU_KERNEL(THREADS, 4) conv_kernel(const void *x, int xt, const void *W, int wt, const float *bias, const void *add, int at, void *y, int yt, image_shape s,
                                  int act, size_t n)
{
    for (size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x; i < n; i += (size_t)gridDim.x * THREADS) {
        int    k = (int)(i % (size_t)s.K), ow = (int)(i / (size_t)s.K % (size_t)s.OW), oh = (int)(i / (size_t)s.K / (size_t)s.OW % (size_t)s.OH);
        size_t image = i / (size_t)s.K / (size_t)s.OW / (size_t)s.OH, first = (size_t)(k / s.k_group * s.per_group);
        float  sum = 0;
        for (int r = 0; r < s.R; r++)
            for (int q = 0; q < s.S; q++) {
                int h = oh * s.stride - s.pad + r, w = ow * s.stride - s.pad + q;
                if (h < 0 || h >= s.H || w < 0 || w >= s.W) continue;
                size_t xa = ((image * (size_t)s.H + (size_t)h) * (size_t)s.W + (size_t)w) * (size_t)s.C + first;
                size_t wa = (((size_t)k * (size_t)s.R + (size_t)r) * (size_t)s.S + (size_t)q) * (size_t)s.per_group;
                for (int c = 0; c < s.per_group; c++) sum = fmaf(ep_load(x, xt, xa + (size_t)c), ep_load(W, wt, wa + (size_t)c), sum);
            }
        if (bias) sum += bias[k];
        if (add) sum += ep_load(add, at, i);
        ep_store(y, yt, i, ep_act(act, sum));
    }
}
ir_status rw_conv_direct(cuda_dev *c, const ly_row *r, rw_buf in, const void *W, pr_type wt, const float *bias, rw_buf add, rw_buf out)
{
    size_t n = (size_t)(r->batch * r->oh * r->ow * r->k);
    return cuda_launch(c, conv_kernel, dim3(spread(c, 4 * n)), dim3(THREADS), 0, (const void *)in.p, (int)in.t, W, (int)wt, bias, (const void *)add.p,
                       (int)add.t, out.p, (int)out.t, shape_of(r), (int)r->act, n);
}

/* ---- attention ----------------------------------------------------------------------------------------------------------- */
enum { KEYS = 128, MAX_DH = 256 };
struct attention_args {
    const void *qkv; int qt;
    void       *kv;  int kt;
    void       *out; int ot;
    int         batch, heads, dh, tokens, past, cap, split;
    size_t      plane;  /* elements of the cache before this block's pair of planes */
    float      *work;
    unsigned   *tickets;
};

/* Element d of key or value j of a head: cached, or new and rounded as the cache would. which: 0 key, 1 value. */
struct keys {
    const attention_args &p;
    int                   b, h;
    CU_MEMBER size_t cache(int which, int j) const
    {
        return p.plane + ((((size_t)which * (size_t)p.batch + (size_t)b) * (size_t)p.heads + (size_t)h) * (size_t)p.cap + (size_t)j) * (size_t)p.dh;
    }
    CU_MEMBER size_t fresh(int which, int j) const
    {
        size_t d = (size_t)p.heads * (size_t)p.dh;
        return ((size_t)b * (size_t)p.tokens + (size_t)(j - p.past)) * 3 * d + (size_t)(1 + which) * d + (size_t)h * (size_t)p.dh;
    }
    CU_MEMBER float rounded(float v) const
    {
        return p.kt == PR_F16 ? __half2float(__float2half_rn(v)) : p.kt == PR_BF16 ? __bfloat162float(__float2bfloat16_rn(v)) : v;
    }
    CU_MEMBER float at(int which, int j, int d) const
    {
        return j < p.past ? ep_load(p.kv, p.kt, cache(which, j) + (size_t)d) : rounded(ep_load(p.qkv, p.qt, fresh(which, j) + (size_t)d));
    }
};

union eight { uint4 v; __half h[8]; __nv_bfloat16 b[8]; CU_MEMBER eight() {} };
/* q . key j; cached rows of 16-bit elements by 16 bytes where they are aligned. */
CU_FN float score(const keys &k, const float *q, int j)
{
    const attention_args &p = k.p;
    float                 s = 0;
    if (j < p.past && p.kt != PR_F32 && p.dh % 8 == 0) {
        const char *row = (const char *)p.kv + 2 * k.cache(0, j);
        for (int d = 0; d < p.dh; d += 8) {
            eight c;
            c.v = cu_ldnc16(row + 2 * d);
            CU_UNROLL for (int e = 0; e < 8; e++) s = fmaf(q[d + e], p.kt == PR_F16 ? cu_f32(c.h[e]) : cu_f32(c.b[e]), s);
        }
        return s;
    }
    for (int d = 0; d < p.dh; d++) s = fmaf(q[d], k.at(0, j, d), s);
    return s;
}

/* Block (query row, head, share of the keys). */
CU_KERNEL(KEYS, 4) attention_kernel(attention_args p)
{
    CU_SHARED(float, q[MAX_DH]);
    CU_SHARED(float, weight[KEYS]);
    CU_SHARED(float, part[KEYS / 32][MAX_DH]);
    CU_SHARED(unsigned, arrived[1]);
    int    tid = (int)threadIdx.x, row = (int)blockIdx.x, h = (int)blockIdx.y, b = row / p.tokens, t = row % p.tokens, n = p.past + t + 1;
    keys   k = {p, b, h};
    size_t d_all = (size_t)p.heads * (size_t)p.dh;
    float  scale = 1.0f / sqrtf((float)p.dh), most = -INFINITY, sum = 0, o[MAX_DH / KEYS] = {0, 0};
    for (int d = tid; d < p.dh; d += KEYS) q[d] = ep_load(p.qkv, p.qt, (size_t)row * 3 * d_all + (size_t)h * (size_t)p.dh + (size_t)d) * scale;
    if (blockIdx.z == 0)
        for (int d = tid; d < 2 * p.dh; d += KEYS) {
            int which = d / p.dh, e = d % p.dh;
            ep_store(p.kv, p.kt, k.cache(which, p.past + t) + (size_t)e, ep_load(p.qkv, p.qt, k.fresh(which, p.past + t) + (size_t)e));
        }
    cu_sync();
    int chunks = (n + KEYS - 1) / KEYS, per = (chunks + p.split - 1) / p.split, c0 = (int)blockIdx.z * per, c1 = c0 + per < chunks ? c0 + per : chunks;
    for (int c = c0; c < c1; c++) {
        int   j0 = c * KEYS, here = n - j0 < KEYS ? n - j0 : KEYS;
        float s = tid < here ? score(k, q, j0 + tid) : -INFINITY;
        float m = fmaxf(most, block_max<KEYS>(s)), w = tid < here ? cu_exp(s - m) : 0.0f, keep = cu_exp(most - m);
        weight[tid] = w;
        sum = sum * keep + block_sum<KEYS>(w);
        most = m;
        /* Each warp takes a quarter of the keys, each lane columns lane, lane + 32, ... */
        for (int d = tid % 32; d < p.dh; d += 32) {
            float v = 0;
            for (int j = tid / 32; j < here; j += KEYS / 32) v = fmaf(weight[j], k.at(1, j0 + j, d), v);
            part[tid / 32][d] = v;
        }
        cu_sync();
        CU_UNROLL for (int i = 0; i < MAX_DH / KEYS; i++)
        {
            int d = tid + i * KEYS;
            if (d < p.dh) o[i] = o[i] * keep + ((part[0][d] + part[1][d]) + (part[2][d] + part[3][d]));
        }
        cu_sync();
    }
    if (p.split > 1) { /* parts: maximum, sum, columns */
        size_t index = (size_t)row * (size_t)p.heads + (size_t)h, width = (size_t)p.dh + 2;
        float *mine = p.work + (index * (size_t)p.split + blockIdx.z) * width;
        if (tid == 0) mine[0] = most, mine[1] = sum;
        CU_UNROLL for (int i = 0; i < MAX_DH / KEYS; i++)
            if (tid + i * KEYS < p.dh) mine[2 + tid + i * KEYS] = o[i];
        cu_fence();
        cu_sync();
        if (tid == 0) arrived[0] = cu_ticket(&p.tickets[index]);
        cu_sync();
        if (arrived[0] != (unsigned)p.split - 1) return;
        cu_fence();
        const float *all = p.work + index * (size_t)p.split * width;
        most = -INFINITY;
        for (int z = 0; z < p.split; z++) most = fmaxf(most, all[(size_t)z * width]);
        sum = 0;
        CU_UNROLL for (int i = 0; i < MAX_DH / KEYS; i++) o[i] = 0;
        for (int z = 0; z < p.split; z++) {
            const float *a = all + (size_t)z * width;
            float        f = a[1] > 0 ? cu_exp(a[0] - most) : 0.0f; /* a share without keys has none */
            sum += f * a[1];
            CU_UNROLL for (int i = 0; i < MAX_DH / KEYS; i++)
                if (tid + i * KEYS < p.dh) o[i] += f * a[2 + tid + i * KEYS];
        }
        if (tid == 0) p.tickets[index] = 0;
    }
    CU_UNROLL for (int i = 0; i < MAX_DH / KEYS; i++)
    {
        int d = tid + i * KEYS;
        if (d < p.dh) ep_store(p.out, p.ot, (size_t)row * d_all + (size_t)h * (size_t)p.dh + (size_t)d, o[i] / sum);
    }
}

int rw_attention_split(const cuda_dev *c, const ly_row *r)
{
    int64_t blocks = r->batch * r->tokens * r->heads, chunks = (r->past + r->tokens + KEYS - 1) / KEYS, want = (4 * c->sms + blocks - 1) / blocks;
    return (int)(want < 1 ? 1 : want < chunks ? want : chunks);
}
size_t rw_attention_work(const ly_row *r, int split)
{
    return split > 1 ? (size_t)(r->batch * r->tokens * r->heads) * (size_t)split * (size_t)(r->dh + 2) * sizeof(float) : 0;
}

ir_status rw_attention(cuda_dev *c, const ly_row *r, int64_t cap, rw_buf qkv, void *kv, pr_type kv_t, rw_buf out, int split, float *work, unsigned *tickets)
{
    attention_args p = {qkv.p, (int)qkv.t, kv, (int)kv_t, out.p, (int)out.t, (int)r->batch, (int)r->heads, (int)r->dh, (int)r->tokens, (int)r->past,
                        (int)cap, split, (size_t)r->block * 2 * (size_t)r->batch * (size_t)r->heads * (size_t)cap * (size_t)r->dh, work, tickets};
    if (r->dh > MAX_DH) return ir_fail(IR_SKIP, "attention: heads of at most %d columns", MAX_DH);
    if (r->heads > 65535) return ir_fail(IR_SKIP, "attention: at most 65535 heads");
    return cuda_launch(c, attention_kernel, dim3((unsigned)(r->batch * r->tokens), (unsigned)r->heads, (unsigned)split), dim3(KEYS), 0, p);
}
