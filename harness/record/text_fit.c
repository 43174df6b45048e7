/* text_fit.c -- the fitted law: both forms side by side, coefficients with intervals, how well they predict.
 */
#include "harness/record/text.h"

#include <math.h>

static void coef_cell(ir_table *tb, const ir_coef *c, const char *unit)
{
    char text[96];
    if (c->how == IR_UNIDENTIFIED || isnan(c->v))
        ir_table_cell(tb, TXT_YELLOW, "unidentified");
    else
        ir_table_cell(tb, TXT_BOLD, "%s%s", ir_text_interval(c->v, c->lo, c->hi, unit, text, sizeof text),
                      c->how == IR_PINNED ? " pinned" : "");
}

/* An efficiency is a plain number: no prefix. */
static void eta_cell(ir_table *tb, const ir_fit *f)
{
    char v[IR_NUM], lo[IR_NUM], hi[IR_NUM];
    if (f->eta.how == IR_UNIDENTIFIED || isnan(f->eta.v)) {
        ir_table_cell(tb, TXT_YELLOW, "unidentified");
        return;
    }
    ir_text_plain(f->eta.v, v);
    ir_style style = f->eta_error ? TXT_RED : TXT_BOLD;
    if (isfinite(f->eta.lo) && isfinite(f->eta.hi))
        ir_table_cell(tb, style, "%s%s [%s, %s]", f->eta_error ? "! " : "", v, ir_text_plain(f->eta.lo, lo),
                      ir_text_plain(f->eta.hi, hi));
    else
        ir_table_cell(tb, style, "%s%s", f->eta_error ? "! " : "", v);
}

static void pair_cell(ir_table *tb, double median, double p90)
{
    char a[IR_NUM], b[IR_NUM];
    ir_table_cell(tb, TXT_PLAIN, "%s median, %s p90", ir_text_percent(median, a), ir_text_percent(p90, b));
}

static void rows(ir_table *tb, const ir_fit fits[2])
{
    char num[IR_NUM];
    ir_table_cell(tb, TXT_PLAIN, "BW");
    for (int i = 0; i < 2; i++) coef_cell(tb, &fits[i].BW, "B/s");
    ir_table_cell(tb, TXT_DIM, "DRAM reads; ceiling %s",
                  ir_text_scaled(fits[0].BW_ref, "B/s", num, sizeof num));
    ir_table_cell(tb, TXT_PLAIN, "eta");
    for (int i = 0; i < 2; i++) eta_cell(tb, &fits[i]);
    ir_table_cell(tb, TXT_DIM, "of R_peak %s", ir_text_scaled(fits[0].R_peak, "FLOP/s", num, sizeof num));
    ir_table_cell(tb, TXT_PLAIN, "L_lat");
    for (int i = 0; i < 2; i++) coef_cell(tb, &fits[i].L_lat, "s");
    ir_table_cell(tb, TXT_DIM, "per launch");
    ir_table_cell(tb, TXT_PLAIN, "error");
    for (int i = 0; i < 2; i++) pair_cell(tb, fits[i].err_median, fits[i].err_p90);
    ir_table_cell(tb, TXT_DIM, "of the fitted points");
    ir_table_cell(tb, TXT_PLAIN, "left out");
    for (int i = 0; i < 2; i++) pair_cell(tb, fits[i].lofo_median, fits[i].lofo_p90);
    ir_table_cell(tb, TXT_DIM, "each family from the others");
    if (isfinite(fits[0].roof_median)) {
        ir_table_cell(tb, TXT_PLAIN, "roofline");
        for (int i = 0; i < 2; i++) pair_cell(tb, fits[i].roof_median, fits[i].roof_p90);
        ir_table_cell(tb, TXT_DIM, "the same points by max(D/BW, O/R_peak)");
    }
    ir_table_cell(tb, TXT_PLAIN, "condition");
    for (int i = 0; i < 2; i++) ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_plain(fits[i].cond, num));
    ir_table_cell(tb, TXT_DIM, "of the design");
}

void ir_text_fit(const ir_text *t, const ir_fit fits[2], int better)
{
    char         head[2][40];
    ir_table     tb;
    const ir_col col[] = {
        {"", false, 0, 0}, {head[0], false, 30, 0}, {head[1], false, 30, 0}, {"what it is", false, 0, 1}};
    const ir_fit *b = &fits[better ? 1 : 0];
    for (int i = 0; i < 2; i++)
        snprintf(head[i], sizeof head[i], "%s%s", fits[i].form == IR_ADDITIVE ? "additive" : "overlapped",
                 i == (better ? 1 : 0) ? " * better" : "");
    ir_text_styled(t, TXT_BOLD, "The Iron Law");
    fprintf(t->f, " of %s over %zu points of %d families\n", *b->device ? b->device : "this device", b->n,
            b->nfamily);
    ir_table_begin(&tb, t, col, 4);
    rows(&tb, fits);
    ir_table_end(&tb);
    ir_text_para(t, "  ",
                 "additive: T = D_vol/BW + O/(R_peak eta) + L_lat; overlapped: T = max(D_vol/BW, "
                 "O/(R_peak eta)) + L_lat; [95 %% interval]; better: predicts left-out families with the "
                 "smaller error, median and p90 together");
    for (int i = 0; i < 2; i++)
        if (fits[i].eta_error)
            ir_text_para(t, "! ", "%s: eta is above 1.02: a ceiling or a count is wrong, this is no result",
                         fits[i].form == IR_ADDITIVE ? "additive" : "overlapped");
}
