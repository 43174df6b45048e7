/* parse.c -- argv to command, options and arguments. Accepts --name VALUE, --name=VALUE, -x VALUE, -xVALUE;
 * -- ends the options; a negative number is an argument, not an option. Names are not abbreviated. */
#include "bench/cli/cli_internal.h"
#include "harness/screen.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_COMMAND "run"
enum { MAX_NAMES = 96 };

typedef struct {
    cli_args *args;
    int       i;       /* next word of argv */
    int       skip;    /* the word that names the command, behind options; 0: it is in front */
    bool      literal; /* behind -- */
} reader;

static ir_status unknown_option(const cli_args *a, const char *word, size_t n)
{
    const char       *names[MAX_NAMES];
    const cli_option *o;
    size_t            dashes = strspn(word, "-"), count = 0;
    char              name[64];
    bool              own;
    snprintf(name, sizeof name, "%.*s", (int)(n > 60 ? 60 : n), word);
    for (const cli_command *c = a->commands; c->name; c++)
        if (c != a->command && n > 2 && cli_option_find(c, word + dashes, n - dashes, 0, &own))
            return ir_fail(IR_EINVAL, "'%s' does not take the option '%s' ('%s' does)", a->command->name,
                           name, c->name);
    for (size_t i = 0; count < MAX_NAMES - 1 && (o = cli_option_at(a->command, i, &own)); i++)
        names[count++] = o->name;
    names[count++] = "help";
    const char *meant = cli_near(name + (dashes < strlen(name) ? dashes : strlen(name)), names, count);
    if (meant)
        return ir_fail(IR_EINVAL, "unknown option '%s' for '%s'; did you mean '--%s'?", name,
                       a->command->name, meant);
    return ir_fail(IR_EINVAL, "unknown option '%s' for '%s' (see 'ironroof %s --help')", name,
                   a->command->name, a->command->name);
}

/* Would this word, where a value is expected, rather be the next option? */
static bool looks_like_option(const char *s) { return s[0] == '-' && s[1] && !strchr("0123456789.", s[1]); }

/* Is the word one of the option's choices, "auto|always|never"? */
static bool is_choice(const cli_option *o, const char *word)
{
    size_t n = strlen(word);
    for (const char *c = o->choices; c && n; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
        if (strcspn(c, "|") == n && !strncmp(c, word, n)) return true;
    return false;
}

static ir_status read_option(reader *r, const char *word)
{
    cli_args         *a = r->args;
    bool              is_long = word[1] == '-', own = false;
    const char       *name = word + (is_long ? 2 : 1), *value = NULL;
    size_t            n = is_long ? strcspn(name, "=") : 0;
    const cli_option *o =
        is_long && n == 0 ? NULL : cli_option_find(a->command, name, n, is_long ? 0 : *name, &own);
    if (!o) return unknown_option(a, word, strcspn(word, "="));
    if (is_long && name[n] == '=') value = name + n + 1;
    if (!is_long && name[1]) value = name + 1;
    if (!cli_option_takes_value(o) && value)
        return ir_fail(IR_EINVAL, "option '--%s' takes no value", o->name);
    if (!value && o->loose && r->i < a->argc && is_choice(o, a->argv[r->i])) value = a->argv[r->i++];
    if (!value && o->implied) value = o->implied;
    if (!value && cli_option_takes_value(o)) {
        if (r->i == a->argc || looks_like_option(a->argv[r->i]))
            return ir_fail(IR_EINVAL, "option '--%s' needs a value: --%s %s", o->name, o->name,
                           cli_option_meta(o));
        value = a->argv[r->i++];
    }
    a->given[a->ngiven++] = o;
    return cli_option_set(o, value, own ? a->own : &a->opt);
}

static ir_status parse_read_words(reader *r)
{
    cli_args *a = r->args;
    ir_status st = IR_OK;
    while (r->i < a->argc && st == IR_OK) {
        if (r->i == r->skip) {
            r->i++;
            continue;
        }
        const char *word = a->argv[r->i++];
        if (r->literal || !looks_like_option(word)) {
            a->arg[a->narg++] = word;
        } else if (!strcmp(word, "--")) {
            r->literal = true;
        } else if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
            a->action = CLI_HELP;
            return IR_OK;
        } else {
            st = read_option(r, word);
        }
    }
    return st;
}

static ir_status count_arguments(const cli_args *a)
{
    const cli_command *c = a->command;
    if (a->narg < (size_t)c->min_args)
        return ir_fail(IR_EINVAL, "'%s' needs %s: ironroof %s %s", c->name,
                       c->min_args == 1 ? "an argument" : "more arguments", c->name, c->usage);
    if (c->max_args >= 0 && a->narg > (size_t)c->max_args)
        return ir_fail(IR_EINVAL, "'%s' takes no argument '%.60s': ironroof %s %s", c->name,
                       a->arg[c->max_args], c->name, c->usage);
    return IR_OK;
}

const cli_command *cli_command_find(const cli_command *commands, const char *name)
{
    const char *names[MAX_NAMES];
    size_t      n = 0, which = 0;
    for (const cli_command *c = commands; c->name; c++) {
        if (c->hidden && !strcmp(c->name, name)) return c;
        if (!c->hidden && n < MAX_NAMES) names[n++] = c->name;
    }
    if (cli_choose("command", name, names, n, &which) != IR_OK) return NULL;
    while (commands->name && strcmp(commands->name, names[which]) != 0) commands++;
    return commands->name ? commands : NULL;
}

