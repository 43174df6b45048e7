/* peak.c -- "fma" with the vector instructions of the device's ISA, and the data its loops run on. Chain
 * counts that do not fit the registers are refused, not spilled. */
#include "kernels/cpu/peak.h"

#include <stdlib.h>
#include <string.h>

CPU_DECLARE_PER_ISA(cpu_peak_table, cpu_peak);
static const cpu_peak_table *const table[CPU_NISA] = CPU_PER_ISA(cpu_peak);

const cpu_peak_table *cpu_peak_of(cpu_isa isa) { return (unsigned)isa < CPU_NISA ? table[isa] : NULL; }

static void put_float(ir_dtype t, double value, void *at)
{
    float f = (float)value;
    if (t == IR_F64)
        memcpy(at, &value, sizeof value);
    else
        memcpy(at, &f, sizeof f);
}

/* 8192 + 512*k, k < 16, in f16: exponent 13 + 15, and 64*k in the mantissa's last 10 bits. */
static uint16_t f16_start(double x) { return (uint16_t)((28u << 10) | (unsigned)((x - 8192.0) / 8.0)); }

static void fill_chain(ir_dtype t, int c, unsigned char *x)
{
    int width = t == IR_F64 ? 8 : t == IR_F16 ? 2 : 4;
    for (int l = 0; l < WL_FMA_VECTOR_B / width; l++) {
        uint16_t h = f16_start(wl_fma_start(c, l));
        int32_t  i = wl_fma_start_int(c, l);
        if (t == IR_F16)
            memcpy(x + 2 * l, &h, 2);
        else if (t == IR_I8)
            memcpy(x + 4 * l, &i, 4);
        else
            put_float(t, t == IR_BF16 ? i : wl_fma_start(c, l), x + width * l);
    }
}

static void fill_coef(ir_dtype t, cpu_peak_data *d)
{
    static const int a2[] = WL_FMA_BF16_A, b2[][2] = WL_FMA_BF16_B, a4[] = WL_FMA_I8_A, b4[][4] = WL_FMA_I8_B;
    const uint16_t   c16 = WL_FMA_C_F16;
    for (int i = 0; i < WL_FMA_VECTOR_B; i++) { /* i counts elements, of which narrow types have more */
        uint16_t a = ir_f32_to_bf16((float)a2[i % 2]), b = ir_f32_to_bf16((float)b2[i / 2 % 2][i % 2]);
        if (t == IR_I8) {
            d->coef[0][i] = (unsigned char)a4[i % 4];
            d->coef[1][i] = (unsigned char)(b4[i / 4 % 2][i % 4] & 0xFF);
        } else if (t == IR_BF16 && i < 32) {
            memcpy(d->coef[0] + 2 * i, &a, 2);
            memcpy(d->coef[1] + 2 * i, &b, 2);
        } else if (t == IR_F16 && i < 32) {
            memcpy(d->coef[0] + 2 * i, &c16, 2);
        } else if (t == IR_F64 && i < 8) {
            put_float(t, WL_FMA_C, d->coef[0] + 8 * i);
        } else if (t == IR_F32 && i < 16) {
            put_float(t, WL_FMA_C, d->coef[0] + 4 * i);
        }
    }
}

void cpu_peak_fill(ir_dtype dtype, int chains, cpu_peak_data *out)
{
    memset(out, 0, sizeof *out);
    for (int c = 0; c < chains; c++) fill_chain(dtype, c, out->x[c]);
    fill_coef(dtype, out);
}

