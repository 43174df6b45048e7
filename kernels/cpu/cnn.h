/* cnn.h -- what an image network's executor lets others see, and what the executors share. */
#ifndef CPU_CNN_H
#define CPU_CNN_H
#include "kernels/cpu/conv.h"

/* Which kernel row `i` of the network runs on, after plan(): "direct", "maxpool" ...; "" for runs of other
 * kernels. */
const char *cpu_cnn_choice(const ir_run *, int i);

/* What the executors share. served: IR_SKIP for a row that is none of an image network. as_conv: a fully
 * connected row as a 1x1 convolution of one pixel an image, other rows as they are. row_part: thread tid's
 * share of a pool or add. */
ir_status cpu_cnn_served(const ly_row *);
ly_row    cpu_cnn_as_conv(const ly_row *);
void cpu_cnn_row_part(const cpu_conv_ops *, const ly_row *, const char *x, const char *add, char *y, int tid,
                      int nthreads);
#endif
