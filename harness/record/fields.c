/* fields.c -- the tables of fields.h and the writer that walks them. */
#include "harness/record/fields.h"

#include <assert.h>
#include <string.h>

/* ---- words: fixed by the format, whatever the screen calls things ---------------------------- */
#define WORDS(name, none, ...) \
    static const char *const  name##_list[] = {__VA_ARGS__}; \
    static const char        *name##_at(int i) { return name##_list[i]; } \
    static const ir_rec_words name = {name##_at, sizeof name##_list / sizeof *name##_list, none};
WORDS(what_words, -1, "bandwidth", "flops", "latency", "launch", "clock", "overlap")
WORDS(source_words, -1, "measured", "datasheet", "theory")
WORDS(form_words, -1, "additive", "overlapped")
WORDS(how_words, -1, "fitted", "pinned", "unidentified")
WORDS(cache_words, -1, "hot", "cold")
WORDS(kernel_words, -1, "naive", "nt", "fused", "ideal", "lib", "half", "graph", "waited")
static const char        *dtype_at(int i) { return ir_dtype_name((ir_dtype)i); }
static const char        *bound_at(int i) { return ir_bound_name((ir_bound)i); }
static const ir_rec_words dtype_words = {dtype_at, IR_NDTYPE, IR_NDTYPE};
static const ir_rec_words bound_words = {bound_at, IR_NBOUND, IR_BOUND_UNKNOWN};
static const char        *quality_at(int i) { return ir_quality_name((ir_quality_value)i); }
static const ir_rec_words quality_words = {quality_at, IR_NQUALITY, -1};
static const ir_rec_words flag_words = {ir_flag_name, IR_NFLAG, -1};
_Static_assert(IR_NC == 6 && sizeof(ir_what) == sizeof(int), "one word per kind of ceiling; enums are ints");

static const struct {
    ir_status   code;
    const char *status, *error;
} statuses[] = {
    {IR_OK, "ok", NULL},           {IR_SKIP, "skip", NULL},         {IR_ECHECK, "incorrect", NULL},
    {IR_EINVAL, "invalid", NULL},  {IR_EDEVICE, "error", "device"}, /* also an error that is not named */
    {IR_ENOMEM, "error", "nomem"}, {IR_EIO, "error", "io"},         {IR_EINTR, "error", "interrupted"}};
enum { NSTATUS = sizeof statuses / sizeof *statuses, STATUS_UNNAMED = 4 };

static size_t status_index(ir_status s)
{
    for (size_t i = 0; i < NSTATUS; i++)
        if (statuses[i].code == s) return i;
    return STATUS_UNNAMED;
}

const char *ir_rec_status(ir_status s) { return statuses[status_index(s)].status; }
const char *ir_rec_error(ir_status s) { return statuses[status_index(s)].error; }

bool ir_rec_status_of(const char *status, const char *error, ir_status *out)
{
    bool found = false;
    for (size_t i = 0; i < NSTATUS; i++) {
        if (strcmp(status, statuses[i].status) != 0) continue;
        bool exact = error && statuses[i].error && !strcmp(error, statuses[i].error);
        if (!found || exact) *out = statuses[i].code;
        found = true;
    }
    return found;
}

/* ---- tables ---------------------------------------------------------------------------------- */
#define AT(s, m) offsetof(s, m), sizeof(((s *)0)->m)
#define NUM(s, n, m) \
    { \
        n, REC_NUM, AT(s, m), NULL, NULL, false \
    }
#define INT(s, n, m) \
    { \
        n, REC_INT, AT(s, m), NULL, NULL, false \
    }
#define U32(s, n, m) \
    { \
        n, REC_U32, AT(s, m), NULL, NULL, false \
    }
#define SIZE(s, n, m) \
    { \
        n, REC_SIZE, AT(s, m), NULL, NULL, false \
    }
#define BOOL(s, n, m) \
    { \
        n, REC_BOOL, AT(s, m), NULL, NULL, false \
    }
#define NAME(s, n, m) \
    { \
        n, REC_NAME, AT(s, m), NULL, NULL, false \
    }
#define ID(s, n, m) \
    { \
        n, REC_NAME, AT(s, m), NULL, NULL, true \
    }
#define TEXT(s, n, m) \
    { \
        n, REC_TEXT, AT(s, m), NULL, NULL, false \
    }
#define WORD(s, n, m, w, must) \
    { \
        n, REC_WORD, AT(s, m), &(w), NULL, must \
    }
#define BITS(s, n, m, w) \
    { \
        n, REC_WORDS, AT(s, m), &(w), NULL, false \
    }
#define OBJECT(s, n, m, t) \
    { \
        n, REC_OBJECT, AT(s, m), NULL, t, false \
    }
#define GROUP(n, t) \
    { \
        n, REC_OBJECT, 0, 0, NULL, t, false \
    } /* members of the same struct, nested in the file */
#define END \
    { \
        NULL, REC_NUM, 0, 0, NULL, NULL, false \
    }

static const ir_rec_field device_flops[] = {NUM(ir_device_info, "f64", spec_flops[IR_F64]),
                                            NUM(ir_device_info, "f32", spec_flops[IR_F32]),
                                            NUM(ir_device_info, "tf32", spec_flops[IR_TF32]),
                                            NUM(ir_device_info, "f16", spec_flops[IR_F16]),
                                            NUM(ir_device_info, "bf16", spec_flops[IR_BF16]),
                                            NUM(ir_device_info, "f8", spec_flops[IR_F8]),
                                            NUM(ir_device_info, "i8", spec_flops[IR_I8]),
                                            NUM(ir_device_info, "i4", spec_flops[IR_I4]),
                                            END};
_Static_assert(IR_NDTYPE == 8, "one datasheet peak per dtype");
const ir_rec_field ir_rec_device[] = {
    ID(ir_device_info, "device", id),          TEXT(ir_device_info, "name", name),
    NAME(ir_device_info, "backend", backend),  TEXT(ir_device_info, "driver", driver),
    NAME(ir_device_info, "isa", isa),          INT(ir_device_info, "cores", cores),
    INT(ir_device_info, "threads", threads),   INT(ir_device_info, "numa_nodes", numa_nodes),
    NUM(ir_device_info, "clock_Hz", clock_Hz), NUM(ir_device_info, "mem_B", mem_B),
    NUM(ir_device_info, "llc_B", llc_B),       NUM(ir_device_info, "spec_Bps", spec_Bps),
    GROUP("spec_flops", device_flops),         END};

const ir_rec_field ir_rec_saturation[] = {TEXT(ir_saturation, "axis", axis),
                                          NUM(ir_saturation, "from", from),
                                          NUM(ir_saturation, "to", to),
                                          NUM(ir_saturation, "gain", gain),
                                          BOOL(ir_saturation, "saturated", saturated),
                                          BOOL(ir_saturation, "known", known),
                                          END};
const ir_rec_field ir_rec_ceiling[] = {NAME(ir_ceiling, "device", device),
                                       WORD(ir_ceiling, "what", what, what_words, true),
                                       NAME(ir_ceiling, "level", level),
                                       NAME(ir_ceiling, "op", op),
                                       NAME(ir_ceiling, "kernel", kernel),
                                       NAME(ir_ceiling, "isa", isa),
                                       WORD(ir_ceiling, "dtype", dtype, dtype_words, false),
                                       INT(ir_ceiling, "threads", threads),
                                       NUM(ir_ceiling, "value", value),
                                       NUM(ir_ceiling, "lo", lo),
                                       NUM(ir_ceiling, "hi", hi),
                                       NUM(ir_ceiling, "theory", theory),
                                       NUM(ir_ceiling, "read_frac", read_frac),
                                       NUM(ir_ceiling, "size_B", size_B),
                                       NUM(ir_ceiling, "read_then", ref_read_Bps),
                                       NUM(ir_ceiling, "other", alt_Bps),
                                       NUM(ir_ceiling, "other_read", alt_read_Bps),
                                       WORD(ir_ceiling, "source", source, source_words, false),
                                       BITS(ir_ceiling, "flags", flags, flag_words),
                                       TEXT(ir_ceiling, "why", why),
                                       END};

static const ir_rec_field coef[] = {NUM(ir_coef, "value", v), NUM(ir_coef, "lo", lo), NUM(ir_coef, "hi", hi),
                                    WORD(ir_coef, "how", how, how_words, true), END};
const ir_rec_field        ir_rec_fit[] = {NAME(ir_fit, "device", device),
                                          WORD(ir_fit, "form", form, form_words, true),
                                          OBJECT(ir_fit, "BW", BW, coef),
                                          OBJECT(ir_fit, "eta", eta, coef),
                                          OBJECT(ir_fit, "L_lat", L_lat, coef),
                                          NUM(ir_fit, "BW_ref", BW_ref),
                                          NUM(ir_fit, "R_peak", R_peak),
                                          NUM(ir_fit, "err_median", err_median),
                                          NUM(ir_fit, "err_p90", err_p90),
                                          NUM(ir_fit, "lofo_median", lofo_median),
                                          NUM(ir_fit, "lofo_p90", lofo_p90),
                                          NUM(ir_fit, "roof_median", roof_median),
                                          NUM(ir_fit, "roof_p90", roof_p90),
                                          NUM(ir_fit, "cond", cond),
                                          SIZE(ir_fit, "n", n),
                                          INT(ir_fit, "families", nfamily),
                                          BOOL(ir_fit, "eta_error", eta_error),
                                          END};

const ir_rec_field ir_rec_verdict[] = {ID(ir_verdict, "question", question),
                                       NAME(ir_verdict, "device", device),
                                       TEXT(ir_verdict, "answer", answer),
                                       TEXT(ir_verdict, "verdict", verdict),
                                       NUM(ir_verdict, "p", p),
                                       END};

const ir_rec_field ir_rec_cause[] = {TEXT(ir_cause, "what", what), TEXT(ir_cause, "text", text), END};
const ir_rec_field ir_rec_quality[] = {NAME(ir_quality, "device", device),
                                       WORD(ir_quality, "value", value, quality_words, true), END};

const ir_rec_field ir_rec_stats[] = {NUM(ir_stats, "median", median),
                                     NUM(ir_stats, "ci_lo", ci_lo),
                                     NUM(ir_stats, "ci_hi", ci_hi),
                                     NUM(ir_stats, "q25", q25),
                                     NUM(ir_stats, "q75", q75),
                                     NUM(ir_stats, "min", min),
                                     NUM(ir_stats, "max", max),
                                     NUM(ir_stats, "mean", mean),
                                     NUM(ir_stats, "sd", sd),
                                     NUM(ir_stats, "p90", p90),
                                     NUM(ir_stats, "p95", p95),
                                     NUM(ir_stats, "p99", p99),
                                     NUM(ir_stats, "autocorr", autocorr),
                                     SIZE(ir_stats, "n", n),
                                     SIZE(ir_stats, "outliers", outliers),
                                     BOOL(ir_stats, "bimodal", bimodal),
                                     NUM(ir_stats, "mode_lo", mode_lo),
                                     NUM(ir_stats, "mode_hi", mode_hi),
                                     END};

static const ir_rec_field bytes_by[] = {NUM(ir_rec_cost, "weights", weights_B), NUM(ir_rec_cost, "in", in_B),
                                        NUM(ir_rec_cost, "out", out_B), NUM(ir_rec_cost, "kv", kv_B), END};
static const ir_rec_field other_models[] = {NUM(ir_rec_cost, "weights", all.weights_B),
                                            NUM(ir_rec_cost, "unfused", all.unfused_B), END};
const ir_rec_field        ir_rec_point_cost[] = {NUM(ir_rec_cost, "flops", all.flops),
                                                 NUM(ir_rec_cost, "read_B", read_B),
                                                 NUM(ir_rec_cost, "write_B", write_B),
                                                 GROUP("bytes_by", bytes_by),
                                                 GROUP("bytes_other_models", other_models),
                                                 NUM(ir_rec_cost, "wa_B", wa_B),
                                                 NUM(ir_rec_cost, "launches", all.launches),
                                                 NUM(ir_rec_cost, "hops", hops),
                                                 BOOL(ir_rec_cost, "scattered", scattered),
                                                 NUM(ir_rec_cost, "scattered_B", scattered_B),
                                                 NUM(ir_rec_cost, "scatters", scatters),
                                                 NUM(ir_rec_cost, "spare_flops", all.spare_flops),
                                                 NUM(ir_rec_cost, "footprint_B", all.footprint_B),
                                                 NUM(ir_rec_cost, "near_footprint_B", near_footprint_B),
                                                 END};
static const ir_rec_field terms[] = {NUM(ir_point, "data", law.term_data_s),
                                     NUM(ir_point, "compute", law.term_comp_s),
                                     NUM(ir_point, "latency", law.term_lat_s), END};
const ir_rec_field        ir_rec_point_id[] = {ID(ir_point, "workload", id.workload),
                                               NAME(ir_point, "family", id.family),
                                               ID(ir_point, "kernel", id.kernel),
                                               ID(ir_point, "backend", id.backend),
                                               NAME(ir_point, "isa", id.isa),
                                               NAME(ir_point, "device", id.device),
                                               WORD(ir_point, "dtype", id.p.dtype, dtype_words, false),
                                               INT(ir_point, "threads", id.p.threads),
                                               WORD(ir_point, "cache", id.cold, cache_words, false),
                                               BITS(ir_point, "kflags", id.kflags, kernel_words),
                                               END};
const ir_rec_field        ir_rec_point_run[] = {U32(ir_point, "reps", m.reps),
                                                TEXT(ir_point, "stop", m.stop),
                                                TEXT(ir_point, "warmup", m.warmup),
                                                NUM(ir_point, "warmup_s", m.warmup_s),
                                                NUM(ir_point, "overhead_s", m.overhead_s),
                                                END};
const ir_rec_field        ir_rec_point_state[] = {NUM(ir_point, "energy_J", m.joules),
                                                  NUM(ir_point, "counted_B", m.counted_B),
                                                  NUM(ir_point, "clock_Hz", m.clock_Hz),
                                                  NUM(ir_point, "steal", m.steal),
                                                  NUM(ir_point, "cpu_share", m.cpu_share),
                                                  NUM(ir_point, "preemptions", m.preemptions),
                                                  NUM(ir_point, "mem_clock_Hz", m.mem_clock_Hz),
                                                  NUM(ir_point, "power_W", m.power_W),
                                                  NUM(ir_point, "temp_C", m.temp_C),
                                                  TEXT(ir_point, "slowed", m.slowed),
                                                  NUM(ir_point, "bandwidth_now", m.bw_now),
                                                  NUM(ir_point, "launch_now", m.launch_now),
                                                  BOOL(ir_point, "for_ceiling", id.for_ceiling),
                                                  BITS(ir_point, "flags", flags, flag_words),
                                                  END};
const ir_rec_field        ir_rec_point_law[] = {NAME(ir_point, "level", law.level),
                                                NUM(ir_point, "mfu", law.mfu),
                                                NUM(ir_point, "mbu", law.mbu),
                                                NUM(ir_point, "eta", law.eta),
                                                NUM(ir_point, "eta_star", law.eta_star),
                                                NUM(ir_point, "ridge", law.ridge),
                                                GROUP("terms_s", terms),
                                                NUM(ir_point, "T_law_s", law.T_law_s),
                                                WORD(ir_point, "bound", law.bound, bound_words, false),
                                                NUM(ir_point, "bound_p", law.bound_p),
                                                NUM(ir_point, "margin", law.margin),
                                                TEXT(ir_point, "withheld", law.withheld),
                                                NAME(ir_point, "proof", law.ablation),
                                                END};

/* ---- energy and counts of a point; what is fitted over them; windows ---------------------------- */
const ir_rec_field ir_rec_energy[] = {
    TEXT(ir_point, "scope", m.energy.scope),  TEXT(ir_point, "source", m.energy.source),
    NUM(ir_point, "span_s", m.energy.span_s), NUM(ir_point, "calls", m.energy.calls),
    NUM(ir_point, "ticks", m.energy.ticks),   NUM(ir_point, "W", m.energy.W),
    NUM(ir_point, "J", m.energy.J),           NUM(ir_point, "lo", m.energy.lo),
    NUM(ir_point, "hi", m.energy.hi),         NUM(ir_point, "idle_W", m.energy.idle_W),
    TEXT(ir_point, "why", m.energy.why),      END};
const ir_rec_field        ir_rec_counts[] = {TEXT(ir_point, "source", m.counts.source),
                                             TEXT(ir_point, "version", m.counts.version),
                                             TEXT(ir_point, "group", m.counts.group),
                                             NUM(ir_point, "span_s", m.counts.span_s),
                                             NUM(ir_point, "calls", m.counts.calls),
                                             NUM(ir_point, "read_B", m.counts.read_B),
                                             NUM(ir_point, "write_B", m.counts.write_B),
                                             NUM(ir_point, "flops", m.counts.flops),
                                             NUM(ir_point, "l2_B", m.counts.l2_B),
                                             NUM(ir_point, "l3_B", m.counts.l3_B),
                                             NUM(ir_point, "cycles", m.counts.cycles),
                                             NUM(ir_point, "instructions", m.counts.instructions),
                                             NUM(ir_point, "background_Bps", m.counts.background_Bps),
                                             TEXT(ir_point, "certificate", m.counts.certificate),
                                             TEXT(ir_point, "why", m.counts.why),
                                             END};
static const ir_rec_field joule[] = {NUM(ir_joule, "value", v), NUM(ir_joule, "lo", lo),
                                     NUM(ir_joule, "hi", hi), BOOL(ir_joule, "known", known), END};
const ir_rec_field        ir_rec_energy_fit[] = {NAME(ir_energy_fit, "device", device),
                                                 TEXT(ir_energy_fit, "scope", scope),
                                                 TEXT(ir_energy_fit, "source", source),
                                                 INT(ir_energy_fit, "threads", threads),
                                                 OBJECT(ir_energy_fit, "J_per_byte", move_JpB, joule),
                                                 OBJECT(ir_energy_fit, "J_per_flop", comp_JpF, joule),
                                                 OBJECT(ir_energy_fit, "base_W", base_W, joule),
                                                 NUM(ir_energy_fit, "idle_W", idle_W),
                                                 NUM(ir_energy_fit, "idle_after_W", idle_after_W),
                                                 NUM(ir_energy_fit, "err_median", err_median),
                                                 NUM(ir_energy_fit, "cond", cond),
                                                 SIZE(ir_energy_fit, "n", n),
                                                 SIZE(ir_energy_fit, "spin", nspin),
                                                 TEXT(ir_energy_fit, "why", why),
                                                 END};
const ir_rec_field        ir_rec_series[] = {
           NAME(ir_series, "device", device),        ID(ir_series, "key", key),
           NUM(ir_series, "window_s", window_s),     BOOL(ir_series, "known", s.known),
           NUM(ir_series, "peak_per_s", s.peak),     NUM(ir_series, "sustained_per_s", s.sustained),
           NUM(ir_series, "slope_per_min", s.slope), NUM(ir_series, "slope_lo", s.slope_lo),
           NUM(ir_series, "slope_hi", s.slope_hi),   BOOL(ir_series, "settled", s.settled),
           NUM(ir_series, "drop_s", s.drop_s),       TEXT(ir_series, "cause", s.cause),
           TEXT(ir_series, "evidence", s.evidence),  END};

/* ---- writing --------------------------------------------------------------------------------- */
static int word_value(const ir_rec_field *f, const char *at)
{
    int v = 0;
    if (f->size == sizeof(bool)) return *(const bool *)at;
    assert(f->size == sizeof v);
    memcpy(&v, at, sizeof v);
    return v;
}

static void write_word(ir_json *o, const ir_rec_words *w, int v)
{
    if (v < 0 || v >= w->count || v == w->unknown)
        ir_json_null(o);
    else
        ir_json_str(o, w->at(v));
}

static void write_bits(ir_json *o, const ir_rec_words *w, uint32_t bits)
{
    ir_json_open(o, '[');
    for (int i = 0; i < w->count; i++)
        if (bits >> i & 1u) ir_json_str(o, w->at(i));
    ir_json_close(o, ']');
}

static void fields_write_one(ir_json *o, const ir_rec_field *f, const char *at)
{
    switch (f->kind) {
    case REC_NUM: ir_json_num(o, *(const double *)(const void *)at); break;
    case REC_INT: ir_json_int(o, *(const int *)(const void *)at); break;
    case REC_U32: ir_json_int(o, *(const uint32_t *)(const void *)at); break;
    case REC_SIZE: ir_json_int(o, (int64_t) * (const size_t *)(const void *)at); break;
    case REC_BOOL: ir_json_bool(o, *(const bool *)at); break;
    case REC_NAME:
    case REC_TEXT: f->required ? ir_json_str(o, at) : ir_json_text(o, at); break;
    case REC_WORD: write_word(o, f->words, word_value(f, at)); break;
    case REC_WORDS: write_bits(o, f->words, *(const uint32_t *)(const void *)at); break;
    case REC_OBJECT:
        ir_json_open(o, '{');
        ir_rec_write(o, f->sub, at);
        ir_json_close(o, '}');
        break;
    }
}

void ir_rec_write(ir_json *o, const ir_rec_field *f, const void *base)
{
    for (; f->name; f++) {
        ir_json_key(o, f->name);
        fields_write_one(o, f, (const char *)base + f->off);
    }
}
