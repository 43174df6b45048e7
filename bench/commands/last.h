/* last.h -- "@last" on the command line: the newest record of a run. */
#ifndef BENCH_COMMANDS_LAST_H
#define BENCH_COMMANDS_LAST_H
#include "harness/ironroof.h"
/* Replace "@last", also as an item of a comma-separated list or behind "--name=", by the path of the newest
 * record. What names an output is left alone. The new words live as long as the process. IR_EINVAL: there is
 * no record. */
ir_status last_in_arguments(int argc, char **argv);
#endif
