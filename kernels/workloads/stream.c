/* stream.c -- read, write, copy, scale, add, triad over arrays larger or smaller than the caches: the
 * bandwidth term of the law, by kind of access. Assumes nothing about alignment; refuses fewer bytes
 * than one element per array, stream counts other than 1, 2, 4, 8, and types other than f32 and f64. */
#include "kernels/workloads/memory_util.h"
#include "kernels/workloads/workloads_memory.h"

#include <float.h>
#include <math.h>

static ir_status stream_valid(const ir_workload *self, const ir_params *p)
{
    const wl_stream_op *op = self->ext;
    int64_t             least = (int64_t)(op->reads + op->writes) * (p->dtype == IR_F32 ? 4 : 8);
    if (p->v[0] < least || p->v[0] > (int64_t)1 << 46)
        return ir_fail(IR_EINVAL, "bytes=%lld: give %lld (one element per array) to 2^46", (long long)p->v[0],
                       (long long)least);
    if (p->v[1] != 1 && p->v[1] != 2 && p->v[1] != 4 && p->v[1] != 8)
        return ir_fail(IR_EINVAL, "streams=%lld: give 1, 2, 4 or 8", (long long)p->v[1]);
    return IR_OK;
}

static ir_cost stream_cost(const ir_workload *self, const ir_params *p)
{
    const wl_stream_op *op = self->ext;
    size_t              n = wl_stream_n(self, p);
    double              array_B = (double)n * ir_dtype_bytes(p->dtype);
    ir_cost             c = {0};
    c.part[IR_OF_IN].read_B = op->reads * array_B;
    /* Every destination is write-only: a regular store reads its line first. */
    c.part[IR_OF_OUT].write_B = c.part[IR_OF_OUT].wa_B = op->writes * array_B;
    c.flops = op->flops * (double)n;
    c.launches = 1;
    c.footprint_B = ir_cost_B(&c);
    return c;
}

static int stream_tensors(const ir_workload *self, const ir_params *p, ir_tensor *out)
{
    const wl_stream_op      *op = self->ext;
    size_t                   n = wl_stream_n(self, p);
    static const char *const name[] = {"a", "b", "c"};
    size_t                   width = p->dtype == IR_F32 ? 4 : 8;
    if (op->writes)
        out[0] = (ir_tensor){name[0], n * width, IR_OUT, p->dtype};
    else
        out[0] = (ir_tensor){"sums", WL_PARTIALS * width, IR_OUT, p->dtype};
    for (int t = 1; t <= op->reads; t++) out[t] = (ir_tensor){name[t], n * width, IR_IN, p->dtype};
    return op->reads + 1;
}

/* Largest |a - expected| over the elements; NaN anywhere makes it NaN. Four lanes, so that it keeps
 * up with memory. */
#define MAX_ERROR(fn, T, EXPECTED) \
    static double fn(const T *a, const T *b, const T *c, size_t n) \
    { \
        double m[4] = {0}, nan[4] = {0}; \
        (void)b, (void)c; \
        for (size_t first = 0; first < n; first += 4) { \
            size_t left = n - first < 4 ? n - first : 4; \
            for (size_t k = 0; k < left; k++) { \
                size_t i = first + k; \
                double d = fabs((double)a[i] - (EXPECTED)); \
                m[k] = d > m[k] ? d : m[k]; \
                nan[k] += d * 0; \
            } \
        } \
        double x = m[0] > m[1] ? m[0] : m[1], y = m[2] > m[3] ? m[2] : m[3]; \
        return (x > y ? x : y) + (nan[0] + nan[1]) + (nan[2] + nan[3]); \
    }
#define MAX_ERRORS(op, EXPECTED) MAX_ERROR(op##_f32, float, EXPECTED) MAX_ERROR(op##_f64, double, EXPECTED)
MAX_ERRORS(write, WL_STREAM_VALUE)
MAX_ERRORS(copy, (double)b[i])
MAX_ERROR(scale_f32, float, (double)((float)WL_STREAM_SCALAR *b[i]))
MAX_ERROR(scale_f64, double, WL_STREAM_SCALAR *b[i])
MAX_ERROR(add_f32, float, (double)(b[i] + c[i]))
MAX_ERROR(add_f64, double, b[i] + c[i])
/* In double this is exact for values of memory_fill (24 bits); a float kernel rounds once or twice. */
MAX_ERRORS(triad, (double)b[i] + WL_STREAM_SCALAR * (double)c[i])

