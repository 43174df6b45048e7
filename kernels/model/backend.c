/* backend.c -- the model backend's table: one described machine on a virtual clock. Nothing is computed and
 * no byte moves; running a kernel lets its time pass. Refuses types that the machine has no unit for,
 * footprints beyond its memory, and on hosts what only a GPU has. */
#include "kernels/model/world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    model_machine m;
    model_world   w;
    int           threads; /* it was opened with; 0: a GPU */
} device;

const model_machine *model_of(const ir_dev *d)
{
    return d->be == &model_backend && d->self ? &((const device *)d->self)->m : NULL;
}

void model_smallest(model_machine *m)
{
    model_defaults(m);
    snprintf(m->name, sizeof m->name, "one core that obeys the law");
    m->cores = 1;
    m->nlevel = 2;
    m->level[0] = (model_level){32768, 1, 1e-9, 200e9, 200e9, 1, 0};
    m->level[1] = (model_level){16e9, 1, 80e-9, 40e9, 40e9, 1, 0};
    m->memory.lines = 10;
    m->memory.prefetch = 100;
    m->memory.evade = 1;
    m->clock.one_Hz = m->clock.all_Hz = 3e9;
    m->peak[IR_F64] = 32;
    m->peak[IR_F32] = 64;
    m->launch.first_s = 2e-6;
}

static ir_status open_model(ir_dev *dev, const ir_open_options *asked)
{
    if (dev->index != 0) return ir_fail(IR_SKIP, "model: there is one machine, index 0 (not %d)", dev->index);
    device     *d = calloc(1, sizeof *d);
    ir_topology host;
    if (!d) return ir_fail(IR_ENOMEM, "model: no memory for the machine");
    if (asked && asked->own)
        d->m = *(const model_machine *)asked->own;
    else
        model_smallest(&d->m);
    ir_status st = model_topology(&d->m, &host);
    if (st != IR_OK) {
        free(d);
        return st;
    }
    d->threads = d->m.gpu > 0 ? 0 : (int)d->m.cores;
    if (asked && asked->max_threads > 0 && asked->max_threads < d->threads) d->threads = asked->max_threads;
    model_world_begin(&d->w, &d->m);
    dev->be = &model_backend;
    dev->self = d;
    dev->dead = false;
    return IR_OK;
}

static void close_model(ir_dev *dev)
{
    free(dev->self);
    dev->self = NULL;
}

static ir_status backend_describe(ir_dev *dev, ir_device_info *out)
{
    const model_machine *m = model_of(dev);
    const int            last = m->nlevel - 1;
    memset(out, 0, sizeof *out);
    snprintf(out->id, sizeof out->id, "model0");
    snprintf(out->name, sizeof out->name, "%s", m->name);
    snprintf(out->backend, sizeof out->backend, "model");
    snprintf(out->driver, sizeof out->driver, "described machine");
    out->cores = (int)m->cores;
    out->threads = ((const device *)dev->self)->threads;
    out->numa_nodes = m->gpu > 0 ? 0 : (int)m->nodes;
    out->memory_nodes = m->nfar > 0 ? 1 + m->nfar : 0;
    out->modelled = true;
    out->clock_Hz = m->clock.one_Hz;
    out->mem_B = m->level[last].size_B * ceil(m->cores / m->level[last].cores);
    out->llc_B = m->level[last - 1].size_B * ceil(m->cores / m->level[last - 1].cores);
    out->spec_Bps = NAN;
    for (int t = 0; t < IR_NDTYPE; t++) out->spec_flops[t] = NAN;
    return IR_OK;
}

/* ---- memory that is not there ---------------------------------------------------------------- */
static ir_status backend_no_alloc(ir_dev *dev, size_t bytes, ir_mem *out)
{
    (void)dev;
    *out = (ir_mem){NULL, NULL, bytes};
    return IR_OK;
}

static void backend_no_release(ir_dev *dev, ir_mem *mem)
{
    (void)dev;
    memset(mem, 0, sizeof *mem);
}

