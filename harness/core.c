/* core.c -- names of the enums, error text, bfloat16, point identity: what ironroof.h declares. */
#include "harness/ironroof.h"
#include "harness/left_out.h"

#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

const char *const ir_level_names[IR_NLEVEL] = {"L1", "L2", "L3", "L4", "DRAM"};

static _Thread_local char why_text[512];
static atomic_bool        short_of_memory;

ir_status(ir_fail)(ir_status code, const char *fmt, ...)
{
    char    text[sizeof why_text]; /* arguments may include ir_why() itself */
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    memcpy(why_text, text, sizeof text);
    if (code == IR_ENOMEM) short_of_memory = true;
    return code;
}

bool ir_memory_was_short(void) { return short_of_memory; }

static _Atomic(const char *) left_out;
static atomic_uint           left_outs;

void ir_left_out(const char *what)
{
    const char *none = NULL;
    ir_fail(IR_ENOMEM, "no memory or descriptor: %s is missing", what);
    atomic_compare_exchange_strong(&left_out, &none, what);
    left_outs++;
}

const char *ir_left_out_first(void) { return left_out; }
unsigned    ir_left_out_count(void) { return left_outs; }

const char *ir_why(void) { return why_text; }

const char *ir_status_name(ir_status code)
{
    static const char *const name[] = {"ok", "skip",   "invalid",   "nomem",
                                       "io", "device", "incorrect", "interrupted"};
    return (unsigned)code < sizeof name / sizeof *name ? name[code] : "?";
}

static const struct {
    const char *name;
    double      bytes;
} dtypes[IR_NDTYPE] = {
    [IR_F64] = {"f64", 8},   [IR_F32] = {"f32", 4}, [IR_TF32] = {"tf32", 4}, [IR_F16] = {"f16", 2},
    [IR_BF16] = {"bf16", 2}, [IR_F8] = {"f8", 1},   [IR_I8] = {"i8", 1},     [IR_I4] = {"i4", 0.5}};

const char *ir_dtype_name(ir_dtype t) { return (unsigned)t < IR_NDTYPE ? dtypes[t].name : ""; }
double      ir_dtype_bytes(ir_dtype t) { return (unsigned)t < IR_NDTYPE ? dtypes[t].bytes : NAN; }

ir_status ir_dtype_parse(const char *s, ir_dtype *out)
{
    for (int t = 0; t < IR_NDTYPE; t++)
        if (!strcmp(s, dtypes[t].name)) {
            *out = (ir_dtype)t;
            return IR_OK;
        }
    return ir_fail(IR_EINVAL, "unknown dtype '%s' (f64 f32 tf32 f16 bf16 f8 i8 i4)", s);
}

float ir_bf16_to_f32(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float    f;
    memcpy(&f, &u, sizeof f);
    return f;
}

uint16_t ir_f32_to_bf16(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    if ((u & 0x7FFFFFFFu) > 0x7F800000u) return (uint16_t)((u >> 16) | 0x40u);
    return (uint16_t)((u + 0x7FFFu + ((u >> 16) & 1u)) >> 16);
}

const char *ir_bound_name(ir_bound b)
{
    static const char *const name[IR_NBOUND] = {"unknown", "memory", "compute", "latency",
                                                "cache",   "mixed",  "code"};
    return (unsigned)b < IR_NBOUND ? name[b] : "?";
}

bool ir_bound_names_resource(ir_bound b)
{
    return b != IR_BOUND_UNKNOWN && b != IR_BOUND_MIXED && b != IR_BOUND_CODE;
}

const char *ir_flag_name(int bit)
{
    static const char *const name[IR_NFLAG] = {"smt-shared",     "throttled",      "steal",    "clock-drift",
                                               "cpuset-limited", "cache-resident", "bimodal",  "noisy",
                                               "suspect",        "within-run",     "preempted"};
    return bit >= 0 && bit < IR_NFLAG ? name[bit] : "?";
}

static void stats_init(ir_stats *s)
{
    memset(s, 0, sizeof *s);
    s->median = s->ci_lo = s->ci_hi = s->q25 = s->q75 = s->min = s->max = s->mean = s->sd = NAN;
    s->p90 = s->p95 = s->p99 = s->autocorr = s->mode_lo = s->mode_hi = NAN;
}

void ir_energy_init(ir_energy *e)
{
    memset(e, 0, sizeof *e);
    e->span_s = e->calls = e->ticks = e->W = e->J = e->lo = e->hi = e->idle_W = NAN;
    for (int i = 0; i < IR_ENERGY_PARTS; i++) e->part[i].J = NAN;
}

double ir_energy_above_idle(const ir_energy *e) { return e->J - e->idle_W * e->span_s / e->calls; }

void ir_counts_init(ir_counts *c)
{
    memset(c, 0, sizeof *c);
    c->span_s = c->calls = c->read_B = c->write_B = c->flops = c->l2_B = c->l3_B = NAN;
    c->cycles = c->instructions = c->background_Bps = NAN;
}

