/* energy.c -- energy domains below a root directory.
 *
 * Of powercap only zones intel-rapl:N named package-* are added up: a zone with a second number lies inside
 * one, intel-rapl-mmio repeats the same packages, psys overlaps them. DRAM zones (named dram) are apart from
 * their package on servers, and shown beside the sum. INA3221: channels 1 to 3 are mV and mA; 4 to 6 are
 * microvolts over the shunt and 7 a sum. Power meters give watts. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"
#include "harness/left_out.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A counter in units of `unit` J; or the product of two readings (volts and amperes), in units of `unit` W.
 */
typedef struct {
    int    fd[2];
    double unit, range, last, wrapped;
} energy_channel;
struct ir_meter {
    const ir_file_calls *io;
    const char          *root, *scope, *source;
    ir_domain            domain[IR_MAX_DOMAINS];
    energy_channel       at[IR_MAX_DOMAINS];
    int                  n, error;     /* errno of the last file that was there and could not be opened */
    char                 refused[200]; /* its path */
};

/* ---- files ----------------------------------------------------------------------------------- */
static int  energy_open(const char *path) { return open(path, O_RDONLY | O_CLOEXEC); }
static long energy_pread(int fd, char *buf, size_t cap) { return (long)pread(fd, buf, cap, 0); }
static const ir_file_calls system_calls = {energy_open, energy_pread};

/* errno is kept of a file that is there. */
static int meter_open_file(ir_meter *m, const char *path)
{
    char full[1024];
    if ((size_t)snprintf(full, sizeof full, "%s%s", m->root, path) >= sizeof full) return -1;
    int fd = m->io->open(full);
    if (fd < 0 && errno != ENOENT && errno != ENOTDIR) {
        m->error = errno;
        snprintf(m->refused, sizeof m->refused, "%.199s", path);
    }
    return fd;
}

static double meter_number(const ir_meter *m, int fd)
{
    char text[64], *end;
    long n = fd < 0 ? -1 : m->io->read(fd, text, sizeof text - 1);
    if (n <= 0) return NAN;
    text[n] = 0;
    double v = strtod(text, &end);
    return end == text ? NAN : v;
}

/* A value that is read once, through the same calls. */
static double meter_once(ir_meter *m, const char *path)
{
    int    fd = meter_open_file(m, path);
    double v = meter_number(m, fd);
    if (fd >= 0) close(fd);
    return v;
}

static void meter_add(ir_meter *m, const char *name, bool counter, bool beside, energy_channel c)
{
    bool fits = m->n < IR_MAX_DOMAINS && c.fd[0] >= 0;
    for (int k = 0; k < 2 && !fits; k++)
        if (c.fd[k] >= 0) close(c.fd[k]);
    if (!fits) return;
    ir_domain *d = &m->domain[m->n];
    *d = (ir_domain){.counter = counter, .beside = beside};
    snprintf(d->name, sizeof d->name, "%.31s", name);
    m->at[m->n++] = c;
}

/* ---- sources --------------------------------------------------------------------------------- */
/* intel-rapl:0 is a package's, intel-rapl:0:1 a part of one. */
static bool is_package(const char *zone, const char *name)
{
    return !strncmp(zone, "intel-rapl:", 11) && !strchr(zone + 11, ':') && !strncmp(name, "package", 7);
}

static bool is_dram(const char *zone, const char *name)
{
    return !strncmp(zone, "intel-rapl:", 11) && strchr(zone + 11, ':') && !strcmp(name, "dram");
}

