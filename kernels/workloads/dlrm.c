/* dlrm.c -- a recommendation network as a workload. Its input is one tensor: dense features, then where each
 * bag's look-ups begin, then the row numbers. Every call looks the same rows up again: what a batch touches
 * may be found in a cache, and counts by the bytes it touches, not by those of the tables. */
#include "kernels/nets/dlrm.h"
#include "kernels/workloads/networks.h"

#include <stdlib.h>
#include <string.h>

enum { SIZE, BATCH, CAP, ZIPF };

static ir_status dlrm_net(const ir_params *p, ly_net *out)
{
    if (p->v[SIZE] < 0 || p->v[SIZE] > LY_DLRM_TINY)
        return ir_fail(IR_EINVAL, "size=%lld: give small, mlperf-v1, rm1, rm2, rm3 or tiny",
                       (long long)p->v[SIZE]);
    return ly_dlrm(&ly_dlrm_shapes[p->v[SIZE]], p->v[BATCH], p->v[CAP], (double)p->v[ZIPF] / 100, out);
}

static void dlrm_fill(const ir_workload *self, const ir_params *p, int t, void *host, uint64_t seed)
{
    ly_net n;
    if (t != NET_IN) {
        net_fill_tensor(self, p, t, host, seed);
    } else if (dlrm_net(p, &n) == IR_OK) {
        ly_fill_f32(host, 0, n.index_at, 0, 1, seed);
        ly_dlrm_lookups(&ly_dlrm_shapes[p->v[SIZE]], p->v[BATCH], p->v[CAP], (double)p->v[ZIPF] / 100,
                        (char *)host + n.index_at * 4, seed + 5);
        ly_free(&n);
    }
}

const void *networks_item_input(const ly_net *all, const ly_net *one, int64_t i, const void *input,
                                void **copy)
{
    const char *in = input;
    *copy = NULL;
    if (!all->index_at) return in + (size_t)(i * one->in_elems) * 4;
    const int64_t  bags = all->row[0].rows, mine = one->row[0].rows, found = one->row[0].lookups;
    const any_i32 *begin = (const any_i32 *)(const void *)in + all->index_at;
    int32_t       *out = malloc((size_t)one->in_elems * 4);
    if (!out) return NULL;
    memcpy(out, in + i * one->index_at * 4, (size_t)one->index_at * 4);
    for (int64_t b = 0; b <= mine; b++) out[one->index_at + b] = begin[i * mine + b] - begin[i * mine];
    memcpy(out + one->index_at + mine + 1,
           (const char *)(const void *)(begin + bags + 1) + (size_t)begin[i * mine] * 4, (size_t)found * 4);
    return *copy = out;
}

/* size, batch, rows (most of a table), zipf (exponent in hundredths) */
static const char *const size_word[] = {"small", "mlperf-v1", "rm1", "rm2",
                                        "rm3",   "tiny",      NULL}; /* tiny: for tests */
static const nets_kind   dlrm_kind = {.net = dlrm_net};
#define BATCHES(size, cap, zipf) \
    {{size, 1, cap, zipf}, IR_F32, 0}, {{size, 8, cap, zipf}, IR_F32, 0}, \
        {{size, 64, cap, zipf}, IR_F32, 0}, \
    { \
        {size, 512, cap, zipf}, IR_F32, 0 \
    }
static const ir_params dlrm_quick[] = {{{LY_DLRM_SMALL, 1, 0, 0}, IR_F32, 0},
                                       {{LY_DLRM_SMALL, 512, 0, 0}, IR_F32, 0}};
static const ir_params dlrm_full[] = {BATCHES(LY_DLRM_SMALL, 0, 0),    BATCHES(LY_DLRM_SMALL, 0, 105),
                                      BATCHES(LY_DLRM_V1, 1000000, 0), BATCHES(LY_DLRM_RM1, 0, 0),
                                      BATCHES(LY_DLRM_RM2, 0, 0),      BATCHES(LY_DLRM_RM2, 0, 105),
                                      BATCHES(LY_DLRM_RM3, 0, 0),      {{LY_DLRM_V1, 1, 0, 0}, IR_F32, 0}};
static const ir_params dlrm_odd[] = {{{LY_DLRM_TINY, 1, 0, 0}, IR_F32, 0},
                                     {{LY_DLRM_TINY, 5, 0, 105}, IR_F32, 0},
                                     {{LY_DLRM_TINY, 67, 40, 100}, IR_F32, 0}};
const ir_workload      wl_dlrm = {.name = "dlrm",
                                  .family = "dlrm",
                                  .doc = "recommendation: bottom MLP, embedding bags, interaction, top MLP",
                                  .param = {"size", "batch", "rows", "zipf"},
                                  .word = {[SIZE] = size_word},
                                  .defaults = {{LY_DLRM_SMALL, 1, 0, 0}, IR_F32, 0},
                                  .dtypes = 1u << IR_F32 | 1u << IR_F16 | 1u << IR_BF16,
                                  NETWORK_BUT_FILL(dlrm),
                                  .fill = dlrm_fill};
