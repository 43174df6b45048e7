/* law.h -- ceilings, the Iron Law, its fit, the verdict and the guards. Pure: no I/O, no clock.
 *
 *   additive    T = D_vol/BW + O/(R_peak*eta) + L_lat
 *   overlapped  T = max(D_vol/BW, O/(R_peak*eta)) + L_lat
 *
 * The terms are evaluated against *measured* ceilings: D_vol/BW uses the ceiling of the level the
 * footprint lives in, of the thread count and of the read/write mix; O/R_peak that of dtype and
 * threads. Only R_peak*eta is observable, so R_peak is pinned to the measured peak and eta fitted. */
#ifndef IR_LAW_H
#define IR_LAW_H
#include "harness/ironroof.h"
#ifdef __cplusplus
extern "C" {
#endif

/* ---- ceilings -------------------------------------------------------------------------------- */
typedef enum {
    IR_C_BANDWIDTH,
    IR_C_FLOPS,
    IR_C_LATENCY,
    IR_C_LAUNCH,
    IR_C_CLOCK,
    IR_C_OVERLAP,
    IR_NC
} ir_what;
typedef enum { IR_SRC_MEASURED, IR_SRC_DATASHEET, IR_SRC_THEORY } ir_source;
const char *ir_what_name(ir_what w); /* "bandwidth" ... */
const char *ir_source_name(ir_source s);
/* The last doubling along one axis, and what it gained. saturated: gain < 1 %. */
typedef struct {
    char   axis[24];
    double from, to, gain;
    bool   saturated;
    bool   known;
} ir_saturation;
enum { IR_MAX_SATURATION = 4 };
/* One ceiling. alt_Bps and alt_read_Bps are value and ref_read_Bps at another operating point of the memory:
 * when reads got clearly more or less. */
typedef struct {
    char      device[64];
    ir_what   what;
    char      level[8];        /* bandwidth, latency: "L1" "L2" "L3" "DRAM"; else "" */
    char      op[IR_NAME];     /* "read" "write" "copy" "triad"; "fma"; "chase" "gather"; "forkjoin" */
    char      kernel[IR_NAME]; /* the variant that reached it */
    char      isa[IR_NAME];
    ir_dtype  dtype; /* flops: of the operation; IR_NDTYPE where it has no meaning */
    int       threads;
    double    value, lo, hi; /* B/s, flop/s (op/s), s, Hz, overlap: a share; 95 % interval or NAN */
    double    theory;        /* clock x width x ports, or NAN */
    double    read_frac;     /* bandwidth: share of reads in the counted bytes; NAN */
    double    size_B;        /* working set it was measured at; NAN */
    double    ref_read_Bps;  /* DRAM: rate of the reference read right before and after; NAN or 0: unknown */
    double    alt_Bps, alt_read_Bps; /* the other operating point; NAN or 0: not seen */
    ir_source source;
    ir_saturation sat[IR_MAX_SATURATION];
    int           nsat;
    uint32_t      flags;       /* IR_FLAG_: suspect ... */
    char          why[IR_WHY]; /* cause of a suspect */
} ir_ceiling;
/* level_B of a cache: its detected capacity: the largest footprint that still runs at that level's
 * speed, for one thread's private share. level_B[IR_DRAM]: the largest footprint of which a cache still
 * serves a part. NAN: unknown. level_threads of a cache: how many threads share one instance; 0 or NAN
 * unknown: L1 and L2 are private, and there is one L3. */
struct ir_ceilings {
    ir_ceiling *v;
    size_t      n, cap;
    double      level_B[IR_NLEVEL], level_threads[IR_NLEVEL];
};
void      ir_ceilings_init(ir_ceilings *);                    /* empty; capacities unknown */
void      ir_ceilings_free(ir_ceilings *);                    /* idempotent */
ir_status ir_ceilings_add(ir_ceilings *, const ir_ceiling *); /* copies it; IR_ENOMEM */
/* Instances of a cache level (0: L1 ... 2: L3) that so many threads find. */
double ir_level_instances(const ir_ceilings *, int level, int threads);
/* "L1" | "L2" | "L3" | "DRAM" for a footprint split evenly over `threads` (every instance they find adds its
 * capacity). A level of unknown capacity reaches half way (geometrically) from the working set of its
 * ceilings to that of the next level's. */
const char *ir_level_of(const ir_ceilings *, double footprint_B, int threads, bool cold);
/* "node0": the level of a memory node's ceilings, node as ir_params has it, from 1. buf is returned. */
const char *ir_node_level(int node, char buf[8]);
/* Bandwidth ceiling (B/s) for a level, thread count and mix of reads and writes: the measured op of
 * the nearest mix (time per byte interpolated between read, copy and write). Falls back to the
 * nearest thread count, then to DRAM. NAN: none. */
double ir_bw_ceiling(const ir_ceilings *, const char *level, int threads, double read_B, double write_B);
/* Bandwidth (B/s) that a cost meets: D_vol over the time its parts take. A part in DRAM also moves its
 * write-allocates (wa_B, less what the machine evades) and is priced at the ceiling of that physical mix.
 * Each at the ceiling of the level it lives in (parts with a footprint of their own at that, which cold
 * inputs do not change). dram_scale multiplies every DRAM rate. steady: dram_scale is what reads of this
 * footprint get at the moment, over their DRAM ceiling: DRAM rates are first brought to the operating point
 * of that ceiling (ref_read_Bps; between two operating points, geometrically), and what a cache serves is in
 * the scale. A scattered cost meets the ceiling of gathers, where there is one; of scattered rows beside
 * other parts the first lines do. NAN: no ceiling, or no bytes. */
double ir_cost_bw(const ir_ceilings *, const ir_cost *, int threads, bool cold, bool steady,
                  double dram_scale);
double ir_peak_ceiling(const ir_ceilings *, ir_dtype dtype, int threads); /* flop/s; NAN none */
/* Return the peak of the arithmetic that multiplies weights of a dtype. Without a unit for f8, weights are
 * widened to bf16, which holds every e4m3 number; without one for bf16, f16 or i8, to f32. */
double ir_product_ceiling(const ir_ceilings *, ir_dtype dtype, int threads);
double ir_launch_ceiling(const ir_ceilings *, int threads); /* s, of a queued launch; NAN none */
/* s, as the launch kernel of that name measured it with exactly so many threads; NAN none */
double ir_launch_by(const ir_ceilings *, const char *kernel, int threads);
/* Find a ceiling. A NULL level or op and IR_NDTYPE match any; threads 0 is the highest count there is.
 * Prefers measured ones, then the nearest thread count, then trusted ones, then the best value. NULL:
 * none; else it is the set's own. */
const ir_ceiling *ir_ceiling_find(const ir_ceilings *, ir_what, const char *level_or_null,
                                  const char *op_or_null, ir_dtype, int threads);

/* ---- fit ------------------------------------------------------------------------------------- */
typedef enum { IR_ADDITIVE, IR_OVERLAPPED } ir_form;
/* IR_PINNED: held at 0 by non-negativity, against rows that pull it below (L_lat only). */
typedef enum { IR_FITTED, IR_PINNED, IR_UNIDENTIFIED } ir_how;
const char *ir_form_name(ir_form f);
const char *ir_how_name(ir_how h);
/* Value and 95 % interval; NAN if unidentified. */
typedef struct {
    double v, lo, hi;
    ir_how how;
} ir_coef;
enum { IR_FIT_DRAWS = 200, IR_FIT_KIN = 96, IR_FIT_NORMS = 7 };
/* Rows of one kernel. By term that rules them: how many, and ln T/T_law summed. least_s: the shortest time
 * that arithmetic would take in one which it rules. norm: how likely each norm over data and arithmetic is by
 * those in which both count, the best 1; all 1 where there are none. */
typedef struct {
    char   family[IR_NAME], kernel[IR_NAME];
    double n[3], sum[3], square[3], least_s, norm[IR_FIT_NORMS];
} ir_kin;
typedef struct {
    char    device[64];
    ir_form form;
    double  BW_ref, R_peak;        /* measured DRAM read ceiling and f32 peak at the full thread count */
    ir_coef BW, eta, L_lat;        /* BW: DRAM-read equivalent, = BW_ref * s where term_data = x_data / s */
    double  err_median, err_p90;   /* |T_law/T - 1| of the fitted points */
    double  lofo_median, lofo_p90; /* the same, each family predicted from the others */
    /* Of the classic roofline (one bandwidth, theoretical peak) on the same points. */
    double roof_median, roof_p90;
    double cond; /* condition number of the column-scaled design matrix */
    size_t n;
    int    nfamily;
    bool   eta_error; /* eta above 1.02: a wrong ceiling or count, not a result */
    double draw[IR_FIT_DRAWS][3];
    int    ndraw; /* bootstrap: (1/s, 1/eta, L) per draw, for verdicts */
    /* For the probability of labels (belief.c); not in a record. norm: share of kernels that have each norm
     * over data and arithmetic; 0: nobody was asked. spread: of each term over kernels, within: over rows of
     * one (sd of ln T). launch_s: the ceiling. */
    double norm[IR_FIT_NORMS], spread[3], within, launch_s;
    ir_kin kin[IR_FIT_KIN];
    int    nkin;
} ir_fit;
/* One row of the design: time if each resource ran at its ceiling. */
typedef struct {
    double x_data_s, x_comp_s, x_launch; /* D_vol/BW_ceiling, O/R_peak; launches, in units of one at the full
                                            thread count: L_ceiling(threads)/L_ceiling(full) each */
    double T_s, T_lo, T_hi;
    int    family; /* small integer: same family, same number */
} ir_row;
/* The design row of a point; false when it cannot enter (not ok, no ceiling). */
bool ir_row_of(const ir_point *, const ir_ceilings *, ir_row *out);
/* Do two points of a device have the same workload, params, dtype, threads and cache state? Kernels may
 * differ. */
bool ir_same_question(const ir_point *, const ir_point *);
/* Select the points of a fit: the fastest kernel of each (workload, params, dtype, threads) with status ok,
 * or none where that one is suspect. Writes their rows and indices; returns how many. */
size_t ir_rows_select(const ir_point *pts, size_t n, const ir_ceilings *, ir_row *rows, size_t *index);
/* Non-negative least squares on relative residuals; bootstrap with `seed`. Fewer than 3 rows:
 * IR_EINVAL, and *out claims nothing. A coefficient the rows do not identify comes back IR_UNIDENTIFIED with
 * NAN, in the draws too. Rows know no ceiling: BW_ref is 1 and BW the bare s. */
ir_status ir_fit_rows(ir_form, const ir_row *rows, size_t n, uint64_t seed, ir_fit *out);
/* Both forms over the points; `out[0]` additive, `out[1]` overlapped; better: index of the one with
 * the smaller leave-one-family-out error, median and p90 added. */
ir_status ir_iron_fit(const ir_point *pts, size_t n, const ir_ceilings *, uint64_t seed, ir_fit out[2],
                      int *better);
double    ir_fit_predict(const ir_fit *, const ir_row *); /* T in s; unidentified terms count as 0 */
/* What all of these points do beside the law, as labels need it; ir_iron_fit() knows its own rows alone.
 * Points that say nothing of the machine are passed over. */
ir_status ir_fit_believe(ir_fit *, const ir_point *pts, size_t n, const ir_ceilings *);

/* ---- verdict --------------------------------------------------------------------------------- */
/* Fills level, terms, mfu, mbu, eta, eta_star, ridge, margin, bound, bound_p of a point. `fit` may be
 * NULL: the ceilings alone (s = eta = 1, L = launch ceiling), which also stand in for what a fit does not
 * know; bound_p is NAN without draws. shares: term / T measured; bound = the largest share's class,
 * IR_BOUND_CODE when all terms together explain less than half of T; IR_BOUND_MIXED when the largest share is
 * below 50 % or its probability (for code: that of explaining so little) over the fit's draws below .95;
 * IR_BOUND_CACHE for a data term whose footprint lives in a cache. mfu = O/(T R_peak); mbu = D_vol/(T
 * BW_ceiling); eta: the efficiency of the compute term this point alone implies, O/(R_peak (T - other
 * terms)), NAN when the rest leaves nothing; eta_star: the eta at which data and compute terms are equal;
 * ridge: R_peak/BW_ceiling (flop/B); margin: ln(largest term / second largest). A row whose time is not the
 * machine's own gets no bound and `withheld` says why. */
void ir_point_judge(ir_point *, const ir_ceilings *, const ir_fit *fit);

/* Is the row's time not the machine's own: preempted, or an interval wider than +-50 %? Then why says so. */
bool ir_point_disturbed(const ir_point *, char *why, size_t n);
/* Takes the bound away, with its probability and proof, and says why; terms, MFU and MBU stay.
 * ir_point_judge() does so itself where the row is disturbed, or a contender reaches neither 10 % of the
 * bandwidth nor of the peak and launches do not explain it. */
void ir_point_withhold(ir_point *, const char *why);

/* ---- quality: was the machine quiet enough? -------------------------------------------------- */
typedef enum { IR_QUALITY_GOOD, IR_QUALITY_NOISY, IR_QUALITY_UNUSABLE, IR_NQUALITY } ir_quality_value;
const char *ir_quality_name(ir_quality_value);
enum { IR_MAX_CAUSES = 12 };
typedef struct {
    char what[24], text[200];
} ir_cause; /* what: "others", "quota" ...; text: a sentence without its full stop */
typedef struct {
    char             device[64];
    ir_quality_value value;
    ir_cause         cause[IR_MAX_CAUSES];
    int              ncause;
} ir_quality;
/* What was seen of the machine while it was measured; shares of 1, NAN unknown. ir_situation_init() knows
 * nothing. */
typedef struct {
    double others, steal, pressure; /* of the CPUs' time other processes took, of all time the hypervisor
                                       took, of the time some task waited */
    char   who[160];                /* the busiest other processes, in words; "" unknown */
    double quota, quota_cpus;       /* periods that the CPU quota cut short; the quota */
    double pair_start, pair_end;    /* two threads' arithmetic over one's */
    double read_lo, read_hi;        /* reads from DRAM beside the points, B/s: the slow and the fast tenth */
    size_t n, known, preempted, wide, noisy, slowed; /* timed points; those with a cpu_share; preempted;
                                                        interval over 50 %; noisy; clock fell or drifted */
    double worst_share;                              /* the lowest cpu_share */
    double stall_s, stall_among_s; /* one sample, and the median of its point's: the machine stood still */
    bool   recalled_unusable;      /* the ceilings are those of a run that was graded so */
} ir_situation;
void ir_situation_init(ir_situation *);
/* Counts points; dram_read_Bps: what bw_now is a share of, NAN unknown. */
void ir_situation_points(ir_situation *, const ir_point *, size_t n, double dram_read_Bps);
/* Fills value and causes, the gravest first. */
void ir_quality_judge(const ir_situation *, ir_quality *out);
/* Is what two threads did together, over one, something no machine does? Then rows of this moment carry no
 * bound. */
bool ir_pair_impossible(double ratio);
/* Shares of the measured time, which sum to 1: the terms, and what they leave unexplained. In the overlapped
 * form the term that hides behind the other is 0. Where the law's time exceeds T the shares are those of the
 * law's time. NAN without terms. */
enum { IR_SHARE_DATA, IR_SHARE_COMP, IR_SHARE_LAT, IR_SHARE_UNEXPLAINED, IR_NSHARE };
void ir_point_shares(const ir_point *, double share[IR_NSHARE]);

/* ---- energy ---------------------------------------------------------------------------------- */
/* What a byte and a flop cost: E = e_move D_vol + e_comp O + P0 T, fitted like the law. On a machine that
 * obeys the law T is itself a sum of D_vol and O, so that nothing can be told apart without rows in which
 * threads only wait (spin: D_vol = O = 0). P0 is power of one number of threads. */
typedef struct {
    double bytes, flops, T_s;
    double J, lo, hi;       /* of a call, and its 95 % interval */
    int    threads, family; /* same family, same number */
} ir_energy_row;
/* coefficient and interval as of the law: see ir_coef. idle_W, idle_after_W: with nothing to do, before and
 * after the points; NAN unknown. */
typedef struct {
    double v, lo, hi;
    bool   known;
} ir_joule;
typedef struct {
    char     device[64], scope[16], source[24];
    int      threads;
    ir_joule move_JpB, comp_JpF, base_W;
    double   idle_W, idle_after_W, err_median, cond;
    size_t   n, nspin;
    char     why[IR_WHY]; /* what is not known, and why; empty: all is */
} ir_energy_fit;
/* The row of a point whose energy is known; false: it cannot enter. Its bytes must come from DRAM, or be
 * none: what moves within caches is not e_move. */
bool ir_energy_row_of(const ir_point *, ir_energy_row *);
/* Rows of one thread count; IR_EINVAL for several, or fewer than 4 rows. Coefficients that the rows do not
 * identify are not known. */
ir_status ir_energy_fit_rows(const ir_energy_row *, size_t n, uint64_t seed, ir_energy_fit *out);

/* ---- guards ---------------------------------------------------------------------------------- */
/* Marks IR_FLAG_SUSPECT and writes the likely cause (dead code, cache-resident, compressible data,
 * clock) when a rate exceeds 1.02 x its ceiling; IR_FLAG_CACHE_RESIDENT when a point that asked for
 * DRAM fits a cache. Returns whether the point is suspect. */
bool ir_guard_point(ir_point *, const ir_ceilings *);
/* A ceiling against theory and Little's law (bytes in flight / latency), in place. */
void ir_guard_ceilings(ir_ceilings *);

/* One line: "DRAM read 38.0 GB/s, 220 GFLOP/s f32, f32 ridge 5.3 FLOP/B, launch 1.2 us ..." */
void ir_summary_sentence(const ir_ceilings *, const ir_fit *fit_or_null, char *buf, size_t n);
#ifdef __cplusplus
}
#endif
#endif
