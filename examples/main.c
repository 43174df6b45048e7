/* main.c -- verifies the example's kernel on awkward shapes, then measures one point. Exit 0: it was right.
 */
#include "examples/reverse.h"
#include "harness/measure/measure.h"
#include "kernels/cpu/cpu.h"

#include <stdio.h>

static int failed(const char *what)
{
    fprintf(stderr, "example: %s: %s\n", what, ir_why());
    return 1;
}

static ir_status verify(ir_dev *dev)
{
    ir_status st = IR_OK;
    for (size_t i = 0; i < wl_reverse.nodd && st == IR_OK; i++)
        for (size_t misalign = 0; misalign < 8 && st == IR_OK; misalign += 4) {
            ir_check c;
            st = ir_verify(dev, &wl_reverse, &cpu_reverse_threads, &wl_reverse.odd[i], 1, misalign, &c);
        }
    return st;
}

int main(void)
{
    ir_dev dev = {0};
    if (cpu_backend.open(&dev, NULL) != IR_OK) return failed("open");
    if (verify(&dev) != IR_OK) return failed("verify");
    ir_policy quick;
    ir_policy_quick(&quick);
    ir_point  point;
    ir_status st = ir_measure(&dev, &wl_reverse, &cpu_reverse_threads, &wl_reverse.quick[0], &quick, &point);
    if (st != IR_OK) return failed("measure");
    const ir_cost cost = wl_reverse.cost(&wl_reverse, &wl_reverse.quick[0]);
    const double  T = ir_point_time(&point);
    printf("reverse/threads: %.3g ms, %.3g GB/s\n", T * 1e3, ir_cost_B(&cost) / T / 1e9);
    ir_point_free(&point);
    ir_measure_release(&dev);
    cpu_backend.close(&dev);
    return 0;
}
