/* test_cpu_gpt.c -- linear rows, operators, attention and the GPT-2-like step against their oracles, for
 * every ISA, thread count, weight type and alignment; decoding against prefilling, a batch against its
 * sequences. Needs no particular machine. */
#include "kernels/workloads/workloads_nets.h"
#include "harness/plan.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/cpu_device.h"

static const ir_dtype types[] = {IR_F32, IR_BF16, IR_I8};
enum { NTYPES = 3, MOST_THREADS = 3 };

/* Every kernel of the workload but its bottom rung. Only our own promise to work at any byte, and the
 * libraries' do not change with the ISA. Each weight type is tried at least once on a device. */
static int verify(device *d, const ir_workload *w, ir_params p, size_t misalign)
{
    int ran = 0;
    if (!(w->dtypes & 1u << p.dtype)) return 0;
    for (size_t k = 0; cpu_backend.kernels[k]; k++) {
        const ir_kernel *it = cpu_backend.kernels[k];
        bool             lib = it->flags & IR_K_LIB;
        if (strcmp(it->family, w->family) || it->flags & IR_K_NAIVE ||
            (lib && (misalign || d->cpu.isa != cpu_isa_best())))
            continue;
        if (d->tried[k]++ >= NTYPES && d->right[k] && thin_skips(it->name, d->tried[k])) {
            ran++;
            continue;
        }
        ir_status s = verify_kernel(d, w, k, &p, misalign);
        /* "exact" is of weights in groups, which test_llama_step.c tries. */
        if (s == IR_SKIP && !lib && strcmp(it->name, "exact"))
            fail_msg("%s/%s does not run: %s", w->name, it->name, ir_why());
        ran += s == IR_OK;
    }
    return ran;
}

static void test_odd_shapes(void **state)
{
    (void)state;
    static const ir_workload *const workloads[] = {&wl_linear, &wl_norm,     &wl_softmax,   &wl_act,
                                                   &wl_add2,   &wl_embed,    &wl_attention, &wl_gpt2,
                                                   &wl_chain,  &wl_normchain};
    static const size_t             misalign[] = {0, 1, 20, 63};
    for (int isa = 0; isa < CPU_NISA; isa++) {
        if (!isa_runs((cpu_isa)isa)) continue;
        for (int threads = 1; threads <= MOST_THREADS; threads++) {
            device d;
            open_device(&d, (cpu_isa)isa, threads);
            for (size_t w = 0; w < sizeof workloads / sizeof *workloads; w++) {
                int ran = 0;
                for (size_t i = 0; i < workloads[w]->nodd; i++)
                    for (size_t t = 0; t < NTYPES; t++) {
                        ir_params p = workloads[w]->odd[i];
                        p.dtype = types[t];
                        ran += verify(&d, workloads[w], p, misalign[(i + t + (size_t)threads) % 4]);
                    }
                assert_true(ran > 0);
            }
            close_device(&d);
        }
    }
}

/* Every number of rows around the tiles and row groups; widths around a vector of every type. */
static void test_linear_edges(void **state)
{
    (void)state;
    for (int isa = 0; isa < CPU_NISA; isa++) {
        if (!isa_runs((cpu_isa)isa)) continue;
        device d;
        open_device(&d, (cpu_isa)isa, 2);
        for (int64_t rows = 1; rows <= 34; rows++)
            for (size_t t = 0; t < NTYPES; t++) {
                assert_num(
                    verify(&d, &wl_linear, (ir_params){{rows, 200 - 3 * rows, 30 + rows}, types[t], 0}, 0), >,
                    0);
                assert_num(verify(&d, &wl_linear, (ir_params){{rows, 64 + rows, 5}, types[t], 0}, 1), >, 0);
                assert_num(verify(&d, &wl_linear, (ir_params){{rows, rows, 2 * rows + 1}, types[t], 0}, 0), >,
                           0);
            }
        close_device(&d);
    }
}

/* Rows enough for panels of both sides: parts of panels, one element deep, fewer columns than threads, and
 * caches so small that every dimension is in several blocks. */
