/* pool.c -- fork-join over pinned threads. The threads form a tree: each posts its children's `go`
 * words before it works and collects their `done` words after, so a region costs O(log n) hops and
 * threads outside the region are neither woken nor asked. A barrier is a join followed by a fork.
 *
 * A word is even; its low bit says that the one thread that waits on it sleeps in the kernel. Only the
 * word's poster advances it (by 2), and reader and writer both know the next value. The region's
 * description is plain memory: written before `go` is posted, read after `go` is seen.
 *
 * Assumes one caller at a time. With more threads than processors nobody spins. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

enum { LINE = 128, FANOUT = 4, MAX_THREADS = 4096 }; /* LINE: two cache lines, for the pair prefetcher */
/* Between regions workers give the processor back soon; inside one it is theirs, and a wake-up would be
 * charged to the measurement. */
#define IDLE_SPIN_S   40e-6
#define REGION_SPIN_S 5e-3

typedef struct {
    _Alignas(LINE) atomic_uint go;   /* posted by the parent */
    _Alignas(LINE) atomic_uint done; /* posted by this thread */
    _Alignas(LINE) unsigned sent;    /* the parent's: last value of go, awaited value of done */
    _Alignas(LINE) unsigned seen;    /* this thread's copy */
    ir_pool  *pool;
    pthread_t thread;
    int       tid, pu, pin_error;
} slot;

struct ir_pool {
    slot      *slots; /* [size]; slot 0 is the caller's and has no words in use */
    int        size, nthreads;
    ir_pool_fn fn; /* NULL: exit */
    void      *arg;
    unsigned   idle_spins, region_spins;
    int        entered;
    bool       saved;
    ir_cpumask mask; /* the caller's, while entered */
};

static _Thread_local int self_tid;

/* ---- one word, one poster, one waiter -------------------------------------------------------- */
static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

