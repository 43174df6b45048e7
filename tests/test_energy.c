/* test_energy.c -- domains of energy over recorded trees; power behind a counter that ticks and wraps; the
 * fit of joules on a described machine; what is kept up for minutes. No time is asserted. */
#define _GNU_SOURCE
#include "harness/law/law.h"
#include "harness/machine/machine_internal.h"
#include "harness/measure/measure.h"
#include "harness/stats/stats.h"
#include "tests/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

static bool near(double a, double b) { return fabs(a - b) <= 1e-9 * fabs(b) + 1e-12; }

/* As a user who is not root: what others may not read is refused. */
static int open_as_other(const char *path)
{
    struct stat s;
    if (stat(path, &s) == 0 && !(s.st_mode & S_IROTH)) return errno = EACCES, -1;
    return open(path, O_RDONLY);
}
static long read_plain(int fd, char *buf, size_t cap) { return (long)pread(fd, buf, cap, 0); }
/* A channel that is switched off. */
static long read_or_eio(int fd, char *buf, size_t cap)
{
    long n = (long)pread(fd, buf, cap, 0);
    return n >= 3 && !strncmp(buf, "EIO", 3) ? (errno = EIO, -1) : n;
}
static const ir_file_calls as_other = {open_as_other, read_plain};
static int                 open_any(const char *path) { return open(path, O_RDONLY); }
static const ir_file_calls with_eio = {open_any, read_or_eio};

#define CAP "/sys/class/powercap/"
static void zone(const tree *t, const char *zone, const char *name, const char *uj, const char *range)
{
    char path[160];
    snprintf(path, sizeof path, CAP "%s/name", zone);
    tree_put(t, path, "%s\n", name);
    snprintf(path, sizeof path, CAP "%s/energy_uj", zone);
    tree_put(t, path, "%s\n", uj);
    snprintf(path, sizeof path, CAP "%s/max_energy_range_uj", zone);
    if (range) tree_put(t, path, "%s\n", range);
}