static void test_linear_panels(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {
        {128, 96, 64}, {131, 333, 150}, {257, 40, 300}, {129, 1, 67}, {200, 77, 2}};
    for (int isa = 0; isa < CPU_NISA; isa++) {
        if (!isa_runs((cpu_isa)isa)) continue;
        for (int threads = 1; threads <= 4; threads += 3)
            for (int small = 0; small < 2; small++) {
                device d;
                open_device(&d, (cpu_isa)isa, threads);
                if (small) pretend_caches(&d, 3, 1024, 4);
                for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
                    for (size_t t = 0; t < NTYPES; t++) {
                        ir_params p = {{shapes[i][0], shapes[i][1], shapes[i][2]}, types[t], 0};
                        assert_num(verify(&d, &wl_linear, p, (i + t) % 2 ? 20 : 0), >, 0);
                    }
                close_device(&d);
            }
    }
}

/* Several blocks in every direction: caches of this imaginary machine are tiny. */
static void test_linear_many_blocks(void **state)
{
    (void)state;
    for (int isa = 0; isa < CPU_NISA; isa++) {
        if (!isa_runs((cpu_isa)isa)) continue;
        device d;
        open_device(&d, (cpu_isa)isa, 3);
        pretend_caches(&d, 2, 1024, 16);
        for (size_t t = 0; t < NTYPES; t++) {
            assert_num(verify(&d, &wl_linear, (ir_params){{41, 333, 150}, types[t], 0}, 0), >, 0);
            assert_num(verify(&d, &wl_linear, (ir_params){{7, 1000, 63}, types[t], 0}, 0), >, 0);
        }
        close_device(&d);
    }
}

/* Heads that threads cannot share evenly: the cache is split; widths that are no multiple of a vector; blocks
 * of queries. */
static void test_attention_edges(void **state)
{
    (void)state;
    static const int64_t shape[][5] = {{1, 1, 64, 1, 1000}, {1, 3, 64, 1, 515}, {1, 1, 40, 1, 255},
                                       {1, 2, 17, 1, 256},  {2, 3, 8, 1, 0},    {1, 1, 64, 100, 0},
                                       {1, 2, 33, 50, 77},  {2, 2, 64, 24, 64}, {1, 1, 128, 25, 63},
                                       {1, 5, 80, 2, 130},  {3, 1, 7, 65, 1},   {1, 4, 64, 63, 1}};
    for (int isa = 0; isa < CPU_NISA; isa++) {
        if (!isa_runs((cpu_isa)isa)) continue;
        for (int threads = 1; threads <= 4; threads++) {
            device d;
            open_device(&d, (cpu_isa)isa, threads);
            for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
                for (size_t t = 0; t < 2; t++) {
                    ir_params p = {.dtype = types[t]};
                    memcpy(p.v, shape[i], sizeof shape[i]);
                    assert_true(verify(&d, &wl_attention, p, i % 2 ? 12 : 0) > 0);
                }
            close_device(&d);
        }
    }
}

/* ---- the step by itself ---------------------------------------------------------------------- */
typedef struct {
    ir_run r;
    ly_net net;
    void  *mem[5];
    size_t bytes[5];
} step;

static int64_t smallest(void) { return wl_gpt2.odd[0].v[0]; }

static void step_of(step *s, device *d, const ir_workload *w, ir_params p)
{
    memset(s, 0, sizeof *s);
    p.threads = d->cpu.nthreads;
    s->r = (ir_run){.workload = w,
                    .kernel = kernel_named(&cpu_backend, "gpt", "stream"),
                    .dev = &d->dev,
                    .nmem = 5,
                    .p = p};
    ir_tensor spec[IR_MAX_TENSORS];
    assert_int_equal(w->valid(w, &s->r.p), IR_OK);
    assert_int_equal(w->tensors(w, &s->r.p, spec), 5);
    assert_int_equal(wl_net_of(w, &s->r.p, &s->net), IR_OK);
    for (int i = 0; i < 5; i++) {
        s->bytes[i] = spec[i].bytes;
        s->mem[i] = calloc(1, spec[i].bytes);
        assert_non_null(s->mem[i]);
        if (spec[i].role != IR_OUT) w->fill(w, &s->r.p, i, s->mem[i], 5);
        s->r.mem[i] = (ir_mem){s->mem[i], s->mem[i], spec[i].bytes};
    }
    assert_int_equal(ir_plan_make(&s->r), IR_OK);
}

