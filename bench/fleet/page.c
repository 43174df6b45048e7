/* page.c -- a judged fleet as one page that loads nothing: the sentence, series, outliers, a strip of all
 * nodes by rack, what the worst nodes cost, the matrix of pairs of a small fleet. */
#define _GNU_SOURCE
#include "bench/fleet/fleet_internal.h"
#include "bench/fleet/outliers.h"
#include "harness/record/text.h"
#include "harness/record/writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 500, MATRIX = 64 };

static const char style[] =
    "<style>body{font:15px/1.45 system-ui,sans-serif;max-width:72em;margin:2em auto;padding:0 "
    "1em;color:#222;background:#fff}"
    "h1{font-size:1.3em}h2{font-size:1.05em;margin:1.6em 0 "
    ".4em}table{border-collapse:collapse}td,th{padding:.15em .7em;text-align:right;"
    "border-bottom:1px solid "
    "#ddd}td:first-child,th:first-child,.l{text-align:left}.w{max-width:40em;text-align:left}"
    "b.bad{color:#b00020}i{display:inline-block;width:9px;height:13px;margin:0 1px 1px 0}.r{font:12px "
    "monospace;white-space:nowrap}"
    ".r "
    "span{display:inline-block;min-width:8em;color:#666}.v0{background:#cfe8d5}.v1{background:#9fd0ab}.v2{"
    "background:#f2d16b}"
    ".v3{background:#e8903a}.v4{background:#b00020}.v5{background:#333}pre{background:#f5f5f5;padding:.6em}"
    "@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}td,th{border-color:#444}pre{"
    "background:#242424}}</style>";

static void page_put_text(FILE *f, const char *s)
{
    char c[5];
    while (*s) {
        s += ir_screen_next(s, c);
        if (strchr("<>&\"'", *c))
            fprintf(f, "&#%d;", *c);
        else
            fputs(c, f);
    }
}

static void put_cell(FILE *f, const char *attribute, const char *s)
{
    fprintf(f, "<td%s>", attribute);
    page_put_text(f, s);
    fprintf(f, "</td>");
}

static void page_put_series(FILE *f, const fleet_result *r)
{
    char v[IR_NUM];
    fprintf(f, "<h2>Series</h2><table><tr><th>series<th "
               "class=l>group<th>nodes<th>median<th>spread<th>detectable<th class=l>modes</tr>\n");
    for (size_t s = 0; s < r->nseries; s++)
        for (size_t g = 0; g < r->ngroup; g++) {
            const ir_fleet_series *d = &r->series[s].group[g];
            bool                   rate = !strcmp(r->series[s].point, FLEET_NET_BW);
            fprintf(f, "<tr>");
            put_cell(f, "", r->series[s].point);
            put_cell(f, " class=l", r->group[g].key);
            fprintf(f, "<td>%zu<td>%s<td>%.1f %%<td>", d->n,
                    ir_text_scaled(rate ? exp(d->centre) : exp(-d->centre), rate ? "B/s" : "s", v, sizeof v),
                    100 * d->spread);
            if (isfinite(d->detectable)) fprintf(f, "%.1f %%", 100 * d->detectable);
            put_cell(f, " class=l",
                     !d->split                ? ""
                     : *r->series[s].split_by ? r->series[s].split_by
                                              : "two, no recorded fact separates them");
            fprintf(f, "</tr>\n");
        }
    fprintf(f, "</table>\n");
}

static void put_outliers(FILE *f, const fleet_result *r)
{
    size_t n = r->noutlier;
    if (n)
        fprintf(f, "<h2>Nodes that are not OK</h2><table><tr><th>node<th class=l>verdict<th "
                   "class=l>term<th>slower by<th class=w>why<th class=w>likely</tr>\n");
    for (size_t k = 0; k < n && k < MOST_ROWS; k++) {
        const fleet_finding *d = &r->node[r->outlier[k].node];
        fprintf(f, "<tr>");
        put_cell(f, "", r->data->v[r->outlier[k].node].name);
        put_cell(f, " class=l", fleet_verdict_name(d->verdict));
        put_cell(f, " class=l", d->word);
        if (d->verdict == FLEET_SLOW)
            fprintf(f, "<td>%.1f %% [%.1f, %.1f]</td>", 50 * (d->lo + d->hi), 100 * d->lo, 100 * d->hi);
        else
            fprintf(f, "<td></td>");
        put_cell(f, " class=w", d->why);
        put_cell(f, " class=w", r->outlier[k].fact);
        fprintf(f, "</tr>\n");
    }
    if (n) fprintf(f, "</table>\n");
    if (n > MOST_ROWS) fprintf(f, "<p>and %zu more: see fleet.json</p>\n", n - MOST_ROWS);
}

static int shade(const fleet_finding *d)
{
    switch (d->verdict) {
    case FLEET_OK: return d->mean_e < -0.02;
    case FLEET_SLOW: return 4;
    case FLEET_LOST:
    case FLEET_HUNG:
    case FLEET_INCORRECT: return 5;
    case FLEET_CLOCK:
    case FLEET_UNLIKE: return 3;
    default: return 2;
    }
}

