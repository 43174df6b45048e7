/* linear.h -- dot products of rows of activations with rows of weights: what the linear kernels, attention
 * and the networks share. Weights [k][c] are read in place and once, as they lie in memory; activations are
 * packed before, row by row, into the order in which a tile meets them. Weights and results may start at any
 * byte; packed rows lie at multiples of 64. */
#ifndef CPU_LINEAR_H
#define CPU_LINEAR_H
#include "kernels/nets/layer.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/ops.h"

/* How a weight meets an activation. F32 and BF16 compute in f32 with exact operands; PAIRS rounds the
 * activations to bf16 and multiplies pairs exactly (vdpbf16ps); I8 rounds them to 16-bit integers with a
 * scale for each block of 1024 and adds up whole numbers (linear_i8_body.h). */
typedef enum { CPU_DOT_F32, CPU_DOT_BF16, CPU_DOT_PAIRS, CPU_DOT_I8, CPU_NDOT } cpu_dot;

/* What is prefetched: W, `by` bytes in front of the place that is read, as if its rows were read one after
 * the other; of the steps over a row, number `first` and then every `every`-th fetches what belongs to it. */
typedef struct {
    size_t by, first, every;
} cpu_ahead;
/* y[m][r] (+)= sum over c of x[m][c] w[r][c], for the tile's literal numbers of rows. bytes: of a row of W;
 * ws, xs, ys: from row to row, in bytes; ahead NULL: nothing is prefetched. */
typedef void (*cpu_tile_fn)(size_t bytes, const char *w, size_t ws, const char *x, size_t xs, char *y,
                            size_t ys, int add, const cpu_ahead *ahead);
/* y[r] = sum over c of x[c] w[r][c] for CPU_TILE_R rows of W, read one after the other. */
typedef void (*cpu_lines_fn)(size_t bytes, const char *w, size_t ws, const char *x, char *y);
enum { CPU_TILE_R = 4, CPU_TILE_M = 6 }; /* rows of W and most rows of X in a tile */
typedef struct {
    size_t most;   /* rows of X at once: what the register file holds */
    size_t step_B; /* bytes of a row of W per step; packed rows of X are zero-padded to whole steps */
    /* CPU_TILE_R rows of W, read one after the other, times one row of X: the rate of a read stream, which
     * rows side by side do not reach. Not for PAIRS. */
    cpu_lines_fn lines[CPU_NDOT];
    /* [][0]: one row of W; [][1]: CPU_TILE_R; [][][m]: rows of X. */
    cpu_tile_fn tile[CPU_NDOT][2][CPU_TILE_M + 1];
    size_t (*row_B)(cpu_dot, size_t c);                           /* bytes of a packed row */
    void (*pack)(cpu_dot, size_t c, const void *x, void *out);    /* one row of f32 */
    void (*widen)(ir_dtype, size_t n, const void *w, float *out); /* bf16 or i8 to f32, exactly */
    bool pairs; /* this ISA's sources know PAIRS; the processor must too */
} cpu_linear_ops;
const cpu_linear_ops *cpu_linear_ops_of(const ir_dev *);

/* One product, seen by all threads that share it. */
typedef struct {
    const cpu_linear_ops *ops;
    const cpu_ops        *fin;
    ir_dtype              dtype; /* of W */
    cpu_dot               dot;
    size_t                rows, c, k, w_row_B;
    const char           *w;
    const char           *bias, *scale; /* f32 [k]; NULL: none */
    const char           *add;          /* f32 [rows][k]; NULL: none; not y */
    ly_act                act;
    bool                  gate; /* add multiplies what act gives, instead */
    char                 *y;    /* f32 [rows][k] */
    const char           *x;    /* packed */
    size_t                xs;   /* bytes from packed row to packed row */
    /* W in groups or in e4m3: blocked products read it by load(), whole blocks of 32 elements; NULL: as
     * `dtype`. */
    const struct cpu_q_matrix *stored;
    void (*load)(const struct cpu_q_matrix *, size_t j, size_t at, size_t n, float *out);
} cpu_linear;
/* What follows the sums, for columns [lo, hi) of Y. */
void cpu_linear_finish(const cpu_linear *, size_t lo, size_t hi);
/* One row: exact operands. More: PAIRS where the processor has it, else widening would be what is waited for.
 */
cpu_dot cpu_linear_dot(const ir_dev *, const cpu_linear_ops *, ir_dtype w, size_t rows, bool blocked);
size_t  cpu_linear_stride(const cpu_linear_ops *, cpu_dot, size_t c);
/* Prefetch the beginning of rows [lo, hi): what a stream over them does not prefetch itself. */
void cpu_linear_warm(const cpu_linear *, size_t lo, size_t hi);
/* Rows [lo, hi) of the weights, that is columns of Y: as a stream past few rows of X, */
void cpu_linear_pass(const cpu_linear *, size_t lo, size_t hi);
/* or in blocks that stay in L2 while many rows of X pass. scratch: cpu_linear_scratch_B() bytes, this
 * thread's. */
typedef struct {
    size_t rows, depth;
} cpu_linear_block; /* of W: rows, elements of a row */
cpu_linear_block cpu_linear_block_of(const ir_dev *, const cpu_linear_ops *, ir_dtype w, cpu_dot);
size_t           cpu_linear_scratch_B(cpu_linear_block);
void cpu_linear_blocked(const cpu_linear *, cpu_linear_block, size_t lo, size_t hi, void *scratch);
#endif
