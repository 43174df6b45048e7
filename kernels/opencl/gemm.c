/* gemm.c -- the products: naive, tiled with local memory, register-blocked, and (few rows) streamed. The
 * blocked kernel's tile is searched for once per device and type among a few candidates, on a small product,
 * and kept. Refuses dimensions beyond 32 bits. */
#include "kernels/opencl/gemm.h"
#include "kernels/workloads/workloads_gemm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TILED_TS = 16, SLIM_ROWS = 64 };

/* ---- the blocked product as a part ----------------------------------------------------------- */
static int    in_code(ir_dtype t) { return t == IR_BF16 ? 1 : t == IR_I8 ? 2 : t == IR_F16 ? 3 : 0; }
static int    ocl_gemm_vector_of(const ocl_dev *d, ir_dtype T) { return !d->cpu ? 1 : T == IR_F64 ? 8 : 16; }
static size_t ocl_gemm_parts(size_t n, size_t to) { return (n + to - 1) / to; }

static void options_of(const ocl_dev *d, ocl_gemm_kind q, const ocl_gemm_tile *t, const char *what, char *out,
                       size_t n)
{
    const char *T = q.T == IR_F64 ? "double" : "float";
    int         w = ocl_gemm_vector_of(d, q.T);
    snprintf(out, n,
             "-D%s -DT=%s -DIN_A=%d -DIN_B=%d -DTB=%d -DEPI=%d -DW=%d -DTV=%s%d -DVLOAD=vload%d "
             "-DVSTORE=vstore%d -DAS_TV=as_%s%d "
             "-DCONVERT_UINT=convert_uint%d -DMR=%d -DNV=%d -DKC=%d -DTS=%d",
             what, T, in_code(q.in_a), in_code(q.in_b), q.trans_b, q.epilogue, w, T, w, w, w, T, w, w, t->mr,
             t->nv, t->kc, (int)TILED_TS);
}

void ocl_gemm_free(ocl_gemm *g)
{
    ocl_kernel_free(&g->gemm);
    ocl_kernel_free(&g->pack_a);
    ocl_kernel_free(&g->pack_b);
    ocl_kernel_free(&g->pack_image);
}

static ir_status tuned(ocl_dev *d, ir_dtype T);

ir_status ocl_gemm_init(ocl_dev *d, ocl_gemm_kind q, const ocl_gemm_tile *t, ocl_gemm *g)
{
    char      options[400];
    ir_status s = t ? IR_OK : tuned(d, q.T);
    memset(g, 0, sizeof *g);
    if (s != IR_OK) return s;
    g->tile = t ? *t : d->tile[q.T];
    g->kind = q;
    options_of(d, q, &g->tile, "BLOCKED", options, sizeof options);
    s = ocl_kernel(d, "gemm", options, "gemm_blocked", &g->gemm);
    if (s == IR_OK && d->cpu) s = ocl_kernel(d, "gemm", options, "pack_a", &g->pack_a);
    if (s == IR_OK && d->cpu) s = ocl_kernel(d, "gemm", options, "pack_b", &g->pack_b);
    if (s == IR_OK && d->cpu) s = ocl_kernel(d, "gemm", options, "pack_image", &g->pack_image);
    if (s != IR_OK) ocl_gemm_free(g);
    return s;
}

static size_t nr_of(const ocl_dev *d, const ocl_gemm *g)
{
    return (size_t)(g->tile.nv * ocl_gemm_vector_of(d, g->kind.T));
}

size_t ocl_gemm_packed_a(const ocl_dev *d, const ocl_gemm *g, size_t m, size_t k)
{
    return d->cpu ? ocl_gemm_parts(m, (size_t)g->tile.mr) * (size_t)g->tile.mr * k : 0;
}

size_t ocl_gemm_packed_b(const ocl_dev *d, const ocl_gemm *g, size_t n, size_t k)
{
    return d->cpu ? ocl_gemm_parts(n, nr_of(d, g)) * nr_of(d, g) * k : 0;
}

