/* text_ceilings.c -- what a device can do at most: bandwidth ladder, peaks, latencies, launch, clock; each
 * with how sure it is. Ceilings of several devices are shown device after device. */
#include "harness/record/text.h"

#include <math.h>
#include <string.h>

enum { MAX_OPS = 24 };

typedef struct {
    const ir_text     *t;
    const ir_ceilings *cs;
    const char        *device;
} view;

static bool is_of(const view *w, const ir_ceiling *c, ir_what what)
{
    return c->what == what && !strcmp(c->device, w->device);
}

/* ---- cells ----------------------------------------------------------------------------------- */
static const char *thread_text(int threads, char buf[IR_NUM])
{
    if (threads <= 0) return "device";
    snprintf(buf, IR_NUM, "%d thread%s", threads, threads == 1 ? "" : "s");
    return buf;
}

static const char *text_ceilings_unit_of(const ir_ceiling *c)
{
    switch (c->what) {
    case IR_C_BANDWIDTH: return "B/s";
    case IR_C_FLOPS: return ir_text_op_unit(c->dtype);
    case IR_C_CLOCK: return "Hz";
    case IR_C_OVERLAP: return "";
    default: return "s";
    }
}

static double text_ceilings_half_width(const ir_ceiling *c)
{
    return fmax(c->hi - c->value, c->value - c->lo) / c->value; /* NAN without an interval */
}

static void value_cells(ir_table *tb, const view *w, const ir_ceiling *c)
{
    char num[IR_NUM], wide[IR_NUM];
    if (!c) {
        ir_table_cell(tb, TXT_PLAIN, "%s", "");
        ir_table_cell(tb, TXT_PLAIN, "%s", "");
        return;
    }
    bool suspect = c->flags & IR_FLAG_SUSPECT;
    ir_table_cell(tb, suspect ? TXT_RED : TXT_BOLD, "%s%s", suspect ? "! " : "",
                  ir_text_aligned(c->value, text_ceilings_unit_of(c), num));
    ir_table_cell(tb, TXT_DIM, "%s", ir_text_spread(w->t, text_ceilings_half_width(c), wide));
}

static void by_cell(ir_table *tb, const ir_ceiling *c, bool isa)
{
    if (!c)
        ir_table_cell(tb, TXT_PLAIN, "%s", "");
    else if (c->source == IR_SRC_DATASHEET)
        ir_table_cell(tb, TXT_YELLOW, "datasheet");
    else if (c->source == IR_SRC_THEORY)
        ir_table_cell(tb, TXT_YELLOW, "theory");
    else
        ir_table_cell(tb, TXT_PLAIN, "%s",
                      isa && *c->isa && c->threads > 0 ? c->isa
                                                       : c->kernel); /* a device's isa is its driver */
}

/* "t^98%": the last doubling of threads still gained 98 %; "s+": that of streams gained less than 1 %. */
static const char *marks(const view *w, const ir_ceiling *c, char *buf, size_t size)
{
    size_t      n = 0;
    const char *done = w->t->utf8 ? "\xe2\x9c\x93" : "+", *rises = w->t->utf8 ? "\xe2\x86\x91" : "^";
    buf[0] = 0;
    for (int i = 0; c && i < c->nsat && n < size; i++) {
        const ir_saturation *x = &c->sat[i];
        const char          *sep = n ? " " : "";
        if (!x->known)
            n += (size_t)snprintf(buf + n, size - n, "%s%c?", sep, x->axis[0]);
        else if (x->saturated)
            n += (size_t)snprintf(buf + n, size - n, "%s%c%s", sep, x->axis[0], done);
        else
            n += (size_t)snprintf(buf + n, size - n, "%s%c%s%.0f%%", sep, x->axis[0], rises,
                                  fmin(100 * x->gain, 9999));
    }
    return buf;
}

static void mark_cell(ir_table *tb, const view *w, const ir_ceiling *one, const ir_ceiling *all)
{
    char              text[64];
    const ir_ceiling *c = all && all->nsat ? all : one;
    bool              good = c && c->nsat > 0;
    for (int i = 0; good && i < c->nsat; i++) good = c->sat[i].saturated;
    ir_table_cell(tb, good ? TXT_GREEN : TXT_PLAIN, "%s", marks(w, c, text, sizeof text));
}

static void ratio_cell(ir_table *tb, const ir_ceiling *one, const ir_ceiling *all)
{
    char num[IR_NUM];
    if (one && all)
        ir_table_cell(tb, TXT_DIM, "%sx", ir_text_plain(all->value / one->value, num));
    else
        ir_table_cell(tb, TXT_PLAIN, "%s", "");
}

