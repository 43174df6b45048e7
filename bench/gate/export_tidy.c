/* export_tidy.c -- tidy data: a row a point, a column a variable, of all runs and layers. Read by pandas, R
 * and spreadsheets as it is; docs/python.md says which column is what. Unknown is an empty cell. */
#include "bench/gate/export.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TIDY_PARAMS = 128 };

/* The names of all parameters that any point has, in order of appearance: a column each. */
typedef struct {
    const char *v[TIDY_PARAMS];
    size_t      n;
} tidy_params;

static ir_status tidy_add(tidy_params *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->v[i], name)) return IR_OK;
    if (p->n == TIDY_PARAMS)
        return ir_fail(IR_EINVAL, "more than %d names of parameters: export fewer files", TIDY_PARAMS);
    p->v[p->n++] = name;
    return IR_OK;
}

static ir_status tidy_params_of(const export_input *in, tidy_params *out)
{
    ir_status st = IR_OK;
    out->n = 0;
    for (size_t r = 0; r < in->runs->n; r++)
        for (size_t i = 0; i < in->runs->v[r].r.npoint; i++) {
            const ir_point_id *id = &in->runs->v[r].r.point[i].id;
            for (int k = 0; k < id->np && st == IR_OK && !id->for_ceiling; k++)
                st = tidy_add(out, id->pname[k]);
        }
    return st;
}

static void tidy_text(FILE *f, const char *s)
{
    fputc(',', f);
    export_csv_text(f, s);
}

static void tidy_number(FILE *f, double v)
{
    fputc(',', f);
    if (isfinite(v)) fprintf(f, "%.9g", v);
}

static void tidy_parameter(FILE *f, const ir_point_id *id, const char *name)
{
    fputc(',', f);
    for (int k = 0; k < id->np; k++) {
        if (strcmp(id->pname[k], name) != 0) continue;
        if (*id->pword[k])
            export_csv_text(f, id->pword[k]);
        else
            fprintf(f, "%lld", (long long)id->p.v[k]);
        return;
    }
}

/* One cell of a point that is a number. */
typedef struct {
    const char *name;
    double (*of)(const ir_point *);
} tidy_column;
#define OF(column, expression) \
    static double tidy_##column(const ir_point *p) { return expression; }
static double tidy_traffic_B(const ir_point *p) { return ir_cost_B(&p->m.cost); }
static double tidy_items(const ir_point *p)
{
    const char *unit;
    return ir_point_items(p, &unit);
}
OF(time_s, ir_point_time(p))
OF(ci_lo_s, ir_point_stats(p)->ci_lo)
OF(ci_hi_s, ir_point_stats(p)->ci_hi)
OF(q25_s, ir_point_stats(p)->q25)
OF(min_s, ir_point_stats(p)->min)
OF(p95_s, ir_point_stats(p)->p95)
OF(samples, ir_point_stats(p)->n > 0 ? (double)ir_point_stats(p)->n : NAN)
OF(items_per_s, tidy_items(p) / ir_point_time(p))
OF(flops, p->m.cost.flops)
OF(flops_per_s, p->m.cost.flops / ir_point_time(p))
OF(bytes_per_s, tidy_traffic_B(p) / ir_point_time(p))
OF(intensity, tidy_traffic_B(p) > 0 ? p->m.cost.flops / tidy_traffic_B(p) : NAN)
OF(footprint_B, p->m.cost.footprint_B > 0 ? p->m.cost.footprint_B : NAN)
OF(eta, p->law.eta)
OF(mfu, p->law.mfu)
OF(mbu, p->law.mbu)
OF(law_s, p->law.T_law_s)
OF(data_s, p->law.term_data_s)
OF(compute_s, p->law.term_comp_s)
OF(latency_s, p->law.term_lat_s)
OF(bound_p, p->law.bound_p)
OF(margin, p->law.margin)
OF(counted_B, p->m.counted_B)
OF(energy_J, p->m.joules)
OF(power_W, p->m.power_W)
OF(clock_Hz, p->m.clock_Hz)
OF(temp_C, p->m.temp_C)
OF(cpu_share, p->m.cpu_share)
OF(bw_now, p->m.bw_now)
OF(error, p->m.check.err)
#define C(name) \
    { \
#name, tidy_##name \
    }
