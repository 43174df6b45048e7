/* launch_monitor.c -- see launch_monitor.h. */
#include "bench/measure/launch_monitor.h"
#include "bench/measure/kernels.h"
#include "kernels/workloads/table.h"

#include <string.h>

enum { CALLS = 32 }; /* in a row, as the ceiling's are */
static const double EVERY_S = 0.05;

static void launch_monitor_look(void *arg)
{
    launch_monitor *m = arg;
    double          t = ir_probe_calls_s(m->probe, CALLS);
    if (t > 0) readings_add(&m->seen, t);
}

static ir_probe *open_probe(const ir_device_info *info, const ir_ceilings *all, ir_dev *dev)
{
    const ir_workload *w = ir_workload_named("forkjoin");
    const ir_ceiling  *c = ir_ceiling_find(all, IR_C_LAUNCH, NULL, NULL, IR_NDTYPE, info->threads);
    const ir_kernel   *k = w && c ? backend_kernel_named(dev->be, w, c->kernel) : NULL;
    ir_probe          *out = NULL;
    if (!k) return NULL;
    ir_params p = w->defaults;
    p.threads = info->threads;
    ir_probe_open(dev, w, k, &p, 1, &out); /* none: points go without it */
    return out;
}

bool launch_monitor_begin(launch_monitor *m, const ir_device_info *info, const ir_ceilings *all,
                          ir_bound_kernel *b, ir_policy *pol)
{
    if (pol->beside || info->modelled || info->threads < 2 || b->status != IR_OK) return false;
    if (b->p.threads != info->threads || !(b->cost.launches > 0) || !strcmp(b->w->family, "launch"))
        return false;
    m->ceiling_s = ir_launch_ceiling(all, info->threads);
    if (!(m->ceiling_s > 0) || m->refused) return false;
    if (!m->probe) m->probe = open_probe(info, all, b->dev);
    m->refused = !m->probe;
    if (m->refused) return false;
    m->seen.n = 0;
    pol->beside = launch_monitor_look;
    pol->beside_arg = m;
    pol->beside_s = EVERY_S;
    return true;
}

void launch_monitor_end(launch_monitor *m, ir_point *o)
{
    if (o->status == IR_OK && m->seen.n) o->m.launch_now = readings_quantile(&m->seen, 0.5) / m->ceiling_s;
}

void launch_monitor_close(launch_monitor *m)
{
    ir_probe_close(m->probe);
    memset(m, 0, sizeof *m);
}
