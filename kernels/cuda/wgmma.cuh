/* wgmma.cuh -- the warp-group matrix instructions of sm_90a: D[64][N] += A[64][k] B, both operands in shared
 * memory through descriptors (PTX ISA, "Asynchronous warpgroup level matrix instructions"), N/2 accumulators
 * a thread. The accumulators belong to the instruction from wg_begin() to wg_wait(). */
#ifndef CUDA_WGMMA_CUH
#define CUDA_WGMMA_CUH
#include "kernels/cuda/device.cuh"

/* 128-byte swizzle; leading and stride in bytes (see the PTX ISA's strides for K-major and MN-major
 * operands). */
CU_BOTH uint64_t wg_descriptor(uint32_t address, uint32_t leading, uint32_t stride)
{
    return (uint64_t)((address & 0x3FFFF) >> 4) | (uint64_t)(leading >> 4) << 16 |
           (uint64_t)(stride >> 4) << 32 | (uint64_t)1 << 62;
}

#if defined(CUDA_EMULATE)
CU_FN uint32_t           wg_address(const void *p) { return (uint32_t)emu_smem_address(p); }
CU_FN void               wg_begin() {}
CU_FN void               wg_end() { emu_wgmma_commit(); }
template <int LEFT> void wg_wait() { emu_wgmma_wait(LEFT); }
CU_FN void               wg_visible() { emu_wgmma_visible(); }
template <int H> void    wg_f16(float (&d)[H], uint64_t a, uint64_t b)
{
    emu_wgmma(EMU_F16, d, 2 * H, a, b, false);
}
template <int H> void wg_bf16(float (&d)[H], uint64_t a, uint64_t b)
{
    emu_wgmma(EMU_BF16, d, 2 * H, a, b, false);
}
template <int H> void wg_f16_n(float (&d)[H], uint64_t a, uint64_t b)
{
    emu_wgmma(EMU_F16, d, 2 * H, a, b, true);
}
template <int H> void wg_bf16_n(float (&d)[H], uint64_t a, uint64_t b)
{
    emu_wgmma(EMU_BF16, d, 2 * H, a, b, true);
}
template <int H> void wg_tf32(float (&d)[H], uint64_t a, uint64_t b)
{
    emu_wgmma(EMU_TF32, d, 2 * H, a, b, false);
}
template <int H> void wg_f8(float (&d)[H], uint64_t a, uint64_t b)
{
    emu_wgmma(EMU_F8, d, 2 * H, a, b, false);
}
template <int H> void wg_i8(int (&d)[H], uint64_t a, uint64_t b) { emu_wgmma(EMU_I8, d, 2 * H, a, b, false); }
#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)
CU_FN uint32_t                 wg_address(const void *p) { return (uint32_t)__cvta_generic_to_shared(p); }
CU_FN void                     wg_begin() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
CU_FN void                     wg_end() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int LEFT> CU_FN void wg_wait()
{
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(LEFT) : "memory");
}
/* What this thread stored to shared memory is visible to the matrix units. */
CU_FN void wg_visible() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
#define WG_D4(i)  "+f"(d[i]), "+f"(d[(i) + 1]), "+f"(d[(i) + 2]), "+f"(d[(i) + 3])
#define WG_D16(i) WG_D4(i), WG_D4((i) + 4), WG_D4((i) + 8), WG_D4((i) + 12)
#define WG_D32    WG_D16(0), WG_D16(16)
#define WG_D64    WG_D32, WG_D16(32), WG_D16(48)
#define WG_D128   WG_D64, WG_D16(64), WG_D16(80), WG_D16(96), WG_D16(112)
#define WG_R32 \
    "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15," \
    "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define WG_R64 \
    "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15," \
    "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31," \
    "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47," \
    "%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define WG_R128 \
    "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15," \
    "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31," \
    "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47," \
    "%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63," \
    "%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79," \
    "%80,%81,%82,%83,%84,%85,%86,%87,%88,%89,%90,%91,%92,%93,%94,%95," \
    "%96,%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,%110,%111," \
    "%112,%113,%114,%115,%116,%117,%118,%119,%120,%121,%122,%123,%124,%125,%126,%127"