static void find_powercap(ir_meter *m)
{
    enum { MAX_ZONES = 128 };
    static const char dir[] = "/sys/class/powercap";
    static ir_name    zone[MAX_ZONES];
    char              name[64], path[200], shown[64];
    int               count = ir_dir_list(m->root, dir, zone, MAX_ZONES);
    for (int i = 0; i < count; i++) {
        if (!ir_file_read(m->root, name, sizeof name, "%s/%s/name", dir, zone[i].name)) continue;
        bool package = is_package(zone[i].name, name), dram = is_dram(zone[i].name, name);
        if (!package && !dram) continue;
        energy_channel c = {{-1, -1}, 1e-6, NAN, NAN, 0};
        snprintf(path, sizeof path, "%.30s/%.63s/energy_uj", dir, zone[i].name);
        c.fd[0] = meter_open_file(m, path);
        snprintf(path, sizeof path, "%.30s/%.63s/max_energy_range_uj", dir, zone[i].name);
        if (c.fd[0] >= 0) c.range = meter_once(m, path);
        snprintf(shown, sizeof shown, dram ? "dram %.20s" : "%.31s", dram ? zone[i].name + 11 : name);
        meter_add(m, shown, true, dram, c);
    }
}

/* Folders that hold hwmon files of one driver: DRIVER/<device>/hwmon/hwmonN. */
static int hwmon_folders(const ir_meter *m, const char *driver, char out[][200], int max)
{
    enum { MAX_DEVICES = 16 };
    ir_name device[MAX_DEVICES], hwmon[MAX_DEVICES];
    int     n = 0, count = ir_dir_list(m->root, driver, device, MAX_DEVICES);
    for (int i = 0; i < count; i++) {
        char under[160];
        snprintf(under, sizeof under, "%.80s/%.60s/hwmon", driver, device[i].name);
        int h = ir_dir_list(m->root, under, hwmon, MAX_DEVICES);
        for (int k = 0; k < h && n < max; k++) snprintf(out[n++], 200, "%s/%.30s", under, hwmon[k].name);
    }
    return n;
}

enum { MAX_FOLDERS = 16 };

static void find_ina3221(ir_meter *m)
{
    char dir[MAX_FOLDERS][200], path[240], label[64];
    int  count = hwmon_folders(m, "/sys/bus/i2c/drivers/ina3221", dir, MAX_FOLDERS);
    for (int i = 0; i < count; i++)
        for (int channel = 1; channel <= 3; channel++) {
            energy_channel c = {{-1, -1}, 1e-6, NAN, NAN, 0};
            snprintf(path, sizeof path, "%.199s/in%d_input", dir[i], channel);
            c.fd[0] = meter_open_file(m, path);
            snprintf(path, sizeof path, "%.199s/curr%d_input", dir[i], channel);
            c.fd[1] = c.fd[0] < 0 ? -1 : meter_open_file(m, path);
            bool known = !isnan(meter_number(m, c.fd[0])) && !isnan(meter_number(m, c.fd[1]));
            for (int k = 0; k < 2 && !known; k++)
                if (c.fd[k] >= 0) close(c.fd[k]), c.fd[k] = -1; /* a channel that is off reads EIO */
            if (!ir_file_read(m->root, label, sizeof label, "%.199s/in%d_label", dir[i], channel))
                snprintf(label, sizeof label, "channel %d", channel);
            meter_add(m, label, false, false, c);
        }
}

/* JetPack 4: in_power0_input in mW below ina3221x. */
static void find_ina3221x(ir_meter *m)
{
    ir_name           device[MAX_FOLDERS], iio[MAX_FOLDERS];
    static const char driver[] = "/sys/bus/i2c/drivers/ina3221x";
    char              under[200], path[280], label[64];
    int               count = ir_dir_list(m->root, driver, device, MAX_FOLDERS);
    for (int i = 0; i < count; i++) {
        snprintf(under, sizeof under, "%s/%.60s", driver, device[i].name);
        int n = ir_dir_list(m->root, under, iio, MAX_FOLDERS);
        for (int k = 0; k < n; k++)
            for (int channel = 0; !strncmp(iio[k].name, "iio:device", 10) && channel < 3; channel++) {
                energy_channel c = {{-1, -1}, 1e-3, NAN, NAN, 0};
                snprintf(path, sizeof path, "%s/%.20s/in_power%d_input", under, iio[k].name, channel);
                c.fd[0] = meter_open_file(m, path);
                if (!ir_file_read(m->root, label, sizeof label, "%s/%.20s/rail_name_%d", under, iio[k].name,
                                  channel))
                    snprintf(label, sizeof label, "rail %d", channel);
                meter_add(m, label, false, false, c);
            }
    }
}

