/* records.c -- commands that only read records: `fit` and `validate`. */
#include "bench/commands/commands.h"

#include <stdlib.h>
#include <string.h>

/* Points, ceilings of one device of a record, as one array each; points are borrowed. */
static size_t of_device(const ir_record *r, size_t at, ir_point *pts, ir_ceilings *c)
{
    const char *device = r->device[at].id;
    size_t      n = 0;
    for (size_t i = 0; i < r->ceilings.n; i++)
        if (!strcmp(r->ceilings.v[i].device, device)) ir_ceilings_add(c, &r->ceilings.v[i]);
    memcpy(c->level_B, r->device_level_B[at], sizeof c->level_B);
    memcpy(c->level_threads, r->device_level_threads[at], sizeof c->level_threads);
    for (size_t i = 0; i < r->npoint; i++)
        if (!strcmp(r->point[i].id.device, device)) pts[n++] = r->point[i];
    return n;
}

static ir_status fit_device(const ir_text *t, const char *file, const ir_record *r, size_t at)
{
    const ir_device_info *d = &r->device[at];
    device_run            c;
    ir_status             st = IR_OK;
    memset(&c, 0, sizeof c);
    ir_ceilings_init(&c.s.ceilings);
    c.s.info = *d;
    c.s.point = malloc((r->npoint ? r->npoint : 1) * sizeof *c.s.point);
    if (!c.s.point) return ir_fail(IR_ENOMEM, "%s: no memory for %zu points", file, r->npoint);
    c.env = r->device_env[at]; /* borrowed */
    c.s.npoint = of_device(r, at, c.s.point, &c.s.ceilings);
    if (c.s.ceilings.n == 0) {
        st =
            ir_fail(IR_EINVAL,
                    "%s: %s has no ceilings: the law needs a measured bandwidth and peak (ironroof ceilings)",
                    file, d->id);
    } else {
        fprintf(t->f, "%s: %s, %s\n", file, d->id, d->name);
        c.s.policy.seed = 1;
        device_run_judge(&c);
        device_run_print_law(t, &c);
        if (!c.law.fitted) st = ir_fail(IR_EINVAL, "%s: %s: %s", file, d->id, c.law.why);
    }
    free(c.s.point); /* the samples belong to the record */
    ir_ceilings_free(&c.s.ceilings);
    return st;
}

int cmd_fit(const cli_args *args)
{
    ir_text t = text_on(stdout, &args->opt);
    int     code = EXIT_FINE;
    for (size_t i = 0; i < args->narg; i++) {
        ir_record r;
        if (ir_record_read(args->arg[i], false, &r) != IR_OK) {
            code = complain();
            continue;
        }
        if (r.truncated && !args->opt.quiet)
            fprintf(stderr, "ironroof: %s: the last line is cut off and was left out\n", args->arg[i]);
        for (size_t d = 0; d < r.ndevice; d++)
            if (fit_device(&t, args->arg[i], &r, d) != IR_OK) code = complain();
        if (r.ndevice == 0) code = (ir_fail(IR_EINVAL, "%s: no machine line", args->arg[i]), complain());
        ir_record_free(&r);
    }
    return code;
}

int cmd_validate(const cli_args *args)
{
    int code = EXIT_FINE;
    for (size_t i = 0; i < args->narg; i++) {
        ir_record r;
        if (ir_record_read(args->arg[i], true, &r) != IR_OK) {
            code = complain();
            continue;
        }
        size_t rungs = 0;
        for (size_t k = 0; k < r.npoint; k++) rungs += r.point[k].id.for_ceiling;
        printf("%s: valid: %zu lines, %zu device%s, %zu ceilings, %zu points (and %zu for ceilings), %zu "
               "fits, %zu "
               "verdicts\n",
               args->arg[i], r.nline, r.ndevice, r.ndevice == 1 ? "" : "s", r.ceilings.n, r.npoint - rungs,
               rungs, r.nfit, r.nverdict);
        ir_record_free(&r);
    }
    return code;
}
