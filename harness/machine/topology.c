/* topology.c -- which reader describes the machine: hwloc, else sysfs, else the online CPU count; and
 * the hwloc reader. Assumes the caller is not pinned at the time: what its affinity mask excludes is
 * not listed. PUs beyond IR_MAX_PU are counted (npu_machine) but not listed. CPU-less NUMA nodes and
 * memory-side caches are not listed. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#if IR_HAVE_HWLOC
#include <hwloc.h>

typedef struct {
    hwloc_topology_t topo;
    hwloc_bitmap_t   use; /* PUs inside every limit */
} reader;

static void intersect_mask(hwloc_bitmap_t use, const ir_cpumask *allowed)
{
    hwloc_bitmap_t mask = hwloc_bitmap_alloc();
    if (!mask) return;
    for (int c = 0; c < IR_CPU_BITS; c++)
        if (ir_cpumask_has(allowed, c)) hwloc_bitmap_set(mask, (unsigned)c);
    hwloc_bitmap_and(use, use, mask);
    hwloc_bitmap_free(mask);
}

static ir_status reader_open(reader *r, const char *xml, const ir_cpumask *allowed)
{
    if (hwloc_topology_init(&r->topo)) return ir_fail(IR_ENOMEM, "topology: hwloc_topology_init failed");
    if (xml && hwloc_topology_set_xml(r->topo, xml))
        return ir_fail(IR_EIO, "topology: cannot read the hwloc XML file %s", xml);
    unsigned long flags = HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED;
    if (hwloc_topology_set_flags(r->topo, flags) || hwloc_topology_load(r->topo))
        return xml ? ir_fail(IR_EIO, "topology: %s is not an hwloc topology", xml)
                   : ir_fail(IR_SKIP, "topology: hwloc cannot load this machine");
    if (!xml && !hwloc_topology_is_thissystem(r->topo))
        return ir_fail(IR_SKIP,
                       "topology: an HWLOC_ environment variable makes hwloc describe another machine");
    r->use = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(r->topo));
    if (!r->use) return ir_fail(IR_ENOMEM, "topology: no memory for a CPU set");
    if (allowed) intersect_mask(r->use, allowed);
    return IR_OK;
}

static void reader_close(reader *r)
{
    if (r->use) hwloc_bitmap_free(r->use);
    if (r->topo) hwloc_topology_destroy(r->topo);
}

/* Efficiency rank of each PU; all 0 where hwloc cannot rank the kinds. */
static int topology_kind_of(const reader *r, unsigned os)
{
#if HWLOC_API_VERSION >= 0x00020400
    hwloc_bitmap_t one = hwloc_bitmap_alloc();
    int            efficiency = -1;
    if (one) {
        hwloc_bitmap_only(one, os);
        int k = hwloc_cpukinds_get_by_cpuset(r->topo, one, 0);
        if (k >= 0) hwloc_cpukinds_get_info(r->topo, (unsigned)k, NULL, &efficiency, NULL, NULL, 0);
        hwloc_bitmap_free(one);
    }
    return efficiency > 0 ? efficiency : 0;
#else
    (void)r, (void)os;
    return 0;
#endif
}

static int ancestor(const reader *r, hwloc_obj_t pu, hwloc_obj_type_t type, int otherwise)
{
    hwloc_obj_t o = hwloc_get_ancestor_obj_by_type(r->topo, type, pu);
    return o ? (int)o->logical_index : otherwise;
}

static void read_pus(const reader *r, ir_topology *t)
{
    int n = hwloc_get_nbobjs_by_type(r->topo, HWLOC_OBJ_PU);
    int complete = hwloc_bitmap_weight(hwloc_topology_get_complete_cpuset(r->topo));
    t->npu_machine = !hwloc_topology_is_thissystem(r->topo) && complete > n ? complete : n;
    for (int i = 0; i < n && t->npu < IR_MAX_PU; i++) {
        hwloc_obj_t o = hwloc_get_obj_by_type(r->topo, HWLOC_OBJ_PU, (unsigned)i);
        if (!hwloc_bitmap_isset(r->use, o->os_index)) continue;
        ir_pu *p = &t->pu[t->npu++];
        int    node = o->nodeset ? hwloc_bitmap_first(o->nodeset) : 0;
        *p = (ir_pu){.os = (int)o->os_index,
                     .core = ancestor(r, o, HWLOC_OBJ_CORE, -1 - i),
                     .socket = ancestor(r, o, HWLOC_OBJ_PACKAGE, 0),
                     .numa = node >= 0 ? node : 0,
                     .kind = topology_kind_of(r, o->os_index)};
    }
}

/* The fastest kind among the PUs below `o`, and how many of them may be used. */
static int cache_users(const reader *r, hwloc_obj_t o, const ir_topology *t, int *kind)
{
    int n = 0;
    *kind = 0;
    for (int i = 0; i < t->npu; i++)
        if (hwloc_bitmap_isset(o->cpuset, (unsigned)t->pu[i].os) &&
            hwloc_bitmap_isset(r->use, (unsigned)t->pu[i].os)) {
            n++;
            if (t->pu[i].kind > *kind) *kind = t->pu[i].kind;
        }
    return n;
}

