/* writer.c -- see writer.h. */
#define _GNU_SOURCE
#include "harness/record/writer.h"
#include "harness/record/input.h"
#include "harness/left_out.h"
#include "harness/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

struct ir_writer {
    int         fd;
    FILE       *f;        /* over fd, once asked for */
    char       *target;   /* behind all links */
    char       *temp;     /* where the name of the temporary file has room */
    bool        named;    /* temp is its name */
    bool        direct;   /* fd is the target */
    bool        over;     /* the folder takes no new file: the target's content is replaced */
    bool        measured; /* kept even where a part is missing */
    bool        exists;
    struct stat was; /* the target, where it exists */
};
enum { MOST_LINKS = 40, TRIES = 100, READER_TRIES = 250 }; /* 5 s for a reader to come */
static const char temp_form[] = ".ironroof-XXXXXX";

ir_status ir_write_all(int fd, const char *s, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, s, n);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0 && errno == EAGAIN) { /* whoever gave us the pipe made it so: its reader is slow */
            poll(&(struct pollfd){fd, POLLOUT, 0}, 1, -1);
            continue;
        }
        if (put < 0) return ir_fail(IR_EIO, "%s", strerror(errno));
        if (put == 0) return ir_fail(IR_EIO, "nothing could be written");
        s += put;
        n -= (size_t)put;
    }
    return IR_OK;
}

/* A FIFO that nobody reads would hold us, signals and all. */
int ir_open_stream(const char *path, int flags)
{
    struct stat st;
    bool        fifo = stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
    int         fd = open(path, flags | (fifo ? O_NONBLOCK : 0));
    for (int i = 0; fifo && fd < 0 && errno == ENXIO && i < READER_TRIES; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        fd = open(path, flags | O_NONBLOCK);
    }
    if (fd < 0 && errno == ENXIO) errno = EPIPE;
    if (fd >= 0 && fifo) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    return fd;
}

/* ---- where it goes --------------------------------------------------------------------------- */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* `name` in the folder of `path`, or by itself where it is absolute; with room for 64 bytes more. NULL: no
 * memory. */
static char *beside(const char *path, const char *name)
{
    size_t n = *name == '/' ? 0 : folder_length(path), name_B = strlen(name) + 1;
    char  *out = malloc(n + name_B + 63);
    if (!out) return NULL;
    memcpy(out, path, n);
    memcpy(out + n, name, name_B);
    return out;
}

/* Streams by their number are not files of a folder. */
static bool is_stream(const char *path)
{
    return !strncmp(path, "/proc/", 6) || !strncmp(path, "/dev/fd/", 8);
}

/* The file behind all links, the last of which may lead nowhere yet. */
static ir_status writer_resolve(ir_writer *w, const char *path)
{
    w->target = beside("", path);
    for (int i = 0; i < MOST_LINKS && w->target && !is_stream(w->target); i++) {
        char    to[4097];
        ssize_t n = readlink(w->target, to, sizeof to - 1);
        if (n < 0) return IR_OK; /* no link: here it goes */
        if (n >= (ssize_t)sizeof to - 1) return ir_fail(IR_EIO, "%s: %s", path, strerror(ENAMETOOLONG));
        to[n] = 0;
        char *next = beside(w->target, to);
        free(w->target);
        w->target = next;
    }
    if (!w->target) return ir_fail(IR_ENOMEM, "%s: no memory for its name", path);
    return is_stream(w->target) ? IR_OK : ir_fail(IR_EIO, "%s: %s", path, strerror(ELOOP));
}

/* ---- the temporary file ---------------------------------------------------------------------- */
/* Without a name where the system has that: a process that is killed leaves nothing behind. */
static int open_nameless(const char *temp)
{
#ifdef O_TMPFILE
    char folder[4097], proc[40];
    int  n = (int)folder_length(temp);
    if (snprintf(folder, sizeof folder, "%.*s.", n, temp) >= (int)sizeof folder) return -1;
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
    if (fd < 0 || access(proc, F_OK) == 0) return fd; /* without /proc it would never get a name */
    close(fd);
#else
    (void)temp;
#endif
    return -1;
}

