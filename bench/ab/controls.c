/* controls.c -- see ab_controls.h. */
#include "bench/ab/controls.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = 9 };
static const double      COPY_B = 64e6; /* beyond a usual last-level cache, and still quick */
static const char *const names[TRIAL_REFS] = {"copy", "fma", "forkjoin"};

static const ir_kernel *controls_usable(const measure_context *s, const ir_workload *w, const ir_params *p)
{
    const ir_kernel *k;
    for (size_t i = 0; (k = backend_kernel(s->dev.be, w, i)); i++)
        if (!(k->flags & (IR_K_NAIVE | IR_K_LIB)) && (!k->can_run || k->can_run(&s->dev, w, p) == IR_OK))
            return k;
    return NULL;
}

ir_status ab_controls_open(ab_controls *r, const ir_backend *host, const cli_options *o)
{
    cli_options own = *o; /* the reference is never slowed down, and samples as it likes */
    memset(r, 0, sizeof *r);
    own.inject = 0;
    own.samples = SAMPLES;
    ir_status st = device_run_open(&r->c, host, 0, &own);
    if (st != IR_OK) return st;
    r->open = true;
    for (int i = 0; i < TRIAL_REFS; i++) {
        const ir_workload *w = ir_workload_named(names[i]);
        if (!w) return ir_fail(IR_EINVAL, "no workload '%s' to watch the machine with", names[i]);
        int bytes = ir_workload_param(w, "bytes");
        r->workload[i] = w;
        r->p[i] = w->defaults;
        r->p[i].threads = r->c.s.info.threads;
        if (bytes >= 0) r->p[i].v[bytes] = (int64_t)COPY_B;
        r->kernel[i] = controls_usable(&r->c.s, w, &r->p[i]);
    }
    return IR_OK;
}

ir_status ab_controls_now(ab_controls *r, double out[TRIAL_REFS])
{
    ir_policy pol = {
        .warmup_s = 2e-3, .warmup_cap_s = 5e-3, .fixed_n = SAMPLES, .precision = 0.01, .seed = 1};
    for (int i = 0; i < TRIAL_REFS; i++) {
        ir_point o;
        out[i] = NAN;
        if (!r->kernel[i]) continue;
        ir_status st = ir_measure(&r->c.s.dev, r->workload[i], r->kernel[i], &r->p[i], &pol, &o);
        if (st == IR_OK) out[i] = o.m.wall.q25;
        ir_point_free(&o);
        if (st != IR_OK && st != IR_SKIP) return ir_fail(st, "reference kernel %s: %s", names[i], ir_why());
    }
    return IR_OK;
}

void ab_controls_close(ab_controls *r)
{
    if (r->open) device_run_free(&r->c);
    r->open = false;
}
