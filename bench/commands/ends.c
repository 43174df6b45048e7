/* ends.c -- see ends.h. */
#include "bench/commands/ends.h"
#include "bench/commands/commands.h"
#include "harness/record/text.h"

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

int ends_finish(int code)
{
    errno = 0;
    bool lost = fflush(stdout) != 0 || ferror(stdout) || close_tells();
    if (lost) fprintf(stderr, "ironroof: standard output: %s\n", errno ? strerror(errno) : "writing failed");
    if (ir_text_lost()) fprintf(stderr, "ironroof: no memory for a table: the text is not whole\n");
    return code == EXIT_FINE && (lost || ir_text_lost()) ? EXIT_BAD : code;
}
