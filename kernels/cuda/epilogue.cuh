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
CU_FN void ep_store(void *p, int t, size_t i, float v)
{
    if (t == PR_F32)
        ((float *)p)[i] = v;
    else if (t == PR_F16)
        ((__half *)p)[i] = __float2half_rn(v);
    else
        ((__nv_bfloat16 *)p)[i] = __float2bfloat16_rn(v);
}
/* GELU in the tanh form, tanh from the exponential: 1 - 2 / (e^2u + 1) is right at both ends. */
CU_FN float ep_act(int act, float v)
{
    if (act == LY_RELU) return fmaxf(v, 0.0f);
    if (act == LY_RELU6) return fminf(fmaxf(v, 0.0f), 6.0f);
    if (act == LY_GELU) {
        float u = 0.7978845608028654f * (v + 0.044715f * v * v * v);
        return 0.5f * v * (2.0f - 2.0f / (cu_exp(2.0f * u) + 1.0f));
    }
    return v;
}
CU_FN float ep_value(const pr_args &p, size_t m, int n, float v)
{
    if (p.scale) v *= p.scale[n];
    if (p.bias) v += p.bias[n];
    if (p.add) v += ep_load(p.add, p.add_t, m * (size_t)p.N + (size_t)n);
    return ep_act(p.act, v);
}
CU_FN void ep_put(const pr_args &p, int m, int n, float v)
{
    if (m < p.M && n < p.N)
        ep_store(p.out, p.out_t, (size_t)m * (size_t)p.N + (size_t)n, ep_value(p, (size_t)m, n, v));
}
#endif
