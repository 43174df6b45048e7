/* dscnn.c -- DS-CNN, small: keyword spotting as MLPerf Tiny has it. 49 frames of 10 coefficients; a 10x4
 * convolution of stride 2, four pairs of a 3x3 depthwise and a 1x1 convolution with 64 channels, an average,
 * 12 classes. Batch norms are folded. Padding is TensorFlow's "same": what is odd of it goes below and to the
 * right. The average is over 24x5 of a 25x5 map: it leaves the last row out. */
#include "kernels/nets/cnn.h"

enum { FRAMES = 49, COEFFICIENTS = 10, CHANNELS = 64, PAIRS = 4, CLASSES = 12, ROWS = 1 + 2 * PAIRS + 2 };

static int64_t same_before(int64_t n, int64_t window, int64_t stride)
{
    const int64_t out = (n + stride - 1) / stride, all = (out - 1) * stride + window - n;
    return all > 0 ? all / 2 : 0;
}

static cnn_image first_conv(ly_net *net, const cnn_image *x, int64_t batch)
{
    ly_row *r = cnn_row(net, LY_CONV, x, 0, batch, "conv1");
    nets_conv2(net, r, CHANNELS, 10, 4, 2, same_before(x->h, 10, 2), same_before(x->w, 4, 2));
    r->oh = (x->h + 1) / 2;
    r->ow = (x->w + 1) / 2;
    r->act = LY_RELU;
    return cnn_out(r);
}

ir_status ly_dscnn(int64_t batch, ly_net *net)
{
    ir_status st = cnn_valid(batch, COEFFICIENTS * COEFFICIENTS);
    if (st == IR_OK) st = nets_begin(net, ROWS);
    if (st != IR_OK) return st;
    cnn_image x = {LY_INPUT, FRAMES, COEFFICIENTS, 1};
    char      name[24];
    net->in_elems = batch * FRAMES * COEFFICIENTS;
    x = first_conv(net, &x, batch);
    for (int i = 1; i <= PAIRS; i++) {
        snprintf(name, sizeof name, "dw%d", i);
        x = cnn_out(cnn_conv(net, name, &x, 1, batch, CHANNELS, 3, 1, CHANNELS, LY_RELU));
        snprintf(name, sizeof name, "pw%d", i);
        x = cnn_out(cnn_conv(net, name, &x, 0, batch, CHANNELS, 1, 1, 1, LY_RELU));
    }
    cnn_head(net, &x, 1, batch, CLASSES);
    net->row[net->n - 2].r = x.h - 1;
    net->params += CHANNELS * (1 + 2 * PAIRS); /* convolutions have biases beside their batch norms */
    return IR_OK;
}
