/* oracle_dlrm.c -- see oracle.h: embedding bags and interactions. */
#include "kernels/nets/oracle.h"
#include "kernels/nets/values.h"

#include <stdlib.h>
#include <string.h>

ir_status ref_bag(const ly_row *r, const ref_weights *w, const void *lookups, float *out)
{
    const any_i32 *begin = lookups, *index = begin + r->rows + 1;
    double        *sum = malloc(sizeof *sum * (size_t)r->c);
    float         *row = malloc(sizeof *row * (size_t)r->c);
    ir_status      st = sum && row ? IR_OK : ir_fail(IR_ENOMEM, "no memory for the reference of %s", r->name);
    for (int64_t b = 0; b < r->rows && st == IR_OK; b++) {
        memset(sum, 0, sizeof *sum * (size_t)r->c);
        for (int64_t i = begin[b]; i < begin[b + 1]; i++) {
            ly_load(w->dtype, w->W, r->W_at + index[i] * r->c, r->c, row);
            for (int64_t j = 0; j < r->c; j++) sum[j] += (double)row[j];
        }
        for (int64_t j = 0; j < r->c; j++) out[b * r->c + j] = (float)sum[j];
    }
    free(sum);
    free(row);
    return st;
}

void ref_interact(const ly_row *r, const float *x, const float *others, float *out)
{
    for (int64_t i = 0; i < r->rows; i++) {
        const float *first = x + i * r->c, *rest = others + i * (r->heads - 1) * r->c;
        float       *y = out + i * r->k;
        memcpy(y, first, sizeof *y * (size_t)r->c);
        y += r->c;
        if (r->op == LY_CONCAT) {
            memcpy(y, rest, sizeof *y * (size_t)((r->heads - 1) * r->c));
            continue;
        }
        for (int64_t a = 1; a < r->heads; a++)
            for (int64_t b = 0; b < a; b++) {
                const float *u = rest + (a - 1) * r->c, *v = b ? rest + (b - 1) * r->c : first;
                double       sum = 0;
                for (int64_t j = 0; j < r->c; j++) sum += (double)u[j] * (double)v[j];
                *y++ = (float)sum;
            }
    }
}
