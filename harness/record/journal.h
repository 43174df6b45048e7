/* journal.h -- private: what the writers of single lines share. */
#ifndef IR_RECORD_JOURNAL_H
#define IR_RECORD_JOURNAL_H
#include "harness/record/fields.h"
/* Start a line of a kind; NULL after an earlier error. End it: one write. */
ir_json  *ir_line_begin(ir_journal *, const char *kind);
ir_status ir_line_end(ir_journal *);
void      ir_journal_witness(ir_json *, const ir_point *); /* energy and counts, where there is any */
/* Lines as they are, each with its newline. */
ir_status ir_journal_raw(ir_journal *, const char *, size_t n);
/* Are the lines that follow by ir_journal_raw() such as come before what is measured? */
void        ir_journal_preamble(ir_journal *, bool);
int         ir_journal_fd(const ir_journal *);
const char *ir_journal_path(const ir_journal *);
#endif
