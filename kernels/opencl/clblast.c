/* clblast.c -- the products through CLBlast, a tuned library of OpenCL kernels: what a user of a library
 * gets. Its own tuning data applies; it builds its kernels at its first call, in plan(). bf16 it does not
 * know. */
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/opencl/ocl.h"

#if IR_HAVE_CLBLAST
#include <clblast_c.h>

static ir_status called(CLBlastStatusCode code, const char *what)
{
    if (code == CLBlastSuccess) return IR_OK;
    return ir_fail((int)code <= -1000 ? IR_SKIP : IR_ENOMEM, "clblast: %s failed with code %d", what,
                   (int)code);
}

static ir_status multiply(ir_run *r, uint32_t reps)
{
    ocl_dev      *d = ocl_of(r->dev);
    wl_gemm_shape s = wl_gemm_of(&r->p);
    cl_mem        a = ocl_mem_of(&r->mem[0]), b = ocl_mem_of(&r->mem[1]), c = ocl_mem_of(&r->mem[2]);
    ir_status     st = IR_OK;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++)
        st = r->p.dtype == IR_F64
                 ? called(CLBlastDgemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeNo, s.m,
                                       s.n, s.k, 1, a, 0, s.k, b, 0, s.n, 0, c, 0, s.n, &d->queue, NULL),
                          "Dgemm")
                 : called(CLBlastSgemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeNo, s.m,
                                       s.n, s.k, 1, a, 0, s.k, b, 0, s.n, 0, c, 0, s.n, &d->queue, NULL),
                          "Sgemm");
    return st;
}

static ir_status multiply_vector(ir_run *r, uint32_t reps)
{
    ocl_dev      *d = ocl_of(r->dev);
    wl_gemm_shape s = wl_gemv_of(&r->p);
    cl_mem        a = ocl_mem_of(&r->mem[0]), x = ocl_mem_of(&r->mem[1]), y = ocl_mem_of(&r->mem[2]);
    ir_status     st = IR_OK;
    const double  zero = 0; /* its gemv multiplies the old y by beta = 0, and what is in y may be NaN */
    size_t        width = r->p.dtype == IR_F64 ? 8 : 4;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) {
        st = OCL(clEnqueueFillBuffer(d->queue, y, &zero, width, 0, width * s.m, 0, NULL, NULL));
        if (st != IR_OK) break;
        st = r->p.dtype == IR_F64 ? called(CLBlastDgemv(CLBlastLayoutRowMajor, CLBlastTransposeNo, s.m, s.k,
                                                        1, a, 0, s.k, x, 0, 1, 0, y, 0, 1, &d->queue, NULL),
                                           "Dgemv")
                                  : called(CLBlastSgemv(CLBlastLayoutRowMajor, CLBlastTransposeNo, s.m, s.k,
                                                        1, a, 0, s.k, x, 0, 1, 0, y, 0, 1, &d->queue, NULL),
                                           "Sgemv");
    }
    return st;
}

static ir_status ocl_clblast_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)w;
    if (p->dtype != IR_F64 && p->dtype != IR_F32)
        return ir_fail(IR_SKIP, "CLBlast: f64 and f32, not %s", ir_dtype_name(p->dtype));
    return ocl_has_dtype(ocl_of(dev), p->dtype);
}
#else
static ir_status ocl_clblast_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w, (void)p;
    return ir_fail(IR_SKIP, "built without CLBlast (libclblast-dev)");
}

static ir_status multiply(ir_run *r, uint32_t reps)
{
    (void)reps;
    return ocl_clblast_can_run(r->dev, r->workload, &r->p);
}
#define multiply_vector multiply
#endif

const ir_kernel ocl_gemm_clblast = {.family = "gemm",
                                    .name = "clblast",
                                    .doc = "CLBlast's gemm",
                                    .flags = IR_K_LIB,
                                    .can_run = ocl_clblast_can_run,
                                    .run = multiply};
const ir_kernel ocl_gemv_clblast = {.family = "gemv",
                                    .name = "clblast",
                                    .doc = "CLBlast's gemv",
                                    .flags = IR_K_LIB,
                                    .can_run = ocl_clblast_can_run,
                                    .run = multiply_vector};
