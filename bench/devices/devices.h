/* devices.h -- machines one can predict for and compare: datasheets compiled in (bench/devices/devices.json)
 * and recorded machines by file, in one view. */
#ifndef BENCH_DEVICES_H
#define BENCH_DEVICES_H
#include "harness/law/law.h"
#include "harness/machine/machine.h"
#include "harness/record/record.h"

/* ---- datasheets ------------------------------------------------------------------------------ */
enum { DEVICE_MAX_ALIAS = 8, DEVICE_MAX_PEAK = 12, DEVICE_MAX_VIEWS = 16 };
typedef struct {
    const char *name, *kind;             /* kind: "datacenter_gpu", "laptop", "edge" ... */
    const char *alias[DEVICE_MAX_ALIAS]; /* NULL-terminated */
    struct {
        const char *name;
        double      v;
    } peak[DEVICE_MAX_PEAK]; /* flop/s or op/s by dtype, also "f64_matrix"; ends with NULL */
    double      bandwidth_Bps, capacity_B, tdp_W; /* NAN: not published */
    const char *provenance, *notes;               /* where each figure is from */
} device_sheet;
extern const device_sheet device_sheets[];
extern const size_t       device_nsheet;
double                    device_peak(const device_sheet *, ir_dtype); /* NAN: the sheet has none */
/* By name or alias, case does not count. A word for a class of machines ("laptop", "jetson-orin", "phone")
 * stands for one of them. NULL: ir_why() has the nearest name. */
const device_sheet *device_find(const char *name);
/* The i-th word for a class, and in *alias what it stands for; NULL: no more. */
const char *device_class(size_t i, const char **alias);

/* ---- views ----------------------------------------------------------------------------------- */
typedef struct {
    char                 name[96];          /* what the user called it, or the device's id in a record */
    char                 id[64];            /* of the device in its record; empty for a datasheet */
    char                 title[128];        /* full name */
    ir_source            source;            /* IR_SRC_DATASHEET or IR_SRC_MEASURED */
    const device_sheet  *sheet;             /* NULL: measured */
    ir_ceilings          ceilings;          /* owned; of this device alone */
    int                  threads;           /* what a point's threads = 0 means; 0 on GPUs and datasheets */
    double               capacity_B, llc_B; /* memory, last-level cache; NAN unknown */
    ir_fit               fit[2];            /* by form */
    bool                 has_fit[2];
    int                  better;  /* form with the smaller leave-one-family-out error; -1: no fit */
    const ir_energy_fit *energy;  /* as quality */
    const ir_quality    *quality; /* borrowed from the record; NULL: it has none, or a datasheet */
    ir_env               env;     /* borrowed from the record; empty for a datasheet */
    const ir_point      *point;
    size_t               npoint; /* owned array, samples borrowed; of this device */
} machine_view;
typedef struct {
    machine_view v[DEVICE_MAX_VIEWS];
    size_t       n;
    ir_record   *record;
    char       **file;    /* of each record; owned */
    size_t       nrecord; /* owned: what measured views borrow from */
} machine_views;
/* Add the view of a datasheet, or one view per device of a record file. A name is a datasheet first, then a
 * file. A record without ceilings, a file that is none, an unknown name: IR_EINVAL; a record without jansson:
 * IR_SKIP. */
ir_status machine_views_add(machine_views *, const char *name_or_file);
/* One view per device of a record file, also of those without ceilings: for what the run itself said. */
ir_status machine_views_add_run(machine_views *, const char *file);
/* Every item of a comma-separated list; a list that is a file's name as a whole is that file. */
ir_status machine_views_add_list(machine_views *, const char *list);
/* IR_EINVAL: the output would overwrite a record that a view is from. */
ir_status machine_views_apart(const machine_views *, const char *output);
void      machine_views_free(machine_views *); /* idempotent; start from {0} */
#endif
