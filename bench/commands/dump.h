/* dump.h -- `ironroof dump`. */
#ifndef BENCH_DUMP_H
#define BENCH_DUMP_H
#include "bench/cli/cli.h"
extern const cli_option dump_options[];
typedef struct {
    int64_t seed;
} dump_own;
extern const dump_own dump_defaults;
int                   cmd_dump(const cli_args *);
#endif
