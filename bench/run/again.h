/* again.h -- what a run does when a point hangs: the program begins again in its own place and continues the
 * record, in which that point is done. */
#ifndef BENCH_RUN_AGAIN_H
#define BENCH_RUN_AGAIN_H
#include "harness/ironroof.h"
/* Replaces this process by `ironroof ... --resume path`, with the other words of the command line as they
 * were. Returns only when that cannot be. */
ir_status run_again(int argc, char *const *argv, const char *path);
/* The words of that command line, ended by NULL; the array is owned, the words are borrowed. NULL: no memory.
 */
const char **run_again_words(int argc, char *const *argv, const char *path);
#endif