static const char *size_text(const ir_ceiling *c, char buf[IR_NUM])
{
    return c && isfinite(c->size_B) ? ir_text_aligned(c->size_B, "B", buf) : "";
}

/* Least and most threads a kind was measured with: the two groups of columns. */
static bool thread_range(const view *w, ir_what what, int *one, int *all)
{
    *all = ir_text_most_threads(w->cs, w->device, what);
    *one = *all;
    for (size_t i = 0; i < w->cs->n; i++)
        if (is_of(w, &w->cs->v[i], what) && w->cs->v[i].threads < *one) *one = w->cs->v[i].threads;
    return *all >= 0;
}

/* ---- bandwidth ------------------------------------------------------------------------------- */
static int list_ops(const view *w, const char *op[MAX_OPS])
{
    static const char *const known[] = {"read", "write", "copy", "scale", "add", "triad"};
    int                      n = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) op[n++] = known[i];
    for (size_t i = 0; i < w->cs->n && n < MAX_OPS; i++) {
        bool seen = !is_of(w, &w->cs->v[i], IR_C_BANDWIDTH);
        for (int k = 0; k < n && !seen; k++) seen = !strcmp(op[k], w->cs->v[i].op);
        if (!seen) op[n++] = w->cs->v[i].op;
    }
    return n;
}

static void bandwidth_cells(ir_table *tb, const view *w, const char *level, const char *op,
                            const ir_ceiling *a, const ir_ceiling *b)
{
    char size[IR_NUM];
    ir_table_cell(tb, TXT_PLAIN, "%s", *level ? level : "-");
    ir_table_cell(tb, TXT_PLAIN, "%s", op);
    ir_table_cell(tb, TXT_PLAIN, "%s", size_text(b ? b : a, size));
    value_cells(tb, w, a);
    by_cell(tb, a, false);
    value_cells(tb, w, b);
    by_cell(tb, b, false);
    ratio_cell(tb, a, b);
    mark_cell(tb, w, a, b);
}

static void bandwidth_row(ir_table *tb, const view *w, const char *level, const char *op, int one, int all)
{
    const ir_ceiling *a = ir_text_find(w->cs, w->device, IR_C_BANDWIDTH, level, op, IR_NDTYPE, one);
    const ir_ceiling *b =
        all > one ? ir_text_find(w->cs, w->device, IR_C_BANDWIDTH, level, op, IR_NDTYPE, all) : NULL;
    if (a || b) bandwidth_cells(tb, w, level, op, a, b);
}

/* The link to a device and its local memory: every kind is a ceiling of its own. Says whether there was any.
 */
static bool bandwidth_kinds(ir_table *tb, const view *w, const char *level)
{
    bool any = false;
    for (size_t i = 0; i < w->cs->n; i++) {
        const ir_ceiling *c = &w->cs->v[i];
        if (!is_of(w, c, IR_C_BANDWIDTH) || strcmp(c->level, level) != 0) continue;
        bandwidth_cells(tb, w, level, c->op, c, NULL);
        any = true;
    }
    return any;
}

/* Every ceiling between fewest and most threads: the saturation curve, one line an operation. */
static void bandwidth_curve(const view *w, const char *level, const char *op, int one, int all)
{
    char   text[512] = "", num[IR_NUM];
    size_t n = 0;
    bool   between = false;
    for (int t = one; t <= all && n < sizeof text; t++) {
        const ir_ceiling *c = ir_text_find(w->cs, w->device, IR_C_BANDWIDTH, level, op, IR_NDTYPE, t);
        if (!c) continue;
        between = between || (t > one && t < all);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%d: %s", n ? ", " : "", t,
                              ir_text_scaled(c->value, "B/s", num, sizeof num));
    }
    if (between) ir_text_para(w->t, "  ", "%s %s by threads: %s", level, op, text);
}

