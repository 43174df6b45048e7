/* measure_fake.h -- a backend for test_measure.c: a fake clock, and faults that can be injected at any call.
 * Include after <cmocka.h>. */
#ifndef TESTS_MEASURE_FAKE_H
#define TESTS_MEASURE_FAKE_H
#include "harness/measure/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- a backend with a fake clock and injectable faults --------------------------------------- */
enum slot { OPEN, DESCRIBE, ALLOC, PUT, GET, SYNC, START, STOP, NSLOT };
static struct {
    double      clock, call_s, step_s; /* time of one kernel call; of one look at the clock */
    int         fail_at[NSLOT], calls[NSLOT], live;
    bool        hidden, backwards; /* hidden: device memory the host cannot touch */
    int         runs, noise;
    const void *seen[64];
} fake;

static ir_status hit(enum slot s)
{
    return ++fake.calls[s] == fake.fail_at[s] ? ir_fail(IR_EDEVICE, "injected fault in slot %d", s) : IR_OK;
}
static ir_status f_open(ir_dev *d, const ir_open_options *o)
{
    (void)o;
    d->self = &fake;
    return hit(OPEN);
}
static void      f_close(ir_dev *d) { d->self = NULL; }
static ir_status f_describe(ir_dev *d, ir_device_info *o)
{
    (void)d;
    memset(o, 0, sizeof *o);
    snprintf(o->id, sizeof o->id, "fake0");
    o->threads = 4;
    return hit(DESCRIBE);
}
static ir_status f_alloc(ir_dev *d, size_t n, ir_mem *m)
{
    (void)d;
    ir_status s = hit(ALLOC);
    if (s != IR_OK) return s;
    m->p = malloc(n);
    m->host = fake.hidden ? NULL : m->p;
    m->bytes = n;
    fake.live++;
    return IR_OK;
}
static void f_release(ir_dev *d, ir_mem *m)
{
    (void)d;
    if (m->p) fake.live--;
    free(m->p);
    memset(m, 0, sizeof *m);
}
static ir_status f_put(ir_dev *d, ir_mem *m, const void *h)
{
    (void)d;
    if (m->p != h) memcpy(m->p, h, m->bytes);
    return hit(PUT);
}
static ir_status f_get(ir_dev *d, const ir_mem *m, void *h)
{
    (void)d;
    if (m->p != h) memcpy(h, m->p, m->bytes);
    return hit(GET);
}
static ir_status f_sync(ir_dev *d) { return (void)d, hit(SYNC); }
static double    f_now(ir_dev *d)
{
    (void)d;
    if (fake.backwards && fake.runs > 20) return fake.clock -= 1;
    return fake.clock += fake.step_s;
}
static ir_status f_start(ir_dev *d) { return (void)d, hit(START); }
static ir_status f_stop(ir_dev *d, double *s)
{
    (void)d;
    *s = NAN;
    return hit(STOP);
}
#endif
