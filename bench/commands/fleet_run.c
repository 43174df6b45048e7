/* fleet_run.c -- `ironroof fleet run`: plan, first look, second look at the suspects and as many others, the
 * network, the verdict. Each phase leaves its files in DIR; what an engine reports of its own end is not
 * believed. */
#define _GNU_SOURCE
#include "bench/cli/version.h"
#include "bench/commands/fleet.h"
#include "bench/commands/fleet_options.h"
#include "bench/fleet/gather.h"
#include "bench/fleet/launch.h"
#include "bench/fleet/network.h"
#include "harness/machine/machine.h"
#include "harness/record/input.h"
#include "harness/record/writer.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_S = 8, LOOK_2_ROUNDS = 5 };
static const double TAU_0 = 0.02;
/* What a node measures when nobody says: bytes, operations and launches, each by themselves and mixed. */
static const char *const default_args[] = {
    "copy:bytes=256Mi",
    "triad:bytes=256Mi",
    "gemv:m=4096,k=4096,dtype=f32",
    "fma:dtype=f32",
    "gemm:m=1024,n=1024,k=1024,dtype=f32",
    "batchmm:batch=16,dtype=f32",
    "forkjoin",
    "gemm:m=256,n=256,k=256,dtype=f32",
    "--filter",
    "/(nt|wide_nt|blocked|tiled|whole|chains|pool|launch|stream|ideal|model)$"};

typedef struct {
    const cli_args      *args;
    const fleet_options *own;
    fleet_engine         engine;
    fleet_names          names, down; /* asked for; of them, cannot answer */
    ir_fleet_plan        plan;
    char                 dir[PATH_MAX], self[1024];
    char                 said[400], *word; /* word: the plan, where nodes see no folder */
    int                  pairs;
    bool                 refused; /* the network phase, by its program */
} fleet_job;

/* ---- plan ------------------------------------------------------------------------------------ */
static ir_status add_args(ir_fleet_plan *p, const char *const *arg, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p->arg[p->narg] = strdup(arg[i]);
        if (!p->arg[p->narg++]) return ir_fail(IR_ENOMEM, "no memory for the plan");
    }
    return IR_OK;
}

/* Options alone, without a point, go behind the usual points. */
static ir_status fill_plan(fleet_job *j)
{
    const fleet_options *o = j->own;
    const char *const   *arg = j->args->arg + 1;
    size_t               narg = j->args->narg - 1, usual = sizeof default_args / sizeof *default_args;
    if (narg && arg[0][0] != '-') usual = 0;
    j->plan = (ir_fleet_plan){.delta = o->delta,
                              .alpha = o->alpha,
                              .tau0 = TAU_0,
                              .timeout_s = o->timeout_s,
                              .rounds = {(int)o->rounds, LOOK_2_ROUNDS}};
    snprintf(j->plan.version, sizeof j->plan.version, "%s", IR_VERSION);
    snprintf(j->plan.run, sizeof j->plan.run, "%llx-%lx", (unsigned long long)time(NULL),
             (unsigned long)getpid());
    j->plan.arg = calloc(narg + usual + 1, sizeof *j->plan.arg);
    j->plan.node = calloc(j->names.n + 1, sizeof *j->plan.node);
    if (!j->plan.arg || !j->plan.node) return ir_fail(IR_ENOMEM, "no memory for the plan");
    memcpy(j->plan.node, j->names.v, j->names.n * sizeof *j->plan.node);
    j->plan.nnode = j->names.n;
    ir_status st = add_args(&j->plan, default_args, usual);
    return st == IR_OK ? add_args(&j->plan, arg, narg) : st;
}

