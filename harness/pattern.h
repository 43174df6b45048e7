/* pattern.h -- regular expressions of the user's: POSIX extended, refused where they would explode. */
#ifndef IR_PATTERN_H
#define IR_PATTERN_H
#include "harness/ironroof.h"

#include <regex.h>

enum { IR_PATTERN_LENGTH = 1000, IR_PATTERN_SIZE = 2000 };
/* Compiles for a search without positions. IR_EINVAL: no expression, one of more than IR_PATTERN_LENGTH
 * characters, one that its repetitions {n} blow up to more than IR_PATTERN_SIZE parts, or one with a back
 * reference: matching those takes exponential time. Free with regfree(). */
ir_status ir_pattern_compile(const char *s, regex_t *out);
#endif
