/* exec.c -- layers on OpenCL: one executor walks the rows of a table, and an operator workload is a table of
 * one row. Few token rows go to the weight-streaming product, many to the register-blocked one; dense
 * convolutions become products (im2col, on CPUs packed straight from the image), depthwise and grouped ones
 * are direct. Weights that a kernel wants in another order are reordered in ocl_exec_prepare(). The queue is
 * in order, so one launch per row is all the synchronisation there is. tf32 is refused. */
#include "kernels/workloads/workloads_nets.h"
#include "kernels/opencl/linear.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KERNELS = 24, NO_TENSOR = -1 };
typedef enum { BY_PRODUCT, BY_DIRECT } conv_way;
typedef struct {
    char      key[48];
    cl_kernel kernel;
} named;
typedef struct {
    ly_net     net;
    ly_row     one[3]; /* an operator's rows: unfused convolutions have three */
    bool       own_net;
    ly_row    *row;
    int        n;
    conv_way   way;
    int        in, W, V, out, kv, add; /* which tensors of the workload; NO_TENSOR: none */
    ir_dtype   wt, kt;
    named      kernel[KERNELS];
    int        nkernel;
    ocl_linear linear[OCL_LINEAR_ROWS + 1];
    ocl_gemm   gemm;
    ocl_buf   *buf[LY_MAX_BUF], *scratch, *columns, *scores, *none, *turn,
        *held; /* turn: rotary
                * positions; held: keys and values of a row without a cache */
    size_t   score_groups;
    size_t  *packed_at; /* per row: where its reordered weights begin */
    size_t   npacked;   /* f32 elements of all of them */
    uint32_t cap;
} plan;

/* ---- parts ----------------------------------------------------------------------------------- */
static int    ocl_exec_type_of(ir_dtype t) { return t == IR_BF16 ? 1 : t == IR_I8 ? 2 : t == IR_F16 ? 3 : 0; }
static size_t ocl_exec_up(size_t n, size_t to) { return (n + to - 1) / to * to; }
static size_t group_size(const ocl_dev *d) { return d->cpu ? 1 : d->max_group < 64 ? 1 : 64; }

/* A kernel of nets.cl with extra options, made once per plan. */
static ir_status ocl_exec_part(ocl_dev *d, plan *p, const char *name, int v, const char *extra,
                               cl_kernel *out)
{
    char key[48], options[192];
    snprintf(key, sizeof key, "%s %d %s", name, v, extra);
    for (int i = 0; i < p->nkernel; i++)
        if (!strcmp(p->kernel[i].key, key)) return *out = p->kernel[i].kernel, IR_OK;
    if (p->nkernel == KERNELS)
        return ir_fail(IR_EINVAL, "opencl: a network with more kinds of layers than %d", KERNELS);
    snprintf(options, sizeof options, "-DV=%d -DLS=%zu -DWT=%d -DKT=%d -DK_%s %s", v, group_size(d),
             ocl_exec_type_of(p->wt), ocl_exec_type_of(p->kt), name, extra);
    named *k = &p->kernel[p->nkernel];
    snprintf(k->key, sizeof k->key, "%s", key);
    ir_status s = ocl_kernel(d, "nets", options, name, &k->kernel);
    if (s == IR_OK) p->nkernel++;
    *out = k->kernel;
    return s;
}

static int    ocl_exec_vector_of(const ocl_dev *d) { return d->cpu ? 16 : 1; }
static cl_mem tensor(const ir_run *r, const plan *p, int t)
{
    return t == NO_TENSOR ? p->none->mem : ocl_mem_of(&r->mem[t]);
}

static cl_mem ocl_exec_place(const ir_run *r, const plan *p, int buf)
{
    if (buf == LY_INPUT) return tensor(r, p, p->in);
    if (buf == LY_OUTPUT) return tensor(r, p, p->out);
    if (buf == LY_NONE) return tensor(r, p, p->add);
    return p->buf[buf]->mem;
}

static ocl_epilogue epilogue_of(const ir_run *r, const plan *p, const ly_row *w)
{
    return (ocl_epilogue){tensor(r, p, p->V),
                          w->add == LY_NONE ? p->none->mem : ocl_exec_place(r, p, w->add),
                          w->b_at,
                          ly_row_scaled(w, p->wt) ? w->s_at : -1,
                          w->add == LY_NONE ? 0
                          : w->gate         ? 2
                                            : 1,
                          (cl_int)w->act};
}

static ir_status launch(ocl_dev *d, cl_kernel k, const ocl_arg *a, int n, size_t items)
{
    size_t local = group_size(d), groups = ocl_exec_up(items ? items : 1, local) / local,
           most = d->cpu ? 4 * ocl_groups(d) : 4096;
    ir_status s = ocl_args(k, a, n);
    return s == IR_OK ? ocl_launch(d, k, groups < most ? groups : most, local) : s;
}

/* ---- one row each ---------------------------------------------------------------------------- */
static bool dense_conv(const plan *p, const ly_row *w)
{
    return w->op == LY_CONV && w->groups == 1 && p->way == BY_PRODUCT;
}
static bool direct_conv(const plan *p, const ly_row *w) { return w->op == LY_CONV && !dense_conv(p, w); }
static bool stored(const ly_row *w) { return w->op == LY_FC && w->format.group > 0; }
static bool slim(const ly_row *w) { return w->op == LY_FC && !stored(w) && w->rows <= OCL_LINEAR_ROWS; }
static bool ocl_exec_product(const plan *p, const ly_row *w)
{
    return dense_conv(p, w) || (w->op == LY_FC && !stored(w) && !slim(w));
}
static bool ocl_exec_depthwise(const ly_row *w) { return w->groups == w->c && w->c == w->k && w->groups > 1; }
static size_t product_m(const ly_row *w)
{
    return (size_t)(w->op == LY_CONV ? w->batch * w->oh * w->ow : w->rows);
}
static size_t product_k(const ly_row *w) { return (size_t)(w->op == LY_CONV ? w->r * w->s * w->c : w->c); }
static bool   plain_image(const ly_row *w)
{
    return w->r == 1 && w->s == 1 && w->stride == 1 && w->pad == 0 && w->pad_w == 0;
}

