/* export.h -- records in other tools' formats. Runs or comparisons in, one document out; pure but for the
 * stream.
 *
 * Formats of one value per point (bmf, gha, openmetrics, junit and markdown of runs, trace) show the newest
 * run; csv, tidy and otava all of them; gbench takes runs as repetitions. A process's own samples are never
 * offered as repetitions: tools would compute intervals from them that know nothing of the spread between
 * processes. */
#ifndef BENCH_GATE_EXPORT_H
#define BENCH_GATE_EXPORT_H
#include "bench/gate/runs.h"
#include "harness/record/comparison.h"

typedef enum {
    EXPORT_CSV,
    EXPORT_GBENCH,
    EXPORT_BMF,
    EXPORT_GHA,
    EXPORT_JUNIT,
    EXPORT_OPENMETRICS,
    EXPORT_OTAVA,
    EXPORT_MARKDOWN,
    EXPORT_TIDY_FORMAT,
    EXPORT_TRACE,
    EXPORT_NFORMAT
} export_format;
#define EXPORT_FORMATS "csv|gbench|bmf|gha|junit|openmetrics|otava|markdown|tidy|trace"
#define EXPORT_TIDY    "started,file,machine" /* how a table of tidy data begins */
enum { EXPORT_MAX_MARKDOWN = 1 << 20, EXPORT_MAX_ANNOTATIONS = 10 };
/* Exactly one of the two is non-empty. cmp: worst first (ab_sort()). IR_EINVAL: the format has no place for
 * comparisons. */
typedef struct {
    const run_files      *runs;
    const ir_comparisons *cmp;
} export_input;
ir_status   export_write(FILE *, export_format, const export_input *);
const char *export_mark(export_format,
                        const export_input *); /* what every file of the format begins with, nearly */
/* At most EXPORT_MAX_ANNOTATIONS lines of GitHub's workflow commands for what is red or broken, worst first.
 */
void export_annotations(FILE *, const export_input *);

/* ---- shared by export*.c --------------------------------------------------------------------- */
void export_json_text(FILE *, const char *);  /* with its quotes */
void export_json_number(FILE *, double);      /* null when not finite */
void export_csv_text(FILE *, const char *);   /* quoted where needed */
void export_label_text(FILE *, const char *); /* of OpenMetrics, without its quotes */
void export_markdown_text(FILE *, const char *);
void export_line(FILE *, const char *);     /* filtered, nothing escaped */
void export_xml_text(FILE *, const char *); /* control characters become spaces */
/* ok | skipped | broken | red | open: what a verdict or a status is to a test runner. */
typedef enum { EXPORT_OK, EXPORT_SKIPPED, EXPORT_BROKEN, EXPORT_RED } export_class;
export_class export_class_of_point(const ir_point *);
export_class export_class_of_verdict(const char *verdict);
ir_status    export_csv(FILE *, const export_input *);
ir_status    export_otava(FILE *, const export_input *);
ir_status    export_gbench(FILE *, const export_input *);
ir_status    export_bmf(FILE *, const export_input *);
ir_status    export_gha(FILE *, const export_input *);
ir_status    export_junit(FILE *, const export_input *);
ir_status    export_openmetrics(FILE *, const export_input *);
ir_status    export_markdown(FILE *, const export_input *);
ir_status    export_tidy(FILE *, const export_input *);
ir_status    export_trace(FILE *, const export_input *);
#endif
