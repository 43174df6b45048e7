/* backend.c -- OpenCL devices: every device of every platform, in the loader's order, is one device of the
 * backend. One in-order queue with profiling; device time is taken between two markers. Memory the host
 * shares lies in pages of the host (huge ones where the system has them) and is mapped, never copied twice;
 * other memory is filled through a pinned buffer. Refuses devices without a compiler. */
#include "kernels/opencl/ocl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define X(k) extern const ir_kernel k;
#include "kernels/opencl/table.h"
#undef X

static const ir_kernel *const kernels[] = {
#define X(k) &k,
#include "kernels/opencl/table.h"
#undef X
    NULL};

enum { MOST_PLATFORMS = 16, MOST_DEVICES = 32, STAGING_B = 16 << 20 };

/* ---- finding --------------------------------------------------------------------------------- */
static ir_status ocl_backend_find(ocl_dev *d, int index)
{
    cl_platform_id platform[MOST_PLATFORMS];
    cl_uint        np = 0;
    int            seen = 0;
    ir_status      s = OCL(clGetPlatformIDs(MOST_PLATFORMS, platform, &np));
    if (s != IR_OK) return s;
    if (np > MOST_PLATFORMS) np = MOST_PLATFORMS;
    for (cl_uint i = 0; i < np; i++) {
        cl_device_id id[MOST_DEVICES];
        cl_uint      n = 0;
        s = OCL(clGetDeviceIDs(platform[i], CL_DEVICE_TYPE_ALL, MOST_DEVICES, id, &n));
        if (s != IR_OK)
            continue; /* a platform without devices, or a broken one: the others' devices remain */
        if (n > MOST_DEVICES) n = MOST_DEVICES;
        if (index < seen + (int)n) {
            d->platform = platform[i];
            d->id = id[index - seen];
            return IR_OK;
        }
        seen += (int)n;
    }
    if (seen == 0 && s != IR_OK && s != IR_SKIP) return s;
    if (seen == 0) return ir_fail(IR_SKIP, "opencl: no platform offers a device");
    return ir_fail(IR_SKIP, "opencl: there are %d devices, index 0 to %d (not %d)", seen, seen - 1, index);
}

static ir_status info_text(cl_device_id id, cl_device_info what, char *out, size_t n)
{
    char      all[4096] = "";
    ir_status s = OCL(clGetDeviceInfo(id, what, sizeof all - 1, all, NULL));
    snprintf(out, n, "%s", all);
    return s;
}

#define INFO(id, what, var) OCL(clGetDeviceInfo(id, what, sizeof(var), &(var), NULL))

static ir_status ocl_backend_texts(ocl_dev *d)
{
    char      ext[8192] = "", profile[32] = "";
    ir_status s = info_text(d->id, CL_DEVICE_NAME, d->name, sizeof d->name);
    if (s == IR_OK) s = info_text(d->id, CL_DEVICE_VENDOR, d->vendor, sizeof d->vendor);
    if (s == IR_OK) s = info_text(d->id, CL_DEVICE_VERSION, d->version, sizeof d->version);
    if (s == IR_OK) s = info_text(d->id, CL_DRIVER_VERSION, d->driver, sizeof d->driver);
    if (s == IR_OK) s = info_text(d->id, CL_DEVICE_PROFILE, profile, sizeof profile);
    if (s == IR_OK) s = OCL(clGetDeviceInfo(d->id, CL_DEVICE_EXTENSIONS, sizeof ext - 1, ext, NULL));
    if (s == IR_OK)
        s = OCL(clGetPlatformInfo(d->platform, CL_PLATFORM_NAME, sizeof d->platform_name - 1,
                                  d->platform_name, NULL));
    d->embedded = !strcmp(profile, "EMBEDDED_PROFILE");
    d->int64 = !d->embedded || strstr(ext, "cles_khr_int64");
    d->fp64 = strstr(ext, "cl_khr_fp64") || strstr(ext, "cl_amd_fp64");
    d->fp16 = strstr(ext, "cl_khr_fp16") != NULL;
    d->idot8 = strstr(ext, "cl_khr_integer_dot_product") != NULL;
    return s;
}

