/* ports.c -- see ports.h. Only what vendors document or several independent measurements agree on; everything
 * else is unknown, not guessed. On cores of two kinds the row of the big core is used. Provenance per row;
 * "SOG": AMD Software Optimization Guide of the family; "SDM-O": Intel 64 Optimization Reference Manual;
 * "SWOG": Arm's Software Optimization Guide of the core. Server parts whose second 512-bit unit is fused off
 * (some Xeon Bronze and Silver) share CPUID with full ones: for them the figure is an upper bound. */
#include "kernels/cpu/ports.h"

#include <math.h>
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

/* Instructions per cycle and core; 0: unknown or absent. */
typedef struct {
    const char *name;
    float       mul_add;        /* 128-bit multiply plus 128-bit add, unfused */
    float       fma256, fma512; /* on Arm fma256 is the 128-bit fmla */
    float       bf16, i8;       /* 512-bit vdpbf16ps and vpdpbusd; on Arm bfdot and sdot */
    float       i8_256;         /* 256-bit vpdpbusd with VEX encoding */
    float       fp16_512;
    float       amx; /* tile multiplications */
} core;
typedef struct {
    unsigned family, first, last;
    core     c;
} row;

#if defined(__x86_64__)
/* family 0x17, 0x19, 0x1A: AMD; 6: Intel. */
static const row amd[] = {
    /* SOG 17h: two 128-bit FMA pipes, 256-bit instructions split in two; two separate add pipes */
    {0x17, 0x00, 0x2F, {"Zen 1", .mul_add = 2, .fma256 = 1}},
    /* SOG 17h models 30h and later: 256-bit pipes */
    {0x17, 0x30, 0xFF, {"Zen 2", .mul_add = 2, .fma256 = 2}},
    /* SOG 19h */
    {0x19, 0x00, 0x0F, {"Zen 3", .mul_add = 2, .fma256 = 2}},
    {0x19, 0x20, 0x5F, {"Zen 3", .mul_add = 2, .fma256 = 2}},
    /* SOG 19h models 10h, 60h, 70h, A0h: 512-bit operations pass a 256-bit pipe twice; dot products likewise
     */
    {0x19, 0x10, 0x1F, {"Zen 4", .mul_add = 2, .fma256 = 2, .fma512 = 1, .bf16 = 1, .i8 = 1}},
    {0x19, 0x60, 0x7F, {"Zen 4", .mul_add = 2, .fma256 = 2, .fma512 = 1, .bf16 = 1, .i8 = 1}},
    {0x19, 0xA0, 0xAF, {"Zen 4c", .mul_add = 2, .fma256 = 2, .fma512 = 1, .bf16 = 1, .i8 = 1}},
    /* SOG 1Ah: server and desktop have 512-bit pipes; Strix Point has 256-bit ones */
    {0x1A, 0x00, 0x1F, {"Zen 5", .mul_add = 2, .fma256 = 2, .fma512 = 2}},
    {0x1A, 0x40, 0x4F, {"Zen 5", .mul_add = 2, .fma256 = 2, .fma512 = 2}},
    {0x1A, 0x20, 0x2F, {"Zen 5 (256-bit)", .mul_add = 2, .fma256 = 2, .fma512 = 1}},
};
static const row intel[] = {
    /* SDM-O Haswell, Broadwell: FMA and multiply on ports 0 and 1, add on port 1 only */
    {6, 0x3C, 0x3C, {"Haswell", .mul_add = 1, .fma256 = 2}},
    {6, 0x3F, 0x3F, {"Haswell", .mul_add = 1, .fma256 = 2}},
    {6, 0x45, 0x46, {"Haswell", .mul_add = 1, .fma256 = 2}},
    {6, 0x3D, 0x3D, {"Broadwell", .mul_add = 1, .fma256 = 2}},
    {6, 0x47, 0x47, {"Broadwell", .mul_add = 1, .fma256 = 2}},
    {6, 0x4F, 0x4F, {"Broadwell", .mul_add = 1, .fma256 = 2}},
    {6, 0x56, 0x56, {"Broadwell", .mul_add = 1, .fma256 = 2}},
    /* SDM-O Skylake client and its refreshes: ports 0 and 1 do all three */
    {6, 0x4E, 0x4E, {"Skylake", .mul_add = 1, .fma256 = 2}},
    {6, 0x5E, 0x5E, {"Skylake", .mul_add = 1, .fma256 = 2}},
    {6, 0x8E, 0x8E, {"Kaby Lake", .mul_add = 1, .fma256 = 2}},
    {6, 0x9E, 0x9E, {"Coffee Lake", .mul_add = 1, .fma256 = 2}},
    {6, 0xA5, 0xA6, {"Comet Lake", .mul_add = 1, .fma256 = 2}},
    /* SDM-O Skylake server: ports 0+1 fused and port 5. Cascade and Cooper Lake share the model number */
    {6, 0x55, 0x55, {"Skylake-SP", .mul_add = 1, .fma256 = 2, .fma512 = 2, .i8 = 2}},
    {6, 0x6A, 0x6A, {"Ice Lake-SP", .mul_add = 1, .fma256 = 2, .fma512 = 2, .i8 = 2}},
    {6, 0x6C, 0x6C, {"Ice Lake-D", .mul_add = 1, .fma256 = 2, .fma512 = 2, .i8 = 2}},
    /* SDM-O Ice Lake client and successors: no FMA on port 5 */
    {6, 0x7D, 0x7E, {"Ice Lake", .mul_add = 1, .fma256 = 2, .fma512 = 1, .i8 = 1}},
    {6, 0x8C, 0x8D, {"Tiger Lake", .mul_add = 1, .fma256 = 2, .fma512 = 1, .i8 = 1}},
    {6, 0xA7, 0xA7, {"Rocket Lake", .mul_add = 1, .fma256 = 2, .fma512 = 1, .i8 = 1}},
    /* SDM-O Golden Cove: adds on ports 1 and 5 of their own, so three ports share multiply and add. One TMUL
     * unit: a full tile multiplication every 16 cycles */
    {6,
     0x8F,
     0x8F,
     {"Sapphire Rapids", .mul_add = 1.5f, .fma256 = 2, .fma512 = 2, .i8 = 2, .fp16_512 = 2,
      .amx = 1 / 16.0f}},
    {6,
     0xCF,
     0xCF,
     {"Emerald Rapids", .mul_add = 1.5f, .fma256 = 2, .fma512 = 2, .i8 = 2, .fp16_512 = 2, .amx = 1 / 16.0f}},
    {6,
     0xAD,
     0xAE,
     {"Granite Rapids", .mul_add = 1.5f, .fma256 = 2, .fma512 = 2, .i8 = 2, .fp16_512 = 2, .amx = 1 / 16.0f}},
    {6, 0x97, 0x97, {"Alder Lake", .mul_add = 1.5f, .fma256 = 2, .i8_256 = 2}},
    {6, 0x9A, 0x9A, {"Alder Lake", .mul_add = 1.5f, .fma256 = 2, .i8_256 = 2}},
    {6, 0xB7, 0xB7, {"Raptor Lake", .mul_add = 1.5f, .fma256 = 2, .i8_256 = 2}},
    {6, 0xBA, 0xBA, {"Raptor Lake", .mul_add = 1.5f, .fma256 = 2, .i8_256 = 2}},
    {6, 0xBF, 0xBF, {"Raptor Lake", .mul_add = 1.5f, .fma256 = 2, .i8_256 = 2}},
    {6, 0xAA, 0xAA, {"Meteor Lake", .mul_add = 1.5f, .fma256 = 2, .i8_256 = 2}},
};
#elif defined(__aarch64__)
/* family: MIDR implementer; first..last: part number. SWOG: "ASIMD FP multiply accumulate", "ASIMD dot
 * product" */