/* Written in place: descriptors of the meter stay on the file. */
static void set(const tree *t, const char *path, const char *text)
{
    char full[300];
    snprintf(full, sizeof full, "%s%s", t->root, path);
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void server(const tree *t)
{
    zone(t, "intel-rapl:0", "package-0", "600000", "1000000");
    zone(t, "intel-rapl:1", "package-1", "600000", "1000000");
    zone(t, "intel-rapl:0:0", "core", "777", "1000000");
    zone(t, "intel-rapl:0:1", "dram", "250000", "1000000");
    zone(t, "intel-rapl:2", "psys", "999", "1000000");
    zone(t, "intel-rapl-mmio:0", "package-0", "777", "1000000");
}

static void packages_are_added_once(void **state)
{
    (void)state;
    tree             t;
    ir_meter        *m;
    const ir_domain *d;
    double           J, W, each[IR_MAX_DOMAINS], first;
    tree_init(&t);
    server(&t);
    assert_int_equal(ir_meter_open(t.root, NULL, &m), IR_OK);
    assert_string_equal(ir_meter_source(m), "powercap");
    assert_string_equal(ir_meter_scope(m), "packages");
    assert_int_equal(ir_meter_domains(m, &d), 3);
    ir_meter_read(m, &first, &W, each);
    assert_true(near(first, 1.2) && isnan(W));
    for (int i = 0; i < 3; i++)
        if (d[i].beside) assert_true(near(each[i], 0.25) && !strncmp(d[i].name, "dram", 4));
    set(&t, CAP "intel-rapl:0/energy_uj", "100000\n"); /* once round */
    ir_meter_read(m, &J, &W, NULL);
    assert_true(near(J - first, 0.5));
    ir_meter_read(m, &J, &W, NULL);
    assert_true(near(J - first, 0.5)); /* and not again */
    set(&t, CAP "intel-rapl:1/energy_uj", "");
    ir_meter_read(m, &J, &W, NULL); /* a zone that is gone: no sum of the others */
    assert_true(isnan(J));
    set(&t, CAP "intel-rapl:1/energy_uj", "700000\n");
    ir_meter_read(m, &J, &W, NULL);
    assert_true(near(J - first, 0.6));
    ir_meter_close(&m);
    ir_meter_close(&m);
    tree_free(&t);
}

static void a_wrap_without_range_is_unknown(void **state)
{
    (void)state;
    tree      t;
    ir_meter *m;
    double    J, W;
    char      path[300];
    tree_init(&t);
    zone(&t, "intel-rapl:0", "package-0", "600000", "1000000");
    snprintf(path, sizeof path, "%s" CAP "intel-rapl:0/max_energy_range_uj", t.root);
    chmod(path, 0400);
    assert_int_equal(ir_meter_open(t.root, &as_other, &m), IR_OK);
    set(&t, CAP "intel-rapl:0/energy_uj", "700000\n");
    ir_meter_read(m, &J, &W, NULL);
    assert_true(near(J, 0.7));
    set(&t, CAP "intel-rapl:0/energy_uj", "100000\n");
    ir_meter_read(m, &J, &W, NULL);
    assert_true(isnan(J)); /* never negative */
    ir_meter_close(&m);
    tree_free(&t);
}

static void refusals_say_what_to_do(void **state)
{
    (void)state;
    tree           t;
    ir_meter      *m;
    ir_source_line line[16];
    char           path[300];
    tree_init(&t);
    assert_int_equal(ir_meter_open(t.root, NULL, &m), IR_SKIP);
    assert_null(m);
    assert_non_null(strstr(ir_why(), "no counter and no power meter"));
    zone(&t, "intel-rapl:0", "package-0", "1", "2");
    snprintf(path, sizeof path, "%s" CAP "intel-rapl:0/energy_uj", t.root);
    chmod(path, 0400);
    assert_int_equal(ir_meter_open(t.root, &as_other, &m), IR_SKIP);
    assert_non_null(strstr(ir_why(), "sudo chmod a+r /sys/class/powercap/intel-rapl:0/energy_uj"));
    int n = ir_meter_sources(t.root, &as_other, line, 16);
    assert_true(n > 3 && !line[0].yes && strstr(line[0].text, "chmod"));
    for (int i = 1; i < n; i++) assert_true(!line[i].yes && strstr(line[i].text, "none here"));
    n = ir_meter_sources(t.root, NULL, line, 16);
    assert_true(n > 3 && line[0].yes);
    tree_free(&t);
}

/* AMD: package zones under the same names, cores inside, no DRAM. */
static void amd(void **state)
{
    (void)state;
    tree             t;
    ir_meter        *m;
    const ir_domain *d;
    tree_init(&t);
    zone(&t, "intel-rapl:0", "package-0", "123000000", "65532610987");
    zone(&t, "intel-rapl:0:0", "core", "3000000", "65532610987");
    assert_int_equal(ir_meter_open(t.root, NULL, &m), IR_OK);
    assert_int_equal(ir_meter_domains(m, &d), 1);
    ir_meter_close(&m);
    tree_free(&t);
}

#define INA "/sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/"
static void jetson(void **state)
{
    (void)state;
    tree      t;
    ir_meter *m;
    double    J, W;
    tree_init(&t);
    tree_put(&t, INA "in1_input", "19000\n");
    tree_put(&t, INA "curr1_input", "500\n");
    tree_put(&t, INA "in1_label", "VDD_GPU_SOC\n");
    tree_put(&t, INA "in2_input", "19000\n");
    tree_put(&t, INA "curr2_input", "1000\n");
    tree_put(&t, INA "in3_input", "EIO\n"); /* off */
    tree_put(&t, INA "curr3_input", "EIO\n");
    tree_put(&t, INA "in4_input", "9999\n"); /* shunt, microvolts */
    tree_put(&t, INA "in7_input", "9999\n");
    tree_put(&t, INA "curr4_input", "9999\n");
    assert_int_equal(ir_meter_open(t.root, &with_eio, &m), IR_OK);
    assert_string_equal(ir_meter_scope(m), "board");
    ir_meter_read(m, &J, &W, NULL);
    assert_true(isnan(J) && near(W, 28.5));
    ir_meter_close(&m);
    tree_free(&t);
    static const struct {
        const char *path, *text;
        double      W;
    } one[] = {{"/sys/bus/i2c/drivers/ina238/2-0044/hwmon/hwmon1/power1_input", "15000000", 15},
               {"/sys/bus/i2c/drivers/ina3221x/7-0040/iio:device0/in_power0_input", "4250", 4.25},
               {"/sys/bus/acpi/drivers/power_meter/ACPI000D:00/hwmon/hwmon2/power1_average", "87000000", 87}};
    for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
        tree_init(&t);
        tree_put(&t, one[i].path, "%s\n", one[i].text);
        assert_int_equal(ir_meter_open(t.root, NULL, &m), IR_OK);
        ir_meter_read(m, &J, &W, NULL);
        assert_true(near(W, one[i].W));
        ir_meter_close(&m);
        tree_free(&t);
    }
    tree_init(&t);
    tree_put(&t, "/sys/class/hwmon/hwmon0/name", "power_meter\n");
    tree_put(&t, "/sys/class/hwmon/hwmon0/power1_average", "210000000\n");
    assert_int_equal(ir_meter_open(t.root, NULL, &m), IR_OK);
    ir_meter_read(m, &J, &W, NULL);
    assert_true(near(W, 210));
    ir_meter_close(&m);
    tree_free(&t);
}

