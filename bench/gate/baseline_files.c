/* baseline_files.c -- thresholds, and a baseline folder that is renewed without ever being half new. */
#define _GNU_SOURCE
#include "bench/gate/baseline.h"
#include "harness/pattern.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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
    FILE *f = fopen(path, "r");
    out->n = 0;
    if (!f && missing_ok && errno == ENOENT) return IR_OK;
    if (!f) return ir_fail(IR_EIO, "%s: %s", path, strerror(errno));
    char     *line = NULL;
    size_t    cap = 0, at = 0;
    ir_status st = IR_OK;
    while (st == IR_OK && getline(&line, &cap, f) > 0) {
        at++;
        st = threshold_line(line, out);
        if (st != IR_OK) st = ir_fail(st, "%s:%zu: %s", path, at, ir_why());
    }
    if (st == IR_OK && ferror(f)) st = ir_fail(IR_EIO, "%s: %s", path, strerror(errno));
    free(line);
    fclose(f);
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
        if (regexec(&t->v[i].re, key, 0, NULL, 0) == 0) return t->v[i].delta;
    return otherwise;
}

/* ---- renewal --------------------------------------------------------------------------------- */
static ir_status baseline_files_copy(const char *from, const char *to)
{
    char   tmp[1200], buf[1 << 16];
    size_t n;
    snprintf(tmp, sizeof tmp, "%s.tmp", to);
    FILE     *in = fopen(from, "r"), *out = in ? fopen(tmp, "w") : NULL;
    ir_status st = out ? IR_OK : ir_fail(IR_EIO, "%s: %s", in ? tmp : from, strerror(errno));
    while (st == IR_OK && (n = fread(buf, 1, sizeof buf, in)) > 0)
        if (fwrite(buf, 1, n, out) != n) st = ir_fail(IR_EIO, "%s: %s", tmp, strerror(errno));
    if (st == IR_OK && ferror(in)) st = ir_fail(IR_EIO, "%s: %s", from, strerror(errno));
    if (st == IR_OK && (fflush(out) != 0 || fsync(fileno(out)) != 0))
        st = ir_fail(IR_EIO, "%s: %s", tmp, strerror(errno));
    if (in) fclose(in);
    if (out && fclose(out) != 0 && st == IR_OK) st = ir_fail(IR_EIO, "%s: %s", tmp, strerror(errno));
    if (st == IR_OK && rename(tmp, to) != 0) st = ir_fail(IR_EIO, "%s: %s", to, strerror(errno));
    if (st != IR_OK && out) remove(tmp);
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

static void baseline_files_clear(const char *fresh, size_t n)
{
    char path[1100];
    for (size_t i = 0; i <= n; i++) {
        if (i < n)
            snprintf(path, sizeof path, "%s/run-%03zu.jsonl", fresh, i + 1);
        else
            snprintf(path, sizeof path, "%s/thresholds.txt", fresh);
        remove(path);
    }
    rmdir(fresh);
}

/* The new set is complete in a folder of its own before the old one moves to history/ and the new one takes
 * its name. */
ir_status baseline_update(const char *base, const run_files *now)
{
    char        fresh[600], history[600], old[700], to[1100], keep[1100], kept[1100];
    struct stat s;
    struct tm   tm;
    time_t      t = time(NULL);
    char        stamp[32];
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&t, &tm));
    bool exists = stat(base, &s) == 0;
    if (exists && !S_ISDIR(s.st_mode))
        return ir_fail(IR_EINVAL, "%s: is no folder: --update keeps a folder of runs", base);
    snprintf(fresh, sizeof fresh, "%.500s.new-%ld", base, (long)getpid());
    snprintf(history, sizeof history, "%.500s.history", base);
    snprintf(old, sizeof old, "%.560s/%s-%ld", history, stamp, (long)getpid());
    ir_status st = folder(fresh);
    for (size_t i = 0; i < now->n && st == IR_OK; i++) {
        snprintf(to, sizeof to, "%s/run-%03zu.jsonl", fresh, i + 1);
        st = baseline_files_copy(now->v[i].path, to);
    }
    snprintf(keep, sizeof keep, "%s/thresholds.txt", base);
    snprintf(kept, sizeof kept, "%s/thresholds.txt", fresh);
    if (st == IR_OK && exists && stat(keep, &s) == 0) st = baseline_files_copy(keep, kept);
    if (st == IR_OK && exists) st = folder(history);
    if (st == IR_OK && exists)
        st = exchange(fresh, base, old);
    else if (st == IR_OK && rename(fresh, base) != 0)
        st = ir_fail(IR_EIO, "%s: %s", base, strerror(errno));
    if (st != IR_OK) baseline_files_clear(fresh, now->n);
    return st;
}
