/* onednn_functions.h -- which functions of oneDNN are called, as a table that is filled when the library is
 * loaded. What is not in it cannot be called: the program is not linked to the library. */
#ifndef CPU_ONEDNN_FUNCTIONS_H
#define CPU_ONEDNN_FUNCTIONS_H
#include "harness/machine/machine.h"

#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_debug.h>

/* clang-format off */
#if DNNL_VERSION_MAJOR >= 3
#define DNN_FUNCTIONS_OF_VERSION(X) \
    X(dnnl_memory_desc_create_with_tag) \
    X(dnnl_memory_desc_clone) \
    X(dnnl_memory_desc_destroy) \
    X(dnnl_convolution_forward_primitive_desc_create) \
    X(dnnl_inner_product_forward_primitive_desc_create) \
    X(dnnl_pooling_forward_primitive_desc_create)
#else
#define DNN_FUNCTIONS_OF_VERSION(X) \
    X(dnnl_memory_desc_init_by_tag) \
    X(dnnl_primitive_desc_create) \
    X(dnnl_convolution_forward_desc_init) \
    X(dnnl_inner_product_forward_desc_init) \
    X(dnnl_pooling_forward_desc_init)
#endif
#define DNN_FUNCTIONS(X) \
    X(dnnl_engine_create) \
    X(dnnl_engine_destroy) \
    X(dnnl_stream_create) \
    X(dnnl_stream_destroy) \
    X(dnnl_stream_wait) \
    X(dnnl_status2str) \
    X(dnnl_primitive_attr_create) \
    X(dnnl_primitive_attr_destroy) \
    X(dnnl_primitive_attr_set_post_ops) \
    X(dnnl_post_ops_create) \
    X(dnnl_post_ops_destroy) \
    X(dnnl_post_ops_append_sum) \
    X(dnnl_post_ops_append_eltwise) \
    X(dnnl_primitive_desc_query_md) \
    X(dnnl_primitive_desc_destroy) \
    X(dnnl_primitive_create) \
    X(dnnl_primitive_destroy) \
    X(dnnl_primitive_execute) \
    X(dnnl_reorder_primitive_desc_create) \
    X(dnnl_memory_create) \
    X(dnnl_memory_destroy) \
    X(dnnl_memory_set_data_handle) \
    X(dnnl_memory_desc_equal) \
    X(dnnl_memory_desc_get_size) \
    DNN_FUNCTIONS_OF_VERSION(X)

IR_LIBRARY_TABLE(DNN_FUNCTIONS, cpu_dnn_functions);
extern cpu_dnn_functions cpu_dnnl; /* all are NULL until cpu_dnn_load() has returned IR_OK */

#define dnnl_engine_create cpu_dnnl.dnnl_engine_create
#define dnnl_engine_destroy cpu_dnnl.dnnl_engine_destroy
#define dnnl_stream_create cpu_dnnl.dnnl_stream_create
#define dnnl_stream_destroy cpu_dnnl.dnnl_stream_destroy
#define dnnl_stream_wait cpu_dnnl.dnnl_stream_wait
#define dnnl_status2str cpu_dnnl.dnnl_status2str
#define dnnl_primitive_attr_create cpu_dnnl.dnnl_primitive_attr_create
#define dnnl_primitive_attr_destroy cpu_dnnl.dnnl_primitive_attr_destroy
#define dnnl_primitive_attr_set_post_ops cpu_dnnl.dnnl_primitive_attr_set_post_ops
#define dnnl_post_ops_create cpu_dnnl.dnnl_post_ops_create
#define dnnl_post_ops_destroy cpu_dnnl.dnnl_post_ops_destroy
#define dnnl_post_ops_append_sum cpu_dnnl.dnnl_post_ops_append_sum
#define dnnl_post_ops_append_eltwise cpu_dnnl.dnnl_post_ops_append_eltwise
#define dnnl_primitive_desc_query_md cpu_dnnl.dnnl_primitive_desc_query_md
#define dnnl_primitive_desc_destroy cpu_dnnl.dnnl_primitive_desc_destroy
#define dnnl_primitive_create cpu_dnnl.dnnl_primitive_create
#define dnnl_primitive_destroy cpu_dnnl.dnnl_primitive_destroy
#define dnnl_primitive_execute cpu_dnnl.dnnl_primitive_execute
#define dnnl_reorder_primitive_desc_create cpu_dnnl.dnnl_reorder_primitive_desc_create
#define dnnl_memory_create cpu_dnnl.dnnl_memory_create
#define dnnl_memory_destroy cpu_dnnl.dnnl_memory_destroy
#define dnnl_memory_set_data_handle cpu_dnnl.dnnl_memory_set_data_handle
#define dnnl_memory_desc_equal cpu_dnnl.dnnl_memory_desc_equal
#define dnnl_memory_desc_get_size cpu_dnnl.dnnl_memory_desc_get_size
#if DNNL_VERSION_MAJOR >= 3
#define dnnl_memory_desc_create_with_tag cpu_dnnl.dnnl_memory_desc_create_with_tag
#define dnnl_memory_desc_clone cpu_dnnl.dnnl_memory_desc_clone
#define dnnl_memory_desc_destroy cpu_dnnl.dnnl_memory_desc_destroy
#define dnnl_convolution_forward_primitive_desc_create \
    cpu_dnnl.dnnl_convolution_forward_primitive_desc_create
#define dnnl_inner_product_forward_primitive_desc_create \
    cpu_dnnl.dnnl_inner_product_forward_primitive_desc_create
#define dnnl_pooling_forward_primitive_desc_create cpu_dnnl.dnnl_pooling_forward_primitive_desc_create
#else
#define dnnl_memory_desc_init_by_tag cpu_dnnl.dnnl_memory_desc_init_by_tag
#define dnnl_primitive_desc_create cpu_dnnl.dnnl_primitive_desc_create
#define dnnl_convolution_forward_desc_init cpu_dnnl.dnnl_convolution_forward_desc_init
#define dnnl_inner_product_forward_desc_init cpu_dnnl.dnnl_inner_product_forward_desc_init
#define dnnl_pooling_forward_desc_init cpu_dnnl.dnnl_pooling_forward_desc_init
#endif
/* clang-format on */
#endif
