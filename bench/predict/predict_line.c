/* predict_line.c -- a prediction as one line of a record: {"record":"prediction",...}. Readers of records
 * pass over it. */
#include "bench/predict/predict_line.h"
#include "harness/record/journal.h"

#include <math.h>

static void predict_line_interval(ir_json *o, const char *key, double v, double lo, double hi)
{
    ir_json_key(o, key);
    ir_json_open(o, '{');
    ir_json_key_num(o, "value", v);
    ir_json_key_num(o, "lo", lo);
    ir_json_key_num(o, "hi", hi);
    ir_json_close(o, '}');
}

static void params(ir_json *o, const ir_workload *w, const ir_params *p)
{
    ir_json_key(o, "params");
    ir_json_open(o, '{');
    for (int i = 0; i < IR_MAX_PARAMS && w->param[i]; i++) {
        const char *word = ir_param_word(w, i, p->v[i]);
        ir_json_key(o, w->param[i]);
        if (word)
            ir_json_str(o, word);
        else
            ir_json_int(o, p->v[i]);
    }
    ir_json_close(o, '}');
}

static void predict_line_cost(ir_json *o, const prediction *q)
{
    ir_json_key_num(o, "flops", q->cost.flops);
    ir_json_key_num(o, "read_B", ir_cost_read_B(&q->cost));
    ir_json_key_num(o, "write_B", ir_cost_write_B(&q->cost));
    ir_json_key_num(o, "bytes", ir_cost_B(&q->cost));
    ir_json_key_text(o, "bytes_model", "compulsory");
    ir_json_key_num(o, "launches", q->cost.launches);
    ir_json_key_num(o, "footprint_B", q->cost.footprint_B);
    ir_json_key_num(o, "capacity_B", q->view->capacity_B);
    ir_json_key(o, "fits");
    ir_json_bool(o, q->fits);
    ir_json_key_num(o, "intensity", q->I);
    ir_json_key_num(o, "ridge", q->ridge);
}

static void predict_line_law(ir_json *o, const prediction *q)
{
    ir_json_key_text(o, "level", q->level);
    ir_json_key_num(o, "BW", q->BW_Bps);
    ir_json_key_num(o, "R_peak", q->R_peak);
    ir_json_key_num(o, "eta", q->eta);
    ir_json_key_text(o, "eta_how", predict_how_name(q->eta_how));
    ir_json_key_num(o, "L_lat", q->launch_known ? q->L_lat_s : NAN);
    ir_json_key(o, "terms_s");
    ir_json_open(o, '{');
    ir_json_key_num(o, "data", q->term_s[P_DATA]);
    ir_json_key_num(o, "compute", q->term_s[P_COMP]);
    ir_json_key_num(o, "latency", q->term_s[P_LAT]);
    ir_json_close(o, '}');
    ir_json_key_text(o, "form", ir_form_name(q->form));
    for (int f = 0; f < 2; f++)
        predict_line_interval(o, f ? "T_overlapped_s" : "T_additive_s", q->T_s[f], q->T_lo[f], q->T_hi[f]);
    ir_json_key_num(o, "T_additive_eta_0.5_s", q->T_band_s[0][0]);
    ir_json_key_num(o, "T_additive_eta_0.9_s", q->T_band_s[0][1]);
    ir_json_key(o, "floor");
    ir_json_bool(o, isfinite(q->T_eager_s[0]));
    for (int b = 0; b < 2; b++) {
        ir_json_key_num(o, b ? "T_eager_hi_s" : "T_eager_lo_s", q->T_eager_s[b]);
        ir_json_key_num(o, b ? "T_graph_hi_s" : "T_graph_lo_s", q->T_graph_s[b]);
    }
    ir_json_key_text(o, "bound", ir_bound_name(q->bound));
    ir_json_key_num(o, "bound_p", q->bound_p);
}

ir_status predict_line(ir_journal *j, const prediction *q)
{
    char     unit[24];
    ir_json *o = ir_line_begin(j, "prediction");
    if (!o) return ir_line_end(j);
    ir_json_key_text(o, "device", q->view->name);
    ir_json_key_text(o, "device_name", q->view->title);
    ir_json_key_text(o, "source", ir_source_name(q->view->source));
    ir_json_key_text(o, "workload", q->workload->name);
    ir_json_key_text(o, "dtype", ir_dtype_name(q->p.dtype));
    ir_json_key(o, "threads");
    ir_json_int(o, q->p.threads);
    params(o, q->workload, &q->p);
    predict_line_cost(o, q);
    predict_line_law(o, q);
    ir_json_key_num(o, "rate", q->rate);
    snprintf(unit, sizeof unit, "%s%s", q->rate_item, *q->rate_item ? "/s" : "");
    ir_json_key_text(o, "rate_unit", unit);
    ir_json_key(o, "crossover_batch");
    if (q->crossover > 0)
        ir_json_int(o, q->crossover);
    else
        ir_json_null(o);
    return ir_line_end(j);
}

ir_status predict_line_nodes(ir_journal *j, const prediction *q, const predict_cluster *c)
{
    ir_json *o = ir_line_begin(j, "prediction-nodes");
    if (!o) return ir_line_end(j);
    ir_json_key_text(o, "device", q->view->name);
    ir_json_key_text(o, "workload", q->workload->name);
    ir_json_key_text(o, "dtype", ir_dtype_name(q->p.dtype));
    params(o, q->workload, &q->p);
    ir_json_key(o, "nodes");
    ir_json_int(o, c->nodes);
    ir_json_key_num(o, "BW_net", c->net.BW_net);
    ir_json_key_num(o, "L_net", c->net.L_net);
    ir_json_key_num(o, "summed_B", c->V_B);
    ir_json_key_num(o, "network_s", c->sum_s);
    ir_json_key_num(o, "step_s", c->step_s);
    ir_json_key_text(o, "bound", c->bound ? "network" : ir_bound_name(q->bound));
    ir_json_key(o, "gives_way_nodes");
    if (c->gives_way)
        ir_json_int(o, c->gives_way);
    else
        ir_json_null(o);
    ir_json_key_num(o, "ridge", c->ridge);
    return ir_line_end(j);
}
