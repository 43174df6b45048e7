/* format.c -- see format.h. */
#include "kernels/nets/format.h"
#include "kernels/nets/clones.h"
#include "kernels/nets/values.h"

#include <string.h>

enum { HALF = 16 }; /* i4: of each 32 values byte j holds j and j + 16 */

static uint16_t format_u16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

LY_CLONES
static void format_bytes(uint8_t *p, int64_t n, uint64_t place, uint64_t seed)
{
    for (int64_t i = 0; i + 4 <= n; i += 4) {
        uint32_t h = ir_hash32(seed, place + (uint64_t)i / 4);
        for (int k = 0; k < 4; k++) p[i + k] = (uint8_t)(h >> 8 * k);
    }
}

void ly_fill_groups(ir_dtype t, ly_format f, void *W, int64_t at, int64_t n, float amp, uint64_t seed)
{
    const int64_t block = ly_block_B(t, f), values = block - 2;
    const float   d = t == IR_I4 ? amp / 8 : amp / 127;
    for (int64_t g = at / f.group; g < (at + n) / f.group; g++) {
        uint8_t *p = (uint8_t *)W + g * block;
        uint16_t s = ly_f32_to_f16(d * (1 + ir_rand_f32(seed + 1, (uint64_t)g) / 4));
        p[0] = (uint8_t)s;
        p[1] = (uint8_t)(s >> 8);
        format_bytes(p + 2, values, (uint64_t)(g * values / 4), seed);
        for (int64_t i = 2; t == IR_I8 && i < block; i++) p[i] = p[i] == 128 ? 129 : p[i]; /* -127 .. 127 */
    }
}

void ly_fill_zeros(ir_dtype t, ly_format f, void *W, int64_t n, uint64_t seed)
{
    if (!f.group || !f.zeros) return;
    uint8_t *z = (uint8_t *)W + ly_W_offset(t, f, n);
    for (int64_t i = 0; i < (n / f.group + 1) / 2; i++) {
        uint32_t h = ir_hash32(seed, (uint64_t)i);
        z[i] = (uint8_t)((6 + (h & 3u)) | (6 + (h >> 2 & 3u)) << 4);
    }
}

int ly_zero_of(const ly_stored *s, int64_t group)
{
    if (!s->f.zeros) return 8;
    return ((const uint8_t *)s->W + ly_W_offset(s->t, s->f, s->n))[group / 2] >> group % 2 * 4 & 15;
}

LY_CLONES
static void format_i4(const uint8_t *q, int64_t n, float d, float z, float *out)
{
    for (int64_t i = 0; i < n; i += 2 * HALF, q += HALF, out += 2 * HALF)
        for (int j = 0; j < HALF; j++) {
            out[j] = d * ((float)(q[j] & 15) - z);
            out[j + HALF] = d * ((float)(q[j] >> 4) - z);
        }
}

LY_CLONES
static void format_i8(const int8_t *q, int64_t n, float d, float *out)
{
    for (int64_t i = 0; i < n; i++) out[i] = d * (float)q[i];
}

void ly_load_stored(const ly_stored *s, int64_t at, int64_t n, float *out)
{
    const int64_t group = s->f.group;
    if (!group) {
        ly_load(s->t, s->W, at, n, out);
        return;
    }
    for (int64_t g = at / group; g < (at + n) / group; g++, out += group) {
        const uint8_t *p = (const uint8_t *)s->W + g * ly_block_B(s->t, s->f);
        const float    d = ly_f16_to_f32(format_u16(p));
        if (s->t == IR_I4)
            format_i4(p + 2, group, d, (float)ly_zero_of(s, g), out);
        else
            format_i8((const int8_t *)p + 2, group, d, out);
    }
}
