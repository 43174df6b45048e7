/* cache.h -- the key-value cache [block][2: k, v][batch][heads][cap][dh], cap = past + tokens: what a point
 * starts with, and what one sequence has in it. Private to bench/. */
#ifndef NETS_CACHE_H
#define NETS_CACHE_H
#include "kernels/nets/layer.h"
typedef struct {
    int64_t  blocks, batch, heads, past, tokens, dh;
    ir_dtype dtype;
} ly_cache;
static inline int64_t ly_cache_elems(const ly_cache *c)
{
    return c->blocks * 2 * c->batch * c->heads * (c->past + c->tokens) * c->dh;
}
/* Of one cached row; of i8 in blocks of LY_KV_GROUP values with an f16 scale before them. */
static inline int64_t ly_cache_row_B(const ly_cache *c)
{
    return c->dtype == IR_I8 ? c->dh / LY_KV_GROUP * LY_KV_BLOCK_B
                             : c->dh * (int64_t)ir_dtype_bytes(c->dtype);
}
static inline size_t ly_cache_B(const ly_cache *c)
{
    return c->dh ? (size_t)(ly_cache_elems(c) / c->dh * ly_cache_row_B(c)) : 0;
}
/* A row of dh values as the cache would hold it: to the nearest; i8: scale = largest / 127 as f16, values to
 * the nearest of it. */
void ly_cache_round(const ly_cache *, float *row);
/* n rows as bytes, of values that ly_cache_round() gave; and back. */
void ly_cache_pack(const ly_cache *, const float *rows, int64_t n, void *out);
void ly_cache_unpack(const ly_cache *, const void *rows, int64_t n, float *out);
/* Cached rows: amp times uniform [-1, 1). The rows to come hold 1000, so that a kernel that does not write
 * them fails. */
void ly_cache_fill(const ly_cache *, void *cache, float amp, uint64_t seed);
/* Rows [from, from + n) of one plane of sequence `item` in one block, as floats [n][dh]. Planes: keys of each
 * head, then values. */
void ly_cache_load(const ly_cache *, const void *cache, int64_t block, int64_t item, int64_t plane,
                   int64_t from, int64_t n, float *out);
/* Are the cached rows still what ly_cache_fill() put there? What they were before? */
bool ly_cache_intact(const ly_cache *, const void *cache, float amp, uint64_t seed);
bool ly_cache_kept(const ly_cache *, const void *before, const void *after);
#endif
