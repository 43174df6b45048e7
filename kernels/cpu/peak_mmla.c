/* peak_mmla.c -- "fma" in bf16 and i8 with Arm's 2x2 matrix instructions (bfmmla, smmla): twice the
 * multiply-accumulates of a dot product instruction. Every row of the left operand is the workload's A
 * followed by a part that cancels, row j of the right one is B[j], so that accumulator i receives the
 * workload's dot product i % 2. Refuses other processors. */
#include "kernels/cpu/peak.h"
#include "kernels/cpu/peak_regs.h"

#include <string.h>

#if defined(__aarch64__) && (__GNUC__ >= 10 || __clang_major__ >= 11)
#if defined(__clang__)
#define EXT_BF16 __attribute__((target("bf16")))
#define EXT_I8   __attribute__((target("i8mm")))
#else
#define EXT_BF16 __attribute__((target("arch=armv8.2-a+bf16")))
#define EXT_I8   __attribute__((target("arch=armv8.2-a+i8mm")))
#endif
#define LOAD(i)  "ldr q" #i ", [%[x], #" #i "*64]\n"
#define STORE(i) "str q" #i ", [%[x], #" #i "*64]\n"
#define BF16(i)  "bfmmla v" #i ".4s, v30.8h, v31.8h\n"
#define I8(i)    "smmla v" #i ".4s, v30.16b, v31.16b\n"
#define LOOP(type, N, OP, EXT) \
    EXT static void mmla_##type##_##N(void *x, const void *coef, uint64_t n) \
    { \
        __asm__ volatile("ldr q30, [%[coef]]\nldr q31, [%[coef], #64]\n" R##N(LOAD) ".p2align 6\n1:\n" R##N( \
                             OP) "subs %[n], %[n], #1\nb.ne 1b\n" R##N(STORE) \
                         : [n] "+r"(n) \
                         : [x] "r"(x), [coef] "r"(coef) \
                         : "memory", "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", \
                           "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", \
                           "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31"); \
    }
#define EACH(type, OP, EXT) \
    LOOP(type, 1, OP, EXT) \
    LOOP(type, 2, OP, EXT) \
    LOOP(type, 4, OP, EXT) \
    LOOP(type, 8, OP, EXT) \
    LOOP(type, 10, OP, EXT) \
    LOOP(type, 12, OP, EXT) \
    LOOP(type, 16, OP, EXT) \
    LOOP(type, 24, OP, EXT)
#define ALL(type) \
    mmla_##type##_1, mmla_##type##_2, mmla_##type##_4, mmla_##type##_8, mmla_##type##_10, mmla_##type##_12, \
        mmla_##type##_16, mmla_##type##_24
EACH(bf16, BF16, EXT_BF16)
EACH(i8, I8, EXT_I8)
static const cpu_peak_fn loop[2][WL_FMA_NCHAINS] = {{ALL(bf16)}, {ALL(i8)}};
#else
static const cpu_peak_fn loop[2][WL_FMA_NCHAINS];
#endif

static ir_status peak_mmla_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    const cpu_features *f = cpu_features_get();
    (void)w;
    if (p->v[2] > 1) return ir_fail(IR_SKIP, "teams=%lld: a thread is one team", (long long)p->v[2]);
    if (p->dtype != IR_BF16 && p->dtype != IR_I8)
        return ir_fail(IR_SKIP, "matrix instructions exist for bf16 and i8 only");
    if (!(p->dtype == IR_I8 ? f->neon_i8mm : f->neon_bf16) || !loop[0][0] || cpu_of(dev)->isa != CPU_NEON)
        return ir_fail(IR_SKIP,
                       "this processor or build has no matrix instructions for %s (FEAT_BF16, FEAT_I8MM)",
                       ir_dtype_name(p->dtype));
    return IR_OK;
}

/* 16 bytes: two rows of 8 bytes, the workload's half first. The same in each quarter of the 64 bytes. */
static void fill_rows(ir_dtype t, cpu_peak_data *d)
{
    static const int a8[] = {113, 113, 75, 75}, b8[] = {67, -67, -91, 91};
    unsigned char    a[8], b[2][8];
    memcpy(a, d->coef[0], 4);
    for (int j = 0; j < 2; j++) memcpy(b[j], d->coef[1] + 4 * j, 4);
    for (int k = 0; k < 4; k++) {
        uint16_t ha = ir_f32_to_bf16((float)a8[k % 2]), hb = ir_f32_to_bf16((float)b8[k % 2]);
        if (t == IR_I8) {
            a[4 + k] = (unsigned char)a8[k];
            b[0][4 + k] = b[1][4 + k] = (unsigned char)(b8[k] & 0xFF);
        } else if (k < 2) {
            memcpy(a + 4 + 2 * k, &ha, 2);
            memcpy(b[0] + 4 + 2 * k, &hb, 2);
            memcpy(b[1] + 4 + 2 * k, &hb, 2);
        }
    }
    for (int o = 0; o < WL_FMA_VECTOR_B; o += 8) {
        memcpy(d->coef[0] + o, a, 8);
        memcpy(d->coef[1] + o, b[o / 8 % 2], 8);
    }
}

static ir_status peak_mmla_setup(ir_run *r)
{
    cpu_peak_fn fn = loop[r->p.dtype == IR_I8][wl_fma_chains_index(r->p.v[0])];
    ir_status   s = cpu_peak_setup(r, fn, 16);
    if (s == IR_OK) fill_rows(r->p.dtype, &((cpu_peak_plan *)r->self)->d);
    return s;
}

static void peak_mmla_cost(const ir_params *p, ir_cost *c)
{
    (void)p;
    c->flops *= 2;
}

static const ir_plan_ops peak_mmla_plan_ops = {.destroy = cpu_peak_teardown};

const ir_kernel cpu_fma_mmla = {.family = "peak",
                                .name = "mmla",
                                .doc = "2x2 matrix multiply-accumulates on vector registers",
                                .flags = IR_K_FUSED,
                                .can_run = peak_mmla_can_run,
                                .plan = peak_mmla_setup,
                                .run = cpu_peak_run,
                                .cost = peak_mmla_cost,
                                .ops = &peak_mmla_plan_ops};
