/* batch.c -- Y[batch,n] = X[batch,k] W[k,n]: one layer at growing batch. The weights are read once whatever
 * the batch, so small batches cost the same and the arithmetic intensity grows with batch, until compute
 * binds. The kernels are gemm's. */
#include "kernels/workloads/gemm_util.h"

static const char *const dim[3] = {"batch", "n", "k"}, *const tensor[3] = {"X", "W", "Y"};

static ir_status batch_valid(IR_SELF, const ir_params *p) { return gemm_mnk_valid(dim, p); }

static int batch_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    return gemm_tensors(wl_gemm_of(p), p->dtype, tensor, out);
}

/* batch, n, k; dtype; threads */
#define LAYER(batch, type) \
    { \
        {batch, 4096, 4096}, type, 0 \
    }
static const ir_params quick[] = {LAYER(1, IR_F32), LAYER(4, IR_F32), LAYER(16, IR_F32), LAYER(64, IR_F32),
                                  LAYER(256, IR_F32)};
static const ir_params full[] = {
    LAYER(1, IR_F32),  LAYER(2, IR_F32),  LAYER(4, IR_F32),   LAYER(8, IR_F32),   LAYER(16, IR_F32),
    LAYER(32, IR_F32), LAYER(64, IR_F32), LAYER(128, IR_F32), LAYER(256, IR_F32), LAYER(1, IR_BF16),
    LAYER(2, IR_BF16), LAYER(4, IR_BF16), LAYER(8, IR_BF16),  LAYER(16, IR_BF16), LAYER(64, IR_BF16)};
static const ir_params odd[] = {{{1, 1, 1}, IR_F32, 0},      {{2, 70, 33}, IR_F32, 0},
                                {{7, 513, 129}, IR_F32, 0},  {{9, 130, 257}, IR_F64, 0},
                                {{6, 64, 64}, IR_BF16, 0},   {{15, 1025, 31}, IR_BF16, 0},
                                {{40, 200, 100}, IR_F32, 0}, {{70, 96, 50}, IR_F64, 0}};

const ir_workload wl_batchmm = {.name = "batchmm",
                                .family = "gemm",
                                .doc = "Y[batch,n] = X[batch,k] W[k,n]: one weight matrix, growing batch",
                                .param = {"batch", "n", "k"},
                                .defaults = {{0, 4096, 4096}, IR_F32, 0},
                                .dtypes = 1u << IR_F64 | 1u << IR_F32 | 1u << IR_BF16,
                                .quick = quick,
                                .nquick = sizeof quick / sizeof *quick,
                                .full = full,
                                .nfull = sizeof full / sizeof *full,
                                .odd = odd,
                                .nodd = sizeof odd / sizeof *odd,
                                .valid = batch_valid,
                                .cost = gemm_mnk_cost,
                                .tensors = batch_tensors,
                                .fill = gemm_mnk_fill,
                                .check = gemm_mnk_check};
