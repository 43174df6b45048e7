/* launch.c -- see launch.h. We write no launcher: the words below are what an administrator would type. */
#define _GNU_SOURCE
#include "bench/fleet/launch.h"
#include "bench/ab/child.h"
#include "bench/run/output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_WORDS = 64, ASK_S = 20 };

const char *fleet_engine_name(fleet_engine e)
{
    static const char *const name[FLEET_NENGINE] = {"auto", "slurm", "mpi", "pdsh", "local"};
    return name[e];
}

/* ---- which one is here ----------------------------------------------------------------------- */
static bool in_path(const char *program)
{
    const char *path = getenv("PATH");
    for (const char *s = path ? path : ""; *s;) {
        char   file[1200];
        size_t n = strcspn(s, ":");
        snprintf(file, sizeof file, "%.*s/%s", (int)n, s, program);
        if (access(file, X_OK) == 0) return true;
        s += n + (s[n] == ':');
    }
    return false;
}

static bool slurm_answers(void)
{
    static char *const ask[] = {"sinfo", "-h", "-o", "%N", NULL};
    child_result       r;
    if (!in_path("srun") || child_run(ask, ASK_S, NULL, &r) != IR_OK) return false;
    bool ok = r.code == 0;
    child_free(&r);
    return ok;
}

ir_status fleet_engine_choose(fleet_engine asked, fleet_engine *out)
{
    static const char *const program[FLEET_NENGINE] = {"", "srun", "mpirun", "pdsh", ""};
    *out = asked;
    if (asked == FLEET_AUTO)
        *out = slurm_answers()     ? FLEET_SLURM
               : in_path("pdsh")   ? FLEET_PDSH
               : in_path("mpirun") ? FLEET_MPI
                                   : FLEET_AUTO;
    if (*out == FLEET_AUTO)
        return ir_fail(
            IR_EINVAL,
            "no engine here: neither srun, pdsh nor mpirun is in PATH (--engine local: this machine alone)");
    if (*program[*out] && !in_path(program[*out]))
        return ir_fail(IR_EINVAL, "engine %s: %s is not in PATH", fleet_engine_name(*out), program[*out]);
    return IR_OK;
}

/* ---- words ----------------------------------------------------------------------------------- */
typedef struct {
    char       *v[MOST_WORDS];
    size_t      n, nnode;
    char       *list, number[24], node[100], limit[32], patience[32], pmi[32];
    child_words more;
} words;
static void launch_add(words *w, const char *s)
{
    if (w->n + 1 < MOST_WORDS) w->v[w->n++] = (char *)(uintptr_t)s;
    w->v[w->n] = NULL;
}

static void add_all(words *w, const char *const *s)
{
    for (; *s; s++) launch_add(w, *s);
}

static char *joined(const fleet_names *n)
{
    char *text = malloc(n->n * (IR_FLEET_NAME + 1) + 1), *to = text;
    for (size_t i = 0; text && i < n->n; i++) to += sprintf(to, "%s%s", i ? "," : "", n->v[i]);
    return text;
}

static bool is_open_mpi(void)
{
    static char *const ask[] = {"mpirun", "--version", NULL};
    child_result       r;
    if (child_run(ask, ASK_S, NULL, &r) != IR_OK) return false;
    bool yes = r.out && strstr(r.out, "Open MPI");
    child_free(&r);
    return yes;
}

/* One srun per node: a node that cannot be launched on ends its own srun and no other. */
static const char each_node[] = "l=$1; shift; for n in $(echo \"$l\" | tr , ' '); do srun -K0 -W0 -N1 -n1 "
                                "--overlap --quiet -w \"$n\" \"$@\" & done; wait";

static void slurm_words(words *w, const fleet_launcher *l)
{
    /* -K0: a task that fails leaves the others; -W0: nobody is killed for being late; --overlap: also inside
     * an allocation. */
    static const char *const one[] = {"srun",      "-K0",     "-W0", "--ntasks-per-node=1",
                                      "--overlap", "--quiet", "-N",  NULL};
    /* A srun that is killed leaves its job behind; one that is asked to end takes it along. */
    launch_add(w, "timeout");
    launch_add(w, "--kill-after=3");
    launch_add(w, w->patience);
    if (!l->mpi && w->nnode <= FLEET_EACH) {
        launch_add(w, "sh");
        launch_add(w, "-c");
        launch_add(w, each_node);
        launch_add(w, "sh");
        launch_add(w, w->list);
    } else {
        add_all(w, one);
        launch_add(w, w->number);
        launch_add(w, "-n");
        launch_add(w, w->number);
        launch_add(w, "-w");
        launch_add(w, w->list);
    }
    launch_add(w, w->limit);                 /* should srun itself be killed */
    if (l->frames) launch_add(w, "--label"); /* line by line, instead of as it comes */
    if (l->mpi && !(l->engine_args && strstr(l->engine_args, "--mpi"))) launch_add(w, w->pmi);
}

