/* text_answer_held.c -- the block WHAT HOLDS IT BACK: a line per workload with its speed, the shares of its
 * measured time and the bound; below a line what a reader must know before he believes it. */
#include "harness/record/text_answer.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* Columns end (or, of the bound, begin) here; the lines of a wide screen have room for longer words. */
typedef struct {
    int         name, speed, time, spread, share[IR_NSHARE], bound;
    const char *unexplained;
} columns;
static const columns narrow = {IR_ANSWER_NAME_END, 35, 43, 49, {56, 64, 0, 72}, 73, "unexpl."};
static const columns wide = {28, 40, 49, 55, {63, 71, 76, 88}, 89, "unexplained"};

/* Below this share no one looks at the launches: their column is left out. */
#define SMALL_SHARE 0.02

enum { DISTURBED = 4 }; /* the first flags: throttled, steal, SMT shared, clock drift */

typedef struct {
    const ir_text *t;
    const columns *c;
    bool           launches;
    uint32_t       all; /* flags that every row carries: said once */
} held;

static const columns *columns_of(const ir_text *t) { return ir_text_width(t) >= 100 ? &wide : &narrow; }

static void head(const held *h)
{
    ir_answer_line l = {.t = h->t};
    ir_answer_put(&l, TXT_BOLD, 0, "WHAT HOLDS IT BACK");
    ir_answer_put(&l, TXT_DIM, -h->c->speed, "speed");
    ir_answer_put(&l, TXT_DIM, -h->c->time, "time");
    ir_answer_put(&l, TXT_DIM, -(h->c->spread - 1), "%s", h->t->utf8 ? "\xc2\xb1" : "+-");
    ir_answer_put(&l, TXT_DIM, -h->c->share[IR_SHARE_DATA], "memory");
    ir_answer_put(&l, TXT_DIM, -h->c->share[IR_SHARE_COMP], "compute");
    if (h->launches && h->c->share[IR_SHARE_LAT])
        ir_answer_put(&l, TXT_DIM, -h->c->share[IR_SHARE_LAT], "lat");
    ir_answer_put(&l, TXT_DIM, -h->c->share[IR_SHARE_UNEXPLAINED], "%s", h->c->unexplained);
    ir_answer_put(&l, TXT_DIM, h->c->bound, "held by");
    ir_answer_end(&l);
}

static double spread_of(const ir_point *p)
{
    const ir_stats *s = ir_point_stats(p);
    return fmax(s->ci_hi - s->median, s->median - s->ci_lo) / s->median;
}

static const char *bound_text(const ir_point *p, char *buf, size_t n)
{
    const char *name =
        p->law.bound == IR_BOUND_CACHE && *p->law.level ? p->law.level : ir_bound_name(p->law.bound);
    if (p->law.bound == IR_BOUND_UNKNOWN) name = "-";
    size_t i = 0;
    for (; name[i] && i + 1 < n; i++) buf[i] = (char)toupper((unsigned char)name[i]);
    buf[i] = 0;
    return buf;
}

static void share_columns(ir_answer_line *l, const held *h, const ir_point *p)
{
    double share[IR_NSHARE];
    ir_point_shares(p, share);
    for (int k = 0; k < IR_NSHARE; k++) {
        if (k == IR_SHARE_LAT && !(h->launches && h->c->share[k])) continue;
        if (isfinite(share[k])) /* the last one says what all are */
            ir_answer_put(l, TXT_PLAIN, -h->c->share[k], "%.0f%s", 100 * share[k],
                          k == IR_SHARE_UNEXPLAINED ? " %" : "");
        else
            ir_answer_put(l, TXT_PLAIN, -h->c->share[k], "-");
    }
}

/* Is it held by memory, and are most of its bytes rows or lines of no order? */
static bool scattered(const ir_point *p)
{
    const double B = ir_cost_all_random(&p->m.cost) ? INFINITY : ir_cost_random_B(&p->m.cost);
    return (p->law.bound == IR_BOUND_MEMORY || p->law.bound == IR_BOUND_CACHE) &&
           2 * B > ir_cost_B(&p->m.cost);
}

/* Which of the flags of a disturbed row: behind the n bytes of text. */
static void flags_text(uint32_t flags, char *text, size_t size, size_t n)
{
    for (int b = 0; b < DISTURBED; b++)
        if (flags >> b & 1u) n = ir_text_append(text, size, n, "%s%s", n ? "; " : "", ir_flag_name(b));
}

