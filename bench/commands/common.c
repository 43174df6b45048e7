/* common.c -- what every command needs: a complaint and a text report's shape. */
#define _GNU_SOURCE
#include "bench/commands/commands.h"
#include "bench/backends.h"
#include "kernels/workloads/table.h"
#include "harness/screen.h"
#include "bench/run/output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

ir_status one_point(const cli_args *a, const char *command, const ir_backend **be, cli_points *pts)
{
    *pts = (cli_points){0};
    *be = a->opt.backends.n ? bench_backend(a->opt.backends.v[0]) : bench_backends[0];
    if (a->opt.backends.n > 1) return ir_fail(IR_EINVAL, "%s works on one backend", command);
    if (!*be) return ir_fail(IR_EINVAL, "no backend '%s'", a->opt.backends.v[0]);
    ir_status st = cli_points_expand(ir_workloads, a->arg, a->narg, &a->opt, pts);
    if (st != IR_OK || pts->n == 1) return st;
    return ir_fail(IR_EINVAL, "%s takes one point, these are %zu: give keys, as in resnet50:batch=1", command,
                   pts->n);
}

int complain(void)
{
    fprintf(stderr, "ironroof: %s\n", ir_why());
    return EXIT_BAD;
}

int wait_idle(const cli_options *o)
{
    if (isnan(o->wait_idle_s)) return EXIT_FINE;
    ir_status st = ir_wait_idle(o->wait_idle_s, interrupt_install());
    if (st == IR_OK) return EXIT_FINE;
    fprintf(stderr, "ironroof: %s%s\n", st == IR_EINVAL ? "--wait-idle: " : "", ir_why());
    return st == IR_EINTR ? EXIT_INTERRUPTED : st == IR_SKIP ? EXIT_FINE : EXIT_ENVIRONMENT;
}

static bool utf8_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *v = getenv(names[i]);
        if (v && *v) return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
    }
    return false;
}

ir_text text_on(FILE *f, const cli_options *o)
{
    struct winsize w;
    const char    *columns = getenv("COLUMNS");
    ir_text        t = {.f = f, .width = 100, .color = f && cli_color(o, f), .utf8 = utf8_locale()};
    if (f && !isatty(ir_screen_fd(f)) && columns && atoi(columns) >= 60 && atoi(columns) <= 500)
        t.width = atoi(columns);
    if (f && isatty(ir_screen_fd(f)) && ioctl(ir_screen_fd(f), TIOCGWINSZ, &w) == 0 && w.ws_col >= 60)
        t.width = w.ws_col;
    return t;
}
