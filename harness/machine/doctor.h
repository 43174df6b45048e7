/* doctor.h -- private to the doctor: what was looked at, and one function per finding. */
#ifndef IR_MACHINE_DOCTOR_H
#define IR_MACHINE_DOCTOR_H
#include "harness/machine/machine_internal.h"

typedef struct {
    const char    *root;
    ir_topology    topo;
    ir_env         env;
    ir_load_shares load; /* of a second in which we only looked */
    ir_user        user[IR_MAX_USERS];
    int            nuser;
} ir_checkup;

/* What the environment record says; "" and NAN unknown. */
const char *ir_checkup_text(const ir_checkup *, const char *key);
double      ir_checkup_num(const ir_checkup *, const char *key);
bool        ir_checkup_guest(const ir_checkup *); /* a virtual machine */

/* Each fills state and text, and fix where something can be done. */
__attribute__((format(printf, 2, 3))) void ir_finding_ok(ir_finding *, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void ir_finding_unknown(ir_finding *, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void ir_finding_fix(ir_finding *, const char *fix, const char *fmt,
                                                          ...);

typedef void (*ir_finding_fn)(const ir_checkup *, ir_finding *);
void ir_doctor_governor(const ir_checkup *, ir_finding *);
void ir_doctor_turbo(const ir_checkup *, ir_finding *);
void ir_doctor_smt(const ir_checkup *, ir_finding *);
void ir_doctor_power(const ir_checkup *, ir_finding *);
void ir_doctor_counters(const ir_checkup *, ir_finding *);
void ir_doctor_energy(const ir_checkup *, ir_finding *);
void ir_doctor_huge_pages(const ir_checkup *, ir_finding *);
void ir_doctor_numa(const ir_checkup *, ir_finding *);
void ir_doctor_quota(const ir_checkup *, ir_finding *);
void ir_doctor_memory(const ir_checkup *, ir_finding *);
void ir_doctor_cpuset(const ir_checkup *, ir_finding *);
void ir_doctor_clock_source(const ir_checkup *, ir_finding *);
void ir_doctor_variables(const ir_checkup *, ir_finding *);
void ir_doctor_steal(const ir_checkup *, ir_finding *);
void ir_doctor_load(const ir_checkup *, ir_finding *);
void ir_doctor_users(const ir_checkup *, ir_finding *);
void ir_doctor_gpu(const ir_checkup *, ir_finding *);
void ir_doctor_gpu_clocks(const ir_checkup *, ir_finding *);
#endif
