/* frame.h -- messages through an engine's standard output, from nodes that share no folder with us.
 *
 * Engines put a label before each line, break long lines, and mix those of two nodes. So a message travels in
 * parts, each a line below 900 bytes that says whose it is, which part of how many, its length and a checksum
 * over all of that; it is written twice, and one whole copy of each part will do. Pure: libc alone, for
 * ironroof-net uses it too. */
#ifndef BENCH_FLEET_FRAME_H
#define BENCH_FLEET_FRAME_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { FRAME_LINE_B = 900, FRAME_NODE = 64, FRAME_ID = 24 };
/* One message of n bytes without control characters; what it is, such as "look1", is `id`, a word. False: not
 * all of it could be written. */
bool frame_write(FILE *, const char *node, const char *id, const char *text, size_t n);

typedef struct {
    char   node[FRAME_NODE], id[FRAME_ID];
    char  *text; /* NUL-terminated; owned; NULL: some part never came whole */
    size_t n, parts, whole;
} frame_message;
typedef struct {
    frame_message *v; /* in order of node and id */
    size_t         n, damaged;
} frame_messages;
/* Every message of which at least one part came whole, and how many lines were damaged. False: no memory. */
bool frame_read(const char *output, size_t n, frame_messages *out);
void frame_free(frame_messages *); /* idempotent */
#endif
