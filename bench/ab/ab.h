/* ab.h -- drives a comparison: blocks, looks, confirmation. What a process does is a callback, so that tests
 * can play it. */
#ifndef BENCH_GATE_AB_H
#define BENCH_GATE_AB_H
#include "bench/ab/trial.h"

enum { AB_ARG = 256 };
/* Does argument i ("gemm:m=64,dtype=f32" or "...,threads=2") give the point of this key
 * ("cpu/gemm/blocked:m=64,dtype=f32,threads=2, cache=hot")? One without threads gives the point at the
 * child's own number of them: not what another argument asks for by number. */
bool ab_text_gives(const char (*arg)[AB_ARG], size_t n, size_t i, const char *key);

typedef struct ab ab;
typedef struct {
    /* Run one process of side 'A' or 'B' over the arguments order[0..n) and put what it measured into ab->t
     * by ab_seen(). IR_ECHECK: it failed (ir_why() says how): its points are missing; anything else ends the
     * comparison. */
    ir_status (*process)(ab *, char side, const size_t *order, size_t n);
    /* Reference kernels right now, seconds; NAN where one cannot be run. NULL: none. */
    ir_status (*reference)(ab *, double out[TRIAL_REFS]);
    double (*now)(ab *);
    void (*progress)(ab *, const char *what); /* before each process; NULL: none */
    /* Does argument `arg` give the point of this key? NULL: every argument may. */
    bool (*gives)(ab *, size_t arg, const char *key);
    void *ctx;
} ab_driver;
struct ab {
    ab_driver drive;
    trial     t;
    uint64_t  seed;
    size_t    nargs;  /* arguments to shuffle */
    size_t    blocks; /* of the first look */
    size_t    most;   /* no look beyond so many blocks; 0: IR_AB_USUAL_BLOCKS */
    bool      more;   /* further looks where a point is undecided, or flagged and not confirmed */
    bool      confirm;
    double    max_s; /* begin no block that would end later; INFINITY: no limit */
    /* state */
    bool   fresh;            /* the blocks run now are the confirmation's */
    size_t block;            /* index of the running one */
    int    slot;             /* first or second process of its side */
    size_t process, done;    /* processes to run in all as far as known; run */
    double start_s, block_s; /* time the last block took */
    double reserve_s;        /* kept back from further looks, for the confirmation */
    bool   broken;           /* a process failed: nothing more is run */
    bool   out_of_time;
};
/* Blocks, looks and confirmation until every point has its verdict, a process fails or the time is over.
 * Verdicts are in a->t after every outcome. IR_OK, IR_EINTR or what ended it. */
ir_status ab_run(ab *);
/* Called by `process` for each row: seconds, or why it is no measurement. */
ir_status ab_seen(ab *, char side, const char *key, double time_s, const char *bad);
#endif
