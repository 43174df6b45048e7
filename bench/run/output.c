/* output.c -- see output.h. */
#define _GNU_SOURCE
#include "bench/run/output.h"
#include "harness/record/input.h"
#include "harness/screen.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static void slug(const char *name, char *buf, size_t n)
{
    size_t m = 0;
    for (; *name && m + 1 < n; name++) {
        bool word = isalnum((unsigned char)*name);
        if (word)
            buf[m++] = (char)tolower((unsigned char)*name);
        else if (m && buf[m - 1] != '-')
            buf[m++] = '-';
    }
    while (m && buf[m - 1] == '-') m--;
    buf[m] = 0;
    if (!m) snprintf(buf, n, "machine");
}

static ir_status fits(int length, size_t n, const char *what)
{
    return length >= 0 && (size_t)length < n ? IR_OK
                                             : ir_fail(IR_EINVAL, "%.80s...: the path is too long", what);
}

ir_status output_path(const char *asked, const char *machine, int attempt, char *buf, size_t n)
{
    struct stat st;
    struct tm   tm;
    char        stamp[32], more[16] = "", id[64];
    time_t      now = time(NULL);
    if (asked) return fits(snprintf(buf, n, "%s", asked), n, asked);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
    if (attempt > 1) snprintf(more, sizeof more, "-%d", attempt);
    bool      there;
    ir_status look = ir_path_look("results", &there, &st);
    if (look != IR_OK) return look;
    if (!there || !S_ISDIR(st.st_mode))
        return fits(snprintf(buf, n, "ironroof-%s%s.jsonl", stamp, more), n, stamp);
    slug(machine, id, sizeof id);
    snprintf(buf, n, "results/%s", id);
    if (mkdir(buf, 0777) != 0 && errno != EEXIST)
        return ir_fail(IR_EIO, "%s: %s (name a file with -o)", buf, strerror(errno));
    return fits(snprintf(buf, n, "results/%s/%s%s.jsonl", id, stamp, more), n, id);
}

ir_status output_journal(const char *asked, const char *machine, bool force, char *path, size_t n,
                         ir_journal **out)
{
    enum { ATTEMPTS = 1000 };
    bool      taken = true;
    ir_status st = IR_OK;
    for (int i = 1; i <= ATTEMPTS && taken && st == IR_OK; i++) {
        st = output_path(asked, machine, i, path, n);
        if (st == IR_OK && asked) return ir_journal_start(path, force, out);
        if (st == IR_OK) st = ir_journal_fresh(path, &taken, out);
        if (taken && st != IR_OK && i < ATTEMPTS) st = IR_OK;
    }
    return st;
}

ir_status output_sibling(const char *path, const char *suffix, char *buf, size_t n)
{
    size_t len = strlen(path), ext = strlen(".jsonl");
    if (len > ext && !strcmp(path + len - ext, ".jsonl")) len -= ext;
    return fits(snprintf(buf, n, "%.*s%s", (int)len, path, suffix), n, path);
}

bool output_is(FILE *f, const char *path)
{
    struct stat a, b;
    return fstat(ir_screen_fd(f), &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

ir_status output_apart(const char *path)
{
    struct stat st;
    bool        there = false;
    ir_status   look = path && strcmp(path, "-") ? ir_path_look(path, &there, &st) : IR_OK;
    if (look != IR_OK || !there || !S_ISREG(st.st_mode)) return look;
    if (!output_is(stdout, path) && !output_is(stderr, path)) return IR_OK;
    return ir_fail(IR_EINVAL, "%s: what is printed goes there too: give -o - or name another file", path);
}

static volatile int interrupted;

/* A signal that ends the run sets the flag, and the run ends with what it has; the second one kills. A signal
 * that only says that a file or a reader is gone is ignored: the write fails and says why. */
static struct {
    int              number;
    bool             ends, again; /* the second one does not kill: the system repeats it */
    bool             installed;
    struct sigaction before;
} signals[] = {{.number = SIGINT, .ends = true},
               {.number = SIGTERM, .ends = true},
               {.number = SIGHUP, .ends = true},
               {.number = SIGXCPU, .ends = true, .again = true}, /* a batch system's: time is nearly over */
               {.number = SIGUSR1, .ends = true},
               {.number = SIGUSR2, .ends = true},
               {.number = SIGPIPE},
               {.number = SIGXFSZ}};
enum { NSIGNAL = sizeof signals / sizeof *signals };

static void on_signal(int sig)
{
    (void)sig; /* SA_RESETHAND: the next one has its usual effect */
    interrupted = 1;
}

const volatile int *interrupt_install(void)
{
    for (int i = 0; i < NSIGNAL; i++) {
        struct sigaction now = {.sa_handler = signals[i].ends ? on_signal : SIG_IGN};
        if (signals[i].installed || sigaction(signals[i].number, NULL, &signals[i].before) != 0) continue;
        if (signals[i].ends) now.sa_flags = (int)((signals[i].again ? 0 : SA_RESETHAND) | SA_RESTART);
        if (signals[i].before.sa_handler != SIG_IGN) /* nohup, trap '': it stays ignored */
            sigaction(signals[i].number, &now, NULL);
        signals[i].installed = true;
    }
    return &interrupted;
}

void interrupt_restore(void)
{
    for (int i = 0; i < NSIGNAL; i++) {
        if (!signals[i].installed || !signals[i].ends) continue;
        sigaction(signals[i].number, &signals[i].before, NULL);
        signals[i].installed = false;
    }
}
