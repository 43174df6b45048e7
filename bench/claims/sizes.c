/* sizes.c -- the tensors that a rule names by the machine's last-level cache instead of by a number. */
#include "bench/claims/claims.h"

#include <stdlib.h>
#include <string.h>

enum { DRAM_LEAST = 1 << 25, CACHE_UNKNOWN = 1 << 16, CACHE_LEAST = 1 << 10 };
static const double f32_B = 4, TENSORS = 3; /* in, out and one between */

static bool sizes_known(double v) { return v > 0; } /* also not NAN */

/* Four times the cache, and 134 MB at least: a virtual machine may be served by more cache than it is told
 * of. */
static ir_status beyond_cache(const claim_evidence *e, int64_t *out)
{
    double n = DRAM_LEAST;
    while (sizes_known(e->llc_B) && f32_B * n < 4 * e->llc_B) n *= 2;
    while (sizes_known(e->mem_B) && TENSORS * f32_B * n > e->mem_B / 4) n /= 2;
    *out = (int64_t)n;
    if (!sizes_known(e->llc_B) || f32_B * n >= 4 * e->llc_B) return IR_OK;
    return ir_fail(IR_EINVAL,
                   "three tensors of four times the last-level cache (%.3g MB) would take more than a "
                   "quarter of the memory (%.3g MB)",
                   e->llc_B / 1e6, e->mem_B / 1e6);
}

/* All three in three eighths of it. */
static int64_t within_cache(const claim_evidence *e)
{
    int64_t n = CACHE_LEAST;
    if (!sizes_known(e->llc_B)) return CACHE_UNKNOWN;
    while (8 * f32_B * (double)(2 * n) <= e->llc_B) n *= 2;
    return n;
}

/* "dram}", "cache/1024}": *end behind the brace. */
static ir_status size_named(const claim_evidence *e, const char *at, const char **end, int64_t *out)
{
    const size_t len = strcspn(at, " /}");
    const char  *over = at + len + strspn(at + len, " "); /* a formatter may put blanks around the stroke */
    int64_t      by = *over == '/' ? atoll(over + 1) : 1;
    ir_status    st = IR_OK;
    if (len == 4 && !strncmp(at, "dram", len))
        st = beyond_cache(e, out);
    else if (len == 5 && !strncmp(at, "cache", len))
        *out = within_cache(e);
    else
        return ir_fail(IR_EINVAL, "no size '{%.16s'", at);
    *end = strchr(at, '}');
    if (!*end || by < 1) return ir_fail(IR_EINVAL, "no size '{%.16s'", at);
    *out = *out > by ? *out / by : 1;
    ++*end;
    return st;
}

ir_status claim_spec_text(const claim_evidence *e, const char *spec, char *buf, size_t n)
{
    size_t at = 0;
    buf[0] = 0;
    while (*spec) {
        int64_t   size = 0;
        size_t    plain = strcspn(spec, "{");
        int       m = snprintf(buf + at, n - at, "%.*s", (int)plain, spec);
        ir_status st = IR_OK;
        spec += plain;
        at += (size_t)m;
        if (at < n && *spec == '{') {
            st = size_named(e, spec + 1, &spec, &size);
            if (st == IR_OK) at += (size_t)snprintf(buf + at, n - at, "%lld", (long long)size);
        }
        if (st != IR_OK) return st;
        if (at >= n) return ir_fail(IR_EINVAL, "a point's text longer than %zu", n - 1);
    }
    return IR_OK;
}
