/* test_opencl_faults.c -- the OpenCL backend when things go wrong: every call failing in turn, a damaged
 * cache, a compiler error, limits, no loader configuration, a lost device. Whatever happens, there is a
 * reason, nothing is left behind, and nothing wrong passes for right. Skipped visibly where the loader has no
 * platform. */
#define _GNU_SOURCE
#include "kernels/workloads/workloads_compute.h"
#include "harness/plan.h"
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/workloads/workloads_memory.h"
#include "kernels/workloads/workloads_nets.h"
#include "tests/opencl_device.h"

#include <dirent.h>
#include <math.h>
#include <sys/wait.h>

/* ---- each call in turn ----------------------------------------------------------------------- */
typedef struct {
    const ir_workload *w;
    const char        *kernel;
    ir_params          p;
    bool               wide;
} subject;

static ir_status whole_life(const subject *s)
{
    ir_check              c;
    ir_device_info        i;
    ir_dev                d = {.be = &ocl_backend};
    const ocl_options     own = {.wide = s->wide, .staged = s->wide, .cache_dir = ocl_tmp.root};
    const ir_open_options asked = {.own = &own};
    ir_status             st = ocl_backend.open(&d, &asked);
    if (st == IR_OK) st = ocl_backend.describe(&d, &i);
    if (st == IR_OK)
        st = ir_verify(&d, s->w, kernel_named(&ocl_backend, s->w->family, s->kernel), &s->p, 42, 0, &c);
    if (st == IR_OK) {
        double dev_s;
        st = ocl_backend.start(&d);
        if (st == IR_OK) st = ocl_backend.stop(&d, &dev_s);
    }
    ir_measure_release(&d);
    ocl_backend.close(&d);
    return st;
}

static void fail_each(const subject *s, long stride)
{
    static const cl_int codes[] = {CL_OUT_OF_RESOURCES, CL_DEVICE_NOT_AVAILABLE, CL_OUT_OF_HOST_MEMORY,
                                   CL_INVALID_VALUE};
    long                failures = 0;
    memset(&ocl_calls, 0, sizeof ocl_calls);
    ir_status st = whole_life(s);
    if (st == IR_SKIP && ocl_calls.calls < 3) {
        print_message("skipped: %s\n", ir_why());
        skip();
    }
    assert_int_equal(st, IR_OK);
    long calls = ocl_calls.calls;
    ocl_forget();
    for (long n = 1; n <= calls; n += stride) {
        ocl_calls.fail_at = n;
        ocl_calls.fail_code = codes[n / stride % 4];
        st = whole_life(s);
        /* A call that only makes things better (a binary, a profile) or tears down may fail unnoticed; a
         * wrong result may not. */
        assert_int_not_equal(st, IR_ECHECK);
        if (st != IR_OK) {
            failures++;
            assert_true(strlen(ir_why()) > 10);
        }
        ocl_forget();
    }
    print_message("%s/%s: %ld calls, %ld failures reported\n", s->w->name, s->kernel, calls, failures);
    assert_true(failures > 0);
}

