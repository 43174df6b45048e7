/* selftest_machines.c -- `ironroof selftest machines`: described machines, variants of each, and the scores
 * over all. Children measure, one for each processor here; each takes the next variant that nobody has, and a
 * result is a plain value in memory that they share. A signal ends them, and the scores are of what was
 * measured. Without --seeds beyond 1 it says of every wrong answer what was asked. */
#define _GNU_SOURCE
#include "bench/commands/commands.h"
#include "bench/commands/zoo.h"
#include "bench/run/described.h"
#include "bench/run/output.h"
#include "harness/left_out.h"
#include "bench/ab/processes.h"

#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

enum { MOST_MACHINES = 64, MOST_CHILDREN = 16 };
typedef struct {
    model_machine m[MOST_MACHINES];
    const char   *name[MOST_MACHINES];
    size_t        n;
    uint64_t      first, seeds;
    bool          details;
} zoo;

static ir_status selftest_machines_take(zoo *z, const char *name, const char *text)
{
    if (z->n == MOST_MACHINES) return ir_fail(IR_EINVAL, "more than %d machines", MOST_MACHINES);
    z->name[z->n] = name;
    return described_machine(name, text, &z->m[z->n++]);
}

static ir_status selftest_machines_gather(zoo *z, const cli_args *args)
{
    ir_status   st = IR_OK;
    const char *name;
    for (size_t i = 1; i < args->narg && st == IR_OK; i++) st = selftest_machines_take(z, args->arg[i], NULL);
    for (unsigned i = 0; args->narg < 2 && st == IR_OK && (name = zoo_text_name(i)); i++)
        st = selftest_machines_take(z, name, zoo_text(name));
    if (st == IR_OK && z->n == 0) st = ir_fail(IR_SKIP, "no machine is described");
    for (size_t i = 0; i < z->n && st == IR_OK && args->opt.model; i++) {
        st = model_set_all(&z->m[i], args->opt.model);
        if (st == IR_OK) st = model_check(&z->m[i]);
    }
    return st;
}

/* Variant i of all: machines in turn, so that every child gets some of each. */
static void selftest_machines_measure(const zoo *z, size_t i, zoo_result *out)
{
    char  *text = NULL;
    size_t size = 0;
    FILE  *log = z->details ? open_memstream(&text, &size) : NULL;
    if (z->details && !log) ir_left_out("what was asked of a machine");
    out->machine = (int)(i % z->n);
    zoo_variant(&z->m[i % z->n], z->first + i / z->n, log, out);
    if (log) fclose(log);
    if (text && size) printf("%s, seed %llu\n%s\n", z->name[i % z->n], (unsigned long long)out->seed, text);
    free(text);
    fflush(stdout);
}

/* What parent and children share. */
typedef struct {
    atomic_size_t next;
    size_t        total;
    zoo_result    v[];
} zoo_board;

static void child(const zoo *z, zoo_board *b)
{
    size_t i;
    interrupt_restore(); /* a signal ends it */
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* and so does the end of its parent */
#endif
    while ((i = atomic_fetch_add(&b->next, 1)) < b->total) {
        selftest_machines_measure(z, i, &b->v[i]);
        b->v[i].measured = true;
    }
    _exit(ir_left_out_first() ? EXIT_BAD : EXIT_FINE);
}

/* Waits for the children; a signal to us ends them all. Returns whether each ended well, or was ended. */
static bool selftest_machines_wait(const pid_t *pid, size_t n, const volatile int *stop)
{
    static const struct timespec while_ = {0, 20000000};
    bool                         well = true, ending = false, gone[MOST_CHILDREN] = {false};
    for (size_t left = n; left > 0;) {
        for (size_t i = 0; *stop && !ending && i < n; i++)
            if (!gone[i]) kill(pid[i], SIGTERM);
        ending = *stop;
        for (size_t i = 0; i < n; i++) {
            int   status = 0;
            pid_t got = gone[i] ? 0 : waitpid(pid[i], &status, WNOHANG);
            if (got == 0) continue;
            gone[i] = true;
            left--;
            well = well && (ending || (got == pid[i] && status == 0));
        }
        if (left > 0) nanosleep(&while_, NULL);
    }
    return well;
}

