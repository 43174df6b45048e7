/* json_out.h -- private: one JSON value written into a growing buffer. Commas are placed by the writer:
 * a key or value that follows another one gets one. Running out of memory is remembered in `failed`. */
#ifndef IR_RECORD_JSON_OUT_H
#define IR_RECORD_JSON_OUT_H
#include "harness/screen.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
typedef struct {
    char  *buf;
    size_t n, cap;
    bool   failed;
} ir_json;
void ir_json_reset(ir_json *); /* empty, buffer kept */
void ir_json_free(ir_json *);
void ir_json_open(ir_json *, char bracket);  /* '{' or '[' */
void ir_json_close(ir_json *, char bracket); /* '}' or ']' */
void ir_json_key(ir_json *, const char *key);
void ir_json_num(ir_json *, double v); /* shortest text that reads back equal; NaN and Inf: null */
void ir_json_int(ir_json *, int64_t v);
void ir_json_bool(ir_json *, bool v);
void ir_json_null(ir_json *);
void ir_json_str(ir_json *, const char *s); /* invalid UTF-8 becomes U+FFFD; NULL: null */
void ir_json_strn(ir_json *, const char *s, size_t n);
void ir_json_text(ir_json *, const char *s); /* as ir_json_str, but "" is null: unknown */
void ir_json_key_num(ir_json *, const char *key, double v);
void ir_json_key_text(ir_json *, const char *key, const char *s);
void ir_json_newline(ir_json *);                      /* ends the line */
bool ir_json_raw(ir_json *, const char *s, size_t n); /* bytes as they are; false: no memory */
#endif
