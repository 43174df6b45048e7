/* fields.c -- the table of a machine's figures: path, what it is, what it may be; how one is set, and what
 * they must obey together. A file and --model go through the same table. */
#include "kernels/model/machine.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* least: smallest value allowed; above: that value itself is not. without: what an absent figure means; NAN:
 * it must be given. */
typedef struct {
    const char *path, *what;
    size_t      off;
    double      least, most, without;
    bool        above, whole;
} figure;

#define AT(f) offsetof(model_machine, f)
#define COUNT(p, f, w, lo, hi, d) \
    { \
        p, w, AT(f), lo, hi, d, false, true \
    }
#define RATE(p, f, w, d) \
    { \
        p, w, AT(f), 0, 1e18, d, true, false \
    }
#define TIME(p, f, w, d) \
    { \
        p, w, AT(f), 0, 1e4, d, false, false \
    }
#define SHARE(p, f, w, lo, hi, d) \
    { \
        p, w, AT(f), lo, hi, d, false, false \
    }
static const figure figures[] = {
    COUNT("gpu", gpu, "1: a device with memory of its own", 0, 1, 0),
    COUNT("cores", cores, "cores, or a GPU's processors", 1, 1024, NAN),
    COUNT("smt", smt, "hardware threads of a core", 1, 8, 1),
    COUNT("dies", dies, "dies of a socket", 1, 64, 1),
    COUNT("nodes", nodes, "NUMA nodes", 1, 64, 1),
    COUNT("slow_cores", slow_cores, "of the cores, those of the slower kind", 0, 1023, 0),
    SHARE("slow_share", slow_share, "rate of a slow core over that of a fast one", 0.01, 1, 1),
    SHARE("memory.nt", memory.nt, "non-temporal stores over regular ones without their reads", 0, 4, 0),
    SHARE("memory.evade", memory.evade, "share of write-allocates that full lines spare", 0, 1, 0),
    SHARE("memory.lines", memory.lines, "demand misses that a core keeps in flight", 1, 4096, NAN),
    SHARE("memory.prefetch", memory.prefetch, "lines that a core's streams keep in flight", 1, 65536, NAN),
    SHARE("memory.gather", memory.gather, "lines that a core's gathers keep in flight", 1, 65536, 10),
    RATE("clock.one_Hz", clock.one_Hz, "clock with one core busy", NAN),
    RATE("clock.all_Hz", clock.all_Hz, "clock with all cores busy", NAN),
    SHARE("clock.wide", clock.wide, "clock under the widest vectors, a share", 0.1, 1, 1),
    SHARE("need.chains", need.chains, "independent chains that fill a core", 1, 24, 8),
    SHARE("need.streams", need.streams, "streams that fill a GPU's processor", 1, 8, 1),
    TIME("launch.first_s", launch.first_s, "an empty region of one thread, or a queued kernel", NAN),
    TIME("launch.thread_s", launch.thread_s, "more for each doubling of threads", 0),
    TIME("launch.sync_s", launch.sync_s, "more where each launch is waited for", 0),
    TIME("launch.graph_s", launch.graph_s, "a node of a graph; 0: no graphs", 0),
    SHARE("link_Bps", link_Bps, "link between host and GPU", 0, 1e15, 0),
    SHARE("local_Bps", local_Bps, "local memory of all processors", 0, 1e18, 0),
    SHARE("link_overlap", link_overlap, "copies hidden behind kernels", 0, 1, 0),
    COUNT("wave", wave, "outputs that a processor works on at once; 0: no waves", 0, 1e9, 0),
    SHARE("disturb.noise", disturb.noise, "sd of the logarithm of a batch's time", 0, 1, 0),
    SHARE("disturb.state", disturb.state, "bandwidth in memory's other state; 0: one state", 0, 1, 0),
    TIME("disturb.state_s", disturb.state_s, "mean seconds in each state", 1),
    SHARE("disturb.drift", disturb.drift, "swing of the clock about its mean", 0, 0.5, 0),
    TIME("disturb.drift_s", disturb.drift_s, "its period", 60),
    SHARE("disturb.neighbour", disturb.neighbour, "memory bandwidth that another guest takes", 0, 0.95, 0),
    TIME("disturb.neighbour_s", disturb.neighbour_s, "mean seconds it is there, and away", 1),
    SHARE("disturb.preempt_Hz", disturb.preempt_Hz, "how often a core is taken away", 0, 1e4, 0),
    TIME("disturb.preempt_s", disturb.preempt_s, "for how long", 4e-3),
    SHARE("disturb.steal", disturb.steal, "share of each core's time that is stolen", 0, 0.95, 0),
    SHARE("disturb.quota", disturb.quota, "cores' worth of time that may be used; 0: no quota", 0, 1024, 0),
    TIME("disturb.quota_s", disturb.quota_s, "the quota's period", 0.1),
    SHARE("disturb.throttle", disturb.throttle, "clock after a while of load, a share; 0: it stays", 0, 1, 0),
    TIME("disturb.throttle_s", disturb.throttle_s, "after how many seconds", 10),
    SHARE("disturb.clock_lag", disturb.clock_lag, "how much lower than it runs the clock reads", 0, 0.5, 0),
    SHARE("disturb.pair", disturb.pair, "throughput of two threads over one; 0: cores of their own", 0, 2, 0),
    SHARE("energy.move_JpB", energy.move_JpB, "energy of a byte from memory", 0, 1, 0),
    SHARE("energy.comp_JpF", energy.comp_JpF, "energy of a flop", 0, 1, 0),
    SHARE("energy.base_W", energy.base_W, "power besides; 0: no counter of energy", 0, 1e6, 0),
    TIME("energy.tick_s", energy.tick_s, "how often the counter renews itself; 0: always", 0),
    SHARE("energy.wrap_J", energy.wrap_J, "where the counter starts again; 0: never", 0, 1e12, 0),
    COUNT("seed", seed, "of every disturbance", 0, 9e15, 1)};
