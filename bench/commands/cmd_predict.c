/* cmd_predict.c -- `ironroof predict`: workloads on machines that need not be here, and what would happen if.
 */
#include "bench/commands/apps.h"
#include "bench/gate/newest.h"
#include "bench/predict/predict_line.h"
#include "kernels/workloads/table.h"
#include "bench/cli/version.h"
#include "harness/record/fleet_lines.h"
#include "harness/record/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const cli_option predict_own[] = {
    {"device", 0, CLI_TEXT, "NAME|FILE[,...]",
     "datasheets (see 'ironroof list devices') and records, by file", offsetof(predict_options, device),
     .set = 0},
    {"set", 0, CLI_NAMES, "KEY=VALUE",
     "what if: BW, R_peak, eta or L_lat as a value (1.5T) or a factor (2x), BW_net, L_net as a value; may be "
     "repeated",
     offsetof(predict_options, set), .set = 0},
    {"nodes", 0, CLI_INT, "N",
     "so many nodes compute, and sum as many bytes as there are weights over a network",
     offsetof(predict_options, nodes), .lo = 2, .hi = 1 << 20},
    {"net", 0, CLI_TEXT, "FILE", "fleet.json that knows the network's BW_net and L_net",
     offsetof(predict_options, net), .set = 0},
    {0}};

/* ---- which dtype ----------------------------------------------------------------------------- */
/* The fastest that a datasheet's device is used with where neither --dtype nor a key names one. */
static ir_dtype used_with(const machine_view *v, ir_dtype otherwise)
{
    static const ir_dtype half[] = {IR_BF16, IR_F16};
    for (size_t i = 0; v->sheet && i < sizeof half / sizeof *half; i++)
        if (isfinite(device_peak(v->sheet, half[i]))) return half[i];
    return otherwise;
}

static bool dtype_is_named(const cli_args *args)
{
    bool named = args->opt.dtypes.n > 0;
    for (size_t i = 0; i < args->narg; i++) named |= strstr(args->arg[i], "dtype=") != NULL;
    return named;
}

static ir_params params_for(const machine_view *v, const cli_point *p, bool named)
{
    ir_params out = p->p;
    ir_dtype  best = used_with(v, out.dtype);
    if (!named && out.dtype == IR_F32 && p->workload->dtypes >> best & 1u) out.dtype = best;
    return out;
}

/* ---- one machine ----------------------------------------------------------------------------- */
static void say_settings(const ir_text *t, const predict_options *o)
{
    for (size_t i = 0; i < o->set.n; i++) ir_text_para(t, "  What if: ", "%s", o->set.v[i]);
}

/* "312 TFLOP/s f16, 19.5 TFLOP/s f32": the peaks that the predictions used. */
static const char *peaks_text(const prediction *q, size_t n, char *buf, size_t size)
{
    uint32_t seen = 0;
    size_t   at = 0;
    buf[0] = 0;
    for (size_t i = 0; i < n && at < size; i++) {
        char v[IR_NUM];
        if (seen >> q[i].p.dtype & 1 || !(q[i].cost.flops > 0)) continue;
        seen |= 1u << q[i].p.dtype;
        at += (size_t)snprintf(buf + at, size - at, "%s%s %s", at ? ", " : "",
                               ir_text_scaled(q[i].R_peak, ir_text_op_unit(q[i].p.dtype), v, sizeof v),
                               ir_dtype_name(q[i].p.dtype));
    }
    return *buf ? buf : "not needed";
}

static void say_machine(const ir_text *t, const machine_view *v, const prediction *q, size_t n)
{
    char bw[IR_NUM], eta[IR_NUM], lat[IR_NUM], peak[256];
    fputc('\n', t->f);
    ir_text_para(t, "", "%s: %s, %s", v->name, v->title, ir_source_name(v->source));
    ir_text_past_quality(t, "  ", v->quality);
    ir_text_para(t, "  ", "BW %s at %s, R_peak %s, eta %s %s, launch %s",
                 ir_text_scaled(q->BW_Bps, "B/s", bw, sizeof bw), q->level,
                 peaks_text(q, n, peak, sizeof peak), ir_text_plain(q->eta, eta),
                 predict_how_name(q->eta_how),
                 q->launch_known ? ir_text_scaled(q->L_lat_s, "s", lat, sizeof lat) : "unknown, taken as 0");
    if (isfinite(q->T_eager_s[0]))
        ir_text_para(
            t, "  ",
            "A datasheet gives a floor: full bandwidth, eta 1 (assumed) and launches for nothing. eager and "
            "graph: bandwidth .7 to .9 of the sheet's, eta .5 to .9, and 2 to 5 us for every launch or for "
            "one.");
    else if (q->eta_how == PREDICT_ASSUMED)
        ir_text_para(t, "  ",
                     "eta is assumed, not known: 1 is the ideal; real kernels reach .5 to .9 (the band, "
                     "additive form).");
}

