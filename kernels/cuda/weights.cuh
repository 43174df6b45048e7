/* weights.cuh -- stored weights opened in registers: 16 bytes hold N of them, and four at a time become f32
 * with the cheapest exact instructions there are. No lookup, no per-element conversion instruction where it
 * is slow. */
#ifndef CUDA_WEIGHTS_CUH
#define CUDA_WEIGHTS_CUH
#include "kernels/cuda/device.cuh"

CU_FN unsigned cu_word(const uint4 &v, int i) { return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w; }
CU_FN void     cu_open_half2(unsigned w, float *f)
{
    __half2_raw h;
    h.x = (unsigned short)w;
    h.y = (unsigned short)(w >> 16);
    float2 two = __half22float2(__half2(h));
    f[0] = two.x;
    f[1] = two.y;
}

/* open(v, i, f): elements 4 i .. 4 i + 3 of the N in v. */
struct w_f32 {
    typedef float T;
    enum { N = 4 };
    static CU_MEMBER void open(const uint4 &v, int, float (&f)[4])
    {
        f[0] = __uint_as_float(v.x);
        f[1] = __uint_as_float(v.y);
        f[2] = __uint_as_float(v.z);
        f[3] = __uint_as_float(v.w);
    }
};
struct w_f16 {
    typedef __half T;
    enum { N = 8 };
    static CU_MEMBER void open(const uint4 &v, int i, float (&f)[4])
    {
        cu_open_half2(cu_word(v, 2 * i), f);
        cu_open_half2(cu_word(v, 2 * i + 1), f + 2);
    }
};
struct w_bf16 {
    typedef __nv_bfloat16 T;
    enum { N = 8 };
    static CU_MEMBER void open(const uint4 &v, int i, float (&f)[4])
    {
        unsigned a = cu_word(v, 2 * i), b = cu_word(v, 2 * i + 1);
        f[0] = __uint_as_float(a << 16);
        f[1] = __uint_as_float(a & 0xFFFF0000u);
        f[2] = __uint_as_float(b << 16);
        f[3] = __uint_as_float(b & 0xFFFF0000u);
    }
};
/* A byte below the mantissa of 2^23 is that integer above 2^23: a permutation and a subtraction instead of a
 * conversion, which has an eighth of their rate on several capabilities. */
struct w_i8 {
    typedef int8_t T;
    enum { N = 16 };
    static CU_MEMBER void open(const uint4 &v, int i, float (&f)[4])
    {
        unsigned w = cu_word(v, i) ^ 0x80808080u;
        CU_UNROLL for (int e = 0; e < 4; e++) f[e] =
            __uint_as_float(cu_byte_perm(w, 0x4B000000u, 0x7650u + (unsigned)e)) - 8388736.0f;
    }
};
/* e4m3: sm_89 and later convert two in an instruction. Before, a byte shifted into the fields of f16 is the
 * number divided by 2^8, exponents being biased by 7 there and by 15 here; subnormals stay subnormals. NaN
 * becomes 480, which no weight is. */
struct w_f8 {
    typedef __nv_fp8_e4m3 T;
    enum { N = 16 };
    static CU_MEMBER void open(const uint4 &v, int i, float (&f)[4])
    {
        unsigned w = cu_word(v, i);
#if !defined(CUDA_EMULATE) && __CUDA_ARCH__ >= 890
        unsigned lo, hi;
        asm("{.reg .b16 a, b; mov.b32 {a, b}, %2; cvt.rn.f16x2.e4m3x2 %0, a; cvt.rn.f16x2.e4m3x2 %1, b;}"
            : "=r"(lo), "=r"(hi)
            : "r"(w));
        cu_open_half2(lo, f);
        cu_open_half2(hi, f + 2);
#else
        unsigned lo = cu_byte_perm(w, 0, 0x1404u), hi = cu_byte_perm(w, 0, 0x3424u);
        cu_open_half2((lo & 0x80008000u) | (lo & 0x7F007F00u) >> 1, f);
        cu_open_half2((hi & 0x80008000u) | (hi & 0x7F007F00u) >> 1, f + 2);
        CU_UNROLL for (int e = 0; e < 4; e++) f[e] *= 256.0f;
#endif
    }
};
#endif
