/* ocl.h -- the OpenCL backend seen from its kernels: the device, one macro every OpenCL call goes through,
 * buffers, programs and launches. OpenCL 1.2, FULL or EMBEDDED profile; extensions are asked for before they
 * are used.
 *
 * Two layouts serve every device. A CPU (PoCL, Intel) gets few work-groups of one item that walk contiguous
 * blocks with explicit vectors; everything else gets wide groups whose neighbouring items touch neighbouring
 * addresses. */
#ifndef OCL_H
#define OCL_H
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>

#include "harness/ironroof.h"
#include "harness/machine/machine.h"

/* ---- calls ----------------------------------------------------------------------------------- */
typedef enum { OCL_CONTEXT, OCL_QUEUE, OCL_MEM, OCL_PROGRAM, OCL_KERNEL, OCL_EVENT, OCL_NKIND } ocl_kind;
/* Every call is counted; the fail_at-th from now on (1: the next) is not made and fails with fail_code. live:
 * objects created and not yet released. Tests set and read it. */
typedef struct {
    long   calls, fail_at;
    cl_int fail_code;
    long   live[OCL_NKIND];
} ocl_trace;
extern ocl_trace ocl_calls;
bool             ocl_inject(void);
/* An OpenCL code as a status with a reason that names the call; IR_OK for CL_SUCCESS. */
ir_status   ocl_report(cl_int code, const char *call, const char *file, int line);
const char *ocl_code_name(cl_int code);
#define OCL(call) ocl_report(ocl_inject() ? ocl_calls.fail_code : (call), #call, __FILE__, __LINE__)
/* Create: `call` has &ocl_err as its last argument; var is NULL afterwards unless the status is IR_OK. */
#define OCL_NEW(kind, var, call) \
    ocl_report(ocl_inject() \
                   ? ((var) = NULL, ocl_calls.fail_code) \
                   : ((var) = (call), \
                      ocl_err == CL_SUCCESS ? (void)ocl_calls.live[kind]++ : (void)((var) = NULL), ocl_err), \
               #call, __FILE__, __LINE__)
/* Enqueue with an event: ocl_event is the call's last argument. */
#define OCL_EVENT_OF(var, call) \
    ocl_report(ocl_inject() ? ((var) = NULL, ocl_calls.fail_code) : ocl_event_count((call), &(var)), #call, \
               __FILE__, __LINE__)
cl_int        ocl_event_count(cl_int code, cl_event *e);
extern cl_int ocl_err;
/* Release and clear; the object is released whatever the call is made to report. NULL is fine. */
#define OCL_FREE(kind, release, var) \
    do { \
        if (var) { \
            (void)ocl_inject(); \
            release(var); \
            ocl_calls.live[kind]--; \
            (var) = NULL; \
        } \
    } while (0)

/* Wait whatever the call is made to report: memory is about to go. */
#define OCL_DRAIN(queue) ((void)ocl_inject(), (void)clFinish(queue))

/* ---- device ---------------------------------------------------------------------------------- */
enum { OCL_MAX_PROGRAMS = 256 };
typedef struct {
    uint64_t   key;
    cl_program program;
} ocl_program;
typedef struct {
    int    mr, nv, kc, mc, nc;
    double flops_s;
} ocl_gemm_tile;
/* The backend's own options (ir_open_options.own): treat a CPU as a device of the other kind, with staging; a
 * cache directory instead of XDG_CACHE_HOME ("": none). Tests use them to run every path on one machine. */
typedef struct {
    bool        wide, staged;
    const char *cache_dir;
} ocl_options;
typedef struct {
    cl_platform_id   platform;
    cl_device_id     id;
    cl_context       context;
    cl_command_queue queue; /* in order, profiling */
    cl_event         begun; /* marker of start() */
    char             name[128], version[128], driver[64], platform_name[64], vendor[64], c_version[64];
    bool             cpu;                                /* the contiguous layout */
    bool             unified;                            /* host memory is its memory */
    bool             fp64, fp16, idot8, int64, embedded; /* int64: an EMBEDDED device may lack it */
    cl_ulong         max_alloc, mem_B, cache_B, local_B;
    cl_uint          units, clock_MHz;
    size_t           max_group;
    cl_mem           staging; /* pinned, for devices with memory of their own; made at first use */
    void            *staging_host;
    ocl_program      program[OCL_MAX_PROGRAMS];
    int              nprogram;
    ocl_gemm_tile    tile[IR_NDTYPE]; /* tuned; mr = 0: not yet */
    char             tuning[240];     /* the searches so far in words */
    int              numa_nodes;
    char             cpu_model[96];
    ocl_options      o;
} ocl_dev;
static inline ocl_dev  *ocl_of(const ir_dev *dev) { return (ocl_dev *)dev->self; }
extern const ir_backend ocl_backend;

/* ---- memory ---------------------------------------------------------------------------------- */
/* host: pages of ours under it, or NULL; they go back only when nothing in the queue can touch them. */
typedef struct {
    cl_mem           mem;
    void            *host;
    size_t           bytes;
    cl_command_queue queue;
} ocl_buf;
static inline cl_mem ocl_mem_of(const ir_mem *m) { return ((ocl_buf *)m->p)->mem; }
/* Buffers of a kernel's own. IR_SKIP beyond the device's largest allocation. */
ir_status ocl_buffer(ocl_dev *, size_t bytes, ocl_buf **out);
void      ocl_buffer_free(ocl_buf **);
ir_status ocl_write(ocl_dev *, ocl_buf *, size_t offset, size_t bytes, const void *host);
ir_status ocl_read(ocl_dev *, ocl_buf *, size_t offset, size_t bytes, void *host);

/* Memory of the host that the runtime allocated, mapped at *host; whatever a failure left, and NULL, is
 * freed. */
/* Waits for it. *at: NULL unless the status is IR_OK. */
ir_status ocl_map(ocl_dev *, cl_mem, cl_map_flags, size_t offset, size_t bytes, void **at);
ir_status ocl_pinned(ocl_dev *, size_t bytes, cl_mem *, void **host);
void      ocl_pinned_free(ocl_dev *, cl_mem *, void **host);

/* ---- programs -------------------------------------------------------------------------------- */
/* One embedded source, by its file's name without .cl; NULL: none of that name. */
const char *ocl_source(const char *name);
/* Build (or take from memory, or from the disk cache) and make one kernel. The build log of a failure goes to
 * stderr and its first line into the reason. */
ir_status ocl_kernel(ocl_dev *, const char *source, const char *options, const char *name, cl_kernel *out);
void      ocl_kernel_free(cl_kernel *);
void      ocl_programs_free(ocl_dev *);
uint64_t  ocl_hash(uint64_t h, const void *p, size_t n); /* FNV-1a; h: 0 to begin */

/* A kernel's zeroed plan, in r->self; NULL: no memory, ir_why() says so. */
void *ocl_plan(ir_run *, size_t bytes);

/* ---- launches -------------------------------------------------------------------------------- */
/* Set argument i of any plain type. */
#define OCL_ARG(kernel, i, value) OCL(clSetKernelArg((kernel), (cl_uint)(i), sizeof(value), &(value)))
/* All arguments at once: size, pointer pairs. */
typedef struct {
    size_t      size;
    const void *p;
} ocl_arg;
ir_status ocl_args(cl_kernel, const ocl_arg *, int n);
#define OCL_A(x) \
    { \
        sizeof(x), &(x) \
    }
ir_status ocl_launch(ocl_dev *, cl_kernel, size_t groups, size_t local);
ir_status ocl_launches(ocl_dev *, cl_kernel, size_t groups, size_t local, uint32_t reps); /* back to back */
/* IR_SKIP with a reason where the device has no such type. */
ir_status ocl_has_dtype(const ocl_dev *, ir_dtype);
/* Items of a group for kernels that do not care: 1 on a CPU. Groups that fill the device. */
size_t ocl_local(const ocl_dev *);
size_t ocl_groups(const ocl_dev *);
#endif
