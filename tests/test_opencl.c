/* test_opencl.c -- the OpenCL backend on whatever devices the loader offers. */
#include "bench/workloads/workloads_compute.h"
#include "bench/workloads/workloads_gemm.h"
#include "bench/workloads/workloads_memory.h"
#include "harness/measure/measure.h"
#include "kernels/opencl/ocl.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const ir_workload *const workloads[] = {&wl_read, &wl_write, &wl_copy, &wl_scale, &wl_add, &wl_triad, &wl_chase, &wl_gather, &wl_fma, &wl_forkjoin, &wl_local, &wl_transfer, &wl_gemm, &wl_batchmm, &wl_gemv};
static double now(void) { return ir_now(); }
int main(int argc, char **argv)
{
    ir_dev d = {.be = &ocl_backend};
    ocl_next_options.wide = argc > 1 && strchr(argv[1], 'w');
    ocl_next_options.staged = argc > 1 && strchr(argv[1], 's');
    ir_device_info info;
    if (ocl_backend.open(&d) != IR_OK) { printf("%s\n", ir_why()); return 1; }
    ocl_backend.describe(&d, &info);
    printf("%s %s %s\n%s\n", info.id, info.name, info.driver, info.limits);
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
        for (const ir_kernel *const *k = ocl_backend.kernels; *k; k++) {
            const ir_workload *w = workloads[i];
            if (strcmp((*k)->family, w->family) || (argc > 2 && strcmp(w->family, argv[2]))) continue;
            int ok = 0, skip = 0, bad = 0;
            double t = now();
            for (size_t o = 0; o < w->nodd; o++)
                for (uint32_t ty = 0; ty < IR_NDTYPE; ty++) {
                    ir_params p = w->odd[o];
                    ir_check c;
                    if (!(w->dtypes & 1u << ty)) continue;
                    p.dtype = (ir_dtype)ty;
                    if (w->valid && w->valid(&p) != IR_OK) continue;
                    ir_status s = ir_verify(&d, w, *k, &p, 42, 0, &c);
                    if (s == IR_OK) ok++;
                    else if (s == IR_SKIP) skip++;
                    else if (bad++ < 2) printf("FAIL %lld,%lld,%lld,%lld %s: %s\n", (long long)p.v[0], (long long)p.v[1], (long long)p.v[2], (long long)p.v[3], ir_dtype_name(p.dtype), ir_why());
                }
            printf("%s/%s ok %d skip %d bad %d  %.2f s\n", w->name, (*k)->name, ok, skip, bad, now() - t);
        }
    ir_measure_release(&d);
    ocl_backend.close(&d);
    for (int i = 0; i < OCL_NKIND; i++) printf("%ld ", ocl_calls.live[i]);
    printf("live\n");
    return 0;
}
