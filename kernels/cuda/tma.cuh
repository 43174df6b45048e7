/* tma.cuh -- what sm_90 has for blocks in clusters of two: copies of boxes of a matrix by the tensor memory
 * accelerator, to one block or to both; barriers in shared memory that count arrivals and bytes (PTX ISA,
 * "mbarrier"); registers handed from the warp group that copies to those that compute. A box lands with its
 * 16-byte chunks permuted as chunk_at() does; outside of the matrix are zeros. */
#ifndef CUDA_TMA_CUH
#define CUDA_TMA_CUH
#include "kernels/cuda/device.cuh"

#include <cuda.h>

typedef unsigned long long cu_bar;

#if defined(CUDA_EMULATE)
#define CU_GRID_CONSTANT const
CU_FN int             cu_rank() { return emu_rank(); }
CU_FN void            cu_pair_sync() { emu_sync_pair(); }
CU_FN void            bar_init(cu_bar *b, unsigned count) { emu_bar_init(b, count); }
CU_FN void            bar_made() {}
CU_FN void            bar_arrive(cu_bar *b, int rank) { emu_bar_arrive(b, rank); }
CU_FN void            bar_expect(cu_bar *b, unsigned bytes) { emu_bar_expect(b, bytes); }
CU_FN void            bar_wait(cu_bar *b, unsigned parity) { emu_bar_wait(b, parity); }
template <int N> void cu_give_registers() {}
template <int N> void cu_take_registers() {}
CU_FN void            tma_load(void *dst, const CUtensorMap *m, int col, int row, cu_bar *b)
{
    emu_tma(dst, m, col, row, b, false);
}
CU_FN void tma_load_both(void *dst, const CUtensorMap *m, int col, int row, cu_bar *b)
{
    emu_tma(dst, m, col, row, b, true);
}
#else
#define CU_GRID_CONSTANT const __grid_constant__
CU_FN unsigned tma_address(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
/* This block's number in its cluster. */
CU_FN int cu_rank()
{
    unsigned r;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(r));
    return (int)r;
}
/* All threads of both blocks meet, and see what was stored before. */
CU_FN void cu_pair_sync()
{
    asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;" ::: "memory");
}
/* count: arrivals that end a phase. bar_made(): after the last bar_init(), before the blocks meet. */
CU_FN void bar_init(cu_bar *b, unsigned count)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(tma_address(b)), "r"(count) : "memory");
}
CU_FN void bar_made() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
/* Arrive at the barrier that lies there in block `rank`. */
CU_FN void bar_arrive(cu_bar *b, int rank)
{
    asm volatile("{\n.reg .b32 there;\nmapa.shared::cluster.u32 there, %0, %1;\n"
                 "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [there];\n}" ::"r"(tma_address(b)),
                 "r"(rank)
                 : "memory");
}
/* Arrive, and so many bytes more end the phase. */
CU_FN void bar_expect(cu_bar *b, unsigned bytes)
{
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(tma_address(b)), "r"(bytes)
                 : "memory");
}
/* Until the phase of that parity has ended; at first the one of parity 1 has. */
CU_FN void bar_wait(cu_bar *b, unsigned parity)
{
    asm volatile("{\n.reg .pred p;\nagain:\n"
                 "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%0], %1;\n"
                 "@p bra done;\nbra again;\ndone:\n}" ::"r"(tma_address(b)),
                 "r"(parity)
                 : "memory");
}
template <int N> CU_FN void cu_give_registers()
{
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N));
}
template <int N> CU_FN void cu_take_registers()
{
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N));
}
/* The box whose first element is (row, col); its bytes count at b, in every block that gets them. */
CU_FN void tma_load(void *dst, const CUtensorMap *m, int col, int row, cu_bar *b)
{
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], "
                 "[%1, {%2, %3}], [%4];" ::"r"(tma_address(dst)),
                 "l"(m), "r"(col), "r"(row), "r"(tma_address(b))
                 : "memory");
}
CU_FN void tma_load_both(void *dst, const CUtensorMap *m, int col, int row, cu_bar *b)
{
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"
                 ".multicast::cluster [%0], [%1, {%2, %3}], [%4], %5;" ::"r"(tma_address(dst)),
                 "l"(m), "r"(col), "r"(row), "r"(tma_address(b)), "h"((unsigned short)3)
                 : "memory");
}
#else
/* The host never launches these kernels elsewhere. */
CU_FN int                   cu_rank() { return 0; }
CU_FN void                  cu_pair_sync() {}
CU_FN void                  bar_init(cu_bar *, unsigned) {}
CU_FN void                  bar_made() {}
CU_FN void                  bar_arrive(cu_bar *, int) {}
CU_FN void                  bar_expect(cu_bar *, unsigned) {}
CU_FN void                  bar_wait(cu_bar *, unsigned) {}
template <int N> CU_FN void cu_give_registers() {}
template <int N> CU_FN void cu_take_registers() {}
CU_FN void                  tma_load(void *, const CUtensorMap *, int, int, cu_bar *) {}
CU_FN void                  tma_load_both(void *, const CUtensorMap *, int, int, cu_bar *) {}
#endif
#endif
#endif
