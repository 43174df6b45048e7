/* screen.h -- the last screen of a run, put together: rows and ceilings from harness/record/answer.h, what
 * would help from the law, and whether it got slower from the records beside it. */
#ifndef BENCH_RUN_SCREEN_H
#define BENCH_RUN_SCREEN_H
#include "bench/devices/devices.h"
#include "bench/run/device_run.h"

/* How the run went; every text is borrowed and may be NULL. */
typedef struct {
    const char *started;   /* as in the record's header */
    double      elapsed_s; /* NAN: unknown */
    const char *file;      /* the record */
    bool        report;    /* text and page stand beside it */
    const char *recalled;  /* the file that the ceilings are from */
    const char *earlier; /* record of the run to compare with; NULL: found under results/ and beside `file` */
    bool        compare; /* look for one at all */
} screen_run;
void screen_of_device(const ir_text *, const device_run *, const screen_run *);
/* The screen of device `at` of a record; view: its machine view, whose points are judged. */
void screen_of_record(const ir_text *, const ir_record *, size_t at, const machine_view *view,
                      const screen_run *);
/* Seconds from one ir_utc_now() text to another; NAN when either is none. */
double screen_seconds(const char *started, const char *ended);
#endif