enum { NFIGURE = sizeof figures / sizeof *figures };

#undef AT
#define AT(f) offsetof(model_level, f)
static const figure level_figures[] = {
    RATE("size_B", size_B, "capacity of one instance", NAN),
    COUNT("cores", cores, "cores that share an instance", 1, 1024, NAN),
    {"latency_s", "one dependent load", AT(latency_s), 0, 1, NAN, true, false},
    RATE("core_Bps", core_Bps, "what one core reads", NAN),
    RATE("all_Bps", all_Bps, "what one instance gives all cores", NAN),
    {"write", "stores over reads", AT(write), 0, 8, 1, true, false},
    SHARE("mix", mix, "gain of mixing reads and stores, half and half", -0.9, 4, 0)};
#undef AT
#define AT(f) offsetof(model_far, f)
static const figure far_figures[] = {
    {"latency_s", "one dependent load of far memory", AT(latency_s), 0, 1, NAN, true, false},
    RATE("core_Bps", core_Bps, "what one core reads of it", NAN),
    RATE("all_Bps", all_Bps, "what it gives all cores of a node", NAN)};
#undef AT
#define AT(f) offsetof(model_kernel, f)
static const figure kernel_figures[] = {
    {"data", "share of the bandwidth that the kernels reach", AT(data), 0, 1, 1, true, false},
    {"comp", "share of the peak that the kernels reach", AT(comp), 0, 1, 1, true, false},
    SHARE("overlap", overlap, "p of the norm over data and arithmetic: 1 adds, 64 is the larger", 1, 64, 1)};
enum {
    NLEVELF = sizeof level_figures / sizeof *level_figures,
    NFARF = sizeof far_figures / sizeof *far_figures,
    NKERNELF = sizeof kernel_figures / sizeof *kernel_figures
};
static const char *const class_name[MODEL_NCLASS] = {"stream", "gemm", "gemv", "conv", "net", "op"};
/* Short words of --model: the law's own. s and eta scale every class. */
static const struct {
    const char *word, *path;
} word[] = {{"noise", "disturb.noise"},       {"steal", "disturb.steal"}, {"quota", "disturb.quota"},
            {"drift", "disturb.drift"},       {"state", "disturb.state"}, {"neighbour", "disturb.neighbour"},
            {"throttle", "disturb.throttle"}, {"pair", "disturb.pair"},   {"launch", "launch.first_s"}};
enum { NWORD = sizeof word / sizeof *word };

static double *field_at(void *base, const figure *f) { return (double *)((char *)base + f->off); }

static void put_defaults(void *base, const figure *f, size_t n)
{
    for (size_t i = 0; i < n; i++) *field_at(base, &f[i]) = f[i].without;
}

void model_defaults(model_machine *m)
{
    memset(m, 0, sizeof *m);
    put_defaults(m, figures, NFIGURE);
    for (int l = 0; l < MODEL_LEVELS; l++) put_defaults(&m->level[l], level_figures, NLEVELF);
    for (int i = 0; i < MODEL_FAR; i++) put_defaults(&m->far[i], far_figures, NFARF);
    for (int k = 0; k < MODEL_NCLASS; k++) put_defaults(&m->kernel[k], kernel_figures, NKERNELF);
}

