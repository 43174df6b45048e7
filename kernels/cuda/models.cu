/* models.cu -- see models.h. A thread an output element; neighbouring threads read neighbouring elements of a
 * looked up row, so that a warp fetches whole lines. */
#include "kernels/cuda/models.h"
#include "kernels/cuda/epilogue.cuh"

enum { THREADS = 256, MOST_BLOCKS = 4096 };

static dim3 blocks_for(size_t n)
{
    size_t blocks = cuda_ceil(n, THREADS), most = MOST_BLOCKS;
    return dim3((unsigned)(blocks < most ? blocks : most));
}
#define EACH(i, n) \
    for (size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x; i < (n); i += (size_t)gridDim.x * THREADS)

/* ---- embedding bags -------------------------------------------------------------------------- */
CU_KERNEL(THREADS, 4)
bag_kernel(const int32_t *begin, const int32_t *index, const void *W, int wt, size_t table, size_t c, void *y,
           int yt, size_t n)
{
    EACH(i, n)
    {
        size_t bag = i / c, e = i % c;
        float  sum = 0;
        for (int l = begin[bag]; l < begin[bag + 1]; l++)
            sum += ep_load(W, wt, table + (size_t)index[l] * c + e);
        ep_store(y, yt, i, sum);
    }
}
ir_status rw_bag(cuda_dev *d, const ly_row *r, const int32_t *lookups, const void *W, pr_type wt, rw_buf out)
{
    size_t n = (size_t)(r->rows * r->c);
    return cuda_launch(d, bag_kernel, blocks_for(n), dim3(THREADS), 0, lookups, lookups + r->rows + 1, W,
                       (int)wt, (size_t)r->W_at, (size_t)r->c, out.p, (int)out.t, n);
}

/* ---- interaction ----------------------------------------------------------------------------- */
CU_KERNEL(THREADS, 4)
interact_kernel(const void *x, int xt, const void *rest, int rt, void *y, int yt, size_t c, size_t others,
                size_t k, bool dots, size_t n)
{
    EACH(i, n)
    {
        size_t row = i / k, j = i % k, a = 1, first = row * others * c;
        if (j < c) {
            ep_store(y, yt, i, ep_load(x, xt, row * c + j));
            continue;
        }
        j -= c;
        if (!dots) {
            ep_store(y, yt, i, ep_load(rest, rt, first + j));
            continue;
        }
        for (; j >= a; a++) j -= a; /* pair (a, j) */
        const void *v = j ? rest : x;
        int         vt = j ? rt : xt;
        size_t      from = j ? first + (j - 1) * c : row * c;
        float       sum = 0;
        for (size_t e = 0; e < c; e++)
            sum = fmaf(ep_load(rest, rt, first + (a - 1) * c + e), ep_load(v, vt, from + e), sum);
        ep_store(y, yt, i, sum);
    }
}
ir_status rw_interact(cuda_dev *d, const ly_row *r, rw_buf in, rw_buf add, rw_buf out)
{
    size_t n = (size_t)(r->rows * r->k);
    return cuda_launch(d, interact_kernel, blocks_for(n), dim3(THREADS), 0, (const void *)in.p, (int)in.t,
                       (const void *)add.p, (int)add.t, out.p, (int)out.t, (size_t)r->c, (size_t)r->heads - 1,
                       (size_t)r->k, r->op == LY_INTERACT, n);
}

/* ---- the first rows of encoders -------------------------------------------------------------- */
CU_KERNEL(THREADS, 4)
tokens_kernel(const void *x, int xt, const void *W, int wt, size_t first, size_t positions,
              const float *scale, size_t c, size_t tokens, void *y, int yt, size_t n)
{
    EACH(i, n)
    {
        size_t row = i / c, t = row % tokens, e = i % c;
        float  a = scale ? scale[0] : 1.0f, b = scale ? scale[1 + t] : 1.0f;
        float  v = t ? ep_load(x, xt, i - (row / tokens + 1) * c) : a * ep_load(W, wt, first + e);
        ep_store(y, yt, i, v + b * ep_load(W, wt, positions + t * c + e));
    }
}
ir_status rw_tokens(cuda_dev *d, const ly_row *r, rw_buf in, const void *W, pr_type wt, const float *scale,
                    rw_buf out)
{
    size_t n = (size_t)(r->rows * r->c);
    return cuda_launch(d, tokens_kernel, blocks_for(n), dim3(THREADS), 0, (const void *)in.p, (int)in.t, W,
                       (int)wt, (size_t)r->W_at, (size_t)r->P_at, scale, (size_t)r->c, (size_t)r->tokens,
                       out.p, (int)out.t, n);
}

CU_KERNEL(THREADS, 4)
patches_kernel(const void *x, int xt, size_t h, size_t w, size_t wide, size_t side, size_t oh, size_t ow,
               void *y, int yt, size_t n)
{
    EACH(i, n) /* wide: elements of a patch's row; side: its rows */
    {
        size_t p = i / (wide * side), j = i / wide % side, e = i % wide, image = p / (oh * ow);
        size_t row = image * h + p / ow % oh * side + j;
        ep_store(y, yt, i, ep_load(x, xt, row * w + p % ow * wide + e));
    }
}
ir_status rw_patches(cuda_dev *d, const ly_row *r, rw_buf in, rw_buf out)
{
    size_t n = (size_t)ly_out_elems(r);
    return cuda_launch(d, patches_kernel, blocks_for(n), dim3(THREADS), 0, (const void *)in.p, (int)in.t,
                       (size_t)r->h, (size_t)(r->w * r->c), (size_t)(r->r * r->c), (size_t)r->r,
                       (size_t)r->oh, (size_t)r->ow, out.p, (int)out.t, n);
}

CU_KERNEL(THREADS, 4)
types_kernel(const void *W, int wt, size_t table, const float *scale, size_t c, size_t tokens, size_t types,
             void *y, int yt, size_t n)
{
    EACH(i, n)
    {
        size_t type = i / c % tokens * types / tokens;
        float  s = scale ? scale[type] : 1.0f;
        ep_store(y, yt, i, ep_load(y, yt, i) + s * ep_load(W, wt, table + type * c + i % c));
    }
}
ir_status rw_types(cuda_dev *d, const ly_row *r, const void *W, pr_type wt, const float *scale, rw_buf out)
{
    size_t n = (size_t)(r->rows * r->c);
    return cuda_launch(d, types_kernel, blocks_for(n), dim3(THREADS), 0, W, (int)wt,
                       (size_t)(r->P_at + r->context * r->c), scale ? scale + r->vocab + r->context : scale,
                       (size_t)r->c, (size_t)r->tokens, (size_t)r->types, out.p, (int)out.t, n);
}
