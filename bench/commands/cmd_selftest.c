/* cmd_selftest.c -- `ironroof selftest kernels`: every kernel of every backend on its workload's awkward
 * shapes, misaligned, with guard bytes and poisoned outputs, against the workload's oracle. Nothing is timed,
 * so --threads may name more threads than there are processors: kernels of wide machines are tried on narrow
 * ones. */
#include "bench/commands/commands.h"
#include "bench/commands/fleet.h"
#include "bench/backends.h"
#include "bench/run/output.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <string.h>

typedef struct {
    size_t ok, skip, bad;
} tally;

static void verify(FILE *f, ir_dev *dev, const ir_workload *w, const ir_kernel *k, const ir_params *p,
                   size_t mis, tally *n)
{
    ir_check  c;
    char      text[256];
    ir_status st = ir_verify(dev, w, k, p, 42, mis, &c);
    if (st == IR_OK)
        n->ok++;
    else if (st == IR_SKIP)
        n->skip++;
    else {
        n->bad++;
        fprintf(f, "FAIL %s/%s/%s %s, addresses off by %zu: %s\n", dev->be->name, w->name, k->name,
                cli_point_text(w, p, text, sizeof text), mis, ir_why());
    }
}

/* Of every shape and type with this number of threads. */
static void verify_shapes(FILE *f, ir_dev *dev, int threads, const ir_workload *w, const ir_kernel *k,
                          tally *n)
{
    static const size_t off[] = {0, 4, 8, 16, 60};
    for (size_t i = 0; i < w->nodd; i++)
        for (uint32_t t = 0; t < IR_NDTYPE; t++) {
            ir_params p = w->odd[i];
            size_t    mis = off[i % (sizeof off / sizeof *off)];
            if (!(w->dtypes & (1u << t))) continue;
            p.dtype = (ir_dtype)t;
            p.threads = threads;
            if (w->valid && w->valid(w, &p) != IR_OK) continue;
            verify(f, dev, w, k, &p, fmod((double)mis, ir_dtype_bytes(p.dtype)) == 0 ? mis : 0, n);
        }
}

/* As many threads as were asked for, else one to three. */
static void verify_threads(FILE *f, ir_dev *dev, int most, const cli_axis *asked, const ir_workload *w,
                           const ir_kernel *k, tally *n)
{
    for (size_t i = 0; most > 0 && i < asked->n; i++) verify_shapes(f, dev, (int)asked->v[i], w, k, n);
    if (most > 0 && asked->n) return;
    for (int threads = 1; threads == 1 || (threads <= most && threads <= 3); threads++)
        verify_shapes(f, dev, threads, w, k, n);
}

static void verify_device(FILE *f, ir_dev *dev, const cli_options *o, tally *all)
{
    ir_device_info info;
    if (dev->be->describe(dev, &info) != IR_OK) return;
    for (const ir_workload *const *w = ir_workloads; *w; w++)
        for (const ir_kernel *const *k = dev->be->kernels; *k && fflush(f) == 0; k++) {
            tally n = {0};
            if (strcmp((*k)->family, (*w)->family) != 0 ||
                !cli_filter_match(&o->filter, dev->be->name, (*w)->name, (*k)->name))
                continue;
            bool was_dead = dev->dead;
            verify_threads(f, dev, info.threads, &o->threads, *w, *k, &n);
            if (was_dead) n = (tally){.bad = n.skip}; /* not proven, which is no skip */
            if (n.bad || !o->quiet)
                fprintf(f, "%-4s %s/%s/%s: %zu shapes right, %zu not possible here, %zu wrong%s\n",
                        n.bad  ? "FAIL"
                        : n.ok ? "ok"
                               : "skip",
                        dev->be->name, (*w)->name, (*k)->name, n.ok, n.skip, n.bad,
                        was_dead    ? ": the device failed before"
                        : dev->dead ? ": the device failed"
                                    : "");
            all->ok += n.ok;
            all->skip += n.skip;
            all->bad += n.bad;
        }
}

int selftest_kernels(FILE *f, const cli_options *o)
{
    tally       all = {0};
    cli_options crowded = *o;
    crowded.crowd = true;
    for (const ir_backend *const *b = bench_backends; *b; b++) {
        device_run c;
        bool       asked =
            o->backends.n == 0 && strcmp((*b)->name, "ideal") != 0 && strcmp((*b)->name, "model") != 0;
        for (size_t i = 0; i < o->backends.n; i++) asked = asked || !strcmp(o->backends.v[i], (*b)->name);
        if (!asked) continue;
        ir_status st = device_run_open(&c, *b, 0, &crowded);
        if (st == IR_EINVAL) return complain();
        if (st != IR_OK) {
            fprintf(f, "skip %s: %s\n", (*b)->name, ir_why());
            continue;
        }
        interrupt_restore(); /* there is nothing to keep: a signal ends it at once */
        verify_device(f, &c.s.dev, o, &all);
        device_run_free(&c);
        if (fflush(f) != 0 || ferror(f)) return EXIT_BAD; /* nobody reads it: why is said at the end */
    }
    if (o->filter.text && all.ok + all.skip + all.bad == 0)
        return ir_fail(IR_EINVAL, "--filter '%.60s' matches no kernel (ironroof list kernels)",
                       o->filter.text),
               complain();
    fprintf(f, "%zu passed, %zu failed, %zu skipped\n", all.ok, all.bad, all.skip);
    return all.ok && !all.bad ? EXIT_FINE : EXIT_BAD;
}

int cmd_selftest(const cli_args *args)
{
    static const char *const what[] = {"ideal", "kernels", "fleet", "machines", "aa", "inject"};
    size_t                   at;
    if (cli_choose("selftest", args->arg[0], what, 6, &at) != IR_OK) return complain();
    if (at < 4 && !isnan(args->opt.wait_idle_s))
        return ir_fail(IR_EINVAL, "--wait-idle: selftest %s times nothing", what[at]), complain();
    int waited = wait_idle(&args->opt);
    if (waited != EXIT_FINE) return waited;
    if (at >= 4) return selftest_gate(stdout, args);
    if (at == 3) return selftest_machines(stdout, args);
    if (args->narg > 1)
        return ir_fail(IR_EINVAL, "selftest %s takes no further argument", what[at]), complain();
    if (at == 2) return selftest_fleet(stdout, &args->opt, args->opt.nodes);
    return at == 0 ? selftest_ideal(stdout) : selftest_kernels(stdout, &args->opt);
}
