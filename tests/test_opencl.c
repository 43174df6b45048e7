/* test_opencl.c -- every OpenCL kernel against its oracle on odd shapes, in the layout of the first device
 * and (on a CPU, where both run) in the other one, with staged transfers. Not every dtype meets every shape:
 * each pair costs the runtime's compiler a program, and what is left out differs from what is kept by a
 * macro's value. Skipped visibly where the loader has no platform. */
#define _GNU_SOURCE
#include "kernels/workloads/workloads_compute.h"
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/workloads/workloads_memory.h"
#include "kernels/workloads/workloads_nets.h"
#include "tests/support/thin.h"
#include "tests/opencl_device.h"

/* Bounds the number of programs: which (shape, dtype) of a workload's odd grid is tried. */
static bool kept(const ir_workload *w, const ir_kernel *k, const ir_params *p, bool wide)
{
    const char *f = w->family;
    bool        f32 = p->dtype == IR_F32;
    if (!strcmp(f, "stream")) {
        if (wide && w != &wl_read && w != &wl_triad) return false;
        return (p->v[1] == 1 && f32 == (w == &wl_copy || w == &wl_add)) ||
               (p->v[1] == 4 && f32 != (w == &wl_copy || w == &wl_add));
    }
    if (!strcmp(f, "peak")) return p->v[0] == 8 || (p->v[0] == 24 && !wide);
    if (!strcmp(k->name, "clblast")) return f32;
    if (!strcmp(f, "gemm"))
        return f32 || (!wide && (p->dtype == IR_F64 ? p->v[0] > 60 : p->v[0] == 17 || p->v[0] == 500));
    if (!strcmp(f, "gemv")) return f32 || !wide;
    if (!strcmp(f, "linear"))
        return (p->v[0] == 1 || p->v[0] == 17 || (f32 && p->v[0] % 8 <= 2)) && (f32 || !wide);
    if (!strcmp(f, "conv")) return f32 || (!wide && (p->v[3] == 64 || p->v[9] > 1));
    if (!strcmp(f, "cnn"))
        return p == &w->odd[0] || (p->v[1] == 32 && (f32 || (!wide && p->dtype == IR_BF16)));
    if (w == &wl_llama) /* one point of each kind of row: building kernels is what takes the time */
        return p->v[WL_PAST] == (f32 ? 5 : p->dtype == IR_I4 ? 9 : -1);
    if (!strcmp(f, "gpt")) return f32 ? p->v[1] != 2 : !wide && p->v[1] == 1 && p->v[3] == 47;
    return f32 || !wide || p->dtype == IR_F64;
}

typedef struct {
    int ok, skip;
} tally;

static void verify(ir_dev *d, const ir_workload *w, const ir_kernel *k, const ir_params *p, tally *n)
{
    ir_check  c;
    ir_status s = ir_verify(d, w, k, p, 42, 0, &c);
    if (s == IR_OK)
        n->ok++;
    else if (s == IR_SKIP)
        n->skip++;
    else
        fail_msg("%s/%s v=%lld,%lld,%lld,%lld,%lld %s: %s", w->name, k->name, (long long)p->v[0],
                 (long long)p->v[1], (long long)p->v[2], (long long)p->v[3], (long long)p->v[4],
                 ir_dtype_name(p->dtype), ir_why());
}

/* A library may be absent; a read has no store to stream; lanes are of types that a device may lack. */
static bool may_refuse_all(const ir_dev *d, const ir_workload *w, const ir_kernel *k)
{
    const ocl_dev *o = ocl_of(d);
    if (k->flags & IR_K_LIB || (w == &wl_read && k->flags & IR_K_NT)) return true;
    return w == &wl_fma && !strcmp(k->name, "lane") && !o->fp16 && !o->idot8;
}

/* Every kernel of the workload's family; at least one of the shapes tried must run, but for what
 * may_refuse_all() says. */
