/* predict.h -- the Iron Law evaluated for a workload on a machine that need not be here.
 *
 * The terms are those of law.h: ceilings from a datasheet or from a record, coefficients from the record's
 * fit. Without a fit eta = 1 is assumed (and said), launches cost what the ceiling says, or nothing where no
 * launch cost is known. */
#ifndef BENCH_PREDICT_H
#define BENCH_PREDICT_H
#include "bench/devices/devices.h"
#include "harness/law/network.h"

/* ---- what if --------------------------------------------------------------------------------- */
typedef struct {
    bool   given, times;
    double v;
} predict_setting; /* times: a factor, else the value itself */
typedef struct {
    predict_setting BW, R_peak, eta, L_lat, BW_net, L_net;
} predict_what_if;
/* BW_net and L_net, of a network between nodes, are values only.
 * "BW=2x", "R_peak=1e15", "L_lat=0", "eta=0.6"; K M G T P behind a value. BW is that of DRAM. Everything is
 * above 0 (L_lat may be 0), eta at most 1; else IR_EINVAL. */
ir_status predict_set(predict_what_if *, const char *text);

/* ---- one prediction -------------------------------------------------------------------------- */
typedef enum { PREDICT_ASSUMED, PREDICT_FITTED, PREDICT_SET } predict_how;
enum { P_DATA, P_COMP, P_LAT, P_NTERM };
typedef struct {
    const machine_view *view;
    const ir_workload  *workload;
    ir_params           p; /* threads resolved */
    ir_cost             cost;
    char                level[8];
    double              BW_Bps, R_peak, L_lat_s, eta,
        s; /* as used: at this mix, dtype, per launch; s: share of BW that real kernels get */
    predict_how eta_how;
    bool        launch_known;             /* false: L_lat is taken as 0 */
    double      T_s[2], T_lo[2], T_hi[2]; /* by ir_form; interval from the fit's draws, NAN without */
    double      T_band_s[2][2]; /* [form][0: eta .5, 1: eta .9]; only when eta is assumed, else NAN */
    /* From a datasheet T_s is a floor. What it becomes with a bandwidth of .7 to .9 of the sheet's, eta of .5
     * to .9 and 2 to 5 us a launch: all launches (eager), or one (graph); [0] best, [1] worst. NAN: not of a
     * datasheet, or a value was set by hand. */
    double   T_eager_s[2], T_graph_s[2];
    ir_form  form; /* the one that terms and bound are read from */
    double   term_s[P_NTERM];
    ir_bound bound;
    double   bound_p;   /* share of the draws that agree; NAN without draws */
    double   I, ridge;  /* flop/B; NAN without bytes */
    int64_t  crossover; /* smallest batch whose compute term exceeds the data term; 0: none up to 2^20; -1: no
                           batch */
    double      rate;   /* items a second */
    const char *rate_item; /* "image"; NAN, "" for workloads without items */
    bool        fits;      /* footprint within the machine's memory; true when that is unknown */
} prediction;
/* IR_EINVAL with a reason: no bandwidth, no peak of that dtype. */
ir_status predict_point(const machine_view *, const ir_workload *, const ir_params *, const predict_what_if *,
                        prediction *);
const char *predict_how_name(predict_how);
int         predict_param(const ir_workload *, const char *name); /* index of a parameter; -1: none */
/* Time (s) of a row under the machine's law in its better form, with what the ceilings say for what the fit
 * does not know. draw -1: the fitted coefficients; else those of one bootstrap draw below
 * predict_law_draws(). */
double predict_law_time(const machine_view *, const ir_row *, int draw);
int    predict_law_draws(const machine_view *); /* 0: no fit, or too few draws for an interval */

/* ---- several nodes --------------------------------------------------------------------------- */
/* Each node computes the point on inputs of its own, then its gradient, as many bytes as the weights, is
 * summed over all by a ring, not overlapped with the computation. */
typedef struct {
    ir_network net;
    int64_t    nodes,
        gives_way; /* gives_way: nodes from which the sum takes longer than all the rest; 0: none */
    double V_B, sum_s, step_s, ridge; /* ridge: R_peak/BW_net, flop per byte sent; NAN without arithmetic */
    bool   bound;                     /* the network takes more than half of the step */
} predict_cluster;
/* IR_EINVAL: the point has no weights to sum, or the network is not known. */
ir_status predict_over_nodes(const prediction *, const ir_network *, int64_t nodes, predict_cluster *);

/* The table of workloads with the dtypes that a cost model can speak of but no kernel here serves (f16 on
 * another machine). NULL-terminated; valid until the next call. */
const ir_workload *const *predict_workloads(const ir_workload *const *table);
#endif
