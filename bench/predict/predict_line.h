/* predict_line.h -- predictions into a journal. */
#ifndef BENCH_PREDICT_LINE_H
#define BENCH_PREDICT_LINE_H
#include "bench/predict/predict.h"
ir_status predict_line(ir_journal *, const prediction *);
ir_status predict_line_nodes(ir_journal *, const prediction *,
                             const predict_cluster *); /* its step on several nodes */
#endif
