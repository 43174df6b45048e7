/* cost_parts.c -- a cost between its parts in memory and its sums in a file. */
#include "harness/record/fields.h"

#include <math.h>
#include <string.h>

void ir_rec_cost_of(const ir_cost *c, ir_rec_cost *o)
{
    *o = (ir_rec_cost){.read_B = ir_cost_read_B(c),
                       .write_B = ir_cost_write_B(c),
                       .weights_B = ir_cost_weights_B(c),
                       .in_B = ir_cost_of(c, IR_OF_IN),
                       .out_B = ir_cost_of(c, IR_OF_OUT),
                       .kv_B = ir_cost_of(c, IR_OF_KV),
                       .wa_B = ir_cost_wa_B(c),
                       .hops = ir_cost_accesses(c, IR_DEPENDENT),
                       .scattered = ir_cost_all_random(c),
                       .scattered_B = ir_cost_random_B(c),
                       .scatters = ir_cost_accesses(c, IR_RANDOM),
                       .near_footprint_B = c->part[IR_OF_IN].footprint_B,
                       .all = *c};
    if (ir_cost_of(c, IR_OF_REST) > 0 && !(o->weights_B + o->in_B + o->out_B + o->kv_B > 0))
        o->weights_B = o->in_B = o->out_B = o->kv_B = NAN; /* which classes its bytes are of is not known */
}

static double known_B(double v) { return v > 0 ? v : 0; }

static const ir_of writers[] = {IR_OF_OUT, IR_OF_KV, IR_OF_IN, IR_OF_WEIGHTS};
enum { NWRITERS = sizeof writers / sizeof *writers };

/* Gives the classes, whose bytes of both directions are in read_B, their writes. */
static void cost_parts_writes(double write_B, double wa_B, ir_traffic part[IR_NPART])
{
    for (int i = 0; i < NWRITERS; i++) {
        ir_traffic *t = &part[writers[i]];
        t->write_B = fmax(fmin(t->read_B, write_B), 0);
        t->wa_B = fmax(fmin(t->write_B, wa_B), 0);
        t->read_B -= t->write_B;
        write_B -= t->write_B;
        wa_B -= t->wa_B;
    }
    part[IR_OF_REST].write_B = write_B;
    part[IR_OF_REST].wa_B = wa_B;
}

void ir_rec_cost_parts(const ir_rec_cost *f, ir_cost *o)
{
    const double rows_B = known_B(f->scattered ? f->weights_B : f->scattered_B);
    *o = f->all;
    memset(o->part, 0, sizeof o->part);
    o->part[IR_OF_WEIGHTS].read_B = known_B(f->weights_B) - rows_B;
    o->part[IR_OF_IN].read_B = known_B(f->in_B);
    o->part[IR_OF_OUT].read_B = known_B(f->out_B);
    o->part[IR_OF_KV].read_B = known_B(f->kv_B);
    cost_parts_writes(f->write_B, f->wa_B, o->part);
    if (rows_B > 0 || f->scatters > 0)
        o->part[IR_OF_ROWS] =
            (ir_traffic){.read_B = rows_B, .access = IR_RANDOM, .accesses = known_B(f->scatters)};
    o->part[IR_OF_REST].read_B = f->read_B - ir_cost_read_B(o);
    if (f->hops > 0) {
        o->part[IR_OF_IN].access = IR_DEPENDENT;
        o->part[IR_OF_IN].accesses = f->hops;
    }
    for (int i = 0; i < IR_NPART && f->scattered; i++) o->part[i].access = IR_RANDOM;
    o->part[IR_OF_IN].footprint_B = o->part[IR_OF_OUT].footprint_B = f->near_footprint_B;
}
