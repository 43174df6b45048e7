/* elasticity.c -- see elasticity.h. T'/T - 1 = sum of e_j (x_j'/x_j - 1): exact for a sum of terms, whatever
 * the step, and e_j is then dlnT/dlnx_j at the point itself. Least squares by the Frisch-Waugh theorem: a
 * column's part that the others do not explain is all that speaks for its own coefficient, and its length
 * says whether there is any. */
#include "bench/ablation/elasticity.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <string.h>

enum { MAX_SAMPLES = 512 };
static const double MODEL_SD =
    0.05; /* of ln T: variants differ in more than their terms (another kernel path, another mix) */
static const double SEPARATE = 0.25; /* sine of the least angle between a column and all others */
static const double HALF = 0.5;

/* ---- ratios ---------------------------------------------------------------------------------- */
static double block_ln(const time_block *b, ir_rng *rng)
{
    double v[MAX_SAMPLES];
    size_t n = b->n < MAX_SAMPLES ? b->n : MAX_SAMPLES;
    for (size_t i = 0; i < n; i++) v[i] = b->v[rng ? ir_rng_below(rng, n) : i];
    return log(ir_median(v, n));
}

/* Mean over blocks of the ln of their medians; with a generator: of blocks and samples drawn anew. */
static double mean_ln(const block_times *t, ir_rng *rng)
{
    double sum = 0;
    for (size_t i = 0; i < t->n; i++) sum += block_ln(&t->block[rng ? ir_rng_below(rng, t->n) : i], rng);
    return t->n ? sum / (double)t->n : NAN;
}

static void elasticity_interval(double *v, size_t n, double *lo, double *hi)
{
    ir_sort(v, n);
    *lo = ir_quantile_sorted(v, n, .025);
    *hi = ir_quantile_sorted(v, n, .975);
}

void change_ratios(const block_times *base, const block_times *variant, size_t nvariant, uint64_t seed,
                   term_change *out)
{
    ir_rng rng;
    double sorted[ABL_DRAWS], ref = mean_ln(base, NULL);
    ir_rng_seed(&rng, seed);
    for (size_t i = 0; i < nvariant; i++) out[i].y = mean_ln(&variant[i], NULL) - ref;
    for (int d = 0; d < ABL_DRAWS; d++) {
        double a = mean_ln(base, &rng); /* one base for all variants: their errors go together */
        for (size_t i = 0; i < nvariant; i++) out[i].draw[d] = mean_ln(&variant[i], &rng) - a;
    }
    for (size_t i = 0; i < nvariant; i++) {
        memcpy(sorted, out[i].draw, sizeof sorted);
        elasticity_interval(sorted, ABL_DRAWS, &out[i].lo, &out[i].hi);
    }
}

static double above(const double *v, size_t n, double limit)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) m += v[i] > limit;
    return (double)m / (double)n;
}

/* ---- elasticities ---------------------------------------------------------------------------- */
typedef struct {
    size_t n;
    double x[ABL_NTERM][ABL_MAX_VARIANTS]; /* columns, weighted */
    double r[ABL_NTERM][ABL_MAX_VARIANTS]; /* what of a column the others do not explain */
    double rr[ABL_NTERM];
    double w[ABL_MAX_VARIANTS];    /* relative errors count, and no variant more than a term that doubles */
    double unit[ABL_MAX_VARIANTS]; /* what an error of 1 in ln T is, weighted */
    elasticity_how how[ABL_NTERM];
} design;

static double elasticity_dot(const double *a, const double *b, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) s += a[i] * b[i];
    return s;
}

static void take_out(double *v, const double *q, size_t n)
{
    double qq = elasticity_dot(q, q, n), f = qq > 0 ? elasticity_dot(v, q, n) / qq : 0;
    for (size_t i = 0; i < n; i++) v[i] -= f * q[i];
}

static double length(const double d[ABL_NTERM], unsigned nil)
{
    double s = 0;
    for (int j = 0; j < ABL_NTERM; j++)
        if (!(nil >> j & 1)) s += expm1(d[j]) * expm1(d[j]);
    return sqrt(s);
}

/* Column j less its projections on the other columns that change. */
static void elasticity_separate(design *m, int j)
{
    double basis[ABL_NTERM][ABL_MAX_VARIANTS];
    int    nbasis = 0;
    memcpy(m->r[j], m->x[j], sizeof m->r[j]);
    for (int k = 0; k < ABL_NTERM; k++) {
        if (k == j || m->how[k] == ABL_NIL || m->how[k] == ABL_HELD) continue;
        double *q = basis[nbasis], xx = elasticity_dot(m->x[k], m->x[k], m->n);
        memcpy(q, m->x[k], sizeof basis[0]);
        for (int b = 0; b < nbasis; b++) take_out(q, basis[b], m->n);
        if (elasticity_dot(q, q, m->n) > 1e-6 * xx) nbasis++; /* else the earlier ones hold it already */
    }
    for (int b = 0; b < nbasis; b++) take_out(m->r[j], basis[b], m->n);
    m->rr[j] = elasticity_dot(m->r[j], m->r[j], m->n);
}

