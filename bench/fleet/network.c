/* network.c -- see network.h. A job of MPI dies as a whole when one of its nodes does, so it is started again
 * without the silent ones: named by the job itself, or, where it could not say, found by asking every node
 * for a sign of life. */
#define _GNU_SOURCE
#include "bench/fleet/network.h"
#include "bench/ab/child.h"
#include "bench/fleet/gather.h"
#include "harness/record/input.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 3, PING_S = 8, MIN_CONTROLS = 5, SINGLETON = 42 };
enum { MOST_WHAT = 40 }; /* words behind the schedule */
static const double EXCHANGE_S = 3;

typedef struct {
    fleet_launcher l;
    const char    *dir, *self, *word;
    char           program[1100], file[4200], number[24], seed[24], deadline[24], schedule[24];
    fleet_names    left;
    size_t         silent; /* read so far */
} network;

static void network_drop(network *n, const char *name)
{
    for (size_t i = 0; i < n->left.n; i++)
        if (!strcmp(n->left.v[i], name)) {
            memmove(n->left.v + i, n->left.v + i + 1, (n->left.n - i - 1) * sizeof *n->left.v);
            n->left.n--;
            return;
        }
}

static ir_status record_silent(const network *n, const char *name)
{
    FILE *f = fopen(n->file, "a");
    if (!f) return ir_fail(IR_EIO, "%s: %s", n->file, strerror(errno));
    fprintf(f, "\n{\"record\":\"fleet-silent\",\"node\":\"%s\"}\n", name);
    return fclose(f) == 0 ? IR_OK : ir_fail(IR_EIO, "%s: %s", n->file, strerror(errno));
}

/* Does the file of a node's sign of life lie there? */
static bool is_alive(const network *n, size_t nodes, const char *name, bool forget)
{
    char        path[4200];
    struct stat s;
    fleet_path(n->dir, 0, name, nodes, false, path, sizeof path);
    if (forget) unlink(path);
    return stat(path, &s) == 0;
}

/* One sign of life from each of them; how many gave it. */
static ir_status ask_once(const network *n, const ir_fleet_plan *plan, const fleet_names *all, size_t *alive)
{
    const char    *where = n->word ? n->word : n->dir;
    char          *args[] = {(char *)(uintptr_t)n->self, "fleet", "agent", (char *)(uintptr_t)where, "0"};
    char           stray[IR_FLEET_NAME];
    fleet_launcher l = {.engine = n->l.engine,
                        .engine_args = n->l.engine_args,
                        .deadline_s = PING_S,
                        .frames = n->word != NULL};
    for (size_t i = 0; i < all->n; i++) is_alive(n, plan->nnode, all->v[i], true);
    ir_status st = fleet_launch(&l, all, args, 5);
    if (st == IR_OK && n->word) st = fleet_gather(n->dir, plan, 0, l.out, l.n, stray);
    *alive = 0;
    for (size_t i = 0; i < all->n; i++) *alive += is_alive(n, plan->nnode, all->v[i], false);
    fleet_launcher_free(&l);
    return st;
}

/* Silent is who gives no sign of life while others do; when nobody does, twice, it is the engine. */
static ir_status ask_all(network *n)
{
    fleet_names   all = {malloc((n->left.n + 1) * sizeof *all.v), n->left.n};
    char          path[4200];
    size_t        alive = 0;
    ir_fleet_plan plan;
    if (!all.v) return ir_fail(IR_ENOMEM, "no memory for %zu nodes", n->left.n);
    memcpy(all.v, n->left.v, all.n * sizeof *all.v);
    snprintf(path, sizeof path, "%s/plan.json", n->dir);
    ir_status st = ir_fleet_plan_read(path, &plan);
    for (int i = 0; i < 2 && st == IR_OK && !alive; i++) st = ask_once(n, &plan, &all, &alive);
    if (st == IR_OK && !alive)
        st = ir_fail(IR_SKIP, "no node answers %s any more", fleet_engine_name(n->l.engine));
    for (size_t i = 0; i < all.n && st == IR_OK; i++) {
        if (is_alive(n, plan.nnode, all.v[i], false)) continue;
        st = record_silent(n, all.v[i]);
        network_drop(n, all.v[i]);
    }
    ir_fleet_plan_free(&plan);
    free(all.v);
    return st;
}

