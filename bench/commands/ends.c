/* ends.c -- see ends.h. */
#include "bench/commands/ends.h"
#include "bench/commands/commands.h"
#include "harness/record/text.h"
#include "harness/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void ends_begin(void)
{
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
static bool memory_lost(void) { return ir_text_lost() || (ir_memory_was_short() && !device_run_was_open()); }

int ends_finish(int code)
{
    errno = 0;
    bool lost = fflush(stdout) != 0 || ferror(stdout) || close_tells();
    int  why = ir_text_error() ? ir_text_error() : ir_screen_error(stdout) ? ir_screen_error(stdout) : errno;
    if (lost) fprintf(stderr, "ironroof: standard output: %s\n", why ? strerror(why) : "writing failed");
    if (code != EXIT_FINE || !(lost || memory_lost())) return code;
    if (memory_lost()) fprintf(stderr, "ironroof: out of memory: the output is not whole\n");
    return EXIT_BAD;
}
