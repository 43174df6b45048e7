/* onednn_api.h -- the calls of oneDNN's C interface that changed between versions 2 and 3, in the form of
 * version 3: layouts are objects with an owner, and a primitive's description is made in one call. Everything
 * else is spelt alike in both. The library is loaded when a kernel first asks for it (onednn_load.c): a call
 * goes through a table of its functions, by the function's own name. */
#ifndef CPU_ONEDNN_API_H
#define CPU_ONEDNN_API_H
#include "kernels/cpu/onednn_functions.h"
#include <stdlib.h>

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t       dnn_layout; /* owned: dnn_layout_free() */
typedef const_dnnl_memory_desc_t dnn_layout_of;

static inline dnnl_status_t dnn_layout_make(dnn_layout *out, int ndims, const dnnl_dims_t dims,
                                            dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_create_with_tag(out, ndims, dims, dnnl_f32, tag);
}

static inline dnnl_status_t dnn_layout_copy(dnn_layout *out, dnn_layout_of from)
{
    return dnnl_memory_desc_clone(out, from);
}

static inline void dnn_layout_free(dnn_layout l)
{
    if (l) dnnl_memory_desc_destroy(l);
}

static inline dnnl_status_t dnn_add_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef);
}

static inline dnnl_status_t dnn_add_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t kind, float alpha,
                                            float beta)
{
    return dnnl_post_ops_append_eltwise(ops, kind, alpha, beta);
}

static inline dnnl_status_t dnn_convolution(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                            dnn_layout_of src, dnn_layout_of w, dnn_layout_of bias,
                                            dnn_layout_of dst, const dnnl_dims_t strides,
                                            const dnnl_dims_t left, const dnnl_dims_t right,
                                            dnnl_primitive_attr_t attr)
{
    const dnnl_dims_t undilated = {0, 0};
    return dnnl_convolution_forward_primitive_desc_create(out, engine, dnnl_forward_inference,
                                                          dnnl_convolution_direct, src, w, bias, dst, strides,
                                                          undilated, left, right, attr);
}

static inline dnnl_status_t dnn_inner_product(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                              dnn_layout_of src, dnn_layout_of w, dnn_layout_of bias,
                                              dnn_layout_of dst, dnnl_primitive_attr_t attr)
{
    return dnnl_inner_product_forward_primitive_desc_create(out, engine, dnnl_forward_inference, src, w, bias,
                                                            dst, attr);
}

static inline dnnl_status_t dnn_pooling(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                        dnnl_alg_kind_t kind, dnn_layout_of src, dnn_layout_of dst,
                                        const dnnl_dims_t strides, const dnnl_dims_t kernel,
                                        const dnnl_dims_t left, const dnnl_dims_t right,
                                        dnnl_primitive_attr_t attr)
{
    const dnnl_dims_t undilated = {0, 0};
    return dnnl_pooling_forward_primitive_desc_create(out, engine, dnnl_forward_inference, kind, src, dst,
                                                      strides, kernel, undilated, left, right, attr);
}

#else
typedef dnnl_memory_desc_t       *dnn_layout;
typedef const dnnl_memory_desc_t *dnn_layout_of;

static inline dnnl_status_t dnn_layout_make(dnn_layout *out, int ndims, const dnnl_dims_t dims,
                                            dnnl_format_tag_t tag)
{
    *out = (dnn_layout)malloc(sizeof **out);
    dnnl_status_t s =
        *out ? dnnl_memory_desc_init_by_tag(*out, ndims, dims, dnnl_f32, tag) : dnnl_out_of_memory;
    if (s == dnnl_success) return s;
    free(*out);
    *out = NULL;
    return s;
}

static inline dnnl_status_t dnn_layout_copy(dnn_layout *out, dnn_layout_of from)
{
    *out = (dnn_layout)malloc(sizeof **out);
    if (!*out) return dnnl_out_of_memory;
    **out = *from;
    return dnnl_success;
}

static inline void dnn_layout_free(dnn_layout l) { free(l); }

static inline dnnl_status_t dnn_add_sum(dnnl_post_ops_t ops) { return dnnl_post_ops_append_sum(ops, 1); }

static inline dnnl_status_t dnn_add_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t kind, float alpha,
                                            float beta)
{
    return dnnl_post_ops_append_eltwise(ops, 1, kind, alpha, beta);
}

static inline dnnl_status_t dnn_convolution(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                            dnn_layout_of src, dnn_layout_of w, dnn_layout_of bias,
                                            dnn_layout_of dst, const dnnl_dims_t strides,
                                            const dnnl_dims_t left, const dnnl_dims_t right,
                                            dnnl_primitive_attr_t attr)
{
    dnnl_convolution_desc_t d;
    dnnl_status_t s = dnnl_convolution_forward_desc_init(&d, dnnl_forward_inference, dnnl_convolution_direct,
                                                         src, w, bias, dst, strides, left, right);
    return s == dnnl_success ? dnnl_primitive_desc_create(out, &d, attr, engine, NULL) : s;
}

static inline dnnl_status_t dnn_inner_product(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                              dnn_layout_of src, dnn_layout_of w, dnn_layout_of bias,
                                              dnn_layout_of dst, dnnl_primitive_attr_t attr)
{
    dnnl_inner_product_desc_t d;
    dnnl_status_t s = dnnl_inner_product_forward_desc_init(&d, dnnl_forward_inference, src, w, bias, dst);
    return s == dnnl_success ? dnnl_primitive_desc_create(out, &d, attr, engine, NULL) : s;
}

static inline dnnl_status_t dnn_pooling(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                        dnnl_alg_kind_t kind, dnn_layout_of src, dnn_layout_of dst,
                                        const dnnl_dims_t strides, const dnnl_dims_t kernel,
                                        const dnnl_dims_t left, const dnnl_dims_t right,
                                        dnnl_primitive_attr_t attr)
{
    dnnl_pooling_desc_t d;
    dnnl_status_t s = dnnl_pooling_forward_desc_init(&d, dnnl_forward_inference, kind, src, dst, strides,
                                                     kernel, left, right);
    return s == dnnl_success ? dnnl_primitive_desc_create(out, &d, attr, engine, NULL) : s;
}
#endif
#endif