/* What stands below the line, one remark after the other. */
static void remarks(const held *h, const ir_answer_row *r)
{
    const ir_point *p = r->p;
    char            text[400] = "";
    size_t          n = 0, size = sizeof text;
    double share[IR_NSHARE], spare = p->m.cost.flops > 0 ? p->m.cost.spare_flops / p->m.cost.flops : 0;
    if (p->flags & IR_FLAG_SUSPECT)
        n = ir_text_append(text, size, n, "! suspect: %s", *p->reason ? p->reason : "above its ceiling");
    if (p->law.bound_p < .99 && p->law.bound != IR_BOUND_UNKNOWN)
        n = ir_text_append(text, size, n, "%sP %.2f", n ? "; " : "", p->law.bound_p);
    ir_point_shares(p, share);
    if (share[IR_SHARE_LAT] >= SMALL_SHARE && !h->c->share[IR_SHARE_LAT])
        n = ir_text_append(text, size, n, "%slaunches and latency %.0f %%", n ? "; " : "",
                           100 * share[IR_SHARE_LAT]);
    if (scattered(p)) n = ir_text_append(text, size, n, "%srandom access", n ? "; " : "");
    if (spare > .1 && (p->law.mfu > 1 || ir_text_width(h->t) >= 100))
        n = ir_text_append(text, size, n, "%s%s skips %.0f %% of FLOP%s", n ? "; " : "", "Winograd",
                           100 * spare,
                           p->law.mfu > 1 ? "; MFU over 100 % counts direct-convolution FLOP" : "");
    if (*p->law.ablation)
        n = ir_text_append(text, size, n, "%sby intervention: %s", n ? "; " : "", p->law.ablation);
    flags_text(p->flags & ~h->all, text, size, n);
    if (*text) ir_text_para(h->t, "    ", "%s", text);
}

static void line(const held *h, const ir_answer_row *r)
{
    char            num[64], spread[IR_NUM], bound[24];
    const ir_point *p = r->p;
    double          half = spread_of(p);
    bool            doubt = ir_answer_doubtful(half, p->flags);
    ir_answer_line  l = {.t = h->t};
    ir_answer_name_column(&l, p, h->c->name);
    ir_answer_put(&l, TXT_BOLD, -h->c->speed, "%s", ir_answer_speed(p, 1, num, sizeof num));
    ir_answer_put(&l, TXT_PLAIN, -h->c->time, "%s", ir_text_aligned(ir_point_time(p), "s", num));
    snprintf(num, sizeof num, "%s%s", isfinite(half) ? ir_text_spread(h->t, half, spread) : "-",
             doubt ? "!" : " ");
    ir_answer_put(&l, doubt ? TXT_YELLOW : TXT_DIM, -h->c->spread, "%s", num);
    share_columns(&l, h, p);
    ir_answer_put(&l, TXT_BOLD, h->c->bound, "%s", bound_text(p, bound, sizeof bound));
    ir_answer_end(&l);
    remarks(h, r);
}

/* "ResNet-50 f32 b1 1.2 x onednn": our fastest against the fastest library. */
static void against_libraries(const ir_text *t, const ir_answer_row *r, size_t n, size_t more)
{
    char   text[600] = "", name[IR_ANSWER_NAME], num[IR_NUM], rest[48] = "";
    size_t at = 0;
    if (more) snprintf(rest, sizeof rest, "and %zu more with --detail", more);
    for (size_t i = 0; i < n; i++) {
        if (!r[i].own || !r[i].library) continue;
        ir_answer_name(r[i].p, name);
        char *dtype = strstr(name, ir_dtype_name(r[i].p->id.p.dtype));
        if (dtype && dtype > name) dtype[-1] = 0; /* shape enough */
        at = ir_text_append(text, sizeof text, at, "%s%s %s x", at ? ", " : "", name,
                            ir_text_plain(ir_point_time(r[i].library) / ir_point_time(r[i].own), num));
    }
    if (at || more)
        ir_text_para(t, "  ", "%s%s%s%s", rest, at && more ? "; " : "",
                     at ? "our speed over the best library: " : "", text);
}

void ir_answer_held(const ir_text *t, const ir_answer *a, bool libraries)
{
    ir_answer_row r[IR_ANSWER_ROWS];
    size_t        more, n = ir_answer_rows(a->point, a->npoint, r, &more);
    held          h = {t, columns_of(t), false, n > 1 ? UINT32_MAX : 0};
    char          said[100] = "";
    for (size_t i = 0; i < n; i++) {
        double share[IR_NSHARE];
        ir_point_shares(r[i].p, share);
        h.launches |= share[IR_SHARE_LAT] >= SMALL_SHARE;
        h.all &= r[i].p->flags;
    }
    if (n == 0) return;
    head(&h);
    for (size_t i = 0; i < n; i++) line(&h, &r[i]);
    flags_text(h.all, said, sizeof said, 0);
    if (*said) ir_text_para(t, "  ", "all of them: %s", said);
    if (libraries && !ir_answer_unusable(a)) against_libraries(t, r, n, more);
}
