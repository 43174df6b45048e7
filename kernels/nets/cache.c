/* cache.c -- see cache.h. */
#include "kernels/nets/cache.h"
#include "kernels/nets/values.h"

#include <string.h>

void ly_cache_fill(const ly_cache *c, void *cache, float amp, uint64_t seed)
{
    int64_t cap = c->past + c->tokens, planes = c->blocks * 2 * c->batch * c->heads;
    for (int64_t i = 0; i < planes; i++) {
        ly_fill(c->dtype, cache, i * cap * c->dh, c->past * c->dh, amp, seed);
        ly_fill_const(c->dtype, cache, (i * cap + c->past) * c->dh, c->tokens * c->dh, 1000);
    }
}

void ly_cache_load(const ly_cache *c, const void *cache, int64_t block, int64_t item, int64_t plane,
                   int64_t from, int64_t n, float *out)
{
    int64_t cap = c->past + c->tokens, sequence = (2 * block + plane / c->heads) * c->batch + item;
    ly_load(c->dtype, cache, ((sequence * c->heads + plane % c->heads) * cap + from) * c->dh, n * c->dh, out);
}

bool ly_cache_kept(const ly_cache *c, const void *before, const void *after)
{
    size_t      width = ly_width(c->dtype), row = (size_t)c->dh * width, cap = (size_t)(c->past + c->tokens);
    const char *a = before, *b = after;
    for (int64_t i = 0; i < c->blocks * 2 * c->batch * c->heads; i++, a += cap * row, b += cap * row)
        if (memcmp(a, b, (size_t)c->past * row)) return false;
    return true;
}

bool ly_cache_intact(const ly_cache *c, const void *cache, float amp, uint64_t seed)
{
    enum { STEP = 1024 };
    uint32_t      want[STEP];
    const int64_t width = (int64_t)ly_width(c->dtype), cap = c->past + c->tokens, n = c->past * c->dh;
    for (int64_t i = 0; i < c->blocks * 2 * c->batch * c->heads; i++)
        for (int64_t k = 0; k < n; k += STEP) {
            const int64_t at = i * cap * c->dh + k, m = n - k < STEP ? n - k : STEP;
            ly_make(c->dtype, want, at, m, amp, seed);
            if (memcmp(want, (const char *)cache + at * width, (size_t)(m * width))) return false;
        }
    return true;
}
