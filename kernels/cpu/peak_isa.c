/* peak_isa.c -- the loops of "fma" and the mixed loop of "clock" for one ISA. A loop is one assembler
 * statement with explicit registers: N multiply-accumulates, a subtraction and a branch, nothing else
 * (tests/test_fma_count.sh reads the object file). No compiler can delete, halve or spill it. The portable
 * loops are plain C on 16-byte vectors. Extensions beyond the base ISA need no compiler flag on x86, where
 * the assembler takes every instruction; whether the processor has them is asked at run time
 * (cpu_peak_usable). */
#include "kernels/cpu/peak.h"
#include "kernels/cpu/peak_regs.h"
#include "kernels/cpu/simd.h"

#define NAME_(type, n, isa)  fma_##type##_##n##_##isa
#define NAME__(type, n, isa) NAME_(type, n, isa)
#define NAME(type, n)        NAME__(type, n, CPU_ISA)
#define UPTO12(type) \
    NAME(type, 1), NAME(type, 2), NAME(type, 4), NAME(type, 8), NAME(type, 10), NAME(type, 12)
#define UPTO24(type) UPTO12(type), NAME(type, 16), NAME(type, 24)

#if defined(CPU_ISA_avx512) || defined(CPU_ISA_avx2)
#ifdef CPU_ISA_avx512
#define V(i) "%%zmm" #i
#define CA   "%%zmm30"
#define CB   "%%zmm31"
#define CLOBBERED \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", \
        "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", \
        "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31"
#define VEX ""
#define EACH(L, type, OP) \
    L(type, 1, OP) \
    L(type, 2, OP) \
    L(type, 4, OP) \
    L(type, 8, OP) \
    L(type, 10, OP) \
    L(type, 12, OP) \
    L(type, 16, OP) \
    L(type, 24, OP)
#define ALL UPTO24
#else
#define V(i) "%%ymm" #i
#define CA   "%%ymm14"
#define CB   "%%ymm15"
#define CLOBBERED \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", \
        "xmm12", "xmm13", "xmm14", "xmm15"
#define VEX "%{vex%} " /* braces alone would name assembler dialects */
#define EACH(L, type, OP) \
    L(type, 1, OP) \
    L(type, 2, OP) \
    L(type, 4, OP) \
    L(type, 8, OP) \
    L(type, 10, OP) \
    L(type, 12, OP)
#define ALL UPTO12
#endif
#define LOAD(i)  "vmovups " #i "*64(%[x]), " V(i) "\n"
#define STORE(i) "vmovups " V(i) ", " #i "*64(%[x])\n"
#define F64(i)   "vfmadd231pd " CA ", " V(i) ", " V(i) "\n"
#define F32(i)   "vfmadd231ps " CA ", " V(i) ", " V(i) "\n"
#define F16(i)   "vfmadd231ph " CA ", " V(i) ", " V(i) "\n"
#define BF16(i)  "vdpbf16ps " CB ", " CA ", " V(i) "\n"
#define I8(i)    VEX "vpdpbusd " CB ", " CA ", " V(i) "\n"
#define LOOP(type, N, OP) \
    static void NAME(type, N)(void *x, const void *coef, uint64_t n) \
    { \
        __asm__ volatile( \
            "vmovups (%[coef]), " CA "\nvmovups 64(%[coef]), " CB \
            "\n" R##N(LOAD) ".p2align 6\n1:\n" R##N(OP) "sub $1, %[n]\njnz 1b\n" R##N(STORE) "vzeroupper\n" \
            : [n] "+r"(n) \
            : [x] "r"(x), [coef] "r"(coef) \
            : "memory", "cc", CLOBBERED); \
    }
