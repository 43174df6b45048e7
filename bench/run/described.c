/* described.c -- see described.h. */
#include "bench/run/described.h"
#include "harness/record/flat.h"

#include <errno.h>
#include <string.h>

static ir_status take_figure(void *arg, const char *path, double v, const char *text)
{
    return model_set(arg, path, v, text);
}

/* MACHINE.xml beside MACHINE.json. */
static ir_status take_topology(const char *file, model_machine *m)
{
    const char *dot = strrchr(file, '.');
    size_t      stem = dot && !strchr(dot, '/') ? (size_t)(dot - file) : strlen(file);
    if (stem + sizeof ".xml" > sizeof m->topology) return IR_OK;
    snprintf(m->topology, sizeof m->topology, "%.*s.xml", (int)stem, file);
    FILE *f = fopen(m->topology, "r");
    if (!f && errno != ENOENT) return ir_fail(IR_EIO, "%s: %s", m->topology, strerror(errno));
    if (f)
        fclose(f);
    else
        m->topology[0] = 0;
    return IR_OK;
}

ir_status described_machine(const char *file, const char *text, model_machine *m)
{
    model_defaults(m);
    ir_status st =
        text ? ir_flat_text(file, text, strlen(text), take_figure, m) : ir_flat_read(file, take_figure, m);
    if (st != IR_OK) return st;
    if (!text && (st = take_topology(file, m)) != IR_OK) return st;
    st = model_check(m);
    return st == IR_OK ? st : ir_fail(st, "%s: %s", file, ir_why());
}

ir_status described_options(const cli_options *o, model_machine *m)
{
    const char *file = NULL;
    char        name[IR_NAME];
    ir_status   st = IR_OK;
    for (size_t i = 0; i < o->backends.n && !file; i++) file = cli_backend_file(o->backends.v[i], name);
    if (file)
        st = described_machine(file, NULL, m);
    else
        model_smallest(m);
    if (st != IR_OK || !o->model) return st;
    st = model_set_all(m, o->model);
    return st == IR_OK ? model_check(m) : st;
}