static ir_status limits(ocl_dev *d)
{
    cl_bool        compiler = CL_FALSE, unified = CL_FALSE, available = CL_FALSE;
    cl_device_type type = 0;
    ir_status      s = INFO(d->id, CL_DEVICE_AVAILABLE, available);
    if (s == IR_OK && !available) return ir_fail(IR_EDEVICE, "opencl: %s is not available", d->name);
    if (s == IR_OK) s = INFO(d->id, CL_DEVICE_COMPILER_AVAILABLE, compiler);
    if (s == IR_OK && !compiler) return ir_fail(IR_EDEVICE, "opencl: %s has no compiler", d->name);
    if (s == IR_OK) s = INFO(d->id, CL_DEVICE_TYPE, type);
    if (s == IR_OK) s = INFO(d->id, CL_DEVICE_HOST_UNIFIED_MEMORY, unified);
    if (s == IR_OK) s = INFO(d->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, d->max_alloc);
    if (s == IR_OK) s = INFO(d->id, CL_DEVICE_GLOBAL_MEM_SIZE, d->mem_B);
    if (s == IR_OK) s = INFO(d->id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, d->cache_B);
    if (s == IR_OK) s = INFO(d->id, CL_DEVICE_LOCAL_MEM_SIZE, d->local_B);
    if (s == IR_OK) s = INFO(d->id, CL_DEVICE_MAX_COMPUTE_UNITS, d->units);
    if (s == IR_OK) s = INFO(d->id, CL_DEVICE_MAX_CLOCK_FREQUENCY, d->clock_MHz);
    if (s == IR_OK) s = INFO(d->id, CL_DEVICE_MAX_WORK_GROUP_SIZE, d->max_group);
    d->cpu = (type & CL_DEVICE_TYPE_CPU) && !d->o.wide;
    d->unified = unified && !d->o.staged;
    return s;
}

/* A CPU behind OpenCL is the host's: its own name for itself is the runtime's guess. */
static void host_of(ocl_dev *d)
{
    cl_device_type type = 0;
    ir_topology   *t = malloc(sizeof *t);
    if (t && INFO(d->id, CL_DEVICE_TYPE, type) == IR_OK && (type & CL_DEVICE_TYPE_CPU)) {
        ir_topology_plain(t);
        d->numa_nodes = t->nnuma > 0 ? t->nnuma : 1;
        snprintf(d->cpu_model, sizeof d->cpu_model, "%.60s", t->cpu_model);
    }
    free(t);
}

static void ocl_close(ir_dev *dev)
{
    ocl_dev *d = dev->self;
    if (!d) return;
    if (d->queue) OCL_DRAIN(d->queue);
    ocl_pinned_free(d, &d->staging, &d->staging_host);
    OCL_FREE(OCL_EVENT, clReleaseEvent, d->begun);
    ocl_programs_free(d);
    OCL_FREE(OCL_QUEUE, clReleaseCommandQueue, d->queue);
    OCL_FREE(OCL_CONTEXT, clReleaseContext, d->context);
    free(d);
    dev->self = NULL;
}

static ir_status ocl_open(ir_dev *dev, const ir_open_options *asked)
{
    if (dev->index < 0) return ir_fail(IR_SKIP, "opencl: no device %d", dev->index);
    ocl_dev *d = calloc(1, sizeof *d);
    if (!d) return ir_fail(IR_ENOMEM, "opencl: no memory for the device");
    if (asked && asked->own) d->o = *(const ocl_options *)asked->own;
    dev->be = &ocl_backend;
    dev->self = d;
    dev->dead = false;
    ir_status s = ocl_backend_find(d, dev->index);
    if (s == IR_OK) s = ocl_backend_texts(d);
    if (s == IR_OK) s = limits(d);
    cl_context_properties props[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)d->platform, 0};
    if (s == IR_OK)
        s = OCL_NEW(OCL_CONTEXT, d->context, clCreateContext(props, 1, &d->id, NULL, NULL, &ocl_err));
    if (s == IR_OK)
        s = OCL_NEW(OCL_QUEUE, d->queue,
                    clCreateCommandQueue(d->context, d->id, CL_QUEUE_PROFILING_ENABLE, &ocl_err));
    if (s == IR_OK) host_of(d);
    if (s != IR_OK) ocl_close(dev);
    return s;
}

