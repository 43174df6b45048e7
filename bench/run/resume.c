/* resume.c -- see resume.h. */
#include "bench/run/resume.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* A run that was killed in its first moment leaves no line, or a piece of the header. */
static ir_status not_begun(const char *path, bool *unbegun)
{
    static const char first[] = "{\"record\":\"header\"";
    char              buf[4096];
    FILE             *f = fopen(path, "rb");
    if (!f) return ir_fail(IR_EIO, "%s: %s", path, strerror(errno));
    size_t n = fread(buf, 1, sizeof buf, f), k = n < sizeof first - 1 ? n : sizeof first - 1;
    bool   bad = ferror(f) != 0;
    fclose(f);
    if (bad) return ir_fail(IR_EIO, "%s: %s", path, strerror(errno));
    *unbegun =
        n < sizeof buf && !memchr(buf, '\n', n) && !memcmp(buf, first, k) && (n == 0 || buf[n - 1] != '}');
    return IR_OK;
}

ir_status resume_open(resumed_run *run, const char *path)
{
    struct stat st;
    bool        unbegun = false;
    memset(run, 0, sizeof *run);
    if (!path) return IR_OK;
    if (!strcmp(path, "-") || (stat(path, &st) == 0 && !S_ISREG(st.st_mode)))
        return ir_fail(IR_EINVAL, "%s: no regular file: a run is continued in one", path);
    ir_status s = not_begun(path, &unbegun);
    if (s == IR_OK && !unbegun) s = ir_record_read(path, false, &run->r);
    if (s != IR_OK) return s;
    run->path = path;
    run->begun = !unbegun;
    s = ir_keys_points(&run->keys, run->r.point, run->r.npoint);
    if (s != IR_OK) resume_close(run);
    return s;
}

void resume_close(resumed_run *run)
{
    if (run->path && run->begun) ir_record_free(&run->r);
    ir_keys_free(&run->keys);
    run->path = NULL;
}

static size_t resume_device(const resumed_run *run, const ir_device_info *d)
{
    size_t at = 0;
    while (at < run->r.ndevice && strcmp(run->r.device[at].id, d->id) != 0) at++;
    return at;
}

bool resume_knows(const resumed_run *run, const ir_device_info *d)
{
    return run->path && resume_device(run, d) < run->r.ndevice;
}

ir_status resume_fits(const resumed_run *run, const ir_device_info *d, const ir_env *env)
{
    size_t at = resume_device(run, d);
    if (!run->path || at == run->r.ndevice) return IR_OK;
    const char *field = run->r.device_env[at].n ? ir_env_differs(&run->r.device_env[at], env) : NULL;
    if (!field) return IR_OK;
    return ir_fail(IR_EINVAL, "%s: cannot be continued here: %s differs", run->path, field);
}

void resume_into(const resumed_run *run, measure_context *s)
{
    s->resume = run->path ? &run->r : NULL;
    s->resume_keys = run->path ? &run->keys : NULL;
}
