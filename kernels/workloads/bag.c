/* bag.c -- embedding bags as an operator: sums of rows looked up in a table. What bounds it is how fast rows
 * of no order arrive. */
#include "kernels/nets/zipf.h"
#include "kernels/workloads/nets_util.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { TABLE, C, BAGS, LOOKUPS, ZIPF };

static void bag_row(const ir_params *p, ly_row *r)
{
    nets_row_init(r, LY_BAG, "bag");
    r->rows = p->v[BAGS];
    r->c = r->k = p->v[C];
    r->lookups = p->v[BAGS] * p->v[LOOKUPS];
    r->vocab = p->v[TABLE];
    r->nW = r->vocab * r->c;
    r->W_at = 0;
    r->distinct = ly_zipf_distinct(r->vocab, (double)p->v[ZIPF] / 100, (double)r->lookups);
}

static ir_status bag_valid(IR_SELF, const ir_params *p)
{
    ir_status st = nets_positive(&wl_bag, p, 1u << ZIPF);
    if (st == IR_OK && p->v[ZIPF] > 800)
        return ir_fail(IR_EINVAL, "zipf=%lld: give 0 (uniform) to 800, in hundredths", (long long)p->v[ZIPF]);
    if (st == IR_OK && (double)p->v[BAGS] * (double)p->v[LOOKUPS] > INT32_MAX)
        return ir_fail(IR_EINVAL, "bags=%lld, lookups=%lld: at most 2^31 look-ups are possible",
                       (long long)p->v[BAGS], (long long)p->v[LOOKUPS]);
    return st == IR_OK ? nets_fits(&wl_bag, fmax((double)p->v[TABLE], (double)p->v[BAGS]) * (double)p->v[C])
                       : st;
}

static ir_cost bag_cost(IR_SELF, const ir_params *p) { return nets_row_cost(&wl_bag, p); }

static int bag_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    ly_row r;
    bag_row(p, &r);
    out[0] = (ir_tensor){"lookups", (size_t)ly_in_elems(&r) * 4, IR_IN, IR_F32}; /* int32 */
    out[1] = (ir_tensor){"W", (size_t)r.nW * ly_width(p->dtype), IR_IN, p->dtype};
    out[2] = (ir_tensor){"y", (size_t)ly_out_elems(&r) * 4, IR_OUT, IR_F32};
    return 3;
}

static void bag_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    ly_zipf z;
    if (t == 1) {
        ly_fill(p->dtype, host, 0, p->v[TABLE] * p->v[C], 1, seed + 1);
        return;
    }
    any_i32 *begin = host, *index = begin + p->v[BAGS] + 1;
    ly_zipf_init(&z, p->v[TABLE], (double)p->v[ZIPF] / 100);
    for (int64_t i = 0; i <= p->v[BAGS]; i++) begin[i] = (int32_t)(i * p->v[LOOKUPS]);
    for (int64_t i = 0; i < p->v[BAGS] * p->v[LOOKUPS]; i++)
        index[i] = (int32_t)ly_zipf_draw(&z, seed, (uint64_t)i);
}

/* A sum of n values of at most 1, in f32 and in any order: n - 1 roundings of partial sums of about sqrt(n).
 */
static void bag_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                      ir_check *out)
{
    ly_row r;
    bag_row(p, &r);
    const int64_t  n = ly_out_elems(&r);
    const any_f32 *y = after[2];
    const double   each = sqrt((double)p->v[LOOKUPS]);
    float         *want = malloc(sizeof *want * (size_t)n);
    ref_weights    w = {.dtype = p->dtype, .W = before[1]};
    *out = (ir_check){NAN, 0, "no memory for the check"};
    if (want && ref_bag(&r, &w, before[0], want) == IR_OK) {
        *out = (ir_check){nets_finite(y, n), 4 * each * (double)FLT_EPSILON,
                          "every element in double, relative to the root of its look-ups"};
        for (int64_t i = 0; i < n; i++) nets_worst(&out->err, (double)y[i] - (double)want[i], each);
    }
    free(want);
}

/* rows of the table, c, bags, lookups of each, zipf (exponent in hundredths) */
static const ir_params quick[] = {{{4000000, 64, 4096, 32, 0}, IR_F32, 0}};
static const ir_params full[] = {
    {{4000000, 64, 4096, 1, 0}, IR_F32, 0},    {{4000000, 64, 4096, 32, 0}, IR_F32, 0},
    {{4000000, 64, 4096, 32, 105}, IR_F32, 0}, {{8000000, 16, 4096, 32, 0}, IR_F32, 0},
    {{2000000, 128, 4096, 32, 0}, IR_F32, 0},  {{4000000, 64, 4096, 32, 0}, IR_BF16, 0},
    {{4000000, 64, 1024, 100, 0}, IR_F32, 1}};
static const ir_params odd[] = {{{1, 1, 1, 1, 0}, IR_F32, 0},         {{7, 3, 5, 2, 0}, IR_F32, 0},
                                {{1001, 65, 17, 3, 105}, IR_F32, 0},  {{63, 16, 33, 70, 0}, IR_F32, 0},
                                {{5003, 129, 3, 11, 100}, IR_F32, 0}, {{300, 40, 8, 1, 250}, IR_F32, 0}};
static const nets_kind bag_kind = {.row = bag_row};
const ir_workload      wl_bag = {.name = "bag",
                                 .family = "bag",
                                 .doc = "embedding bags: sums of table rows, uniform or by Zipf's law",
                                 .param = {"rows", "c", "bags", "lookups", "zipf"},
                                 .defaults = {{4000000, 64, 4096, 32, 0}, IR_F32, 0},
                                 .dtypes = 1u << IR_F32 | 1u << IR_F16 | 1u << IR_BF16,
                                 .ext = &bag_kind,
                                 .quick = quick,
                                 .nquick = sizeof quick / sizeof *quick,
                                 .full = full,
                                 .nfull = sizeof full / sizeof *full,
                                 .odd = odd,
                                 .nodd = sizeof odd / sizeof *odd,
                                 .valid = bag_valid,
                                 .cost = bag_cost,
                                 .tensors = bag_tensors,
                                 .fill = bag_fill,
                                 .check = bag_check};
