/* terms.c -- see terms.h. */
#include "bench/ablation/terms.h"

#include <math.h>
#include <string.h>

void variant_base(const ir_point *p, ablation_variant *t)
{
    memset(t, 0, sizeof *t);
    snprintf(t->what, sizeof t->what, "as it was");
    t->p = p->id.p;
    t->cold = p->id.cold;
    t->data_scale = t->comp_scale = t->lat_scale = t->work = 1;
}

void variant_terms(const measure_context *s, const ablation_variant *tw, const ir_point *p,
                   double t[ABL_NTERM])
{
    ir_point like = *p; /* borrows the samples */
    like.m.bw_now = like.m.launch_now =
        NAN; /* interleaving answers for drift, data_scale for how threads share what there is */
    ir_point_judge(&like, &s->ceilings, NULL);
    t[ABL_DATA] = tw->work * (like.law.term_data_s + tw->reread_s) * tw->data_scale;
    t[ABL_COMP] = tw->work * like.law.term_comp_s * (isfinite(tw->comp_scale) ? tw->comp_scale : 1);
    t[ABL_LAT] = tw->work * like.law.term_lat_s * tw->lat_scale;
}
