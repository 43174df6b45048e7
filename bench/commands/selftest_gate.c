/* selftest_gate.c -- `ironroof selftest aa` and `selftest inject`: the gate on itself, by real processes. aa:
 * this program against a byte-identical copy of it at another path. inject: the copy's timed calls really
 * take that much longer. */
#define _GNU_SOURCE
#include "bench/backends.h"
#include "bench/ab/print.h"
#include "bench/ab/processes.h"
#include "bench/commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_STEPS = 16 };

/* ---- two builds that are one ----------------------------------------------------------------- */
static ir_status copy_file(const char *from, const char *to)
{
    char    buf[1 << 16];
    ssize_t n = 0;
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    ir_status st = in < 0 || out < 0
                       ? ir_fail(IR_EIO, "%s: cannot be copied to %s: %s", from, to, strerror(errno))
                       : IR_OK;
    while (st == IR_OK && (n = read(in, buf, sizeof buf)) > 0)
        if (write(out, buf, (size_t)n) != n) st = ir_fail(IR_EIO, "%s: %s", to, strerror(errno));
    if (st == IR_OK && n < 0) st = ir_fail(IR_EIO, "%s: %s", from, strerror(errno));
    if (in >= 0) close(in);
    if (out >= 0 && close(out) != 0 && st == IR_OK) st = ir_fail(IR_EIO, "%s: %s", to, strerror(errno));
    return st;
}

typedef struct {
    char dir[64], self[1024], copy[80], quoted_self[1100];
} variants;

static ir_status make_twins(variants *t)
{
    ssize_t n = readlink("/proc/self/exe", t->self, sizeof t->self - 1);
    snprintf(t->dir, sizeof t->dir, "/tmp/ironroof-XXXXXX");
    if (n <= 0) return ir_fail(IR_SKIP, "this system does not say where the program lies (/proc/self/exe)");
    t->self[n] = 0;
    if (!mkdtemp(t->dir)) return ir_fail(IR_EIO, "%s: %s", t->dir, strerror(errno));
    snprintf(t->copy, sizeof t->copy, "%s/ironroof", t->dir);
    snprintf(t->quoted_self, sizeof t->quoted_self, "\"%s\"", t->self);
    return copy_file(t->self, t->copy);
}

static void remove_twins(const variants *t)
{
    unlink(t->copy);
    rmdir(t->dir);
}

/* ---- one step: some comparisons at one injected slowdown ------------------------------------- */
typedef struct {
    const cli_args    *args;
    const ab_options  *own;
    const char *const *points;
    size_t             npoint;
    const variants    *variants;
    ir_comparisons     all; /* of every step; owned */
    bool               stopped;
} selftest;

static ir_status selftest_gate_keep(selftest *s, ir_comparisons *c)
{
    ir_comparison *v = realloc(s->all.v, (s->all.n + c->n + 1) * sizeof *v);
    if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu points", s->all.n + c->n);
    s->all.v = v;
    memcpy(v + s->all.n, c->v, c->n * sizeof *v);
    s->all.n += c->n;
    free(c->v);
    *c = (ir_comparisons){0};
    return IR_OK;
}

/* Does the spread of the first blocks promise to find this within the looks? What a slowdown adds to every
 * value does not change it. */
static bool selftest_gate_feasible(const ab_job *j, const trial_point *p, double injected)
{
    double d[TRIAL_MAX_BLOCKS];
    size_t n = p->nq < j->a.blocks ? p->nq : j->a.blocks;
    trial_contrast(p->q, n, d);
    size_t need = ir_ab_plan(d, n, j->own->confidence, p->delta, log1p(injected));
    return need && need <= (j->own->no_more ? j->a.blocks : j->a.most);
}

/* A point that is missing or wrong is no verdict and no reason to count on without it. */
static ir_status selftest_gate_count(const ab_job *j, double injected, ir_gate_proof *g)
{
    for (size_t i = 0; i < j->a.t.n; i++) {
        const trial_point *p = &j->a.t.v[i];
        if (p->verdict == TRIAL_MISSING || p->verdict == TRIAL_INCORRECT)
            return ir_fail(IR_ECHECK, "%s: %s", p->key, p->note);
        if (injected > 0 && !selftest_gate_feasible(j, p, injected)) {
            g->infeasible++;
            continue;
        }
        bool red = p->confirmed &&
                   (p->verdict == TRIAL_REGRESSED || (injected <= 0 && p->verdict == TRIAL_IMPROVED));
        g->n++;
        g->flagged += trial_flagged(p);
        g->found += red;
        g->undecided += p->verdict >= TRIAL_INCONCLUSIVE;
    }
    return IR_OK;
}

static ir_status selftest_gate_one_round(selftest *s, double injected, uint64_t seed, ir_gate_proof *g)
{
    ab_job *j = malloc(sizeof *j);
    if (!j) return ir_fail(IR_ENOMEM, "no memory");
    ir_status st = ab_job_open(j, bench_backends[0], s->args, s->own, s->variants->quoted_self,
                               s->variants->copy, s->points, s->npoint);
    if (st != IR_OK) return free(j), st;
    ir_comparisons c = {0};
    j->inject[1] = injected;
    j->a.seed = seed;
    st = ab_job_run(j);
    if (st == IR_OK && j->a.broken) st = ir_fail(IR_ECHECK, "a process failed: %s", j->a.t.lost);
    if (st == IR_OK) st = selftest_gate_count(j, injected, g);
    if (st == IR_OK) st = ab_lines(&j->a.t, injected > 0 ? "inject" : "aa", &c);
    if (st == IR_OK) st = selftest_gate_keep(s, &c);
    ir_comparisons_free(&c);
    ab_job_close(j);
    free(j);
    return st;
}

