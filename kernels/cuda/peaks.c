/* peaks.c -- what the capability promises: multiply-accumulates per cycle and multiprocessor, dense, from the
 * CUDA C programming guide's table of arithmetic throughput and NVIDIA's architecture papers. Consumer parts
 * accumulate f16 in f32 at half the rate of data-centre parts of the same generation; the figure here is with
 * f32 accumulation. */
#include "kernels/cuda/cuda.h"

#include <math.h>

typedef struct {
    int    cc;
    double f64, f32, tf32, f16, bf16, f8, i8, i4;
} row; /* MAC per cycle and SM; 0: none */
static const row table[] = {
    {75, 2, 64, 0, 512, 0, 0, 1024, 2048},           /* Turing; GeForce: half of the f16 */
    {80, 64, 64, 512, 1024, 1024, 0, 2048, 4096},    /* A100: f64 on matrix units */
    {86, 2, 128, 128, 256, 256, 0, 1024, 2048},      /* GeForce Ampere */
    {87, 2, 128, 512, 1024, 1024, 0, 2048, 4096},    /* Orin: 85 dense TOP/s in i8 of 16 SMs at 1.3 GHz */
    {89, 2, 128, 256, 512, 512, 1024, 1024, 2048},   /* Ada (L40); GeForce: half of f16, bf16 */
    {90, 128, 128, 1024, 2048, 2048, 4096, 4096, 0}, /* H100: f64 on matrix units */
    {100, 64, 128, 2048, 4096, 4096, 8192, 8192, 0}, /* B200 */
    {120, 2, 128, 128, 256, 256, 512, 1024, 0}};     /* GeForce Blackwell; RTX PRO: twice from tf32 to f8 */

double cuda_peak_flops(int cc, int sms, double clock_Hz, ir_dtype t)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const row *r = &table[i];
        if (r->cc != cc) continue;
        const double mac[IR_NDTYPE] = {
            [IR_F64] = r->f64,   [IR_F32] = r->f32, [IR_TF32] = r->tf32, [IR_F16] = r->f16,
            [IR_BF16] = r->bf16, [IR_F8] = r->f8,   [IR_I8] = r->i8,     [IR_I4] = r->i4};
        return (unsigned)t < IR_NDTYPE && mac[t] > 0 ? 2 * mac[t] * sms * clock_Hz : NAN;
    }
    return NAN;
}
