/* readings.h -- the last readings of a monitor, and their quantiles. */
#ifndef BENCH_READINGS_H
#define BENCH_READINGS_H
#include <stddef.h>

enum { READINGS_KEEP = 256 };
typedef struct {
    double v[READINGS_KEEP]; /* in any order once a quantile was asked for */
    size_t n;                /* of all readings, those that were forgotten included */
} readings;
void   readings_add(readings *, double);
double readings_last(const readings *); /* before any quantile; NAN: none */
/* 0 <= q <= 1, of those kept, which it sorts: ask when the last was added. NAN: none. */
double readings_quantile(readings *, double q);
#endif