static void mpi_words(words *w, const fleet_launcher *l)
{
    static const char *const open_mpi[] = {"mpirun", "--map-by", "ppr:1:node", "--host", NULL};
    static const char *const hydra[] = {"mpirun", "-ppn", "1", "-disable-auto-cleanup", "-hosts", NULL};
    bool                     open = is_open_mpi();
    add_all(w, open ? open_mpi : hydra);
    launch_add(w, w->list);
    launch_add(w, "-np");
    launch_add(w, w->number);
    if (open && !l->mpi) launch_add(w, "--continuous");
    if (l->frames) launch_add(w, open ? "--tag-output" : "-prepend-rank");
}

static void pdsh_words(words *w, const fleet_launcher *l)
{
    (void)l;
    launch_add(w, "pdsh");
    launch_add(w, "-w");
    launch_add(w, w->list);
}

static ir_status command(const fleet_launcher *l, const fleet_names *n, char *const *args, size_t narg,
                         words *w)
{
    static void (*const engine[FLEET_NENGINE])(words *, const fleet_launcher *) = {
        [FLEET_SLURM] = slurm_words, [FLEET_MPI] = mpi_words, [FLEET_PDSH] = pdsh_words};
    *w = (words){.list = joined(n), .nnode = n->n};
    if (!w->list) return ir_fail(IR_ENOMEM, "no memory for %zu nodes", n->n);
    snprintf(w->number, sizeof w->number, "%zu", n->n);
    snprintf(w->patience, sizeof w->patience, "%.0f", l->deadline_s > 6 ? l->deadline_s - 4 : 2);
    snprintf(w->limit, sizeof w->limit, "--time=%.0f", l->deadline_s / 60 + 1);
    snprintf(w->pmi, sizeof w->pmi, "--mpi=%s", *l->pmi ? l->pmi : "pmix");
    if (engine[l->engine]) engine[l->engine](w, l);
    ir_status st = l->engine_args ? child_split(l->engine_args, &w->more) : IR_OK;
    if (st != IR_OK) return st;
    for (size_t i = 0; i < w->more.n; i++) launch_add(w, w->more.v[i]);
    snprintf(w->node, sizeof w->node, "IRONROOF_NODE=%s", l->engine == FLEET_PDSH ? "%h" : n->v[0]);
    if (l->engine == FLEET_LOCAL || l->engine == FLEET_PDSH) launch_add(w, "env");
    if (l->engine == FLEET_LOCAL || l->engine == FLEET_PDSH) launch_add(w, w->node);
    for (size_t i = 0; i < narg; i++) launch_add(w, args[i]);
    return w->n + 1 < MOST_WORDS ? IR_OK
                                 : ir_fail(IR_EINVAL, "--engine-args: more than %d words", MOST_WORDS);
}

static ir_status launch_keep(fleet_launcher *l, const child_result *r)
{
    char *grown = realloc(l->out, l->n + r->n + 1);
    if (!grown) return ir_fail(IR_ENOMEM, "no memory for what %zu bytes of nodes say", r->n);
    memcpy(grown + l->n, r->out, r->n);
    l->out = grown;
    l->n += r->n;
    return IR_OK;
}

void fleet_launcher_free(fleet_launcher *l)
{
    free(l->out);
    l->out = NULL;
    l->n = 0;
}

static ir_status launch_start(fleet_launcher *l, const fleet_names *n, char *const *args, size_t narg)
{
    words        w;
    child_result r;
    char         text[480];
    ir_status    st = command(l, n, args, narg, &w);
    if (st == IR_OK) st = child_run(w.v, l->deadline_s, interrupt_install(), &r);
    if (st == IR_OK) {
        const char *failed = child_failure(&r, l->deadline_s, text, sizeof text);
        if (failed)
            snprintf(l->said, sizeof l->said, "%s: %.380s", fleet_engine_name(l->engine), failed);
        else if (*r.err)
            snprintf(l->said, sizeof l->said, "%.399s", r.err);
        l->code = r.code;
        if (l->frames) st = launch_keep(l, &r);
        child_free(&r);
    }
    child_words_free(&w.more);
    free(w.list);
    return st;
}

ir_status fleet_launch(fleet_launcher *l, const fleet_names *names, char *const *args, size_t narg)
{
    size_t    at_once = l->engine == FLEET_LOCAL ? 1 : l->at_once ? l->at_once : names->n;
    ir_status st = IR_OK;
    fleet_launcher_free(l);
    for (size_t i = 0; i < names->n && st == IR_OK; i += at_once) {
        fleet_names some = {names->v + i, names->n - i < at_once ? names->n - i : at_once};
        st = launch_start(l, &some, args, narg);
    }
    return st;
}
