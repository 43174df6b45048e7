/* topology_hwloc.c -- the topology by hwloc, which is loaded when it is first asked for. Assumes the caller
 * is not pinned at the time: what its affinity mask excludes is not listed. PUs beyond IR_MAX_PU are counted
 * (npu_machine) but not listed. CPU-less NUMA nodes are not listed, nor memory-side caches of an XML
 * file. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"
#include "harness/left_out.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#if IR_HAVE_HWLOC
#include "harness/machine/hwloc_functions.h"

static const char *const files[] = {"libhwloc.so.15", IR_HWLOC_FILE, NULL};
static const char *const functions[] = {HWLOC_FUNCTIONS(IR_LIBRARY_NAME)};
enum { NFUNCTION = sizeof functions / sizeof *functions };
_Static_assert(sizeof hw == NFUNCTION * sizeof(void *), "one name for each function");

/* It does not look whether it got the memory it asks for. */
static ir_library library = {.name = "hwloc",
                             .files = files,
                             .room_B = 128e6,
                             .function = functions,
                             .nfunction = NFUNCTION,
                             .needed = NFUNCTION,
                             .found = &hw};

/* ---- what hwloc's headers have as inline functions ------------------------------------------- */
static int objects_of_type(hwloc_topology_t topo, hwloc_obj_type_t type)
{
    int depth = hwloc_get_type_depth(topo, type);
    return depth == HWLOC_TYPE_DEPTH_UNKNOWN || depth == HWLOC_TYPE_DEPTH_MULTIPLE
               ? 0
               : (int)hwloc_get_nbobjs_by_depth(topo, depth);
}

static hwloc_obj_t object_of_type(hwloc_topology_t topo, hwloc_obj_type_t type, int at)
{
    return at < objects_of_type(topo, type)
               ? hwloc_get_obj_by_depth(topo, hwloc_get_type_depth(topo, type), (unsigned)at)
               : NULL;
}

static hwloc_obj_t numa_of_index(hwloc_topology_t topo, int os)
{
    hwloc_obj_t o = object_of_type(topo, HWLOC_OBJ_NUMANODE, 0);
    while (o && o->os_index != (unsigned)os) o = o->next_cousin;
    return o;
}

static const char *info_of(hwloc_obj_t o, const char *name)
{
    for (unsigned i = 0; o && i < o->infos_count; i++)
        if (!strcmp(o->infos[i].name, name)) return o->infos[i].value;
    return NULL;
}

typedef struct {
    hwloc_topology_t topo;
    hwloc_bitmap_t   use; /* PUs inside every limit */
} reader;

static ir_status intersect_mask(hwloc_bitmap_t use, const ir_cpumask *allowed)
{
    hwloc_bitmap_t mask = hwloc_bitmap_alloc();
    if (!mask) return ir_fail(IR_ENOMEM, "topology: no memory for a CPU set");
    for (int c = 0; c < IR_CPU_BITS; c++)
        if (ir_cpumask_has(allowed, c)) hwloc_bitmap_set(mask, (unsigned)c);
    hwloc_bitmap_and(use, use, mask);
    hwloc_bitmap_free(mask);
    return IR_OK;
}

static ir_status reader_open(reader *r, const char *xml, const ir_cpumask *allowed)
{
    if (hwloc_topology_init(&r->topo)) return ir_fail(IR_ENOMEM, "topology: hwloc_topology_init failed");
    if (xml && hwloc_topology_set_xml(r->topo, xml))
        return ir_fail(IR_EIO, "topology: cannot read the hwloc XML file %s", xml);
    unsigned long flags = HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED;
    errno = 0;
    if (hwloc_topology_set_flags(r->topo, flags) || hwloc_topology_load(r->topo))
        return xml ? ir_fail(IR_EIO, "topology: %s is not an hwloc topology", xml)
                   : ir_fail(errno == ENOMEM ? IR_ENOMEM : IR_SKIP,
                             "topology: hwloc cannot load this machine");
    if (!xml && !hwloc_topology_is_thissystem(r->topo))
        return ir_fail(IR_SKIP,
                       "topology: an HWLOC_ environment variable makes hwloc describe another machine");
    r->use = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(r->topo));
    if (!r->use) return ir_fail(IR_ENOMEM, "topology: no memory for a CPU set");
    return allowed ? intersect_mask(r->use, allowed) : IR_OK;
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
    if (!one) ir_left_out("the kinds of cores");
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

static int ancestor(hwloc_obj_t pu, hwloc_obj_type_t type, int otherwise)
{
    hwloc_obj_t o = pu->parent;
    while (o && o->type != type) o = o->parent;
    return o ? (int)o->logical_index : otherwise;
}

static void read_pus(const reader *r, ir_topology *t)
{
    int n = objects_of_type(r->topo, HWLOC_OBJ_PU);
    int complete = hwloc_bitmap_weight(hwloc_topology_get_complete_cpuset(r->topo));
    t->npu_machine = !hwloc_topology_is_thissystem(r->topo) && complete > n ? complete : n;
    for (int i = 0; i < n && t->npu < IR_MAX_PU; i++) {
        hwloc_obj_t o = object_of_type(r->topo, HWLOC_OBJ_PU, i);
        if (!hwloc_bitmap_isset(r->use, o->os_index)) continue;
        ir_pu *p = &t->pu[t->npu++];
        int    node = o->nodeset ? hwloc_bitmap_first(o->nodeset) : 0;
        *p = (ir_pu){.os = (int)o->os_index,
                     .core = ancestor(o, HWLOC_OBJ_CORE, -1 - i),
                     .socket = ancestor(o, HWLOC_OBJ_PACKAGE, 0),
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
        for (hwloc_obj_t o = hwloc_get_obj_by_depth(r->topo, depth, 0); o; o = o->next_cousin) {
            const struct hwloc_cache_attr_s *a = &o->attr->cache;
            int                              fastest, users = cache_users(r, o, t, &fastest);
            if (users > 0 && fastest == kind)
                ir_topology_add_cache(t, (int)a->depth, (double)a->size, (int)a->linesize, users);
        }
    }
}

static void read_xml_memory(const reader *r, const int node_of[64], ir_topology *t)
{
    hwloc_obj_t root = hwloc_get_obj_by_depth(r->topo, 0, 0), o;
    const char *model;
    t->mem_B = root->total_memory ? (double)root->total_memory : NAN;
    for (int i = 0; i < t->nnuma && i < 64; i++) {
        o = numa_of_index(r->topo, node_of[i]);
        if (o && o->attr->numanode.local_memory) t->numa_mem_B[i] = (double)o->attr->numanode.local_memory;
    }
    o = object_of_type(r->topo, HWLOC_OBJ_PACKAGE, 0);
    model = info_of(o, "CPUModel");
    if (!model) model = info_of(root, "CPUModel");
    snprintf(t->cpu_model, sizeof t->cpu_model, "%s", model ? model : "");
}

ir_status ir_topology_hwloc(const char *xml, const ir_cpumask *allowed, ir_topology *out)
{
    reader r = {NULL, NULL};
    int    node_of[64];
    ir_topology_init(out, xml ? "xml" : "hwloc");
    ir_status s = ir_library_load(&library);
    if (s == IR_OK) s = reader_open(&r, xml, allowed);
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
    unsigned v = hwloc_get_api_version ? hwloc_get_api_version() : 0;
    buf[0] = 0;
    if (v) snprintf(buf, 24, "%u.%u.%u", v >> 16, v >> 8 & 255, v & 255);
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
