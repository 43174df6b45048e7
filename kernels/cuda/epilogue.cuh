/* epilogue.cuh -- what happens to a sum before it is stored, and loads and stores of any element type. */
#ifndef CUDA_EPILOGUE_CUH
#define CUDA_EPILOGUE_CUH
#include "kernels/nets/layer.h"
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/product.h"

CU_FN float ep_load(const void *p, int t, size_t i)
{
    if (t == PR_F32) return ((const float *)p)[i];
    if (t == PR_F16) return cu_f32(((const __half *)p)[i]);
    if (t == PR_BF16) return cu_f32(((const __nv_bfloat16 *)p)[i]);
    if (t == PR_I8) return (float)((const int8_t *)p)[i];
    return cu_f32(((const __nv_fp8_e4m3 *)p)[i]);
}
CU_FN __half2 ep_half2(unsigned w)
{
    __half2_raw h;
    h.x = (unsigned short)w;
    h.y = (unsigned short)(w >> 16);
    return __half2(h);
}
CU_FN void ep_store(void *p, int t, size_t i, float v)
{
    if (t == PR_F32)
        ((float *)p)[i] = v;
    else if (t == PR_F16)
        ((__half *)p)[i] = __float2half_rn(v);
    else
        ((__nv_bfloat16 *)p)[i] = __float2bfloat16_rn(v);
}
/* GELU in the tanh form, tanh from the exponential: (1 + tanh u) / 2 = 1 - 1 / (e^2u + 1) is right at both
 * ends. */
CU_FN float ep_act(int act, float v)
{
    if (act == LY_RELU) return fmaxf(v, 0.0f);
    if (act == LY_RELU6) return fminf(fmaxf(v, 0.0f), 6.0f);
    if (act == LY_GELU) {
        float u = 0.7978845608028654f * (v + 0.044715f * v * v * v);
        return v - v * cu_rcp(cu_exp(2.0f * u) + 1.0f);
    }
    if (act == LY_SILU) return v * cu_rcp(1.0f + cu_exp(-v));
    if (act == LY_SIGMOID) return cu_rcp(1.0f + cu_exp(-v));
    if (act == LY_TANH) return 1.0f - 2.0f * cu_rcp(cu_exp(2.0f * v) + 1.0f);
    if (act == LY_GELU_ERF) return 0.5f * v * (1.0f + erff(0.7071067811865476f * v));
    return v;
}
/* Four neighbouring elements from a multiple of four on. */
union ep_words {
    uint2     v;
    unsigned  w[2];
    CU_MEMBER ep_words() {}
};
CU_FN float4 ep_load4(const void *p, int t, size_t i)
{
    if (t == PR_F32) return *(const float4 *)((const float *)p + i);
    ep_words x;
    float4   f;
    x.v = *(const uint2 *)((const unsigned short *)p + i);
    if (t == PR_F16) {
        float2 a = __half22float2(ep_half2(x.w[0])), b = __half22float2(ep_half2(x.w[1]));
        return make_float4(a.x, a.y, b.x, b.y);
    }
    f.x = __uint_as_float(x.w[0] << 16), f.y = __uint_as_float(x.w[0] & 0xFFFF0000u);
    f.z = __uint_as_float(x.w[1] << 16), f.w = __uint_as_float(x.w[1] & 0xFFFF0000u);
    return f;
}
CU_FN unsigned ep_bits(__half a, __half b)
{
    return __half_as_ushort(a) | (unsigned)__half_as_ushort(b) << 16;
}
CU_FN unsigned ep_bits(__nv_bfloat16 a, __nv_bfloat16 b)
{
    return __bfloat16_as_ushort(a) | (unsigned)__bfloat16_as_ushort(b) << 16;
}
CU_FN void ep_store4(void *p, int t, size_t i, float4 f)
{
    if (t == PR_F32) {
        *(float4 *)((float *)p + i) = f;
        return;
    }
    ep_words x;
    if (t == PR_F16) {
        x.w[0] = ep_bits(cu_from<__half>(f.x), cu_from<__half>(f.y)),
        x.w[1] = ep_bits(cu_from<__half>(f.z), cu_from<__half>(f.w));
    } else {
        x.w[0] = ep_bits(cu_from<__nv_bfloat16>(f.x), cu_from<__nv_bfloat16>(f.y));
        x.w[1] = ep_bits(cu_from<__nv_bfloat16>(f.z), cu_from<__nv_bfloat16>(f.w));
    }
    *(uint2 *)((unsigned short *)p + i) = x.v;
}
CU_FN float ep_value(const pr_args &p, size_t m, int n, float v)
{
    if (p.scale) v *= p.scale[n];
    if (p.bias) v += p.bias[n];
    float a = p.add ? ep_load(p.add, p.add_t, m * (size_t)p.N + (size_t)n) : 0.0f;
    v = ep_act(p.act, p.gate ? v : v + a);
    return p.gate ? v * a : v;
}
CU_FN void ep_put(const pr_args &p, int m, int n, float v)
{
    if (m < p.M && n < p.N)
        ep_store(p.out, p.out_t, (size_t)m * (size_t)p.N + (size_t)n, ep_value(p, (size_t)m, n, v));
}
/* B rows x R outputs from n0 on, of which every thread of WARPS warps has a share of each sum. part: shared
 * memory for WARPS * R * B floats, which nobody reads or writes any more. */
