/* launch.h -- starting a fleet's agents through an engine that is there: Slurm, MPI, pdsh, or this machine
 * alone. */
#ifndef BENCH_FLEET_LAUNCH_H
#define BENCH_FLEET_LAUNCH_H
#include "bench/fleet/fleet.h"

typedef enum { FLEET_AUTO, FLEET_SLURM, FLEET_MPI, FLEET_PDSH, FLEET_LOCAL, FLEET_NENGINE } fleet_engine;
#define FLEET_ENGINES "auto|slurm|mpi|pdsh|local"
const char *fleet_engine_name(fleet_engine);
/* auto: slurm where srun is in PATH and sinfo answers, else pdsh, else mpirun. IR_EINVAL: it is not here. */
ir_status fleet_engine_choose(fleet_engine asked, fleet_engine *out);

typedef struct {
    char (*v)[IR_FLEET_NAME];
    size_t n;
} fleet_names; /* owned */
/* "a,b[1-3,7],c[01-12]x" in order. IR_EINVAL: an empty list, a name twice, a bracket that is not closed, a
 * name too long. */
ir_status fleet_names_parse(const char *list, fleet_names *out);
/* LIST as above; "all", "idle": what Slurm has; "sample:N": so many random idle ones; a bare number with
 * local: so many times this machine. *down: those that the engine says cannot answer. */
ir_status fleet_names_find(fleet_engine, const char *list, fleet_names *out, fleet_names *down);
void      fleet_names_free(fleet_names *);

/* Start `program args` once on every node named, at most at_once at a time (0: all), and wait for its end or
 * the deadline. An engine's exit code means little (docs/fleet.md): only what lies in the folder counts.
 * said: the end of what it wrote to standard error. program must not hold quotes. */
enum { FLEET_EACH = 64 }; /* up to so many nodes Slurm starts each by itself */
typedef struct {
    fleet_engine engine;
    const char  *engine_args; /* more words for the engine; NULL: none */
    size_t       at_once;
    double       deadline_s;
    bool         mpi;     /* one MPI job over all of them, not one process each */
    char         pmi[16]; /* of such a job: what Slurm must speak, unless engine_args say; empty: pmix */
    bool         frames;  /* nodes see no folder of ours: what they write comes back, labelled by line */
    char         said[400];
    int          code; /* the engine's exit code; -1: it had to be ended */
    char        *out;  /* with frames: standard output of the last fleet_launch(); owned */
    size_t       n;
} fleet_launcher;
ir_status fleet_launch(fleet_launcher *, const fleet_names *, char *const *args, size_t narg);
void      fleet_launcher_free(fleet_launcher *); /* idempotent */
#endif
