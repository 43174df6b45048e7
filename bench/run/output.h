/* output.h -- where results go, and how Ctrl-C is heard. */
#ifndef BENCH_OUTPUT_H
#define BENCH_OUTPUT_H
#include "harness/ironroof.h"
/* The path for a new run's journal: `asked` if given; else results/<machine>/<UTC time>.jsonl when there is a
 * results/ folder here, else ironroof-<UTC time>.jsonl. Creates the machine's folder. */
ir_status output_path(const char *asked, const char *machine, char *buf, size_t n);
/* `path` with its .jsonl (if any) replaced by `suffix`. */
void output_sibling(const char *path, const char *suffix, char *buf, size_t n);
/* Does f go to the file at path? */
bool output_is(FILE *f, const char *path);
/* Rename src over dst. */
ir_status output_replace(const char *src, const char *dst);

/* The first Ctrl-C (or SIGTERM) sets the flag; a second one ends the process the usual way. */
const volatile int *interrupt_install(void);
/* The signals as they were: once measuring is over, one ends the program at once. */
void interrupt_restore(void);
#endif
