/* variables.c -- environment variables that change what is measured, and the CPUs that one of them may take
 * away before main(): libgomp's start-up code binds the first thread (OMP_PROC_BIND, OMP_PLACES,
 * GOMP_CPU_AFFINITY). */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* harmful: it moves or binds threads, or makes a library run other code than it would choose. */
static const struct {
    const char *name;
    bool        harmful, binds;
} table[] = {{"OMP_NUM_THREADS", false, false},
             {"OMP_PROC_BIND", true, true},
             {"OMP_PLACES", true, true},
             {"OMP_WAIT_POLICY", false, false},
             {"OMP_DYNAMIC", false, false},
             {"OMP_THREAD_LIMIT", false, false},
             {"OMP_SCHEDULE", false, false},
             {"GOMP_CPU_AFFINITY", true, true},
             {"GOMP_SPINCOUNT", false, false},
             {"KMP_AFFINITY", true, true},
             {"KMP_BLOCKTIME", false, false},
             {"KMP_HW_SUBSET", true, true},
             {"OPENBLAS_NUM_THREADS", false, false},
             {"GOTO_NUM_THREADS", false, false},
             {"OPENBLAS_CORETYPE", true, false},
             {"OPENBLAS_MAIN_FREE", false, false},
             {"BLIS_NUM_THREADS", false, false},
             {"MKL_NUM_THREADS", false, false},
             {"MKL_ENABLE_INSTRUCTIONS", true, false},
             {"ONEDNN_MAX_CPU_ISA", true, false},
             {"DNNL_MAX_CPU_ISA", true, false},
             {"POCL_AFFINITY", false, false},
             {"POCL_MAX_PTHREAD_COUNT", true, false},
             {"GLIBC_TUNABLES", false, false},
             {"LD_PRELOAD", true, false},
             {"NVIDIA_TF32_OVERRIDE", true, false},
             {"CUDA_LAUNCH_BLOCKING", true, false}};

bool ir_variable(const char *root, const char *name, char *out, size_t cap)
{
    size_t len = strlen(name);
    out[0] = 0;
    if (!*root) {
        const char *v = getenv(name);
        if (v) snprintf(out, cap, "%s", v);
        return v && *v;
    }
    char *text = ir_file_slurp(root, "/proc/self/environ");
    for (const char *s = text; s && *s && !*out; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL)
        if (!strncmp(s, name, len) && s[len] == '=')
            snprintf(out, cap, "%.*s", (int)strcspn(s + len + 1, "\n"), s + len + 1);
    free(text);
    return *out != 0;
}

static size_t variables_append(const char *root, size_t i, char *out, size_t cap, size_t n)
{
    char value[128];
    if (n >= cap || !ir_variable(root, table[i].name, value, sizeof value)) return n;
    return n + (size_t)snprintf(out + n, cap - n, "%s%s=%s", n ? " " : "", table[i].name, value);
}

void ir_variables_text(const char *root, bool harmful, char *out, size_t cap)
{
    size_t n = 0;
    out[0] = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].harmful || !harmful) n = variables_append(root, i, out, cap, n);
}

/* ---- the mask before main() ------------------------------------------------------------------ */
static ir_cpumask started_with;
static bool       started_known, taken;

#ifdef __linux__
/* Runs before the start-up code of every library, and before a sanitizer's own: nothing here may be
 * instrumented. */
#if defined(__clang__)
__attribute__((no_sanitize("address", "undefined", "thread", "memory", "coverage")))
#else
__attribute__((no_sanitize_address, no_sanitize_undefined, no_sanitize_thread))
#endif
static void
note_mask(void)
{
    started_known = sched_getaffinity(0, sizeof started_with, (cpu_set_t *)(void *)started_with.w) == 0;
}
__attribute__((section(".preinit_array"), used)) static void (*const note_mask_first)(void) = note_mask;
#endif

static void variables_read_status(const char *root, ir_cpumask *m)
{
    char *text = ir_file_slurp(root, "/proc/self/status"), list[1024];
    memset(m, 0xFF, sizeof *m);
    if (text && ir_text_field(text, "Cpus_allowed_list", list, sizeof list)) ir_cpumask_parse(m, list);
    free(text);
}

void ir_affinity_given(const char *root, ir_cpumask *m)
{
    if (*root)
        variables_read_status(root, m);
    else if (started_known)
        *m = started_with;
    else if (ir_cpumask_get(m))
        memset(m, 0xFF, sizeof *m);
}

bool ir_affinity_restore(void)
{
    ir_cpumask now;
    if (!started_known || ir_cpumask_get(&now) || ir_cpumask_count(&now) >= ir_cpumask_count(&started_with))
        return false;
    taken = ir_cpumask_set(&started_with) == 0;
    return taken;
}

const char *ir_affinity_taken_by(void)
{
    static char text[160];
    text[0] = 0;
    for (size_t i = 0; taken && i < sizeof table / sizeof *table && !*text; i++)
        if (table[i].binds) variables_append("", i, text, sizeof text, 0);
    if (taken && !*text) snprintf(text, sizeof text, "a library's start-up code");
    return text;
}

bool ir_clocksource_slow(const char *name)
{
    static const char *const slow[] = {"hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit"};
    for (size_t i = 0; i < sizeof slow / sizeof *slow; i++)
        if (!strcmp(name, slow[i])) return true;
    return false;
}
