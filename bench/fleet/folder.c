/* folder.c -- a fleet's folder: where its files lie, and all of them read. */
#define _GNU_SOURCE
#include "bench/fleet/fleet.h"
#include "harness/record/input.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FLAT_NODES = 1000 };

static ir_status make_folder(const char *path)
{
    return mkdir(path, 0777) == 0 || errno == EEXIST ? IR_OK
                                                     : ir_fail(IR_EIO, "%s: %s", path, strerror(errno));
}

ir_status fleet_path(const char *dir, int look, const char *node, size_t nnode, bool make, char *buf,
                     size_t n)
{
    unsigned hash = 2166136261u;
    for (const char *s = node; *s; s++) hash = (hash ^ (unsigned char)*s) * 16777619u;
    char sub[4] = "";
    if (nnode > FLAT_NODES) snprintf(sub, sizeof sub, "/%02x", hash >> 24);
    ir_status st = IR_OK;
    if (make) {
        snprintf(buf, n, "%s/look%d", dir, look);
        st = make_folder(buf);
        snprintf(buf, n, "%s/look%d%s", dir, look, sub);
        if (st == IR_OK && *sub) st = make_folder(buf);
    }
    snprintf(buf, n, "%s/look%d%s/%s.json", dir, look, sub, node);
    return st;
}

/* ---- members --------------------------------------------------------------------------------- */
static int folder_by_name(const void *a, const void *b)
{
    return strcmp(((const fleet_member *)a)->name, ((const fleet_member *)b)->name);
}

fleet_member *fleet_find(const fleet_data *d, const char *name)
{
    fleet_member key;
    snprintf(key.name, sizeof key.name, "%s", name);
    return d->n ? bsearch(&key, d->v, d->n, sizeof *d->v, folder_by_name) : NULL;
}

static ir_status expect_members(fleet_data *d)
{
    if (!d->plan.nnode) return ir_fail(IR_EINVAL, "plan.json: nodes: there are none");
    d->v = calloc(d->plan.nnode + 1, sizeof *d->v);
    if (!d->v) return ir_fail(IR_ENOMEM, "no memory for %zu nodes", d->plan.nnode);
    d->n = d->plan.nnode;
    for (size_t i = 0; i < d->n; i++) snprintf(d->v[i].name, sizeof d->v[i].name, "%s", d->plan.node[i]);
    qsort(d->v, d->n, sizeof *d->v, folder_by_name);
    for (size_t i = 1; i < d->n; i++)
        if (!strcmp(d->v[i].name, d->v[i - 1].name))
            return ir_fail(IR_EINVAL, "node %s is named twice", d->v[i].name);
    return IR_OK;
}

ir_status fleet_read_plan(const char *dir, fleet_data *out)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/plan.json", dir);
    *out = (fleet_data){0};
    ir_status st = ir_fleet_plan_read(path, &out->plan);
    if (st == IR_OK) st = expect_members(out);
    if (st == IR_OK) return st;
    char why[512];
    snprintf(why, sizeof why, "%s", ir_why());
    fleet_free(out);
    return ir_fail(st, "%s", why);
}

/* ---- digests --------------------------------------------------------------------------------- */
/* A digest says itself whose it is; its name must be the file's, or a copy would speak for another. */
static ir_status keep_digest(fleet_data *d, const char *path, const char *name, int look)
{
    fleet_member *m = fleet_find(d, name);
    if (!m)
        return ir_fail(IR_EINVAL, "%s: node %s is not in the plan: the folder holds another fleet's files",
                       path, name);
    ir_fleet_node *to = &m->look[look - 1];
    ir_status      st = ir_fleet_node_read(path, to);
    if (st == IR_ENOMEM) return st;
    if (st != IR_OK) {
        snprintf(m->bad, sizeof m->bad, "%s", ir_why());
        return IR_OK;
    }
    if (strcmp(to->node, name))
        st = ir_fail(IR_EINVAL, "%s: node: it is %s's digest", path, to->node);
    else if (strcmp(to->run, d->plan.run))
        st = ir_fail(IR_EINVAL,
                     "%s: run: it is of run %s, the plan's is %s: the folder holds another fleet's files",
                     path, to->run, d->plan.run);
    m->have[look - 1] = st == IR_OK;
    return st;
}

static bool ends_in(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && !strcmp(s + n - m, end);
}

