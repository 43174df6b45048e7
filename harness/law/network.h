/* network.h -- the network term of the law: what summing V bytes over n nodes takes.
 *
 *   T = D_vol/BW + O/(R_peak*eta) + L_lat + V'/BW_net + m*L_net
 *
 * For a ring, each node sends V' = 2 (n-1)/n V bytes in m = 2 (n-1) messages (Patarasu and Yuan 2009);
 * nothing that sends less sums completely. Pure: no I/O, no clock. */
#ifndef IR_LAW_NETWORK_H
#define IR_LAW_NETWORK_H
#include "harness/law/law.h"
#ifdef __cplusplus
extern "C" {
#endif
typedef struct {
    double BW_net; /* B/s that one node sends and receives */
    double L_net;  /* s per message */
} ir_network;
double ir_network_volume(double V_B, double nodes);                    /* V' */
double ir_network_messages(double nodes);                              /* m */
double ir_network_sum_s(const ir_network *, double V_B, double nodes); /* 0 for one node */
/* Both coefficients from measured sums, by the solver of the law on relative residuals; err: median |T_law/T
 * - 1|. A coefficient that the rows do not identify is NAN. IR_EINVAL with fewer than 3 rows. */
typedef struct {
    double V_B, nodes, T_s;
} ir_network_row;
ir_status ir_network_fit(const ir_network_row *, size_t n, ir_network *out, double *err);
/* Least number of nodes whose sum takes longer than `rest_s`, what a step takes without it; 0: none up to
 * 2^20. */
int64_t ir_network_gives_way(const ir_network *, double V_B, double rest_s);
#ifdef __cplusplus
}
#endif
#endif
