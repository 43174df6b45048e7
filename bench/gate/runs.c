/* runs.c -- see runs.h. */
#define _GNU_SOURCE
#include "bench/gate/runs.h"
#include "harness/record/input.h"

#include <dirent.h>
#include <errno.h>
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

ir_status runs_index(run_file *f)
{
    ir_status st = IR_OK;
    char      key[IR_ID];
    for (size_t i = 0; i < f->r.npoint && st == IR_OK; i++) {
        ir_key *e;
        st = ir_keys_add(&f->points, ir_point_key(&f->r.point[i], key), i, &e);
        if (st == IR_OK && f->r.point[e->value].id.for_ceiling && !f->r.point[i].id.for_ceiling) e->value = i;
    }
    return st;
}

static void run_file_free(run_file *f)
{
    free(f->path);
    ir_record_free(&f->r);
    ir_keys_free(&f->points);
}

/* Why a file holds no run: *left says that a run left it so, or never came to a point. */
static ir_status runs_open(const char *path, run_file *f, bool *left)
{
    memset(f, 0, sizeof *f);
    *left = false;
    ir_status st = ir_record_read(path, false, &f->r);
    if (st != IR_OK) {
        *left = f->r.unbegun;
        return st;
    }
    f->path = strdup(path);
    *left = f->r.npoint == 0;
    if (*left)
        st = ir_fail(IR_EINVAL, "%s: no point in it: nothing was measured", path);
    else
        st = f->path ? runs_index(f) : ir_fail(IR_ENOMEM, "%s: no memory for it", path);
    if (st != IR_OK) run_file_free(f);
    return st;
}

typedef struct {
    run_files *all;
    FILE      *notes;
    size_t     passed;
} runs_reader;

static ir_status runs_add(runs_reader *r, const char *path, bool in_folder)
{
    run_files *all = r->all;
    bool       left;
    if (all->n == all->cap) {
        size_t    cap = all->cap ? 2 * all->cap : 8;
        run_file *v = realloc(all->v, cap * sizeof *v);
        if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu records", cap);
        all->v = v;
        all->cap = cap;
    }
    ir_status st = runs_open(path, &all->v[all->n], &left);
    if (st == IR_OK) all->n++;
    if (st != IR_EINVAL || !(left || in_folder)) return st;
    r->passed++;
    if (r->notes) fprintf(r->notes, "ironroof: passed over: %s\n", ir_why());
    return IR_OK;
}

static int is_record(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return e->d_name[0] != '.' && n > 6 && !strcmp(e->d_name + n - 6, ".jsonl");
}

/* Of a folder only files are read: a FIFO would wait for its writer. */
static bool runs_is_file(runs_reader *r, const char *path)
{
    struct stat s;
    int         bad = stat(path, &s) == 0 ? 0 : errno;
    if (!bad && S_ISREG(s.st_mode)) return true;
    r->passed++;
    ir_fail(IR_EINVAL, "%s: %s", path, bad ? strerror(bad) : "no regular file");
    if (r->notes) fprintf(r->notes, "ironroof: passed over: %s\n", ir_why());
    return false;
}

static ir_status add_folder(runs_reader *r, const char *folder)
{
    struct dirent **e = NULL;
    int             n = scandir(folder, &e, is_record, alphasort);
    ir_status       st = n > 0 ? IR_OK : ir_fail(IR_EINVAL, "%s: no record (*.jsonl) in it", folder);
    if (n < 0) st = ir_fail(errno == ENOMEM ? IR_ENOMEM : IR_EIO, "%s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        char *path = malloc(strlen(folder) + strlen(e[i]->d_name) + 2);
        if (!path && st == IR_OK) st = ir_fail(IR_ENOMEM, "%s: no memory for a name", folder);
        if (path) sprintf(path, "%s/%s", folder, e[i]->d_name);
        if (st == IR_OK && runs_is_file(r, path)) st = runs_add(r, path, true);
        free(path);
        free(e[i]);
    }
    free(e);
    return st;
}

ir_status runs_read(const char *const *name, size_t n, FILE *notes, run_files *out)
{
    runs_reader r = {.all = out, .notes = notes};
    ir_status   st = IR_OK;
    *out = (run_files){0};
    for (size_t i = 0; i < n && st == IR_OK; i++) {
        struct stat s;
        bool        folder = stat(name[i], &s) == 0 && S_ISDIR(s.st_mode);
        st = folder ? add_folder(&r, name[i]) : runs_add(&r, name[i], false);
    }
    if (st == IR_OK && out->n == 0 && r.passed) {
        char why[400];
        snprintf(why, sizeof why, "%s", ir_why());
        st = r.passed == 1 ? ir_fail(IR_EINVAL, "%s", why)
                           : ir_fail(IR_EINVAL, "none of %zu files is a record with a point; the last: %s",
                                     r.passed, why);
    }
    if (st != IR_OK)
        runs_free(out);
    else if (out->n)
        qsort(out->v, out->n, sizeof *out->v, by_start);
    return st;
}

ir_status runs_apart(const run_files *f, const char *output)
{
    ir_status st = IR_OK;
    for (size_t i = 0; i < f->n && st == IR_OK; i++)
        st = ir_input_not_output((const char *const *)&f->v[i].path, 1, output);
    return st;
}

void runs_free(run_files *all)
{
    for (size_t i = 0; i < all->n; i++) run_file_free(&all->v[i]);
    free(all->v);
    *all = (run_files){0};
}

const ir_point *run_point(const run_file *f, const char *key)
{
    const ir_key *e = ir_keys_find(&f->points, key);
    return e ? &f->r.point[e->value] : NULL;
}

double run_log_time(const run_file *f, const char *key)
{
    const ir_point *p = run_point(f, key);
    if (!p || p->status != IR_OK) return NAN;
    double t = p->m.dev.n > 0 ? p->m.dev.q25 : p->m.wall.n > 0 ? p->m.wall.q25 : NAN;
    return t > 0 && isfinite(t) ? log(t) : NAN;
}

static ir_status runs_collect(const run_files *all, ir_keys *seen, run_keys *out)
{
    ir_status st = IR_OK;
    for (size_t f = 0; f < all->n; f++)
        for (size_t i = 0; i < all->v[f].r.npoint && st == IR_OK; i++) {
            const ir_point *p = &all->v[f].r.point[i];
            size_t          n = seen->n;
            if (p->id.for_ceiling || p->status == IR_SKIP) continue;
            st = ir_keys_add(seen, ir_point_key(p, out->v[out->n]), out->n, NULL);
            out->n += seen->n > n;
        }
    return st;
}

ir_status runs_keys(const run_files *const *side, size_t nside, run_keys *out)
{
    size_t  most = 0;
    ir_keys seen = {0};
    for (size_t s = 0; s < nside; s++)
        for (size_t f = 0; f < side[s]->n; f++) most += side[s]->v[f].r.npoint;
    *out = (run_keys){.v = malloc((most + 1) * sizeof *out->v)};
    if (!out->v) return ir_fail(IR_ENOMEM, "no memory for %zu points", most);
    ir_status st = IR_OK;
    for (size_t s = 0; s < nside && st == IR_OK; s++) st = runs_collect(side[s], &seen, out);
    ir_keys_free(&seen);
    if (st != IR_OK) run_keys_free(out);
    return st;
}

void run_keys_free(run_keys *k)
{
    free(k->v);
    *k = (run_keys){0};
}