/* Names in order, so that the first complaint is always the same one. */
static ir_status read_digests(fleet_data *d, const char *folder, int look, int depth)
{
    struct dirent **e = NULL;
    int             n = scandir(folder, &e, NULL, alphasort);
    ir_status st = n < 0 && errno != ENOENT ? ir_fail(IR_EIO, "%s: %s", folder, strerror(errno)) : IR_OK;
    for (int i = 0; i < n; i++) {
        char path[4600], name[256];
        snprintf(path, sizeof path, "%s/%s", folder, e[i]->d_name);
        snprintf(name, sizeof name, "%s", e[i]->d_name);
        bool file = ends_in(name, ".json");
        if (st == IR_OK && file) {
            name[strlen(name) - 5] = 0;
            st = keep_digest(d, path, name, look);
        } else if (st == IR_OK && depth == 0 && name[0] != '.' && !ends_in(name, ".tmp")) {
            st = read_digests(d, path, look, 1);
        }
        free(e[i]);
    }
    free(e);
    return st;
}

static ir_status read_second(fleet_data *d, const char *dir)
{
    char          path[4200];
    ir_fleet_plan asked;
    bool          there;
    snprintf(path, sizeof path, "%s/look2.json", dir);
    ir_status st = ir_path_look(path, &there, NULL);
    if (st != IR_OK || !there) return st;
    st = ir_fleet_plan_read(path, &asked);
    for (size_t i = 0; st == IR_OK && i < asked.nnode; i++) {
        fleet_member *m = fleet_find(d, asked.node[i]);
        if (m)
            m->asked2 = true;
        else
            st = ir_fail(IR_EINVAL, "%s: node %s is not in the plan", path, asked.node[i]);
    }
    ir_fleet_plan_free(&asked);
    snprintf(path, sizeof path, "%s/look2", dir);
    return st == IR_OK ? read_digests(d, path, 2, 0) : st;
}

static ir_status read_network(fleet_data *d, const char *dir)
{
    char path[4200];
    bool there;
    snprintf(path, sizeof path, "%s/net.jsonl", dir);
    ir_status st = ir_path_look(path, &there, NULL);
    if (st != IR_OK || !there) return st;
    st = ir_fleet_pairs_read(path, &d->pairs);
    for (size_t i = 0; st == IR_OK && i < d->pairs.nsilent; i++) {
        fleet_member *m = fleet_find(d, d->pairs.silent[i]);
        if (m) m->silent = true;
    }
    return st;
}

ir_status fleet_read(const char *dir, fleet_data *out)
{
    char      path[4200];
    ir_status st = fleet_read_plan(dir, out);
    if (st != IR_OK) return st;
    snprintf(path, sizeof path, "%s/look1", dir);
    st = read_digests(out, path, 1, 0);
    if (st == IR_OK) st = read_second(out, dir);
    if (st == IR_OK) st = read_network(out, dir);
    if (st == IR_OK) return st;
    char why[512];
    snprintf(why, sizeof why, "%s", ir_why());
    fleet_free(out);
    return ir_fail(st, "%s", why);
}

void fleet_free(fleet_data *d)
{
    for (size_t i = 0; i < d->n; i++)
        for (int k = 0; k < 2; k++) ir_fleet_node_free(&d->v[i].look[k]);
    free(d->v);
    ir_fleet_plan_free(&d->plan);
    ir_fleet_pairs_free(&d->pairs);
    *d = (fleet_data){0};
}

/* ---- written, for tests and synthetic fleets ------------------------------------------------- */
ir_status fleet_write_folder(const fleet_data *d, const char *dir)
{
    char      path[4200];
    ir_status st = make_folder(dir);
    snprintf(path, sizeof path, "%s/plan.json", dir);
    if (st == IR_OK) st = ir_fleet_plan_write(path, &d->plan);
    ir_fleet_plan second = d->plan;
    second.node = calloc(d->n + 1, sizeof *second.node);
    second.nnode = 0;
    if (!second.node) return ir_fail(IR_ENOMEM, "no memory for %zu nodes", d->n);
    for (size_t i = 0; i < d->n && st == IR_OK; i++) {
        const fleet_member *m = &d->v[i];
        if (m->asked2) snprintf(second.node[second.nnode++], IR_FLEET_NAME, "%s", m->name);
        for (int k = 0; k < 2 && st == IR_OK; k++) {
            if (!m->have[k]) continue;
            st = fleet_path(dir, k + 1, m->name, d->n, true, path, sizeof path);
            if (st == IR_OK) st = ir_fleet_node_write(path, &m->look[k]);
        }
    }
    snprintf(path, sizeof path, "%s/look2.json", dir);
    if (st == IR_OK && second.nnode) st = ir_fleet_plan_write(path, &second);
    free(second.node);
    return st;
}
