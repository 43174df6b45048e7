/* mobilenetv2.c -- MobileNetV2 of six widths: inverted residuals (1x1 expansion, absent for factor 1; 3x3
 * depthwise; 1x1 projection without activation), a shortcut where the stride is 1 and the channels agree.
 * Batch norms are folded. Channels times the width go to the nearest multiple of 8, but not below nine
 * tenths; the last convolution never has fewer than 1280. */
#include "kernels/nets/cnn.h"

enum { GROUPS = 7, ROWS = 1 + 2 + 3 * 16 + 1 + 2 };
static const struct {
    int64_t expansion, out, blocks, stride;
} group[GROUPS] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                   {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

const char *const    ly_mobilenetv2_width[LY_MOBILENETV2_WIDTHS + 1] = {"1.0", "0.35", "0.5", "0.75",
                                                                        "1.3", "1.4",  NULL};
static const int64_t hundredths[LY_MOBILENETV2_WIDTHS] = {100, 35, 50, 75, 130, 140};

static int64_t channels(int64_t c, int64_t percent)
{
    const int64_t exact = c * percent, near = (exact + 400) / 800 * 8, least = near < 8 ? 8 : near;
    return 1000 * least < 9 * exact ? least + 8 : least;
}

/* Buffers: x and the result alternate between 0 and 1; 2 and 3 hold the wide maps. */
static cnn_image mobilenetv2_block(ly_net *net, int number, cnn_image x, int64_t expansion, int64_t out,
                                   int64_t stride, int64_t batch)
{
    char      name[48];
    cnn_image y = x;
#define NAME(what) (snprintf(name, sizeof name, "b%d_" what, number), name)
    if (expansion > 1)
        y = cnn_out(cnn_conv(net, NAME("expand"), &y, 2, batch, expansion * x.c, 1, 1, 1, LY_RELU6));
    y = cnn_out(cnn_conv(net, NAME("dw"), &y, 3, batch, y.c, 3, stride, y.c, LY_RELU6));
    ly_row *last = cnn_conv(net, NAME("project"), &y, 1 - x.buf, batch, out, 1, 1, 1, LY_ID);
#undef NAME
    if (stride == 1 && x.c == out) last->add = x.buf;
    return cnn_out(last);
}

ir_status ly_mobilenetv2(int64_t batch, int64_t res, int64_t width, ly_net *net)
{
    ir_status st = cnn_valid(batch, res);
    if (st == IR_OK && (width < 0 || width >= LY_MOBILENETV2_WIDTHS))
        st = ir_fail(IR_EINVAL, "width=%lld: give 0.35, 0.5, 0.75, 1.0, 1.3 or 1.4", (long long)width);
    if (st == IR_OK) st = nets_begin(net, ROWS);
    if (st != IR_OK) return st;
    cnn_image     x = {LY_INPUT, res, res, 3};
    const int64_t percent = hundredths[width], last = percent > 100 ? channels(1280, percent) : 1280;
    int           number = 0;
    net->in_elems = batch * res * res * 3;
    x = cnn_out(cnn_conv(net, "conv0", &x, 0, batch, channels(32, percent), 3, 2, 1, LY_RELU6));
    for (int g = 0; g < GROUPS; g++)
        for (int64_t b = 0; b < group[g].blocks; b++)
            x = mobilenetv2_block(net, ++number, x, group[g].expansion, channels(group[g].out, percent),
                                  b ? 1 : group[g].stride, batch);
    x = cnn_out(cnn_conv(net, "conv_last", &x, 2, batch, last, 1, 1, 1, LY_RELU6));
    cnn_head(net, &x, 0, batch, 1000);
    return IR_OK;
}
