/* stand_in.cc -- makes the program's CUDA backend the stand-in device: ironroof_stand_in runs every kernel
 * emulated, so that what calls the program (scripts/gpu.sh) can be tried without a GPU. Times mean nothing.
 * IRONROOF_STAND_IN_MB: its memory (256); IRONROOF_STAND_IN_FAULT: a kernel that faults. */
#include "tests/cuda/fake.h"

#include <stdlib.h>

static const struct stand_in {
    stand_in()
    {
        const char *mb = getenv("IRONROOF_STAND_IN_MB");
        fake_reset();
        fake.mem_B = (size_t)(mb ? atol(mb) : 256) << 20;
        fake.fault_in = getenv("IRONROOF_STAND_IN_FAULT");
        fake.name = "Stand-in H100";
    }
} at_start;
