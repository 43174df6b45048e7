/* support.c -- what kernels call around their launches: errors, the blocking start, graphs, memory of plans.
 */
#include "kernels/cuda/cuda.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* What an error says of the device. Errors that are not listed are asked of the device itself. */
typedef enum { ERROR_ASK, ERROR_DEAD, ERROR_SKIP, ERROR_ROOM } error_kind;
static error_kind kind_of(cudaError_t e)
{
    static const struct {
        cudaError_t e;
        error_kind  kind;
    } known[] = {{cudaErrorMemoryAllocation, ERROR_ROOM},
                 {cudaErrorNoKernelImageForDevice, ERROR_SKIP},
                 {cudaErrorNotSupported, ERROR_SKIP},
                 {cudaErrorCooperativeLaunchTooLarge, ERROR_SKIP},
                 {cudaErrorUnsupportedPtxVersion, ERROR_SKIP},
                 /* After these every further call on the context fails with the same error. */
                 {cudaErrorIllegalAddress, ERROR_DEAD},
                 {cudaErrorLaunchTimeout, ERROR_DEAD},
                 {cudaErrorAssert, ERROR_DEAD},
                 {cudaErrorHardwareStackError, ERROR_DEAD},
                 {cudaErrorIllegalInstruction, ERROR_DEAD},
                 {cudaErrorMisalignedAddress, ERROR_DEAD},
                 {cudaErrorInvalidAddressSpace, ERROR_DEAD},
                 {cudaErrorInvalidPc, ERROR_DEAD},
                 {cudaErrorLaunchFailure, ERROR_DEAD},
                 {cudaErrorECCUncorrectable, ERROR_DEAD},
                 {cudaErrorNvlinkUncorrectable, ERROR_DEAD},
                 {cudaErrorDevicesUnavailable, ERROR_DEAD},
                 {cudaErrorDeviceUninitialized, ERROR_DEAD},
                 {cudaErrorContextIsDestroyed, ERROR_DEAD},
                 {cudaErrorUnknown, ERROR_DEAD}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].e == e) return known[i].kind;
    return ERROR_ASK;
}

/* Does the device still do what it was given? A stream in capture must not be waited for, and has run
 * nothing. */
static bool device_answers(cuda_dev *c)
{
    if (!c->stream) return false;
    if (c->capturing) return true;
    cuda_release(c);
    cudaError_t e = c->api->StreamSynchronize(c->stream);
    if (e != cudaSuccess) c->api->GetLastError();
    return e == cudaSuccess;
}

ir_status cuda_failed(cuda_dev *c, cudaError_t e, const char *file, int line, const char *expr)
{
    static const ir_status status[] = {
        [ERROR_ASK] = IR_ECHECK, [ERROR_DEAD] = IR_EDEVICE, [ERROR_SKIP] = IR_SKIP, [ERROR_ROOM] = IR_ENOMEM};
    const char *base = strrchr(file, '/');
    error_kind  kind = kind_of(e);
    c->api->GetLastError(); /* clears what is not sticky */
    if (kind == ERROR_ASK && !device_answers(c)) kind = ERROR_DEAD;
    if (kind == ERROR_DEAD && c->owner) c->owner->dead = true;
    return ir_fail(status[kind], "cuda: %s (%s) at %s:%d: %.60s", c->api->GetErrorString(e),
                   c->api->GetErrorName(e), base ? base + 1 : file, line, expr);
}

ir_status cuda_alive(cuda_dev *c)
{
    cuda_release(c);
    return CU_TRY(c, StreamSynchronize(c->stream)) == IR_EDEVICE ? IR_EDEVICE : IR_SKIP;
}

void cuda_release(cuda_dev *c)
{
    if (!c->closed) return;
    *c->latch = 1;
    c->closed = false;
}

void cuda_queued(cuda_dev *c, unsigned n)
{
    c->queued += n;
    if (c->queued >= CUDA_QUEUE) cuda_release(c);
}

ir_status cuda_enqueue(cuda_dev *c, const void *fn, dim3 grid, dim3 block, void **args, size_t smem,
                       cuda_way way)
{
    cuda_queued(c, 1);
    if (way == CUDA_EARLY || way == CUDA_PAIRS) {
        cudaLaunchAttribute early = {.id = cudaLaunchAttributeProgrammaticStreamSerialization,
                                     .val.programmaticStreamSerializationAllowed = 1};
        cudaLaunchAttribute pairs = {.id = cudaLaunchAttributeClusterDimension, .val.clusterDim = {2, 1, 1}};
        cudaLaunchConfig_t  how = {.gridDim = grid,
                                   .blockDim = block,
                                   .dynamicSmemBytes = smem,
                                   .stream = c->stream,
                                   .attrs = way == CUDA_EARLY ? &early : &pairs,
                                   .numAttrs = 1};
        return CU_TRY(c, LaunchKernelExC(&how, fn, args));
    }
    if (way == CUDA_COOPERATIVE)
        return CU_TRY(c, LaunchCooperativeKernel(fn, grid, block, args, smem, c->stream));
    return CU_TRY(c, LaunchKernel(fn, grid, block, args, smem, c->stream));
}

