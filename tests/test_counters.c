/* test_counters.c -- the helper process against a library that exits, denies, hangs, crashes or lies: each
 * time the right number or the right line, and nothing of it left behind. The rule over the group files of
 * the likwid that is installed. Names that kernels publish, over recorded trees. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"
#include "tests/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/perf_event.h>
#include <math.h>
#include <setjmp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static bool near(double a, double b) { return fabs(a - b) <= 1e-9 * fabs(b) + 1e-12; }

static int descriptors(void)
{
    int  n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d)) n++;
    if (d) closedir(d);
    return n;
}

typedef struct {
    const char *mode;
    const char *library;
    ir_status   status;
    double      read_B, write_B, flops;
    const char *line; /* part of the one line */
    const char *certificate;
} outcome;

/* Opens, chooses, counts two calls; how far it got. */
static ir_status count(const outcome *o, ir_counts *to)
{
    ir_counters_ask ask = {.library = o->library, .cpus = "0-3", .limit_s = 1};
    ir_counters    *c;
    char            why[IR_WHY] = "";
    setenv("STAND_IN", o->mode, 1);
    ir_counts_init(to);
    ir_status st = ir_counters_open(&ask, &c);
    if (st != IR_OK) return st;
    st = ir_counters_want(c, 1u << IR_COUNT_DRAM | (strcmp(o->mode, "ok") ? 0 : 1u << IR_COUNT_FLOPS), NULL);
    for (int r = 0; st == IR_OK && r < ir_counters_rounds(c); r++) {
        st = ir_counters_start(c, r);
        if (st == IR_OK) st = ir_counters_stop(c, r, 2, to);
    }
    snprintf(why, sizeof why, "%s", ir_why());
    ir_counters_close(&c);
    ir_counters_close(&c);
    return st == IR_OK ? st : ir_fail(st, "%s", why);
}

static void outcomes(void **state)
{
    (void)state;
    static const outcome all[] = {
        {"ok", IR_STAND_IN, IR_OK, 1e9, 0.5e9, 1e9, NULL, "counts 1.00"},
        {"exit", IR_STAND_IN, IR_SKIP, NAN, NAN, NAN, "(exit code 1): ERROR - cannot read the topology",
         NULL},
        {"deny", IR_STAND_IN, IR_SKIP, NAN, NAN, NAN, "counters: ", NULL},
        {"zero", IR_STAND_IN, IR_OK, NAN, NAN, NAN, NULL, "not trusted: counted nothing"},
        {"half", IR_STAND_IN, IR_OK, 0.5e9, 0.25e9, NAN, NULL, "not trusted: counts 0.50"},
        {"crash", IR_STAND_IN, IR_SKIP, NAN, NAN, NAN, "(signal 6)", NULL},
        {"hang", IR_STAND_IN, IR_SKIP, NAN, NAN, NAN, "did not answer within 1 s", NULL},
        {"two", IR_STAND_IN, IR_OK, 1.5e9, NAN, NAN, NULL, "counts 1.50"},
        {"rw", IR_STAND_IN, IR_OK, 1e9, 0.5e9, NAN, NULL, "counts 1.00"},
        {"sockets", IR_STAND_IN, IR_OK, 1e9, 0.5e9, NAN, NULL, "counts 1.00"},
        {"old", IR_STAND_IN_OLD, IR_SKIP, NAN, NAN, NAN, "likwid 4.3 is too old: 5.2", NULL},
        {"nogroups", IR_STAND_IN, IR_SKIP, NAN, NAN, NAN,
         "does not know this processor (family 25 model 17); 5.3.0", NULL},
        {"unknown", IR_STAND_IN, IR_SKIP, NAN, NAN, NAN,
         "does not know this processor (family 25 model 17); 5.3.0", NULL},
        {"taken", IR_STAND_IN, IR_SKIP, NAN, NAN, NAN,
         "cannot start its counters (-16): are they in use by another?", NULL},
        {"ok", IR_STAND_IN_LESS, IR_SKIP, NAN, NAN, NAN, "has no perfmon_getGroups: 5.2 or later", NULL}};
    ir_cpumask before, after;
    ir_cpumask_get(&before);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const outcome *o = &all[i];
        ir_counts      got;
        char           text[120];
        int            open = descriptors();
        ir_status      st = count(o, &got);
        if (st != o->status) print_message("%s: %s\n", o->mode, ir_why());
        assert_int_equal(st, o->status);
        if (o->line && !strstr(ir_why(), o->line)) fail_msg("%s: %s", o->mode, ir_why());
        if (o->line) assert_null(strchr(ir_why(), '\n'));
        assert_true(isnan(o->read_B) ? isnan(got.read_B) : near(got.read_B, o->read_B));
        assert_true(isnan(o->write_B) ? isnan(got.write_B) : near(got.write_B, o->write_B));
        assert_true(isnan(o->flops) ? isnan(got.flops) : near(got.flops, o->flops));
        if (o->certificate) {
            bool fine = ir_counts_certify("read", got.read_B, 1e9, 0.95, 1.10, text, sizeof text);
            assert_int_equal(fine, !strcmp(o->certificate, "counts 1.00"));
            if (!strstr(text, o->certificate)) print_message("%s: %s\n", o->mode, text);
            assert_true(strstr(text, o->certificate) || !strcmp(o->mode, "two"));
        }
        assert_int_equal(descriptors(), open);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child, dead or alive */
        assert_int_equal(errno, ECHILD);
    }
    ir_cpumask_get(&after);
    assert_memory_equal(&before, &after, sizeof before);
}

