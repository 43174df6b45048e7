/* test_cuda_kernels.cc -- every CUDA kernel on every awkward shape of its workload against the oracle,
 * emulated on the host: logic, index arithmetic, fragment layouts, and (under AddressSanitizer) bounds. Both
 * orders of threads and both extremes of what is asynchronous take turns over shapes and types, so that a
 * result that depends on a missing barrier or wait differs. Not covered: speed, memory ordering between
 * blocks, and what nvcc makes of the code. An argument restricts the run to kernels whose id holds it;
 * cuda/resnet50 takes minutes and is run only when named. Two more arguments: multiprocessors, capability. */
#include "tests/cuda/fake.h"
#include "kernels/workloads/workloads_compute.h"
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/workloads/workloads_matrix.h"
#include "kernels/workloads/workloads_memory.h"
#include "kernels/workloads/workloads_nets.h"
#include "harness/measure/measure.h"
#include "kernels/cuda/device.cuh"

#include <chrono>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ir_workload *const workloads[] = {
    &wl_read,   &wl_write,   &wl_copy,  &wl_scale,     &wl_add,      &wl_triad,       &wl_chase,
    &wl_gather, &wl_fma,     &wl_mma,   &wl_forkjoin,  &wl_local,    &wl_transfer,    &wl_overlap,
    &wl_gemm,   &wl_batchmm, &wl_gemv,  &wl_conv,      &wl_linear,   &wl_norm,        &wl_softmax,
    &wl_act,    &wl_add2,    &wl_embed, &wl_attention, &wl_resnet50, &wl_mobilenetv2, &wl_gpt2,
    &wl_gpt,    &wl_dscnn,   &wl_bag,   &wl_dlrm,      &wl_bert,     &wl_vit,         &wl_llama};
/* More than the workload's odd shapes: rows of whole 16 bytes that end inside the tiles of the matrix
 * kernels. */
static const ir_params more_gemm[] = {{{130, 264, 72}, IR_BF16, 0},
                                      {{257, 520, 200}, IR_BF16, 0},
                                      {{64, 64, 1024}, IR_BF16, 0},
                                      {{100, 72, 640}, IR_F32, 0}};
/* Attention in tiles: several tiles of keys, every size of head, rows that are not whole 16 bytes, a sequence
 * in the middle of a tile. */
static const ir_params more_attention[] = {
    {{2, 2, 128, 70, 5}, IR_BF16, 0}, {{1, 2, 64, 129, 37}, IR_BF16, 0}, {{2, 1, 80, 33, 64}, IR_BF16, 0},
    {{1, 2, 20, 66, 1}, IR_BF16, 0},  {{3, 1, 96, 1, 63}, IR_BF16, 0},   {{1, 2, 64, 1, 300}, IR_BF16, 0},
    {{1, 1, 256, 1, 150}, IR_BF16, 0}};
/* Networks that prefill in tiles: heads of 16, of 20, several sequences, rows cached before. */
static const ir_params more_gpt[] = {{{1, 32, 2, 31, 80, 2, 19, 7}, IR_BF16, 0},
                                     {{1, 40, 2, 31, 80, 1, 67, 0}, IR_BF16, 0}};
/* Rows in whole 16 bytes, several outputs a block. */
static const ir_params more_gemv[] = {
    {{40, 1032}, IR_BF16, 0}, {{20, 256}, IR_BF16, 0}, {{7, 64}, IR_BF16, 0}};
/* Rows in whole fours, and more than fit in shared memory. */
static const ir_params more_rows[] = {
    {{3, 1028}, IR_F32, 0}, {{2, 12288}, IR_F32, 0}, {{5, 4}, IR_F32, 0}, {{2, 12289}, IR_F32, 0}};
/* Steps of few rows over many keys: shares of them joined, new keys beside cached ones, heads of 16, 24, 96
 * and 128 columns. */
