/* cnn.c -- see cnn.h. */
#include "kernels/nets/cnn.h"

ir_status cnn_valid(int64_t batch, int64_t res)
{
    if (batch < 1 || batch > 1 << 16)
        return ir_fail(IR_EINVAL, "batch=%lld: give 1 to 65536 images", (long long)batch);
    if (res < 32 || res > 2048)
        return ir_fail(IR_EINVAL,
                       "res=%lld: give 32 to 2048 pixels (below 32 no pixel is left for the last stage)",
                       (long long)res);
    return IR_OK;
}

ly_row *cnn_row(ly_net *net, ly_op op, const cnn_image *x, int out, int64_t batch, const char *name)
{
    ly_row *r = nets_row(net, op, x->buf, out, "%.23s", name);
    r->batch = batch;
    r->h = x->h;
    r->w = x->w;
    r->c = r->k = x->c;
    r->groups = 1;
    return r;
}

cnn_image cnn_out(const ly_row *r) { return (cnn_image){r->out, r->oh, r->ow, r->k}; }

ly_row *cnn_conv(ly_net *net, const char *name, const cnn_image *x, int out, int64_t batch, int64_t k,
                 int64_t window, int64_t stride, int64_t groups, ly_act act)
{
    ly_row *r = cnn_row(net, LY_CONV, x, out, batch, name);
    nets_conv(net, r, k, window, stride, groups);
    r->act = act;
    return r;
}

void cnn_head(ly_net *net, const cnn_image *x, int buf, int64_t batch, int64_t classes)
{
    ly_row *pool = cnn_row(net, LY_AVGPOOL, x, buf, batch, "avgpool");
    pool->r = x->h;
    pool->s = x->w;
    pool->stride = 1;
    pool->oh = pool->ow = 1;
    ly_row *fc = nets_row(net, LY_FC, buf, LY_OUTPUT, "fc");
    fc->batch = batch;
    nets_fc(net, fc, batch, x->c, classes);
    net->out_elems = batch * classes;
    nets_end(net);
}