static bool parse_among(const char *s, const char *a, const char *b)
{
    return s && (!strcmp(s, a) || !strcmp(s, b));
}

/* Does this word take the next one as its value, in any command that knows it? */
static bool wants_value(const cli_command *commands, const char *word, const char *next)
{
    bool is_long = word[1] == '-', own;
    if (strchr(word, '=') || (!is_long && word[2])) return false;
    for (const cli_command *c = commands; c->name; c++) {
        const cli_option *o = cli_option_find(c, word + 2 * is_long, is_long ? strlen(word + 2) : 0,
                                              is_long ? 0 : word[1], &own);
        if (o) return cli_option_takes_value(o) && (!o->implied || (o->loose && next && is_choice(o, next)));
    }
    return false;
}

static bool is_command(const cli_command *commands, const char *word)
{
    for (; commands->name; commands++)
        if (!strcmp(commands->name, word)) return true;
    return false;
}

/* The command's word behind options in front of it; 0: the first argument is no command. */
static int command_behind(const cli_args *a)
{
    int i = 1;
    while (i < a->argc && looks_like_option(a->argv[i]) && strcmp(a->argv[i], "--") != 0)
        i += wants_value(a->commands, a->argv[i], i + 1 < a->argc ? a->argv[i + 1] : NULL) ? 2 : 1;
    return i < a->argc && is_command(a->commands, a->argv[i]) ? i : 0;
}

/* Settle command and action from the first words; the reader then stands at what follows them. */
static ir_status read_command(reader *r)
{
    cli_args   *a = r->args;
    const char *first = a->argc > 1 ? a->argv[1] : NULL, *name = DEFAULT_COMMAND;
    bool        help = parse_among(first, "help", "--help") || parse_among(first, "-h", "-h");
    r->i = a->argc > 1 ? 2 : 1;
    if (parse_among(first, "--version", "version") || parse_among(first, "-V", "-V")) {
        const cli_command *c = a->commands;
        while (c->name && strcmp(c->name, "version") != 0) c++;
        a->command = c->name ? c : NULL;
        if (!a->command) a->action = CLI_VERSION;
        return IR_OK;
    }
    if (help) a->action = a->argc > 2 ? CLI_HELP : CLI_HELP_ALL;
    if (a->action == CLI_HELP_ALL) return IR_OK;
    if (help) {
        name = a->argv[2];
    } else if (first && first[0] == '-') {
        r->i = 1; /* options first: of the command behind them, or of the default one */
        r->skip = command_behind(a);
        if (r->skip) name = a->argv[r->skip];
    } else if (first) {
        name = first;
    }
    a->command = cli_command_find(a->commands, name);
    return a->command ? IR_OK : IR_EINVAL;
}

static ir_status parse_make_room(cli_args *a)
{
    const cli_command *c = a->command;
    a->arg = calloc((size_t)(a->argc > 0 ? a->argc : 0) + 1, sizeof *a->arg);
    if (c->own_size) a->own = calloc(1, c->own_size);
    a->given = calloc((size_t)(a->argc > 0 ? a->argc : 0) + 1, sizeof *a->given);
    if (!a->arg || !a->given || (c->own_size && !a->own))
        return ir_fail(IR_ENOMEM, "no memory for the command line");
    if (a->own && c->own_init) memcpy(a->own, c->own_init, c->own_size);
    return IR_OK;
}

/* Standard output by another name. */
static void settle_output(cli_options *o)
{
    static const char *const names[] = {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"};
    for (size_t i = 0; o->output && i < sizeof names / sizeof *names; i++)
        if (!strcmp(o->output, names[i])) o->output = "-";
}

ir_status cli_parse(const cli_command *commands, int argc, char *const *argv, cli_args *out)
{
    *out = (cli_args){.argc = argc, .argv = argv, .commands = commands};
    cli_options_init(&out->opt);
    reader    r = {.args = out};
    ir_status st = read_command(&r);
    if (st == IR_OK && out->command) st = parse_make_room(out);
    if (st == IR_OK && out->action == CLI_RUN) st = parse_read_words(&r);
    if (st == IR_OK && out->action == CLI_RUN) st = count_arguments(out);
    if (st == IR_OK && out->action == CLI_RUN) st = cli_rules_check(out);
    if (out->opt.cache == 0) out->opt.cache = CLI_HOT;
    settle_output(&out->opt);
    if (st != IR_OK) cli_args_free(out);
    return st;
}

void cli_args_free(cli_args *a)
{
    for (const cli_option *o = a->command ? a->command->own : NULL; a->own && o && o->name; o++)
        cli_option_clear(o, a->own);
    free(a->own);
    free(a->arg);
    free(a->given);
    a->given = NULL;
    a->ngiven = 0;
    a->own = NULL;
    a->arg = NULL;
    a->narg = 0;
    cli_options_free(&a->opt);
}

int cli_main(const cli_command *commands, int argc, char *const *argv)
{
    cli_args a;
    ir_screen_begin();
    if (cli_parse(commands, argc, argv, &a) != IR_OK) {
        fprintf(stderr, "ironroof: %s\n", ir_why());
        return 2;
    }
    int code = 0;
    if (a.action == CLI_VERSION)
        printf("ironroof %s\n", IR_VERSION);
    else if (a.action == CLI_HELP_ALL)
        cli_help_all(stdout, commands);
    else if (a.action == CLI_HELP)
        cli_help(stdout, a.command);
    else
        code = a.command->main(&a);
    cli_args_free(&a);
    return code;
}
