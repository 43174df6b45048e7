/* backend.c -- an NVIDIA GPU as a device: one stream, memory of its own, and events as its clock, started
 * behind a kernel that spins until everything is enqueued. Assumes one measuring thread. Refuses (skips)
 * where there is no driver, no such device, a driver older than the runtime, or a capability this build has
 * no code for. */
#include "kernels/cuda/cuda.h"
#include "harness/machine/machine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const ir_kernel *const kernels[] = {
#define X(k) &k,
#include "kernels/cuda/table.h"
#undef X
    NULL};

enum { OLDEST_CC = 75 };

/* Is there a device of this index? Says in the user's terms why not. */
static ir_status find(const cuda_api *api, int index)
{
    int         n = 0, have = 0, want = 0;
    cudaError_t e = api->GetDeviceCount(&n);
    api->DriverGetVersion(&have);
    api->RuntimeGetVersion(&want);
    if (e == cudaErrorInsufficientDriver && have == 0)
        return ir_fail(IR_SKIP, "cuda: no NVIDIA driver on this machine");
    if (e == cudaErrorInsufficientDriver)
        return ir_fail(IR_SKIP, "cuda: the driver speaks CUDA %d.%d, this build needs %d.%d", have / 1000,
                       have % 1000 / 10, want / 1000, want % 1000 / 10);
    if (e == cudaErrorNoDevice || (e == cudaSuccess && n == 0))
        return ir_fail(IR_SKIP, "cuda: no NVIDIA GPU on this machine");
    if (e != cudaSuccess)
        return ir_fail(IR_SKIP, "cuda: %s (%s)", api->GetErrorString(e), api->GetErrorName(e));
    if (index < 0 || index >= n)
        return ir_fail(IR_SKIP, "cuda: %d device%s here, numbered from 0; no device %d", n, n == 1 ? "" : "s",
                       index);
    return IR_OK;
}

static double attribute_Hz(const cuda_dev *c, enum cudaDeviceAttr a, int index)
{
    int kHz = 0;
    return c->api->DeviceGetAttribute(&kHz, a, index) == cudaSuccess && kHz > 0 ? 1e3 * kHz : NAN;
}

static ir_status identify(cuda_dev *c, int index)
{
    int       bits = 0;
    ir_status st = CU_TRY(c, SetDevice(index));
    if (st == IR_OK) st = CU_TRY(c, GetDeviceProperties(&c->prop, index));
    if (st != IR_OK) return st;
    c->cc = 10 * c->prop.major + c->prop.minor;
    c->sms = c->prop.multiProcessorCount;
    c->api->DriverGetVersion(&c->driver);
    c->api->RuntimeGetVersion(&c->runtime);
    c->clock_Hz = attribute_Hz(c, cudaDevAttrClockRate, index);
    c->mem_clock_Hz = attribute_Hz(c, cudaDevAttrMemoryClockRate, index);
    c->api->DeviceGetAttribute(&bits, cudaDevAttrGlobalMemoryBusWidth, index);
    c->bus_B = bits > 0 ? bits / 8.0 : NAN;
    c->mig = strstr(c->prop.name, "MIG") != NULL;
    if (c->cc < OLDEST_CC)
        return ir_fail(IR_SKIP, "cuda: %s has compute capability %d.%d; %d.%d or later is needed",
                       c->prop.name, c->prop.major, c->prop.minor, OLDEST_CC / 10, OLDEST_CC % 10);
    return IR_OK;
}

static ir_status make_latch(cuda_dev *c)
{
    void     *host = NULL, *dev = NULL;
    ir_status st = CU_TRY(c, HostAlloc(&host, sizeof *c->latch, cudaHostAllocMapped));
    if (st == IR_OK) {
        c->latch = host;
        *c->latch = 1;
        st = CU_TRY(c, HostGetDevicePointer(&dev, host, 0));
        c->latch_dev = dev;
    }
    /* The first launch loads the module, which may wait for the device: it must not happen behind a closed
     * latch. */
    if (st == IR_OK) st = cuda_spin(c, c->latch_dev);
    if (st == IR_OK) st = CU_TRY(c, StreamSynchronize(c->stream));
    return st;
}

