/* cli.h -- the command line: options, axis lists, point syntax, filter, suggestions, generated help.
 *
 * Knows nothing of devices, kernels or records: workloads reach it as a NULL-terminated table, commands as
 * an array that ends with a NULL name. Every refusal is one line in ir_why() that names what and where.
 * Texts of options and arguments are borrowed from argv. */
#ifndef BENCH_CLI_H
#define BENCH_CLI_H
#include "harness/ironroof.h"

#include <regex.h>

/* ---- numbers and lists ----------------------------------------------------------------------------
 * Integer: [-+]digits[.digits][e[+]digits][suffix]; the value must come out whole. Suffixes: K M G T =
 * 10^3..10^12, Ki Mi Gi Ti = 2^10..2^40, each with or without a B. List: items joined by commas; an item is
 * an integer or a range: 1-8 or 1..8 (step 1), 1-9+2 (step 2), 1-64*2 (times 2; the factor may be fractional,
 * values are rounded). The end of a range is included only when a step hits it. A value given twice is kept
 * once. */
enum {
    CLI_NAME = 200,
    CLI_MAX_AXIS = 4096,
    CLI_MAX_POINTS = 100000,
    CLI_MAX_NAMES = 8,
    CLI_MAX_THREADS = 65536
};
typedef struct {
    int64_t *v;
    size_t   n;
} cli_axis; /* owned; {0} is empty; cli_axis_free() */
typedef struct {
    ir_dtype v[IR_NDTYPE];
    size_t   n;
    uint32_t set;
} cli_dtypes; /* order given, each once */
typedef struct {
    char   v[CLI_MAX_NAMES][CLI_NAME];
    size_t n;
} cli_names;
typedef enum {
    CLI_NUMBER,
    CLI_SHARE,
    CLI_SECONDS
} cli_unit; /* CLI_SHARE: 0.01 or 1%; CLI_SECONDS: 2, 500ms, 1min */
ir_status cli_int_parse(const char *s, int64_t *out);
ir_status cli_real_parse(const char *s, cli_unit unit, double *out);
/* Append to *out what is not in it yet; every value must lie in [lo, hi]. On an error *out is as before. */
ir_status cli_axis_parse(const char *s, int64_t lo, int64_t hi, cli_axis *out);
ir_status cli_dtypes_parse(const char *s, cli_dtypes *out);
ir_status cli_names_parse(const char *s, cli_names *out);
void      cli_axis_free(cli_axis *); /* idempotent */

/* ---- names ----------------------------------------------------------------------------------- */
/* The candidate most like `given` (a candidate it begins first, then the least edit distance), or NULL when
 * none is close. */
const char *cli_near(const char *given, const char *const *names, size_t n);
/* Index of `given` among the names; else IR_EINVAL: "unknown KIND 'x'; did you mean 'y'? Known: ...". */
ir_status cli_choose(const char *kind, const char *given, const char *const *names, size_t n, size_t *out);

/* ---- options ------------------------------------------------------------------------------------------
 * One table describes the shared options (options.c); a command adds its own. --help is printed from both.
 * Scalars: the last one given counts. Lists: values given later are appended. */
