/* read.h -- private: what the readers of single lines share. Every failure is reported with file, line and
 * the path of the field, and text that came from the file is made printable first. */
#ifndef IR_RECORD_READ_H
#define IR_RECORD_READ_H
#include "harness/record/fields.h"

#include <jansson.h>

enum { IR_READ_DEPTH = 8 };
typedef struct {
    const char *name; /* of the file */
    size_t      line; /* from 1 */
    bool        strict;
    const char *path[IR_READ_DEPTH]; /* names of the enclosing fields, borrowed */
    int         depth;
    ir_record  *out;
    bool        has_levels; /* a capacity line was read, of this device: */
    char        levels_of[64];
} ir_reader;

/* IR_EINVAL with "FILE:LINE: PATH.field: text"; field may be NULL. */
__attribute__((format(printf, 3, 4))) ir_status ir_read_fail(ir_reader *, const char *field, const char *fmt,
                                                             ...);
ir_status                                       ir_read_nomem(ir_reader *);
void                                            ir_read_enter(ir_reader *, const char *field);
void                                            ir_read_leave(ir_reader *);

/* Members described by the table from a JSON object; o NULL: every member unknown, nothing is required. */
ir_status ir_rec_read(ir_reader *, const ir_rec_field *, const json_t *o, void *base);
/* A member of a kind, or NULL where it is absent or null. A wrong type is an error. */
ir_status ir_read_object(ir_reader *, const json_t *o, const char *field, const json_t **out);
ir_status ir_read_array(ir_reader *, const json_t *o, const char *field, const json_t **out);
ir_status ir_read_text(ir_reader *, const json_t *o, const char *field, const char **out);
/* An integer of lo..hi; a number with a fraction, or beyond them, is an error. */
ir_status ir_read_integer(ir_reader *, const char *field, const json_t *v, int64_t lo, int64_t hi,
                          int64_t *out);
/* Copy a text into char[size], cut between characters when it is too long. */
void ir_read_cut(char *to, size_t size, const char *from);
/* Make room for one more element of an array that doubles; n is its length. */
ir_status ir_read_grow(ir_reader *, void *parray, size_t n, size_t size);
/* One more element of that array, zeroed, then read by its table; *n counts it once it was read. */
ir_status ir_read_element(ir_reader *, const ir_rec_field *, const json_t *o, void *parray, size_t *n,
                          size_t size);

ir_status ir_read_header(ir_reader *, const json_t *);
ir_status ir_read_machine(ir_reader *, const json_t *);
ir_status ir_read_ceiling(ir_reader *, const json_t *);
ir_status ir_read_point(ir_reader *, const json_t *);
ir_status ir_read_fit(ir_reader *, const json_t *);
ir_status ir_read_verdict(ir_reader *, const json_t *);
ir_status ir_read_quality(ir_reader *, const json_t *);
ir_status ir_read_energy_fit(ir_reader *, const json_t *);
ir_status ir_read_series(ir_reader *, const json_t *);
ir_status ir_read_witness(ir_reader *, const json_t *o, ir_point *); /* energy and counts of a point */
#endif
