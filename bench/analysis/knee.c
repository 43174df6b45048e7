/* knee.c -- see knee.h. p = 1 adds both times, a large p takes the larger; real machines lie between, and
 * where both are equal does not hang on p. q below 1: a larger batch fills the machine better (whole tiles,
 * more processors), so that arithmetic grows by less than the batch does. Either is chosen by what the times
 * say, and chosen anew in every draw of the interval. */
#include "bench/analysis/knee.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <string.h>

enum { DRAWS = 200, STEPS = 30, AGAIN = 4 };
static const double norms[] = {1, 1.5, 2.5, 5, INFINITY};
static const double growth[] = {1, 0.93, 0.86};
enum { NNORM = sizeof norms / sizeof *norms, NGROWTH = sizeof growth / sizeof *growth };
enum { MIN_GROWTH = 5 }; /* batches that can tell q from p */
/* Coefficients of each form: where to begin, and where it ended. */
typedef struct {
    double a[NGROWTH][NNORM], c[NGROWTH][NNORM];
} knee_forms;

static double norm_of(double x, double y, double p)
{
    double most = fmax(x, y);
    if (isinf(p)) return most;
    return most > 0 && p > 1 ? most * pow(pow(x / most, p) + pow(y / most, p), 1 / p) : x + y;
}

static double misfit(const knee_sweep *s, double a, double c, double p)
{
    double sum = 0;
    for (size_t i = 0; i < s->n; i++) {
        double r = log(norm_of(a * s->u[i], c * s->v[i], p) / s->T[i]);
        sum += r * r;
    }
    return sum;
}

/* Where a and c begin: no part may be more than the least time allows. */
static void knee_begin(const knee_sweep *s, double *a, double *c)
{
    *a = *c = INFINITY;
    for (size_t i = 0; i < s->n; i++) {
        *a = fmin(*a, s->T[i] / s->u[i]);
        *c = fmin(*c, s->T[i] / s->v[i]);
    }
    *a /= 2; /* from below: where compute takes all from the first batch on, nothing may lift it */
}

/* d ln T / d ln a; that of c is the rest. A large p: the larger one is all. */
static double data_share(double x, double y, double p)
{
    if (isinf(p)) return x >= y;
    return 1 / (1 + pow(y / x, p));
}

/* One step of least squares on log T in (log a, log c); false: it went nowhere. */
static bool knee_step(const knee_sweep *s, double *a, double *c, double p)
{
    double uu = 0, uv = 0, vv = 0, ur = 0, vr = 0;
    for (size_t i = 0; i < s->n; i++) {
        double x = *a * s->u[i], y = *c * s->v[i], r = log(s->T[i] / norm_of(x, y, p)),
               d = data_share(x, y, p), e = 1 - d;
        uu += d * d;
        uv += d * e;
        vv += e * e;
        ur += d * r;
        vr += e * r;
    }
    double ridge = 1e-6 * (uu + vv), det = (uu + ridge) * (vv + ridge) - uv * uv;
    if (!(det > 0)) return false;
    double da = fmin(fmax((ur * (vv + ridge) - vr * uv) / det, -1), 1),
           dc = fmin(fmax((vr * (uu + ridge) - ur * uv) / det, -1), 1);
    *a *= exp(da);
    *c *= exp(dc);
    return fabs(da) + fabs(dc) > 1e-10;
}

/* The form that fits best: with few batches several do, the simplest first. */
static double knee_solve(const knee_sweep *s, int steps, knee_forms *at, knee_fit *f)
{
    double best = INFINITY, v[KNEE_MAX];
    for (int g = 0; g < (s->n < MIN_GROWTH ? 1 : NGROWTH); g++) {
        knee_sweep grown = *s;
        for (size_t i = 0; i < s->n; i++) v[i] = s->v[i] * pow(s->b[i] / s->b[s->n - 1], growth[g] - 1);
        grown.v = v;
        for (int k = 0; k < NNORM; k++) {
            double *a = &at->a[g][k], *c = &at->c[g][k];
            if (!(*a > 0)) knee_begin(&grown, a, c);
            for (int i = 0; i < steps && knee_step(&grown, a, c, norms[k]); i++) continue;
            double r = misfit(&grown, *a, *c, norms[k]);
            if (!(r < best)) continue;
            best = r;
            f->a = *a;
            f->c = *c;
            f->p = norms[k];
            f->q = growth[g];
        }
    }
    return best;
}

