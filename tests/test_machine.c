/* test_machine.c -- topology readers against recorded machines and against each other, placement order,
 * lists. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"
#include "tests/tree.h"

#include <math.h>
#include <setjmp.h>
#include <stddef.h>
#include <time.h>
#include <cmocka.h>
#include "tests/support/asserts.h"

/* ---- topology against golden text ------------------------------------------------------------ */
static char *dump(const ir_topology *t)
{
    static char text[1 << 16];
    int         order[IR_MAX_PU], n = ir_topology_order(t, order, IR_MAX_PU);
    FILE       *f = fmemopen(text, sizeof text, "w");
    assert_non_null(f);
    fprintf(f, "cpu %s\n", t->cpu_model);
    fprintf(f, "pu %d of %d, cores %d, sockets %d, numa %d, kinds %d\n", t->npu, t->npu_machine, t->ncore,
            t->nsocket, t->nnuma, t->nkind);
    fprintf(f, "memory %.0f B, by node", t->mem_B);
    for (int i = 0; i < t->nnuma; i++) fprintf(f, " %.0f", t->numa_mem_B[i]);
    fprintf(f, "\n");
    for (int i = 0; i < t->ncache; i++) {
        const ir_cache *c = &t->cache[i];
        fprintf(f, "L%d %.0f B, line %d, shared by %d, x%d\n", c->level, c->size_B, c->line_B, c->shared_by,
                c->count);
    }
    fprintf(f, "llc %.0f B\n\n os core socket numa smt kind\n", ir_topology_llc_B(t));
    for (int i = 0; i < t->npu; i++)
        fprintf(f, "%3d %4d %6d %4d %3d %4d\n", t->pu[i].os, t->pu[i].core, t->pu[i].socket, t->pu[i].numa,
                t->pu[i].smt, t->pu[i].kind);
    fprintf(f, "\norder");
    for (int i = 0; i < n; i++) fprintf(f, " %d", order[i]);
    fprintf(f, "\n");
    fclose(f);
    return text;
}

static void check_golden(const char *name, const char *actual)
{
    char path[512], expected[1 << 16];
    snprintf(path, sizeof path, "%s/golden/topology_%s.txt", IR_TESTS_DIR, name);
    if (getenv("IR_UPDATE_GOLDEN")) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(actual, f);
        fclose(f);
    }
    FILE *f = fopen(path, "r");
    if (!f) fail_msg("missing %s", path);
    size_t n = fread(expected, 1, sizeof expected - 1, f);
    fclose(f);
    expected[n] = 0;
    assert_string_equal(actual, expected);
}

static void golden_xml(const char *name)
{
    static ir_topology t;
    char               path[512];
    snprintf(path, sizeof path, "%s/fixtures/%s.xml", IR_TESTS_DIR, name);
    ir_status s = ir_topology_load(path, &t);
    if (s == IR_SKIP) {
        print_message("SKIP %s.xml: %s\n", name, ir_why());
        skip();
    }
    assert_int_equal(s, IR_OK);
    assert_string_equal(t.source, "xml");
    check_golden(name, dump(&t));
}

static void xml_server(void **state)
{
    (void)state;
    golden_xml("server_2s_smt");
}
static void xml_cpuset(void **state)
{
    (void)state;
    golden_xml("server_cpuset");
}
static void xml_hybrid(void **state)
{
    (void)state;
    golden_xml("laptop_hybrid");
}
static void xml_jetson(void **state)
{
    (void)state;
    golden_xml("jetson_orin");
}

static void xml_errors(void **state)
{
    (void)state;
    static ir_topology t;
    char               path[512];
    ir_status          s = ir_topology_load("/nonexistent.xml", &t);
    if (s == IR_SKIP) {
        print_message("SKIP: %s\n", ir_why());
        skip();
    }
    assert_int_equal(s, IR_EIO);
    assert_non_null(strstr(ir_why(), "/nonexistent.xml"));
    snprintf(path, sizeof path, "%s/fixtures/README.md", IR_TESTS_DIR);
    assert_int_equal(ir_topology_load(path, &t), IR_EIO);
}

