/* oracle_rows.c -- see reference.h: token rows, and a whole table row by row. */
#include "kernels/nets/oracle.h"
#include "kernels/nets/clones.h"
#include "kernels/nets/values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void ref_norm(int64_t rows, int64_t c, const float *gain, const float *offset, const float *x, float *out)
{
    for (int64_t i = 0; i < rows; i++, x += c, out += c) {
        double mean = 0, var = 0;
        for (int64_t j = 0; j < c; j++) mean += (double)x[j];
        mean /= (double)c;
        for (int64_t j = 0; j < c; j++) var += ((double)x[j] - mean) * ((double)x[j] - mean);
        double scale = 1 / sqrt(var / (double)c + 1e-5);
        for (int64_t j = 0; j < c; j++)
            out[j] = (float)(((double)x[j] - mean) * scale * (double)gain[j] + (double)offset[j]);
    }
}

void ref_norm_row(const ly_row *r, const float *gain, const float *offset, const float *x, float *out)
{
    double mean = 0, square = 0;
    for (int64_t j = 0; j < r->c; j++) mean += (double)x[j];
    mean = r->rms ? 0 : mean / (double)r->c;
    for (int64_t j = 0; j < r->c; j++) square += ((double)x[j] - mean) * ((double)x[j] - mean);
    double scale = 1 / sqrt(square / (double)r->c + ly_eps(r));
    for (int64_t j = 0; j < r->c; j++)
        out[j] = (float)(((double)x[j] - mean) * scale * (double)gain[j] + (r->rms ? 0 : (double)offset[j]));
}

void ref_rotate(const ly_rope *p, int64_t dh, int64_t position, float *x)
{
    for (int64_t i = 0; p->pairs != LY_ROPE_NONE && i < dh / 2; i++) {
        const double angle = (double)position * ly_rope_frequency(p, dh, i);
        float       *a = p->pairs == LY_ROPE_EVEN ? x + 2 * i : x + i,
              *b = p->pairs == LY_ROPE_EVEN ? a + 1 : a + dh / 2;
        const double u = (double)*a, v = (double)*b;
        *a = (float)(u * cos(angle) - v * sin(angle));
        *b = (float)(u * sin(angle) + v * cos(angle));
    }
}

void ref_softmax(int64_t rows, int64_t c, const float *x, float *out)
{
    for (int64_t i = 0; i < rows; i++, x += c, out += c) {
        double most = -INFINITY, sum = 0;
        for (int64_t j = 0; j < c; j++)
            most = (double)x[j] > most ? (double)x[j] : most; /* a NaN shows in the sum */
        for (int64_t j = 0; j < c; j++) sum += exp((double)x[j] - most);
        for (int64_t j = 0; j < c; j++) out[j] = (float)(exp((double)x[j] - most) / sum);
    }
}

/* ---- attention ------------------------------------------------------------------------------- */
enum { PART = 8 };
LY_CLONES
double ref_dot(const float *a, const float *b, int64_t n)
{
    double  s[PART] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + PART <= n; i += PART)
        for (int l = 0; l < PART; l++) s[l] += (double)a[i + l] * (double)b[i + l];
    for (; i < n; i++) sum += (double)a[i] * (double)b[i];
    for (int l = 0; l < PART; l++) sum += s[l];
    return sum;
}

LY_CLONES
void ref_axpy(double p, const float *v, int64_t n, double *y)
{
    for (int64_t i = 0; i < n; i++) y[i] += p * (double)v[i];
}

/* keys, values: [past + tokens][dh] of one head. p: room for as many scores; y: for dh sums. */
static void one_query(const ly_row *r, int64_t t, const float *q, const float *keys, const float *values,
                      double *p, double *y, float *out)
{
    int64_t n = r->past + t + 1;
    double  most = -INFINITY, sum = 0, scale = 1 / sqrt((double)r->dh);
    for (int64_t j = 0; j < n; j++) {
        p[j] = scale * ref_dot(q, keys + j * r->dh, r->dh);
        most = fmax(most, p[j]);
    }
    for (int64_t j = 0; j < n; j++) sum += p[j] = exp(p[j] - most);
    memset(y, 0, sizeof *y * (size_t)r->dh);
    for (int64_t j = 0; j < n; j++) ref_axpy(p[j], values + j * r->dh, r->dh, y);
    for (int64_t i = 0; i < r->dh; i++) out[i] = (float)(y[i] / sum);
}

