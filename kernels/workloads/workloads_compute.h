/* workloads_compute.h -- arithmetic peak, running clock, and the cost of an empty parallel region. What a
 * kernel needs to know beyond ironroof.h is here; every number a kernel and its check must agree on has a
 * name. */
#ifndef WORKLOADS_COMPUTE_H
#define WORKLOADS_COMPUTE_H
#include "harness/ironroof.h"
#ifdef __cplusplus
extern "C" {
#endif

/* ---- "fma", family "peak": v[0] = chains, v[1] = iters, v[2] = teams ---------------------------------
 * A chain is a 64-byte vector of accumulators that depends only on itself; every iteration updates each
 * chain once with operands in registers. A narrower instruction set walks the 64 bytes in several passes of
 * `iters` iterations each, so that work and result are the same everywhere: 64/bytes(dtype)
 * multiply-accumulates a step. f64, f32, f16: x <- x + C*x (one fused instruction, or multiply and add); x0 =
 * wl_fma_start(). C has no short mantissa and x shrinks by 0.095 % a step: never denormal, and one missing
 * step shows. bf16, i8: f32 or i32 accumulators, x <- x + a.b over 2 or 4 adjacent elements; integers, hence
 * exact in any order. Accumulator i starts at wl_fma_start_int() and meets the pair or quad A and B[i % 2].
 * A team does all that once: on a CPU there is one per thread, on a device `teams` of them run at once (0:
 * one; the context replaces 0 by the number that fills the device). Tensor [0]: 64 bytes per team, lane l =
 * the sum over chains of accumulator l, in f64 (8 lanes), f32 (16 lanes; f16: accumulators l and l + 16), or
 * i32 (16 lanes, modulo 2^32). */
static inline int wl_threads(const ir_params *p) { return p->threads > 0 ? p->threads : 1; }
/* Teams over all threads: how often the work is done. */
static inline int64_t wl_fma_teams(const ir_params *p) { return (p->v[2] > 0 ? p->v[2] : 1) * wl_threads(p); }
enum { WL_FMA_VECTOR_B = 64, WL_FMA_NCHAINS = 8, WL_FMA_MAX_CHAINS = 24, WL_FMA_LANES = 16 };
#define WL_FMA_CHAINS \
    { \
        1, 2, 4, 8, 10, 12, 16, 24 \
    }
/* Position of a chain count in WL_FMA_CHAINS, or -1. */
static inline int wl_fma_chains_index(int64_t chains)
{
    static const int known[WL_FMA_NCHAINS] = WL_FMA_CHAINS;
    for (int i = 0; i < WL_FMA_NCHAINS; i++)
        if (known[i] == chains) return i;
    return -1;
}
/* Longest loop whose values stay normal numbers (exact integers). */
enum { WL_FMA_MAX_ITERS = 1 << 16, WL_FMA_MAX_ITERS_F16 = 1 << 14 };
enum { WL_FMA_MAX_TEAMS = 1 << 20 };
#define WL_FMA_C     (-1989.0 / 2097152.0) /* 11 significant bits: the same number in f16, f32 and f64 */
#define WL_FMA_C_F16 0x93C5                /* its f16 bits */
static inline double wl_fma_start(int chain, int lane) { return 8192.0 + 512.0 * ((lane + 5 * chain) % 16); }
static inline int    wl_fma_start_int(int chain, int lane) { return (lane + 5 * chain) % 16; }
/* Small dot products of large factors, of both signs, so that the sums stay below 2^24. */
#define WL_FMA_BF16_A \
    { \
        181, 107 \
    }
#define WL_FMA_BF16_B \
    { \
        {94, -159}, { -81, 137 } \
    } /* dots: 1, -2 */
/* A fits unsigned and signed 8-bit operands alike. */
#define WL_FMA_I8_A \
    { \
        101, 57, 83, 119 \
    }
#define WL_FMA_I8_B \
    { \
        {-77, 93, -45, 61}, { 115, -38, 27, -99 } \
    }
extern const ir_workload wl_fma;

/* ---- "clock": v[0] = adds -------------------------------------------------------------------------------
 * A chain of `adds` dependent integer operations, alternately x += WL_CLOCK_ADD and x ^= WL_CLOCK_XOR,
 * register operands only, from x = WL_CLOCK_START. Each takes one cycle on every core in use; none is removed
 * at register renaming (additions of constants are, on some), so adds/T is the running clock, or less, never
 * more. cost.flops = adds, whatever the thread count: flops/T is the clock. Tensor [0]: x as uint64 per
 * thread. */
#define WL_CLOCK_START UINT64_C(0x243F6A8885A308D3)
#define WL_CLOCK_ADD   UINT64_C(0x13198A2E03707345)
#define WL_CLOCK_XOR   UINT64_C(0xA4093822299F31D1)
extern const ir_workload wl_clock;

/* ---- "forkjoin", family "launch": no parameters ----------------------------------------------------------
 * One empty parallel region over `threads`. Tensor [0]: uint64 per thread: WL_FORKJOIN_SEEN + thread, plus
 * the number of regions that thread ran in this call too many (negative: too few). */
#define WL_FORKJOIN_SEEN UINT64_C(0x51EE700000000000)
extern const ir_workload wl_forkjoin;

/* ---- "local": v[0] = bytes, v[1] = passes, v[2] = groups ------------------------------------------------
 * Memory inside a processor that programs address themselves (OpenCL local, CUDA shared): each work-group
 * fills `bytes` of it with uint32 values, element i being wl_local_value(i), and reads all of it `passes`
 * times, 16 bytes a load. It is no memory traffic, so the cost counts none; footprint_B = bytes * passes *
 * groups are the bytes read. Tensor [0]: f64 per group: the sum of all it read modulo 2^32, as a number.
 * bytes: a multiple of 16. */
static inline uint32_t   wl_local_value(uint32_t i) { return i * 2654435761u + 12345u; }
extern const ir_workload wl_local;

#ifdef __cplusplus
}
#endif
#endif
