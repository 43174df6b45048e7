/* zipf.c -- see zipf.h. Draws by rejection-inversion (Hoermann and Derflinger, 1996): the density i^-s is
 * inverted in closed form over [1/2, R + 1/2], and few draws are refused, whatever R and s. */
#include "kernels/nets/zipf.h"
#include "harness/ironroof.h"

#include <math.h>

/* (e^x - 1)/x and ln(1 + x)/x, both 1 at 0. */
static double expm1_over(double x) { return fabs(x) > 1e-8 ? expm1(x) / x : 1 + x / 2; }
static double log1p_over(double x) { return fabs(x) > 1e-8 ? log1p(x) / x : 1 - x / 2; }

static double density(double s, double x) { return exp(-s * log(x)); }
/* Integral of the density from 1 to x, and its inverse. */
static double area(double s, double x) { return expm1_over((1 - s) * log(x)) * log(x); }
static double area_inverse(double s, double a)
{
    double t = a * (1 - s);
    return exp(log1p_over(t < -1 ? -1 : t) * a);
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b) {
        const int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

void ly_zipf_init(ly_zipf *z, int64_t rows, double s)
{
    z->rows = rows;
    z->s = s;
    z->step = (int64_t)(0.6180339887 * (double)rows) | 1;
    while (common_divisor(z->step, rows) != 1) z->step += 2;
    z->shift = rows / 3;
    z->first = area(s, 1.5) - 1;
    z->last = area(s, (double)rows + 0.5);
    z->sure = 2 - area_inverse(s, area(s, 2.5) - density(s, 2));
}

/* Uniform in (0, 1), 32 bits. */
static double uniform(uint64_t seed, uint64_t i) { return ((double)ir_hash32(seed, i) + 0.5) * 0x1p-32; }

static int64_t rank_of(const ly_zipf *z, uint64_t seed, uint64_t i)
{
    enum { TRIES = 64 };
    int64_t k = 1;
    for (uint64_t t = 0; t < TRIES; t++) {
        const double a = z->last + uniform(seed + 0x51F * t, i) * (z->first - z->last),
                     x = area_inverse(z->s, a);
        k = (int64_t)(x + 0.5);
        k = k < 1 ? 1 : k > z->rows ? z->rows : k;
        if ((double)k - x <= z->sure || a >= area(z->s, (double)k + 0.5) - density(z->s, (double)k)) break;
    }
    return k;
}

int64_t ly_zipf_draw(const ly_zipf *z, uint64_t seed, uint64_t i)
{
    if (z->s == 0) return (int64_t)((uint64_t)ir_hash32(seed, i) * (uint64_t)z->rows >> 32);
    return ((rank_of(z, seed, i) - 1) * z->step + z->shift) % z->rows;
}

/* Of `count` rows of about the probability p each. */
static double touched(double count, double p, double n)
{
    return p >= 1 ? count : -count * expm1(n * log1p(-p));
}

double ly_zipf_distinct(int64_t rows, double s, double n)
{
    enum { ONE_BY_ONE = 256, STEPS_OF = 32 };
    double total = 0, sum = 0;
    if (s == 0) return touched((double)rows, 1 / (double)rows, n);
    const int64_t few = rows < ONE_BY_ONE ? rows : ONE_BY_ONE;
    for (int64_t i = 1; i <= few; i++) total += density(s, (double)i);
    if (rows > few) total += area(s, (double)rows + 0.5) - area(s, (double)few + 0.5);
    for (int64_t i = 1; i <= few; i++) sum += touched(1, density(s, (double)i) / total, n);
    for (int64_t lo = few; lo < rows;) { /* ranks (lo, hi] at their mean probability */
        const int64_t hi = lo + lo / STEPS_OF < rows ? lo + lo / STEPS_OF : rows;
        const double  part = area(s, (double)hi + 0.5) - area(s, (double)lo + 0.5), count = (double)(hi - lo);
        sum += touched(count, part / count / total, n);
        lo = hi;
    }
    return sum;
}
