/* support.c -- what kernels call around their launches: errors, the blocking start, graphs, memory of plans.
 */
#include "kernels/cuda/cuda.h"

#include <dlfcn.h>
#include <string.h>

/* Errors after which every further call on the context fails with the same error. */
static bool sticky(cudaError_t e)
{
    switch (e) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorDevicesUnavailable:
    case cudaErrorDeviceUninitialized:
    case cudaErrorContextIsDestroyed:
    case cudaErrorUnknown: return true;
    default: return false;
    }
}

ir_status cuda_failed(const cuda_dev *c, cudaError_t e, const char *file, int line, const char *expr)
{
    const char *base = strrchr(file, '/');
    ir_status   st = e == cudaErrorMemoryAllocation ? IR_ENOMEM
                     : sticky(e)                    ? IR_EDEVICE
                     : e == cudaErrorNoKernelImageForDevice || e == cudaErrorNotSupported ||
                           e == cudaErrorCooperativeLaunchTooLarge || e == cudaErrorUnsupportedPtxVersion
                         ? IR_SKIP
                         : IR_EDEVICE;
    c->api->GetLastError(); /* clears what is not sticky */
    if (st == IR_EDEVICE && c->owner) c->owner->dead = true;
    return ir_fail(st, "cuda: %s (%s) at %s:%d: %.60s", c->api->GetErrorString(e), c->api->GetErrorName(e),
                   base ? base + 1 : file, line, expr);
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
                       bool cooperative)
{
    cuda_queued(c, 1);
    if (cooperative) return CU_TRY(c, LaunchCooperativeKernel(fn, grid, block, args, smem, c->stream));
    return CU_TRY(c, LaunchKernel(fn, grid, block, args, smem, c->stream));
}

ir_status cuda_allow_smem(cuda_dev *c, const void *fn, size_t smem)
{
    if (smem > c->prop.sharedMemPerBlockOptin)
        return ir_fail(IR_SKIP, "cuda: needs %zu B of shared memory a block, %s has %zu", smem, c->prop.name,
                       c->prop.sharedMemPerBlockOptin);
    if (smem <= 48 << 10) return IR_OK;
    return CU_TRY(c, FuncSetAttribute(fn, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)smem));
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
    ir_status inner = body(arg);
    char      why[IR_WHY];
    snprintf(why, sizeof why, "%s", ir_why());
    st = CU_TRY(
        c, StreamEndCapture(c->stream, &g)); /* also after a failure: the stream must leave capture mode */
    if (inner != IR_OK) st = ir_fail(inner, "%s", why);
    if (st == IR_OK) st = CU_TRY(c, GraphInstantiate(out, g));
    if (g) c->api->GraphDestroy(g);
    if (st != IR_OK) *out = NULL;
    return st;
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
