/* record.h -- points to a JSON Lines journal and back, and to text. Format: docs/record.schema.json.
 *
 * The writer is our own (a bare GPU machine has no package registry); reading uses jansson and
 * answers IR_SKIP with a reason when built without it. */
#ifndef IR_RECORD_H
#define IR_RECORD_H
#include "harness/ironroof.h"
#include "harness/law/law.h"
#include "harness/machine/machine.h"
#include "harness/stats/stats.h"
#ifdef __cplusplus
extern "C" {
#endif
enum { IR_SCHEMA = 1, IR_EVIDENCE = 2048 /* bytes of a verdict's evidence: some twenty keys of points */ };
/* ---- verdict lines: one per question answered ------------------------------------------------ */
typedef struct {
    char   question[64]; /* "batch1", "summary" ... */
    char   device[64];
    char   answer[512];           /* one sentence: ir_summary_sentence() is the longest, of some 300 bytes */
    char   verdict[32];           /* "memory" "compute" "reproduced" ... */
    double p;                     /* probability or NAN */
    char   evidence[IR_EVIDENCE]; /* keys of the points it rests on, ';'-separated */
} ir_verdict;

/* One point kept up for minutes: what was made of its windows, and on writing the windows. */
typedef struct {
    char             device[64], key[IR_ID];
    double           window_s;
    ir_sustained     s;
    const ir_window *w; /* borrowed; a record that is read has none */
    size_t           n;
} ir_series;

/* ---- writing --------------------------------------------------------------------------------- */
typedef struct ir_journal ir_journal;
/* path "-": stdout. append: continue a journal (resume); a last line that a killed run left unfinished is cut
 * off, and a file that does not look like a record is refused. Every line is one write, nothing is buffered.
 */
ir_status ir_journal_open(const char *path, bool append, ir_journal **out);
/* Line by line like the one above, for a run. Refuses what is there and holds anything, but a record with
 * force: that stays until the first line beside header and machine is written. A file that another run writes
 * to is refused (here and above). fresh: no file may be there; *taken says that one is. */
ir_status ir_journal_start(const char *path, bool force, ir_journal **out);
ir_status ir_journal_fresh(const char *path, bool *taken, ir_journal **out);
/* A file that appears with its close, whole or not at all; refuses as ir_journal_start() does. */
ir_status ir_journal_whole(const char *path, bool force, ir_journal **out);
void ir_journal_measured(ir_journal *); /* such a file is kept whatever is missing beside what it holds */
bool ir_journal_is_file(const ir_journal *); /* a regular one: what stands there can be read again */
/* The lines of a record on disk, as they are: all of them; its headers; or the others that the journal (a
 * whole one) has not written anew (a point of the same key and device, a ceiling of the same kind ...). */
typedef enum { IR_TAKE_ALL, IR_TAKE_HEADERS, IR_TAKE_REST } ir_take;
ir_status ir_journal_take(ir_journal *, const char *path, ir_take);
enum { IR_UTC = 40 };
const char *ir_utc_now(char buf[IR_UTC]); /* ISO 8601, "2026-11-29T23:18:08Z" */
ir_status   ir_journal_header(ir_journal *, const char *version, const char *cost_model, int argc,
                              char **argv); /* started: now */
/* The same with the times given, as ir_utc_now() writes them; ended NULL: the record is not complete. */
ir_status ir_journal_header_times(ir_journal *, const char *version, const char *cost_model, int argc,
                                  char **argv, const char *started, const char *ended);
ir_status ir_journal_machine(ir_journal *, const ir_device_info *, const ir_env *);
ir_status ir_journal_ceiling(ir_journal *, const ir_ceiling *);
/* ir_ceilings.level_B and level_threads: one line "what":"capacity" per known level. Without it a refit knows
 * no cache levels. */
ir_status ir_journal_levels(ir_journal *, const char *device, const double level_B[IR_NLEVEL],
                            const double level_threads[IR_NLEVEL]);
ir_status ir_journal_point(ir_journal *, const ir_point *);
ir_status ir_journal_fit(ir_journal *, const ir_fit *);
ir_status ir_journal_verdict(ir_journal *, const ir_verdict *);
ir_status ir_journal_quality(ir_journal *, const ir_quality *);
ir_status ir_journal_energy_fit(ir_journal *, const ir_energy_fit *);
ir_status ir_journal_series(ir_journal *, const ir_series *);
/* Every call reports the first error so far (a full disk): nothing is written after it, and a line written
 * in part is taken back. close is idempotent and reports it too. */
ir_status ir_journal_close(ir_journal **);
ir_status ir_journal_sync(ir_journal *);     /* on the disk; reports the first error so far */
void      ir_journal_discard(ir_journal **); /* a whole file never appears; one begun here and empty goes */

/* ---- reading --------------------------------------------------------------------------------- */
typedef struct {
    int    schema;
    char   tool_version[32], started[IR_UTC], ended[IR_UTC], cost_model[32]; /* of the first header */
    size_t nheader; /* more than 1: a resumed run, or files put together */
    ir_env env;     /* of the machine lines, flat: "cpu_model", ...; the first to name a key wins */
    ir_device_info *device;
    size_t          ndevice; /* the same device described twice is kept once */
    ir_env *device_env; /* [ndevice]: what that device's own machine lines say, where env is all of them */
    /* [ndevice], NAN unknown: its own cache levels' capacities, and how many threads share one of each. */
    double (*device_level_B)[IR_NLEVEL], (*device_level_threads)[IR_NLEVEL];
    ir_ceilings    ceilings; /* of all devices; level_B: those of the first device that has any */
    ir_point      *point;
    size_t         npoint;
    ir_fit        *fit;
    size_t         nfit;
    ir_verdict    *verdict;
    size_t         nverdict;
    ir_quality    *quality;
    size_t         nquality; /* older records have none */
    ir_energy_fit *energy_fit;
    size_t         nenergy_fit;
    ir_series     *series;
    size_t         nseries;
    size_t         nline;
    bool           truncated; /* the last line was cut off: a killed run */
    bool           unbegun;   /* also after an error: nothing, or not even a whole header, is in it */
} ir_record;
/* Unknown fields and kinds of line are ignored, an unknown schema is refused. strict = false accepts one
 * cut-off last line. Error text: "FILE:LINE: field: what". path "-": stdin. After an error *out is empty.
 * check.oracle of a point is static text: it outlives the record. */
ir_status ir_record_read(const char *path, bool strict, ir_record *out);
ir_status ir_record_parse(const char *name, const char *text, size_t n, bool strict, ir_record *out);
void      ir_record_free(ir_record *);
/* How good the run of a device was; NULL: the record does not say. */
const ir_quality *ir_record_quality(const ir_record *, const char *device);

/* ---- text ------------------------------------------------------------------------------------ */
/* Where text goes (borrowed) and how: columns (0: 100), colours, characters beyond ASCII. */
typedef struct {
    FILE *f;
    int   width;
    bool  color, utf8;
} ir_text;
void ir_text_machine(const ir_text *, const ir_device_info *, const ir_env *);
/* Value and the gravest causes, at most `most`, in a paragraph. */
void ir_text_quality(const ir_text *, const ir_quality *, int most);
/* A line about an earlier run that others rest on, when it was not good; q may be NULL. */
void ir_text_past_quality(const ir_text *, const char *lead, const ir_quality *q);
void ir_text_ceilings(const ir_text *, const ir_ceilings *);
void ir_text_points(const ir_text *, const ir_point *, size_t n); /* table with verdicts */
void ir_text_fit(const ir_text *, const ir_fit fits[2], int better);
void ir_text_roofline(const ir_text *, const ir_ceilings *, const ir_point *, size_t n); /* a small plot */
/* Write out what is buffered; why the first such call of the process failed (errno; 0: none did). */
void ir_text_flush(FILE *);
int  ir_text_error(void);
/* "41.2 GB/s", "3.1 us", "220 GFLOP/s": 3 significant digits, decimal prefixes; "-" for NAN. */
const char *ir_text_scaled(double value, const char *unit, char *buf, size_t n);
#ifdef __cplusplus
}
#endif
#endif