static const ir_params more_decode[] = {{{1, 32, 2, 31, 200, 1, 1, 150}, IR_BF16, 0},
                                        {{1, 48, 2, 31, 200, 2, 1, 100}, IR_BF16, 0},
                                        {{1, 96, 1, 31, 200, 1, 2, 131}, IR_BF16, 0},
                                        {{1, 128, 1, 31, 300, 1, 1, 255}, IR_BF16, 0}};
/* Weights in groups and a cache in i8, by the shapes of llama: few rows and many, zero points, shared heads.
 */
enum { G32 = 3, G32Z = 6, KV_I8 = 4 };
static const struct {
    int      shape;
    ir_dtype t;
    int      format, kv;
} more_llama[] = {
    {1, IR_I4, G32, KV_I8}, {4, IR_I4, G32Z, KV_I8}, {5, IR_I8, G32, 0}, {6, IR_I8, G32, KV_I8}};
static const ir_params resnet[] = {{{1, 32}, IR_F32, 0}};
static int             ok, skipped, wrong;

/* Shapes that take a fiber emulation minutes are left to the GPU; small ones cover the same paths. */
static bool affordable(const ir_workload *w, const ir_params *p)
{
    ir_cost c = w->cost(w, p);
    if (w == &wl_fma) return p->v[0] * p->v[1] * (p->v[2] ? p->v[2] : 1) <= 12 * 1024;
    if (!strcmp(w->family, "gpt")) return c.flops < 4e6;
    return c.flops < 3e7 && (c.footprint_B < 2e6 + 64 || c.flops > 0);
}

/* turns: the shapes and types of a kernel take the two orders in turn, so that each order meets many. */
static void verify(ir_dev *dev, const ir_workload *w, const ir_kernel *k, const ir_params *p, bool turns)
{
    static unsigned turn;
    ir_check        c;
    bool            reverse = turns && turn++ % 2;
    emu_reverse = emu_eager = reverse;
    ir_status st = ir_verify(dev, w, k, p, 42 + (uint64_t)reverse, 0, &c);
    ok += st == IR_OK;
    skipped += st == IR_SKIP;
    if (st == IR_OK || st == IR_SKIP) {
        turn -= turns && st == IR_SKIP; /* what did not run has had no turn */
        return;
    }
    wrong++;
    printf("FAIL cuda/%s/%s %s (", w->name, k->name, ir_dtype_name(p->dtype));
    for (int i = 0; w->param[i]; i++) printf("%s%s=%lld", i ? "," : "", w->param[i], (long long)p->v[i]);
    printf(")%s: %s\n", reverse ? " reversed" : "", ir_why());
}

/* Every shape in every dtype of the workload. limited: only what is affordable. */
static void verify_shapes(ir_dev *dev, const ir_workload *w, const ir_kernel *k, const ir_params *shape,
                          size_t n, bool limited)
{
    for (size_t i = 0; i < n; i++)
        for (int t = 0; t < IR_NDTYPE; t++) {
            ir_params p = shape[i];
            if (!(w->dtypes & (1u << t))) continue;
            p.dtype = (ir_dtype)t;
            p.threads = 0;
            /* A replay is the same work, and any shape the same walk: each once. */
            bool replay = strstr(k->name, "graph") != NULL;
            if (limited && !strcmp(w->family, "cnn") && (replay || i > 0 || t != IR_F32))
                continue; /* half a minute each */
            if (limited && replay && i > 0 && (!strcmp(w->family, "encoder") || !strcmp(w->family, "dlrm")))
                continue;
            bool once = i == 0 && t == IR_F8, walk = !strcmp(k->name, "launches");
            if (limited && w == &wl_llama && walk && (i / 2 != 2 || t != (i % 2 ? IR_F32 : IR_BF16)))
                continue;
            if (limited && w == &wl_gpt2 && walk && i != 1 && t != IR_F8) continue;
            if (limited && !strcmp(w->family, "gpt") &&
                (replay ? !once : w == &wl_gpt && (walk ? !once : i != 1)))
                continue;
            if ((w->valid && w->valid(w, &p) != IR_OK) || (limited && !affordable(w, &p))) continue;
            verify(dev, w, k, &p, limited && strcmp(w->family, "gpt") != 0);
        }
}

