/* backend.c -- the CPU as a device: one pool of pinned threads, memory first-touched by the threads
 * that will stream it, and the host's clock. There is one CPU device, index 0. */
#define _GNU_SOURCE
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/openblas.h"
#include "kernels/cpu/ports.h"
#include "kernels/cpu/smt_probe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define X(k) extern const ir_kernel k;
#include "kernels/cpu/table.h"
#undef X

static const ir_kernel *const kernels[] = {
#define X(k) &k,
#include "kernels/cpu/table.h"
#undef X
    NULL};

static const char *const     forms[CPU_NISA + 1] = {"portable", "neon", "avx2", "avx512", NULL};
static const ir_open_options defaults;

static bool isa_is_here(cpu_isa want, cpu_isa best)
{
    return want == CPU_PORTABLE || ((want == CPU_NEON) == (best == CPU_NEON) && want <= best);
}

/* Which instruction sets may be used, and the widest of them. By itself those with fused multiply-adds: the
 * portable form is for processors that have no other. */
static ir_status choose_isa(uint32_t asked, cpu_dev *c)
{
    const cpu_isa best = cpu_isa_best();
    c->isa = best;
    c->rivals = asked ? asked : 1u << best | (best == CPU_AVX512 ? 1u << CPU_AVX2 : 0);
    for (int i = 0; asked && i < CPU_NISA; i++) {
        if (!(asked >> i & 1u)) continue;
        if (!isa_is_here((cpu_isa)i, best))
            return ir_fail(IR_EINVAL, "--isa %s: this processor's best is %s", cpu_isa_name((cpu_isa)i),
                           cpu_isa_name(best));
        c->isa = (cpu_isa)i;
    }
    return IR_OK;
}

static ir_status open_pool(cpu_dev *c, const ir_open_options *asked)
{
    int *order = malloc(sizeof *order * IR_MAX_PU);
    if (!order) return ir_fail(IR_ENOMEM, "cpu: no memory for the thread order");
    int have = ir_topology_order(&c->topo, order, IR_MAX_PU), n = asked->max_threads;
    if (n <= 0) n = c->topo.ncore > 0 && c->topo.ncore < have ? c->topo.ncore : have;
    if (n > have && asked->crowd) c->pinned = false; /* there is no place for each */
    ir_status s = n <= have || asked->crowd
                      ? IR_OK
                      : ir_fail(IR_EINVAL, "%d threads asked for, this process may use %d", n, have);
    if (s == IR_OK && !asked->look_only) s = ir_pool_new(c->pinned ? order : NULL, n, &c->pool);
    c->nthreads = n;
    c->nnode = c->pinned && s == IR_OK ? ir_memory_nodes(order[0], c->node_of) : 0;
    free(order);
    return s;
}

static void cpu_close(ir_dev *dev)
{
    cpu_dev *c = dev->self;
    if (!c) return;
    ir_pool_free(&c->pool);
    free(c);
    dev->self = NULL;
}

static ir_status cpu_open(ir_dev *dev, const ir_open_options *asked)
{
    const ir_open_options *o = asked ? asked : &defaults;
    if (dev->index != 0)
        return ir_fail(IR_SKIP, "cpu: there is one CPU device, index 0 (not %d)", dev->index);
    cpu_dev *c = calloc(1, sizeof *c);
    if (!c) return ir_fail(IR_ENOMEM, "cpu: no memory for the device");
    dev->be = &cpu_backend;
    dev->self = c;
    dev->dead = false;
    c->pinned = !o->no_pin;
    c->pages = o->pages == IR_PAGES_DEFAULT ? IR_PAGES_HUGE : o->pages;
    ir_status s = choose_isa(o->forms, c);
    if (s == IR_OK && o->look_only)
        ir_topology_plain(&c->topo);
    else if (s == IR_OK)
        s = ir_topology_load(NULL, &c->topo);
    if (s == IR_OK) s = open_pool(c, o);
    if (s != IR_OK) cpu_close(dev);
    return s;
}

static ir_status cpu_describe(ir_dev *dev, ir_device_info *out)
{
    const cpu_dev *c = cpu_of(dev);
    memset(out, 0, sizeof *out);
    snprintf(out->id, sizeof out->id, "cpu0");
    snprintf(out->name, sizeof out->name, "%s", c->topo.cpu_model);
    snprintf(out->backend, sizeof out->backend, "cpu");
    snprintf(out->isa, sizeof out->isa, "%s", cpu_isa_name(c->isa));
    out->cores = c->topo.ncore;
    out->threads = c->nthreads;
    out->numa_nodes = c->topo.nnuma;
    out->memory_nodes = c->nnode;
    out->clock_Hz = NAN;
    out->mem_B = c->topo.mem_B;
    out->llc_B = ir_topology_llc_B(&c->topo);
    out->spec_Bps = NAN;
    for (int t = 0; t < IR_NDTYPE; t++) out->spec_flops[t] = NAN;
    return IR_OK;
}

enum { PAGE = 4096 };
typedef struct {
    char  *p;
    size_t bytes;
} span;

static void backend_touch(void *arg, int tid, int nthreads)
{
    span  *s = arg;
    size_t lo, hi;
    cpu_part(s->bytes, PAGE, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i += PAGE) *(volatile char *)(s->p + i) = 0;
}

