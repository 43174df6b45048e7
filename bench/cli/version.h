/* version.h -- the program's version and that of the one cost model; a record carries both. */
#ifndef BENCH_VERSION_H
#define BENCH_VERSION_H
#ifndef IR_VERSION
#define IR_VERSION "0.1.0"
#endif
/* Raised whenever a workload's flops or bytes are counted differently: records of two cost models are not
 * comparable. */
#define IR_COST_MODEL "1"
#endif