static void test_copy_faults(void **state)
{
    (void)state;
    fail_each(&(subject){&wl_copy, "wide", {{12345, 1}, IR_F64, 0}, false}, 1);
}
static void test_staged_faults(void **state)
{
    (void)state;
    fail_each(&(subject){&wl_copy, "wide", {{12345, 1}, IR_F64, 0}, true}, 2);
}
static void test_chase_faults(void **state)
{
    (void)state;
    fail_each(&(subject){&wl_chase, "item", {{4097, 8, 63, 0}, IR_F64, 0}, false}, 2);
}
static void test_transfer_faults(void **state)
{
    (void)state;
    fail_each(&(subject){&wl_transfer, "pinned", {{4100, WL_FROM_DEVICE}, IR_F32, 0}, false}, 2);
    fail_each(&(subject){&wl_transfer, "mapped", {{4100, WL_TO_DEVICE}, IR_F32, 0}, false}, 2);
}
static void test_layer_faults(void **state)
{
    (void)state;
    fail_each(&(subject){&wl_attention, "groups", {{1, 2, 24, 7, 9}, IR_F32, 0}, false}, 3);
    fail_each(&(subject){&wl_conv, "direct", {{2, 5, 7, 3, 5, 3, 3, 1, 1, 1, 1}, IR_F32, 0}, false}, 3);
    fail_each(&(subject){&wl_linear, "rows", {{3, 33, 17}, IR_F32, 0}, false}, 3);
}
static void test_gemm_faults(void **state)
{
    (void)state;
    fail_each(&(subject){&wl_gemm, "blocked", {{127, 129, 131}, IR_F32, 0}, false},
              41); /* the search alone makes hundreds of calls */
}

/* ---- a device that is lost ------------------------------------------------------------------- */
static void test_lost_device(void **state)
{
    (void)state;
    ir_dev    d;
    ir_point  o;
    ir_policy pol;
    ir_params p = {{12345, 1}, IR_F64, 0};
    ir_policy_quick(&pol);
    pol.budget_s = pol.min_s = pol.warmup_s = pol.warmup_cap_s = 1e-3;
    ocl_take(&d, false);
    assert_int_equal(ir_measure(&d, &wl_copy, kernel_named(&ocl_backend, "stream", "wide"), &p, &pol, &o),
                     IR_OK);
    assert_true(o.m.wall.n > 0);
    assert_true(o.m.dev.n == 0 || o.m.dev.n == o.m.wall.n); /* both clocks, or the device has none */
    ir_point_free(&o);
    ocl_calls.fail_at = 12;
    ocl_calls.fail_code = CL_DEVICE_NOT_AVAILABLE;
    assert_int_equal(ir_measure(&d, &wl_copy, kernel_named(&ocl_backend, "stream", "wide"), &p, &pol, &o),
                     IR_EDEVICE);
    assert_non_null(strstr(o.reason, "not available"));
    assert_true(d.dead);
    ir_point_free(&o);
    assert_int_equal(ir_measure(&d, &wl_copy, kernel_named(&ocl_backend, "stream", "wide"), &p, &pol, &o),
                     IR_SKIP);
    ir_point_free(&o);
    ocl_give(&d);
}

/* ---- the cache ------------------------------------------------------------------------------- */
enum { HEADER_B = 32 };
typedef struct {
    char           path[512];
    unsigned char *b;
    size_t         n;
} file;

static void load(file *f)
{
    FILE *s = fopen(f->path, "rb");
    assert_non_null(s);
    fseek(s, 0, SEEK_END);
    f->n = (size_t)ftell(s);
    rewind(s);
    f->b = malloc(f->n + 64);
    assert_true(f->b);
    assert_num(fread(f->b, 1, f->n, s), ==, f->n);
    fclose(s);
}

static void save(const char *path, const void *b, size_t n)
{
    FILE *s = fopen(path, "wb");
    assert_non_null(s);
    assert_int_equal(fwrite(b, 1, n, s), n);
    fclose(s);
}

static void only_file(const char *dir, file *f)
{
    DIR           *d = opendir(dir);
    struct dirent *e;
    int            count = 0;
    assert_non_null(d);
    while ((e = readdir(d)))
        if (strstr(e->d_name, ".bin")) {
            count++;
            snprintf(f->path, sizeof f->path, "%.200s/%.200s", dir, e->d_name);
        }
    closedir(d);
    assert_int_equal(count, 1);
}

