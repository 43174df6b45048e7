/* text_points.c -- points as a table, grouped by family, then what a table cannot say: suspects and their
 * cause, two modes, failures, skips with their reasons. No point is left out. */
#include "harness/record/answer.h"
#include "harness/record/text.h"

#include <math.h>
#include <string.h>

/* ---- groups: consecutive points of one backend, family and set of parameters ----------------- */
typedef struct {
    const ir_point *p;
    size_t          n;     /* with the points between that are not ok */
    int             nvary; /* parameters that differ: more than one are told by values alone */
    bool            vary_param[IR_MAX_PARAMS], vary_workload, vary_dtype, vary_threads, vary_cache;
} group;

static bool same_group(const ir_point *a, const ir_point *b)
{
    if (strcmp(a->id.backend, b->id.backend) != 0 || strcmp(a->id.family, b->id.family) != 0 ||
        a->id.np != b->id.np)
        return false;
    for (int i = 0; i < a->id.np; i++)
        if (strcmp(a->id.pname[i], b->id.pname[i]) != 0) return false;
    return true;
}

static void note_differences(group *g, const ir_point *a, const ir_point *b)
{
    for (int i = 0; i < a->id.np; i++) g->vary_param[i] |= a->id.p.v[i] != b->id.p.v[i];
    g->vary_workload |= strcmp(a->id.workload, b->id.workload) != 0;
    g->vary_dtype |= a->id.p.dtype != b->id.p.dtype;
    g->vary_threads |= a->id.p.threads != b->id.p.threads;
    g->vary_cache |= a->id.cold != b->id.cold;
}

static int count_differences(const group *g)
{
    int n = 0;
    for (int i = 0; i < g->p->id.np; i++) n += g->vary_param[i];
    return n;
}

/* The group that starts at the first ok point of p[0..n); n of it is 0 when there is none. */
static group next_group(const ir_point *p, size_t n)
{
    group g;
    memset(&g, 0, sizeof g);
    while (n > 0 && p->status != IR_OK) p++, n--;
    g.p = p;
    for (size_t i = 0; i < n; i++) {
        if (p[i].status != IR_OK) {
            g.n = i + 1;
            continue;
        }
        if (!same_group(p, &p[i])) break;
        note_differences(&g, p, &p[i]);
        g.n = i + 1;
    }
    g.nvary = g.n ? count_differences(&g) : 0;
    return g;
}

/* Parameters, dtype, threads and cache: those that vary in the group, or those that do not. */
static size_t attributes(const group *g, const ir_point *p, bool varying, char *buf, size_t size, size_t n)
{
    const char *sep = n ? " " : "";
    for (int i = 0; i < p->id.np; i++) {
        if (g->vary_param[i] != varying) continue;
        bool named = !varying || g->nvary == 1;
        n = ir_text_append(buf, size, n, "%s%s%s", sep, named ? p->id.pname[i] : "", named ? "=" : "");
        n = *p->id.pword[i] ? ir_text_append(buf, size, n, "%s", p->id.pword[i])
                            : ir_text_append(buf, size, n, "%lld", (long long)p->id.p.v[i]);
        sep = ",";
    }
    if (g->vary_dtype == varying)
        n = ir_text_append(buf, size, n, "%s%s", n ? " " : "", ir_dtype_name(p->id.p.dtype));
    if (g->vary_threads == varying && p->id.p.threads > 0)
        n = ir_text_append(buf, size, n, "%s%d%s", n ? " " : "", p->id.p.threads,
                           varying                ? "t"
                           : p->id.p.threads == 1 ? " thread"
                                                  : " threads");
    if (g->vary_cache == varying)
        n = ir_text_append(buf, size, n, "%s%s", n ? " " : "", p->id.cold ? "cold" : "hot");
    return n;
}

enum { LEAST = 26 }; /* columns that a point's name may ask for */

/* ---- cells ----------------------------------------------------------------------------------- */
static const struct {
    char        mark;
    const char *means;
} flag_mark[IR_NFLAG] = {{'H', "SMT shared"},
                         {'T', "throttled"},
                         {'s', "time stolen"},
                         {'d', "clock drift"},
                         {'c', "cpuset-limited"},
                         {'r', "cache-resident, if only in part"},
                         {'2', "two modes"},
                         {'n', "noisy"},
                         {'!', "suspect"},
                         {0, ""},
                         {'p', "preempted: others took the CPU"}};

