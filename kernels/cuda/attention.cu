/* attention.cu -- attention of rows.h over one cache layout. Few queries: blocks of 128 keys, scores one key
 * a thread, values one pair of 16 bytes a lane, a query's keys shared by several blocks; keys and values of
 * new tokens are read from qkv (rounded as the cache stores them), so that one launch both appends and
 * attends. Many queries: tiles of 64 queries meet tiles of keys on matrix units; a qkv of another type than
 * the cache is appended by a launch of its own first. Softmax is online in both: scores never leave the chip.
 */
#include "kernels/cuda/block.cuh"
#include "kernels/cuda/rows.h"
#include "kernels/cuda/epilogue.cuh"

enum { KEYS = 128, MAX_DH = 256 };
struct attention_args {
    const void *qkv;
    int         qt;
    void       *kv;
    int         kt;
    void       *out;
    int         ot;
    int         batch, heads, dh, tokens, past, cap, split;
    size_t      plane; /* elements of the cache before this block's pair of planes */
    float      *work;
    unsigned   *tickets;
    int cached; /* flash: keys below it are read from the cache, the others from qkv, which has the cache's
                   type */
    int shared, each, width; /* heads of keys; queries that share one; elements of a qkv row */
    int all;                 /* every query sees every key, and there is no cache */
};

/* A cache in i8: blocks of 32 values behind their f16 scale. New rows are in it before anybody attends. */
struct kv8 {
};
template <class T> constexpr bool in_blocks = false;
template <> constexpr bool        in_blocks<kv8> = true;
enum { KV8 = LY_KV_GROUP, KV8_B = LY_KV_BLOCK_B };
CU_FN const unsigned short *block_at(const void *kv, size_t i)
{
    return (const unsigned short *)((const unsigned char *)kv + i / KV8 * KV8_B);
}
CU_FN float block_scale(const unsigned short *block)
{
    __half_raw h;
    h.x = block[0];
    return cu_f32(__half(h));
}

/* Key or value j of a head (which: 0 key, 1 value) of a cache of T: cached, or new and rounded as the cache
 * would. A qkv is f32 or T; with blocks any. */
template <class T> struct keys {
    const attention_args &p;
    int                   b, h;
    CU_MEMBER size_t      cache(int which, int j) const
    {
        return p.plane +
               ((((size_t)which * (size_t)p.batch + (size_t)b) * (size_t)p.shared + (size_t)(h / p.each)) *
                    (size_t)p.cap +
                (size_t)j) *
                   (size_t)p.dh;
    }
    CU_MEMBER size_t fresh(int which, int j) const
    {
        return ((size_t)b * (size_t)p.tokens + (size_t)(j - p.past)) * (size_t)p.width +
               (size_t)(p.heads + which * p.shared + h / p.each) * (size_t)p.dh;
    }
    CU_MEMBER float qkv(size_t i) const
    {
        if constexpr (in_blocks<T>)
            return ep_load(p.qkv, p.qt, i);
        else
            return p.qt == PR_F32 ? ((const float *)p.qkv)[i] : cu_f32(((const T *)p.qkv)[i]);
    }
    CU_MEMBER float at(int which, int j, int d) const
    {
        if constexpr (in_blocks<T>) {
            size_t                i = cache(which, j) + (size_t)d;
            const unsigned short *block = block_at(p.kv, i);
            return block_scale(block) * (float)((const signed char *)(block + 1))[i % KV8];
        } else
            return cu_f32(j < p.past ? ((const T *)p.kv)[cache(which, j) + (size_t)d]
                                     : cu_from<T>(qkv(fresh(which, j) + (size_t)d)));
    }
};

/* 16 bytes of a cached row as f32. */
template <class T> union chunk_of {
    uint4     v;
    T         e[16 / sizeof(T)];
    CU_MEMBER chunk_of() {}
};

