/* journal.c -- the file behind a record: one object a line, each appended with one write, so that a killed
 * run leaves whole lines and at most one unfinished one. Refuses to continue a file that is not a
 * record, and to write anything after a first error. */
#define _GNU_SOURCE
#include "harness/record/journal.h"
#include "harness/record/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct ir_journal {
    int        fd;
    bool       owned, regular; /* owned: opened here; regular: a failed line can be taken back */
    bool       created;        /* no file was there */
    bool       waiting;        /* a record is there, which goes with the first line that is measured */
    bool       begun;          /* a line beside header and machine was written */
    bool       preamble;       /* the line at hand is a header or a machine */
    ir_writer *writer;         /* the file appears as a whole; NULL: line by line */
    char      *path;
    size_t     nline;      /* lines written by this journal */
    ir_json    line, held; /* held: lines that wait */
    ir_status  error;
    char       why[320];
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
        s = ir_write_all(fd, "\n", 1);
    else if (s == IR_OK && ftruncate(fd, start) != 0)
        s = ir_fail(IR_EIO, "%s", strerror(errno));
    free(tail);
    return s;
}

/* How a file that is written line by line is opened. */
typedef enum { LIVE_REPLACE, LIVE_APPEND, LIVE_ASK, LIVE_FORCE, LIVE_FRESH } live;

static int journal_open_path(ir_journal *j, live how)
{
    struct stat st;
    const int   flags = O_APPEND | O_CLOEXEC | O_NOCTTY;
    if (stat(j->path, &st) == 0 && !S_ISREG(st.st_mode) && how != LIVE_FRESH)
        return ir_open_stream(j->path, O_WRONLY | flags); /* /dev/full or a fifo is written as it is */
    int fd = open(j->path, O_RDWR | O_CREAT | O_EXCL | flags, 0666);
    j->created = fd >= 0;
    if (fd < 0 && errno == EEXIST && how != LIVE_FRESH) fd = open(j->path, O_RDWR | O_CREAT | flags, 0666);
    if (fd < 0 && errno == EACCES && how == LIVE_REPLACE) fd = open(j->path, O_WRONLY | flags);
    return fd;
}

