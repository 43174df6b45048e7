/* baseline_files.c -- thresholds, and a baseline folder that is renewed without ever being half new. */
#define _GNU_SOURCE
#include "bench/gate/baseline.h"
#include "harness/pattern.h"
#include "harness/record/input.h"
#include "harness/record/writer.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_B = 4096 };

/* ---- thresholds ------------------------------------------------------------------------------ */
static ir_status baseline_files_share(const char *s, double *out)
{
    char  *end;
    double v = strtod(s, &end);
    if (*end == '%') v /= 100, end++;
    if (end == s || *end || !(v > 0 && v <= 10))
        return ir_fail(IR_EINVAL, "'%.30s': a share such as 5%% or 0.05 expected", s);
    *out = log1p(v);
    return IR_OK;
}

static ir_status threshold_line(char *line, thresholds *out)
{
    line[strcspn(line, "#\r\n")] = 0;
    char *end = line + strlen(line);
    while (end > line && isspace((unsigned char)end[-1])) *--end = 0;
    while (isspace((unsigned char)*line)) line++;
    if (!*line) return IR_OK;
    char *last = end;
    while (last > line && !isspace((unsigned char)last[-1])) last--;
    if (last == line) return ir_fail(IR_EINVAL, "'%.60s': REGEX and SHARE expected", line);
    if (out->n == THRESHOLDS_MAX) return ir_fail(IR_EINVAL, "more than %d thresholds", THRESHOLDS_MAX);
    threshold *t = &out->v[out->n];
    ir_status  st = baseline_files_share(last, &t->delta);
    while (last > line && isspace((unsigned char)last[-1])) *--last = 0;
    if (st == IR_OK) st = ir_pattern_compile(line, &t->re);
    if (st == IR_OK) out->n++;
    return st;
}

ir_status thresholds_read(const char *path, bool missing_ok, thresholds *out)
{
    FILE *f = NULL;
    out->n = 0;
    if (missing_ok && access(path, F_OK) != 0 && errno == ENOENT) return IR_OK;
    char      line[LINE_B];
    size_t    at = 0;
    ir_status st = ir_input_open(path, &f);
    errno = 0;
    while (st == IR_OK && fgets(line, sizeof line, f)) {
        at++;
        st = strchr(line, '\n') || feof(f)
                 ? threshold_line(line, out)
                 : ir_fail(IR_EINVAL, "a line of more than %d characters, or one with a NUL", LINE_B);
        if (st != IR_OK) st = ir_fail(st, "%s:%zu: %s", path, at, ir_why());
    }
    if (st == IR_OK && (ferror(f) || errno == ENOMEM)) st = ir_fail(IR_EIO, "%s: %s", path, strerror(errno));
    if (f) fclose(f);
    if (st != IR_OK) thresholds_free(out);
    return st;
}

void thresholds_free(thresholds *t)
{
    for (size_t i = 0; i < t->n; i++) regfree(&t->v[i].re);
    t->n = 0;
}

double threshold_of(const thresholds *t, const char *key, double otherwise)
{
    for (size_t i = t->n; i-- > 0;)
        if (ir_pattern_found(&t->v[i].re, key)) return t->v[i].delta;
    return otherwise;
}

/* ---- renewal --------------------------------------------------------------------------------- */
static ir_status baseline_files_copy(const char *from, const char *to)
{
    char       buf[1 << 16];
    size_t     n;
    FILE      *in = NULL;
    ir_writer *w = NULL;
    ir_status  st = ir_input_open(from, &in);
    if (st == IR_OK) st = ir_writer_open(to, &w);
    while (st == IR_OK && (n = fread(buf, 1, sizeof buf, in)) > 0) {
        st = ir_write_all(ir_writer_fd(w), buf, n);
        if (st != IR_OK) st = ir_fail(st, "%s: %s", to, ir_why());
    }
    if (st == IR_OK && ferror(in)) st = ir_fail(IR_EIO, "%s: %s", from, strerror(errno));
    if (in) fclose(in);
    if (st == IR_OK) return ir_writer_commit(&w);
    ir_writer_discard(&w);
    return st;
}

static ir_status folder(const char *path)
{
    return mkdir(path, 0777) == 0 || errno == EEXIST ? IR_OK
                                                     : ir_fail(IR_EIO, "%s: %s", path, strerror(errno));
}

/* The new folder takes the old one's place in one step, and the old one goes to the history: whoever looks
 * sees one of the two. A file system that cannot exchange names gets two renames, with an instant between
 * them. */
