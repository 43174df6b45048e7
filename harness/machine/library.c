/* library.c -- libraries that are loaded when they are first needed: see ir_library. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"
#include "harness/left_out.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static bool library_fits(ir_library *l)
{
    double need = l->room_B + l->room_per_cpu_B * (double)sysconf(_SC_NPROCESSORS_ONLN);
    double room = ir_address_space_left();
    if (room >= need) return true;
    snprintf(l->refused, sizeof l->refused,
             "%s is not loaded: the limit of the address space (ulimit -v) leaves %.0f MB, it may take "
             "%.0f MB",
             l->name, room / 1e6, need / 1e6);
    return false;
}

/* Why the last file could not be loaded. A library that is there and found no memory is no missing one. */
static void library_refuse(ir_library *l)
{
    const char *why = dlerror();
    if (!why) why = "dlopen failed";
    if (strstr(why, "llocate memory") || strstr(why, "ut of memory")) ir_left_out(l->name);
    snprintf(l->refused, sizeof l->refused, "%s cannot be loaded: %.80s", l->name, why);
}

/* Its start-up code may bind the thread that loads it (OMP_PROC_BIND), or be bound to where that one is. */
static void *library_open(ir_library *l)
{
    ir_cpumask was, now;
    void      *handle = NULL;
    bool       known = ir_cpumask_get(&was) == 0;
    for (const char *const *f = l->files; *f && !handle; f++) {
        handle = dlopen(*f, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        if (!handle) library_refuse(l);
    }
    if (known && ir_cpumask_get(&now) == 0 && memcmp(&was, &now, sizeof now) != 0) ir_cpumask_set(&was);
    return handle;
}

static void library_load(ir_library *l)
{
    if (!library_fits(l)) return;
    l->handle = library_open(l);
    if (!l->handle) return;
    l->refused[0] = '\0';
    for (size_t i = 0; i < l->nfunction; i++) {
        void *p = dlsym(l->handle, l->function[i]);
        if (!p && i < l->needed) {
            snprintf(l->refused, sizeof l->refused, "%s cannot be loaded: it lacks %.40s", l->name,
                     l->function[i]);
            return;
        }
        memcpy((char *)l->found + i * sizeof p, &p, sizeof p); /* POSIX: their bytes convert */
    }
}

ir_status ir_library_load(ir_library *l)
{
    pthread_mutex_lock(&loading);
    if (!l->tried) library_load(l);
    l->tried = true;
    pthread_mutex_unlock(&loading);
    return *l->refused ? ir_fail(IR_SKIP, "%s", l->refused) : IR_OK;
}

void ir_library_find(const ir_library *l, const char *name, void *function)
{
    void *p = l->handle ? dlsym(l->handle, name) : NULL;
    memcpy(function, &p, sizeof p);
}
