/* profile.c -- a network's layers timed one by one, by the kernel itself. The point was proven before:
 * nothing is checked again, and its tensors are still cached. */
#include "harness/measure/choose.h"
#include "harness/measure/measure.h"
#include "harness/measure/tensors.h"
#include "harness/plan.h"

#include <string.h>

static ir_status record(ir_run *r, int n, size_t calls, double *layer_s)
{
    const ir_net_ops *net = &ir_plan_of(r->kernel)->net;
    ir_status         st = net->profile(r, layer_s, n); /* warm-up: overwritten */
    for (size_t c = 0; c < calls && st == IR_OK; c++) st = net->profile(r, layer_s + c * (size_t)n, n);
    return st;
}

ir_status ir_profile(ir_dev *dev, const ir_workload *w, const ir_kernel *k, const ir_params *p, uint64_t seed,
                     int n, size_t calls, double *layer_s, const char **choice)
{
    tensor_set        set;
    const ir_net_ops *net = &ir_plan_of(k)->net;
    if (!net->profile) return ir_fail(IR_SKIP, "%s does not time its layers", k->name);
    ir_status s = tensors_alloc(dev, w, p, false, 0, true, &set);
    if (s != IR_OK) return s;
    ir_run          r = {.workload = w, .kernel = k, .dev = dev, .p = *p, .nmem = set.n};
    ir_bound_kernel b = {.dev = dev, .w = w, .k = k, .p = *p};
    const int       before = choose_form(&b, &(ir_policy){.fixed_n = 1}, &set); /* as it was measured */
    memcpy(r.mem, set.mem, sizeof r.mem);
    s = ir_plan_make(&r);
    if (s == IR_OK) s = tensors_fill(dev, w, p, seed, &set);
    if (s == IR_OK) s = tensors_prepare(&r, &set);
    if (dev->be->enter) dev->be->enter(dev, k);
    if (s == IR_OK) s = record(&r, n, calls, layer_s);
    if (dev->be->leave) dev->be->leave(dev);
    for (int l = 0; s == IR_OK && l < n; l++) choice[l] = net->choice ? net->choice(&r, l) : "";
    ir_plan_unprepare(&r);
    ir_plan_destroy(&r);
    choose_back(dev, before);
    tensors_free(dev, &set, true);
    if (s == IR_EDEVICE) dev->dead = true;
    return s;
}