static void a_group_by_name(void **state)
{
    (void)state;
    ir_counters_ask ask = {.library = IR_STAND_IN, .cpus = "0-1"};
    ir_counters    *c;
    setenv("STAND_IN", "ok", 1);
    assert_int_equal(ir_counters_open(&ask, &c), IR_OK);
    assert_non_null(strstr(ir_counters_version(c), "GPL-3, separate process"));
    assert_int_equal(ir_counters_want(c, 0, "NOPE"), IR_SKIP);
    assert_non_null(strstr(ir_why(), "has no group 'NOPE' for this processor"));
    assert_int_equal(ir_counters_want(c, 1u << IR_COUNT_L3, NULL), IR_SKIP);
    assert_non_null(strstr(ir_why(), "l3: likwid has no group for it"));
    assert_int_equal(ir_counters_want(c, 0, "MEM"), IR_OK);
    assert_int_equal(ir_counters_rounds(c), 1);
    assert_int_equal(ir_counters_kinds(c), 1u << IR_COUNT_DRAM);
    ir_counters_close(&c);
}

/* A cache's total is not added to its parts; joules of the packages, and of the memory beside them. */
static void totals_and_joules(void **state)
{
    (void)state;
    ir_counters_ask ask = {.library = IR_STAND_IN, .cpus = "0-3"};
    ir_counters    *c;
    ir_counts       got;
    double          J, dram;
    setenv("STAND_IN", "sockets", 1);
    assert_int_equal(ir_counters_open(&ask, &c), IR_OK);
    ir_counters_joules(c, &J, &dram);
    assert_true(isnan(J) && isnan(dram));
    assert_int_equal(ir_counters_want(c, 1u << IR_COUNT_L2 | 1u << IR_COUNT_ENERGY, NULL), IR_OK);
    assert_int_equal(ir_counters_rounds(c), 2);
    ir_counts_init(&got);
    for (int r = 0; r < 2; r++) {
        assert_int_equal(ir_counters_start(c, r), IR_OK);
        assert_int_equal(ir_counters_stop(c, r, 2, &got), IR_OK);
    }
    assert_true(near(got.l2_B, 1.5e9) && isnan(got.read_B));
    ir_counters_joules(c, &J, &dram);
    assert_true(near(J, 20) && near(dram, 5)); /* two sockets of 10 J */
    ir_counters_close(&c);
}

/* Every second CPU of a large machine: a list that fills a line and more, and both sockets are in it. */
static void many_cpus(void **state)
{
    (void)state;
    char            list[1000];
    size_t          n = 0;
    ir_counters_ask ask = {.library = IR_STAND_IN, .cpus = list};
    ir_counters    *c;
    ir_counts       got;
    for (int i = 0; i < 256; i += 2)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%d", i ? "," : "", i);
    setenv("STAND_IN", "everywhere", 1); /* each CPU has the same value */
    assert_int_equal(ir_counters_open(&ask, &c), IR_OK);
    assert_int_equal(ir_counters_want(c, 1u << IR_COUNT_DRAM, NULL), IR_OK);
    ir_counts_init(&got);
    assert_int_equal(ir_counters_start(c, 0), IR_OK);
    assert_int_equal(ir_counters_stop(c, 0, 1, &got), IR_OK);
    assert_true(near(got.read_B, 128 * 2e9));
    ir_counters_close(&c);
}

