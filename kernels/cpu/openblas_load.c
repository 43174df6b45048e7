/* openblas_load.c -- see openblas.h. */
#define _GNU_SOURCE
#include "kernels/cpu/openblas.h"
#include "harness/machine/machine.h"

#if IR_HAVE_OPENBLAS
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

cpu_openblas_functions cpu_openblas;
static char            load_refused[IR_WHY]; /* "": it is loaded */

/* The library maps a buffer and a stack for every CPU it sees, and tries for ever where it gets none. */
static bool load_fits(void)
{
    enum { LIBRARY = 256, EACH = 64 };
    double need = 1e6 * (LIBRARY + EACH * (double)sysconf(_SC_NPROCESSORS_ONLN));
    double room = ir_address_space_left();
    if (room >= need) return true;
    snprintf(load_refused, sizeof load_refused,
             "OpenBLAS is not loaded: the limit of the address space (ulimit -v) leaves %.0f MB, it may take "
             "%.0f MB",
             room / 1e6, need / 1e6);
    return false;
}

static void *load_library(void)
{
    static const char *const names[] = {"libopenblas.so.0", "libopenblas.so", IR_OPENBLAS_FILE};
    void                    *lib = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && !lib; i++)
        lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    return lib;
}

static void load_once(void)
{
    static const char *const names[] = {"cblas_sgemm",
                                        "cblas_dgemm",
                                        "cblas_sgemv",
                                        "cblas_dgemv",
                                        "openblas_set_num_threads",
                                        "openblas_get_num_threads",
                                        "openblas_get_parallel",
                                        "openblas_get_config",
                                        "cblas_sbgemm",
                                        "cblas_sbgemv"};
    enum { N = sizeof names / sizeof *names, NEEDED = N - 2 };
    void *found[N];
    _Static_assert(sizeof found == sizeof cpu_openblas, "one name for each function");
    if (!load_fits()) return;
    void *lib = load_library();
    for (int i = 0; i < N; i++) {
        found[i] = lib ? dlsym(lib, names[i]) : NULL;
        if (found[i] || i >= NEEDED) continue;
        snprintf(load_refused, sizeof load_refused, "OpenBLAS cannot be loaded: %.80s%.40s",
                 lib ? "it lacks " : dlerror(), lib ? names[i] : "");
        return;
    }
    memcpy(&cpu_openblas, found, sizeof found); /* POSIX: their bytes convert */
}

ir_status cpu_openblas_load(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_once);
    return *load_refused ? ir_fail(IR_SKIP, "%s", load_refused) : IR_OK;
}

const char *cpu_openblas_config(void) { return cpu_openblas_load() == IR_OK ? openblas_get_config() : ""; }
#else
const char *cpu_openblas_config(void) { return ""; }
#endif