static void sleep_on(atomic_uint *w, unsigned value)
{
#ifdef __linux__
    syscall(SYS_futex, w, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
#else
    (void)w, (void)value;
    nanosleep(&(struct timespec){0, 20000}, NULL);
#endif
}

static void wake(atomic_uint *w)
{
#ifdef __linux__
    syscall(SYS_futex, w, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
#else
    (void)w;
#endif
}

static void post(atomic_uint *w, unsigned value)
{
    if (atomic_exchange_explicit(w, value, memory_order_acq_rel) & 1u) wake(w);
}

static void await(atomic_uint *w, unsigned value, unsigned spins)
{
    for (unsigned i = 0;; i++) {
        unsigned now = atomic_load_explicit(w, memory_order_acquire);
        if (now == value) return;
        if (i < spins) {
            relax();
            continue;
        }
        /* A failed exchange means the word has just moved: look again instead of sleeping. */
        if (now & 1u || atomic_compare_exchange_strong_explicit(w, &now, now | 1u, memory_order_acquire,
                                                                memory_order_acquire))
            sleep_on(w, now | 1u);
    }
}

/* ---- regions --------------------------------------------------------------------------------- */
static void fork_children(ir_pool *p, int tid, int n)
{
    int lo = FANOUT * tid + 1, hi = lo + FANOUT < n ? lo + FANOUT : n;
    for (int c = lo; c < hi; c++) __builtin_prefetch(&p->slots[c].go, 1);
    for (int c = lo; c < hi; c++) post(&p->slots[c].go, p->slots[c].sent += 2);
}

static void join_children(ir_pool *p, int tid, int n)
{
    int lo = FANOUT * tid + 1, hi = lo + FANOUT < n ? lo + FANOUT : n;
    for (int c = lo; c < hi; c++) await(&p->slots[c].done, p->slots[c].sent, p->region_spins);
}

static void *worker(void *arg)
{
    slot    *s = arg;
    ir_pool *p = s->pool;
    self_tid = s->tid;
    s->pin_error = s->pu >= 0 ? ir_cpumask_pin(s->pu) : 0;
    post(&s->done, s->seen);
    for (bool more = true; more;) {
        await(&s->go, s->seen += 2, p->idle_spins);
        ir_pool_fn fn = p->fn;
        int        n = p->nthreads;
        void      *fn_arg = p->arg;
        more = fn != NULL;
        fork_children(p, s->tid, n);
        if (fn) fn(fn_arg, s->tid, n);
        join_children(p, s->tid, n);
        post(&s->done, s->seen);
    }
    return NULL;
}

static void pool_region(ir_pool *p, int nthreads, ir_pool_fn fn, void *arg)
{
    int outer = self_tid;
    self_tid = 0;
    if (nthreads > 1) {
        p->fn = fn;
        p->arg = arg;
        p->nthreads = nthreads;
        fork_children(p, 0, nthreads);
    }
    if (fn) fn(arg, 0, nthreads);
    join_children(p, 0, nthreads);
    self_tid = outer;
}

void ir_pool_run(ir_pool *p, int nthreads, ir_pool_fn fn, void *arg)
{
    assert(fn && nthreads >= 1 && nthreads <= p->size);
    ir_pool_enter(p);
    pool_region(p, nthreads, fn, arg);
    ir_pool_leave(p);
}

void ir_pool_barrier(ir_pool *p, int nthreads)
{
    int   tid = self_tid;
    slot *s = &p->slots[tid];
    assert(tid < nthreads && nthreads <= p->size);
    join_children(p, tid, nthreads);
    if (tid > 0) {
        post(&s->done, s->seen);
        await(&s->go, s->seen += 2, p->region_spins);
    }
    fork_children(p, tid, nthreads);
}

void ir_pool_enter(ir_pool *p)
{
    int pu = p->slots[0].pu;
    if (p->entered++ > 0 || pu < 0) return;
    p->saved = ir_cpumask_get(&p->mask) == 0 && ir_cpumask_pin(pu) == 0;
}

void ir_pool_leave(ir_pool *p)
{
    assert(p->entered > 0);
    if (--p->entered > 0 || !p->saved) return;
    ir_cpumask_set(&p->mask);
    p->saved = false;
}

void ir_pool_place(const ir_pool *p, int tid)
{
    if (tid >= 0 && tid < p->size && p->slots[tid].pu >= 0) ir_cpumask_pin(p->slots[tid].pu);
}

int ir_pool_size(const ir_pool *p) { return p->size; }

/* ---- creation -------------------------------------------------------------------------------- */
/* Seconds one turn of await() spins. */
static double spin_cost(void)
{
    enum { TURNS = 100 };
    atomic_uint w = 0;
    double      best = 1;
    for (int round = 0; round < 8; round++) {
        double t0 = ir_now();
        for (int i = 0; i < TURNS; i++) {
            (void)atomic_load_explicit(&w, memory_order_acquire);
            relax();
        }
        double t = (ir_now() - t0) / TURNS;
        if (t < best) best = t;
    }
    return best > 1e-10 ? best : 1e-10;
}

/* More threads than processors they may run on: then a spinning thread keeps another from working. */
static bool oversubscribed(const int *pu_os, int n)
{
    ir_cpumask mine, used = {{0}};
    if (ir_cpumask_get(&mine)) return n > sysconf(_SC_NPROCESSORS_ONLN);
    bool all_pinned = pu_os != NULL;
    for (int t = 0; pu_os && t < n; t++) {
        if (pu_os[t] < 0)
            all_pinned = false;
        else
            ir_cpumask_add(&used, pu_os[t]);
    }
    return n > ir_cpumask_count(all_pinned ? &used : &mine);
}

static ir_status check_pin(int tid, int pu, int error)
{
    if (error == 0) return IR_OK;
    if (error == ENOSYS) return ir_fail(IR_SKIP, "threads cannot be pinned on this system: use --pin none");
    return ir_fail(
        IR_EINVAL,
        "cannot pin thread %d to CPU %d (%s): choose CPUs inside this process's cpuset, or --pin none", tid,
        pu, strerror(error));
}

static ir_status check_caller(ir_pool *p)
{
    int pu = p->slots[0].pu;
    if (pu < 0) return IR_OK;
    ir_cpumask old;
    int        error = ir_cpumask_get(&old);
    if (!error) error = ir_cpumask_pin(pu);
    if (!error) error = ir_cpumask_set(&old);
    return check_pin(0, pu, error);
}

/* Starts workers up to `n`; p->size tells how many threads there are, also after a failure. */
static ir_status start_workers(ir_pool *p, int n)
{
    static const int fault[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    ir_status        s = IR_OK;
    sigset_t         all, old;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof fault / sizeof *fault; i++) sigdelset(&all, fault[i]);
    pthread_sigmask(SIG_SETMASK, &all,
                    &old); /* signals are the main thread's business, but for a thread's own faults */
    for (int t = 1; t < n && s == IR_OK; t++) {
        int error = pthread_create(&p->slots[t].thread, NULL, worker, &p->slots[t]);
        if (error)
            s = ir_fail(IR_ENOMEM, "cannot start thread %d of %d: %s", t, n, strerror(error));
        else
            p->size = t + 1;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    for (int t = 1; t < p->size; t++) {
        slot *w = &p->slots[t];
        await(&w->done, w->sent, 0);
        if (s == IR_OK) s = check_pin(t, w->pu, w->pin_error);
    }
    return s;
}

ir_status ir_pool_new(const int *pu_os, int n, ir_pool **out)
{
    *out = NULL;
    if (n < 1 || n > MAX_THREADS)
        return ir_fail(IR_EINVAL, "%d threads: 1 to %d are possible", n, MAX_THREADS);
    ir_pool *p = calloc(1, sizeof *p);
    if (p) p->slots = aligned_alloc(LINE, (size_t)n * sizeof(slot));
    if (!p || !p->slots) {
        free(p);
        return ir_fail(IR_ENOMEM, "no memory for a pool of %d threads", n);
    }
    memset(p->slots, 0, (size_t)n * sizeof(slot));
    for (int t = 0; t < n; t++) {
        slot *s = &p->slots[t];
        atomic_init(&s->go, 2);
        atomic_init(&s->done, 0);
        s->sent = s->seen = 2;
        s->pool = p;
        s->tid = t;
        s->pu = pu_os ? pu_os[t] : -1;
    }
    p->size = 1;
    if (!oversubscribed(pu_os, n)) {
        double cost = spin_cost();
        p->idle_spins = (unsigned)(IDLE_SPIN_S / cost);
        p->region_spins = (unsigned)(REGION_SPIN_S / cost);
    }
    ir_status s = check_caller(p);
    if (s == IR_OK) s = start_workers(p, n);
    *out = p;
    if (s != IR_OK) ir_pool_free(out);
    return s;
}

void ir_pool_free(ir_pool **pool)
{
    ir_pool *p = *pool;
    if (!p) return;
    while (p->entered > 0) ir_pool_leave(p);
    pool_region(p, p->size, NULL, NULL);
    for (int t = 1; t < p->size; t++) pthread_join(p->slots[t].thread, NULL);
    free(p->slots);
    free(p);
    *pool = NULL;
}