static int open_in_memory(void)
{
#ifdef __linux__
    return memfd_create("ironroof", MFD_CLOEXEC);
#else
    char name[] = "/tmp/ironroof-XXXXXX";
    int  fd = mkstemp(name);
    if (fd >= 0) unlink(name);
    return fd;
#endif
}

static ir_status open_temporary(ir_writer *w)
{
    w->temp = beside(w->target, temp_form);
    if (!w->temp) return ir_fail(IR_ENOMEM, "%s: no memory for its name", w->target);
    w->fd = open_nameless(w->temp);
    if (w->fd >= 0) return IR_OK;
    w->fd = mkostemp(w->temp, O_CLOEXEC);
    w->named = w->fd >= 0;
    if (w->named) return IR_OK;
    if (!w->exists) return ir_fail(IR_EIO, "%s: %s", w->target, strerror(errno));
    w->over = true;
    w->fd = open_in_memory();
    return w->fd >= 0 ? IR_OK : ir_fail(IR_EIO, "%s: %s", w->target, strerror(errno));
}

static ir_status writer_begin(ir_writer *w)
{
    ir_status look = ir_path_look(w->target, &w->exists, &w->was);
    if (look != IR_OK) return look;
    w->direct = (w->exists && !S_ISREG(w->was.st_mode)) || is_stream(w->target);
    if (w->exists || w->direct) {
        int fd = ir_open_stream(w->target, O_WRONLY | O_CLOEXEC | O_NOCTTY | (w->direct ? O_APPEND : 0));
        if (fd < 0) return ir_fail(IR_EIO, "%s: %s", w->target, strerror(errno));
        if (w->direct)
            w->fd = fd;
        else
            close(fd);
    }
    return w->direct ? IR_OK : open_temporary(w);
}

ir_status ir_writer_open(const char *path, ir_writer **out)
{
    *out = NULL;
    ir_writer *w = calloc(1, sizeof *w);
    if (!w) return ir_fail(IR_ENOMEM, "%s: no memory to write it", path);
    w->fd = -1;
    ir_status st = writer_resolve(w, path);
    if (st == IR_OK) st = writer_begin(w);
    *out = w;
    if (st != IR_OK) ir_writer_discard(out);
    return st;
}

int   ir_writer_fd(const ir_writer *w) { return w->fd; }
bool  ir_writer_direct(const ir_writer *w) { return w->direct; }
void  ir_writer_measured(ir_writer *w) { w->measured = true; }
FILE *ir_writer_stream(ir_writer *w)
{
    if (!w->f) w->f = fdopen(w->fd, w->direct ? "w" : "w+");
    if (!w->f) ir_fail(IR_ENOMEM, "%s: no memory to write it", w->target);
    return w->f;
}

FILE *ir_writer_text(ir_writer *w)
{
    FILE *under = ir_writer_stream(w), *f = under ? ir_screen_over(under) : NULL;
    if (f)
        w->f = f;
    else
        ir_fail(IR_ENOMEM, "%s: no memory to write it", w->target);
    return f;
}

/* ---- its end --------------------------------------------------------------------------------- */
static ir_status writer_failed(const ir_writer *w)
{
    return ir_fail(IR_EIO, "%s: %s", w->target, strerror(errno));
}

/* Some places cannot be synchronised; that is no failure to write. */
static ir_status writer_sync(const ir_writer *w, int fd)
{
    return fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP || errno == ENOSYS || errno == EROFS
               ? IR_OK
               : writer_failed(w);
}

