/* faults.c -- a library to put under a program (LD_PRELOAD): the n-th call of a kind fails from main() on.
 *
 * IR_FAULT="KIND:N[:more]": a kind of the table below; N from 1; "more": every later one fails, too.
 * "kill:N": the process kills itself before its n-th call of any kind but malloc. Only calls of the program
 * count, also those that libc makes for it: a driver or a BLAS may die of what it likes. Writes to standard
 * error are neither counted nor failed. IR_FAULT_COUNT=FILE: how many calls there were of each kind, one line
 * each, at the end; with IR_FAULT="sites:0" also each call's way from main(), as a number.
 *
 * IR_FAULT_SERVER=IN,OUT (descriptors): the process forks in main() for every line "FAULT STDOUT STDERR
 * TIMEOUT_S" that it reads, and answers the child's status of wait(2), or -1 after that time. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    MALLOC,
    MAP,
    THREAD,
    FORK,
    OPEN,
    READ,
    WRITE,
    SYNC,
    CLOSE,
    RENAME,
    LINK,
    UNLINK,
    TRUNCATE,
    LOCK,
    STAT,
    MKDIR,
    RESOLVE,
    NKIND
};
static const struct {
    const char *name;
    int         error;
} kinds[NKIND] = {[MALLOC] = {"malloc", ENOMEM},  [MAP] = {"map", ENOMEM},     [THREAD] = {"thread", EAGAIN},
                  [FORK] = {"fork", EAGAIN},      [OPEN] = {"open", EMFILE},   [READ] = {"read", EIO},
                  [WRITE] = {"write", ENOSPC},    [SYNC] = {"fsync", EIO},     [CLOSE] = {"close", EIO},
                  [RENAME] = {"rename", EIO},     [LINK] = {"link", EIO},      [UNLINK] = {"unlink", EIO},
                  [TRUNCATE] = {"truncate", EIO}, [LOCK] = {"lock", ENOLCK},   [STAT] = {"stat", EIO},
                  [MKDIR] = {"mkdir", ENOSPC},    [RESOLVE] = {"resolve", EIO}};
static long count[NKIND], calls, at;
static int  kind = -1;
static bool started, every, kills, lists;

/* ---- whose call is it? ----------------------------------------------------------------------- */
enum { MOST = 64 };
typedef enum { OTHERS, OURS, LIBC } owner;
static struct {
    uintptr_t lo, hi;
    owner     who;
} range[MOST];
static int nrange;

static int note_object(struct dl_phdr_info *o, size_t size, void *arg)
{
    (void)size, (void)arg;
    const char *name = strrchr(o->dlpi_name, '/');
    owner       who = !*o->dlpi_name || strstr(o->dlpi_name, "jansson") ? OURS : OTHERS;
    if (name && (!strncmp(name, "/libc.so", 8) || !strncmp(name, "/ld-linux", 9))) who = LIBC;
    for (int i = 0; i < o->dlpi_phnum && who != OTHERS && nrange < MOST; i++) {
        const ElfW(Phdr) *p = &o->dlpi_phdr[i];
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X)) continue;
        range[nrange].lo = (uintptr_t)(o->dlpi_addr + p->p_vaddr);
        range[nrange].hi = range[nrange].lo + p->p_memsz;
        range[nrange++].who = who;
    }
    return 0;
}

static owner owner_of(const void *address)
{
    for (int i = 0; i < nrange; i++)
        if ((uintptr_t)address >= range[i].lo && (uintptr_t)address < range[i].hi) return range[i].who;
    return OTHERS;
}

/* Who asked libc for what needed this call? */
static bool ours_behind_libc(void)
{
    static _Thread_local bool within;
    void                     *frame[24];
    if (within) return false;
    within = true;
    int  n = backtrace(frame, 24), i = 2;
    bool ours = false;
    while (i < n && owner_of(frame[i]) == LIBC) i++;
    ours = i < n && owner_of(frame[i]) == OURS;
    within = false;
    return ours;
}

/* ---- by which way does it come? -------------------------------------------------------------- */
enum { MOST_SITES = 1 << 18 };
static struct {
    int      kind;
    long     n;
    uint64_t way;
} site[MOST_SITES];
static long nsite;

static void note_site(int k, long n)
{
    void    *frame[64];
    long     i = __atomic_fetch_add(&nsite, 1, __ATOMIC_RELAXED);
    uint64_t way = 0;
    if (i >= MOST_SITES) return;
    for (int f = 0, m = backtrace(frame, 64); f < m; f++) way = way * 0x100000001b3u + (uintptr_t)frame[f];
    site[i].kind = k;
    site[i].n = n;
    site[i].way = way;
}

