/* bw_monitor.h -- the best DRAM read, called between the samples of every point at DRAM: how much bandwidth
 * there was just then. */
#ifndef BENCH_BW_MONITOR_H
#define BENCH_BW_MONITOR_H
#include "harness/ironroof.h"
#include "harness/law/law.h"
#include "harness/measure/measure.h"

enum { BW_MONITOR_KEEP = 256 };
/* whole: the read as the ceiling has it. part: the same read of part_B bytes, fewer than that. now: the one
 * beside the present point. seen: the last shares of the ceiling, n so far. */
typedef struct {
    ir_dev          *dev; /* borrowed */
    const ir_kernel *kernel;
    ir_probe        *whole, *part, *now;
    ir_params        p;    /* of `whole`; threads: the device's */
    int              size; /* of p.v[]: "bytes" */
    uint64_t         seed;
    double           part_B, ceiling_Bps, seen[BW_MONITOR_KEEP];
    size_t           n;
} bw_monitor;
/* Choose it from the ceilings and the points they rest on: the best DRAM read at the full thread count; none
 * on devices without host threads, whose memory is theirs alone. */
void bw_monitor_choose(bw_monitor *, ir_dev *, const ir_device_info *, const ir_ceilings *, const ir_point *,
                       size_t n, uint64_t seed);
/* Is it a point whose time is memory bandwidth? Then its policy gets the monitor beside it, and
 * bw_monitor_end() must follow the measurement: bw_now, and IR_FLAG_NOISY where it moved. p: with its
 * threads. */
bool bw_monitor_begin(bw_monitor *, const ir_ceilings *, const ir_workload *, const ir_kernel *,
                      const ir_params *p, bool cold, ir_policy *);
void bw_monitor_end(bw_monitor *, ir_point *);
void bw_monitor_close(bw_monitor *); /* idempotent; before the device is closed */
#endif
