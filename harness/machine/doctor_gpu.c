/* doctor_gpu.c -- findings about NVIDIA GPUs: nvidia-smi where there is one, on a Jetson the clock's files.
 */
#include "harness/machine/doctor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 16, COLUMNS = 6 };
static const double LIMIT_S = 10;

/* One row per GPU: name, persistence, graphics clock now, its most, what it is set to, throttle reasons. */
static int doctor_gpu_ask(const char *root, char *buf, size_t cap, char *cell[LINES][COLUMNS])
{
    static const char *const argv[] = {"nvidia-smi",
                                       "--query-gpu=name,persistence_mode,clocks.gr,clocks.max.gr,clocks."
                                       "applications.gr,clocks_throttle_reasons.active",
                                       "--format=csv,noheader,nounits", NULL};
    int                      n = 0;
    char                    *save, *part;
    if (!ir_command_read(root, argv, LIMIT_S, buf, cap)) return -1;
    for (char *line = strtok_r(buf, "\n", &save); line && n < LINES;
         line = strtok_r(NULL, "\n", &save), n++) {
        part = line;
        for (int i = 0; i < COLUMNS; i++) {
            size_t len = strcspn(part, ",");
            bool   last = part[len] == 0;
            cell[n][i] = part + strspn(part, " ");
            part[len] = 0;
            part += last ? len : len + 1;
        }
    }
    return n;
}

static void jetson_clocks(const ir_checkup *c, ir_finding *f, const char *dir)
{
    double lo = ir_file_num(c->root, "/sys/class/devfreq/%s/min_freq", dir);
    double hi = ir_file_num(c->root, "/sys/class/devfreq/%s/max_freq", dir);
    if (isnan(lo) || isnan(hi))
        ir_finding_unknown(f, "%s does not say", dir);
    else if (lo < hi)
        ir_finding_fix(f, "sudo jetson_clocks", "%.0f to %.0f MHz: the clock follows the load", lo / 1e6,
                       hi / 1e6);
    else
        ir_finding_ok(f, "fixed at %.0f MHz", hi / 1e6);
}

/* The GPU's frequency device of a Jetson: "17000000.gpu", "57000000.gpu", "gpu-gpc-0"; false: there is none.
 */
static bool jetson_gpu(const char *root, char *out, size_t cap)
{
    enum { MAX = 64 };
    ir_name names[MAX];
    char    model[128];
    int     n = ir_dir_list(root, "/sys/class/devfreq", names, MAX);
    if (!ir_file_read(root, model, sizeof model, "/proc/device-tree/model") || !strstr(model, "Jetson"))
        return false;
    for (int i = 0; i < n; i++)
        if (strstr(names[i].name, "gpu") || strstr(names[i].name, "gv11b") || strstr(names[i].name, "ga10b"))
            return snprintf(out, cap, "%.63s", names[i].name), true;
    return false;
}

void ir_doctor_gpu(const ir_checkup *c, ir_finding *f)
{
    char text[4096], *cell[LINES][COLUMNS], dir[80];
    int  n = doctor_gpu_ask(c->root, text, sizeof text, cell), off = -1;
    if (n < 0 && jetson_gpu(c->root, dir, sizeof dir)) {
        ir_finding_ok(f, "a Jetson's own");
        return;
    }
    if (n <= 0) {
        ir_finding_unknown(f, "%s",
                           n < 0 ? "nvidia-smi is not there or does not answer" : "nvidia-smi names none");
        return;
    }
    for (int i = 0; i < n; i++)
        if (!strcmp(cell[i][1], "Disabled")) off = i;
    if (off >= 0)
        ir_finding_fix(f, "sudo nvidia-smi -pm 1",
                       "%.60s: persistence off: the first call pays for the driver", cell[off][0]);
    else
        ir_finding_ok(f, "%.60s%s: persistence %s", cell[0][0], n > 1 ? " and more" : "", cell[0][1]);
}

/* Bits of clocks_throttle_reasons.active that lower the clock; idle (1) and the application's setting (2) do
 * not count. */
static const struct {
    unsigned long bit;
    const char   *why;
} reasons[] = {{0x04, "power cap"},      {0x08, "hardware slowdown"}, {0x10, "sync boost"},
               {0x20, "heat"},           {0x40, "heat (hardware)"},   {0x80, "power brake"},
               {0x100, "display clocks"}};

void ir_doctor_gpu_clocks(const ir_checkup *c, ir_finding *f)
{
    char text[4096], *cell[LINES][COLUMNS], dir[80], fix[120];
    int  n = doctor_gpu_ask(c->root, text, sizeof text, cell);
    if (n < 0 && jetson_gpu(c->root, dir, sizeof dir)) {
        jetson_clocks(c, f, dir);
        return;
    }
    if (n <= 0) {
        ir_finding_unknown(f, "no GPU was asked");
        return;
    }
    for (int i = 0; i < n; i++) {
        unsigned long active = strtoul(cell[i][5], NULL, 16);
        for (size_t k = 0; k < sizeof reasons / sizeof *reasons; k++)
            if (active & reasons[k].bit) {
                ir_finding_fix(f, "nvidia-smi -q -d PERFORMANCE", "%.60s is slowed: %s", cell[i][0],
                               reasons[k].why);
                return;
            }
    }
    for (int i = 0; i < n; i++) {
        double most = atof(cell[i][3]), set = atof(cell[i][4]);
        if (!(set > 0 && most > 0 && set < most)) continue;
        snprintf(fix, sizeof fix, "sudo nvidia-smi -lgc %.0f,%.0f", most, most);
        ir_finding_fix(f, fix, "%.60s: set to %.0f MHz, %.0f are possible", cell[i][0], set, most);
        return;
    }
    ir_finding_ok(f, "%.60s: %s MHz now, at most %s, not slowed", cell[0][0], cell[0][2], cell[0][3]);
}
