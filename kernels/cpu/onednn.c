/* onednn.c -- see onednn.h. The library's OpenMP runtime is found by name at run time, because the program
 * itself is not built with OpenMP; a library with another threading is refused where it would not use the
 * threads asked for. */
#include "kernels/cpu/onednn.h"

#if !IR_HAVE_ONEDNN
ir_status cpu_dnn_can(int threads)
{
    (void)threads;
    return ir_fail(IR_SKIP, "built without oneDNN");
}

ir_status cpu_dnn_threads(const ir_dev *dev, int threads)
{
    (void)dev;
    return cpu_dnn_can(threads);
}

#else
#include <stdlib.h>
#include <string.h>

typedef void (*set_fn)(int);
typedef int (*get_fn)(void);

ir_status cpu_dnn_can(int threads)
{
    get_fn limit;
    if (cpu_dnn_load() != IR_OK) return IR_SKIP;
    cpu_dnn_find("omp_get_thread_limit", &limit);
    if (!limit) return ir_fail(IR_SKIP, "this oneDNN has no OpenMP threads to set");
    return threads <= limit() ? IR_OK : ir_fail(IR_SKIP, "OpenMP offers %d of %d threads", limit(), threads);
}

/* Parallel regions of GCC's runtime, which LLVM's offers too; without either name the threads stay unpinned.
 */
typedef void (*region_fn)(void (*fn)(void *), void *arg, unsigned threads, unsigned flags);
typedef struct {
    const ir_pool *pool;
    get_fn         tid;
} placing;
static void place(void *arg)
{
    const placing *p = arg;
    const int      tid = p->tid();
    if (tid > 0) ir_pool_place(p->pool, tid); /* the caller is pinned by ir_pool_enter(), for a time */
}

/* The runtime keeps its threads while their number stays. */
static void place_threads(const ir_dev *dev, int threads)
{
    static const ir_pool *pool;
    static int            placed;
    placing               p = {.pool = cpu_of(dev)->pool};
    region_fn             region;
    if (pool == p.pool && placed == threads) return;
    cpu_dnn_find("GOMP_parallel", &region);
    cpu_dnn_find("omp_get_thread_num", &p.tid);
    if (region && p.tid) region(place, &p, (unsigned)threads, 0);
    pool = p.pool;
    placed = threads;
}

ir_status cpu_dnn_threads(const ir_dev *dev, int threads)
{
    set_fn    set, dynamic;
    ir_status s = cpu_dnn_can(threads);
    cpu_dnn_find("omp_set_num_threads", &set);
    cpu_dnn_find("omp_set_dynamic", &dynamic);
    if (s != IR_OK) return s;
    if (dynamic) dynamic(0); /* exactly as many as asked for */
    set(threads);
    place_threads(dev, threads);
    return IR_OK;
}

