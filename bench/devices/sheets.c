/* sheets.c -- the datasheets by name. The table itself is made from bench/devices/devices.json by
 * cmake/tables.cmake. */
#include "bench/cli/cli.h"
#include "bench/devices/devices.h"

#include <math.h>
#include <string.h>
#include <strings.h>

/* Words people use that are no alias of one product: each stands for one of its kind. */
static const struct {
    const char *word, *alias;
} general[] = {{"laptop", "rtx4060-laptop"}, {"jetson", "agx-orin"}, {"jetson-orin", "agx-orin"},
               {"phone", "mobile-npu"},      {"desktop", "rtx4090"}, {"cpu", "generic-cpu"},
               {"server", "epyc-9654"},      {"tpu", "tpu-v5p"}};
enum { NGENERAL = sizeof general / sizeof *general, MAX_NAMES = 512 };

const char *device_class(size_t i, const char **alias)
{
    if (i >= NGENERAL) return NULL;
    *alias = general[i].alias;
    return general[i].word;
}

double device_peak(const device_sheet *s, ir_dtype t)
{
    for (int i = 0; i < DEVICE_MAX_PEAK && s->peak[i].name; i++)
        if (!strcmp(s->peak[i].name, ir_dtype_name(t))) return s->peak[i].v;
    return NAN;
}

static bool called(const device_sheet *s, const char *name)
{
    if (!strcasecmp(s->name, name)) return true;
    for (int i = 0; i < DEVICE_MAX_ALIAS && s->alias[i]; i++)
        if (!strcasecmp(s->alias[i], name)) return true;
    return false;
}

static const device_sheet *exact(const char *name)
{
    for (size_t i = 0; i < device_nsheet; i++)
        if (called(&device_sheets[i], name)) return &device_sheets[i];
    return NULL;
}

/* Only the aliases are suggested: long names are for reading. */
static const char *nearest(const char *name)
{
    const char *names[MAX_NAMES];
    size_t      n = 0;
    for (size_t i = 0; i < NGENERAL; i++) names[n++] = general[i].word;
    for (size_t i = 0; i < device_nsheet; i++)
        for (int k = 0; k < DEVICE_MAX_ALIAS && device_sheets[i].alias[k] && n < MAX_NAMES; k++)
            names[n++] = device_sheets[i].alias[k];
    return cli_near(name, names, n);
}

const device_sheet *device_find(const char *name)
{
    const device_sheet *s = exact(name);
    for (size_t i = 0; !s && i < NGENERAL; i++)
        if (!strcasecmp(general[i].word, name)) s = exact(general[i].alias);
    if (s) return s;
    const char *near = nearest(name);
    if (near)
        ir_fail(IR_EINVAL, "no device and no file '%.80s'; did you mean '%s'? (ironroof list devices)", name,
                near);
    else
        ir_fail(IR_EINVAL, "no device and no file '%.80s' (ironroof list devices)", name);
    return NULL;
}