template <int WARPS, int R, int B>
CU_FN void ep_put_shares(const pr_args &p, int n0, float *part, const float (&share)[R][B])
{
    int tid = (int)threadIdx.x;
    CU_UNROLL for (int r = 0; r < R; r++) CU_UNROLL for (int b = 0; b < B; b++)
    {
        float s = cu_warp_sum(share[r][b]);
        if (tid % 32 == 0) part[(tid / 32 * R + r) * B + b] = s;
    }
    cu_sync();
    if (tid >= R * B) return;
    float s = 0;
    for (int w = 0; w < WARPS; w++) s += part[w * R * B + tid];
    ep_put(p, tid % B, n0 + tid / B, s);
}
/* What is added to four sums of a row; n is a multiple of four, and so is N (p.four); what is read and
 * written lies at multiples of as many bytes. */
CU_FN float4 ep_add4(const pr_args &p, int m, int n)
{
    if (!p.add || m >= p.M || n >= p.N) return make_float4(0, 0, 0, 0);
    return ep_load4(p.add, p.add_t, (size_t)m * (size_t)p.N + (size_t)n);
}
CU_FN void ep_put4(const pr_args &p, int m, int n, float4 v, float4 a)
{
    if (m >= p.M || n >= p.N) return;
    size_t at = (size_t)m * (size_t)p.N + (size_t)n;
    if (p.scale) v.x *= p.scale[n], v.y *= p.scale[n + 1], v.z *= p.scale[n + 2], v.w *= p.scale[n + 3];
    if (p.bias) v.x += p.bias[n], v.y += p.bias[n + 1], v.z += p.bias[n + 2], v.w += p.bias[n + 3];
    if (!p.gate) v.x += a.x, v.y += a.y, v.z += a.z, v.w += a.w;
    if (p.act)
        v = make_float4(ep_act(p.act, v.x), ep_act(p.act, v.y), ep_act(p.act, v.z), ep_act(p.act, v.w));
    if (p.gate) v.x *= a.x, v.y *= a.y, v.z *= a.z, v.w *= a.w;
    ep_store4(p.out, p.out_t, at, v);
}
/* The same wherever rows begin. */
CU_FN void ep_any4(const pr_args &p, int m, int n, float4 v)
{
    if (p.four) return ep_put4(p, m, n, v, ep_add4(p, m, n));
    CU_UNROLL_BY(1)
    for (int e = 0; e < 4; e++) ep_put(p, m, n + e, e == 0 ? v.x : e == 1 ? v.y : e == 2 ? v.z : v.w);
}
/* A tile of BM x BN sums in shared memory, rows of `stride` floats: neighbouring threads store neighbouring
 * columns, and the code of a value is there once, whatever the tile. */
template <int BM, int BN, int THREADS>
CU_FN void ep_tile(const pr_args &p, int m0, int n0, const float *tile, int stride)
{
    if (!p.four) {
        CU_UNROLL_BY(1)
        for (int i = (int)threadIdx.x; i < BM * BN; i += THREADS)
            ep_put(p, m0 + i / BN, n0 + i % BN, tile[i / BN * stride + i % BN]);
        return;
    }
    const int i0 = (int)threadIdx.x;
    float4    next = ep_add4(p, m0 + i0 / (BN / 4), n0 + i0 % (BN / 4) * 4); /* on its way a turn ahead */
    CU_UNROLL_BY(1) for (int i = i0; i < BM * (BN / 4); i += THREADS)
    {
        int    row = i / (BN / 4), c = i % (BN / 4) * 4, then = i + THREADS;
        float4 a = next;
        next = ep_add4(p, m0 + then / (BN / 4), n0 + then % (BN / 4) * 4);
        ep_put4(p, m0 + row, n0 + c, *(const float4 *)(tile + row * stride + c), a);
    }
}
#endif
