/* doctor.c -- is this machine ready to be measured? One table row per finding; each looks at the environment
 * record, at what others did during a second, or at a file of its own. */
#define _GNU_SOURCE
#include "harness/machine/doctor.h"
#include "harness/left_out.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char   *name;
    ir_finding_fn look;
} findings[] = {
    {"governor", ir_doctor_governor},
    {"turbo", ir_doctor_turbo},
    {"SMT", ir_doctor_smt},
    {"power", ir_doctor_power},
    {"huge pages", ir_doctor_huge_pages},
    {"NUMA balancing", ir_doctor_numa},
    {"CPU quota", ir_doctor_quota},
    {"memory limit", ir_doctor_memory},
    {"CPU set", ir_doctor_cpuset},
    {"clock source", ir_doctor_clock_source},
    {"variables", ir_doctor_variables},
    {"steal", ir_doctor_steal},
    {"load", ir_doctor_load},
    {"CPU users", ir_doctor_users},
    {"counters", ir_doctor_counters},
    {"energy", ir_doctor_energy},
    {"GPU", ir_doctor_gpu},
    {"GPU clocks", ir_doctor_gpu_clocks},
};
enum { NFINDINGS = sizeof findings / sizeof *findings };
_Static_assert((int)NFINDINGS <= (int)IR_MAX_FINDINGS, "room for every finding");

const char *ir_checkup_text(const ir_checkup *c, const char *key)
{
    const ir_kv *v = ir_env_get(&c->env, key);
    return v && !v->is_num ? v->text : "";
}

double ir_checkup_num(const ir_checkup *c, const char *key)
{
    const ir_kv *v = ir_env_get(&c->env, key);
    return v && v->is_num ? v->num : NAN;
}

bool ir_checkup_guest(const ir_checkup *c)
{
    const char *v = ir_checkup_text(c, "virtualised");
    return *v && strcmp(v, "none") != 0;
}

void ir_finding_ok(ir_finding *f, const char *fmt, ...)
{
    va_list ap;
    f->state = IR_FINDING_OK;
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
}

void ir_finding_unknown(ir_finding *f, const char *fmt, ...)
{
    va_list ap;
    f->state = IR_FINDING_UNKNOWN;
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
}

void ir_finding_fix(ir_finding *f, const char *fix, const char *fmt, ...)
{
    va_list ap;
    f->state = IR_FINDING_FIX;
    snprintf(f->fix, sizeof f->fix, "%s", fix);
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
}

/* ---- looking --------------------------------------------------------------------------------- */
/* What others do in a second. Below a root the later reading stands in later/, one second after. */
static void watch_others(const char *root, ir_checkup *c)
{
    struct timespec pause = {1, 0};
    char            later[1024] = "";
    ir_load         a, b;
    ir_tasks        was = {0}, now = {0};
    if (*root) snprintf(later, sizeof later, "%s/later", root);
    ir_cpumask allowed;
    ir_affinity_given(root, &allowed);
    ir_load_read_at(root, &allowed, &a);
    bool ok = ir_tasks_read(root, &was) == IR_OK;
    if (!*root) nanosleep(&pause, NULL);
    ir_load_read_at(later, &allowed, &b);
    if (*root) b.t_s = a.t_s + 1, b.own_s = a.own_s;
    b.quota_cpus = a.quota_cpus;
    c->load = ir_load_between(&a, &b);
    if (ok && ir_tasks_read(later, &now) == IR_OK)
        c->nuser = ir_tasks_busiest(&was, &now, b.t_s - a.t_s, c->user);
    ir_tasks_free(&was);
    ir_tasks_free(&now);
}

static ir_status describe_tree(const char *root, ir_topology *t)
{
    ir_cpumask allowed;
    ir_affinity_given(root, &allowed);
    return ir_topology_sysfs(root, &allowed, t);
}

int ir_doctor(const char *root, ir_finding out[IR_MAX_FINDINGS])
{
    ir_checkup *c = calloc(1, sizeof *c);
    int         n = 0;
    if (!c) {
        ir_left_out("every finding");
        return 0;
    }
    c->root = root;
    ir_env_init(&c->env);
    ir_status s = *root ? describe_tree(root, &c->topo) : ir_topology_load(NULL, &c->topo);
    if (s == IR_OK) (void)ir_env_collect_at(root, &c->topo, &c->env); /* what it found of it is there */
    watch_others(root, c);
    for (; n < NFINDINGS; n++) {
        out[n] = (ir_finding){.name = findings[n].name};
        findings[n].look(c, &out[n]);
    }
    ir_env_free(&c->env);
    free(c);
    return n;
}
