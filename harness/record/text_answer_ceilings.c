/* text_answer_ceilings.c -- the block HOW FAST CAN IT GO: peaks, read bandwidth by level, latencies, ridges.
 * A wide or suspect number carries its interval and the mark. */
#include "harness/record/text_answer.h"

#include <math.h>
#include <string.h>

typedef struct {
    const ir_text   *t;
    const ir_answer *a;
    int              one, all; /* threads of the two columns; equal: one column */
} fast;

static double half_width(const ir_ceiling *c)
{
    return fmax(c->hi - c->value, c->value - c->lo) / c->value; /* NAN without an interval */
}

static const ir_ceiling *at(const fast *f, ir_what what, const char *level, const char *op, ir_dtype d,
                            int threads)
{
    return ir_text_find(f->a->ceilings, f->a->device->id, what, level, op, d, threads);
}

/* "56.3 GB/s +-11% !": the interval only where it matters. */
static const char *value_text(const fast *f, const ir_ceiling *c, const char *unit, char *buf, size_t n)
{
    char num[IR_NUM], wide[IR_NUM];
    if (!c) return snprintf(buf, n, "-"), buf;
    double half = half_width(c);
    bool   marked = ir_answer_doubtful(half, c->flags);
    snprintf(buf, n, "%s%s%s%s", ir_text_aligned(c->value, unit, num), marked && isfinite(half) ? " " : "",
             marked ? ir_text_spread(f->t, half, wide) : "", marked ? "!" : "");
    return buf;
}

static void columns(const fast *f, const char *name, const char *one, const char *all, const char *note)
{
    ir_answer_line l = {.t = f->t};
    ir_answer_put(&l, TXT_PLAIN, 0, "  %s", name);
    if (f->all > f->one) ir_answer_put(&l, TXT_BOLD, -37, "%s", one);
    ir_answer_put(&l, TXT_BOLD, f->all > f->one ? -57 : -37, "%s", all);
    if (*note) ir_answer_put(&l, TXT_PLAIN, 0, "  %s", note);
    ir_answer_end(&l);
}

/* Does any number of the screen carry the mark? */
static bool has_mark(const ir_answer *a)
{
    ir_answer_row r[IR_ANSWER_ROWS];
    size_t        more, n = ir_answer_rows(a->point, a->npoint, r, &more);
    for (size_t i = 0; i < a->ceilings->n; i++) {
        const ir_ceiling *c = &a->ceilings->v[i];
        bool              shown = c->what == IR_C_FLOPS || !strcmp(c->op, "read") || !strcmp(c->op, "chase");
        if (shown && !strcmp(c->device, a->device->id) && ir_answer_doubtful(half_width(c), c->flags))
            return true;
    }
    for (size_t i = 0; i < n; i++) {
        const ir_stats *s = ir_point_stats(r[i].p);
        double          half = fmax(s->ci_hi - s->median, s->median - s->ci_lo) / s->median;
        if (ir_answer_doubtful(half, r[i].p->flags)) return true;
    }
    return false;
}

static void head(const fast *f)
{
    char           one[32], all[32];
    const char    *unit = f->a->device->cores == f->a->device->threads ? "core" : "thread";
    ir_answer_line l = {.t = f->t};
    snprintf(one, sizeof one, "%d %s", f->one, unit);
    if (f->all > 0)
        snprintf(all, sizeof all, "%d %s%s", f->all, unit, f->all == 1 ? "" : "s");
    else
        snprintf(all, sizeof all, "device");
    ir_answer_put(&l, TXT_BOLD, 0, "HOW FAST CAN IT GO");
    if (f->all > f->one) ir_answer_put(&l, TXT_DIM, -37, "%s", one);
    ir_answer_put(&l, TXT_DIM, f->all > f->one ? -57 : -37, "%s", all);
    ir_answer_put(&l, TXT_DIM, 0, "  of theory");
    if (has_mark(f->a)) ir_answer_put(&l, TXT_DIM, 0, "  ! doubtful");
    ir_answer_end(&l);
}

/* ---- peaks ----------------------------------------------------------------------------------- */
static ir_dtype main_dtype(const fast *f)
{
    if (at(f, IR_C_FLOPS, NULL, NULL, IR_F32, f->all)) return IR_F32;
    for (int d = 0; d < IR_NDTYPE; d++)
        if (at(f, IR_C_FLOPS, NULL, NULL, (ir_dtype)d, f->all)) return (ir_dtype)d;
    return IR_NDTYPE;
}

static void peaks(const fast *f)
{
    char     a[80], b[80], note[48] = "", name[IR_NUM], num[IR_NUM], others[160] = "";
    ir_dtype m = main_dtype(f);
    size_t   n = 0;
    if (m == IR_NDTYPE) return;
    const ir_ceiling *all = at(f, IR_C_FLOPS, NULL, NULL, m, f->all);
    if (all->theory > 0) snprintf(note, sizeof note, "%s", ir_text_percent(all->value / all->theory, num));
    snprintf(name, sizeof name, "%s peak", ir_dtype_name(m));
    columns(f, name, value_text(f, at(f, IR_C_FLOPS, NULL, NULL, m, f->one), ir_text_op_unit(m), a, sizeof a),
            value_text(f, all, ir_text_op_unit(m), b, sizeof b), note);
    for (int d = 0; d < IR_NDTYPE; d++) {
        const ir_ceiling *c = at(f, IR_C_FLOPS, NULL, NULL, (ir_dtype)d, f->all);
        if (!c || d == (int)m) continue;
        n = ir_text_append(others, sizeof others, n, "%s%s %s", n ? ir_answer_dot(f->t) : "",
                           ir_dtype_name((ir_dtype)d),
                           value_text(f, c, ir_text_op_unit((ir_dtype)d), a, sizeof a));
    }
    if (n) ir_text_para(f->t, "    ", "%s", others);
}

