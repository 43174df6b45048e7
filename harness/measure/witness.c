/* witness.c -- who tells energy: the device itself, or a meter of the host. */
#include "harness/measure/witness.h"
#include "harness/left_out.h"

#include <math.h>
#include <stdlib.h>
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

/* A slice of a card, for one, has no joules of its own: what it is stands in its limits. */
static ir_status witness_none(ir_dev *dev)
{
    ir_device_info d;
    bool           known = dev->be->describe && dev->be->describe(dev, &d) == IR_OK && *d.limits;
    bool           slice = known && strstr(d.limits, "slice");
    return ir_fail(IR_SKIP, "energy: the device tells neither joules nor watts%s%.80s%s", slice ? " (" : "",
                   slice ? d.limits : "", slice ? "): measure the whole card" : "");
}

ir_status ir_witness_device(ir_dev *dev, ir_witness *w)
{
    ir_vitals v = {.energy_J = NAN, .power_W = NAN};
    memset(w, 0, sizeof *w);
    w->idle_W = NAN;
    if (dev->be->vitals) dev->be->vitals(dev, &v);
    if (isnan(v.energy_J) && isnan(v.power_W)) return witness_none(dev);
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

/* ---- minutes --------------------------------------------------------------------------------- */
struct ir_host_look {
    const char     *root;
    ir_host_vitals *clock;
    ir_meter       *meter;
    double          J, t_s; /* of the meter's last reading */
};

ir_host_look *ir_host_look_open(const char *root)
{
    ir_host_look *o = calloc(1, sizeof *o);
    if (!o) {
        ir_left_out("what the host tells of itself");
        return NULL;
    }
    o->root = root;
    o->clock = ir_host_vitals_open(root);
    ir_meter_open(root, NULL, &o->meter); /* none: its power is not known */
    o->J = o->t_s = NAN;
    return o;
}

void ir_host_look_read(ir_host_look *o, double now_s, ir_window *w)
{
    ir_health  health;
    ir_thermal heat;
    ir_vitals  v = {.clock_Hz = NAN};
    double     J = NAN;
    ir_health_read(&health); /* of this host always */
    ir_thermal_read(o->root, &heat);
    if (o->clock) ir_host_vitals_read(o->clock, &v);
    w->steal_s = health.steal_s;
    w->quota_s = heat.quota_s;
    w->throttle_n = heat.throttle_n;
    w->temp_C = heat.temp_C;
    w->clock_Hz = v.clock_Hz;
    w->power_W = NAN;
    if (!o->meter) return;
    ir_meter_read(o->meter, &J, &w->power_W, NULL);
    if (isnan(w->power_W)) w->power_W = (J - o->J) / (now_s - o->t_s);
    o->J = J;
    o->t_s = now_s;
}

void ir_host_look_close(ir_host_look **o)
{
    if (!*o) return;
    ir_host_vitals_close(&(*o)->clock);
    ir_meter_close(&(*o)->meter);
    free(*o);
    *o = NULL;
}
