/* options.c -- the table of shared options, and how one option's text becomes its field. */
#define _GNU_SOURCE
#include "bench/cli/cli_internal.h"
#include "harness/pattern.h"
#include "harness/screen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT(field) .offset = offsetof(cli_options, field)
static const cli_option shared[] = {
    {"profile", 0, CLI_ENUM, NULL, "the grid of points and how long each is sampled (quick)", AT(profile),
     .set = CLI_SET_PROFILE, .choices = "quick|full"},
    {"dtype", 0, CLI_DTYPES, "LIST", "element types: f64 f32 tf32 f16 bf16 f8 i8 i4", AT(dtypes),
     .set = CLI_SET_DTYPE},
    {"batch", 0, CLI_AXIS, "LIST", "batch sizes, 1,2,4 or 1-64*2, for workloads that have a batch", AT(batch),
     .set = CLI_SET_BATCH, .lo = 1, .hi = 0x1p53},
    {"threads", 0, CLI_AXIS, "LIST", "host threads, 2 or 1,2,4 or 1-8*2 (all that may be used)", AT(threads),
     .set = CLI_SET_THREADS, .lo = 1, .hi = CLI_MAX_THREADS},
    {"filter", 0, CLI_REGEX, "REGEX", "only kernels whose backend/workload/variant contains a match",
     AT(filter), .set = CLI_SET_FILTER},
    {"backend", 0, CLI_NAMES, "LIST",
     "backends: see 'ironroof list backends' (all); model:FILE: a described machine", AT(backends),
     .set = CLI_SET_WHERE},
    {"model", 0, CLI_TEXT, "KEY=VALUE,...", "figures of the described machine: see 'ironroof list model'",
     AT(model), .set = CLI_SET_WHERE},
    {"device", 0, CLI_TEXT, "N|NAME", "device: see 'ironroof list devices' (each backend's first)",
     AT(device), .set = CLI_SET_WHERE},
    {"isa", 0, CLI_TEXT, "LIST",
     "instruction set of the CPU kernels, or those to choose from by measuring (wide ones)", AT(isa),
     .set = CLI_SET_HOST},
    {"pin", 0, CLI_ENUM, NULL, "one thread per core, each pinned to it, or left to the system (core)",
     AT(pin), .set = CLI_SET_HOST, .choices = "core|none"},
    {"pages", 0, CLI_ENUM, NULL, "pages under the tensors (default: as the system does it)", AT(pages),
     .set = CLI_SET_HOST, .choices = "default|huge|small"},
    {"precision", 0, CLI_REAL, "SHARE", "stop when the median's 95 % interval is this narrow, 0.01 or 1%",
     AT(precision), .set = CLI_SET_TIMING, .lo = 1e-5, .hi = 0.5, .unit = CLI_SHARE},
    {"budget", 0, CLI_REAL, "TIME", "sample a point for at most this long, 10 or 500ms", AT(budget_s),
     .set = CLI_SET_TIMING, .lo = 1e-3, .hi = 86400, .unit = CLI_SECONDS},
    {"warmup", 0, CLI_REAL, "TIME", "warm up for at least this long", AT(warmup_s), .set = CLI_SET_TIMING,
     .lo = 0, .hi = 3600, .unit = CLI_SECONDS},
    {"hot", 0, CLI_BITS, NULL, "rerun on the same buffers (this is the default)", AT(cache),
     .set = CLI_SET_CACHE, .bit = CLI_HOT},
    {"cold", 0, CLI_BITS, NULL, "rotate through buffers larger than the caches; with --hot: both", AT(cache),
     .set = CLI_SET_CACHE, .bit = CLI_COLD},
    {"seed", 0, CLI_INT, "N", "of the inputs' content and of every shuffle", AT(seed), .set = CLI_SET_TIMING,
     .lo = 0, .hi = 0x1p63},
    {"samples", 0, CLI_INT, "N",
     "exactly so many samples a point, no probes of the machine: one process of a comparison", AT(samples),
     .set = CLI_SET_TIMING, .lo = 1, .hi = 1000000},
    {"inject", 0, CLI_REAL, "SHARE",
     "make every timed call this much slower, 0.05 or 5%: tests what a gate can see", AT(inject),
     .set = CLI_SET_TIMING, .lo = 0, .hi = 10, .unit = CLI_SHARE},
    {"wait-idle", 0, CLI_REAL, "TIME",
     "first wait, at most so long, until other processes leave the CPUs; exit code 3 if they do not",
     AT(wait_idle_s), .set = CLI_SET_TIMING, .lo = 0, .hi = 86400, .unit = CLI_SECONDS},
    {"nodes", 0, CLI_INT, "N", "how many nodes of a cluster", AT(nodes), .set = CLI_SET_NODES, .lo = 1,
     .hi = 1000000},
    {"ceilings", 0, CLI_TEXT, "FILE|none",
     "take the ceilings from this record of the same machine, or judge without any", AT(ceilings),
     .set = CLI_SET_RUN},
    {"timeout", 0, CLI_REAL, "TIME",
     "give up a point that takes longer than this: its row says so, and the run goes on behind it",
     AT(timeout_s), .set = CLI_SET_FILES, .lo = 1e-3, .hi = 86400, .unit = CLI_SECONDS},
    {"resume", 0, CLI_TEXT, "FILE", "continue the run recorded there; what it has is not measured again",
     AT(resume), .set = CLI_SET_FILES},
    {"no-report", 0, CLI_FLAG, NULL, "write no report beside the results", AT(no_report),
     .set = CLI_SET_FILES},
    {"detail", 0, CLI_FLAG, NULL,
     "also print every table: ceilings, points, law (the text file has them anyway)", AT(detail),
     .set = CLI_SET_RUN},
    {"memory-node", 0, CLI_INT, "N",
     "put the tensors on this memory node; 0: the first thread's own (where the threads put them)",
     AT(memory_node), .set = CLI_SET_RUN, .lo = 0, .hi = 1023},
    {"dry-run", 0, CLI_FLAG, NULL, "print the points and stop", AT(dry_run), .set = CLI_SET_RUN},
    {"layers", 0, CLI_TEXT, "LIST", "networks: a row per layer as well, or for these layers, 0,3 or 1-5",
     AT(layers), .set = CLI_SET_RUN, .implied = "all"},
    {"prove", 0, CLI_REGEX, "REGEX",
     "then test the labels by intervention: the best points, or those whose key contains a match", AT(prove),
     .set = CLI_SET_RUN, .implied = ""},
    {"counters", 0, CLI_TEXT, "LIST|GROUP",
     "also count: dram,flops,l2,l3,clock (all), energy, or a group of likwid's; see 'list counters'",
     AT(counters), .set = CLI_SET_RUN, .implied = "all"},
    {"energy", 0, CLI_ENUM, NULL, "joules of every call; auto: where counters are quick to read", AT(energy),
     .set = CLI_SET_RUN, .choices = "auto|on|off", .implied = "on", .loose = true},
    {"sustain", 0, CLI_REAL, "TIME",
     "then keep the best kernel of each point named up for so long: peak, what is left, and why",
     AT(sustain_s), .set = CLI_SET_RUN, .lo = 4, .hi = 86400, .unit = CLI_SECONDS},
    {"output", 'o', CLI_TEXT, "FILE",
     "where the results go; '-': standard output, tables then go to standard error", AT(output),
     .set = CLI_SET_OUTPUT},
    {"force", 0, CLI_FLAG, NULL, "with -o: a record that is there is replaced", AT(force),
     .set = CLI_SET_OUTPUT},
    {"quiet", 0, CLI_FLAG, NULL, "no progress, no remarks; results and errors only", AT(quiet),
     .set = CLI_SET_QUIET},
    {"color", 0, CLI_ENUM, NULL, "auto: on a terminal, unless NO_COLOR is set", AT(color),
     .set = CLI_SET_COLOR, .choices = "auto|always|never", .implied = "always", .loose = true},
    {0}};

