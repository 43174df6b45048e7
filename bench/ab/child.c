/* child.c -- see child.h. */
#define _GNU_SOURCE
#include "bench/ab/child.h"
#include "harness/machine/machine.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <unistd.h>

enum { POLL_MS = 100, MOST_OUT = 256 << 20 };

/* ---- words ----------------------------------------------------------------------------------- */
/* One word from *s on, unquoted in place at `to`; returns the end of what was written, NULL: an unclosed
 * quote. */
static char *word(const char **s, char *to)
{
    char quote = 0;
    for (; **s && (quote || !isspace((unsigned char)**s)); ++*s) {
        bool keep =
            **s == '\\' && (*s)[1] && (!quote || (quote == '"' && ((*s)[1] == '"' || (*s)[1] == '\\')));
        if (keep)
            *to++ = *++*s;
        else if (quote ? **s == quote : **s == '\'' || **s == '"')
            quote = quote ? 0 : **s;
        else
            *to++ = **s;
    }
    return quote ? NULL : to;
}

ir_status child_split(const char *line, child_words *out)
{
    size_t len = strlen(line);
    *out = (child_words){.text = malloc(2 * len + 2), .v = malloc((len + 2) * sizeof(char *))};
    if (!out->text || !out->v) return child_words_free(out), ir_fail(IR_ENOMEM, "no memory for a command");
    char *to = out->text;
    for (const char *s = line;;) {
        while (isspace((unsigned char)*s)) s++;
        if (!*s) break;
        out->v[out->n++] = to;
        to = word(&s, to);
        if (!to) return child_words_free(out), ir_fail(IR_EINVAL, "'%.100s': a quote is not closed", line);
        *to++ = 0;
    }
    out->v[out->n] = NULL;
    if (out->n == 0) return child_words_free(out), ir_fail(IR_EINVAL, "a command is empty");
    return IR_OK;
}

void child_words_free(child_words *w)
{
    free(w->text);
    free(w->v);
    *w = (child_words){0};
}

/* ---- start ----------------------------------------------------------------------------------- */
static void become(char *const *argv, int fd[2][2], pid_t parent)
{
    static const int usual[] = {SIGINT,  SIGTERM, SIGHUP,  SIGPIPE,
                                SIGXFSZ, SIGXCPU, SIGUSR1, SIGUSR2}; /* what is ignored stays so over exec */
    int              nothing = open("/dev/null", O_RDONLY);
    setpgid(0, 0);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) signal(usual[i], SIG_DFL);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever ends us, the child does not go on alone */
    if (getppid() != parent) _exit(127);
