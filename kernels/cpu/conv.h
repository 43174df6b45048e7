/* conv.h -- convolutions on NHWC activations in f32: the per-ISA parts, and a plan that runs one ly_row.
 *
 * A plan is made once for a row and a number of threads, packs the row's weights and bias into a form of its
 * own, and then runs inside a parallel region, thread by thread. The kernels of family "conv" and the
 * executor of whole networks share it. Tensors may start at any byte; packed weights and workspaces start at
 * multiples of 64. */
#ifndef CPU_CONV_H
#define CPU_CONV_H
#include "kernels/nets/layer.h"
#include "kernels/cpu/cpu.h"

enum { CPU_CONV_MAX_ROWS = 14, CPU_WINO_N = 36, CPU_DW_TAPS = 49 };

/* What every register tile of one convolution shares. Steps are in bytes. */
typedef struct {
    size_t pitch;                 /* input: from one output pixel's to its right neighbour's */
    size_t c, cols, rows, chunks; /* reduction: chunks of c channels, under each of rows x cols taps */
    size_t col_B, row_B, chunk_B; /* input: between the taps of a row, rows of taps, chunks */
    size_t y_pitch;               /* output (and residual): between pixels */
    int    act;                   /* ly_act: LY_ID, LY_RELU, LY_RELU6 */
} cpu_conv_tile;
/* Where one tile is: y = act(bias + sum over the taps of a*b + add), pixels x channels. */
typedef struct {
    const char  *a0, *a1; /* input of pixel 0, and of pixel `half`: under tap (0,0), which need not exist */
    const float *b;       /* [chunk][row][col][c][nr] */
    const float *bias;    /* NULL: none */
    const char  *add;     /* residual; NULL: none */
    char        *y;
    const char  *next_a, *next_b; /* what to fetch into the second-level cache meanwhile, 64 bytes a step */
    size_t       r_lo, r_hi;      /* rows of taps inside the image */
    bool         left, right; /* the first pixel lacks the first tap of a row, the last pixel the last one */
} cpu_conv_at;
typedef void (*cpu_conv_tile_fn)(const cpu_conv_tile *, const cpu_conv_at *);
typedef struct {
    size_t           mr, half, nr, vf;              /* tile: mr pixels x nr channels; the vector's width */
    cpu_conv_tile_fn full[CPU_CONV_MAX_ROWS + 1];   /* [pixels], nr channels */
    cpu_conv_tile_fn narrow[CPU_CONV_MAX_ROWS + 1]; /* [pixels], vf channels */
    cpu_conv_tile_fn pair_full, pair_narrow; /* mr pixels in two rows: `left` and `right` hold for either */
    /* `pixels` outputs of a row in a depthwise convolution of c channels: taps[i] is the input of the row's
     * first pixel under tap i (NULL: outside), w[tap][c]. step_B: input bytes between outputs. */
    void (*depthwise)(size_t pixels, size_t c, int ntaps, const char *const *taps, size_t step_B,
                      const float *w, const float *bias, const char *add, int act, char *y);
    void (*bias)(size_t rows, size_t c, const float *bias, char *y);       /* y += bias */
    void (*act)(size_t n, int act, char *y);                               /* y = act(y) */
    void (*add)(size_t n, const char *a, const char *b, int act, char *y); /* y = act(a + b) */
    /* y[c] = the largest, or the sum times scale, of n pixels. */
    void (*maximum)(size_t c, size_t n, const char *const *px, char *y);
    void (*mean)(size_t c, size_t n, const char *px, size_t px_B, float scale, char *y);
    /* Winograd F(4x4,3x3) of c channels. in: px[36], the 6x6 input pixels (never NULL), to v + i*v_B. out:
     * the 36 sums at m + i*m_B to px[16], NULL where outside the image; add[16] likewise, or NULL for no
     * residual. */
    void (*wino_in)(size_t c, const char *const *px, char *v, size_t v_B);
    void (*wino_out)(size_t c, const char *m, size_t m_B, const float *bias, const char *const *add, int act,
                     char *const *px);
} cpu_conv_ops;
const cpu_conv_ops *cpu_conv_ops_of(cpu_isa isa);

typedef enum {
    CPU_CONV_DIRECT,
    CPU_CONV_POINTWISE,
    CPU_CONV_WINOGRAD,
    CPU_CONV_DEPTHWISE,
    CPU_CONV_NKIND
} cpu_conv_kind;
const char *cpu_conv_kind_name(cpu_conv_kind kind); /* "direct" ... */
typedef struct {
    cpu_conv_kind       kind;
    const cpu_conv_ops *ops;
    ly_row              row;
    int                 threads, tp, tk; /* threads over pixels x over output channels */
    cpu_conv_tile       tile;
    size_t              mr;                 /* pixels of a tile, at most ops->mr */
    size_t              kblocks, kgroup;    /* blocks of nr channels; so many stay in a core's cache */
    size_t              block;              /* output rows (direct), Winograd tiles per step */
    size_t              px_B, row_B;        /* window: bytes of a pixel and of a row; 0: read in place */
    bool                pairs;              /* two output rows make one register tile */
    size_t              weight_n, packed_n; /* floats: of the packed weights; with the bias after them */
    size_t              thread_B;           /* workspace of one thread */
} cpu_conv_plan;
/* IR_SKIP with a reason where the kind does not serve the row. */
ir_status cpu_conv_can(cpu_conv_kind, const ly_row *);
ir_status cpu_conv_plan_make(const ir_dev *, cpu_conv_kind, const ly_row *, int threads, cpu_conv_plan *out);
/* W: the row's weights [k][r][s][c/groups]; bias: k floats, NULL for none. Thread tid's share of
 * packed[packed_n], of the plan's threads: blocks that this thread will read, so that its first touch places
 * them. */
void cpu_conv_pack(const cpu_conv_plan *, const void *W, const void *bias, float *packed, int tid);
/* Thread tid's share. add: NULL for none. work: thread_B bytes of its own. No barrier inside. */
void cpu_conv_part(const cpu_conv_plan *, const void *x, const float *packed, const void *add, void *y,
                   char *work, int tid);
#endif
