/* device.cuh -- what device code is written against: launches, shared memory, and the instructions that have
 * no C++ spelling. Compiled by nvcc these are PTX; compiled by a C++ compiler with CUDA_EMULATE they are the
 * same operations as the PTX manual describes them (emulate.h), so that every kernel's logic runs in the
 * tests without a GPU. Fragment layouts are the PTX ISA's, chapter "Matrix multiply-accumulate". */
#ifndef CUDA_DEVICE_CUH
#define CUDA_DEVICE_CUH
#include "kernels/cuda/cuda.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(CUDA_EMULATE)
#include "kernels/cuda/emulate.h"
#else
#define CU_FN           static __device__ __forceinline__
#define CU_BOTH         static __host__ __device__ __forceinline__
#define CU_MEMBER       __device__ __forceinline__
#define CU_KERNEL(T, B) __global__ void __launch_bounds__(T, B) /* threads, blocks per SM */
#define CU_SHARED(T, n) __shared__ T n
#define CU_SMEM(p)      extern __shared__ __align__(1024) unsigned char p[]
#define CU_UNROLL       _Pragma("unroll")
#define CU_UNROLL4      _Pragma("unroll 4")
#define CU_PRAGMA(x)    _Pragma(#x)
#define CU_UNROLL_BY(n) CU_PRAGMA(unroll n)

/* ---- collectives ----------------------------------------------------------------------------- */
CU_FN void                 cu_sync() { __syncthreads(); }
CU_FN void                 cu_warp_sync() { __syncwarp(); }
template <class T> CU_FN T cu_shfl_xor(T v, int mask) { return __shfl_xor_sync(0xFFFFFFFFu, v, mask); }
template <class T> CU_FN T cu_shfl(T v, int lane) { return __shfl_sync(0xFFFFFFFFu, v, lane); }
CU_FN unsigned             cu_ticket(unsigned *p) { return atomicAdd(p, 1u); }
CU_FN void                 cu_fence() { __threadfence(); }

/* Of kernels launched CUDA_EARLY, nothing in others: the next may start; the one before, and so all before
 * it, has ended and is seen. */
CU_FN void cu_let_next_start()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
CU_FN void cu_wait_for_last()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/* ---- loads and stores
 * ------------------------------------------------------------------------------------------ cu_ld16: 16
 * bytes through L2 only, never removed or moved across another. cu_ldnc16: through the read-only path. */
CU_FN uint4 cu_ld16(const void *p)
{
    uint4 v;
    asm volatile("ld.global.cg.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(p)
                 : "memory");
    return v;
}
CU_FN uint4 cu_ld16_stream(const void *p)
{
    uint4 v;
    asm volatile("ld.global.cs.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(p)
                 : "memory");
    return v;
}
CU_FN void cu_st16(void *p, uint4 v)
{
    asm volatile("st.global.v4.u32 [%0], {%1,%2,%3,%4};" ::"l"(p), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w)
                 : "memory");
}
CU_FN void cu_st16_stream(void *p, uint4 v)
{
    asm volatile("st.global.cs.v4.u32 [%0], {%1,%2,%3,%4};" ::"l"(p), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w)
                 : "memory");
}
/* Weights that are read once: past L1, evicted first. */
CU_FN uint4 cu_ldnc16(const void *p)
{
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(p));
    return v;
}
CU_FN uint4 cu_lds16(const void *p)
{
    uint4 v;
    asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "r"((unsigned)__cvta_generic_to_shared(p))
                 : "memory");
    return v;
}
/* Through L2, where other blocks' writes are seen. */
CU_FN float cu_ldcg(const float *p)
{
    float v;
    asm volatile("ld.global.cg.f32 %0, [%1];" : "=f"(v) : "l"(p) : "memory");
    return v;
}
CU_FN float2 cu_ld8(const float *p)
{
    float2 v;
    asm volatile("ld.global.cg.v2.f32 {%0,%1}, [%2];" : "=f"(v.x), "=f"(v.y) : "l"(p) : "memory");
    return v;
}
/* Through the read-only path, one after the other as written. */
CU_FN unsigned cu_ldnc4(const void *p)
{
    unsigned v;
    asm volatile("ld.global.nc.u32 %0, [%1];" : "=r"(v) : "l"(p));
    return v;
}
CU_FN uint2 cu_ldnc8(const void *p)
{
    uint2 v;
    asm volatile("ld.global.nc.v2.u32 {%0,%1}, [%2];" : "=r"(v.x), "=r"(v.y) : "l"(p));
    return v;
}
CU_FN unsigned long long cu_chase(unsigned long long p)
{
    unsigned long long v;
    asm volatile("ld.global.u64 %0, [%1];" : "=l"(v) : "l"(p) : "memory");
    return v;
}
CU_FN void     cu_prefetch_l2(const void *p) { asm volatile("prefetch.global.L2 [%0];" ::"l"(p)); }
CU_FN unsigned cu_ld_acquire(const unsigned *p)
{
    unsigned v;
    asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
    return v;
}
CU_FN void cu_add_release(unsigned *p, unsigned v)
{
    asm volatile("red.release.gpu.global.add.u32 [%0], %1;" ::"l"(p), "r"(v) : "memory");
}
CU_FN void cu_pause() {}
/* The cost of waiting is one load: the compiler must not keep the value. */
CU_FN unsigned           cu_ld_volatile(const unsigned *p) { return *(volatile const unsigned *)p; }
CU_FN unsigned long long cu_nanoseconds()
{
    unsigned long long t;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(t));
    return t;
}

