/* build.c -- see build.h. */
#include "kernels/nets/build.h"
#include "harness/left_out.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

ir_status nets_begin(ly_net *net, int n)
{
    memset(net, 0, sizeof *net);
    net->row = calloc((size_t)n, sizeof *net->row);
    if (net->row) return IR_OK;
    ir_left_out("a network's table of layers"); /* a cost has no status to tell it */
    return ir_fail(IR_ENOMEM, "no memory for a table of %d layers", n);
}

ly_row *nets_row(ly_net *net, ly_op op, int in, int out, const char *name, ...)
{
    ly_row *r = &net->row[net->n++];
    va_list ap;
    va_start(ap, name);
    vsnprintf(r->name, sizeof r->name, name, ap);
    va_end(ap);
    r->op = op;
    r->in = in;
    r->out = out;
    r->add = LY_NONE;
    r->W_at = r->b_at = r->g_at = r->s_at = r->P_at = -1;
    return r;
}

static int64_t build_take(int64_t *end, int64_t n, int64_t align)
{
    int64_t at = (*end + align - 1) / align * align;
    *end = at + n;
    return at;
}

/* A multiple of every group of weights (ly_format). */
int64_t nets_take_W(ly_net *net, int64_t n) { return build_take(&net->nW, n, 128); }
int64_t nets_take_V(ly_net *net, int64_t n) { return build_take(&net->nV, n, 16); }

static void parameters(ly_net *net, ly_row *r, int64_t n)
{
    r->nW = n;
    r->W_at = nets_take_W(net, n);
    r->b_at = nets_take_V(net, r->k);
    r->s_at = nets_take_V(net, r->k);
}

void nets_product(ly_net *net, ly_row *r, int64_t rows, int64_t c, int64_t k)
{
    r->rows = rows;
    r->c = c;
    r->k = k;
    r->nW = c * k;
    r->W_at = nets_take_W(net, r->nW);
    r->s_at = nets_take_V(net, k);
    net->params += r->nW;
}

static void build_filter(ly_net *net, ly_row *r, int64_t k, int64_t rows, int64_t cols, int64_t groups)
{
    r->k = k;
    r->r = rows;
    r->s = cols;
    r->groups = groups;
    parameters(net, r, k * rows * cols * (r->c / groups));
    net->params += r->nW + 2 * k;
}

void nets_conv2(ly_net *net, ly_row *r, int64_t k, int64_t rows, int64_t cols, int64_t stride, int64_t pad,
                int64_t pad_w)
{
    r->stride = stride;
    r->pad = pad;
    r->pad_w = pad_w;
    build_filter(net, r, k, rows, cols, 1);
}

void nets_conv(ly_net *net, ly_row *r, int64_t k, int64_t window, int64_t stride, int64_t groups)
{
    r->stride = stride;
    r->pad = r->pad_w = window / 2;
    r->oh = nets_window(r->h, window, stride, r->pad);
    r->ow = nets_window(r->w, window, stride, r->pad);
    build_filter(net, r, k, window, window, groups);
}

void nets_fc(ly_net *net, ly_row *r, int64_t rows, int64_t c, int64_t k)
{
    r->rows = rows;
    r->c = c;
    r->k = k;
    parameters(net, r, c * k);
    net->params += r->nW + k;
}

/* ---- shared matrices ------------------------------------------------------------------------- */
/* The head is the embedding's table, and stays it. */
static bool shareable(const ly_net *net, const ly_row *r)
{
    return (r->op == LY_CONV || r->op == LY_FC) && r->W_at >= 0 &&
           !(net->row[0].op == LY_EMBED && r->W_at == net->row[0].W_at);
}

bool ly_same_shape(const ly_row *a, const ly_row *b)
{
    return a->op == b->op && a->batch == b->batch && a->rows == b->rows && a->h == b->h && a->w == b->w &&
           a->c == b->c && a->k == b->k && a->r == b->r && a->s == b->s && a->stride == b->stride &&
           a->pad == b->pad && a->pad_w == b->pad_w && a->groups == b->groups;
}

static void build_place(ly_net *net, int i, int64_t common)
{
    ly_row *r = &net->row[i];
    for (int k = 0; common < 0 && k < i; k++) {
        const ly_row *e = &net->row[k];
        if (!shareable(net, e) || !ly_same_shape(e, r)) continue;
        r->W_at = e->W_at;
        r->b_at = e->b_at;
        r->s_at = e->s_at;
        return;
    }
    r->W_at = common < 0 ? nets_take_W(net, r->nW) : common;
}

void ly_share(ly_net *net, bool any_shape)
{
    const ly_row *first = &net->row[0];
    int64_t       largest = 0;
    for (int i = 0; i < net->n; i++)
        if (shareable(net, &net->row[i]) && net->row[i].nW > largest) largest = net->row[i].nW;
    net->nW = first->op != LY_EMBED ? 0
              : first->P_at < 0     ? first->W_at + first->nW
                                    : first->P_at + first->context * first->c;
    int64_t common = any_shape ? nets_take_W(net, largest) : -1;
    for (int i = 0; i < net->n; i++)
        if (shareable(net, &net->row[i])) build_place(net, i, common);
}

void nets_end(ly_net *net)
{
    for (int i = 0; i < net->n; i++) {
        const ly_row *r = &net->row[i];
        int64_t       n = ly_out_elems(r);
        if (r->out < 0) continue;
        if (r->out >= net->nbuf) net->nbuf = r->out + 1;
        if (net->buf[r->out] < n) net->buf[r->out] = n;
    }
}
