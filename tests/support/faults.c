/* faults.c -- a library to put under a program (LD_PRELOAD): the n-th call of a kind fails from main() on.
 *
 * IR_FAULT="KIND:N[:more]": KIND is malloc (also calloc, realloc, strdup), open, write, fsync, rename or
 * link; N from 1; "more": every later one fails, too. IR_FAULT_COUNT=FILE: how many calls there were of each
 * kind, one line each, at the end. Writes to standard error are neither counted nor failed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { MALLOC, OPEN, WRITE, FSYNC, RENAME, LINK, NKIND };
static const char *const names[NKIND] = {"malloc", "open", "write", "fsync", "rename", "link"};
static const int         error_of[NKIND] = {ENOMEM, EMFILE, ENOSPC, EIO, EIO, EIO};
static long              count[NKIND], at;
static int               kind = -1;
static bool              started, every;

static bool fails(int k)
{
    if (!started) return false;
    long n = __atomic_add_fetch(&count[k], 1, __ATOMIC_RELAXED);
    if (k != kind || (every ? n < at : n != at)) return false;
    errno = error_of[k];
    return true;
}

/* `next`: the function of that name that would have been called. */
#define NEXT(name, ...) \
    static __typeof__(__VA_ARGS__) next; \
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, name)

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
void        *malloc(size_t n) { return fails(MALLOC) ? NULL : __libc_malloc(n); }
void        *calloc(size_t n, size_t s) { return fails(MALLOC) ? NULL : __libc_calloc(n, s); }
void        *realloc(void *p, size_t n) { return fails(MALLOC) ? NULL : __libc_realloc(p, n); }

int open(const char *path, int flags, ...)
{
    NEXT("open", int (*)(const char *, int, ...));
    va_list ap;
    va_start(ap, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return fails(OPEN) ? -1 : next(path, flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    NEXT("fopen", FILE * (*)(const char *, const char *));
    return fails(OPEN) ? NULL : next(path, mode);
}

ssize_t write(int fd, const void *p, size_t n)
{
    NEXT("write", ssize_t(*)(int, const void *, size_t));
    return fd != 2 && fails(WRITE) ? -1 : next(fd, p, n);
}

/* What streams write does not come by write(): their end is where it shows. */
int fflush(FILE *f)
{
    NEXT("fflush", int (*)(FILE *));
    return f && f != stderr && fails(WRITE) ? EOF : next(f);
}

int fsync(int fd)
{
    NEXT("fsync", int (*)(int));
    return fails(FSYNC) ? -1 : next(fd);
}

int rename(const char *a, const char *b)
{
    NEXT("rename", int (*)(const char *, const char *));
    return fails(RENAME) ? -1 : next(a, b);
}

int linkat(int a, const char *from, int b, const char *to, int flags)
{
    NEXT("linkat", int (*)(int, const char *, int, const char *, int));
    return fails(LINK) ? -1 : next(a, from, b, to, flags);
}

/* ---- from main() on -------------------------------------------------------------------------- */
static void tell(void)
{
    const char *path = getenv("IR_FAULT_COUNT");
    started = false;
    FILE *f = path ? fopen(path, "w") : NULL;
    for (int k = 0; f && k < NKIND; k++) fprintf(f, "%s %ld\n", names[k], count[k]);
    if (f) fclose(f);
}

static int (*real_main)(int, char **, char **);

static int main_under_faults(int argc, char **argv, char **env)
{
    const char *s = getenv("IR_FAULT");
    char        word[16] = "";
    if (s && sscanf(s, "%15[a-z]:%ld", word, &at) == 2)
        for (int k = 0; k < NKIND; k++)
            if (!strcmp(word, names[k])) kind = k;
    every = s && strstr(s, ":more");
    started = true;
    int code = real_main(argc, argv, env);
    tell();
    return code;
}

int __libc_start_main(int (*m)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld)(void), void     *end)
{
    NEXT("__libc_start_main", int (*)(int (*)(int, char **, char **), int, char **, void (*)(void),
                                      void (*)(void), void (*)(void), void *));
    real_main = m;
    return next(main_under_faults, argc, argv, init, fini, rtld, end);
}
