/* env_cpu.c -- what /proc/cpuinfo, /sys/devices/system/cpu and the hypervisor say about the processor:
 * model, instruction sets, caches, clocks and their policy, SMT, virtualisation. */
#include "harness/machine/machine_internal.h"
#include "harness/left_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#define CPUDIR "/sys/devices/system/cpu"

/* ---- model ----------------------------------------------------------------------------------- */
static const struct {
    int         implementer, part;
    const char *name;
} arm_parts[] = {{0x41, 0xd03, "Cortex-A53"},   {0x41, 0xd04, "Cortex-A35"},    {0x41, 0xd05, "Cortex-A55"},
                 {0x41, 0xd07, "Cortex-A57"},   {0x41, 0xd08, "Cortex-A72"},    {0x41, 0xd09, "Cortex-A73"},
                 {0x41, 0xd0a, "Cortex-A75"},   {0x41, 0xd0b, "Cortex-A76"},    {0x41, 0xd0c, "Neoverse-N1"},
                 {0x41, 0xd0d, "Cortex-A77"},   {0x41, 0xd40, "Neoverse-V1"},   {0x41, 0xd41, "Cortex-A78"},
                 {0x41, 0xd42, "Cortex-A78AE"}, {0x41, 0xd44, "Cortex-X1"},     {0x41, 0xd46, "Cortex-A510"},
                 {0x41, 0xd47, "Cortex-A710"},  {0x41, 0xd48, "Cortex-X2"},     {0x41, 0xd49, "Neoverse-N2"},
                 {0x41, 0xd4b, "Cortex-A78C"},  {0x41, 0xd4d, "Cortex-A715"},   {0x41, 0xd4e, "Cortex-X3"},
                 {0x41, 0xd4f, "Neoverse-V2"},  {0x41, 0xd80, "Cortex-A520"},   {0x41, 0xd81, "Cortex-A720"},
                 {0x41, 0xd82, "Cortex-X4"},    {0x41, 0xd83, "Neoverse-V3AE"}, {0x41, 0xd84, "Neoverse-V3"},
                 {0x41, 0xd85, "Cortex-X925"},  {0x41, 0xd87, "Cortex-A725"},   {0x41, 0xd8e, "Neoverse-N3"},
                 {0x4e, 0x003, "Denver 2"},     {0x4e, 0x004, "Carmel"},        {0x48, 0xd01, "Kunpeng 920"},
                 {0xc0, 0xac3, "Ampere-1"},     {0xc0, 0xac4, "Ampere-1a"}};

static void squeeze(char *s)
{
    char *w = s;
    for (const char *r = s; *r; r++)
        if (*r != ' ' || (w > s && w[-1] != ' ')) *w++ = *r;
    while (w > s && w[-1] == ' ') w--;
    *w = 0;
}

/* Distinct core designs in order of appearance: "Cortex-A55+Cortex-A78". */
static void arm_cores(const char *cpuinfo, char *out, size_t cap)
{
    int    implementer = 0, last = -1;
    size_t n = 0;
    out[0] = 0;
    for (const char *s = cpuinfo; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL) {
        const char *v = strchr(s, ':');
        if (!v) break;
        if (!strncmp(s, "CPU implementer", 15)) implementer = (int)strtol(v + 1, NULL, 0);
        if (strncmp(s, "CPU part", 8) != 0) continue;
        int  part = (int)strtol(v + 1, NULL, 0), id = implementer << 12 | part;
        char name[32];
        if (id == last || n >= cap) continue;
        last = id;
        snprintf(name, sizeof name, "ARM 0x%02x/0x%03x", (unsigned)implementer & 255u,
                 (unsigned)part & 4095u);
        for (size_t i = 0; i < sizeof arm_parts / sizeof *arm_parts; i++)
            if (arm_parts[i].implementer == implementer && arm_parts[i].part == part)
                snprintf(name, sizeof name, "%s", arm_parts[i].name);
        if (strstr(out, name)) continue;
        n += (size_t)snprintf(out + n, cap - n, "%s%s", n ? "+" : "", name);
    }
}