static void verify_llama(ir_dev *dev, const ir_kernel *k)
{
    for (const auto &x : more_llama) {
        ir_params p = wl_llama.odd[x.shape];
        p.dtype = x.t;
        p.v[WL_FORMAT] = x.format;
        p.v[WL_KV] = x.kv;
        verify(dev, &wl_llama, k, &p, false);
    }
}

static void verify_kernel(ir_dev *dev, const ir_workload *w, const ir_kernel *k, bool whole_nets)
{
    int  ok0 = ok, skipped0 = skipped, wrong0 = wrong;
    auto t0 = std::chrono::steady_clock::now();
    if (fake.cc != 80) verify_shapes(dev, w, k, w->odd, w->nodd, true); /* of sm_80 only what it has alone */
    if (w == &wl_gemm) verify_shapes(dev, w, k, more_gemm, sizeof more_gemm / sizeof *more_gemm, true);
    if (w == &wl_attention)
        verify_shapes(dev, w, k, more_attention, sizeof more_attention / sizeof *more_attention, true);
    if (w == &wl_gemv) verify_shapes(dev, w, k, more_gemv, sizeof more_gemv / sizeof *more_gemv, true);
    if (w == &wl_norm || w == &wl_softmax || w == &wl_act || w == &wl_add2)
        verify_shapes(dev, w, k, more_rows, sizeof more_rows / sizeof *more_rows, true);
    if (w == &wl_gpt && !strcmp(k->name, "launches"))
        verify_shapes(dev, w, k, more_gpt, sizeof more_gpt / sizeof *more_gpt, false);
    if (w == &wl_llama && !strcmp(k->name, "launches")) verify_llama(dev, k);
    bool few = !strcmp(k->name, "few") || !strcmp(k->name, "resident");
    if (w == &wl_gpt && few)
        verify_shapes(dev, w, k, more_decode, sizeof more_decode / sizeof *more_decode, false);
    if (whole_nets && w == &wl_resnet50 && !strcmp(k->name, "launches"))
        verify_shapes(dev, w, k, resnet, 1, false);
    double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - t0).count();
    printf("%s cuda/%s/%s: %d right, %d not possible here, %d wrong (%.1f s)\n",
           wrong > wrong0 ? "FAIL"
           : ok > ok0     ? "ok  "
                          : "none",
           w->name, k->name, ok - ok0, skipped - skipped0, wrong - wrong0, s);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    fake_reset();
    fake.sms = argc > 2 ? atoi(argv[2]) : 2; /* few: big tiles; many: small tiles, parts of k joined */
    if (argc > 3) fake.cc = atoi(argv[3]);
    emu_turing = fake.cc < 80;
    ir_dev dev = {};
    dev.be = &cuda_backend;
    if (cuda_backend.open(&dev, &fake_options) != IR_OK) return printf("open: %s\n", ir_why()), 1;
    for (const ir_workload *w : workloads)
        for (const ir_kernel *const *k = cuda_backend.kernels; *k; k++) {
            char id[128];
            snprintf(id, sizeof id, "cuda/%s/%s", w->name, (*k)->name);
            if (strcmp((*k)->family, w->family) == 0 && (argc < 2 || strstr(id, argv[1])))
                verify_kernel(&dev, w, *k, argc > 1);
        }
    ir_measure_release(&dev);
    cuda_backend.close(&dev);
    printf("%d right, %d not possible, %d wrong; %ld objects not freed\n", ok, skipped, wrong, fake.live);
    return wrong || !ok || fake.live;
}