ir_status ocl_gemm_pack_b(ocl_dev *d, const ocl_gemm *g, cl_mem B, size_t B_at, cl_mem out, size_t out_at,
                          size_t n, size_t k)
{
    cl_uint       nn = (cl_uint)n, kk = (cl_uint)k;
    cl_ulong      from = B_at, to = out_at;
    const ocl_arg a[] = {OCL_A(B), OCL_A(out), OCL_A(nn), OCL_A(kk), OCL_A(from), OCL_A(to)};
    size_t        panels = ocl_gemm_parts(n, nr_of(d, g)), groups = 4 * ocl_groups(d);
    ir_status     s = ocl_args(g->pack_b, a, 6);
    return s == IR_OK ? ocl_launch(d, g->pack_b, panels < groups ? panels : groups, 1) : s;
}

static ir_status pack_a(ocl_dev *d, const ocl_gemm *g, cl_mem A, cl_mem out, cl_uint m, cl_uint k)
{
    const ocl_arg a[] = {OCL_A(A), OCL_A(out), OCL_A(m), OCL_A(k)};
    size_t        panels = ocl_gemm_parts(m, (size_t)g->tile.mr), groups = 4 * ocl_groups(d);
    ir_status     s = ocl_args(g->pack_a, a, 4);
    return s == IR_OK ? ocl_launch(d, g->pack_a, panels < groups ? panels : groups, 1) : s;
}

ir_status ocl_gemm_pack_image(ocl_dev *d, const ocl_gemm *g, cl_mem x, cl_mem out, const ocl_image *i)
{
    const ocl_arg a[] = {OCL_A(x),     OCL_A(out),   OCL_A(i->m),    OCL_A(i->h),      OCL_A(i->w),
                         OCL_A(i->c),  OCL_A(i->r),  OCL_A(i->s),    OCL_A(i->stride), OCL_A(i->pad),
                         OCL_A(i->oh), OCL_A(i->ow), OCL_A(i->pad_w)};
    size_t        panels = ocl_gemm_parts(i->m, (size_t)g->tile.mr), groups = 4 * ocl_groups(d);
    ir_status     s = ocl_args(g->pack_image, a, 13);
    return s == IR_OK ? ocl_launch(d, g->pack_image, panels < groups ? panels : groups, 1) : s;
}

/* Blocks shrink where fewer than four per unit would be left. */
ir_status ocl_gemm_run(ocl_dev *d, const ocl_gemm *g, cl_mem A, cl_mem B, size_t B_at, cl_mem C,
                       cl_mem scratch, size_t M, size_t N, size_t K, const ocl_epilogue *e)
{
    cl_uint  m = (cl_uint)M, n = (cl_uint)N, k = (cl_uint)K;
    cl_ulong from = B_at;
    cl_uint  mc = (cl_uint)g->tile.mc, nc = (cl_uint)g->tile.nc, nr = (cl_uint)nr_of(d, g);
    while (d->cpu && ocl_gemm_parts(M, mc) * ocl_gemm_parts(N, nc) < 4 * (size_t)d->units &&
           (nc > nr || mc > (cl_uint)g->tile.mr)) {
        if (nc > nr)
            nc = (cl_uint)ocl_gemm_parts(nc / 2, nr) * nr;
        else
            mc = (cl_uint)(ocl_gemm_parts(mc / 2, (size_t)g->tile.mr) * (size_t)g->tile.mr);
    }
    ir_status s = d->cpu && A ? pack_a(d, g, A, scratch, m, k) : IR_OK;
    if (d->cpu) A = scratch;
    const ocl_arg a[] = {OCL_A(A), OCL_A(B),    OCL_A(C),  OCL_A(m), OCL_A(n),
                         OCL_A(k), OCL_A(from), OCL_A(mc), OCL_A(nc)};
    int           na = d->cpu ? 9 : 7;
    if (s == IR_OK) s = ocl_args(g->gemm, a, na);
    if (s == IR_OK && g->kind.epilogue) {
        const ocl_arg x[] = {OCL_A(e->V),   OCL_A(e->b_at),    OCL_A(e->s_at),
                             OCL_A(e->add), OCL_A(e->has_add), OCL_A(e->act)};
        for (int i = 0; i < 6 && s == IR_OK; i++)
            s = OCL(clSetKernelArg(g->gemm, (cl_uint)(na + i), x[i].size, x[i].p));
    }
    if (s != IR_OK) return s;
    size_t bm = d->cpu ? mc : 16 * (size_t)g->tile.mr, bn = d->cpu ? nc : 16 * (size_t)g->tile.nv;
    return ocl_launch(d, g->gemm, ocl_gemm_parts(M, bm) * ocl_gemm_parts(N, bn), d->cpu ? 1 : 256);
}