static void text_ceilings_bandwidth(const view *w)
{
    char        h1[IR_NUM], h2[IR_NUM];
    const char *op[MAX_OPS];
    int         one, all, nop = list_ops(w, op);
    ir_table    tb;
    if (!thread_range(w, IR_C_BANDWIDTH, &one, &all)) return;
    const ir_col col[] = {{"level", false, 0, 0},
                          {"op", false, 0, 0},
                          {"set", true, 0, 3},
                          {thread_text(one, h1), true, 0, 0},
                          {"95 %", false, 0, 2},
                          {"kernel", false, 6, 0},
                          {thread_text(all, h2), true, 0, 0},
                          {"95 %", false, 0, 2},
                          {"kernel", false, 6, 0},
                          {"gain", true, 0, 4},
                          {"saturated", false, 14, 0}};
    ir_text_styled(w->t, TXT_BOLD, "Bandwidth");
    fputs(", bytes as STREAM counts them; set: working set of all threads\n", w->t->f);
    ir_table_begin(&tb, w->t, col, sizeof col / sizeof *col);
    for (int l = 0; l < IR_NLEVEL; l++)
        for (int i = 0; i < nop; i++) bandwidth_row(&tb, w, ir_level_names[l], op[i], one, all);
    for (int i = 0; i < nop; i++) bandwidth_row(&tb, w, "", op[i], one, all);
    const bool local = bandwidth_kinds(&tb, w, "local"), link = bandwidth_kinds(&tb, w, "link");
    ir_table_end(&tb);
    if (local) ir_text_para(w->t, "  ", "local: memory inside a processor that programs address themselves");
    if (link) ir_text_para(w->t, "  ", "link: bytes between host and device, by kind of host memory");
    for (int l = 0; l < IR_NLEVEL; l++)
        for (int i = 0; i < nop; i++) bandwidth_curve(w, ir_level_names[l], op[i], one, all);
    fputc('\n', w->t->f);
}

/* ---- peaks ----------------------------------------------------------------------------------- */
static void theory_cell(ir_table *tb, const ir_ceiling *c)
{
    char num[IR_NUM];
    if (c && c->theory > 0)
        ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_percent(c->value / c->theory, num));
    else
        ir_table_cell(tb, TXT_PLAIN, "%s", "");
}

/* Where several ways were tried, all of them: the table shows the highest, which is the ceiling. */
static void peaks_beside(const view *w, ir_dtype d, int threads)
{
    char   text[256] = "", num[IR_NUM];
    size_t n = 0, ways = 0;
    for (size_t i = 0; i < w->cs->n && n < sizeof text; i++) {
        const ir_ceiling *c = &w->cs->v[i];
        if (!is_of(w, c, IR_C_FLOPS) || c->dtype != d || c->threads != threads ||
            c->source != IR_SRC_MEASURED)
            continue;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %s %s", n ? ", " : "", c->op, c->kernel,
                              ir_text_scaled(c->value, text_ceilings_unit_of(c), num, sizeof num));
        ways++;
    }
    if (ways > 1) ir_text_para(w->t, "  ", "%s: %s", ir_dtype_name(d), text);
}

static void text_ceilings_peaks(const view *w)
{
    char     h1[IR_NUM], h2[IR_NUM];
    int      one, all;
    ir_table tb;
    if (!thread_range(w, IR_C_FLOPS, &one, &all)) return;
    const ir_col col[] = {{"dtype", false, 0, 0},     {thread_text(one, h1), true, 0, 0},
                          {"95 %", false, 0, 2},      {"theory", true, 0, 0},
                          {"by", false, 6, 0},        {thread_text(all, h2), true, 0, 0},
                          {"95 %", false, 0, 2},      {"theory", true, 0, 0},
                          {"by", false, 6, 0},        {"gain", true, 0, 4},
                          {"saturated", false, 14, 0}};
    ir_text_styled(w->t, TXT_BOLD, "Peak arithmetic");
    fputs("; theory: share of clock x width x ports\n", w->t->f);
    ir_table_begin(&tb, w->t, col, sizeof col / sizeof *col);
    for (int d = 0; d < IR_NDTYPE; d++) {
        const ir_ceiling *a = ir_text_find(w->cs, w->device, IR_C_FLOPS, NULL, NULL, (ir_dtype)d, one);
        const ir_ceiling *b =
            all > one ? ir_text_find(w->cs, w->device, IR_C_FLOPS, NULL, NULL, (ir_dtype)d, all) : NULL;
        if (!a && !b) continue;
        ir_table_cell(&tb, TXT_PLAIN, "%s", ir_dtype_name((ir_dtype)d));
        for (int k = 0; k < 2; k++) {
            value_cells(&tb, w, k ? b : a);
            theory_cell(&tb, k ? b : a);
            by_cell(&tb, k ? b : a, true);
        }
        ratio_cell(&tb, a, b);
        mark_cell(&tb, w, a, b);
    }
    ir_table_end(&tb);
    for (int d = 0; d < IR_NDTYPE; d++) peaks_beside(w, (ir_dtype)d, all);
    fputc('\n', w->t->f);
}

