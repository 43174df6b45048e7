/* step.c -- one data-parallel step as a rank sees it: compute, then sum over all. The computation is another
 * process's (`ironroof worker POINT`), which waits for a letter and answers with a line. */
#define _GNU_SOURCE
#include "bench/fleet/net/net.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t  worker;
static int    to_worker = -1, from_worker = -1;
static double weights_B;
static char   computes[NET_POINT];

bool net_worker_start(char *const *argv)
{
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) return false;
    signal(SIGPIPE, SIG_IGN);
    worker = fork();
    if (worker == 0) {
        signal(SIGPIPE, SIG_DFL);
        dup2(to[0], 0);
        dup2(from[1], 1);
        execv(argv[0], argv);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    to_worker = to[1];
    from_worker = from[0];
    return worker > 0;
}

void net_worker_end(void)
{
    if (worker <= 0) return;
    close(to_worker); /* the end of its input ends it */
    close(from_worker);
    kill(worker, SIGTERM);
    waitpid(worker, NULL, 0);
    worker = 0;
}

/* A line, without its end; false: none before the deadline, or the worker is gone. */
static bool worker_line(char *buf, size_t size, double deadline_s)
{
    double end = net_now() + deadline_s;
    for (size_t n = 0; n + 1 < size;) {
        struct pollfd p = {from_worker, POLLIN, 0};
        double        left = end - net_now();
        if (!(left > 0) || poll(&p, 1, (int)(1e3 * left) + 1) <= 0) return false;
        if (read(from_worker, buf + n, 1) != 1) return false;
        buf[n] = buf[n] == '\n' ? 0 : buf[n];
        if (!buf[n++]) return true;
    }
    return false;
}

double net_worker_bytes(double deadline_s, char point[NET_POINT])
{
    char line[NET_POINT + 40];
    if (worker > 0 && !(weights_B > 0) && worker_line(line, sizeof line, deadline_s))
        if (sscanf(line, "ready %lf %199s", &weights_B, computes) != 2) weights_B = 0;
    memcpy(point, computes, NET_POINT);
    return weights_B;
}

static double compute(double deadline_s)
{
    char line[64];
    if (write(to_worker, "g", 1) != 1 || !worker_line(line, sizeof line, deadline_s)) return 0;
    return strtod(line, NULL);
}

/* All begin together, and the step ends here when the sum is here. */
void net_step(const net_order *o, int rank, int group, double deadline_s, net_report *r)
{
    char    point[NET_POINT];
    net_sum s, none = {0};
    bool    ready = net_worker_bytes(deadline_s, point) > 0;
    r->failed = !ready ? 3 : !net_sum_begin(&s, o->size_B) ? 1 : 0;
    if (r->failed) return;
    s.bucket = NET_BUCKET_B / sizeof *s.v;
    net_sum_fill(&s, rank);
    bool   there = net_sum_run(&none, group, deadline_s), sums = o->size_B > 0;
    double began = net_now();
    bool   computed = there && compute(deadline_s) > 0;
    double then = net_now();
    bool   summed = computed && (!sums || net_sum_run(&s, group, deadline_s));
    r->time_s[0] = net_now() - began;
    r->time_s[1] = then - began;
    r->failed = !there ? 1 : !computed ? 3 : !summed ? 1 : 0;
    if (summed && sums && !net_sum_right(&s, net_group_size(group))) r->failed = 2;
    net_sum_end(&s);
}