/* ---- sysfs trees that describe the same machines --------------------------------------------- */
enum { DATA, INSTRUCTION, UNIFIED };

static void put_cache(const tree *t, int cpu, int index, int level, int type, const char *size,
                      const char *cpus)
{
    static const char *const names[] = {"Data", "Instruction", "Unified"};
    char                     dir[128], path[192];
    snprintf(dir, sizeof dir, "/sys/devices/system/cpu/cpu%d/cache/index%d", cpu, index);
    snprintf(path, sizeof path, "%s/level", dir);
    tree_put(t, path, "%d\n", level);
    snprintf(path, sizeof path, "%s/type", dir);
    tree_put(t, path, "%s\n", names[type]);
    snprintf(path, sizeof path, "%s/size", dir);
    tree_put(t, path, "%s\n", size);
    snprintf(path, sizeof path, "%s/coherency_line_size", dir);
    tree_put(t, path, "64\n");
    snprintf(path, sizeof path, "%s/shared_cpu_list", dir);
    tree_put(t, path, "%s\n", cpus);
}

static void put_cpu(const tree *t, int cpu, const char *core, const char *package)
{
    char path[128];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    tree_put(t, path, "%s\n", core);
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/package_cpus_list", cpu);
    tree_put(t, path, "%s\n", package);
}

static void put_node(const tree *t, int node, const char *cpus, long long kB)
{
    char path[128];
    snprintf(path, sizeof path, "/sys/devices/system/node/node%d/cpulist", node);
    tree_put(t, path, "%s\n", cpus);
    snprintf(path, sizeof path, "/sys/devices/system/node/node%d/meminfo", node);
    tree_put(t, path, "Node %d MemTotal:       %lld kB\nNode %d MemFree:  1 kB\n", node, kB, node);
}

static void put_machine(const tree *t, const char *model, long long kB, const char *online)
{
    tree_put(t, "/proc/cpuinfo", "processor\t: 0\nmodel name\t: %s\n", model);
    tree_put(t, "/proc/meminfo", "MemTotal:       %lld kB\nMemAvailable:   1024 kB\n", kB);
    tree_put(t, "/sys/devices/system/cpu/online", "%s\n", online);
}

static void put_server(const tree *t)
{
    put_machine(t, "Example  Server CPU 8T ", 134217728, "0-15");
    put_node(t, 0, "0-3,8-11", 67108864);
    put_node(t, 1, "4-7,12-15", 67108864);
    for (int cpu = 0; cpu < 16; cpu++) {
        int  c = cpu % 8, pair = c / 2 * 2;
        char core[32], l3[32];
        snprintf(core, sizeof core, "%d,%d", c, c + 8);
        snprintf(l3, sizeof l3, "%d-%d,%d-%d", pair, pair + 1, pair + 8, pair + 9);
        put_cpu(t, cpu, core, c < 4 ? "0-3,8-11" : "4-7,12-15");
        put_cache(t, cpu, 0, 1, DATA, "32K", core);
        put_cache(t, cpu, 1, 1, INSTRUCTION, "64K", core);
        put_cache(t, cpu, 2, 2, UNIFIED, "1024K", core);
        put_cache(t, cpu, 3, 3, UNIFIED, "16384K", l3);
    }
}

static void golden_sysfs(const char *name, const tree *t, const ir_cpumask *allowed)
{
    static ir_topology topo;
    assert_int_equal(ir_topology_sysfs(t->root, allowed, &topo), IR_OK);
    assert_string_equal(topo.source, "sysfs");
    check_golden(name, dump(&topo));
}

