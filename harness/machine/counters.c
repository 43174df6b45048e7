/* counters.c -- the parent's side of the helper: spawn, ask with a time limit, choose groups by the rule, add
 * up. An answer that does not come, or the end of the socket, ends the helper for good; its reason is kept in
 * one line, with the last line it wrote to its standard error. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_ROUNDS = 16, MAX_USED = 16, LINE = 512, BUFFER = 1 << 16 };
/* A metric that is used: its index in the group, what it adds to. */
typedef struct {
    int     index;
    ir_part part;
    double  unit;
    bool    rate;
} counters_metric;
typedef struct {
    char            group[64];
    ir_count        what;
    int             id, nused;
    counters_metric used[MAX_USED];
} counters_round;
struct ir_counters {
    pid_t          pid;
    int            talk, errors; /* the socket; the helper's standard error */
    double         limit_s;
    char           text[BUFFER], last[160], version[48], cpu[40], missing[200], gone[IR_WHY];
    size_t         n;
    counters_round round[MAX_ROUNDS];
    int            nround;
    double         joules[2]; /* of the last round of energy: packages; memory beside them */
};

/* ---- process --------------------------------------------------------------------------------- */
static bool counters_spawn(ir_counters *c, const char *program, int socket, int errors)
{
    char                       path[4096], helper[] = IR_COUNTERS_HELPER, name[] = "ironroof";
    char *const                args[] = {name, helper, NULL};
    posix_spawn_file_actions_t a;
    ssize_t                    n = program ? 0 : readlink("/proc/self/exe", path, sizeof path - 1);
    if (n < 0 || posix_spawn_file_actions_init(&a)) return false;
    path[n] = 0;
    posix_spawn_file_actions_adddup2(&a, socket, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&a, socket, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&a, errors, STDERR_FILENO);
    int error = posix_spawn(&c->pid, program ? program : path, &a, NULL, args, environ);
    posix_spawn_file_actions_destroy(&a);
    if (error) c->pid = 0;
    return error == 0;
}

/* What it said last on standard error, without colours or control characters. */
static void counters_last_words(ir_counters *c)
{
    char    text[4096], line[sizeof c->last] = "";
    ssize_t n = read(c->errors, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    char *save = NULL;
    for (char *s = strtok_r(text, "\r\n", &save); s; s = strtok_r(NULL, "\r\n", &save)) {
        size_t k = 0;
        for (; *s && k + 1 < sizeof line; s++) {
            if (*s == '\033' && s[1] == '[') { /* a colour: up to its letter */
                s += 2 + strspn(s + 2, "0123456789;");
                if (!*s) break;
            } else if ((unsigned char)*s >= ' ' && (unsigned char)*s < 127) {
                line[k++] = *s;
            }
        }
        line[k] = 0;
        if (k > 0) memcpy(c->last, line, sizeof line);
    }
}

/* Ends the helper, by force after a while; how it ended, in words. */
static void counters_end(ir_counters *c, bool now, char *how, size_t cap)
{
    int status = 0;
    how[0] = 0;
    if (c->pid <= 0) return;
    shutdown(c->talk, SHUT_WR);
    pid_t got = 0;
    for (int i = 0; !now && i < 100 && (got = waitpid(c->pid, &status, WNOHANG)) == 0; i++) usleep(10000);
    if (got != c->pid) {
        kill(c->pid, SIGKILL);
        while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) continue;
    } else if (WIFSIGNALED(status)) {
        snprintf(how, cap, "signal %d", WTERMSIG(status));
    } else {
        snprintf(how, cap, "exit code %d", WEXITSTATUS(status));
    }
    c->pid = 0;
}

static ir_status counters_lost(ir_counters *c, bool late)
{
    char how[40];
    counters_end(c, late, how, sizeof how);
    counters_last_words(c);
    if (late)
        snprintf(c->gone, sizeof c->gone, "counters: likwid did not answer within %g s; its helper was ended",
                 c->limit_s);
    else
        snprintf(c->gone, sizeof c->gone, "counters: likwid ended its helper (%s)%s%.110s", how,
                 *c->last ? ": " : "", c->last);
    return ir_fail(IR_SKIP, "%s", c->gone);
}