static ir_status exchange(const char *fresh, const char *base, const char *old)
{
#if defined(__linux__) && defined(RENAME_EXCHANGE)
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, base, RENAME_EXCHANGE) == 0) {
        if (rename(fresh, old) == 0) return IR_OK; /* NOLINT(readability-suspicious-call-argument) */
        ir_status st = ir_fail(IR_EIO, "%s: %s", old, strerror(errno));
        renameat2(AT_FDCWD, fresh, AT_FDCWD, base, RENAME_EXCHANGE); /* the old baseline is never lost */
        return st;
    }
#endif
    if (rename(base, old) != 0) /* NOLINT(readability-suspicious-call-argument) */
        return ir_fail(IR_EIO, "%s: %s", old, strerror(errno));
    return rename(fresh, base) == 0 ? IR_OK : ir_fail(IR_EIO, "%s: %s", base, strerror(errno));
}

/* Paths of a renewal; all owned. */
typedef struct {
    char *base, *fresh, *history, *old;
} renewal;

__attribute__((format(printf, 2, 3))) static ir_status baseline_files_name(char **out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(out, fmt, ap);
    va_end(ap);
    if (n >= 0) return IR_OK;
    *out = NULL;
    return ir_fail(IR_ENOMEM, "no memory for a name");
}

static void renewal_free(renewal *r)
{
    free(r->base);
    free(r->fresh);
    free(r->history);
    free(r->old);
}

/* A link to a folder stays one: what it leads to is renewed. */
static ir_status renewal_names(const char *base, bool exists, renewal *r)
{
    struct tm tm;
    time_t    t = time(NULL);
    char      stamp[32];
    size_t    n = strlen(base);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&t, &tm));
    while (n > 1 && base[n - 1] == '/') n--;
    r->base = exists ? realpath(base, NULL) : strndup(base, n);
    if (!r->base) return ir_fail(errno == ENOMEM ? IR_ENOMEM : IR_EIO, "%s: %s", base, strerror(errno));
    ir_status st = baseline_files_name(&r->fresh, "%s.new-%ld", r->base, (long)getpid());
    if (st == IR_OK) st = baseline_files_name(&r->history, "%s.history", r->base);
    if (st == IR_OK) st = baseline_files_name(&r->old, "%s/%s-%ld", r->history, stamp, (long)getpid());
    return st;
}

static void baseline_files_clear(const char *fresh)
{
    DIR           *d = fresh ? opendir(fresh) : NULL;
    struct dirent *e;
    while (d && (e = readdir(d)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) unlinkat(dirfd(d), e->d_name, 0);
    if (d) closedir(d);
    if (fresh) rmdir(fresh);
}

static ir_status copy_runs(const renewal *r, bool exists, const run_files *now)
{
    char     *to = NULL, *keep = NULL;
    ir_status st = IR_OK;
    bool      there = false;
    for (size_t i = 0; i < now->n && st == IR_OK; i++) {
        st = baseline_files_name(&to, "%s/run-%03zu.jsonl", r->fresh, i + 1);
        if (st == IR_OK) st = baseline_files_copy(now->v[i].path, to);
        free(to);
        to = NULL;
    }
    if (st == IR_OK && exists) st = baseline_files_name(&keep, "%s/thresholds.txt", r->base);
    if (st == IR_OK && exists) st = baseline_files_name(&to, "%s/thresholds.txt", r->fresh);
    if (st == IR_OK && exists) st = ir_path_look(keep, &there, NULL);
    if (st == IR_OK && there) st = baseline_files_copy(keep, to);
    free(keep);
    free(to);
    return st;
}

/* The new set is complete in a folder of its own before the old one moves to history/ and the new one takes
 * its name. */
ir_status baseline_update(const char *base, const run_files *now)
{
    renewal     r = {0};
    struct stat s;
    bool        exists;
    ir_status   st = ir_path_look(base, &exists, &s);
    if (st == IR_OK && exists && !S_ISDIR(s.st_mode))
        st = ir_fail(IR_EINVAL, "%s: is no folder: --update keeps a folder of runs", base);
    if (st == IR_OK) st = renewal_names(base, exists, &r);
    bool begun = st == IR_OK;
    if (st == IR_OK) st = folder(r.fresh);
    if (st == IR_OK) st = copy_runs(&r, exists, now);
    if (st == IR_OK && exists) st = folder(r.history);
    if (st == IR_OK && exists)
        st = exchange(r.fresh, r.base, r.old);
    else if (st == IR_OK && rename(r.fresh, r.base) != 0)
        st = ir_fail(IR_EIO, "%s: %s", base, strerror(errno));
    if (st != IR_OK && begun) baseline_files_clear(r.fresh);
    renewal_free(&r);
    return st;
}
