/* print.h -- comparisons on screen and in files, shared by `ab`, `gate` and the self-tests. */
#ifndef BENCH_AB_PRINT_H
#define BENCH_AB_PRINT_H
#include "bench/ab/trial.h"
/* Words of s, wrapped at the text's width, every line `indent` columns in. */
void ab_wrapped(const ir_text *, int indent, const char *s);
/* Worst first, each within the text's width: verdict and point; below them both times, the change, its
 * interval, blocks, what could have been detected, and what fresh blocks say. */
void ab_print(const ir_text *, const ir_comparison *, size_t n, const char *unit);
/* One sentence over all verdicts. */
void ab_sentence(const ir_comparison *, size_t n, char *buf, size_t size);
/* Every point of a trial as lines; free with ir_comparisons_free(). */
ir_status ab_lines(const trial *, const char *kind, ir_comparisons *out);
/* Worst first: INCORRECT, MISSING, REGRESSED, ENVIRONMENT, INCONCLUSIVE ...; the larger change first. */
void ab_sort(ir_comparison *, size_t n);
/* What is known of this gate's false alarms: a line on `f`; loud when unknown or above 1 %. proof NULL:
 * unknown. */
ir_status ab_print_proof(FILE *f, const char *proof);
/* Header, lines, sentence to a file or "-"; path NULL: nothing. Refuses what is there, but a record with
 * force. */
ir_status ab_file(const char *path, bool force, int argc, char *const *argv, const char *kind,
                  const ir_comparison *, size_t n, const ir_gate_proof *, size_t nproof);
/* Before anything is measured: could ab_file() write it? */
ir_status ab_file_check(const char *path, bool force);
#endif
