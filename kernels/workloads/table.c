/* table.c -- see table.h. A workload is one file and one entry here. */
#include "kernels/workloads/table.h"
#include "kernels/workloads/workloads_compute.h"
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/workloads/workloads_matrix.h"
#include "kernels/workloads/workloads_memory.h"
#include "kernels/workloads/workloads_nets.h"

const ir_workload *const ir_workloads[] = {
    &wl_read,        &wl_write,     &wl_copy,    &wl_scale,     &wl_add,        &wl_triad,
    &wl_chase,       &wl_gather,    &wl_clock,   &wl_fma,       &wl_mma,        &wl_forkjoin,
    &wl_local,       &wl_transfer,  &wl_overlap, &wl_gemm,      &wl_batchmm,    &wl_gemv,
    &wl_conv,        &wl_linear,    &wl_norm,    &wl_softmax,   &wl_act,        &wl_add2,
    &wl_embed,       &wl_attention, &wl_chain,   &wl_normchain, &wl_resnet50,   &wl_mobilenetv2,
    &wl_gpt2,        &wl_gpt,       &wl_llama,   &wl_dscnn,     &wl_bag,        &wl_dlrm,
    &wl_bert,        &wl_vit,       &wl_moe,     &wl_mixtral,   &wl_gemv_twice, &wl_resnet50_shared,
    &wl_gpt2_shared, NULL};