/* ---- asynchronous copies to shared memory: 16 bytes, or zeros where `take` is false ---------- */
CU_FN void cu_cp16(void *dst, const void *src, bool take)
{
#if __CUDA_ARCH__ >= 800
    asm volatile(
        "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"((unsigned)__cvta_generic_to_shared(dst)),
        "l"(src), "r"(take ? 16 : 0)
        : "memory");
#else
    *(uint4 *)dst = take ? *(const uint4 *)src : make_uint4(0, 0, 0, 0);
#endif
}
CU_FN void cu_cp_commit()
{
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
template <int N> CU_FN void cu_cp_wait()
{
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
#endif
}

/* ---- matrix instructions, D = A B + D on registers; f16 and i8 also on sm_75 ----------------- */
CU_FN void cu_ldmatrix4(const void *row, unsigned (&r)[4])
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"((unsigned)__cvta_generic_to_shared(row))
                 : "memory");
}
CU_FN void cu_ldmatrix4_trans(const void *row, unsigned (&r)[4])
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"((unsigned)__cvta_generic_to_shared(row))
                 : "memory");
}
#if __CUDA_ARCH__ >= 800
#define CU_MMA(name, text) \
    CU_FN void name(float(&d)[4], const unsigned(&a)[4], const unsigned(&b)[2]) \
    { \
        asm volatile("mma.sync.aligned." text " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};" \
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) \
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1])); \
    }
CU_FN void cu_mma_i8(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
{
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
                 "{%0,%1,%2,%3};"
                 : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
CU_MMA(cu_mma_f16, "m16n8k16.row.col.f32.f16.f16.f32")
#else
/* sm_75: the smaller instructions, see turing.cuh. The other types have none there, and the host launches no
 * kernel of them. */
CU_FN void cu_mma_f16_k8(float (&d)[4], unsigned a0, unsigned a1, unsigned b)
{
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a0), "r"(a1), "r"(b));
}
CU_FN void cu_mma_i8_m8k16(int &d0, int &d1, unsigned a, unsigned b)
{
    asm volatile("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};"
                 : "+r"(d0), "+r"(d1)
                 : "r"(a), "r"(b));
}
#include "kernels/cuda/turing.cuh"
CU_FN void cu_mma_f16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
{
    cu_turing_f16(d, a, b);
}
CU_FN void cu_mma_i8(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) { cu_turing_i8(d, a, b); }
#define CU_MMA(name, text) \
    CU_FN void name(float(&)[4], const unsigned(&)[4], const unsigned(&)[2]) { __trap(); }
