/* cmd_worker.c -- `ironroof worker POINT`: one kernel kept ready, and called once for each letter that comes
 * from standard input. A program that measures something else beside it (ironroof-net, a data-parallel step)
 * starts it, so that it needs no kernel of its own.
 *
 * Answers, a line each: "ready BYTES POINT", the bytes of its weights; then for each 'g' the seconds of one
 * call, on the wall. An error ends it with exit code 2 and a message. */
#define _GNU_SOURCE
#include "bench/commands/commands.h"
#include "bench/backends.h"
#include "kernels/workloads/table.h"

#include <math.h>

enum { TRIES = 3 };
typedef struct {
    ir_probe        *probe;
    const ir_kernel *kernel;
    double           s; /* the better of a few calls */
} worker;

/* Of the kernels that pass the filter, are right and may be timed, the fastest. */
static ir_status worker_choose(measure_context *s, const cli_point *p, ir_params *asked, worker *best)
{
    const ir_kernel *k;
    ir_status        st =
        ir_fail(IR_SKIP, "no kernel of %s for %s passes the filter", s->dev.be->name, p->workload->name);
    for (size_t i = 0; (k = backend_kernel(s->dev.be, p->workload, i)) != NULL; i++) {
        worker w = {.kernel = k, .s = INFINITY};
        if (!context_wants(s, p->workload, k)) continue;
        ir_status own = ir_probe_open(&s->dev, p->workload, k, asked, 1, &w.probe);
        if (own != IR_OK) st = own;
        if (own != IR_OK && own != IR_SKIP) return own; /* the caller closes the best one so far */
        for (int t = 0; w.probe && t < TRIES; t++) w.s = fmin(w.s, ir_probe_s(w.probe));
        if (!w.probe || !(w.s < (best->probe ? best->s : INFINITY))) {
            ir_probe_close(w.probe);
            continue;
        }
        ir_probe_close(best->probe);
        *best = w;
    }
    return best->probe ? IR_OK : st;
}

static double worker_weights(const cli_point *p)
{
    ir_cost cost = p->workload->cost(p->workload, &p->p);
    return cost.weights_B > 0 ? cost.weights_B : ir_cost_weights_B(&cost);
}

static ir_status worker_serve(const worker *w, const cli_point *p, const ir_params *asked,
                              const char *backend)
{
    char text[256];
    printf("ready %.0f %s/%s/%s\n", worker_weights(p), backend,
           cli_point_text(p->workload, asked, text, sizeof text), w->kernel->name);
    fflush(stdout);
    for (int c; (c = getchar()) != EOF;) {
        if (c != 'g') continue;
        double t = ir_now();
        if (!isfinite(ir_probe_s(w->probe))) return ir_fail(IR_EIO, "%s failed", w->kernel->name);
        printf("%.9g\n", ir_now() - t);
        fflush(stdout);
    }
    return IR_OK;
}

static ir_status worker_on_device(const cli_args *a, const cli_point *p, const ir_backend *be)
{
    device_run c;
    worker     w = {0};
    int        index;
    bool       named;
    ir_status  st = cli_device_index(a->opt.device, &index, &named);
    if (st == IR_OK && named) st = backend_device_named(be, a->opt.device, &index);
    if (st == IR_OK) st = device_run_open(&c, be, index, &a->opt);
    if (st != IR_OK) return st;
    ir_params asked = p->p;
    if (asked.threads == 0) asked.threads = c.s.info.threads;
    st = worker_choose(&c.s, p, &asked, &w);
    if (st == IR_OK) st = worker_serve(&w, p, &asked, be->name);
    ir_probe_close(w.probe);
    device_run_free(&c);
    return st;
}

int cmd_worker(const cli_args *a)
{
    const ir_backend *be;
    cli_points        pts;
    ir_status         st = one_point(a, "worker", &be, &pts);
    if (st == IR_OK && !(worker_weights(&pts.v[0]) > 0))
        st = ir_fail(IR_EINVAL, "%s has no weights: nothing is summed over nodes", pts.v[0].workload->name);
    if (st == IR_OK) st = worker_on_device(a, &pts.v[0], be);
    cli_points_free(&pts);
    return st == IR_OK ? EXIT_FINE : complain();
}
