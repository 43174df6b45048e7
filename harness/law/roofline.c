/* roofline.c -- the classic roofline as the law's rival: T = max(D_vol/BW, O/R_peak) with one bandwidth and
 * one peak (Williams, Waterman, Patterson 2009), as a datasheet gives them: no cache level, no mix of reads
 * and writes, no efficiency, no launch, no moment. BW: the highest DRAM ceiling of any operation (no host
 * knows its memory's nominal rate); R_peak: clock x width x ports where known, else the measured peak. */
#include "harness/law/law_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double highest_dram(const ir_ceilings *c)
{
    double most = NAN;
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].what == IR_C_BANDWIDTH && !strcmp(c->v[i].level, "DRAM"))
            most = fmax(most, c->v[i].value);
    return most;
}

double law_roofline_s(const ir_point *p, const ir_ceilings *c)
{
    const ir_ceiling *peak = ir_ceiling_find(c, IR_C_FLOPS, NULL, NULL, p->id.p.dtype, p->id.p.threads);
    double            D_vol = ir_cost_B(&p->m.cost), rate = peak && peak->theory > 0 ? peak->theory
                                                            : peak                   ? peak->value
                                                                                     : NAN;
    return fmax(D_vol > 0 ? D_vol / highest_dram(c) : 0, p->m.cost.flops > 0 ? p->m.cost.flops / rate : 0);
}

ir_status law_roofline_errors(const ir_point *pts, const size_t *index, size_t n, const ir_ceilings *c,
                              double *median, double *p90)
{
    double *e = malloc((n ? n : 1) * sizeof *e);
    size_t  m = 0;
    if (!e) return ir_fail(IR_ENOMEM, "fit: no memory for %zu points", n);
    for (size_t i = 0; i < n; i++) {
        double T = law_roofline_s(&pts[index[i]], c);
        if (T > 0)
            e[m++] = fabs(T / ir_point_time(&pts[index[i]]) - 1); /* of a bare launch it says nothing */
    }
    law_median_and_p90(e, m, median, p90);
    free(e);
    return IR_OK;
}
