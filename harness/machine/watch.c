/* watch.c -- did our threads get the CPUs they wanted? The kernel keeps for every thread the time it ran and
 * the time it stood ready and waited (/proc/self/task/N/schedstat: both in nanoseconds, and the number of its
 * turns). A thread that sleeps wants nothing, so that workers that rest between regions do not count; one
 * that spins or computes beside another process waits for half of the time. Waiting for a quota's next period
 * counts as well. A thread that yields over and over, as idle workers of some libraries do, stands ready all
 * the time and asks for nothing: it is known by its turns, far shorter than the scheduler's shortest. Without
 * the file: the caller's CPU clock over wall. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"
#include "harness/left_out.h"

#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { MAX_WATCHED = 4096 };
static const double WANTS = 0.1; /* of the stretch: a thread that wants less is no worker */
/* Linux gives a thread that has to share its CPU 0.7 ms at least (base_slice_ns, min_granularity_ns). */
static const double TURN_S = 1e-4;

typedef struct {
    long   tid;
    double run_s, wait_s, turns;
} thread_time;
struct ir_watch {
    double      began_s, caller_s, switches;
    size_t      n;
    thread_time v[];
};

static double caller_cpu_s(void)
{
    struct timespec t;
    return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) ? NAN : (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double involuntary(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) ? NAN : (double)u.ru_nivcsw;
}

static size_t read_threads(const char *root, thread_time *out)
{
    ir_name *names = malloc(MAX_WATCHED * sizeof *names);
    char     text[128];
    size_t   n = 0;
    int      count = names ? ir_dir_list(root, "/proc/self/task", names, MAX_WATCHED) : 0;
    if (!names) ir_left_out("the share of the processors");
    for (int i = 0; i < count; i++) {
        thread_time t = {strtol(names[i].name, NULL, 10), 0, 0, 0};
        if (!ir_file_read(root, text, sizeof text, "/proc/self/task/%s/schedstat", names[i].name)) continue;
        if (sscanf(text, "%lf %lf %lf", &t.run_s, &t.wait_s, &t.turns) < 2) continue;
        t.run_s *= 1e-9;
        t.wait_s *= 1e-9;
        out[n++] = t;
    }
    free(names);
    return n;
}

ir_watch *ir_watch_begin_at(const char *root)
{
    ir_watch *w = malloc(sizeof *w + MAX_WATCHED * sizeof w->v[0]); /* touched as far as there are threads */
    if (!w) {
        ir_left_out("the share of the processors");
        return NULL;
    }
    w->n = read_threads(root, w->v);
    w->switches = involuntary();
    w->caller_s = caller_cpu_s();
    w->began_s = ir_now();
    return w;
}

static thread_time watch_before(const ir_watch *w, long tid)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->v[i].tid == tid) return w->v[i];
    return (thread_time){tid, 0, 0, 0}; /* it began since */
}

static double worst_share(const ir_watch *w, const thread_time *now, size_t n, double span_s)
{
    double worst = NAN;
    for (size_t i = 0; i < n; i++) {
        thread_time was = watch_before(w, now[i].tid);
        double      run = now[i].run_s - was.run_s, wait = now[i].wait_s - was.wait_s;
        double      turns = now[i].turns - was.turns;
        if (!(run + wait >= WANTS * span_s) || !(run + wait > 0)) continue;
        if (turns > 1 && run < turns * TURN_S) continue; /* it yields */
        worst = fmin(worst, run / (run + wait));
    }
    return worst;
}

void ir_watch_end_at(ir_watch **pw, const char *root, double span_s, ir_got *out)
{
    ir_watch *w = *pw;
    *out = (ir_got){NAN, NAN};
    *pw = NULL;
    if (!w) return;
    if (isnan(span_s)) span_s = ir_now() - w->began_s;
    double       caller = caller_cpu_s() - w->caller_s;
    thread_time *now = malloc(MAX_WATCHED * sizeof *now);
    size_t       n = now ? read_threads(root, now) : 0;
    if (!now) ir_left_out("the share of the processors");
    out->preemptions = involuntary() - w->switches;
    if (n > 0)
        out->cpu_share = worst_share(w, now, n, span_s);
    else if (span_s > 0 && caller >= WANTS * span_s)
        out->cpu_share = fmin(caller / span_s, 1);
    free(now);
    free(w);
}

ir_watch *ir_watch_begin(void) { return ir_watch_begin_at(""); }
void      ir_watch_end(ir_watch **w, ir_got *out) { ir_watch_end_at(w, "", NAN, out); }