static ir_status ocl_describe(ir_dev *dev, ir_device_info *out)
{
    const ocl_dev *d = ocl_of(dev);
    memset(out, 0, sizeof *out);
    snprintf(out->id, sizeof out->id, "opencl%d", dev->index);
    if (d->cpu_model[0])
        snprintf(out->name, sizeof out->name, "%.40s (%.50s)", d->cpu_model, d->name);
    else
        snprintf(out->name, sizeof out->name, "%.95s", d->name);
    snprintf(out->backend, sizeof out->backend, "opencl");
    snprintf(out->driver, sizeof out->driver, "%.40s, %.50s", d->driver, d->platform_name);
    snprintf(out->limits, sizeof out->limits,
             "allocation %.3g GB, local %.3g kB, work-group %zu, %s%s%s%s%s%s memory",
             (double)d->max_alloc / 1e9, (double)d->local_B / 1e3, d->max_group,
             d->fp64 ? "fp64, " : "no fp64, ", d->fp16 ? "fp16, " : "no fp16, ", d->idot8 ? "int8 dot, " : "",
             d->embedded ? "embedded, " : "", d->int64 ? "" : "no int64, ", d->unified ? "unified" : "own");
    out->host_again = d->cpu_model[0] != 0;
    out->cores = (int)d->units;
    out->threads = 0;
    out->numa_nodes = d->numa_nodes;
    out->unified = d->unified;
    out->clock_Hz = d->clock_MHz ? d->clock_MHz * 1e6 : NAN;
    out->mem_B = d->mem_B ? (double)d->mem_B : NAN;
    out->llc_B = d->cache_B ? (double)d->cache_B : NAN;
    out->spec_Bps = NAN;
    for (int t = 0; t < IR_NDTYPE; t++) out->spec_flops[t] = NAN;
    return IR_OK;
}

ir_status ocl_has_dtype(const ocl_dev *d, ir_dtype t)
{
    if (t == IR_F64 && !d->fp64) return ir_fail(IR_SKIP, "opencl: %.60s has no f64 (cl_khr_fp64)", d->name);
    if (t == IR_F16 && !d->fp16) return ir_fail(IR_SKIP, "opencl: %.60s has no f16 (cl_khr_fp16)", d->name);
    return IR_OK;
}

/* ---- memory ---------------------------------------------------------------------------------- */
ir_status ocl_buffer(ocl_dev *d, size_t bytes, ocl_buf **out)
{
    *out = NULL;
    if (bytes > d->max_alloc)
        return ir_fail(IR_SKIP, "opencl: %.3g GB in one buffer, this device allocates %.3g GB at most",
                       (double)bytes / 1e9, (double)d->max_alloc / 1e9);
    ocl_buf *b = calloc(1, sizeof *b);
    if (!b) return ir_fail(IR_ENOMEM, "opencl: no memory for a buffer");
    b->bytes = bytes;
    b->queue = d->queue;
    cl_mem_flags flags = CL_MEM_READ_WRITE;
    ir_status    s = IR_OK;
    if (d->unified && d->numa_nodes > 0) {
        s = ir_host_alloc(bytes, IR_PAGES_HUGE, &b->host);
        flags |= CL_MEM_USE_HOST_PTR;
    } else if (d->unified) {
        flags |= CL_MEM_ALLOC_HOST_PTR;
    }
    if (s == IR_OK) s = OCL_NEW(OCL_MEM, b->mem, clCreateBuffer(d->context, flags, bytes, b->host, &ocl_err));
    *out = b;
    if (s != IR_OK) ocl_buffer_free(out);
    return s;
}

void ocl_buffer_free(ocl_buf **b)
{
    if (!*b) return;
    if ((*b)->host && (*b)->mem) OCL_DRAIN((*b)->queue);
    OCL_FREE(OCL_MEM, clReleaseMemObject, (*b)->mem);
    if ((*b)->host) ir_host_free((*b)->host, (*b)->bytes);
    free(*b);
    *b = NULL;
}

static ir_status unmap(ocl_dev *d, cl_mem m, void *p)
{
    ir_status s = OCL(clEnqueueUnmapMemObject(d->queue, m, p, 0, NULL, NULL));
    ir_status f = OCL(clFinish(d->queue));
    return s == IR_OK ? f : s;
}

