/* cache.c -- see cache.h. */
#include "kernels/nets/cache.h"
#include "kernels/nets/values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t cache_planes(const ly_cache *c) { return c->blocks * 2 * c->batch * c->heads; }

/* ---- blocks of i8 ---------------------------------------------------------------------------- */
static void cache_put_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}
static float cache_scale(const uint8_t *p) { return ly_f16_to_f32((uint16_t)(p[0] | p[1] << 8)); }

/* Scale and values of one block. */
static void cache_quantise(const float *x, uint8_t *out)
{
    float most = 0;
    for (int i = 0; i < LY_KV_GROUP; i++) most = fmaxf(most, fabsf(x[i]));
    uint16_t d = ly_f32_to_f16(most / 127);
    float    by = ly_f16_to_f32(d);
    cache_put_u16(out, d);
    for (int i = 0; i < LY_KV_GROUP; i++) {
        float q = by > 0 ? nearbyintf(x[i] / by) : 0;
        out[2 + i] = (uint8_t)(int8_t)(q > 127 ? 127 : q < -127 ? -127 : q);
    }
}

static void cache_pack_i8(const float *x, int64_t n, uint8_t *out)
{
    for (int64_t i = 0; i < n; i += LY_KV_GROUP, out += LY_KV_BLOCK_B) cache_quantise(x + i, out);
}

static void cache_unpack_i8(const uint8_t *in, int64_t n, float *x)
{
    for (int64_t i = 0; i < n; i += LY_KV_GROUP, in += LY_KV_BLOCK_B)
        for (int j = 0; j < LY_KV_GROUP; j++) x[i + j] = cache_scale(in) * (float)(int8_t)in[2 + j];
}

/* n blocks from number `at` on: values over their range, scales that differ. */
static void cache_make_i8(uint8_t *out, int64_t at, int64_t n, float amp, uint64_t seed)
{
    for (int64_t b = at; b < at + n; b++, out += LY_KV_BLOCK_B) {
        cache_put_u16(out, ly_f32_to_f16(amp / 127 * (1 + ir_rand_f32(seed + 1, (uint64_t)b) / 4)));
        ly_make(IR_I8, out + 2, b * LY_KV_GROUP, LY_KV_GROUP, amp, seed);
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */
void ly_cache_pack(const ly_cache *c, const float *rows, int64_t n, void *out)
{
    if (c->dtype == IR_I8)
        cache_pack_i8(rows, n * c->dh, out);
    else
        ly_store(c->dtype, out, 0, n * c->dh, rows);
}

void ly_cache_unpack(const ly_cache *c, const void *rows, int64_t n, float *out)
{
    if (c->dtype == IR_I8)
        cache_unpack_i8(rows, n * c->dh, out);
    else
        ly_load(c->dtype, rows, 0, n * c->dh, out);
}

void ly_cache_round(const ly_cache *c, float *row)
{
    uint8_t block[LY_KV_BLOCK_B];
    for (int64_t i = 0; c->dtype == IR_I8 && i < c->dh; i += LY_KV_GROUP) {
        cache_quantise(row + i, block);
        cache_unpack_i8(block, LY_KV_GROUP, row + i);
    }
    for (int64_t i = 0; c->dtype != IR_I8 && i < c->dh; i++) row[i] = ly_round(c->dtype, row[i]);
}

/* n cached rows from row `at` of the whole cache on, at `out`. */
static void cache_make(const ly_cache *c, void *out, int64_t at, int64_t n, float amp, uint64_t seed)
{
    if (c->dtype == IR_I8)
        cache_make_i8(out, at * (c->dh / LY_KV_GROUP), n * (c->dh / LY_KV_GROUP), amp, seed);
    else
        ly_make(c->dtype, out, at * c->dh, n * c->dh, amp, seed);
}

/* Rows to come: every value 1000. */
static void cache_spoil(const ly_cache *c, uint8_t *out, int64_t n)
{
    for (int64_t b = 0; c->dtype == IR_I8 && b < n * (c->dh / LY_KV_GROUP); b++, out += LY_KV_BLOCK_B) {
        cache_put_u16(out, ly_f32_to_f16(1000));
        memset(out + 2, 1, LY_KV_GROUP);
    }
    if (c->dtype != IR_I8) ly_fill_const(c->dtype, out, 0, n * c->dh, 1000);
}

void ly_cache_fill(const ly_cache *c, void *cache, float amp, uint64_t seed)
{
    const int64_t cap = c->past + c->tokens, row_B = ly_cache_row_B(c);
    for (int64_t i = 0; i < cache_planes(c); i++) {
        uint8_t *plane = (uint8_t *)cache + i * cap * row_B;
        cache_make(c, plane, i * cap, c->past, amp, seed);
        cache_spoil(c, plane + c->past * row_B, c->tokens);
    }
}

void ly_cache_load(const ly_cache *c, const void *cache, int64_t block, int64_t item, int64_t plane,
                   int64_t from, int64_t n, float *out)
{
    int64_t cap = c->past + c->tokens, sequence = (2 * block + plane / c->heads) * c->batch + item;
    int64_t row = (sequence * c->heads + plane % c->heads) * cap + from;
    ly_cache_unpack(c, (const char *)cache + row * ly_cache_row_B(c), n, out);
}

bool ly_cache_kept(const ly_cache *c, const void *before, const void *after)
{
    size_t      row = (size_t)ly_cache_row_B(c), cap = (size_t)(c->past + c->tokens);
    const char *a = before, *b = after;
    for (int64_t i = 0; i < cache_planes(c); i++, a += cap * row, b += cap * row)
        if (memcmp(a, b, (size_t)c->past * row)) return false;
    return true;
}

bool ly_cache_intact(const ly_cache *c, const void *cache, float amp, uint64_t seed)
{
    uint32_t      want[1024];
    const int64_t row_B = ly_cache_row_B(c), cap = c->past + c->tokens;
    const int64_t step = (int64_t)sizeof want / row_B;
    char         *one = step ? NULL : malloc((size_t)row_B), *room = one ? one : (char *)want;
    bool          same = step > 0 || one;
    for (int64_t i = 0; i < cache_planes(c); i++)
        for (int64_t k = 0, n; same && k < c->past; k += n) {
            n = !step ? 1 : c->past - k < step ? c->past - k : step;
            cache_make(c, room, i * cap + k, n, amp, seed);
            same = !memcmp(room, (const char *)cache + (i * cap + k) * row_B, (size_t)(n * row_B));
        }
    free(one);
    return same;
}
