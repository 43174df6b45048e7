/* exchange.c -- one rank's part of a step: ping-pong, windows of messages, clocks, sums over all. */
#define _GNU_SOURCE
#include "bench/fleet/net/net.h"

#include <math.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    MOST_BATCH = 4096,
    GROUPS = 24
};
static const double STRETCH_S = 0.06, CLOCK_S = 1.05, CLOCK_UNSURE = 5e-4, RUNG_S = 0.01;

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
 * measurement. */
static bool exchange_finish(MPI_Request *r, int n, double deadline_s, bool patient)
{
    static const struct timespec nap = {0, 100000};
    double                       began = net_now(), now = began;
    MPI_Status                   status[WINDOW];
    int                          done = 0;
    for (long spins = 0; !done; spins++) {
        MPI_Testall(n, r, &done, status);
        if (done || (!patient && spins % 256 != 255)) continue;
        now = net_now();
        if (now - began > deadline_s) break;
        if (patient && now - began > 1e-3) nanosleep(&nap, NULL);
    }
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

static bool ping(char *buf, int n, int partner, bool first)
{
    if (first)
        return net_send(buf, n, partner, TAG_PING, exchange_deadline) &&
               net_recv(buf, n, partner, TAG_PING, exchange_deadline);
    return net_recv(buf, n, partner, TAG_PING, exchange_deadline) &&
           net_send(buf, n, partner, TAG_PING, exchange_deadline);
}

static int exchange_ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- ping-pong: the first end times, and says whether there is more -------------------------- */
/* Half of the median round trip over about stretch_s; NAN: the partner fell silent. */
static double ping_pong(char *buf, int n, int partner, bool first, double stretch_s)
{
    double *t = malloc(MOST_BATCH * sizeof *t), end = net_now() + stretch_s, half = NAN;
    int     count = 0, more = 1;
    bool    ok = t && ping(buf, n, partner, first); /* warm */
    while (ok && more) {
        double began = net_now();
        ok = ping(buf, n, partner, first);
        double done = net_now();
        t[count++] = done - began;
        more = count < MOST_BATCH && (count < 8 || done < end);
        if (ok)
            ok = first ? net_send(&more, sizeof more, partner, TAG_MORE, exchange_deadline)
                       : net_recv(&more, sizeof more, partner, TAG_MORE, exchange_deadline);
    }
    if (ok) {
        qsort(t, (size_t)count, sizeof *t, exchange_ascending);
        half = 0.5 * t[count / 2];
    }
    free(t);
    return half;
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
    qsort(t, (size_t)n, sizeof *t, exchange_ascending);
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
        if (first && !ping(buf, 1, partner, true)) return false;
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

/* The median of a few; every element of the sum is checked. */
static void allreduce(const net_order *o, int rank, net_report *r)
{
    int    n = o->size_B / 4, members = group_size[o->group], reps = o->size_B < 1 << 20 ? 15 : 5;
    float *in = malloc((size_t)n * 4), *out = malloc((size_t)n * 4);
    double t[16];
    r->failed = in && out ? 0 : 1;
    for (int i = 0; in && i < n; i++) in[i] = (float)((i % 7) + rank);
    for (int k = 0; k <= reps && !r->failed; k++) {
        MPI_Request q;
        double      began = net_now();
        MPI_Iallreduce(in, out, n, MPI_FLOAT, MPI_SUM, group[o->group], &q);
        r->failed = !exchange_finish(&q, 1, exchange_deadline, false);
        if (k) t[k - 1] = net_now() - began;
    }
    float ranks = (float)members * (float)(members - 1) / 2;
    for (int i = 0; i < n && !r->failed; i++)
        if (out[i] != (float)(i % 7) * (float)members + ranks) r->failed = 2;
    if (!r->failed) {
        qsort(t, (size_t)reps, sizeof *t, exchange_ascending);
        r->time_s[0] = t[reps / 2];
    }
    free(in);
    free(out);
}

void net_do(const net_order *o, int rank, net_report *r)
{
    static char *buf;
    if (!buf) buf = calloc(1, MOST_B);
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
}