static int direct_vector(const ocl_dev *d, const ly_row *w)
{
    if (!d->cpu) return 1;
    return w->groups == 1 || (ocl_exec_depthwise(w) && w->c % 16 == 0) ? 16 : 1;
}

static size_t filters_kp(const ocl_dev *d, const ly_row *w)
{
    return ocl_exec_up((size_t)w->k, (size_t)direct_vector(d, w));
}

static ir_status do_product(ir_run *r, plan *p, int i)
{
    ocl_dev      *d = ocl_of(r->dev);
    const ly_row *w = &p->row[i];
    ocl_epilogue  e = epilogue_of(r, p, w);
    size_t        m = product_m(w), k = product_k(w);
    cl_mem        x = ocl_exec_place(r, p, w->in), y = ocl_exec_place(r, p, w->out),
           B = d->cpu ? ((ocl_buf *)r->packed)->mem : tensor(r, p, p->W);
    size_t    at = d->cpu ? p->packed_at[i] : (size_t)w->W_at;
    ir_status s = IR_OK;
    if (w->op == LY_CONV && !plain_image(w)) {
        ocl_image g = {(cl_uint)m,     (cl_uint)w->h,  (cl_uint)w->w,      (cl_uint)w->c,
                       (cl_uint)w->r,  (cl_uint)w->s,  (cl_uint)w->stride, (cl_uint)w->pad,
                       (cl_uint)w->oh, (cl_uint)w->ow, (cl_uint)w->pad_w};
        if (d->cpu) {
            s = ocl_gemm_pack_image(d, &p->gemm, x, p->scratch->mem, &g);
            x = NULL;
        } else {
            cl_kernel kernel;
            s = ocl_exec_part(d, p, "columns", 1, "", &kernel);
            const ocl_arg a[] = {OCL_A(x),        OCL_A(p->columns->mem),
                                 OCL_A(g.m),      OCL_A(g.h),
                                 OCL_A(g.w),      OCL_A(g.c),
                                 OCL_A(g.r),      OCL_A(g.s),
                                 OCL_A(g.stride), OCL_A(g.pad),
                                 OCL_A(g.oh),     OCL_A(g.ow),
                                 OCL_A(g.pad_w)};
            if (s == IR_OK) s = launch(d, kernel, a, 13, m * k);
            x = p->columns->mem;
        }
    }
    return s == IR_OK ? ocl_gemm_run(d, &p->gemm, x, B, at, y, d->cpu ? p->scratch->mem : NULL, m,
                                     (size_t)w->k, k, &e)
                      : s;
}

static ir_status do_direct(ir_run *r, plan *p, int i)
{
    ocl_dev      *d = ocl_of(r->dev);
    const ly_row *w = &p->row[i];
    cl_kernel     kernel;
    char          extra[32];
    int           v = direct_vector(d, w),
        mode = w->groups == 1          ? 0
               : ocl_exec_depthwise(w) ? 1
                                       : 2,
        pix = d->cpu && mode < 2 ? 6 : 1;
    ocl_epilogue e = epilogue_of(r, p, w);
    cl_mem x = ocl_exec_place(r, p, w->in), y = ocl_exec_place(r, p, w->out), F = ((ocl_buf *)r->packed)->mem;
    cl_ulong at = p->packed_at[i];
    cl_uint  u[] = {(cl_uint)w->batch,  (cl_uint)w->h,    (cl_uint)w->w,
                    (cl_uint)w->c,      (cl_uint)w->k,    (cl_uint)filters_kp(d, w),
                    (cl_uint)w->r,      (cl_uint)w->s,    (cl_uint)w->stride,
                    (cl_uint)w->pad,    (cl_uint)w->oh,   (cl_uint)w->ow,
                    (cl_uint)w->groups, (cl_uint)w->pad_w};
    snprintf(extra, sizeof extra, "-DMODE=%d -DPIX=%d", mode, pix);
    ir_status     s = ocl_exec_part(d, p, "conv", v, extra, &kernel);
    const ocl_arg a[] = {OCL_A(x),         OCL_A(F),     OCL_A(e.V),   OCL_A(e.add), OCL_A(y),
                         OCL_A(at),        OCL_A(u[0]),  OCL_A(u[1]),  OCL_A(u[2]),  OCL_A(u[3]),
                         OCL_A(u[4]),      OCL_A(u[5]),  OCL_A(u[6]),  OCL_A(u[7]),  OCL_A(u[8]),
                         OCL_A(u[9]),      OCL_A(u[10]), OCL_A(u[11]), OCL_A(u[12]), OCL_A(e.b_at),
                         OCL_A(e.has_add), OCL_A(e.act), OCL_A(u[13])};
    size_t        items = (size_t)(w->batch * w->oh) * ((size_t)w->ow + (size_t)pix - 1) / (size_t)pix *
                   ocl_exec_up((size_t)w->k, (size_t)v) / (size_t)v;
    return s == IR_OK ? launch(d, kernel, a, 23, items) : s;
}

