/* gather.h -- a fleet without a shared folder: the plan goes out as a word of the agent's command line, and
 * digests and exchanges come back as frames (harness/record/frame.h) in the engine's output. */
#ifndef BENCH_FLEET_GATHER_H
#define BENCH_FLEET_GATHER_H
#include "bench/fleet/fleet.h"
/* The plan without its nodes as one word that no shell changes; owned. */
ir_status fleet_plan_word(const ir_fleet_plan *, char **out);
bool      fleet_is_plan_word(const char *);
ir_status fleet_plan_unword(const char *word, ir_fleet_plan *out); /* on an error *out is empty */
/* Digests of a look in an engine's output, into DIR as nodes themselves would have left them. A digest of
 * which parts came damaged is written as such: its node is LOST, and why is said. stray: who answered and was
 * not asked; empty: nobody. */
ir_status fleet_gather(const char *dir, const ir_fleet_plan *, int look, const char *output, size_t n,
                       char stray[IR_FLEET_NAME]);
/* Exchanges in the output of ironroof-net, appended to the file; *damaged: lines that came damaged. */
ir_status fleet_gather_exchanges(const char *path, const char *output, size_t n, size_t *damaged);
#endif
