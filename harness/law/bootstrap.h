/* bootstrap.h -- how far the rows scatter about a solved law, and resampling at that scatter. */
#ifndef IR_LAW_BOOTSTRAP_H
#define IR_LAW_BOOTSTRAP_H
#include "harness/law/internal.h"

typedef struct {
    double  s0, df, t; /* sd of ln T about the law over all rows; its degrees of freedom; Student's 97.5 % quantile */
    double *sd;        /* of each row: its family's scatter drawn towards s0, at least the row's own interval's */
    double *z;         /* pool of standardised residuals, mean 0 and variance 1 */
    size_t  nz;
    double *e, *h;     /* of each row: residual of ln T, leverage */
} law_noise;
ir_status law_noise_init(law_noise *, size_t n);
void      law_noise_free(law_noise *);
void      law_noise_of(const law_rows *, unsigned mask, const double c[LAW_NCOL], double scale, law_noise *);
/* IR_FIT_DRAWS coefficients, each solved anew with times T_law exp(sd z). `rows` are those q was made from. */
ir_status law_bootstrap(const law_rows *, const ir_row *rows, unsigned mask, const double c[LAW_NCOL], double scale,
                        const law_noise *, uint64_t seed, double draw[IR_FIT_DRAWS][LAW_NCOL]);
#endif
