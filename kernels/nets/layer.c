/* layer.c -- see layer.h: what a row and a table cost. Every count is exact: products of int64_t that the
 * tables' builders and the workloads' valid() keep below 2^46 B, turned into double once. */
#include "kernels/nets/layer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double f32_B = 4;

void ly_free(ly_net *n)
{
    free(n->row);
    memset(n, 0, sizeof *n);
}

ir_dtype ly_kv_dtype(ir_dtype t)
{
    if (t == IR_F32 || t == IR_F64 || t == IR_TF32) return IR_F32;
    return t == IR_F16 ? IR_F16 : IR_BF16;
}

static bool image(ly_op op)
{
    return op == LY_CONV || op == LY_MAXPOOL || op == LY_AVGPOOL || op == LY_PATCHES;
}

int64_t ly_in_elems(const ly_row *r)
{
    if (image(r->op)) return r->batch * r->h * r->w * r->c;
    if (r->op == LY_ATTENTION) return r->rows * ly_qkv_width(r);
    if (r->op == LY_BAG) return r->rows + 1 + r->lookups;
    if (r->op == LY_TOKENS) return (r->rows - r->batch) * r->c;
    return r->op == LY_EMBED ? r->rows : r->rows * r->c;
}

int64_t ly_out_elems(const ly_row *r)
{
    if (image(r->op)) return r->batch * r->oh * r->ow * r->k;
    if (r->op == LY_ATTENTION) return r->rows * r->heads * r->dh;
    return r->rows * (r->op == LY_FC || r->op == LY_INTERACT || r->op == LY_CONCAT ? r->k : r->c);
}

static double flops_of(const ly_row *r, bool in_network)
{
    double out = (double)ly_out_elems(r);
    switch (r->op) {
    case LY_CONV: return 2 * out * (double)(r->r * r->s * (r->c / r->groups));
    case LY_FC: return 2 * out * (double)r->c;
    case LY_ATTENTION: return 4 * (double)(r->batch * r->heads * r->dh) * (double)ly_pairs(r);
    case LY_MOE: return 2 * (double)r->rows * ly_moe_W(r, (double)r->top);
    case LY_INTERACT: return 2 * (double)r->rows * (double)(r->k - r->c) * (double)r->c;
    default: break;
    }
    if (in_network) return 0;
    switch (r->op) {
    case LY_NORM: return 8 * out;
    case LY_SOFTMAX: return 5 * out;
    case LY_BAG: return (double)(r->lookups - r->rows) * (double)r->c;
    case LY_CONCAT:
    case LY_PATCHES: return 0;
    case LY_ACT: return (r->act == LY_GELU ? 9 : r->act == LY_SILU ? 4 : 1) * out;
    case LY_MAXPOOL: return (double)(r->r * r->s - 1) * out;
    case LY_AVGPOOL: return (double)(r->r * r->s) * out;
    default: return out; /* LY_ADD, LY_EMBED, LY_DROPOUT */
    }
}

/* Taps of one axis that meet the image, over all output positions. */
static int64_t taps(int64_t in, int64_t out, int64_t filter, int64_t stride, int64_t pad)
{
    int64_t n = 0;
    for (int64_t o = 0; o < out; o++)
        for (int64_t f = 0; f < filter; f++) n += o * stride - pad + f >= 0 && o * stride - pad + f < in;
    return n;
}

static double spare_flops(const ly_row *r)
{
    if (r->op != LY_CONV) return 0;
    double met = (double)taps(r->h, r->oh, r->r, r->stride, r->pad) *
                 (double)taps(r->w, r->ow, r->s, r->stride, r->pad_w);
    return flops_of(r, true) - 2 * (double)(r->batch * r->k) * met * (double)(r->c / r->groups);
}

double ly_winograd_flops(const ly_row *r)
{
    enum { PRODUCTS = 36, IN_FLOPS = 12 * 19, OUT_FLOPS = 10 * 13 };
    const double tiles = (double)r->batch * (double)((r->oh + 3) / 4 * ((r->ow + 3) / 4)), in = (double)r->c,
                 out = (double)r->k;
    return tiles * (2 * PRODUCTS * in * out + in * IN_FLOPS + out * OUT_FLOPS);
}

