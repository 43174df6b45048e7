/* peak.cl -- chains of multiply-accumulates on registers. Built with: CHAINS; L, the lanes one item carries
 * of a team's 16 (f64: 8); TYPE 0 f64, 1 f32, 2 f16, 3 i8. One step per chain and iteration, as
 * workloads_compute.h says. */
#define VEC(t, n)      CAT(VEC_, n)(t)
#define VEC_1(t)       t
#define VEC_4(t)       CAT(t, 4)
#define VEC_8(t)       CAT(t, 8)
#define VEC_16(t)      CAT(t, 16)
#define START(lane, c) (8192 + 512 * (((lane) + 5 * (c)) & 15))
#if TYPE == 0
typedef double out_t;
typedef VEC(double, L) acc_t;
#define STEP(x) x = fma(x, C, x)
#elif TYPE == 1
typedef float out_t;
typedef VEC(float, L) acc_t;
#define STEP(x) x = fma(x, C, x)
#elif TYPE == 2
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
typedef float out_t;
typedef VEC(half, L) acc_t;
#define STEP(x) x = fma(x, C, x)
#else
#pragma OPENCL EXTENSION cl_khr_integer_dot_product : enable
typedef int out_t;
typedef VEC(int, L) acc_t;
#endif
#define TEAM_LANES (TYPE == 0 ? 8 : 16)

#if TYPE == 3
/* Saturating, so that the sum over steps has no closed form for a compiler; it never saturates. Scalar lanes.
 */
__kernel void peak(__global out_t *restrict sums, uint iters, char4 a, char4 b0, char4 b1)
{
    size_t item = get_global_id(0);
    uint   lane = item & 15;
    char4  b = (lane & 1) ? b1 : b0;
    int    x[CHAINS], sum = 0;
#pragma unroll
    for (int c = 0; c < CHAINS; c++) x[c] = (lane + 5 * c) & 15;
    for (uint i = 0; i < iters; i++) {
#pragma unroll
        for (int c = 0; c < CHAINS; c++) x[c] = dot_acc_sat(a, b, x[c]);
    }
#pragma unroll
    for (int c = 0; c < CHAINS; c++) sum += x[c];
    sums[item] = sum;
}
#else
/* f16 has two accumulators per lane, l and l + 16 of the chain's 32, which start alike. */
#define HALVES (TYPE == 2 ? 2 : 1)
__kernel void peak(__global out_t *restrict sums, uint iters, float c0)
{
    size_t item = get_global_id(0);
    uint   first = (uint)(item % (TEAM_LANES / L)) * L;
    acc_t  x[CHAINS * HALVES], C;
    C = (acc_t)(c0);
#pragma unroll
    for (int c = 0; c < CHAINS * HALVES; c++) {
#if L == 1
        x[c] = START(first, c / HALVES);
#else
#define LANE(l) START(first + l, c / HALVES)
#if L == 4
        x[c] = (acc_t)(LANE(0), LANE(1), LANE(2), LANE(3));
#elif L == 8
        x[c] = (acc_t)(LANE(0), LANE(1), LANE(2), LANE(3), LANE(4), LANE(5), LANE(6), LANE(7));
#else
        x[c] = (acc_t)(LANE(0), LANE(1), LANE(2), LANE(3), LANE(4), LANE(5), LANE(6), LANE(7), LANE(8),
                       LANE(9), LANE(10), LANE(11), LANE(12), LANE(13), LANE(14), LANE(15));
#endif
#endif
    }
    for (uint i = 0; i < iters; i++) {
#pragma unroll
        for (int c = 0; c < CHAINS * HALVES; c++) STEP(x[c]);
    }
#if TYPE == 2
#if L == 1
    float s = 0;
#pragma unroll
    for (int c = 0; c < CHAINS * HALVES; c++) s += (float)x[c];
    sums[item] = s;
#else
    CAT(float, L) s = 0;
#pragma unroll
    for (int c = 0; c < CHAINS * HALVES; c++) s += CAT(convert_float, L)(x[c]);
    ((__global CAT(float, L) *)sums)[item] = s;
#endif
#else
    acc_t s = x[0];
#pragma unroll
    for (int c = 1; c < CHAINS; c++) s += x[c];
    ((__global acc_t *)sums)[item] = s;
#endif
}
#endif
