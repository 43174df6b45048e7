/* isa.c -- which vector instructions this processor runs, asked once; and how work is split. */
#include "kernels/cpu/cpu.h"

#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

const char *cpu_isa_name(cpu_isa isa)
{
    static const char *const name[CPU_NISA] = {"portable", "neon", "avx2", "avx512"};
    return (unsigned)isa < CPU_NISA ? name[isa] : "?";
}

#if defined(__x86_64__)
/* Register state the OS saves (XCR0): an ISA whose registers it does not save must not be used. */
static uint64_t xcr0(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 27))) return 0;
    unsigned lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return ((uint64_t)hi << 32) | lo;
}

static cpu_isa detect(cpu_features *f)
{
    unsigned a, b, c, d, b7 = 0, c7 = 0, d7 = 0, a71 = 0;
    unsigned c1 = 0;
    if (__get_cpuid(1, &a, &b, &c, &d)) c1 = c;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) b7 = b, c7 = c, d7 = d;
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d)) a71 = a;
    uint64_t os = xcr0();
    bool     ymm = (os & 0x6) == 0x6, zmm = (os & 0xE6) == 0xE6, tile = (os & 0x60000) == 0x60000;
    bool     avx2 = ymm && (b7 & (1u << 5)) && (c1 & (1u << 12));
    bool     avx512 =
        avx2 && zmm && (b7 & (1u << 16)) && (b7 & (1u << 17)) && (b7 & (1u << 30)) && (b7 & (1u << 31));
    f->f16c = ymm && (c1 & (1u << 29));
    f->avx_vnni = avx2 && (a71 & (1u << 4));
    f->avx512_vnni = avx512 && (c7 & (1u << 11));
    f->avx512_bf16 = avx512 && (a71 & (1u << 5));
    f->avx512_fp16 = avx512 && (d7 & (1u << 23));
    f->amx_bf16 = tile && (d7 & (1u << 24)) && (d7 & (1u << 22));
    f->amx_int8 = tile && (d7 & (1u << 24)) && (d7 & (1u << 25));
    return avx512 ? CPU_AVX512 : avx2 ? CPU_AVX2 : CPU_PORTABLE;
}
#elif defined(__aarch64__)
static cpu_isa detect(cpu_features *f)
{
#if defined(__linux__)
    unsigned long h1 = getauxval(AT_HWCAP), h2 = getauxval(AT_HWCAP2);
    f->neon_fp16 = h1 & (1ul << 10); /* asimdhp */
    f->neon_dot = h1 & (1ul << 20);  /* asimddp */
    f->neon_i8mm = h2 & (1ul << 13);
    f->neon_bf16 = h2 & (1ul << 14);
#else
    (void)f;
#endif
    return CPU_NEON; /* part of the architecture */
}
#else
static cpu_isa detect(cpu_features *f)
{
    (void)f;
    return CPU_PORTABLE;
}
#endif

static cpu_features features;
static cpu_isa      best;
static bool         known; /* a race here writes the same values twice */

static void ask_once(void)
{
    if (known) return;
    cpu_features f;
    memset(&f, 0, sizeof f);
    best = detect(&f);
#if defined(CPU_PORTABLE_ONLY)
    best = CPU_PORTABLE;
#endif
    features = f;
    known = true;
}

cpu_isa cpu_isa_best(void)
{
    ask_once();
    return best;
}

const cpu_features *cpu_features_get(void)
{
    ask_once();
    return &features;
}

size_t cpu_cache_B(const ir_dev *dev, int level, size_t otherwise)
{
    const ir_topology *t = &cpu_of(dev)->topo;
    for (int i = 0; i < t->ncache; i++)
        if (t->cache[i].level == level && t->cache[i].size_B > 0) return (size_t)t->cache[i].size_B;
    return otherwise;
}

void cpu_part(size_t n, size_t grain, int tid, int nthreads, size_t *lo, size_t *hi)
{
    if (grain == 0) grain = 1;
    size_t t = (size_t)tid, k = (size_t)nthreads, blocks = (n + grain - 1) / grain;
    size_t each = blocks / k, extra = blocks % k;
    size_t first = t * each + (t < extra ? t : extra), last = first + each + (t < extra ? 1 : 0);
    *lo = first * grain < n ? first * grain : n;
    *hi = last * grain < n ? last * grain : n;
}