static void step_begin(step *s, device *d, ir_dtype t, int64_t batch, int64_t tokens, int64_t past)
{
    step_of(s, d, &wl_gpt2, (ir_params){{smallest(), batch, tokens, past}, t, 0});
}

static void step_end(step *s)
{
    ir_plan_destroy(&s->r);
    ir_plan_destroy(&s->r); /* idempotent */
    for (int i = 0; i < 5; i++) free(s->mem[i]);
    ly_free(&s->net);
}

/* The first `rows` cached rows of sequence `from` of one step into sequence `to` of another. */
static void move_cache(const step *a, int64_t from, step *b, int64_t to, int64_t rows)
{
    const ly_row *r = NULL;
    int           blocks = 0;
    for (int i = 0; i < a->net.n; i++)
        if (a->net.row[i].op == LY_ATTENTION) r = &a->net.row[i], blocks++;
    assert_non_null(r);
    size_t  row_B = (size_t)r->dh * (a->r.p.dtype == IR_F32 ? 4 : 2);
    int64_t an = a->net.row[0].batch, bn = b->net.row[0].batch;
    for (int64_t p = 0; p < 2 * blocks; p++)
        for (int64_t h = 0; h < r->heads; h++)
            memcpy((char *)b->mem[4] + (size_t)(((p * bn + to) * r->heads + h) * b->net.kv_cap) * row_B,
                   (char *)a->mem[4] + (size_t)(((p * an + from) * r->heads + h) * a->net.kv_cap) * row_B,
                   (size_t)rows * row_B);
}

/* Root mean square difference relative to the values'. */
static double distance(const float *a, const float *b, int64_t n)
{
    double d = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        d += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        sum += (double)b[i] * (double)b[i];
    }
    assert_true(sum > 0);
    return sqrt(d / sum);
}
static double allowed(ir_dtype t)
{
    return t == IR_F32 ? 1e-5 : 2e-2;
} /* the cache is bf16, and activations may be */

/* On a machine with two memories the weights are written again, each thread's rows by itself: their content
 * stays, and so does the step's. */
static void test_weights_move_home(void **state)
{
    (void)state;
    device d;
    step   s;
    open_device(&d, cpu_isa_best(), 3);
    step_begin(&s, &d, IR_F32, 1, 1, 3);
    const size_t n = s.bytes[1], many = 5u << 20;
    void        *before = malloc(n), *big = NULL;
    assert_non_null(before);
    memcpy(before, s.mem[1], n);
    d.cpu.topo.nnuma = 2;
    assert_int_equal(ir_plan_prepare(&s.r), IR_OK);
    assert_memory_equal(before, s.mem[1], n);
    free(before);
    assert_int_equal(ir_host_alloc(many, IR_PAGES_SMALL, &big), IR_OK); /* enough for whole pieces */
    char *p = big;
    for (size_t i = 0; i < many; i++) p[i] = (char)(i * 2654435761u >> 24);
    for (int h = 0; h < 2; h++)
        for (size_t at = 0; at < many; at += 700001)
            ir_host_rehome(p + at, p + (at + 700001 < many ? at + 700001 : many), p + many,
                           h ? IR_PAGES_HUGE : IR_PAGES_SMALL);
    for (size_t i = 0; i < many; i++) assert_int_equal(p[i], (char)(i * 2654435761u >> 24));
    ir_host_free(big, many);
    step_end(&s);
    close_device(&d);
}

/* Who touches a page first: pages are closed, and the fault that opens one again notes the thread. */
enum { WATCHED = 1 << 14, PIECE = 1 << 16 };
static struct {
    char       *from;
    size_t      n, page;
    signed char who[WATCHED];
} watch; /* -1: nobody yet */
static int               watched_threads;
static _Thread_local int watched_as = -1;