static void sysfs_server(void **state)
{
    (void)state;
    tree       t;
    ir_cpumask allowed;
    tree_init(&t);
    put_server(&t);
    golden_sysfs("server_2s_smt", &t, NULL);
    ir_cpumask_parse(&allowed, "1,4,9-10");
    golden_sysfs("server_cpuset", &t, &allowed);
    tree_free(&t);
}

/* Nodes with memory: a processor's own first, those without processors (high-bandwidth memory, CXL) too. */
static void memory_nodes(void **state)
{
    (void)state;
    int  node[IR_MAX_NODES];
    tree t;
    tree_init(&t);
    assert_int_equal(ir_memory_nodes_at(t.root, 0, node), 0);
    put_server(&t);
    put_node(&t, 2, "", 1024);
    tree_put(&t, "/sys/devices/system/node/has_memory", "0-2\n");
    assert_int_equal(ir_memory_nodes_at(t.root, 5, node), 3);
    assert_true(node[0] == 1 && node[1] == 0 && node[2] == 2);
    assert_int_equal(ir_memory_nodes_at(t.root, 0, node), 3);
    assert_true(node[0] == 0 && node[1] == 1 && node[2] == 2);
    tree_free(&t);
}

/* Where this machine says where its memory lies, it can be put there; and nowhere else. */
static void memory_moves(void **state)
{
    (void)state;
    enum { BYTES = 1 << 20 };
    int   node[IR_MAX_NODES];
    void *p;
    if (ir_memory_nodes(0, node) == 0) skip();
    assert_int_equal(ir_host_alloc(BYTES, IR_PAGES_DEFAULT, &p), IR_OK);
    memset(p, 7, BYTES);
    ir_status st = ir_host_bind(p, BYTES, node[0]);
    if (st != IR_OK && !strstr(ir_why(), "not permitted")) fail_msg("%s", ir_why());
    assert_true(((char *)p)[BYTES - 1] == 7);
    assert_int_equal(ir_host_bind(p, BYTES, IR_MAX_NODES), IR_EINVAL);
    assert_int_equal(ir_host_bind(p, BYTES, IR_MAX_NODES - 1), IR_SKIP);
    assert_non_null(strstr(ir_why(), "node 127"));
    ir_host_free(p, BYTES);
}

static void sysfs_hybrid(void **state)
{
    (void)state;
    tree t;
    tree_init(&t);
    put_machine(&t, "Example Hybrid CPU 2P8E", 16777216, "0-11");
    put_node(&t, 0, "0-11", 16777216);
    tree_put(&t, "/sys/devices/cpu_core/cpus", "0-3\n");
    tree_put(&t, "/sys/devices/cpu_atom/cpus", "4-11\n");
    for (int cpu = 0; cpu < 12; cpu++) {
        char own[32], l2[32];
        bool big = cpu < 4;
        int  first = big ? cpu / 2 * 2 : cpu;
        snprintf(own, sizeof own, big ? "%d-%d" : "%d", first, first + 1);
        snprintf(l2, sizeof l2, "%d-%d", big ? first : cpu / 4 * 4, big ? first + 1 : cpu / 4 * 4 + 3);
        put_cpu(&t, cpu, own, "0-11");
        put_cache(&t, cpu, 0, 1, DATA, big ? "48K" : "32K", own);
        put_cache(&t, cpu, 1, 2, UNIFIED, big ? "1280K" : "2048K", l2);
        put_cache(&t, cpu, 2, 3, UNIFIED, "12288K", "0-11");
    }
    golden_sysfs("laptop_hybrid", &t, NULL);
    tree_free(&t);
}