/* ---- one figure ------------------------------------------------------------------------------ */
static ir_status allowed(const char *path, const figure *f, double v)
{
    bool fine = isfinite(v) && v <= f->most && (f->above ? v > f->least : v >= f->least);
    if (fine && (!f->whole || v == floor(v))) return IR_OK;
    return ir_fail(IR_EINVAL, "%s: %.6g is not allowed: %s%s %.6g up to %.6g (%s)", path, v,
                   f->whole ? "a whole number " : "", f->above ? "above" : "from", f->least, f->most,
                   f->what);
}

static const figure *named(const figure *f, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(f[i].path, name)) return &f[i];
    return NULL;
}

static ir_status fields_unknown(const char *path, const char *where, const figure *f, size_t n)
{
    char   list[120] = "";
    size_t m = 0;
    for (size_t i = 0; i < n && m < sizeof list; i++)
        m += (size_t)snprintf(list + m, sizeof list - m, "%s%s", i ? " " : "", f[i].path);
    return ir_fail(IR_EINVAL, "%s: no such figure; %s has %s%s", path, where, list,
                   m < sizeof list ? "" : "...");
}

static ir_status fields_put(const char *path, void *base, const figure *f, double v)
{
    ir_status st = allowed(path, f, v);
    if (st == IR_OK) *field_at(base, f) = v;
    return st;
}

static ir_status set_level(model_machine *m, const char *path, double v)
{
    char *end;
    long  l = strtol(path + strlen("level["), &end, 10);
    if (strncmp(end, "].", 2) != 0 || l < 0 || l >= MODEL_LEVELS)
        return ir_fail(IR_EINVAL, "%s: levels are level[0] to level[%d]: caches, then memory", path,
                       MODEL_LEVELS - 1);
    const figure *f = named(level_figures, NLEVELF, end + 2);
    if (!f) return fields_unknown(path, "a level", level_figures, NLEVELF);
    ir_status st = fields_put(path, &m->level[l], f, v);
    if (st == IR_OK && l >= m->nlevel) m->nlevel = (int)l + 1;
    return st;
}

static ir_status set_far(model_machine *m, const char *path, double v)
{
    char *end;
    long  i = strtol(path + strlen("far["), &end, 10);
    if (strncmp(end, "].", 2) != 0 || i < 0 || i >= MODEL_FAR)
        return ir_fail(IR_EINVAL, "%s: far memories are far[0] to far[%d]", path, MODEL_FAR - 1);
    const figure *f = named(far_figures, NFARF, end + 2);
    if (!f) return fields_unknown(path, "far memory", far_figures, NFARF);
    ir_status st = fields_put(path, &m->far[i], f, v);
    if (st == IR_OK && i >= m->nfar) m->nfar = (int)i + 1;
    return st;
}

static ir_status set_kernel(model_machine *m, const char *path, double v)
{
    const char *at = path + strlen("kernel."), *dot = strchr(at, '.');
    int         k = 0;
    while (k < MODEL_NCLASS && !(dot && strlen(class_name[k]) == (size_t)(dot - at) &&
                                 !strncmp(class_name[k], at, (size_t)(dot - at))))
        k++;
    if (k == MODEL_NCLASS)
        return ir_fail(IR_EINVAL,
                       "%s: kernels are stream, gemm, gemv, conv, net or op, then .data .comp .overlap",
                       path);
    const figure *f = named(kernel_figures, NKERNELF, dot + 1);
    return f ? fields_put(path, &m->kernel[k], f, v)
             : fields_unknown(path, "a kernel", kernel_figures, NKERNELF);
}

static ir_status set_peak(double peak[IR_NDTYPE], const char *path, const char *type, double v)
{
    static const figure f = {"", "flop a cycle and core; 0: none", 0, 0, 1e7, 0, false, false};
    ir_dtype            t;
    if (ir_dtype_parse(type, &t) != IR_OK)
        return ir_fail(IR_EINVAL, "%s: types are f64 f32 tf32 f16 bf16 f8 i8 i4", path);
    ir_status st = allowed(path, &f, v);
    if (st == IR_OK) peak[t] = v;
    return st;
}

static ir_status fields_set_text(model_machine *m, const char *path, const char *text)
{
    const char *key = path + strlen("source.");
    if (!strcmp(path, "name")) return snprintf(m->name, sizeof m->name, "%s", text), IR_OK;
    if (!strcmp(path, "about")) return snprintf(m->about, sizeof m->about, "%s", text), IR_OK;
    if (strncmp(path, "source.", strlen("source.")) != 0)
        return ir_fail(IR_EINVAL, "%s: a number expected, not '%.40s'", path, text);
    if (m->nsource == MODEL_SOURCES)
        return ir_fail(IR_EINVAL, "%s: more than %d sources", path, MODEL_SOURCES);
    snprintf(m->source[m->nsource].path, sizeof m->source->path, "%s", key);
    snprintf(m->source[m->nsource++].from, sizeof m->source->from, "%s", text);
    return IR_OK;
}

