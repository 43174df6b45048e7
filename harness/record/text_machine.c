/* text_machine.c -- the device and what it runs under, a screenful: the record has every field. */
#include "harness/record/text.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

typedef struct {
    char   text[1024];
    size_t n;
} line;

__attribute__((format(printf, 2, 3))) static void text_machine_add(line *l, const char *fmt, ...)
{
    va_list ap;
    if (l->n >= sizeof l->text) return;
    if (l->n) l->n += (size_t)snprintf(l->text + l->n, sizeof l->text - l->n, "; ");
    if (l->n >= sizeof l->text) return;
    va_start(ap, fmt);
    l->n += (size_t)vsnprintf(l->text + l->n, sizeof l->text - l->n, fmt, ap);
    va_end(ap);
}

static const char *env_text(const ir_env *e, const char *key)
{
    const ir_kv *v = ir_env_get(e, key);
    return v && !v->is_num ? v->text : "";
}

static double env_num(const ir_env *e, const char *key)
{
    const ir_kv *v = ir_env_get(e, key);
    return v && v->is_num ? v->num : NAN;
}

static void add_text(line *l, const ir_env *e, const char *key, const char *label)
{
    const char *v = env_text(e, key);
    if (*v) text_machine_add(l, "%s%s%s", label, *label ? " " : "", v);
}

static void add_count(line *l, double n, const char *noun)
{
    if (n > 0) text_machine_add(l, "%.0f %s%s", n, noun, n == 1 ? "" : "s");
}

static void add_scaled(line *l, double v, const char *unit, const char *label)
{
    char num[IR_NUM];
    if (isfinite(v))
        text_machine_add(l, "%s%s%s", label, *label ? " " : "", ir_text_scaled(v, unit, num, sizeof num));
}

static void print(const ir_text *t, const char *lead, const line *l)
{
    if (l->n) ir_text_para(t, lead, "%s", l->text);
}

static void hardware(const ir_text *t, const ir_device_info *d, const ir_env *e)
{
    line l = {"", 0};
    add_count(&l, d->cores, "core");
    add_count(&l, d->threads, "thread");
    add_count(&l, d->numa_nodes, "NUMA node");
    add_scaled(&l, d->clock_Hz, "Hz", "");
    add_scaled(&l, d->mem_B, "B", "memory");
    add_scaled(&l, d->llc_B, "B", "last-level cache");
    if (env_num(e, "cpuset_limited") == 1)
        text_machine_add(&l, "limited to part of %.0f threads", env_num(e, "threads_machine"));
    add_text(&l, e, "isa", "");
    print(t, "  device  ", &l);
    l = (line){"", 0};
    add_scaled(&l, d->spec_Bps, "B/s", "memory");
    for (ir_dtype i = 0; i < IR_NDTYPE; i++)
        add_scaled(&l, d->spec_flops[i], ir_text_op_unit(i), ir_dtype_name(i));
    print(t, "  specs   ", &l);
}

/* What changes results and is easily overlooked. */
static void known_limits(line *l, const ir_env *e)
{
    const char *source = env_text(e, "clocksource");
    double      quota = env_num(e, "cgroup_cpu_quota"), limit = env_num(e, "cgroup_mem_limit_B");
    if (isfinite(quota)) text_machine_add(l, "CPU quota %.3g CPUs", quota);
    if (limit < env_num(e, "mem_B")) add_scaled(l, limit, "B", "memory limit");
    if (ir_clocksource_slow(source)) text_machine_add(l, "clock source %s (slow)", source);
    add_text(l, e, "variables", "variables:");
    add_text(l, e, "affinity_taken_by", "CPUs taken away and taken back:");
}

static void state(const ir_text *t, const ir_env *e)
{
    line l = {"", 0};
    add_text(&l, e, "os", "");
    add_text(&l, e, "kernel", "kernel");
    add_text(&l, e, "virtualised", "virtualised:");
    add_text(&l, e, "container", "container:");
    print(t, "  system  ", &l);
    l = (line){"", 0};
    add_text(&l, e, "governor", "governor");
    add_text(&l, e, "boost", "boost");
    add_text(&l, e, "power_mode", "power mode");
    add_text(&l, e, "power_source", "power");
    add_text(&l, e, "pin", "pinned:");
    add_text(&l, e, "pages", "pages:");
    add_text(&l, e, "thp", "huge pages");
    known_limits(&l, e);
    if (isfinite(env_num(e, "load_1min"))) text_machine_add(&l, "load %.2f", env_num(e, "load_1min"));
    if (isfinite(env_num(e, "pair_ratio_start")))
        text_machine_add(&l, "two threads run %.2f x one", env_num(e, "pair_ratio_start"));
    if (isfinite(env_num(e, "pair_ratio_end")))
        text_machine_add(&l, "%.2f x at the end", env_num(e, "pair_ratio_end"));
    print(t, "  state   ", &l);
}

void ir_text_quality(const ir_text *t, const ir_quality *q, int most)
{
    static const char *const lead[IR_NQUALITY] = {"quality: good", "! quality: NOISY", "! quality: UNUSABLE"};
    char                     text[1800] = "";
    size_t                   n = 0;
    for (int i = 0; i < q->ncause && i < most && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? "; " : "", q->cause[i].text);
    ir_quality_value v = (unsigned)q->value < IR_NQUALITY ? q->value : IR_QUALITY_UNUSABLE;
    if (v == IR_QUALITY_GOOD)
        ir_text_para(t, "", "%s: nothing disturbed this run", lead[v]);
    else
        ir_text_para(t, "", "%s. %s. What to do: ironroof doctor", lead[v], n ? text : "No cause is known");
}

void ir_text_past_quality(const ir_text *t, const char *lead, const ir_quality *q)
{
    if (!q || q->value == IR_QUALITY_GOOD) return;
    ir_text_para(t, lead, "! that run was %s%s%s",
                 q->value == IR_QUALITY_NOISY ? "noisy" : "unusable: nothing rests on its figures",
                 q->ncause ? "; " : "", q->ncause ? q->cause[0].text : "");
}

static void text_machine_build(const ir_text *t, const ir_env *e)
{
    line l = {"", 0};
    char key[17];
    add_text(&l, e, "git_revision", "revision");
    add_text(&l, e, "compiler", "");
    add_text(&l, e, "build_type", "");
    add_text(&l, e, "openblas", "");
    print(t, "  build   ", &l);
    l = (line){"", 0};
    add_text(&l, e, "tuning", "");
    print(t, "  tuned   ", &l);
    l = (line){"", 0};
    if (!e->n) return;
    ir_env_key(e, key);
    text_machine_add(&l, "%s (runs with the same key can be compared)", key);
    print(t, "  key     ", &l);
}

void ir_text_machine(const ir_text *t, const ir_device_info *d, const ir_env *e)
{
    char        lead[sizeof d->id + 2];
    const char *by = *d->driver ? d->driver : d->isa;
    snprintf(lead, sizeof lead, "%s  ", *d->id ? d->id : "device");
    ir_text_para(t, lead, "%s%s%s%s%s", *d->name ? d->name : "(no name)", *d->backend ? ", " : "", d->backend,
                 *by ? ", " : "", by);
    hardware(t, d, e);
    state(t, e);
    text_machine_build(t, e);
}