static ir_status writer_copy(const ir_writer *w, int to)
{
    char      buf[1 << 16];
    off_t     at = 0;
    ssize_t   n;
    ir_status st = IR_OK;
    while (st == IR_OK && (n = pread(w->fd, buf, sizeof buf, at)) != 0) {
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return writer_failed(w);
        st = ir_write_all(to, buf, (size_t)n);
        at += n;
    }
    if (st != IR_OK) return ir_fail(st, "%s: %s", w->target, ir_why());
    return ftruncate(to, at) == 0 ? writer_sync(w, to) : writer_failed(w);
}

/* A nameless file gets its temporary name. */
static ir_status writer_name(ir_writer *w)
{
    char proc[40];
    snprintf(proc, sizeof proc, "/proc/self/fd/%d", w->fd);
    for (int i = 0; i < TRIES && !w->named; i++) {
        snprintf(w->temp + folder_length(w->temp), 64, ".ironroof-%ld-%d", (long)getpid(), i);
        w->named = linkat(AT_FDCWD, proc, AT_FDCWD, w->temp, AT_SYMLINK_FOLLOW) == 0;
        if (!w->named && errno != EEXIST) break;
    }
    return w->named ? IR_OK : writer_failed(w);
}

/* The content of the target is replaced. That there is room for it is known before the old one goes; where it
 * fails all the same, the new one is kept under a name. */