/* Plane `plane` of one sequence: what is cached, and the new rows, keys turned, rounded. */
static void plane_of(const ly_row *r, const ref_cache *k, int64_t plane, const float *qkv, float *to)
{
    const int64_t at = r->heads * r->dh + plane * r->dh;
    float        *fresh = to + r->past * r->dh;
    ly_cache_load(k->cache, k->at, r->block, k->item, plane, 0, r->past, to);
    for (int64_t t = 0; t < r->tokens; t++) {
        float *row = fresh + t * r->dh;
        memcpy(row, qkv + t * ly_qkv_width(r) + at, sizeof *row * (size_t)r->dh);
        if (plane < ly_kv_heads(r)) ref_rotate(&r->rope, r->dh, r->past + t, row);
        ly_cache_round(k->cache, row);
    }
    k->take(k->to, r->block, plane, fresh);
}

/* The queries that one head of keys and values serves. q: room for one. */
static void oracle_rows_head(const ly_row *r, int64_t h, const float *qkv, const float *keys,
                             const float *values, double *p, float *q, float *out)
{
    const int64_t each = r->heads / ly_kv_heads(r), n = r->past + r->tokens;
    for (int64_t g = h * each; g < (h + 1) * each; g++)
        for (int64_t t = 0; t < r->tokens; t++) {
            memcpy(q, qkv + t * ly_qkv_width(r) + g * r->dh, sizeof *q * (size_t)r->dh);
            ref_rotate(&r->rope, r->dh, r->past + t, q);
            one_query(r, t, q, keys, values, p, p + n, out + (t * r->heads + g) * r->dh);
        }
}

ir_status ref_attention(const ly_row *r, const ref_cache *k, const float *qkv, float *out)
{
    int64_t n = r->past + r->tokens;
    float  *keys = malloc(sizeof *keys * (size_t)((2 * n + 1) * r->dh)), *values = keys + n * r->dh;
    double *p = malloc(sizeof *p * (size_t)(n + r->dh));
    bool    ok = keys && p;
    for (int64_t h = 0; ok && h < ly_kv_heads(r); h++) {
        plane_of(r, k, h, qkv, keys);
        plane_of(r, k, ly_kv_heads(r) + h, qkv, values);
        oracle_rows_head(r, h, qkv, keys, values, p, values + n * r->dh, out);
    }
    free(keys);
    free(p);
    return ok ? IR_OK : ir_fail(IR_ENOMEM, "no memory for the reference of %s", r->name);
}

/* ---- a table --------------------------------------------------------------------------------- */
typedef struct {
    const ly_net      *net;
    const ref_weights *w;
    const void        *input;               /* as bound: image floats or tokens, at any address */
    float             *image;               /* an aligned copy of an image input */
    float             *buf[LY_MAX_BUF], *v; /* v: two vectors of the widest row's parameters */
    const ref_cache   *cache;
    float             *out;
} walk;

static float *oracle_rows_at(const walk *k, int buf)
{
    return buf == LY_INPUT ? k->image : buf == LY_OUTPUT ? k->out : buf == LY_NONE ? NULL : k->buf[buf];
}

static void oracle_rows_embed(const walk *k, const ly_row *r)
{
    const any_i32  *token = k->input;
    const any_f32  *V = k->w->V;
    const ly_stored s = {k->w->dtype, k->w->format, k->w->n, k->w->W};
    const bool      q = ly_row_scaled(r, k->w->dtype), places = r->P_at >= 0;
    for (int64_t i = 0; i < r->rows; i++) {
        int64_t row = token[i], pos = r->past + i % r->tokens;
        float  *out = oracle_rows_at(k, r->out) + i * r->c;
        double  a = q ? (double)V[r->s_at + row] : 1,
               b = q && places ? (double)V[r->s_at + r->vocab + pos] : 1;
        ly_load_stored(&s, r->W_at + row * r->c, r->c, out);
        memset(k->v, 0, sizeof *k->v * (size_t)r->c);
        if (places) ly_load_stored(&s, r->P_at + pos * r->c, r->c, k->v);
        for (int64_t j = 0; j < r->c; j++) out[j] = (float)(a * (double)out[j] + b * (double)k->v[j]);
    }
}

static void oracle_rows_norm(const walk *k, const ly_row *r)
{
    float *gain = k->v, *offset = k->v + r->c;
    ly_load(IR_F32, k->w->V, r->g_at, r->c, gain);
    if (r->b_at >= 0) ly_load(IR_F32, k->w->V, r->b_at, r->c, offset);
    for (int64_t i = 0; i < r->rows; i++)
        ref_norm_row(r, gain, offset, oracle_rows_at(k, r->in) + ly_in_row(r, i) * r->c,
                     oracle_rows_at(k, r->out) + i * r->c);
}

