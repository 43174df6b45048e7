/* count_rule.c -- which of likwid's groups and metrics tell what. Names of groups change between versions for
 * one processor (Zen 4: MEM1 and MEM2, MEMREAD and MEMWRITE, MEM), so that they are found by expressions. */
#define _GNU_SOURCE
#include "harness/machine/witness.h"
#include "harness/left_out.h"
#include "harness/pattern.h"

#include <math.h>
#include <string.h>

const char *const ir_count_names[IR_NCOUNT] = {"dram", "flops", "l2", "l3", "clock", "energy"};
/* total: of metrics that are parts and their sum, the sum. beside: joules of the memory. */
static const struct {
    const char *group, *metric, *total, *beside;
} rules[IR_NCOUNT] = {
    {"^MEM([0-9]|READ|WRITE)?$", "^Memory .*data volume", NULL, NULL},
    {"^FLOPS(_SP)?$", "^(SP|SP \\(FP\\)|FP rate).*MFLOP/s", NULL, NULL},
    {"^L2$", "L2.* data volume", "^(L1<->)?L2 (access )?data volume", NULL},
    {"^L3$", "L3.* data volume", "^(L2<->)?L3 (access )?data volume", NULL},
    {"^CLOCK$", "^Clock \\[MHz\\]", NULL, NULL},
    {"^ENERGY$", "^Energy (PKG |DRAM )?\\[J\\]", NULL, "^Energy DRAM"},
};
/* Groups called MEM that count something nearer to the core. */
static const struct {
    ir_count    what;
    const char *cpu, *why;
} exceptions[] = {{IR_COUNT_DRAM, "arm8", "its group MEM counts refills of the L2, not DRAM"},
                  {IR_COUNT_DRAM, "arm8_n1", "its group MEM counts accesses of the cores, not DRAM"},
                  {IR_COUNT_DRAM, "phi", "its group MEM counts misses of the L1, not DRAM"},
                  {IR_COUNT_DRAM, "silvermont", "its group MEM counts requests to the L2, not DRAM"},
                  {IR_COUNT_DRAM, "core2", "its group MEM counts bus transactions of one core, not DRAM"},
                  {IR_COUNT_DRAM, "atom", "its group MEM counts bus transactions of one core, not DRAM"}};

static bool rule_matches(const char *pattern, const char *text)
{
    regex_t   re;
    const int rc = regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB);
    if (rc == REG_ESPACE) ir_left_out("a kind of counts");
    if (rc) return false;
    const bool found = ir_pattern_found(&re, text);
    regfree(&re);
    return found;
}

static bool rule_is(const char *pattern, const char *text) { return pattern && rule_matches(pattern, text); }

bool ir_count_group(ir_count what, const char *group) { return rule_matches(rules[what].group, group); }

static double rule_unit(const char *metric, bool *rate)
{
    static const struct {
        const char *text;
        double      unit;
        bool        rate;
    } units[] = {{"[GByte", 1e9, false}, {"[MByte", 1e6, false}, {"[KByte", 1e3, false},
                 {"MFLOP/s", 1e6, true}, {"GFLOP/s", 1e9, true}, {"[MHz]", 1e6, false},
                 {"[J]", 1, false}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strstr(metric, units[i].text)) return *rate = units[i].rate, units[i].unit;
    return NAN;
}

bool ir_count_metric(ir_count what, const char *metric, ir_part *part, double *unit, bool *rate)
{
    if (!rule_matches(rules[what].metric, metric)) return false;
    *unit = rule_unit(metric, rate);
    *part = rule_is(rules[what].total, metric)                      ? IR_PART_TOTAL
            : rule_is(rules[what].beside, metric)                   ? IR_PART_BESIDE
            : rule_matches(" (read|load)( |$)", metric)             ? IR_PART_READ
            : rule_matches(" (write|writeback|evict)( |$)", metric) ? IR_PART_WRITE
                                                                    : IR_PART_BOTH;
    return !isnan(*unit);
}

const char *ir_count_exception(ir_count what, const char *cpu)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        if (exceptions[i].what == what && !strcmp(exceptions[i].cpu, cpu)) return exceptions[i].why;
    return NULL;
}

bool ir_counts_certify(const char *what, double counted, double known, double lo, double hi, char *text,
                       size_t cap)
{
    double share = counted / known;
    bool   fine = share >= lo && share <= hi;
    if (isnan(share))
        snprintf(text, cap, "not trusted: counted nothing of a known %s", what);
    else
        snprintf(text, cap, "%scounts %.2f of a known %s", fine ? "" : "not trusted: ", share, what);
    return fine;
}