/* ---- latency, launch, clock ------------------------------------------------------------------ */
static const ir_ceiling *chase(const view *w, const char *level, const char *pages)
{
    for (size_t i = 0; i < w->cs->n; i++) {
        const ir_ceiling *c = &w->cs->v[i];
        if (is_of(w, c, IR_C_LATENCY) && strcmp(c->op, "mlp") != 0 && !strcmp(c->level, level) &&
            (!strcmp(c->kernel, pages) || (!strcmp(pages, "huge") && strcmp(c->kernel, "small") != 0)))
            return c; /* a kernel that says nothing of pages has the first column */
    }
    return NULL;
}

static double clock_Hz(const view *w)
{
    for (size_t i = 0; i < w->cs->n; i++)
        if (is_of(w, &w->cs->v[i], IR_C_CLOCK)) return w->cs->v[i].value;
    return NAN;
}

static void latencies(const view *w)
{
    bool device = ir_text_most_threads(w->cs, w->device, IR_C_LATENCY) == 0; /* it chooses its pages itself */
    const ir_col col[] = {
        {"level", false, 0, 0}, {"set", true, 0, 2},    {device ? "device" : "huge pages", true, 0, 0},
        {"95 %", false, 0, 1},  {"cycles", true, 0, 0}, {"small pages", true, 0, 0},
        {"95 %", false, 0, 1}};
    char     num[IR_NUM];
    ir_table tb;
    if (ir_text_most_threads(w->cs, w->device, IR_C_LATENCY) < 0) return;
    ir_text_styled(w->t, TXT_BOLD, "Latency");
    fputs(" of one dependent load, random cycle\n", w->t->f);
    ir_table_begin(&tb, w->t, col, sizeof col / sizeof *col);
    for (int l = 0; l < IR_NLEVEL; l++) {
        const ir_ceiling *huge = chase(w, ir_level_names[l], "huge"),
                         *small = chase(w, ir_level_names[l], "small");
        if (!huge && !small) continue;
        double cycles = huge ? huge->value * clock_Hz(w) : NAN;
        ir_table_cell(&tb, TXT_PLAIN, "%s", ir_level_names[l]);
        ir_table_cell(&tb, TXT_PLAIN, "%s", size_text(huge ? huge : small, num));
        value_cells(&tb, w, huge);
        ir_table_cell(&tb, TXT_DIM, "%s", isfinite(cycles) ? ir_text_plain(cycles, num) : "");
        value_cells(&tb, w, small);
    }
    ir_table_end(&tb);
    for (size_t i = 0; i < w->cs->n; i++) {
        const ir_ceiling *c = &w->cs->v[i];
        char              mark[64];
        if (is_of(w, c, IR_C_LATENCY) && !strcmp(c->op, "mlp"))
            ir_text_para(w->t, "  ", "%s lines in flight per core from %s  %s", ir_text_plain(c->value, num),
                         c->level, marks(w, c, mark, sizeof mark));
    }
    fputc('\n', w->t->f);
}

static void memory_by_node(const view *w)
{
    static const ir_col col[] = {{"node", false, 0, 0}, {"threads", true, 0, 0}, {"read", true, 0, 0},
                                 {"95 %", false, 0, 1}, {"latency", true, 0, 0}, {"95 %", false, 0, 1}};
    bool                any = false;
    ir_table            tb;
    for (size_t i = 0; i < w->cs->n; i++) {
        const ir_ceiling *c = &w->cs->v[i], *hop;
        if (!is_of(w, c, IR_C_BANDWIDTH) || strncmp(c->level, "node", 4) != 0) continue;
        if (!any) {
            ir_text_styled(w->t, TXT_BOLD, "Memory by node");
            fputs(" of it, read by cores of the first; node 0 is their own\n", w->t->f);
            ir_table_begin(&tb, w->t, col, sizeof col / sizeof *col);
        }
        any = true;
        hop = c->threads == 1 ? chase(w, c->level, "huge") : NULL;
        ir_table_cell(&tb, TXT_PLAIN, "%s", c->level + 4);
        ir_table_cell(&tb, TXT_PLAIN, "%d", c->threads);
        value_cells(&tb, w, c);
        value_cells(&tb, w, hop);
    }
    if (!any) return;
    ir_table_end(&tb);
    fputc('\n', w->t->f);
}

/* ---- what only a device has ------------------------------------------------------------------ */
static void overlaps(const view *w)
{
    char num[IR_NUM];
    for (size_t i = 0; i < w->cs->n; i++)
        if (is_of(w, &w->cs->v[i], IR_C_OVERLAP))
            ir_text_para(w->t, "Overlap ",
                         "%s of the shorter of a copy and a kernel hides behind the longer (%s)",
                         ir_text_percent(w->cs->v[i].value, num), w->cs->v[i].kernel);
}