static void share_cells(ir_table *tb, const prediction *q)
{
    char   buf[IR_NUM];
    double sum = q->term_s[P_DATA] + q->term_s[P_COMP] + q->term_s[P_LAT];
    for (int k = 0; k < P_NTERM; k++)
        ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_percent(sum > 0 ? q->term_s[k] / sum : NAN, buf));
}

static void interval_text(const prediction *q, char *out, size_t n)
{
    char   lo[IR_NUM], hi[IR_NUM];
    double a = q->T_lo[q->form], b = q->T_hi[q->form];
    bool   band = !isfinite(a) && isfinite(q->T_band_s[0][0]);
    if (band) a = q->T_band_s[0][1], b = q->T_band_s[0][0];
    if (!isfinite(a) || !isfinite(b))
        snprintf(out, n, "%s", "");
    else
        snprintf(out, n, "%s..%s", ir_text_scaled(a, "s", lo, sizeof lo),
                 ir_text_scaled(b, "s", hi, sizeof hi));
}

/* "252 us..1.02 ms". */
static void band_cell(ir_table *tb, const double band[2])
{
    char lo[IR_NUM], hi[IR_NUM];
    if (isfinite(band[0]))
        ir_table_cell(tb, TXT_BOLD, "%s..%s", ir_text_scaled(band[0], "s", lo, sizeof lo),
                      ir_text_scaled(band[1], "s", hi, sizeof hi));
    else
        ir_table_cell(tb, TXT_PLAIN, "%s", "");
}

static const char *point_text(const prediction *q, char text[256])
{
    int n = snprintf(text, 256, "%s:", q->workload->name);
    cli_params_text(q->workload, &q->p, text + n, (size_t)(256 - n));
    return text;
}

static void predict_row(ir_table *tb, const prediction *q)
{
    char text[256], buf[IR_NUM], rate[64], more[2 * IR_NUM + 4];
    ir_table_cell(tb, TXT_PLAIN, "%s", point_text(q, text));
    ir_table_cell(tb, TXT_PLAIN, "%s", ir_dtype_name(q->p.dtype));
    ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_scaled(q->cost.flops, "FLOP", buf, sizeof buf));
    ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_scaled(ir_cost_B(&q->cost), "B", buf, sizeof buf));
    ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_plain(q->I, buf));
    ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_plain(q->ridge, buf));
    ir_table_cell(tb, TXT_BOLD, "%s", ir_text_scaled(q->T_s[IR_ADDITIVE], "s", buf, sizeof buf));
    ir_table_cell(tb, TXT_BOLD, "%s", ir_text_scaled(q->T_s[IR_OVERLAPPED], "s", buf, sizeof buf));
    interval_text(q, more, sizeof more);
    ir_table_cell(tb, TXT_PLAIN, "%s", isfinite(q->T_eager_s[0]) ? "" : more); /* a floor has bands instead */
    band_cell(tb, q->T_eager_s);
    band_cell(tb, q->T_graph_s);
    share_cells(tb, q);
    ir_table_cell(tb, TXT_PLAIN, "%s", ir_bound_name(q->bound));
    ir_table_cell(tb, TXT_PLAIN, "%s", isfinite(q->bound_p) ? ir_text_plain(q->bound_p, buf) : "");
    if (isfinite(q->rate))
        ir_table_cell(tb, TXT_PLAIN, "%s",
                      ir_text_many(q->rate, ir_item_rate(q->rate_item), rate, sizeof rate));
    else
        ir_table_cell(tb, TXT_PLAIN, "%s", "");
    if (q->crossover > 0)
        ir_table_cell(tb, TXT_PLAIN, "%lld", (long long)q->crossover);
    else
        ir_table_cell(tb, TXT_PLAIN, "%s", q->crossover == 0 ? "none" : "");
}

