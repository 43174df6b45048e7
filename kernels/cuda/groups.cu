/* groups.cu -- see groups.h. A product of few rows reads every weight once, 16 bytes a lane, opens four at a
 * time by a permutation and a subtraction that takes the zero point along, and multiplies by a group's scale
 * once a chunk. Products of many rows run on matrix units with weights opened to bf16 beforehand. */
#include "kernels/cuda/groups.h"
#include "kernels/cuda/epilogue.cuh"
#include "kernels/cuda/weights.cuh"

enum { WARPS = 8, THREADS = 32 * WARPS };

/* ---- planes ---------------------------------------------------------------------------------- */
static size_t plane(size_t bytes) { return (bytes + 255) / 256 * 256; }

size_t gr_bytes(int bits, ly_format f, size_t n)
{
    size_t groups = n / (size_t)f.group;
    return plane(n * (size_t)bits / 8) + plane(2 * groups) + (f.zeros ? plane(groups) : 0);
}

gr_planes gr_at(const void *memory, int bits, ly_format f, size_t n)
{
    const unsigned char *at = (const unsigned char *)memory;
    size_t               values = plane(n * (size_t)bits / 8), scales = plane(2 * (n / (size_t)f.group));
    return {at, at + values, f.zeros ? at + values + scales : NULL, bits, f.group, n};
}

CU_KERNEL(THREADS, 4) split_kernel(gr_planes g, const unsigned char *W, size_t block)
{
    size_t                groups = g.n / (size_t)g.group, bytes = block - 2;
    const unsigned char  *zeros = W + groups * block;
    const unsigned short *at;
    CU_UNROLL_BY(1)
    for (size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x; i < groups;
         i += (size_t)gridDim.x * THREADS) {
        at = (const unsigned short *)(W + i * block); /* blocks have an even number of bytes */
        ((unsigned short *)g.scale)[i] = at[0];
        for (size_t b = 0; b < bytes / 2; b++) ((unsigned short *)(g.values + i * bytes))[b] = at[1 + b];
        if (g.zero) ((unsigned char *)g.zero)[i] = zeros[i / 2] >> (i % 2 * 4) & 15;
    }
}

CU_FN float gr_scale(const gr_planes &g, size_t group) { return cu_f32(((const __half *)g.scale)[group]); }
CU_FN float gr_value(const gr_planes &g, size_t i)
{
    size_t group = i / (size_t)g.group;
    if (g.bits == 8) return gr_scale(g, group) * (float)(signed char)g.values[i];
    unsigned two = g.values[i / 32 * 16 + i % 16], q = i % 32 < 16 ? two & 15 : two >> 4;
    return gr_scale(g, group) * ((float)q - (g.zero ? (float)g.zero[group] : 8.0f));
}

CU_KERNEL(THREADS, 4) open_kernel(gr_planes g, __nv_bfloat16 *out)
{
    CU_UNROLL_BY(1)
    for (size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x; i < g.n; i += (size_t)gridDim.x * THREADS)
        out[i] = cu_from<__nv_bfloat16>(gr_value(g, i));
}

static dim3 grid_of(const cuda_dev *c, size_t n)
{
    size_t want = (n + THREADS - 1) / THREADS, most = (size_t)c->sms * 16;
    return dim3((unsigned)(want < most ? want : most));
}
ir_status gr_split(cuda_dev *c, const gr_planes *g, const void *W)
{
    size_t block = 2 + (size_t)g->group * (size_t)g->bits / 8;
    return cuda_launch(c, split_kernel, grid_of(c, g->n / (size_t)g->group), dim3(THREADS), 0, *g,
                       (const unsigned char *)W, block);
}
ir_status gr_open(cuda_dev *c, const gr_planes *g, void *out)
{
    return cuda_launch(c, open_kernel, grid_of(c, g->n), dim3(THREADS), 0, *g, (__nv_bfloat16 *)out);
}

/* ---- rows of a table ------------------------------------------------------------------------- */
CU_KERNEL(THREADS, 4)
embed_groups_kernel(const int32_t *token, gr_planes g, size_t table, int c, void *y, int yt)
{
    size_t row = table + (size_t)token[blockIdx.x] * (size_t)c, to = (size_t)blockIdx.x * (size_t)c;
    CU_UNROLL_BY(1)
    for (int j = (int)threadIdx.x; j < c; j += THREADS)
        ep_store(y, yt, to + (size_t)j, gr_value(g, row + (size_t)j));
}
ir_status gr_embed(cuda_dev *c, const ly_row *r, const int32_t *token, const gr_planes *g, rw_buf out)
{
    return cuda_launch(c, embed_groups_kernel, dim3((unsigned)r->rows), dim3(THREADS), 0, token, *g,
                       (size_t)r->W_at, (int)r->c, out.p, (int)out.t);
}