static void run_once(const char *dir)
{
    ir_dev                d = {.be = &ocl_backend};
    ir_check              c;
    ir_params             p = {{24, 1}, IR_F64, 0};
    const ocl_options     own = {.cache_dir = dir};
    const ir_open_options asked = {.own = &own};
    ir_status             s = ocl_backend.open(&d, &asked);
    if (s == IR_SKIP) skip();
    assert_int_equal(s, IR_OK);
    assert_int_equal(ir_verify(&d, &wl_scale, kernel_named(&ocl_backend, "stream", "scalar"), &p, 1, 0, &c),
                     IR_OK);
    ocl_give(&d);
}

static void test_cache(void **state)
{
    (void)state;
    tree t;
    file good, now;
    tree_init(&t);
    run_once(t.root);
    only_file(t.root, &good);
    load(&good);
    run_once(t.root); /* from the cache */
    enum { FLIPPED, SHORT, LONGER, EMPTY, NOT_OURS, OTHER_KEY, REFUSED, HUGE_SIZE, NDAMAGE };
    for (int damage = 0; damage < NDAMAGE; damage++) {
        unsigned char *b = malloc(good.n + 64);
        size_t         n = good.n;
        memcpy(b, good.b, good.n);
        if (damage == FLIPPED) b[n / 2] ^= 1;
        if (damage == SHORT) n -= 7;
        if (damage == LONGER) b[n++] = 0;
        if (damage == EMPTY) n = 0;
        if (damage == NOT_OURS) b[0] ^= 0xFF;
        if (damage == OTHER_KEY) b[8] ^= 1;
        if (damage == HUGE_SIZE) memset(b + 16, 0x7F, 8);
        if (damage == REFUSED) { /* ours in every respect, but no program */
            memset(b + HEADER_B, 'x', n - HEADER_B);
            uint64_t sum = ocl_hash(0, b + HEADER_B, n - HEADER_B);
            memcpy(b + 24, &sum, sizeof sum);
        }
        save(good.path, b, n);
        run_once(t.root);
        now = good;
        load(&now);
        assert_int_equal(ocl_hash(0, now.b + HEADER_B, now.n - HEADER_B),
                         *(const uint64_t *)(const void *)(now.b + 24)); /* whole again */
        assert_memory_equal(now.b, good.b, 16);                          /* ours, the same key */
        free(now.b);
        free(b);
    }
    free(good.b);
    tree_free(&t);
    run_once("/proc/no/such/place"); /* no cache is no error */
    run_once("");
}

/* ---- limits and errors ----------------------------------------------------------------------- */
static void test_limits(void **state)
{
    (void)state;
    ir_dev    d;
    ir_mem    m;
    cl_kernel k;
    ocl_take(&d, false);
    ocl_dev *o = ocl_of(&d);
    assert_int_equal(ocl_backend.alloc(&d, (size_t)o->max_alloc + 1, &m), IR_SKIP);
    assert_non_null(strstr(ir_why(), "at most"));
    assert_null(m.p);
    ocl_backend.release(&d, &m); /* idempotent */
    /* a group the device refuses */
    assert_int_equal(ocl_kernel(o, "misc", "-DLAUNCH", "launch", &k), IR_OK);
    ocl_buf *b = NULL;
    cl_ulong v = 0;
    assert_int_equal(ocl_buffer(o, 64, &b), IR_OK);
    const ocl_arg a[] = {OCL_A(b->mem), OCL_A(b->mem), OCL_A(v), OCL_A(v)};
    assert_int_equal(ocl_args(k, a, 4), IR_OK);
    assert_int_equal(ocl_launch(o, k, 1, 2 * o->max_group), IR_SKIP);
    assert_non_null(strstr(ir_why(), "refused"));
    assert_int_equal(d.be->sync(&d), IR_OK);
    ocl_buffer_free(&b);
    ocl_kernel_free(&k);
    /* compiler error, unknown kernel, unknown source */
    assert_int_equal(ocl_kernel(o, "stream",
                                "-DT=nonsense -DTV=nonsense -DW=1 -DS=1 -DU=1 -DOP=2 -DLS=1 -DNT=0", "stream",
                                &k),
                     IR_EIO);
    assert_non_null(strstr(ir_why(), "does not build"));
    assert_int_equal(ocl_kernel(o, "misc", "-DLAUNCH", "nothing", &k), IR_EIO);
    assert_int_equal(ocl_kernel(o, "nothing", "", "nothing", &k), IR_EIO);
    assert_null(k);
    ocl_give(&d);
}