static void elasticity_lay_out(const term_change *c, size_t n, unsigned nil, design *m)
{
    memset(m, 0, sizeof *m);
    m->n = n;
    for (size_t i = 0; i < n; i++) {
        m->w[i] = fmin(exp(-c[i].y), 1 / length(c[i].d, nil));
        m->unit[i] = m->w[i] * exp(c[i].y);
        for (int j = 0; j < ABL_NTERM; j++) m->x[j][i] = nil >> j & 1 ? 0 : m->w[i] * expm1(c[i].d[j]);
    }
    for (int j = 0; j < ABL_NTERM; j++) {
        double most = 0;
        for (size_t i = 0; i < n; i++) most = fmax(most, fabs(c[i].d[j]));
        m->how[j] = nil >> j & 1 ? ABL_NIL : most < ABL_LEAST ? ABL_HELD : ABL_KNOWN;
    }
    for (int j = 0; j < ABL_NTERM; j++) {
        if (m->how[j] != ABL_KNOWN) continue;
        elasticity_separate(m, j);
    }
    for (int j = 0; j < ABL_NTERM; j++) /* only now: a tangled column still explains the others' */
        if (m->how[j] == ABL_KNOWN && m->rr[j] < SEPARATE * SEPARATE * elasticity_dot(m->x[j], m->x[j], n))
            m->how[j] = ABL_TANGLED;
}

static void elasticity_solve(const design *m, const double y[ABL_MAX_VARIANTS], double e[ABL_NTERM])
{
    int    held = -1, nheld = 0;
    double sum = 0;
    for (int j = 0; j < ABL_NTERM; j++) {
        e[j] = m->how[j] == ABL_KNOWN ? elasticity_dot(m->r[j], y, m->n) / m->rr[j]
               : m->how[j] == ABL_NIL ? 0
                                      : NAN;
        if (m->how[j] == ABL_HELD)
            held = j, nheld++;
        else
            sum += e[j];
    }
    if (nheld == 1) e[held] = 1 - sum; /* NAN where another is tangled */
}

/* What the elasticities leave of the changes, as a standard deviation of ln T; never below MODEL_SD. */
static double scatter(const design *m, const double y[ABL_MAX_VARIANTS], const double e[ABL_NTERM])
{
    double ss = 0;
    size_t k = 0;
    for (int j = 0; j < ABL_NTERM; j++) {
        if (m->how[j] == ABL_TANGLED) return MODEL_SD;
        k += m->how[j] == ABL_KNOWN;
    }
    if (m->n <= k) return MODEL_SD;
    for (size_t i = 0; i < m->n; i++) {
        double left = y[i];
        for (int j = 0; j < ABL_NTERM; j++)
            if (m->how[j] == ABL_KNOWN) left -= e[j] * m->x[j][i];
        left /= m->unit[i];
        ss += left * left;
    }
    return fmax(MODEL_SD, sqrt(ss / (double)(m->n - k)));
}

void elasticities_of(const term_change *c, size_t n, unsigned nil, uint64_t seed, term_elasticity *out)
{
    design m;
    ir_rng rng;
    double y[ABL_MAX_VARIANTS], e[ABL_NTERM], draw[ABL_NTERM][ABL_DRAWS];
    if (n > ABL_MAX_VARIANTS) n = ABL_MAX_VARIANTS;
    elasticity_lay_out(c, n, nil, &m);
    for (size_t i = 0; i < n; i++) y[i] = m.w[i] * expm1(c[i].y);
    elasticity_solve(&m, y, e);
    double sd = scatter(&m, y, e);
    for (int j = 0; j < ABL_NTERM; j++) out[j] = (term_elasticity){e[j], e[j], e[j], m.how[j], NAN};
    ir_rng_seed(&rng, seed);
    for (int d = 0; d < ABL_DRAWS; d++) {
        double again[ABL_NTERM];
        for (size_t i = 0; i < n; i++) y[i] = m.w[i] * expm1(c[i].draw[d] + sd * ir_rng_normal(&rng));
        elasticity_solve(&m, y, again);
        for (int j = 0; j < ABL_NTERM; j++) draw[j][d] = again[j];
    }
    for (int j = 0; j < ABL_NTERM; j++)
        if (isfinite(e[j]) && m.how[j] != ABL_NIL) {
            out[j].p_half = above(draw[j], ABL_DRAWS, HALF);
            elasticity_interval(draw[j], ABL_DRAWS, &out[j].lo, &out[j].hi);
        }
}

/* ---- the rule -------------------------------------------------------------------------------- */
const char *ablation_outcome_name(ablation_outcome o)
{
    static const char *const name[] = {"undecided", "confirmed", "contradicted"};
    return name[o];
}

int label_term(ir_bound label)
{
    if (label == IR_BOUND_MEMORY || label == IR_BOUND_CACHE) return ABL_DATA;
    if (label == IR_BOUND_COMPUTE) return ABL_COMP;
    return label == IR_BOUND_LATENCY ? ABL_LAT : -1;
}

ablation_outcome ablation_judge(ir_bound label, const term_elasticity *e)
{
    int  own = label_term(label);
    bool clear = own >= 0 && e[own].lo > HALF; /* false for NAN */
    if (own < 0) return ABL_UNDECIDED;
    if (e[own].hi < HALF) return ABL_CONTRADICTED;
    for (int j = 0; j < ABL_NTERM; j++)
        if (j != own && e[j].lo > HALF) return ABL_CONTRADICTED;
    return clear ? ABL_CONFIRMED : ABL_UNDECIDED;
}

bool change_agrees(ir_bound label, const term_change *c)
{
    int    own = label_term(label);
    double most = 0;
    if (own < 0) return false;
    if (fabs(c->d[own]) >= ABL_LEAST) return c->y / c->d[own] > HALF;
    for (int j = 0; j < ABL_NTERM; j++)
        if (j != own && fabs(c->d[j]) > fabs(most)) most = c->d[j];
    return fabs(most) > 0 && c->y / most < HALF;
}