#define DNN(call) \
    do { \
        dnnl_status_t dnn_ = (call); \
        if (dnn_ != dnnl_success) \
            return ir_fail(dnn_ == dnnl_unimplemented   ? IR_SKIP \
                           : dnn_ == dnnl_out_of_memory ? IR_ENOMEM \
                                                        : IR_EDEVICE, \
                           "oneDNN %s:%d: %s: %s", __FILE__, __LINE__, #call, dnnl_status2str(dnn_)); \
    } while (0)

ir_status cpu_dnn_open(cpu_dnn *d)
{
    memset(d, 0, sizeof *d);
    DNN(dnnl_engine_create(&d->engine, dnnl_cpu, 0));
    DNN(dnnl_stream_create(&d->stream, d->engine, dnnl_stream_default_flags));
    return IR_OK;
}

void cpu_dnn_close(cpu_dnn *d)
{
    if (d->stream) dnnl_stream_destroy(d->stream);
    if (d->engine) dnnl_engine_destroy(d->engine);
    memset(d, 0, sizeof *d);
}

/* ---- making a primitive ---------------------------------------------------------------------- */
static ir_status post_ops(const ly_row *l, dnnl_primitive_attr_t *out)
{
    dnnl_post_ops_t ops;
    DNN(dnnl_primitive_attr_create(out));
    DNN(dnnl_post_ops_create(&ops));
    if (l->add != LY_NONE) DNN(dnn_add_sum(ops));
    if (l->act == LY_RELU) DNN(dnn_add_eltwise(ops, dnnl_eltwise_relu, 0, 0));
    if (l->act == LY_RELU6) DNN(dnn_add_eltwise(ops, dnnl_eltwise_clip, 0, 6));
    DNN(dnnl_primitive_attr_set_post_ops(*out, ops));
    DNN(dnnl_post_ops_destroy(ops));
    return IR_OK;
}

static ir_status plain(int ndims, const dnnl_dims_t dims, dnnl_format_tag_t tag, dnn_layout *out)
{
    DNN(dnn_layout_make(out, ndims, dims, tag));
    return IR_OK;
}

/* What a row is made from: layouts of its tensors, any of which the library may be free to choose. Owned:
 * ask_free(). */
typedef struct {
    dnn_layout src, dst, w, bias;
} asked;

static void ask_free(asked *a)
{
    dnn_layout_free(a->src);
    dnn_layout_free(a->dst);
    dnn_layout_free(a->w);
    dnn_layout_free(a->bias);
}

/* A filter or matrix as `tag` lays it out, grouped where the row has groups. */
static ir_status weights_as(const ly_row *l, dnnl_format_tag_t fc, dnnl_format_tag_t grouped,
                            dnnl_format_tag_t conv, dnn_layout *out)
{
    const int64_t     g = l->groups > 0 ? l->groups : 1;
    const dnnl_dims_t w = {l->k, l->c, l->r, l->s}, gw = {g, l->k / g, l->c / g, l->r, l->s};
    if (l->op == LY_FC) return plain(2, w, fc, out);
    return l->groups > 1 ? plain(5, gw, grouped, out) : plain(4, w, conv, out);
}

static dnnl_status_t describe_pooling(const ly_row *l, dnnl_engine_t engine, const asked *a,
                                      dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *out)
{
    const bool        all = l->op == LY_AVGPOOL;
    const dnnl_dims_t kernel = {l->r, l->s}, strides = {all ? 1 : l->stride, all ? 1 : l->stride};
    const dnnl_dims_t left = {all ? 0 : l->pad, all ? 0 : l->pad_w};
    const dnnl_dims_t right = {(l->oh - 1) * strides[0] + kernel[0] - l->h - left[0], /* negative: left out */
                               (l->ow - 1) * strides[1] + kernel[1] - l->w - left[1]};
    return dnn_pooling(out, engine, all ? dnnl_pooling_avg_exclude_padding : dnnl_pooling_max, a->src, a->dst,
                       strides, kernel, left, right, attr);
}

static ir_status describe(const ly_row *l, dnnl_engine_t engine, const asked *a, dnnl_primitive_attr_t attr,
                          dnnl_primitive_desc_t *out)
{
    const dnnl_dims_t strides = {l->stride, l->stride}, left = {l->pad, l->pad_w};
    const dnnl_dims_t right = {(l->oh - 1) * l->stride + l->r - l->h - l->pad,
                               (l->ow - 1) * l->stride + l->s - l->w - l->pad_w};
    if (l->op == LY_CONV)
        DNN(dnn_convolution(out, engine, a->src, a->w, a->bias, a->dst, strides, left, right, attr));
    else if (l->op == LY_FC)
        DNN(dnn_inner_product(out, engine, a->src, a->w, a->bias, a->dst, attr));
    else
        DNN(describe_pooling(l, engine, a, attr, out));
    return IR_OK;
}

static ir_status chosen(const_dnnl_primitive_desc_t pd, dnnl_query_t what, dnn_layout *out)
{
    dnn_layout_of l = dnnl_primitive_desc_query_md(pd, what, 0);
    if (!l) return ir_fail(IR_EDEVICE, "oneDNN: a primitive without the memory it must have");
    DNN(dnn_layout_copy(out, l));
    return IR_OK;
}

/* The primitive, and the layouts it chose: o->dst_md, o->w_md, and *in for its input. */
static ir_status make_primitive(cpu_dnn *d, const ly_row *l, const asked *a, cpu_dnn_op *o, dnn_layout *in)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    ir_status             s = post_ops(l, &attr);
    if (s == IR_OK) s = describe(l, d->engine, a, attr, &pd);
    if (attr) dnnl_primitive_attr_destroy(attr);
    if (s != IR_OK) return s;
    dnnl_status_t made = dnnl_primitive_create(&o->prim, pd);
    s = made == dnnl_success ? chosen(pd, dnnl_query_src_md, in) : IR_OK;
    if (made == dnnl_success && s == IR_OK) s = chosen(pd, dnnl_query_dst_md, &o->dst_md);
    if (made == dnnl_success && s == IR_OK && l->op <= LY_FC) s = chosen(pd, dnnl_query_weights_md, &o->w_md);
    dnnl_primitive_desc_destroy(pd);
    DNN(made);
    return s;
}