static void topology_read_caches(const reader *r, ir_topology *t, int kind)
{
    for (int depth = hwloc_topology_get_depth(r->topo) - 1; depth >= 0; depth--) {
        if (!hwloc_obj_type_is_dcache(hwloc_get_depth_type(r->topo, depth))) continue;
        hwloc_obj_t o = NULL;
        while ((o = hwloc_get_next_obj_by_depth(r->topo, depth, o))) {
            const struct hwloc_cache_attr_s *a = &o->attr->cache;
            int                              fastest, users = cache_users(r, o, t, &fastest);
            if (users > 0 && fastest == kind)
                ir_topology_add_cache(t, (int)a->depth, (double)a->size, (int)a->linesize, users);
        }
    }
}

static void read_xml_memory(const reader *r, const int node_of[64], ir_topology *t)
{
    hwloc_obj_t root = hwloc_get_root_obj(r->topo), o;
    const char *model = NULL;
    t->mem_B = root->total_memory ? (double)root->total_memory : NAN;
    for (int i = 0; i < t->nnuma && i < 64; i++) {
        o = hwloc_get_numanode_obj_by_os_index(r->topo, (unsigned)node_of[i]);
        if (o && o->attr->numanode.local_memory) t->numa_mem_B[i] = (double)o->attr->numanode.local_memory;
    }
    o = hwloc_get_obj_by_type(r->topo, HWLOC_OBJ_PACKAGE, 0);
    if (o) model = hwloc_obj_get_info_by_name(o, "CPUModel");
    if (!model) model = hwloc_obj_get_info_by_name(root, "CPUModel");
    snprintf(t->cpu_model, sizeof t->cpu_model, "%s", model ? model : "");
}

ir_status ir_topology_hwloc(const char *xml, const ir_cpumask *allowed, ir_topology *out)
{
    reader r = {NULL, NULL};
    int    node_of[64];
    ir_topology_init(out, xml ? "xml" : "hwloc");
    ir_status s = reader_open(&r, xml, allowed);
    if (s != IR_OK) goto out;
    read_pus(&r, out);
    if (out->npu == 0) {
        s = ir_fail(IR_SKIP, "topology: hwloc lists no processor this process may use");
        goto out;
    }
    ir_topology_number(out, node_of);
    for (int kind = out->nkind - 1; kind >= 0; kind--) topology_read_caches(&r, out, kind);
    if (xml)
        read_xml_memory(&r, node_of, out);
    else {
        ir_topology_memory("", node_of, out);
        ir_cpu_model("", out->cpu_model, sizeof out->cpu_model);
    }
out:
    reader_close(&r);
    return s;
}

const char *ir_hwloc_version(char buf[24])
{
    unsigned v = hwloc_get_api_version();
    snprintf(buf, 24, "%u.%u.%u", v >> 16, v >> 8 & 255, v & 255);
    return buf;
}
#else
ir_status ir_topology_hwloc(const char *xml, const ir_cpumask *allowed, ir_topology *out)
{
    (void)allowed;
    ir_topology_init(out, xml ? "xml" : "hwloc");
    return ir_fail(IR_SKIP, "topology: built without hwloc (install libhwloc-dev and configure again)");
}

const char *ir_hwloc_version(char buf[24])
{
    buf[0] = 0;
    return buf;
}
#endif

void ir_topology_minimal(const ir_cpumask *allowed, ir_topology *out)
{
    int  node_of[64];
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    ir_topology_init(out, "minimal");
    if (n < 1) n = 1;
    out->npu_machine = n < IR_CPU_BITS ? (int)n : IR_CPU_BITS;
    for (int c = 0; c < IR_CPU_BITS && out->npu < IR_MAX_PU; c++) {
        if (allowed ? !ir_cpumask_has(allowed, c) : c >= out->npu_machine) continue;
        out->pu[out->npu++] = (ir_pu){.os = c, .core = c};
    }
    if (out->npu_machine < out->npu) out->npu_machine = out->npu;
    ir_topology_number(out, node_of);
    ir_topology_memory("", node_of, out);
    ir_cpu_model("", out->cpu_model, sizeof out->cpu_model);
}

ir_status ir_topology_load(const char *xml, ir_topology *out)
{
    ir_cpumask mask, *allowed = ir_cpumask_get(&mask) == 0 ? &mask : NULL;
    if (xml) return ir_topology_hwloc(xml, NULL, out);
    if (ir_topology_hwloc(NULL, allowed, out) == IR_OK) return IR_OK;
    if (ir_topology_sysfs("", allowed, out) == IR_OK) return IR_OK;
    ir_topology_minimal(allowed, out);
    return IR_OK;
}