static void note_fault(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    const size_t at = (size_t)((char *)info->si_addr - watch.from) / watch.page;
    if ((char *)info->si_addr < watch.from || at >= watch.n) {
        signal(signal_number, SIG_DFL); /* a fault of its own: it comes again */
        return;
    }
    if (watched_as < 0) watched_as = __atomic_fetch_add(&watched_threads, 1, __ATOMIC_RELAXED);
    signed char nobody = -1;
    __atomic_compare_exchange_n(&watch.who[at], &nobody, (signed char)watched_as, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
    mprotect(watch.from + at * watch.page, watch.page, PROT_READ | PROT_WRITE);
}

static void watch_pages(char *from, size_t bytes)
{
    watch.from = from;
    watch.page = (size_t)sysconf(_SC_PAGESIZE);
    watch.n = bytes / watch.page;
    assert_true(watch.n <= WATCHED);
    memset(watch.who, -1, watch.n);
    assert_int_equal(mprotect(from, watch.n * watch.page, PROT_NONE), 0);
}

/* Pieces that prepare() had some thread write, and that this thread uses in a step; of them those that nobody
 * else does. Of a page that two use, either may be the first: rows that end in a piece's first page show in
 * the page before. */
static void compare_homes(const signed char *home, const signed char *user, int *homed, int *kept, int *alone)
{
    const size_t each = PIECE / watch.page;
    *homed = *kept = *alone = 0;
    for (size_t p = 0; p + each <= watch.n; p += each) {
        size_t mine = 0, others = 0;
        for (size_t i = p; i < p + each && home[p] >= 0; i++) {
            mine += user[i] == home[p];
            others += user[i] >= 0 && user[i] != home[p];
        }
        *homed += home[p] >= 0;
        *kept += mine > 0 || (home[p] >= 0 && p > 0 && user[p - 1] == home[p]);
        *alone += mine > 0 && others == 0;
    }
}

/* On a machine with two memories the thread that writes a piece of the weights is the one that reads it, in
 * decoding and in prefilling. */
static void test_weights_are_where_they_are_used(void **state)
{
    (void)state;
    static signed char home[WATCHED];
    struct sigaction   old[2], act = {.sa_sigaction = note_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &act, &old[0]);
    sigaction(SIGBUS, &act, &old[1]);
    for (size_t t = 0; t < NTYPES; t++)
        for (int64_t tokens = 1; tokens <= 40; tokens += 39) {
            device d;
            step   s;
            int    homed, kept, alone;
            open_device(&d, cpu_isa_best(), 3);
            d.cpu.topo.nnuma = 2;
            d.cpu.pages = IR_PAGES_SMALL;
            step_of(&s, &d, &wl_gpt, (ir_params){{2, 448, 7, 1003, 64, 1, tokens, 3}, types[t], 0});
            void *W = NULL;
            assert_int_equal(ir_host_alloc(s.bytes[1], IR_PAGES_SMALL, &W), IR_OK);
            memcpy(W, s.mem[1], s.bytes[1]);
            s.r.mem[1].p = W;
            watch_pages(W, s.bytes[1]);
            assert_int_equal(ir_plan_prepare(&s.r), IR_OK);
            memcpy(home, watch.who, sizeof home);
            watch_pages(W, s.bytes[1]);
            assert_int_equal(s.r.kernel->run(&s.r, 1), IR_OK);
            compare_homes(home, watch.who, &homed, &kept, &alone);
            assert_true(homed >= (int)(s.bytes[1] / PIECE) * 3 / 4);
            if (kept != homed || alone < homed / 2)
                fail_msg("%s, %d tokens: of %d pieces %d are used by the thread next to them, %d by it alone",
                         ir_dtype_name(types[t]), (int)tokens, homed, kept, alone);
            mprotect(W, s.bytes[1], PROT_READ | PROT_WRITE);
            ir_host_free(W, s.bytes[1]);
            step_end(&s);
            close_device(&d);
        }
    sigaction(SIGSEGV, &old[0], NULL);
    sigaction(SIGBUS, &old[1], NULL);
}

static void test_decode_is_prefill(void **state)
{
    (void)state;
    enum { TOKENS = 20 };
    for (size_t t = 0; t < NTYPES; t++) {
        device d;
        step   all, last;
        open_device(&d, cpu_isa_best(), 2);
        step_begin(&all, &d, types[t], 1, TOKENS, 0);
        assert_int_equal(all.r.kernel->run(&all.r, 1), IR_OK);
        step_begin(&last, &d, types[t], 1, 1, 0);
        for (int i = 0;; i++) {
            memcpy(last.mem[0], (char *)all.mem[0] + i * 4, 4);
            memcpy(last.mem[1], all.mem[1], all.bytes[1]);
            memcpy(last.mem[2], all.mem[2], all.bytes[2]);
            assert_int_equal(last.r.kernel->run(&last.r, 2), IR_OK); /* twice is the same */
            if (i == TOKENS - 1) break;
            step next;
            step_begin(&next, &d, types[t], 1, 1, i + 1);
            move_cache(&last, 0, &next, 0, i + 1);
            step_end(&last);
            last = next;
            last.r.dev = &d.dev;
        }
        assert_true(distance(last.mem[3], all.mem[3], all.net.out_elems) <= allowed(types[t]));
        step_end(&last);
        step_end(&all);
        close_device(&d);
    }
}

static void test_batch_is_its_sequences(void **state)
{
    (void)state;
    static const int64_t batch[] = {3, 11, 35}, tokens[] = {1, 4, 1}, past[] = {17, 0, 3};
    for (size_t t = 0; t < NTYPES; t++)
        for (size_t c = 0; c < 3; c++) {
            device d;
            step   all, one;
            open_device(&d, cpu_isa_best(), 2);
            step_begin(&all, &d, types[t], batch[c], tokens[c], past[c]);
            assert_int_equal(all.r.kernel->run(&all.r, 1), IR_OK);
            step_begin(&one, &d, types[t], 1, tokens[c], past[c]);
            memcpy(one.mem[1], all.mem[1], all.bytes[1]);
            memcpy(one.mem[2], all.mem[2], all.bytes[2]);
            for (int64_t b = 0; b < batch[c]; b++) {
                memcpy(one.mem[0], (char *)all.mem[0] + b * tokens[c] * 4, (size_t)tokens[c] * 4);
                move_cache(&all, b, &one, 0, past[c]);
                assert_int_equal(one.r.kernel->run(&one.r, 1), IR_OK);
                assert_true(distance(one.mem[3], (float *)all.mem[3] + b * one.net.out_elems,
                                     one.net.out_elems) <= allowed(types[t]));
            }
            step_end(&one);
            step_end(&all);
            close_device(&d);
        }
}

/* Every row of the table takes time, and no more than the whole. */
static void test_profile(void **state)
{
    (void)state;
    device d;
    step   s;
    open_device(&d, cpu_isa_best(), 2);
    step_begin(&s, &d, IR_F32, 2, 3, 4);
    double *layer_s = calloc((size_t)s.net.n, sizeof *layer_s), sum = 0;
    assert_non_null(layer_s);
    double t0 = ir_now();
    assert_int_equal(s.r.kernel->ops->net.profile(&s.r, layer_s, s.net.n), IR_OK);
    double whole = ir_now() - t0;
    for (int i = 0; i < s.net.n; i++) {
        assert_true(layer_s[i] >= 0);
        sum += layer_s[i];
    }
    assert_num(sum, >, 0);
    assert_num(sum, <=, whole);
    assert_int_equal(s.r.kernel->ops->net.profile(&s.r, layer_s, s.net.n - 1), IR_EINVAL);
    free(layer_s);
    step_end(&s);
    close_device(&d);
}

static void test_refusals(void **state)
{
    (void)state;
    device d;
    open_device(&d, cpu_isa_best(), 1);
    ir_params p = {{smallest(), 1, 1, 0}, IR_F16, 1};
    assert_int_equal(kernel_named(&cpu_backend, "gpt", "stream")->can_run(&d.dev, &wl_gpt2, &p), IR_SKIP);
    p = (ir_params){{1, 8, 8}, IR_F16, 1};
    assert_int_equal(kernel_named(&cpu_backend, "linear", "stream")->can_run(&d.dev, &wl_linear, &p),
                     IR_SKIP);
    p = (ir_params){{1, 2, 8, 1, 3}, IR_F16, 1}; /* a cache in f16 is no reason */
    assert_int_equal(verify(&d, &wl_attention, p, 0), 1);
    close_device(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_odd_shapes),
                                       cmocka_unit_test(test_linear_edges),
                                       cmocka_unit_test(test_linear_many_blocks),
                                       cmocka_unit_test(test_linear_panels),
                                       cmocka_unit_test(test_attention_edges),
                                       cmocka_unit_test(test_weights_move_home),
                                       cmocka_unit_test(test_weights_are_where_they_are_used),
                                       cmocka_unit_test(test_decode_is_prefill),
                                       cmocka_unit_test(test_batch_is_its_sequences),
                                       cmocka_unit_test(test_profile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