static const row arm[] = {
    {0x41, 0xD0B, 0xD0B, {"Cortex-A76", .fma256 = 2, .i8 = 2}},
    {0x41, 0xD0D, 0xD0D, {"Cortex-A77", .fma256 = 2, .i8 = 2}},
    {0x41, 0xD41, 0xD42, {"Cortex-A78", .fma256 = 2, .i8 = 2}}, /* D42: A78AE */
    {0x41, 0xD4B, 0xD4B, {"Cortex-A78C", .fma256 = 2, .i8 = 2}},
    {0x41, 0xD44, 0xD44, {"Cortex-X1", .fma256 = 4, .i8 = 4}},
    {0x41, 0xD48, 0xD48, {"Cortex-X2", .fma256 = 4, .i8 = 4}},
    {0x41, 0xD4E, 0xD4E, {"Cortex-X3", .fma256 = 4, .i8 = 4}},
    {0x41, 0xD0C, 0xD0C, {"Neoverse N1", .fma256 = 2, .i8 = 2}},
    {0x41, 0xD49, 0xD49, {"Neoverse N2", .fma256 = 2, .i8 = 2}},
    {0x41, 0xD40, 0xD40, {"Neoverse V1", .fma256 = 4, .i8 = 4}},
    {0x41, 0xD4F, 0xD4F, {"Neoverse V2", .fma256 = 4, .i8 = 4}},
};
#endif