/* Missing types are skips that say so. */
static void test_missing_types(void **state)
{
    (void)state;
    ir_dev    d;
    ir_check  c;
    ir_params p = {{12345, 1}, IR_F64, 0};
    ocl_take(&d, false);
    ocl_of(&d)->fp64 = ocl_of(&d)->fp16 = ocl_of(&d)->idot8 = false;
    assert_int_equal(ir_verify(&d, &wl_copy, kernel_named(&ocl_backend, "stream", "wide"), &p, 1, 0, &c),
                     IR_SKIP);
    assert_non_null(strstr(ir_why(), "cl_khr_fp64"));
    p = (ir_params){{8, 1}, IR_F16, 0};
    assert_int_equal(ir_verify(&d, &wl_fma, kernel_named(&ocl_backend, "peak", "lane"), &p, 1, 0, &c),
                     IR_SKIP);
    assert_non_null(strstr(ir_why(), "cl_khr_fp16"));
    p.dtype = IR_I8;
    assert_int_equal(ir_verify(&d, &wl_fma, kernel_named(&ocl_backend, "peak", "lane"), &p, 1, 0, &c),
                     IR_SKIP);
    p = (ir_params){{127, 129, 131}, IR_F32, 0}; /* and what needs none of them still runs */
    assert_int_equal(ir_verify(&d, &wl_gemm, kernel_named(&ocl_backend, "gemm", "tiled"), &p, 1, 0, &c),
                     IR_OK);
    ocl_give(&d);
}

static void test_devices(void **state)
{
    (void)state;
    cl_platform_id platform[16];
    cl_uint        np = 0, all = 0;
    int            listed = 0;
    if (clGetPlatformIDs(16, platform, &np) != CL_SUCCESS) skip();
    for (cl_uint i = 0; i < np; i++) {
        cl_uint n = 0;
        if (clGetDeviceIDs(platform[i], CL_DEVICE_TYPE_ALL, 0, NULL, &n) == CL_SUCCESS) all += n;
    }
    for (;; listed++) {
        ir_dev         d = {.be = &ocl_backend, .index = listed};
        ir_device_info i;
        ir_status      s = ocl_backend.open(&d, NULL);
        if (s == IR_SKIP) break;
        if (s == IR_OK) {
            assert_int_equal(ocl_backend.describe(&d, &i), IR_OK);
            assert_true(i.name[0]);
            assert_true(i.driver[0]);
            assert_true(i.limits[0]);
            assert_num(i.cores, >, 0);
            assert_num(i.threads, ==, 0);
        }
        ocl_give(&d);
    }
    assert_int_equal(listed, all);
    ir_dev none = {.be = &ocl_backend, .index = -1};
    assert_int_equal(ocl_backend.open(&none, NULL), IR_SKIP);
    ocl_forget();
}

/* The search for gemm's tile is made at its first use and is on record from then on. */
static void test_tuning(void **state)
{
    (void)state;
    ir_dev    d;
    ir_check  c;
    ir_params p = {{127, 129, 131}, IR_F32, 0};
    ocl_take(&d, false);
    assert_string_equal(ocl_backend.tuning(&d), "");
    assert_int_equal(ir_verify(&d, &wl_gemm, kernel_named(&ocl_backend, "gemm", "blocked"), &p, 1, 0, &c),
                     IR_OK);
    assert_non_null(strstr(ocl_backend.tuning(&d), "gemm f32"));
    assert_true(strchr(ocl_backend.tuning(&d), ','));
    ocl_give(&d);
}

