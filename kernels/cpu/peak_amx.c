/* peak_amx.c -- "fma" in bf16 and i8 on Intel's tile matrix unit: an accumulator is a 16 x 16 tile instead of
 * a vector, one instruction does 16 x 16 x 32 (bf16) or 16 x 16 x 64 (i8) multiply-accumulates, 256 times a
 * 64-byte vector's. All rows of a tile get the workload's vector result: the first pair or quad of the inner
 * dimension is the workload's A and B, the others cancel among themselves. Four tiles at a time hide the
 * latency; more chains run four after four. Refuses processors without AMX and kernels that do not grant the
 * tile registers. */
#define _GNU_SOURCE
#include "kernels/cpu/peak.h"
#include "kernels/cpu/peak_regs.h"

#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

enum { ROWS = 16, GROUP = 4, TILE_B = ROWS * WL_FMA_VECTOR_B, MACS_RATIO = 256 };
typedef struct {
    cpu_peak_data d;
    _Alignas(64) unsigned char a[TILE_B], b[TILE_B];
} plan;
typedef void (*tile_fn)(void *c, const void *a, const void *b, uint64_t n);

/* Memory image of LDTILECFG: palette 1, eight tiles of 16 rows of 64 bytes. */
typedef struct {
    uint8_t  palette, start_row, reserved[14];
    uint16_t row_B[16];
    uint8_t  rows[16];
} tile_config;

#define T(i)     "%%tmm" #i
#define LOAD(i)  "tileloadd " #i "*1024(%[c],%[row],1), " T(i) "\n"
#define STORE(i) "tilestored " T(i) ", " #i "*1024(%[c],%[row],1)\n"
#define BF16(i)  "tdpbf16ps " T(7) ", " T(6) ", " T(i) "\n"
#define I8(i)    "tdpbusd " T(7) ", " T(6) ", " T(i) "\n"
#define LOOP(type, N, OP) \
    static void tile_##type##_##N(void *c, const void *a, const void *b, uint64_t n) \
    { \
        __asm__ volatile("tileloadd (%[a],%[row],1), " T(6) "\ntileloadd (%[b],%[row],1), " T(7) "\n" R##N( \
                             LOAD) ".p2align 6\n1:\n" R##N(OP) "sub $1, %[n]\njnz 1b\n" R##N(STORE) \
                         : [n] "+r"(n) \
                         : [c] "r"(c), [a] "r"(a), [b] "r"(b), [row] "r"((uint64_t)WL_FMA_VECTOR_B) \
                         : "memory", "cc"); \
    }
#if defined(__x86_64__) && defined(__linux__) && (__GNUC__ >= 11 || __clang_major__ >= 12)
LOOP(bf16, 1, BF16)
LOOP(bf16, 2, BF16)
LOOP(bf16, 4, BF16)
LOOP(i8, 1, I8)
LOOP(i8, 2, I8)
LOOP(i8, 4, I8)
static const tile_fn loop[2][GROUP + 1] = {{NULL, tile_bf16_1, tile_bf16_2, NULL, tile_bf16_4},
                                           {NULL, tile_i8_1, tile_i8_2, NULL, tile_i8_4}};
static void          tiles_on(const tile_config *cfg) { __asm__ volatile("ldtilecfg %0" : : "m"(*cfg)); }
static void          tiles_off(void) { __asm__ volatile("tilerelease"); }
/* Linux hands out the tile registers per process and on request (Documentation/arch/x86/xstate.rst). */
static bool granted(void)
{
    enum { REQ_XCOMP_PERM = 0x1023, XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, REQ_XCOMP_PERM, XTILEDATA) == 0;
}
#else
static const tile_fn loop[2][GROUP + 1];
static void          tiles_on(const tile_config *cfg) { (void)cfg; }
static void          tiles_off(void) {}
static bool          granted(void) { return false; }
#endif

static ir_status peak_amx_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    const cpu_features *f = cpu_features_get();
    (void)w;
    if (p->v[2] > 1) return ir_fail(IR_SKIP, "teams=%lld: a thread is one team", (long long)p->v[2]);
    if (p->dtype != IR_BF16 && p->dtype != IR_I8) return ir_fail(IR_SKIP, "AMX multiplies bf16 and i8 only");
    if (!(p->dtype == IR_I8 ? f->amx_int8 : f->amx_bf16) || !loop[0][1])
        return ir_fail(IR_SKIP, "this processor or build has no AMX for %s", ir_dtype_name(p->dtype));
    if (cpu_of(dev)->isa != CPU_AVX512) return ir_fail(IR_SKIP, "AMX is not part of the ISA asked for");
    return granted() ? IR_OK : ir_fail(IR_SKIP, "the operating system does not grant AMX tile registers");
}