static const tidy_column columns[] = {
    C(time_s),      C(ci_lo_s),     C(ci_hi_s), C(q25_s),     C(min_s),       C(p95_s),       C(samples),
    C(items),       C(items_per_s), C(flops),   C(traffic_B), C(flops_per_s), C(bytes_per_s), C(intensity),
    C(footprint_B), C(eta),         C(mfu),     C(mbu),       C(law_s),       C(data_s),      C(compute_s),
    C(latency_s),   C(bound_p),     C(margin),  C(counted_B), C(energy_J),    C(power_W),     C(clock_Hz),
    C(temp_C),      C(cpu_share),   C(bw_now),  C(error)};
enum { NCOLUMN = sizeof columns / sizeof *columns };

static void tidy_flags(FILE *f, uint32_t flags)
{
    const char *between = "";
    fputc(',', f);
    for (int b = 0; b < IR_NFLAG; b++) {
        if (!(flags & (1u << b))) continue;
        fprintf(f, "%s%s", between, ir_flag_name(b));
        between = ";";
    }
}

static void tidy_point(FILE *f, const run_file *r, const char *machine, const tidy_params *params,
                       const ir_point *p)
{
    const char *unit;
    char        key[IR_ID];
    bool        known = p->status == IR_OK;
    ir_point_items(p, &unit);
    export_csv_text(f, r->r.started);
    const char *const text[] = {
        r->path,        machine,      p->id.device, p->id.backend, p->id.family,
        p->id.workload, p->id.kernel, p->id.isa,    p->chosen,     ir_dtype_name(p->id.p.dtype)};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) tidy_text(f, text[i]);
    fprintf(f, ",%d,%s", p->id.p.threads, p->id.cold ? "cold" : "hot");
    for (size_t i = 0; i < params->n; i++) tidy_parameter(f, &p->id, params->v[i]);
    tidy_text(f, ir_status_name(p->status));
    tidy_text(f, p->reason);
    for (size_t i = 0; i < NCOLUMN; i++) tidy_number(f, known ? columns[i].of(p) : NAN);
    tidy_text(f, p->m.joules > 0 ? p->m.energy.scope : ""); /* joules of two sources are two quantities */
    tidy_text(f, p->m.joules > 0 ? p->m.energy.source : "");
    tidy_text(f, unit);
    tidy_text(f, p->law.bound == IR_BOUND_UNKNOWN ? "" : ir_bound_name(p->law.bound));
    tidy_text(f, p->law.level);
    tidy_flags(f, p->flags);
    tidy_text(f, ir_point_key(p, key));
    fputc('\n', f);
}

ir_status export_tidy(FILE *f, const export_input *in)
{
    tidy_params *params = malloc(sizeof *params);
    ir_status    st = params ? tidy_params_of(in, params) : ir_fail(IR_ENOMEM, "no memory for the columns");
    if (st == IR_OK) {
        fputs(EXPORT_TIDY ",device,backend,family,workload,kernel,isa,layer_kernel,dtype,threads,cache", f);
        for (size_t i = 0; i < params->n; i++) tidy_text(f, params->v[i]);
        fputs(",status,reason", f);
        for (size_t i = 0; i < NCOLUMN; i++) fprintf(f, ",%s", columns[i].name);
        fputs(",energy_scope,energy_source,item_unit,bound,level,flags,point\n", f);
    }
    for (size_t r = 0; r < in->runs->n && st == IR_OK; r++) {
        char machine[17];
        ir_env_key(&in->runs->v[r].r.env, machine);
        for (size_t i = 0; i < in->runs->v[r].r.npoint; i++)
            if (!in->runs->v[r].r.point[i].id.for_ceiling)
                tidy_point(f, &in->runs->v[r], machine, params, &in->runs->v[r].r.point[i]);
    }
    free(params);
    return st;
}