static ir_status backend_no_put(ir_dev *dev, ir_mem *dst, const void *host)
{
    (void)dev, (void)dst, (void)host;
    return IR_OK;
}

static ir_status backend_no_get(ir_dev *dev, const ir_mem *src, void *host)
{
    (void)dev;
    memset(host, 0, src->bytes);
    return IR_OK;
}

static ir_status backend_nothing(ir_dev *dev)
{
    (void)dev;
    return IR_OK;
}

/* Reading the clock takes a while, as everywhere; whoever waits on it gets to the end. */
static double backend_now(ir_dev *dev)
{
    static const double READ_S = 20e-9;
    model_world        *w = &((device *)dev->self)->w;
    model_world_spend(w, READ_S, 0);
    return w->now_s;
}

static ir_status no_clock(ir_dev *dev, double *dev_s)
{
    (void)dev;
    *dev_s = NAN;
    return IR_OK;
}

static void vitals(ir_dev *dev, ir_vitals *out)
{
    const device *d = dev->self;
    double        clock = model_world_clock(&d->w);
    *out = (ir_vitals){.clock_Hz = d->m.clock.all_Hz * clock * (1 - d->m.disturb.clock_lag),
                       .mem_clock_Hz = NAN,
                       .power_W = NAN,
                       .energy_J = model_world_joules(&d->w),
                       .energy_range_J = d->m.energy.wrap_J,
                       .temp_C = NAN};
    if (d->w.throttles > 0) snprintf(out->slowed, sizeof out->slowed, "heat (described)");
}

static void taken(ir_dev *dev, double *steal_s, double *total_s, double *throttles)
{
    const device *d = dev->self;
    *steal_s = d->w.steal_s;
    *total_s = d->w.busy_s + d->w.steal_s;
    *throttles = d->w.throttles;
}

static void rest(ir_dev *dev, double seconds) { model_world_spend(&((device *)dev->self)->w, seconds, 0); }

static double theory(ir_dev *dev, ir_dtype t, double clock_Hz)
{
    const model_machine *m = model_of(dev);
    return m->gpu == 0 && m->peak[t] > 0 ? m->peak[t] * m->clock.wide * clock_Hz : NAN;
}

/* Two threads do the same arithmetic each, alone and together. */
static ir_status pair_ratio(ir_dev *dev, double *ratio)
{
    const model_machine *m = model_of(dev);
    if (((const device *)dev->self)->threads < 2)
        return ir_fail(IR_SKIP, "pair probe: the device has one thread");
    *ratio = model_flops(m, 2, IR_F32, false) / model_flops(m, 1, IR_F32, false);
    return IR_OK;
}

/* It could be read when the machine was opened. */
static void host(ir_dev *dev, ir_topology *out)
{
    if (model_topology(model_of(dev), out) != IR_OK) memset(out, 0, sizeof *out);
}

static void environment(ir_dev *dev, ir_env *out)
{
    ir_env_num(out, "model_seed", model_of(dev)->seed, true);
}

/* ---- kernels --------------------------------------------------------------------------------- */
static ir_status has_type(const model_machine *m, const ir_workload *w, const ir_params *p)
{
    bool matrix = !strcmp(w->family, "mma"), peak = !strcmp(w->family, "peak");
    if ((matrix && !(m->matrix[p->dtype] > 0)) || (peak && !(m->peak[p->dtype] > 0)))
        return ir_fail(IR_SKIP, "%s has no %s units for %s", m->name, matrix ? "matrix" : "vector",
                       ir_dtype_name(p->dtype));
    return IR_OK;
}

static ir_status backend_can_run(const ir_dev *d, const ir_workload *w, const ir_params *p)
{
    const model_machine *m = model_of(d);
    double room = m->level[m->nlevel - 1].size_B * ceil(m->cores / m->level[m->nlevel - 1].cores);
    if (w->cost(w, p).footprint_B > 0.9 * room && strcmp(w->family, "local") != 0)
        return ir_fail(IR_SKIP, "needs %.3g GB, %s has %.3g GB", w->cost(w, p).footprint_B / 1e9, m->name,
                       room / 1e9);
    return has_type(m, w, p);
}

