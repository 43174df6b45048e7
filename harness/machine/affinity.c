/* affinity.c -- CPU masks of up to IR_CPU_BITS processors and the calling thread's affinity.
 * Elsewhere than on Linux get/set/pin answer ENOSYS. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { WORD = 8 * sizeof(unsigned long) };

void ir_cpumask_add(ir_cpumask *m, int cpu)
{
    if (cpu >= 0 && cpu < IR_CPU_BITS) m->w[cpu / WORD] |= 1ul << (cpu % WORD);
}

bool ir_cpumask_has(const ir_cpumask *m, int cpu)
{
    return cpu >= 0 && cpu < IR_CPU_BITS && (m->w[cpu / WORD] >> (cpu % WORD) & 1);
}

int ir_cpumask_count(const ir_cpumask *m)
{
    int n = 0;
    for (size_t i = 0; i < sizeof m->w / sizeof *m->w; i++) n += __builtin_popcountl(m->w[i]);
    return n;
}

void ir_cpumask_parse(ir_cpumask *m, const char *list)
{
    memset(m, 0, sizeof *m);
    for (char *end; *list; list = *end == ',' ? end + 1 : "") {
        long lo = strtol(list, &end, 10), hi = lo;
        if (end == list) return;
        if (*end == '-') hi = strtol(end + 1, &end, 10);
        for (long c = lo; c <= hi && c < IR_CPU_BITS; c++) ir_cpumask_add(m, (int)c);
    }
}

#ifdef __linux__
int ir_cpumask_get(ir_cpumask *m)
{
    memset(m, 0, sizeof *m);
    return sched_getaffinity(0, sizeof *m, (cpu_set_t *)(void *)m->w) ? errno : 0;
}

int ir_cpumask_set(const ir_cpumask *m)
{
    return sched_setaffinity(0, sizeof *m, (const cpu_set_t *)(const void *)m->w) ? errno : 0;
}
#else
int ir_cpumask_get(ir_cpumask *m)
{
    memset(m, 0, sizeof *m);
    return ENOSYS;
}
int ir_cpumask_set(const ir_cpumask *m)
{
    (void)m;
    return ENOSYS;
}
#endif

int ir_cpumask_pin(int cpu)
{
    ir_cpumask m = {{0}};
    if (cpu < 0 || cpu >= IR_CPU_BITS) return EINVAL;
    ir_cpumask_add(&m, cpu);
    return ir_cpumask_set(&m);
}
