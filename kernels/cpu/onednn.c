/* onednn.c -- see onednn.h. The library's OpenMP runtime is found by name at run time, because the program itself is not
 * built with OpenMP; a library with another threading is refused where it would not use the threads asked for. */
#define _GNU_SOURCE
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
#include <dlfcn.h>
#include <oneapi/dnnl/dnnl_debug.h>
#include <stdlib.h>
#include <string.h>

typedef void (*set_fn)(int);
typedef int (*get_fn)(void);

/* Object and function pointers need not convert; POSIX says their bytes do. */
static void find(const char *name, void *fn)
{
    void *p = dlsym(RTLD_DEFAULT, name);
    memcpy(fn, &p, sizeof p);
}

ir_status cpu_dnn_can(int threads)
{
    get_fn limit;
    find("omp_get_thread_limit", &limit);
    if (!limit) return ir_fail(IR_SKIP, "this oneDNN has no OpenMP threads to set");
    return threads <= limit() ? IR_OK : ir_fail(IR_SKIP, "OpenMP offers %d of %d threads", limit(), threads);
}

/* Parallel regions of GCC's runtime, which LLVM's offers too; without either name the threads stay unpinned. */
typedef void (*region_fn)(void (*fn)(void *), void *arg, unsigned threads, unsigned flags);
typedef struct { const ir_pool *pool; get_fn tid; } placing;
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
    placing   p = {.pool = cpu_of(dev)->pool};
    region_fn region;
    if (pool == p.pool && placed == threads) return;
    find("GOMP_parallel", &region);
    find("omp_get_thread_num", &p.tid);
    if (region && p.tid) region(place, &p, (unsigned)threads, 0);
    pool = p.pool;
    placed = threads;
}

ir_status cpu_dnn_threads(const ir_dev *dev, int threads)
{
    set_fn set, dynamic;
    ir_status s = cpu_dnn_can(threads);
    find("omp_set_num_threads", &set);
    find("omp_set_dynamic", &dynamic);
    if (s != IR_OK) return s;
    if (dynamic) dynamic(0); /* exactly as many as asked for */
    set(threads);
    place_threads(dev, threads);
    return IR_OK;
}

#define DNN(call)                                                                                   \
    do {                                                                                            \
        dnnl_status_t dnn_ = (call);                                                                \
        if (dnn_ != dnnl_success)                                                                   \
            return ir_fail(dnn_ == dnnl_unimplemented ? IR_SKIP : dnn_ == dnnl_out_of_memory ? IR_ENOMEM : IR_EDEVICE, \
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

static ir_status post_ops(const ly_row *l, dnnl_primitive_attr_t *out)
{
    dnnl_post_ops_t ops;
    DNN(dnnl_primitive_attr_create(out));
    DNN(dnnl_post_ops_create(&ops));
    if (l->add != LY_NONE) DNN(dnnl_post_ops_append_sum(ops, 1));
    if (l->act == LY_RELU) DNN(dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0));
    if (l->act == LY_RELU6) DNN(dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_clip, 0, 6));
    DNN(dnnl_primitive_attr_set_post_ops(*out, ops));
    DNN(dnnl_post_ops_destroy(ops));
    return IR_OK;
}

static ir_status plain(int ndims, const dnnl_dims_t dims, dnnl_format_tag_t tag, dnnl_memory_desc_t *out)
{
    DNN(dnnl_memory_desc_init_by_tag(out, ndims, dims, dnnl_f32, tag));
    return IR_OK;
}

static ir_status conv_desc(const ly_row *l, bool with_bias, const dnnl_memory_desc_t *src, const dnnl_memory_desc_t *dst,
                           dnnl_convolution_desc_t *out)
{
    const dnnl_dims_t w = {l->k, l->c, l->r, l->s}, gw = {l->groups, l->k / l->groups, l->c / l->groups, l->r, l->s};
    const dnnl_dims_t b = {l->k}, strides = {l->stride, l->stride}, left = {l->pad, l->pad};
    const dnnl_dims_t right = {(l->oh - 1) * l->stride + l->r - l->h - l->pad, (l->ow - 1) * l->stride + l->s - l->w - l->pad};
    dnnl_memory_desc_t w_md, b_md;
    ir_status s = l->groups > 1 ? plain(5, gw, dnnl_format_tag_any, &w_md) : plain(4, w, dnnl_format_tag_any, &w_md);
    if (s == IR_OK) s = plain(1, b, dnnl_x, &b_md);
    if (s != IR_OK) return s;
    DNN(dnnl_convolution_forward_desc_init(out, dnnl_forward_inference, dnnl_convolution_direct, src, &w_md,
                                           with_bias ? &b_md : NULL, dst, strides, left, right));
    return IR_OK;
}