/* ---- lines ----------------------------------------------------------------------------------- */
/* One line of the answer. */
static ir_status counters_line(ir_counters *c, double end, char line[LINE])
{
    for (;;) {
        char *nl = memchr(c->text, '\n', c->n);
        if (nl) {
            size_t len = (size_t)(nl - c->text);
            snprintf(line, LINE, "%.*s", (int)(len < LINE ? len : LINE - 1), c->text);
            c->n -= len + 1;
            memmove(c->text, nl + 1, c->n);
            return IR_OK;
        }
        struct pollfd p = {c->talk, POLLIN, 0};
        double        left = end - ir_now();
        int           got = left > 0 ? poll(&p, 1, (int)(1e3 * left) + 1) : 0;
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return counters_lost(c, true);
        ssize_t n = c->n < BUFFER ? recv(c->talk, c->text + c->n, BUFFER - c->n, 0) : 0;
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return counters_lost(c, false);
        c->n += (size_t)n;
    }
}

typedef void (*counters_take)(ir_counters *, const char *line, void *arg);

/* Send a command, hand every line of data over, and keep the rest of the last line. */
static ir_status counters_ask(ir_counters *c, const char *command, counters_take take, void *arg,
                              char last[LINE])
{
    double end = ir_now() + c->limit_s;
    if (c->pid <= 0) return ir_fail(IR_SKIP, "%s", c->gone);
    if (send(c->talk, command, strlen(command), MSG_NOSIGNAL) < 0) return counters_lost(c, false);
    for (;;) {
        char      line[LINE];
        ir_status st = counters_line(c, end, line);
        if (st != IR_OK) return st;
        if (!strncmp(line, "no ", 3)) return ir_fail(IR_SKIP, "counters: %.170s", line + 3);
        bool ok = !strncmp(line, "ok", 2) && (line[2] == ' ' || !line[2]);
        if (ok && last) snprintf(last, LINE, "%s", line[2] ? line + 3 : "");
        if (ok) return IR_OK;
        if (take) take(c, line, arg);
    }
}

/* ---- open ------------------------------------------------------------------------------------ */
/* What the library refused, in words that help. */
static ir_status counters_refused(ir_counters *c, const char *why)
{
    char family[IR_WHY], pmu[IR_WHY];
    snprintf(family, sizeof family, "%s", why);
    counters_last_words(c);
    if (!strstr(why, "perfmon_init")) return ir_fail(IR_SKIP, "%s", family);
    if (!ir_perf_usable("", pmu, sizeof pmu)) return ir_fail(IR_SKIP, "counters: %.150s", pmu);
    return ir_fail(IR_SKIP, "%.110s%s%.70s", family, *c->last ? ": " : "", c->last);
}

ir_status ir_counters_open(const ir_counters_ask *ask, ir_counters **out)
{
    int          talk[2], errors[2];
    char         command[1400], last[LINE], why[IR_WHY];
    ir_counters *c = *out = calloc(1, sizeof *c);
    if (!c) return ir_fail(IR_ENOMEM, "counters: no memory");
    c->talk = c->errors = -1;
    c->joules[0] = c->joules[1] = NAN;
    c->limit_s = ask->limit_s > 0 ? ask->limit_s : 5;
    bool ok = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk) == 0;
    if (ok && pipe2(errors, O_CLOEXEC)) close(talk[0]), close(talk[1]), ok = false;
    if (ok) {
        c->talk = talk[0];
        c->errors = errors[0];
        fcntl(c->errors, F_SETFL, O_NONBLOCK);
        ok = counters_spawn(c, ask->program, talk[1], errors[1]);
        close(talk[1]);
        close(errors[1]);
    }
    if (!ok) {
        ir_status st = ir_fail(IR_SKIP, "counters: the helper cannot be started: %s", strerror(errno));
        ir_counters_close(out);
        return st;
    }
    snprintf(command, sizeof command, "open %.300s %.1000s\n", ask->library ? ask->library : "-",
             ask->cpus && *ask->cpus ? ask->cpus : "0");
    ir_status st = counters_ask(c, command, NULL, NULL, last);
    if (st == IR_OK) {
        char *cpu = strchr(last, '|');
        snprintf(c->cpu, sizeof c->cpu, "%.39s", cpu ? cpu + 1 : "?");
        if (cpu) *cpu = 0;
        snprintf(c->version, sizeof c->version, "likwid %.8s (GPL-3, separate process)", last);
        return IR_OK;
    }
    snprintf(why, sizeof why, "%s", ir_why());
    st = counters_refused(c, why);
    snprintf(why, sizeof why, "%s", ir_why());
    ir_counters_close(out);
    return ir_fail(st, "%s", why);
}

