/* onednn_load.c -- oneDNN, loaded when a kernel first asks for it, and the OpenMP runtime that comes with
 * it. */
#include "kernels/cpu/onednn.h"
#include "harness/machine/machine.h"

#if IR_HAVE_ONEDNN
#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)
cpu_dnn_functions cpu_dnnl;

static const char *const files[] = {"libdnnl.so." TEXT(DNNL_VERSION_MAJOR), IR_ONEDNN_FILE, NULL};
static const char *const functions[] = {DNN_FUNCTIONS(IR_LIBRARY_NAME)};
enum { N = sizeof functions / sizeof *functions };
_Static_assert(sizeof cpu_dnnl == N * sizeof(void *), "one name for each function");

/* OpenMP's threads have a stack and a heap each, and end the program where they get none. */
static ir_library library = {.name = "oneDNN",
                             .files = files,
                             .room_B = 256e6,
                             .room_per_cpu_B = 80e6,
                             .function = functions,
                             .nfunction = N,
                             .needed = N,
                             .found = &cpu_dnnl};

ir_status cpu_dnn_load(void) { return ir_library_load(&library); }

void cpu_dnn_find(const char *name, void *function) { ir_library_find(&library, name, function); }
#endif
