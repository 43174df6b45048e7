/* text_answer.c -- the last screen of a run: see answer.h. */
#include "harness/record/text_answer.h"
#include "harness/left_out.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Causes of a disturbed run, and lines; under recalled ceilings lines for what is asked, and more a workload.
 * The report has all. */
enum { CAUSES = 2, SCREEN_LINES = 30, RECALLED_LINES = 9, ROW_LINES = 3 };

/* What gives way, in this order, until the screen fits its lines; --detail has everything. */
typedef enum { WHOLE, NO_CROSSOVER, ONE_CAUSE, NO_LAW, NO_BLANKS, NO_LIBRARY, BRIEFEST = NO_LIBRARY } brevity;

/* ---- lines ----------------------------------------------------------------------------------- */
void ir_answer_put(ir_answer_line *l, ir_style style, int column, const char *fmt, ...)
{
    char    text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    int n = ir_text_columns(text),
        begin = column < 0 ? -column - n
                : column   ? column
                           : l->at,
        blanks = begin - l->at;
    if (column && l->at && blanks < 1) blanks = 1;
    if (blanks < 0) blanks = 0;
    fprintf(l->t->f, "%*s", blanks, "");
    ir_text_styled(l->t, style, "%s", text);
    l->at += blanks + n;
}

void ir_answer_end(ir_answer_line *l)
{
    fputc('\n', l->t->f);
    l->at = 0;
}

void ir_answer_name_column(ir_answer_line *l, const ir_point *p, int end)
{
    char name[IR_ANSWER_NAME];
    ir_answer_put(l, TXT_PLAIN, 0, "  %s", ir_answer_name(p, name));
    if (l->at > end) ir_answer_end(l); /* an identity is never cut */
}

const char *ir_answer_dot(const ir_text *t) { return t->utf8 ? " \xc2\xb7 " : ", "; }

/* ---- head ------------------------------------------------------------------------------------ */
static void duration(double s, char *buf, size_t n)
{
    if (!(s >= 0))
        buf[0] = 0;
    else if (s < 60)
        snprintf(buf, n, "%.0f s", s);
    else if (s < 3600)
        snprintf(buf, n, "%d min %02d s", (int)s / 60, (int)s % 60);
    else
        snprintf(buf, n, "%d h %02d min", (int)s / 3600, (int)s / 60 % 60);
}

static void title(const ir_text *t, const ir_answer *a, brevity brief)
{
    const ir_kv *isa = ir_env_get(a->env, "isa"), *guest = ir_env_get(a->env, "virtualised");
    const char  *dot = ir_answer_dot(t);
    char         took[32], text[400], of[32] = "";
    size_t       n;
    duration(a->elapsed_s, took, sizeof took);
    if (a->device->threads > 0)
        snprintf(of, sizeof of, "%s%d core%s", ", ", a->device->cores, a->device->cores == 1 ? "" : "s");
    n = (size_t)snprintf(text, sizeof text, "%s%s%s%s", a->version ? a->version : "", a->version ? dot : "",
                         a->device->name, of);
    if (isa && !isa->is_num && *isa->text) n = ir_text_append(text, sizeof text, n, ", %s", isa->text);
    if (guest && !guest->is_num && *guest->text && strcmp(guest->text, "none") != 0)
        n = ir_text_append(text, sizeof text, n, ", %s guest", guest->text);
    if (*took) ir_text_append(text, sizeof text, n, "%s%s", dot, took);
    ir_text_para(t, "ironroof ", "%s", text);
    if (a->quality) ir_text_quality(t, a->quality, brief >= ONE_CAUSE ? 1 : CAUSES);
}

/* One line instead of the block of ceilings. */
static void recalled(const ir_text *t, const ir_answer *a)
{
    char              r[IR_NUM], b[IR_NUM], wide[IR_NUM];
    double            peak = ir_peak_ceiling(a->ceilings, IR_F32, 0);
    const ir_ceiling *read = ir_ceiling_find(a->ceilings, IR_C_BANDWIDTH, "DRAM", "read", IR_NDTYPE, 0);
    double            half = read ? fmax(read->hi - read->value, read->value - read->lo) / read->value : NAN;
    bool              doubt = read && ir_answer_doubtful(half, read->flags);
    ir_text_para(t, "Ceilings ", "%sof %s: DRAM read %s%s%s%s, %s f32", a->their_fit ? "and law " : "",
                 a->recalled, ir_text_scaled(read ? read->value : NAN, "B/s", b, sizeof b), doubt ? " " : "",
                 doubt ? ir_text_spread(t, half, wide) : "", doubt ? "!" : "",
                 ir_text_scaled(peak, "FLOP/s", r, sizeof r));
}

