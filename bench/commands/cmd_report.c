/* cmd_report.c -- `ironroof report FILE... -o X.html`. */
#include "bench/commands/commands.h"
#include "bench/run/output.h"
#include "harness/record/html.h"

#include <string.h>

int cmd_report(const cli_args *args)
{
    char        beside[4200];
    const char *out = args->opt.output;
    if (!out) {
        const char *first = strcmp(args->arg[0], "-") ? args->arg[0] : "report";
        if (output_sibling(first, ".html", beside, sizeof beside) != IR_OK) return complain();
        out = beside;
    }
    if (output_apart(out) != IR_OK ||
        ir_html_report(args->arg, args->narg, false, args->opt.force, out) != IR_OK)
        return complain();
    if (!args->opt.quiet && strcmp(out, "-") != 0) printf("Report:  %s\n", out);
    return EXIT_FINE;
}
