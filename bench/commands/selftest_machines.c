/* selftest_machines.c -- `ironroof selftest machines`: described machines, variants of each, and the scores
 * over all. Children measure, one for each processor here; a result is a plain value that comes through a
 * pipe. Without --seeds beyond 1 it says of every wrong answer what was asked. */
#define _GNU_SOURCE
#include "bench/commands/commands.h"
#include "bench/commands/zoo.h"
#include "bench/run/described.h"
#include "bench/ab/processes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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
    out->machine = (int)(i % z->n);
    zoo_variant(&z->m[i % z->n], z->first + i / z->n, log, out);
    if (log) fclose(log);
    if (text && size) printf("%s, seed %llu\n%s\n", z->name[i % z->n], (unsigned long long)out->seed, text);
    free(text);
    fflush(stdout);
}

static ir_status selftest_machines_write_all(int fd, const void *v, size_t n)
{
    for (const char *p = v; n > 0;) {
        ssize_t k = write(fd, p, n);
        if (k <= 0) return ir_fail(IR_EIO, "a pipe broke");
        p += k;
        n -= (size_t)k;
    }
    return IR_OK;
}

static bool selftest_machines_read_all(int fd, void *v, size_t n)
{
    for (char *p = v; n > 0;) {
        ssize_t k = read(fd, p, n);
        if (k <= 0) return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static void child(const zoo *z, size_t from, size_t step, size_t total, int fd)
{
    ir_status st = IR_OK;
    for (size_t i = from; i < total && st == IR_OK; i += step) {
        zoo_result r;
        selftest_machines_measure(z, i, &r);
        st = selftest_machines_write_all(fd, &r, sizeof r);
    }
    _exit(st == IR_OK ? 0 : 1);
}

/* All variants, spread over the processors. */
static ir_status selftest_machines_measure_all(const zoo *z, zoo_result *out, size_t total)
{
    long      cpus = sysconf(_SC_NPROCESSORS_ONLN);
    size_t    k = (size_t)(cpus < 1 ? 1 : cpus > MOST_CHILDREN ? MOST_CHILDREN : cpus), got = 0;
    int       fd[MOST_CHILDREN];
    pid_t     pid[MOST_CHILDREN];
    ir_status st = IR_OK;
    fflush(NULL);
    for (size_t c = 0; c < k; c++) {
        int p[2];
        if (pipe(p) != 0 || (pid[c] = fork()) < 0) return ir_fail(IR_EIO, "no process for a child");
        if (pid[c] == 0) {
            close(p[0]);
            child(z, c, k, total, p[1]);
        }
        close(p[1]);
        fd[c] = p[0];
    }
    for (size_t c = 0; c < k; c++) {
        int status;
        while (got < total && selftest_machines_read_all(fd[c], &out[got], sizeof *out)) got++;
        close(fd[c]);
        waitpid(pid[c], &status, 0);
    }
    if (got < total) st = ir_fail(IR_ECHECK, "%zu of %zu variants were measured", got, total);
    return st;
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
        size_t      total = z->n * (size_t)z->seeds;
        zoo_result *v = calloc(total, sizeof *v);
        st = v ? selftest_machines_measure_all(z, v, total)
               : ir_fail(IR_ENOMEM, "no memory for %zu variants", total);
        if (st == IR_OK) all = print_table(f, z, v, total);
        free(v);
    }
    free(z);
    if (st != IR_OK) return complain();
    return all ? EXIT_FINE : EXIT_BAD;
}
