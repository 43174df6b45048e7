/* test_cuda_planted.cc -- the emulator finds what it is there to find: faults planted in the warp-group
 * products and in those by pairs of blocks (tests/cuda/plant.cmake), each run in a process of its own at both
 * extremes of what is asynchronous; and descriptors, bit by bit and byte by byte. */
#include "tests/cuda/fake.h"
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/product.h"
#include "kernels/cuda/wgmma.cuh"

#include <set>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern "C" {
#define X(kernel, name) ir_status pr_##kernel##_##name(cuda_dev *, pr_unit, const pr_args *);
#include "tests/cuda/planted.h"
#undef X
}
static int bad;
#define CHECK(c) \
    do { \
        if (!(c)) { \
            printf("FAIL line %d: %s\n", __LINE__, #c); \
            bad++; \
        } \
    } while (0)

/* ---- products with a fault ------------------------------------------------------------------- */
typedef ir_status product_fn(cuda_dev *, pr_unit, const pr_args *);
enum { M = 130, N = 264, K = 448 }; /* seven tiles of k: the ring goes round */

static float value(unsigned i, unsigned j)
{
    return (float)((int)(ir_hash32(7 + j, i) % 5) - 2);
} /* sums of such are exact */

/* Is the product right? All sums are small integers. */
static bool right(ir_dev *dev, product_fn *f, bool n_major)
{
    std::vector<__half> a((size_t)M * K), b((size_t)N * K);
    std::vector<float>  c((size_t)M * N, NAN), want((size_t)M * N, 0), fa((size_t)M * K), fb((size_t)N * K);
    for (unsigned i = 0; i < M * K; i++) a[i] = __float2half_rn(fa[i] = value(i, 0));
    for (unsigned i = 0; i < N * K; i++) fb[i] = value(i, 1);
    for (unsigned n = 0; n < N; n++)
        for (unsigned k = 0; k < K; k++) b[n_major ? k * N + n : n * K + k] = __float2half_rn(fb[n * K + k]);
    for (size_t m = 0; m < M; m++)
        for (size_t n = 0; n < N; n++)
            for (size_t k = 0; k < K; k++) want[m * N + n] += fa[m * K + k] * fb[n * K + k];
    pr_args p;
    memset(&p, 0, sizeof p);
    p.a = a.data(), p.b = b.data(), p.out = c.data();
    p.M = M, p.N = N, p.K = K;
    p.n_major = n_major;
    p.fast_a = p.fast_b = p.four = true;
    p.out_t = PR_F32;
    p.splits = 1;
    return f(cuda_of(dev), PR_MMA_F16, &p) == IR_OK &&
           !memcmp(c.data(), want.data(), c.size() * sizeof(float));
}

/* In a process of its own, because the emulator may give up. 0: right. */
static int outcome(product_fn *f, bool eager, bool reverse, bool n_major)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        fake_reset();
        ir_dev dev = {};
        dev.be = &cuda_backend;
        if (!freopen("/dev/null", "w", stderr)) _exit(3);
        if (cuda_backend.open(&dev, &fake_options) != IR_OK) _exit(3);
        emu_eager = eager;
        emu_reverse = reverse;
        _exit(right(&dev, f, n_major) ? 0 : 1);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return status;
}

static void products()
{
    static const struct {
        const char *name;
        product_fn *f;
    } all[] = {
#define X(kernel, name) {#kernel "/" #name, pr_##kernel##_##name},
#include "tests/cuda/planted.h"
#undef X
    };
    for (const auto &x : all) {
        int found = 0, runs = 0;
        for (int which = 0; which < 8 && !found; which++, runs++)
            found += outcome(x.f, which & 1, which & 2, which & 4) != 0;
        bool none = strstr(x.name, "/nothing") != NULL;
        printf("%-4s planted %-18s %s in %d runs\n", none == (found == 0) ? "ok" : "FAIL", x.name,
               found ? "found" : "not found", runs);
        fflush(stdout);
        bad += none != (found == 0);
    }
}

/* ---- descriptors ----------------------------------------------------------------------------- */
/* The PTX ISA's fields: start 0-13, leading 16-29, stride 32-45, each in 16 bytes; base offset 49-51; swizzle
 * 62-63, 1: 128 bytes. */
static void fields()
{
    static const uint32_t values[] = {0, 16, 32, 128, 1024, 8192, 16384, 49152, 0x3FFF0};
    for (uint32_t start : values)
        for (uint32_t lead : values)
            for (uint32_t stride : values) {
                uint64_t d = wg_descriptor(start, lead, stride), want = 0;
                for (int bit = 0; bit < 14; bit++) {
                    want |= (uint64_t)(start >> (4 + bit) & 1) << bit;
                    want |= (uint64_t)(lead >> (4 + bit) & 1) << (16 + bit);
                    want |= (uint64_t)(stride >> (4 + bit) & 1) << (32 + bit);
                }
                want |= (uint64_t)1 << 62;
                if (d != want)
                    printf("descriptor of %u, %u, %u: %016llx, not %016llx\n", start, lead, stride,
                           (unsigned long long)d, (unsigned long long)want),
                        bad++;
            }
    CHECK(wg_descriptor(0x40000 + 64, 16, 1024) ==
          wg_descriptor(64, 16, 1024)); /* 18 bits of an address are kept */
}

/* Where an element lies, from the layout in words: rows of 128 bytes in groups of 8; 16-byte chunk c of row r
 * is where chunk c ^ (r % 8) would be. */
static uint64_t place(uint64_t start, uint64_t row, uint64_t byte)
{
    return start + row * 128 + ((byte / 16 ^ row % 8) * 16 + byte % 16);
}

static void addresses()
{
    for (uint32_t tile : {0u, 1024u, 49152u, 3 * 49152u})
        for (int kk = 0; kk < 4; kk++) { /* an instruction's 32 bytes of k inside rows of 128 */
            std::set<uint64_t> met;
            for (int row = 0; row < 256; row++)
                for (int k = 0; k < 16; k++) {
                    uint64_t at = emu_wgmma_address(
                        EMU_F16, wg_descriptor(tile + (uint32_t)kk * 32, 16, 1024), row, k, false);
                    CHECK(at == place(tile, (uint64_t)row, (uint64_t)(kk * 32 + 2 * k)));
                    met.insert(at);
                }
            CHECK(met.size() == 256 * 16);
        }
    for (int kk = 0; kk < 4;
         kk++) /* [k][n]: blocks of 64 columns, 64 rows of k each; 16 rows an instruction */
        for (int n = 0; n < 256; n++)
            for (int k = 0; k < 16; k++) {
                uint64_t at = emu_wgmma_address(
                    EMU_F16, wg_descriptor((uint32_t)kk * 16 * 128, 64 * 128, 1024), n, k, true);
                CHECK(at ==
                      place((uint64_t)(n / 64) * 64 * 128, (uint64_t)(kk * 16 + k), (uint64_t)(n % 64 * 2)));
            }
}

int main()
{
    fields();
    addresses();
    products();
    return bad ? 1 : 0;
}
