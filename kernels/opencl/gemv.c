/* gemv.c -- y = W x: every weight is read once, in vectors, by groups that take neighbouring rows. */
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/opencl/linear.h"

#include <stdlib.h>
#include <string.h>

static int ocl_gemv_type_of(ir_dtype t) { return t == IR_BF16 ? 1 : t == IR_I8 ? 2 : t == IR_F16 ? 3 : 0; }

/* On a CPU one row at a time is one read stream, and every weight meets one input; with more inputs two rows
 * share their loads. More groups than units: who is done first takes the next. */
ir_status ocl_linear_init(ocl_dev *d, ir_dtype w, ir_dtype xt, ir_dtype T, int rows, bool epilogue,
                          ocl_linear *l)
{
    char options[192];
    int  v = d->cpu ? (T == IR_F64 ? 8 : 16) : 4, u = rows == 1 ? 4 : rows <= 4 ? 2 : 1;
    int  r = d->cpu ? (rows == 1 ? 1 : 2) : rows == 1 ? 4 : rows <= 4 ? 2 : 1;
    *l = (ocl_linear){.local = d->cpu ? 1 : 64, .rows = rows, .epilogue = epilogue};
    while (l->local > d->max_group) l->local /= 2;
    snprintf(options, sizeof options,
             "-DT=%s -DWT=%d -DXT=%d -DV=%d -DR=%d -DU=%d -DROWS=%d -DLS=%zu -DEPI=%d",
             T == IR_F64 ? "double" : "float", ocl_gemv_type_of(w), ocl_gemv_type_of(xt), v, r, u, rows,
             l->local, epilogue);
    return ocl_kernel(d, "linear", options, "linear", &l->kernel);
}

ir_status ocl_linear_run(ocl_dev *d, const ocl_linear *l, cl_mem W, size_t W_at, cl_mem x, cl_mem y, size_t N,
                         size_t K, const ocl_epilogue *e)
{
    cl_uint       n = (cl_uint)N, k = (cl_uint)K, rows = (cl_uint)l->rows;
    cl_ulong      at = W_at;
    const ocl_arg a[] = {OCL_A(W), OCL_A(x), OCL_A(y), OCL_A(n), OCL_A(k), OCL_A(rows), OCL_A(at)};
    size_t        groups = d->units * 16u, blocks = l->local == 1 ? (N + 15) / 16 : (N + 3) / 4;
    ir_status     s = ocl_args(l->kernel, a, 7);
    if (s == IR_OK && l->epilogue) {
        const ocl_arg x6[] = {OCL_A(e->V),   OCL_A(e->b_at),    OCL_A(e->s_at),
                              OCL_A(e->add), OCL_A(e->has_add), OCL_A(e->act)};
        for (int i = 0; i < 6 && s == IR_OK; i++)
            s = OCL(clSetKernelArg(l->kernel, (cl_uint)(7 + i), x6[i].size, x6[i].p));
    }
    return s == IR_OK ? ocl_launch(d, l->kernel, groups < blocks ? groups : blocks, l->local) : s;
}

static ir_status ocl_gemv_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    wl_gemm_shape s = wl_gemv_of(p);
    (void)w;
    if (s.m > INT32_MAX || s.k > INT32_MAX) return ir_fail(IR_SKIP, "a dimension beyond 2^31");
    return ocl_has_dtype(ocl_of(dev), p->dtype);
}

static void ocl_gemv_teardown(ir_run *r)
{
    ocl_linear *l = r->self;
    if (!l) return;
    ocl_kernel_free(&l->kernel);
    free(l);
    r->self = NULL;
}

static ir_status ocl_gemv_setup(ir_run *r)
{
    ocl_linear *l = ocl_plan(r, sizeof *l);
    ir_dtype    t = r->p.dtype;
    if (!l) return IR_ENOMEM;
    ir_status s = ocl_linear_init(ocl_of(r->dev), t, t, t == IR_F64 ? IR_F64 : IR_F32, 1, false, l);
    if (s != IR_OK) ocl_gemv_teardown(r);
    return s;
}

static ir_status ocl_gemv_run(ir_run *r, uint32_t reps)
{
    wl_gemm_shape sh = wl_gemv_of(&r->p);
    cl_mem        W = ocl_mem_of(&r->mem[0]), x = ocl_mem_of(&r->mem[1]), y = ocl_mem_of(&r->mem[2]);
    ir_status     s = IR_OK;
    for (uint32_t i = 0; i < reps && s == IR_OK; i++)
        s = ocl_linear_run(ocl_of(r->dev), r->self, W, 0, x, y, sh.m, sh.k, NULL);
    return s;
}

static const ir_plan_ops gemv_plan_ops = {.destroy = ocl_gemv_teardown};

const ir_kernel ocl_gemv_rows = {.family = "gemv",
                                 .name = "rows",
                                 .doc = "rows in vectors, read in the order in which they lie",
                                 .can_run = ocl_gemv_can_run,
                                 .plan = ocl_gemv_setup,
                                 .run = ocl_gemv_run,
                                 .ops = &gemv_plan_ops};