/* q . key j. fast: cached rows come in whole 16 bytes, several of which are on their way at a time. */
template <class T> CU_FN float score(const keys<T> &k, const float *q, int j, bool fast)
{
    constexpr int         N = 16 / (int)sizeof(T), AHEAD = 4;
    const attention_args &p = k.p;
    float                 s = 0;
    if constexpr (in_blocks<T>) {
        CU_UNROLL_BY(1) for (int d = 0; d < p.dh; d += KV8)
        {
            const unsigned short *block = block_at(p.kv, k.cache(0, j) + (size_t)d);
            float                 part = 0;
            CU_UNROLL_BY(8) for (int e = 0; e < KV8 / 2; e++)
            {
                unsigned two = block[1 + e];
                part = fmaf(q[d + 2 * e], (float)(signed char)(two & 255), part);
                part = fmaf(q[d + 2 * e + 1], (float)(signed char)(two >> 8), part);
            }
            s = fmaf(block_scale(block), part, s);
        }
        return s;
    } else {
        if (j >= p.past || !fast) {
            CU_UNROLL_BY(1) for (int d = 0; d < p.dh; d++) s = fmaf(q[d], k.at(0, j, d), s);
            return s;
        }
        const T *row = (const T *)p.kv + k.cache(0, j);
        CU_UNROLL_BY(1) for (int d = 0; d < p.dh; d += AHEAD * N)
        {
            chunk_of<T> c[AHEAD];
            CU_UNROLL for (int u = 0; u < AHEAD; u++) c[u].v =
                cu_ldnc16(row + (d + u * N < p.dh ? d + u * N : d));
            CU_UNROLL for (int u = 0; u < AHEAD; u++) if (d + u * N < p.dh)
                CU_UNROLL for (int e = 0; e < N; e++) s = fmaf(q[d + u * N + e], cu_f32(c[u].e[e]), s);
        }
        return s;
    }
}

/* Weighted values of keys j0 .. j0 + n - 1 of the cache: G lanes share a row, 16 bytes each, so a warp takes
 * 32 / G rows at a time; a slot's sums go to part[slot][column]. Returns the number of slots. */
template <class T> CU_FN int cached_values(const keys<T> &k, const float *weight, float *part, int j0, int n)
{
    constexpr int         N = 16 / (int)sizeof(T), AHEAD = 4;
    const attention_args &p = k.p;
    int      G = p.dh / N, rows = 32 / G, lane = (int)threadIdx.x % 32, row = lane / G, column = lane % G * N;
    int      slots = rows * (KEYS / 32), slot = (int)threadIdx.x / 32 * rows + row;
    float    acc[N];
    const T *v = (const T *)p.kv + k.cache(1, j0) + (size_t)column;
    CU_UNROLL for (int e = 0; e < N; e++) acc[e] = 0;
    if (row >= rows) return slots; /* 32 is no multiple of G */
    CU_UNROLL_BY(1) for (int j = slot; j < n; j += AHEAD * slots)
    {
        chunk_of<T> c[AHEAD];
        CU_UNROLL for (int u = 0; u < AHEAD; u++) c[u].v =
            cu_ldnc16(v + (size_t)(j + u * slots < n ? j + u * slots : j) * (size_t)p.dh);
        CU_UNROLL for (int u = 0; u < AHEAD; u++)
        {
            float w = j + u * slots < n ? weight[j + u * slots] : 0.0f;
            CU_UNROLL for (int e = 0; e < N; e++) acc[e] = fmaf(w, cu_f32(c[u].e[e]), acc[e]);
        }
    }
    CU_UNROLL for (int e = 0; e < N; e++) part[slot * p.dh + column + e] = acc[e];
    return slots;
}
/* Those of keys first .. n - 1 of the chunk, an element at a time. */
template <class T>
CU_FN int any_values(const keys<T> &k, const float *weight, float *part, int j0, int first, int n)
{
    const int slots = KEYS / 32, slot = (int)threadIdx.x / 32;
    CU_UNROLL_BY(1) for (int d = (int)threadIdx.x % 32; d < k.p.dh; d += 32)
    {
        float v = 0;
        CU_UNROLL_BY(4)
        for (int j = first + slot; j < n; j += slots) v = fmaf(weight[j], k.at(1, j0 + j, d), v);
        part[slot * k.p.dh + d] = v;
    }
    return slots;
}
CU_FN void add_slots(float (&o)[MAX_DH / KEYS], const float *part, int slots, int dh)
{
    cu_sync();
    CU_UNROLL for (int i = 0; i < MAX_DH / KEYS; i++)
    {
        int d = (int)threadIdx.x + i * KEYS;
        if (d < dh) CU_UNROLL_BY(4) for (int z = 0; z < slots; z++) o[i] += part[z * dh + d];
    }
    cu_sync();
}

/* Block (query row, head, share of the keys). fast: rows of the cache come in whole 16 bytes, at most 32 of
 * them. */
