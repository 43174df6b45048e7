/* nodes.c -- NUMA nodes that have memory, a processor's own first; memory moved to one. A node without
 * processors counts: high-bandwidth memory beside DDR, memory on CXL. The kernel's own interface, so that no
 * library is needed. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"

#include <errno.h>
#include <string.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* A list of processors or nodes below a root; empty where there is none. */
static void read_list(const char *root, const char *path, ir_cpumask *out)
{
    char text[4096];
    memset(out, 0, sizeof *out);
    if (ir_file_read(root, text, sizeof text, "%s", path)) ir_cpumask_parse(out, text);
}

int ir_memory_nodes_at(const char *root, int cpu, int node_of[IR_MAX_NODES])
{
    ir_cpumask with_memory, cpus;
    int        n = 0;
    read_list(root, "/sys/devices/system/node/has_memory", &with_memory);
    for (int i = 0; i < IR_MAX_NODES; i++) {
        char path[64];
        if (!ir_cpumask_has(&with_memory, i)) continue;
        snprintf(path, sizeof path, "/sys/devices/system/node/node%d/cpulist", i);
        read_list(root, path, &cpus);
        if (n > 0 && ir_cpumask_has(&cpus, cpu)) {
            memmove(node_of + 1, node_of, (size_t)n * sizeof *node_of);
            node_of[0] = i;
        } else {
            node_of[n] = i;
        }
        n++;
    }
    return n;
}

int ir_memory_nodes(int cpu, int node_of[IR_MAX_NODES]) { return ir_memory_nodes_at("", cpu, node_of); }

ir_status ir_host_bind(void *p, size_t bytes, int node)
{
#if defined(__linux__) && defined(SYS_mbind)
    enum { BIND = 2, STRICT = 1, MOVE = 2 }; /* of <linux/mempolicy.h> */
    unsigned long mask[IR_MAX_NODES / (8 * sizeof(unsigned long))] = {0};
    const size_t  word = 8 * sizeof *mask, page = (size_t)sysconf(_SC_PAGESIZE);
    if (node < 0 || node >= IR_MAX_NODES)
        return ir_fail(IR_EINVAL, "node %d: 0 to %d", node, IR_MAX_NODES - 1);
    mask[(size_t)node / word] |= 1ul << ((size_t)node % word);
    bytes = (bytes + page - 1) / page * page;
    if (syscall(SYS_mbind, p, bytes, BIND, mask, IR_MAX_NODES + 1, STRICT | MOVE) == 0) return IR_OK;
    return ir_fail(IR_SKIP, "memory cannot be put on node %d: %s", node, strerror(errno));
#else
    (void)p, (void)bytes;
    return ir_fail(IR_SKIP, "memory cannot be put on node %d: not on this system", node);
#endif
}
