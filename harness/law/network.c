/* network.c -- see network.h. */
#include "harness/law/network.h"
#include "harness/law/law_internal.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>

enum { BYTES, MESSAGES, MOST_NODES = 1 << 20 };

double ir_network_volume(double V_B, double nodes) { return nodes > 1 ? 2 * (nodes - 1) / nodes * V_B : 0; }

double ir_network_messages(double nodes) { return nodes > 1 ? 2 * (nodes - 1) : 0; }

double ir_network_sum_s(const ir_network *net, double V_B, double nodes)
{
    return nodes > 1 ? ir_network_volume(V_B, nodes) / net->BW_net + ir_network_messages(nodes) * net->L_net
                     : 0;
}

ir_status ir_network_fit(const ir_network_row *row, size_t n, ir_network *out, double *err)
{
    law_gram g = {0};
    double   c[LAW_NCOL] = {0}, inv[LAW_NCOL][LAW_NCOL], *e = malloc((n + 1) * sizeof *e);
    unsigned both = 1u << BYTES | 1u << MESSAGES;
    size_t   m = 0;
    *out = (ir_network){NAN, NAN};
    *err = NAN;
    if (!e) return ir_fail(IR_ENOMEM, "no memory for %zu sums", n);
    for (size_t i = 0; i < n; i++) {
        if (!(row[i].T_s > 0 && row[i].nodes > 1 && row[i].V_B > 0)) continue;
        double a[LAW_NCOL] = {[BYTES] = ir_network_volume(row[i].V_B, row[i].nodes) / row[i].T_s,
                              [MESSAGES] = ir_network_messages(row[i].nodes) / row[i].T_s};
        law_gram_add(&g, a, 1);
        m++;
    }
    if (m < 3)
        return free(e),
               ir_fail(IR_EINVAL, "a network's law needs 3 sums of different sizes, there are %zu", m);
    law_nnls(&g, both, c);
    if (law_gram_inverse(&g, both, inv) && c[BYTES] > 0) {
        *out = (ir_network){1 / c[BYTES], c[MESSAGES]};
        m = 0;
        for (size_t i = 0; i < n; i++)
            if (row[i].T_s > 0 && row[i].nodes > 1 && row[i].V_B > 0)
                e[m++] = fabs(ir_network_sum_s(out, row[i].V_B, row[i].nodes) / row[i].T_s - 1);
        *err = ir_median(e, m);
    }
    free(e);
    return IR_OK;
}

int64_t ir_network_gives_way(const ir_network *net, double V_B, double rest_s)
{
    int64_t lo = 1, hi = 2; /* the sum grows with the number of nodes */
    while (hi <= MOST_NODES && !(ir_network_sum_s(net, V_B, (double)hi) > rest_s)) lo = hi, hi *= 2;
    if (hi > MOST_NODES) return 0;
    while (hi - lo > 1) {
        int64_t mid = lo + (hi - lo) / 2;
        if (ir_network_sum_s(net, V_B, (double)mid) > rest_s)
            hi = mid;
        else
            lo = mid;
    }
    return hi;
}
