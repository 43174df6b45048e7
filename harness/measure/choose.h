/* choose.h -- which form of a kernel (instruction set) measures a point. Private to harness/measure/. */
#ifndef IR_MEASURE_CHOOSE_H
#define IR_MEASURE_CHOOSE_H
#include "harness/measure/bind.h"
#include "harness/measure/tensors.h"

/* Let the device use the form in which this kernel computes this shape fastest: as decided before in this
 * process, else, where `pol` allows, by a trial on `set`, which it fills. Returns what choose_back() needs.
 * No form is ruled out by a failure in its trial: the proof that follows says what is wrong. */
int  choose_form(const ir_bound_kernel *, const ir_policy *pol, tensor_set *set);
void choose_back(const ir_dev *, int before);
/* Nothing more is known of this device. */
void choose_forget(const ir_dev *);
#endif
