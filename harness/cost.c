/* cost.c -- sums over the parts of a cost. */
#include "harness/cost.h"

double ir_cost_read_B(const ir_cost *c)
{
    double sum = 0;
    for (int i = 0; i < IR_NPART; i++) sum += c->part[i].read_B;
    return sum;
}

double ir_cost_write_B(const ir_cost *c)
{
    double sum = 0;
    for (int i = 0; i < IR_NPART; i++) sum += c->part[i].write_B;
    return sum;
}

double ir_cost_wa_B(const ir_cost *c)
{
    double sum = 0;
    for (int i = 0; i < IR_NPART; i++) sum += c->part[i].wa_B;
    return sum;
}

double ir_cost_B(const ir_cost *c) { return ir_cost_read_B(c) + ir_cost_write_B(c); }
double ir_cost_of(const ir_cost *c, ir_of part) { return c->part[part].read_B + c->part[part].write_B; }

double ir_cost_weights_B(const ir_cost *c)
{
    return ir_cost_of(c, IR_OF_WEIGHTS) + ir_cost_of(c, IR_OF_ROWS);
}

double ir_cost_apart_B(const ir_cost *c)
{
    double sum = 0;
    for (int i = 0; i < IR_NPART; i++)
        if (c->part[i].footprint_B > 0) sum += ir_cost_of(c, (ir_of)i);
    return sum;
}

bool ir_cost_all_random(const ir_cost *c)
{
    bool any = false;
    for (int i = 0; i < IR_NPART; i++) {
        if (ir_cost_of(c, (ir_of)i) == 0) continue;
        if (c->part[i].access != IR_RANDOM) return false;
        any = true;
    }
    return any;
}

double ir_cost_random_B(const ir_cost *c)
{
    double sum = 0;
    if (ir_cost_all_random(c)) return 0;
    for (int i = 0; i < IR_NPART; i++)
        if (c->part[i].access == IR_RANDOM) sum += ir_cost_of(c, (ir_of)i);
    return sum;
}

double ir_cost_accesses(const ir_cost *c, ir_access access)
{
    double sum = 0;
    for (int i = 0; i < IR_NPART; i++)
        if (c->part[i].access == access) sum += c->part[i].accesses;
    return sum;
}

void ir_cost_past_caches(ir_cost *c)
{
    for (int i = 0; i < IR_NPART; i++) c->part[i].wa_B = 0;
}
