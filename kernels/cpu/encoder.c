/* encoder.c -- see encoder.h. */
#include "kernels/cpu/encoder.h"
#include "kernels/nets/values.h"

#include <string.h>

enum { PIECE = 256 };

bool cpu_encoder_has(const ly_row *r) { return r->op == LY_PATCHES || r->op == LY_TOKENS; }

/* y += the row of W at element `at`, whose scale is V[s]. */
static void encoder_add(const cpu_ops *o, ir_dtype t, const ly_row *r, const char *W, const char *V,
                        int64_t at, int64_t s, char *y)
{
    float piece[PIECE], scale = 1;
    if (ly_scaled(t)) memcpy(&scale, V + (r->s_at + s) * 4, sizeof scale);
    for (int64_t j = 0; j < r->c; j += PIECE) {
        const int64_t n = r->c - j < PIECE ? r->c - j : PIECE;
        ly_load(t, W, at + j, n, piece);
        if (scale != 1) o->scale((size_t)n, scale, piece, piece);
        o->add((size_t)n, y + j * 4, piece, y + j * 4);
    }
}

void cpu_encoder_types(const cpu_ops *o, ir_dtype t, const ly_row *r, const char *W, const char *V, char *y,
                       size_t lo, size_t hi)
{
    for (size_t i = lo; i < hi && r->types; i++) {
        const int64_t at = r->context + ly_type_of(r, (int64_t)i);
        encoder_add(o, t, r, W, V, r->P_at + at * r->c, r->vocab + at, y + i * (size_t)r->c * 4);
    }
}

static void token(const cpu_ops *o, ir_dtype t, const ly_row *r, const char *x, const char *W, const char *V,
                  int64_t i, char *y)
{
    const int64_t place = i % r->tokens, row_B = r->c * 4;
    if (place)
        memcpy(y, x + (i - i / r->tokens - 1) * row_B, (size_t)row_B);
    else
        memset(y, 0, (size_t)row_B);
    if (!place) encoder_add(o, t, r, W, V, r->W_at, 0, y);
    encoder_add(o, t, r, W, V, r->P_at + place * r->c, 1 + place, y);
}

static void patch(const ly_row *r, const char *x, int64_t i, char *y)
{
    const int64_t wide_B = r->r * r->c * 4, row_B = r->w * r->c * 4, image = i / (r->oh * r->ow);
    const char   *from = x + (image * r->h + i / r->ow % r->oh * r->r) * row_B + i % r->ow * wide_B;
    for (int64_t j = 0; j < r->r; j++) memcpy(y + j * wide_B, from + j * row_B, (size_t)wide_B);
}

void cpu_encoder_part(const cpu_ops *o, ir_dtype t, const ly_row *r, const char *x, const char *W,
                      const char *V, char *y, int tid, int nthreads)
{
    size_t lo, hi;
    if (r->op == LY_PATCHES) {
        cpu_part((size_t)(r->batch * r->oh * r->ow), 1, tid, nthreads, &lo, &hi);
        for (size_t i = lo; i < hi; i++) patch(r, x, (int64_t)i, y + i * (size_t)r->k * 4);
        return;
    }
    cpu_part((size_t)r->rows, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) token(o, t, r, x, W, V, (int64_t)i, y + i * (size_t)r->c * 4);
}
