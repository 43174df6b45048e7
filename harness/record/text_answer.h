/* text_answer.h -- private: what the sources of the last screen share: lines with columns set from the left.
 */
#ifndef IR_RECORD_TEXT_ANSWER_H
#define IR_RECORD_TEXT_ANSWER_H
#include "harness/record/answer.h"
#include "harness/record/text.h"

typedef struct {
    const ir_text *t;
    int            at; /* columns written so far */
} ir_answer_line;
/* Append a text. column > 0: it begins there; column < 0: it ends at -column; 0: where the line stands. At
 * least one blank keeps it from what is before. */
__attribute__((format(printf, 4, 5))) void ir_answer_put(ir_answer_line *, ir_style, int column,
                                                         const char *fmt, ...);
/* The run was disturbed so much that nothing may be concluded from it. */
bool        ir_answer_unusable(const ir_answer *);
void        ir_answer_end(ir_answer_line *);
const char *ir_answer_dot(const ir_text *); /* between equals: a middle dot, or a comma */
void        ir_answer_ceilings(const ir_text *, const ir_answer *);
enum { IR_ANSWER_NAME_END = 23 }; /* on a narrow screen a workload's name ends here */
/* The name of a workload at the head of a line that goes on at column `end`; a longer one gets the line
 * alone. */
void ir_answer_name_column(ir_answer_line *, const ir_point *, int end);
void ir_answer_helps(const ir_text *, const ir_answer *); /* the block WHAT WOULD HELP */
/* The block WHAT HOLDS IT BACK; libraries: with our speed over theirs. */
void ir_answer_held(const ir_text *, const ir_answer *, bool libraries);
#endif
