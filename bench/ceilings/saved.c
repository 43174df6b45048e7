/* saved.c -- see saved.h. A record may hold several devices: each is held against its own machine line. */
#include "bench/ceilings/saved.h"
#include "bench/ceilings/ceilings.h"

#include <math.h>
#include <string.h>

static bool recorded(const ir_record *r, const char *id)
{
    for (size_t i = 0; i < r->ceilings.n; i++)
        if (!strcmp(r->ceilings.v[i].device, id)) return true;
    return false;
}

static ir_status comparable(const measure_context *s, const ir_env *env, const char *file, const ir_record *r,
                            size_t at)
{
    const ir_device_info *then = &r->device[at];
    const char           *field = ir_env_differs(&r->device_env[at], env);
    if (!field && strcmp(then->name, s->info.name) != 0) field = "name";
    if (!field && strcmp(then->driver, s->info.driver) != 0) field = "driver";
    if (!field) return IR_OK;
    return ir_fail(IR_EINVAL, "%s: its ceilings of %s are not this machine's: %s differs", file, s->info.id,
                   field);
}

static double rate(const ir_point *p) { return p->status == IR_OK ? p->m.cost.flops / ir_point_time(p) : 0; }

/* The number of teams the fastest row had. */
static void find_teams(measure_context *s)
{
    double best[IR_NDTYPE] = {0};
    for (size_t i = 0; i < s->npoint; i++) {
        const ir_point *p = &s->point[i];
        if (!p->id.for_ceiling || strcmp(p->id.workload, "fma") != 0 || !(rate(p) > best[p->id.p.dtype]))
            continue;
        for (int k = 0; k < p->id.np; k++)
            if (!strcmp(p->id.pname[k], "teams")) s->teams[p->id.p.dtype] = p->id.p.v[k];
        best[p->id.p.dtype] = rate(p);
    }
}

ir_status ceilings_load(measure_context *s, const ir_env *env, const char *file, const ir_record *r,
                        bool *found)
{
    size_t at = 0;
    while (at < r->ndevice && strcmp(r->device[at].id, s->info.id) != 0) at++;
    *found = at < r->ndevice && recorded(r, s->info.id);
    if (!*found) return IR_OK;
    ir_status st = comparable(s, env, file, r, at);
    for (size_t i = 0; i < r->ceilings.n && st == IR_OK; i++)
        if (!strcmp(r->ceilings.v[i].device, s->info.id))
            st = ir_ceilings_add(&s->ceilings, &r->ceilings.v[i]);
    if (st == IR_OK) memcpy(s->ceilings.level_B, r->device_level_B[at], sizeof s->ceilings.level_B);
    if (st == IR_OK)
        memcpy(s->ceilings.level_threads, r->device_level_threads[at], sizeof s->ceilings.level_threads);
    for (size_t i = 0; i < r->npoint && st == IR_OK; i++)
        if (r->point[i].id.for_ceiling && !strcmp(r->point[i].id.device, s->info.id))
            st = context_append_copy(s, &r->point[i]);
    s->nrecalled = s->npoint;
    find_teams(s);
    return st == IR_OK ? ceilings_journal(s) : st;
}

/* ---- the source ------------------------------------------------------------------------------ */
ir_status ceilings_source_open(ceilings_source *c, const char *asked)
{
    memset(c, 0, sizeof *c);
    c->none = asked && !strcmp(asked, "none");
    if (!asked || c->none) return IR_OK;
    ir_status st = ir_record_read(asked, false, &c->r);
    if (st == IR_OK) c->file = asked;
    return st;
}

void ceilings_source_close(ceilings_source *c)
{
    if (c->file) ir_record_free(&c->r);
    c->file = NULL;
}

ir_status ceilings_source_has(const ceilings_source *c, const measure_context *s)
{
    if (!c->file || recorded(&c->r, s->info.id)) return IR_OK;
    return ir_fail(IR_EINVAL, "%s: no ceilings of %s in it", c->file, s->info.id);
}

ir_status ceilings_get(measure_context *s, const ir_env *env, const ceilings_source *c, bool quiet)
{
    bool      found = false;
    ir_status st = IR_OK;
    if (c->none) return IR_OK;
    if (c->file) st = ceilings_load(s, env, c->file, &c->r, &found);
    if (st != IR_OK || found) return st;
    if (c->file && !quiet)
        fprintf(stderr, "ironroof: %s has no ceilings of %s: they are measured now\n", c->file, s->info.id);
    return s->dev.be->known_ceilings ? s->dev.be->known_ceilings(&s->dev, &s->ceilings) : ceilings_measure(s);
}