/* ---- the search ------------------------------------------------------------------------------ */
static int candidates(const ocl_dev *d, ir_dtype T, ocl_gemm_tile *out)
{
    static const int cpu[][2] = {{8, 3}, {6, 4}, {6, 2}, {12, 2}},
                     wide[][2] = {{4, 4}, {8, 4}, {8, 8}, {4, 8}};
    int n = 0;
    if (d->cpu)
        for (size_t i = 0; i < sizeof cpu / sizeof *cpu; i++)
            out[n++] = (ocl_gemm_tile){
                cpu[i][0], cpu[i][1], 256, cpu[i][0] * 8, cpu[i][1] * ocl_gemm_vector_of(d, T) * 4, 0};
    else
        for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
            ocl_gemm_tile t = {wide[i][0], wide[i][1], 16, 0, 0, 0};
            size_t        local_B = (size_t)t.kc * (size_t)(16 * (t.mr + t.nv) + 2) * (T == IR_F64 ? 8 : 4);
            if (local_B <= d->local_B && d->max_group >= 256) out[n++] = t;
        }
    return n;
}

enum { TRIAL = 480 };
/* A, B, C, scratch and packed B of a trial product, any finite content. */
static ir_status trial(ocl_dev *d, ocl_gemm *g, ocl_buf *const b[5], double *flops_s)
{
    double    best = INFINITY;
    ir_status s = IR_OK;
    for (int i = 0; i < 4 && s == IR_OK; i++) {
        double t0 = ir_now();
        if (d->cpu) s = ocl_gemm_pack_b(d, g, b[1]->mem, 0, b[4]->mem, 0, TRIAL, TRIAL);
        if (s == IR_OK)
            s = ocl_gemm_run(d, g, b[0]->mem, d->cpu ? b[4]->mem : b[1]->mem, 0, b[2]->mem, b[3]->mem, TRIAL,
                             TRIAL, TRIAL, NULL);
        if (s == IR_OK) s = OCL(clFinish(d->queue));
        if (i > 0) best = fmin(best, ir_now() - t0); /* the first compiles */
    }
    *flops_s = 2.0 * TRIAL * TRIAL * TRIAL / best;
    return s;
}

/* The best tile and what each was worth, for the record. */
static void found(ocl_dev *d, ir_dtype T, const ocl_gemm_tile *t, int n)
{
    char  *s = d->tuning;
    size_t at = strlen(s), room = sizeof d->tuning;
    at += (size_t)snprintf(s + at, room - at, "%sgemm %s %dx%d, GFLOP/s on %d^3:", at ? "; " : "",
                           ir_dtype_name(T), d->tile[T].mr, d->tile[T].nv * ocl_gemm_vector_of(d, T),
                           (int)TRIAL);
    for (int i = 0; i < n && at < room; i++)
        at += (size_t)snprintf(s + at, room - at, "%s %dx%d %.3g", i ? "," : "", t[i].mr,
                               t[i].nv * ocl_gemm_vector_of(d, T), t[i].flops_s / 1e9);
}

static ir_status search(ocl_dev *d, ir_dtype T, ocl_buf *const b[5])
{
    ocl_gemm_tile t[8], best = {0};
    int           n = candidates(d, T, t);
    ir_status     s = IR_OK;
    if (!n)
        s = ir_fail(IR_SKIP, "opencl: %.60s takes no work-group of 256 items or has too little local memory",
                    d->name);
    for (int i = 0; i < n; i++) {
        ocl_gemm g;
        double   rate = 0;
        s = ocl_gemm_init(d, (ocl_gemm_kind){T, T, T, false, false}, &t[i], &g);
        if (s == IR_OK) s = trial(d, &g, b, &rate);
        ocl_gemm_free(&g);
        if (s != IR_OK && s != IR_SKIP) return s; /* a tile the device refuses is no failure of the others */
        t[i].flops_s = rate;
        if (s == IR_OK && rate > best.flops_s) best = t[i];
    }
    if (!(best.flops_s > 0)) return s != IR_OK ? s : ir_fail(IR_SKIP, "opencl: no gemm tile runs here");
    d->tile[T] = best;
    found(d, T, t, n);
    return IR_OK;
}

