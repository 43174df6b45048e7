/* screen.h -- the one filter between the program's texts and whoever reads them.
 *
 * Texts of records, file names and devices are not ours. What could move a cursor, change a terminal or turn
 * the direction of a line becomes '?': control characters, DEL, C1, marks of direction, separators and tags
 * that cannot be seen, and bytes that are no UTF-8. Line feed and tab stay. */
#ifndef IR_SCREEN_H
#define IR_SCREEN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* From here on stdout and stderr are filtered. Again: no effect. Without memory they stay as they are. */
void ir_screen_begin(void);
/* A filtered stream over `under`, which it closes when it is closed. NULL: no memory; `under` stays open. */
FILE *ir_screen_over(FILE *under);
/* The descriptor below a stream, filtered or not; -1: none. */
int ir_screen_fd(FILE *);
/* errno of the first write to stdout or stderr that failed; 0: none. */
int ir_screen_error(FILE *);
/* A control sequence of the program's own (colour, progress): it passes. */
void ir_screen_own(FILE *, const char *sequence);
/* Is this code point kept? */
bool ir_screen_keeps(unsigned code);
/* Bytes of the valid UTF-8 character at s[0..n); 0: none. */
size_t ir_utf8_length(const char *s, size_t n);
/* Code point of the character of `length` bytes that ir_utf8_length() found. */
unsigned ir_utf8_code(const char *s, size_t length);
/* The next character of s (which is not empty) into out, or "?" for what is refused; line feed and tab give a
 * space. Returns its bytes in s. */
size_t ir_screen_next(const char *s, char out[5]);
/* The same filter for one line of text, in place; line feed and tab become a space. */
void ir_screen_line(char *s);
#endif
