/* agent.c -- see agent.h. Each round is a process of its own, started and bound in time by the child runner;
 * the first measures the ceilings, later ones take them from its record. */
#define _GNU_SOURCE
#include "bench/fleet/agent.h"
#include "harness/record/frame.h"
#include "bench/fleet/gather.h"
#include "bench/ab/child.h"
#include "bench/cli/version.h"
#include "harness/machine/machine.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_WORDS = 256 };
typedef struct {
    const ir_fleet_plan *plan;
    ir_fleet_node       *out;
    char                 self[1024], dir[4200], record[4300], first[4300];
    double               began_s;
} agent;

/* ---- who am I -------------------------------------------------------------------------------- */
static bool in_plan(const ir_fleet_plan *p, const char *name)
{
    for (size_t i = 0; i < p->nnode; i++)
        if (!strcmp(p->node[i], name)) return true;
    return false;
}

/* The name the engine gave, else the host's, whole or up to its first dot. A plan without names knows no
 * better: who asked finds the node by what the engine or the host calls it. */
static ir_status name_node(const ir_fleet_plan *p, ir_fleet_node *d)
{
    static const char *const given[] = {"IRONROOF_NODE", "SLURMD_NODENAME"};
    if (gethostname(d->host, sizeof d->host - 1) != 0) snprintf(d->host, sizeof d->host, "unknown");
    for (size_t i = 0; i < sizeof given / sizeof *given && !*d->node; i++) {
        const char *v = getenv(given[i]);
        if (v && (in_plan(p, v) || (!p->nnode && ir_fleet_is_name(v))))
            snprintf(d->node, sizeof d->node, "%s", v);
    }
    if (!*d->node && !p->nnode) snprintf(d->node, sizeof d->node, "%s", d->host);
    if (!*d->node && in_plan(p, d->host)) snprintf(d->node, sizeof d->node, "%s", d->host);
    char cut[IR_FLEET_NAME];
    snprintf(cut, sizeof cut, "%.*s", (int)strcspn(d->host, "."), d->host);
    if (!*d->node && in_plan(p, cut)) snprintf(d->node, sizeof d->node, "%s", cut);
    return *d->node ? IR_OK : ir_fail(IR_EINVAL, "host %s is not in the plan", d->host);
}

/* ---- one round's record ---------------------------------------------------------------------- */
static void blame(ir_fleet_node *d, const char *status, const char *why)
{
    if (strcmp(d->status, "ok")) return; /* the first one counts */
    snprintf(d->status, sizeof d->status, "%s", status);
    snprintf(d->why, sizeof d->why, "%s", why);
}

/* Median over points of what one call in ten takes at least, over the call's median. */
static void keep_tail(agent *a, const ir_record *r, int round)
{
    double v[IR_FLEET_POINTS];
    size_t n = 0;
    for (size_t i = 0; i < r->npoint && n < IR_FLEET_POINTS; i++) {
        const ir_stats *s = ir_point_stats(&r->point[i]);
        if (!r->point[i].id.for_ceiling && r->point[i].status == IR_OK && s->p90 > 0 && s->median > 0)
            v[n++] = s->p90 / s->median;
    }
    while (a->out->ntail < round) a->out->tail[a->out->ntail++] = NAN;
    a->out->tail[round] = n ? ir_median(v, n) : NAN;
    a->out->ntail = round + 1;
}

static ir_status keep_points(agent *a, const ir_record *r, int round)
{
    char      key[IR_ID];
    ir_status st = IR_OK;
    for (size_t i = 0; i < r->npoint && st == IR_OK; i++) {
        const ir_point *p = &r->point[i];
        ir_fleet_point *to;
        if (p->id.for_ceiling || p->status == IR_SKIP) continue;
        ir_point_key(p, key);
        snprintf(a->out->at, sizeof a->out->at, "round %d, %.180s", round + 1, key);
        if (p->status != IR_OK) {
            blame(a->out, p->status == IR_ECHECK ? "incorrect" : "failed", p->reason);
            return IR_OK;
        }
        st = ir_fleet_node_point(a->out, key, &to);
        if (st != IR_OK) return st;
        double terms[3] = {p->law.term_data_s, p->law.term_comp_s, p->law.term_lat_s};
        to->time_s[round] = ir_point_stats(p)->q25;
        if (to->n < round + 1) to->n = round + 1;
        for (int k = 0; k < 3; k++)
            if (!isfinite(to->term_s[k])) to->term_s[k] = terms[k];
    }
    return st;
}

