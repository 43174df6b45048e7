/* test_load.c -- what others take: counters of the system, of control groups and of processes over recorded
 * trees; what a thread got beside a spinner on its CPU; commands, variables, and the mask a process was
 * started with. No time is asserted. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"
#include "tests/tree.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <cmocka.h>

static bool near(double a, double b) { return fabs(a - b) <= 1e-9 * fabs(b) + 1e-12; }

/* ---- the system's time, of the CPUs allowed -------------------------------------------------- */
static void time_of_the_allowed(void **state)
{
    (void)state;
    tree       t;
    ir_load    a, b;
    ir_cpumask two;
    double     tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
    tree_init(&t);
    ir_cpumask_parse(&two, "1-2");
    ir_load_read_at(t.root, &two, &a);
    assert_true(isnan(a.total_s) && isnan(a.pressure_s) && isnan(a.quota_cpus) && isnan(a.quota_periods));
    assert_true(isnan(ir_load_between(&a, &a).others));
    tree_put(
        &t, "/proc/stat",
        "cpu 9 9 9\ncpu0 900 0 0 0 0 0 0 0\ncpu1 100 10 20 500 5 3 2 0\ncpu2 1 0 0 99 0 0 0 4 0 0\nintr 7\n");
    tree_put(&t, "/proc/pressure/cpu",
             "some avg10=1.00 avg60=1.00 avg300=1.00 total=2500000\nfull avg10=0 total=9\n");
    ir_load_read_at(t.root, &two, &a);
    assert_true(near(a.busy_s, 136 * tick) && near(a.total_s, 744 * tick) && near(a.steal_s, 4 * tick) &&
                near(a.cpus, 2));
    assert_true(near(a.pressure_s, 2.5));
    tree_put(&t, "/proc/stat",
             "cpu0 999 0 0 0 0 0 0 0\ncpu1 150 10 20 540 5 3 2 0\ncpu2 1 0 0 189 0 0 0 24\n");
    tree_put(&t, "/proc/pressure/cpu", "some avg10=1.00 total=3000000\n");
    ir_load_read_at(t.root, &two, &b);
    b.t_s = a.t_s + 1;
    a.own_s = 0;
    b.own_s = 20 * tick; /* of the 50 busy ticks of 200 */
    ir_load_shares d = ir_load_between(&a, &b);
    assert_true(near(d.others, 30.0 / 200) && near(d.steal, 20.0 / 200) && near(d.pressure, 0.5) &&
                isnan(d.quota));
    b.own_s = 90 * tick; /* ticks are coarse: never negative */
    assert_true(ir_load_between(&a, &b).others == 0);
    tree_free(&t);
}

/* Periods that the quota cut short, in each version's words, at whatever level it is. */
static void quota_that_stops(void **state)
{
    (void)state;
    static const struct {
        const char *cgroup, *file, *before, *after, *quota_file, *quota;
        double      stopped_s;
    } row[] = {{"0::/a/b\n", "/sys/fs/cgroup/a/cpu.stat",
                "nr_periods 10\nnr_throttled 2\nthrottled_usec 1000\n",
                "nr_periods 30\nnr_throttled 12\nthrottled_usec 501000\n", "/sys/fs/cgroup/a/cpu.max",
                "50000 100000", 0.5},
               {"4:cpu,cpuacct:/x\n", "/sys/fs/cgroup/cpu/x/cpu.stat",
                "nr_periods 10\nnr_throttled 2\nthrottled_time 1000000\n",
                "nr_periods 30\nnr_throttled 12\nthrottled_time 501000000\n",
                "/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "50000", 0.5},
               {"4:cpu:/gone\n", "/sys/fs/cgroup/cpu/cpu.stat", "nr_periods 0\nnr_throttled 0\n",
                "nr_periods 20\nnr_throttled 10\n", NULL, NULL, NAN}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        tree    t;
        ir_load a, b;
        char    fix[200];
        tree_init(&t);
        tree_put(&t, "/proc/self/cgroup", "%s", row[i].cgroup);
        tree_put(&t, row[i].file, "%s", row[i].before);
        if (row[i].quota) tree_put(&t, row[i].quota_file, "%s", row[i].quota);
        tree_put(&t, "/sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000");
        ir_load_read_at(t.root, NULL, &a);
        tree_put(&t, row[i].file, "%s", row[i].after);
        ir_load_read_at(t.root, NULL, &b);
        ir_load_shares d = ir_load_between(&a, &b);
        assert_true(near(d.quota, 0.5));
        assert_true(isnan(row[i].stopped_s) ? isnan(d.quota_s) : near(d.quota_s, row[i].stopped_s));
        assert_true(row[i].quota ? near(d.quota_cpus, 0.5) : isnan(d.quota_cpus));
        ir_cgroup_limit_fix(t.root, true, fix, sizeof fix);
        if (row[i].quota && !strstr(fix, row[i].quota_file))
            fail_msg("'%s' does not name %s", fix, row[i].quota_file);
        if (!row[i].quota) assert_string_equal(fix, "");
        tree_free(&t);
    }
}

/* ---- processes ------------------------------------------------------------------------------- */
static void put_process(const tree *t, int pid, const char *name, int user, int sys)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    tree_put(t, path, "%d (%s) R 1 2 3 0 -1 4194304 9 9 9 9 %d %d 0 0 20 0 1 0 5 6 7\n", pid, name, user,
             sys);
}