void ir_counters_close(ir_counters **c)
{
    char how[40];
    if (!*c) return;
    counters_end(*c, false, how, sizeof how);
    if ((*c)->talk >= 0) close((*c)->talk);
    if ((*c)->errors >= 0) close((*c)->errors);
    free(*c);
    *c = NULL;
}

const char *ir_counters_version(const ir_counters *c) { return c->version; }
const char *ir_counters_cpu(const ir_counters *c) { return c->cpu; }
const char *ir_counters_missing(const ir_counters *c) { return c->missing; }
int         ir_counters_rounds(const ir_counters *c) { return c->nround; }

unsigned ir_counters_kinds(const ir_counters *c)
{
    unsigned bits = 0;
    for (int i = 0; i < c->nround; i++) bits |= 1u << c->round[i].what;
    return bits;
}

/* ---- which groups ---------------------------------------------------------------------------- */
enum { MAX_GROUPS = 128 };
typedef struct {
    char name[MAX_GROUPS][64];
    int  n;
} counters_groups;

static void take_group(ir_counters *c, const char *line, void *arg)
{
    counters_groups *g = arg;
    (void)c;
    if (!strncmp(line, "group ", 6) && g->n < MAX_GROUPS)
        snprintf(g->name[g->n++], sizeof g->name[0], "%.63s", line + 6);
}

static void take_metric(ir_counters *c, const char *line, void *arg)
{
    counters_round *r = arg;
    counters_metric m;
    int             at = 0;
    (void)c;
    if (sscanf(line, "metric %d %n", &m.index, &at) != 1 || !at || r->nused == MAX_USED) return;
    if (ir_count_metric(r->what, line + at, &m.part, &m.unit, &m.rate)) r->used[r->nused++] = m;
}

/* One of them counts: the first total, or the first rate (others assume a width or are parts of it). */
static bool counters_keep_first(counters_round *r, bool totals)
{
    for (int i = 0; i < r->nused; i++) {
        if (totals ? r->used[i].part != IR_PART_TOTAL : !r->used[i].rate) continue;
        r->used[0] = r->used[i];
        r->nused = 1;
        return true;
    }
    return false;
}

/* Nothing is counted twice: a library's own total stands for its parts; else reads and writes apart are
 * better than both together, and never added to them. */
static void counters_choose(counters_round *r)
{
    bool apart = false;
    int  n = 0;
    if (r->what == IR_COUNT_ENERGY || counters_keep_first(r, true) || counters_keep_first(r, false)) return;
    for (int i = 0; i < r->nused; i++) apart = apart || r->used[i].part != IR_PART_BOTH;
    for (int i = 0; i < r->nused; i++)
        if (!apart || r->used[i].part != IR_PART_BOTH) r->used[n++] = r->used[i];
    r->nused = n;
}

static ir_status counters_add(ir_counters *c, ir_count what, const char *group)
{
    char            command[96], last[LINE];
    counters_round *r = &c->round[c->nround];
    if (c->nround == MAX_ROUNDS) return ir_fail(IR_SKIP, "counters: more than %d groups", MAX_ROUNDS);
    memset(r, 0, sizeof *r);
    r->what = what;
    snprintf(r->group, sizeof r->group, "%.63s", group);
    snprintf(command, sizeof command, "add %.63s\n", group);
    ir_status st = counters_ask(c, command, take_metric, r, last);
    if (st != IR_OK) return st;
    r->id = atoi(last);
    counters_choose(r);
    if (r->nused == 0) return ir_fail(IR_SKIP, "counters: group %s tells nothing known", group);
    c->nround++;
    return IR_OK;
}

