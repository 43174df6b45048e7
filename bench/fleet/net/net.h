/* net.h -- ironroof-net: what two nodes, and all of them, exchange; the one program here that is linked to
 * MPI.
 *
 * Rank 0 leads: it sends an order to every rank that has a part in a step, and waits for a report from each
 * until a deadline. Whoever has not reported by then is silent: it is named in the file, and the job ends, so
 * that the caller starts again without it. No rank waits for another without a deadline, which an exchange
 * has and which is shorter than a report's. */
#ifndef BENCH_FLEET_NET_H
#define BENCH_FLEET_NET_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    NET_NAME = 64,
    NET_OK = 0,
    NET_SILENT = 41,
    NET_SINGLETON = 42,
    NET_SHARED_NODE = 43,
    NET_BAD = 2,
    NET_POINT = 200
};
enum { TAG_ORDER = 100, TAG_REPORT }; /* what rank 0 and its workers say; tags below are the exchanges' own */
typedef enum { NET_STOP, NET_PAIR, NET_CLOCK, NET_LADDER, NET_ALLREDUCE, NET_STEP } net_op;
typedef struct {
    int     op, partner, group;
    bool    first;
    int64_t size_B; /* of a sum; of a step 0: compute alone */
    int     reps;   /* of a sum, 1 to NET_MOST_REPS */
} net_order;
enum { NET_SIZES = 12, NET_MOST_REPS = 15 };
typedef struct {
    int    failed;             /* 1: the partner did not answer in time; 2: a wrong sum; 3: no computation */
    double latency_s, out_Bps; /* of a pair: half a round trip; this end's sending */
    double clock_s;            /* this end's seconds between two moments of one exchange */
    double time_s[NET_SIZES];  /* of a ladder, by size; of an allreduce [0]; of a step [0], its compute [1] */
} net_report;

double net_now(void); /* seconds, the node's own clock */
void   net_deadlines(double exchange_s);
/* A worker's part of an order; *r says how it went. */
void net_do(const net_order *, int rank, net_report *r);
int  net_ascending(const void *, const void *); /* doubles, for qsort() */
int  net_ladder_size(int k);                    /* bytes of step k: 1, 4, 16 ... 4 MiB */
/* Communicators of the first 2, 4, ... ranks and of all: group g has net_group_size(g) ranks; 0: there is
 * none. Collective. */
bool net_groups(int size);
int  net_group_size(int g);
/* A sum of size_B over a group, of numbers that tell whether each element is right. Collective. */
typedef struct {
    float *v;
    size_t n, bucket; /* elements, and of them in one sum at a time; bucket 0: all */
} net_sum;
bool net_sum_begin(net_sum *, int64_t size_B); /* false: no memory */
void net_sum_fill(net_sum *, int rank);
/* In place, bucket by bucket. False: not done before the deadline. No element at all: a barrier. */
bool net_sum_run(net_sum *, int group, double deadline_s);
bool net_sum_right(const net_sum *, int members);
void net_sum_end(net_sum *); /* idempotent */

/* step.c: computation by a process of its own (`ironroof worker`), then a sum over all. Start it before MPI
 * starts: a fork is not allowed later. */
enum { NET_BUCKET_B = 32 << 20 }; /* gradients are summed in buckets, as training does */
bool net_worker_start(char *const *argv);
/* Waits until it is ready: the bytes of its weights, and what it computes. 0: it is not. */
double net_worker_bytes(double deadline_s, char point[NET_POINT]);
void   net_worker_end(void);
void   net_step(const net_order *, int rank, int group, double deadline_s, net_report *);

/* Sends and receives that give up: true when done before the deadline. */
bool net_send(const void *buf, int n, int to, int tag, double deadline_s);
bool net_recv(void *buf, int n, int from, int tag, double deadline_s);

/* matching.c: partner of `rank` in round r of a schedule that every rank could make itself; -1: it rests.
 * NET_AUTO: up to 64 ranks as NET_ALL, beyond 9 random matchings, then rank XOR 2^k. NET_ALL: each pair once,
 * in size - 1 rounds (size rounds of an odd number). N > 0: so many random matchings, or all where that is
 * fewer. */
enum { NET_AUTO = 0, NET_ALL = -1 };
int net_rounds(int size, int pairs);
int net_partner(int size, int pairs, int round, int rank, uint64_t seed);
#endif