/* One line of values by threads; on a device by kernel. */
static void text_ceilings_values(const view *w, ir_what what, const char *title, const char *about)
{
    char   text[512] = "", num[IR_NUM], threads[IR_NUM];
    size_t n = 0;
    for (size_t i = 0; i < w->cs->n && n < sizeof text; i++) {
        const ir_ceiling *c = &w->cs->v[i];
        if (!is_of(w, c, what)) continue;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%s (%s)", n ? ", " : "",
                              c->flags & IR_FLAG_SUSPECT ? "! " : "",
                              ir_text_scaled(c->value, text_ceilings_unit_of(c), num, sizeof num),
                              c->threads > 0 ? thread_text(c->threads, threads) : c->kernel);
    }
    if (!n) return;
    ir_text_para(w->t, title, "%s; %s", text, about);
}

static void capacities(const view *w)
{
    char   text[160] = "", num[IR_NUM];
    size_t n = 0;
    for (int l = 0; l < IR_DRAM && n < sizeof text; l++)
        if (isfinite(w->cs->level_B[l]))
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %s", n ? ", " : "", ir_level_names[l],
                                  ir_text_scaled(w->cs->level_B[l], "B", num, sizeof num));
    if (!n) return;
    char part[64] = "";
    if (isfinite(w->cs->level_B[IR_DRAM]))
        snprintf(part, sizeof part, "; partly cached up to %s",
                 ir_text_scaled(w->cs->level_B[IR_DRAM], "B", num, sizeof num));
    ir_text_para(w->t, "Caches  ", "%s for one thread, as the ladder shows them%s", text, part);
}

/* ---- notes ----------------------------------------------------------------------------------- */
static void suspects(const view *w)
{
    char threads[IR_NUM];
    for (size_t i = 0; i < w->cs->n; i++) {
        const ir_ceiling *c = &w->cs->v[i];
        if (strcmp(c->device, w->device) != 0 || !(c->flags & IR_FLAG_SUSPECT)) continue;
        ir_text_para(w->t, "! ", "%s%s%s%s%s, %s: suspect: %s", c->level, *c->level ? " " : "", c->op,
                     c->what == IR_C_FLOPS ? " " : "", c->what == IR_C_FLOPS ? ir_dtype_name(c->dtype) : "",
                     thread_text(c->threads, threads), *c->why ? c->why : "above what the machine can do");
    }
}

static void text_ceilings_legend(const view *w)
{
    bool is_checked = false, device = false;
    for (size_t i = 0; i < w->cs->n; i++) {
        const ir_ceiling *c = &w->cs->v[i];
        if (!c->nsat || strcmp(c->device, w->device) != 0) continue;
        is_checked = true;
        device = device || c->threads == 0;
    }
    if (!is_checked) return;
    bool u = w->t->utf8;
    ir_text_para(
        w->t, "  ",
        "saturated: the last doubling of t threads, s streams, b bytes, c chains or v visits gained under "
        "1 %% (%s), more (%s), or was not measured (?)%s",
        u ? "\xe2\x9c\x93" : "+", u ? "\xe2\x86\x91" : "^",
        device ? "; of a device also t teams (four times as many), s size of a product, o occupancy, g groups"
               : "");
}

void ir_text_ceilings(const ir_text *t, const ir_ceilings *cs)
{
    if (cs->n == 0) fputs("No ceilings were measured.\n", t->f);
    for (size_t i = 0; i < cs->n; i++) {
        view w = {t, cs, cs->v[i].device};
        bool seen = false, several = strcmp(cs->v[cs->n - 1].device, cs->v[0].device) != 0;
        for (size_t k = 0; k < i && !seen; k++) seen = !strcmp(cs->v[k].device, w.device);
        if (seen) continue;
        if (several) ir_text_styled(t, TXT_BOLD, "%s\n", w.device);
        text_ceilings_bandwidth(&w);
        text_ceilings_peaks(&w);
        latencies(&w);
        memory_by_node(&w);
        text_ceilings_values(&w, IR_C_LAUNCH, "Launch  ", "one empty parallel region or kernel");
        overlaps(&w);
        text_ceilings_values(&w, IR_C_CLOCK, "Clock   ", "while running, from a dependent chain");
        if (i == 0) capacities(&w);
        suspects(&w);
        text_ceilings_legend(&w);
    }
}
