/* cmd_complete.c -- `ironroof complete -- WORD...`: what may stand for the last word. The shells' completions
 * ask this, so that they offer what this very build's tables hold: commands, options and their values,
 * workloads and their keys, backends, devices, claims. What a place takes is read from the table's `usage`
 * and `meta`. */
#include "bench/backends.h"
#include "bench/claims/claims.h"
#include "bench/commands/commands.h"
#include "bench/devices/devices.h"
#include "kernels/workloads/table.h"

#include <ctype.h>
#include <string.h>

enum { MOST_DEVICES = 16, WORD = 64 };
#define BLANKS " \t"

typedef struct {
    const cli_args    *args;
    const cli_command *command;
    const char        *word; /* being completed */
    size_t             keep; /* bytes of it that stand: the candidate replaces the rest */
    size_t             narg; /* arguments in front of it */
} place;

/* ---- one candidate --------------------------------------------------------------------------- */
static void offer(const place *p, const char *text, const char *end, const char *doc)
{
    const char *typed = p->word + p->keep;
    if (strncmp(text, typed, strlen(typed)) != 0) return;
    printf("%.*s%s%s\t%s\n", (int)p->keep, p->word, text, end, doc ? doc : "");
}

/* The same place behind the last of the characters `at` of the word. */
static place behind(const place *p, const char *at)
{
    place q = *p;
    for (size_t i = p->keep; p->word[i]; i++)
        if (strchr(at, p->word[i])) q.keep = i + 1;
    return q;
}

/* ---- what a place may hold ------------------------------------------------------------------- */
static void offer_files(const place *p)
{
    offer(p, "@last", "", "the newest record");
    if (p->keep == 0 || (*p->word == '-' && p->word[p->keep - 1] == '=')) puts(":files");
}

static void offer_commands(const place *p)
{
    for (const cli_command *c = p->args->commands; c->name; c++)
        if (!c->hidden) offer(p, c->name, "", c->summary);
}

static void offer_dtypes(const place *p)
{
    place q = behind(p, ",");
    for (int t = 0; t < IR_NDTYPE; t++) offer(&q, ir_dtype_name((ir_dtype)t), "", "element type");
}

static void offer_backends(const place *p)
{
    place q = behind(p, ",");
    for (const ir_backend *const *b = bench_backends; *b; b++)
        offer(&q, (*b)->name, !strcmp((*b)->name, "model") ? ":" : "", "backend");
}

/* By alias: the long names are for reading. */
static void offer_sheets(const place *p)
{
    place       q = behind(p, ",");
    const char *word, *alias;
    for (size_t i = 0; (word = device_class(i, &alias)); i++) offer(&q, word, "", alias);
    for (size_t i = 0; i < device_nsheet; i++)
        for (int a = 0; a < DEVICE_MAX_ALIAS && device_sheets[i].alias[a]; a++)
            offer(&q, device_sheets[i].alias[a], "", device_sheets[i].name);
}

static void offer_claims(const place *p)
{
    for (size_t i = 0; i < claims_builtin.n; i++)
        offer(p, claims_builtin.claim[i].id, "", claims_builtin.claim[i].topic);
}

/* Numbers of the devices that are here, each with the names of those that have it. */
static void offer_devices(const place *p)
{
    for (int n = 0; n < MOST_DEVICES; n++) {
        char   number[16], doc[300] = "";
        size_t used = 0;
        for (const ir_backend *const *b = bench_backends; *b; b++) {
            ir_dev         d = {.be = *b, .index = n};
            ir_device_info i;
            if ((*b)->open(&d, NULL) == IR_OK && (*b)->describe(&d, &i) == IR_OK && used < sizeof doc)
                used += (size_t)snprintf(doc + used, sizeof doc - used, "%s%s %s", used ? ", " : "",
                                         (*b)->name, i.name);
            (*b)->close(&d);
        }
        if (!used) return;
        snprintf(number, sizeof number, "%d", n);
        offer(p, number, "", doc);
    }
}

