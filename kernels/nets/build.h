/* build.h -- what the network tables are built with. Private to bench/nets/ and the workloads over it. */
#ifndef NETS_BUILD_H
#define NETS_BUILD_H
#include "kernels/nets/layer.h"
/* Room for n rows; IR_ENOMEM. */
ir_status nets_begin(ly_net *, int n);
/* The next row, zeroed but for: name (printf), op, in, out, no add, no activation, no parameters. */
#if defined(__GNUC__)
__attribute__((format(printf, 5, 6)))
#endif
ly_row *
nets_row(ly_net *, ly_op, int in, int out, const char *name, ...);
/* Output size of a window over n with padding on both sides. */
static inline int64_t nets_window(int64_t n, int64_t window, int64_t stride, int64_t pad)
{
    return (n + 2 * pad - window) / stride + 1;
}
/* Fill in a convolution (square; b, h, w, c are the row's), reserve its parameters, count those of its batch
 * norm. */
void nets_conv(ly_net *, ly_row *, int64_t k, int64_t window, int64_t stride, int64_t groups);
/* A dense one of r x s; oh and ow stay the caller's. */
void nets_conv2(ly_net *, ly_row *, int64_t k, int64_t r, int64_t s, int64_t stride, int64_t pad,
                int64_t pad_w);
/* Y[rows,k] = X[rows,c] W' + b. */
void nets_fc(ly_net *, ly_row *, int64_t rows, int64_t c, int64_t k);
/* The same without b. */
void nets_product(ly_net *, ly_row *, int64_t rows, int64_t c, int64_t k);
/* n elements of W, of V; returns the offset. */
int64_t nets_take_W(ly_net *, int64_t n);
int64_t nets_take_V(ly_net *, int64_t n);
/* Buffer sizes, once all rows are there. */
void nets_end(ly_net *);
#endif
