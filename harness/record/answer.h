/* answer.h -- the last screen of a run: how fast the device can go, what holds each workload back, what would
 * help, and whether it got slower. A pure function of what is handed in, so that a record prints the screen
 * of its run. */
#ifndef IR_RECORD_ANSWER_H
#define IR_RECORD_ANSWER_H
#include "harness/record/record.h"
#ifdef __cplusplus
extern "C" {
#endif
enum { IR_ANSWER_ROWS = 4, IR_ANSWER_NAME = 96 };
/* What would make a workload faster, as predicted by the law. */
typedef enum {
    IR_GAIN_BYTES,   /* half of every byte */
    IR_GAIN_CORE,    /* arithmetic takes no time: the most that a faster core can give */
    IR_GAIN_THREADS, /* all threads of the device; unknown when it has them already */
    IR_GAIN_GRAPH,   /* one launch instead of all */
    IR_GAIN_BATCH2,  /* items per second at 2, 4, 8 times the batch */
    IR_GAIN_BATCH4,
    IR_GAIN_BATCH8,
    IR_NGAIN
} ir_gain_what;
typedef struct {
    double factor, lo, hi; /* speed over now; 95 % interval, NAN without */
} ir_gain;                 /* factor NAN: does not apply, or cannot be said */
typedef struct {
    const ir_point *p;
    ir_gain         gain[IR_NGAIN];
} ir_answer_help;
/* Everything is borrowed. Points are those of one device, judged. */
typedef struct {
    const char           *version;
    const ir_device_info *device;
    const ir_env         *env;
    const ir_ceilings    *ceilings;
    const ir_point       *point;
    size_t                npoint;
    const ir_fit         *fit;       /* the better form; NULL: the law was not fitted */
    const char           *no_fit;    /* why not; may be NULL */
    const char           *recalled;  /* file that ceilings (and fit) are from; NULL: measured in this run */
    bool                  their_fit; /* the fit is that of the file */
    double                elapsed_s; /* NAN: unknown */
    const ir_quality     *quality;   /* NULL: not known */
    const ir_answer_help *help;      /* of rows of ir_answer_rows() */
    size_t                nhelp;
    const char           *tried;     /* how far predictions held where --prove ran; NULL: it did not */
    const char           *crossover; /* a sentence; NULL: none */
    const char           *history;   /* "did it get slower"; NULL: not asked */
    const char           *files;     /* where the results are; NULL: nowhere */
    const char           *more;      /* what to type next; NULL: nothing */
} ir_answer;
void ir_text_answer(const ir_text *, const ir_answer *);

/* One workload of the screen: its fastest contender, and the fastest library beside it. */
typedef struct {
    const ir_point *p;
    const ir_point *library; /* NULL: none, or it is p itself and there is no own kernel */
    const ir_point *own;     /* the fastest kernel that is no library's; NULL: none */
} ir_answer_row;
/* The rows of the screen, at most IR_ANSWER_ROWS: networks, or without any whatever was asked for. *more: how
 * many questions beyond them. */
size_t ir_answer_rows(const ir_point *, size_t n, ir_answer_row out[IR_ANSWER_ROWS], size_t *more);
/* "ResNet-50 f32 b1", "GPT-2 decode f32", "gemv m=1024,k=1024 f32": names the shape. */
const char *ir_answer_name(const ir_point *, char buf[IR_ANSWER_NAME]);
/* "92.4 tok/s", else the rate in B/s or FLOP/s. factor: 2 is twice as fast. */
const char *ir_answer_speed(const ir_point *, double factor, char *buf, size_t n);
/* Is a number with this relative half-width and these flags to be marked? NAN: no interval is known. */
bool ir_answer_doubtful(double half_width, uint32_t flags);
#ifdef __cplusplus
}
#endif
#endif
