/* moe_naive.c -- a mixture of experts as a reader would write it: token by token, expert by expert. */
#include "kernels/cpu/moe_naive.h"
#include "kernels/nets/values.h"
#include "kernels/workloads/workloads_nets.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    const ly_row  *r;
    ir_dtype       t;
    const void    *W;
    const any_f32 *V, *x, *add;
    any_f32       *y;
    float         *work; /* per token: logits, both products, a result */
} moe_job;

static float moe_dot(const moe_job *j, int64_t at, int64_t scale, const any_f32 *x, int64_t n)
{
    float sum = 0, w[64];
    for (int64_t i = 0; i < n; i += 64) {
        const int64_t k = n - i < 64 ? n - i : 64;
        ly_load(j->t, j->W, j->r->W_at + at + i, k, w);
        for (int64_t v = 0; v < k; v++) sum += w[v] * x[i + v];
    }
    return ly_scaled(j->t) ? sum * j->V[j->r->s_at + scale] : sum;
}

static void one_expert(const moe_job *j, int64_t e, float share, const any_f32 *x, float *h, any_f32 *y)
{
    const ly_row *r = j->r;
    const int64_t at = r->experts * r->c + 3 * e * r->c * r->ff, s = r->experts + e * (2 * r->ff + r->c);
    for (int64_t i = 0; i < r->ff; i++) {
        const float a = moe_dot(j, at + i * r->c, s + i, x, r->c),
                    b = moe_dot(j, at + (r->ff + i) * r->c, s + r->ff + i, x, r->c);
        h[i] = a / (1 + expf(-a)) * b;
    }
    for (int64_t i = 0; i < r->c; i++)
        y[i] += share * moe_dot(j, at + 2 * r->ff * r->c + i * r->ff, s + 2 * r->ff + i, h, r->ff);
}

static void one_token(const moe_job *j, int64_t t)
{
    const ly_row  *r = j->r;
    const any_f32 *x = j->x + t * r->c;
    any_f32       *y = j->y + t * r->c;
    float         *logit = j->work + t * (r->experts + r->ff), *h = logit + r->experts, most = 0, all = 0;
    for (int64_t e = 0; e < r->experts; e++) logit[e] = moe_dot(j, e * r->c, e, x, r->c);
    for (int64_t i = 0; i < r->c; i++) y[i] = j->add ? j->add[t * r->c + i] : 0;
    for (int pass = 0; pass < 2; pass++) { /* the sum of exponentials, then the experts */
        char chosen[WL_MOE_EXPERTS] = {0};
        for (int64_t i = 0; i < r->top; i++) {
            int64_t best = -1;
            for (int64_t e = 0; e < r->experts; e++)
                if (!chosen[e] && (best < 0 || logit[e] > logit[best])) best = e;
            chosen[best] = 1;
            if (i == 0) most = logit[best];
            if (pass == 0)
                all += expf(logit[best] - most);
            else
                one_expert(j, best, expf(logit[best] - most) / all, x, h, y);
        }
    }
}

static void moe_part(void *arg, int tid, int nthreads)
{
    const moe_job *j = arg;
    size_t         lo, hi;
    cpu_part((size_t)j->r->rows, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) one_token(j, (int64_t)i);
}

size_t cpu_moe_naive_work_n(const ly_row *r) { return (size_t)(r->rows * (r->experts + r->ff)); }

void cpu_moe_naive_run(ir_dev *dev, int threads, ir_dtype t, const ly_row *r, const void *x, const void *add,
                       const void *W, const void *V, float *work, void *y)
{
    moe_job j = {r, t, W, V, x, add, y, work};
    ir_pool_run(cpu_of(dev)->pool, threads, moe_part, &j);
}

static ir_status moe_naive_setup(ir_run *r)
{
    ly_row row;
    wl_row_of(r->workload, &r->p, &row);
    r->self = malloc(cpu_moe_naive_work_n(&row) * sizeof(float));
    return r->self ? IR_OK
                   : ir_fail(IR_ENOMEM, "no memory for the products of %lld tokens", (long long)row.rows);
}

static void moe_naive_teardown(ir_run *r)
{
    free(r->self);
    r->self = NULL;
}

static ir_status moe_naive_run(ir_run *r, uint32_t reps)
{
    ly_row row;
    wl_row_of(r->workload, &r->p, &row);
    for (uint32_t i = 0; i < reps; i++)
        cpu_moe_naive_run(r->dev, r->p.threads, r->p.dtype, &row, r->mem[0].p, NULL, r->mem[1].p, r->mem[2].p,
                          r->self, r->mem[3].p);
    return IR_OK;
}

static const ir_plan_ops moe_naive_plan_ops = {.destroy = moe_naive_teardown};

const ir_kernel cpu_moe_naive = {.family = "moe",
                                 .name = "naive",
                                 .doc = "token by token, a serial dot product per output",
                                 .flags = IR_K_NAIVE,
                                 .plan = moe_naive_setup,
                                 .run = moe_naive_run,
                                 .ops = &moe_naive_plan_ops};
