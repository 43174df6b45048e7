/* ends.h -- how the program begins and ends, whatever the command: where its three streams lead, and whether
 * what it printed arrived. */
#ifndef BENCH_COMMANDS_ENDS_H
#define BENCH_COMMANDS_ENDS_H
/* Signals have their usual effect. A stream that is closed at the start leads nowhere: no file of the run
 * gets its number. What is printed to it fails. */
void ends_begin(void);
/* The exit code: `code`, or EXIT_BAD with a reason where it says that all is well and a part of the text is
 * lost, or where it is a verdict and memory was short. */
int ends_finish(int code);
#endif