/* ---- sums over chains ------------------------------------------------------------------------ */
static double f16_value(uint16_t h) /* normal numbers only: there are no others here */
{
    uint64_t u = ((uint64_t)(h & 0x8000u) << 48) | ((uint64_t)((h & 0x7FFFu) + ((1023u - 15u) << 10)) << 42);
    double   x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static double lane_value(ir_dtype t, const unsigned char *x, int lane)
{
    double   d;
    float    f;
    uint16_t h[2];
    if (t == IR_F64) return memcpy(&d, x + 8 * lane, 8), d;
    if (t == IR_F16) {
        memcpy(&h[0], x + 2 * lane, 2);
        memcpy(&h[1], x + 2 * (lane + WL_FMA_LANES), 2);
        return f16_value(h[0]) + f16_value(h[1]);
    }
    return memcpy(&f, x + 4 * lane, 4), (double)f;
}

void cpu_peak_sum(ir_dtype t, int chains, unsigned char (*x)[WL_FMA_VECTOR_B], unsigned char *out)
{
    int lanes = t == IR_F64 ? 8 : WL_FMA_LANES;
    for (int l = 0; l < lanes; l++) {
        double   sum = 0;
        uint32_t isum = 0, i;
        for (int c = 0; c < chains; c++) {
            if (t != IR_I8) {
                sum += lane_value(t, x[c], l);
            } else {
                memcpy(&i, x[c] + 4 * l, 4);
                isum += i;
            }
        }
        if (t == IR_I8)
            memcpy(out + 4 * l, &isum, 4);
        else
            put_float(t, sum, out + (t == IR_F64 ? 8 : 4) * l);
    }
}

/* ---- the kernel ------------------------------------------------------------------------------ */
ir_status cpu_peak_usable(cpu_isa isa, ir_dtype dtype)
{
    const cpu_features *f = cpu_features_get();
    const char         *need = "no such instruction in this ISA";
    bool                ok = true;
    if (dtype == IR_F16) {
        ok = isa == CPU_AVX512 ? f->avx512_fp16 : isa == CPU_NEON && f->neon_fp16;
        if (isa == CPU_AVX512 || isa == CPU_NEON) need = "needs FP16 arithmetic (avx512_fp16, asimdhp)";
    } else if (dtype == IR_BF16) {
        ok = isa == CPU_AVX512 ? f->avx512_bf16 : isa == CPU_NEON && f->neon_bf16;
        if (isa == CPU_AVX512 || isa == CPU_NEON) need = "needs BF16 dot products (avx512_bf16, FEAT_BF16)";
    } else if (dtype == IR_I8) {
        ok = isa == CPU_AVX512 ? f->avx512_vnni
             : isa == CPU_AVX2 ? f->avx_vnni
                               : isa == CPU_NEON && f->neon_dot;
        if (isa != CPU_PORTABLE) need = "needs 8-bit dot products (avx512_vnni, avx_vnni, asimddp)";
    }
    return ok ? IR_OK : ir_fail(IR_SKIP, "%s on %s: %s", ir_dtype_name(dtype), cpu_isa_name(isa), need);
}

static ir_status peak_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    cpu_isa               isa = cpu_of(dev)->isa;
    const cpu_peak_table *t = cpu_peak_of(isa);
    ir_status             s = cpu_peak_usable(isa, p->dtype);
    int                   i = wl_fma_chains_index(p->v[0]);
    (void)w;
    if (p->v[2] > 1) return ir_fail(IR_SKIP, "teams=%lld: a thread is one team", (long long)p->v[2]);
    if (s != IR_OK) return s;
    if (!t || !t->fn[p->dtype][0])
        return ir_fail(IR_SKIP, "%s on %s: not compiled in", ir_dtype_name(p->dtype), cpu_isa_name(isa));
    if (i < 0 || !t->fn[p->dtype][i])
        return ir_fail(IR_SKIP, "chains=%lld: %s has no registers for so many accumulators",
                       (long long)p->v[0], cpu_isa_name(isa));
    return IR_OK;
}

ir_status cpu_peak_setup(ir_run *r, cpu_peak_fn fn, size_t vector_B)
{
    cpu_peak_plan *plan = aligned_alloc(64, sizeof *plan);
    r->self = plan;
    if (!plan) return ir_fail(IR_ENOMEM, "fma: no memory for %zu bytes of start values", sizeof *plan);
    cpu_peak_fill(r->p.dtype, (int)r->p.v[0], &plan->d);
    plan->fn = fn;
    plan->vector_B = vector_B;
    return IR_OK;
}

static ir_status peak_setup(ir_run *r)
{
    const cpu_peak_table *t = cpu_peak_of(cpu_of(r->dev)->isa);
    return cpu_peak_setup(r, t->fn[r->p.dtype][wl_fma_chains_index(r->p.v[0])], t->vector_B);
}

void cpu_peak_teardown(ir_run *r)
{
    free(r->self);
    r->self = NULL;
}

typedef struct {
    const ir_run *run;
    uint32_t      reps;
} job;

static void peak_region(void *arg, int tid, int nthreads)
{
    const job                 *j = arg;
    const ir_params           *p = &j->run->p;
    const cpu_peak_plan       *plan = j->run->self;
    size_t                     live = (size_t)p->v[0] * WL_FMA_VECTOR_B;
    _Alignas(64) unsigned char x[WL_FMA_MAX_CHAINS][WL_FMA_VECTOR_B], sums[WL_FMA_VECTOR_B];
    (void)nthreads;
    for (uint32_t i = 0; i < j->reps; i++) {
        memcpy(x, plan->d.x, live);
        for (size_t o = 0; o < WL_FMA_VECTOR_B; o += plan->vector_B)
            plan->fn(x[0] + o, plan->d.coef[0] + o, (uint64_t)p->v[1]);
    }
    cpu_peak_sum(p->dtype, (int)p->v[0], x, sums);
    memcpy((unsigned char *)j->run->mem[0].host + (size_t)tid * sizeof sums, sums, sizeof sums);
}

ir_status cpu_peak_run(ir_run *r, uint32_t reps)
{
    job j = {r, reps};
    ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, peak_region, &j);
    return IR_OK;
}

static const ir_plan_ops peak_plan_ops = {.destroy = cpu_peak_teardown};

const ir_kernel cpu_fma_chains = {
    .family = "peak",
    .name = "chains",
    .doc = "vector multiply-accumulates of the device's ISA, nothing else in the loop",
    .flags = IR_K_FUSED,
    .can_run = peak_can_run,
    .plan = peak_setup,
    .run = cpu_peak_run,
    .ops = &peak_plan_ops};
