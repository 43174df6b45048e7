/* plan.c -- see plan.h. */
#include "harness/plan.h"

const ir_plan_ops *ir_plan_of(const ir_kernel *k)
{
    static const ir_plan_ops none = {0};
    return k && k->ops ? k->ops : &none;
}

ir_status ir_plan_make(ir_run *r) { return r->kernel->plan ? r->kernel->plan(r) : IR_OK; }

void ir_plan_destroy(ir_run *r)
{
    const ir_plan_ops *o = ir_plan_of(r->kernel);
    if (o->destroy) o->destroy(r);
}

ir_status ir_plan_prepare(ir_run *r)
{
    const ir_plan_ops *o = ir_plan_of(r->kernel);
    return o->prepare ? o->prepare(r) : IR_OK;
}

void ir_plan_unprepare(ir_run *r)
{
    const ir_plan_ops *o = ir_plan_of(r->kernel);
    if (o->unprepare) o->unprepare(r);
    r->packed = NULL;
}

uint32_t ir_plan_consumes(const ir_run *r)
{
    const ir_plan_ops *o = ir_plan_of(r->kernel);
    return o->consumes ? o->consumes(r) : 0;
}

void ir_plan_drop_scratch(ir_run *r)
{
    const ir_plan_ops *o = ir_plan_of(r->kernel);
    if (o->drop_scratch) o->drop_scratch(r);
}

void ir_plan_cost(const ir_run *r, ir_cost *c)
{
    const ir_plan_ops *o = ir_plan_of(r->kernel);
    if (o->cost) o->cost(r, c);
}