static void put_strip(FILE *f, const fleet_result *r)
{
    fprintf(f, "<h2>All nodes, by rack</h2><p>pale: at or above the median; green: 2 %% below; yellow: "
               "undecided; orange: unlike or clock; red: slow; "
               "black: lost or wrong. A name appears under the pointer.</p>\n");
    const char *last = "";
    for (size_t i = 0; i < r->data->n; i++) {
        const char *name = r->data->v[i].name;
        size_t      rack = fleet_rack(name);
        if (i == 0 || rack != fleet_rack(last) || strncmp(name, last, rack)) {
            fprintf(f, "%s<div class=r><span>", i ? "</div>\n" : "");
            char text[IR_FLEET_NAME];
            snprintf(text, sizeof text, "%.*s", (int)rack, name);
            page_put_text(f, text);
            fprintf(f, "</span>");
        }
        fprintf(f, "<i class=v%d title=\"", shade(&r->node[i]));
        page_put_text(f, name);
        fprintf(f, "\"></i>");
        last = name;
    }
    fprintf(f, "%s\n", r->data->n ? "</div>" : "");
}

static void put_cost(FILE *f, const fleet_result *r)
{
    const double *cost = r->cost;
    size_t        n = r->ncost;
    if (n < 2 || !(cost[0] > 0)) return;
    fprintf(f, "<h2>What the slowest node costs a job that waits for it, by nodes drained</h2>\n<svg "
               "viewBox=\"0 0 640 170\" width=640>");
    for (size_t k = 0; k < n; k++) {
        double h = 120 * cost[k] / cost[0];
        fprintf(f,
                "<rect x=%zu y=%.1f width=12 height=%.1f fill=\"#4a7ab5\"><title>%zu drained: %.1f "
                "%%</title></rect>",
                20 + k * 15, 140 - h, h, k, 100 * cost[k]);
    }
    fprintf(f,
            "<text x=20 y=14 font-size=12 fill=\"#888\">%.1f %%</text><text x=20 y=158 font-size=12 "
            "fill=\"#888\">0</text>"
            "<text x=%zu y=158 font-size=12 fill=\"#888\">%zu</text></svg>\n",
            100 * cost[0], 20 + (n - 1) * 15, n - 1);
}

static double pair_value(const fleet_data *d, const char *a, const char *b)
{
    for (size_t k = 0; k < d->pairs.n; k++) {
        const ir_fleet_pair *p = &d->pairs.v[k];
        bool these = (!strcmp(p->a, a) && !strcmp(p->b, b)) || (!strcmp(p->a, b) && !strcmp(p->b, a));
        if (these && !strcmp(p->what, "bw") && p->look == 1) return p->value;
    }
    return NAN;
}

static void put_matrix(FILE *f, const fleet_result *r)
{
    const fleet_data *d = r->data;
    if (!isfinite(r->BW_net) || d->n > MATRIX) return;
    fprintf(f, "<h2>Bandwidth between two nodes, share of the median</h2><table><tr><th>");
    for (size_t i = 0; i < d->n; i++) {
        fprintf(f, "<th>");
        page_put_text(f, d->v[i].name);
    }
    fprintf(f, "</tr>\n");
    for (size_t i = 0; i < d->n; i++) {
        fprintf(f, "<tr>");
        put_cell(f, "", d->v[i].name);
        for (size_t k = 0; k < d->n; k++) {
            double v = i == k ? NAN : pair_value(d, d->v[i].name, d->v[k].name) / r->BW_net;
            if (isfinite(v))
                fprintf(f, "<td%s>%.2f", v < 0.9 ? " style=\"color:#b00020\"" : "", v);
            else
                fprintf(f, "<td>");
        }
        fprintf(f, "</tr>\n");
    }
    fprintf(f, "</table>\n");
}

static void put_network(FILE *f, const fleet_result *r)
{
    char a[IR_NUM], b[IR_NUM];
    if (!isfinite(r->law.BW_net)) return;
    fprintf(f, "<h2>Sums over n nodes</h2><p>T = 2(n-1)/n V / %s + 2(n-1) %s, off by %.0f %% (median)</p>\n",
            ir_text_scaled(r->law.BW_net, "B/s", a, sizeof a), ir_text_scaled(r->law.L_net, "s", b, sizeof b),
            100 * r->law_err);
    for (size_t k = 0; k < r->data->pairs.nstep; k++) {
        char line[IR_ID + 240];
        fprintf(f, "<p>Step of ");
        page_put_text(f, fleet_step_text(r, &r->data->pairs.step[k], line, sizeof line));
        fprintf(f, "</p>\n");
    }
}

ir_status fleet_write_page(const fleet_result *r, const char *path)
{
    char  *text = NULL;
    size_t n = 0;
    FILE  *f = open_memstream(&text, &n);
    if (!f) return ir_fail(IR_ENOMEM, "%s: no memory to write it", path);
    fprintf(f, "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8><title>ironroof fleet</title>%s\n<h1>",
            style);
    page_put_text(f, r->sentence);
    fprintf(f, "</h1><p>%zu nodes, exit code %d</p>\n", r->data->n, r->exit);
    put_outliers(f, r);
    page_put_series(f, r);
    put_cost(f, r);
    put_strip(f, r);
    put_matrix(f, r);
    put_network(f, r);
    fprintf(f, "</html>\n");
    bool      bad = fclose(f) != 0;
    ir_status st = bad ? ir_fail(IR_ENOMEM, "%s: no memory to write it", path) : ir_file_write(path, text, n);
    free(text);
    return st;
}
