/* views.c -- datasheets and recorded machines in one form, so that whoever predicts or compares need not ask
 * which. */
#define _GNU_SOURCE
#include "bench/devices/devices.h"
#include "harness/record/input.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static machine_view *new_view(machine_views *s)
{
    if (s->n == DEVICE_MAX_VIEWS) {
        ir_fail(IR_EINVAL, "more than %d machines", DEVICE_MAX_VIEWS);
        return NULL;
    }
    machine_view *v = &s->v[s->n++];
    memset(v, 0, sizeof *v);
    ir_ceilings_init(&v->ceilings);
    v->better = -1;
    v->capacity_B = v->llc_B = NAN;
    return v;
}

/* ---- datasheets ------------------------------------------------------------------------------ */
static ir_status add_ceiling(machine_view *v, ir_what what, const char *op, ir_dtype t, double value)
{
    ir_ceiling c = {.what = what,
                    .dtype = t,
                    .value = value,
                    .lo = NAN,
                    .hi = NAN,
                    .theory = NAN,
                    .size_B = NAN,
                    .read_frac = what == IR_C_BANDWIDTH ? 1 : NAN,
                    .source = IR_SRC_DATASHEET};
    if (!isfinite(value)) return IR_OK;
    snprintf(c.device, sizeof c.device, "%.63s", v->name);
    snprintf(c.level, sizeof c.level, "%s", what == IR_C_BANDWIDTH ? "DRAM" : "");
    snprintf(c.op, sizeof c.op, "%s", op);
    return ir_ceilings_add(&v->ceilings, &c);
}

static ir_status views_add_sheet(machine_views *s, const device_sheet *d, const char *called)
{
    machine_view *v = new_view(s);
    if (!v) return IR_EINVAL;
    v->source = IR_SRC_DATASHEET;
    v->sheet = d;
    v->capacity_B = d->capacity_B;
    snprintf(v->name, sizeof v->name, "%s", called);
    snprintf(v->title, sizeof v->title, "%s", d->name);
    ir_status st = add_ceiling(v, IR_C_BANDWIDTH, "read", IR_NDTYPE, d->bandwidth_Bps);
    for (int t = 0; t < IR_NDTYPE && st == IR_OK; t++)
        st = add_ceiling(v, IR_C_FLOPS, "fma", (ir_dtype)t, device_peak(d, (ir_dtype)t));
    return st;
}

/* ---- records --------------------------------------------------------------------------------- */
static ir_status views_take_points(machine_view *v, const ir_record *r, const char *id, ir_point **out)
{
    ir_point *p = malloc((r->npoint ? r->npoint : 1) * sizeof *p);
    if (!p) return ir_fail(IR_ENOMEM, "no memory for %zu points", r->npoint);
    v->point = *out = p;
    for (size_t i = 0; i < r->npoint; i++)
        if (!strcmp(r->point[i].id.device, id)) p[v->npoint++] = r->point[i];
    return IR_OK;
}

static void take_fits(machine_view *v, const ir_record *r, const char *id)
{
    for (size_t i = 0; i < r->nfit; i++)
        if (!strcmp(r->fit[i].device, id) && (unsigned)r->fit[i].form < 2) {
            v->fit[r->fit[i].form] = r->fit[i];
            v->has_fit[r->fit[i].form] = true;
        }
    for (int f = 0; f < 2; f++)
        if (v->has_fit[f] && (v->better < 0 || v->fit[f].lofo_median < v->fit[v->better].lofo_median))
            v->better = f;
}

/* Rows that were filed before the law was fitted are judged with the fit that the record ends with. */
static void judge_rest(machine_view *v, ir_point *p)
{
    for (size_t i = 0; v->better >= 0 && i < v->npoint; i++)
        if (p[i].status == IR_OK && isnan(p[i].law.bound_p) && !*p[i].law.ablation && !*p[i].law.withheld)
            ir_point_judge(&p[i], &v->ceilings, &v->fit[v->better]);
}