static void busiest_processes(void **state)
{
    (void)state;
    tree     t;
    ir_tasks a, b;
    ir_user  u[IR_MAX_USERS];
    char     text[200];
    int      tick = (int)sysconf(_SC_CLK_TCK);
    tree_init(&t);
    put_process(&t, 1, "init", 10, 10);
    put_process(&t, 20, "a) (b c", 100, 0); /* a name may hold anything */
    put_process(&t, 30, "bad\033[2Jname", 0, 0);
    tree_put(&t, "/proc/40/stat", "40 (cut off");
    tree_put(&t, "/proc/meminfo", "no process\n");
    assert_int_equal(ir_tasks_read(t.root, &a), IR_OK);
    assert_int_equal(a.n, 3);
    put_process(&t, 20, "a) (b c", 100 + tick, tick);
    put_process(&t, 30, "bad\033[2Jname", tick / 2, 0);
    put_process(&t, 50, "new", tick, 0);
    for (int i = 60; i < 60 + 2 * IR_MAX_USERS; i++) put_process(&t, i, "many", tick / 10, 0);
    put_process(&t, 99, "last", tick / 2, 0); /* behind more than are kept */
    assert_int_equal(ir_tasks_read(t.root, &b), IR_OK);
    assert_int_equal(ir_tasks_busiest(&a, &b, 2, u), IR_MAX_USERS);
    assert_true(u[0].pid == 20 && near(u[0].cpus, 1) && !strcmp(u[0].name, "a) (b c"));
    assert_true(u[1].pid == 50 && near(u[1].cpus, 0.5));
    assert_string_equal(u[2].name, "bad?[2Jname");
    assert_string_equal(u[3].name, "last");
    ir_users_text(u, 2, text, sizeof text);
    assert_string_equal(text, "a) (b c (pid 20) 100 % of a CPU, new (pid 50) 50 % of a CPU");
    assert_string_equal(ir_users_text(u, 0, text, sizeof text), "");
    size_t two = strlen(ir_users_text(u, 2, text, sizeof text));
    assert_int_equal(strlen(ir_users_text(u, IR_MAX_USERS, text, two + 9)), two); /* whole ones */
    ir_users_text(u, IR_MAX_USERS, text, 20);                                     /* cut, not overrun */
    assert_int_equal(strlen(text), 19);
    assert_int_equal(ir_tasks_busiest(&b, &b, 2, u), 0);
    ir_tasks_free(&a);
    ir_tasks_free(&b);
    ir_tasks_free(&b);
    tree_free(&t);
}

static void what_idle_means(void **state)
{
    (void)state;
    static const struct {
        double others, busiest;
        bool   idle;
    } row[] = {{0, 0, true},
               {0.04, 0.3, true},
               {0.06, 0.3, false},
               {0.01, 0.9, false},
               /* one CPU of very many */ {NAN, 0, false}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        ir_user u = {1, "x", row[i].busiest};
        assert_int_equal(ir_load_idle(row[i].others, &u, row[i].busiest > 0), row[i].idle);
    }
}

/* ---- threads --------------------------------------------------------------------------------- */
static void put_turns(const tree *t, int tid, double run_s, double wait_s, int turns)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/schedstat", tid);
    tree_put(t, path, "%.0f %.0f %d\n", run_s * 1e9, wait_s * 1e9, turns);
}

static void put_thread(const tree *t, int tid, double run_s, double wait_s)
{
    put_turns(t, tid, run_s, wait_s, 7);
}

static double share_of(const tree *t, double run1, double wait1, double run2, double wait2)
{
    ir_got got;
    put_thread(t, 1, 5, 1);
    put_thread(t, 2, 7, 0);
    ir_watch *w = ir_watch_begin_at(t->root);
    put_thread(t, 1, 5 + run1, 1 + wait1);
    put_thread(t, 2, 7 + run2, 0 + wait2);
    ir_watch_end_at(&w, t->root, 1, &got);
    assert_null(w);
    return got.cpu_share;
}

