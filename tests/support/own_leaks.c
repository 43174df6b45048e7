/* own_leaks.c -- fails a test that leaves memory of ours behind, whatever a driver in the same process does.
 * Linked, in every build, into the tests that load other people's drivers: ir_loads_drivers in
 * tests/CMakeLists.txt.
 *
 * LeakSanitizer scans the whole process. A driver's own leaks fail the test there, and no suppression can
 * name a library that is unloaded by then. The scan itself can crash on what an unloaded library left. So it
 * is turned off. Instead every allocating call in our objects goes through a wrapper (ld --wrap); no call of
 * a library does. The wrappers keep a table of live blocks. What is left in it when the program ends is a
 * leak of ours, unless one of our static variables points to it.
 *
 * Not seen: what a library allocates on our behalf (OpenCL objects: ocl_calls counts them) and C++'s new. */
#define _GNU_SOURCE
#include "harness/machine/machine.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return 1; }

enum { SLOTS = 1 << 18 };
typedef struct {
    const void *p;
    size_t      bytes;
    const char *caller;
} block;
static block           table[SLOTS]; /* open addressing, linear probing; p is NULL: free */
static size_t          nblock;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static size_t home_of(const void *p) { return (size_t)((uintptr_t)p >> 4) * 0x9E3779B1u % SLOTS; }

static void keep(const void *p, size_t bytes, const char *caller)
{
    if (!p) return;
    pthread_mutex_lock(&lock);
    if (nblock == SLOTS / 2) abort();
    size_t i = home_of(p);
    while (table[i].p && table[i].p != p) i = (i + 1) % SLOTS;
    nblock += !table[i].p;
    table[i] = (block){p, bytes, caller};
    pthread_mutex_unlock(&lock);
}

/* Nothing happens for a block that is not in the table: a library made it. */
static void drop(const void *p)
{
    pthread_mutex_lock(&lock);
    size_t i = home_of(p);
    while (table[i].p && table[i].p != p) i = (i + 1) % SLOTS;
    if (table[i].p) {
        nblock--;
        for (size_t j = i;;) { /* close the gap */
            table[i].p = NULL;
            do {
                j = (j + 1) % SLOTS;
                if (!table[j].p) goto out;
            } while ((j - home_of(table[j].p)) % SLOTS < (j - i) % SLOTS);
            table[i] = table[j];
            i = j;
        }
    }
out:
    pthread_mutex_unlock(&lock);
}

#define CALLER ((const char *)__builtin_return_address(0))
/* Declares name and defines its wrapper. */
#define WRAP(type, name, ...) \
    extern type __real_##name(__VA_ARGS__); \
    type        __wrap_##name(__VA_ARGS__); \
    type        __wrap_##name(__VA_ARGS__)

WRAP(void, free, void *p)
{
    if (p) drop(p);
    __real_free(p);
}

WRAP(void *, malloc, size_t n)
{
    void *p = __real_malloc(n);
    keep(p, n, CALLER);
    return p;
}

WRAP(void *, calloc, size_t n, size_t size)
{
    void *p = __real_calloc(n, size);
    keep(p, n * size, CALLER);
    return p;
}

WRAP(void *, realloc, void *old, size_t n)
{
    uintptr_t was = (uintptr_t)old;
    if (old) drop(old);
    void *p = __real_realloc(old, n);
    if (p)
        keep(p, n, CALLER);
    else if (was && n)
        keep((const void *)was, n, CALLER); /* refused: the old block stays */
    return p;
}

WRAP(void *, aligned_alloc, size_t align, size_t n)
{
    void *p = __real_aligned_alloc(align, n);
    keep(p, n, CALLER);
    return p;
}

WRAP(int, posix_memalign, void **p, size_t align, size_t n)
{
    int code = __real_posix_memalign(p, align, n);
    if (code == 0) keep(*p, n, CALLER);
    return code;
}

WRAP(char *, strdup, const char *s)
{
    char *p = __real_strdup(s);
    keep(p, strlen(s) + 1, CALLER);
    return p;
}

WRAP(char *, strndup, const char *s, size_t n)
{
    char *p = __real_strndup(s, n);
    keep(p, n + 1, CALLER);
    return p;
}

WRAP(FILE *, fopen, const char *path, const char *mode)
{
    FILE *f = __real_fopen(path, mode);
    keep(f, sizeof *f, CALLER); /* NOLINT(cert-fio38-c,misc-non-copyable-objects): a size, no copy */
    return f;
}

WRAP(int, fclose, FILE *f)
{
    drop(f);
    return __real_fclose(f);
}

WRAP(ir_status, ir_host_alloc, size_t n, ir_pages pages, void **p)
{
    ir_status s = __real_ir_host_alloc(n, pages, p);
    if (s == IR_OK) keep(*p, n, CALLER);
    return s;
}

WRAP(void, ir_host_free, void *p, size_t n)
{
    if (p) drop(p);
    __real_ir_host_free(p, n);
}

/* A block that a static variable of ours points to is a cache, not a leak: it is taken out of the table. */
__attribute__((no_sanitize("address", "thread"))) static void drop_caches(void)
{
    extern char __data_start[], _end[];
    const char *own = (const char *)table, *own_end = own + sizeof table;
    for (const char *at = __data_start; at + sizeof(void *) <= _end; at += sizeof(void *)) {
        const void *p = *(const void *const *)(const void *)at;
        if (p && (at < own || at >= own_end)) drop(p);
    }
}

/* The last word of the program. */
__attribute__((destructor)) static void judge(void)
{
    extern const char __executable_start[];
    int               shown = 0;
    drop_caches();
    if (!nblock) return;
    fprintf(stderr, "own_leaks: %zu blocks of ours were not freed\n", nblock);
    for (size_t i = 0; i < SLOTS && shown < 8; i++)
        if (table[i].p) {
            fprintf(stderr, "  %zu bytes, allocated before 0x%zx (addr2line -fe PROGRAM names the line)\n",
                    table[i].bytes, (size_t)(table[i].caller - __executable_start - 1));
            shown++;
        }
    fflush(NULL);
    _exit(1);
}