static void fill_tiles(ir_dtype t, plan *s)
{
    static const int a8[] = {113, 113, 75, 75}, b8[] = {67, -67, -91, 91};
    for (int m = 0; m < ROWS; m++)
        for (int n = 0; n < WL_FMA_VECTOR_B / 2; n++) { /* inner pairs of A, columns of B */
            uint16_t       a = ir_f32_to_bf16((float)a8[n % 2]), b = ir_f32_to_bf16((float)b8[n % 2]);
            unsigned char *ra = s->a + m * WL_FMA_VECTOR_B, *rb = s->b + m * WL_FMA_VECTOR_B;
            for (int k = 2 * n; t == IR_I8 && k < 2 * n + 2; k++) {
                ra[k] = (unsigned char)a8[k % 4];
                rb[k] = (unsigned char)(b8[k % 4] & 0xFF);
            }
            if (t == IR_BF16) {
                memcpy(ra + 2 * n, &a, 2);
                memcpy(rb + 2 * n, &b, 2);
            }
        }
    for (int m = 0; m < ROWS; m++) memcpy(s->a + m * WL_FMA_VECTOR_B, s->d.coef[0], 4);
    memcpy(s->b, s->d.coef[1], WL_FMA_VECTOR_B);
}

static ir_status peak_amx_setup(ir_run *r)
{
    plan *s = aligned_alloc(64, sizeof *s);
    r->self = s;
    if (!s) return ir_fail(IR_ENOMEM, "fma: no memory for %zu bytes of tiles", sizeof *s);
    cpu_peak_fill(r->p.dtype, (int)r->p.v[0], &s->d);
    fill_tiles(r->p.dtype, s);
    return IR_OK;
}

/* Rows must agree; a tile whose rows do not becomes all ones, which no check accepts. */
static void take_row(const unsigned char *tile, unsigned char *out)
{
    memcpy(out, tile, WL_FMA_VECTOR_B);
    for (int m = 1; m < ROWS; m++)
        if (memcmp(tile, tile + m * WL_FMA_VECTOR_B, WL_FMA_VECTOR_B)) memset(out, 0xFF, WL_FMA_VECTOR_B);
}

typedef struct {
    const ir_run *run;
    uint32_t      reps;
} job;

static void peak_amx_region(void *arg, int tid, int nthreads)
{
    const job                 *j = arg;
    const plan                *s = j->run->self;
    int                        chains = (int)j->run->p.v[0];
    tile_config                cfg = {.palette = 1};
    _Alignas(64) unsigned char c[WL_FMA_MAX_CHAINS][TILE_B], x[WL_FMA_MAX_CHAINS][WL_FMA_VECTOR_B],
        sums[WL_FMA_VECTOR_B];
    (void)nthreads;
    for (int i = 0; i < 8; i++) cfg.rows[i] = ROWS, cfg.row_B[i] = WL_FMA_VECTOR_B;
    tiles_on(&cfg);
    for (uint32_t i = 0; i < j->reps; i++) {
        for (unsigned k = 0; k < (unsigned)chains * ROWS; k++)
            memcpy(c[k / ROWS] + k % ROWS * WL_FMA_VECTOR_B, s->d.x[k / ROWS], WL_FMA_VECTOR_B);
        for (int k = 0; k < chains; k += GROUP) {
            int n = chains - k < GROUP ? chains - k : GROUP;
            loop[j->run->p.dtype == IR_I8][n](c[k], s->a, s->b, (uint64_t)j->run->p.v[1]);
        }
    }
    tiles_off();
    for (int k = 0; k < chains; k++) take_row(c[k], x[k]);
    cpu_peak_sum(j->run->p.dtype, chains, x, sums);
    memcpy((unsigned char *)j->run->mem[0].host + (size_t)tid * sizeof sums, sums, sizeof sums);
}

static ir_status peak_amx_run(ir_run *r, uint32_t reps)
{
    job j = {r, reps};
    ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, peak_amx_region, &j);
    return IR_OK;
}

static void peak_amx_cost(const ir_params *p, ir_cost *c)
{
    (void)p;
    c->flops *= MACS_RATIO;
}

static const ir_plan_ops peak_amx_plan_ops = {.destroy = cpu_peak_teardown};

const ir_kernel cpu_fma_amx = {.family = "peak",
                               .name = "amx",
                               .doc = "tile matrix multiply-accumulates, at most four tiles at a time",
                               .flags = IR_K_FUSED,
                               .can_run = peak_amx_can_run,
                               .plan = peak_amx_setup,
                               .run = peak_amx_run,
                               .cost = peak_amx_cost,
                               .ops = &peak_amx_plan_ops};
