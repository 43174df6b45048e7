/* stream.c -- see stream.h. The bound of a row is that of the ceilings alone: the law is fitted at the end.
 */
#include "bench/run/stream.h"
#include "harness/record/answer.h"
#include "harness/record/text.h"

#include <math.h>
#include <string.h>

enum { NAME_ROOM = 34 };

bool stream_due(const row_stream *r, const measure_context *s)
{
    size_t n;
    context_asked(s, &n);
    return r->on && (r->point < n || r->ceiling < s->ceilings.n);
}

static const char *spread(const ir_text *t, double value, double lo, double hi, char buf[IR_NUM])
{
    const char *s = ir_text_spread(t, fmax(hi - value, value - lo) / value, buf);
    return *s ? s : "-";
}

/* Only those that the last screen shows. */
static void stream_ceiling(row_stream *r, const ir_ceiling *c)
{
    char num[IR_NUM], half[IR_NUM];
    bool read = c->what == IR_C_BANDWIDTH && !strcmp(c->op, "read"), peak = c->what == IR_C_FLOPS,
         chase = c->what == IR_C_LATENCY && !strcmp(c->op, "chase");
    if ((!read && !peak && !chase) || c->source != IR_SRC_MEASURED) return;
    const char *unit = read ? "B/s" : peak ? ir_text_op_unit(c->dtype) : "s";
    fprintf(r->t.f, "  %-4s %-8s %2d thread%s %12s %s%s\n", peak ? ir_dtype_name(c->dtype) : c->level,
            read   ? "read"
            : peak ? "peak"
                   : "latency",
            c->threads, c->threads == 1 ? " " : "s", ir_text_aligned(c->value, unit, num),
            spread(&r->t, c->value, c->lo, c->hi, half), c->flags & IR_FLAG_SUSPECT ? " ! suspect" : "");
    r->printed++;
}

static void stream_point(row_stream *r, const ir_point *p)
{
    char            name[IR_ANSWER_NAME + IR_NAME + 4], shape[IR_ANSWER_NAME], num[64], half[IR_NUM];
    const ir_stats *s = ir_point_stats(p);
    if (p->id.for_ceiling || p->status == IR_SKIP || !strcmp(p->id.family, "layer")) return;
    r->printed++;
    snprintf(name, sizeof name, "  %s %s", ir_answer_name(p, shape), p->id.kernel);
    if (p->status != IR_OK) {
        ir_text_styled(&r->t, TXT_RED, "%s: %s: %s\n", name, ir_status_name(p->status), p->reason);
        return;
    }
    int n = ir_text_columns(name);
    if (n > NAME_ROOM) fprintf(r->t.f, "%s\n", name), n = 0; /* an identity is never cut */
    const char *bound = p->law.bound == IR_BOUND_UNKNOWN ? "" : ir_bound_name(p->law.bound);
    fprintf(r->t.f, "%s%*s %9s %6s %14s  %s%s\n", n ? name : "", NAME_ROOM + 1 - n, "",
            ir_text_aligned(s->median, "s", num), spread(&r->t, s->median, s->ci_lo, s->ci_hi, half),
            ir_answer_speed(p, 1, shape, sizeof shape), bound,
            p->flags & IR_FLAG_SUSPECT ? " ! suspect" : "");
}

void stream_rows(row_stream *r, const measure_context *s)
{
    if (!r->on) return;
    if (r->recalled) r->ceiling = s->ceilings.n;
    for (; r->ceiling < s->ceilings.n; r->ceiling++) stream_ceiling(r, &s->ceilings.v[r->ceiling]);
    size_t          n; /* rows for ceilings may end it for a while, and join those before it at any time */
    const ir_point *asked = context_asked(s, &n);
    for (; r->point < n && !asked[r->point].id.for_ceiling; r->point++) stream_point(r, &asked[r->point]);
    fflush(r->t.f);
}
