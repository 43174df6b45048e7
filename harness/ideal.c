/* ideal.c -- see ideal.h. Nothing is computed: running a kernel advances the device's clock by the law. */
#include "harness/ideal.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    ir_ideal_options o;
    ir_rng           rng;
    double           clock_s;
} ideal;

void ir_ideal_defaults(ir_ideal_options *o)
{
    *o = (ir_ideal_options){.BW_ceiling = 40e9,
                            .R_ceiling = 200e9,
                            .s = 0.95,
                            .eta = 0.85,
                            .L_lat = 2e-6,
                            .form = IR_ADDITIVE,
                            .noise = 0,
                            .seed = 1};
}

/* Peak relative to f32: a plausible machine; tests only need it to be the same in truth and ceilings. */
static double dtype_rate(ir_dtype t)
{
    static const double rate[IR_NDTYPE] = {[IR_F64] = .5, [IR_F32] = 1, [IR_TF32] = 1, [IR_F16] = 2,
                                           [IR_BF16] = 2, [IR_F8] = 4,  [IR_I8] = 4,   [IR_I4] = 8};
    return rate[t];
}

static double ideal_law(const ideal *d, const ir_cost *c, ir_dtype t, double launches)
{
    double data = ir_cost_B(c) / (d->o.BW_ceiling * d->o.s);
    double comp = c->flops / (d->o.R_ceiling * dtype_rate(t) * d->o.eta);
    return (d->o.form == IR_ADDITIVE ? data + comp : fmax(data, comp)) + d->o.L_lat * launches;
}

static ir_status ideal_run(ir_run *r, uint32_t reps)
{
    ideal  *d = r->dev->self;
    ir_cost c = r->workload->cost(r->workload, &r->p);
    double  T = ideal_law(d, &c, r->p.dtype, c.launches) * reps;
    d->clock_s += d->o.noise > 0 ? T * exp(d->o.noise * ir_rng_normal(&d->rng)) : T;
    return IR_OK;
}

static const ir_kernel        kernel = {.family = "*",
                                        .name = "ideal",
                                        .doc = "takes exactly the Iron Law's time",
                                        .flags = IR_K_IDEAL,
                                        .run = ideal_run};
static const ir_kernel *const kernels[] = {&kernel, NULL};

/* IRONROOF_IDEAL="s=.85,eta=.9,L_lat=1.2,noise=.01,seed=3": a device whose truth (s, eta, L_lat) is that many
 * times the default, for tests of what must notice it. Its ceilings stay. */
static ir_status from_environment(ir_ideal_options *o)
{
    const char *text = getenv("IRONROOF_IDEAL");
    if (text) o->seed = (uint64_t)getpid(); /* each process its own noise, unless a seed is given */
    struct {
        const char *key;
        double     *to;
    } field[] = {{"s", &o->s}, {"eta", &o->eta}, {"L_lat", &o->L_lat}};
    for (const char *at = text; at && *at;) {
        char   key[16] = "", *end = NULL;
        double v = 0;
        size_t n = strcspn(at, "=");
        bool   known = false;
        if (at[n] && n < sizeof key) memcpy(key, at, n), v = strtod(at + n + 1, &end);
        for (size_t i = 0; i < 3; i++)
            if (!strcmp(key, field[i].key) && v > 0) *field[i].to *= v, known = true;
        if (!strcmp(key, "noise") && v >= 0) o->noise = v, known = true;
        if (!strcmp(key, "seed") && v >= 0) o->seed = (uint64_t)v, known = true;
        if (!known || !end || end == at + n + 1 || (*end && *end != ','))
            return ir_fail(
                IR_EINVAL,
                "IRONROOF_IDEAL=%.60s: s, eta, L_lat, noise, seed =NUMBER expected, joined by commas", text);
        at = *end ? end + 1 : end;
    }
    return IR_OK;
}

static ir_status open_ideal(ir_dev *dev, const ir_open_options *asked)
{
    if (dev->index != 0)
        return ir_fail(IR_SKIP, "ideal: there is one ideal device, index 0 (not %d)", dev->index);
    ideal *d = calloc(1, sizeof *d);
    if (!d) return ir_fail(IR_ENOMEM, "ideal: no memory for the device");
    if (asked && asked->own) {
        d->o = *(const ir_ideal_options *)asked->own;
    } else {
        ir_ideal_defaults(&d->o);
        ir_status st = from_environment(&d->o);
        if (st != IR_OK) return free(d), st;
    }
    ir_rng_seed(&d->rng, d->o.seed);
    dev->be = &ir_ideal_backend;
    dev->self = d;
    dev->dead = false;
    return IR_OK;
}

static void close_ideal(ir_dev *dev)
{
    free(dev->self);
    dev->self = NULL;
}

