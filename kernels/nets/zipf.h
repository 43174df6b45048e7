/* zipf.h -- row numbers that are looked up: uniform, or by Zipf's law, P(rank i) proportional to i^-s, i
 * = 1..R. Ranks are scattered over the table by a fixed permutation: else popular rows were neighbours. */
#ifndef NETS_ZIPF_H
#define NETS_ZIPF_H
#include <stdint.h>
typedef struct {
    int64_t rows, step, shift; /* of the table; its permutation: rank -> (rank * step + shift) mod rows */
    double  s;                 /* 0: uniform */
    double  first, last, sure; /* of the rejection */
} ly_zipf;
/* 1 <= rows < 2^31, 0 <= s <= 8. */
void ly_zipf_init(ly_zipf *, int64_t rows, double s);
/* Draw i of a seed: a row number below rows. */
int64_t ly_zipf_draw(const ly_zipf *, uint64_t seed, uint64_t i);
/* Rows that n draws are expected to touch: sum of 1 - (1 - p)^n. */
double ly_zipf_distinct(int64_t rows, double s, double n);
#endif
