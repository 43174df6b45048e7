/* networks.h -- filling and checking a whole network. Private to bench/workloads/. */
#ifndef NETWORKS_H
#define NETWORKS_H
#include "kernels/nets/cache.h"
#include "kernels/workloads/nets_util.h"
enum { NET_IN, NET_W, NET_V, NET_OUT, NET_KV };
ly_cache net_cache(const ly_net *, ir_dtype); /* blocks = 0: the network has none */
/* Slots of a network's workload, whose table its nets_kind gives. */
ir_status net_valid(const ir_workload *, const ir_params *);
ir_cost   net_cost(const ir_workload *, const ir_params *);
int       net_tensors(const ir_workload *, const ir_params *, ir_tensor *);
void      net_fill_tensor(const ir_workload *, const ir_params *, int tensor, void *host, uint64_t seed);
bool      net_is_intact(const ir_workload *, const ir_params *, int tensor, const void *after, uint64_t seed);
/* Seeded weights under which activations neither die nor explode: each matrix keeps the mean square of what
 * it is applied to (He for ReLU), matrices whose result joins a residual stream add a fraction of it. */
void net_fill(const ly_net *, ir_dtype, int tensor, void *host, uint64_t seed);
/* Are the cached rows what net_fill() made them? */
bool net_intact(const ly_net *, ir_dtype, const void *cache, uint64_t seed);
/* Against the reference: logits of two items, relative to their root mean square, and their new cache rows.
 */
void net_check(const ir_workload *, const ir_params *, const void *const *before, const void *const *after,
               ir_check *);
/* Those slots of x, whose grids are x_quick, x_full and x_odd. */
#define NETWORK(x) .fill = net_fill_tensor, NETWORK_BUT_FILL(x)
#define NETWORK_BUT_FILL(x) \
    NETWORK_SLOTS(x), .quick = x##_quick, .nquick = sizeof x##_quick / sizeof *x##_quick
/* One that takes too long for a quick run, unless it is named. */
#define NETWORK_LONG(x) .fill = net_fill_tensor, NETWORK_SLOTS(x)
#define NETWORK_SLOTS(x) \
    .ext = &x##_kind, .valid = net_valid, .cost = net_cost, .tensors = net_tensors, .check = net_check, \
    .intact = net_is_intact, .full = x##_full, .nfull = sizeof x##_full / sizeof *x##_full, .odd = x##_odd, \
    .nodd = sizeof x##_odd / sizeof *x##_odd
/* The input of item i of a batch, as the item alone has it. Where it is no part of the batch's, a copy, which
 * the caller frees by *copy; NULL: no memory. */
const void *networks_item_input(const ly_net *all, const ly_net *one, int64_t i, const void *input,
                                void **copy);
#endif
