/* version.h -- the version of the one cost model. A record carries it beside IR_VERSION, the program's own,
 * which the build defines from project(VERSION) in CMakeLists.txt. */
#ifndef BENCH_VERSION_H
#define BENCH_VERSION_H
/* Raised whenever a workload's flops or bytes are counted differently: records of two cost models are not
 * comparable. */
#define IR_COST_MODEL "1"
#endif