/* shape and types, N, its half, operands of the two descriptors, what follows them */
#define WG(name, N, H, shape, A, B, tail) \
    CU_FN void name(float(&d)[H], uint64_t a, uint64_t b) \
    { \
        asm volatile("{\n.reg .pred p;\nsetp.eq.u32 p, 0, 0;\nwgmma.mma_async.sync.aligned." shape \
                     " {" WG_R##H "}, " A ", " B ", p, " tail ";\n}" \
                     : WG_D##H \
                     : "l"(a), "l"(b)); \
    }
#define WG_ALL(name, k, types, tail) \
    WG(name, 64, 32, "m64n64" k types, "%32", "%33", tail) \
    WG(name, 128, 64, "m64n128" k types, "%64", "%65", tail) \
    WG(name, 256, 128, "m64n256" k types, "%128", "%129", tail)
/* p: add to D. Then the signs of A and B; 16-bit only: is A, is B transposed. */
WG_ALL(wg_f16, "k16", ".f32.f16.f16", "1, 1, 0, 0")
WG_ALL(wg_bf16, "k16", ".f32.bf16.bf16", "1, 1, 0, 0")
WG_ALL(wg_f16_n, "k16", ".f32.f16.f16", "1, 1, 0, 1")
WG_ALL(wg_bf16_n, "k16", ".f32.bf16.bf16", "1, 1, 0, 1")
WG_ALL(wg_tf32, "k8", ".f32.tf32.tf32", "1, 1")
WG_ALL(wg_f8, "k32", ".f32.e4m3.e4m3", "1, 1")
#undef WG_ALL
#undef WG
/* Integers have no signs of A and B to choose, and their accumulators are integers. */
#undef WG_D4
#define WG_D4(i) "+r"(d[i]), "+r"(d[(i) + 1]), "+r"(d[(i) + 2]), "+r"(d[(i) + 3])
#define WG_I8(N, H, A, B) \
    CU_FN void wg_i8(int(&d)[H], uint64_t a, uint64_t b) \
    { \
        asm volatile("{\n.reg .pred p;\nsetp.eq.u32 p, 0, 0;\nwgmma.mma_async.sync.aligned.m64n" #N \
                     "k32.s32.s8.s8 {" WG_R##H "}, " A ", " B ", p;\n}" \
                     : WG_D##H \
                     : "l"(a), "l"(b)); \
    }
WG_I8(64, 32, "%32", "%33")
WG_I8(128, 64, "%64", "%65")
WG_I8(256, 128, "%128", "%129")
#undef WG_I8
#else
/* The host never launches these kernels elsewhere. */
CU_FN uint32_t                 wg_address(const void *) { return 0; }
CU_FN void                     wg_begin() {}
CU_FN void                     wg_end() {}
template <int LEFT> CU_FN void wg_wait() {}
CU_FN void                     wg_visible() {}
#define WG_NONE(name) \
    template <int H> CU_FN void name(float(&)[H], uint64_t, uint64_t) { __trap(); }
WG_NONE(wg_f16)
WG_NONE(wg_bf16)
WG_NONE(wg_f16_n)
WG_NONE(wg_bf16_n)
WG_NONE(wg_tf32)
WG_NONE(wg_f8)
#undef WG_NONE
template <int H> CU_FN void wg_i8(int (&)[H], uint64_t, uint64_t) { __trap(); }
#endif

/* After wg_wait(): the compiler must not have read the accumulators before. */
template <class T, int N> CU_FN void wg_settle(T (&d)[N])
{
    CU_UNROLL for (int i = 0; i < N; i++) d[i] = cu_same(d[i]);
}
#endif
