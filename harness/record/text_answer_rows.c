/* text_answer_rows.c -- which workloads the last screen shows, and what they and their speed are called. */
#include "harness/record/text_answer.h"

#include <math.h>
#include <string.h>

#define WIDE 0.10 /* half of an interval beside its value: from here on the number carries the mark */

bool ir_answer_doubtful(double half_width, uint32_t flags)
{
    return flags & (IR_FLAG_SUSPECT | IR_FLAG_PREEMPTED) || half_width >= WIDE;
}

bool ir_answer_unusable(const ir_answer *a) { return a->quality && a->quality->value == IR_QUALITY_UNUSABLE; }

/* ---- selection ------------------------------------------------------------------------------- */
static bool is_shown(const ir_point *p, bool networks)
{
    if (p->status != IR_OK || p->id.for_ceiling || !(ir_point_time(p) > 0) || !strcmp(p->id.family, "layer"))
        return false;
    return networks ? ir_point_is_network(p) : true;
}

static void take_faster(const ir_point **best, const ir_point *p)
{
    if (!*best || ir_point_time(p) < ir_point_time(*best)) *best = p;
}

/* The question that p[at] is the first point of: its fastest kernels. A naive rung counts only alone. */
static void gather_row(const ir_point *p, size_t n, size_t at, ir_answer_row *r)
{
    const ir_point *naive = NULL;
    memset(r, 0, sizeof *r);
    for (size_t i = at; i < n; i++) {
        if (!is_shown(&p[i], false) || !ir_same_question(&p[i], &p[at])) continue;
        if (p[i].id.kflags & IR_K_NAIVE)
            take_faster(&naive, &p[i]);
        else
            take_faster(p[i].id.kflags & IR_K_LIB ? &r->library : &r->own, &p[i]);
    }
    r->p = r->own ? r->own : r->library ? r->library : naive;
    if (r->own && r->library) take_faster(&r->p, r->library);
}

static bool asked_before(const ir_point *p, size_t at, bool networks)
{
    for (size_t i = 0; i < at; i++)
        if (is_shown(&p[i], networks) && ir_same_question(&p[i], &p[at])) return true;
    return false;
}

size_t ir_answer_rows(const ir_point *p, size_t n, ir_answer_row out[IR_ANSWER_ROWS], size_t *more)
{
    size_t m = 0;
    bool   networks = false;
    *more = 0;
    for (size_t i = 0; i < n; i++) networks |= is_shown(&p[i], true);
    for (size_t i = 0; i < n; i++) {
        if (!is_shown(&p[i], networks) || asked_before(p, i, networks)) continue;
        if (m == IR_ANSWER_ROWS)
            ++*more;
        else
            gather_row(p, n, i, &out[m++]);
    }
    return m;
}

/* ---- names ----------------------------------------------------------------------------------- */
static const struct {
    const char *workload, *name;
} known_names[] = {{"resnet50", "ResNet-50"},
                   {"mobilenetv2", "MobileNetV2"},
                   {"gpt2", "GPT-2"},
                   {"gpt", "GPT"},
                   {"llama", "Llama"},
                   {"dscnn", "DS-CNN"},
                   {"dlrm", "DLRM"},
                   {"bert", "BERT"},
                   {"vit", "ViT"},
                   {"mixtral", "Mixtral"},
                   {"resnet50_shared", "ResNet-50 shared"},
                   {"gpt2_shared", "GPT-2 shared"}};

static const char *workload_name(const ir_point *p)
{
    for (size_t i = 0; i < sizeof known_names / sizeof *known_names; i++)
        if (!strcmp(known_names[i].workload, p->id.workload)) return known_names[i].name;
    return p->id.workload;
}

static int index_of_param(const ir_point *p, const char *name)
{
    for (int i = 0; i < p->id.np; i++)
        if (!strcmp(p->id.pname[i], name)) return i;
    return -1;
}

static long long param_or(const ir_point *p, const char *name, long long otherwise)
{
    int i = index_of_param(p, name);
    return i < 0 ? otherwise : (long long)p->id.p.v[i];
}

/* Parameters that a network's name says only where they are not the usual; those of any kind of network. */
static const struct {
    const char *param, *usual, *lead;
} unusual[] = {{"res", "224", "res "},     {"width", "1.0", "width "},      {"rows", "0", "rows "},
               {"zipf", "0", "zipf "},     {"format", "auto none row", ""}, {"kv", "auto f32", "kv "},
               {"past", "0 128", "after "}};