static void threads_that_got_less(void **state)
{
    (void)state;
    tree   t;
    ir_got got;
    tree_init(&t);
    assert_true(near(share_of(&t, 1, 0, 1, 0), 1));
    assert_true(near(share_of(&t, 0.2, 0.8, 1, 0), 0.2));     /* the worst */
    assert_true(near(share_of(&t, 0.001, 0.01, 1, 0), 1));    /* a thread that sleeps wants nothing */
    assert_true(near(share_of(&t, 0.5, 0.0, 0.4, 0.1), 0.8)); /* half asleep, but not preempted */
    assert_true(isnan(share_of(&t, 0, 0, 0.01, 0.01)));       /* none wanted anything */
    put_thread(&t, 1, 0, 0);
    ir_watch *w = ir_watch_begin_at(t.root);
    put_thread(&t, 9, 0.5, 0.5); /* one that began since */
    ir_watch_end_at(&w, t.root, 1, &got);
    assert_true(near(got.cpu_share, 0.5));
    static const struct {
        int    turns;
        double share;
    } row[] = {{50000, 1}, {300, 0.01}}; /* it yields, or starves: turns of 0.2 us, of 5 ms */
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        put_turns(&t, 1, 0, 0, 0);
        put_turns(&t, 2, 0, 0, 0);
        put_turns(&t, 9, 0, 0, 0);
        w = ir_watch_begin_at(t.root);
        put_turns(&t, 1, 1, 0, 300);
        put_turns(&t, 2, i == 0 ? 0.01 : 1.5, i == 0 ? 1 : 148.5, row[i].turns);
        ir_watch_end_at(&w, t.root, 1, &got);
        assert_true(near(got.cpu_share, row[i].share));
    }
    ir_watch_end_at(&w, t.root, 1, &got); /* none was begun */
    assert_true(isnan(got.cpu_share) && isnan(got.preemptions));
    tree_free(&t);
}

static pid_t spinner_on(int cpu)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (cpu >= 0) ir_cpumask_pin(cpu);
        for (volatile unsigned i = 0;; i++) {
        }
    }
    return pid;
}

/* On one CPU with a spinner of our own, a thread does not get all it wants, and the watch says so. */
static void a_spinner_is_seen(void **state)
{
    (void)state;
    ir_cpumask mine;
    ir_got     got;
    if (ir_cpumask_get(&mine)) skip();
    int cpu = 0;
    while (!ir_cpumask_has(&mine, cpu)) cpu++;
    pid_t     pid = spinner_on(cpu);
    ir_watch *w = NULL;
    assert_int_equal(ir_cpumask_pin(cpu), 0);
    w = ir_watch_begin();
    for (double end = ir_now() + 0.4; ir_now() < end;) {
    }
    ir_watch_end(&w, &got);
    ir_cpumask_set(&mine);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    print_message("beside a spinner: %.2f, %g involuntary switches\n", got.cpu_share, got.preemptions);
    assert_true(got.cpu_share < IR_PREEMPTED);
    assert_true(got.preemptions > 0);
}

static void a_neighbour_is_named(void **state)
{
    (void)state;
    ir_load_shares load;
    char           who[200], name[32];
    ir_neighbours *n = ir_neighbours_begin();
    if (!n) skip();
    pid_t pid = spinner_on(-1);
    for (double end = ir_now() + 0.6; ir_now() < end;) usleep(10000);
    ir_neighbours_end(&n, &load, who, sizeof who);
    snprintf(name, sizeof name, "(pid %d)", (int)pid);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    print_message("others %.2f: %s\n", load.others, who);
    assert_true(load.others > 0);
    assert_true(strlen(who) > 0); /* on a busy machine others may be busier than the spinner */
    ir_neighbours_end(&n, &load, who, sizeof who);
    assert_true(isnan(load.others) && !*who);
}