static ir_status make_reorder(cpu_dnn *d, dnn_layout_of from, dnn_layout_of to, dnnl_primitive_t *out)
{
    dnnl_primitive_desc_t pd;
    DNN(dnnl_reorder_primitive_desc_create(&pd, from, d->engine, to, d->engine, NULL));
    dnnl_status_t made = dnnl_primitive_create(out, pd);
    dnnl_primitive_desc_destroy(pd);
    DNN(made);
    return IR_OK;
}

static ir_status ask(const ly_row *l, bool with_bias, bool any, dnn_layout_of residual, cpu_dnn_op *o,
                     asked *a)
{
    const bool        fc = l->op == LY_FC, conv = l->op == LY_CONV;
    const dnnl_dims_t x = {fc ? l->rows : l->batch, l->c, l->h, l->w},
                      y = {x[0], conv || fc ? l->k : l->c, l->oh, l->ow}, b = {l->k};
    const dnnl_format_tag_t tag = fc ? dnnl_nc : dnnl_nhwc, free_tag = dnnl_format_tag_any;
    const int               nd = fc ? 2 : 4;
    ir_status               s = IR_OK;
    if (!o->src_md) s = plain(nd, x, tag, &o->src_md);
    if (s == IR_OK && any && conv)
        s = plain(nd, x, free_tag, &a->src);
    else if (s == IR_OK)
        DNN(dnn_layout_copy(&a->src, o->src_md));
    if (s == IR_OK && residual)
        DNN(dnn_layout_copy(&a->dst, residual));
    else if (s == IR_OK)
        s = plain(nd, y, any && (conv || l->op == LY_MAXPOOL) ? free_tag : tag, &a->dst);
    if (s == IR_OK && l->op <= LY_FC) s = weights_as(l, free_tag, free_tag, free_tag, &a->w);
    if (s == IR_OK && (fc || (conv && with_bias))) s = plain(1, b, dnnl_x, &a->bias);
    return s;
}

ir_status cpu_dnn_op_make(cpu_dnn *d, const ly_row *l, bool with_bias, bool any, dnn_layout_of src,
                          dnn_layout_of residual, cpu_dnn_op *o)
{
    asked a = {0};
    memset(o, 0, sizeof *o);
    if (src && l->op != LY_FC) DNN(dnn_layout_copy(&o->src_md, src));
    ir_status s = ask(l, with_bias, any, residual, o, &a);
    if (s == IR_OK) s = make_primitive(d, l, &a, o, &o->in_md);
    ask_free(&a);
    if (s != IR_OK) return s;
    DNN(dnnl_memory_create(&o->src, o->src_md, d->engine, DNNL_MEMORY_NONE));
    DNN(dnnl_memory_create(&o->dst, o->dst_md, d->engine, DNNL_MEMORY_NONE));
    if (dnnl_memory_desc_equal(o->in_md, o->src_md)) return IR_OK;
    DNN(dnnl_memory_create(&o->in, o->in_md, d->engine, DNNL_MEMORY_ALLOCATE));
    return make_reorder(d, o->src_md, o->in_md, &o->reorder);
}

