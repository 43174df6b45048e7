/* order.c -- what is common to all topology readers: dense numbering, merging of equal caches, the
 * order in which threads are placed. Pure. */
#include "harness/machine/machine_internal.h"

#include <math.h>
#include <string.h>

void ir_topology_init(ir_topology *t, const char *source)
{
    memset(t, 0, sizeof *t);
    t->mem_B = NAN;
    for (size_t i = 0; i < sizeof t->numa_mem_B / sizeof *t->numa_mem_B; i++) t->numa_mem_B[i] = NAN;
    snprintf(t->source, sizeof t->source, "%s", source);
}

/* Index of id in seen[0..*n), appended if new. */
static int dense(int *seen, int *n, int id)
{
    for (int i = 0; i < *n; i++)
        if (seen[i] == id) return i;
    seen[*n] = id;
    return (*n)++;
}

static int order_rank_of(const int *v, int n, int x)
{
    int below = 0;
    for (int i = 0; i < n; i++) below += v[i] < x;
    return below;
}

void ir_topology_number(ir_topology *t, int node_of[64])
{
    int core[IR_MAX_PU], socket[IR_MAX_PU], node[IR_MAX_PU], kind[IR_MAX_PU], threads[IR_MAX_PU] = {0};
    t->ncore = t->nsocket = t->nnuma = t->nkind = 0;
    for (int i = 0; i < t->npu; i++) {
        ir_pu *p = &t->pu[i];
        p->core = dense(core, &t->ncore, p->core);
        p->socket = dense(socket, &t->nsocket, p->socket);
        p->numa = dense(node, &t->nnuma, p->numa);
        p->smt = threads[p->core]++;
        dense(kind, &t->nkind, p->kind);
    }
    for (int i = 0; i < t->npu; i++) t->pu[i].kind = order_rank_of(kind, t->nkind, t->pu[i].kind);
    for (int i = 0; i < t->nnuma && i < 64; i++) node_of[i] = node[i];
}

static bool same_cache(const ir_cache *c, int level, double size_B, int line_B)
{
    return c->level == level && c->line_B == line_B &&
           (c->size_B == size_B || (isnan(c->size_B) && isnan(size_B)));
}

void ir_topology_add_cache(ir_topology *t, int level, double size_B, int line_B, int shared_by)
{
    int at = 0;
    if (!(size_B > 0)) size_B = NAN;
    for (int i = 0; i < t->ncache; i++) {
        if (same_cache(&t->cache[i], level, size_B, line_B) && t->cache[i].shared_by == shared_by) {
            t->cache[i].count++;
            return;
        }
        if (t->cache[i].level <= level) at = i + 1;
    }
    if (t->ncache == IR_MAX_CACHE) { /* table full: blur the sharing rather than lose bytes */
        for (int i = 0; i < t->ncache; i++)
            if (same_cache(&t->cache[i], level, size_B, line_B)) {
                t->cache[i].count++;
                if (shared_by > t->cache[i].shared_by) t->cache[i].shared_by = shared_by;
                return;
            }
        return;
    }
    memmove(&t->cache[at + 1], &t->cache[at], (size_t)(t->ncache++ - at) * sizeof *t->cache);
    t->cache[at] = (ir_cache){level, size_B, line_B, shared_by, 1};
}

int ir_topology_order(const ir_topology *t, int *pu_os, int max)
{
    int n = 0, nsmt = 0;
    for (int i = 0; i < t->npu; i++)
        if (t->pu[i].smt >= nsmt) nsmt = t->pu[i].smt + 1;
    for (int smt = 0; smt < nsmt; smt++)
        for (int kind = t->nkind - 1; kind >= 0; kind--)
            for (int numa = 0; numa < t->nnuma; numa++)
                for (int i = 0; i < t->npu && n < max; i++) {
                    const ir_pu *p = &t->pu[i];
                    if (p->smt == smt && p->kind == kind && p->numa == numa) pu_os[n++] = p->os;
                }
    return n;
}

double ir_topology_llc_B(const ir_topology *t)
{
    if (t->ncache == 0) return NAN;
    int    last = t->cache[t->ncache - 1].level;
    double sum = 0;
    for (int i = 0; i < t->ncache; i++)
        if (t->cache[i].level == last) sum += t->cache[i].size_B * t->cache[i].count;
    return sum;
}
