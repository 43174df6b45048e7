/* text_answer_help.c -- the block WHAT WOULD HELP: a line per workload with the speed that the law predicts
 * for half the bytes and for larger batches, and the most that a faster core can give. */
#include "harness/record/text_answer.h"

#include <math.h>
#include <string.h>

#define MATTERS 1.02 /* a gain below is not worth a number */
enum { BYTES_END = 41, CORE_END = 49, CORE_HEAD_END = 53, BATCH_END = 79, BATCH_WIDE_END = 90, WIDE = 100 };

static bool is_wide(const ir_text *t) { return ir_text_width(t) >= WIDE; }

/* What gains multiply: the speed in items, else 1 and the unit "x". */
static double base_of(const ir_point *p, const char **unit)
{
    const char  *name;
    const double items = ir_point_items(p, &name) / ir_point_time(p);
    const bool   counted = ir_point_is_network(p) && items > 0;
    *unit = counted ? ir_item_rate(name) : "x";
    return counted ? items : 1;
}

static size_t interval(double base, const ir_gain *g, char *buf, size_t size, size_t n)
{
    char v[IR_NUM], lo[IR_NUM], hi[IR_NUM];
    n = ir_text_append(buf, size, n, "%s", ir_text_many(base * g->factor, "", v, sizeof v));
    if (!isfinite(g->lo) || !isfinite(g->hi)) return n;
    return ir_text_append(buf, size, n, " [%s, %s]", ir_text_many(base * g->lo, "", lo, sizeof lo),
                          ir_text_many(base * g->hi, "", hi, sizeof hi));
}

/* "180, 330, 525 [518, 531] tok/s": twice, four and eight times the batch, the interval of the last; a narrow
 * screen leaves the middle one out. */
static size_t batches(const ir_text *t, double base, const ir_answer_help *h, char *buf, size_t size)
{
    size_t n = 0;
    char   v[IR_NUM];
    int    last = -1;
    for (int i = IR_GAIN_BATCH2; i <= IR_GAIN_BATCH8; i++)
        if (isfinite(h->gain[i].factor)) last = i;
    for (int i = IR_GAIN_BATCH2; i < last; i += is_wide(t) ? 1 : 2)
        n = ir_text_append(buf, size, n, "%s, ", ir_text_many(base * h->gain[i].factor, "", v, sizeof v));
    return last < 0 ? ir_text_append(buf, size, n, "-") : interval(base, &h->gain[last], buf, size, n);
}

/* Threads, a graph, what interventions said: below the line, where they matter. */
static void help_remarks(const ir_text *t, const ir_answer_help *h)
{
    char           text[300] = "", v[IR_NUM];
    size_t         n = 0;
    const ir_gain *threads = &h->gain[IR_GAIN_THREADS], *graph = &h->gain[IR_GAIN_GRAPH];
    if (threads->factor >= MATTERS)
        n = ir_text_append(text, sizeof text, n, "all threads: %s x", ir_text_plain(threads->factor, v));
    if (graph->factor >= MATTERS)
        n = ir_text_append(text, sizeof text, n, "%sone graph for all launches: %s x", n ? "; " : "",
                           ir_text_plain(graph->factor, v));
    if (h->p->law.bound == IR_BOUND_CODE)
        n = ir_text_append(text, sizeof text, n, "%sthe rest lies in the code: see --layers", n ? "; " : "");
    if (n) ir_text_para(t, "    ", "%s", text);
}

static void help_line(const ir_text *t, const ir_answer_help *h)
{
    char           text[160], v[IR_NUM];
    const char    *unit;
    const ir_gain *core = &h->gain[IR_GAIN_CORE];
    double         base = base_of(h->p, &unit);
    ir_answer_line l = {.t = t};
    ir_answer_name_column(&l, h->p, IR_ANSWER_NAME_END);
    if (h->gain[IR_GAIN_BYTES].factor >= MATTERS)
        interval(base, &h->gain[IR_GAIN_BYTES], text, sizeof text, 0);
    else
        snprintf(text, sizeof text, "-");
    ir_answer_put(&l, TXT_PLAIN, -BYTES_END, "%s", text);
    if (core->factor >= 100)
        snprintf(text, sizeof text, ">100x");
    else
        snprintf(text, sizeof text, core->factor >= MATTERS ? "%s%sx" : "-",
                 t->utf8 ? "\xe2\x89\xa4" : "<=", ir_text_plain(core->factor, v));
    ir_answer_put(&l, TXT_PLAIN, -CORE_END, "%s", text);
    size_t n = batches(t, base, h, text, sizeof text);
    ir_text_append(text, sizeof text, n, " %s", unit);
    ir_answer_put(&l, TXT_PLAIN, is_wide(t) ? -BATCH_WIDE_END : -BATCH_END, "%s", text);
    ir_answer_end(&l);
    help_remarks(t, h);
}

void ir_answer_helps(const ir_text *t, const ir_answer *a)
{
    ir_answer_line l = {.t = t};
    ir_answer_put(&l, TXT_BOLD, 0, "WHAT WOULD HELP");
    ir_answer_put(&l, TXT_DIM, -BYTES_END, "half the bytes");
    ir_answer_put(&l, TXT_DIM, -CORE_HEAD_END, "faster core");
    ir_answer_put(&l, TXT_DIM, is_wide(t) ? -BATCH_WIDE_END : -BATCH_END, "batch x 2, %s8 (predicted)",
                  is_wide(t) ? "4, " : "");
    ir_answer_end(&l);
    for (size_t i = 0; i < a->nhelp; i++) help_line(t, &a->help[i]);
}