static bool fails_for(int k, const void *caller)
{
    if (!started) return false;
    owner who = owner_of(caller);
    if (who == OTHERS || (who == LIBC && !ours_behind_libc())) return false;
    long n = __atomic_add_fetch(&count[k], 1, __ATOMIC_RELAXED);
    if (lists) note_site(k, n);
    if (kills && k != MALLOC && __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) == at) raise(SIGKILL);
    if (k != kind || (every ? n < at : n != at)) return false;
    errno = kinds[k].error;
    return true;
}
#define FAILS(k) fails_for(k, __builtin_return_address(0))

/* ---- the calls ------------------------------------------------------------------------------- */
/* `next`: the function of that name that would have been called. */
#define NEXT(name, ...) \
    static __typeof__(__VA_ARGS__) next; \
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, name)

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
void        *malloc(size_t n) { return FAILS(MALLOC) ? NULL : __libc_malloc(n); }
void        *calloc(size_t n, size_t s) { return FAILS(MALLOC) ? NULL : __libc_calloc(n, s); }
void        *realloc(void *p, size_t n) { return FAILS(MALLOC) ? NULL : __libc_realloc(p, n); }
void        *aligned_alloc(size_t a, size_t n) { return FAILS(MALLOC) ? NULL : __libc_memalign(a, n); }

int open(const char *path, int flags, ...)
{
    NEXT("open", int (*)(const char *, int, ...));
    va_list ap;
    va_start(ap, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return FAILS(OPEN) ? -1 : next(path, flags, mode);
}

/* What streams write does not come by write(): their end is where it shows. */
int fflush(FILE *f)
{
    NEXT("fflush", int (*)(FILE *));
    if (!f || f == stderr || !FAILS(WRITE)) return next(f);
#ifdef _IO_ERR_SEEN
    f->_flags |= _IO_ERR_SEEN; /* as the C library does, and ferror() tells */
#endif
    return EOF;
}

ssize_t write(int fd, const void *p, size_t n)
{
    NEXT("write", ssize_t(*)(int, const void *, size_t));
    return fd != 2 && FAILS(WRITE) ? -1 : next(fd, p, n);
}

/* What is closed with an error is closed. */
int close(int fd)
{
    NEXT("close", int (*)(int));
    bool bad = FAILS(CLOSE);
    int  r = next(fd);
    if (bad) errno = kinds[CLOSE].error;
    return bad ? -1 : r;
}

int fclose(FILE *f)
{
    NEXT("fclose", int (*)(FILE *));
    bool bad = FAILS(CLOSE);
    int  r = next(f);
    if (bad) errno = kinds[CLOSE].error;
    return bad ? EOF : r;
}

/* RETURNS NAME(PARAMETERS), which fails with BAD and else is called with ARGUMENTS. */
#define CALL(kind, returns, bad, name, parameters, ...) \
    returns name parameters \
    { \
        NEXT(#name, returns(*) parameters); \
        return FAILS(kind) ? (bad) : next(__VA_ARGS__); \
    }
CALL(OPEN, FILE *, NULL, fopen, (const char *path, const char *mode), path, mode)
CALL(OPEN, DIR *, NULL, opendir, (const char *path), path)
CALL(OPEN, int, -1, memfd_create, (const char *name, unsigned flags), name, flags)
CALL(OPEN, int, -1, pipe2, (int fd[2], int flags), fd, flags)
CALL(OPEN, int, -1, dup, (int fd), fd)
CALL(MAP, void *, MAP_FAILED, mmap, (void *p, size_t n, int prot, int flags, int fd, off_t o), p, n, prot,
     flags, fd, o)
CALL(THREAD, int, EAGAIN, pthread_create,
     (pthread_t * t, const pthread_attr_t *a, void *(*f)(void *), void *arg), t, a, f, arg)
pid_t fork(void)
{
    NEXT("fork", pid_t(*)(void));
    return FAILS(FORK) ? -1 : next();
}
CALL(FORK, int, EAGAIN, posix_spawnp,
     (pid_t * pid, const char *file, const posix_spawn_file_actions_t *fa, const posix_spawnattr_t *a,
      char *const argv[], char *const env[]),
     pid, file, fa, a, argv, env)
CALL(FORK, int, EAGAIN, posix_spawn,
     (pid_t * pid, const char *file, const posix_spawn_file_actions_t *fa, const posix_spawnattr_t *a,
      char *const argv[], char *const env[]),
     pid, file, fa, a, argv, env)
CALL(READ, ssize_t, -1, read, (int fd, void *p, size_t n), fd, p, n)
CALL(READ, ssize_t, -1, pread, (int fd, void *p, size_t n, off_t o), fd, p, n, o)
CALL(SYNC, int, -1, fsync, (int fd), fd)
CALL(RENAME, int, -1, rename, (const char *a, const char *b), a, b)
CALL(RENAME, int, -1, renameat2, (int a, const char *from, int b, const char *to, unsigned f), a, from, b, to,
     f)
CALL(LINK, int, -1, linkat, (int a, const char *from, int b, const char *to, int f), a, from, b, to, f)
CALL(UNLINK, int, -1, unlink, (const char *path), path)
CALL(UNLINK, int, -1, unlinkat, (int d, const char *path, int f), d, path, f)
CALL(TRUNCATE, int, -1, ftruncate, (int fd, off_t n), fd, n)
CALL(LOCK, int, -1, flock, (int fd, int how), fd, how)
CALL(STAT, int, -1, stat, (const char *path, struct stat *s), path, s)
CALL(STAT, int, -1, fstat, (int fd, struct stat *s), fd, s)
CALL(MKDIR, int, -1, mkdir, (const char *path, mode_t mode), path, mode)
CALL(RESOLVE, char *, NULL, realpath, (const char *path, char *to), path, to)
CALL(RESOLVE, ssize_t, -1, readlink, (const char *path, char *to, size_t n), path, to, n)

/* ---- from main() on -------------------------------------------------------------------------- */
static char count_file[4096];
static int (*real_main)(int, char **, char **);

static void tell(void)
{
    started = false;
    FILE *f = *count_file ? fopen(count_file, "w") : NULL;
    for (int k = 0; f && k < NKIND; k++) fprintf(f, "%s %ld\n", kinds[k].name, count[k]);
    for (long i = 0; f && i < nsite && i < MOST_SITES; i++)
        fprintf(f, "site %s %ld %llx\n", kinds[site[i].kind].name, site[i].n,
                (unsigned long long)site[i].way);
    if (f) fprintf(f, "kill %ld\n", calls), fclose(f);
}

static void ask_for(const char *fault)
{
    char word[16] = "";
    if (fault && sscanf(fault, "%15[a-z]:%ld", word, &at) == 2) {
        for (int k = 0; k < NKIND; k++)
            if (!strcmp(word, kinds[k].name)) kind = k;
        every = strstr(fault, ":more") != NULL;
    }
    lists = !strcmp(word, "sites");
    kills = kind < 0 && !lists;
}

static int run_main(int argc, char **argv, char **env)
{
    started = true;
    int code = real_main(argc, argv, env);
    tell();
    return code;
}

static void redirect(const char *path, int to)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || dup2(fd, to) != to) _exit(99);
    close(fd);
}