ir_status ocl_map(ocl_dev *d, cl_mem m, cl_map_flags how, size_t offset, size_t bytes, void **at)
{
    void     *p = NULL;
    ir_status s = OCL(
        (p = clEnqueueMapBuffer(d->queue, m, CL_TRUE, how, offset, bytes, 0, NULL, NULL, &ocl_err), ocl_err));
    *at = s == IR_OK ? p : NULL;
    if (s != IR_OK || p) return s;
    return ir_fail(IR_EDEVICE, "opencl: a mapped buffer of %zu bytes has no address", bytes);
}

static ir_status map_copy(ocl_dev *d, ocl_buf *b, size_t offset, size_t bytes, const void *from, void *to)
{
    cl_map_flags how = from ? CL_MAP_WRITE_INVALIDATE_REGION : CL_MAP_READ;
    void        *p;
    ir_status    s = ocl_map(d, b->mem, how, offset, bytes, &p);
    if (s != IR_OK) return s;
    if (from)
        memcpy(p, from, bytes);
    else if (to)
        memcpy(to, p, bytes);
    return unmap(d, b->mem, p);
}

ir_status ocl_pinned(ocl_dev *d, size_t bytes, cl_mem *mem, void **host)
{
    *host = NULL;
    ir_status s =
        OCL_NEW(OCL_MEM, *mem,
                clCreateBuffer(d->context, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, bytes, NULL, &ocl_err));
    return s == IR_OK ? ocl_map(d, *mem, CL_MAP_READ | CL_MAP_WRITE, 0, bytes, host) : s;
}

void ocl_pinned_free(ocl_dev *d, cl_mem *mem, void **host)
{
    if (!*mem) return;
    if (*host) (void)OCL(clEnqueueUnmapMemObject(d->queue, *mem, *host, 0, NULL, NULL));
    if (*host) OCL_DRAIN(d->queue);
    OCL_FREE(OCL_MEM, clReleaseMemObject, *mem);
    *host = NULL;
}

static ir_status staging(ocl_dev *d)
{
    if (d->staging_host) return IR_OK;
    ocl_pinned_free(d, &d->staging, &d->staging_host); /* what a failed attempt left */
    return ocl_pinned(d, STAGING_B, &d->staging, &d->staging_host);
}

static ir_status staged_copy(ocl_dev *d, ocl_buf *b, size_t offset, size_t bytes, const char *from, char *to)
{
    ir_status s = staging(d);
    for (size_t at = 0; at < bytes && s == IR_OK; at += STAGING_B) {
        size_t n = bytes - at < STAGING_B ? bytes - at : STAGING_B;
        if (from) {
            memcpy(d->staging_host, from + at, n);
            s = OCL(clEnqueueWriteBuffer(d->queue, b->mem, CL_TRUE, offset + at, n, d->staging_host, 0, NULL,
                                         NULL));
        } else {
            s = OCL(clEnqueueReadBuffer(d->queue, b->mem, CL_TRUE, offset + at, n, d->staging_host, 0, NULL,
                                        NULL));
            if (s == IR_OK) memcpy(to + at, d->staging_host, n);
        }
    }
    return s;
}

ir_status ocl_write(ocl_dev *d, ocl_buf *b, size_t offset, size_t bytes, const void *host)
{
    return d->unified ? map_copy(d, b, offset, bytes, host, NULL)
                      : staged_copy(d, b, offset, bytes, host, NULL);
}

ir_status ocl_read(ocl_dev *d, ocl_buf *b, size_t offset, size_t bytes, void *host)
{
    return d->unified ? map_copy(d, b, offset, bytes, NULL, host)
                      : staged_copy(d, b, offset, bytes, NULL, host);
}

static ir_status ocl_alloc(ir_dev *dev, size_t bytes, ir_mem *out)
{
    ocl_buf *b;
    memset(out, 0, sizeof *out);
    ir_status s = ocl_buffer(ocl_of(dev), bytes, &b);
    if (s == IR_OK) *out = (ir_mem){.p = b, .bytes = bytes};
    return s;
}

static void ocl_release(ir_dev *dev, ir_mem *m)
{
    ocl_buf *b = m->p;
    (void)dev;
    ocl_buffer_free(&b);
    memset(m, 0, sizeof *m);
}

