/* net_naive.c -- see net_naive.h, and the operators as kernels: the bottom rungs. Sums are serial, in f32. */
#include "kernels/cpu/net_naive.h"
#include "kernels/nets/values.h"

#include <math.h>
#include <string.h>

static inline float get(ir_dtype t, const void *p, int64_t i)
{
    switch (t) {
    case IR_F16: return ly_f16_to_f32(((const any_u16 *)p)[i]);
    case IR_BF16: return ir_bf16_to_f32(((const any_u16 *)p)[i]);
    case IR_I8: return ((const int8_t *)p)[i];
    case IR_F8: return ly_f8_to_f32(((const uint8_t *)p)[i]);
    default: return ((const any_f32 *)p)[i];
    }
}

/* Element i of a row's W: of groups, scale times what the value is above the zero point. */
static inline float weight(const naive_op *o, int64_t i)
{
    const ly_row  *r = o->r;
    const int64_t  group = r->format.group, at = group ? i % group : 0;
    const uint8_t *p = o->W;
    if (!group) return get(o->dtype, o->W, i);
    p += i / group * ly_block_B(o->dtype, r->format);
    const float d = ly_f16_to_f32((uint16_t)(p[0] | p[1] << 8));
    if (o->dtype == IR_I8) return d * (float)(int8_t)p[2 + at];
    const ly_stored s = {o->dtype, r->format, o->nW, o->W};
    return d * (float)((p[2 + at / 32 * 16 + at % 16] >> at % 32 / 16 * 4 & 15) - ly_zero_of(&s, i / group));
}

static inline float net_naive_activate(ly_act a, float x)
{
    switch (a) {
    case LY_RELU: return x < 0 ? 0 : x;
    case LY_RELU6: return x < 0 ? 0 : x > 6 ? 6 : x;
    case LY_SILU: return x / (1 + expf(-x));
    case LY_GELU: return 0.5f * x * (1 + tanhf(0.797884561f * (x + 0.044715f * x * x * x)));
    case LY_GELU_ERF: return 0.5f * x * (1 + erff(x * 0.707106781f));
    case LY_TANH: return tanhf(x);
    case LY_SIGMOID: return 1 / (1 + expf(-x));
    default: return x;
    }
}

/* ---- matrices -------------------------------------------------------------------------------- */
static inline float net_naive_dot(ir_dtype t, const void *W, int64_t at, const any_f32 *x, int64_t n)
{
    float sum = 0;
    if (t == IR_F32) {
        const any_f32 *w = (const any_f32 *)W + at;
        for (int64_t i = 0; i < n; i++) sum += w[i] * x[i];
    } else {
        for (int64_t i = 0; i < n; i++) sum += get(t, W, at + i) * x[i];
    }
    return sum;
}

static void net_naive_finish(const naive_op *o, int64_t at, int64_t k, float sum)
{
    const ly_row *r = o->r;
    if (ly_row_scaled(r, o->dtype)) sum *= o->V[r->s_at + k];
    if (r->b_at >= 0) sum += o->V[r->b_at + k];
    const float add = o->add ? o->add[at] : 0;
    if (!r->gate) sum += add;
    o->y[at] = net_naive_activate(r->act, sum) * (r->gate ? add : 1);
}

static float net_naive_window(const naive_op *o, const any_f32 *image, int64_t y0, int64_t x0, int64_t k)
{
    const ly_row *r = o->r;
    int64_t       cg = r->c / r->groups, first = k / (r->k / r->groups) * cg;
    float         sum = 0;
    for (int64_t i = 0; i < r->r; i++)
        for (int64_t j = 0; j < r->s; j++) {
            int64_t y = y0 + i, x = x0 + j;
            if (y < 0 || y >= r->h || x < 0 || x >= r->w) continue;
            sum += net_naive_dot(o->dtype, o->W, r->W_at + ((k * r->r + i) * r->s + j) * cg,
                                 image + (y * r->w + x) * r->c + first, cg);
        }
    return sum;
}

