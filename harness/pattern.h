/* pattern.h -- regular expressions of the user's: POSIX extended, refused where they would explode. */
#ifndef IR_PATTERN_H
#define IR_PATTERN_H
#include "harness/ironroof.h"

#include <regex.h>

enum { IR_PATTERN_LENGTH = 1000, IR_PATTERN_SIZE = 2000, IR_PATTERN_ANCHORS = 8 };
/* Compiles for a search without positions. IR_EINVAL: no expression, one of more than IR_PATTERN_LENGTH
 * characters, or one that takes exponential time: its repetitions {n} blow it up to more than IR_PATTERN_SIZE
 * parts, it repeats what may be empty, has more than IR_PATTERN_ANCHORS anchors in an alternative, or a back
 * reference. Free with regfree(). */
ir_status ir_pattern_compile(const char *s, regex_t *out);
/* Does text contain a match? A search that finds no memory is noted (left_out.h), and false. */
bool ir_pattern_found(const regex_t *, const char *text);
#endif