static void flags_cell(ir_table *tb, uint32_t flags)
{
    char text[IR_NFLAG + 1] = "";
    int  n = 0;
    for (int i = 0; i < IR_NFLAG; i++)
        if (flags >> i & 1u && flag_mark[i].mark) text[n++] = flag_mark[i].mark;
    ir_table_cell(tb, flags & IR_FLAG_SUSPECT ? TXT_RED : TXT_YELLOW, "%s", text);
}

static void time_cells(ir_table *tb, const ir_text *t, const ir_point *p)
{
    char            num[IR_NUM];
    const ir_stats *s = ir_point_stats(p);
    double          half = fmax(s->ci_hi - s->median, s->median - s->ci_lo) / s->median;
    ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_aligned(s->median, "s", num));
    ir_table_cell(tb, TXT_DIM, "%s", isfinite(half) ? ir_text_spread(t, half, num) : "-");
}

/* A point that memory holds is told in B/s, any other in FLOP/s. */
static void rate_cells(ir_table *tb, const ir_point *p)
{
    char   num[IR_NUM];
    double bytes = ir_cost_B(&p->m.cost), T = ir_point_time(p), I = bytes > 0 ? p->m.cost.flops / bytes : NAN;
    bool   data = p->law.bound == IR_BOUND_MEMORY || p->law.bound == IR_BOUND_CACHE;
    if (p->law.bound == IR_BOUND_UNKNOWN || p->law.bound == IR_BOUND_MIXED)
        data = I < (isfinite(p->law.ridge) ? p->law.ridge : 1);
    if (bytes > 0 && (data || !(p->m.cost.flops > 0)))
        ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_aligned(bytes / T, "B/s", num));
    else if (p->m.cost.flops > 0)
        ir_table_cell(tb, TXT_PLAIN, "%s",
                      ir_text_aligned(p->m.cost.flops / T, ir_text_op_unit(p->id.p.dtype), num));
    else
        ir_table_cell(tb, TXT_PLAIN, "-");
    if (I > 0 && I < .0995)
        ir_table_cell(tb, TXT_PLAIN, I < .0005 ? "%.0e" : "%.3f", I);
    else
        ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_plain(I, num));
}

/* What a user of the network counts in: images, tokens. */
static void items_cell(ir_table *tb, const ir_point *p)
{
    char num[64];
    ir_table_cell(tb, TXT_PLAIN, "%s", ir_point_is_network(p) ? ir_answer_speed(p, 1, num, sizeof num) : "");
}

static const char *proof_mark(const char *proof)
{
    if (!*proof) return "";
    return !strcmp(proof, "confirmed")                                     ? "+"
           : !strcmp(proof, "corrected") || !strcmp(proof, "contradicted") ? "!"
                                                                           : "?";
}

#define CERTAIN .99 /* a probability from here on says nothing */

static void bound_cells(ir_table *tb, const ir_point *p)
{
    static const ir_style style[IR_NBOUND] = {TXT_DIM,  TXT_BLUE,  TXT_GREEN, TXT_YELLOW,
                                              TXT_CYAN, TXT_PLAIN, TXT_BOLD};
    double                T = ir_point_time(p) / 100;
    double                d = p->law.term_data_s / T, c = p->law.term_comp_s / T, l = p->law.term_lat_s / T;
    ir_bound              b = (unsigned)p->law.bound < IR_NBOUND ? p->law.bound : IR_BOUND_UNKNOWN;
    const char           *proof = proof_mark(p->law.ablation);
    ir_table_cell(tb, *proof == '!' ? TXT_RED : style[b], "%s%s",
                  b == IR_BOUND_UNKNOWN ? "-" : ir_bound_name(b), proof);
    if (p->law.bound_p < CERTAIN)
        ir_table_cell(tb, TXT_PLAIN, "%.2f", p->law.bound_p);
    else
        ir_table_cell(tb, TXT_PLAIN, "%s", "");
    if (isfinite(d) && isfinite(c) && isfinite(l))
        ir_table_cell(tb, TXT_PLAIN, "%.0f/%.0f/%.0f/%.0f", d, c, l, fmax(0, 100 - p->law.T_law_s / T));
    else
        ir_table_cell(tb, TXT_PLAIN, "-");
}