/* ---- heat ------------------------------------------------------------------------------------ */
static void heat(void **state)
{
    (void)state;
    tree       t;
    ir_thermal h;
    ir_vitals  v;
    tree_init(&t);
    ir_thermal_read(t.root, &h);
    assert_true(isnan(h.temp_C) && isnan(h.crit_C) && isnan(h.cap_W) && isnan(h.quota_s) &&
                isnan(h.throttle_n));
    assert_null(ir_host_vitals_open(t.root));
    tree_put(&t, "/sys/class/hwmon/hwmon0/name", "nvme\n");
    tree_put(&t, "/sys/class/hwmon/hwmon0/temp1_input", "99000\n");
    tree_put(&t, "/sys/class/hwmon/hwmon1/name", "coretemp\n");
    tree_put(&t, "/sys/class/hwmon/hwmon1/temp1_input", "71000\n");
    tree_put(&t, "/sys/class/hwmon/hwmon1/temp1_crit", "100000\n");
    tree_put(&t, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "3000000\n");
    tree_put(&t, "/sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "2000000\n");
    tree_put(&t, "/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "4\n");
    tree_put(&t, CAP "intel-rapl:0/name", "package-0\n");
    tree_put(&t, CAP "intel-rapl:0/constraint_0_power_limit_uw", "125000000\n");
    tree_put(&t, "/proc/self/cgroup", "0::/a\n");
    tree_put(&t, "/sys/fs/cgroup/a/cpu.stat", "nr_periods 9\nnr_throttled 7\nthrottled_usec 250000\n");
    ir_thermal_read(t.root, &h);
    assert_true(near(h.temp_C, 71) && near(h.crit_C, 100) && near(h.throttle_n, 4) && near(h.cap_W, 125));
    assert_true(near(h.quota_s, 0.25) && near(h.quota_stops, 7));
    tree_put(&t, "/proc/self/cgroup", "4:cpu,cpuacct:/b\n"); /* version 1 */
    tree_put(&t, "/sys/fs/cgroup/cpu/b/cpu.stat", "nr_periods 9\nnr_throttled 8\nthrottled_time 500000000\n");
    ir_thermal_read(t.root, &h);
    assert_true(near(h.quota_s, 0.5) && near(h.quota_stops, 8));
    ir_host_vitals *o = ir_host_vitals_open(t.root);
    assert_non_null(o);
    ir_host_vitals_read(o, &v);
    assert_true(near(v.clock_Hz, 3e9) && near(v.temp_C, 71) && isnan(v.energy_J));
    ir_host_vitals_close(&o);
    tree_free(&t);
    tree_init(&t); /* an Arm board: a thermal zone with a critical trip point */
    tree_put(&t, "/sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
    tree_put(&t, "/sys/class/thermal/thermal_zone0/temp", "52500\n");
    tree_put(&t, "/sys/class/thermal/thermal_zone0/trip_point_0_type", "passive\n");
    tree_put(&t, "/sys/class/thermal/thermal_zone0/trip_point_1_type", "critical\n");
    tree_put(&t, "/sys/class/thermal/thermal_zone0/trip_point_1_temp", "104500\n");
    ir_thermal_read(t.root, &h);
    assert_true(near(h.temp_C, 52.5) && near(h.crit_C, 104.5));
    tree_free(&t);
}

/* Windows of minutes hold what the host tells: its power is that since the window before. */
static void a_window_of_the_host(void **state)
{
    (void)state;
    tree      t;
    ir_window w;
    tree_init(&t);
    server(&t);
    tree_put(&t, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "3000000\n");
    tree_put(&t, "/sys/class/hwmon/hwmon1/name", "coretemp\n");
    tree_put(&t, "/sys/class/hwmon/hwmon1/temp1_input", "71000\n");
    ir_host_look *o = ir_host_look_open(t.root);
    assert_non_null(o);
    ir_host_look_read(o, 10, &w);
    assert_true(isnan(w.power_W) && near(w.clock_Hz, 3e9) && near(w.temp_C, 71));
    set(&t, CAP "intel-rapl:0/energy_uj", "800000\n");
    set(&t, CAP "intel-rapl:1/energy_uj", "900000\n");
    set(&t, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "2000000\n");
    ir_host_look_read(o, 10.25, &w);
    assert_true(near(w.power_W, 2) && near(w.clock_Hz, 2e9));
    ir_host_look_close(&o);
    ir_host_look_close(&o);
    tree_free(&t);
    tree_init(&t);
    o = ir_host_look_open(t.root);
    ir_host_look_read(o, 1, &w);
    assert_true(isnan(w.power_W) && isnan(w.clock_Hz) && isnan(w.temp_C) && isnan(w.quota_s));
    ir_host_look_close(&o);
    tree_free(&t);
}

/* ---- counters of what disturbs ---------------------------------------------------------------- */
static void health(void **state)
{
    (void)state;
    tree      t;
    ir_health h;
    double    tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
    tree_init(&t);
    ir_health_read_at(t.root, &h);
    assert_true(isnan(h.steal_s) && isnan(h.busy_s) && isnan(h.total_s) && isnan(h.throttle_n));
    tree_put(&t, "/proc/stat", "cpu  10 20 30 400 50 6 7 80 9 1\ncpu0 1 2 3 4 5 6 7 8 9 1\n");
    ir_health_read_at(t.root, &h);
    assert_true(near(h.steal_s, 80 * tick) && near(h.busy_s, 73 * tick) && near(h.total_s, 603 * tick));
    tree_put(&t, "/proc/stat", "cpu  10 20 30 400\n"); /* an old kernel tells no stolen time */
    ir_health_read_at(t.root, &h);
    assert_true(isnan(h.steal_s) && near(h.busy_s, 60 * tick));
    for (int i = 0; i < 2; i++) {
        char path[96];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/thermal_throttle/core_throttle_count", i);
        tree_put(&t, path, "3\n");
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/thermal_throttle/package_throttle_count",
                 i);
        tree_put(&t, path, "4\n");
    }
    ir_health_read_at(t.root, &h);
    assert_true(near(h.throttle_n, 14));
    tree_free(&t);
}

/* ---- power behind a counter ------------------------------------------------------------------ */
enum { READINGS = 4000 };
/* Polled every 2 ms or so, with a tick of `tick` and a wrap at `range`. */
static size_t ticking(ir_reading *r, double span, double W, double tick, double range, uint64_t seed)
{
    ir_rng rng;
    size_t n = 0;
    ir_rng_seed(&rng, seed);
    for (double t = ir_rng_uniform(&rng); n < READINGS; t += 1e-3 + 1e-3 * ir_rng_uniform(&rng)) {
        double at = t - (n ? r[0].t_s : t) + tick * (double)(seed % 97) / 97;
        double J = W * (tick > 0 ? floor(at / tick) * tick : at);
        r[n] = (ir_reading){t, range > 0 ? fmod(J + 0.9 * range, range) : J, NAN};
        if (r[n++].t_s - r[0].t_s > span) break;
    }
    return n;
}

static void power_of_ticks(void **state)
{
    (void)state;
    static ir_reading r[READINGS];
    ir_power          p;
    double            worst = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        size_t n = ticking(r, 1.3, 180, 0.1, 0, seed);
        ir_power_of(r, n, 0, &p);
        assert_true(p.ticks >= 11 && p.ticks <= 14);
        worst = fmax(worst, fabs(p.W / 180 - 1));
        n = ticking(r, 1.3, 180, 0.1, 500, seed); /* once round, at 50 J */
        ir_power_of(r, n, 500, &p);
        worst = fmax(worst, fabs(p.W / 180 - 1));
        ir_power_of(r, n, 0, &p); /* how far round is not known */
        assert_true(isnan(p.W));
    }
    print_message("ticks of 100 ms over 1.3 s: at worst %.2f %% off\n", 100 * worst);
    assert_true(worst < 0.01);
    size_t n = ticking(r, 0.45, 180, 0.1, 0, 3);
    ir_power_of(r, n, 0, &p);
    assert_true(p.ticks < IR_LEAST_TICKS && isnan(p.W));
    ir_power_of(r, 0, 0, &p);
    assert_true(isnan(p.W));
    for (size_t i = 0; i < 100; i++) r[i] = (ir_reading){(double)i * 0.01, NAN, i % 2 ? 10 : 20};
    ir_power_of(r, 100, 0, &p);
    assert_true(fabs(p.W - 15) < 0.2 && p.lo < 15 && p.hi > 15);
}

/* ---- kept up for minutes --------------------------------------------------------------------- */
enum { WINDOWS = 120 };
static void flat(ir_window *w, size_t n, double noise, uint64_t seed)
{
    ir_rng rng;
    ir_rng_seed(&rng, seed);
    for (size_t i = 0; i < n; i++)
        w[i] = (ir_window){.t_s = (double)i,
                           .call_s = 0.01 * exp(noise * ir_rng_normal(&rng)),
                           .calls = 100,
                           .clock_Hz = 3e9,
                           .temp_C = 60,
                           .power_W = 100,
                           .read_share = 1,
                           .steal_s = 0,
                           .throttle_n = 0};
}

static const ir_limits limits = {125, 100};

static void no_drop_is_invented(void **state)
{
    (void)state;
    static ir_window w[WINDOWS];
    ir_sustained     s;
    int              invented = 0, unsettled = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        flat(w, WINDOWS, 0.005, seed);
        ir_sustain_judge(w, WINDOWS, &limits, &s);
        assert_true(s.known);
        invented += !isnan(s.drop_s);
        unsettled += !s.settled;
    }
    print_message("200 flat series: %d drops, %d not settled\n", invented, unsettled);
    assert_true(invented == 0 && unsettled <= 20);
    ir_sustain_judge(w, 14, &limits, &s);
    assert_false(s.known);
}

