/* energy.h -- what this machine says of its energy: counters of joules and readings of watts, found below a
 * root directory and kept open, so that a reading is one pread() a domain. */
#ifndef IR_MACHINE_ENERGY_H
#define IR_MACHINE_ENERGY_H
#include "harness/ironroof.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { IR_MAX_DOMAINS = 24 };
/* counter: joules since some time, without wraps; else watts of the moment. beside: not part of the sum (what
 * it measures is in none of the others' either: DRAM of a server). */
typedef struct {
    char name[32];
    bool counter, beside;
} ir_domain;
/* How files are reached, so that a test can refuse one. open: a descriptor, or -1 with errno; read: at offset
 * 0, bytes or -1. NULL in its place: the system's. */
typedef struct {
    int (*open)(const char *path);
    long (*read)(int fd, char *buf, size_t cap);
} ir_file_calls;

typedef struct ir_meter ir_meter;
/* The best source there is: powercap packages, then INA sensors of a Jetson, then power meters of a server.
 * scope(): "packages", "board"; source(): "powercap", "ina3221" ... IR_SKIP: none, and ir_why() says in one
 * line why and what to do. */
ir_status   ir_meter_open(const char *root, const ir_file_calls *, ir_meter **out);
void        ir_meter_close(ir_meter **); /* idempotent */
int         ir_meter_domains(const ir_meter *, const ir_domain **out);
const char *ir_meter_scope(const ir_meter *);
const char *ir_meter_source(const ir_meter *);
/* Sum over the domains that are not beside: J of counters, W of the others; NAN what there is none of, or
 * could not be read. each: every domain's own value [IR_MAX_DOMAINS]; NULL: not wanted. A counter that went
 * round without a known range is unknown from then on. */
void ir_meter_read(ir_meter *, double *J, double *W, double *each);
/* Every source on this machine, one a line: what it is, whether it can be read, and what to do. */
typedef struct {
    char name[32];
    bool yes;
    char text[200];
} ir_source_line;
int ir_meter_sources(const char *root, const ir_file_calls *, ir_source_line *out, int max);
#ifdef __cplusplus
}
#endif
#endif
