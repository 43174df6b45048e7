/* vary.c -- one of the many machines that a description stands for: sizes, rates, latencies, efficiencies and
 * noise within what parts of one kind differ by. Ratios that a rule might lean on move independently, so that
 * none can be tuned to the files. */
#include "kernels/model/machine.h"
#include "kernels/model/dice.h"

#include <math.h>

static void vary_level(model_dice *d, model_machine *m, int l)
{
    model_level *x = &m->level[l], *in = l ? x - 1 : NULL;
    bool         memory = l == m->nlevel - 1;
    if (!memory) x->size_B *= model_about(d, 0.5);
    x->latency_s *= model_about(d, 0.2);
    double rate = model_about(d, 0.25);
    x->core_Bps *= rate;
    x->all_Bps *= rate * model_about(d, 0.1);
    x->write *= model_about(d, 0.15);
    x->mix += 0.1 * (model_uniform(d) - 0.5);
    if (!in) return;
    x->size_B = fmax(x->size_B, 3 * in->size_B);
    x->latency_s = fmax(x->latency_s, 1.5 * in->latency_s);
    x->core_Bps = fmin(x->core_Bps, 0.8 * in->core_Bps);
}

static void vary_kernel(model_dice *d, model_kernel *k, bool ceilings)
{
    if (!ceilings) k->data = fmin(k->data * model_about(d, 0.06), 1);
    if (!ceilings) k->comp = fmin(k->comp * model_about(d, 0.08), 1);
    k->overlap = fmax(1, fmin(k->overlap * model_about(d, 0.3), 64));
}

void model_vary(model_machine *m, uint64_t seed)
{
    model_dice d = {seed * 0x9E3779B97F4A7C15u + 1, 0};
    for (const char *c = m->name; *c; c++)
        d.seed = d.seed * 31 + (unsigned char)*c; /* another one of each machine */
    if (seed == 0) return;
    for (int l = 0; l < m->nlevel; l++) vary_level(&d, m, l);
    for (int i = 0; i < m->nfar; i++) {
        const model_level *own = &m->level[m->nlevel - 1];
        double             rate = model_about(&d, 0.2);
        m->far[i].latency_s = fmax(m->far[i].latency_s * model_about(&d, 0.2), 1.1 * own->latency_s);
        m->far[i].core_Bps *= rate;
        m->far[i].all_Bps *= rate;
    }
    double clock = model_about(&d, 0.15);
    m->clock.one_Hz *= clock;
    m->clock.all_Hz = fmin(m->clock.all_Hz * clock * model_about(&d, 0.05), m->clock.one_Hz);
    m->launch.first_s *= model_about(&d, 0.3);
    m->launch.thread_s *= model_about(&d, 0.3);
    m->memory.nt *= model_about(&d, 0.08);
    m->memory.lines *= model_about(&d, 0.3);
    m->memory.prefetch = fmax(m->memory.prefetch * model_about(&d, 0.3), m->memory.lines);
    m->memory.evade = fmin(m->memory.evade * model_about(&d, 0.2), 1);
    for (int k = 0; k < MODEL_NCLASS; k++)
        vary_kernel(&d, &m->kernel[k], k == MODEL_STREAM); /* streams are what ceilings are made of */
    m->disturb.noise *= model_about(&d, 0.5);
    m->seed = (double)(seed % 1000000007u + 1);
}
