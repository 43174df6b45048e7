/* thermal.h -- heat and what answers to it: temperatures, throttle counts, the CPU quota's stops, power caps.
 */
#ifndef IR_MACHINE_THERMAL_H
#define IR_MACHINE_THERMAL_H
#include "harness/ironroof.h"
#ifdef __cplusplus
extern "C" {
#endif
/* NAN unknown. temp_C: the hottest sensor of the processor, crit_C: what it must stay under; throttle_n,
 * quota_stops, quota_s: cumulative; cap_W: sum of the packages' long-term power limits. */
typedef struct {
    double temp_C, crit_C, throttle_n, quota_stops, quota_s, cap_W;
} ir_thermal;
void ir_thermal_read(const char *root, ir_thermal *);

/* What a backend without vitals of its own says: the host's clock, power limit apart, kept open. The clock is
 * the mean of at most eight of the CPUs this process may use, where the system tells it without asking them
 * (cpufreq); NAN elsewhere. */
typedef struct ir_host_vitals ir_host_vitals;
ir_host_vitals               *ir_host_vitals_open(const char *root); /* NULL: nothing can be read */
void                          ir_host_vitals_read(ir_host_vitals *, ir_vitals *out);
void                          ir_host_vitals_close(ir_host_vitals **); /* idempotent */
#ifdef __cplusplus
}
#endif
#endif
