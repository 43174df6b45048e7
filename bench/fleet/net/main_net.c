/* main_net.c -- ironroof-net FILE NODES SEED EXCHANGE_S PAIRS [WHAT]: appends exchanges between nodes to
 * FILE, or writes them as frames (-). NODES: how many processes it must find itself to be; a launcher that
 * speaks another MPI's protocol (ironroof-net --mpi says its name) starts so many lone ones. WHAT: A-B,...
 * these pairs alone, again, as look 2; ladder: ping-pong of the first two; sums:N: of every power of two up
 * to N bytes; step PROGRAM WORD...: data-parallel steps of what `PROGRAM WORD...` (ironroof worker POINT)
 * computes. See net.h for how silence is noticed and docs/fleet.md for what is measured. */
#define _GNU_SOURCE
#include "harness/record/frame.h"
#include "bench/fleet/net/net.h"

#include <errno.h>
#include <math.h>
#include <mpi.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double SLOW_SUM_S = 0.03, SUMS_S = 0.3; /* a sum; all of one size */
enum { ONE_AT_A_TIME = 16, CLOCK_ROUNDS = 3, MOST_SUM_B = 256 << 20 };
typedef struct {
    FILE    *f; /* NULL: frames to standard output */
    int      rank, size, look, round, pairs, lines;
    uint64_t seed;
    double   exchange_s, report_s;
    char (*name)[NET_NAME];
    net_report *report;
    bool       *waits; /* has an order and has not reported */
} leader;

/* ---- lines ----------------------------------------------------------------------------------- */
__attribute__((format(printf, 2, 3))) static void put(leader *l, const char *fmt, ...)
{
    char    line[IR_FRAME_LINE_B], id[IR_FRAME_ID];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    snprintf(id, sizeof id, "net%08d", l->lines++);
    if (l->f)
        fprintf(l->f, "%s\n", line);
    else
        ir_frame_write(stdout, l->name[0], id, line, (size_t)n);
}

/* ---- silence --------------------------------------------------------------------------------- */
/* Every process of the job. */
static _Noreturn void end_all(int code)
{
    MPI_Abort(MPI_COMM_WORLD, code);
    _exit(code);
}

static _Noreturn void give_up(leader *l)
{
    for (int i = 1; i < l->size; i++) /* who leads is there */
        if (l->waits[i]) put(l, "{\"record\":\"fleet-silent\",\"node\":\"%s\"}", l->name[i]);
    if (l->f) fclose(l->f);
    end_all(NET_SILENT);
}

static void order(leader *l, int rank, const net_order *o)
{
    l->waits[rank] = true;
    if (rank != 0 && !net_send(o, sizeof *o, rank, TAG_ORDER, l->exchange_s)) give_up(l);
}

/* Rank 0 takes its own part between ordering and collecting. */
static void main_net_collect(leader *l, const net_order *own)
{
    double end = net_now() + l->report_s;
    if (own) {
        net_do(own, 0, &l->report[0]);
        l->waits[0] = false;
    }
    for (int i = 1; i < l->size; i++) {
        double left = end - net_now();
        if (!l->waits[i]) continue;
        if (net_recv(&l->report[i], sizeof l->report[i], i, TAG_REPORT, left > 0.05 ? left : 0.05))
            l->waits[i] = false;
    }
    for (int i = 0; i < l->size; i++)
        if (l->waits[i]) give_up(l);
}

/* ---- steps ----------------------------------------------------------------------------------- */
static void put_pair(leader *l, const char *what, int a, int b, double size_B, double value)
{
    if (!(value > 0) || !isfinite(value)) return;
    put(l,
        "{\"record\":\"fleet-pair\",\"what\":\"%s\",\"a\":\"%s\",\"b\":\"%s\",\"look\":%d,\"round\":%d,"
        "\"size_B\":%.0f,\"value\":%.9g}",
        what, l->name[a], l->name[b], l->look, l->round, size_B, value);
}

/* A window's slower direction is the pair's. */
static void put_reports(leader *l, net_op op, const char *what, int a, int b)
{
    const net_report *x = &l->report[a], *y = &l->report[b];
    if (x->failed || y->failed) return;
    if (op == NET_PAIR) put_pair(l, what, a, b, 64 << 10, fmin(x->out_Bps, y->out_Bps));
    if (op == NET_PAIR && strcmp(what, "all")) put_pair(l, "latency", a, b, 1, x->latency_s);
    if (op == NET_CLOCK) put_pair(l, "clock", a, b, 1, y->clock_s / x->clock_s);
    for (int k = 0; op == NET_LADDER && k < NET_SIZES; k++)
        put_pair(l, "pingpong", a, b, net_ladder_size(k), x->time_s[k]);
}

