/* gemm_util.h -- shape rules, cost, filling and truth shared by gemm, batchmm and gemv; the last is a product
 * with one column. */
#ifndef GEMM_UTIL_H
#define GEMM_UTIL_H
#include "kernels/workloads/workloads_gemm.h"
/* IR_EINVAL with a reason: a dimension below 1 (`name`: as the user knows the three), a tensor of more than
 * 2^46 B. */
ir_status gemm_valid(const char *const name[3], wl_gemm_shape s, ir_dtype);
/* 2mnk flops; every tensor once. weights: which of the inputs 0, 1 is the weight matrix. */
ir_cost gemm_cost(wl_gemm_shape s, ir_dtype, int weights);
int     gemm_tensors(wl_gemm_shape s, ir_dtype, const char *const name[3], ir_tensor *out);
/* n values uniform in [-1, 1), at any address. */
void gemm_fill(ir_dtype, void *host, size_t n, uint64_t seed);
/* Is c = a b? Small products: every element recomputed in double. Large ones: Freivalds, c r = a (b r) for a
 * random vector r, row by row, and 64 elements recomputed. No kernel's code is shared. Errors are relative to
 * the Cauchy-Schwarz bound |a_i| |b_j| of an element (|a_i| |b|_F of a row); for random signs rounding stays
 * near eps/4 there whatever k and the order of additions, never above k eps; tol is min(k+2, 16) eps. */
void gemm_check(wl_gemm_shape s, ir_dtype, const void *a, const void *b, const void *c, ir_check *out);

/* The same for workloads whose parameters are the three dimensions of wl_gemm_of(): gemm and batchmm. */
ir_status gemm_mnk_valid(const char *const name[3], const ir_params *);
ir_cost   gemm_mnk_cost(IR_SELF, const ir_params *);
void      gemm_mnk_fill(IR_SELF, const ir_params *, int t, void *host, uint64_t seed);
void      gemm_mnk_check(IR_SELF, const ir_params *, const void *const *before, const void *const *after,
                         ir_check *out);
#endif
