/* agent.h -- what the engine starts on a node: the plan's points in rounds of processes, and one digest at
 * the end. */
#ifndef BENCH_FLEET_AGENT_H
#define BENCH_FLEET_AGENT_H
#include "bench/fleet/fleet.h"
/* Runs the rounds of this look (round >= 0: that one alone, added to the digest that is there) and writes the
 * node's digest into DIR, or as frames to standard output where dir is a plan's word (gather.h), whatever
 * happens to the rounds. An error means that there is no digest: no plan, a
 * node that is not in it, a disk that is full. look 0: nothing is measured; the file says that the node
 * answers. */
ir_status fleet_agent(const char *dir, int look, int round);
/* The rounds alone, for this node, into *out; nothing is written. arg: points and options of `run`. */
ir_status fleet_measure(const ir_fleet_plan *, int rounds, ir_fleet_node *out);
#endif
