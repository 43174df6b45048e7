/* openblas_load.c -- see openblas.h. */
#include "kernels/cpu/openblas.h"

#if IR_HAVE_OPENBLAS
cpu_openblas_functions cpu_openblas;

static const char *const files[] = {"libopenblas.so.0", "libopenblas.so", IR_OPENBLAS_FILE, NULL};
static const char *const functions[] = {OPENBLAS_NEEDED(IR_LIBRARY_NAME) OPENBLAS_OPTIONAL(IR_LIBRARY_NAME)};
enum {
    N = sizeof functions / sizeof *functions,
    N_NEEDED = sizeof((const char *const[]){OPENBLAS_NEEDED(IR_LIBRARY_NAME)}) / sizeof(char *)
};
_Static_assert(sizeof cpu_openblas == N * sizeof(void *), "one name for each function");

/* It maps a buffer and a stack for every CPU it sees, and tries for ever where it gets none. */
static ir_library library = {.name = "OpenBLAS",
                             .files = files,
                             .room_B = 256e6,
                             .room_per_cpu_B = 64e6,
                             .function = functions,
                             .nfunction = N,
                             .needed = N_NEEDED,
                             .found = &cpu_openblas};

ir_status cpu_openblas_load(void) { return ir_library_load(&library); }

const char *cpu_openblas_config(void) { return cpu_openblas_load() == IR_OK ? openblas_get_config() : ""; }
#else
const char *cpu_openblas_config(void) { return ""; }
#endif