/* Every cause by its own evidence, and the first that holds. */
static void a_drop_and_its_cause(void **state)
{
    (void)state;
    static ir_window         w[WINDOWS];
    static const char *const cause[] = {"device",         "cpu quota",     "steal",
                                        "heat (counted)", "power cap",     "temperature",
                                        "clock",          "memory shared", "unknown"};
    ir_sustained             s;
    for (size_t k = 0; k < sizeof cause / sizeof *cause; k++)
        for (uint64_t seed = 1; seed <= 20; seed++) {
            flat(w, WINDOWS, 0.003, seed);
            for (size_t i = 50; i < WINDOWS; i++) {
                w[i].call_s /= 0.9;
                if (k == 0) snprintf(w[i].slowed, sizeof w[i].slowed, "heat");
                if (k == 1) w[i].quota_s = 0.2 * (double)(i - 49);
                if (k == 2) w[i].steal_s = 0.2 * (double)(i - 49);
                if (k == 3) w[i].throttle_n = 3;
                if (k == 4) w[i].power_W = 124;
                if (k == 5) w[i].temp_C = 99;
                if (k == 6) w[i].clock_Hz = 2.7e9;
                if (k == 7) w[i].read_share = 0.8;
            }
            ir_sustain_judge(w, WINDOWS, &limits, &s);
            assert_true(fabs(s.drop_s - 50) <= 1);
            assert_string_equal(s.cause, cause[k]);
            assert_true(*s.evidence);
            assert_true(fabs(s.sustained / s.peak - 0.9) < 0.01);
        }
}