static ir_status cpu_alloc(ir_dev *dev, size_t bytes, ir_mem *out)
{
    cpu_dev *c = cpu_of(dev);
    memset(out, 0, sizeof *out);
    ir_status s = ir_host_alloc(bytes, c->pages, &out->p);
    if (s != IR_OK) return s;
    out->host = out->p;
    out->bytes = bytes;
    span all = {out->p, bytes};
    ir_pool_run(c->pool, c->nthreads, backend_touch, &all);
    return IR_OK;
}

static ir_status cpu_bind(ir_dev *dev, const ir_mem *m, int node)
{
    const cpu_dev *c = cpu_of(dev);
    return ir_host_bind(m->p, m->bytes, c->node_of[node]); /* it was asked whether there is one */
}

static void cpu_release(ir_dev *dev, ir_mem *m)
{
    (void)dev;
    if (m->p) ir_host_free(m->p, m->bytes);
    memset(m, 0, sizeof *m);
}

static ir_status cpu_put(ir_dev *dev, ir_mem *dst, const void *host)
{
    (void)dev;
    if (dst->p != host) memcpy(dst->p, host, dst->bytes);
    return IR_OK;
}

static ir_status cpu_get(ir_dev *dev, const ir_mem *src, void *host)
{
    (void)dev;
    if (src->p != host) memcpy(host, src->p, src->bytes);
    return IR_OK;
}

static ir_status cpu_sync(ir_dev *dev)
{
    (void)dev;
    return IR_OK;
}

static double cpu_now(ir_dev *dev)
{
    (void)dev;
    return ir_now();
}

static ir_status cpu_stop(ir_dev *dev, double *dev_s)
{
    (void)dev;
    *dev_s = NAN; /* the host's clock is the only one */
    return IR_OK;
}

static void cpu_enter(ir_dev *dev, const ir_kernel *k)
{
    cpu_dev *c = cpu_of(dev);
    c->entered = !(k->flags & IR_K_LIB); /* a library's threads inherit their starter's affinity */
    if (c->entered) ir_pool_enter(c->pool);
}

static void cpu_leave(ir_dev *dev)
{
    cpu_dev *c = cpu_of(dev);
    if (c->entered) ir_pool_leave(c->pool);
    c->entered = false;
}

/* Huge pages are advice: what came of it is what is recorded. */
static const char *cpu_pages_granted(ir_pages asked)
{
    static const char *const pages[] = {"default", "huge", "small"};
    if (asked != IR_PAGES_HUGE) return pages[asked];
    double share = ir_host_huge_granted();
    if (isnan(share)) return "huge (asked for, not known whether granted)";
    return share < 0.5 ? "small (huge asked for, not granted)" : pages[asked];
}

static void cpu_environment(ir_dev *dev, ir_env *e)
{
    const cpu_dev *c = cpu_of(dev);
    ir_env_num(e, "threads", c->nthreads, true);
    ir_env_text(e, "pin", c->pinned ? "core" : "none", true);
    ir_env_text(e, "isa", cpu_isa_name(c->isa), true);
    ir_env_text(e, "pages", cpu_pages_granted(c->pages), true);
    ir_env_text(e, "openblas", cpu_openblas_config(), true);
}

static double cpu_theory_flops(ir_dev *dev, ir_dtype t, double clock_Hz)
{
    return cpu_fma_theory_flops(cpu_of(dev)->isa, t, clock_Hz);
}

static const char *cpu_narrower(const ir_dev *dev)
{
    return cpu_of(dev)->isa == CPU_AVX512 ? "avx2 for avx512" : NULL;
}

static void cpu_narrow(const ir_dev *dev, bool on)
{
    cpu_of(dev)->isa = on ? CPU_AVX2 : CPU_AVX512;
    cpu_of(dev)->narrowed = on;
}

static uint32_t cpu_rivals(const ir_dev *dev)
{
    const cpu_dev *c = cpu_of(dev);
    return c->narrowed || !(c->rivals & (c->rivals - 1)) ? 0 : c->rivals;
}

static int cpu_use_form(const ir_dev *dev, int form)
{
    const int before = (int)cpu_of(dev)->isa;
    cpu_of(dev)->isa = (cpu_isa)form;
    return before;
}

const ir_backend cpu_backend = {.name = "cpu",
                                .kernels = kernels,
                                .open = cpu_open,
                                .close = cpu_close,
                                .describe = cpu_describe,
                                .alloc = cpu_alloc,
                                .release = cpu_release,
                                .bind = cpu_bind,
                                .put = cpu_put,
                                .get = cpu_get,
                                .sync = cpu_sync,
                                .now = cpu_now,
                                .start = cpu_sync,
                                .stop = cpu_stop,
                                .enter = cpu_enter,
                                .leave = cpu_leave,
                                .forms = forms,
                                .rivals = cpu_rivals,
                                .use_form = cpu_use_form,
                                .environment = cpu_environment,
                                .theory_flops = cpu_theory_flops,
                                .narrower = cpu_narrower,
                                .narrow = cpu_narrow,
                                .pair_ratio = cpu_smt_probe};