/* ---- commands, variables, masks -------------------------------------------------------------- */
static void commands(void **state)
{
    (void)state;
    static const char *const echo[] = {"echo", "a b", NULL}, *const no[] = {"false", NULL},
                             *const none[] = {"no-such-command-here", NULL};
    static const char *const slow[] = {"sleep", "60", NULL}, *const tool[] = {"tool", NULL};
    char out[64], path[128];
    assert_true(ir_command_read("", echo, 10, out, sizeof out));
    assert_string_equal(out, "a b\n");
    assert_true(ir_command_read("", echo, 10, out, 3)); /* cut */
    assert_string_equal(out, "a ");
    assert_false(ir_command_read("", no, 10, out, sizeof out));
    assert_false(ir_command_read("", none, 10, out, sizeof out));
    assert_false(ir_command_read("", slow, 0.05, out, sizeof out));
    assert_string_equal(out, "");
    tree t;
    tree_init(&t);
    assert_false(ir_command_read(t.root, echo, 10, out, sizeof out)); /* only its own bin/ */
    tree_put(&t, "/bin/tool", "#!/bin/sh\necho mine\n");
    snprintf(path, sizeof path, "%s/bin/tool", t.root);
    chmod(path, 0755);
    assert_true(ir_command_read(t.root, tool, 10, out, sizeof out));
    assert_string_equal(out, "mine\n");
    tree_free(&t);
}

static void variables(void **state)
{
    (void)state;
    tree t;
    char out[200];
    tree_init(&t);
    assert_false(ir_variable(t.root, "OMP_PLACES", out, sizeof out));
    tree_put(&t, "/proc/self/environ",
             "A=1\nXOMP_PLACES=no\nOMP_PLACES=cores\nOMP_NUM_THREADS=2\nOPENBLAS_CORETYPE=\n");
    assert_true(ir_variable(t.root, "OMP_PLACES", out, sizeof out));
    assert_string_equal(out, "cores");
    ir_variables_text(t.root, false, out, sizeof out);
    assert_string_equal(out, "OMP_NUM_THREADS=2 OMP_PLACES=cores");
    ir_variables_text(t.root, true, out, sizeof out);
    assert_string_equal(out, "OMP_PLACES=cores");
    ir_variables_text(t.root, false, out, 12);
    assert_int_equal(strlen(out), 11);
    tree_put(&t, "/proc/self/environ", "LD_PRELOAD=/x\n");
    ir_env e;
    ir_env_init(&e);
    ir_env_os(t.root, &e); /* they are part of what makes runs comparable */
    assert_true(ir_env_get(&e, "variables")->compare);
    assert_string_equal(ir_env_get(&e, "variables")->text, "LD_PRELOAD=/x");
    ir_env_free(&e);
    tree_free(&t);
    setenv("OPENBLAS_CORETYPE", "Haswell", 1);
    ir_variables_text("", true, out, sizeof out);
    assert_non_null(strstr(out, "OPENBLAS_CORETYPE=Haswell"));
    unsetenv("OPENBLAS_CORETYPE");
}

static void clock_sources(void **state)
{
    (void)state;
    assert_true(ir_clocksource_slow("hpet") && ir_clocksource_slow("acpi_pm") &&
                ir_clocksource_slow("jiffies"));
    assert_false(ir_clocksource_slow("tsc") || ir_clocksource_slow("kvm-clock") ||
                 ir_clocksource_slow("arch_sys_counter") || ir_clocksource_slow(""));
}

/* CPUs that were taken away since the process began come back; what it was not given does not. */
static void masks(void **state)
{
    (void)state;
    ir_cpumask given, now;
    if (ir_cpumask_get(&now) || ir_cpumask_count(&now) < 2) skip();
    ir_affinity_given("", &given);
    assert_memory_equal(&given, &now, sizeof now);
    assert_false(ir_affinity_restore());
    assert_string_equal(ir_affinity_taken_by(), "");
    int cpu = 0;
    while (!ir_cpumask_has(&given, cpu)) cpu++;
    setenv("OMP_PROC_BIND", "true", 1);
    assert_int_equal(ir_cpumask_pin(cpu), 0);
    assert_true(ir_affinity_restore());
    assert_int_equal(ir_cpumask_get(&now), 0);
    assert_memory_equal(&given, &now, sizeof now);
    assert_string_equal(ir_affinity_taken_by(), "OMP_PROC_BIND=true");
    unsetenv("OMP_PROC_BIND");
    assert_true(strlen(ir_affinity_taken_by()) > 0);
}

static void huge_pages_granted(void **state)
{
    (void)state;
    double share = ir_host_huge_granted();
    assert_true(isnan(share) || (share >= 0 && share <= 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(time_of_the_allowed),
                                       cmocka_unit_test(quota_that_stops),
                                       cmocka_unit_test(busiest_processes),
                                       cmocka_unit_test(what_idle_means),
                                       cmocka_unit_test(threads_that_got_less),
                                       cmocka_unit_test(a_spinner_is_seen),
                                       cmocka_unit_test(a_neighbour_is_named),
                                       cmocka_unit_test(commands),
                                       cmocka_unit_test(variables),
                                       cmocka_unit_test(clock_sources),
                                       cmocka_unit_test(masks),
                                       cmocka_unit_test(huge_pages_granted)};
    return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