double ly_moe_distinct(const ly_row *r)
{
    const double E = (double)r->experts, left = 1 - (double)r->top / E;
    return left > 0 ? -E * expm1((double)r->rows * log(left)) : E;
}

double ly_moe_W(const ly_row *r, double experts)
{
    return (double)r->c * ((double)r->experts + 3 * experts * (double)r->ff);
}

double ly_moe_scales(const ly_row *r, double experts)
{
    return (double)r->experts + experts * (double)(2 * r->ff + r->c);
}

double ly_weights_B(ir_dtype t, ly_format f, double n)
{
    if (!f.group) return n * ir_dtype_bytes(t);
    return n / f.group * ((double)ly_block_B(t, f) + (f.zeros ? 0.5 : 0));
}

double ly_rope_frequency(const ly_rope *p, int64_t dh, int64_t i)
{
    const double full = 2 * 3.14159265358979323846;
    double       f = pow(p->theta, -2 * (double)i / (double)dh), turns = p->original * f / full;
    if (!(p->factor > 1) || turns > p->high) return f;
    if (turns < p->low) return f / p->factor;
    double keep = (turns - p->low) / (p->high - p->low);
    return f * keep + f / p->factor * (1 - keep);
}

static double gathered_B(const ly_row *r, ir_dtype t, int64_t rows)
{
    return (double)rows * (ly_weights_B(t, r->format, (double)r->c) + (ly_row_scaled(r, t) ? f32_B : 0));
}

/* Matrix, row scales, gain and offset: what compulsory traffic counts. */
static double tables_B(const ly_row *r, ir_dtype t)
{
    double scales = ly_row_scaled(r, t) ? f32_B : 0;
    switch (r->op) {
    case LY_CONV:
    case LY_FC: return ly_weights_B(t, r->format, (double)r->nW) + (double)r->k * scales;
    case LY_NORM: return (r->rms ? 1 : 2) * f32_B * (double)r->c;
    case LY_EMBED: return gathered_B(r, t, r->rows + (r->P_at >= 0 ? r->tokens + r->types : 0));
    case LY_TOKENS: return gathered_B(r, t, 1 + r->tokens);
    case LY_MOE:
        return ly_moe_W(r, ly_moe_distinct(r)) * ir_dtype_bytes(t) +
               ly_moe_scales(r, ly_moe_distinct(r)) * scales;
    case LY_BAG: return gathered_B(r, t, r->lookups);
    default: return 0;
    }
}

static double weights_B(const ly_row *r, ir_dtype t, bool in_network)
{
    if (r->op == LY_EMBED && in_network) return r->P_at >= 0 ? gathered_B(r, t, r->tokens + r->types) : 0;
    bool bias = r->b_at >= 0 && (r->op == LY_CONV || r->op == LY_FC);
    return tables_B(r, t) + (bias ? f32_B * (double)r->k : 0);
}

static double unfused_extra_B(const ly_row *r)
{
    if (r->op == LY_ATTENTION)
        return 4 * f32_B * (double)(r->batch * r->heads) * (double)r->tokens * (double)(r->past + r->tokens);
    if (r->op == LY_MOE) /* both products of an expert, their gate and its result by token, twice each */
        return 2 * f32_B * (double)(r->rows * r->top) * (double)(3 * r->ff + r->c);
    if (r->op != LY_CONV && r->op != LY_FC) return 0;
    int passes = (r->b_at >= 0) + (r->add != LY_NONE) + (r->act != LY_ID);
    return 2 * passes * f32_B * (double)ly_out_elems(r);
}