void ir_cpu_model(const char *root, char *out, size_t cap)
{
    char  board[128], cores[96], name[240];
    char *cpuinfo = ir_file_slurp(root, "/proc/cpuinfo");
    arm_cores(cpuinfo ? cpuinfo : "", cores, sizeof cores);
    ir_file_read(root, board, sizeof board, "/proc/device-tree/model");
    if (*cores && *board)
        snprintf(name, sizeof name, "%s (%s)", board, cores);
    else if (*cores)
        snprintf(name, sizeof name, "%s", cores);
    else if (!cpuinfo || !ir_text_field(cpuinfo, "model name", name, sizeof name))
        snprintf(name, sizeof name, "%s", board);
    squeeze(name);
    name[cap - 1 < sizeof name - 1 ? cap - 1 : sizeof name - 1] = 0;
    memcpy(out, name, strlen(name) + 1);
    free(cpuinfo);
}

static void vendor(const char *cpuinfo, char *out, size_t cap)
{
    static const struct {
        int         id;
        const char *name;
    } arm[] = {{0x41, "ARM"},      {0x48, "HiSilicon"}, {0x4e, "NVIDIA"},
               {0x51, "Qualcomm"}, {0x61, "Apple"},     {0xc0, "Ampere"}};
    char text[64];
    if (ir_text_field(cpuinfo, "vendor_id", out, cap)) return;
    if (!ir_text_field(cpuinfo, "CPU implementer", text, sizeof text)) return;
    snprintf(out, cap, "%s", text);
    for (size_t i = 0; i < sizeof arm / sizeof *arm; i++)
        if (strtol(text, NULL, 0) == arm[i].id) snprintf(out, cap, "%s", arm[i].name);
}

/* The numbers behind the name, which virtual machines often blur. */
static void signature(const char *cpuinfo, char *out, size_t cap)
{
    static const char *const keys[][2] = {{"cpu family", "family"},
                                          {"model", "model"},
                                          {"stepping", "stepping"},
                                          {"CPU variant", "variant"},
                                          {"CPU revision", "revision"}};
    size_t                   n = 0;
    char                     v[32];
    out[0] = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && n < cap; i++)
        if (ir_text_field(cpuinfo, keys[i][0], v, sizeof v))
            n += (size_t)snprintf(out + n, cap - n, "%s%s %s", n ? " " : "", keys[i][1], v);
}

static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *s = list; (s = strstr(s, word)); s += len)
        if ((s == list || s[-1] == ' ') && (s[len] == ' ' || s[len] == 0)) return true;
    return false;
}

/* The vector extensions our kernels could care about, in a fixed order. */
static void isa_flags(const char *flags, char *out, size_t cap)
{
    static const char *const names[] = {
        "sse4_2",   "avx",      "f16c",        "fma",         "avx2",        "avx_vnni", "avx512f",
        "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8",
        "amx_bf16", "amx_fp16", "asimd",       "fphp",        "asimdhp",     "asimddp",  "i8mm",
        "bf16",     "sve",      "sve2",        "svei8mm",     "svebf16",     "sme",      "sme2"};
    size_t n = 0;
    out[0] = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && n < cap; i++)
        if (has_word(flags, names[i]))
            n += (size_t)snprintf(out + n, cap - n, "%s%s", n ? " " : "", names[i]);
}

/* ---- virtualisation -------------------------------------------------------------------------- */
typedef struct {
    const char *sign, *name;
} alias;

static const char *lookup(const alias *a, const char *text)
{
    for (; a->sign; a++)
        if (strstr(text, a->sign)) return a->name;
    return NULL;
}