/* eta, MFU, MBU: above 1.02 none of them is a result. */
static void share_cell(ir_table *tb, double share, double scale, int decimals)
{
    if (!isfinite(share))
        ir_table_cell(tb, TXT_PLAIN, "-");
    else
        ir_table_cell(tb, share > 1.02 ? TXT_RED : TXT_PLAIN, "%.*f", decimals, fmin(scale * share, 9999));
}

static void text_points_row(ir_table *tb, const ir_text *t, const group *g, const ir_point *p)
{
    char   label[200];
    int    room = ir_text_width(t) - 72; /* what the other columns leave */
    size_t n = ir_text_append(label, sizeof label, 0, " %s%s%s", g->vary_workload ? p->id.workload : "",
                              g->vary_workload ? "/" : "", p->id.kernel);
    attributes(g, p, true, label, sizeof label, n);
    if (ir_text_columns(label) >
        (room > LEAST ? room : LEAST)) { /* a line of its own: an identity is never cut */
        ir_table_span(tb, TXT_PLAIN, "%s", label);
        label[0] = 0;
    }
    ir_table_cell(tb, TXT_PLAIN, "%s", label);
    time_cells(tb, t, p);
    rate_cells(tb, p);
    items_cell(tb, p);
    bound_cells(tb, p);
    share_cell(tb, p->law.eta, 1, 2);
    share_cell(tb, p->law.mfu, 100, 0);
    share_cell(tb, p->law.mbu, 100, 0);
    flags_cell(tb, p->flags);
}

static void heading(ir_table *tb, const group *g)
{
    char   text[256];
    size_t n = ir_text_append(text, sizeof text, 0, "%s/%s", g->p->id.backend,
                              g->vary_workload ? g->p->id.family : g->p->id.workload);
    for (int i = 0, k = 0; i < g->p->id.np && g->nvary > 1; i++)
        if (g->vary_param[i])
            n = ir_text_append(text, sizeof text, n, "%s%s", k++ ? "," : " ", g->p->id.pname[i]);
    n = ir_text_append(text, sizeof text, n, ":");
    attributes(g, g->p, false, text, sizeof text, n);
    ir_table_span(tb, TXT_BOLD, "%s", text);
}

static size_t table(const ir_text *t, const ir_point *p, size_t n)
{
    static const ir_col col[] = {{"point", false, LEAST, 0}, {"time", true, 0, 0}, {"95 %", true, 0, 4},
                                 {"rate", true, 0, 0},       {"I", true, 0, 5},    {"items", true, 0, 2},
                                 {"bound", false, 0, 0},     {"P", true, 0, 1},    {"M/C/L/U %", true, 0, 0},
                                 {"eta", true, 0, 6},        {"MFU", true, 0, 3},  {"MBU", true, 0, 2},
                                 {"flags", false, 0, 0}};
    size_t              ok = 0;
    ir_table            tb;
    ir_table_begin(&tb, t, col, sizeof col / sizeof *col);
    for (const ir_point *end = p + n; p < end;) {
        group g = next_group(p, (size_t)(end - p));
        if (g.n) heading(&tb, &g);
        for (size_t i = 0; i < g.n; i++)
            if (g.p[i].status == IR_OK) text_points_row(&tb, t, &g, &g.p[i]), ok++;
        p = g.p + g.n;
    }
    ir_table_end(&tb);
    return ok;
}

/* ---- what the table cannot say --------------------------------------------------------------- */
static void text_points_legend(const ir_text *t, const ir_point *p, size_t n)
{
    char     text[256] = "";
    size_t   len = 0;
    uint32_t any = 0;
    for (size_t i = 0; i < n; i++) any |= p[i].status == IR_OK ? p[i].flags : 0;
    ir_text_para(t, "  ",
                 "I: FLOP/B; P: probability of the bound, where it is below .99; M/C/L/U: memory, compute, "
                 "latency and what "
                 "they leave unexplained as shares of the measured time; eta: efficiency of the compute term "
                 "alone; MFU, MBU: %% of the measured peak and bandwidth");
    for (int i = 0; i < IR_NFLAG; i++)
        if (any >> i & 1u && flag_mark[i].mark)
            len = ir_text_append(text, sizeof text, len, "%s%c %s", len ? ", " : "", flag_mark[i].mark,
                                 flag_mark[i].means);
    if (len) ir_text_para(t, "  ", "flags: %s", text);
    for (size_t i = 0; i < n; i++)
        if (p[i].law.mfu > 1.005 && p[i].m.cost.spare_flops > 0) {
            ir_text_para(t, "  ",
                         "MFU over 100: counts direct-convolution FLOP, of which Winograd skips a part");
            break;
        }
    bool proof = false;
    for (size_t i = 0; i < n; i++) proof |= *p[i].law.ablation != 0;
    if (proof)
        ir_text_para(t, "  ",
                     "bound by intervention: + confirmed, ! the law's label was contradicted and corrected, "
                     "? undecided: below P .95 mixed");
    if (any & IR_FLAG_WITHIN_RUN) ir_text_para(t, "  ", "intervals know one process only (within run)");
}