/* The likwid that is installed: here it knows no counters, elsewhere it may. One line either way. */
static void the_real_one(void **state)
{
    (void)state;
    ir_counters_ask ask = {.cpus = "0"};
    ir_counters    *c;
    if (ir_counters_open(&ask, &c) == IR_OK) {
        print_message("%s, %s\n", ir_counters_version(c), ir_counters_cpu(c));
        ir_counters_close(&c);
        return;
    }
    print_message("%s\n", ir_why());
    assert_true(!strncmp(ir_why(), "counters: ", 10) && strlen(ir_why()) > 20 && !strchr(ir_why(), '\n'));
    ask.program = "/nonexistent";
    assert_int_equal(ir_counters_open(&ask, &c), IR_SKIP);
    assert_non_null(strstr(ir_why(), "counters: "));
}

/* ---- the rule -------------------------------------------------------------------------------- */
#define GROUPS "/usr/share/likwid/perfgroups"
/* Processors whose group files hold no memory group at all. */
static bool without_group(const char *cpu)
{
    static const char *const list[] = {
        "RKL",      "TGL",         "broadwell",          "goldmont",           "ivybridge", "k8",
        "pentiumm", "sandybridge", "nvidia_gpu_cc_ge_7", "nvidia_gpu_cc_lt_7", NULL};
    for (const char *const *p = list; *p; p++)
        if (!strcmp(*p, cpu)) return true;
    return false;
}

static int metrics_of(const char *cpu, const char *file, ir_count what)
{
    char path[300], line[300];
    int  n = 0;
    bool in = false;
    snprintf(path, sizeof path, GROUPS "/%.60s/%.60s", cpu, file);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        ir_part part;
        double  unit;
        bool    rate;
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, "LONG", 4)) break;
        if (in && ir_count_metric(what, line, &part, &unit, &rate)) n++, assert_true(unit > 0);
        if (!strncmp(line, "METRICS", 7)) in = true;
    }
    if (f) fclose(f);
    return n;
}

static void the_rule_over_group_files(void **state)
{
    (void)state;
    static ir_name cpu[128], file[128];
    int            n = ir_dir_list("", GROUPS, cpu, 128), dram = 0, excepted = 0, none = 0;
    if (n == 0) skip();
    for (int i = 0; i < n; i++) {
        char dir[200], name[64];
        int  found = 0, groups;
        snprintf(dir, sizeof dir, GROUPS "/%.63s", cpu[i].name);
        groups = ir_dir_list("", dir, file, 128);
        for (int k = 0; k < groups; k++) {
            snprintf(name, sizeof name, "%.*s", (int)strcspn(file[k].name, "."), file[k].name);
            if (ir_count_group(IR_COUNT_DRAM, name))
                found += metrics_of(cpu[i].name, file[k].name, IR_COUNT_DRAM);
        }
        bool not = ir_count_exception(IR_COUNT_DRAM, cpu[i].name) != NULL, no = without_group(cpu[i].name);
        if (!not &&(found > 0) == no) fail_msg("%s: %d metrics of DRAM bytes", cpu[i].name, found);
        excepted += not ;
        none += no;
        dram += !not &&!no;
    }
    print_message("DRAM bytes for %d processors, %d exceptions, %d without a group\n", dram, excepted, none);
    assert_true(dram + excepted + none == n && dram > 20);
}

/* How many metrics of each kind the group files of likwid 5.2 have for a processor: dram, flops, l2, l3,
 * clock, energy. A number that changes with an expression was meant to, or was not. */
