/* newest.h -- which record is the newest: for "@last", and for the run that the present one is held against.
 */
#ifndef BENCH_GATE_NEWEST_H
#define BENCH_GATE_NEWEST_H
#include "harness/ironroof.h"
/* The record of a run (it begins with a header and has a machine line) in `folder`, and in the folders in it
 * when `deep`, that started last. key: only those of this comparability key; before: only those that started
 * earlier; except: not this file. NULL: no such condition. Only the first lines of the files are read.
 * IR_SKIP: none. */
ir_status newest_record(const char *folder, bool deep, const char *key, const char *before,
                        const char *except, char *path, size_t n);
/* The newest whose first device's name contains `device`, case aside, in the folders of `folder`. */
ir_status newest_of_device(const char *folder, const char *device, char *path, size_t n);
/* The newest under results/, else beside the reader: what "@last" stands for. IR_EINVAL with a reason: none.
 */
ir_status newest_run(char *path, size_t n);
#endif