ir_status cuda_allow_smem(cuda_dev *c, const void *fn, size_t smem)
{
    struct cudaFuncAttributes a;
    int                       i = 0;
    while (i < CUDA_ALLOWED - 1 && c->allowed[i].fn && c->allowed[i].fn != fn) i++;
    if (c->allowed[i].fn == fn && c->allowed[i].smem >= smem) return IR_OK;
    ir_status st = CU_TRY(c, FuncGetAttributes(&a, fn));
    if (st == IR_OK && smem + a.sharedSizeBytes > c->prop.sharedMemPerBlockOptin)
        st = ir_fail(IR_SKIP, "cuda: needs %zu B of shared memory a block, %s has %zu",
                     smem + a.sharedSizeBytes, c->prop.name, c->prop.sharedMemPerBlockOptin);
    if (st == IR_OK && smem + a.sharedSizeBytes > c->prop.sharedMemPerBlock)
        st = CU_TRY(c, FuncSetAttribute(fn, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)smem));
    if (st != IR_OK) return st;
    c->allowed[i].fn = fn;
    c->allowed[i].smem = smem;
    return IR_OK;
}

ir_status cuda_resident(cuda_dev *c, const void *fn, int threads, size_t smem, int *blocks)
{
    int       per_sm = 0;
    ir_status st = CU_TRY(c, OccupancyMaxActiveBlocksPerMultiprocessor(&per_sm, fn, threads, smem));
    *blocks = (per_sm > 0 ? per_sm : 1) * c->sms;
    return st;
}

ir_status cuda_capture(cuda_dev *c, ir_status (*body)(void *), void *arg, cudaGraphExec_t *out)
{
    cudaGraph_t g = NULL;
    *out = NULL;
    cuda_release(c);
    ir_status st = CU_TRY(c, StreamBeginCapture(c->stream, cudaStreamCaptureModeThreadLocal));
    if (st != IR_OK) return st;
    c->capturing = true;
    ir_status inner = body(arg);
    c->capturing = false;
    char why[IR_WHY];
    snprintf(why, sizeof why, "%s", ir_why());
    st = CU_TRY(
        c, StreamEndCapture(c->stream, &g)); /* also after a failure: the stream must leave capture mode */
    if (inner != IR_OK && st != IR_EDEVICE) st = ir_fail(inner, "%s", why);
    if (st == IR_OK) st = CU_TRY(c, GraphInstantiate(out, g));
    if (g) c->api->GraphDestroy(g);
    if (st != IR_OK) *out = NULL;
    return st;
}

static bool recorded_for(const cuda_recording *g, const ir_run *r)
{
    bool same = g->packed == r->packed;
    for (int t = 0; t < r->nmem; t++) same = same && g->mem[t] == r->mem[t].p;
    return same;
}

ir_status cuda_record(cuda_dev *c, cuda_recordings *all, const ir_run *r, ir_status (*body)(void *),
                      void *arg, cudaGraphExec_t *out)
{
    cuda_recording g = {.packed = r->packed};
    for (size_t i = 0; i < all->n; i++)
        if (recorded_for(&all->v[i], r)) {
            *out = all->v[i].exec;
            return IR_OK;
        }
    *out = NULL;
    cuda_recording *v = realloc(all->v, (all->n + 1) * sizeof *v);
    if (!v) return ir_fail(IR_ENOMEM, "cuda: no memory for a recording");
    all->v = v;
    for (int t = 0; t < r->nmem; t++) g.mem[t] = r->mem[t].p;
    ir_status st = cuda_capture(c, body, arg, &g.exec);
    if (st == IR_OK) all->v[all->n++] = g;
    *out = g.exec;
    return st;
}

void cuda_forget(cuda_dev *c, cuda_recordings *all)
{
    for (size_t i = 0; i < all->n; i++) c->api->GraphExecDestroy(all->v[i].exec);
    free(all->v);
    *all = (cuda_recordings){NULL, 0};
}

ir_status cuda_new(cuda_dev *c, size_t bytes, void **out)
{
    *out = NULL;
    cuda_release(c);
    return CU_TRY(c, Malloc(out, bytes ? bytes : 1));
}

void cuda_free(cuda_dev *c, void *out)
{
    void *p;
    memcpy(&p, out, sizeof p);
    if (p) {
        cuda_release(c);
        c->api->Free(p);
    }
    memset(out, 0, sizeof p);
}

ir_status cuda_upload(cuda_dev *c, void *dst, const void *src, size_t bytes)
{
    cuda_release(c);
    ir_status st = CU_TRY(c, MemcpyAsync(dst, src, bytes, cudaMemcpyHostToDevice, c->stream));
    return st == IR_OK ? CU_TRY(c, StreamSynchronize(c->stream)) : st;
}

static void *open_library(const char *name) { return dlopen(name, RTLD_NOW | RTLD_LOCAL); }
void *(*cuda_open_library)(const char *) = open_library;

bool cuda_symbol(void *library, const char *name, void *fn)
{
    void *p = library ? dlsym(library, name) : NULL; /* POSIX returns functions as data pointers */
    memcpy(fn, &p, sizeof p);
    return p != NULL;
}