static const struct {
    const char *cpu;
    int         n[IR_NCOUNT];
} golden[] = {
    {"CLX", {3, 1, 3, 4, 1, 2}},
    {"ICL", {3, 1, 3, 3, 1, 2}},
    {"ICX", {3, 1, 3, 4, 1, 2}},
    {"RKL", {0, 1, 0, 0, 0, 2}},
    {"TGL", {0, 1, 0, 0, 0, 2}},
    {"arm64fx", {3, 4, 4, 0, 0, 0}},
    {"arm8", {3, 0, 4, 0, 0, 0}},
    {"arm8_n1", {3, 0, 4, 3, 0, 0}},
    {"arm8_tx2", {3, 1, 4, 3, 0, 0}},
    {"atom", {1, 1, 0, 0, 0, 0}},
    {"broadwell", {0, 1, 3, 3, 1, 2}},
    {"broadwellD", {3, 1, 3, 3, 1, 2}},
    {"broadwellEP", {3, 1, 3, 3, 1, 2}},
    {"core2", {1, 1, 3, 0, 1, 0}},
    {"goldmont", {0, 0, 0, 0, 1, 2}},
    {"haswell", {3, 0, 3, 3, 1, 2}},
    {"haswellEP", {3, 0, 3, 3, 1, 2}},
    {"interlagos", {1, 1, 1, 3, 0, 0}},
    {"ivybridge", {0, 1, 3, 3, 1, 2}},
    {"ivybridgeEP", {3, 1, 3, 3, 1, 2}},
    {"k10", {3, 3, 3, 0, 0, 0}},
    {"k8", {0, 0, 1, 0, 0, 0}},
    {"kabini", {1, 1, 3, 0, 0, 0}},
    {"knl", {3, 3, 3, 0, 1, 2}},
    {"nehalem", {3, 1, 3, 3, 0, 0}},
    {"nehalemEX", {3, 1, 3, 3, 0, 0}},
    {"nvidia_gpu_cc_ge_7", {0, 1, 0, 0, 0, 0}},
    {"nvidia_gpu_cc_lt_7", {0, 1, 0, 0, 0, 0}},
    {"pentiumm", {0, 1, 0, 3, 0, 0}},
    {"phi", {1, 0, 0, 0, 0, 0}},
    {"power8", {3, 2, 3, 2, 0, 0}},
    {"power9", {3, 2, 0, 1, 0, 0}},
    {"sandybridge", {0, 1, 3, 3, 1, 2}},
    {"sandybridgeEP", {3, 1, 3, 3, 1, 2}},
    {"silvermont", {3, 0, 0, 0, 1, 1}},
    {"skylake", {3, 1, 3, 3, 1, 2}},
    {"skylakeX", {3, 1, 3, 4, 1, 2}},
    {"westmere", {3, 1, 3, 3, 1, 0}},
    {"westmereEX", {3, 1, 3, 3, 0, 0}},
    {"zen", {1, 1, 2, 1, 1, 1}},
    {"zen2", {1, 1, 2, 1, 1, 1}},
    {"zen3", {2, 1, 1, 1, 1, 1}},
};

static void golden_table(void **state)
{
    (void)state;
    static ir_name file[128];
    glob_t         found;
    bool           there = glob("/usr/lib*/*/liblikwid.so.5.2*", 0, NULL, &found) == 0;
    if (!there) skip(); /* another version has other groups */
    globfree(&found);
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        char dir[200], name[64];
        int  n[IR_NCOUNT] = {0};
        snprintf(dir, sizeof dir, GROUPS "/%s", golden[i].cpu);
        int groups = ir_dir_list("", dir, file, 128);
        for (int k = 0; k < groups; k++) {
            snprintf(name, sizeof name, "%.*s", (int)strcspn(file[k].name, "."), file[k].name);
            for (int w = 0; w < IR_NCOUNT; w++)
                if (ir_count_group((ir_count)w, name))
                    n[w] += metrics_of(golden[i].cpu, file[k].name, (ir_count)w);
        }
        if (memcmp(n, golden[i].n, sizeof n) != 0)
            fail_msg("{\"%s\", {%d, %d, %d, %d, %d, %d}}", golden[i].cpu, n[0], n[1], n[2], n[3], n[4], n[5]);
    }
}