static ir_status fc_desc(const ly_row *l, const dnnl_memory_desc_t *src, const dnnl_memory_desc_t *dst,
                         dnnl_inner_product_desc_t *out)
{
    const dnnl_dims_t  w = {l->k, l->c}, b = {l->k};
    dnnl_memory_desc_t w_md, b_md;
    ir_status s = plain(2, w, dnnl_format_tag_any, &w_md);
    if (s == IR_OK) s = plain(1, b, dnnl_x, &b_md);
    if (s != IR_OK) return s;
    DNN(dnnl_inner_product_forward_desc_init(out, dnnl_forward_inference, src, &w_md, &b_md, dst));
    return IR_OK;
}

static ir_status pool_desc(const ly_row *l, const dnnl_memory_desc_t *src, const dnnl_memory_desc_t *dst,
                           dnnl_pooling_desc_t *out)
{
    const bool        all = l->op == LY_AVGPOOL;
    const dnnl_dims_t kernel = {all ? l->h : l->r, all ? l->w : l->s}, strides = {all ? 1 : l->stride, all ? 1 : l->stride};
    const dnnl_dims_t left = {all ? 0 : l->pad, all ? 0 : l->pad};
    const dnnl_dims_t right = {(l->oh - 1) * strides[0] + kernel[0] - l->h - left[0],
                               (l->ow - 1) * strides[1] + kernel[1] - l->w - left[1]};
    DNN(dnnl_pooling_forward_desc_init(out, dnnl_forward_inference,
                                       all ? dnnl_pooling_avg_exclude_padding : dnnl_pooling_max, src, dst, strides,
                                       kernel, left, right));
    return IR_OK;
}

static ir_status copy_md(const_dnnl_primitive_desc_t pd, dnnl_query_t what, dnnl_memory_desc_t *out)
{
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(pd, what, 0);
    if (!md) return ir_fail(IR_EDEVICE, "oneDNN: a primitive without the memory it must have");
    *out = *md;
    return IR_OK;
}

