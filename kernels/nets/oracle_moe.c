/* oracle_moe.c -- see oracle.h: a mixture of experts, token by token. */
#include "kernels/nets/oracle.h"
#include "kernels/nets/values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* out[n] = the products of one row of c with n rows of W from element `at`, scales from `s` on. */
static ir_status moe_product(const ly_row *r, const ref_weights *w, int64_t at, int64_t s, const float *x,
                             int64_t c, int64_t n, float *out)
{
    const ref_epilogue plain = {.act = LY_ID, .out = out, .ld = n};
    return ref_product(x, 1, c, w, r->W_at + at, r->s_at < 0 ? 0 : r->s_at + s, n, &plain);
}

/* One expert's result of x to y[c]; h: room for 2 ff. */
static ir_status moe_expert(const ly_row *r, const ref_weights *w, int64_t e, const float *x, float *h,
                            float *y)
{
    const int64_t each = r->c * r->ff, at = r->experts * r->c + 3 * e * each,
                  s = r->experts + e * (2 * r->ff + r->c);
    ir_status st = moe_product(r, w, at, s, x, r->c, r->ff, h);
    if (st == IR_OK) st = moe_product(r, w, at + each, s + r->ff, x, r->c, r->ff, h + r->ff);
    for (int64_t i = 0; i < r->ff && st == IR_OK; i++)
        h[i] = (float)((double)h[i] / (1 + exp(-(double)h[i])) * (double)h[r->ff + i]);
    return st == IR_OK ? moe_product(r, w, at + 2 * each, s + 2 * r->ff, h, r->ff, r->c, y) : st;
}

/* The `top` largest logits, largest first, to pick[]. Returns the gap to the next. */
static double moe_choose(const ly_row *r, const float *logit, int64_t *pick)
{
    double square = 0, next = -INFINITY;
    for (int64_t i = 0; i <= r->top; i++) {
        int64_t best = -1;
        for (int64_t e = 0; e < r->experts; e++) {
            bool taken = false;
            for (int64_t k = 0; k < i && k < r->top; k++) taken = taken || pick[k] == e;
            if (!taken && (best < 0 || logit[e] > logit[best])) best = e;
        }
        if (i < r->top)
            pick[i] = best;
        else if (best >= 0)
            next = (double)logit[best];
    }
    for (int64_t e = 0; e < r->experts; e++) square += (double)logit[e] * (double)logit[e];
    return ((double)logit[pick[r->top - 1]] - next) / sqrt(square / (double)r->experts);
}

static ir_status moe_token(const ly_row *r, const ref_weights *w, const float *x, float *work, int64_t *pick,
                           double *sum, double *gap)
{
    float    *logit = work, *h = logit + r->experts, *y = h + 2 * r->ff;
    double    all = 0;
    ir_status st = moe_product(r, w, 0, 0, x, r->c, r->experts, logit);
    if (st != IR_OK) return st;
    *gap = moe_choose(r, logit, pick);
    for (int64_t i = 0; i < r->top; i++) all += exp((double)logit[pick[i]] - (double)logit[pick[0]]);
    for (int64_t i = 0; i < r->top && st == IR_OK; i++) {
        const double p = exp((double)logit[pick[i]] - (double)logit[pick[0]]) / all;
        st = moe_expert(r, w, pick[i], x, h, y);
        for (int64_t j = 0; j < r->c && st == IR_OK; j++) sum[j] += p * (double)y[j];
    }
    return st;
}

ir_status ref_moe(const ly_row *r, const ref_weights *w, const float *x, const float *add, float *out,
                  double *gap)
{
    float    *work = malloc(sizeof *work * (size_t)(r->experts + 2 * r->ff + r->c));
    double   *sum = malloc(sizeof *sum * (size_t)r->c), clear = 0;
    int64_t  *pick = malloc(sizeof *pick * (size_t)r->top);
    ir_status st =
        work && sum && pick ? IR_OK : ir_fail(IR_ENOMEM, "no memory for the reference of %s", r->name);
    for (int64_t i = 0; i < r->rows && st == IR_OK; i++) {
        for (int64_t j = 0; j < r->c; j++) sum[j] = add ? (double)add[i * r->c + j] : 0;
        st = moe_token(r, w, x + i * r->c, work, pick, sum, &clear);
        if (gap) gap[i] = clear;
        for (int64_t j = 0; j < r->c && st == IR_OK; j++) out[i * r->c + j] = (float)sum[j];
    }
    free(work);
    free(sum);
    free(pick);
    return st;
}
