/* chase.c -- pointer chase: each chain's next address is what its last load returned, so a hop costs one
 * latency. The lines are the kernel's own, with the page size asked for; a call continues where the last
 * one stopped, so that repetitions do not walk a stretch that the caches already hold. One thread. */
#include "kernels/workloads/workloads_memory.h"
#include "kernels/cpu/cpu.h"

#include <stdlib.h>
#include <string.h>

enum { BYTES, CHAINS, STEPS, PAGES };
typedef struct line {
    struct line *next;
    char         rest[WL_CHASE_LINE - sizeof(struct line *)];
} line;

typedef struct {
    line  *lines;
    size_t bytes;
    int    chains;
    line  *at[WL_CHASE_MAX_CHAINS];
} plan;

/* `hops` rounds over K chains held in registers (as far as there are any), and a remainder. */
#define HOP(p) (p) = (p)->next;
#define HOP1   HOP(p0)
#define HOP2   HOP1 HOP(p1)
#define HOP4   HOP2 HOP(p2) HOP(p3)
#define HOP8   HOP4 HOP(p4) HOP(p5) HOP(p6) HOP(p7)
#define DECL1  line *p0 = at[0];
#define DECL2  DECL1 line *p1 = at[1];
#define DECL4  DECL2 line *p2 = at[2], *p3 = at[3];
#define DECL8  DECL4 line *p4 = at[4], *p5 = at[5], *p6 = at[6], *p7 = at[7];
#define BACK1  at[0] = p0;
#define BACK2  BACK1 at[1] = p1;
#define BACK4  BACK2 at[2] = p2, at[3] = p3;
#define BACK8  BACK4 at[4] = p4, at[5] = p5, at[6] = p6, at[7] = p7;
#define CHASE(K) \
    static void chase##K(line **at, int64_t steps) \
    { \
        DECL##K for (; steps >= 8; steps -= 8) { HOP##K HOP##K HOP##K HOP##K HOP##K HOP##K HOP##K HOP##K } \
        for (; steps > 0; steps--) { \
            HOP##K \
        } \
        BACK##K \
    }
CHASE(1)
CHASE(2)
CHASE(4)
CHASE(8)

/* More chains than registers: the pointers live in memory, in a few lines of L1. That adds a store-forward to
 * each hop, which is hidden behind the other chains' misses. */
static void chase_many(line **at, int chains, int64_t steps)
{
    for (int64_t i = 0; i < steps; i++)
        for (int c = 0; c < chains; c += 8) {
            line **p = at + c;
            line  *q0 = p[0]->next, *q1 = p[1]->next, *q2 = p[2]->next, *q3 = p[3]->next;
            line  *q4 = p[4]->next, *q5 = p[5]->next, *q6 = p[6]->next, *q7 = p[7]->next;
            p[0] = q0, p[1] = q1, p[2] = q2, p[3] = q3, p[4] = q4, p[5] = q5, p[6] = q6, p[7] = q7;
        }
}

/* The cycle that workloads_memory.h defines, and where its chains start. Shuffled as 4-byte numbers and
 * linked after: an eighth of the random accesses to memory that shuffling the lines themselves would cost. */
static ir_status link_lines(plan *c)
{
    uint32_t n = (uint32_t)(c->bytes / WL_CHASE_LINE), *order = malloc(sizeof *order * n);
    if (!order) return ir_fail(IR_ENOMEM, "chase: no memory for the order of %u lines", n);
    for (uint32_t i = 0; i < n; i++) order[i] = i;
    for (uint32_t i = n - 1; i > 0; i--) {
        uint32_t j = (uint32_t)((uint64_t)ir_hash32(WL_CHASE_SEED, i) * (i + 1) >> 32), was = order[i];
        order[i] = order[j];
        order[j] = was;
    }
    for (uint32_t i = 0; i + 1 < n; i++) c->lines[order[i]].next = &c->lines[order[i + 1]];
    c->lines[order[n - 1]].next = &c->lines[order[0]];
    for (int k = 0; k < c->chains; k++) c->at[k] = &c->lines[order[(uint64_t)k * n / (uint64_t)c->chains]];
    free(order);
    return IR_OK;
}

