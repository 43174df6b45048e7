/* command.c -- what a small command prints, within a time limit: a driver that hangs must not take us along.
 */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool command_start(const char *path, bool search, const char *const *argv, int to, pid_t *pid)
{
    posix_spawn_file_actions_t a;
    if (posix_spawn_file_actions_init(&a)) return false;
    posix_spawn_file_actions_addopen(&a, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&a, to, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&a, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    char *const *args = (char *const *)(uintptr_t)argv; /* posix_spawn does not write to them */
    int          error = search ? posix_spawnp(pid, path, &a, NULL, args, environ)
                                : posix_spawn(pid, path, &a, NULL, args, environ);
    posix_spawn_file_actions_destroy(&a);
    return error == 0;
}

/* Until the end of the output; false: it took too long. */
static bool command_collect(int from, double limit_s, char *out, size_t cap)
{
    size_t n = 0;
    double end = ir_now() + limit_s;
    for (;;) {
        struct pollfd p = {from, POLLIN, 0};
        double        left = end - ir_now();
        char          rest[512];
        int           ready = left > 0 ? poll(&p, 1, (int)(1e3 * left) + 1) : 0;
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return false;
        ssize_t got = n + 1 < cap ? read(from, out + n, cap - 1 - n) : read(from, rest, sizeof rest);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got == 0;
        if (n + 1 < cap) out[n += (size_t)got] = 0;
    }
}

bool ir_command_read(const char *root, const char *const *argv, double limit_s, char *out, size_t cap)
{
    char  path[1024];
    int   fd[2], status = 0;
    pid_t pid;
    out[0] = 0;
    snprintf(path, sizeof path, "%s%s%s", root, *root ? "/bin/" : "", argv[0]);
    if (*root && access(path, X_OK) != 0) return false;
    if (pipe2(fd, O_CLOEXEC)) return false;
    bool ok = command_start(path, !*root, argv, fd[1], &pid);
    close(fd[1]);
    if (ok) {
        ok = command_collect(fd[0], limit_s, out, cap);
        if (!ok) kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        ok = ok && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    close(fd[0]);
    if (!ok) out[0] = 0;
    return ok;
}
