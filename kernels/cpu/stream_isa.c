/* stream_isa.c -- read, write, copy, scale, add, triad for one ISA: every combination of operation, store
 * kind, element type and number of address streams from one body (stream_body.h). Any length and any
 * alignment; non-temporal stores need an element-aligned destination. */
#include "harness/ironroof.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/stream.h"

/* Nothing is emitted. A loop whose pointer or index is opaque is not turned into memcpy or memset, which
 * would choose non-temporal stores on its own; ESCAPE makes each repetition's stores and loads distinct. */
#define OPAQUE(x) __asm__ volatile("" : "+r"(x))
#define ESCAPE(p) __asm__ volatile("" : "+r"(p) : : "memory")
#if defined(__x86_64__)
#define USED(v) __asm__ volatile("" : : "x"(v))
#elif defined(__aarch64__)
#define USED(v) __asm__ volatile("" : : "w"(v))
#else
#define USED(v) __asm__ volatile("" : : "m"(v))
#endif

#define T     double
#define V     vd
#define VL    VD
#define N(x)  x##_f64
#define V_(x) vd_##x
#include "kernels/cpu/stream_body.h"
#undef T
#undef V
#undef VL
#undef N
#undef V_
#define T     float
#define V     vf
#define VL    VF
#define N(x)  x##_f32
#define V_(x) vf_##x
#include "kernels/cpu/stream_body.h"

#define WAYS(op, st, type) \
    { \
        op##_##st##_1_##type, op##_##st##_2_##type, op##_##st##_4_##type, op##_##st##_8_##type \
    }
#define TYPES(op, st) \
    { \
        WAYS(op, st, f64), WAYS(op, st, f32) \
    }
#define STORES(op) \
    { \
        TYPES(op, regular), TYPES(op, nt) \
    }
const cpu_stream_table CPU_SYM(cpu_stream) = {.fn = {[WL_READ] = {TYPES(read, regular)},
                                                     [WL_WRITE] = STORES(write),
                                                     [WL_COPY] = STORES(copy),
                                                     [WL_SCALE] = STORES(scale),
                                                     [WL_ADD] = STORES(add),
                                                     [WL_TRIAD] = STORES(triad)},
                                              .has_nt = SIMD_HAS_NT};