template <class T> CU_KERNEL(KEYS, 4) attention_kernel(attention_args p, bool fast)
{
    CU_SHARED(float, q[MAX_DH]);
    CU_SHARED(float, weight[KEYS]);
    CU_SHARED(float, part[8 * KEYS]);
    CU_SHARED(unsigned, arrived[1]);
    int tid = (int)threadIdx.x, row = (int)blockIdx.x, h = (int)blockIdx.y, b = row / p.tokens,
        t = row % p.tokens, n = p.all ? p.tokens : p.past + t + 1;
    keys<T> k = {p, b, h};
    size_t  d_all = (size_t)p.heads * (size_t)p.dh;
    float   scale = 1.0f / sqrtf((float)p.dh), most = -INFINITY, sum = 0, o[MAX_DH / KEYS] = {0, 0};
    CU_UNROLL_BY(1)
    for (int d = tid; d < p.dh; d += KEYS)
        q[d] = k.qkv((size_t)row * (size_t)p.width + (size_t)h * (size_t)p.dh + (size_t)d) * scale;
    if constexpr (!in_blocks<T>)
        if (blockIdx.z == 0 && h % p.each == 0 && !p.all)
            CU_UNROLL_BY(1) for (int d = tid; d < 2 * p.dh; d += KEYS)
            {
                int which = d / p.dh, e = d % p.dh;
                ((T *)p.kv)[k.cache(which, p.past + t) + (size_t)e] =
                    cu_from<T>(k.qkv(k.fresh(which, p.past + t) + (size_t)e));
            }
    cu_sync();
    int chunks = (n + KEYS - 1) / KEYS, per = (chunks + p.split - 1) / p.split, c0 = (int)blockIdx.z * per,
        c1 = c0 + per < chunks ? c0 + per : chunks;
    CU_UNROLL_BY(1) for (int c = c0; c < c1; c++)
    {
        int j0 = c * KEYS, here = n - j0 < KEYS ? n - j0 : KEYS,
            cached = !fast || p.past < j0 ? 0
                     : p.past - j0 < here ? p.past - j0
                                          : here;
        float s = tid < here ? score<T>(k, q, j0 + tid, fast) : -INFINITY;
        float m = fmaxf(most, block_max<KEYS>(s)), w = tid < here ? cu_exp(s - m) : 0.0f,
              keep = cu_exp(most - m);
        weight[tid] = w;
        sum = sum * keep + block_sum<KEYS>(w);
        most = m;
        CU_UNROLL for (int i = 0; i < MAX_DH / KEYS; i++) o[i] *= keep;
        if constexpr (!in_blocks<T>)
            if (cached > 0) add_slots(o, part, cached_values<T>(k, weight, part, j0, cached), p.dh);
        if (cached < here) add_slots(o, part, any_values<T>(k, weight, part, j0, cached, here), p.dh);
    }
    if (p.split > 1) { /* parts: maximum, sum, columns */
        size_t index = (size_t)row * (size_t)p.heads + (size_t)h, width = (size_t)p.dh + 2;
        float *mine = p.work + (index * (size_t)p.split + blockIdx.z) * width;
        if (tid == 0) mine[0] = most, mine[1] = sum;
        CU_UNROLL for (int i = 0; i < MAX_DH / KEYS; i++) if (tid + i * KEYS < p.dh)
            mine[2 + tid + i * KEYS] = o[i];
        cu_fence();
        cu_sync();
        if (tid == 0) arrived[0] = cu_ticket(&p.tickets[index]);
        cu_sync();
        if (arrived[0] != (unsigned)p.split - 1) return;
        cu_fence();
        const float *all = p.work + index * (size_t)p.split * width;
        most = -INFINITY;
        CU_UNROLL_BY(4) for (int z = 0; z < p.split; z++) most = fmaxf(most, all[(size_t)z * width]);
        sum = 0;
        CU_UNROLL for (int i = 0; i < MAX_DH / KEYS; i++) o[i] = 0;
        CU_UNROLL_BY(1) for (int z = 0; z < p.split; z++)
        {
            const float *a = all + (size_t)z * width;
            float        f = a[1] > 0 ? cu_exp(a[0] - most) : 0.0f; /* a share without keys has none */
            sum += f * a[1];
            CU_UNROLL for (int i = 0; i < MAX_DH / KEYS; i++) if (tid + i * KEYS < p.dh) o[i] +=
                f * a[2 + tid + i * KEYS];
        }
        if (tid == 0) p.tickets[index] = 0;
    }
    CU_UNROLL for (int i = 0; i < MAX_DH / KEYS; i++)
    {
        int d = tid + i * KEYS;
        if (d < p.dh)
            ep_store(p.out, p.ot, (size_t)row * d_all + (size_t)h * (size_t)p.dh + (size_t)d, o[i] / sum);
    }
}