static void find_power_files(ir_meter *m, const char *driver, const char *file)
{
    char dir[MAX_FOLDERS][200], path[240], label[64];
    int  count = hwmon_folders(m, driver, dir, MAX_FOLDERS);
    for (int i = 0; i < count; i++) {
        energy_channel c = {{-1, -1}, 1e-6, NAN, NAN, 0};
        snprintf(path, sizeof path, "%.199s/%.30s", dir[i], file);
        c.fd[0] = meter_open_file(m, path);
        snprintf(label, sizeof label, "meter %d", i);
        meter_add(m, label, false, false, c);
    }
}

static void find_ina238(ir_meter *m) { find_power_files(m, "/sys/bus/i2c/drivers/ina238", "power1_input"); }
static void find_acpi(ir_meter *m)
{
    find_power_files(m, "/sys/bus/acpi/drivers/power_meter", "power1_average");
}

/* Arm servers: hwmon folders anywhere that have an average. */
static void find_hwmon(ir_meter *m)
{
    enum { MAX_HWMON = 64 };
    ir_name hwmon[MAX_HWMON];
    char    name[40], path[160];
    int     n = ir_dir_list(m->root, "/sys/class/hwmon", hwmon, MAX_HWMON);
    for (int i = 0; i < n; i++) {
        energy_channel c = {{-1, -1}, 1e-6, NAN, NAN, 0};
        if (!ir_file_read(m->root, name, sizeof name, "/sys/class/hwmon/%s/name", hwmon[i].name)) continue;
        if (strcmp(name, "power_meter") != 0 && strcmp(name, "xgene_hwmon") != 0 && strncmp(name, "scmi", 4))
            continue;
        snprintf(path, sizeof path, "/sys/class/hwmon/%.63s/power1_average", hwmon[i].name);
        c.fd[0] = meter_open_file(m, path);
        if (c.fd[0] < 0) {
            snprintf(path, sizeof path, "/sys/class/hwmon/%.63s/power1_input", hwmon[i].name);
            c.fd[0] = meter_open_file(m, path);
        }
        meter_add(m, name, false, false, c);
    }
}

/* The first that has a domain is the source. */
static const struct {
    const char *source, *scope, *what, *todo;
    void (*find)(ir_meter *);
} sources[] = {
    {"powercap", "packages", "energy counters of the processor packages",
     "sudo modprobe intel_rapl_msr; in a virtual machine or container run on the host", find_powercap},
    {"ina3221", "board", "power sensors of a Jetson board", "sudo modprobe ina3221; only such boards have it",
     find_ina3221},
    {"ina3221x", "board", "power sensors of a Jetson board, older driver", "only JetPack 4 has it",
     find_ina3221x},
    {"ina238", "board", "power sensor of a Jetson Thor board",
     "sudo modprobe ina238; only such boards have it", find_ina238},
    {"acpi", "board", "power meter of the machine (ACPI)",
     "sudo modprobe acpi_power_meter; only some servers have it", find_acpi},
    {"hwmon", "board", "power meter of the machine (hwmon)", "only some Arm servers have it", find_hwmon}};
enum { NSOURCE = sizeof sources / sizeof *sources };

/* ---- the meter ------------------------------------------------------------------------------- */
static ir_meter *meter_new(const char *root, const ir_file_calls *io)
{
    ir_meter *m = calloc(1, sizeof *m);
    if (!m) ir_left_out("the energy");
    if (m) m->io = io ? io : &system_calls;
    if (m) m->root = root;
    return m;
}

static bool counts_something(const ir_meter *m)
{
    for (int i = 0; i < m->n; i++)
        if (!m->domain[i].beside) return true;
    return false;
}

static const char *energy_refusal(const ir_meter *m, char *buf, size_t cap)
{
    if (m->error == EACCES || m->error == EPERM)
        snprintf(buf, cap, "energy: package counters are readable by root only; sudo chmod a+r %.110s",
                 m->refused);
    else if (m->error)
        snprintf(buf, cap, "energy: %.110s: %s", m->refused, strerror(m->error));
    else
        snprintf(buf, cap,
                 "energy: no counter and no power meter (a virtual machine or container has none: "
                 "run on the host)");
    return buf;
}