static ir_status on_gpu(const ir_dev *d, const ir_workload *w, const ir_params *p)
{
    if (!(model_of(d)->gpu > 0)) return ir_fail(IR_SKIP, "only a device with memory of its own has it");
    return backend_can_run(d, w, p);
}

static ir_status on_host(const ir_dev *d, const ir_workload *w, const ir_params *p)
{
    if (model_of(d)->gpu > 0) return ir_fail(IR_SKIP, "a host's kernel");
    return backend_can_run(d, w, p);
}

static ir_status backend_past_caches(const ir_dev *d, const ir_workload *w, const ir_params *p)
{
    const ir_cost c = w->cost(w, p);
    if (!(model_of(d)->memory.nt > 0) || !(ir_cost_write_B(&c) > 0))
        return ir_fail(IR_SKIP, "no stores, or none that pass the caches by");
    return on_host(d, w, p);
}

static ir_status backend_waits(const ir_dev *d, const ir_workload *w, const ir_params *p)
{
    return model_of(d)->launch.sync_s > 0 ? on_gpu(d, w, p)
                                          : ir_fail(IR_SKIP, "no price of waiting described");
}
static ir_status backend_graphs(const ir_dev *d, const ir_workload *w, const ir_params *p)
{
    return model_of(d)->launch.graph_s > 0 ? on_gpu(d, w, p) : ir_fail(IR_SKIP, "no graphs described");
}

static ir_status backend_setup(ir_run *r)
{
    const device *d = r->dev->self;
    model_plan   *o = malloc(sizeof *o);
    if (!o) return ir_fail(IR_ENOMEM, "model: no memory for a plan");
    model_plan_of(&d->m, r->workload, r->kernel->flags, &r->p, o);
    ir_cost cost = r->workload->cost(r->workload, &r->p);
    double  bytes = o->memory_s > 0 ? ir_cost_B(&cost) : 0; /* caches' own are in the base power */
    double  flops = !strcmp(r->workload->family, "clock") ? 0 : cost.flops; /* a chain that waits */
    o->move_J = d->m.energy.move_JpB * bytes + d->m.energy.comp_JpF * flops;
    r->self = o;
    return IR_OK;
}

static void backend_teardown(ir_run *r)
{
    free(r->self);
    r->self = NULL;
}

static ir_status backend_run(ir_run *r, uint32_t reps)
{
    device *d = r->dev->self;
    model_world_pass(&d->w, r->self, reps);
    return IR_OK;
}

static const ir_plan_ops backend_plan_ops = {.destroy = backend_teardown};
#define KERNEL(id, fam, title, text, more, can) \
    static const ir_kernel id = {.family = fam, \
                                 .name = title, \
                                 .doc = text, \
                                 .flags = IR_K_IDEAL | (more), \
                                 .can_run = can, \
                                 .plan = backend_setup, \
                                 .run = backend_run, \
                                 .ops = &backend_plan_ops};
KERNEL(k_stream, "stream", "regular", "regular loads and stores, repeated in one region", IR_K_FUSED, on_host)
KERNEL(k_stream_nt, "stream", "nt", "stores that pass the caches by", IR_K_FUSED | IR_K_NT,
       backend_past_caches)