/* ---- many queries: tiles on matrix units ----------------------------------------------------- */
enum { FLASH_THREADS = 128, FLASH_ROWS = 64, FLASH_DH = 128 };

/* New keys and values to a cache of another type than qkv, before the tiles are read from it. */
template <class T> CU_KERNEL(256, 4) append_kernel(attention_args p, size_t n)
{
    size_t d_all = (size_t)p.shared * (size_t)p.dh;
    CU_UNROLL_BY(1)
    for (size_t i = (size_t)blockIdx.x * 256 + threadIdx.x; i < n; i += (size_t)gridDim.x * 256) {
        size_t  row = i / (2 * d_all), at = i % (2 * d_all);
        int     which = (int)(at / d_all), h = (int)(at % d_all / (size_t)p.dh), d = (int)(at % (size_t)p.dh);
        keys<T> k = {p, (int)(row / (size_t)p.tokens), h * p.each};
        ((T *)p.kv)[k.cache(which, p.past + (int)(row % (size_t)p.tokens)) + (size_t)d] =
            cu_from<T>(k.qkv(row * (size_t)p.width + (size_t)p.heads * (size_t)p.dh + at));
    }
}

/* The same to a cache in i8: a warp a block. */
CU_KERNEL(256, 4) append_blocks_kernel(attention_args p, size_t n)
{
    size_t d_all = (size_t)p.shared * (size_t)p.dh, step = (size_t)gridDim.x * 8;
    int    lane = (int)threadIdx.x % 32;
    CU_UNROLL_BY(1)
    for (size_t b = (size_t)blockIdx.x * 8 + threadIdx.x / 32; b < n / KV8; b += step) {
        size_t row = b * KV8 / (2 * d_all), at = b * KV8 % (2 * d_all);
        int    which = (int)(at / d_all), h = (int)(at % d_all / (size_t)p.dh), d = (int)(at % (size_t)p.dh);
        keys<kv8> k = {p, (int)(row / (size_t)p.tokens), h * p.each};
        float     v = k.qkv(row * (size_t)p.width + (size_t)p.heads * (size_t)p.dh + at + (size_t)lane);
        __half    scale = __float2half_rn(cu_warp_max(fabsf(v)) / 127.0f);
        float     by = cu_f32(scale), q = by > 0 ? rintf(v / by) : 0.0f;
        auto     *block = (unsigned short *)block_at(
                p.kv, k.cache(which, p.past + (int)(row % (size_t)p.tokens)) + (size_t)d);
        ((signed char *)(block + 1))[lane] = (signed char)fminf(fmaxf(q, -127.0f), 127.0f);
        if (lane == 0) block[0] = __half_as_ushort(scale);
    }
}

