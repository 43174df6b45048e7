/* fields.h -- private: the record format as tables. One row describes one member of a struct: its name in
 * the file, its kind and its place in memory. The writer and the reader walk the same rows, so a field
 * cannot be written and forgotten by the reader. What is not a plain member (samples, parameters) is
 * written and read by hand, in journal_*.c and read_*.c. */
#ifndef IR_RECORD_FIELDS_H
#define IR_RECORD_FIELDS_H
#include "harness/record/json_out.h"
#include "harness/record/record.h"

typedef enum {
    REC_NUM, /* double; unknown is null */
    REC_INT, /* int */
    REC_U32,
    REC_SIZE,
    REC_BOOL,
    REC_NAME,  /* char[size], part of an identity: too long is an error; "" is null */
    REC_TEXT,  /* char[size], for people: cut to size when read; "" is null */
    REC_WORD,  /* an enum, or a bool, as one of words */
    REC_WORDS, /* uint32_t bits as an array of words */
    REC_OBJECT /* a struct described by sub */
} ir_rec_kind;
/* count words from at(0); the value `unknown` is written as null (-1: none is). */
typedef struct {
    const char *(*at)(int i);
    int count, unknown;
} ir_rec_words;
typedef struct ir_rec_field ir_rec_field;
struct ir_rec_field {
    const char         *name; /* NULL ends a table */
    ir_rec_kind         kind;
    size_t              off, size;
    const ir_rec_words *words;
    const ir_rec_field *sub;
    bool                required; /* by the reader */
};
extern const ir_rec_field ir_rec_device[], ir_rec_ceiling[], ir_rec_saturation[], ir_rec_fit[],
    ir_rec_verdict[], ir_rec_quality[], ir_rec_cause[], ir_rec_energy[], ir_rec_counts[], ir_rec_energy_fit[],
    ir_rec_series[];
/* A point in parts, so that a line reads from identity over measurement to judgement. All are of ir_point but
 * its cost. */
extern const ir_rec_field ir_rec_point_id[], ir_rec_point_run[], ir_rec_point_cost[], ir_rec_point_state[],
    ir_rec_point_law[], ir_rec_stats[];
/* A cost as the file has it: sums, and bytes by class without their direction. all: the members that are none
 * of a part's. */
typedef struct {
    double read_B, write_B, weights_B, in_B, out_B, kv_B, wa_B, hops, scattered_B, scatters, near_footprint_B;
    bool   scattered;
    ir_cost all;
} ir_rec_cost;
void ir_rec_cost_of(const ir_cost *, ir_rec_cost *out);
/* Back into parts with these sums. Results are written, as far as there are writes, then the cache; what
 * follows of the classes is read; what no class names is of the rest. */
void ir_rec_cost_parts(const ir_rec_cost *, ir_cost *out);
/* status in the file: ok skip incorrect invalid error; which error is a second word. */
const char *ir_rec_status(ir_status s);
const char *ir_rec_error(ir_status s); /* NULL when the status is no "error" */
bool        ir_rec_status_of(const char *status, const char *error_or_null, ir_status *out);

void ir_rec_write(ir_json *, const ir_rec_field *, const void *base); /* members only, no brackets */
#endif