static ir_status drop_silent(network *n)
{
    ir_fleet_pairs p = {0};
    bool           there;
    ir_status      st = ir_path_look(n->file, &there, NULL);
    if (st == IR_OK && there) st = ir_fleet_pairs_read(n->file, &p);
    size_t before = n->left.n;
    for (; st == IR_OK && n->silent < p.nsilent; n->silent++) network_drop(n, p.silent[n->silent]);
    ir_fleet_pairs_free(&p);
    return st == IR_OK && n->left.n == before ? ask_all(n) : st;
}

/* what: the words behind the schedule, at most MOST_WHAT. */
static ir_status network_start(network *n, char *const *what, size_t nwhat)
{
    enum { FIXED = 6 };
    snprintf(n->number, sizeof n->number, "%zu", n->left.n);
    char *args[FIXED + MOST_WHAT] = {n->program,  n->word ? (char *)(uintptr_t) "-" : n->file,
                                     n->number,   n->seed,
                                     n->deadline, n->schedule};
    for (size_t i = 0; i < nwhat; i++) args[FIXED + i] = what[i];
    size_t    damaged = 0;
    ir_status st = fleet_launch(&n->l, &n->left, args, FIXED + nwhat);
    if (st == IR_OK && n->word) st = fleet_gather_exchanges(n->file, n->l.out, n->l.n, &damaged);
    if (damaged) fprintf(stderr, "ironroof: %zu lines of the network phase came damaged\n", damaged);
    if (st != IR_OK || n->l.code == 0) return st;
    /* Lone processes, or a library that finds no way to start under this launcher. */
    char *at = strstr(n->l.said, "ironroof-net");
    if (n->l.code == SINGLETON || strstr(n->l.said, "MPI sees"))
        return ir_fail(IR_EINVAL, "%.180s", at ? at : n->l.said);
    if (strstr(n->l.said, "MPI_Init"))
        return ir_fail(IR_EINVAL,
                       "MPI cannot start under %s with these words: give --engine-args=--mpi=pmix (Open MPI) "
                       "or --mpi=pmi2 (MPICH)",
                       fleet_engine_name(n->l.engine));
    return st;
}

/* ---- a second look --------------------------------------------------------------------------- */
static bool suspect_in_network(const fleet_result *r, size_t node)
{
    for (size_t s = 0; s < r->nseries; s++) {
        int    g = r->node[node].group;
        double y = r->y[0][node * r->nseries + s];
        if (r->series[s].network && g >= 0 && ir_fleet_suspect(&r->series[s].group[g], y, 0, &r->rule))
            return true;
    }
    return false;
}

static void network_add_pair(char *text, size_t size, const char *a, const char *b)
{
    size_t n = strlen(text);
    if (n + 2 * IR_FLEET_NAME + 2 < size) snprintf(text + n, size - n, "%s%s-%s", n ? "," : "", a, b);
}

/* All pairs among suspects and as many others, so that an honest partner's median is an honest one; and the
 * suspected links. NULL: no memory. */
static char *second_pairs(const network *n, const fleet_result *r)
{
    enum { ROOM = 1 << 16 };
    char   *text = calloc(1, ROOM);
    size_t *who = malloc((r->data->n + 1) * sizeof *who), m = 0, others = 0;
    for (size_t i = 0; who && i < r->data->n; i++)
        if (suspect_in_network(r, i)) who[m++] = i;
    size_t want = m == 0 ? 0 : m + 2 > MIN_CONTROLS ? m + 2 : MIN_CONTROLS;
    for (size_t i = 0; who && i < r->data->n && others < want; i++) {
        bool here = false;
        for (size_t k = 0; k < n->left.n; k++) here = here || !strcmp(n->left.v[k], r->data->v[i].name);
        if (here && !suspect_in_network(r, i)) who[m++] = i, others++;
    }
    for (size_t i = 0; text && who && i < m; i++)
        for (size_t k = i + 1; k < m; k++)
            network_add_pair(text, ROOM, r->data->v[who[i]].name, r->data->v[who[k]].name);
    for (size_t k = 0; text && k < r->nlink; k++) network_add_pair(text, ROOM, r->link[k].a, r->link[k].b);
    if (!text || !who) ir_fail(IR_ENOMEM, "no memory for the pairs of a second look");
    if (!who) free(text), text = NULL;
    free(who);
    return text;
}

