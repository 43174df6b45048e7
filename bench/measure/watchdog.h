/* watchdog.h -- a thread that watches over the point being measured. A call that hangs cannot be ended from
 * inside its process: what is to be done instead is the caller's, on the watchdog's thread. */
#ifndef BENCH_WATCHDOG_H
#define BENCH_WATCHDOG_H
#include "harness/ironroof.h"

/* Starts the thread: before any thread is pinned, so that it has the process's own mask. Once. */
ir_status watchdog_start(double timeout_s);
/* From here on `late(arg)` is called once, unless watchdog_disarm() comes within the time. Without a thread:
 * no effect. */
void watchdog_arm(void (*late)(void *arg), void *arg);
/* Does not return while late() is at work. */
void watchdog_disarm(void);
#endif