static ir_status do_linear(ir_run *r, plan *p, int i)
{
    const ly_row *w = &p->row[i];
    ocl_epilogue  e = epilogue_of(r, p, w);
    return ocl_linear_run(ocl_of(r->dev), &p->linear[w->rows], tensor(r, p, p->W), (size_t)w->W_at,
                          ocl_exec_place(r, p, w->in), ocl_exec_place(r, p, w->out), (size_t)w->k,
                          (size_t)w->c, &e);
}

/* ---- weights in groups ----------------------------------------------------------------------- */
static void stored_options(const plan *p, const ly_row *w, int rows, char extra[64])
{
    extra[0] = 0;
    if (w->format.group)
        snprintf(extra, 64, "-DGROUP=%d -DI4=%d -DROWS=%d", w->format.group, p->wt == IR_I4, rows);
}

/* The byte of W at which zero points begin; 0: there are none. */
static cl_ulong stored_zeros(const plan *p, const ly_row *w)
{
    return w->format.zeros ? (cl_ulong)ly_W_offset(p->wt, w->format, p->net.nW) : 0;
}

/* Up to OCL_LINEAR_ROWS rows of x at a time. */
static ir_status do_stored(ir_run *r, plan *p, const ly_row *w)
{
    ocl_dev     *d = ocl_of(r->dev);
    ocl_epilogue e = epilogue_of(r, p, w);
    cl_mem       W = tensor(r, p, p->W), x = ocl_exec_place(r, p, w->in), y = ocl_exec_place(r, p, w->out);
    cl_uint      n = (cl_uint)w->k, k = (cl_uint)w->c;
    cl_ulong     W_at = (cl_ulong)w->W_at, zeros = stored_zeros(p, w);
    ir_status    s = IR_OK;
    for (int64_t row = 0; row < w->rows && s == IR_OK; row += OCL_LINEAR_ROWS) {
        const int64_t left = w->rows - row;
        cl_kernel     kernel;
        char          extra[64];
        cl_ulong      x_at = (cl_ulong)(row * w->c), y_at = (cl_ulong)(row * w->k);
        stored_options(p, w, (int)(left < OCL_LINEAR_ROWS ? left : OCL_LINEAR_ROWS), extra);
        s = ocl_exec_part(d, p, "stored", 1, extra, &kernel);
        const ocl_arg a[] = {OCL_A(W),      OCL_A(x),     OCL_A(y),         OCL_A(n),    OCL_A(k),
                             OCL_A(W_at),   OCL_A(zeros), OCL_A(x_at),      OCL_A(y_at), OCL_A(e.V),
                             OCL_A(e.b_at), OCL_A(e.add), OCL_A(e.has_add), OCL_A(e.act)};
        if (s == IR_OK) s = launch(d, kernel, a, 14, (size_t)n * group_size(d));
    }
    return s;
}

static ir_status do_norm(ir_run *r, plan *p, const ly_row *w)
{
    ocl_dev      *d = ocl_of(r->dev);
    cl_kernel     kernel;
    cl_mem        x = ocl_exec_place(r, p, w->in), y = ocl_exec_place(r, p, w->out), V = tensor(r, p, p->V);
    cl_uint       rows = (cl_uint)w->rows, c = (cl_uint)w->c, tokens = w->tokens > 1 ? (cl_uint)w->tokens : 1;
    cl_uint       take = tokens > 1 && !w->first ? tokens - 1 : 0;
    cl_long       g = w->g_at, b = w->b_at;
    cl_int        rms = w->rms;
    cl_float      eps = (cl_float)ly_eps(w);
    ir_status     s = ocl_exec_part(d, p, "norm", ocl_exec_vector_of(d), "", &kernel);
    const ocl_arg a[] = {OCL_A(x), OCL_A(V),      OCL_A(y),   OCL_A(rows), OCL_A(c),   OCL_A(g),
                         OCL_A(b), OCL_A(tokens), OCL_A(rms), OCL_A(eps),  OCL_A(take)};
    return s == IR_OK ? launch(d, kernel, a, 11, rows * group_size(d)) : s;
}

static ir_status do_softmax(ir_run *r, plan *p, const ly_row *w)
{
    ocl_dev      *d = ocl_of(r->dev);
    cl_kernel     kernel;
    cl_mem        x = ocl_exec_place(r, p, w->in), y = ocl_exec_place(r, p, w->out);
    cl_uint       rows = (cl_uint)w->rows, c = (cl_uint)w->c;
    ir_status     s = ocl_exec_part(d, p, "softmax", ocl_exec_vector_of(d), "", &kernel);
    const ocl_arg a[] = {OCL_A(x), OCL_A(y), OCL_A(rows), OCL_A(c)};
    return s == IR_OK ? launch(d, kernel, a, 4, rows * group_size(d)) : s;
}

static ir_status do_pointwise(ir_run *r, plan *p, const ly_row *w)
{
    ocl_dev  *d = ocl_of(r->dev);
    cl_kernel kernel;
    bool      adds = w->op == LY_ADD;
    cl_mem    x = ocl_exec_place(r, p, w->in), y = ocl_exec_place(r, p, w->out), V = tensor(r, p, p->V),
           add = adds ? ocl_exec_place(r, p, w->add) : p->none->mem;
    cl_uint       c = (cl_uint)(w->c ? w->c : w->k);
    cl_ulong      rows = (cl_ulong)ly_out_elems(w) / c;
    cl_long       b = w->b_at;
    cl_int        has_add = adds, act = (cl_int)w->act;
    ir_status     s = ocl_exec_part(d, p, "pointwise", ocl_exec_vector_of(d), "", &kernel);
    const ocl_arg a[] = {OCL_A(x), OCL_A(V), OCL_A(add),     OCL_A(y),  OCL_A(rows),
                         OCL_A(c), OCL_A(b), OCL_A(has_add), OCL_A(act)};
    return s == IR_OK ? launch(d, kernel, a, 9, d->cpu ? (rows * c + 4095) / 4096 : rows * c) : s;
}

