/* json_in.h -- private: JSON read so that a want of memory is told from a mistake in the text. The reader
 * calls some of the former a syntax error. */
#ifndef IR_RECORD_JSON_IN_H
#define IR_RECORD_JSON_IN_H
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
/* NULL: *nomem says whether memory was short; else `e` what is wrong with the text. */
json_t *ir_json_load(const char *, size_t n, size_t flags, json_error_t *e, bool *nomem);
json_t *ir_json_load_file(FILE *, size_t flags, json_error_t *e, bool *nomem);
/* Its text, owned by the caller. NULL: memory was short; the library itself leaves out a key then. */
char *ir_json_dump(const json_t *, size_t flags);
#endif