/* ---- bandwidth ------------------------------------------------------------------------------- */
/* "100 . 197 . 236 GB/s": the caches' reads from the outside in, in one unit. */
static bool cache_reads(const fast *f, int threads, char *buf, size_t size)
{
    size_t n = 0;
    bool   any = false;
    buf[0] = 0;
    for (int l = IR_DRAM - 1; l >= 0; l--) {
        char              num[IR_NUM];
        const ir_ceiling *c = at(f, IR_C_BANDWIDTH, ir_level_names[l], "read", IR_NDTYPE, threads);
        if (!c) continue;
        n = ir_text_append(buf, size, n, "%s%s%s", n ? ir_answer_dot(f->t) : "",
                           ir_text_plain(c->value / 1e9, num),
                           ir_answer_doubtful(half_width(c), c->flags) ? "!" : "");
        any = true;
    }
    return any;
}

static void cache_names(const fast *f, char *buf, size_t size)
{
    size_t n = 0;
    buf[0] = 0;
    for (int l = IR_DRAM - 1; l >= 0; l--)
        if (at(f, IR_C_BANDWIDTH, ir_level_names[l], "read", IR_NDTYPE, f->all))
            n = ir_text_append(buf, size, n, "%s%s", n ? "," : "", ir_level_names[l]);
    ir_text_append(buf, size, n, " GB/s");
}

static void bandwidth(const fast *f)
{
    char              a[96], b[96], name[48];
    const ir_ceiling *one = at(f, IR_C_BANDWIDTH, "DRAM", "read", IR_NDTYPE, f->one),
                     *all = at(f, IR_C_BANDWIDTH, "DRAM", "read", IR_NDTYPE, f->all);
    if (one || all)
        columns(f, "DRAM read", value_text(f, one, "B/s", a, sizeof a),
                value_text(f, all, "B/s", b, sizeof b), "");
    const ir_ceiling *c = all && all->flags & IR_FLAG_SUSPECT   ? all
                          : one && one->flags & IR_FLAG_SUSPECT ? one
                                                                : NULL;
    if (c) ir_text_para(f->t, "    ", "! suspect: %s", *c->why ? c->why : "above what the machine can do");
    cache_names(f, name, sizeof name);
    bool has = cache_reads(f, f->all, b, sizeof b);
    cache_reads(f, f->one, a, sizeof a);
    if (has) columns(f, name, a, b, "");
}

/* ---- latencies and ridges -------------------------------------------------------------------- */
static void ladder(const fast *f)
{
    char   levels[64] = "", values[128] = "";
    size_t n = 0, m = 0;
    for (int l = 0; l < IR_NLEVEL; l++) {
        char              num[IR_NUM];
        const ir_ceiling *c =
            ir_ceiling_find(f->a->ceilings, IR_C_LATENCY, ir_level_names[l], "chase", IR_NDTYPE, 1);
        if (!c) continue;
        n = ir_text_append(levels, sizeof levels, n, "%s%s", n ? "," : "", ir_level_names[l]);
        m = ir_text_append(values, sizeof values, m, "%s%s%s", m ? ir_answer_dot(f->t) : "",
                           ir_text_plain(1e9 * c->value, num),
                           ir_answer_doubtful(half_width(c), c->flags) ? "!" : "");
    }
    if (n) ir_text_para(f->t, "  ", "latency %s  %s ns", levels, values);
}

static void ridges(const fast *f)
{
    char   text[200] = "";
    size_t n = 0;
    double bw = ir_bw_ceiling(f->a->ceilings, "DRAM", f->all > 0 ? f->all : 0, 1, 0);
    for (int d = 0; d < IR_NDTYPE; d++) {
        char              num[IR_NUM];
        const ir_ceiling *c = at(f, IR_C_FLOPS, NULL, NULL, (ir_dtype)d, f->all);
        if (!c || !(bw > 0)) continue;
        n = ir_text_append(text, sizeof text, n, "%s%s %s", n ? ir_answer_dot(f->t) : "",
                           ir_dtype_name((ir_dtype)d), ir_text_plain(c->value / bw, num));
    }
    if (n) ir_text_para(f->t, "  ", "ridge %s FLOP per byte", text);
}

void ir_answer_ceilings(const ir_text *t, const ir_answer *a)
{
    fast f = {t, a, 0, 0};
    f.all = ir_text_most_threads(a->ceilings, a->device->id, IR_C_FLOPS);
    f.one = f.all;
    for (size_t i = 0; i < a->ceilings->n; i++) {
        const ir_ceiling *c = &a->ceilings->v[i];
        if (c->what == IR_C_FLOPS && c->threads < f.one && !strcmp(c->device, a->device->id))
            f.one = c->threads;
    }
    if (f.all < 0) return;
    head(&f);
    peaks(&f);
    bandwidth(&f);
    ladder(&f);
    ridges(&f);
}