static void ramps_and_sawteeth(void **state)
{
    (void)state;
    static ir_window w[WINDOWS];
    ir_sustained     s;
    flat(w, WINDOWS, 0.003, 7);
    for (size_t i = 0; i < WINDOWS; i++) w[i].call_s *= 1 + 0.002 * (double)i; /* slower and slower */
    ir_sustain_judge(w, WINDOWS, &limits, &s);
    assert_true(!s.settled && s.slope < -0.05 && s.slope_hi < 0);
    assert_true(s.drop_s > 5 && s.drop_s < 25);
    flat(w, WINDOWS, 0.003, 8);
    for (size_t i = 20; i < WINDOWS; i++) w[i].call_s *= 1 + 0.1 * (double)(i % 10) / 10; /* comes back */
    ir_sustain_judge(w, WINDOWS, &limits, &s);
    assert_true(s.known && s.settled);
}

/* ---- the fit --------------------------------------------------------------------------------- */
static void mixed_threads_are_refused(void **state)
{
    (void)state;
    ir_energy_row row[8];
    ir_energy_fit f;
    for (int i = 0; i < 8; i++)
        row[i] =
            (ir_energy_row){1e9 * i, 1e9 * (i % 3), 1 + 0.3 * i, 10 + i, 9.9 + i, 10.1 + i, i < 4 ? 1 : 2, i};
    assert_int_equal(ir_energy_fit_rows(row, 8, 1, &f), IR_EINVAL);
    assert_non_null(strstr(ir_why(), "rows of 1 and of 2 threads"));
    assert_int_equal(ir_energy_fit_rows(row, 3, 1, &f), IR_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(packages_are_added_once),
                                       cmocka_unit_test(a_wrap_without_range_is_unknown),
                                       cmocka_unit_test(refusals_say_what_to_do),
                                       cmocka_unit_test(amd),
                                       cmocka_unit_test(jetson),
                                       cmocka_unit_test(heat),
                                       cmocka_unit_test(a_window_of_the_host),
                                       cmocka_unit_test(health),
                                       cmocka_unit_test(power_of_ticks),
                                       cmocka_unit_test(no_drop_is_invented),
                                       cmocka_unit_test(a_drop_and_its_cause),
                                       cmocka_unit_test(ramps_and_sawteeth),
                                       cmocka_unit_test(mixed_threads_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
