/* witness.c -- who tells energy: the device itself, or a meter of the host. */
#include "harness/measure/witness.h"

#include <math.h>
#include <string.h>

static bool witness_device(void *arg, ir_reading *r, double part[IR_ENERGY_PARTS])
{
    ir_dev   *dev = arg;
    ir_vitals v;
    (void)part;
    dev->be->vitals(dev, &v);
    r->J = v.energy_J;
    r->W = v.power_W;
    return isfinite(r->J) || isfinite(r->W);
}

ir_status ir_witness_device(ir_dev *dev, ir_witness *w)
{
    ir_vitals v = {.energy_J = NAN, .power_W = NAN};
    memset(w, 0, sizeof *w);
    w->idle_W = NAN;
    if (dev->be->vitals) dev->be->vitals(dev, &v);
    if (isnan(v.energy_J) && isnan(v.power_W))
        return ir_fail(IR_SKIP, "energy: the device tells neither joules nor watts");
    w->energy = witness_device;
    w->energy_arg = dev;
    w->scope = "device";
    w->source = isnan(v.energy_J) ? "power" : "counter";
    w->range_J = v.energy_range_J;
    return IR_OK;
}

static bool witness_meter(void *arg, ir_reading *r, double part[IR_ENERGY_PARTS])
{
    double each[IR_MAX_DOMAINS];
    for (int i = 0; i < IR_MAX_DOMAINS; i++) each[i] = NAN;
    ir_meter_read(arg, &r->J, &r->W, each);
    memcpy(part, each, IR_ENERGY_PARTS * sizeof *part);
    return isfinite(r->J) || isfinite(r->W);
}

void ir_witness_meter(ir_meter *m, ir_witness *w)
{
    const ir_domain *d;
    int              n = ir_meter_domains(m, &d);
    memset(w, 0, sizeof *w);
    w->idle_W = NAN;
    w->energy = witness_meter;
    w->energy_arg = m;
    w->scope = ir_meter_scope(m);
    w->source = ir_meter_source(m);
    for (int i = 0, k = 0; i < n && k < IR_ENERGY_PARTS && d[i].counter; i++) w->part_name[k++] = d[i].name;
}

static bool witness_perf(void *arg, ir_reading *r, double part[IR_ENERGY_PARTS])
{
    double v[IR_NPERF];
    (void)part;
    ir_perf_read(arg, v);
    r->J = v[IR_PERF_ENERGY];
    return isfinite(r->J);
}

void ir_witness_perf(ir_perf *p, ir_witness *w)
{
    memset(w, 0, sizeof *w);
    w->idle_W = NAN;
    w->energy = witness_perf;
    w->energy_arg = p;
    w->scope = "packages";
    w->source = "perf";
}
