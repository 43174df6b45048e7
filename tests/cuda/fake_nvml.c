/* fake_nvml.c -- see fake_nvml.h: the entry points of NVML that the backend looks up, under their own names.
 */
#include "tests/cuda/fake_nvml.h"

#include <string.h>

typedef void *handle;
int           nvmlInit_v2(void);
int           nvmlShutdown(void);
int           nvmlDeviceGetHandleByPciBusId_v2(const char *, handle *);
int           nvmlDeviceGetClockInfo(handle, int, unsigned *);
int           nvmlDeviceGetMaxClockInfo(handle, int, unsigned *);
int           nvmlDeviceGetEnforcedPowerLimit(handle, unsigned *);
int           nvmlDeviceGetPowerUsage(handle, unsigned *);
int           nvmlDeviceGetTotalEnergyConsumption(handle, unsigned long long *);
int           nvmlDeviceGetTemperature(handle, int, unsigned *);
int           nvmlDeviceGetCurrentClocksThrottleReasons(handle, unsigned long long *);

fake_nvml_state fake_nvml;

void fake_nvml_reset(void)
{
    fake_nvml = (fake_nvml_state){
        .sm_MHz = 1980, .mem_MHz = 2619, .power_mW = 350500, .temp_C = 41, .energy_mJ = 1000000};
}

int nvmlInit_v2(void)
{
    if (fake_nvml.init_fails) return 9; /* driver not loaded */
    fake_nvml.open++;
    return 0;
}
int nvmlShutdown(void) { return fake_nvml.open--, 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *bus, handle *h)
{
    *h = &fake_nvml;
    return fake_nvml.other_card || strcmp(bus, "00000000:00:00.0") != 0 ? 6 : 0; /* not found */
}
int nvmlDeviceGetClockInfo(handle h, int which, unsigned *MHz)
{
    (void)h;
    *MHz = which == 1 ? fake_nvml.sm_MHz : fake_nvml.mem_MHz;
    if (which == 1) fake_nvml.readings++;
    if (which == 1 && fake_nvml.sm_MHz > fake_nvml.step_MHz) fake_nvml.sm_MHz -= fake_nvml.step_MHz;
    return fake_nvml.error;
}
int nvmlDeviceGetMaxClockInfo(handle h, int which, unsigned *MHz)
{
    (void)h;
    *MHz = which == 1 ? 1980 : 2619;
    return fake_nvml.error;
}
int nvmlDeviceGetEnforcedPowerLimit(handle h, unsigned *mW)
{
    (void)h;
    *mW = 700000;
    return fake_nvml.error;
}
int nvmlDeviceGetPowerUsage(handle h, unsigned *mW)
{
    (void)h;
    *mW = fake_nvml.power_mW;
    return fake_nvml.error;
}
int nvmlDeviceGetTotalEnergyConsumption(handle h, unsigned long long *mJ)
{
    (void)h;
    *mJ = fake_nvml.energy_mJ;
    fake_nvml.energy_mJ += fake_nvml.energy_step_mJ;
    return fake_nvml.error;
}
int nvmlDeviceGetTemperature(handle h, int which, unsigned *C)
{
    (void)h, (void)which;
    *C = fake_nvml.temp_C;
    return fake_nvml.error;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(handle h, unsigned long long *reasons)
{
    (void)h;
    *reasons = fake_nvml.reasons;
    return fake_nvml.error;
}