EACH(LOOP, f64, F64)
EACH(LOOP, f32, F32)
#if defined(CPU_ISA_avx512) && (__GNUC__ >= 12 || __clang_major__ >= 14)
#define HAS_F16
EACH(LOOP, f16, F16)
#endif
#if defined(CPU_ISA_avx512) && (__GNUC__ >= 10 || __clang_major__ >= 9)
#define HAS_BF16
EACH(LOOP, bf16, BF16)
#endif
#if defined(CPU_ISA_avx512) || __GNUC__ >= 11 || __clang_major__ >= 12
#define HAS_I8
EACH(LOOP, i8, I8)
#endif

/* The FMAs are independent of the integer chain and fewer than fit beside it: its length sets the time. */
#define ADD "add %[add], %[x]\nxor %[mix], %[x]\n"
#define MIXED(N, A, B, C, D) \
    static uint64_t NAME(clock, N)(uint64_t x, uint64_t n, const void *coef) \
    { \
        __asm__ volatile("vmovups (%[coef]), " CA \
                         "\n" R12(ZERO) ".p2align 6\n1:\n" A ADD ADD B ADD ADD C ADD ADD D ADD ADD \
                                        "sub $1, %[n]\njnz 1b\nvzeroupper\n" \
                         : [n] "+r"(n), [x] "+r"(x) \
                         : [coef] "r"(coef), [add] "r"(WL_CLOCK_ADD), [mix] "r"(WL_CLOCK_XOR) \
                         : "cc", CLOBBERED); \
        return x; \
    }
#define ZERO(i) "vmovups " CA ", " V(i) "\n"
#define Q0      F32(0) F32(1) F32(2)
#define Q1      F32(3) F32(4) F32(5)
#define Q2      F32(6) F32(7) F32(8)
#define Q3      F32(9) F32(10) F32(11)
MIXED(12, Q0, Q1, Q2, Q3)
MIXED(24, Q0 Q1, Q2 Q3, Q0 Q1, Q2 Q3)

#elif defined(CPU_ISA_neon)
#define CLOBBERED \
    "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", \
        "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", \
        "v30", "v31"
#define LOAD(i)  "ldr q" #i ", [%[x], #" #i "*64]\n"
#define STORE(i) "str q" #i ", [%[x], #" #i "*64]\n"
#define F64(i)   "fmla v" #i ".2d, v" #i ".2d, v30.2d\n"
#define F32(i)   "fmla v" #i ".4s, v" #i ".4s, v30.4s\n"
#define F16(i)   "fmla v" #i ".8h, v" #i ".8h, v30.8h\n"
#define BF16(i)  "bfdot v" #i ".4s, v30.8h, v31.8h\n"
#define I8(i)    "sdot v" #i ".4s, v30.16b, v31.16b\n"
#define EACH(L, type, OP, EXT) \
    L(type, 1, OP, EXT) \
    L(type, 2, OP, EXT) \
    L(type, 4, OP, EXT) \
    L(type, 8, OP, EXT) \
    L(type, 10, OP, EXT) \
    L(type, 12, OP, EXT) \
    L(type, 16, OP, EXT) \
    L(type, 24, OP, EXT)
#define ALL UPTO24
#define LOOP(type, N, OP, EXT) \
    EXT static void NAME(type, N)(void *x, const void *coef, uint64_t n) \
    { \
        __asm__ volatile("ldr q30, [%[coef]]\nldr q31, [%[coef], #64]\n" R##N(LOAD) ".p2align 6\n1:\n" R##N( \
                             OP) "subs %[n], %[n], #1\nb.ne 1b\n" R##N(STORE) \
                         : [n] "+r"(n) \
                         : [x] "r"(x), [coef] "r"(coef) \
                         : "memory", "cc", CLOBBERED); \
    }
