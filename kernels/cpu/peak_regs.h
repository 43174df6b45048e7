/* peak_regs.h -- a macro applied to the numbers of 1 to 24 registers. For the sources of peak.h's loops. */
#ifndef CPU_PEAK_REGS_H
#define CPU_PEAK_REGS_H
#define R1(M)  M(0)
#define R2(M)  R1(M) M(1)
#define R4(M)  R2(M) M(2) M(3)
#define R8(M)  R4(M) M(4) M(5) M(6) M(7)
#define R10(M) R8(M) M(8) M(9)
#define R12(M) R10(M) M(10) M(11)
#define R16(M) R12(M) M(12) M(13) M(14) M(15)
#define R24(M) R16(M) M(16) M(17) M(18) M(19) M(20) M(21) M(22) M(23)
#endif