static void order_pair(leader *l, net_op op, int a, int b, net_order *own)
{
    net_order x = {.op = (int)op, .partner = b, .first = true}, y = {.op = (int)op, .partner = a};
    if (a == 0) *own = x;
    if (b == 0) *own = y;
    order(l, a, &x);
    order(l, b, &y);
}

static void single_pair(leader *l, net_op op, const char *what, int a, int b)
{
    net_order own = {.op = NET_STOP};
    order_pair(l, op, a, b, &own);
    main_net_collect(l, own.op != NET_STOP ? &own : NULL);
    put_reports(l, op, what, a, b);
}

/* All pairs of a round at once. */
static void whole_round(leader *l, net_op op, const char *what, int round)
{
    net_order own = {.op = NET_STOP};
    for (int a = 0; a < l->size; a++) {
        int b = net_partner(l->size, l->pairs, round, a, l->seed);
        if (b > a) order_pair(l, op, a, b, &own);
    }
    main_net_collect(l, own.op != NET_STOP ? &own : NULL);
    for (int a = 0; a < l->size; a++) {
        int b = net_partner(l->size, l->pairs, round, a, l->seed);
        if (b > a) put_reports(l, op, what, a, b);
    }
}

/* Ping-pong over all sizes, of the first node and its first partner. */
static void ladder(leader *l)
{
    int b = net_partner(l->size, l->pairs, 0, 0, l->seed);
    if (b > 0) single_pair(l, NET_LADDER, "pingpong", 0, b);
}

/* A small fleet's pairs one after the other, undisturbed, and one round of them at once: what is left is
 * contention. */
static void pairs(leader *l)
{
    int rounds = net_rounds(l->size, l->pairs);
    for (l->round = 0; l->round < rounds; l->round++) {
        for (int a = 0; a < l->size && l->size <= ONE_AT_A_TIME; a++) {
            int b = net_partner(l->size, l->pairs, l->round, a, l->seed);
            if (b > a) single_pair(l, NET_PAIR, "bw", a, b);
        }
        if (l->size > ONE_AT_A_TIME) whole_round(l, NET_PAIR, "bw", l->round);
        if (l->round < CLOCK_ROUNDS) whole_round(l, NET_CLOCK, "clock", l->round);
        if (l->f) fflush(l->f);
    }
    l->round = 0;
    if (l->size <= ONE_AT_A_TIME && l->size >= 4) whole_round(l, NET_PAIR, "all", 0);
    ladder(l);
}

/* Nodes whose report says this, by name; how many. */
static int complain_of(const leader *l, int failed, int members, const char *what)
{
    int n = 0;
    for (int i = 0; i < members; i++)
        if (l->report[i].failed == failed)
            n++, fprintf(stderr, "ironroof-net: node %s: %s\n", l->name[i], what);
    return n;
}

/* Sizes up to `most`, growing by `times`, until one takes longer than slow_s. */
static int main_net_sums(leader *l, int times, int64_t most, double slow_s)
{
    int wrong = 0;
    for (int g = 0; net_group_size(g); g++) {
        double worst = 0;
        bool   slow = false;
        for (int64_t size_B = 8; size_B <= most && !slow; size_B *= times) {
            /* The one before tells how long this one may take. */
            int       reps = (int)fmax(3, fmin(NET_MOST_REPS, SUMS_S / (worst * times + 1e-6)));
            net_order o = {.op = NET_ALLREDUCE, .size_B = size_B, .group = g, .reps = reps};
            for (int i = 0; i < net_group_size(g); i++) order(l, i, &o);
            main_net_collect(l, &o);
            char what[80];
            snprintf(what, sizeof what, "allreduce of %lld B over %d nodes: the sum is wrong",
                     (long long)size_B, net_group_size(g));
            wrong += complain_of(l, 2, net_group_size(g), what);
            worst = 0;
            for (int i = 0; i < net_group_size(g); i++) {
                worst = fmax(worst, l->report[i].time_s[0]);
                slow = slow || l->report[i].failed == 1;
            }
            if (slow) break;       /* it did not end in time */
            slow = worst > slow_s; /* the next one takes `times` as long */
            put(l,
                "{\"record\":\"fleet-pair\",\"what\":\"allreduce\",\"a\":\"%s\",\"b\":null,\"look\":1,"
                "\"round\":0,\"nodes\":%d,\"size_B\":%lld,\"value\":%.9g}",
                l->name[0], net_group_size(g), (long long)size_B, worst);
        }
    }
    return wrong ? NET_BAD : NET_OK;
}

