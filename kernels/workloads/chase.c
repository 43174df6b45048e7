/* chase.c -- dependent loads along a random cycle of cache lines: the latency of each memory level, and with
 * several chains the parallelism one core can keep in flight. Refuses fewer lines than chains (or than
 * two), more than 2^31 lines, and chain counts that are not a power of two up to 32. */
#include "kernels/workloads/workloads_memory.h"

#include <math.h>
#include <stdlib.h>

enum { BYTES, CHAINS, STEPS, PAGES };

static ir_status chase_valid(IR_SELF, const ir_params *p)
{
    int64_t lines = p->v[BYTES] / WL_CHASE_LINE, k = p->v[CHAINS];
    if (k < 1 || k > WL_CHASE_MAX_CHAINS || (k & (k - 1)))
        return ir_fail(IR_EINVAL, "chains=%lld: give 1, 2, 4, 8, 16 or 32", (long long)k);
    if (lines < 2 || lines < k || lines > (int64_t)1 << 31)
        return ir_fail(IR_EINVAL, "bytes=%lld: give %lld (one 64 B line per chain, two at least) to 2^37",
                       (long long)p->v[BYTES], (long long)(k < 2 ? 2 : k) * WL_CHASE_LINE);
    if (p->v[STEPS] < 1 || p->v[STEPS] > (int64_t)1 << 40)
        return ir_fail(IR_EINVAL, "steps=%lld: give 1 to 2^40 hops per call", (long long)p->v[STEPS]);
    if (p->v[PAGES] < 0 || p->v[PAGES] > WL_PAGES_SMALL)
        return ir_fail(IR_EINVAL, "pages=%lld: give 0 (as the system does), 1 (huge) or 2 (small)",
                       (long long)p->v[PAGES]);
    return IR_OK;
}

/* Every hop fetches one line and uses 8 bytes of it; the line is what moves. */
static ir_cost chase_cost(IR_SELF, const ir_params *p)
{
    ir_cost c = {0};
    c.part[IR_OF_IN] = (ir_traffic){.read_B = (double)p->v[STEPS] * (double)p->v[CHAINS] * WL_CHASE_LINE,
                                    .access = IR_DEPENDENT,
                                    .accesses = (double)p->v[STEPS]};
    c.launches = 1;
    c.footprint_B = (double)(p->v[BYTES] / WL_CHASE_LINE) * WL_CHASE_LINE;
    return c;
}

static int chase_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    out[0] = (ir_tensor){"ends", (size_t)p->v[CHAINS] * 2 * sizeof(double), IR_OUT, IR_F64};
    return 1;
}

static void chase_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    (void)p, (void)t, (void)host, (void)seed; /* no inputs: the cycle is a function of the line count */
}

/* position[line] on the cycle; NULL without memory. */
static uint32_t *cycle_positions(uint32_t lines)
{
    uint32_t *order = malloc(sizeof *order * lines), *position = malloc(sizeof *position * lines);
    if (order && position) {
        for (uint32_t i = 0; i < lines; i++) order[i] = i;
        for (uint32_t i = lines - 1; i > 0; i--) {
            uint32_t j = (uint32_t)((uint64_t)ir_hash32(WL_CHASE_SEED, i) * (i + 1) >> 32), was = order[i];
            order[i] = order[j];
            order[j] = was;
        }
        for (uint32_t i = 0; i < lines; i++) position[order[i]] = i;
    } else {
        free(position);
        position = NULL;
    }
    free(order);
    return position;
}

/* err: chains that did not end `steps` positions after where they said they began, or that are not
 * equidistant on the cycle. */
static void chase_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                        ir_check *out)
{
    (void)before;
    const double *ends = after[0];
    uint64_t  lines = (uint64_t)p->v[BYTES] / WL_CHASE_LINE, k = (uint64_t)p->v[CHAINS], bad = 0, origin = 0;
    uint32_t *position = cycle_positions((uint32_t)lines);
    *out = (ir_check){NAN, 0, "positions on the cycle, recomputed"};
    if (!position) return;
    for (uint64_t c = 0; c < k; c++) {
        double first = ends[2 * c], last = ends[2 * c + 1];
        if (!(first >= 0 && first < (double)lines && last >= 0 && last < (double)lines)) {
            bad++;
            continue;
        }
        uint64_t from = position[(uint64_t)first], to = position[(uint64_t)last];
        if (c == 0) origin = from;
        bad += (from + (uint64_t)p->v[STEPS]) % lines != to || (origin + c * lines / k) % lines != from;
    }
    out->err = (double)bad;
    free(position);
}

/* bytes, chains, steps, pages; dtype; threads */
#define AT(bytes, chains, pages) \
    { \
        {bytes, chains, 65536, pages}, IR_F64, 1 \
    }
static const ir_params quick[] = {AT(16 << 10, 1, 0), AT(512 << 10, 1, 0), AT(4 << 20, 1, 1),
                                  AT(1 << 28, 1, 1), AT(1 << 28, 8, 1)};
static const ir_params full[] = {
    AT(8 << 10, 1, 0),   AT(16 << 10, 1, 0),  AT(24 << 10, 1, 0),  AT(64 << 10, 1, 0), AT(128 << 10, 1, 0),
    AT(256 << 10, 1, 0), AT(512 << 10, 1, 0), AT(768 << 10, 1, 0), AT(2 << 20, 1, 1),  AT(4 << 20, 1, 1),
    AT(8 << 20, 1, 1),   AT(16 << 20, 1, 1),  AT(32 << 20, 1, 1),  AT(64 << 20, 1, 1), AT(1 << 28, 1, 1),
    AT(1 << 28, 1, 2),   AT(1 << 28, 2, 1),   AT(1 << 28, 4, 1),   AT(1 << 28, 8, 1),  AT(1 << 28, 16, 1),
    AT(1 << 28, 32, 1),  AT(1 << 29, 1, 1)};
static const ir_params odd[] = {{{128, 1, 1, 0}, IR_F64, 1},      {{191, 2, 5, 0}, IR_F64, 1},
                                {{448, 4, 100, 2}, IR_F64, 1},    {{4097, 8, 63, 0}, IR_F64, 1},
                                {{2048, 32, 1, 1}, IR_F64, 1},    {{100003, 16, 4099, 0}, IR_F64, 1},
                                {{1000003, 1, 65, 1}, IR_F64, 1}, {{1 << 20, 32, 16385, 2}, IR_F64, 1}};

const ir_workload wl_chase = {.name = "chase",
                              .family = "chase",
                              .doc = "dependent loads along a random cycle of lines; latency = time / steps",
                              .param = {"bytes", "chains", "steps", "pages"},
                              .defaults = {{1 << 28, 1, 65536, 0}, IR_F64, 1},
                              .dtypes = 1u << IR_F64,
                              .quick = quick,
                              .nquick = sizeof quick / sizeof *quick,
                              .full = full,
                              .nfull = sizeof full / sizeof *full,
                              .odd = odd,
                              .nodd = sizeof odd / sizeof *odd,
                              .valid = chase_valid,
                              .cost = chase_cost,
                              .tensors = chase_tensors,
                              .fill = chase_fill,
                              .check = chase_check};