static ir_status writer_over(ir_writer *w)
{
    struct stat st;
    int         to = open(w->target, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (to < 0 || fstat(w->fd, &st) != 0) {
        ir_status bad = writer_failed(w);
        if (to >= 0) close(to);
        return bad;
    }
#ifdef __linux__
    if (st.st_size > 0 && fallocate(to, FALLOC_FL_KEEP_SIZE, 0, st.st_size) != 0 &&
        (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
        ir_status bad = writer_failed(w);
        close(to);
        return bad;
    }
#endif
    ir_status s = writer_copy(w, to);
    if (close(to) != 0 && s == IR_OK) s = writer_failed(w);
    if (s == IR_OK) return s;
    char why[512];
    snprintf(why, sizeof why, "%s", ir_why());
    bool kept = !w->over && (w->named || writer_name(w) == IR_OK);
    ir_fail(s, kept ? "%s; what should be in it is in %s" : "%s", why, w->temp);
    w->named = false; /* it stays */
    return s;
}

static ir_status sync_folder(const ir_writer *w)
{
    char *folder = beside(w->target, ".");
    int   fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    free(folder);
    if (fd < 0) return IR_OK; /* a folder that may be written and not read */
    ir_status st = writer_sync(w, fd);
    close(fd);
    return st;
}

/* Owner and mode as before; false: the owner cannot be kept. */
static bool keep_owner(const ir_writer *w)
{
    mode_t mask = umask(0);
    umask(mask);
    if (!w->exists) return fchmod(w->fd, 0666 & ~mask) == 0;
    bool same = w->was.st_uid == geteuid() && w->was.st_gid == getegid();
    if (!same && fchown(w->fd, w->was.st_uid, w->was.st_gid) != 0) return false;
    return fchmod(w->fd, w->was.st_mode & 07777) == 0;
}

static ir_status writer_place(ir_writer *w)
{
    if (w->over || (w->exists && w->was.st_nlink > 1) || !keep_owner(w)) return writer_over(w);
    if (!w->named && writer_name(w) != IR_OK) return writer_over(w);
    if (rename(w->temp, w->target) == 0) {
        w->named = false;
        return sync_folder(w);
    }
    bool held = errno == EBUSY || errno == EXDEV || errno == EPERM || errno == EACCES;
    return held ? writer_over(w) : writer_failed(w);
}

/* What was computed from less than everything looks like the whole. A stream's readers have it already. */
static ir_status writer_is_whole(const ir_writer *w)
{
    const char *missing = ir_left_out_first();
    return !missing || w->measured || w->direct
               ? IR_OK
               : ir_fail(IR_ENOMEM, "%s: not written: no memory or descriptor: %s is missing", w->target,
                         missing);
}

ir_status ir_writer_commit(ir_writer **pw)
{
    ir_writer *w = *pw;
    if (!w) return IR_OK;
    if (writer_is_whole(w) != IR_OK) return ir_writer_discard(pw), IR_ENOMEM;
    errno = 0;
    bool      bad = w->f && (ferror(w->f) || fflush(w->f) != 0);
    ir_status st = !bad ? IR_OK : errno ? writer_failed(w) : ir_fail(IR_EIO, "%s: writing failed", w->target);
    if (st == IR_OK) st = writer_sync(w, w->fd);
    if (st == IR_OK && !w->direct) st = writer_place(w);
    if (st == IR_OK && w->direct) { /* some devices tell only here */
        int copy = dup(w->fd);
        if (copy >= 0 && close(copy) != 0 && errno != EINTR) st = writer_failed(w);
    }
    ir_writer_discard(pw);
    return st;
}

void ir_writer_discard(ir_writer **pw)
{
    ir_writer *w = *pw;
    if (!w) return;
    *pw = NULL;
    if (w->named) unlink(w->temp);
    if (w->f)
        fclose(w->f);
    else if (w->fd >= 0)
        close(w->fd);
    free(w->temp);
    free(w->target);
    free(w);
}

static ir_status file_write(const char *path, const char *text, size_t n, bool measured)
{
    ir_writer *w = NULL;
    ir_status  st = ir_writer_open(path, &w);
    if (w) w->measured = measured;
    if (st == IR_OK) st = ir_write_all(ir_writer_fd(w), text, n);
    if (st == IR_OK) return ir_writer_commit(&w);
    if (w) ir_fail(st, "%s: %s", path, ir_why());
    ir_writer_discard(&w);
    return st;
}

ir_status ir_file_write(const char *path, const char *text, size_t n)
{
    return file_write(path, text, n, false);
}

ir_status ir_file_write_measured(const char *path, const char *text, size_t n)
{
    return file_write(path, text, n, true);
}

/* ---- what is there --------------------------------------------------------------------------- */
static bool begins_a_record(const char *s)
{
    if (!strncmp(s, "\xEF\xBB\xBF", 3)) s += 3;
    s += strspn(s, " \t\r\n");
    const char *kind = *s == '{' ? strstr(s, "\"record\"") : NULL;
    return kind && strstr(s, "\"header\"");
}

ir_status ir_may_replace_fd(int fd, const char *path, const char *mark, bool force)
{
    char        buf[2049];
    struct stat st;
    if (fstat(fd, &st) != 0) return ir_fail(IR_EIO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size == 0) return IR_OK;
    ssize_t n = pread(fd, buf, sizeof buf - 1, 0);
    if (n < 0) return ir_fail(IR_EIO, "%s: %s", path, strerror(errno));
    for (ssize_t i = 0; i < n; i++)
        if (!buf[i]) buf[i] = ' ';
    buf[n] = 0;
    if (mark && strstr(buf, mark)) return IR_OK;
    if (!begins_a_record(buf))
        return ir_fail(IR_EINVAL, "%s: is there already and not of this program's making: name another file",
                       path);
    return force
               ? IR_OK
               : ir_fail(IR_EINVAL,
                         "%s: a record is there already: name another file, or --force to replace it", path);
}

ir_status ir_may_replace(const char *path, const char *mark, bool force)
{
    struct stat st;
    bool        there = false;
    ir_status   look = strcmp(path, "-") ? ir_path_look(path, &there, &st) : IR_OK;
    if (look != IR_OK || !there || !S_ISREG(st.st_mode) || is_stream(path)) return look;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return ir_fail(IR_EIO, "%s: %s", path, strerror(errno));
    ir_status s = ir_may_replace_fd(fd, path, mark, force);
    close(fd);
    return s;
}