/* ---- a data-parallel step -------------------------------------------------------------------- */
/* All nodes at once; the slowest one's times. False: some node could not. */
static bool one_step(leader *l, int group, int64_t size_B, double time_s[2])
{
    net_order o = {.op = NET_STEP, .size_B = size_B, .group = group};
    bool      fine = true;
    for (int i = 0; i < l->size; i++) order(l, i, &o);
    main_net_collect(l, &o);
    for (int k = 0; k < 2; k++) time_s[k] = 0;
    for (int i = 0; i < l->size; i++) {
        for (int k = 0; k < 2; k++) time_s[k] = fmax(time_s[k], l->report[i].time_s[k]);
        fine = fine && !l->report[i].failed;
    }
    return fine;
}

/* First computing alone, then whole steps; the first of each warms up. Medians. */
static int main_net_step(leader *l)
{
    enum { REPS = 5 };
    double alone[REPS], whole[REPS], t[2];
    char   point[NET_POINT];
    int    g = 0;
    bool   fine = true;
    while (net_group_size(g) < l->size) g++;
    for (int k = -1; k < REPS && fine; k++) {
        fine = one_step(l, g, 0, t);
        if (k >= 0) alone[k] = t[1];
    }
    int64_t V = (int64_t)net_worker_bytes(0, point) / 4 * 4;
    for (int k = -1; k < REPS && fine; k++) {
        fine = one_step(l, g, V, t);
        if (k >= 0) whole[k] = t[0];
    }
    int bad = complain_of(l, 2, l->size, "the sum of a step is wrong") +
              complain_of(l, 3, l->size, "cannot compute the step: ironroof worker failed there");
    if (!fine) return bad ? NET_BAD : NET_SILENT;
    qsort(alone, REPS, sizeof *alone, net_ascending);
    qsort(whole, REPS, sizeof *whole, net_ascending);
    put(l,
        "{\"record\":\"fleet-step\",\"point\":\"%s\",\"nodes\":%d,\"size_B\":%lld,\"sums\":%lld,\"compute_"
        "s\":%.9g,"
        "\"step_s\":%.9g}",
        point, l->size, (long long)V, (long long)((V + NET_BUCKET_B - 1) / NET_BUCKET_B), alone[REPS / 2],
        whole[REPS / 2]);
    return NET_OK;
}

static int main_net_rank_of(const leader *l, const char *name)
{
    for (int i = 0; i < l->size; i++)
        if (!strcmp(l->name[i], name)) return i;
    return -1;
}

/* "a-b" pairs, by names that may hold dashes themselves: both halves must be names. */
static void again(leader *l, char *list)
{
    char *rest;
    l->look = 2;
    for (char *p = strtok_r(list, ",", &rest); p; p = strtok_r(NULL, ",", &rest))
        for (char *dash = strchr(p, '-'); dash; dash = strchr(dash + 1, '-')) {
            *dash = 0;
            int a = main_net_rank_of(l, p), b = main_net_rank_of(l, dash + 1);
            *dash = '-';
            if (a < 0 || b < 0 || a == b) continue;
            single_pair(l, NET_PAIR, "bw", a, b);
            break;
        }
}

