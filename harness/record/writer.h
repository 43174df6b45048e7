/* writer.h -- the one way in which the program's files are made: each appears whole or not at all.
 *
 * A link is followed and stays a link; owner and mode of a file stay. What is no regular file (a terminal, a
 * pipe, /dev/null) is written as it is. A regular file is written beside its place without a name that others
 * could use, and takes the place in one step; where that cannot be (a mounted file, a folder that cannot be
 * written, a second name of the same file) its content is replaced once the new one is complete. Files and
 * folders are on the disk before the old content goes. */
#ifndef IR_RECORD_WRITER_H
#define IR_RECORD_WRITER_H
#include "harness/ironroof.h"
typedef struct ir_writer ir_writer;
/* Nothing of the target is changed yet; that it can be written is known. IR_EIO: it cannot. */
ir_status ir_writer_open(const char *path, ir_writer **out);
int       ir_writer_fd(const ir_writer *); /* for reading too, unless ir_writer_direct() */
bool      ir_writer_direct(const ir_writer *);
FILE     *ir_writer_stream(ir_writer *); /* over the same file; NULL: no memory */
/* The same, filtered (screen.h): for text that people read. Once, and instead of ir_writer_stream(). */
FILE *ir_writer_text(ir_writer *);
/* What was measured goes into it, which cannot be had again: it is kept whatever else is missing. */
void ir_writer_measured(ir_writer *);
/* The end of a file that is complete: it takes its place. IR_ENOMEM: a part of what the program works out was
 * left out (left_out.h), so that the file is not what it seems; a stream and what was measured stay. Both
 * free the writer and set it to NULL; either is done after the other in vain. After an error of commit the
 * old content is there, or ir_why() names the file that holds the new one. */
ir_status ir_writer_commit(ir_writer **);
void      ir_writer_discard(ir_writer **); /* nothing is left behind */

/* A whole file of n bytes; the second one of what was measured. */
ir_status ir_file_write(const char *path, const char *text, size_t n);
ir_status ir_file_write_measured(const char *path, const char *text, size_t n);

/* May what is at `path` be replaced? Yes: nothing, an empty file, no regular file; a text whose beginning
 * holds `mark` (what the same command wrote earlier; NULL: none); a record with `force`. IR_EINVAL otherwise.
 */
ir_status ir_may_replace(const char *path, const char *mark, bool force);
/* The same, of content that is open for reading already. */
ir_status ir_may_replace_fd(int fd, const char *path, const char *mark, bool force);
/* All bytes, whatever a single write takes. IR_EIO with the system's words. */
ir_status ir_write_all(int fd, const char *, size_t n);
/* open() to write what is there and no regular file. A FIFO waits some seconds for a reader, then fails with
 * EPIPE. */
int ir_open_stream(const char *path, int flags);
#endif