static ir_status do_embed(ir_run *r, plan *p, const ly_row *w)
{
    ocl_dev  *d = ocl_of(r->dev);
    cl_kernel kernel;
    cl_mem    x = ocl_exec_place(r, p, w->in), W = tensor(r, p, p->W), V = tensor(r, p, p->V),
           y = ocl_exec_place(r, p, w->out);
    cl_uint  rows = (cl_uint)w->rows, c = (cl_uint)w->c, past = (cl_uint)w->past, tokens = (cl_uint)w->tokens;
    cl_ulong W_at = (cl_ulong)w->W_at, vocab = (cl_ulong)w->vocab, zeros = stored_zeros(p, w);
    cl_long  P_at = (cl_long)w->P_at, scale = ly_row_scaled(w, p->wt) ? w->s_at : -1;
    cl_ulong context = (cl_ulong)w->context;
    cl_uint  types = (cl_uint)w->types;
    char     extra[64];
    stored_options(p, w, 1, extra);
    ir_status     s = ocl_exec_part(d, p, "embed", 1, extra, &kernel);
    const ocl_arg a[] = {OCL_A(x),     OCL_A(W),     OCL_A(V),     OCL_A(y),       OCL_A(rows),
                         OCL_A(c),     OCL_A(W_at),  OCL_A(P_at),  OCL_A(past),    OCL_A(tokens),
                         OCL_A(scale), OCL_A(vocab), OCL_A(zeros), OCL_A(context), OCL_A(types)};
    return s == IR_OK ? launch(d, kernel, a, 15, rows * group_size(d)) : s;
}

/* Queries and keys turn where they lie. */
static ir_status do_rotate(ir_run *r, plan *p, const ly_row *w)
{
    ocl_dev  *d = ocl_of(r->dev);
    cl_kernel kernel;
    cl_mem    x = ocl_exec_place(r, p, w->in);
    cl_uint   rows = (cl_uint)w->rows, heads = (cl_uint)(w->heads + ly_kv_heads(w)), dh = (cl_uint)w->dh,
            tokens = (cl_uint)w->tokens, width = (cl_uint)ly_qkv_width(w);
    cl_int        even = w->rope.pairs == LY_ROPE_EVEN;
    ir_status     s = ocl_exec_part(d, p, "turn_pairs", 1, "", &kernel);
    const ocl_arg a[] = {OCL_A(x),  OCL_A(p->turn->mem), OCL_A(rows),  OCL_A(heads),
                         OCL_A(dh), OCL_A(tokens),       OCL_A(width), OCL_A(even)};
    return s == IR_OK ? launch(d, kernel, a, 8, d->cpu ? d->units : (size_t)rows * heads * dh / 2) : s;
}

static ir_status do_attention(ir_run *r, plan *p, const ly_row *w)
{
    ocl_dev  *d = ocl_of(r->dev);
    cl_kernel append, attend;
    cl_mem    x = ocl_exec_place(r, p, w->in), KV = w->all ? p->held->mem : tensor(r, p, p->kv),
           y = ocl_exec_place(r, p, w->out);
    cl_int  all = w->all;
    cl_uint batch = (cl_uint)w->batch, heads = (cl_uint)w->heads, dh = (cl_uint)w->dh,
            tokens = (cl_uint)w->tokens, past = (cl_uint)w->past, shared = (cl_uint)ly_kv_heads(w),
            each = heads / shared, before = heads * dh;
    cl_ulong  at = (cl_ulong)w->block * 2 * batch * shared * p->cap * dh;
    size_t    local = group_size(d), queries = (size_t)batch * heads * tokens;
    ir_status s = w->rope.pairs == LY_ROPE_NONE ? IR_OK : do_rotate(r, p, w);
    if (s == IR_OK) s = ocl_exec_part(d, p, "kv_append", 1, "", &append);
    if (s == IR_OK) s = ocl_exec_part(d, p, "attention", ocl_exec_vector_of(d), "", &attend);
    if (s != IR_OK) return s;
    const ocl_arg a[] = {OCL_A(x),  OCL_A(KV),     OCL_A(at),   OCL_A(batch),  OCL_A(shared),
                         OCL_A(dh), OCL_A(tokens), OCL_A(past), OCL_A(p->cap), OCL_A(before)};
    const ocl_arg b[] = {OCL_A(x),      OCL_A(KV),    OCL_A(y),  OCL_A(p->scores->mem), OCL_A(at),
                         OCL_A(batch),  OCL_A(heads), OCL_A(dh), OCL_A(tokens),         OCL_A(past),
                         OCL_A(p->cap), OCL_A(each),  OCL_A(all)};
    s = launch(d, append, a, 10, d->cpu ? d->units : 2 * queries * dh / each);
    if (s == IR_OK) s = ocl_args(attend, b, 13);
    return s == IR_OK ? ocl_launch(d, attend, queries < p->score_groups ? queries : p->score_groups, local)
                      : s;
}