/* ln of arithmetic's time over data's at a batch of the shape. */
static double knee_excess(const knee_shape *h, size_t i, double last, const knee_fit *f)
{
    return log(f->c * h->v[i] / (f->a * h->u[i])) + (f->q - 1) * log(h->b[i] / last);
}

/* Between two batches of the shape both times are powers of the batch, and so they go on beyond its ends. */
static double knee_where(const knee_shape *h, double last, const knee_fit *f)
{
    double x = knee_excess(h, 0, last, f), next = x;
    size_t i = 0;
    for (; i + 1 < h->n; i++) {
        next = knee_excess(h, i + 1, last, f);
        if (x >= 0 || next >= 0 || i + 2 == h->n) break;
        x = next;
    }
    double slope = i + 1 < h->n ? (next - x) / log(h->b[i + 1] / h->b[i]) : f->q;
    if (!(slope > 0.05)) return x < 0 ? INFINITY : 0;
    return h->b[i] * exp(-x / slope);
}

/* Parametric bootstrap: every time is drawn anew from its own interval and the scatter about the fit. */
static void knee_interval(const knee_sweep *s, const knee_shape *h, uint64_t seed, const knee_forms *from,
                          knee_fit *f)
{
    double     at[DRAWS], T[KNEE_MAX];
    knee_sweep drawn = *s;
    ir_rng     rng;
    drawn.T = T;
    ir_rng_seed(&rng, seed);
    for (int d = 0; d < DRAWS; d++) {
        knee_fit   g = {0};
        knee_forms forms = *from;
        for (size_t i = 0; i < s->n; i++) {
            double own = s->sd[i] / s->T[i], e = sqrt(own * own + f->scatter * f->scatter);
            T[i] = s->T[i] * exp(e * ir_rng_normal(&rng));
        }
        knee_solve(&drawn, AGAIN, &forms, &g);
        at[d] = knee_where(h, s->b[s->n - 1], &g);
    }
    ir_sort(at, DRAWS);
    f->lo = at[DRAWS / 40];
    f->hi = at[DRAWS - 1 - DRAWS / 40];
}

/* Student's t at 97.5 % over the normal's, for 1, 2 ... degrees of freedom. */
static const double t975_over_z[] = {6.48, 2.20, 1.62, 1.42, 1.31, 1.25, 1.21, 1.18};
enum { FEW = sizeof t975_over_z / sizeof *t975_over_z };

ir_status knee_of(const knee_sweep *s, const knee_shape *h, uint64_t seed, knee_fit *f)
{
    knee_forms forms = {0};
    double     last = 0;
    memset(f, 0, sizeof *f);
    if (s->n < 3 || s->n > KNEE_MAX)
        return ir_fail(IR_SKIP, "%zu batches: a knee needs 3 to %d", s->n, KNEE_MAX);
    for (size_t i = 0; i < s->n; i++) last = fmax(last, s->T[i]);
    if (!(last > 1.02 * s->T[0])) return ir_fail(IR_SKIP, "time does not grow with the batch");
    double left = knee_solve(s, STEPS, &forms, f);
    size_t free = s->n < MIN_GROWTH ? 3 : 4, df = s->n > free ? s->n - free : 1;
    f->scatter = sqrt(left / (double)df) *
                 t975_over_z[df < FEW ? df - 1 : FEW - 1]; /* a few batches hardly know their scatter */
    f->knee = knee_where(h, s->b[s->n - 1], f);
    knee_interval(s, h, seed, &forms, f);
    return IR_OK;
}