static ir_status tuned(ocl_dev *d, ir_dtype T)
{
    size_t    width = T == IR_F64 ? 8 : 4, bytes = width * (TRIAL + 128) * (TRIAL + 64);
    ocl_buf  *b[5] = {0};
    void     *zero = calloc(1, bytes);
    ir_status s = d->tile[T].mr ? IR_OK : ocl_has_dtype(d, T);
    if (d->tile[T].mr == 0 && s == IR_OK) {
        if (!zero) s = ir_fail(IR_ENOMEM, "opencl: no memory for the gemm search");
        for (int i = 0; i < 5 && s == IR_OK; i++) {
            s = ocl_buffer(d, bytes, &b[i]);
            if (s == IR_OK) s = ocl_write(d, b[i], 0, bytes, zero);
        }
        if (s == IR_OK) s = search(d, T, b);
    }
    for (int i = 0; i < 5; i++) ocl_buffer_free(&b[i]);
    free(zero);
    return s;
}

/* ---- the kernels ----------------------------------------------------------------------------- */
typedef struct {
    ocl_gemm  g;
    cl_kernel kernel;
    ocl_buf  *scratch, *packed;
    bool      slim;
} plan;

static ir_status ocl_gemm_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    wl_gemm_shape s = wl_gemm_of(p);
    (void)w;
    if (!wl_gemm_plain(p->dtype))
        return ir_fail(IR_SKIP, "opencl gemm: f64, f32 and bf16, not %s", ir_dtype_name(p->dtype));
    if (s.m > INT32_MAX || s.n > INT32_MAX || s.k > INT32_MAX)
        return ir_fail(IR_SKIP, "a dimension beyond 2^31");
    return ocl_has_dtype(ocl_of(dev), p->dtype);
}

static ir_status tiled_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    if (ocl_of(dev)->max_group < TILED_TS * TILED_TS)
        return ir_fail(IR_SKIP, "opencl: no work-groups of %d items here", TILED_TS * TILED_TS);
    return ocl_gemm_can_run(dev, w, p);
}

static void ocl_gemm_teardown(ir_run *r)
{
    plan *p = r->self;
    if (!p) return;
    ocl_gemm_free(&p->g);
    ocl_kernel_free(&p->kernel);
    ocl_buffer_free(&p->scratch);
    ocl_buffer_free(&p->packed);
    free(p);
    r->self = NULL;
}

static ocl_gemm_kind ocl_gemm_kind_of(ir_dtype t)
{
    return (ocl_gemm_kind){t, t, t == IR_F64 ? IR_F64 : IR_F32, false, false};
}

static ir_status simple_setup(ir_run *r, const char *what, const char *name, const ocl_gemm_tile *t)
{
    char  options[400];
    plan *p = r->self ? r->self : ocl_plan(r, sizeof *p);
    if (!p) return IR_ENOMEM;
    options_of(ocl_of(r->dev), ocl_gemm_kind_of(r->p.dtype), t, what, options, sizeof options);
    ir_status s = ocl_kernel(ocl_of(r->dev), "gemm", options, name, &p->kernel);
    if (s != IR_OK) ocl_gemm_teardown(r);
    return s;
}

static ir_status naive_setup(ir_run *r)
{
    return simple_setup(r, "NAIVE", "gemm_naive", &(ocl_gemm_tile){0});
}
static ir_status tiled_setup(ir_run *r)
{
    return simple_setup(r, "TILED", "gemm_tiled", &(ocl_gemm_tile){0});
}

static ir_status simple_run(ir_run *r, uint32_t reps, size_t groups, size_t local)
{
    plan         *p = r->self;
    wl_gemm_shape sh = wl_gemm_of(&r->p);
    cl_uint       m = (cl_uint)sh.m, n = (cl_uint)sh.n, k = (cl_uint)sh.k;
    cl_mem        t[3] = {ocl_mem_of(&r->mem[0]), ocl_mem_of(&r->mem[1]), ocl_mem_of(&r->mem[2])};
    const ocl_arg a[] = {OCL_A(t[0]), OCL_A(t[1]), OCL_A(t[2]), OCL_A(m), OCL_A(n), OCL_A(k)};
    ir_status     s = ocl_args(p->kernel, a, 6);
    return s == IR_OK ? ocl_launches(ocl_of(r->dev), p->kernel, groups, local, reps) : s;
}