static void offer_isas(const place *p)
{
    for (const ir_backend *const *b = bench_backends; *b; b++)
        for (const char *const *f = (*b)->forms; f && *f; f++) offer(p, *f, "", "instruction set");
}

/* ---- WORKLOAD[:key=list[,key=list...]] ------------------------------------------------------- */
static void offer_keys(const place *p, const ir_workload *w)
{
    place q = behind(p, ":,");
    for (int i = 0; i < IR_MAX_PARAMS && w->param[i]; i++)
        offer(&q, w->param[i], "=", w->word[i] ? "a word" : "a number, list or range");
    offer(&q, "dtype", "=", "element types");
    offer(&q, "threads", "=", "host threads");
}

static void offer_key_values(const place *p, const ir_workload *w, const char *key, size_t n)
{
    place q = behind(p, "=,");
    if (n == strlen("dtype") && !strncmp(key, "dtype", n)) {
        for (int t = 0; t < IR_NDTYPE; t++)
            if (w->dtypes & (1u << t)) offer(&q, ir_dtype_name((ir_dtype)t), "", "element type");
        return;
    }
    for (int i = 0; i < IR_MAX_PARAMS && w->param[i]; i++) {
        if (strlen(w->param[i]) != n || strncmp(w->param[i], key, n) != 0 || !w->word[i]) continue;
        for (const char *const *word = w->word[i]; *word; word++) offer(&q, *word, "", w->param[i]);
    }
}

/* Behind the colon: the keys; behind a key's '=': its words; behind a comma either may follow. */
static void offer_parameters(const place *p, const ir_workload *w)
{
    const char *equals = strrchr(p->word, '='), *comma = strrchr(p->word, ',');
    if (equals) {
        const char *key = equals;
        while (key > p->word && !strchr(":,", key[-1])) key--;
        offer_key_values(p, w, key, (size_t)(equals - key));
    }
    if (!equals || (comma && comma > equals)) offer_keys(p, w);
}

static void offer_workloads(const place *p)
{
    size_t n = strcspn(p->word, ":");
    char   name[WORD];
    if (!p->word[n]) {
        for (const ir_workload *const *w = ir_workloads; *w; w++) offer(p, (*w)->name, "", (*w)->doc);
        return;
    }
    snprintf(name, sizeof name, "%.*s", (int)n, p->word);
    const ir_workload *w = ir_workload_named(name);
    if (w) offer_parameters(p, w);
}

/* ---- what usage and meta say ----------------------------------------------------------------- */
/* One word of a usage: capitals stand for a kind of thing, small letters for themselves. */
static void offer_named(const place *p, const char *word, bool literal)
{
    static const struct {
        const char *word;
        void (*offer)(const place *);
    } kind[] = {{"FILE", offer_files},      {"RECORD", offer_files},  {"DIR", offer_files},
                {"A", offer_files},         {"B", offer_files},       {"WORKLOAD", offer_workloads},
                {"POINT", offer_workloads}, {"DEVICE", offer_sheets}, {"ID", offer_claims},
                {"COMMAND", offer_commands}};
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++)
        if (!strcmp(word, kind[i].word)) kind[i].offer(p);
    if (literal && islower((unsigned char)*word)) offer(p, word, "", "");
}

/* "[RECORD] [ID...|batch1] [-o X.html]": each word but options, what follows them, and what stands behind
 * ':',
 * '=' or ','. Words for themselves come first only, or beside a kind ("ID...|batch1"). */