static void counters_want_one(ir_counters *c, ir_count what, const counters_groups *g)
{
    int found = 0;
    const char *not = ir_count_exception(what, c->cpu);
    size_t n = strlen(c->missing);
    for (int i = 0; !not &&i < g->n; i++)
        if (ir_count_group(what, g->name[i])) found += counters_add(c, what, g->name[i]) == IR_OK;
    if (not )
        snprintf(c->missing + n, sizeof c->missing - n, "%s%s: %s", n ? "; " : "", ir_count_names[what],
                 not );
    else if (!found)
        snprintf(c->missing + n, sizeof c->missing - n, "%s%s: likwid has no group for it on %.30s",
                 n ? "; " : "", ir_count_names[what], c->cpu);
}

ir_status ir_counters_want(ir_counters *c, unsigned what, const char *group)
{
    static counters_groups g;
    g.n = 0;
    ir_status st = counters_ask(c, "groups\n", take_group, &g, NULL);
    if (st != IR_OK) return st;
    for (int k = 0; group && k < g.n; k++) {
        if (strcmp(g.name[k], group) != 0) continue;
        for (int w = 0; w < IR_NCOUNT; w++)
            if (counters_add(c, (ir_count)w, group) == IR_OK) return IR_OK;
        return ir_fail(IR_SKIP, "counters: group %.63s tells neither bytes, FLOPs, clock nor joules", group);
    }
    if (group)
        return ir_fail(IR_SKIP, "counters: %s has no group '%.40s' for this processor (%d groups)",
                       c->version, group, g.n);
    for (int w = 0; w < IR_NCOUNT; w++)
        if (what & (1u << w)) counters_want_one(c, (ir_count)w, &g);
    return c->nround ? IR_OK : ir_fail(IR_SKIP, "counters: %.180s", c->missing);
}

/* ---- counting -------------------------------------------------------------------------------- */
ir_status ir_counters_start(ir_counters *c, int round)
{
    char command[40];
    snprintf(command, sizeof command, "start %d\n", c->round[round].id);
    return counters_ask(c, command, NULL, NULL, NULL);
}

typedef struct {
    const counters_round *round;
    double                time_s, calls;
    ir_counts            *to;
} counters_sum;

static void counters_put(double *to, double v) { *to = (isnan(*to) ? 0 : *to) + v; }

static void take_value(ir_counters *c, const char *line, void *arg)
{
    counters_sum *s = arg;
    int           index, some;
    double        v;
    if (sscanf(line, "time %lf", &s->time_s) == 1) return;
    if (sscanf(line, "value %d %d %lf", &index, &some, &v) != 3 || some == 0 || !(v > 0)) return;
    for (int i = 0; i < s->round->nused; i++) {
        const counters_metric *m = &s->round->used[i];
        if (m->index != index) continue;
        double amount = v * m->unit * (m->rate ? s->time_s : 1) / s->calls;
        bool   beside = m->part == IR_PART_BESIDE;
        switch (s->round->what) {
        case IR_COUNT_DRAM:
            counters_put(m->part == IR_PART_WRITE ? &s->to->write_B : &s->to->read_B, amount);
            break;
        case IR_COUNT_FLOPS: counters_put(&s->to->flops, amount); break;
        case IR_COUNT_L2: counters_put(&s->to->l2_B, amount); break;
        case IR_COUNT_L3: counters_put(&s->to->l3_B, amount); break;
        case IR_COUNT_ENERGY: counters_put(&c->joules[beside], v * m->unit); break;
        default: counters_put(&s->to->cycles, v / some * m->unit * s->time_s / s->calls);
        }
    }
}

ir_status ir_counters_stop(ir_counters *c, int round, double calls, ir_counts *to)
{
    char         command[40];
    counters_sum s = {&c->round[round], NAN, calls, to};
    size_t       n = strlen(to->group);
    snprintf(command, sizeof command, "stop %d\n", c->round[round].id);
    c->joules[0] = c->joules[1] = NAN;
    ir_status st = counters_ask(c, command, take_value, &s, NULL);
    if (st != IR_OK) return st;
    snprintf(to->source, sizeof to->source, "likwid");
    snprintf(to->version, sizeof to->version, "%s", c->version);
    snprintf(to->group + n, sizeof to->group - n, "%s%s", n ? "," : "", c->round[round].group);
    return IR_OK;
}

void ir_counters_joules(const ir_counters *c, double *packages, double *dram)
{
    *packages = c->joules[0];
    *dram = c->joules[1];
}
