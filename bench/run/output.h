/* output.h -- where results go, and how Ctrl-C is heard. */
#ifndef BENCH_OUTPUT_H
#define BENCH_OUTPUT_H
#include "harness/record/record.h"
/* The path for a new run's journal: `asked` if given; else results/<machine>/<UTC time>.jsonl when there is a
 * results/ folder here, else ironroof-<UTC time>.jsonl; from the second `attempt` on with its number. Creates
 * the machine's folder. IR_EINVAL: longer than n. */
ir_status output_path(const char *asked, const char *machine, int attempt, char *buf, size_t n);
/* Open that journal and say where it is: no two runs get one name. force: a record may be replaced. */
ir_status output_journal(const char *asked, const char *machine, bool force, char *path, size_t n,
                         ir_journal **out);
/* `path` with its .jsonl (if any) replaced by `suffix`. IR_EINVAL: longer than n. */
ir_status output_sibling(const char *path, const char *suffix, char *buf, size_t n);
/* Does f go to the file at path? */
bool output_is(FILE *f, const char *path);
/* IR_EINVAL: what is printed would go into the file as well. path NULL, "-" or no file: IR_OK. */
ir_status output_apart(const char *path);

/* The first Ctrl-C (or SIGTERM) sets the flag; a second one ends the process the usual way. */
const volatile int *interrupt_install(void);
/* The signals as they were: once measuring is over, one ends the program at once. */
void interrupt_restore(void);
#endif