static void say_capacity(const ir_text *t, const prediction *q)
{
    char text[256], need[IR_NUM], has[IR_NUM], w[IR_NUM], kv[IR_NUM], parts[2 * IR_NUM + 32] = "";
    if (q->fits) return;
    if (q->cost.weights_B > 0)
        snprintf(parts, sizeof parts, " (weights %s, cache %s)",
                 ir_text_scaled(q->cost.weights_B, "B", w, sizeof w),
                 ir_text_scaled(ir_cost_of(&q->cost, IR_OF_KV), "B", kv, sizeof kv));
    ir_text_para(t, "  ", "%s %s does not fit on %s: needs %s%s, has %s.", point_text(q, text),
                 ir_dtype_name(q->p.dtype), q->view->name,
                 ir_text_scaled(q->cost.footprint_B, "B", need, sizeof need), parts,
                 ir_text_scaled(q->view->capacity_B, "B", has, sizeof has));
}

/* ---- several nodes --------------------------------------------------------------------------- */
static ir_status network_of(const predict_options *own, const predict_what_if *set, ir_network *out)
{
    ir_fleet_reference ref = {0};
    ir_status          st = own->net ? ir_fleet_reference_read(own->net, &ref) : IR_OK;
    *out = own->net ? (ir_network){ref.BW_net, ref.L_net} : (ir_network){NAN, NAN};
    ir_fleet_reference_free(&ref);
    if (set->BW_net.given) out->BW_net = set->BW_net.v;
    if (set->L_net.given) out->L_net = set->L_net.v;
    return st;
}

static int over_nodes(const ir_text *t, ir_journal *j, const prediction *q, const ir_network *net,
                      int64_t nodes)
{
    predict_cluster c;
    char            text[256], v[IR_NUM], s[IR_NUM], bw[IR_NUM], lat[IR_NUM], T[IR_NUM],
        way[64] = "never on so few nodes as 2^20", ridge[IR_NUM];
    if (predict_over_nodes(q, net, nodes, &c) != IR_OK) return complain();
    if (j && predict_line_nodes(j, q, &c) != IR_OK) return complain();
    if (!t->f) return EXIT_FINE;
    if (c.gives_way) snprintf(way, sizeof way, "from %lld nodes on", (long long)c.gives_way);
    ir_text_para(t, "  ",
                 "%s %s on %lld nodes of %s: step %s, of it %s (%.0f %%) to sum %s over the network (BW_net "
                 "%s, L_net %s); bound %s; "
                 "the network takes more than the rest %s; R_peak/BW_net %s FLOP/B.",
                 point_text(q, text), ir_dtype_name(q->p.dtype), (long long)nodes, q->view->name,
                 ir_text_scaled(c.step_s, "s", T, sizeof T), ir_text_scaled(c.sum_s, "s", s, sizeof s),
                 100 * c.sum_s / c.step_s, ir_text_scaled(c.V_B, "B", v, sizeof v),
                 ir_text_scaled(net->BW_net, "B/s", bw, sizeof bw),
                 ir_text_scaled(net->L_net, "s", lat, sizeof lat),
                 c.bound ? "network" : ir_bound_name(q->bound), way, ir_text_plain(c.ridge, ridge));
    return EXIT_FINE;
}

static const ir_col columns[] = {{"point", false, 42, 0}, {"dtype", false, 0, 0}, {"O", true, 0, 9},
                                 {"D_vol", true, 0, 8},   {"I", true, 0, 7},      {"ridge", true, 0, 10},
                                 {"T add", true, 0, 0},   {"T over", true, 0, 5}, {"interval", true, 0, 2},
                                 {"eager", true, 0, 0},   {"graph", true, 0, 0},  {"data", true, 0, 3},
                                 {"comp", true, 0, 3},    {"lat", true, 0, 3},    {"bound", false, 0, 0},
                                 {"P", true, 0, 4},       {"speed", true, 0, 1},  {"cross", true, 0, 6}};
enum { NCOLUMN = sizeof columns / sizeof *columns };