static ir_status views_add_device(machine_views *s, const char *file, const ir_record *r, size_t at)
{
    const ir_device_info *d = &r->device[at];
    machine_view         *v = new_view(s);
    ir_status             st = v ? IR_OK : IR_EINVAL;
    if (st != IR_OK) return st;
    const char *base = strrchr(file, '/');
    v->source = IR_SRC_MEASURED;
    v->threads = d->threads;
    v->capacity_B = d->mem_B;
    v->llc_B = d->llc_B;
    v->env = r->env;
    snprintf(v->name, sizeof v->name, "%s", d->id);
    snprintf(v->id, sizeof v->id, "%s", d->id);
    snprintf(v->title, sizeof v->title, "%.60s (%.60s)", d->name, base ? base + 1 : file);
    for (size_t i = 0; i < r->ceilings.n && st == IR_OK; i++)
        if (!strcmp(r->ceilings.v[i].device, d->id)) st = ir_ceilings_add(&v->ceilings, &r->ceilings.v[i]);
    memcpy(v->ceilings.level_B, r->device_level_B[at], sizeof v->ceilings.level_B);
    memcpy(v->ceilings.level_threads, r->device_level_threads[at], sizeof v->ceilings.level_threads);
    ir_point *own = NULL;
    if (st == IR_OK) st = views_take_points(v, r, d->id, &own);
    take_fits(v, r, d->id);
    v->quality = ir_record_quality(r, d->id);
    for (size_t i = 0; i < r->nenergy_fit; i++)
        if (!strcmp(r->energy_fit[i].device, d->id)) v->energy = &r->energy_fit[i];
    if (st == IR_OK) judge_rest(v, own);
    return st;
}

static ir_status add_record(machine_views *s, const char *file, bool without_ceilings)
{
    ir_record *all = realloc(s->record, (s->nrecord + 1) * sizeof *all);
    if (!all) return ir_fail(IR_ENOMEM, "no memory for %s", file);
    s->record = all;
    char **names = realloc(s->file, (s->nrecord + 1) * sizeof *names);
    if (!names) return ir_fail(IR_ENOMEM, "no memory for %s", file);
    s->file = names;
    ir_record *r = &all[s->nrecord];
    ir_status  st = ir_record_read(file, false, r);
    if (st != IR_OK) return st;
    names[s->nrecord] = strdup(file);
    if (!names[s->nrecord++]) return ir_fail(IR_ENOMEM, "no memory for %s", file);
    size_t before = s->n;
    if (r->ndevice == 0) return ir_fail(IR_EINVAL, "%s: no machine line", file);
    for (size_t d = 0; d < r->ndevice && st == IR_OK; d++) {
        bool has = without_ceilings;
        for (size_t i = 0; i < r->ceilings.n; i++) has |= !strcmp(r->ceilings.v[i].device, r->device[d].id);
        if (has) st = views_add_device(s, file, r, d);
    }
    if (st == IR_OK && s->n == before)
        st = ir_fail(IR_EINVAL, "%s: no ceilings: bandwidth and peak are needed (ironroof ceilings)", file);
    return st;
}

/* ---- by name --------------------------------------------------------------------------------- */
/* Two machines of one name cannot be told apart in a table. */
static void number_names(machine_views *s, size_t from)
{
    for (size_t i = from; i < s->n; i++) {
        int  same = 1;
        char own[sizeof s->v[i].name];
        memcpy(own, s->v[i].name, sizeof own);
        for (size_t k = 0; k < i; k++) {
            size_t n = strlen(own);
            same += !strncmp(s->v[k].name, own, n) && (!s->v[k].name[n] || s->v[k].name[n] == '#');
        }
        if (same > 1) snprintf(s->v[i].name, sizeof s->v[i].name, "%.80s#%d", own, same);
    }
}

ir_status machine_views_add(machine_views *s, const char *name)
{
    size_t              from = s->n;
    const device_sheet *d = device_find(name);
    ir_status           st = IR_EINVAL;
    if (d)
        st = views_add_sheet(s, d, name);
    else if (ir_input_is_there(name))
        st = add_record(s, name, false);
    number_names(s, from);
    return st;
}

ir_status machine_views_add_run(machine_views *s, const char *file) { return add_record(s, file, true); }

ir_status machine_views_add_list(machine_views *s, const char *list)
{
    if (!strchr(list, ',') || ir_input_is_there(list)) return machine_views_add(s, list);
    char *copy = strdup(list), *next = copy;
    if (!copy) return ir_fail(IR_ENOMEM, "no memory for '%.60s'", list);
    ir_status st = IR_OK;
    while (next && st == IR_OK) {
        char *item = next;
        next = strchr(item, ',');
        if (next) *next++ = 0;
        st = *item ? machine_views_add(s, item) : ir_fail(IR_EINVAL, "a device is missing in '%.60s'", list);
    }
    free(copy);
    return st;
}

ir_status machine_views_apart(const machine_views *s, const char *output)
{
    return ir_input_not_output((const char *const *)s->file, s->nrecord, output);
}

void machine_views_free(machine_views *s)
{
    for (size_t i = 0; i < s->n; i++) {
        ir_ceilings_free(&s->v[i].ceilings);
        free((void *)s->v[i].point);
    }
    for (size_t i = 0; i < s->nrecord; i++) {
        ir_record_free(&s->record[i]);
        free(s->file[i]);
    }
    free(s->record);
    free(s->file);
    memset(s, 0, sizeof *s);
}
