/* cuda.h -- the CUDA backend seen from its kernels and its tests: device state, the table of runtime calls,
 * errors.
 *
 * Every call into the CUDA runtime goes through cuda_dev.api, so that a test can put a device in its place
 * whose n-th call fails; and through CU_TRY, so that a failure names file, line, expression and the runtime's
 * own text. An error that leaves the context unusable (a fault in a kernel, a lost device) becomes IR_EDEVICE
 * and the device is dead. C11 and C++17: the .c files and the .cu files include it. */
#ifndef CUDA_CUDA_H
#define CUDA_CUDA_H
#include "harness/ironroof.h"

#include <cuda_runtime_api.h>
#ifdef __cplusplus
extern "C" {
#endif

/* The runtime calls the backend uses, under the runtime's names without "cuda". */
typedef struct {
    cudaError_t (*GetDeviceCount)(int *);
    cudaError_t (*DriverGetVersion)(int *);
    cudaError_t (*RuntimeGetVersion)(int *);
    cudaError_t (*SetDevice)(int);
    cudaError_t (*GetDeviceProperties)(struct cudaDeviceProp *, int);
    cudaError_t (*DeviceGetAttribute)(int *, enum cudaDeviceAttr, int);
    cudaError_t (*MemGetInfo)(size_t *, size_t *);
    cudaError_t (*Malloc)(void **, size_t);
    cudaError_t (*Free)(void *);
    cudaError_t (*HostAlloc)(void **, size_t, unsigned);
    cudaError_t (*FreeHost)(void *);
    cudaError_t (*HostGetDevicePointer)(void **, void *, unsigned);
    cudaError_t (*MemcpyAsync)(void *, const void *, size_t, enum cudaMemcpyKind, cudaStream_t);
    cudaError_t (*MemsetAsync)(void *, int, size_t, cudaStream_t);
    cudaError_t (*StreamCreateWithFlags)(cudaStream_t *, unsigned);
    cudaError_t (*StreamDestroy)(cudaStream_t);
    cudaError_t (*StreamSynchronize)(cudaStream_t);
    cudaError_t (*StreamWaitEvent)(cudaStream_t, cudaEvent_t, unsigned);
    cudaError_t (*EventCreate)(cudaEvent_t *);
    cudaError_t (*EventDestroy)(cudaEvent_t);
    cudaError_t (*EventRecord)(cudaEvent_t, cudaStream_t);
    cudaError_t (*EventSynchronize)(cudaEvent_t);
    cudaError_t (*EventElapsedTime)(float *, cudaEvent_t, cudaEvent_t);
    cudaError_t (*LaunchKernel)(const void *, dim3, dim3, void **, size_t, cudaStream_t);
    cudaError_t (*LaunchCooperativeKernel)(const void *, dim3, dim3, void **, size_t, cudaStream_t);
    cudaError_t (*LaunchKernelExC)(const cudaLaunchConfig_t *, const void *, void **);
    cudaError_t (*FuncSetAttribute)(const void *, enum cudaFuncAttribute, int);
    cudaError_t (*FuncGetAttributes)(struct cudaFuncAttributes *, const void *);
    cudaError_t (*OccupancyMaxActiveBlocksPerMultiprocessor)(int *, const void *, int, size_t);
    cudaError_t (*StreamBeginCapture)(cudaStream_t, enum cudaStreamCaptureMode);
    cudaError_t (*StreamEndCapture)(cudaStream_t, cudaGraph_t *);
    cudaError_t (*GraphInstantiate)(cudaGraphExec_t *, cudaGraph_t);
    cudaError_t (*GraphLaunch)(cudaGraphExec_t, cudaStream_t);
    cudaError_t (*GraphExecDestroy)(cudaGraphExec_t);
    cudaError_t (*GraphDestroy)(cudaGraph_t);
    /* The driver's cuTensorMapEncodeTiled: *map (128 bytes, at a multiple of 64) describes rows of `cols`
     * 16-bit elements, copied in boxes whose rows are 128 bytes, permuted. */
    cudaError_t (*TensorMap)(void *map, bool bf16, const void *base, size_t cols, size_t rows,
                             unsigned box_cols, unsigned box_rows);
    cudaError_t (*GetLastError)(void);
    const char *(*GetErrorString)(cudaError_t);
    const char *(*GetErrorName)(cudaError_t);
} cuda_api;
extern const cuda_api cuda_runtime; /* the real one */
/* The backend's own option (ir_open_options.own) is a table of such functions; none: the real one. */

typedef struct nvml_dev nvml_dev;
enum { CUDA_QUEUE = 256, CUDA_ALLOWED = 64 };

/* Device state behind ir_dev.self. One stream: everything a run enqueues is in order. */
typedef struct cuda_dev {
    const cuda_api       *api;
    struct cudaDeviceProp prop;
    int                   cc; /* compute capability, 10 * major + minor */
    int                   sms;
    int                   driver, runtime;
    double                clock_Hz, mem_clock_Hz, bus_B; /* NAN unknown */
    bool                  mig;
    cudaStream_t          stream;
    cudaEvent_t           began, ended;
    /* Blocking start: a kernel spins on *latch until the host opens it, so that the time of enqueueing stays
     * outside the events. A full launch queue would block the host for ever, so the latch opens after
     * CUDA_QUEUE launches. */
    volatile unsigned *latch;     /* pinned, host view; NULL: no blocking start */
    unsigned          *latch_dev; /* the same, as kernels see it */
    bool               closed;    /* the spin kernel waits */
    unsigned           queued;    /* launches since start() */
    bool               capturing; /* what is enqueued becomes a graph: the stream must not be waited for */
    bool blocking; /* every launch waits for its kernel (CUDA_LAUNCH_BLOCKING, checkers): nothing is held back
                    */
    struct {
        const void *fn;
        size_t      smem;
    } allowed[CUDA_ALLOWED]; /* dynamic shared memory that kernels were allowed: asked for once */
    nvml_dev *nvml;          /* NULL: no NVML */
    ir_dev   *owner;
} cuda_dev;

static inline cuda_dev *cuda_of(const ir_dev *dev) { return (cuda_dev *)dev->self; }

/* The status of a failed call, with the reason stored. cudaErrorMemoryAllocation: IR_ENOMEM, the error is
 * cleared. What this device cannot do: IR_SKIP. A sticky error: IR_EDEVICE, the device is dead. Any other:
 * the device is waited for; where it answers only this row is wrong (IR_ECHECK), else the device is dead. */
ir_status cuda_failed(cuda_dev *, cudaError_t, const char *file, int line, const char *expr);
/* CU_TRY(c, Free(p)): calls c->api->Free(p); evaluates to an ir_status. */
#define CU_TRY(c, call) cuda_check((c), (c)->api->call, __FILE__, __LINE__, #call)
static inline ir_status cuda_check(cuda_dev *c, cudaError_t e, const char *file, int line, const char *expr)
{
    return e == cudaSuccess ? IR_OK : cuda_failed(c, e, file, line, expr);
}

/* After a library failed: IR_EDEVICE where the device is lost, IR_SKIP where it still answers and only this
 * row is. */
ir_status cuda_alive(cuda_dev *);
/* Open the latch now: before a call that waits for the device, or that enqueues without cuda_enqueue().
 * Idempotent. */
void cuda_release(cuda_dev *);
/* Note n operations put on the stream by other means (a library, a copy). */
void cuda_queued(cuda_dev *, unsigned n);
/* How a kernel is launched. EARLY (sm_90 and later): its blocks may start while the kernel before still runs,
 * and wait for its end where they say so (cu_wait_for_last). PAIRS (sm_90 and later): in clusters of two. */
typedef enum { CUDA_PLAIN, CUDA_COOPERATIVE, CUDA_EARLY, CUDA_PAIRS } cuda_way;
/* Launch fn. fn is a __global__ function; args as cudaLaunchKernel wants them. */
ir_status cuda_enqueue(cuda_dev *, const void *fn, dim3 grid, dim3 block, void **args, size_t smem,
                       cuda_way way);
/* Allow a kernel `smem` bytes of dynamic shared memory beside its static. IR_SKIP where the device has less
 * than both. */
ir_status cuda_allow_smem(cuda_dev *, const void *fn, size_t smem);
/* Blocks of fn that run at once on the whole device; at least 1. */
ir_status cuda_resident(cuda_dev *, const void *fn, int threads, size_t smem, int *blocks);
/* Record what the calls of `body` enqueue as a graph. *out NULL after a failure. */
ir_status cuda_capture(cuda_dev *, ir_status (*body)(void *), void *arg, cudaGraphExec_t *out);
/* Recordings of a plan: a graph holds addresses, so every tensor set has its own. Zero-initialise;
 * cuda_forget() frees. */
typedef struct {
    void           *mem[IR_MAX_TENSORS];
    const void     *packed;
    cudaGraphExec_t exec;
} cuda_recording;
typedef struct {
    cuda_recording *v;
    size_t          n;
} cuda_recordings;
/* The graph of the run's tensors: recorded from `body` once. Called in prepare() it keeps the recording
 * outside of what is timed. */
ir_status cuda_record(cuda_dev *, cuda_recordings *, const ir_run *, ir_status (*body)(void *), void *arg,
                      cudaGraphExec_t *out);
void      cuda_forget(cuda_dev *, cuda_recordings *);
/* Loads a vendor's library for good by its file's name; NULL: it is not there. A test may put its own in
 * place before the first use. */
extern void *(*cuda_open_library)(const char *name);
/* A function of a loaded library to the function pointer at fn; NULL and false: it has none of that name, or
 * is NULL. */
bool cuda_symbol(void *library, const char *name, void *fn);
/* Device memory of a plan. Free is idempotent and takes NULL. */
ir_status cuda_new(cuda_dev *, size_t bytes, void **out);
void      cuda_free(cuda_dev *, void *out); /* out: address of the pointer, which is set to NULL */
ir_status cuda_upload(cuda_dev *, void *dst, const void *src, size_t bytes);

/* dst[cols][rows] = src[rows][cols] transposed, elements of 1 or 4 bytes. Defined in gemm.cu. */
ir_status cuda_transpose(cuda_dev *, void *dst, const void *src, size_t rows, size_t cols, size_t width);

/* The kernel behind the blocking start; NULL in a build without device code. Defined in launch.cu. */
ir_status cuda_spin(cuda_dev *, unsigned *latch);

/* ---- NVML, loaded at run time: clocks, power, throttling. NULL and NAN without it. ----------- */
extern const char *nvml_library; /* the file the next open() loads: "libnvidia-ml.so.1" unless a test says
                                    otherwise; NULL: none */
nvml_dev *nvml_open(const char *pci_bus_id);
void      nvml_close(nvml_dev **);
/* slowed: the reasons for a lower clock than asked for. NULL: all unknown. */
void nvml_read(nvml_dev *, ir_vitals *out);
/* Highest clock and power limit of the card, "" where unknown: for the machine record. */
const char *nvml_limits(nvml_dev *, char *buf, size_t n);
/* Reasons that lower the clock, as words; "" when none does. A clock that someone set is not among them. */
const char *nvml_slowed_text(uint64_t reasons, char *buf, size_t n);

/* Peak FLOP/s from the capability, SMs and clock: multiply-accumulates per cycle and SM of the vector and
 * matrix units. NAN for capabilities the table does not know. */
double cuda_peak_flops(int cc, int sms, double clock_Hz, ir_dtype);

extern const ir_backend cuda_backend;
#define X(k) extern const ir_kernel k;
#include "kernels/cuda/table.h"
#undef X
#ifdef __cplusplus
}
#endif
#endif
