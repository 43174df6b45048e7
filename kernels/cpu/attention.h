/* attention.h -- causal attention over a key-value cache, seen by all threads that share one call: new keys
 * and values are appended, then every query meets the cache once, block by block, with a running maximum and
 * sum, so that scores never leave L1. Queries that share a head of keys and values meet it together: its
 * cache is read once for all of them. Cache planes of one block of the network: [batch][kv_heads][cap][dh]
 * each; f32 and bf16 are multiplied as they are, f16 and i8 widened to f32 block by block. */
#ifndef CPU_ATTENTION_H
#define CPU_ATTENTION_H
#include "kernels/cpu/linear.h"

/* acc[m][dh] += p[m][n] v[n][dh], m <= rows; v in the cache's dtype. Strides in floats. */
typedef struct {
    void (*weigh)(ir_dtype, size_t rows, size_t n, size_t dh, const float *p, size_t ps, const void *v,
                  float *acc, size_t as);
    /* n cached rows of dh in f16 or i8 (ly_cache's blocks) as f32, one after the other. */
    void (*widen)(ir_dtype, size_t n, size_t dh, const void *rows, float *out);
} cpu_attention_ops;

/* Cosines, then sines, of the dh/2 pairs for each of the new positions; f32. */
size_t cpu_turn_floats(const ly_row *);
void   cpu_turn_fill(const ly_row *, float *out);

typedef struct {
    const cpu_linear_ops    *dots;
    const cpu_ops           *ops;
    const cpu_attention_ops *isa;
    ir_pool                 *pool;
    ir_dtype                 kv;
    bool                     all; /* every query sees every key */
    size_t                   batch, heads, kv_heads, dh, tokens, past, cap;
    size_t        each, width, row_B; /* queries per kv head; floats of an input row; of the cache */
    ly_rope_pairs pairs;
    const float  *turn;     /* cpu_turn_fill(); not looked at without pairs */
    size_t        segments; /* a single query's cache is split among so many threads */
    const char   *qkv;      /* f32 [batch*tokens][(heads + 2 kv_heads)*dh] */
    char         *k, *v;
    char         *y;    /* f32 [batch*tokens][heads*dh] */
    char         *work; /* threads * thread_B, then the segments' parts */
    size_t        thread_B, work_B;
} cpu_attention;
/* Everything but the pointers. cap: rows of the cache per head. */
void cpu_attention_plan(const ir_dev *, const ly_row *, size_t cap, ir_dtype kv, int threads,
                        cpu_attention *out);
/* All threads of the region call it; the last ones may leave before the first has finished its part. */
void cpu_attention_part(const cpu_attention *, int tid, int nthreads);
#endif
