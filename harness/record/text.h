/* text.h -- private: tables, wrapped lines and numbers for the text report. Everything keeps to the width of
 * its ir_text; a character counts as one column. */
#ifndef IR_RECORD_TEXT_H
#define IR_RECORD_TEXT_H
#include "harness/record/record.h"
#include "harness/screen.h"

typedef enum { TXT_PLAIN, TXT_BOLD, TXT_DIM, TXT_RED, TXT_GREEN, TXT_YELLOW, TXT_BLUE, TXT_CYAN } ir_style;
int                                        ir_text_width(const ir_text *);    /* columns to use */
int                                        ir_text_columns(const char *utf8); /* columns that a text takes */
__attribute__((format(printf, 3, 4))) void ir_text_styled(const ir_text *, ir_style, const char *fmt, ...);
/* A paragraph: words wrapped at the width. The first line starts with `lead`, bold unless blank, the others
 * below its end. */
__attribute__((format(printf, 3, 4))) void ir_text_para(const ir_text *, const char *lead, const char *fmt,
                                                        ...);

/* printf to buf + n of size bytes; returns the length now, which may exceed size: then nothing more is
 * written. */
__attribute__((format(printf, 4, 5))) size_t ir_text_append(char *buf, size_t size, size_t n, const char *fmt,
                                                            ...);

/* ---- tables ---------------------------------------------------------------------------------- */
typedef struct {
    const char *head;
    bool        right; /* aligned */
    int         least; /* > 0: cells may be wrapped at so many columns when the table is too wide */
    int         drop;  /* > 0: left out when that is not enough, the highest first; said below the table */
} ir_col;
typedef struct {
    char     text[224];
    ir_style style;
    bool     span;
} ir_cell;
typedef struct {
    const ir_text *t;
    const ir_col  *col;
    int            ncol;
    ir_cell       *cell; /* row by row */
    size_t         n, cap;
    bool           failed;
} ir_table;
void ir_table_begin(ir_table *, const ir_text *, const ir_col *, int ncol);
__attribute__((format(printf, 3, 4))) void ir_table_cell(ir_table *, ir_style, const char *fmt,
                                                         ...); /* "": an empty one */
__attribute__((format(printf, 3, 4))) void ir_table_span(ir_table *, ir_style, const char *fmt,
                                                         ...); /* a row of its own, wrapped */
void ir_table_end(ir_table *); /* prints and frees it; a column without a text is left out */

/* ---- numbers: 3 significant digits, "-" unknown ---------------------------------------------- */
enum { IR_NUM = 32 };
const char *ir_text_aligned(double value, const char *unit, char buf[IR_NUM]); /* as scaled, zeros kept */
/* Items of which a user counts thousands: no power of ten below 100 000. */
const char *ir_text_many(double value, const char *unit, char *buf, size_t n);
const char *ir_text_plain(double value, char buf[IR_NUM]);   /* no prefix: 0.0123, 5.31, 47.8 */
const char *ir_text_percent(double share, char buf[IR_NUM]); /* "87 %", "0.4 %" */
const char *ir_text_spread(const ir_text *, double share, char buf[IR_NUM]); /* "+-0.4%"; "" unknown */
const char *ir_text_op_unit(ir_dtype);                                       /* "FLOP/s"; integers: "OP/s" */
/* "38.0 [37.2, 38.9] GB/s"; the value alone without an interval. */
const char *ir_text_interval(double value, double lo, double hi, const char *unit, char *buf, size_t n);

/* ---- ceilings, for table and plot (text_find.c) ---------------------------------------------- */
/* The measured ceiling, else one of another source; op, level NULL: any (the largest value). */
const ir_ceiling *ir_text_find(const ir_ceilings *, const char *device, ir_what, const char *level,
                               const char *op, ir_dtype, int threads);
/* Most threads that any ceiling of this kind was measured with; -1: none. */
int ir_text_most_threads(const ir_ceilings *, const char *device, ir_what);
#endif