/* A fresh folder, by its whole name: nodes need not stand where we do. */
static ir_status fleet_run_make_folder(fleet_job *j)
{
    const char *out = j->args->opt.output;
    char        path[PATH_MAX + 16];
    bool        there;
    if (!out || !strcmp(out, "-"))
        return ir_fail(IR_EINVAL, "fleet run needs -o DIR, a folder that every node sees");
    if (mkdir(out, 0777) != 0 && errno != EEXIST) return ir_fail(IR_EIO, "%s: %s", out, strerror(errno));
    if (!realpath(out, j->dir)) return ir_fail(IR_EIO, "%s: %s", out, strerror(errno));
    snprintf(path, sizeof path, "%s/plan.json", j->dir);
    ir_status st = ir_path_look(path, &there, NULL);
    return st == IR_OK && there ? ir_fail(IR_EINVAL, "%s: holds a sweep already; name another folder", out)
                                : st;
}

/* --pairs: auto is 0, all is -1, as ironroof-net takes them. */
static ir_status read_pairs(const char *text, int *out)
{
    int64_t n;
    *out = 0;
    if (!text || !strcmp(text, "auto")) return IR_OK;
    if (!strcmp(text, "all")) return *out = -1, IR_OK;
    if (cli_int_parse(text, &n) != IR_OK || n < 1 || n > 1000000)
        return ir_fail(IR_EINVAL, "--pairs '%.40s': auto, all or a number of 1 to 1000000 expected", text);
    *out = (int)n;
    return IR_OK;
}

static ir_status fleet_run_prepare(fleet_job *j)
{
    char      path[PATH_MAX + 16];
    ssize_t   n = readlink("/proc/self/exe", j->self, sizeof j->self - 1);
    ir_status st =
        n > 0 ? IR_OK : ir_fail(IR_SKIP, "this system does not say where the program lies (/proc/self/exe)");
    if (st == IR_OK) st = read_pairs(j->own->pairs, &j->pairs);
    if (st == IR_OK) st = fleet_engine_choose((fleet_engine)j->own->engine, &j->engine);
    if (st == IR_OK) st = fleet_names_find(j->engine, j->own->nodes, &j->names, &j->down);
    if (st == IR_OK) st = fill_plan(j);
    if (st == IR_OK) st = fleet_run_make_folder(j);
    snprintf(path, sizeof path, "%s/plan.json", j->dir);
    if (st == IR_OK) st = ir_fleet_plan_write(path, &j->plan);
    if (st == IR_OK && j->own->no_shared) st = fleet_plan_word(&j->plan, &j->word);
    return st;
}

/* ---- phases ---------------------------------------------------------------------------------- */
static bool is_down(const fleet_job *j, const char *name)
{
    for (size_t i = 0; i < j->down.n; i++)
        if (!strcmp(j->down.v[i], name)) return true;
    return false;
}

static void remark(const fleet_job *j, const char *what, size_t n)
{
    if (!j->args->opt.quiet)
        fprintf(stderr, "ironroof: %s on %zu nodes by %s\n", what, n, fleet_engine_name(j->engine));
}

static void keep_missing(const fleet_job *j, int number, fleet_names *who)
{
    size_t n = 0;
    for (size_t i = 0; i < who->n; i++) {
        char        path[PATH_MAX + 100];
        struct stat s;
        fleet_path(j->dir, number, who->v[i], j->plan.nnode, false, path, sizeof path);
        if (stat(path, &s) != 0) memmove(who->v[n++], who->v[i], IR_FLEET_NAME);
    }
    who->n = n;
}

/* This machine in the parts of several nodes: a round of each in turn, so that what changes meanwhile meets
 * all of them. */
static ir_status launch_rounds(const fleet_job *j, int number, fleet_launcher *l, const fleet_names *who,
                               char **args)
{
    if (j->engine != FLEET_LOCAL) return fleet_launch(l, who, args, 5);
    ir_status st = IR_OK;
    for (int r = 0; r < j->plan.rounds[number - 1] && st == IR_OK; r++) {
        char  round[12];
        char *with[] = {args[0], args[1], args[2], args[3], args[4], round};
        snprintf(round, sizeof round, "%d", r);
        st = fleet_launch(l, who, with, 6);
    }
    return st;
}