/* Fields that decide comparability first, then what may explain an outlier. */
static ir_status keep_facts(ir_fleet_node *d, const ir_env *e)
{
    static const char *const more[] = {"kernel",         "microcode",  "mem_B",      "os",
                                       "mitigations",    "cpu_max_Hz", "thp_defrag", "container",
                                       "numa_balancing", "clocksource"};
    ir_status                st = IR_OK;
    ir_env_key(e, d->key);
    for (size_t i = 0; i < e->n && st == IR_OK; i++) {
        const ir_kv *kv = &e->v[i];
        bool         wanted = kv->compare;
        for (size_t k = 0; k < sizeof more / sizeof *more; k++) wanted = wanted || !strcmp(kv->key, more[k]);
        char text[32];
        snprintf(text, sizeof text, "%.9g", kv->num);
        if (wanted)
            st = ir_fleet_node_fact(d, kv->key,
                                    !kv->is_num         ? kv->text
                                    : isfinite(kv->num) ? text
                                                        : "unknown");
    }
    return st;
}

static ir_status take_record(agent *a, int round, const char *failure)
{
    ir_record r;
    ir_status st = ir_record_read(a->record, false, &r);
    if (st == IR_SKIP || st == IR_ENOMEM) return st;
    if (st != IR_OK) return blame(a->out, "failed", failure ? failure : ir_why()), IR_OK;
    st = keep_points(a, &r, round);
    keep_tail(a, &r, round);
    if (st == IR_OK && round == 0) st = keep_facts(a->out, &r.env);
    if (st == IR_OK && a->out->npoint == 0)
        blame(a->out, "failed", failure ? failure : "no point was measured");
    ir_record_free(&r);
    return st;
}

/* ---- rounds ---------------------------------------------------------------------------------- */
/* Does the user say how many samples to take? Then there is no budget of time. */
static bool counts_samples(const ir_fleet_plan *p)
{
    for (size_t i = 0; i < p->narg; i++)
        if (!strncmp(p->arg[i], "--samples", 9)) return true;
    return false;
}

static ir_status agent_one_round(agent *a, int round)
{
    char        *w[MOST_WORDS];
    size_t       n = 0;
    child_result r = {0};
    char         text[480];
    double       left = a->plan->timeout_s - (ir_now() - a->began_s);
    const char  *fixed[] = {a->self,   "run", "--quiet", "--no-report", "--warmup", "20ms",
                            "--force", "-o",  a->record, "--ceilings",  a->first};
    size_t       nfixed = sizeof fixed / sizeof *fixed - (access(a->first, R_OK) == 0 ? 0 : 2);
    for (size_t i = 0; i < nfixed; i++) w[n++] = (char *)(uintptr_t)fixed[i];
    for (size_t i = 0; !counts_samples(a->plan) && i < 2; i++)
        w[n++] = (char *)(uintptr_t)(i ? "400ms" : "--budget");
    for (size_t i = 0; i < a->plan->narg && n + 1 < MOST_WORDS; i++) w[n++] = a->plan->arg[i];
    w[n] = NULL;
    snprintf(a->out->at, sizeof a->out->at, "round %d", round + 1);
    if (!(left > 0)) return blame(a->out, "hung", "no time was left for it"), IR_OK;
    ir_status st = child_run(w, left, NULL, &r);
    if (st != IR_OK) return blame(a->out, "failed", ir_why()), IR_OK;
    const char *failed = child_failure(&r, left, text, sizeof text);
    /* Exit 2 with a record: a wrong point, and the record says which. */
    bool told = !failed || r.code == 2;
    if (r.timed_out) blame(a->out, "hung", failed);
    if (told || r.timed_out)
        st = take_record(a, round, failed);
    else
        blame(a->out, "failed", failed);
    child_free(&r);
    if (st == IR_OK && !strcmp(a->out->status, "ok") && access(a->first, R_OK) != 0 &&
        rename(a->record, a->first) != 0)
        st = ir_fail(IR_EIO, "%s: %s", a->first, strerror(errno));
    return st;
}

/* Rounds from..to-1 of a node, in a temporary folder under `where`; first: the record whose ceilings later
 * rounds take, kept where one is named. */
