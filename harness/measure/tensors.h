/* tensors.h -- the harness owns the tensors: allocation, seeded content, poison, host copies.
 * Private to harness/measure/. */
#ifndef IR_MEASURE_TENSORS_H
#define IR_MEASURE_TENSORS_H
#include "harness/ironroof.h"

/* One bound set of tensors. mem[] is what the kernel sees; base[] what is released. */
typedef struct {
    int       n;
    ir_tensor spec[IR_MAX_TENSORS];
    ir_mem    mem[IR_MAX_TENSORS], base[IR_MAX_TENSORS];
    void     *before[IR_MAX_TENSORS]; /* initial content of IN and INOUT tensors; may alias mem.host */
    void     *after[IR_MAX_TENSORS];  /* host view of the result; may alias mem.host */
    bool      owns_before[IR_MAX_TENSORS], owns_after[IR_MAX_TENSORS];
    bool      guarded;
    uint32_t  gone, unplaced; /* bit sets: tensors without content; those whose pages were given up, or moved,
                                 since they were allocated */
} tensor_set;

/* STAGGER_B: host tensors begin an odd number of lines apart modulo 4 KiB, so that a store to one and a load
 * from another at the same index do not look like the same address to the load-store unit. */
enum { GUARD_B = 256, STAGGER_B = 17 * 64 };

/* Describe and allocate. guard: surround each tensor by GUARD_B pattern bytes and shift it by
 * `misalign`; memory the host cannot touch has them behind it only, and is not shifted. keep: take from and
 * give back to the cache of recent tensors. */
ir_status tensors_alloc(ir_dev *, const ir_workload *, const ir_params *, bool guard, size_t misalign,
                        bool keep, tensor_set *);
void      tensors_free(ir_dev *, tensor_set *, bool keep);
/* Seeded content into IN and INOUT tensors, NaN bytes into OUT ones; uploads where needed. */
ir_status tensors_fill(ir_dev *, const ir_workload *, const ir_params *, uint64_t seed, tensor_set *);
/* A kernel's prepare() consumed these tensors (bit set): before anything else reads them, tensors_restore()
 * fills them again. */
void tensors_consumed(tensor_set *, uint32_t which);
/* Let the kernel prepare the set that it is bound to, and note what it consumed. */
ir_status tensors_prepare(ir_run *, tensor_set *);
ir_status tensors_restore(ir_dev *, const ir_workload *, const ir_params *, uint64_t seed, tensor_set *);
/* Fetch results and hold them against the workload's oracle. */
ir_status tensors_check(ir_dev *, const ir_workload *, const ir_params *, uint64_t seed, tensor_set *,
                        ir_check *);
/* IR_ECHECK when a byte outside a tensor was written. */
ir_status tensors_guards(ir_dev *, const tensor_set *);
void      tensors_release(ir_dev *); /* give back the tensors kept for the next point */
double    tensors_bytes(const ir_workload *, const ir_params *); /* of one set, device side */
#endif