/* All variants, spread over the processors. IR_EINTR: some of them. */
static ir_status selftest_machines_measure_all(const zoo *z, zoo_board *b)
{
    long                cpus = sysconf(_SC_NPROCESSORS_ONLN);
    size_t              k = (size_t)(cpus < 1 ? 1 : cpus > MOST_CHILDREN ? MOST_CHILDREN : cpus), started = 0;
    pid_t               pid[MOST_CHILDREN];
    const volatile int *stop = interrupt_install();
    fflush(NULL);
    for (; started < k && (pid[started] = fork()) >= 0; started++)
        if (pid[started] == 0) child(z, b);
    bool well = selftest_machines_wait(pid, started, stop);
    interrupt_restore();
    if (*stop) return ir_fail(IR_EINTR, "interrupted");
    return started > 0 && well ? IR_OK
                               : ir_fail(IR_ECHECK, "a child that measures variants did not end well");
}

/* Those that were measured move to the front. */
static size_t selftest_machines_measured(zoo_board *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->total; i++)
        if (b->v[i].measured) b->v[n++] = b->v[i];
    return n;
}

static bool print_table(FILE *f, const zoo *z, const zoo_result *v, size_t n)
{
    zoo_row row[ZOO_ROWS];
    size_t  k = zoo_table(v, n, z->n, row);
    bool    all = true;
    fprintf(f, "%zu machines x %llu variants, seeds %llu to %llu (0: as described)\n", z->n,
            (unsigned long long)z->seeds, (unsigned long long)z->first,
            (unsigned long long)(z->first + z->seeds - 1));
    for (size_t i = 0; i < k; i++) {
        fprintf(f, "%-6s %-54s %-10s %-24s of %zu\n", row[i].reached ? "ok" : "BELOW", row[i].what,
                row[i].asked, row[i].got, row[i].n);
        all = all && row[i].reached;
    }
    for (size_t i = 0; i < n; i++)
        if (v[i].failed)
            fprintf(f, "%s, seed %llu: %s\n", z->name[v[i].machine], (unsigned long long)v[i].seed, v[i].why);
    return all;
}

int selftest_machines(FILE *f, const cli_args *args)
{
    const ab_options *own = args->own;
    zoo              *z = calloc(1, sizeof *z);
    ir_status st = z ? selftest_machines_gather(z, args) : ir_fail(IR_ENOMEM, "no memory for the machines");
    bool      all = false;
    if (st == IR_OK) {
        z->first = args->opt.seed >= 0 ? (uint64_t)args->opt.seed : 0;
        z->seeds = (uint64_t)own->seeds;
        z->details = z->seeds == 1 && !args->opt.quiet;
        size_t     total = z->n * (size_t)z->seeds, size = sizeof(zoo_board) + total * sizeof(zoo_result);
        zoo_board *board = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (board == MAP_FAILED) {
            st = ir_fail(IR_ENOMEM, "no memory for %zu variants", total);
        } else {
            board->total = total;
            st = selftest_machines_measure_all(z, board);
            size_t n = selftest_machines_measured(board);
            if (st == IR_EINTR) fprintf(stderr, "ironroof: interrupted: %zu of %zu variants\n", n, total);
            if (st == IR_OK || (st == IR_EINTR && n > 0)) all = print_table(f, z, board->v, n);
            munmap(board, size);
        }
    }
    free(z);
    if (st == IR_EINTR) return EXIT_INTERRUPTED;
    if (st != IR_OK) return complain();
    return all ? EXIT_FINE : EXIT_BAD;
}
