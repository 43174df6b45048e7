/* resnet50.c -- ResNet-50 v1.5: stride 2 sits in the 3x3 of the first block of stages 3 to 5; batch norms are
 * folded into weights and bias; ReLU and the residual belong to the convolution before them. */
#include "kernels/nets/cnn.h"

enum { STAGES = 4, ROWS = 1 + 1 + 52 + 1 + 1, BUFFERS = 4 };
static const struct {
    int64_t width, blocks, stride;
} stage[STAGES] = {{64, 3, 1}, {128, 4, 2}, {256, 6, 2}, {512, 3, 2}};

/* A buffer that none of a, b, c is. */
static int other(int a, int b, int c)
{
    int x = 0;
    while (x == a || x == b || x == c) x++;
    return x;
}

static cnn_image bottleneck(ly_net *net, int s, int64_t b, cnn_image x, int64_t batch)
{
    int64_t   width = stage[s].width, stride = b == 0 ? stage[s].stride : 1;
    char      name[48];
    cnn_image shortcut = x;
#define NAME(what) (snprintf(name, sizeof name, "conv%d_%d_" what, s + 2, (int)b + 1), name)
    int       t1 = other(x.buf, -1, -1), t2 = other(x.buf, t1, -1);
    cnn_image y = cnn_out(cnn_conv(net, NAME("1x1a"), &x, t1, batch, width, 1, 1, 1, LY_RELU));
    y = cnn_out(cnn_conv(net, NAME("3x3"), &y, t2, batch, width, 3, stride, 1, LY_RELU));
    if (b == 0)
        shortcut = cnn_out(
            cnn_conv(net, NAME("proj"), &x, other(x.buf, t1, t2), batch, 4 * width, 1, stride, 1, LY_ID));
    ly_row *last =
        cnn_conv(net, NAME("1x1b"), &y, other(shortcut.buf, t1, t2), batch, 4 * width, 1, 1, 1, LY_RELU);
#undef NAME
    last->add = shortcut.buf;
    return cnn_out(last);
}

ir_status ly_resnet50(int64_t batch, int64_t res, ly_net *net)
{
    ir_status st = cnn_valid(batch, res);
    if (st == IR_OK) st = nets_begin(net, ROWS);
    if (st != IR_OK) return st;
    cnn_image x = {LY_INPUT, res, res, 3};
    net->in_elems = batch * res * res * 3;
    x = cnn_out(cnn_conv(net, "conv1", &x, 0, batch, 64, 7, 2, 1, LY_RELU));
    ly_row *pool = cnn_row(net, LY_MAXPOOL, &x, 1, batch, "maxpool");
    pool->r = pool->s = 3;
    pool->stride = 2;
    pool->pad = pool->pad_w = 1;
    pool->oh = nets_window(x.h, 3, 2, 1);
    pool->ow = nets_window(x.w, 3, 2, 1);
    x = cnn_out(pool);
    for (int s = 0; s < STAGES; s++)
        for (int64_t b = 0; b < stage[s].blocks; b++) x = bottleneck(net, s, b, x, batch);
    cnn_head(net, &x, other(x.buf, -1, -1), batch, 1000);
    return IR_OK;
}