KERNEL(k_stream_gpu, "stream", "resident", "a launch a pass", 0, on_gpu)
KERNEL(k_stream_half, "stream", "half", "with half of the threads", IR_K_HALF, on_gpu)
KERNEL(k_chase, "chase", "pointer", "dependent loads", IR_K_FUSED, backend_can_run)
KERNEL(k_gather, "gather", "regular", "loads of no order", IR_K_FUSED, backend_can_run)
KERNEL(k_clock, "clock", "chain", "dependent adds", IR_K_FUSED, on_host)
KERNEL(k_fma, "peak", "chains", "independent chains of multiply-adds", IR_K_FUSED, backend_can_run)
KERNEL(k_mma, "mma", "loops", "products of matrix units", IR_K_FUSED, on_gpu)
KERNEL(k_launch, "launch", "queue", "an empty region or kernel", 0, backend_can_run)
KERNEL(k_launch_sync, "launch", "sync", "an empty kernel and a wait for it", IR_K_WAITED, backend_waits)
KERNEL(k_launch_graph, "launch", "graph", "an empty kernel as a node of a graph", IR_K_GRAPH, backend_graphs)
KERNEL(k_local, "local", "shared", "local memory", 0, on_gpu)
KERNEL(k_link, "transfer", "pinned", "bytes over the link", 0, on_gpu)
KERNEL(k_both, "overlap", "streams", "copies beside a kernel", 0, on_gpu)
KERNEL(k_gemm, "gemm", "tiled", "as described for the class gemm", 0, on_host)
KERNEL(k_gemm_gpu, "gemm", "vendor", "as described for the class gemm", IR_K_LIB, on_gpu)
KERNEL(k_gemv, "gemv", "stream", "as described for the class gemv", 0, backend_can_run)
KERNEL(k_gemv_twice, "gemv_twice", "twice", "as described for the class gemv", 0, backend_can_run)
KERNEL(k_linear, "linear", "stream", "as described for the class gemv", 0, backend_can_run)
KERNEL(k_conv, "conv", "direct", "as described for the class conv", 0, backend_can_run)
KERNEL(k_cnn, "cnn", "direct", "as described for the class net", 0, backend_can_run)
KERNEL(k_gpt, "gpt", "stream", "as described for the class net", 0, backend_can_run)
KERNEL(k_cnn_graph, "cnn", "graph", "the same, replayed as one graph", IR_K_GRAPH, backend_graphs)
KERNEL(k_gpt_graph, "gpt", "graph", "the same, replayed as one graph", IR_K_GRAPH, backend_graphs)
KERNEL(k_norm, "norm", "simd", "as described for the class op", 0, backend_can_run)
KERNEL(k_softmax, "softmax", "simd", "as described for the class op", 0, backend_can_run)
KERNEL(k_act, "act", "simd", "as described for the class op", 0, backend_can_run)
KERNEL(k_add, "add", "simd", "as described for the class op", 0, backend_can_run)
KERNEL(k_embed, "embed", "simd", "as described for the class op", 0, backend_can_run)
KERNEL(k_attention, "attention", "tiled", "as described for the class op", 0, backend_can_run)
KERNEL(k_chain, "chain", "simd", "as described for the class op", 0, backend_can_run)
KERNEL(k_chain_nt, "chain", "nt", "stores that pass the caches by", IR_K_NT, backend_past_caches)
static const ir_kernel *const kernels[] = {
    &k_stream, &k_stream_nt, &k_stream_gpu, &k_stream_half, &k_chase,        &k_gather,  &k_clock,
    &k_fma,    &k_mma,       &k_launch,     &k_launch_sync, &k_launch_graph, &k_local,   &k_link,
    &k_both,   &k_gemm,      &k_gemm_gpu,   &k_gemv,        &k_gemv_twice,   &k_linear,  &k_conv,
    &k_cnn,    &k_gpt,       &k_cnn_graph,  &k_gpt_graph,   &k_norm,         &k_softmax, &k_act,
    &k_add,    &k_embed,     &k_attention,  &k_chain,       &k_chain_nt,     NULL};

const ir_backend model_backend = {.name = "model",
                                  .kernels = kernels,
                                  .open = open_model,
                                  .close = close_model,
                                  .describe = backend_describe,
                                  .alloc = backend_no_alloc,
                                  .release = backend_no_release,
                                  .put = backend_no_put,
                                  .get = backend_no_get,
                                  .sync = backend_nothing,
                                  .now = backend_now,
                                  .start = backend_nothing,
                                  .stop = no_clock,
                                  .vitals = vitals,
                                  .rest = rest,
                                  .taken = taken,
                                  .theory_flops = theory,
                                  .pair_ratio = pair_ratio,
                                  .topology = host,
                                  .environment = environment};