/* -1: it hung. */
static int status_within(pid_t pid, double timeout_s)
{
    struct timespec pause = {0, 200000};
    int             status = 0;
    double          waited_s = 0;
    while (waited_s < timeout_s) {
        if (waitpid(pid, &status, WNOHANG) == pid) return status;
        nanosleep(&pause, NULL);
        waited_s += 1e-9 * (double)pause.tv_nsec;
        if (waited_s > 0.02) pause.tv_nsec = 2000000;
    }
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    return -1;
}

static bool read_line(int fd, char *line, size_t size)
{
    for (size_t n = 0; n + 1 < size && read(fd, line + n, 1) == 1; n++)
        if (line[n] == '\n') return line[n] = 0, true;
    return false;
}

static int serve(int in, int out, int argc, char **argv, char **env)
{
    char   line[8192], fault[64], to[4096], err[4096];
    double timeout_s;
    while (read_line(in, line, sizeof line)) {
        if (sscanf(line, "%63s %4095s %4095s %lf", fault, to, err, &timeout_s) != 4) return 98;
        pid_t pid = fork();
        if (pid == 0) {
            setpgid(0, 0);
            close(in);
            close(out);
            redirect(to, 1);
            redirect(err, 2);
            ask_for(fault);
            return run_main(argc, argv, env);
        }
        dprintf(out, "%d\n", pid < 0 ? -2 : status_within(pid, timeout_s));
    }
    _exit(0);
}

static int main_under_faults(int argc, char **argv, char **env)
{
    const char *server = getenv("IR_FAULT_SERVER"), *file = getenv("IR_FAULT_COUNT");
    int         in, out;
    void       *first[1];
    backtrace(first, 1); /* loads what it needs */
    dl_iterate_phdr(note_object, NULL);
    snprintf(count_file, sizeof count_file, "%s", file ? file : "");
    bool serves = server && sscanf(server, "%d,%d", &in, &out) == 2;
    ask_for(getenv("IR_FAULT"));
    unsetenv("IR_FAULT"); /* the program's own children are spared */
    unsetenv("IR_FAULT_SERVER");
    unsetenv("IR_FAULT_COUNT");
    if (serves) return serve(in, out, argc, argv, environ);
    return run_main(argc, argv, env);
}

int __libc_start_main(int (*m)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld)(void), void     *end)
{
    NEXT("__libc_start_main", int (*)(int (*)(int, char **, char **), int, char **, void (*)(void),
                                      void (*)(void), void (*)(void), void *));
    real_main = m;
    return next(main_under_faults, argc, argv, init, fini, rtld, end);
}
