/* exchange.c -- one rank's part of a step: ping-pong, windows of messages, clocks, sums over all. */
#define _GNU_SOURCE
#include "bench/fleet/net/net.h"

#include <math.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    TAG_PING = 1,
    TAG_DATA,
    TAG_ACK,
    TAG_MORE,
    WINDOW = 64,
    MOST_WINDOWS = 256,
    MESSAGE_B = 64 << 10,
    MOST_B = 4 << 20,
    PINGS = 60,
    LOOKS = 256,   /* between two glances at the clock */
    KEPT_B = 1024, /* what every MPI buffers: its eager limit is at least this */
    MOST_REPS = 4096,
    MOST_BATCHES = 1024,
    LEAST_BATCHES = 8,
    PATIENCE = 3, /* stretches more, for so many batches on a slow link */
    GROUPS = 24
};
static const double STRETCH_S = 0.06, CLOCK_S = 1.05, CLOCK_UNSURE = 5e-4, RUNG_S = 0.04, BATCH_S = 2e-4;

static double   exchange_deadline = 10;
static MPI_Comm group[GROUPS];
static int      group_size[GROUPS];

double net_now(void)
{
    struct timespec t;
#ifdef CLOCK_MONOTONIC_RAW
    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
#else
    clock_gettime(CLOCK_MONOTONIC, &t);
#endif
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void net_deadlines(double exchange_s) { exchange_deadline = exchange_s; }

int net_ladder_size(int k) { return 1 << (2 * k); }

/* ---- with a deadline ------------------------------------------------------------------------- */
/* patient: sleeps between looks once it has waited a millisecond; a wait for an order is no part of a
 * measurement. Without patience the clock is first read after some looks: a message that is there at once is
 * not to pay for it. */
static bool exchange_wait(MPI_Request *r, int n, double deadline_s, bool patient)
{
    static const struct timespec nap = {0, 100000};
    double                       began = patient ? net_now() : 0;
    MPI_Status                   status[WINDOW];
    int                          done = 0;
    for (long looks = 1; !done; looks++) {
        if (n == 1)
            MPI_Test(r, &done, MPI_STATUS_IGNORE);
        else
            MPI_Testall(n, r, &done, status);
        if (done || (!patient && looks % LOOKS)) continue;
        double now = net_now();
        if (began == 0) began = now;
        if (now - began > deadline_s) break;
        if (patient && now - began > 1e-3) nanosleep(&nap, NULL);
    }
    return done;
}

static bool exchange_finish(MPI_Request *r, int n, double deadline_s, bool patient)
{
    bool done = exchange_wait(r, n, deadline_s, patient);
    for (int i = 0; i < n && !done; i++)
        if (r[i] != MPI_REQUEST_NULL) MPI_Cancel(&r[i]), MPI_Request_free(&r[i]);
    return done;
}

bool net_send(const void *buf, int n, int to, int tag, double deadline_s)
{
    MPI_Request r;
    MPI_Isend(buf, n, MPI_BYTE, to, tag, MPI_COMM_WORLD, &r);
    return exchange_finish(&r, 1, deadline_s, tag >= TAG_ORDER);
}

bool net_recv(void *buf, int n, int from, int tag, double deadline_s)
{
    MPI_Request r;
    MPI_Irecv(buf, n, MPI_BYTE, from, tag, MPI_COMM_WORLD, &r);
    return exchange_finish(&r, 1, deadline_s, tag >= TAG_ORDER);
}

/* To a partner that has just answered: MPI keeps a small message by itself until it is taken, without a
 * request, and waits for nobody. */
static bool ping_send(const char *buf, int n, int partner)
{
    if (n <= KEPT_B) return MPI_Send(buf, n, MPI_BYTE, partner, TAG_PING, MPI_COMM_WORLD) == MPI_SUCCESS;
    return net_send(buf, n, partner, TAG_PING, exchange_deadline);
}

static bool ping(char *buf, int n, int partner, bool first)
{
    if (first) return ping_send(buf, n, partner) && net_recv(buf, n, partner, TAG_PING, exchange_deadline);
    return net_recv(buf, n, partner, TAG_PING, exchange_deadline) && ping_send(buf, n, partner);
}

int net_ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- ping-pong: the first end times, and says how many follow -------------------------------- */
/* Both ends agree on the next batch: when its first message leaves, the other end waits for it. 0: no more.
 */
static bool agree(int *reps, int partner, bool first)
{
    if (first)
        return net_send(reps, sizeof *reps, partner, TAG_MORE, exchange_deadline) &&
               net_recv(reps, sizeof *reps, partner, TAG_MORE, exchange_deadline);
    return net_recv(reps, sizeof *reps, partner, TAG_MORE, exchange_deadline) &&
           net_send(reps, sizeof *reps, partner, TAG_MORE, exchange_deadline);
}

/* Half a round trip: of batches that are long for the clock the quickest tenth, over about stretch_s; NAN:
 * the partner fell silent. Batches grow first; those before the last growth do not count. */
static double ping_pong(char *buf, int n, int partner, bool first, double stretch_s)
{
    double t[MOST_BATCHES], end = net_now() + stretch_s;
    int    count = 0, reps = 1;
    bool   ok;
    while ((ok = agree(&reps, partner, first)) && reps) {
        double began = net_now();
        for (int i = 0; i < reps && ok; i++) ok = ping(buf, n, partner, first);
        double done = net_now();
        if (!ok) break;
        if (!first) continue;
        if (done - began < BATCH_S && reps < MOST_REPS) {
            reps *= 2, count = 0;
            continue;
        }
        t[count++] = (done - began) / reps;
        bool enough = count >= LEAST_BATCHES || done > end + PATIENCE * stretch_s;
        if (count == MOST_BATCHES || (enough && done > end)) reps = 0;
    }
    if (!ok || !first) return ok ? 0 : NAN;
    qsort(t, (size_t)count, sizeof *t, net_ascending);
    return 0.5 * t[count / 10];
}

/* ---- a window of messages one way, answered once --------------------------------------------- */
static bool window_of(char *buf, int partner, bool sends)
{
    MPI_Request r[WINDOW];
    char        ack = 0;
    for (int i = 0; i < WINDOW; i++) {
        char *at = buf + (size_t)(i % (MOST_B / MESSAGE_B)) * MESSAGE_B;
        if (sends)
            MPI_Isend(at, MESSAGE_B, MPI_BYTE, partner, TAG_DATA, MPI_COMM_WORLD, &r[i]);
        else
            MPI_Irecv(at, MESSAGE_B, MPI_BYTE, partner, TAG_DATA, MPI_COMM_WORLD, &r[i]);
    }
    if (!exchange_finish(r, WINDOW, exchange_deadline, false)) return false;
    return sends ? net_recv(&ack, 1, partner, TAG_ACK, exchange_deadline)
                 : net_send(&ack, 1, partner, TAG_ACK, exchange_deadline);
}

/* The sender's rate in the quicker windows (lower quartile of their times); on the receiver's side 0; NAN:
 * silent. The first window warms up, buffers are registered and sockets grow; on a link so slow that it takes
 * the whole stretch, it is the measurement. */
static double one_way(char *buf, int partner, bool sends)
{
    double t[MOST_WINDOWS], began = net_now(), end = began + STRETCH_S;
    int    more = 1, n = 0;
    bool   ok = true;
    for (int k = 0; ok && more; k++) {
        double since = net_now();
        ok = window_of(buf, partner, sends);
        double done = net_now();
        if (k == 1 && t[0] < STRETCH_S) n = 0;
        t[n++] = done - since;
        more = n < MOST_WINDOWS && (done < end || (k < 4 && done - began < 4 * STRETCH_S));
        if (ok)
            ok = sends ? net_send(&more, sizeof more, partner, TAG_MORE, exchange_deadline)
                       : net_recv(&more, sizeof more, partner, TAG_MORE, exchange_deadline);
    }
    if (!ok) return NAN;
    qsort(t, (size_t)n, sizeof *t, net_ascending);
    return sends ? (double)WINDOW * MESSAGE_B / t[n / 4] : 0;
}

static void pair(char *buf, const net_order *o, net_report *r)
{
    r->latency_s = ping_pong(buf, 1, o->partner, o->first, STRETCH_S);
    for (int turn = 0; turn < 2 && isfinite(r->latency_s); turn++) {
        bool   sends = o->first == (turn == 0);
        double rate = one_way(buf, o->partner, sends);
        if (!isfinite(rate)) r->failed = 1;
        if (sends) r->out_Bps = rate;
    }
    if (!isfinite(r->latency_s)) r->failed = 1;
}

/* ---- clocks ---------------------------------------------------------------------------------- */
/* A moment that both ends know: of some round trips the fastest, its middle here, its arrival there. */
static bool moment(char *buf, int partner, bool first, double *at, double *unsure)
{
    double best = INFINITY, theirs[PINGS] = {0}, mine[PINGS] = {0};
    int    which = 0;
    for (int i = 0; i < PINGS; i++) {
        double began = net_now();
        if (first && !(net_send(buf, 1, partner, TAG_PING, exchange_deadline) &&
                       net_recv(buf, 1, partner, TAG_PING, exchange_deadline)))
            return false;
        if (!first) {
            if (!net_recv(buf, 1, partner, TAG_PING, exchange_deadline)) return false;
            theirs[i] = net_now();
            if (!net_send(buf, 1, partner, TAG_PING, exchange_deadline)) return false;
        }
        double done = net_now();
        mine[i] = 0.5 * (began + done);
        if (done - began < best) best = done - began, which = i;
    }
    bool ok = first ? net_send(&which, sizeof which, partner, TAG_MORE, exchange_deadline)
                    : net_recv(&which, sizeof which, partner, TAG_MORE, exchange_deadline);
    if (!ok || which < 0 || which >= PINGS) return false;
    *at = first ? mine[which] : theirs[which];
    *unsure = first ? 0.5 * best : 0; /* only the end that sent and received knows how long it took */
    return true;
}

static void clocks(char *buf, const net_order *o, net_report *r)
{
    double a = 0, b = 0, more[2] = {0, 0};
    bool   ok = moment(buf, o->partner, o->first, &a, &more[0]);
    if (ok && o->first) {
        struct timespec t = {(time_t)CLOCK_S, (long)(1e9 * (CLOCK_S - floor(CLOCK_S)))};
        nanosleep(&t, NULL); /* the other end waits for the next ping */
    }
    ok = ok && moment(buf, o->partner, o->first, &b, &more[1]);
    r->clock_s = more[0] + more[1] > CLOCK_UNSURE * (b - a) ? NAN : b - a;
    r->failed = !ok;
}

static void exchange_ladder(char *buf, const net_order *o, net_report *r)
{
    for (int k = 0; k < NET_SIZES && !r->failed; k++) {
        r->time_s[k] = ping_pong(buf, net_ladder_size(k), o->partner, o->first, RUNG_S);
        r->failed = !isfinite(r->time_s[k]);
    }
}

/* ---- sums over all --------------------------------------------------------------------------- */
bool net_groups(int size)
{
    int rank, n = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    for (int k = 2; n < GROUPS; k *= 2) {
        int members = k < size ? k : size;
        group_size[n] = members;
        if (MPI_Comm_split(MPI_COMM_WORLD, rank < members ? 0 : MPI_UNDEFINED, rank, &group[n]) !=
            MPI_SUCCESS)
            return false;
        n++;
        if (members == size) break;
    }
    return true;
}

int net_group_size(int g) { return g < GROUPS ? group_size[g] : 0; }

bool net_sum_begin(net_sum *s, int64_t size_B)
{
    *s = (net_sum){.n = (size_t)size_B / sizeof *s->v};
    s->v = malloc(s->n * sizeof *s->v + 1);
    return s->v != NULL;
}

void net_sum_end(net_sum *s)
{
    free(s->v);
    *s = (net_sum){0};
}

/* Whole numbers so small that their sum over a million ranks is exact. */
enum { BY_ELEMENT = 7, BY_RANK = 8 };
void net_sum_fill(net_sum *s, int rank)
{
    for (size_t i = 0; i < s->n; i++) s->v[i] = (float)((int)(i % BY_ELEMENT) + rank % BY_RANK);
}

bool net_sum_right(const net_sum *s, int members)
{
    int    whole = members / BY_RANK, rest = members % BY_RANK;
    double ranks = whole * (BY_RANK * (BY_RANK - 1) / 2) + rest * (rest - 1) / 2;
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i] != (float)((double)(i % BY_ELEMENT) * members + ranks)) return false;
    return true;
}