static void offer_usage(const place *p, const char *usage)
{
    bool skip = false;
    while (*usage) {
        size_t n = strcspn(usage, BLANKS);
        char   piece[160], before = 0;
        bool   option = usage[strspn(usage, "[")] == '-', kinds = false;
        snprintf(piece, sizeof piece, "%.*s", (int)n, usage);
        for (const char *c = piece; *c; c++) kinds = kinds || isupper((unsigned char)*c);
        for (const char *c = piece; *c && !option && !skip;) {
            char   word[WORD];
            size_t m = 0;
            while (isalnum((unsigned char)c[m]) || (m && c[m] == '-')) m++;
            snprintf(word, sizeof word, "%.*s", (int)m, c);
            if (m && !strchr(":=,", before ? before : ' ')) offer_named(p, word, kinds || p->narg == 0);
            before = c[m];
            c += c[m] ? m + 1 : m;
        }
        skip = option;
        usage += n + strspn(usage + n, BLANKS);
    }
}

static void offer_choices(const place *p, const char *choices)
{
    while (*choices) {
        char   word[WORD];
        size_t n = strcspn(choices, "|");
        snprintf(word, sizeof word, "%.*s", (int)n, choices);
        offer(p, word, "", "");
        choices += n + (choices[n] == '|');
    }
}

static void offer_value(const place *p, const cli_option *o)
{
    static const struct {
        const char *option;
        void (*offer)(const place *);
    } known[] = {{"backend", offer_backends}, {"isa", offer_isas}};
    if (o->choices) offer_choices(p, o->choices);
    if (o->type == CLI_DTYPES) offer_dtypes(p);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(o->name, known[i].option)) known[i].offer(p);
    if (!strcmp(o->name, "device")) (o->set ? offer_devices : offer_sheets)(p);
    place alone = *p;
    alone.narg = 0;
    if (o->meta && o->type == CLI_TEXT) offer_usage(&alone, o->meta);
}

static void offer_options(const place *p)
{
    char              name[WORD];
    const cli_option *o;
    for (size_t i = 0; (o = cli_option_at(p->command, i, NULL)); i++) {
        snprintf(name, sizeof name, "--%s", o->name);
        offer(p, name, "", o->help);
    }
    offer(p, "--help", "", "the options of this command");
}

/* ---- where the word stands ------------------------------------------------------------------- */
static const cli_option *option_of(const cli_command *c, const char *word, size_t n)
{
    if (n > 2 && word[0] == '-' && word[1] == '-') return cli_option_find(c, word + 2, n - 2, 0, NULL);
    return n == 2 && word[0] == '-' ? cli_option_find(c, NULL, 0, word[1], NULL) : NULL;
}

static bool takes_next(const cli_option *o) { return o && cli_option_takes_value(o) && !o->implied; }

static const cli_command *command_of(const cli_command *c, const char *name)
{
    while (c->name && strcmp(c->name, name) != 0) c++;
    return c->name ? c : NULL;
}

int cmd_complete(const cli_args *args)
{
    place  p = {.args = args, .word = args->narg ? args->arg[args->narg - 1] : ""};
    size_t first = 0, n = args->narg ? args->narg - 1 : 0;
    if (n) p.command = command_of(args->commands, args->arg[0]);
    if (p.command) first = 1;
    if (!p.command && n && args->arg[0][0] != '-' && strcmp(args->arg[0], "help") != 0) return EXIT_FINE;
    if (!p.command && *p.word != '-') {
        offer_commands(&p);
        return EXIT_FINE;
    }
    if (!p.command) p.command = command_of(args->commands, "run");
    const cli_option *pending = NULL;
    for (size_t i = first; i < n; i++) {
        if (takes_next(pending)) {
            pending = NULL;
            continue;
        }
        pending = option_of(p.command, args->arg[i], strlen(args->arg[i]));
        p.narg += *args->arg[i] != '-';
    }
    size_t equals = strcspn(p.word, "=");
    if (takes_next(pending)) {
        offer_value(&p, pending);
    } else if (*p.word == '-' && p.word[equals]) {
        const cli_option *o = option_of(p.command, p.word, equals);
        p.keep = equals + 1;
        if (o) offer_value(&p, o);
    } else if (*p.word == '-') {
        offer_options(&p);
    } else if (p.command->max_args < 0 || p.narg < (size_t)p.command->max_args) {
        offer_usage(&p, p.command->usage);
    }
    return EXIT_FINE;
}