static ir_status do_pool(ir_run *r, plan *p, const ly_row *w)
{
    ocl_dev      *d = ocl_of(r->dev);
    cl_kernel     kernel;
    bool          most = w->op == LY_MAXPOOL;
    int           v = d->cpu && w->c % 16 == 0 ? 16 : 1;
    cl_mem        x = ocl_exec_place(r, p, w->in), y = ocl_exec_place(r, p, w->out);
    cl_uint       u[] = {(cl_uint)w->batch,
                         (cl_uint)w->h,
                         (cl_uint)w->w,
                         (cl_uint)w->c,
                         (cl_uint)w->r,
                         (cl_uint)w->s,
                   most ? (cl_uint)w->stride : 1,
                   most ? (cl_uint)w->pad : 0,
                   most ? (cl_uint)w->oh : 1,
                   most ? (cl_uint)w->ow : 1,
                   most ? (cl_uint)w->pad_w : 0};
    cl_int        kind = most;
    ir_status     s = ocl_exec_part(d, p, "pool", v, "", &kernel);
    const ocl_arg a[] = {OCL_A(x),    OCL_A(y),    OCL_A(u[0]), OCL_A(u[1]), OCL_A(u[2]),
                         OCL_A(u[3]), OCL_A(u[4]), OCL_A(u[5]), OCL_A(u[6]), OCL_A(u[7]),
                         OCL_A(u[8]), OCL_A(u[9]), OCL_A(kind), OCL_A(u[10])};
    return s == IR_OK ? launch(d, kernel, a, 14, (size_t)u[0] * u[8] * u[9] * u[3] / (size_t)v) : s;
}

static ir_status do_bag(ir_run *r, plan *p, const ly_row *w)
{
    ocl_dev      *d = ocl_of(r->dev);
    cl_kernel     kernel;
    int           v = d->cpu && w->c % 16 == 0 ? 16 : 1;
    cl_mem        x = ocl_exec_place(r, p, w->in), W = tensor(r, p, p->W), y = ocl_exec_place(r, p, w->out);
    cl_ulong      at = (cl_ulong)p->net.index_at, W_at = (cl_ulong)w->W_at;
    cl_uint       rows = (cl_uint)w->rows, c = (cl_uint)w->c;
    ir_status     s = ocl_exec_part(d, p, "bag", v, "", &kernel);
    const ocl_arg a[] = {OCL_A(x), OCL_A(W), OCL_A(y), OCL_A(at), OCL_A(rows), OCL_A(c), OCL_A(W_at)};
    return s == IR_OK ? launch(d, kernel, a, 7, (size_t)rows * c / (size_t)v) : s;
}

static ir_status do_interact(ir_run *r, plan *p, const ly_row *w)
{
    ocl_dev  *d = ocl_of(r->dev);
    cl_kernel kernel;
    cl_mem    x = ocl_exec_place(r, p, w->in), rest = ocl_exec_place(r, p, w->add),
           y = ocl_exec_place(r, p, w->out);
    cl_uint       rows = (cl_uint)w->rows, c = (cl_uint)w->c, n = (cl_uint)w->heads, k = (cl_uint)w->k;
    cl_int        dots = w->op == LY_INTERACT;
    ir_status     s = ocl_exec_part(d, p, "interact", 1, "", &kernel);
    const ocl_arg a[] = {OCL_A(x), OCL_A(rest), OCL_A(y), OCL_A(rows),
                         OCL_A(c), OCL_A(n),    OCL_A(k), OCL_A(dots)};
    return s == IR_OK ? launch(d, kernel, a, 8, (size_t)rows * k) : s;
}

static ir_status do_tokens(ir_run *r, plan *p, const ly_row *w)
{
    ocl_dev  *d = ocl_of(r->dev);
    cl_kernel kernel;
    cl_mem    x = ocl_exec_place(r, p, w->in), W = tensor(r, p, p->W), V = tensor(r, p, p->V),
           y = ocl_exec_place(r, p, w->out);
    cl_uint       rows = (cl_uint)w->rows, c = (cl_uint)w->c, tokens = (cl_uint)w->tokens;
    cl_ulong      W_at = (cl_ulong)w->W_at, P_at = (cl_ulong)w->P_at;
    cl_long       scale = p->wt == IR_I8 ? w->s_at : -1;
    ir_status     s = ocl_exec_part(d, p, "tokens", 1, "", &kernel);
    const ocl_arg a[] = {OCL_A(x), OCL_A(W),      OCL_A(V),    OCL_A(y),    OCL_A(rows),
                         OCL_A(c), OCL_A(tokens), OCL_A(W_at), OCL_A(P_at), OCL_A(scale)};
    return s == IR_OK ? launch(d, kernel, a, 10, (size_t)rows * c) : s;
}

/* Squares that do not overlap: what im2col makes of a convolution with them. */
static ir_status do_patches(ir_run *r, plan *p, const ly_row *w)
{
    ocl_dev  *d = ocl_of(r->dev);
    cl_kernel kernel;
    cl_mem    x = ocl_exec_place(r, p, w->in), y = ocl_exec_place(r, p, w->out);
    cl_uint   m = (cl_uint)(w->batch * w->oh * w->ow),
            u[] = {
                (cl_uint)w->h,  (cl_uint)w->w, (cl_uint)w->c, (cl_uint)w->r, (cl_uint)w->s, (cl_uint)w->r, 0,
                (cl_uint)w->oh, (cl_uint)w->ow};
    ir_status     s = ocl_exec_part(d, p, "columns", 1, "", &kernel);
    const ocl_arg a[] = {OCL_A(x),    OCL_A(y),    OCL_A(m),    OCL_A(u[0]), OCL_A(u[1]),
                         OCL_A(u[2]), OCL_A(u[3]), OCL_A(u[4]), OCL_A(u[5]), OCL_A(u[6]),
                         OCL_A(u[7]), OCL_A(u[8]), OCL_A(u[6])};
    return s == IR_OK ? launch(d, kernel, a, 13, (size_t)ly_out_elems(w)) : s;
}