typedef enum {
    CLI_FLAG,   /* bool */
    CLI_BITS,   /* unsigned; sets `bit` */
    CLI_INT,    /* int64_t in [lo, hi] */
    CLI_REAL,   /* double in [lo, hi], in `unit` */
    CLI_TEXT,   /* const char *, borrowed from argv, not empty */
    CLI_ENUM,   /* int: index into `choices` */
    CLI_AXIS,   /* cli_axis with values in [lo, hi] */
    CLI_DTYPES, /* cli_dtypes */
    CLI_NAMES,  /* cli_names */
    CLI_REGEX   /* cli_filter */
} cli_type;
typedef struct {
    const char *name;   /* "batch" for --batch; NULL ends a table */
    char        letter; /* 'o' for -o, or 0 */
    cli_type    type;
    const char *meta; /* what stands for the value in --help; NULL with CLI_ENUM: the choices */
    const char *help;
    size_t      offset; /* of the field in cli_options, or in the command's own struct */
    uint32_t    set;    /* CLI_SET_ bit; own options: 0 */
    bool        loose;  /* with implied and choices: a following word that is one of them is the value */
    double      lo, hi; /* both 0: any value */
    cli_unit    unit;
    unsigned    bit;
    const char *choices; /* "quick|full" */
    const char *implied; /* value of a bare --name (then only --name=value gives one); NULL: must be given */
} cli_option;
enum { /* which shared options a command takes */
       CLI_SET_DTYPE = 1u << 0,
       CLI_SET_BATCH = 1u << 1,
       CLI_SET_PROFILE = 1u << 2,
       CLI_SET_THREADS = 1u << 3,
       CLI_SET_FILTER = 1u << 4,
       CLI_SET_WHERE = 1u << 5,   /* backend device */
       CLI_SET_HOST = 1u << 6,    /* isa pin pages */
       CLI_SET_TIMING = 1u << 7,  /* precision budget warmup seed samples inject wait-idle */
       CLI_SET_CACHE = 1u << 8,   /* hot cold */
       CLI_SET_RUN = 1u << 9,     /* ceilings dry-run layers prove detail */
       CLI_SET_FILES = 1u << 10,  /* resume timeout no-report */
       CLI_SET_OUTPUT = 1u << 11, /* o force */
       CLI_SET_QUIET = 1u << 12,
       CLI_SET_COLOR = 1u << 13,
       CLI_SET_NODES = 1u << 14, /* nodes */
       CLI_SET_MEASURE = (1u << 14) - 1,
       CLI_SET_TERMINAL = CLI_SET_QUIET | CLI_SET_COLOR,
       CLI_SET_POINTS = CLI_SET_DTYPE | CLI_SET_BATCH,
       CLI_SET_SCOPE = CLI_SET_PROFILE | CLI_SET_THREADS | CLI_SET_FILTER,
       CLI_SET_GRID = CLI_SET_POINTS | CLI_SET_SCOPE, /* what a list of points is made of */
       CLI_SET_RUN_ONLY = CLI_SET_RUN | CLI_SET_FILES /* what only a run that leaves a report has */
};
typedef struct {
    const char *text;
    regex_t     re;
} cli_filter; /* text NULL: none */
enum { CLI_QUICK, CLI_FULL };
enum { CLI_HOT = 1u << 0, CLI_COLD = 1u << 1 };
enum { CLI_PIN_CORE, CLI_PIN_NONE };
enum { CLI_PAGES_DEFAULT, CLI_PAGES_HUGE, CLI_PAGES_SMALL };
enum { CLI_ENERGY_AUTO, CLI_ENERGY_ON, CLI_ENERGY_OFF };
enum { CLI_COLOR_AUTO, CLI_COLOR_ALWAYS, CLI_COLOR_NEVER };
typedef struct {
    int         profile;        /* CLI_QUICK, CLI_FULL */
    cli_dtypes  dtypes;         /* empty: what grid and defaults say */
    cli_axis    batch, threads; /* empty: likewise */
    cli_filter  filter;
    cli_names   backends; /* empty: all; not checked against any table */
    const char *model;    /* key=value,... over the described machine; NULL: none */
    const char *device;   /* index or name; NULL: the first */
    const char *isa;      /* names, by commas; NULL: the backend's choice */
    int         pin, pages;
    bool        crowd;                         /* not an option: set by a command that times nothing */
    double      precision, budget_s, warmup_s; /* NAN: the profile's */
    double      timeout_s;                     /* NAN: none */
    unsigned    cache;                         /* CLI_HOT | CLI_COLD; CLI_HOT when neither was asked for */
    int64_t     seed;                          /* >= 0; -1: not given */
    int64_t     samples;                       /* > 0: exactly so many; 0: the stopping rule */
    double      wait_idle_s;                   /* wait so long for other processes to leave; NAN: do not */
    int64_t     nodes;                         /* of a cluster; 0: not given */
    double      inject;                        /* > 0: every timed call takes this share longer */
    const char *output, *resume;               /* output "-": stdout */
    const char *ceilings;                      /* "none", or a record to take them from; NULL: measure */
    const char *layers;                        /* "all", or numbers; NULL: no rows per layer */
    cli_filter  prove;    /* text NULL: do not; "": whatever the run chooses; else points whose key matches */
    const char *counters; /* "": all; else names or a group; NULL: count nothing */
    int         energy;   /* CLI_ENERGY_AUTO ... */
    int64_t     memory_node; /* -1: where the threads put them */
    double      sustain_s;   /* keep each point up for so long; NAN: do not */
    bool        no_report, dry_run, quiet, detail, force;
    int         color;
} cli_options;
void cli_options_init(cli_options *);
void cli_options_free(cli_options *); /* idempotent */
/* "model:FILE" is backend "model" with a file: its name into `name`; returns the file, NULL: none was given.
 */
const char *cli_backend_file(const char *given, char name[IR_NAME]);
/* Colour on this stream? auto: a terminal, and neither NO_COLOR nor TERM=dumb is set. */
bool cli_color(const cli_options *, FILE *);
/* NULL when --filter was not given: everything matches. */
const regex_t *cli_filter_regex(const cli_options *);
/* POSIX extended, searched for in "backend/workload/variant". */
ir_status cli_filter_parse(const char *s, cli_filter *out);
bool cli_filter_match(const cli_filter *, const char *backend, const char *workload, const char *variant);
void cli_filter_free(cli_filter *); /* idempotent */