/* Every layer of a network has a time of its own. */
static void test_profile(void **state)
{
    (void)state;
    ir_dev    d;
    ly_net    net;
    ir_tensor spec[IR_MAX_TENSORS];
    ir_params p = {{LY_TINY, 1, 1, 5}, IR_F32, 0};
    double    t[64];
    ocl_take(&d, false);
    ir_run r = {
        .workload = &wl_gpt2, .kernel = kernel_named(&ocl_backend, "gpt", "layers"), .dev = &d, .p = p};
    r.nmem = wl_gpt2.tensors(&wl_gpt2, &p, spec);
    for (int i = 0; i < r.nmem; i++) {
        void *host = calloc(1, spec[i].bytes);
        assert_int_equal(ocl_backend.alloc(&d, spec[i].bytes, &r.mem[i]), IR_OK);
        if (spec[i].role != IR_OUT) wl_gpt2.fill(&wl_gpt2, &p, i, host, 1);
        assert_int_equal(ocl_backend.put(&d, &r.mem[i], host), IR_OK);
        free(host);
    }
    assert_int_equal(wl_net_of(&wl_gpt2, &p, &net), IR_OK);
    assert_true(net.n <= 64);
    for (int i = 0; i < 64; i++) t[i] = NAN;
    assert_int_equal(ir_plan_make(&r), IR_OK);
    assert_int_equal(ir_plan_prepare(&r), IR_OK);
    assert_int_equal(r.kernel->ops->net.profile(&r, t, net.n), IR_OK);
    for (int i = 0; i < net.n; i++) assert_true(t[i] > 0);
    ir_plan_unprepare(&r);
    ir_plan_unprepare(&r);
    ir_plan_destroy(&r);
    ir_plan_destroy(&r);
    for (int i = 0; i < r.nmem; i++) ocl_backend.release(&d, &r.mem[i]);
    ly_free(&net);
    ocl_give(&d);
}

/* ---- without a loader configuration: a process of its own, because the loader reads it once ---- */
static int child(void)
{
    ir_dev    d = {.be = &ocl_backend};
    ir_status s = ocl_backend.open(&d, NULL);
    return s == IR_SKIP && strstr(ir_why(), "opencl") && !d.self ? 0 : 1;
}

static void test_no_icd(void **state)
{
    (void)state;
    char  self[512];
    pid_t pid = fork();
    if (pid == 0) {
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        if (n < 0) _exit(3);
        self[n] = 0;
        setenv("OCL_ICD_VENDORS", "/proc/no/such/place", 1);
        execl(self, self, "--no-icd", (char *)NULL);
        _exit(3);
    }
    int how;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
    ocl_calls.fail_at = 1; /* the ICD loader's own words */
    ocl_calls.fail_code = -1001;
    ir_dev d = {.be = &ocl_backend};
    assert_int_equal(ocl_backend.open(&d, NULL), IR_SKIP);
    assert_non_null(strstr(ir_why(), "no OpenCL platform"));
    ocl_forget();
}

static int make_cache(void **state) { return (void)state, tree_init(&ocl_tmp), 0; }
static int drop_cache(void **state) { return (void)state, tree_free(&ocl_tmp), 0; }

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--no-icd")) return child();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_icd),       cmocka_unit_test(test_devices),
        cmocka_unit_test(test_limits),       cmocka_unit_test(test_missing_types),
        cmocka_unit_test(test_cache),        cmocka_unit_test(test_lost_device),
        cmocka_unit_test(test_profile),      cmocka_unit_test(test_tuning),
        cmocka_unit_test(test_copy_faults),  cmocka_unit_test(test_staged_faults),
        cmocka_unit_test(test_chase_faults), cmocka_unit_test(test_transfer_faults),
        cmocka_unit_test(test_layer_faults), cmocka_unit_test(test_gemm_faults)};
    return cmocka_run_group_tests(tests, make_cache, drop_cache);
}
