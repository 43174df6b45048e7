/* fake.h -- a CUDA runtime without a device, for tests: memory is the host's, kernels run emulated where the
 * library was built so, and the n-th call can be made to fail. Set `fake` before opening a device, then
 * fake_reset(). */
#ifndef TESTS_CUDA_FAKE_H
#define TESTS_CUDA_FAKE_H
#include "kernels/cuda/cuda.h"
#ifdef __cplusplus
extern "C" {
#endif
typedef struct {
    int         devices, driver, runtime, cc, sms;
    bool        integrated; /* memory shared with the host, as on a Jetson */
    size_t      mem_B;      /* Malloc beyond it fails as a full device does */
    const char *name;
    cudaError_t count_error; /* of GetDeviceCount */
    long        fail_at;     /* the call with this number (from 1) fails; 0: none */
    cudaError_t fail_with;
    bool        sticky;   /* and so does every one after it */
    const char *fault_in; /* a kernel that accesses what it must not, by its name; NULL: none */
    /* ---- counted by the fake */
    long   calls, launches, live, graphs; /* live: allocations, streams, events and graphs not freed */
    size_t used_B;
    double uploaded_B;
} fake_state;
extern fake_state            fake;
extern const cuda_api        fake_api;
extern const ir_open_options fake_options; /* open the stand-in with these */
void fake_reset(void); /* a healthy H100-like device without NVML; makes it what the next open() uses */
#ifdef __cplusplus
}
#endif
#endif
