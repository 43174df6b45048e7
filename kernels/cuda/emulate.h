/* emulate.h -- device code on the host, for tests: each thread of a block is a fiber, barriers and warp-wide
 * instructions are meeting points, and dynamic shared memory starts as NaN bytes. What is asynchronous runs
 * at one of its two extremes: copies as late and warp-group products as early as the program allows, or the
 * reverse (emu_eager); the truth lies between. Products see what was stored before the last wg_visible(), and
 * give up where shared memory is something else. Checks logic and index arithmetic (with AddressSanitizer
 * also bounds); says nothing about speed, and nothing about memory ordering between blocks. The order in
 * which fibers run can be reversed, to expose a missing barrier. One block at a time, except those of
 * a cluster, and of cooperative launches, which run at once. */
#ifndef CUDA_EMULATE_H
#define CUDA_EMULATE_H
#include <algorithm>
#include <functional>
#include <vector>

#define CU_FN           static inline
#define CU_BOTH         static inline
#define CU_MEMBER       inline
#define CU_KERNEL(T, B) static void
#define CU_SHARED(T, n) static T n
#define CU_SMEM(p)      unsigned char *p = emu_smem()
#define CU_UNROLL
#define CU_UNROLL4
#define CU_UNROLL_BY(n) if ((n) > 0) /* a use of n */

struct emu_place {
    uint3 thread, block;
    dim3  dim, grid;
};
extern const emu_place *emu_where; /* of the thread that runs */
#define threadIdx (emu_where->thread)
#define blockIdx  (emu_where->block)
#define blockDim  (emu_where->dim)
#define gridDim   (emu_where->grid)

unsigned char *emu_smem();
void           emu_sync_block();
/* All lanes of a group (32: warp, 128: warp group) hand in `mine`; the last to arrive runs f over all of
 * them. */
void emu_meet(int width, void *mine, const std::function<void(void **)> &f);
void emu_yield();
void emu_copy_later(void *dst, const void *src, bool take);
void emu_copy_commit();
void emu_copy_wait(int left);
/* at_once: blocks that run together; 0: all. */
void emu_run(dim3 grid, dim3 block, size_t smem, size_t at_once, const std::function<void()> &body);
/* Blocks in clusters of two (tma.cuh). Barriers of shared memory count arrivals and bytes; a wait while
 * nothing else can end the phase lands the copies that are on their way (emu_eager: they land at once). */
int  emu_rank();
void emu_sync_pair();
void emu_bar_init(void *bar, unsigned count);
void emu_bar_arrive(void *bar, int rank);
void emu_bar_expect(void *bar, unsigned bytes);
void emu_bar_wait(void *bar, unsigned parity);
void emu_tma(void *dst, const void *map, int col, int row, void *bar, bool both);
/* What describes a matrix of 16-bit elements to emu_tma(), in place of a driver's 128 bytes. */
struct emu_map {
    uint64_t    magic;
    const void *base;
    size_t      cols, rows;
    unsigned    box_cols, box_rows;
};
enum { EMU_MAP_MAGIC = 0x70616D };
extern bool emu_reverse; /* run fibers from the last to the first */
extern bool emu_eager;   /* copies land at once and products run when they are waited for; else the reverse */
extern int  emu_blocks_per_sm; /* what the occupancy call of the fake device answers */

CU_FN void cu_sync() { emu_sync_block(); }
CU_FN void cu_warp_sync()
{
    emu_meet(32, nullptr, [](void **) {});
}
template <class T> struct emu_value {
    T   in, out;
    int arg;
};
template <class T> T emu_exchange(T v, int arg, int (*from)(int lane, int arg))
{
    emu_value<T> x{v, v, arg};
    emu_meet(32, &x, [from](void **all) {
        for (int l = 0; l < 32; l++) {
            auto *e = (emu_value<T> *)all[l];
            e->out = ((emu_value<T> *)all[from(l, e->arg)])->in;
        }
    });
    return x.out;
}
template <class T> T cu_shfl_xor(T v, int mask)
{
    return emu_exchange<T>(v, mask, [](int l, int m) { return l ^ m; });
}
template <class T> T cu_shfl(T v, int lane)
{
    return emu_exchange<T>(v, lane, [](int, int a) { return a & 31; });
}
CU_FN unsigned cu_ticket(unsigned *p) { return (*p)++; }
CU_FN void     cu_fence() {}
CU_FN void     cu_let_next_start() {}
CU_FN void     cu_wait_for_last() {}