static int on_machine(const ir_text *t, ir_journal *j, const machine_view *v, const cli_points *p,
                      const predict_what_if *set, const cli_args *args)
{
    bool                   named = dtype_is_named(args);
    ir_table               tb;
    prediction            *q = calloc(p->n, sizeof *q);
    const predict_options *own = args->own;
    size_t                 n = 0;
    int                    code = EXIT_FINE;
    if (!q) return ir_fail(IR_ENOMEM, "no memory for %zu predictions", p->n), complain();
    for (size_t i = 0; i < p->n; i++) {
        char      text[256];
        ir_params asked = params_for(v, &p->v[i], named);
        if (predict_point(v, p->v[i].workload, &asked, set, &q[n]) == IR_OK) {
            if (j && predict_line(j, &q[n]) != IR_OK) code = complain();
            n++;
            continue;
        }
        code = EXIT_BAD;
        fprintf(stderr, "ironroof: %s: %s\n", cli_point_text(p->v[i].workload, &p->v[i].p, text, sizeof text),
                ir_why());
    }
    if (n && t->f) {
        say_machine(t, v, q, n);
        say_settings(t, args->own);
        ir_col col[NCOLUMN];
        memcpy(col, columns, sizeof col);
        for (int c = 0; c < NCOLUMN && v->sheet; c++) {
            if (!strcmp(col[c].head, "T add")) col[c].head = "floor";
            if (!strcmp(col[c].head, "speed")) col[c].head = "speed <=";
        }
        ir_table_begin(&tb, t, col, NCOLUMN);
        for (size_t i = 0; i < n; i++) predict_row(&tb, &q[i]);
        ir_table_end(&tb);
        for (size_t i = 0; i < n; i++) say_capacity(t, &q[i]);
    }
    ir_network net;
    if (n && own->nodes && network_of(own, set, &net) != IR_OK)
        code = complain();
    else
        for (size_t i = 0; own->nodes && i < n; i++)
            if (over_nodes(t, j, &q[i], &net, own->nodes) != EXIT_FINE) code = EXIT_BAD;
    free(q);
    return code;
}

/* A record of a datasheet's device under results/ is predicted beside it: what was measured beats the sheet.
 */
static void calibrate(machine_views *s)
{
    size_t n = s->n;
    for (size_t i = 0; i < n; i++) {
        char path[4096];
        bool found = false;
        for (int a = 0; s->v[i].sheet && a < DEVICE_MAX_ALIAS && s->v[i].sheet->alias[a] && !found; a++)
            found = newest_of_device("results", s->v[i].sheet->alias[a], path, sizeof path) == IR_OK;
        if (found && machine_views_add(s, path) != IR_OK)
            fprintf(stderr, "ironroof: %s is not used to calibrate %s: %s\n", path, s->v[i].name, ir_why());
    }
}

int cmd_predict(const cli_args *args)
{
    const predict_options *own = args->own;
    predict_what_if        set = {0};
    machine_views         *views = calloc(1, sizeof *views);
    cli_points             points = {0};
    ir_journal            *j = NULL;
    ir_status              st = views ? IR_OK : ir_fail(IR_ENOMEM, "no memory");
    int                    code = EXIT_FINE;
    ir_text                t = text_on(apps_screen(args), &args->opt);
    if (st == IR_OK && !own->device)
        st = ir_fail(IR_EINVAL, "predict needs --device NAME|FILE (ironroof list devices)");
    for (size_t i = 0; i < own->set.n && st == IR_OK; i++) st = predict_set(&set, own->set.v[i]);
    if (st == IR_OK)
        st = cli_points_expand(predict_workloads(ir_workloads), args->arg, args->narg, &args->opt, &points);
    if (st == IR_OK) st = machine_views_add_list(views, own->device);
    if (st == IR_OK) calibrate(views);
    if (st == IR_OK) st = machine_views_apart(views, args->opt.output);
    if (st == IR_OK) st = apps_journal(args, false, &j);
    for (size_t i = 0; st == IR_OK && i < views->n; i++) {
        int c = on_machine(&t, j, &views->v[i], &points, &set, args);
        if (c != EXIT_FINE) code = c;
    }
    if (st == IR_OK) st = apps_whole();
    if (st == IR_OK) st = ir_journal_close(&j);
    if (st != IR_OK) code = complain();
    ir_journal_discard(&j);
    cli_points_free(&points);
    if (views) machine_views_free(views);
    free(views);
    return code;
}
