/* newest.c -- see newest.h. */
#define _GNU_SOURCE
#include "bench/gate/newest.h"
#include "harness/record/input.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { HEAD_LINES = 4, MAX_VALUE = 64 };
typedef struct {
    char started[MAX_VALUE], key[MAX_VALUE], device[MAX_VALUE];
} record_head;
typedef struct {
    const char *key, *before, *except, *device;
    char       *path;
    size_t      n;
    char        started[MAX_VALUE]; /* of the best so far; empty: none */
    ir_status   st;                 /* the first that could not be looked at */
} search;

/* The text behind "name": in a line of a record. */
static bool text_field(const char *line, const char *name, char out[MAX_VALUE])
{
    char pattern[MAX_VALUE];
    snprintf(pattern, sizeof pattern, "\"%s\":", name);
    const char *at = strstr(line, pattern);
    if (!at) return false;
    at += strlen(pattern);
    at += strspn(at, " ");
    if (*at++ != '"') return false;
    snprintf(out, MAX_VALUE, "%.*s", (int)strcspn(at, "\""), at);
    return true;
}

/* What is not for us to read is no candidate; any other failure might have hidden the newest. */
static void hidden(search *s, const char *path)
{
    if (errno != ENOENT && errno != EACCES && errno != ENOTDIR && s->st == IR_OK)
        s->st = ir_fail(errno == ENOMEM ? IR_ENOMEM : IR_EIO, "%s: %s", path, strerror(errno));
}

static bool head_of(search *s, const char *path, record_head *out)
{
    FILE  *f = fopen(path, "r");
    char  *line = NULL, kind[MAX_VALUE];
    size_t cap = 0;
    bool   header = false, machine = false;
    memset(out, 0, sizeof *out);
    if (!f) hidden(s, path);
    errno = 0;
    for (int i = 0; f && i < HEAD_LINES && !machine && getline(&line, &cap, f) > 0; i++) {
        if (!text_field(line, "record", kind)) break;
        if (!strcmp(kind, "header")) header = text_field(line, "started", out->started);
        if (!strcmp(kind, "machine")) {
            machine = text_field(line, "comparability_key", out->key);
            text_field(line, "name", out->device);
        }
        if (!header) break;
    }
    if (f && (ferror(f) || errno == ENOMEM)) hidden(s, path);
    free(line);
    if (f) fclose(f);
    return header && machine;
}

static void consider(search *s, const char *path)
{
    record_head h;
    if (!head_of(s, path, &h)) return;
    if ((s->key && strcmp(h.key, s->key) != 0) || (s->before && strcmp(h.started, s->before) >= 0)) return;
    if (s->device && !strcasestr(h.device, s->device)) return;
    if ((s->except && ir_same_file(path, s->except)) || strcmp(h.started, s->started) <= 0) return;
    snprintf(s->started, sizeof s->started, "%s", h.started);
    snprintf(s->path, s->n, "%s", path);
}

static void walk(search *s, const char *folder, bool deep)
{
    DIR           *d = opendir(folder);
    struct dirent *e;
    if (!d) hidden(s, folder);
    while (d && (e = readdir(d))) {
        char        path[4096];
        struct stat st;
        size_t      n = strlen(e->d_name);
        if (e->d_name[0] == '.' ||
            snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= (int)sizeof path)
            continue;
        if (stat(path, &st) != 0) {
            hidden(s, path);
            continue;
        }
        if (S_ISDIR(st.st_mode) && deep) walk(s, path, false);
        if (S_ISREG(st.st_mode) && n > 6 && !strcmp(e->d_name + n - 6, ".jsonl")) consider(s, path);
    }
    if (d) closedir(d);
}

ir_status newest_record(const char *folder, bool deep, const char *key, const char *before,
                        const char *except, char *path, size_t n)
{
    search s = {.key = key, .before = before, .except = except, .path = path, .n = n};
    walk(&s, folder, deep);
    if (s.st != IR_OK) return s.st;
    return *s.started ? IR_OK : ir_fail(IR_SKIP, "%s: no such record in it", folder);
}

ir_status newest_of_device(const char *folder, const char *device, char *path, size_t n)
{
    search s = {.device = device, .path = path, .n = n};
    walk(&s, folder, true);
    if (s.st != IR_OK) return s.st;
    return *s.started ? IR_OK : ir_fail(IR_SKIP, "%s: no record of %s in it", folder, device);
}

ir_status newest_run(char *path, size_t n)
{
    ir_status st = newest_record("results", true, NULL, NULL, NULL, path, n);
    if (st == IR_SKIP) st = newest_record(".", false, NULL, NULL, NULL, path, n);
    if (st != IR_SKIP) return st;
    return ir_fail(IR_EINVAL, "@last: no record of a run under results/ or here; 'ironroof run' makes one");
}
