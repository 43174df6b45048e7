/* fit_points.h -- from points to the law and its verdicts: select, fit, judge, guard. */
#ifndef BENCH_FIT_POINTS_H
#define BENCH_FIT_POINTS_H
#include "harness/law/law.h"
typedef struct {
    ir_fit fit[2];   /* additive, overlapped */
    int    better;   /* index into fit */
    bool   fitted;   /* false: too few points; why says so */
    bool   recalled; /* the fit is that of the record the ceilings are from */
    char   why[IR_WHY];
    size_t exceed; /* points asked for that are above a ceiling by more than 2 % */
} fitted_law;
/* Fit both forms over the points of the law's families that were not measured for a ceiling, and judge every
 * point with the better one; without a fit the ceilings alone judge. All are of one device. */
void fit_points(ir_point *pts, size_t n, const ir_ceilings *, uint64_t seed, fitted_law *out);
/* Judge every point by fits made elsewhere: fit[2] by form, as a record has them. */
void fit_recall(ir_point *pts, size_t n, const ir_ceilings *, const ir_fit fit[2], fitted_law *out);
#endif
