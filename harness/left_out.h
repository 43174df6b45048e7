/* left_out.h -- what memory, or descriptors, were too short for, where a function has no status to return.
 * The program names the first such part at its end and exits with 2, whatever the command. */
#ifndef IR_LEFT_OUT_H
#define IR_LEFT_OUT_H

/* A part of what is said, judged or written is not there. `what`: static text that stands before "is
 * missing".
 */
void        ir_left_out(const char *what);
const char *ir_left_out_first(void); /* NULL: nothing was */
unsigned    ir_left_out_count(void);
#endif
