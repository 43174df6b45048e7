/* cmd_report.c -- `ironroof report FILE... -o X.html`. */
#include "bench/commands/commands.h"
#include "bench/run/output.h"
#include "harness/record/html.h"

int cmd_report(const cli_args *args)
{
    char        beside[4200];
    const char *out = args->opt.output;
    if (!out) {
        output_sibling(args->arg[0], ".html", beside, sizeof beside);
        out = beside;
    }
    if (ir_html_report(args->arg, args->narg, false, out) != IR_OK) return complain();
    if (!args->opt.quiet) printf("Report:  %s\n", out);
    return EXIT_FINE;
}
