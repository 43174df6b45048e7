/* common.cl -- begins every program: sums over a vector, narrow types as floats, what follows a product's
 * last addition. */
#ifdef OCL_FP64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif
#define CAT_(a, b) a##b
#define CAT(a, b)  CAT_(a, b)
#define SUM1(v)    (v)
#define SUM2(v)    ((v).s0 + (v).s1)
#define SUM4(v)    SUM2((v).lo + (v).hi)
#define SUM8(v)    SUM4((v).lo + (v).hi)
#define SUM16(v)   SUM8((v).lo + (v).hi)
/* bf16 is the upper half of a float. BF16(p): one element; BF16V(n, v): the ushort vector v of n. */
#define BF16(p)     as_float((uint)(*(p)) << 16)
#define BF16V(n, v) CAT(as_float, n)(CAT(convert_uint, n)(v) << 16)

/* act: 0 none, 1 relu, 2 relu6, 3 gelu (tanh form), 4 silu, 5 sigmoid, 6 tanh, 7 gelu (erf form).
 * A is float or a vector of it. */
#define DEFINE_ACTIVATED(A, name) \
    static A name(A x, int act) \
    { \
        if (act == 1 || act == 2) x = fmax(x, (A)(0.0f)); \
        if (act == 2) x = fmin(x, (A)(6.0f)); \
        if (act == 3) { \
            A u = 0.7978845608f * (x + 0.044715f * x * x * x), t = exp(-2.0f * fabs(u)), \
              th = (1.0f - t) / (1.0f + t); \
            x = 0.5f * x * (1.0f + copysign(th, x)); \
        } \
        if (act == 4) x = x / (1.0f + exp(-x)); \
        if (act == 5) x = 1.0f / (1.0f + exp(-x)); \
        if (act == 6) x = tanh(x); \
        if (act == 7) x = 0.5f * x * (1.0f + erf(0.7071067812f * x)); \
        return x; \
    }
DEFINE_ACTIVATED(float, activated)

/* One result of column j at element `at`: int8 scale, bias, residual, activation; a negative offset: none.
 * has_add: 0, 1, or 2: what `add` holds multiplies the result instead. */
static float finished(float x, __global const float *P, long b_at, long s_at, __global const float *add,
                      int has_add, int act, size_t at, uint j)
{
    if (s_at >= 0) x *= P[s_at + j];
    if (b_at >= 0) x += P[b_at + j];
    if (has_add == 1) x += add[at];
    x = activated(x, act);
    return has_add == 2 ? x * add[at] : x;
}