/* ---- packing and running --------------------------------------------------------------------- */
static ir_status pack_weights(cpu_dnn *d, cpu_dnn_op *o, dnn_layout_of from_md, const void *W)
{
    dnnl_memory_t    from;
    dnnl_primitive_t reorder;
    ir_status        s = make_reorder(d, from_md, o->w_md, &reorder);
    if (s != IR_OK) return s;
    if (!o->weights) DNN(dnnl_memory_create(&o->weights, o->w_md, d->engine, DNNL_MEMORY_ALLOCATE));
    DNN(dnnl_memory_create(&from, from_md, d->engine, (void *)(uintptr_t)W));
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, o->weights}};
    dnnl_status_t         done = dnnl_primitive_execute(reorder, d->stream, 2, args);
    if (done == dnnl_success) done = dnnl_stream_wait(d->stream);
    dnnl_memory_destroy(from);
    dnnl_primitive_destroy(reorder);
    DNN(done);
    return IR_OK;
}

static ir_status pack_bias(cpu_dnn *d, const ly_row *l, cpu_dnn_op *o, const void *bias)
{
    const dnnl_dims_t b = {l->k};
    if (!o->bias_p) o->bias_p = malloc((size_t)l->k * 4);
    if (!o->bias_p) return ir_fail(IR_ENOMEM, "oneDNN: no memory for %lld biases", (long long)l->k);
    memcpy(o->bias_p, bias, (size_t)l->k * 4);
    if (!o->bias_md) DNN(dnn_layout_make(&o->bias_md, 1, b, dnnl_x));
    if (!o->bias) DNN(dnnl_memory_create(&o->bias, o->bias_md, d->engine, o->bias_p));
    return IR_OK;
}

ir_status cpu_dnn_op_pack(cpu_dnn *d, const ly_row *l, cpu_dnn_op *o, const void *W, const void *bias)
{
    dnn_layout from = NULL;
    if (l->op > LY_FC) return IR_OK;
    ir_status s = weights_as(l, dnnl_ab, dnnl_gohwi, dnnl_ohwi, &from);
    if (s == IR_OK) s = pack_weights(d, o, from, W);
    dnn_layout_free(from);
    return s == IR_OK && bias ? pack_bias(d, l, o, bias) : s;
}

void cpu_dnn_op_free(cpu_dnn_op *o)
{
    if (o->prim) dnnl_primitive_destroy(o->prim);
    if (o->reorder) dnnl_primitive_destroy(o->reorder);
    dnnl_memory_t m[] = {o->src, o->in, o->weights, o->bias, o->dst};
    for (size_t i = 0; i < sizeof m / sizeof *m; i++)
        if (m[i]) dnnl_memory_destroy(m[i]);
    dnn_layout md[] = {o->src_md, o->in_md, o->dst_md, o->w_md, o->bias_md};
    for (size_t i = 0; i < sizeof md / sizeof *md; i++) dnn_layout_free(md[i]);
    free(o->bias_p);
    memset(o, 0, sizeof *o);
}

ir_status cpu_dnn_op_run(cpu_dnn *d, const cpu_dnn_op *o, void *src, void *dst)
{
    DNN(dnnl_memory_set_data_handle(o->src, src));
    DNN(dnnl_memory_set_data_handle(o->dst, dst));
    if (o->reorder) {
        const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, o->src}, {DNNL_ARG_TO, o->in}};
        DNN(dnnl_primitive_execute(o->reorder, d->stream, 2, args));
    }
    dnnl_exec_arg_t args[4] = {{DNNL_ARG_SRC, o->in ? o->in : o->src}, {DNNL_ARG_DST, o->dst}};
    int             n = 2;
    if (o->weights) args[n++] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, o->weights};
    if (o->bias) args[n++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, o->bias};
    DNN(dnnl_primitive_execute(o->prim, d->stream, n, args));
    return IR_OK;
}

ir_status cpu_dnn_wait(cpu_dnn *d)
{
    DNN(dnnl_stream_wait(d->stream));
    return IR_OK;
}
#endif
