/* fake_nvml.h -- an NVML with one card, as a shared library that the backend loads as it would load the real
 * one. */
#ifndef TESTS_CUDA_FAKE_NVML_H
#define TESTS_CUDA_FAKE_NVML_H
#include <stdbool.h>
typedef struct {
    bool     init_fails, other_card; /* other_card: no device of the bus address asked for */
    int      error;                  /* what every reading returns; 0: success, 3: not supported */
    unsigned sm_MHz, mem_MHz, power_mW, temp_C, step_MHz; /* step: the clock falls by it with every reading */
    unsigned long long energy_mJ, reasons,
        energy_step_mJ;  /* step: the counter rises by it with every reading */
    long open, readings; /* counted: inits less shutdowns; readings of the clock */
} fake_nvml_state;
extern fake_nvml_state fake_nvml;
void                   fake_nvml_reset(void); /* a healthy card */
#endif