static void cuda_close(ir_dev *dev)
{
    cuda_dev *c = cuda_of(dev);
    if (!c) return;
    cuda_release(c);
    if (c->began) c->api->EventDestroy(c->began);
    if (c->ended) c->api->EventDestroy(c->ended);
    if (c->stream) c->api->StreamDestroy(c->stream);
    if (c->latch) c->api->FreeHost((void *)(uintptr_t)c->latch);
    nvml_close(&c->nvml);
    free(c);
    dev->self = NULL;
}

static ir_status cuda_open(ir_dev *dev, const ir_open_options *asked)
{
    const cuda_api *api = asked && asked->own ? asked->own : &cuda_runtime;
    ir_status       st = find(api, dev->index);
    if (st != IR_OK) return st;
    cuda_dev *c = calloc(1, sizeof *c);
    if (!c) return ir_fail(IR_ENOMEM, "cuda: no memory for the device");
    dev->be = &cuda_backend;
    dev->self = c;
    dev->dead = false;
    c->api = api;
    c->owner = dev;
    const char *wait = getenv("CUDA_LAUNCH_BLOCKING");
    c->blocking = wait && *wait && strcmp(wait, "0") != 0;
    st = identify(c, dev->index);
    if (st == IR_OK) st = CU_TRY(c, StreamCreateWithFlags(&c->stream, cudaStreamNonBlocking));
    if (st == IR_OK) st = CU_TRY(c, EventCreate(&c->began));
    if (st == IR_OK) st = CU_TRY(c, EventCreate(&c->ended));
    if (st == IR_OK) st = make_latch(c);
    if (st != IR_OK) {
        cuda_close(dev);
        return st;
    }
    char pci[32];
    snprintf(pci, sizeof pci, "%08x:%02x:%02x.0", (unsigned)c->prop.pciDomainID, (unsigned)c->prop.pciBusID,
             (unsigned)c->prop.pciDeviceID);
    c->nvml = nvml_open(pci);
    return IR_OK;
}

static ir_status cuda_describe(ir_dev *dev, ir_device_info *out)
{
    const cuda_dev *c = cuda_of(dev);
    memset(out, 0, sizeof *out);
    snprintf(out->id, sizeof out->id, "cuda%d", dev->index);
    snprintf(out->name, sizeof out->name, "%.90s", c->prop.name);
    snprintf(out->backend, sizeof out->backend, "cuda");
    snprintf(out->driver, sizeof out->driver, "sm_%d, driver %d.%d, runtime %d.%d%s", c->cc, c->driver / 1000,
             c->driver % 1000 / 10, c->runtime / 1000, c->runtime % 1000 / 10, c->mig ? ", MIG slice" : "");
    out->cores = c->sms;
    out->unified = c->prop.integrated != 0;
    out->clock_Hz = c->clock_Hz;
    out->mem_B = (double)c->prop.totalGlobalMem;
    out->llc_B = c->prop.l2CacheSize > 0 ? (double)c->prop.l2CacheSize : (double)NAN;
    /* Two transfers a clock. A MIG slice sees the clock of the whole card and a share of the bus; memory
     * shared with the host makes more transfers a clock than it tells. */
    out->spec_Bps = c->mig || c->prop.integrated ? (double)NAN : 2 * c->mem_clock_Hz * c->bus_B;
    char card[80];
    nvml_limits(c->nvml, card, sizeof card);
    snprintf(out->limits, sizeof out->limits, "%s%s%s", c->mig ? "a MIG slice: part of a card" : "",
             c->mig && *card ? "; " : "", card);
    for (int t = 0; t < IR_NDTYPE; t++)
        out->spec_flops[t] = cuda_peak_flops(c->cc, c->sms, c->clock_Hz, (ir_dtype)t);
    return IR_OK;
}