/* ---- the kernel's names ---------------------------------------------------------------------- */
#define PMU "/sys/bus/event_source/devices/"
static void put_event(const tree *t, const char *pmu, const char *event, const char *text, const char *scale,
                      const char *unit)
{
    char path[200];
    snprintf(path, sizeof path, PMU "%s/events/%s", pmu, event);
    tree_put(t, path, "%s\n", text);
    snprintf(path, sizeof path, PMU "%s/events/%s.scale", pmu, event);
    if (scale) tree_put(t, path, "%s\n", scale);
    snprintf(path, sizeof path, PMU "%s/events/%s.unit", pmu, event);
    if (unit) tree_put(t, path, "%s\n", unit);
    snprintf(path, sizeof path, PMU "%s/type", pmu);
    tree_put(t, path, "13\n");
    snprintf(path, sizeof path, PMU "%s/cpumask", pmu);
    tree_put(t, path, "0,32\n");
    snprintf(path, sizeof path, PMU "%s/format/event", pmu);
    tree_put(t, path, "config:0-7\n");
    snprintf(path, sizeof path, PMU "%s/format/umask", pmu);
    tree_put(t, path, "config:8-15\n");
}

static int refuse_with;
static int refused(int type, const uint64_t config[3], int cpu)
{
    (void)type, (void)config, (void)cpu;
    errno = refuse_with;
    return refuse_with ? -1 : open("/dev/null", O_RDONLY);
}

static void published_names(void **state)
{
    (void)state;
    tree          t;
    ir_perf_event e[8];
    ir_perf      *p;
    double        v[IR_NPERF];
    tree_init(&t);
    assert_int_equal(ir_perf_find(t.root, e, 8), 0);
    assert_int_equal(ir_perf_open(t.root, refused, IR_PERF_DRAM, &p), IR_SKIP);
    put_event(&t, "uncore_imc_0", "cas_count_read", "event=0x04,umask=0x03", "6.103515625e-5", "MiB");
    put_event(&t, "uncore_imc_0", "cas_count_write", "event=0x04,umask=0x0c", "6.103515625e-5", "MiB");
    put_event(&t, "power", "energy-pkg", "event=0x02", "2.3283064365386962890625e-10", "Joules");
    assert_int_equal(ir_perf_find(t.root, e, 8), 3);
    assert_true(e[0].what == IR_PERF_ENERGY && near(e[0].scale, ldexp(1, -32)) && !*e[0].why);
    assert_true(e[1].what == IR_PERF_READ && e[1].config[0] == 0x304 && e[1].type == 13);
    assert_true(e[1].ncpu == 2 && e[1].cpu[1] == 32 && near(e[1].scale, 64));
    refuse_with = 0;
    assert_int_equal(ir_perf_open(t.root, refused, IR_PERF_DRAM, &p), IR_OK);
    assert_string_equal(ir_perf_names(p), "uncore_imc_0/cas_count_read,uncore_imc_0/cas_count_write");
    ir_perf_read(p, v); /* /dev/null gives no number */
    assert_true(isnan(v[IR_PERF_READ]) && isnan(v[IR_PERF_WRITE]) && isnan(v[IR_PERF_ENERGY]));
    ir_perf_close(&p);
    ir_perf_close(&p);
    assert_int_equal(ir_perf_open(t.root, refused, IR_PERF_JOULES, &p), IR_OK);
    assert_string_equal(ir_perf_names(p), "power/energy-pkg");
    ir_perf_close(&p);
    put_event(&t, "uncore_imc_1", "cas_count_read", "event=0x04,umask=0x03", "nonsense", "MiB");
    assert_int_equal(ir_perf_open(t.root, refused, IR_PERF_DRAM, &p), IR_SKIP);
    assert_non_null(strstr(ir_why(), "uncore_imc_1/cas_count_read: it has no scale or unit that is known"));
    tree_free(&t);
    tree_init(&t); /* a server with free-running names, and one whose PMU needs no scale */
    put_event(&t, "uncore_imc_free_running_0", "data_read", "event=0xff,umask=0x20", "6.103515625e-5", "MiB");
    put_event(&t, "nvidia_scf_pmu_0", "cmem_rd_data", "event=0x1a5", NULL, NULL);
    tree_put(&t, PMU "nvidia_scf_pmu_0/format/event", "config:0-63\n");
    assert_int_equal(ir_perf_find(t.root, e, 8), 2);
    assert_true(!*e[0].why && near(e[0].scale, 32) && e[0].config[0] == 0x1a5 && !*e[1].why);
    tree_free(&t);
    static const char *const halves[] = {"read_sch0", "read_sch1", "write_sch0", "write_sch1"};
    tree_init(&t); /* a server whose channels are counted in halves */
    for (int i = 0; i < 4; i++) {
        char name[40];
        snprintf(name, sizeof name, "cas_count_%s", halves[i]);
        put_event(&t, "uncore_imc_3", name, "event=0x05,umask=0xcf", "6.103515625e-5", "MiB");
    }
    assert_int_equal(ir_perf_find(t.root, e, 8), 4);
    for (int i = 0; i < 4; i++)
        assert_true(e[i].what == (i < 2 ? IR_PERF_READ : IR_PERF_WRITE) && near(e[i].scale, 64) &&
                    !*e[i].why);
    tree_free(&t);
}