/* gcc names an extension with "+"; clang before 16 by its back end's feature. */
#if defined(__clang__)
#define EXT_F16  __attribute__((target("fullfp16")))
#define EXT_BF16 __attribute__((target("bf16")))
#define EXT_I8   __attribute__((target("dotprod")))
#else
#define EXT_F16  __attribute__((target("arch=armv8.2-a+fp16")))
#define EXT_BF16 __attribute__((target("arch=armv8.2-a+bf16")))
#define EXT_I8   __attribute__((target("arch=armv8.2-a+dotprod")))
#endif
EACH(LOOP, f64, F64, )
EACH(LOOP, f32, F32, )
#define HAS_F16
EACH(LOOP, f16, F16, EXT_F16)
#if __GNUC__ >= 10 || __clang_major__ >= 11
#define HAS_BF16
EACH(LOOP, bf16, BF16, EXT_BF16)
#endif
#define HAS_I8
EACH(LOOP, i8, I8, EXT_I8)

#define ADD "add %[x], %[x], %[add]\neor %[x], %[x], %[mix]\n"
#define MIXED(N, A, B, C, D) \
    static uint64_t NAME(clock, N)(uint64_t x, uint64_t n, const void *coef) \
    { \
        __asm__ volatile( \
            "ldr q30, [%[coef]]\n" R12(ZERO) ".p2align 6\n1:\n" A ADD ADD B ADD ADD C ADD ADD D ADD ADD \
                                             "subs %[n], %[n], #1\nb.ne 1b\n" \
            : [n] "+r"(n), [x] "+r"(x) \
            : [coef] "r"(coef), [add] "r"(WL_CLOCK_ADD), [mix] "r"(WL_CLOCK_XOR) \
            : "cc", CLOBBERED); \
        return x; \
    }
#define ZERO(i) "mov v" #i ".16b, v30.16b\n"
#define Q0      F32(0) F32(1) F32(2)
#define Q1      F32(3) F32(4) F32(5)
#define Q2      F32(6) F32(7) F32(8)
#define Q3      F32(9) F32(10) F32(11)
MIXED(12, Q0, Q1, Q2, Q3)
MIXED(24, Q0 Q1, Q2 Q3, Q0 Q1, Q2 Q3)

#else
/* Multiply and add, fused where the compiler's base ISA fuses; run-time coefficient and trip count. */
#define EACH(L, type, T, W) \
    L(type, 1, T, W) \
    L(type, 2, T, W) \
    L(type, 4, T, W) \
    L(type, 8, T, W) \
    L(type, 10, T, W) \
    L(type, 12, T, W)
#define ALL UPTO12
#define LOOP(type, N, T, W) \
    static void NAME(type, N)(void *x, const void *coef, uint64_t n) \
    { \
        enum { stride = WL_FMA_VECTOR_B / sizeof(T) }; \
        typedef W v; \
        T        *p = x; \
        v         c = W##_load(coef); \
        R##N(LOAD_##T) for (; n; n--){R##N(STEP_##T)} R##N(STORE_##T) \
    }
#define LOAD_float(i)   v x##i = vf_load(p + i * stride);
#define LOAD_double(i)  v x##i = vd_load(p + i * stride);
#define STEP_float(i)   x##i = vf_fma(x##i, c, x##i);
#define STEP_double(i)  x##i = vd_fma(x##i, c, x##i);
#define STORE_float(i)  vf_store(p + i * stride, x##i);
#define STORE_double(i) vd_store(p + i * stride, x##i);
EACH(LOOP, f64, double, vd)
EACH(LOOP, f32, float, vf)
#endif

const cpu_peak_table CPU_SYM(cpu_peak) = {.vector_B = VBYTES,
                                          .fn =
                                              {
                                                  [IR_F64] = {ALL(f64)},
                                                  [IR_F32] = {ALL(f32)},
#ifdef HAS_F16
                                                  [IR_F16] = {ALL(f16)},
#endif
#ifdef HAS_BF16
                                                  [IR_BF16] = {ALL(bf16)},
#endif
#ifdef HAS_I8
                                                  [IR_I8] = {ALL(i8)},
#endif
                                              },
#ifdef MIXED
                                          .clock12 = NAME(clock, 12),
                                          .clock24 = NAME(clock, 24)
#endif
};
