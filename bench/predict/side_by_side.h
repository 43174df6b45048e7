/* side_by_side.h -- machines side by side: ceilings with ratios, times of workloads, and which term explains
 * a gap.
 *
 * The first machine is what the others are held against. A time is the measured one where the record has the
 * point (the fastest kernel that is not an oracle), else predicted; both are kept where both exist. The gap
 * of two times is split exactly: the share of ln(T_b/T_a) that a term has is (t_b - t_a)/(T_b - T_a) (the
 * logarithmic mean weights of a sum); what a measured time has beyond its terms is a term of its own,
 * "unexplained". */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H
#include "bench/cli/cli.h"
#include "bench/predict/predict.h"

enum { COMPARE_NTERM = P_NTERM + 1, COMPARE_UNEXPLAINED = P_NTERM };
extern const char *const compare_term_name[COMPARE_NTERM]; /* "data" "compute" "latency" "unexplained" */

/* ---- comparability --------------------------------------------------------------------------- */
/* The first field in which two machines are not alike ("datasheet" when one was not measured), or NULL. */
const char *compare_differs(const machine_view *a, const machine_view *b);

/* The same of their joules: the first of scope and source that differs, "no joules", or NULL. */
const char *compare_energy_differs(const machine_view *a, const machine_view *b);

/* ---- ceilings -------------------------------------------------------------------------------- */
typedef struct {
    ir_what     what;
    const char *level, *op;
    ir_dtype    dtype;
    bool        ridge;
} compare_ceiling; /* op NULL: any */
typedef struct {
    double    v, lo, hi;
    ir_source source;
} compare_value; /* NAN: the machine has none */
/* Rows that at least one machine has, in report order; their number. */
size_t        compare_ceilings(const machine_views *, compare_ceiling *out, size_t max);
compare_value compare_ceiling_of(const machine_view *, const compare_ceiling *);
/* "DRAM read", "peak f16", "ridge f16". */
const char *compare_ceiling_name(const compare_ceiling *, char buf[64]);

/* ---- times ----------------------------------------------------------------------------------- */
typedef struct {
    bool            ok;
    char            why[IR_WHY]; /* false: no prediction possible here */
    prediction      q;
    const ir_point *measured;     /* NULL: predicted only */
    double          T_s, lo, hi;  /* the time used, with its interval (of the median, or of the prediction) */
    double term_s[COMPARE_NTERM]; /* effective: they sum to T_s; overlapped form: the hidden term is 0 */
} compare_time;
void compare_time_of(const machine_view *, const ir_workload *, const ir_params *, compare_time *out);
typedef struct {
    double ratio, lo, hi;             /* T_b/T_a; interval from both intervals, NAN where one is unknown */
    double term_ratio[COMPARE_NTERM]; /* t_b/t_a; NAN where a is 0 */
    double share[COMPARE_NTERM];      /* of the gap; sums to 1; NAN when the times are equal within 1 % */
    int    explains;                  /* index of the term with the largest share; -1: no gap */
} compare_gap;
void compare_gap_of(const compare_time *a, const compare_time *b, compare_gap *out);
/* Points to compare over: the standard ones in dtypes that suit, then what at least two records share; at
 * most `max`. */
size_t compare_points(const machine_views *, const ir_workload *const *table, const cli_dtypes *,
                      cli_point *out, size_t max);

/* ---- output ---------------------------------------------------------------------------------- */
ir_status compare_print(const ir_text *, const machine_views *, const cli_point *, size_t n,
                        bool with_ceilings);
ir_status compare_lines(ir_journal *, const machine_views *, const cli_point *, size_t n);
/* J/byte, J/FLOP and the power besides, where a machine has any. */
void      compare_print_energy(const ir_text *, const machine_views *);
ir_status compare_energy_lines(ir_journal *, const machine_views *);
#endif
