/* gemm.c -- C[m,n] = A[m,k] B[k,n]: the compute term of the law at large sizes, everything in between at
 * others. */
#include "kernels/workloads/gemm_util.h"

static const char *const dim[3] = {"m", "n", "k"}, *const tensor[3] = {"A", "B", "C"};

static ir_status workloads_gemm_valid(IR_SELF, const ir_params *p) { return gemm_mnk_valid(dim, p); }

static int workloads_gemm_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    return gemm_tensors(wl_gemm_of(p), p->dtype, tensor, out);
}

/* m, n, k; dtype; threads */
static const ir_params quick[] = {{{512, 512, 512}, IR_F32, 0},    {{1024, 1024, 1024}, IR_F32, 0},
                                  {{2048, 2048, 2048}, IR_F32, 0}, {{1024, 1024, 1024}, IR_F64, 0},
                                  {{16, 4096, 4096}, IR_F32, 0},   {{64, 4096, 4096}, IR_F32, 0}};
static const ir_params full[] = {
    {{128, 128, 128}, IR_F32, 0},    {{256, 256, 256}, IR_F32, 0},    {{512, 512, 512}, IR_F32, 0},
    {{1024, 1024, 1024}, IR_F32, 0}, {{1024, 1024, 1024}, IR_F32, 1}, {{2048, 2048, 2048}, IR_F32, 0},
    {{2048, 2048, 2048}, IR_F32, 1}, {{4096, 4096, 4096}, IR_F32, 0}, {{1000, 1000, 1000}, IR_F32, 0},
    {{512, 512, 512}, IR_F64, 0},    {{1024, 1024, 1024}, IR_F64, 0}, {{2048, 2048, 2048}, IR_F64, 0},
    {{2048, 2048, 2048}, IR_F64, 1}, {{16, 4096, 4096}, IR_F32, 0},   {{64, 4096, 4096}, IR_F32, 0},
    {{4096, 64, 4096}, IR_F32, 0},   {{4096, 4096, 64}, IR_F32, 0},   {{1024, 1024, 1024}, IR_BF16, 0},
    {{2048, 2048, 2048}, IR_BF16, 0}};
static const ir_params odd[] = {
    {{1, 1, 1}, IR_F32, 0},       {{1, 1, 1}, IR_F64, 0},       {{1, 1, 1}, IR_BF16, 0},
    {{3, 5, 7}, IR_F32, 0},       {{3, 5, 7}, IR_F64, 0},       {{3, 5, 7}, IR_BF16, 0},
    {{17, 33, 65}, IR_F32, 0},    {{17, 33, 65}, IR_F64, 0},    {{17, 33, 65}, IR_BF16, 0},
    {{64, 64, 1}, IR_F32, 0},     {{64, 64, 1}, IR_F64, 0},     {{1, 100, 100}, IR_F32, 0},
    {{1, 100, 100}, IR_F64, 0},   {{1, 100, 100}, IR_BF16, 0},  {{100, 1, 100}, IR_F32, 0},
    {{100, 1, 100}, IR_F64, 0},   {{8, 257, 129}, IR_F32, 0},   {{13, 300, 77}, IR_F32, 0},
    {{127, 129, 131}, IR_F32, 0}, {{127, 129, 131}, IR_F64, 0}, {{127, 129, 131}, IR_BF16, 0},
    {{257, 31, 97}, IR_F32, 0},   {{257, 31, 97}, IR_F64, 0},   {{5, 70, 1031}, IR_F32, 0},
    {{129, 65, 1031}, IR_F32, 0}, {{129, 65, 1031}, IR_F64, 0}, {{500, 40, 300}, IR_BF16, 0},
    {{300, 320, 310}, IR_F32, 0}, {{300, 320, 310}, IR_F64, 0}};

const ir_workload wl_gemm = {.name = "gemm",
                             .family = "gemm",
                             .doc = "C[m,n] = A[m,k] B[k,n], row-major; B is the weight matrix",
                             .param = {"m", "n", "k"},
                             .defaults = {{1024, 1024, 1024}, IR_F32, 0},
                             .dtypes = 1u << IR_F64 | 1u << IR_F32 | 1u << IR_TF32 | 1u << IR_F16 |
                                       1u << IR_BF16 | 1u << IR_F8 | 1u << IR_I8,
                             .quick = quick,
                             .nquick = sizeof quick / sizeof *quick,
                             .full = full,
                             .nfull = sizeof full / sizeof *full,
                             .odd = odd,
                             .nodd = sizeof odd / sizeof *odd,
                             .valid = workloads_gemm_valid,
                             .cost = gemm_mnk_cost,
                             .tensors = workloads_gemm_tensors,
                             .fill = gemm_mnk_fill,
                             .check = gemm_mnk_check};