static void conv(const naive_op *o, int64_t pixel)
{
    const ly_row  *r = o->r;
    int64_t        n = pixel / (r->oh * r->ow), p = pixel % (r->oh * r->ow);
    const any_f32 *image = (const any_f32 *)o->x + n * r->h * r->w * r->c;
    int64_t        y0 = p / r->ow * r->stride - r->pad, x0 = p % r->ow * r->stride - r->pad_w;
    for (int64_t k = 0; k < r->k; k++)
        net_naive_finish(o, pixel * r->k + k, k, net_naive_window(o, image, y0, x0, k));
}

static void net_naive_fc(const naive_op *o, int64_t k)
{
    const ly_row *r = o->r;
    for (int64_t i = 0; i < r->rows; i++) {
        const any_f32 *x = (const any_f32 *)o->x + i * r->c;
        float          sum = 0;
        if (r->format.group)
            for (int64_t j = 0; j < r->c; j++) sum += weight(o, r->W_at + k * r->c + j) * x[j];
        else
            sum = net_naive_dot(o->dtype, o->W, r->W_at + k * r->c, x, r->c);
        net_naive_finish(o, i * r->k + k, k, sum);
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */
static void net_naive_norm(const naive_op *o, int64_t i)
{
    const ly_row  *r = o->r;
    const any_f32 *x = (const any_f32 *)o->x + ly_in_row(r, i) * r->c;
    float          mean = 0, var = 0, n = (float)r->c;
    for (int64_t j = 0; j < r->c && !r->rms; j++) mean += x[j];
    mean /= n;
    for (int64_t j = 0; j < r->c; j++) var += (x[j] - mean) * (x[j] - mean);
    float scale = 1 / sqrtf(var / n + (float)ly_eps(r));
    for (int64_t j = 0; j < r->c; j++)
        o->y[i * r->c + j] = (x[j] - mean) * scale * o->V[r->g_at + j] + (r->rms ? 0 : o->V[r->b_at + j]);
}

static void net_naive_softmax(const naive_op *o, int64_t i)
{
    int64_t        c = o->r->c;
    const any_f32 *x = (const any_f32 *)o->x + i * c;
    any_f32       *y = o->y + i * c;
    float          most = x[0], sum = 0;
    for (int64_t j = 1; j < c; j++) most = fmaxf(most, x[j]);
    for (int64_t j = 0; j < c; j++) sum += y[j] = expf(x[j] - most);
    for (int64_t j = 0; j < c; j++) y[j] /= sum;
}

/* The row of W at `at`, times its scale, is added to y. */
static void naive_add_row(const naive_op *o, int64_t at, int64_t scale, any_f32 *y)
{
    const float s = ly_scaled(o->dtype) ? o->V[o->r->s_at + scale] : 1;
    for (int64_t j = 0; j < o->r->c; j++) y[j] += s * get(o->dtype, o->W, at + j);
}

static void naive_add_type(const naive_op *o, int64_t i)
{
    const ly_row *r = o->r;
    const int64_t at = r->context + (r->types ? ly_type_of(r, i) : 0);
    if (r->types) naive_add_row(o, r->P_at + at * r->c, r->vocab + at, o->y + i * r->c);
}

static void naive_token(const naive_op *o, int64_t i)
{
    const ly_row  *r = o->r;
    const int64_t  t = i % r->tokens;
    const any_f32 *x = (const any_f32 *)o->x + (i - i / r->tokens - 1) * r->c;
    any_f32       *y = o->y + i * r->c;
    for (int64_t j = 0; j < r->c; j++) y[j] = t ? x[j] : 0;
    if (t == 0) naive_add_row(o, r->W_at, 0, y);
    naive_add_row(o, r->P_at + t * r->c, 1 + t, y);
}

static void naive_patch(const naive_op *o, int64_t i)
{
    const ly_row  *r = o->r;
    const int64_t  image = i / (r->oh * r->ow), wide = r->r * r->c;
    const any_f32 *x =
        (const any_f32 *)o->x + ((image * r->h + i / r->ow % r->oh * r->r) * r->w + i % r->ow * r->r) * r->c;
    for (int64_t j = 0; j < r->r * wide; j++) o->y[i * r->k + j] = x[j / wide * r->w * r->c + j % wide];
}

static void net_naive_embed(const naive_op *o, int64_t i)
{
    const ly_row *r = o->r;
    int64_t       token = ((const any_i32 *)o->x)[i], pos = r->past + i % r->tokens;
    bool          q = ly_row_scaled(r, o->dtype), places = r->P_at >= 0;
    float         a = q ? o->V[r->s_at + token] : 1, b = q && places ? o->V[r->s_at + r->vocab + pos] : 1;
    for (int64_t j = 0; j < r->c; j++)
        o->y[i * r->c + j] = a * weight(o, r->W_at + token * r->c + j) +
                             (places ? b * weight(o, r->P_at + pos * r->c + j) : 0);
    naive_add_type(o, i);
}

static void pool(const naive_op *o, int64_t pixel)
{
    const ly_row  *r = o->r;
    int64_t        n = pixel / (r->oh * r->ow), p = pixel % (r->oh * r->ow);
    const any_f32 *image = (const any_f32 *)o->x + n * r->h * r->w * r->c;
    int64_t        y0 = p / r->ow * r->stride - r->pad, x0 = p % r->ow * r->stride - r->pad_w;
    for (int64_t c = 0; c < r->c; c++) {
        float most = -INFINITY, sum = 0;
        for (int64_t y = y0 < 0 ? 0 : y0; y < y0 + r->r && y < r->h; y++)
            for (int64_t x = x0 < 0 ? 0 : x0; x < x0 + r->s && x < r->w; x++) {
                float v = image[(y * r->w + x) * r->c + c];
                sum += v;
                most = v > most ? v : most;
            }
        o->y[pixel * r->c + c] = r->op == LY_MAXPOOL ? most : sum / (float)(r->r * r->s);
    }
}

static void net_naive_act_row(const naive_op *o, int64_t i)
{
    int64_t        c = o->r->c;
    const any_f32 *x = o->x;
    for (int64_t j = i * c; j < (i + 1) * c; j++) o->y[j] = net_naive_activate(o->r->act, x[j]);
}

static void net_naive_add_row(const naive_op *o, int64_t i)
{
    int64_t        c = o->r->c;
    const any_f32 *x = o->x;
    for (int64_t j = i * c; j < (i + 1) * c; j++) o->y[j] = net_naive_activate(o->r->act, x[j] + o->add[j]);
}

/* ---- attention: one head of keys and values of one sequence at a time ------------------------- */
/* Where a head's keys and values are cached. */
typedef struct {
    ly_cache c;
    char    *keys, *values;
} shelf;

static shelf shelf_of(const naive_op *o, int64_t b, int64_t h)
{
    const ly_row *r = o->r;
    shelf         s = {.c = {1, r->batch, ly_kv_heads(r), r->past, r->tokens, r->dh, ly_row_kv(r, o->dtype)}};
    int64_t       plane = (r->past + r->tokens) * ly_cache_row_B(&s.c), heads = ly_kv_heads(r);
    s.keys = (char *)o->kv + (2 * r->block * r->batch * heads + b * heads + h) * plane;
    s.values = s.keys + r->batch * heads * plane;
    return s;
}

/* Element i of the query or key at `position`, turned. */
static float turned(const ly_row *r, const any_f32 *x, int64_t i, int64_t position)
{
    const bool    even = r->rope.pairs == LY_ROPE_EVEN, second = even ? i % 2 : i >= r->dh / 2;
    const int64_t pair = even ? i / 2 : i % (r->dh / 2), other = even     ? i ^ 1
                                                                 : second ? i - r->dh / 2
                                                                          : i + r->dh / 2;
    const double  angle = (double)position * ly_rope_frequency(&r->rope, r->dh, pair);
    const float   c = (float)cos(angle), s = (float)sin(angle);
    return second ? x[i] * c + x[other] * s : x[i] * c - x[other] * s;
}

static void turn(const ly_row *r, const any_f32 *x, int64_t position, float *out)
{
    for (int64_t i = 0; i < r->dh; i++)
        out[i] = r->rope.pairs == LY_ROPE_NONE ? x[i] : turned(r, x, i, position);
}

static void net_naive_append(const naive_op *o, const shelf *s, int64_t b, int64_t h, float *row)
{
    const ly_row *r = o->r;
    const int64_t d = r->heads * r->dh, row_B = ly_cache_row_B(&s->c);
    for (int64_t t = 0; t < r->tokens; t++) {
        const any_f32 *in = (const any_f32 *)o->x + (b * r->tokens + t) * ly_qkv_width(r) + d + h * r->dh;
        turn(r, in, r->past + t, row);
        ly_cache_pack(&s->c, row, 1, s->keys + (r->past + t) * row_B);
        for (int64_t i = 0; i < r->dh; i++) row[i] = in[ly_kv_heads(r) * r->dh + i];
        ly_cache_pack(&s->c, row, 1, s->values + (r->past + t) * row_B);
    }
}

/* row: room for one of the cache. */
static float net_naive_score(const shelf *s, const float *q, int64_t j, float *row)
{
    float sum = 0;
    ly_cache_unpack(&s->c, s->keys + j * ly_cache_row_B(&s->c), 1, row);
    for (int64_t i = 0; i < s->c.dh; i++) sum += q[i] * row[i];
    return sum / sqrtf((float)s->c.dh);
}

static void query(const shelf *s, const float *q, int64_t n, float *row, any_f32 *y)
{
    const int64_t dh = s->c.dh;
    float         most = -INFINITY, sum = 0;
    for (int64_t j = 0; j < n; j++) most = fmaxf(most, net_naive_score(s, q, j, row));
    for (int64_t i = 0; i < dh; i++) y[i] = 0;
    for (int64_t j = 0; j < n; j++) {
        float p = expf(net_naive_score(s, q, j, row) - most);
        sum += p;
        ly_cache_unpack(&s->c, s->values + j * ly_cache_row_B(&s->c), 1, row);
        for (int64_t i = 0; i < dh; i++) y[i] += p * row[i];
    }
    for (int64_t i = 0; i < dh; i++) y[i] /= sum;
}

static void net_naive_attention(const naive_op *o, int64_t i)
{
    const ly_row *r = o->r;
    const int64_t b = i / ly_kv_heads(r), h = i % ly_kv_heads(r), each = r->heads / ly_kv_heads(r);
    const shelf   s = shelf_of(o, b, h);
    float         q[NAIVE_MOST_DH], row[NAIVE_MOST_DH];
    net_naive_append(o, &s, b, h, row);
    for (int64_t t = 0; t < r->tokens; t++)
        for (int64_t g = h * each; g < (h + 1) * each; g++) {
            int64_t at = b * r->tokens + t;
            turn(r, (const any_f32 *)o->x + at * ly_qkv_width(r) + g * r->dh, r->past + t, q);
            query(&s, q, r->past + t + 1, row, o->y + (at * r->heads + g) * r->dh);
        }
}

/* Every query of a head, with keys and values where they lie; each score twice, as above. */
static void naive_attention_all(const naive_op *o, int64_t i)
{
    const ly_row  *r = o->r;
    const int64_t  b = i / r->heads, h = i % r->heads, d = r->heads * r->dh, n = r->tokens;
    const any_f32 *q = (const any_f32 *)o->x + b * n * 3 * d + h * r->dh, *keys = q + d, *values = q + 2 * d;
    const float    scale = 1 / sqrtf((float)r->dh);
    for (int64_t t = 0; t < n; t++, q += 3 * d) {
        any_f32 *y = o->y + (b * n + t) * d + h * r->dh;
        float    most = -INFINITY, sum = 0;
        for (int64_t j = 0; j < n; j++)
            most = fmaxf(most, scale * net_naive_dot(IR_F32, keys, j * 3 * d, q, r->dh));
        for (int64_t e = 0; e < r->dh; e++) y[e] = 0;
        for (int64_t j = 0; j < n; j++) {
            const float p = expf(scale * net_naive_dot(IR_F32, keys, j * 3 * d, q, r->dh) - most);
            sum += p;
            for (int64_t e = 0; e < r->dh; e++) y[e] += p * values[j * 3 * d + e];
        }
        for (int64_t e = 0; e < r->dh; e++) y[e] /= sum;
    }
}

/* ---- recommendation -------------------------------------------------------------------------- */
static void net_naive_bag(const naive_op *o, int64_t b)
{
    const ly_row  *r = o->r;
    const any_i32 *begin = o->x, *index = begin + r->rows + 1;
    any_f32       *y = o->y + b * r->c;
    for (int64_t j = 0; j < r->c; j++) y[j] = 0;
    for (int64_t i = begin[b]; i < begin[b + 1]; i++)
        for (int64_t j = 0; j < r->c; j++) y[j] += get(o->dtype, o->W, r->W_at + index[i] * r->c + j);
}

static void net_naive_interact(const naive_op *o, int64_t i)
{
    const ly_row  *r = o->r;
    const any_f32 *x = (const any_f32 *)o->x + i * r->c, *rest = o->add + i * (r->heads - 1) * r->c;
    any_f32       *y = o->y + i * r->k;
    for (int64_t j = 0; j < r->c; j++) *y++ = x[j];
    if (r->op == LY_CONCAT) {
        for (int64_t j = 0; j < (r->heads - 1) * r->c; j++) *y++ = rest[j];
        return;
    }
    for (int64_t a = 1; a < r->heads; a++)
        for (int64_t b = 0; b < a; b++)
            *y++ = net_naive_dot(IR_F32, rest, (a - 1) * r->c, b ? rest + (b - 1) * r->c : x, r->c);
}

/* ---- dispatch -------------------------------------------------------------------------------- */
/* What one unit of work is, and how many there are. */
static void (*net_naive_unit_of(const ly_row *r, int64_t *n))(const naive_op *, int64_t)
{
    *n = r->rows;
    switch (r->op) {
    case LY_CONV: *n = r->batch * r->oh * r->ow; return conv;
    case LY_MAXPOOL:
    case LY_AVGPOOL: *n = r->batch * r->oh * r->ow; return pool;
    case LY_FC: *n = r->k; return net_naive_fc;
    case LY_ATTENTION:
        *n = r->batch * ly_kv_heads(r);
        return r->all ? naive_attention_all : net_naive_attention;
    case LY_PATCHES: *n = r->batch * r->oh * r->ow; return naive_patch;
    case LY_TOKENS: return naive_token;
    case LY_NORM: return net_naive_norm;
    case LY_SOFTMAX: return net_naive_softmax;
    case LY_EMBED: return net_naive_embed;
    case LY_BAG: return net_naive_bag;
    case LY_INTERACT:
    case LY_CONCAT: return net_naive_interact;
    case LY_ADD: return net_naive_add_row;
    default: return net_naive_act_row;
    }
}

static void net_naive_part(void *arg, int tid, int nthreads)
{
    const naive_op *o = arg;
    int64_t         n;
    size_t          lo, hi;
    void (*unit)(const naive_op *, int64_t) = net_naive_unit_of(o->r, &n);
    cpu_part((size_t)n, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) unit(o, (int64_t)i);
}

ir_status naive_can(const ly_row *r)
{
    if (r->op != LY_ATTENTION || r->dh <= NAIVE_MOST_DH) return IR_OK;
    return ir_fail(IR_SKIP, "a head of %lld elements: the naive attention holds up to %d", (long long)r->dh,
                   NAIVE_MOST_DH);
}

void naive_run(ir_dev *dev, int threads, naive_op *o)
{
    ir_pool_run(cpu_of(dev)->pool, threads, net_naive_part, o);
}

/* ---- kernels --------------------------------------------------------------------------------- */
static ir_status no_tf32(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev;
    return p->dtype == IR_TF32 ? ir_fail(IR_SKIP, "%s: CPUs have no tf32", w->name) : IR_OK;
}

static ir_status net_naive_run(ir_run *run, uint32_t reps)
{
    ly_row   r;
    naive_op o = {.r = &r, .dtype = run->p.dtype, .x = run->mem[0].p, .y = run->mem[run->nmem - 1].p};
    wl_row_of(run->workload, &run->p, &r);
    if (r.op == LY_CONV || r.op == LY_FC || r.op == LY_EMBED || r.op == LY_BAG) o.W = run->mem[1].p;
    if (r.op == LY_CONV || r.op == LY_FC) o.V = run->mem[2].p;
    if (r.op == LY_NORM) o.V = run->mem[1].p;
    if (r.op == LY_ADD) o.add = run->mem[1].p;
    if (r.op == LY_ATTENTION) o.kv = run->mem[1].p;
    for (uint32_t i = 0; i < reps; i++) naive_run(run->dev, run->p.threads, &o);
    return IR_OK;
}

static void bias_part(void *arg, int tid, int nthreads)
{
    const naive_op *o = arg;
    size_t          lo, hi, k = (size_t)o->r->k;
    cpu_part((size_t)ly_out_elems(o->r) / k, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo * k; i < hi * k; i++) o->y[i] += o->V[i % k];
}

static ir_status net_naive_conv_run(ir_run *r, uint32_t reps)
{
    ly_row bare, relu = {.op = LY_ACT, .act = LY_RELU};
    if (wl_fuse_of(&r->p) != WL_UNFUSED) return net_naive_run(r, reps);
    wl_row_of(r->workload, &r->p, &bare);
    bare.b_at = -1;
    bare.act = LY_ID;
    relu.c = bare.k;
    relu.rows = ly_out_elems(&bare) / bare.k;
    naive_op o = {.r = &bare,
                  .dtype = r->p.dtype,
                  .x = r->mem[0].p,
                  .W = r->mem[1].p,
                  .V = r->mem[2].p,
                  .y = r->mem[3].p};
    naive_op a = {.r = &relu, .x = r->mem[3].p, .y = r->mem[3].p};
    for (uint32_t i = 0; i < reps; i++) {
        naive_run(r->dev, r->p.threads, &o);
        ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, bias_part, &o);
        naive_run(r->dev, r->p.threads, &a);
    }
    return IR_OK;
}

static ir_status net_naive_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    ly_row    r;
    ir_status st = no_tf32(dev, w, p);
    wl_row_of(w, p, &r);
    return st == IR_OK ? naive_can(&r) : st;
}

#define NAIVE(f, text, runs) \
    .family = f, .name = "naive", .doc = text, .flags = IR_K_NAIVE, .can_run = net_naive_can_run, .run = runs
const ir_kernel cpu_conv_naive = {NAIVE("conv", "a serial sum per output", net_naive_conv_run)};
const ir_kernel cpu_linear_naive = {NAIVE("linear", "a serial dot product per output", net_naive_run)};
const ir_kernel cpu_norm_naive = {
    NAIVE("norm", "mean, variance, scale: three passes over a row", net_naive_run)};
const ir_kernel cpu_softmax_naive = {
    NAIVE("softmax", "maximum, exponentials, division: three passes over a row", net_naive_run)};
const ir_kernel cpu_act_naive = {NAIVE("act", "element by element", net_naive_run)};
const ir_kernel cpu_add_naive = {NAIVE("add", "element by element", net_naive_run)};
const ir_kernel cpu_bag_naive = {NAIVE("bag", "look-up by look-up", net_naive_run)};
const ir_kernel cpu_embed_naive = {NAIVE("embed", "row by row", net_naive_run)};
const ir_kernel cpu_attention_naive = {
    NAIVE("attention", "each score twice, for the maximum and for its exponential", net_naive_run)};
