/* runs.c -- see runs.h. */
#define _GNU_SOURCE
#include "bench/gate/runs.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int by_start(const void *x, const void *y)
{
    const run_file *a = x, *b = y;
    int             c = strcmp(a->r.started, b->r.started);
    return c ? c : strcmp(a->path, b->path);
}

static ir_status runs_add(run_files *all, const char *path)
{
    if (all->n == all->cap) {
        size_t    cap = all->cap ? 2 * all->cap : 8;
        run_file *v = realloc(all->v, cap * sizeof *v);
        if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu records", cap);
        all->v = v;
        all->cap = cap;
    }
    run_file *f = &all->v[all->n];
    if (snprintf(f->path, sizeof f->path, "%s", path) >= (int)sizeof f->path)
        return ir_fail(IR_EINVAL, "%.80s...: the path is too long", path);
    ir_status st = ir_record_read(path, false, &f->r);
    if (st != IR_OK) return st;
    if (f->r.npoint == 0) {
        ir_record_free(&f->r);
        return ir_fail(IR_EINVAL, "%s: no point in it: nothing was measured", path);
    }
    all->n++;
    return IR_OK;
}

static int is_record(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return e->d_name[0] != '.' && n > 6 && !strcmp(e->d_name + n - 6, ".jsonl");
}

static ir_status add_folder(run_files *all, const char *folder)
{
    struct dirent **e = NULL;
    int             n = scandir(folder, &e, is_record, alphasort);
    ir_status       st = n > 0 ? IR_OK : ir_fail(IR_EINVAL, "%s: no record (*.jsonl) in it", folder);
    for (int i = 0; i < n; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, e[i]->d_name);
        if (st == IR_OK) st = runs_add(all, path);
        free(e[i]);
    }
    free(e);
    return st;
}

ir_status runs_read(const char *const *name, size_t n, run_files *out)
{
    ir_status st = IR_OK;
    *out = (run_files){0};
    for (size_t i = 0; i < n && st == IR_OK; i++) {
        struct stat s;
        bool        folder = stat(name[i], &s) == 0 && S_ISDIR(s.st_mode);
        st = folder ? add_folder(out, name[i]) : runs_add(out, name[i]);
    }
    if (st != IR_OK)
        runs_free(out);
    else if (out->n)
        qsort(out->v, out->n, sizeof *out->v, by_start);
    return st;
}

void runs_free(run_files *all)
{
    for (size_t i = 0; i < all->n; i++) ir_record_free(&all->v[i].r);
    free(all->v);
    *all = (run_files){0};
}

const ir_point *run_point(const run_file *f, const char *key)
{
    const ir_point *found = NULL;
    char            have[IR_ID];
    for (size_t i = 0; i < f->r.npoint; i++) {
        const ir_point *p = &f->r.point[i];
        if (strcmp(key, ir_point_key(p, have)) != 0) continue;
        if (!p->id.for_ceiling) return p;
        if (!found) found = p;
    }
    return found;
}

double run_log_time(const run_file *f, const char *key)
{
    const ir_point *p = run_point(f, key);
    if (!p || p->status != IR_OK) return NAN;
    double t = p->m.dev.n > 0 ? p->m.dev.q25 : p->m.wall.n > 0 ? p->m.wall.q25 : NAN;
    return t > 0 && isfinite(t) ? log(t) : NAN;
}

static bool runs_listed(const run_keys *k, const char *key)
{
    for (size_t i = 0; i < k->n; i++)
        if (!strcmp(k->v[i], key)) return true;
    return false;
}

ir_status runs_keys(const run_files *all, run_keys *out)
{
    size_t most = 0;
    for (size_t f = 0; f < all->n; f++) most += all->v[f].r.npoint;
    *out = (run_keys){.v = malloc((most + 1) * sizeof *out->v)};
    if (!out->v) return ir_fail(IR_ENOMEM, "no memory for %zu points", most);
    for (size_t f = 0; f < all->n; f++)
        for (size_t i = 0; i < all->v[f].r.npoint; i++) {
            const ir_point *p = &all->v[f].r.point[i];
            ir_point_key(p, out->v[out->n]);
            if (!p->id.for_ceiling && p->status != IR_SKIP && !runs_listed(out, out->v[out->n])) out->n++;
        }
    return IR_OK;
}

void run_keys_free(run_keys *k)
{
    free(k->v);
    *k = (run_keys){0};
}