static ir_status ocl_exec_step(ir_run *r, int i)
{
    plan         *p = r->self;
    const ly_row *w = &p->row[i];
    switch (w->op) {
    case LY_CONV: return dense_conv(p, w) ? do_product(r, p, i) : do_direct(r, p, i);
    case LY_FC: return stored(w) ? do_stored(r, p, w) : slim(w) ? do_linear(r, p, i) : do_product(r, p, i);
    case LY_NORM: return do_norm(r, p, w);
    case LY_SOFTMAX: return do_softmax(r, p, w);
    case LY_ACT:
    case LY_ADD: return do_pointwise(r, p, w);
    case LY_EMBED: return do_embed(r, p, w);
    case LY_ATTENTION: return do_attention(r, p, w);
    case LY_MAXPOOL:
    case LY_AVGPOOL: return do_pool(r, p, w);
    case LY_BAG: return do_bag(r, p, w);
    case LY_INTERACT:
    case LY_CONCAT: return do_interact(r, p, w);
    case LY_TOKENS: return do_tokens(r, p, w);
    case LY_PATCHES: return do_patches(r, p, w);
    default: return ir_fail(IR_SKIP, "%s: no OpenCL kernel for this layer", w->name);
    }
}

static ir_status ocl_exec_run(ir_run *r, uint32_t reps)
{
    plan     *p = r->self;
    ir_status s = IR_OK;
    for (uint32_t rep = 0; rep < reps; rep++)
        for (int i = 0; i < p->n && s == IR_OK; i++) s = ocl_exec_step(r, i);
    return s;
}

static ir_status ocl_exec_profile(ir_run *r, double *layer_s, int n)
{
    plan     *p = r->self;
    ir_dev   *dev = r->dev;
    ir_status s = dev->be->sync(dev);
    for (int i = 0; i < n && i < p->n && s == IR_OK; i++) {
        double t0 = dev->be->now(dev), dev_s = NAN;
        s = dev->be->start(dev);
        if (s == IR_OK) s = ocl_exec_step(r, i);
        if (s == IR_OK) s = dev->be->stop(dev, &dev_s);
        layer_s[i] = dev_s > 0 ? dev_s : dev->be->now(dev) - t0; /* NaN: no clock of its own */
    }
    return s;
}

/* ---- weights in another order ---------------------------------------------------------------- */
static size_t packed_elems(const ocl_dev *d, const plan *p, const ly_row *w)
{
    if (ocl_exec_product(p, w))
        return ocl_exec_up(ocl_gemm_packed_b(d, &p->gemm, (size_t)w->k, product_k(w)), 16);
    if (direct_conv(p, w))
        return ocl_exec_up((size_t)(w->r * w->s * (w->c / w->groups)) * filters_kp(d, w), 16);
    return 0;
}

static ir_status pack_filters(ir_run *r, plan *p, int i, ocl_buf *to)
{
    ocl_dev      *d = ocl_of(r->dev);
    const ly_row *w = &p->row[i];
    cl_kernel     kernel;
    cl_mem        W = tensor(r, p, p->W);
    cl_ulong      from = (cl_ulong)w->W_at, at = p->packed_at[i];
    cl_uint       k = (cl_uint)w->k, rsc = (cl_uint)(w->r * w->s * (w->c / w->groups)),
            kp = (cl_uint)filters_kp(d, w);
    ir_status     s = ocl_exec_part(d, p, "filters", 1, "", &kernel);
    const ocl_arg a[] = {OCL_A(W), OCL_A(to->mem), OCL_A(from), OCL_A(at), OCL_A(k), OCL_A(rsc), OCL_A(kp)};
    return s == IR_OK ? launch(d, kernel, a, 7, (size_t)rsc * kp) : s;
}

static ir_status ocl_exec_prepare(ir_run *r)
{
    plan    *p = r->self;
    ocl_dev *d = ocl_of(r->dev);
    ocl_buf *b = NULL;
    if (!p->npacked) return IR_OK;
    ir_status s = ocl_buffer(d, 4 * p->npacked, &b);
    r->packed = b;
    for (int i = 0; i < p->n && s == IR_OK; i++) {
        const ly_row *w = &p->row[i];
        if (direct_conv(p, w))
            s = pack_filters(r, p, i, b);
        else if (ocl_exec_product(p, w) && d->cpu)
            s = ocl_gemm_pack_b(d, &p->gemm, tensor(r, p, p->W), (size_t)w->W_at, b->mem, p->packed_at[i],
                                (size_t)w->k, product_k(w));
    }
    return s == IR_OK ? OCL(clFinish(d->queue)) : s;
}

static void ocl_exec_unprepare(ir_run *r)
{
    ocl_buf *b = r->packed;
    ocl_buffer_free(&b);
    r->packed = NULL;
}

/* ---- plans ----------------------------------------------------------------------------------- */
static void ocl_exec_teardown(ir_run *r)
{
    plan *p = r->self;
    if (!p) return;
    for (int i = 0; i < p->nkernel; i++) ocl_kernel_free(&p->kernel[i].kernel);
    for (int i = 0; i <= OCL_LINEAR_ROWS; i++) ocl_kernel_free(&p->linear[i].kernel);
    ocl_gemm_free(&p->gemm);
    for (int i = 0; i < LY_MAX_BUF; i++) ocl_buffer_free(&p->buf[i]);
    ocl_buffer_free(&p->scratch);
    ocl_buffer_free(&p->columns);
    ocl_buffer_free(&p->scores);
    ocl_buffer_free(&p->held);
    ocl_buffer_free(&p->none);
    ocl_buffer_free(&p->turn);
    if (p->own_net) ly_free(&p->net);
    free(p->packed_at);
    free(p);
    r->self = NULL;
}