static void verify_workload(ir_dev *d, const ir_workload *w, bool wide, int *ran)
{
    for (const ir_kernel *const *k = ocl_backend.kernels; *k; k++) {
        tally n = {0};
        if (strcmp((*k)->family, w->family) != 0) continue;
        for (size_t i = 0; i < w->nodd; i++)
            for (uint32_t t = 0; t < IR_NDTYPE; t++) {
                ir_params p = w->odd[i];
                p.dtype = (ir_dtype)t;
                p.threads = 0;
                if (w->dtypes & 1u << t && (!w->valid || w->valid(w, &p) == IR_OK) && kept(w, *k, &p, wide) &&
                    !(n.ok && thin_skips((*k)->name, i * IR_NDTYPE + t)))
                    verify(d, w, *k, &p, &n);
            }
        print_message("%s/%s%s: %d shapes right, %d not possible here\n", w->name, (*k)->name,
                      wide ? " (wide)" : "", n.ok, n.skip);
        if (n.skip && !n.ok && !may_refuse_all(d, w, *k))
            fail_msg("%s/%s ran no shape: %s", w->name, (*k)->name, ir_why());
        *ran += n.ok;
    }
}

static void verify_these(const ir_workload *const *w, bool wide)
{
    ir_dev d;
    int    ran = 0;
    ocl_take(&d, wide);
    for (; *w; w++) verify_workload(&d, *w, wide, &ran);
    assert_true(ran > 0);
    ocl_give(&d);
}

static const ir_workload *const memory[] = {&wl_read,  &wl_write, &wl_copy,   &wl_scale,    &wl_add,
                                            &wl_triad, &wl_chase, &wl_gather, &wl_transfer, NULL};
static const ir_workload *const compute[] = {&wl_fma,     &wl_forkjoin, &wl_local, &wl_gemm,
                                             &wl_batchmm, &wl_gemv,     NULL};
static const ir_workload *const layers[] = {&wl_conv, &wl_linear, &wl_norm,      &wl_softmax, &wl_act,
                                            &wl_add2, &wl_embed,  &wl_attention, NULL};
static const ir_workload *const networks[] = {&wl_resnet50, &wl_mobilenetv2, &wl_gpt2, &wl_llama, &wl_dscnn,
                                              &wl_dlrm,     &wl_bert,        &wl_vit,  &wl_bag,   NULL};

static void test_memory(void **state) { (void)state, verify_these(memory, false); }
static void test_compute(void **state) { (void)state, verify_these(compute, false); }
static void test_layers(void **state) { (void)state, verify_these(layers, false); }
static void test_networks(void **state) { (void)state, verify_these(networks, false); }
static void test_memory_wide(void **state) { (void)state, verify_these(memory, true); }
static void test_compute_wide(void **state) { (void)state, verify_these(compute, true); }
static void test_layers_wide(void **state) { (void)state, verify_these(layers, true); }
static void test_networks_wide(void **state) { (void)state, verify_these(networks, true); }

/* An argument picks a part, so that ctest runs the parts side by side. */
int main(int argc, char **argv)
{
    const struct CMUnitTest narrow[] = {cmocka_unit_test(test_memory), cmocka_unit_test(test_compute),
                                        cmocka_unit_test(test_layers), cmocka_unit_test(test_networks)};
    const struct CMUnitTest wide[] = {cmocka_unit_test(test_memory_wide), cmocka_unit_test(test_compute_wide),
                                      cmocka_unit_test(test_layers_wide),
                                      cmocka_unit_test(test_networks_wide)};
    int                     failed = 0;
    if (argc < 2 || !strcmp(argv[1], "narrow"))
        failed += cmocka_run_group_tests_name("narrow", narrow, NULL, NULL);
    if (argc < 2 || !strcmp(argv[1], "wide")) failed += cmocka_run_group_tests_name("wide", wide, NULL, NULL);
    return failed;
}