static bool fields_begins(const char *s, const char *with) { return !strncmp(s, with, strlen(with)); }

ir_status model_set(model_machine *m, const char *path, double v, const char *text)
{
    if (text) return fields_set_text(m, path, text);
    if (fields_begins(path, "level[")) return set_level(m, path, v);
    if (fields_begins(path, "far[")) return set_far(m, path, v);
    if (fields_begins(path, "kernel.")) return set_kernel(m, path, v);
    if (fields_begins(path, "peak.")) return set_peak(m->peak, path, path + strlen("peak."), v);
    if (fields_begins(path, "matrix.")) return set_peak(m->matrix, path, path + strlen("matrix."), v);
    const figure *f = named(figures, NFIGURE, path);
    if (f) return fields_put(path, m, f, v);
    return ir_fail(IR_EINVAL, "%.60s: no such figure of a machine ('ironroof list model' prints them all)",
                   path);
}

/* ---- --model --------------------------------------------------------------------------------- */
static ir_status scale_all(model_machine *m, const char *key, size_t off, double v)
{
    if (!(v > 0 && v <= 1)) return ir_fail(IR_EINVAL, "%s: %.6g is not allowed: above 0 up to 1", key, v);
    for (int k = 0; k < MODEL_NCLASS; k++) *(double *)((char *)&m->kernel[k] + off) *= v;
    return IR_OK;
}

static ir_status set_pair(model_machine *m, const char *key, double v)
{
    if (!strcmp(key, "s")) return scale_all(m, key, offsetof(model_kernel, data), v);
    if (!strcmp(key, "eta")) return scale_all(m, key, offsetof(model_kernel, comp), v);
    if (!strcmp(key, "vary")) {
        if (!(v >= 0 && v < 9e15 && v == floor(v)))
            return ir_fail(IR_EINVAL,
                           "vary: %.6g is not allowed: a whole number from 0 (a seed; 0: as described)", v);
        model_vary(m, (uint64_t)v);
        return IR_OK;
    }
    for (size_t i = 0; i < NWORD; i++)
        if (!strcmp(key, word[i].word)) return model_set(m, word[i].path, v, NULL);
    return model_set(m, key, v, NULL);
}

ir_status model_set_all(model_machine *m, const char *pairs)
{
    char      key[80], *end;
    ir_status st = IR_OK;
    while (*pairs && st == IR_OK) {
        const char *eq = strchr(pairs, '='), *comma = strchr(pairs, ',');
        if (!eq || (comma && comma < eq) || eq == pairs || (size_t)(eq - pairs) >= sizeof key)
            return ir_fail(IR_EINVAL, "--model: '%.40s': key=value,key=value expected", pairs);
        snprintf(key, sizeof key, "%.*s", (int)(eq - pairs), pairs);
        double v = strtod(eq + 1, &end);
        if (end == eq + 1 || (*end && *end != ','))
            return ir_fail(IR_EINVAL, "--model: %s: '%.40s' is no number", key, eq + 1);
        st = set_pair(m, key, v);
        if (st != IR_OK) return ir_fail(st, "--model: %s", ir_why());
        pairs = *end ? end + 1 : end;
    }
    return IR_OK;
}

/* ---- all together ---------------------------------------------------------------------------- */
static ir_status given(const char *prefix, const void *base, const figure *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(*(const double *)((const char *)base + f[i].off)))
            return ir_fail(IR_EINVAL, "%s%s: missing: %s %.6g up to %.6g (%s)", prefix, f[i].path,
                           f[i].above ? "above" : "from", f[i].least, f[i].most, f[i].what);
    return IR_OK;
}