static void bind_tensors(plan *p, const char *family)
{
    static const struct {
        const char *family;
        int         in, W, V, out, kv, add;
    } where[] = {
        {"conv", 0, 1, 2, 3, -1, -1},      {"linear", 0, 1, 2, 3, -1, -1},     {"norm", 0, -1, 1, 2, -1, -1},
        {"softmax", 0, -1, -1, 1, -1, -1}, {"act", 0, -1, -1, 1, -1, -1},      {"add", 0, -1, -1, 2, -1, 1},
        {"embed", 0, 1, -1, 2, -1, -1},    {"attention", 0, -1, -1, 2, 1, -1}, {"cnn", 0, 1, 2, 3, -1, -1},
        {"gpt", 0, 1, 2, 3, 4, -1},        {"bag", 0, 1, -1, 2, -1, -1},       {"dlrm", 0, 1, 2, 3, -1, -1},
        {"encoder", 0, 1, 2, 3, -1, -1}};
    for (size_t i = 0; i < sizeof where / sizeof *where; i++)
        if (!strcmp(where[i].family, family)) {
            p->in = where[i].in, p->W = where[i].W, p->V = where[i].V, p->out = where[i].out;
            p->kv = where[i].kv, p->add = where[i].add;
        }
}

/* An unfused convolution is three rows: bare, then bias and activation over the output in place. */
static void ocl_exec_split(plan *p)
{
    p->one[1] = p->one[2] = p->one[0];
    p->one[0].b_at = -1;
    p->one[0].act = LY_ID;
    for (int i = 1; i < 3; i++) {
        p->one[i].op = LY_ACT;
        p->one[i].rows = p->one[i].batch * p->one[i].oh * p->one[i].ow;
        p->one[i].c = p->one[i].k;
        p->one[i].in = LY_OUTPUT;
    }
    p->one[1].act = LY_ID;
    p->one[2].b_at = -1;
    p->n = 3;
}

static ir_status ocl_exec_rows_of(ir_run *r, plan *p)
{
    if (wl_is_net(r->workload)) {
        ir_status s = wl_net_of(r->workload, &r->p, &p->net);
        p->own_net = s == IR_OK;
        p->row = p->net.row;
        p->n = p->net.n;
        p->cap = (uint32_t)p->net.kv_cap;
        for (int i = 0; i < p->n; i++)
            if (p->row[i].op == LY_ATTENTION && p->row[i].all) p->cap = (uint32_t)p->row[i].tokens;
        return s;
    }
    wl_row_of(r->workload, &r->p, &p->one[0]);
    p->row = p->one;
    p->n = 1;
    p->cap = (uint32_t)(p->one[0].past + p->one[0].tokens);
    if (p->one[0].op == LY_CONV && wl_fuse_of(&r->p) == WL_UNFUSED) ocl_exec_split(p);
    if (p->one[0].op == LY_ATTENTION) p->one[0].block = 0;
    return IR_OK;
}

static ir_status parts(ocl_dev *d, plan *p)
{
    ir_status s = IR_OK;
    bool      products = false;
    for (int i = 0; i < p->n; i++) products = products || ocl_exec_product(p, &p->row[i]);
    if (products) s = ocl_gemm_init(d, (ocl_gemm_kind){IR_F32, p->wt, IR_F32, true, true}, NULL, &p->gemm);
    for (int i = 0; i < p->n && s == IR_OK; i++) {
        const ly_row *w = &p->row[i];
        if (slim(w) && !p->linear[w->rows].kernel)
            s = ocl_linear_init(d, p->wt, IR_F32, IR_F32, (int)w->rows, true, &p->linear[w->rows]);
    }
    return s;
}

static ir_status buffers(ocl_dev *d, plan *p)
{
    size_t    scratch = 0, columns = 0, scores = 0, held = 0;
    ir_status s = ocl_buffer(d, 64, &p->none);
    p->packed_at = calloc((size_t)p->n, sizeof *p->packed_at);
    if (!p->packed_at) return ir_fail(IR_ENOMEM, "opencl: no memory for %d layers", p->n);
    p->score_groups = d->cpu ? 2 * ocl_groups(d) : 1024;
    for (int i = 0; i < p->n; i++) {
        const ly_row *w = &p->row[i];
        p->packed_at[i] = p->npacked;
        p->npacked += packed_elems(d, p, w);
        if (w->op == LY_ATTENTION) scores = p->score_groups * p->cap;
        if (w->op == LY_ATTENTION && w->all) held = 8 * (size_t)(w->rows * w->heads * w->dh);
        if (!ocl_exec_product(p, w)) continue;
        size_t a = ocl_gemm_packed_a(d, &p->gemm, product_m(w), product_k(w));
        if (a > scratch) scratch = a;
        a = !d->cpu && w->op == LY_CONV && !plain_image(w) ? product_m(w) * product_k(w) : 0;
        if (a > columns) columns = a;
    }
    if (s == IR_OK && scratch) s = ocl_buffer(d, 4 * scratch, &p->scratch);
    if (s == IR_OK && columns) s = ocl_buffer(d, 4 * columns, &p->columns);
    if (s == IR_OK && scores) s = ocl_buffer(d, 4 * scores, &p->scores);
    if (s == IR_OK && held) s = ocl_buffer(d, held, &p->held);
    for (int b = 0; p->own_net && b < p->net.nbuf && s == IR_OK; b++)
        if (p->net.buf[b] > 0) s = ocl_buffer(d, 4 * (size_t)p->net.buf[b], &p->buf[b]);
    return s;
}

