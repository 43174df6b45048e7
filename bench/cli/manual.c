/* manual.c -- manual pages in roff with man(7)'s macros, printed from the tables that the parser reads. */
#include "bench/cli/cli_internal.h"

#include <ctype.h>
#include <string.h>

enum { WIDTH = 76 };

/* A character that roff would read as something else: an escape, or a hyphen that must stay a minus. */
static void manual_char(FILE *f, char c)
{
    if (c == '\\')
        fputs("\\e", f);
    else if (c == '-')
        fputs("\\-", f);
    else if (c == '\'')
        fputs("\\(aq", f);
    else if (c == '^')
        fputs("\\(ha", f);
    else if (c == '~')
        fputs("\\(ti", f);
    else
        fputc(c, f);
}

/* A line of text, as it is: a leading dot is no request. */
static void manual_line(FILE *f, const char *s, size_t n)
{
    if (n && *s == '.') fputs("\\&", f);
    for (size_t i = 0; i < n; i++) manual_char(f, s[i]);
    fputc('\n', f);
}

static bool ends_sentence(const char *word, size_t n) { return n > 1 && strchr(".?!", word[n - 1]); }

/* The words of s[0..n) as filled text: a line a sentence, none longer than WIDTH. */
static void manual_text(FILE *f, const char *s, size_t n)
{
    const char *end = s + n, *from = NULL, *to = NULL;
    while (s < end) {
        while (s < end && *s == ' ') s++;
        const char *word = s;
        while (s < end && *s != ' ') s++;
        if (s == word) break;
        if (from && s - from > WIDTH) {
            manual_line(f, from, (size_t)(to - from));
            from = NULL;
        }
        if (!from) from = word;
        to = s;
        if (ends_sentence(word, (size_t)(s - word))) {
            manual_line(f, from, (size_t)(to - from));
            from = NULL;
        }
    }
    if (from) manual_line(f, from, (size_t)(to - from));
}

static void manual_sentence(FILE *f, const char *s)
{
    size_t n = strlen(s);
    char   text[512];
    if (n + 2 > sizeof text) {
        manual_text(f, s, n);
        return;
    }
    snprintf(text, sizeof text, "%c%s%s", toupper((unsigned char)*s), s + 1, ends_sentence(s, n) ? "" : ".");
    manual_text(f, text, strlen(text));
}

/* Examples, which begin with a space; or the paragraphs between them. */
static void manual_about(FILE *f, const char *text, bool examples)
{
    bool first = true;
    while (*text) {
        size_t n = strcspn(text, "\n");
        if ((text[0] == ' ') == examples) {
            if (examples && first) fputs(".SH EXAMPLES\n.nf\n", f);
            size_t blanks = examples ? strspn(text, " ") : 0;
            if (!examples && !first) fputs(".PP\n", f);
            examples ? manual_line(f, text + blanks, n - blanks) : manual_text(f, text, n);
            first = false;
        }
        text += n + (text[n] == '\n');
    }
    if (examples && !first) fputs(".fi\n", f);
}

static void manual_option(FILE *f, const cli_option *o)
{
    char form[120];
    fputs(".TP\n.B ", f);
    cli_option_form(o, form, sizeof form);
    manual_line(f, form, strlen(form));
    manual_sentence(f, o->help);
}

static void manual_options(FILE *f, const cli_command *c)
{
    fputs(".SH OPTIONS\n", f);
    for (const cli_option *o = c->own; o && o->name; o++) manual_option(f, o);
    for (const cli_group *g = cli_groups; g->title; g++) {
        if (!(c->sets & g->sets)) continue;
        fprintf(f, ".SS %s\n", g->title);
        for (const cli_option *o = cli_shared_options(); o->name; o++)
            if (o->set & g->sets & c->sets) manual_option(f, o);
    }
    fputs(".SS Help\n.TP\n.B \\-h, \\-\\-help\nPrint these options and stop.\n", f);
}

static void manual_begin(FILE *f, const char *name, const char *date)
{
    fputs(".TH IRONROOF", f);
    if (*name) fputs("\\-", f);
    for (; *name; name++) fputc(toupper((unsigned char)*name), f);
    fprintf(f, " 1 \"%s\" \"ironroof %s\" \"User Commands\"\n.SH NAME\n", date, IR_VERSION);
}

