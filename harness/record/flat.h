/* flat.h -- any JSON file as a list of its leaves, each with its path: "clock.one_Hz", "level[2].size_B". For
 * small descriptions whose meaning is somebody else's table. */
#ifndef IR_RECORD_FLAT_H
#define IR_RECORD_FLAT_H
#include "harness/ironroof.h"
/* text: of a string; NULL: a number. An error of the visitor ends the reading. */
typedef ir_status ir_flat_visit(void *arg, const char *path, double value, const char *text);
/* Leaves in the order of the file. IR_EINVAL "FILE: ..." for what is no JSON object, a key given twice, true,
 * false, null or an empty list; "FILE: " goes before what the visitor says. IR_EIO: not readable. IR_SKIP:
 * built without jansson. */
ir_status ir_flat_read(const char *file, ir_flat_visit *, void *arg);
/* The same of a text; file: what messages call it. */
ir_status ir_flat_text(const char *file, const char *text, size_t n, ir_flat_visit *, void *arg);
#endif
