/* energy.h -- what a byte and a flop cost: E = e_move D_vol + e_comp O + P0 T, fitted like the law. Pure.
 *
 * T itself is e_move-like in D_vol and O on a machine that obeys the law, so that P0 cannot be told from them
 * without rows in which threads only wait (spin: D_vol = O = 0). P0 is power of one number of threads: rows
 * of several are refused. */
#ifndef IR_LAW_ENERGY_H
#define IR_LAW_ENERGY_H
#include "harness/ironroof.h"
typedef struct {
    double bytes, flops, T_s;
    double J, lo, hi;       /* of a call, and its 95 % interval */
    int    threads, family; /* same family, same number */
} ir_energy_row;
/* coefficient and interval as of the law: see ir_coef. idle_W: with nothing to do; NAN unknown. */
typedef struct {
    double v, lo, hi;
    bool   known;
} ir_joule;
typedef struct {
    char     device[64], scope[16], source[24];
    int      threads;
    ir_joule move_JpB, comp_JpF, base_W;
    double   idle_W, err_median, cond;
    size_t   n, nspin;
    char     why[IR_WHY]; /* what is not known, and why; empty: all is */
} ir_energy_fit;
/* The row of a point whose energy is known; false: it cannot enter. Its bytes must come from DRAM, or be
 * none: what moves within caches is not e_move. */
bool ir_energy_row_of(const ir_point *, ir_energy_row *);
/* Rows of one thread count; IR_EINVAL for several, or fewer than 4 rows. Coefficients that the rows do not
 * identify are not known. */
ir_status ir_energy_fit_rows(const ir_energy_row *, size_t n, uint64_t seed, ir_energy_fit *out);
#endif