static ir_status cuda_alloc(ir_dev *dev, size_t bytes, ir_mem *out)
{
    memset(out, 0, sizeof *out);
    ir_status st = cuda_new(cuda_of(dev), bytes, &out->p);
    if (st == IR_ENOMEM) {
        size_t free_B = 0, all_B = 0;
        cuda_of(dev)->api->MemGetInfo(&free_B, &all_B);
        return ir_fail(IR_ENOMEM, "cuda: no room for %.3g GB: %.3g of %.3g GB are free", (double)bytes / 1e9,
                       (double)free_B / 1e9, (double)all_B / 1e9);
    }
    if (st == IR_OK) out->bytes = bytes;
    return st;
}

static void cuda_release_mem(ir_dev *dev, ir_mem *m)
{
    cuda_free(cuda_of(dev), &m->p);
    memset(m, 0, sizeof *m);
}

static ir_status cuda_put(ir_dev *dev, ir_mem *dst, const void *host)
{
    return cuda_upload(cuda_of(dev), dst->p, host, dst->bytes);
}

static ir_status cuda_get(ir_dev *dev, const ir_mem *src, void *host)
{
    cuda_dev *c = cuda_of(dev);
    cuda_release(c);
    ir_status st = CU_TRY(c, MemcpyAsync(host, src->p, src->bytes, cudaMemcpyDeviceToHost, c->stream));
    return st == IR_OK ? CU_TRY(c, StreamSynchronize(c->stream)) : st;
}

static ir_status cuda_sync(ir_dev *dev)
{
    cuda_dev *c = cuda_of(dev);
    cuda_release(c);
    return CU_TRY(c, StreamSynchronize(c->stream));
}

static double cuda_now(ir_dev *dev)
{
    (void)dev;
    return ir_now();
}

static ir_status cuda_start(ir_dev *dev)
{
    cuda_dev *c = cuda_of(dev);
    cuda_release(c);
    if (c->blocking) return CU_TRY(c, EventRecord(c->began, c->stream));
    *c->latch = 0;
    ir_status st = cuda_spin(c, c->latch_dev);
    c->closed = true;
    c->queued = 0;
    if (st != IR_OK) cuda_release(c);
    return st == IR_OK ? CU_TRY(c, EventRecord(c->began, c->stream)) : st;
}

static ir_status cuda_stop(ir_dev *dev, double *dev_s)
{
    cuda_dev *c = cuda_of(dev);
    float     ms = NAN;
    ir_status st = CU_TRY(c, EventRecord(c->ended, c->stream));
    cuda_release(c);
    if (st == IR_OK) st = CU_TRY(c, EventSynchronize(c->ended));
    if (st == IR_OK) st = CU_TRY(c, EventElapsedTime(&ms, c->began, c->ended));
    *dev_s = 1e-3 * (double)ms;
    return st;
}

/* Power of a MIG slice is that of the whole card, other people's work included: unknown. */
static void cuda_vitals(ir_dev *dev, ir_vitals *out)
{
    const cuda_dev *c = cuda_of(dev);
    nvml_read(c->nvml, out);
    if (c->mig) out->power_W = out->energy_J = out->cap_W = NAN;
}

const ir_backend cuda_backend = {.name = "cuda",
                                 .kernels = kernels,
                                 .open = cuda_open,
                                 .close = cuda_close,
                                 .describe = cuda_describe,
                                 .alloc = cuda_alloc,
                                 .release = cuda_release_mem,
                                 .put = cuda_put,
                                 .get = cuda_get,
                                 .sync = cuda_sync,
                                 .now = cuda_now,
                                 .start = cuda_start,
                                 .stop = cuda_stop,
                                 .vitals = cuda_vitals};
