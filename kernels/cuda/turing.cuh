/* turing.cuh -- the products of sm_80's m16n8k16 (f16) and m16n8k32 (i8) from the instructions sm_75 has. A
 * register of the large operands is one of the small ones: rows g and g + 8 alternate, halves of k follow.
 * Included by device.cuh and emulate.h behind cu_mma_f16_k8 and cu_mma_i8_m8k16. */
#ifndef CUDA_TURING_CUH
#define CUDA_TURING_CUH
CU_FN void cu_turing_f16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
{
    cu_mma_f16_k8(d, a[0], a[1], b[0]);
    cu_mma_f16_k8(d, a[2], a[3], b[1]);
}
CU_FN void cu_turing_i8(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
{
    cu_mma_i8_m8k16(d[0], d[1], a[0], b[0]);
    cu_mma_i8_m8k16(d[2], d[3], a[1], b[0]);
    cu_mma_i8_m8k16(d[0], d[1], a[2], b[1]);
    cu_mma_i8_m8k16(d[2], d[3], a[3], b[1]);
}
#endif