static ir_status ideal_describe(ir_dev *dev, ir_device_info *out)
{
    const ideal *d = dev->self;
    memset(out, 0, sizeof *out);
    snprintf(out->id, sizeof out->id, "ideal0");
    snprintf(out->name, sizeof out->name, "ideal device (a model on a virtual clock)");
    snprintf(out->backend, sizeof out->backend, "ideal");
    snprintf(out->driver, sizeof out->driver, "%s", ir_form_name(d->o.form));
    out->cores = out->threads = out->numa_nodes = 1;
    out->clock_Hz = out->mem_B = out->llc_B = out->spec_Bps = NAN;
    for (int t = 0; t < IR_NDTYPE; t++) out->spec_flops[t] = NAN;
    return IR_OK;
}

static ir_status ideal_no_alloc(ir_dev *dev, size_t bytes, ir_mem *out)
{
    (void)dev;
    *out = (ir_mem){NULL, NULL, bytes};
    return IR_OK;
}
static void ideal_no_release(ir_dev *dev, ir_mem *m)
{
    (void)dev;
    memset(m, 0, sizeof *m);
}
static ir_status ideal_no_put(ir_dev *dev, ir_mem *dst, const void *host)
{
    (void)dev, (void)dst, (void)host;
    return IR_OK;
}
static ir_status ideal_no_get(ir_dev *dev, const ir_mem *src, void *host)
{
    (void)dev;
    memset(host, 0, src->bytes);
    return IR_OK;
}
static ir_status ideal_nothing(ir_dev *dev)
{
    (void)dev;
    return IR_OK;
}
static double    ideal_now(ir_dev *dev) { return ((ideal *)dev->self)->clock_s; }
static ir_status stop(ir_dev *dev, double *dev_s)
{
    (void)dev;
    *dev_s = NAN;
    return IR_OK;
}

/* Its clock is its own: what others take of this host's says nothing of its times. */
static void ideal_taken(ir_dev *dev, double *steal_s, double *total_s, double *throttle_n)
{
    *steal_s = *throttle_n = 0;
    *total_s = ideal_now(dev);
}

const ir_backend ir_ideal_backend = {.name = "ideal",
                                     .kernels = kernels,
                                     .open = open_ideal,
                                     .known_ceilings = ir_ideal_ceilings,
                                     .close = close_ideal,
                                     .describe = ideal_describe,
                                     .alloc = ideal_no_alloc,
                                     .release = ideal_no_release,
                                     .put = ideal_no_put,
                                     .get = ideal_no_get,
                                     .sync = ideal_nothing,
                                     .now = ideal_now,
                                     .start = ideal_nothing,
                                     .stop = stop,
                                     .taken = ideal_taken};

static ir_ceiling ideal_ceiling(ir_what what, const char *level, const char *op, ir_dtype t, double value,
                                double read_frac)
{
    ir_ceiling c = {.what = what,
                    .dtype = t,
                    .threads = 1,
                    .value = value,
                    .lo = value,
                    .hi = value,
                    .theory = value,
                    .read_frac = read_frac,
                    .size_B = NAN,
                    .source = IR_SRC_THEORY};
    snprintf(c.device, sizeof c.device, "ideal0");
    snprintf(c.level, sizeof c.level, "%s", level);
    snprintf(c.op, sizeof c.op, "%s", op);
    snprintf(c.kernel, sizeof c.kernel, "ideal");
    return c;
}

ir_status ir_ideal_ceilings(const ir_dev *dev, ir_ceilings *out)
{
    const ideal *d = dev->self;
    static const struct {
        const char *op;
        double      read_frac;
    } mix[] = {{"read", 1}, {"copy", .5}, {"write", 0}};
    ir_status s = IR_OK;
    for (size_t i = 0; i < sizeof mix / sizeof *mix && s == IR_OK; i++) {
        ir_ceiling c =
            ideal_ceiling(IR_C_BANDWIDTH, "DRAM", mix[i].op, IR_NDTYPE, d->o.BW_ceiling, mix[i].read_frac);
        s = ir_ceilings_add(out, &c);
    }
    for (int t = 0; t < IR_NDTYPE && s == IR_OK; t++) {
        ir_ceiling c =
            ideal_ceiling(IR_C_FLOPS, "", "fma", (ir_dtype)t, d->o.R_ceiling * dtype_rate((ir_dtype)t), NAN);
        s = ir_ceilings_add(out, &c);
    }
    ir_ceiling c = ideal_ceiling(IR_C_LAUNCH, "", "forkjoin", IR_NDTYPE, d->o.L_lat, NAN);
    return s == IR_OK ? ir_ceilings_add(out, &c) : s;
}
