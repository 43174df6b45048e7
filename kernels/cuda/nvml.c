/* nvml.c -- clocks, power and throttle reasons through NVML, loaded when a device is opened: a machine
 * without it loses these figures and nothing else. The few declarations are written out here, since the
 * header comes with the driver's development files only; they have been stable since NVML 5. */
#define _GNU_SOURCE
#include "kernels/cuda/cuda.h"

#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>

typedef void *handle;
enum { CLOCK_SM = 1, CLOCK_MEM = 2, TEMPERATURE_GPU = 0 };
struct nvml_dev {
    void  *lib;
    handle dev;
    int (*shutdown)(void);
    int (*clock)(handle, int, unsigned *);
    int (*power)(handle, unsigned *);
    int (*energy)(handle, unsigned long long *);
    int (*temperature)(handle, int, unsigned *);
    int (*reasons)(handle, unsigned long long *);
    int (*max_clock)(handle, int, unsigned *);
    int (*power_limit)(handle, unsigned *);
    double cap_W; /* asked once: a limit that somebody moves meanwhile is beside the point */
};
const char *nvml_library = "libnvidia-ml.so.1";

static bool resolve(nvml_dev *d, const char *pci)
{
    int (*init)(void);
    int (*by_pci)(const char *, handle *);
    cuda_symbol(d->lib, "nvmlInit_v2", &init);
    cuda_symbol(d->lib, "nvmlShutdown", &d->shutdown);
    cuda_symbol(d->lib, "nvmlDeviceGetHandleByPciBusId_v2", &by_pci);
    cuda_symbol(d->lib, "nvmlDeviceGetClockInfo", &d->clock);
    cuda_symbol(d->lib, "nvmlDeviceGetPowerUsage", &d->power);
    cuda_symbol(d->lib, "nvmlDeviceGetTotalEnergyConsumption", &d->energy);
    cuda_symbol(d->lib, "nvmlDeviceGetTemperature", &d->temperature);
    cuda_symbol(d->lib, "nvmlDeviceGetCurrentClocksThrottleReasons", &d->reasons);
    if (!d->reasons)
        cuda_symbol(d->lib, "nvmlDeviceGetCurrentClocksEventReasons", &d->reasons); /* its newer name */
    cuda_symbol(d->lib, "nvmlDeviceGetMaxClockInfo", &d->max_clock);
    cuda_symbol(d->lib, "nvmlDeviceGetEnforcedPowerLimit", &d->power_limit);
    if (!init || !d->shutdown || !by_pci || init() != 0) return false;
    unsigned mW = 0;
    if (by_pci(pci, &d->dev) == 0) {
        d->cap_W = d->power_limit && d->power_limit(d->dev, &mW) == 0 ? 1e-3 * mW : NAN;
        return true;
    }
    d->shutdown();
    return false;
}

nvml_dev *nvml_open(const char *pci)
{
    nvml_dev *d = nvml_library ? calloc(1, sizeof *d) : NULL;
    if (!d) return NULL;
    d->lib = dlopen(nvml_library, RTLD_NOW | RTLD_LOCAL);
    if (d->lib && resolve(d, pci)) return d;
    if (d->lib) dlclose(d->lib);
    free(d);
    return NULL;
}

void nvml_close(nvml_dev **d)
{
    if (!*d) return;
    (*d)->shutdown();
    dlclose((*d)->lib);
    free(*d);
    *d = NULL;
}

void nvml_read(nvml_dev *d, ir_vitals *v)
{
    unsigned           u = 0;
    unsigned long long l = 0;
    *v = (ir_vitals){
        .clock_Hz = NAN, .mem_clock_Hz = NAN, .power_W = NAN, .energy_J = NAN, .temp_C = NAN, .cap_W = NAN};
    if (!d) return;
    if (d->clock && d->clock(d->dev, CLOCK_SM, &u) == 0) v->clock_Hz = 1e6 * u;
    if (d->clock && d->clock(d->dev, CLOCK_MEM, &u) == 0) v->mem_clock_Hz = 1e6 * u;
    if (d->power && d->power(d->dev, &u) == 0) v->power_W = 1e-3 * u;
    if (d->temperature && d->temperature(d->dev, TEMPERATURE_GPU, &u) == 0) v->temp_C = u;
    if (d->energy && d->energy(d->dev, &l) == 0) v->energy_J = 1e-3 * (double)l;
    v->cap_W = d->cap_W;
    if (d->reasons && d->reasons(d->dev, &l) == 0) nvml_slowed_text(l, v->slowed, sizeof v->slowed);
}

const char *nvml_limits(nvml_dev *d, char *buf, size_t n)
{
    unsigned MHz = 0, mW = 0;
    size_t   m = 0;
    buf[0] = 0;
    if (!d) return buf;
    if (d->max_clock && d->max_clock(d->dev, CLOCK_SM, &MHz) == 0)
        m += (size_t)snprintf(buf, n, "at most %u MHz", MHz);
    if (m < n && d->power_limit && d->power_limit(d->dev, &mW) == 0)
        snprintf(buf + m, n - m, "%s%.0f W", m ? ", " : "at most ", 1e-3 * mW);
    return buf;
}

const char *nvml_slowed_text(uint64_t reasons, char *buf, size_t n)
{
    static const struct {
        uint64_t    bit;
        const char *word;
    } known[] = {{0x4, "power cap"},
                 {0x8, "hardware slowdown"},
                 {0x20, "thermal"},
                 {0x40, "hot hardware"},
                 {0x80, "power brake"}};
    size_t m = 0;
    buf[0] = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known && m < n; i++)
        if (reasons & known[i].bit)
            m += (size_t)snprintf(buf + m, n - m, "%s%s", m ? ", " : "", known[i].word);
    return buf;
}