static ir_status selftest_gate_step(selftest *s, double injected, ir_gate_proof *g)
{
    uint64_t  seed = s->args->opt.seed >= 0 ? (uint64_t)s->args->opt.seed : 1;
    ir_status st = IR_OK;
    double    ignored;
    memset(g, 0, sizeof *g);
    snprintf(g->what, sizeof g->what, "%s", injected > 0 ? "inject" : "aa");
    g->injected = injected;
    for (int64_t r = 0; r < s->own->rounds && st == IR_OK; r++)
        st = selftest_gate_one_round(s, injected,
                                     seed + 1000 * (uint64_t)r + (uint64_t)lround(1e5 * injected), g);
    ir_binom_ci(g->found, g->n, 0.95, &g->lo, &g->hi);
    ir_binom_ci(g->found, g->n, 0.90, &ignored, &g->upper);
    return st;
}

static void print_step(FILE *f, const ir_gate_proof *g)
{
    if (g->injected > 0)
        fprintf(f,
                "%5.1f %% slower: found %zu of %zu (%.0f to %.0f %%), flagged once %zu, left open %zu, not "
                "planned for %zu\n",
                100 * g->injected, g->found, g->n, 100 * g->lo, 100 * g->hi, g->flagged, g->undecided,
                g->infeasible);
    else
        fprintf(f,
                "identical builds: %zu false alarms confirmed in %zu point-verdicts, at most %.2f %% (95 "
                "%%); flagged once %zu, left open %zu\n",
                g->found, g->n, 100 * g->upper, g->flagged, g->undecided);
    if (g->injected <= 0 && !(g->upper <= 0.01))
        fprintf(f, "WARNING: %zu verdicts bound the false-alarm rate at %.2f %% only: above 1 %%\n", g->n,
                100 * g->upper);
    ir_text_flush(f);
}

/* ---- commands -------------------------------------------------------------------------------- */
static ir_status shares(const char *list, double *v, size_t *n)
{
    char text[128];
    *n = 0;
    snprintf(text, sizeof text, "%s", list);
    for (char *rest = text, *one; (one = strsep(&rest, ",")) && *n < MOST_STEPS;) {
        char with[140];
        snprintf(with, sizeof with, strchr(one, '%') ? "%s" : "%s%%", one);
        ir_status st = cli_real_parse(with, CLI_SHARE, &v[*n]);
        if (st != IR_OK || !(v[*n] > 0 && v[*n] <= 1))
            return ir_fail(IR_EINVAL, "'%.40s': per cent expected, 1,2,3,5,10", one);
        ++*n;
    }
    return *n ? IR_OK : ir_fail(IR_EINVAL, "per cent expected, 1,2,3,5,10");
}

/* arg[0] is "aa" or "inject"; inject's list may follow; points come last. */
int selftest_gate(FILE *f, const cli_args *args)
{
    static const double none[1] = {0};
    bool                aa = !strcmp(args->arg[0], "aa"),
         listed = !aa && args->narg > 1 && strspn(args->arg[1], "0123456789.,%") == strlen(args->arg[1]);
    double        list[MOST_STEPS];
    ir_gate_proof proof[MOST_STEPS];
    size_t        n = 1, done = 0, skip = listed ? 2 : 1;
    variants      t = {{0}, {0}, {0}, {0}};
    selftest      s = {.args = args,
                       .own = args->own,
                       .points = args->arg + skip,
                       .npoint = args->narg - skip,
                       .variants = &t};
    ir_status     st = aa ? IR_OK : shares(listed ? args->arg[1] : "1,2,3,5,10", list, &n);
    if (st == IR_OK) st = ab_file_check(args->opt.output, args->opt.force);
    if (st == IR_OK) st = make_twins(&t);
    for (; done < n && st == IR_OK; done += st == IR_OK) {
        st = selftest_gate_step(&s, aa ? none[0] : list[done], &proof[done]);
        if (st == IR_OK) print_step(f, &proof[done]);
    }
    int code = st == IR_OK ? EXIT_FINE : st == IR_EINTR ? EXIT_INTERRUPTED : complain();
    for (size_t i = 0; i < done; i++) {
        if (proof[i].n + proof[i].infeasible == 0)
            code = (ir_fail(IR_EINVAL, "nothing was measured"), complain());
        if (code == EXIT_FINE && aa && proof[i].found) code = EXIT_REGRESSED;
    }
    if (done && ab_file(args->opt.output, args->opt.force, args->argc, args->argv, args->arg[0], s.all.v,
                        s.all.n, proof, done) != IR_OK)
        code = complain();
    ir_comparisons_free(&s.all);
    remove_twins(&t);
    return code;
}