/* Two runs never write one file: the second is refused. *again: the file was replaced in between. */
static ir_status journal_lock(ir_journal *j, bool *again)
{
    struct stat here, there;
    *again = false;
    if (flock(j->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return ir_fail(IR_EIO, "%s: another run is writing to it: name another file", j->path);
    if (fstat(j->fd, &here) != 0) return ir_fail(IR_EIO, "%s: %s", j->path, strerror(errno));
    j->regular = S_ISREG(here.st_mode);
    *again = j->regular &&
             (stat(j->path, &there) != 0 || here.st_ino != there.st_ino || here.st_dev != there.st_dev);
    return IR_OK;
}

/* What is there: continued, replaced at once or with the first measured line, or kept and refused. */
static ir_status journal_settle(ir_journal *j, live how)
{
    struct stat st;
    ir_status   s = IR_OK;
    if (fstat(j->fd, &st) != 0) return ir_fail(IR_EIO, "%s: %s", j->path, strerror(errno));
    if (!j->regular || st.st_size == 0) return IR_OK;
    if (how == LIVE_REPLACE)
        return ftruncate(j->fd, 0) == 0 ? IR_OK : ir_fail(IR_EIO, "%s: %s", j->path, strerror(errno));
    if (how != LIVE_APPEND) {
        j->waiting = true;
        return ir_may_replace_fd(j->fd, j->path, NULL, how == LIVE_FORCE);
    }
    s = repair(j->fd, st.st_size);
    return s == IR_OK ? s : ir_fail(s, "%s: %s", j->path, ir_why());
}

static ir_status open_file(ir_journal *j, live how)
{
    enum { TRIES = 8 };
    bool again = true;
    for (int i = 0; i < TRIES && again; i++) {
        if (j->fd >= 0) close(j->fd);
        j->fd = journal_open_path(j, how);
        if (j->fd < 0) return ir_fail(IR_EIO, "%s: %s", j->path, strerror(errno));
        j->owned = true;
        ir_status s = journal_lock(j, &again);
        if (s != IR_OK) return s;
    }
    return again ? ir_fail(IR_EIO, "%s: it is replaced again and again", j->path) : journal_settle(j, how);
}

static ir_status journal_new(const char *path, ir_journal **out)
{
    ir_journal *j = calloc(1, sizeof *j);
    if (j) j->fd = -1;
    if (j) j->path = strdup(strcmp(path, "-") ? path : "standard output");
    if (j && j->path) return *out = j, IR_OK;
    free(j);
    return ir_fail(IR_ENOMEM, "no memory for the journal");
}

/* The journal, or nothing after a failure: its reason stays. */
static ir_status journal_opened(ir_journal *j, ir_status s, ir_journal **out)
{
    *out = s == IR_OK ? j : NULL;
    if (s != IR_OK) j->waiting = false, ir_journal_discard(&j);
    return s;
}

static ir_status journal_live(const char *path, live how, ir_journal **out)
{
    ir_journal *j = NULL;
    *out = NULL;
    ir_status s = journal_new(path, &j);
    if (s != IR_OK) return s;
    if (!strcmp(path, "-")) {
        j->fd = fflush(stdout) == 0 ? STDOUT_FILENO : -1;
        if (j->fd < 0) s = ir_fail(IR_EIO, "%s: %s", j->path, strerror(errno));
    } else {
        s = open_file(j, how);
    }
    return journal_opened(j, s, out);
}

ir_status ir_journal_open(const char *path, bool append, ir_journal **out)
{
    return journal_live(path, append ? LIVE_APPEND : LIVE_REPLACE, out);
}

ir_status ir_journal_start(const char *path, bool force, ir_journal **out)
{
    return journal_live(path, force ? LIVE_FORCE : LIVE_ASK, out);
}

ir_status ir_journal_fresh(const char *path, bool *taken, ir_journal **out)
{
    errno = 0;
    ir_status s = journal_live(path, LIVE_FRESH, out);
    *taken = s != IR_OK && errno == EEXIST;
    return s;
}

ir_status ir_journal_whole(const char *path, bool force, ir_journal **out)
{
    ir_journal *j = NULL;
    *out = NULL;
    if (!strcmp(path, "-")) return journal_live(path, LIVE_ASK, out);
    ir_status s = journal_new(path, &j);
    if (s != IR_OK) return s;
    s = ir_may_replace(path, NULL, force);
    if (s == IR_OK) s = ir_writer_open(path, &j->writer);
    j->fd = s == IR_OK ? ir_writer_fd(j->writer) : -1;
    j->regular = s == IR_OK && !ir_writer_direct(j->writer);
    return journal_opened(j, s, out);
}

void ir_journal_measured(ir_journal *j)
{
    if (j->writer) ir_writer_measured(j->writer);
}

bool        ir_journal_is_file(const ir_journal *j) { return j->regular; }
int         ir_journal_fd(const ir_journal *j) { return j->fd; }
void        ir_journal_preamble(ir_journal *j, bool yes) { j->preamble = yes; }
const char *ir_journal_path(const ir_journal *j) { return j->path; }

/* ---- end ------------------------------------------------------------------------------------- */
static void journal_free(ir_journal *j)
{
    ir_json_free(&j->line);
    ir_json_free(&j->held);
    free(j->path);
    free(j);
}

void ir_journal_discard(ir_journal **pj)
{
    ir_journal *j = *pj;
    if (!j) return;
    *pj = NULL;
    if (j->owned && j->created && !j->begun) unlink(j->path);
    if (j->owned && j->fd >= 0) close(j->fd);
    ir_writer_discard(&j->writer);
    journal_free(j);
}

ir_status ir_journal_sync(ir_journal *j)
{
    if (j->error != IR_OK) return ir_fail(j->error, "%s", j->why);
    if (!j->owned || !j->regular || fsync(j->fd) == 0 || errno == EINVAL || errno == ENOTSUP) return IR_OK;
    return fail_sticky(j, IR_EIO, strerror(errno));
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
    if (j->error != IR_OK) ir_writer_discard(&j->writer);
    ir_status s = j->error == IR_OK ? ir_writer_commit(&j->writer) : ir_fail(j->error, "%s", j->why);
    journal_free(j);
    return s;
}

/* ---- lines ----------------------------------------------------------------------------------- */
ir_json *ir_line_begin(ir_journal *j, const char *kind)
{
    if (j->error != IR_OK) return NULL;
    j->preamble = !strcmp(kind, "header") || !strcmp(kind, "machine");
    ir_json_reset(&j->line);
    ir_json_open(&j->line, '{');
    ir_json_key(&j->line, "record");
    ir_json_str(&j->line, kind);
    return &j->line;
}

/* The record that is replaced goes, and the lines that waited for that come first. */
static ir_status journal_begin_anew(ir_journal *j)
{
    j->waiting = false;
    if (ftruncate(j->fd, 0) != 0) return fail_sticky(j, IR_EIO, strerror(errno));
    return ir_write_all(j->fd, j->held.buf, j->held.n) == IR_OK ? IR_OK : fail_sticky(j, IR_EIO, ir_why());
}

ir_status ir_journal_raw(ir_journal *j, const char *text, size_t n)
{
    if (j->error != IR_OK) return ir_fail(j->error, "%s", j->why);
    if (j->waiting && j->preamble) {
        if (!ir_json_raw(&j->held, text, n)) return fail_sticky(j, IR_ENOMEM, "no memory for it");
        j->nline++;
        return IR_OK;
    }
    if (j->waiting && journal_begin_anew(j) != IR_OK) return j->error;
    if (!j->owned && !j->writer) ir_text_flush(stdout); /* keep the order of what was printed before */
    off_t     before = j->regular ? lseek(j->fd, 0, SEEK_END) : -1;
    ir_status s = ir_write_all(j->fd, text, n);
    if (s == IR_OK) {
        j->begun = j->begun || !j->preamble;
        j->nline++;
        return IR_OK;
    }
    s = fail_sticky(j, s, ir_why());
    if (before >= 0 && ftruncate(j->fd, before) != 0) {
    } /* best effort: a reader copes with the rest of a line */
    return s;
}

ir_status ir_line_end(ir_journal *j)
{
    if (j->error != IR_OK) return ir_fail(j->error, "%s", j->why);
    ir_json_close(&j->line, '}');
    ir_json_newline(&j->line);
    if (j->line.failed) return fail_sticky(j, IR_ENOMEM, "no memory for it");
    return ir_journal_raw(j, j->line.buf, j->line.n);
}
