/* what_if.c -- --set KEY=VALUE taken apart, and workloads widened to dtypes of other machines. */
#include "bench/cli/cli.h"
#include "bench/predict/predict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static ir_status what_if_value_of(const char *key, const char *text, predict_setting *out)
{
    static const char letters[] = "KMGTP";
    char             *end = (char *)(uintptr_t)text;
    bool              hex = strcspn(text, "xX") + 1 < strlen(text); /* strtod would read 0x10 as 16 */
    double            v = hex ? NAN : strtod(text, &end);
    const char       *at = end != text && *end ? strchr(letters, *end == 'k' ? 'K' : *end) : NULL;
    if (at) {
        for (const char *l = letters; l <= at; l++) v *= 1000;
        end++;
    }
    out->times = end != text && !strcmp(end, "x");
    if (out->times) end++;
    if (hex || end == text || *end || !isfinite(v))
        return ir_fail(IR_EINVAL, "--set %s=%.40s: write a value (1.5e12, 1.5T) or a factor (2x)", key, text);
    out->v = v;
    out->given = true;
    return IR_OK;
}

ir_status predict_set(predict_what_if *w, const char *text)
{
    static const char *const names[] = {"BW", "R_peak", "eta", "L_lat", "BW_net", "L_net"};
    predict_setting *const   field[] = {&w->BW, &w->R_peak, &w->eta, &w->L_lat, &w->BW_net, &w->L_net};
    char                     key[16];
    size_t                   n = strcspn(text, "="), which;
    if (!text[n]) return ir_fail(IR_EINVAL, "--set %.40s: KEY=VALUE expected, as in BW=2x or L_lat=0", text);
    snprintf(key, sizeof key, "%.*s", (int)(n < sizeof key ? n : sizeof key - 1), text);
    ir_status st = cli_choose("--set key", key, names, sizeof names / sizeof *names, &which);
    if (st == IR_OK && field[which]->given) st = ir_fail(IR_EINVAL, "--set %s is given twice", key);
    if (st == IR_OK) st = what_if_value_of(key, text + n + 1, field[which]);
    if (st != IR_OK) return st;
    double v = field[which]->v;
    if (v < 0 || (v == 0 && which != 3 && which != 5))
        return ir_fail(IR_EINVAL, "--set %s: must be above 0", text);
    if (which >= 4 && field[which]->times)
        return ir_fail(IR_EINVAL, "--set %s: a value expected: there is no network to multiply", text);
    if (which == 2 && !field[which]->times && v > 1)
        return ir_fail(IR_EINVAL, "--set %s: an efficiency is at most 1", text);
    return IR_OK;
}

/* ---- dtypes ---------------------------------------------------------------------------------- */
static bool in_any_dtype(const ir_workload *w)
{
    static const char *const families[] = {"gemm",      "gemv", "cnn",     "gpt",    "dlrm",
                                           "encoder",   "moe",  "mixtral", "conv",   "linear",
                                           "attention", "norm", "act",     "softmax"};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (!strcmp(w->family, families[i])) return true;
    return false;
}

const ir_workload *const *predict_workloads(const ir_workload *const *table)
{
    enum { MAX = 64 };
    static ir_workload        copy[MAX];
    static const ir_workload *list[MAX + 1];
    size_t                    n = 0;
    for (; table[n] && n < MAX; n++) {
        copy[n] = *table[n];
        if (in_any_dtype(table[n]))
            copy[n].dtypes |= 1u << IR_F32 | 1u << IR_TF32 | 1u << IR_F16 | 1u << IR_BF16 | 1u << IR_F8 |
                              1u << IR_I8 | 1u << IR_I4;
        list[n] = &copy[n];
    }
    list[n] = NULL;
    return list;
}
