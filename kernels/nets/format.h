/* format.h -- weights stored in groups (ly_format, layer.h): filling them from a seed and reading them back.
 * Positions and lengths are whole groups. */
#ifndef NETS_FORMAT_H
#define NETS_FORMAT_H
#include "kernels/nets/layer.h"
/* A tensor W of n elements, its values of dtype t; any address. */
typedef struct {
    ir_dtype    t;
    ly_format   f;
    int64_t     n;
    const void *W;
} ly_stored;
/* Elements [at, at + n): values over their whole range, scales such that weights are about amp times uniform
 * [-1, 1). A pure function of the seed and the place. Zero points apart. */
void ly_fill_groups(ir_dtype, ly_format, void *W, int64_t at, int64_t n, float amp, uint64_t seed);
/* The zero points of a tensor of n elements: 6 to 9. Nothing without. */
void ly_fill_zeros(ir_dtype, ly_format, void *W, int64_t n, uint64_t seed);
/* Elements [at, at + n) as floats, exactly; without groups as ly_load(). */
void ly_load_stored(const ly_stored *, int64_t at, int64_t n, float *out);
/* The zero point of a group; 8 without. */
int ly_zero_of(const ly_stored *, int64_t group);
#endif
