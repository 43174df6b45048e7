/* ends.c -- see ends.h. */
#include "bench/commands/ends.h"
#include "bench/commands/commands.h"
#include "harness/record/text.h"
#include "harness/screen.h"
#include "harness/left_out.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Whoever started us may ignore the ends of children, which then cannot be waited for, or hold back the
 * signals that end a program. */
static void usual_signals(void)
{
    static const int held[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
    sigset_t         set;
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) sigaddset(&set, held[i]);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void ends_begin(void)
{
    usual_signals();
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
            return; /* the lowest number that is free: this one */
}

/* Some file systems tell only when a file is closed. */
static bool close_tells(void)
{
    int copy = dup(STDOUT_FILENO);
    return copy >= 0 && close(copy) != 0 && errno != EINTR;
}

/* What is measured may be too large for this machine: its row says so. Elsewhere every part of the text
 * counts. */
static bool memory_lost(void)
{
    return ir_left_out_first() || (ir_memory_was_short() && !device_run_was_open());
}

int ends_finish(int code)
{
    errno = 0;
    bool lost = fflush(stdout) != 0 || ferror(stdout) || close_tells();
    int  why = ir_text_error() ? ir_text_error() : ir_screen_error(stdout) ? ir_screen_error(stdout) : errno;
    if (lost) fprintf(stderr, "ironroof: standard output: %s\n", why ? strerror(why) : "writing failed");
    bool bad = code == EXIT_BAD || code > EXIT_INCOMPARABLE; /* for another reason, which was told */
    if (bad ? ir_left_out_first() != NULL : memory_lost()) {
        /* what was judged without a part may be another verdict with it */
        fprintf(stderr, "ironroof: out of memory or descriptors: %s is missing, the output is not whole\n",
                ir_left_out_first() ? ir_left_out_first() : "a part");
        return bad ? code : EXIT_BAD;
    }
    return lost && code == EXIT_FINE ? EXIT_BAD : code;
}
