/* cli_workloads.h -- a small table of made-up workloads for tests of the command line: shapes, grids and
 * refusals, no data. */
#ifndef IR_TEST_CLI_WORKLOADS_H
#define IR_TEST_CLI_WORKLOADS_H
#include "harness/ironroof.h"

static ir_status stream_valid(IR_SELF, const ir_params *p)
{
    if (p->v[0] < 8) return ir_fail(IR_EINVAL, "bytes=%lld: give 8 or more", (long long)p->v[0]);
    if (p->v[1] < 1 || p->v[1] > 8)
        return ir_fail(IR_EINVAL, "streams=%lld: give 1 to 8", (long long)p->v[1]);
    return IR_OK;
}

static ir_status chase_valid(IR_SELF, const ir_params *p)
{
    if (p->threads > 1) return ir_fail(IR_EINVAL, "threads=%d: it has one chain of loads", p->threads);
    if (p->v[0] < 64 || p->v[1] < 0)
        return ir_fail(IR_EINVAL, "bytes=%lld: give 64 or more", (long long)p->v[0]);
    return IR_OK;
}

static const ir_params stream_quick[] = {{{1 << 20, 1}, IR_F64, 0}};
static const ir_params stream_full[] = {
    {{1 << 20, 1}, IR_F64, 0}, {{1 << 20, 1}, IR_F64, 1}, {{1 << 24, 2}, IR_F32, 0}};
static const ir_params chase_quick[] = {{{1 << 20, 0}, IR_F64, 1}};
static const ir_params gemm_quick[] = {{{64, 64, 64}, IR_F32, 0}, {{512, 512, 512}, IR_F32, 0}};
static const ir_params net_quick[] = {{{1, 128}, IR_F32, 0}, {{8, 128}, IR_F32, 0}};

#define STREAM_WORKLOAD \
    .family = "stream", .doc = "", .param = {"bytes", "streams"}, .defaults = {{1 << 28, 1}, IR_F64, 0}, \
    .dtypes = 1u << IR_F64 | 1u << IR_F32, .quick = stream_quick, .nquick = 1, .full = stream_full, \
    .nfull = 3, .valid = stream_valid
static const ir_workload copy_workload = {.name = "copy", STREAM_WORKLOAD};
static const ir_workload triad_workload = {.name = "triad", STREAM_WORKLOAD};
/* v[1] = 0 is a value of its own here: its valid() takes it. */
static const ir_workload chase_workload = {.name = "chase",
                                           .family = "latency",
                                           .doc = "",
                                           .param = {"bytes", "pages"},
                                           .defaults = {{1 << 28, 0}, IR_F64, 1},
                                           .dtypes = 1u << IR_F64,
                                           .quick = chase_quick,
                                           .nquick = 1,
                                           .full = chase_quick,
                                           .nfull = 1,
                                           .valid = chase_valid};
static const ir_workload gemm_workload = {.name = "gemm",
                                          .family = "gemm",
                                          .doc = "",
                                          .param = {"m", "n", "k"},
                                          .defaults = {{0, 0, 64}, IR_F32, 0},
                                          .dtypes = 1u << IR_F64 | 1u << IR_F32 | 1u << IR_BF16,
                                          .quick = gemm_quick,
                                          .nquick = 2,
                                          .full = gemm_quick,
                                          .nfull = 2};
/* No point in the full profile. */
static const ir_workload        net_workload = {.name = "net",
                                                .family = "net",
                                                .doc = "",
                                                .param = {"batch", "seq"},
                                                .defaults = {{1, 128}, IR_F32, 0},
                                                .dtypes = 1u << IR_F32 | 1u << IR_BF16,
                                                .quick = net_quick,
                                                .nquick = 2};
static const ir_workload *const cli_workloads[] = {&copy_workload, &triad_workload, &chase_workload,
                                                   &gemm_workload, &net_workload,   NULL};
#endif
