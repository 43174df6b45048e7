/* effects.h -- what would make a measured point faster, from the fitted law: half the bytes, a core without end,
 * more threads, one launch for all, a larger batch. What the law leaves unexplained stays as it is. */
#ifndef BENCH_EFFECTS_H
#define BENCH_EFFECTS_H
#include "bench/predict/predict.h"

typedef enum {
    EFFECT_BYTES,   /* half of every byte */
    EFFECT_CORE,    /* arithmetic takes no time: the most that a faster core can give */
    EFFECT_THREADS, /* all threads of the device; unknown when it has them already */
    EFFECT_GRAPH,   /* one launch instead of all */
    EFFECT_BATCH2,  /* items per second at 2, 4, 8 times the batch */
    EFFECT_BATCH4,
    EFFECT_BATCH8,
    EFFECT_N
} effect_what;
typedef struct {
    double factor, lo, hi; /* speed over now; 95 % interval over the fit's draws, NAN without */
} effect;                  /* factor NAN: does not apply, or cannot be said */
/* w: the point's workload, for batches; NULL: not known here. */
void effects_of(const machine_view *, const ir_workload *w, const ir_point *, effect out[EFFECT_N]);
/* "GPT-2 decode f32: half the bytes -> 183 tok/s [178, 188]; a faster core alone: at most 1.05 x; ..."; empty
 * when nothing would gain 2 %. */
void effects_sentence(const ir_point *, const effect e[EFFECT_N], char *buf, size_t n);
#endif
