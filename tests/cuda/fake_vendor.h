/* fake_vendor.h -- cuBLAS, cuBLASLt and cuDNN as one shared library that the backend loads in place of
 * theirs: results are right, computed on the host, and the n-th call can be made to fail. Refuses what the
 * backend does not ask for. */
#ifndef TESTS_CUDA_FAKE_VENDOR_H
#define TESTS_CUDA_FAKE_VENDOR_H
typedef enum { FAKE_VENDOR_FAILED, FAKE_VENDOR_NO_MEMORY, FAKE_VENDOR_UNSUPPORTED } fake_vendor_error;
typedef struct {
    long              fail_at; /* the call with this number (from 1) fails; 0: none. Destroying never does. */
    fake_vendor_error error;   /* in this way */
    int               algorithms, refused; /* proposed; of which so many, from the first, fail when run */
    long              calls, live;         /* counted by the fake: handles and descriptors not destroyed */
} fake_vendor_state;
#ifdef __cplusplus
extern "C" {
#endif
extern fake_vendor_state fake_vendor;
void                     fake_vendor_reset(void);
#ifdef __cplusplus
}
#endif
#endif