struct flash_f16 {
    typedef __half        T;
    static CU_MEMBER void mma(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
    {
        cu_mma_f16(d, a, b);
    }
    static CU_MEMBER unsigned bits(float v) { return __half_as_ushort(__float2half_rn(v)); }
    static CU_MEMBER unsigned raw(T v) { return __half_as_ushort(v); }
};
struct flash_bf16 {
    typedef __nv_bfloat16 T;
    static CU_MEMBER void mma(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
    {
        cu_mma_bf16(d, a, b);
    }
    static CU_MEMBER unsigned bits(float v) { return __bfloat16_as_ushort(__float2bfloat16_rn(v)); }
    static CU_MEMBER unsigned raw(T v) { return __bfloat16_as_ushort(v); }
};
template <class U> CU_FN unsigned pack(float low, float high) { return U::bits(low) | U::bits(high) << 16; }

/* Bytes between rows of a tile: an odd number of 16-byte chunks, so that the 8 rows an ldmatrix reads lie in
 * different banks. */
template <int DH> constexpr int         flash_stride() { return 2 * DH + 16; }
template <int DH, int KT> constexpr int flash_tile()
{
    return KT * flash_stride<DH>();
} /* of keys, or of values */

/* Keys j0 .. j0 + KT - 1 and then their values to shared memory; zeros beyond the last key and the last
 * column, so that neither a product nor a weight of zero meets what is no number. fast: rows of whole 16
 * bytes. */
template <class U, int DH, int KT>
CU_FN void flash_fetch(const keys<typename U::T> &k, unsigned char *tile, int j0, int n, bool fast)
{
    typedef typename U::T T;
    const attention_args &p = k.p;
    CU_UNROLL_BY(1) for (int i = (int)threadIdx.x; i < 2 * KT * (DH / 8); i += FLASH_THREADS)
    {
        int which = i / (KT * (DH / 8)), r = i / (DH / 8), d = i % (DH / 8) * 8, j = j0 + r - which * KT;
        unsigned char *dst = tile + r * flash_stride<DH>() + 2 * d; /* values lie behind the keys */
        bool           in = j < n && d < p.dh;
        const T       *src = (const T *)p.kv;
        if (in)
            src = (j < p.cached ? src + k.cache(which, j) : (const T *)p.qkv + k.fresh(which, j)) + (size_t)d;
        if (fast) {
            cu_cp16(dst, src, in);
            continue;
        }
        CU_UNROLL_BY(1)
        for (int e = 0; e < 8; e++) ((T *)dst)[e] = in && d + e < p.dh ? src[e] : cu_from<T>(0.0f);
    }
}

/* A block's own new rows to the cache: no block reads them there. */
template <class U> CU_FN void flash_append(const keys<typename U::T> &k, int first, int end, bool fast)
{
    typedef typename U::T T;
    const attention_args &p = k.p;
    const int             per = fast ? 8 : 1, width = p.dh / per;
    CU_UNROLL_BY(1) for (int i = (int)threadIdx.x; i < (end - first) * 2 * width; i += FLASH_THREADS)
    {
        int      which = i / width % 2, j = p.past + first + i / width / 2, d = i % width * per;
        const T *src = (const T *)p.qkv + k.fresh(which, j) + (size_t)d;
        T       *dst = (T *)p.kv + k.cache(which, j) + (size_t)d;
        if (fast)
            cu_st16(dst, cu_ld16(src));
        else
            *dst = *src;
    }
}

/* Two neighbouring columns of a row as a pair of the matrix units' type, and such a pair's f32 to a row. */
template <class U> CU_FN unsigned flash_pair(const float *p, bool both)
{
    return both ? pack<U>(p[0], p[1]) : pack<U>(p[0], 0.0f);
}
template <class U> CU_FN unsigned flash_pair(const typename U::T *p, bool both)
{
    return U::raw(p[0]) | (both ? U::raw(p[1]) << 16 : 0u);
}

/* What a warp holds of its 16 query rows: a lane has rows lane / 4 and that + 8 (index 0 and 1). */
template <int DH> struct flash_state {
    unsigned q[DH / 16][4];
    float    o[DH / 8][4], most[2], sum[2];
};

/* The queries as left operands, straight from memory: each is used by one warp only. Q: of their type. */
template <class U, int DH, class Q>
CU_FN void flash_queries(const attention_args &p, flash_state<DH> &w, int b, int h, int t0)
{
    int lane = (int)threadIdx.x % 32;
    CU_UNROLL for (int half = 0; half < 2; half++)
    {
        int      t = t0 + lane / 4 + half * 8;
        const Q *row = (const Q *)p.qkv +
                       ((size_t)b * (size_t)p.tokens + (size_t)(t < p.tokens ? t : 0)) * (size_t)p.width +
                       (size_t)h * (size_t)p.dh;
        CU_UNROLL for (int s = 0; s < 2 * (DH / 16); s++)
        {
            int d = 8 * s + lane % 4 * 2;
            w.q[s / 2][s % 2 * 2 + half] =
                t < p.tokens && d < p.dh ? flash_pair<U>(row + d, d + 1 < p.dh) : 0u;
        }
    }
}
/* Their output, divided by the sum of weights. */
template <class U, int DH, class O>
CU_FN void flash_put(const attention_args &p, const flash_state<DH> &w, int b, int h, int t0)
{
    int lane = (int)threadIdx.x % 32;
    CU_UNROLL for (int half = 0; half < 2; half++)
    {
        int   t = t0 + lane / 4 + half * 8;
        float sum = w.sum[half];
        sum += cu_shfl_xor(sum, 1);
        sum += cu_shfl_xor(sum, 2);
        O *row = (O *)p.out +
                 (((size_t)b * (size_t)p.tokens + (size_t)t) * (size_t)p.heads + (size_t)h) * (size_t)p.dh;
        if (t >= p.tokens) continue;
        sum = 1.0f / sum;
        CU_UNROLL for (int i = 0; i < DH / 8; i++)
        {
            int d = 8 * i + lane % 4 * 2;
            if (d < p.dh) row[d] = cu_from<O>(w.o[i][2 * half] * sum);
            if (d + 1 < p.dh) row[d + 1] = cu_from<O>(w.o[i][2 * half + 1] * sum);
        }
    }
}

/* Scores s -> weights in place; the maximum, sum and output so far follow. scale: of scores, times log2(e).
 * last: the last key the warp's first row sees, relative to this tile. A row whose maximum is still -inf has
 * seen no key: it is none of the sequence's. */
template <int DH, int KT>
CU_FN void flash_weights(flash_state<DH> &w, float (&s)[KT / 8][4], float scale, int last)
{
    int lane = (int)threadIdx.x % 32;
    if (last < KT - 1)
        CU_UNROLL for (int i = 0; i < KT / 8; i++)
            CU_UNROLL for (int r = 0; r < 4; r++) if (8 * i + lane % 4 * 2 + r % 2 >
                                                      last + lane / 4 + r / 2 * 8) s[i][r] = -INFINITY;
    CU_UNROLL for (int half = 0; half < 2; half++)
    {
        float m = w.most[half], sum = 0;
        CU_UNROLL for (int i = 0; i < KT / 8; i++) m = fmaxf(m, fmaxf(s[i][2 * half], s[i][2 * half + 1]));
        m = fmaxf(m, cu_shfl_xor(m, 1)); /* the four lanes of a row */
        m = fmaxf(m, cu_shfl_xor(m, 2));
        float shift = m == -INFINITY ? 0.0f : m * scale, keep = cu_exp2(w.most[half] * scale - shift);
        CU_UNROLL for (int i = 0; i < KT / 8; i++) CU_UNROLL for (int e = 0; e < 2; e++)
        {
            float v = cu_exp2(fmaf(s[i][2 * half + e], scale, -shift));
            s[i][2 * half + e] = v;
            sum += v;
        }
        w.sum[half] = w.sum[half] * keep + sum; /* this lane's share */
        w.most[half] = m;
        CU_UNROLL for (int i = 0; i < DH / 8; i++) CU_UNROLL for (int e = 0; e < 2; e++)
            w.o[i][2 * half + e] *= keep;
    }
}

/* One tile of keys and values for one warp. */
template <class U, int DH, int KT>
CU_FN void flash_tile_step(flash_state<DH> &w, const unsigned char *tile, float scale, int last)
{
    int lane = (int)threadIdx.x % 32,
        m = lane / 8; /* which of four matrices this lane gives the row address of */
    float s[KT / 8][4];
    CU_UNROLL for (int i = 0; i < KT / 8; i += 2)
    {
        CU_UNROLL for (int r = 0; r < 4; r++) s[i][r] = s[i + 1][r] = 0;
        CU_UNROLL for (int k = 0; k < DH / 16; k++)
        {
            unsigned f[4];
            cu_ldmatrix4(
                tile + (8 * i + lane % 8 + m / 2 * 8) * flash_stride<DH>() + 2 * (16 * k + m % 2 * 8), f);
            const unsigned b0[2] = {f[0], f[1]}, b1[2] = {f[2], f[3]};
            U::mma(s[i], w.q[k], b0);
            U::mma(s[i + 1], w.q[k], b1);
        }
    }
    flash_weights<DH, KT>(w, s, scale, last);
    const unsigned char *values = tile + flash_tile<DH, KT>();
    CU_UNROLL for (int k = 0; k < KT / 16; k++)
    {
        const unsigned a[4] = {pack<U>(s[2 * k][0], s[2 * k][1]), pack<U>(s[2 * k][2], s[2 * k][3]),
                               pack<U>(s[2 * k + 1][0], s[2 * k + 1][1]),
                               pack<U>(s[2 * k + 1][2], s[2 * k + 1][3])};
        CU_UNROLL for (int i = 0; i < DH / 8; i += 2)
        {
            unsigned f[4];
            cu_ldmatrix4_trans(
                values + (16 * k + lane % 8 + m % 2 * 8) * flash_stride<DH>() + 2 * (8 * i + m / 2 * 8), f);
            const unsigned b0[2] = {f[0], f[1]}, b1[2] = {f[2], f[3]};
            U::mma(w.o[i], a, b0);
            U::mma(w.o[i + 1], a, b1);
        }
    }
}

/* Block (64 queries, last first because they have most keys; head; sequence), a warp 16 of them. Two tiles of
 * keys and values in shared memory: one is used while the other comes. */
template <class U, int DH, int KT> CU_KERNEL(FLASH_THREADS, 2) flash_kernel(attention_args p, bool fast)
{
    CU_SMEM(smem);
    constexpr int PAIR = 2 * flash_tile<DH, KT>();
    int h = (int)blockIdx.y, b = (int)blockIdx.z, q0 = (int)(gridDim.x - 1 - blockIdx.x) * FLASH_ROWS;
    int t0 = q0 + (int)threadIdx.x / 32 * 16, end = q0 + FLASH_ROWS < p.tokens ? q0 + FLASH_ROWS : p.tokens,
        n = p.past + end;
    keys<typename U::T> k = {p, b, h};
    flash_state<DH>     w;
    float               scale = 1.4426950408889634f / sqrtf((float)p.dh);
    flash_fetch<U, DH, KT>(k, smem, 0, n, fast);
    cu_cp_commit();
    if (p.cached == p.past && h % p.each == 0) flash_append<U>(k, q0, end, fast);
    if (p.qt == PR_F32)
        flash_queries<U, DH, float>(p, w, b, h, t0);
    else
        flash_queries<U, DH, typename U::T>(p, w, b, h, t0);
    CU_UNROLL for (int i = 0; i < DH / 8; i++) CU_UNROLL for (int r = 0; r < 4; r++) w.o[i][r] = 0;
    w.most[0] = w.most[1] = -INFINITY;
    w.sum[0] = w.sum[1] = 0;
    for (int j0 = 0, turn = 0; j0 < n; j0 += KT, turn ^= 1) {
        unsigned char *next = smem + (turn ^ 1) * PAIR;
        if (j0 + KT < n) flash_fetch<U, DH, KT>(k, next, j0 + KT, n, fast);
        cu_cp_commit();
        cu_cp_wait<1>();
        cu_sync();
        if (j0 <= p.past + t0 + 15)
            flash_tile_step<U, DH, KT>(w, smem + turn * PAIR, scale, p.past + t0 - j0);
        cu_sync();
    }
    if (p.ot == PR_F32)
        flash_put<U, DH, float>(p, w, b, h, t0);
    else
        flash_put<U, DH, typename U::T>(p, w, b, h, t0);
}

template <class U, int DH, int KT> static ir_status flash_launch(cuda_dev *c, const attention_args &p)
{
    const size_t smem = 4 * (size_t)flash_tile<DH, KT>();
    dim3 grid((unsigned)((p.tokens + FLASH_ROWS - 1) / FLASH_ROWS), (unsigned)p.heads, (unsigned)p.batch);
    auto fn = flash_kernel<U, DH, KT>;
    bool fast = p.dh % 8 == 0 && ((uintptr_t)p.kv | (uintptr_t)p.qkv) % 16 == 0;
    ir_status st = cuda_allow_smem(c, (const void *)fn, smem);
    return st == IR_OK ? cuda_launch(c, fn, grid, dim3(FLASH_THREADS), smem, p, fast) : st;
}
template <class U> static ir_status flash_sized(cuda_dev *c, const attention_args &p)
{
    if (p.dh <= 32) return flash_launch<U, 32, 64>(c, p);
    if (p.dh <= 64) return flash_launch<U, 64, 64>(c, p);
    if (p.dh <= 80) return flash_launch<U, 80, 64>(c, p);
    if (c->prop.sharedMemPerBlockOptin < 96 << 10)
        return flash_launch<U, FLASH_DH, 32>(c, p); /* sm_75: 64 KiB */
    return flash_launch<U, FLASH_DH, 64>(c, p);
}

ir_status rw_flash_can(const cuda_dev *c, const ly_row *r, pr_type kv_t)
{
    int need = kv_t == PR_F16 ? 75 : 80;
    if (kv_t != PR_F16 && kv_t != PR_BF16) return ir_fail(IR_SKIP, "flash: f16 and bf16 keys and values");
    if (c->cc < need)
        return ir_fail(IR_SKIP, "flash: %s matrix instructions need sm_%d, this is sm_%d",
                       kv_t == PR_F16 ? "f16" : "bf16", need, c->cc);
    if (r->dh > FLASH_DH) return ir_fail(IR_SKIP, "flash: heads of at most %d columns", FLASH_DH);
    return r->batch <= 65535 && r->heads <= 65535
               ? IR_OK
               : ir_fail(IR_SKIP, "flash: at most 65535 sequences and heads");
}

int rw_attention_split(const cuda_dev *c, const ly_row *r)
{
    int64_t blocks = r->batch * r->tokens * r->heads, chunks = (r->past + r->tokens + KEYS - 1) / KEYS,
            want = (4 * c->sms + blocks - 1) / blocks;
    return (int)(want < 1 ? 1 : want < chunks ? want : chunks);
}
size_t rw_attention_work(const ly_row *r, int split)
{
    return split > 1 ? (size_t)(r->batch * r->tokens * r->heads) * (size_t)split * (size_t)(r->dh + 2) *
                           sizeof(float)
                     : 0;
}

static attention_args args_of(const ly_row *r, int64_t cap, rw_buf qkv, void *kv, pr_type kv_t, rw_buf out)
{
    int    shared = (int)ly_kv_heads(r);
    size_t plane = (size_t)r->block * 2 * (size_t)r->batch * (size_t)shared * (size_t)cap * (size_t)r->dh;
    return {qkv.p,
            (int)qkv.t,
            kv,
            (int)kv_t,
            out.p,
            (int)out.t,
            (int)r->batch,
            (int)r->heads,
            (int)r->dh,
            (int)r->tokens,
            (int)r->past,
            (int)cap,
            1,
            plane,
            nullptr,
            nullptr,
            (int)r->past,
            shared,
            (int)r->heads / shared,
            (int)ly_qkv_width(r),
            r->all};
}

static dim3 append_grid(const cuda_dev *c, size_t n)
{
    size_t   most = (size_t)c->sms * 32;
    unsigned blocks = cuda_ceil(n, 256 * 4);
    return dim3(blocks < most ? blocks : (unsigned)most);
}
static size_t appended(const ly_row *r)
{
    return 2 * (size_t)(r->batch * r->tokens * ly_kv_heads(r) * r->dh);
}

ir_status rw_attention(cuda_dev *c, const ly_row *r, int64_t cap, rw_buf qkv, void *kv, pr_type kv_t,
                       rw_buf out, int split, float *work, unsigned *tickets)
{
    attention_args p = args_of(r, cap, qkv, kv, kv_t, out);
    p.split = split;
    p.work = work;
    p.tickets = tickets;
    if (r->dh > MAX_DH) return ir_fail(IR_SKIP, "attention: heads of at most %d columns", MAX_DH);
    if (r->heads > 65535) return ir_fail(IR_SKIP, "attention: at most 65535 heads");
    dim3      grid((unsigned)(r->batch * r->tokens), (unsigned)r->heads, (unsigned)split);
    int       row_B = p.dh * (int)pr_width(kv_t);
    bool      fast = kv_t != PR_I8 && row_B % 16 == 0 && row_B <= 32 * 16 && (uintptr_t)kv % 16 == 0;
    auto      fn = kv_t == PR_F32   ? attention_kernel<float>
                   : kv_t == PR_F16 ? attention_kernel<__half>
                   : kv_t == PR_I8  ? attention_kernel<kv8>
                                    : attention_kernel<__nv_bfloat16>;
    ir_status st = kv_t == PR_I8 ? cuda_launch(c, append_blocks_kernel, append_grid(c, appended(r)),
                                               dim3(256), 0, p, appended(r))
                                 : IR_OK;
    if (st != IR_OK) return st;
    return cuda_launch(c, fn, grid, dim3(KEYS), 0, p, fast);
}

ir_status rw_flash(cuda_dev *c, const ly_row *r, int64_t cap, rw_buf qkv, void *kv, pr_type kv_t, rw_buf out)
{
    ir_status      st = rw_flash_can(c, r, kv_t);
    attention_args p = args_of(r, cap, qkv, kv, kv_t, out);
    if (st == IR_OK && qkv.t != kv_t) {
        p.cached = (int)(r->past + r->tokens);
        st = cuda_launch(c, kv_t == PR_F16 ? append_kernel<__half> : append_kernel<__nv_bfloat16>,
                         append_grid(c, appended(r)), dim3(256), 0, p, appended(r));
    }
    if (st != IR_OK) return st;
    return kv_t == PR_F16 ? flash_sized<flash_f16>(c, p) : flash_sized<flash_bf16>(c, p);
}