#if defined(__x86_64__) || defined(__i386__)
static const char *cpuid_hypervisor(void)
{
    static const alias signs[] = {
        {"KVMKVMKVM", "kvm"},        {"Microsoft Hv", "hyper-v"}, {"VMwareVMware", "vmware"},
        {"XenVMMXenVMM", "xen"},     {"TCGTCGTCGTCG", "qemu"},    {"bhyve bhyve", "bhyve"},
        {"prl hyperv", "parallels"}, {"ACRNACRNACRN", "acrn"},    {NULL, NULL}};
    unsigned a = 0, r[3] = {0};
    char     text[13] = "";
    __cpuid(0x40000000, a, r[0], r[1], r[2]);
    memcpy(text, r, 12);
    return lookup(signs, text);
}
#else
static const char *cpuid_hypervisor(void) { return NULL; }
#endif

static const char *virtualised(const char *root, const char *flags, bool is_x86)
{
    static const alias vendors[] = {{"QEMU", "qemu"},
                                    {"KVM", "kvm"},
                                    {"VMware", "vmware"},
                                    {"VirtualBox", "virtualbox"},
                                    {"Xen", "xen"},
                                    {"Virtual Machine", "hyper-v"},
                                    {"Google Compute Engine", "kvm"},
                                    {"OpenStack", "kvm"},
                                    {"Bochs", "bochs"},
                                    {"Parallels", "parallels"},
                                    {"Apple Virtualization", "apple"},
                                    {".metal", "none"},
                                    {"Amazon EC2", "nitro"},
                                    {NULL, NULL}};
    char               text[512], vm[160], product[160];
    const char        *name;
    if (is_x86 && !has_word(flags, "hypervisor")) return "none";
    if (is_x86 && !*root && (name = cpuid_hypervisor())) return name;
    if (ir_file_read(root, text, sizeof text, "/sys/hypervisor/type") && strstr(text, "xen")) return "xen";
    ir_file_read(root, vm, sizeof vm, "/sys/class/dmi/id/sys_vendor");
    ir_file_read(root, product, sizeof product, "/sys/class/dmi/id/product_name");
    snprintf(text, sizeof text, "%s %s", vm, product);
    if ((name = lookup(vendors, text))) return name;
    if (ir_file_read(root, text, sizeof text, "/proc/device-tree/hypervisor/compatible"))
        return (name = lookup(vendors, text)) ? name : strstr(text, "kvm") ? "kvm" : "other";
    if (ir_file_read(root, text, sizeof text, "/proc/device-tree/compatible") && strstr(text, "dummy-virt"))
        return "qemu";
    if (is_x86) return "other"; /* the flag says so, but nobody gives a name */
    return ir_file_read(root, text, sizeof text, "/proc/device-tree/model") ? "none" : "";
}

/* ---- clocks ---------------------------------------------------------------------------------- */
static double max_clock_Hz(const char *root, const ir_topology *t)
{
    double best = NAN;
    for (int i = 0; i < t->npu; i++)
        best = fmax(best, ir_file_num(root, CPUDIR "/cpu%d/cpufreq/cpuinfo_max_freq", t->pu[i].os));
    return best * 1e3;
}

static void governor(const char *root, const ir_topology *t, char *out, size_t cap)
{
    char one[64];
    out[0] = 0;
    for (int i = 0; i < t->npu; i++) {
        if (!ir_file_read(root, one, sizeof one, CPUDIR "/cpu%d/cpufreq/scaling_governor", t->pu[i].os))
            continue;
        if (*out && strcmp(out, one) != 0) {
            snprintf(out, cap, "mixed");
            return;
        }
        snprintf(out, cap, "%s", one);
    }
}

static const char *boost(const char *root)
{
    double on = ir_file_num(root, CPUDIR "/cpufreq/boost"),
           off = ir_file_num(root, CPUDIR "/intel_pstate/no_turbo");
    if (!isnan(off)) return off > 0 ? "off" : "on";
    return isnan(on) ? "" : on > 0 ? "on" : "off";
}

