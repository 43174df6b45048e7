/* law_internal.h -- what the sources of harness/law share: the three-column least squares under both forms of
 * the law. */
#ifndef IR_LAW_INTERNAL_H
#define IR_LAW_INTERNAL_H
#include "harness/law/law.h"

enum { LAW_DATA, LAW_COMP, LAW_LAT, LAW_NCOL }; /* columns: coefficients 1/s, 1/eta, L */
#define LAW_TOL 0.02 /* what counts as "above its ceiling", and as a share of T too small to matter */
#define LAW_STORE \
    "store" /* the ceiling of regular stores to DRAM, bytes counted once: no stream of a mix \
             */
#define LAW_Z975 1.959963984540054

/* Normal equations of sum w (a.c - 1)^2: g = sum w a a', b = sum w a, w = sum w. */
typedef struct {
    double g[LAW_NCOL][LAW_NCOL], b[LAW_NCOL], w;
} law_gram;
void law_gram_add(law_gram *, const double a[LAW_NCOL], double w); /* w < 0 takes a row away again */
/* Exact non-negative least squares over the columns in `mask`: the best of all feasible column subsets.
 * Columns left out, or linearly dependent on better ones, are 0. */
void law_nnls(const law_gram *, unsigned mask, double c[LAW_NCOL]);
/* Inverse of g on the columns in mask (0 elsewhere); false when they are linearly dependent to rounding. */
bool law_gram_inverse(const law_gram *, unsigned mask, double inv[LAW_NCOL][LAW_NCOL]);
/* Condition number of the design with columns scaled to unit length; INFINITY: dependent; NAN: no column. */
double law_gram_cond(const law_gram *, unsigned mask);

/* Rows under one form. x: the terms' times at the ceilings, so that T = sum c x (additive). order: rows by
 * falling data-to-compute ratio, which alone decides who can lead in the overlapped form. All arrays have n
 * elements. */
typedef struct {
    ir_form form;
    size_t  n;
    double (*x)[LAW_NCOL];
    double *T, *own_sd; /* own_sd: sd of ln T by the row's own interval */
    int    *family;
    size_t *order;
    double *w; /* Huber weights of the last solve */
    double *r; /* relative residuals T_law/T - 1 of the last solve */
    double *tmp;
} law_rows;
/* Copies the rows whose numbers can enter a fit (finite, not negative, T above 0); returns how many. */
size_t    law_usable(const ir_row *rows, size_t n, ir_row *out);
ir_status law_rows_init(law_rows *, ir_form, const ir_row *rows, size_t n); /* usable rows only */
void      law_rows_free(law_rows *);
/* The row as the form sees it: of data and compute the one that does not lead is 0 in the overlapped form. */
void   law_row_terms(const law_rows *, size_t i, const double c[LAW_NCOL], double a[LAW_NCOL]);
double law_row_time(const law_rows *, size_t i, const double c[LAW_NCOL]);
/* Huber's M-estimate on relative residuals; global minimum over the assignments of the overlapped form.
 * scale: the robust standard deviation of the residuals it ended with. */
void law_solve(law_rows *, unsigned mask, double c[LAW_NCOL], double *scale);
/* A few steps of the same from c, at a given scale: for resampled times close to those solved. */
void law_resolve(law_rows *, unsigned mask, double scale, double c[LAW_NCOL]);
/* Weighted normal equations at the last solve. */
void law_gram_of(const law_rows *, const double c[LAW_NCOL], law_gram *);

/* ---- points ---------------------------------------------------------------------------------- */
/* What a DRAM ceiling would gain beside the read ceiling of its level and threads: that ceiling over what
 * reads got when it was measured (ref_read_Bps); 1 where that is not known. */
double law_read_moment(const ir_ceilings *, const ir_ceiling *);
/* ir_cost_bw() of a kernel whose stores may pass the caches by (past): they are made in DRAM wherever the
 * rest lives. */
double law_cost_bw(const ir_ceilings *, const ir_cost *, bool past, int threads, bool cold, bool steady,
                   double dram_scale);