static double max_error(wl_stream_code code, bool f32, const void *a, const void *b, const void *c, size_t n)
{
    switch (code) {
    case WL_WRITE: return f32 ? write_f32(a, b, c, n) : write_f64(a, b, c, n);
    case WL_COPY: return f32 ? copy_f32(a, b, c, n) : copy_f64(a, b, c, n);
    case WL_SCALE: return f32 ? scale_f32(a, b, c, n) : scale_f64(a, b, c, n);
    case WL_ADD: return f32 ? add_f32(a, b, c, n) : add_f64(a, b, c, n);
    case WL_TRIAD: return f32 ? triad_f32(a, b, c, n) : triad_f64(a, b, c, n);
    default: return NAN;
    }
}

static void stream_check(const ir_workload *self, const ir_params *p, const void *const *before,
                         const void *const *after, ir_check *out)
{
    const wl_stream_op *op = self->ext;
    size_t              n = wl_stream_n(self, p);
    if (op->code == WL_READ) {
        out->err = fabs(memory_sum(p->dtype, after[0], WL_PARTIALS) - memory_sum(p->dtype, before[1], n));
        out->tol = memory_sum_tol(p->dtype, n);
        out->oracle = "blocked sum in double";
        return;
    }
    /* Where there is no operand nothing is read. */
    const void *b = op->reads > 0 ? before[1] : after[0], *c = op->reads > 1 ? before[2] : after[0];
    out->err = max_error(op->code, p->dtype == IR_F32, after[0], b, c, n);
    out->tol = op->code == WL_TRIAD && p->dtype == IR_F32 ? 2 * (double)FLT_EPSILON : 0; /* values below 4 */
    out->oracle = op->code == WL_TRIAD ? "every element, in double" : "every element, exact";
}

/* bytes, streams; dtype; threads */
static const ir_params quick[] = {{{1 << 28, 1}, IR_F64, 0}};
static const ir_params full[] = {
    {{24 << 10, 1}, IR_F64, 0}, {{384 << 10, 1}, IR_F64, 0}, {{6 << 20, 1}, IR_F64, 0},
    {{96 << 20, 1}, IR_F64, 0}, {{1 << 28, 1}, IR_F64, 0},   {{1 << 28, 2}, IR_F64, 0},
    {{1 << 28, 4}, IR_F64, 0},  {{1 << 28, 8}, IR_F64, 0},   {{1 << 28, 1}, IR_F64, 1},
    {{1 << 28, 1}, IR_F32, 0},  {{1 << 30, 1}, IR_F64, 0}};
static const ir_params odd[] = {{{24, 1}, IR_F64, 0},      {{31, 1}, IR_F64, 1},     {{12, 1}, IR_F32, 0},
                                {{168, 1}, IR_F64, 0},     {{167, 2}, IR_F32, 0},    {{1512, 1}, IR_F64, 1},
                                {{1560, 4}, IR_F64, 0},    {{1563, 8}, IR_F32, 0},   {{12345, 2}, IR_F64, 0},
                                {{24029, 1}, IR_F64, 0},   {{24024, 8}, IR_F64, 1},  {{49999, 4}, IR_F32, 0},
                                {{100003, 1}, IR_F32, 0},  {{99991, 2}, IR_F64, 0},  {{786433, 1}, IR_F64, 0},
                                {{1000003, 8}, IR_F64, 0}, {{1048583, 4}, IR_F32, 0}};

static void stream_fill(const ir_workload *self, const ir_params *p, int t, void *host, uint64_t seed)
{
    memory_fill(p->dtype, host, wl_stream_n(self, p), seed + 0x9E37u * (unsigned)t);
}

#define STREAM(w, CODE, READS, WRITES, FLOPS, DOC) \
    static const wl_stream_op w##_op = {CODE, READS, WRITES, FLOPS}; \
    const ir_workload         wl_##w = {.name = #w, \
                                        .family = "stream", \
                                        .doc = DOC, \
                                        .param = {"bytes", "streams"}, \
                                        .defaults = {{1 << 28, 1}, IR_F64, 0}, \
                                        .dtypes = 1u << IR_F64 | 1u << IR_F32, \
                                        .ext = &w##_op, \
                                        .quick = quick, \
                                        .nquick = sizeof quick / sizeof *quick, \
                                        .full = full, \
                                        .nfull = sizeof full / sizeof *full, \
                                        .odd = odd, \
                                        .nodd = sizeof odd / sizeof *odd, \
                                        .valid = stream_valid, \
                                        .cost = stream_cost, \
                                        .tensors = stream_tensors, \
                                        .fill = stream_fill, \
                                        .check = stream_check};

STREAM(read, WL_READ, 1, 0, 1, "sum of b: loads only, one addition per element")
STREAM(write, WL_WRITE, 0, 1, 0, "a = constant: stores only")
STREAM(copy, WL_COPY, 1, 1, 0, "a = b")
STREAM(scale, WL_SCALE, 1, 1, 1, "a = s*b")
STREAM(add, WL_ADD, 2, 1, 1, "a = b + c")
STREAM(triad, WL_TRIAD, 2, 1, 2, "a = b + s*c")