#endif
    if (nothing >= 0) dup2(nothing, 0);
    dup2(fd[0][1], 1);
    dup2(fd[1][1], 2);
    execvp(argv[0], argv);
    dprintf(2, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static ir_status child_start(char *const *argv, int fd[2][2], pid_t *pid)
{
    for (int i = 0; i < 2; i++) fd[i][0] = fd[i][1] = -1;
    for (int i = 0; i < 2; i++)
        if (pipe2(fd[i], O_CLOEXEC) != 0) return ir_fail(IR_EIO, "%s: no pipe: %s", argv[0], strerror(errno));
    fflush(NULL);
    pid_t parent = getpid();
    *pid = fork();
    if (*pid < 0) return ir_fail(IR_EIO, "%s: cannot be started: %s", argv[0], strerror(errno));
    if (*pid == 0) become(argv, fd, parent);
    setpgid(*pid, *pid); /* both sides, so that a kill finds the group at once */
    for (int i = 0; i < 2; i++) {
        close(fd[i][1]);
        fd[i][1] = -1;
        fcntl(fd[i][0], F_SETFL, O_NONBLOCK);
    }
    return IR_OK;
}

/* ---- read ------------------------------------------------------------------------------------ */
static ir_status keep_out(child_result *r, const char *buf, size_t n)
{
    char *grown = realloc(r->out, r->n + n + 1);
    if (!grown) return ir_fail(IR_ENOMEM, "no memory for %zu bytes of a child's output", r->n + n);
    r->out = grown;
    memcpy(r->out + r->n, buf, n);
    r->n += n;
    r->out[r->n] = 0;
    return IR_OK;
}

/* The last bytes win: the reason of an end stands there. */
static void keep_err(child_result *r, const char *buf, size_t n)
{
    size_t have = strlen(r->err), room = sizeof r->err - 1;
    if (n > room) buf += n - room, n = room;
    if (have + n > room) {
        memmove(r->err, r->err + (have + n - room), room - n);
        have = room - n;
    }
    for (size_t i = 0; i < n; i++) r->err[have + i] = (unsigned char)buf[i] < ' ' ? ' ' : buf[i];
    r->err[have + n] = 0;
}

/* What there is to read now; *open: a writer is left. */
static ir_status drain(int fd, bool is_out, child_result *r, bool *open)
{
    char buf[1 << 16];
    for (;;) {
        ssize_t n = read(fd, buf, sizeof buf);
        if (n < 0 && errno == EINTR) continue;
        *open = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        if (n < 0 && !*open) return ir_fail(IR_EIO, "what a process prints: %s", strerror(errno));
        if (n <= 0) return IR_OK;
        if (!is_out)
            keep_err(r, buf, (size_t)n);
        else if (keep_out(r, buf, (size_t)n) != IR_OK)
            return IR_ENOMEM;
        r->too_much = r->n > MOST_OUT;
        if (r->too_much) return IR_OK;
    }
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* Until both outputs end, or the process has ended and nothing comes any more: what it left running in the
 * background may hold them open for ever. */
static ir_status child_read_all(pid_t pid, int fd[2][2], double timeout_s, const volatile int *stop,
                                double t0, child_result *r)
{
    bool      open[2] = {true, true};
    ir_status st = IR_OK;
    while (st == IR_OK && (open[0] || open[1]) && !r->too_much) {
        struct pollfd p[2] = {{open[0] ? fd[0][0] : -1, POLLIN, 0}, {open[1] ? fd[1][0] : -1, POLLIN, 0}};
        bool          ended = has_ended(pid), silent = poll(p, 2, POLL_MS) == 0;
        if (ended && silent) break;
        for (int i = 0; i < 2 && st == IR_OK; i++)
            if (open[i] && p[i].revents) st = drain(fd[i][0], i == 0, r, &open[i]);
        if (stop && *stop) return ir_fail(IR_EINTR, "interrupted");
        r->timed_out = ir_now() - t0 > timeout_s;
        if (r->timed_out) break;
    }
    return st;
}

static double seconds_of(struct timeval t) { return (double)t.tv_sec + 1e-6 * (double)t.tv_usec; }

/* Its end, once its output has ended; a process that closed its output and goes on is bound by the same time.
 * Most end at once: the first looks follow each other closely, so that the wall time is as exact as that. */
static void reap(pid_t pid, bool kill_now, double timeout_s, double t0, child_result *r)
{
    int           status = 0;
    long          wait_ns = 20000;
    struct rusage used = {0};
    if (kill_now) kill(-pid, SIGKILL);
    for (;;) {
        pid_t got = wait4(pid, &status, kill_now ? 0 : WNOHANG, &used);
        if (got == pid) break;
        if (got < 0 && errno != EINTR) return;
        if (got != 0) continue;
        if (ir_now() - t0 > timeout_s) {
            r->timed_out = kill_now = true;
            kill(-pid, SIGKILL);
        } else {
            nanosleep(&(struct timespec){.tv_nsec = wait_ns}, NULL);
            if (wait_ns < 1000000) wait_ns += wait_ns / 4;
        }
    }
    r->wall_s = ir_now() - t0;
    r->cpu_s = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
    r->peak_B = 1024.0 * (double)used.ru_maxrss;
    kill(-pid, SIGKILL); /* what it started in its group and left behind */
    if (WIFEXITED(status))
        r->code = WEXITSTATUS(status);
    else if (WIFSIGNALED(status))
        r->signal = WTERMSIG(status);
}

ir_status child_run(char *const *argv, double timeout_s, const volatile int *stop, child_result *out)
{
    int    fd[2][2];
    pid_t  pid = -1;
    double t0 = ir_now();
    *out = (child_result){.code = -1};
    ir_status st = child_start(argv, fd, &pid);
    if (st == IR_OK) st = keep_out(out, "", 0);
    if (st == IR_OK) st = child_read_all(pid, fd, timeout_s, stop, t0, out);
    if (pid > 0) reap(pid, st != IR_OK || out->timed_out || out->too_much, timeout_s, t0, out);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            if (fd[i][k] >= 0) close(fd[i][k]);
    if (st != IR_OK) child_free(out);
    return st;
}

void child_free(child_result *r)
{
    free(r->out);
    r->out = NULL;
    r->n = 0;
}

const char *child_failure(const child_result *r, double timeout_s, char *buf, size_t n)
{
    size_t err = strlen(r->err);
    while (err > 0 && r->err[err - 1] == ' ') err--; /* its last line's end */
    if (err > 300) err = 300;
    if (r->timed_out)
        snprintf(buf, n, "still running after %g s: ended", timeout_s);
    else if (r->too_much)
        snprintf(buf, n, "wrote more than %d MiB: ended", MOST_OUT >> 20);
    else if (r->signal)
        snprintf(buf, n, "killed by signal %d (%s)", r->signal, strsignal(r->signal));
    else if (r->code != 0)
        snprintf(buf, n, "exit code %d%s%.*s", r->code, err ? ": " : "", (int)err, r->err);
    else
        return NULL;
    return buf;
}