#endif
CU_MMA(cu_mma_bf16, "m16n8k16.row.col.f32.bf16.bf16.f32")
CU_MMA(cu_mma_tf32, "m16n8k8.row.col.f32.tf32.tf32.f32")
#undef CU_MMA
#if __CUDA_ARCH__ >= 890
CU_FN void cu_mma_f8(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
{
    asm volatile("mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
                 "{%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#else
CU_FN void cu_mma_f8(float (&)[4], const unsigned (&)[4], const unsigned (&)[2]) { __trap(); }
#endif

/* The same value, of which the compiler knows nothing; and a use of a value that costs nothing. */
CU_FN float cu_same(float v)
{
    asm volatile("" : "+f"(v));
    return v;
}
CU_FN double cu_same(double v)
{
    asm volatile("" : "+d"(v));
    return v;
}
CU_FN int cu_same(int v)
{
    asm volatile("" : "+r"(v));
    return v;
}
CU_FN unsigned cu_same(unsigned v)
{
    asm volatile("" : "+r"(v));
    return v;
}
CU_FN __half2 cu_same(__half2 v)
{
    asm volatile("" : "+r"(*(unsigned *)&v));
    return v;
}
CU_FN unsigned cu_byte_perm(unsigned a, unsigned b, unsigned sel) { return __byte_perm(a, b, sel); }
CU_FN int      cu_dp4a(int a, int b, int c) { return __dp4a(a, b, c); }
CU_FN __half2  cu_hfma2(__half2 a, __half2 b, __half2 c) { return __hfma2(a, b, c); }
CU_FN float    cu_exp(float x) { return expf(x); }
CU_FN float    cu_rsqrt(float x) { return rsqrtf(x); }
CU_FN float    cu_rcp(float x)
{
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
} /* to 1 ulp; 0 of infinity */
CU_FN float cu_exp2(float x)
{
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/* ---- launches -------------------------------------------------------------------------------- */
template <class... P, class... A>
static inline ir_status cuda_launch_as(cuda_way way, cuda_dev *c, void (*fn)(P...), dim3 grid, dim3 block,
                                       size_t smem, A... a)
{
    auto call = [&](P... p) {
        void *args[] = {(void *)&p..., nullptr};
        return cuda_enqueue(c, (const void *)fn, grid, block, args, smem, way);
    };
    return call(P(a)...);
}
#endif /* CUDA_EMULATE */
template <class F, class... A>
static inline ir_status cuda_launch(cuda_dev *c, F fn, dim3 grid, dim3 block, size_t smem, A... a)
{
    return cuda_launch_as(CUDA_PLAIN, c, fn, grid, block, smem, a...);
}
template <class F, class... A>
static inline ir_status cuda_launch_cooperative(cuda_dev *c, F fn, dim3 grid, dim3 block, size_t smem, A... a)
{
    return cuda_launch_as(CUDA_COOPERATIVE, c, fn, grid, block, smem, a...);
}

/* ---- 16-bit and 8-bit numbers ---------------------------------------------------------------- */
CU_BOTH float cu_f32(float x) { return x; }
CU_BOTH float cu_f32(__half x) { return __half2float(x); }
CU_BOTH float cu_f32(__nv_bfloat16 x) { return __bfloat162float(x); }
CU_BOTH float cu_f32(int8_t x) { return (float)x; }
/* e4m3 shifted into the fields of f16 is the number divided by 2^8: exponents are biased by 7 there, by 15
 * here. NaN (0x7F) becomes 480, which no finite weight is. */
CU_BOTH float cu_f32(__nv_fp8_e4m3 x)
{
    __half_raw h;
    h.x = (unsigned short)((x.__x & 0x80u) << 8 | (x.__x & 0x7Fu) << 7);
    return 256.0f * __half2float(__half(h));
}
CU_BOTH double cu_wide(double x) { return x; }
CU_BOTH float  cu_wide(float x) { return x; }
CU_BOTH float  cu_wide(__nv_bfloat16 x) { return __bfloat162float(x); }
template <class T> struct cu_to;
template <> struct cu_to<float> {
    static CU_MEMBER float of(float x) { return x; }
};
template <> struct cu_to<__half> {
    static CU_MEMBER __half of(float x) { return __float2half_rn(x); }
};
template <> struct cu_to<__nv_bfloat16> {
    static CU_MEMBER __nv_bfloat16 of(float x) { return __float2bfloat16_rn(x); }
};
template <class T> CU_FN T cu_from(float x) { return cu_to<T>::of(x); }

CU_FN float cu_warp_sum(float v)
{
    for (int m = 16; m > 0; m /= 2) v += cu_shfl_xor(v, m);
    return v;
}
CU_FN float cu_warp_max(float v)
{
    for (int m = 16; m > 0; m /= 2) v = fmaxf(v, cu_shfl_xor(v, m));
    return v;
}

static inline unsigned cuda_ceil(size_t n, size_t d) { return (unsigned)((n + d - 1) / d); }
#endif