/* big.LITTLE: the slow cores come first, one fast core is favoured by a few percent, no NUMA, no caches. */
static void sysfs_big_little(void **state)
{
    (void)state;
    static const int   capacity[] = {250, 250, 250, 250, 980, 1024};
    static ir_topology topo;
    tree               t;
    int                order[8];
    char               path[128];
    tree_init(&t);
    tree_put(&t, "/sys/devices/system/cpu/online", "0-5\n");
    tree_put(&t, "/proc/cpuinfo",
             "processor : 0\nCPU implementer : 0x41\nCPU part : 0xd05\n\nprocessor : 4\n"
             "CPU implementer : 0x41\nCPU part : 0xd0b\n");
    for (int cpu = 0; cpu < 6; cpu++) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpu_capacity", cpu);
        tree_put(&t, path, "%d\n", capacity[cpu]);
    }
    assert_int_equal(ir_topology_sysfs(t.root, NULL, &topo), IR_OK);
    assert_string_equal(topo.cpu_model, "Cortex-A55+Cortex-A76");
    assert_int_equal(topo.nkind, 2);
    assert_int_equal(topo.ncore, 6);
    assert_int_equal(topo.nnuma, 1);
    assert_int_equal(topo.ncache, 0);
    assert_nan(topo.mem_B);
    assert_nan(ir_topology_llc_B(&topo));
    assert_int_equal(ir_topology_order(&topo, order, 8), 6);
    for (int i = 0; i < 6; i++) assert_int_equal(order[i], (i + 4) % 6);
    tree_free(&t);
}

/* A cache in front of each node's memory is the level after the processors' last. */
static void sysfs_memory_side(void **state)
{
    (void)state;
    static ir_topology topo;
    tree               t;
    tree_init(&t);
    put_server(&t);
    for (int node = 0; node < 2; node++) {
        char path[128];
        snprintf(path, sizeof path, "/sys/devices/system/node/node%d/memory_side_cache/index1/size", node);
        tree_put(&t, path, "17179869184\n");
    }
    assert_int_equal(ir_topology_sysfs(t.root, NULL, &topo), IR_OK);
    const ir_cache *last = &topo.cache[topo.ncache - 1];
    assert_int_equal(last->level, 4);
    assert_num(last->size_B, ==, 17179869184.);
    assert_int_equal(last->shared_by, 8);
    assert_int_equal(last->count, 2);
    assert_int_equal(last[-1].level, 3);
    tree_free(&t);
}

static void sysfs_absent(void **state)
{
    (void)state;
    static ir_topology topo;
    tree               t;
    tree_init(&t);
    assert_int_equal(ir_topology_sysfs(t.root, NULL, &topo), IR_SKIP);
    tree_free(&t);
}

/* ---- this machine ---------------------------------------------------------------------------- */
static void readers_agree(void **state)
{
    (void)state;
    static ir_topology a, b;
    char               first[1 << 14];
    ir_cpumask         mask;
    assert_int_equal(ir_topology_load(NULL, &a), IR_OK);
    assert_num(a.npu, >=, 1);
    assert_num(a.npu, <=, a.npu_machine);
    assert_num(a.ncore, >=, 1);
    if (strcmp(a.source, "hwloc") != 0 || ir_cpumask_get(&mask) ||
        ir_topology_sysfs("", &mask, &b) != IR_OK) {
        print_message("SKIP: this machine has one topology reader only (%s)\n", a.source);
        skip();
    }
    snprintf(first, sizeof first, "%s", dump(&a));
    assert_string_equal(first, dump(&b));
}

/* What the affinity mask excludes is not listed, whichever reader is used. */
static void affinity_limits(void **state)
{
    (void)state;
    static ir_topology t;
    ir_cpumask         mask;
    if (ir_cpumask_get(&mask)) skip();
    assert_int_equal(ir_topology_load(NULL, &t), IR_OK);
    int all = t.npu_machine, last = t.pu[t.npu - 1].os;
    assert_int_equal(ir_cpumask_pin(last), 0);
    ir_status s = ir_topology_load(NULL, &t);
    ir_cpumask_set(&mask);
    assert_int_equal(s, IR_OK);
    assert_int_equal(t.npu, 1);
    assert_int_equal(t.pu[0].os, last);
    assert_int_equal(t.npu_machine, all);
    assert_int_equal(t.pu[0].core, 0);
    assert_int_equal(t.pu[0].smt, 0);
}

