/* energy.c -- what the fit of joules says to a claim. */
#include "bench/claims/claims.h"

#include <math.h>

bool claim_energy(const claim_evidence *e, claim_bind_kind kind, double *v, double *lo, double *hi)
{
    const ir_joule *j = !e->energy ? NULL : kind == BIND_E_MOVE ? &e->energy->move_JpB : &e->energy->comp_JpF;
    *v = *lo = *hi = NAN;
    if (!j) {
        ir_fail(IR_SKIP,
                CLAIM_NO_ENERGY ": ironroof run --energy on, where ironroof list counters has a source");
        return false;
    }
    if (!j->known) {
        ir_fail(IR_SKIP, CLAIM_NO_ENERGY " of a %s: %.120s", kind == BIND_E_MOVE ? "byte" : "flop",
                e->energy->why);
        return false;
    }
    *v = j->v;
    *lo = j->lo;
    *hi = j->hi;
    return true;
}
