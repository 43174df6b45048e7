/* test_leaks.c -- own_leaks.c: the argument says what is forgotten. A block of ours, by any call, has to end
 * in a report and in exit code 1. "driver" (a library that leaks and is unloaded before the end), "handed",
 * "cached" and "paired" must not. */
#define _GNU_SOURCE
#include "harness/machine/machine.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile uintptr_t sink; /* keeps every call, and no pointer: inverted */

static void forget(void *p)
{
    if (!p) exit(3);
    sink ^= ~(uintptr_t)p;
}

/* NOLINTBEGIN(clang-analyzer-unix.Malloc): leaks are what is tested */
static void by_malloc(void) { forget(malloc(48)); }
static void by_calloc(void) { forget(calloc(3, 16)); }
static void by_realloc(void) { forget(realloc(malloc(8), 1 << 20)); }
static void by_aligned_alloc(void) { forget(aligned_alloc(64, 64)); }
static void by_strdup(void) { forget(strdup("a leak of ours")); }
static void by_strndup(void) { forget(strndup("a leak of ours", 6)); }
static void by_fopen(void) { forget(fopen("/dev/null", "r")); }
/* NOLINTEND(clang-analyzer-unix.Malloc) */

static void by_posix_memalign(void)
{
    void *p = NULL;
    if (posix_memalign(&p, 64, 64) == 0) forget(p);
}

static void by_pages(void)
{
    void *p = NULL;
    if (ir_host_alloc(4096, IR_PAGES_SMALL, &p) == IR_OK) forget(p);
}

/* The table keeps a gap of nobody: every third of many blocks is freed first, then the others but one. */
static void by_one_of_many(void)
{
    enum { N = 9999 };
    static void *p[N];
    for (int i = 0; i < N; i++) p[i] = malloc((size_t)i + 1);
    for (int i = 0; i < N; i += 3) free(p[i]);
    for (int i = 0; i < N; i++)
        if (i % 3 && i != 4999) free(p[i]);
    forget(p[4999]);
    memset(p, 0, sizeof p);
}

static void *driver(const char *name)
{
    void *lib = dlopen(IR_TEST_DRIVER, RTLD_NOW), *f = lib ? dlsym(lib, name) : NULL;
    if (!f) exit(3);
    return f;
}

static void driver_leaks(void)
{
    void *(*f)(size_t);
    *(void **)&f = driver("driver_make");
    for (int i = 0; i < 100; i++) forget(f(16));
    if (dlclose(dlopen(IR_TEST_DRIVER, RTLD_NOW | RTLD_NOLOAD))) exit(3);
}

/* A static variable that keeps its block is a cache. */
static void cached(void)
{
    static void *volatile last;
    last = malloc(48);
    forget(last);
}

/* What a library made may be freed by us. */
static void handed(void)
{
    void *(*f)(size_t);
    *(void **)&f = driver("driver_make");
    free(f(16));
}

/* Everything above, given back. */
static void paired(void)
{
    void *p = NULL;
    if (posix_memalign(&p, 64, 64) == 0) free(p);
    if (ir_host_alloc(4096, IR_PAGES_SMALL, &p) == IR_OK) ir_host_free(p, 4096);
    free(realloc(malloc(8), 1 << 20));
    free(calloc(3, 16));
    free(aligned_alloc(64, 64));
    free(strdup("ours"));
    free(strndup("ours", 2));
    FILE *f = fopen("/dev/null", "r");
    if (f) fclose(f);
    free(NULL);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*f)(void);
    } way[] = {{"malloc", by_malloc},
               {"calloc", by_calloc},
               {"realloc", by_realloc},
               {"aligned_alloc", by_aligned_alloc},
               {"posix_memalign", by_posix_memalign},
               {"strdup", by_strdup},
               {"strndup", by_strndup},
               {"fopen", by_fopen},
               {"pages", by_pages},
               {"one_of_many", by_one_of_many},
               {"driver", driver_leaks},
               {"handed", handed},
               {"cached", cached},
               {"paired", paired}};
    for (size_t i = 0; argc > 1 && i < sizeof way / sizeof *way; i++)
        if (!strcmp(argv[1], way[i].name)) return way[i].f(), 0;
    return 2;
}