static const char values[] =
    "A LIST is 1,2,4 or a range:\n1\\-8 or 1..8 (step 1), 1\\-9+2 (step 2), 1\\-64*2 (times 2).\n"
    "Numbers take K M G T (powers of 1000) and Ki Mi Gi Ti (powers of 1024).\n"
    "@last stands for the newest record wherever a file is asked for.\n";
static const char codes[] = ".TP\n.B 0\nFine.\n"
                            ".TP\n.B 1\nA confirmed regression or a failed claim.\n"
                            ".TP\n.B 2\nUsage, files, or a point missing or incorrect.\n"
                            ".TP\n.B 3\nThe environment, or inconclusive.\n"
                            ".TP\n.B 4\nNot comparable.\n";

void cli_manual(FILE *f, const cli_command *c, const char *date)
{
    manual_begin(f, c->name, date);
    fprintf(f, "ironroof\\-%s \\-\n", c->name);
    manual_text(f, c->summary, strlen(c->summary));
    fprintf(f, ".SH SYNOPSIS\n.B ironroof %s\n", c->name);
    manual_text(f, c->usage, strlen(c->usage));
    fputs("[options]\n.SH DESCRIPTION\n", f);
    manual_sentence(f, c->summary);
    if (c->about) {
        fputs(".PP\n", f);
        manual_about(f, c->about, false);
    }
    manual_options(f, c);
    fprintf(f, ".SH VALUES\n%s.SH EXIT STATUS\n%s", values, codes);
    if (c->about) manual_about(f, c->about, true);
    fputs(".SH SEE ALSO\n.BR ironroof (1)\n", f);
}

static void manual_environment(FILE *f)
{
    fputs(".SH FILES\n.TP\n.I results/MACHINE/TIME.jsonl\n"
          "Where a run leaves its record, unless \\-o says otherwise.\n"
          "The text report and the page lie beside it.\n"
          ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nNo colour on a terminal, unless \\-\\-color is given.\n"
          ".TP\n.B OMP_NUM_THREADS, OPENBLAS_NUM_THREADS\n"
          "Variables of OpenMP and BLAS that change what is measured are\nnamed in the record, and by\n"
          ".BR ironroof\\-doctor (1).\n",
          f);
}

void cli_manual_all(FILE *f, const cli_command *commands, const char *date)
{
    manual_begin(f, "", date);
    fputs("ironroof \\- measure a machine's ceilings, and what holds a workload back\n"
          ".SH SYNOPSIS\n.B ironroof\n[command] [arguments] [options]\n.SH DESCRIPTION\n"
          "Measures the ceilings of a CPU or GPU, every workload under them,\n"
          "and the Iron Law that ties them together:\n"
          "where the time goes to bytes, arithmetic or latency.\n"
          "Nothing is timed before its output was held against an independent oracle.\n"
          ".PP\nWithout a command:\n.B ironroof run \\-\\-profile quick\n.SH COMMANDS\n",
          f);
    for (const cli_command *c = commands; c->name; c++) {
        if (c->hidden) continue;
        fprintf(f, ".TP\n.BR ironroof\\-%s (1)\n", c->name);
        manual_sentence(f, c->summary);
    }
    fputs(".SH OPTIONS\n.TP\n.B \\-h, \\-\\-help\nPrint the commands and stop.\n"
          ".TP\n.B \\-V, \\-\\-version [\\-\\-json]\nPrint the version, with \\-\\-json also revision, "
          "compiler "
          "and backends.\n.SH VALUES\n",
          f);
    fprintf(f, "%s.SH EXIT STATUS\n%s", values, codes);
    manual_environment(f);
    fputs(".SH EXAMPLES\n.nf\nironroof\nironroof run gpt2 \\-\\-ceilings @last\nironroof report @last "
          "\\-\\-detail\n"
          ".fi\n.SH SEE ALSO\n",
          f);
    bool first = true;
    for (const cli_command *c = commands; c->name; c++) {
        if (c->hidden) continue;
        if (!first) fputs(",\n", f);
        fprintf(f, ".BR ironroof\\-%s (1)", c->name);
        first = false;
    }
    fputc('\n', f);
}
