/* progress.c -- see progress.h. Redrawn in place: the line never reaches the last column, so it never wraps.
 * Time left is the mean time of the points done times those to do. */
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

/* "00:31 left", "1:02:03 left"; "--:-- left" while nothing is done. */
static void time_left(const cli_progress *p, char *buf, size_t size)
{
    double s = (p->now(p->arg) - p->start_s) / (double)p->done * (double)(p->total - p->done);
    if (p->done == 0 || !(s >= 0 && s < 3.6e6)) {
        snprintf(buf, size, "--:-- left");
        return;
    }
    long t = lround(s);
    if (t >= 3600)
        snprintf(buf, size, "%ld:%02ld:%02ld left", t / 3600, t / 60 % 60, t % 60);
    else
        snprintf(buf, size, "%02ld:%02ld left", t / 60, t % 60);
}

void cli_progress_show(cli_progress *p, const char *what)
{
    char line[512], left[32];
    if (!p->on) return;
    if (isnan(p->start_s)) p->start_s = p->now(p->arg);
    if (p->done < p->total) {
        time_left(p, left, sizeof left);
        snprintf(line, sizeof line, "[%zu/%zu] %s  %s", p->done, p->total, left, what);
    } else {
        snprintf(line, sizeof line, "[%zu] %s", p->done, what);
    }
    ir_screen_own(p->out, "\r\033[K");
    fprintf(p->out, "%.*s", progress_columns(p) - 1, line);
    fflush(p->out);
}

void cli_progress_done(cli_progress *p) { p->done++; }

void cli_progress_clear(cli_progress *p)
{
    if (!p->on) return;
    ir_screen_own(p->out, "\r\033[K");
    fflush(p->out);
}