/* ---- products of few rows -------------------------------------------------------------------- */
/* Four bytes as floats less `off`, which is 2^23 and what is to be taken from each. */
CU_FN void open_bytes(unsigned w, float off, float (&f)[4])
{
    CU_UNROLL for (int e = 0; e < 4; e++) f[e] =
        __uint_as_float(cu_byte_perm(w, 0x4B000000u, 0x7650u + (unsigned)e)) - off;
}
/* Quad i of a chunk: values 4 i .. 4 i + 3. */
template <int BITS> CU_FN void open_quad(const uint4 &v, int i, float off, float (&f)[4])
{
    if (BITS == 8)
        open_bytes(cu_word(v, i) ^ 0x80808080u, off, f);
    else
        open_bytes(cu_word(v, i % 4) >> (i / 4 * 4) & 0x0F0F0F0Fu, off, f);
}

/* B: rows of x, R: outputs a block. */
template <int BITS, int B, int R> CU_KERNEL(THREADS, 2) groups_kernel(pr_args p, gr_planes g, size_t first)
{
    CU_SHARED(float, part[WARPS * R * B]);
    constexpr int N = 128 / BITS, BEFORE = BITS == 8 ? 128 : 8;
    const float  *x = (const float *)p.a;
    int           n0 = (int)blockIdx.x * R, tid = (int)threadIdx.x;
    float         acc[R][B];
    size_t        row[R];
    CU_UNROLL for (int r = 0; r < R; r++)
    {
        row[r] = first + (size_t)(n0 + r < p.N ? n0 + r : p.N - 1) * (size_t)p.K;
        CU_UNROLL for (int b = 0; b < B; b++) acc[r][b] = 0;
    }
    CU_UNROLL_BY(B > 2 ? 1 : 2) for (int q = tid; q < p.K / N; q += THREADS)
    {
        uint4 w[R];
        float d[R], off[R], s[R][B];
        CU_UNROLL for (int r = 0; r < R; r++) w[r] = cu_ldnc16(g.values + (row[r] / N + (size_t)q) * 16);
        CU_UNROLL for (int r = 0; r < R; r++)
        {
            size_t group = (row[r] + (size_t)q * N) / (size_t)g.group;
            d[r] = gr_scale(g, group);
            off[r] = 8388608.0f + (g.zero ? (float)g.zero[group] : (float)BEFORE);
            CU_UNROLL for (int b = 0; b < B; b++) s[r][b] = 0;
        }
        CU_UNROLL_BY(B > 2 ? 2 : N / 4) for (int i = 0; i < N / 4; i++)
        {
            float f[R][4];
            CU_UNROLL for (int r = 0; r < R; r++) open_quad<BITS>(w[r], i, off[r], f[r]);
            CU_UNROLL for (int b = 0; b < B; b++)
            {
                float4 v =
                    *(const float4 *)(x + (size_t)(b < p.M ? b : 0) * (size_t)p.K + (size_t)q * N + 4 * i);
                CU_UNROLL for (int r = 0; r < R; r++) s[r][b] =
                    fmaf(f[r][3], v.w, fmaf(f[r][2], v.z, fmaf(f[r][1], v.y, fmaf(f[r][0], v.x, s[r][b]))));
            }
        }
        CU_UNROLL for (int r = 0; r < R; r++) CU_UNROLL for (int b = 0; b < B; b++) acc[r][b] =
            fmaf(d[r], s[r][b], acc[r][b]);
    }
    ep_put_shares<WARPS>(p, n0, part, acc);
}

template <int BITS, int B>
static ir_status few_rows(cuda_dev *c, const pr_args *p, const gr_planes *g, size_t first)
{
    constexpr int R = B == 8 ? 1 : B == 4 ? 2 : 4; /* more sums and operands would not fit the registers */
    if (p->N >= R * 2 * c->sms)
        return cuda_launch(c, groups_kernel<BITS, B, R>, dim3(cuda_ceil((size_t)p->N, R)), dim3(THREADS), 0,
                           *p, *g, first);
    return cuda_launch(c, groups_kernel<BITS, B, 1>, dim3((unsigned)p->N), dim3(THREADS), 0, *p, *g, first);
}
template <int BITS> static ir_status few_of(cuda_dev *c, const pr_args *p, const gr_planes *g, size_t first)
{
    return p->M == 1   ? few_rows<BITS, 1>(c, p, g, first)
           : p->M == 2 ? few_rows<BITS, 2>(c, p, g, first)
           : p->M <= 4 ? few_rows<BITS, 4>(c, p, g, first)
                       : few_rows<BITS, 8>(c, p, g, first);
}
ir_status gr_few(cuda_dev *c, const pr_args *p, const gr_planes *g, size_t first)
{
    return g->bits == 4 ? few_of<4>(c, p, g, first) : few_of<8>(c, p, g, first);
}