template <class T> T emu_load(const void *p)
{
    if ((uintptr_t)p % sizeof(T)) {
        fprintf(stderr, "emulated device: misaligned access of %zu bytes\n", sizeof(T));
        abort();
    }
    T v;
    memcpy(&v, p, sizeof v);
    return v;
}
CU_FN uint4    emu_load16(const void *p) { return emu_load<uint4>(p); }
CU_FN uint4    cu_ld16(const void *p) { return emu_load16(p); }
CU_FN uint4    cu_ld16_stream(const void *p) { return emu_load16(p); }
CU_FN uint4    cu_ldnc16(const void *p) { return emu_load16(p); }
CU_FN uint4    cu_lds16(const void *p) { return emu_load16(p); }
CU_FN float    cu_ldcg(const float *p) { return *p; }
CU_FN float2   cu_ld8(const float *p) { return emu_load<float2>(p); }
CU_FN unsigned cu_ldnc4(const void *p) { return emu_load<unsigned>(p); }
CU_FN uint2    cu_ldnc8(const void *p) { return emu_load<uint2>(p); }
CU_FN void     cu_st16(void *p, uint4 v)
{
    emu_load16(p);
    memcpy(p, &v, 16);
}
CU_FN void               cu_st16_stream(void *p, uint4 v) { cu_st16(p, v); }
CU_FN unsigned long long cu_chase(unsigned long long p) { return *(const unsigned long long *)p; }
CU_FN void               cu_prefetch_l2(const void *p)
{
    (void)*(volatile const char *)p;
} /* a wild address is an error here */
CU_FN unsigned     cu_ld_acquire(const unsigned *p) { return *(volatile const unsigned *)p; }
CU_FN unsigned     cu_ld_volatile(const unsigned *p) { return *(volatile const unsigned *)p; }
CU_FN void         cu_add_release(unsigned *p, unsigned v) { *p += v; }
CU_FN void         cu_pause() { emu_yield(); }
unsigned long long cu_nanoseconds();

CU_FN void            cu_cp16(void *dst, const void *src, bool take) { emu_copy_later(dst, src, take); }
CU_FN void            cu_cp_commit() { emu_copy_commit(); }
template <int N> void cu_cp_wait() { emu_copy_wait(N); }

