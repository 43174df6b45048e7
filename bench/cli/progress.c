/* progress.c -- see progress.h. Redrawn in place: the line never reaches the last column, so it never wraps.
 * Time left is the time of the work done times the work to do over it; it is said once there was something to
 * measure: rows that do not apply take none, and often come first. */
#define _GNU_SOURCE
#include "bench/cli/progress.h"
#include "harness/screen.h"

#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static double monotonic(void *arg)
{
    struct timespec t;
    (void)arg;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void cli_progress_init(cli_progress *p, FILE *out, bool quiet, size_t total)
{
    *p = (cli_progress){.out = out, .total = total, .now = monotonic, .start_s = NAN};
    p->on = !quiet && isatty(ir_screen_fd(out));
}

static int progress_columns(const cli_progress *p)
{
    struct winsize w;
    if (p->width > 0) return p->width;
    return ioctl(ir_screen_fd(p->out), TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
}

void cli_progress_plan(cli_progress *p, const char *name, size_t total, double weight)
{
    if (p->nphase == CLI_MAX_PHASES) return;
    p->phase[p->nphase++] = (cli_phase){name, total, 0, weight};
    p->total += total;
}

void cli_progress_enter(cli_progress *p, size_t at)
{
    p->at = at;
    p->done = 0;
    for (size_t i = 0; i < at; i++) {
        p->phase[i].done = p->phase[i].total;
        p->done += p->phase[i].total;
    }
}

#define KNOWN_S 1.0

/* The work to do over the work done. */
static double work_left(const cli_progress *p)
{
    double done = 0, left = 0;
    for (size_t i = 0; i < p->nphase; i++) {
        done += p->phase[i].weight * (double)p->phase[i].done;
        left += p->phase[i].weight * (double)(p->phase[i].total - p->phase[i].done);
    }
    return p->nphase ? left / done : (double)(p->total - p->done) / (double)p->done;
}

/* "about 40 s left", "about 2 min left"; empty while nothing is known. */
static void time_left(const cli_progress *p, char *buf, size_t size)
{
    double took = p->now(p->arg) - p->start_s, s = took * work_left(p);
    buf[0] = 0;
    if (p->done == 0 || took < KNOWN_S || !(s < 3.6e6)) return;
    if (s < 60)
        snprintf(buf, size, "about %.0f s left", s);
    else if (s < 3600)
        snprintf(buf, size, "about %.0f min left", s / 60);
    else
        snprintf(buf, size, "about %.1f h left", s / 3600);
}

/* "ceilings 5/5, points 12/205"; without parts "12/205". */
static size_t counts(const cli_progress *p, char *buf, size_t size)
{
    size_t n = 0;
    buf[0] = 0;
    for (size_t i = 0; i < p->nphase && i <= p->at && n < size; i++)
        if (p->phase[i].total)
            n += (size_t)snprintf(buf + n, size - n, "%s%s %zu/%zu", n ? ", " : "", p->phase[i].name,
                                  p->phase[i].done, p->phase[i].total);
    if (p->nphase == 0 && p->done < p->total) n = (size_t)snprintf(buf, size, "%zu/%zu", p->done, p->total);
    if (p->nphase == 0 && p->done >= p->total) n = (size_t)snprintf(buf, size, "%zu", p->done);
    return n;
}

void cli_progress_show(cli_progress *p, const char *what)
{
    char line[512], left[48] = "", count[160];
    if (!p->on) return;
    if (isnan(p->start_s)) p->start_s = p->now(p->arg);
    if (p->done < p->total) time_left(p, left, sizeof left);
    counts(p, count, sizeof count);
    snprintf(line, sizeof line, "[%s] %s%s%s", count, left, *left ? "  " : "", what);
    ir_screen_own(p->out, "\r\033[K");
    fprintf(p->out, "%.*s", progress_columns(p) - 1, line);
    fflush(p->out);
}

void cli_progress_done(cli_progress *p)
{
    cli_phase *part = p->nphase ? &p->phase[p->at] : NULL;
    p->done++;
    if (!part) return;
    part->done++;
    if (part->done <= part->total) return;
    part->total++; /* more than was thought */
    p->total++;
}

void cli_progress_clear(cli_progress *p)
{
    if (!p->on) return;
    ir_screen_own(p->out, "\r\033[K");
    fflush(p->out);
}
