/* cnn.h -- what the two image networks share: an image that is passed from row to row. Private to
 * bench/nets/. */
#ifndef NETS_CNN_H
#define NETS_CNN_H
#include "kernels/nets/build.h"
typedef struct {
    int     buf;
    int64_t h, w, c;
} cnn_image; /* buf: LY_INPUT for the network's input */
/* batch and resolution, or IR_EINVAL: 32 is where the last map is one pixel. */
ir_status cnn_valid(int64_t batch, int64_t res);
/* A row over image x into buffer `out`, before its own parameters are set. */
ly_row   *cnn_row(ly_net *, ly_op, const cnn_image *x, int out, int64_t batch, const char *name);
cnn_image cnn_out(const ly_row *);
/* A convolution from x into out. */
ly_row *cnn_conv(ly_net *, const char *name, const cnn_image *x, int out, int64_t batch, int64_t k,
                 int64_t window, int64_t stride, int64_t groups, ly_act act);
/* Global average pool into `buf`, then the classifier; closes the table. */
void cnn_head(ly_net *, const cnn_image *x, int buf, int64_t batch, int64_t classes);
#endif