__attribute__((unused)) static const core *ports_find(const row *t, size_t n, unsigned family, unsigned model)
{
    for (size_t i = 0; i < n; i++)
        if (t[i].family == family && model >= t[i].first && model <= t[i].last) return &t[i].c;
    return NULL;
}

static const core *this_core(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d, id, unused1, unused2, unused3;
    if (!__get_cpuid(0, &a, &b, &c, &d) || !__get_cpuid(1, &id, &unused1, &unused2, &unused3)) return NULL;
    unsigned family = (id >> 8) & 15, model = (id >> 4) & 15;
    if (family == 6 || family == 15) model |= (id >> 12) & 0xF0;
    if (family == 15) family += (id >> 20) & 0xFF;
    if (b == 0x68747541u) return ports_find(amd, sizeof amd / sizeof *amd, family, model);       /* "Auth" */
    if (b == 0x756E6547u) return ports_find(intel, sizeof intel / sizeof *intel, family, model); /* "Genu" */
    return NULL;
#elif defined(__aarch64__) && defined(__linux__)
    const unsigned long cpuid_trapped = 1ul << 11; /* HWCAP_CPUID: the kernel answers for MIDR_EL1 */
    uint64_t            midr;
    if (!(getauxval(AT_HWCAP) & cpuid_trapped)) return NULL;
    __asm__("mrs %0, MIDR_EL1" : "=r"(midr));
    return ports_find(arm, sizeof arm / sizeof *arm, (unsigned)(midr >> 24) & 0xFF,
                      (unsigned)(midr >> 4) & 0xFFF);
#else
    return NULL;
#endif
}

const char *cpu_core_name(void)
{
    const core *c = this_core();
    return c ? c->name : NULL;
}

static double ports_known(double per_cycle) { return per_cycle > 0 ? per_cycle : NAN; }

double cpu_fma_per_cycle(cpu_isa isa, ir_dtype dtype)
{
    const core *c = this_core();
    bool        wide = dtype == IR_F64 || dtype == IR_F32;
    if (!c) return NAN;
    switch (isa) {
    case CPU_PORTABLE: /* Arm compilers fuse the portable loop */
        if (c->mul_add > 0) return wide ? (double)c->mul_add : NAN;
        __attribute__((fallthrough));
    case CPU_NEON:
    case CPU_AVX2:
        if (dtype == IR_I8) return ports_known((double)(isa == CPU_NEON ? c->i8 : c->i8_256));
        return wide || (dtype == IR_F16 && isa == CPU_NEON) ? ports_known((double)c->fma256) : NAN;
    case CPU_AVX512:
        if (dtype == IR_I8) return ports_known((double)c->i8);
        if (dtype == IR_BF16) return ports_known((double)c->bf16);
        if (dtype == IR_F16) return ports_known((double)c->fp16_512);
        return wide ? ports_known((double)c->fma512) : NAN;
    default: return NAN;
    }
}

double cpu_fma_theory_flops(cpu_isa isa, ir_dtype dtype, double clock_Hz)
{
    const core         *c = this_core();
    const cpu_features *f = cpu_features_get();
    double              width_B = isa == CPU_AVX512 ? 64 : isa == CPU_AVX2 ? 32 : 16;
    double              vector = cpu_fma_per_cycle(isa, dtype) * width_B / ir_dtype_bytes(dtype);
    bool                tiles = (dtype == IR_BF16 && f->amx_bf16) || (dtype == IR_I8 && f->amx_int8);
    if (c && c->amx > 0 && isa == CPU_AVX512 && tiles)
        vector = (double)c->amx * 16 * 16 * 64 / ir_dtype_bytes(dtype);
    /* A matrix instruction does twice a dot product's work; how often it starts is not in the table. */
    if (isa == CPU_NEON && ((dtype == IR_BF16 && f->neon_bf16) || (dtype == IR_I8 && f->neon_i8mm)))
        vector = NAN;
    return 2 * vector * clock_Hz;
}
