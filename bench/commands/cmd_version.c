/* cmd_version.c -- `ironroof --version [--json]`, `ironroof manual` and `ironroof completion`: what a package
 * and a script ask of the program. */
#include "bench/backends.h"
#include "bench/cli/version.h"
#include "bench/commands/commands.h"
#include "bench/gate/export.h"

#include <string.h>
#include <time.h>

const cli_option version_own_options[] = {{"json", 0, CLI_FLAG, NULL,
                                           "one JSON object: also revision, compiler, flags, backends",
                                           .offset = offsetof(version_options, json)},
                                          {0}};

static void version_json(FILE *f, const ir_env *env)
{
    static const char *const key[] = {"git_revision", "compiler", "compiler_flags", "build_type",
                                      "hwloc_version"};
    fprintf(f, "{\"tool\": \"ironroof\", \"version\": \"%s\", \"schema\": %d, \"cost_model\": \"%s\"",
            IR_VERSION, IR_SCHEMA, IR_COST_MODEL);
    for (size_t i = 0; i < sizeof key / sizeof *key; i++) {
        const ir_kv *kv = ir_env_get(env, key[i]);
        fprintf(f, ", \"%s\": ", key[i]);
        if (kv && *kv->text)
            export_json_text(f, kv->text);
        else
            fputs("null", f);
    }
    fputs(", \"backends\": [", f);
    for (const ir_backend *const *b = bench_backends; *b; b++) {
        if (b != bench_backends) fputs(", ", f);
        export_json_text(f, (*b)->name);
    }
    fputs("]}\n", f);
}

int cmd_version(const cli_args *args)
{
    const version_options *o = args->own;
    if (!o->json) {
        printf("ironroof %s\n", IR_VERSION);
        return EXIT_FINE;
    }
    ir_env env;
    ir_env_init(&env);
    ir_env_build(&env);
    version_json(stdout, &env);
    ir_env_free(&env);
    return EXIT_FINE;
}

/* ---- manual ---------------------------------------------------------------------------------- */
const cli_option manual_own_options[] = {{"date", 0, CLI_TEXT, "YYYY-MM-DD",
                                          "the date at the foot of the page (today)",
                                          .offset = offsetof(manual_options, date)},
                                         {0}};

int cmd_manual(const cli_args *args)
{
    const manual_options *o = args->own;
    char                  today[16] = "";
    time_t                now = time(NULL);
    struct tm             tm;
    if (gmtime_r(&now, &tm)) strftime(today, sizeof today, "%Y-%m-%d", &tm);
    const char *date = o->date ? o->date : today;
    if (args->narg == 0) {
        cli_manual_all(stdout, args->commands, date);
        return EXIT_FINE;
    }
    const cli_command *c = cli_command_find(args->commands, args->arg[0]);
    if (!c) return complain();
    cli_manual(stdout, c, date);
    return EXIT_FINE;
}

/* ---- completion ------------------------------------------------------------------------------ */
const char *shell_text(const char *name); /* scripts/completions/, embedded by the build */

int cmd_completion(const cli_args *args)
{
    static const char *const shells[] = {"bash", "zsh", "fish"};
    size_t                   which = 0;
    if (cli_choose("shell", args->arg[0], shells, sizeof shells / sizeof *shells, &which) != IR_OK)
        return complain();
    fputs(shell_text(shells[which]), stdout);
    return EXIT_FINE;
}