void ir_point_init(ir_point *p)
{
    memset(p, 0, sizeof *p);
    stats_init(&p->m.wall);
    stats_init(&p->m.dev);
    p->m.check.err = p->m.check.tol = NAN;
    p->m.warmup_s = p->m.overhead_s = p->m.joules = p->m.counted_B = p->m.clock_Hz = p->m.steal =
        p->m.bw_now = p->m.launch_now = NAN;
    p->m.mem_clock_Hz = p->m.power_W = p->m.temp_C = p->m.cpu_share = p->m.preemptions = NAN;
    ir_energy_init(&p->m.energy);
    ir_counts_init(&p->m.counts);
    p->law.T_law_s = p->law.term_data_s = p->law.term_comp_s = p->law.term_lat_s = NAN;
    p->law.mfu = p->law.mbu = p->law.eta = p->law.eta_star = p->law.ridge = p->law.margin = p->law.bound_p =
        NAN;
}

void ir_point_free(ir_point *p)
{
    free(p->m.samples.v);
    p->m.samples.v = NULL;
    p->m.samples.n = p->m.samples.cap = 0;
}

const char *ir_point_key(const ir_point *p, char buf[IR_ID])
{
    size_t n = (size_t)snprintf(buf, IR_ID, "%s/%s/%s:", p->id.backend, p->id.workload, p->id.kernel);
    for (int i = 0; i < p->id.np && n < IR_ID; i++) {
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)p->id.p.v[i]);
        n += (size_t)snprintf(buf + n, IR_ID - n, "%s=%s,", p->id.pname[i],
                              *p->id.pword[i] ? p->id.pword[i] : number);
    }
    if (n < IR_ID)
        n += (size_t)snprintf(buf + n, IR_ID - n, "dtype=%s,threads=%d,cache=%s",
                              ir_dtype_name(p->id.p.dtype), p->id.p.threads, p->id.cold ? "cold" : "hot");
    if (n < IR_ID && p->id.p.node > 0) snprintf(buf + n, IR_ID - n, ",node=%d", p->id.p.node - 1);
    return buf;
}

void ir_point_params(ir_point *o, const ir_workload *w, const ir_params *p)
{
    o->id.p = *p;
    for (o->id.np = 0; o->id.np < IR_MAX_PARAMS && w->param[o->id.np]; o->id.np++) {
        int         i = o->id.np;
        const char *word = ir_param_word(w, i, p->v[i]);
        snprintf(o->id.pname[i], sizeof o->id.pname[i], "%s", w->param[i]);
        snprintf(o->id.pword[i], sizeof o->id.pword[i], "%s", word ? word : "");
    }
}

const char *ir_param_word(const ir_workload *w, int i, int64_t v)
{
    const char *const *word = w->word[i];
    for (int64_t n = 0; word && word[n]; n++)
        if (n == v) return word[n];
    return NULL;
}

const ir_stats *ir_point_stats(const ir_point *p) { return p->m.dev.n > 0 ? &p->m.dev : &p->m.wall; }

double ir_point_time(const ir_point *p) { return p->status == IR_OK ? ir_point_stats(p)->median : NAN; }

/* The units users count in, by family; items are the product of these parameters. NULL family: any other.
 * network: its points are whole networks, not operators of one. */
static const struct {
    const char *family, *unit, *param[2];
    bool        network;
} item_units[] = {{"cnn", "image", {"batch", NULL}, true},
                  {"gpt", "token", {"batch", "tokens"}, true},
                  {"encoder", "sequence", {"batch", NULL}, true},
                  {"mixtral", "token", {"batch", "tokens"}, true},
                  {"dlrm", "sample", {"batch", NULL}, true},
                  {"moe", "token", {"tokens", NULL}, false},
                  {"bag", "", {NULL, NULL}, false},
                  {"layer", "", {NULL, NULL}, false},
                  {NULL, "sample", {"batch", NULL}, false}};

static size_t item_unit_of(const ir_point *p)
{
    size_t u = 0;
    while (item_units[u].family && strcmp(item_units[u].family, p->id.family) != 0) u++;
    return u;
}

bool ir_point_is_network(const ir_point *p) { return item_units[item_unit_of(p)].network; }

const char *ir_item_rate(const char *unit)
{
    static const char *const rate[][2] = {
        {"image", "img/s"}, {"token", "tok/s"}, {"sequence", "seq/s"}, {"sample", "sample/s"}};
    for (size_t i = 0; i < sizeof rate / sizeof *rate; i++)
        if (!strcmp(rate[i][0], unit)) return rate[i][1];
    return "";
}

static double param_value(const ir_point *p, const char *name)
{
    for (int i = 0; i < p->id.np; i++)
        if (!strcmp(p->id.pname[i], name)) return (double)p->id.p.v[i];
    return NAN;
}

double ir_point_items(const ir_point *p, const char **unit)
{
    const size_t u = item_unit_of(p);
    double       n = 1;
    for (int i = 0; i < 2 && item_units[u].param[i]; i++) n *= param_value(p, item_units[u].param[i]);
    if (!*item_units[u].unit || !(n > 0)) {
        *unit = "";
        return NAN;
    }
    *unit = item_units[u].unit;
    return n;
}

bool ir_params_same(const ir_params *a, const ir_params *b)
{
    return a->dtype == b->dtype && a->threads == b->threads && a->node == b->node &&
           !memcmp(a->v, b->v, sizeof a->v);
}