/* The kernel's task clock in place of cycles and instructions, which a virtual machine may not have. */
static int task_clock(int type, const uint64_t config[3], int cpu)
{
    struct perf_event_attr a = {.type = PERF_TYPE_SOFTWARE,
                                .config = PERF_COUNT_SW_TASK_CLOCK,
                                .size = sizeof a,
                                .exclude_kernel = 1};
    assert_true(type == 0 && config[0] <= 1 && cpu == -1); /* generic events, of the thread that calls */
    return (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
}

static void own_thread(void **state)
{
    (void)state;
    ir_perf        *p;
    double          before[IR_NPERF], after[IR_NPERF];
    volatile double x = 1;
    if (ir_perf_open("", task_clock, IR_PERF_CORE, &p) != IR_OK) { /* a container that forbids the call */
        print_message("%s\n", ir_why());
        skip();
    }
    assert_string_equal(ir_perf_names(p), "cpu/cycles,cpu/instructions");
    ir_perf_read(p, before);
    for (int i = 0; i < 3000000; i++) x += x;
    ir_perf_read(p, after);
    assert_true(after[IR_PERF_CYCLES] - before[IR_PERF_CYCLES] > 1e5); /* ns: the loop took a while */
    assert_true(after[IR_PERF_INSTRUCTIONS] > before[IR_PERF_INSTRUCTIONS]);
    assert_true(isnan(after[IR_PERF_READ]) && isnan(after[IR_PERF_WRITE]) && isnan(after[IR_PERF_ENERGY]));
    ir_perf_close(&p);
    refuse_with = EACCES;
    assert_int_equal(ir_perf_open("", refused, IR_PERF_CORE, &p), IR_SKIP);
    assert_non_null(strstr(ir_why(), "counters: cpu/cycles: "));
    refuse_with = 0;
    assert_int_equal(ir_perf_open("", refused, IR_PERF_CORE, &p), IR_OK);
    ir_perf_read(p, after); /* /dev/null gives no number */
    assert_true(isnan(after[IR_PERF_CYCLES]) && isnan(after[IR_PERF_INSTRUCTIONS]));
    ir_perf_close(&p);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        int         error;
        const char *line;
    } all[] = {{ENOENT, "no cpu PMU"},
               {EACCES, "perf_event_paranoid 3): sudo sysctl kernel.perf_event_paranoid=0"},
               {EBUSY, "in use by another"},
               {EMFILE, "ulimit -n"},
               {ENOSYS, "no perf_event_open"},
               {EINVAL, "perf_event_open: "}};
    tree t;
    char why[IR_WHY];
    tree_init(&t);
    tree_put(&t, "/proc/sys/kernel/perf_event_paranoid", "3\n");
    tree_put(&t, "/proc/cpuinfo", "flags : fpu hypervisor\n");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        refuse_with = all[i].error;
        assert_false(ir_perf_usable_with(t.root, refused, why, sizeof why));
        assert_non_null(strstr(why, all[i].line));
        if (all[i].error == ENOENT) assert_non_null(strstr(why, "this virtual machine"));
    }
    refuse_with = 0;
    assert_true(ir_perf_usable_with(t.root, refused, why, sizeof why));
    tree_free(&t);
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], IR_COUNTERS_HELPER)) return ir_counters_child();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes),        cmocka_unit_test(a_group_by_name),
        cmocka_unit_test(the_real_one),    cmocka_unit_test(the_rule_over_group_files),
        cmocka_unit_test(published_names), cmocka_unit_test(refusals),
        cmocka_unit_test(own_thread),      cmocka_unit_test(many_cpus),
        cmocka_unit_test(golden_table),    cmocka_unit_test(totals_and_joules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