const cli_option *cli_shared_options(void) { return shared; }

void cli_options_init(cli_options *o)
{
    memset(o, 0, sizeof *o);
    o->precision = o->budget_s = o->warmup_s = o->wait_idle_s = o->timeout_s = o->sustain_s = NAN;
    o->seed = o->memory_node = -1;
}

void cli_options_free(cli_options *o)
{
    cli_axis_free(&o->batch);
    cli_axis_free(&o->threads);
    cli_filter_free(&o->filter);
    cli_filter_free(&o->prove);
}

const char *cli_backend_file(const char *given, char name[IR_NAME])
{
    size_t n = strcspn(given, ":");
    snprintf(name, IR_NAME, "%.*s", (int)(n < IR_NAME ? n : IR_NAME), given);
    return given[n] && given[n + 1] ? given + n + 1 : NULL;
}

bool cli_color(const cli_options *o, FILE *f)
{
    if (o->color != CLI_COLOR_AUTO) return o->color == CLI_COLOR_ALWAYS;
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(ir_screen_fd(f)) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

/* ---- filter ---------------------------------------------------------------------------------- */
ir_status cli_filter_parse(const char *s, cli_filter *out)
{
    cli_filter f = {.text = s};
    ir_status  st = ir_pattern_compile(s, &f.re);
    if (st != IR_OK) return st;
    cli_filter_free(out);
    *out = f;
    return IR_OK;
}

void cli_filter_free(cli_filter *f)
{
    if (f->text) regfree(&f->re);
    f->text = NULL;
}

bool cli_filter_match(const cli_filter *f, const char *backend, const char *workload, const char *variant)
{
    char id[3 * IR_NAME + 4];
    if (!f->text) return true;
    snprintf(id, sizeof id, "%s/%s/%s", backend, workload, variant);
    return ir_pattern_found(&f->re, id);
}

const regex_t *cli_filter_regex(const cli_options *o) { return o->filter.text ? &o->filter.re : NULL; }

/* ---- one value into its field ---------------------------------------------------------------- */
static bool limited(const cli_option *o) { return o->lo < o->hi; }

static ir_status out_of_range(const cli_option *o, const char *s)
{
    if (o->hi >= 0x1p53) return ir_fail(IR_EINVAL, "'%.60s' is out of range (%g or more)", s, o->lo);
    return ir_fail(IR_EINVAL, "'%.60s' is out of range (%g to %g%s)", s, o->lo, o->hi,
                   o->unit == CLI_SECONDS ? " s" : "");
}

static ir_status set_flag(const cli_option *o, const char *s, void *field)
{
    (void)o, (void)s;
    *(bool *)field = true;
    return IR_OK;
}

static ir_status set_bits(const cli_option *o, const char *s, void *field)
{
    (void)s;
    *(unsigned *)field |= o->bit;
    return IR_OK;
}

static ir_status set_int(const cli_option *o, const char *s, void *field)
{
    int64_t   v = 0;
    ir_status st = cli_int_parse(s, &v);
    if (st != IR_OK) return st;
    if (limited(o) && ((double)v < o->lo || (double)v > o->hi)) return out_of_range(o, s);
    *(int64_t *)field = v;
    return IR_OK;
}

static ir_status set_real(const cli_option *o, const char *s, void *field)
{
    double    v = NAN;
    ir_status st = cli_real_parse(s, o->unit, &v);
    if (st != IR_OK) return st;
    if (limited(o) && !(v >= o->lo && v <= o->hi)) return out_of_range(o, s);
    *(double *)field = v;
    return IR_OK;
}

static ir_status options_set_text(const cli_option *o, const char *s, void *field)
{
    if (!*s) return ir_fail(IR_EINVAL, "the value is empty (%s expected)", o->meta);
    *(const char **)field = s;
    return IR_OK;
}

static ir_status set_enum(const cli_option *o, const char *s, void *field)
{
    enum { MOST = 16 };
    char        text[160];
    const char *names[MOST];
    size_t      n = 0, which = 0;
    snprintf(text, sizeof text, "%s", o->choices);
    for (char *p = text; p && n < MOST; n++) names[n] = strsep(&p, "|");
    ir_status st = cli_choose("value", s, names, n, &which);
    if (st == IR_OK) *(int *)field = (int)which;
    return st;
}

static ir_status set_axis(const cli_option *o, const char *s, void *field)
{
    int64_t lo = limited(o) ? (int64_t)o->lo : INT64_MIN;
    int64_t hi = limited(o) && o->hi < 0x1p53 ? (int64_t)o->hi : INT64_MAX;
    return cli_axis_parse(s, lo, hi, field);
}

static ir_status options_set_dtypes(const cli_option *o, const char *s, void *field)
{
    (void)o;
    return cli_dtypes_parse(s, field);
}

static ir_status set_names(const cli_option *o, const char *s, void *field)
{
    (void)o;
    return cli_names_parse(s, field);
}

static ir_status set_regex(const cli_option *o, const char *s, void *field)
{
    (void)o;
    return cli_filter_parse(s, field);
}

ir_status cli_option_set(const cli_option *o, const char *s, void *base)
{
    static ir_status (*const set[])(const cli_option *, const char *, void *) = {
        [CLI_FLAG] = set_flag,         [CLI_BITS] = set_bits,
        [CLI_INT] = set_int,           [CLI_REAL] = set_real,
        [CLI_TEXT] = options_set_text, [CLI_ENUM] = set_enum,
        [CLI_AXIS] = set_axis,         [CLI_DTYPES] = options_set_dtypes,
        [CLI_NAMES] = set_names,       [CLI_REGEX] = set_regex};
    ir_status st = set[o->type](o, s, (char *)base + o->offset);
    return st == IR_OK ? st : ir_fail(st, "option '--%s': %s", o->name, ir_why());
}

bool cli_option_takes_value(const cli_option *o) { return o->type != CLI_FLAG && o->type != CLI_BITS; }

const char *cli_option_meta(const cli_option *o) { return o->meta ? o->meta : o->choices; }

const cli_option *cli_option_at(const cli_command *c, size_t n, bool *own)
{
    if (own) *own = true;
    for (const cli_option *o = c->own; o && o->name; o++)
        if (n-- == 0) return o;
    if (own) *own = false;
    for (const cli_option *o = cli_shared_options(); o->name; o++)
        if ((o->set & c->sets) && n-- == 0) return o;
    return NULL;
}

const cli_option *cli_option_find(const cli_command *c, const char *name, size_t n, char letter, bool *own)
{
    const cli_option *o;
    for (size_t i = 0; (o = cli_option_at(c, i, own)); i++)
        if (n ? !strncmp(o->name, name, n) && !o->name[n] : letter && o->letter == letter) return o;
    return NULL;
}

void cli_option_clear(const cli_option *o, void *base)
{
    void *field = (char *)base + o->offset;
    if (o->type == CLI_AXIS) cli_axis_free(field);
    if (o->type == CLI_REGEX) cli_filter_free(field);
}
