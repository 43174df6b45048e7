/* bootstrap.h -- how far the rows scatter about a solved law, and resampling at that scatter. */
#ifndef IR_LAW_BOOTSTRAP_H
#define IR_LAW_BOOTSTRAP_H
#include "harness/law/law_internal.h"

typedef struct {
    double s0, df,
        t;      /* sd of ln T about the law, over all rows; degrees of freedom; Student's 97.5 % quantile */
    double *sd; /* of each row: sd of ln T about the law */
    double *z;  /* pool of standardised residuals, centred; its variance is 1, or less where own intervals
                   turned out wider than the scatter */
    size_t  nz; /* 0: too few to draw from; normal deviates then */
    double *e, *own, *free; /* of each row: residual of ln T; its variance is own + free excess^2 */
} law_noise;
ir_status law_noise_init(law_noise *, size_t n);
void      law_noise_free(law_noise *);
void      law_noise_of(const law_rows *, unsigned mask, const double c[LAW_NCOL], double scale, law_noise *);
/* IR_FIT_DRAWS coefficients, each solved anew with times T_law exp(sd z). `rows` are those q was made from.
 */
ir_status law_bootstrap(const law_rows *, const ir_row *rows, unsigned mask, const double c[LAW_NCOL],
                        double scale, const law_noise *, uint64_t seed, double draw[IR_FIT_DRAWS][LAW_NCOL]);
#endif
