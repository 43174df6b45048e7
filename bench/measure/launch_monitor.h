/* launch_monitor.h -- what a launch costs right now. The ceiling is the least it ever took; where threads sit
 * on two dies for a while, or share a core, each costs several times as much, and a short call with them. */
#ifndef BENCH_LAUNCH_MONITOR_H
#define BENCH_LAUNCH_MONITOR_H
#include "bench/measure/readings.h"
#include "harness/ironroof.h"
#include "harness/law/law.h"
#include "harness/measure/measure.h"

typedef struct {
    ir_probe *probe; /* an empty region on all threads; NULL: not opened yet */
    bool      refused;
    double    ceiling_s;
    readings  seen; /* seconds of a launch */
} launch_monitor;
/* Put empty regions between the samples of a point that runs on all threads of a host and beside which
 * nothing else is called; return whether it did. If so, call launch_monitor_end() after the measurement: it
 * sets launch_now. A described machine has no moments of that kind. */
bool launch_monitor_begin(launch_monitor *, const ir_device_info *, const ir_ceilings *, ir_bound_kernel *,
                          ir_policy *);
void launch_monitor_end(launch_monitor *, ir_point *);
void launch_monitor_close(launch_monitor *); /* Idempotent. Call it before the device is closed. */
#endif