/* The primitive, and the layouts it chose: o->dst_md, o->w_md, and *in for its input. */
static ir_status make_primitive(cpu_dnn *d, const ly_row *l, bool with_bias, const dnnl_memory_desc_t *src,
                                const dnnl_memory_desc_t *dst, cpu_dnn_op *o, dnnl_memory_desc_t *in)
{
    dnnl_convolution_desc_t   conv;
    dnnl_inner_product_desc_t fc;
    dnnl_pooling_desc_t       pool;
    dnnl_primitive_attr_t     attr = NULL;
    dnnl_primitive_desc_t     pd;
    const void               *desc = l->op == LY_CONV ? (const void *)&conv : l->op == LY_FC ? (const void *)&fc : (const void *)&pool;
    ir_status s = l->op == LY_CONV ? conv_desc(l, with_bias, src, dst, &conv)
                  : l->op == LY_FC ? fc_desc(l, src, dst, &fc) : pool_desc(l, src, dst, &pool);
    if (s == IR_OK) s = post_ops(l, &attr);
    if (s != IR_OK) return s;
    dnnl_status_t made = dnnl_primitive_desc_create(&pd, desc, attr, d->engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    DNN(made);
    made = dnnl_primitive_create(&o->prim, pd);
    s = made == dnnl_success ? copy_md(pd, dnnl_query_src_md, in) : IR_OK;
    if (made == dnnl_success && s == IR_OK) s = copy_md(pd, dnnl_query_dst_md, &o->dst_md);
    if (made == dnnl_success && s == IR_OK && l->op <= LY_FC) s = copy_md(pd, dnnl_query_weights_md, &o->w_md);
    dnnl_primitive_desc_destroy(pd);
    DNN(made);
    return s;
}

static ir_status make_reorder(cpu_dnn *d, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to, dnnl_primitive_t *out)
{
    dnnl_primitive_desc_t pd;
    DNN(dnnl_reorder_primitive_desc_create(&pd, from, d->engine, to, d->engine, NULL));
    dnnl_status_t made = dnnl_primitive_create(out, pd);
    dnnl_primitive_desc_destroy(pd);
    DNN(made);
    return IR_OK;
}

ir_status cpu_dnn_op_make(cpu_dnn *d, const ly_row *l, bool with_bias, bool any, const dnnl_memory_desc_t *src,
                          const dnnl_memory_desc_t *residual, cpu_dnn_op *o)
{
    const bool        fc = l->op == LY_FC;
    const dnnl_dims_t x = {fc ? l->rows : l->batch, l->c, l->h, l->w};
    const dnnl_dims_t y = {x[0], l->op == LY_CONV || fc ? l->k : l->c, l->oh, l->ow};
    const dnnl_format_tag_t tag = fc ? dnnl_nc : dnnl_nhwc;
    const bool         free_src = any && l->op == LY_CONV, free_dst = any && (l->op == LY_CONV || l->op == LY_MAXPOOL);
    const int          nd = fc ? 2 : 4;
    dnnl_memory_desc_t want, dst, in;
    memset(o, 0, sizeof *o);
    ir_status s = plain(nd, x, tag, &o->src_md);
    if (src && !fc) o->src_md = *src;
    want = o->src_md;
    if (s == IR_OK && free_src) s = plain(nd, x, dnnl_format_tag_any, &want);
    if (s == IR_OK) s = plain(nd, y, free_dst ? dnnl_format_tag_any : tag, &dst);
    if (residual) dst = *residual;
    if (s == IR_OK) s = make_primitive(d, l, with_bias, &want, &dst, o, &in);
    if (s != IR_OK) return s;
    DNN(dnnl_memory_create(&o->src, &o->src_md, d->engine, DNNL_MEMORY_NONE));
    DNN(dnnl_memory_create(&o->dst, &o->dst_md, d->engine, DNNL_MEMORY_NONE));
    if (dnnl_memory_desc_equal(&in, &o->src_md)) return IR_OK;
    DNN(dnnl_memory_create(&o->in, &in, d->engine, DNNL_MEMORY_ALLOCATE));
    return make_reorder(d, &o->src_md, &in, &o->reorder);
}

ir_status cpu_dnn_op_pack(cpu_dnn *d, const ly_row *l, cpu_dnn_op *o, const void *W, const void *bias)
{
    const int64_t      g = l->groups > 0 ? l->groups : 1;
    const dnnl_dims_t  w = {l->k, l->c, l->r, l->s}, gw = {g, l->k / g, l->c / g, l->r, l->s};
    const dnnl_dims_t  b = {l->k};
    dnnl_memory_desc_t from_md, b_md;
    dnnl_memory_t      from;
    dnnl_primitive_t   reorder;
    if (l->op > LY_FC) return IR_OK;
    ir_status s = l->op == LY_FC ? plain(2, w, dnnl_ab, &from_md)
                  : l->groups > 1 ? plain(5, gw, dnnl_gohwi, &from_md) : plain(4, w, dnnl_ohwi, &from_md);
    if (s == IR_OK) s = plain(1, b, dnnl_x, &b_md);
    if (s == IR_OK) s = make_reorder(d, &from_md, &o->w_md, &reorder);
    if (s != IR_OK) return s;
    if (!o->weights) DNN(dnnl_memory_create(&o->weights, &o->w_md, d->engine, DNNL_MEMORY_ALLOCATE));
    DNN(dnnl_memory_create(&from, &from_md, d->engine, (void *)(uintptr_t)W));
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, o->weights}};
    dnnl_status_t done = dnnl_primitive_execute(reorder, d->stream, 2, args);
    if (done == dnnl_success) done = dnnl_stream_wait(d->stream);
    dnnl_memory_destroy(from);
    dnnl_primitive_destroy(reorder);
    DNN(done);
    if (!bias) return IR_OK;
    if (!o->bias_p) o->bias_p = malloc((size_t)l->k * 4);
    if (!o->bias_p) return ir_fail(IR_ENOMEM, "oneDNN: no memory for %lld biases", (long long)l->k);
    memcpy(o->bias_p, bias, (size_t)l->k * 4);
    if (!o->bias) DNN(dnnl_memory_create(&o->bias, &b_md, d->engine, o->bias_p));
    return IR_OK;
}

void cpu_dnn_op_free(cpu_dnn_op *o)
{
    if (o->prim) dnnl_primitive_destroy(o->prim);
    if (o->reorder) dnnl_primitive_destroy(o->reorder);
    dnnl_memory_t m[] = {o->src, o->in, o->weights, o->bias, o->dst};
    for (size_t i = 0; i < sizeof m / sizeof *m; i++)
        if (m[i]) dnnl_memory_destroy(m[i]);
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