static ir_status ocl_gemm_naive_run(ir_run *r, uint32_t reps)
{
    const ocl_dev *d = ocl_of(r->dev);
    wl_gemm_shape  s = wl_gemm_of(&r->p);
    return simple_run(r, reps, d->cpu ? 16 * ocl_groups(d) : ocl_gemm_parts(s.m * s.n, ocl_local(d)),
                      ocl_local(d));
}

static ir_status tiled_run(ir_run *r, uint32_t reps)
{
    wl_gemm_shape s = wl_gemm_of(&r->p);
    return simple_run(r, reps, ocl_gemm_parts(s.m, TILED_TS) * ocl_gemm_parts(s.n, TILED_TS),
                      TILED_TS * TILED_TS);
}

static ir_status blocked_setup(ir_run *r)
{
    ocl_dev      *d = ocl_of(r->dev);
    wl_gemm_shape sh = wl_gemm_of(&r->p);
    plan         *p = ocl_plan(r, sizeof *p);
    size_t        width = r->p.dtype == IR_F64 ? 8 : 4;
    if (!p) return IR_ENOMEM;
    p->slim = d->cpu && sh.m <= SLIM_ROWS;
    if (p->slim)
        return simple_setup(r, "SLIM", "gemm_slim",
                            &(ocl_gemm_tile){.mr = sh.m < 6 ? (int)sh.m : 6, .nv = 4});
    ir_status s = ocl_gemm_init(d, ocl_gemm_kind_of(r->p.dtype), NULL, &p->g);
    if (s == IR_OK && d->cpu) s = ocl_buffer(d, width * ocl_gemm_packed_a(d, &p->g, sh.m, sh.k), &p->scratch);
    if (s == IR_OK && d->cpu) s = ocl_buffer(d, width * ocl_gemm_packed_b(d, &p->g, sh.n, sh.k), &p->packed);
    if (s != IR_OK) ocl_gemm_teardown(r);
    return s;
}

static ir_status blocked_run(ir_run *r, uint32_t reps)
{
    plan         *p = r->self;
    ocl_dev      *d = ocl_of(r->dev);
    wl_gemm_shape sh = wl_gemm_of(&r->p);
    cl_mem        A = ocl_mem_of(&r->mem[0]), B = ocl_mem_of(&r->mem[1]), C = ocl_mem_of(&r->mem[2]);
    ir_status     s = IR_OK;
    if (p->slim) return simple_run(r, reps, 8 * ocl_groups(d), 1);
    for (uint32_t i = 0; i < reps && s == IR_OK; i++) {
        if (d->cpu) s = ocl_gemm_pack_b(d, &p->g, B, 0, p->packed->mem, 0, sh.n, sh.k);
        if (s == IR_OK)
            s = ocl_gemm_run(d, &p->g, A, d->cpu ? p->packed->mem : B, 0, C, d->cpu ? p->scratch->mem : NULL,
                             sh.m, sh.n, sh.k, NULL);
    }
    return s;
}

static const ir_plan_ops gemm_plan_ops = {.destroy = ocl_gemm_teardown};

const ir_kernel ocl_gemm_naive = {.family = "gemm",
                                  .name = "naive",
                                  .doc = "one result per work-item",
                                  .flags = IR_K_NAIVE,
                                  .can_run = ocl_gemm_can_run,
                                  .plan = naive_setup,
                                  .run = ocl_gemm_naive_run,
                                  .ops = &gemm_plan_ops};
const ir_kernel ocl_gemm_tiled = {.family = "gemm",
                                  .name = "tiled",
                                  .doc = "square tiles in local memory",
                                  .flags = IR_K_NAIVE,
                                  .can_run = tiled_can_run,
                                  .plan = tiled_setup,
                                  .run = tiled_run,
                                  .ops = &gemm_plan_ops};
const ir_kernel ocl_gemm_register = {.family = "gemm",
                                     .name = "blocked",
                                     .doc = "register tiles, searched for; CPUs pack both inputs into panels",
                                     .can_run = ocl_gemm_can_run,
                                     .plan = blocked_setup,
                                     .run = blocked_run,
                                     .ops = &gemm_plan_ops};