/* Can the folder still take a digest? If not, nodes are missing because of it, and none is to blame. */
static ir_status still_room(const fleet_job *j, const fleet_names *missing)
{
    enum { DIGEST_B = 8192 };
    char path[PATH_MAX + 16], text[DIGEST_B], names[200] = "";
    memset(text, ' ', sizeof text);
    snprintf(path, sizeof path, "%s/.room", j->dir);
    if (ir_file_write(path, text, sizeof text) == IR_OK) return remove(path), IR_OK;
    char why[300];
    snprintf(why, sizeof why, "%.290s", ir_why());
    for (size_t i = 0; i < missing->n && strlen(names) + IR_FLEET_NAME + 8 < sizeof names; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "", missing->v[i]);
    return ir_fail(IR_EIO, "the folder takes no more files (%s); %zu nodes left no digest: %s", why,
                   missing->n, *names ? names : "none");
}

/* One launch; with frames, what came back becomes the folder's files. */
static ir_status launch_and_gather(fleet_job *j, int number, fleet_launcher *l, const fleet_names *who,
                                   char **args)
{
    char      stray[IR_FLEET_NAME] = "";
    ir_status st = launch_rounds(j, number, l, who, args);
    if (st == IR_OK && j->word) st = fleet_gather(j->dir, &j->plan, number, l->out, l->n, stray);
    if (*stray) fprintf(stderr, "ironroof: %s answered, and was not asked by that name\n", stray);
    fleet_launcher_free(l);
    return st;
}

static ir_status fleet_run_look(fleet_job *j, int number, const fleet_names *who)
{
    char        digit[2] = {(char)('0' + number), 0};
    char       *args[] = {j->self, "fleet", "agent", j->word ? j->word : j->dir, digit};
    fleet_names up = {calloc(who->n + 1, IR_FLEET_NAME), 0};
    if (!up.v) return ir_fail(IR_ENOMEM, "no memory for %zu nodes", who->n);
    for (size_t i = 0; i < who->n; i++)
        if (!is_down(j, who->v[i])) memcpy(up.v[up.n++], who->v[i], IR_FLEET_NAME);
    fleet_launcher l = {.engine = j->engine,
                        .engine_args = j->own->engine_args,
                        .at_once = (size_t)j->own->at_once,
                        .frames = j->word != NULL,
                        .deadline_s = j->own->timeout_s + GRACE_S};
    remark(j, number == 1 ? "first look" : "second look", up.n);
    ir_status st = up.n ? launch_and_gather(j, number, &l, &up, args) : IR_OK;
    /* One launch over many nodes fails for all when it fails for one: the few that left no file are asked
     * singly. */
    keep_missing(j, number, &up);
    if (st == IR_OK && j->engine == FLEET_SLURM && who->n > FLEET_EACH && up.n && up.n <= FLEET_EACH)
        st = launch_and_gather(j, number, &l, &up, args);
    if (st == IR_OK && up.n) keep_missing(j, number, &up), st = still_room(j, &up);
    if (*l.said) snprintf(j->said, sizeof j->said, "%s", l.said);
    free(up.v);
    return st;
}

static ir_status fleet_run_second_look(fleet_job *j)
{
    char          path[PATH_MAX + 16];
    fleet_data    d;
    fleet_result  r;
    fleet_names   again = {0};
    ir_fleet_plan p = j->plan;
    ir_status     st = fleet_read(j->dir, &d);
    if (st != IR_OK) return st;
    st = fleet_judge(&d, NULL, &r);
    if (st == IR_OK) {
        st = fleet_choose(&r, &again.v, &again.n);
        fleet_result_free(&r);
    }
    fleet_free(&d);
    p.node = again.v;
    p.nnode = again.n;
    snprintf(path, sizeof path, "%s/look2.json", j->dir);
    if (st == IR_OK && again.n) st = ir_fleet_plan_write(path, &p);
    if (st == IR_OK && again.n) st = fleet_run_look(j, 2, &again);
    fleet_names_free(&again);
    return st;
}