/* Share of a regular store's read that the machine spares: from what regular and from what non-temporal
 * stores reach there; 1 unknown. */
double law_evaded(const ir_ceilings *, int threads);
/* Share of a cost's data time that caches take: of the parts that live there, and what the last cache still
 * serves of those that have outgrown it. 0 without bytes. */
double law_cached(const ir_ceilings *, const ir_cost *, bool past, int threads, bool cold);
/* Reads of the last cache over reads of memory; 1 unknown. */
double law_nearer(const ir_ceilings *, int threads);
/* flop/s that bound a point: of the workload's own ceiling where it is one of arithmetic, else of what
 * multiplies its type. */
double law_peak(const ir_point *, const ir_ceilings *);
/* x of a point's row: each resource at its ceiling; NAN where a needed ceiling is missing. */
void law_terms(const ir_point *, const ir_ceilings *, ir_row *out);
/* Sorts e; NAN of none. */
void law_median_and_p90(double *e, size_t n, double *median, double *p90);
/* The classic roofline's time of a point (roofline.c), 0 of one that moves and computes nothing; and its
 * errors. */
double    law_roofline_s(const ir_point *, const ir_ceilings *);
ir_status law_roofline_errors(const ir_point *pts, const size_t *index, size_t n, const ir_ceilings *,
                              double *median, double *p90);
/* ---- labels ---------------------------------------------------------------------------------- */
enum { LAW_OF_MEMORY, LAW_OF_CACHE, LAW_OF_COMPUTE, LAW_OF_LATENCY, LAW_NCLASS };
/* first: the class that most likely holds most of a row. Probabilities: p, that its elasticity is the
 * largest; clear, that it is and reaches half; shown, that the largest term as shown is it. */
typedef struct {
    int    first;
    double p, clear, shown;
} law_verdict;
#define LAW_SLOW     0.69 /* ln 2: a kernel that takes twice as long is slow by its code */
#define LAW_LEAST_SD 0.01
/* ln of each term's factor, and how well it is known. */
typedef struct {
    double f[LAW_NCOL], cov[LAW_NCOL][LAW_NCOL];
} law_factors;
extern const double law_norms[IR_FIT_NORMS];
/* Seconds of terms under a norm; e: d ln T / d ln of each, which sum to 1. */
double law_time_of(const double t[LAW_NCOL], double p, double e[LAW_NCOL]);
bool   law_both_count(const double t[LAW_NCOL]); /* do the terms show how data and arithmetic overlap? */
/* NULL: no row of the point's kernel is known. */
const ir_kin *law_kin(const ir_fit *, const ir_point *);
/* Is the point's time evidence of what its kernel can do? Then *out is its row. */
bool law_tells(const ir_point *, const ir_ceilings *, ir_row *out);
/* What rows do beside the law: fills launch_s, norm, spread, within and kin of a fit. */
ir_status law_believe(ir_fit *, const ir_point *pts, const size_t *index, const ir_row *rows, size_t n,
                      double launch_s);
double    law_left_s(const ir_fit *, const ir_row *); /* of a row's time, what launches leave */
/* Factors before the row's time is looked at. */
void law_prior(const ir_fit *, const ir_point *, const ir_row *, law_factors *);
/* And after, under a norm. Returns the logarithm of how likely that time was. */
double law_posterior(const double t[LAW_NCOL], double p, const ir_row *, law_factors *);
/* t: the row's terms under the fit; served: the share of data's time that a cache takes; nearer: the last
 * cache's rate over memory's; resident: the row was faster than memory; counted: law_tells() of this point.
 */
void law_label(const ir_fit *, const ir_point *, const ir_row *, const double t[LAW_NCOL], double served,
               double nearer, bool resident, bool counted, law_verdict *);
/* (1/s, 1/eta, L) of a fit; unidentified: 0. */
void   law_coefficients(const ir_fit *, double c[LAW_NCOL]);
double law_combine(ir_form, double data_s, double comp_s, double lat_s);
#endif