/* ---- help, law, counts ----------------------------------------------------------------------- */
static void law(const ir_text *t, const ir_answer *a, brevity brief)
{
    char l[IR_NUM], r[IR_NUM];
    if (brief >= NO_LAW) return;
    if (!a->fit) {
        if (a->no_fit && *a->no_fit)
            ir_text_para(t, "  ", "law: not fitted (%s); ceilings judge alone", a->no_fit);
        if (a->crossover && brief < NO_CROSSOVER) ir_text_para(t, "  ", "%s", a->crossover);
        return;
    }
    if (isfinite(a->fit->lofo_median))
        ir_text_para(t, "  ", "predicted by a law that is %s off on unseen work (roofline alone %s)",
                     ir_text_percent(a->fit->lofo_median, l), ir_text_percent(a->fit->roof_median, r));
    if (a->crossover && brief < NO_CROSSOVER) ir_text_para(t, "  ", "%s", a->crossover);
}

static void help(const ir_text *t, const ir_answer *a, brevity brief)
{
    if (!a->nhelp) return;
    ir_answer_helps(t, a);
    if (a->tried) ir_text_para(t, "  ", "%s", a->tried);
    if (!a->recalled) law(t, a, brief);
}

static void counts(const ir_text *t, const ir_answer *a)
{
    size_t      ok = 0, skip = 0, bad = 0, noisy = 0, suspect = 0;
    const char *dot = ir_answer_dot(t);
    char        text[700];
    for (size_t i = 0; i < a->npoint; i++) {
        const ir_point *p = &a->point[i];
        if (p->id.for_ceiling) continue;
        ok += p->status == IR_OK;
        skip += p->status == IR_SKIP;
        bad += p->status != IR_OK && p->status != IR_SKIP;
        noisy += p->status == IR_OK && (p->flags & IR_FLAG_NOISY) != 0;
        suspect += p->status == IR_OK && (p->flags & IR_FLAG_SUSPECT) != 0;
    }
    size_t n = (size_t)snprintf(text, sizeof text, "%zu point%s ok", ok, ok == 1 ? "" : "s");
    const struct {
        size_t      n;
        const char *what;
    } part[] = {{skip, "do not apply"}, {bad, "FAILED"}, {noisy, "noisy"}, {suspect, "suspect"}};
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        if (part[i].n) n = ir_text_append(text, sizeof text, n, ", %zu %s", part[i].n, part[i].what);
    if (a->files) ir_text_append(text, sizeof text, n, "%s%s", dot, a->files);
    ir_text_para(t, "  ", "%s", text);
    if (a->more) ir_text_para(t, "  ", "more: %s", a->more);
}

static void history(const ir_text *t, const char *text)
{
    static const char lead[] = "DID IT GET SLOWER ";
    size_t            room = (size_t)ir_text_width(t) - sizeof lead + 1, n = strlen(text);
    if (n > room) /* the first line up to a blank; the rest below, little indented */
        for (n = room; n > 0 && text[n] != ' '; n--) continue;
    ir_text_para(t, lead, "%.*s", (int)n, text);
    if (text[n]) ir_text_para(t, "  ", "%s", text + n + 1);
}

static void screen(const ir_text *t, const ir_answer *a, brevity brief)
{
    ir_answer_row r[IR_ANSWER_ROWS];
    size_t        more, n = ir_answer_rows(a->point, a->npoint, r, &more);
    bool          apart = !a->recalled && brief < NO_BLANKS;
    title(t, a, brief);
    if (a->recalled) recalled(t, a);
    if (!a->recalled && a->ceilings->n) {
        if (apart) fputc('\n', t->f);
        ir_answer_ceilings(t, a);
    }
    if (n) {
        if (apart) fputc('\n', t->f);
        ir_answer_held(t, a, brief < NO_LIBRARY);
    }
    if (n && ir_answer_unusable(a)) {
        ir_text_para(t, "WHAT WOULD HELP ", "a quiet machine: nothing is concluded from an unusable run");
    } else if (a->nhelp) {
        if (apart) fputc('\n', t->f);
        help(t, a, brief);
    } else if (n && !a->recalled) {
        law(t, a, brief);
    }
    if (a->history) history(t, a->history);
    counts(t, a);
    fflush(t->f);
}

/* Without memory to count in, as if it fitted. */
static size_t screen_lines(const ir_text *t, const ir_answer *a, brevity brief)
{
    char   *text = NULL;
    size_t  size = 0, lines = 0;
    ir_text plain = {open_memstream(&text, &size), ir_text_width(t), false, t->utf8};
    if (!plain.f) return ir_left_out("the length of the answer"), 0;
    screen(&plain, a, brief);
    fclose(plain.f);
    for (size_t i = 0; text && i < size; i++) lines += text[i] == '\n';
    free(text);
    return lines;
}

void ir_text_answer(const ir_text *t, const ir_answer *a)
{
    brevity       brief = WHOLE;
    ir_answer_row r[IR_ANSWER_ROWS];
    size_t        more, rows = ir_answer_rows(a->point, a->npoint, r, &more);
    size_t        most = a->recalled ? RECALLED_LINES + ROW_LINES * rows : SCREEN_LINES;
    while (brief < BRIEFEST && screen_lines(t, a, brief) > most) brief++;
    screen(t, a, brief);
}
