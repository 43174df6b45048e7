/* described.h -- described machines from files, from texts, and from the command line. */
#ifndef BENCH_DESCRIBED_H
#define BENCH_DESCRIBED_H
#include "bench/cli/cli.h"
#include "kernels/model/machine.h"
/* A machine of a file, or of a text that messages call so. IR_EINVAL "FILE: PATH: what is allowed". */
ir_status described_machine(const char *file, const char *text_or_null, model_machine *out);
/* --backend model:FILE (without a file: the smallest machine) and --model key=value,... over it. */
ir_status described_options(const cli_options *, model_machine *out);
#endif
