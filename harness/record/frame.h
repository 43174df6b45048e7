/* frame.h -- messages through an engine's standard output, from nodes that share no folder with us.
 *
 * Engines put a label before each line, break long lines, and mix those of two nodes. So a message travels in
 * parts, each a line below 900 bytes that says whose it is, which part of how many, its length and a checksum
 * over all of that; it is written twice, and one whole copy of each part will do. Pure: libc alone, for
 * ironroof-net uses it too. */
#ifndef IR_RECORD_FRAME_H
#define IR_RECORD_FRAME_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { IR_FRAME_LINE_B = 900, IR_FRAME_NODE = 64, IR_FRAME_ID = 24 };
/* One message of n bytes without control characters; what it is, such as "look1", is `id`, a word. False: not
 * all of it could be written. */
bool ir_frame_write(FILE *, const char *node, const char *id, const char *text, size_t n);

typedef struct {
    char   node[IR_FRAME_NODE], id[IR_FRAME_ID];
    char  *text; /* NUL-terminated; owned; NULL: some part never came whole */
    size_t n, parts, whole;
} ir_frame_message;
typedef struct {
    ir_frame_message *v; /* in order of node and id */
    size_t            n, damaged;
} ir_frame_messages;
/* Every message of which at least one part came whole, and how many lines were damaged. False: no memory. */
bool ir_frame_read(const char *output, size_t n, ir_frame_messages *out);
void ir_frame_free(ir_frame_messages *); /* idempotent */
#ifdef __cplusplus
}
#endif
#endif