static ir_status check_levels(const model_machine *m)
{
    char      prefix[32];
    ir_status st = IR_OK;
    if (m->nlevel < 2)
        return ir_fail(IR_EINVAL, "level: %d given: 2 to %d (caches, then memory)", m->nlevel, MODEL_LEVELS);
    for (int l = 0; l < m->nlevel && st == IR_OK; l++) {
        const model_level *x = &m->level[l], *in = l ? x - 1 : NULL;
        snprintf(prefix, sizeof prefix, "level[%d].", l);
        st = given(prefix, x, level_figures, NLEVELF);
        if (st == IR_OK && x->cores > m->cores)
            st = ir_fail(IR_EINVAL, "%scores: %g: the machine has %g", prefix, x->cores, m->cores);
        if (st == IR_OK && in && !(x->size_B > in->size_B))
            st = ir_fail(IR_EINVAL, "%ssize_B: %g: more than the %g of the level before it", prefix,
                         x->size_B, in->size_B);
        if (st == IR_OK && in && !(x->latency_s > in->latency_s))
            st = ir_fail(IR_EINVAL, "%slatency_s: %g: more than the %g of the level before it", prefix,
                         x->latency_s, in->latency_s);
        if (st == IR_OK && in && x->core_Bps > in->core_Bps)
            st = ir_fail(IR_EINVAL, "%score_Bps: %g: at most the %g of the level before it", prefix,
                         x->core_Bps, in->core_Bps);
    }
    return st;
}

/* Far memory is no nearer than a node's own. */
static ir_status check_far(const model_machine *m)
{
    char               prefix[32];
    const model_level *own = &m->level[m->nlevel - 1];
    ir_status          st = IR_OK;
    if (m->nfar > 0 && m->gpu > 0) return ir_fail(IR_EINVAL, "far: a GPU's memory is one");
    for (int i = 0; i < m->nfar && st == IR_OK; i++) {
        snprintf(prefix, sizeof prefix, "far[%d].", i);
        st = given(prefix, &m->far[i], far_figures, NFARF);
        if (st == IR_OK && m->far[i].latency_s < own->latency_s)
            st = ir_fail(IR_EINVAL, "%slatency_s: %g: at least the %g of level[%d]", prefix,
                         m->far[i].latency_s, own->latency_s, m->nlevel - 1);
    }
    return st;
}

ir_status model_check(const model_machine *m)
{
    ir_status st = *m->name ? IR_OK : ir_fail(IR_EINVAL, "name: missing: a text");
    if (st == IR_OK) st = given("", m, figures, NFIGURE);
    if (st == IR_OK) st = check_levels(m);
    if (st == IR_OK) st = check_far(m);
    if (st != IR_OK) return st;
    for (ir_dtype t = IR_F64; t <= IR_F32; t++)
        if (!(m->peak[t] > 0))
            return ir_fail(IR_EINVAL, "peak.%s: missing: above 0 (flop a cycle and core)", ir_dtype_name(t));
    if (m->clock.all_Hz > m->clock.one_Hz)
        return ir_fail(IR_EINVAL, "clock.all_Hz: %g: at most clock.one_Hz, %g", m->clock.all_Hz,
                       m->clock.one_Hz);
    if (m->slow_cores >= m->cores)
        return ir_fail(IR_EINVAL, "slow_cores: %g: fewer than cores, %g", m->slow_cores, m->cores);
    if (m->memory.prefetch < m->memory.lines)
        return ir_fail(IR_EINVAL, "memory.prefetch: %g: at least memory.lines, %g", m->memory.prefetch,
                       m->memory.lines);
    if (m->disturb.quota > m->cores)
        return ir_fail(IR_EINVAL, "disturb.quota: %g: at most cores, %g", m->disturb.quota, m->cores);
    if (m->gpu > 0 && (!(m->link_Bps > 0) || !(m->local_Bps > 0)))
        return ir_fail(IR_EINVAL, "%s: missing: a GPU has one (above 0)",
                       m->link_Bps > 0 ? "local_Bps" : "link_Bps");
    return IR_OK;
}

static void print_figures(FILE *out, const char *prefix, const figure *f, size_t n)
{
    char path[64], without[32];
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s%s", prefix, f[i].path);
        if (isnan(f[i].without))
            snprintf(without, sizeof without, "must be given");
        else
            snprintf(without, sizeof without, "else %.6g", f[i].without);
        fprintf(out, "%-26s %s %-6.6g to %-8.6g %-14s %s\n", path, f[i].above ? "above" : "from ", f[i].least,
                f[i].most, without, f[i].what);
    }
}

void model_fields_print(FILE *out)
{
    print_figures(out, "", figures, NFIGURE);
    print_figures(out, "level[N].", level_figures, NLEVELF);
    print_figures(out, "far[N].", far_figures, NFARF);
    print_figures(out, "kernel.CLASS.", kernel_figures, NKERNELF);
    fprintf(out, "%-26s flop a cycle and core of the vector, and of the matrix units; 0: none\n",
            "peak.TYPE, matrix.TYPE");
    fprintf(out, "classes: stream gemm gemv conv net op; short in --model: s eta vary");
    for (size_t i = 0; i < NWORD; i++) fprintf(out, " %s", word[i].word);
    fputc('\n', out);
}