/* ---- matrix instructions --------------------------------------------------------------------- */
void       emu_ldmatrix(const void *row, unsigned *r, bool trans);
CU_FN void cu_ldmatrix4(const void *row, unsigned (&r)[4]) { emu_ldmatrix(row, r, false); }
CU_FN void cu_ldmatrix4_trans(const void *row, unsigned (&r)[4]) { emu_ldmatrix(row, r, true); }
enum emu_type { EMU_F16, EMU_BF16, EMU_TF32, EMU_F8, EMU_I8 };
void emu_mma(emu_type t, void *d, const unsigned *a, const unsigned *b);
/* The instructions of sm_75, and whether kernels get those (emu_turing). */
extern "C" bool emu_turing;
void            emu_mma_small(emu_type t, void *d, const unsigned *a, unsigned b);
CU_FN void      cu_mma_f16_k8(float (&d)[4], unsigned a0, unsigned a1, unsigned b)
{
    const unsigned a[2] = {a0, a1};
    emu_mma_small(EMU_F16, d, a, b);
}
CU_FN void cu_mma_i8_m8k16(int &d0, int &d1, unsigned a, unsigned b)
{
    int d[2] = {d0, d1};
    emu_mma_small(EMU_I8, d, &a, b);
    d0 = d[0], d1 = d[1];
}
#include "kernels/cuda/turing.cuh"
CU_FN void cu_mma_f16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
{
    if (emu_turing)
        cu_turing_f16(d, a, b);
    else
        emu_mma(EMU_F16, d, a, b);
}
CU_FN void cu_mma_bf16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
{
    emu_mma(EMU_BF16, d, a, b);
}
CU_FN void cu_mma_tf32(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
{
    emu_mma(EMU_TF32, d, a, b);
}
CU_FN void cu_mma_f8(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
{
    emu_mma(EMU_F8, d, a, b);
}
CU_FN void cu_mma_i8(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
{
    if (emu_turing)
        cu_turing_i8(d, a, b);
    else
        emu_mma(EMU_I8, d, a, b);
}
/* wgmma m64nNk: the descriptors are decoded as the hardware does (128-byte swizzle only); B is [k][n] when
 * trans_b. N / 2 accumulators a lane. The product happens at emu_wgmma_commit(), or (emu_eager) when
 * emu_wgmma_wait() leaves fewer groups. */
void emu_wgmma(emu_type t, void *d, int n, uint64_t a, uint64_t b, bool trans_b);
void emu_wgmma_commit();
void emu_wgmma_wait(int left);
/* The fence of a thread: its own copies that have landed, and all plain stores, are what products see from
 * now on. */
void emu_wgmma_visible();
/* Byte of shared memory where element (mn, k) of an operand lies. mn_major: 64 elements of M or N a row of
 * 128 bytes, else k. */
uint64_t emu_wgmma_address(emu_type t, uint64_t descriptor, int mn, int k, bool mn_major);
uint64_t emu_smem_address(const void *p); /* as a descriptor counts it */

int                  emu_dp4a(int a, int b, int c);
__half2              emu_hfma2(__half2 a, __half2 b, __half2 c);
CU_FN int            cu_dp4a(int a, int b, int c) { return emu_dp4a(a, b, c); }
CU_FN __half2        cu_hfma2(__half2 a, __half2 b, __half2 c) { return emu_hfma2(a, b, c); }
template <class T> T cu_same(T v) { return v; }
CU_FN float          cu_exp(float x) { return expf(x); }
CU_FN float          cu_rsqrt(float x) { return 1 / sqrtf(x); }
CU_FN float          cu_rcp(float x) { return 1 / x; }
CU_FN float          cu_exp2(float x) { return exp2f(x); }
CU_FN float          __ldg(const float *p) { return *p; }
/* Byte i of the result is byte (sel >> 4 i) & 7 of b:a. */
CU_FN unsigned cu_byte_perm(unsigned a, unsigned b, unsigned sel)
{
    uint64_t all = (uint64_t)b << 32 | a;
    unsigned out = 0;
    for (int i = 0; i < 4; i++) out |= (unsigned)(all >> (8 * (sel >> (4 * i) & 7)) & 0xFF) << (8 * i);
    return out;
}
CU_FN unsigned __float_as_uint(float f)
{
    unsigned u;
    memcpy(&u, &f, 4);
    return u;
}
CU_FN float __uint_as_float(unsigned u)
{
    float f;
    memcpy(&f, &u, 4);
    return f;
}
CU_FN double __hiloint2double(int hi, int lo)
{
    uint64_t u = (uint64_t)(unsigned)hi << 32 | (unsigned)lo;
    double   d;
    memcpy(&d, &u, 8);
    return d;
}
using std::max;
using std::min;

/* A launch passes through the table of runtime calls first, so that a test can make it fail; while the stream
 * is being captured the fake runtime keeps the closure for the graph. */
void emu_submit(std::function<void()>);
template <class... P, class... A>
static inline ir_status cuda_launch_as(cuda_way way, cuda_dev *c, void (*fn)(P...), dim3 grid, dim3 block,
                                       size_t smem, A... a)
{
    void     *none[] = {nullptr};
    ir_status st = cuda_enqueue(c, (const void *)fn, grid, block, none, smem, way);
    if (st != IR_OK) return st;
    size_t at_once = way == CUDA_COOPERATIVE ? 0 : way == CUDA_PAIRS ? 2 : 1;
    emu_submit([=] { emu_run(grid, block, smem, at_once, [=] { fn(P(a)...); }); });
    return IR_OK;
}
#endif
