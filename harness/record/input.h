/* input.h -- inputs that may be read more than once, whatever they are. */
#ifndef IR_RECORD_INPUT_H
#define IR_RECORD_INPUT_H
#include "harness/ironroof.h"

#include <sys/stat.h>

/* A stream over the bytes of a file from their start; close it with fclose(). What can be read only once (a
 * pipe, a FIFO, "-" for standard input) is kept in memory at its first opening, and every later opening of
 * that name gets the same bytes. A byte order mark is passed over. IR_EIO: it is not there or cannot be read.
 * IR_EINVAL: compressed, in UTF-16, or longer than IR_INPUT_MOST_B and no file. */
enum { IR_INPUT_MOST_B = 1 << 30 };
ir_status ir_input_open(const char *path, FILE **out);
/* Can it be opened for reading? Nothing of it is read. */
bool        ir_input_is_there(const char *path);
const char *ir_input_name(const char *path); /* "standard input" for "-" */
/* Whether anything is at `path`, links followed, and *st where something is (st may be NULL). IR_EIO with its
 * name where that cannot be told: only "no such file" and "no such folder" mean that nothing is. */
ir_status ir_path_look(const char *path, bool *there, struct stat *st);
/* Are the two names one file? Devices and pipes are never: nothing is lost there. */
bool ir_same_file(const char *a, const char *b);
/* IR_EINVAL: the output would overwrite one of the inputs. out NULL or "-": IR_OK. */
ir_status ir_input_not_output(const char *const *input, size_t n, const char *out);
#endif
