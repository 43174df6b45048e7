/* cmd_list.c -- `ironroof list`: what there is, from the same tables that run uses. Opens no device except
 * for `devices`. */
#include "bench/commands/apps.h"
#include "bench/backends.h"
#include "kernels/model/model.h"
#include "kernels/workloads/table.h"

#include <string.h>
#include <sys/stat.h>

const cli_option list_own[] = {{"root", 0, CLI_TEXT, "DIR",
                                "counters: below DIR, which holds the proc/ and sys/ of another machine",
                                .offset = offsetof(list_options, root)},
                               {0}};

static void dtypes(const ir_workload *w, char *buf, size_t n)
{
    size_t m = 0;
    buf[0] = 0;
    for (int t = 0; t < IR_NDTYPE; t++)
        if (w->dtypes & (1u << t) && m < n)
            m += (size_t)snprintf(buf + m, n - m, "%s%s", m ? "," : "", ir_dtype_name((ir_dtype)t));
}

static void workloads(const cli_args *args)
{
    (void)args;
    char types[64], params[256];
    for (const ir_workload *const *w = ir_workloads; *w; w++) {
        dtypes(*w, types, sizeof types);
        cli_params_text(*w, &(*w)->defaults, params, sizeof params);
        printf("%-10s %-8s %-16s %s\n%-10s default: %s\n", (*w)->name, (*w)->family, types, (*w)->doc, "",
               params);
    }
}

static void kernels(const cli_args *args)
{
    for (const ir_backend *const *b = bench_backends; *b; b++)
        for (const ir_workload *const *w = ir_workloads; *w; w++)
            for (const ir_kernel *const *k = (*b)->kernels; *k; k++)
                if (!strcmp((*k)->family, (*w)->family) &&
                    cli_filter_match(&args->opt.filter, (*b)->name, (*w)->name, (*k)->name)) {
                    char id[128];
                    snprintf(id, sizeof id, "%s/%s/%s", (*b)->name, (*w)->name, (*k)->name);
                    printf("%-32s %s\n", id, (*k)->doc ? (*k)->doc : "");
                }
}

static void backends(const cli_args *args)
{
    (void)args;
    for (const ir_backend *const *b = bench_backends; *b; b++) {
        size_t n = 0;
        while ((*b)->kernels[n]) n++;
        printf("%-8s %zu kernel%s\n", (*b)->name, n, n == 1 ? "" : "s");
    }
}

/* One line for device `index`, or why it is not there; false: the backend has no more. */
static bool device(const ir_backend *b, int index)
{
    ir_dev         d = {.be = b, .index = index};
    ir_device_info i;
    ir_status      st = b->open(&d, &(ir_open_options){.look_only = true});
    if (st == IR_OK) st = b->describe(&d, &i);
    b->close(&d);
    if (st == IR_OK && i.threads > 0)
        printf("%-8s %-48s %d cores, %d threads used, %s\n", i.id, i.name, i.cores, i.threads,
               *i.isa ? i.isa : i.driver);
    else if (st == IR_OK)
        printf("%-8s %-48s %d compute units, %.3g GB, %s\n%-8s %s\n", i.id, i.name, i.cores, i.mem_B / 1e9,
               i.driver, "", i.limits);
    else if (index == 0 || st != IR_SKIP)
        printf("%-8s %s: %s\n", b->name, st == IR_SKIP ? "none" : "failed", ir_why());
    return st != IR_SKIP;
}

static void devices(const cli_args *args)
{
    (void)args;
    enum { MOST = 64 };
    for (const ir_backend *const *b = bench_backends; *b; b++)
        for (int i = 0; i < MOST && device(*b, i); i++) continue;
    ir_text t = {.f = stdout, .width = 110};
    list_sheets(&t);
}

static void claims(const cli_args *args)
{
    (void)args;
    list_claims();
}

static void model_figures(const cli_args *args)
{
    (void)args;
    model_fields_print(stdout);
}

static void counters_line(const char *name, bool yes, const char *text)
{
    printf("%-12s %-4s %s\n", name, yes ? "yes" : "no", text);
}

/* One that tells of itself. false: there are no more to ask. */
static bool counters_of_device(const ir_backend *be, int index, bool elsewhere)
{
    ir_dev     d = {.be = be, .index = index};
    ir_witness w;
    char       name[24];
    snprintf(name, sizeof name, "%.12s%d", be->name, index);
    if (elsewhere || be->open(&d, NULL) != IR_OK) {
        char why[IR_WHY + 60] = "asked only on the machine itself: run 'ironroof list counters' there";
        if (!elsewhere)
            snprintf(why, sizeof why, "%s: asked later, once 'ironroof list devices' shows it", ir_why());
        if (index == 0) counters_line(name, false, why);
        return false;
    }
    bool yes = ir_witness_device(&d, &w) == IR_OK;
    counters_line(name, yes, yes ? "the device's own counter of energy, or its power" : ir_why());
    be->close(&d);
    return true;
}

/* Of this host, then of devices that tell of themselves. */
static void counters(const cli_args *args)
{
    ir_source_line line[IR_MAX_SOURCES];
    const char    *root = ((const list_options *)args->own)->root;
    bool           own = false;
    int            n = ir_sources(root ? root : "", line);
    for (int i = 0; i < n; i++) counters_line(line[i].name, line[i].yes, line[i].text);
    for (const ir_backend *const *b = bench_backends; *b; b++) {
        if (!(*b)->vitals || (*b) == &model_backend) continue;
        for (int k = 0; counters_of_device(*b, k, root != NULL); k++) continue;
        own = true;
    }
    if (!own)
        counters_line(
            "nvml", false,
            "this build knows no device that tells its own joules: build it with CUDA for NVIDIA's");
}

static int points(const cli_args *args)
{
    cli_points p;
    char       text[256];
    if (cli_points_expand(ir_workloads, NULL, 0, &args->opt, &p) != IR_OK) return complain();
    for (size_t i = 0; i < p.n; i++) puts(cli_point_text(p.v[i].workload, &p.v[i].p, text, sizeof text));
    cli_points_free(&p);
    return EXIT_FINE;
}

int cmd_list(const cli_args *args)
{
    static const char *const what[] = {"workloads", "kernels", "backends", "devices",
                                       "claims",    "model",   "counters", "points"};
    static void (*const print[])(const cli_args *) = {workloads, kernels,       backends, devices,
                                                      claims,    model_figures, counters};
    size_t at = 0;
    if (args->narg && cli_choose("list", args->arg[0], what, sizeof what / sizeof *what, &at) != IR_OK)
        return complain();
    const char *root = ((const list_options *)args->own)->root;
    struct stat folder;
    if (root && (stat(root, &folder) != 0 || !S_ISDIR(folder.st_mode)))
        return ir_fail(IR_EINVAL, "--root %s: not a directory", root), complain();
    if (at == 7) return points(args);
    print[at](args);
    return EXIT_FINE;
}
