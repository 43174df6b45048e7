/* dlrm.h -- recommendation networks: dense features through a bottom MLP, embedding bags, their interaction,
 * a top MLP and a sigmoid. Counts are those of the published models with every row, or of fewer rows a table.
 */
#ifndef NETS_DLRM_H
#define NETS_DLRM_H
#include "kernels/nets/zipf.h"
#include "kernels/nets/layer.h"
#ifdef __cplusplus
extern "C" {
#endif
enum { LY_DLRM_TABLES = 32, LY_DLRM_WIDTHS = 8 };
typedef enum {
    LY_DLRM_SMALL,
    LY_DLRM_V1,
    LY_DLRM_RM1,
    LY_DLRM_RM2,
    LY_DLRM_RM3,
    LY_NDLRM,
    LY_DLRM_TINY = LY_NDLRM
} ly_dlrm_size;
typedef struct {
    const char *name;
    bool        dots; /* interaction: dot products of all pairs; else the vectors joined */
    int64_t     dim;
    int         tables;
    int64_t     rows[LY_DLRM_TABLES];   /* [1] = 0: all tables have rows[0] */
    int64_t     lookups;                /* of each bag */
    int64_t     bottom[LY_DLRM_WIDTHS]; /* widths, dense features first, up to a 0; ends in dim */
    int64_t     top[LY_DLRM_WIDTHS];    /* widths after the interaction, up to a 0; ends in 1 */
} ly_dlrm_shape;
extern const ly_dlrm_shape ly_dlrm_shapes[LY_NDLRM + 1];
/* Rows of table t under a cap; 0: none. */
int64_t ly_dlrm_rows(const ly_dlrm_shape *, int table, int64_t cap);
/* The table of a step. One matrix holds all embedding tables one after the other, and look-ups are row
 * numbers in it. s: Zipf exponent of the look-ups, 0: uniform. */
ir_status ly_dlrm(const ly_dlrm_shape *, int64_t batch, int64_t cap, double s, ly_net *out);
/* Fill the look-ups of a LY_BAG: `tables` with `rows` each (see ly_dlrm_rows()), `lookups` a bag, bags of a
 * sample after each other. to: rows + 1 + lookups values of int32, at any address. */
void ly_dlrm_lookups(const ly_dlrm_shape *, int64_t batch, int64_t cap, double s, void *to, uint64_t seed);
#ifdef __cplusplus
}
#endif
#endif
