/* journal.h -- private: what the writers of single lines share. */
#ifndef IR_RECORD_JOURNAL_H
#define IR_RECORD_JOURNAL_H
#include "harness/record/fields.h"
/* Start a line of a kind; NULL after an earlier error. End it: one write. */
ir_json  *ir_line_begin(ir_journal *, const char *kind);
ir_status ir_line_end(ir_journal *);
#endif
