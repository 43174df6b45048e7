/* help.c -- --help, printed from the tables that the parser reads. 80 columns. */
#include "bench/cli/cli_internal.h"

#include <string.h>

enum { WIDTH = 80, COLUMN = 28 };

/* Words of s[0..n), starting at column `at`, wrapped and indented to `indent`. */
static void wrap(FILE *f, const char *s, size_t n, int at, int indent)
{
    const char *end = s + n;
    bool        first = true;
    while (s < end) {
        size_t space = strspn(s, " \n"), left = (size_t)(end - s);
        s += space < left ? space : left;
        size_t word = strcspn(s, " \n");
        if (word > (size_t)(end - s)) word = (size_t)(end - s);
        if (word == 0) break;
        if (!first && at + 1 + (int)word > WIDTH) {
            fprintf(f, "\n%*s", indent, "");
            at = indent;
            first = true;
        }
        fprintf(f, "%s%.*s", first ? "" : " ", (int)word, s);
        at += (int)word + !first;
        first = false;
        s += word;
    }
    fputc('\n', f);
}

/* A paragraph ends with a sentence, or before an example: where its lines end in the source is no matter. */
static size_t paragraph(const char *text)
{
    size_t n = strcspn(text, "\n");
    while (text[n] && text[n + 1] && text[n + 1] != ' ' && !strchr(".:?", text[n - 1]))
        n += 1 + strcspn(text + n + 1, "\n");
    return n;
}

/* Examples, which begin with a space and stay as they are; or the paragraphs between them. */
static void print_about(FILE *f, const char *text, bool examples)
{
    while (*text) {
        size_t n = *text == ' ' ? strcspn(text, "\n") : paragraph(text);
        if (text[0] == ' ' && examples) fprintf(f, "%.*s\n", (int)n, text);
        if (text[0] != ' ' && !examples) wrap(f, text, n, 0, 0);
        text += n + (text[n] == '\n');
    }
}

const cli_group cli_groups[] = {{"What is measured", CLI_SET_GRID | CLI_SET_NODES},
                                {"Where", CLI_SET_WHERE},
                                {"On the host", CLI_SET_HOST},
                                {"How it is timed", CLI_SET_TIMING | CLI_SET_CACHE},
                                {"The run", CLI_SET_RUN_ONLY},
                                {"Output", CLI_SET_OUTPUT},
                                {"Terminal", CLI_SET_TERMINAL},
                                {0}};

char *cli_option_form(const cli_option *o, char *buf, size_t size)
{
    char letter[8] = "";
    if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
    if (!cli_option_takes_value(o))
        snprintf(buf, size, "%s--%s", letter, o->name);
    else
        snprintf(buf, size, "%s--%s%s%s%s", letter, o->name, o->implied ? "[=" : " ", cli_option_meta(o),
                 o->implied ? "]" : "");
    return buf;
}

static void print_option(FILE *f, const cli_option *o)
{
    char left[128], form[120];
    snprintf(left, sizeof left, "  %s%s", o->letter ? "" : "    ", cli_option_form(o, form, sizeof form));
    int at = (int)strlen(left);
    if (at + 2 > COLUMN)
        fprintf(f, "%s\n%*s", left, COLUMN, "");
    else
        fprintf(f, "%-*s", COLUMN, left);
    wrap(f, o->help, strlen(o->help), COLUMN, COLUMN);
}

static void print_usage(FILE *f, const cli_command *c)
{
    char line[400];
    int  n = snprintf(line, sizeof line, "usage: ironroof %s %s", c->name, c->usage);
    wrap(f, line, n < (int)sizeof line ? (size_t)n : sizeof line - 1, 0, 7);
}

void cli_help(FILE *f, const cli_command *c)
{
    if (c->about) print_about(f, c->about, true);
    if (c->about && strstr(c->about, "\n  ")) fputc('\n', f);
    print_usage(f, c);
    fprintf(f, "\n%s.\n", c->summary);
    if (c->about) {
        fputc('\n', f);
        print_about(f, c->about, false);
    }
    if (c->own && c->own->name) fprintf(f, "\nOptions of %s\n", c->name);
    for (const cli_option *o = c->own; o && o->name; o++) print_option(f, o);
    for (const cli_group *g = cli_groups; g->title; g++) {
        if (!(c->sets & g->sets)) continue;
        fprintf(f, "\n%s\n", g->title);
        for (const cli_option *o = cli_shared_options(); o->name; o++)
            if (o->set & g->sets & c->sets) print_option(f, o);
    }
    fputs("\nA LIST is 1,2,4 or a range: 1-8 or 1..8 (step 1), 1-9+2 (step 2), 1-64*2 (x 2).\n"
          "Numbers take K M G T (powers of 1000) and Ki Mi Gi Ti (powers of 1024).\n",
          f);
}

void cli_help_all(FILE *f, const cli_command *commands)
{
    fputs("  ironroof                            measure this machine: minutes, one screen\n"
          "  ironroof run gpt2 --ceilings @last  one workload, ceilings of the last run\n"
          "  ironroof report @last --detail      every table of it\n\n"
          "usage: ironroof [COMMAND] [arguments] [options]\n\n"
          "Measures where a machine's time goes: bytes, arithmetic or latency. Without a\n"
          "command: ironroof run --profile quick.\n\nCommands\n",
          f);
    for (const cli_command *c = commands; c->name; c++) {
        if (c->hidden) continue;
        fprintf(f, "  %-11s", c->name);
        wrap(f, c->summary, strlen(c->summary), 13, 13);
    }
    fputs("\n'ironroof COMMAND --help' lists a command's options.\n\n"
          "Exit codes: 0 fine, 1 confirmed regression or failed claim, 2 usage, I/O, or a\n"
          "point missing or incorrect, 3 environment or inconclusive, 4 incomparable.\n",
          f);
}
