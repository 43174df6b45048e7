/* commands.h -- one main per subcommand; each returns the process's exit code. */
#ifndef BENCH_COMMANDS_H
#define BENCH_COMMANDS_H
#include "bench/run/device_run.h"
#include "bench/cli/cli.h"
enum {
    EXIT_FINE = 0,
    EXIT_REGRESSED = 1,
    EXIT_BAD = 2,
    EXIT_ENVIRONMENT = 3,
    EXIT_INCOMPARABLE = 4,
    EXIT_INTERRUPTED = 130
};
int cmd_run(const cli_args *);
int cmd_ceilings(const cli_args *);
int cmd_list(const cli_args *);
int cmd_fit(const cli_args *);
int cmd_report(const cli_args *);
int cmd_validate(const cli_args *);
int cmd_selftest(const cli_args *);
int cmd_ab(const cli_args *);
int cmd_gate(const cli_args *);
int cmd_history(const cli_args *);
int cmd_export(const cli_args *);
int cmd_doctor(const cli_args *);
int cmd_version(const cli_args *);
int cmd_manual(const cli_args *);
int cmd_completion(const cli_args *);
int cmd_complete(const cli_args *);
int cmd_worker(const cli_args *);
typedef struct {
    bool json;
} version_options;
typedef struct {
    const char *date;
} manual_options;
extern const cli_option version_own_options[], manual_own_options[];
int                     selftest_ideal(FILE *); /* 0 or EXIT_BAD */
int selftest_gate(FILE *, const cli_args *);    /* aa and inject; 1: a false alarm was confirmed */
/* The whole pipeline on described machines; 0 when every score is reached. */
int selftest_machines(FILE *, const cli_args *);
int selftest_kernels(FILE *, const cli_options *);
/* "ironroof: ..." to stderr; returns EXIT_BAD. */
int complain(void);
/* --wait-idle: EXIT_FINE when the machine is idle, when nothing was asked for, or when the load cannot be
 * read (said); else EXIT_ENVIRONMENT, and who is busy was said, or EXIT_INTERRUPTED. */
int wait_idle(const cli_options *);
/* The one point that a command takes, and the backend it works on: the first without --backend. IR_EINVAL
 * says in the command's name what is wrong. *pts needs cli_points_free(), on an error too. */
ir_status one_point(const cli_args *, const char *command, const ir_backend **be, cli_points *pts);
/* How tables go to `f`. */
ir_text                 text_on(FILE *f, const cli_options *);
extern const cli_option doctor_own_options[];
typedef struct {
    const char *root;
} doctor_options;
extern const cli_option list_own[];
typedef struct {
    const char *root;
} list_options;
extern const cli_command bench_commands[];
#endif
