/* compare.h -- two builds from paired processes, and one series from many runs. Pure; methods:
 * docs/statistics.md. All values are natural logarithms of times, so that a difference d is a ratio exp(d) -
 * 1; slower is positive. */
#ifndef IR_COMPARE_H
#define IR_COMPARE_H
#include "harness/stats/stats.h"
#ifdef __cplusplus
extern "C" {
#endif

/* ---- paired blocks: one value per block, d = (b1 + b2 - a1 - a2)/2 --------------------------- */
typedef enum {
    IR_AB_SAME,
    IR_AB_IMPROVED,
    IR_AB_REGRESSED,
    IR_AB_NOT_SLOWER,
    IR_AB_INCONCLUSIVE,
    IR_AB_TOO_FEW
} ir_ab;
/* "SAME" "IMPROVED" "REGRESSED" "NOT SLOWER" "INCONCLUSIVE" "TOO FEW BLOCKS" */
const char *ir_ab_name(ir_ab v);
/* What an interval says of a threshold delta (log scale, > 0). REGRESSED: lo > delta. IMPROVED: hi < -delta.
 * SAME: within [-delta, delta]. NOT SLOWER: hi <= delta, and faster is possible. Else INCONCLUSIVE. */
ir_ab ir_ab_of_interval(double lo, double hi, double delta);
enum { IR_AB_MIN_BLOCKS = 8, IR_AB_USUAL_BLOCKS = 32, IR_AB_MOST_BLOCKS = 128 };
typedef struct {
    ir_ab  verdict;
    double effect, lo,
        hi;      /* median of d, exact sign-test interval of at least the asked confidence; NAN: none */
    double conf; /* what the interval really has (binomial steps) */
    double mde;  /* smallest true effect that this many blocks of this spread report with 80 %; NAN: none */
    size_t n;
} ir_ab_result;
/* Exact interval of a median from order statistics; false (NANs) when n is too small for the confidence. */
bool ir_sign_interval(const double *d, size_t n, double conf, double *lo, double *hi, double *real_conf);
/* The verdict is that of ir_ab_of_interval(); fewer than IR_AB_MIN_BLOCKS blocks decide nothing. */
void ir_ab_judge(const double *d, size_t n, double conf, double delta, ir_ab_result *out);
/* Blocks after which a further look is taken: 12, 16, 24, 32, and where a budget of time is there to be spent
 * 48, 64, 96, 128; returns the next after n, 0 after the last. */
size_t ir_ab_next_blocks(size_t n);
/* Blocks that would report an effect of `effect` with 80 %, from pilot blocks; 0 when not even the last look,
 * of IR_AB_MOST_BLOCKS, would. */
size_t ir_ab_plan(const double *d, size_t n, double conf, double delta, double effect);

/* ---- two sets of runs, not interleaved ------------------------------------------------------- */
/* Exact interval of a shift b - a from the ranks of all pairwise differences (Mann-Whitney distribution; its
 * normal approximation beyond 4000 pairs). false (NANs): too few runs for the confidence; 4 against 4 is the
 * least at 95 %. */
bool ir_shift_interval(const double *a, size_t na, const double *b, size_t nb, double conf, double *lo,
                       double *hi, double *real_conf);
/* As ir_ab_judge(), with the Hodges-Lehmann shift; n is the smaller number of runs. IR_AB_TOO_FEW where there
 * is no interval. It knows the spread between the runs it was given and no more: runs of one hour do not know
 * tomorrow's. */
void ir_shift_judge(const double *a, size_t na, const double *b, size_t nb, double conf, double delta,
                    ir_ab_result *out);

/* ---- change points --------------------------------------------------------------------------- */
/* Largest standardised rank-sum statistic over all splits into segments of at least IR_CHANGE_FIRM runs,
 * against its permutation distribution (seeded, the same on every machine), binary segmentation; a change
 * also needs a Hodges-Lehmann shift of at least delta. At the end of the series a shift that 3 or 4 runs
 * share, each beyond everything in the segment before, is provisional. One run alone never alerts. */
enum { IR_CHANGE_FIRM = 5, IR_CHANGE_PROVISIONAL = 3, IR_MAX_CHANGES = 16 };
typedef struct {
    size_t at;    /* index of the first run after the change */
    double shift; /* Hodges-Lehmann, log scale */
    double p;     /* of the statistic; NAN: provisional */
    bool   firm;
} ir_change;
/* y in order of time; NAN runs are left out. alpha per series. Returns how many were written, in order. */
size_t ir_changes(const double *y, size_t n, double alpha, double delta, ir_change *out, size_t max);
/* Median of all pairwise differences b - a. */
double ir_hodges_lehmann(const double *a, size_t na, const double *b, size_t nb);
#ifdef __cplusplus
}
#endif
#endif