/* ---- commands -------------------------------------------------------------------------------- */
typedef struct cli_args cli_args;
/* Where `when` holds, the options named, and those of the sets, would change nothing: they are refused. */
typedef struct {
    const char *options; /* "precision budget"; NULL: none */
    uint32_t    sets;    /* CLI_SET_ bits of shared options */
    bool (*when)(const cli_args *);
    const char *why; /* NULL ends a table */
} cli_rule;
typedef struct {
    const char       *name, *summary; /* NULL name ends the table */
    const char       *usage;          /* what follows the name: "FILE..." */
    const char       *about; /* more for --help; lines that begin with a space stay as they are; NULL: none */
    uint32_t          sets;  /* CLI_SET_ bits */
    const cli_option *own;   /* its own options, ended by a NULL name; NULL: none */
    const void       *own_init; /* its own struct's initial content (own_size bytes); NULL: zeros */
    size_t            own_size;
    int               min_args, max_args; /* positional arguments; max_args -1: any number */
    int (*main)(const cli_args *);        /* returns the exit code */
    const cli_rule *rules;                /* NULL: none */
    bool            hidden;               /* for scripts: neither listed nor suggested */
} cli_command;
typedef enum { CLI_RUN, CLI_HELP, CLI_HELP_ALL, CLI_VERSION } cli_action;
struct cli_args {
    const cli_command *command; /* NULL with CLI_HELP_ALL, and CLI_VERSION: the table has no `version` */
    cli_action         action;
    cli_options        opt;
    void              *own; /* the command's own options; NULL: it has none */
    const char       **arg;
    size_t             narg; /* positional; the array is owned */
    const cli_option **given;
    size_t             ngiven; /* the options in the order given; the array is owned */
    int                argc;
    char *const       *argv;     /* as given */
    const cli_command *commands; /* the table */
};
const cli_command *cli_command_find(const cli_command *,
                                    const char *name); /* NULL: ir_why() has a suggestion */
/* argv[1] names the command; without one it is `run`. On an error *out needs no freeing. */
ir_status cli_parse(const cli_command *, int argc, char *const *argv, cli_args *out);
void      cli_args_free(cli_args *); /* idempotent */
bool      cli_given(const cli_args *, const char *name);
/* --device: a number, else *named. Without one *index is 0. IR_EINVAL: a number that is no device. */
ir_status cli_device_index(const char *s, int *index, bool *named);
/* Parse, then print help or call the command; a refusal is printed to stderr and gives 2. */
int  cli_main(const cli_command *, int argc, char *const *argv);
void cli_help(FILE *, const cli_command *);     /* one command's --help, 80 columns */
void cli_help_all(FILE *, const cli_command *); /* ironroof --help */
/* The same as manual pages, roff with man's macros: of one command, and of the program. date: "2026-11-30".
 */
void cli_manual(FILE *, const cli_command *, const char *date);
void cli_manual_all(FILE *, const cli_command *, const char *date);
/* The n-th option a command takes: its own first, then the shared ones of its sets; NULL: no more. own may be
 * NULL. */
const cli_option *cli_option_at(const cli_command *, size_t n, bool *own);
/* By long name (`n` characters), or by letter when n is 0; NULL: it takes no such option. */
const cli_option *cli_option_find(const cli_command *, const char *name, size_t n, char letter, bool *own);
bool              cli_option_takes_value(const cli_option *);
const char       *cli_option_meta(const cli_option *); /* what stands for its value in messages and help */
const cli_option *cli_shared_options(void);            /* ended by a NULL name */

/* ---- points -----------------------------------------------------------------------------------------------
 * NAME[:key=list[,key=list...]]; NAME is a workload or a family (all of it, in table order). Keys are the
 * workload's parameters, `dtype` and `threads`. Without a key: the profile's grid (defaults if that is
 * empty); with one: defaults, and the keys. --dtype, --threads and --batch replace what no key says. Order:
 * as named; within a workload grid order, then the first parameter slowest, dtype, threads fastest. */
typedef struct {
    const ir_workload *workload;
    ir_params          p;
} cli_point;
typedef struct {
    cli_point *v;
    size_t     n;           /* owned; each point once */
    bool       unnamed;     /* no workload was named: the profile's grid of each */
    size_t     left_out;    /* combinations of grid and options that a workload cannot do */
    char       why[IR_WHY]; /* the first one's reason */
} cli_points;
/* narg 0: every workload of the table. IR_OK implies n > 0; on an error *out needs no freeing. */
ir_status cli_points_expand(const ir_workload *const *table, const char *const *arg, size_t narg,
                            const cli_options *, cli_points *out);
void      cli_points_free(cli_points *); /* idempotent */
/* "m=64,n=64"; cut off at `size`. Both return buf. */
char *cli_params_text(const ir_workload *, const ir_params *, char *buf, size_t size);
/* "gemm:m=64,n=64,dtype=f32,threads=2" (threads only when not 0): parses back to the same point. */
char *cli_point_text(const ir_workload *, const ir_params *, char *buf, size_t size);
#endif