static int lead(leader *l, const char *path, char *only)
{
    int  code = NET_OK;
    bool frames = !strcmp(path, "-");
    l->f = frames ? NULL : fopen(path, "a");
    l->report = calloc((size_t)l->size, sizeof *l->report);
    l->waits = calloc((size_t)l->size, sizeof *l->waits);
    l->look = 1;
    if ((!frames && !l->f) || !l->report || !l->waits) {
        fprintf(stderr, "ironroof-net: %s: %s\n", path, strerror(errno));
        end_all(NET_BAD);
    }
    if (only && !strcmp(only, "ladder"))
        ladder(l);
    else if (only && !strncmp(only, "sums:", 5))
        code = main_net_sums(l, 2, strtoll(only + 5, NULL, 10), INFINITY);
    else if (only && !strcmp(only, "step"))
        code = main_net_step(l);
    else if (only)
        again(l, only);
    else {
        pairs(l);
        code = main_net_sums(l, 8, MOST_SUM_B, SLOW_SUM_S);
    }
    net_order stop = {.op = NET_STOP};
    for (int i = 1; i < l->size; i++) net_send(&stop, sizeof stop, i, TAG_ORDER, l->exchange_s);
    if (l->f && fclose(l->f) != 0)
        fprintf(stderr, "ironroof-net: %s: %s\n", path, strerror(errno)), code = NET_BAD;
    return code;
}

/* Nobody waits for ever: a leader that fell silent ends its workers. */
static void work(int rank, double report_s, int size)
{
    net_order  o;
    net_report r;
    for (;;) {
        if (!net_recv(&o, sizeof o, 0, TAG_ORDER, report_s * (size + 4))) end_all(NET_SILENT);
        if (o.op == NET_STOP) return;
        net_do(&o, rank, &r);
        net_send(&r, sizeof r, 0, TAG_REPORT, report_s);
    }
}

static void my_name(char name[NET_NAME])
{
    const char *v = getenv("IRONROOF_NODE");
    if (!v || !*v) v = getenv("SLURMD_NODENAME");
    memset(name, 0, NET_NAME);
    if (v && *v)
        snprintf(name, NET_NAME, "%s", v);
    else if (gethostname(name, NET_NAME - 1) != 0)
        snprintf(name, NET_NAME, "unknown");
    name[strcspn(name, "\"\\")] = 0;
}

/* How Slurm must speak to the library that we are linked to. */
static const char *protocol(void)
{
    char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int  n = 0;
    MPI_Get_library_version(text, &n);
    return strstr(text, "Open MPI") ? "pmix" : "pmi2";
}

int main(int argc, char **argv)
{
    leader l = {0};
    int    code = NET_OK;
    if (argc == 2 && !strcmp(argv[1], "--mpi")) return puts(protocol()) < 0;
    bool step = argc > 8 && !strcmp(argv[6], "step");
    if (step && !net_worker_start(argv + 7)) return perror("ironroof-net: worker"), NET_BAD;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &l.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &l.size);
    if (argc < 6) {
        fprintf(stderr, "usage: ironroof-net FILE NODES SEED EXCHANGE_S PAIRS [A-B,...|ladder|sums:N|step "
                        "PROGRAM WORD...]\n");
        end_all(NET_BAD);
    }
    char mine[NET_NAME];
    int  expected = atoi(argv[2]);
    my_name(mine);
    if (l.size != expected) {
        fprintf(stderr,
                "ironroof-net: node %s: %d processes expected, MPI sees %d: the launcher does not speak this "
                "MPI's protocol (srun --mpi=pmix for Open MPI, --mpi=pmi2 for MPICH; here %s)\n",
                mine, expected, l.size, protocol());
        MPI_Finalize();
        return NET_SINGLETON;
    }
    l.seed = strtoull(argv[3], NULL, 10);
    l.exchange_s = strtod(argv[4], NULL);
    l.pairs = atoi(argv[5]);
    /* Who misses a partner says so after one exchange; in a step it waits, computes and sums. */
    l.report_s = (step ? 3 : 1) * l.exchange_s + 4;
    net_deadlines(l.exchange_s);
    l.name = calloc((size_t)l.size, sizeof *l.name);
    if (!l.name || !net_groups(l.size)) end_all(NET_BAD);
    MPI_Allgather(mine, NET_NAME, MPI_CHAR, l.name, NET_NAME, MPI_CHAR, MPI_COMM_WORLD);
    for (int i = 0; l.rank == 0 && i < l.size; i++)
        for (int k = 0; k < i; k++)
            if (!strcmp(l.name[i], l.name[k])) {
                fprintf(stderr, "ironroof-net: node %s has two processes: one per node expected\n",
                        l.name[i]);
                end_all(NET_SHARED_NODE);
            }
    if (l.rank == 0)
        code = lead(&l, argv[1], argc > 6 ? argv[6] : NULL);
    else
        work(l.rank, l.report_s, l.size);
    free(l.name);
    free(l.report);
    free(l.waits);
    net_worker_end();
    MPI_Finalize();
    return code;
}
