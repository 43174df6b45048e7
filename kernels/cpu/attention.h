/* attention.h -- causal attention over a key-value cache, seen by all threads that share one call: new keys
 * and values are appended, then every query meets the cache once, block by block, with a running maximum and
 * sum, so that scores never leave L1. Queries that share a head of keys and values meet it together: its
 * cache is read once for all of them. Cache planes of one block of the network: [batch][kv_heads][cap][dh]
 * each; f32 and bf16 are multiplied as they are, f16 and i8 widened to f32 block by block. Many queries, each
 * with keys and values of its own, go by the register tiles of the matrix product (attention_prefill.c). */
#ifndef CPU_ATTENTION_H
#define CPU_ATTENTION_H
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/linear.h"

/* acc[m][dh] += p[m][n] v[n][dh], m <= rows; v in the cache's dtype. Strides in floats. */
typedef struct {
    void (*weigh)(ir_dtype, size_t rows, size_t n, size_t dh, const float *p, size_t ps, const void *v,
                  float *acc, size_t as);
    /* n cached rows of dh in f16 or i8 (ly_cache's blocks) as f32, one after the other. */
    void (*widen)(ir_dtype, size_t n, size_t dh, const void *rows, float *out);
    /* For tiles of `mr` rows and `nr` columns. Rows of V as panels of columns: out[panel][n][mr]. */
    void (*panels)(ir_dtype, size_t n, size_t dh, size_t mr, const void *v, float *out);
    /* One more block of scores s[n][nr], a column for each query, becomes probabilities relative to the
     * running maxima; sums and results o[dh][nr] are scaled down to them. Query q sees key k of the block
     * where first + k <= q. max, sum: [nr]. */
    void (*fold)(size_t n, size_t nr, ptrdiff_t first, float *s, float *max, float *sum, size_t dh, float *o);
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
    size_t              each, width, row_B; /* queries per kv head; floats of an input row; of the cache */
    ly_rope_pairs       pairs;
    const float        *turn;     /* cpu_turn_fill(); not looked at without pairs */
    size_t              segments; /* a single query's cache is split among so many threads */
    const char         *qkv;      /* f32 [batch*tokens][(heads + 2 kv_heads)*dh] */
    char               *k, *v;
    char               *y;    /* f32 [batch*tokens][heads*dh] */
    char               *work; /* threads * thread_B, then the segments' parts */
    size_t              thread_B, work_B;
    const cpu_gemm_ops *tile;  /* many queries: the product's tiles; NULL: few */
    size_t              group; /* their queries that share a packed block of the cache */
} cpu_attention;
/* Everything but the pointers. cap: rows of the cache per head. */
void cpu_attention_plan(const ir_dev *, const ly_row *, size_t cap, ir_dtype kv, int threads,
                        cpu_attention *out);
/* All threads of the region call it; the last ones may leave before the first has finished its part. */
void cpu_attention_part(const cpu_attention *, int tid, int nthreads);

/* ---- between attention.c and attention_prefill.c --------------------------------------------- */
/* A head of keys and values, and the queries that share it: number m is that of token m / each. */
typedef struct {
    const char *q, *kv; /* of the sequence's first token: the first of its queries, its key */
    char       *k, *v, *y;
    size_t      row_B;
} cpu_attention_head;
cpu_attention_head cpu_attention_head_of(const cpu_attention *, size_t sequence, size_t head);
/* Chooses tile and group, and thread_B for them, where there are queries enough. */
void cpu_attention_plan_prefill(const ir_dev *, cpu_attention *, size_t threads);
/* After the new keys and values are in the cache. */
void cpu_attention_prefill(const cpu_attention *, int tid, int nthreads);
#endif
