/* over_nodes.c -- a prediction on several nodes that sum a gradient over a network. */
#include "bench/predict/predict.h"

#include <math.h>

ir_status predict_over_nodes(const prediction *q, const ir_network *net, int64_t nodes, predict_cluster *out)
{
    *out = (predict_cluster){.net = *net, .nodes = nodes};
    double known = q->cost.weights_B > 0 ? q->cost.weights_B : ir_cost_weights_B(&q->cost),
           T = q->T_s[q->form];
    if (!(known > 0))
        return ir_fail(IR_EINVAL, "%s has no weights: nothing is summed over nodes", q->workload->name);
    if (!(net->BW_net > 0) || !(net->L_net >= 0))
        return ir_fail(IR_EINVAL,
                       "--nodes needs a network: --net fleet.json, or --set BW_net=12.5G --set L_net=5e-6");
    out->V_B = known;
    out->sum_s = ir_network_sum_s(net, out->V_B, (double)nodes);
    out->step_s = T + out->sum_s;
    out->bound = out->sum_s > 0.5 * out->step_s;
    out->gives_way = ir_network_gives_way(net, out->V_B, T);
    out->ridge = q->cost.flops > 0 ? q->R_peak / net->BW_net : NAN;
    return IR_OK;
}
