/* proof_gains.c -- see proof_gains.h. */
#include "bench/run/proof_gains.h"
#include "bench/predict/effects.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <string.h>

static const double CLOSE = 0.10; /* median error of a law that foretells well */

/* What the law leaves unexplained grows with the work where the arithmetic does; else it stays. */
static void foretell_line(const machine_view *v, const ir_point *p, const ir_row *x, ablation_line *l)
{
    ir_row  is = *x;
    ir_gain g;
    is.x_data_s *= exp(l->d[ABL_DATA]);
    is.x_comp_s *= exp(l->d[ABL_COMP]);
    is.x_launch *= exp(l->d[ABL_LAT]);
    effects_between(v, x, &is, ir_point_time(p), fabs(l->d[ABL_COMP]) >= ABL_LEAST, &g);
    l->law = -log(g.factor);
    l->law_lo = -log(g.hi);
    l->law_hi = -log(g.lo);
}

void proof_gains_foretell(const machine_view *v, const measure_context *s, ablation_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        ablation_entry *e = &set->v[i];
        const ir_point *p = &s->point[e->point];
        ir_row          x;
        bool            known = ir_row_of(p, &v->ceilings, &x);
        for (size_t k = 0; k < e->n; k++)
            if (known && isfinite(e->line[k].y)) foretell_line(v, p, &x, &e->line[k]);
    }
}

bool proof_gains_verdict(const measure_context *s, const ablation_set *set, ir_verdict *out)
{
    enum { MOST = 512 };
    double      off[MOST], worst = -1;
    const char *what = "";
    size_t      n = 0, used = 0;
    *out = (ir_verdict){.question = "predicted changes", .p = NAN};
    snprintf(out->device, sizeof out->device, "%s", s->info.id);
    for (size_t i = 0; i < set->n; i++) {
        const ablation_entry *e = &set->v[i];
        char                  key[IR_ID];
        size_t                before = n;
        for (size_t k = 0; k < e->n && n < MOST; k++) {
            const ablation_line *l = &e->line[k];
            if (!isfinite(l->y) || !isfinite(l->law)) continue;
            off[n] = fabs(expm1(l->law - l->y));
            if (off[n] > worst) worst = off[n], what = l->what;
            n++;
        }
        ir_point_key(&s->point[e->point], key);
        if (n > before && used + strlen(key) + 2 < sizeof out->evidence)
            used += (size_t)snprintf(out->evidence + used, sizeof out->evidence - used, "%s%s",
                                     used ? ";" : "", key);
    }
    if (n == 0) return false;
    double median = ir_median(off, n);
    snprintf(out->verdict, sizeof out->verdict, "%s", median <= CLOSE ? "within 10 %" : "beyond 10 %");
    snprintf(
        out->answer, sizeof out->answer,
        "%zu change%s by --prove: T within %.0f %% of what the law foretold (median), at most %.0f %% (%s)",
        n, n == 1 ? "" : "s", 100 * median, 100 * worst, what);
    return true;
}