static ir_status oracle_rows_fc(const walk *k, const ly_row *r)
{
    ref_epilogue e = {r->b_at >= 0 ? k->v : NULL,
                      oracle_rows_at(k, r->add),
                      r->act,
                      oracle_rows_at(k, r->out),
                      r->k,
                      r->gate};
    if (e.bias) ly_load(IR_F32, k->w->V, r->b_at, r->k, k->v);
    return ref_product(oracle_rows_at(k, r->in), r->rows, r->c, k->w, r->W_at, r->s_at, r->k, &e);
}

static ir_status oracle_rows_step(const walk *k, const ly_row *r)
{
    const float *x = oracle_rows_at(k, r->in), *add = oracle_rows_at(k, r->add);
    float       *y = oracle_rows_at(k, r->out);
    int64_t      n = ly_out_elems(r);
    switch (r->op) {
    case LY_CONV: return ref_conv(r, k->w, x, add, y);
    case LY_FC: return oracle_rows_fc(k, r);
    case LY_ATTENTION: return r->all ? ref_attention_all(r, x, y) : ref_attention(r, k->cache, x, y);
    case LY_NORM: oracle_rows_norm(k, r); return IR_OK;
    case LY_EMBED:
        oracle_rows_embed(k, r);
        ref_types(r, k->w, k->v, y);
        return IR_OK;
    case LY_TOKENS: ref_tokens(r, k->w, x, k->v, y); return IR_OK;
    case LY_PATCHES: ref_patches(r, x, y); return IR_OK;
    case LY_MOE: return ref_moe(r, k->w, x, add, y, NULL);
    case LY_BAG: return ref_bag(r, k->w, (const char *)k->input + k->net->index_at * 4, y);
    case LY_INTERACT:
    case LY_CONCAT: ref_interact(r, x, add, y); return IR_OK;
    case LY_MAXPOOL:
    case LY_AVGPOOL: ref_pool(r, x, y); return IR_OK;
    case LY_SOFTMAX: ref_softmax(r->rows, r->c, x, y); return IR_OK;
    case LY_ACT:
        for (int64_t i = 0; i < n; i++) y[i] = (float)ref_act(r->act, (double)x[i]);
        return IR_OK;
    case LY_ADD:
        for (int64_t i = 0; i < n; i++) y[i] = (float)ref_act(r->act, (double)x[i] + (double)add[i]);
        return IR_OK;
    default: return ir_fail(IR_EINVAL, "%s: an operator the reference does not know", r->name);
    }
}

/* Is what buffer b holds after row i read by a later row, before it is written anew? */
static bool read_later(const ly_net *net, int i, int b)
{
    for (i++; i < net->n; i++) {
        if (net->row[i].in == b || net->row[i].add == b) return true;
        if (net->row[i].out == b) return false;
    }
    return false;
}

/* A buffer lives from the row that writes it to the last that reads it: all at once would be twice the
 * memory. */
static ir_status row_of_walk(walk *k, int i)
{
    const ly_row *r = &k->net->row[i];
    if (r->out >= 0 && r->out != r->in && r->out != r->add) {
        free(k->buf[r->out]);
        k->buf[r->out] = malloc(sizeof(float) * (size_t)ly_out_elems(r));
        if (!k->buf[r->out]) return ir_fail(IR_ENOMEM, "no memory for the reference network");
    }
    ir_status st = oracle_rows_step(k, r);
    for (int b = 0; b < k->net->nbuf; b++) {
        if (!k->buf[b] || read_later(k->net, i, b)) continue;
        free(k->buf[b]);
        k->buf[b] = NULL;
    }
    return st;
}

ir_status ref_network(const ly_net *net, const ref_weights *w, const void *input, const ref_cache *cache,
                      float *out)
{
    walk    k = {.net = net, .w = w, .input = input, .cache = cache, .out = out};
    int64_t widest = 1;
    for (int i = 0; i < net->n; i++) {
        widest = net->row[i].k > widest ? net->row[i].k : widest;
        widest = net->row[i].c > widest ? net->row[i].c : widest;
    }
    bool ok = (k.v = malloc(sizeof *k.v * 2 * (size_t)widest)) != NULL;
    if (!net->tokens_in) ok = (k.image = malloc(sizeof(float) * (size_t)net->in_elems)) != NULL && ok;
    ir_status st = ok ? IR_OK : ir_fail(IR_ENOMEM, "no memory for the reference network");
    if (st == IR_OK && k.image) ly_load(IR_F32, input, 0, net->in_elems, k.image);
    for (int i = 0; i < net->n && st == IR_OK; i++) st = row_of_walk(&k, i);
    for (int b = 0; b < net->nbuf; b++) free(k.buf[b]);
    free(k.image);
    free(k.v);
    return st;
}
