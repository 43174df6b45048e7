/* rules.h -- words that the table of rules is written in. Private to rules.c. */
#ifndef BENCH_CLAIMS_RULES_H
#define BENCH_CLAIMS_RULES_H
#include "bench/claims/claims.h"

#define AT_LEAST(name, lo) \
    { \
        name, lo, NAN, NULL, NULL, NULL \
    }
#define AT_MOST(name, hi) \
    { \
        name, NAN, hi, NULL, NULL, NULL \
    }
#define IN(name, lo, hi) \
    { \
        name, lo, hi, NULL, NULL, NULL \
    }
#define IS(name, word) \
    { \
        name, NAN, NAN, word, NULL, NULL \
    }
#define IN_UNLESS(name, lo, hi, other, word) \
    { \
        name, lo, hi, NULL, other, word \
    }
#define BOUND(name, spec) \
    { \
        name, BIND_BOUND, spec, NULL \
    }
#define TIME(name, spec) \
    { \
        name, BIND_TIME, spec, NULL \
    }
#define READ_BW \
    { \
        "BW", BIND_CEIL_BW, "DRAM/read", NULL \
    }
#define PEAK_F32 \
    { \
        "R", BIND_CEIL_FLOPS, "f32", NULL \
    }
#define E_MOVE \
    { \
        "m", BIND_E_MOVE, NULL, NULL \
    }
#define E_COMP \
    { \
        "c", BIND_E_COMP, NULL, NULL \
    }
#endif