void ly_cost(const ly_row *r, ir_dtype t, bool in_network, ir_cost *c)
{
    double in = f32_B * (double)ly_in_elems(r), out = f32_B * (double)ly_out_elems(r), kv_row = 0;
    double added = r->op == LY_ADD || r->add != LY_NONE ? out : 0;
    if (r->op == LY_INTERACT || r->op == LY_CONCAT) added = in * (double)(r->heads - 1);
    if (r->op == LY_ATTENTION && !r->all)
        kv_row = 2 * (double)(r->batch * ly_kv_heads(r) * r->dh) * ly_kv_B(ly_row_kv(r, t));
    memset(c, 0, sizeof *c);
    if (r->op == LY_BAG)
        c->part[IR_OF_ROWS] =
            (ir_traffic){.read_B = tables_B(r, t), .access = IR_RANDOM, .accesses = (double)r->lookups};
    else
        c->part[IR_OF_WEIGHTS].read_B = tables_B(r, t);
    c->part[IR_OF_IN].read_B = in + added;
    c->part[IR_OF_OUT] = (ir_traffic){.write_B = out, .wa_B = out};
    c->part[IR_OF_KV] = (ir_traffic){.read_B = kv_row * (double)r->past,
                                     .write_B = kv_row * (double)r->tokens,
                                     .wa_B = kv_row * (double)r->tokens};
    c->flops = flops_of(r, in_network);
    c->spare_flops = spare_flops(r);
    c->launches = 1;
    c->footprint_B = ir_cost_B(c);
    if (r->op == LY_BAG) c->footprint_B -= ir_cost_of(c, IR_OF_ROWS) * (1 - r->distinct / (double)r->lookups);
    c->weights_B = weights_B(r, t, in_network);
    c->unfused_B = ir_cost_B(c) + unfused_extra_B(r);
}

static void add_up(ir_cost *sum, const ir_cost *c, double times)
{
    sum->flops += times * c->flops;
    sum->spare_flops += times * c->spare_flops;
    sum->launches += times * c->launches;
    sum->weights_B += times * c->weights_B;
    sum->unfused_B += times * c->unfused_B;
    for (int k = 0; k < IR_NPART; k++) {
        ir_traffic       *to = &sum->part[k];
        const ir_traffic *from = &c->part[k];
        to->read_B += times * from->read_B;
        to->write_B += times * from->write_B;
        to->wa_B += times * from->wa_B;
        to->accesses += times * from->accesses;
        if (from->access != IR_STREAM) to->access = from->access;
    }
}

void ly_chain_cost(const ly_row *r, int n, int64_t times, bool fused, ir_cost *out)
{
    const double handed = f32_B * (double)ly_out_elems(&r[n - 1]), steps = (double)n * (double)times;
    const double kept = fused ? (steps - 1) * handed : 0; /* of writes, and of reads as much */
    memset(out, 0, sizeof *out);
    for (int i = 0; i < n; i++) {
        ir_cost c;
        ly_cost(&r[i], IR_F32, false, &c);
        add_up(out, &c, (double)times);
    }
    out->part[IR_OF_IN].read_B -= kept;
    out->part[IR_OF_OUT].write_B -= kept;
    out->part[IR_OF_OUT].wa_B -= kept;
    if (fused) out->launches = 1;
    out->footprint_B =
        f32_B * (double)ly_in_elems(r) + ir_cost_weights_B(out) + (fused || steps < 2 ? 1 : 2) * handed;
}

/* ---- a whole table --------------------------------------------------------------------------- */
/* Is what buffer b holds before row i read at row i or later, before it is overwritten? */
static bool live(const ly_net *n, int i, int b)
{
    for (; i < n->n; i++) {
        if (n->row[i].in == b || n->row[i].add == b) return true;
        if (n->row[i].out == b) return false;
    }
    return false;
}

static double largest_live(const ly_net *n)
{
    double held[LY_MAX_BUF] = {0}, most = 0;
    for (int i = 0; i < n->n; i++) {
        double sum = 0;
        if (n->row[i].out >= 0) held[n->row[i].out] = (double)ly_out_elems(&n->row[i]);
        for (int b = 0; b < n->nbuf; b++)
            if (b == n->row[i].in || b == n->row[i].add || b == n->row[i].out || live(n, i + 1, b))
                sum += held[b];
        if (sum > most) most = sum;
    }
    return most;
}

