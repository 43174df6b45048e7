/* linear_q.h -- products with weights that are stored in groups (ly_format), or in e4m3 with a scale a row.
 * Weights are read in place and once. Activations come in two ways:
 *   exact  f32 as they are; weights are widened in registers
 *   int8   rounded in blocks of 32 to the nearest of 127 steps of the block's largest (CPU_Q_BLOCK); products
 *          are then of whole numbers: vpdpbusd where the processor has it, else pairs that cannot overflow
 * A zero point z costs no instruction a weight: sum w x = d (sum q x - z sum x), and the sums of x are packed
 * with it. */
#ifndef CPU_LINEAR_Q_H
#define CPU_LINEAR_Q_H
#include "kernels/cpu/linear.h"

enum { CPU_Q_BLOCK = 32, CPU_Q_M = 4 }; /* CPU_Q_M: most rows of X that meet a row of W at once */
typedef enum { CPU_Q_I4, CPU_Q_I8, CPU_Q_F8, CPU_NQ } cpu_q_kind;
typedef enum { CPU_Q_EXACT, CPU_Q_INT, CPU_Q_VNNI512, CPU_Q_VNNI, CPU_NQWAY } cpu_q_way;

/* How a matrix is stored, and where. */
typedef struct cpu_q_matrix {
    cpu_q_kind  kind;
    size_t      c, group, block_B, row_B; /* group: c of e4m3 */
    const char *w;
    const char *zeros;   /* plane of 4-bit zero points; NULL: 8 */
    size_t      zero_at; /* that of row 0's first group */
} cpu_q_matrix;

/* y[m] = row j of W times rows of X, m < M <= CPU_Q_M; ys in floats; y at any byte. */
typedef void (*cpu_q_dot_fn)(const cpu_q_matrix *, size_t j, const char *x, size_t xs, int M, char *y,
                             size_t ys);
typedef struct {
    cpu_q_dot_fn dot[CPU_NQ][CPU_NQWAY]; /* NULL: this ISA's sources have no such way */
    /* Many rows of X, in one of the ways: rows [j, j+n) of W, n <= panel_rows, unpacked to panel_B bytes,
     * then y[m][0..n) = them times rows of X; ys in floats. panel_rows 0: this ISA's sources have no such
     * thing. */
    cpu_q_way panel_way;
    size_t    panel_rows;
    size_t (*panel_B)(size_t c);
    void (*panel)(const cpu_q_matrix *, size_t j, size_t n, void *out);
    void (*panel_dot)(size_t c, const void *panel, const char *x, size_t xs, size_t rows, size_t n, char *y,
                      size_t ys);
    size_t (*packed_B)(cpu_q_way, size_t c);
    void (*pack)(cpu_q_way, size_t c, const void *x, void *out); /* one row of f32 at any byte */
    /* n elements of row j from `at`, a multiple of the group or of e4m3 any, as f32. */
    void (*load)(const cpu_q_matrix *, size_t j, size_t at, size_t n, float *out);
} cpu_q_ops;
const cpu_q_ops *cpu_q_ops_of(const ir_dev *);

/* Is a row's W one of these? */
bool cpu_q_is(ir_dtype, ly_format);
/* The matrix of a row without w and zeros. */
cpu_q_matrix cpu_q_matrix_of(ir_dtype, const ly_row *);
/* Where it lies: W of a network of nW elements. */
void cpu_q_bind(cpu_q_matrix *, ir_dtype, const ly_row *, int64_t nW, const char *W);
/* The fastest way of this processor; EXACT when asked for, and always of e4m3. */
cpu_q_way cpu_q_way_of(const ir_dev *, cpu_q_kind, bool exact);
size_t    cpu_q_stride(const cpu_q_ops *, cpu_q_way, size_t c);
/* Whether this way takes any number of rows at its best. */
bool cpu_q_has_panels(const cpu_q_ops *, cpu_q_way);
/* Bytes of a thread's workspace for cpu_q_pass(). */
size_t cpu_q_scratch_B(const cpu_q_ops *, cpu_q_way, size_t rows, size_t c);
/* Rows [lo, hi) of W past l->rows packed rows of X, and what follows the sums. */
void cpu_q_pass(const cpu_linear *, const cpu_q_ops *, cpu_q_way, const cpu_q_matrix *, size_t lo, size_t hi,
                void *scratch);
#endif
