/* files.c -- small text files of /proc and /sys, below a root directory so that tests can bring
 * their own tree. Unreadable is an answer (false, NULL, NAN), never an error. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"
#include "harness/left_out.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/* What is not there or not for us is unknown; what could not be opened for want of memory or descriptors is
 * left out. */
static void note_refusal(void)
{
    if (errno == ENOMEM || errno == EMFILE || errno == ENFILE) ir_left_out("what the system says of itself");
}

static bool read_path(const char *path, char *buf, size_t cap)
{
    buf[0] = 0;
    FILE *f = fopen(path, "r");
    if (!f) return note_refusal(), false;
    size_t n = fread(buf, 1, cap - 1, f);
    bool   ok = !ferror(f);
    fclose(f);
    while (n > 0 && is_space(buf[n - 1])) n--;
    buf[ok ? n : 0] = 0;
    return ok;
}

static bool join_path(char *out, size_t cap, const char *root, const char *fmt, va_list ap)
{
    int n = snprintf(out, cap, "%s", root);
    if (n < 0 || (size_t)n >= cap) return false;
    int m = vsnprintf(out + n, cap - (size_t)n, fmt, ap);
    return m >= 0 && (size_t)m < cap - (size_t)n;
}

bool ir_file_read(const char *root, char *buf, size_t cap, const char *fmt, ...)
{
    char    path[1024];
    va_list ap;
    va_start(ap, fmt);
    bool fits = join_path(path, sizeof path, root, fmt, ap);
    va_end(ap);
    buf[0] = 0;
    return fits && read_path(path, buf, cap);
}

double ir_file_num(const char *root, const char *fmt, ...)
{
    char    path[1024], text[64], *end;
    va_list ap;
    va_start(ap, fmt);
    bool fits = join_path(path, sizeof path, root, fmt, ap);
    va_end(ap);
    if (!fits || !read_path(path, text, sizeof text)) return NAN;
    double v = strtod(text, &end);
    if (end == text) return NAN;
    return *end == 'K' ? v * 1024 : *end == 'M' ? v * 1048576 : *end == 'G' ? v * 1073741824 : v;
}

char *ir_file_slurp(const char *root, const char *path)
{
    char full[1024];
    if ((size_t)snprintf(full, sizeof full, "%s%s", root, path) >= sizeof full) return NULL;
    FILE *f = fopen(full, "r");
    if (!f) return note_refusal(), NULL;
    size_t n = 0, cap = 16384;
    char  *buf = malloc(cap);
    while (buf) {
        n += fread(buf + n, 1, cap - 1 - n, f);
        if (n < cap - 1) break;
        char *more = realloc(buf, cap *= 2);
        if (!more) free(buf);
        buf = more;
    }
    if (buf) buf[n] = 0;
    if (!buf) ir_left_out("what the system says of itself");
    fclose(f);
    return buf;
}

bool ir_text_field(const char *text, const char *key, char *out, size_t cap)
{
    size_t len = strlen(key);
    out[0] = 0;
    for (const char *s = text; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL) {
        if (strncmp(s, key, len) != 0) continue;
        const char *v = s + len;
        while (*v == ' ' || *v == '\t') v++;
        if (*v != ':') continue;
        do v++;
        while (*v == ' ' || *v == '\t');
        size_t n = strcspn(v, "\n");
        while (n > 0 && is_space(v[n - 1])) n--;
        if (n >= cap) n = cap - 1;
        memcpy(out, v, n);
        out[n] = 0;
        return true;
    }
    return false;
}

double ir_text_kB(const char *text, const char *key)
{
    char v[64], *end;
    if (!ir_text_field(text, key, v, sizeof v)) return NAN;
    double kB = strtod(v, &end);
    return end == v ? NAN : kB * 1024;
}

static int files_by_name(const void *a, const void *b)
{
    return strcmp(((const ir_name *)a)->name, ((const ir_name *)b)->name);
}

int ir_dir_list(const char *root, const char *path, ir_name *out, int max)
{
    char full[1024];
    int  n = 0;
    if ((size_t)snprintf(full, sizeof full, "%s%s", root, path) >= sizeof full) return 0;
    DIR *d = opendir(full);
    if (!d) return note_refusal(), 0;
    for (const struct dirent *e; n < max && (e = readdir(d));)
        if (e->d_name[0] != '.' && strlen(e->d_name) < sizeof out->name)
            memcpy(out[n++].name, e->d_name, strlen(e->d_name) + 1);
    closedir(d);
    qsort(out, (size_t)n, sizeof *out, files_by_name);
    return n;
}
