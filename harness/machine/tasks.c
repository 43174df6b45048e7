/* tasks.c -- which processes take CPU time (/proc/PID/stat), and waiting until they stop. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"
#include "harness/left_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_PIDS = 32768 };
static const double SEEN = 0.05, BUSY_ALL = 0.05, BUSY_ONE = 0.5; /* of a CPU; of all CPUs; of a CPU */

void ir_tasks_free(ir_tasks *t)
{
    free(t->v);
    *t = (ir_tasks){0};
}

/* "PID (NAME) S ppid ...": the name may hold blanks and parentheses; user and system ticks are fields 14
 * and 15. */
static bool parse(const char *text, ir_task *out)
{
    const char *open = strchr(text, '('), *close = strrchr(text, ')');
    double      user, sys, tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
    if (!open || !close || close < open) return false;
    if (sscanf(close + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lf %lf", &user, &sys) != 2)
        return false;
    out->pid = (int)strtol(text, NULL, 10);
    snprintf(out->name, sizeof out->name, "%.*s", (int)(close - open - 1), open + 1);
    for (char *c = out->name; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7F)
            *c = '?'; /* a process names itself as it likes */
    out->cpu_s = (user + sys) * tick;
    return true;
}

ir_status ir_tasks_read(const char *root, ir_tasks *out)
{
    ir_name *names = malloc(MAX_PIDS * sizeof *names);
    char     text[1024];
    int count = names ? ir_dir_list(root, "/proc", names, MAX_PIDS) : 0, own = *root ? -1 : (int)getpid();
    *out = (ir_tasks){0};
    out->v = calloc((size_t)count + 1, sizeof *out->v);
    if (!names || !out->v) {
        free(names);
        ir_tasks_free(out);
        return ir_fail(IR_ENOMEM, "no memory for the list of processes");
    }
    for (int i = 0; i < count; i++) {
        ir_task t;
        if (names[i].name[0] < '0' || names[i].name[0] > '9') continue;
        if (!ir_file_read(root, text, sizeof text, "/proc/%s/stat", names[i].name) || !parse(text, &t))
            continue;
        if (t.pid != own) out->v[out->n++] = t;
    }
    free(names);
    return IR_OK;
}

static double tasks_before(const ir_tasks *t, int pid)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i].pid == pid) return t->v[i].cpu_s;
    return 0; /* it began since */
}

int ir_tasks_busiest(const ir_tasks *a, const ir_tasks *b, double span_s, ir_user out[IR_MAX_USERS])
{
    int n = 0;
    for (size_t i = 0; i < b->n; i++) {
        double cpus = (b->v[i].cpu_s - tasks_before(a, b->v[i].pid)) / span_s;
        int    at = n;
        if (!(cpus >= SEEN)) continue;
        while (at > 0 && out[at - 1].cpus < cpus) at--;
        if (at == IR_MAX_USERS) continue;
        if (n < IR_MAX_USERS) n++;
        memmove(out + at + 1, out + at, (size_t)(n - at - 1) * sizeof *out);
        out[at] = (ir_user){.pid = b->v[i].pid, .cpus = cpus};
        memcpy(out[at].name, b->v[i].name, sizeof out[at].name);
    }
    return n;
}

char *ir_users_text(const ir_user *u, int n, char *buf, size_t cap)
{
    size_t at = 0;
    buf[0] = 0;
    for (int i = 0; i < n; i++) {
        size_t more = (size_t)snprintf(buf + at, cap - at, "%s%s (pid %d) %.0f %% of a CPU", i ? ", " : "",
                                       u[i].name, u[i].pid, 100 * u[i].cpus);
        if (i && more >= cap - at) buf[at] = 0; /* whole ones only; the busiest comes first */
        if (more >= cap - at) break;
        at += more;
    }
    return buf;
}

bool ir_load_idle(double others, const ir_user *u, int n)
{
    return others < BUSY_ALL && !(n > 0 && u[0].cpus >= BUSY_ONE);
}

/* ---- a stretch, and waiting ------------------------------------------------------------------ */
struct ir_neighbours {
    ir_load  load;
    ir_tasks tasks;
};
typedef struct ir_neighbours look;

static ir_status look_around(look *o)
{
    ir_load_read_at("", NULL, &o->load);
    if (isnan(o->load.total_s))
        return ir_fail(IR_SKIP, "how busy this machine is cannot be read (/proc/stat)");
    return ir_tasks_read("", &o->tasks);
}

ir_neighbours *ir_neighbours_begin(void)
{
    look *o = calloc(1, sizeof *o);
    if (!o) ir_left_out("what other processes took");
    if (o && look_around(o) == IR_OK) return o;
    free(o);
    return NULL;
}

void ir_neighbours_end(ir_neighbours **pn, ir_load_shares *out, char *who, size_t cap)
{
    look   *was = *pn, now = {.tasks = {0}};
    ir_user users[IR_MAX_USERS];
    *pn = NULL;
    *out = (ir_load_shares){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    who[0] = 0;
    if (!was) return;
    if (look_around(&now) == IR_OK) {
        *out = ir_load_between(&was->load, &now.load);
        ir_users_text(users, ir_tasks_busiest(&was->tasks, &now.tasks, out->span_s, users), who, cap);
    }
    ir_tasks_free(&was->tasks);
    ir_tasks_free(&now.tasks);
    free(was);
}

/* One second, or what is left; the second reading becomes the first of the next. */
static ir_status one_look(look *was, double pause_s, bool *idle, double *others, ir_user *users, int *n)
{
    look            now = {.tasks = {0}};
    struct timespec t = {(time_t)pause_s, (long)(1e9 * (pause_s - floor(pause_s)))};
    nanosleep(&t, NULL); /* a signal ends it early: the caller looks at its flag */
    ir_status s = look_around(&now);
    if (s != IR_OK) return s;
    *others = ir_load_between(&was->load, &now.load).others;
    *n = ir_tasks_busiest(&was->tasks, &now.tasks, now.load.t_s - was->load.t_s, users);
    *idle = ir_load_idle(*others, users, *n);
    ir_tasks_free(&was->tasks);
    *was = now;
    return IR_OK;
}

static ir_status give_up(double limit_s, double others, const ir_user *users, int n)
{
    char who[400];
    ir_users_text(users, n, who, sizeof who);
    return ir_fail(IR_EINVAL, "still busy after %.3g s: other processes take %.0f %% of the CPUs: %s",
                   limit_s, 100 * others, *who ? who : "none that can be seen from here");
}

ir_status ir_wait_idle(double limit_s, const volatile int *stop)
{
    enum { PAUSE_S = 1 };
    look      was = {.tasks = {0}};
    ir_user   users[IR_MAX_USERS];
    int       n = 0;
    bool      idle = false;
    double    others = NAN, end = ir_now() + limit_s;
    ir_status s = look_around(&was);
    while (s == IR_OK && !idle) {
        s = one_look(&was, PAUSE_S, &idle, &others, users, &n);
        if (s == IR_OK && stop && *stop) s = ir_fail(IR_EINTR, "interrupted");
        if (s == IR_OK && !idle && ir_now() >= end) s = give_up(limit_s, others, users, n);
    }
    ir_tasks_free(&was.tasks);
    return s;
}
