/* nets.cl -- the operators of networks that are no plain product. f32 activations, dense rows, NHWC images.
 * Built with: V, the vector a CPU's item works in (1 elsewhere); LS, the group size; WT, KT: types of weights
 * and cache (0 f32, 1 bf16, 2 i8, 3 f16); and the name of the kernel wanted. */
#if V == 1
#define FV          float
#define LOAD(p)     (*(p))
#define STORE(v, p) (*(p) = (v))
#define SUM(v)      SUM1(v)
#define MAX(v)      (v)
#else
#define FV          CAT(float, V)
#define LOAD(p)     CAT(vload, V)(0, p)
#define STORE(v, p) CAT(vstore, V)(v, 0, p)
#define SUM(v)      CAT(SUM, V)(v)
#define MAX4(v)     fmax(fmax((v).s0, (v).s1), fmax((v).s2, (v).s3))
#define MAX8(v)     fmax(MAX4((v).lo), MAX4((v).hi))
#define MAX16(v)    fmax(MAX8((v).lo), MAX8((v).hi))
#define MAX(v)      CAT(MAX, V)(v)
#endif
static ushort to_bf16(float f)
{
    uint u = as_uint(f);
    if ((u & 0x7FFFFFFFu) > 0x7F800000u) return (ushort)(u >> 16 | 64);
    return (ushort)((u + 0x7FFFu + (u >> 16 & 1)) >> 16);
}
#if WT == 1
typedef ushort w_t;
#define W1(p) BF16(p)
#elif WT == 2
typedef char w_t;
#define W1(p) ((float)(*(p)))
#elif WT == 3
typedef half  w_t;
#define W1(p) vload_half(0, p)
#else
typedef float w_t;
#define W1(p) (*(p))
#endif
#if KT == 1
typedef ushort kv_t;
#define K1(p)        BF16(p)
#define K_SAVE(v, p) (*(p) = to_bf16(v))
#if V == 1
#define KV(p) K1(p)
#else
#define KV(p) BF16V(V, CAT(vload, V)(0, p))
#endif
#elif KT == 3
typedef half kv_t;
#define K1(p)        vload_half(0, p)
#define K_SAVE(v, p) vstore_half_rte(v, 0, p)
#if V == 1
#define KV(p) K1(p)
#else
#define KV(p) CAT(vload_half, V)(0, p)
#endif
#else
typedef float kv_t;
#define K1(p)        (*(p))
#define K_SAVE(v, p) (*(p) = (v))
#define KV(p)        LOAD(p)
#endif

