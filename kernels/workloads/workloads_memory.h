/* workloads_memory.h -- the memory workloads: streams, pointer chase, random gather. What a kernel needs to
 * know beyond ironroof.h is here; every number a kernel and its check must agree on has a name. */
#ifndef WORKLOADS_MEMORY_H
#define WORKLOADS_MEMORY_H
#include "harness/ironroof.h"
#ifdef __cplusplus
extern "C" {
#endif

/* ---- family "stream": v[0] = bytes over all arrays of the op, v[1] = streams per thread -------------
 * Tensors: [0] a, the destination (read: the partial sums), [1] b, [2] c. n elements in each array.
 * Bytes are counted as STREAM does: each array once; the extra read of a regular store is wa_B. */
typedef enum { WL_READ, WL_WRITE, WL_COPY, WL_SCALE, WL_ADD, WL_TRIAD, WL_NSTREAM } wl_stream_code;
typedef struct {
    wl_stream_code code;
    int            reads, writes; /* arrays of n elements */
    int            flops;         /* per element */
} wl_stream_op;
static inline const wl_stream_op *wl_stream_of(const ir_workload *w) { return (const wl_stream_op *)w->ext; }
#define WL_STREAM_SCALAR 3.0  /* scale: a = s*b, triad: a = b + s*c */
#define WL_STREAM_VALUE  0.75 /* write: a = this */
/* Elements per array. */
static inline size_t wl_stream_n(const ir_workload *w, const ir_params *p)
{
    const wl_stream_op *op = wl_stream_of(w);
    return (size_t)p->v[0] / ((size_t)(op->reads + op->writes) * (p->dtype == IR_F32 ? 4u : 8u));
}
/* Sums are handed over in so many slots of the workload's dtype; their total is what counts, unused
 * slots are 0. One slot per thread on a CPU, one or several blocks per slot on a GPU. */
enum { WL_PARTIALS = 1024 };

extern const ir_workload wl_read, wl_write, wl_copy, wl_scale, wl_add, wl_triad;

/* ---- "chase": v[0] = bytes, v[1] = chains, v[2] = steps per call and chain, v[3] = pages -------------
 * bytes/64 lines form one random cycle; chain c starts at cycle position c*lines/chains and follows it.
 * The kernel owns the lines (their page size is part of the question); a call goes on where the last
 * one stopped. Time per call / steps is the latency. Tensor [0]: f64 pairs {first, last} line of each
 * chain in this call. The cycle is order[0] -> order[1] -> ... -> order[0], where order is
 * 0..lines-1 shuffled: for i = lines-1 .. 1: swap order[i] with order[(ir_hash32(SEED, i) * (i+1)) >> 32]. */
#define WL_CHASE_SEED 0xC4A5Eull
enum { WL_CHASE_LINE = 64, WL_CHASE_MAX_CHAINS = 32 };
enum { WL_PAGES_DEFAULT, WL_PAGES_HUGE, WL_PAGES_SMALL }; /* the same values as ir_pages */
extern const ir_workload wl_chase;

/* ---- "gather": v[0] = bytes of data, v[1] = count of gathers per call --------------------------------
 * Tensors: [0] partial sums (as read), [1] x: bytes of dtype (element width 8 or 4), [2] index: count
 * uint32, uniform over x. Result: the sum of x[index[i]]. Read bytes are the useful ones, width + 4 per
 * gather; the cache lines they drag in (64 B each, distinct ones, expected) are in the footprint. */
extern const ir_workload wl_gather;
static inline size_t     wl_gather_n(const ir_params *p)
{
    return (size_t)p->v[0] / (p->dtype == IR_F32 ? 4u : 8u);
}

/* ---- "transfer": v[0] = bytes, v[1] = direction ------------------------------------------------------
 * Between a buffer of the host, which the kernel owns, and the device. The bytes count once. The kinds of
 * host memory (pageable, pinned, mapped) are kernels: they answer different questions. WL_TO_DEVICE: uint32
 * element i of the host buffer is wl_transfer_value(i); tensor [0] "a" receives it. WL_FROM_DEVICE: tensor
 * [0] "a" is IN; after the last repetition the kernel writes 4-byte elements wl_transfer_probe(p, j), j =
 * 0..WL_TRANSFER_PROBES-1, of its host buffer to tensor [1] "probes". bytes: a multiple of 4. */
enum { WL_TO_DEVICE, WL_FROM_DEVICE };
enum { WL_TRANSFER_PROBES = 1024 };
static inline uint32_t wl_transfer_value(size_t i) { return ir_hash32(0x7A11u, i); }
/* Element of the j-th probe: first and last are among them. */
static inline size_t wl_transfer_probe(const ir_params *p, size_t j)
{
    size_t n = (size_t)p->v[0] / 4;
    return (n - 1) / (WL_TRANSFER_PROBES - 1) * j +
           (n - 1) % (WL_TRANSFER_PROBES - 1) * j / (WL_TRANSFER_PROBES - 1);
}
extern const ir_workload wl_transfer;

/* ---- "overlap": v[0] = bytes, v[1] = iters, v[2] = lanes, v[3] = work --------------------------------- */
/* Whether a device copies while it computes. copy: `bytes`
 * from pinned host memory to tensor "a", element i as in "transfer". compute: `lanes` independent lanes, a
 * multiple of 256, each step WL_OVERLAP_START(lane) `iters` times through x <- WL_OVERLAP_A * x +
 * WL_OVERLAP_B modulo 2^32 and store x in tensor "x". both: at once, in streams of their own, either waited
 * for. Tensors: copy [0] a; compute [0] x; both [0] a, [1] x. It counts no flops; the bytes are those copied.
 */
enum { WL_OVERLAP_COPY, WL_OVERLAP_COMPUTE, WL_OVERLAP_BOTH };
enum { WL_OVERLAP_GROUP = 256, WL_OVERLAP_MAX_ITERS = 1 << 26 };
#define WL_OVERLAP_A           1664525u
#define WL_OVERLAP_B           1013904223u
#define WL_OVERLAP_START(lane) ((lane)*2654435761u + 97u)
extern const ir_workload wl_overlap;

#ifdef __cplusplus
}
#endif
#endif
