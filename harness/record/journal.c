/* journal.c -- the file behind a record: one object a line, each appended with one write, so that a killed
 * run leaves whole lines and at most one unfinished one. Refuses to continue a file that is not a
 * record, and to write anything after a first error. */
#define _GNU_SOURCE
#include "harness/record/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct ir_journal {
    int       fd;
    bool      owned, regular; /* owned: opened here; regular: a failed line can be taken back */
    char     *path;
    size_t    nline; /* lines written by this journal */
    ir_json   line;
    ir_status error;
    char      why[320];
};

static ir_status fail_sticky(ir_journal *j, ir_status code, const char *why)
{
    j->error = code;
    snprintf(j->why, sizeof j->why, "%s: line %zu of this run was not written: %s", j->path, j->nline + 1,
             why);
    return ir_fail(code, "%s", j->why);
}

/* ---- open ------------------------------------------------------------------------------------ */
enum { CHUNK = 1 << 16 };

/* A whole object closes every bracket it opens; what a killed run left never does. */
static bool is_whole(const char *s, size_t n)
{
    long depth = 0;
    bool text = false;
    for (size_t i = 0; i < n; i++) {
        if (text && s[i] == '\\')
            i++;
        else if (s[i] == '"')
            text = !text;
        else if (!text && (s[i] == '{' || s[i] == '['))
            depth++;
        else if (!text && (s[i] == '}' || s[i] == ']'))
            depth--;
    }
    return n > 0 && depth == 0 && !text;
}

static ir_status read_at(int fd, char *buf, size_t n, off_t at)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(fd, buf + done, n - done, at + (off_t)done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0)
            return ir_fail(IR_EIO, "%s", got < 0 ? strerror(errno) : "it became shorter while read");
        done += (size_t)got;
    }
    return IR_OK;
}

/* Offset behind the last newline of the first `size` bytes; 0: there is none. */
static ir_status last_line(int fd, off_t size, off_t *start)
{
    char buf[CHUNK];
    for (off_t end = size; end > 0;) {
        off_t     from = end > CHUNK ? end - CHUNK : 0;
        ir_status s = read_at(fd, buf, (size_t)(end - from), from);
        if (s != IR_OK) return s;
        char *nl = memrchr(buf, '\n', (size_t)(end - from));
        if (nl) {
            *start = from + (nl - buf) + 1;
            return IR_OK;
        }
        end = from;
    }
    *start = 0;
    return IR_OK;
}

static ir_status journal_write_all(int fd, const char *s, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, s, n);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return ir_fail(IR_EIO, "%s", strerror(errno));
        if (put == 0) return ir_fail(IR_EIO, "nothing could be written");
        s += put;
        n -= (size_t)put;
    }
    return IR_OK;
}

/* Leave the file ending in a newline: finish a whole last line, cut off an unfinished one. */
static ir_status repair(int fd, off_t size)
{
    off_t     start;
    char      first;
    ir_status s = read_at(fd, &first, 1, 0);
    if (s != IR_OK) return s;
    if (first != '{')
        return ir_fail(IR_EINVAL, "not a record: it does not start with '{'; name another file");
    s = last_line(fd, size, &start);
    if (s != IR_OK || start == size) return s;
    size_t n = (size_t)(size - start);
    char  *tail = malloc(n);
    if (!tail) return ir_fail(IR_ENOMEM, "no memory for its last line of %zu bytes", n);
    s = read_at(fd, tail, n, start);
    if (s == IR_OK && is_whole(tail, n))
        s = journal_write_all(fd, "\n", 1);
    else if (s == IR_OK && ftruncate(fd, start) != 0)
        s = ir_fail(IR_EIO, "%s", strerror(errno));
    free(tail);
    return s;
}

static ir_status open_file(ir_journal *j, bool append)
{
    struct stat st;
    /* Reading is only for the repair; a place like /dev/full or a fifo is written as it is. */
    j->fd = open(j->path, (append ? O_RDWR : O_WRONLY | O_TRUNC) | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (j->fd < 0) return ir_fail(IR_EIO, "%s: %s", j->path, strerror(errno));
    j->owned = true;
    if (fstat(j->fd, &st) != 0) return ir_fail(IR_EIO, "%s: %s", j->path, strerror(errno));
    j->regular = S_ISREG(st.st_mode);
    if (!append || !j->regular || st.st_size == 0) return IR_OK;
    ir_status s = repair(j->fd, st.st_size);
    return s == IR_OK ? s : ir_fail(s, "%s: %s", j->path, ir_why());
}

ir_status ir_journal_open(const char *path, bool append, ir_journal **out)
{
    *out = NULL;
    ir_journal *j = calloc(1, sizeof *j);
    if (!j) return ir_fail(IR_ENOMEM, "no memory for the journal");
    ir_status s = IR_OK;
    j->fd = -1;
    bool to_stdout = !strcmp(path, "-");
    j->path = strdup(to_stdout ? "standard output" : path);
    if (!j->path)
        s = ir_fail(IR_ENOMEM, "no memory for the journal");
    else if (to_stdout)
        j->fd = fflush(stdout) == 0 ? STDOUT_FILENO : -1;
    else
        s = open_file(j, append);
    if (s == IR_OK && j->fd < 0) s = ir_fail(IR_EIO, "%s: %s", j->path, strerror(errno));
    if (s == IR_OK)
        *out = j;
    else
        ir_journal_close(&j);
    return s;
}

ir_status ir_journal_close(ir_journal **pj)
{
    ir_journal *j = *pj;
    if (!j) return IR_OK;
    *pj = NULL;
    /* Some file systems report a full disk only here. */
    if (j->owned && close(j->fd) != 0 && errno != EINTR && j->error == IR_OK) {
        j->error = IR_EIO;
        snprintf(j->why, sizeof j->why, "%s: %s", j->path, strerror(errno));
    }
    ir_status s = j->error;
    if (s != IR_OK) ir_fail(s, "%s", j->why);
    ir_json_free(&j->line);
    free(j->path);
    free(j);
    return s;
}

/* ---- lines ----------------------------------------------------------------------------------- */
ir_json *ir_line_begin(ir_journal *j, const char *kind)
{
    if (j->error != IR_OK) return NULL;
    ir_json_reset(&j->line);
    ir_json_open(&j->line, '{');
    ir_json_key(&j->line, "record");
    ir_json_str(&j->line, kind);
    return &j->line;
}

ir_status ir_line_end(ir_journal *j)
{
    if (j->error != IR_OK) return ir_fail(j->error, "%s", j->why);
    ir_json_close(&j->line, '}');
    ir_json_newline(&j->line);
    if (j->line.failed) return fail_sticky(j, IR_ENOMEM, "no memory for it");
    if (!j->owned) fflush(stdout); /* keep the order of what was printed before */
    off_t     before = j->regular ? lseek(j->fd, 0, SEEK_END) : -1;
    ir_status s = journal_write_all(j->fd, j->line.buf, j->line.n);
    if (s == IR_OK) {
        j->nline++;
        return IR_OK;
    }
    s = fail_sticky(j, s, ir_why());
    if (before >= 0 && ftruncate(j->fd, before) != 0) {
    } /* best effort: a reader copes with the rest of a line */
    return s;
}
