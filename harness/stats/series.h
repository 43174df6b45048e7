/* series.h -- quantities that grow or fall with time: the power behind a counter that ticks, and a speed that
 * is kept up for minutes. Pure. */
#ifndef IR_SERIES_H
#define IR_SERIES_H
#include "harness/ironroof.h"
#ifdef __cplusplus
extern "C" {
#endif

/* ---- power behind a counter ------------------------------------------------------------------ */
/* One reading: J of a counter, W of a meter; NAN what there is none of. */
typedef struct {
    double t_s, J, W;
} ir_reading;
enum { IR_LEAST_TICKS = 5 };
/* W and its 95 % interval, NAN unknown; ticks: changes of the counter, or readings of the meter. */
typedef struct {
    double W, lo, hi;
    size_t ticks;
} ir_power;
/* Least squares through the readings at which the counter had just changed: between two changes it says
 * nothing new, and how old its first value is nobody knows. Without a counter the mean of the meter by time.
 * Fewer than IR_LEAST_TICKS changes: NAN. range_J: the counter starts again from 0 there; 0: never. */
void ir_power_of(const ir_reading *, size_t n, double range_J, ir_power *out);

/* ---- kept up for minutes --------------------------------------------------------------------- */
/* What was seen in one window; NAN unknown. call_s: time over calls, stalls included. read_share: of the DRAM
 * read beside it, over its ceiling. quota_s, steal_s, throttle_n: cumulative. */
typedef struct {
    double t_s, call_s, calls, clock_Hz, temp_C, power_W, read_share, quota_s, steal_s, throttle_n;
    char   slowed[64]; /* what the device itself says; empty: nothing */
} ir_window;
/* Limits that a cause is held against; NAN unknown. */
typedef struct {
    double cap_W, crit_C;
} ir_limits;
/* Speeds are calls per second. peak: the best median of 5 consecutive windows of the first 10 s; sustained:
 * the median of the last third; slope: of the last third, share of its median a minute, with its 95 %
 * interval; settled: that interval spans 0. drop_s: the first moment after which every 5 windows' median lies
 * below 0.98 of the peak; NAN: none. cause: "quota" "steal" ...; empty: no drop. evidence: figures, in
 * words. */
typedef struct {
    double peak, sustained, slope, slope_lo, slope_hi, drop_s;
    bool   known, settled;
    char   cause[24], evidence[160];
} ir_sustained;
/* Fewer than 15 windows tell nothing: known is false. */
void ir_sustain_judge(const ir_window *, size_t n, const ir_limits *, ir_sustained *out);
/* Median of all slopes between two points, and its 95 % interval by ranks. false: fewer than 4 points. */
bool ir_theil_sen(const double *x, const double *y, size_t n, double *slope, double *lo, double *hi);
#ifdef __cplusplus
}
#endif
#endif