static void minimal_reader(void **state)
{
    (void)state;
    static ir_topology t;
    ir_cpumask         mask;
    ir_cpumask_parse(&mask, "0,3");
    ir_topology_minimal(&mask, &t);
    assert_string_equal(t.source, "minimal");
    assert_int_equal(t.npu, 2);
    assert_int_equal(t.pu[1].os, 3);
    assert_int_equal(t.ncore, 2);
    assert_int_equal(t.nnuma, 1);
}

/* ---- order and cache merging ----------------------------------------------------------------- */
static void order_is_cut(void **state)
{
    (void)state;
    static ir_topology t;
    ir_topology_init(&t, "test");
    int node_of[64], order[4] = {-1, -1, -1, -1};
    for (int i = 0; i < 4; i++) t.pu[t.npu++] = (ir_pu){.os = 10 + i, .core = i / 2, .numa = 7 - i / 2};
    ir_topology_number(&t, node_of);
    assert_int_equal(node_of[0], 7);
    assert_int_equal(ir_topology_order(&t, order, 3), 3);
    assert_int_equal(order[0], 10);
    assert_int_equal(order[1], 12);
    assert_int_equal(order[2], 11);
    assert_int_equal(order[3], -1);
}

static void cache_table_overflow(void **state)
{
    (void)state;
    static ir_topology t;
    ir_topology_init(&t, "test");
    ir_topology_add_cache(&t, 3, 1e6, 64, 8);
    for (int i = 1; i <= 2 * IR_MAX_CACHE; i++) ir_topology_add_cache(&t, 1, 32768, 64, i);
    assert_int_equal(t.ncache, IR_MAX_CACHE);
    int l1 = 0;
    for (int i = 0; i < t.ncache; i++) l1 += t.cache[i].level == 1 ? t.cache[i].count : 0;
    assert_int_equal(l1, 2 * IR_MAX_CACHE);
    assert_int_equal(t.cache[t.ncache - 1].level, 3);
    ir_topology_init(&t, "test");
    ir_topology_add_cache(&t, 1, 0, 64, 1); /* size unknown */
    ir_topology_add_cache(&t, 1, NAN, 64, 1);
    assert_int_equal(t.ncache, 1);
    assert_int_equal(t.cache[0].count, 2);
    assert_true(isnan(t.cache[0].size_B));
}

static void cpu_lists(void **state)
{
    (void)state;
    ir_cpumask m;
    ir_cpumask_parse(&m, "0-2,5,8190-9999");
    assert_int_equal(ir_cpumask_count(&m), 6);
    assert_true(ir_cpumask_has(&m, 8191));
    assert_true(!ir_cpumask_has(&m, 8192));
    assert_true(!ir_cpumask_has(&m, -1));
    ir_cpumask_parse(&m, "");
    assert_int_equal(ir_cpumask_count(&m), 0);
    ir_cpumask_parse(&m, "3,x");
    assert_int_equal(ir_cpumask_count(&m), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xml_server),           cmocka_unit_test(xml_cpuset),
        cmocka_unit_test(xml_hybrid),           cmocka_unit_test(xml_jetson),
        cmocka_unit_test(xml_errors),           cmocka_unit_test(sysfs_server),
        cmocka_unit_test(memory_nodes),         cmocka_unit_test(memory_moves),
        cmocka_unit_test(sysfs_hybrid),         cmocka_unit_test(sysfs_big_little),
        cmocka_unit_test(sysfs_memory_side),    cmocka_unit_test(sysfs_absent),
        cmocka_unit_test(readers_agree),        cmocka_unit_test(affinity_limits),
        cmocka_unit_test(minimal_reader),       cmocka_unit_test(order_is_cut),
        cmocka_unit_test(cache_table_overflow), cmocka_unit_test(cpu_lists)};
    return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