static ir_status ocl_put(ir_dev *dev, ir_mem *dst, const void *host)
{
    return ocl_write(ocl_of(dev), dst->p, 0, dst->bytes, host);
}
static ir_status ocl_get(ir_dev *dev, const ir_mem *src, void *host)
{
    return ocl_read(ocl_of(dev), src->p, 0, src->bytes, host);
}

/* ---- time ------------------------------------------------------------------------------------ */
static ir_status ocl_sync(ir_dev *dev) { return OCL(clFinish(ocl_of(dev)->queue)); }

static double ocl_now(ir_dev *dev)
{
    (void)dev;
    return ir_now();
}

static ir_status ocl_start(ir_dev *dev)
{
    ocl_dev *d = ocl_of(dev);
    OCL_FREE(OCL_EVENT, clReleaseEvent, d->begun);
    return OCL_EVENT_OF(d->begun, clEnqueueMarkerWithWaitList(d->queue, 0, NULL, &d->begun));
}

static bool stamp(cl_event e, cl_ulong *ns)
{
    return OCL(clGetEventProfilingInfo(e, CL_PROFILING_COMMAND_END, sizeof *ns, ns, NULL)) == IR_OK &&
           *ns > 0;
}

static ir_status ocl_stop(ir_dev *dev, double *dev_s)
{
    ocl_dev *d = ocl_of(dev);
    cl_event end = NULL;
    cl_ulong t0 = 0, t1 = 0;
    *dev_s = NAN;
    ir_status s = OCL_EVENT_OF(end, clEnqueueMarkerWithWaitList(d->queue, 0, NULL, &end));
    if (s == IR_OK) s = OCL(clFinish(d->queue));
    /* A runtime whose clock does not tick or goes back has no clock. */
    if (s == IR_OK && d->begun && stamp(d->begun, &t0) && stamp(end, &t1) && t1 > t0)
        *dev_s = (double)(t1 - t0) * 1e-9;
    OCL_FREE(OCL_EVENT, clReleaseEvent, end);
    OCL_FREE(OCL_EVENT, clReleaseEvent, d->begun);
    return s;
}

/* ---- launches -------------------------------------------------------------------------------- */
ir_status ocl_args(cl_kernel k, const ocl_arg *a, int n)
{
    ir_status s = IR_OK;
    for (int i = 0; i < n && s == IR_OK; i++) s = OCL(clSetKernelArg(k, (cl_uint)i, a[i].size, a[i].p));
    return s;
}

void *ocl_plan(ir_run *r, size_t bytes)
{
    r->self = calloc(1, bytes);
    if (!r->self) (void)ir_fail(IR_ENOMEM, "opencl: no memory for a plan");
    return r->self;
}

ir_status ocl_launch(ocl_dev *d, cl_kernel k, size_t groups, size_t local)
{
    size_t global = groups * local;
    return OCL(clEnqueueNDRangeKernel(d->queue, k, 1, NULL, &global, &local, 0, NULL, NULL));
}

ir_status ocl_launches(ocl_dev *d, cl_kernel k, size_t groups, size_t local, uint32_t reps)
{
    ir_status s = IR_OK;
    for (uint32_t i = 0; i < reps && s == IR_OK; i++) s = ocl_launch(d, k, groups, local);
    return s;
}

size_t ocl_local(const ocl_dev *d)
{
    if (d->cpu) return 1;
    size_t n = 256;
    while (n > d->max_group) n /= 2;
    return n;
}

size_t ocl_groups(const ocl_dev *d) { return d->cpu ? d->units * 4u : d->units * 8u; }

static const char *ocl_tuning(ir_dev *dev) { return ocl_of(dev)->tuning; }

const ir_backend ocl_backend = {.name = "opencl",
                                .kernels = kernels,
                                .open = ocl_open,
                                .close = ocl_close,
                                .describe = ocl_describe,
                                .alloc = ocl_alloc,
                                .release = ocl_release,
                                .put = ocl_put,
                                .get = ocl_get,
                                .sync = ocl_sync,
                                .now = ocl_now,
                                .start = ocl_start,
                                .stop = ocl_stop,
                                .tuning = ocl_tuning};