static void remarks(const ir_text *t, const ir_point *p, size_t n)
{
    char key[IR_ID], lo[IR_NUM], hi[IR_NUM];
    for (size_t i = 0; i < n; i++) {
        const ir_stats *s = ir_point_stats(&p[i]);
        if (p[i].status != IR_OK) continue;
        if (p[i].flags & IR_FLAG_SUSPECT)
            ir_text_para(t, "! ", "%s: suspect: %s", ir_point_key(&p[i], key),
                         *p[i].reason ? p[i].reason : "above its ceiling");
        if (s->bimodal)
            ir_text_para(t, "2 ", "%s: two modes, %s and %s", ir_point_key(&p[i], key),
                         ir_text_scaled(s->mode_lo, "s", lo, sizeof lo),
                         ir_text_scaled(s->mode_hi, "s", hi, sizeof hi));
    }
}

/* Rows whose time is not the machine's own: how many, and the first few by name. */
static void withheld(const ir_text *t, const ir_point *p, size_t n)
{
    enum { NAMED = 3 };
    char   key[IR_ID];
    size_t count = 0, named = 0;
    for (size_t i = 0; i < n; i++) count += p[i].status == IR_OK && *p[i].law.withheld;
    if (count == 0) return;
    ir_text_para(t, "- ", "no bound is given for %zu point%s whose time is not the machine's own:", count,
                 count == 1 ? "" : "s");
    for (size_t i = 0; i < n && named < NAMED; i++)
        if (p[i].status == IR_OK && *p[i].law.withheld && ++named)
            ir_text_para(t, "    ", "%s: %s", ir_point_key(&p[i], key), p[i].law.withheld);
    if (count > NAMED) ir_text_para(t, "    ", "and %zu more (withheld, in the record)", count - NAMED);
}

static bool same_reason(const ir_point *a, const ir_point *b)
{
    return a->status == b->status && !strcmp(a->reason, b->reason);
}

/* Points with the same status and reason, once, at the first of them. */
static void text_points_reason(const ir_text *t, const ir_point *p, size_t n, size_t first)
{
    char   key[IR_ID];
    size_t count = 0;
    for (size_t i = first; i < n; i++) count += same_reason(&p[i], &p[first]);
    ir_text_styled(t, p[first].status == IR_SKIP ? TXT_YELLOW : TXT_RED, "%s",
                   ir_status_name(p[first].status));
    fprintf(t->f, ", %zu point%s\n", count, count == 1 ? "" : "s");
    ir_text_para(t, "  ", "%s", *p[first].reason ? p[first].reason : "no reason was recorded");
    for (size_t i = first; i < n; i++)
        if (same_reason(&p[i], &p[first])) ir_text_para(t, "    ", "%s", ir_point_key(&p[i], key));
}

static void text_points_reasons(const ir_text *t, const ir_point *p, size_t n, bool skips)
{
    for (size_t i = 0; i < n; i++) {
        bool seen = p[i].status == IR_OK || (p[i].status == IR_SKIP) != skips;
        for (size_t k = 0; k < i && !seen; k++) seen = same_reason(&p[k], &p[i]);
        if (!seen) text_points_reason(t, p, n, i);
    }
}

void ir_text_points(const ir_text *t, const ir_point *p, size_t n)
{
    size_t ok = table(t, p, n);
    if (n == 0) fputs("No points.\n", t->f);
    if (ok) {
        text_points_legend(t, p, n);
        remarks(t, p, n);
        withheld(t, p, n);
    }
    text_points_reasons(t, p, n, false);
    text_points_reasons(t, p, n, true);
}