typedef struct {
    plan     *c;
    ir_status status;
} build_job;

/* Runs on thread 0's core, so that the lines are first touched where they are chased. */
static void chase_build(void *arg, int tid, int nthreads)
{
    build_job *b = arg;
    (void)tid, (void)nthreads;
    memset(b->c->lines, 0, b->c->bytes); /* in address order: whole huge pages at once */
    b->status = link_lines(b->c);
}

static void chase_teardown(ir_run *r)
{
    plan *c = r->self;
    if (!c) return;
    if (c->lines) ir_host_free(c->lines, c->bytes);
    free(c);
    r->self = NULL;
}

static ir_status chase_setup(ir_run *r)
{
    static const ir_pages pages[] = {[WL_PAGES_DEFAULT] = IR_PAGES_DEFAULT,
                                     [WL_PAGES_HUGE] = IR_PAGES_HUGE,
                                     [WL_PAGES_SMALL] = IR_PAGES_SMALL};
    plan                 *c = calloc(1, sizeof *c);
    if (!c) return ir_fail(IR_ENOMEM, "chase: no memory for the plan");
    r->self = c;
    c->bytes = (size_t)r->p.v[BYTES] / WL_CHASE_LINE * WL_CHASE_LINE;
    c->chains = (int)r->p.v[CHAINS];
    void     *p = NULL;
    build_job b = {.c = c};
    b.status = ir_host_alloc(c->bytes, pages[r->p.v[PAGES]], &p);
    c->lines = p;
    if (b.status == IR_OK) ir_pool_run(cpu_of(r->dev)->pool, 1, chase_build, &b);
    if (b.status != IR_OK) chase_teardown(r);
    return b.status;
}

static ir_status chase_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev;
    (void)w;
    if (p->threads > 1) return ir_fail(IR_SKIP, "a chase is one thread's dependent loads: use threads=1");
    return IR_OK;
}

typedef struct {
    plan    *c;
    int64_t  steps;
    uint32_t reps;
    double  *ends;
} hop_job;

static void mark_ends(const hop_job *h, int which)
{
    for (int k = 0; k < h->c->chains; k++) {
        double at = (double)(h->c->at[k] - h->c->lines);
        memcpy((char *)h->ends + sizeof at * (size_t)(2 * k + which), &at, sizeof at);
    }
}

static void hop(void *arg, int tid, int nthreads)
{
    hop_job *h = arg;
    plan    *c = h->c;
    (void)tid, (void)nthreads;
    for (uint32_t i = 0; i < h->reps; i++) {
        if (i == h->reps - 1) mark_ends(h, 0);
        switch (c->chains) {
        case 1: chase1(c->at, h->steps); break;
        case 2: chase2(c->at, h->steps); break;
        case 4: chase4(c->at, h->steps); break;
        case 8: chase8(c->at, h->steps); break;
        default: chase_many(c->at, c->chains, h->steps); break;
        }
    }
    mark_ends(h, 1);
}

static ir_status chase_run(ir_run *r, uint32_t reps)
{
    hop_job h = {r->self, r->p.v[STEPS], reps, r->mem[0].p};
    ir_pool_run(cpu_of(r->dev)->pool, 1, hop, &h);
    return IR_OK;
}

static const ir_plan_ops chase_plan_ops = {.destroy = chase_teardown};

const ir_kernel cpu_chase_pointer = {.family = "chase",
                                     .name = "pointer",
                                     .doc =
                                         "each load's result is the next load's address, one per cache line",
                                     .flags = IR_K_FUSED,
                                     .can_run = chase_can_run,
                                     .plan = chase_setup,
                                     .run = chase_run,
                                     .ops = &chase_plan_ops};
