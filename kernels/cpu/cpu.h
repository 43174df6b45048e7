/* cpu.h -- the CPU backend seen from its kernels: device state, ISA choice, partitioning.
 *
 * ISA-specific sources (*_isa.c) are compiled once per ISA with -DCPU_ISA=avx512|avx2|neon|portable and
 * that ISA's flags. Each exports one const table of function pointers named CPU_SYM(cpu_stream),
 * that is cpu_stream_avx512 ...; the plain source beside it picks by cpu_dev_isa(). */
#ifndef CPU_H
#define CPU_H
#include "harness/ironroof.h"
#include "harness/machine/machine.h"

typedef enum { CPU_PORTABLE, CPU_NEON, CPU_AVX2, CPU_AVX512, CPU_NISA } cpu_isa;
const char *cpu_isa_name(cpu_isa isa);
/* Best ISA this processor runs (and the OS saves the registers of). */
cpu_isa cpu_isa_best(void);
/* Extras beyond the base ISA, queried once. */
typedef struct {
    bool avx512_bf16, avx512_vnni, avx_vnni, avx512_fp16, amx_bf16, amx_int8, neon_fp16, neon_dot, neon_bf16,
        neon_i8mm, f16c;
} cpu_features;
const cpu_features *cpu_features_get(void);

/* Per-ISA tables: CPU_PER_ISA(cpu_stream) initialises an array indexed by cpu_isa; entries of ISAs not
 * compiled for this target are NULL. Declare them before with CPU_DECLARE_PER_ISA(type, cpu_stream). */
#define CPU_CAT_(a, b) a##_##b
#define CPU_CAT(a, b)  CPU_CAT_(a, b)
#define CPU_SYM(base)  CPU_CAT(base, CPU_ISA)
#if defined(__x86_64__) && !defined(CPU_PORTABLE_ONLY)
#define CPU_DECLARE_PER_ISA(T, base) extern const T base##_portable, base##_avx2, base##_avx512
#define CPU_PER_ISA(base) \
    { \
        [CPU_PORTABLE] = &base##_portable, [CPU_AVX2] = &base##_avx2, [CPU_AVX512] = &base##_avx512 \
    }
#elif defined(__aarch64__) && !defined(CPU_PORTABLE_ONLY)
#define CPU_DECLARE_PER_ISA(T, base) extern const T base##_portable, base##_neon
#define CPU_PER_ISA(base) \
    { \
        [CPU_PORTABLE] = &base##_portable, [CPU_NEON] = &base##_neon \
    }
#else
#define CPU_DECLARE_PER_ISA(T, base) extern const T base##_portable
#define CPU_PER_ISA(base) \
    { \
        [CPU_PORTABLE] = &base##_portable \
    }
#endif

/* Device state behind ir_dev.self. */
typedef struct {
    ir_topology topo;
    ir_pool    *pool;                         /* topo order, up to the thread limit */
    int         nthreads;                     /* pool size: what threads = 0 means */
    int         node_of[IR_MAX_NODES], nnode; /* memory nodes, thread 0's own first */
    bool        pinned, entered;              /* entered: a timed stretch holds thread 0's place */
    cpu_isa     isa;      /* in use: the widest of rivals, unless a measurement chose another */
    uint32_t    rivals;   /* bit set: those that --isa allows; by itself every one with wide vectors */
    bool        narrowed; /* a proof uses the next narrower one */
    ir_pages    pages;
} cpu_dev;
static inline cpu_dev *cpu_of(const ir_dev *dev) { return (cpu_dev *)dev->self; }

/* Thread tid's part of n elements: [*lo, *hi), boundaries at multiples of `grain` elements. The same
 * function places memory at first touch, so a thread streams what it touched. */
void cpu_part(size_t n, size_t grain, int tid, int nthreads, size_t *lo, size_t *hi);

/* Bytes of a cache of this level, or `otherwise` where the machine names none. */
size_t cpu_cache_B(const ir_dev *, int level, size_t otherwise);

/* x rounded up to a multiple of `to`. */
static inline size_t cpu_up(size_t x, size_t to) { return (x + to - 1) / to * to; }
static inline size_t cpu_min(size_t x, size_t y) { return x < y ? x : y; }
/* The largest of n's parts, which differ by one at most. */
static inline size_t cpu_each(size_t n, int parts)
{
    return parts > 1 ? (n + (size_t)parts - 1) / (size_t)parts : n;
}
/* The size of n's parts, which are equal, at most `most`, and multiples of `grain`; at least one grain. */
static inline size_t cpu_even(size_t n, size_t most, size_t grain)
{
    most = most < grain ? grain : most / grain * grain;
    const size_t parts = n > most ? (n + most - 1) / most : 1, each = cpu_up((n + parts - 1) / parts, grain);
    return each > grain ? each : grain;
}

/* Bytes from one thread's workspace of B bytes to the next one's. Neighbours lie apart: strided prefetch of
 * one core runs tens of kB past what that core uses, and lines it took from another die that writes them cost
 * a trip there and back. */
enum { CPU_APART_B = 256 << 10 };
static inline size_t cpu_apart(size_t B) { return (B + 63) / 64 * 64 + CPU_APART_B; }

extern const ir_backend cpu_backend;
#endif
