/* fleet.h -- one node among its peers: two looks at logarithms of speeds (higher is faster), and the law's
 * term that explains a slow node. Pure; the rules and what they were tried on: docs/fleet.md.
 *
 * Look 1 makes suspects of nodes that lie far below the median of all. Look 2 is measured afresh, on the
 * suspects and on some random others, the controls; only what it confirms is called slow. An effect e is a
 * natural logarithm: -0.105 is 10 % slower. */
#ifndef IR_STATS_FLEET_H
#define IR_STATS_FLEET_H
#include "harness/stats/stats.h"
#ifdef __cplusplus
extern "C" {
#endif

/* One-sided quantile of Student's distribution: P(T > t) = tail. nu > 0 need not be whole. NAN for a tail
 * outside (0, 1). */
double ir_t_upper(double tail, double nu);

typedef struct {
    double delta; /* what matters in practice, a share: 0.05 */
    double alpha; /* probability that a healthy fleet has a false node */
    double tau0;  /* spread expected of healthy nodes, log scale: what a small fleet cannot know of itself */
} ir_fleet_rule;

/* What all nodes of a group show in one series. */
typedef struct {
    size_t n;      /* nodes that have it */
    double centre; /* median */
    double spread; /* S: 1.4826 MAD with the small-sample factor; below 64 nodes pooled with tau0 */
    double nu;     /* degrees of freedom of S */
    bool   split;  /* 20 nodes and more in two modes, the smaller with at least 35 % of them */
    double mode_lo, mode_hi;
    double detectable; /* smallest slowdown found with 80 %, a share; NAN with fewer than 3 nodes */
} ir_fleet_series;
/* y[n]: each node's median over rounds; NAN: not measured. own: the nodes' typical own noise (standard error
 * of that median). nseries: how many series the group has; alpha is shared among nodes and series. */
void ir_fleet_describe(const double *y, size_t n, double own, size_t nseries, const ir_fleet_rule *,
                       ir_fleet_series *out);
/* Standard error of a node's medians, from the scatter of its own rounds about them, pooled over series by a
 * median. y[nseries][nround], NAN: missing. 0 with fewer than 2 rounds. */
double ir_fleet_own_noise(const double *y, size_t nseries, size_t nround);
/* Look 1: is a node at y a suspect? */
bool ir_fleet_suspect(const ir_fleet_series *, double y, double own, const ir_fleet_rule *);

typedef enum {
    IR_FLEET_CLEARED,
    IR_FLEET_SLOW,
    IR_FLEET_OPEN
} ir_fleet_look; /* OPEN: below the threshold, not surely */
/* Look 2: y2 is the node's fresh median, drift what the controls have moved by since look 1. *e: the effect
 * that look 2 shows. */
ir_fleet_look ir_fleet_confirm(const ir_fleet_series *, double y2, double own2, double drift, size_t nseries,
                               const ir_fleet_rule *, double *e);

/* ---- which term ------------------------------------------------------------------------------ */
/* ratio[i]: the node's time of point i over the fleet's. share[i][k]: part of the fleet's time that term k
 * takes (data, compute, latency; BW, eta, L_lat are their coefficients). Each hypothesis says that one
 * coefficient alone, or all of them, changed: ratio - 1 = u * share. The one of the least Huber loss is
 * named. */
enum { IR_TERM_BW, IR_TERM_ETA, IR_TERM_LAT, IR_TERM_ALL, IR_NTERM };
const char *ir_term_name(int term); /* "BW" "eta" "L_lat" "all terms" */
typedef struct {
    int    term;      /* IR_TERM_; -1: too few points, or no term explains it */
    double u, lo, hi; /* the term takes 1 + u times as long; 95 % interval */
    double loss[IR_NTERM];
} ir_fleet_term;
/* Points with a NAN are left out. noise: of one ratio, the least that is believed. */
void ir_fleet_which_term(const double *ratio, double (*share)[3], size_t n, double noise, ir_fleet_term *out);
#ifdef __cplusplus
}
#endif
#endif