ir_status ir_meter_open(const char *root, const ir_file_calls *io, ir_meter **out)
{
    char      why[IR_WHY];
    ir_meter *m = *out = meter_new(root, io);
    if (!m) return ir_fail(IR_ENOMEM, "energy: no memory");
    for (int i = 0; i < NSOURCE; i++) {
        sources[i].find(m);
        m->source = sources[i].source;
        m->scope = sources[i].scope;
        if (counts_something(m)) break;
        for (int k = 0; k < m->n; k++) close(m->at[k].fd[0]); /* only counters can be beside */
        m->n = 0;
    }
    double J, W;
    ir_meter_read(m, &J, &W, NULL);
    if (!isnan(J) || !isnan(W)) return IR_OK;
    energy_refusal(m, why, sizeof why);
    ir_meter_close(out);
    return ir_fail(IR_SKIP, "%s", why);
}

void ir_meter_close(ir_meter **m)
{
    if (!*m) return;
    for (int i = 0; i < (*m)->n; i++)
        for (int k = 0; k < 2; k++)
            if ((*m)->at[i].fd[k] >= 0) close((*m)->at[i].fd[k]);
    free(*m);
    *m = NULL;
}

int ir_meter_domains(const ir_meter *m, const ir_domain **out)
{
    *out = m->domain;
    return m->n;
}

const char *ir_meter_scope(const ir_meter *m) { return m->scope; }
const char *ir_meter_source(const ir_meter *m) { return m->source; }

/* How far round it went is only known with a range; without one it is unknown from then on. */
static double channel_joules(energy_channel *c, double now)
{
    if (now < c->last) c->wrapped += c->range > 0 ? c->range : NAN;
    if (!isnan(now)) c->last = now;
    return (now + c->wrapped) * c->unit;
}

void ir_meter_read(ir_meter *m, double *J, double *W, double *each)
{
    double sum[2] = {NAN, NAN};
    for (int i = 0; i < m->n; i++) {
        energy_channel *c = &m->at[i];
        bool            counter = m->domain[i].counter;
        double          v = meter_number(m, c->fd[0]);
        if (counter)
            v = channel_joules(c, v);
        else
            v *= c->unit * (c->fd[1] >= 0 ? meter_number(m, c->fd[1]) : 1);
        if (each) each[i] = v;
        if (m->domain[i].beside) continue;
        double *s = &sum[counter ? 0 : 1];
        *s = isnan(*s) ? v : *s + v; /* NAN only before the first */
        if (isnan(v)) {              /* a part of a sum is no sum */
            *J = *W = NAN;
            for (int k = i + 1; each && k < m->n; k++) each[k] = NAN;
            return;
        }
    }
    *J = sum[0];
    *W = sum[1];
}

int ir_meter_sources(const char *root, const ir_file_calls *io, ir_source_line *out, int max)
{
    int n = 0;
    for (int i = 0; i < NSOURCE && n < max; i++) {
        char      why[IR_WHY];
        double    J, W;
        ir_meter *m = meter_new(root, io);
        if (!m) return n;
        sources[i].find(m);
        ir_meter_read(m, &J, &W, NULL);
        ir_source_line *o = &out[n++];
        *o = (ir_source_line){.yes = !isnan(J) || !isnan(W)};
        snprintf(o->name, sizeof o->name, "%s", sources[i].source);
        if (o->yes)
            snprintf(o->text, sizeof o->text, "%s: %d domain%s", sources[i].what, m->n, m->n == 1 ? "" : "s");
        else if (m->error)
            snprintf(o->text, sizeof o->text, "%.199s", energy_refusal(m, why, sizeof why));
        else
            snprintf(o->text, sizeof o->text, "%s: none here (%s)", sources[i].what, sources[i].todo);
        ir_meter_close(&m);
    }
    return n;
}