static ir_status look_again(network *n)
{
    fleet_data   d;
    fleet_result r;
    char        *pairs = NULL;
    ir_status    st = fleet_read(n->dir, &d);
    if (st != IR_OK) return st;
    st = fleet_judge(&d, NULL, &r);
    if (st == IR_OK) {
        pairs = second_pairs(n, &r);
        if (!pairs) st = IR_ENOMEM;
        fleet_result_free(&r);
    }
    fleet_free(&d);
    if (st == IR_OK && pairs && *pairs) st = network_start(n, &pairs, 1);
    free(pairs);
    return st;
}

/* ---- data-parallel steps --------------------------------------------------------------------- */
/* One job a step. Computing takes what it takes: its deadline is a part of the phase's. */
static ir_status one_step(network *n, char *text)
{
    char       *what[MOST_WHAT] = {(char *)(uintptr_t) "step", (char *)(uintptr_t)n->self,
                                   (char *)(uintptr_t) "worker"};
    child_words w = {0};
    size_t      used = 3;
    ir_status   st = child_split(text, &w);
    if (st == IR_OK && used + w.n > MOST_WHAT)
        st = ir_fail(IR_EINVAL, "--step: more than %zu words", MOST_WHAT - used);
    for (size_t i = 0; st == IR_OK && i < w.n; i++) what[used++] = w.v[i];
    snprintf(n->deadline, sizeof n->deadline, "%g", fmax(EXCHANGE_S, n->l.deadline_s / 3));
    if (st == IR_OK) st = network_start(n, what, used);
    if (st == IR_OK && n->l.code != 0) st = ir_fail(IR_EIO, "step %.80s: %.300s", text, n->l.said);
    child_words_free(&w);
    return st;
}

static ir_status steps(network *n, const char *list)
{
    char     *copy = strdup(list), *rest;
    ir_status st = copy ? IR_OK : ir_fail(IR_ENOMEM, "no memory for steps");
    for (char *s = copy ? strtok_r(copy, ";", &rest) : NULL; s && st == IR_OK; s = strtok_r(NULL, ";", &rest))
        st = one_step(n, s);
    free(copy);
    return st;
}

/* Asked of the program, which knows the library it is linked to. */
static void ask_protocol(network *n)
{
    char *const  ask[] = {n->program, (char *)(uintptr_t) "--mpi", NULL};
    child_result r;
    if (child_run(ask, PING_S, NULL, &r) != IR_OK) return;
    if (r.code == 0) snprintf(n->l.pmi, sizeof n->l.pmi, "%.*s", (int)strcspn(r.out, "\n"), r.out);
    child_free(&r);
}

ir_status fleet_network(const fleet_network_plan *p, const fleet_names *names)
{
    network     n = {.l = {.engine = p->engine,
                           .engine_args = p->engine_args,
                           .deadline_s = p->timeout_s,
                           .frames = p->word != NULL,
                           .mpi = true},
                     .dir = p->dir,
                     .word = p->word,
                     .self = p->self};
    const char *slash = strrchr(p->self, '/');
    snprintf(n.program, sizeof n.program, "%.*s/ironroof-net", slash ? (int)(slash - p->self) : 0, p->self);
    if (access(n.program, X_OK) != 0)
        return ir_fail(IR_SKIP, "%s was not built (it needs MPI: libopenmpi-dev)", n.program);
    ask_protocol(&n);
    snprintf(n.file, sizeof n.file, "%s/net.jsonl", p->dir);
    snprintf(n.seed, sizeof n.seed, "1");
    snprintf(n.schedule, sizeof n.schedule, "%d", p->pairs);
    snprintf(n.deadline, sizeof n.deadline, "%g", EXCHANGE_S);
    n.left.v = malloc((names->n + 1) * sizeof *n.left.v);
    if (!n.left.v) return ir_fail(IR_ENOMEM, "no memory for %zu nodes", names->n);
    memcpy(n.left.v, names->v, names->n * sizeof *n.left.v);
    n.left.n = names->n;
    ir_status st = IR_OK;
    bool      done = false;
    for (int i = 0; i < TRIES && !done && st == IR_OK && n.left.n >= 2; i++) {
        st = network_start(&n, NULL, 0);
        done = st == IR_OK && n.l.code == 0;
        if (st == IR_OK && !done) st = drop_silent(&n);
    }
    if (st == IR_OK && done) {
        st = look_again(&n);
        if (st == IR_OK && p->step) st = steps(&n, p->step);
    } else if (st == IR_OK && n.left.n >= 2)
        st = ir_fail(IR_SKIP, "%d tries failed: %.140s", TRIES, n.l.said);
    fleet_names_free(&n.left);
    fleet_launcher_free(&n.l);
    return st;
}