static ir_status measure_rounds(const ir_fleet_plan *plan, int from, int to, const char *where,
                                const char *first, ir_fleet_node *out)
{
    agent   a = {.plan = plan, .out = out, .began_s = ir_now()};
    ssize_t n = readlink("/proc/self/exe", a.self, sizeof a.self - 1);
    snprintf(a.dir, sizeof a.dir, "%.4100s/ironroof-fleet-XXXXXX", where);
    if (n <= 0) return ir_fail(IR_SKIP, "this system does not say where the program lies (/proc/self/exe)");
    if (!mkdtemp(a.dir)) return ir_fail(IR_EIO, "%s: %s", a.dir, strerror(errno));
    snprintf(a.record, sizeof a.record, "%s/round.jsonl", a.dir);
    if (first)
        snprintf(a.first, sizeof a.first, "%.4200s", first);
    else
        snprintf(a.first, sizeof a.first, "%s/first.jsonl", a.dir);
    snprintf(out->status, sizeof out->status, "ok");
    snprintf(out->version, sizeof out->version, "%s", IR_VERSION);
    ir_status st = IR_OK;
    for (int r = from; r < to && st == IR_OK && !strcmp(out->status, "ok"); r++) st = agent_one_round(&a, r);
    out->wall_s = ir_now() - a.began_s;
    if (!strcmp(out->status, "ok")) *out->at = 0;
    remove(a.record);
    if (!first) remove(a.first);
    rmdir(a.dir);
    return st;
}

ir_status fleet_measure(const ir_fleet_plan *plan, int rounds, ir_fleet_node *out)
{
    return measure_rounds(plan, 0, rounds, "/tmp", NULL, out);
}

/* One more round behind those that the node's digest has. A node that failed before stays as it is. */
static ir_status add_round(const ir_fleet_plan *plan, const char *dir, const char *path, int round,
                           ir_fleet_node *d)
{
    char first[4200], node[IR_FLEET_NAME];
    snprintf(node, sizeof node, "%s", d->node);
    snprintf(first, sizeof first, "%.4100s/first.jsonl", dir);
    if (round > 0) {
        ir_status st = ir_fleet_node_read(path, d);
        if (st != IR_OK || strcmp(d->status, "ok")) return snprintf(d->node, sizeof d->node, "%s", node), st;
    }
    return measure_rounds(plan, round, round + 1, dir, first, d);
}

/* Into the folder, or, where there is none, to whoever reads the engine's output. */
static ir_status hand_in(const char *path, int look, const ir_fleet_node *d)
{
    char id[IR_FRAME_ID], *text = NULL;
    if (*path) return ir_fleet_node_write(path, d);
    ir_status st = ir_fleet_node_text(d, &text);
    snprintf(id, sizeof id, "look%d", look);
    if (st == IR_OK && !ir_frame_write(stdout, d->node, id, text, strcspn(text, "\n")))
        st = ir_fail(IR_EIO, "standard output: %s", strerror(errno));
    free(text);
    return st;
}

ir_status fleet_agent(const char *dir, int look, int round)
{
    char          path[4200];
    ir_fleet_plan plan;
    ir_fleet_node d = {.look = look};
    bool          folder = !fleet_is_plan_word(dir);
    snprintf(path, sizeof path, "%.4100s/plan.json", folder ? dir : "");
    ir_status st = folder ? ir_fleet_plan_read(path, &plan) : fleet_plan_unword(dir, &plan);
    if (st != IR_OK) return st;
    *path = 0;
    if (!folder) round = -1;
    st = name_node(&plan, &d);
    if (st == IR_OK && folder) st = fleet_path(dir, look, d.node, plan.nnode, true, path, sizeof path);
    if (st == IR_OK) {
        snprintf(d.run, sizeof d.run, "%s", plan.run);
        ir_status measured = IR_OK;
        if (look == 0)
            snprintf(d.status, sizeof d.status, "ok"), d.look = 1; /* a ping: is it there? */
        else
            measured = round < 0 ? fleet_measure(&plan, plan.rounds[look - 1], &d)
                                 : add_round(&plan, dir, path, round, &d);
        if (measured != IR_OK)
            snprintf(d.status, sizeof d.status, "failed"), snprintf(d.why, sizeof d.why, "%s", ir_why());
        st = hand_in(path, look, &d);
    }
    char why[400];
    snprintf(why, sizeof why, "%s", ir_why());
    ir_fleet_node_free(&d);
    ir_fleet_plan_free(&plan);
    return st == IR_OK ? st : ir_fail(st, "node %s: %s", *d.node ? d.node : d.host, why);
}