/* The sum, or the largest, of one number per item of the group; every item gets it. */
#if LS == 1
#define REDUCE(x, what) (x)
#else
static float reduce_total(__local float *part, float x)
{
    uint l = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    part[l] = x;
    for (uint h = LS / 2; h > 0; h /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (l < h) part[l] += part[l + h];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return part[0];
}
static float reduce_most(__local float *part, float x)
{
    uint l = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    part[l] = x;
    for (uint h = LS / 2; h > 0; h /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (l < h) part[l] = fmax(part[l], part[l + h]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return part[0];
}
#define REDUCE(x, what) CAT(reduce_, what)(part, x)
#endif
/* Vector i of a row of c: begins at V * i; the last one is cut off at c and handled by elements. */
#define EACH_VECTOR(i) for (uint i = get_local_id(0) * V; i + V <= c; i += LS * V)
#define EACH_REST(i)   for (uint i = c / V * V + get_local_id(0); i < c; i += LS)

#ifdef K_norm
/* Output row i is of input row i * tokens + take. rms: no mean, and no offset. */
__kernel void norm(__global const float *x, __global const float *restrict P, __global float *y, uint rows,
                   uint c, long g_at, long b_at, uint tokens, int rms, float eps, uint take)
{
    __local float part[LS];
    for (uint row = get_group_id(0); row < rows; row += get_num_groups(0)) {
        __global const float *in = x + ((size_t)row * tokens + take) * c, *gain = P + g_at,
                             *offset = rms ? gain : P + b_at;
        __global float *out = y + (size_t)row * c;
        FV              a = (FV)(0);
        float           s = 0;
        EACH_VECTOR(i) a += LOAD(in + i);
        EACH_REST(i) s += in[i];
        float mean = rms ? 0 : REDUCE(s + SUM(a), total) / c;
        a = (FV)(0);
        s = 0;
        EACH_VECTOR(i)
        {
            FV d = LOAD(in + i) - mean;
            a += d * d;
        }
        EACH_REST(i) s += (in[i] - mean) * (in[i] - mean);
        float scale = 1.0f / sqrt(REDUCE(s + SUM(a), total) / c + eps);
        float shift = rms ? 0.0f : 1.0f;
        EACH_VECTOR(i)
        STORE((LOAD(in + i) - mean) * scale * LOAD(gain + i) + shift * LOAD(offset + i), out + i);
        EACH_REST(i) out[i] = (in[i] - mean) * scale * gain[i] + shift * offset[i];
    }
}
#endif

#ifdef K_softmax
__kernel void softmax(__global const float *x, __global float *y, uint rows, uint c)
{
    __local float part[LS];
    for (uint row = get_group_id(0); row < rows; row += get_num_groups(0)) {
        __global const float *in = x + (size_t)row * c;
        __global float       *out = y + (size_t)row * c;
        FV                    a = (FV)(-INFINITY);
        float                 s = -INFINITY;
        EACH_VECTOR(i) a = fmax(a, LOAD(in + i));
        EACH_REST(i) s = fmax(s, in[i]);
        float most = REDUCE(fmax(s, MAX(a)), most);
        a = (FV)(0);
        s = 0;
        EACH_VECTOR(i)
        {
            FV e = exp(LOAD(in + i) - most);
            a += e;
            STORE(e, out + i);
        }
        EACH_REST(i) s += out[i] = exp(in[i] - most);
        float inv = 1.0f / REDUCE(s + SUM(a), total);
        EACH_VECTOR(i) STORE(LOAD(out + i) * inv, out + i);
        EACH_REST(i) out[i] *= inv;
    }
}
#endif

#ifdef K_pointwise
DEFINE_ACTIVATED(FV, act_v)
/* y = act(x + bias + add); rows of c. */
__kernel void pointwise(__global const float *x, __global const float *restrict P, __global const float *add,
                        __global float *y, ulong rows, uint c, long b_at, int has_add, int act)
{
    size_t g = get_global_id(0), G = get_global_size(0);
#if OCL_CPU
    ulong n = rows * c, lo = n * g / G / V * V, hi = g + 1 == G ? n : n * (g + 1) / G / V * V, i = lo;
    if (b_at < 0) {
        for (; i + V <= hi; i += V) {
            FV v = LOAD(x + i);
            if (has_add) v += LOAD(add + i);
            STORE(act_v(v, act), y + i);
        }
    }
    for (; i < hi; i++) {
#else
    for (ulong i = g; i < rows * c; i += G) {
#endif
        float v = x[i];
        if (b_at >= 0) v += P[b_at + i % c];
        if (has_add) v += add[i];
        y[i] = activated(v, act);
    }
}
#endif

/* ---- weights in groups of GROUP: blocks of an f16 scale and values, i4 (I4) or i8; after the last block two
 * zero points a byte, from byte `zeros` on; 0: none, 8. */
#ifdef GROUP
#if I4
enum { BLOCK_B = 2 + GROUP / 2 };
#else
enum { BLOCK_B = 2 + GROUP };
#endif
static float zero_of(__global const uchar *W, ulong zeros, ulong block)
{
#if I4
    return zeros ? (float)(W[zeros + block / 2] >> (block % 2 * 4) & 15) : 8.0f;
#else
    return 0.0f;
#endif
}
static float stored_value(__global const uchar *W, ulong zeros, ulong at)
{
    ulong                 block = at / GROUP;
    uint                  e = at % GROUP;
    __global const uchar *p = W + block * BLOCK_B;
#if I4
    float q = (float)(p[2 + e / 32 * 16 + e % 16] >> (e % 32 / 16 * 4) & 15);
#else
    float q = (float)as_char(p[2 + e]);
#endif
    return vload_half(0, (__global const half *)p) * (q - zero_of(W, zeros, block));
}
#endif

#ifdef K_stored
/* ROWS rows of y = x W', from elements x_at and y_at: a group of items per row of W, a block per item. */
__kernel void stored(__global const uchar *restrict W, __global const float *x, __global float *y, uint n,
                     uint k, ulong W_at, ulong zeros, ulong x_at, ulong y_at,
                     __global const float *restrict P, long b_at, __global const float *add, int has_add,
                     int act)
{
    __local float part[LS];
    const uint    blocks = k / GROUP;
    for (uint j = get_group_id(0); j < n; j += get_num_groups(0)) {
        float16 sum[ROWS];
#pragma unroll
        for (int r = 0; r < ROWS; r++) sum[r] = (float16)(0);
        for (uint b = get_local_id(0); b < blocks; b += LS) {
            ulong                 at = W_at / GROUP + (ulong)j * blocks + b;
            __global const uchar *p = W + at * BLOCK_B;
            float                 d = vload_half(0, (__global const half *)p), z = zero_of(W, zeros, at);
            float16               t[ROWS];
#pragma unroll
            for (int r = 0; r < ROWS; r++) t[r] = (float16)(0);
            for (uint e = 0; e < GROUP; e += 32) {
#if I4
                uchar16 q = vload16(0, p + 2 + e / 2);
                float16 lo = convert_float16(q & (uchar16)(15)) - z,
                        hi = convert_float16(q >> (uchar16)(4)) - z;
#else
                float16 lo = convert_float16(as_char16(vload16(0, p + 2 + e))),
                        hi = convert_float16(as_char16(vload16(0, p + 18 + e)));
#endif
#pragma unroll
                for (int r = 0; r < ROWS; r++) {
                    __global const float *in = x + x_at + (size_t)r * k + b * GROUP + e;
                    t[r] = fma(lo, vload16(0, in), t[r]);
                    t[r] = fma(hi, vload16(0, in + 16), t[r]);
                }
            }
#pragma unroll
            for (int r = 0; r < ROWS; r++) sum[r] = fma(t[r], (float16)(d), sum[r]);
        }
        for (int r = 0; r < ROWS; r++) {
            float  v = REDUCE(SUM16(sum[r]), total);
            size_t at = y_at + (size_t)r * n + j;
            if (get_local_id(0) == 0) y[at] = finished(v, P, b_at, -1, add, has_add, act, at, j);
        }
    }
}
#endif

#ifdef K_embed
/* P_at < 0: no positions. */
__kernel void embed(__global const int *restrict token, __global const w_t *restrict W,
                    __global const float *restrict P, __global float *restrict y, uint rows, uint c,
                    ulong W_at, long P_at, uint past, uint tokens, long s_at, ulong vocab, ulong zeros,
                    ulong context, uint types)
{
    for (uint row = get_group_id(0); row < rows; row += get_num_groups(0)) {
        size_t t = (size_t)token[row], pos = past + row % tokens;
#ifdef GROUP
        __global const uchar *groups = (__global const uchar *)W;
        for (uint i = get_local_id(0); i < c; i += LS)
            y[(size_t)row * c + i] = stored_value(groups, zeros, W_at + t * c + i) +
                                     (P_at >= 0 ? stored_value(groups, zeros, P_at + pos * c + i) : 0.0f);
#else
        float a = s_at >= 0 ? P[s_at + t] : 1.0f;
        float b = P_at < 0 ? 0.0f : s_at >= 0 ? P[s_at + vocab + pos] : 1.0f;
        __global const w_t *table = W + W_at + t * c, *position = P_at < 0 ? table : W + P_at + pos * c;
        for (uint i = get_local_id(0); i < c; i += LS)
            y[(size_t)row * c + i] = a * W1(table + i) + b * W1(position + i);
        if (types) {
            size_t kind = context + row % tokens * types / tokens;
            float k = s_at >= 0 ? P[s_at + vocab + kind] : 1.0f;
            __global const w_t *type = W + P_at + kind * c;
            for (uint i = get_local_id(0); i < c; i += LS) y[(size_t)row * c + i] += k * W1(type + i);
        }
#endif
    }
}
#endif

#ifdef K_turn_pairs
/* Queries and keys of rows of `width`, in place: pair i of a head turns by the angle whose cosine and sine
 * are turn[token][i] and turn[token][dh/2 + i]. even: neighbours are pairs, else halves. */
__kernel void turn_pairs(__global float *qkv, __global const float *restrict turn, uint rows, uint heads,
                         uint dh, uint tokens, uint width, int even)
{
    uint half_dh = dh / 2;
    for (ulong at = get_global_id(0); at < (ulong)rows * heads * half_dh; at += get_global_size(0)) {
        uint                  i = at % half_dh, h = at / half_dh % heads;
        ulong                 row = at / half_dh / heads;
        __global const float *c = turn + row % tokens * dh + i;
        __global float *a = qkv + row * width + h * dh + (even ? 2 * i : i), *b = a + (even ? 1 : half_dh);
        float           u = *a, v = *b, co = c[0], si = c[half_dh];
        *a = u * co - v * si;
        *b = u * si + v * co;
    }
}
#endif

#ifdef K_kv_append
/* The new keys and values of qkv rows to their place behind `past` in the two planes that begin at element
 * `at`. heads: of keys and values; queries: of the row's elements, those before its keys. */
__kernel void kv_append(__global const float *restrict qkv, __global kv_t *restrict kv, ulong at, uint batch,
                        uint heads, uint dh, uint tokens, uint past, uint cap, uint queries)
{
    ulong d = (ulong)heads * dh, n = 2 * (ulong)batch * tokens * d, plane = (ulong)batch * heads * cap * dh,
          width = queries + 2 * d;
    for (ulong i = get_global_id(0); i < n; i += get_global_size(0)) {
        ulong e = i % dh, h = i / dh % heads, row = i / d % ((ulong)batch * tokens),
              which = i / d / ((ulong)batch * tokens);
        ulong b = row / tokens, t = row % tokens;
        K_SAVE(qkv[row * width + queries + which * d + h * dh + e],
               kv + at + which * plane + ((b * heads + h) * cap + past + t) * dh + e);
    }
}
#endif

#ifdef K_attention
/* A group per query; `p`: room for cap scores per group. each: queries that share a head of keys. */
__kernel void attention(__global const float *restrict qkv, __global const kv_t *restrict kv,
                        __global float *restrict y, __global float *restrict p, ulong at, uint batch,
                        uint heads, uint dh, uint tokens, uint past, uint cap, uint each, int all)
{
    __local float part[LS];
    size_t        d = (size_t)heads * dh, shared_heads = heads / each, width = d + 2 * shared_heads * dh,
           plane = (size_t)batch * shared_heads * cap * dh;
    uint  queries = batch * heads * tokens, l = get_local_id(0);
    float scale = 1.0f / sqrt((float)dh);
    p += get_group_id(0) * (size_t)cap;
    for (uint id = get_group_id(0); id < queries; id += get_num_groups(0)) {
        uint t = id % tokens, h = id / tokens % heads, b = id / tokens / heads,
             c = all ? tokens : past + t + 1;
        __global const float *q = qkv + ((size_t)b * tokens + t) * width + h * dh;
        __global const kv_t  *keys = kv + at + ((size_t)b * shared_heads + h / each) * cap * dh,
                            *values = keys + plane;
        float most = -INFINITY;
        for (uint j = l; j < c; j += LS) {
            __global const kv_t *k = keys + (size_t)j * dh;
            FV                   a = (FV)(0);
            float                s = 0;
            uint                 e = 0;
            for (; e + V <= dh; e += V) a += LOAD(q + e) * KV(k + e);
            for (; e < dh; e++) s += q[e] * K1(k + e);
            p[j] = s = scale * (s + SUM(a));
            most = fmax(most, s);
        }
        most = REDUCE(most, most);
        FV    a = (FV)(0);
        float s = 0;
        barrier(CLK_GLOBAL_MEM_FENCE);
        EACH_VECTOR(i)
        {
            FV e = exp(LOAD(p + i) - most);
            a += e;
            STORE(e, p + i);
        }
        EACH_REST(i) s += p[i] = exp(p[i] - most);
        float inv = 1.0f / REDUCE(s + SUM(a), total);
        barrier(CLK_GLOBAL_MEM_FENCE);
        __global float *out = y + ((size_t)b * tokens + t) * d + h * dh;
        uint            e = l * V;
        for (; e + V <= dh; e += LS * V) {
            FV   a0 = (FV)(0), a1 = (FV)(0);
            uint j = 0;
            for (; j + 2 <= c; j += 2) {
                a0 += p[j] * KV(values + (size_t)j * dh + e);
                a1 += p[j + 1] * KV(values + (size_t)(j + 1) * dh + e);
            }
            if (j < c) a0 += p[j] * KV(values + (size_t)j * dh + e);
            STORE((a0 + a1) * inv, out + e);
        }
        for (e = dh / V * V + l; e < dh; e += LS) {
            float o = 0;
            for (uint j = 0; j < c; j++) o += p[j] * K1(values + (size_t)j * dh + e);
            out[e] = o * inv;
        }
        barrier(CLK_GLOBAL_MEM_FENCE);
    }
}
#endif

#ifdef K_pool
/* most: maximum over windows, padding left out; else the mean of one window at the top left, not padded.
 * C % V == 0. */
__kernel void pool(__global const float *restrict x, __global float *restrict y, uint n, uint h, uint w,
                   uint C, uint R_, uint S_, uint stride, uint pad, uint oh, uint ow, int most, uint pad_w)
{
    uint cv = C / V;
    for (size_t at = get_global_id(0); at < (size_t)n * oh * ow * cv; at += get_global_size(0)) {
        uint c = (uint)(at % cv) * V, pixel = (uint)(at / cv), image = pixel / (oh * ow),
             oy = pixel % (oh * ow) / ow, ox = pixel % ow;
        FV a = (FV)(most ? -INFINITY : 0);
        for (uint r = 0; r < R_; r++)
            for (uint s = 0; s < S_; s++) {
                int iy = (int)(oy * stride + r) - (int)pad, ix = (int)(ox * stride + s) - (int)pad_w;
                if (iy < 0 || ix < 0 || iy >= (int)h || ix >= (int)w) continue;
                FV v = LOAD(x + ((size_t)(image * h + iy) * w + ix) * C + c);
                a = most ? fmax(a, v) : a + v;
            }
        if (!most) a *= 1.0f / (R_ * S_);
        STORE(a, y + (size_t)pixel * C + c);
    }
}
#endif

#ifdef K_filters
/* Filters [k][r][s][c] to f32 [r][s][c][kp], kp >= k, zero beyond. */
__kernel void filters(__global const w_t *restrict W, __global float *restrict out, ulong W_at, ulong out_at,
                      uint k, uint rsc, uint kp)
{
    for (size_t i = get_global_id(0); i < (size_t)rsc * kp; i += get_global_size(0))
        out[out_at + i] = i % kp < k ? W1(W + W_at + (i % kp) * rsc + i / kp) : 0.0f;
}
#endif

#ifdef K_conv
/* Direct convolution with filters as above. MODE 0: dense, an item takes PIX neighbouring pixels of a row and
 * V filters; 1: depthwise, PIX pixels and V channels (C % V == 0); 2: grouped, one filter. */
DEFINE_ACTIVATED(FV, act_v)
__kernel void conv(__global const float *restrict x, __global const float *restrict F,
                   __global const float *restrict P, __global const float *add, __global float *y, ulong F_at,
                   uint n, uint h, uint w, uint C, uint K, uint kp, uint R_, uint S_, uint stride, uint pad,
                   uint oh, uint ow, uint groups, long b_at, int has_add, int act, uint pad_w)
{
    uint kv = (K + V - 1) / V, across = (ow + PIX - 1) / PIX, cg = C / groups;
    F += F_at;
    for (size_t at = get_global_id(0); at < (size_t)n * oh * across * kv; at += get_global_size(0)) {
        uint k = (uint)(at % kv) * V, o = (uint)(at / kv), ox = o % across * PIX, oy = o / across % oh,
             image = o / across / oh;
        FV a[PIX];
#pragma unroll
        for (int q = 0; q < PIX; q++) a[q] = (FV)(0);
        for (uint r = 0; r < R_; r++) {
            int iy = (int)(oy * stride + r) - (int)pad;
            if (iy < 0 || iy >= (int)h) continue;
            for (uint s = 0; s < S_; s++) {
                __global const float *f = F + (size_t)(r * S_ + s) * cg * kp + k, *from[PIX];
                float                 in[PIX];
#pragma unroll
                for (int q = 0; q < PIX; q++) {
                    int ix = (int)((ox + q) * stride + s) - (int)pad_w;
                    in[q] = ix >= 0 && ix < (int)w ? 1.0f : 0.0f;
                    from[q] = x + ((size_t)(image * h + iy) * w + (in[q] > 0 ? ix : 0)) * C;
                }
#if MODE == 0
                for (uint c = 0; c < C; c++, f += kp) {
                    FV fv = LOAD(f);
#pragma unroll
                    for (int q = 0; q < PIX; q++) a[q] += in[q] * from[q][c] * fv;
                }
#elif MODE == 1
                FV fv = LOAD(f);
#pragma unroll
                for (int q = 0; q < PIX; q++) a[q] += in[q] * LOAD(from[q] + k) * fv;
#else
                uint first = k / (K / groups) * cg;
                for (uint c = 0; c < cg; c++, f += kp)
#pragma unroll
                    for (int q = 0; q < PIX; q++) a[q] += in[q] * from[q][first + c] * f[0];
#endif
            }
        }
#pragma unroll
        for (int q = 0; q < PIX; q++) {
            if (ox + q >= ow) continue;
            size_t to = ((size_t)(image * oh + oy) * ow + ox + q) * K + k;
#if V == 1
            y[to] = finished(a[q], P, b_at, -1, add, has_add, act, to, k);
#else
            if (k + V <= K) {
                FV v = a[q];
                if (b_at >= 0) v += LOAD(P + b_at + k);
                if (has_add) v += LOAD(add + to);
                STORE(act_v(v, act), y + to);
                continue;
            }
            float out[V];
            STORE(a[q], out);
            for (uint v = 0; v < V && k + v < K; v++)
                y[to + v] = finished(out[v], P, b_at, -1, add, has_add, act, to + v, k + v);
#endif
        }
    }
}
#endif

#ifdef K_columns
/* im2col as a matrix of its own: [pixel][r][s][c]. */
__kernel void columns(__global const float *restrict X, __global float *restrict out, uint m, uint h, uint w,
                      uint c, uint R_, uint S_, uint stride, uint pad, uint oh, uint ow, uint pad_w)
{
    uint k = R_ * S_ * c;
    for (size_t at = get_global_id(0); at < (size_t)m * k; at += get_global_size(0)) {
        uint i = (uint)(at / k), kk = (uint)(at % k), e = kk % c, s = kk / c % S_, r = kk / c / S_,
             image = i / (oh * ow), pixel = i % (oh * ow);
        int y = (int)(pixel / ow * stride + r) - (int)pad, x = (int)(pixel % ow * stride + s) - (int)pad_w;
        out[at] = y >= 0 && x >= 0 && y < (int)h && x < (int)w ? X[((size_t)(image * h + y) * w + x) * c + e]
                                                               : 0.0f;
    }
}
#endif

#ifdef K_tokens
/* The class token before each sequence's rows, then positions. */
__kernel void tokens(__global const float *restrict x, __global const w_t *restrict W,
                     __global const float *restrict P, __global float *restrict y, uint rows, uint c,
                     uint tokens, ulong W_at, ulong P_at, long s_at)
{
    for (ulong i = get_global_id(0); i < (ulong)rows * c; i += get_global_size(0)) {
        uint  row = (uint)(i / c), t = row % tokens, e = (uint)(i % c);
        float a = s_at >= 0 ? P[s_at] : 1.0f, b = s_at >= 0 ? P[s_at + 1 + t] : 1.0f;
        float v = t ? x[i - (ulong)(row / tokens + 1) * c] : a * W1(W + W_at + e);
        y[i] = v + b * W1(W + P_at + (ulong)t * c + e);
    }
}
#endif

#ifdef K_bag
/* An item sums V neighbouring elements of a bag's rows; c % V == 0. x: where bags begin, then row numbers. */
__kernel void bag(__global const int *restrict x, __global const w_t *restrict W, __global float *restrict y,
                  ulong at, uint rows, uint c, ulong W_at)
{
    __global const int *begin = x + at, *index = begin + rows + 1;
    uint                cv = c / V;
    for (ulong i = get_global_id(0); i < (ulong)rows * cv; i += get_global_size(0)) {
        uint b = (uint)(i / cv), e = (uint)(i % cv) * V;
        FV   a = (FV)(0);
        for (int l = begin[b]; l < begin[b + 1]; l++) {
            __global const w_t *w = W + W_at + (ulong)index[l] * c + e;
#if V == 1
            a += W1(w);
#elif WT == 1
            a += BF16V(V, CAT(vload, V)(0, w));
#elif WT == 3
            a += CAT(vload_half, V)(0, w);
#else
            a += CAT(convert_float, V)(CAT(vload, V)(0, w));
#endif
        }
        STORE(a, y + (size_t)b * c + e);
    }
}
#endif

#ifdef K_interact
/* An item makes one output: of the first vector, or joined or multiplied with the others. */
__kernel void interact(__global const float *restrict x, __global const float *restrict rest,
                       __global float *restrict y, uint rows, uint c, uint n, uint k, int dots)
{
    for (ulong i = get_global_id(0); i < (ulong)rows * k; i += get_global_size(0)) {
        uint                  row = (uint)(i / k), j = (uint)(i % k);
        __global const float *v = x + (ulong)row * c, *others = rest + (ulong)row * (n - 1) * c;
        if (j < c || !dots) {
            y[i] = j < c ? v[j] : others[j - c];
            continue;
        }
        uint a = 1, b = j - c; /* pair (a, b), b < a */
        for (; b >= a; a++) b -= a;
        __global const float *u = others + (a - 1) * c;
        if (b) v = others + (b - 1) * c;
        float s = 0;
        for (uint e = 0; e < c; e++) s += u[e] * v[e];
        y[i] = s;
    }
}
#endif