/* Is text one of the words of a list? */
static bool among(const char *list, const char *text)
{
    size_t n = strlen(text);
    for (const char *at = list; n && (at = strstr(at, text)); at += n)
        if ((at == list || at[-1] == ' ') && (!at[n] || at[n] == ' ')) return true;
    return false;
}

/* A parameter's word, else its number; "" where there is none. */
static const char *param_text(const ir_point *p, const char *name, char buf[24])
{
    const int i = index_of_param(p, name);
    if (i < 0) return "";
    if (*p->id.pword[i]) return p->id.pword[i];
    snprintf(buf, 24, "%lld", (long long)p->id.p.v[i]);
    return buf;
}

/* Of a network: what tells one shape from another in few words. */
static size_t network_shape(const ir_point *p, char *buf, size_t n)
{
    size_t      at = 0;
    char        number[24];
    long long   tokens = param_or(p, "tokens", -1), layers = param_or(p, "layers", -1);
    bool        decoder = index_of_param(p, "past") >= 0;
    const char *size = param_text(p, "size", number);
    if (*size && !among("small base", size)) at = ir_text_append(buf, n, at, " %s", size);
    if (layers > 0) at = ir_text_append(buf, n, at, " %lldx%lld", layers, param_or(p, "width", 0));
    if (tokens == 1 && decoder) at = ir_text_append(buf, n, at, " decode");
    if (tokens > 1 && decoder) at = ir_text_append(buf, n, at, " prefill %lld", tokens);
    if (tokens > 0 && !decoder) at = ir_text_append(buf, n, at, " %lld tokens", tokens);
    for (size_t i = 0; i < sizeof unusual / sizeof *unusual; i++) {
        const char *text = param_text(p, unusual[i].param, number);
        if (layers > 0 && !strcmp(unusual[i].param, "width")) continue;
        if (!strcmp(text, ir_dtype_name(p->id.p.dtype))) continue; /* a cache in the type of the rest */
        if (*text && !among(unusual[i].usual, text))
            at = ir_text_append(buf, n, at, " %s%s", unusual[i].lead, text);
    }
    return at;
}

static size_t plain_shape(const ir_point *p, char *buf, size_t n)
{
    size_t at = 0;
    for (int i = 0; i < p->id.np; i++) {
        at = ir_text_append(buf, n, at, "%s%s=", i ? "," : " ", p->id.pname[i]);
        at = *p->id.pword[i] ? ir_text_append(buf, n, at, "%s", p->id.pword[i])
                             : ir_text_append(buf, n, at, "%lld", (long long)p->id.p.v[i]);
    }
    return at;
}

const char *ir_answer_name(const ir_point *p, char buf[IR_ANSWER_NAME])
{
    size_t    at = (size_t)snprintf(buf, IR_ANSWER_NAME, "%.31s", workload_name(p)), room = IR_ANSWER_NAME;
    long long batch = param_or(p, "batch", 1);
    at += (ir_point_is_network(p) ? network_shape : plain_shape)(p, buf + at, room - at);
    at = ir_text_append(buf, room, at, " %s", ir_dtype_name(p->id.p.dtype));
    if (ir_point_is_network(p) && (batch > 1 || index_of_param(p, "tokens") < 0))
        at = ir_text_append(buf, room, at, " b%lld", batch);
    if (p->id.cold) ir_text_append(buf, room, at, " cold");
    return buf;
}

const char *ir_answer_speed(const ir_point *p, double factor, char *buf, size_t n)
{
    const char *unit;
    double items = ir_point_items(p, &unit), T = ir_point_time(p) / factor, bytes = ir_cost_B(&p->m.cost),
           I = bytes > 0 ? p->m.cost.flops / bytes : INFINITY;
    if (items > 0 && ir_point_is_network(p)) return ir_text_many(items / T, ir_item_rate(unit), buf, n);
    if (bytes > 0 && (I < (isfinite(p->law.ridge) ? p->law.ridge : 1) || !(p->m.cost.flops > 0)))
        return ir_text_scaled(bytes / T, "B/s", buf, n);
    if (p->m.cost.flops > 0)
        return ir_text_scaled(p->m.cost.flops / T, ir_text_op_unit(p->id.p.dtype), buf, n);
    return ir_text_scaled(1 / T, "/s", buf, n);
}