/* Cosines, then sines, of the new positions, one table for all attentions. */
static ir_status angles(ocl_dev *d, plan *p)
{
    const ly_row *w = NULL;
    ir_status     s = IR_OK;
    for (int i = 0; i < p->n && !w; i++)
        if (p->row[i].op == LY_ATTENTION && p->row[i].rope.pairs != LY_ROPE_NONE) w = &p->row[i];
    if (!w) return s;
    const int64_t half = w->dh / 2, n = w->tokens * w->dh;
    float        *t = malloc(sizeof *t * (size_t)n);
    if (!t)
        return ir_fail(IR_ENOMEM, "opencl: no memory for the angles of %lld positions", (long long)w->tokens);
    for (int64_t i = 0; i < w->tokens * half; i++) {
        const double a = (double)(w->past + i / half) * ly_rope_frequency(&w->rope, w->dh, i % half);
        t[i / half * w->dh + i % half] = (float)cos(a);
        t[i / half * w->dh + half + i % half] = (float)sin(a);
    }
    s = ocl_buffer(d, sizeof *t * (size_t)n, &p->turn);
    if (s == IR_OK)
        s = OCL(clEnqueueWriteBuffer(d->queue, p->turn->mem, CL_TRUE, 0, sizeof *t * (size_t)n, t, 0, NULL,
                                     NULL));
    free(t);
    return s;
}

static ir_status ocl_cache_type(plan *p)
{
    for (int i = 0; i < p->n; i++)
        if (p->row[i].op == LY_ATTENTION) p->kt = ly_row_kv(&p->row[i], p->wt);
    return p->kt == IR_I8 ? ir_fail(IR_SKIP, "a cache in i8: this executor knows f32, f16 and bf16") : IR_OK;
}

static ir_status setup_way(ir_run *r, conv_way way)
{
    plan *p = ocl_plan(r, sizeof *p);
    if (!p) return IR_ENOMEM;
    p->way = way;
    p->wt = r->p.dtype;
    p->kt = ly_kv_dtype(r->p.dtype);
    bind_tensors(p, r->workload->family);
    ir_status s = ocl_exec_rows_of(r, p);
    if (s == IR_OK) s = ocl_cache_type(p);
    if (s == IR_OK) s = angles(ocl_of(r->dev), p);
    if (s == IR_OK) s = parts(ocl_of(r->dev), p);
    if (s == IR_OK) s = buffers(ocl_of(r->dev), p);
    if (s != IR_OK) ocl_exec_teardown(r);
    return s;
}

static ir_status ocl_exec_setup(ir_run *r) { return setup_way(r, BY_PRODUCT); }
static ir_status ocl_exec_direct_setup(ir_run *r) { return setup_way(r, BY_DIRECT); }

static ir_status ocl_exec_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    if (p->dtype == IR_TF32) return ir_fail(IR_SKIP, "OpenCL has no tf32");
    return p->dtype == IR_F8
               ? ir_fail(IR_SKIP, "weights in f8: this executor knows f32, f16, bf16, i8 and i4")
               : IR_OK;
}

static ir_status product_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    ly_row row;
    wl_row_of(w, p, &row);
    return row.groups == 1 ? ocl_exec_can_run(dev, w, p)
                           : ir_fail(IR_SKIP, "groups=%lld: see direct", (long long)row.groups);
}

static const ir_plan_ops exec_ops = {.destroy = ocl_exec_teardown,
                                     .prepare = ocl_exec_prepare,
                                     .unprepare = ocl_exec_unprepare,
                                     .net = {.profile = ocl_exec_profile}};
#define EXECUTOR(id, fam, word, text, can, set) \
    const ir_kernel id = {.family = fam, \
                          .name = word, \
                          .doc = text, \
                          .can_run = can, \
                          .plan = set, \
                          .run = ocl_exec_run, \
                          .ops = &exec_ops}
EXECUTOR(ocl_conv_im2col, "conv", "im2col", "windows as a matrix, then the register-blocked product",
         product_can_run, ocl_exec_setup);
EXECUTOR(ocl_conv_direct, "conv", "direct", "sums over the window where the image lies", ocl_exec_can_run,
         ocl_exec_direct_setup);
EXECUTOR(ocl_linear_rows, "linear", "rows",
         "few rows stream the weights, many use the register-blocked product", ocl_exec_can_run,
         ocl_exec_setup);
EXECUTOR(ocl_norm_groups, "norm", "groups", "a work-group per row, two passes", ocl_exec_can_run,
         ocl_exec_setup);
EXECUTOR(ocl_softmax_groups, "softmax", "groups", "a work-group per row", ocl_exec_can_run, ocl_exec_setup);
EXECUTOR(ocl_act_items, "act", "items", "element by element", ocl_exec_can_run, ocl_exec_setup);
EXECUTOR(ocl_add_items, "add", "items", "element by element", ocl_exec_can_run, ocl_exec_setup);
EXECUTOR(ocl_embed_groups, "embed", "groups", "a work-group per row", ocl_exec_can_run, ocl_exec_setup);
EXECUTOR(ocl_attention_groups, "attention", "groups", "a work-group per query, scores in scratch memory",
         ocl_exec_can_run, ocl_exec_setup);
EXECUTOR(ocl_cnn_layers, "cnn", "layers", "a launch per layer: im2col products, direct depthwise",
         ocl_exec_can_run, ocl_exec_setup);
EXECUTOR(ocl_gpt_layers, "gpt", "layers", "a launch per layer, weights streamed at small batch",
         ocl_exec_can_run, ocl_exec_setup);

EXECUTOR(ocl_bag_items, "bag", "items", "an item sums a part of a bag's rows", ocl_exec_can_run,
         ocl_exec_setup);
EXECUTOR(ocl_dlrm_layers, "dlrm", "layers", "a launch per layer", ocl_exec_can_run, ocl_exec_setup);
EXECUTOR(ocl_encoder_layers, "encoder", "layers", "a launch per layer, keys and values in a buffer",
         ocl_exec_can_run, ocl_exec_setup);
