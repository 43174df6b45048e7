/* dlrm.c -- see dlrm.h. MLPerf's first DLRM, the small synthetic one, and the three of DeepRecSys. */
#include "kernels/nets/dlrm.h"
#include "kernels/nets/build.h"
#include "kernels/nets/values.h"

enum { DENSE, BAGS, JOINED, B0, B1, ROWS = 2 * LY_DLRM_WIDTHS + 3 };

const ly_dlrm_shape ly_dlrm_shapes[LY_NDLRM + 1] = {
    {"small", true, 64, 26, {100000}, 1, {13, 512, 256, 64}, {512, 256, 1}},
    {"mlperf-v1",
     true,
     128,
     26,
     {39884406, 39043, 17289, 7420, 20263, 3,  7120,     1543,     63,       38532951, 2953546, 403346, 10,
      2208,     11938, 155,   4,    976,   14, 39979771, 25641295, 39664984, 585935,   12972,   108,    36},
     1,
     {13, 512, 256, 128},
     {1024, 1024, 512, 256, 1}},
    {"rm1", false, 32, 8, {4000000}, 80, {128, 64, 32}, {256, 64, 1}},
    {"rm2", false, 64, 32, {500000}, 120, {256, 128, 64}, {128, 64, 1}},
    {"rm3", false, 32, 10, {2000000}, 20, {2560, 1024, 256, 32}, {512, 256, 1}},
    {"tiny", true, 20, 5, {1, 7, 301, 64, 33}, 3, {9, 17, 20}, {19, 1}}};

int64_t ly_dlrm_rows(const ly_dlrm_shape *d, int t, int64_t cap)
{
    const int64_t rows = d->rows[1] ? d->rows[t] : d->rows[0];
    return cap > 0 && cap < rows ? cap : rows;
}

static ir_status dlrm_valid(const ly_dlrm_shape *d, int64_t batch, int64_t cap, double s, int64_t *rows)
{
    *rows = 0;
    if (batch < 1 || batch > 1 << 20)
        return ir_fail(IR_EINVAL, "batch=%lld: give 1 to 2^20 samples", (long long)batch);
    if (cap < 0 || cap > INT32_MAX)
        return ir_fail(IR_EINVAL, "rows=%lld: give the most rows of a table, or 0 for all", (long long)cap);
    if (!(s >= 0 && s <= 8))
        return ir_fail(IR_EINVAL, "zipf=%.0f: give 0 (uniform) to 800, in hundredths", 100 * s);
    for (int t = 0; t < d->tables; t++) *rows += ly_dlrm_rows(d, t, cap);
    if (*rows > INT32_MAX || batch * d->tables * d->lookups > INT32_MAX)
        return ir_fail(IR_EINVAL, "%s: at most 2^31 rows and look-ups are possible", d->name);
    return IR_OK;
}

/* Widths w[0..] after `in` columns, each a fully connected row with ReLU, the last with `last`. */
static int dlrm_mlp(ly_net *net, const char *name, int in, int64_t batch, int64_t c, const int64_t *w,
                    int out, ly_act last)
{
    int from = in;
    for (int i = 0; w[i]; i++) {
        const bool end = !w[i + 1];
        const int  to = end ? out : from == B0 ? B1 : B0;
        ly_row    *r = nets_row(net, LY_FC, from, to, "%.15s%d", name, i + 1);
        r->batch = batch;
        r->tokens = 1;
        r->act = end ? last : LY_RELU;
        nets_fc(net, r, batch, c, w[i]);
        c = w[i];
        from = to;
    }
    return from;
}

static void dlrm_bags(ly_net *net, const ly_dlrm_shape *d, int64_t batch, int64_t cap, double s, int64_t rows)
{
    ly_row *r = nets_row(net, LY_BAG, LY_INPUT, BAGS, "bags");
    r->batch = batch;
    r->rows = batch * d->tables;
    r->c = r->k = d->dim;
    r->lookups = r->rows * d->lookups;
    r->vocab = rows;
    for (int t = 0; t < d->tables; t++)
        r->distinct += ly_zipf_distinct(ly_dlrm_rows(d, t, cap), s, (double)(batch * d->lookups));
    r->nW = rows * d->dim;
    r->W_at = nets_take_W(net, r->nW);
    net->params += r->nW;
    net->index_at = batch * d->bottom[0];
    net->in_elems = net->index_at + r->rows + 1 + r->lookups;
}

static int64_t dlrm_interaction(ly_net *net, const ly_dlrm_shape *d, int64_t batch)
{
    const int64_t n = d->tables + 1;
    ly_row       *r = nets_row(net, d->dots ? LY_INTERACT : LY_CONCAT, DENSE, JOINED, "interaction");
    r->add = BAGS;
    r->batch = r->rows = batch;
    r->heads = n;
    r->c = d->dim;
    return r->k = d->dots ? d->dim + n * (n - 1) / 2 : n * d->dim;
}

ir_status ly_dlrm(const ly_dlrm_shape *d, int64_t batch, int64_t cap, double s, ly_net *net)
{
    int64_t   rows;
    ir_status st = dlrm_valid(d, batch, cap, s, &rows);
    if (st == IR_OK) st = nets_begin(net, ROWS);
    if (st != IR_OK) return st;
    dlrm_bags(net, d, batch, cap, s, rows);
    dlrm_mlp(net, "bottom", LY_INPUT, batch, d->bottom[0], d->bottom + 1, DENSE, LY_RELU);
    const int64_t joined = dlrm_interaction(net, d, batch);
    dlrm_mlp(net, "top", JOINED, batch, joined, d->top, LY_OUTPUT, LY_SIGMOID);
    net->out_elems = batch;
    nets_end(net);
    return IR_OK;
}

void ly_dlrm_lookups(const ly_dlrm_shape *d, int64_t batch, int64_t cap, double s, void *to, uint64_t seed)
{
    const int64_t bags = batch * d->tables;
    any_i32      *begin = to, *index = begin + bags + 1;
    int64_t       first = 0;
    for (int64_t i = 0; i <= bags; i++) begin[i] = (int32_t)(i * d->lookups);
    for (int t = 0; t < d->tables; t++) {
        ly_zipf z;
        ly_zipf_init(&z, ly_dlrm_rows(d, t, cap), s);
        for (int64_t b = 0; b < batch; b++)
            for (int64_t l = 0; l < d->lookups; l++) {
                const int64_t at = (b * d->tables + t) * d->lookups + l;
                index[at] = (int32_t)(first + ly_zipf_draw(&z, seed, (uint64_t)at));
            }
        first += z.rows;
    }
}
