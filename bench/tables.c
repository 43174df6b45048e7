/* tables.c -- see tables.h. */
#include "bench/tables.h"
#include "kernels/workloads/workloads_compute.h"
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/workloads/workloads_matrix.h"
#include "kernels/workloads/workloads_memory.h"
#include "kernels/workloads/workloads_nets.h"
#include "harness/ideal.h"
#include "kernels/cpu/cpu.h"

#include <string.h>

#if IR_HAVE_CUDA
extern const ir_backend cuda_backend; /* its header needs the vendor's */
#endif
#if IR_HAVE_OPENCL
extern const ir_backend ocl_backend;
#endif

const ir_backend *const bench_backends[] = {&cpu_backend,
#if IR_HAVE_CUDA
                                            &cuda_backend,
#endif
#if IR_HAVE_OPENCL
                                            &ocl_backend,
#endif
                                            &ir_ideal_backend, NULL};

const ir_workload *const bench_workloads[] = {
    &wl_read, &wl_write, &wl_copy, &wl_scale, &wl_add, &wl_triad, &wl_chase, &wl_gather,
    &wl_clock, &wl_fma, &wl_mma, &wl_forkjoin, &wl_local, &wl_transfer, &wl_overlap,
    &wl_gemm, &wl_batchmm, &wl_gemv,
    &wl_conv, &wl_linear, &wl_norm, &wl_softmax, &wl_act, &wl_add2, &wl_embed, &wl_attention, &wl_chain, &wl_normchain,
    &wl_resnet50, &wl_mobilenetv2, &wl_gpt2, &wl_gpt, &wl_gemv_twice, &wl_resnet50_shared, &wl_gpt2_shared, NULL};

/* The law speaks of streams, arithmetic and launches; random access has its own ceilings. */
static const char *const law_families[] = {"stream", "peak", "launch", "gemm", "gemv", "conv", "linear", "cnn", "gpt"};

const ir_backend *bench_backend(const char *name)
{
    for (const ir_backend *const *b = bench_backends; *b; b++)
        if (!strcmp((*b)->name, name)) return *b;
    return NULL;
}

bool bench_in_law(const char *family)
{
    for (size_t i = 0; i < sizeof law_families / sizeof *law_families; i++)
        if (!strcmp(law_families[i], family)) return true;
    return false;
}
