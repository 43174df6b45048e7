/* bw_monitor.h -- how much DRAM bandwidth there is right now. The best DRAM read runs between the samples of
 * every point at DRAM. */
#ifndef BENCH_BW_MONITOR_H
#define BENCH_BW_MONITOR_H
#include "bench/measure/readings.h"
#include "harness/ironroof.h"
#include "harness/law/law.h"
#include "harness/measure/measure.h"

/* whole reads as many bytes as the ceiling did. part reads part_B, which is less. now is the one of the two
 * that runs beside the present point, or NULL. seen holds rates as shares of the ceiling. */
typedef struct {
    ir_dev          *dev; /* borrowed */
    const ir_kernel *kernel;
    ir_probe        *whole, *part, *now;
    ir_params        p;    /* parameters of `whole`, on all threads of the device */
    int              size; /* index of "bytes" in p.v[] */
    uint64_t         seed;
    double           part_B, ceiling_Bps;
    readings         seen;
} bw_monitor;
/* Choose the best DRAM read at the full thread count from the ceilings and the points they rest on. A device
 * without host threads gets none: nobody else uses its memory. */
void bw_monitor_choose(bw_monitor *, ir_dev *, const ir_device_info *, const ir_ceilings *, const ir_point *,
                       size_t n, uint64_t seed);
/* Put the monitor beside a point that can run, if memory bandwidth decides its time; return whether it does.
 * If so, call bw_monitor_end() after the measurement: it sets bw_now, and IR_FLAG_NOISY where the bandwidth
 * moved. */
bool bw_monitor_begin(bw_monitor *, const ir_ceilings *, const ir_bound_kernel *, bool cold, ir_policy *);
void bw_monitor_end(bw_monitor *, ir_point *);
/* One look now, as a share of the ceiling; NAN: it failed. Between begin and end. */
double bw_monitor_share(bw_monitor *);
void   bw_monitor_close(bw_monitor *); /* Idempotent. Call it before the device is closed. */
#endif