/* Nodes that answered so far; in order of the plan. */
static ir_status survivors(const fleet_job *j, fleet_names *out)
{
    fleet_data d;
    ir_status  st = fleet_read(j->dir, &d);
    *out = (fleet_names){calloc(j->names.n + 1, IR_FLEET_NAME), 0};
    if (st != IR_OK) return st;
    for (size_t i = 0; out->v && i < d.n; i++) {
        const fleet_member *m = &d.v[i];
        bool fine = m->have[0] && !strcmp(m->look[0].status, "ok") && (!m->asked2 || m->have[1]);
        if (fine) memcpy(out->v[out->n++], m->name, IR_FLEET_NAME);
    }
    fleet_free(&d);
    return out->v ? IR_OK : ir_fail(IR_ENOMEM, "no memory for %zu nodes", j->names.n);
}

static ir_status network_phase(fleet_job *j)
{
    fleet_names who = {0};
    ir_status   st = survivors(j, &who);
    if (st == IR_OK && who.n >= 2 && (j->engine == FLEET_SLURM || j->engine == FLEET_MPI)) {
        remark(j, "network", who.n);
        fleet_network_plan p = {.engine = j->engine,
                                .engine_args = j->own->engine_args,
                                .self = j->self,
                                .dir = j->dir,
                                .word = j->word,
                                .step = j->own->step,
                                .pairs = j->pairs,
                                .timeout_s = j->own->timeout_s};
        st = fleet_network(&p, &who);
        if (st == IR_SKIP) {
            fprintf(stderr, "ironroof: the network was not measured: %s\n", ir_why());
            st = IR_OK;
        }
        j->refused = st == IR_EINVAL;
    }
    if (j->engine == FLEET_PDSH)
        fprintf(stderr,
                "ironroof: the network was not measured: pdsh starts no MPI job (--engine mpi does)\n");
    fleet_names_free(&who);
    return st;
}

/* A fleet of which nothing arrived has one cause, and the engine knows it. */
static void explain(const fleet_job *j, int code)
{
    if (code == EXIT_BAD && *j->said) fprintf(stderr, "ironroof: the engine said: %s\n", j->said);
    for (size_t i = 0; i < j->down.n; i++)
        fprintf(stderr, "ironroof: node %s was not asked: Slurm says it cannot answer\n", j->down.v[i]);
    if (code == EXIT_BAD && strstr(j->said, "plan.json"))
        fprintf(stderr, "ironroof: nodes do not see %s: name a folder that they share, or give --no-shared\n",
                j->dir);
}

int fleet_run(const cli_args *a)
{
    fleet_job *j = calloc(1, sizeof *j);
    if (!j) return ir_fail(IR_ENOMEM, "no memory"), complain();
    j->args = a;
    j->own = a->own;
    ir_status st = fleet_run_prepare(j);
    if (st == IR_OK) st = fleet_run_look(j, 1, &j->names);
    if (st == IR_OK) st = fleet_run_second_look(j);
    if (st == IR_OK && !j->own->no_net) st = network_phase(j);
    bool refused = st != IR_OK && j->refused;
    if (refused) complain(), st = IR_OK; /* what the nodes measured still counts */
    int code = st == IR_EINTR ? EXIT_INTERRUPTED
               : st != IR_OK  ? complain()
                              : fleet_judge_folder(stdout, &a->opt, j->dir, j->own->baseline, NULL);
    if (refused) code = EXIT_BAD;
    if (st == IR_OK) {
        explain(j, code);
        if (!a->opt.quiet) printf("Folder: %s (fleet.html, fleet.json, fleet.txt)\n", j->dir);
    }
    ir_fleet_plan_free(&j->plan);
    fleet_names_free(&j->names);
    fleet_names_free(&j->down);
    free(j->word);
    free(j);
    return code;
}