/* What was not done in time cannot be called off, and may still write: its buffer stays where it is. */
bool net_sum_run(net_sum *s, int g, double deadline_s)
{
    MPI_Request q;
    bool        done = true;
    size_t      at = 0;
    do {
        size_t n = s->bucket && s->bucket < s->n - at ? s->bucket : s->n - at;
        if (n)
            MPI_Iallreduce(MPI_IN_PLACE, s->v + at, (int)n, MPI_FLOAT, MPI_SUM, group[g], &q);
        else
            MPI_Ibarrier(group[g], &q);
        done = exchange_wait(&q, 1, deadline_s, false);
        at += n;
    } while (done && at < s->n);
    if (!done) *s = (net_sum){0};
    return done; /* NOLINT(clang-analyzer-unix.Malloc): see above */
}

/* The median of a few; every element of each sum is checked. Who finds a wrong one goes on: the others wait
 * for it. */
static void allreduce(const net_order *o, int rank, net_report *r)
{
    int     members = group_size[o->group], reps = o->reps;
    bool    right = true;
    net_sum s, none = {0};
    double  t[NET_MOST_REPS];
    r->failed = net_sum_begin(&s, o->size_B) ? 0 : 1;
    for (int k = 0; k <= reps && !r->failed; k++) {
        net_sum_fill(&s, rank);
        r->failed = !net_sum_run(&none, o->group, exchange_deadline);
        double began = net_now();
        r->failed = r->failed || !net_sum_run(&s, o->group, exchange_deadline);
        if (k) t[k - 1] = net_now() - began;
        right = right && (r->failed || net_sum_right(&s, members));
    }
    if (!r->failed && !right) r->failed = 2;
    if (!r->failed) {
        qsort(t, (size_t)reps, sizeof *t, net_ascending);
        r->time_s[0] = t[reps / 2];
    }
    net_sum_end(&s);
}

/* Messages begin where a page does: what is copied page by page between processes is no page more. */
static char *message_buffer(void)
{
    void *p = NULL;
    if (posix_memalign(&p, (size_t)sysconf(_SC_PAGESIZE), MOST_B) != 0) return NULL;
    return memset(p, 0, MOST_B);
}

void net_do(const net_order *o, int rank, net_report *r)
{
    static char *buf;
    if (!buf) buf = message_buffer();
    *r = (net_report){.latency_s = NAN, .out_Bps = NAN, .clock_s = NAN};
    if (!buf)
        r->failed = 1;
    else if (o->op == NET_PAIR)
        pair(buf, o, r);
    else if (o->op == NET_CLOCK)
        clocks(buf, o, r);
    else if (o->op == NET_LADDER)
        exchange_ladder(buf, o, r);
    else if (o->op == NET_ALLREDUCE)
        allreduce(o, rank, r);
    else if (o->op == NET_STEP)
        net_step(o, rank, o->group, exchange_deadline, r);
}
