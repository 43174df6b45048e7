/* gemm.h -- the per-ISA parts of the blocked product: packing, register tiles, and the two ways through a
 * block. All leading dimensions and offsets are in elements of the matrix they belong to; matrices may start
 * at any byte, workspaces at multiples of 64. `wide`: 0, inputs are of the computing type; 1, they are bf16
 * and are widened to f32 while they are packed or loaded. */
#ifndef CPU_GEMM_H
#define CPU_GEMM_H
#include "kernels/cpu/cpu.h"

/* The packing of B's next block, done bit by bit while the present one is multiplied, so that memory works
 * while the multipliers do. One bit is a row of a panel; bits follow the rows of B, `panels` to a row. */
typedef struct {
    int         wide;
    const void *b;            /* the next row of a panel, */
    void       *out;          /* and its place */
    size_t      panels, rows; /* whole panels in a row; rows that are not complete */
    size_t      kc, ldb;      /* depth of the block that is packed; as in pack_b */
    size_t      ahead_B;      /* prefetched: so many bytes behind b */
    size_t      every, due;   /* steps of a tile from bit to bit, to the next; due 0: nothing (more) to do */
    size_t      left;         /* panels of the row that are not done */
} cpu_gemm_side;

typedef struct {
    size_t mr, nr;     /* register tile of the packed way */
    size_t rows, cols; /* largest row group and column tile of the unpacked way */
    /* One panel of A: rows <= mr rows, kc deep, to out[kc][mr], zero-padded. */
    void (*pack_a)(int wide, size_t rows, size_t kc, const void *a, size_t lda, void *out);
    /* Panels of B: n columns, kc deep, to out[panel][kc][nr], the last panel zero-padded. */
    void (*pack_b)(int wide, size_t n, size_t kc, const void *b, size_t ldb, void *out);
    /* One panel of B from the rows of B': n <= nr of them, kc deep, to out[kc][nr], zero-padded. */
    void (*pack_bt)(size_t n, size_t kc, const void *bt, size_t ldb, void *out);
    /* C[m,n] = A B, or += where `add`: from packed panels, of A with `each` <= mr rows. side: advanced,
     * perhaps not to its end. */
    void (*block)(size_t m, size_t each, size_t n, size_t kc, const void *ap, const void *bp, void *c,
                  size_t ldc, int add, cpu_gemm_side *side);
    void (*finish_side)(cpu_gemm_side *side); /* what is left of it */
    /* X[m, kb] to groups of at most `rows` rows, each [kb][rows of the group]. */
    void (*pack_x)(int wide, size_t m, size_t kb, const void *x, size_t ldx, void *out);
    /* C[m,n] = X W or += for one band of kb rows of W, read in place and once. xp: from pack_x; tail: room
     * for kb * cols elements. */
    void (*band)(int wide, size_t m, size_t n, size_t kb, const void *xp, const void *w, size_t ldw, void *c,
                 size_t ldc, int add, void *tail);
    /* C[m,n] = A W over k rows of W, a multiple of CPU_GEMM_RUN_ROWS, for m <= rows: run by run as its rows
     * lie. */
    void (*runs)(int wide, size_t m, size_t n, size_t k, const void *a, size_t lda, const void *w, size_t ldw,
                 void *c, size_t ldc);
    void (*sum)(size_t n, void *c, const void *part); /* c += part */
} cpu_gemm_ops;

enum { CPU_GEMM_RUN_ROWS = 4 };
enum { CPU_GEMM_F32, CPU_GEMM_F64, CPU_GEMM_NTYPE };
typedef struct {
    cpu_gemm_ops type[CPU_GEMM_NTYPE];
} cpu_gemm_table;
const cpu_gemm_ops *cpu_gemm_ops_of(const ir_dev *, int type);
/* The grid of threads, tm over m rows and tn over n columns, whose busiest has the least to do. Among equals
 * the one with fewest columns: rows need no barrier per block, and what comes before and after finds its rows
 * in its own caches. pack: what an element of the other side costs each of the tm threads that pack it, in
 * multiplications with a row. */
void cpu_gemm_grid(const cpu_gemm_ops *, size_t m, size_t n, double pack, int threads, int *tm, int *tn);
#endif