static bool has_matrix(const ly_row *r) { return (r->op == LY_CONV || r->op == LY_FC) && r->W_at >= 0; }

int64_t ly_reread(const ly_net *n, int i)
{
    int64_t seen = 0, own = n->row[i].nW;
    for (int k = 0; k < i && has_matrix(&n->row[i]); k++) {
        const ly_row *r = &n->row[k];
        if (has_matrix(r) && r->W_at == n->row[i].W_at && r->nW > seen) seen = r->nW;
    }
    return seen < own ? seen : own;
}

/* The table of an embedding whose rows no head reads as well: what is gathered of it counts as weights. */
static bool layer_own_table(const ly_net *n, int i)
{
    for (int k = 0; k < n->n; k++)
        if (k != i && has_matrix(&n->row[k]) && n->row[k].W_at == n->row[i].W_at) return false;
    return n->row[i].op == LY_EMBED;
}

/* A matrix read before costs no traffic of its own: it is in the table once. */
static void layer_leave_out(const ly_net *n, int i, ir_dtype t, ir_cost *c)
{
    double B = ly_weights_B(t, n->row[i].format, (double)ly_reread(n, i));
    c->part[IR_OF_WEIGHTS].read_B -= B;
    c->weights_B -= B;
    c->unfused_B -= B;
}

/* Tables of embedding bags count with the rows that are looked up, experts as they are expected to be chosen.
 */
static double touched_W(const ly_net *n)
{
    double all = (double)n->nW;
    for (int i = 0; i < n->n; i++)
        if (n->row[i].op == LY_MOE)
            all -= ly_moe_W(&n->row[i], (double)n->row[i].experts) -
                   ly_moe_W(&n->row[i], ly_moe_distinct(&n->row[i]));
        else if (n->row[i].op == LY_BAG)
            all -= ((double)n->row[i].vocab - n->row[i].distinct) * (double)n->row[i].c;
    return all;
}

void ly_net_cost(const ly_net *n, ir_dtype t, ir_cost *out)
{
    ir_dtype kv = ly_kv_dtype(t);
    memset(out, 0, sizeof *out);
    for (int i = 0; i < n->n; i++) {
        ir_cost c;
        ly_cost(&n->row[i], t, true, &c);
        layer_leave_out(n, i, t, &c);
        if (layer_own_table(n, i)) c.weights_B = ir_cost_weights_B(&c);
        add_up(out, &c, 1);
        if (n->row[i].op == LY_ATTENTION) kv = ly_row_kv(&n->row[i], t);
    }
    out->footprint_B = ly_weights_B(t, n->format, touched_W(n)) + f32_B * (double)n->nV +
                       (double)n->kv_elems * ly_kv_B(kv) +
                       f32_B * (largest_live(n) + (double)(n->in_elems + n->out_elems));
    out->part[IR_OF_IN].footprint_B = out->part[IR_OF_OUT].footprint_B = f32_B * largest_live(n);
}

/* What of a row GPT-2 has not; NULL: nothing. */
static const char *layer_beyond_gpt(const ly_row *r, ir_dtype t)
{
    if (r->op == LY_NORM && r->rms) return "RMS norms";
    if (r->rope.pairs != LY_ROPE_NONE) return "rotary positions";
    if (ly_kv_heads(r) != r->heads) return "shared heads of keys";
    if (r->gate || r->act == LY_SILU) return "gates";
    if (r->op == LY_EMBED && r->P_at < 0) return "embeddings without positions";
    return r->op == LY_ATTENTION && ly_row_kv(r, t) != ly_kv_dtype(t) ? "such a cache" : NULL;
}

ir_status ly_only_gpt(const ly_net *n, ir_dtype t)
{
    if (n->format.group) return ir_fail(IR_SKIP, "weights in groups: this executor knows whole ones");
    for (int i = 0; i < n->n; i++) {
        const char *what = layer_beyond_gpt(&n->row[i], t);
        if (what) return ir_fail(IR_SKIP, "row %s: this executor does not know %s", n->row[i].name, what);
    }
    return IR_OK;
}
