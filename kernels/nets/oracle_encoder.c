/* oracle_encoder.c -- see oracle.h: what encoders have beside decoders' rows. */
#include "kernels/nets/oracle.h"
#include "kernels/nets/clones.h"
#include "kernels/nets/values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* v += a parameter row, at element `at` of W with scale s. */
static void add_row(const ref_weights *w, int64_t at, double s, int64_t c, float *row, float *v)
{
    ly_load(w->dtype, w->W, at, c, row);
    for (int64_t j = 0; j < c; j++) v[j] = (float)((double)v[j] + s * (double)row[j]);
}

static double scale_of(const ly_row *r, const ref_weights *w, int64_t i)
{
    return ly_scaled(w->dtype) ? (double)((const any_f32 *)w->V)[r->s_at + i] : 1;
}

void ref_types(const ly_row *r, const ref_weights *w, float *row, float *out)
{
    for (int64_t i = 0; i < r->rows && r->types; i++) {
        const int64_t at = r->context + ly_type_of(r, i);
        add_row(w, r->P_at + at * r->c, scale_of(r, w, r->vocab + at), r->c, row, out + i * r->c);
    }
}

void ref_tokens(const ly_row *r, const ref_weights *w, const float *x, float *row, float *out)
{
    for (int64_t i = 0; i < r->rows; i++) {
        const int64_t t = i % r->tokens;
        float        *y = out + i * r->c;
        memset(y, 0, sizeof *y * (size_t)r->c);
        if (t == 0)
            add_row(w, r->W_at, scale_of(r, w, 0), r->c, row, y);
        else
            memcpy(y, x + (i - i / r->tokens - 1) * r->c, sizeof *y * (size_t)r->c);
        add_row(w, r->P_at + t * r->c, scale_of(r, w, 1 + t), r->c, row, y);
    }
}

void ref_patches(const ly_row *r, const float *x, float *out)
{
    const int64_t wide = r->r * r->c;
    for (int64_t i = 0; i < r->batch * r->oh * r->ow; i++) {
        const int64_t image = i / (r->oh * r->ow), y = i / r->ow % r->oh, z = i % r->ow;
        for (int64_t j = 0; j < r->r; j++, out += wide)
            memcpy(out, x + ((image * r->h + y * r->r + j) * r->w + z * r->r) * r->c,
                   sizeof *out * (size_t)wide);
    }
}

/* ---- attention ------------------------------------------------------------------------------- */
LY_CLONES
void ref_all_scores(const float *q, const float *keys, int64_t n, int64_t step, int64_t dh, double *p)
{
    enum { PART = 8 };
    for (int64_t j = 0; j < n; j++, keys += step) {
        double  s[PART] = {0};
        int64_t i = 0;
        p[j] = 0;
        for (; i + PART <= dh; i += PART)
            for (int l = 0; l < PART; l++) s[l] += (double)q[i + l] * (double)keys[i + l];
        for (; i < dh; i++) p[j] += (double)q[i] * (double)keys[i];
        for (int l = 0; l < PART; l++) p[j] += s[l];
    }
}

LY_CLONES
void ref_all_values(const double *p, const float *values, int64_t n, int64_t step, int64_t dh, double *y)
{
    for (int64_t j = 0; j < n; j++, values += step)
        for (int64_t i = 0; i < dh; i++) y[i] += p[j] * (double)values[i];
}

ir_status ref_attention_all(const ly_row *r, const float *qkv, float *out)
{
    const int64_t d = r->heads * r->dh, n = r->tokens;
    const double  scale = 1 / sqrt((double)r->dh);
    double       *p = malloc(sizeof *p * (size_t)(n + r->dh)), *y = p + n;
    if (!p) return ir_fail(IR_ENOMEM, "no memory for the reference of %s", r->name);
    for (int64_t i = 0; i < r->batch * n * r->heads; i++) {
        const int64_t h = i % r->heads, row = i / r->heads;
        const float  *first = qkv + row / n * n * 3 * d + h * r->dh;
        double        most = -INFINITY, sum = 0;
        ref_all_scores(qkv + row * 3 * d + h * r->dh, first + d, n, 3 * d, r->dh, p);
        for (int64_t j = 0; j < n; j++) most = fmax(most, p[j] * scale);
        for (int64_t j = 0; j < n; j++) sum += p[j] = exp(p[j] * scale - most);
        memset(y, 0, sizeof *y * (size_t)r->dh);
        ref_all_values(p, first + 2 * d, n, 3 * d, r->dh, y);
        for (int64_t j = 0; j < r->dh; j++) out[row * d + h * r->dh + j] = (float)(y[j] / sum);
    }
    free(p);
    return IR_OK;
}