double ir_cpu_clock_Hz(const char *root)
{
    ir_name *names = malloc(4096 * sizeof *names);
    char     flags[4096], *cpuinfo = NULL;
    double   sum = 0;
    int      n = 0, id, count = names ? ir_dir_list(root, CPUDIR, names, 4096) : 0;
    if (!names) ir_left_out("the processors' clock");
    for (int i = 0; i < count; i++) {
        if (sscanf(names[i].name, "cpu%d", &id) != 1) continue;
        double kHz = ir_file_num(root, CPUDIR "/cpu%d/cpufreq/scaling_cur_freq", id);
        if (isnan(kHz) && n == 0) break; /* no cpufreq: do not ask every processor */
        if (kHz > 0) sum += kHz * 1e3, n++;
    }
    free(names);
    /* Without cpufreq the kernel still measures the clock, but in a guest it repeats the nominal one. */
    if (n == 0) cpuinfo = ir_file_slurp(root, "/proc/cpuinfo");
    if (cpuinfo && ir_text_field(cpuinfo, "flags", flags, sizeof flags) && !has_word(flags, "hypervisor"))
        for (const char *s = cpuinfo; (s = strstr(s, "\ncpu MHz")); s++) {
            const char *v = strchr(s, ':');
            if (v) sum += strtod(v + 1, NULL) * 1e6, n++;
        }
    free(cpuinfo);
    return n ? sum / n : NAN;
}

/* ---- the record ------------------------------------------------------------------------------ */
static double env_cpu_cache_B(const ir_topology *t, int level)
{
    for (int i = 0; i < t->ncache; i++)
        if (t->cache[i].level == level) return t->cache[i].size_B;
    return NAN;
}

static void topology_fields(const ir_topology *t, ir_env *e)
{
    int smt = 0;
    for (int i = 0; i < t->npu; i++)
        if (t->pu[i].smt > smt) smt = t->pu[i].smt;
    ir_env_text(e, "cpu_model", t->cpu_model, true);
    ir_env_num(e, "cores", t->ncore, true);
    ir_env_num(e, "threads", t->npu, true);
    ir_env_num(e, "threads_per_core", smt + 1, true);
    ir_env_num(e, "sockets", t->nsocket, true);
    ir_env_num(e, "numa_nodes", t->nnuma, true);
    ir_env_num(e, "core_kinds", t->nkind, true);
    ir_env_num(e, "cpuset_limited", t->npu_machine > t->npu, true);
    ir_env_num(e, "threads_machine", t->npu_machine, false);
    ir_env_num(e, "mem_B", t->mem_B, false);
    ir_env_num(e, "l1d_B", env_cpu_cache_B(t, 1), false);
    ir_env_num(e, "l2_B", env_cpu_cache_B(t, 2), false);
    ir_env_num(e, "l3_B", env_cpu_cache_B(t, 3), false);
    ir_env_num(e, "llc_total_B", ir_topology_llc_B(t), false);
    ir_env_text(e, "topology_source", t->source, false);
}

void ir_env_cpu(const char *root, const ir_topology *t, ir_env *e)
{
    char        flags[8192] = "", text[256] = "", *cpuinfo = ir_file_slurp(root, "/proc/cpuinfo");
    const char *info = cpuinfo ? cpuinfo : "";
    bool        is_x86 = ir_text_field(info, "flags", flags, sizeof flags);
    if (!is_x86) ir_text_field(info, "Features", flags, sizeof flags);
    topology_fields(t, e);
    vendor(info, text, sizeof text);
    ir_env_text(e, "cpu_vendor", text, false);
    signature(info, text, sizeof text);
    ir_env_text(e, "cpu_signature", text, true);
    ir_text_field(info, "microcode", text, sizeof text);
    ir_env_text(e, "microcode", text, false);
    isa_flags(flags, text, sizeof text);
    ir_env_text(e, "isa_flags", text, true);
    ir_env_num(e, "cpu_max_Hz", max_clock_Hz(root, t), false);
    ir_env_num(e, "cpu_cur_Hz", ir_cpu_clock_Hz(root), false);
    governor(root, t, text, sizeof text);
    ir_env_text(e, "governor", text, true);
    ir_env_text(e, "boost", boost(root), true);
    ir_file_read(root, text, sizeof text, CPUDIR "/smt/control");
    ir_env_text(e, "smt", text, true);
    ir_env_text(e, "virtualised", virtualised(root, flags, is_x86), true);
    free(cpuinfo);
}
