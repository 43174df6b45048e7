/* cmd_doctor.c -- `ironroof doctor`: what on this machine stands in the way of a measurement, and the command
 * that mends it. */
#include "bench/commands/commands.h"
#include "harness/record/text.h"

#include <sys/stat.h>

#define OWN(field) .offset = offsetof(doctor_options, field)
const cli_option doctor_own_options[] = {
    {"root", 0, CLI_TEXT, "DIR", "look at a copied tree (proc/, sys/, bin/, later/) instead of this machine",
     OWN(root)},
    {0}};

static void print_finding(const ir_text *t, const ir_finding *f)
{
    static const char *const state[] = {"ok", "fix", "cannot tell"};
    char                     lead[48];
    snprintf(lead, sizeof lead, "%-15s %-11s  ", f->name, state[f->state]);
    ir_text_para(t, lead, "%s", f->text);
    if (f->state == IR_FINDING_FIX)
        fprintf(t->f, "%29sfix: %s\n", "", f->fix); /* in one piece, to be copied */
}

int cmd_doctor(const cli_args *args)
{
    const doctor_options *own = args->own;
    ir_text               t = text_on(stdout, &args->opt);
    ir_finding            f[IR_MAX_FINDINGS];
    size_t                count[3] = {0};
    struct stat           s;
    if (own->root && (stat(own->root, &s) != 0 || !S_ISDIR(s.st_mode)))
        return ir_fail(IR_EINVAL, "--root %s: not a directory", own->root), complain();
    int n = ir_doctor(own->root ? own->root : "", f);
    if (n == 0) return ir_fail(IR_ENOMEM, "no memory"), complain();
    for (int i = 0; i < n; i++) {
        count[f[i].state]++;
        if (!args->opt.quiet || f[i].state == IR_FINDING_FIX) print_finding(&t, &f[i]);
    }
    if (!args->opt.quiet)
        fprintf(t.f, "\n%zu ok, %zu to fix, %zu that cannot be told from here\n", count[IR_FINDING_OK],
                count[IR_FINDING_FIX], count[IR_FINDING_UNKNOWN]);
    if (fflush(t.f) != 0 || ferror(t.f))
        return ir_fail(IR_EIO, "standard output: writing failed"), complain();
    return count[IR_FINDING_FIX] ? EXIT_ENVIRONMENT : EXIT_FINE;
}
